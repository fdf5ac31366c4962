//! What trading costs in cash: spread and commission of fills, deflated to the volatility of their time.

use tickrace_stats::Series;

use super::fills::Fill;
use super::flow::Flow;
use super::fx::FxRate;

/// What a contract costs to trade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContractCosts {
    /// Money of the instrument's currency per point and contract.
    pub point_size: f64,
    /// Price points that a contract loses against the mid.
    pub spread: f64,
    /// Commission per contract, money of the instrument's currency.
    pub per_block: f64,
    /// Commission per trade, money of the instrument's currency.
    pub per_trade: f64,
    /// Commission as a fraction of the value traded.
    pub percentage: f64,
}

impl ContractCosts {
    /// Commission of a trade: the greatest of the three kinds, not their sum; at an unknown price (NaN) of the other two. No
    /// contracts, no commission.
    pub fn commission(&self, quantity: f64, price: f64) -> f64 {
        let size = quantity.abs();
        if size == 0.0 {
            return 0.0;
        }
        let of_value = self.percentage * size * price.abs() * self.point_size;
        // The greatest of a number and NaN is the number.
        (size * self.per_block).max(self.per_trade).max(of_value)
    }

    /// What crossing the spread costs.
    pub fn slippage(&self, quantity: f64) -> f64 {
        quantity.abs() * self.spread * self.point_size
    }

    /// What a fill costs, positive, in money of the instrument's currency.
    pub fn of_fill(&self, fill: &Fill) -> f64 {
        let slippage = if fill.pays_spread { self.slippage(fill.quantity) } else { 0.0 };
        slippage + self.commission(fill.quantity, fill.price)
    }

    /// What one contract costs at a price, spread included.
    pub fn of_contract(&self, price: f64) -> f64 {
        self.slippage(1.0) + self.commission(1.0, price)
    }
}

/// Rows over which the deflator looks, and how many it needs.
const DEFLATOR_DAYS: usize = 180;
const DEFLATOR_DAYS_MIN: usize = 3;

/// How volatile prices were, against how volatile they are at the series' end: standard deviation of the daily changes of the
/// carried-forward price over 180 days (at least 3), divided by its last value. NaN before the third change.
///
/// Today's costs are known; those of 1985 were in proportion to that year's volatility. The last value is of the end of the
/// data, so every earlier day's costs move with it: the reference's look-ahead, kept for parity.
pub fn deflator(price: &Series) -> Series {
    let mut values = vec![f64::NAN; price.len()];
    let mut changes = vec![f64::NAN; price.len()];
    let mut last = f64::NAN;
    for (change, &now) in changes.iter_mut().zip(&price.values) {
        let known = if now.is_nan() { last } else { now };
        *change = known - last;
        last = known;
    }
    let scale = changes
        .iter()
        .filter(|change| !change.is_nan())
        .fold(0.0, |most: f64, change| most.max(change.abs()));
    let per_scale = if scale > 0.0 && (1.0 / scale).is_finite() { 1.0 / scale } else { 1.0 };
    changes.iter_mut().for_each(|change| *change *= per_scale);
    let (mut count, mut sum, mut squares) = (0usize, 0.0, 0.0);
    for row in 0..changes.len() {
        if !changes[row].is_nan() {
            let now = changes[row];
            count += 1;
            sum += now;
            squares += now * now;
        }
        if row >= DEFLATOR_DAYS && !changes[row - DEFLATOR_DAYS].is_nan() {
            let old = changes[row - DEFLATOR_DAYS];
            count -= 1;
            sum -= old;
            squares -= old * old;
        }
        if row % DEFLATOR_DAYS == 0 {
            // Summed afresh now and then: a running sum keeps the rounding of all that has left it.
            (count, sum, squares) = afresh(&changes[row.saturating_sub(DEFLATOR_DAYS - 1)..=row]);
        }
        if count >= DEFLATOR_DAYS_MIN {
            let size = count as f64;
            values[row] = ((squares - sum * sum / size).max(0.0) / (size - 1.0)).sqrt();
        } else if row > 0 {
            values[row] = values[row - 1];
        }
    }
    let end = values.last().copied().unwrap_or(f64::NAN);
    let per_end = 1.0 / end;
    values.iter_mut().for_each(|value| *value *= per_end);
    Series { first: price.first, values }
}

fn afresh(changes: &[f64]) -> (usize, f64, f64) {
    changes
        .iter()
        .filter(|change| !change.is_nan())
        .fold((0, 0.0, 0.0), |(count, sum, squares), now| (count + 1, sum + now, squares + now * now))
}

/// The costs of fills as a flow of negative money of the account. A fill whose rate or deflator is not known yet is free.
///
/// - `fx`: rate as of the fill's day.
/// - `deflator`: see [`deflator()`]; a weekend's fill takes Friday's. None charges today's cash at all times.
pub fn cash_costs(fills: &[Fill], costs: &ContractCosts, fx: &FxRate, deflator: Option<&Series>) -> Flow {
    let amounts: Vec<(i64, f64)> = fills
        .iter()
        .map(|fill| {
            let level = deflator.map_or(1.0, |series| as_of(series, fill.day));
            let amount = -costs.of_fill(fill) * fx.at_day(fill.day) * level;
            (fill.day, if amount.is_nan() { 0.0 } else { amount })
        })
        .collect();
    Flow::of_dated(&amounts)
}

/// The value of a day, or of the series' last day where it has ended.
fn as_of(series: &Series, day: i64) -> f64 {
    let bin = tickrace_stats::BusinessDay::of_day(day);
    if bin < series.end() { series.at(bin) } else { series.values.last().copied().unwrap_or(f64::NAN) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::BusinessDay;

    const CORN: ContractCosts =
        ContractCosts { point_size: 50.0, spread: 0.16, per_block: 2.92, per_trade: 0.0, percentage: 0.0 };

    #[test]
    fn commission_is_the_greatest_of_three() {
        let costs = ContractCosts { per_trade: 10.0, percentage: 0.001, ..CORN };
        assert_eq!(costs.commission(-2.0, 100.0), 10.0);
        assert_eq!(costs.commission(4.0, 100.0), 20.0);
        assert_eq!(costs.commission(4.0, 10.0), 11.68);
        assert_eq!(costs.commission(0.0, 10.0), 0.0);
        // 3 contracts: 3 x 0.16 x 50 of spread and 3 x 2.92 of commission.
        let fill = Fill { day: 0, quantity: 3.0, price: 500.0, pays_spread: true };
        assert!((CORN.of_fill(&fill) - 32.76).abs() < 1e-12);
        assert!((CORN.of_fill(&Fill { pays_spread: false, ..fill }) - 8.76).abs() < 1e-12);
    }

    #[test]
    fn the_deflator_is_the_rolling_deviation_over_its_last() {
        let prices: Vec<f64> = (0..700)
            .map(|day| if day % 7 == 3 { f64::NAN } else { 100.0 + f64::from(day * day % 97) })
            .collect();
        let price = Series { first: BusinessDay(0), values: prices.clone() };
        let level = deflator(&price);
        let mut filled = prices;
        for day in 1..filled.len() {
            if filled[day].is_nan() {
                filled[day] = filled[day - 1];
            }
        }
        let plain = |row: usize| {
            let from = row.saturating_sub(DEFLATOR_DAYS - 1).max(1);
            let changes: Vec<f64> = (from..=row).map(|day| filled[day] - filled[day - 1]).collect();
            let mean = changes.iter().sum::<f64>() / changes.len() as f64;
            let squares: f64 = changes.iter().map(|change| (change - mean).powi(2)).sum();
            (squares / (changes.len() as f64 - 1.0)).sqrt()
        };
        assert!(level.values[2].is_nan() && !level.values[3].is_nan());
        for row in 3..700 {
            assert!((level.values[row] - plain(row) / plain(699)).abs() < 1e-10, "row {row}");
        }
    }

    #[test]
    fn costs_are_negative_and_fall_on_their_days() {
        let fill = |day| Fill { day, quantity: 1.0, price: 500.0, pays_spread: true };
        let flow = cash_costs(&[fill(4), fill(6)], &CORN, &FxRate::Constant(2.0), None);
        let daily = flow.daily();
        assert_eq!(daily.values.len(), 3);
        assert!((daily.values[0] + 21.84).abs() < 1e-12 && daily.values[1] == 0.0);
    }
}
