//! Statistics of profits summed at a frequency.

use serde::Serialize;
use tickrace_stats::{normal, student};

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
        Self::of_bins(&flow.bins(frequency), frequency)
    }

    /// Of sums at a frequency; none without sums.
    pub fn of_bins(bins: &Bins, frequency: Frequency) -> Option<Self> {
        let (first, last) = (*bins.days.first()?, *bins.days.last()?);
        let sums = &bins.sums;
        let count = sums.len() as f64;
        let total: f64 = sums.iter().sum();
        let mean = total / count;
        let (mut squares, mut cubes) = (0.0, 0.0);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for &value in sums {
            let off = value - mean;
            squares += off * off;
            cubes += off * off * off;
            min = min.min(value);
            max = max.max(value);
        }
        let std = (squares / (count - 1.0)).sqrt();
        let spread = squares / count;
        let years = count / frequency.per_year();
        let root = frequency.per_year().sqrt();
        let (ann_mean, ann_std) = (total / years, std * root);
        let sides = Sides::of(sums);
        let down = Drawdown::of(sums);
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
            sortino: ann_mean / (sides.loss_deviation * root),
            avg_drawdown: down.average,
            worst_drawdown: down.worst,
            time_in_drawdown: down.time,
            calmar: ann_mean / -down.worst,
            avg_return_to_drawdown: ann_mean / -down.average,
            avg_loss: sides.avg_loss,
            avg_gain: sides.avg_gain,
            gaintolossratio: sides.avg_gain / -sides.avg_loss,
            profitfactor: sides.gains / -sides.losses,
            hitrate: sides.hit_rate,
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

/// Gains and losses apart.
struct Sides {
    gains: f64,
    losses: f64,
    avg_gain: f64,
    avg_loss: f64,
    hit_rate: f64,
    /// Deviation of the losses about their mean, of a population.
    loss_deviation: f64,
}

impl Sides {
    fn of(sums: &[f64]) -> Self {
        let (mut gains, mut losses, mut won, mut lost) = (0.0, 0.0, 0.0, 0.0);
        for &value in sums {
            if value > 0.0 {
                gains += value;
                won += 1.0;
            } else if value < 0.0 {
                losses += value;
                lost += 1.0;
            }
        }
        let avg_loss = losses / lost;
        let squares: f64 = sums
            .iter()
            .filter(|value| **value < 0.0)
            .map(|value| (value - avg_loss) * (value - avg_loss))
            .sum();
        Self {
            gains,
            losses,
            avg_gain: gains / won,
            avg_loss,
            hit_rate: won / (won + lost),
            loss_deviation: (squares / lost).sqrt(),
        }
    }
}

struct Drawdown {
    average: f64,
    worst: f64,
    time: f64,
}

impl Drawdown {
    fn of(sums: &[f64]) -> Self {
        let (mut level, mut top) = (0.0, f64::NEG_INFINITY);
        let (mut sum, mut worst, mut below) = (0.0, 0.0f64, 0.0);
        for &value in sums {
            level += value;
            top = f64::max(top, level);
            let down = level - top;
            sum += down;
            worst = worst.min(down);
            below += f64::from(u8::from(down < 0.0));
        }
        let count = sums.len() as f64;
        Self { average: sum / count, worst, time: below / count }
    }
}

/// Median of all, then the lower and upper quantile ratios of what is not zero.
fn quantiles(sums: &[f64]) -> (f64, f64, f64) {
    let mut values = sums.to_vec();
    let median = select(&mut values, 0.5);
    values.retain(|value| *value != 0.0);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let normal = normal::quantile(0.01) / normal::quantile(0.3);
    // Taking the mean off first would change no order.
    let mut at = |probability| select(&mut values, probability) - mean;
    let lower = at(0.01) / at(0.3) / normal;
    let upper = at(0.99) / at(0.7) / normal;
    (median, lower, upper)
}

/// A quantile by linear interpolation between order statistics; NaN without values. Reorders them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the slice")]
fn select(values: &mut [f64], probability: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let place = probability * (values.len() - 1) as f64;
    let whole = place.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(whole, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().reduce(f64::min).unwrap_or(low);
    low + (high - low) * (place - whole as f64)
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
        for probability in [0.0, 0.01, 0.3, 0.5, 0.77, 1.0] {
            assert!((select(&mut values.clone(), probability) - probability * 996.0).abs() < 1e-9);
        }
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
