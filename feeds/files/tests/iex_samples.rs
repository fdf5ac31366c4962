//! Captures of IEX's feeds against the answers beside them.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tickrace_feeds_files::format::End;
use tickrace_feeds_files::iex::{self, IexDecoder};
use tickrace_feeds_files::{Decoder, Options, Stream, moldudp64};
use tickrace_types::{Flags, Kind, Record};

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks/iex");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no samples in {}", folder.display());
    None
}

fn read(path: &Path) -> (IexDecoder, Vec<Record>) {
    let mut decoder = iex::open(path, &Options::default()).unwrap();
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    (decoder, records)
}

/// Levels by symbol and side as the records leave them, and trades by symbol: count, shares, shares times price e4.
#[derive(Default)]
struct World {
    books: BTreeMap<u32, [BTreeMap<i64, u64>; 2]>,
    trades: BTreeMap<u32, (u64, u64, u128)>,
}

impl World {
    fn of(records: &[Record]) -> Self {
        let mut world = Self::default();
        for record in records {
            let m = record.as_market();
            match Kind::from_code(record.header.kind).unwrap() {
                Kind::Level => {
                    let side =
                        &mut world.books.entry(record.header.instrument).or_default()[usize::from(m.side)];
                    let _ = if m.order_ref == 0 {
                        side.remove(&m.price)
                    } else {
                        side.insert(m.price, m.order_ref)
                    };
                }
                Kind::Print => {
                    let (count, shares, notional) = world.trades.entry(record.header.instrument).or_default();
                    *count += 1;
                    *shares += u64::from(m.qty);
                    *notional += u128::from(m.qty) * u128::try_from(m.price / 100_000).unwrap();
                }
                _ => {}
            }
        }
        world
    }
}

fn compare(decoder: &IexDecoder, records: &[Record], answers: &Value) {
    let number = |field: &str| answers[field].as_u64().unwrap();
    let account = decoder.account();
    assert_eq!(decoder.segments(), (number("packets"), number("heartbeats")));
    assert_eq!(account.messages, number("messages"));
    assert_eq!(account.skips.faults(), 0, "{:?}", account.skips);
    let by_type: Map<_, _> =
        decoder.by_type().into_iter().map(|(letter, count)| (letter, count.into())).collect();
    assert_eq!(Value::Object(by_type), answers["by_type"]);
    assert_eq!(account.gaps.len() as u64, number("sequence_gaps"));
    let gaps = records.iter().filter(|record| record.header.kind == Kind::Gap as u8);
    let gaps: Vec<_> =
        gaps.map(|record| (record.as_market().order_ref, record.as_market().other_ref)).collect();
    assert_eq!(gaps, account.gaps);
    let messages = records.iter().filter(|record| record.header.kind != Kind::Gap as u8);
    let times = || messages.clone().map(|record| record.header.ts_venue_ns);
    assert_eq!(times().min(), answers["first_ts"].as_i64());
    assert_eq!(times().max(), answers["last_ts"].as_i64());
    assert_eq!(messages.clone().count() as u64, account.messages, "one record each");
    assert_eq!(records.last().unwrap().header.flags & Flags::END_OF_EVENT, 1);

    let world = World::of(records);
    let name = |index: &u32| account.instruments[*index as usize].symbol.clone();
    let trades: BTreeMap<_, _> = world.trades.iter().map(|(index, sums)| (name(index), *sums)).collect();
    let total = trades.values().fold((0, 0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1, sum.2 + it.2));
    let wanted = |value: &Value| value.as_u64().unwrap();
    let [count, shares, notional] = answers["trades_total"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!(total, (wanted(count), wanted(shares), u128::from(wanted(notional))));
    for (symbol, of_symbol) in answers["trades_top15"].as_object().unwrap() {
        let field = |field: &str| of_symbol[field].as_u64().unwrap();
        let sums = (field("count"), field("shares"), u128::from(field("notional_1e4")));
        assert_eq!(trades[symbol], sums, "{symbol}");
    }

    assert_eq!(world.books.len() as u64, number("symbols_with_books"));
    let is_shown = |book: &&[BTreeMap<i64, u64>; 2]| book.iter().any(|side| !side.is_empty());
    assert_eq!(world.books.values().filter(is_shown).count() as u64, number("nonempty_books"));
    let books: BTreeMap<_, _> = world.books.iter().map(|(index, book)| (name(index), book)).collect();
    for (symbol, book) in answers["final_books_top5"].as_object().unwrap() {
        let levels = |side: &str| -> Vec<(i64, u64)> {
            let levels = book[side].as_array().unwrap().iter();
            levels.map(|level| (level[0].as_i64().unwrap() * 100_000, level[1].as_u64().unwrap())).collect()
        };
        let [bids, asks] = books[symbol];
        let bids: Vec<_> = bids.iter().rev().take(5).map(|(price, lots)| (*price, *lots)).collect();
        let asks: Vec<_> = asks.iter().take(5).map(|(price, lots)| (*price, *lots)).collect();
        assert_eq!((bids, asks), (levels("bids"), levels("asks")), "{symbol}");
    }
}

#[test]
fn both_captures_equal_the_answers() {
    let Some(folder) = folder() else { return };
    let samples = [
        ("DEEP10.first60000packets.pcap.gz", "DEEP10.first60000packets.answers.json"),
        ("TOPS16.pcapng.gz", "TOPS16.answers.json"),
    ];
    for (name, answers) in samples {
        let (decoder, records) = read(&folder.join(name));
        let answers: Value = serde_json::from_slice(&std::fs::read(folder.join(answers)).unwrap()).unwrap();
        println!("{name}: {:?}, gaps {:?}", decoder.account().end, decoder.account().gaps);
        assert_eq!(decoder.account().end, End::Complete, "{name}");
        compare(&decoder, &records, &answers);
        let mut head = Vec::new();
        Stream::open(&folder.join(name)).unwrap().take(1 << 16).read_to_end(&mut head).unwrap();
        assert!(iex::is_it(&head, name) && !moldudp64::is_it(&head, name));
        assert!(!tickrace_feeds_files::dbn::is_it(&head, name));
    }
}

#[test]
fn the_whole_deep_capture_is_read_to_its_cut_packet() {
    let Some(folder) = folder() else { return };
    let path = folder.join("../../ticks_more/iex/DEEP10.pcap.gz");
    if !path.is_file() {
        println!("skipped: no {}", path.display());
        return;
    }
    let (decoder, records) = read(&path);
    let account = decoder.account();
    println!("{} messages, {:?}, gaps {:?}", account.messages, account.end, account.gaps);
    assert!(matches!(&account.end, End::Broken { fault, .. } if fault.contains("cut")), "{:?}", account.end);
    assert_eq!((account.skips.faults(), account.gaps.len()), (0, 11), "{:?}", account.skips);
    assert!(account.messages > 329_936 && records.len() as u64 >= account.messages);
}
