//! Several finished runs side by side: their figures, how their returns move together, and whether their Sharpe ratios differ.

use serde::Serialize;
use tickrace_stats::false_discovery::{Dependence, adjusted_p_values};

use crate::days::SHARPE_DAYS_MIN;
use crate::performance::benchmark;
use crate::tear_sheet::{Belief, Distribution, Headline, TearSheet, TradeFigures};
use crate::validation::difference::{Difference, block_of, sharpe_difference};

/// One run of the comparison.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Its sheet.
    pub sheet: TearSheet,
    /// Return by day, numbered from 1 January 1970, ascending.
    pub days: Vec<(i64, f64)>,
    /// Net profit by quarter of an hour, numbered likewise, ascending; empty where it is not known.
    pub blocks: Vec<(i64, f64)>,
}

/// How to test.
#[derive(Clone, Copy, Debug)]
pub struct CompareConfig {
    /// Periods a year.
    pub periods_a_year: f64,
    /// Samples of each test.
    pub samples: usize,
    /// Days in a block; absent: the cube root of the days.
    pub block: Option<usize>,
    /// Seed.
    pub seed: u64,
}

/// The comparison.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Figures of each run.
    pub runs: Vec<RunFigures>,
    /// What a period of the correlations and tests is: `day` or `quarter of an hour`.
    pub period: String,
    /// Periods that all runs have.
    pub periods: usize,
    /// `[runs][runs]`: correlation of returns over them.
    pub correlation: Vec<Vec<Option<f64>>>,
    /// Tests of each pair.
    pub tests: Vec<PairTest>,
    /// Why something is absent, in words.
    pub absent: Vec<String>,
}

/// Figures of one run: those of its tear sheet, without series.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunFigures {
    /// Its name.
    pub name: String,
    /// Where its returns come from.
    pub source: String,
    /// First and last day, and how many.
    pub first_date: String,
    /// See `first_date`.
    pub last_date: String,
    /// See `first_date`.
    pub periods: usize,
    /// Headline figures.
    pub headline: Headline,
    /// Shape of the distribution.
    pub distribution: Distribution,
    /// How far the ratio can be believed.
    pub belief: Belief,
    /// Net profit, account currency; absent of a file of returns.
    pub net_pnl: Option<f64>,
    /// Its currency.
    pub account_currency: Option<String>,
    /// Net profit over value traded, basis points.
    pub net_bps: Option<f64>,
    /// Fills.
    pub fills: Option<u64>,
    /// Round trips.
    pub trades: Option<TradeFigures>,
}

/// Whether the Sharpe ratios of two runs differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PairTest {
    /// Place of the first.
    pub first: usize,
    /// Place of the second.
    pub second: usize,
    /// The test, ratios of one period; absent where it cannot be made.
    pub test: Option<Difference>,
    /// The difference, annualised where periods are days.
    pub difference_annual: Option<f64>,
    /// P-value adjusted for the number of pairs (Benjamini and Yekutieli: pairs share runs).
    pub p_adjusted: Option<f64>,
}

impl Comparison {
    /// Compares.
    pub fn new(runs: &[Compared], config: &CompareConfig) -> Self {
        let mut found = Self { runs: runs.iter().map(RunFigures::of).collect(), ..Self::default() };
        let days = shared(runs, |run| &run.days);
        let blocks = shared(runs, |run| &run.blocks);
        let count = |shared: &[Vec<f64>]| shared.first().map_or(0, Vec::len);
        let (series, scale) = if count(&days) >= SHARPE_DAYS_MIN {
            "day".clone_into(&mut found.period);
            (days, Some(config.periods_a_year.sqrt()))
        } else if count(&blocks) >= SHARPE_DAYS_MIN {
            "quarter of an hour".clone_into(&mut found.period);
            found.absent.push(format!(
                "{} common to all runs, and correlations and tests of days take {SHARPE_DAYS_MIN}: they are of quarters of an \
                 hour here, and their ratios are not annualised",
                days_are(count(&days))
            ));
            (blocks, None)
        } else {
            found.absent.push(format!(
                "{} common to all runs: correlations and tests take {SHARPE_DAYS_MIN}",
                days_are(count(&days))
            ));
            return found;
        };
        found.periods = count(&series);
        let correlate =
            |own: &Vec<f64>| series.iter().map(|other| benchmark::correlation(own, other)).collect();
        found.correlation = series.iter().map(correlate).collect();
        found.tests = tests(&series, scale, config);
        found
    }
}

fn days_are(count: usize) -> String {
    if count == 1 { "1 day is".to_owned() } else { format!("{count} days are") }
}

/// Values of the periods that all runs have, `[runs][periods]`.
fn shared(runs: &[Compared], of: fn(&Compared) -> &Vec<(i64, f64)>) -> Vec<Vec<f64>> {
    let Some(first) = runs.first() else { return Vec::new() };
    let value = |run: &Compared, period: i64| {
        let all = of(run);
        all.binary_search_by_key(&period, |one| one.0).ok().map(|place| all[place].1)
    };
    let common: Vec<i64> = of(first)
        .iter()
        .map(|one| one.0)
        .filter(|period| runs.iter().all(|run| value(run, *period).is_some()))
        .collect();
    runs.iter().map(|run| common.iter().filter_map(|period| value(run, *period)).collect()).collect()
}

fn tests(series: &[Vec<f64>], scale: Option<f64>, config: &CompareConfig) -> Vec<PairTest> {
    let mut tests = Vec::new();
    for first in 0..series.len() {
        for second in first + 1..series.len() {
            let block = config.block.unwrap_or_else(|| block_of(series[first].len()));
            let test = sharpe_difference(&series[first], &series[second], block, config.samples, config.seed);
            let difference_annual = test.zip(scale).map(|(test, scale)| test.difference * scale);
            tests.push(PairTest { first, second, test, difference_annual, p_adjusted: None });
        }
    }
    let p_values: Vec<f64> = tests.iter().filter_map(|one| Some(one.test?.p_value)).collect();
    let adjusted = adjusted_p_values(&p_values, Dependence::Any).unwrap_or_default();
    let made = tests.iter_mut().filter(|one| one.test.is_some());
    made.zip(adjusted).for_each(|(one, adjusted)| one.p_adjusted = Some(adjusted));
    tests
}

impl RunFigures {
    fn of(run: &Compared) -> Self {
        let sheet = &run.sheet;
        let trading = sheet.trading.as_ref();
        Self {
            name: run.name.clone(),
            source: sheet.source.clone(),
            first_date: sheet.first_date.clone(),
            last_date: sheet.last_date.clone(),
            periods: sheet.periods,
            headline: sheet.headline.clone(),
            distribution: sheet.distribution.clone(),
            belief: sheet.belief.clone(),
            net_pnl: trading.map(|trading| trading.net_pnl),
            account_currency: trading.map(|trading| trading.account_currency.clone()),
            net_bps: trading.and_then(|trading| trading.net_bps),
            fills: trading.map(|trading| trading.fills),
            trades: trading.map(|trading| trading.trades[0].clone()),
        }
    }
}

#[cfg(test)]
mod tests_of_pairs {
    use super::*;
    use crate::tear_sheet::{SheetConfig, SheetInput};
    use tickrace_stats::Rng;

    fn compared(name: &str, days: Vec<(i64, f64)>) -> Compared {
        let input = SheetInput {
            dates: days.iter().map(|day| crate::days::date_of(day.0)).collect(),
            returns: days.iter().map(|day| day.1).collect(),
            ..SheetInput::default()
        };
        let config = SheetConfig { courses: 10, ..SheetConfig::default() };
        Compared {
            name: name.to_owned(),
            sheet: TearSheet::new(&input, None, &config),
            days,
            blocks: Vec::new(),
        }
    }

    const CONFIG: CompareConfig = CompareConfig { periods_a_year: 252.0, samples: 199, block: None, seed: 1 };

    #[test]
    fn runs_are_compared_on_the_days_that_all_have() {
        let mut rng = Rng::new(4);
        let market: Vec<f64> = (0..400).map(|_| rng.normal() * 0.01).collect();
        let with = |rng: &mut Rng, edge: f64, from: usize| -> Vec<(i64, f64)> {
            (from..400).map(|day| (day as i64, market[day] + edge + rng.normal() * 0.002)).collect()
        };
        let runs = [
            compared("plain", with(&mut rng, 0.0, 0)),
            compared("twin", with(&mut rng, 0.0, 100)),
            compared("better", with(&mut rng, 0.003, 50)),
        ];
        let found = Comparison::new(&runs, &CONFIG);
        assert_eq!((found.period.as_str(), found.periods), ("day", 300));
        // Two of market + noise a fifth as large correlate by 1 / 1.04.
        let correlation = found.correlation[0][1].unwrap();
        assert!((correlation - 1.0 / 1.04).abs() < 0.02, "{correlation}");
        assert!((found.correlation[2][2].unwrap() - 1.0).abs() < 1e-12);
        let p = |place: usize| found.tests[place].p_adjusted.unwrap();
        assert!(p(0) > 0.1 && p(1) < 0.05 && p(2) < 0.05, "{:?}", found.tests);
        // The figures are those of the whole series, not of the days in common.
        assert_eq!(found.runs[0].periods, 400);
    }

    #[test]
    fn too_few_days_in_common_are_told() {
        let days = |from: i64| (from..from + 30).map(|day| (day, 0.001 * (day % 3) as f64)).collect();
        let found = Comparison::new(&[compared("a", days(0)), compared("b", days(25))], &CONFIG);
        assert!(found.tests.is_empty() && found.absent[0].starts_with("5 days"), "{:?}", found.absent);
        assert!(Comparison::new(&[], &CONFIG).runs.is_empty());
    }
}
