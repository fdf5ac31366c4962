//! Arrays written by numpy itself, with sums that Python computed from the integers it made them of.
//!
//! Python is `python3`, or what `TICKRACE_PYTHON` names; without numpy the test says so and passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tickrace_feeds_files::format::End;
use tickrace_feeds_files::{Decoder, Options, hftbacktest};
use tickrace_types::{Flags, Kind, Record};

/// Prices are ticks of 0.1 as hftbacktest's own converters make them, ticks times the tick; quantities are decimals.
const SCRIPT: &str = r#"
import json, sys
import numpy as np
event = np.dtype([('ev','<u8'),('exch_ts','<i8'),('local_ts','<i8'),('px','<f8'),('qty','<f8'),
                  ('order_id','<u8'),('ival','<i8'),('fval','<f8')], align=True)
count, state = 100_000, 20240809
rows = np.zeros(count, event)
sums = {}
def draw(below):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % below
ts, events, last = 1_723_161_256_000_000_000, 0, None
for place in range(count):
    if draw(3) == 0:
        ts += draw(1_000_000)
    kind = [1, 1, 1, 2, 4][draw(5)]
    side, hearers = [1 << 29, 1 << 28][draw(2)], [3 << 30, 3 << 30, 1 << 31, 1 << 30][draw(4)]
    ticks, lots = 550_000 + draw(100_000), draw(50_000) + (kind == 2)
    rows[place] = (kind | side | hearers, ts, ts + 5_000_000, ticks * 0.1, float(f'{lots}e-3'), 0, 0, 0)
    events += (ts, hearers) != last
    last = (ts, hearers)
    one = sums.setdefault(f'{kind} {hearers >> 30} {side >> 28}', [0, 0, 0])
    one[0] += 1; one[1] += ticks; one[2] += lots
np.savez_compressed(sys.argv[1] + '/packed.npz', data=rows)
np.savez(sys.argv[1] + '/stored.npz', data=rows)
np.save(sys.argv[1] + '/plain.npy', rows)
print(json.dumps({'events': events, 'sums': sums}))
"#;

fn answers(folder: &Path) -> Option<Value> {
    let python = std::env::var_os("TICKRACE_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(python).arg("-c").arg(SCRIPT).arg(folder).output().ok()?;
    let error = String::from_utf8_lossy(&output.stderr);
    if error.contains("No module named") {
        return None;
    }
    assert!(output.status.success(), "{error}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn arrays_of_numpy_give_the_sums_they_were_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let Some(answers) = answers(folder.path()) else {
        println!("skipped: no Python with numpy");
        return;
    };
    let wanted: BTreeMap<String, [u64; 3]> = serde_json::from_value(answers["sums"].clone()).unwrap();
    for name in ["packed.npz", "stored.npz", "plain.npy"] {
        let mut decoder = hftbacktest::open(&folder.path().join(name), &Options::default()).unwrap();
        let mut records: Vec<Record> = Vec::new();
        while decoder.read(&mut records) {}
        let account = decoder.account();
        assert_eq!((&account.end, account.messages, account.skips.faults()), (&End::Complete, 100_000, 0));
        let instrument = &account.instruments[0];
        assert_eq!((instrument.ticks[0].tick_nanos, instrument.lot_nanos), (100_000_000, 1_000_000));
        let mut sums: BTreeMap<String, [u64; 3]> = BTreeMap::new();
        for record in &records {
            let (market, flags) = (record.as_market(), record.header.flags);
            let (kind, lots) = match Kind::from_code(record.header.kind) {
                Some(Kind::Print) => (2, u64::from(market.qty)),
                Some(Kind::Level) => (if flags & Flags::SNAPSHOT != 0 { 4 } else { 1 }, market.order_ref),
                other => panic!("{other:?}"),
            };
            let hearers = match flags & (Flags::VENUE_ONLY | Flags::DESK_ONLY) {
                Flags::VENUE_ONLY => 2,
                Flags::DESK_ONLY => 1,
                _ => 3,
            };
            assert_eq!(market.price % 100_000_000, 0);
            let sum = sums.entry(format!("{kind} {hearers} {}", 2 - market.side)).or_default();
            let ticks = (market.price / 100_000_000).unsigned_abs();
            *sum = [sum[0] + 1, sum[1] + ticks, sum[2] + lots];
            assert_eq!(record.header.ts_recv_ns - record.header.ts_venue_ns, 5_000_000);
        }
        assert_eq!(sums, wanted, "{name}");
        let ends = records.iter().filter(|record| record.header.flags & Flags::END_OF_EVENT != 0).count();
        assert_eq!(ends as u64, answers["events"].as_u64().unwrap());
        println!("{name}: {} sums over {} records equal numpy's", sums.len(), records.len());
    }
}
