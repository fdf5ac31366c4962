//! The orderbook file that stands beside a message file: its row `n` is the book after message `n`.

use crate::lines::Lines;
use crate::lobster::row::PRICE_E4_MAX;

/// Price of a level that is not there: this on the ask side, its negative on the bid side.
///
/// Source: LOBSTER sample files readme (2013), "Unoccupied Price Levels".
pub const EMPTY_PRICE_E4: i64 = 9_999_999_999;

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLevel {
    /// Dollars times 10,000.
    pub price_e4: i64,
    /// Shares, positive.
    pub shares: u64,
}

/// The book of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookRow {
    /// Levels of each side, bid 0 and ask 1, best first; those that are not occupied are left out.
    pub sides: [Vec<BookLevel>; 2],
    /// Levels of a side that the file has columns for.
    pub depth: usize,
}

impl BookRow {
    /// Reads a row into this one; false, and nothing of use in it, where it is none: the number of its columns is no
    /// multiple of four or above zero, a field is no number, a level lies behind a better one or behind an empty one.
    pub fn parse(&mut self, line: &[u8]) -> bool {
        self.sides.iter_mut().for_each(Vec::clear);
        self.depth = 0;
        let mut fields = Fields { rest: line, is_over: false };
        while !fields.is_over {
            let mut next = || fields.next();
            let (Some(ask_e4), Some(asked), Some(bid_e4), Some(bid)) = (next(), next(), next(), next())
            else {
                return false;
            };
            self.depth += 1;
            if !self.level(1, ask_e4, asked) || !self.level(0, bid_e4, bid) {
                return false;
            }
        }
        true
    }

    #[inline(always)]
    fn level(&mut self, side: usize, price_e4: i64, shares: i64) -> bool {
        let sign = if side == 0 { -1 } else { 1 };
        let Ok(shares) = u64::try_from(shares) else { return false };
        if shares == 0 {
            return price_e4 == sign * EMPTY_PRICE_E4;
        }
        let levels = &mut self.sides[side];
        let is_behind = levels.last().is_none_or(|last| (price_e4 - last.price_e4) * sign > 0);
        let is_price = (1..PRICE_E4_MAX).contains(&price_e4) && price_e4 != EMPTY_PRICE_E4;
        let is_sound = is_behind && is_price && levels.len() + 1 == self.depth;
        levels.push(BookLevel { price_e4, shares });
        is_sound
    }

    /// Shares at a price of a side; 0 where there is no such level.
    pub fn shares_at(&self, side: usize, price_e4: i64) -> u64 {
        self.sides[side].iter().find(|level| level.price_e4 == price_e4).map_or(0, |level| level.shares)
    }

    /// Sets the shares at a price of a side; 0 takes the level away. Levels stay in their order.
    pub fn set_shares(&mut self, side: usize, price_e4: i64, shares: u64) {
        let levels = &mut self.sides[side];
        let is_before =
            |level: &BookLevel| if side == 0 { level.price_e4 > price_e4 } else { level.price_e4 < price_e4 };
        let place = levels.partition_point(is_before);
        match levels.get_mut(place).filter(|level| level.price_e4 == price_e4) {
            Some(_) if shares == 0 => {
                levels.remove(place);
            }
            Some(level) => level.shares = shares,
            None if shares > 0 => levels.insert(place, BookLevel { price_e4, shares }),
            None => {}
        }
    }
}

/// Numbers of a row from left to right.
struct Fields<'a> {
    rest: &'a [u8],
    is_over: bool,
}

impl Fields<'_> {
    /// Digits that fit whatever they are.
    const DIGITS_MAX: usize = 18;

    /// The next number, up to its comma or the end; `None` where there is none of up to 18 digits.
    #[inline(always)]
    fn next(&mut self) -> Option<i64> {
        let is_negative = self.rest.first() == Some(&b'-');
        let digits = &self.rest[usize::from(is_negative)..];
        let (mut value, mut count) = (0i64, 0);
        while let Some(digit) =
            digits.get(count).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9)
        {
            if count == Self::DIGITS_MAX {
                return None;
            }
            value = value * 10 + i64::from(digit);
            count += 1;
        }
        match digits.get(count) {
            Some(b',') => self.rest = &digits[count + 1..],
            None => (self.rest, self.is_over) = (&[], true),
            Some(_) => return None,
        }
        (count > 0).then_some(if is_negative { -value } else { value })
    }
}

/// Rows of an orderbook file.
pub struct BookRows {
    lines: Lines,
    row: BookRow,
    depth: usize,
}

impl BookRows {
    /// Rows from where the lines stand.
    pub fn new(lines: Lines) -> Self {
        Self { lines, row: BookRow::default(), depth: 0 }
    }

    /// Reads the next row; `None` at the end, false where the line is none or has another number of columns than the first
    /// row.
    #[inline]
    pub fn advance(&mut self) -> Option<bool> {
        let mut line = self.lines.next()?;
        while line.trim_ascii().is_empty() {
            line = self.lines.next()?;
        }
        let is_row = self.row.parse(line);
        if self.depth == 0 && is_row {
            self.depth = self.row.depth;
        }
        Some(is_row && self.row.depth == self.depth)
    }

    /// The row read last, of no use where it was none.
    pub const fn row(&self) -> &BookRow {
        &self.row
    }

    /// The same, to be changed: it is read anew with the next line.
    pub const fn row_mut(&mut self) -> &mut BookRow {
        &mut self.row
    }

    /// What the rows are read from.
    pub const fn lines(&self) -> &Lines {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_side_and_empty_levels_are_left_out() {
        let mut row = BookRow::default();
        assert!(row.parse(b"5802300,100,5794000,496,9999999999,0,5787000,400"));
        let level = |price_e4, shares| BookLevel { price_e4, shares };
        assert_eq!(row.depth, 2);
        assert_eq!(row.sides[0], [level(5_794_000, 496), level(5_787_000, 400)]);
        assert_eq!(row.sides[1], [level(5_802_300, 100)]);
        row.set_shares(0, 5_790_000, 7);
        row.set_shares(1, 5_802_300, 0);
        row.set_shares(0, 5_787_000, 1);
        assert_eq!(row.sides[0], [level(5_794_000, 496), level(5_790_000, 7), level(5_787_000, 1)]);
        assert!(row.sides[1].is_empty());
        assert_eq!((row.shares_at(0, 5_790_000), row.shares_at(1, 5_802_300)), (7, 0));
    }

    #[test]
    fn rows_that_are_none_are_refused() {
        for text in [
            "",
            "1",
            "2,1,1",
            "2,1,1,1,",
            "x,1,1,1",
            // Empty by price but not by shares, and the other way round.
            "9999999999,5,1,1,3,1,1,1",
            "2,0,1,1",
            "2,-1,1,1",
            "2,1,-,1",
            "2,1,1,1234567890123456789",
            // Not behind the level before it; behind an empty one.
            "2,1,1,1,2,1,-9999999999,0",
            "2,1,-9999999999,0,3,1,1,1",
        ] {
            assert!(!BookRow::default().parse(text.as_bytes()), "{text}");
        }
    }
}
