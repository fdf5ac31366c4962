//! Identifiers: small integers with a name each, so that one cannot stand for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Dense index of an instrument in the run's [`crate::InstrumentTable`], from 0.
    InstrumentId(u32)
);
id!(
    /// Our own order number, unique per session and never reused. 0 means none.
    ClientId(u64)
);
id!(
    /// A strategy of the run, from 0.
    StrategyId(u16)
);
id!(
    /// A venue of the run, from 0.
    VenueId(u16)
);
id!(
    /// An order-entry session, from 0.
    SessionId(u16)
);
id!(
    /// An account, from 0.
    AccountId(u16)
);

impl InstrumentId {
    /// No instrument: a record about the whole venue.
    pub const NONE: Self = Self(u32::MAX);

    /// As an array index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
