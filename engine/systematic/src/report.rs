//! A system's result as one HTML page that needs nothing but itself: account curves, drawdown, where it came from, how
//! instruments move together, what they weigh and what they cost.
//!
//! Plots, tables and style are those of `analytics`. The page is made from accounts and series alone ([`SystemPage`]);
//! [`of_system`] fills it from a system that has been worked out.

mod attribution;
mod curves;
mod diversification;
mod figures;

use std::fmt::Write;

use tickrace_analytics::report::format::{self, escape};
use tickrace_analytics::report::sortable;
use tickrace_analytics::report::{card, head};
use tickrace_stats::Series;

use crate::account::{Account, Frequency, SharpeCosts, Statistics};
use crate::config::SystemConfig;
use crate::earnings::Earnings;
use crate::system::System;

/// What the page shows. Accounts are in per cent of the notional capital.
#[derive(Clone, Debug, Default)]
pub struct SystemPage<'a> {
    /// Headline.
    pub title: String,
    /// Currency of the account.
    pub currency: String,
    /// Notional capital, in that currency.
    pub capital: f64,
    /// Annual deviation aimed at, per cent of capital.
    pub target_pct: f64,
    /// Everything together.
    pub portfolio: Account,
    /// The instruments, in order of their names.
    pub instruments: Vec<InstrumentPart<'a>>,
    /// Accounts of the rules, over all instruments, by name.
    pub rules: Vec<(String, Account)>,
    /// Diversification multiplier of the instruments by day, where it is known.
    pub multiplier: Option<&'a Series>,
    /// The configuration as used; not shown where empty.
    pub config_text: String,
}

/// An instrument of the page.
#[derive(Clone, Debug)]
pub struct InstrumentPart<'a> {
    /// Its name.
    pub name: String,
    /// What kind of market it is.
    pub asset_class: String,
    /// As held in the portfolio.
    pub account: &'a Account,
    /// As held with all capital, for correlations.
    pub subsystem: &'a Account,
    /// Its weight by day, where it is known.
    pub weight: Option<&'a Series>,
    /// Contracts held at the end.
    pub position: f64,
    /// What trading it costs.
    pub costs: SharpeCosts,
    /// Turnovers a year of the position held.
    pub turnover: f64,
}

/// The page of a system that has been worked out.
pub fn of_system(
    title: &str,
    system: &System,
    earnings: &Earnings,
    config: &SystemConfig,
    config_text: &str,
) -> String {
    let mut rules: Vec<(String, Vec<&Account>)> = Vec::new();
    for (rule, account) in earnings.instruments.values().flat_map(|one| &one.rules) {
        match rules.iter_mut().find(|(name, _)| name == rule) {
            Some((_, accounts)) => accounts.push(account),
            None => rules.push((rule.clone(), vec![account])),
        }
    }
    rules.sort_by(|one, other| one.0.cmp(&other.0));
    let stage =
        |name: &str, stage: &str| system.members.get(name).and_then(|member| member.stages.get(stage));
    let instruments = earnings
        .instruments
        .iter()
        .map(|(name, earned)| InstrumentPart {
            name: name.clone(),
            asset_class: system
                .members
                .get(name)
                .map_or(String::new(), |member| member.instrument.asset_class.clone()),
            account: &earned.account,
            subsystem: &earned.subsystem,
            weight: stage(name, "instr_weight"),
            position: stage(name, "buffered_position")
                .and_then(|held| held.values.iter().rev().find(|value| !value.is_nan()).copied())
                .unwrap_or(f64::NAN),
            costs: earned.sharpe,
            turnover: earned.turnovers.instrument,
        })
        .collect();
    let longest =
        system.members.keys().filter_map(|name| stage(name, "idm")).max_by_key(|series| series.len());
    html(&SystemPage {
        title: title.to_owned(),
        currency: config.base_currency.clone(),
        capital: config.notional_trading_capital,
        target_pct: config.percentage_vol_target,
        portfolio: earnings.portfolio.clone(),
        instruments,
        rules: rules.into_iter().map(|(name, accounts)| (name, Account::sum(accounts))).collect(),
        multiplier: longest,
        config_text: config_text.to_owned(),
    })
}

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(system: &SystemPage<'_>) -> String {
    let mut page = String::with_capacity(256 * 1024);
    head(&mut page, &system.title, &lead(system));
    if system.portfolio.gross.span().is_none() {
        page.push_str("<p class=\"warn\">Nothing was earned or lost: no instrument has a position and a price on two days.</p>\n");
    }
    cards(&mut page, system);
    curves::sections(&mut page, system);
    figures::section(&mut page, system);
    attribution::sections(&mut page, system);
    diversification::sections(&mut page, system);
    attribution::costs(&mut page, system);
    if !system.config_text.is_empty() {
        let _ = writeln!(page, "<h2>Configuration as used</h2><pre>{}</pre>", escape(&system.config_text));
    }
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

/// What is traded and when, in a sentence.
fn lead(system: &SystemPage<'_>) -> String {
    let when = system.portfolio.net().span().map_or(String::new(), |(first, last)| {
        let date = tickrace_analytics::days::date_of;
        format!(" · {} to {}", date(first), date(last))
    });
    format!(
        "{} instruments by {} rules{when} · capital {} {}, aimed at {} % a year",
        system.instruments.len(),
        system.rules.len(),
        format::decimals(system.capital, 0),
        system.currency,
        format::decimals(system.target_pct, 0),
    )
}

fn cards(page: &mut String, system: &SystemPage<'_>) {
    let net = Statistics::of_flow(&system.portfolio.net(), Frequency::BusinessDay);
    let costs = Statistics::of_flow(&system.portfolio.costs, Frequency::BusinessDay);
    let Some(net) = net else { return };
    let sign = if net.ann_mean < 0.0 { "bad" } else { "good" };
    page.push_str("<div class=\"cards\">");
    let percent = |value: f64| format!("{} %", format::decimals(value, 1));
    let years = net.n as f64 / Frequency::BusinessDay.per_year();
    let over = format!("over {} years of 256 days", format::decimals(years, 1));
    card(page, "Sharpe ratio, net", &format::decimals(net.sharpe, 2), sign, &over);
    card(page, "Profit a year", &percent(net.ann_mean), sign, "of capital, after costs, not reinvested");
    card(
        page,
        "Deviation a year",
        &percent(net.ann_std),
        "",
        &format!("aimed at {}", percent(system.target_pct)),
    );
    let under = format::percent(Some(net.time_in_drawdown));
    card(
        page,
        "Worst drawdown",
        &percent(net.worst_drawdown),
        "",
        &format!("of capital, below its best {under} of the time"),
    );
    let yearly = costs.map_or(0.0, |costs| -costs.ann_mean);
    card(
        page,
        "Costs a year",
        &format!("{} %", format::decimals(yearly, 2)),
        "",
        "of capital, rolls included",
    );
    let skew = format!("daily; worst day {}", percent(net.min));
    card(page, "Skewness", &format::decimals(net.skew, 2), "", &skew);
    page.push_str("</div>\n");
}

#[cfg(test)]
mod tests;
