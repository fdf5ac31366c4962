//! The same money and orders once more, by strategy.
//!
//! Each strategy has a ledger of its own in each instrument it trades; what they made adds up to what the account made, exactly
//! (asserted). Where two strategies hold opposite positions each is valued as if it stood alone, which nets out in the sum.

use serde::Serialize;
use tickrace_types::{Cash, Contract, Instrument, ResponseRecord, Side};

use crate::drawdown::{Drawdown, DrawdownTracker};
use crate::ledger::Ledger;
use crate::money;
use crate::trades::{TradeStats, Trip, TripFill, TripTracker};

/// Outcome of one strategy.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StrategyReport {
    /// Name.
    pub name: String,
    /// Number in the records.
    pub number: u16,
    /// Requests, refused ones included.
    pub orders: u64,
    /// Refused by our gate.
    pub refused: u64,
    /// Fills.
    pub fills: u64,
    /// Of these, that took.
    pub taker_fills: u64,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Value traded.
    #[serde(serialize_with = "money::serialize")]
    pub notional: Cash,
    /// Before fees.
    #[serde(serialize_with = "money::serialize")]
    pub gross_pnl: Cash,
    /// Where the net profit came from.
    pub sources: Sources,
    /// Gross minus fees plus funding.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
    /// Deepest fall of its sampled profit.
    pub drawdown: Drawdown,
    /// Its round trips.
    pub trades: TradeStats,
    /// Net profit at each sample of the account's curve.
    #[serde(skip)]
    pub series: Vec<f64>,
}

/// Parts of the net profit; together they are it, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Mid at the fill against the price, of fills that rested.
    #[serde(serialize_with = "money::serialize")]
    pub spread: Cash,
    /// The same of fills that took: mostly below zero.
    #[serde(serialize_with = "money::serialize")]
    pub slippage: Cash,
    /// What the mid's moves did to positions held.
    #[serde(serialize_with = "money::serialize")]
    pub inventory: Cash,
    /// Fees less rebates, as a cost: a fee is below zero here.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// Funding received less paid.
    #[serde(serialize_with = "money::serialize")]
    pub funding: Cash,
}

impl Sources {
    /// Their sum: the net profit.
    pub fn net(&self) -> Cash {
        self.spread + self.slippage + self.inventory + self.fees + self.funding
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.spread += other.spread;
        self.slippage += other.slippage;
        self.inventory += other.inventory;
        self.fees += other.fees;
        self.funding += other.funding;
    }
}

/// One strategy in one instrument.
#[derive(Clone, Debug)]
pub struct StrategyBook {
    /// Number of the strategy.
    pub number: u16,
    /// Its money here.
    pub ledger: Ledger,
    trips: TripTracker,
    slippage: Cash,
    fills: u64,
    taker_fills: u64,
}

impl StrategyBook {
    /// Nothing held; `mark_px` is the account's mark of the instrument.
    pub fn new(number: u16, id: u32, contract: Contract, mark_px: Option<i64>) -> Self {
        let mut ledger = Ledger::new(contract);
        if let Some(mark_px) = mark_px {
            ledger.on_mark(mark_px);
        }
        let trips = TripTracker::new(number, id, contract);
        Self { number, ledger, trips, slippage: Cash::ZERO, fills: 0, taker_fills: 0 }
    }

    /// The run begins: trips over opening positions count from here.
    fn start(&mut self, ts_ns: i64) {
        self.trips.start(ts_ns);
    }

    /// Takes over a position at its carrying price.
    pub fn open(&mut self, qty_lots: i64, price: i64) {
        self.ledger.open(qty_lots, price);
        if qty_lots != 0 {
            self.trips.on_fill(&TripFill { ts_ns: 0, signed: qty_lots, price, fee: Cash::ZERO });
        }
    }

    /// The mark moved.
    #[inline]
    pub fn on_mark(&mut self, mark_px: i64) {
        self.ledger.on_mark(mark_px);
        self.trips.on_mark(mark_px);
    }

    /// A fill; gives the trip it closed.
    pub fn on_fill(&mut self, ts_ns: i64, response: &ResponseRecord, fee: Cash, mid: i64) -> Option<Trip> {
        let (side, before) = (response.side(), self.ledger.spread_captured());
        self.ledger.on_fill(side, response.price, response.qty, fee, mid);
        self.fills += 1;
        if response.taker == 1 {
            self.taker_fills += 1;
            self.slippage += self.ledger.spread_captured() - before;
        }
        let signed = if side == Side::Bid { response.qty } else { -response.qty };
        self.trips.on_fill(&TripFill { ts_ns, signed, price: response.price, fee })
    }

    /// Where its net profit came from.
    pub fn sources(&self) -> Sources {
        Sources {
            spread: self.ledger.spread_captured() - self.slippage,
            slippage: self.slippage,
            inventory: self.ledger.inventory_drift(),
            fees: -self.ledger.fees(),
            funding: self.ledger.funding(),
        }
    }
}

/// The books of one instrument.
#[derive(Clone, Debug, Default)]
pub struct StrategyBooks {
    books: Vec<StrategyBook>,
}

impl StrategyBooks {
    /// The book of a strategy, made where there is none.
    pub fn of(
        &mut self,
        number: u16,
        id: u32,
        instrument: &Instrument,
        mark_px: Option<i64>,
    ) -> &mut StrategyBook {
        let place = self.books.iter().position(|book| book.number == number);
        let place = place.unwrap_or_else(|| {
            self.books.push(StrategyBook::new(number, id, Contract::of(instrument), mark_px));
            self.books.len() - 1
        });
        &mut self.books[place]
    }

    /// The mark moved.
    #[inline]
    pub fn on_mark(&mut self, mark_px: i64) {
        self.books.iter_mut().for_each(|book| book.on_mark(mark_px));
    }

    /// The run begins.
    pub fn start(&mut self, ts_ns: i64) {
        self.books.iter_mut().for_each(|book| book.start(ts_ns));
    }

    /// All of them.
    pub fn all(&self) -> &[StrategyBook] {
        &self.books
    }

    /// Shares out a payment of funding: `worth` is what so many lots alone get; the last that holds any takes what rounding left.
    pub fn on_funding(&mut self, received: Cash, worth: impl Fn(i64) -> Cash) {
        let mut rest = received;
        let last = self.books.iter().rposition(|book| book.ledger.position() != 0);
        for (place, book) in self.books.iter_mut().enumerate() {
            let part = if Some(place) == last { rest } else { worth(book.ledger.position()) };
            book.ledger.on_funding(part);
            rest -= part;
        }
    }

    /// The books against the account's ledger.
    ///
    /// # Panics
    ///
    /// Where they do not add up to it: that is our mistake.
    pub fn assert_add_up(&self, account: &Ledger) {
        let sum =
            |of: fn(&Ledger) -> Cash| self.books.iter().fold(Cash::ZERO, |sum, book| sum + of(&book.ledger));
        assert_eq!(sum(Ledger::net_pnl), account.net_pnl(), "net profit of the strategies = net profit");
        assert_eq!(
            sum(Ledger::gross_pnl),
            account.gross_pnl(),
            "gross profit of the strategies = gross profit"
        );
        self.books.iter().for_each(|book| book.ledger.assert_closes());
    }
}

/// One strategy over all instruments.
#[derive(Clone, Debug, Default)]
pub struct StrategyRun {
    orders: u64,
    refused: u64,
    drawdown: DrawdownTracker,
    trades: TradeStats,
    /// Net profit at each sample.
    pub series: Vec<f64>,
    /// Net profit at the sample being taken.
    pub net: Cash,
}

impl StrategyRun {
    /// Nothing made at the `samples` before.
    pub fn new(samples: usize) -> Self {
        Self { series: vec![0.0; samples], ..Self::default() }
    }

    /// A request left the gate.
    pub fn on_order(&mut self, is_passed: bool) {
        self.orders += 1;
        self.refused += u64::from(!is_passed);
    }

    /// A trip was closed.
    pub fn on_trip(&mut self, trip: &Trip) {
        self.trades.add(trip);
    }

    /// Takes the sample that `net` was summed for.
    pub fn sample(&mut self, ts_ns: i64) {
        let net = std::mem::take(&mut self.net).to_f64();
        self.drawdown.push(ts_ns, net);
        self.series.push(net);
    }

    /// Its report from its books in all instruments.
    pub fn finish<'a>(
        self,
        number: u16,
        name: String,
        books: impl Iterator<Item = &'a StrategyBook>,
    ) -> StrategyReport {
        let mut report = StrategyReport {
            name,
            number,
            orders: self.orders,
            refused: self.refused,
            drawdown: self.drawdown.result(),
            trades: self.trades,
            series: self.series,
            ..StrategyReport::default()
        };
        for book in books {
            let (bought, sold) = book.ledger.traded_lots();
            report.fills += book.fills;
            report.taker_fills += book.taker_fills;
            report.volume_lots += bought + sold;
            report.notional += book.ledger.notional();
            report.gross_pnl += book.ledger.gross_pnl();
            report.net_pnl += book.ledger.net_pnl();
            report.sources.merge(&book.sources());
        }
        assert_eq!(report.sources.net(), report.net_pnl, "the sources of {} = its net profit", report.name);
        report
    }
}
