//! Largest and smallest value of a moving window.

/// The largest and the smallest of the values seen; a missing one is none.
#[derive(Clone, Copy)]
struct Extremes {
    high: f64,
    low: f64,
}

impl Extremes {
    const NONE: Self = Self { high: f64::NEG_INFINITY, low: f64::INFINITY };

    /// With what came before: of equals, such as zeros of two signs, the later stands.
    #[inline(always)]
    const fn after(self, earlier: Self) -> Self {
        Self {
            high: if earlier.high > self.high { earlier.high } else { self.high },
            low: if earlier.low < self.low { earlier.low } else { self.low },
        }
    }

    /// With a value that comes next; of equals the later stands.
    #[inline(always)]
    const fn then(self, value: f64) -> Self {
        Self {
            high: if value >= self.high { value } else { self.high },
            low: if value <= self.low { value } else { self.low },
        }
    }
}

/// Largest and smallest value of the last `rows` rows, where at least `min_periods` of them have one.
///
/// A window reaches over the end of one block of `rows` rows and the beginning of the next: the extremes of either are found
/// by passing over each block once from its end and once from its beginning, whatever the length of the window.
///
/// Source: M. van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
/// Pattern Recognition Letters 13 (1992).
pub fn rolling_extremes(values: &[f64], rows: usize, min_periods: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = rows.max(1);
    let least = min_periods.max(1);
    let (mut highs, mut lows) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    // Of the block before, by row: from there to its end. Before the first block there is nothing.
    let mut ends = vec![Extremes::NONE; rows.min(values.len()) + 1];
    let mut present = 0_usize;
    for (number, block) in values.chunks(rows).enumerate() {
        let before =
            number.checked_sub(1).map_or(&[][..], |number| &values[number * rows..(number + 1) * rows]);
        let mut here = Extremes::NONE;
        for (row, &value) in block.iter().enumerate() {
            present -= usize::from(before.get(row).is_some_and(|gone| !gone.is_nan()));
            present += usize::from(!value.is_nan());
            here = here.then(value);
            let Extremes { high, low } = here.after(ends[row + 1]);
            let is_known = present >= least;
            highs.push(if is_known { high } else { f64::NAN });
            lows.push(if is_known { low } else { f64::NAN });
        }
        if block.len() == rows {
            let mut end = Extremes::NONE;
            for (end_at, &value) in ends.iter_mut().zip(block).rev() {
                end = end.after(Extremes { high: value, low: value });
                *end_at = end;
            }
        }
    }
    (highs, lows)
}
