//! What the analysis of a run must be told: instruments, currency, horizons, and where the run came from.

use serde::{Deserialize, Serialize};
use tickrace_types::{InstrumentId, InstrumentTable};

use crate::{FundingRules, LatencySummary};

/// Markout horizons where nothing else is said: 100 ms, 1 s, 10 s, 60 s.
pub const MARKOUT_HORIZONS_NS: [i64; 4] = [100_000_000, 1_000_000_000, 10_000_000_000, 60_000_000_000];

/// Equity sampling interval where nothing else is said: one second.
pub const SAMPLE_NS: i64 = 1_000_000_000;

/// Nanoseconds of a day.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// What [`crate::Run`] must know before the first record. Start from [`RunConfig::new`].
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The run's instruments, index = id in the records.
    pub instruments: InstrumentTable,
    /// Currency all money of the report is in.
    pub account_currency: String,
    /// Equity before the first record, in the account's currency; absent where profit is not set against capital.
    pub opening_equity: Option<f64>,
    /// Positions held before the first record.
    pub opening_positions: Vec<OpeningPosition>,
    /// Times after a fill at which the mid is looked at, nanoseconds, positive, ascending.
    pub markout_horizons_ns: Vec<i64>,
    /// Interval of the equity samples, nanoseconds, positive.
    pub sample_ns: i64,
    /// What to add to a record's time to get local time of the venue, nanoseconds; names days and axis labels.
    pub utc_offset_ns: i64,
    /// Names of the gate's verdicts by code; a code without a name is shown as `reason-<code>`.
    pub refusal_names: Vec<(u8, String)>,
    /// Names of the strategies by number; one without a name is shown as `strategy <number>`.
    pub strategy_names: Vec<String>,
    /// How perpetual contracts are funded.
    pub funding: FundingRules,
    /// Headline of the report.
    pub title: String,
    /// Where the run came from.
    pub meta: RunMeta,
}

impl RunConfig {
    /// Defaults for everything but the instruments: US dollars, UTC, no opening state.
    pub fn new(instruments: InstrumentTable) -> Self {
        Self {
            instruments,
            account_currency: "USD".to_owned(),
            opening_equity: None,
            opening_positions: Vec::new(),
            markout_horizons_ns: MARKOUT_HORIZONS_NS.to_vec(),
            sample_ns: SAMPLE_NS,
            utc_offset_ns: 0,
            refusal_names: Vec::new(),
            strategy_names: Vec::new(),
            funding: FundingRules::default(),
            title: "Backtest".to_owned(),
            meta: RunMeta::default(),
        }
    }

    /// Sets the time zone from a local midnight, nanoseconds since the Unix epoch: 05:00 UTC is five hours behind.
    #[must_use]
    pub fn with_session_midnight(mut self, midnight_ns: i64) -> Self {
        let past = midnight_ns.rem_euclid(DAY_NS);
        // Zones reach from UTC-12 to UTC+14: a midnight up to noon UTC lies west of Greenwich.
        self.utc_offset_ns = if past <= DAY_NS / 2 { -past } else { DAY_NS - past };
        self
    }

    /// Checks what the sums rely on.
    ///
    /// # Errors
    ///
    /// [`AnalyticsError`] naming the key or instrument at fault.
    pub fn validate(&self) -> Result<(), AnalyticsError> {
        for instrument in self.instruments.as_slice() {
            let symbol = || instrument.symbol.clone();
            let paid_in = instrument.profit_currency();
            if paid_in != self.account_currency {
                return Err(AnalyticsError::Currency {
                    symbol: symbol(),
                    paid_in: paid_in.to_owned(),
                    account: self.account_currency.clone(),
                });
            }
        }
        if self.sample_ns <= 0 {
            return Err(AnalyticsError::Positive { key: "sample_ns", got: self.sample_ns });
        }
        if let FundingRules::ToldEvery(interval_ns) | FundingRules::Stated { interval_ns, .. } = self.funding
            && interval_ns <= 0
        {
            return Err(AnalyticsError::Positive { key: "funding.interval_ns", got: interval_ns });
        }
        let mut before = 0;
        for horizon in &self.markout_horizons_ns {
            if *horizon <= before {
                return Err(AnalyticsError::Horizons { got: *horizon, before });
            }
            before = *horizon;
        }
        for opening in &self.opening_positions {
            if opening.instrument.index() >= self.instruments.len() {
                return Err(AnalyticsError::Opening { instrument: opening.instrument });
            }
        }
        Ok(())
    }
}

/// A position held before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningPosition {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Lots, negative for a short position.
    pub qty_lots: i64,
    /// Price it is carried at, nano-units: profit counts from here.
    pub price_nanos: i64,
    /// Number of the strategy that holds it.
    pub strategy: u16,
}

/// Where a run came from: everything one needs to run it again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunMeta {
    /// The configuration as it was used, TOML.
    pub config_text: String,
    /// The command that was typed.
    pub command: String,
    /// Seed of the random numbers.
    pub seed: Option<u64>,
    /// Tick files read.
    pub files: Vec<InputFile>,
    /// Stages by thread: `[decode sequence book decide gate send]`.
    pub placement: String,
    /// Version, commit, compiler and profile.
    pub build: String,
    /// Processor and cores.
    pub host: String,
    /// Session date or dates, as one says them.
    pub session_date: String,
}

/// A tick file with its content hash.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InputFile {
    /// Path as given.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Content hash with its name: `blake3:…`.
    pub hash: String,
    /// Messages read from it.
    pub messages: u64,
}

/// What the machine did, as opposed to the market: measured by the caller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunTimings {
    /// Market messages handled.
    pub events: u64,
    /// Wall time of the run, seconds.
    pub wall_seconds: f64,
    /// From a message's arrival to the order it caused, over the messages that caused one.
    pub tick_to_order: Option<LatencySummary>,
    /// How it was taken, in a phrase: `service time, flat out` or `open loop at 100,000 messages a second`.
    pub tick_to_order_note: String,
    /// Latency of each hop, in the order of the walk.
    pub hops: Vec<LatencySummary>,
    /// Where the run was cut short: why.
    pub cut_short: Option<String>,
}

impl RunTimings {
    /// Events per wall second; 0 where no time was taken.
    pub fn events_per_second(&self) -> f64 {
        if self.wall_seconds > 0.0 { self.events as f64 / self.wall_seconds } else { 0.0 }
    }
}

/// Why an analysis cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnalyticsError {
    /// Its profit is in another currency than the account's.
    #[error(
        "instrument {symbol} earns {paid_in}, the account is in {account}: nothing is converted, so run instruments of one \
         currency together"
    )]
    Currency {
        /// Which.
        symbol: String,
        /// Its currency.
        paid_in: String,
        /// The account's.
        account: String,
    },
    /// A key that must be positive.
    #[error("{key} must be positive, it is {got}")]
    Positive {
        /// Which key.
        key: &'static str,
        /// What it is.
        got: i64,
    },
    /// Horizons must be positive and ascend.
    #[error("markout_horizons_ns must be positive and ascend, {got} follows {before}")]
    Horizons {
        /// The horizon at fault.
        got: i64,
        /// The one before it, or 0.
        before: i64,
    },
    /// Opening position of an instrument that is not in the table.
    #[error("opening position of unknown instrument {instrument}")]
    Opening {
        /// Which.
        instrument: InstrumentId,
    },
}
