//! `systematic day`: yesterday's state and the days since, to today's positions.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use tickrace_stats::{BusinessDay, Frame};
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::live::{LiveError, State};
use tickrace_systematic::market::Market;
use tickrace_systematic::targets::Target;

use super::data::{self, date, moment};
use super::targets::{day_of, head_of, write};
use super::words;
use crate::{Failure, Streams, settings};

/// Arguments of `systematic day`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    once:        tickrace systematic day configs/systematic/chapter15.toml --data DIR --state out/ch15.state --build\n  \
    each day:    tickrace systematic day configs/systematic/chapter15.toml --data DIR --state out/ch15.state --targets out/today\n  \
    look again:  tickrace systematic day configs/systematic/chapter15.toml --state out/ch15.state\n\n\
    The state holds what the past leaves behind: averages, windows, positions. Each day after its last is taken out of DIR and\n\
    gives, to the last bit, what `systematic backtest` and `systematic targets` give over the whole history. Then the file is\n\
    replaced, whole or not at all. DIR may hold the whole history, which is then checked against the state's, or the new rows\n\
    alone.\n\n\
    A day is given once, when it is over: rows that come later for it, and prices that are revised, are refused; build anew,\n\
    or go back to a copy of an earlier state. An instrument without a row on a day has no price on it.\n\
    A roll moves all earlier adjusted prices: with --rolls rebuild (the default) the state is then built anew from DIR, so that\n\
    every bit is the whole run's; with --rolls shift it stays in its own coordinates, and agrees but for rounding.\n\
    Parameters are fixed: estimated weights, scalars and multipliers, volatility_calculation.backfill,\n\
    forecast_post_ceiling_cost_SR, risk_overlay and small_system are refused by name (docs/systematic_day.md says why).")]
pub struct Args {
    /// Configuration file (TOML)
    config: PathBuf,
    /// File of the state
    #[arg(long)]
    state: PathBuf,
    /// Folder of prices; without it the state is told as it stands
    #[arg(long)]
    data: Option<PathBuf>,
    /// Build the state from the history in the folder, in place of one that is there
    #[arg(long, requires = "data")]
    build: bool,
    /// Last day to take in, YYYY-MM-DD; by default the folder's last
    #[arg(long, requires = "data")]
    until: Option<String>,
    /// Where a roll moved earlier prices: build the state anew, or stay in its coordinates
    #[arg(long, value_enum, default_value_t = Rolls::Rebuild)]
    rolls: Rolls,
    /// Folder of targets to write, as `systematic targets` does; it must not exist yet
    #[arg(long)]
    targets: Option<PathBuf>,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// What to do with a past that a roll moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rolls {
    /// Build anew: equal to the whole run in every bit
    Rebuild,
    /// Go on in the state's own coordinates
    Shift,
}

/// A state moved on, and how it came there.
struct Moved {
    state: State,
    /// Targets after each new day; of the last day where there is no new one.
    days: Vec<Vec<Target>>,
    /// Words for how it came about.
    how: String,
    /// Whether the file is no longer what it should be.
    is_new: bool,
    /// Seconds of the days alone, without reading.
    seconds: f64,
    /// Days that were taken in.
    count: usize,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if let Some(out) = args.targets.as_deref().filter(|out| out.exists()) {
        return Err(Failure::usage(format!("{}: exists already; name a new folder", out.display())));
    }
    let mut table = settings::load(&args.config, &args.set)?;
    words::translate(&mut table)?;
    let config: SystemConfig = settings::parse(&args.config, &table)?;
    let moved = moved(args, &config)?;
    if moved.is_new {
        moved.state.save(&args.state, &config).map_err(|error| Failure::write(&args.state, error))?;
    }
    if let Some(out) = &args.targets {
        let names = moved.state.instruments().map(|known| known.name.clone()).collect();
        write(out, &head_of(&args.config, &config, names, &moved.days)?, &moved.days)?;
    }
    tell(args, &moved, streams);
    Ok(())
}

fn moved(args: &Args, config: &SystemConfig) -> Result<Moved, Failure> {
    let fail = |error: LiveError| failure_of(args, error);
    if !args.build && !args.state.exists() {
        return Err(Failure::input(format!(
            "{}: there is no state; --build with --data makes one from the history",
            args.state.display()
        )));
    }
    let Some(folder) = &args.data else {
        let state = State::load(&args.state, config).map_err(fail)?;
        let days = vec![state.positions().targets()];
        return Ok(Moved {
            state,
            days,
            how: "as it stands".to_owned(),
            is_new: false,
            seconds: 0.0,
            count: 0,
        });
    };
    let market = market(args, config, folder)?;
    let built = |how: String| {
        let started = Instant::now();
        let state = State::build(config, &market).map_err(fail)?;
        let days = vec![state.positions().targets()];
        Ok(Moved { state, days, how, is_new: true, seconds: started.elapsed().as_secs_f64(), count: 0 })
    };
    if args.build {
        return built("built from the history".to_owned());
    }
    let mut state = State::load(&args.state, config).map_err(fail)?;
    let news = state.news(&market).map_err(fail)?;
    let rolled: Vec<String> = news.rolled.iter().map(|(name, shift)| format!("{name} by {shift}")).collect();
    if !rolled.is_empty() && args.rolls == Rolls::Rebuild {
        return built(format!("rolled ({}), and built anew from the history", rolled.join(", ")));
    }
    let started = Instant::now();
    let mut days = Vec::with_capacity(news.days.len());
    for day in &news.days {
        days.push(state.advance(day).map_err(fail)?.targets());
    }
    let seconds = started.elapsed().as_secs_f64();
    let count = days.len();
    if days.is_empty() {
        days.push(state.positions().targets());
    }
    let how = match (count, rolled.is_empty()) {
        (0, _) => "no new day in the folder".to_owned(),
        (_, true) => format!("{count} new days"),
        (_, false) => format!("{count} new days, earlier prices moved by rolls: {}", rolled.join(", ")),
    };
    Ok(Moved { state, days, how, is_new: count > 0, seconds, count })
}

/// The folder up to the last day asked for.
fn market(args: &Args, config: &SystemConfig, folder: &Path) -> Result<Market, Failure> {
    let wanted: Option<Vec<&str>> =
        config.instrument_weights.as_ref().map(|weights| weights.keys().map(String::as_str).collect());
    let mut market = data::load(folder, wanted.as_deref())?;
    if let Some(until) = day_of(args.until.as_deref(), "--until")? {
        let end_ns = BusinessDay(until.0 + 1).start_ns();
        let cut = |frame: &mut Frame| {
            let kept = frame.at_ns.partition_point(|at| *at < end_ns);
            frame.at_ns.truncate(kept);
            frame.columns.iter_mut().for_each(|(_, values)| values.truncate(kept));
        };
        for (_, prices) in market.instruments.values_mut() {
            cut(&mut prices.adjusted);
            cut(&mut prices.multiple);
        }
        market.rates.values_mut().for_each(cut);
    }
    Ok(market)
}

/// Who is at fault: the configuration, the state's file, or the folder.
fn failure_of(args: &Args, error: LiveError) -> Failure {
    use tickrace_systematic::system::SystemError;
    match error {
        LiveError::Refused { .. }
        | LiveError::System(SystemError::Rule { .. } | SystemError::Config(_) | SystemError::Input { .. }) => {
            Failure::usage(format!("{}: {error}", args.config.display()))
        }
        LiveError::File { .. } | LiveError::Damaged { .. } => Failure::input(error),
        error => {
            let folder =
                args.data.as_ref().map_or_else(String::new, |folder| format!("{}: ", folder.display()));
            Failure::input(format!("{folder}{error}"))
        }
    }
}

fn tell(args: &Args, moved: &Moved, streams: &mut Streams<'_>) {
    let positions = moved.state.positions();
    let day = date(positions.day().start_ns());
    let rows: Vec<(Target, f64)> = positions
        .iter()
        .filter_map(|position| {
            let target = position.target()?;
            let trade = target.target - position.held_before();
            Some((target, trade))
        })
        .collect();
    let each_us =
        moved.seconds * 1e6 / (moved.count.max(1) * moved.state.instruments().count().max(1)) as f64;
    if streams.is_json {
        let row = |(target, trade): &(Target, f64)| {
            let mut row = json!(target);
            row["price_date"] = json!(moment(target.priced_ns));
            row["trade"] = json!(trade);
            row
        };
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let each_us = (moved.count > 0).then_some(each_us);
        streams.json(&json!({
            "state": args.state.display().to_string(),
            "day": day,
            "days": moved.count,
            "how": moved.how,
            "seconds": moved.seconds,
            "us_per_instrument_day": each_us,
            "targets": args.targets.as_ref().map(|out| out.display().to_string()),
            "positions": rows,
        }));
        return;
    }
    let time = match (moved.count, moved.is_new) {
        (0, false) => String::new(),
        (0, true) => format!(" in {:.2} s", moved.seconds),
        _ => format!(" in {:.2} ms, {each_us:.1} us a day for an instrument", moved.seconds * 1e3),
    };
    streams.say(&format!("{}: after {day}, {}{time}", args.state.display(), moved.how));
    streams.say(&format!(
        "  {:<16} {:>12} {:>9} {:>10} {:>7} {:>7} {:>7} {:>7}",
        "instrument", "price", "forecast", "wanted", "low", "high", "target", "trade"
    ));
    let known = |value: f64, digits: usize| {
        if value.is_nan() { "–".to_owned() } else { format!("{value:.digits$}") }
    };
    for (one, trade) in &rows {
        let old = if one.priced_ns < one.held_ns {
            format!("  priced {}", moment(one.priced_ns))
        } else {
            String::new()
        };
        streams.say(&format!(
            "  {:<16} {:>12} {:>9} {:>10} {:>7} {:>7} {:>7} {:>7}{old}",
            one.instrument,
            known(one.reference_price, 4),
            known(one.forecast, 2),
            known(one.unrounded, 2),
            one.low,
            one.high,
            one.target,
            trade
        ));
    }
    for known in
        moved.state.instruments().filter(|known| rows.iter().all(|(one, _)| one.instrument != known.name))
    {
        streams.say(&format!("  {:<16} no price yet", known.name));
    }
    if let Some(out) = &args.targets {
        streams.say(&format!("targets are in {}", out.display()));
    }
}

#[cfg(test)]
mod tests;
