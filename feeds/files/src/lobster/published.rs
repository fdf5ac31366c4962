//! The book published after each message, and what of ours has to change so that it comes out the same.
//!
//! Before a message is written, the orders are fitted to the published row with the message undone: within the levels of
//! the row that is the book the message met. So nothing is used but the row of the message itself, what is wrong never
//! shows at the touch in between, and the message is applied as it stands. What lies outside the levels is not known and
//! is left as it is.
//!
//! A row of the right file never speaks against a message: within the levels of the row before, that row and the message
//! give the row after. Where they do not, the row is counted as one that differs, and believed all the same; with most of the
//! first ones differing, the file is that of another day or symbol, and reading ends.

use super::ledger::{Fix, Ledger, Reach};
use super::orderbook::{BookLevel, BookRow, BookRows};
use super::orders::shares_told;
use super::row::Row;
use crate::format::{End, Skips};
use crate::lines::Lines;

/// Rows after which it is asked whether the files belong together.
const TRIED_ROWS: u64 = 64;

/// Resting orders beyond which levels outside the published ones are let go, the farthest first: the bound on memory where
/// no row tells what becomes of them.
pub(super) const ORDERS_MAX: usize = 1 << 20;

/// The reason under which rows of an orderbook file are counted that cannot be used or speak against their message.
pub const ORDERBOOK: &str = "orderbook";

/// What the published books changed beyond what the messages told; the book at the start is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Repairs {
    /// Messages before which something was changed.
    pub messages: u64,
    /// Orders of the reader's own making that came for what was not told.
    pub orders_added: u64,
    /// Their lots.
    pub lots_added: u64,
    /// Orders that left, or lost lots, without a message.
    pub orders_removed: u64,
    /// These lots.
    pub lots_removed: u64,
}

impl Repairs {
    /// Those of two files.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            orders_added: self.orders_added + other.orders_added,
            lots_added: self.lots_added + other.lots_added,
            orders_removed: self.orders_removed + other.orders_removed,
            lots_removed: self.lots_removed + other.lots_removed,
        }
    }

    pub(super) fn count(&mut self, fixes: &[Fix]) {
        for fix in fixes {
            let is_new = fix.kind == tickrace_types::Kind::Add;
            let (orders, lots) = if is_new {
                (&mut self.orders_added, &mut self.lots_added)
            } else {
                (&mut self.orders_removed, &mut self.lots_removed)
            };
            *orders += 1;
            *lots += u64::from(fix.shares);
        }
        self.messages += u64::from(!fixes.is_empty());
    }
}

/// Rows of an orderbook file, one for each line of the message file.
pub(super) struct Published {
    rows: BookRows,
    /// What the file is called in reports.
    name: String,
    /// Whether the line read last is a row that can be used.
    has_row: bool,
    /// How far the row before was known.
    known: [Reach; 2],
    tried: u64,
    differing: u64,
    orders_max: usize,
}

impl Published {
    pub(super) fn new(lines: Lines, name: String) -> Self {
        Self {
            rows: BookRows::new(lines),
            name,
            has_row: false,
            known: [Reach::Nothing; 2],
            tried: 0,
            differing: 0,
            orders_max: ORDERS_MAX,
        }
    }

    /// The same with room for so many orders.
    #[cfg(test)]
    pub(super) fn with_orders_max(self, orders_max: usize) -> Self {
        Self { orders_max, ..self }
    }

    /// Reads the row of the next message.
    ///
    /// # Errors
    ///
    /// How the message file's reading has to end: the orderbook ends before it, is damaged, or is another's.
    #[inline]
    pub(super) fn advance(&mut self, skips: &mut Skips) -> Result<(), End> {
        match self.rows.advance() {
            Some(true) => self.has_row = true,
            Some(false) => self.pass_over(skips),
            None => return Err(self.ended()),
        }
        if self.tried == TRIED_ROWS && 2 * self.differing > TRIED_ROWS {
            let fault = format!(
                "{} of the first {TRIED_ROWS} rows are not what their messages make of the row before: \
                 is it of the same day, symbol and times? Read without repair, only the first row is used",
                self.differing
            );
            return Err(self.broken(fault));
        }
        self.tried += 1;
        Ok(())
    }

    #[cold]
    fn pass_over(&mut self, skips: &mut Skips) {
        self.has_row = false;
        self.forget();
        self.differing += 1;
        let place = self.place();
        skips.count(ORDERBOOK, || format!("{place}: no row of levels, best first"));
    }

    #[cold]
    fn ended(&self) -> End {
        match self.rows.lines().outcome() {
            End::Broken { place, fault } => End::Broken { place: format!("{} {place}", self.name), fault },
            End::Running | End::Complete => self.broken(
                "the orderbook file ends before its message file. Read without repair, only its first row is used"
                    .to_owned(),
            ),
        }
    }

    #[cold]
    fn broken(&self, fault: String) -> End {
        End::Broken { place: self.place(), fault }
    }

    fn place(&self) -> String {
        format!("{} line {}", self.name, self.rows.lines().number())
    }

    /// After the last message: a row too many is counted.
    pub(super) fn finish(&mut self, skips: &mut Skips) {
        if self.rows.advance().is_some() {
            let place = self.place();
            skips.count(ORDERBOOK, || format!("{place}: the message file ended before"));
        }
    }

    /// A message was lost: the row before says nothing of the next.
    pub(super) fn forget(&mut self) {
        self.known = [Reach::Nothing; 2];
    }

    /// Fits the orders to the book before a message, and notes what that takes. Gives the shares that the message's level
    /// shows after it, where the row knows it.
    #[inline]
    pub(super) fn fit(
        &mut self,
        row: &Row,
        ledger: &mut Ledger,
        fixes: &mut Vec<Fix>,
        skips: &mut Skips,
    ) -> Option<u64> {
        if !self.has_row {
            return None;
        }
        let book = self.rows.row_mut();
        let reach = [reach_of(book, 0), reach_of(book, 1)];
        let mut after = None;
        let mut differs = false;
        if matches!(row.event, b'1'..=b'4') && reach[usize::from(row.side)].covers(row.side, row.price_e4) {
            let shares = book.shares_at(usize::from(row.side), row.price_e4);
            let before = shares.checked_add_signed(-shares_told(row));
            // With less at the level than just came there, the message cannot be undone.
            differs = before.is_none();
            book.set_shares(usize::from(row.side), row.price_e4, before.unwrap_or(0));
            after = Some(shares);
        }
        for side in [0u8, 1] {
            let place = usize::from(side);
            let (levels, known) = (&book.sides[place], self.known[place]);
            differs |= ledger.fit_side(side, levels, reach[place], known, row.order_ref, fixes);
        }
        self.known = reach;
        if differs {
            self.differing += 1;
            let place = self.place();
            skips.count(ORDERBOOK, || {
                format!("{place}: not what its message makes of the row before; the row is believed")
            });
        }
        while ledger.len() >= self.orders_max && ledger.let_farthest_go(reach, fixes) {}
        after
    }
}

/// How far a row knows a side: up to its last level, or, where a level is not occupied, to the end.
fn reach_of(book: &BookRow, side: usize) -> Reach {
    match book.sides[side].last() {
        Some(BookLevel { price_e4, .. }) if book.sides[side].len() == book.depth => Reach::To(*price_e4),
        _ => Reach::All,
    }
}
