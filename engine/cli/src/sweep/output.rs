//! What a sweep leaves: the table on the terminal, `sweep.parquet`, `sweep.html`, `summary.json`.

use serde_json::json;
use tickrace_analytics::report::format;
use tickrace_analytics::report::sortable::Cell;
use tickrace_analytics::report::sweep::{Place, SweepPage, html};
use tickrace_store::Sheet;
use tickrace_store::sheet::Cells;
use toml::Value;

use super::row::{Figures, Row, Status};
use super::validation::Judged;
use super::{Swept, Task, values_of};
use crate::columns::aligned;
use crate::{Failure, Streams, provenance};

/// Rows of the table on the terminal.
const SHOWN_MAX: usize = 20;

const UNITS: &str = "set: number in the order of the grid; the columns after it up to status: the swept keys; status: done, \
    refused (no room takes the configuration) or failed, with the reason in error; money in the account's currency; \
    net_bps: net profit over value traded, basis points; sharpe: of daily returns, annualised, null under 20 days; \
    positions: lots held at the end by symbol, JSON; order_digest: SHA-256 over the orders; rows by rank";

type Run<'a> = (&'a Task, &'a Row);

/// Writes everything and shows the best.
///
/// # Errors
///
/// [`Failure`] where a file cannot be written.
pub fn write(swept: &Swept<'_>, judged: &Judged, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let ranked = ranked(swept);
    sheet(swept, &ranked).write(&swept.out.join("sweep.parquet")).map_err(Failure::runtime)?;
    put(swept, "sweep.html", &html(&page(swept, judged, &ranked)))?;
    let mut summary = summary(swept, &ranked);
    summary["validation"] = validation_json(judged);
    put(swept, "summary.json", &format!("{summary:#}"))?;
    if streams.is_json {
        streams.json(&summary);
    }
    streams.say(&for_people(swept, &ranked));
    streams.say(&validation_words(judged));
    streams.say(&format!("report    {}", swept.out.join("sweep.html").display()));
    Ok(())
}

fn put(swept: &Swept<'_>, name: &str, text: &str) -> Result<(), Failure> {
    let path = swept.out.join(name);
    std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))
}

fn metric_of(swept: &Swept<'_>, row: &Row) -> Option<f64> {
    swept.metric.of(row.figures.as_ref()?)
}

/// Runs, the best first; the same whatever the order in which they came in.
fn ranked<'a>(swept: &'a Swept<'_>) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'_>> =
        swept.runs.iter().filter_map(|(task, row)| Some((*task, row.as_ref()?))).collect();
    runs.sort_by(|a, b| {
        let order = swept.metric.rank(metric_of(swept, a.1), metric_of(swept, b.1));
        order.then(a.0.number.cmp(&b.0.number))
    });
    runs
}

fn sheet(swept: &Swept<'_>, ranked: &[Run<'_>]) -> Sheet {
    let mut sheet = Sheet { name: "sweep", units: UNITS.to_owned(), columns: Vec::new() };
    let whole = |count: u64| i64::try_from(count).ok();
    sheet.push("set", Cells::Integers(ranked.iter().map(|run| whole(run.0.number as u64)).collect()));
    for (place, axis) in swept.axes.iter().enumerate() {
        let values: Vec<Option<&Value>> = ranked.iter().map(|run| run.0.values.get(place)).collect();
        sheet.push(&axis.key, cells_of(&values));
    }
    sheet.push(
        "status",
        Cells::Texts(ranked.iter().map(|run| Some(run.1.status.name().to_owned())).collect()),
    );
    sheet.push("error", Cells::Texts(ranked.iter().map(|run| run.1.error.clone()).collect()));
    let figures: Vec<Option<&Figures>> = ranked.iter().map(|run| run.1.figures.as_ref()).collect();
    let floats = |of: fn(&Figures) -> Option<f64>| {
        Cells::Floats(figures.iter().map(|figures| figures.and_then(of)).collect())
    };
    let integers = |of: fn(&Figures) -> Option<i64>| {
        Cells::Integers(figures.iter().map(|figures| figures.and_then(of)).collect())
    };
    let texts = |of: fn(&Figures) -> Option<String>| {
        Cells::Texts(figures.iter().map(|figures| figures.and_then(of)).collect())
    };
    sheet.push("net_pnl", floats(|one| Some(one.net_pnl)));
    sheet.push("gross_pnl", floats(|one| Some(one.gross_pnl)));
    sheet.push("fees", floats(|one| Some(one.fees)));
    sheet.push("net_bps", floats(|one| one.net_bps));
    sheet.push("max_drawdown", floats(|one| Some(one.max_drawdown)));
    sheet.push("sharpe", floats(|one| one.sharpe));
    sheet.push("orders", integers(|one| i64::try_from(one.orders).ok()));
    sheet.push("refused", integers(|one| i64::try_from(one.refused).ok()));
    sheet.push("fills", integers(|one| i64::try_from(one.fills).ok()));
    sheet.push("volume_lots", integers(|one| Some(one.volume_lots)));
    sheet.push("notional", floats(|one| Some(one.notional)));
    sheet.push("positions", texts(|one| serde_json::to_string(&one.positions).ok()));
    sheet.push("order_digest", texts(|one| Some(one.order_digest.clone())));
    sheet.push("cut_short", texts(|one| one.cut_short.clone()));
    sheet
}

/// Whole numbers, else numbers, else words: what all values of a key are.
pub(crate) fn cells_of(values: &[Option<&Value>]) -> Cells {
    if values.iter().flatten().all(|value| value.is_integer()) {
        return Cells::Integers(values.iter().map(|value| value.and_then(Value::as_integer)).collect());
    }
    let numbers: Vec<Option<f64>> = values.iter().map(|value| value.and_then(number_of)).collect();
    if numbers.iter().zip(values).all(|(number, value)| number.is_some() || value.is_none()) {
        return Cells::Floats(numbers);
    }
    Cells::Texts(values.iter().map(|value| value.map(text_of)).collect())
}

#[allow(clippy::cast_precision_loss, reason = "parameters are far below 2^53")]
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn counts(ranked: &[Run<'_>]) -> [usize; 3] {
    [Status::Done, Status::Refused, Status::Failed]
        .map(|status| ranked.iter().filter(|run| run.1.status == status).count())
}

fn summary(swept: &Swept<'_>, ranked: &[Run<'_>]) -> serde_json::Value {
    let [done, refused, failed] = counts(ranked);
    let best = ranked.first().filter(|run| run.1.status == Status::Done).map(|run| {
        json!({ "set": run.0.number, "values": values_of(swept.axes, &run.0.values), "figures": run.1.figures })
    });
    let ran = ranked.len().saturating_sub(swept.resumed);
    json!({
        "sets": swept.runs.len(),
        "done": done,
        "refused": refused,
        "failed": failed,
        "resumed": swept.resumed,
        "metric": swept.metric.name(),
        "account_currency": swept.currency,
        "best": best,
        "cores": swept.cores,
        "wall_seconds": swept.wall_seconds,
        "runs_per_second": if swept.wall_seconds > 0.0 { ran as f64 / swept.wall_seconds } else { 0.0 },
        "data": swept.files.iter().map(|file| json!({ "path": file.path, "blake3": file.blake3 })).collect::<Vec<_>>(),
        "build": provenance::build(),
    })
}

/// The judgement as data; the logits stand as a picture on the page.
pub fn validation_json(judged: &Judged) -> serde_json::Value {
    let mut value = json!(judged.judgement);
    if let Some(overfitting) = value.get_mut("overfitting").and_then(serde_json::Value::as_object_mut) {
        overfitting.remove("logits");
    }
    if let Some(winner) = value.get_mut("winner").and_then(serde_json::Value::as_object_mut) {
        let set = judged.judgement.winner.and_then(|winner| judged.sets.get(winner.trial));
        winner.remove("trial");
        winner.insert("set".to_owned(), json!(set));
    }
    value["periods_a_year"] = json!(judged.periods_a_year);
    value
}

/// The judgement in a line or two.
pub fn validation_words(judged: &Judged) -> String {
    let found = &judged.judgement;
    let mut words = Vec::new();
    if let Some(overfitting) = &found.overfitting {
        words.push(format!("overfitted with probability {:.2}", overfitting.probability));
    }
    if let Some(winner) = &found.winner {
        words.push(format!(
            "deflated Sharpe ratio {} of {} sets",
            format::maybe(winner.deflated_sharpe, 3),
            found.trials
        ));
    }
    if let Some(kept) = found.robustness.as_ref().and_then(|surface| surface.kept) {
        words.push(format!("neighbours keep {:.0} % of the best's lead", kept * 100.0));
    }
    if words.is_empty() {
        return format!("search not judged: {}", found.absent.join("; "));
    }
    format!("search over {} periods of one {}: {}", found.periods, found.period, words.join(", "))
}

/// The figures shown for each run, by name.
fn shown(figures: &Figures) -> [(&'static str, Cell); 8] {
    let whole = |count: u64| Cell::count(i64::try_from(count).unwrap_or(i64::MAX));
    [
        ("net", Cell::profit(figures.net_pnl)),
        ("fees", Cell::number(Some(figures.fees), 2)),
        ("net bps", Cell::number(figures.net_bps, 3)),
        ("drawdown", Cell::number(Some(figures.max_drawdown), 2)),
        ("sharpe", Cell::number(figures.sharpe, 2)),
        ("orders", whole(figures.orders)),
        ("fills", whole(figures.fills)),
        ("lots", Cell::count(figures.volume_lots)),
    ]
}

fn head(swept: &Swept<'_>) -> Vec<String> {
    let figures = shown(&Figures::default()).map(|(name, _)| name.to_owned());
    let keys = swept.axes.iter().map(|axis| axis.key.clone());
    ["set".to_owned()].into_iter().chain(keys).chain(figures).collect()
}

fn row(run: &Run<'_>) -> Vec<Cell> {
    let mut cells = vec![Cell::count(i64::try_from(run.0.number).unwrap_or(i64::MAX))];
    cells.extend(run.0.values.iter().map(|value| Cell {
        text: text_of(value),
        number: number_of(value),
        is_bad: false,
    }));
    match &run.1.figures {
        Some(figures) => cells.extend(shown(figures).map(|(_, cell)| cell)),
        None => {
            let error = run.1.error.as_deref().unwrap_or("");
            cells.push(Cell {
                is_bad: true,
                ..Cell::text(&format!("{}: {}", run.1.status.name(), one_line(error)))
            });
        }
    }
    cells
}

/// The last line of an error of several lines says what is wrong.
fn one_line(error: &str) -> &str {
    error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(error).trim()
}

fn for_people(swept: &Swept<'_>, ranked: &[Run<'_>]) -> String {
    let [done, refused, failed] = counts(ranked);
    let (head, mut rows) = (head(swept), Vec::new());
    for run in ranked.iter().filter(|run| run.1.status == Status::Done).take(SHOWN_MAX) {
        rows.push(row(run).into_iter().map(|cell| cell.text).collect());
    }
    let mut text = aligned(&head, &rows);
    if done > SHOWN_MAX {
        text.push_str(&format!("and {} more, all in sweep.parquet\n", done - SHOWN_MAX));
    }
    for run in ranked.iter().filter(|run| run.1.status != Status::Done).take(3) {
        let error = one_line(run.1.error.as_deref().unwrap_or(""));
        let values: Vec<String> = values_of(swept.axes, &run.0.values)
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        text.push_str(&format!("{} {}: {error}\n", run.1.status.name(), values.join(" ")));
    }
    let ran = ranked.len().saturating_sub(swept.resumed);
    text.push_str(&format!(
        "{done} done, {refused} refused, {failed} failed of {} sets, by {}; {ran} ran on {} threads in {:.1} s",
        swept.runs.len(),
        swept.metric.name(),
        swept.cores,
        swept.wall_seconds,
    ));
    text
}

fn page(swept: &Swept<'_>, judged: &Judged, ranked: &[Run<'_>]) -> SweepPage {
    let [done, refused, failed] = counts(ranked);
    let place = |value: &Value| Place { text: text_of(value), number: number_of(value) };
    let point =
        |run: &Run<'_>| Some((run.0.values.iter().map(place).collect::<Vec<_>>(), metric_of(swept, run.1)?));
    let files: Vec<String> = swept.files.iter().map(|file| file.path.display().to_string()).collect();
    let missing = swept.runs.len() - ranked.len();
    let warning = if missing > 0 {
        Some(format!("The sweep was interrupted: {missing} sets did not run."))
    } else {
        let cut = ranked.iter().find_map(|run| run.1.figures.as_ref()?.cut_short.clone());
        cut.map(|why| format!("Runs were cut short: {why}."))
    };
    let hashes: Vec<String> = swept.files.iter().map(|file| format!("blake3:{}", file.blake3)).collect();
    SweepPage {
        title: format!("Sweep {}", swept.path.display()),
        lead: format!(
            "{done} runs done, {refused} refused, {failed} failed · {} · money in {} · best first by {}",
            files.join(", "),
            swept.currency,
            swept.metric.name()
        ),
        warning,
        metric: swept.metric.name().to_owned(),
        is_less_better: swept.metric.is_less_better(),
        keys: swept.axes.iter().map(|axis| axis.key.clone()).collect(),
        points: ranked.iter().filter_map(point).collect(),
        columns: head(swept),
        rows: ranked.iter().map(row).collect(),
        facts: vec![
            ("Build", provenance::build()),
            ("Data", hashes.join(", ")),
            ("Threads", format::count(swept.cores as u64)),
        ],
        judgement: Some((judged.judgement.clone(), judged.periods_a_year)),
        config_text: toml::to_string_pretty(swept.table).unwrap_or_default(),
    }
}
