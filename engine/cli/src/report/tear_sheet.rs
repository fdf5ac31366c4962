//! `report --tear-sheet` and `report --returns`: the figures of a run's days, or of a file's, on one page.

use std::path::{Path, PathBuf};

use tickrace_analytics::RunReport;
use tickrace_analytics::report::{format, tear_sheet};
use tickrace_analytics::tear_sheet::{BenchmarkInput, SheetConfig, SheetInput, TearSheet};

use crate::returns_file::{DailyReturns, Reading};
use crate::{Failure, Streams, provenance};

/// File of a systematic backtest that holds its daily profit.
pub const SYSTEMATIC_FILE: &str = "portfolio_daily_pct.parquet";

/// Options of a tear sheet.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What could have been held instead: a CSV or Parquet file of its daily returns or levels
    #[arg(long, value_name = "FILE")]
    benchmark: Option<PathBuf>,
    /// Column of --returns to take
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// What that column holds; by default its name tells
    #[arg(long, value_enum, value_name = "KIND")]
    returns_as: Option<Reading>,
    /// Column of --benchmark to take
    #[arg(long, value_name = "NAME")]
    benchmark_column: Option<String>,
    /// What that column holds; by default its name tells
    #[arg(long, value_enum, value_name = "KIND")]
    benchmark_as: Option<Reading>,
    /// Capital that profits in money are over
    #[arg(long)]
    capital: Option<f64>,
    /// How many strategies were tried before this one was chosen: deflates the Sharpe ratio
    #[arg(long, default_value_t = 1)]
    trials: u64,
    /// Standard deviation of their annualised Sharpe ratios; by default that of worthless ones over as many days
    #[arg(long, value_name = "RATIO")]
    trials_deviation: Option<f64>,
    /// Risk-free return a year, per cent, taken off before ratios
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    risk_free_pct: f64,
    /// Days a year: 252 of exchanges, 365 of venues that never close
    #[arg(long, default_value_t = 252.0)]
    periods_a_year: f64,
    /// Window of the rolling figures, days
    #[arg(long, default_value_t = 63)]
    window: usize,
    /// Share of the worst days that the values at risk speak of
    #[arg(long, default_value_t = 0.05)]
    tail: f64,
    /// Courses of the Monte Carlo section
    #[arg(long, default_value_t = 2000)]
    courses: usize,
    /// Mean length of its blocks; by default the cube root of the sample
    #[arg(long)]
    block_mean: Option<f64>,
    /// Its seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Most courses: a fan of decades of days then takes seconds.
const COURSES_MAX: usize = 100_000;

impl Options {
    /// The sheet's configuration, checked.
    ///
    /// # Errors
    ///
    /// [`Failure`] naming the option.
    pub fn config(&self) -> Result<SheetConfig, Failure> {
        let check = |is_sound: bool, what: &str| if is_sound { Ok(()) } else { Err(Failure::usage(what)) };
        check(
            self.periods_a_year > 0.0 && self.periods_a_year.is_finite(),
            "--periods-a-year: it is above 0",
        )?;
        check(
            self.risk_free_pct > -100.0 && self.risk_free_pct.is_finite(),
            "--risk-free-pct: it is above -100",
        )?;
        check(self.tail > 0.0 && self.tail < 0.5, "--tail: it lies between 0 and 0.5")?;
        check(self.trials > 0, "--trials: there was at least this one")?;
        check(self.window > 1, "--window: it is at least 2 days")?;
        check((1..=COURSES_MAX).contains(&self.courses), "--courses: from 1 to 100000")?;
        check(self.block_mean.is_none_or(|mean| mean >= 1.0), "--block-mean: it is at least 1")?;
        let is_spread = |deviation: f64| deviation >= 0.0 && deviation.is_finite();
        check(self.trials_deviation.is_none_or(is_spread), "--trials-deviation: it is 0 or more")?;
        Ok(SheetConfig {
            periods_a_year: self.periods_a_year,
            risk_free: self.risk_free_pct / 100.0,
            trials: self.trials,
            trials_deviation: self.trials_deviation,
            window: self.window,
            tail: self.tail,
            courses: self.courses,
            block_mean: self.block_mean,
            seed: self.seed,
        })
    }

    fn benchmark(&self, base_day: i64, days: &[i64]) -> Result<Option<BenchmarkInput>, Failure> {
        let Some(path) = &self.benchmark else { return Ok(None) };
        let other =
            DailyReturns::read(path, self.benchmark_column.as_deref(), self.benchmark_as, self.capital)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let returns = other.on(base_day, days);
        if returns.iter().all(Option::is_none) {
            return Err(Failure::input(format!(
                "{}: the benchmark has none of the days of the returns",
                path.display()
            )));
        }
        Ok(Some(BenchmarkInput { name, returns }))
    }

    /// Input out of a file of returns.
    ///
    /// # Errors
    ///
    /// [`Failure`] naming the file and what is wrong with it.
    pub fn of_file(&self, path: &Path, title: Option<&str>) -> Result<SheetInput, Failure> {
        let own = DailyReturns::read(path, self.column.as_deref(), self.returns_as, self.capital)?;
        let mut notes = Vec::new();
        if own.missing > 0 {
            notes.push(format!("{} rows hold no number and are left out", format::count(own.missing as u64)));
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SheetInput {
            title: title.map_or(stem, str::to_owned),
            source: own.how.clone(),
            dates: own.dates(),
            benchmark: self.benchmark(own.base_day, &own.days)?,
            returns: own.returns,
            notes,
        })
    }

    /// Input out of the daily results of a run.
    ///
    /// # Errors
    ///
    /// [`Failure`] naming the benchmark's file.
    pub fn of_run(&self, run: &RunReport) -> Result<SheetInput, Failure> {
        let (mut input, numbers) = days_of(run);
        let base_day = numbers.first().map_or(0, |day| day - 1);
        input.benchmark = self.benchmark(base_day, &numbers)?;
        Ok(input)
    }
}

/// Daily returns of a run, and their days numbered from 1 January 1970.
pub fn days_of(run: &RunReport) -> (SheetInput, Vec<i64>) {
    let days: Vec<(i64, &str, f64)> = run
        .days
        .iter()
        .filter_map(|day| {
            let at_ns = tickrace_stats::panel::parse_time(&day.date)?;
            Some((at_ns.div_euclid(tickrace_stats::panel::DAY_NS), day.date.as_str(), day.daily_return?))
        })
        .collect();
    let mut notes = Vec::new();
    let lost = run.days.len() - days.len();
    if lost > 0 {
        notes.push(format!("{lost} days began with no equity above zero and have no return"));
    }
    if let Some(why) = &run.timings.cut_short {
        notes.push(format!("the run was cut short: {why}"));
    }
    let input = SheetInput {
        title: run.title.replacen("Backtest", "Tear sheet", 1),
        source: "net profit of each day over the equity at its start".to_owned(),
        dates: days.iter().map(|day| day.1.to_owned()).collect(),
        returns: days.iter().map(|day| day.2).collect(),
        benchmark: None,
        notes,
    };
    (input, days.into_iter().map(|day| day.0).collect())
}

/// Works the sheet out and writes `tear_sheet.html` and `tear_sheet.json`; with `--json` prints the same object.
///
/// # Errors
///
/// [`Failure`] where a file cannot be written.
pub fn write(
    input: &SheetInput,
    run: Option<&RunReport>,
    config: &SheetConfig,
    out: &Path,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let sheet = TearSheet::new(input, run, config);
    let mut rows = vec![("Returns", input.source.clone())];
    if let Some(run) = run {
        rows.push(("Order digest", run.order_digest.clone()));
        rows.extend(run.meta.files.iter().map(|file| ("Data", format!("{} {}", file.path, file.hash))));
    }
    rows.push(("Days a year", config.periods_a_year.to_string()));
    rows.push(("Risk-free return", format!("{} % a year", config.risk_free * 100.0)));
    rows.push(("Monte Carlo", format!("{} courses, seed {}", config.courses, config.seed)));
    rows.push(("Build", provenance::build()));
    std::fs::create_dir_all(out).map_err(|error| Failure::write(out, error))?;
    let page = out.join("tear_sheet.html");
    std::fs::write(&page, tear_sheet::html(&sheet, &rows)).map_err(|error| Failure::write(&page, error))?;
    let data = out.join("tear_sheet.json");
    let text = serde_json::to_string_pretty(&sheet).map_err(Failure::runtime)?;
    std::fs::write(&data, text).map_err(|error| Failure::write(&data, error))?;
    if streams.is_json {
        streams.json(&sheet);
    }
    say(&sheet, streams);
    streams.say(&format!("report    {}", page.display()));
    Ok(())
}

fn say(sheet: &TearSheet, streams: &mut Streams<'_>) {
    let head = &sheet.headline;
    let percent = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| format!("{} %", format::decimals(value * 100.0, 2)))
    };
    streams.say(&format!(
        "{} days, {} to {}: total {}, a year {} at a volatility of {}",
        sheet.periods,
        sheet.first_date,
        sheet.last_date,
        percent(head.total_return),
        percent(head.annual_return),
        percent(head.annual_volatility)
    ));
    streams.say(&format!(
        "Sharpe {}, Sortino {}, Calmar {}, max drawdown {}; PSR {}, DSR of {} trials {}",
        format::maybe(head.sharpe, 3),
        format::maybe(head.sortino, 3),
        format::maybe(head.calmar, 3),
        percent(head.max_drawdown),
        format::maybe(sheet.belief.probabilistic_sharpe, 4),
        sheet.belief.trials,
        format::maybe(sheet.belief.deflated_sharpe, 4)
    ));
    sheet.absent.iter().for_each(|why| streams.say(&format!("note: {why}")));
}
