//! A window of the past, as it was run and on today's positions.

use serde::Serialize;
use tickrace_stats::panel::{DAY_NS, parse_time};
use tickrace_stats::{BusinessDay, Series};

use super::{Holding, Moves, Window};

/// What is known of an instrument's past.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// What it earned each day in the portfolio, per cent of capital.
    pub net_pct: Series,
    /// Returns of each day: fractions of the price, or units of its deviation.
    pub returns: &'a Series,
}

/// An instrument in a window. Absent figures: it had no prices then.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Earned as it was run, per cent of capital.
    pub system_pct: f64,
    /// Sum of its daily moves, per cent of the price or deviations.
    pub moved: Option<f64>,
    /// What today's position would earn, per cent of capital.
    pub today_pct: Option<f64>,
}

/// A window, worked out. All in per cent of capital.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// What it is called.
    pub name: String,
    /// First day.
    pub first: String,
    /// Last day.
    pub last: String,
    /// Earned as it was run.
    pub system_pct: f64,
    /// Lowest that the sum of its days got, counted from the window's start; zero or below.
    pub system_worst_pct: f64,
    /// What today's positions would earn.
    pub today_pct: f64,
    /// Lowest that this sum would get.
    pub today_worst_pct: f64,
    /// By instrument.
    pub instruments: Vec<Part>,
    /// Instruments without prices in the window.
    pub without_prices: Vec<String>,
}

/// Works out a window.
///
/// - `pasts`: one a holding, in the same order.
pub fn under(
    window: &Window,
    moves: Moves,
    holdings: &[Holding],
    pasts: &[Past<'_>],
    capital: f64,
) -> Outcome {
    let day = |text: &str| parse_time(text).map_or(0, |at| at.div_euclid(DAY_NS));
    // Business days that begin within the window: a weekend's bin belongs to the Friday before.
    let mut first = BusinessDay::of_day(day(&window.first));
    if first.day() < day(&window.first) {
        first = BusinessDay(first.0 + 1);
    }
    let last = BusinessDay::of_day(day(&window.last));
    let count = usize::try_from(last.0 - first.0 + 1).unwrap_or(0);
    let (mut system, mut today) = (vec![0.0; count], vec![0.0; count]);
    let mut outcome = Outcome {
        name: window.name.clone(),
        first: window.first.clone(),
        last: window.last.clone(),
        ..Outcome::default()
    };
    for (holding, past) in holdings.iter().zip(pasts) {
        let mut part = Part { name: holding.name.clone(), ..Part::default() };
        for (sum, value) in system.iter_mut().zip(&past.net_pct.on(first, count).values) {
            if !value.is_nan() {
                *sum += value;
                part.system_pct += value;
            }
        }
        let returns = past.returns.on(first, count).values;
        // Points that a return of one is today.
        let points = match moves {
            Moves::Percent => holding.price.abs(),
            Moves::Deviations => holding.daily_vol,
        };
        let money = if holding.contracts == 0.0 { 0.0 } else { holding.per_point() * points };
        if returns.iter().all(|value| value.is_nan()) {
            outcome.without_prices.push(holding.name.clone());
        } else {
            let (mut moved, mut earned) = (0.0, 0.0);
            for (sum, value) in today.iter_mut().zip(&returns).filter(|(_, value)| !value.is_nan()) {
                let pct = 100.0 * money * value / capital;
                *sum += pct;
                earned += pct;
                moved += value;
            }
            let scale = if moves == Moves::Percent { 100.0 } else { 1.0 };
            (part.moved, part.today_pct) = (Some(moved * scale), Some(earned));
        }
        outcome.instruments.push(part);
    }
    (outcome.system_pct, outcome.system_worst_pct) = sum_and_lowest(&system);
    (outcome.today_pct, outcome.today_worst_pct) = sum_and_lowest(&today);
    outcome
}

/// Sum of all, and the lowest sum on the way from zero.
fn sum_and_lowest(days: &[f64]) -> (f64, f64) {
    days.iter().fold((0.0, 0.0_f64), |(sum, lowest), day| (sum + day, lowest.min(sum + day)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(first: i32, values: &[f64]) -> Series {
        Series { first: BusinessDay(first), values: values.to_vec() }
    }

    fn holding(name: &str, contracts: f64) -> Holding {
        Holding { name: name.to_owned(), contracts, point_value: 50.0, price: 200.0, daily_vol: 4.0 }
    }

    #[test]
    fn two_instruments_are_as_worked_by_hand() {
        // Business day 0 is Thursday 1 January 1970; the window is Friday 2 to Tuesday 6: business days 1, 2 and 3.
        let window =
            Window { name: "w".to_owned(), first: "1970-01-02".to_owned(), last: "1970-01-06".to_owned() };
        let one = series(0, &[0.5, -0.10, 0.04, f64::NAN, 0.7]);
        let other = series(2, &[0.01, -0.03, 0.9]);
        let late = series(50, &[0.1]);
        let pasts = [
            Past { net_pct: series(0, &[9.0, -2.0, 0.5, 1.0, 9.0]), returns: &one },
            Past { net_pct: series(3, &[0.25]), returns: &other },
            Past { net_pct: Series::default(), returns: &late },
        ];
        let holdings = [holding("A", 3.0), holding("B", -2.0), holding("C", 5.0)];
        let own = under(&window, Moves::Percent, &holdings, &pasts, 100_000.0);
        // A: 3 x 50 x 200 = 30,000 for a whole price: -3,000, 1,200. B: -20,000: -200, 600. In per cent of 100,000.
        assert!((own.instruments[0].today_pct.unwrap() - -1.8).abs() < 1e-12);
        assert!((own.instruments[0].moved.unwrap() - -6.0).abs() < 1e-12);
        assert!((own.instruments[1].today_pct.unwrap() - 0.4).abs() < 1e-12);
        assert!((own.today_pct - -1.4).abs() < 1e-12);
        // Days: -3, 1.2 - 0.2, 0.6: lowest after the first.
        assert!((own.today_worst_pct - -3.0).abs() < 1e-12);
        assert_eq!((own.system_pct, own.system_worst_pct), (-0.25, -2.0));
        assert_eq!(own.instruments[1].system_pct, 0.25);
        assert_eq!(
            (own.without_prices.as_slice(), own.instruments[2].today_pct),
            (&["C".to_owned()][..], None)
        );
        // In deviations: A 3 x 50 x 4 = 600 for each: -0.06 x 600 = -36; B -400 x -0.02 = 8.
        let own = under(&window, Moves::Deviations, &holdings, &pasts, 100_000.0);
        assert!((own.today_pct - -0.028).abs() < 1e-12, "{}", own.today_pct);
    }

    #[test]
    fn a_window_that_begins_on_a_weekend_begins_on_monday() {
        // Saturday 3 to Sunday 11 January 1970: business days 2 to 6.
        let window =
            Window { name: "w".to_owned(), first: "1970-01-03".to_owned(), last: "1970-01-11".to_owned() };
        let returns = series(0, &[1.0, 1.0, 0.01, 0.01, 0.01, 0.01, 0.01, 1.0]);
        let pasts = [Past { net_pct: Series::default(), returns: &returns }];
        let own = under(&window, Moves::Percent, &[holding("A", 1.0)], &pasts, 1e6);
        assert!((own.instruments[0].moved.unwrap() - 5.0).abs() < 1e-12);
    }
}
