//! Quantile of a moving window.

/// Quantile of the last `rows` rows, between neighbours in proportion, where at least `min_periods` of them have a value.
pub fn rolling_quantile(values: &[f64], rows: usize, min_periods: usize, share: f64) -> Vec<f64> {
    let rows = rows.clamp(1, values.len().max(1));
    let mut lowest = Lowest::new(rows, share);
    let mut out = Vec::with_capacity(values.len());
    for (place, &value) in values.iter().enumerate() {
        if place >= rows {
            lowest.drop(values[place - rows]);
        }
        lowest.take(value);
        let window = &values[(place + 1).saturating_sub(rows)..=place];
        let is_known = lowest.count() >= min_periods.max(1);
        out.push(if is_known { lowest.quantile(share, window) } else { f64::NAN });
    }
    out
}

/// The lowest values of a window in order; of the others no more is kept than how many they are. A quantile near the least
/// value then costs little on most rows, whose values are neither among the lowest nor were.
struct Lowest {
    /// All values of the window up to the bound, rising.
    sorted: Vec<f64>,
    bound: f64,
    /// Values beyond the bound.
    others: usize,
    /// How many are looked for again where too few are left, and half of how many are kept at the most.
    kept: usize,
}

impl Lowest {
    fn new(rows: usize, share: f64) -> Self {
        let (place, _) = place_of(share, rows);
        let kept = (2 * (place + 2) + 32).min(rows);
        Self { sorted: Vec::with_capacity(2 * kept + 1), bound: f64::INFINITY, others: 0, kept }
    }

    /// How many values the window has.
    const fn count(&self) -> usize {
        self.sorted.len() + self.others
    }

    /// Adds a value; nothing where it is missing.
    #[inline]
    fn take(&mut self, value: f64) {
        if value <= self.bound {
            self.sorted.insert(self.sorted.partition_point(|own| *own < value), value);
            if self.sorted.len() > 2 * self.kept {
                self.trim();
            }
        } else {
            self.others += usize::from(!value.is_nan());
        }
    }

    /// Takes a value of the window away; nothing where it is missing.
    #[inline]
    fn drop(&mut self, value: f64) {
        if value <= self.bound {
            self.sorted.remove(self.sorted.partition_point(|own| *own < value));
        } else {
            self.others -= usize::from(!value.is_nan());
        }
    }

    /// Lets go of all above the value at `kept`: of none where those are all equal.
    #[cold]
    fn trim(&mut self) {
        self.bound = self.sorted[self.kept - 1];
        let bound = self.bound;
        let within = self.sorted.partition_point(|own| *own <= bound);
        self.others += self.sorted.len() - within;
        self.sorted.truncate(within);
    }

    /// Looks for the lowest values again, in the whole window.
    #[cold]
    fn refill(&mut self, window: &[f64]) {
        self.sorted.clear();
        self.sorted.extend(window.iter().filter(|value| !value.is_nan()));
        let count = self.sorted.len();
        self.bound = f64::INFINITY;
        if count > self.kept {
            let (_, bound, _) = self.sorted.select_nth_unstable_by(self.kept - 1, f64::total_cmp);
            let bound = *bound;
            self.bound = bound;
            self.sorted.retain(|value| *value <= bound);
        }
        self.others = count - self.sorted.len();
        self.sorted.sort_unstable_by(f64::total_cmp);
    }

    /// - `window`: of whose values this keeps the lowest; there is one at least.
    #[inline]
    fn quantile(&mut self, share: f64, window: &[f64]) -> f64 {
        let (low, between) = place_of(share, self.count());
        let high = (low + 1).min(self.count() - 1);
        if high >= self.sorted.len() {
            self.refill(window);
        }
        let sorted = &self.sorted;
        sorted[low] + between * (sorted[high] - sorted[low])
    }
}

/// Place of a quantile among so many sorted values, and how far from there to the next it lies.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is a place")]
fn place_of(share: f64, count: usize) -> (usize, f64) {
    let at = share * count.saturating_sub(1) as f64;
    let low = at as usize;
    (low, at - low as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Values that drift, repeat and miss, over windows much longer than what is kept.
        #[test]
        fn it_is_that_of_the_window_sorted_anew(
            steps in prop::collection::vec(
                prop_oneof![1 => Just(f64::NAN), 1 => Just(0.0), 8 => (-3i32..4).prop_map(f64::from), 8 => -1.0..1.2_f64], 0..900,
            ),
            rows in prop_oneof![1..20_usize, 150..400_usize, Just(usize::MAX)],
            least in 0..30_usize,
            share in prop_oneof![Just(0.05), Just(0.0), Just(1.0), 0.0..1.0_f64],
        ) {
            let mut level = 0.0;
            let values: Vec<f64> = steps.iter().map(|step| {
                level += if step.is_nan() { 0.0 } else { *step };
                if step.is_nan() { f64::NAN } else { level }
            }).collect();
            let got = rolling_quantile(&values, rows, least, share);
            for (row, got) in got.iter().enumerate() {
                let window = &values[(row + 1).saturating_sub(rows)..=row];
                let mut seen: Vec<f64> = window.iter().copied().filter(|value| !value.is_nan()).collect();
                seen.sort_unstable_by(f64::total_cmp);
                if seen.len() < least.max(1) {
                    prop_assert!(got.is_nan());
                } else {
                    prop_assert_eq!(*got, crate::quantile::quantile(&seen, share).unwrap());
                }
            }
        }
    }
}
