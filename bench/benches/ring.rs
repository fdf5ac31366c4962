//! Rings: round trips through our interface beside the bare crates and the raw cache-line ping-pong.
//!
//! Two threads on two cores, both spinning, one 64-byte record under way. Contenders take turns within each repeat,
//! each between two probes; a repeat whose probes disagree is dropped, and near and far are reported apart. Ratios
//! are of chunk medians (64 round trips timed together), because the counter may step by 10 ns.
//!
//! `TICKRACE_RING_REPEATS` (9) and `TICKRACE_RING_TRIPS` (30000) change the size of the run.

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
use tickrace_runtime::probe::{self, Regime, ping_pong, typical_ps};
use tickrace_runtime::ring::{Full, broadcast, ring, ring_over_rtrb};
use tickrace_runtime::stage::Emit;
use tickrace_types::{Header, MarketRecord};

/// Slots of every ring.
const CAPACITY: usize = 1_024;

/// Round trips of each probe.
const PROBE_TRIPS: u64 = 4_000;

/// Round trips before the first that counts.
const WARM_UP: u64 = 2_000;

/// Records of one throughput run.
const FLOOD: u64 = 400_000;

type Trips = fn(&TscClock, (usize, usize), u64) -> Measured;

const CONTENDERS: [(&str, Trips); 6] = [
    ("probe", raw_lines),
    ("own_slot", own_slot),
    ("rtrb_bare", rtrb_bare),
    ("rtrb_ours", rtrb_ours),
    ("disruptor_bare", disruptor_bare),
    ("disruptor_ours", disruptor_ours),
];

/// One contender in one repeat.
#[derive(Clone, Copy)]
struct Measured {
    rtt_ns: Summary,
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
            let typical_ps = typical_ps(clock, trips, next);
            is_done.store(true, Ordering::Release);
            Measured { rtt_ns: meter.summary(), typical_ps }
        });
        ping.join().expect("no panic")
    })
}

fn raw_lines(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let probe = ping_pong(clock, cores, trips).expect("allowed cores");
    Measured { rtt_ns: probe.rtt_ns, typical_ps: probe.typical_rtt_ps }
}

fn own_slot(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new = || ring::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("a good capacity");
    let ((mut tx, mut far_rx), (mut far_tx, mut rx)) = (new(), new());
    let round_trip = move |seq| {
        tx.emit(&mut record(seq));
        loop {
            if let Some(back) = rx.pop() {
                assert_eq!(back.header.seq, seq);
                return;
            }
        }
    };
    let echo = move || {
        if let Some(mut record) = far_rx.pop() {
            far_tx.emit(&mut record);
        }
    };
    measure(clock, cores, trips, round_trip, echo)
}

fn rtrb_ours(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let new =
        || ring_over_rtrb::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("a good capacity");
    let ((mut tx, mut far_rx), (mut far_tx, mut rx)) = (new(), new());
    let round_trip = move |seq| {
        tx.emit(&mut record(seq));
        loop {
            if let Some(back) = rx.pop() {
                assert_eq!(back.header.seq, seq);
                return;
            }
        }
    };
    let echo = move || {
        if let Some(mut record) = far_rx.pop() {
            far_tx.emit(&mut record);
        }
    };
    measure(clock, cores, trips, round_trip, echo)
}

fn rtrb_bare(clock: &TscClock, cores: (usize, usize), trips: u64) -> Measured {
    let (mut tx, mut far_rx) = rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    let (mut far_tx, mut rx) = rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    let round_trip = move |seq| {
        tx.push(record(seq)).expect("room");
        loop {
            if let Ok(back) = rx.pop() {
                assert_eq!(back.header.seq, seq);
                return;
            }
        }
    };
    let echo = move || {
        if let Ok(record) = far_rx.pop() {
            far_tx.push(record).expect("room");
        }
    };
    measure(clock, cores, trips, round_trip, echo)
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

fn floods(clock: &TscClock, cores: (usize, usize)) -> [(&'static str, f64); 4] {
    let (mut tx, mut rx) = ring::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("capacity");
    let own = flood(
        clock,
        cores,
        move |seq| tx.push(record(seq)).expect("the reader lives"),
        move |sum| rx.drain(256, |record| *sum += record.header.seq) as u64,
    );
    let (mut tx, mut rx) =
        ring_over_rtrb::<MarketRecord>(CAPACITY, Full::Spin, IdleStrategy::Spin).expect("capacity");
    let over_rtrb = flood(
        clock,
        cores,
        move |seq| tx.push(record(seq)).expect("the reader lives"),
        move |sum| rx.drain(256, |record| *sum += record.header.seq) as u64,
    );
    let (mut tx, mut rx) = rtrb::RingBuffer::<MarketRecord>::new(CAPACITY);
    let bare = flood(
        clock,
        cores,
        move |seq| while tx.push(record(seq)).is_err() {},
        move |sum| {
            let chunk = rx.read_chunk(rx.slots().min(256)).expect("as many as there are");
            let count = chunk.len() as u64;
            let (first, second) = chunk.as_slices();
            first.iter().chain(second).for_each(|record| *sum += record.header.seq);
            chunk.commit_all();
            count
        },
    );
    let (mut tx, mut listeners) =
        broadcast::<MarketRecord>(CAPACITY, 1, Full::Spin, IdleStrategy::Spin).expect("capacity");
    let over_disruptor = flood(
        clock,
        cores,
        move |seq| tx.push(&record(seq)).expect("the reader lives"),
        move |sum| {
            listeners[0].drain(256, |record| *sum += record.header.seq).expect("the writer lives") as u64
        },
    );
    [("own_slot", own), ("rtrb_bare", bare), ("rtrb_ours", over_rtrb), ("disruptor_ours", over_disruptor)]
}

fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    sorted.get(sorted.len() / 2).copied()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What held in one repeat: regime and figures by contender, with the probe around each.
struct Repeat {
    contender: usize,
    regime: Regime,
    measured: Measured,
    probe_ps: u64,
}

fn report(regime: Regime, repeats: &[Repeat]) {
    let of =
        |contender: usize| repeats.iter().filter(move |r| r.regime == regime && r.contender == contender);
    let typical =
        |contender: usize| median(&of(contender).map(|r| r.measured.typical_ps).collect::<Vec<_>>());
    let mut typicals = BTreeMap::new();
    for (contender, (name, _)) in CONTENDERS.iter().enumerate() {
        let Some(typical_ps) = typical(contender) else { continue };
        typicals.insert(*name, typical_ps as f64);
        let pick = |figure: fn(&Summary) -> u64| {
            median(&of(contender).map(|r| figure(&r.measured.rtt_ns)).collect::<Vec<_>>()).unwrap_or(0)
        };
        let to_probe: Vec<f64> =
            of(contender).map(|r| r.measured.typical_ps as f64 / r.probe_ps as f64).collect();
        println!(
            "ring/round_trip_{name} regime={} repeats={} typical_ns={:.1} p50={} p90={} p99={} p999={} to_probe={:.3}",
            regime.name(),
            of(contender).count(),
            typical_ps as f64 / 1e3,
            pick(|s| s.p50),
            pick(|s| s.p90),
            pick(|s| s.p99),
            pick(|s| s.p999),
            median(&to_probe).unwrap_or(0.0),
        );
    }
    let pairs = [
        ("rtrb_ours", "rtrb_bare"),
        ("disruptor_ours", "disruptor_bare"),
        ("own_slot", "rtrb_bare"),
        ("own_slot", "disruptor_bare"),
    ];
    for (ours, peer) in pairs {
        if let (Some(ours_ps), Some(peer_ps)) = (typicals.get(ours), typicals.get(peer)) {
            println!("ring/ratio {ours}/{peer} regime={} {:.3}", regime.name(), ours_ps / peer_ps);
        }
    }
}

fn main() -> ExitCode {
    let [first, second, ..] = allowed_cores() else {
        println!("ring: skipped: needs two cores");
        return ExitCode::SUCCESS;
    };
    let (cores, clock) = ((*first, *second), TscClock::new());
    let (repeats, trips) = (setting("TICKRACE_RING_REPEATS", 9), setting("TICKRACE_RING_TRIPS", 30_000));
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
    let (mut kept, mut mixed) = (Vec::new(), 0);
    for repeat in 0..usize::try_from(repeats).unwrap_or(usize::MAX) {
        for turn in 0..CONTENDERS.len() {
            // Another one begins in each repeat, so that none always follows the same one.
            let contender = (turn + repeat) % CONTENDERS.len();
            let start = probe();
            let measured = CONTENDERS[contender].1(&clock, cores, trips);
            let end = probe();
            match start.bracket(&end) {
                Some(regime) => {
                    let probe_ps = u64::midpoint(start.typical_rtt_ps, end.typical_rtt_ps);
                    kept.push(Repeat { contender, regime, measured, probe_ps });
                }
                None => mixed += 1,
            }
        }
    }
    println!(
        "ring/repeats kept={} mixed={mixed}, of {} contenders in {repeats} repeats",
        kept.len(),
        CONTENDERS.len()
    );
    report(Regime::Near, &kept);
    report(Regime::Far, &kept);
    let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..repeats {
        for (name, ns) in floods(&clock, cores) {
            rates.entry(name).or_default().push(ns);
        }
    }
    let regime = probe().regime().name();
    for (name, ns) in &rates {
        println!("ring/flood_{name} regime_at_end={regime} ns_per_record={:.2}", median(ns).unwrap_or(0.0));
    }
    let since = Disturbance::now().since(&before);
    println!(
        "ring/disturbance steal_ticks={} involuntary_switches={}",
        since.steal_ticks, since.involuntary_switches
    );
    let limit = probe::NEAR_RTT_NS_MAX;
    println!(
        "ring/note near is a probe of at most {limit} ns; both threads spin, so tails are the machine's"
    );
    ExitCode::SUCCESS
}
