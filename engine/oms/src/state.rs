//! The life of one order as one exhaustive transition table.

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Done {
    /// Every lot traded.
    Filled = 0,
    /// Taken off by us or by the venue.
    Cancelled = 1,
    /// Never accepted by the venue.
    Rejected = 2,
    /// Another order stands in its place.
    Replaced = 3,
    /// Stopped by our own gate; never left the house.
    Refused = 4,
    /// Its time in force ran out (immediate-or-cancel rest, end of session).
    Expired = 5,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Sent as a new order or as a replacement; no answer yet.
    PendingNew,
    /// Rests at the venue, untouched.
    Live,
    /// Rests at the venue, partly traded.
    PartlyFilled,
    /// Rests at the venue; a replacement is under way.
    PendingReplace,
    /// A cancel is under way.
    PendingCancel,
    /// A request went unanswered for too long.
    Unknown,
    /// Closed for good.
    Done(Done),
}

impl State {
    /// Whether the order can still trade as far as we know.
    #[inline]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Done(_))
    }
}
