//! What a run leaves behind: the second, cold pass over its journal, and the files made from it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tickrace_analytics::{
    FundingRules, InputFile, LatencySummary, OpeningPosition, QueueBook, Run, RunConfig, RunMeta, RunReport,
    RunTimings, Summary,
};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::Finished;
use tickrace_desk::rerun::Step;
use tickrace_exchange::costs::{CostBook, Trade};
use tickrace_exchange::{FundingConfig, FundingRates};
use tickrace_feeds::source::Source;
use tickrace_feeds_files::notice;
use tickrace_journal::{Entry, Reader};
use tickrace_risk::Reason;
use tickrace_runtime::meter::Meter;
use tickrace_types::{
    Contract, InstrumentId, InstrumentTable, Kind, OrderRecord, Price, Record, ResponseKind, ResponseRecord,
};

use crate::backtest::Market;
use crate::input::Session;
use crate::provenance::{Head, Seal};
use crate::second_pass::{self, Moment, Watcher};
use crate::{Failure, Streams, operator, progress};

/// Name of what was measured of a run, in its journal folder.
pub const MEASURED_FILE: &str = "measured.json";

/// Files of a run beside its journal, and the pages made of them later.
pub const FILES: [&str; 8] = [
    "summary.json",
    "report.html",
    "orders.parquet",
    "fills.parquet",
    "equity.parquet",
    "latency.hgrm",
    "tear_sheet.html",
    "tear_sheet.json",
];

/// What no record of a run tells: kept beside its journal, so that the report can be written again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The command that was typed.
    pub command: String,
    /// Messages read from each tick file.
    pub messages: Vec<u64>,
    /// What the machine did.
    pub timings: RunTimings,
}

impl Measured {
    /// Reads it from a journal folder.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it is not there (the run never came to its end) or is not one of ours.
    pub fn read(journal: &Path) -> Result<Self, Failure> {
        let path = journal.join(MEASURED_FILE);
        let bytes = std::fs::read(&path).map_err(|error| {
            Failure::input(format!(
                "{}: {error}; the run did not come to its end, or is of an older program: run the backtest again",
                path.display()
            ))
        })?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
    }

    fn write(&self, journal: &Path) -> Result<(), Failure> {
        put(&journal.join(MEASURED_FILE), &serde_json::to_vec(self).map_err(Failure::runtime)?)
    }
}

/// What is known of a run beside its journal.
pub struct RunFacts<'a> {
    /// Configuration.
    pub config: &'a DeskConfig,
    /// Head of its journal.
    pub head: &'a Head,
    /// Tick files.
    pub sessions: &'a [Session],
    /// Instruments.
    pub instruments: &'a InstrumentTable,
    /// Journal folder.
    pub journal: &'a Path,
    /// Folder of the artefacts.
    pub out: &'a Path,
    /// Seconds from the first record to the last answer.
    pub wall_seconds: f64,
    /// Why it ended before its data did, where it did.
    pub cut_short: Option<String>,
}

/// Finishes the journal, reads it once more beside the market data, writes every artefact, and gives the summary
/// and the whole report.
///
/// # Errors
///
/// [`Failure`] where the journal or a file cannot be written.
pub fn write<E>(
    facts: &RunFacts<'_>,
    ran: &mut Finished<Market, E>,
    streams: &mut Streams<'_>,
) -> Result<(Summary, RunReport), Failure> {
    for journal in [ran.inbound.take(), ran.send.take_journal()].into_iter().flatten() {
        journal.finish().map_err(Failure::runtime)?;
    }
    let measured = Measured {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        messages: ran.market.inner().inner().sources().iter().map(Source::messages).collect(),
        timings: timings(facts, ran),
    };
    measured.write(facts.journal)?;
    let report = analyse(facts, &measured, Some(Tables::create(facts)?), streams)?;
    let out = facts.out;
    let summary = Summary::from(&report);
    put(&out.join("summary.json"), summary.to_json().as_bytes())?;
    put(&out.join("report.html"), tickrace_analytics::report::html(&report).as_bytes())?;
    let mut hgrm = Vec::new();
    ran.send.tick_to_order().write_hgrm(&mut hgrm).map_err(Failure::runtime)?;
    put(&out.join("latency.hgrm"), &hgrm)?;
    tickrace_store::equity::write(&out.join("equity.parquet"), &report).map_err(Failure::runtime)?;
    seal(facts.journal, &summary)?;
    Ok((summary, report))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::write(path, error))
}

/// Hash over the inbound records of a journal, in order, and their count.
///
/// # Errors
///
/// [`Failure`] of kind input where the journal is damaged.
pub fn hash_inbound(journal: &Path) -> Result<(u64, String), Failure> {
    let reader = Reader::open(journal, "inbound").map_err(Failure::input)?;
    let mut hasher = blake3::Hasher::new();
    reader.for_each(|entry| {
        hasher.update(entry.bytes());
    });
    Ok((reader.records(), hasher.finalize().to_hex().to_string()))
}

fn seal(journal: &Path, summary: &Summary) -> Result<(), Failure> {
    let (inbound_records, inbound_blake3) = hash_inbound(journal)?;
    let order_digest = summary.order_digest.clone();
    Seal { inbound_records, inbound_blake3, orders: summary.orders, order_digest }.write(journal)
}

/// Feeds the report from the second pass.
struct Analyst {
    run: Run,
    /// Absent where queue positions are not asked for.
    queue: Option<QueueBook>,
    /// Absent where only the report is written again.
    files: Option<Tables>,
    costs: CostBook,
    instruments: InstrumentTable,
}

impl Analyst {
    /// What the venue told of funding.
    fn tell_funding(&mut self, record: &Record) {
        let market = record.as_market();
        let header = &market.header;
        match market.code {
            notice::FUNDING => {
                let paid_ns = i64::try_from(market.order_ref).unwrap_or(0);
                self.run.on_funding_rate(header.instrument, header.ts_venue_ns, market.price, paid_ns);
            }
            notice::MARK => self.run.on_mark_price(header.instrument, header.ts_venue_ns, market.price),
            _ => {}
        }
    }

    fn tell_places(&mut self, moment: &Moment<'_>, instrument: InstrumentId) {
        if let Some(queue) = &mut self.queue {
            let places = moment.venue.working_orders(instrument);
            let places = places.map(|order| (order.client_id, order.place.ahead));
            queue.on_places(moment.ts_ns, instrument.index(), places);
        }
    }
}

impl Watcher for Analyst {
    fn on_moment(&mut self, moment: &Moment<'_>) -> Result<(), Failure> {
        let named = InstrumentId(moment.record.header.instrument);
        let books = moment.venue.books();
        let all = || (0u32..).map(InstrumentId).take(books.instruments());
        let is_market = matches!(moment.step, Step::Market { .. });
        if matches!(moment.step, Step::Market { is_top_changed: true }) {
            if named == InstrumentId::NONE {
                all().for_each(|id| self.run.on_top(books.top(id)));
            } else {
                self.run.on_top(books.top(named));
            }
        }
        if is_market && moment.record.header.kind == Kind::Notice as u8 {
            self.tell_funding(moment.record);
        }
        if let Some(queue) = &mut self.queue {
            moment.answers.iter().for_each(|answer| queue.on_answer(answer));
            if is_market && named == InstrumentId::NONE {
                all().for_each(|id| self.tell_places(moment, id));
            } else if is_market {
                self.tell_places(moment, named);
            } else {
                let about = |answer: &ResponseRecord| InstrumentId(answer.header.instrument);
                moment.answers.iter().map(about).for_each(|id| self.tell_places(moment, id));
            }
        }
        Ok(())
    }

    fn on_order(&mut self, order: &OrderRecord) -> Result<(), Failure> {
        self.run.on_order(order);
        self.files.as_mut().map_or(Ok(()), |files| files.on_order(order))
    }

    fn on_response(&mut self, response: &ResponseRecord) -> Result<(), Failure> {
        self.run.on_response(response);
        itemise(&mut self.costs, response, &self.instruments, &mut self.run)?;
        self.files.as_mut().map_or(Ok(()), |files| files.on_response(response))
    }
}

/// Reads a finished journal beside the venue, run again; gives the report. `files` grow on the way.
///
/// # Errors
///
/// [`Failure`] where the journal cannot be read or a file cannot be written.
pub fn analyse(
    facts: &RunFacts<'_>,
    measured: &Measured,
    files: Option<Tables>,
    streams: &mut Streams<'_>,
) -> Result<RunReport, Failure> {
    let inbound = Reader::open(facts.journal, "inbound").map_err(Failure::runtime)?;
    let outbound = Reader::open(facts.journal, "outbound").map_err(Failure::runtime)?;
    let run = Run::new(run_config(facts, measured)).map_err(Failure::usage)?;
    let venue = second_pass::venue_of(facts.config, facts.sessions, facts.instruments)?;
    let queue = facts.config.report.queue_positions.then(|| QueueBook::new(facts.instruments.len()));
    let costs = CostBook::new(&facts.config.venue.fees, facts.config.venue.open_orders_max);
    let mut analyst = Analyst { run, queue, files, costs, instruments: facts.instruments.clone() };
    let bar = progress::bar(streams.is_watched, outbound.records(), "analysing");
    // What was cut short must not be marked with prices of the time after.
    let end_ns = if facts.cut_short.is_some() { second_pass::last_ns(&inbound, &outbound) } else { i64::MAX };
    let checked = second_pass::run(venue, &inbound, &outbound, end_ns, &mut analyst, &bar)?;
    bar.finish_and_clear();
    let Analyst { mut run, queue, files, .. } = analyst;
    for entry in inbound.iter() {
        if let Entry::Small(record) = entry
            && let Some(name) = operator::name_of(record)
        {
            run.on_control(&name);
        }
    }
    if let Some(files) = files {
        files.finish()?;
    }
    match (checked.difference(), queue) {
        (Some(text), _) => streams.warn(&format!(
            "the venue, run again, does not answer as journaled, so the report tells nothing of queues: {text}"
        )),
        (None, Some(queue)) => run.set_queue(queue.finish()),
        (None, None) => {}
    }
    Ok(run.finish(&measured.timings))
}

fn run_config(facts: &RunFacts<'_>, measured: &Measured) -> RunConfig {
    let config = facts.config;
    let mut run = figures_config(config, facts.instruments, facts.sessions);
    run.title = format!("Backtest {}", facts.head.config_path.display());
    run.meta = RunMeta {
        config_text: toml::to_string_pretty(&facts.head.config).unwrap_or_default(),
        command: measured.command.clone(),
        seed: Some(config.run.seed),
        files: facts
            .head
            .files
            .iter()
            .zip(&measured.messages)
            .map(|(file, messages)| InputFile {
                path: file.path.display().to_string(),
                bytes: file.bytes,
                hash: format!("blake3:{}", file.blake3),
                messages: *messages,
            })
            .collect(),
        placement: config.run.placement.iter().map(|stages| stages.join(" ")).collect::<Vec<_>>().join(" | "),
        build: facts.head.build.clone(),
        host: String::new(),
        session_date: facts
            .head
            .files
            .iter()
            .filter_map(|file| file.date.clone())
            .collect::<Vec<_>>()
            .join(", "),
    };
    run
}

/// What the figures of a run depend on beside its records: the part of [`RunConfig`] that is not words.
pub fn figures_config(config: &DeskConfig, instruments: &InstrumentTable, sessions: &[Session]) -> RunConfig {
    let mut run = RunConfig::new(instruments.clone());
    if let Some(first) = instruments.as_slice().first() {
        run.account_currency = first.profit_currency().to_owned();
    }
    run.funding = funding_rules(config.venue.funding.as_ref());
    let names: Vec<String> = config.all_strategies().iter().map(|one| one.name.to_owned()).collect();
    // One that no instrument has was refused when the desk was assembled.
    let held = config.opening.iter().filter_map(|held| {
        let instrument = instruments.find(&held.symbol)?;
        let holder = held.strategy.as_ref().and_then(|name| names.iter().position(|known| known == name));
        let strategy = u16::try_from(holder.unwrap_or(0)).ok()?;
        Some(OpeningPosition { instrument, qty_lots: held.lots, price_nanos: held.price_nanos, strategy })
    });
    run.opening_positions = held.collect();
    run.strategy_names = names;
    run.opening_equity = Some(config.report.opening_equity);
    run.markout_horizons_ns =
        config.report.markouts_ms.iter().map(|millis| i64::from(*millis) * 1_000_000).collect();
    run.sample_ns = i64::from(config.report.sample_ms) * 1_000_000;
    run.refusal_names = Reason::ALL.iter().map(|reason| (*reason as u8, reason.name().to_owned())).collect();
    run.with_session_midnight(sessions.first().map_or(0, |session| session.midnight_ns))
}

/// Says what the fee of a fill was for: the same sum as the venue made, of the same fills in the same order.
fn itemise(
    costs: &mut CostBook,
    response: &ResponseRecord,
    instruments: &InstrumentTable,
    run: &mut Run,
) -> Result<(), Failure> {
    let header = &response.header;
    match response.response() {
        Some(ResponseKind::Cancelled) if response.leaves == 0 => costs.forget(response.venue_order_id),
        Some(ResponseKind::Fill) if response.qty > 0 => {
            let id = InstrumentId(header.instrument);
            let Some(instrument) = instruments.as_slice().get(id.index()) else { return Ok(()) };
            let fee_nanos = costs.charge(&Trade {
                order_id: response.venue_order_id,
                side: response.side(),
                is_taker: response.taker == 1,
                price: Price(response.price),
                lots: response.qty,
                contract: Contract::of(instrument),
                ts_venue_ns: header.ts_venue_ns,
                is_last: response.leaves == 0,
            });
            if fee_nanos != response.fee_nanos {
                return Err(Failure::runtime(format!(
                    "fill {}: the venue charged {} nanos, its items make {fee_nanos}: a defect",
                    response.exec_id, response.fee_nanos
                )));
            }
            run.on_costs(header.instrument, costs.names().zip(costs.items().iter().copied()));
        }
        _ => {}
    }
    Ok(())
}

/// How the venue of a configuration funds.
fn funding_rules(funding: Option<&FundingConfig>) -> FundingRules {
    let Some(funding) = funding else { return FundingRules::Told };
    let interval_ns = funding.interval_ms.map(|millis| millis.saturating_mul(1_000_000));
    match (funding.rates, interval_ns, funding.rate_nanos) {
        (FundingRates::Data, None, _) => FundingRules::Told,
        (FundingRates::Data, Some(interval_ns), _) => FundingRules::ToldEvery(interval_ns),
        (FundingRates::Stated, Some(interval_ns), Some(rate_nanos)) => {
            FundingRules::Stated { rate_nanos, interval_ns }
        }
        // Stated without a rate is refused when the configuration is read.
        (FundingRates::Stated | FundingRates::None, ..) => FundingRules::Off,
    }
}

fn timings<E>(facts: &RunFacts<'_>, ran: &Finished<Market, E>) -> RunTimings {
    let summary = |name: &str, meter: &Meter| LatencySummary::from_histogram(name, meter.histogram());
    let tick_to_order = ran.send.tick_to_order();
    let hops = [
        ("sequence (decode, merge, journal)", &ran.sequence_hop),
        ("book", ran.decide.hop().meter()),
        ("decide", ran.gate.hop().meter()),
        ("gate", ran.send.hop().meter()),
        ("send (journal, gateway)", ran.send.sent().meter()),
    ];
    RunTimings {
        events: ran.market_records,
        wall_seconds: facts.wall_seconds,
        tick_to_order: (tick_to_order.count() > 0).then(|| summary("tick to order", tick_to_order)),
        tick_to_order_note: "service time, flat out".to_owned(),
        hops: hops
            .iter()
            .filter(|(_, meter)| meter.count() > 0)
            .map(|(name, meter)| summary(name, meter))
            .collect(),
        cut_short: facts.cut_short.clone(),
    }
}

/// The Parquet files that grow record by record.
pub struct Tables {
    orders: tickrace_store::orders::OrdersWriter,
    fills: tickrace_store::fills::FillsWriter,
}

impl Tables {
    fn create(facts: &RunFacts<'_>) -> Result<Self, Failure> {
        let (out, instruments) = (facts.out, facts.instruments);
        Ok(Self {
            orders: tickrace_store::orders::OrdersWriter::create(&out.join("orders.parquet"), instruments)
                .map_err(Failure::runtime)?,
            fills: tickrace_store::fills::FillsWriter::create(&out.join("fills.parquet"), instruments)
                .map_err(Failure::runtime)?,
        })
    }

    fn on_order(&mut self, order: &OrderRecord) -> Result<(), Failure> {
        self.orders.push(order).map_err(Failure::runtime)
    }

    fn on_response(&mut self, response: &ResponseRecord) -> Result<(), Failure> {
        self.fills.push(response).map_err(Failure::runtime)
    }

    fn finish(self) -> Result<(), Failure> {
        self.orders.finish().map_err(Failure::runtime)?;
        self.fills.finish().map_err(Failure::runtime).map(drop)
    }
}
