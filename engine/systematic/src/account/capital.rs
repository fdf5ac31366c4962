//! Capital that follows the account: multipliers of the notional capital by day.

use tickrace_stats::Series;

/// Everything earned is traded with: the product of the days' growth.
///
/// `percent`: `[days]`, net profit in per cent of the notional capital; a missing day changes nothing.
pub fn full_compounding(percent: &Series) -> Series {
    multiplier(percent, f64::INFINITY)
}

/// Losses lower the capital and gains restore it, but never beyond the start: profits above are taken out.
///
/// `percent`: as for [`full_compounding`].
pub fn half_compounding(percent: &Series) -> Series {
    multiplier(percent, 1.0)
}

/// The reference's half compounding: a day's growth is scaled by the level once more, `level + level^2 * growth`, so that
/// losses shrink and recoveries lag. At half the capital a gain of 1 % counts as 0.5 %.
///
/// `percent`: as for [`full_compounding`].
pub fn half_compounding_twice_scaled(percent: &Series) -> Series {
    let mut level = 1.0;
    follow(percent, |growth| {
        level = f64::min(level * (1.0 + level * growth), 1.0);
        level
    })
}

fn multiplier(percent: &Series, most: f64) -> Series {
    let mut level = 1.0;
    follow(percent, |growth| {
        level = f64::min(level * (1.0 + growth), most);
        level
    })
}

fn follow(percent: &Series, mut step: impl FnMut(f64) -> f64) -> Series {
    let growth = |day: &f64| if day.is_nan() { 0.0 } else { day / 100.0 };
    let values = percent.values.iter().map(|day| step(growth(day))).collect();
    Series { first: percent.first, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_compounding_never_grows_beyond_the_start() {
        let percent = Series { values: vec![10.0, -50.0, f64::NAN, 50.0, 100.0], ..Series::default() };
        let full = full_compounding(&percent).values;
        assert!(full.iter().zip([1.1, 0.55, 0.55, 0.825, 1.65]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(half_compounding(&percent).values, [1.0, 0.5, 0.5, 0.75, 1.0]);
        // 0.5 + 0.25 x 0.5, then 0.625 + 0.390625 x 1 is above 1.
        assert_eq!(half_compounding_twice_scaled(&percent).values, [1.0, 0.5, 0.5, 0.625, 1.0]);
    }
}
