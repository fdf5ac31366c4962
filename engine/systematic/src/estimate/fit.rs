//! When something is fitted, from what, and for how long the answer is used.

use serde::{Deserialize, Serialize};
use tickrace_stats::panel::DAY_NS;

use crate::config::Quirk;

/// Which past an estimate is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateMethod {
    /// All before.
    #[default]
    Expanding,
    /// The last `rollyears` steps before.
    Rolling,
    /// Everything, which looks ahead.
    InSample,
}

/// One fit. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// First time of the window.
    pub fit_start_ns: i64,
    /// Its end; the row there is not in it.
    pub fit_end_ns: i64,
    /// From when the answer is used.
    pub period_start_ns: i64,
    /// Until when.
    pub period_end_ns: i64,
    /// Nothing is known yet: a guess is used.
    pub no_data: bool,
}

/// All fits over a span of dates.
///
/// - `start_ns`, `end_ns`: first and last row. `step_days`: days from one fit to the next.
/// - `roll_steps`: steps a rolling window is long.
/// - `dates`: in the reference steps are counted back from the last row, so that a longer history moves all fits; in a sound
///   system they are counted from the first.
/// - Result: oldest first; the first, without data, is used until there is a step of it.
pub fn fits(
    (start_ns, end_ns): (i64, i64),
    method: DateMethod,
    step_days: i64,
    roll_steps: usize,
    dates: Quirk,
) -> Vec<Fit> {
    if method == DateMethod::InSample {
        return vec![Fit {
            fit_start_ns: start_ns,
            fit_end_ns: end_ns,
            period_start_ns: start_ns,
            period_end_ns: end_ns,
            no_data: false,
        }];
    }
    let step_ns = step_days.max(1).saturating_mul(DAY_NS);
    let steps = (end_ns - start_ns) / step_ns;
    let mut dates: Vec<i64> = match dates {
        Quirk::Reference => (0..=steps).rev().map(|step| end_ns - step * step_ns).collect(),
        Quirk::Sound => (0..=steps).map(|step| start_ns + step * step_ns).collect(),
    };
    // A last fit counted from the first row stands until the last.
    if dates.last().is_some_and(|last| *last < end_ns) {
        dates.push(end_ns);
    }
    let Some(&first_end) = dates.get(1) else { return Vec::new() };
    let mut fits = vec![Fit {
        fit_start_ns: start_ns,
        fit_end_ns: start_ns,
        period_start_ns: start_ns,
        period_end_ns: first_end,
        no_data: true,
    }];
    for place in 1..dates.len() - 1 {
        let fit_start_ns = match method {
            DateMethod::Rolling => dates[place.saturating_sub(roll_steps)],
            _ => start_ns,
        };
        fits.push(Fit {
            fit_start_ns,
            fit_end_ns: dates[place],
            period_start_ns: dates[place],
            period_end_ns: dates[place + 1],
            no_data: false,
        });
    }
    fits
}
