//! `systematic`: the futures framework, from prices to a portfolio.

use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_stats::Frame;
use tickrace_store::write_frame;
use tickrace_systematic::account::{Frequency, Statistics};
use tickrace_systematic::bars::{BarCalendar, Laid};
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::{Stages, System, SystemError};

use crate::{Failure, Streams, progress, settings};

pub mod bars;
pub mod data;
pub mod day;
pub mod import;
pub mod roll;
pub mod stress;
pub mod sweep;
pub mod targets;
pub mod words;

/// Arguments of `systematic`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic backtest configs/systematic/chapter15.toml --data DIR --out out/chapter15\n\n\
    Each of these has its own --help, with an example.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Work a whole system out: every stage, the account, a report
    Backtest(BacktestArgs),
    /// Print one stage of one instrument as CSV
    Stage(StageArgs),
    /// What bad times would do to today's positions, and did to the system
    Stress(stress::Args),
    /// Work many parameter sets out over all cores: one table, ranked, with the odds that the best is luck
    Sweep(sweep::Args),
    /// Bars of ticks as prices of a system within the day
    Bars(bars::Args),
    /// From prices of single contracts to a roll calendar, multiple and adjusted prices
    Roll(roll::Args),
    /// A configuration of pysystemtrade (YAML) as one of ours
    Import(import::Args),
    /// The positions wanted after a day, for a desk to follow
    Targets(targets::Args),
    /// Today's positions from yesterday's state and one day of prices, without the history
    Day(day::Args),
}

/// Arguments of `systematic backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic backtest configs/systematic/chapter15.toml --data DIR --stages all --out out/chapter15\n\n\
    DIR holds instruments.csv and, as Parquet or CSV, adjusted_X, multiple_X for each instrument and fx_AAABBB.\n\
    Writes stages_X.parquet for each instrument, buffered_positions.parquet, portfolio_daily_pct.parquet,\n\
    capital_multiplier.parquet, stats.json and report.html; with a risk overlay risk_overlay.parquet, with a small system\n\
    dynamic_positions.parquet and dynamic_portfolio_daily_pct.parquet.")]
pub struct BacktestArgs {
    #[command(flatten)]
    input: Input,
    /// Stages to write: all, or names joined by commas (raw_fc writes raw_fc.R of every rule R)
    #[arg(long, default_value = "all")]
    stages: String,
    /// Folder for the results; by default out/ and the name of the configuration
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Arguments of `systematic stage`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic stage configs/systematic/chapter15.toml --data DIR --instrument CORN --stage combined_fc --last 20")]
pub struct StageArgs {
    #[command(flatten)]
    input: Input,
    /// Whose
    #[arg(long)]
    instrument: String,
    /// Which: a stage's name, or the part before its dot for that of every rule; repeatable
    #[arg(long, required = true)]
    stage: Vec<String>,
    /// Only so many of the last days
    #[arg(long)]
    last: Option<usize>,
}

/// What a system is made from.
#[derive(Debug, clap::Args)]
struct Input {
    /// Configuration file (TOML)
    config: PathBuf,
    /// Folder of prices
    #[arg(long)]
    data: PathBuf,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    // One instrument after the other takes as much memory as the one before.
    tickrace_runtime::huge::keep_freed();
    match &args.verb {
        Verb::Backtest(args) => backtest(args, streams),
        Verb::Stage(args) => stage(args, streams),
        Verb::Stress(args) => stress::run(args, streams),
        Verb::Sweep(args) => sweep::run(args, streams),
        Verb::Bars(args) => bars::run(args, streams),
        Verb::Roll(args) => roll::run(args, streams),
        Verb::Import(args) => import::run(args, streams),
        Verb::Targets(args) => targets::run(args, streams),
        Verb::Day(args) => day::run(args, streams),
    }
}

impl Input {
    /// The system with its accounts.
    fn system(&self) -> Result<Done, Failure> {
        let mut table = settings::load(&self.config, &self.set)?;
        words::translate(&mut table)?;
        let config: SystemConfig = settings::parse(&self.config, &table)?;
        let wanted: Option<Vec<&str>> =
            config.instrument_weights.as_ref().map(|weights| weights.keys().map(String::as_str).collect());
        let market = data::load(&self.data, wanted.as_deref())?;
        let started = std::time::Instant::now();
        let at_data = |error| Failure::input(format!("{}: {error}", self.data.display()));
        let at_config =
            |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", self.config.display()));
        let laid = Laid::of(&market, &config).map_err(|error| at_config(&error))?;
        let (market, terms) = laid.as_ref().map_or((&market, &config), |laid| (&laid.market, &laid.terms));
        let mut system = System::new(market, terms, &Rules::default()).map_err(|error| match error {
            SystemError::Market(error) => at_data(error),
            error => at_config(&error),
        })?;
        let earnings = Earnings::new(&system, market, terms).map_err(at_data)?;
        earnings.add_to(&mut system);
        let seconds = started.elapsed().as_secs_f64();
        Ok(Done { config, system, earnings, calendar: laid.map(|laid| laid.calendar), seconds })
    }
}

/// A system that was worked out.
struct Done {
    /// As configured.
    config: SystemConfig,
    system: System,
    earnings: Earnings,
    /// Of a system on bars: its days are bars.
    calendar: Option<BarCalendar>,
    /// Taken once everything was read.
    seconds: f64,
}

impl Done {
    /// Stages as a file holds them: dated by days, or by the closes of bars.
    fn frame(&self, stages: &Stages, wanted: impl Fn(&str) -> bool) -> Frame {
        let frame = stages.frame(wanted);
        self.calendar.as_ref().map_or_else(|| frame.clone(), |calendar| calendar.frame(&frame))
    }
}

/// Warns of what is stated for names that nothing has.
fn remark(input: &Input, config: &SystemConfig, system: &System, streams: &mut Streams<'_>) {
    let names: Vec<String> = system.members.keys().cloned().collect();
    for remark in config.remarks(&names) {
        streams.warn(&format!("{}: {remark}", input.config.display()));
    }
}

/// Whether a stage is asked for by its name, or by the part before its dot.
fn is_asked(name: &str, asked: &[&str]) -> bool {
    let family = name.split('.').next().unwrap_or(name);
    asked.iter().any(|asked| *asked == "all" || *asked == name || *asked == family)
}

/// Refuses a name that no stage has.
fn check_asked(stages: &Stages, asked: &[&str]) -> Result<(), Failure> {
    let is_known = |asked: &str| stages.0.iter().any(|(name, _)| is_asked(name, &[asked]));
    match asked.iter().find(|asked| !is_known(asked)) {
        None => Ok(()),
        Some(unknown) => {
            let mut there: Vec<&str> =
                stages.0.iter().map(|(name, _)| name.split('.').next().unwrap_or(name)).collect();
            there.dedup();
            Err(Failure::usage(format!("there is no stage {unknown}; there are: {}", there.join(" "))))
        }
    }
}

fn backtest(args: &BacktestArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    let done = args.input.system()?;
    let Done { config, system, earnings, calendar, seconds: compute_seconds } = &done;
    let compute_seconds = *compute_seconds;
    remark(&args.input, config, system, streams);
    let seconds = started.elapsed().as_secs_f64();
    let asked: Vec<&str> = args.stages.split(',').map(str::trim).collect();
    if let Some(member) = system.members.values().next() {
        check_asked(&member.stages, &asked)?;
    }
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("out").join(args.input.config.file_stem().unwrap_or_default()));
    std::fs::create_dir_all(&out).map_err(|error| Failure::write(&out, error))?;
    let bar = progress::bar(streams.is_watched, system.members.len() as u64, "writing");
    for (name, member) in &system.members {
        let path = out.join(format!("stages_{name}.parquet"));
        let frame = done.frame(&member.stages, |name| is_asked(name, &asked));
        write_frame(&path, "date", &frame).map_err(|error| Failure::write(&path, error))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    write_positions(&done, &out)?;
    let mut whole = vec![
        ("portfolio_daily_pct", earnings.portfolio_days()),
        ("capital_multiplier", earnings.capital_multipliers()),
    ];
    whole.extend(system.overlay.clone().map(|measures| ("risk_overlay", measures)));
    whole.extend(system.dynamic.clone().map(|contracts| ("dynamic_positions", contracts)));
    whole.extend(earnings.dynamic_days().map(|days| ("dynamic_portfolio_daily_pct", days)));
    for (name, stages) in whole {
        let path = out.join(format!("{name}.parquet"));
        write_frame(&path, "date", &done.frame(&stages, |_| true))
            .map_err(|error| Failure::write(&path, error))?;
    }
    // What follows is of real days.
    let by_day = calendar.as_ref().map(|calendar| (calendar.system(system), calendar.earnings(earnings)));
    let (by_day, earnings) =
        by_day.as_ref().map_or((system, earnings), |(system, earnings)| (system, earnings));
    let statistics = earnings.statistics(by_day);
    let path = out.join("stats.json");
    let text = serde_json::to_string_pretty(&statistics).map_err(Failure::runtime)?;
    std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
    let positions: serde_json::Map<String, serde_json::Value> = system
        .members
        .iter()
        .filter_map(|(name, member)| {
            Some((name.clone(), json!(member.stages.get("buffered_position")?.values.last()?)))
        })
        .collect();
    let title = args.input.config.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let words = std::fs::read_to_string(&args.input.config).unwrap_or_default();
    let page = tickrace_systematic::report::of_system(&title, by_day, earnings, config, &words);
    let path = out.join("report.html");
    std::fs::write(&path, page).map_err(|error| Failure::write(&path, error))?;
    let net = Statistics::of_flow(&earnings.portfolio.net(), Frequency::BusinessDay);
    let figure = |of: fn(&Statistics) -> f64| net.as_ref().map(of).filter(|value| value.is_finite());
    let (sharpe, mean, deviation) =
        (figure(|net| net.sharpe), figure(|net| net.ann_mean), figure(|net| net.ann_std));
    let worst = figure(|net| net.worst_drawdown);
    let summary = json!({
        "instruments": system.members.len(),
        "sharpe": sharpe,
        "ann_mean_pct": mean,
        "ann_std_pct": deviation,
        "worst_drawdown_pct": worst,
        "rules": config.trading_rules.len(),
        "bars_a_day": calendar.as_ref().map(BarCalendar::bars_a_day),
        "compute_seconds": compute_seconds,
        "seconds": seconds,
        "positions": positions,
        "out": out.display().to_string(),
    });
    if streams.is_json {
        streams.json(&summary);
    }
    streams.say(&format!(
        "{} instruments by {} rules in {:.1} ms, {seconds:.3} s with reading; stages and report.html are in {}",
        system.members.len(),
        config.trading_rules.len(),
        compute_seconds * 1e3,
        out.display()
    ));
    let say = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    streams.say(&format!(
        "net a year: {} % at a deviation of {} %, Sharpe ratio {}, worst drawdown {} %",
        say(mean),
        say(deviation),
        say(sharpe),
        say(worst)
    ));
    streams.say("positions held at the end:");
    for (name, position) in &positions {
        streams.say(&format!("  {name:<16} {position:>8} contracts"));
    }
    Ok(())
}

/// One column of held contracts for each instrument.
fn write_positions(done: &Done, out: &Path) -> Result<(), Failure> {
    let held =
        |(name, stages): (&String, &Stages)| Some((name.clone(), stages.get("buffered_position")?.clone()));
    let members = done.system.members.iter();
    let all = members.map(|(name, member)| (name, &member.stages)).filter_map(held).collect();
    let path = out.join("buffered_positions.parquet");
    let frame = done.frame(&Stages(all), |_| true);
    write_frame(&path, "date", &frame).map_err(|error| Failure::write(&path, error))
}

fn stage(args: &StageArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let done = args.input.system()?;
    let Done { config, system, calendar, .. } = &done;
    remark(&args.input, config, system, streams);
    let Some(member) = system.members.get(&args.instrument) else {
        let there = system.members.keys().cloned().collect::<Vec<_>>().join(" ");
        return Err(Failure::usage(format!(
            "there is no instrument {}; there are: {there}",
            args.instrument
        )));
    };
    let asked: Vec<&str> = args.stage.iter().map(String::as_str).collect();
    check_asked(&member.stages, &asked)?;
    let frame = done.frame(&member.stages, |name| is_asked(name, &asked));
    let dated: fn(i64) -> String = if calendar.is_some() { data::time } else { data::date };
    let from = args.last.map_or(0, |last| frame.len().saturating_sub(last));
    if streams.is_json {
        let columns: serde_json::Map<String, serde_json::Value> =
            frame.columns.iter().map(|(name, values)| (name.clone(), json!(values[from..]))).collect();
        let dates: Vec<String> = frame.at_ns[from..].iter().map(|at| dated(*at)).collect();
        streams.json(&json!({ "instrument": args.instrument, "date": dates, "columns": columns }));
        return Ok(());
    }
    streams.say(csv(&frame, from, dated).trim_end());
    Ok(())
}

fn csv(frame: &Frame, from: usize, dated: fn(i64) -> String) -> String {
    let names: Vec<&str> = frame.columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("date,{}\n", names.join(","));
    for row in from..frame.len() {
        text.push_str(&dated(frame.at_ns[row]));
        for (_, values) in &frame.columns {
            text.push(',');
            if !values[row].is_nan() {
                text.push_str(&values[row].to_string());
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
