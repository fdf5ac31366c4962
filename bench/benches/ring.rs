//! Rings: round trips through our interface beside the bare crates and the raw cache-line ping-pong.
//!
//! Two threads on two cores, both spinning, one 64-byte record under way: at once after the last one came back
//! ("typical", p50, p99), and after a pause ("paced"). Contenders take turns within each repeat, each between two
//! probes; where the two probes disagree the repeat is dropped. Ratios are of chunk medians (64 round trips timed
//! together, because the counter may step by 10 ns), taken within a repeat between two contenders whose probes agree,
//! so that neither a change of regime nor a noisy minute enters; their median is shown. Half a round trip is the one
//! way: the counters of two cores differ by more than what is asked for here.
//!
//! `TICKRACE_RING_REPEATS` (41) and `TICKRACE_RING_TRIPS` (6000) change the size of the run.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use disruptor::{Polling, Producer as _, build_single_producer, wait_strategies::BusySpin};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::jitter;
use tickrace_runtime::meter::{Meter, Summary};
use tickrace_runtime::pin::{allowed_cores, pin_current};
use tickrace_runtime::platform::Disturbance;
use tickrace_runtime::probe::{self, Probe, Regime, ping_pong, typical_ps};
use tickrace_runtime::ring::{Full, broadcast, ring, ring_over_rtrb};
use tickrace_runtime::stage::Emit;
use tickrace_types::{Header, MarketRecord};

/// Slots of every ring.
const CAPACITY: usize = 1_024;

/// Round trips of each probe.
const PROBE_TRIPS: u64 = 2_000;

/// Pause before a paced round trip, nanoseconds.
const PAUSE_NS: u64 = 500;

/// Round trips before the first that counts.
const WARM_UP: u64 = 2_000;

/// Records of one throughput run.
const FLOOD: u64 = 200_000;

type Trips = fn(&TscClock, (usize, usize), u64) -> Measured;

const CONTENDERS: [(&str, Trips); 8] = [
    ("probe", raw_lines),
    ("own_slot", own_slot),
    ("rtrb_bare", rtrb_bare),
    ("rtrb_ours", rtrb_ours),
    ("disruptor_bare", disruptor_bare),
    ("disruptor_ours", disruptor_ours),
    ("own_slot_pausing", own_slot_pausing),
    ("rtrb_pausing", rtrb_pausing),
];

/// One contender in one repeat.
#[derive(Clone, Copy)]
struct Measured {
    rtt_ns: Summary,
    /// Each after a pause of [`PAUSE_NS`].
    paced_ns: Summary,
    typical_ps: u64,
}

fn record(seq: u64) -> MarketRecord {
    MarketRecord { header: Header { version: 1, seq, ..Header::default() }, ..MarketRecord::default() }
}

/// Runs `echo` on the second core until told to stop, and round trips on the first.
fn measure(
    clock: &TscClock,
    cores: (usize, usize),
    trips: u64,
    round_trip: impl FnMut(u64) + Send,
    echo: impl FnMut() + Send,
) -> Measured {
    let flags = (AtomicBool::new(false), AtomicBool::new(false));
    let (is_ready, is_done) = (&flags.0, &flags.1);
    // Each end of a ring is moved into its thread: side by side on one stack the ends would share a cache line,
    // which costs a ring without padding in its ends 90 ns a round trip.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut echo = echo;
            pin_current(cores.1).expect("an allowed core");
            is_ready.store(true, Ordering::Release);
            while !is_done.load(Ordering::Relaxed) {
                echo();
            }
        });
        let ping = scope.spawn(move || {
            let mut round_trip = round_trip;
            pin_current(cores.0).expect("an allowed core");
            while !is_ready.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            let mut seq = 0;
            let mut next = || {
                seq += 1;
                round_trip(seq);
            };
            (0..WARM_UP).for_each(|_| next());
            let mut meter = Meter::new();
            for _ in 0..trips {
                let start = clock.raw();
                next();
                meter.record(clock.delta_ns(start, clock.raw()));
            }
            let typical_ps = typical_ps(clock, trips, &mut next);
            let mut paced = Meter::new();
            for _ in 0..trips / 4 {
                let pause = clock.raw();
                while clock.delta_ns(pause, clock.raw()) < PAUSE_NS {}
                let start = clock.raw();
                next();
                paced.record(clock.delta_ns(start, clock.raw()));
            }
            is_done.store(true, Ordering::Release);
            Measured { rtt_ns: meter.summary(), paced_ns: paced.summary(), typical_ps }
        });
        ping.join().expect("no panic")
    })
}

fn raw_lines(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let probe = ping_pong(clock, cores, trips).expect("allowed cores");
    Measured { rtt_ns: probe.rtt_ns, paced_ns: probe.rtt_ns, typical_ps: probe.typical_rtt_ps }
}

/// Round trips over two rings that are pushed to and popped from: the same loops whatever the ring.
fn popped<X: Send, R: Send>(
    clock: &TscClock,
    cores: (usize, usize),
    trips: u64,
    new: impl Fn() -> (X, R),
    push: impl Fn(&mut X, MarketRecord) + Copy + Send,
    pop: impl Fn(&mut R) -> Option<MarketRecord> + Copy + Send,
) -> Measured {
    let ((mut tx, mut far_rx), (mut far_tx, mut rx)) = (new(), new());
    let round_trip = move |seq| {
        push(&mut tx, record(seq));
        loop {
            if let Some(back) = pop(&mut rx) {
                // By value: a reference would have the whole record written to the stack.
                let came = back.header.seq;
                assert_eq!(came, seq);
                return;
            }
        }
    };
    let echo = move || {
        if let Some(record) = pop(&mut far_rx) {
            push(&mut far_tx, record);
        }
    };
    measure(clock, cores, trips, round_trip, echo)
}

fn own_slot(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || ring::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("a good capacity");
    popped(clock, cores, trips, new, |tx, mut record| tx.emit(&mut record), |rx| rx.pop())
}

fn rtrb_ours(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new =
        || ring_over_rtrb::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("a good capacity");
    popped(clock, cores, trips, new, |tx, mut record| tx.emit(&mut record), |rx| rx.pop())
}

fn rtrb_bare(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    popped(clock, cores, trips, new, |tx, record| tx.push(record).expect("room"), |rx| rx.pop().ok())
}

// The same two with a `pause` after each look that finds nothing. Who looks without one asks for the line again while
// the other core is still writing it, and takes it away between two of its stores.

fn own_slot_pausing(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || ring::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("a good capacity");
    popped(clock, cores, trips, new, |tx, mut record| tx.emit(&mut record), |rx| rx.pop().or_else(pause))
}

fn rtrb_pausing(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    let push = |tx: &mut rtrb::Producer<_>, record| tx.push(record).expect("room");
    popped(clock, cores, trips, new, push, |rx| rx.pop().ok().or_else(pause))
}

fn pause() -> Option<MarketRecord> {
    std::hint::spin_loop();
    None
}

fn disruptor_bare(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || {
        let builder = build_single_producer(CAPACITY, MarketRecord::default, BusySpin);
        let (poller, builder) = builder.new_event_poller();
        (builder.build(), poller)
    };
    let ((mut tx, mut far_rx), (mut far_tx, mut rx)) = (new(), new());
    let round_trip = move |seq| {
        let record = record(seq);
        tx.try_publish(|slot| *slot = record).expect("room");
        loop {
            match rx.poll() {
                Ok(mut events) => {
                    for back in &mut events {
                        assert_eq!(back.header.seq, seq);
                    }
                    return;
                }
                Err(Polling::NoEvents) => {}
                Err(Polling::Shutdown) => return,
            }
        }
    };
    let echo = move || {
        if let Ok(mut events) = far_rx.poll() {
            for record in &mut events {
                far_tx.try_publish(|slot| *slot = *record).expect("room");
            }
        }
    };
    measure(clock, cores, trips, round_trip, echo)
}

fn disruptor_ours(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || {
        let (tx, mut listeners) = broadcast::<MarketRecord>(CAPACITY, 1, Full::Spin, IdleStrategy::Spin)
            .expect("a good capacity and one listener");
        (tx, listeners.remove(0))
    };
    let ((mut tx, mut far_rx), (mut far_tx, mut rx)) = (new(), new());
    let round_trip = move |seq| {
        tx.emit(&mut record(seq));
        loop {
            match rx.drain(usize::MAX, |back| assert_eq!(back.header.seq, seq)) {
                Ok(0) => {}
                Ok(_) | Err(_) => return,
            }
        }
    };
    let echo = move || {
        // The end comes when the other side is done; `measure` stops the echo then.
        let _ = far_rx.drain(usize::MAX, |record| {
            far_tx.emit(&mut record.clone());
        });
    };
    measure(clock, cores, trips, round_trip, echo)
}

/// Nanoseconds per record of a flood from one core to the other, read in natural batches.
fn flood(
    clock: &TscClock,
    cores: (usize, usize),
    push: impl FnMut(u64) + Send,
    drain: impl FnMut(&mut u64) -> u64 + Send,
) -> f64 {
    let flag = AtomicBool::new(false);
    let is_ready = &flag;
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut drain = drain;
            pin_current(cores.1).expect("an allowed core");
            is_ready.store(true, Ordering::Release);
            let (mut count, mut sum) = (0, 0);
            while count < FLOOD {
                count += drain(&mut sum);
            }
            assert_eq!(sum, FLOOD * (FLOOD + 1) / 2, "every record once");
        });
        scope
            .spawn(move || {
                let mut push = push;
                pin_current(cores.0).expect("an allowed core");
                while !is_ready.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                let start = clock.raw();
                (1..=FLOOD).for_each(&mut push);
                reader.join().expect("no panic");
                clock.delta_ns(start, clock.raw()) as f64 / FLOOD as f64
            })
            .join()
            .expect("no panic")
    })
}

type Flood = fn(&TscClock, (usize, usize)) -> f64;

const FLOODS: [(&str, Flood); 4] = [
    ("own_slot", flood_own_slot),
    ("rtrb_bare", flood_rtrb_bare),
    ("rtrb_ours", flood_rtrb_ours),
    ("disruptor_ours", flood_disruptor_ours),
];

fn flood_own_slot(clock: &TscClock, cores: (usize, usize)) -> f64 {
    let (mut tx, mut rx) = ring::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("capacity");
    flood(
        clock,
        cores,
        move |seq| tx.push(record(seq)).expect("the reader lives"),
        move |sum| rx.drain(256, |record| *sum += record.header.seq) as u64,
    )
}

fn flood_rtrb_ours(clock: &TscClock, cores: (usize, usize)) -> f64 {
    let (mut tx, mut rx) =
        ring_over_rtrb::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("capacity");
    flood(
        clock,
        cores,
        move |seq| tx.push(record(seq)).expect("the reader lives"),
        move |sum| rx.drain(256, |record| *sum += record.header.seq) as u64,
    )
}

fn flood_rtrb_bare(clock: &TscClock, cores: (usize, usize)) -> f64 {
    let (mut tx, mut rx) = rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    flood(
        clock,
        cores,
        move |seq| while tx.push(record(seq)).is_err() {},
        move |sum| {
            let count = rx.slots().min(256);
            if count == 0 {
                return 0;
            }
            let chunk = rx.read_chunk(count).expect("as many as there are");
            let (first, second) = chunk.as_slices();
            first.iter().chain(second).for_each(|record| *sum += record.header.seq);
            chunk.commit_all();
            count as u64
        },
    )
}

fn flood_disruptor_ours(clock: &TscClock, cores: (usize, usize)) -> f64 {
    let (mut tx, mut listeners) =
        broadcast::<MarketRecord>(CAPACITY, 1, Full::Spin, IdleStrategy::Spin).expect("capacity");
    flood(
        clock,
        cores,
        move |seq| tx.push(&record(seq)).expect("the reader lives"),
        move |sum| {
            listeners[0].drain(256, |record| *sum += record.header.seq).expect("the writer lives") as u64
        },
    )
}

fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    sorted.get(sorted.len() / 2).copied()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What one contender did in one repeat, between two probes that agreed.
struct Turn<M> {
    repeat: u64,
    name: &'static str,
    regime: Regime,
    probe_ps: u64,
    measured: M,
}

/// Lets the contenders take turns, each between two probes: what is kept, and how many were dropped.
fn take_turns<C, M>(
    repeats: u64,
    contenders: &[(&'static str, C)],
    probe: impl Fn() -> Probe,
    run: impl Fn(&C) -> M,
) -> (Vec<Turn<M>>, usize) {
    let (mut kept, mut mixed) = (Vec::new(), 0);
    for repeat in 0..repeats {
        // Another one begins in each repeat, so that none always follows the same one.
        let begin = usize::try_from(repeat).map_or(0, |repeat| repeat % contenders.len());
        let (after, before) = contenders.split_at(begin);
        for (name, contender) in before.iter().chain(after) {
            let (start, measured, end) = (probe(), run(contender), probe());
            match start.bracket(&end) {
                Some(regime) => {
                    let probe_ps = u64::midpoint(start.typical_rtt_ps, end.typical_rtt_ps);
                    kept.push(Turn { repeat, name, regime, probe_ps, measured });
                }
                None => mixed += 1,
            }
        }
    }
    (kept, mixed)
}

/// Ratios of two contenders, one for each repeat in which their probes agree as well.
fn ratios<M>(
    turns: &[Turn<M>],
    regime: Regime,
    (ours, peer): (&str, &str),
    figure: impl Fn(&M) -> f64,
) -> Vec<f64> {
    let of = |name: &str| {
        let of_name = turns.iter().filter(|turn| turn.regime == regime && turn.name == name);
        of_name.map(|turn| (turn.repeat, turn)).collect::<BTreeMap<_, _>>()
    };
    let (ours, peer) = (of(ours), of(peer));
    let pairs = ours.iter().filter_map(|(repeat, ours)| Some((ours, peer.get(repeat)?)));
    let is_steady = |a: u64, b: u64| a.abs_diff(b) * 100 <= probe::MIXED_PERCENT * a.min(b).max(1);
    pairs
        .filter(|(ours, peer)| is_steady(ours.probe_ps, peer.probe_ps))
        .map(|(ours, peer)| figure(&ours.measured) / figure(&peer.measured))
        .collect()
}

fn report(regime: Regime, turns: &[Turn<Measured>]) {
    for (name, _) in CONTENDERS {
        let of_name: Vec<_> =
            turns.iter().filter(|turn| turn.regime == regime && turn.name == name).collect();
        if of_name.is_empty() {
            continue;
        }
        let pick = |figure: fn(&Measured) -> u64| {
            median(&of_name.iter().map(|turn| figure(&turn.measured)).collect::<Vec<_>>()).unwrap_or(0)
        };
        let to_probe: Vec<f64> =
            of_name.iter().map(|turn| turn.measured.typical_ps as f64 / turn.probe_ps as f64).collect();
        println!(
            "ring/round_trip_{name} regime={} repeats={} typical_ns={:.1} p50={} p90={} p99={} p999={} paced_p50={} paced_p99={} to_probe={:.3}",
            regime.name(),
            of_name.len(),
            pick(|m| m.typical_ps) as f64 / 1e3,
            pick(|m| m.rtt_ns.p50),
            pick(|m| m.rtt_ns.p90),
            pick(|m| m.rtt_ns.p99),
            pick(|m| m.rtt_ns.p999),
            pick(|m| m.paced_ns.p50),
            pick(|m| m.paced_ns.p99),
            median(&to_probe).unwrap_or(0.0),
        );
    }
    let pairs = [
        ("rtrb_ours", "rtrb_bare"),
        ("disruptor_ours", "disruptor_bare"),
        ("own_slot", "rtrb_bare"),
        ("own_slot", "disruptor_bare"),
        ("own_slot_pausing", "rtrb_pausing"),
        ("own_slot_pausing", "own_slot"),
    ];
    for pair in pairs {
        let of = |figure: fn(&Measured) -> u64| ratios(turns, regime, pair, |m| figure(m) as f64);
        let typical = of(|m| m.typical_ps);
        let Some(ratio) = median(&typical) else { continue };
        let also = |figure| median(&of(figure)).unwrap_or(0.0);
        println!(
            "ring/ratio {}/{} regime={} pairs={} typical={ratio:.3} p50={:.3} p99={:.3} paced_p50={:.3} paced_p99={:.3}",
            pair.0,
            pair.1,
            regime.name(),
            typical.len(),
            also(|m| m.rtt_ns.p50),
            also(|m| m.rtt_ns.p99),
            also(|m| m.paced_ns.p50),
            also(|m| m.paced_ns.p99),
        );
    }
}

fn report_floods(regime: Regime, turns: &[Turn<f64>]) {
    for (name, _) in FLOODS {
        let of_name = turns.iter().filter(|turn| turn.regime == regime && turn.name == name);
        let rates: Vec<f64> = of_name.map(|turn| turn.measured).collect();
        let Some(ns) = median(&rates) else { continue };
        let to_bare = median(&ratios(turns, regime, (name, "rtrb_bare"), |ns| *ns)).unwrap_or(0.0);
        println!(
            "ring/flood_{name} regime={} repeats={} ns_per_record={ns:.2} to_rtrb_bare={to_bare:.3}",
            regime.name(),
            rates.len(),
        );
    }
}

fn main() -> ExitCode {
    let [first, second, ..] = allowed_cores() else {
        println!("ring: skipped: needs two cores");
        return ExitCode::SUCCESS;
    };
    let (cores, clock) = ((*first, *second), TscClock::new());
    let (repeats, trips) = (setting("TICKRACE_RING_REPEATS", 41), setting("TICKRACE_RING_TRIPS", 6_000));
    let before = Disturbance::now();
    let jitter = jitter::watch(&clock, Duration::from_millis(500));
    println!(
        "ring/jitter lost_percent={:.3} gaps_per_second={:.0} gap_p50_ns={} gap_p99_ns={} gap_max_ns={}",
        jitter.lost_fraction() * 100.0,
        jitter.gaps_per_second(),
        jitter.gaps.p50,
        jitter.gaps.p99,
        jitter.gaps.max
    );
    let probe = || ping_pong(&clock, cores, PROBE_TRIPS).expect("allowed cores");
    let (turns, mixed) = take_turns(repeats, &CONTENDERS, probe, |trip: &Trips| trip(&clock, cores, trips));
    println!(
        "ring/repeats kept={} mixed={mixed}, of {} contenders in {repeats} repeats",
        turns.len(),
        CONTENDERS.len()
    );
    let regimes = [Regime::Sibling, Regime::Near, Regime::Far];
    regimes.iter().for_each(|regime| report(*regime, &turns));
    let repeats = repeats.div_ceil(3);
    let (floods, mixed) = take_turns(repeats, &FLOODS, probe, |flood: &Flood| flood(&clock, cores));
    println!(
        "ring/floods kept={} mixed={mixed}, of {} contenders in {repeats} repeats",
        floods.len(),
        FLOODS.len()
    );
    regimes.iter().for_each(|regime| report_floods(*regime, &floods));
    let since = Disturbance::now().since(&before);
    println!(
        "ring/disturbance steal_ticks={} involuntary_switches={}",
        since.steal_ticks, since.involuntary_switches
    );
    println!(
        "ring/note siblings to {} ns of probe, near to {} ns; both threads spin, so tails are the machine's",
        probe::SIBLING_RTT_NS_MAX,
        probe::NEAR_RTT_NS_MAX
    );
    ExitCode::SUCCESS
}
