//! What the desk knew when it sent an order: the record that caused it, and the book as we had heard of it by then.

use serde::Serialize;
use tickrace_book::Books;
use tickrace_desk::log_source::View;
use tickrace_feeds::source::Source;
use tickrace_journal::Entry;
use tickrace_types::{InstrumentId, Kind, OrderRecord, Record, ResponseKind, TopOfBook};

use super::OpenRun;
use crate::Failure;
use crate::backtest::market_of;
use crate::second_pass::kind_name;

/// The record that caused an order.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    /// Its number at the sequencer.
    pub seq: u64,
    /// What it was.
    pub kind: String,
    /// Number of the message in the tick file; absent where it is no market data, or was copied into the journal.
    pub message: Option<u64>,
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// When we heard it.
    pub ts_recv_ns: i64,
}

/// What was known.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Why it was sent; absent where neither journal nor tick file has that record.
    pub cause: Option<Cause>,
    /// The book after the cause, as we had heard it.
    pub top: TopOfBook,
}

/// Reads what came in, up to the cause of `order`.
///
/// # Errors
///
/// [`Failure`] where the market data cannot be opened.
pub fn at(opened: &OpenRun, order: &OrderRecord) -> Result<Seen, Failure> {
    let config = opened.head.desk_config()?;
    let instruments = &opened.head.instruments;
    let mut market = if opened.head.market == "copy" {
        None
    } else {
        Some(market_of(&config, &opened.sessions, instruments, View::Desk)?)
    };
    let mut books = Books::new(instruments.len(), config.run.book_orders_capacity).with_grids(instruments);
    let mut inbound = opened.inbound.iter().peekable();
    let mut cause = None;
    for seq in 1..=order.cause_seq {
        let is_last = seq == order.cause_seq;
        if let Some(entry) = inbound.next_if(|entry| entry.header().seq == seq) {
            if let Entry::Small(record) = entry {
                books.apply(record);
            }
            cause = is_last.then(|| of_journal(&entry));
            continue;
        }
        let mut record = Record::default();
        if !market.as_mut().is_some_and(|market| market.next_into(&mut record)) {
            break;
        }
        books.apply(&record);
        cause = is_last.then(|| of_market(seq, &record));
    }
    let instrument = InstrumentId(order.header.instrument);
    let top = if instrument.index() < books.instruments() { *books.top(instrument) } else { TopOfBook::NONE };
    Ok(Seen { cause, top })
}

fn of_journal(entry: &Entry<'_>) -> Cause {
    let header = entry.header();
    let kind = match entry {
        Entry::Response(response) if response.response() == Some(ResponseKind::GateRefused) => {
            "refusal of our gate".to_owned()
        }
        Entry::Response(response) => {
            format!("answer of the venue: {} of {}", kind_name(response), response.client_id)
        }
        Entry::Small(_) | Entry::Order(_) => record_name(header.kind).to_owned(),
    };
    Cause {
        seq: header.seq,
        kind,
        message: None,
        ts_venue_ns: header.ts_venue_ns,
        ts_recv_ns: header.ts_recv_ns,
    }
}

fn of_market(seq: u64, record: &Record) -> Cause {
    Cause {
        seq,
        kind: record_name(record.header.kind).to_owned(),
        message: (record.header.seq > 0).then_some(record.header.seq),
        ts_venue_ns: record.header.ts_venue_ns,
        ts_recv_ns: record.header.ts_recv_ns,
    }
}

/// What a record is, in a word or two.
pub const fn record_name(kind: u8) -> &'static str {
    match Kind::from_code(kind) {
        Some(Kind::Add) => "add",
        Some(Kind::Execute) => "execution",
        Some(Kind::Cancel) => "reduction",
        Some(Kind::Delete) => "delete",
        Some(Kind::Replace) => "replace",
        Some(Kind::Trade) => "hidden trade",
        Some(Kind::Cross) => "auction",
        Some(Kind::Broken) => "broken trade",
        Some(Kind::Imbalance) => "imbalance",
        Some(Kind::Status) => "status",
        Some(Kind::Symbol) => "symbol",
        Some(Kind::Gap) => "gap",
        Some(Kind::Notice) => "notice",
        Some(Kind::Clear) => "clear",
        Some(Kind::Level) => "level",
        Some(Kind::Quote) => "quote",
        Some(Kind::Print) => "trade",
        Some(Kind::BarShape | Kind::Bar) => "bar",
        Some(Kind::Timer) => "timer",
        Some(Kind::Control) => "control",
        Some(Kind::Target) => "target",
        Some(Kind::Horizon | Kind::Response | Kind::Order | Kind::None) | None => "record",
    }
}
