//! Raw data: what rules are fed with, worked out from prices of one instrument, and of its neighbours.
//!
//! | stage | what it is |
//! | --- | --- |
//! | `daily_price` | last back-adjusted price of each business day |
//! | `denom_price` | last price of the held contract, the base of percentages |
//! | `returns_vol` | deviation of daily price differences, points ([`volatility`]) |
//! | `perc_vol` | the same as a percentage of the held contract's price |
//! | `norm_returns` | daily difference over the deviation of the day before |
//! | `daily_ann_roll` | slope between held and carry contract, points a year |
//! | `raw_carry` | the same over the annual deviation |
//!
//! Source: R. Carver, *Systematic Trading* (2015), appendix B and chapter 9; conventions of pysystemtrade 1.80.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::{
    alpha_of_com, alpha_of_span, differences, ew_mean, ew_std, fill_forward, fill_forward_into, moving_shape,
    rolling_quantile, rolling_std,
};
use tickrace_stats::panel::DayRows;
use tickrace_stats::{BusinessDay, Series};

use crate::market::Prices;

/// Business days of a year.
pub const YEAR_DAYS: f64 = 256.0;
/// Root of [`YEAR_DAYS`].
pub const YEAR_ROOT: f64 = 16.0;
/// Years a smoothed carry looks back over, as a centre of mass in days.
pub(crate) const CARRY_COM: f64 = 90.0;
/// Centre of mass of the long averages factors are compared with, days.
pub(crate) const FACTOR_COM: f64 = 256.0 * 15.0;

/// Which estimate the deviation of daily price differences is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolatilityMethod {
    /// Exponential, mixed with its own slow average.
    #[default]
    #[serde(rename = "mixed_vol_calc")]
    Mixed,
    /// Exponential, never below a quantile of its own last days.
    #[serde(rename = "robust_vol_calc")]
    Robust,
    /// Exponential.
    #[serde(rename = "simple_ewvol_calc")]
    Exponential,
    /// Of the last days, all alike.
    #[serde(rename = "simple_vol_calc")]
    Rolling,
}

/// How the deviation of daily price differences is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolatilityConfig {
    /// Which estimate.
    pub func: VolatilityMethod,
    /// Span of the quick estimate, days.
    pub days: f64,
    /// Differences seen before there is one.
    pub min_periods: usize,
    /// Span of the slow average, years of 256 days.
    pub slow_vol_years: f64,
    /// Weight of the slow average.
    pub proportion_of_slow_vol: f64,
    /// Never below, points.
    pub vol_abs_min: f64,
    /// Robust: whether there is a floor from its own history.
    pub vol_floor: bool,
    /// Robust: which quantile of it.
    pub floor_min_quant: f64,
    /// Robust: days needed for it.
    pub floor_min_periods: usize,
    /// Robust: over how many days.
    pub floor_days: usize,
    /// Whether the first estimate also stands before itself, which looks ahead.
    pub backfill: bool,
}

impl Default for VolatilityConfig {
    fn default() -> Self {
        Self {
            func: VolatilityMethod::Mixed,
            days: 35.0,
            min_periods: 10,
            slow_vol_years: 10.0,
            proportion_of_slow_vol: 0.3,
            vol_abs_min: 1e-10,
            vol_floor: true,
            floor_min_quant: 0.05,
            floor_min_periods: 100,
            floor_days: 500,
            backfill: false,
        }
    }
}

/// Deviation of daily differences.
///
/// - `differences`: `[days]`, points.
/// - Result: `[days]`, points; element `t` knows differences up to and including `t`, unless it is filled back.
pub fn volatility(differences: &[f64], config: &VolatilityConfig) -> Vec<f64> {
    let quick = || ew_std(differences, alpha_of_span(config.days), config.min_periods);
    let mut values = match config.func {
        VolatilityMethod::Mixed => {
            let mut mixed = quick();
            let slow = ew_mean(&mixed, alpha_of_span(config.slow_vol_years * YEAR_DAYS), 1);
            let share = config.proportion_of_slow_vol;
            for (quick, slow) in mixed.iter_mut().zip(slow) {
                *quick = slow * share + *quick * (1.0 - share);
            }
            not_below(&mut mixed, config.vol_abs_min);
            mixed
        }
        VolatilityMethod::Robust => {
            let mut robust = quick();
            not_below(&mut robust, config.vol_abs_min);
            if config.vol_floor {
                let (days, least) = (config.floor_days, config.floor_min_periods);
                not_below_own_past(&mut robust, days, least, config.floor_min_quant);
            }
            robust
        }
        VolatilityMethod::Exponential => quick(),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, above zero")]
        VolatilityMethod::Rolling => rolling_std(differences, config.days as usize, config.min_periods),
    };
    if config.backfill {
        values = fill_forward(&values);
        if let Some(first) = values.iter().position(|value| !value.is_nan()) {
            let value = values[first];
            values[..first].fill(value);
        }
    }
    values
}

fn not_below(values: &mut [f64], floor: f64) {
    for value in values.iter_mut().filter(|value| **value < floor) {
        *value = floor;
    }
}

/// Never below a quantile of the last days, once that is known.
fn not_below_own_past(values: &mut [f64], days: usize, least: usize, quantile: f64) {
    let mut floors = rolling_quantile(values, days, least, quantile);
    if let Some(first) = floors.first_mut() {
        *first = 0.0;
    }
    for (value, floor) in values.iter_mut().zip(fill_forward(&floors)) {
        if *value < floor {
            *value = floor;
        }
    }
}

/// Deviation with a floor from its own history, as some rules use it: never below the 5 % quantile of the last 500 days.
///
/// - `values`: `[days]`, whatever is to be scaled.
pub fn robust_volatility(values: &[f64]) -> Vec<f64> {
    volatility(values, &VolatilityConfig { func: VolatilityMethod::Robust, ..VolatilityConfig::default() })
}

/// Everything about one instrument that does not depend on others. Every series stands on the days of `daily_price`
/// but those of carry and `perc_returns`, which reach as far as the multiple prices.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// Last adjusted price of each day.
    pub daily_price: Series,
    /// Last price of the held contract, as it stands.
    pub denom_price: Series,
    /// Deviation of daily differences, points.
    pub returns_vol: Series,
    /// The same, per cent of the held contract's price.
    pub perc_vol: Series,
    /// Daily differences over the price of the held contract.
    pub perc_returns: Series,
    /// Daily differences over the deviation of the day before.
    pub norm_returns: Series,
    /// Their running sum.
    pub norm_price: Series,
    /// Points a year between held and carry contract.
    pub ann_roll: Series,
    /// The same over the annual deviation.
    pub raw_carry: Series,
}

impl Raw {
    /// Works it out.
    pub fn new(prices: &Prices, terms: &VolatilityConfig) -> Self {
        let adjusted = prices.adjusted.columns.first().map_or(&[][..], |(_, values)| values);
        let days = DayRows::new(&prices.multiple.at_ns);
        let daily_price = if prices.adjusted.at_ns == prices.multiple.at_ns {
            days.last(adjusted)
        } else {
            Series::last_of_day(&prices.adjusted.at_ns, adjusted)
        };
        let held = prices.multiple.column("PRICE").unwrap_or_default();
        let denom_price = days.last(held);
        let ann_roll = annual_roll(prices, &days);
        let (first, days) = (daily_price.first, daily_price.len());
        let series = |values| Series { first, values };

        let steps = differences(&daily_price.values);
        let returns_vol = series(volatility(&steps, terms));
        let base = denom_price.on(first, days).values;
        let base_filled = fill_forward(&base);
        let perc_vol = each(&returns_vol.values, &base_filled, |vol, base| 100.0 * (vol / base.abs()));
        // On the days of both: a factor's window moves on where only one of them has a row.
        let (all_first, all_days) = span_of([&daily_price, &denom_price]);
        let laid = laid_on(first, &steps, all_first, all_days);
        let all_base = fill_forward(&denom_price.on(all_first, all_days).values);
        let perc_returns = each(&laid, &all_base, |step, base| step / base);
        let mut norm_returns = vec![f64::NAN; days];
        for day in 1..days {
            norm_returns[day] = steps[day] / returns_vol.values[day - 1];
        }
        let norm_price = running_sum(&norm_returns);
        let raw_carry = over_annual(&ann_roll, &returns_vol);
        Self {
            daily_price,
            denom_price: Series { first, values: base },
            perc_vol: series(perc_vol),
            perc_returns: Series { first: all_first, values: perc_returns },
            norm_returns: series(norm_returns),
            norm_price: series(norm_price),
            returns_vol,
            ann_roll,
            raw_carry,
        }
    }
}

/// Values that begin on a day, laid on others that reach at least as far on both sides.
fn laid_on(own: BusinessDay, values: &[f64], first: BusinessDay, days: usize) -> Vec<f64> {
    let mut laid = vec![f64::NAN; usize::try_from(own.0 - first.0).unwrap_or(0)];
    laid.extend_from_slice(values);
    laid.resize(days, f64::NAN);
    laid
}

/// Two slices of one length, combined row by row.
fn each(left: &[f64], right: &[f64], combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| combine(*left, *right)).collect()
}

/// Sum up to each row; missing rows stay missing and the sum goes on behind them.
pub fn running_sum(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let sums = values.iter().map(|&value| {
        if value.is_nan() {
            return f64::NAN;
        }
        sum += value;
        sum
    });
    sums.collect()
}

/// Where in time a contract stands, years; ids are `YYYYMM00` or `YYYYMMDD`.
fn contract_years(id: f64) -> f64 {
    let year = (id / 10_000.0).floor();
    // Both products are whole numbers below 2^53: the rest is exact.
    year + (id - year * 10_000.0) / 100.0 / 12.0
}

/// Slope from the carry contract to the held one, points a year; each a price and the id of its contract.
pub(crate) fn slope((held, held_id): (f64, f64), (carry, carry_id): (f64, f64)) -> f64 {
    of_year(held - carry, gaps_a_year(held_id, carry_id))
}

/// One over the years from the held contract to the one carry is measured against; a gap of less than a day is one.
fn gaps_a_year(held_id: f64, carry_id: f64) -> f64 {
    const GAP_MIN: f64 = 1.0 / 365.25;
    let gap = contract_years(carry_id) - contract_years(held_id);
    1.0 / if gap != 0.0 && gap.abs() < GAP_MIN { GAP_MIN.copysign(gap) } else { gap }
}

/// Missing where both prices are the same.
fn of_year(roll: f64, gaps: f64) -> f64 {
    if roll == 0.0 { f64::NAN } else { roll * gaps }
}

/// Mean of each day of the slope between held and carry contract, points a year.
fn annual_roll(prices: &Prices, days: &DayRows) -> Series {
    let column = |name| prices.multiple.column(name).unwrap_or_default();
    let (held, carry) = (column("PRICE"), column("CARRY"));
    let (held_id, carry_id) = (column("PRICE_CONTRACT"), column("CARRY_CONTRACT"));
    // The same two contracts stand in many rows.
    let (mut ids, mut gaps) = ([f64::NAN; 2], f64::NAN);
    let slopes: Vec<f64> = held
        .iter()
        .zip(carry)
        .zip(held_id.iter().zip(carry_id))
        .map(|((held, carry), (held_id, carry_id))| {
            if ids != [*held_id, *carry_id] {
                ids = [*held_id, *carry_id];
                gaps = gaps_a_year(*held_id, *carry_id);
            }
            of_year(held - carry, gaps)
        })
        .collect();
    days.folded(&slopes, |rows| {
        let known = rows.iter().filter(|slope| !slope.is_nan());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), slope| (sum + slope, count + 1.0));
        // Of nothing it is no number.
        sum / count
    })
}

/// A slope over the annual deviation, on the days of both.
fn over_annual(roll: &Series, volatility: &Series) -> Series {
    let (first, days) = span_of([roll, volatility]);
    let (roll, volatility) = (roll.on(first, days).values, volatility.on(first, days).values);
    Series { first, values: each(&roll, &volatility, |roll, vol| roll / (vol * YEAR_ROOT)) }
}

/// First day and number of days that hold all of the series; none where all are empty.
pub fn span_of<'a>(series: impl IntoIterator<Item = &'a Series>) -> (BusinessDay, usize) {
    let spans = series.into_iter().filter(|series| !series.is_empty());
    let bounds = spans.fold(None, |bounds: Option<(BusinessDay, BusinessDay)>, series| {
        let (first, end) = bounds.unwrap_or((series.first, series.end()));
        Some((first.min(series.first), end.max(series.end())))
    });
    let (first, end) = bounds.unwrap_or_default();
    (first, usize::try_from(end.0 - first.0).unwrap_or(0))
}

/// A series on the days of another, each missing value replaced by the last before it.
pub fn filled_on(series: &Series, days: &Series) -> Series {
    filled_over(series, days.first, days.len())
}

/// A series on `days` days from `first`, each missing value replaced by the last before it within them.
pub fn filled_over(series: &Series, first: BusinessDay, days: usize) -> Series {
    let shift = i64::from(series.first.0) - i64::from(first.0);
    let before = usize::try_from(shift).unwrap_or(0).min(days);
    let skipped = usize::try_from(-shift).unwrap_or(0);
    let mut values = Vec::with_capacity(days);
    values.resize(before, f64::NAN);
    let known = series.values.get(skipped..).unwrap_or_default();
    let last = fill_forward_into(&mut values, &known[..known.len().min(days - before)]);
    values.resize(days, last);
    Series { first, values }
}

/// Middle of the values that are there; the mean of the middle two of an even number.
pub(crate) fn median(values: &mut Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

/// A figure of each day over several series, from the values that are there, on the days of all.
fn across(series: &[&Series], mut figure: impl FnMut(&mut Vec<f64>) -> f64) -> Series {
    let (first, days) = span_of(series.iter().copied());
    let mut row = Vec::with_capacity(series.len());
    let values = (0..days).map(|day| {
        let day = BusinessDay(first.0 + i32::try_from(day).unwrap_or(i32::MAX));
        row.clear();
        row.extend(series.iter().map(|series| series.at(day)));
        figure(&mut row)
    });
    Series { first, values: values.collect() }
}

/// Mean of the values that are there.
pub(crate) fn mean(values: &mut Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Price of an asset class: running sum of the median normalised return of its instruments.
pub fn class_price(norm_returns: &[&Series]) -> Series {
    let medians = across(norm_returns, median);
    Series { first: medians.first, values: running_sum(&medians.values) }
}

/// Carry smoothed over a quarter of a year or so.
pub fn smoothed_carry(raw_carry: &Series) -> Series {
    Series { first: raw_carry.first, values: ew_mean(&raw_carry.values, alpha_of_com(CARRY_COM), 1) }
}

/// Median smoothed carry of an asset class.
pub fn class_carry(smoothed: &[&Series]) -> Series {
    across(smoothed, median)
}

/// A figure of an instrument that a factor rule compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Factor {
    /// Skewness of percentage returns.
    Skew,
    /// The same, its sign turned.
    NegSkew,
    /// Excess kurtosis of percentage returns.
    Kurtosis,
}

impl Factor {
    /// By its name in configurations.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "skew" => Some(Self::Skew),
            "neg_skew" => Some(Self::NegSkew),
            "kurtosis" => Some(Self::Kurtosis),
            _ => None,
        }
    }

    /// Its values over windows of calendar days.
    ///
    /// - `perc_returns`: of one instrument.
    /// - `lookback_days`: calendar days of a window, which ends with each business day.
    pub fn values(self, perc_returns: &Series, lookback_days: i64) -> Series {
        let first = perc_returns.first;
        let start_of = |row: usize| {
            let day = BusinessDay(first.0 + i32::try_from(row).unwrap_or(i32::MAX)).day();
            // The window is open at its far end.
            let from = BusinessDay::of_day(day - lookback_days);
            usize::try_from(from.0 + 1 - first.0).unwrap_or(0)
        };
        let (skews, kurtoses) = moving_shape(&perc_returns.values, start_of);
        let values = match self {
            Self::Skew => skews,
            Self::NegSkew => skews.iter().map(|value| -value).collect(),
            Self::Kurtosis => kurtoses,
        };
        Series { first, values }
    }
}

/// What a factor is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demean {
    /// Long average of the mean over all instruments of the system.
    HistoricAll,
    /// Mean over all instruments of the system.
    CurrentAll,
    /// Mean over the asset class's instruments in the data.
    AssetClass,
    /// The instrument's own long average.
    Own,
}

impl Demean {
    /// By its name in configurations.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "historic_average_factor_value_all_assets" => Some(Self::HistoricAll),
            "current_average_factor_values_over_all_assets" => Some(Self::CurrentAll),
            "average_factor_value_in_asset_class_for_instrument" => Some(Self::AssetClass),
            "average_factor_value_for_instrument" => Some(Self::Own),
            _ => None,
        }
    }

    /// What the values of one instrument are compared with, before it is laid on that instrument's days.
    ///
    /// - `own`: values of the instrument.
    /// - `all`, `class`: values of the instruments of the system, and of its class in the data.
    pub fn reference(self, own: &Series, all: &[&Series], class: &[&Series]) -> Series {
        let long = |series: &Series| Series {
            first: series.first,
            values: ew_mean(&series.values, alpha_of_com(FACTOR_COM), 1),
        };
        match self {
            Self::Own => long(own),
            Self::AssetClass => mean_filled(class),
            Self::CurrentAll => mean_filled(all),
            Self::HistoricAll => long(&mean_filled(all)),
        }
    }
}

/// Mean of each day over several series, a missing value replaced by the last before it, on the days of all.
fn mean_filled(series: &[&Series]) -> Series {
    let (first, days) = span_of(series.iter().copied());
    let filled: Vec<Series> = series
        .iter()
        .map(|series| Series { first, values: fill_forward(&series.on(first, days).values) })
        .collect();
    across(&filled.iter().collect::<Vec<_>>(), mean)
}

/// A series less another on its days, the last before where that is missing.
pub fn less(own: &Series, reference: &Series) -> Series {
    let reference = filled_on(reference, own);
    Series { first: own.first, values: each(&own.values, &reference.values, |own, other| own - other) }
}

/// What depends on several instruments, worked out once for all.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// By asset class of the system.
    pub class_price: BTreeMap<String, Series>,
    /// By asset class of the system.
    pub class_carry: BTreeMap<String, Series>,
}

impl Neighbours {
    /// - `instruments`: asset class and raw data of each of the system's.
    pub fn new(instruments: &[(&str, &Raw)]) -> Self {
        let mut members: BTreeMap<&str, Vec<&Raw>> = BTreeMap::new();
        for (class, raw) in instruments {
            members.entry(class).or_default().push(raw);
        }
        let mut all = Self::default();
        for (class, members) in members {
            let returns: Vec<&Series> = members.iter().map(|raw| &raw.norm_returns).collect();
            all.class_price.insert(class.to_owned(), class_price(&returns));
            let smoothed: Vec<Series> = members.iter().map(|raw| smoothed_carry(&raw.raw_carry)).collect();
            all.class_carry.insert(class.to_owned(), class_carry(&smoothed.iter().collect::<Vec<_>>()));
        }
        all
    }
}
