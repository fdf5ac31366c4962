//! `systematic targets`: the positions a system wants held, as a native record log, and as CSV and JSON for people.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_stats::BusinessDay;
use tickrace_stats::panel::{DAY_NS, parse_time};
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::targets::{Target, TargetError, end_ns, last_day, targets};
use tickrace_types::event::VERSION;

use super::data::moment;
use crate::targets::{TARGETS, TargetsHead};
use crate::{Failure, Streams, provenance};

/// Arguments of `systematic targets`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace systematic targets configs/systematic/chapter15.toml --data DIR --out out/targets\n  \
    tickrace systematic targets configs/systematic/chapter15.toml --data DIR --from 2023-08-01 --out out/august\n\n\
    Writes a folder: head.json, targets-*.tj (records of 64 bytes), targets.csv, targets.json. A backtest hears it through\n\
    [[targets]] of its configuration. Of a system on bars a date stands for the bars that close on it: without --from the last\n\
    of them, with it all since the first of that date.")]
pub struct Args {
    #[command(flatten)]
    input: super::Input,
    /// Day after which the positions are to be held, YYYY-MM-DD; by default the last one
    #[arg(long)]
    date: Option<String>,
    /// First day, where targets of several days are wanted
    #[arg(long)]
    from: Option<String>,
    /// Folder to write; it must not exist yet
    #[arg(long)]
    out: PathBuf,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if args.out.exists() {
        return Err(Failure::usage(format!("{}: exists already; name a new folder", args.out.display())));
    }
    let super::Done { config, system, calendar, .. } = args.input.system()?;
    let at_data = |error| Failure::input(format!("{}: {error}", args.input.data.display()));
    let last = last_day(&system).ok_or_else(|| at_data(TargetError::Empty))?;
    let (from, to) = (date_of(args.from.as_deref(), "--from")?, date_of(args.date.as_deref(), "--date")?);
    let ends =
        |day| calendar.as_ref().and_then(|calendar| calendar.close_ns(day)).unwrap_or_else(|| end_ns(day));
    // Of a system on bars a date is all bars that close on it.
    let begins = |at_ns| match &calendar {
        None => BusinessDay::of_ns(at_ns),
        Some(calendar) => calendar.day_at(at_ns),
    };
    for (key, at_ns) in [("--date", to), ("--from", from)] {
        if at_ns.is_some_and(|at_ns| begins(at_ns) > last) {
            return Err(Failure::usage(format!("{key}: the data end with {}", moment(ends(last)))));
        }
    }
    let to = to.map_or(last, |at_ns| match &calendar {
        None => begins(at_ns),
        Some(_) => BusinessDay(begins(at_ns + DAY_NS).0 - 1),
    });
    let from = from.map_or(to, begins);
    if from > to {
        return Err(Failure::usage("--from: lies after the last day asked for"));
    }
    let days: Vec<Vec<Target>> = (from.0..=to.0)
        .map(|day| targets(&system, BusinessDay(day), ends).map_err(at_data))
        .collect::<Result<_, _>>()?;
    let names = system.members.keys().cloned().collect();
    let head = head_of(&args.input.config, &config, names, &days)?;
    write(&args.out, &head, &days)?;
    let newest = days.last().map_or(&[][..], Vec::as_slice);
    if streams.is_json {
        streams
            .json(&json!({ "out": args.out.display().to_string(), "head": head, "targets": rows(newest) }));
        return Ok(());
    }
    streams.say(&format!(
        "{}: {} targets from {} to {}, for {} {}",
        args.out.display(),
        head.records,
        head.from,
        head.to,
        head.capital,
        head.base_currency
    ));
    for one in newest {
        streams.say(&format!(
            "  {:<16} {:>6} contracts (wanted {:.2}, buffer {} to {}, forecast {:.1}) at {}: {}",
            one.instrument,
            one.target,
            one.unrounded,
            one.low,
            one.high,
            one.forecast,
            one.reference_price,
            one.reason.name()
        ));
    }
    Ok(())
}

/// Head of a log of targets.
///
/// - `days`: of each day, at least one.
pub(super) fn head_of(
    path: &Path,
    config: &SystemConfig,
    instruments: Vec<String>,
    days: &[Vec<Target>],
) -> Result<TargetsHead, Failure> {
    let words = serde_json::to_vec(config).map_err(Failure::runtime)?;
    let mut all = days.iter().flatten().map(|target| target.held_ns);
    let from = all.next().unwrap_or_default();
    let to = all.next_back().unwrap_or(from);
    Ok(TargetsHead {
        kind: TARGETS.to_owned(),
        version: VERSION,
        build: provenance::build(),
        config: path.display().to_string(),
        config_blake3: blake3::hash(&words).to_hex().to_string(),
        base_currency: config.base_currency.clone(),
        capital: config.notional_trading_capital,
        percentage_vol_target: config.percentage_vol_target,
        from: moment(from),
        to: moment(to),
        instruments,
        records: days.iter().map(|day| day.len() as u64).sum(),
    })
}

pub(super) fn day_of(text: Option<&str>, key: &str) -> Result<Option<BusinessDay>, Failure> {
    Ok(date_of(text, key)?.map(BusinessDay::of_ns))
}

/// First nanosecond of a date.
fn date_of(text: Option<&str>, key: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let at_ns = parse_time(text).filter(|_| text.len() == 10);
    at_ns.map(Some).ok_or_else(|| Failure::usage(format!("{key} {text}: a day is written YYYY-MM-DD")))
}

/// The figures with their days; what is not known is null.
fn rows(targets: &[Target]) -> Vec<serde_json::Value> {
    let row = |target: &Target| {
        let mut row = json!(target);
        row["date"] = json!(moment(target.held_ns));
        row["price_date"] = json!(moment(target.priced_ns));
        row
    };
    targets.iter().map(row).collect()
}

/// Writes a folder of targets.
pub(super) fn write(out: &Path, head: &TargetsHead, days: &[Vec<Target>]) -> Result<(), Failure> {
    std::fs::create_dir_all(out).map_err(|error| Failure::write(out, error))?;
    let config = WriterConfig {
        segment_bytes: 1 << 20,
        checksum: true,
        prefault: Prefault::None,
        flush_interval_ms: None,
    };
    let mut writer = Writer::create(out, TARGETS, config).map_err(Failure::runtime)?;
    let mut csv =
        "date,instrument,target,unrounded,rounded,low,high,reference_price,price_date,forecast,reason\n"
            .to_owned();
    let known = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
    let mut seq = 0;
    for target in days.iter().flatten() {
        seq += 1;
        let id = head.instruments.iter().position(|name| *name == target.instrument);
        let id = u32::try_from(id.unwrap_or(0)).unwrap_or(u32::MAX);
        writer.append(target.record(id, seq).map_err(Failure::input)?.as_record());
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},{},{},{},{},{}",
            moment(target.held_ns),
            target.instrument,
            target.target,
            known(target.unrounded),
            target.rounded,
            target.low,
            target.high,
            known(target.reference_price),
            moment(target.priced_ns),
            known(target.forecast),
            target.reason.name()
        );
    }
    writer.finish().map_err(Failure::runtime)?;
    let put = |name: &str, text: &[u8]| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))
    };
    put("targets.csv", csv.as_bytes())?;
    let all: Vec<serde_json::Value> = days.iter().flat_map(|day| rows(day)).collect();
    let text = json!({ "head": head, "targets": all });
    put("targets.json", &serde_json::to_vec_pretty(&text).map_err(Failure::runtime)?)?;
    // Last: a log without a head was never finished.
    let bytes = serde_json::to_vec_pretty(head).map_err(Failure::runtime)?;
    tickrace_journal::write_head(out, &bytes).map_err(Failure::runtime)
}
