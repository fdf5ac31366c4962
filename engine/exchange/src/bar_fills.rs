//! What a bar does to our resting orders: all that is known is where the price was between two times.
//!
//! | the bar | what happens | why |
//! | --- | --- | --- |
//! | traded through our price | ours fill at their price, together at most a stated share of its lots | someone traded beyond us |
//! | touched our price and no more | nothing, unless `touch_fills` | nothing tells whether our turn came |
//! | reached orders of both sides | first the side it moved against: bids of a falling bar, asks of a rising one | the path within is not known, so the worse one counts: from the open to the extreme that hurts, then back |
//! | began before we were there | nothing, but for orders at most `late_ms` late | it may have been at our price before us |
//! | reached the trigger of a stop | the stop fills whole before anything that rests, at its trigger or, where the bar opened beyond it, at the open, and away from there by half the quoted spread and the impact model's slippage | a stop is there for the worst of the bar |
//! | reached a stop and a target | the stop alone: what rests on that side for the same strategy waits for the next bar | who trades out at the stop withdraws the target |
//! | reached a stop-limit | it rests at its limit from the bar's end, once self-trade prevention has settled it with what of ours it would meet | whether its price was met after its trigger is not known |
//! | reached a trailing stop | its trigger as the bar found it; after that the trigger follows to the bar's other extreme, and the close may reach it | from the open to the extreme that hurts, on to the other one, then to the close |
//!
//! A touch quoted around the close of a bar is no market of its own: it prices what we take and fills nothing that rests.

use serde::{Deserialize, Serialize};
use tickrace_types::event::venue_reason;
use tickrace_types::{
    BarRecord, BarShapeRecord, Contract, Header, InstrumentId, MarketRecord, OrderType, Price, Record,
    ResponseRecord, Side,
};

use crate::Exchange;
use crate::config::ExchangeError;
use crate::own::Own;
use crate::reply::Fill;
use crate::triggers::Cause;

/// How bars fill resting orders. Absent: they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarFillConfig {
    /// Most of a bar's lots that is ours, basis points: 1,000 is a tenth.
    pub volume_share_bps: i64,
    /// Whether a bar that touched our price fills us.
    #[serde(default)]
    pub touch_fills: bool,
    /// How long after the bar's begin an order may have arrived and still take part, milliseconds.
    pub late_ms: i64,
}

impl BarFillConfig {
    pub(crate) fn validate(&self) -> Result<(), ExchangeError> {
        for (key, got, most) in [
            ("bars.volume_share_bps", self.volume_share_bps, 10_000),
            ("bars.late_ms", self.late_ms, 86_400_000),
        ] {
            if !(0..=most).contains(&got) {
                return Err(ExchangeError::Range { key, least: 0, most, got });
            }
        }
        Ok(())
    }
}

/// Room for pairs of strategy and side whose stops one bar triggers; more only allocate.
const STOPPED_MAX: usize = 64;

/// First halves of bars, and which instruments have bars.
#[derive(Clone, Debug)]
pub(crate) struct BarState {
    config: Option<BarFillConfig>,
    shapes: Vec<Option<BarShapeRecord>>,
    has_bars: Vec<bool>,
    /// Whose stops this bar triggered, and on which side.
    stopped: Vec<(u16, Side)>,
}

impl BarState {
    pub fn new(config: Option<BarFillConfig>, instruments: usize) -> Self {
        Self {
            config,
            shapes: vec![None; instruments],
            has_bars: vec![false; instruments],
            stopped: Vec::with_capacity(STOPPED_MAX),
        }
    }

    /// How late an order may come and still take part in a bar, nanoseconds.
    fn late_ns(&self) -> i64 {
        self.config.map_or(0, |config| config.late_ms.saturating_mul(1_000_000))
    }

    /// Whether an instrument's touch is quoted around bars.
    #[inline]
    pub fn has_bars(&self, instrument: InstrumentId) -> bool {
        self.has_bars.get(instrument.index()).is_some_and(|has| *has)
    }
}

impl Exchange {
    /// First half of a bar.
    pub(crate) fn on_bar_shape(&mut self, record: &Record) {
        let shape = record.as_bar_shape();
        let place = shape.header.instrument as usize;
        if let (Some(slot), Some(has)) = (self.bars.shapes.get_mut(place), self.bars.has_bars.get_mut(place))
        {
            *slot = Some(*shape);
            *has = true;
        }
    }

    /// Second half: the bar is over.
    pub(crate) fn on_bar(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        let bar = record.as_bar();
        let instrument = InstrumentId(bar.header.instrument);
        let shape = self.bars.shapes.get_mut(instrument.index()).and_then(Option::take);
        let (Some(shape), Some(config)) = (shape, self.bars.config) else { return };
        if self.orders.is_quiet(instrument) || !self.is_trading(instrument) {
            return;
        }
        self.bars.stopped.clear();
        if self.orders.census().stops > 0 {
            self.stop_in_bar(instrument, &shape, bar, out);
        }
        let share = i128::from(bar.volume) * i128::from(config.volume_share_bps) / 10_000;
        let mut budget = i64::try_from(share).unwrap_or(i64::MAX);
        // The side the bar moved against comes first.
        let sides = if bar.close > shape.open { [Side::Ask, Side::Bid] } else { Side::BOTH };
        for side in sides {
            budget = self.fill_from_bar(instrument, side, (&shape, bar), config, budget, out);
        }
    }

    /// Fills a side of ours that the bar reached, in matching order; gives what is left of the bar's share.
    fn fill_from_bar(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        (shape, bar): (&BarShapeRecord, &BarRecord),
        config: BarFillConfig,
        mut budget: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> i64 {
        let extreme = if side == Side::Bid { shape.low } else { shape.high };
        let late_ns = config.late_ms.saturating_mul(1_000_000);
        let cause = MarketRecord { header: bar.header, ..MarketRecord::default() };
        let mut at = self.orders.head(instrument, side);
        while at != crate::own::NIL && budget > 0 {
            let own = *self.orders.get(at);
            let is_reached = side.is_better(own.price, extreme) || config.touch_fills && own.price == extreme;
            if !is_reached {
                break;
            }
            let is_stopped = self.bars.stopped.contains(&(own.strategy, side));
            if own.since_ns <= shape.ts_open_ns.saturating_add(late_ns) && !is_stopped {
                let lots = own.leaves().min(budget);
                budget -= lots;
                self.fill_resting(at, own.price(), lots, &cause, out);
            }
            at = own.next;
        }
        budget
    }
}

/// Where the market went inside a bar, for an order that stops: first against it, then the other way, then to the close.
#[derive(Clone, Copy, Debug)]
struct Path {
    open: i64,
    against: i64,
    back: i64,
    close: i64,
}

impl Path {
    fn of(side: Side, shape: &BarShapeRecord, bar: &BarRecord) -> Self {
        let (against, back) =
            if side == Side::Bid { (shape.high, shape.low) } else { (shape.low, shape.high) };
        Self { open: shape.open, against, back, close: bar.close }
    }

    /// Price of the market where a stop triggers, if it does; a trailing one has its trigger moved.
    fn stops_at(self, own: &mut Own) -> Option<i64> {
        if own.is_reached(self.open) {
            return Some(self.open);
        }
        if own.is_reached(self.against) {
            return Some(own.trigger_px);
        }
        if own.order_type == OrderType::TrailingStop {
            own.follow(self.back);
        }
        own.is_reached(self.close).then_some(own.trigger_px)
    }
}

impl Exchange {
    /// Triggers the stops a bar reached, in the order of their acceptance.
    fn stop_in_bar(
        &mut self,
        instrument: InstrumentId,
        shape: &BarShapeRecord,
        bar: &BarRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let mut at = self.orders.parked(instrument);
        while at != crate::own::NIL {
            let own = self.orders.get_mut(at);
            let next = own.next;
            if own.order_type.is_stop()
                && own.since_ns <= shape.ts_open_ns.saturating_add(self.bars.late_ns())
                && let Some(px) = Path::of(own.side, shape, bar).stops_at(own)
            {
                self.stop_at(at, px, &bar.header, out);
            }
            at = next;
        }
    }

    /// One stop triggers with the market at `px`.
    fn stop_at(&mut self, slot: u32, px: i64, cause: &Header, out: &mut impl FnMut(&ResponseRecord)) {
        let now_ns = cause.ts_venue_ns;
        let mut own = self.release(slot, Cause { now_ns, seq: cause.seq }, out);
        own.since_ns = now_ns;
        if own.order_type == OrderType::Limit {
            // An order of ours that its limit meets would trade with it: one of them gives way, as on arrival.
            let other = own.side.opposite();
            while self.orders.first(own.instrument, other).is_some_and(|first| first.crosses(own.price)) {
                if !self.give_way(&mut own, now_ns, out) {
                    return;
                }
            }
            return self.rest(own);
        }
        self.bars.stopped.push((own.strategy, own.side));
        own.withheld = self.faults.withheld(own.leaves());
        let half = self.half_spread(own.instrument);
        if self.has_impact(own.instrument) {
            self.take_around(&mut own, (px.saturating_sub(half), px.saturating_add(half)), now_ns, out);
        } else {
            let px = px.saturating_add(own.side.sign() * half);
            self.fill_stop(&mut own, px, now_ns, out);
        }
        if own.leaves() > 0 {
            let reason = if own.withheld > 0 { venue_reason::FAULT } else { venue_reason::IOC };
            self.cancelled(&own, reason, now_ns, out);
        }
    }

    /// Fills what a stop may take at a price moved onto the grid, against us.
    fn fill_stop(&mut self, own: &mut Own, px: i64, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        let lots = own.takes();
        if lots == 0 {
            return;
        }
        let rules = &self.instruments[own.instrument.index()];
        let tick = rules.tick_at(px);
        let past = px.rem_euclid(tick);
        let price =
            if own.side == Side::Bid && past > 0 { px.saturating_add(tick - past) } else { px - past };
        own.filled += lots;
        self.counters.taker_fills += 1;
        self.counters.taker_lots += lots.unsigned_abs();
        let fill = Fill { price: Price(price), lots, is_taker: true, cause_seq: 0 };
        let contract = Contract::of(rules);
        out(&self.replies.fill(own, fill, contract, now_ns));
    }

    /// Half the spread of the touch, nano-units; none where a side is empty or the touch is crossed.
    fn half_spread(&self, instrument: InstrumentId) -> i64 {
        let best = |side| self.books.best(instrument, side).map(|level| level.price.0);
        let spread = best(Side::Bid).zip(best(Side::Ask)).map_or(0, |(bid, ask)| ask.saturating_sub(bid));
        spread.max(0) / 2
    }
}
