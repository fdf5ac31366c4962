//! A recorded perpetual as records that both engines take.

use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::binance;
use tickrace_feeds_files::format::Options;
use tickrace_types::{Flags, Instrument, Kind, Record};

/// Depth and trades of a recording, in the order of receiving, heard no earlier than they happened. Best bids and asks
/// beside the depth, and what did not trade against the book, are not for this comparison: the peer takes neither.
pub fn records(path: &std::path::Path) -> (Vec<Record>, Instrument) {
    let options = Options { is_continued: true, ..Options::default() };
    let mut decoder = binance::open(path, &options).unwrap();
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while decoder.read(&mut batch) {
        all.extend(batch.drain(..).filter(|record| {
            let is_of_the_book = record.header.flags & Flags::NOT_PRINTABLE == 0;
            let kind = Kind::from_code(record.header.kind);
            matches!(kind, Some(Kind::Level | Kind::Clear)) || kind == Some(Kind::Print) && is_of_the_book
        }));
    }
    let behind = all.iter().map(|record| record.header.ts_recv_ns - record.header.ts_venue_ns).min();
    let offset_ns = behind.unwrap_or(0).min(0);
    all.iter_mut().for_each(|record| record.header.ts_recv_ns -= offset_ns);
    (all, decoder.account().instruments[0].clone())
}
