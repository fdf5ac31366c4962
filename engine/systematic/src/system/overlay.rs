//! Risk of the whole portfolio each day, and what it scales positions by.

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::fill_forward;
use tickrace_stats::{BusinessDay, Series};

use super::{Member, Stages};
use crate::portfolio::{CorrelationConfig, CorrelationPath, OverlayLimits, RiskMeasures, shocked_volatility};
use crate::raw::{YEAR_ROOT, span_of};

/// Limits of the four measures, in units of the wanted risk but for leverage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlayConfig {
    /// Annual risk.
    pub max_risk_fraction_normal_risk: f64,
    /// Annual risk at volatilities as high as they get.
    pub max_risk_fraction_stdev_risk: f64,
    /// Sum of absolute risks: all correlations against the portfolio.
    pub max_risk_limit_sum_abs_risk: f64,
    /// Sum of absolute weights.
    pub max_risk_leverage: f64,
}

/// The measures of each day and the multiplier, `risk_scalar` first.
///
/// - `members`: with stages `notional_before_overlay` and `per_contract_value`.
/// - `risk_target`: annual, a fraction of capital.
pub(super) fn measures(members: &[&Member], config: &OverlayConfig, risk_target: f64) -> Stages {
    let fractions = [
        config.max_risk_fraction_normal_risk,
        config.max_risk_fraction_stdev_risk,
        config.max_risk_limit_sum_abs_risk,
    ];
    let limits = OverlayLimits::of_target(fractions, risk_target, config.max_risk_leverage);
    let stage = |member: &&Member, name| member.stages.get(name).cloned().unwrap_or_default();
    let notional: Vec<Series> =
        members.iter().map(|member| stage(member, "notional_before_overlay").clone()).collect();
    let value: Vec<Series> =
        members.iter().map(|member| stage(member, "per_contract_value").clone()).collect();
    let (first, days) = span_of(&notional);
    // What is not known on a day is what was known last, up to the end of the longest history.
    let on_all = |series: &Series, values: &[f64]| {
        let series = Series { first: series.first, values: values.to_vec() };
        Series { first, values: fill_forward(&series.on(first, days).values) }
    };
    let volatility: Vec<Series> =
        members.iter().map(|member| on_all(&member.raw.perc_vol, &member.raw.perc_vol.values)).collect();
    let shocked: Vec<Series> = members
        .iter()
        .map(|member| on_all(&member.raw.perc_vol, &shocked_volatility(&member.raw.perc_vol.values)))
        .collect();
    let returns: Vec<&Series> = members.iter().map(|member| &member.raw.perc_returns).collect();
    let mut path = CorrelationPath::new(&returns, CorrelationConfig::default());
    let mut columns: [Vec<f64>; 5] = Default::default();
    let annual = |series: &Series, day| series.at(day) * YEAR_ROOT / 100.0;
    let mut weights = vec![f64::NAN; members.len()];
    for number in (first.0..).take(days) {
        let day = BusinessDay(number);
        // On a day without a price the weight of the day before stands.
        for ((weight, notional), value) in weights.iter_mut().zip(&notional).zip(&value) {
            let now = notional.at(day) * value.at(day);
            *weight = if now.is_nan() { *weight } else { now };
        }
        let vol: Vec<f64> = volatility.iter().map(|series| annual(series, day)).collect();
        let high: Vec<f64> = shocked.iter().map(|series| annual(series, day)).collect();
        let risk = RiskMeasures::of(&weights, &vol, &high, path.on(day.day()));
        let row = [risk.multiplier(&limits), risk.normal, risk.shocked, risk.sum_abs, risk.leverage];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let names = ["risk_scalar", "normal", "shocked", "sum_abs", "leverage"];
    let series = |(name, values): (&str, Vec<f64>)| (name.to_owned(), Series { first, values });
    Stages(names.into_iter().zip(columns).map(series).collect())
}
