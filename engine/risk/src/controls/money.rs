//! What each strategy has earned, as the gate sees it: cash and marked positions, after fees.
//!
//! Invariant: a strategy's net is the sum of its cells' cash and value.

use tickrace_types::{Cash, Price, Side};

/// One strategy in one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    lots: i64,
    /// What sales brought less what purchases and fees cost.
    cash: i128,
    /// Position at its mark.
    value: i128,
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Money {
    cells: Vec<Cell>,
    nets: Vec<i128>,
    strategies: usize,
}

/// Where a fill happened and what the position is valued at after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traded {
    pub strategy: usize,
    pub place: usize,
    pub side: Side,
    pub lots: i64,
    pub px: i64,
    pub fee_nanos: i64,
    pub mark_px: i64,
    pub multiplier: i64,
}

impl Money {
    pub fn new(strategies: usize, instruments: usize) -> Self {
        Self { cells: vec![Cell::default(); strategies * instruments], nets: vec![0; strategies], strategies }
    }

    /// A position taken over: its profit counts from `px`.
    pub fn carry(&mut self, strategy: usize, place: usize, lots: i64, px: i64, multiplier: i64) {
        let side = if lots < 0 { Side::Ask } else { Side::Bid };
        let lots = lots.saturating_abs();
        let taken = Traded { strategy, place, side, lots, px, fee_nanos: 0, mark_px: px, multiplier };
        self.on_fill(&taken);
    }

    /// Applies a fill. A strategy that is not there has no money.
    pub fn on_fill(&mut self, traded: &Traded) {
        if traded.strategy >= self.strategies {
            return;
        }
        let cell = &mut self.cells[traded.place * self.strategies + traded.strategy];
        let lots = traded.lots * traded.side.sign();
        let paid = Cash::notional(Price(traded.px), lots, traded.multiplier).0;
        // Fees are in 1e-9 of the currency, cash in 1e-18.
        let cash = -(paid + i128::from(traded.fee_nanos) * 1_000_000_000);
        cell.lots = cell.lots.saturating_add(lots);
        let value = Cash::notional(Price(traded.mark_px), cell.lots, traded.multiplier).0;
        self.nets[traded.strategy] += cash + value - cell.value;
        (cell.cash, cell.value) = (cell.cash + cash, value);
    }

    /// Values what every strategy holds of an instrument.
    pub fn mark(&mut self, place: usize, mark_px: i64, multiplier: i64) {
        let cells = &mut self.cells[place * self.strategies..][..self.strategies];
        for (cell, net) in cells.iter_mut().zip(&mut self.nets).filter(|(cell, _)| cell.lots != 0) {
            let value = Cash::notional(Price(mark_px), cell.lots, multiplier).0;
            *net += value - cell.value;
            cell.value = value;
        }
    }

    /// Earned by one strategy, in 1e-18 of the currency.
    pub fn net(&self, strategy: usize) -> i128 {
        debug_assert_eq!(self.nets.get(strategy).copied(), self.recomputed(strategy));
        self.nets.get(strategy).copied().unwrap_or(0)
    }

    /// Earned by all.
    pub fn total(&self) -> i128 {
        self.nets.iter().sum()
    }

    fn recomputed(&self, strategy: usize) -> Option<i128> {
        let own = self.cells.iter().skip(strategy).step_by(self.strategies);
        (strategy < self.strategies).then(|| own.map(|cell| cell.cash + cell.value).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn usd(cents: i128) -> i128 {
        cents * 10_000_000_000_000_000
    }

    #[test]
    fn profit_is_what_a_ledger_by_hand_says() {
        let mut money = Money::new(2, 3);
        let bought = Traded {
            strategy: 1,
            place: 2,
            side: Side::Bid,
            lots: 100,
            px: 10 * ONE,
            fee_nanos: 300_000_000,
            mark_px: 10 * ONE,
            multiplier: ONE,
        };
        // 100 at 10.00, fee 0.30; marked at 10.00.
        money.on_fill(&bought);
        assert_eq!(money.net(1), usd(-30));
        money.mark(2, 9 * ONE, ONE);
        assert_eq!(money.net(1), usd(-10_030));
        // 60 sold at 11.00 with a rebate of 0.12: +60 on them; 40 left marked at 9.00: -40.
        let sold = Traded {
            side: Side::Ask,
            lots: 60,
            px: 11 * ONE,
            fee_nanos: -120_000_000,
            mark_px: 9 * ONE,
            ..bought
        };
        money.on_fill(&sold);
        assert_eq!(money.net(1), usd(6_000 - 4_000 - 30 + 12));
        money.carry(0, 0, -10, 5 * ONE, ONE);
        assert_eq!(money.net(0), 0);
        // Short 10 from 5.00, now 6.00.
        money.mark(0, 6 * ONE, ONE);
        assert_eq!(money.total(), money.net(1) + usd(-1_000));
        money.on_fill(&Traded { strategy: 2, ..bought });
        assert_eq!(money.total(), money.net(0) + money.net(1), "a strategy that is not there");
    }
}
