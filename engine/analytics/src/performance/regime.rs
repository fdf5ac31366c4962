//! What kind of market it was: calm or wild, rising or falling; and what was earned in which.
//!
//! Two questions, three answers each. *Volatility*: by thirds of the sample. *Trend*: the net move of a window over what a walk
//! of steps of that size without a direction makes of it; beyond one deviation it counts as a direction (such a walk is taken for
//! one in about a third of the windows).

use serde::Serialize;
use tickrace_stats::quantile;

use super::{ratios, returns};

/// How much the market moved, by thirds of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// The lowest third.
    Calm,
    /// The middle third.
    Usual,
    /// The highest third.
    Wild,
}

/// Where it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Down by more than one deviation.
    Falling,
    /// Neither.
    Sideways,
    /// Up by more than one deviation.
    Rising,
}

/// Both answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Regime {
    /// How much it moved.
    pub volatility: Volatility,
    /// Where.
    pub trend: Trend,
}

impl Volatility {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Usual, Self::Wild];

    /// Name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Usual => "usual",
            Self::Wild => "wild",
        }
    }
}

impl Trend {
    /// All, from down to up.
    pub const ALL: [Self; 3] = [Self::Falling, Self::Sideways, Self::Rising];

    /// Name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Falling => "falling",
            Self::Sideways => "sideways",
            Self::Rising => "rising",
        }
    }
}

/// One window of a market: how far it went, and how much it moved on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Sum of the steps.
    pub net: f64,
    /// Root of the sum of the squared steps.
    pub moved: f64,
}

impl Window {
    /// Of its steps (returns, or changes of a logarithm).
    pub fn of(steps: &[f64]) -> Self {
        Self { net: steps.iter().sum(), moved: steps.iter().map(|step| step * step).sum::<f64>().sqrt() }
    }

    fn trend(&self) -> Trend {
        if self.net > self.moved && self.moved > 0.0 {
            Trend::Rising
        } else if self.net < -self.moved && self.moved > 0.0 {
            Trend::Falling
        } else {
            Trend::Sideways
        }
    }
}

/// The regime of each window; the thirds are those of all windows given.
pub fn classify(volatility: &[f64], trend: &[Window]) -> Vec<Regime> {
    assert_eq!(volatility.len(), trend.len(), "both questions are asked of each window");
    let mut sorted = volatility.to_vec();
    sorted.sort_by(f64::total_cmp);
    let edge = |share: f64| quantile(&sorted, share).unwrap_or(f64::NAN);
    let (low, high) = (edge(1.0 / 3.0), edge(2.0 / 3.0));
    let one = |(moved, window): (&f64, &Window)| {
        let volatility = if *moved <= low {
            Volatility::Calm
        } else if *moved > high {
            Volatility::Wild
        } else {
            Volatility::Usual
        };
        Regime { volatility, trend: window.trend() }
    };
    volatility.iter().zip(trend).map(one).collect()
}

/// The regime in which each period began: it knows the periods before alone. The edges of the thirds are those of the whole
/// series, so this describes and is not to be traded on.
///
/// - `market`: returns of the market by period.
/// - `volatility_window`, `trend_window`: periods looked back on.
/// - Result: `[periods]`, absent where there are fewer periods before.
pub fn before_each(market: &[f64], volatility_window: usize, trend_window: usize) -> Vec<Option<Regime>> {
    let first = volatility_window.max(trend_window).max(1);
    let known = first..market.len().max(first);
    let back = |window: usize| known.clone().map(move |at| Window::of(&market[at - window..at]));
    let moved: Vec<f64> = back(volatility_window).map(|window| window.moved).collect();
    let trends: Vec<Window> = back(trend_window).collect();
    let regimes = classify(&moved, &trends).into_iter().map(Some);
    std::iter::repeat_n(None, first.min(market.len())).chain(regimes).collect()
}

/// What periods of one kind came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegimeRow {
    /// `volatility` or `trend`, or `none` of periods that have no regime.
    pub question: &'static str,
    /// Name of the answer.
    pub regime: &'static str,
    /// Periods.
    pub periods: usize,
    /// Sum of their returns: the rows of one question, with the row of none, add up to the sum of all returns.
    pub sum: f64,
    /// Mean of a period.
    pub mean: Option<f64>,
    /// Sharpe ratio, annualised; absent under `periods_min` periods.
    pub sharpe: Option<f64>,
    /// Share with a gain.
    pub positive_share: Option<f64>,
}

/// Shares out returns by the regime of their periods.
pub fn attribute(
    values: &[f64],
    regimes: &[Option<Regime>],
    periods_a_year: f64,
    periods_min: usize,
) -> Vec<RegimeRow> {
    let row = |question, regime, takes: &dyn Fn(&Option<Regime>) -> bool| {
        let chosen: Vec<f64> =
            values.iter().zip(regimes).filter(|(_, regime)| takes(regime)).map(|(value, _)| *value).collect();
        let is_enough = chosen.len() >= periods_min;
        RegimeRow {
            question,
            regime,
            periods: chosen.len(),
            sum: chosen.iter().sum(),
            mean: returns::mean(&chosen),
            sharpe: ratios::sharpe(&chosen, periods_a_year).filter(|_| is_enough),
            positive_share: super::consistency::positive_share(&chosen),
        }
    };
    let mut rows = Vec::new();
    for kind in Volatility::ALL {
        rows.push(row("volatility", kind.name(), &|one| one.is_some_and(|one| one.volatility == kind)));
    }
    for kind in Trend::ALL {
        rows.push(row("trend", kind.name(), &|one| one.is_some_and(|one| one.trend == kind)));
    }
    rows.push(row("none", "too few periods before", &Option::is_none));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_with_a_direction_is_a_trend_and_the_thirds_are_of_equal_size() {
        // Nine windows moving 1..9 each; the net move beyond what was moved on the way is a direction.
        let moved: Vec<f64> = (1..=9).map(f64::from).collect();
        let window = |(moved, share): (&f64, &f64)| Window { net: share * moved, moved: *moved };
        let windows: Vec<Window> = moved.iter().zip([0.5, -1.5, 1.5].iter().cycle()).map(window).collect();
        let found = classify(&moved, &windows);
        let count = |kind| found.iter().filter(|one| one.volatility == kind).count();
        assert_eq!(Volatility::ALL.map(count), [3, 3, 3]);
        let trends: Vec<Trend> = found.iter().take(3).map(|one| one.trend).collect();
        assert_eq!(trends, [Trend::Sideways, Trend::Falling, Trend::Rising]);
        assert_eq!(Window::of(&[3.0, -4.0]), Window { net: -1.0, moved: 5.0 });
        assert_eq!(Window::default().trend(), Trend::Sideways);
    }

    #[test]
    fn a_regime_does_not_know_its_own_period_nor_later_ones() {
        let mut rng = tickrace_stats::Rng::new(11);
        let market: Vec<f64> = (0..300).map(|_| rng.normal() * 0.01).collect();
        let before = before_each(&market, 5, 20);
        assert_eq!(before.len(), 300);
        assert!(before[..20].iter().all(Option::is_none) && before[20..].iter().all(Option::is_some));
        let mut altered = market.clone();
        // Two great steps: 10 net, where a walk of such steps makes 7.1.
        altered[150..152].fill(5.0);
        let after = before_each(&altered, 5, 20);
        let trend = |all: &[Option<Regime>]| -> Vec<Option<Trend>> {
            all.iter().map(|one| one.map(|one| one.trend)).collect()
        };
        assert_eq!(trend(&before)[..=150], trend(&after)[..=150]);
        assert_eq!(after[152].unwrap().trend, Trend::Rising);
        assert!(before_each(&market[..3], 5, 20).iter().all(Option::is_none));
    }

    #[test]
    fn about_a_third_of_walks_without_direction_are_taken_for_one() {
        // |sum| / root of the sum of squares of 60 normal steps is beyond 1 with probability 0.317; of 4,000 windows the
        // standard error is 0.0074.
        let mut rng = tickrace_stats::Rng::new(2);
        let trends = (0..4000).filter(|_| {
            let steps: Vec<f64> = (0..60).map(|_| rng.normal()).collect();
            Window::of(&steps).trend() != Trend::Sideways
        });
        let share = trends.count() as f64 / 4000.0;
        assert!((share - 0.317).abs() < 0.03, "{share}");
    }

    #[test]
    fn rows_of_a_question_add_up_to_all_returns() {
        let mut rng = tickrace_stats::Rng::new(3);
        let values: Vec<f64> = (0..200).map(|_| rng.normal()).collect();
        let rows = attribute(&values, &before_each(&values, 10, 30), 252.0, 20);
        let sum: f64 = values.iter().sum();
        let of = |question: &str| {
            rows.iter().filter(|row| row.question == question).map(|row| row.sum).sum::<f64>()
        };
        for question in ["volatility", "trend"] {
            assert!((of(question) + of("none") - sum).abs() < 1e-9);
        }
        assert_eq!(rows.iter().map(|row| row.periods).sum::<usize>(), 2 * 170 + 30);
    }
}
