//! Cash on its way out: exact inside, a plain decimal number in JSON.

use serde::Serializer;
use tickrace_types::Cash;

/// The float nearest to the amount, in units of its currency; for output only.
pub fn nearest(cash: Cash) -> f64 {
    // Through the decimal text: `Cash::to_f64` adds two roundings, this makes one.
    cash.to_string().parse().unwrap_or_else(|_| cash.to_f64())
}

/// For `#[serde(serialize_with)]`: a JSON number in units of the currency.
///
/// # Errors
///
/// Only those of the serializer.
pub fn serialize<S: Serializer>(cash: &Cash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(nearest(*cash))
}

/// A fee of a fill record, 1e-9 of the currency, as cash.
pub fn from_nanos(nanos: i64) -> Cash {
    Cash(i128::from(nanos) * 1_000_000_000)
}

/// `cash * part / whole`, rounded towards zero; `whole` is positive and `part` lies in `0..=whole`.
pub fn fraction(cash: Cash, part: i64, whole: i64) -> Cash {
    assert!(whole > 0 && (0..=whole).contains(&part), "{part} of {whole} is not a fraction");
    let (part, whole) = (i128::from(part), i128::from(whole));
    // Beyond i128 the last digits of a cost basis do not matter; what closes sums is that it is taken off once.
    Cash(cash.0.checked_mul(part).map_or_else(|| cash.0 / whole * part, |product| product / whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_types::cash::CASH_UNIT;

    #[test]
    fn json_shows_the_decimal_a_person_expects() {
        assert_eq!(nearest(Cash(CASH_UNIT / 10 + CASH_UNIT / 5)).to_string(), "0.3");
        assert_eq!(nearest(Cash(-5 * CASH_UNIT / 2)).to_string(), "-2.5");
    }

    #[test]
    fn a_part_of_an_amount_is_exact_where_it_divides() {
        assert_eq!(fraction(Cash(900), 1, 3), Cash(300));
        assert_eq!(fraction(Cash(-900), 2, 3), Cash(-600));
        // Too large to multiply first: 2^126 * 3 leaves i128, 2^126 / 4 * 3 does not.
        assert_eq!(fraction(Cash(1 << 126), 3, 4), Cash((1 << 124) * 3));
    }
}
