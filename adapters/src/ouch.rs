//! Nasdaq OUCH 5.0 order entry: an [`OrderRecord`] as Enter, Replace or Cancel.
//!
//! Big-endian, fixed layout, no options; nothing is allocated. Source: Nasdaq, "OUCH 5.0 Order Entry
//! Specification" (eight-byte prices and one-character time in force, as captured packets have them).

use tickrace_types::{Action, OrderRecord, OrderType, Side, TimeInForce};

/// Bytes of Enter Order without options.
pub const ENTER_SIZE: usize = 47;
/// Bytes of Replace Order without options.
pub const REPLACE_SIZE: usize = 40;
/// Bytes of Cancel Order.
pub const CANCEL_SIZE: usize = 9;
/// Bytes of the largest message encoded here.
pub const SIZE_MAX: usize = ENTER_SIZE;
/// Nano-units in the smallest step of an OUCH price, which has four implied decimals.
const PRICE4_NANOS: i64 = 100_000;
const DAY: u8 = TimeInForce::Day as u8;
const IOC: u8 = TimeInForce::Ioc as u8;
/// Largest order the venue takes, lots.
const QTY_MAX: i64 = 999_999;

/// Why an order has no OUCH encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// OUCH numbers orders from 1 in 32 bits.
    #[error("client id {0} is not from 1 to 4294967295")]
    ClientId(u64),
    /// Not from 1 to 999,999 lots.
    #[error("quantity of {0} lots is not from 1 to 999999")]
    Quantity(i64),
    /// Below zero or finer than four decimals.
    #[error("a price of {0} nano-units is negative or has more than four decimals")]
    Price(i64),
    /// Only limit prices are encoded.
    #[error("a market order has no limit price")]
    NoLimitPrice,
    /// Stops and pegged orders are not encoded; the code of the type.
    #[error("order type {0} is not encoded for OUCH")]
    OrderType(u8),
    /// OUCH has no such time in force without options; its code.
    #[error("time in force {0} is not encoded for OUCH")]
    TimeInForce(u8),
    /// Shown whole or not at all, and a post-only order is shown.
    #[error("an order that shows {0} lots is not encoded for OUCH")]
    Display(u32),
    /// The venue sets the mode for the whole port; the code asked for.
    #[error("self-trade prevention {0} cannot be said order by order")]
    SelfTrade(u8),
    /// The message names a firm, which an order record does not.
    #[error("a mass cancel is not encoded for OUCH")]
    MassCancel,
}

/// Writes the order to the front of `out` and gives the bytes used.
///
/// The client id becomes `user_ref_num`; a cancel names the order it is about and takes all of it off. The free
/// text carries the low 56 bits of `cause_seq` in hex, so that a drop copy leads back to the journal.
///
/// # Errors
///
/// [`EncodeError`] where a field has no place in the message; `out` is then untouched.
#[inline]
pub fn encode(order: &OrderRecord, symbol: &[u8; 8], out: &mut [u8; SIZE_MAX]) -> Result<usize, EncodeError> {
    match order.action() {
        Action::New => encode_enter(order, symbol, out),
        Action::Replace => encode_replace(order, out),
        Action::Cancel => encode_cancel(order, out),
        Action::MassCancel => Err(EncodeError::MassCancel),
    }
}

/// A symbol as OUCH carries it: right-padded with spaces. `None` where it is empty, longer than eight
/// characters or not printable ASCII.
pub fn symbol_field(symbol: &str) -> Option<[u8; 8]> {
    let bytes = symbol.as_bytes();
    let is_plain = bytes.iter().all(u8::is_ascii_graphic);
    if bytes.is_empty() || bytes.len() > 8 || !is_plain {
        return None;
    }
    let mut field = [b' '; 8];
    field[..bytes.len()].copy_from_slice(bytes);
    Some(field)
}

/// Source: OUCH 5.0, "Enter Order": 47 bytes and options.
fn encode_enter(
    order: &OrderRecord,
    symbol: &[u8; 8],
    out: &mut [u8; SIZE_MAX],
) -> Result<usize, EncodeError> {
    let terms = Terms::of(order)?;
    out[0] = b'O';
    out[1..5].copy_from_slice(&terms.ref_num);
    out[5] = match order.side() {
        Side::Bid => b'B',
        Side::Ask => b'S',
    };
    out[6..10].copy_from_slice(&terms.qty);
    out[10..18].copy_from_slice(symbol);
    out[18..26].copy_from_slice(&terms.price4);
    out[26] = terms.tif;
    out[27] = terms.display;
    // Principal, not an inter-market sweep, continuous market.
    out[28..31].copy_from_slice(b"PNN");
    out[31..45].copy_from_slice(&free_text(order.cause_seq));
    out[45..47].copy_from_slice(&[0; 2]);
    Ok(ENTER_SIZE)
}

/// Source: OUCH 5.0, "Replace Order": 40 bytes and options. The quantity is the new total, what has traded of the
/// order included, as in the record.
fn encode_replace(order: &OrderRecord, out: &mut [u8; SIZE_MAX]) -> Result<usize, EncodeError> {
    let original = ref_num(order.orig_client_id)?;
    let terms = Terms::of(order)?;
    out[0] = b'U';
    out[1..5].copy_from_slice(&original);
    out[5..9].copy_from_slice(&terms.ref_num);
    out[9..13].copy_from_slice(&terms.qty);
    out[13..21].copy_from_slice(&terms.price4);
    out[21] = terms.tif;
    out[22] = terms.display;
    out[23] = b'N';
    out[24..38].copy_from_slice(&free_text(order.cause_seq));
    out[38..40].copy_from_slice(&[0; 2]);
    Ok(REPLACE_SIZE)
}

/// Source: OUCH 5.0, "Cancel Order": 9 bytes; a quantity of 0 takes all off.
fn encode_cancel(order: &OrderRecord, out: &mut [u8; SIZE_MAX]) -> Result<usize, EncodeError> {
    let original = ref_num(order.orig_client_id)?;
    out[0] = b'X';
    out[1..5].copy_from_slice(&original);
    out[5..9].copy_from_slice(&[0; 4]);
    Ok(CANCEL_SIZE)
}

/// What Enter and Replace share, checked.
struct Terms {
    ref_num: [u8; 4],
    qty: [u8; 4],
    price4: [u8; 8],
    tif: u8,
    display: u8,
}

impl Terms {
    #[inline]
    fn of(order: &OrderRecord) -> Result<Self, EncodeError> {
        let order_type = OrderType::from_code(order.order_type);
        if order_type == OrderType::Market {
            return Err(EncodeError::NoLimitPrice);
        }
        if order.order_type > OrderType::Market as u8 {
            return Err(EncodeError::OrderType(order.order_type));
        }
        if order.stp != 0 {
            return Err(EncodeError::SelfTrade(order.stp));
        }
        let qty = u32::try_from(order.qty).ok().filter(|_| (1..=QTY_MAX).contains(&order.qty));
        let price4 = order.price / PRICE4_NANOS;
        if order.price < 0 || price4 * PRICE4_NANOS != order.price {
            return Err(EncodeError::Price(order.price));
        }
        Ok(Self {
            ref_num: ref_num(order.client_id)?,
            qty: qty.ok_or(EncodeError::Quantity(order.qty))?.to_be_bytes(),
            price4: price4.to_be_bytes(),
            tif: match order.tif {
                DAY => b'0',
                IOC => b'3',
                code => return Err(EncodeError::TimeInForce(code)),
            },
            display: match (order.display_qty, order_type) {
                (OrderRecord::SHOW_ALL, OrderType::PostOnly) => b'P',
                (OrderRecord::SHOW_ALL, _) => b'Y',
                (OrderRecord::SHOW_NONE, OrderType::Limit) => b'N',
                (lots, _) => return Err(EncodeError::Display(lots)),
            },
        })
    }
}

#[inline]
fn ref_num(client_id: u64) -> Result<[u8; 4], EncodeError> {
    match u32::try_from(client_id) {
        Ok(id) if id > 0 => Ok(id.to_be_bytes()),
        _ => Err(EncodeError::ClientId(client_id)),
    }
}

/// Fourteen hexadecimal digits.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the halves of the value, one after the other")]
fn free_text(value: u64) -> [u8; 14] {
    let mut text = [0; 14];
    text[..6].copy_from_slice(&hex_digits((value >> 32) as u32)[2..]);
    text[6..].copy_from_slice(&hex_digits(value as u32));
    text
}

/// Eight hexadecimal digits, all at once: digit by digit they were half the time of an encoding.
#[inline]
const fn hex_digits(value: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut digits = value as u64;
    digits = (digits & 0xFFFF_0000) << 16 | digits & 0xFFFF;
    digits = (digits & 0x0000_FF00_0000_FF00) << 8 | digits & 0x0000_00FF_0000_00FF;
    digits = (digits & 0x00F0_00F0_00F0_00F0) << 4 | digits & 0x000F_000F_000F_000F;
    // One in each byte whose digit is a letter; those stand seven further on than ten behind '0' would.
    let letters = (digits + 6 * ONES) >> 4 & ONES;
    (digits + 0x30 * ONES + 7 * letters).to_be_bytes()
}

#[cfg(test)]
mod tests;
