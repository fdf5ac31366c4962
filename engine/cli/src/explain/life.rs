//! One order under watch: everything that happened to it, in the order in which it happened.

use serde_json::{Value, json};
use tickrace_desk::rerun::Step;
use tickrace_exchange::QueuePosition;
use tickrace_risk::Reason;
use tickrace_types::event::venue_reason;
use tickrace_types::{
    Action, Contract, Instrument, InstrumentId, InstrumentTable, Kind, OrderRecord, OrderType, Price, Record,
    ResponseKind, ResponseRecord, Side, TimeInForce, TopOfBook, Verdict,
};

use super::MARKOUT_NS;
use super::seen::{Seen, record_name};
use crate::Failure;
use crate::second_pass::{Checked, Moment, Watcher, kind_name};

/// A change of the place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Venue time.
    pub ts_ns: i64,
    /// Number of the market message that caused it; 0 where an order of ours did.
    pub message: u64,
    /// Its kind.
    pub kind: u8,
    /// Lots ahead before.
    pub from: i64,
    /// Lots ahead after.
    pub to: i64,
    /// Lots behind after.
    pub behind: i64,
}

impl Change {
    /// In words: what of the queue went, or came.
    pub fn what(&self) -> &'static str {
        match Kind::from_code(self.kind) {
            Some(Kind::Execute) => "executed ahead",
            Some(Kind::Cancel | Kind::Delete | Kind::Replace) => "cancelled ahead",
            Some(Kind::Print | Kind::Trade) => "traded ahead",
            Some(Kind::Level | Kind::Quote) => "level restated",
            Some(Kind::Clear) => "book cleared",
            Some(Kind::Add) => "snapshot",
            _ => "other",
        }
    }
}

/// An answer about the order.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// As the venue gave it.
    pub response: ResponseRecord,
    /// Message that happened when it came; 0 where an order of ours arrived.
    pub message: u64,
    /// Its kind.
    pub kind: u8,
    /// Mid before it, twice nano-units; absent where the book was not firm.
    pub mid_doubled: Option<i64>,
    /// The same a second later; only of fills.
    pub mid_after_doubled: Option<i64>,
}

impl Answer {
    /// What a fill was worth a second later, money of the currency it settles in; absent without a mid.
    pub fn markout(&self, instrument: &Instrument) -> Option<f64> {
        let mid = Price(self.mid_after_doubled?.div_euclid(2));
        let signed = self.response.side().sign() * self.response.qty;
        let value = |price| Contract::of(instrument).value(price, signed);
        Some((value(mid) - value(Price(self.response.price))).to_f64())
    }
}

/// A later request about the order: a cancel or a replace.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// As it left.
    pub order: OrderRecord,
    /// Place of the order then; absent where it did not rest.
    pub place: Option<QueuePosition>,
}

/// Something in an order's life.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// It came to rest: its place, and the lots behind it.
    Rests {
        /// Venue time.
        ts_ns: i64,
        /// Place.
        place: QueuePosition,
        /// Lots behind.
        behind: i64,
        /// Top of the book then.
        top: TopOfBook,
    },
    /// Its place changed.
    Change(Change),
    /// The venue said something.
    Answer(Answer),
    /// We asked for something else.
    Request(Request),
}

/// One order of one run.
pub struct Life {
    /// Number that was asked about.
    pub asked: u64,
    /// The order's number.
    pub id: u64,
    /// The request that made it.
    pub order: OrderRecord,
    /// What was known when it was sent.
    pub seen: Seen,
    /// The venue's top of book when it was sent.
    pub venue_top: TopOfBook,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// When each answer was heard, by kind of it, in order.
    pub heard: Vec<ResponseRecord>,
    /// Its instrument.
    pub instrument: Instrument,
    /// Lots that came to stand behind it and its place at the end.
    pub last_place: Option<(QueuePosition, i64)>,
    is_sent: bool,
    place: Option<QueuePosition>,
    top: TopOfBook,
    /// Answers whose second is not over: time it is, and place in `events`.
    pending: Vec<(i64, usize)>,
}

impl Life {
    /// Before the first record.
    ///
    /// - `asked`: the number the user gave; `id`: the order it is about.
    pub fn new(instruments: &InstrumentTable, asked: u64, id: u64, order: OrderRecord, seen: Seen) -> Self {
        let place = InstrumentId(order.header.instrument).index();
        let instrument =
            instruments.as_slice().get(place).cloned().unwrap_or_else(|| Instrument::us_equity("?"));
        Self {
            asked,
            id,
            order,
            seen,
            venue_top: TopOfBook::NONE,
            events: Vec::new(),
            heard: Vec::new(),
            instrument,
            last_place: None,
            is_sent: false,
            place: None,
            top: TopOfBook::NONE,
            pending: Vec::new(),
        }
    }

    /// After the last record.
    pub fn finish(&mut self) {
        self.pending.clear();
    }

    /// Fills of it.
    pub fn fills(&self) -> impl Iterator<Item = &Answer> {
        self.answers().filter(|answer| answer.response.response() == Some(ResponseKind::Fill))
    }

    /// Answers about it.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.events.iter().filter_map(|event| match event {
            Event::Answer(answer) => Some(answer),
            _ => None,
        })
    }

    /// When an answer was heard, nanoseconds since the Unix epoch; absent where the journal does not hold it.
    pub fn heard_ns(&self, answer: &ResponseRecord) -> Option<i64> {
        let same = |heard: &&ResponseRecord| {
            heard.response == answer.response
                && heard.header.ts_venue_ns == answer.header.ts_venue_ns
                && heard.client_id == answer.client_id
                && heard.exec_id == answer.exec_id
        };
        self.heard.iter().find(same).map(|heard| heard.header.ts_recv_ns)
    }

    /// How it ended, in a phrase.
    pub fn end(&self) -> String {
        if !Verdict(self.order.verdict).is_passed() {
            return format!("refused by our gate: {}", verdict_name(self.order.verdict));
        }
        let last =
            self.answers().filter(|answer| answer.response.response() != Some(ResponseKind::CancelRejected));
        let Some(last) = last.last() else {
            return "no answer: still on its way when the run ended".to_owned();
        };
        let response = &last.response;
        match response.response() {
            Some(ResponseKind::Fill) if response.leaves == 0 => "filled".to_owned(),
            Some(ResponseKind::Cancelled) if response.leaves == 0 => {
                format!("cancelled: {}", venue_reason_name(response.reason))
            }
            Some(ResponseKind::Rejected) => {
                format!("rejected by the venue: {}", venue_reason_name(response.reason))
            }
            Some(ResponseKind::Replaced) if response.client_id != self.id => {
                format!("replaced by order {}", response.client_id)
            }
            _ => "still working when the run ended".to_owned(),
        }
    }

    fn settle(&mut self, now_ns: i64) {
        let (events, mid) = (&mut self.events, self.top.mid_doubled());
        self.pending.retain(|(due_ns, place)| {
            let is_due = *due_ns < now_ns;
            if is_due && let Some(Event::Answer(answer)) = events.get_mut(*place) {
                answer.mid_after_doubled = mid;
            }
            !is_due
        });
    }

    fn on_answer(&mut self, answer: &ResponseRecord, moment: &Moment<'_>) {
        let is_of_market = matches!(moment.step, Step::Market { .. });
        let header = &moment.record.header;
        if answer.response() == Some(ResponseKind::Fill) {
            self.pending.push((moment.ts_ns.saturating_add(MARKOUT_NS), self.events.len()));
        }
        self.events.push(Event::Answer(Answer {
            response: *answer,
            message: if is_of_market { header.seq } else { 0 },
            kind: if is_of_market { header.kind } else { 0 },
            mid_doubled: self.top.mid_doubled(),
            mid_after_doubled: None,
        }));
    }

    fn on_place(&mut self, moment: &Moment<'_>) {
        let place = moment.venue.queue_position(self.id);
        let behind = |place: &QueuePosition| {
            moment.venue.lots_behind(InstrumentId(self.order.header.instrument), place)
        };
        match (self.place, place) {
            (None, Some(now)) => {
                let (behind, top) = (behind(&now), self.top);
                self.events.push(Event::Rests { ts_ns: moment.ts_ns, place: now, behind, top });
            }
            (Some(before), Some(now)) if before.ahead != now.ahead => {
                let is_of_market = matches!(moment.step, Step::Market { .. });
                let Record { header, .. } = moment.record;
                self.events.push(Event::Change(Change {
                    ts_ns: moment.ts_ns,
                    message: if is_of_market { header.seq } else { 0 },
                    kind: if is_of_market { header.kind } else { Kind::Order as u8 },
                    from: before.ahead,
                    to: now.ahead,
                    behind: behind(&now),
                }));
            }
            _ => {}
        }
        if let Some(now) = place {
            self.last_place = Some((now, behind(&now)));
        }
        self.place = place;
    }

    fn is_about(&self, response: &ResponseRecord) -> bool {
        response.client_id == self.id || response.orig_client_id == self.id && self.id != 0
    }
}

impl Watcher for Life {
    fn on_moment(&mut self, moment: &Moment<'_>) -> Result<(), Failure> {
        if !self.is_sent {
            // Before it was sent only the book matters.
            self.top = top_of(moment, &self.order);
            return Ok(());
        }
        self.settle(moment.ts_ns);
        for answer in
            moment.answers.iter().filter(|answer| self.is_about(answer)).copied().collect::<Vec<_>>()
        {
            self.on_answer(&answer, moment);
        }
        let top = top_of(moment, &self.order);
        if self.place.is_none() {
            self.top = top;
        }
        self.on_place(moment);
        self.top = top;
        Ok(())
    }

    fn on_order(&mut self, order: &OrderRecord) -> Result<(), Failure> {
        if order.client_id == self.id {
            (self.is_sent, self.venue_top) = (true, self.top);
        }
        let is_mass = order.action() == Action::MassCancel
            && self.place.is_some()
            && order.strategy == self.order.strategy
            && (order.header.instrument == self.order.header.instrument
                || order.header.instrument == u32::MAX);
        if order.orig_client_id == self.id && order.client_id != self.id || is_mass {
            self.events.push(Event::Request(Request { order: *order, place: self.place }));
        }
        Ok(())
    }

    fn on_response(&mut self, response: &ResponseRecord) -> Result<(), Failure> {
        if self.is_about(response) {
            self.heard.push(*response);
        }
        Ok(())
    }
}

fn top_of(moment: &Moment<'_>, order: &OrderRecord) -> TopOfBook {
    let instrument = InstrumentId(order.header.instrument);
    let books = moment.venue.books();
    if instrument.index() < books.instruments() { *books.top(instrument) } else { TopOfBook::NONE }
}

/// Name of our gate's verdict.
pub fn verdict_name(verdict: u8) -> String {
    let named = Reason::ALL.iter().find(|reason| **reason as u8 == verdict);
    named.map_or_else(|| format!("reason {verdict}"), |reason| reason.name().replace('_', " "))
}

/// Name of a venue's reason.
pub fn venue_reason_name(reason: u8) -> &'static str {
    match reason {
        venue_reason::NONE => "no reason given",
        venue_reason::USER => "we asked",
        venue_reason::IOC => "rest of an immediate-or-cancel order",
        venue_reason::POST_ONLY => "post-only, and it would have taken",
        venue_reason::UNKNOWN_ORDER => "no such order, or already done",
        venue_reason::NOT_TRADING => "the instrument is not trading",
        venue_reason::INVALID => "price or quantity off the grid or bounds",
        venue_reason::DUPLICATE_ID => "number used before",
        venue_reason::END_OF_SESSION => "end of the session",
        venue_reason::CAPACITY => "too many open orders",
        venue_reason::SELF_TRADE => "would have traded with an order of our own",
        venue_reason::FOK => "fill-or-kill that could not trade whole",
        venue_reason::EXPIRED => "its time was over",
        venue_reason::AUCTION => "left over by the auction",
        venue_reason::MASS_CANCEL => "we asked for all",
        venue_reason::NO_REFERENCE => "nothing to peg to",
        _ => "unknown reason",
    }
}

/// Name of an order's type.
pub const fn type_name(code: u8) -> &'static str {
    match OrderType::from_code(code) {
        OrderType::Limit => "limit",
        OrderType::PostOnly => "post-only",
        OrderType::Market => "market",
        OrderType::Stop => "stop",
        OrderType::StopLimit => "stop-limit",
        OrderType::TrailingStop => "trailing stop",
        OrderType::Pegged => "pegged",
    }
}

fn price(nanos: i64) -> f64 {
    Price(nanos).to_f64()
}

fn top_json(top: &TopOfBook) -> Value {
    let side =
        |px: i64, qty: u32| if qty > 0 { json!({ "price": price(px), "lots": qty }) } else { Value::Null };
    json!({
        "bid": side(top.bid_px, top.bid_qty),
        "ask": side(top.ask_px, top.ask_qty),
        "ts_venue_ns": top.ts_venue_ns,
        "phase": top.phase().name(),
        "stale": top.stale != 0,
    })
}

fn place_json(place: &QueuePosition, behind: i64) -> Value {
    json!({ "price": price(place.price.0), "leaves": place.leaves, "ahead": place.ahead, "behind": behind })
}

impl Life {
    /// All of it as one object.
    pub fn to_json(&self, checked: &Checked) -> Value {
        let order = &self.order;
        json!({
            "order": self.id,
            "asked": self.asked,
            "symbol": self.instrument.symbol,
            "request": {
                "action": order.action().name(),
                "replaces": (order.orig_client_id != 0).then_some(order.orig_client_id),
                "side": order.side().name(),
                "price": price(order.price),
                "lots": order.qty,
                "type": type_name(order.order_type),
                "tif": TimeInForce::from_code(order.tif).name(),
                "strategy": order.strategy,
                "level": (order.level != u8::MAX).then_some(order.level),
                "ts_sent_ns": order.header.ts_recv_ns,
                "order_seq": order.header.seq,
            },
            "seen": {
                "cause_seq": order.cause_seq,
                "cause": self.seen.cause,
                "top": top_json(&self.seen.top),
                "venue_top": top_json(&self.venue_top),
            },
            "gate": {
                "passed": Verdict(order.verdict).is_passed(),
                "verdict": order.verdict,
                "reason": (!Verdict(order.verdict).is_passed()).then(|| verdict_name(order.verdict)),
            },
            "events": self.events.iter().map(|event| self.event_json(event)).collect::<Vec<_>>(),
            "filled_lots": self.fills().map(|fill| fill.response.qty).sum::<i64>(),
            "end": self.end(),
            "answers_identical": checked.answers,
            "first_difference": checked.difference(),
        })
    }

    fn event_json(&self, event: &Event) -> Value {
        match event {
            Event::Rests { ts_ns, place, behind, top } => json!({
                "event": "rests", "ts_ns": ts_ns, "place": place_json(place, *behind), "top": top_json(top),
            }),
            Event::Change(change) => json!({
                "event": "queue", "ts_ns": change.ts_ns, "message": change.message, "what": change.what(),
                "record": record_name(change.kind), "ahead_before": change.from, "ahead": change.to,
                "behind": change.behind,
            }),
            Event::Answer(answer) => self.answer_json(answer),
            Event::Request(request) => json!({
                "event": "request", "action": request.order.action().name(), "order": request.order.client_id,
                "ts_sent_ns": request.order.header.ts_recv_ns, "passed": Verdict(request.order.verdict).is_passed(),
                "price": price(request.order.price), "lots": request.order.qty,
                "ahead": request.place.map(|place| place.ahead),
            }),
        }
    }

    fn answer_json(&self, answer: &Answer) -> Value {
        let response = &answer.response;
        let mid = |doubled: Option<i64>| doubled.map(|doubled| price(doubled) / 2.0);
        let is_fill = response.response() == Some(ResponseKind::Fill);
        json!({
            "event": kind_name(response), "order": response.client_id, "ts_ns": response.header.ts_venue_ns,
            "ts_heard_ns": self.heard_ns(response), "price": price(response.price), "lots": response.qty,
            "leaves": response.leaves, "reason": (response.reason != 0).then(|| venue_reason_name(response.reason)),
            "message": answer.message, "cause_seq": response.cause_seq,
            "taker": is_fill.then_some(response.taker == 1),
            "fee": is_fill.then_some(response.fee_nanos as f64 / 1e9),
            "mid": mid(answer.mid_doubled),
            "markout_1s": if is_fill { answer.markout(&self.instrument) } else { None },
        })
    }
}

/// The word for a side of ours.
pub const fn verb(side: Side) -> &'static str {
    match side {
        Side::Bid => "buy",
        Side::Ask => "sell",
    }
}
