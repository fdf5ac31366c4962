//! Order statistics of a row of profits, without sorting it.
//!
//! Values fall into many narrow bins between the least and the greatest; only those bins that hold a wanted place are
//! gathered and searched. The answers are the values a sorted row would have there, to the last bit.

/// Bins between the least and the greatest value.
const BINS: usize = 512;
/// Added to a small number it leaves the nearest whole number in the lowest bits of the sum.
const ROUNDER: f64 = 4_503_599_627_370_496.0;

/// Which bin a value falls into: never a lower one for a greater value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binning {
    min: f64,
    per_value: f64,
}

impl Binning {
    /// Of values between two bounds, both included.
    pub(super) fn new(min: f64, max: f64) -> Self {
        let width = (max - min) / (BINS - 1) as f64;
        let per_value = if width > 0.0 && width.is_finite() { 1.0 / width } else { 0.0 };
        Self { min, per_value: if per_value.is_finite() { per_value } else { 0.0 } }
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to the bins")]
    const fn of(self, value: f64) -> usize {
        ((value - self.min) * self.per_value + ROUNDER).to_bits() as usize % BINS
    }
}

/// How many values each bin holds.
pub(super) struct Histogram {
    binning: Binning,
    counts: [u32; BINS],
}

impl Histogram {
    pub(super) const fn new(binning: Binning) -> Self {
        Self { binning, counts: [0; BINS] }
    }

    /// Counts one value.
    #[inline]
    pub(super) const fn take(&mut self, value: f64) {
        self.counts[self.binning.of(value)] += 1;
    }

    /// The values at places of the sorted row.
    ///
    /// - `values`: those that were counted. `wanted`: places from 0, rising, below the number of values.
    pub(super) fn order_statistics<const N: usize>(&self, values: &[f64], wanted: [usize; N]) -> [f64; N] {
        let mut is_wanted = [0u8; BINS];
        // By place wanted: the bin that holds it, and how many values lie before that.
        let mut holders = [(0, 0); N];
        let (mut bin, mut before, mut kept) = (0, 0, 0);
        for (place, holder) in wanted.iter().zip(&mut holders) {
            while bin + 1 < BINS && before + self.counts[bin] as usize <= *place {
                before += self.counts[bin] as usize;
                bin += 1;
            }
            *holder = (bin, before);
            kept += if is_wanted[bin] == 0 { self.counts[bin] as usize } else { 0 };
            is_wanted[bin] = 1;
        }
        // One more: a value that is not wanted is written behind the last and written over.
        let mut gathered = vec![0.0; kept + 1];
        let mut count = 0;
        for &value in values {
            gathered[count] = value;
            count += usize::from(is_wanted[self.binning.of(value)]);
        }
        gathered.truncate(count);
        // Bins in order: a place among the gathered is the place less the values of bins that were passed over.
        let mut passed = [0; N];
        let (mut own, mut last) = (0, usize::MAX);
        for (passed, (bin, before)) in passed.iter_mut().zip(holders) {
            if bin != last {
                *passed = before - own;
                own += self.counts[bin] as usize;
                last = bin;
            } else {
                *passed = before + self.counts[bin] as usize - own;
            }
        }
        let mut places = wanted;
        for (place, passed) in places.iter_mut().zip(passed) {
            *place -= passed;
        }
        let mut found = [f64::NAN; N];
        select(&mut gathered, 0, &places, &mut found);
        found
    }
}

/// The values at places of the sorted slice, which begins at place `base`; places rise. Each search leaves less for the next.
fn select(values: &mut [f64], base: usize, wanted: &[usize], found: &mut [f64]) {
    let middle = wanted.len() / 2;
    let Some(&place) = wanted.get(middle) else { return };
    let (below, value, above) = values.select_nth_unstable_by(place - base, f64::total_cmp);
    let value = *value;
    let equal = wanted.iter().position(|other| *other == place).unwrap_or(middle);
    let after = wanted.iter().rposition(|other| *other == place).map_or(middle, |last| last + 1);
    found[equal..after].fill(value);
    select(below, base, &wanted[..equal], &mut found[..equal]);
    select(above, place + 1, &wanted[after..], &mut found[after..]);
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places of short rows")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of<const N: usize>(values: &[f64], wanted: [usize; N]) -> [f64; N] {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut histogram = Histogram::new(Binning::new(min, max));
        values.iter().for_each(|value| histogram.take(*value));
        histogram.order_statistics(values, wanted)
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_sorted_row(
            values in prop::collection::vec(
                prop_oneof![Just(0.0), Just(-7.5), -1.0..1.0f64, -1e6..1e6f64, -1e-300..1e-300f64, -1e300..1e300f64],
                1..400,
            ),
            shares in prop::array::uniform5(0.0..1.0f64),
        ) {
            let mut wanted = shares.map(|share| (share * values.len() as f64) as usize);
            wanted.sort_unstable();
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            prop_assert_eq!(of(&values, wanted), wanted.map(|place| sorted[place]));
        }
    }

    #[test]
    fn one_value_and_equal_values_are_their_own_statistics() {
        assert_eq!(of(&[3.0], [0, 0]), [3.0, 3.0]);
        assert_eq!(of(&[3.0; 9], [0, 4, 8]), [3.0; 3]);
    }
}
