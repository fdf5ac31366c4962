//! What the controls beside the single order are told: sections of the limits file, each whole or absent.

use serde::{Deserialize, Serialize};

use crate::limits::{LOTS_MAX, MONEY_MAX_CCY, check_range};
use crate::{LimitsError, TradingState};

const DAY_MS: i64 = 86_400_000;
/// A week: no window or pause is longer.
const SPAN_MS_MAX: i64 = 7 * DAY_MS;
/// Most executions a throttle can count: the gate keeps a time for each.
pub const EXECUTIONS_MAX: i64 = 10_000;

/// The controls of one gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlsConfig {
    /// When a trading day begins, milliseconds after midnight UTC. Needed by those that count by days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_start_ms: Option<i64>,
    /// Repeated executions of each strategy (control 7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<ExecutionsConfig>,
    /// Loss of each strategy (control 16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossConfig>,
    /// Loss of all strategies together (control 16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_total: Option<LossConfig>,
    /// Position of each instrument as a share of the equity (control 8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity: Option<EquityConfig>,
    /// Messages for each execution of an instrument (control 17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_ratio: Option<OrderRatioConfig>,
    /// Orders nothing is heard of (control 21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_orders: Option<UnknownOrdersConfig>,
    /// Our clock beside the venue's (control 25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockConfig>,
    /// What must hold before anything is sent (control 26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartConfig>,
    /// Disk, memory, queues and journal (control 27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesConfig>,
}

/// When executions of one strategy are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionsConfig {
    /// The strategy is off with this execution, where all of them fall into the window and none was confirmed.
    pub executions_max_count: i64,
    /// Length of the window, milliseconds.
    pub executions_window_ms: i64,
    /// What it may still do.
    pub state: TradingState,
}

/// When a loss is too large. Losses are realised and marked, after fees, in `currency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// Loss since the day began that trips until the next day.
    pub daily_loss_max_ccy: i64,
    /// Loss since Monday's day began that trips until the next week.
    pub weekly_loss_max_ccy: i64,
    /// Fall from the highest equity that trips until it is re-armed.
    pub drawdown_max_ccy: i64,
    /// Time after that trip before which it cannot be re-armed, milliseconds.
    pub drawdown_cooldown_ms: i64,
    /// What may still be done.
    pub state: TradingState,
}

/// How much of the equity one position may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquityConfig {
    /// Equity before the first record.
    pub opening_equity_ccy: i64,
    /// Value of a position at worst, long or short, in basis points of the equity.
    pub position_max_bps: i64,
}

/// How many messages an execution may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRatioConfig {
    /// Orders, replaces and cancels of an instrument and day for each execution.
    pub messages_per_execution_max: i64,
    /// Messages of an instrument and day before which nothing is judged.
    pub messages_min_count: i64,
    /// What may still be done in the instrument.
    pub state: TradingState,
}

/// When an order is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnknownOrdersConfig {
    /// Time without any answer after which nobody knows what the order did, milliseconds.
    pub unanswered_max_ms: i64,
}

/// How far two clocks may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// Difference that is worth a warning in the journal, milliseconds.
    pub offset_warn_ms: i64,
    /// Difference that halts everything, milliseconds.
    pub offset_halt_ms: i64,
}

/// What must hold before the first order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// Instruments with a firm book of the age and clock that `market` allows.
    pub feed_instruments_min_count: i64,
    /// The program that was approved, as `tickrace --version` prints it.
    pub approved_version: String,
    /// BLAKE3 of the configuration that was approved; a run with another says what its own is.
    pub approved_config_blake3: String,
    /// What the account's keeper says is held, signed lots by symbol; symbols absent are not held. It must be what the run
    /// opens with.
    pub statement_lots: std::collections::BTreeMap<String, i64>,
}

/// What the machine must have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourcesConfig {
    /// Free space where the journal is, MiB.
    pub disk_free_min_mib: i64,
    /// Memory the machine can still give, MiB.
    pub memory_available_min_mib: i64,
    /// Records between two looks of the sequencer that may wait in a ring, as a share of its slots, basis points.
    pub queue_depth_max_bps: i64,
    /// Journal that is not yet on the disk, MiB.
    pub journal_lag_max_mib: i64,
    /// What may still be done.
    pub state: TradingState,
}

impl ControlsConfig {
    /// Whether any control has to look at the time again and again: then the run's timer may not sleep.
    pub const fn needs_timer(&self) -> bool {
        self.loss.is_some()
            || self.loss_total.is_some()
            || self.equity.is_some()
            || self.order_ratio.is_some()
            || self.unknown_orders.is_some()
            || self.clock.is_some()
            || self.start.is_some()
    }

    /// Whether profit and loss are needed.
    pub(crate) const fn needs_money(&self) -> bool {
        self.loss.is_some() || self.loss_total.is_some() || self.equity.is_some()
    }

    /// Refuses nonsense.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] naming the first key at fault.
    pub fn validate(&self) -> Result<(), LimitsError> {
        if let Some(start) = self.day_start_ms
            && !(0..DAY_MS).contains(&start)
        {
            let wanted = "from 0 to 86399999";
            return Err(LimitsError::Range {
                section: "controls".to_owned(),
                key: "day_start_ms",
                wanted,
                got: start,
            });
        }
        let by_days = [
            ("loss", self.loss.is_some()),
            ("loss_total", self.loss_total.is_some()),
            ("order_ratio", self.order_ratio.is_some()),
        ];
        if self.day_start_ms.is_none()
            && let Some((section, _)) = by_days.into_iter().find(|(_, is_stated)| *is_stated)
        {
            return Err(LimitsError::NoDayStart { section });
        }
        if let Some(executions) = self.executions {
            executions.validate()?;
        }
        for (section, loss) in [("controls.loss", self.loss), ("controls.loss_total", self.loss_total)] {
            if let Some(loss) = loss {
                loss.validate(section)?;
            }
        }
        if let Some(equity) = self.equity {
            let section = "controls.equity";
            money(section, "opening_equity_ccy", equity.opening_equity_ccy)?;
            check_range(
                section,
                "position_max_bps",
                equity.position_max_bps,
                1_000_000,
                "from 1 to 1000000",
            )?;
        }
        if let Some(ratio) = self.order_ratio {
            let section = "controls.order_ratio";
            count(section, "messages_per_execution_max", ratio.messages_per_execution_max)?;
            count(section, "messages_min_count", ratio.messages_min_count)?;
            imposes(section, ratio.state)?;
        }
        if let Some(unknown) = self.unknown_orders {
            span("controls.unknown_orders", "unanswered_max_ms", unknown.unanswered_max_ms)?;
        }
        if let Some(clock) = self.clock {
            clock.validate()?;
        }
        if let Some(start) = &self.start {
            count("controls.start", "feed_instruments_min_count", start.feed_instruments_min_count)?;
        }
        self.resources.map_or(Ok(()), |resources| resources.validate())
    }
}

impl ExecutionsConfig {
    fn validate(&self) -> Result<(), LimitsError> {
        let section = "controls.executions";
        let count = self.executions_max_count;
        check_range(section, "executions_max_count", count, EXECUTIONS_MAX, "from 1 to 10000")?;
        span(section, "executions_window_ms", self.executions_window_ms)?;
        imposes(section, self.state)
    }
}

impl LossConfig {
    pub(crate) fn validate(&self, section: &str) -> Result<(), LimitsError> {
        money(section, "daily_loss_max_ccy", self.daily_loss_max_ccy)?;
        money(section, "weekly_loss_max_ccy", self.weekly_loss_max_ccy)?;
        money(section, "drawdown_max_ccy", self.drawdown_max_ccy)?;
        span(section, "drawdown_cooldown_ms", self.drawdown_cooldown_ms)?;
        imposes(section, self.state)
    }
}

impl ClockConfig {
    fn validate(&self) -> Result<(), LimitsError> {
        let section = "controls.clock";
        span(section, "offset_warn_ms", self.offset_warn_ms)?;
        span(section, "offset_halt_ms", self.offset_halt_ms)?;
        if self.offset_halt_ms < self.offset_warn_ms {
            return Err(LimitsError::Range {
                section: section.to_owned(),
                key: "offset_halt_ms",
                wanted: "at least offset_warn_ms",
                got: self.offset_halt_ms,
            });
        }
        Ok(())
    }
}

impl ResourcesConfig {
    fn validate(&self) -> Result<(), LimitsError> {
        let section = "controls.resources";
        for (key, value) in [
            ("disk_free_min_mib", self.disk_free_min_mib),
            ("memory_available_min_mib", self.memory_available_min_mib),
            ("journal_lag_max_mib", self.journal_lag_max_mib),
        ] {
            count(section, key, value)?;
        }
        let depth = self.queue_depth_max_bps;
        check_range(section, "queue_depth_max_bps", depth, 10_000, "from 1 to 10000")?;
        imposes(section, self.state)
    }
}

fn money(section: &str, key: &'static str, got: i64) -> Result<(), LimitsError> {
    check_range(section, key, got, MONEY_MAX_CCY, "from 1 to 10^15")
}

fn count(section: &str, key: &'static str, got: i64) -> Result<(), LimitsError> {
    check_range(section, key, got, LOTS_MAX, "from 1 to 2147483647")
}

fn span(section: &str, key: &'static str, got: i64) -> Result<(), LimitsError> {
    check_range(section, key, got, SPAN_MS_MAX, "from 1 to 604800000")
}

fn imposes(section: &str, state: TradingState) -> Result<(), LimitsError> {
    if state == TradingState::Active {
        return Err(LimitsError::Active { section: section.to_owned() });
    }
    Ok(())
}
