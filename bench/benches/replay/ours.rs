//! Our side of the comparison: the same records through the whole desk, gate and journal on, with the venue told to fill
//! as the peer's does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tickrace_cli::backtest::market_of;
use tickrace_cli::input::Session;
use tickrace_cli::settings;
use tickrace_cli::ticks::two_orders::TwoOrders;
use tickrace_cli::ticks::{TICKS, TicksHead};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::FlatOut;
use tickrace_feeds::source::Source;
use tickrace_journal::{Entry, Prefault, Reader, Writer, WriterConfig};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_types::{Action, Flags, InstrumentTable, Price, Record, ResponseKind, Side};

/// One fill as both engines can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fill {
    /// When the venue did it, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// The how many-th new order that left the house, from 1.
    pub order: u64,
    /// When we heard of it.
    pub ts_recv_ns: i64,
    /// Whether we bought.
    pub is_buy: bool,
    /// Price in ticks.
    pub price_ticks: i64,
    /// Lots.
    pub lots: i64,
}

/// What one run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every fill, by venue time, then order.
    pub fills: Vec<Fill>,
    /// New orders sent; what our gate refused is not among them.
    pub orders: u64,
    /// Lots held at the end.
    pub position: i64,
    /// Fees paid, in the quote currency; below zero we were paid.
    pub fees: f64,
    /// Received for sales less paid for purchases, in the quote currency.
    pub cash: f64,
    /// From the first record to the last answer.
    pub wall: Duration,
}

/// Records on disk, ready to be run.
pub struct World {
    folder: tempfile::TempDir,
    session: Session,
    instruments: InstrumentTable,
}

/// Writes records, in the order of receiving and with both times, as a native log.
///
/// - `has_several`: they came over several streams, so that the venue's order is another.
/// - `each`: sees every record as it stands in the log.
pub fn world(
    records: impl Iterator<Item = Record>,
    has_several: bool,
    instruments: InstrumentTable,
    mut each: impl FnMut(&Record),
) -> World {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    let config =
        WriterConfig { segment_bytes: 64 << 20, prefault: Prefault::None, ..WriterConfig::default() };
    let mut writer = Writer::create(&log, TICKS, config).unwrap();
    let (mut orders, mut settled, mut count, mut for_one) = (TwoOrders::new(), Vec::new(), 0, 0);
    let mut write = |record: &Record| {
        each(record);
        writer.append(record);
        count += 1;
        for_one += u64::from(record.header.flags & (Flags::VENUE_ONLY | Flags::DESK_ONLY) != 0);
    };
    for record in records {
        if has_several {
            orders.push(&record, &mut settled);
            settled.drain(..).for_each(|record| write(&record));
        } else {
            write(&record);
        }
    }
    orders.finish(&mut settled);
    settled.drain(..).for_each(|record| write(&record));
    writer.finish().unwrap();
    let head = TicksHead {
        kind: TICKS.to_owned(),
        version: tickrace_types::event::VERSION,
        instruments: instruments.as_slice().to_vec(),
        inputs: Vec::new(),
        records: count,
        twice: orders.moved().twice,
        for_one: Some(for_one),
        latency_min_ns: 0,
        beyond_window: orders.moved().beyond_window,
        has_status: false,
        has_receive_times: true,
        first_ts_ns: None,
        last_ts_ns: None,
        date: None,
        midnight_ns: 0,
    };
    tickrace_journal::write_head(&log, &serde_json::to_vec(&head).unwrap()).unwrap();
    World { session: Session::open_log(&log).unwrap(), folder, instruments }
}

/// Counts records by kind: what a policy without a book would do with them.
struct Counting {
    by_kind: [u64; 256],
    latest_ns: i64,
}

impl Counting {
    const fn new() -> Self {
        Self { by_kind: [0; 256], latest_ns: 0 }
    }

    #[inline]
    fn on_record(&mut self, record: &Record) {
        self.by_kind[usize::from(record.header.kind)] += 1;
        self.latest_ns = self.latest_ns.max(record.header.ts_recv_ns);
    }

    fn total(&self) -> u64 {
        std::hint::black_box(self.latest_ns);
        self.by_kind.iter().sum()
    }
}

/// Every record of the log to a counting policy, where it lies; how many, and how long it took.
pub fn count_in_place(world: &World) -> (u64, Duration) {
    let reader = Arc::new(Reader::open(&world.folder.path().join("log"), TICKS).unwrap());
    let mut records = reader.small_records();
    let mut counting = Counting::new();
    let started = std::time::Instant::now();
    records.advance_runs(
        |_| true,
        |run| {
            run.iter().for_each(|record| counting.on_record(record));
            run.len()
        },
    );
    (counting.total(), started.elapsed())
}

/// The same as the desk reads it: each record copied out of the log.
pub fn count_copied(world: &World) -> (u64, Duration) {
    let mut feed = world.session.feed(&world.instruments, View::Venue, None);
    let mut counting = Counting::new();
    let mut record = Record::default();
    let started = std::time::Instant::now();
    while feed.next_into(&mut record) {
        counting.on_record(&record);
    }
    // The word that the instrument trades is none of the log's.
    (counting.total() - 1, started.elapsed())
}

/// The configuration of the touch quoter with overrides.
pub fn config(overrides: &[String]) -> DeskConfig {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/backtest/touch_quoting.toml");
    let table = settings::load(&path, overrides).unwrap();
    settings::parse(&path, &table).unwrap()
}

/// The touch quoter over a session order by order of the ES future: a lot at a time, ten at most, the exact queue, and limits
/// wide enough for a market that stands still for hours.
pub fn session_config(interval_ms: i64, latency_us: i64) -> DeskConfig {
    let wide = |key: &str| format!("limits.{key}=1_000_000_000");
    let mut settings = vec![
        "limits.currency=USD".to_owned(),
        "instruments.symbols=[\"ESH4\"]".to_owned(),
        "instruments.custom=[]".to_owned(),
        "venue.queue={ model = \"exact\" }".to_owned(),
        "limits.market.book_age_max_ms=86_400_000".to_owned(),
        "limits.market.clock_difference_max_ms=86_400_000".to_owned(),
        "strategy.order_qty_lots=1".to_owned(),
        "strategy.position_max_lots=10".to_owned(),
        format!("venue.order_latency_ns={}", latency_us * 1_000),
        format!("venue.response_latency_ns={}", latency_us * 1_000),
        format!("run.timer_ms={interval_ms}"),
        "limits.accounts=[{ account = 0, gross_exposure_max_ccy = 1_000_000_000, net_exposure_max_ccy = 1_000_000_000 }]".to_owned(),
    ];
    let keys =
        ["total.gross_exposure_max_ccy", "total.net_exposure_max_ccy", "instrument.order_notional_max_ccy"];
    settings.extend(keys.map(wide));
    config(&settings)
}

/// Runs the desk over the world's records, with both journals; with `is_told` they are read again for the fills.
pub fn run(world: &World, config: &DeskConfig, is_told: bool) -> Outcome {
    let journal = tempfile::tempdir_in(world.folder.path()).unwrap();
    let writer_config = WriterConfig { prefault: Prefault::Whole, ..WriterConfig::default() };
    let open = |stream| Some(Writer::create(journal.path(), stream, writer_config).unwrap());
    let journals = Journals { inbound: open("inbound"), outbound: open("outbound") };
    let sessions = std::slice::from_ref(&world.session);
    let market = |view| market_of(config, sessions, &world.instruments, view).unwrap();
    let stamps = Stamps::new(TscClock::new());
    let kill = Arc::new(KillFlag::new());
    let never = |_count: u64| false;
    let mut ran = backtest::run(
        config,
        &world.instruments,
        market(View::Desk),
        market(View::Venue),
        FlatOut::new(&never).sparing(),
        journals,
        &stamps,
        &kill,
    )
    .unwrap();
    for journal in [ran.inbound.take(), ran.send.take_journal()].into_iter().flatten() {
        journal.finish().unwrap();
    }
    let mut outcome = Outcome {
        fills: Vec::new(),
        orders: 0,
        position: 0,
        fees: 0.0,
        cash: 0.0,
        wall: Duration::from_nanos(ran.run_ns),
    };
    if is_told {
        tell(&mut outcome, journal.path().to_owned(), &world.instruments);
    }
    outcome
}

fn tell(outcome: &mut Outcome, journal: PathBuf, instruments: &InstrumentTable) {
    let mut ordinals = std::collections::HashMap::new();
    Reader::open(&journal, "outbound").unwrap().for_each(|entry| {
        if let Entry::Order(order) = entry
            && order.action() == Action::New
            && order.verdict == 0
        {
            outcome.orders += 1;
            ordinals.insert(order.client_id, outcome.orders);
        }
    });
    Reader::open(&journal, "inbound").unwrap().for_each(|entry| {
        let Entry::Response(response) = entry else { return };
        if response.response() != Some(ResponseKind::Fill) {
            return;
        }
        let instrument = &instruments.as_slice()[response.header.instrument as usize];
        let is_buy = response.side() == Side::Bid;
        let sign = if is_buy { 1 } else { -1 };
        let value =
            Price(response.price).to_f64() * response.qty as f64 * instrument.multiplier_nanos as f64 / 1e9;
        outcome.position += sign * response.qty;
        outcome.cash -= sign as f64 * value;
        outcome.fees += response.fee_nanos as f64 / 1e9;
        outcome.fills.push(Fill {
            ts_venue_ns: response.header.ts_venue_ns,
            order: ordinals[&response.client_id],
            ts_recv_ns: response.header.ts_recv_ns,
            is_buy,
            price_ticks: response.price / instrument.tick_at(response.price),
            lots: response.qty,
        });
    });
    outcome.fills.sort_unstable();
}
