//! The touch quoter on the crate's interface: at most one order a side, at the touch, moved away by what it holds.
//!
//! Stated in `docs/parity_hftbacktest.md`. Works in lots and ticks, except in [`Variant::Reference`].

use hftbacktest::backtest::{Backtest, BacktestError};
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN, MarketDepth};
use hftbacktest::types::{Bot, ElapseResult, OrdType, Order, Side, Status, TimeInForce};

use super::{Setup, from_nanos};

/// Which touch quoter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As the document states it: both targets move with the position, never onto the other side's touch.
    Spec,
    /// The one behind the published counts: only the side that would add moves away, the position is divided as the
    /// float it is (2.9999999999999996 orders count as 2), and a side stops once that float is at the limit.
    Reference,
    /// The touch whatever is held.
    Flat,
    /// As `Spec`, and as our desk: not at a crossed book, and no order is sent that would meet one of our own on the other
    /// side, which our gate would refuse.
    Apart,
}

/// Parameters of the quoter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoter {
    /// Between two looks, nanoseconds.
    pub interval_ns: i64,
    /// Lots of every order.
    pub order_qty_lots: i64,
    /// Lots held either way at most.
    pub position_max_lots: i64,
    /// Which of its variants.
    pub variant: Variant,
}

/// What the quoter did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looks at the market.
    pub steps: u64,
    /// Orders sent.
    pub submits: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Orders the venue refused because they would have taken, as far as a later look saw them.
    pub refused: u64,
}

/// Nearest whole number; what is no number is 0.
#[allow(clippy::cast_possible_truncation, reason = "saturates; lots and ticks stay far below 2^53")]
pub fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[allow(clippy::cast_possible_truncation, reason = "saturates; orders held stay far below 2^53")]
fn towards_zero(value: f64) -> i64 {
    value as i64
}

/// Where a side may go at one look.
struct Aim {
    side: Side,
    target_ticks: i64,
    is_allowed: bool,
}

impl Quoter {
    fn aims(&self, position: f64, best_bid: i64, best_ask: i64, setup: &Setup) -> [Aim; 2] {
        let order_qty = from_nanos(self.order_qty_lots.saturating_mul(setup.lot_nanos));
        let position_max = from_nanos(self.position_max_lots.saturating_mul(setup.lot_nanos));
        let position_lots = whole(position / setup.lot());
        let (skew, bid_max, ask_min) = match self.variant {
            Variant::Spec | Variant::Apart => {
                (position_lots / self.order_qty_lots, best_ask - 1, best_bid + 1)
            }
            Variant::Reference => (towards_zero(position / order_qty), best_bid, best_ask),
            Variant::Flat => (0, best_ask - 1, best_bid + 1),
        };
        let is_allowed = |sign: i8| match self.variant {
            Variant::Reference => f64::from(sign) * position < position_max,
            Variant::Spec | Variant::Apart | Variant::Flat => {
                i64::from(sign) * position_lots + self.order_qty_lots <= self.position_max_lots
            }
        };
        let bid = (best_bid - skew).min(bid_max);
        let ask = (best_ask - skew).max(ask_min);
        [
            Aim { side: Side::Buy, target_ticks: bid, is_allowed: is_allowed(1) },
            Aim { side: Side::Sell, target_ticks: ask, is_allowed: is_allowed(-1) },
        ]
    }
}

/// Quotes from the first event to the last.
///
/// # Errors
///
/// What the crate says.
pub fn quote<MD: MarketDepth>(
    bot: &mut Backtest<MD>,
    quoter: &Quoter,
    setup: &Setup,
) -> Result<Counts, BacktestError> {
    let mut counts = Counts::default();
    let mut cancels = Vec::new();
    while matches!(bot.elapse(quoter.interval_ns)?, ElapseResult::Ok) {
        counts.steps += 1;
        let expired = bot.orders(0).values().filter(|order| order.status == Status::Expired).count();
        counts.refused += expired as u64;
        bot.clear_inactive_orders(Some(0));
        let (best_bid, best_ask) = (bot.depth(0).best_bid_tick(), bot.depth(0).best_ask_tick());
        if best_bid == INVALID_MIN || best_ask == INVALID_MAX {
            continue;
        }
        if quoter.variant == Variant::Apart && best_bid >= best_ask {
            continue;
        }
        for aim in quoter.aims(bot.position(0), best_bid, best_ask, setup) {
            act(bot, &aim, quoter, setup, &mut counts, &mut cancels)?;
        }
    }
    Ok(counts)
}

fn act<MD: MarketDepth>(
    bot: &mut Backtest<MD>,
    aim: &Aim,
    quoter: &Quoter,
    setup: &Setup,
    counts: &mut Counts,
    cancels: &mut Vec<u64>,
) -> Result<(), BacktestError> {
    let mut is_present = false;
    cancels.clear();
    for order in bot.orders(0).values().filter(|order| order.side == aim.side) {
        let is_wanted = order.price_tick == aim.target_ticks;
        is_present |= is_wanted;
        if (!is_wanted || !aim.is_allowed) && Order::cancellable(order) {
            cancels.push(order.order_id);
        }
    }
    cancels.sort_unstable();
    for &order_id in cancels.iter() {
        bot.cancel(0, order_id, false)?;
        counts.cancels += 1;
    }
    if !aim.is_allowed || is_present {
        return Ok(());
    }
    let meets = |order: &Order| match aim.side {
        Side::Buy => order.side == Side::Sell && order.price_tick <= aim.target_ticks,
        _ => order.side == Side::Buy && order.price_tick >= aim.target_ticks,
    };
    if quoter.variant == Variant::Apart && bot.orders(0).values().any(meets) {
        return Ok(());
    }
    counts.submits += 1;
    let price = ticks_to_price(aim.target_ticks, setup.tick());
    let qty = from_nanos(quoter.order_qty_lots.saturating_mul(setup.lot_nanos));
    let (post_only, limit) = (TimeInForce::GTX, OrdType::Limit);
    if aim.side == Side::Buy {
        bot.submit_buy_order(0, counts.submits, price, qty, post_only, limit, false)?;
    } else {
        bot.submit_sell_order(0, counts.submits, price, qty, post_only, limit, false)?;
    }
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "ticks stay far below 2^53; the crate rounds to the tick again"
)]
fn ticks_to_price(ticks: i64, tick: f64) -> f64 {
    ticks as f64 * tick
}
