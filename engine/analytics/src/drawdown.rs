//! How far below its best an equity curve fell, and for how long.

use serde::Serialize;

/// The deepest fall of a sampled curve and the time spent below its best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Drawdown {
    /// Largest fall from a running maximum, at least 0, in the curve's unit.
    pub amount: f64,
    /// Time of the maximum the deepest fall started from, nanoseconds since the epoch.
    pub peak_ns: i64,
    /// Time of its lowest point.
    pub trough_ns: i64,
    /// Time at which the old maximum was reached again; absent where it was not.
    pub recovered_ns: Option<i64>,
    /// Longest time from a maximum until it was reached again, or until the end, nanoseconds.
    pub duration_max_ns: i64,
    /// All time spent below a running maximum, nanoseconds; a sample counts until the next one.
    pub under_water_ns: i64,
    /// All time sampled, nanoseconds.
    pub observed_ns: i64,
}

impl Drawdown {
    /// Share of the time spent below a running maximum.
    pub fn under_water_share(&self) -> f64 {
        if self.observed_ns > 0 { self.under_water_ns as f64 / self.observed_ns as f64 } else { 0.0 }
    }
}

/// Follows a curve sample by sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrawdownTracker {
    result: Drawdown,
    best: Option<(i64, f64)>,
    last: Option<(i64, f64)>,
    /// The deepest fall so far is the one going on now.
    deepest_is_open: bool,
}

impl DrawdownTracker {
    /// Takes the next sample; times do not go back.
    pub fn push(&mut self, ts_ns: i64, value: f64) {
        let Some((best_ns, best)) = self.best else {
            self.best = Some((ts_ns, value));
            self.last = Some((ts_ns, value));
            self.result.peak_ns = ts_ns;
            self.result.trough_ns = ts_ns;
            return;
        };
        if let Some((last_ns, last)) = self.last {
            let dt = ts_ns - last_ns;
            self.result.observed_ns += dt;
            if last < best {
                self.result.under_water_ns += dt;
                self.result.duration_max_ns = self.result.duration_max_ns.max(ts_ns - best_ns);
            }
        }
        if value >= best {
            if self.deepest_is_open {
                self.result.recovered_ns = Some(ts_ns);
                self.deepest_is_open = false;
            }
            self.best = Some((ts_ns, value));
        } else if best - value > self.result.amount {
            self.result.amount = best - value;
            self.result.peak_ns = best_ns;
            self.result.trough_ns = ts_ns;
            self.result.recovered_ns = None;
            self.deepest_is_open = true;
        }
        self.last = Some((ts_ns, value));
    }

    /// Below the running maximum now, at least 0.
    pub fn depth(&self) -> f64 {
        self.best.zip(self.last).map_or(0.0, |(best, last)| best.1 - last.1)
    }

    /// What the samples so far say.
    pub const fn result(&self) -> Drawdown {
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Drawdown {
        let mut tracker = DrawdownTracker::default();
        for (ts, value) in (0i64..).zip(values) {
            tracker.push(ts * 10, *value);
        }
        tracker.result()
    }

    #[test]
    fn a_fall_is_measured_from_the_best_to_the_lowest() {
        // 0 5 3 4 1 6: from 5 (t=10) to 1 (t=40), reached again at t=50; below it from 20 to 50.
        let drawdown = of(&[0.0, 5.0, 3.0, 4.0, 1.0, 6.0]);
        assert_eq!(
            drawdown,
            Drawdown {
                amount: 4.0,
                peak_ns: 10,
                trough_ns: 40,
                recovered_ns: Some(50),
                duration_max_ns: 40,
                under_water_ns: 30,
                observed_ns: 50,
            }
        );
    }

    #[test]
    fn a_curve_that_only_rises_has_none() {
        let drawdown = of(&[0.0, 1.0, 1.0, 2.0]);
        assert_eq!((drawdown.amount, drawdown.under_water_ns, drawdown.duration_max_ns), (0.0, 0, 0));
        assert_eq!(of(&[]), Drawdown::default());
    }

    proptest! {
        #[test]
        fn the_amount_is_the_largest_fall_of_any_pair(values in prop::collection::vec(-100i32..100, 0..60)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let mut largest = 0.0f64;
            for (place, early) in values.iter().enumerate() {
                for late in &values[place..] {
                    largest = largest.max(early - late);
                }
            }
            let drawdown = of(&values);
            prop_assert_eq!(drawdown.amount, largest);
            // By definition: a sample is under water where some earlier one is higher; it counts until the next.
            let under = (1..values.len()).filter(|end| values[..*end].iter().any(|early| *early > values[end - 1]));
            prop_assert_eq!(drawdown.under_water_ns, 10 * i64::try_from(under.count()).unwrap());
        }
    }
}
