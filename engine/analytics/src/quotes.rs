//! How we quoted: time at work on both sides, spread shown, lives of orders, messages for a fill.

use std::collections::BTreeMap;

use serde::Serialize;
use tickrace_types::{Phase, Side, TopOfBook};

/// Time-weighted statistics of our quotes in one instrument; see [`QuoteStats`].
#[derive(Clone, Debug, Default)]
pub struct QuoteClock {
    /// Resting orders by price, and how many, for each side.
    levels: [BTreeMap<i64, u32>; 2],
    top: Option<TopOfBook>,
    last_ns: Option<i64>,
    sums: QuoteSums,
}

/// Sums that add over instruments.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuoteSums {
    open_ns: i64,
    any_ns: i64,
    two_sided_ns: i64,
    at_touch_ns: i64,
    spread_bps_ns: f64,
    market_ns: i64,
    market_spread_bps_ns: f64,
}

/// What the quotes of an instrument, or of all, looked like. Only time in continuous trading counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct QuoteStats {
    /// Continuous trading observed, nanoseconds; summed over instruments.
    pub open_ns: i64,
    /// Share of it with a quote on at least one side.
    pub quoted_share: Option<f64>,
    /// Share of it with a quote on both sides.
    pub two_sided_share: Option<f64>,
    /// Share of it, halved by side, with a quote at the market's best price or better.
    pub at_touch_share: Option<f64>,
    /// Mean distance of our best bid and ask while both stood, weighted by time, basis points of their middle.
    pub spread_bps: Option<f64>,
    /// The same of the market's best prices while the book was firm.
    pub market_spread_bps: Option<f64>,
}

impl QuoteClock {
    /// The market's best prices from `ts_ns` on.
    #[inline]
    pub fn on_top(&mut self, ts_ns: i64, top: &TopOfBook) {
        self.advance(ts_ns);
        self.top = Some(*top);
    }

    /// One of our orders rests at `price` from `ts_ns` on.
    pub fn on_rest(&mut self, ts_ns: i64, side: Side, price: i64) {
        self.advance(ts_ns);
        *self.levels[side.index()].entry(price).or_default() += 1;
    }

    /// It rests no longer.
    pub fn on_gone(&mut self, ts_ns: i64, side: Side, price: i64) {
        self.advance(ts_ns);
        let levels = &mut self.levels[side.index()];
        if let Some(count) = levels.get_mut(&price) {
            *count -= 1;
            if *count == 0 {
                levels.remove(&price);
            }
        }
    }

    /// Our best resting price.
    pub fn best(&self, side: Side) -> Option<i64> {
        let levels = &self.levels[side.index()];
        let entry = match side {
            Side::Bid => levels.last_key_value(),
            Side::Ask => levels.first_key_value(),
        };
        entry.map(|(price, _)| *price)
    }

    /// Adds the time since the last change, in which nothing changed.
    #[inline]
    fn advance(&mut self, ts_ns: i64) {
        let dt = ts_ns - self.last_ns.unwrap_or(ts_ns);
        if dt > 0 || self.last_ns.is_none() {
            self.last_ns = Some(ts_ns);
        }
        let Some(top) = self.top.filter(|_| dt > 0) else { return };
        let firm = top.is_firm();
        // A feed that never tells the phase counts where its book is firm.
        if !(top.phase() == Phase::Continuous || top.phase() == Phase::Unknown && firm) {
            return;
        }
        self.sums.open_ns += dt;
        let weight = dt as f64;
        if firm {
            self.sums.market_ns += dt;
            self.sums.market_spread_bps_ns += spread_bps(top.bid_px, top.ask_px) * weight;
        }
        let (bid, ask) = (self.best(Side::Bid), self.best(Side::Ask));
        if bid.is_some() || ask.is_some() {
            self.sums.any_ns += dt;
        }
        if let (Some(bid), Some(ask)) = (bid, ask) {
            self.sums.two_sided_ns += dt;
            self.sums.spread_bps_ns += spread_bps(bid, ask) * weight;
        }
        if firm {
            let touches = |at_touch: bool| if at_touch { dt } else { 0 };
            self.sums.at_touch_ns += touches(bid.is_some_and(|bid| bid >= top.bid_px));
            self.sums.at_touch_ns += touches(ask.is_some_and(|ask| ask <= top.ask_px));
        }
    }

    /// Closes the clock at the end of the data.
    pub fn finish(&mut self, ts_ns: i64) -> QuoteSums {
        self.advance(ts_ns);
        self.sums
    }
}

/// Distance of two prices in basis points of their middle.
fn spread_bps(bid: i64, ask: i64) -> f64 {
    let middle = (bid as f64 + ask as f64) / 2.0;
    if middle > 0.0 { (ask as f64 - bid as f64) / middle * 1e4 } else { 0.0 }
}

impl QuoteSums {
    /// Adds another instrument's.
    pub fn merge(&mut self, other: &Self) {
        self.open_ns += other.open_ns;
        self.any_ns += other.any_ns;
        self.two_sided_ns += other.two_sided_ns;
        self.at_touch_ns += other.at_touch_ns;
        self.spread_bps_ns += other.spread_bps_ns;
        self.market_ns += other.market_ns;
        self.market_spread_bps_ns += other.market_spread_bps_ns;
    }

    /// Shares and means.
    pub fn result(&self) -> QuoteStats {
        let over = |sum: f64, time: i64| (time > 0).then(|| sum / time as f64);
        QuoteStats {
            open_ns: self.open_ns,
            quoted_share: over(self.any_ns as f64, self.open_ns),
            two_sided_share: over(self.two_sided_ns as f64, self.open_ns),
            at_touch_share: over(self.at_touch_ns as f64 / 2.0, self.open_ns),
            spread_bps: over(self.spread_bps_ns, self.two_sided_ns),
            market_spread_bps: over(self.market_spread_bps_ns, self.market_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn top(bid: i64, ask: i64, phase: Phase) -> TopOfBook {
        TopOfBook {
            bid_px: bid * ONE,
            ask_px: ask * ONE,
            bid_qty: 1,
            ask_qty: 1,
            phase: phase as u8,
            ..TopOfBook::default()
        }
    }

    #[test]
    fn time_counts_only_in_continuous_trading() {
        let mut clock = QuoteClock::default();
        clock.on_top(0, &top(99, 101, Phase::PreOpen));
        clock.on_rest(10, Side::Bid, 98 * ONE);
        // Open from 100 to 300: bid alone until 150, both until 250, ask alone until the close.
        clock.on_top(100, &top(99, 101, Phase::Continuous));
        clock.on_rest(150, Side::Ask, 101 * ONE);
        clock.on_gone(250, Side::Bid, 98 * ONE);
        clock.on_top(300, &top(99, 101, Phase::Closed));
        let stats = clock.finish(1000).result();
        assert_eq!(stats.open_ns, 200);
        assert_eq!(stats.quoted_share, Some(1.0));
        assert_eq!(stats.two_sided_share, Some(0.5));
        // The ask stood at the touch for 150 of twice 200.
        assert_eq!(stats.at_touch_share, Some(150.0 / 400.0));
        // 98 to 101: 3 over 99.5; the market 2 over 100.
        assert!((stats.spread_bps.expect("both stood") - 3.0 / 99.5 * 1e4).abs() < 1e-9);
        assert!((stats.market_spread_bps.expect("firm") - 200.0).abs() < 1e-9);
    }

    #[test]
    fn the_best_of_several_levels_is_shown_and_a_shared_price_survives_one_leaving() {
        let mut clock = QuoteClock::default();
        clock.on_rest(0, Side::Bid, 5);
        clock.on_rest(0, Side::Bid, 7);
        clock.on_rest(0, Side::Bid, 7);
        clock.on_gone(0, Side::Bid, 7);
        assert_eq!(clock.best(Side::Bid), Some(7));
        clock.on_gone(0, Side::Bid, 7);
        clock.on_gone(0, Side::Bid, 7);
        assert_eq!(clock.best(Side::Bid), Some(5));
    }

    #[test]
    fn an_instrument_never_open_has_no_shares() {
        assert_eq!(QuoteClock::default().finish(10).result(), QuoteStats::default());
    }
}
