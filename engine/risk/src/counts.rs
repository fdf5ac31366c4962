//! What the gate has let through and what it has stopped.

use tickrace_types::{Action, Verdict};

use crate::Reason;

/// Orders by verdict and action since the gate was made, and what was odd about the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    by_verdict: [[u64; Action::COUNT]; Reason::CODE_COUNT],
    /// Responses whose numbers cannot be (negative or absurd lots, unknown instrument or kind); ignored.
    pub responses_malformed: u64,
    /// Responses about orders the gate does not know; fills among them still move the position.
    pub responses_unknown: u64,
    /// Fills of orders already closed, or of more than was open; they move the position.
    pub fills_late: u64,
    /// Fills whose account had to be guessed, since their order is long forgotten.
    pub fills_unmatched: u64,
    /// Open orders learned from the venue alone.
    pub orders_adopted: u64,
    /// Entries of the duplicate table that made room while they still counted.
    pub duplicates_evicted: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            by_verdict: [[0; Action::COUNT]; Reason::CODE_COUNT],
            responses_malformed: 0,
            responses_unknown: 0,
            fills_late: 0,
            fills_unmatched: 0,
            orders_adopted: 0,
            duplicates_evicted: 0,
        }
    }
}

impl Counts {
    /// Counts one verdict.
    #[inline]
    pub(crate) fn add(&mut self, action: Action, verdict: Verdict) {
        self.by_verdict[usize::from(verdict.0)][action as usize] += 1;
    }

    /// Requests of this kind that passed.
    pub const fn passed(&self, action: Action) -> u64 {
        self.by_verdict[0][action as usize]
    }

    /// Requests of this kind refused for this reason.
    pub const fn refused(&self, reason: Reason, action: Action) -> u64 {
        self.by_verdict[reason as usize][action as usize]
    }

    /// Requests of any kind that passed.
    pub fn passed_total(&self) -> u64 {
        self.by_verdict[0].iter().sum()
    }

    /// Requests of any kind refused for this reason.
    pub fn refused_for(&self, reason: Reason) -> u64 {
        self.by_verdict[reason as usize].iter().sum()
    }

    /// Requests of any kind refused for any reason.
    pub fn refused_total(&self) -> u64 {
        Reason::ALL.iter().map(|reason| self.refused_for(*reason)).sum()
    }

    /// Reasons that occurred, with how often, ascending by code.
    pub fn refusals(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.iter().map(|reason| (*reason, self.refused_for(*reason))).filter(|(_, count)| *count > 0)
    }
}
