//! How the venue funds perpetual contracts, as a configuration states it. The payments themselves are booked by who
//! analyses the run: they move cash, not orders.

use serde::{Deserialize, Serialize};

use crate::config::ExchangeError;

/// Longest interval, milliseconds: 31 days.
const INTERVAL_MS_MAX: i64 = 31 * 86_400_000;

/// Funding of the perpetual contracts of a run. Without the table the data's rates count, at the times they tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundingConfig {
    /// Where the rate comes from.
    pub rates: FundingRates,
    /// Time between payments, milliseconds, at whole multiples since the epoch: 28,800,000 for eight hours. Needed for
    /// stated rates, and for data that tell a rate without the time of its payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<i64>,
    /// Fraction of the notional an interval, 1e-9, positive where longs pay: 100,000 is a basis point. For stated rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_nanos: Option<i64>,
}

/// Where a funding rate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FundingRates {
    /// The market data tell it.
    #[default]
    Data,
    /// The configuration states one.
    Stated,
    /// There is none.
    None,
}

impl FundingConfig {
    /// Checks that what the rates need is there.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Range`] or [`ExchangeError::Funding`].
    pub(crate) fn validate(&self) -> Result<(), ExchangeError> {
        if let Some(got) = self.interval_ms
            && !(1..=INTERVAL_MS_MAX).contains(&got)
        {
            return Err(ExchangeError::Range {
                key: "funding.interval_ms",
                least: 1,
                most: INTERVAL_MS_MAX,
                got,
            });
        }
        let is_stated = self.rates == FundingRates::Stated;
        let is_whole = self.interval_ms.is_some() && self.rate_nanos.is_some();
        if is_stated && !is_whole || !is_stated && self.rate_nanos.is_some() {
            return Err(ExchangeError::Funding);
        }
        Ok(())
    }
}
