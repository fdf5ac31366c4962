//! What was traded, and where the money came from: the run's side of the tear sheet.

use std::collections::BTreeMap;

use serde::Serialize;
use tickrace_types::Cash;

use crate::figures::{HourPnl, InstrumentReport, RunReport};
use crate::money;
use crate::performance::regime::{self, Regime, Window};
use crate::strategies::Sources;
use crate::trades::{TradeStats, Trip};

/// Length of the blocks in which the kind of market is told within a day, nanoseconds: a quarter of an hour.
pub const BLOCK_NS: i64 = 900_000_000_000;

/// Points of the plot of excursions.
const EXCURSIONS_MAX: usize = 1500;

/// What was traded. Money in `account_currency`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trading {
    /// Currency of all money.
    pub account_currency: String,
    /// Equity before the first record.
    pub opening_equity: Option<f64>,
    /// Gross minus fees plus funding.
    pub net_pnl: f64,
    /// Orders, fills and lots.
    pub orders: u64,
    /// See `orders`.
    pub fills: u64,
    /// See `orders`.
    pub volume_lots: i64,
    /// Value traded.
    pub notional: f64,
    /// Net profit over value traded, basis points.
    pub net_bps: Option<f64>,
    /// Parts of the net profit; together they are it.
    pub sources: Sources,
    /// By strategy.
    pub by_strategy: Vec<Attribution>,
    /// By instrument.
    pub by_instrument: Vec<Attribution>,
    /// By hour of the venue's day.
    pub by_hour: Vec<HourPnl>,
    /// By kind of market, in blocks of a quarter of an hour, each instrument by its own mid.
    pub by_regime: Vec<RegimeMoney>,
    /// Round trips of both directions, of longs and of shorts.
    pub trades: [TradeFigures; 3],
    /// Trips for the plot of excursions: worst, best and net, evenly chosen where there are many; in order of time.
    #[serde(skip)]
    pub excursions: Vec<[f64; 3]>,
    /// Times held, seconds, ascending.
    #[serde(skip)]
    pub held_seconds: Vec<f64>,
    /// Equity over time, for runs of less than 20 days.
    #[serde(skip)]
    pub intraday: Vec<(i64, f64)>,
    /// Local time less UTC, nanoseconds.
    #[serde(skip)]
    pub utc_offset_ns: i64,
}

/// Money of one strategy or instrument.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Attribution {
    /// Its name.
    pub name: String,
    /// Net profit.
    pub net_pnl: f64,
    /// Share of the sum of all; absent where that is nothing.
    pub share: Option<f64>,
    /// Spread captured by fills that rested.
    pub spread: f64,
    /// Spread paid by fills that took; absent by instrument, where it stands under `spread`.
    pub slippage: Option<f64>,
    /// Moves of the mid while positions were held.
    pub inventory: f64,
    /// Fees as money received.
    pub fees: f64,
    /// Funding.
    pub funding: f64,
    /// Fills.
    pub fills: u64,
    /// Lots traded.
    pub volume_lots: i64,
}

/// Money of one kind of market.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RegimeMoney {
    /// `volatility`, `trend`, or `none` of blocks without prices.
    pub question: &'static str,
    /// Name of the answer.
    pub regime: &'static str,
    /// Blocks, over all instruments.
    pub blocks: usize,
    /// Net profit: the rows of one question, with the row of none, add up to the net profit.
    pub net_pnl: f64,
}

/// Figures of round trips, after fees.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TradeFigures {
    /// `all`, `long` or `short`.
    pub direction: &'static str,
    /// Closed trips.
    pub count: u64,
    /// Share with a profit.
    pub win_rate: Option<f64>,
    /// Profits over losses.
    pub profit_factor: Option<f64>,
    /// Mean net profit of a trip.
    pub expectancy: Option<f64>,
    /// Mean profit of those with one.
    pub win_mean: Option<f64>,
    /// Mean loss of those with one.
    pub loss_mean: Option<f64>,
    /// Mean time held, seconds.
    pub held_mean_seconds: Option<f64>,
    /// Median time held, seconds.
    pub held_median_seconds: Option<f64>,
    /// Mean of the worst gross profit on the way (maximum adverse excursion).
    pub adverse_mean: Option<f64>,
    /// Mean of the best (maximum favourable excursion).
    pub favourable_mean: Option<f64>,
    /// Net profit of all.
    pub net_pnl: f64,
}

impl Trading {
    /// Of a run.
    pub fn of(run: &RunReport) -> Self {
        let net_pnl = money::nearest(run.total.net_pnl);
        let share = |own: f64| (net_pnl != 0.0).then(|| own / net_pnl);
        let by_strategy = run.strategies.iter().map(|one| {
            let net = money::nearest(one.net_pnl);
            let Sources { spread, slippage, inventory, fees, funding } = one.sources;
            Attribution {
                name: one.name.clone(),
                net_pnl: net,
                share: share(net),
                spread: money::nearest(spread),
                slippage: Some(money::nearest(slippage)),
                inventory: money::nearest(inventory),
                fees: money::nearest(fees),
                funding: money::nearest(funding),
                fills: one.fills,
                volume_lots: one.volume_lots,
            }
        });
        let by_instrument = run.by_instrument.iter().map(|one| {
            let figures = &one.figures;
            let net = money::nearest(figures.net_pnl);
            Attribution {
                name: one.symbol.clone(),
                net_pnl: net,
                share: share(net),
                spread: money::nearest(figures.spread_captured),
                slippage: None,
                inventory: money::nearest(figures.inventory_drift),
                fees: money::nearest(-figures.fees),
                funding: money::nearest(figures.funding),
                fills: figures.fills,
                volume_lots: figures.volume_lots,
            }
        });
        let (from, of_one) = (run.trips.len().div_ceil(EXCURSIONS_MAX).max(1), |trip: &Trip| {
            [trip.worst, trip.best, trip.net()].map(money::nearest)
        });
        let samples = run.equity.ts_ns.iter().zip(&run.equity.equity);
        Self {
            account_currency: run.account_currency.clone(),
            opening_equity: run.opening_equity,
            net_pnl,
            orders: run.total.orders.total(),
            fills: run.total.fills,
            volume_lots: run.total.volume_lots,
            notional: money::nearest(run.total.notional),
            net_bps: run.total.net_bps(),
            sources: run.sources,
            by_strategy: by_strategy.collect(),
            by_instrument: by_instrument.collect(),
            by_hour: run.by_hour.clone(),
            by_regime: by_regime(run),
            trades: [
                TradeFigures::of("all", run, |_| true),
                TradeFigures::of("long", run, |trip| trip.is_long),
                TradeFigures::of("short", run, |trip| !trip.is_long),
            ],
            excursions: run.trips.iter().step_by(from).map(of_one).collect(),
            held_seconds: held_seconds(run.trips.iter()),
            intraday: samples.map(|(ts_ns, equity)| (*ts_ns, *equity)).collect(),
            utc_offset_ns: run.utc_offset_ns,
        }
    }
}

impl TradeFigures {
    fn of(direction: &'static str, run: &RunReport, takes: fn(&Trip) -> bool) -> Self {
        let trips = || run.trips.iter().filter(|trip| takes(trip));
        let mut stats = TradeStats::default();
        trips().for_each(|trip| stats.add(trip));
        if direction == "all" {
            // These know trips beyond those kept.
            stats = run.trades;
        }
        let held = held_seconds(trips());
        let excursions = stats.excursion_means();
        Self {
            direction,
            count: stats.count,
            win_rate: stats.win_rate(),
            profit_factor: stats.profit_factor(),
            expectancy: stats.expectancy(),
            win_mean: stats.win_mean(),
            loss_mean: stats.loss_mean(),
            held_mean_seconds: stats.held_mean_ns().map(|ns| ns as f64 / 1e9),
            held_median_seconds: tickrace_stats::quantile(&held, 0.5).ok(),
            adverse_mean: excursions.map(|pair| pair.0),
            favourable_mean: excursions.map(|pair| pair.1),
            net_pnl: money::nearest(stats.won + stats.lost),
        }
    }
}

fn held_seconds<'a>(trips: impl Iterator<Item = &'a Trip>) -> Vec<f64> {
    let mut held: Vec<f64> = trips.map(|trip| (trip.closed_ns - trip.opened_ns) as f64 / 1e9).collect();
    held.sort_by(f64::total_cmp);
    held
}

/// Profit and market of one block of one instrument.
#[derive(Clone, Debug, Default)]
struct Block {
    net: f64,
    steps: Vec<f64>,
}

fn by_regime(run: &RunReport) -> Vec<RegimeMoney> {
    let mut sums: BTreeMap<(u8, &'static str, &'static str), (usize, f64)> = BTreeMap::new();
    for (place, kind) in (0u8..).zip(regime::Volatility::ALL) {
        sums.insert((place, "volatility", kind.name()), (0, 0.0));
    }
    for (place, kind) in (3u8..).zip(regime::Trend::ALL) {
        sums.insert((place, "trend", kind.name()), (0, 0.0));
    }
    let mut told = 0.0;
    for instrument in &run.by_instrument {
        let blocks = blocks_of(instrument, &run.equity.ts_ns);
        let moved: Vec<f64> = blocks.iter().map(|block| Window::of(&block.steps).moved).collect();
        let windows: Vec<Window> = blocks.iter().map(|block| Window::of(&block.steps)).collect();
        for (block, Regime { volatility, trend }) in blocks.iter().zip(regime::classify(&moved, &windows)) {
            told += block.net;
            for name in [("volatility", volatility.name()), ("trend", trend.name())] {
                if let Some((_, sum)) = sums.iter_mut().find(|(key, _)| (key.1, key.2) == name) {
                    sum.0 += 1;
                    sum.1 += block.net;
                }
            }
        }
    }
    let mut rows: Vec<RegimeMoney> = sums
        .into_iter()
        .map(|((_, question, regime), (blocks, net_pnl))| RegimeMoney { question, regime, blocks, net_pnl })
        .collect();
    let rest = money::nearest(run.total.net_pnl) - told;
    // What rounding of floats leaves is nothing.
    let is_rounding = rest.abs() <= 1e-9 * money::nearest(run.total.notional).abs().max(1.0);
    let net_pnl = if is_rounding { 0.0 } else { rest };
    rows.push(RegimeMoney { question: "none", regime: "outside of sampled blocks", blocks: 0, net_pnl });
    rows
}

/// Blocks of the samples of an instrument, in order of time.
fn blocks_of(instrument: &InstrumentReport, ts_ns: &[i64]) -> Vec<Block> {
    let series = &instrument.series;
    let mut blocks: Vec<(i64, Block)> = Vec::new();
    let (mut net_before, mut mark_before) = (0.0, None);
    let samples = ts_ns.iter().skip(series.first_sample).zip(series.net_pnl.iter().zip(&series.mark));
    for (ts_ns, (net, mark)) in samples {
        // A sample at a block's very start closes the block before.
        let number = ts_ns.saturating_sub(1).div_euclid(BLOCK_NS);
        if blocks.last().is_none_or(|last| last.0 != number) {
            blocks.push((number, Block::default()));
        }
        let Some((_, block)) = blocks.last_mut() else { continue };
        block.net += net - net_before;
        net_before = *net;
        if *mark > 0.0 {
            block.steps.extend(mark_before.map(|before: f64| libm::log(mark / before)));
            mark_before = Some(*mark);
        }
    }
    blocks.into_iter().map(|block| block.1).collect()
}

/// Net profit by block of the run's whole account, by the number of the block: `(block, profit)`, ascending. What a sweep keeps
/// of runs of few days.
pub fn account_blocks(run: &RunReport, block_ns: i64) -> Vec<(i64, f64)> {
    assert!(block_ns > 0, "a block has a length");
    let mut before = run.opening_equity.unwrap_or(0.0);
    let mut blocks: Vec<(i64, f64)> = Vec::new();
    for (ts_ns, equity) in run.equity.ts_ns.iter().zip(&run.equity.equity) {
        let number = ts_ns.saturating_add(run.utc_offset_ns).saturating_sub(1).div_euclid(block_ns);
        match blocks.last_mut().filter(|last| last.0 == number) {
            Some(last) => last.1 += equity - before,
            None => blocks.push((number, equity - before)),
        }
        before = *equity;
    }
    blocks
}

/// The sources in order, with their names.
pub fn named_sources(sources: &Sources) -> [(&'static str, Cash); 5] {
    [
        ("spread captured", sources.spread),
        ("slippage", sources.slippage),
        ("inventory", sources.inventory),
        ("fees", sources.fees),
        ("funding", sources.funding),
    ]
}
