//! All orders of a run at once: its fills, and the orders most worth explaining.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use serde_json::{Value, json};
use tickrace_types::{
    Contract, Instrument, InstrumentId, InstrumentTable, OrderRecord, Price, ResponseKind, ResponseRecord,
    Verdict,
};

use super::MARKOUT_NS;
use super::life::{venue_reason_name, verb, verdict_name};
use crate::Failure;
use crate::second_pass::{Checked, Moment, Watcher};

/// Orders told of each kind.
pub const WORTH_MAX: usize = 5;

/// One fill.
#[derive(Clone, Debug, Serialize)]
pub struct FillRow {
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// The order.
    pub order: u64,
    /// Symbol.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Price.
    pub price: f64,
    /// Lots.
    pub lots: i64,
    /// Lots of the order still open.
    pub leaves: i64,
    /// Whether we took.
    pub taker: bool,
    /// Fee, quote currency; negative is a rebate.
    pub fee: f64,
    /// Market message that caused it; 0 where we took.
    pub cause_seq: u64,
    /// Mid just before it.
    pub mid: Option<f64>,
    /// Worth a second later, quote currency.
    pub markout_1s: Option<f64>,
    /// Nanoseconds from coming to rest to the fill; absent where it took on arrival.
    pub waited_ns: Option<i64>,
    /// Nanoseconds by which a cancel or replace of ours, sent before, came too late; absent where none was sent.
    pub late_ns: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Track {
    accepted_ns: Option<i64>,
    /// When the first cancel or replace of it left.
    pull_sent_ns: Option<i64>,
}

/// A refusal and where to look.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refused {
    /// How often.
    pub count: u64,
    /// The first order it met.
    pub first_order: u64,
}

struct Pending {
    due_ns: i64,
    fill: usize,
    instrument: InstrumentId,
}

/// What was found.
pub struct Survey {
    instruments: Vec<Instrument>,
    orders: u64,
    live: HashMap<u64, Track>,
    /// Fills in order.
    pub fills: Vec<FillRow>,
    /// Refusals by who and why.
    pub refused: BTreeMap<String, Refused>,
    pending: VecDeque<Pending>,
    mids: Vec<Option<i64>>,
}

impl Survey {
    /// Before the first record.
    pub fn new(instruments: &InstrumentTable) -> Self {
        Self {
            instruments: instruments.as_slice().to_vec(),
            orders: 0,
            live: HashMap::new(),
            fills: Vec::new(),
            refused: BTreeMap::new(),
            pending: VecDeque::new(),
            mids: vec![None; instruments.len()],
        }
    }

    /// After the last record: fills whose second is not over keep none.
    pub fn finish(&mut self) {
        self.pending.clear();
    }

    /// Orders seen, refused ones included.
    pub const fn orders(&self) -> u64 {
        self.orders
    }

    fn refuse(&mut self, by: &str, reason: &str, order: u64) {
        let entry = self.refused.entry(format!("{by}: {reason}")).or_default();
        if entry.count == 0 {
            entry.first_order = order;
        }
        entry.count += 1;
    }

    fn settle(&mut self, now_ns: i64) {
        while self.pending.front().is_some_and(|pending| pending.due_ns < now_ns) {
            let Some(pending) = self.pending.pop_front() else { break };
            let index = pending.instrument.index();
            let (Some(mid), Some(instrument)) = (self.mids[index], self.instruments.get(index)) else {
                continue;
            };
            let Some(fill) = self.fills.get_mut(pending.fill) else { continue };
            let sign = if fill.side == "buy" { 1 } else { -1 };
            let value = |price: Price| Contract::of(instrument).value(price, sign * fill.lots);
            let price = Price::from_f64(fill.price).unwrap_or(Price::ZERO);
            fill.markout_1s = Some((value(Price(mid.div_euclid(2))) - value(price)).to_f64());
        }
    }

    fn on_answer(&mut self, answer: &ResponseRecord) {
        let ts_ns = answer.header.ts_venue_ns;
        match answer.response() {
            Some(ResponseKind::Accepted) => {
                self.live.entry(answer.client_id).or_default().accepted_ns = Some(ts_ns);
            }
            Some(ResponseKind::Replaced) => {
                self.live.remove(&answer.orig_client_id);
                self.live.entry(answer.client_id).or_default().accepted_ns = Some(ts_ns);
            }
            Some(ResponseKind::Fill) => self.on_fill(answer),
            Some(ResponseKind::Rejected) => {
                self.live.remove(&answer.client_id);
                self.refuse("venue", venue_reason_name(answer.reason), answer.client_id);
            }
            Some(ResponseKind::CancelRejected) => {
                self.live.remove(&answer.client_id);
                self.refuse(
                    "venue, cancel or replace",
                    venue_reason_name(answer.reason),
                    answer.orig_client_id,
                );
            }
            Some(ResponseKind::Cancelled) if answer.leaves == 0 => {
                self.live.remove(&answer.client_id);
            }
            _ => {}
        }
    }

    fn on_fill(&mut self, answer: &ResponseRecord) {
        let instrument = InstrumentId(answer.header.instrument);
        let Some(about) = self.instruments.get(instrument.index()) else { return };
        let ts_ns = answer.header.ts_venue_ns;
        let track = self.live.get(&answer.client_id).copied().unwrap_or_default();
        let waited_ns = track.accepted_ns.map(|from_ns| ts_ns - from_ns).filter(|_| answer.taker == 0);
        self.pending.push_back(Pending {
            due_ns: ts_ns.saturating_add(MARKOUT_NS),
            fill: self.fills.len(),
            instrument,
        });
        self.fills.push(FillRow {
            ts_ns,
            order: answer.client_id,
            symbol: about.symbol.clone(),
            side: verb(answer.side()),
            price: Price(answer.price).to_f64(),
            lots: answer.qty,
            leaves: answer.leaves,
            taker: answer.taker == 1,
            fee: answer.fee_nanos as f64 / 1e9,
            cause_seq: answer.cause_seq,
            mid: self.mids[instrument.index()].map(|doubled| Price(doubled).to_f64() / 2.0),
            markout_1s: None,
            waited_ns,
            late_ns: track.pull_sent_ns.map(|sent_ns| ts_ns - sent_ns),
        });
        if answer.leaves == 0 {
            self.live.remove(&answer.client_id);
        }
    }

    /// Fills by what they lost within a second, worst first.
    pub fn worst(&self) -> Vec<&FillRow> {
        let mut lost: Vec<&FillRow> =
            self.fills.iter().filter(|fill| fill.markout_1s.is_some_and(|markout| markout < 0.0)).collect();
        let key = |fill: &FillRow| fill.markout_1s.unwrap_or(0.0);
        lost.sort_by(|a, b| key(a).total_cmp(&key(b)));
        lost.truncate(WORTH_MAX);
        lost
    }

    /// Fills by how long the order had rested, longest first.
    pub fn longest(&self) -> Vec<&FillRow> {
        let mut waited: Vec<&FillRow> = self.fills.iter().filter(|fill| fill.waited_ns.is_some()).collect();
        waited.sort_by_key(|fill| std::cmp::Reverse(fill.waited_ns));
        waited.truncate(WORTH_MAX);
        waited
    }

    /// Fills that came while a cancel or replace of the order was under way, and how many there are.
    pub fn late(&self) -> (usize, Vec<&FillRow>) {
        let mut late: Vec<&FillRow> = self.fills.iter().filter(|fill| fill.late_ns.is_some()).collect();
        let count = late.len();
        let key = |fill: &FillRow| fill.markout_1s.unwrap_or(0.0);
        late.sort_by(|a, b| key(a).total_cmp(&key(b)));
        late.truncate(WORTH_MAX);
        (count, late)
    }

    /// As one object.
    pub fn to_json(&self, is_fills: bool, checked: &Checked) -> Value {
        let (late_count, late) = self.late();
        let mut value = json!({
            "orders": self.orders,
            "fill_count": self.fills.len(),
            "answers_identical": checked.answers,
            "first_difference": checked.difference(),
        });
        if let Some(object) = value.as_object_mut() {
            if is_fills {
                object.insert("fills".to_owned(), json!(self.fills));
            } else {
                object.insert("worst_by_markout".to_owned(), json!(self.worst()));
                object.insert("longest_wait".to_owned(), json!(self.longest()));
                object.insert("cancelled_too_late".to_owned(), json!({ "count": late_count, "worst": late }));
                object.insert("refused".to_owned(), json!(self.refused));
            }
        }
        value
    }
}

impl Watcher for Survey {
    fn on_moment(&mut self, moment: &Moment<'_>) -> Result<(), Failure> {
        self.settle(moment.ts_ns);
        for answer in moment.answers {
            self.on_answer(answer);
        }
        let instrument = InstrumentId(moment.record.header.instrument);
        if instrument.index() < self.mids.len() {
            // A book that is not firm keeps the last mid.
            if let Some(doubled) = moment.venue.books().top(instrument).mid_doubled() {
                self.mids[instrument.index()] = Some(doubled);
            }
        }
        Ok(())
    }

    fn on_order(&mut self, order: &OrderRecord) -> Result<(), Failure> {
        self.orders += 1;
        if !Verdict(order.verdict).is_passed() {
            self.refuse("gate", &verdict_name(order.verdict), order.client_id);
        } else if order.orig_client_id != 0
            && let Some(track) = self.live.get_mut(&order.orig_client_id)
        {
            track.pull_sent_ns.get_or_insert(order.header.ts_recv_ns);
        }
        Ok(())
    }

    fn on_response(&mut self, _response: &ResponseRecord) -> Result<(), Failure> {
        Ok(())
    }
}
