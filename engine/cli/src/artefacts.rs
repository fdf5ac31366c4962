//! What a run leaves behind: the second, cold pass over its journal, and the files made from it.

use std::path::Path;

use tickrace_analytics::{
    FundingRules, InputFile, LatencySummary, Run, RunConfig, RunMeta, RunReport, RunTimings, Summary,
};
use tickrace_book::Books;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::Finished;
use tickrace_desk::log_source::View;
use tickrace_exchange::costs::{CostBook, Trade};
use tickrace_exchange::{FundingConfig, FundingRates};
use tickrace_feeds::source::Source;
use tickrace_feeds_files::notice;
use tickrace_journal::{Entry, Reader};
use tickrace_risk::Reason;
use tickrace_runtime::meter::Meter;
use tickrace_types::{
    InstrumentId, InstrumentTable, Kind, OrderRecord, Price, Record, ResponseKind, ResponseRecord,
};

use crate::backtest::{Market, market_of};
use crate::input::Session;
use crate::provenance::{Head, Seal};
use crate::{Failure, Streams, progress};

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
/// and its words for people.
///
/// # Errors
///
/// [`Failure`] where the journal or a file cannot be written.
pub fn write<E>(
    facts: &RunFacts<'_>,
    ran: &mut Finished<Market, E>,
    streams: &mut Streams<'_>,
) -> Result<(Summary, String), Failure> {
    for journal in [ran.inbound.take(), ran.send.take_journal()].into_iter().flatten() {
        journal.finish().map_err(Failure::runtime)?;
    }
    let report = analyse(facts, ran, streams)?;
    let out = facts.out;
    let summary = Summary::from(&report);
    put(&out.join("summary.json"), summary.to_json().as_bytes())?;
    put(&out.join("report.html"), tickrace_analytics::report::html(&report).as_bytes())?;
    let mut hgrm = Vec::new();
    ran.send.tick_to_order().write_hgrm(&mut hgrm).map_err(Failure::runtime)?;
    put(&out.join("latency.hgrm"), &hgrm)?;
    tickrace_store::equity::write(&out.join("equity.parquet"), &report).map_err(Failure::runtime)?;
    seal(facts.journal, &summary)?;
    Ok((summary, tickrace_analytics::summary::print(&report)))
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

/// The tops of the traded books once more, as they changed at the venue, and what it told of funding.
struct Tops {
    market: Market,
    books: Books,
    record: Record,
    pending: Option<Told>,
}

/// What waits to be told, of the record read last.
#[derive(Clone, Copy)]
enum Told {
    /// The top of one instrument changed.
    Top(InstrumentId),
    /// Those of the whole venue did.
    Tops,
    /// A funding rate.
    Rate,
    /// A mark price.
    Mark,
}

impl Tops {
    fn new(market: Market, instruments: &InstrumentTable) -> Self {
        let mut tops = Self {
            market,
            books: Books::new(instruments.len(), 1 << 16).with_grids(instruments),
            record: Record::default(),
            pending: None,
        };
        tops.advance();
        tops
    }

    fn advance(&mut self) {
        self.pending = None;
        while self.market.next_into(&mut self.record) {
            let change = self.books.apply(&self.record);
            let id = InstrumentId(self.record.header.instrument);
            self.pending = if change.top_changed {
                Some(if id == InstrumentId::NONE { Told::Tops } else { Told::Top(id) })
            } else if self.record.header.kind == Kind::Notice as u8 {
                match self.record.as_market().code {
                    notice::FUNDING => Some(Told::Rate),
                    notice::MARK => Some(Told::Mark),
                    _ => None,
                }
            } else {
                None
            };
            if self.pending.is_some() {
                return;
            }
        }
    }

    /// Time of the change that waits; `i64::MAX` at the end.
    fn due_ns(&self) -> i64 {
        self.pending.map_or(i64::MAX, |_| self.record.header.ts_venue_ns)
    }

    fn tell(&mut self, run: &mut Run) {
        match self.pending {
            Some(Told::Top(id)) => run.on_top(self.books.top(id)),
            Some(Told::Rate) => {
                let market = self.record.as_market();
                let paid_ns = i64::try_from(market.order_ref).unwrap_or(0);
                let header = &market.header;
                run.on_funding_rate(header.instrument, header.ts_venue_ns, market.price, paid_ns);
            }
            Some(Told::Mark) => {
                let market = self.record.as_market();
                run.on_mark_price(market.header.instrument, market.header.ts_venue_ns, market.price);
            }
            Some(Told::Tops) => {
                let ids = (0u32..).map(InstrumentId).take(self.books.instruments());
                ids.for_each(|id| run.on_top(self.books.top(id)));
            }
            None => {}
        }
        self.advance();
    }
}

fn analyse<E>(
    facts: &RunFacts<'_>,
    ran: &Finished<Market, E>,
    streams: &Streams<'_>,
) -> Result<RunReport, Failure> {
    let inbound = Reader::open(facts.journal, "inbound").map_err(Failure::runtime)?;
    let outbound = Reader::open(facts.journal, "outbound").map_err(Failure::runtime)?;
    let mut run = Run::new(run_config(facts, &ran.market)).map_err(Failure::usage)?;
    let mut tops = Tops::new(
        market_of(facts.config, facts.sessions, facts.instruments, View::Venue)?,
        facts.instruments,
    );
    let mut files = Tables::create(facts)?;
    let mut costs = CostBook::new(&facts.config.venue.fees, facts.config.venue.open_orders_max);
    let mut responses = inbound.iter().filter_map(|entry| match entry {
        Entry::Response(response) => Some(response),
        _ => None,
    });
    let mut orders = outbound.iter().filter_map(|entry| match entry {
        Entry::Order(order) => Some(order),
        _ => None,
    });
    let (mut response, mut order) = (responses.next(), orders.next());
    let bar = progress::bar(streams.is_watched, outbound.records(), "analysing");
    // What was cut short must not be marked with prices of the time after.
    let end_ns = if facts.cut_short.is_some() { last_ns(&inbound, &outbound) } else { i64::MAX };
    loop {
        let top_ns = if tops.due_ns() <= end_ns { tops.due_ns() } else { i64::MAX };
        let response_ns = response.map_or(i64::MAX, |response| response.header.ts_venue_ns);
        let order_ns = order.map_or(i64::MAX, |order| order.header.ts_recv_ns);
        if top_ns == i64::MAX && response.is_none() && order.is_none() {
            break;
        }
        if top_ns <= response_ns && top_ns <= order_ns {
            tops.tell(&mut run);
        } else if order_ns <= response_ns {
            if let Some(order) = order {
                run.on_order(order);
                files.on_order(order)?;
                bar.inc(1);
            }
            order = orders.next();
        } else {
            if let Some(response) = response {
                run.on_response(response);
                itemise(&mut costs, response, facts.instruments, &mut run)?;
                files.on_response(response)?;
            }
            response = responses.next();
        }
    }
    bar.finish_and_clear();
    files.finish()?;
    Ok(run.finish(&timings(facts, ran)))
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
                multiplier_nanos: instrument.multiplier_nanos,
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

fn last_ns(inbound: &Reader, outbound: &Reader) -> i64 {
    let last = |reader: &Reader| reader.iter().map(|entry| entry.header().ts_venue_ns).max();
    last(inbound).max(last(outbound)).unwrap_or(i64::MIN)
}

fn run_config(facts: &RunFacts<'_>, market: &Market) -> RunConfig {
    let config = facts.config;
    let mut run = RunConfig::new(facts.instruments.clone());
    if let Some(first) = facts.instruments.as_slice().first() {
        run.account_currency.clone_from(&first.quote_currency);
    }
    run.funding = funding_rules(config.venue.funding.as_ref());
    run.opening_equity = Some(config.report.opening_equity);
    run.markout_horizons_ns =
        config.report.markouts_ms.iter().map(|millis| i64::from(*millis) * 1_000_000).collect();
    run.sample_ns = i64::from(config.report.sample_ms) * 1_000_000;
    run.refusal_names = Reason::ALL.iter().map(|reason| (*reason as u8, reason.name().to_owned())).collect();
    run.title = format!("Backtest {}", facts.head.config_path.display());
    run.meta = RunMeta {
        config_text: toml::to_string_pretty(&facts.head.config).unwrap_or_default(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        seed: Some(config.run.seed),
        files: facts
            .head
            .files
            .iter()
            .zip(market.inner().inner().sources())
            .map(|(file, source)| InputFile {
                path: file.path.display().to_string(),
                bytes: file.bytes,
                hash: format!("blake3:{}", file.blake3),
                messages: source.messages(),
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
    run.with_session_midnight(facts.sessions.first().map_or(0, |session| session.midnight_ns))
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
struct Tables {
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
