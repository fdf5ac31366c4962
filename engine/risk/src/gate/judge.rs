//! Judging one order: every control in turn, the first that objects names the reason.
//!
//! Nothing is changed before all have agreed, except that a client id is used up by being seen and the rate of messages is drawn on
//! last. What an order that passed leaves behind in the gate's books is written when its [`Judged`] goes: the order need not wait
//! for it.

use tickrace_types::{Action, InstrumentId, OrderRecord, OrderType, Side, Verdict};

use super::{Gate, Watched};
use crate::Reason;
use crate::by_strategy::More;
use crate::duplicate::{Noted, Sought};
use crate::exposure::order_cash;
use crate::market::{is_within_collar, reference_doubled};
use crate::orders::OpenOrder;
use crate::state::TradingState;
use crate::worst::{Prices, is_plain, makes_sense, waits};

/// What an order would add to what is reserved already.
#[derive(Clone, Copy, Debug)]
struct Claim {
    side: Side,
    /// Price it counts with.
    px: i64,
    /// It rests at no price yet.
    is_parked: bool,
    /// Lots that could trade.
    leaves: i64,
    /// Value of these.
    cash: i128,
    lots_more: i64,
    cash_more: i128,
    orders_more: u32,
}

/// What an order is by itself.
#[derive(Clone, Copy)]
struct Terms {
    px: i64,
    is_parked: bool,
    cash: i128,
}

impl Claim {
    #[inline]
    fn more(&self) -> More {
        More { side: self.side, lots: self.lots_more, cash: self.cash_more }
    }
}

/// What is to be written down of the order judged last. It stands in the gate, so that nothing of it is moved.
#[derive(Clone, Debug)]
pub(super) struct Due {
    /// It passed, and is new or a replacement.
    is_kept: bool,
    order: Sent,
    claim: Claim,
    account: u8,
    /// Of the order to be replaced.
    slot: Option<u32>,
    worse: i128,
    own_worse: i128,
    noted: Noted,
}

impl Default for Due {
    fn default() -> Self {
        let claim = Claim {
            side: Side::Bid,
            px: 0,
            is_parked: false,
            leaves: 0,
            cash: 0,
            lots_more: 0,
            cash_more: 0,
            orders_more: 0,
        };
        Self {
            is_kept: false,
            order: Sent::of(&OrderRecord::default()),
            claim,
            account: 0,
            slot: None,
            worse: 0,
            own_worse: 0,
            noted: Noted::default(),
        }
    }
}

/// What is kept of an order, whose record is its sender's.
#[derive(Clone, Copy, Debug)]
struct Sent {
    client_id: u64,
    now_ns: i64,
    instrument: u32,
    strategy: u16,
    order_type: u8,
    tif: u8,
}

impl Sent {
    #[inline]
    fn of(order: &OrderRecord) -> Self {
        Self {
            client_id: order.client_id,
            now_ns: order.header.ts_recv_ns,
            instrument: order.header.instrument,
            strategy: order.strategy,
            order_type: order.order_type,
            tif: order.tif,
        }
    }
}

/// An order that was judged. The gate keeps its books when this goes, so that an order that passed can leave before; nobody can ask
/// the gate anything meanwhile.
#[derive(Debug)]
#[must_use = "dropped at once it is `Gate::check`"]
pub struct Judged<'a> {
    gate: &'a mut Gate,
    action: Action,
    instrument: u32,
    verdict: Verdict,
}

impl Judged<'_> {
    /// Whether the order may leave, or why not.
    #[inline]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl Drop for Judged<'_> {
    #[inline]
    fn drop(&mut self) {
        let gate = &mut *self.gate;
        if self.verdict.is_passed() {
            gate.controls.on_message(self.instrument);
        }
        gate.counts.add(self.action, self.verdict);
        if gate.due.is_kept {
            gate.keep();
        }
    }
}

impl Gate {
    /// Judges an order at its own time; its exposure is reserved when the [`Judged`] goes. Constant time, no allocation.
    #[inline]
    pub fn judge(&mut self, order: &OrderRecord) -> Judged<'_> {
        if order.header.ts_recv_ns >= self.controls.override_end_ns {
            self.expire_overrides(order.header.ts_recv_ns);
        }
        let action = order.action();
        let verdict = match self.judge_action(order, action) {
            Ok(()) => Verdict::PASSED,
            Err(reason) => reason.verdict(),
        };
        Judged { gate: self, action, instrument: order.header.instrument, verdict }
    }

    #[inline]
    fn judge_action(&mut self, order: &OrderRecord, action: Action) -> Result<(), Reason> {
        if order.client_id <= self.client_id_high {
            return Err(Reason::ClientIdReused);
        }
        self.client_id_high = order.client_id;
        match action {
            Action::New => self.judge_new(order),
            Action::Replace => self.judge_replace(order),
            Action::Cancel => self.judge_cancel(order),
            Action::MassCancel => self.judge_mass_cancel(order),
        }
    }

    fn judge_new(&mut self, order: &OrderRecord) -> Result<(), Reason> {
        let sought = self.duplicates.seek(order);
        if self.kill.is_killed() {
            return Err(Reason::Killed);
        }
        let place = order.header.instrument as usize;
        let watched = self.watched.get(place).ok_or(Reason::UnknownInstrument)?;
        let account = self.exposures.account_index(order.account).ok_or(Reason::UnknownRoute)?;
        let state = self.state(order, watched)?;
        let side = order.side();
        self.guard.judge(&watched.top, order.header.ts_recv_ns)?;
        let leaves = order.qty;
        let Terms { px, is_parked, cash } = judge_terms(order, watched, &self.instruments, leaves)?;
        let claim =
            Claim { side, px, is_parked, leaves, cash, lots_more: leaves, cash_more: cash, orders_more: 1 };
        if state == TradingState::ReduceOnly || order.reduce_only != 0 {
            self.judge_reduces(order, watched, &claim)?;
        }
        judge_claim(watched, &claim).map_err(|reason| self.behind(reason, order))?;
        if self.orders.is_full() {
            return Err(Reason::Capacity);
        }
        let worse = self.exposures.judge(place, account, side, claim.cash_more)?;
        let own_worse = self.judge_strategy(order, place, &claim)?;
        let noted = self.judge_frequency(order, sought, Action::New)?;
        let order = Sent::of(order);
        self.due = Due { is_kept: true, order, claim, account, slot: None, worse, own_worse, noted };
        Ok(())
    }

    fn judge_replace(&mut self, order: &OrderRecord) -> Result<(), Reason> {
        let sought = self.duplicates.seek(order);
        if self.kill.is_killed() {
            return Err(Reason::Killed);
        }
        let place = order.header.instrument as usize;
        let watched = self.watched.get(place).ok_or(Reason::UnknownInstrument)?;
        let account = self.exposures.account_index(order.account).ok_or(Reason::UnknownRoute)?;
        let slot = self.orders.find(order.orig_client_id).ok_or(Reason::UnknownOrder)?;
        let open = self.orders.get(slot);
        if open.instrument != order.header.instrument
            || open.side() != order.side()
            || open.account != account
            || self.by_strategy.is_some() && open.strategy != order.strategy
            || !open.is_kind_of(order.order_type, order.tif)
        {
            return Err(Reason::ReplaceMismatch);
        }
        if open.pending_id != 0 {
            return Err(Reason::ReplaceInFlight);
        }
        let state = self.state(order, watched)?;
        self.guard.judge(&watched.top, order.header.ts_recv_ns)?;
        // The quantity is the total over the order's life: what has traded is not open again.
        let leaves = order.qty.saturating_sub(open.filled);
        let Terms { px, cash, .. } = judge_terms(order, watched, &self.instruments, leaves)?;
        let claim = Claim {
            side: order.side(),
            px,
            // A stop-limit whose trigger was reached rests, whatever its type says.
            is_parked: open.is_parked,
            leaves,
            cash,
            lots_more: (leaves - open.lots).max(0),
            cash_more: (cash - open.cash).max(0),
            orders_more: 0,
        };
        if state == TradingState::ReduceOnly || order.reduce_only != 0 {
            self.judge_reduces(order, watched, &claim)?;
        }
        judge_claim(watched, &claim).map_err(|reason| self.behind(reason, order))?;
        let worse = match claim.cash_more {
            0 => 0,
            more => self.exposures.judge(place, account, claim.side, more)?,
        };
        let own_worse = self.judge_strategy(order, place, &claim)?;
        let noted = self.judge_frequency(order, sought, Action::Replace)?;
        let order = Sent::of(order);
        self.due = Due { is_kept: true, order, claim, account, slot: Some(slot), worse, own_worse, noted };
        Ok(())
    }

    /// Writes down what passed: the order, its exposure, and that it was sent.
    fn keep(&mut self) {
        self.due.is_kept = false;
        let Due { order, claim, account, slot, worse, own_worse, noted, .. } = &self.due;
        let place = order.instrument as usize;
        match *slot {
            Some(slot) => {
                self.orders.set_pending(slot, order.client_id, claim.px, claim.leaves);
                let open = self.orders.get_mut(slot);
                open.lots += claim.lots_more;
                open.cash += claim.cash_more;
            }
            None => {
                self.orders.insert(OpenOrder {
                    live_id: order.client_id,
                    live_px: claim.px,
                    live_leaves: claim.leaves,
                    cash: claim.cash,
                    lots: claim.leaves,
                    instrument: order.instrument,
                    strategy: order.strategy,
                    account: *account,
                    side: claim.side as u8,
                    order_type: order.order_type,
                    tif: order.tif,
                    is_parked: claim.is_parked,
                    ..OpenOrder::default()
                });
            }
        }
        self.controls.on_sent(order.client_id, order.instrument, order.now_ns);
        self.counts.duplicates_evicted += u64::from(self.duplicates.note(*noted, order.now_ns));
        if let Some(own) = &mut self.by_strategy {
            own.reserve(place, order.strategy, claim.more(), *own_worse);
        }
        let (watched, side) = (&mut self.watched[place], claim.side.index());
        watched.open_lots[side] += claim.lots_more;
        watched.open_count[side] += claim.orders_more;
        if !claim.is_parked {
            watched.best_own[side] = self.own_prices.add(place, claim.side, claim.px, watched.best_own[side]);
        }
        if claim.cash_more != 0 {
            self.exposures.reserve(place, *account, claim.side, claim.cash_more, *worse);
        }
    }

    /// A cancel is refused for nonsense or for an exhausted reserve, for nothing else.
    fn judge_cancel(&mut self, order: &OrderRecord) -> Result<(), Reason> {
        self.orders.find(order.orig_client_id).ok_or(Reason::UnknownOrder)?;
        let rates = self.rates.get_mut(usize::from(order.session)).ok_or(Reason::UnknownRoute)?;
        rates.try_take(Action::Cancel, order.header.ts_recv_ns)
    }

    /// Names no order; it counts as one cancel, whatever it takes off.
    fn judge_mass_cancel(&mut self, order: &OrderRecord) -> Result<(), Reason> {
        let rates = self.rates.get_mut(usize::from(order.session)).ok_or(Reason::UnknownRoute)?;
        rates.try_take(Action::MassCancel, order.header.ts_recv_ns)
    }

    /// The strictest trading state that applies, where it lets an order through at all (control 13).
    #[inline(always)]
    fn state(&self, order: &OrderRecord, watched: &Watched) -> Result<TradingState, Reason> {
        let strategy = self.state_by_strategy.get(usize::from(order.strategy)).ok_or(Reason::UnknownRoute)?;
        let venue = self.state_by_venue.get(usize::from(order.venue)).ok_or(Reason::UnknownRoute)?;
        match self.state_all.max(watched.state).max(*strategy).max(*venue) {
            TradingState::CancelOnly | TradingState::Halted => self.restricted(order),
            state => Ok(state),
        }
    }

    /// Whether an order surely reduces, with everything open on its side traded (control 13). A strategy that is restricted by
    /// itself reduces what is its own, whatever others hold; every other restriction is about all of them together.
    #[cold]
    fn judge_reduces(&self, order: &OrderRecord, watched: &Watched, claim: &Claim) -> Result<(), Reason> {
        let is_restricted =
            |state: Option<&TradingState>| state.is_some_and(|state| *state > TradingState::Active);
        let own = self
            .by_strategy
            .as_ref()
            .filter(|_| is_restricted(self.state_by_strategy.get(usize::from(order.strategy))));
        let own =
            own.and_then(|own| own.worst(order.header.instrument as usize, order.strategy, claim.more()));
        let is_about_all = own.is_none()
            || order.reduce_only != 0
            || self.state_all.max(watched.state) > TradingState::Active
            || is_restricted(self.state_by_venue.get(usize::from(order.venue)));
        if own.is_some_and(|worst| worst > 0) || is_about_all && worst_lots(watched, claim) > 0 {
            return Err(self.behind(Reason::ReduceOnly, order));
        }
        Ok(())
    }

    /// Duplicates and rates, the last to judge since they count what passes (controls 5 and 6).
    #[inline(always)]
    fn judge_frequency(
        &mut self,
        order: &OrderRecord,
        sought: Sought,
        action: Action,
    ) -> Result<Noted, Reason> {
        let now_ns = order.header.ts_recv_ns;
        let noted = self.duplicates.judge(sought, now_ns).ok_or(Reason::Duplicate)?;
        let rates = self.rates.get_mut(usize::from(order.session)).ok_or(Reason::UnknownRoute)?;
        rates.try_take(action, now_ns)?;
        Ok(noted)
    }

    /// The strategy's own limits (controls 8 and 9 of a strategy), where there are any.
    #[inline(always)]
    fn judge_strategy(&self, order: &OrderRecord, place: usize, claim: &Claim) -> Result<i128, Reason> {
        self.by_strategy.as_ref().map_or(Ok(0), |own| own.judge(place, order.strategy, claim.more()))
    }
}

/// The order by itself: the venue's terms, the collar, our own size limits (controls 1 to 4).
#[inline(always)]
fn judge_terms(
    order: &OrderRecord,
    watched: &Watched,
    instruments: &tickrace_types::InstrumentTable,
    leaves: i64,
) -> Result<Terms, Reason> {
    let limits = &watched.limits;
    if order.qty < watched.venue_qty_min || order.qty > watched.venue_qty_max || leaves <= 0 {
        return Err(Reason::VenueQuantity);
    }
    let is_plain = is_plain(order);
    if !is_plain && !makes_sense(order) {
        return Err(Reason::OrderTerms);
    }
    let order_type = OrderType::from_code(order.order_type);
    if order_type == OrderType::Market {
        return Err(Reason::NoLimitPrice);
    }
    let is_on_tick = |px: i64| {
        watched.grid.holds(px).unwrap_or_else(|| {
            let tick = instruments.get(InstrumentId(order.header.instrument)).tick_at(px);
            px % tick == 0
        })
    };
    if order_type.has_limit() && !is_on_tick(order.price) {
        return Err(Reason::OffTick);
    }
    let has_stop_price = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
    if has_stop_price && !is_on_tick(order.trigger_price) {
        return Err(Reason::OffTick);
    }
    let reference = reference_doubled(&watched.top, watched.fair_px).ok_or(Reason::NoReference)?;
    let prices = Prices::of(order, &watched.top, reference, limits.price_collar_bps)?;
    if !is_within_collar(prices.collar_px, reference, limits.price_collar_bps) {
        return Err(Reason::PriceCollar);
    }
    if leaves > limits.order_qty_max_lots {
        return Err(Reason::OrderQuantity);
    }
    let px = prices.worst_px;
    let cash = order_cash(watched.value_px(px), leaves, watched.multiplier);
    if cash > watched.notional_max {
        return Err(Reason::OrderNotional);
    }
    Ok(Terms { px, is_parked: !is_plain && waits(order), cash })
}

/// Position at worst, seen from the side of the claim: long for a buy, short for a sell.
#[inline(always)]
fn worst_lots(watched: &Watched, claim: &Claim) -> i64 {
    let open_lots = watched.open_lots[claim.side.index()] + claim.lots_more;
    watched.position.saturating_mul(claim.side.sign()).saturating_add(open_lots)
}

/// The order beside everything open (controls 8, 10, 11 and 12).
#[inline(always)]
fn judge_claim(watched: &Watched, claim: &Claim) -> Result<(), Reason> {
    let (limits, side) = (&watched.limits, claim.side.index());
    let open_lots = watched.open_lots[side] + claim.lots_more;
    let other = watched.best_own[1 - side];
    let crosses = match claim.side {
        Side::Bid => claim.px >= other,
        Side::Ask => claim.px <= other,
    };
    // What waits rests at no price; should it meet an order of ours later, the venue prevents that.
    if crosses && !claim.is_parked {
        return Err(Reason::SelfTrade);
    }
    if claim.lots_more > 0 {
        let worst = worst_lots(watched, claim);
        if worst > limits.position_max_lots {
            return Err(Reason::Position);
        }
        if worst > watched.short_max_lots && claim.side == Side::Ask {
            return Err(Reason::ShortSale);
        }
        if open_lots > limits.open_qty_side_max_lots {
            return Err(Reason::OpenQuantity);
        }
    }
    if i64::from(watched.open_count[side] + claim.orders_more) > limits.open_orders_side_max_count {
        return Err(Reason::OpenOrders);
    }
    Ok(())
}
