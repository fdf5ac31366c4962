//! Wanted quotes: what a policy would like to have resting, in the fewest words.

/// Most quote levels on one side of one instrument.
pub const LEVELS_MAX: usize = 8;

/// One wanted order: open quantity at a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Nano-units, on the instrument's grid.
    pub price: i64,
    /// Lots that should be open, positive.
    pub qty: i64,
}

/// What should rest in the book for one instrument, best first on each side.
///
/// Only the first `bid_count` and `ask_count` entries count. Fixed size, made once and reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WantedQuotes {
    /// Bids, highest price first.
    pub bids: [Quote; LEVELS_MAX],
    /// Asks, lowest price first.
    pub asks: [Quote; LEVELS_MAX],
    /// How many of `bids` count, at most [`LEVELS_MAX`].
    pub bid_count: usize,
    /// How many of `asks` count, at most [`LEVELS_MAX`].
    pub ask_count: usize,
    /// A resting order this far from the wanted price, nano-units, is left where it is; 0 for none.
    pub keep_within_nanos: i64,
    /// A resting order short of the wanted quantity by at most this many lots is left as it is. More than
    /// wanted is always reduced: that keeps its place in the queue and a limit is a limit.
    pub keep_short_lots: i64,
}

impl WantedQuotes {
    /// Nothing wanted: everything resting is pulled.
    pub const NONE: Self = Self {
        bids: [Quote { price: 0, qty: 0 }; LEVELS_MAX],
        asks: [Quote { price: 0, qty: 0 }; LEVELS_MAX],
        bid_count: 0,
        ask_count: 0,
        keep_within_nanos: 0,
        keep_short_lots: 0,
    };

    /// Forgets all quotes, keeps the tolerances.
    #[inline]
    pub fn clear(&mut self) {
        self.bid_count = 0;
        self.ask_count = 0;
    }

    /// Adds a bid behind those present; `false` where the side is full or the quantity is not positive.
    #[inline]
    pub fn push_bid(&mut self, price: i64, qty: i64) -> bool {
        let open = self.bid_count < LEVELS_MAX && qty > 0;
        if open {
            self.bids[self.bid_count] = Quote { price, qty };
            self.bid_count += 1;
        }
        open
    }

    /// Adds an ask behind those present; `false` where the side is full or the quantity is not positive.
    #[inline]
    pub fn push_ask(&mut self, price: i64, qty: i64) -> bool {
        let open = self.ask_count < LEVELS_MAX && qty > 0;
        if open {
            self.asks[self.ask_count] = Quote { price, qty };
            self.ask_count += 1;
        }
        open
    }

    /// The bids that count.
    #[inline]
    pub fn bids(&self) -> &[Quote] {
        &self.bids[..self.bid_count.min(LEVELS_MAX)]
    }

    /// The asks that count.
    #[inline]
    pub fn asks(&self) -> &[Quote] {
        &self.asks[..self.ask_count.min(LEVELS_MAX)]
    }
}
