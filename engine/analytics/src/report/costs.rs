//! What trading cost, item by item, from gross to net.

use super::axis::Axis;
use super::plot::Plot;
use super::{HALF, format, plot_with_note};
use crate::figures::RunReport;
use tickrace_types::Cash;

/// A step of the way from gross to net: its name, what it adds, and where it begins.
struct Step {
    name: String,
    adds: Cash,
    from: Cash,
}

pub(super) fn plot(page: &mut String, report: &RunReport) {
    let total = &report.total;
    let steps = steps(report);
    if steps.is_empty() {
        return;
    }
    let unit = &report.account_currency;
    let ends = |name: &str, value: Cash| Step { name: name.to_owned(), adds: value, from: Cash::ZERO };
    let mut bars = vec![ends("gross", total.gross_pnl)];
    bars.extend(steps);
    bars.push(ends("net", total.net_pnl));
    let names: Vec<String> = bars.iter().map(|step| step.name.clone()).collect();
    let values = bars.iter().flat_map(|step| [step.from.to_f64(), (step.from + step.adds).to_f64()]);
    let mut plot = Plot::new(HALF, 230.0, Axis::names(&names, ""), Axis::of_values(values, true, unit));
    for (place, step) in bars.iter().enumerate() {
        let is_end = place == 0 || place + 1 == bars.len();
        let class = match (is_end, step.adds.0 < 0) {
            (true, _) => "a",
            (false, true) => "b",
            (false, false) => "c",
        };
        let x = place as f64 + 0.2;
        let title = format!("{} {} {unit}", step.name, format::money(step.adds));
        plot.span(x, x + 0.6, step.from.to_f64(), (step.from + step.adds).to_f64(), class, &title);
    }
    let told: Vec<String> = bars[1..bars.len() - 1]
        .iter()
        .map(|step| format!("{} {}", format::escape(&step.name), format::money(step.adds)))
        .collect();
    plot_with_note(
        page,
        &plot.svg("costs by item"),
        &format!(
            "From gross over each item of cost to net; what is paid goes down, a rebate up: {}.",
            told.join(", ")
        ),
    );
}

/// The items, and what lies between gross and net beside them.
fn steps(report: &RunReport) -> Vec<Step> {
    let total = &report.total;
    let mut at = total.gross_pnl;
    let mut steps = Vec::new();
    let mut add = |name: &str, adds: Cash| {
        if adds != Cash::ZERO {
            steps.push(Step { name: name.to_owned(), adds, from: at });
            at += adds;
        }
    };
    total.costs.iter().for_each(|item| add(&item.name, -item.amount));
    if total.costs.is_empty() {
        add("fees", -total.fees);
    }
    // What is neither gross nor fee: funding of perpetual contracts.
    add("funding", total.net_pnl - (total.gross_pnl - total.fees));
    steps
}
