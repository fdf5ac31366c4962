//! What single rules earn: unrounded positions of a forecast alone, costs a steady drain.
//!
//! All rules of an instrument share its usual position, its rates and what a day's drain is made of: those are worked out once.

use std::borrow::Cow;

use tickrace_stats::{BusinessDay, Series};

use crate::account::sharpe_costs::Drain;
use crate::account::{Account, FxRate, union};
use crate::config::SystemConfig;
use crate::raw::YEAR_ROOT;
use crate::system::Member;

/// Accounts of the rules of one instrument.
pub(crate) struct RuleBook<'a> {
    member: &'a Member,
    fx: &'a FxRate,
    /// Contracts for a forecast of 1.
    per_forecast: Series,
    /// Contracts for an average forecast.
    usual: Series,
    /// On the days of the usual position.
    drain: Drain,
}

impl<'a> RuleBook<'a> {
    /// - `fx`: rate of the instrument's currency.
    pub(crate) fn new(member: &'a Member, fx: &'a FxRate, config: &SystemConfig) -> Self {
        let volatility = &member.raw.returns_vol;
        let target = config.notional_trading_capital * config.percentage_vol_target / 100.0 / YEAR_ROOT;
        let point = member.instrument.point_size;
        let first = volatility.first;
        let values: Vec<f64> = volatility.values.iter().map(|vol| target / (vol * point)).collect();
        let per_forecast = Series {
            first,
            values: values.iter().map(|usual| usual / config.average_absolute_forecast).collect(),
        };
        let usual = Series { first, values };
        let drain = Drain::new(first, usual.len(), &usual, volatility, fx);
        Self { member, fx, per_forecast, usual, drain }
    }

    /// What a rule alone earns, in money.
    ///
    /// - `sharpe_cost`: what it takes off a Sharpe ratio in a year.
    pub(crate) fn account(&self, forecast: &Series, sharpe_cost: f64) -> Account {
        let held = self.held(forecast);
        let point = self.member.instrument.point_size;
        let (first, days) = union(&held, &self.usual).unwrap_or((BusinessDay(0), 0));
        let drain = if self.drain.is_on(first, days) {
            self.drain.flow(sharpe_cost, &held, point)
        } else {
            let drain = Drain::new(first, days, &self.usual, &self.member.raw.returns_vol, self.fx);
            drain.flow(sharpe_cost, &held, point)
        };
        Account::of_position(&held, &self.member.raw.daily_price, point, self.fx).with_costs(drain)
    }

    /// Contracts of the rule alone, held the day after they were decided on.
    fn held(&self, forecast: &Series) -> Series {
        let own = &self.per_forecast;
        let per_forecast = match own.first == forecast.first && own.len() >= forecast.len() {
            true => Cow::Borrowed(own.values.as_slice()),
            false => Cow::Owned(own.on(forecast.first, forecast.len()).values),
        };
        let mut values = Vec::with_capacity(forecast.len());
        values.extend((!forecast.is_empty()).then_some(f64::NAN));
        let decided = forecast.values.iter().zip(per_forecast.iter());
        values.extend(decided.take(forecast.len().saturating_sub(1)).map(|(value, usual)| value * usual));
        Series { first: forecast.first, values }
    }
}
