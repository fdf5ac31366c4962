//! The gate: what it has seen of market, orders and operators, and its public face.
//!
//! Judging an order is in `gate/judge.rs`, understanding the venue's answers in `gate/answers.rs`.

mod answers;
mod controlled;
mod judge;

pub use judge::Judged;

use tickrace_types::event::ControlCode;
use tickrace_types::{
    AccountId, Cash, Contract, Instrument, InstrumentId, InstrumentTable, Kind, MarketRecord, OrderRecord,
    Price, Side, StrategyId, TopOfBook, Verdict,
};

use crate::by_strategy::ByStrategy;
use crate::controls::Controls;
use crate::duplicate::Duplicates;
use crate::exposure::{Exposure, Exposures};
use crate::grid::Grid;
use crate::limits::{InstrumentLimits, LOTS_MAX, cash_from_ccy};
use crate::market::{MarketGuard, reference_doubled};
use crate::opening::{OpeningError, OpeningState};
use crate::orders::OpenOrders;
use crate::own_prices::{NO_PRICE, OwnPrices};
use crate::rate::{SESSION_COUNT_MAX, SessionRates};
use crate::state::{KillSwitch, STRATEGY_COUNT_MAX, TradingState, VENUE_COUNT_MAX};
use crate::{Counts, Limits, LimitsError};

/// Most orders a gate can hold open.
pub const OPEN_ORDERS_CAPACITY_MAX: usize = 1 << 20;
/// Closed orders whose account is remembered for a late fill.
const DEPARTED: usize = 256;

/// Judges orders, the last before the wire.
///
/// Feed it every record in the street's order: tops through [`Gate::on_top`], orders through [`Gate::check`],
/// responses through [`Gate::on_response`], control records through [`Gate::on_control`]. Its only time is that
/// of the order. Nothing here allocates after construction or panics on what comes from outside.
#[derive(Debug)]
pub struct Gate {
    watched: Vec<Watched>,
    /// For prices below the uppermost band of a tick table.
    instruments: InstrumentTable,
    guard: MarketGuard,
    kill: KillSwitch,
    client_id_high: u64,
    orders: OpenOrders,
    own_prices: OwnPrices,
    exposures: Exposures,
    duplicates: Duplicates,
    rates: Vec<SessionRates>,
    state_all: TradingState,
    state_by_strategy: Vec<TradingState>,
    state_by_venue: Vec<TradingState>,
    departed: Vec<Departed>,
    departed_next: usize,
    counts: Counts,
    controls: Controls,
    /// Limits of single strategies, where there are any.
    by_strategy: Option<Box<ByStrategy>>,
    due: judge::Due,
}

/// One instrument: five cache lines, the market's, ours, and the rules'.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Watched {
    top: TopOfBook,
    /// Signed lots, all accounts.
    position: i64,
    /// Reserved lots by side.
    open_lots: [i64; 2],
    /// Best price of our own open orders by side.
    best_own: [i64; 2],
    /// Open orders by side.
    open_count: [u32; 2],
    /// What positions are valued at now.
    mark_px: i64,
    /// Whether any account has a position.
    is_held: bool,
    state: TradingState,
    fair_px: Option<i64>,
    limits: InstrumentLimits,
    /// Lots that may be short at worst: those located, or any number (control 12).
    short_max_lots: i64,
    notional_max: i128,
    venue_qty_min: i64,
    venue_qty_max: i64,
    multiplier: i64,
    contract: Contract,
    grid: Grid,
}

impl Watched {
    fn new(instrument: &Instrument, limits: InstrumentLimits, short_max_lots: i64) -> Self {
        Self {
            top: TopOfBook { stale: 1, ..TopOfBook::default() },
            position: 0,
            open_lots: [0; 2],
            best_own: NO_PRICE,
            open_count: [0; 2],
            mark_px: 0,
            is_held: false,
            state: TradingState::Active,
            fair_px: None,
            limits,
            short_max_lots,
            notional_max: cash_from_ccy(limits.order_notional_max_ccy).0,
            venue_qty_min: instrument.order_qty_min,
            venue_qty_max: instrument.order_qty_max,
            multiplier: instrument.multiplier_nanos,
            contract: Contract::of(instrument),
            grid: Grid::new(instrument),
        }
    }

    /// The price that values lots in the currency of the limits, the quote currency: of an inverse contract, whose lots stand
    /// for a fixed amount of it, one.
    #[inline]
    fn value_px(&self, px: i64) -> i64 {
        self.contract.quote_px(Price(px)).0
    }

    /// What a position is worth a lot: the reference where there is one.
    #[inline]
    fn reference_px(&self) -> Option<i64> {
        reference_doubled(&self.top, self.fair_px).map(|doubled| doubled / 2)
    }
}

const _: () = assert!(size_of::<Watched>() == 320);

/// A closed order a late fill may still name.
#[derive(Clone, Copy, Debug, Default)]
struct Departed {
    client_id: u64,
    account: u8,
}

impl Gate {
    /// Takes all its memory here.
    ///
    /// - `open_orders_capacity`: most orders open at once over all instruments, 1 to 1,048,576.
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
        if !(1..=OPEN_ORDERS_CAPACITY_MAX).contains(&open_orders_capacity) {
            return Err(LimitsError::Capacity { got: open_orders_capacity });
        }
        let watched = instruments
            .as_slice()
            .iter()
            .map(|instrument| {
                let short_max_lots = limits.short_max_lots(&instrument.symbol);
                Ok(Watched::new(instrument, limits.of(instrument)?, short_max_lots))
            })
            .collect::<Result<Vec<_>, LimitsError>>()?;
        let orders_max = |watched: &Watched| {
            usize::try_from(watched.limits.open_orders_side_max_count).unwrap_or(0).min(open_orders_capacity)
        };
        let mut gate = Self {
            instruments: instruments.clone(),
            guard: MarketGuard::new(&limits.market)?,
            kill: KillSwitch::default(),
            client_id_high: 0,
            orders: OpenOrders::new(open_orders_capacity),
            own_prices: OwnPrices::new(watched.iter().map(orders_max)),
            exposures: Exposures::new(limits, watched.len()),
            duplicates: Duplicates::new(&limits.duplicate),
            rates: vec![SessionRates::new(&limits.session); SESSION_COUNT_MAX],
            state_all: TradingState::Active,
            state_by_strategy: vec![TradingState::Active; STRATEGY_COUNT_MAX],
            state_by_venue: vec![TradingState::Active; VENUE_COUNT_MAX],
            departed: vec![Departed::default(); DEPARTED],
            departed_next: 0,
            counts: Counts::default(),
            controls: Controls::new(limits, instruments, open_orders_capacity)?,
            by_strategy: None,
            due: judge::Due::default(),
            watched,
        };
        gate.start_controls();
        Ok(gate)
    }

    /// Continues from an earlier run. To be called before the first record, and after [`Gate::with_strategies`].
    ///
    /// # Errors
    ///
    /// [`OpeningError`] where the state does not fit; what stood before the fault has been taken over.
    pub fn restore(&mut self, opening: &OpeningState) -> Result<(), OpeningError> {
        self.client_id_high = self.client_id_high.max(opening.client_id_high);
        for (instrument, fair) in &opening.fair {
            let watched = self.watched.get_mut(instrument.index());
            watched.ok_or(OpeningError::Instrument(*instrument))?.fair_px = Some(fair.0);
        }
        for held in &opening.positions {
            if held.instrument.index() >= self.watched.len() {
                return Err(OpeningError::Instrument(held.instrument));
            }
            let account = self.exposures.account_index(held.account.0);
            let account = account.ok_or(OpeningError::Account(held.account))?;
            if held.qty_lots.saturating_abs() > LOTS_MAX {
                return Err(OpeningError::Position(held.qty_lots));
            }
            let (place, owner) = (held.instrument.index(), (account, held.strategy.0));
            self.move_position(place, owner, held.qty_lots, held.mark.0);
            self.carry(held);
        }
        Ok(())
    }

    /// Takes note of a market event: reference price, phase, staleness, times. A top of no instrument of the
    /// table is passed over.
    #[inline]
    pub fn on_top(&mut self, top: &TopOfBook) {
        let Some(watched) = self.watched.get_mut(top.instrument as usize) else { return };
        watched.top = *top;
        if watched.is_held
            && let Some(px) = watched.reference_px()
            && px != watched.mark_px
        {
            self.mark(top.instrument as usize, px);
        }
    }

    /// Judges an order at its own time and reserves its exposure where it passes. Constant time, no allocation. See [`Gate::judge`]
    /// for an order that should leave in between.
    #[inline]
    pub fn check(&mut self, order: &OrderRecord) -> Verdict {
        self.judge(order).verdict()
    }

    /// Takes note of a control record: kill, two-step re-arm, trading states (see [`crate::Scope`]), verdicts
    /// of controls and the words of operators. Others are none of its business.
    pub fn on_control(&mut self, record: &MarketRecord) {
        if record.header.kind != Kind::Control as u8 {
            return;
        }
        match ControlCode::from_code(record.code) {
            Some(ControlCode::Kill) => {
                self.kill.kill();
                let open = self.orders.len();
                self.rates.iter_mut().for_each(|rates| rates.raise_reserve(open));
            }
            Some(ControlCode::RearmRequest) if record.qty == 0 => self.kill.request(record.order_ref),
            Some(ControlCode::RearmConfirm) if record.qty == 0 => {
                self.kill.confirm(record.order_ref, self.orders.len());
            }
            Some(code) => self.on_word(code, record),
            None => {}
        }
    }

    /// Whether the kill switch is latched.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.kill.is_killed()
    }

    /// Whether the kill switch is latched and the venue has said the last word about every order.
    pub fn is_kill_proven(&self) -> bool {
        self.is_killed() && self.orders.len() == 0
    }

    /// Verdicts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Orders whose last word the venue has not said.
    #[inline]
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Open orders on one side of an instrument; 0 for one that is not in the table.
    pub fn open_count(&self, instrument: InstrumentId, side: Side) -> u32 {
        self.watched.get(instrument.index()).map_or(0, |watched| watched.open_count[side.index()])
    }

    /// Signed lots held of an instrument, all accounts; 0 for one that is not in the table.
    pub fn position(&self, instrument: InstrumentId) -> i64 {
        self.watched.get(instrument.index()).map_or(0, |watched| watched.position)
    }

    /// Signed lots one account holds of an instrument; 0 where either is unknown.
    pub fn position_of(&self, account: AccountId, instrument: InstrumentId) -> i64 {
        let known =
            self.exposures.account_index(account.0).filter(|_| instrument.index() < self.watched.len());
        known.map_or(0, |account| self.exposures.position(instrument.index(), account))
    }

    /// Lots reserved on one side of an instrument; 0 for one that is not in the table.
    pub fn open_qty(&self, instrument: InstrumentId, side: Side) -> i64 {
        self.watched.get(instrument.index()).map_or(0, |watched| watched.open_lots[side.index()])
    }

    /// Exposure of an account; `None` where the limits do not name it.
    pub fn exposure(&self, account: AccountId) -> Option<Exposure> {
        self.exposures.of(account.0)
    }

    /// Exposure of all accounts.
    pub fn exposure_total(&self) -> Exposure {
        self.exposures.total()
    }

    /// Signed lots one strategy holds of an instrument and its lots open, bought and sold; `None` where no strategy has limits
    /// of its own.
    pub fn lots_of_strategy(
        &self,
        strategy: StrategyId,
        instrument: InstrumentId,
    ) -> Option<(i64, [i64; 2])> {
        let own = self.by_strategy.as_ref().filter(|_| instrument.index() < self.watched.len());
        own.and_then(|own| own.lots(instrument.index(), strategy.0))
    }

    /// Gross value of a strategy at worst; `None` where no strategy has limits of its own.
    pub fn gross_of_strategy(&self, strategy: StrategyId) -> Option<Cash> {
        self.by_strategy.as_ref().and_then(|own| own.gross(strategy.0))
    }

    /// Values the positions of an instrument at its reference, which has moved to `px`.
    #[inline(never)]
    fn mark(&mut self, place: usize, px: i64) {
        let watched = &mut self.watched[place];
        watched.mark_px = px;
        let (value_px, multiplier) = (watched.value_px(px), watched.multiplier);
        self.value(place, value_px, multiplier);
    }

    fn value(&mut self, place: usize, px: i64, multiplier: i64) {
        self.exposures.mark(place, px, multiplier);
        if let Some(own) = &mut self.by_strategy {
            own.mark(place, px, multiplier);
        }
    }

    /// Moves a position of an account and a strategy; where the market gives no reference it is valued at `px`.
    fn move_position(&mut self, place: usize, owner: (u8, u16), lots: i64, px: i64) {
        let watched = &mut self.watched[place];
        let (mark_px, multiplier) = (watched.reference_px().unwrap_or(px), watched.multiplier);
        watched.position = watched.position.saturating_add(lots);
        let value_px = watched.value_px(mark_px);
        if mark_px != watched.mark_px {
            watched.mark_px = mark_px;
            self.value(place, value_px, multiplier);
        }
        let (account, strategy) = owner;
        self.exposures.move_position(place, account, lots, value_px, multiplier);
        let mut is_held = self.exposures.is_held(place);
        if let Some(own) = &mut self.by_strategy {
            own.move_position(place, strategy, lots, value_px, multiplier);
            is_held |= own.is_held(place);
        }
        self.watched[place].is_held = is_held;
    }
}

#[cfg(test)]
mod by_strategy_tests;
#[cfg(test)]
mod controlled_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
