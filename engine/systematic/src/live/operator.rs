//! Operators: a value in, a value out, and as little kept as makes the next answer the same to the last bit.
//!
//! Each is the loop of a function of [`tickrace_stats::moments`] turned inside out: the same operations in the same order. The
//! tests below hold them to that, bit for bit, over series with gaps. A row is a business day.

use std::collections::VecDeque;

use tickrace_stats::moments::{alpha_of_com, alpha_of_span};

use super::tape::Tape;

/// As [`tickrace_stats::moments::ew_mean`].
#[derive(Clone, Debug)]
pub(super) struct EwMean {
    kept: f64,
    least: usize,
    mean: f64,
    weight: f64,
    seen: usize,
}

impl EwMean {
    pub fn new(alpha: f64, least: usize) -> Self {
        Self { kept: 1.0 - alpha, least: least.max(1), mean: f64::NAN, weight: 1.0, seen: 0 }
    }

    pub fn of_span(span: f64) -> Self {
        Self::new(alpha_of_span(span), 1)
    }

    pub fn of_com(com: f64) -> Self {
        Self::new(alpha_of_com(com), 1)
    }

    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        if self.mean.is_nan() {
            self.mean = value;
        } else {
            self.weight *= self.kept;
            if !value.is_nan() {
                let share = 1.0 / (self.weight + 1.0);
                if self.mean != value {
                    self.mean = self.weight * share * self.mean + value * share;
                }
                self.weight += 1.0;
            }
        }
        self.seen += usize::from(!value.is_nan());
        self.last()
    }

    /// What the last push gave.
    #[inline]
    pub const fn last(&self) -> f64 {
        if self.seen >= self.least { self.mean } else { f64::NAN }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.number(&mut self.mean);
        tape.number(&mut self.weight);
        tape.size(&mut self.seen);
    }
}

/// As [`tickrace_stats::moments::ew_std`].
#[derive(Clone, Debug)]
pub(super) struct EwStd {
    kept: f64,
    least: usize,
    mean: f64,
    variance: f64,
    sum: f64,
    sum_squares: f64,
    weight: f64,
    seen: usize,
}

impl EwStd {
    pub fn new(alpha: f64, least: usize) -> Self {
        Self {
            kept: 1.0 - alpha,
            least: least.max(1),
            mean: f64::NAN,
            variance: 0.0,
            sum: 1.0,
            sum_squares: 1.0,
            weight: 1.0,
            seen: 0,
        }
    }

    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        let kept = self.kept;
        if self.mean.is_nan() {
            self.mean = value;
        } else {
            self.sum *= kept;
            self.sum_squares *= kept * kept;
            self.weight *= kept;
            if !value.is_nan() {
                let (before, share) = (self.mean, 1.0 / (self.weight + 1.0));
                let old = self.weight * share;
                if self.mean != value {
                    self.mean = old * before + value * share;
                }
                let (back, ahead) = (before - self.mean, value - self.mean);
                self.variance = old * self.variance + (old * (back * back) + share * (ahead * ahead));
                self.sum += 1.0;
                self.sum_squares += 1.0;
                self.weight += 1.0;
            }
        }
        self.seen += usize::from(!value.is_nan());
        let (top, bottom) = (self.sum * self.sum, self.sum * self.sum - self.sum_squares);
        let is_known = self.seen >= self.least && bottom > 0.0;
        if is_known { (top / bottom * self.variance).sqrt() } else { f64::NAN }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        for value in
            [&mut self.mean, &mut self.variance, &mut self.sum, &mut self.sum_squares, &mut self.weight]
        {
            tape.number(value);
        }
        tape.size(&mut self.seen);
    }
}

/// As [`tickrace_stats::moments::fill_forward`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill(pub f64);

impl Default for Fill {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Fill {
    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        if !value.is_nan() {
            self.0 = value;
        }
        self.0
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.number(&mut self.0);
    }
}

/// As [`tickrace_stats::moments::differences`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Step(f64);

impl Default for Step {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Step {
    #[inline]
    pub const fn push(&mut self, value: f64) -> f64 {
        value - std::mem::replace(&mut self.0, value)
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.number(&mut self.0);
    }
}

/// As [`crate::raw::running_sum`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunningSum(f64);

impl RunningSum {
    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        if value.is_nan() {
            return f64::NAN;
        }
        self.0 += value;
        self.0
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.number(&mut self.0);
    }
}

/// The last `rows` values; gives back the value that many rows before.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    rows: usize,
    values: Vec<f64>,
    next: usize,
}

impl Ring {
    /// `rows`: from 1.
    pub fn new(rows: usize) -> Self {
        assert!(rows > 0, "a window has a row");
        Self { rows, values: Vec::new(), next: 0 }
    }

    /// NaN where there is no row so early.
    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        if self.values.len() < self.rows {
            self.values.push(value);
            return f64::NAN;
        }
        let gone = std::mem::replace(&mut self.values[self.next], value);
        self.next = if self.next + 1 == self.rows { 0 } else { self.next + 1 };
        gone
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.list(&mut self.values);
        tape.size(&mut self.next);
        // Of a file whose sum is right and whose numbers are not: no place outside the window.
        self.values.truncate(self.rows);
        self.next = self.next.min(self.rows - 1);
    }
}

/// As [`tickrace_stats::moments::rolling_mean`].
#[derive(Clone, Debug)]
pub(super) struct RollingMean {
    window: Ring,
    least: usize,
    sum: f64,
    lost: f64,
    present: usize,
}

impl RollingMean {
    pub fn new(rows: usize, least: usize) -> Self {
        Self { window: Ring::new(rows), least: least.max(1), sum: 0.0, lost: 0.0, present: 0 }
    }

    fn add(&mut self, value: f64) -> f64 {
        let corrected = value - self.lost;
        let next = self.sum + corrected;
        self.lost = next - self.sum - corrected;
        self.sum = next;
        next
    }

    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        let gone = self.window.push(value);
        let mut total = self.add(0.0);
        if !gone.is_nan() {
            total = self.add(-gone);
            self.present -= 1;
        }
        if !value.is_nan() {
            total = self.add(value);
            self.present += 1;
        }
        if self.present >= self.least { total / self.present as f64 } else { f64::NAN }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.window.keep(tape);
        tape.number(&mut self.sum);
        tape.number(&mut self.lost);
        tape.size(&mut self.present);
    }
}

/// As [`tickrace_stats::moments::rolling_std`].
#[derive(Clone, Debug)]
pub(super) struct RollingStd {
    window: Ring,
    least: f64,
    mean: f64,
    squares: f64,
    present: f64,
}

impl RollingStd {
    pub fn new(rows: usize, least: usize) -> Self {
        Self { window: Ring::new(rows), least: least.max(2) as f64, mean: 0.0, squares: 0.0, present: 0.0 }
    }

    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        let gone = self.window.push(value);
        if !gone.is_nan() {
            self.present -= 1.0;
            if self.present > 0.0 {
                let step = gone - self.mean;
                self.mean -= step / self.present;
                self.squares -= step * (gone - self.mean);
            } else {
                (self.mean, self.squares) = (0.0, 0.0);
            }
        }
        if !value.is_nan() {
            self.present += 1.0;
            let step = value - self.mean;
            self.mean += step / self.present;
            self.squares += step * (value - self.mean);
        }
        if self.present >= self.least {
            (self.squares.max(0.0) / (self.present - 1.0)).sqrt()
        } else {
            f64::NAN
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.window.keep(tape);
        tape.number(&mut self.mean);
        tape.number(&mut self.squares);
        tape.number(&mut self.present);
    }
}

/// As [`tickrace_stats::moments::rolling_quantile`].
#[derive(Clone, Debug)]
pub(super) struct RollingQuantile {
    window: Ring,
    least: usize,
    share: f64,
    sorted: Vec<f64>,
}

impl RollingQuantile {
    pub fn new(rows: usize, least: usize, share: f64) -> Self {
        Self { window: Ring::new(rows), least: least.max(1), share, sorted: Vec::new() }
    }

    #[inline]
    pub fn push(&mut self, value: f64) -> f64 {
        let gone = self.window.push(value);
        if !gone.is_nan() {
            let place = self.sorted.partition_point(|own| *own < gone);
            self.sorted.remove(place);
        }
        if !value.is_nan() {
            self.sorted.insert(self.sorted.partition_point(|own| *own < value), value);
        }
        if self.sorted.len() >= self.least { self.between() } else { f64::NAN }
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is a place"
    )]
    fn between(&self) -> f64 {
        let sorted = &self.sorted;
        let at = self.share * (sorted.len() - 1) as f64;
        let low = at as usize;
        let high = (low + 1).min(sorted.len() - 1);
        sorted[low] + (at - low as f64) * (sorted[high] - sorted[low])
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.window.keep(tape);
        tape.list(&mut self.sorted);
    }
}

/// As [`tickrace_stats::moments::rolling_extremes`].
#[derive(Clone, Debug)]
pub(super) struct RollingExtremes {
    window: Ring,
    least: usize,
    place: u64,
    present: usize,
    /// Places and values of candidates for the largest and for the smallest, the best first.
    queues: [VecDeque<(u64, f64)>; 2],
}

impl RollingExtremes {
    pub fn new(rows: usize, least: usize) -> Self {
        Self {
            window: Ring::new(rows),
            least: least.max(1),
            place: 0,
            present: 0,
            queues: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Largest and smallest.
    #[inline]
    pub fn push(&mut self, value: f64) -> (f64, f64) {
        let (rows, place) = (self.window.rows as u64, self.place);
        let gone = self.window.push(value);
        self.present -= usize::from(!gone.is_nan());
        self.present += usize::from(!value.is_nan());
        for (queue, sign) in self.queues.iter_mut().zip([1.0, -1.0]) {
            while queue.front().is_some_and(|(first, _)| first + rows <= place) {
                queue.pop_front();
            }
            if !value.is_nan() {
                while queue.back().is_some_and(|(_, last)| sign * last <= sign * value) {
                    queue.pop_back();
                }
                queue.push_back((place, value));
            }
        }
        self.place += 1;
        let best = |queue: &VecDeque<(u64, f64)>| match queue.front() {
            Some((_, value)) if self.present >= self.least => *value,
            _ => f64::NAN,
        };
        (best(&self.queues[0]), best(&self.queues[1]))
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.window.keep(tape);
        tape.count(&mut self.place);
        tape.size(&mut self.present);
        for queue in &mut self.queues {
            let count = tape.length(queue.len());
            queue.resize(count, (0, 0.0));
            for (place, value) in queue.iter_mut() {
                tape.count(place);
                tape.number(value);
            }
        }
    }
}

/// As [`tickrace_stats::moments::moving_shape`] over windows of business days that the caller names.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// The first value seen, from which powers are taken.
    shift: Option<f64>,
    sums: [f64; 4],
    n: f64,
    /// Business day of the oldest value, and the values from there on.
    start: i64,
    values: VecDeque<f64>,
}

impl Shape {
    /// Skewness and excess kurtosis.
    ///
    /// - `first`: first business day of the window that ends with this one, `day`; a later one follows each `day` without a gap.
    pub fn push(&mut self, day: i64, first: i64, value: f64) -> (f64, f64) {
        if self.values.is_empty() {
            self.start = day;
        }
        let first = first.min(day);
        while self.start < first {
            let Some(gone) = self.values.pop_front() else { break };
            self.start += 1;
            if !gone.is_nan() {
                self.add_powers(gone, -1.0);
                self.n -= 1.0;
            }
        }
        if self.values.is_empty() {
            self.start = day;
        }
        self.values.push_back(value);
        if !value.is_nan() {
            if self.shift.is_none() {
                self.shift = Some(value);
            }
            self.add_powers(value, 1.0);
            self.n += 1.0;
        }
        let n = self.n;
        let [m1, m2, m3, m4] = self.sums.map(|sum| sum / n);
        let variance = m2 - m1 * m1;
        let third = m3 - m1 * m1 * m1 - 3.0 * m1 * variance;
        let fourth = m4 - m1 * m1 * m1 * m1 - 6.0 * variance * m1 * m1 - 4.0 * third * m1;
        let varies = variance > 1e-14;
        let root = variance.sqrt();
        let skew = if n >= 3.0 && varies {
            (n * (n - 1.0)).sqrt() * third / ((n - 2.0) * root * root * root)
        } else {
            f64::NAN
        };
        let kurtosis = if n >= 4.0 && varies {
            ((n * n - 1.0) * fourth / (variance * variance) - 3.0 * (n - 1.0) * (n - 1.0))
                / ((n - 2.0) * (n - 3.0))
        } else {
            f64::NAN
        };
        (skew, kurtosis)
    }

    fn add_powers(&mut self, value: f64, sign: f64) {
        let value = value - self.shift.unwrap_or(0.0);
        let mut power = sign;
        for sum in &mut self.sums {
            power *= value;
            *sum += power;
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        let mut has_shift = self.shift.is_some();
        let mut shift = self.shift.unwrap_or(0.0);
        tape.flag(&mut has_shift);
        tape.number(&mut shift);
        self.shift = has_shift.then_some(shift);
        self.sums.iter_mut().for_each(|sum| tape.number(sum));
        tape.number(&mut self.n);
        tape.signed(&mut self.start);
        let count = tape.length(self.values.len());
        self.values.resize(count, 0.0);
        self.values.iter_mut().for_each(|value| tape.number(value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickrace_stats::BusinessDay;
    use tickrace_stats::moments;

    use super::*;
    use crate::raw::running_sum;

    /// Gaps, ties, both zeros, and sizes that do not add up without a loss.
    fn gappy() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![
            2 => Just(f64::NAN),
            1 => Just(0.0),
            1 => Just(-0.0),
            2 => (-3..3_i32).prop_map(f64::from),
            6 => -5.0..5.0_f64,
            1 => -1e9..1e9_f64,
        ];
        prop::collection::vec(value, 0..120)
    }

    fn same(own: &[f64], batch: &[f64]) -> bool {
        let is_same =
            |(own, batch): (&f64, &f64)| own.to_bits() == batch.to_bits() || own.is_nan() && batch.is_nan();
        own.len() == batch.len() && own.iter().zip(batch).all(is_same)
    }

    /// Pushes the values; half way the operator is written and read into a fresh one.
    fn pushed<T: Clone>(
        fresh: &T,
        values: &[f64],
        keep: impl Fn(&mut T, &mut Tape<'_>),
        mut push: impl FnMut(&mut T, usize, f64) -> f64,
    ) -> Vec<f64> {
        let mut operator = fresh.clone();
        let mut out = Vec::new();
        for (row, value) in values.iter().enumerate() {
            if row == values.len() / 2 {
                let mut bytes = Vec::new();
                keep(&mut operator, &mut Tape::Save(&mut bytes));
                let mut tape = Tape::Load(&bytes, false);
                operator = fresh.clone();
                keep(&mut operator, &mut tape);
                assert!(tape.is_whole());
            }
            out.push(push(&mut operator, row, *value));
        }
        out
    }

    proptest! {
        #[test]
        fn an_operator_is_its_function_to_the_last_bit(
            values in gappy(), span in 1.0..40.0_f64, rows in 1..40_usize, least in 0..12_usize, share in 0.0..1.0_f64,
        ) {
            let alpha = alpha_of_span(span);
            let own = pushed(&EwMean::new(alpha, least), &values, EwMean::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::ew_mean(&values, alpha, least)));
            let own = pushed(&EwStd::new(alpha, least), &values, EwStd::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::ew_std(&values, alpha, least)));
            let own = pushed(&Fill::default(), &values, Fill::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::fill_forward(&values)));
            let own = pushed(&Step::default(), &values, Step::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::differences(&values)));
            let own = pushed(&RunningSum::default(), &values, RunningSum::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &running_sum(&values)));
            let fresh = RollingMean::new(rows, least);
            let own = pushed(&fresh, &values, RollingMean::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::rolling_mean(&values, rows, least)));
            let fresh = RollingStd::new(rows, least);
            let own = pushed(&fresh, &values, RollingStd::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::rolling_std(&values, rows, least)));
            let fresh = RollingQuantile::new(rows, least, share);
            let own = pushed(&fresh, &values, RollingQuantile::keep, |one, _, value| one.push(value));
            prop_assert!(same(&own, &moments::rolling_quantile(&values, rows, least, share)));
            let fresh = RollingExtremes::new(rows, least);
            let (high, low) = moments::rolling_extremes(&values, rows, least);
            let own = pushed(&fresh, &values, RollingExtremes::keep, |one, _, value| one.push(value).0);
            prop_assert!(same(&own, &high));
            let own = pushed(&fresh, &values, RollingExtremes::keep, |one, _, value| one.push(value).1);
            prop_assert!(same(&own, &low));
        }

        #[test]
        fn a_shape_over_calendar_days_is_the_function_to_the_last_bit(values in gappy(), days in 1..60_i64, begin in -50..50_i32) {
            let day_of = |row: usize| BusinessDay(begin + i32::try_from(row).unwrap());
            let start_of = |row: usize| BusinessDay::of_day(day_of(row).day() - days).0 + 1;
            let batch = moments::moving_shape(&values, |row| usize::try_from(start_of(row) - begin).unwrap_or(0));
            for (is_skew, batch) in [(true, batch.0), (false, batch.1)] {
                let own = pushed(&Shape::default(), &values, Shape::keep, |one, row, value| {
                    let day = i64::from(day_of(row).0);
                    let (skew, kurtosis) = one.push(day, i64::from(start_of(row)), value);
                    if is_skew { skew } else { kurtosis }
                });
                prop_assert!(same(&own, &batch));
            }
        }
    }
}
