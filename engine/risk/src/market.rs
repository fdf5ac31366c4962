//! What the market must look like for an order to leave: phase, staleness, clocks, and a reference to stay near.

use tickrace_types::TopOfBook;

use crate::controls::MarketTimes;
use crate::limits::MarketLimits;
use crate::{LimitsError, Reason};

const NS_PER_MS: i64 = 1_000_000;

/// Controls 14 and 15.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketGuard {
    book_age_max_ns: i64,
    clock_difference_max_ns: i64,
    phase_mask: u8,
}

impl MarketGuard {
    pub fn new(limits: &MarketLimits) -> Result<Self, LimitsError> {
        MarketTimes::new(limits).map(|times| Self::of_times(&times))
    }

    /// From the limits of a later version.
    pub fn of_times(times: &MarketTimes) -> Self {
        Self {
            book_age_max_ns: times.book_age_max_ms.saturating_mul(NS_PER_MS),
            clock_difference_max_ns: times.clock_difference_max_ms.saturating_mul(NS_PER_MS),
            phase_mask: times.phase_mask,
        }
    }

    /// Whether an order may rest on this book at `now_ns`.
    #[inline(always)]
    pub fn judge(&self, top: &TopOfBook, now_ns: i64) -> Result<(), Reason> {
        if top.stale != 0 {
            return Err(Reason::BookStale);
        }
        if self.phase_mask >> top.phase() as u8 & 1 == 0 {
            return Err(Reason::Phase);
        }
        if top.bid_qty > 0 && top.ask_qty > 0 && top.bid_px >= top.ask_px {
            return Err(Reason::BookCrossed);
        }
        let age_ns = now_ns.saturating_sub(top.ts_recv_ns);
        if age_ns > self.book_age_max_ns {
            return Err(Reason::BookAge);
        }
        let difference_ns = top.ts_recv_ns.saturating_sub(top.ts_venue_ns).saturating_abs();
        if difference_ns > self.clock_difference_max_ns || age_ns < -self.clock_difference_max_ns {
            return Err(Reason::ClockDifference);
        }
        Ok(())
    }
}

/// Reference price times two: the mid of a firm book, else the last trade, else `fair_px`; doubled so that the
/// mid stays exact.
#[inline]
pub(crate) fn reference_doubled(top: &TopOfBook, fair_px: Option<i64>) -> Option<i64> {
    if top.is_firm() {
        return Some(top.bid_px.saturating_add(top.ask_px));
    }
    let last_px = (top.stale == 0 && top.last_qty > 0).then_some(top.last_px);
    last_px.or(fair_px).map(|px| px.saturating_mul(2))
}

/// Whether a limit price is within `collar_bps` of the reference, both ways (control 1).
#[inline]
pub(crate) fn is_within_collar(px: i64, reference_doubled: i64, collar_bps: i64) -> bool {
    // 65 bits times 14 bits: 128 hold it.
    let distance_doubled = (i128::from(px) * 2 - i128::from(reference_doubled)).unsigned_abs();
    let allowed = u128::from(reference_doubled.unsigned_abs()) * u128::from(collar_bps.unsigned_abs());
    distance_doubled * 10_000 <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collar_includes_its_edge_on_both_sides() {
        // Mid 100.005, doubled 200.01; 100 bp of it are 1.00005: from 99.00495 to 101.00505.
        let doubled = 200_010_000_000;
        assert!(is_within_collar(101_005_050_000, doubled, 100));
        assert!(!is_within_collar(101_005_050_001, doubled, 100));
        assert!(is_within_collar(99_004_950_000, doubled, 100));
        assert!(!is_within_collar(99_004_949_999, doubled, 100));
    }

    #[test]
    fn a_reference_below_zero_has_a_collar_too() {
        assert!(is_within_collar(-101, -200, 100));
        assert!(!is_within_collar(-102, -200, 100));
        assert!(is_within_collar(i64::MIN, i64::MIN, 1) || !is_within_collar(i64::MAX, i64::MIN, 1));
    }

    #[test]
    fn the_reference_is_the_mid_then_the_last_trade_then_our_own_price() {
        let firm = TopOfBook { bid_px: 10, ask_px: 13, bid_qty: 1, ask_qty: 1, ..TopOfBook::default() };
        assert_eq!(reference_doubled(&firm, Some(7)), Some(23));
        let one_sided = TopOfBook { ask_qty: 0, last_px: 11, last_qty: 1, ..firm };
        assert_eq!(reference_doubled(&one_sided, Some(7)), Some(22));
        let untraded = TopOfBook { last_qty: 0, ..one_sided };
        assert_eq!(reference_doubled(&untraded, Some(7)), Some(14));
        assert_eq!(reference_doubled(&untraded, None), None);
    }
}
