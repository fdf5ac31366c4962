//! Latency of the tick's walk: entry and exit always, the hops between one event in N.
//!
//! Stamps travel beside the records, in two small shared arrays indexed by the sequencer's number, because a record
//! holds no clock values: a replayed day would not be identical otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tickrace_runtime::clock::tsc::TscClock;
use tickrace_runtime::meter::Meter;

/// Records whose stamps are kept; no ring holds more.
const STAMPS: usize = 1 << 14;

/// Entry stamps and the stamp of the last stage passed, by sequence.
pub struct Stamps {
    entry: Box<[AtomicU64]>,
    last: Box<[AtomicU64]>,
    clock: TscClock,
}

impl Stamps {
    /// Stamp of a record whose latency is not metered.
    pub const UNMETERED: u64 = 0;

    /// Room for all that can be in flight.
    pub fn new(clock: TscClock) -> Arc<Self> {
        let zeros = || (0..STAMPS).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { entry: zeros(), last: zeros(), clock })
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "masked to the size of the array")]
    fn place(seq: u64) -> usize {
        seq as usize & (STAMPS - 1)
    }

    /// Notes when record `seq` entered; only the sequencer writes it.
    #[inline]
    pub fn enter(&self, seq: u64, raw: u64) {
        self.entry[Self::place(seq)].store(raw, Ordering::Relaxed);
    }

    /// Notes the first hop's start of a sampled record.
    #[inline]
    pub fn start_hops(&self, seq: u64, raw: u64) {
        self.last[Self::place(seq)].store(raw, Ordering::Relaxed);
    }

    /// The clock the stamps are made with.
    #[inline]
    pub fn clock(&self) -> &TscClock {
        &self.clock
    }

    /// Nanoseconds since record `seq` entered; `None` where that is not metered.
    #[inline]
    pub fn since_entry_ns(&self, seq: u64) -> Option<u64> {
        let entry = self.entry[Self::place(seq)].load(Ordering::Relaxed);
        (entry != Self::UNMETERED).then(|| self.clock.delta_ns(entry, self.clock.raw()))
    }
}

/// One hop's meter, sampled one event in N.
pub struct HopMeter {
    stamps: Arc<Stamps>,
    meter: Meter,
    mask: u64,
    last_seq: u64,
}

impl HopMeter {
    /// Samples one event in `2^every_log2`; 64 or more never samples.
    pub fn new(stamps: Arc<Stamps>, every_log2: u32) -> Self {
        let mask = 1u64.checked_shl(every_log2).map_or(u64::MAX, |every| every - 1);
        Self { stamps, meter: Meter::new(), mask, last_seq: u64::MAX }
    }

    /// Whether record `seq` is one of those sampled.
    #[inline]
    pub fn is_sampled(&self, seq: u64) -> bool {
        seq & self.mask == 0
    }

    /// The next hop of record `seq` counts from here.
    #[inline]
    pub fn restart(&self, seq: u64) {
        if self.is_sampled(seq) {
            self.stamps.start_hops(seq, self.stamps.clock.raw());
        }
    }

    /// Record `seq`, or its first order, arrived here: records the time since the stage before.
    #[inline]
    pub fn arrive(&mut self, seq: u64) {
        if self.is_sampled(seq) && seq != self.last_seq {
            self.sample(seq);
        }
    }

    #[cold]
    fn sample(&mut self, seq: u64) {
        self.last_seq = seq;
        if seq == 0 {
            return;
        }
        let now = self.stamps.clock.raw();
        let before = self.stamps.last[Stamps::place(seq)].swap(now, Ordering::Relaxed);
        self.meter.record(self.stamps.clock.delta_ns(before, now));
    }

    /// What it has seen.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}
