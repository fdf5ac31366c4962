//! From messages to records: instruments, books and their snapshots, trades. What a rare message says is read in
//! [`super::rare`].

use std::collections::BTreeMap;

use tickrace_types::{Flags, InstrumentId, Record};

use super::head::{self, SYMBOL_BYTES_MAX, Seen};
use super::levels::each_level;
use super::message::{Form, Message, compact, member};
use super::sequence::{Change, Ids, Meeting, Sequence, Step};
use super::{FORMS, rare};
use crate::emit::{ASK, BID, Stamp, Touch, close_event};
use crate::format::{Account, Options, Skips};
use crate::roster::{Fault, Known, Roster, Shape};
use crate::text_lines::{Flow, Line};
use crate::top_diff::TopDiff;
use crate::{notice, number};

use rare::{integer, lots, price, read_time, receive_time};

/// Names of other messages that are counted one by one; the rest is counted together.
const OTHER_NAMES_MAX: usize = 64;

/// What is known of one instrument.
#[derive(Default)]
struct Book {
    sequence: Sequence,
    top: TopDiff,
    has_trades: bool,
    has_depth: bool,
}

/// What is known of a recording.
pub(super) struct State {
    pub account: Account,
    options: Options,
    roster: Roster,
    books: Vec<Book>,
    /// The symbol of messages that name none: the user's, or the only one there is.
    only: Option<String>,
    pub counts: [u64; FORMS.len()],
    pub others: BTreeMap<String, u64>,
    /// Latest venue time received.
    ts_venue_ns_max: i64,
    scratch: Vec<u8>,
    levels: Vec<(i64, u64)>,
}

impl State {
    /// Before the first message, knowing the head.
    pub fn new(seen: Vec<Seen>, options: &Options) -> Self {
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

    /// Appends the records of a line.
    pub fn on_line(&mut self, line: &Line<'_>, batch: &mut Vec<Record>) -> Flow {
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
            Form::Kline => rare::on_kline(message.kline, stamp, lot_nanos, batch),
            Form::MarkPrice => rare::on_mark_price(message, stamp, batch),
            Form::ForceOrder | Form::Other => rare::on_force_order(message.order, stamp, lot_nanos, batch),
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
                let name = std::str::from_utf8(symbol).ok().filter(|name| !name.contains(char::is_control));
                let mut seen = Seen::new(name.ok_or(wrong)?);
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
