//! Decimal numbers of text formats, read exactly: no float stands between a file and a price.

/// Decimals of a nano-unit.
pub const NANO_DECIMALS: u32 = 9;

/// Reads a plain decimal (`-12.340`, `.5`, `7`), also with an exponent (`1e-05`), as nano-units. `None` where it is
/// none, has digits beyond the ninth decimal that are not zero, or leaves the range.
pub fn nanos(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    // Decimals read so far; none before the point.
    let mut decimals: Option<u32> = None;
    let mut any = false;
    for (place, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                let digit = i64::from(byte - b'0');
                match &mut decimals {
                    Some(NANO_DECIMALS) if digit == 0 => continue,
                    Some(NANO_DECIMALS) => return scientific(text),
                    Some(count) => *count += 1,
                    None => {}
                }
                value = value.checked_mul(10)?.checked_add(digit)?;
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            b'e' | b'E' if any && place > 0 => return scientific(text),
            _ => return None,
        }
    }
    if !any {
        return None;
    }
    let scaled = value.checked_mul(POWERS[(NANO_DECIMALS - decimals.unwrap_or(0)) as usize])?;
    Some(if is_negative { -scaled } else { scaled })
}

/// Powers of ten up to 10^18.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};

/// The rare forms: an exponent, or more decimals than a nano-unit has.
#[cold]
fn scientific(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(9)?;
    let scaled = match u32::try_from(shift) {
        Ok(up) => value.checked_mul(10i128.checked_pow(up)?)?,
        Err(_) => {
            let divisor = 10i128.checked_pow(shift.unsigned_abs())?;
            (value % divisor == 0).then(|| value / divisor)?
        }
    };
    i64::try_from(if is_negative { -scaled } else { scaled }).ok()
}

/// Reads a decimal as a whole count of `10^-decimals`, `decimals` from 0 to 9; `None` as with [`nanos`], which is this
/// for nine.
#[inline]
pub fn fixed(text: &[u8], decimals: u32) -> Option<i64> {
    debug_assert!(decimals <= NANO_DECIMALS, "{decimals} decimals");
    // Plain whole numbers are read at once, and may be as large as their own scale lets them.
    if let Some(whole) = integer(text) {
        return i64::try_from(whole).ok()?.checked_mul(*POWERS.get(decimals as usize)?);
    }
    let lost = *POWERS.get(NANO_DECIMALS.checked_sub(decimals)? as usize)?;
    let nanos = nanos(text)?;
    (nanos % lost == 0).then_some(nanos / lost)
}

/// Reads an unsigned integer; `None` where it is none or leaves the range.
#[inline]
pub fn integer(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// A time since the Unix epoch as nanoseconds, whatever its unit: seconds below 10^11, milliseconds below 10^14,
/// microseconds below 10^17, else nanoseconds. So every unit is told apart from 1973 on. `None` beyond 64 bits.
#[inline]
pub fn epoch_ns(value: u64) -> Option<i64> {
    const UNITS: [(u64, u64); 3] = [
        (100_000_000_000, 1_000_000_000),
        (100_000_000_000_000, 1_000_000),
        (100_000_000_000_000_000, 1_000),
    ];
    let unit_ns = UNITS.iter().find(|(below, _)| value < *below).map_or(1, |(_, unit_ns)| *unit_ns);
    value.checked_mul(unit_ns).and_then(|ns| i64::try_from(ns).ok())
}

/// Nano-units as whole lots of `lot_nanos`; `None` where they are not whole, below zero, or beyond 64 bits.
#[inline]
pub fn lots(nanos: i64, lot_nanos: i64) -> Option<u64> {
    (nanos % lot_nanos == 0).then(|| u64::try_from(nanos / lot_nanos).ok()).flatten()
}

/// The largest power of ten, at most one, that divides all nano-units it was shown: the step of a column of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    nanos: i64,
}

impl Default for Step {
    fn default() -> Self {
        Self { nanos: POWERS[9] }
    }
}

impl Step {
    /// Takes a value into account.
    #[inline]
    pub fn show(&mut self, nanos: i64) {
        while nanos % self.nanos != 0 {
            self.nanos /= 10;
        }
    }

    /// The step, nano-units: 1_000_000_000 before the first value.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_decimal_of_nine_places_comes_back(value in any::<i64>().prop_filter("has no positive twin", |v| *v != i64::MIN)) {
            let text = format!("{}{}.{:09}", if value < 0 { "-" } else { "" }, value.unsigned_abs() / 1_000_000_000, value.unsigned_abs() % 1_000_000_000);
            prop_assert_eq!(nanos(text.as_bytes()), Some(value));
            prop_assert_eq!(nanos(format!("{text}000").as_bytes()), Some(value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (nanos(&bytes), integer(&bytes));
        }
    }

    #[test]
    fn exponents_and_long_zeros_are_read_and_lost_digits_are_not() {
        assert_eq!(nanos(b"1e-05"), Some(10_000));
        assert_eq!(nanos(b"-2.5E3"), Some(-2_500_000_000_000));
        assert_eq!(nanos(b"0.10000000000000"), Some(100_000_000));
        for bad in ["", "-", ".", "1.2.3", "0.0000000001", "1e", "e5", "nan", "12a", "99999999999"] {
            assert_eq!(nanos(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn one_instant_is_the_same_in_every_unit() {
        for value in [1_723_161_256, 1_723_161_256_000, 1_723_161_256_000_000, 1_723_161_256_000_000_000] {
            assert_eq!(epoch_ns(value), Some(1_723_161_256_000_000_000), "{value}");
        }
        assert_eq!(epoch_ns(u64::MAX), None);
    }

    #[test]
    fn a_scale_of_fewer_decimals_reads_larger_numbers_and_no_finer_ones() {
        assert_eq!(fixed(b"494100", 5), Some(49_410_000_000));
        assert_eq!(fixed(b"1723161256000000000", 0), Some(1_723_161_256_000_000_000));
        assert_eq!((fixed(b"12.25", 3), fixed(b"-1.5e1", 0)), (Some(12_250), Some(-15)));
        for (bad, decimals) in [("12.3456", 3), ("", 0), ("1723161256000000000", 3)] {
            assert_eq!(fixed(bad.as_bytes(), decimals), None, "{bad}");
        }
    }

    #[test]
    fn the_step_of_a_column_is_its_finest_decimal() {
        let mut step = Step::default();
        for text in ["12.5", "3", "0.050"] {
            step.show(nanos(text.as_bytes()).expect("a number"));
        }
        assert_eq!(step.nanos(), 10_000_000);
        assert_eq!((lots(50_000_000, 10_000_000), lots(55_000_000, 10_000_000)), (Some(5), None));
    }
}
