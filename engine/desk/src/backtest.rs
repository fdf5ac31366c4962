//! A day through the whole desk against the simulated exchange.

use std::sync::Arc;

use tickrace_book::Books;
use tickrace_exchange::{Exchange, ExchangeError};
use tickrace_feeds::source::Source;
use tickrace_journal::Writer;
use tickrace_oms::{Oms, OmsConfig};
use tickrace_risk::{Gate, LimitsError, OpeningPosition, OpeningState};
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::placement::{Placement, PlacementError};
use tickrace_strategy::{MarketMaker, ModelPolicy, Momentum, Pairs, Policies, TargetFollower, TouchQuoter};
use tickrace_types::{AccountId, InstrumentTable, Price, SessionId, StrategyId, VenueId};

use crate::config::{DeskConfig, MarketInJournal, StrategyConfig};
use crate::meters::Stamps;
use crate::sim::SimGateway;
use crate::stages::decide::Seat;
use crate::stages::send::{NoTap, OrderTap};
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
        skips_idle_timers: config.run.skips_idle_timers && !config.limits.controls.needs_timer(),
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
    let mut seats = seats_of(config, instruments)?;
    let mut gate = gate_of(config, instruments)?;
    open_positions(config, instruments, &mut seats, &mut gate)?;
    Ok(Parts {
        market,
        entry,
        books: Books::new(instruments.len(), config.run.book_orders_capacity).with_grids(instruments),
        seats,
        gate,
        gateway,
        tap,
        inbound: journals.inbound,
        outbound: journals.outbound,
        instruments: instruments.clone(),
        words: config.words.clone(),
    })
}

/// The gate with every version of its limits that an operator may propose.
fn gate_of(config: &DeskConfig, instruments: &InstrumentTable) -> Result<Gate, DeskError> {
    let names: Vec<&str> = config.all_strategies().iter().map(|strategy| strategy.name).collect();
    let gate = Gate::new(&config.limits, instruments, config.run.open_orders_max)?
        .with_strategies(names.len())
        .with_strategy_limits(&config.limits, &names)?;
    let later = config.operator.iter().filter_map(|entry| entry.limits.as_deref());
    let add = |gate: Gate, (number, limits)| gate.with_limits_version(&config.limits, limits, number);
    Ok((1..).zip(later).try_fold(gate, add)?)
}

/// The strategies of a run, each with its own order management; numbers follow the configuration's order.
fn seats_of(config: &DeskConfig, instruments: &InstrumentTable) -> Result<Vec<Seat>, DeskError> {
    let mut seats = Vec::new();
    for (strategy, number) in config.all_strategies().into_iter().zip(0u16..) {
        let policy = match &strategy.weighted()? {
            StrategyConfig::MarketMaking(policy) => {
                Policies::MarketMaker(MarketMaker::new(policy, instruments)?)
            }
            StrategyConfig::TouchQuoting(policy) => Policies::TouchQuoter(TouchQuoter::new(policy)?),
            StrategyConfig::Model(policy) => Policies::Model(ModelPolicy::new(policy, instruments)?),
            StrategyConfig::Momentum(policy) => Policies::Momentum(Momentum::new(policy, instruments)?),
            StrategyConfig::Pairs(policy) => Policies::Pairs(Pairs::new(policy, instruments)?),
            StrategyConfig::Target(policy) => Policies::Target(TargetFollower::new(policy, instruments)?),
            StrategyConfig::Idle | StrategyConfig::Unstated => Policies::Idle,
        };
        let oms = Oms::new(
            &OmsConfig {
                open_orders_max: config.run.open_orders_max,
                strategy: StrategyId(number),
                account: AccountId(0),
                venue: VenueId(0),
                session: SessionId(0),
                first_client_id: 1,
                unacked_timeout_ns: UNACKED_TIMEOUT_NS,
            },
            instruments,
        );
        let is_traded = |symbol: &str| {
            strategy.symbols.is_empty() || strategy.symbols.iter().any(|traded| traded == symbol)
        };
        let trades = instruments.as_slice().iter().map(|instrument| is_traded(&instrument.symbol)).collect();
        seats.push(Seat { policy, oms, trades });
    }
    Ok(seats)
}

/// Hands positions taken over to whoever has to know of them: their strategy and the gate.
fn open_positions(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    seats: &mut [Seat],
    gate: &mut Gate,
) -> Result<(), DeskError> {
    let names: Vec<&str> = config.all_strategies().iter().map(|strategy| strategy.name).collect();
    for held in &config.opening {
        let fail = |fault: String| crate::ConfigError { key: "opening", fault };
        let id = instruments.find(&held.symbol);
        let id = id.ok_or_else(|| fail(format!("{} is not among the instruments", held.symbol)))?;
        let number = held.strategy.as_ref().map_or(Some(0), |name| names.iter().position(|one| one == name));
        let seat = number.and_then(|number| seats.get_mut(number));
        let seat = seat.ok_or_else(|| fail(format!("{}: no such strategy", held.symbol)))?;
        if seat.oms.position(id) != 0 {
            return Err(fail(format!("{} is stated twice for one strategy", held.symbol)).into());
        }
        seat.oms.carry(id, held.lots, Price(held.price_nanos));
        let position = OpeningPosition {
            strategy: StrategyId(u16::try_from(number.unwrap_or(0)).unwrap_or(0)),
            instrument: id,
            account: AccountId(0),
            qty_lots: held.lots,
            mark: Price(held.price_nanos),
        };
        let opening = OpeningState { positions: vec![position], ..OpeningState::default() };
        gate.restore(&opening).map_err(|error| fail(error.to_string()))?;
    }
    Ok(())
}

/// The simulated venue of the configuration, and the source that is left to the sequencer. Where one reading serves both, the
/// venue leads with the desk's.
///
/// # Errors
///
/// [`DeskError::Venue`] naming the key.
pub fn simulated<S: Source>(
    config: &DeskConfig,
    layout: &Layout,
    instruments: &InstrumentTable,
    market: S,
    venue_market: S,
) -> Result<(SimGateway<S>, S), DeskError> {
    let exchange = Exchange::new(&config.venue, instruments, config.run.book_orders_capacity)?
        .seeded(&config.venue, config.run.seed)?;
    let response_latency_ns = config.venue.response_latency_ns_min();
    let world = |market| SimGateway::new(exchange, market, response_latency_ns, layout.return_slots);
    Ok(if layout.is_fused() && market.serves_both() {
        (world(market).leading(), venue_market)
    } else {
        (world(venue_market), market)
    })
}

/// A finished backtest.
pub type Finished<S, E, T = NoTap> = Ran<S, E, SimGateway<S>, T>;

/// Runs `market` through the desk; `venue_market` is the same data once more, for the exchange. Where both meet the same
/// records in the same order on one thread ([`Source::serves_both`]), the first is read for both, and the second not at all.
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
    run_tapped(config, instruments, market, venue_market, entry, NoTap, journals, stamps, kill)
}

/// The same; `tap` sees each order as it leaves.
///
/// # Errors
///
/// [`DeskError`]: a configuration no room accepts, or a street that broke.
#[allow(clippy::too_many_arguments, reason = "one run's worlds, each named once")]
pub fn run_tapped<S, E, T>(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    market: S,
    venue_market: S,
    entry: E,
    tap: T,
    journals: Journals,
    stamps: &Arc<Stamps>,
    kill: &Arc<KillFlag>,
) -> Result<Finished<S, E, T>, DeskError>
where
    S: Source + Send + 'static,
    E: Entry,
    T: OrderTap + Send + 'static,
{
    let layout = layout(config)?;
    let (gateway, market) = simulated(config, &layout, instruments, market, venue_market)?;
    let parts = parts(config, instruments, market, entry, gateway, tap, journals)?;
    let mut ran = street::run(parts, &layout, stamps, kill)?;
    ran.send.gateway_mut().hand_over(&mut ran.market, &mut ran.book);
    Ok(ran)
}
