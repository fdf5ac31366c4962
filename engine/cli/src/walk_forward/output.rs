//! What a walk leaves: the table on the terminal, `walk_forward.html`, `summary.json`, and a tear sheet of the stitched sessions.

use serde_json::json;
use tickrace_analytics::report::sortable::Cell;
use tickrace_analytics::report::walk_forward::{StepRow, WalkPage, html};
use tickrace_analytics::tear_sheet::{SheetConfig, SheetInput};
use tickrace_analytics::validation::splits::Gap;
use tickrace_analytics::validation::walk_forward::Step;

use super::{Walked, pooled, values_of};
use crate::columns::aligned;
use crate::report::tear_sheet;
use crate::sweep::output::{validation_json, validation_words};
use crate::sweep::row::Figures;
use crate::sweep::validation::{Judged, Tried, judge_tried};
use crate::{Failure, Streams, provenance};

/// One session of the stitched curve.
struct Session<'a> {
    date: String,
    figures: &'a Figures,
}

/// Writes everything and shows the steps.
///
/// # Errors
///
/// [`Failure`] where a file cannot be written.
pub fn write(walked: &Walked<'_>, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let stitched = stitched(walked);
    let judged = judged(walked);
    let put = |name: &str, text: &str| {
        let path = walked.out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))
    };
    put("walk_forward.html", &html(&page(walked, &judged, &stitched)))?;
    let mut summary = summary(walked, &stitched);
    summary["validation"] = validation_json(&judged);
    put("summary.json", &format!("{summary:#}"))?;
    let input = SheetInput {
        title: format!("Walk-forward {}", walked.path.display()),
        source: "net profit of each test session, by the set chosen before it, over the equity it began with"
            .to_owned(),
        dates: stitched.iter().map(|one| one.date.clone()).collect(),
        returns: stitched.iter().map(|one| one.figures.net_pnl / walked.opening_equity).collect(),
        ..SheetInput::default()
    };
    let config = SheetConfig { trials: 1, seed: walked.seed, ..SheetConfig::default() };
    if walked.opening_equity > 0.0 {
        let (mut out, mut err) = (std::io::sink(), std::io::sink());
        let mut quiet = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
        tear_sheet::write(&input, None, &config, walked.out, &mut quiet)?;
    }
    if streams.is_json {
        streams.json(&summary);
    }
    streams.say(&for_people(walked, &stitched));
    streams.say(&validation_words(&judged));
    streams.say(&format!("report    {}", walked.out.join("walk_forward.html").display()));
    Ok(())
}

/// The search over all sessions, judged as a sweep's.
fn judged(walked: &Walked<'_>) -> Judged {
    let sessions: Vec<usize> = (0..walked.files.len()).collect();
    let tried = |set: usize| {
        let figures = pooled_over(walked, set, &sessions)?;
        let value = pooled::figure(walked.metric, &figures);
        Some(Tried { number: set + 1, values: &walked.sets[set], value, figures })
    };
    let all: Vec<Tried<'_>> = (0..walked.sets.len()).filter_map(tried).collect();
    // Where the periods are quarters of an hour, a session is as many as it has.
    let quarters = walked.figures.iter().flatten().flatten().map(|one| one.blocks.len()).max().unwrap_or(0);
    let is_daily = walked.files.len() >= tickrace_analytics::days::SHARPE_DAYS_MIN;
    let periods = |sessions: usize| if is_daily { sessions } else { sessions * quarters };
    let gap = Gap { purge: periods(walked.config.purge), embargo: periods(walked.config.embargo) };
    judge_tried(walked.axes, &all, gap)
}

/// The test sessions, each by the set chosen for it.
fn stitched<'a>(walked: &'a Walked<'_>) -> Vec<Session<'a>> {
    let of_step = |step: &Step| {
        let set = step.chosen;
        step.test.iter().filter_map(move |session| Some((set?, *session))).collect::<Vec<_>>()
    };
    let chosen = walked.steps.iter().flat_map(of_step);
    chosen
        .filter_map(|(set, session)| {
            let figures = walked.figures[set][session].as_ref()?;
            Some(Session { date: date_of(figures, &walked.files[session]), figures })
        })
        .collect()
}

/// Date of a session, or the name of its file where it has no day.
fn date_of(figures: &Figures, file: &str) -> String {
    figures.days.last().map_or_else(|| file.to_owned(), |day| day.date.clone())
}

fn pooled_over<'a>(walked: &'a Walked<'_>, set: usize, sessions: &[usize]) -> Option<Vec<&'a Figures>> {
    sessions.iter().map(|session| walked.figures[set][*session].as_ref()).collect()
}

fn net_over(walked: &Walked<'_>, set: usize, sessions: &[usize]) -> Option<f64> {
    Some(pooled_over(walked, set, sessions)?.iter().map(|one| one.net_pnl).sum())
}

/// Rank of the chosen set among all in the test, from 1, by the metric.
fn rank(walked: &Walked<'_>, step: &Step) -> Option<(usize, usize)> {
    let (chosen, own) = (step.chosen?, step.outside?);
    let others: Vec<f64> = (0..walked.sets.len())
        .filter(|set| *set != chosen)
        .filter_map(|set| pooled::figure(walked.metric, &pooled_over(walked, set, &step.test)?))
        .collect();
    Some((1 + others.iter().filter(|other| **other > own).count(), others.len() + 1))
}

/// The set that would have been best over all test sessions, known only afterwards, and its profit there.
fn hindsight(walked: &Walked<'_>) -> Option<(usize, f64)> {
    let tests: Vec<usize> = walked.steps.iter().flat_map(|step| step.test.iter().copied()).collect();
    let all = (0..walked.sets.len()).filter_map(|set| {
        let figure = pooled::figure(walked.metric, &pooled_over(walked, set, &tests)?)?;
        Some((set, figure, net_over(walked, set, &tests)?))
    });
    all.reduce(|best, one| if one.1 > best.1 { one } else { best }).map(|one| (one.0, one.2))
}

/// Profit a session outside over profit a session inside, of the chosen sets (Pardo's walk-forward efficiency).
fn efficiency(walked: &Walked<'_>) -> Option<f64> {
    let (mut inside, mut outside) = ((0.0, 0.0), (0.0, 0.0));
    for step in &walked.steps {
        let set = step.chosen?;
        #[allow(clippy::cast_precision_loss, reason = "counts of sessions")]
        let add = |sum: &mut (f64, f64), sessions: &[usize]| {
            sum.0 += net_over(walked, set, sessions).unwrap_or(0.0);
            sum.1 += sessions.len() as f64;
        };
        add(&mut inside, &step.train);
        add(&mut outside, &step.test);
    }
    let (inside, outside) = (inside.0 / inside.1, outside.0 / outside.1);
    (inside > 0.0 && outside.is_finite()).then(|| outside / inside)
}

fn span(walked: &Walked<'_>, sessions: &[usize]) -> String {
    let name = |session: usize| {
        let any = walked.figures.iter().find_map(|set| set[session].as_ref());
        any.map_or_else(|| walked.files[session].clone(), |figures| date_of(figures, &walked.files[session]))
    };
    match (sessions.first(), sessions.last()) {
        (Some(first), Some(last)) if first == last => name(*first),
        (Some(first), Some(last)) => {
            let (first, last) = (name(*first), name(*last));
            // The year is said once.
            let is_same_year = first.len() == 10 && first.get(..5) == last.get(..5);
            format!("{first} to {}", if is_same_year { last.get(5..).unwrap_or(&last) } else { &last })
        }
        _ => String::new(),
    }
}

/// The figure as the metric has it: what was turned is turned back.
fn turned_back(walked: &Walked<'_>, value: Option<f64>) -> Option<f64> {
    value.map(|value| if walked.metric.is_less_better() { -value } else { value })
}

fn rows(walked: &Walked<'_>) -> Vec<StepRow> {
    let row = |step: &Step| {
        let rank = rank(walked, step);
        StepRow {
            train: span(walked, &step.train),
            train_sessions: step.train.len(),
            test: span(walked, &step.test),
            values: match step.chosen {
                Some(set) => walked.sets[set]
                    .iter()
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .collect(),
                None => vec!["–".to_owned(); walked.axes.len()],
            },
            inside: turned_back(walked, step.inside),
            outside: turned_back(walked, step.outside),
            net_pnl: step.chosen.and_then(|set| net_over(walked, set, &step.test)),
            rank: rank.map_or("–".to_owned(), |(rank, of)| format!("{rank} of {of}")),
        }
    };
    walked.steps.iter().map(row).collect()
}

fn curve(of: impl Iterator<Item = (String, f64)>) -> Vec<(String, f64)> {
    let mut sum = 0.0;
    of.map(|(date, net)| {
        sum += net;
        (date, sum)
    })
    .collect()
}

fn page(walked: &Walked<'_>, judged: &Judged, stitched: &[Session<'_>]) -> WalkPage {
    let best = hindsight(walked);
    let tests: Vec<usize> = walked.steps.iter().flat_map(|step| step.test.iter().copied()).collect();
    let of_best = best.map_or(Vec::new(), |(set, _)| {
        curve(tests.iter().filter_map(|session| {
            let figures = walked.figures[set][*session].as_ref()?;
            Some((date_of(figures, &walked.files[*session]), figures.net_pnl))
        }))
    });
    // Within sessions, quarter by quarter, where runs kept them.
    let mut sum = 0.0;
    let fine = stitched
        .iter()
        .flat_map(|one| one.figures.blocks.iter())
        .map(|(block, net)| {
            sum += net;
            (*block, sum)
        })
        .collect();
    let how = if walked.config.is_anchored { "anchored" } else { "rolling" };
    WalkPage {
        title: format!("Walk-forward {}", walked.path.display()),
        lead: format!(
            "{} sessions, {} sets · {how}: {} sessions to choose by {}, {} to apply it to · money in {}",
            walked.files.len(),
            walked.sets.len(),
            walked.config.train,
            walked.metric.name(),
            walked.config.test,
            walked.currency
        ),
        metric: walked.metric.name().to_owned(),
        currency: walked.currency.clone(),
        keys: walked.axes.iter().map(|axis| axis.key.clone()).collect(),
        steps: rows(walked),
        stitched: curve(stitched.iter().map(|one| (one.date.clone(), one.figures.net_pnl))),
        fine,
        hindsight: of_best,
        hindsight_values: best.map_or(String::new(), |(set, _)| words(&values_of(walked, set))),
        efficiency: efficiency(walked),
        max_drawdown: pooled::deepest(&stitched.iter().map(|one| one.figures).collect::<Vec<_>>()),
        judgement: Some((judged.judgement.clone(), judged.periods_a_year)),
        gap: walked.config.purge + walked.config.embargo,
        facts: vec![
            ("Build", provenance::build()),
            ("Sessions", walked.files.join(", ")),
            (
                "Data",
                walked
                    .done
                    .files
                    .iter()
                    .map(|file| format!("blake3:{}", file.blake3))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        ],
        config_text: toml::to_string_pretty(walked.table).unwrap_or_default(),
    }
}

fn words(values: &std::collections::BTreeMap<String, String>) -> String {
    values.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn summary(walked: &Walked<'_>, stitched: &[Session<'_>]) -> serde_json::Value {
    let step = |step: &Step| {
        json!({
            "train": step.train.iter().map(|session| &walked.files[*session]).collect::<Vec<_>>(),
            "test": step.test.iter().map(|session| &walked.files[*session]).collect::<Vec<_>>(),
            "set": step.chosen.map(|set| set + 1),
            "values": step.chosen.map(|set| values_of(walked, set)),
            "inside": turned_back(walked, step.inside),
            "outside": turned_back(walked, step.outside),
            "net_pnl": step.chosen.and_then(|set| net_over(walked, set, &step.test)),
            "rank": rank(walked, step).map(|pair| pair.0),
        })
    };
    let session = |one: &Session<'_>| json!({ "date": one.date, "net_pnl": one.figures.net_pnl, "order_digest": one.figures.order_digest });
    let best = hindsight(walked);
    let net: f64 = stitched.iter().map(|one| one.figures.net_pnl).sum();
    json!({
        "sessions": walked.files,
        "sets": walked.sets.len(),
        "metric": walked.metric.name(),
        "walk": walked.config,
        "account_currency": walked.currency,
        "opening_equity": walked.opening_equity,
        "steps": walked.steps.iter().map(step).collect::<Vec<_>>(),
        "stitched": stitched.iter().map(session).collect::<Vec<_>>(),
        "net_pnl": net,
        "max_drawdown": pooled::deepest(&stitched.iter().map(|one| one.figures).collect::<Vec<_>>()),
        "efficiency": efficiency(walked),
        "hindsight": best.map(|(set, net)| json!({ "set": set + 1, "values": values_of(walked, set), "net_pnl": net })),
        "resumed": walked.done.resumed,
        "cores": walked.done.cores,
        "wall_seconds": walked.done.wall_seconds,
        "data": walked.done.files.iter().map(|file| json!({ "path": file.path, "blake3": file.blake3 })).collect::<Vec<_>>(),
        "build": provenance::build(),
    })
}

fn for_people(walked: &Walked<'_>, stitched: &[Session<'_>]) -> String {
    let head = tickrace_analytics::report::walk_forward::head(
        &walked.axes.iter().map(|axis| axis.key.clone()).collect::<Vec<_>>(),
    );
    let cells = tickrace_analytics::report::walk_forward::cells(&rows(walked));
    let texts: Vec<Vec<String>> =
        cells.iter().map(|row: &Vec<Cell>| row.iter().map(|cell| cell.text.clone()).collect()).collect();
    let net: f64 = stitched.iter().map(|one| one.figures.net_pnl).sum();
    let efficiency = efficiency(walked).map_or("–".to_owned(), |value| format!("{value:.2}"));
    let best = hindsight(walked).map_or(String::new(), |(set, net)| {
        format!("; best afterwards {} with {net:.2}", words(&values_of(walked, set)))
    });
    format!(
        "{}{} test sessions: net {net:.2} {}, efficiency {efficiency}{best}",
        aligned(&head, &texts),
        stitched.len(),
        walked.currency
    )
}
