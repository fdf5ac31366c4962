//! Markouts: where the mid stood some time after our fills, seen from our side.
//!
//! `sign x (mid(t + h) - fill price)`: positive means the trade was good. Horizon 0 takes the mid just before the
//! fill and is the half spread captured; the fall from there is adverse selection.

use std::collections::VecDeque;

use serde::Serialize;
use tickrace_types::{Cash, Contract, Price, Side};

use crate::mark::Marks;

/// Mean and spread of a set of numbers, one pass.
///
/// Source: Welford (1962); merging by Chan, Golub and LeVeque (1979).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes a number.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
    }

    /// Takes another set.
    pub fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0 {
            return;
        }
        let off = other.mean - self.mean;
        let weight = other.count as f64 / count as f64;
        self.mean += off * weight;
        self.squares += other.squares + off * off * self.count as f64 * weight;
        self.count = count;
    }

    /// How many numbers.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean; `None` without a number.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Standard error of the mean; `None` below two numbers.
    pub fn standard_error(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64 / self.count as f64).sqrt())
    }
}

/// Markout at one horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Markout {
    /// Time after the fill, nanoseconds; 0 is the mid just before it.
    pub horizon_ns: i64,
    /// Fills whose horizon lay within the data.
    pub count: u64,
    /// Mean over fills, basis points of the fill price.
    pub mean_bps: Option<f64>,
    /// Standard error of that mean, fills taken as independent; absent below two fills.
    pub se_bps: Option<f64>,
    /// Mean over fills, account currency a fill.
    pub mean_cash: Option<f64>,
    /// Standard error of that mean.
    pub se_cash: Option<f64>,
    /// Sum over fills, account currency.
    pub total_cash: f64,
}

/// Markouts of all fills, of buys and of sells, by ascending horizon.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Markouts {
    /// Both sides.
    pub both: Vec<Markout>,
    /// Where we bought.
    pub buys: Vec<Markout>,
    /// Where we sold.
    pub sells: Vec<Markout>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    due_ns: i64,
    price: i64,
    qty: i64,
    side: Side,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    bps: Moments,
    cash: Moments,
    total: Cash,
}

impl Cell {
    fn merge(&mut self, other: &Self) {
        self.bps.merge(&other.bps);
        self.cash.merge(&other.cash);
        self.total += other.total;
    }

    fn result(&self, horizon_ns: i64) -> Markout {
        let mean = |moments: &Moments| (moments.count > 0).then_some(moments.mean);
        Markout {
            horizon_ns,
            count: self.cash.count,
            mean_bps: mean(&self.bps),
            se_bps: self.bps.standard_error(),
            mean_cash: mean(&self.cash),
            se_cash: self.cash.standard_error(),
            total_cash: crate::money::nearest(self.total),
        }
    }
}

/// Collects the markouts of one instrument.
#[derive(Clone, Debug)]
pub struct MarkoutBook {
    contract: Contract,
    /// 0, then the horizons asked for.
    horizons_ns: Vec<i64>,
    pending: Vec<VecDeque<Pending>>,
    /// Earliest due of all pending; `i64::MAX` where none is.
    next_due_ns: i64,
    cells: Vec<[Cell; 2]>,
}

impl MarkoutBook {
    /// For these horizons, nanoseconds, positive and ascending.
    pub fn new(contract: Contract, horizons_ns: &[i64]) -> Self {
        let horizons_ns: Vec<i64> = std::iter::once(0).chain(horizons_ns.iter().copied()).collect();
        let count = horizons_ns.len();
        Self {
            contract,
            horizons_ns,
            pending: vec![VecDeque::new(); count],
            next_due_ns: i64::MAX,
            cells: vec![[Cell::default(); 2]; count],
        }
    }

    /// A fill at `ts_ns`. `now_ns` is how far the marks have advanced: a horizon already passed is looked up.
    pub fn on_fill(&mut self, ts_ns: i64, now_ns: i64, side: Side, price: i64, qty: i64, marks: &Marks) {
        let pending = |due_ns| Pending { due_ns, price, qty, side };
        if let Some(mid) = marks.before(ts_ns) {
            self.take(0, &pending(ts_ns), mid);
        }
        for place in 1..self.horizons_ns.len() {
            let due_ns = ts_ns.saturating_add(self.horizons_ns[place]);
            if due_ns < now_ns {
                if let Some(mid) = marks.at(due_ns) {
                    self.take(place, &pending(due_ns), mid);
                }
                continue;
            }
            // Fills come nearly in order of time; one heard late waits behind the others and is still taken
            // with the mark of its own due time, which `on_time` looks up.
            self.pending[place].push_back(pending(due_ns));
            self.next_due_ns = self.next_due_ns.min(due_ns);
        }
    }

    /// Time moves to `now_ns` and `marks` holds all before it: whatever was due earlier is settled.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64, marks: &Marks) {
        if now_ns > self.next_due_ns {
            self.settle(now_ns, marks);
        }
    }

    fn settle(&mut self, now_ns: i64, marks: &Marks) {
        self.next_due_ns = i64::MAX;
        for place in 1..self.horizons_ns.len() {
            while let Some(front) = self.pending[place].front().copied() {
                if front.due_ns >= now_ns {
                    self.next_due_ns = self.next_due_ns.min(front.due_ns);
                    break;
                }
                self.pending[place].pop_front();
                if let Some(mid) = marks.at(front.due_ns) {
                    self.take(place, &front, mid);
                }
            }
        }
    }

    fn take(&mut self, place: usize, fill: &Pending, mid: i64) {
        let signed = fill.side.sign() * fill.qty;
        let gain = self.contract.value(Price(mid), signed) - self.contract.value(Price(fill.price), signed);
        let cell = &mut self.cells[place][fill.side.index()];
        if fill.price > 0 {
            let move_nanos = (i128::from(mid) - i128::from(fill.price)) * i128::from(fill.side.sign());
            cell.bps.push(move_nanos as f64 / fill.price as f64 * 1e4);
        }
        cell.cash.push(gain.to_f64());
        cell.total += gain;
    }

    /// The end of the data at `last_ns`: what was due by then is settled, the rest never is.
    pub fn finish(&mut self, last_ns: i64, marks: &Marks) {
        self.settle(last_ns.saturating_add(1), marks);
    }

    /// Adds the cells of another book of the same horizons.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.horizons_ns, other.horizons_ns, "horizons of one run are the same everywhere");
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine[0].merge(&theirs[0]);
            mine[1].merge(&theirs[1]);
        }
    }

    /// Means and errors.
    pub fn result(&self) -> Markouts {
        let mut result = Markouts::default();
        for (cells, horizon_ns) in self.cells.iter().zip(&self.horizons_ns) {
            let mut both = cells[0];
            both.merge(&cells[1]);
            result.both.push(both.result(*horizon_ns));
            result.buys.push(cells[Side::Bid.index()].result(*horizon_ns));
            result.sells.push(cells[Side::Ask.index()].result(*horizon_ns));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: i64 = 1_000_000_000;

    #[test]
    fn a_buy_is_marked_against_the_mid_at_its_horizon() {
        // Mid 100 until t=50, then 102 until t=115, then 90. Buy 10 at 99 at t=20; horizon 40: mid(60) = 102.
        let mut marks = Marks::default();
        let mut book = MarkoutBook::new(Contract::linear(ONE), &[40, 95, 1000]);
        marks.push(0, 100 * ONE);
        book.on_fill(20, 20, Side::Bid, 99 * ONE, 10, &marks);
        for (ts, px) in [(50, 102), (115, 90), (200, 91)] {
            book.on_time(ts, &marks);
            marks.push(ts, px * ONE);
        }
        book.finish(200, &marks);
        let result = book.result();
        let means: Vec<_> = result.buys.iter().map(|markout| (markout.count, markout.total_cash)).collect();
        // Horizon 0: 10 x (100 - 99); 40: 10 x (102 - 99); 95: due 115, the change at 115 counts: 10 x (90 - 99).
        assert_eq!(means, [(1, 10.0), (1, 30.0), (1, -90.0), (0, 0.0)]);
        let bps = result.both[1].mean_bps.expect("one fill");
        assert!((bps - 3.0 / 99.0 * 1e4).abs() < 1e-9);
        assert_eq!(result.both[1].se_bps, None);
        assert_eq!(result.sells[1].mean_bps, None);
    }

    #[test]
    fn a_fill_heard_after_its_horizon_is_looked_up() {
        let mut marks = Marks::default();
        for (ts, px) in [(0, 100), (30, 101), (60, 105)] {
            marks.push(ts, px * ONE);
        }
        let mut book = MarkoutBook::new(Contract::linear(ONE), &[10]);
        // Sold 1 at 102 at t=25, heard at t=60: mid(35) = 101, a gain of 1.
        book.on_fill(25, 60, Side::Ask, 102 * ONE, 1, &marks);
        assert_eq!(book.result().sells[1].total_cash, 1.0);
    }

    proptest! {
        #[test]
        fn moments_are_those_of_the_textbook(left in prop::collection::vec(-1e3..1e3, 0..20), right in prop::collection::vec(-1e3..1e3, 2..20)) {
            let mut all: Moments = Moments::default();
            let mut other = Moments::default();
            left.iter().for_each(|value: &f64| all.push(*value));
            right.iter().for_each(|value: &f64| other.push(*value));
            all.merge(&other);
            let values: Vec<f64> = left.into_iter().chain(right).collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
            prop_assert!((all.mean - mean).abs() < 1e-9);
            prop_assert!((all.standard_error().unwrap() - (variance / count).sqrt()).abs() < 1e-9);
        }
    }
}
