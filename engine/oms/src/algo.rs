//! Execution algorithms: a parent order worked into children, one at a time.
//!
//! An algorithm is a function of the parent, the market and what is done: it answers what should work *now*
//! ([`Child`]), and keeps no memory of its own, so that a late fill or a cancel that came too late changes the next answer
//! and nothing else. A [`Worker`] brings our orders there with the fewest messages.
//!
//! | kind | what it does | source |
//! | --- | --- | --- |
//! | `marketable` | takes all at once, as far through the touch as is allowed | |
//! | `twap` | equal slices of time, each rested first and taken at its end | Kissell and Glantz, *Optimal Trading Strategies* (2003), chapter 8 |
//! | `vwap` | the same along a stated profile of the day's volume | Konishi, "Optimal slice of a VWAP trade", *J. Financial Markets* 5 (2002) |
//! | `pov` | follows the volume that trades, a share of it | as `twap` |
//! | `adaptive` | rests at its own side; takes what it is behind a straight line by, and all near the end | |
//! | `iceberg` | rests all at its own side, showing a peak | |
//! | `peg` | rests at an offset from its own side or the mid, and moves with it | |
//!
//! After the end of its time every algorithm takes what is left. Invariants: children and fills together never exceed the
//! parent; no child is priced beyond the parent's limit; nothing is sent into a market that is not firm and open.

mod config;
mod schedule;
#[cfg(test)]
mod tests;
mod worker;

pub use config::{AlgoConfig, AlgoError, Reference};
pub use worker::{Conditions, Step, Worker};

use tickrace_types::{Instrument, Phase, Price, Side, TopOfBook};

/// An order to be worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Which side.
    pub side: Side,
    /// Lots in all, positive.
    pub qty_lots: i64,
    /// From when, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Until when; what is left then is taken.
    pub end_ns: i64,
    /// No child is priced beyond it; none for any price.
    pub limit: Option<Price>,
}

impl Parent {
    /// Share of its time that has passed, 0 to 1.
    #[inline]
    fn elapsed(&self, now_ns: i64) -> f64 {
        let (passed, whole) =
            (now_ns.saturating_sub(self.start_ns), self.end_ns.saturating_sub(self.start_ns));
        if whole <= 0 { 1.0 } else { (passed as f64 / whole as f64).clamp(0.0, 1.0) }
    }
}

/// What an algorithm sees.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Time of the record, nanoseconds since the Unix epoch.
    pub now_ns: i64,
    /// The touch.
    pub top: &'a TopOfBook,
    /// Tick table and bounds of orders.
    pub instrument: &'a Instrument,
    /// Most lots of one order; the instrument's own bound holds besides.
    pub order_qty_max_lots: i64,
    /// Lots of the parent that have traded.
    pub done_lots: i64,
    /// Lots that traded in the market since the parent began.
    pub printed_lots: i64,
}

/// What should work now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Nothing.
    Nothing,
    /// An order that rests and does not take.
    Rest {
        /// Its price.
        price: Price,
        /// Its lots.
        qty_lots: i64,
        /// Lots shown; 0 for all.
        peak_lots: u32,
    },
    /// An order that trades at once or not at all.
    Take {
        /// Its limit.
        limit: Price,
        /// Its lots.
        qty_lots: i64,
    },
}

impl AlgoConfig {
    /// What should work now.
    #[inline]
    pub fn child(&self, parent: &Parent, seen: &Seen<'_>) -> Child {
        let left = parent.qty_lots - seen.done_lots;
        let is_open = seen.top.is_firm() && seen.top.phase == Phase::Continuous as u8;
        if left <= 0 || seen.now_ns < parent.start_ns || !is_open {
            return Child::Nothing;
        }
        let market = Market { parent, seen, left };
        if seen.now_ns >= parent.end_ns {
            return market.take(left, self.through_ticks());
        }
        match self {
            Self::Marketable { through_ticks, .. } => market.take(left, *through_ticks),
            Self::Twap { slices, rest_share, through_ticks, .. } => {
                let due = schedule::even(parent, seen.now_ns, *slices);
                market.along(due, *rest_share, *through_ticks)
            }
            Self::Vwap { profile, rest_share, through_ticks, profile_start_s, profile_end_s, .. } => {
                let span = (*profile_start_s, *profile_end_s);
                let due = schedule::along(parent, seen.now_ns, profile, span);
                market.along(due, *rest_share, *through_ticks)
            }
            Self::Pov { share, child_min_lots, through_ticks, .. } => {
                #[allow(clippy::cast_possible_truncation, reason = "a share of lots; a cast saturates")]
                let due = (seen.printed_lots as f64 * share) as i64;
                let behind = (due.min(parent.qty_lots) - seen.done_lots).min(left);
                if behind >= (*child_min_lots).min(left) {
                    market.take(behind, *through_ticks)
                } else {
                    Child::Nothing
                }
            }
            Self::Adaptive { behind_share_max, last_share, through_ticks, .. } => {
                let elapsed = parent.elapsed(seen.now_ns);
                #[allow(clippy::cast_possible_truncation, reason = "a share of lots; a cast saturates")]
                let behind = (elapsed * parent.qty_lots as f64) as i64 - seen.done_lots;
                if elapsed >= 1.0 - last_share {
                    market.take(left, *through_ticks)
                } else if behind as f64 > behind_share_max * parent.qty_lots as f64 {
                    market.take(behind, *through_ticks)
                } else {
                    market.rest(left, Reference::Own, 0, 0)
                }
            }
            Self::Iceberg { peak_lots, .. } => market.rest(left, Reference::Own, 0, *peak_lots),
            Self::Peg { reference, offset_ticks, .. } => market.rest(left, *reference, *offset_ticks, 0),
        }
    }
}

/// The parent in its market: prices and bounds.
struct Market<'a> {
    parent: &'a Parent,
    seen: &'a Seen<'a>,
    left: i64,
}

impl Market<'_> {
    /// Lots of a child: no more than is left and than the venue takes; none where it is less than the venue takes.
    fn lots(&self, wanted: i64) -> i64 {
        let instrument = self.seen.instrument;
        let most = instrument.order_qty_max.min(self.seen.order_qty_max_lots);
        let lots = wanted.min(self.left).min(most);
        if lots < instrument.order_qty_min { 0 } else { lots }
    }

    /// Whether the first price is beyond the second for somebody on the parent's side.
    fn is_beyond(&self, price: i64, limit: i64) -> bool {
        match self.parent.side {
            Side::Bid => price > limit,
            Side::Ask => price < limit,
        }
    }

    /// Behind a schedule: rests for the first share of a slice, takes for the rest of it.
    fn along(&self, due: schedule::Due, rest_share: f64, through_ticks: i64) -> Child {
        let behind = due.lots - self.seen.done_lots;
        if behind <= 0 {
            Child::Nothing
        } else if due.phase < rest_share {
            self.rest(behind, Reference::Own, 0, 0)
        } else {
            self.take(behind, through_ticks)
        }
    }

    fn take(&self, wanted: i64, through_ticks: i64) -> Child {
        let (top, side) = (self.seen.top, self.parent.side);
        let (touch, sign) = match side {
            Side::Bid => (top.ask_px, 1),
            Side::Ask => (top.bid_px, -1),
        };
        let qty_lots = self.lots(wanted);
        if qty_lots == 0 || self.parent.limit.is_some_and(|limit| self.is_beyond(touch, limit.0)) {
            return Child::Nothing;
        }
        let through = touch + sign * through_ticks * self.seen.instrument.tick_at(touch);
        let limit = match self.parent.limit {
            Some(limit) if self.is_beyond(through, limit.0) => limit,
            _ => Price(through.max(1)),
        };
        Child::Take { limit, qty_lots }
    }

    fn rest(&self, wanted: i64, reference: Reference, offset_ticks: i64, peak_lots: u32) -> Child {
        let (top, side) = (self.seen.top, self.parent.side);
        let tick = self.seen.instrument.tick_at(top.bid_px);
        let (own, far, sign) = match side {
            Side::Bid => (top.bid_px, top.ask_px, 1),
            Side::Ask => (top.ask_px, top.bid_px, -1),
        };
        let base = match reference {
            Reference::Own => own,
            // Rounded towards our own side.
            Reference::Mid => own + sign * ((far - own).abs() / 2) / tick * tick,
        };
        // Never through the other side: it would be refused.
        let wanted_px = base + sign * offset_ticks * tick;
        let nearest = far - sign * tick;
        let mut price = if self.is_beyond(wanted_px, nearest) { nearest } else { wanted_px };
        if let Some(limit) = self.parent.limit
            && self.is_beyond(price, limit.0)
        {
            price = limit.0;
        }
        let qty_lots = self.lots(wanted);
        if qty_lots == 0 || price <= 0 {
            return Child::Nothing;
        }
        Child::Rest { price: Price(price), qty_lots, peak_lots }
    }
}
