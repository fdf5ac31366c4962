//! Where records come from: the [`Source`] trait, how a source ends, and what it skipped on the way.

mod days;
#[cfg(test)]
pub(crate) mod scripted;
mod skips;

pub use days::{Days, DaysError};
pub use skips::Skips;

use tickrace_types::Record;

/// How far a stamp must be from both of its neighbours, these being close, to be a damaged one, nanoseconds: two hours, more
/// than clocks are set by in spring and autumn.
pub const APART_NS: i64 = 7_200_000_000_000;

/// A stream of records in the order of its venue.
pub trait Source {
    /// Writes the next record into `out`; false at the end, and then `out` is as it was.
    fn next_into(&mut self, out: &mut Record) -> bool;

    /// Whether [`Source::skim`] ever hands anything over.
    fn can_skim(&self) -> bool {
        false
    }

    /// Hands over in place, run by run and with the time they are received, the levels that follow the record given last, as
    /// long as they stand inside its event ([`tickrace_types::Flags::END_OF_EVENT`] comes later) and share both of its times.
    /// `each` tells how many of a run it takes from its start: those are not given again, and with fewer than all it is
    /// over. Tells how many were taken. A source that cannot hands over none.
    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64
    where
        Self: Sized,
    {
        let _ = each;
        0
    }

    /// The record `ahead` places behind the next one as it stands in the source, where that can be seen without decoding: a
    /// hint of what will be touched, which may be left out or look otherwise in the end.
    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        let _ = ahead;
        None
    }

    /// Whether one reading serves the desk and a simulated venue: both meet all its records in the same order, and they are
    /// about single orders. Where they state levels, a run of them is applied faster in place, by each for itself.
    fn serves_both(&self) -> bool {
        false
    }

    /// What was skipped so far, by reason.
    fn skips(&self) -> &Skips;

    /// How the source ended, or that it has not.
    fn end(&self) -> &End;

    /// Bytes consumed so far.
    fn position(&self) -> u64;

    /// Messages consumed so far, skipped ones included.
    fn messages(&self) -> u64;
}

/// How a source ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    #[default]
    Running,
    /// At the end of its bytes, on a message boundary.
    Complete,
    /// The bytes end within a message.
    Truncated {
        /// Byte offset of the length prefix of the message cut short.
        offset: u64,
    },
    /// Length prefixes make no sense from here on: one was damaged.
    LostFraming {
        /// Byte offset of the first length prefix in doubt.
        offset: u64,
    },
}

impl End {
    /// Whether the source has more to give.
    #[inline]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    /// Whether it ended before its time.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::LostFraming { .. })
    }

    /// Byte offset of the fault, where there is one.
    pub const fn fault_offset(&self) -> Option<u64> {
        match self {
            Self::Truncated { offset } | Self::LostFraming { offset } => Some(*offset),
            Self::Running | Self::Complete => None,
        }
    }
}
