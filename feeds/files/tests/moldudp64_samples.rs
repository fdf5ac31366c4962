//! A capture of two MoldUDP64 lines against the answers beside it and against the file its messages come from.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tickrace_feeds::{FileOptions, FileSource, LocateMap, Source, Tally};
use tickrace_feeds_files::format::{End, Skips};
use tickrace_feeds_files::moldudp64::{self, Arbiter, Delivery};
use tickrace_feeds_files::pcap::{Capture, Step};
use tickrace_feeds_files::{Date, Decoder, Options, Stream, TickFile, iex};
use tickrace_types::{Flags, Kind, Record};

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks/itch");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no samples in {}", folder.display());
    None
}

const SAMPLE: &str = "GOOG_AAPL.moldudp64_AB.pcap.gz";

fn answers(folder: &std::path::Path) -> Value {
    let text = std::fs::read(folder.join("GOOG_AAPL.moldudp64_AB.answers.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn gaps(answers: &Value) -> Vec<(u64, u64)> {
    let number = |value: &Value| value.as_u64().unwrap();
    let gaps = answers["gaps_on_both_lines"].as_array().unwrap().iter();
    gaps.map(|gap| (number(&gap[0]), number(&gap[1]))).collect()
}

#[test]
fn the_recovered_stream_and_its_gaps_equal_the_answers() {
    let Some(folder) = folder() else { return };
    let answers = answers(&folder);
    let mut capture = Capture::new(Stream::open(&folder.join(SAMPLE)).unwrap()).unwrap();
    let (mut arbiter, mut sha, mut recovered, mut missing) =
        (Arbiter::default(), Sha256::new(), 0u64, Vec::new());
    let mut keep = |delivery: Delivery<'_>| match delivery {
        Delivery::Message { bytes, .. } => {
            sha.update(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            sha.update(bytes);
            recovered += 1;
        }
        Delivery::Gap { first, count, .. } => missing.push((first, count)),
    };
    let end = loop {
        let step = capture.step(&mut |datagram| {
            arbiter.on_packet(datagram.ts_ns, datagram.payload, &mut keep).unwrap();
        });
        match step {
            Step::End(end) => break end,
            Step::Frame(outcome) => outcome.unwrap(),
            Step::Other => {}
        }
    };
    arbiter.finish(&mut keep);
    assert_eq!(end, End::Complete);
    assert_eq!(capture.frames(), answers["frames"].as_u64().unwrap());
    assert_eq!(recovered, answers["messages_recovered"].as_u64().unwrap());
    assert_eq!(missing, gaps(&answers));
    let digest: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        answers["sha256_of_recovered_stream_in_sequence_order_length_prefixed"].as_str(),
        Some(&*digest)
    );
    assert_eq!(arbiter.packets().ends, 2, "one on each line");
}

#[test]
fn records_equal_those_of_the_file_but_for_the_receive_time_and_the_gaps() {
    let Some(folder) = folder() else { return };
    let answers = answers(&folder);
    let mut decoder = moldudp64::open(&folder.join(SAMPLE), &Options::default()).unwrap();
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    let account = decoder.account();
    assert_eq!((&account.end, account.skips.faults()), (&End::Complete, 0));
    assert_eq!(account.gaps, gaps(&answers));
    assert_eq!(account.messages, answers["messages_recovered"].as_u64().unwrap());
    assert_eq!(decoder.by_type().iter().map(|(_, count)| count).sum::<u64>(), account.messages);

    let file = TickFile::open(folder.join("20120621.GOOG_AAPL.derived_ITCH50.gz")).unwrap();
    let midnight = Date::new(2012, 6, 21).unwrap().new_york_midnight_ns();
    let options =
        FileOptions { session_midnight_ns: midnight, feed_latency_ns: 0, universe: LocateMap::all() };
    let mut source = FileSource::new(&file, options);
    let (mut wanted, mut record) = (Vec::new(), Record::default());
    while wanted.len() < 60_000 && source.next_into(&mut record) {
        wanted.push(record);
    }
    let symbols: Vec<_> = account.instruments.iter().map(|instrument| instrument.symbol.as_str()).collect();
    assert_eq!(symbols, source.universe().symbols());

    let (mut compared, mut gaps_met, mut latest_ns) = (0, 0, i64::MIN);
    for record in &records {
        assert!(record.header.ts_recv_ns >= latest_ns, "receive times do not step back");
        latest_ns = record.header.ts_recv_ns;
        if record.header.kind == Kind::Gap as u8 {
            gaps_met += 1;
            continue;
        }
        let seq = usize::try_from(record.header.seq).unwrap();
        let mut from_file = wanted[seq - 1];
        // The file's last record may go on beyond what was sent, and what went on in a gap ends before it.
        let before_gap = account.gaps.iter().any(|(first, _)| *first == record.header.seq + 1);
        if before_gap || seq == wanted.len() {
            from_file.header.flags |= Flags::END_OF_EVENT;
        }
        let delay_ns = record.header.ts_recv_ns - record.header.ts_venue_ns;
        assert!((0..1_000_000_000).contains(&delay_ns), "message {seq} took {delay_ns} ns");
        from_file.header.ts_recv_ns = record.header.ts_recv_ns;
        assert_eq!(*record, from_file, "message {seq}");
        compared += 1;
    }
    assert_eq!((compared, gaps_met), (59_984, 9));
}

#[test]
fn only_the_symbols_asked_for_pass_and_under_their_numbers() {
    let Some(folder) = folder() else { return };
    let options = Options { symbols: vec!["ABSENT".to_owned(), "AAPL".to_owned()], ..Options::default() };
    let mut decoder = moldudp64::open(&folder.join(SAMPLE), &options).unwrap();
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    let tally =
        Tally::of(TickFile::open(folder.join("20120621.GOOG_AAPL.derived_ITCH50.gz")).unwrap().as_slice());
    assert_eq!(tally.symbols.len(), 2);
    assert!(records.iter().all(|record| [1, u32::MAX].contains(&record.header.instrument)));
    assert!(records.len() > 10_000 && decoder.account().skips.of(Skips::FILTERED) > 10_000);
    assert_eq!(decoder.account().skips.faults(), 0);
}

#[test]
fn the_capture_is_known_by_its_head_and_by_no_other_decoder() {
    let Some(folder) = folder() else { return };
    let head = |path: PathBuf| {
        let mut head = Vec::new();
        Stream::open(&path).unwrap().take(1 << 16).read_to_end(&mut head).unwrap();
        head
    };
    let own = head(folder.join(SAMPLE));
    assert!(moldudp64::is_it(&own, SAMPLE) && !iex::is_it(&own, SAMPLE));
    assert!(!tickrace_feeds_files::dbn::is_it(&own, SAMPLE));
    for name in ["20120621.GOOG_AAPL.derived_ITCH50.gz", "../iex/TOPS16.pcapng.gz"] {
        assert!(!moldudp64::is_it(&head(folder.join(name)), name), "{name}");
    }
}

#[test]
fn a_cut_or_damaged_capture_never_panics_and_tells_where_it_broke() {
    let Some(folder) = folder() else { return };
    let mut bytes = Vec::new();
    Stream::open(&folder.join(SAMPLE)).unwrap().take(200_000).read_to_end(&mut bytes).unwrap();
    let place = tempfile::NamedTempFile::new().unwrap();
    let mut seed = 7u64;
    for round in 0..40 {
        let mut damaged = bytes.clone();
        for _ in 0..round {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(seed >> 33).unwrap() % (damaged.len() - 24);
            damaged[24 + at] = seed.to_le_bytes()[3];
        }
        std::fs::write(place.path(), &damaged).unwrap();
        let mut decoder = moldudp64::open(place.path(), &Options::default()).unwrap();
        let mut records = Vec::new();
        while decoder.read(&mut records) {}
        assert!(matches!(&decoder.account().end, End::Broken { place, .. } if place.starts_with("offset ")));
    }
}
