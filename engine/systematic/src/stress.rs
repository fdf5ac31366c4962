//! What bad times would do: windows of the past, correlations and volatilities that jump, moves of several deviations.
//!
//! | test | what it tells |
//! | --- | --- |
//! | scenario | what the system earned in a window as it was run, and what today's positions would under the window's moves |
//! | shock | annual risk of today's positions with every correlation at one value and volatilities multiplied |
//! | move | loss where one instrument moves so many daily deviations against its position |
//!
//! Today is the last day of the data. Moves of a window are taken in per cent of the price, or in units of each day's own deviation;
//! positions stay as they are through it. An instrument without prices in a window adds nothing and is named. Nothing is
//! reinvested. All shares are of the notional capital.

pub mod page;
pub mod scenario;
pub mod shock;

use serde::{Deserialize, Serialize};
use tickrace_stats::Series;
use tickrace_stats::panel::parse_time;

use crate::config::{ConfigError, SystemConfig};
use crate::earnings::Earnings;
use crate::portfolio::{CorrelationConfig, CorrelationPath};
use crate::raw::span_of;
use crate::system::System;
use scenario::{Outcome, Past};
use shock::{Losses, Shock};

/// Days of the past, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// What it is called.
    pub name: String,
    /// First day, `YYYY-MM-DD`.
    pub first: String,
    /// Last day, `YYYY-MM-DD`.
    pub last: String,
}

/// In what the moves of a window are taken over to today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// Per cent of the held contract's price.
    #[default]
    Percent,
    /// Deviations of the day before.
    Deviations,
}

/// What is tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StressConfig {
    /// Windows of the past; well-known bad times where absent.
    pub windows: Vec<Window>,
    /// In what their moves are taken over to today.
    pub moves: Moves,
    /// Values that all correlations take, 0 to 1.
    pub correlations: Vec<f64>,
    /// What volatilities are multiplied by.
    pub volatility_multipliers: Vec<f64>,
    /// Daily deviations an instrument moves against its position.
    pub move_deviations: Vec<f64>,
}

impl Default for StressConfig {
    fn default() -> Self {
        let window = |(name, first, last): (&str, &str, &str)| Window {
            name: name.to_owned(),
            first: first.to_owned(),
            last: last.to_owned(),
        };
        Self {
            windows: [
                ("Crash of 1987", "1987-10-01", "1987-10-31"),
                ("Russia and LTCM", "1998-08-01", "1998-10-31"),
                ("Credit crisis", "2008-09-01", "2008-11-30"),
                ("Taper tantrum", "2013-05-01", "2013-06-30"),
                ("Pandemic", "2020-02-01", "2020-03-31"),
                ("Inflation of 2022", "2022-01-01", "2022-12-31"),
            ]
            .map(window)
            .to_vec(),
            moves: Moves::Percent,
            correlations: vec![0.0, 0.5, 1.0],
            volatility_multipliers: vec![1.0, 2.0],
            move_deviations: vec![3.0, 6.0],
        }
    }
}

impl StressConfig {
    /// Refuses what makes no test.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key and what would be right.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |key: &str, fault: String| Err(ConfigError { key: format!("stress.{key}"), fault });
        for window in &self.windows {
            let day = |text: &str| parse_time(text).filter(|_| text.len() == 10);
            match (day(&window.first), day(&window.last)) {
                (Some(first), Some(last)) if first <= last => {}
                (Some(_), Some(_)) => {
                    return fail("windows", format!("{} ends before it begins", window.name));
                }
                _ => {
                    let fault = format!(
                        "{}: {} to {} are no dates YYYY-MM-DD",
                        window.name, window.first, window.last
                    );
                    return fail("windows", fault);
                }
            }
        }
        if let Some(wrong) = self.correlations.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return fail("correlations", format!("must be from 0 to 1, one is {wrong}"));
        }
        for (key, values) in [
            ("volatility_multipliers", &self.volatility_multipliers),
            ("move_deviations", &self.move_deviations),
        ] {
            if let Some(wrong) = values.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
                return fail(key, format!("must be above zero, one is {wrong}"));
            }
        }
        Ok(())
    }
}

/// What is held of an instrument today.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Holding {
    /// Its name.
    pub name: String,
    /// Contracts, negative where sold short.
    pub contracts: f64,
    /// Money of the account for a point of one contract.
    pub point_value: f64,
    /// Price of the held contract.
    pub price: f64,
    /// Deviation of a day, points.
    pub daily_vol: f64,
}

impl Holding {
    /// Money a point of price makes.
    pub fn per_point(&self) -> f64 {
        self.contracts * self.point_value
    }

    /// Money a day's deviation makes, negative where short; zero of nothing held.
    pub fn daily_risk(&self) -> f64 {
        if self.contracts == 0.0 { 0.0 } else { self.per_point() * self.daily_vol }
    }
}

/// All tests of a system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stress {
    /// The last day, `YYYY-MM-DD`.
    pub today: String,
    /// Notional capital.
    pub capital: f64,
    /// Its currency.
    pub currency: String,
    /// What is held.
    pub holdings: Vec<Holding>,
    /// By window.
    pub scenarios: Vec<Outcome>,
    /// Annual risk as it is, per cent of capital.
    pub risk_pct: f64,
    /// By correlation and multiplier.
    pub shocks: Vec<Shock>,
    /// By instrument.
    pub moves: Vec<Losses>,
}

/// Works out all tests.
///
/// # Errors
///
/// [`ConfigError`] where the terms make no test.
pub fn of_system(system: &System, earnings: &Earnings, config: &SystemConfig) -> Result<Stress, ConfigError> {
    let terms = config.stress.clone().unwrap_or_default();
    terms.validate()?;
    let holdings = holdings(system);
    let (first, days) = span_of(system.members.values().map(|member| &member.raw.daily_price));
    let last = tickrace_stats::BusinessDay(first.0 + i32::try_from(days).unwrap_or(i32::MAX) - 1).day();
    let pasts: Vec<Past<'_>> = system
        .members
        .iter()
        .map(|(name, member)| Past {
            net_pct: earnings
                .instruments
                .get(name)
                .map(|earned| earned.account.net().daily())
                .unwrap_or_default(),
            returns: match terms.moves {
                Moves::Percent => &member.raw.perc_returns,
                Moves::Deviations => &member.raw.norm_returns,
            },
        })
        .collect();
    let capital = config.notional_trading_capital;
    let scenarios =
        terms.windows.iter().map(|window| scenario::under(window, terms.moves, &holdings, &pasts, capital));
    let scenarios = scenarios.collect();
    let returns: Vec<&Series> = system.members.values().map(|member| &member.raw.perc_returns).collect();
    let correlation = CorrelationPath::new(&returns, CorrelationConfig::default()).on(last).to_vec();
    let risks: Vec<f64> = holdings.iter().map(Holding::daily_risk).collect();
    Ok(Stress {
        today: tickrace_analytics::days::date_of(last),
        capital,
        currency: config.base_currency.clone(),
        scenarios,
        risk_pct: shock::annual_pct(
            shock::deviation(&risks, |row, column| correlation[row * risks.len() + column]),
            capital,
        ),
        shocks: shock::shocks(&risks, &terms.correlations, &terms.volatility_multipliers, capital),
        moves: shock::losses(&holdings, &terms.move_deviations, capital),
        holdings,
    })
}

/// What is held at the end: whole contracts of a small system where there is one, else those within their buffers.
fn holdings(system: &System) -> Vec<Holding> {
    let last = |series: Option<&Series>| {
        series.and_then(|series| series.values.iter().rev().find(|value| !value.is_nan()).copied())
    };
    let of = |(name, member): (&String, &crate::system::Member)| {
        let held = match &system.dynamic {
            Some(dynamic) => dynamic.get(name),
            None => member.stages.get("buffered_position"),
        };
        let fx = last(member.stages.get("fx_used")).unwrap_or(f64::NAN);
        Holding {
            name: name.clone(),
            contracts: last(held).unwrap_or(0.0),
            point_value: member.instrument.point_size * fx,
            price: last(Some(&member.raw.denom_price)).unwrap_or(f64::NAN),
            daily_vol: last(Some(&member.raw.returns_vol)).unwrap_or(f64::NAN),
        }
    };
    system.members.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_make_no_test_are_refused_by_name() {
        let told = |text: &str| -> String {
            let config: StressConfig = serde_json::from_str(text).unwrap();
            config.validate().unwrap_err().to_string()
        };
        for (text, wanted) in [
            (r#"{"windows":[{"name":"x","first":"2008-09-31","last":"soon"}]}"#, "are no dates"),
            (
                r#"{"windows":[{"name":"x","first":"2009-01-01","last":"2008-01-01"}]}"#,
                "x ends before it begins",
            ),
            (r#"{"correlations":[-0.5]}"#, "stress.correlations: must be from 0 to 1"),
            (r#"{"volatility_multipliers":[0.0]}"#, "stress.volatility_multipliers: must be above zero"),
            (r#"{"move_deviations":[-3.0]}"#, "stress.move_deviations"),
        ] {
            assert!(told(text).contains(wanted), "{text}: {}", told(text));
        }
        StressConfig::default().validate().unwrap();
    }
}
