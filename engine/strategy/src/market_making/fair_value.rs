//! What an instrument is worth now, beside its mid: which side of the touch is heavier says where the mid goes next.

use serde::Deserialize;

/// What quotes stand around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FairValue {
    /// Halfway between the best bid and the best ask.
    #[default]
    Mid,
    /// The mid moved towards the thinner side: each price weighted by the other side's lots.
    WeightedMid,
    /// Where the mid is expected to end up, learned from the tape; see [`super::microprice`].
    Microprice,
}

/// Distance of the size-weighted mid from the mid: `(I - 1/2) spread` where `I` is the bid's share of the lots at the touch.
///
/// - `bid_qty`, `ask_qty`: lots at the touch, of a firm book.
/// - Result: in the unit of `spread`, within half of it; 0 where nothing is shown.
///
/// Source: Gatheral and Oomen, "Zero-intelligence realized variance estimation" (2010), section 2:
/// `(bid ask_qty + ask bid_qty) / (bid_qty + ask_qty)`.
#[inline]
pub fn weighted_mid_offset(bid_qty: u32, ask_qty: u32, spread: f64) -> f64 {
    let (bid, ask) = (f64::from(bid_qty), f64::from(ask_qty));
    let lots = bid + ask;
    if lots > 0.0 { (bid / lots - 0.5) * spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighted_mid_lies_towards_the_thinner_side() {
        // 100 at 99 against 300 at 101: (99 x 300 + 101 x 100) / 400 = 99.5, half a point below the mid of 100.
        assert!((weighted_mid_offset(100, 300, 2.0) + 0.5).abs() < 1e-15);
        assert_eq!(weighted_mid_offset(7, 7, 2.0), 0.0);
        // All on the bid: at the ask.
        assert_eq!(weighted_mid_offset(5, 0, 2.0), 1.0);
        assert_eq!(weighted_mid_offset(0, 0, 2.0), 0.0);
    }
}
