//! A position path with its cash costs, from contract and prices to an account.

use std::borrow::Cow;

use tickrace_stats::Series;

use super::costs::{ContractCosts, cash_costs, deflator};
use super::fills::{FillPrice, position_fills, roll_fills};
use super::fx::FxRate;
use super::pnl::{Account, union};

/// What an instrument's cash account is computed from.
#[derive(Clone, Copy, Debug)]
pub struct CashBook<'a> {
    /// Back-adjusted price by day.
    pub price: &'a Series,
    /// What the contract costs.
    pub costs: &'a ContractCosts,
    /// Rate of the instrument's currency.
    pub fx: &'a FxRate,
    /// Contracts of a year that are held in turn.
    pub rolls_per_year: usize,
    /// Share of the average size that a roll is charged for.
    pub roll_share: f64,
    /// Whether costs are scaled to the volatility of their time.
    pub is_deflated: bool,
    /// The [`deflator`] of the price, where it is known already.
    pub level: Option<&'a Series>,
    /// Price of a fill on a day without one.
    pub fill_price: FillPrice,
}

impl CashBook<'_> {
    /// The account, in money of the account's currency, of the contracts held at each day's end
    /// ([`super::pnl::delayed`] makes them from wanted ones).
    pub fn account(&self, held: &Series) -> Account {
        let mut fills = position_fills(held, self.price, self.fill_price);
        fills.extend(roll_fills(held, self.price, self.rolls_per_year, self.roll_share));
        // The deflator ends with the later of price and position, whose last day may be one without a change of price.
        let days = union(held, self.price).filter(|_| self.is_deflated);
        let level = days.map(|(first, days)| match self.level {
            Some(level) if (level.first, level.len()) == (first, days) => Cow::Borrowed(level),
            _ => Cow::Owned(deflator(&self.price.on(first, days))),
        });
        let costs = cash_costs(&fills, self.costs, self.fx, level.as_deref());
        Account::of_position(held, self.price, self.costs.point_size, self.fx).with_costs(costs)
    }
}
