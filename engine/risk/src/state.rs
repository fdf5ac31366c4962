//! Trading states and the kill switch: what an operator or a supervisor may say to the gate.

use serde::{Deserialize, Serialize};
use tickrace_types::event::{ControlCode, VERSION, source};
use tickrace_types::{Header, InstrumentId, Kind, MarketRecord, StrategyId, VenueId};

/// Strategies a gate can tell apart.
pub const STRATEGY_COUNT_MAX: usize = 256;
/// Venues a gate can tell apart.
pub const VENUE_COUNT_MAX: usize = 64;

/// What may be sent, from everything to nothing; cancels always may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum TradingState {
    /// Everything.
    #[default]
    Active = 0,
    /// Orders that surely reduce the position, and cancels.
    ReduceOnly = 1,
    /// Cancels; what rests may stay.
    CancelOnly = 2,
    /// Cancels, and what rests ought to be pulled.
    Halted = 3,
}

impl TradingState {
    /// From the argument of a control record; an unknown one is [`TradingState::Halted`], the careful reading.
    pub const fn from_code(code: u64) -> Self {
        match code {
            0 => Self::Active,
            1 => Self::ReduceOnly,
            2 => Self::CancelOnly,
            _ => Self::Halted,
        }
    }
}

/// Whom a trading state is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything the gate sees.
    All,
    /// One instrument.
    Instrument(InstrumentId),
    /// One strategy.
    Strategy(StrategyId),
    /// One venue.
    Venue(VenueId),
}

impl Scope {
    const STRATEGY: u64 = 1 << 32;
    const VENUE: u64 = 2 << 32;

    /// Reads the scope of a [`ControlCode::TradingState`] record: `other_ref` is 0 for the header's instrument
    /// (or all, where it is none), `1 << 32 | number` for a strategy, `2 << 32 | number` for a venue.
    /// `None` where it is anything else.
    pub fn of(record: &MarketRecord) -> Option<Self> {
        let number = u16::try_from(record.other_ref & 0xffff_ffff).ok()?;
        match record.other_ref & !0xffff_ffff {
            0 if number != 0 => None,
            0 if record.header.instrument == InstrumentId::NONE.0 => Some(Self::All),
            0 => Some(Self::Instrument(InstrumentId(record.header.instrument))),
            Self::STRATEGY => Some(Self::Strategy(StrategyId(number))),
            Self::VENUE => Some(Self::Venue(VenueId(number))),
            _ => None,
        }
    }
}

/// A control record; `argument` goes into `order_ref`. Sequence and times are the sequencer's.
pub fn control_record(code: ControlCode, argument: u64) -> MarketRecord {
    MarketRecord {
        header: Header {
            kind: Kind::Control as u8,
            version: VERSION,
            source: source::CONTROL,
            instrument: InstrumentId::NONE.0,
            ..Header::default()
        },
        order_ref: argument,
        code: code as u8,
        ..MarketRecord::default()
    }
}

/// The control record that sets a trading state.
pub fn trading_state_record(scope: Scope, state: TradingState) -> MarketRecord {
    scoped_record(ControlCode::TradingState, state as u64, scope)
}

/// A control record about a scope.
pub(crate) fn scoped_record(code: ControlCode, argument: u64, scope: Scope) -> MarketRecord {
    let mut record = control_record(code, argument);
    match scope {
        Scope::All => {}
        Scope::Instrument(id) => record.header.instrument = id.0,
        Scope::Strategy(id) => record.other_ref = Scope::STRATEGY | u64::from(id.0),
        Scope::Venue(id) => record.other_ref = Scope::VENUE | u64::from(id.0),
    }
    record
}

/// The kill switch: latched by one word, released by two while nothing is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KillSwitch {
    is_killed: bool,
    /// Argument of the last re-arm request since the kill; the confirmation must repeat it.
    rearm_argument: Option<u64>,
}

impl KillSwitch {
    #[inline]
    pub fn is_killed(self) -> bool {
        self.is_killed
    }

    /// Latches; an earlier re-arm request is void.
    pub fn kill(&mut self) {
        *self = Self { is_killed: true, rearm_argument: None };
    }

    /// First step.
    pub fn request(&mut self, argument: u64) {
        if self.is_killed {
            self.rearm_argument = Some(argument);
        }
    }

    /// Second step; without the first, with another argument, or with orders open it changes nothing.
    pub fn confirm(&mut self, argument: u64, open_orders: usize) {
        if self.rearm_argument == Some(argument) && open_orders == 0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_survives_its_record() {
        for scope in [
            Scope::All,
            Scope::Instrument(InstrumentId(3)),
            Scope::Strategy(StrategyId(7)),
            Scope::Venue(VenueId(0)),
        ] {
            assert_eq!(Scope::of(&trading_state_record(scope, TradingState::Halted)), Some(scope));
        }
        let odd = MarketRecord { other_ref: 3 << 32, ..control_record(ControlCode::TradingState, 0) };
        assert_eq!(Scope::of(&odd), None);
    }

    #[test]
    fn an_unknown_state_is_read_as_halted() {
        assert_eq!(TradingState::from_code(9), TradingState::Halted);
    }

    #[test]
    fn re_arming_takes_both_steps_in_order_with_one_argument_and_nothing_open() {
        let mut switch = KillSwitch::default();
        switch.kill();
        switch.confirm(5, 0);
        assert!(switch.is_killed(), "the second step alone");
        switch.request(5);
        switch.confirm(6, 0);
        assert!(switch.is_killed(), "another argument");
        switch.confirm(5, 1);
        assert!(switch.is_killed(), "an order still open");
        switch.kill();
        switch.confirm(5, 0);
        assert!(switch.is_killed(), "a kill after the request");
        switch.request(5);
        switch.confirm(5, 0);
        assert!(!switch.is_killed());
    }

    #[test]
    fn a_request_before_the_kill_does_not_count() {
        let mut switch = KillSwitch::default();
        switch.request(5);
        switch.kill();
        switch.confirm(5, 0);
        assert!(switch.is_killed());
    }
}
