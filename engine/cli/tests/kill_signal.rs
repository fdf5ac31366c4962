//! The kill switch from another process: SIGUSR1 to a run under way.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tickrace_feeds::synth::{Synth, SynthConfig};

fn tickrace() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tickrace"))
}

/// Runs a day of so many messages and sends the signal as soon as its journal is there; its summary and its warnings.
fn signalled(folder: &Path, messages: u64) -> (serde_json::Value, String) {
    let day = folder.join("day.2026-03-02.itch50");
    std::fs::write(&day, Synth::new(SynthConfig { seed: 3, symbols: 2, messages }).to_vec()).unwrap();
    let out = folder.join("out");
    if out.exists() {
        std::fs::remove_dir_all(&out).unwrap();
    }
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/backtest/market_making.toml");
    let mut run = tickrace()
        .args(["backtest", "--json"])
        .arg(config)
        .arg("--out")
        .arg(&out)
        .args(["--set", &format!("data.files=[\"{}\"]", day.display())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The handler is in place before there is a journal.
    while !out.join("journal").exists() && run.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    // Where the run is over already there is nobody to hear it, and the caller sees that it was not killed.
    Command::new("kill").args(["-USR1", &run.id().to_string()]).status().unwrap();
    let done = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{} {said}", done.status);
    (serde_json::from_slice(&done.stdout).unwrap(), said)
}

#[test]
fn a_signal_kills_a_run_which_ends_in_order_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    // A machine so busy that the run was over before the signal came gets a longer day.
    let killed = [1_000_000, 4_000_000]
        .into_iter()
        .map(|messages| signalled(folder.path(), messages))
        .find(|(summary, _)| summary["controls"]["kill_signal"].as_u64() == Some(1));
    let (_, said) = killed.expect("one of the runs was killed");
    assert!(said.contains("killed by SIGUSR1, and not re-armed: by the venue's word nothing"), "{said}");
    let journal = folder.path().join("out/journal");
    let replayed = tickrace().arg("replay").arg(journal).arg("--verify").output().unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
}
