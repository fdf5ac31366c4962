//! How far a price has come, in its own standard deviations: returns over several horizons, each over what a walk of its
//! bars would have come, weighted.
//!
//! Source: T. J. Moskowitz, Y. H. Ooi and L. H. Pedersen, "Time series momentum", *Journal of Financial Economics* 104 (2012).

use tickrace_stats::Ewma;

use super::config::{HORIZONS_MAX, Horizon};
use crate::ConfigError;

/// Bars before a volatility is believed.
const BARS_MIN: usize = 20;

/// What a bar's close tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Weighted z-score.
    pub z: f64,
    /// Standard deviation of a bar's log return.
    pub volatility: f64,
    /// The bar's own log return.
    pub last_return: f64,
}

/// Closes of one instrument; allocates nothing after it was made.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    /// Logarithms of the last closes, a ring.
    closes: Box<[f64]>,
    seen: usize,
    variance: Ewma,
    horizons: [Option<Horizon>; HORIZONS_MAX],
    weights: f64,
}

impl Signal {
    pub fn new(horizons: &[Horizon], volatility_decay: f64) -> Result<Self, ConfigError> {
        let key = "volatility_decay";
        let variance = Ewma::new(volatility_decay).map_err(|_| ConfigError {
            key,
            wanted: "0.5 to below 1",
            got: volatility_decay,
        })?;
        let longest = horizons.iter().map(|horizon| horizon.bars).max().unwrap_or(1);
        let mut own = [None; HORIZONS_MAX];
        for (place, horizon) in own.iter_mut().zip(horizons) {
            *place = Some(*horizon);
        }
        let weights = horizons.iter().map(|horizon| horizon.weight).sum();
        Ok(Self { closes: vec![0.0; longest + 1].into(), seen: 0, variance, horizons: own, weights })
    }

    /// Forgets all closes.
    pub fn restart(&mut self) {
        self.seen = 0;
    }

    /// The close of a bar, positive; nothing until every horizon and the volatility are known.
    pub fn on_close(&mut self, close: f64) -> Option<Reading> {
        let now = libm::log(close);
        let size = self.closes.len();
        let last_return = if self.seen > 0 { now - self.closes[(self.seen - 1) % size] } else { 0.0 };
        if self.seen > 0 {
            self.variance.update(last_return * last_return);
        }
        self.closes[self.seen % size] = now;
        self.seen += 1;
        if self.seen < size.max(BARS_MIN + 1) {
            return None;
        }
        let volatility = self.variance.mean()?.sqrt();
        if volatility <= 0.0 {
            return None;
        }
        let mut sum = 0.0;
        for horizon in self.horizons.iter().flatten() {
            let before = self.closes[(self.seen - 1 - horizon.bars) % size];
            sum += horizon.weight * (now - before) / (volatility * (horizon.bars as f64).sqrt());
        }
        Some(Reading { z: sum / self.weights, volatility, last_return })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_rise_scores_the_root_of_its_horizon() {
        // Equal returns: r over h bars is h r, a walk's deviation r times the root of h.
        let horizons = [Horizon { bars: 4, weight: 1.0 }, Horizon { bars: 16, weight: 3.0 }];
        let mut signal = Signal::new(&horizons, 0.9).unwrap();
        let mut last = None;
        for bar in 0..40 {
            last = signal.on_close(100.0 * 1.01_f64.powi(bar));
            assert_eq!(last.is_some(), bar >= 20);
        }
        let reading = last.unwrap();
        assert!((reading.z - (2.0 + 3.0 * 4.0) / 4.0).abs() < 1e-9, "{reading:?}");
        assert!((reading.volatility - 1.01_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_price_that_stands_still_tells_nothing() {
        let mut signal = Signal::new(&[Horizon { bars: 1, weight: 1.0 }], 0.9).unwrap();
        assert!((0..100).all(|_| signal.on_close(100.0).is_none()));
    }
}
