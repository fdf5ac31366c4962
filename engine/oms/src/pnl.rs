//! Position and profit of one instrument, in integers, at average cost.
//!
//! Cash is what sales brought less what purchases cost; cost is what the open position cost. Releasing cost for
//! closed lots is the one division; it is rounded against us, and the remainder stays in the cost, so that
//! `realised + unrealised(mark) = cash + value(position, mark)` holds to the last unit at every mark.
//!
//! Invariants, asserted after each fill: `realised = cash + cost`; a flat position costs nothing.

use tickrace_types::{Cash, Contract, Instrument, Price, Side};

/// Nano-units of price, nano-units of fee: both times this are 1e-18 cash.
const CASH_PER_NANO: i128 = 1_000_000_000;

/// Position, cash and profit of one instrument. Gross figures leave fees out.
///
/// Money is in the instrument's quote currency, for an inverse contract in its base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pnl {
    /// Signed position, lots.
    pub position_lots: i64,
    /// Sum of what sales brought less what purchases cost, without fees.
    pub cash: Cash,
    /// Signed cost of the open position: positive when long.
    pub cost: Cash,
    /// Gross profit of closed lots, at average cost.
    pub realised: Cash,
    /// Sum of fees; a rebate is negative.
    pub fees: Cash,
    /// Lots held before the first fill.
    pub carried_lots: i64,
    /// Lots bought.
    pub bought_lots: i64,
    /// Lots sold.
    pub sold_lots: i64,
    /// Fills counted.
    pub fills_count: u64,
    contract: Contract,
}

impl Pnl {
    /// Flat.
    pub fn new(instrument: &Instrument) -> Self {
        Self { contract: Contract::of(instrument), ..Self::default() }
    }

    /// Flat, but for a position taken over at `price`: its profit counts from there, and nothing was traded.
    #[must_use]
    pub fn carrying(self, lots: i64, price: Price) -> Self {
        let cost = self.value(price, lots);
        Self { position_lots: lots, carried_lots: lots, cost, cash: Cash::ZERO - cost, ..self }
    }

    /// Lots traded, both sides.
    #[inline]
    pub const fn volume_lots(&self) -> i64 {
        self.bought_lots + self.sold_lots
    }

    /// Value of `lots` at `price`, as [`Contract::value`] has it.
    pub fn value(&self, price: Price, lots: i64) -> Cash {
        self.contract.value(price, lots)
    }

    /// Gross profit of the open position at `mark`.
    pub fn unrealised(&self, mark: Price) -> Cash {
        self.value(mark, self.position_lots) - self.cost
    }

    /// Realised plus unrealised, without fees: cash plus the value of the position.
    pub fn gross(&self, mark: Price) -> Cash {
        let gross = self.cash + self.value(mark, self.position_lots);
        debug_assert_eq!(gross, self.realised + self.unrealised(mark));
        gross
    }

    /// Gross less fees: what the account is worth for this instrument at `mark`.
    pub fn net(&self, mark: Price) -> Cash {
        self.gross(mark) - self.fees
    }

    /// Average price of the open position, units of the quote currency; `None` when flat. Of an inverse contract it is the
    /// harmonic mean: what the lots stand for over the coins they cost. For reports.
    pub fn average_price(&self) -> Option<f64> {
        if self.position_lots == 0 {
            return None;
        }
        let lots =
            self.position_lots as f64 * (self.contract.multiplier_nanos() as f64 / CASH_PER_NANO as f64);
        let cost = self.cost.to_f64();
        if self.contract.is_inverse() {
            return (cost != 0.0).then(|| -lots / cost);
        }
        Some(cost / lots)
    }

    /// Applies a fill of `qty_lots` (positive) at `price` with its fee in 1e-9 of currency.
    pub fn on_fill(&mut self, side: Side, price: Price, qty_lots: i64, fee_nanos: i64) {
        assert!(qty_lots > 0, "a fill is positive, got {qty_lots}");
        let sign = side.sign();
        let held = self.position_lots;
        let closing = if held.signum() == -sign { qty_lots.min(held.abs()) } else { 0 };
        let opening = qty_lots - closing;
        let value = self.value(price, sign * qty_lots);
        self.cash -= value;
        if closing > 0 {
            // Value of the closed part at this price, of the opened part the rest: their sum is exact.
            let opened = self.value(price, sign * opening);
            let released =
                if closing == held.abs() { self.cost } else { self.released_cost(closing, held.abs()) };
            let closed = value - opened;
            self.realised += -closed - released;
            self.cost += opened - released;
        } else {
            self.cost += value;
        }
        self.position_lots += sign * qty_lots;
        match side {
            Side::Bid => self.bought_lots += qty_lots,
            Side::Ask => self.sold_lots += qty_lots,
        }
        self.fees += Cash(i128::from(fee_nanos) * CASH_PER_NANO);
        self.fills_count += 1;
        assert_eq!(self.realised, self.cash + self.cost, "realised profit is cash plus the cost still held");
        assert_eq!(
            self.position_lots,
            self.carried_lots + self.bought_lots - self.sold_lots,
            "position is the sum of fills"
        );
        debug_assert!(self.position_lots != 0 || self.cost == Cash::ZERO);
    }

    /// Cost of `closing` of `held` lots, rounded up: realised profit is rounded down, against us.
    fn released_cost(&self, closing: i64, held: i64) -> Cash {
        let (closing, held) = (i128::from(closing), i128::from(held));
        // Whole part and remainder apart, so that no product leaves 128 bits: the remainder is below `held`.
        let (whole, rest) = (self.cost.0.div_euclid(held), self.cost.0.rem_euclid(held));
        Cash(whole * closing + (rest * closing + held - 1).div_euclid(held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tickrace_types::instrument::Settlement;

    const ONE: i64 = 1_000_000_000;

    fn share() -> Pnl {
        Pnl::new(&Instrument::us_equity("AAPL"))
    }

    fn usd(text: &str) -> Cash {
        let price: Price = text.parse().unwrap();
        Cash(i128::from(price.0) * CASH_PER_NANO)
    }

    #[test]
    fn a_round_trip_earns_the_difference_less_fees() {
        let mut pnl = share();
        pnl.on_fill(Side::Bid, Price(100 * ONE), 10, 30_000_000);
        pnl.on_fill(Side::Ask, Price(101 * ONE), 10, -20_000_000);
        assert_eq!(pnl.position_lots, 0);
        assert_eq!(pnl.realised, usd("10"));
        assert_eq!(pnl.fees, usd("0.01"));
        assert_eq!(pnl.net(Price(500 * ONE)), usd("9.99"));
    }

    #[test]
    fn average_cost_spreads_over_what_is_held() {
        let mut pnl = share();
        // 10 at 100 and 30 at 104: 40 at 103. Selling 20 at 105 earns 40; 20 remain at 103.
        pnl.on_fill(Side::Bid, Price(100 * ONE), 10, 0);
        pnl.on_fill(Side::Bid, Price(104 * ONE), 30, 0);
        pnl.on_fill(Side::Ask, Price(105 * ONE), 20, 0);
        assert_eq!(pnl.realised, usd("40"));
        assert_eq!(pnl.cost, usd("2060"));
        assert_eq!(pnl.unrealised(Price(104 * ONE)), usd("20"));
        assert_eq!(pnl.average_price(), Some(103.0));
    }

    #[test]
    fn a_fill_through_zero_closes_then_opens() {
        let mut pnl = share();
        // Long 10 at 100, sell 25 at 102: 20 earned, short 15 at 102.
        pnl.on_fill(Side::Bid, Price(100 * ONE), 10, 0);
        pnl.on_fill(Side::Ask, Price(102 * ONE), 25, 0);
        assert_eq!(pnl.position_lots, -15);
        assert_eq!(pnl.realised, usd("20"));
        assert_eq!(pnl.cost, usd("-1530"));
        assert_eq!(pnl.unrealised(Price(101 * ONE)), usd("15"));
    }

    #[test]
    fn a_cost_that_does_not_divide_is_rounded_against_us_and_not_lost() {
        let mut pnl = share();
        // Three lots for 100 + 100 + 100.000000001: a third is 100.000000000333...; closing one at 100 loses
        // that fraction, rounded to the worse 1e-18.
        pnl.on_fill(Side::Bid, Price(100 * ONE), 2, 0);
        pnl.on_fill(Side::Bid, Price(100 * ONE + 1), 1, 0);
        pnl.on_fill(Side::Ask, Price(100 * ONE), 1, 0);
        assert_eq!(pnl.realised, Cash(-333_333_334));
        pnl.on_fill(Side::Ask, Price(100 * ONE), 2, 0);
        assert_eq!(pnl.realised, Cash(-1_000_000_000), "the whole loss is one nano-unit");
    }

    #[test]
    fn a_position_taken_over_earns_from_its_price_and_was_not_traded() {
        // 10 short carried at 100; 4 bought back at 98 earn 8; at 101 the other six have lost 6.
        let mut pnl = share().carrying(-10, Price(100 * ONE));
        assert_eq!((pnl.position_lots, pnl.volume_lots()), (-10, 0));
        assert_eq!(pnl.net(Price(100 * ONE)), Cash::ZERO);
        pnl.on_fill(Side::Bid, Price(98 * ONE), 4, 0);
        assert_eq!((pnl.position_lots, pnl.volume_lots()), (-6, 4));
        assert_eq!((pnl.realised, pnl.unrealised(Price(101 * ONE))), (usd("8"), usd("-6")));
        assert_eq!(pnl.net(Price(101 * ONE)), usd("2"));
    }

    #[test]
    fn a_multiplier_scales_the_profit() {
        let mut future = Instrument::us_equity("ES");
        future.multiplier_nanos = 50 * ONE;
        let mut pnl = Pnl::new(&future);
        pnl.on_fill(Side::Bid, Price(4000 * ONE), 2, 0);
        pnl.on_fill(Side::Ask, Price(4010 * ONE), 2, 0);
        assert_eq!(pnl.realised, usd("1000"));
    }

    #[test]
    fn an_inverse_contract_earns_in_its_base() {
        let mut contract = Instrument::us_equity("XBTUSD");
        contract.settlement = Settlement::Inverse;
        let mut pnl = Pnl::new(&contract);
        // 100 contracts of one dollar, bought at 10,000 and sold at 12,500: 100 (1/10000 - 1/12500) = 0.002.
        pnl.on_fill(Side::Bid, Price(10_000 * ONE), 100, 0);
        pnl.on_fill(Side::Ask, Price(12_500 * ONE), 100, 0);
        assert_eq!(pnl.realised, usd("0.002"));
    }

    fn perpetual(multiplier_nanos: i64) -> Pnl {
        let mut contract = Instrument::us_equity("XBTUSD");
        contract.settlement = Settlement::Inverse;
        contract.multiplier_nanos = multiplier_nanos;
        Pnl::new(&contract)
    }

    /// Within a unit of 1e-18 a lot: less than a satoshi by far.
    fn assert_coins(got: Cash, exact: (i128, i128), lots: i128) {
        let (above, below) = exact;
        let off = got.0 * below - above * tickrace_types::cash::CASH_UNIT;
        assert!(off.abs() <= lots * below, "{got} is not {above} / {below}");
    }

    #[test]
    fn the_worked_examples_of_the_exchanges_come_out() {
        // BitMEX, "Inverse Futures Guide": 100,000 contracts of a dollar, long from 10,000 to 10,500:
        // 100,000 x (1/10,000 - 1/10,500) = 10/21 of a coin, 0.476.
        let mut pnl = perpetual(ONE);
        pnl.on_fill(Side::Bid, Price(10_000 * ONE), 100_000, 0);
        assert_coins(pnl.unrealised(Price(10_500 * ONE)), (10, 21), 200_000);
        pnl.on_fill(Side::Ask, Price(10_500 * ONE), 100_000, 0);
        assert_coins(pnl.realised, (10, 21), 200_000);
        // Binance, "COIN-M Futures": position x multiplier x direction x (1/entry - 1/mark), contracts of 100 dollars.
        // Sold 100 at 55,000, bought at 50,000: -10,000 x (1/55,000 - 1/50,000) = 1/55 of a coin, 0.0182.
        let mut pnl = perpetual(100 * ONE);
        pnl.on_fill(Side::Ask, Price(55_000 * ONE), 100, 0);
        pnl.on_fill(Side::Bid, Price(50_000 * ONE), 100, 0);
        assert_coins(pnl.realised, (1, 55), 200);
    }

    #[test]
    fn the_average_price_of_an_inverse_contract_is_the_harmonic_mean() {
        // 100 at 10,000 and 100 at 12,500 cost 0.010 + 0.008 coins: 200 / 0.018 = 11,111.11, not 11,250.
        for side in Side::BOTH {
            let mut pnl = perpetual(ONE);
            pnl.on_fill(side, Price(10_000 * ONE), 100, 0);
            pnl.on_fill(side, Price(12_500 * ONE), 100, 0);
            let average = pnl.average_price().unwrap();
            assert!((average - 100_000.0 / 9.0).abs() < 1e-6, "{average}");
        }
    }

    #[test]
    fn fees_of_an_inverse_contract_are_coins() {
        // A taker pays 0.05 per cent of 0.01 coins, twice.
        let mut pnl = perpetual(ONE);
        pnl.on_fill(Side::Bid, Price(10_000 * ONE), 100, 5_000);
        pnl.on_fill(Side::Ask, Price(10_000 * ONE), 100, 5_000);
        assert_eq!(pnl.net(Price(20_000 * ONE)), usd("-0.00001"));
    }

    proptest! {
        #[test]
        fn cash_plus_marks_is_realised_plus_unrealised(
            fills in prop::collection::vec((any::<bool>(), 1i64..500, 1i64..1_000_000_000_000, -1_000i64..1_000), 1..60),
            mark in 1i64..1_000_000_000_000,
        ) {
            let mut pnl = share();
            let (mut position, mut cash, mut fees) = (0i128, 0i128, 0i128);
            for (buy, qty, price, fee) in fills {
                let side = if buy { Side::Bid } else { Side::Ask };
                pnl.on_fill(side, Price(price), qty, fee);
                position += i128::from(side.sign() * qty);
                cash -= i128::from(side.sign()) * i128::from(qty) * i128::from(price) * 1_000_000_000;
                fees += i128::from(fee) * 1_000_000_000;
                // The worst rounding so far is one unit per closing fill; the sum closes exactly regardless.
                prop_assert_eq!(pnl.realised.0 + pnl.unrealised(Price(mark)).0, cash + position * i128::from(mark) * 1_000_000_000);
                prop_assert_eq!(pnl.net(Price(mark)).0, cash + position * i128::from(mark) * 1_000_000_000 - fees);
            }
        }

        #[test]
        fn an_inverse_account_agrees_with_exact_fractions(
            fills in prop::collection::vec((any::<bool>(), 1i64..500, 1i64..20), 1..40),
            mark in 1i64..20, multiplier in 1i64..200,
        ) {
            // Prices of 1 to 19 units: all fractions have one denominator, the least common multiple of 1 to 19.
            const LCM: i128 = 232_792_560;
            let mut pnl = perpetual(multiplier * ONE);
            let coins = |lots: i128, px: i64| lots * i128::from(multiplier) * (LCM / i128::from(px));
            // In units of 1 / LCM coins: cash, and with average cost the claim that the position was opened with. The
            // claim is itself split by lots, so its denominator grows: a fraction of its own.
            let (mut position, mut cash, mut traded) = (0i128, 0i128, 0i128);
            for (buy, qty, px) in fills {
                let side = if buy { Side::Bid } else { Side::Ask };
                pnl.on_fill(side, Price(px * ONE), qty, 0);
                position += i128::from(side.sign() * qty);
                traded += i128::from(qty);
                // Buying q contracts is a claim of +q/px coins given up at the exit: coins in hand, minus coins owed.
                cash += coins(i128::from(side.sign() * qty), px);
                let exact = cash - coins(position, mark);
                let got = pnl.realised + pnl.unrealised(Price(mark * ONE));
                assert_coins(got, (exact, LCM), traded + position.abs());
                prop_assert_eq!(got, pnl.gross(Price(mark * ONE)));
                if position == 0 {
                    // Nothing is lost between average costs: what was realised is the cash.
                    assert_coins(pnl.realised, (cash, LCM), traded);
                }
            }
        }

        #[test]
        fn released_cost_of_an_inverse_contract_is_its_share_rounded_against_us(
            fills in prop::collection::vec((1i64..50, 1i64..20), 1..20), sold in 1i64..500, exit in 1i64..20,
        ) {
            const LCM: i128 = 232_792_560;
            let mut pnl = perpetual(ONE);
            let (mut held, mut claim) = (0i128, 0i128);
            for (qty, px) in fills {
                pnl.on_fill(Side::Bid, Price(px * ONE), qty, 0);
                held += i128::from(qty);
                claim += i128::from(qty) * (LCM / i128::from(px));
            }
            let sold = i128::from(sold).min(held);
            pnl.on_fill(Side::Ask, Price(exit * ONE), i64::try_from(sold).unwrap(), 0);
            // sold x (mean of 1/entry - 1/exit), over LCM x held.
            let exact = claim * sold - sold * held * (LCM / i128::from(exit));
            assert_coins(pnl.realised, (exact, LCM * held), held + sold + 1);
        }

        #[test]
        fn average_cost_agrees_with_exact_fractions(
            fills in prop::collection::vec((1i64..50, 1i64..1_000), 1..20), sold in 1i64..50,
        ) {
            // Buys only, then one sale at zero: released cost is total x sold / held, rounded up.
            let mut pnl = share();
            let (mut held, mut total) = (0i128, 0i128);
            for (qty, price) in fills {
                pnl.on_fill(Side::Bid, Price(price), qty, 0);
                held += i128::from(qty);
                total += i128::from(qty) * i128::from(price) * 1_000_000_000;
            }
            let sold = i128::from(sold).min(held);
            pnl.on_fill(Side::Ask, Price(0), i64::try_from(sold).unwrap(), 0);
            let exact_up = (total * sold + held - 1) / held;
            prop_assert_eq!(pnl.realised.0, -exact_up);
        }
    }
}
