//! One limit of one instrument that is another for a while, at an operator's word (control 23).

use crate::limits::InstrumentLimits;

/// Most overrides at one time.
pub(crate) const OVERRIDES_MAX: usize = 64;

/// A limit that may be overridden. Codes stand in journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LimitKey {
    /// `price_collar_bps`.
    PriceCollar = 1,
    /// `order_qty_max_lots`.
    OrderQty = 2,
    /// `order_notional_max_ccy`.
    OrderNotional = 3,
    /// `position_max_lots`.
    Position = 4,
    /// `open_qty_side_max_lots`.
    OpenQty = 5,
}

impl LimitKey {
    /// All of them. Open orders on a side are not among them: their limit is the gate's own room.
    pub const ALL: [Self; 5] =
        [Self::PriceCollar, Self::OrderQty, Self::OrderNotional, Self::Position, Self::OpenQty];

    /// The key in a limits file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PriceCollar => "price_collar_bps",
            Self::OrderQty => "order_qty_max_lots",
            Self::OrderNotional => "order_notional_max_ccy",
            Self::Position => "position_max_lots",
            Self::OpenQty => "open_qty_side_max_lots",
        }
    }

    /// From its name in a limits file.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The limit it names.
    pub(crate) const fn of(self, limits: &mut InstrumentLimits) -> &mut i64 {
        match self {
            Self::PriceCollar => &mut limits.price_collar_bps,
            Self::OrderQty => &mut limits.order_qty_max_lots,
            Self::OrderNotional => &mut limits.order_notional_max_ccy,
            Self::Position => &mut limits.position_max_lots,
            Self::OpenQty => &mut limits.open_qty_side_max_lots,
        }
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|key| *key as u32 == code)
    }
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub place: usize,
    pub key: LimitKey,
    pub value: i64,
    pub until_ns: i64,
}

/// All that count now.
#[derive(Clone, Debug)]
pub(crate) struct Overrides {
    list: Vec<Override>,
}

impl Overrides {
    pub fn new() -> Self {
        Self { list: Vec::with_capacity(OVERRIDES_MAX) }
    }

    /// Takes one over, in place of an earlier one of the same limit; false where there is no room.
    pub fn put(&mut self, one: Override) -> bool {
        self.list.retain(|known| (known.place, known.key) != (one.place, one.key));
        let has_room = self.list.len() < OVERRIDES_MAX;
        if has_room {
            self.list.push(one);
        }
        has_room
    }

    /// When the next one ends; `i64::MAX` for none.
    pub fn next_end_ns(&self) -> i64 {
        self.list.iter().map(|one| one.until_ns).min().unwrap_or(i64::MAX)
    }

    /// Ends one that is over at `now_ns`; whose it was.
    pub fn expire(&mut self, now_ns: i64) -> Option<usize> {
        let over = self.list.iter().position(|one| one.until_ns <= now_ns)?;
        Some(self.list.swap_remove(over).place)
    }

    /// Ends those that a later word has taken back.
    pub fn end_where(&mut self, is_over: impl Fn(&Override) -> bool) {
        self.list.retain(|one| !is_over(one));
    }

    /// Those of one instrument.
    pub fn of(&self, place: usize) -> impl Iterator<Item = &Override> {
        self.list.iter().filter(move |one| one.place == place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_word_takes_the_place_of_an_earlier_one_and_each_ends_in_its_time() {
        let mut overrides = Overrides::new();
        let one = Override { place: 1, key: LimitKey::Position, value: 5, until_ns: 10 };
        assert!(overrides.put(one) && overrides.put(Override { value: 7, until_ns: 20, ..one }));
        assert!(overrides.put(Override { key: LimitKey::OrderQty, until_ns: 15, ..one }));
        assert_eq!(overrides.of(1).count(), 2);
        assert_eq!(overrides.next_end_ns(), 15);
        assert_eq!(overrides.expire(14), None);
        assert_eq!(overrides.expire(20), Some(1));
        assert_eq!(overrides.expire(20), Some(1));
        assert_eq!((overrides.expire(20), overrides.next_end_ns()), (None, i64::MAX));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let mut overrides = Overrides::new();
        let one = |place| Override { place, key: LimitKey::Position, value: 5, until_ns: 10 };
        assert!((0..OVERRIDES_MAX).all(|place| overrides.put(one(place))));
        assert!(!overrides.put(one(OVERRIDES_MAX)) && overrides.put(one(0)));
    }

    #[test]
    fn keys_come_back_by_name_and_code() {
        for key in LimitKey::ALL {
            assert_eq!(LimitKey::from_name(key.name()), Some(key));
            assert_eq!(LimitKey::from_code(key as u32), Some(key));
        }
        assert_eq!(LimitKey::from_name("open_orders_side_max_count"), None);
    }
}
