//! Funding of perpetual contracts: who pays whom at the end of each interval.
//!
//! At a positive rate who is long pays who is short: the position times its mark times the rate. The rate is the last one
//! told before the time of payment, or one that is stated for the whole run; the position is the one held just before
//! that time. Contracts that expire and goods are not funded.

use tickrace_types::instrument::Settlement;
use tickrace_types::{Cash, Instrument, Price};

/// How a run is funded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FundingRules {
    /// By the rates that the data tell, at the times they tell.
    #[default]
    Told,
    /// By the rates that the data tell; where they do not say when, at each whole interval since the epoch, nanoseconds.
    ToldEvery(i64),
    /// At each whole interval since the epoch, by one rate.
    Stated {
        /// Fraction of the notional in 1e-9: 0.0001 is 100,000.
        rate_nanos: i64,
        /// Nanoseconds, positive.
        interval_ns: i64,
    },
    /// Not at all.
    Off,
}

/// What a position of `lots` gets at a funding time; negative where it pays. Rounded down, which is against us.
///
/// - `mark`: nano-units. `rate_nanos`: fraction in 1e-9, positive where longs pay.
/// - `multiplier_nanos`: value of one point of price for one lot; of an inverse contract what one lot is worth in the
///   currency of the price.
/// - Result: the quote currency; of an inverse contract the currency it settles in. Zero without a positive mark where one
///   divides by it.
pub fn cash_flow(
    settlement: Settlement,
    lots: i64,
    mark: Price,
    multiplier_nanos: i64,
    rate_nanos: i64,
) -> Cash {
    const NANO: i128 = 1_000_000_000;
    match settlement {
        Settlement::Spot | Settlement::Linear => {
            let value = Cash::notional(mark, lots, multiplier_nanos).0;
            Cash(-ceil_div(value.saturating_mul(i128::from(rate_nanos)), NANO))
        }
        // Lots times worth over price is the value in coins: 1e-9 over 1e-9, times 1e18 for cash, times 1e-9 of the rate.
        Settlement::Inverse if mark.0 > 0 => {
            let worth = i128::from(lots) * i128::from(multiplier_nanos);
            let scaled = worth.saturating_mul(i128::from(rate_nanos)).saturating_mul(NANO);
            Cash(-ceil_div(scaled, i128::from(mark.0)))
        }
        Settlement::Inverse => Cash::ZERO,
    }
}

/// Rounded towards plus infinity; `divisor` is positive.
fn ceil_div(amount: i128, divisor: i128) -> i128 {
    amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)
}

/// When one instrument is funded next, and at which rate.
#[derive(Clone, Copy, Debug)]
pub struct FundingClock {
    rules: FundingRules,
    settlement: Settlement,
    multiplier_nanos: i64,
    rate_nanos: i64,
    /// `i64::MAX` where nothing is due.
    due_ns: i64,
    settled_ns: i64,
    mark_px: Option<i64>,
}

impl FundingClock {
    /// Nothing told yet; nothing ever comes of an instrument that is no perpetual contract.
    pub fn new(instrument: &Instrument, rules: FundingRules) -> Self {
        let is_perpetual = instrument.settlement != Settlement::Spot && instrument.expiry_ns.is_none();
        Self {
            rules: if is_perpetual { rules } else { FundingRules::Off },
            settlement: instrument.settlement,
            multiplier_nanos: instrument.multiplier_nanos,
            rate_nanos: 0,
            due_ns: i64::MAX,
            settled_ns: i64::MIN,
            mark_px: None,
        }
    }

    /// The run begins at `ts_ns`: a stated rate is due from the next whole interval on.
    pub fn start(&mut self, ts_ns: i64) {
        if let FundingRules::Stated { rate_nanos, interval_ns } = self.rules {
            self.rate_nanos = rate_nanos;
            self.due_ns = grid_after(ts_ns, interval_ns);
        }
    }

    /// The venue tells a rate at `ts_ns`, to be paid at `paid_ns`; 0 where it does not say when.
    pub fn on_rate(&mut self, ts_ns: i64, rate_nanos: i64, paid_ns: i64) {
        let due_ns = match self.rules {
            FundingRules::Told | FundingRules::ToldEvery(_) if paid_ns > 0 => paid_ns,
            FundingRules::ToldEvery(interval_ns) => grid_after(ts_ns, interval_ns),
            FundingRules::Told | FundingRules::Stated { .. } | FundingRules::Off => return,
        };
        // Told late or again of what is paid, or early of the one after the next: neither moves what is due.
        if due_ns > self.settled_ns && due_ns <= self.due_ns {
            (self.due_ns, self.rate_nanos) = (due_ns, rate_nanos);
        }
    }

    /// The venue tells its mark, nano-units.
    pub fn on_mark(&mut self, price: i64) {
        self.mark_px = Some(price);
    }

    /// When the next payment is due; `i64::MAX` where none is.
    pub const fn due_ns(&self) -> i64 {
        self.due_ns
    }

    /// Pays what is due: what `lots` get. `mid` values them where the venue told no mark.
    pub fn settle(&mut self, lots: i64, mid: Option<i64>) -> Cash {
        self.settled_ns = self.due_ns;
        self.due_ns = match self.rules {
            FundingRules::Stated { interval_ns, .. } => grid_after(self.due_ns, interval_ns),
            _ => i64::MAX,
        };
        self.worth(lots, mid)
    }

    /// What `lots` get at the present rate; `mid` values them where the venue told no mark.
    pub fn worth(&self, lots: i64, mid: Option<i64>) -> Cash {
        let Some(mark_px) = self.mark_px.or(mid) else { return Cash::ZERO };
        cash_flow(self.settlement, lots, Price(mark_px), self.multiplier_nanos, self.rate_nanos)
    }
}

/// First whole interval after `ts_ns`.
fn grid_after(ts_ns: i64, interval_ns: i64) -> i64 {
    ts_ns.saturating_add(interval_ns - ts_ns.rem_euclid(interval_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn perpetual() -> Instrument {
        Instrument { settlement: Settlement::Linear, ..Instrument::us_equity("PERP") }
    }

    #[test]
    fn longs_pay_shorts_at_a_positive_rate() {
        // 10 coins at 60,000 are 600,000; 0.01 % of it is 60.
        let linear = |lots, rate| cash_flow(Settlement::Linear, lots, Price(60_000 * ONE), ONE, rate);
        assert_eq!(linear(10, 100_000).to_string(), "-60.00");
        assert_eq!(linear(-10, 100_000).to_string(), "60.00");
        assert_eq!(linear(10, -100_000).to_string(), "60.00");
        assert_eq!(linear(0, 100_000), Cash::ZERO);
    }

    #[test]
    fn an_inverse_contract_is_funded_in_coins() {
        // 600 contracts of 100 dollars at 60,000 are one coin; 0.01 % of it is 0.0001.
        let inverse = |lots, rate| cash_flow(Settlement::Inverse, lots, Price(60_000 * ONE), 100 * ONE, rate);
        assert_eq!(inverse(600, 100_000).to_string(), "-0.0001");
        assert_eq!(inverse(-600, 100_000).to_string(), "0.0001");
        // At half the price the same contracts are two coins.
        let half = cash_flow(Settlement::Inverse, 600, Price(30_000 * ONE), 100 * ONE, 100_000);
        assert_eq!(half.to_string(), "-0.0002");
        assert_eq!(cash_flow(Settlement::Inverse, 600, Price(0), 100 * ONE, 100_000), Cash::ZERO);
    }

    #[test]
    fn what_does_not_divide_is_rounded_against_us() {
        // A third of 1e-18 does not exist: one lot at 3 dollars pays 1/3 of ... rounded up, and gets it rounded down.
        let flow = |lots| cash_flow(Settlement::Inverse, lots, Price(3 * ONE), 1, 1).0;
        assert_eq!((flow(1), flow(-1)), (-1, 0));
    }

    #[test]
    fn the_last_rate_before_its_time_counts_and_is_paid_once() {
        let mut clock = FundingClock::new(&perpetual(), FundingRules::Told);
        clock.start(0);
        clock.on_rate(10, 100_000, 1_000);
        clock.on_rate(900, 300_000, 1_000);
        // Of the payment after the next: it is told again when its turn comes.
        clock.on_rate(950, 900_000, 2_000);
        clock.on_mark(200 * ONE);
        assert_eq!(clock.due_ns(), 1_000);
        // 5 x 200 x 0.0003.
        assert_eq!(clock.settle(5, Some(100 * ONE)).to_string(), "-0.30");
        clock.on_rate(1_001, 300_000, 1_000);
        assert_eq!(clock.due_ns(), i64::MAX);
        clock.on_rate(1_002, 900_000, 2_000);
        assert_eq!(clock.due_ns(), 2_000);
    }

    #[test]
    fn a_stated_rate_is_due_at_each_whole_interval() {
        let rules = FundingRules::Stated { rate_nanos: 100_000, interval_ns: 1_000 };
        let mut clock = FundingClock::new(&perpetual(), rules);
        clock.start(1_500);
        // What the data tell does not count then.
        clock.on_rate(1_600, 5, 1_700);
        assert_eq!(clock.due_ns(), 2_000);
        assert_eq!(clock.settle(-3, Some(100 * ONE)).to_string(), "0.03");
        assert_eq!(clock.due_ns(), 3_000);
        // Without any price there is nothing to take a rate of.
        assert_eq!(clock.settle(-3, None), Cash::ZERO);
    }

    #[test]
    fn a_share_or_a_contract_that_expires_is_never_funded() {
        let dated = Instrument { expiry_ns: Some(9), ..perpetual() };
        for instrument in [Instrument::us_equity("A"), dated] {
            let mut clock = FundingClock::new(&instrument, FundingRules::ToldEvery(1_000));
            clock.start(0);
            clock.on_rate(10, 100_000, 1_000);
            assert_eq!(clock.due_ns(), i64::MAX);
        }
    }
}
