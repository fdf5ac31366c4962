//! Quantities in whole lots.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A quantity in whole lots of the instrument's increment (one share where the increment is one share).
///
/// Signed where it is a position; orders and fills carry positive quantities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Qty(pub i64);

impl Qty {
    /// No lots.
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Qty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
