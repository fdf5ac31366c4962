//! What the guides say is true: every command in them runs, exits as told, and prints what is shown.

use std::path::Path;

use tempfile::tempdir;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_tests::data::workspace;
use tickrace_tests::{Done, tickrace};

/// A command of a guide, and the lines shown after it.
struct Shown {
    command: String,
    code: u8,
    lines: Vec<String>,
}

/// Commands in `sh` blocks, each with the `text` block that follows it.
fn commands(guide: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut block = None;
    for line in guide.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(kind), None) => {
                block = Some(kind.to_owned())
                    .map(|kind| if kind == "sh" { 1 } else { u8::from(kind == "text") * 2 })
            }
            (Some(_), Some(_)) => block = None,
            (None, Some(1)) => {
                let (command, told) = line.split_once(" # exits with ").unwrap_or((line, "0"));
                shown.push(Shown {
                    command: command.to_owned(),
                    code: told.parse().unwrap(),
                    lines: Vec::new(),
                });
            }
            (None, Some(2)) => shown.last_mut().unwrap().lines.push(line.to_owned()),
            _ => {}
        }
    }
    shown
}

/// Runs a command with its paths moved: configurations are the workspace's, everything else lives in `folder`.
fn run(command: &str, folder: &Path, day: &str) -> Done {
    let mut words = command.split_whitespace();
    assert_eq!(words.next(), Some("tickrace"), "{command}");
    let moved = |word: &str| {
        if word.starts_with("configs/") {
            workspace().join(word).display().to_string()
        } else if word.starts_with("out/") || word.ends_with(".key") {
            folder.join(word).display().to_string()
        } else {
            word.to_owned()
        }
    };
    let mut args: Vec<String> = words.map(moved).collect();
    if args[0] == "backtest" {
        args.extend(["--set".to_owned(), format!("data.files=[\"{day}\"]")]);
    }
    tickrace(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_command_of_the_guide_to_risk_runs_and_prints_what_it_shows() {
    let folder = tempdir().unwrap();
    let day = folder.path().join("synth.2026-03-02.itch50");
    // The day that the example's [data.synth] asks for.
    let made = Synth::new(SynthConfig { seed: 1, symbols: 4, messages: 400_000 }).to_vec();
    std::fs::write(&day, made).unwrap();
    let guide = std::fs::read_to_string(workspace().join("docs/risk.md")).unwrap();
    let shown = commands(&guide);
    assert!(shown.len() >= 6, "{} commands", shown.len());
    for one in shown {
        let done = run(&one.command, folder.path(), &day.display().to_string());
        assert_eq!(done.code, one.code, "{}: {}", one.command, done.err);
        for line in &one.lines {
            assert!(
                done.out.lines().any(|printed| printed == line),
                "{}: no line {line:?} in\n{}",
                one.command,
                done.out
            );
        }
    }
}

#[test]
fn the_guide_to_risk_names_every_reason_key_and_command() {
    let guide = std::fs::read_to_string(workspace().join("docs/risk.md")).unwrap();
    // Plain nonsense belongs to no control.
    for reason in tickrace_risk::Reason::ALL.iter().filter(|reason| reason.control() != 0) {
        assert!(guide.contains(&format!("`{}`", reason.name())), "reason {reason}");
    }
    let limits = std::fs::read_to_string(workspace().join("configs/limits/us_equity_guarded.toml")).unwrap();
    let controls = &limits[limits.find("\n[controls]\n").unwrap()..];
    let mut keys = 0;
    for (key, _) in
        controls.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "))
    {
        assert!(guide.contains(key), "key {key}");
        keys += 1;
    }
    assert!(keys > 20);
}
