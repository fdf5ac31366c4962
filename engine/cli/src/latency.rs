//! `latency`: what a ring hop and the whole walk cost on this host, by placement.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::config::MarketInJournal;
use tickrace_desk::log_source::View;
use tickrace_desk::loopback::Loopback;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::{Decoding, Paced};
use tickrace_desk::stages::send::NoTap;
use tickrace_desk::street;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_runtime::clock::tsc::TscClock;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::meter::Summary;
use tickrace_runtime::{pin, probe};
use tickrace_types::InstrumentTable;

use crate::backtest::{market_of, warm_up};
use crate::input::Session;
use crate::{Failure, Streams, latency_rows, settings};

/// Arguments of `latency`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tickrace latency configs/backtest/market_making.toml --rate 100000 --rate 1000000\n\n\
    Open loop: records of a synthetic day enter evenly spaced and their latency counts from when they were due, so\n\
    waiting counts. Tick to order is taken over the ticks that sent an order, the first order of each, and includes\n\
    decoding, both journals and every stage; a counterparty that acknowledges stands in for the venue."
)]
pub struct Args {
    /// Configuration whose strategy, limits and venue are measured
    config: PathBuf,
    /// Messages a second; repeatable
    #[arg(long, default_values_t = [100_000.0, 1_000_000.0])]
    rate: Vec<f64>,
    /// Messages of each measurement
    #[arg(long, default_value_t = 300_000)]
    messages: u64,
    /// Also split over two threads (needs two cores; the engine then spins on both)
    #[arg(long)]
    split: bool,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// Latencies of one measurement, nanoseconds.
#[derive(Debug, Serialize)]
struct Measured {
    placement: String,
    rate_per_second: f64,
    tick_to_order_ns: Percentiles,
    lost_percent_of_core: f64,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    count: u64,
}

impl From<Summary> for Percentiles {
    fn from(summary: Summary) -> Self {
        let Summary { p50, p90, p99, p999, max, count } = summary;
        Self { p50, p90, p99, p999, max, count }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    probe_rtt_p50_ns: Option<u64>,
    regime: Option<&'static str>,
    measured: Vec<Measured>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] of configuration, or where the host has no second core to probe.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if let Some(rate) = args.rate.iter().find(|rate| !(1.0..=100e6).contains(*rate)) {
        return Err(Failure::usage(format!("--rate {rate}: must be from 1 to 100,000,000")));
    }
    let table = settings::load(&args.config, &args.set)?;
    let mut config: DeskConfig = settings::parse(&args.config, &table)?;
    config.validate().map_err(|error| Failure::usage(format!("{}: {error}", args.config.display())))?;
    if config.limits.currency != "USD" {
        return Err(Failure::usage(format!(
            "{}: limits.currency is {}, but what is measured is a generated day of shares, quoted in USD: name a configuration \
             for shares, such as configs/backtest/market_making.toml",
            args.config.display(),
            config.limits.currency
        )));
    }
    latency_rows::load(&mut config, &args.config)?;
    let clock = TscClock::new();
    let cores = pin::allowed_cores();
    let probed = match cores {
        [first, second, ..] => probe::ping_pong(&clock, (*first, *second), 100_000).ok(),
        _ => None,
    };
    let mut placements = vec![vec![vec!["decode", "sequence", "book", "decide", "gate", "send"]]];
    if args.split && cores.len() > 1 {
        placements.push(vec![vec!["decode", "sequence", "book", "decide"], vec!["gate", "send"]]);
    }
    let mut measured = Vec::new();
    for placement in &placements {
        for rate in &args.rate {
            streams.say(&format!("measuring {} at {rate:.0} a second …", name_of(placement)));
            measured.push(measure(&config, placement, *rate, args.messages)?);
        }
    }
    let report = Report {
        probe_rtt_p50_ns: probed.as_ref().map(|probe| probe.rtt_ns.p50),
        regime: probed.as_ref().map(|probe| probe.regime().name()),
        measured,
    };
    if streams.is_json {
        streams.json(&report);
    } else {
        streams.say(&for_people(&report));
    }
    Ok(())
}

fn name_of(placement: &[Vec<&str>]) -> String {
    placement.iter().map(|stages| stages.join(" ")).collect::<Vec<_>>().join(" | ")
}

fn measure(
    config: &DeskConfig,
    placement: &[Vec<&str>],
    rate: f64,
    messages: u64,
) -> Result<Measured, Failure> {
    let mut config = config.clone();
    config.run.placement =
        placement.iter().map(|stages| stages.iter().map(|&stage| stage.to_owned()).collect()).collect();
    config.run.idle = IdleStrategy::Spin;
    config.run.is_spinning_insisted = true;
    config.run.is_pinned = true;
    config.journal.market = MarketInJournal::Copy;
    let symbols = 2;
    let bytes = Synth::new(SynthConfig { seed: config.run.seed, symbols, messages }).to_vec();
    let session = Session::of_memory("synthetic day", bytes);
    let instruments = session.announced();
    let instruments = InstrumentTable::new(instruments).map_err(Failure::runtime)?;
    let sessions = [session];
    let stamps = Stamps::new(TscClock::new());
    warm_up(&config, &stamps)?;
    let folder = tempfile::tempdir().map_err(Failure::runtime)?;
    let writer_config = WriterConfig { prefault: Prefault::Whole, ..WriterConfig::default() };
    let open = |stream| Writer::create(folder.path(), stream, writer_config).map_err(Failure::runtime);
    let journals = Journals { inbound: Some(open("inbound")?), outbound: Some(open("outbound")?) };
    let market = market_of(&config, &sessions, &instruments, View::Desk)?;
    let again = market_of(&config, &sessions, &instruments, View::Venue)?;
    let kill = Arc::new(KillFlag::new());
    let pace = Decoding::new(Paced::new(rate, &stamps), again);
    let layout = backtest::layout(&config).map_err(Failure::runtime)?;
    let (order_ns, response_ns) =
        (config.venue.order_latency_ns_min(), config.venue.response_latency_ns_min());
    let gateway = Loopback::new(order_ns, response_ns, layout.return_slots);
    let parts = backtest::parts(&config, &instruments, market, pace, gateway, NoTap, journals)
        .map_err(Failure::runtime)?;
    // On a thread of its own, because pinning is for the run and not for the caller.
    let ran = std::thread::scope(|scope| scope.spawn(|| street::run(parts, &layout, &stamps, &kill)).join())
        .map_err(|_| Failure::runtime("the measuring thread died"))?
        .map_err(Failure::runtime)?;
    Ok(Measured {
        placement: name_of(placement),
        rate_per_second: rate,
        tick_to_order_ns: ran.send.tick_to_order().summary().into(),
        lost_percent_of_core: ran.entry.entry().lost_fraction() * 100.0,
    })
}

fn for_people(report: &Report) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    // Writing into a String cannot fail.
    if let Some((rtt, regime)) = report.probe_rtt_p50_ns.zip(report.regime) {
        let _ = writeln!(text, "core to core: {rtt} ns there and back, {regime} regime");
    }
    let _ = writeln!(
        text,
        "{:<48} {:>10} {:>8} {:>7} {:>7} {:>7} {:>8} {:>9} {:>7}",
        "tick to order, from the due time, ns",
        "rate/s",
        "orders",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "lost %"
    );
    for one in &report.measured {
        let ns = &one.tick_to_order_ns;
        let _ = writeln!(
            text,
            "{:<48} {:>10.0} {:>8} {:>7} {:>7} {:>7} {:>8} {:>9} {:>7.2}",
            one.placement,
            one.rate_per_second,
            ns.count,
            ns.p50,
            ns.p90,
            ns.p99,
            ns.p999,
            ns.max,
            one.lost_percent_of_core
        );
    }
    text.push_str(
        "lost %: share of the waiting time that the host took away, in the same run; over 0.5 the p99 is the host's.\n",
    );
    text
}
