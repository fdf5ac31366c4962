//! A sizer that follows the regime and our own recent performance, within bounds.

use tickrace_stats::EwmaScore;
use tickrace_types::Qty;

use super::classes::{Regime, Trend};
use super::config::AdaptiveConfig;
use crate::ConfigError;
use crate::sizing::{Prospect, Sizer, SizingConfig};

/// A [`Sizer`] whose fraction is scaled.
///
/// The scale wanted is the regime's (by trend, side and volatility), times a factor of recent performance, times what is left
/// of the drawdown allowed. It is bounded, and approached by a bounded step a period. What the sizer's own limits say holds
/// on top: adapting never goes beyond them. Allocates nothing after it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveSizer {
    sizer: Sizer,
    config: AdaptiveConfig,
    performance: EwmaScore,
    peak: f64,
    /// Performance and drawdown together.
    own: f64,
    /// For a long and for a short position.
    scales: [f64; 2],
}

/// Periods before performance counts: a few returns say nothing.
const PERIODS_MIN: u64 = 20;

impl AdaptiveSizer {
    /// Starts at a scale of one, or the nearest allowed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn new(sizing: &SizingConfig, config: &AdaptiveConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let fault = |_| ConfigError {
            key: "adaptive.performance_decay",
            wanted: "0 to 1",
            got: config.performance_decay,
        };
        let performance = EwmaScore::new(config.performance_decay).map_err(fault)?;
        let scale = 1f64.clamp(config.scale_min, config.scale_max);
        Ok(Self {
            sizer: Sizer::new(sizing)?,
            config: config.clone(),
            performance,
            peak: 0.0,
            own: 1.0,
            scales: [scale; 2],
        })
    }

    /// Once a period: the regime now, our equity, and our return over the period, a fraction of equity. Numbers that are not
    /// finite are left out.
    pub fn update(&mut self, regime: Regime, equity: f64, own_return: f64) {
        self.performance.update(own_return);
        if equity.is_finite() {
            self.peak = self.peak.max(equity);
            let fallen = if self.peak > 0.0 { 1.0 - equity / self.peak } else { 0.0 };
            let left = (1.0 - fallen / self.config.drawdown_max).clamp(0.0, 1.0);
            self.own = self.performance() * left;
        }
        for (at, is_long) in [(0, true), (1, false)] {
            let wanted = (self.of_regime(regime, is_long) * self.own)
                .clamp(self.config.scale_min, self.config.scale_max);
            let step = self.config.scale_step_max;
            self.scales[at] += (wanted - self.scales[at]).clamp(-step, step);
        }
    }

    /// The sizer within, for what it learns.
    pub const fn sizer_mut(&mut self) -> &mut Sizer {
        &mut self.sizer
    }

    /// The scale now of a long or a short position.
    #[inline]
    pub const fn scale(&self, is_long: bool) -> f64 {
        self.scales[if is_long { 0 } else { 1 }]
    }

    /// Lots to hold, signed, rounded towards zero and within every limit of the sizer.
    #[inline]
    pub fn lots(&self, prospect: &Prospect) -> Qty {
        self.sizer.lots_scaled(prospect, self.scale(self.sizer.fraction(prospect) >= 0.0))
    }

    /// One plus so much for each standard error that our mean return is from zero.
    fn performance(&self) -> f64 {
        let score = self.performance.z_score().filter(|_| self.performance.count() >= PERIODS_MIN);
        let factor = 1.0 + self.config.performance_gain * score.unwrap_or(0.0);
        factor.clamp(self.config.performance_min, self.config.performance_max)
    }

    const fn of_regime(&self, regime: Regime, is_long: bool) -> f64 {
        let of = &self.config;
        let scale = match (regime.trend, is_long, regime.is_volatile) {
            (Trend::None, _, false) => of.no_trend_calm,
            (Trend::None, _, true) => of.no_trend_volatile,
            (Trend::Bull, true, false) | (Trend::Bear, false, false) => of.with_trend_calm,
            (Trend::Bull, true, true) | (Trend::Bear, false, true) => of.with_trend_volatile,
            (Trend::Bull, false, false) | (Trend::Bear, true, false) => of.against_trend_calm,
            (Trend::Bull, false, true) | (Trend::Bear, true, true) => of.against_trend_volatile,
        };
        if regime.is_unsettled { scale * of.unsettled } else { scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::MethodConfig;
    use crate::sizing::config::FixedFractionConfig;
    use proptest::prelude::*;

    const BULL: Regime = Regime { trend: Trend::Bull, is_volatile: false, is_unsettled: false };

    fn sizer() -> AdaptiveSizer {
        let method = MethodConfig::FixedFraction(FixedFractionConfig { fraction: 0.5 });
        let sizing = SizingConfig { position_max_lots: 600, leverage_max: 0.6, method };
        AdaptiveSizer::new(&sizing, &AdaptiveConfig::with_limits(1.5, 0.2)).unwrap()
    }

    fn prospect(mean: f64) -> Prospect {
        Prospect {
            equity: 100_000.0,
            lot_value: 100.0,
            mean,
            volatility: 0.01,
            confidence: 1.0,
            ..Prospect::default()
        }
    }

    fn settled(sizer: &mut AdaptiveSizer, regime: Regime, equity: f64) {
        (0..30).for_each(|_| sizer.update(regime, equity, 0.0));
    }

    #[test]
    fn the_regime_scales_each_side_by_its_own_key() {
        let mut sizer = sizer();
        let volatile = Regime { is_volatile: true, ..BULL };
        let unsettled = Regime { is_unsettled: true, ..BULL };
        for (regime, long, short) in [(BULL, 500, -250), (volatile, 250, 0), (unsettled, 250, -125)] {
            settled(&mut sizer, regime, 100_000.0);
            let near = |lots: Qty, wanted: i64| (lots.0 - wanted).abs() <= 1;
            assert!(near(sizer.lots(&prospect(0.01)), long), "{regime:?}");
            assert!(near(sizer.lots(&prospect(-0.01)), short), "{regime:?}");
        }
    }

    #[test]
    fn a_drawdown_shrinks_in_a_straight_line_and_stops_at_its_bound() {
        let mut sizer = sizer();
        settled(&mut sizer, BULL, 100_000.0);
        for (equity, scale) in
            [(95_000.0, 0.75), (90_000.0, 0.5), (80_000.0, 0.0), (70_000.0, 0.0), (100_000.0, 1.0)]
        {
            settled(&mut sizer, BULL, equity);
            assert!((sizer.scale(true) - scale).abs() < 1e-9, "{equity}: {}", sizer.scale(true));
        }
    }

    #[test]
    fn steady_gains_raise_the_scale_to_its_bound_and_losses_lower_it() {
        let mut sizer = sizer();
        let mut equity = 100_000.0;
        let mut run = |sizer: &mut AdaptiveSizer, mean: f64| {
            for period in 0..300 {
                let own = mean + if period % 2 == 0 { 0.002 } else { -0.002 };
                sizer.update(BULL, equity, own);
                equity = 100_000.0;
            }
            sizer.scale(true)
        };
        assert!((run(&mut sizer, 0.001) - 1.25).abs() < 1e-9);
        assert!((run(&mut sizer, -0.001) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn no_history_leaves_the_bounds_or_outruns_the_step(
            periods in prop::collection::vec((0u8..3, any::<bool>(), any::<bool>(), 1.0f64..2e5, -0.5f64..0.5), 1..80),
        ) {
            let mut sizer = sizer();
            for (trend, is_volatile, is_unsettled, equity, own) in periods {
                let before = [sizer.scale(true), sizer.scale(false)];
                let trend = [Trend::Bull, Trend::Bear, Trend::None][usize::from(trend)];
                sizer.update(Regime { trend, is_volatile, is_unsettled }, equity, own);
                for (at, is_long) in [(0, true), (1, false)] {
                    let scale = sizer.scale(is_long);
                    prop_assert!((0.0..=1.5).contains(&scale));
                    prop_assert!((scale - before[at]).abs() <= 0.1 + 1e-12);
                }
                // The sizer's own leverage binds whatever the scale: 0.6 x 1,000 lots.
                prop_assert!(sizer.lots(&prospect(0.01)).0.abs() <= 600);
            }
        }
    }

    #[test]
    fn numbers_that_are_none_are_left_out() {
        let mut sizer = sizer();
        settled(&mut sizer, BULL, 100_000.0);
        let before = sizer.scale(true);
        sizer.update(BULL, f64::NAN, f64::NAN);
        assert_eq!(sizer.scale(true), before);
    }
}
