//! Prices of our own open orders, for self-trade prevention (control 11).
//!
//! Each side of each instrument has a fixed stretch of one array, unordered, and its best price cached. An order
//! stands in it once, twice while a replacement is in flight. Adding compares; taking away the best scans, over
//! no more than the limit on open orders allows.

use tickrace_types::Side;

/// Best price of an empty side: one that no order crosses.
pub(crate) const NO_PRICE: [i64; 2] = [i64::MIN, i64::MAX];

/// One side of one instrument.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: usize,
    capacity: usize,
    len: usize,
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct OwnPrices {
    prices: Vec<i64>,
    sides: Vec<[Stretch; 2]>,
}

impl OwnPrices {
    /// `orders_max`: by instrument, the most open orders on one side.
    pub fn new(orders_max: impl Iterator<Item = usize>) -> Self {
        let mut start = 0;
        let mut stretch = |capacity| {
            let own = Stretch { start, capacity, len: 0 };
            start += capacity;
            own
        };
        let sides = orders_max.map(|count| [stretch(2 * count), stretch(2 * count)]).collect();
        Self { prices: vec![0; start], sides }
    }

    /// Adds a price; the best afterwards, given the best before.
    #[inline]
    pub fn add(&mut self, instrument: usize, side: Side, px: i64, best: i64) -> i64 {
        let stretch = &mut self.sides[instrument][side.index()];
        debug_assert!(stretch.len < stretch.capacity, "two prices an order are the bound");
        if stretch.len < stretch.capacity {
            self.prices[stretch.start + stretch.len] = px;
            stretch.len += 1;
        }
        if side.is_better(px, best) { px } else { best }
    }

    /// Takes one such price away; the best afterwards, given the best before.
    pub fn remove(&mut self, instrument: usize, side: Side, px: i64, best: i64) -> i64 {
        let stretch = &mut self.sides[instrument][side.index()];
        let prices = &mut self.prices[stretch.start..stretch.start + stretch.len];
        let Some(place) = prices.iter().position(|own| *own == px) else {
            debug_assert!(false, "price {px} was never added");
            return best;
        };
        prices.swap(place, stretch.len - 1);
        stretch.len -= 1;
        if px != best {
            return best;
        }
        let left = prices[..stretch.len].iter().copied();
        match side {
            Side::Bid => left.max(),
            Side::Ask => left.min(),
        }
        .unwrap_or(NO_PRICE[side.index()])
    }
}
