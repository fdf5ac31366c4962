//! What each strategy has earned, as the gate sees it: cash and marked positions, after fees, in the currency of the limits.
//!
//! Coins that an inverse contract earned count at its mark, closed or not, for the limits are in the currency of the price.
//!
//! Invariant: a strategy's net is the sum of its cells'.

use tickrace_types::{Cash, Contract, Price, Side};

/// One strategy in one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    lots: i64,
    /// What sales brought less what purchases and fees cost, in the currency the contract settles in.
    cash: i128,
    /// Cash and the position at its mark, in the quote currency.
    net: i128,
}

impl Cell {
    /// Values it at a mark; by how much that moved it.
    #[inline]
    fn mark(&mut self, mark_px: i64, contract: Contract) -> i128 {
        let mark = Price(mark_px);
        let net = contract.in_quote(Cash(self.cash + contract.value(mark, self.lots).0), mark).0;
        net - std::mem::replace(&mut self.net, net)
    }
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
    pub contract: Contract,
}

impl Money {
    pub fn new(strategies: usize, instruments: usize) -> Self {
        Self { cells: vec![Cell::default(); strategies * instruments], nets: vec![0; strategies], strategies }
    }

    /// A position taken over: its profit counts from `px`.
    pub fn carry(&mut self, strategy: usize, place: usize, lots: i64, px: i64, contract: Contract) {
        let side = if lots < 0 { Side::Ask } else { Side::Bid };
        let lots = lots.saturating_abs();
        let taken = Traded { strategy, place, side, lots, px, fee_nanos: 0, mark_px: px, contract };
        self.on_fill(&taken);
    }

    /// Applies a fill. A strategy that is not there has no money.
    pub fn on_fill(&mut self, traded: &Traded) {
        if traded.strategy >= self.strategies {
            return;
        }
        let cell = &mut self.cells[traded.place * self.strategies + traded.strategy];
        let lots = traded.lots * traded.side.sign();
        let paid = traded.contract.value(Price(traded.px), lots).0;
        // Fees are in 1e-9 of the currency, cash in 1e-18.
        cell.cash -= paid + i128::from(traded.fee_nanos) * 1_000_000_000;
        cell.lots = cell.lots.saturating_add(lots);
        self.nets[traded.strategy] += cell.mark(traded.mark_px, traded.contract);
    }

    /// Values what every strategy holds of an instrument.
    pub fn mark(&mut self, place: usize, mark_px: i64, contract: Contract) {
        let cells = &mut self.cells[place * self.strategies..][..self.strategies];
        // What is closed moves with the mark only where it is coins.
        let moves = |cell: &Cell| cell.lots != 0 || (contract.is_inverse() && cell.cash != 0);
        for (cell, net) in cells.iter_mut().zip(&mut self.nets).filter(|(cell, _)| moves(cell)) {
            *net += cell.mark(mark_px, contract);
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
        (strategy < self.strategies).then(|| own.map(|cell| cell.net).sum())
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
            contract: Contract::linear(ONE),
        };
        // 100 at 10.00, fee 0.30; marked at 10.00.
        money.on_fill(&bought);
        assert_eq!(money.net(1), usd(-30));
        money.mark(2, 9 * ONE, Contract::linear(ONE));
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
        money.carry(0, 0, -10, 5 * ONE, Contract::linear(ONE));
        assert_eq!(money.net(0), 0);
        // Short 10 from 5.00, now 6.00.
        money.mark(0, 6 * ONE, Contract::linear(ONE));
        assert_eq!(money.total(), money.net(1) + usd(-1_000));
        money.on_fill(&Traded { strategy: 2, ..bought });
        assert_eq!(money.total(), money.net(0) + money.net(1), "a strategy that is not there");
    }

    #[test]
    fn coins_count_at_the_mark_even_once_they_are_closed() {
        // 1,000 contracts of 100 dollars bought at 40,000 and marked at 50,000: 2.5 - 2.0 = 0.5 coins, 25,000 dollars, less
        // a fee of 0.001 coins, 50 dollars.
        let contract = Contract::inverse(100 * ONE);
        let mut money = Money::new(1, 1);
        let bought = Traded {
            strategy: 0,
            place: 0,
            side: Side::Bid,
            lots: 1000,
            px: 40_000 * ONE,
            fee_nanos: 1_000_000,
            mark_px: 50_000 * ONE,
            contract,
        };
        money.on_fill(&bought);
        assert_eq!(money.net(0), usd(2_495_000));
        // Sold at 50,000 for nothing more: 0.499 coins are left, at 25,000 worth 12,475.
        money.on_fill(&Traded { side: Side::Ask, px: 50_000 * ONE, fee_nanos: 0, ..bought });
        money.mark(0, 25_000 * ONE, contract);
        assert_eq!(money.net(0), usd(1_247_500));
    }
}
