//! Tick files as the verbs open them: the bytes, the session's date, the symbols announced.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tickrace_feeds::itch::{FileOptions, FileSource, LocateMap};
use tickrace_feeds::source::Source;
use tickrace_feeds_files::{Date, TickFile, date_from_name};
use tickrace_types::{InstrumentId, InstrumentTable, Kind, Record};

use crate::{Failure, Streams, progress};

/// Bytes of a tick file that several readers share. An enum, not a trait object: it is asked once a message.
#[derive(Clone)]
pub enum Bytes {
    /// A file, mapped.
    File(Arc<TickFile>),
    /// Made in memory.
    Memory(Arc<Vec<u8>>),
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::File(file) => file.as_slice(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// One session's tick file.
#[derive(Clone)]
pub struct Session {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes, decompressed.
    pub bytes: Bytes,
    /// Midnight in New York of the session's date, nanoseconds since the Unix epoch; 0 where no date is known.
    pub midnight_ns: i64,
    /// The date, where it is known.
    pub date: Option<Date>,
    /// What was wrong with the compressed stream, where something was; the bytes end there.
    pub fault: Option<String>,
    /// Bytes as stored.
    pub stored_bytes: u64,
}

impl Session {
    /// Opens a file. The date comes from `date`, else from the file's name; an ITCH file does not hold one.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the file cannot be opened or the date is nonsense.
    pub fn open(path: &Path, date: Option<&str>, streams: &Streams<'_>) -> Result<Self, Failure> {
        let bar = progress::byte_bar(streams.is_watched, 0, "unpacking");
        let file = TickFile::open_with(path, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .map_err(Failure::input)?;
        bar.finish_and_clear();
        let date = match date {
            Some(text) => Some(parse_date(text)?),
            None => path.file_name().and_then(|name| date_from_name(&name.to_string_lossy())),
        };
        Ok(Self {
            path: path.to_owned(),
            midnight_ns: date.map_or(0, Date::new_york_midnight_ns),
            date,
            fault: file.fault().map(ToString::to_string),
            stored_bytes: file.stored_bytes(),
            bytes: Bytes::File(Arc::new(file)),
        })
    }

    /// Records of the session.
    pub fn source(&self, universe: LocateMap, feed_latency_ns: i64) -> FileSource<Bytes> {
        let options = FileOptions { session_midnight_ns: self.midnight_ns, feed_latency_ns, universe };
        FileSource::new(self.bytes.clone(), options)
    }

    /// Symbols announced before the first order, in the order of the directory.
    pub fn announced(&self) -> Vec<String> {
        let mut source = self.source(LocateMap::all(), 0);
        let mut record = Record::default();
        while source.next_into(&mut record) {
            if record.header.kind == Kind::Add as u8 {
                break;
            }
        }
        source.universe().symbols().to_vec()
    }

    /// Size in bytes, decompressed.
    pub fn len(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.as_ref().is_empty()
    }
}

/// The instruments of `table` and no others.
pub fn universe_of(table: &InstrumentTable) -> LocateMap {
    let ids = (0u32..).map(InstrumentId);
    LocateMap::only(table.as_slice().iter().map(|instrument| instrument.symbol.as_str()).zip(ids))
}

/// Reads `YYYY-MM-DD`.
///
/// # Errors
///
/// [`Failure`] where it is not a day of the calendar.
pub fn parse_date(text: &str) -> Result<Date, Failure> {
    let mut parts = text.split('-');
    let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (year, month, day) = (next(), next(), next());
    year.zip(month)
        .zip(day)
        .and_then(|((year, month), day)| Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
        .ok_or_else(|| Failure::usage(format!("date {text}: write it as YYYY-MM-DD")))
}

/// What a source's ending means for the exit code: nothing, or the offset where the data was lost.
///
/// # Errors
///
/// [`Failure`] of kind input for a truncated tail or lost framing, and, where `is_strict`, for anything skipped.
pub fn judge_end(source: &impl Source, session: &Session, is_strict: bool) -> Result<(), Failure> {
    use tickrace_feeds::source::End;
    let path = session.path.display();
    if let Some(fault) = &session.fault {
        return Err(Failure::input(fault));
    }
    match source.end() {
        End::Truncated { offset } => Err(Failure::input(format!(
            "{path}: offset {offset}: the file ends within a message; everything before it was used"
        ))),
        End::LostFraming { offset } => Err(Failure::input(format!(
            "{path}: offset {offset}: the length prefixes make no sense from here; everything before it was used"
        ))),
        End::Running | End::Complete if is_strict && source.skips().faults() > 0 => {
            let reasons: Vec<String> = source
                .skips()
                .reasons()
                .into_iter()
                .filter(|(reason, _)| reason != "filtered")
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            Err(Failure::input(format!("{path}: skipped messages under --strict: {}", reasons.join(", "))))
        }
        End::Running | End::Complete => Ok(()),
    }
}
