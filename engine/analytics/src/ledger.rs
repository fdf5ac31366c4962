//! Position, cash and profit of one instrument, exact.
//!
//! Two accounts of the same money are kept side by side: cash and marks on one hand, spread captured and inventory
//! drift on the other; [`Ledger::assert_closes`] holds them to each other. Fees and funding
//! stand apart: net = gross - fees + funding.
//!
//! A worked example, multiplier 1, mark 100.00 at the start, fees nil:
//! buy 10 at 99.99 (mark 100.00), mark moves to 100.05, sell 4 at 100.06, mark moves to 100.00.
//! Cash is -999.90 + 400.24 = -599.66, position 6, gross = -599.66 + 600.00 = 0.34.
//! Spread captured: 10 x 0.01 + 4 x 0.01 = 0.14; drift: 10 x 0.05 + 6 x -0.05 = 0.20; together 0.34.
//! Realised: 4 x (100.06 - 99.99) = 0.28; unrealised: 6 x (100.00 - 99.99) = 0.06; together 0.34.

use tickrace_types::{Cash, Contract, Price, Side};

use crate::money;

/// Running books of one instrument, in the currency it settles in.
#[derive(Clone, Debug)]
pub struct Ledger {
    contract: Contract,
    /// Nano-units; absent before the first price.
    mark_px: Option<i64>,
    /// Lots.
    position: i64,
    position_min: i64,
    position_max: i64,
    /// Bought minus, sold plus, fees aside; an opening position is bought at its carrying price.
    cash: Cash,
    /// Signed cost of the open position at average price.
    open_cost: Cash,
    fees: Cash,
    /// Received, less paid.
    funding: Cash,
    spread_captured: Cash,
    inventory_drift: Cash,
    bought_lots: i64,
    sold_lots: i64,
    notional: Cash,
}

impl Ledger {
    /// Flat books of a contract.
    pub const fn new(contract: Contract) -> Self {
        Self {
            contract,
            mark_px: None,
            position: 0,
            position_min: 0,
            position_max: 0,
            cash: Cash::ZERO,
            open_cost: Cash::ZERO,
            fees: Cash::ZERO,
            funding: Cash::ZERO,
            spread_captured: Cash::ZERO,
            inventory_drift: Cash::ZERO,
            bought_lots: 0,
            sold_lots: 0,
            notional: Cash::ZERO,
        }
    }

    /// Takes over a position at its carrying price; profit counts from there.
    pub fn open(&mut self, qty_lots: i64, price_nanos: i64) {
        // What is held already, at another price, is marked to this one.
        self.on_mark(price_nanos);
        let cost = self.value(price_nanos, qty_lots);
        self.cash -= cost;
        self.open_cost += cost;
        self.move_position(qty_lots);
        self.position_min = self.position;
        self.position_max = self.position;
    }

    /// A new mark: the position drifts with it.
    #[inline]
    pub fn on_mark(&mut self, mark_px: i64) {
        if let Some(before) = self.mark_px
            && self.position != 0
        {
            self.inventory_drift += self.value(mark_px, self.position) - self.value(before, self.position);
        }
        self.mark_px = Some(mark_px);
    }

    /// A fill. `mid_at_fill` is the mark when it traded; what the mark did between then and now is drift.
    pub fn on_fill(&mut self, side: Side, price: i64, qty_lots: i64, fee: Cash, mid_at_fill: i64) {
        debug_assert!(qty_lots > 0, "a fill is positive, got {qty_lots}");
        let signed = side.sign() * qty_lots;
        let paid = self.value(price, signed);
        let mark = *self.mark_px.get_or_insert(mid_at_fill);
        self.spread_captured += self.value(mid_at_fill, signed) - paid;
        self.inventory_drift += self.value(mark, signed) - self.value(mid_at_fill, signed);
        self.cash -= paid;
        self.fees += fee;
        self.notional += if paid < Cash::ZERO { -paid } else { paid };
        match side {
            Side::Bid => self.bought_lots += qty_lots,
            Side::Ask => self.sold_lots += qty_lots,
        }
        self.carry_cost(signed, price);
        self.move_position(signed);
    }

    /// Average cost: what adds is added, what reduces takes its share off, what turns the position starts anew.
    fn carry_cost(&mut self, signed: i64, price: i64) {
        let position = self.position;
        if position == 0 || position.signum() == signed.signum() {
            self.open_cost += self.value(price, signed);
        } else if signed.abs() <= position.abs() {
            self.open_cost -= money::fraction(self.open_cost, signed.abs(), position.abs());
        } else {
            self.open_cost = self.value(price, position + signed);
        }
    }

    fn move_position(&mut self, signed: i64) {
        self.position += signed;
        self.position_min = self.position_min.min(self.position);
        self.position_max = self.position_max.max(self.position);
    }

    fn value(&self, price: i64, qty_lots: i64) -> Cash {
        self.contract.value(Price(price), qty_lots)
    }

    /// Cash plus the position at its mark; what was earned before fees.
    #[inline]
    pub fn gross_pnl(&self) -> Cash {
        self.cash + self.value(self.mark_px.unwrap_or(0), self.position)
    }

    /// Gross minus fees plus funding.
    #[inline]
    pub fn net_pnl(&self) -> Cash {
        self.gross_pnl() - self.fees + self.funding
    }

    /// Funding received for the position, negative where it was paid.
    pub fn on_funding(&mut self, received: Cash) {
        self.funding += received;
    }

    /// Funding received less paid.
    pub const fn funding(&self) -> Cash {
        self.funding
    }

    /// Earned by closed lots, at average cost.
    pub fn realised(&self) -> Cash {
        self.cash + self.open_cost
    }

    /// Earned, on paper, by open lots.
    pub fn unrealised(&self) -> Cash {
        self.value(self.mark_px.unwrap_or(0), self.position) - self.open_cost
    }

    /// Fees paid; negative where rebates outweigh them.
    pub const fn fees(&self) -> Cash {
        self.fees
    }

    /// Mid at fill against the price, signed so that a better price is positive.
    pub const fn spread_captured(&self) -> Cash {
        self.spread_captured
    }

    /// What the mark's moves did to the position held through them.
    pub const fn inventory_drift(&self) -> Cash {
        self.inventory_drift
    }

    /// Value traded, either side.
    pub const fn notional(&self) -> Cash {
        self.notional
    }

    /// Lots held now.
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// Least and most lots ever held.
    pub const fn position_range(&self) -> (i64, i64) {
        (self.position_min, self.position_max)
    }

    /// Lots bought and sold.
    pub const fn traded_lots(&self) -> (i64, i64) {
        (self.bought_lots, self.sold_lots)
    }

    /// The price the position is valued at, nano-units.
    pub const fn mark_px(&self) -> Option<i64> {
        self.mark_px
    }

    /// The sums that must close.
    ///
    /// # Panics
    ///
    /// Where one does not: that is our mistake.
    pub fn assert_closes(&self) {
        let gross = self.gross_pnl();
        assert_eq!(gross, self.spread_captured + self.inventory_drift, "gross = spread captured + drift");
        assert_eq!(gross, self.realised() + self.unrealised(), "gross = realised + unrealised");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: i64 = 1_000_000_000;
    const CENT: i64 = ONE / 100;

    #[test]
    fn three_fills_are_worth_what_the_module_says() {
        let mut ledger = Ledger::new(Contract::linear(ONE));
        ledger.on_mark(100 * ONE);
        ledger.on_fill(Side::Bid, 9_999 * CENT, 10, Cash::ZERO, 100 * ONE);
        ledger.on_mark(10_005 * CENT);
        ledger.on_fill(Side::Ask, 10_006 * CENT, 4, Cash::ZERO, 10_005 * CENT);
        ledger.on_mark(100 * ONE);
        assert_eq!(ledger.gross_pnl().to_string(), "0.34");
        assert_eq!(ledger.spread_captured().to_string(), "0.14");
        assert_eq!(ledger.inventory_drift().to_string(), "0.20");
        assert_eq!(ledger.realised().to_string(), "0.28");
        assert_eq!(ledger.unrealised().to_string(), "0.06");
        assert_eq!((ledger.position(), ledger.position_range()), (6, (0, 10)));
        assert_eq!(ledger.notional().to_string(), "1400.14");
        ledger.assert_closes();
    }

    #[test]
    fn a_rebate_is_a_negative_fee_and_adds_to_net() {
        // Sell 100 at 10 with the mark at 10, rebate 0.20: gross nothing, net 0.20.
        let mut ledger = Ledger::new(Contract::linear(ONE));
        ledger.on_fill(Side::Ask, 10 * ONE, 100, money::from_nanos(-200_000_000), 10 * ONE);
        assert_eq!(ledger.gross_pnl(), Cash::ZERO);
        assert_eq!(ledger.fees().to_string(), "-0.20");
        assert_eq!(ledger.net_pnl().to_string(), "0.20");
    }

    #[test]
    fn turning_a_position_realises_only_what_was_closed() {
        // Long 5 at 10, sell 8 at 12: 5 x 2 = 10 realised; short 3 from 12, mark 11: 3 unrealised.
        let mut ledger = Ledger::new(Contract::linear(ONE));
        ledger.on_fill(Side::Bid, 10 * ONE, 5, Cash::ZERO, 10 * ONE);
        ledger.on_fill(Side::Ask, 12 * ONE, 8, Cash::ZERO, 10 * ONE);
        ledger.on_mark(11 * ONE);
        assert_eq!(ledger.realised().to_string(), "10.00");
        assert_eq!(ledger.unrealised().to_string(), "3.00");
        ledger.assert_closes();
    }

    #[test]
    fn an_opening_position_earns_only_from_its_carrying_price() {
        let mut ledger = Ledger::new(Contract::linear(50 * ONE));
        ledger.open(-2, 100 * ONE);
        assert_eq!(ledger.gross_pnl(), Cash::ZERO);
        ledger.on_mark(99 * ONE);
        assert_eq!(ledger.gross_pnl().to_string(), "100.00");
        assert_eq!(ledger.inventory_drift().to_string(), "100.00");
        ledger.assert_closes();
    }

    #[test]
    fn a_fill_heard_late_is_judged_by_the_mark_when_it_traded() {
        // Bought 1 at 9 while the mid was 10; by the time we hear it the mid is 12: 1 captured, 2 drift.
        let mut ledger = Ledger::new(Contract::linear(ONE));
        ledger.on_mark(12 * ONE);
        ledger.on_fill(Side::Bid, 9 * ONE, 1, Cash::ZERO, 10 * ONE);
        assert_eq!(ledger.spread_captured().to_string(), "1.00");
        assert_eq!(ledger.inventory_drift().to_string(), "2.00");
        ledger.assert_closes();
    }

    #[test]
    fn an_inverse_contract_captures_and_drifts_in_coins() {
        // 1,000 contracts of 100 dollars. Bought at 40,000 with the mid at 50,000: 2.5 - 2.0 = 0.5 coins captured; from
        // 50,000 to 62,500 the claim falls from 2.0 to 1.6: 0.4 drifted. All 0.9 = 100,000 x (1/40,000 - 1/62,500).
        let mut ledger = Ledger::new(Contract::inverse(100 * ONE));
        ledger.on_mark(50_000 * ONE);
        ledger.on_fill(Side::Bid, 40_000 * ONE, 1000, Cash::ZERO, 50_000 * ONE);
        ledger.on_mark(62_500 * ONE);
        assert_eq!(ledger.spread_captured().to_string(), "0.50");
        assert_eq!(ledger.inventory_drift().to_string(), "0.40");
        assert_eq!(
            (ledger.unrealised().to_string(), ledger.notional().to_string()),
            ("0.90".into(), "2.50".into())
        );
        ledger.assert_closes();
    }

    #[derive(Clone, Debug)]
    enum Act {
        Mark(i64),
        Fill(bool, i64, i64, i64, i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let px = 1i64..1_000_000_000_000;
        prop_oneof![
            px.clone().prop_map(Act::Mark),
            (any::<bool>(), px.clone(), 1i64..100_000, -1_000_000i64..1_000_000, px)
                .prop_map(|(buy, price, qty, fee, mid)| Act::Fill(buy, price, qty, fee, mid)),
        ]
    }

    proptest! {
        #[test]
        fn sums_close_whatever_happens(
            multiplier in 1i64..100_000_000_000,
            is_inverse in any::<bool>(),
            opening in -1000i64..1000,
            acts in prop::collection::vec(act(), 0..60),
        ) {
            // The oracle: cash and position straight from the list, in plain i128.
            let contract = if is_inverse { Contract::inverse(multiplier) } else { Contract::linear(multiplier) };
            let mut ledger = Ledger::new(contract);
            // Of an inverse contract: minus the coins of a lot, in 1e-18, cut to whole ones, for each lot.
            let value = |px: i64, qty: i64| match is_inverse {
                false => i128::from(px) * i128::from(qty) * i128::from(multiplier),
                true if px == 0 => 0,
                true => -i128::from(qty) * (i128::from(multiplier) * 10i128.pow(18) / i128::from(px)),
            };
            let start = 7 * ONE;
            let (mut cash, mut position, mut fees, mut mark) = (-value(start, opening), opening, 0i128, Some(start));
            if opening == 0 {
                mark = None;
            } else {
                ledger.open(opening, start);
            }
            for act in acts {
                match act {
                    Act::Mark(px) => {
                        mark = Some(px);
                        ledger.on_mark(px);
                    }
                    Act::Fill(buy, price, qty, fee, mid) => {
                        let side = if buy { Side::Bid } else { Side::Ask };
                        let signed = if buy { qty } else { -qty };
                        mark = mark.or(Some(mid));
                        cash -= value(price, signed);
                        position += signed;
                        fees += i128::from(fee) * 1_000_000_000;
                        ledger.on_fill(side, price, qty, money::from_nanos(fee), mid);
                    }
                }
                ledger.assert_closes();
                prop_assert_eq!(ledger.gross_pnl().0, cash + value(mark.unwrap_or(0), position));
                prop_assert_eq!(ledger.net_pnl().0, ledger.gross_pnl().0 - fees);
                prop_assert_eq!(ledger.position(), position);
                if position == 0 {
                    prop_assert_eq!(ledger.unrealised(), Cash::ZERO);
                }
            }
        }
    }
}
