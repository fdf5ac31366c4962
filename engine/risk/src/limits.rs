//! The limits: data, validated at the door, without a single default.
//!
//! An absent key is an error that names it, so is an unknown one; zero, negative and overflowing values are
//! refused by name. Amounts of money are whole units of `currency` (`_ccy`), in which every instrument must be
//! quoted, since the gate converts nothing. An inverse contract is held to them by the fixed amount of that currency which a lot
//! stands for, whatever its price: notional and exposure are lots times multiplier. Only losses and equity see its coins,
//! converted at its mark.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tickrace_types::cash::CASH_UNIT;
use tickrace_types::{Cash, Instrument, Phase};

use crate::controls::{ControlsConfig, LossConfig};

/// Accounts one gate can hold.
pub const ACCOUNT_COUNT_MAX: usize = 8;
/// Largest open-order limit on one side of one instrument: it bounds the search for our own best price.
pub const OPEN_ORDERS_SIDE_MAX: i64 = 64;
/// Most equal orders a limit may allow in the duplicate window: the table keeps one time for each.
pub const DUPLICATE_COUNT_MAX: i64 = 14;
/// Largest amount of money a limit may state: sums over all orders then fit 128 bits with room.
pub const MONEY_MAX_CCY: i64 = 1_000_000_000_000_000;
/// Largest number of lots a limit may state.
pub const LOTS_MAX: i64 = i32::MAX as i64;
const RATE_PER_S_MAX: i64 = 100_000_000;
const BURST_COUNT_MAX: i64 = 1_000_000_000;
const WINDOW_MS_MAX: i64 = 86_400_000;
const COLLAR_BPS_MAX: i64 = 10_000;

/// All limits of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Currency of all money here, and of every instrument's price.
    pub currency: String,
    /// Message rates of one session (control 6).
    pub session: SessionLimits,
    /// Equal orders in a short time (control 5).
    pub duplicate: DuplicateLimits,
    /// What the market must look like (controls 14 and 15).
    pub market: MarketLimits,
    /// Exposure over all accounts (control 9).
    pub total: ExposureLimits,
    /// Exposure by account (control 9); an order of an account that is not here is refused.
    pub accounts: Vec<AccountLimits>,
    /// Limits of every instrument (controls 1, 2, 3, 8, 10).
    pub instrument: InstrumentLimits,
    /// Instruments that differ, by symbol; what an entry does not name is as in `instrument`.
    #[serde(default)]
    pub overrides: BTreeMap<String, InstrumentOverride>,
    /// Controls beside the single order (7, 16, 17, 21, 25 to 27). Each is a section that is there, whole, or is not there:
    /// the control is off then.
    #[serde(default)]
    pub controls: ControlsConfig,
    /// Limits of single strategies by name, beside those above, which count all strategies together. A strategy that is not
    /// here has none of its own.
    #[serde(default)]
    pub strategies: BTreeMap<String, StrategyLimits>,
    /// What may be sold short, and what may not be traded at all (control 12); the control is off where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_sale: Option<ShortSaleLimits>,
}

/// Short sales and the restricted list (control 12), by symbol. Names of instruments that do not run are passed over: such lists
/// are kept for a whole firm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortSaleLimits {
    /// Lots that were located, so that many may be short at worst: as if everything open on the ask traded. A symbol that is
    /// not here may not be sold short (SEC Regulation SHO, rule 203(b)(1): no short sale without a locate).
    pub located_lots: BTreeMap<String, i64>,
    /// Symbols on the restricted list: nothing of them is traded, and what rests is pulled. An operator may allow exits.
    pub restricted_symbols: BTreeSet<String>,
}

impl ShortSaleLimits {
    fn validate(&self) -> Result<(), LimitsError> {
        // A locate of nothing is a plain way to say that none was given.
        match self.located_lots.iter().find(|(_, lots)| !(0..=LOTS_MAX).contains(*lots)) {
            Some((symbol, &got)) => Err(LimitsError::Located { symbol: symbol.clone(), got }),
            None => Ok(()),
        }
    }
}

/// Limits of one strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyLimits {
    /// Its position in each instrument, long or short, at worst (control 8).
    pub position_max_lots: i64,
    /// The same for single instruments, by symbol, where their lots are of another size.
    #[serde(default)]
    pub position_overrides_lots: BTreeMap<String, i64>,
    /// Sum over instruments of the larger absolute value its position could reach (control 9).
    pub gross_notional_max_ccy: i64,
    /// Its losses, in place of what `controls.loss` says of every strategy (control 16).
    #[serde(default)]
    pub loss: Option<LossConfig>,
}

impl StrategyLimits {
    /// Position limit in an instrument.
    pub(crate) fn position_max(&self, symbol: &str) -> i64 {
        self.position_overrides_lots.get(symbol).copied().unwrap_or(self.position_max_lots)
    }

    fn validate(&self, section: &str, controls: &ControlsConfig) -> Result<(), LimitsError> {
        let wanted = "from 1 to 2147483647";
        check_range(section, "position_max_lots", self.position_max_lots, LOTS_MAX, wanted)?;
        for lots in self.position_overrides_lots.values() {
            check_range(section, "position_overrides_lots", *lots, LOTS_MAX, wanted)?;
        }
        let gross = self.gross_notional_max_ccy;
        check_range(section, "gross_notional_max_ccy", gross, MONEY_MAX_CCY, "from 1 to 10^15")?;
        match &self.loss {
            Some(_) if controls.loss.is_none() => {
                Err(LimitsError::NoLossOfAll { section: section.to_owned() })
            }
            Some(loss) => loss.validate(&format!("{section}.loss")),
            None => Ok(()),
        }
    }
}

/// Token buckets of one session; each session has its own set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLimits {
    /// New orders a second, sustained.
    pub new_rate_per_s: i64,
    /// New orders at once.
    pub new_burst_count: i64,
    /// Replaces a second, sustained.
    pub replace_rate_per_s: i64,
    /// Replaces at once.
    pub replace_burst_count: i64,
    /// Cancels a second, sustained.
    pub cancel_rate_per_s: i64,
    /// Cancels at once.
    pub cancel_burst_count: i64,
    /// Cancels beyond those before one is refused; refilled at the cancel rate while the burst is full. A kill
    /// raises it to the number of open orders, so that each of them can be cancelled once at least.
    pub cancel_reserve_count: i64,
}

/// When equal orders are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateLimits {
    /// Orders of one instrument, side, price and quantity within the window; the next one is refused.
    pub duplicate_count_max: i64,
    /// Length of the window, milliseconds.
    pub duplicate_window_ms: i64,
}

/// What the market must look like for an order to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketLimits {
    /// Oldest book event an order may rest on, milliseconds.
    pub book_age_max_ms: i64,
    /// Largest difference between venue time and our time of the last book event, milliseconds.
    pub clock_difference_max_ms: i64,
    /// Phases orders may be sent in, by name: `continuous` and, where wanted, `pre-open`, `auction`.
    pub phases_allowed: Vec<String>,
}

/// Exposure of one account or of all, at worst: positions at their mark, open orders at their price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureLimits {
    /// Sum over instruments of the larger absolute value the position could reach.
    pub gross_exposure_max_ccy: i64,
    /// Largest signed sum, long or short, the positions could reach.
    pub net_exposure_max_ccy: i64,
}

/// Exposure of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountLimits {
    /// Account number.
    pub account: u16,
    /// See [`ExposureLimits`].
    pub gross_exposure_max_ccy: i64,
    /// See [`ExposureLimits`].
    pub net_exposure_max_ccy: i64,
}

macro_rules! instrument_limits {
    ($($(#[$doc:meta])* $key:ident, $max:expr, $wanted:literal;)*) => {
        /// Limits of one instrument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct InstrumentLimits { $($(#[$doc])* pub $key: i64,)* }

        /// Limits of one instrument that differ from those of all.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct InstrumentOverride {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<i64>,)*
        }

        impl InstrumentLimits {
            /// These, with what `differing` names put in their place.
            pub fn overridden(&self, differing: &InstrumentOverride) -> Self {
                Self { $($key: differing.$key.unwrap_or(self.$key),)* }
            }

            /// The tighter of both, key by key.
            pub(crate) fn tightened(&self, other: &Self) -> Self {
                Self { $($key: self.$key.min(other.$key),)* }
            }

            fn validate(&self, section: &str) -> Result<(), LimitsError> {
                $(check_range(section, stringify!($key), self.$key, $max, $wanted)?;)*
                Ok(())
            }
        }
    };
}

instrument_limits! {
    /// Distance of a limit price from the reference, in basis points of the reference (control 1).
    price_collar_bps, COLLAR_BPS_MAX, "from 1 to 10000";
    /// Lots of one order (control 2).
    order_qty_max_lots, LOTS_MAX, "from 1 to 2147483647";
    /// Value of one order (control 3).
    order_notional_max_ccy, MONEY_MAX_CCY, "from 1 to 10^15";
    /// Position, long or short, at worst (control 8).
    position_max_lots, LOTS_MAX, "from 1 to 2147483647";
    /// Open orders on one side (control 10).
    open_orders_side_max_count, OPEN_ORDERS_SIDE_MAX, "from 1 to 64";
    /// Open lots on one side (control 10).
    open_qty_side_max_lots, LOTS_MAX, "from 1 to 2147483647";
}

/// Why limits are nonsense, by key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A key out of range.
    #[error("{section}.{key} must be {wanted}, it is {got}")]
    Range {
        /// Section, `limits` for the top.
        section: String,
        /// Key.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        got: i64,
    },
    /// Lots located that cannot be.
    #[error("short_sale.located_lots.{symbol} must be from 0 to 2147483647, it is {got}")]
    Located {
        /// Of which symbol.
        symbol: String,
        /// What is stated.
        got: i64,
    },
    /// `currency` is empty.
    #[error("limits.currency must be the name of a currency, it is empty")]
    NoCurrency,
    /// No account at all.
    #[error(
        "limits.accounts must name at least one account and at most {ACCOUNT_COUNT_MAX}, it names {count}"
    )]
    AccountCount {
        /// How many are named.
        count: usize,
    },
    /// An account named twice.
    #[error("limits.accounts names account {account} twice")]
    AccountTwice {
        /// Which.
        account: u16,
    },
    /// A phase nobody knows, or none.
    #[error("market.phases_allowed must name pre-open, continuous or auction, it has {got:?}")]
    Phase {
        /// What stands there; empty where nothing does.
        got: String,
    },
    /// An instrument quoted in another currency.
    #[error(
        "limits.currency is {currency}, but {symbol} is quoted in {quoted}: state its limits in another gate"
    )]
    Currency {
        /// Currency of the limits.
        currency: String,
        /// Instrument.
        symbol: String,
        /// Its currency.
        quoted: String,
    },
    /// An instrument whose largest order cannot be valued in 128 bits.
    #[error(
        "{symbol}: order_qty_max_lots times multiplier_nanos is {qty_lots} times {multiplier_nanos} and overflows"
    )]
    Overflow {
        /// Instrument.
        symbol: String,
        /// Largest order of limits and venue.
        qty_lots: i64,
        /// Multiplier.
        multiplier_nanos: i64,
    },
    /// A control that counts by days does not know when a day begins.
    #[error(
        "controls.day_start_ms is missing: controls.{section} counts by days, which begin that many milliseconds after \
         midnight UTC"
    )]
    NoDayStart {
        /// Section that needs it.
        section: &'static str,
    },
    /// A control that would impose nothing.
    #[error("{section}.state must be reduce-only, cancel-only or halted, it is active")]
    Active {
        /// Section.
        section: String,
    },
    /// Limits of a strategy that does not run.
    #[error("limits.strategies names {name}, which is no strategy of this run")]
    Strategy {
        /// The name.
        name: String,
    },
    /// Losses of one strategy where others have no limit.
    #[error("limits.{section}.loss stands in place of limits.controls.loss, which is missing")]
    NoLossOfAll {
        /// Section of the strategy.
        section: String,
    },
    /// Limits of a later version that cannot replace the first ones while running.
    #[error("limits version {version}: {what} cannot change while running")]
    Reload {
        /// Number of the version, from 1.
        version: usize,
        /// What differs.
        what: &'static str,
    },
    /// Room for no open order, or for more than the numbering holds.
    #[error("open_orders_capacity must be from 1 to 1048576, it is {got}")]
    Capacity {
        /// What was asked.
        got: usize,
    },
}

impl Limits {
    /// Refuses nonsense: every value in its range, overrides as much as what they override.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] naming the first key at fault.
    pub fn validate(&self) -> Result<(), LimitsError> {
        if self.currency.is_empty() {
            return Err(LimitsError::NoCurrency);
        }
        self.session.validate()?;
        let Self { duplicate, market, .. } = self;
        let (count, window) = (duplicate.duplicate_count_max, duplicate.duplicate_window_ms);
        check_range("duplicate", "duplicate_count_max", count, DUPLICATE_COUNT_MAX, "from 1 to 14")?;
        check_range("duplicate", "duplicate_window_ms", window, WINDOW_MS_MAX, "from 1 to 86400000")?;
        let (age, difference) = (market.book_age_max_ms, market.clock_difference_max_ms);
        check_range("market", "book_age_max_ms", age, WINDOW_MS_MAX, "from 1 to 86400000")?;
        check_range("market", "clock_difference_max_ms", difference, WINDOW_MS_MAX, "from 1 to 86400000")?;
        market.phase_mask()?;
        check_exposure("total", self.total)?;
        if self.accounts.is_empty() || self.accounts.len() > ACCOUNT_COUNT_MAX {
            return Err(LimitsError::AccountCount { count: self.accounts.len() });
        }
        for (place, limits) in self.accounts.iter().enumerate() {
            if self.accounts[..place].iter().any(|earlier| earlier.account == limits.account) {
                return Err(LimitsError::AccountTwice { account: limits.account });
            }
            check_exposure("accounts", limits.exposure())?;
        }
        self.instrument.validate("instrument")?;
        for (symbol, differing) in &self.overrides {
            self.instrument.overridden(differing).validate(&format!("overrides.{symbol}"))?;
        }
        for (name, own) in &self.strategies {
            own.validate(&format!("strategies.{name}"), &self.controls)?;
        }
        self.short_sale.as_ref().map_or(Ok(()), ShortSaleLimits::validate)?;
        self.controls.validate()
    }

    /// Limits of one instrument, its override applied, checked against what it is.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] where the instrument cannot be valued by these limits.
    pub fn of(&self, instrument: &Instrument) -> Result<InstrumentLimits, LimitsError> {
        let symbol = || instrument.symbol.clone();
        if instrument.quote_currency != self.currency {
            return Err(LimitsError::Currency {
                currency: self.currency.clone(),
                symbol: symbol(),
                quoted: instrument.quote_currency.clone(),
            });
        }
        let limits = match self.overrides.get(&instrument.symbol) {
            Some(differing) => self.instrument.overridden(differing),
            None => self.instrument,
        };
        let qty_lots = limits.order_qty_max_lots.min(instrument.order_qty_max);
        let multiplier_nanos = instrument.multiplier_nanos;
        if qty_lots.checked_mul(multiplier_nanos).is_none() {
            return Err(LimitsError::Overflow { symbol: symbol(), qty_lots, multiplier_nanos });
        }
        Ok(limits)
    }

    /// Lots of an instrument that may be short at worst; more than any position where the control is off.
    pub fn short_max_lots(&self, symbol: &str) -> i64 {
        let located = self.short_sale.as_ref().map(|short_sale| &short_sale.located_lots);
        located.map_or(i64::MAX, |located| located.get(symbol).copied().unwrap_or(0))
    }

    /// Whether an instrument is on the restricted list.
    pub fn is_restricted(&self, symbol: &str) -> bool {
        self.short_sale.as_ref().is_some_and(|short_sale| short_sale.restricted_symbols.contains(symbol))
    }
}

impl SessionLimits {
    fn validate(&self) -> Result<(), LimitsError> {
        for (key, value) in [
            ("new_rate_per_s", self.new_rate_per_s),
            ("replace_rate_per_s", self.replace_rate_per_s),
            ("cancel_rate_per_s", self.cancel_rate_per_s),
        ] {
            check_range("session", key, value, RATE_PER_S_MAX, "from 1 to 100000000")?;
        }
        for (key, value) in [
            ("new_burst_count", self.new_burst_count),
            ("replace_burst_count", self.replace_burst_count),
            ("cancel_burst_count", self.cancel_burst_count),
            ("cancel_reserve_count", self.cancel_reserve_count),
        ] {
            check_range("session", key, value, BURST_COUNT_MAX, "from 1 to 1000000000")?;
        }
        Ok(())
    }
}

impl MarketLimits {
    /// One bit for each phase allowed, at the place of its code.
    pub(crate) fn phase_mask(&self) -> Result<u8, LimitsError> {
        let mut mask = 0;
        for name in &self.phases_allowed {
            let known = [Phase::PreOpen, Phase::Continuous, Phase::Auction];
            let phase = known.into_iter().find(|phase| phase.name() == name);
            mask |= 1 << phase.ok_or_else(|| LimitsError::Phase { got: name.clone() })? as u8;
        }
        if mask == 0 { Err(LimitsError::Phase { got: String::new() }) } else { Ok(mask) }
    }
}

impl AccountLimits {
    /// Without the account.
    pub const fn exposure(&self) -> ExposureLimits {
        ExposureLimits {
            gross_exposure_max_ccy: self.gross_exposure_max_ccy,
            net_exposure_max_ccy: self.net_exposure_max_ccy,
        }
    }
}

/// Whole currency units as cash.
pub(crate) const fn cash_from_ccy(units: i64) -> Cash {
    Cash(units as i128 * CASH_UNIT)
}

fn check_exposure(section: &str, limits: ExposureLimits) -> Result<(), LimitsError> {
    let (gross, net) = (limits.gross_exposure_max_ccy, limits.net_exposure_max_ccy);
    check_range(section, "gross_exposure_max_ccy", gross, MONEY_MAX_CCY, "from 1 to 10^15")?;
    check_range(section, "net_exposure_max_ccy", net, MONEY_MAX_CCY, "from 1 to 10^15")
}

pub(crate) fn check_range(
    section: &str,
    key: &'static str,
    got: i64,
    max: i64,
    wanted: &'static str,
) -> Result<(), LimitsError> {
    if (1..=max).contains(&got) {
        return Ok(());
    }
    Err(LimitsError::Range { section: section.to_owned(), key, wanted, got })
}

#[cfg(test)]
mod tests;
