//! The levels of a quote: how far each stands behind the innermost price, and its lots.

use serde::Deserialize;
use tickrace_oms::LEVELS_MAX;

use super::config::{ConfigError, MarketMakerConfig, real, whole};

/// One level, stated by itself.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelConfig {
    /// Distance from the innermost price that the model gives, ticks.
    #[serde(default)]
    pub ticks: i64,
    /// Distance beside that, in quoted spreads (twice the half spread); rounded outwards to whole ticks.
    #[serde(default)]
    pub spreads: f64,
    /// Lots. A limit: no default.
    pub qty_lots: i64,
}

/// Checks a list of levels: each further out than the one before.
pub(crate) fn validate(levels: &[LevelConfig]) -> Result<(), ConfigError> {
    let count = i64::try_from(levels.len()).unwrap_or(i64::MAX);
    whole("levels (their number)", count, 0..=8, "0 to 8")?;
    for level in levels {
        whole("levels.ticks", level.ticks, 0..=1_000_000, "0 to 1,000,000")?;
        real("levels.spreads", level.spreads, 0.0, 1e3, "0 to 1,000")?;
        whole("levels.qty_lots", level.qty_lots, 1..=1_000_000_000, "1 to 1,000,000,000")?;
    }
    for pair in levels.windows(2) {
        let (inner, outer) = (&pair[0], &pair[1]);
        whole("levels.ticks", outer.ticks, inner.ticks..=i64::MAX, "at least that of the level before")?;
        let spreads = inner.spreads;
        real("levels.spreads", outer.spreads, spreads, f64::MAX, "at least that of the level before")?;
    }
    Ok(())
}

/// Sizes of the levels and the limit they keep, worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) levels: [i64; LEVELS_MAX],
    pub(crate) count: usize,
    pub(crate) position_max_lots: i64,
    pub(crate) short_lots: i64,
    ticks: [i64; LEVELS_MAX],
    spreads: [f64; LEVELS_MAX],
    /// No level moves with the spread: `ticks` is where they stand.
    is_fixed: bool,
}

/// Ticks of each level behind the innermost price, ascending.
pub(crate) type Away = [i64; LEVELS_MAX];

impl Sizes {
    pub(crate) fn new(config: &MarketMakerConfig) -> Self {
        let open_bps = 10_000 - config.refill_below_bps;
        let mut sizes = Self {
            levels: [0; LEVELS_MAX],
            count: config.levels_count,
            position_max_lots: config.position_max_lots,
            short_lots: config.order_qty_lots.saturating_mul(open_bps) / 10_000,
            ticks: [0; LEVELS_MAX],
            spreads: [0.0; LEVELS_MAX],
            is_fixed: false,
        };
        if config.levels.is_empty() {
            sizes.ladder(config);
        } else {
            sizes.listed(&config.levels);
        }
        if sizes.spreads[..sizes.count].iter().all(|spreads| *spreads == 0.0) {
            sizes.ticks = sizes.away(0.0);
            sizes.is_fixed = true;
        }
        sizes
    }

    fn ladder(&mut self, config: &MarketMakerConfig) {
        let (mut growth_bps, mut away) = (10_000, 0);
        for (level, ticks) in self.levels.iter_mut().zip(&mut self.ticks) {
            *level = config.order_qty_lots.saturating_mul(growth_bps) / 10_000;
            *ticks = away;
            growth_bps += config.level_qty_growth_bps;
            away += config.level_step_ticks;
        }
    }

    fn listed(&mut self, levels: &[LevelConfig]) {
        self.count = levels.len().min(LEVELS_MAX);
        for (place, level) in levels.iter().take(LEVELS_MAX).enumerate() {
            self.levels[place] = level.qty_lots;
            self.ticks[place] = level.ticks;
            self.spreads[place] = level.spreads;
        }
        // A quote is topped up by its own size; the smallest one decides what is short.
        let least = self.levels[..self.count].iter().copied().min().unwrap_or(0);
        self.short_lots = self.short_lots.min(least - 1).max(0);
    }

    /// Where the levels stand behind the innermost price at a half spread. No two share a price.
    pub(crate) fn away(&self, half_spread_ticks: f64) -> Away {
        if self.is_fixed {
            return self.ticks;
        }
        let mut away = self.ticks;
        let mut least = 0;
        for (ticks, spreads) in away.iter_mut().zip(&self.spreads).take(self.count) {
            *ticks += super::grid::ceil_index(2.0 * half_spread_ticks * spreads);
            *ticks = (*ticks).max(least);
            least = *ticks + 1;
        }
        away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(ticks: i64, spreads: f64, qty_lots: i64) -> LevelConfig {
        LevelConfig { ticks, spreads, qty_lots }
    }

    #[test]
    fn a_ladder_steps_and_grows_and_a_list_stands_where_it_says() {
        let ladder = MarketMakerConfig {
            levels_count: 3,
            level_step_ticks: 2,
            level_qty_growth_bps: 5_000,
            ..MarketMakerConfig::with_limits(10_000, 100)
        };
        let sizes = Sizes::new(&ladder);
        assert_eq!(&sizes.levels[..3], [100, 150, 200]);
        assert_eq!(&sizes.away(7.0)[..3], [0, 2, 4], "whatever the spread");
        let listed = MarketMakerConfig {
            levels: vec![level(0, 0.0, 50), level(3, 0.0, 70), level(3, 0.5, 20), level(3, 1.3, 10)],
            ..MarketMakerConfig::with_limits(10_000, 100)
        };
        let sizes = Sizes::new(&listed);
        assert_eq!((sizes.count, &sizes.levels[..4]), (4, &[50, 70, 20, 10][..]));
        // A half spread of 2: spreads of 4, so 2 and 5.2 ticks beside the three, outwards to 5 and 9.
        assert_eq!(&sizes.away(2.0)[..4], [0, 3, 5, 9]);
        // Where the spread is next to nothing they would share a price, and step back by one.
        assert_eq!(&sizes.away(0.0)[..4], [0, 3, 4, 5]);
        assert_eq!(sizes.short_lots, 9, "less than the smallest level");
    }

    #[test]
    fn a_list_out_of_order_or_range_is_refused_by_key() {
        for (levels, key) in [
            (vec![level(1, 0.0, 1), level(0, 1.0, 1)], "levels.ticks"),
            (vec![level(0, 1.0, 1), level(1, 0.5, 1)], "levels.spreads"),
            (vec![level(0, f64::NAN, 1)], "levels.spreads"),
            (vec![level(0, 0.0, 0)], "levels.qty_lots"),
            (vec![level(0, 0.0, 1); 9], "levels (their number)"),
        ] {
            assert_eq!(validate(&levels).unwrap_err().key, key);
        }
        assert_eq!(validate(&[level(0, 0.0, 1), level(0, 1.0, 1)]), Ok(()));
    }
}
