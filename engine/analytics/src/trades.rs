//! Round trips: from flat to flat, of one strategy in one instrument, and their statistics.
//!
//! A fill that turns the position closes one trip and opens the next; its fee is shared by lots. Funding belongs to no trip. The
//! net profit of all closed trips and of the open one is gross minus fees of the ledger, exactly.

use serde::Serialize;
use tickrace_types::{Cash, Contract, Price};

use crate::money;

/// One round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trip {
    /// Number of the strategy.
    pub strategy: u16,
    /// Instrument id.
    pub instrument: u32,
    /// Whether it was long.
    pub is_long: bool,
    /// When it began, nanoseconds since the Unix epoch.
    pub opened_ns: i64,
    /// When it was flat again.
    pub closed_ns: i64,
    /// Most lots held.
    pub lots_max: i64,
    /// Before fees.
    #[serde(serialize_with = "money::serialize")]
    pub gross: Cash,
    /// Fees less rebates.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// Lowest gross profit on the way, at the mid, zero or less (maximum adverse excursion).
    #[serde(serialize_with = "money::serialize")]
    pub worst: Cash,
    /// Highest (maximum favourable excursion), zero or more.
    #[serde(serialize_with = "money::serialize")]
    pub best: Cash,
}

impl Trip {
    /// Gross minus fees.
    pub fn net(&self) -> Cash {
        self.gross - self.fees
    }
}

/// A fill, as a trip sees it.
#[derive(Clone, Copy, Debug)]
pub struct TripFill {
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Lots, negative for a sale.
    pub signed: i64,
    /// Nano-units.
    pub price: i64,
    /// Fee, negative for a rebate.
    pub fee: Cash,
}

/// Follows one strategy in one instrument.
#[derive(Clone, Debug)]
pub struct TripTracker {
    strategy: u16,
    instrument: u32,
    contract: Contract,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    position: i64,
    /// Sold less bought.
    cash: Cash,
    /// `gross` stands at the last fill.
    trip: Trip,
}

impl TripTracker {
    /// Flat.
    pub const fn new(strategy: u16, instrument: u32, contract: Contract) -> Self {
        Self { strategy, instrument, contract, open: None }
    }

    /// A trip that is open already counts its time from here.
    pub fn start(&mut self, ts_ns: i64) {
        if let Some(open) = &mut self.open {
            open.trip.opened_ns = ts_ns;
        }
    }

    /// Takes a fill; gives the trip it closed.
    pub fn on_fill(&mut self, fill: &TripFill) -> Option<Trip> {
        let held = self.open.map_or(0, |open| open.position);
        let is_turn = held != 0 && held.signum() != fill.signed.signum() && fill.signed.abs() > held.abs();
        if !is_turn {
            return self.add(fill);
        }
        let fee = money::fraction(fill.fee, held.abs(), fill.signed.abs());
        let closed = self.add(&TripFill { signed: -held, fee, ..*fill });
        self.add(&TripFill { signed: fill.signed + held, fee: fill.fee - fee, ..*fill });
        closed
    }

    fn add(&mut self, fill: &TripFill) -> Option<Trip> {
        let cost = self.value(fill.price, fill.signed);
        let begun = Open {
            position: 0,
            cash: Cash::ZERO,
            trip: Trip {
                strategy: self.strategy,
                instrument: self.instrument,
                is_long: fill.signed > 0,
                opened_ns: fill.ts_ns,
                closed_ns: fill.ts_ns,
                lots_max: 0,
                gross: Cash::ZERO,
                fees: Cash::ZERO,
                worst: Cash::ZERO,
                best: Cash::ZERO,
            },
        };
        let mut open = self.open.take().unwrap_or(begun);
        open.position += fill.signed;
        open.cash -= cost;
        open.trip.fees += fill.fee;
        open.trip.lots_max = open.trip.lots_max.max(open.position.abs());
        let gross = open.cash + self.value(fill.price, open.position);
        open.trip.see(gross);
        open.trip.closed_ns = fill.ts_ns;
        if open.position == 0 {
            return Some(open.trip);
        }
        self.open = Some(open);
        None
    }

    /// The mark moved.
    #[inline]
    pub fn on_mark(&mut self, mark_px: i64) {
        let Some(open) = self.open else { return };
        let gross = open.cash + self.value(mark_px, open.position);
        if let Some(open) = &mut self.open {
            open.trip.see(gross);
        }
    }

    /// The trip that is not over, valued at a mark.
    pub fn open(&self, mark_px: i64) -> Option<Trip> {
        let open = self.open?;
        Some(Trip { gross: open.cash + self.value(mark_px, open.position), ..open.trip })
    }

    fn value(&self, price: i64, lots: i64) -> Cash {
        self.contract.value(Price(price), lots)
    }
}

impl Trip {
    fn see(&mut self, gross: Cash) {
        self.gross = gross;
        self.worst = self.worst.min(gross);
        self.best = self.best.max(gross);
    }
}

/// Statistics of closed trips, after fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TradeStats {
    /// Closed trips.
    pub count: u64,
    /// Those with a profit.
    pub wins: u64,
    /// Those with a loss; the rest came out at nothing.
    pub losses: u64,
    /// Sum of profits.
    #[serde(serialize_with = "money::serialize")]
    pub won: Cash,
    /// Sum of losses, zero or less.
    #[serde(serialize_with = "money::serialize")]
    pub lost: Cash,
    /// Sum of the times held, nanoseconds.
    pub held_ns: i64,
    /// Sum of the worst gross profits on the way.
    #[serde(serialize_with = "money::serialize")]
    pub worst: Cash,
    /// Sum of the best.
    #[serde(serialize_with = "money::serialize")]
    pub best: Cash,
}

impl TradeStats {
    /// Takes a closed trip.
    pub fn add(&mut self, trip: &Trip) {
        let net = trip.net();
        self.count += 1;
        if net > Cash::ZERO {
            self.wins += 1;
            self.won += net;
        } else if net < Cash::ZERO {
            self.losses += 1;
            self.lost += net;
        }
        self.held_ns = self.held_ns.saturating_add(trip.closed_ns - trip.opened_ns);
        self.worst += trip.worst;
        self.best += trip.best;
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.wins += other.wins;
        self.losses += other.losses;
        self.won += other.won;
        self.lost += other.lost;
        self.held_ns = self.held_ns.saturating_add(other.held_ns);
        self.worst += other.worst;
        self.best += other.best;
    }

    /// Share of trips with a profit.
    pub fn win_rate(&self) -> Option<f64> {
        (self.count > 0).then(|| self.wins as f64 / self.count as f64)
    }

    /// Profits over losses; `None` where nothing was lost.
    pub fn profit_factor(&self) -> Option<f64> {
        (self.lost < Cash::ZERO).then(|| money::nearest(self.won) / -money::nearest(self.lost))
    }

    /// Mean profit of those with one.
    pub fn win_mean(&self) -> Option<f64> {
        mean(self.won, self.wins)
    }

    /// Mean loss of those with one, below zero.
    pub fn loss_mean(&self) -> Option<f64> {
        mean(self.lost, self.losses)
    }

    /// Mean net profit of a trip.
    pub fn expectancy(&self) -> Option<f64> {
        mean(self.won + self.lost, self.count)
    }

    /// Mean time held, nanoseconds.
    pub fn held_mean_ns(&self) -> Option<u64> {
        self.held_ns.unsigned_abs().checked_div(self.count)
    }

    /// Mean of the worst and of the best gross profit on the way.
    pub fn excursion_means(&self) -> Option<(f64, f64)> {
        mean(self.worst, self.count).zip(mean(self.best, self.count))
    }
}

fn mean(sum: Cash, count: u64) -> Option<f64> {
    (count > 0).then(|| money::nearest(sum) / count as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn fill(ts_ns: i64, signed: i64, price: i64, fee: i64) -> TripFill {
        TripFill { ts_ns, signed, price: price * ONE, fee: Cash(i128::from(fee)) }
    }

    #[test]
    fn a_fill_that_turns_the_position_closes_one_trip_and_opens_the_next() {
        // Buy 2 at 10, down to 9 (2 lost), up to 13 (6 gained), sell 5 at 12: 4 gained with 2 of 5 of the fee.
        let mut trips = TripTracker::new(3, 0, Contract::linear(ONE));
        assert_eq!(trips.on_fill(&fill(100, 2, 10, 7)), None);
        trips.on_mark(9 * ONE);
        trips.on_mark(13 * ONE);
        let closed = trips.on_fill(&fill(400, -5, 12, 10)).unwrap();
        assert_eq!(
            [closed.gross, closed.worst, closed.best].map(|cash| cash.to_string()),
            ["4.00", "-2.00", "6.00"]
        );
        assert_eq!((closed.fees, closed.lots_max, closed.is_long), (Cash(11), 2, true));
        assert_eq!((closed.opened_ns, closed.closed_ns, closed.strategy), (100, 400, 3));
        // Short 3 from 12, now 11: 3 gained, 6 of the fee.
        let open = trips.open(11 * ONE).unwrap();
        assert_eq!((open.gross.to_string().as_str(), open.fees, open.is_long), ("3.00", Cash(6), false));
    }

    #[test]
    fn statistics_are_those_a_person_works_out() {
        // Net 30, -10, 0, 20: two wins of four, factor 5, expectancy 10.
        let mut stats = TradeStats::default();
        let mut trips = TripTracker::new(0, 0, Contract::linear(ONE));
        for (place, profit) in (0..).zip([30, -10, 0, 20]) {
            trips.on_fill(&fill(place * 10, 1, 100, 0));
            stats.add(&trips.on_fill(&fill(place * 10 + 4, -1, 100 + profit, 0)).unwrap());
        }
        assert_eq!((stats.count, stats.win_rate(), stats.profit_factor()), (4, Some(0.5), Some(5.0)));
        assert_eq!(
            (stats.win_mean(), stats.loss_mean(), stats.expectancy()),
            (Some(25.0), Some(-10.0), Some(10.0))
        );
        assert_eq!((stats.held_mean_ns(), stats.excursion_means()), (Some(4), Some((-2.5, 12.5))));
        assert_eq!(TradeStats::default().win_rate(), None);
    }

    proptest! {
        #[test]
        fn trips_add_up_to_cash_and_marks_less_fees(
            fills in prop::collection::vec((prop_oneof![-9i64..0, 1i64..9], 1i64..1000, -50i64..50), 1..80),
            mark in 1i64..1000,
        ) {
            let mut trips = TripTracker::new(0, 0, Contract::linear(ONE));
            let (mut net, mut cash, mut position, mut fees) = (Cash::ZERO, Cash::ZERO, 0, Cash::ZERO);
            for (place, (signed, price, fee)) in (0..).zip(fills) {
                let fill = fill(place, signed, price, fee);
                cash -= Cash::notional(Price(fill.price), signed, ONE);
                position += signed;
                fees += fill.fee;
                if let Some(trip) = trips.on_fill(&fill) {
                    net += trip.net();
                    prop_assert!(trip.worst <= trip.gross && trip.gross <= trip.best);
                }
            }
            let open = trips.open(mark * ONE);
            prop_assert_eq!(open.is_some(), position != 0);
            net += open.map_or(Cash::ZERO, |trip| trip.net());
            prop_assert_eq!(net, cash + Cash::notional(Price(mark * ONE), position, ONE) - fees);
        }
    }
}
