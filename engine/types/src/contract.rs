//! What lots of a contract are worth at a price, in the currency it settles in.
//!
//! Of a linear contract (and of goods) that is price × lots × multiplier. An inverse contract is worth a fixed amount of the
//! quote currency a lot and settles in the base currency: a long lot gains `multiplier × (1/entry − 1/exit)` of it, so
//! its value is minus multiplier over price.
//!
//! Value is additive in lots, to the last unit: however a position is cut into parts, fills or strategies, the parts add up. For
//! that the coins of *one* lot are rounded, towards zero, to 1e-18; what `n` lots are worth is off by less than `n` such
//! units (a million contracts: 1e-12 of a coin).
//!
//! Sources: BitMEX, "Inverse Perpetual Contracts Guide" and Binance, "COIN-M Futures: how to calculate profit and loss":
//! profit = contracts × contract value × (1 / entry − 1 / exit).

use crate::cash::CASH_UNIT;
use crate::instrument::Settlement;
use crate::price::NANOS;
use crate::{Cash, Instrument, Price};

/// Multiplier and settlement of an instrument: all that its money depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    multiplier_nanos: i64,
    is_inverse: bool,
}

impl Contract {
    /// Value linear in price. `multiplier_nanos`: quote currency a point of price and lot, nano-units.
    #[inline]
    pub const fn linear(multiplier_nanos: i64) -> Self {
        Self { multiplier_nanos, is_inverse: false }
    }

    /// Value linear in minus one over price. `multiplier_nanos`: quote currency that a lot stands for, nano-units.
    #[inline]
    pub const fn inverse(multiplier_nanos: i64) -> Self {
        Self { multiplier_nanos, is_inverse: true }
    }

    /// That of an instrument.
    #[inline]
    pub fn of(instrument: &Instrument) -> Self {
        Self {
            multiplier_nanos: instrument.multiplier_nanos,
            is_inverse: instrument.settlement == Settlement::Inverse,
        }
    }

    /// Whether it settles in the base currency.
    #[inline]
    pub const fn is_inverse(&self) -> bool {
        self.is_inverse
    }

    /// Value of a point of price for a lot, of an inverse contract of the lot itself: nano-units of the quote currency.
    #[inline]
    pub const fn multiplier_nanos(&self) -> i64 {
        self.multiplier_nanos
    }

    /// Signed value of signed lots at a price, in the settlement currency: buying pays it, selling brings it. Only
    /// differences of it are money; that of an inverse contract is negative when long. An inverse contract has no value at
    /// a price of zero or less: zero is given.
    #[inline]
    pub const fn value(&self, price: Price, lots: i64) -> Cash {
        if self.is_inverse {
            return Cash(-self.coins_of_a_lot(price).saturating_mul(lots as i128));
        }
        Cash::notional(price, lots, self.multiplier_nanos)
    }

    /// What lots stand for at a price, in the settlement currency, signed as the lots are: the base of rates and
    /// exposures.
    #[inline]
    pub const fn notional(&self, price: Price, lots: i64) -> Cash {
        if self.is_inverse {
            return Cash(self.coins_of_a_lot(price).saturating_mul(lots as i128));
        }
        Cash::notional(price, lots, self.multiplier_nanos)
    }

    /// What lots stand for in the *quote* currency, signed as the lots are. Of an inverse contract it does not depend on price.
    #[inline]
    pub const fn quote_notional(&self, price: Price, lots: i64) -> Cash {
        Cash::notional(self.quote_px(price), lots, self.multiplier_nanos)
    }

    /// The price at which price × lots × multiplier is the value in the quote currency: one for an inverse contract.
    #[inline]
    pub const fn quote_px(&self, price: Price) -> Price {
        if self.is_inverse { Price(NANOS) } else { price }
    }

    /// An amount of the settlement currency in the quote currency at a price, rounded down, which is against us for what
    /// we own. The amount itself unless the contract is inverse.
    #[inline]
    pub const fn in_quote(&self, amount: Cash, price: Price) -> Cash {
        if !self.is_inverse {
            return amount;
        }
        let (nano, px) = (NANOS as i128, price.0 as i128);
        // Whole part and remainder apart: the product of both in full may leave 128 bits.
        let (whole, rest) = (amount.0.div_euclid(nano), amount.0.rem_euclid(nano));
        Cash(whole.saturating_mul(px).saturating_add((rest * px).div_euclid(nano)))
    }

    /// Units of 1e-18 of the base currency in one lot, rounded towards zero.
    #[inline]
    const fn coins_of_a_lot(&self, price: Price) -> i128 {
        if price.0 <= 0 {
            return 0;
        }
        // Below 2^63 times 2^60: in range. Nano over nano leaves units, times 1e18 for cash.
        self.multiplier_nanos as i128 * CASH_UNIT / price.0 as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: i64 = 1_000_000_000;

    #[test]
    fn a_linear_contract_is_worth_price_times_lots_times_multiplier() {
        let future = Contract::linear(50 * ONE);
        assert_eq!(future.value(Price(2 * ONE), -3).to_string(), "-300.00");
        assert_eq!(future.notional(Price(2 * ONE), -3), future.quote_notional(Price(2 * ONE), -3));
        assert_eq!(future.in_quote(Cash(7), Price(5 * ONE)), Cash(7));
    }

    #[test]
    fn an_inverse_contract_is_worth_its_amount_over_price() {
        // 600 contracts of 100 dollars at 60,000: one coin, 60,000 dollars at any price.
        let perpetual = Contract::inverse(100 * ONE);
        let px = Price(60_000 * ONE);
        assert_eq!(perpetual.notional(px, 600).to_string(), "0.9999999999999996");
        assert_eq!(perpetual.quote_notional(px, -600).to_string(), "-60000.00");
        assert_eq!(perpetual.in_quote(Cash(CASH_UNIT / 2), px).to_string(), "30000.00");
        assert_eq!(perpetual.value(Price(0), 600), Cash::ZERO);
        assert_eq!(perpetual.value(Price(50_000 * ONE), 1).to_string(), "-0.002");
    }

    proptest! {
        #[test]
        fn parts_add_up_and_the_sum_is_below_the_fraction_by_less_than_a_unit_a_lot(
            multiplier in 1i64..1_000_000_000_000, px in 1i64..1_000_000_000_000_000,
            one in -1_000_000i64..1_000_000, other in -1_000_000i64..1_000_000,
        ) {
            let contract = Contract::inverse(multiplier);
            let value = |lots| contract.value(Price(px), lots).0;
            prop_assert_eq!(value(one) + value(other), value(one + other));
            // As a fraction: |value| x px <= |lots| x multiplier x 1e18 < (|value| + |lots|) x px.
            let (lots, coins) = (i128::from(one).abs(), value(one).abs());
            // Both sides below 1e6 x 1e12 x 1e18 = 1e36.
            let exact = lots * i128::from(multiplier) * CASH_UNIT;
            prop_assert!(coins * i128::from(px) <= exact);
            prop_assert!(lots == 0 || exact < (coins + lots) * i128::from(px));
        }
    }
}
