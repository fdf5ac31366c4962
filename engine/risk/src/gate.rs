//! The gate.

use tickrace_types::{
    AccountId, Action, Cash, InstrumentId, InstrumentTable, MarketRecord, OrderRecord, Price, ResponseRecord,
    Side, TopOfBook, Verdict,
};

use crate::{Counts, Limits, LimitsError};

/// What was true when the gate opened: a run continues another.
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

/// Exposure of one account, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Sum over instruments of the larger absolute value the position could reach.
    pub gross: Cash,
    /// Signed value of positions at their marks.
    pub net: Cash,
    /// Reserved value of open buys.
    pub open_buys: Cash,
    /// Reserved value of open sells.
    pub open_sells: Cash,
}

/// Judges orders.
#[derive(Debug)]
pub struct Gate {
    counts: Counts,
}

impl Gate {
    /// Takes all its memory here.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] naming the key at fault.
    pub fn new(
        limits: &Limits,
        instruments: &InstrumentTable,
        open_orders_capacity: usize,
    ) -> Result<Self, LimitsError> {
        limits.validate()?;
        for instrument in instruments.as_slice() {
            limits.of(instrument)?;
        }
        let _ = open_orders_capacity;
        Ok(Self { counts: Counts::default() })
    }

    /// Continues from an earlier run. To be called before the first record.
    ///
    /// # Errors
    ///
    /// [`OpeningError`] where the state does not fit.
    pub fn restore(&mut self, opening: &OpeningState) -> Result<(), OpeningError> {
        let _ = opening;
        Ok(())
    }

    /// Takes note of a market event: reference price, phase, staleness, times.
    #[inline]
    pub fn on_top(&mut self, top: &TopOfBook) {
        let _ = top;
    }

    /// Judges an order at its own time and reserves its exposure where it passes.
    #[inline]
    pub fn check(&mut self, order: &OrderRecord) -> Verdict {
        self.counts.add(order.action(), Verdict::PASSED);
        Verdict::PASSED
    }

    /// Takes note of what the venue said: releases, fills, positions.
    #[inline]
    pub fn on_response(&mut self, response: &ResponseRecord) {
        let _ = response;
    }

    /// Takes note of a control record: kill, two-step re-arm, trading states. Others are none of its business.
    pub fn on_control(&mut self, record: &MarketRecord) {
        let _ = record;
    }

    /// Whether the kill switch is latched.
    #[inline]
    pub fn is_killed(&self) -> bool {
        false
    }

    /// Verdicts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Orders whose last word the venue has not said.
    pub fn open_orders(&self) -> usize {
        0
    }

    /// Signed lots held of an instrument, all accounts.
    pub fn position(&self, instrument: InstrumentId) -> i64 {
        let _ = instrument;
        0
    }

    /// Lots reserved on one side of an instrument.
    pub fn open_qty(&self, instrument: InstrumentId, side: Side) -> i64 {
        let _ = (instrument, side);
        0
    }

    /// Exposure of an account; `None` where the limits do not name it.
    pub fn exposure(&self, account: AccountId) -> Option<Exposure> {
        let _ = account;
        None
    }

    /// Exposure of all accounts.
    pub fn exposure_total(&self) -> Exposure {
        let _ = Action::New;
        Exposure::default()
    }
}
