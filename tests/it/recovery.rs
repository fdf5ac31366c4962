//! What a journal must notice: altered records, altered parameters, a torn end.

use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir};
use tickrace_journal::alter::rewrite_record;
use tickrace_tests::data::{config, small_day};
use tickrace_tests::tickrace;

/// A finished run; the folder holds it.
fn journal(market: &str) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 8_000);
    let (config, out) = (config("backtest/market_making.toml"), folder.path().display().to_string());
    let (files, market) = (format!("data.files=[\"{day}\"]"), format!("journal.market={market}"));
    let done = tickrace(&["backtest", &config, "--out", &out, "--set", &files, "--set", &market]);
    assert_eq!(done.code, 0, "{}", done.err);
    let journal = folder.path().join("journal");
    (folder, journal)
}

fn verify(journal: &Path, more: &[&str]) -> tickrace_tests::Done {
    let journal = journal.display().to_string();
    let mut args = vec!["replay", journal.as_str(), "--verify"];
    args.extend(more);
    tickrace(&args)
}

#[test]
fn an_altered_inbound_record_is_a_difference() {
    for (market, index) in [("copy", 3000), ("copy", 7000), ("reference", 10)] {
        let (_folder, journal) = journal(market);
        assert_eq!(verify(&journal, &[]).code, 0);
        // The last byte but one of the body: quantity, side or reason, whatever stands there.
        rewrite_record(&journal, "inbound", index, |bytes| bytes[56] ^= 1).unwrap();
        let done = verify(&journal, &[]);
        assert_eq!(done.code, 5, "{market} {index}: {}{}", done.out, done.err);
    }
}

#[test]
fn a_changed_strategy_parameter_is_a_difference() {
    let (_folder, journal) = journal("reference");
    let done = verify(&journal, &["--set", "strategy.risk_aversion_per_tick=0.5"]);
    assert_eq!(done.code, 5, "{}", done.out);
    assert!(done.out.contains("the first: order"), "{}", done.out);
}

#[test]
fn another_tick_file_under_the_same_name_is_a_difference() {
    let (folder, journal) = journal("reference");
    let day = folder.path().join("day.2026-03-02.itch50");
    let mut bytes = std::fs::read(&day).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&day, bytes).unwrap();
    let done = verify(&journal, &[]);
    assert_eq!(done.code, 5);
    assert!(done.err.contains("content hash"), "{}", done.err);
}

#[test]
fn damage_in_the_middle_is_refused_with_the_offset() {
    let (_folder, journal) = journal("copy");
    let segment = journal.join("inbound-000000.tj");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&segment, bytes).unwrap();
    let done = verify(&journal, &[]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("offset"), "{}", done.err);
}
