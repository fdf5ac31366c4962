//! Statistics of profits summed at a frequency.

use serde::Serialize;
use tickrace_stats::{BusinessDay, normal, student};

use super::flow::{Bins, Flow, Frequency};

/// What describes a row of profits; NaN where there is too little to tell. The names are those of the reference's output.
///
/// Units are those of the profits: money, or per cent of capital. `ann` is a year's; drawdowns are of the sum of profits
/// (nothing is reinvested).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Least profit of a period.
    pub min: f64,
    /// Greatest profit of a period.
    pub max: f64,
    /// Median.
    pub median: f64,
    /// Mean of a period.
    pub mean: f64,
    /// Standard deviation of a period, of a sample (n - 1).
    pub std: f64,
    /// Skewness of the moments, without correction for the sample's size.
    pub skew: f64,
    /// Mean of a year: the sum over the years that the periods are.
    pub ann_mean: f64,
    /// Standard deviation of a year.
    pub ann_std: f64,
    /// `ann_mean / ann_std`.
    pub sharpe: f64,
    /// `ann_mean` over the annual deviation of the losses about their own mean.
    pub sortino: f64,
    /// Mean of what the sum of profits lies below its greatest so far; negative.
    pub avg_drawdown: f64,
    /// Least of the same.
    pub worst_drawdown: f64,
    /// Share of periods that end below an earlier one's end.
    pub time_in_drawdown: f64,
    /// `ann_mean` over the worst drawdown's size.
    pub calmar: f64,
    /// `ann_mean` over the average drawdown's size.
    pub avg_return_to_drawdown: f64,
    /// Mean of the losing periods.
    pub avg_loss: f64,
    /// Mean of the winning periods.
    pub avg_gain: f64,
    /// `avg_gain` over the size of `avg_loss`.
    pub gaintolossratio: f64,
    /// Sum of gains over the size of the sum of losses.
    pub profitfactor: f64,
    /// Winning periods among those that won or lost.
    pub hitrate: f64,
    /// Mean in units of its standard error.
    pub t_stat: f64,
    /// Chance of such a mean without skill, two-sided.
    pub p_value: f64,
    /// Periods.
    pub n: usize,
    /// First period's day, numbered from 1 January 1970.
    pub first: i64,
    /// Last period's day.
    pub last: i64,
    /// The 1 % quantile over the 30 % one, after dropping zeros and the mean, as a multiple of the normal law's.
    pub quant_ratio_lower: f64,
    /// The 99 % quantile over the 70 % one, likewise.
    pub quant_ratio_upper: f64,
}

impl Statistics {
    /// Of a flow at a frequency; none without amounts.
    pub fn of_flow(flow: &Flow, frequency: Frequency) -> Option<Self> {
        if frequency != Frequency::BusinessDay {
            return Self::of_bins(&flow.bins(frequency), frequency);
        }
        let series = flow.daily();
        let last = BusinessDay(series.end().0 - 1);
        Self::of_sums(&series.values, (series.first.day(), last.day()), frequency)
    }

    /// Of sums at a frequency; none without sums.
    pub fn of_bins(bins: &Bins, frequency: Frequency) -> Option<Self> {
        Self::of_sums(&bins.sums, (*bins.days.first()?, *bins.days.last()?), frequency)
    }

    fn of_sums(sums: &[f64], (first, last): (i64, i64), frequency: Frequency) -> Option<Self> {
        if sums.is_empty() {
            return None;
        }
        let count = sums.len() as f64;
        let First { total, min, max, sides, down } = First::of(sums);
        let mean = total / count;
        let avg_loss = sides.losses / sides.lost;
        let (mut squares, mut cubes, mut loss_squares) = (0.0, 0.0, 0.0);
        for &value in sums {
            let (off, off_loss) = (value - mean, value - avg_loss);
            squares += off * off;
            cubes += off * off * off;
            loss_squares += if value < 0.0 { off_loss * off_loss } else { 0.0 };
        }
        let std = (squares / (count - 1.0)).sqrt();
        let spread = squares / count;
        let years = count / frequency.per_year();
        let root = frequency.per_year().sqrt();
        let (ann_mean, ann_std) = (total / years, std * root);
        let avg_gain = sides.gains / sides.won;
        let t_stat = mean / (std / count.sqrt());
        let (median, quant_ratio_lower, quant_ratio_upper) = quantiles(sums);
        Some(Self {
            min,
            max,
            median,
            mean,
            std,
            skew: cubes / count / (spread * spread.sqrt()),
            ann_mean,
            ann_std,
            sharpe: ann_mean / ann_std,
            sortino: ann_mean / ((loss_squares / sides.lost).sqrt() * root),
            avg_drawdown: down.sum / count,
            worst_drawdown: down.worst,
            time_in_drawdown: down.below / count,
            calmar: ann_mean / -down.worst,
            avg_return_to_drawdown: ann_mean / -(down.sum / count),
            avg_loss,
            avg_gain,
            gaintolossratio: avg_gain / -avg_loss,
            profitfactor: sides.gains / -sides.losses,
            hitrate: sides.won / (sides.won + sides.lost),
            t_stat,
            p_value: student::two_sided(t_stat, count - 1.0),
            n: sums.len(),
            first,
            last,
            quant_ratio_lower,
            quant_ratio_upper,
        })
    }

    /// Every number with its name, `n` and the dates left out.
    pub fn numbers(&self) -> [(&'static str, f64); 24] {
        [
            ("min", self.min),
            ("max", self.max),
            ("median", self.median),
            ("mean", self.mean),
            ("std", self.std),
            ("skew", self.skew),
            ("ann_mean", self.ann_mean),
            ("ann_std", self.ann_std),
            ("sharpe", self.sharpe),
            ("sortino", self.sortino),
            ("avg_drawdown", self.avg_drawdown),
            ("worst_drawdown", self.worst_drawdown),
            ("time_in_drawdown", self.time_in_drawdown),
            ("calmar", self.calmar),
            ("avg_return_to_drawdown", self.avg_return_to_drawdown),
            ("avg_loss", self.avg_loss),
            ("avg_gain", self.avg_gain),
            ("gaintolossratio", self.gaintolossratio),
            ("profitfactor", self.profitfactor),
            ("hitrate", self.hitrate),
            ("t_stat", self.t_stat),
            ("p_value", self.p_value),
            ("quant_ratio_lower", self.quant_ratio_lower),
            ("quant_ratio_upper", self.quant_ratio_upper),
        ]
    }
}

/// Gains and losses apart: sums and counts.
#[derive(Default)]
struct Sides {
    gains: f64,
    losses: f64,
    won: f64,
    lost: f64,
}

/// What the sum of profits lies below its greatest so far: sum, least, and periods below.
#[derive(Default)]
struct Drawdown {
    sum: f64,
    worst: f64,
    below: f64,
}

/// What one pass gives. Its chains of additions run side by side, and no branch depends on the sign of a profit, which no
/// processor can guess.
struct First {
    total: f64,
    min: f64,
    max: f64,
    sides: Sides,
    down: Drawdown,
}

impl First {
    fn of(sums: &[f64]) -> Self {
        let (mut sides, mut down) = (Sides::default(), Drawdown::default());
        let (mut level, mut top) = (0.0, f64::NEG_INFINITY);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for &value in sums {
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
            sides.gains += if value > 0.0 { value } else { 0.0 };
            sides.losses += if value < 0.0 { value } else { 0.0 };
            sides.won += if value > 0.0 { 1.0 } else { 0.0 };
            sides.lost += if value < 0.0 { 1.0 } else { 0.0 };
            level += value;
            top = if level > top { level } else { top };
            let off = level - top;
            down.sum += off;
            down.worst = if off < down.worst { off } else { down.worst };
            down.below += if off < 0.0 { 1.0 } else { 0.0 };
        }
        Self { total: level, min, max, sides, down }
    }
}

/// Median of all, then the lower and upper quantile ratios of what is not zero.
fn quantiles(sums: &[f64]) -> (f64, f64, f64) {
    let mut values = sums.to_vec();
    let [median] = select(&mut values, [0.5]);
    values.retain(|value| *value != 0.0);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let normal = normal::quantile(0.01) / normal::quantile(0.3);
    // Taking the mean off first would change no order.
    let [low, lower, upper, high] =
        select(&mut values, [0.01, 0.3, 0.7, 0.99]).map(|quantile| quantile - mean);
    (median, low / lower / normal, high / upper / normal)
}

/// Quantiles by linear interpolation between order statistics, probabilities rising; NaN without values. Reorders them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the slice")]
fn select<const N: usize>(values: &mut [f64], probabilities: [f64; N]) -> [f64; N] {
    let Some(last) = values.len().checked_sub(1) else { return [f64::NAN; N] };
    let places = probabilities.map(|probability| probability * last as f64);
    let wanted: Vec<usize> = places
        .iter()
        .flat_map(|place| [place.floor() as usize, (place.floor() as usize + 1).min(last)])
        .collect();
    let mut found = vec![0.0; wanted.len()];
    order_statistics(values, 0, &wanted, &mut found);
    let mut pairs = found.chunks_exact(2);
    places.map(|place| match pairs.next() {
        Some([low, high]) => low + (high - low) * (place - place.floor()),
        _ => f64::NAN,
    })
}

/// The values at places of the sorted slice, which begins at place `base`; places rise. Each search leaves less for the next.
fn order_statistics(values: &mut [f64], base: usize, wanted: &[usize], found: &mut [f64]) {
    let middle = wanted.len() / 2;
    let Some(&place) = wanted.get(middle) else { return };
    let (below, value, above) = values.select_nth_unstable_by(place - base, f64::total_cmp);
    let value = *value;
    let equal = wanted.iter().position(|other| *other == place).unwrap_or(middle);
    let after = wanted.iter().rposition(|other| *other == place).map_or(middle, |last| last + 1);
    found[equal..after].fill(value);
    order_statistics(below, base, &wanted[..equal], &mut found[..equal]);
    order_statistics(above, place + 1, &wanted[after..], &mut found[after..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sums: &[f64], frequency: Frequency) -> Statistics {
        let days = (0..i64::try_from(sums.len()).unwrap()).collect();
        Statistics::of_bins(&Bins { days, sums: sums.to_vec() }, frequency).unwrap()
    }

    #[test]
    fn a_short_row_has_the_figures_of_pen_and_paper() {
        let stats = of(&[2.0, -1.0, 0.0, -3.0, 4.0], Frequency::Month);
        // Sum 2 of five months; squares about 0.4: 2.56 + 1.96 + 0.16 + 11.56 + 12.96 = 29.2.
        assert!((stats.ann_mean - 4.8).abs() < 1e-12);
        assert!((stats.std - 7.3f64.sqrt()).abs() < 1e-12);
        assert!((stats.hitrate - 0.5).abs() < 1e-12 && (stats.profitfactor - 1.5).abs() < 1e-12);
        // The sum goes 2, 1, 1, -2, 2: below its top by 0, 1, 1, 4, 0.
        assert!((stats.avg_drawdown + 1.2).abs() < 1e-12 && stats.worst_drawdown == -4.0);
        assert_eq!((stats.time_in_drawdown, stats.median, stats.n), (0.6, 0.0, 5));
        // Losses -1 and -3 deviate by 1.
        assert!((stats.sortino - 4.8 / 12f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_interpolate_like_a_sorted_slice() {
        let values: Vec<f64> = (0..997).map(|step| f64::from(step * 389 % 997)).collect();
        let probabilities = [0.0, 0.01, 0.3, 0.5, 0.77, 1.0];
        for (found, probability) in select(&mut values.clone(), probabilities).into_iter().zip(probabilities)
        {
            assert!((found - probability * 996.0).abs() < 1e-9);
        }
        assert_eq!(select(&mut [3.0], [0.01, 0.99]), [3.0, 3.0]);
        assert!(select(&mut [], [0.5])[0].is_nan());
    }

    #[test]
    fn only_gains_have_no_loss_figures() {
        let stats = of(&[1.0, 2.0], Frequency::Year);
        assert!(stats.sortino.is_nan() && stats.avg_loss.is_nan() && stats.gaintolossratio.is_nan());
        assert!(stats.profitfactor.is_infinite() && stats.calmar.is_infinite());
        assert_eq!(stats.hitrate, 1.0);
        assert!(Statistics::of_flow(&Flow::default(), Frequency::Year).is_none());
    }
}
