//! How long inventory has been carried, and what is done about it where that is too long.
//!
//! Inventory should halve every half-life. Its clock starts with the position and starts anew whenever half of it is gone;
//! inventory that grows keeps its clock. What outlives the first half-life leans the quotes by so many ticks a half-life
//! more; what outlives `flatten_after` half-lives is sold or bought at the touch, half of it and no more than a limit at once,
//! with the quotes pulled meanwhile so that no order meets our own.

use serde::Deserialize;

use super::config::{ConfigError, real, whole};

/// How fast inventory should decay.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryConfig {
    /// Time in which half of the inventory should be gone, seconds.
    pub half_life_s: f64,
    /// Lean of the reservation price against inventory for each half-life beyond the first, ticks.
    #[serde(default)]
    pub skew_ticks: f64,
    /// Greatest such lean, ticks.
    #[serde(default)]
    pub skew_ticks_max: f64,
    /// Orders that take, once inventory is very old. Absent: none.
    #[serde(default)]
    pub flatten: Option<FlattenConfig>,
}

/// Orders that take inventory down.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenConfig {
    /// Half-lives after which half of what is left is traded at the touch.
    pub after_half_lives: f64,
    /// Most lots of one such order. A limit: no default.
    pub order_qty_max_lots: i64,
    /// Furthest price beyond the touch, ticks.
    #[serde(default)]
    pub slippage_ticks_max: i64,
}

impl InventoryConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        real("inventory.half_life_s", self.half_life_s, 1e-3, 1e7, "0.001 to 10,000,000")?;
        real("inventory.skew_ticks", self.skew_ticks, 0.0, 1e6, "0 to 1,000,000")?;
        real("inventory.skew_ticks_max", self.skew_ticks_max, 0.0, 1e6, "0 to 1,000,000")?;
        if let Some(flatten) = &self.flatten {
            let after = flatten.after_half_lives;
            real("inventory.flatten.after_half_lives", after, 1.0, 1e6, "1 to 1,000,000")?;
            let (most, slippage) = (flatten.order_qty_max_lots, flatten.slippage_ticks_max);
            whole("inventory.flatten.order_qty_max_lots", most, 1..=1_000_000_000, "1 to 1,000,000,000")?;
            whole("inventory.flatten.slippage_ticks_max", slippage, 0..=1_000_000, "0 to 1,000,000")?;
        }
        Ok(())
    }
}

/// Age of the inventory in one instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inventory {
    config: InventoryConfig,
    /// Lots the clock counts from, signed; 0 where nothing is held.
    from_lots: i64,
    since_ns: i64,
}

impl Inventory {
    pub(crate) fn new(config: &InventoryConfig) -> Self {
        Self { config: *config, from_lots: 0, since_ns: 0 }
    }

    /// Takes the position in. Every position has its say once, fills being looked at one by one.
    #[inline]
    pub(crate) fn observe(&mut self, position: i64, now_ns: i64) {
        let same_side = position.signum() == self.from_lots.signum();
        let (held, from) = (position.unsigned_abs(), self.from_lots.unsigned_abs());
        if !same_side || 2 * held <= from {
            (self.from_lots, self.since_ns) = (position, now_ns);
        } else if held > from {
            self.from_lots = position;
        }
    }

    /// Half-lives since the clock was started; 0 where nothing is held.
    #[inline]
    pub(crate) fn age(&self, now_ns: i64) -> f64 {
        if self.from_lots == 0 {
            return 0.0;
        }
        now_ns.saturating_sub(self.since_ns).max(0) as f64 * 1e-9 / self.config.half_life_s
    }

    /// Lean of the reservation price, ticks: below zero for a long position.
    #[inline]
    pub(crate) fn lean_ticks(&self, now_ns: i64) -> f64 {
        let overdue = (self.age(now_ns) - 1.0).max(0.0);
        let lean = (self.config.skew_ticks * overdue).min(self.config.skew_ticks_max);
        if self.from_lots > 0 { -lean } else { lean }
    }

    /// Lots to trade at the touch now, signed: below zero to sell. 0 for none.
    #[inline]
    pub(crate) fn flatten_lots(&self, position: i64, now_ns: i64) -> i64 {
        let Some(flatten) =
            self.config.flatten.filter(|flatten| self.age(now_ns) >= flatten.after_half_lives)
        else {
            return 0;
        };
        // Down to half of where the clock started, rounded so that the clock starts anew.
        let excess = position.saturating_abs() - self.from_lots.saturating_abs() / 2;
        -position.signum() * excess.clamp(0, flatten.order_qty_max_lots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn config() -> InventoryConfig {
        let flatten = FlattenConfig { after_half_lives: 3.0, order_qty_max_lots: 30, slippage_ticks_max: 0 };
        InventoryConfig { half_life_s: 10.0, skew_ticks: 2.0, skew_ticks_max: 5.0, flatten: Some(flatten) }
    }

    #[test]
    fn inventory_that_halves_in_time_is_never_old() {
        let mut inventory = Inventory::new(&config());
        for (at_s, position) in [(0, 80), (9, 40), (18, 20), (27, 10), (36, 5), (45, 2), (54, 1), (63, 0)] {
            assert!(inventory.age(at_s * SECOND) <= 0.9 + 1e-12);
            inventory.observe(position, at_s * SECOND);
            assert_eq!(inventory.age(at_s * SECOND), 0.0);
        }
    }

    #[test]
    fn age_leans_and_at_last_trades() {
        let mut inventory = Inventory::new(&config());
        inventory.observe(50, 0);
        assert_eq!(inventory.lean_ticks(10 * SECOND), 0.0);
        // Half a half-life beyond the first at two ticks each; three half-lives beyond are bounded by five ticks.
        assert!((inventory.lean_ticks(15 * SECOND) + 1.0).abs() < 1e-12);
        assert_eq!(inventory.lean_ticks(40 * SECOND), -5.0);
        assert_eq!(inventory.flatten_lots(50, 30 * SECOND - 1), 0);
        assert_eq!(inventory.flatten_lots(50, 30 * SECOND), -25, "half of it");
        // Grown meanwhile: the clock goes on, half of ninety are 45, of which 30 at once.
        inventory.observe(90, 20 * SECOND);
        assert_eq!(inventory.flatten_lots(90, 30 * SECOND), -30);
        inventory.observe(60, 30 * SECOND);
        assert_eq!(inventory.flatten_lots(60, 30 * SECOND), -15);
        inventory.observe(45, 30 * SECOND);
        assert_eq!((inventory.flatten_lots(45, 30 * SECOND), inventory.age(30 * SECOND)), (0, 0.0));
        // Through nothing to the other side: a new clock.
        inventory.observe(-10, 31 * SECOND);
        assert!(
            (inventory.lean_ticks(42 * SECOND) - 0.2).abs() < 1e-12,
            "a tenth of a half-life at two ticks"
        );
        assert_eq!(inventory.flatten_lots(-10, 61 * SECOND), 5);
        assert_eq!(inventory.flatten_lots(-1, 61 * SECOND), 0);
    }

    proptest! {
        #[test]
        fn flattening_never_turns_a_position_and_never_exceeds_its_limit(
            steps in prop::collection::vec((-100i64..100, 0i64..60), 1..50),
        ) {
            let mut inventory = Inventory::new(&config());
            let mut now_ns = 0;
            for (position, after_s) in steps {
                now_ns += after_s * SECOND;
                inventory.observe(position, now_ns);
                let later_ns = now_ns + after_s * SECOND;
                let lots = inventory.flatten_lots(position, later_ns);
                prop_assert!(lots.abs() <= 30 && lots.abs() <= position.abs());
                prop_assert!(lots == 0 || lots.signum() == -position.signum());
                let lean = inventory.lean_ticks(later_ns);
                prop_assert!(lean.abs() <= 5.0 && lean * position as f64 <= 0.0);
            }
        }
    }
}
