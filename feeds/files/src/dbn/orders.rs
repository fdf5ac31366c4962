//! Market by order: what Databento's actions do to orders, as records of a feed that is order by order.
//!
//! A fill (`F`) says that a resting order traded and leaves the book alone; the cancel (`C`) or modification (`M`) that
//! takes the lots off follows within the same event. Here the two are one `Execute`, at the place of the second, so that
//! the book is what Databento's rules make of it. A trade (`T`) says what the aggressor did; its fills
//! tell the same lots once more, so only what they leave over becomes a record. In full:
//!
//! | action | records |
//! | --- | --- |
//! | `A` | `Add` |
//! | `C` | `Execute` of what was filled before, `Cancel` of the rest (`Delete` where nothing was filled and all goes) |
//! | `M` at the same price to fewer lots | `Execute` of what was filled, `Cancel` of the rest: priority stays |
//! | `M` at another price, or to more lots | `Replace` by the same number: priority is lost |
//! | `M` of an order that is not there | `Add` |
//! | `F` of a resting order at its price | none: see `C` and `M` |
//! | `F` else, or more than the order shows | `Trade` of those lots: hidden, crossed in an auction, or a modified order that took |
//! | `T` | `Trade` of what no fill of its event explains |
//! | `R` | `Clear` |
//!
//! An order filled to its last shown lot that goes on by `M` (an iceberg) is executed and added anew.
//!
//! What is left of an aggressor is stated (`A`, or `M` where a resting order was moved across) before the cancels of the orders
//! that it filled. Taken in that order it would stand in the book beside those it has just traded with, and whoever asks what
//! was ahead of him would count them twice; it is taken after the last of them instead, or before the next row that names it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tickrace_types::{Kind, Record};

use crate::stamp::{NO_SIDE, Stamp};

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub stamp: Stamp,
    pub order_ref: u64,
    pub price: i64,
    pub qty: u32,
    /// 0 bid, 1 ask, 2 none.
    pub side: u8,
}

/// Why a row changes nothing.
pub(super) type Refused = &'static str;

const TWICE: Refused = "order added twice";

#[derive(Clone, Copy, Debug)]
struct Live {
    price: i64,
    qty: u32,
    instrument: u32,
}

#[derive(Clone, Copy, Debug)]
struct Fill {
    row: Row,
    qty: u32,
}

/// Orders that rest, and what is open in the event.
#[derive(Debug, Default)]
pub(super) struct Orders {
    live: FxHashMap<u64, Live>,
    /// Fills whose cancel or modification has not come.
    fills: VecDeque<Fill>,
    /// The latest trade and what its fills have not explained.
    trade: Option<Fill>,
    /// What is left of aggressors, until the orders they filled are off the book.
    held: Vec<(u8, Row)>,
}

impl Orders {
    #[inline]
    pub(super) fn on(&mut self, action: u8, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        if self.trade.is_some() && action != b'F' {
            self.close_trade(batch);
        }
        if self.held.iter().any(|(_, held)| held.order_ref == row.order_ref) {
            self.release(row, batch)?;
        }
        if !self.fills.is_empty() && matches!(action, b'A' | b'M') && self.has_taken(row) {
            // What is refused is refused at its own row.
            check(row)?;
            if action == b'A' && self.live.contains_key(&row.order_ref) {
                return Err(TWICE);
            }
            self.held.push((action, *row));
            return Ok(());
        }
        let outcome = self.apply(action, row, batch);
        if !self.held.is_empty() && self.fills.is_empty() {
            let released = self.release(row, batch);
            return outcome.and(released);
        }
        outcome
    }

    #[inline]
    fn apply(&mut self, action: u8, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        match action {
            b'A' => self.add(row, batch),
            b'C' => self.cancel(row, batch),
            b'M' => self.modify(row, batch),
            b'F' => self.fill(row, batch),
            b'T' => self.print(row),
            b'R' => self.clear(row, batch),
            b'N' => Ok(()),
            _ => Err("action"),
        }
    }

    /// Whether an order stands where it meets one that was filled in this event: it was the other side of that trade.
    fn has_taken(&self, row: &Row) -> bool {
        row.side < NO_SIDE
            && self.fills.iter().any(|fill| {
                let rested = &fill.row;
                let meets = if row.side == 0 { row.price >= rested.price } else { row.price <= rested.price };
                rested.stamp.instrument == row.stamp.instrument
                    && rested.order_ref != row.order_ref
                    && rested.side == 1 - row.side
                    && meets
            })
    }

    /// Takes what was held, as of the row that set it free.
    #[cold]
    fn release(&mut self, freed_by: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let mut outcome = Ok(());
        for (action, row) in std::mem::take(&mut self.held) {
            let stamp = Stamp { letter: row.stamp.letter, ..freed_by.stamp };
            outcome = outcome.and(self.apply(action, &Row { stamp, ..row }, batch));
        }
        outcome
    }

    /// The event is over: what it left open becomes trades without an order.
    ///
    /// # Errors
    ///
    /// An order that was held until here is refused.
    #[inline]
    pub(super) fn end_event(&mut self, batch: &mut Vec<Record>) -> Result<(), Refused> {
        if self.trade.is_some() {
            self.close_trade(batch);
        }
        while let Some(fill) = self.fills.pop_front() {
            batch.push(hidden(&fill.row, fill.qty));
        }
        let Some((_, last)) = self.held.last().copied() else { return Ok(()) };
        self.release(&last, batch)
    }

    fn close_trade(&mut self, batch: &mut Vec<Record>) {
        if let Some(trade) = self.trade.take()
            && trade.qty > 0
        {
            batch.push(hidden(&trade.row, trade.qty));
        }
    }

    #[inline]
    fn add(&mut self, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        check(row)?;
        let live = Live { price: row.price, qty: row.qty, instrument: row.stamp.instrument };
        match self.live.entry(row.order_ref) {
            std::collections::hash_map::Entry::Vacant(vacant) => vacant.insert(live),
            std::collections::hash_map::Entry::Occupied(_) => return Err(TWICE),
        };
        batch.push(record(Kind::Add, row, row.qty));
        Ok(())
    }

    #[inline]
    fn cancel(&mut self, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let std::collections::hash_map::Entry::Occupied(mut order) = self.live.entry(row.order_ref) else {
            return Err("order not there");
        };
        let live = order.get_mut();
        let before = live.qty;
        let taken = row.qty.min(before);
        live.qty -= taken;
        if live.qty == 0 {
            order.remove();
        }
        let filled = self.take_fill(row.order_ref).map_or(0, |fill| {
            let executed = fill.qty.min(taken);
            execute(&fill, executed, row, batch);
            executed
        });
        match taken - filled {
            0 => {}
            rest if rest == before => batch.push(record(Kind::Delete, row, 0)),
            rest => batch.push(record(Kind::Cancel, row, rest)),
        }
        Ok(())
    }

    #[inline]
    fn modify(&mut self, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        check(row)?;
        let fill = self.take_fill(row.order_ref);
        let instrument = row.stamp.instrument;
        let Some(live) = self.live.get_mut(&row.order_ref) else {
            self.live.insert(row.order_ref, Live { price: row.price, qty: row.qty, instrument });
            batch.push(record(Kind::Add, row, row.qty));
            return Ok(());
        };
        let before = std::mem::replace(live, Live { price: row.price, qty: row.qty, instrument });
        let executed = fill.map_or(0, |fill| {
            let executed = fill.qty.min(before.qty);
            execute(&fill, executed, row, batch);
            executed
        });
        let left = before.qty - executed;
        if left == 0 {
            batch.push(record(Kind::Add, row, row.qty));
        } else if row.price != before.price || row.qty > left {
            batch.push(record(Kind::Replace, row, row.qty));
        } else if row.qty < left {
            batch.push(record(Kind::Cancel, row, left - row.qty));
        }
        Ok(())
    }

    fn fill(&mut self, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        if let Some(trade) = &mut self.trade {
            trade.qty = trade.qty.saturating_sub(row.qty);
        }
        if self.live.get(&row.order_ref).is_none_or(|live| live.price != row.price) {
            // It did not trade where it rests: its level loses nothing by it.
            batch.push(hidden(row, row.qty));
            return Ok(());
        }
        match self.fills.iter_mut().find(|fill| fill.row.order_ref == row.order_ref) {
            Some(fill) => fill.qty = fill.qty.saturating_add(row.qty),
            None => self.fills.push_back(Fill { row: *row, qty: row.qty }),
        }
        Ok(())
    }

    fn print(&mut self, row: &Row) -> Result<(), Refused> {
        if row.price == dbn::UNDEF_PRICE {
            return Err("price");
        }
        self.trade = Some(Fill { row: *row, qty: row.qty });
        Ok(())
    }

    fn clear(&mut self, row: &Row, batch: &mut Vec<Record>) -> Result<(), Refused> {
        self.live.retain(|_, live| live.instrument != row.stamp.instrument);
        self.fills.retain(|fill| fill.row.stamp.instrument != row.stamp.instrument);
        batch.push(*row.stamp.market(Kind::Clear).as_record());
        Ok(())
    }

    #[inline]
    fn take_fill(&mut self, order_ref: u64) -> Option<Fill> {
        if self.fills.is_empty() {
            return None;
        }
        // Cancels come in the order of their fills, so that the first is nearly always the one.
        let place = self.fills.iter().position(|fill| fill.row.order_ref == order_ref)?;
        self.fills.remove(place)
    }
}

/// What a resting order must have.
#[inline]
const fn check(row: &Row) -> Result<(), Refused> {
    if row.side >= NO_SIDE {
        Err("side")
    } else if row.price == dbn::UNDEF_PRICE {
        Err("price")
    } else if row.qty == 0 {
        Err("quantity")
    } else {
        Ok(())
    }
}

#[inline]
fn record(kind: Kind, row: &Row, qty: u32) -> Record {
    let other_ref = if matches!(kind, Kind::Replace) { row.order_ref } else { 0 };
    row.stamp.order(kind, [row.order_ref, other_ref], row.price, qty, row.side)
}

/// The execution of shown lots, and what was filled beyond them.
fn execute(fill: &Fill, executed: u32, row: &Row, batch: &mut Vec<Record>) {
    let stamp = Stamp { letter: fill.row.stamp.letter, ..row.stamp };
    let at = Row { stamp, ..fill.row };
    if executed > 0 {
        batch.push(record(Kind::Execute, &at, executed));
    }
    if fill.qty > executed {
        batch.push(hidden(&at, fill.qty - executed));
    }
}

/// A trade that changes no level.
#[cold]
fn hidden(row: &Row, qty: u32) -> Record {
    record(Kind::Trade, row, qty)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds and quantities of what rows `(action, order, price, qty)` give, all bids.
    fn records(rows: &[(u8, u64, i64, u32)]) -> Vec<(Kind, u32)> {
        let rows = rows.iter().map(|(action, order_ref, price, qty)| (*action, *order_ref, *price, *qty, 0));
        sided(&rows.collect::<Vec<_>>())
    }

    /// The same with the side.
    fn sided(rows: &[(u8, u64, i64, u32, u8)]) -> Vec<(Kind, u32)> {
        let (mut orders, mut batch) = (Orders::default(), Vec::new());
        for (action, order_ref, price, qty, side) in rows.iter().copied() {
            let row = Row { stamp: Stamp::default(), order_ref, price, qty, side };
            orders.on(action, &row, &mut batch).expect("a good row");
        }
        orders.end_event(&mut batch).expect("a good event");
        batch.iter().map(|r| (Kind::from_code(r.header.kind).expect("a kind"), r.as_market().qty)).collect()
    }

    #[test]
    fn a_fill_and_its_cancel_are_one_execution_and_the_trade_is_told_once() {
        let rows = [(b'A', 1, 100, 5), (b'T', 9, 100, 3), (b'F', 1, 100, 3), (b'C', 1, 100, 3)];
        assert_eq!(records(&rows), [(Kind::Add, 5), (Kind::Execute, 3)]);
        let rows = [(b'A', 1, 100, 5), (b'T', 9, 100, 4), (b'F', 1, 100, 3), (b'M', 1, 100, 2)];
        assert_eq!(records(&rows), [(Kind::Add, 5), (Kind::Trade, 1), (Kind::Execute, 3)]);
    }

    #[test]
    fn priority_is_lost_by_price_and_by_more_lots_alone() {
        let modified = |price, qty| records(&[(b'A', 1, 100, 5), (b'M', 1, price, qty)])[1..].to_vec();
        assert_eq!(modified(100, 3), [(Kind::Cancel, 2)]);
        assert_eq!(modified(100, 5), []);
        assert_eq!(modified(100, 6), [(Kind::Replace, 6)]);
        assert_eq!(modified(101, 3), [(Kind::Replace, 3)]);
        assert_eq!(records(&[(b'M', 1, 100, 5)]), [(Kind::Add, 5)]);
    }

    #[test]
    fn an_iceberg_that_is_filled_and_shown_again_is_executed_and_added() {
        let rows = [(b'A', 1, 100, 2), (b'F', 1, 100, 7), (b'M', 1, 100, 2)];
        assert_eq!(records(&rows), [(Kind::Add, 2), (Kind::Execute, 2), (Kind::Trade, 5), (Kind::Add, 2)]);
    }

    #[test]
    fn what_is_left_of_an_aggressor_rests_after_what_it_traded() {
        // A bid for three takes two offers of one and rests with the last lot.
        let asks = [(b'A', 1, 100, 1, 1), (b'A', 2, 100, 1, 1)];
        let trade = [(b'T', 3, 100, 2, 0), (b'F', 1, 100, 1, 1), (b'F', 2, 100, 1, 1)];
        let gone = [(b'C', 1, 100, 1, 1), (b'C', 2, 100, 1, 1)];
        let executed = [(Kind::Execute, 1), (Kind::Execute, 1)];
        let new = [&asks[..], &trade, &[(b'A', 3, 100, 1, 0)], &gone].concat();
        assert_eq!(sided(&new)[2..], [executed[0], executed[1], (Kind::Add, 1)]);
        // A bid that rested at 99 and was moved across.
        let moved = [&[(b'A', 3, 99, 3, 0)][..], &asks, &trade, &[(b'M', 3, 100, 1, 0)], &gone].concat();
        assert_eq!(sided(&moved)[3..], [executed[0], executed[1], (Kind::Replace, 1)]);
        // One that meets nothing that was filled keeps its place; without a cancel the event's end sets free.
        let away = [&asks[..], &trade, &[(b'A', 4, 99, 1, 0)], &gone].concat();
        assert_eq!(sided(&away)[2..], [(Kind::Add, 1), executed[0], executed[1]]);
        // Gone again in the same event: it came before it went.
        let brief = [&asks[..], &trade, &[(b'A', 3, 100, 1, 0), (b'C', 3, 100, 1, 0)], &gone].concat();
        assert_eq!(sided(&brief)[2..], [(Kind::Add, 1), (Kind::Delete, 0), executed[0], executed[1]]);
        let open = [&asks[..], &trade, &[(b'A', 3, 100, 1, 0)]].concat();
        assert_eq!(sided(&open)[2..], [(Kind::Trade, 1), (Kind::Trade, 1), (Kind::Add, 1)]);
    }

    #[test]
    fn a_fill_away_from_its_level_leaves_the_level_alone() {
        let rows = [(b'A', 1, 100, 2), (b'F', 1, 99, 2), (b'C', 1, 100, 2)];
        assert_eq!(records(&rows), [(Kind::Add, 2), (Kind::Trade, 2), (Kind::Delete, 0)]);
        assert_eq!(records(&[(b'F', 1, 99, 2)]), [(Kind::Trade, 2)]);
    }
}
