//! Profit of a path of positions, in points and in money.

use tickrace_stats::{BusinessDay, Series};

use super::flow::Flow;
use super::fx::FxRate;

/// The position a day later: a trade decided on one day's close is filled at the next.
pub fn delayed(position: &Series) -> Series {
    let mut values = Vec::with_capacity(position.len());
    if let Some((_, wanted)) = position.values.split_last() {
        values.push(f64::NAN);
        values.extend_from_slice(wanted);
    }
    Series { first: position.first, values }
}

/// Profit in points on every day of either series: the position held at the previous day's end times the change of price.
/// Both are carried forward over missing days; unknown profit is 0.
///
/// `held`: contracts held at each day's end ([`delayed`] makes them from wanted ones).
pub fn points(held: &Series, price: &Series) -> Series {
    let Some((first, days)) = union(held, price) else { return Series::default() };
    let mut values = vec![0.0; days];
    let mut walk = Walk { position: f64::NAN, last: f64::NAN };
    let starts = [held, price].map(|series| usize::try_from(series.first.0 - first.0).unwrap_or(0));
    // Both have every row between the later start and the earlier end: there nothing is looked up.
    let begin = starts[0].max(starts[1]).min(days);
    let end = (starts[0] + held.len()).min(starts[1] + price.len()).max(begin);
    let at = |series: &Series, row: usize| {
        series.at(BusinessDay(first.0 + i32::try_from(row).unwrap_or(i32::MAX)))
    };
    for (row, profit) in values[..begin].iter_mut().enumerate() {
        *profit = walk.step(at(held, row), at(price, row));
    }
    let inner = |series: &Series, start: usize| {
        let from = begin.saturating_sub(start).min(series.len());
        from..(from + end - begin).min(series.len())
    };
    let (wanted, prices) = (&held.values[inner(held, starts[0])], &price.values[inner(price, starts[1])]);
    for ((profit, wanted), now) in values[begin..end].iter_mut().zip(wanted).zip(prices) {
        *profit = walk.step(*wanted, *now);
    }
    for (row, profit) in (end..).zip(&mut values[end..]) {
        *profit = walk.step(at(held, row), at(price, row));
    }
    Series { first, values }
}

/// What is held at a day's end, and the last price known.
struct Walk {
    position: f64,
    last: f64,
}

impl Walk {
    /// What the day earned.
    fn step(&mut self, wanted: f64, now: f64) -> f64 {
        let gained = self.position * (now - self.last);
        self.last = if now.is_nan() { self.last } else { now };
        self.position = if wanted.is_nan() { self.position } else { wanted };
        if gained.is_nan() { 0.0 } else { gained }
    }
}

/// First day and number of days that cover both series; none where both are empty.
pub fn union(one: &Series, other: &Series) -> Option<(BusinessDay, usize)> {
    let filled = [one, other].into_iter().filter(|series| !series.is_empty());
    let first = filled.clone().map(|series| series.first).min()?;
    let end = filled.map(Series::end).max()?;
    Some((first, usize::try_from(end.0 - first.0).unwrap_or(0)))
}

/// What something earned and cost; both in money of the account, or both in per cent of capital.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Profit before costs.
    pub gross: Flow,
    /// Costs, negative.
    pub costs: Flow,
}

impl Account {
    /// Gross profit of a position path in money of the account, no costs yet.
    ///
    /// - `held`: contracts held at each day's end.
    /// - `point_size`: money of the instrument's currency per point and contract.
    pub fn of_position(held: &Series, price: &Series, point_size: f64, fx: &FxRate) -> Self {
        let mut series = points(held, price);
        match fx {
            FxRate::Constant(rate) => {
                series.values.iter_mut().for_each(|value| *value = *value * point_size * rate);
            }
            FxRate::Stamped { .. } => {
                let rates = fx.on(series.first, series.len());
                for (value, rate) in series.values.iter_mut().zip(&rates.values) {
                    *value = *value * point_size * rate;
                }
            }
        }
        Self { gross: Flow::of_series(series), costs: Flow::default() }
    }

    /// With these costs.
    #[must_use]
    pub fn with_costs(self, costs: Flow) -> Self {
        Self { costs, ..self }
    }

    /// Profit after costs.
    pub fn net(&self) -> Flow {
        Flow::sum([&self.gross, &self.costs])
    }

    /// The same in per cent of a constant capital.
    #[must_use]
    pub fn percent_of(self, capital: f64) -> Self {
        // Divided, as the reference does it: what cancels there to the last bit cancels here.
        let percent = |amount: f64| 100.0 * amount / capital;
        Self { gross: self.gross.mapped(percent), costs: self.costs.mapped(percent) }
    }

    /// A group: instruments of a portfolio, rules of an instrument.
    pub fn sum<'a>(members: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        let gross = Flow::sum(members.clone().into_iter().map(|one| &one.gross).collect::<Vec<_>>());
        let costs = Flow::sum(members.into_iter().map(|one| &one.costs).collect::<Vec<_>>());
        Self { gross, costs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(first: i32, values: &[f64]) -> Series {
        Series { first: BusinessDay(first), values: values.to_vec() }
    }

    #[test]
    fn a_position_first_earns_the_move_after_its_fill() {
        let price = series(10, &[100.0, 101.0, 103.0, 106.0]);
        let wanted = series(10, &[2.0, 2.0, 0.0, 0.0]);
        // Decided on day 10, filled on 11, earns 2 x 2 and 2 x 3.
        assert_eq!(points(&delayed(&wanted), &price).values, [0.0, 0.0, 4.0, 6.0]);
        assert_eq!(points(&wanted, &price).values, [0.0, 2.0, 4.0, 0.0]);
    }

    #[test]
    fn gaps_are_carried_forward_and_nothing_is_lost_over_them() {
        let price = series(10, &[100.0, f64::NAN, 104.0, 105.0]);
        let held = series(9, &[1.0, f64::NAN, f64::NAN]);
        let profit = points(&held, &price);
        assert_eq!(profit.first, BusinessDay(9));
        assert_eq!(profit.values, [0.0, 0.0, 0.0, 4.0, 1.0]);
        assert!(points(&Series::default(), &Series::default()).is_empty());
    }

    #[test]
    fn money_takes_the_rate_of_the_day_and_net_is_gross_plus_costs() {
        let price = series(10, &[100.0, 101.0]);
        let account = Account::of_position(&series(10, &[3.0, 3.0]), &price, 50.0, &FxRate::Constant(1.1))
            .with_costs(Flow::of_dated(&[(BusinessDay(11).day(), -5.0)]))
            .percent_of(1_000.0);
        assert!((account.gross.daily().values[1] - 16.5).abs() < 1e-12);
        assert!((account.net().daily().values[1] - 16.0).abs() < 1e-12);
    }
}
