//! Where an order of ours stands in a queue that is only known by its lots: the family of estimates.
//!
//! Order-by-order data tell who stands before us, and then nothing is estimated ([`QueueModel::Exact`]). Price-level data
//! tell how many lots a level shows and what traded. When a level shrinks by more than traded, somebody left: before us or
//! behind us is a guess, and each model is one. All start behind everything shown when the order came to rest.
//!
//! Let F be the quantity ahead, B what the level showed before a change less F, L what it shows now, in units of the base
//! currency. A trade of q at our price: F falls by q and q is remembered. A level statement: the fall d is what it showed
//! less L less what was remembered. Where d < 0, F becomes min(F, L); else, with p the probability that it fell behind us,
//! F' = F - (1 - p) d + min(B - p d, 0) and F becomes min(F', L). So a trade and the statement that repeats it are not
//! counted twice. The order is reached once F, in lots and rounded, is below zero.
//!
//! | model | p |
//! | --- | --- |
//! | [`risk_averse`] | 1 |
//! | [`power`] | B^n / (B^n + F^n) |
//! | [`power2`] | B^n / (B + F)^n |
//! | [`power3`] | 1 - (F / (F + B))^n |
//! | [`log`] | ln(1 + B) / (ln(1 + B) + ln(1 + F)) |
//! | [`log2`] | ln(1 + B) / ln(1 + B + F) |
//!
//! Sources: E. Rigtorp, "Estimating order queue position" (2013); hftbacktest's documentation, "Order fill".

pub mod log;
pub mod log2;
pub mod power;
pub mod power2;
pub mod power3;
pub mod risk_averse;

use serde::{Deserialize, Serialize};

/// How the quantity ahead of an order of ours is known or guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum QueueModel {
    /// Counted from order-by-order data. Instruments whose feed states only levels or quotes fall back to the most
    /// cautious estimate, [`QueueModel::RiskAverse`].
    #[default]
    Exact,
    /// Only trades bring us forward.
    RiskAverse,
    /// See [`power`].
    Power {
        /// n, positive.
        exponent: f64,
    },
    /// See [`power2`].
    Power2 {
        /// n, positive.
        exponent: f64,
    },
    /// See [`power3`].
    Power3 {
        /// n, positive.
        exponent: f64,
    },
    /// See [`log`].
    Log,
    /// See [`log2`].
    Log2,
}

impl QueueModel {
    /// Whether the exponent, where there is one, makes sense.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Power { exponent } | Self::Power2 { exponent } | Self::Power3 { exponent } => {
                *exponent > 0.0 && *exponent <= 100.0
            }
            Self::Exact | Self::RiskAverse | Self::Log | Self::Log2 => true,
        }
    }

    /// Name as in a configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::RiskAverse => "risk-averse",
            Self::Power { .. } => "power",
            Self::Power2 { .. } => "power2",
            Self::Power3 { .. } => "power3",
            Self::Log => "log",
            Self::Log2 => "log2",
        }
    }

    /// Probability that a fall of the level happened behind us; one where the formula has no answer.
    #[inline]
    fn behind(&self, front: f64, back: f64) -> f64 {
        let p = match self {
            Self::Exact | Self::RiskAverse => risk_averse::behind(),
            Self::Power { exponent } => power::behind(front, back, *exponent),
            Self::Power2 { exponent } => power2::behind(front, back, *exponent),
            Self::Power3 { exponent } => power3::behind(front, back, *exponent),
            Self::Log => log::behind(front, back),
            Self::Log2 => log2::behind(front, back),
        };
        if p.is_finite() { p } else { 1.0 }
    }
}

/// The estimate of one order, in units of the base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Quantity ahead; below zero once trades have reached us.
    pub ahead: f64,
    /// Traded at our price since the level was last stated.
    pub(crate) traded: f64,
}

impl Estimate {
    /// Behind everything the level shows.
    #[inline]
    pub const fn at_the_end_of(level: f64) -> Self {
        Self { ahead: level, traded: 0.0 }
    }

    /// A trade at our price.
    #[inline]
    pub fn on_trade(&mut self, qty: f64) {
        self.ahead -= qty;
        self.traded += qty;
    }

    /// The level was stated anew.
    #[inline]
    pub fn on_level(&mut self, model: &QueueModel, before: f64, after: f64) {
        if matches!(model, QueueModel::Exact | QueueModel::RiskAverse) {
            self.ahead = least(self.ahead, after);
            return;
        }
        let fall = before - after - self.traded;
        self.traded = 0.0;
        if fall < 0.0 {
            self.ahead = least(self.ahead, after);
            return;
        }
        let (front, back) = (self.ahead, before - self.ahead);
        let p = model.behind(front, back);
        self.ahead = least(front - (1.0 - p) * fall + least(back - p * fall, 0.0), after);
    }

    /// Lots by which trades have gone beyond us, rounded to the nearest; then we stand at the front.
    #[inline]
    pub fn reached_lots(&mut self, lot: f64) -> i64 {
        let lots = (-self.ahead / lot).round();
        if lots >= 1.0 {
            self.ahead = 0.0;
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a level holds fewer than 2^53 lots; beyond it saturates"
            )]
            return lots as i64;
        }
        0
    }
}

/// The smaller; the second where the first is no number.
#[inline]
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `base` to the power `exponent`: the same on every machine, and by multiplication where the exponent is a small integer.
#[inline]
fn raised(base: f64, exponent: f64) -> f64 {
    if exponent == 1.0 {
        base
    } else if exponent == 2.0 {
        base * base
    } else if exponent == 3.0 {
        base * base * base
    } else {
        libm::pow(base, exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODELS: [QueueModel; 6] = [
        QueueModel::RiskAverse,
        QueueModel::Power { exponent: 3.0 },
        QueueModel::Power2 { exponent: 2.0 },
        QueueModel::Power3 { exponent: 3.0 },
        QueueModel::Log,
        QueueModel::Log2,
    ];

    #[test]
    fn a_trade_and_the_level_that_repeats_it_count_once() {
        for model in MODELS {
            let mut estimate = Estimate::at_the_end_of(10.0);
            estimate.on_trade(4.0);
            estimate.on_level(&model, 10.0, 6.0);
            assert!((estimate.ahead - 6.0).abs() < 1e-12, "{model:?}: {}", estimate.ahead);
        }
    }

    #[test]
    fn cancels_bring_all_but_the_risk_averse_forward() {
        // 10 ahead, 10 joined behind, 4 leave: worked by hand for p of each formula at F = B = 10.
        let wanted = [
            (QueueModel::RiskAverse, 10.0),
            // p = 1/2: 10 - 2.
            (QueueModel::Power { exponent: 3.0 }, 8.0),
            (QueueModel::Log, 8.0),
            // p = (10/20)^2 = 1/4: 10 - 3.
            (QueueModel::Power2 { exponent: 2.0 }, 7.0),
            // p = 1 - (1/2)^3 = 7/8: 10 - 0.5.
            (QueueModel::Power3 { exponent: 3.0 }, 9.5),
            // p = ln 11 / ln 21 = 0.787614...: 10 - 4 (1 - p).
            (QueueModel::Log2, 10.0 - 4.0 * (1.0 - 11f64.ln() / 21f64.ln())),
        ];
        for (model, ahead) in wanted {
            let mut estimate = Estimate::at_the_end_of(10.0);
            estimate.on_level(&model, 10.0, 20.0);
            estimate.on_level(&model, 20.0, 16.0);
            assert!((estimate.ahead - ahead).abs() < 1e-12, "{model:?}: {}", estimate.ahead);
        }
    }

    #[test]
    fn an_empty_level_puts_us_in_front_and_the_next_trade_reaches_us() {
        for model in MODELS {
            let mut estimate = Estimate::at_the_end_of(5.0);
            estimate.on_level(&model, 5.0, 0.0);
            assert_eq!((estimate.ahead, estimate.reached_lots(0.001)), (0.0, 0), "{model:?}");
            estimate.on_trade(0.003);
            assert_eq!(estimate.reached_lots(0.001), 3, "{model:?}");
        }
    }

    proptest! {
        #[test]
        fn nobody_is_further_back_than_the_level_is_long(
            level in 0u32..100,
            acts in prop::collection::vec((any::<bool>(), 0u32..100), 0..60),
        ) {
            for model in MODELS {
                let mut shown = f64::from(level);
                let mut estimate = Estimate::at_the_end_of(shown);
                for (is_trade, qty) in &acts {
                    let before = estimate.ahead;
                    if *is_trade {
                        estimate.on_trade(f64::from(*qty));
                        estimate.reached_lots(1.0);
                    } else {
                        estimate.on_level(&model, shown, f64::from(*qty));
                        shown = f64::from(*qty);
                        prop_assert!(estimate.ahead <= shown + 1e-9, "{:?} {:?}", model, estimate);
                    }
                    // Below zero, after a fall in which more left ahead of us than there was, p is no probability.
                    prop_assert!(
                        before < 0.0 || estimate.ahead <= before + 1e-9,
                        "{:?} {} {:?}", model, before, estimate
                    );
                }
            }
        }
    }
}
