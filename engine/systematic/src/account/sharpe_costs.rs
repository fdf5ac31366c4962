//! Costs in units of risk: what trading takes off a Sharpe ratio, and the steady drain that this is on an account.

use tickrace_stats::panel::calendar_days;
use tickrace_stats::{BusinessDay, Series};

use super::costs::ContractCosts;
use super::flow::Flow;
use super::fx::FxRate;
use super::pnl::union;
use crate::raw::filled_over;

/// Square root of the 256 business days of a year.
const ROOT_OF_YEAR: f64 = 16.0;
/// Days of a year, for time elapsed and for the last year of prices.
const DAYS_OF_YEAR: f64 = 365.25;
const LAST_YEAR_DAYS: i64 = 365;

/// What an instrument costs in units of its annual volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharpeCosts {
    /// Average daily price of the last year.
    pub price: f64,
    /// Average daily volatility of the last year, price points.
    pub daily_vol: f64,
    /// Cost of a trade of one contract, annual Sharpe ratio.
    pub per_trade: f64,
    /// Cost of holding a position for a year: two trades a roll.
    pub holding: f64,
}

impl SharpeCosts {
    /// From the last year of an instrument's prices.
    ///
    /// - `price`, `daily_vol`: by day, price points.
    /// - `rolls_per_year`: how many contracts of a year are held.
    pub fn of_last_year(
        price: &Series,
        daily_vol: &Series,
        costs: &ContractCosts,
        rolls_per_year: usize,
    ) -> Self {
        let last = BusinessDay(price.end().0 - 1).day();
        let price = mean_from(price, last - LAST_YEAR_DAYS);
        let last = BusinessDay(daily_vol.end().0 - 1).day();
        let daily_vol = mean_from(daily_vol, last - LAST_YEAR_DAYS);
        let per_trade = costs.of_contract(price) / (ROOT_OF_YEAR * daily_vol * costs.point_size);
        Self { price, daily_vol, per_trade, holding: 2.0 * rolls_per_year as f64 * per_trade }
    }

    /// The whole cost of a year, as a Sharpe ratio: holding, and trading at a number of turnovers.
    pub fn per_year(&self, turnover: f64) -> f64 {
        self.holding + self.trading(turnover)
    }

    /// The cost of trading alone.
    pub fn trading(&self, turnover: f64) -> f64 {
        self.per_trade * turnover
    }
}

/// Average of the known values of the days from a calendar day on.
fn mean_from(series: &Series, day: i64) -> f64 {
    let bin = BusinessDay::of_day(day);
    let first = if bin.day() < day { bin.0 + 1 } else { bin.0 };
    let skip = usize::try_from(first - series.first.0).unwrap_or(0);
    let known = series.values.iter().skip(skip).filter(|value| !value.is_nan());
    let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// A yearly cost as a flow of negative money of the account, spread over the days by the time that passes: the Sharpe cost
/// times the annual volatility of the day's usual position. It begins with the first position known.
///
/// - `per_year`: cost as an annual Sharpe ratio, see [`SharpeCosts::per_year`].
/// - `held`: contracts held at each day's end; only whether any number is known yet matters, not which.
/// - `average_position`: contracts usually held, by day (that of a forecast of +10).
/// - `daily_vol`: price points by day.
pub fn sharpe_costs(
    per_year: f64,
    held: &Series,
    average_position: &Series,
    daily_vol: &Series,
    point_size: f64,
    fx: &FxRate,
) -> Flow {
    let Some((first, days)) = union(held, average_position) else { return Flow::default() };
    Drain::new(first, days, average_position, daily_vol, fx).flow(per_year, held, point_size)
}

/// What the drains of several positions of one instrument share, on given days.
#[derive(Clone, Debug)]
pub struct Drain {
    first: BusinessDay,
    /// `[days]`, what a Sharpe ratio of 1 takes of a point worth 1: the annual risk of the usual position over the years since the
    /// day before, at the day's rate.
    per_sharpe: Vec<f64>,
}

impl Drain {
    /// On `days` days from `first`; see [`sharpe_costs`].
    pub fn new(first: BusinessDay, days: usize, usual: &Series, daily_vol: &Series, fx: &FxRate) -> Self {
        // What is usual before it is known is what it is first known to be: the reference's, which looks ahead by those days.
        let carried = |series: &Series| {
            let mut values = filled_over(series, first, days).values;
            let known = series.values.iter().copied().find(|value| !value.is_nan()).unwrap_or(f64::NAN);
            let unknown = values.iter().take_while(|value| value.is_nan()).count();
            values[..unknown].fill(known);
            values
        };
        let mut before = BusinessDay(first.0 - 1).day();
        let elapsed = calendar_days(first)
            .take(days)
            .map(|day| (day - std::mem::replace(&mut before, day)) as f64 / DAYS_OF_YEAR);
        let mut per_sharpe = carried(usual);
        let rest = carried(daily_vol).into_iter().zip(elapsed).zip(fx.on(first, days).values);
        for (size, ((vol, elapsed), rate)) in per_sharpe.iter_mut().zip(rest) {
            *size = size.abs() * vol * ROOT_OF_YEAR * elapsed * rate;
        }
        Self { first, per_sharpe }
    }

    /// Whether it is on these days.
    pub fn is_on(&self, first: BusinessDay, days: usize) -> bool {
        self.first == first && self.per_sharpe.len() == days
    }

    /// The drain of a position; see [`sharpe_costs`].
    pub fn flow(&self, per_year: f64, held: &Series, point_size: f64) -> Flow {
        let begin = held.values.iter().position(|value| !value.is_nan()).unwrap_or(held.len());
        let begin = match begin < held.len() {
            true => usize::try_from(held.first.0 - self.first.0).unwrap_or(0) + begin,
            false => self.per_sharpe.len(),
        };
        let share = -per_year * point_size;
        let amounts = self.per_sharpe.iter().map(|per_sharpe| {
            let amount = share * per_sharpe;
            if amount.is_nan() { 0.0 } else { amount }
        });
        let mut values: Vec<f64> = amounts.collect();
        values[..begin.max(1).min(self.per_sharpe.len())].fill(0.0);
        Flow::of_series(Series { first: self.first, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_a_usual_position_costs_its_sharpe_times_its_risk() {
        // 4 contracts at 0.5 points a day and 100 a point are 3,200 a year; 0.1 of it over 730 days.
        let days = 730 / 7 * 5 + 2;
        let flat = |value: f64| Series { first: BusinessDay(0), values: vec![value; days] };
        let flow = sharpe_costs(0.1, &flat(0.0), &flat(4.0), &flat(0.5), 100.0, &FxRate::Constant(1.0));
        let total: f64 = flow.daily().values.iter().sum();
        let elapsed = (BusinessDay(i32::try_from(days).unwrap() - 1).day() - BusinessDay(0).day()) as f64;
        assert!((total + 320.0 * elapsed / 365.25).abs() < 1e-9, "{total}");
    }

    #[test]
    fn exchange_rates_cancel_where_positions_are_sized_by_them() {
        let days = 30;
        let rates: Vec<f64> = (0..days).map(|day| 1.0 + f64::from(day % 7) / 10.0).collect();
        let at_ns = (0..days).map(|day| BusinessDay(day).start_ns()).collect();
        let series = |values: Vec<f64>| Series { first: BusinessDay(0), values };
        let usual = series(rates.iter().map(|rate| 100.0 / rate).collect());
        let mut held = vec![1.0; 30];
        held[..5].fill(f64::NAN);
        let fx = FxRate::Stamped { at_ns, rates };
        let flow = sharpe_costs(0.1, &series(held), &usual, &series(vec![0.5; 30]), 1.0, &fx);
        let daily = flow.daily().values;
        assert!(daily[..5].iter().all(|cost| *cost == 0.0), "no position is known yet");
        // 0.1 of 100 x 0.5 x 16 a year; three days from Friday to Monday.
        for (row, cost) in daily.iter().enumerate().skip(5) {
            let number = i32::try_from(row).unwrap();
            let elapsed = BusinessDay(number).day() - BusinessDay(number - 1).day();
            assert!((cost + 80.0 * elapsed as f64 / 365.25).abs() < 1e-12);
        }
    }

    #[test]
    fn costs_of_the_last_year_are_of_its_averages() {
        let price = Series { first: BusinessDay(0), values: [vec![5.0; 500], vec![10.0; 300]].concat() };
        let vol = Series { first: BusinessDay(0), values: vec![0.25; 800] };
        let costs =
            ContractCosts { point_size: 10.0, spread: 0.2, per_block: 2.0, ..ContractCosts::default() };
        let sharpe = SharpeCosts::of_last_year(&price, &vol, &costs, 4);
        assert_eq!((sharpe.price, sharpe.daily_vol), (10.0, 0.25));
        // One contract costs 0.2 x 10 + 2 = 4, a year's risk is 16 x 0.25 x 10 = 40.
        assert!((sharpe.per_trade - 0.1).abs() < 1e-12 && (sharpe.holding - 0.8).abs() < 1e-12);
        assert!((sharpe.per_year(3.0) - 1.1).abs() < 1e-12);
    }
}
