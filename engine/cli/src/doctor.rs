//! `doctor`: what of this host helps or hurts the hot path.

use std::time::Duration;

use serde::Serialize;
use tickrace_runtime::clock::tsc::TscClock;
use tickrace_runtime::jitter;
use tickrace_runtime::pin::{self, pin_current};
use tickrace_runtime::platform::{Audit, Disturbance, Verdict};

use crate::{Failure, Streams};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tickrace doctor --seconds 5\n\nExits with 0 whatever it finds: warnings are advice, not failures."
)]
pub struct Args {
    /// Seconds each allowed core is watched for interruptions
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    value: String,
    verdict: &'static str,
    advice: &'static str,
}

#[derive(Debug, Serialize)]
struct CoreJitter {
    core: usize,
    gaps_per_second: f64,
    lost_percent: f64,
    gap_p50_ns: u64,
    gap_p99_ns: u64,
    gap_max_ns: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    build: String,
    findings: Vec<Finding>,
    jitter: Vec<CoreJitter>,
    steal_ticks: u64,
    involuntary_switches: u64,
    warnings: usize,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] where the duration is nonsense.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if !(0.01..=600.0).contains(&args.seconds) {
        return Err(Failure::usage(format!("--seconds {}: must be from 0.01 to 600", args.seconds)));
    }
    let audit = Audit::of_this_host();
    let before = Disturbance::now();
    let jitter: Vec<CoreJitter> =
        pin::allowed_cores().iter().filter_map(|core| watch(*core, args.seconds)).collect();
    let after = Disturbance::now();
    let findings: Vec<Finding> = audit
        .findings
        .iter()
        .map(|finding| Finding {
            name: finding.name,
            value: finding.value.clone(),
            verdict: finding.verdict.name(),
            advice: finding.advice,
        })
        .collect();
    let report = Report {
        build: crate::provenance::build(),
        warnings: audit.findings.iter().filter(|finding| finding.verdict == Verdict::Warn).count(),
        findings,
        jitter,
        steal_ticks: after.steal_ticks.saturating_sub(before.steal_ticks),
        involuntary_switches: after.involuntary_switches.saturating_sub(before.involuntary_switches),
    };
    if streams.is_json {
        streams.json(&report);
    } else {
        streams.say(&for_people(&report));
    }
    Ok(())
}

/// Watches one core from a thread of its own, so that the caller stays where it is.
fn watch(core: usize, seconds: f64) -> Option<CoreJitter> {
    let watched = std::thread::spawn(move || {
        pin_current(core).ok()?;
        Some(jitter::watch(&TscClock::new(), Duration::from_secs_f64(seconds)))
    })
    .join()
    .ok()??;
    Some(CoreJitter {
        core,
        gaps_per_second: watched.gaps_per_second(),
        lost_percent: watched.lost_fraction() * 100.0,
        gap_p50_ns: watched.gaps.p50,
        gap_p99_ns: watched.gaps.p99,
        gap_max_ns: watched.gaps.max,
    })
}

fn for_people(report: &Report) -> String {
    use std::fmt::Write;
    let mut text = format!("{}\n", report.build);
    // Writing into a String cannot fail.
    for finding in &report.findings {
        let mark = if finding.verdict == "ok" { "ok  " } else { "WARN" };
        let _ = writeln!(text, "  {mark}  {:<24} {}", finding.name, finding.value);
        if !finding.advice.is_empty() && finding.verdict != "ok" {
            let _ = writeln!(text, "        {:<24} -> {}", "", finding.advice);
        }
    }
    let _ = writeln!(
        text,
        "\n  jitter: gaps over {} ns of a thread that only reads the clock",
        jitter::GAP_NS_MIN
    );
    let _ = writeln!(
        text,
        "  {:>6} {:>10} {:>10} {:>10} {:>12} {:>12}",
        "core", "gaps/s", "lost %", "p50 ns", "p99 ns", "max ns"
    );
    for core in &report.jitter {
        let _ = writeln!(
            text,
            "  {:>6} {:>10.0} {:>10.3} {:>10} {:>12} {:>12}",
            core.core,
            core.gaps_per_second,
            core.lost_percent,
            core.gap_p50_ns,
            core.gap_p99_ns,
            core.gap_max_ns
        );
    }
    let _ = writeln!(
        text,
        "  meanwhile: {} ticks stolen by the host, {} involuntary switches",
        report.steal_ticks, report.involuntary_switches
    );
    let _ = writeln!(text, "\n{} warning(s)", report.warnings);
    text
}
