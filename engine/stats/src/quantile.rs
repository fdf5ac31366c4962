//! Quantiles: exact of a sorted sample, estimated of a stream in constant memory.

use crate::StatsError;

/// Quantile of a sample sorted in ascending order, by linear interpolation between closest ranks.
///
/// - `sorted`: `[observations]`, ascending.
/// - `probability`: in [0, 1].
///
/// Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), definition 7.
///
/// # Errors
///
/// [`StatsError::Empty`] without observations, [`StatsError::Probability`] outside [0, 1].
pub fn quantile(sorted: &[f64], probability: f64) -> Result<f64, StatsError> {
    if !(0.0..=1.0).contains(&probability) {
        return Err(StatsError::Probability(probability));
    }
    let Some(last) = sorted.len().checked_sub(1) else { return Err(StatsError::Empty) };
    debug_assert!(sorted.is_sorted(), "the sample is sorted by the caller");
    let rank = probability * last as f64;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = (rank as usize).min(last);
    let above = (below + 1).min(last);
    let share = rank - below as f64;
    Ok(sorted[below] + share * (sorted[above] - sorted[below]))
}

/// One quantile of a stream, estimated with five markers.
///
/// Source: Jain and Chlamtac, "The P² algorithm for dynamic calculation of quantiles", CACM 28 (1985).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct P2Quantile {
    probability: f64,
    heights: [f64; 5],
    places: [f64; 5],
    count: u64,
}

impl P2Quantile {
    /// Of `probability` in (0, 1).
    ///
    /// # Errors
    ///
    /// [`StatsError::Probability`] outside (0, 1).
    pub fn new(probability: f64) -> Result<Self, StatsError> {
        if probability > 0.0 && probability < 1.0 {
            Ok(Self { probability, heights: [0.0; 5], places: [1.0, 2.0, 3.0, 4.0, 5.0], count: 0 })
        } else {
            Err(StatsError::Probability(probability))
        }
    }

    /// Takes one observation in; one that is not a number is ignored.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        if self.count < 5 {
            let mut place = usize::try_from(self.count).unwrap_or(0);
            while place > 0 && self.heights[place - 1] > value {
                self.heights[place] = self.heights[place - 1];
                place -= 1;
            }
            self.heights[place] = value;
            self.count += 1;
            return;
        }
        self.count += 1;
        self.heights[0] = self.heights[0].min(value);
        self.heights[4] = self.heights[4].max(value);
        let cell = (1..4).find(|marker| value < self.heights[*marker]).unwrap_or(4);
        self.places[cell..].iter_mut().for_each(|place| *place += 1.0);
        let n = self.count as f64;
        let p = self.probability;
        let wanted =
            [1.0, 1.0 + (n - 1.0) * p / 2.0, 1.0 + (n - 1.0) * p, 1.0 + (n - 1.0) * (1.0 + p) / 2.0, n];
        for (marker, target) in wanted.iter().enumerate().take(4).skip(1) {
            let gap = target - self.places[marker];
            let room_up = self.places[marker + 1] - self.places[marker] > 1.0;
            let room_down = self.places[marker] - self.places[marker - 1] > 1.0;
            if gap >= 1.0 && room_up {
                self.shift(marker, 1.0);
            } else if gap <= -1.0 && room_down {
                self.shift(marker, -1.0);
            }
        }
    }

    /// The estimate; `None` before the first observation, exact up to five.
    pub fn estimate(&self) -> Option<f64> {
        match self.count {
            0 => None,
            1..=4 => {
                let count = usize::try_from(self.count).unwrap_or(0);
                quantile(&self.heights[..count], self.probability).ok()
            }
            5 => quantile(&self.heights, self.probability).ok(),
            _ => Some(self.heights[2]),
        }
    }

    /// Moves a marker one place, by the parabola through its neighbours where that keeps the order, else by a line.
    fn shift(&mut self, marker: usize, step: f64) {
        let (q, n) = (&self.heights, &self.places);
        let (below, here, above) = (n[marker - 1], n[marker], n[marker + 1]);
        let up = (here - below + step) * (q[marker + 1] - q[marker]) / (above - here);
        let down = (above - here - step) * (q[marker] - q[marker - 1]) / (here - below);
        let parabola = q[marker] + step / (above - below) * (up + down);
        let height = if q[marker - 1] < parabola && parabola < q[marker + 1] {
            parabola
        } else {
            let other = if step > 0.0 { marker + 1 } else { marker - 1 };
            q[marker] + step * (q[other] - q[marker]) / (n[other] - here)
        };
        self.heights[marker] = height;
        self.places[marker] += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn quantiles_interpolate_between_ranks() {
        let sample = [1.0, 2.0, 4.0, 8.0];
        // Rank 3 p: the median lies half-way between 2 and 4, the upper quartile a quarter from 4 to 8.
        for (probability, expected) in [(0.0, 1.0), (0.5, 3.0), (0.75, 5.0), (1.0, 8.0)] {
            assert_eq!(quantile(&sample, probability), Ok(expected));
        }
        assert_eq!(quantile(&[], 0.5), Err(StatsError::Empty));
        assert_eq!(quantile(&sample, 1.5), Err(StatsError::Probability(1.5)));
    }

    #[test]
    fn the_streamed_estimate_is_near_the_exact_one() {
        let mut rng = Rng::new(7);
        for probability in [0.1, 0.5, 0.9, 0.99] {
            let mut streamed = P2Quantile::new(probability).unwrap();
            let mut sample: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
            sample.iter().for_each(|value| streamed.add(*value));
            sample.sort_by(f64::total_cmp);
            let exact = quantile(&sample, probability).unwrap();
            assert!((streamed.estimate().unwrap() - exact).abs() < 0.05, "{probability}: {exact}");
        }
    }

    #[test]
    fn few_observations_are_exact() {
        let mut streamed = P2Quantile::new(0.5).unwrap();
        assert_eq!(streamed.estimate(), None);
        for (value, median) in [(5.0, 5.0), (1.0, 3.0), (3.0, 3.0), (9.0, 4.0), (2.0, 3.0)] {
            streamed.add(value);
            assert_eq!(streamed.estimate(), Some(median));
        }
    }
}
