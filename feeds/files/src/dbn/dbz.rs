//! The head of a `.dbz` file, Databento's format before DBN: metadata in a frame that Zstandard decoders skip, then
//! records as DBN 1 has them.
//!
//! Source: the `dbn` crate's account of the format; its own reader needs another version of the decompressor.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use dbn::Schema;

use super::names::{Interval, Mapping};

/// Metadata this long are damaged: a day of all options takes a tenth of it.
const METADATA_BYTES_MAX: u64 = 1 << 26;
/// Before the variable part: version, dataset, schema, times, limit, count, codes and reserve.
const FIXED_BYTES: usize = 96;
/// Symbols are texts of this length, padded with zeros.
const SYMBOL_BYTES: usize = 22;

/// What the head tells.
#[derive(Debug)]
pub(super) struct Head {
    pub dataset: String,
    pub schema: Option<Schema>,
    pub mapping: Mapping,
}

/// Reads the head; `None` where the file is not of this format.
pub(super) fn head(path: &Path) -> io::Result<Option<Head>> {
    let mut file = File::open(path)?;
    let mut prelude = Vec::with_capacity(12);
    Read::by_ref(&mut file).take(12).read_to_end(&mut prelude)?;
    let [magic @ .., b0, b1, b2, b3, b'D', b'B', b'Z', version] = prelude.as_slice() else { return Ok(None) };
    if !matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
        return Ok(None);
    }
    let damaged = |fault: &str| io::Error::new(io::ErrorKind::InvalidData, fault.to_owned());
    if *version != 1 {
        return Err(damaged("a DBZ version that is not known"));
    }
    let frame_bytes = u64::from(u32::from_le_bytes([*b0, *b1, *b2, *b3]));
    if !(FIXED_BYTES as u64..=METADATA_BYTES_MAX).contains(&frame_bytes) {
        return Err(damaged("the length of the metadata makes no sense"));
    }
    let mut metadata = Vec::new();
    file.take(frame_bytes - 4).read_to_end(&mut metadata)?;
    let (Some(fixed), true) = (metadata.get(..FIXED_BYTES - 4), metadata.len() as u64 == frame_bytes - 4)
    else {
        return Err(damaged("the metadata are cut"));
    };
    let schema = Schema::try_from(u16::from_le_bytes([fixed[16], fixed[17]])).ok();
    let mut tail = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(&metadata[FIXED_BYTES - 4..])?;
    decoder.take(METADATA_BYTES_MAX).read_to_end(&mut tail)?;
    let mapping = mapping(&tail).ok_or_else(|| damaged("the symbols of the metadata are cut"))?;
    Ok(Some(Head { dataset: text(&fixed[..16]), schema, mapping }))
}

fn mapping(tail: &[u8]) -> Option<Mapping> {
    let mut rest = tail;
    let mut mapping = Mapping::default();
    // No layout of records stands here; then symbols asked for, found in part, not found.
    if number(&mut rest)? != 0 {
        return None;
    }
    for _ in 0..3 {
        let count = usize::try_from(number(&mut rest)?).ok()?;
        take(&mut rest, count.checked_mul(SYMBOL_BYTES)?)?;
    }
    for _ in 0..number(&mut rest)? {
        let name = text(take(&mut rest, SYMBOL_BYTES)?);
        for _ in 0..number(&mut rest)? {
            let (start, end) = (number(&mut rest)?, number(&mut rest)?);
            let id = text(take(&mut rest, SYMBOL_BYTES)?);
            if let (Ok(id), Some(start), Some(end)) = (id.parse(), day(start), day(end)) {
                mapping.insert(id, Interval::of_days(start, end, name.clone()));
            }
        }
    }
    Some(mapping)
}

/// Days since the Unix epoch of a date written as 20231225.
fn day(yyyymmdd: u32) -> Option<i64> {
    let year = u16::try_from(yyyymmdd / 10_000).ok()?;
    let (month, day) = (u8::try_from(yyyymmdd / 100 % 100).ok()?, u8::try_from(yyyymmdd % 100).ok()?);
    crate::Date::new(year, month, day).map(crate::Date::days_since_epoch)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (front, back) = rest.split_at_checked(count)?;
    *rest = back;
    Some(front)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn text(padded: &[u8]) -> String {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    String::from_utf8_lossy(&padded[..end]).into_owned()
}
