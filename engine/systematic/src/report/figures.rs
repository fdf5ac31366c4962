//! The statistics of the portfolio at four frequencies.

use tickrace_analytics::report::format;
use tickrace_analytics::report::sortable::{self, Cell};

use super::SystemPage;
use crate::account::{Frequency, Statistics};

/// What is shown, in words, by the name of the statistic and its decimals.
const ROWS: [(&str, &str, usize); 17] = [
    ("ann_mean", "mean a year, %", 2),
    ("ann_std", "deviation a year, %", 2),
    ("sharpe", "Sharpe ratio", 3),
    ("sortino", "Sortino ratio", 3),
    ("skew", "skewness", 2),
    ("min", "worst period, %", 2),
    ("max", "best period, %", 2),
    ("worst_drawdown", "worst drawdown, %", 1),
    ("avg_drawdown", "average drawdown, %", 1),
    ("time_in_drawdown", "share of time in drawdown", 3),
    ("calmar", "mean over worst drawdown", 3),
    ("hitrate", "share of periods won", 3),
    ("gaintolossratio", "average gain over average loss", 2),
    ("profitfactor", "gains over losses", 2),
    ("t_stat", "t of the mean", 2),
    ("quant_ratio_lower", "lower tail against normal", 2),
    ("quant_ratio_upper", "upper tail against normal", 2),
];

pub(super) fn section(page: &mut String, system: &SystemPage<'_>) {
    let net = system.portfolio.net();
    let all = Frequency::ALL.map(|frequency| Statistics::of_flow(&net, frequency));
    if all.iter().any(Option::is_none) {
        return;
    }
    page.push_str("<h2>Figures</h2><p>Net, in per cent of capital, of profits summed by business day, week, month and calendar year. Tails: the quantile at 1 % over that at 30 % (99 over 70), as a multiple of the normal law's; above 1 is a fat one.</p>\n");
    let mut head = vec!["net".to_owned()];
    head.extend(Frequency::ALL.map(|frequency| frequency.name().to_owned()));
    let mut rows: Vec<Vec<Cell>> = ROWS
        .iter()
        .map(|(key, words, places)| {
            let mut row = vec![Cell::text(words)];
            row.extend(all.iter().flatten().map(|stats| {
                let value = stats.numbers().into_iter().find(|(name, _)| name == key).map(|(_, value)| value);
                Cell::number(value.filter(|value| value.is_finite()), *places)
            }));
            row
        })
        .collect();
    let mut periods = vec![Cell::text("periods")];
    periods.extend(all.iter().flatten().map(|stats| Cell::text(&format::count(stats.n as u64))));
    rows.push(periods);
    sortable::table(page, &head, &rows);
}
