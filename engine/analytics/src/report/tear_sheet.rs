//! The page of a tear sheet: what a portfolio manager takes into a meeting, on screen and on paper.

mod belief;
mod curves;
mod days;
mod trading;

use std::fmt::Write;

use tickrace_stats::panel::parse_time;

use super::format::{self, escape};
use super::{card, facts, head, sortable};
use crate::tear_sheet::TearSheet;

/// The whole page: styles and plots inline, nothing is loaded.
///
/// - `provenance`: where the sheet came from, as names and values.
pub fn html(sheet: &TearSheet, provenance: &[(&'static str, String)]) -> String {
    let mut page = String::with_capacity(256 * 1024);
    head(&mut page, &sheet.title, &lead(sheet));
    for why in &sheet.absent {
        let _ = writeln!(page, "<p class=\"warn\">{}.</p>", escape(why));
    }
    cards(&mut page, sheet);
    curves::section(&mut page, sheet);
    days::falls(&mut page, sheet);
    days::months(&mut page, sheet);
    days::distribution(&mut page, sheet);
    curves::rolling(&mut page, sheet);
    belief::section(&mut page, sheet);
    belief::monte_carlo(&mut page, sheet);
    days::regimes(&mut page, sheet);
    if let Some(trading) = &sheet.trading {
        trading::section(&mut page, trading);
    }
    page.push_str("<h2>Provenance</h2>\n");
    facts(&mut page, "text", provenance);
    page.push_str(
        "<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer></main>",
    );
    sortable::script(&mut page);
    page.push_str("</body></html>\n");
    page
}

fn lead(sheet: &TearSheet) -> String {
    let days = format::count(sheet.periods as u64);
    if sheet.periods == 0 {
        return sheet.source.clone();
    }
    let unit = if sheet.periods == 1 { "day" } else { "days" };
    format!("{} to {} · {days} {unit} · {}", sheet.first_date, sheet.last_date, sheet.source)
}

/// Per cent with a sign: `+12.3 %`.
fn signed_percent(share: Option<f64>) -> String {
    let sign = if share.is_some_and(|share| share > 0.0) { "+" } else { "" };
    format!("{sign}{}", percent(share, 2))
}

/// Per cent with so many decimals, or a dash.
fn percent(share: Option<f64>, places: usize) -> String {
    let finite = share.filter(|share| share.is_finite());
    finite.map_or("–".to_owned(), |share| format!("{} %", format::decimals(share * 100.0, places)))
}

fn class_of(value: Option<f64>) -> &'static str {
    match value {
        Some(value) if value > 0.0 => "good",
        Some(value) if value < 0.0 => "bad",
        _ => "",
    }
}

fn cards(page: &mut String, sheet: &TearSheet) {
    let head = &sheet.headline;
    page.push_str("<div class=\"cards\">");
    let mut put =
        |label: &str, value: String, class: &str, small: String| card(page, label, &value, class, &small);
    let other = sheet.relative.as_ref();
    let against = |value: String| other.map_or(String::new(), |other| format!("{} {value}", other.name));
    put(
        "Total return",
        signed_percent(head.total_return),
        class_of(head.total_return),
        against(other.map_or(String::new(), |other| signed_percent(other.total_return))),
    );
    put(
        "Annual return",
        signed_percent(head.annual_return),
        class_of(head.annual_return),
        against(other.map_or(String::new(), |other| signed_percent(other.annual_return))),
    );
    put(
        "Annual volatility",
        percent(head.annual_volatility, 2),
        "",
        against(other.map_or(String::new(), |other| percent(other.annual_volatility, 2))),
    );
    let believed = sheet.belief.probabilistic_sharpe;
    let believed =
        believed.map_or(String::new(), |share| format!("above 0 with {}", percent(Some(share), 1)));
    put("Sharpe ratio", format::maybe(head.sharpe, 2), "", believed);
    put(
        "Sortino ratio",
        format::maybe(head.sortino, 2),
        "",
        format!("omega {}", format::maybe(head.omega, 2)),
    );
    let longest = head.longest_drawdown.map_or(String::new(), |periods| {
        format!(
            "longest {} {}, under water {}",
            format::count(periods as u64),
            if periods == 1 { "day" } else { "days" },
            percent(head.under_water_share, 0)
        )
    });
    put("Max drawdown", percent(head.max_drawdown, 2), class_of(head.max_drawdown), longest);
    put("Calmar ratio", format::maybe(head.calmar, 2), "", "annual return over max drawdown".to_owned());
    put(
        "Days with a gain",
        percent(head.positive_share, 1),
        "",
        format!("best {}, worst {}", signed_percent(head.best), signed_percent(head.worst)),
    );
    if let Some(other) = other {
        put(
            "Beta",
            format::maybe(other.relative.beta, 2),
            "",
            format!(
                "alpha {} a year, correlation {}",
                signed_percent(other.relative.alpha),
                format::maybe(other.correlation, 2)
            ),
        );
    }
    if let Some(trading) = &sheet.trading {
        let currency = &trading.account_currency;
        put(
            "Net profit",
            format::amount(trading.net_pnl),
            class_of(Some(trading.net_pnl)),
            format!("{currency}, {} bps of turnover", format::maybe(trading.net_bps, 2)),
        );
        let all = &trading.trades[0];
        put(
            "Round trips",
            format::count(all.count),
            "",
            format!(
                "won {}, profit factor {}",
                percent(all.win_rate, 1),
                format::maybe(all.profit_factor, 2)
            ),
        );
    }
    page.push_str("</div>\n");
}

/// Midnight of a date, nanoseconds since the Unix epoch, as a place on an axis of time.
#[allow(clippy::cast_precision_loss, reason = "only places it")]
fn place_of(date: &str) -> f64 {
    parse_time(date).unwrap_or(0) as f64
}

/// A table of names and values side by side with another, values escaped there.
fn pair_of_facts(page: &mut String, left: &[(&str, String)], right: &[(&str, String)]) {
    page.push_str("<div class=\"pair\">");
    facts(page, "", left);
    facts(page, "", right);
    page.push_str("</div>\n");
}

pub(super) use days::bins;

/// Bins evenly wide by their logarithm; what is not positive counts in the first.
fn bins_of_log(values: &[f64], count: usize) -> Vec<(f64, f64, usize)> {
    let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    if !least.is_finite() {
        return Vec::new();
    }
    let logs: Vec<f64> = values.iter().map(|value| libm::log(value.max(least))).collect();
    let back = |(low, high, count): (f64, f64, usize)| (libm::exp(low), libm::exp(high), count);
    days::bins(&logs, count).into_iter().map(back).collect()
}

#[cfg(test)]
mod tests;
