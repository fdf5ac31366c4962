//! Who may impose a trading state, and which state each of them imposes on whom.

use tickrace_types::{InstrumentId, OrderRecord};

use crate::state::{STRATEGY_COUNT_MAX, VENUE_COUNT_MAX};
use crate::{Reason, Scope, TradingState};

/// A control that imposes trading states. Codes stand in journals and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cause {
    /// A person (control 13).
    Operator = 0,
    /// Repeated executions (control 7).
    Executions = 1,
    /// The day's loss (control 16).
    DailyLoss = 2,
    /// The week's loss (control 16).
    WeeklyLoss = 3,
    /// The fall from the highest equity (control 16).
    Drawdown = 4,
    /// Messages for each execution (control 17).
    OrderRatio = 5,
    /// Orders in doubt (control 21).
    UnknownOrders = 6,
    /// Our clock beside the venue's (control 25).
    Clock = 7,
    /// Conditions of starting (control 26).
    Start = 8,
    /// Disk, memory, queues, journal (control 27).
    Resources = 9,
    /// The restricted list (control 12).
    RestrictedList = 10,
}

impl Cause {
    /// All of them, by code.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Operator,
        Self::Executions,
        Self::DailyLoss,
        Self::WeeklyLoss,
        Self::Drawdown,
        Self::OrderRatio,
        Self::UnknownOrders,
        Self::Clock,
        Self::Start,
        Self::Resources,
        Self::RestrictedList,
    ];
    /// How many there are.
    pub const COUNT: usize = 11;

    /// From its code.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// Lower-case name with underscores, that of its reason where it has one of its own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            cause => cause.reason(TradingState::Halted).name(),
        }
    }

    /// Why an order is refused that meets `state`, imposed by this control.
    pub const fn reason(self, state: TradingState) -> Reason {
        match self {
            Self::Operator => match state {
                TradingState::Active | TradingState::ReduceOnly => Reason::ReduceOnly,
                TradingState::CancelOnly => Reason::CancelOnly,
                TradingState::Halted => Reason::Halted,
            },
            Self::Executions => Reason::Executions,
            Self::DailyLoss => Reason::DailyLoss,
            Self::WeeklyLoss => Reason::WeeklyLoss,
            Self::Drawdown => Reason::Drawdown,
            Self::OrderRatio => Reason::OrderRatio,
            Self::UnknownOrders => Reason::UnknownOrders,
            Self::Clock => Reason::ClockOffset,
            Self::Start => Reason::StartGuard,
            Self::Resources => Reason::Resources,
            Self::RestrictedList => Reason::RestrictedList,
        }
    }

    /// Whether two words of an operator end what it imposes; the others end by themselves, or by a word of their own.
    pub const fn is_rearmed(self) -> bool {
        matches!(
            self,
            Self::Executions | Self::DailyLoss | Self::WeeklyLoss | Self::Drawdown | Self::OrderRatio
        )
    }
}

/// What each control imposes on one scope.
type Imposed = [TradingState; Cause::COUNT];

/// What each control imposes on everyone.
#[derive(Clone, Debug)]
pub(crate) struct Causes {
    all: Imposed,
    strategies: Vec<Imposed>,
    venues: Vec<Imposed>,
    instruments: Vec<Imposed>,
}

impl Causes {
    pub fn new(instruments: usize) -> Self {
        let none = [TradingState::Active; Cause::COUNT];
        Self {
            all: none,
            strategies: vec![none; STRATEGY_COUNT_MAX],
            venues: vec![none; VENUE_COUNT_MAX],
            instruments: vec![none; instruments],
        }
    }

    fn of(&self, scope: Scope) -> Option<&Imposed> {
        match scope {
            Scope::All => Some(&self.all),
            Scope::Instrument(id) => self.instruments.get(id.index()),
            Scope::Strategy(id) => self.strategies.get(usize::from(id.0)),
            Scope::Venue(id) => self.venues.get(usize::from(id.0)),
        }
    }

    fn of_mut(&mut self, scope: Scope) -> Option<&mut Imposed> {
        match scope {
            Scope::All => Some(&mut self.all),
            Scope::Instrument(id) => self.instruments.get_mut(id.index()),
            Scope::Strategy(id) => self.strategies.get_mut(usize::from(id.0)),
            Scope::Venue(id) => self.venues.get_mut(usize::from(id.0)),
        }
    }

    /// What `cause` imposes on `scope`.
    pub fn get(&self, scope: Scope, cause: Cause) -> TradingState {
        self.of(scope).map_or(TradingState::Active, |imposed| imposed[cause as usize])
    }

    /// Imposes; the strictest of all causes afterwards, `None` where there is no such scope.
    pub fn set(&mut self, scope: Scope, cause: Cause, state: TradingState) -> Option<TradingState> {
        let imposed = self.of_mut(scope)?;
        imposed[cause as usize] = state;
        imposed.iter().copied().max()
    }

    /// Who imposes the strictest state that this order meets: the widest scope first, then by code.
    pub fn strictest(&self, order: &OrderRecord) -> (Cause, TradingState) {
        let strategies = self.strategies.get(usize::from(order.strategy));
        let venues = self.venues.get(usize::from(order.venue));
        let instruments = self.instruments.get(InstrumentId(order.header.instrument).index());
        let mut strictest = (Cause::Operator, TradingState::Active);
        for imposed in [Some(&self.all), venues, strategies, instruments].into_iter().flatten() {
            for (cause, state) in Cause::ALL.into_iter().zip(imposed) {
                if *state > strictest.1 {
                    strictest = (cause, *state);
                }
            }
        }
        strictest
    }
}

#[cfg(test)]
mod tests {
    use tickrace_types::StrategyId;

    use super::*;

    #[test]
    fn codes_come_back_and_names_differ() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_code(cause as u32), Some(cause));
        }
        assert_eq!(Cause::from_code(11), None);
        let mut names: Vec<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::COUNT);
    }

    #[test]
    fn the_strictest_of_all_causes_counts_and_names_itself() {
        let mut causes = Causes::new(2);
        let one = Scope::Instrument(InstrumentId(1));
        assert_eq!(
            causes.set(one, Cause::OrderRatio, TradingState::CancelOnly),
            Some(TradingState::CancelOnly)
        );
        let own = Scope::Strategy(StrategyId(3));
        assert_eq!(
            causes.set(own, Cause::DailyLoss, TradingState::ReduceOnly),
            Some(TradingState::ReduceOnly)
        );
        assert_eq!(causes.set(own, Cause::Executions, TradingState::Halted), Some(TradingState::Halted));
        let mut order = OrderRecord { strategy: 3, ..OrderRecord::default() };
        order.header.instrument = 1;
        assert_eq!(causes.strictest(&order), (Cause::Executions, TradingState::Halted));
        assert_eq!(causes.set(own, Cause::Executions, TradingState::Active), Some(TradingState::ReduceOnly));
        assert_eq!(causes.strictest(&order), (Cause::OrderRatio, TradingState::CancelOnly));
        assert_eq!(causes.set(Scope::Instrument(InstrumentId(2)), Cause::Clock, TradingState::Halted), None);
    }
}
