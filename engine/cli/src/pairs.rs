//! `pairs`: which series of a folder or a table are cointegrated, with the share of chance finds held.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tickrace_stats::pair_screen::{PairTerms, TestedPair, adjusted, tested_pair};
use tickrace_stats::{Dependence, Frame, Lags};
use tickrace_store::{read_csv_frame, read_frame};
use tickrace_systematic::system::parallel;

use crate::{Failure, Streams, progress};

/// Most lagged differences in a test: beyond it no year of days has rows to spare.
const LAGS_MAX: usize = 1000;

/// Arguments of `pairs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace pairs prices.csv --rate 0.05 --half-life-max 30\n\n\
    PRICES is a table (CSV or Parquet) with a date first and a column a series, or a folder of such files, each of which\n\
    gives its first column under the file's name. Every pair is tested both ways (Engle and Granger, critical values of\n\
    MacKinnon); of the pairs kept no more than the rate are chance, in expectation. Exit code 0 whether any is found or not.")]
pub struct Args {
    /// Table or folder of prices
    prices: PathBuf,
    /// Share of chance finds among the pairs kept
    #[arg(long, default_value_t = 0.05)]
    rate: f64,
    /// Correct by Benjamini and Hochberg, which is less careful than the default and finds more
    #[arg(long)]
    positive_dependence: bool,
    /// Longest half-life of an excursion, rows
    #[arg(long, default_value_t = 60.0)]
    half_life_max: f64,
    /// Lagged differences in the test; chosen by Akaike's criterion where absent
    #[arg(long)]
    lags: Option<usize>,
    /// Take prices as they are, not their logarithms
    #[arg(long)]
    plain: bool,
    /// Folder for pairs.json (all pairs) and pairs.toml (those kept, one a series, for a strategy of kind "pairs")
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if !(args.rate > 0.0 && args.rate < 1.0) {
        return Err(Failure::usage(format!("--rate must be between 0 and 1, it is {}", args.rate)));
    }
    if args.half_life_max.is_nan() || args.half_life_max <= 0.0 {
        return Err(Failure::usage("--half-life-max must be above zero".to_owned()));
    }
    if let Some(lags) = args.lags.filter(|lags| *lags > LAGS_MAX) {
        return Err(Failure::usage(format!("--lags must be at most {LAGS_MAX}, it is {lags}")));
    }
    let started = std::time::Instant::now();
    let (names, series) = series_of(&args.prices, args.plain)?;
    if names.len() < 2 {
        return Err(Failure::input(format!("{}: two series are needed", args.prices.display())));
    }
    let terms = PairTerms {
        lags: args.lags.map_or(Lags::Akaike, Lags::Fixed),
        dependence: if args.positive_dependence { Dependence::Positive } else { Dependence::Any },
        false_discovery_rate: args.rate,
        half_life_max: args.half_life_max,
        ..PairTerms::default()
    };
    let places: Vec<(usize, usize)> = (0..names.len())
        .flat_map(|first| (first + 1..names.len()).map(move |second| (first, second)))
        .collect();
    let bar = progress::bar(streams.is_watched, places.len() as u64, "pairs");
    let tested = parallel::each(places.len(), |place| {
        let (first, second) = places[place];
        bar.inc(1);
        tested_pair((first, &series[first]), (second, &series[second]), &terms)
    });
    bar.finish_and_clear();
    let passed_over = tested.iter().filter(|pair| pair.is_none()).count();
    let tested: Vec<TestedPair> = tested.into_iter().flatten().collect();
    let pairs = adjusted(tested, &terms)
        .map_err(|_| Failure::input(format!("{}: no two series share enough rows", args.prices.display())))?;
    let kept: Vec<&TestedPair> = pairs.iter().filter(|pair| pair.is_kept(&terms)).collect();
    let row = |pair: &TestedPair| {
        json!({
            "y": names[pair.y], "x": names[pair.x], "hedge_ratio": pair.line.slope, "intercept": pair.line.intercept,
            "p_value": pair.p_value, "q_value": pair.q_value, "half_life": pair.half_life,
            "z_score": pair.z_score, "observations": pair.observations, "is_kept": pair.is_kept(&terms),
        })
    };
    let summary = json!({
        "series": names.len(), "tested": pairs.len(), "passed_over": passed_over, "kept": kept.len(),
        "rate": args.rate, "is_log": !args.plain, "seconds": started.elapsed().as_secs_f64(),
        "pairs": kept.iter().map(|pair| row(pair)).collect::<Vec<Value>>(),
    });
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).map_err(|error| Failure::write(out, error))?;
        let path = out.join("pairs.json");
        let all = json!(pairs.iter().map(row).collect::<Vec<Value>>());
        let text = serde_json::to_string_pretty(&all).map_err(Failure::runtime)?;
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
        let path = out.join("pairs.toml");
        std::fs::write(&path, traded(&kept, &names)).map_err(|error| Failure::write(&path, error))?;
    }
    if streams.is_json {
        streams.json(&summary);
    }
    say(streams, args, &names, (&pairs, &kept), passed_over, started.elapsed().as_secs_f64());
    Ok(())
}

/// The kept pairs as a policy takes them: likeliest first, and of each series only its likeliest pair.
fn traded(kept: &[&TestedPair], names: &[String]) -> String {
    let mut is_taken = vec![false; names.len()];
    let mut text = "# Pairs to trade: [strategy] pairs = \"this file\"\npairs = [\n".to_owned();
    for pair in kept {
        if !is_taken[pair.y] && !is_taken[pair.x] {
            (is_taken[pair.y], is_taken[pair.x]) = (true, true);
            let (y, x) = (Value::from(&*names[pair.y]), Value::from(&*names[pair.x]));
            text += &format!("    {{ y = {y}, x = {x} }},\n");
        }
    }
    text + "]\n"
}

fn say(
    streams: &mut Streams<'_>,
    args: &Args,
    names: &[String],
    (pairs, kept): (&[TestedPair], &[&TestedPair]),
    passed_over: usize,
    seconds: f64,
) {
    streams.say(&format!(
        "{} series, {} pairs tested in {seconds:.1} s, {} kept at a rate of {}{}",
        names.len(),
        pairs.len(),
        kept.len(),
        args.rate,
        if passed_over > 0 {
            format!("; {passed_over} passed over: too few shared rows")
        } else {
            String::new()
        }
    ));
    // Where none is kept, the likeliest show how far they are from it.
    let shown: Vec<&TestedPair> =
        if kept.is_empty() { pairs.iter().take(5).collect() } else { kept.to_vec() };
    if kept.is_empty() {
        streams.say("the likeliest of those not kept:");
    }
    streams.say(&format!(
        "{:<14} {:<14} {:>12} {:>10} {:>10} {:>10} {:>7}",
        "y", "x", "hedge ratio", "p", "q", "half-life", "z now"
    ));
    for pair in shown {
        let half_life = pair.half_life.map_or_else(|| "–".to_owned(), |rows| format!("{rows:.1}"));
        streams.say(&format!(
            "{:<14} {:<14} {:>12.4} {:>10.2e} {:>10.2e} {half_life:>10} {:>7.2}",
            names[pair.y], names[pair.x], pair.line.slope, pair.p_value, pair.q_value, pair.z_score
        ));
    }
}

/// Names and values on the days of any, NaN where missing; of a day the last value.
fn series_of(path: &Path, is_plain: bool) -> Result<(Vec<String>, Vec<Vec<f64>>), Failure> {
    let mut by_name: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    let mut take = |name: String, at_ns: &[i64], values: &[f64], file: &Path| {
        let days = by_name.entry(name.clone()).or_default();
        if !days.is_empty() {
            return Err(Failure::input(format!("{}: a second series named {name}", file.display())));
        }
        for (at, value) in at_ns.iter().zip(values) {
            if !is_plain && *value <= 0.0 {
                let fault =
                    format!("{name} has a price of {value}, which has no logarithm: --plain takes it");
                return Err(Failure::input(format!("{}: {fault}", file.display())));
            }
            if !value.is_nan() {
                days.insert(at.div_euclid(86_400_000_000_000), if is_plain { *value } else { value.ln() });
            }
        }
        Ok(())
    };
    if path.is_dir() {
        let listed = std::fs::read_dir(path)
            .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
        let mut files: Vec<PathBuf> =
            listed.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.sort();
        for file in files.iter().filter(|file| is_table(file)) {
            let frame = frame_of(file)?;
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((_, values)) = frame.columns.first() {
                take(name, &frame.at_ns, values, file)?;
            }
        }
    } else {
        let frame = frame_of(path)?;
        for (name, values) in &frame.columns {
            take(name.clone(), &frame.at_ns, values, path)?;
        }
    }
    let mut days: Vec<i64> = by_name.values().flat_map(|own| own.keys().copied()).collect();
    days.sort_unstable();
    days.dedup();
    let laid =
        |own: &BTreeMap<i64, f64>| days.iter().map(|day| own.get(day).copied().unwrap_or(f64::NAN)).collect();
    Ok((by_name.keys().cloned().collect(), by_name.values().map(laid).collect()))
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "csv" || kind == "parquet")
}

fn frame_of(path: &Path) -> Result<Frame, Failure> {
    let is_parquet = path.extension().is_some_and(|kind| kind == "parquet");
    let read = if is_parquet { read_frame(path) } else { read_csv_frame(path) };
    read.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::input(format!("{error}{cause}"))
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use tickrace_stats::Rng;

    fn told(args: &[&str]) -> (u8, Value, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams { out: &mut out, err: &mut err, is_json: true, is_watched: false };
        let code = crate::run(["tickrace", "pairs", "--json"].iter().chain(args), &mut streams);
        (code, serde_json::from_slice(&out).unwrap_or(Value::Null), String::from_utf8(err).unwrap())
    }

    /// Three walks, and a fourth that follows the first with an excursion.
    fn table() -> String {
        let mut rng = Rng::new(3);
        let (mut levels, mut spread) = ([100.0_f64, 80.0, 120.0], 0.0);
        let mut text = "date,A,B,C,FOLLOWS_A\n".to_owned();
        for day in 0..600_i64 {
            levels.iter_mut().for_each(|level| *level += rng.normal() * 0.5);
            spread = 0.8 * spread + rng.normal() * 0.3;
            let date = crate::systematic::data::date((10_957 + day) * 86_400_000_000_000);
            let [a, b, c] = levels;
            let _ = writeln!(text, "{date},{a},{b},{c},{}", 1.5 * a + 10.0 + spread);
        }
        text
    }

    #[test]
    fn a_planted_pair_is_found_in_a_table_and_in_a_folder_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        std::fs::write(&path, table()).unwrap();
        let name = path.display().to_string();
        let (code, found, err) = told(&[&name, "--plain", "--lags", "1"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!((found["tested"].as_u64(), found["kept"].as_u64()), (Some(6), Some(1)), "{found}");
        let pair = &found["pairs"][0];
        let names = [pair["y"].as_str().unwrap(), pair["x"].as_str().unwrap()];
        assert!(names.contains(&"A") && names.contains(&"FOLLOWS_A"), "{pair}");
        let ratio = pair["hedge_ratio"].as_f64().unwrap();
        let wanted = if names[0] == "FOLLOWS_A" { 1.5 } else { 1.0 / 1.5 };
        assert!((ratio / wanted - 1.0).abs() < 0.05, "{ratio}");

        let parts = folder.path().join("parts");
        std::fs::create_dir(&parts).unwrap();
        for (place, name) in ["A", "B", "C", "FOLLOWS_A"].iter().enumerate() {
            let mut column = String::new();
            for line in table().lines() {
                let fields: Vec<&str> = line.split(',').collect();
                let _ = writeln!(column, "{},{}", fields[0], fields[place + 1]);
            }
            std::fs::write(parts.join(format!("{name}.csv")), column).unwrap();
        }
        let (_, again, err) = told(&[&parts.display().to_string(), "--plain", "--lags", "1"]);
        assert_eq!(again["pairs"], found["pairs"], "{err}");
    }

    /// The list that is written is the one a configuration takes, and of a series that belongs to two others one pair is traded.
    #[test]
    fn what_is_found_can_be_traded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        let doubled: Vec<String> = table()
            .lines()
            .enumerate()
            .map(|(row, line)| {
                let a: f64 = line.split(',').nth(1).unwrap().parse().unwrap_or(0.0);
                // A third that belongs to A: a sawtooth about it.
                let third =
                    if row == 0 { "ALSO_A".to_owned() } else { (a + [0.0, 0.4, -0.4][row % 3]).to_string() };
                format!("{line},{third}")
            })
            .collect();
        std::fs::write(&path, doubled.join("\n")).unwrap();
        let out = folder.path().join("out").display().to_string();
        let name = path.display().to_string();
        let (code, found, err) = told(&[&name, "--plain", "--lags", "1", "--out", &out]);
        assert_eq!(code, 0, "{err}");
        assert!(found["kept"].as_u64() >= Some(2), "{found}");
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
        let list = folder.path().join("out/pairs.toml");
        let setting = format!("strategy.pairs={}", list.display());
        let table = crate::settings::load(&configs.join("backtest/pairs.toml"), &[setting]).unwrap();
        let traded = table["strategy"]["pairs"].as_array().unwrap();
        assert_eq!(traded.len(), 1, "{traded:?}");
        let likeliest = &found["pairs"][0];
        assert_eq!(traded[0]["y"].as_str(), likeliest["y"].as_str());
        assert_eq!(traded[0]["x"].as_str(), likeliest["x"].as_str());
    }

    #[test]
    fn what_cannot_be_screened_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let one = put("one.csv", "date,A\n2020-01-01,1\n");
        let zero = put("zero.csv", "date,A,B\n2020-01-01,1,0\n");
        let short = put("short.csv", "date,A,B\n2020-01-01,1,2\n");
        for (args, code, word) in [
            (vec![one.as_str()], 3, "two series are needed"),
            (vec![zero.as_str()], 3, "B has a price of 0, which has no logarithm"),
            (vec![short.as_str()], 3, "no two series share enough rows"),
            (vec!["nowhere.csv"], 3, "nowhere.csv"),
            (vec![one.as_str(), "--rate", "2"], 2, "--rate must be between 0 and 1"),
            (vec![one.as_str(), "--lags", "9223372036854775807"], 2, "--lags must be at most 1000"),
        ] {
            let (own, _, err) = told(&args);
            assert!(own == code && err.contains(word), "{args:?}: {own} {err}");
        }
    }
}
