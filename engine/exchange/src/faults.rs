//! What goes wrong at a real venue without any reason of ours: requests refused, orders filled in part.
//!
//! Each new order is refused with a stated probability as it arrives, and each arriving order's fill is cut short
//! with another: some of its lots, at least one and not all, are withheld from matching and cancelled. Both answers carry
//! the reason `FAULT`. Draws come from the run's seed in the order of arrivals.

use serde::{Deserialize, Serialize};
use tickrace_stats::Rng;

use crate::config::ExchangeError;

/// Number of the stream of random numbers.
const STREAM: u64 = 0x4641_5501;

/// Probabilities of faults; absent: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultConfig {
    /// Share of new orders refused, from 0 to 1.
    pub reject_rate: f64,
    /// Share of arriving orders of more than one lot that trade only in part, from 0 to 1.
    pub partial_fill_rate: f64,
}

impl FaultConfig {
    pub(crate) fn validate(&self) -> Result<(), ExchangeError> {
        for (key, got) in
            [("faults.reject_rate", self.reject_rate), ("faults.partial_fill_rate", self.partial_fill_rate)]
        {
            if !(0.0..=1.0).contains(&got) {
                return Err(ExchangeError::Figure { key });
            }
        }
        Ok(())
    }
}

/// Draws faults.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    config: FaultConfig,
    rng: Rng,
}

impl Faults {
    pub fn new(config: FaultConfig, seed: u64) -> Self {
        Self { config, rng: Rng::stream(seed, STREAM) }
    }

    /// Whether a new order is refused.
    #[inline]
    pub fn rejects(&mut self) -> bool {
        self.config.reject_rate > 0.0 && self.rng.uniform() < self.config.reject_rate
    }

    /// Lots of an arriving order that are withheld from matching.
    #[inline]
    pub fn withheld(&mut self, leaves: i64) -> i64 {
        let rate = self.config.partial_fill_rate;
        if rate <= 0.0 || leaves < 2 || self.rng.uniform() >= rate {
            return 0;
        }
        1 + i64::try_from(self.rng.below(leaves.unsigned_abs() - 1)).unwrap_or(0)
    }
}
