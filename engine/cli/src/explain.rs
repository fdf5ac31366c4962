//! `explain`: the life of an order of a finished run, from the request to its end; or which orders are worth asking
//! about.
//!
//! Nothing was recorded for this while the run ran: the venue is run again ([`crate::second_pass`]) and watched.

mod life;
mod print;
mod seen;
mod survey;

use std::path::{Path, PathBuf};

use tickrace_journal::{Entry, Reader};
use tickrace_types::Action;

use crate::input::Session;
use crate::provenance::{Head, journal_of};
use crate::second_pass::{self, Checked, Watcher};
use crate::{Failure, Streams, progress};

pub use life::{Answer, Change, Event, Life, Request};
pub use print::Clock;
pub use seen::{Cause, Seen};
pub use survey::{FillRow, Survey};

/// Time after a fill at which it is judged, nanoseconds.
pub const MARKOUT_NS: i64 = 1_000_000_000;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tickrace explain out/market_making\n  \
    tickrace explain out/market_making --order 4711\n  tickrace explain out/market_making --fills --json\n\n\
    Runs the venue again over the run's market data with the journaled orders. Its answers must be the journaled ones;\n\
    where one differs it exits with 5 and says which.")]
pub struct Args {
    /// Folder of a backtest (its --out), or its journal folder
    run: PathBuf,
    /// Client number of an order: tells its whole life
    #[arg(long, value_name = "ID")]
    order: Option<u64>,
    /// List every fill with its order
    #[arg(long, conflicts_with = "order")]
    fills: bool,
    /// Every change of the queue on a line of its own
    #[arg(long)]
    all: bool,
    /// The tick files, where they moved since; repeatable, in date order
    #[arg(long)]
    file: Vec<PathBuf>,
}

/// A finished run, open for reading.
pub struct OpenRun {
    /// Head of its journal.
    pub head: Head,
    /// Its market data.
    pub sessions: Vec<Session>,
    /// What came in.
    pub inbound: Reader,
    /// What went out.
    pub outbound: Reader,
    /// Journal folder.
    pub journal: PathBuf,
}

impl OpenRun {
    /// Opens the journal of `run`, which is a backtest's folder or the journal folder itself, and the tick files it
    /// refers to.
    ///
    /// # Errors
    ///
    /// [`Failure`] of kind input where a part is missing or damaged, of kind difference where a tick file is another.
    pub fn open(run: &Path, files: &[PathBuf], streams: &mut Streams<'_>) -> Result<Self, Failure> {
        let journal = journal_of(run)?;
        let head = Head::read(&journal)?;
        let inbound = Reader::open(&journal, "inbound").map_err(Failure::input)?;
        let outbound = Reader::open(&journal, "outbound").map_err(Failure::input)?;
        for reader in [&inbound, &outbound] {
            if reader.recovery().cut_bytes > 0 {
                streams.warn(&format!("{}: {}", journal.display(), reader.recovery()));
            }
        }
        let sessions = head.reopen_sessions(files, streams)?;
        Ok(Self { head, sessions, inbound, outbound, journal })
    }

    /// Runs the venue again and lets `watcher` look on.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the journaled configuration is not taken any more.
    pub fn watch(&self, watcher: &mut impl Watcher, streams: &Streams<'_>) -> Result<Checked, Failure> {
        let venue = second_pass::venue_of(&self.head.desk_config()?, &self.sessions, &self.head.instruments)?;
        let bar = progress::bar(streams.is_watched, self.outbound.records(), "explaining");
        let checked = second_pass::run(venue, &self.inbound, &self.outbound, i64::MAX, watcher, &bar);
        bar.finish_and_clear();
        checked
    }
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a journal or tick file that cannot be read (3), an order that is not there (2), an answer that differs (5).
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let opened = OpenRun::open(&args.run, &args.file, streams)?;
    let clock = Clock::of(&opened.sessions);
    let checked = match args.order {
        Some(id) => explain_order(&opened, id, args.all, &clock, streams)?,
        None => {
            let mut survey = Survey::new(&opened.head.instruments);
            let checked = opened.watch(&mut survey, streams)?;
            survey.finish();
            if streams.is_json {
                streams.json(&survey.to_json(args.fills, &checked));
            } else {
                let text =
                    if args.fills { print::fills(&survey, &clock) } else { print::survey(&survey, &clock) };
                streams.say(&text);
            }
            checked
        }
    };
    match checked.difference() {
        Some(text) => {
            Err(Failure::difference(format!("the venue, run again, does not answer as journaled: {text}")))
        }
        None => Ok(()),
    }
}

fn explain_order(
    opened: &OpenRun,
    asked: u64,
    is_all: bool,
    clock: &Clock,
    streams: &mut Streams<'_>,
) -> Result<Checked, Failure> {
    let (id, sent) = find(opened, asked)?;
    let seen = seen::at(opened, &sent)?;
    let mut life = Life::new(&opened.head.instruments, asked, id, sent, seen);
    let checked = opened.watch(&mut life, streams)?;
    life.finish();
    if streams.is_json {
        streams.json(&life.to_json(&checked));
    } else {
        streams.say(&print::life(&life, clock, is_all));
        if checked.first.is_none() {
            streams.say(&format!(
                "the venue, run again, gave the {} journaled answers exactly",
                checked.answers
            ));
        }
    }
    Ok(checked)
}

/// The order that a client number is about (a cancel's number is about the order it cancels), and its request.
fn find(opened: &OpenRun, asked: u64) -> Result<(u64, tickrace_types::OrderRecord), Failure> {
    let find = |id: u64| {
        opened.outbound.iter().find_map(|entry| match entry {
            Entry::Order(order) if order.client_id == id => Some(*order),
            _ => None,
        })
    };
    let missing = |id: u64| {
        let last = opened.outbound.iter().filter_map(|entry| match entry {
            Entry::Order(order) => Some(order.client_id),
            _ => None,
        });
        Failure::usage(format!(
            "--order {id}: no order of that number left in this run; the last is {}",
            last.max().unwrap_or(0)
        ))
    };
    let order = find(asked).ok_or_else(|| missing(asked))?;
    match order.action() {
        Action::New | Action::Replace => Ok((asked, order)),
        Action::Cancel => {
            let about = order.orig_client_id;
            find(about).map(|order| (about, order)).ok_or_else(|| missing(about))
        }
        Action::MassCancel => {
            Err(Failure::usage(format!("--order {asked}: a mass cancel has no life of its own")))
        }
    }
}
