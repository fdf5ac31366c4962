//! The tear sheet as data: every figure a portfolio manager takes into a meeting, of one series of daily returns and, where
//! there is one, of the run behind it.
//!
//! Figures are those of [`crate::performance`] and [`crate::validation`], called on the same returns; this file only decides which, and
//! says in words why one is absent. [`crate::report::tear_sheet`] draws it. The same input and seed give the same sheet.

mod monte_carlo;
mod trading;

use serde::Serialize;

pub use monte_carlo::{Fan, MonteCarlo};
pub use trading::{Attribution, BLOCK_NS, RegimeMoney, TradeFigures, Trading, account_blocks, named_sources};

use crate::days::{DAYS_A_YEAR, SHARPE_DAYS_MIN};
use crate::figures::RunReport;
use crate::performance::regime::{self, RegimeRow};
use crate::performance::rolling::{rolling, rolling_pair};
use crate::performance::sharpe::{self, Observed};
use crate::performance::{benchmark, consistency, drawdowns, ratios, returns, tails};

/// Periods a regime's volatility and trend look back on: a month and a quarter of trading days.
pub const REGIME_WINDOWS: [usize; 2] = [21, 63];

/// Rows of the table of falls.
pub const FALLS_MAX: usize = 10;

/// What a sheet is made from.
#[derive(Clone, Debug, Default)]
pub struct SheetInput {
    /// Headline.
    pub title: String,
    /// Where the returns come from and how they were read, in words.
    pub source: String,
    /// `YYYY-MM-DD`, ascending, one a return.
    pub dates: Vec<String>,
    /// Simple returns a day as fractions.
    pub returns: Vec<f64>,
    /// What could have been held instead.
    pub benchmark: Option<BenchmarkInput>,
    /// Why there are no returns, or fewer than days, where that is so.
    pub notes: Vec<String>,
}

/// A benchmark on the dates of the returns.
#[derive(Clone, Debug, Default)]
pub struct BenchmarkInput {
    /// Its name.
    pub name: String,
    /// Return from the date before to this one; absent where the benchmark has none.
    pub returns: Vec<Option<f64>>,
}

/// What a sheet needs to be told.
#[derive(Clone, Copy, Debug)]
pub struct SheetConfig {
    /// Periods a year.
    pub periods_a_year: f64,
    /// Risk-free return a year, a fraction, taken off before ratios.
    pub risk_free: f64,
    /// How many strategies were tried before this one was chosen; 1 where it was the only one.
    pub trials: u64,
    /// Standard deviation of their annualised Sharpe ratios; absent: that of worthless ones over as many days.
    pub trials_deviation: Option<f64>,
    /// Window of the rolling figures, periods.
    pub window: usize,
    /// Share of the worst periods that the values at risk speak of.
    pub tail: f64,
    /// Courses of the Monte Carlo section.
    pub courses: usize,
    /// Mean length of its blocks; absent: the cube root of the sample.
    pub block_mean: Option<f64>,
    /// Its seed.
    pub seed: u64,
}

impl Default for SheetConfig {
    fn default() -> Self {
        Self {
            periods_a_year: DAYS_A_YEAR,
            risk_free: 0.0,
            trials: 1,
            trials_deviation: None,
            window: 63,
            tail: 0.05,
            courses: 2000,
            block_mean: None,
            seed: 1,
        }
    }
}

/// Every figure.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TearSheet {
    /// Headline.
    pub title: String,
    /// Where the returns come from.
    pub source: String,
    /// First and last date; empty without days.
    pub first_date: String,
    /// See `first_date`.
    pub last_date: String,
    /// Days.
    pub periods: usize,
    /// Periods a year.
    pub periods_a_year: f64,
    /// Risk-free return a year.
    pub risk_free: f64,
    /// Why figures are absent, in words; empty where none is.
    pub absent: Vec<String>,
    /// Headline figures.
    pub headline: Headline,
    /// Against the benchmark.
    pub relative: Option<Against>,
    /// The deepest falls, the deepest first.
    pub falls: Vec<FallRow>,
    /// Mean depth of all falls, and mean length in periods.
    pub fall_mean: Option<(f64, f64)>,
    /// Calendar months.
    pub months: Vec<consistency::Month>,
    /// Calendar years.
    pub years: Vec<Year>,
    /// Shape of the distribution.
    pub distribution: Distribution,
    /// Figures over a moving window.
    pub rolling: Rolling,
    /// Returns by kind of market.
    pub regimes: Vec<RegimeRow>,
    /// Whose returns told the kind of market.
    pub regimes_of: String,
    /// How far the Sharpe ratio can be believed.
    pub belief: Belief,
    /// Other courses the same days and trades might have taken.
    pub monte_carlo: MonteCarlo,
    /// What was traded.
    pub trading: Option<Trading>,
    /// The series.
    pub curve: Curve,
}

/// Figures at the page's head.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Headline {
    /// Compounded return of all days.
    pub total_return: Option<f64>,
    /// The constant yearly return that gives the same.
    pub annual_return: Option<f64>,
    /// Annualised standard deviation.
    pub annual_volatility: Option<f64>,
    /// Annualised Sharpe ratio, beyond the risk-free return.
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio, beyond the risk-free return.
    pub sortino: Option<f64>,
    /// Annual return over the deepest fall.
    pub calmar: Option<f64>,
    /// Sum of gains over sum of losses.
    pub omega: Option<f64>,
    /// Deepest fall, zero or a negative fraction.
    pub max_drawdown: Option<f64>,
    /// Longest time below a best, periods.
    pub longest_drawdown: Option<usize>,
    /// Share of periods below a best.
    pub under_water_share: Option<f64>,
    /// Share of periods with a gain.
    pub positive_share: Option<f64>,
    /// Best period.
    pub best: Option<f64>,
    /// Worst period.
    pub worst: Option<f64>,
    /// Share of calendar months with a gain.
    pub positive_months: Option<f64>,
}

/// Against a benchmark, over the periods that both have.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Against {
    /// Its name.
    pub name: String,
    /// Periods that both have.
    pub periods: usize,
    /// Its compounded return over them.
    pub total_return: Option<f64>,
    /// Its annualised return.
    pub annual_return: Option<f64>,
    /// Its annualised volatility.
    pub annual_volatility: Option<f64>,
    /// Its annualised Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Its deepest fall.
    pub max_drawdown: Option<f64>,
    /// Correlation of the two.
    pub correlation: Option<f64>,
    /// Beta, alpha, captures and the rest.
    #[serde(flatten)]
    pub relative: benchmark::Relative,
}

/// One of the deepest falls.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FallRow {
    /// A negative fraction.
    pub depth: f64,
    /// First date below the best.
    pub first: String,
    /// Date of the lowest point.
    pub lowest: String,
    /// Date on which the best was reached again; absent where it was not.
    pub recovered: Option<String>,
    /// Periods below the best.
    pub periods: usize,
    /// Of these, up to the lowest point.
    pub periods_down: usize,
}

/// A calendar year.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Year {
    /// `2024`.
    pub year: String,
    /// Compounded return of its days.
    pub total: f64,
    /// The benchmark's, over the days that it has; absent without any.
    pub benchmark: Option<f64>,
    /// Days.
    pub periods: usize,
    /// Annualised volatility of its days; absent under 20.
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio of its days; absent under 20.
    pub sharpe: Option<f64>,
    /// Deepest fall within it.
    pub max_drawdown: f64,
}

/// Shape of the distribution of returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Mean of a period.
    pub mean: Option<f64>,
    /// Standard deviation of a period.
    pub deviation: Option<f64>,
    /// Skewness.
    pub skew: Option<f64>,
    /// Excess kurtosis.
    pub kurtosis: Option<f64>,
    /// Share of periods that the values at risk speak of.
    pub tail: f64,
    /// Value at risk of the sample: a return, negative.
    pub var_historical: Option<f64>,
    /// Mean of what lies below.
    pub cvar_historical: Option<f64>,
    /// Value at risk of the normal distribution of the same mean and deviation.
    pub var_parametric: Option<f64>,
    /// Mean of what lies below.
    pub cvar_parametric: Option<f64>,
    /// 95th percentile over the size of the 5th.
    pub tail_ratio: Option<f64>,
    /// Mean of gains.
    pub gain_mean: Option<f64>,
    /// Mean of losses.
    pub loss_mean: Option<f64>,
}

/// Figures over a moving window; element `t` ends with period `t`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rolling {
    /// Window, periods.
    pub window: usize,
    /// Annualised Sharpe ratio.
    pub sharpe: Vec<Option<f64>>,
    /// Annualised volatility.
    pub volatility: Vec<Option<f64>>,
    /// Beta; empty without a benchmark.
    pub beta: Vec<Option<f64>>,
}

/// How far the Sharpe ratio can be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Belief {
    /// Probability that the true Sharpe ratio is above 0.
    pub probabilistic_sharpe: Option<f64>,
    /// Probability that it is above what luck gives the best of `trials`.
    pub deflated_sharpe: Option<f64>,
    /// Strategies tried.
    pub trials: u64,
    /// Deviation of their annualised Sharpe ratios that was used.
    pub trials_deviation: Option<f64>,
    /// Annualised Sharpe ratio that luck gives the best of them.
    pub lucky_sharpe: Option<f64>,
    /// Periods until the ratio can be said to be above 0 with 95 % confidence.
    pub track_record_min: Option<f64>,
}

/// The series behind the plots.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// `YYYY-MM-DD`.
    pub dates: Vec<String>,
    /// Simple returns.
    pub returns: Vec<f64>,
    /// One unit compounded.
    pub wealth: Vec<f64>,
    /// The benchmark's, from its first date on.
    pub benchmark: Vec<Option<f64>>,
    /// Distance below the best, zero or a negative fraction.
    pub under_water: Vec<f64>,
}

impl TearSheet {
    /// Works everything out; `run` is the run behind the returns, where there is one.
    ///
    /// # Panics
    ///
    /// Where there is not one date, and one place of the benchmark, a return.
    pub fn new(input: &SheetInput, run: Option<&RunReport>, config: &SheetConfig) -> Self {
        let SheetInput { returns: values, dates, .. } = input;
        assert_eq!(dates.len(), values.len(), "one date a return");
        let is_enough = values.len() >= SHARPE_DAYS_MIN;
        let mut absent = input.notes.clone();
        if !is_enough {
            absent.push(format!(
                "{} of returns: figures that need a distribution of days (ratios, volatility, values at risk, beliefs, rolling \
                 figures, other courses of the days) are stated from {SHARPE_DAYS_MIN} on and are null here",
                match values.len() {
                    1 => "1 day".to_owned(),
                    count => format!("{count} days"),
                }
            ));
        }
        // Ratios are of what lies beyond the risk-free return.
        let safe = libm::pow(1.0 + config.risk_free, 1.0 / config.periods_a_year) - 1.0;
        let excess: Vec<f64> = values.iter().map(|value| value - safe).collect();
        let sheet = Scope { values, excess: &excess, dates, config, is_enough };
        let regimes_market = sheet.market(input.benchmark.as_ref());
        let [volatility, trend] = REGIME_WINDOWS;
        let regimes = if is_enough {
            let before = regime::before_each(&regimes_market.1, volatility, trend);
            regime::attribute(values, &before, config.periods_a_year, SHARPE_DAYS_MIN)
        } else {
            Vec::new()
        };
        Self {
            title: input.title.clone(),
            source: input.source.clone(),
            first_date: dates.first().cloned().unwrap_or_default(),
            last_date: dates.last().cloned().unwrap_or_default(),
            periods: values.len(),
            periods_a_year: config.periods_a_year,
            risk_free: config.risk_free,
            headline: sheet.headline(),
            relative: input.benchmark.as_ref().map(|other| sheet.against(other, safe)),
            falls: sheet.falls(),
            fall_mean: drawdowns::average(values),
            months: consistency::months(dates, values),
            years: sheet.years(input.benchmark.as_ref()),
            distribution: sheet.distribution(),
            rolling: sheet.rolling(input.benchmark.as_ref()),
            regimes,
            regimes_of: regimes_market.0,
            belief: sheet.belief(),
            monte_carlo: MonteCarlo::new(values, run, config, is_enough, &mut absent),
            trading: run.map(Trading::of),
            curve: sheet.curve(input.benchmark.as_ref()),
            absent,
        }
    }
}

/// What the parts share.
struct Scope<'a> {
    values: &'a [f64],
    excess: &'a [f64],
    dates: &'a [String],
    config: &'a SheetConfig,
    is_enough: bool,
}

impl Scope<'_> {
    /// A figure that needs a distribution of days.
    fn of_days<T>(&self, figure: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.is_enough { figure() } else { None }
    }

    fn headline(&self) -> Headline {
        let (values, year) = (self.values, self.config.periods_a_year);
        let is_any = !values.is_empty();
        let water = drawdowns::under_water(values);
        let under = water.iter().filter(|depth| **depth < 0.0).count();
        let months = consistency::months(self.dates, values);
        let month_returns: Vec<f64> = months.iter().map(|month| month.total).collect();
        Headline {
            total_return: is_any.then(|| returns::total(values)),
            annual_return: self.of_days(|| returns::annualised(values, year)),
            annual_volatility: self.of_days(|| returns::volatility(values, year)),
            sharpe: self.of_days(|| ratios::sharpe(self.excess, year)),
            sortino: self.of_days(|| ratios::sortino(self.excess, year)),
            calmar: self.of_days(|| ratios::calmar(values, year)),
            omega: self.of_days(|| ratios::omega(values)),
            max_drawdown: is_any.then(|| drawdowns::deepest(values)),
            longest_drawdown: is_any
                .then(|| drawdowns::falls(values).iter().map(|fall| fall.periods).max().unwrap_or(0)),
            under_water_share: is_any.then(|| under as f64 / values.len() as f64),
            positive_share: consistency::positive_share(values),
            best: consistency::extremes(values).map(|pair| pair.0),
            worst: consistency::extremes(values).map(|pair| pair.1),
            positive_months: self.of_days(|| consistency::positive_share(&month_returns)),
        }
    }

    fn against(&self, other: &BenchmarkInput, safe: f64) -> Against {
        let year = self.config.periods_a_year;
        let (own, market) = self.shared(other);
        let beyond = |values: &[f64]| values.iter().map(|value| value - safe).collect::<Vec<f64>>();
        let excess = beyond(&market);
        let is_enough = market.len() >= SHARPE_DAYS_MIN;
        let of_days = |figure: Option<f64>| figure.filter(|_| is_enough);
        Against {
            name: other.name.clone(),
            periods: market.len(),
            total_return: (!market.is_empty()).then(|| returns::total(&market)),
            annual_return: of_days(returns::annualised(&market, year)),
            annual_volatility: of_days(returns::volatility(&market, year)),
            sharpe: of_days(ratios::sharpe(&excess, year)),
            max_drawdown: (!market.is_empty()).then(|| drawdowns::deepest(&market)),
            correlation: of_days(benchmark::correlation(&own, &market)),
            relative: if is_enough {
                // Alpha is what neither the benchmark nor the risk-free return explains.
                let alpha = benchmark::relative(&beyond(&own), &excess, year).alpha;
                benchmark::Relative { alpha, ..benchmark::relative(&own, &market, year) }
            } else {
                benchmark::Relative::default()
            },
        }
    }

    /// The periods that both have.
    fn shared(&self, other: &BenchmarkInput) -> (Vec<f64>, Vec<f64>) {
        assert_eq!(other.returns.len(), self.values.len(), "one place of the benchmark a return");
        self.values.iter().zip(&other.returns).filter_map(|(own, other)| Some((*own, (*other)?))).unzip()
    }

    /// Whose moves tell the kind of market: the benchmark's where it has all periods, else our own.
    fn market(&self, other: Option<&BenchmarkInput>) -> (String, Vec<f64>) {
        let whole = other.and_then(|other| {
            let all: Option<Vec<f64>> = other.returns.iter().copied().collect();
            Some((other.name.clone(), all?))
        });
        whole.unwrap_or_else(|| ("these returns themselves".to_owned(), self.values.to_vec()))
    }

    fn falls(&self) -> Vec<FallRow> {
        let date = |place: usize| self.dates[place].clone();
        drawdowns::worst(self.values, FALLS_MAX)
            .into_iter()
            .map(|fall| FallRow {
                depth: fall.depth,
                first: date(fall.first),
                lowest: date(fall.lowest),
                recovered: fall.recovered.map(date),
                periods: fall.periods,
                periods_down: fall.lowest - fall.first + 1,
            })
            .collect()
    }

    fn years(&self, other: Option<&BenchmarkInput>) -> Vec<Year> {
        let name = |place: usize| self.dates[place].get(..4).unwrap_or_default();
        let mut years = Vec::new();
        let mut first = 0;
        while first < self.values.len() {
            let count = (first..self.values.len()).take_while(|place| name(*place) == name(first)).count();
            let range = first..first + count;
            let own = &self.values[range.clone()];
            let market: Vec<f64> = other
                .map(|other| other.returns[range].iter().flatten().copied().collect())
                .unwrap_or_default();
            let is_enough = count >= SHARPE_DAYS_MIN;
            let year = self.config.periods_a_year;
            years.push(Year {
                year: name(first).to_owned(),
                total: returns::total(own),
                benchmark: (!market.is_empty()).then(|| returns::total(&market)),
                periods: count,
                volatility: returns::volatility(own, year).filter(|_| is_enough),
                sharpe: ratios::sharpe(&self.excess[first..first + count], year).filter(|_| is_enough),
                max_drawdown: drawdowns::deepest(own),
            });
            first += count;
        }
        years
    }

    fn distribution(&self) -> Distribution {
        let (values, tail) = (self.values, self.config.tail);
        let mean_of = |takes: fn(&&f64) -> bool| {
            returns::mean(&values.iter().filter(takes).copied().collect::<Vec<f64>>())
        };
        Distribution {
            mean: returns::mean(values),
            deviation: self.of_days(|| returns::deviation(values)),
            skew: self.of_days(|| returns::skew(values)),
            kurtosis: self.of_days(|| returns::kurtosis(values)),
            tail,
            var_historical: self.of_days(|| tails::var_historical(values, tail)),
            cvar_historical: self.of_days(|| tails::cvar_historical(values, tail)),
            var_parametric: self.of_days(|| tails::var_parametric(values, tail)),
            cvar_parametric: self.of_days(|| tails::cvar_parametric(values, tail)),
            tail_ratio: self.of_days(|| tails::tail_ratio(values)),
            gain_mean: mean_of(|value| **value > 0.0),
            loss_mean: mean_of(|value| **value < 0.0),
        }
    }

    fn rolling(&self, other: Option<&BenchmarkInput>) -> Rolling {
        let (window, year) = (self.config.window, self.config.periods_a_year);
        if !self.is_enough {
            return Rolling { window, ..Rolling::default() };
        }
        let beta = other.map_or(Vec::new(), |other| {
            let filled: Vec<f64> = other.returns.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            rolling_pair(self.values, &filled, window, benchmark::beta)
        });
        Rolling {
            window,
            sharpe: rolling(self.excess, window, |values| ratios::sharpe(values, year)),
            volatility: rolling(self.values, window, |values| returns::volatility(values, year)),
            beta,
        }
    }

    fn belief(&self) -> Belief {
        let (trials, year) = (self.config.trials, self.config.periods_a_year);
        let Some(observed) = self.of_days(|| Observed::of(self.excess)) else {
            return Belief { trials, ..Belief::default() };
        };
        // Worthless strategies over as many days have ratios that spread by this much.
        let worthless = 1.0 / (observed.periods - 1.0).sqrt();
        let deviation = self.config.trials_deviation.map_or(worthless, |yearly| yearly / year.sqrt());
        let count = trials as f64;
        let lucky = if trials <= 1 { Some(0.0) } else { sharpe::expected_best(deviation * deviation, count) };
        Belief {
            probabilistic_sharpe: sharpe::probabilistic_sharpe(&observed, 0.0),
            deflated_sharpe: lucky.and_then(|lucky| sharpe::probabilistic_sharpe(&observed, lucky)),
            trials,
            trials_deviation: Some(deviation * year.sqrt()),
            lucky_sharpe: lucky.map(|lucky| lucky * year.sqrt()),
            track_record_min: sharpe::track_record_min(&observed, 0.0, 0.95),
        }
    }

    fn curve(&self, other: Option<&BenchmarkInput>) -> Curve {
        let compound = |wealth: &mut f64, value: f64| {
            *wealth *= 1.0 + value;
            Some(*wealth)
        };
        let mut market = None;
        let of_benchmark = |value: &Option<f64>| {
            market = value.map(|value| market.unwrap_or(1.0) * (1.0 + value)).or(market);
            market
        };
        Curve {
            dates: self.dates.to_vec(),
            returns: self.values.to_vec(),
            wealth: self.values.iter().scan(1.0, |wealth, value| compound(wealth, *value)).collect(),
            benchmark: other.map_or(Vec::new(), |other| other.returns.iter().map(of_benchmark).collect()),
            under_water: drawdowns::under_water(self.values),
        }
    }
}

#[cfg(test)]
mod tests;
