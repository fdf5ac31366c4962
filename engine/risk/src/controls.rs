//! The controls beside the single order: what they have seen, what they have said, and what they impose.
//!
//! A control that looks from beside (losses, ratios, clocks, orders in doubt, the machine) does not change a decision by
//! itself. It *asks*: a verdict goes back to the sequencer, is journaled as a control record, and counts when that record
//! comes down the street. So a replay that reads the journal alone decides the same. The throttle of executions is the one
//! exception, because it may not wait: it counts with the fill that trips it, which stands in the journal as well.
//!
//! The order path pays for all of this with one comparison and, where messages are counted, one sum: whatever a control
//! imposes is folded into the trading states and limits the gate reads anyway.

mod cause;
mod config;
mod executions;
mod loss;
mod money;
mod order_ratio;
mod overrides;
mod unanswered;
mod versions;

use std::collections::VecDeque;

use tickrace_types::event::ControlCode;
use tickrace_types::{InstrumentId, InstrumentTable, MarketRecord};

pub use cause::Cause;
pub use config::{
    ClockConfig, ControlsConfig, EquityConfig, ExecutionsConfig, LossConfig, OrderRatioConfig,
    ResourcesConfig, StartConfig, UnknownOrdersConfig,
};
pub use overrides::LimitKey;

pub(crate) use cause::Causes;
pub(crate) use executions::Executions;
pub(crate) use loss::{Calendar, LossLimits};
pub(crate) use money::{Money, Traded};
pub(crate) use order_ratio::OrderRatio;
pub(crate) use overrides::{Override, Overrides};
pub(crate) use unanswered::Unanswered;
pub(crate) use versions::{MarketTimes, Version, Versions};

use crate::limits::cash_from_ccy;
use crate::state::{control_record, scoped_record};
use crate::{Limits, LimitsError, Scope, TradingState};

/// Conditions of starting, one bit each: arguments of [`ControlCode::StartReady`].
pub mod start {
    /// Limits are loaded and valid.
    pub const LIMITS: u64 = 1;
    /// Positions are those the account's keeper states.
    pub const RECONCILED: u64 = 2;
    /// Enough instruments have a healthy book.
    pub const FEED: u64 = 4;
    /// The program is the approved one.
    pub const VERSION: u64 = 8;
    /// The configuration is the approved one.
    pub const CONFIG: u64 = 16;
    /// All of them.
    pub const ALL: u64 = 31;
}

/// What controls and operators did since the gate was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlCounts {
    /// Restrictions imposed, by [`Cause`].
    pub imposed: [u64; Cause::COUNT],
    /// Restrictions ended by an operator's two words.
    pub rearmed: u64,
    /// Operators' words that changed nothing: a step missing, too early, about nobody, or out of range.
    pub ignored: u64,
    /// Limits overridden.
    pub overridden: u64,
    /// Looks at the clock that found it worth a warning.
    pub clock_warnings: u64,
}

/// Most first words that can wait for their second.
pub(crate) const REARMS_MAX: usize = 64;

/// First of two words about a control that tripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rearm {
    pub scope: Scope,
    pub cause: Cause,
    pub argument: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Controls {
    pub config: ControlsConfig,
    /// What is imposed.
    pub causes: Causes,
    /// What was asked for, and may be on its way.
    asked: Causes,
    verdicts: VecDeque<MarketRecord>,
    strategies: usize,
    /// First words said, one for each control and scope.
    pub rearms: Vec<Rearm>,
    pub versions: Versions,
    pub overrides: Overrides,
    /// When the next override ends: an order of that time or later first puts the limit back.
    pub override_end_ns: i64,
    pub exits_all_until_ns: i64,
    pub exits_until_ns: Vec<i64>,
    pub executions: Option<Executions>,
    pub money: Option<Money>,
    pub losses: Vec<LossLimits>,
    pub loss_total: Option<LossLimits>,
    pub calendar: Calendar,
    pub order_ratio: Option<OrderRatio>,
    pub unanswered: Option<Unanswered>,
    /// Equity the shares of positions are measured against, in 1e-18 of the currency; `None` before the first look.
    pub equity: Option<i128>,
    /// By instrument: whether the share of the equity is its tightest position limit.
    pub is_bound_by_equity: Vec<bool>,
    pub start_bits: u64,
    pub is_feed_told: bool,
    pub is_clock_warned: bool,
    pub looked_ns: i64,
    pub counts: ControlCounts,
}

impl Controls {
    /// Takes all its memory here, for one strategy; see [`Controls::with_strategies`].
    pub fn new(
        limits: &Limits,
        instruments: &InstrumentTable,
        orders_max: usize,
    ) -> Result<Self, LimitsError> {
        let config = limits.controls.clone();
        let count = instruments.len();
        let mut causes = Causes::new(count);
        if config.start.is_some() {
            causes.set(Scope::All, Cause::Start, TradingState::Halted);
        }
        let versions = Versions::new(Version::new(limits, instruments)?);
        for (place, id) in (0..count).zip((0u32..).map(InstrumentId)) {
            causes.set(Scope::Instrument(id), Cause::RestrictedList, versions.listed(place));
        }
        let controls = Self {
            asked: causes.clone(),
            causes,
            verdicts: VecDeque::new(),
            strategies: 1,
            rearms: Vec::with_capacity(REARMS_MAX),
            versions,
            overrides: Overrides::new(),
            override_end_ns: i64::MAX,
            exits_all_until_ns: i64::MIN,
            exits_until_ns: vec![i64::MIN; count],
            executions: None,
            money: None,
            losses: Vec::new(),
            loss_total: config.loss_total.as_ref().map(LossLimits::new),
            calendar: Calendar::new(config.day_start_ms.unwrap_or(0)),
            order_ratio: config.order_ratio.as_ref().map(|config| OrderRatio::new(config, count)),
            unanswered: config
                .unknown_orders
                .map(|config| Unanswered::new(config.unanswered_max_ms, orders_max, count)),
            equity: None,
            is_bound_by_equity: vec![false; count],
            start_bits: 0,
            is_feed_told: false,
            is_clock_warned: false,
            looked_ns: i64::MIN,
            counts: ControlCounts::default(),
            config,
        };
        Ok(controls.with_strategies(1, count))
    }

    /// Makes room for so many strategies.
    pub fn with_strategies(mut self, strategies: usize, instruments: usize) -> Self {
        let config = &self.config;
        self.executions = config.executions.as_ref().map(|config| Executions::new(config, strategies));
        self.money = config.needs_money().then(|| Money::new(strategies, instruments));
        self.losses =
            config.loss.as_ref().map_or(Vec::new(), |config| vec![LossLimits::new(config); strategies]);
        self.strategies = strategies;
        self.make_room();
        self
    }

    /// Makes room for as many verdicts as may wait.
    pub fn make_room(&mut self) {
        self.verdicts.reserve(self.verdicts_max());
    }

    /// See [`crate::Gate::verdicts_max`].
    pub fn verdicts_max(&self) -> usize {
        if self.config == ControlsConfig::default() && !self.versions.have_short_sales() {
            // Nobody speaks.
            return 2;
        }
        // Losses are three controls and executions a fourth of each strategy; an instrument has three and the whole two.
        (8 * (self.is_bound_by_equity.len() + self.strategies + 1)).max(1024)
    }

    /// A message left.
    #[inline]
    pub fn on_message(&mut self, place: u32) {
        if let Some(ratio) = &mut self.order_ratio {
            ratio.on_message(place as usize);
        }
    }

    /// An order or replacement left.
    #[inline]
    pub fn on_sent(&mut self, client_id: u64, instrument: u32, now_ns: i64) {
        if let Some(unanswered) = &mut self.unanswered {
            unanswered.on_sent(client_id, instrument, now_ns);
        }
    }

    /// The venue spoke of an order.
    #[inline]
    pub fn on_answer(&mut self, client_id: u64) {
        if let Some(unanswered) = &mut self.unanswered {
            unanswered.on_answer(client_id);
        }
    }

    /// Asks for a state, unless that was asked for already.
    pub fn ask(&mut self, scope: Scope, cause: Cause, state: TradingState, measured: i64) {
        if self.asked.get(scope, cause) != state && self.asked.set(scope, cause, state).is_some() {
            self.say(verdict_record(scope, cause, state, measured));
        }
    }

    /// What was asked for.
    pub fn asked(&self, scope: Scope, cause: Cause) -> TradingState {
        self.asked.get(scope, cause)
    }

    /// Forgets what was asked for: a person has ended it.
    pub fn forget(&mut self, scope: Scope, cause: Cause) {
        self.asked.set(scope, cause, TradingState::Active);
    }

    /// Something for the sequencer.
    pub fn say(&mut self, record: MarketRecord) {
        self.verdicts.push_back(record);
    }

    /// The next thing for the sequencer.
    #[inline]
    pub fn take(&mut self) -> Option<MarketRecord> {
        self.verdicts.pop_front()
    }

    /// Whether what is held is what the account's keeper states, where one is asked.
    pub fn is_reconciled(&self) -> bool {
        self.config.start.is_none() || self.start_bits & start::RECONCILED != 0
    }

    /// Equity before the first record and what was earned since.
    pub fn equity_now(&self) -> Option<i128> {
        let opening = self.config.equity.as_ref()?.opening_equity_ccy;
        Some(cash_from_ccy(opening).0 + self.money.as_ref().map_or(0, Money::total))
    }
}

/// The control record of a control's verdict: it imposes `state` on `scope`, or ends what it imposed where that is
/// [`TradingState::Active`]. `measured` is for people: nano-units of the currency, nanoseconds, or a count.
pub fn verdict_record(scope: Scope, cause: Cause, state: TradingState, measured: i64) -> MarketRecord {
    MarketRecord {
        qty: cause as u32,
        price: measured,
        ..scoped_record(ControlCode::Verdict, state as u64, scope)
    }
}

/// First or second step of re-arming a control that tripped; the second repeats the first.
pub fn rearm_record(is_second: bool, scope: Scope, cause: Cause, argument: u64) -> MarketRecord {
    let code = if is_second { ControlCode::RearmConfirm } else { ControlCode::RearmRequest };
    MarketRecord { qty: cause as u32, ..scoped_record(code, argument, scope) }
}

/// A person has seen the executions of a strategy, or of all.
pub fn executions_confirmed_record(scope: Scope) -> MarketRecord {
    scoped_record(ControlCode::ExecutionsConfirmed, 0, scope)
}

/// What surely reduces may leave until `until_ns` although everything, or an instrument, is halted.
pub fn exits_allowed_record(scope: Scope, until_ns: i64) -> MarketRecord {
    MarketRecord { price: until_ns, ..scoped_record(ControlCode::ExitsAllowed, 0, scope) }
}

/// One limit of an instrument is `value` until `until_ns`.
pub fn override_record(
    instrument: tickrace_types::InstrumentId,
    key: LimitKey,
    value: i64,
    until_ns: i64,
) -> MarketRecord {
    let argument = value.max(0).cast_unsigned();
    MarketRecord {
        qty: key as u32,
        price: until_ns,
        ..scoped_record(ControlCode::LimitOverride, argument, Scope::Instrument(instrument))
    }
}

/// Limits of version `number` are proposed, or confirmed.
pub fn limits_record(is_confirmed: bool, number: u64) -> MarketRecord {
    let code = if is_confirmed { ControlCode::LimitsConfirmed } else { ControlCode::LimitsProposed };
    control_record(code, number)
}
