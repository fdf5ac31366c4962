//! Which order a row speaks of: one that the file added, or one that rested before.
//!
//! A level-limited file names orders it never added: those that rested when it began, and those added while their price
//! lay outside its levels. Where the book of the first row is known, each of its levels stands as one order of our
//! own making (its *seed*), and a row about an unknown order at such a price and side is a row about the seed. An
//! execution of an unknown order that no seed can stand for is still one of a displayed order: the order is added,
//! as part of a snapshot and therefore before all of ours in its queue, and executed at once. Cancellations and deletions
//! of unknown orders go out as they are; books count them.
//!
//! Memory follows the orders that rest by what the file tells; a level-limited file does not tell of all that leave.

use rustc_hash::FxHashMap;
use tickrace_types::Kind;

use super::row::Row;

/// Bit of the numbers of seeds; the file's own are below it.
pub const SEED: u64 = 1 << 63;

/// Number of the seed of a level, the same on every run.
pub const fn seed_ref(side: u8, price_e4: i64) -> u64 {
    SEED | (side as u64) << 62 | (price_e4.unsigned_abs() & ((1 << 62) - 1))
}

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
    /// A seed that shows less than is executed: it makes way for an order with the row's number.
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
    /// Of all these, those that a seed stood for.
    pub seeded: u64,
}

/// Orders that rest, with their shares.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    resting: FxHashMap<u64, u32>,
    pub(super) unknown: Unknown,
}

impl Orders {
    /// A seed rests.
    pub(super) fn seed(&mut self, side: u8, price_e4: i64, shares: u32) {
        self.resting.insert(seed_ref(side, price_e4), shares);
    }

    /// What a row of type 1 to 4 means.
    #[inline]
    pub(super) fn on_row(&mut self, row: &Row) -> Meaning {
        let meaning = |kind, order_ref, qty| Meaning { first: None, kind, order_ref, qty };
        if row.event == b'1' {
            // Of two orders of one number books keep the first.
            self.resting.entry(row.order_ref).or_insert(row.size);
            return meaning(Kind::Add, row.order_ref, row.size);
        }
        if let Some(shares) = self.resting.get_mut(&row.order_ref) {
            let left = if row.event == b'3' { 0 } else { shares.saturating_sub(row.size) };
            *shares = left;
            if left == 0 {
                self.resting.remove(&row.order_ref);
            }
            return match row.event {
                b'2' => meaning(Kind::Cancel, row.order_ref, row.size),
                b'3' => meaning(Kind::Delete, row.order_ref, 0),
                _ => meaning(Kind::Execute, row.order_ref, row.size),
            };
        }
        self.on_unknown(row)
    }

    fn on_unknown(&mut self, row: &Row) -> Meaning {
        match row.event {
            b'2' => self.unknown.cancels += 1,
            b'3' => self.unknown.deletes += 1,
            _ => self.unknown.executions += 1,
        }
        let seed = seed_ref(row.side, row.price_e4);
        let shares = self.resting.get(&seed).copied().unwrap_or(0);
        self.unknown.seeded += u64::from(shares > 0);
        if shares > row.size {
            self.resting.insert(seed, shares - row.size);
        } else {
            self.resting.remove(&seed);
        }
        let is_execution = row.event == b'4';
        let kind = if is_execution { Kind::Execute } else { Kind::Cancel };
        let plain = Meaning { first: None, kind, order_ref: row.order_ref, qty: row.size };
        match shares {
            0 if is_execution => Meaning { first: Some(Preparation::Add), ..plain },
            0 if row.event == b'3' => Meaning { kind: Kind::Delete, qty: 0, ..plain },
            0 => plain,
            _ if is_execution && shares < row.size => {
                Meaning { first: Some(Preparation::Instead(seed)), ..plain }
            }
            _ if is_execution || shares > row.size => Meaning { order_ref: seed, ..plain },
            // All there is, or more than there is: what the seed lacks was added where the file did not look.
            _ => Meaning { kind: Kind::Delete, order_ref: seed, qty: 0, ..plain },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event: u8, order_ref: u64, size: u32) -> Row {
        Row { ts_session_ns: 0, event, order_ref, size, price_e4: 100, side: 0 }
    }

    fn seeded(shares: u32) -> Orders {
        let mut orders = Orders::default();
        orders.seed(0, 100, shares);
        orders
    }

    fn plain(kind: Kind, order_ref: u64, qty: u32) -> Meaning {
        Meaning { first: None, kind, order_ref, qty }
    }

    #[test]
    fn orders_of_the_file_are_spoken_of_by_their_numbers_until_they_are_gone() {
        let mut orders = seeded(50);
        assert_eq!(orders.on_row(&row(b'1', 7, 30)), plain(Kind::Add, 7, 30));
        assert_eq!(orders.on_row(&row(b'2', 7, 10)), plain(Kind::Cancel, 7, 10));
        assert_eq!(orders.on_row(&row(b'4', 7, 20)), plain(Kind::Execute, 7, 20));
        assert_eq!(orders.unknown, Unknown::default());
        // Gone: what comes now under its number is about an order that rested before.
        assert_eq!(orders.on_row(&row(b'3', 7, 20)), plain(Kind::Cancel, seed_ref(0, 100), 20));
        assert_eq!((orders.unknown.deletes, orders.unknown.seeded), (1, 1));
    }

    #[test]
    fn unknown_orders_take_from_the_seed_until_it_is_used_up() {
        let mut orders = seeded(50);
        let seed = seed_ref(0, 100);
        assert_eq!(orders.on_row(&row(b'4', 1, 20)), plain(Kind::Execute, seed, 20));
        let instead = Meaning { first: Some(Preparation::Instead(seed)), ..plain(Kind::Execute, 2, 40) };
        assert_eq!(orders.on_row(&row(b'4', 2, 40)), instead);
        let added = Meaning { first: Some(Preparation::Add), ..plain(Kind::Execute, 3, 5) };
        assert_eq!(orders.on_row(&row(b'4', 3, 5)), added);
        assert_eq!(orders.on_row(&row(b'3', 4, 5)), plain(Kind::Delete, 4, 0));
        assert_eq!(orders.on_row(&row(b'2', 4, 5)), plain(Kind::Cancel, 4, 5));
        assert_eq!(seeded(50).on_row(&row(b'3', 4, 60)), plain(Kind::Delete, seed, 0));
        assert_eq!(seeded(50).on_row(&row(b'4', 4, 50)), plain(Kind::Execute, seed, 50));
    }
}
