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
        Self::scan(line).map_or_else(|| Self::parse_any(line), Ok)
    }

    /// Nearly every row of nearly every file, in one pass over its bytes; `None` for any other, good or bad.
    #[inline]
    fn scan(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { rest: line };
        let (seconds, _) = cursor.number(5)?;
        cursor.sign(b'.')?;
        let (fraction, decimals) = cursor.number(9)?;
        cursor.sign(b',')?;
        let (event, _) = cursor.number(1)?;
        cursor.sign(b',')?;
        let (order_ref, _) = cursor.number(18)?;
        cursor.sign(b',')?;
        let (size, _) = cursor.number(9)?;
        cursor.sign(b',')?;
        let (price, _) = cursor.number(10)?;
        let side = match cursor.rest {
            b",1" => 0,
            b",-1" => 1,
            _ => return None,
        };
        let is_sound = (1..=5).contains(&event)
            && seconds < 86_400
            && size > 0
            && price > 0
            && (order_ref > 0 || event == 5);
        let fraction_ns = fraction * DECIMALS.get(decimals)?;
        is_sound.then_some(())?;
        Some(Self {
            ts_session_ns: i64::try_from(seconds * 1_000_000_000 + fraction_ns).ok()?,
            event: b'0' + u8::try_from(event).ok()?,
            order_ref,
            size: u32::try_from(size).ok()?,
            price_e4: i64::try_from(price).ok()?,
            side,
        })
    }

    fn parse_any(line: &[u8]) -> Result<Self, RowFault> {
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

/// Nanoseconds of the last digit of a fraction of so many digits.
const DECIMALS: [u64; 10] =
    [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Reads a row from left to right.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// Takes one to `digits_max` digits, at most 19, and gives their value and count; more are left, where no sign
    /// follows them.
    #[inline(always)]
    fn number(&mut self, digits_max: usize) -> Option<(u64, usize)> {
        let (mut value, mut count) = (0, 0);
        while count < digits_max
            && let Some((byte, rest)) = self.rest.split_first()
        {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + u64::from(digit);
            count += 1;
            self.rest = rest;
        }
        (count > 0).then_some((value, count))
    }

    #[inline(always)]
    fn sign(&mut self, sign: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[sign])?;
        Some(())
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn one_pass_over_the_bytes_reads_what_the_slow_way_reads(
            place in 0usize..48, byte in prop::sample::select(b"0123456789.,-1x".to_vec()),
            seconds in 0u32..100_000, fraction in "[0-9]{0,12}", event in 0u8..9, order in 0u64..1 << 40,
            size in 0u32..5_000, price in 0u64..10_000_000_000, side in prop::sample::select(vec!["1", "-1", "1,null"]),
        ) {
            let mut text = format!("{seconds}.{fraction},{event},{order},{size},{price},{side}").into_bytes();
            let check = |text: &[u8]| match Row::scan(text) {
                Some(row) => Row::parse_any(text) == Ok(row),
                None => true,
            };
            prop_assert!(check(&text));
            if let Some(at) = text.get_mut(place) {
                *at = byte;
            }
            prop_assert!(check(&text));
        }
    }

    #[test]
    fn a_row_is_read_and_each_bad_column_is_named() {
        let text = b"34200.00426064,1,16113584,18,5853200,-1";
        let row = Row::parse(text).expect("a row");
        assert_eq!(Row::scan(text), Some(row));
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
