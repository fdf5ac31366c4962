//! Which format a file has, and its decoder.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use crate::format::{Decoder, Options};
use crate::lines::without_mark;
use crate::stream::{Packing, members, packing_of};
use crate::tick_file::FileError;
use crate::{Stream, binance, binance_archive, csv, dbn, hftbacktest, iex, itch, lobster, moldudp64, tardis};

/// Decompressed bytes of a file's head that its format is told by.
const HEAD_BYTES: u64 = 1 << 16;

/// The formats read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// NASDAQ TotalView-ITCH 5.0, length-prefixed.
    Itch50,
    /// LOBSTER message files, with their orderbook file where it is beside them.
    Lobster,
    /// Databento DBN, versions 1 to 3, any schema.
    Dbn,
    /// Captures of IEX TOPS or DEEP.
    Iex,
    /// Captures of ITCH 5.0 over MoldUDP64, on one line or two.
    MoldItch,
    /// Recorded Binance streams: a receive time and a JSON message a line.
    BinanceJson,
    /// Binance's published archives: trades, aggregate trades, best bids and asks, bars, depth.
    BinanceCsv,
    /// Tardis CSV: incremental books, snapshots, trades, quotes, derivative tickers.
    TardisCsv,
    /// hftbacktest's arrays of events, npz or npy.
    Hftbacktest,
    /// Any CSV file, by a mapping of its columns ([`open_csv`]).
    Csv,
}

/// All of them with the names people write.
pub const FORMATS: &[(Format, &str)] = &[
    (Format::Itch50, "itch50"),
    (Format::Lobster, "lobster"),
    (Format::Dbn, "dbn"),
    (Format::Iex, "iex"),
    (Format::MoldItch, "moldudp64"),
    (Format::BinanceJson, "binance-json"),
    (Format::BinanceCsv, "binance-csv"),
    (Format::TardisCsv, "tardis"),
    (Format::Hftbacktest, "hftbacktest"),
    (Format::Csv, "csv"),
];

impl Format {
    /// Its name.
    pub fn name(self) -> &'static str {
        FORMATS.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format {name:?}; there are {}", names())]
pub struct UnknownFormat {
    /// What was written.
    pub name: String,
}

fn names() -> String {
    FORMATS.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = FORMATS.iter().find(|(_, name)| *name == text);
        found.map(|(format, _)| *format).ok_or_else(|| UnknownFormat { name: text.to_owned() })
    }
}

/// Tells a file's format by its first bytes and its name, an archive's by those of its members; `None` where no format
/// claims it.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where there is nothing in it, or nothing that can be
/// decompressed.
pub fn tell(path: &Path) -> Result<Option<Format>, FileError> {
    let lower = |name: &str| name.to_lowercase();
    if packing_of(path)? == Packing::Zip {
        let members = members(path)?;
        if lobster::is_archive(&members) {
            return Ok(Some(Format::Lobster));
        }
        for member in members {
            let (head, _) = head_of(&mut Stream::open_member(path, &member.name)?);
            let told = told(&head, &lower(&member.name));
            if told.is_some() {
                return Ok(told);
            }
        }
        return Ok(None);
    }
    let name = path.file_name().map(|name| lower(&name.to_string_lossy())).unwrap_or_default();
    let mut stream = Stream::open(path)?;
    let (head, fault) = head_of(&mut stream);
    let told = told(&head, &name);
    match fault {
        _ if told.is_some() => Ok(told),
        Some(error) => Err(FileError::Compressed {
            path: path.to_owned(),
            stored_offset: stream.consumed_bytes(),
            plain_bytes: head.len() as u64,
            error,
        }),
        None if head.is_empty() => Err(FileError::Format {
            path: path.to_owned(),
            place: "offset 0".to_owned(),
            fault: "the file is empty".to_owned(),
        }),
        None => Ok(None),
    }
}

/// The first decompressed bytes, and what ended them where they are not all there. What came before the damage tells the
/// format.
fn head_of(stream: &mut Stream) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    let fault = stream.take(HEAD_BYTES).read_to_end(&mut head).err();
    (head, fault)
}

fn told(head: &[u8], name: &str) -> Option<Format> {
    let head = without_mark(head);
    type Claim = fn(&[u8], &str) -> bool;
    let claims: [(Format, Claim); 9] = [
        (Format::Dbn, dbn::is_it),
        (Format::Iex, iex::is_it),
        (Format::MoldItch, moldudp64::is_it),
        (Format::Hftbacktest, hftbacktest::is_it),
        (Format::BinanceJson, binance::is_it),
        (Format::TardisCsv, tardis::is_it),
        (Format::BinanceCsv, binance_archive::is_it),
        (Format::Lobster, lobster::is_it),
        (Format::Itch50, |head, _| itch::is_it(head)),
    ];
    claims.iter().find(|(_, is_it)| is_it(head, name)).map(|(format, _)| *format)
}

/// Opens a file as what it is said to be.
///
/// # Errors
///
/// [`FileError`] where it cannot be read or its head is not of that format.
pub fn open(path: &Path, format: Format, options: &Options) -> Result<Box<dyn Decoder>, FileError> {
    Ok(match format {
        Format::Itch50 => Box::new(itch::open(path, options)?),
        Format::Lobster => Box::new(lobster::open(path, options)?),
        Format::Dbn => Box::new(dbn::open(path, options)?),
        Format::Iex => Box::new(iex::open(path, options)?),
        Format::MoldItch => Box::new(moldudp64::open(path, options)?),
        Format::BinanceJson => Box::new(binance::open(path, options)?),
        Format::BinanceCsv => Box::new(binance_archive::open(path, options)?),
        Format::TardisCsv => Box::new(tardis::open(path, options)?),
        Format::Hftbacktest => Box::new(hftbacktest::open(path, options)?),
        Format::Csv => {
            return Err(FileError::Format {
                path: path.to_owned(),
                place: "line 1".to_owned(),
                fault: "a CSV file says nothing of its columns: state a mapping".to_owned(),
            });
        }
    })
}

/// Opens a CSV file by what its columns mean.
///
/// # Errors
///
/// [`FileError`] where it cannot be read or lacks a column.
pub fn open_csv(
    path: &Path,
    mapping: &csv::Mapping,
    options: &Options,
) -> Result<Box<dyn Decoder>, FileError> {
    Ok(Box::new(csv::open(path, mapping, options)?))
}
