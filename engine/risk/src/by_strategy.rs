//! Limits of one strategy beside those of all: position by instrument and gross value over instruments, both at worst.
//!
//! The gate's other limits count all strategies together, netted by instrument; these count one alone, so that what one strategy
//! may do does not hang on what another holds. A strategy that the limits do not name is bound by the others alone, and
//! reduces its own position alone where it is restricted by itself.
//!
//! Invariant: every number equals the one recomputed from positions, marks and open orders.

use tickrace_types::{Cash, InstrumentTable, Side};

use crate::exposure::Exposures;
use crate::limits::{ExposureLimits, LOTS_MAX, MONEY_MAX_CCY};
use crate::{Limits, LimitsError, Reason};

/// One strategy in one instrument.
#[derive(Clone, Copy, Debug)]
struct Cell {
    position: i64,
    /// Reserved lots by side.
    open_lots: [i64; 2],
    position_max: i64,
}

impl Cell {
    #[inline]
    fn worst(&self, more: More) -> i64 {
        let held = self.position.saturating_mul(more.side.sign());
        held.saturating_add(self.open_lots[more.side.index()] + more.lots)
    }
}

/// All strategies of a gate.
#[derive(Clone, Debug)]
pub(crate) struct ByStrategy {
    cells: Vec<Cell>,
    /// The strategies in place of accounts; their net and their sum are not limited here.
    exposures: Exposures,
    count: usize,
}

/// What an order would add to a strategy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct More {
    pub side: Side,
    pub lots: i64,
    pub cash: i128,
}

impl ByStrategy {
    /// Takes all its memory here; `None` of a strategy that is alone and has no limits of its own. `names` are the strategies by
    /// number. Several are told apart without limits too: one that may only reduce has to know what is its own.
    pub fn new(
        limits: &Limits,
        names: &[&str],
        instruments: &InstrumentTable,
    ) -> Result<Option<Box<Self>>, LimitsError> {
        if let Some(name) = limits.strategies.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(LimitsError::Strategy { name: name.clone() });
        }
        if limits.strategies.is_empty() && names.len() < 2 {
            return Ok(None);
        }
        let own = || names.iter().map(|name| limits.strategies.get(*name));
        let cells = instruments.as_slice().iter().flat_map(|instrument| {
            own().map(|own| Cell {
                position: 0,
                open_lots: [0; 2],
                position_max: own.map_or(LOTS_MAX, |own| own.position_max(&instrument.symbol)),
            })
        });
        let free =
            ExposureLimits { gross_exposure_max_ccy: MONEY_MAX_CCY, net_exposure_max_ccy: MONEY_MAX_CCY };
        let gross = own().map(|own| match own {
            Some(own) => ExposureLimits { gross_exposure_max_ccy: own.gross_notional_max_ccy, ..free },
            None => free,
        });
        let numbers = (0..).take(names.len()).collect();
        let exposures = Exposures::of_owners(numbers, gross, free, instruments.len());
        Ok(Some(Box::new(Self { cells: cells.collect(), exposures, count: names.len() })))
    }

    /// Whether a strategy may add so much; how much worse that makes its gross value.
    #[inline]
    pub fn judge(&self, place: usize, strategy: u16, more: More) -> Result<i128, Reason> {
        let (at, number) = self.at(place, strategy).ok_or(Reason::UnknownRoute)?;
        let cell = &self.cells[at];
        if more.lots > 0 && cell.worst(more) > cell.position_max {
            return Err(Reason::StrategyPosition);
        }
        match more.cash {
            0 => Ok(0),
            cash => {
                let worse = self.exposures.judge_gross(place, number, more.side, cash);
                worse.ok_or(Reason::StrategyGross)
            }
        }
    }

    /// A strategy's position at worst with so much more, seen from that side.
    pub fn worst(&self, place: usize, strategy: u16, more: More) -> Option<i64> {
        self.at(place, strategy).map(|(at, _)| self.cells[at].worst(more))
    }

    /// Reserves what was judged, with what [`ByStrategy::judge`] gave.
    #[inline]
    pub fn reserve(&mut self, place: usize, strategy: u16, more: More, worse: i128) {
        let Some((at, number)) = self.at(place, strategy) else { return };
        self.cells[at].open_lots[more.side.index()] += more.lots;
        if more.cash != 0 {
            self.exposures.reserve(place, number, more.side, more.cash, worse);
        }
    }

    /// Releases lots and cash, or reserves them unasked where negative.
    #[inline]
    pub fn release(&mut self, place: usize, strategy: u16, less: More) {
        let Some((at, number)) = self.at(place, strategy) else { return };
        self.cells[at].open_lots[less.side.index()] -= less.lots;
        self.exposures.release(place, number, less.side, less.cash);
    }

    /// Moves a position by signed lots.
    pub fn move_position(&mut self, place: usize, strategy: u16, lots: i64, mark_px: i64, multiplier: i64) {
        let Some((at, number)) = self.at(place, strategy) else { return };
        self.cells[at].position = self.cells[at].position.saturating_add(lots);
        self.exposures.move_position(place, number, lots, mark_px, multiplier);
    }

    /// Values the positions of all strategies in an instrument.
    pub fn mark(&mut self, place: usize, mark_px: i64, multiplier: i64) {
        self.exposures.mark(place, mark_px, multiplier);
    }

    /// Whether any strategy holds a position in the instrument, though they may add up to nothing.
    pub fn is_held(&self, place: usize) -> bool {
        self.exposures.is_held(place)
    }

    /// Signed lots one strategy holds of an instrument, and its lots open by side.
    pub fn lots(&self, place: usize, strategy: u16) -> Option<(i64, [i64; 2])> {
        self.at(place, strategy).map(|(at, _)| (self.cells[at].position, self.cells[at].open_lots))
    }

    /// Gross value of a strategy at worst.
    pub fn gross(&self, strategy: u16) -> Option<Cash> {
        self.exposures.of(strategy).map(|exposure| exposure.gross)
    }

    #[inline]
    fn at(&self, place: usize, strategy: u16) -> Option<(usize, u8)> {
        let number = u8::try_from(strategy).ok()?;
        let is_known = usize::from(number) < self.count;
        is_known.then(|| (place * self.count + usize::from(number), number))
    }
}
