//! The report as data: everything the page and `summary.json` show.

use serde::Serialize;
use tickrace_types::{Cash, Side};

use crate::around::AroundFills;
use crate::days::Day;
use crate::drawdown::Drawdown;
use crate::equity::{EquitySeries, InstrumentSeries};
use crate::markout::Markouts;
use crate::money;
use crate::portfolio::Portfolio;
use crate::queue::QueueReport;
use crate::quotes::QuoteStats;
use crate::strategies::{Sources, StrategyReport};
use crate::tape::Quote;
use crate::trades::{TradeStats, Trip};
use crate::{LatencySummary, RunMeta, RunTimings};

/// Outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// Headline.
    pub title: String,
    /// Currency of all money.
    pub account_currency: String,
    /// Equity before the first record.
    pub opening_equity: Option<f64>,
    /// First and last time seen, nanoseconds since the Unix epoch; 0 where nothing was.
    pub first_ns: i64,
    /// See `first_ns`.
    pub last_ns: i64,
    /// Local time of the venue minus UTC, nanoseconds.
    pub utc_offset_ns: i64,
    /// Sums over instruments.
    pub total: Figures,
    /// One each that was seen in the market or traded, in the order of the table.
    pub by_instrument: Vec<InstrumentReport>,
    /// The same money by strategy, in the order of their numbers.
    pub strategies: Vec<StrategyReport>,
    /// The strategies taken together; absent under two of them.
    pub portfolio: Option<Portfolio>,
    /// Parts of the net profit; together they are it.
    pub sources: Sources,
    /// Net profit by hour of the local day; together they are the net profit.
    pub by_hour: Vec<HourPnl>,
    /// Statistics of all closed round trips.
    pub trades: TradeStats,
    /// Closed round trips in order of time, at most [`TRIPS_MAX`].
    #[serde(skip)]
    pub trips: Vec<Trip>,
    /// Refusals of our gate and of the venue by reason, most frequent first.
    pub refusals: Vec<ReasonCount>,
    /// What controls imposed and operators said, by name.
    pub controls: std::collections::BTreeMap<String, u64>,
    /// Equity and drawdown over time.
    pub equity: EquitySeries,
    /// Deepest fall of the sampled equity.
    pub drawdown: Drawdown,
    /// Profit by local day.
    pub days: Vec<Day>,
    /// Annualised ratio of daily returns, absent under 20 days.
    pub sharpe: Option<f64>,
    /// Our fills in order of time, at most [`FILLS_MAX`].
    #[serde(skip)]
    pub fills: Vec<FillMark>,
    /// Where our orders stood in their queues; absent where nobody watched.
    #[serde(skip)]
    pub queue: Option<QueueReport>,
    /// The mid around our fills.
    #[serde(skip)]
    pub around: AroundFills,
    /// Time from acceptance to the end of our orders.
    pub lifetimes: LatencySummary,
    /// SHA-256 over the outbound orders.
    pub order_digest: String,
    /// Records of instruments that are not in the table; 0 in a sound run.
    pub unknown_records: u64,
    /// What the machine did.
    pub timings: RunTimings,
    /// Where the run came from.
    pub meta: RunMeta,
}

/// Net profit made in one hour of the local day, over all days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HourPnl {
    /// From 0 to 23.
    pub hour: u8,
    /// Net profit.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
}

/// Most round trips kept; their statistics know all of them.
pub const TRIPS_MAX: usize = 1 << 20;

/// Most fills kept for the plots; counts and sums know all of them.
pub const FILLS_MAX: usize = 1 << 20;

/// Money, orders and quotes, of one instrument or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Requests and what became of them.
    pub orders: OrderCounts,
    /// Fills.
    pub fills: u64,
    /// Fills that rested.
    pub maker_fills: u64,
    /// Fills that took.
    pub taker_fills: u64,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Lots bought.
    pub bought_lots: i64,
    /// Lots sold.
    pub sold_lots: i64,
    /// Value traded.
    #[serde(serialize_with = "money::serialize")]
    pub notional: Cash,
    /// Cash plus positions at their last mark.
    #[serde(serialize_with = "money::serialize")]
    pub gross_pnl: Cash,
    /// Fees less rebates.
    #[serde(serialize_with = "money::serialize")]
    pub fees: Cash,
    /// What the fees were for; together they are the fees. Empty where nobody told.
    pub costs: Vec<CostItem>,
    /// Funding of perpetual contracts: received less paid.
    #[serde(serialize_with = "money::serialize")]
    pub funding: Cash,
    /// Gross minus fees plus funding, exactly.
    #[serde(serialize_with = "money::serialize")]
    pub net_pnl: Cash,
    /// Part of gross earned by closed lots, at average cost.
    #[serde(serialize_with = "money::serialize")]
    pub realised_pnl: Cash,
    /// Part of gross on open lots.
    #[serde(serialize_with = "money::serialize")]
    pub unrealised_pnl: Cash,
    /// Part of gross from trading at better prices than the mid.
    #[serde(serialize_with = "money::serialize")]
    pub spread_captured: Cash,
    /// Part of gross from holding positions while the mid moved.
    #[serde(serialize_with = "money::serialize")]
    pub inventory_drift: Cash,
    /// Time-weighted quote statistics.
    pub quotes: QuoteStats,
    /// Where the mid went after our fills.
    pub markouts: Markouts,
}

/// What part of the fees was for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CostItem {
    /// Its name.
    pub name: String,
    /// Paid; negative where it was received.
    #[serde(serialize_with = "money::serialize")]
    pub amount: Cash,
}

/// Adds an amount to the item of that name.
pub(crate) fn add_cost(costs: &mut Vec<CostItem>, name: &str, amount: Cash) {
    match costs.iter_mut().find(|item| item.name == name) {
        Some(item) => item.amount += amount,
        None => costs.push(CostItem { name: name.to_owned(), amount }),
    }
}

/// Requests by kind and answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OrderCounts {
    /// New orders asked for.
    pub new: u64,
    /// Replaces asked for.
    pub replace: u64,
    /// Cancels asked for.
    pub cancel: u64,
    /// Of all of them, passed by our gate.
    pub passed: u64,
    /// Refused by our gate.
    pub refused: u64,
    /// Orders that came to stand at the venue: accepted or replaced.
    pub stood: u64,
    /// Of those, with at least one fill.
    pub filled: u64,
    /// Orders that ended by cancel.
    pub cancelled: u64,
    /// New orders the venue refused.
    pub venue_rejected: u64,
    /// Cancels and replaces the venue refused.
    pub cancel_rejected: u64,
}

impl OrderCounts {
    /// All requests.
    pub const fn total(&self) -> u64 {
        self.new + self.replace + self.cancel
    }

    /// Adds another instrument's.
    pub fn merge(&mut self, other: &Self) {
        self.new += other.new;
        self.replace += other.replace;
        self.cancel += other.cancel;
        self.passed += other.passed;
        self.refused += other.refused;
        self.stood += other.stood;
        self.filled += other.filled;
        self.cancelled += other.cancelled;
        self.venue_rejected += other.venue_rejected;
        self.cancel_rejected += other.cancel_rejected;
    }
}

impl Figures {
    /// Share of standing orders that traded.
    pub fn fill_ratio(&self) -> Option<f64> {
        ratio(self.orders.filled, self.orders.stood)
    }

    /// Orders cancelled for each fill.
    pub fn cancel_to_fill(&self) -> Option<f64> {
        ratio(self.orders.cancelled, self.fills)
    }

    /// Messages sent to the venue for each fill.
    pub fn messages_per_fill(&self) -> Option<f64> {
        ratio(self.orders.passed, self.fills)
    }

    /// Net profit for each unit of value traded, basis points.
    pub fn net_bps(&self) -> Option<f64> {
        let notional = self.notional.to_f64();
        (notional > 0.0).then(|| self.net_pnl.to_f64() / notional * 1e4)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Outcome in one instrument.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InstrumentReport {
    /// Venue symbol.
    pub symbol: String,
    /// Id in the records.
    pub instrument: u32,
    /// Money, orders and quotes.
    pub figures: Figures,
    /// Lots held at the end.
    pub position: i64,
    /// Least lots held.
    pub position_min: i64,
    /// Most lots held.
    pub position_max: i64,
    /// Last mark, units of price; absent where there never was one.
    pub mark: Option<f64>,
    /// How long which position was held.
    pub inventory: Vec<InventoryBin>,
    /// Position, profit and mark over time; empty where it was never traded nor asked to.
    pub series: InstrumentSeries,
    /// The market's best prices from our first order on, fewer far from our fills where there are many.
    #[serde(skip)]
    pub market: Vec<Quote>,
    /// Our own best prices likewise.
    #[serde(skip)]
    pub ours: Vec<Quote>,
}

/// Share of the time the position lay in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct InventoryBin {
    /// Lowest position of the bin, lots.
    pub from_lots: i64,
    /// Highest position of the bin, lots.
    pub to_lots: i64,
    /// Share of the observed time.
    pub share: f64,
}

/// How often something was refused for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// `gate` or `venue`.
    pub by: &'static str,
    /// Code in the records.
    pub code: u8,
    /// Name.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// One fill, as the price plot shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillMark {
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Nano-units.
    pub price: i64,
    /// Lots.
    pub qty: i64,
    /// Instrument id.
    pub instrument: u32,
    /// Our side.
    pub side: Side,
    /// Whether we took.
    pub taker: bool,
}
