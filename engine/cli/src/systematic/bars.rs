//! `systematic bars`: logs of bars as a folder of prices that a system reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_journal::{Entry, Reader};
use tickrace_stats::Frame;
use tickrace_store::write_frame;
use tickrace_types::{Instrument, Kind};

use crate::ticks::{TICKS, read_head};
use crate::{Failure, Streams};

/// Arguments of `systematic bars`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace convert day1.itch50.gz --bars time:300s --out day1.bars\n  \
    tickrace convert day2.itch50.gz --bars time:300s --out day2.bars\n  \
    tickrace systematic bars day1.bars day2.bars --out bars5min\n  \
    tickrace systematic backtest configs/systematic/intraday.toml --data bars5min\n\n\
    LOG is a folder that `convert --bars` wrote: of time, ticks, volume or money. Several are joined in order of time. Writes\n\
    instruments.csv, adjusted_X.parquet and multiple_X.parquet for each instrument, dated by the close of each bar.\n\
    Ticks of one contract tell no carry: rules that need a second contract have no forecast on such a folder.")]
pub struct Args {
    /// Folders of bars
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// Folder to write
    #[arg(long)]
    out: PathBuf,
    /// What crossing the spread costs, ticks: half a spread of one tick where it is not stated
    #[arg(long, default_value_t = 0.5)]
    spread_ticks: f64,
    /// Commission of each trade, per cent of its value
    #[arg(long, default_value_t = 0.0)]
    commission_pct: f64,
    /// Currency of instruments whose logs state none
    #[arg(long)]
    currency: Option<String>,
    /// Class of the instruments, which rules within a class compare
    #[arg(long, default_value = "Bars")]
    asset_class: String,
}

/// Closes of one instrument.
#[derive(Default)]
struct Closes {
    instrument: Option<Instrument>,
    at_ns: Vec<i64>,
    prices: Vec<f64>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    for (name, value) in [("--spread-ticks", args.spread_ticks), ("--commission-pct", args.commission_pct)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Failure::usage(format!("{name} must be zero or above, it is {value}")));
        }
    }
    let mut all: BTreeMap<String, Closes> = BTreeMap::new();
    for folder in &args.logs {
        read(folder, &mut all)?;
    }
    if all.is_empty() {
        let named = args.logs.iter().map(|log| log.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Failure::input(format!("{named}: no bar: convert with --bars first")));
    }
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::write(&args.out, error))?;
    let mut table =
        "Instrument,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,SpreadCost,HoldRollCycle,\
        PricedRollCycle,RollOffsetDays,CarryOffset,ExpiryOffset,Region\n"
            .to_owned();
    for (name, closes) in &all {
        let Some(instrument) = &closes.instrument else { continue };
        write_prices(&args.out, name, closes)?;
        #[allow(clippy::cast_possible_truncation, reason = "a price that a bar held")]
        let last = (closes.prices.last().copied().unwrap_or(0.0) * 1e9) as i64;
        let spread = args.spread_ticks * instrument.tick_at(last) as f64 / 1e9;
        let point = instrument.multiplier_nanos as f64 / 1e9;
        let stated = Some(&instrument.quote_currency).filter(|currency| !currency.is_empty());
        let currency = stated.or(args.currency.as_ref()).ok_or_else(|| {
            Failure::usage(format!("{name}: its log states no currency: say --currency USD, or another"))
        })?;
        let (class, share) = (&args.asset_class, args.commission_pct / 100.0);
        let _ = writeln!(table, "{name},{point},{currency},{class},0,{share},0,{spread},,,0,0,0,");
    }
    let path = args.out.join("instruments.csv");
    std::fs::write(&path, table).map_err(|error| Failure::write(&path, error))?;
    if streams.is_json {
        let bars: BTreeMap<&String, usize> = all.iter().map(|(name, one)| (name, one.prices.len())).collect();
        streams.json(&json!({ "out": args.out.display().to_string(), "bars": bars }));
    }
    for (name, closes) in &all {
        streams.say(&format!("  {name:<16} {:>8} bars", closes.prices.len()));
    }
    streams.say(&format!("{} instruments in {}", all.len(), args.out.display()));
    Ok(())
}

/// Adds the bars of a log.
fn read(folder: &Path, all: &mut BTreeMap<String, Closes>) -> Result<(), Failure> {
    let head = read_head(folder)?;
    let reader = Reader::open(folder, TICKS).map_err(Failure::input)?;
    for entry in reader.iter() {
        let Entry::Small(record) = entry else { continue };
        if record.header.kind != Kind::Bar as u8 {
            continue;
        }
        let Some(instrument) = head.instruments.get(record.header.instrument as usize) else { continue };
        let bar = record.as_bar();
        let closes = all.entry(instrument.symbol.clone()).or_default();
        let at_ns = bar.header.ts_venue_ns;
        if closes.at_ns.last().is_some_and(|last| *last > at_ns) {
            return Err(Failure::input(format!(
                "{}: a bar of {} closes before the one ahead of it: name the logs in order of time, once each",
                folder.display(),
                instrument.symbol
            )));
        }
        // Of bars that close at one time, such as those of volume in a burst, the last stands.
        if closes.at_ns.last() == Some(&at_ns) {
            closes.at_ns.pop();
            closes.prices.pop();
        }
        closes.at_ns.push(at_ns);
        closes.prices.push(bar.close as f64 / 1e9);
        closes.instrument = Some(instrument.clone());
    }
    Ok(())
}

fn write_prices(out: &Path, name: &str, closes: &Closes) -> Result<(), Failure> {
    let rows = closes.prices.len();
    let column = |name: &str, values: Vec<f64>| (name.to_owned(), values);
    let adjusted =
        Frame { at_ns: closes.at_ns.clone(), columns: vec![column("price", closes.prices.clone())] };
    let columns = vec![
        column("PRICE", closes.prices.clone()),
        column("CARRY", vec![f64::NAN; rows]),
        column("FORWARD", vec![f64::NAN; rows]),
        // One contract throughout: never rolled, and none to measure carry against.
        column("PRICE_CONTRACT", vec![20_000_100.0; rows]),
        column("CARRY_CONTRACT", vec![20_000_200.0; rows]),
        column("FORWARD_CONTRACT", vec![20_000_200.0; rows]),
    ];
    let multiple = Frame { at_ns: closes.at_ns.clone(), columns };
    for (kind, frame) in [("adjusted", adjusted), ("multiple", multiple)] {
        let path = out.join(format!("{kind}_{name}.parquet"));
        write_frame(&path, "time", &frame).map_err(|error| Failure::write(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tickrace_feeds::synth::{Synth, SynthConfig};

    use super::*;

    fn told(args: &[&str]) -> (u8, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
        let code = crate::run(std::iter::once("tickrace").chain(args.iter().copied()), &mut streams);
        (code, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
    }

    /// Two days of ticks to bars, to prices, to positions: dated by the closes of the bars, whose prices are the day's own.
    #[test]
    fn ticks_become_positions_dated_by_their_bars() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for (seed, date) in [(1, "2026-03-02"), (1, "2026-03-03")] {
            let bytes = Synth::new(SynthConfig { seed, symbols: 2, messages: 60_000 }).to_vec();
            std::fs::write(at(&format!("{date}.itch50")), bytes).unwrap();
            let (day, bars) = (at(&format!("{date}.itch50")), at(&format!("{date}.bars")));
            let (code, text) = told(&["convert", &day, "--bars", "time:60s", "--out", &bars]);
            assert_eq!(code, 0, "{text}");
        }
        let (first, second, prices) = (at("2026-03-02.bars"), at("2026-03-03.bars"), at("prices"));
        let (code, text) = told(&["systematic", "bars", &second, &first, "--out", &prices]);
        assert!(code == 3 && text.contains("in order of time"), "{text}");
        let (code, text) = told(&["systematic", "bars", &first, &second, "--out", &prices]);
        assert_eq!(code, 0, "{text}");
        let adjusted =
            tickrace_store::read_frame(&folder.path().join("prices/adjusted_SAAA.parquet")).unwrap();
        let table = std::fs::read_to_string(folder.path().join("prices/instruments.csv")).unwrap();
        assert!(table.contains("SAAA,1,USD,Bars,0,0,0,0.005"), "{table}");

        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/systematic/intraday.toml");
        let (code, text) = told(&["systematic", "backtest", config, "--data", &prices, "--out", &at("out")]);
        assert_eq!(code, 0, "{text}");
        let stages = tickrace_store::read_frame(&folder.path().join("out/stages_SAAA.parquet")).unwrap();
        // Every bar of either symbol is a row; the symbol's own prices stand at their own times.
        let price = stages.column("daily_price").unwrap();
        let mut own = adjusted.at_ns.iter().zip(&adjusted.columns[0].1).peekable();
        let mut seen = 0;
        for (at_ns, price) in stages.at_ns.iter().zip(price) {
            if own.peek().is_some_and(|(own_ns, _)| *own_ns == at_ns) {
                assert_eq!(*price, *own.next().unwrap().1);
                seen += 1;
            } else {
                assert!(price.is_nan());
            }
        }
        assert_eq!(seen, adjusted.len());
        let statistics = std::fs::read_to_string(folder.path().join("out/stats.json")).unwrap();
        assert!(statistics.contains("2026-03-02") && statistics.contains("2026-03-03"));
        // A set of a sweep is the system that a backtest of the same terms works out.
        let of = |verb: &str, terms: &[&str], out: &str| {
            let (mut args, out) = (vec!["systematic", verb, config, "--data", &prices, "--out"], at(out));
            args.push(&out);
            args.extend(terms);
            let (code, text) = told(&args);
            assert_eq!(code, 0, "{text}");
        };
        let read = |file: &str| -> serde_json::Value {
            serde_json::from_str(&std::fs::read_to_string(at(file)).unwrap()).unwrap()
        };
        of("sweep", &["--grid", "buffer_size=0.4"], "sweep");
        of("backtest", &["--set", "buffer_size=0.4"], "alone");
        let (swept, alone) = (read("sweep/summary.json"), read("alone/stats.json"));
        let (swept, alone) = (&swept["best"]["figures"], &alone["portfolio"]["net_daily"]);
        for (own, other) in
            [("sharpe", "sharpe"), ("net_pct", "ann_mean"), ("drawdown_pct", "worst_drawdown")]
        {
            assert!(alone[other].as_f64().is_some_and(|value| value != 0.0), "{alone}");
            assert_eq!(swept[own], alone[other], "{own}");
        }
        // Targets after each bar are the positions of the stages.
        of("targets", &["--from", "2026-03-03"], "targets");
        let table = std::fs::read_to_string(at("targets/targets.csv")).unwrap();
        let held = stages.column("buffered_position").unwrap();
        let mut rows = 0;
        for line in table.lines().filter(|line| line.contains(",SAAA,")) {
            let fields: Vec<&str> = line.split(',').collect();
            let row =
                stages.at_ns.iter().position(|at_ns| crate::systematic::data::time(*at_ns) == fields[0]);
            assert_eq!(fields[2].parse::<f64>().unwrap(), held[row.unwrap()], "{line}");
            rows += 1;
        }
        let since = |at_ns: &&i64| crate::systematic::data::date(**at_ns).as_str() >= "2026-03-03";
        assert_eq!(rows, stages.at_ns.iter().filter(since).count());
        let first = ["systematic", "targets", config, "--data", &prices, "--date", "2026-03-02", "--out"];
        let (code, text) = told(&[&first[..], &[at("first").as_str()]].concat());
        assert!(code == 0 && text.contains("2 targets from 2026-03-02T"), "{text}");
        for (key, date, fault) in [
            ("--date", "2026-03-06", "--date: the data end with 2026-03-04T"),
            ("--from", "2026-03-06", "--from: the data end with 2026-03-04T"),
            ("--date", "2026-03-01", "begin later than the date asked for"),
        ] {
            let args = ["systematic", "targets", config, "--data", &prices, key, date, "--out", &at("no")];
            let (code, text) = told(&args);
            assert!(code != 0 && text.contains(fault), "{key} {date}: {text}");
        }
        let (code, text) = told(&["systematic", "stress", config, "--data", &prices, "--out", &at("no")]);
        assert!(code == 2 && text.contains("looks at days alone"), "{text}");
    }
}
