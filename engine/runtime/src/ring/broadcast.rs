//! One to several, over `disruptor`'s single-producer ring and event pollers: every listener sees every record.
//!
//! The crate hangs in several ways, and each is kept shut here. Publishing is `try_publish` in a loop that looks
//! for room that will never come, not the crate's unbounded spin. A listener that is dropped (or whose thread
//! panics, which drops it) would gate the ring for ever: its poller is left behind as an *orphan*, and the producer
//! moves the orphans along whenever it finds the ring full. There are no managed threads, so dropping the producer
//! joins nobody, and a panic in a handler is the listener's thread's own affair. Batches are bounded by the caller.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use disruptor::{
    EventPoller, MultiConsumerBarrier, Polling, Producer as _, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer, wait_strategies::BusySpin,
};

use super::{Abandoned, Full, LISTENERS_MAX, RingCounts, RingError, checked_capacity};
use crate::idle::{IdleStrategy, Idler};
use crate::stage::Emit;

type Poller<T> = EventPoller<Slot<T>, SingleProducerBarrier>;

/// A slot on cache lines of its own: the crate does not pad.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot<T>(T);

/// A ring of `capacity` records (rounded up to a power of two) with `listeners` listeners.
///
/// # Errors
///
/// [`RingError::Capacity`] and [`RingError::Listeners`] outside their bounds.
pub fn broadcast<T: Copy + Default + Send + Sync + 'static>(
    capacity: usize,
    listeners: usize,
    full: Full,
    idle: IdleStrategy,
) -> Result<(Broadcast<T>, Vec<Listener<T>>), RingError> {
    if !(1..=LISTENERS_MAX).contains(&listeners) {
        return Err(RingError::Listeners { listeners });
    }
    let size = checked_capacity(capacity)?.next_power_of_two();
    let orphans = Arc::new(Orphans { count: AtomicUsize::new(0), pollers: Mutex::new(Vec::new()) });
    let mut ends = Vec::with_capacity(listeners);
    let mut listen = |poller| {
        ends.push(Listener { poller: Some(poller), ahead: Ahead::default(), orphans: Arc::clone(&orphans) })
    };
    let (first, builder) = build_single_producer(size, || Slot(T::default()), BusySpin).new_event_poller();
    listen(first);
    let producer = if listeners == 1 {
        Ends::One(builder.build())
    } else {
        let (second, mut builder) = builder.new_event_poller();
        listen(second);
        for _ in 2..listeners {
            let (next, more) = builder.new_event_poller();
            listen(next);
            builder = more;
        }
        Ends::Several(builder.build())
    };
    let counts = RingCounts::default();
    Ok((Broadcast { producer, orphans, listeners, full, idle, counts }, ends))
}

/// The writing end.
pub struct Broadcast<T> {
    producer: Ends<T>,
    orphans: Arc<Orphans<T>>,
    listeners: usize,
    full: Full,
    idle: IdleStrategy,
    counts: RingCounts,
}

/// The crate's producer has a type for one consumer and one for several.
enum Ends<T> {
    One(SingleProducer<Slot<T>, SingleConsumerBarrier>),
    Several(SingleProducer<Slot<T>, MultiConsumerBarrier>),
}

/// Pollers whose listeners are gone.
struct Orphans<T> {
    /// Length of `pollers`, to be looked at without the lock.
    count: AtomicUsize,
    pollers: Mutex<Vec<Poller<T>>>,
}

impl<T: Copy + Default + Send + Sync + 'static> Broadcast<T> {
    #[inline]
    fn publish(&mut self, record: &T) -> bool {
        match &mut self.producer {
            Ends::One(producer) => producer.try_publish(|slot| slot.0 = *record).is_ok(),
            Ends::Several(producer) => producer.try_publish(|slot| slot.0 = *record).is_ok(),
        }
    }

    // What is slow does not see the record, as in [`super::Producer`].

    /// Hands one record to every listener; false where the slowest has left no room.
    #[inline]
    pub fn try_push(&mut self, record: &T) -> bool {
        self.publish(record) || (self.is_freed_by_orphans() && self.publish(record))
    }

    /// The ring was found full: whether it is worth another try.
    #[cold]
    #[inline(never)]
    fn is_freed_by_orphans(&mut self) -> bool {
        self.counts.full += 1;
        self.orphans.move_along()
    }

    /// Hands one record to every listener, waiting for the slowest.
    ///
    /// # Errors
    ///
    /// [`Abandoned`] with the record, where the ring is full and every listener is gone.
    #[inline]
    pub fn push(&mut self, record: &T) -> Result<(), Abandoned<T>> {
        let mut idler = None;
        while !self.publish(record) {
            if !self.wait(&mut idler) {
                return Err(Abandoned(*record));
            }
        }
        Ok(())
    }

    /// The ring was found full: waits a little, from the second time on; false where nobody is left to make room.
    #[cold]
    #[inline(never)]
    fn wait(&mut self, idler: &mut Option<Idler>) -> bool {
        match idler {
            None => {
                self.counts.full += 1;
                *idler = Some(Idler::new(self.idle));
            }
            Some(idler) => idler.idle(),
        }
        if self.is_abandoned() {
            self.counts.lost += 1;
            return false;
        }
        self.orphans.move_along();
        true
    }

    /// Whether every listener is gone.
    pub fn is_abandoned(&self) -> bool {
        self.orphans.count.load(Ordering::Acquire) == self.listeners
    }

    /// Listeners that are gone.
    pub fn listeners_gone(&self) -> usize {
        self.orphans.count.load(Ordering::Acquire)
    }

    /// What was counted so far.
    pub fn counts(&self) -> RingCounts {
        self.counts
    }
}

impl<T: Copy + Default + Send + Sync + 'static> Emit<T> for Broadcast<T> {
    /// Hands over as the ring's [`Full`] says; what could not be handed over is in the counts.
    #[inline]
    fn emit(&mut self, record: &mut T) {
        match self.full {
            Full::Spin => {
                // What is lost with the last listener is counted.
                let _ = self.push(record);
            }
            Full::DropAndCount => {
                if !self.try_push(record) {
                    self.counts.dropped += 1;
                }
            }
        }
    }
}

impl<T> Orphans<T> {
    /// Lets the pollers nobody reads catch up with the producer; whether there are any.
    fn move_along(&self) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut pollers = self.pollers.lock().unwrap_or_else(PoisonError::into_inner);
        for poller in pollers.iter_mut() {
            // Dropping the guard acknowledges everything it covers, which is what is wanted here.
            drop(poller.poll());
        }
        true
    }
}

/// Every producer is gone and everything was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broadcast has ended")]
pub struct Ended;

/// One reading end.
pub struct Listener<T> {
    /// Taken only when dropped.
    poller: Option<Poller<T>>,
    ahead: Ahead,
    orphans: Arc<Orphans<T>>,
}

impl<T> Listener<T> {
    /// Handles what is there now, at most `records_max`, and frees the room once at the end; 0 where there is
    /// nothing. Where `handle` panics, the whole batch counts as handled.
    ///
    /// # Errors
    ///
    /// [`Ended`], where the producer is gone and everything was read.
    #[inline]
    pub fn drain(&mut self, records_max: usize, mut handle: impl FnMut(&T)) -> Result<usize, Ended> {
        let Some(poller) = &mut self.poller else { return Err(Ended) };
        match poller.take(records_max as u64) {
            Ok(mut guard) => {
                let mut count = 0;
                for slot in &mut guard {
                    self.ahead = Ahead::of(slot);
                    handle(&slot.0);
                    count += 1;
                }
                Ok(count)
            }
            Err(Polling::NoEvents) => {
                self.ahead.fetch();
                Ok(0)
            }
            Err(Polling::Shutdown) => Err(Ended),
        }
    }

    /// The oldest record, if there is one.
    ///
    /// # Errors
    ///
    /// [`Ended`], where the producer is gone and everything was read.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<T>, Ended>
    where
        T: Copy,
    {
        let mut record = None;
        self.drain(1, |next| record = Some(*next))?;
        Ok(record)
    }
}

/// Where the next record will be written.
///
/// The producer writes a record, then its cursor, and a listener that waits looks at the cursor alone: it would fetch
/// the line of the cursor and only then that of the record. Asking for the record's line at every look that finds
/// nothing brings both at once: near round trip 0.83 of the bare crate (bench `ring`). The guess is wrong once a lap,
/// at the end of the slots; it is only a hint.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead(usize);

impl Ahead {
    /// After this slot comes the next one.
    #[inline(always)]
    fn of<T>(slot: &Slot<T>) -> Self {
        Self(std::ptr::from_ref(slot).wrapping_add(1).addr())
    }

    /// Hints that its first line will be read.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn fetch(self) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch neither faults nor changes memory, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(self.0)) }
    }

    /// No hint on this processor.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn fetch(self) {}
}

impl<T> Drop for Listener<T> {
    fn drop(&mut self) {
        if let Some(poller) = self.poller.take() {
            let mut pollers = self.orphans.pollers.lock().unwrap_or_else(PoisonError::into_inner);
            pollers.push(poller);
            self.orphans.count.store(pollers.len(), Ordering::Release);
        }
    }
}
