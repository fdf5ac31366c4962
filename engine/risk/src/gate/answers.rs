//! Understanding the venue: what an answer releases, moves or reveals.
//!
//! Only what the venue says was taken off is released. An order said to be done with fewer lots taken off than
//! we have open keeps the rest reserved until the fills that are owed arrive; a fill after the end moves the
//! position all the same. So no order of answers lets the position leave its worst case.

use tickrace_types::{OrderType, ResponseKind, ResponseRecord, Side};

use super::{DEPARTED, Departed, Gate};
use crate::by_strategy::More;
use crate::exposure::order_cash;
use crate::limits::LOTS_MAX;
use crate::orders::OpenOrder;

impl Gate {
    /// Takes note of what the venue said: releases, fills, positions. Refusals of this gate are passed over.
    #[inline]
    pub fn on_response(&mut self, response: &ResponseRecord) {
        let place = response.header.instrument as usize;
        let is_lots = |lots: i64| (0..=LOTS_MAX).contains(&lots);
        let Some(kind) = response.response() else {
            self.counts.responses_malformed += 1;
            return;
        };
        if kind == ResponseKind::GateRefused {
            return;
        }
        let is_known = response.client_id != 0 && place < self.watched.len();
        if !is_known || !is_lots(response.qty) || !is_lots(response.leaves) {
            self.counts.responses_malformed += 1;
            return;
        }
        self.controls.on_answer(response.client_id);
        match kind {
            ResponseKind::Accepted => self.on_accepted(response),
            ResponseKind::Replaced => self.on_replaced(response),
            ResponseKind::Cancelled => self.on_cancelled(response),
            ResponseKind::Fill => self.on_fill(response, place),
            ResponseKind::Rejected | ResponseKind::CancelRejected => self.on_rejected(response),
            ResponseKind::Triggered => self.on_triggered(response),
            // A pegged order is reserved at its limit, wherever it stands.
            ResponseKind::Restated | ResponseKind::GateRefused => {}
        }
    }

    fn on_accepted(&mut self, response: &ResponseRecord) {
        if self.orders.find(response.client_id).is_none() {
            self.adopt(response);
        }
    }

    fn on_replaced(&mut self, response: &ResponseRecord) {
        match self.find(response) {
            Some(slot) => {
                self.promote(slot, response);
                self.settle(slot);
            }
            None => self.adopt(response),
        }
    }

    fn on_cancelled(&mut self, response: &ResponseRecord) {
        // An order replaced since lives under its new number: what is said of the old one is over.
        let slot = self.find(response).filter(|slot| self.orders.get(*slot).former_id != response.client_id);
        let Some(slot) = slot else {
            self.counts.responses_unknown += 1;
            return;
        };
        self.promote(slot, response);
        let is_done = response.leaves == 0;
        if is_done {
            self.drop_pending(slot);
        }
        let open = self.orders.get_mut(slot);
        let off = if is_done && response.qty == 0 { open.live_leaves } else { response.qty };
        open.live_leaves = (open.live_leaves - off).max(0);
        self.settle(slot);
    }

    /// A stop-limit now rests at its limit, and so would the replacement in flight. Of a stop without a limit nothing
    /// will rest.
    fn on_triggered(&mut self, response: &ResponseRecord) {
        let Some(slot) = self.find(response) else {
            self.counts.responses_unknown += 1;
            return;
        };
        self.promote(slot, response);
        let open = *self.orders.get(slot);
        let never_rests = [OrderType::Stop as u8, OrderType::TrailingStop as u8].contains(&open.order_type);
        if !open.is_parked || never_rests {
            return;
        }
        self.orders.get_mut(slot).is_parked = false;
        let (place, side) = (open.instrument as usize, open.side());
        self.note_price(place, side, open.live_px);
        if open.pending_id != 0 {
            self.note_price(place, side, open.pending_px);
        }
    }

    fn on_fill(&mut self, response: &ResponseRecord, place: usize) {
        self.note_fill(response, place);
        let side = response.side();
        let lots = response.qty * side.sign();
        let Some(slot) = self.find(response) else {
            let account = self.departed(response.client_id);
            self.counts.fills_late += 1;
            self.counts.fills_unmatched += u64::from(account.is_none());
            let owner = (account.unwrap_or(0), response.strategy);
            return self.move_position(place, owner, lots, response.price);
        };
        self.promote(slot, response);
        let open = self.orders.get_mut(slot);
        self.counts.fills_late += u64::from(response.qty > open.live_leaves);
        open.live_leaves = (open.live_leaves - response.qty).max(0);
        open.pending_leaves = (open.pending_leaves - response.qty).max(0);
        open.filled = open.filled.saturating_add(response.qty);
        let owner = (open.account, open.strategy);
        self.move_position(place, owner, lots, response.price);
        self.settle(slot);
    }

    fn on_rejected(&mut self, response: &ResponseRecord) {
        // The answer to a plain cancel names an id that no order has: nothing changes.
        let Some(slot) = self.orders.find(response.client_id) else { return };
        let open = self.orders.get(slot);
        if open.pending_id == response.client_id {
            self.drop_pending(slot);
        } else if open.live_id == response.client_id && response.response() == Some(ResponseKind::Rejected) {
            self.orders.get_mut(slot).live_leaves = 0;
        }
        self.settle(slot);
    }

    /// The order an answer is about, by its own number or the one it had.
    fn find(&self, response: &ResponseRecord) -> Option<u32> {
        let slot = self.orders.find(response.client_id);
        let slot = slot.or_else(|| self.orders.find(response.orig_client_id))?;
        let open = self.orders.get(slot);
        (open.instrument == response.header.instrument && open.side().index() == response.side().index())
            .then_some(slot)
    }

    /// The venue speaks of the replacement as of a living order: then it is one. The caller settles.
    fn promote(&mut self, slot: u32, response: &ResponseRecord) {
        let open = self.orders.get(slot);
        if open.pending_id != response.client_id {
            return;
        }
        let (place, side, px) = (open.instrument as usize, open.side(), open.live_px);
        if !open.is_parked {
            self.forget_price(place, side, px);
        }
        self.orders.promote_pending(slot);
        if response.response() == Some(ResponseKind::Replaced) {
            // Where the venue has more open than we think, it is right; where less, a fill is on its way.
            let live = self.orders.get_mut(slot);
            live.live_leaves = live.live_leaves.max(response.leaves);
        }
    }

    fn drop_pending(&mut self, slot: u32) {
        let open = self.orders.get(slot);
        if open.pending_id != 0 {
            if !open.is_parked {
                self.forget_price(open.instrument as usize, open.side(), open.pending_px);
            }
            self.orders.drop_pending(slot);
        }
    }

    /// Brings what is reserved in line with what is open; an order with nothing open is closed.
    fn settle(&mut self, slot: u32) {
        if self.orders.get(slot).live_leaves == 0 {
            self.drop_pending(slot);
        }
        let place = self.orders.get(slot).instrument as usize;
        let watched = &self.watched[place];
        let multiplier = watched.multiplier;
        let open = self.orders.get_mut(slot);
        let lots = open.live_leaves.max(open.pending_leaves);
        let cash = order_cash(watched.value_px(open.live_px), open.live_leaves, multiplier);
        let cash = cash.max(order_cash(watched.value_px(open.pending_px), open.pending_leaves, multiplier));
        let (lots_less, cash_less) = (open.lots - lots, open.cash - cash);
        (open.lots, open.cash) = (lots, cash);
        let (account, strategy, side) = (open.account, open.strategy, open.side());
        self.watched[place].open_lots[side.index()] -= lots_less;
        self.exposures.release(place, account, side, cash_less);
        if let Some(own) = &mut self.by_strategy {
            own.release(place, strategy, More { side, lots: lots_less, cash: cash_less });
        }
        if lots == 0 {
            self.close(slot);
        }
    }

    fn close(&mut self, slot: u32) {
        let open = self.orders.get(slot);
        let (place, side, px) = (open.instrument as usize, open.side(), open.live_px);
        let is_parked = open.is_parked;
        self.departed[self.departed_next] = Departed { client_id: open.live_id, account: open.account };
        self.departed_next = (self.departed_next + 1) % DEPARTED;
        if !is_parked {
            self.forget_price(place, side, px);
        }
        self.watched[place].open_count[side.index()] -= 1;
        self.orders.remove(slot);
    }

    fn note_price(&mut self, place: usize, side: Side, px: i64) {
        let best = &mut self.watched[place].best_own[side.index()];
        *best = self.own_prices.add(place, side, px, *best);
    }

    fn forget_price(&mut self, place: usize, side: Side, px: i64) {
        let best = &mut self.watched[place].best_own[side.index()];
        *best = self.own_prices.remove(place, side, px, *best);
    }

    /// Account of an order closed not long ago.
    fn departed(&self, client_id: u64) -> Option<u8> {
        self.departed.iter().find(|departed| departed.client_id == client_id).map(|departed| departed.account)
    }

    /// An order only the venue knows of: it is open, whatever we think, and reserved for the first account.
    #[cold]
    fn adopt(&mut self, response: &ResponseRecord) {
        self.counts.responses_unknown += 1;
        let is_departed = self.departed(response.client_id).is_some();
        let (place, side) = (response.header.instrument as usize, response.side());
        let watched = &mut self.watched[place];
        let open_max = watched.limits.open_orders_side_max_count;
        let has_room = i64::from(watched.open_count[side.index()]) < open_max && !self.orders.is_full();
        // A number we never gave is not of an order of ours; one closed not long ago is not open again.
        let is_foreign = response.client_id > self.client_id_high || is_departed;
        if response.leaves == 0 || !has_room || is_foreign {
            return;
        }
        let open = OpenOrder {
            live_id: response.client_id,
            live_px: response.price,
            live_leaves: response.leaves,
            instrument: response.header.instrument,
            strategy: response.strategy,
            side: side as u8,
            order_type: OpenOrder::UNTOLD,
            tif: OpenOrder::UNTOLD,
            is_parked: response.parked != 0,
            ..OpenOrder::default()
        };
        let Some(slot) = self.orders.insert(open) else { return };
        self.counts.orders_adopted += 1;
        watched.open_count[side.index()] += 1;
        if !open.is_parked {
            self.note_price(place, side, response.price);
        }
        self.settle(slot);
    }
}
