//! Recordings as records that both engines take.
#![allow(dead_code, reason = "a test and a bench use different parts")]

use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::binance;
use tickrace_feeds_files::format::Options;
use tickrace_types::instrument::TickBand;
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

/// A session order by order, as it was recorded; heard no earlier than it happened, and never before what was heard last.
pub fn orders(path: &std::path::Path) -> (Vec<Record>, Instrument) {
    let mut decoder = tickrace_feeds_files::dbn::open(path, &Options::default()).unwrap();
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while decoder.read(&mut batch) {
        all.append(&mut batch);
    }
    // The peer refuses a clock that goes back.
    let (mut venue_ns, mut recv_ns) = (i64::MIN, i64::MIN);
    for record in &mut all {
        venue_ns = venue_ns.max(record.header.ts_venue_ns);
        recv_ns = recv_ns.max(record.header.ts_recv_ns).max(venue_ns);
        (record.header.ts_venue_ns, record.header.ts_recv_ns) = (venue_ns, recv_ns);
    }
    // The file names no tick and no multiplier: those of the ES future.
    let instrument = Instrument {
        symbol: "ESH4".to_owned(),
        ticks: vec![TickBand { from_px_nanos: 0, tick_nanos: 250_000_000 }],
        multiplier_nanos: 50_000_000_000,
        ..decoder.account().instruments[0].clone()
    };
    (all, instrument)
}

/// The same from `after_ns` behind the first execution on: what was there before is the book it opens with. In an auction's
/// call nothing trades, and the peer takes orders that cross for trades.
pub fn from_the_open(records: &mut [Record], after_ns: i64) {
    let is_execution = |record: &&Record| Kind::from_code(record.header.kind) == Some(Kind::Execute);
    let Some(first) = records.iter().find(is_execution) else { return };
    let starts_ns = first.header.ts_venue_ns + after_ns;
    for record in records {
        record.header.ts_venue_ns = record.header.ts_venue_ns.max(starts_ns);
        record.header.ts_recv_ns = record.header.ts_recv_ns.max(starts_ns);
    }
}
