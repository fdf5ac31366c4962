//! `replay`: a journal folder run again, and compared.

use std::path::PathBuf;

use serde::Serialize;
use tickrace_analytics::OrderDigest;
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::replay::{self, Difference, Inbound, Replayed};
use tickrace_journal::{Entry, Reader};
use tickrace_runtime::clock::tsc::TscClock;
use tickrace_types::{Action, OrderRecord, Price, Side};

use crate::artefacts::hash_inbound;
use crate::backtest::{Market, market_of};
use crate::provenance::{Head, Seal, journal_of};
use crate::{Failure, Streams, progress};

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tickrace replay out/market_making/journal --verify\n\n\
    Reads the inbound records only and computes everything else again. With --verify it exits with 5 unless every\n\
    order is identical, and the inbound records and the orders are those that were sealed.")]
pub struct Args {
    /// Journal folder, or the run's folder it is in
    journal: PathBuf,
    /// Exit with 5 where anything differs
    #[arg(long)]
    verify: bool,
    /// The tick files, where they moved since; repeatable, in date order
    #[arg(long)]
    file: Vec<PathBuf>,
    /// Override a key of the journaled configuration, path=value; repeatable (what if …)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    journal: String,
    records: u64,
    orders: u64,
    order_digest: String,
    identical: bool,
    differing_orders: u64,
    differing_verdicts: u64,
    first_difference: Option<String>,
    inbound_sealed: Option<bool>,
    orders_sealed: Option<bool>,
    complete: bool,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a journal that cannot be read (3), or a difference under `--verify` (5).
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let journal = journal_of(&args.journal)?;
    let mut head = Head::read(&journal)?;
    for text in &args.set {
        crate::settings::lay_over(&mut head.config, text)?;
    }
    let mut config = head.desk_config()?;
    crate::models::load(&mut config, &head.config_path)?;
    let inbound = Reader::open(&journal, "inbound").map_err(Failure::input)?;
    let outbound = Reader::open(&journal, "outbound").map_err(Failure::input)?;
    for reader in [&inbound, &outbound] {
        if reader.recovery().cut_bytes > 0 {
            streams.warn(&format!("{}: {}", journal.display(), reader.recovery()));
        }
    }
    let sealed = Seal::read(&journal)?;
    let market = open_market(&head, args, streams)?;
    let last = |reader: &Reader| {
        reader.iter().last().map(|entry| match entry {
            Entry::Order(order) => order.cause_seq,
            entry => entry.header().seq,
        })
    };
    let last_seq = last(&inbound).max(last(&outbound)).unwrap_or(0);
    let bar = progress::bar(streams.is_watched, last_seq, "replay");
    let mut digest = OrderDigest::new();
    let records = inbound.iter().filter_map(|entry| match entry {
        Entry::Small(record) => Some(Inbound::Small(record)),
        Entry::Response(response) => Some(Inbound::Response(response)),
        Entry::Order(_) => None,
    });
    let orders = outbound.iter().filter_map(|entry| match entry {
        Entry::Order(order) => Some(*order),
        _ => None,
    });
    let stamps = Stamps::new(TscClock::new());
    let replayed = replay::run(
        &config,
        &head.instruments,
        records,
        market,
        orders,
        last_seq,
        sealed.is_some(),
        &stamps,
        |order: &OrderRecord| digest.push(order),
        |seq| bar.set_position(seq),
    )
    .map_err(Failure::usage)?;
    bar.finish_and_clear();
    let inbound_sealed = match &sealed {
        Some(seal) => Some((seal.inbound_records, seal.inbound_blake3.clone()) == hash_inbound(&journal)?),
        None => None,
    };
    let order_digest = digest.finish();
    let identical =
        replayed.differing == 0 && replayed.differing_verdicts == 0 && replayed.missing_seq.is_none();
    // Of others the comparison order by order tells more.
    let orders_sealed = sealed
        .as_ref()
        .filter(|_| identical)
        .map(|seal| (seal.orders, &seal.order_digest) == (replayed.orders, &order_digest));
    let report = Report {
        journal: journal.display().to_string(),
        records: replayed.records,
        orders: replayed.orders,
        order_digest,
        identical,
        differing_orders: replayed.differing,
        differing_verdicts: replayed.differing_verdicts,
        first_difference: replayed.first.map(|difference| describe(&difference)),
        inbound_sealed,
        orders_sealed,
        complete: sealed.is_some(),
    };
    tell(&report, streams);
    if args.verify { verdict(&report, &replayed) } else { Ok(()) }
}

fn tell(report: &Report, streams: &mut Streams<'_>) {
    if streams.is_json {
        streams.json(report);
        return;
    }
    streams.say(&format!(
        "{}: {} records, {} orders, digest {}",
        report.journal, report.records, report.orders, report.order_digest
    ));
    if !report.complete {
        streams.say("  no seal: the run never came to its end; compared as far as it came");
    }
    if report.inbound_sealed == Some(false) {
        streams.say("  the inbound records are not those that were sealed");
    }
    if report.orders_sealed == Some(false) {
        streams.say("  the orders are not those that were sealed");
    }
    if report.differing_verdicts > 0 {
        streams.say(&format!("  {} verdicts of risk controls differ", report.differing_verdicts));
    }
    match &report.first_difference {
        None => streams.say("  every order is identical"),
        Some(text) => {
            streams.say(&format!("  {} orders differ; the first: {text}", report.differing_orders));
        }
    }
}

fn verdict(report: &Report, replayed: &Replayed) -> Result<(), Failure> {
    if let Some(seq) = replayed.missing_seq {
        return Err(Failure::difference(format!(
            "record {seq} is neither in the journal nor in the tick file"
        )));
    }
    if report.differing_orders > 0 {
        return Err(Failure::difference(format!("{} orders differ", report.differing_orders)));
    }
    if report.differing_verdicts > 0 {
        let count = report.differing_verdicts;
        return Err(Failure::difference(format!(
            "{count} verdicts of risk controls differ, though no order does"
        )));
    }
    if report.inbound_sealed == Some(false) {
        return Err(Failure::difference(
            "an inbound record was altered after the run, though no order changed",
        ));
    }
    if report.orders_sealed == Some(false) {
        return Err(Failure::difference("the orders are not those that were sealed: seal.json was altered"));
    }
    Ok(())
}

fn open_market(head: &Head, args: &Args, streams: &Streams<'_>) -> Result<Option<Market>, Failure> {
    if head.market == "copy" {
        return Ok(None);
    }
    let sessions = head.reopen_sessions(&args.file, streams)?;
    market_of(&head.desk_config()?, &sessions, &head.instruments, View::Desk).map(Some)
}

fn describe(difference: &Difference) -> String {
    let one = |order: &Option<OrderRecord>| match order {
        None => "nothing".to_owned(),
        Some(order) => format!(
            "{} {} {} lots at {} (client {}, cause {}, verdict {})",
            Action::from_code(order.action).name(),
            Side::from_code(order.side).name(),
            order.qty,
            Price(order.price),
            order.client_id,
            order.cause_seq,
            order.verdict
        ),
    };
    format!(
        "order {}: journaled {}, computed {}",
        difference.order_seq,
        one(&difference.journaled),
        one(&difference.computed)
    )
}
