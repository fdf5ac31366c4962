//! The configuration of a run: the rooms' own structs under one roof, checked once, at the door.

use std::path::PathBuf;

use serde::Deserialize;
use tickrace_exchange::{ExchangeConfig, LatencyConfig, Way};
use tickrace_risk::Limits;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_strategy::{
    MarketMakerConfig, ModelConfig, MomentumConfig, PairsConfig, TargetConfig, TouchQuoterConfig, Weight,
};
use tickrace_types::{Instrument, InstrumentTable};

use crate::bar_quotes::BarQuoteConfig;
use crate::operator::{OperatorEntry, OperatorsConfig};
use crate::targets::TargetsConfig;

/// A backtest, whole. Unknown keys are errors; limits have no default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskConfig {
    /// How the run is laid out.
    #[serde(default)]
    pub run: RunConfig,
    /// Where the market data comes from.
    #[serde(default)]
    pub data: DataConfig,
    /// What is traded.
    #[serde(default)]
    pub instruments: InstrumentsConfig,
    /// Who decides, where it is one strategy.
    #[serde(default)]
    pub strategy: StrategyConfig,
    /// Who decides, where there are several: they share the gate and its limits, not their orders and positions.
    #[serde(default)]
    pub strategies: Vec<NamedStrategy>,
    /// Positions held before the first record.
    #[serde(default)]
    pub opening: Vec<OpeningConfig>,
    /// The simulated venue.
    pub venue: ExchangeConfig,
    /// Pre-trade limits.
    pub limits: Limits,
    /// What operators say in the course of the run.
    #[serde(default)]
    pub operator: Vec<OperatorEntry>,
    /// Whose words count.
    #[serde(default)]
    pub operators: Option<OperatorsConfig>,
    /// Where targets come from that strategies of kind `target` follow.
    #[serde(default)]
    pub targets: Vec<TargetsConfig>,
    /// The words as records, by time: made by whoever knows the days of the data and has looked at the signatures.
    #[serde(skip)]
    pub words: Vec<tickrace_types::MarketRecord>,
    /// The journal.
    #[serde(default)]
    pub journal: JournalConfig,
    /// The report.
    #[serde(default)]
    pub report: ReportConfig,
}

/// Layout of a run on the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Seed of everything random, written into the journal's head.
    pub seed: u64,
    /// Which stages share a thread: each inner list is one.
    pub placement: Vec<Vec<String>>,
    /// How a stage waits for its ring.
    pub idle: IdleStrategy,
    /// Pin each thread to a core.
    pub is_pinned: bool,
    /// Run even where spinning threads outnumber the allowed cores minus one.
    pub is_spinning_insisted: bool,
    /// Interval of timer records, milliseconds, counted from the venue time of the first record; 0 for none. Stale quotes
    /// of silent instruments are pulled on it.
    pub timer_ms: u32,
    /// Leave out firings between which nothing was heard, where the policy says that they change nothing.
    pub skips_idle_timers: bool,
    /// Records between two samples of the inner hops, as a power of two.
    pub hop_sample_log2: u32,
    /// Slots of each ring between threads.
    pub ring_slots: usize,
    /// Made-up records sent through a throw-away street before the first real one, so that code is in cache.
    pub warmup_records: u32,
    /// Live orders of the market that each book makes room for; beyond it a book grows, which costs a pause.
    pub book_orders_capacity: usize,
    /// Most orders of ours open at one time.
    pub open_orders_max: usize,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            placement: vec![
                ["decode", "sequence", "book", "decide", "gate", "send"].map(str::to_owned).to_vec(),
            ],
            idle: IdleStrategy::default(),
            is_pinned: false,
            is_spinning_insisted: false,
            timer_ms: 1000,
            skips_idle_timers: true,
            hop_sample_log2: 5,
            ring_slots: 1024,
            warmup_records: 20_000,
            book_orders_capacity: 1 << 17,
            open_orders_max: 4096,
        }
    }
}

/// Market data of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Tick files, one session each, in date order. None: a synthetic day is generated.
    pub files: Vec<PathBuf>,
    /// Session dates, one per file, `YYYY-MM-DD`; where absent the file's name tells.
    pub dates: Vec<String>,
    /// Folder of generated days and converted logs; `data` where absent.
    pub kept_in: Option<PathBuf>,
    /// Tick files with what their names and bytes do not tell; beside `files`.
    pub inputs: Vec<InputConfig>,
    /// Which time orders files that are read together.
    pub merge: MergeOrder,
    /// Delay from venue time to receive time, nanoseconds. Absent: as recorded, where the data have receive times.
    pub feed_latency_ns: Option<i64>,
    /// The same as a model, from venue time; goes before `feed_latency_ns`.
    pub feed_latency: Option<LatencyConfig>,
    /// The touch quoted around the close of each bar, where the data are bars.
    pub bars: Option<BarQuoteConfig>,
    /// The synthetic day, where no file is named.
    pub synth: SynthDay,
}

/// One tick file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputConfig {
    /// Where it is.
    pub path: PathBuf,
    /// Name of its format, where its content does not tell.
    pub format: Option<String>,
    /// Session date, `YYYY-MM-DD`, where neither name nor content tells.
    pub date: Option<String>,
    /// Its symbol, where it does not name one.
    pub symbol: Option<String>,
    /// Appended to its symbols: tells one venue's instrument from another's of the same name.
    pub suffix: String,
    /// The book at its start is the one another file ended with: its first changes need no snapshot before them.
    pub is_continued: bool,
    /// What the columns of a CSV file mean: a TOML file, found from the configuration's folder.
    pub mapping: Option<PathBuf>,
    /// The LOBSTER orderbook file that belongs to a message file; absent: the one beside it, where there is one.
    pub orderbook: Option<PathBuf>,
    /// Whether every row of the orderbook file corrects what the messages of a few levels do not tell; else only the book
    /// at the start is taken from it.
    pub is_repaired: bool,
}

impl Default for InputConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            format: None,
            date: None,
            symbol: None,
            suffix: String::new(),
            is_continued: false,
            mapping: None,
            orderbook: None,
            is_repaired: true,
        }
    }
}

/// Which time orders files that are read together. Ties go by their order in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeOrder {
    /// Receive time: as we heard them.
    #[default]
    Receive,
    /// Venue time: as they happened.
    Venue,
}

/// A synthetic day.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynthDay {
    /// Instruments.
    pub symbols: u32,
    /// Messages of the day.
    pub messages: u64,
    /// Seed of the day.
    pub seed: u64,
    /// So many pairs that belong together: the second symbol of each two follows the first. At most half the symbols.
    pub pairs: u32,
    /// Session date, `YYYY-MM-DD`.
    pub date: String,
}

impl Default for SynthDay {
    fn default() -> Self {
        Self { symbols: 10, messages: 2_000_000, seed: 1, pairs: 0, date: "2026-03-02".to_owned() }
    }
}

/// Instruments of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstrumentsConfig {
    /// Symbols traded, in the order of their ids. None: all that the tick file announces.
    pub symbols: Vec<String>,
    /// Full statements for instruments that are not plain US shares.
    pub custom: Vec<Instrument>,
}

/// Who decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "there are few of them, and none on the hot path")]
pub enum StrategyConfig {
    /// Two-sided quotes, see [`MarketMakerConfig`].
    MarketMaking(MarketMakerConfig),
    /// One order a side at the touch on the run's timer, see [`TouchQuoterConfig`].
    TouchQuoting(TouchQuoterConfig),
    /// Positions that a model predicts, see [`ModelConfig`].
    Model(Box<ModelConfig>),
    /// Positions that follow what has moved, see [`MomentumConfig`].
    Momentum(Box<MomentumConfig>),
    /// Two prices that belong together, against each other, see [`PairsConfig`].
    Pairs(Box<PairsConfig>),
    /// Positions brought to targets worked out elsewhere, see [`TargetConfig`] and [`TargetsConfig`].
    Target(TargetConfig),
    /// Watches, says nothing: the cost of the street without quoting.
    Idle,
    /// Nothing was stated.
    #[default]
    #[serde(skip)]
    Unstated,
}

impl StrategyConfig {
    /// Whether anything was stated.
    pub const fn is_stated(&self) -> bool {
        !matches!(self, Self::Unstated)
    }

    /// The same with sizes and limits of a weight, checked.
    ///
    /// # Errors
    ///
    /// The policy's error, naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, tickrace_strategy::ConfigError> {
        Ok(match self {
            Self::MarketMaking(policy) => Self::MarketMaking(policy.weighted(weight)?),
            Self::TouchQuoting(policy) => Self::TouchQuoting(policy.weighted(weight)?),
            Self::Model(policy) => Self::Model(Box::new(policy.weighted(weight)?)),
            Self::Momentum(policy) => Self::Momentum(Box::new(policy.weighted(weight)?)),
            Self::Pairs(policy) => Self::Pairs(Box::new(policy.weighted(weight)?)),
            Self::Target(policy) => Self::Target(policy.weighted(weight)?),
            Self::Idle => Self::Idle,
            Self::Unstated => Self::Unstated,
        })
    }

    /// Leaves out what names instruments of the run: for a warm-up over others.
    pub fn forget_instruments(&mut self) {
        match self {
            Self::MarketMaking(policy) => policy.hedge = None,
            Self::Pairs(_) => *self = Self::Idle,
            _ => {}
        }
    }
}

/// A position held before the first record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningConfig {
    /// Whose.
    pub symbol: String,
    /// Lots, negative for a short position.
    pub lots: i64,
    /// Price it is carried at, nano-units: profit counts from there.
    pub price_nanos: i64,
    /// Name of the strategy that holds it; absent: the first.
    #[serde(default)]
    pub strategy: Option<String>,
}

/// One of several strategies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedStrategy {
    /// Its name in tables and messages.
    pub name: String,
    /// Symbols it trades; none: all.
    #[serde(default)]
    pub symbols: Vec<String>,
    /// Share of the sizes and limits that its policy states which it trades with.
    #[serde(default)]
    pub weight: Weight,
    /// How it decides.
    pub policy: StrategyConfig,
}

/// One strategy of a run, however it was stated.
#[derive(Clone, Copy, Debug)]
pub struct StrategyRef<'a> {
    /// Its name.
    pub name: &'a str,
    /// Symbols it trades; none: all.
    pub symbols: &'a [String],
    /// Share of the sizes and limits that its policy states.
    pub weight: Weight,
    /// How it decides, before the weight.
    pub policy: &'a StrategyConfig,
}

impl StrategyRef<'_> {
    /// How it decides, by its weight.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the strategy and what is out of range then.
    pub fn weighted(&self) -> Result<StrategyConfig, ConfigError> {
        self.policy.weighted(self.weight).map_err(|error| {
            let weight = self.weight.share();
            let by_weight =
                if self.weight == Weight::ONE { String::new() } else { format!(" by weight {weight}") };
            ConfigError { key: "strategy", fault: format!("{}{by_weight}: {error}", self.name) }
        })
    }
}

/// Longest constant delay of market data: a day.
const FEED_LATENCY_NS_MAX: i64 = 86_400_000_000_000;

/// Most made-up records of a warm-up, which are made in memory.
const WARMUP_RECORDS_MAX: u32 = 10_000_000;

/// Most strategies of one run.
pub const STRATEGIES_MAX: usize = 256;

/// Where the market data of a journal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketInJournal {
    /// In the journal itself: it replays alone.
    Copy,
    /// In the tick file, named in the head by content hash: 64 bytes a message are saved.
    #[default]
    Reference,
}

/// Journal of a run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Whether market records are copied or referred to.
    pub market: MarketInJournal,
    /// Bytes of one segment file.
    pub segment_bytes: u64,
    /// Whether records carry checksums.
    pub checksum: bool,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { market: MarketInJournal::Reference, segment_bytes: 64 << 20, checksum: true }
    }
}

/// Report of a run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// Equity is sampled this often, milliseconds.
    pub sample_ms: u32,
    /// Times after a fill at which the mid is compared, milliseconds.
    pub markouts_ms: Vec<u32>,
    /// Equity before the first record, in the account's currency.
    pub opening_equity: f64,
    /// Whether the report tells where our orders stood in their queues. Worked out after the run, at no cost to it.
    pub queue_positions: bool,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            sample_ms: 1000,
            markouts_ms: vec![100, 1_000, 10_000, 60_000],
            opening_equity: 1_000_000.0,
            queue_positions: true,
        }
    }
}

/// A key that cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct ConfigError {
    /// Full path of the key.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub fault: String,
}

/// A policy that names instruments has to trade them, or it never sees them.
fn hears_its_legs(strategy: &StrategyRef<'_>) -> Result<(), ConfigError> {
    let named: Vec<&String> = match strategy.policy {
        StrategyConfig::MarketMaking(policy) => {
            let legs = policy.hedge.iter().flat_map(|hedge| hedge.ratios.keys().chain([&hedge.symbol]));
            legs.collect()
        }
        StrategyConfig::Pairs(policy) => policy.pairs.iter().flat_map(|pair| [&pair.y, &pair.x]).collect(),
        _ => Vec::new(),
    };
    let is_heard = |symbol: &String| strategy.symbols.is_empty() || strategy.symbols.contains(symbol);
    match named.into_iter().find(|symbol| !is_heard(symbol)) {
        Some(symbol) => {
            let fault = format!("{}: {symbol}, which it names, is not among its symbols", strategy.name);
            Err(ConfigError { key: "strategies.symbols", fault })
        }
        None => Ok(()),
    }
}

impl DeskConfig {
    /// Checks what no single room can see.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |key, fault: &str| Err(ConfigError { key, fault: fault.to_owned() });
        if self
            .data
            .feed_latency_ns
            .is_some_and(|latency_ns| !(0..=FEED_LATENCY_NS_MAX).contains(&latency_ns))
        {
            return fail("data.feed_latency_ns", "must be from 0 to 86400000000000");
        }
        if self.data.bars.is_some_and(|bars| !bars.is_sound()) {
            return fail(
                "data.bars",
                "half_spread_bps must be from 0 to 10000, touch_share_bps from 0 to 10000",
            );
        }
        if let Some(model) = &self.data.feed_latency {
            model
                .validate(Way::Feed)
                .map_err(|error| ConfigError { key: "data.feed_latency", fault: error.to_string() })?;
        }
        if self.data.dates.len() > self.data.files.len() {
            return fail("data.dates", "names more dates than data.files names files");
        }
        if !(2..=1 << 13).contains(&self.run.ring_slots) {
            return fail("run.ring_slots", "must be from 2 to 8192");
        }
        if !(1..=1 << 20).contains(&self.run.open_orders_max) {
            return fail("run.open_orders_max", "must be from 1 to 1048576");
        }
        if !(1024..=1 << 28).contains(&self.run.book_orders_capacity) {
            return fail("run.book_orders_capacity", "must be from 1024 to 268435456");
        }
        if self.run.warmup_records > WARMUP_RECORDS_MAX {
            return fail("run.warmup_records", "must be at most 10000000");
        }
        let segment_bytes = self.journal.segment_bytes;
        if !(1 << 16..=1 << 36).contains(&segment_bytes) || !segment_bytes.is_multiple_of(4096) {
            return fail("journal.segment_bytes", "must be from 65536 to 68719476736, a multiple of 4096");
        }
        if self.report.sample_ms == 0 {
            return fail("report.sample_ms", "must be positive");
        }
        let mut before = 0;
        for millis in &self.report.markouts_ms {
            if *millis <= before {
                let fault = format!("must be positive and ascend, {millis} follows {before}");
                return Err(ConfigError { key: "report.markouts_ms", fault });
            }
            before = *millis;
        }
        if !self.report.opening_equity.is_finite() {
            return fail("report.opening_equity", "must be a finite number");
        }
        if self.data.synth.symbols == 0 || self.data.synth.messages < 1000 {
            return fail("data.synth", "needs at least one symbol and 1000 messages");
        }
        if self.data.synth.pairs > self.data.synth.symbols / 2 {
            return fail("data.synth.pairs", "must be at most half the symbols");
        }
        let strategies = self.all_strategies();
        if strategies.is_empty() || self.strategy.is_stated() && !self.strategies.is_empty() {
            return fail("strategy", "state either [strategy] or one or more [[strategies]]");
        }
        if strategies.len() > STRATEGIES_MAX {
            return fail("strategies", "are at most 256");
        }
        for (place, strategy) in strategies.iter().enumerate() {
            if strategies[..place].iter().any(|other| other.name == strategy.name) {
                let fault = format!("two are named {:?}", strategy.name);
                return Err(ConfigError { key: "strategies", fault });
            }
            hears_its_legs(strategy)?;
            match strategy.policy {
                StrategyConfig::MarketMaking(policy) => policy.validate(),
                StrategyConfig::TouchQuoting(policy) => policy.validate(),
                StrategyConfig::Model(policy) => policy.validate(),
                StrategyConfig::Momentum(policy) => policy.validate(),
                StrategyConfig::Pairs(policy) => policy.validate(),
                StrategyConfig::Target(policy) => policy.validate(),
                StrategyConfig::Idle | StrategyConfig::Unstated => Ok(()),
            }
            .map_err(|error| ConfigError { key: "strategy", fault: format!("{}: {error}", strategy.name) })?;
            strategy.weighted()?;
        }
        self.limits.validate().map_err(|error| ConfigError { key: "limits", fault: error.to_string() })?;
        self.venue.validate().map_err(|error| ConfigError { key: "venue", fault: error.to_string() })?;
        if self.run.timer_ms == 0 && self.limits.controls.needs_timer() {
            return fail(
                "run.timer_ms",
                "must be positive: controls under limits.controls look on the timer",
            );
        }
        crate::targets::validate(self)?;
        crate::operator::validate(self)
    }

    /// All strategies, by number.
    pub fn all_strategies(&self) -> Vec<StrategyRef<'_>> {
        let policy = &self.strategy;
        let one = policy.is_stated().then_some(StrategyRef {
            name: "strategy",
            symbols: &[],
            weight: Weight::ONE,
            policy,
        });
        let several = self.strategies.iter().map(|strategy| StrategyRef {
            name: &strategy.name,
            symbols: &strategy.symbols,
            weight: strategy.weight,
            policy: &strategy.policy,
        });
        one.into_iter().chain(several).collect()
    }

    /// The instruments of the run: those configured, else `announced`, those the tick files name. A full statement of the
    /// configuration goes before the tick file's.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where there is none, or one is nonsense.
    pub fn instrument_table(&self, announced: &[Instrument]) -> Result<InstrumentTable, ConfigError> {
        self.instruments.table(announced)
    }
}

impl InstrumentsConfig {
    /// The instruments of the run: those configured, else `announced`, those the tick files name. A full statement of the
    /// configuration goes before the tick file's.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where there is none, or one is nonsense.
    pub fn table(&self, announced: &[Instrument]) -> Result<InstrumentTable, ConfigError> {
        let named: Vec<String> = if self.symbols.is_empty() {
            announced.iter().map(|instrument| instrument.symbol.clone()).collect()
        } else {
            self.symbols.clone()
        };
        if named.is_empty() {
            return Err(ConfigError {
                key: "instruments.symbols",
                fault: "no symbol is configured and the tick file announces none: list the symbols to trade"
                    .to_owned(),
            });
        }
        let custom = &self.custom;
        let instruments = named
            .iter()
            .map(|symbol| {
                let stated = custom.iter().chain(announced).find(|instrument| &instrument.symbol == symbol);
                stated.cloned().unwrap_or_else(|| Instrument::us_equity(symbol))
            })
            .collect();
        InstrumentTable::new(instruments)
            .map_err(|error| ConfigError { key: "instruments", fault: error.to_string() })
    }
}
