//! What the simulated venue is told before the day: latencies, fees, bounds.

use serde::{Deserialize, Serialize};
use tickrace_types::{Cash, Contract, Price};

use crate::QueueModel;
use crate::bar_fills::BarFillConfig;
use crate::costs::{FeeItem, FeeTier, PER_LOT_MAX as PER_LOT, RATE_MAX as RATE, TierPeriod};
use crate::faults::FaultConfig;
use crate::funding::FundingConfig;
use crate::impact::ImpactConfig;
use crate::latency::{Latency, LatencyConfig, LatencyError, Way};

/// Latency a configuration may ask for, nanoseconds: a minute, beyond which it is a mistake of units.
pub const LATENCY_NS_MAX: i64 = 60_000_000_000;

/// Working orders a configuration may ask for; each costs about 200 bytes.
pub const OPEN_ORDERS_MAX: usize = 1 << 20;

/// The simulated venue. Absent keys are an error, but that of the two ways each has a key or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeConfig {
    /// From our gate to the venue's matching engine, nanoseconds.
    #[serde(default = "not_stated")]
    pub order_latency_ns: i64,
    /// From the venue's matching engine back to us, nanoseconds.
    #[serde(default = "not_stated")]
    pub response_latency_ns: i64,
    /// The same as a model; goes before `order_latency_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_latency: Option<LatencyConfig>,
    /// The same as a model; goes before `response_latency_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_latency: Option<LatencyConfig>,
    /// What the venue charges and pays.
    pub fees: FeeConfig,
    /// How perpetual contracts are funded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding: Option<FundingConfig>,
    /// Working orders the venue keeps for us at once; one more is rejected.
    pub open_orders_max: usize,
    /// Whether a print against hidden liquidity at a price worse than ours fills us: a displayed order of ours
    /// would have had to trade first. Prints at our own price never do.
    pub hidden_through_fills: bool,
    /// How the quantity ahead of our resting orders is known or guessed.
    #[serde(default)]
    pub queue: QueueModel,
    /// How much of an order fills where the queue is estimated.
    #[serde(default)]
    pub fills: FillRule,
    /// What taking costs where there is no depth.
    #[serde(default)]
    pub impact: ImpactConfig,
    /// How bars fill resting orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<BarFillConfig>,
    /// What goes wrong by chance.
    #[serde(default)]
    pub faults: FaultConfig,
}

/// How much of an order fills at one event where the queue is estimated: on feeds of levels or quotes, and on
/// order-by-order feeds with another model than `exact`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FillRule {
    /// Never more than traded or was shown.
    #[default]
    Partial,
    /// All of it, whatever the size, as hftbacktest's exchange without partial fills has it: for comparison with that.
    Whole,
}

/// Fees of a fill: so much a lot plus so much of the notional; a negative figure is a rebate. What more there is, bounds,
/// tiers and further items, stands in [`crate::costs`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeConfig {
    /// Maker, per lot, 1e-9 of the quote currency: -2_000_000 pays us 0.20 for a hundred shares.
    pub maker_per_lot_nanos: i64,
    /// Taker, per lot, 1e-9 of the quote currency.
    pub taker_per_lot_nanos: i64,
    /// Maker, thousandths of a basis point of the notional: -500 pays us half a basis point.
    pub maker_bps_milli: i64,
    /// Taker, thousandths of a basis point of the notional.
    pub taker_bps_milli: i64,
    /// Least an order with a charge pays for all its fills, 1e-9 of the quote currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_nanos_min: Option<i64>,
    /// Most an order pays for all its fills, 1e-9 of the quote currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_nanos_max: Option<i64>,
    /// Rates from a traded volume on, ascending.
    #[serde(default)]
    pub tiers: Vec<FeeTier>,
    /// Over which time that volume is counted.
    #[serde(default)]
    pub tier_period: TierPeriod,
    /// Lots traded before the run, for tiers by lots.
    #[serde(default)]
    pub volume_before_lots: i64,
    /// Notional traded before the run, whole units of the currency, for tiers by notional.
    #[serde(default)]
    pub volume_before_notional: i64,
    /// Charges beside the venue's.
    #[serde(default)]
    pub items: Vec<FeeItem>,
}

/// A latency nobody stated.
const NOT_STATED: i64 = i64::MIN;

const fn not_stated() -> i64 {
    NOT_STATED
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// A latency model that cannot be.
    #[error("exchange.{table}: {error}")]
    Latency {
        /// Which table.
        table: &'static str,
        /// What is wrong with it.
        error: LatencyError,
    },
    /// Neither the key nor the table.
    #[error("exchange.{key}_ns is missing: state it, or a table exchange.{key}")]
    NoLatency {
        /// Which key.
        key: &'static str,
    },
    /// An exponent that is none.
    #[error("exchange.queue.exponent must be above 0 and at most 100")]
    Exponent,
    /// A fee that cannot be.
    #[error("exchange.fees.{list}[{place}]: {fault}")]
    Fees {
        /// Which key or list.
        list: &'static str,
        /// Place in the list, from 0.
        place: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// A rate that is stated needs the rate and its interval; another has no rate.
    #[error(
        "exchange.funding: rates = \"stated\" needs interval_ms and rate_nanos; rate_nanos is for it alone"
    )]
    Funding,
    /// A fraction or factor out of range.
    #[error("exchange.{key} is out of its range")]
    Figure {
        /// Which key.
        key: &'static str,
    },
    /// A key out of range.
    #[error("exchange.{key} must be from {least} to {most}, it is {got}")]
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
}

impl ExchangeConfig {
    /// Checks every range.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Range`] naming the first key out of range.
    pub fn validate(&self) -> Result<(), ExchangeError> {
        let ways = [
            ("order_latency", "order_latency_ns", &self.order_latency, self.order_latency_ns, Way::Order),
            (
                "response_latency",
                "response_latency_ns",
                &self.response_latency,
                self.response_latency_ns,
                Way::Response,
            ),
        ];
        for (table, key, model, constant_ns, way) in ways {
            match model {
                Some(model) => {
                    model.validate(way).map_err(|error| ExchangeError::Latency { table, error })?;
                }
                None if constant_ns == NOT_STATED => return Err(ExchangeError::NoLatency { key: table }),
                None => within(key, constant_ns, 0, LATENCY_NS_MAX)?,
            }
        }
        let open_orders = i64::try_from(self.open_orders_max).unwrap_or(i64::MAX);
        within("open_orders_max", open_orders, 1, OPEN_ORDERS_MAX as i64)?;
        if !self.queue.is_sound() {
            return Err(ExchangeError::Exponent);
        }
        self.impact.validate()?;
        self.faults.validate()?;
        if let Some(bars) = &self.bars {
            bars.validate()?;
        }
        if let Some(funding) = &self.funding {
            funding.validate()?;
        }
        self.fees.validate()
    }

    /// Shortest time from our gate to the venue, nanoseconds.
    pub fn order_latency_ns_min(&self) -> i64 {
        self.order_latency.as_ref().map_or(self.order_latency_ns, |model| model.min_ns(Way::Order))
    }

    /// Shortest time from the venue to us, nanoseconds.
    pub fn response_latency_ns_min(&self) -> i64 {
        self.response_latency.as_ref().map_or(self.response_latency_ns, |model| model.min_ns(Way::Response))
    }

    /// No answer takes longer from the venue to us, nanoseconds.
    pub fn response_latency_ns_max(&self) -> i64 {
        if self.response_latency.is_some() { LATENCY_NS_MAX } else { self.response_latency_ns }
    }

    /// Both ways, orders first; `seed` is the run's.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Latency`] naming the table.
    pub(crate) fn ways(&self, seed: u64) -> Result<(Latency, Latency), ExchangeError> {
        let way = |table, model: &Option<LatencyConfig>, constant_ns, way| {
            model.as_ref().map_or(Ok(Latency::constant(constant_ns)), |model| {
                Latency::new(model, way, seed).map_err(|error| ExchangeError::Latency { table, error })
            })
        };
        Ok((
            way("order_latency", &self.order_latency, self.order_latency_ns, Way::Order)?,
            way("response_latency", &self.response_latency, self.response_latency_ns, Way::Response)?,
        ))
    }
}

impl FeeConfig {
    /// Nothing charged, nothing paid.
    pub const FREE: Self = Self {
        maker_per_lot_nanos: 0,
        taker_per_lot_nanos: 0,
        maker_bps_milli: 0,
        taker_bps_milli: 0,
        order_nanos_min: None,
        order_nanos_max: None,
        tiers: Vec::new(),
        tier_period: TierPeriod::Run,
        volume_before_lots: 0,
        volume_before_notional: 0,
        items: Vec::new(),
    };

    fn validate(&self) -> Result<(), ExchangeError> {
        within("fees.maker_per_lot_nanos", self.maker_per_lot_nanos, -PER_LOT, PER_LOT)?;
        within("fees.taker_per_lot_nanos", self.taker_per_lot_nanos, -PER_LOT, PER_LOT)?;
        within("fees.maker_bps_milli", self.maker_bps_milli, -RATE, RATE)?;
        within("fees.taker_bps_milli", self.taker_bps_milli, -RATE, RATE)?;
        self.validate_lists()
    }

    /// Fee of one fill by the plain rates alone, in 1e-9 of the currency the contract settles in, negative for a rebate; rounded once, up, which is against
    /// us for both. Saturates at the ends of the range.
    #[inline]
    pub fn fee_nanos(&self, is_taker: bool, price: Price, lots: i64, contract: Contract) -> i64 {
        let (per_lot, rate) = if is_taker {
            (self.taker_per_lot_nanos, self.taker_bps_milli)
        } else {
            (self.maker_per_lot_nanos, self.maker_bps_milli)
        };
        let by_lot = i128::from(per_lot) * i128::from(lots);
        let by_notional = if rate == 0 { 0 } else { share_of(contract.notional(price, lots), rate) };
        i64::try_from(by_lot + by_notional).unwrap_or(if by_lot + by_notional < 0 {
            i64::MIN
        } else {
            i64::MAX
        })
    }
}

/// `rate` thousandths of a basis point of the size of `notional`, in 1e-9 of its currency, rounded up.
fn share_of(notional: Cash, rate: i64) -> i128 {
    // 1e-18 to 1e-9 is a factor 1e9; a thousandth of a basis point is 1e-7.
    const DIVISOR: i128 = 10_000_000_000_000_000;
    // A spread may trade below zero; the fee is on the size of what changed hands.
    let scaled = notional.0.abs().saturating_mul(i128::from(rate));
    let floor = scaled.div_euclid(DIVISOR);
    if scaled.rem_euclid(DIVISOR) == 0 { floor } else { floor + 1 }
}

fn within(key: &'static str, got: i64, least: i64, most: i64) -> Result<(), ExchangeError> {
    if got < least || got > most { Err(ExchangeError::Range { key, least, most, got }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn config() -> ExchangeConfig {
        ExchangeConfig {
            order_latency_ns: 0,
            response_latency_ns: 0,
            order_latency: None,
            response_latency: None,
            fees: FeeConfig::FREE,
            funding: None,
            open_orders_max: 1,
            hidden_through_fills: true,
            queue: QueueModel::Exact,
            fills: FillRule::Partial,
            impact: ImpactConfig::None,
            bars: None,
            faults: FaultConfig::default(),
        }
    }

    #[test]
    fn fees_per_lot_are_lots_times_the_figure() {
        // The usual dollar venue: 0.0030 a share taken, 0.0020 a share paid back; 100 shares.
        let fees =
            FeeConfig { maker_per_lot_nanos: -2_000_000, taker_per_lot_nanos: 3_000_000, ..FeeConfig::FREE };
        assert_eq!(fees.fee_nanos(true, Price(585 * ONE), 100, Contract::linear(ONE)), 300_000_000);
        assert_eq!(fees.fee_nanos(false, Price(585 * ONE), 100, Contract::linear(ONE)), -200_000_000);
    }

    #[test]
    fn a_share_of_the_notional_is_rounded_against_us_both_ways() {
        // 7 bps of 3 x 0.33 = 0.99 is 0.000693 exactly: 693,000 nanos.
        let fees = FeeConfig { maker_bps_milli: -500, taker_bps_milli: 7_000, ..FeeConfig::FREE };
        assert_eq!(fees.fee_nanos(true, Price(330_000_000), 3, Contract::linear(ONE)), 693_000);
        // Of 1 lot at 0.000000001 the fee is 7e-13: up to one nano. The rebate of 5e-14 becomes nothing.
        assert_eq!(fees.fee_nanos(true, Price(1), 1, Contract::linear(ONE)), 1);
        assert_eq!(fees.fee_nanos(false, Price(1), 1, Contract::linear(ONE)), 0);
        // Half a basis point of 0.000030001: 1.50005 nanos of rebate come as one.
        assert_eq!(fees.fee_nanos(false, Price(30_001), 1, Contract::linear(ONE)), -1);
    }

    #[test]
    fn a_trade_below_zero_is_charged_on_its_size() {
        let fees = FeeConfig { taker_bps_milli: 1_000, ..FeeConfig::FREE };
        assert_eq!(
            fees.fee_nanos(true, Price(-ONE), 1, Contract::linear(ONE)),
            fees.fee_nanos(true, Price(ONE), 1, Contract::linear(ONE))
        );
    }

    #[test]
    fn a_key_out_of_range_is_named() {
        let error = ExchangeConfig { order_latency_ns: -1, ..config() }.validate().expect_err("negative");
        assert_eq!(error.to_string(), "exchange.order_latency_ns must be from 0 to 60000000000, it is -1");
        assert!(ExchangeConfig { open_orders_max: 0, ..config() }.validate().is_err());
        assert!(config().validate().is_ok());
        let stated = FundingConfig { rates: crate::FundingRates::Stated, ..FundingConfig::default() };
        let half = ExchangeConfig { funding: Some(stated), ..config() };
        assert_eq!(half.validate(), Err(ExchangeError::Funding));
        let whole = FundingConfig { interval_ms: Some(28_800_000), rate_nanos: Some(100_000), ..stated };
        assert!(ExchangeConfig { funding: Some(whole), ..config() }.validate().is_ok());
    }
}
