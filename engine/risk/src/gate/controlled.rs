//! The gate and the controls beside the single order: operators' words, verdicts on their way out and back, limits that change.
//!
//! Everything here is off the order path but [`Gate::restricted`], which is where a restricted order ends.

use tickrace_types::event::ControlCode;
use tickrace_types::{InstrumentId, MarketRecord, OrderRecord, ResponseRecord, StrategyId};

use super::{Gate, Watched};
use crate::by_strategy::ByStrategy;
use crate::controls::{
    Cause, Controls, LimitKey, LossLimits, Override, REARMS_MAX, Rearm, Traded, Version, start,
    verdict_record,
};
use crate::limits::{LOTS_MAX, MONEY_MAX_CCY, cash_from_ccy};
use crate::market::MarketGuard;
use crate::opening::OpeningPosition;
use crate::state::control_record;
use crate::{ControlCounts, Limits, LimitsError, Reason, Scope, TradingState};

const NS_PER_MS: i64 = 1_000_000;

impl Gate {
    /// Makes room for so many strategies: their executions, money and losses are told apart. To be called before the first
    /// record; a gate knows one strategy without it.
    #[must_use]
    pub fn with_strategies(mut self, count: usize) -> Self {
        self.controls = self.controls.with_strategies(count.max(1), self.watched.len());
        self
    }

    /// Gives strategies the limits that stand under their names; `names` are the strategies by number, as many as
    /// [`Gate::with_strategies`] was told. To be called after it and before the first record.
    ///
    /// # Errors
    ///
    /// [`LimitsError::Strategy`] where the limits name one that does not run.
    pub fn with_strategy_limits(mut self, limits: &Limits, names: &[&str]) -> Result<Self, LimitsError> {
        self.by_strategy = ByStrategy::new(limits, names, &self.instruments)?;
        for (name, losses) in names.iter().zip(&mut self.controls.losses) {
            let own = limits.strategies.get(*name).and_then(|own| own.loss.as_ref());
            *losses = own.map_or(*losses, LossLimits::new);
        }
        Ok(self)
    }

    /// Adds a version of the limits that may be proposed while running; numbers count from 1 in the order of the calls.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] where the limits are nonsense or cannot take the place of the first ones.
    pub fn with_limits_version(
        mut self,
        first: &Limits,
        later: &Limits,
        number: usize,
    ) -> Result<Self, LimitsError> {
        later.validate()?;
        first.check_reload(later, number)?;
        // Limits that state no short sales leave them as they are, like the controls.
        let short_sale = later.short_sale.as_ref().or(first.short_sale.as_ref()).cloned();
        let later = Limits { short_sale, ..later.clone() };
        self.controls.versions.add(Version::new(&later, &self.instruments)?);
        self.controls.make_room();
        let capacity = self.orders.capacity();
        let versions = &self.controls.versions;
        let orders_max = |place| usize::try_from(versions.open_orders_max(place)).unwrap_or(0).min(capacity);
        self.own_prices = crate::own_prices::OwnPrices::new((0..self.watched.len()).map(orders_max));
        Ok(self)
    }

    /// What controls and operators did.
    pub fn control_counts(&self) -> &ControlCounts {
        &self.controls.counts
    }

    /// What `cause` imposes on `scope` now.
    pub fn imposed(&self, scope: Scope, cause: Cause) -> TradingState {
        self.controls.causes.get(scope, cause)
    }

    /// The next control record for the sequencer; `None` where there is none. To be asked after each response, timer and
    /// control record. Header times are the caller's.
    #[inline]
    pub fn take_verdict(&mut self) -> Option<MarketRecord> {
        self.controls.take()
    }

    /// Room that verdicts need on their way to the sequencer: for every control to end what it asked for and ask again, about
    /// every instrument and strategy, at one instant, and for some looks more where there are few of them.
    pub fn verdicts_max(&self) -> usize {
        self.controls.verdicts_max()
    }

    /// Takes note of a timer record: what is seen from beside is looked at.
    pub fn on_timer(&mut self, now_ns: i64) {
        if !self.controls.config.needs_timer() {
            return;
        }
        self.mark_money();
        let day = self.controls.calendar.day(now_ns);
        for strategy in 0..self.controls.losses.len() {
            self.look_at_loss(strategy, day, now_ns);
        }
        self.look_at_total_loss(day, now_ns);
        if self.controls.config.equity.is_some() {
            self.controls.equity = self.controls.equity_now();
            (0..self.watched.len()).for_each(|place| self.refresh_limits(place));
        }
        self.look_at_ratio(day);
        self.look_at_unanswered(now_ns);
        self.look_at_clock();
        self.look_at_feed(now_ns);
        self.controls.looked_ns = now_ns;
    }

    /// A fill, before anything else is made of it.
    pub(super) fn note_fill(&mut self, response: &ResponseRecord, place: usize) {
        let (now_ns, strategy) = (response.header.ts_recv_ns, usize::from(response.strategy));
        let controls = &mut self.controls;
        if let Some(ratio) = &mut controls.order_ratio {
            ratio.on_fill(place);
        }
        if let Some(executions) = &mut controls.executions
            && executions.on_fill(strategy, now_ns)
        {
            self.trip_executions(response.strategy);
        }
        let (Some(money), Some(watched)) = (&mut self.controls.money, self.watched.get(place)) else {
            return;
        };
        let side = response.side();
        money.on_fill(&Traded {
            strategy,
            place,
            side,
            lots: response.qty,
            px: response.price,
            fee_nanos: response.fee_nanos,
            mark_px: watched.reference_px().unwrap_or(response.price),
            contract: watched.contract,
        });
        let day = self.controls.calendar.day(now_ns);
        if strategy < self.controls.losses.len() {
            self.look_at_loss(strategy, day, now_ns);
        }
        self.look_at_total_loss(day, now_ns);
        if self.controls.equity.is_some() {
            self.controls.equity = self.controls.equity_now();
            self.refresh_limits(place);
        }
    }

    /// A position taken over.
    pub(super) fn carry(&mut self, held: &OpeningPosition) {
        let place = held.instrument.index();
        if let (Some(money), Some(watched)) = (&mut self.controls.money, self.watched.get(place)) {
            let strategy = usize::from(held.strategy.0);
            money.carry(strategy, place, held.qty_lots, held.mark.0, watched.contract);
        }
    }

    /// The throttle does not wait for its own verdict: it counts from this fill on, and the verdict tells of it.
    fn trip_executions(&mut self, strategy: u16) {
        let Some(config) = self.controls.config.executions else { return };
        let scope = Scope::Strategy(StrategyId(strategy));
        if self.controls.asked(scope, Cause::Executions) != config.state {
            self.controls.ask(scope, Cause::Executions, config.state, config.executions_max_count);
            self.impose(scope, Cause::Executions, config.state);
        }
    }

    /// Values every strategy's positions where the market is now.
    fn mark_money(&mut self) {
        let Some(money) = &mut self.controls.money else { return };
        for (place, watched) in self.watched.iter().enumerate() {
            if let Some(px) = watched.reference_px() {
                money.mark(place, px, watched.contract);
            }
        }
    }

    fn look_at_loss(&mut self, strategy: usize, day: i64, now_ns: i64) {
        let Ok(number) = u16::try_from(strategy) else { return };
        let scope = Scope::Strategy(StrategyId(number));
        let controls = &mut self.controls;
        let Some(money) = &controls.money else { return };
        let equity = money.net(strategy);
        let Some(mut losses) = controls.losses.get(strategy).copied() else { return };
        let state = losses.state;
        ask_of_losses(controls, &mut losses, scope, state, equity, (day, now_ns));
        controls.losses[strategy] = losses;
    }

    fn look_at_total_loss(&mut self, day: i64, now_ns: i64) {
        let controls = &mut self.controls;
        let (Some(config), Some(money)) = (controls.config.loss_total, &controls.money) else { return };
        let equity = money.total();
        let Some(mut losses) = controls.loss_total else { return };
        ask_of_losses(controls, &mut losses, Scope::All, config.state, equity, (day, now_ns));
        controls.loss_total = Some(losses);
    }

    fn look_at_ratio(&mut self, day: i64) {
        let Some(config) = self.controls.config.order_ratio else { return };
        let Some(ratio) = &mut self.controls.order_ratio else { return };
        let is_new_day = ratio.roll(day);
        for (place, id) in (0..self.watched.len()).zip((0u32..).map(InstrumentId)) {
            let scope = Scope::Instrument(id);
            if is_new_day {
                self.controls.ask(scope, Cause::OrderRatio, TradingState::Active, 0);
            }
            if let Some(messages) = self.controls.order_ratio.as_ref().and_then(|ratio| ratio.over(place)) {
                self.controls.ask(scope, Cause::OrderRatio, config.state, messages);
            }
        }
    }

    fn look_at_unanswered(&mut self, now_ns: i64) {
        let Some(mut unanswered) = self.controls.unanswered.take() else { return };
        for (doubtful, id) in unanswered.look(now_ns).iter().zip((0u32..).map(InstrumentId)) {
            let state = if *doubtful > 0 { TradingState::CancelOnly } else { TradingState::Active };
            self.controls.ask(Scope::Instrument(id), Cause::UnknownOrders, state, i64::from(*doubtful));
        }
        self.controls.unanswered = Some(unanswered);
    }

    /// The largest difference between the clocks, over what was heard since the last look.
    fn look_at_clock(&mut self) {
        let Some(config) = self.controls.config.clock else { return };
        let heard = self.watched.iter().map(|watched| &watched.top);
        let heard = heard.filter(|top| top.ts_recv_ns > self.controls.looked_ns && top.ts_venue_ns > 0);
        let offsets = heard.map(|top| top.ts_recv_ns.saturating_sub(top.ts_venue_ns).saturating_abs());
        let Some(offset_ns) = offsets.max() else { return };
        let controls = &mut self.controls;
        let is_worth_a_warning = offset_ns > config.offset_warn_ms.saturating_mul(NS_PER_MS);
        if offset_ns > config.offset_halt_ms.saturating_mul(NS_PER_MS) {
            controls.ask(Scope::All, Cause::Clock, TradingState::Halted, offset_ns);
        } else if !is_worth_a_warning {
            controls.ask(Scope::All, Cause::Clock, TradingState::Active, offset_ns);
        }
        if is_worth_a_warning && !controls.is_clock_warned {
            controls.counts.clock_warnings += 1;
            if controls.asked(Scope::All, Cause::Clock) == TradingState::Active {
                controls.say(verdict_record(Scope::All, Cause::Clock, TradingState::Active, offset_ns));
            }
        }
        controls.is_clock_warned = is_worth_a_warning;
    }

    fn look_at_feed(&mut self, now_ns: i64) {
        let Some(config) = &self.controls.config.start else { return };
        if self.controls.is_feed_told {
            return;
        }
        let is_healthy =
            |watched: &&Watched| watched.top.is_firm() && self.guard.judge(&watched.top, now_ns).is_ok();
        let count = self.watched.iter().filter(is_healthy).count();
        if i64::try_from(count).unwrap_or(i64::MAX) >= config.feed_instruments_min_count {
            self.controls.is_feed_told = true;
            self.controls.say(control_record(ControlCode::StartReady, start::FEED));
        }
    }

    /// Takes note of a control record that is not about the kill switch.
    pub(super) fn on_word(&mut self, code: ControlCode, record: &MarketRecord) {
        let now_ns = record.header.ts_recv_ns;
        let apply_limits = |gate: &mut Self| gate.apply_limits(now_ns);
        let is_done = match code {
            ControlCode::TradingState => self.on_state(record, Cause::Operator),
            ControlCode::Verdict => {
                Cause::from_code(record.qty).is_some_and(|cause| self.on_state(record, cause))
            }
            ControlCode::RearmRequest => self.on_rearm_request(record),
            ControlCode::RearmConfirm => self.on_rearm_confirm(record, now_ns),
            ControlCode::ExecutionsConfirmed => self.on_executions_confirmed(record),
            ControlCode::LimitsProposed => {
                self.end_overrides(record.order_ref);
                let is_known = self.controls.versions.propose(record.order_ref);
                apply_limits(self);
                is_known
            }
            ControlCode::LimitsConfirmed => {
                let is_proposed = self.controls.versions.confirm(record.order_ref);
                apply_limits(self);
                is_proposed
            }
            ControlCode::LimitOverride => self.on_override(record, now_ns),
            ControlCode::ExitsAllowed => self.on_exits_allowed(record),
            ControlCode::StartReady => self.on_ready(record.order_ref),
            ControlCode::Kill | ControlCode::EndOfSession | ControlCode::CommandRefused => true,
        };
        self.controls.counts.ignored += u64::from(!is_done);
    }

    fn on_state(&mut self, record: &MarketRecord, cause: Cause) -> bool {
        let state = TradingState::from_code(record.order_ref);
        let scope = Scope::of(record);
        let state = match (scope, cause) {
            // The list may have grown since that was told.
            (Some(Scope::Instrument(id)), Cause::RestrictedList) => {
                state.max(self.controls.versions.listed(id.index()))
            }
            _ => state,
        };
        if let Some(scope) = scope
            && self.impose(scope, cause, state)
        {
            return true;
        }
        // Someone wanted to restrict something that cannot be told: everything is restricted.
        let state = state.max(self.controls.causes.get(Scope::All, cause));
        self.impose(Scope::All, cause, state);
        false
    }

    /// Imposes a state; false where there is no such scope.
    fn impose(&mut self, scope: Scope, cause: Cause, state: TradingState) -> bool {
        let was = self.controls.causes.get(scope, cause);
        let Some(strictest) = self.controls.causes.set(scope, cause, state) else { return false };
        if state > was {
            self.controls.counts.imposed[cause as usize] += 1;
            // What trips again is not ended by a word said before.
            self.controls.rearms.retain(|rearm| (rearm.scope, rearm.cause) != (scope, cause));
        }
        let place = match scope {
            Scope::All => Some(&mut self.state_all),
            Scope::Instrument(id) => self.watched.get_mut(id.index()).map(|watched| &mut watched.state),
            Scope::Strategy(id) => self.state_by_strategy.get_mut(usize::from(id.0)),
            Scope::Venue(id) => self.state_by_venue.get_mut(usize::from(id.0)),
        };
        if let Some(place) = place {
            *place = strictest;
        }
        true
    }

    fn on_rearm_request(&mut self, record: &MarketRecord) -> bool {
        let (cause, scope) = (Cause::from_code(record.qty), Scope::of(record));
        let (Some(cause), Some(scope)) = (cause, scope) else { return false };
        let controls = &mut self.controls;
        controls.rearms.retain(|rearm| (rearm.scope, rearm.cause) != (scope, cause));
        let is_tripped = controls.causes.get(scope, cause) != TradingState::Active;
        let is_taken = is_tripped && cause.is_rearmed() && controls.rearms.len() < REARMS_MAX;
        if is_taken {
            controls.rearms.push(Rearm { scope, cause, argument: record.order_ref });
        }
        is_taken
    }

    fn on_rearm_confirm(&mut self, record: &MarketRecord, now_ns: i64) -> bool {
        let said = Cause::from_code(record.qty).zip(Scope::of(record));
        let said = said.map(|(cause, scope)| Rearm { scope, cause, argument: record.order_ref });
        let Some(rearm) = said.filter(|said| self.controls.rearms.contains(said)) else { return false };
        let controls = &mut self.controls;
        let may_be = match (rearm.cause, rearm.scope) {
            (Cause::OrderRatio, Scope::Instrument(id)) => {
                if let Some(ratio) = &mut controls.order_ratio {
                    ratio.rearm(id.index());
                }
                true
            }
            (Cause::Executions, Scope::Strategy(id)) => {
                if let Some(executions) = &mut controls.executions {
                    executions.confirm(usize::from(id.0));
                }
                true
            }
            (cause, Scope::Strategy(id)) => {
                let losses = controls.losses.get_mut(usize::from(id.0));
                losses.is_some_and(|losses| losses.try_rearm(cause, now_ns))
            }
            (cause, Scope::All) => {
                controls.loss_total.as_mut().is_some_and(|losses| losses.try_rearm(cause, now_ns))
            }
            _ => false,
        };
        if may_be {
            controls.rearms.retain(|said| *said != rearm);
            controls.counts.rearmed += 1;
            controls.forget(rearm.scope, rearm.cause);
            self.impose(rearm.scope, rearm.cause, TradingState::Active);
        }
        may_be
    }

    fn on_executions_confirmed(&mut self, record: &MarketRecord) -> bool {
        let Some(Scope::Strategy(id)) = Scope::of(record) else { return false };
        let Some(executions) = &mut self.controls.executions else { return false };
        executions.confirm(usize::from(id.0));
        self.controls.forget(Scope::Strategy(id), Cause::Executions);
        self.impose(Scope::Strategy(id), Cause::Executions, TradingState::Active)
    }

    fn on_override(&mut self, record: &MarketRecord, now_ns: i64) -> bool {
        let place = record.header.instrument as usize;
        let (key, value) = (LimitKey::from_code(record.qty), i64::try_from(record.order_ref));
        let (Some(key), Ok(value), Some(watched)) = (key, value, self.watched.get(place)) else {
            return false;
        };
        let max = match key {
            LimitKey::PriceCollar => 10_000,
            LimitKey::OrderNotional => MONEY_MAX_CCY,
            LimitKey::OrderQty | LimitKey::Position | LimitKey::OpenQty => LOTS_MAX,
        };
        // As at the start: the largest order must be valued in 64 bits of lots times multiplier.
        let qty_lots = if key == LimitKey::OrderQty { value.min(watched.venue_qty_max) } else { 0 };
        let is_sound = (1..=max).contains(&value)
            && qty_lots.checked_mul(watched.multiplier).is_some()
            && record.price > now_ns;
        let one = Override { place, key, value, until_ns: record.price };
        if !is_sound || !self.controls.overrides.put(one) {
            return false;
        }
        self.controls.counts.overridden += 1;
        self.controls.override_end_ns = self.controls.overrides.next_end_ns();
        self.refresh_limits(place);
        true
    }

    /// Puts back what was overridden until now.
    #[cold]
    pub(super) fn expire_overrides(&mut self, now_ns: i64) {
        while let Some(place) = self.controls.overrides.expire(now_ns) {
            self.refresh_limits(place);
        }
        self.controls.override_end_ns = self.controls.overrides.next_end_ns();
    }

    /// What is tighter counts at once, in place of an earlier word about the same limit too.
    fn end_overrides(&mut self, version: u64) {
        let Controls { versions, overrides, .. } = &mut self.controls;
        overrides.end_where(|one| versions.takes_back(version, one));
        self.controls.override_end_ns = self.controls.overrides.next_end_ns();
    }

    fn on_exits_allowed(&mut self, record: &MarketRecord) -> bool {
        match Scope::of(record) {
            Some(Scope::All) => self.controls.exits_all_until_ns = record.price,
            Some(Scope::Instrument(id)) => match self.controls.exits_until_ns.get_mut(id.index()) {
                Some(until_ns) => *until_ns = record.price,
                None => return false,
            },
            _ => return false,
        }
        true
    }

    fn on_ready(&mut self, bits: u64) -> bool {
        self.controls.start_bits |= bits & start::ALL;
        if self.controls.config.start.is_some() && self.controls.start_bits == start::ALL {
            self.controls.forget(Scope::All, Cause::Start);
            self.impose(Scope::All, Cause::Start, TradingState::Active);
        }
        bits & !start::ALL == 0
    }

    /// Takes over the limits that count now.
    fn apply_limits(&mut self, now_ns: i64) {
        let current = self.controls.versions.current();
        self.guard = MarketGuard::of_times(&current.market);
        self.rates.iter_mut().for_each(|rates| rates.set_limits(&current.session, now_ns));
        self.duplicates.set_limits(&current.duplicate);
        self.exposures.set_limits(&current.accounts, current.total);
        (0..self.watched.len()).for_each(|place| self.refresh_limits(place));
        self.look_at_restricted();
    }

    /// What is on the restricted list is halted at once, and the verdict tells the desk, which pulls what rests; what has left it
    /// is free when the verdict of that comes back.
    fn look_at_restricted(&mut self) {
        for (place, id) in (0..self.watched.len()).zip((0u32..).map(InstrumentId)) {
            let (scope, state) = (Scope::Instrument(id), self.controls.versions.listed(place));
            self.controls.ask(scope, Cause::RestrictedList, state, 0);
            if state > TradingState::Active {
                self.impose(scope, Cause::RestrictedList, state);
            }
        }
    }

    /// The limits of an instrument: those that count, what overrides them, and what the equity allows.
    fn refresh_limits(&mut self, place: usize) {
        let controls = &self.controls;
        let Some(watched) = self.watched.get_mut(place) else { return };
        let current = controls.versions.current();
        let (mut limits, short_max_lots) =
            (current.instruments[place], current.short_sales[place].short_max_lots);
        for one in controls.overrides.of(place) {
            *one.key.of(&mut limits) = one.value;
        }
        let share = equity_share_lots(controls, watched);
        let is_bound = share.is_some_and(|share| share < limits.position_max_lots);
        if let Some(share) = share {
            limits.position_max_lots = limits.position_max_lots.min(share);
        }
        self.controls.is_bound_by_equity[place] = is_bound;
        watched.notional_max = cash_from_ccy(limits.order_notional_max_ccy).0;
        watched.short_max_lots = short_max_lots;
        watched.limits = limits;
    }

    /// Before the first look at the equity nobody knows what a share of it is: no position may grow.
    pub(super) fn start_controls(&mut self) {
        if self.controls.config.equity.is_some() {
            (0..self.watched.len()).for_each(|place| self.refresh_limits(place));
        }
        if self.controls.config.start.is_some() {
            self.impose(Scope::All, Cause::Start, TradingState::Halted);
        }
        for (place, id) in (0..self.watched.len()).zip((0u32..).map(InstrumentId)) {
            self.impose(Scope::Instrument(id), Cause::RestrictedList, self.controls.versions.listed(place));
        }
    }

    /// An order that meets a restriction: it passes as one that must reduce where exits are allowed and the position is known,
    /// else the control that restricts most names the reason.
    #[cold]
    pub(super) fn restricted(&self, order: &OrderRecord) -> Result<TradingState, Reason> {
        let (cause, state) = self.controls.causes.strictest(order);
        let place = order.header.instrument as usize;
        let exits_until_ns = self.controls.exits_until_ns.get(place).copied().unwrap_or(i64::MIN);
        let until_ns = exits_until_ns.max(self.controls.exits_all_until_ns);
        let scope = Scope::Instrument(InstrumentId(order.header.instrument));
        let is_known = self.controls.causes.get(scope, Cause::UnknownOrders) == TradingState::Active
            && self.controls.is_reconciled();
        if order.header.ts_recv_ns < until_ns && is_known {
            return Ok(TradingState::ReduceOnly);
        }
        Err(cause.reason(state))
    }

    /// Names the control behind a refusal that a state or limit it changed has led to.
    #[cold]
    pub(super) fn behind(&self, reason: Reason, order: &OrderRecord) -> Reason {
        let (cause, state) = self.controls.causes.strictest(order);
        match reason {
            Reason::ReduceOnly if state != TradingState::Active => cause.reason(state),
            Reason::Position if self.is_bound_by_equity(order) => Reason::EquityShare,
            reason => reason,
        }
    }

    fn is_bound_by_equity(&self, order: &OrderRecord) -> bool {
        let place = order.header.instrument as usize;
        self.controls.is_bound_by_equity.get(place).is_some_and(|is_bound| *is_bound)
    }
}

/// Most lots of an instrument that its share of the equity allows; `None` where no share is stated.
fn equity_share_lots(controls: &Controls, watched: &Watched) -> Option<i64> {
    let config = controls.config.equity.as_ref()?;
    let Some((equity, px)) = controls.equity.zip(watched.reference_px()) else { return Some(0) };
    let allowed = equity.max(0) / 10_000 * i128::from(config.position_max_bps);
    let lot = i128::from(watched.value_px(px).unsigned_abs()) * i128::from(watched.multiplier);
    // A price of zero has no share: the other limits hold.
    let lots = if lot == 0 { i128::from(LOTS_MAX) } else { allowed / lot };
    Some(i64::try_from(lots).unwrap_or(LOTS_MAX).min(LOTS_MAX))
}

/// Asks for what the losses call for.
fn ask_of_losses(
    controls: &mut Controls,
    losses: &mut LossLimits,
    scope: Scope,
    state: TradingState,
    equity: i128,
    (day, now_ns): (i64, i64),
) {
    let found = losses.look(equity, day);
    for (cause, is_over) in LossLimits::CAUSES.into_iter().zip([found.is_new_day, found.is_new_week, false]) {
        if is_over {
            controls.ask(scope, cause, TradingState::Active, 0);
        }
    }
    for (cause, loss) in LossLimits::CAUSES.into_iter().zip(found.losses) {
        let Some(loss) = loss else { continue };
        let is_news = controls.asked(scope, cause) != state;
        if is_news && cause == Cause::Drawdown {
            losses.on_drawdown(now_ns);
        }
        controls.ask(scope, cause, state, i64::try_from(loss / 1_000_000_000).unwrap_or(i64::MAX));
    }
}
