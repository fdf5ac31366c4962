//! Bytes of a DBN file as Databento's own record structs, of the current version whatever the file's.

use std::io::{self, BufRead, Read};
use std::path::Path;

use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use dbn::{Metadata, RecordRef, SType, Schema, VersionUpgradePolicy};

use super::dbz;
use super::guard::Guard;
use super::names::{Interval, Mapping};
use crate::format::End;
use crate::stream::Stream;
use crate::tick_file::FileError;

/// Metadata longer than this are damaged: a day of all options takes a tenth of it.
const METADATA_BYTES_MAX: u32 = 1 << 26;
/// Bytes of a file with metadata: `DBN`, the version, their length.
const PRELUDE_BYTES: usize = 8;
/// Newest version that is read.
const VERSION_MAX: u8 = 3;
/// Bytes between two reads of the stream: more than a block of it, so that plain files are not copied twice.
const BUFFER_BYTES: usize = (1 << 18) + (1 << 16);

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct About {
    pub dataset: String,
    pub schema: Option<Schema>,
    pub mapping: Mapping,
}

/// Records of a file.
pub(super) struct Reader {
    stream: Stream,
    fsm: DbnFsm,
    guard: Guard,
    /// Decompressed bytes handed over.
    fed: u64,
}

impl Reader {
    /// Opens a file and reads what stands before its records.
    pub(super) fn open(path: &Path) -> Result<(Self, About), FileError> {
        let fail = |action| move |error| FileError::Io { action, path: path.to_owned(), error };
        let wrong = |place: &str, fault: String| FileError::Format {
            path: path.to_owned(),
            place: place.to_owned(),
            fault,
        };
        let dbz = dbz::head(path).map_err(|error| wrong("offset 8", error.to_string()))?;
        let mut stream = Stream::open(path)?;
        let head = stream.fill_buf().map_err(fail("read"))?;
        let has_metadata = dbz.is_none() && head.starts_with(b"DBN");
        let mut guard = Guard::new(dbz.is_some().then_some(1), false, 0);
        if has_metadata {
            let prelude = head.get(..PRELUDE_BYTES).and_then(<[u8]>::first_chunk::<PRELUDE_BYTES>);
            let Some([_, _, _, version, length @ ..]) = prelude else {
                return Err(wrong("offset 0", "the file ends within its first eight bytes".to_owned()));
            };
            let length = u32::from_le_bytes(*length);
            if !(1..=VERSION_MAX).contains(version) {
                return Err(wrong("offset 3", format!("DBN version {version}, versions 1 to 3 are read")));
            }
            if length > METADATA_BYTES_MAX {
                return Err(wrong("offset 4", format!("metadata of {length} bytes make no sense")));
            }
            // The first version has a number more before it.
            let ts_out_at = PRELUDE_BYTES + if *version == 1 { 52 } else { 44 };
            let has_ts_out = head.get(ts_out_at).is_some_and(|flag| *flag != 0);
            guard = Guard::new(Some(*version), has_ts_out, PRELUDE_BYTES + length as usize);
        } else if dbz.is_none() && !super::is_fragment(head) {
            return Err(wrong("offset 0", "neither DBN metadata nor DBN records".to_owned()));
        }
        let fsm = DbnFsm::builder()
            .upgrade_policy(VersionUpgradePolicy::UpgradeToV3)
            .buffer_size(BUFFER_BYTES)
            .skip_metadata(!has_metadata)
            .input_dbn_version(dbz.is_some().then_some(1))
            .and_then(|builder| builder.build())
            .map_err(|error| wrong("offset 0", error.to_string()))?;
        let mut reader = Self { stream, fsm, guard, fed: 0 };
        let about = match dbz {
            Some(head) => About { dataset: head.dataset, schema: head.schema, mapping: head.mapping },
            None if has_metadata => {
                reader.metadata().map_err(|(offset, fault)| wrong(&format!("offset {offset}"), fault))?
            }
            None => About::default(),
        };
        if about.schema.is_some_and(is_same_in_all_versions) {
            // An upgrade costs a copy of each record even where nothing changes.
            let policy = VersionUpgradePolicy::AsIs;
            reader.fsm.set_upgrade_policy(policy).map_err(|error| wrong("offset 3", error.to_string()))?;
        }
        Ok((reader, about))
    }

    fn metadata(&mut self) -> Result<About, (u64, String)> {
        loop {
            match self.fsm.process() {
                ProcessResult::Metadata(metadata) => return Ok(about(&metadata)),
                ProcessResult::Record(()) => return Ok(About::default()),
                ProcessResult::Err(error) => return Err((0, error.to_string())),
                ProcessResult::ReadMore(_) => match self.feed() {
                    Ok(0) => return Err((self.fed, "the file ends within its metadata".to_owned())),
                    Ok(_) => {}
                    Err(error) => return Err((self.fed, error.to_string())),
                },
            }
        }
    }

    /// The next record of those that [`Reader::refill`] made ready.
    #[inline]
    pub(super) fn next_ready(&mut self) -> Option<RecordRef<'_>> {
        self.fsm.next_buffered_record()
    }

    /// Makes records ready; how the file ended where there are no more.
    pub(super) fn refill(&mut self) -> Option<End> {
        let broken =
            |offset: u64, fault: String| Some(End::Broken { place: format!("offset {offset}"), fault });
        loop {
            match self.fsm.process_batch() {
                ProcessResult::Record(_) => return None,
                ProcessResult::Metadata(_) => {}
                ProcessResult::Err(error) => return broken(self.offset(), error.to_string()),
                ProcessResult::ReadMore(_) => match self.feed() {
                    Ok(0) => {
                        if let Some((offset, fault)) = self.guard.fault() {
                            return broken(*offset, fault.clone());
                        }
                        let rest = self.fsm.data().len();
                        return match rest {
                            0 => Some(End::Complete),
                            _ => broken(self.offset(), format!("the last record is cut after {rest} bytes")),
                        };
                    }
                    Ok(_) => {}
                    Err(error) => return broken(self.fed, error.to_string()),
                },
            }
        }
    }

    /// Decompressed bytes taken so far, all of them records and what stands before.
    pub(super) fn offset(&self) -> u64 {
        self.fed.saturating_sub(self.fsm.data().len() as u64)
    }

    /// Stored bytes taken so far, and all.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.stream.consumed_bytes(), self.stream.stored_bytes())
    }

    fn feed(&mut self) -> io::Result<usize> {
        loop {
            match self.stream.read(self.fsm.space()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    let count = self.guard.check(&self.fsm.space()[..count]);
                    self.fsm.fill(count);
                    self.fed += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

/// Whether a schema's records have one layout in versions 1 to 3.
const fn is_same_in_all_versions(schema: Schema) -> bool {
    use Schema::{Mbo, Mbp1, Mbp10, Ohlcv1D, Ohlcv1H, Ohlcv1M, Ohlcv1S, Tbbo, Trades};
    matches!(schema, Mbo | Mbp1 | Mbp10 | Trades | Tbbo | Ohlcv1S | Ohlcv1M | Ohlcv1H | Ohlcv1D)
}

/// Names of instrument ids, whichever side of the mapping they stand on.
fn about(metadata: &Metadata) -> About {
    /// The Julian day on which the Unix epoch began.
    const EPOCH_JULIAN_DAY: i32 = 2_440_588;
    let day = |julian: i32| i64::from(julian) - i64::from(EPOCH_JULIAN_DAY);
    let mut mapping = Mapping::default();
    let ids_first = metadata.stype_in == Some(SType::InstrumentId);
    for named in &metadata.mappings {
        for interval in &named.intervals {
            let (id, name) = match ids_first {
                true => (&named.raw_symbol, &interval.symbol),
                false => (&interval.symbol, &named.raw_symbol),
            };
            if let Ok(id) = id.parse() {
                let (start, end) = (interval.start_date.to_julian_day(), interval.end_date.to_julian_day());
                mapping.insert(id, Interval::of_days(day(start), day(end), name.clone()));
            }
        }
    }
    About { dataset: metadata.dataset.clone(), schema: metadata.schema, mapping }
}
