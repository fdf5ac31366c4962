//! What was true when the gate opened: a run continues another.

use tickrace_types::{AccountId, InstrumentId, Price, StrategyId};

/// Positions, numbers and prices a gate starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningState {
    /// Positions held.
    pub positions: Vec<OpeningPosition>,
    /// Highest client id ever sent; ids up to it are refused.
    pub client_id_high: u64,
    /// Fair prices of our own, such as the last close: references until the market has given one.
    pub fair: Vec<(InstrumentId, Price)>,
}

/// A position held at the opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningPosition {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Account.
    pub account: AccountId,
    /// Strategy that holds it: its profit counts from `mark`.
    pub strategy: StrategyId,
    /// Signed lots.
    pub qty_lots: i64,
    /// What it is valued at until the market has given a reference.
    pub mark: Price,
}

/// Why an opening state does not fit the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// The instrument is not in the table.
    #[error("the opening state names instrument {0}, which is not in the table")]
    Instrument(InstrumentId),
    /// The account is not in the limits.
    #[error("the opening state names account {0}, which is not in the limits")]
    Account(AccountId),
    /// More lots than a limit can state.
    #[error("the opening state has a position of {0} lots, which no limit can state")]
    Position(i64),
}
