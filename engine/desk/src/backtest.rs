//! A day through the whole desk against the simulated exchange.

use std::sync::Arc;

use tickrace_book::Books;
use tickrace_exchange::{Exchange, ExchangeError};
use tickrace_feeds::source::Source;
use tickrace_journal::Writer;
use tickrace_oms::{Oms, OmsConfig};
use tickrace_risk::{Gate, LimitsError};
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::placement::{Placement, PlacementError};
use tickrace_strategy::{MarketMaker, Policies, TouchQuoter};
use tickrace_types::{AccountId, InstrumentTable, SessionId, StrategyId, VenueId};

use crate::config::{DeskConfig, MarketInJournal, StrategyConfig};
use crate::meters::Stamps;
use crate::sim::SimGateway;
use crate::stages::send::NoTap;
use crate::stages::sequence::Entry;
use crate::street::{self, Layout, Parts, Ran, StreetError};

/// A request unanswered for longer is in doubt.
const UNACKED_TIMEOUT_NS: i64 = 5_000_000_000;

/// Why a desk cannot be assembled or run.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::ConfigError),
    /// The limits.
    #[error("limits: {0}")]
    Limits(#[from] LimitsError),
    /// The venue.
    #[error("venue: {0}")]
    Venue(#[from] ExchangeError),
    /// The strategy.
    #[error("strategy: {0}")]
    Strategy(#[from] tickrace_strategy::ConfigError),
    /// The placement.
    #[error("run.placement: {0}")]
    Placement(#[from] PlacementError),
    /// The run itself.
    #[error(transparent)]
    Street(#[from] StreetError),
}

/// The two journal streams of a run.
#[derive(Default)]
pub struct Journals {
    /// What came in.
    pub inbound: Option<Writer>,
    /// What went out.
    pub outbound: Option<Writer>,
}

/// How the street is laid out, from the configuration.
///
/// # Errors
///
/// [`DeskError::Placement`] naming the fault.
pub fn layout(config: &DeskConfig) -> Result<Layout, DeskError> {
    let placement = Placement::parse(&config.run.placement)?;
    let response_latency_ns = config.venue.response_latency_ns_min();
    let lookahead_ns = config.venue.order_latency_ns_min().saturating_add(response_latency_ns);
    Ok(Layout {
        placement,
        idle: config.run.idle,
        is_pinned: config.run.is_pinned,
        ring_slots: config.run.ring_slots,
        // Every open order may be filled, replaced and cancelled at one instant, and every request refused.
        return_slots: (config.run.open_orders_max * 4).max(1024),
        hop_sample_log2: config.run.hop_sample_log2,
        copy_market: config.journal.market == MarketInJournal::Copy,
        timer_ns: i64::from(config.run.timer_ms) * 1_000_000,
        skips_idle_timers: config.run.skips_idle_timers,
        lookahead_ns,
        refusal_latency_ns: response_latency_ns,
    })
}

/// Joins the rooms: everything but the market, the gateway and the journals comes from the configuration.
///
/// # Errors
///
/// [`DeskError`] naming the room and the key.
pub fn parts<S, E, G, T>(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    market: S,
    entry: E,
    gateway: G,
    tap: T,
    journals: Journals,
) -> Result<Parts<S, E, G, T>, DeskError> {
    let policy = match &config.strategy {
        StrategyConfig::MarketMaking(strategy) => {
            Policies::MarketMaker(MarketMaker::new(strategy, instruments)?)
        }
        StrategyConfig::TouchQuoting(strategy) => Policies::TouchQuoter(TouchQuoter::new(strategy)?),
        StrategyConfig::Idle => Policies::Idle,
    };
    let oms = Oms::new(
        &OmsConfig {
            open_orders_max: config.run.open_orders_max,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: UNACKED_TIMEOUT_NS,
        },
        instruments,
    );
    let gate = Gate::new(&config.limits, instruments, config.run.open_orders_max)?;
    Ok(Parts {
        market,
        entry,
        books: Books::new(instruments.len(), config.run.book_orders_capacity).with_grids(instruments),
        policy,
        oms,
        gate,
        gateway,
        tap,
        inbound: journals.inbound,
        outbound: journals.outbound,
        instruments: instruments.clone(),
    })
}

/// A finished backtest.
pub type Finished<S, E> = Ran<S, E, SimGateway<S>, NoTap>;

/// Runs `market` through the desk; `venue_market` is the same data once more, for the exchange.
///
/// # Errors
///
/// [`DeskError`]: a configuration no room accepts, or a street that broke.
#[allow(clippy::too_many_arguments, reason = "one run's worlds, each named once")]
pub fn run<S, E>(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    market: S,
    venue_market: S,
    entry: E,
    journals: Journals,
    stamps: &Arc<Stamps>,
    kill: &Arc<KillFlag>,
) -> Result<Finished<S, E>, DeskError>
where
    S: Source + Send + 'static,
    E: Entry,
{
    let layout = layout(config)?;
    let exchange = Exchange::new(&config.venue, instruments, config.run.book_orders_capacity)?
        .seeded(&config.venue, config.run.seed)?;
    let gateway =
        SimGateway::new(exchange, venue_market, config.venue.response_latency_ns_min(), layout.return_slots);
    let parts = parts(config, instruments, market, entry, gateway, NoTap, journals)?;
    Ok(street::run(parts, &layout, stamps, kill)?)
}
