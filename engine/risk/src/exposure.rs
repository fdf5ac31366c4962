//! Gross and net exposure (control 9): reserved when an order is sent, released at its last word.
//!
//! A cell is one account in one instrument: position, its value at the mark, and the value of open buys and
//! sells. The position can end anywhere from all sells traded to all buys traded, so the cell's worst value is
//! the larger absolute one of these two ends; gross is the sum of worst values over cells, and an order that
//! only closes a position adds nothing to it. Net is the signed sum, tested at its two ends. Prices below zero
//! count with their absolute value.
//!
//! Invariant: every sum equals the one recomputed from positions, marks and open orders.

use tickrace_types::{Cash, Side};

use crate::limits::{AccountLimits, ExposureLimits, cash_from_ccy};
use crate::{Limits, Reason};

/// Values are cut off here, above every limit, so that no sum over cells or orders leaves 128 bits.
const VALUE_MAX: i128 = 1 << 110;

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

/// One account in one instrument.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Cell {
    /// Value of the position at its mark.
    value: i128,
    /// Where the value ends with all buys traded; the negative of where it ends with all sells traded.
    ends: [i128; 2],
    /// Largest absolute value the position could reach, cached. Open values are not negative, so the upper end is
    /// not below the lower one, and the larger absolute value is the larger of `ends`.
    worst: i128,
}
const _: () = assert!(size_of::<Cell>() == 64);

impl Cell {
    /// Brings `worst` up to date; by how much it grew.
    #[inline]
    fn settle(&mut self) -> i128 {
        let worst = self.ends[0].max(self.ends[1]);
        worst - std::mem::replace(&mut self.worst, worst)
    }
}

/// Sums over cells, and their limits.
#[derive(Clone, Copy, Debug)]
struct Sums {
    gross: i128,
    value: i128,
    /// As in a cell: value and open buys; open sells less value.
    ends: [i128; 2],
    gross_max: i128,
    net_max: i128,
}

impl Sums {
    fn new(limits: ExposureLimits) -> Self {
        Self {
            gross: 0,
            value: 0,
            ends: [0; 2],
            gross_max: cash_from_ccy(limits.gross_exposure_max_ccy).0,
            net_max: cash_from_ccy(limits.net_exposure_max_ccy).0,
        }
    }

    /// Whether the gross, made worse by `worse`, stays within. Where it does not grow it may be over: the market
    /// can have carried it there, and what reduces must still leave.
    #[inline]
    fn holds_gross(&self, worse: i128) -> bool {
        worse == 0 || self.gross + worse <= self.gross_max
    }

    /// Whether the net at the end of `side` stays within with `cash` more.
    #[inline]
    fn holds_net(&self, side: Side, cash: i128) -> bool {
        self.ends[side.index()] + cash <= self.net_max
    }

    fn exposure(&self) -> Exposure {
        Exposure {
            gross: Cash(self.gross),
            net: Cash(self.value),
            open_buys: Cash(self.ends[0] - self.value),
            open_sells: Cash(self.ends[1] + self.value),
        }
    }
}

/// All cells and sums.
#[derive(Clone, Debug)]
pub(crate) struct Exposures {
    cells: Vec<Cell>,
    /// Signed lots, beside the cells.
    positions: Vec<i64>,
    accounts: Vec<u16>,
    sums: Vec<Sums>,
    total: Sums,
}

impl Exposures {
    pub fn new(limits: &Limits, instruments: usize) -> Self {
        let numbers = limits.accounts.iter().map(|account| account.account).collect();
        let own = limits.accounts.iter().map(AccountLimits::exposure);
        Self::of_owners(numbers, own, limits.total, instruments)
    }

    /// Of owners by their numbers, each with its limits.
    pub fn of_owners(
        numbers: Vec<u16>,
        limits: impl Iterator<Item = ExposureLimits>,
        total: ExposureLimits,
        instruments: usize,
    ) -> Self {
        Self {
            cells: vec![Cell::default(); instruments * numbers.len()],
            positions: vec![0; instruments * numbers.len()],
            accounts: numbers,
            sums: limits.map(Sums::new).collect(),
            total: Sums::new(total),
        }
    }

    /// Takes over other limits of the same accounts.
    pub fn set_limits(&mut self, accounts: &[ExposureLimits], total: ExposureLimits) {
        let own = self.sums.iter_mut().zip(accounts);
        for (sums, limits) in own.chain(std::iter::once((&mut self.total, &total))) {
            sums.gross_max = cash_from_ccy(limits.gross_exposure_max_ccy).0;
            sums.net_max = cash_from_ccy(limits.net_exposure_max_ccy).0;
        }
    }

    /// Index of an account in the limits.
    #[inline]
    pub fn account_index(&self, account: u16) -> Option<u8> {
        // At most ACCOUNT_COUNT_MAX of them, usually one.
        let place = self.accounts.iter().position(|known| *known == account)?;
        u8::try_from(place).ok()
    }

    /// Whether `cash` more of open orders on `side` fits the limits; how much worse that makes the cell.
    /// `cash` is zero or positive.
    #[inline(always)]
    pub fn judge(&self, place: usize, account: u8, side: Side, cash: i128) -> Result<i128, Reason> {
        let cell = &self.cells[self.cell(place, account)];
        let worse = (cell.ends[side.index()] + cash - cell.worst).max(0);
        let own = &self.sums[usize::from(account)];
        if !own.holds_gross(worse) {
            return Err(Reason::AccountGross);
        }
        if !own.holds_net(side, cash) {
            return Err(Reason::AccountNet);
        }
        if !self.total.holds_gross(worse) {
            return Err(Reason::TotalGross);
        }
        if !self.total.holds_net(side, cash) {
            return Err(Reason::TotalNet);
        }
        Ok(worse)
    }

    /// As [`Exposures::judge`], by the gross value of the owner alone; `None` where it does not fit.
    #[inline]
    pub fn judge_gross(&self, place: usize, account: u8, side: Side, cash: i128) -> Option<i128> {
        let cell = &self.cells[self.cell(place, account)];
        let worse = (cell.ends[side.index()] + cash - cell.worst).max(0);
        self.sums[usize::from(account)].holds_gross(worse).then_some(worse)
    }

    /// Reserves `cash` as it was judged, with what [`Exposures::judge`] gave.
    #[inline]
    pub fn reserve(&mut self, place: usize, account: u8, side: Side, cash: i128, worse: i128) {
        let at = self.cell(place, account);
        let cell = &mut self.cells[at];
        cell.ends[side.index()] += cash;
        cell.worst += worse;
        debug_assert_eq!(cell.worst, cell.ends[0].max(cell.ends[1]), "the judgement stands");
        for sums in [&mut self.sums[usize::from(account)], &mut self.total] {
            sums.ends[side.index()] += cash;
            sums.gross += worse;
        }
    }

    /// Releases `cash`, or reserves it unasked where negative.
    #[inline]
    pub fn release(&mut self, place: usize, account: u8, side: Side, cash: i128) {
        let at = self.cell(place, account);
        let cell = &mut self.cells[at];
        cell.ends[side.index()] -= cash;
        let worse = cell.settle();
        for sums in [&mut self.sums[usize::from(account)], &mut self.total] {
            sums.ends[side.index()] -= cash;
            sums.gross += worse;
        }
    }

    /// Moves a position by signed lots and values it at `mark_px`.
    pub fn move_position(&mut self, place: usize, account: u8, lots: i64, mark_px: i64, multiplier: i64) {
        let at = self.cell(place, account);
        self.positions[at] = self.positions[at].saturating_add(lots);
        self.value(at, account, mark_px, multiplier);
    }

    /// Values the positions of all accounts in an instrument at a new mark.
    pub fn mark(&mut self, place: usize, mark_px: i64, multiplier: i64) {
        for account in (0..).take(self.accounts.len()) {
            self.value(self.cell(place, account), account, mark_px, multiplier);
        }
    }

    /// Whether any account holds a position in the instrument.
    pub fn is_held(&self, place: usize) -> bool {
        let count = self.accounts.len();
        self.positions[place * count..][..count].iter().any(|position| *position != 0)
    }

    /// Signed lots of one account in an instrument.
    pub fn position(&self, place: usize, account: u8) -> i64 {
        self.positions[self.cell(place, account)]
    }

    /// Exposure of an account.
    pub fn of(&self, account: u16) -> Option<Exposure> {
        self.account_index(account).map(|index| self.sums[usize::from(index)].exposure())
    }

    /// Exposure of all accounts.
    pub fn total(&self) -> Exposure {
        self.total.exposure()
    }

    #[inline]
    fn cell(&self, place: usize, account: u8) -> usize {
        place * self.accounts.len() + usize::from(account)
    }

    fn value(&mut self, at: usize, account: u8, mark_px: i64, multiplier: i64) {
        let cell = &mut self.cells[at];
        let value = value_of(self.positions[at], mark_px, multiplier);
        let more = value - std::mem::replace(&mut cell.value, value);
        cell.ends = [cell.ends[0] + more, cell.ends[1] - more];
        let worse = cell.settle();
        for sums in [&mut self.sums[usize::from(account)], &mut self.total] {
            sums.value += more;
            sums.ends = [sums.ends[0] + more, sums.ends[1] - more];
            sums.gross += worse;
        }
    }
}

/// Value of open lots at a limit price: what the reserve of an order is made of. `lots` is zero or positive.
#[inline]
pub(crate) fn order_cash(px: i64, lots: i64, multiplier: i64) -> i128 {
    // Limits refuse a gate whose largest order times multiplier leaves 64 bits; adopted orders may be larger,
    // and saturate.
    let per_point = i128::from(lots.saturating_mul(multiplier));
    (i128::from(px.unsigned_abs()) * per_point).min(VALUE_MAX)
}

/// Signed value of a position at its mark.
#[inline]
fn value_of(position: i64, mark_px: i64, multiplier: i64) -> i128 {
    let per_point = i128::from(position) * i128::from(multiplier);
    per_point.saturating_mul(i128::from(mark_px.unsigned_abs())).clamp(-VALUE_MAX, VALUE_MAX)
}
