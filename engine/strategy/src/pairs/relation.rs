//! The line between two prices, how far they are from it, and whether they come back.
//!
//! At each bar the line is estimated anew over the window (or filtered on), and the window's residuals are looked at: their
//! deviation, the half-life of an excursion and the Dickey-Fuller statistic without lags, with the probability of MacKinnon for
//! two variables. One pass of the window a bar, in the order of time: nothing drifts, and nothing is allocated.
//!
//! Sources: Engle and Granger, *Econometrica* 55 (1987); Vidyamurthy, *Pairs Trading* (2004), chapters 5 to 7.

use core::f64::consts::LN_2;

use tickrace_stats::unit_root::{Trend, p_value};
use tickrace_stats::{CoMoments, HedgeFilter, Line};

use super::config::HedgeRatio;

/// What a bar tells of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Hedge ratio: `x` that one of `y` is held against.
    pub ratio: f64,
    /// How far `y` is above its line now.
    pub spread: f64,
    /// Standard deviation of the spread over the window.
    pub deviation: f64,
    /// Bars in which an excursion halves; infinite where it does not, 0 where it is gone at once.
    pub half_life: f64,
    /// Probability of such a reversion, or a faster one, without cointegration.
    pub p_value: f64,
}

impl Reading {
    /// The spread in its deviations.
    pub fn z(&self) -> f64 {
        self.spread / self.deviation
    }
}

/// Prices of a pair over a window.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    hedge_ratio: HedgeRatio,
    /// `x` and `y`, a ring.
    pairs: Box<[(f64, f64)]>,
    /// Residuals in the same places.
    residuals: Box<[f64]>,
    seen: usize,
    filter: Option<Filter>,
}

/// The filter works about the first window's means, where slope and intercept are uncorrelated.
#[derive(Clone, Copy, Debug)]
struct Filter {
    filter: HedgeFilter,
    mean_x: f64,
    mean_y: f64,
}

impl Relation {
    pub fn new(hedge_ratio: HedgeRatio, window: usize) -> Self {
        let (pairs, residuals) = (vec![(0.0, 0.0); window].into(), vec![0.0; window].into());
        Self { hedge_ratio, pairs, residuals, seen: 0, filter: None }
    }

    /// Places of the ring, oldest first.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let (window, next) = (self.pairs.len(), self.seen % self.pairs.len());
        (next..window).chain(0..next)
    }

    /// Both at a bar's close; nothing until the window is full, or where they do not determine a line.
    pub fn on_close(&mut self, x: f64, y: f64) -> Option<Reading> {
        if !(x.is_finite() && y.is_finite()) {
            return None;
        }
        let (window, place) = (self.pairs.len(), self.seen % self.pairs.len());
        self.pairs[place] = (x, y);
        self.seen += 1;
        if self.seen < window {
            return None;
        }
        let ratio = match (self.hedge_ratio, &mut self.filter) {
            (HedgeRatio::Kalman { .. }, Some(own)) => {
                let step = own.filter.update(x - own.mean_x, y - own.mean_y)?;
                self.residuals[place] = step.innovation;
                step.line.slope
            }
            (HedgeRatio::Kalman { slope_step, intercept_step }, None) => {
                let (line, moments) = self.fit()?;
                self.begin_filter(&line, &moments, slope_step, intercept_step)?;
                line.slope
            }
            _ => self.fit()?.0.slope,
        };
        self.read(ratio, self.residuals[place])
    }

    /// The line over the window, and its residuals.
    fn fit(&mut self) -> Option<(Line, CoMoments)> {
        let mut moments = CoMoments::default();
        for place in self.places() {
            let (x, y) = self.pairs[place];
            moments.add(x, y);
        }
        let line = match self.hedge_ratio {
            HedgeRatio::Total => moments.total(),
            HedgeRatio::Ordinary | HedgeRatio::Kalman { .. } => moments.ordinary(),
        }?;
        for (residual, (x, y)) in self.residuals.iter_mut().zip(&self.pairs) {
            *residual = line.residual(*x, *y);
        }
        Some((line, moments))
    }

    fn begin_filter(
        &mut self,
        line: &Line,
        moments: &CoMoments,
        slope_step: f64,
        intercept_step: f64,
    ) -> Option<()> {
        let squares: f64 = self.residuals.iter().map(|residual| residual * residual).sum();
        let count = self.residuals.len() as f64;
        let noise = squares / (count - 2.0);
        let slope_variance = noise / (moments.variances()?.0 * (count - 1.0));
        let ((mean_x, mean_y), start) = (moments.means()?, Line { slope: line.slope, intercept: 0.0 });
        let filter = HedgeFilter::new(
            start,
            (slope_variance, noise / count),
            slope_step * slope_step,
            intercept_step * intercept_step,
            noise,
        );
        self.filter = Some(Filter { filter: filter.ok()?, mean_x, mean_y });
        Some(())
    }

    /// Deviation, half-life and probability of the window's residuals, whose mean is zero by construction.
    fn read(&self, ratio: f64, spread: f64) -> Option<Reading> {
        let (mut squares, mut lagged, mut cross) = (0.0, 0.0, 0.0);
        let mut last = None;
        for place in self.places() {
            let now = self.residuals[place];
            squares += now * now;
            if let Some(last) = last {
                lagged += last * last;
                cross += last * now;
            }
            last = Some(now);
        }
        let count = self.residuals.len() as f64;
        let deviation = (squares / (count - 2.0)).sqrt();
        if !(deviation > 0.0 && lagged > 0.0 && ratio.is_finite()) {
            return None;
        }
        let kept = cross / lagged;
        let mut errors = 0.0;
        let mut last = None;
        for place in self.places() {
            let now = self.residuals[place];
            if let Some(last) = last {
                let error: f64 = now - kept * last;
                errors += error * error;
            }
            last = Some(now);
        }
        // Rows of the regression less its one coefficient.
        let error = (errors / (count - 2.0) / lagged).sqrt();
        let statistic = (kept - 1.0) / error;
        let half_life = if kept <= 0.0 {
            0.0
        } else if kept < 1.0 {
            -LN_2 / libm::log(kept)
        } else {
            f64::INFINITY
        };
        let p_value = if statistic.is_finite() { p_value(statistic, Trend::Constant, 2) } else { 1.0 };
        Some(Reading { ratio, spread, deviation, half_life, p_value })
    }
}

#[cfg(test)]
mod tests {
    use tickrace_stats::cointegration::engle_granger;
    use tickrace_stats::{Lags, Rng};

    use super::*;

    /// A pair whose spread keeps `kept` of itself a bar, about `y = 0.3 + ratio x`.
    fn pair(seed: u64, bars: usize, ratio: f64, kept: f64) -> Vec<(f64, f64)> {
        let mut rng = Rng::new(seed);
        let (mut x, mut gap) = (4.0, 0.0);
        (0..bars)
            .map(|_| {
                x += 0.001 * rng.normal();
                gap = kept * gap + 0.0005 * rng.normal();
                (x, 0.3 + ratio * x + gap)
            })
            .collect()
    }

    fn last(hedge_ratio: HedgeRatio, window: usize, pairs: &[(f64, f64)]) -> Reading {
        let mut relation = Relation::new(hedge_ratio, window);
        pairs.iter().fold(None, |_, (x, y)| relation.on_close(*x, *y)).unwrap()
    }

    /// The library's test of Engle and Granger, itself checked against statsmodels, on the window's rows.
    #[test]
    fn line_spread_and_probability_are_those_of_engle_and_granger() {
        let pairs = pair(1, 700, 0.8, 0.9);
        let reading = last(HedgeRatio::Ordinary, 500, &pairs);
        let (x, y): (Vec<f64>, Vec<f64>) = pairs[200..].iter().copied().unzip();
        let wanted = engle_granger(&y, &x, Trend::Constant, Lags::Fixed(0)).unwrap();
        assert!((reading.ratio - wanted.line.slope).abs() < 1e-9, "{reading:?} {:?}", wanted.line);
        assert!((reading.spread - wanted.spread[499]).abs() < 1e-11);
        assert!((reading.p_value / wanted.p_value - 1.0).abs() < 1e-6, "{reading:?} {}", wanted.p_value);
        assert!(reading.p_value < 0.01);
    }

    #[test]
    fn the_half_life_is_the_planted_one_and_walks_are_not_taken_for_pairs() {
        // 0.95 a bar halves in 13.5; over 5,000 bars the standard error of 0.95 is 0.0044.
        let reading = last(HedgeRatio::Total, 5_000, &pair(2, 5_000, 1.2, 0.95));
        assert!((12.0..15.5).contains(&reading.half_life), "{reading:?}");
        assert!((reading.ratio - 1.2).abs() < 0.02, "{reading:?}");
        // Three hundred walks at five per cent: 15 expected, standard deviation 3.8.
        let chance = (0..300).filter(|seed| {
            let pairs = pair(100 + seed, 250, 0.0, 1.0);
            last(HedgeRatio::Ordinary, 250, &pairs).p_value < 0.05
        });
        let chance = chance.count();
        assert!((4..=30).contains(&chance), "{chance} of 300");
    }

    #[test]
    fn a_filter_follows_a_ratio_that_moves_where_a_window_lags() {
        let mut rng = Rng::new(5);
        let mut slope = 1.0;
        let kalman = HedgeRatio::Kalman { slope_step: 0.002, intercept_step: 0.0 };
        let mut by = [Relation::new(kalman, 300), Relation::new(HedgeRatio::Ordinary, 300)];
        let mut off = [0.0, 0.0];
        for bar in 0..3_000 {
            let x = 2.0 * rng.normal();
            if bar > 300 {
                slope += 0.002 * rng.normal();
            }
            let y = slope * x + 0.1 * rng.normal();
            for (relation, off) in by.iter_mut().zip(&mut off) {
                if let Some(reading) = relation.on_close(x, y)
                    && bar > 600
                {
                    *off += (reading.ratio - slope).abs() / 2_400.0;
                }
            }
        }
        // A steady filter is off by 0.0079 on average (the Riccati equation: variance 1.0e-4 of step 4e-6 and noise 0.0025).
        assert!(off[0] < 0.7 * off[1] && off[0] < 0.009, "{off:?}");
    }

    #[test]
    fn what_stands_still_or_is_no_number_tells_nothing() {
        let mut relation = Relation::new(HedgeRatio::Ordinary, 30);
        assert!((0..100).all(|_| relation.on_close(1.0, 2.0).is_none()));
        let mut relation = Relation::new(HedgeRatio::Ordinary, 30);
        let pairs = pair(3, 60, 1.0, 0.5);
        for (x, y) in &pairs {
            assert!(
                relation.on_close(f64::NAN, *y).is_none() && relation.on_close(*x, f64::INFINITY).is_none()
            );
            relation.on_close(*x, *y);
        }
        assert_eq!(relation.read(1.0, 0.0), {
            let mut other = Relation::new(HedgeRatio::Ordinary, 30);
            for (x, y) in &pairs {
                other.on_close(*x, *y);
            }
            other.read(1.0, 0.0)
        });
    }
}
