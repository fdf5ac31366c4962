//! The same for every format that has a decoder, and for native logs.

use std::collections::BTreeMap;

use tickrace_desk::config::InputConfig;
use tickrace_feeds_files::format::{End, Skips};
use tickrace_types::{Instrument, InstrumentId, Kind, Record};

use super::{Args, Executions, Inspection, for_people};
use crate::tape::{Tape, Told};
use crate::{Failure, Streams};

/// What the records themselves tell.
#[derive(Default)]
struct Seen {
    first_ts_ns: Option<i64>,
    last_ts_ns: Option<i64>,
    before_ns: i64,
    steps_back: u64,
    by_instrument: Vec<Executions>,
    by_kind: BTreeMap<String, u64>,
}

impl Seen {
    fn see(&mut self, record: &Record) {
        let ts_ns = record.header.ts_venue_ns;
        self.steps_back += u64::from(ts_ns < self.before_ns);
        self.before_ns = ts_ns;
        self.first_ts_ns = Some(self.first_ts_ns.map_or(ts_ns, |first| first.min(ts_ns)));
        self.last_ts_ns = Some(self.last_ts_ns.map_or(ts_ns, |last| last.max(ts_ns)));
        let Some(kind) = Kind::from_code(record.header.kind) else { return };
        let instrument = InstrumentId(record.header.instrument);
        let is_trade = matches!(kind, Kind::Execute | Kind::Trade | Kind::Print | Kind::Cross);
        if !is_trade || instrument == InstrumentId::NONE {
            return;
        }
        if self.by_instrument.len() <= instrument.index() {
            self.by_instrument.resize_with(instrument.index() + 1, Executions::default);
        }
        let one = &mut self.by_instrument[instrument.index()];
        let market = record.as_market();
        let (count, qty, lots) = match kind {
            Kind::Cross => (&mut one.cross_count, &mut one.cross_qty, market.order_ref),
            Kind::Trade => (&mut one.hidden_count, &mut one.hidden_qty, u64::from(market.qty)),
            _ => (&mut one.displayed_count, &mut one.displayed_qty, market.lots_traded()),
        };
        *count += 1;
        *qty += lots;
    }

    fn executions(self, instruments: &[Instrument]) -> BTreeMap<String, Executions> {
        let named = instruments.iter().zip(self.by_instrument);
        let traded = |one: &Executions| one.displayed_count + one.hidden_count + one.cross_count > 0;
        named
            .filter(|(_, one)| traded(one))
            .map(|(instrument, one)| (instrument.symbol.clone(), one))
            .collect()
    }
}

pub(super) fn run(args: &Args, input: &InputConfig, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut tape = Tape::open(input, streams)?;
    let (mut seen, mut record) = (Seen::default(), Record::default());
    let is_log = matches!(tape.account(), Told::Log(_));
    while tape.next_into(&mut record) {
        seen.see(&record);
        if is_log && let Some(kind) = Kind::from_code(record.header.kind) {
            *seen.by_kind.entry(format!("{kind:?}").to_lowercase()).or_default() += 1;
        }
    }
    let (instruments, skipped, gaps, repairs, end, by_type, messages) = match tape.account() {
        Told::File(account, by_type) => (
            account.instruments.clone(),
            account.skips.reasons().map(|(reason, skipped)| (reason.to_owned(), skipped.count)).collect(),
            account.gaps.clone(),
            account.repairs,
            match account.end {
                End::Running | End::Complete => "complete",
                End::Broken { .. } => "broken",
            },
            by_type.into_iter().collect(),
            account.messages,
        ),
        Told::Log(head) => {
            let reasons = head.inputs.iter().flat_map(|input| &input.skipped);
            (
                head.instruments.clone(),
                reasons.map(|(reason, (count, _))| (reason.clone(), *count)).collect(),
                head.inputs.iter().flat_map(|input| input.gaps.clone()).collect(),
                head.repairs(),
                if head.fault().is_none() { "complete" } else { "broken" },
                std::mem::take(&mut seen.by_kind),
                head.records,
            )
        }
    };
    let ns = |ts_ns: Option<i64>| ts_ns.and_then(|ts_ns| u64::try_from(ts_ns).ok());
    let inspection = Inspection {
        file: args.file.display().to_string(),
        format: tape.format(),
        date: args.date.clone(),
        bytes: tape.stored_bytes(),
        stored_bytes: tape.stored_bytes(),
        messages,
        by_type,
        first_ts_ns: ns(seen.first_ts_ns),
        last_ts_ns: ns(seen.last_ts_ns),
        steps_back: seen.steps_back,
        symbols: instruments.iter().map(|instrument| instrument.symbol.clone()).collect(),
        skipped,
        gaps,
        repairs,
        end,
        end_offset: None,
        executions: seen.executions(&instruments),
    };
    if streams.is_json {
        streams.json(&inspection);
    } else {
        streams.say(&for_people(&inspection));
        tell_firsts(&tape, streams);
    }
    tape.judge(args.strict)
}

/// Where the first of each kind of fault stands.
fn tell_firsts(tape: &Tape, streams: &mut Streams<'_>) {
    if let Told::File(account, _) = tape.account() {
        for (reason, skipped) in account.skips.reasons() {
            if reason != Skips::FILTERED {
                streams.say(&format!("  first {reason}: {}", skipped.first));
            }
        }
    }
}
