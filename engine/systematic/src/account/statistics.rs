//! Statistics of profits summed at a frequency.

use serde::Serialize;
use tickrace_stats::{BusinessDay, normal, student};

use super::flow::{Bins, Flow, Frequency};
use super::order::{Binning, Histogram};

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
        let (first, values) = flow.days();
        let last = BusinessDay(first.0 + i32::try_from(values.len()).unwrap_or(i32::MAX) - 1);
        Self::of_sums(&values, (first.day(), last.day()), frequency)
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
        let Sides { min, max, gains, losses, won, lost } = Sides::of(sums);
        let Path { total, sum, worst, below, histogram } = Path::of(sums, Binning::new(min, max));
        let mean = total / count;
        let avg_loss = losses / lost;
        let Spread { squares, cubes, loss_squares } = Spread::of(sums, mean, avg_loss);
        let std = (squares / (count - 1.0)).sqrt();
        let spread = squares / count;
        let years = count / frequency.per_year();
        let root = frequency.per_year().sqrt();
        let (ann_mean, ann_std) = (total / years, std * root);
        let avg_gain = gains / won;
        let t_stat = mean / (std / count.sqrt());
        let (median, quant_ratio_lower, quant_ratio_upper) = quantiles(sums, &histogram, (total, won, lost));
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
            sortino: ann_mean / ((loss_squares / lost).sqrt() * root),
            avg_drawdown: sum / count,
            worst_drawdown: worst,
            time_in_drawdown: below / count,
            calmar: ann_mean / -worst,
            avg_return_to_drawdown: ann_mean / -(sum / count),
            avg_loss,
            avg_gain,
            gaintolossratio: avg_gain / -avg_loss,
            profitfactor: gains / -losses,
            hitrate: won / (won + lost),
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

/// Rows that are summed side by side: sums of every fourth value, which no addition waits for.
const LANES: usize = 4;

/// Gives each value with its lane, row by row; what a lane does is small enough to stand in the loop.
#[inline(always)]
fn by_lane(sums: &[f64], mut take: impl FnMut(usize, f64)) {
    let (rows, rest) = sums.as_chunks::<LANES>();
    for row in rows {
        for (lane, &value) in row.iter().enumerate() {
            take(lane, value);
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        take(lane, value);
    }
}

/// Gains and losses apart, and the extremes.
struct Sides {
    min: f64,
    max: f64,
    gains: f64,
    losses: f64,
    won: f64,
    lost: f64,
}

impl Sides {
    fn of(sums: &[f64]) -> Self {
        let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let (mut gains, mut losses) = ([0.0; LANES], [0.0; LANES]);
        let (mut won, mut lost) = ([0u64; LANES], [0u64; LANES]);
        let take = |lane: usize, value: f64| {
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
            gains[lane] += if value > 0.0 { value } else { 0.0 };
            losses[lane] += if value < 0.0 { value } else { 0.0 };
            won[lane] += u64::from(value > 0.0);
            lost[lane] += u64::from(value < 0.0);
        };
        by_lane(sums, take);
        Self {
            min: min.into_iter().fold(f64::INFINITY, f64::min),
            max: max.into_iter().fold(f64::NEG_INFINITY, f64::max),
            gains: gains.iter().sum(),
            losses: losses.iter().sum(),
            won: won.iter().sum::<u64>() as f64,
            lost: lost.iter().sum::<u64>() as f64,
        }
    }
}

/// The sum of profits in the order of time: its end; what it lies below its greatest so far, as a sum, the least, and periods
/// below. How values are spread is counted meanwhile, since each addition waits for the one before.
struct Path {
    total: f64,
    sum: f64,
    worst: f64,
    below: f64,
    histogram: Histogram,
}

impl Path {
    fn of(sums: &[f64], binning: Binning) -> Self {
        let mut histogram = Histogram::new(binning);
        let (mut level, mut top) = (0.0, f64::NEG_INFINITY);
        let (mut sum, mut worst, mut below) = (0.0, 0.0, 0u64);
        for &value in sums {
            histogram.take(value);
            level += value;
            top = if level > top { level } else { top };
            let off = level - top;
            sum += off;
            worst = if off < worst { off } else { worst };
            below += u64::from(off < 0.0);
        }
        Self { total: level, sum, worst, below: below as f64, histogram }
    }
}

/// Powers of what profits lie off their mean, and squares of what losses lie off theirs.
struct Spread {
    squares: f64,
    cubes: f64,
    loss_squares: f64,
}

impl Spread {
    fn of(sums: &[f64], mean: f64, avg_loss: f64) -> Self {
        let (mut squares, mut cubes, mut loss_squares) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let take = |lane: usize, value: f64| {
            let (off, off_loss) = (value - mean, value - avg_loss);
            squares[lane] += off * off;
            cubes[lane] += off * off * off;
            loss_squares[lane] += if value < 0.0 { off_loss * off_loss } else { 0.0 };
        };
        by_lane(sums, take);
        Self {
            squares: squares.iter().sum(),
            cubes: cubes.iter().sum(),
            loss_squares: loss_squares.iter().sum(),
        }
    }
}

/// Median of all, then the lower and upper quantile ratios of what is not zero.
///
/// - `histogram`: of all. `total`, `won`, `lost`: their sum, and how many are above and below zero.
fn quantiles(sums: &[f64], histogram: &Histogram, (total, won, lost): (f64, f64, f64)) -> (f64, f64, f64) {
    let zeros = sums.len() as f64 - won - lost;
    let among_all = place(0.5, sums.len() as f64);
    let others = [0.01, 0.3, 0.7, 0.99].map(|probability| place(probability, won + lost));
    // Where the zeros are left out, what lies above them stands that much lower.
    let back = |place: f64| if place < lost { place } else { place + zeros };
    let mut wanted = [(0, 0usize); 10];
    for (slot, (low, high, _)) in [among_all].into_iter().chain(others).enumerate() {
        for (end, place) in [low, high].into_iter().enumerate() {
            let place = if slot == 0 { place } else { back(place) };
            wanted[2 * slot + end] = (whole(place).min(sums.len() - 1), 2 * slot + end);
        }
    }
    wanted.sort_unstable();
    let sorted = histogram.order_statistics(sums, wanted.map(|(place, _)| place));
    let mut found = [0.0; 10];
    for ((_, slot), value) in wanted.into_iter().zip(sorted) {
        found[slot] = value;
    }
    let between = |slot: usize, (_, _, share): (f64, f64, f64)| {
        let [low, high] = [found[2 * slot], found[2 * slot + 1]];
        low + (high - low) * share
    };
    let median = between(0, among_all);
    if won + lost == 0.0 {
        return (median, f64::NAN, f64::NAN);
    }
    let mean = total / (won + lost);
    let normal = normal::quantile(0.01) / normal::quantile(0.3);
    // Taking the mean off first would change no order.
    let off = |slot: usize| between(slot, others[slot - 1]) - mean;
    (median, off(1) / off(2) / normal, off(4) / off(3) / normal)
}

/// The places of a sorted row between which a quantile lies, and how far from the lower to the upper.
fn place(probability: f64, count: f64) -> (f64, f64, f64) {
    let last = (count - 1.0).max(0.0);
    let place = probability * last;
    (place.floor(), (place.floor() + 1.0).min(last), place - place.floor())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within a slice")]
const fn whole(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places of short rows")]
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
    fn quantiles_interpolate_between_values_and_leave_zeros_out() {
        // 997 values in steps of 1 from -400 to 596 in a mixed order, and 500 zeros more; the mean of what is no zero is
        // 98 * 997 / 996.
        let mut values: Vec<f64> = (0..997).map(|step| f64::from(step * 389 % 997 - 400)).collect();
        values.extend([0.0; 500]);
        let stats = of(&values, Frequency::BusinessDay);
        assert_eq!(stats.median, 0.0);
        let mut others: Vec<f64> = values.into_iter().filter(|value| *value != 0.0).collect();
        others.sort_by(f64::total_cmp);
        let mean = others.iter().sum::<f64>() / 996.0;
        let quantile = |probability: f64| {
            let place = probability * 995.0;
            let low = others[place as usize];
            low + (others[place as usize + 1] - low) * place.fract() - mean
        };
        // The normal law's 1 % and 30 % quantiles, from a table.
        let normal = 2.326_347_874_040_841 / 0.524_400_512_708_041;
        assert!((stats.quant_ratio_lower - quantile(0.01) / quantile(0.3) / normal).abs() < 1e-9);
        assert!((stats.quant_ratio_upper - quantile(0.99) / quantile(0.7) / normal).abs() < 1e-9);
        assert!(of(&[0.0; 5], Frequency::BusinessDay).quant_ratio_lower.is_nan());
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
