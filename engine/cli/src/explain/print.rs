//! The words for people: times of day, one line for each thing, long runs of like things folded into one.

use std::fmt::Write;

use tickrace_types::{Price, ResponseKind, TimeInForce, TopOfBook, Verdict};

use super::life::{Answer, Change, Event, Life, Request, type_name, venue_reason_name, verb, verdict_name};
use super::seen::record_name;
use super::survey::{FillRow, Survey};
use crate::input::Session;
use crate::second_pass::kind_name;

/// Changes of the queue shown one by one before the rest of their run is folded.
const SHOWN_SINGLY_MAX: usize = 4;

/// Tells a time as the time of day at the venue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    offset_ns: i64,
}

impl Clock {
    /// Of the venue of these sessions: New York where they have a midnight there, else UTC.
    pub fn of(sessions: &[Session]) -> Self {
        const DAY_NS: i64 = 86_400_000_000_000;
        let midnight_ns = sessions.first().map_or(0, |session| session.midnight_ns);
        Self { offset_ns: -midnight_ns.rem_euclid(DAY_NS) }
    }

    /// `09:30:00.000000123`.
    pub fn tell(&self, ts_ns: i64) -> String {
        const SECOND: i64 = 1_000_000_000;
        let ns = ts_ns.saturating_add(self.offset_ns).rem_euclid(86_400 * SECOND);
        let seconds = ns / SECOND;
        format!("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60, ns % SECOND)
    }
}

/// A span of time with a fitting unit.
pub fn span(ns: i64) -> String {
    let (sign, ns) = (if ns < 0 { "-" } else { "" }, ns.unsigned_abs());
    let value = ns as f64;
    match ns {
        0..1_000 => format!("{sign}{ns} ns"),
        1_000..1_000_000 => format!("{sign}{:.3} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{sign}{:.3} ms", value / 1e6),
        _ => format!("{sign}{:.3} s", value / 1e9),
    }
}

fn top(top: &TopOfBook) -> String {
    if top.stale != 0 {
        return "no book to trust".to_owned();
    }
    let side = |px: i64, qty: u32| if qty > 0 { format!("{} x {qty}", Price(px)) } else { "none".to_owned() };
    format!("bid {} | ask {}", side(top.bid_px, top.bid_qty), side(top.ask_px, top.ask_qty))
}

/// The life of one order.
pub fn life(life: &Life, clock: &Clock, is_all: bool) -> String {
    let mut text = String::new();
    head(&mut text, life, clock);
    let mut run: Vec<Change> = Vec::new();
    for event in &life.events {
        if let Event::Change(change) = event {
            run.push(*change);
            continue;
        }
        changes(&mut text, &std::mem::take(&mut run), clock, is_all);
        match event {
            Event::Rests { ts_ns, place, behind, top: shown } => {
                line(
                    &mut text,
                    clock.tell(*ts_ns),
                    &format!(
                        "rests at {}: {} lots open, {} ahead, {behind} behind; {}",
                        place.price,
                        place.leaves,
                        ahead(place.ahead),
                        top(shown)
                    ),
                );
            }
            Event::Answer(answer) => {
                line(&mut text, clock.tell(answer.response.header.ts_venue_ns), &said(life, answer))
            }
            Event::Request(request) => {
                line(&mut text, clock.tell(request.order.header.ts_recv_ns), &asked(request));
            }
            Event::Change(_) => {}
        }
    }
    changes(&mut text, &run, clock, is_all);
    let filled: i64 = life.fills().map(|fill| fill.response.qty).sum();
    let _ = writeln!(text, "  end: {}, {filled} of {} lots filled", life.end(), life.order.qty);
    let last = life.answers().last();
    if let (Some((place, behind)), Some(last)) = (life.last_place, last) {
        let lived_ns = last.response.header.ts_venue_ns - life.order.header.ts_recv_ns;
        let _ = writeln!(
            text,
            "  last place in the queue before its end: {} lots ahead, {behind} behind; {} from sending to the last answer",
            ahead(place.ahead),
            span(lived_ns)
        );
    }
    text
}

fn ahead(lots: i64) -> String {
    if lots == i64::MAX { "an unknown number of lots".to_owned() } else { lots.to_string() }
}

fn line(text: &mut String, time: String, what: &str) {
    let _ = writeln!(text, "  {time}  {what}");
}

fn head(text: &mut String, life: &Life, clock: &Clock) {
    let order = &life.order;
    if life.asked != life.id {
        let _ = writeln!(text, "order {} is a cancel of order {}, which is told here", life.asked, life.id);
    }
    let what = match order.orig_client_id {
        0 => String::new(),
        before => format!(", replaces order {before}"),
    };
    let _ = writeln!(
        text,
        "order {}: {} {} lots of {} at {}, {}, {}, strategy {}{what}",
        life.id,
        verb(order.side()),
        order.qty,
        life.instrument.symbol,
        Price(order.price),
        type_name(order.order_type),
        TimeInForce::from_code(order.tif).name(),
        order.strategy
    );
    line(text, clock.tell(order.header.ts_recv_ns), "sent");
    let blank = " ".repeat(18);
    match &life.seen.cause {
        Some(cause) => {
            let message = cause.message.map_or(String::new(), |number| format!(", message {number}"));
            line(
                text,
                blank.clone(),
                &format!(
                    "because of record {} ({}{message}), venue time {}, heard {} later",
                    cause.seq,
                    cause.kind,
                    clock.tell(cause.ts_venue_ns),
                    span(cause.ts_recv_ns - cause.ts_venue_ns)
                ),
            );
        }
        None => {
            line(text, blank.clone(), &format!("because of record {}, which is not there", order.cause_seq))
        }
    }
    line(text, blank.clone(), &format!("we saw       {}", top(&life.seen.top)));
    line(text, blank.clone(), &format!("the venue had {}", top(&life.venue_top)));
    let gate = if Verdict(order.verdict).is_passed() {
        "the gate let it pass".to_owned()
    } else {
        format!("the gate refused it: {}", verdict_name(order.verdict))
    };
    line(text, blank, &gate);
}

fn asked(request: &Request) -> String {
    let order = &request.order;
    let place = request.place.map_or("it did not rest then".to_owned(), |place| {
        format!("{} ahead of it then", ahead(place.ahead))
    });
    let what = if order.action().is_cancel() {
        format!("we ask to cancel it (request {})", order.client_id)
    } else {
        format!(
            "we ask to replace it by order {}: {} lots at {}",
            order.client_id,
            order.qty,
            Price(order.price)
        )
    };
    let refused = if Verdict(order.verdict).is_passed() {
        String::new()
    } else {
        format!("; our gate refused that: {}", verdict_name(order.verdict))
    };
    format!("{what}; {place}{refused}")
}

fn said(life: &Life, answer: &Answer) -> String {
    let response = &answer.response;
    let heard = life.heard_ns(response).map_or(String::new(), |heard_ns| {
        format!(", heard {} later", span(heard_ns - response.header.ts_venue_ns))
    });
    let way = |sent_ns: i64| span(response.header.ts_venue_ns - sent_ns);
    let request = || {
        life.events.iter().find_map(|event| match event {
            Event::Request(request) if request.order.client_id == response.client_id => Some(request.order),
            _ => None,
        })
    };
    match response.response() {
        Some(ResponseKind::Accepted) => {
            format!(
                "arrives at the venue {} after it was sent: accepted{heard}",
                way(life.order.header.ts_recv_ns)
            )
        }
        Some(ResponseKind::Replaced) if response.client_id == life.id => {
            format!(
                "arrives at the venue {} after it was sent: takes the place of order {}, {} lots open{heard}",
                way(life.order.header.ts_recv_ns),
                response.orig_client_id,
                response.leaves
            )
        }
        Some(ResponseKind::Replaced) => {
            let way = request().map_or(String::new(), |order| {
                format!(" {} after it was sent", way(order.header.ts_recv_ns))
            });
            format!("the replace arrives{way}: order {} takes its place{heard}", response.client_id)
        }
        Some(ResponseKind::Cancelled) => format!(
            "cancelled, {} lots taken off: {}{heard}",
            response.qty,
            venue_reason_name(response.reason)
        ),
        Some(ResponseKind::Fill) => format!("{}{heard}", fill(life, answer)),
        Some(ResponseKind::Rejected) => format!("rejected: {}{heard}", venue_reason_name(response.reason)),
        Some(ResponseKind::CancelRejected) => {
            let way = request().map_or(String::new(), |order| {
                format!(" {} after it was sent", way(order.header.ts_recv_ns))
            });
            format!(
                "request {} arrives{way} and is refused: {}{heard}",
                response.client_id,
                venue_reason_name(response.reason)
            )
        }
        _ => format!("{}{heard}", kind_name(response)),
    }
}

fn fill(life: &Life, answer: &Answer) -> String {
    let response = &answer.response;
    let cause = if response.taker == 1 {
        "took".to_owned()
    } else {
        format!("{} of message {}", record_name(answer.kind), response.cause_seq)
    };
    let mid = answer
        .mid_doubled
        .map_or(String::new(), |doubled| format!(", mid {:.6}", Price(doubled).to_f64() / 2.0));
    let markout = answer.markout(&life.instrument).map_or(String::new(), |markout| {
        format!(", {markout:+.4} {} after 1 s", life.instrument.profit_currency())
    });
    format!(
        "fill of {} lots at {} ({cause}){mid}{markout}, fee {:.6}, {} lots left",
        response.qty,
        Price(response.price),
        response.fee_nanos as f64 / 1e9,
        response.leaves
    )
}

/// A run of changes of the queue: each on its line where they are few or all are asked for, else the first ones and a
/// summary of the rest.
fn changes(text: &mut String, run: &[Change], clock: &Clock, is_all: bool) {
    let singly = if is_all || run.len() <= SHOWN_SINGLY_MAX { run.len() } else { 0 };
    for change in &run[..singly] {
        line(
            text,
            clock.tell(change.ts_ns),
            &format!(
                "queue {} -> {} ahead: {} (message {}), {} behind",
                ahead(change.from),
                ahead(change.to),
                change.what(),
                change.message,
                change.behind
            ),
        );
    }
    let (Some(first), Some(last)) = (run[singly..].first(), run.last()) else { return };
    let mut kinds: Vec<(&str, usize, i64)> = Vec::new();
    for change in &run[singly..] {
        let lots = change.from.saturating_sub(change.to);
        match kinds.iter_mut().find(|kind| kind.0 == change.what()) {
            Some(kind) => (kind.1, kind.2) = (kind.1 + 1, kind.2.saturating_add(lots)),
            None => kinds.push((change.what(), 1, lots)),
        }
    }
    let kinds: Vec<String> =
        kinds.iter().map(|(what, count, lots)| format!("{count} times {what}, {lots} lots")).collect();
    line(
        text,
        clock.tell(first.ts_ns),
        &format!(
            "queue {} -> {} ahead in {} changes over {} (messages {} to {}): {}; {} behind",
            ahead(first.from),
            ahead(last.to),
            run.len() - singly,
            span(last.ts_ns - first.ts_ns),
            first.message,
            last.message,
            kinds.join("; "),
            last.behind
        ),
    );
}

/// All fills, one a line.
pub fn fills(survey: &Survey, clock: &Clock) -> String {
    let mut text = String::new();
    for fill in &survey.fills {
        row(&mut text, fill, clock);
    }
    let _ = writeln!(text, "{} fills of {} orders", survey.fills.len(), survey.orders());
    text
}

fn row(text: &mut String, fill: &FillRow, clock: &Clock) {
    let mut notes = Vec::new();
    if let Some(markout) = fill.markout_1s {
        notes.push(format!("{markout:+.4} after 1 s"));
    }
    if let Some(waited_ns) = fill.waited_ns {
        notes.push(format!("rested {}", span(waited_ns)));
    }
    if let Some(late_ns) = fill.late_ns {
        notes.push(format!("we had asked to pull it {} before", span(late_ns)));
    }
    let cause = if fill.taker { "took".to_owned() } else { format!("message {}", fill.cause_seq) };
    let _ = writeln!(
        text,
        "  {}  order {:<8} {:<4} {:>8} {} at {} ({cause}; {})",
        clock.tell(fill.ts_ns),
        fill.order,
        fill.side,
        fill.lots,
        fill.symbol,
        Price::from_f64(fill.price).unwrap_or(Price::ZERO),
        notes.join(", ")
    );
}

/// The orders most worth explaining.
pub fn survey(survey: &Survey, clock: &Clock) -> String {
    let mut text = format!("{} orders, {} fills\n", survey.orders(), survey.fills.len());
    let mut section = |title: &str, rows: &[&FillRow]| {
        if !rows.is_empty() {
            let _ = writeln!(text, "{title}");
            rows.iter().for_each(|fill| row(&mut text, fill, clock));
        }
    };
    section("lost most within a second of the fill", &survey.worst());
    section("rested longest before the fill", &survey.longest());
    let (count, late) = survey.late();
    section(&format!("filled while we were asking to cancel or replace ({count})"), &late);
    if !survey.refused.is_empty() {
        text.push_str("refused\n");
        for (reason, refused) in &survey.refused {
            let _ = writeln!(
                text,
                "  {:>8} times {reason}; the first is order {}",
                refused.count, refused.first_order
            );
        }
    }
    text.push_str("tell the life of one with --order ID\n");
    text
}
