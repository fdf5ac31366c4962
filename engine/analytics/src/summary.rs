//! The short form of a report: `summary.json`, and the lines a person reads in the terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use tickrace_types::Cash;

use crate::figures::{CostItem, Figures, HourPnl, RunReport};
use crate::latency::LatencySummary;
use crate::money;
use crate::portfolio::Portfolio;
use crate::report::format;
use crate::strategies::{Sources, StrategyReport};
use crate::trades::TradeStats;

/// What `summary.json` holds. Money is in `account_currency`; a rebate is a negative fee.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Market messages handled.
    pub events: u64,
    /// Wall time of the run, seconds.
    pub wall_seconds: f64,
    /// Their ratio.
    pub events_per_second: f64,
    /// Requests: new orders, replaces and cancels, refused ones included; the rows of `orders.parquet`.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Refusals by reason; the venue's carry the prefix `venue_`.
    pub rejects: BTreeMap<String, u64>,
    /// What controls imposed, by control, and what operators said, by command.
    pub controls: BTreeMap<String, u64>,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Value traded.
    #[serde(serialize_with = "money::serialize")]
    pub notional: Cash,
    /// Before fees.
    #[serde(serialize_with = "money::serialize")]
    pub gross_pnl: Cash,
    /// Fees less rebates.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// What the fees were for, by name; they add up to the fees.
    pub costs: BTreeMap<String, f64>,
    /// Funding of perpetual contracts, received less paid.
    #[serde(serialize_with = "money::serialize")]
    pub funding: Cash,
    /// Gross minus fees plus funding.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
    /// Lots held at the end, by symbol.
    pub positions: BTreeMap<String, i64>,
    /// Largest fall of the sampled equity, at least 0.
    pub max_drawdown: f64,
    /// Of daily returns, annualised; null under 20 days.
    pub sharpe: Option<f64>,
    /// Tick to order; null where none was taken.
    pub tick_to_order_ns: Option<Percentiles>,
    /// How it was taken.
    pub tick_to_order_note: String,
    /// SHA-256 over the rows of `orders.parquet`.
    pub order_digest: String,
    /// Currency of all money.
    pub account_currency: String,
    /// The same figures for each symbol.
    pub by_symbol: BTreeMap<String, SymbolSummary>,
    /// The same figures for each strategy.
    pub by_strategy: BTreeMap<String, StrategySummary>,
    /// The strategies taken together, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<Portfolio>,
    /// Parts of the net profit; together they are it.
    pub sources: Sources,
    /// Net profit by hour of the local day.
    pub by_hour: Vec<HourPnl>,
    /// Closed round trips, after fees.
    pub trades: TradeStats,
    /// Why the run was cut short, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
}

/// Percentiles of a latency, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
    /// Measurements.
    pub count: u64,
}

impl From<&LatencySummary> for Percentiles {
    fn from(latency: &LatencySummary) -> Self {
        let LatencySummary { p50, p90, p99, p999, max, count, .. } = *latency;
        Self { p50, p90, p99, p999, max, count }
    }
}

/// One strategy of the summary.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StrategySummary {
    /// Requests.
    pub orders: u64,
    /// Of these, refused by our gate.
    pub refused: u64,
    /// Fills.
    pub fills: u64,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Before fees.
    #[serde(serialize_with = "money::serialize")]
    pub gross_pnl: Cash,
    /// Fees less rebates.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// Gross minus fees plus funding.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
    /// Largest fall of its sampled profit, at least 0.
    pub max_drawdown: f64,
    /// Parts of its net profit.
    pub sources: Sources,
    /// Its closed round trips.
    pub trades: TradeStats,
}

impl From<&StrategyReport> for StrategySummary {
    fn from(one: &StrategyReport) -> Self {
        Self {
            orders: one.orders,
            refused: one.refused,
            fills: one.fills,
            volume_lots: one.volume_lots,
            gross_pnl: one.gross_pnl,
            fees: -one.sources.fees,
            net_pnl: one.net_pnl,
            max_drawdown: one.drawdown.amount,
            sources: one.sources,
            trades: one.trades,
        }
    }
}

/// One symbol of the summary.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SymbolSummary {
    /// Requests.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Before fees.
    #[serde(serialize_with = "money::serialize")]
    pub gross_pnl: Cash,
    /// Fees less rebates.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// Funding received less paid.
    #[serde(serialize_with = "money::serialize")]
    pub funding: Cash,
    /// Gross minus fees plus funding.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
    /// Lots held at the end.
    pub position: i64,
}

impl From<&RunReport> for Summary {
    fn from(report: &RunReport) -> Self {
        let total = &report.total;
        let mut rejects = BTreeMap::new();
        for reason in &report.refusals {
            let prefix = if reason.by == "venue" { "venue_" } else { "" };
            *rejects.entry(format!("{prefix}{}", reason.name)).or_default() += reason.count;
        }
        let by_symbol = report.by_instrument.iter().map(|instrument| {
            let Figures { orders, fills, volume_lots, gross_pnl, fees, funding, net_pnl, .. } =
                instrument.figures;
            let position = instrument.position;
            let orders = orders.total();
            let symbol =
                SymbolSummary { orders, fills, volume_lots, gross_pnl, fees, funding, net_pnl, position };
            (instrument.symbol.clone(), symbol)
        });
        Self {
            events: report.timings.events,
            wall_seconds: report.timings.wall_seconds,
            events_per_second: report.timings.events_per_second(),
            orders: total.orders.total(),
            fills: total.fills,
            rejects,
            controls: report.controls.clone(),
            volume_lots: total.volume_lots,
            notional: total.notional,
            gross_pnl: total.gross_pnl,
            fees: total.fees,
            costs: total.costs.iter().map(|item| (item.name.clone(), money::nearest(item.amount))).collect(),
            funding: total.funding,
            net_pnl: total.net_pnl,
            positions: report.by_instrument.iter().map(|one| (one.symbol.clone(), one.position)).collect(),
            max_drawdown: report.drawdown.amount,
            sharpe: report.sharpe,
            tick_to_order_ns: report.timings.tick_to_order.as_ref().map(Percentiles::from),
            tick_to_order_note: report.timings.tick_to_order_note.clone(),
            order_digest: report.order_digest.clone(),
            account_currency: report.account_currency.clone(),
            by_symbol: by_symbol.collect(),
            portfolio: report.portfolio.clone(),
            by_strategy: report.strategies.iter().map(|one| (one.name.clone(), one.into())).collect(),
            sources: report.sources,
            by_hour: report.by_hour.clone(),
            trades: report.trades,
            cut_short: report.timings.cut_short.clone(),
        }
    }
}

impl Summary {
    /// As indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with text keys serialises")
    }
}

/// The summary as aligned lines for a terminal, without colour.
pub fn print(report: &RunReport) -> String {
    let mut text = String::new();
    lines(&mut text, report).expect("writing to a string cannot fail");
    text
}

fn lines(text: &mut String, report: &RunReport) -> std::fmt::Result {
    let total = &report.total;
    let currency = &report.account_currency;
    writeln!(text, "{}", report.title)?;
    let mut line = |label: &str, value: String| writeln!(text, "  {label:<16} {value}");
    if let Some(reason) = &report.timings.cut_short {
        line("cut short", reason.clone())?;
    }
    let rate = format::rate(report.timings.events_per_second());
    let events = format::count(report.timings.events);
    line("events", format!("{events} in {:.2} s, {rate} a second", report.timings.wall_seconds))?;
    let orders = &total.orders;
    line(
        "orders",
        format!(
            "{} ({} new, {} replace, {} cancel), {} refused",
            format::count(orders.total()),
            format::count(orders.new),
            format::count(orders.replace),
            format::count(orders.cancel),
            format::count(orders.refused),
        ),
    )?;
    for reason in report.refusals.iter().take(5) {
        line("", format!("{} {} by the {}", format::count(reason.count), reason.name, reason.by))?;
    }
    for (place, (name, count)) in report.controls.iter().enumerate() {
        let label = if place == 0 { "controls" } else { "" };
        line(label, format!("{} {}", format::count(*count), name.replace('_', " ")))?;
    }
    line(
        "fills",
        format!(
            "{} ({} maker, {} taker), {} lots, {} {currency}",
            format::count(total.fills),
            format::count(total.maker_fills),
            format::count(total.taker_fills),
            format::signed_count(total.volume_lots),
            format::money(total.notional),
        ),
    )?;
    line("gross", format!("{:>14} {currency}", format::money(total.gross_pnl)))?;
    let rebate = if total.fees < Cash::ZERO { " (a rebate)" } else { "" };
    line("fees", format!("{:>14} {currency}{rebate}", format::money(total.fees)))?;
    let is_charged = |item: &&CostItem| item.amount != Cash::ZERO;
    // A single item is the line above once more.
    if total.costs.iter().filter(is_charged).count() > 1 {
        for item in total.costs.iter().filter(is_charged) {
            line("", format!("{:>14} {currency} {}", format::money(item.amount), item.name))?;
        }
    }
    if total.funding != Cash::ZERO {
        line("funding", format!("{:>14} {currency}", format::money(total.funding)))?;
    }
    line("net", format!("{:>14} {currency}", format::money(total.net_pnl)))?;
    line("max drawdown", format!("{:>14} {currency}", format::amount(report.drawdown.amount)))?;
    if let Some(sharpe) = report.sharpe {
        line("sharpe", format!("{sharpe:>14.2}"))?;
    }
    if let Some(latency) = &report.timings.tick_to_order {
        let [p50, p99, max] = [latency.p50, latency.p99, latency.max].map(format::nanos);
        let count = format::count(latency.count);
        let note = &report.timings.tick_to_order_note;
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        line("tick to order", format!("p50 {p50}, p99 {p99}, max {max} over {count} orders{note}"))?;
    }
    line("order digest", report.order_digest.clone())?;
    strategies(text, report)?;
    symbols(text, report)
}

/// A row for each strategy, where there are several.
fn strategies(text: &mut String, report: &RunReport) -> std::fmt::Result {
    if report.strategies.len() < 2 {
        return Ok(());
    }
    let width = report.strategies.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).clamp(10, 32);
    writeln!(
        text,
        "\n  {:<width$} {:>10} {:>8} {:>12} {:>14} {:>12} {:>14} {:>12}",
        "strategy", "orders", "fills", "lots", "gross", "fees", "net", "drawdown"
    )?;
    for one in &report.strategies {
        writeln!(
            text,
            "  {:<width$} {:>10} {:>8} {:>12} {:>14} {:>12} {:>14} {:>12}",
            one.name,
            format::count(one.orders),
            format::count(one.fills),
            format::signed_count(one.volume_lots),
            format::money(one.gross_pnl),
            format::money(-one.sources.fees),
            format::money(one.net_pnl),
            format::amount(one.drawdown.amount),
        )?;
    }
    let Some(portfolio) = &report.portfolio else { return Ok(()) };
    let [gross, netted] = [portfolio.gross_exposure_mean, portfolio.netted_exposure_mean].map(format::money);
    let [gross_max, netted_max] =
        [portfolio.gross_exposure_max, portfolio.netted_exposure_max].map(format::money);
    writeln!(
        text,
        "  exposure: gross {gross} on average and {gross_max} at most, netted {netted} and {netted_max}"
    )?;
    Ok(())
}

/// Rows of the per-symbol table: the busiest, so that a terminal holds it.
const SYMBOLS_MAX: usize = 20;

fn symbols(text: &mut String, report: &RunReport) -> std::fmt::Result {
    if report.by_instrument.len() < 2 {
        return Ok(());
    }
    let mut busiest: Vec<_> = report.by_instrument.iter().collect();
    busiest.sort_by_key(|one| std::cmp::Reverse((one.figures.fills, one.figures.orders.total())));
    writeln!(
        text,
        "\n  {:<10} {:>10} {:>8} {:>12} {:>14} {:>12} {:>14} {:>9}",
        "symbol", "orders", "fills", "lots", "gross", "fees", "net", "position"
    )?;
    for one in busiest.iter().take(SYMBOLS_MAX) {
        let figures = &one.figures;
        writeln!(
            text,
            "  {:<10} {:>10} {:>8} {:>12} {:>14} {:>12} {:>14} {:>9}",
            one.symbol,
            format::count(figures.orders.total()),
            format::count(figures.fills),
            format::signed_count(figures.volume_lots),
            format::money(figures.gross_pnl),
            format::money(figures.fees),
            format::money(figures.net_pnl),
            format::signed_count(one.position),
        )?;
    }
    if busiest.len() > SYMBOLS_MAX {
        writeln!(text, "  and {} more", busiest.len() - SYMBOLS_MAX)?;
    }
    Ok(())
}
