//! Latency meters: histograms with fixed bounds, on all the time, that never allocate after construction.
//!
//! Bounds are 1 ns to 100 s; what lies outside counts at the bound, and the exact largest value is kept beside.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Smallest value told apart, nanoseconds; 0 counts as the histogram's lowest bucket.
pub const METER_NS_MIN: u64 = 1;

/// Largest value told apart, nanoseconds.
pub const METER_NS_MAX: u64 = 100_000_000_000;

/// Significant digits of [`Meter::new`]: one nanosecond up to 255 ns, one per cent above, in 30 KiB, which stays in
/// a near cache where three digits take 230 KiB.
pub const METER_DIGITS: u8 = 2;

/// Lines of the exported distribution per halving of what remains to 100 per cent.
const TICKS_PER_HALF: u32 = 5;

/// One histogram of nanoseconds.
#[derive(Clone, Debug)]
pub struct Meter {
    histogram: Histogram<u64>,
    digits: u8,
    max_ns: u64,
}

/// A distribution in a few figures, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest, exact.
    pub max: u64,
    /// Number of values.
    pub count: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    /// Empty, with [`METER_DIGITS`] digits.
    pub fn new() -> Self {
        Self::with_digits(METER_DIGITS)
    }

    /// Empty, with `digits` significant digits, held to 1..=3.
    pub fn with_digits(digits: u8) -> Self {
        let digits = digits.clamp(1, 3);
        let histogram = Histogram::new_with_bounds(METER_NS_MIN, METER_NS_MAX, digits)
            .expect("the bounds are constants that hdrhistogram takes");
        Self { histogram, digits, max_ns: 0 }
    }

    /// Counts one latency. Never allocates, never fails.
    #[inline]
    pub fn record(&mut self, latency_ns: u64) {
        self.max_ns = self.max_ns.max(latency_ns);
        self.histogram.saturating_record(latency_ns);
    }

    /// Adds what `other` counted. Not for the hot path.
    pub fn add(&mut self, other: &Self) {
        for value in other.histogram.iter_recorded() {
            let count = value.count_since_last_iteration();
            self.histogram.saturating_record_n(value.value_iterated_to(), count);
        }
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.histogram.reset();
        self.max_ns = 0;
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Largest value, exact; 0 where there is none.
    pub fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// Mean, nanoseconds, within the histogram's precision.
    pub fn mean_ns(&self) -> f64 {
        self.histogram.mean()
    }

    /// Latency that the fraction `quantile` (in [0, 1]) of values does not exceed; 0 where there are none.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        if self.histogram.is_empty() {
            0
        } else {
            self.histogram.value_at_quantile(quantile).min(self.max_ns)
        }
    }

    /// The few figures.
    pub fn summary(&self) -> Summary {
        Summary {
            p50: self.quantile_ns(0.5),
            p90: self.quantile_ns(0.9),
            p99: self.quantile_ns(0.99),
            p999: self.quantile_ns(0.999),
            max: self.max_ns,
            count: self.count(),
        }
    }

    /// The histogram behind it.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// Writes the percentile distribution as HdrHistogram's own tools do (`.hgrm`), values in nanoseconds.
    ///
    /// Source: HdrHistogram, `AbstractHistogram.outputPercentileDistribution`.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write_hgrm(&self, out: &mut impl Write) -> io::Result<()> {
        let digits = usize::from(self.digits);
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        let mut total = 0;
        for step in self.histogram.iter_quantiles(TICKS_PER_HALF) {
            total += step.count_since_last_iteration();
            let (value, quantile) = (as_float(step.value_iterated_to()), step.quantile_iterated_to());
            write!(out, "{value:12.digits$} {quantile:2.12} {total:10}")?;
            if quantile < 1.0 {
                writeln!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
            } else {
                writeln!(out)?;
            }
        }
        let (mean, deviation) = (self.histogram.mean(), self.histogram.stdev());
        let max = as_float(self.histogram.max());
        let sub_buckets = (2 * 10u64.pow(u32::from(self.digits))).next_power_of_two();
        writeln!(out, "#[Mean    = {mean:12.digits$}, StdDeviation   = {deviation:12.digits$}]")?;
        writeln!(out, "#[Max     = {max:12.digits$}, Total count    = {total:12}]")?;
        writeln!(out, "#[Buckets = {:12}, SubBuckets     = {sub_buckets:12}]", self.histogram.buckets())
    }
}

#[allow(clippy::cast_precision_loss, reason = "for printing; values are below 2^37")]
fn as_float(value: u64) -> f64 {
    value as f64
}

/// Meters of the hops between stages, sampled one event in N: a stamp costs ten nanoseconds.
#[derive(Clone, Debug)]
pub struct HopMeters {
    hops: Vec<(&'static str, Meter)>,
    mask: u64,
}

impl HopMeters {
    /// One meter per name; events whose number is a multiple of `2^every_log2` are sampled, none from 64 on.
    pub fn new(names: &[&'static str], every_log2: u32) -> Self {
        let mask = 1u64.checked_shl(every_log2).map_or(u64::MAX, |every| every - 1);
        Self { hops: names.iter().map(|name| (*name, Meter::new())).collect(), mask }
    }

    /// Whether event number `seq` is one of those sampled.
    #[inline]
    pub const fn is_sampled(&self, seq: u64) -> bool {
        seq & self.mask == 0 && self.mask != u64::MAX
    }

    /// Counts one latency of hop number `hop`; a hop that is not there is ignored.
    #[inline]
    pub fn record(&mut self, hop: usize, latency_ns: u64) {
        if let Some((_, meter)) = self.hops.get_mut(hop) {
            meter.record(latency_ns);
        }
    }

    /// Names and meters, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Meter)> {
        self.hops.iter().map(|(name, meter)| (*name, meter))
    }
}

#[cfg(test)]
mod tests;
