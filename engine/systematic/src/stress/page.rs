//! The tests as one HTML page that needs nothing but itself.

use std::fmt::Write;

use tickrace_analytics::report::axis::Axis;
use tickrace_analytics::report::format;
use tickrace_analytics::report::plot::Plot;
use tickrace_analytics::report::sortable::{self, Cell};
use tickrace_analytics::report::{WIDE, card, head, plot_with_note};

use super::Stress;

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(title: &str, stress: &Stress) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let lead = format!(
        "{} instruments held on {} · capital {} {} · all figures in per cent of it",
        stress.holdings.iter().filter(|one| one.contracts != 0.0).count(),
        stress.today,
        format::decimals(stress.capital, 0),
        stress.currency
    );
    head(&mut page, title, &lead);
    cards(&mut page, stress);
    scenarios(&mut page, stress);
    by_instrument(&mut page, stress);
    shocks(&mut page, stress);
    moves(&mut page, stress);
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

fn percent(value: f64) -> String {
    format!("{} %", format::decimals(value, 1))
}

fn cards(page: &mut String, stress: &Stress) {
    page.push_str("<div class=\"cards\">");
    card(
        page,
        "Risk today",
        &percent(stress.risk_pct),
        "",
        "annual deviation at today's volatilities and correlations",
    );
    if let Some(worst) = stress.shocks.iter().map(|shock| shock.risk_pct).reduce(f64::max) {
        card(page, "Risk, worst shock", &percent(worst), "bad", "annual deviation");
    }
    let class = |value: f64| if value < 0.0 { "bad" } else { "good" };
    if let Some(worst) = stress.scenarios.iter().min_by(|a, b| a.today_pct.total_cmp(&b.today_pct)) {
        let small = format!("today's positions under {}", worst.name);
        card(page, "Worst window today", &percent(worst.today_pct), class(worst.today_pct), &small);
    }
    if let Some(worst) = stress.scenarios.iter().min_by(|a, b| a.system_pct.total_cmp(&b.system_pct)) {
        let small = format!("as the system was run in {}", worst.name);
        card(page, "Worst window then", &percent(worst.system_pct), class(worst.system_pct), &small);
    }
    page.push_str("</div>\n");
}

fn scenarios(page: &mut String, stress: &Stress) {
    if stress.scenarios.is_empty() {
        return;
    }
    page.push_str("<h2>Windows of the past</h2><p>What the system earned as it was run then, net; and what today's positions would earn, unchanged, under the price moves of that window. Lowest is the deepest that either got on the way, from the window's first day.</p>\n");
    let rows = stress.scenarios.iter().rev();
    let values = stress.scenarios.iter().flat_map(|one| [one.system_pct, one.today_pct]);
    let names: Vec<String> = rows.clone().map(|one| one.name.clone()).collect();
    let axis = Axis::of_values(values, true, "per cent of capital");
    let mut plot = Plot::new(WIDE, 70.0 + 44.0 * names.len() as f64, axis, Axis::names(&names, ""));
    for (row, one) in rows.enumerate() {
        let foot = row as f64;
        for (value, low, class, what) in
            [(one.system_pct, 0.52, "a", "as run then"), (one.today_pct, 0.14, "c", "today's positions")]
        {
            let title = format!("{}, {what}: {value:.1} %", one.name);
            plot.span(value.min(0.0), value.max(0.0), foot + low, foot + low + 0.34, class, &title);
        }
    }
    plot.legend("as run then", "a");
    plot.legend("today's positions", "c");
    plot_with_note(page, &plot.svg("profit by window"), "Profit of each window, in per cent of capital.");
    let head = [
        "window",
        "from",
        "to",
        "as run then %",
        "lowest",
        "today's positions %",
        "lowest",
        "without prices then",
    ];
    let rows: Vec<Vec<Cell>> = stress
        .scenarios
        .iter()
        .map(|one| {
            vec![
                Cell::text(&one.name),
                Cell::text(&one.first),
                Cell::text(&one.last),
                Cell::profit(one.system_pct),
                Cell::number(Some(one.system_worst_pct), 2),
                Cell::profit(one.today_pct),
                Cell::number(Some(one.today_worst_pct), 2),
                Cell::text(&one.without_prices.join(" ")),
            ]
        })
        .collect();
    sortable::table(page, &head.map(str::to_owned), &rows);
}

fn by_instrument(page: &mut String, stress: &Stress) {
    if stress.scenarios.is_empty() {
        return;
    }
    page.push_str("<h2>Windows by instrument</h2><p>What today's position of each would earn, in per cent of all capital. A dash: no prices then.</p>\n");
    let mut head = vec!["instrument".to_owned(), "contracts".to_owned()];
    head.extend(stress.scenarios.iter().map(|one| one.name.clone()));
    let rows: Vec<Vec<Cell>> = stress
        .holdings
        .iter()
        .enumerate()
        .map(|(place, holding)| {
            let mut row = vec![Cell::text(&holding.name), Cell::number(Some(holding.contracts), 0)];
            row.extend(stress.scenarios.iter().map(|one| {
                let today = one.instruments.get(place).and_then(|part| part.today_pct);
                today.map_or_else(|| Cell::number(None, 2), Cell::profit)
            }));
            row
        })
        .collect();
    sortable::table(page, &head, &rows);
}

fn shocks(page: &mut String, stress: &Stress) {
    let _ = writeln!(
        page,
        "<h2>Correlations and volatilities that jump</h2><p>Annual risk of today's positions; as things are it is {}. Long and short positions hedge each other at a correlation of 1; all against us is the sum of all risks.</p>",
        percent(stress.risk_pct)
    );
    let mut multipliers: Vec<f64> = stress.shocks.iter().map(|shock| shock.volatility_multiplier).collect();
    multipliers.dedup();
    let mut head = vec!["all correlations".to_owned()];
    head.extend(multipliers.iter().map(|by| format!("risk % at volatility × {by}")));
    let levels = stress.shocks.len() / multipliers.len().max(1);
    let rows: Vec<Vec<Cell>> = (0..levels)
        .map(|level| {
            let own = stress.shocks.iter().skip(level).step_by(levels);
            let name = own.clone().next().and_then(|shock| shock.correlation);
            let name = name.map_or_else(|| "all against us".to_owned(), |value| value.to_string());
            let cells = own.map(|shock| Cell::number(Some(shock.risk_pct), 1));
            [Cell::text(&name)].into_iter().chain(cells).collect()
        })
        .collect();
    sortable::table(page, &head, &rows);
}

fn moves(page: &mut String, stress: &Stress) {
    page.push_str("<h2>Single moves</h2><p>Loss where an instrument moves so many of its daily deviations against its position.</p>\n");
    let mut head = vec!["instrument".to_owned()];
    if let Some(first) = stress.moves.first() {
        head.extend(first.loss_pct.iter().map(|(by, _)| format!("{by} deviations, %")));
    }
    let row = |one: &super::shock::Losses| {
        let cells = one.loss_pct.iter().map(|(_, loss)| Cell::profit(*loss));
        [Cell::text(&one.name)].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<Cell>> = stress.moves.iter().map(row).collect();
    sortable::table(page, &head, &rows);
}
