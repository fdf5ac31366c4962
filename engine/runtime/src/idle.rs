//! What a thread does when its ring has nothing for it: a value from the configuration, not code.

use std::time::Duration;

use serde::Deserialize;

/// Turns spun before [`IdleStrategy::Park`] starts to yield, and yields before it starts to sleep.
const PARK_SPINS: u32 = 200;
const PARK_YIELDS: u32 = 50;

/// How to wait.
///
/// In a configuration: `"spin"`, `{ spin_then_yield = { spins = 500 } }` or `{ park = { micros = 50 } }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IdleStrategy {
    /// Never gives up the core, and does not even pause it: `pause` costs half a near hop on some processors (Zen 5) and
    /// saves a quarter of one on others (Zen 3; bench `ring`). For a core of its own.
    Spin,
    /// Spins so many turns, then offers the core to others on each further one.
    SpinThenYield {
        /// Turns before the first yield.
        spins: u32,
    },
    /// Spins and yields shortly, then sleeps so long on each further turn.
    Park {
        /// Microseconds slept at a time; the kernel adds about 50.
        micros: u32,
    },
}

impl Default for IdleStrategy {
    /// Parks: an idle engine must not melt a laptop.
    fn default() -> Self {
        Self::Park { micros: 50 }
    }
}

impl IdleStrategy {
    /// Whether a waiting thread keeps its core busy for ever.
    pub const fn is_spinning(self) -> bool {
        matches!(self, Self::Spin)
    }

    /// Whether a waiting thread never sleeps, though it may let others by.
    pub const fn is_busy(self) -> bool {
        !matches!(self, Self::Park { .. })
    }
}

/// The state of one waiting thread.
#[derive(Clone, Debug)]
pub struct Idler {
    strategy: IdleStrategy,
    turns: u32,
}

impl Idler {
    /// Waits as `strategy` says.
    pub const fn new(strategy: IdleStrategy) -> Self {
        Self { strategy, turns: 0 }
    }

    /// Nothing to do: waits one turn.
    #[inline]
    pub fn idle(&mut self) {
        match self.strategy {
            IdleStrategy::Spin => {}
            IdleStrategy::SpinThenYield { spins } => {
                if self.turns < spins {
                    self.turns += 1;
                } else {
                    std::thread::yield_now();
                }
            }
            IdleStrategy::Park { micros } => self.park(micros),
        }
    }

    /// There was something to do: the next wait starts from the beginning.
    #[inline]
    pub fn reset(&mut self) {
        self.turns = 0;
    }

    /// Turns waited since the last reset, as far as the strategy counts them.
    pub const fn turns(&self) -> u32 {
        self.turns
    }

    #[inline(never)]
    fn park(&mut self, micros: u32) {
        if self.turns < PARK_SPINS {
            self.turns += 1;
            std::hint::spin_loop();
        } else if self.turns < PARK_SPINS + PARK_YIELDS {
            self.turns += 1;
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(u64::from(micros)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Config {
        idle: IdleStrategy,
    }

    fn parse(text: &str) -> Result<IdleStrategy, toml::de::Error> {
        toml::from_str::<Config>(text).map(|config| config.idle)
    }

    #[test]
    fn every_strategy_reads_from_a_configuration() {
        assert_eq!(parse("idle = \"spin\"").unwrap(), IdleStrategy::Spin);
        assert_eq!(
            parse("idle = { spin_then_yield = { spins = 500 } }").unwrap(),
            IdleStrategy::SpinThenYield { spins: 500 }
        );
        assert_eq!(parse("idle = { park = { micros = 50 } }").unwrap(), IdleStrategy::Park { micros: 50 });
    }

    #[test]
    fn an_unknown_strategy_or_key_is_refused() {
        assert!(parse("idle = \"sleep\"").is_err());
        assert!(parse("idle = { park = { millis = 50 } }").is_err());
        assert!(parse("idle = { spin_then_yield = {} }").is_err());
    }

    #[test]
    fn the_default_sleeps_after_a_short_while() {
        assert!(!IdleStrategy::default().is_busy());
        let mut idler = Idler::new(IdleStrategy::default());
        for _ in 0..PARK_SPINS + PARK_YIELDS {
            idler.idle();
        }
        assert_eq!(idler.turns(), PARK_SPINS + PARK_YIELDS);
        let start = std::time::Instant::now();
        idler.idle();
        assert!(start.elapsed() >= Duration::from_micros(50), "a sleep never ends early");
        idler.reset();
        assert_eq!(idler.turns(), 0);
    }
}
