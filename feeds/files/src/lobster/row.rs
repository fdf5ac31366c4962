//! One row of a message file.

use crate::number::integer;

/// Nano-units of price in one unit of the file.
///
/// Source: LOBSTER sample files readme (2013), "Message File", column 5: dollar price times 10000.
pub const PRICE_UNIT_NANOS: i64 = 100_000;

/// Seconds of a day, in nanoseconds: times are below it.
const DAY_NS: i64 = 86_400_000_000_000;

/// A message. Source: LOBSTER sample files readme (2013), "Message File".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Nanoseconds after midnight in New York.
    pub ts_session_ns: i64,
    /// Column 2, `b'1'` to `b'7'`: submission, partial cancellation, deletion, execution of a visible order, execution
    /// of a hidden one, cross, halt.
    pub event: u8,
    /// Order number; 0 where the row has none.
    pub order_ref: u64,
    /// Shares; 0 in a halt.
    pub size: u32,
    /// Dollars times 10,000; in a halt -1 (halted), 0 (quoting resumes) or 1 (trading resumes).
    pub price_e4: i64,
    /// Side of the resting order: 0 bid, 1 ask.
    pub side: u8,
}

/// Why a row is none: the column's name, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// `time`, `type`, `order id`, `size`, `price`, `direction` or `row`.
    pub column: &'static str,
    /// Place of the column, from 0; the row as a whole where that is beyond the last.
    pub index: usize,
    /// What it must be.
    pub wanted: &'static str,
}

const WHOLE: RowFault = RowFault { column: "row", index: usize::MAX, wanted: "six columns" };

impl Row {
    /// Reads a row; a seventh column (the participant, in newer files) is passed over.
    ///
    /// # Errors
    ///
    /// [`RowFault`] for the first column that cannot be.
    #[inline]
    pub fn parse(line: &[u8]) -> Result<Self, RowFault> {
        let mut fields = line.split(|byte| *byte == b',');
        let mut field = || fields.next().ok_or(WHOLE);
        let (time, kind, order, size, price, direction) =
            (field()?, field()?, field()?, field()?, field()?, field()?);
        if fields.next().is_some() && fields.next().is_some() {
            return Err(WHOLE);
        }
        let fault = |column, index, wanted| RowFault { column, index, wanted };
        let ts_session_ns = time_ns(time).ok_or(fault("time", 0, "seconds after midnight, below 86400"))?;
        let event = match kind {
            [digit @ b'1'..=b'7'] => *digit,
            _ => return Err(fault("type", 1, "1 to 7")),
        };
        let is_on_order = matches!(event, b'1'..=b'4');
        // The highest bit is kept for orders of our own making; rows without an order have 0 or -1.
        let order_ref = match integer(order) {
            Some(number) if number >> 63 == 0 && (number > 0 || !is_on_order) => number,
            None if !is_on_order && order == b"-1" => 0,
            _ => return Err(fault("order id", 2, "a positive number below 2^63")),
        };
        let size = integer(size)
            .and_then(|size| u32::try_from(size).ok())
            .filter(|size| *size > 0 || matches!(event, b'6' | b'7'))
            .ok_or(fault("size", 3, "a positive number of 32 bits"))?;
        let price_e4 = signed(price)
            .filter(|price| match event {
                b'7' => (-1..=1).contains(price),
                b'6' => (0..PRICE_E4_MAX).contains(price),
                _ => (1..PRICE_E4_MAX).contains(price),
            })
            .ok_or(fault("price", 4, "dollars times 10000, positive (a halt: -1, 0 or 1)"))?;
        let side = match direction {
            b"1" => 0,
            b"-1" => 1,
            _ => return Err(fault("direction", 5, "1 or -1")),
        };
        Ok(Self { ts_session_ns, event, order_ref, size, price_e4, side })
    }

    /// Price in nano-units; meaningless in a halt.
    #[inline]
    pub const fn price_nanos(&self) -> i64 {
        self.price_e4 * PRICE_UNIT_NANOS
    }
}

/// Seconds after midnight with decimals as nanoseconds. Some files went through a float and have noise behind the ninth
/// decimal (`35821.088778456004`): the nearest nanosecond is meant.
#[inline]
fn time_ns(text: &[u8]) -> Option<i64> {
    let mut value: i64 = 0;
    let mut decimals: Option<u32> = None;
    let mut is_up = false;
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    for &byte in text {
        match (byte, decimals) {
            (b'0'..=b'9', Some(9)) => {
                is_up = byte >= b'5';
                decimals = Some(10);
            }
            (b'0'..=b'9', Some(10)) => {}
            (b'0'..=b'9', _) => {
                value = value * 10 + i64::from(byte - b'0');
                decimals = decimals.map(|count| count + 1);
                // Before the point no more digits than a day has.
                if decimals.is_none() && value > DAY_NS {
                    return None;
                }
            }
            (b'.', None) => decimals = Some(0),
            _ => return None,
        }
    }
    let missing = 9 - decimals.unwrap_or(0).min(9);
    let value = value.checked_mul(10i64.pow(missing))? + i64::from(is_up);
    (!text.is_empty() && text != b"." && value < DAY_NS).then_some(value)
}

/// Bytes of the longest time: five digits, the point, and what a float prints.
const TIME_BYTES_MAX: usize = 24;

/// Prices are below it, so that nano-units fit.
pub(crate) const PRICE_E4_MAX: i64 = i64::MAX / PRICE_UNIT_NANOS;

/// A whole number with or without a sign.
#[inline]
pub(crate) fn signed(text: &[u8]) -> Option<i64> {
    match text.split_first()? {
        (b'-', digits) => integer(digits).and_then(|value| i64::try_from(value).ok()).map(|value| -value),
        _ => integer(text).and_then(|value| i64::try_from(value).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_and_each_bad_column_is_named() {
        let row = Row::parse(b"34200.00426064,1,16113584,18,5853200,-1").expect("a row");
        assert_eq!(row.ts_session_ns, 34_200_004_260_640);
        assert_eq!((row.event, row.order_ref, row.size, row.side), (b'1', 16_113_584, 18, 1));
        assert_eq!(row.price_nanos(), 585_320_000_000);
        for (text, column) in [
            ("", "row"),
            ("34200,1,1,1,1", "row"),
            ("34200,1,1,1,1,1,null,x", "row"),
            ("86400,1,1,1,1,1", "time"),
            ("-1,1,1,1,1,1", "time"),
            (".,1,1,1,1,1", "time"),
            (",1,1,1,1,1", "time"),
            ("1.2.3,1,1,1,1,1", "time"),
            ("99999999999999999999,1,1,1,1,1", "time"),
            ("1.0000000000000000000000000,1,1,1,1,1", "time"),
            ("34200,8,1,1,1,1", "type"),
            ("34200,11,1,1,1,1", "type"),
            ("34200,4,0,1,1,1", "order id"),
            ("34200,4,9223372036854775808,1,1,1", "order id"),
            ("34200,4,1,0,1,1", "size"),
            ("34200,4,1,4294967296,1,1", "size"),
            ("34200,4,1,1,0,1", "price"),
            ("34200,1,1,1,9999999999999999,1", "price"),
            ("34200,7,0,0,2,-1", "price"),
            ("34200,4,1,1,1,0", "direction"),
        ] {
            assert_eq!(Row::parse(text.as_bytes()).expect_err(text).column, column, "{text}");
        }
        let time = |text: &[u8]| Row::parse(&[text, b",1,1,1,1,1"].concat()).expect("a row").ts_session_ns;
        assert_eq!(time(b"35821.088778456004"), 35_821_088_778_456);
        assert_eq!(time(b"35821.088778455998"), 35_821_088_778_456);
        assert_eq!(time(b"86399.999999999"), DAY_NS - 1);
        assert_eq!(time(b"34200"), 34_200_000_000_000);
        assert!(Row::parse(b"34200.1,6,-1,0,0,1,null").is_ok());
        assert!(Row::parse(b"36023,7,0,0,-1,-1").is_ok());
    }
}
