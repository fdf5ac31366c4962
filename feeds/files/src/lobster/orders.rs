//! Which order a row speaks of: one that the file added, or one that it never did.
//!
//! A level-limited file names orders it never added: those that rested when it began, and those added while their price
//! lay outside its levels. What a published book shows of such orders stands in the [`super::ledger`] as orders of our own making,
//! and a row about an unknown order at such a price and side is a row about one of them. An
//! execution of an unknown order that none of these can stand for is still one of a displayed order: the order is added,
//! as part of a snapshot and therefore before all of ours in its queue, and executed at once. Cancellations and deletions
//! of unknown orders go out as they are; books count them.

use tickrace_types::Kind;

use super::ledger::{Fix, Ledger};
use super::row::Row;

/// What one row means for the orders, as records to be written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Something that must rest first.
    pub(super) first: Option<Preparation>,
    /// What the row does.
    pub(super) kind: Kind,
    /// To which order.
    pub(super) order_ref: u64,
    /// How many shares; 0 of a deletion.
    pub(super) qty: u32,
}

/// An order brought in before it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparation {
    /// Added under the row's number.
    Add,
    /// An order that shows less than is executed makes way for one with the row's number that has enough.
    Instead(u64),
}

/// Rows about orders that did not rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Cancellations.
    pub cancels: u64,
    /// Deletions.
    pub deletes: u64,
    /// Executions.
    pub executions: u64,
    /// Of all these, those that an order of our own making stood for.
    pub stood_for: u64,
}

/// What a row does to the ledger.
#[derive(Clone, Copy, Debug)]
struct Plan {
    meaning: Meaning,
    /// The order that loses shares, 0 where none does.
    acts_on: u64,
    /// How many it loses.
    takes: u32,
    /// Shares that a new order brings.
    brings: u32,
}

/// Orders that rest, with their shares.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    pub(super) ledger: Ledger,
    pub(super) unknown: Unknown,
}

/// Shares that a row of type 1 to 4 says come to its level, below zero those that go.
pub(super) const fn shares_told(row: &Row) -> i64 {
    if row.event == b'1' { row.size as i64 } else { -(row.size as i64) }
}

impl Orders {
    /// What a row of type 1 to 4 means.
    ///
    /// - `after`: shares its level shows after it, where a published book tells. What the row does to the orders we know may
    ///   come to another sum; then others of the level make up for it, before the row, and `fixes` notes them.
    #[inline]
    pub(super) fn on_row(&mut self, row: &Row, after: Option<u64>, fixes: &mut Vec<Fix>) -> Meaning {
        let plan = self.plan(row, fixes);
        if let Some(after) = after {
            let change = i64::from(plan.brings) - i64::from(plan.takes);
            if change != shares_told(row) {
                let before = after.saturating_add_signed(-change);
                self.ledger.fit_level(row.side, row.price_e4, before, plan.acts_on, fixes);
            }
        }
        if plan.brings > 0 {
            self.ledger.add(row.side, row.price_e4, row.order_ref, plan.brings);
        } else {
            self.ledger.take(plan.acts_on, plan.takes);
        }
        plan.meaning
    }

    #[inline]
    fn plan(&mut self, row: &Row, fixes: &mut Vec<Fix>) -> Plan {
        let Row { event, order_ref, size, side, price_e4, .. } = *row;
        let known = self.ledger.get(order_ref).copied();
        let meaning = |kind, qty| Meaning { first: None, kind, order_ref, qty };
        if event == b'1' {
            // Of two orders of one number books keep the first.
            let brings = if known.is_some() { 0 } else { size };
            return Plan { meaning: meaning(Kind::Add, size), acts_on: 0, takes: 0, brings };
        }
        match known {
            Some(order) if order.side == side && order.price_e4 == price_e4 => {
                let known = |meaning, takes| Plan { meaning, acts_on: order_ref, takes, brings: 0 };
                match event {
                    b'2' => known(meaning(Kind::Cancel, size), size.min(order.shares)),
                    b'3' => known(meaning(Kind::Delete, 0), order.shares),
                    _ if order.shares >= size => known(meaning(Kind::Execute, size), size),
                    _ => {
                        let first = Some(Preparation::Instead(order_ref));
                        known(Meaning { first, ..meaning(Kind::Execute, size) }, order.shares)
                    }
                }
            }
            Some(_) => {
                // The file says where it rests, so the one we know left unseen.
                self.ledger.leave_whole(order_ref, fixes);
                self.plan_unknown(row)
            }
            None => self.plan_unknown(row),
        }
    }

    fn plan_unknown(&mut self, row: &Row) -> Plan {
        let Row { event, order_ref, size, side, price_e4, .. } = *row;
        match event {
            b'2' => self.unknown.cancels += 1,
            b'3' => self.unknown.deletes += 1,
            _ => self.unknown.executions += 1,
        }
        let is_execution = event == b'4';
        let kind = if is_execution { Kind::Execute } else { Kind::Cancel };
        let plain = Meaning { first: None, kind, order_ref, qty: size };
        let Some((stand_in, shares)) = self.ledger.stand_in(side, price_e4, size, !is_execution) else {
            let meaning = match event {
                b'4' => Meaning { first: Some(Preparation::Add), ..plain },
                b'3' => Meaning { kind: Kind::Delete, qty: 0, ..plain },
                _ => plain,
            };
            return Plan { meaning, acts_on: 0, takes: 0, brings: 0 };
        };
        self.unknown.stood_for += 1;
        let meaning = match (is_execution, shares) {
            (true, _) if shares < size => Meaning { first: Some(Preparation::Instead(stand_in)), ..plain },
            (true, _) => Meaning { order_ref: stand_in, ..plain },
            (false, _) if shares > size => Meaning { order_ref: stand_in, ..plain },
            // All there is, or more than there is: what it lacks stands elsewhere, or was added where the file did not look.
            (false, _) => Meaning { kind: Kind::Delete, order_ref: stand_in, qty: 0, ..plain },
        };
        Plan { meaning, acts_on: stand_in, takes: size.min(shares), brings: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::MADE;
    use super::*;

    fn row(event: u8, order_ref: u64, size: u32) -> Row {
        Row { ts_session_ns: 0, event, order_ref, size, price_e4: 100, side: 0 }
    }

    /// Orders with one of our own making.
    fn made(shares: u64) -> Orders {
        let mut orders = Orders::default();
        orders.ledger.fit_level(0, 100, shares, 0, &mut Vec::new());
        orders
    }

    fn plain(kind: Kind, order_ref: u64, qty: u32) -> Meaning {
        Meaning { first: None, kind, order_ref, qty }
    }

    fn told(orders: &mut Orders, row: &Row) -> Meaning {
        let mut fixes = Vec::new();
        let meaning = orders.on_row(row, None, &mut fixes);
        assert_eq!(fixes, [], "{row:?}");
        meaning
    }

    #[test]
    fn orders_of_the_file_are_spoken_of_by_their_numbers_until_they_are_gone() {
        let mut orders = made(50);
        assert_eq!(told(&mut orders, &row(b'1', 7, 30)), plain(Kind::Add, 7, 30));
        assert_eq!(told(&mut orders, &row(b'2', 7, 10)), plain(Kind::Cancel, 7, 10));
        assert_eq!(told(&mut orders, &row(b'4', 7, 20)), plain(Kind::Execute, 7, 20));
        assert_eq!(orders.unknown, Unknown::default());
        // Gone: what comes now under its number is about an order that rested before.
        assert_eq!(told(&mut orders, &row(b'3', 7, 20)), plain(Kind::Cancel, MADE | 1, 20));
        assert_eq!((orders.unknown.deletes, orders.unknown.stood_for), (1, 1));
    }

    #[test]
    fn unknown_orders_take_from_the_one_made_for_them_until_it_is_used_up() {
        let mut orders = made(50);
        let one = MADE | 1;
        assert_eq!(told(&mut orders, &row(b'4', 1, 20)), plain(Kind::Execute, one, 20));
        let instead = Meaning { first: Some(Preparation::Instead(one)), ..plain(Kind::Execute, 2, 40) };
        assert_eq!(told(&mut orders, &row(b'4', 2, 40)), instead);
        let added = Meaning { first: Some(Preparation::Add), ..plain(Kind::Execute, 3, 5) };
        assert_eq!(told(&mut orders, &row(b'4', 3, 5)), added);
        assert_eq!(told(&mut orders, &row(b'3', 4, 5)), plain(Kind::Delete, 4, 0));
        assert_eq!(told(&mut orders, &row(b'2', 4, 5)), plain(Kind::Cancel, 4, 5));
        assert_eq!(told(&mut made(50), &row(b'3', 4, 60)), plain(Kind::Delete, one, 0));
        assert_eq!(told(&mut made(50), &row(b'4', 4, 50)), plain(Kind::Execute, one, 50));
    }

    /// A level of 100 of order 7 and 30 of our own making, of which a book published after the row shows `after`.
    fn fixed(row: &Row, after: u64) -> (Meaning, Vec<(Kind, u64, u32)>, u64) {
        let mut orders = made(30);
        told(&mut orders, &self::row(b'1', 7, 100));
        let mut fixes = Vec::new();
        let meaning = orders.on_row(row, Some(after), &mut fixes);
        let shares = |order_ref| orders.ledger.get(order_ref).map_or(0, |order| order.shares);
        let left = u64::from(shares(7)) + u64::from(shares(MADE | 1)) + u64::from(shares(MADE | 2));
        (meaning, fixes.iter().map(|fix| (fix.kind, fix.order_ref, fix.shares)).collect(), left)
    }

    #[test]
    fn others_of_the_level_make_up_for_what_was_thought_of_an_order() {
        let one = MADE | 1;
        // An order of 100 is deleted with 60: the 40 were others'.
        let wanted = (plain(Kind::Delete, 7, 0), vec![(Kind::Add, MADE | 2, 40)], 70);
        assert_eq!(fixed(&row(b'3', 7, 60), 70), wanted);
        // 120 of it are executed where 100 were known: 20 were taken for another's.
        let instead = Meaning { first: Some(Preparation::Instead(7)), ..plain(Kind::Execute, 7, 120) };
        assert_eq!(fixed(&row(b'4', 7, 120), 10), (instead, vec![(Kind::Cancel, one, 20)], 10));
        // Strangers of 50 with 30 that stand for them: 20 of the order we know had left.
        let instead = Meaning { first: Some(Preparation::Instead(one)), ..plain(Kind::Execute, 9, 50) };
        assert_eq!(fixed(&row(b'4', 9, 50), 80), (instead, vec![(Kind::Cancel, 7, 20)], 80));
        assert_eq!(
            fixed(&row(b'3', 9, 50), 80),
            (plain(Kind::Delete, one, 0), vec![(Kind::Cancel, 7, 20)], 80)
        );
        // A number that rests already comes again: the books keep the first, so somebody else brought the shares.
        assert_eq!(
            fixed(&row(b'1', 7, 5), 135),
            (plain(Kind::Add, 7, 5), vec![(Kind::Add, MADE | 2, 5)], 135)
        );
    }

    #[test]
    fn an_order_named_at_another_price_left_the_one_we_knew() {
        let mut orders = made(30);
        told(&mut orders, &row(b'1', 7, 100));
        let mut fixes = Vec::new();
        let elsewhere = Row { price_e4: 101, ..row(b'4', 7, 10) };
        let added = Meaning { first: Some(Preparation::Add), ..plain(Kind::Execute, 7, 10) };
        assert_eq!(orders.on_row(&elsewhere, None, &mut fixes), added);
        let gone = Fix { kind: Kind::Delete, order_ref: 7, side: 0, price_e4: 100, shares: 100 };
        assert_eq!(fixes, [gone]);
    }
}
