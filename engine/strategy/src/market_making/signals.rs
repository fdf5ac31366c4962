//! What the market maker learns from the tape: volatility of the mid, order flow, and how deep executions reach.
//!
//! A tick only adds to small sums; [`Signals::fold`] turns them into averages now and then, where the
//! exponentials are.

use tickrace_stats::DecayedSums;

use super::config::MarketMakerConfig;

/// Weight of the configured intensity against what was seen: as if this many executions had been seen before.
const PRIOR_EXECUTIONS: f64 = 20.0;

/// Running sums of one instrument, in ticks and lots.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    squares_pending: f64,
    signed_pending: f64,
    volume_pending: f64,
    depth_pending: f64,
    executions_pending: f64,
    /// Squared moves of the mid, depths of executions, their number.
    tape: DecayedSums<3>,
    /// Executed lots, signed by aggressor and not.
    flow: DecayedSums<2>,
}

/// What was learned, as of the last fold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Learned {
    /// Ticks per root of a second.
    pub(crate) volatility_ticks: f64,
    /// Executed volume by aggressor: from -1, all sold, to 1, all bought.
    pub(crate) imbalance: f64,
    /// `A` of one side, per second.
    pub(crate) intensity_per_s: f64,
    /// `k`, per tick.
    pub(crate) decay_per_tick: f64,
}

impl Signals {
    pub(crate) fn new(config: &MarketMakerConfig) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the keys are between 1e-3 and 1e6 seconds")]
        let decay_ns = |decay_s: f64| (decay_s * 1e9) as i64;
        Self {
            squares_pending: 0.0,
            signed_pending: 0.0,
            volume_pending: 0.0,
            depth_pending: 0.0,
            executions_pending: 0.0,
            tape: DecayedSums::new(decay_ns(config.volatility_decay_s)),
            flow: DecayedSums::new(decay_ns(config.flow_decay_s)),
        }
    }

    /// The mid moved by so many ticks.
    #[inline]
    pub(crate) fn on_mid_change(&mut self, ticks: f64) {
        self.squares_pending += ticks * ticks;
    }

    /// Squared moves since the last fold, squared ticks.
    pub(crate) fn squares_pending(&self) -> f64 {
        self.squares_pending
    }

    /// An execution: `signed_lots` positive where a buyer came, `depth_ticks` from the mid before it.
    #[inline]
    pub(crate) fn on_execution(&mut self, signed_lots: f64, depth_ticks: f64) {
        self.signed_pending += signed_lots;
        self.volume_pending += signed_lots.abs();
        self.depth_pending += depth_ticks;
        self.executions_pending += 1.0;
    }

    /// Takes the pending sums into the averages.
    pub(crate) fn fold(&mut self, now_ns: i64, config: &MarketMakerConfig) -> Learned {
        self.tape.add(now_ns, [self.squares_pending, self.depth_pending, self.executions_pending]);
        self.flow.add(now_ns, [self.signed_pending, self.volume_pending]);
        self.squares_pending = 0.0;
        self.signed_pending = 0.0;
        self.volume_pending = 0.0;
        self.depth_pending = 0.0;
        self.executions_pending = 0.0;
        let volume = self.flow.sum(1);
        let window_s = self.tape.window_s();
        let variance = if window_s > 0.0 { self.tape.sum(0) / window_s } else { 0.0 };
        let (intensity_per_s, decay_per_tick) = self.intensity(window_s, config);
        Learned {
            volatility_ticks: variance.sqrt().max(config.volatility_min_ticks),
            imbalance: if volume > 1e-9 { (self.flow.sum(0) / volume).clamp(-1.0, 1.0) } else { 0.0 },
            intensity_per_s,
            decay_per_tick,
        }
    }

    /// `A` and `k` of `A exp(-k depth)`: executions come as a Poisson stream whose depths are exponential, so the
    /// likeliest `k` is one over the mean depth and `A` their rate, half to each side. The configured values stand
    /// in as [`PRIOR_EXECUTIONS`] seen before (the conjugate gamma prior).
    fn intensity(&self, window_s: f64, config: &MarketMakerConfig) -> (f64, f64) {
        let (rate, decay) = (config.intensity_per_s, config.intensity_decay_per_tick);
        if !config.intensity_is_estimated {
            return (rate, decay);
        }
        let count = self.tape.sum(2) + PRIOR_EXECUTIONS;
        let seconds = window_s + PRIOR_EXECUTIONS / (2.0 * rate);
        let depth = self.tape.sum(1) + PRIOR_EXECUTIONS / decay;
        (0.5 * count / seconds, count / depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_random_walk_shows_its_volatility() {
        // One tick up or down every 40 ms: variance 25 a second, volatility 5.
        let config = MarketMakerConfig::with_limits(1, 1);
        let mut signals = Signals::new(&config);
        let mut learned = signals.fold(0, &config);
        assert_eq!(learned.volatility_ticks, config.volatility_min_ticks);
        for step in 1..=25_000i64 {
            signals.on_mid_change(if step % 2 == 0 { 1.0 } else { -1.0 });
            learned = signals.fold(step * SECOND / 25, &config);
        }
        assert!((learned.volatility_ticks - 5.0).abs() < 0.05, "{learned:?}");
    }

    #[test]
    fn buyers_lift_the_imbalance_and_time_forgets_them() {
        let config = MarketMakerConfig::with_limits(1, 1);
        let mut signals = Signals::new(&config);
        signals.on_execution(300.0, 0.5);
        signals.on_execution(-100.0, 0.5);
        let learned = signals.fold(SECOND, &config);
        assert!((learned.imbalance - 0.5).abs() < 1e-12);
        // Ten decay times later a single sale outweighs it all.
        signals.on_execution(0.0, 0.0);
        signals.fold(101 * SECOND, &config);
        signals.on_execution(-1.0, 0.5);
        assert!(signals.fold(101 * SECOND, &config).imbalance < -0.9);
    }

    #[test]
    fn intensity_is_found_again_from_what_it_generates() {
        // 8 executions a second, depths exponential with k = 0.25: A = 4 a side.
        let config = MarketMakerConfig::with_limits(1, 1);
        let mut signals = Signals::new(&config);
        let mut rng = Rng::new(11);
        let mut learned = signals.fold(0, &config);
        for step in 1..=8_000i64 {
            signals.on_execution(1.0, rng.exponential() / 0.25);
            learned = signals.fold(step * SECOND / 8, &config);
        }
        assert!((learned.decay_per_tick - 0.25).abs() < 0.03, "{learned:?}");
        assert!((learned.intensity_per_s - 4.0).abs() < 0.3, "{learned:?}");
    }

    #[test]
    fn before_any_execution_the_configured_intensity_counts() {
        let config = MarketMakerConfig::with_limits(1, 1);
        let learned = Signals::new(&config).fold(SECOND, &config);
        assert!((learned.intensity_per_s - config.intensity_per_s).abs() < 1e-12);
        assert!((learned.decay_per_tick - config.intensity_decay_per_tick).abs() < 1e-12);
    }
}
