//! The price an order is judged by: its limit, or where it could trade at worst (controls 1 and 3).
//!
//! A stop without a limit is a market order that waits. It passes only while it waits, and counts as trading at its
//! trigger, beyond it by as much as the collar lets a limit price be. A stop that is reached already is a market order,
//! and refused like one. A trailing stop counts with the trigger it would have now; following the market it can only
//! come nearer to it. A pegged order counts with its limit. Hidden lots count like others.

use tickrace_types::{OrderRecord, OrderType, Peg, SelfTrade, Side, TimeInForce, TopOfBook, Trigger};

use crate::Reason;

/// The two prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prices {
    /// Held against the collar.
    pub collar_px: i64,
    /// Values the order.
    pub worst_px: i64,
}

impl Prices {
    /// Of an order that has a price or a trigger; `collar_bps` is how far a stop may trade beyond its trigger.
    #[inline]
    pub fn of(
        order: &OrderRecord,
        top: &TopOfBook,
        reference_doubled: i64,
        collar_bps: i64,
    ) -> Result<Self, Reason> {
        let order_type = OrderType::from_code(order.order_type);
        if order_type.has_limit() {
            return Ok(Self { collar_px: order.price, worst_px: order.price });
        }
        Self::of_stop(order, order_type, top, reference_doubled, collar_bps)
    }

    #[cold]
    fn of_stop(
        order: &OrderRecord,
        order_type: OrderType,
        top: &TopOfBook,
        reference_doubled: i64,
        collar_bps: i64,
    ) -> Result<Self, Reason> {
        let side = order.side();
        let trigger_px = match order_type {
            OrderType::TrailingStop => {
                (reference_doubled / 2).saturating_add(side.sign().saturating_mul(order.trigger_price))
            }
            _ if is_reached(order, side, top, reference_doubled) => return Err(Reason::NoLimitPrice),
            _ => order.trigger_price,
        };
        Ok(Self { collar_px: trigger_px, worst_px: worsened(trigger_px, side, collar_bps) })
    }
}

/// Whether what the stop watches, or the reference, is at its trigger or beyond.
fn is_reached(order: &OrderRecord, side: Side, top: &TopOfBook, reference_doubled: i64) -> bool {
    let trigger_px = order.trigger_price;
    let reached = |px: i64| px == trigger_px || side.is_better(px, trigger_px);
    let watched = match Trigger::from_code(order.trigger) {
        Trigger::Last => (top.last_qty > 0).then_some(top.last_px),
        Trigger::Touch if top.is_firm() && side == Side::Bid => Some(top.ask_px),
        Trigger::Touch => top.is_firm().then_some(top.bid_px),
    };
    let distance = i128::from(trigger_px) * 2 - i128::from(reference_doubled);
    watched.is_some_and(reached) || distance * i128::from(side.sign()) <= 0
}

/// A price moved against the order by `bps` of its size, or left where it is, whichever is worth more.
fn worsened(px: i64, side: Side, bps: i64) -> i64 {
    let by = (i128::from(px).abs() * i128::from(bps.max(0)) + 9_999) / 10_000;
    let moved = i128::from(px) + by * i128::from(side.sign());
    let moved = i64::try_from(moved).unwrap_or(if moved < 0 { i64::MIN } else { i64::MAX });
    if moved.unsigned_abs() > px.unsigned_abs() { moved } else { px }
}

/// Whether an order says nothing but price and lots, for the day or at once.
#[inline]
pub(crate) fn is_plain(order: &OrderRecord) -> bool {
    let codes = order.stp | order.peg | order.trigger;
    order.order_type <= OrderType::Market as u8
        && order.tif <= TimeInForce::Ioc as u8
        && (order.trigger_price | order.expire_ns) == 0
        && order.display_qty | u32::from(codes) == 0
}

/// Whether every code is known and type, time in force and terms go together: what is not understood does not leave.
#[cold]
pub(crate) fn makes_sense(order: &OrderRecord) -> bool {
    let is_known = OrderType::is_known(order.order_type)
        && TimeInForce::is_known(order.tif)
        && SelfTrade::is_known(order.stp)
        && Peg::is_known(order.peg)
        && Trigger::is_known(order.trigger);
    let (order_type, tif) = (OrderType::from_code(order.order_type), TimeInForce::from_code(order.tif));
    let time_fits = match order_type {
        OrderType::Limit => true,
        OrderType::Market => !matches!(tif, TimeInForce::Gtc | TimeInForce::Gtd),
        _ => tif.rests(),
    };
    let trigger_fits = match order_type {
        OrderType::TrailingStop => order.trigger_price > 0,
        OrderType::Stop | OrderType::StopLimit | OrderType::Pegged => true,
        OrderType::Limit | OrderType::PostOnly | OrderType::Market => order.trigger_price == 0,
    };
    let codes_fit = (order.peg == 0 || order_type == OrderType::Pegged)
        && (order.trigger == 0 || order_type.is_stop())
        && (tif == TimeInForce::Gtd) == (order.expire_ns != 0);
    let display_fits =
        order.display_qty == OrderRecord::SHOW_ALL || order_type.has_limit() && !tif.is_auction();
    is_known && time_fits && trigger_fits && codes_fit && display_fits
}

/// Whether it waits for a trigger or an auction, and rests at no price meanwhile.
#[inline]
pub(crate) fn waits(order: &OrderRecord) -> bool {
    OrderType::from_code(order.order_type).is_stop() || TimeInForce::from_code(order.tif).is_auction()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(side: Side, trigger_price: i64) -> OrderRecord {
        OrderRecord {
            order_type: OrderType::Stop as u8,
            side: side as u8,
            trigger_price,
            ..OrderRecord::default()
        }
    }

    #[test]
    fn a_stop_is_worth_its_trigger_and_the_collar_beyond_it() {
        let top = TopOfBook::default();
        let of = |order: &OrderRecord| Prices::of(order, &top, 20_000, 500);
        // Five per cent of 10,101 are 505.05, rounded against us.
        assert_eq!(of(&stop(Side::Bid, 10_101)), Ok(Prices { collar_px: 10_101, worst_px: 10_607 }));
        // Sold lower it is worth less: the trigger itself counts.
        assert_eq!(of(&stop(Side::Ask, 9_900)), Ok(Prices { collar_px: 9_900, worst_px: 9_900 }));
        let trailing = |side, distance| OrderRecord {
            order_type: OrderType::TrailingStop as u8,
            ..stop(side, distance)
        };
        assert_eq!(of(&trailing(Side::Bid, 100)), Ok(Prices { collar_px: 10_100, worst_px: 10_605 }));
        assert_eq!(of(&trailing(Side::Ask, 100)), Ok(Prices { collar_px: 9_900, worst_px: 9_900 }));
        assert_eq!(worsened(-1_000, Side::Ask, 100), -1_010);
        assert_eq!(worsened(-1_000, Side::Bid, 100), -1_000);
        assert_eq!(worsened(i64::MAX, Side::Bid, 10_000), i64::MAX);
    }

    #[test]
    fn a_stop_that_is_reached_is_a_market_order() {
        let last = TopOfBook { last_px: 10_050, last_qty: 1, ..TopOfBook::default() };
        let of = |order: &OrderRecord| Prices::of(order, &last, 20_000, 500).map(|prices| prices.collar_px);
        // The middle is 10,000, the last trade 10,050.
        assert_eq!(of(&stop(Side::Bid, 10_050)), Err(Reason::NoLimitPrice));
        assert_eq!(of(&stop(Side::Bid, 10_051)), Ok(10_051));
        assert_eq!(of(&stop(Side::Ask, 10_000)), Err(Reason::NoLimitPrice));
        assert_eq!(of(&stop(Side::Ask, 9_999)), Ok(9_999));
        let firm = TopOfBook { bid_px: 9_980, ask_px: 10_020, bid_qty: 1, ask_qty: 1, ..last };
        let by_touch = |side, px| {
            let order = OrderRecord { trigger: Trigger::Touch as u8, ..stop(side, px) };
            Prices::of(&order, &firm, 20_000, 500).map(|prices| prices.collar_px)
        };
        assert_eq!(by_touch(Side::Bid, 10_020), Err(Reason::NoLimitPrice));
        assert_eq!(by_touch(Side::Bid, 10_021), Ok(10_021));
        assert_eq!(by_touch(Side::Ask, 9_980), Err(Reason::NoLimitPrice));
        assert_eq!(by_touch(Side::Ask, 9_979), Ok(9_979));
    }
}
