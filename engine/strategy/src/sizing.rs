//! How much to hold: from what a signal expects to whole lots.
//!
//! A policy states a [`Prospect`] and asks a [`Sizer`], which answers in lots within its limits. Every method gives a signed
//! fraction of equity; [`lots::lots_towards_zero`] is the one door from there into lots. Knows nothing of books, orders or
//! how the expectation was formed. Nothing here allocates after it was made; docs/sizing.md tells which method to use when.

pub mod config;
pub mod drawdown;
pub mod kelly;
pub mod lots;
pub mod outcomes;
pub mod portfolio;
pub mod target;

pub use config::{DrawdownConfig, KellyConfig, MethodConfig, SizingConfig};
pub use kelly::Bet;
pub use lots::lots_towards_zero;
pub use portfolio::KellyPortfolio;
pub use target::TargetPlan;

use tickrace_types::Qty;

use crate::ConfigError;

/// What a policy expects of a position, and what it has. One period is whatever all its numbers are stated in: a bar, a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prospect {
    /// Equity, account currency.
    pub equity: f64,
    /// Value of one lot, account currency.
    pub lot_value: f64,
    /// Expected excess return of a long position per period, a fraction. Its sign is the side of every method but `utility` and
    /// `target`, which know the side from what they have seen or were told.
    pub mean: f64,
    /// Standard deviation of the return per period, a fraction.
    pub volatility: f64,
    /// How much the signal is believed, 0 to 1; scales the result.
    pub confidence: f64,
    /// The trade as a bet with two outcomes; for `binary-kelly`.
    pub bet: Option<Bet>,
    /// To the deadline; for `target`.
    pub periods_left: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Method {
    FixedFraction(f64),
    VolatilityTarget(f64),
    /// The share, drawdown counted in.
    Kelly(f64),
    SharpeKelly(f64),
    BinaryKelly {
        share: f64,
        drawdown: Option<DrawdownConfig>,
    },
    Utility {
        aversion: f64,
        returns: Box<[f64]>,
        seen: u64,
        fraction: f64,
    },
    Target {
        plan: TargetPlan,
        equity_target: f64,
    },
}

/// A sizing method with its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizer {
    method: Method,
    leverage_max: f64,
    position_max_lots: i64,
}

impl Sizer {
    /// Takes its memory, and solves what can be solved beforehand.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn new(config: &SizingConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let within = |of: &KellyConfig| {
            let bound =
                of.drawdown.map(|bound| drawdown::share_within(bound.drawdown_max, bound.probability_max));
            of.share.min(bound.unwrap_or(1.0))
        };
        let method = match &config.method {
            MethodConfig::FixedFraction(of) => Method::FixedFraction(of.fraction),
            MethodConfig::VolatilityTarget(of) => Method::VolatilityTarget(of.volatility_target),
            MethodConfig::Kelly(of) => Method::Kelly(within(of)),
            MethodConfig::SharpeKelly(of) => Method::SharpeKelly(within(of)),
            MethodConfig::BinaryKelly(of) => Method::BinaryKelly { share: of.share, drawdown: of.drawdown },
            MethodConfig::Utility(of) => Method::Utility {
                aversion: of.aversion,
                returns: vec![0.0; of.window_periods].into(),
                seen: 0,
                fraction: 0.0,
            },
            MethodConfig::Target(of) => {
                let plan = TargetPlan::solve(of.mean, of.volatility, of.horizon_periods, config.leverage_max);
                let key = "sizing.method";
                let plan = plan.map_err(|_| ConfigError { key, wanted: "solvable", got: of.mean })?;
                Method::Target { plan, equity_target: of.equity_target }
            }
        };
        let (leverage_max, position_max_lots) = (config.leverage_max, config.position_max_lots);
        Ok(Self { method, leverage_max, position_max_lots })
    }

    /// Takes one period's return of the instrument in, a fraction; only `utility` learns from it.
    pub fn observe(&mut self, value: f64) {
        if let Method::Utility { returns, seen, .. } = &mut self.method
            && value.is_finite()
        {
            let at = usize::try_from(*seen % returns.len() as u64).unwrap_or(0);
            returns[at] = value;
            *seen += 1;
        }
    }

    /// Turns what was observed into the fraction held from now on; in a policy's upkeep, for `utility` bisects over its whole
    /// window. The other methods have nothing to do.
    pub fn refresh(&mut self) {
        let leverage_max = self.leverage_max;
        if let Method::Utility { aversion, returns, seen, fraction } = &mut self.method
            && *seen >= returns.len() as u64
        {
            *fraction = outcomes::greatest_utility(returns, *aversion, leverage_max);
        }
    }

    /// Signed fraction of equity to hold, confidence and leverage counted in; zero where the prospect is not a number.
    #[inline]
    pub fn fraction(&self, prospect: &Prospect) -> f64 {
        let side = if prospect.mean > 0.0 {
            1.0
        } else if prospect.mean < 0.0 {
            -1.0
        } else {
            0.0
        };
        let Prospect { mean, volatility, .. } = *prospect;
        let full = match &self.method {
            Method::FixedFraction(fraction) => side * fraction,
            Method::VolatilityTarget(target) => {
                side * if volatility > 0.0 { target / volatility } else { 0.0 }
            }
            Method::Kelly(share) => share * kelly::continuous(mean, volatility),
            Method::SharpeKelly(share) => share * kelly::from_sharpe(mean / volatility, volatility),
            Method::BinaryKelly { share, drawdown } => {
                side * prospect.bet.map_or(0.0, |bet| binary_within(bet, *share, *drawdown))
            }
            Method::Utility { fraction, .. } => *fraction,
            Method::Target { plan, equity_target } => {
                plan.fraction(prospect.equity / equity_target, prospect.periods_left)
            }
        };
        let confidence = prospect.confidence.clamp(0.0, 1.0);
        let fraction = (full * confidence).clamp(-self.leverage_max, self.leverage_max);
        if fraction.is_nan() { 0.0 } else { fraction }
    }

    /// Lots to hold, signed, rounded towards zero and within every limit.
    #[inline]
    pub fn lots(&self, prospect: &Prospect) -> Qty {
        self.lots_scaled(prospect, 1.0)
    }

    /// The same with the fraction scaled, within the same limits: for an adaptive sizer.
    #[inline]
    pub(crate) fn lots_scaled(&self, prospect: &Prospect, scale: f64) -> Qty {
        let fraction = (scale * self.fraction(prospect)).clamp(-self.leverage_max, self.leverage_max);
        lots_towards_zero(fraction, prospect.equity, prospect.lot_value, self.position_max_lots)
    }
}

/// The share of Kelly's fraction of a bet, or less where falling far would be too likely.
fn binary_within(bet: Bet, share: f64, bound: Option<DrawdownConfig>) -> f64 {
    let wanted = share * kelly::binary(bet);
    let Some(bound) = bound else { return wanted };
    let (returns, weights) = ([bet.win, -bet.loss], [bet.probability, 1.0 - bet.probability]);
    outcomes::drawdown_constrained(&returns, &weights, bound.drawdown_max, bound.probability_max, wanted)
}

#[cfg(test)]
mod tests;
