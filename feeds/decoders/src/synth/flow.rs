//! The flow of orders: what one event of the day does to the book of one symbol.

use rand_chacha::rand_core::Rng;
use tickrace_types::Side;
use zerocopy::big_endian::{U32, U64};

use super::agenda::MPIDS;
use super::pace::SECOND_NS;
use super::{FAIR_UNIT, State, Synth, TICK_E4, choose, locate};
use crate::itch::encode::head;
use crate::itch::message;

/// Time in which an excursion of the second of a pair is drawn back by its whole, were it not to fade meanwhile.
const EXCURSION_US: u64 = 30_000_000;

/// A fair value never falls below this many ticks: three dollars.
const FAIR_TICKS_MIN: i64 = 300;

/// Shares of an executed order are bounded by the order's own; this asks for all of them.
const SWEEP_LEVELS_MAX: u32 = 2;

impl Synth {
    /// One event. 43 random bits come with it; the kind of event takes the lowest ten.
    #[inline]
    pub(super) fn event(&mut self, bits: u64) {
        let index = self.pick_symbol(bits >> 20);
        let symbol = &self.symbols[usize::from(index)];
        if symbol.state == State::Halted {
            return;
        }
        let draw = self.rng.next_u64();
        let lean = self.wander(index, draw);
        let symbol = &self.symbols[usize::from(index)];
        let (live, wanted) = (symbol.book.live().len(), symbol.live_wanted);
        let thin = symbol.book.bids.depth() < 2 || symbol.book.asks.depth() < 2;
        let action = bits & 1023;
        let side = if bits >> 10 & 1 == 0 { Side::Bid } else { Side::Ask };
        // Of 1,024: how many events add. Fewer where more orders rest than the symbol tends to.
        let adds = match live {
            _ if thin => 1_000,
            _ if live * 2 < wanted => 820,
            _ if live < wanted => 540,
            _ if live * 4 > wanted * 5 => 300,
            _ => 430,
        };
        let trades = self.market_open && symbol.state == State::Trading;
        if action < adds || live == 0 {
            self.add(index, side, draw);
        } else if thin {
            self.cancel_part(index, draw);
        } else {
            match (bits >> 11 & 511, trades) {
                (0..=63, _) => self.replace(index, draw),
                (64..=79, _) => self.cancel_part(index, draw),
                (80..=139, true) => self.take(index, lean, draw),
                (140..=153, true) => self.trade_hidden(index, draw),
                (80..=90, false) => self.take(index, lean, draw),
                (154, _) if bits >> 20 & 15 == 0 => self.retail_interest(index, draw),
                _ => self.delete(index, lean, draw),
            }
        }
    }

    /// An excited symbol, or a fresh one that becomes excited. Uses 23 bits.
    #[inline]
    fn pick_symbol(&mut self, bits: u64) -> u16 {
        let slot = (bits & 15) as usize;
        if bits >> 4 & 7 == 0 {
            self.excited[slot] = self.popularity[(bits >> 7 & 0xffff) as usize];
        }
        self.excited[slot]
    }

    /// Moves the fair value on and tells how far it is from the mid, in fair-value units: positive where the
    /// book is too low.
    #[inline]
    fn wander(&mut self, index: u16, draw: u64) -> i64 {
        let is_paired = u32::from(index / 2) < self.pairs;
        let drawn_to = (is_paired && index % 2 == 1).then(|| {
            let first = &self.symbols[usize::from(index - 1)];
            (first.fair, first.anchor)
        });
        let symbol = &mut self.symbols[usize::from(index)];
        let elapsed_us = (self.now_ns - symbol.fair_at_ns) / 1_000;
        // About 1.3 ticks of standard deviation in a second of a hundred-dollar share (two per cent a day), in
        // proportion for others; looked at every 20 ms at most, and never more than half a tick at once, so that
        // a quiet symbol does not run away from its book.
        if elapsed_us > 20_000 {
            symbol.fair_at_ns = self.now_ns;
            let root_us = elapsed_us.min(SECOND_NS / 1_000).isqrt().cast_signed();
            let step = (symbol.anchor / 10_000 * root_us * 13 / 10_000).min(FAIR_UNIT / 2);
            let step = if draw & 1 == 0 { step } else { -step };
            if let Some((fair, anchor)) = drawn_to {
                // Two thirds of an excursion are gone after half a minute. It is wide enough to pay for two spreads.
                let pull =
                    symbol.off * elapsed_us.min(EXCURSION_US).cast_signed() / EXCURSION_US.cast_signed();
                symbol.off += 3 * step - pull;
                let in_proportion = i128::from(fair) * i128::from(symbol.anchor) / i128::from(anchor);
                symbol.fair = i64::try_from(in_proportion).unwrap_or(symbol.anchor) + symbol.off;
            } else {
                // What two have in common walks freely.
                let pull = if is_paired { 0 } else { (symbol.anchor - symbol.fair) / 4_096 };
                symbol.fair += step + pull;
            }
            symbol.fair = symbol.fair.max(FAIR_TICKS_MIN * FAIR_UNIT);
        }
        match (symbol.book.bids.best(), symbol.book.asks.best()) {
            (Some(bid), Some(ask)) => symbol.fair - (i64::from(bid) + i64::from(ask)) * (FAIR_UNIT / 2),
            _ => 0,
        }
    }

    /// Fair value in whole ticks.
    pub(super) fn fair_ticks(&self, index: u16) -> u32 {
        u32::try_from(self.symbols[usize::from(index)].fair / FAIR_UNIT).unwrap_or(u32::MAX)
    }

    /// Where a new order of `side` goes: behind the touch by the power law, sometimes into an open spread, never
    /// through the other side and not beyond the fair value.
    #[inline]
    fn placement(&self, index: u16, side: Side, draw: u64) -> u32 {
        let symbol = &self.symbols[usize::from(index)];
        let fair = symbol.fair / FAIR_UNIT;
        let own = symbol.book.side(side).best().map(i64::from);
        let other = symbol.book.side(side.opposite()).best().map(i64::from);
        // Seen from a bid: towards the spread is up. Asks are mirrored.
        let sign = side.sign();
        let fair_own = if side == Side::Bid { fair } else { fair + 1 };
        // The best price that does not cross and is not beyond the fair value, unless the touch is already.
        let barrier = other.map_or(i64::MAX, |other| sign * other - 1);
        let base = own.map_or_else(|| (sign * fair_own).min(barrier), |own| sign * own);
        let distance = i64::from(self.distances[(draw >> 1 & 1023) as usize]);
        let room = barrier.saturating_sub(base);
        let wanted = if distance == 0 && room > 0 && own.is_some() && draw >> 11 & 1 == 0 {
            base + 1 + (room / 4).min(20)
        } else {
            base - distance
        };
        let bound = barrier.min((sign * fair_own).max(base - 100));
        let tick = sign * wanted.min(bound);
        u32::try_from(tick.max(1)).unwrap_or(1)
    }

    /// Withdraws what would be too far behind once `tick` stands.
    #[inline]
    fn make_room(&mut self, index: u16, side: Side, tick: u32) {
        while let Some(id) = self.symbols[usize::from(index)].book.too_far_for(side, tick) {
            self.delete_order(index, id);
        }
    }

    fn add(&mut self, index: u16, side: Side, draw: u64) {
        let tick = self.placement(index, side, draw);
        self.make_room(index, side, tick);
        let shares = self.sizes[(draw >> 12 & 1023) as usize];
        let reference = self.next_reference(draw >> 22);
        let symbol = &mut self.symbols[usize::from(index)];
        symbol.book.add(&mut self.pool, reference, side, tick, shares);
        let stock = symbol.stock;
        let buy_sell_indicator = letter(side);
        let (reference, shares, price) = (U64::new(reference), U32::new(shares), U32::new(tick * TICK_E4));
        // One in 64 is signed.
        if draw >> 25 & 63 == 0 {
            self.push(&message::AddOrderAttributed {
                head: head(b'F', locate(index), self.now_ns),
                order_reference_number: reference,
                buy_sell_indicator,
                shares,
                stock,
                price,
                attribution: MPIDS[(draw >> 31 & 7) as usize],
            });
        } else {
            self.push(&message::AddOrder {
                head: head(b'A', locate(index), self.now_ns),
                order_reference_number: reference,
                buy_sell_indicator,
                shares,
                stock,
                price,
            });
        }
    }

    /// An order to withdraw: any, or one that the fair value has left behind.
    #[inline]
    fn any_order(&self, index: u16, lean: i64, draw: u64) -> u32 {
        let book = &self.symbols[usize::from(index)].book;
        if lean.abs() > FAIR_UNIT && draw >> 34 & 1 == 0 {
            let stale = if lean > 0 { &book.asks } else { &book.bids };
            if let Some(best) = stale.best() {
                return stale.oldest(best);
            }
        }
        book.live()[choose(draw >> 32, book.live().len())]
    }

    fn delete(&mut self, index: u16, lean: i64, draw: u64) {
        let id = self.any_order(index, lean, draw);
        let side = self.pool.get(id).side;
        self.delete_order(index, id);
        // One in eight comes back at once, elsewhere.
        if draw >> 35 & 7 == 0 {
            self.add(index, side, draw >> 7);
        }
    }

    fn delete_order(&mut self, index: u16, id: u32) {
        let reference = self.pool.get(id).reference;
        self.symbols[usize::from(index)].book.remove(&mut self.pool, id);
        self.push(&message::OrderDelete {
            head: head(b'D', locate(index), self.now_ns),
            order_reference_number: U64::new(reference),
        });
    }

    fn cancel_part(&mut self, index: u16, draw: u64) {
        let id = self.any_order(index, 0, draw);
        let order = *self.pool.get(id);
        if order.shares < 2 {
            return;
        }
        let part = 1 + u32::try_from(choose(draw, order.shares as usize - 1)).unwrap_or(0);
        self.pool.reduce(id, part);
        self.push(&message::OrderCancel {
            head: head(b'X', locate(index), self.now_ns),
            order_reference_number: U64::new(order.reference),
            canceled_shares: U32::new(part),
        });
    }

    fn replace(&mut self, index: u16, draw: u64) {
        let id = self.any_order(index, 0, draw);
        let old = *self.pool.get(id);
        self.symbols[usize::from(index)].book.remove(&mut self.pool, id);
        let tick = self.placement(index, old.side, draw);
        let shares = if draw >> 11 & 3 == 0 { self.sizes[(draw >> 13 & 1023) as usize] } else { old.shares };
        // What must go first is withdrawn before the replacement is told: the old order still stood then.
        self.make_room(index, old.side, tick);
        let reference = self.next_reference(draw >> 23);
        self.symbols[usize::from(index)].book.add(&mut self.pool, reference, old.side, tick, shares);
        self.push(&message::OrderReplace {
            head: head(b'U', locate(index), self.now_ns),
            original_order_reference_number: U64::new(old.reference),
            new_order_reference_number: U64::new(reference),
            shares: U32::new(shares),
            price: U32::new(tick * TICK_E4),
        });
    }

    /// An order that takes: more often in the direction of the fair value the further the book is from it. It
    /// sweeps the oldest orders of the touch and of the level behind at most, and always leaves a level.
    fn take(&mut self, index: u16, lean: i64, draw: u64) {
        // The chance of a buyer of 1,024: 512 plus a quarter for each tick of lean, at most 960.
        let buyer_chance = (512 + lean * 256 / FAIR_UNIT).clamp(64, 960);
        let buys = (draw & 1023).cast_signed() < buyer_chance;
        let side = if buys { Side::Ask } else { Side::Bid };
        let mut left = self.sizes[(draw >> 10 & 1023) as usize];
        let mut levels = 0;
        let mut level = None;
        while left > 0 {
            let book = &self.symbols[usize::from(index)].book;
            let ladder = book.side(side);
            let Some(tick) = ladder.best() else { return };
            if ladder.depth() < 2 {
                return;
            }
            if level != Some(tick) {
                level = Some(tick);
                levels += 1;
                if levels > SWEEP_LEVELS_MAX {
                    return;
                }
            }
            let id = ladder.oldest(tick);
            let open = book.asks.best().zip(book.bids.best()).is_some_and(|(ask, bid)| ask - bid > 2);
            let match_number = self.next_match(index);
            // One in 128 trades inside an open spread, better for the one who takes.
            left -= if open && draw >> 20 & 127 == 0 {
                let improved = if buys { tick - 1 } else { tick + 1 };
                self.execute_at(index, id, left, match_number, improved * TICK_E4, true)
            } else {
                self.execute(index, id, left, match_number)
            };
        }
    }

    /// Takes up to `wanted` shares of an order; gives how many.
    fn fill(&mut self, index: u16, id: u32, wanted: u32) -> (u64, u32) {
        let order = *self.pool.get(id);
        let shares = order.shares.min(wanted);
        if shares == order.shares {
            self.symbols[usize::from(index)].book.remove(&mut self.pool, id);
        } else {
            self.pool.reduce(id, shares);
        }
        (order.reference, shares)
    }

    fn execute(&mut self, index: u16, id: u32, wanted: u32, match_number: u64) -> u32 {
        let (reference, shares) = self.fill(index, id, wanted);
        self.push(&message::OrderExecuted {
            head: head(b'E', locate(index), self.now_ns),
            order_reference_number: U64::new(reference),
            executed_shares: U32::new(shares),
            match_number: U64::new(match_number),
        });
        shares
    }

    /// Executes at a price that is told; gives the shares.
    pub(super) fn execute_at(
        &mut self,
        index: u16,
        id: u32,
        wanted: u32,
        match_number: u64,
        price_e4: u32,
        printable: bool,
    ) -> u32 {
        let (reference, shares) = self.fill(index, id, wanted);
        self.push(&message::OrderExecutedWithPrice {
            head: head(b'C', locate(index), self.now_ns),
            order_reference_number: U64::new(reference),
            executed_shares: U32::new(shares),
            match_number: U64::new(match_number),
            printable: if printable { b'Y' } else { b'N' },
            execution_price: U32::new(price_e4),
        });
        shares
    }

    /// A trade with someone who was not displayed: at the mid of an open spread, else at the touch.
    fn trade_hidden(&mut self, index: u16, draw: u64) {
        let symbol = &self.symbols[usize::from(index)];
        let Some((bid, ask)) = symbol.book.bids.best().zip(symbol.book.asks.best()) else { return };
        let stock = symbol.stock;
        let price = if ask - bid > 1 { (bid + ask) * (TICK_E4 / 2) } else { bid * TICK_E4 };
        let match_number = self.next_match(index);
        self.push(&message::HiddenTrade {
            head: head(b'P', locate(index), self.now_ns),
            order_reference_number: U64::ZERO,
            buy_sell_indicator: b'B',
            shares: U32::new(self.sizes[(draw >> 10 & 1023) as usize]),
            stock,
            price: U32::new(price),
            match_number: U64::new(match_number),
        });
    }

    fn retail_interest(&mut self, index: u16, draw: u64) {
        let stock = self.symbols[usize::from(index)].stock;
        self.push(&message::RetailInterest {
            head: head(b'N', locate(index), self.now_ns),
            stock,
            interest_flag: [b'B', b'S', b'A', b'N'][(draw & 3) as usize],
        });
    }
}

const fn letter(side: Side) -> u8 {
    match side {
        Side::Bid => b'B',
        Side::Ask => b'S',
    }
}
