//! Binance market streams as recorded: one JSON message a line behind the recorder's receive time,
//! `1723161255030314667 {"stream":"btcusdt@depth@0ms","data":{…}}`, of spot, USD-M and COIN-M futures, with REST
//! snapshots of the depth between them; bare messages and messages without a receive time are read too.
//!
//! | message | records |
//! | --- | --- |
//! | `depthUpdate` | a `Level` for each level, no lots: gone |
//! | REST depth, `@depthSnapshot` | `Clear` and `Level`s with the flag `SNAPSHOT` |
//! | partial depth (`@depth20`) | as a snapshot the first time, then the `Level`s that differ; nothing where changes are recorded too |
//! | `bookTicker` | `Quote` |
//! | `trade`, `aggTrade` | `Print`; aggregates of trades that are recorded too are `Notice`s; an execution without an order of the market (`X` other than `MARKET`) has the flag `NOT_PRINTABLE` |
//! | `kline` that is closed | `BarShape` and `Bar` |
//! | `markPriceUpdate`, `forceOrder`, others | `Notice`s ([`crate::notice`]) |
//!
//! **Books and snapshots.** A file usually begins with changes and has its first snapshot a little later, some not at
//! all. A book of changes alone is never called complete: before its first change comes a `Gap` record of count 0, so
//! that it is stale, and the changes are given all the same. A snapshot is `Clear`, its levels, and the changes that
//! were received before it but are newer, as one event: that book is complete. Where update numbers are missing a
//! `Gap` tells which, and the book is stale until the next snapshot. Files that continue each other are opened
//! together ([`open_chain`]): numbers are then checked across them. Where only the later one is at hand and the book before
//! it is known by other means, [`Options::is_continued`] leaves the first `Gap` out.
//!
//! The venue's time is the transaction time, else the event time; spot quotes and snapshots have neither and get the
//! latest venue time received before them. A snapshot's is that of the newest change it was brought up to.
//!
//! Source: Binance API documentation, "Websocket Market Streams" of spot, USD-M and COIN-M futures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tickrace_types::{Flags, InstrumentId, Record};

use crate::emit::{ASK, BID, Bar, Stamp, Touch, close_event};
use crate::format::{Account, BATCH_RECORDS, Decoder, Options, Skips};
use crate::roster::{Fault, Known, Roster, Shape};
use crate::text_lines::{Flow, Line, Lines};
use crate::tick_file::FileError;
use crate::top_diff::TopDiff;
use crate::{notice, number};

use head::{SYMBOL_BYTES_MAX, Seen};
use levels::{Decimal, each_level};
use message::{Form, Message, compact, member};
use sequence::{Change, Ids, Meeting, Sequence, Step};

pub(crate) mod head;
pub(crate) mod levels;
mod message;
pub(crate) mod sequence;

/// Names of other messages that are counted one by one; the rest is counted together.
const OTHER_NAMES_MAX: usize = 64;
const FORMS: [(Form, &str); 9] = [
    (Form::Depth, "depthUpdate"),
    (Form::PartialDepth, "partialDepth"),
    (Form::Snapshot, "snapshot"),
    (Form::BookTicker, "bookTicker"),
    (Form::Trade, "trade"),
    (Form::AggTrade, "aggTrade"),
    (Form::Kline, "kline"),
    (Form::MarkPrice, "markPriceUpdate"),
    (Form::ForceOrder, "forceOrder"),
];

/// Recorded Binance streams as records.
pub struct BinanceDecoder {
    lines: Lines,
    state: State,
}

/// Opens a recording.
///
/// # Errors
///
/// [`FileError::Io`] where the file cannot be read, [`FileError::Format`] where its head has no message of the venue.
pub fn open(path: &Path, options: &Options) -> Result<BinanceDecoder, FileError> {
    open_chain(&[path.to_owned()], options)
}

/// Opens recordings that continue each other, as if they were one.
///
/// # Errors
///
/// As [`open`], for the first; a later one that cannot be read ends the decoding there.
pub fn open_chain(paths: &[PathBuf], options: &Options) -> Result<BinanceDecoder, FileError> {
    let first = paths.first().cloned().unwrap_or_default();
    let head = head::look(&first, options.symbol.as_deref())?;
    if head.is_empty() {
        return Err(FileError::Format {
            path: first,
            place: "line 1".to_owned(),
            fault: "no message of a Binance market stream in the head of the file".to_owned(),
        });
    }
    Ok(BinanceDecoder { lines: Lines::open_chain(paths)?, state: State::new(head, options) })
}

/// Whether the head of a file is of this format.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    const LINES: usize = 8;
    let mut scratch = Vec::new();
    let mut lines =
        head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LINES);
    lines.any(|line| {
        let (time, json) = head::split(line.trim_ascii_end());
        if !time.is_empty() && receive_time(time).is_none() {
            return false;
        }
        if json.starts_with(b"{\"lastUpdateId\":") {
            // A snapshot may be longer than the head.
            return true;
        }
        let is_ours = |message: Message<'_>| {
            message.form() != Form::Other && (!message.symbol.is_empty() || message.stream.contains(&b'@'))
        };
        Message::scan(json).is_some_and(is_ours)
            || (compact(json, &mut scratch) && Message::scan(&scratch).is_some_and(is_ours))
    })
}

impl Decoder for BinanceDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let Self { lines, state } = self;
        let start = batch.len();
        lines.drive(|line| match state.on_line(&line, batch) {
            Flow::Go if batch.len() - start >= BATCH_RECORDS => Flow::Pause,
            flow => flow,
        });
        state.account.end = lines.end().clone();
        batch.len() > start
    }

    fn account(&self) -> &Account {
        &self.state.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let named = FORMS.iter().zip(self.state.counts).map(|((_, name), count)| ((*name).to_owned(), count));
        let others = self.state.others.iter().map(|(name, count)| (name.clone(), *count));
        named.filter(|(_, count)| *count > 0).chain(others).collect()
    }

    fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    fn is_of_several_streams(&self) -> bool {
        true
    }
}

/// What is known of one instrument.
#[derive(Default)]
struct Book {
    sequence: Sequence,
    top: TopDiff,
    has_trades: bool,
    has_depth: bool,
}

struct State {
    account: Account,
    options: Options,
    roster: Roster,
    books: Vec<Book>,
    /// The symbol of messages that name none: the user's, or the only one there is.
    only: Option<String>,
    counts: [u64; FORMS.len()],
    others: BTreeMap<String, u64>,
    /// Latest venue time received.
    ts_venue_ns_max: i64,
    scratch: Vec<u8>,
    levels: Vec<(i64, u64)>,
}

impl State {
    fn new(seen: Vec<Seen>, options: &Options) -> Self {
        let mut account = Account::default();
        let head: Vec<(String, Shape)> = seen.iter().map(|seen| (seen.symbol.clone(), seen.shape)).collect();
        let roster = Roster::new(&head, options, &mut account);
        let only = match (&options.symbol, seen.as_slice()) {
            (Some(symbol), _) => Some(symbol.clone()),
            (None, [only]) => Some(only.symbol.clone()),
            _ => None,
        };
        let books = account.instruments.iter().map(|instrument| {
            let seen = seen.iter().find(|seen| seen.symbol == instrument.symbol);
            Book {
                has_trades: seen.is_some_and(|seen| seen.has_trades),
                has_depth: seen.is_some_and(|seen| seen.has_depth),
                ..Book::default()
            }
        });
        Self {
            books: books.collect(),
            account,
            options: options.clone(),
            roster,
            only,
            counts: [0; FORMS.len()],
            others: BTreeMap::new(),
            ts_venue_ns_max: 0,
            scratch: Vec::new(),
            levels: Vec::new(),
        }
    }

    fn on_line(&mut self, line: &Line<'_>, batch: &mut Vec<Record>) -> Flow {
        let (time, json) = head::split(line.bytes);
        if time.is_empty() && json.is_empty() {
            return Flow::Go;
        }
        self.account.messages += 1;
        let start = batch.len();
        if let Some(message) = Message::scan(json) {
            let outcome = self.on_message(time, &message, batch);
            self.settle(outcome, line.number, start, batch);
            return Flow::Go;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let message = if compact(json, &mut scratch) { Message::scan(&scratch) } else { None };
        let outcome = match message {
            Some(message) => self.on_message(time, &message, batch),
            None if !line.is_closed => return Flow::Break("the file ends inside a message".to_owned()),
            None => Err(Fault::new("malformed message", "message", line.bytes)),
        };
        self.settle(outcome, line.number, start, batch);
        self.scratch = scratch;
        Flow::Go
    }

    /// Closes the event of a line, or takes back what it began to say.
    fn settle(&mut self, outcome: Result<(), Fault<'_>>, line: u64, start: usize, batch: &mut Vec<Record>) {
        match outcome {
            Ok(()) => close_event(&mut batch[start..]),
            Err(fault) => {
                batch.truncate(start);
                self.account.skips.count(fault.reason, || fault.describe(&format!("line {line}")));
            }
        }
    }

    fn on_message<'a>(
        &mut self,
        time: &'a [u8],
        message: &Message<'a>,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        let form = message.form();
        self.count(form, message);
        let ts_recv_ns = match time {
            b"" => None,
            _ => Some(receive_time(time).ok_or(Fault::new("bad time", "receive time", time))?),
        };
        let ts_venue_ns = match (message.trade_time, message.event_time) {
            (b"", b"") => None,
            // The time of a mark price's `T` is the next funding's.
            (b"", event) => Some(read_time("E", event)?),
            (_, event) if form == Form::MarkPrice => Some(read_time("E", event)?),
            (trade, _) => Some(read_time("T", trade)?),
        };
        self.ts_venue_ns_max = self.ts_venue_ns_max.max(ts_venue_ns.unwrap_or(i64::MIN));
        let latest = (self.ts_venue_ns_max > 0).then_some(self.ts_venue_ns_max);
        let ts_venue_ns = ts_venue_ns.or(latest).or(ts_recv_ns).unwrap_or(0);
        let ts_recv_ns = ts_recv_ns.unwrap_or(ts_venue_ns);
        let mut stamp =
            Stamp { instrument: InstrumentId::NONE.0, seq: self.account.messages, ts_venue_ns, ts_recv_ns };
        if form == Form::Other {
            batch.push(stamp.notice(notice::OTHER, 0, 0));
            return Ok(());
        }
        let Some((id, lot_nanos)) = self.instrument(message, form)? else {
            self.account
                .skips
                .count(Skips::FILTERED, || String::from_utf8_lossy(message.symbol).into_owned());
            return Ok(());
        };
        stamp.instrument = id;
        match form {
            Form::Depth => self.on_depth(message, stamp, lot_nanos, batch),
            Form::Snapshot => self.on_snapshot(message, stamp, lot_nanos, batch),
            Form::PartialDepth => self.on_partial_depth(message, stamp, lot_nanos, batch),
            Form::BookTicker => {
                let bid = Touch { price: price(message.bids)?, lots: lots(message.bid_qty, lot_nanos)? };
                let ask = Touch { price: price(message.asks)?, lots: lots(message.ask_qty, lot_nanos)? };
                batch.push(stamp.quote(bid, ask));
                Ok(())
            }
            Form::Trade | Form::AggTrade => self.on_trade(message, form, stamp, lot_nanos, batch),
            Form::Kline => on_kline(message.kline, stamp, lot_nanos, batch),
            Form::MarkPrice => on_mark_price(message, stamp, batch),
            Form::ForceOrder | Form::Other => on_force_order(message.order, stamp, lot_nanos, batch),
        }
    }

    fn count(&mut self, form: Form, message: &Message<'_>) {
        if let Some(place) = FORMS.iter().position(|(named, _)| *named == form) {
            self.counts[place] += 1;
            return;
        }
        let name = String::from_utf8_lossy(if message.event.is_empty() { b"reply" } else { message.event });
        let is_room = self.others.len() < OTHER_NAMES_MAX || self.others.contains_key(name.as_ref());
        *self.others.entry(if is_room { name.into_owned() } else { "other".to_owned() }).or_default() += 1;
    }

    /// Id and lot of the instrument a message is about; none where nobody asked for it.
    fn instrument<'a>(&mut self, message: &Message<'a>, form: Form) -> Result<Option<(u32, i64)>, Fault<'a>> {
        let mut name = [0; SYMBOL_BYTES_MAX];
        let order = if form == Form::ForceOrder { member(message.order, b"s") } else { None };
        let named = order.or_else(|| head::symbol_of(message, &mut name));
        let Some(symbol) = named.or(self.only.as_ref().map(String::as_bytes)) else {
            return Err(Fault::new("no symbol", "symbol", b""));
        };
        let known = match self.roster.find(symbol) {
            Known::No => {
                let wrong = Fault::new("bad symbol", "s", message.symbol);
                let mut seen = Seen::new(std::str::from_utf8(symbol).map_err(|_| wrong)?);
                seen.show(message);
                let known = self.roster.admit(&seen.symbol, &seen.shape, &self.options, &mut self.account);
                self.books.resize_with(self.account.instruments.len(), Book::default);
                known
            }
            known => known,
        };
        match known {
            Known::Yes(id, lot_nanos) => Ok(Some((id, lot_nanos))),
            Known::Filtered => Ok(None),
            Known::No | Known::Full => Err(Fault::new("too many symbols", "s", message.symbol)),
        }
    }

    /// Appends both sides of a message as levels. A level whose lots are not whole is skipped and counted by itself.
    fn append_levels<'a>(
        &mut self,
        message: &Message<'a>,
        stamp: Stamp,
        lot_nanos: i64,
        flags: u8,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        for (side, field, array) in [(BID, "b", message.bids), (ASK, "a", message.asks)] {
            let skips = &mut self.account.skips;
            each_level(array, |price, qty| match number::lots(qty.nanos, lot_nanos) {
                Some(lots) => batch.push(stamp.level(side, price.nanos, lots, flags)),
                None => skips.count("bad quantity", || {
                    format!(
                        "message {}: field {field}: {} nano-units are no whole lots of {lot_nanos}",
                        stamp.seq, qty.nanos
                    )
                }),
            })
            .ok_or(Fault::new("bad levels", field, array))?;
        }
        Ok(())
    }

    fn on_depth<'a>(
        &mut self,
        message: &Message<'a>,
        stamp: Stamp,
        lot_nanos: i64,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        let start = batch.len();
        let last = integer("u", message.last_id)?;
        let first = integer("U", message.first_id)?;
        let before = match message.previous_id {
            b"" => first.saturating_sub(1),
            previous => integer("pu", previous)?,
        };
        self.append_levels(message, stamp, lot_nanos, 0, batch)?;
        let Some(book) = self.books.get_mut(stamp.instrument as usize) else { return Ok(()) };
        let changes = batch[start..].iter().map(|record| {
            let level = record.as_market();
            Change { side: level.side, price: level.price, lots: level.order_ref }
        });
        match book.sequence.on_update(Ids { before, last }, stamp.ts_venue_ns, changes) {
            Step::Next => {}
            Step::First if self.options.is_continued => {}
            Step::First => batch.insert(start, stamp.gap(0, 0)),
            Step::Lost { first, count } => {
                self.account.gaps.push((first, count));
                batch.insert(start, stamp.gap(first, count));
            }
            Step::Old => batch.truncate(start),
        }
        if batch.len() == start {
            batch.push(stamp.notice(notice::DEPTH_UNCHANGED, 0, last));
        }
        Ok(())
    }

    fn on_snapshot<'a>(
        &mut self,
        message: &Message<'a>,
        mut stamp: Stamp,
        lot_nanos: i64,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        let start = batch.len();
        let id = integer("lastUpdateId", message.snapshot_id)?;
        batch.push(stamp.clear());
        self.append_levels(message, stamp, lot_nanos, Flags::SNAPSHOT, batch)?;
        let Some(book) = self.books.get_mut(stamp.instrument as usize) else { return Ok(()) };
        match book.sequence.on_snapshot(id) {
            Meeting::Unneeded => {
                batch.truncate(start);
                batch.push(stamp.notice(notice::SNAPSHOT_UNUSED, 0, id));
            }
            Meeting::TooOld => {
                return Err(Fault::new(
                    "snapshot older than the updates",
                    "lastUpdateId",
                    message.snapshot_id,
                ));
            }
            Meeting::Use { again, ts_venue_ns } => {
                // With the changes it was brought up to, it is the book of their time.
                stamp.ts_venue_ns = stamp.ts_venue_ns.max(ts_venue_ns.unwrap_or(i64::MIN));
                batch[start..].iter_mut().for_each(|record| record.header.ts_venue_ns = stamp.ts_venue_ns);
                let again = again.iter();
                batch.extend(again.map(|c| stamp.level(c.side, c.price, c.lots, Flags::SNAPSHOT)));
            }
        }
        Ok(())
    }

    fn on_partial_depth<'a>(
        &mut self,
        message: &Message<'a>,
        stamp: Stamp,
        lot_nanos: i64,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        let start = batch.len();
        let Some(book) = self.books.get_mut(stamp.instrument as usize) else { return Ok(()) };
        if book.has_depth {
            batch.push(stamp.notice(notice::DEPTH_UNCHANGED, 0, 0));
            return Ok(());
        }
        let mut sides = [Vec::new(), std::mem::take(&mut self.levels)];
        for (levels, (field, array)) in sides.iter_mut().zip([("bids", message.bids), ("asks", message.asks)])
        {
            let mut is_whole = true;
            let read = each_level(array, |price, qty| match number::lots(qty.nanos, lot_nanos) {
                Some(lots) => levels.push((price.nanos, lots)),
                None => is_whole = false,
            });
            read.ok_or(Fault::new("bad levels", field, array))?;
            if !is_whole {
                return Err(Fault::new("bad quantity", field, array));
            }
        }
        let flags = if book.top.is_begun { 0 } else { Flags::SNAPSHOT };
        if !book.top.is_begun {
            batch.push(stamp.clear());
            book.top.is_begun = true;
        }
        for (side, levels) in [BID, ASK].into_iter().zip(&mut sides) {
            book.top.change(side, levels, |price, lots| batch.push(stamp.level(side, price, lots, flags)));
        }
        let [_, levels] = sides;
        self.levels = levels;
        if batch.len() == start {
            batch.push(stamp.notice(notice::DEPTH_UNCHANGED, 0, 0));
        }
        Ok(())
    }

    fn on_trade<'a>(
        &mut self,
        message: &Message<'a>,
        form: Form,
        stamp: Stamp,
        lot_nanos: i64,
        batch: &mut Vec<Record>,
    ) -> Result<(), Fault<'a>> {
        let side = match message.is_buyer_maker {
            b"true" => ASK,
            b"false" => BID,
            other => return Err(Fault::new("bad side", "m", other)),
        };
        let (price, lots) = (price(message.price)?, lots(message.qty, lot_nanos)?);
        // The venue states some internal transfers as trades of nothing.
        if price <= 0 || lots == 0 {
            return Err(Fault::new("empty trade", "q", message.qty));
        }
        let book = self.books.get_mut(stamp.instrument as usize);
        if form == Form::AggTrade {
            let number = integer("a", message.asks)?;
            batch.push(match book {
                Some(book) if book.has_trades => {
                    stamp.notice_of_trade(notice::AGGREGATE, side, price, lots, number)
                }
                _ => stamp.print(side, price, lots, number, 0),
            });
            return Ok(());
        }
        if let Some(book) = book {
            book.has_trades = true;
        }
        let flags = if matches!(message.execution_type, b"" | b"MARKET") { 0 } else { Flags::NOT_PRINTABLE };
        batch.push(stamp.print(side, price, lots, integer("t", message.trade_id)?, flags));
        Ok(())
    }
}

fn on_kline<'a>(
    kline: &'a [u8],
    mut stamp: Stamp,
    lot_nanos: i64,
    batch: &mut Vec<Record>,
) -> Result<(), Fault<'a>> {
    let text = |key: &[u8]| member(kline, key).unwrap_or(b"");
    if text(b"x") != b"true" {
        batch.push(stamp.notice(notice::OTHER, 0, 0));
        return Ok(());
    }
    let end_ms = integer("T", text(b"T"))?;
    // The last millisecond of the bar is still of it.
    stamp.ts_venue_ns =
        number::epoch_ns(end_ms.saturating_add(1)).ok_or(Fault::new("bad time", "T", text(b"T")))?;
    let (lots, value) = (lots(text(b"v"), lot_nanos)?, Decimal::read(text(b"q")));
    let bar = Bar {
        prices: [price(text(b"o"))?, price(text(b"h"))?, price(text(b"l"))?, price(text(b"c"))?],
        ts_open_ns: read_time("t", text(b"t"))?,
        lots,
        trades: integer("n", text(b"n"))?,
        vwap: match (value, Decimal::read(text(b"v"))) {
            (Some(value), Some(qty)) => average_price(value.nanos.into(), qty.nanos),
            _ => 0,
        },
    };
    batch.extend(stamp.bar(&bar));
    Ok(())
}

/// Value over quantity, both in nano-units, rounded to the nearest; 0 where nothing was traded.
pub(crate) fn average_price(value_nanos: i128, qty_nanos: i64) -> i64 {
    if qty_nanos <= 0 {
        return 0;
    }
    let qty_nanos = i128::from(qty_nanos);
    let scaled = value_nanos.saturating_mul(1_000_000_000).saturating_add(qty_nanos / 2);
    i64::try_from(scaled.div_euclid(qty_nanos)).unwrap_or(0)
}

fn on_mark_price<'a>(message: &Message<'a>, stamp: Stamp, batch: &mut Vec<Record>) -> Result<(), Fault<'a>> {
    batch.push(stamp.notice(notice::MARK, price(message.price)?, 0));
    if !message.index_price.is_empty() {
        batch.push(stamp.notice(notice::INDEX, price(message.index_price)?, 0));
    }
    // Futures with an expiry have no funding: the rate is an empty string there.
    if !message.rate.is_empty() {
        let rate = Decimal::read(message.rate).ok_or(Fault::new("bad number", "r", message.rate))?;
        let next_ns = match message.trade_time {
            b"" | b"0" => 0,
            text => read_time("T", text)?,
        };
        batch.push(stamp.notice(notice::FUNDING, rate.nanos, next_ns.unsigned_abs()));
    }
    Ok(())
}

fn on_force_order<'a>(
    order: &'a [u8],
    stamp: Stamp,
    lot_nanos: i64,
    batch: &mut Vec<Record>,
) -> Result<(), Fault<'a>> {
    let text = |key: &[u8]| member(order, key).unwrap_or(b"");
    let side = match text(b"S") {
        b"BUY" => BID,
        b"SELL" => ASK,
        other => return Err(Fault::new("bad side", "S", other)),
    };
    let (price, lots) = (price(text(b"p"))?, lots(text(b"q"), lot_nanos)?);
    batch.push(stamp.notice_of_trade(notice::LIQUIDATION, side, price, lots, 0));
    Ok(())
}

/// The recorder's time: nanoseconds, or another unit of the epoch, or seconds with decimals.
fn receive_time(text: &[u8]) -> Option<i64> {
    match number::integer(text) {
        Some(value) => number::epoch_ns(value),
        None => number::nanos(text).filter(|ns| *ns > 0),
    }
}

fn read_time<'a>(field: &'static str, text: &'a [u8]) -> Result<i64, Fault<'a>> {
    number::integer(text).and_then(number::epoch_ns).ok_or(Fault::new("bad time", field, text))
}

fn integer<'a>(field: &'static str, text: &'a [u8]) -> Result<u64, Fault<'a>> {
    number::integer(text).ok_or(Fault::new("bad number", field, text))
}

fn price(text: &[u8]) -> Result<i64, Fault<'_>> {
    Decimal::read(text).map(|price| price.nanos).ok_or(Fault::new("bad price", "price", text))
}

fn lots(text: &[u8], lot_nanos: i64) -> Result<u64, Fault<'_>> {
    let qty = Decimal::read(text).and_then(|qty| number::lots(qty.nanos, lot_nanos));
    qty.ok_or(Fault::new("bad quantity", "quantity", text))
}

#[cfg(test)]
mod tests;
