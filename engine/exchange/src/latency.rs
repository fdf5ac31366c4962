//! How long a message is on its way: constant, drawn from a distribution, or as it was once measured.
//!
//! One [`Latency`] stands for one way: orders to the venue, responses from it, or market data from it. Whatever it draws,
//! nothing overtakes: a message arrives no earlier than the one before it on the same way, as on one session.
//!
//! | `model` | latency of a message |
//! | --- | --- |
//! | `constant` | `latency_ns` |
//! | `uniform` | any whole number from `latency_ns_min` to `latency_ns_max` |
//! | `exponential` | `latency_ns_min` and an exponential excess of mean `excess_ns_mean`, at most `latency_ns_max` |
//! | `log-normal` | `latency_ns_median` times the exponential of `sigma` times a standard normal, held between `latency_ns_min` and `latency_ns_max` |
//! | `recorded` | between measured neighbours in a straight line, see [`rows`] |
//!
//! Draws come from ChaCha by the run's seed, one stream for each way, in the order of the messages, which is the same in
//! every placement. What the rest of the world relies on is [`LatencyConfig::min_ns`]: no answer comes sooner.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tickrace_stats::rng::Rng;

use crate::config::LATENCY_NS_MAX;

pub mod collect;
pub mod rows;

use rows::{LatencyRows, Reading};

/// Which way a message goes; each has a stream of random numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Way {
    /// From our gate to the venue's matching engine.
    Order = 0x4c41_5401,
    /// From the venue's matching engine to us.
    Response = 0x4c41_5402,
    /// Market data, from the venue to us.
    Feed = 0x4c41_5403,
}

/// A latency model as configured. The table at the head of the module says what each key does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LatencyConfig {
    /// Always the same.
    Constant {
        /// Nanoseconds.
        latency_ns: i64,
    },
    /// All values of a range alike.
    Uniform {
        /// Smallest, nanoseconds.
        latency_ns_min: i64,
        /// Largest, nanoseconds.
        latency_ns_max: i64,
    },
    /// A wire and a queue behind it.
    Exponential {
        /// Smallest, nanoseconds.
        latency_ns_min: i64,
        /// Mean of what comes on top, nanoseconds.
        excess_ns_mean: i64,
        /// Largest, nanoseconds; a longer one is cut to it.
        latency_ns_max: i64,
    },
    /// Skewed, as measured latencies mostly are.
    LogNormal {
        /// Half of all are below, nanoseconds, positive.
        latency_ns_median: i64,
        /// Standard deviation of the logarithm, from 0 to 10.
        sigma: f64,
        /// Smallest, nanoseconds.
        latency_ns_min: i64,
        /// Largest, nanoseconds.
        latency_ns_max: i64,
    },
    /// As measured on another day.
    Recorded {
        /// CSV file of the rows, found from the configuration's folder.
        path: PathBuf,
        /// What the file says; read by whoever reads the configuration.
        #[serde(skip)]
        rows: LatencyRows,
    },
}

/// Why a latency model is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LatencyError {
    /// A key out of range.
    #[error("{key} must be from {least} to {most}, it is {got}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Smallest value taken.
        least: i64,
        /// Largest value taken.
        most: i64,
        /// What it is.
        got: i64,
    },
    /// A spread that is none.
    #[error("sigma must be from 0 to 10")]
    Sigma,
    /// Rows of orders say nothing of market data.
    #[error(
        "model \"recorded\" is for orders and responses; recorded market data bring their own times: leave the table out"
    )]
    RecordedFeed,
    /// Nobody read the file.
    #[error("the rows of model \"recorded\" were not read, or there are none")]
    NoRows,
}

impl LatencyConfig {
    /// Checks every range.
    ///
    /// # Errors
    ///
    /// [`LatencyError`] naming the first key out of range.
    pub fn validate(&self, way: Way) -> Result<(), LatencyError> {
        let within = |key, got, least, most| {
            if (least..=most).contains(&got) {
                Ok(())
            } else {
                Err(LatencyError::Range { key, least, most, got })
            }
        };
        match self {
            Self::Constant { latency_ns } => within("latency_ns", *latency_ns, 0, LATENCY_NS_MAX),
            Self::Uniform { latency_ns_min, latency_ns_max } => {
                within("latency_ns_max", *latency_ns_max, 0, LATENCY_NS_MAX)?;
                within("latency_ns_min", *latency_ns_min, 0, *latency_ns_max)
            }
            Self::Exponential { latency_ns_min, excess_ns_mean, latency_ns_max } => {
                within("latency_ns_max", *latency_ns_max, 0, LATENCY_NS_MAX)?;
                within("latency_ns_min", *latency_ns_min, 0, *latency_ns_max)?;
                within("excess_ns_mean", *excess_ns_mean, 0, LATENCY_NS_MAX)
            }
            Self::LogNormal { latency_ns_median, sigma, latency_ns_min, latency_ns_max } => {
                within("latency_ns_max", *latency_ns_max, 1, LATENCY_NS_MAX)?;
                within("latency_ns_median", *latency_ns_median, 1, *latency_ns_max)?;
                within("latency_ns_min", *latency_ns_min, 0, *latency_ns_median)?;
                if (0.0..=10.0).contains(sigma) { Ok(()) } else { Err(LatencyError::Sigma) }
            }
            Self::Recorded { .. } if way == Way::Feed => Err(LatencyError::RecordedFeed),
            Self::Recorded { .. } => Ok(()),
        }
    }

    /// The smallest latency the model can give, nanoseconds; 0 for rows that were not read.
    pub fn min_ns(&self, way: Way) -> i64 {
        match self {
            Self::Constant { latency_ns } => *latency_ns,
            Self::Uniform { latency_ns_min, .. }
            | Self::Exponential { latency_ns_min, .. }
            | Self::LogNormal { latency_ns_min, .. } => *latency_ns_min,
            Self::Recorded { rows, .. } => rows.min_ns(way),
        }
    }
}

/// One way between the venue and us.
#[derive(Clone, Debug)]
pub struct Latency {
    model: Model,
    /// Arrival of the message before.
    last_ns: i64,
}

#[derive(Clone, Debug)]
enum Model {
    Constant(i64),
    Drawn(Box<Drawn>),
    Recorded(Reading),
}

#[derive(Clone, Debug)]
struct Drawn {
    law: Law,
    rng: Rng,
    min_ns: i64,
    max_ns: i64,
}

#[derive(Clone, Copy, Debug)]
enum Law {
    Uniform,
    Exponential { mean_ns: f64 },
    LogNormal { median_ns: f64, sigma: f64 },
}

impl Latency {
    /// Always `latency_ns`.
    pub const fn constant(latency_ns: i64) -> Self {
        Self { model: Model::Constant(latency_ns), last_ns: i64::MIN }
    }

    /// The way of a configuration; `seed` is the run's.
    ///
    /// # Errors
    ///
    /// [`LatencyError`] where a key is out of range or rows were not read.
    pub fn new(config: &LatencyConfig, way: Way, seed: u64) -> Result<Self, LatencyError> {
        config.validate(way)?;
        let drawn = |law, min_ns, max_ns| {
            Model::Drawn(Box::new(Drawn { law, rng: Rng::stream(seed, way as u64), min_ns, max_ns }))
        };
        let model = match config {
            LatencyConfig::Constant { latency_ns } => Model::Constant(*latency_ns),
            LatencyConfig::Uniform { latency_ns_min, latency_ns_max } => {
                drawn(Law::Uniform, *latency_ns_min, *latency_ns_max)
            }
            LatencyConfig::Exponential { latency_ns_min, excess_ns_mean, latency_ns_max } => {
                let law = Law::Exponential { mean_ns: *excess_ns_mean as f64 };
                drawn(law, *latency_ns_min, *latency_ns_max)
            }
            LatencyConfig::LogNormal { latency_ns_median, sigma, latency_ns_min, latency_ns_max } => {
                let law = Law::LogNormal { median_ns: *latency_ns_median as f64, sigma: *sigma };
                drawn(law, *latency_ns_min, *latency_ns_max)
            }
            LatencyConfig::Recorded { rows, .. } if rows.is_empty() => return Err(LatencyError::NoRows),
            LatencyConfig::Recorded { rows, .. } => Model::Recorded(rows.reading(way)),
        };
        Ok(Self { model, last_ns: i64::MIN })
    }

    /// When a message sent at `sent_ns` arrives: its latency later, but not before the one sent before it.
    #[inline]
    pub fn arrival_ns(&mut self, sent_ns: i64) -> i64 {
        let latency_ns = match &mut self.model {
            Model::Constant(latency_ns) => *latency_ns,
            Model::Drawn(drawn) => drawn.draw(),
            Model::Recorded(reading) => reading.at(sent_ns),
        };
        self.last_ns = self.last_ns.max(sent_ns.saturating_add(latency_ns));
        self.last_ns
    }
}

impl Drawn {
    fn draw(&mut self) -> i64 {
        let (min_ns, max_ns) = (self.min_ns, self.max_ns);
        match self.law {
            Law::Uniform => {
                // Validated: 0 <= min <= max <= a minute.
                let width = (max_ns - min_ns).unsigned_abs();
                min_ns + i64::try_from(self.rng.below(width + 1)).unwrap_or(0)
            }
            Law::Exponential { mean_ns } => {
                whole(min_ns as f64 + mean_ns * self.rng.exponential(), min_ns, max_ns)
            }
            Law::LogNormal { median_ns, sigma } => {
                whole(median_ns * libm::exp(sigma * self.rng.normal()), min_ns, max_ns)
            }
        }
    }
}

/// The whole number below `ns`, held within its bounds.
fn whole(ns: f64, min_ns: i64, max_ns: i64) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "cut to a minute's worth of nanoseconds first")]
    let cut = ns.clamp(0.0, LATENCY_NS_MAX as f64).floor() as i64;
    cut.clamp(min_ns, max_ns)
}

#[cfg(test)]
mod tests;
