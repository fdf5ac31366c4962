//! Rings under two and three threads: nothing lost, nothing twice, nothing out of order, and no end of a ring
//! hangs the other.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "tests; clippy knows only functions marked as such")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_runtime::idle::{IdleStrategy, Idler};
use tickrace_runtime::ring::{
    Abandoned, Broadcast, CAPACITY_MAX, Consumer, Ended, Full, Listener, Producer, RingError, broadcast, ring,
};
use tickrace_runtime::stage::Emit;
use tickrace_runtime::worker;
use tickrace_types::{Header, ResponseRecord};

const RECORDS: u64 = 300_000;

/// Yields early: the test machine may have fewer free cores than threads.
const IDLE: IdleStrategy = IdleStrategy::SpinThenYield { spins: 50 };

fn record(seq: u64) -> ResponseRecord {
    let header = Header { seq, ts_recv_ns: seq.cast_signed() * 3, ..Header::default() };
    ResponseRecord { header, ..ResponseRecord::default() }
}

fn check(record: &ResponseRecord, expected: u64) {
    assert_eq!(record.header.seq, expected);
    assert_eq!(record.header.ts_recv_ns, expected.cast_signed() * 3, "a torn record");
}

fn records(capacity: usize, full: Full) -> (Producer<ResponseRecord>, Consumer<ResponseRecord>) {
    ring(capacity, full, IDLE).unwrap()
}

fn fan(capacity: usize, listeners: usize, full: Full) -> (Broadcast<u64>, Vec<Listener<u64>>) {
    broadcast(capacity, listeners, full, IDLE).unwrap()
}

/// Reads to the end; the numbers must be 1, 2, 3 …; how many there were.
fn listen(mut listener: Listener<u64>, batch: usize) -> u64 {
    let mut idler = Idler::new(IDLE);
    let mut last = 0;
    loop {
        let read = listener.drain(batch, |number| {
            assert_eq!(*number, last + 1);
            last = *number;
        });
        match read {
            Ok(0) => idler.idle(),
            Ok(_) => idler.reset(),
            Err(Ended) => return last,
        }
    }
}

#[test]
fn every_record_crosses_once_and_in_order_popped_and_drained() {
    for capacity in [1, 2, 7, 64] {
        let (mut producer, mut consumer) = records(capacity, Full::Spin);
        std::thread::scope(|scope| {
            scope.spawn(move || (1..=RECORDS).for_each(|seq| producer.emit(&mut record(seq))));
            let mut idler = Idler::new(IDLE);
            let mut last = 0;
            while !consumer.is_finished() {
                // By turns, so that both ways of reading meet the wrap.
                let count = if last % 3 == 0 {
                    consumer.pop().map_or(0, |next| {
                        check(&next, last + 1);
                        last += 1;
                        1
                    })
                } else {
                    consumer.drain(5, |next| {
                        check(next, last + 1);
                        last += 1;
                    })
                };
                if count == 0 { idler.idle() } else { idler.reset() }
            }
            assert_eq!(last, RECORDS, "capacity {capacity}");
        });
    }
}

#[test]
fn push_into_a_full_ring_gives_the_value_back() {
    let (mut producer, mut consumer) = records(2, Full::Spin);
    assert_eq!(producer.free(), 2);
    producer.try_push(record(1)).unwrap();
    producer.try_push(record(2)).unwrap();
    assert_eq!(producer.try_push(record(3)).unwrap_err().header.seq, 3);
    assert_eq!((producer.counts().full, producer.counts().dropped), (1, 0));
    assert!(!consumer.is_empty());
    assert_eq!(consumer.pop().unwrap().header.seq, 1);
    producer.try_push(record(3)).unwrap();
    assert_eq!(consumer.drain(usize::MAX, |_| ()), 2);
    assert!(consumer.pop().is_none());
}

#[test]
fn a_dropping_ring_counts_what_it_dropped() {
    let (mut producer, mut consumer) = records(4, Full::DropAndCount);
    (1..=10).for_each(|seq| producer.emit(&mut record(seq)));
    assert_eq!((producer.counts().full, producer.counts().dropped), (6, 6));
    let mut seen = Vec::new();
    consumer.drain(usize::MAX, |record| seen.push(record.header.seq));
    assert_eq!(seen, [1, 2, 3, 4], "the oldest stay: order is kept");
}

#[test]
fn a_dropped_consumer_does_not_hang_the_producer() {
    let (mut producer, consumer) = records(2, Full::Spin);
    drop(consumer);
    assert!(producer.is_abandoned());
    producer.push(record(1)).unwrap();
    producer.push(record(2)).unwrap();
    assert_eq!(producer.push(record(3)), Err(Abandoned(record(3))));
    producer.emit(&mut record(4));
    assert_eq!(producer.counts().lost, 2);
}

#[test]
fn a_consumer_that_dies_while_the_producer_waits_lets_it_go() {
    let (mut producer, mut consumer) = records(2, Full::Spin);
    let broken = Arc::new(AtomicBool::new(false));
    let reader = worker::spawn("reader", None, Arc::clone(&broken), move || {
        let mut count = 0;
        loop {
            consumer.drain(1, |_| count += 1);
            assert!(count < 10, "dies at the tenth");
        }
    })
    .unwrap();
    let pushed = (1..=100).take_while(|seq| producer.push(record(*seq)).is_ok()).count();
    assert!((10..=12).contains(&pushed), "ten read, at most two in the ring: {pushed}");
    assert!(reader.join().is_err());
    assert!(broken.load(Ordering::Acquire));
}

#[test]
fn a_panicking_handler_leaves_the_batch_unread() {
    let (mut producer, mut consumer) = records(4, Full::Spin);
    (1..=3).for_each(|seq| producer.emit(&mut record(seq)));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        consumer.drain(3, |record| assert!(record.header.seq < 2));
    }));
    assert!(caught.is_err());
    assert_eq!(consumer.drain(9, |_| ()), 3);
}

#[test]
fn a_capacity_or_a_number_of_listeners_out_of_bounds_is_refused() {
    let point = |capacity| ring::<u64>(capacity, Full::Spin, IDLE).map(drop);
    assert_eq!(point(0), Err(RingError::Capacity { capacity: 0 }));
    assert_eq!(point(CAPACITY_MAX + 1), Err(RingError::Capacity { capacity: CAPACITY_MAX + 1 }));
    let fan = |listeners| broadcast::<u64>(8, listeners, Full::Spin, IDLE).map(drop);
    assert_eq!(fan(0), Err(RingError::Listeners { listeners: 0 }));
    assert_eq!(fan(17), Err(RingError::Listeners { listeners: 17 }));
    assert_eq!(fan(16), Ok(()));
}

#[test]
fn every_listener_hears_every_record_in_order() {
    for listeners in 1..=3 {
        let (mut producer, ends) = fan(64, listeners, Full::Spin);
        std::thread::scope(|scope| {
            let readers: Vec<_> = ends
                .into_iter()
                .zip([1, 7, 1_000])
                .map(|(end, batch)| scope.spawn(move || listen(end, batch)))
                .collect();
            (1..=RECORDS / 3).for_each(|number| producer.push(&number).unwrap());
            drop(producer);
            for reader in readers {
                assert_eq!(reader.join().unwrap(), RECORDS / 3);
            }
        });
    }
}

#[test]
fn a_dropped_listener_gates_nobody() {
    let (mut producer, mut ends) = fan(8, 2, Full::Spin);
    let last = ends.pop().unwrap();
    drop(ends);
    assert_eq!(producer.listeners_gone(), 1);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || listen(last, 3));
        (1..=1_000).for_each(|number| producer.push(&number).unwrap());
        drop(producer);
        assert_eq!(reader.join().unwrap(), 1_000);
    });
}

#[test]
fn a_broadcast_nobody_listens_to_says_so_instead_of_hanging() {
    let (mut producer, ends) = fan(8, 2, Full::Spin);
    drop(ends);
    assert!(producer.is_abandoned());
    let pushed = (1..=100u64).take_while(|number| producer.push(number).is_ok()).count();
    assert_eq!(pushed, 8);
    producer.emit(&mut 9);
    assert_eq!(producer.counts().lost, 2);
}

#[test]
fn a_listener_that_panics_in_its_handler_lets_the_others_go_on() {
    let (mut producer, mut ends) = fan(8, 2, Full::Spin);
    let mut dying = ends.pop().unwrap();
    let living = ends.pop().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let worker = worker::spawn("meter", None, Arc::clone(&broken), move || {
        loop {
            dying.drain(4, |number| assert!(*number < 20)).unwrap();
        }
    })
    .unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || listen(living, 4));
        (1..=1_000).for_each(|number| producer.push(&number).unwrap());
        drop(producer);
        assert_eq!(reader.join().unwrap(), 1_000);
    });
    assert!(worker.join().is_err());
    assert!(broken.load(Ordering::Acquire));
}

#[test]
fn a_slow_listener_makes_a_dropping_broadcast_drop_for_all_and_count_it() {
    let (mut producer, mut ends) = fan(4, 2, Full::DropAndCount);
    (1..=6).for_each(|mut number| producer.emit(&mut number));
    assert_eq!((producer.counts().full, producer.counts().dropped), (2, 2));
    let mut heard = Vec::new();
    ends[0].drain(100, |number| heard.push(*number)).unwrap();
    assert_eq!(heard, [1, 2, 3, 4]);
    assert!(!producer.try_push(&7), "the other has not read");
    assert_eq!(ends[1].pop(), Ok(Some(1)));
    assert!(producer.try_push(&7));
    drop(producer);
    assert_eq!(ends[0].pop(), Ok(Some(7)));
    assert_eq!(ends[0].pop(), Err(Ended));
    assert_eq!(ends[1].drain(100, |_| ()), Ok(4), "what is left is heard before the end");
    assert_eq!(ends[1].pop(), Err(Ended));
}
