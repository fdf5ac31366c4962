//! Databento's DBN: versions 1 to 3, plain or Zstandard, the older `.dbz`, and fragments without metadata.
//!
//! The `dbn` crate frames and upgrades the records; what they mean as records of ours is told by [`orders`] (market by
//! order), [`levels`] (market by price) and [`rows`] (everything else). An event ends at a row with `F_LAST`; rows by
//! price whose event's last row was left out of the schema end it by the next venue time, and rows of the other schemas
//! stand alone. Venue time is `ts_event` and receive time `ts_recv`, the one for the other where it is undefined.
//!
//! A fragment's names are `#<id>` unless its records define them.

mod counts;
mod dbz;
mod fields;
mod guard;
mod levels;
mod names;
mod orders;
mod reader;
mod rows;

use std::path::Path;

use dbn::rtype;
use tickrace_types::Record;
use tickrace_types::instrument::Settlement;

use self::names::{Grid, Names};
use self::reader::{About, Reader};
use self::rows::Rows;
use crate::format::{Account, BATCH_RECORDS, Decoder, End, Options};
use crate::tick_file::FileError;
use rustc_hash::FxHashMap;

/// Decompressed bytes of the head that are read once before, for ticks and definitions.
const HEAD_BYTES: u64 = 1 << 20;
/// Prices of an instrument that show its step well enough; where each instrument of the metadata has so many, the head
/// was read far enough.
const PRICES_ENOUGH: u32 = 1_024;
/// Records of one event that are kept together in a batch; a longer one is handed over in parts.
const EVENT_RECORDS_MAX: usize = 16 * BATCH_RECORDS;

/// A DBN file as native records.
pub struct DbnDecoder {
    reader: Reader,
    rows: Rows,
}

/// Opens a file.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where it does not begin as DBN or is of a version
/// that is not read.
pub fn open(path: &Path, options: &Options) -> Result<DbnDecoder, FileError> {
    let (head, about) = Reader::open(path)?;
    let settlement = settlement_of(&about.dataset);
    let About { schema, mapping, .. } = about;
    let mut names = Names::new(mapping, options.clone(), settlement);
    let mut account = Account { instruments: names.asked(), ..Account::default() };
    look_ahead(head, &mut names, &mut account);
    let (reader, _) = Reader::open(path)?;
    Ok(DbnDecoder { reader, rows: Rows::new(names, schema, account) })
}

/// Whether the first decompressed bytes, at most 64 KiB, are of this format.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    match head {
        [b'D', b'B', b'N', version, ..] => (1..=dbn::v4::DBN_VERSION).contains(version),
        _ => is_fragment(head),
    }
}

/// What profit follows from where no definition tells: datasets of futures and options, and all others.
fn settlement_of(dataset: &str) -> Settlement {
    const CONTRACTS: [&str; 8] = ["GLBX.", "OPRA.", "IFEU.", "IFUS.", "IFLL.", "NDEX.", "XEUR.", "XEEE."];
    let is_contract = CONTRACTS.iter().any(|prefix| dataset.starts_with(prefix));
    if is_contract { Settlement::Linear } else { Settlement::Spot }
}

/// Whether bytes are records without metadata: each of a type and length that belong together, up to the end of what
/// is there or the sixteenth.
fn is_fragment(head: &[u8]) -> bool {
    let mut rest = head;
    for count in 0..16 {
        let [words, kind, ..] = rest else { return count > 0 && rest.is_empty() };
        let length = usize::from(*words) * 4;
        if !lengths_of(*kind).contains(&length) {
            return false;
        }
        match rest.get(length..) {
            Some(behind) => rest = behind,
            // Cut by the end of the head, or by that of a damaged file: then the first must have been whole.
            None => return count > 0,
        }
    }
    true
}

/// Lengths a record of a type has had in any version, with and without the time of sending.
const fn lengths_of(kind: u8) -> &'static [usize] {
    match kind {
        rtype::MBP_0 => &[48, 56],
        rtype::MBP_1 | rtype::CMBP_1 | rtype::TCBBO => &[80, 88],
        rtype::CBBO_1S | rtype::CBBO_1M | rtype::BBO_1S | rtype::BBO_1M => &[80, 88],
        rtype::MBP_10 => &[368, 376],
        counts::OHLCV_OF_SCHEMA => &[56],
        rtype::OHLCV_1S | rtype::OHLCV_1M | rtype::OHLCV_1H | rtype::OHLCV_1D | rtype::OHLCV_EOD => &[56, 64],
        rtype::STATUS => &[40, 48],
        rtype::INSTRUMENT_DEF => &[360, 368, 400, 408, 520, 528],
        rtype::IMBALANCE => &[112, 120],
        rtype::STATISTICS => &[64, 72, 80, 88],
        rtype::MBO => &[56, 64],
        _ => &[],
    }
}

/// Reads the head of the file for what it tells of its instruments.
fn look_ahead(mut reader: Reader, names: &mut Names, account: &mut Account) {
    let mut grids: FxHashMap<u32, Grid> = FxHashMap::default();
    // In the order in which they appear; the time is that of the first record.
    let mut seen: Vec<(u32, i64)> = Vec::new();
    let (named, mut ready) = (names.ids(), 0);
    while reader.offset() < HEAD_BYTES && (named == 0 || ready < named) && reader.refill().is_none() {
        while let Some(record) = reader.next_ready() {
            let id = record.header().instrument_id;
            if let Some(definition) = fields::view::<dbn::InstrumentDefMsg>(&record) {
                names.define(id, fields::traits_of(definition), &mut []);
            }
            let grid = grids.entry(id).or_insert_with(|| {
                if let Some(ts_ns) = fields::names_an_instrument(&record) {
                    seen.push((id, ts_ns));
                }
                Grid::default()
            });
            let before = grid.shown();
            fields::prices(&record, |price| grid.show(price));
            ready += usize::from(before < PRICES_ENOUGH && grid.shown() >= PRICES_ENOUGH);
        }
    }
    for (id, ts_ns) in seen {
        if let Some(grid) = grids.get(&id).filter(|grid| grid.shown() > 0) {
            names.suppose(id, grid.tick_nanos());
        }
        names.index(id, ts_ns, &mut account.instruments);
    }
}

impl Decoder for DbnDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        if self.rows.account.end != End::Running {
            return false;
        }
        let start = batch.len();
        self.rows.event.begin_batch(start);
        loop {
            while let Some(record) = self.reader.next_ready() {
                self.rows.on(&record, batch);
                let count = batch.len() - start;
                if count >= BATCH_RECORDS && !self.rows.event.is_open(batch.len()) {
                    return true;
                }
                if count >= EVENT_RECORDS_MAX {
                    self.rows.event.split(batch.len());
                    return true;
                }
            }
            if let Some(end) = self.reader.refill() {
                self.rows.finish(batch);
                self.rows.account.end = end;
                return batch.len() > start;
            }
        }
    }

    fn account(&self) -> &Account {
        &self.rows.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        self.rows.counts.by_type()
    }

    fn progress(&self) -> (u64, u64) {
        self.reader.progress()
    }
}

#[cfg(test)]
mod tests;
