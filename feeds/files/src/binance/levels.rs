//! Arrays of price levels, `[["61800.20","2.909"],…]`, read exactly and without copying.

use memchr::memchr;

use crate::number;

/// A decimal of a string: nano-units and the decimals it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// Nano-units.
    pub nanos: i64,
    /// Decimals written, trailing zeros included.
    pub decimals: u32,
}

impl Decimal {
    /// Reads all of `text`.
    pub fn read(text: &[u8]) -> Option<Self> {
        match scan(text, 0) {
            Some((decimal, end)) if end == text.len() => Some(decimal),
            _ => Self::read_slowly(text),
        }
    }

    /// Signs, exponents and very long numbers.
    #[cold]
    fn read_slowly(text: &[u8]) -> Option<Self> {
        let nanos = number::nanos(text)?;
        let decimals = memchr(b'.', text).map_or(0, |point| text.len() - point - 1);
        Some(Self { nanos, decimals: u32::try_from(decimals).ok()? })
    }
}

/// Digits with at most one point, from `start` on, up to anything else; gives where that is. `None` where there is no
/// digit or the number is beyond the fast way.
#[inline]
fn scan(bytes: &[u8], start: usize) -> Option<(Decimal, usize)> {
    const SCALE: [i64; 10] =
        [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let mut at = start;
    let mut value: i64 = 0;
    while let Some(digit) = digit_at(bytes, at) {
        value = value.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let mut decimals = 0;
    let mut digits = at - start;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let point = at;
        while let Some(digit) = digit_at(bytes, at) {
            value = value.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        decimals = at - point;
        digits += decimals;
    }
    // Eighteen digits fit into 64 bits, so nothing has wrapped.
    if digits == 0 || digits > 18 {
        return None;
    }
    let nanos = value.checked_mul(*SCALE.get(decimals)?)?;
    Some((Decimal { nanos, decimals: u32::try_from(decimals).ok()? }, at))
}

#[inline]
fn digit_at(bytes: &[u8], at: usize) -> Option<i64> {
    let digit = bytes.get(at)?.wrapping_sub(b'0');
    (digit < 10).then(|| i64::from(digit))
}

/// Gives every level of an array, price then quantity. `None` where the array is damaged: what was given before
/// is not to be used then.
pub(crate) fn each_level(array: &[u8], mut on: impl FnMut(Decimal, Decimal)) -> Option<()> {
    if array == b"[]" {
        return Some(());
    }
    let mut at = expect(array, 0, b"[[\"")?;
    loop {
        let (price, next) = quoted(array, at)?;
        let next = expect(array, next, b",\"")?;
        let (qty, next) = quoted(array, next)?;
        on(price, qty);
        match array.get(next..)? {
            b"]]" => return Some(()),
            [b']', b',', b'[', b'"', ..] => at = next + 4,
            _ => return None,
        }
    }
}

/// A decimal up to the quotation mark, and where that was passed.
#[inline]
fn quoted(array: &[u8], at: usize) -> Option<(Decimal, usize)> {
    if let Some((decimal, end)) = scan(array, at)
        && array.get(end) == Some(&b'"')
    {
        return Some((decimal, end + 1));
    }
    let rest = array.get(at..)?;
    let length = memchr(b'"', rest)?;
    Some((Decimal::read_slowly(&rest[..length])?, at + length + 1))
}

#[inline]
fn expect(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(wanted).then_some(at + wanted.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn levels(array: &str) -> Option<Vec<(i64, i64)>> {
        let mut levels = Vec::new();
        each_level(array.as_bytes(), |price, qty| levels.push((price.nanos, qty.nanos)))?;
        Some(levels)
    }

    #[test]
    fn levels_are_read_and_damage_is_told() {
        assert_eq!(levels("[]"), Some(vec![]));
        let two = levels(r#"[["0.5","3"],["1e-5","0.00000000"]]"#);
        assert_eq!(two, Some(vec![(500_000_000, 3_000_000_000), (10_000, 0)]));
        for bad in [
            "",
            "[[]]",
            r#"[["1","2"]"#,
            r#"[["1",2]]"#,
            r#"[["1","2"],]"#,
            r#"[["","2"]]"#,
            r#"[["1","2"]] "#,
        ] {
            assert_eq!(levels(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_agrees_with_the_plain_one(text in "-?[0-9]{0,20}(\\.[0-9]{0,12})?(e-?[0-9])?") {
            prop_assert_eq!(Decimal::read(text.as_bytes()).map(|decimal| decimal.nanos), number::nanos(text.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"[]\",.0123e-".to_vec()), 0..60)) {
            let _ = each_level(&bytes, |_, _| {});
        }
    }
}
