//! What a fill costs, item by item: the venue's fee or rebate by tier, bounds for each order, and charges beside it.
//!
//! | item | what it is |
//! | --- | --- |
//! | `exchange fee` | what maker or taker rates charge, less and more by the bounds of an order |
//! | `rebate` | what they pay, negative |
//! | the configured ones | each so much a fill, a lot, and of the notional, where side and liquidity fit, up to its bound |
//!
//! All sums are exact to 1e-18 of the currency and rounded up there; the fee of a fill is rounded once more, up to 1e-9,
//! which is against us for charges and rebates alike. The items of a fill add up to its fee: the last rounding
//! goes to the first item or, for a rebate, to the second. Fed with the same fills in the same order a book of
//! costs gives the same items again, so that a journal, which holds the fee alone, can be itemised.

use serde::{Deserialize, Serialize};
use tickrace_types::{Cash, Contract, Price, Side};

use crate::FeeConfig;
use crate::config::ExchangeError;
use crate::number_map::NumberMap;

/// Name of what rates charge.
pub const EXCHANGE_FEE: &str = "exchange fee";

/// Name of what rates pay.
pub const REBATE: &str = "rebate";

/// Most items beside fee and rebate.
pub const ITEMS_MAX: usize = 16;

/// Most tiers.
pub const TIERS_MAX: usize = 64;

/// Rates from a traded volume on; the same keys as the rates of [`FeeConfig`], which hold below the first tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeTier {
    /// Lots traded before, from which on the tier holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_lots: Option<i64>,
    /// Or the notional traded before, whole units of the currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_notional: Option<i64>,
    /// Maker, per lot, 1e-9 of the quote currency.
    pub maker_per_lot_nanos: i64,
    /// Taker, per lot, 1e-9 of the quote currency.
    pub taker_per_lot_nanos: i64,
    /// Maker, thousandths of a basis point of the notional.
    pub maker_bps_milli: i64,
    /// Taker, thousandths of a basis point of the notional.
    pub taker_bps_milli: i64,
}

/// Over which time the volume of the tiers is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TierPeriod {
    /// The whole run.
    #[default]
    Run,
    /// The calendar month, UTC; what was traded before the run counts in its first month.
    Month,
}

/// A charge beside the venue's fee: clearing, regulation, tax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeItem {
    /// What the summary calls it.
    pub name: String,
    /// For each fill, 1e-9 of the quote currency.
    #[serde(default)]
    pub per_fill_nanos: i64,
    /// For each lot, 1e-9 of the quote currency.
    #[serde(default)]
    pub per_lot_nanos: i64,
    /// Of the notional, thousandths of a basis point.
    #[serde(default)]
    pub bps_milli: i64,
    /// Most for one fill, 1e-9 of the quote currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill_nanos_max: Option<i64>,
    /// Only for our purchases or our sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<ItemSide>,
    /// Only for fills that rested, or that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity: Option<Liquidity>,
}

/// Side of a fill as a charge knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemSide {
    /// We bought.
    Buy,
    /// We sold.
    Sell,
}

/// What a fill did to the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Liquidity {
    /// It rested.
    Maker,
    /// It took.
    Taker,
}

/// One fill as costs see it.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Venue's number of the order, the same through replaces.
    pub order_id: u64,
    /// Our side.
    pub side: Side,
    /// Whether we took.
    pub is_taker: bool,
    /// Price.
    pub price: Price,
    /// Lots, positive.
    pub lots: i64,
    /// What its lots stand for.
    pub contract: Contract,
    /// When, venue time, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// Whether nothing is left of the order.
    pub is_last: bool,
}

/// Rates of one tier.
#[derive(Clone, Copy, Debug)]
struct Rates {
    from: i128,
    per_lot_nanos: [i64; 2],
    bps_milli: [i64; 2],
}

/// What an order was asked for and has paid, in 1e-18.
#[derive(Clone, Copy, Debug, Default)]
struct OrderSoFar {
    plain: i128,
    paid: i128,
}

/// Charges fills, in their order.
#[derive(Clone, Debug)]
pub struct CostBook {
    /// By what was traded before, ascending; the first holds from nothing on.
    tiers: Vec<Rates>,
    is_by_notional: bool,
    period: TierPeriod,
    bounds: Option<(i128, i128)>,
    items: Vec<FeeItem>,
    /// Lots, or 1e-18 of the currency.
    volume: i128,
    /// First nanosecond after the month that is counted.
    month_until_ns: i64,
    orders: NumberMap<OrderSoFar>,
    /// Items of the last fill, 1e-18.
    last: Vec<Cash>,
}

const NANO: i128 = 1_000_000_000;

impl CostBook {
    /// Nothing charged yet. Room for `orders_max` orders that are part filled at one time.
    pub fn new(fees: &FeeConfig, orders_max: usize) -> Self {
        let is_by_notional = fees.tiers.iter().any(|tier| tier.from_notional.is_some());
        let base = Rates {
            from: 0,
            per_lot_nanos: [fees.maker_per_lot_nanos, fees.taker_per_lot_nanos],
            bps_milli: [fees.maker_bps_milli, fees.taker_bps_milli],
        };
        let rates = |tier: &FeeTier| Rates {
            from: tier
                .from_notional
                .map_or(i128::from(tier.from_lots.unwrap_or(0)), |units| i128::from(units) * NANO * NANO),
            per_lot_nanos: [tier.maker_per_lot_nanos, tier.taker_per_lot_nanos],
            bps_milli: [tier.maker_bps_milli, tier.taker_bps_milli],
        };
        let before = if is_by_notional {
            i128::from(fees.volume_before_notional) * NANO * NANO
        } else {
            i128::from(fees.volume_before_lots)
        };
        let has_bounds = fees.order_nanos_min.is_some() || fees.order_nanos_max.is_some();
        let bound = |nanos: Option<i64>, absent| nanos.map_or(absent, |nanos| i128::from(nanos) * NANO);
        Self {
            tiers: std::iter::once(base).chain(fees.tiers.iter().map(rates)).collect(),
            is_by_notional,
            period: fees.tier_period,
            bounds: has_bounds
                .then(|| (bound(fees.order_nanos_min, 0), bound(fees.order_nanos_max, i128::MAX))),
            items: fees.items.clone(),
            volume: before,
            month_until_ns: i64::MIN,
            orders: NumberMap::new(if has_bounds { orders_max } else { 1 }),
            last: vec![Cash::ZERO; fees.items.len() + 2],
        }
    }

    /// Names of the items, in the order of [`CostBook::items`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [EXCHANGE_FEE, REBATE].into_iter().chain(self.items.iter().map(|item| item.name.as_str()))
    }

    /// Items of the last fill; they add up to its fee.
    pub fn items(&self) -> &[Cash] {
        &self.last
    }

    /// Fee of the next fill, 1e-9 of the currency the contract settles in, negative for a rebate; rounded up. Saturates at the ends of the
    /// range.
    #[inline]
    pub fn charge(&mut self, trade: &Trade) -> i64 {
        let notional = trade.contract.notional(trade.price, trade.lots).0.saturating_abs();
        self.turn_month(trade.ts_venue_ns);
        let tier = self.tiers.iter().rev().find(|tier| tier.from <= self.volume).unwrap_or(&self.tiers[0]);
        let place = usize::from(trade.is_taker);
        let plain = per_lot(tier.per_lot_nanos[place], trade.lots)
            .saturating_add(share_of(notional, tier.bps_milli[place]));
        let base = self.within_bounds(trade, plain);
        let mut sum = base;
        for (item, last) in self.items.iter().zip(&mut self.last[2..]) {
            let amount = item.amount(trade, notional);
            *last = Cash(amount);
            sum = sum.saturating_add(amount);
        }
        let fee = i64::try_from(ceil_div(sum, NANO)).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
        // What the last rounding took belongs to the venue's own item.
        let own = base.saturating_add((i128::from(fee) * NANO).saturating_sub(sum));
        let is_rebate = base < 0;
        self.last[usize::from(is_rebate)] = Cash(own);
        self.last[usize::from(!is_rebate)] = Cash::ZERO;
        let traded = if self.is_by_notional { notional } else { i128::from(trade.lots) };
        self.volume = self.volume.saturating_add(traded);
        fee
    }

    /// The order is gone with part of it filled.
    #[inline]
    pub fn forget(&mut self, order_id: u64) {
        if !self.orders.is_empty() {
            self.orders.remove(order_id);
        }
    }

    /// What this fill adds to its order's charge, which stays within the bounds of an order. A rebate has none.
    fn within_bounds(&mut self, trade: &Trade, plain: i128) -> i128 {
        let Some((least, most)) = self.bounds else { return plain };
        let before = self.orders.get(trade.order_id).unwrap_or_default();
        let all = before.plain.saturating_add(plain);
        let due = if all > 0 { all.clamp(least, most) } else { all };
        if trade.is_last {
            self.orders.remove(trade.order_id);
        } else {
            // There is room for as many as can work at once.
            self.orders.set(trade.order_id, OrderSoFar { plain: all, paid: due });
        }
        due.saturating_sub(before.paid)
    }

    #[inline]
    fn turn_month(&mut self, ts_ns: i64) {
        if self.period == TierPeriod::Month && ts_ns >= self.month_until_ns {
            // The first month keeps what was traded before the run.
            if self.month_until_ns > i64::MIN {
                self.volume = 0;
            }
            self.month_until_ns = month_after_ns(ts_ns);
        }
    }
}

impl FeeItem {
    fn amount(&self, trade: &Trade, notional: i128) -> i128 {
        let side = if trade.side == Side::Bid { ItemSide::Buy } else { ItemSide::Sell };
        let liquidity = if trade.is_taker { Liquidity::Taker } else { Liquidity::Maker };
        if self.side.is_some_and(|own| own != side) || self.liquidity.is_some_and(|own| own != liquidity) {
            return 0;
        }
        let amount = (i128::from(self.per_fill_nanos) * NANO)
            .saturating_add(per_lot(self.per_lot_nanos, trade.lots))
            .saturating_add(share_of(notional, self.bps_milli));
        self.fill_nanos_max.map_or(amount, |most| amount.min(i128::from(most) * NANO))
    }
}

impl FeeConfig {
    /// Checks tiers, bounds and items.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Fees`] naming the list, the place and the fault.
    pub(crate) fn validate_lists(&self) -> Result<(), ExchangeError> {
        let fail = |list, place, fault| Err(ExchangeError::Fees { list, place, fault });
        let (least, most) = (self.order_nanos_min.unwrap_or(0), self.order_nanos_max.unwrap_or(i64::MAX));
        if least < 0 || most < least {
            return fail("order_nanos_min", 0, "must be zero or more and at most order_nanos_max");
        }
        if self.volume_before_lots < 0 || self.volume_before_notional < 0 {
            return fail("volume_before", 0, "must be zero or more");
        }
        if self.tiers.len() > TIERS_MAX {
            return fail("tiers", TIERS_MAX, "too many");
        }
        let is_by_notional = self.tiers.iter().any(|tier| tier.from_notional.is_some());
        let mut before = 0;
        for (place, tier) in self.tiers.iter().enumerate() {
            let from = match (tier.from_lots, tier.from_notional) {
                (Some(lots), None) if !is_by_notional => lots,
                (None, Some(units)) => units,
                _ => return fail("tiers", place, "all state from_lots or all state from_notional"),
            };
            if from <= before {
                return fail("tiers", place, "must begin above zero and above the tier before it");
            }
            before = from;
            let rates = [
                (tier.maker_per_lot_nanos, PER_LOT_MAX),
                (tier.taker_per_lot_nanos, PER_LOT_MAX),
                (tier.maker_bps_milli, RATE_MAX),
                (tier.taker_bps_milli, RATE_MAX),
            ];
            if rates.iter().any(|(rate, most)| !(-most..=*most).contains(rate)) {
                return fail("tiers", place, "a rate is out of range");
            }
        }
        if self.items.len() > ITEMS_MAX {
            return fail("items", ITEMS_MAX, "too many");
        }
        for (place, item) in self.items.iter().enumerate() {
            let is_taken = self.items[..place].iter().any(|other| other.name == item.name);
            if item.name.trim().is_empty()
                || is_taken
                || [EXCHANGE_FEE, REBATE, "funding"].contains(&&*item.name)
            {
                return fail("items", place, "needs a name of its own");
            }
            let rates = [
                (item.per_fill_nanos, PER_LOT_MAX),
                (item.per_lot_nanos, PER_LOT_MAX),
                (item.bps_milli, RATE_MAX),
            ];
            if rates.iter().any(|(rate, most)| !(-most..=*most).contains(rate)) {
                return fail("items", place, "a rate is out of range");
            }
        }
        Ok(())
    }
}

/// A thousand units of currency a lot.
pub(crate) const PER_LOT_MAX: i64 = 1_000_000_000_000;

/// A hundred per cent of the notional, in thousandths of a basis point.
pub(crate) const RATE_MAX: i64 = 10_000_000;

/// Lots times a figure in 1e-9, in 1e-18.
fn per_lot(nanos: i64, lots: i64) -> i128 {
    (i128::from(nanos) * i128::from(lots)).saturating_mul(NANO)
}

/// `rate` thousandths of a basis point of an amount in 1e-18, rounded up.
fn share_of(amount: i128, rate: i64) -> i128 {
    if rate == 0 { 0 } else { ceil_div(amount.saturating_mul(i128::from(rate)), 10_000_000) }
}

/// Rounded towards plus infinity; `divisor` is positive.
fn ceil_div(amount: i128, divisor: i128) -> i128 {
    amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)
}

/// First nanosecond of the calendar month after that of `ts_ns`, UTC.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013), `civil_from_days`: March opens the year, so
/// that a leap day is its last.
fn month_after_ns(ts_ns: i64) -> i64 {
    const DAY_NS: i64 = 86_400_000_000_000;
    let day = ts_ns.div_euclid(DAY_NS);
    let shifted = day + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    // Days before the month after it; from March on they follow the rule 153 m + 2 over 5.
    let is_february = month == 11;
    let next = if is_february {
        let civil = year + 1;
        365 + i64::from(civil % 4 == 0 && (civil % 100 != 0 || civil % 400 == 0))
    } else {
        (153 * (month + 1) + 2) / 5
    };
    (day + next - of_year).saturating_mul(DAY_NS)
}

#[cfg(test)]
mod tests;
