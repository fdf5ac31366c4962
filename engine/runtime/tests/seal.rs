//! The sealed allocator sees what it should, and the rings allocate nothing once built.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "tests; clippy knows only functions marked as such")]

use std::hint::black_box;

use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::meter::Meter;
use tickrace_runtime::ring::{Full, broadcast, ring, ring_over_rtrb};
use tickrace_runtime::seal::{
    Seal, SealedAlloc, allocations, releases, seal_thread, sealed_calls, thread_allocations,
};
use tickrace_runtime::stage::Emit;

#[global_allocator]
static ALLOCATOR: SealedAlloc = SealedAlloc;

/// Set for the child process that is to abort.
const CHILD: &str = "TICKRACE_SEAL_TEST_CHILD";

// One test, because the process-wide counters would see the other tests' allocations.
#[test]
fn the_counter_sees_an_allocation_and_none_where_there_is_none() {
    if std::env::var_os(CHILD).is_some() {
        let _seal = seal_thread(Seal::Abort);
        drop(black_box(Vec::<u64>::with_capacity(black_box(9))));
        return;
    }
    it_sees_one();
    a_sealed_thread_is_counted_apart();
    rings_and_meters_allocate_nothing_once_built();
    an_allocation_on_a_sealed_thread_aborts();
}

fn it_sees_one() {
    let (all, own, freed) = (allocations(), thread_allocations(), releases());
    let boxed = black_box(Box::new(black_box(7u64)));
    assert_eq!(thread_allocations() - own, 1);
    assert!(allocations() > all);
    drop(boxed);
    assert!(releases() > freed);
    let mut grown = black_box(Vec::<u64>::with_capacity(1));
    grown.reserve_exact(black_box(100));
    assert_eq!(thread_allocations() - own, 3, "growing is an allocation too");
}

fn a_sealed_thread_is_counted_apart() {
    drop(black_box(Box::new(black_box(1u64))));
    let before = sealed_calls();
    let seal = seal_thread(Seal::Count);
    let boxed = black_box(Box::new(black_box(2u64)));
    assert_eq!(sealed_calls() - before, 1);
    drop(boxed);
    assert_eq!(sealed_calls() - before, 2, "a release may lock as well");
    drop(seal);
    drop(black_box(Box::new(black_box(3u64))));
    assert_eq!(sealed_calls() - before, 2, "the seal ended with its guard");
}

fn rings_and_meters_allocate_nothing_once_built() {
    let (mut producer, mut consumer) =
        ring_over_rtrb::<[u64; 8]>(64, Full::DropAndCount, IdleStrategy::Spin).unwrap();
    let (mut own, mut end) = ring::<u64>(64, Full::Spin, IdleStrategy::Spin).unwrap();
    let (mut fan, mut listeners) = broadcast::<[u64; 8]>(64, 2, Full::Spin, IdleStrategy::Spin).unwrap();
    let mut meter = Meter::new();
    let before = (thread_allocations(), sealed_calls());
    let seal = seal_thread(Seal::Count);
    let mut sum = 0;
    for number in 0..10_000u64 {
        producer.emit(&mut [number; 8]);
        if number % 100 > 20 {
            consumer.drain(usize::MAX, |record| sum += record[0]);
        }
        own.emit(&mut number.clone());
        end.drain(usize::MAX, |number| sum += number);
        fan.emit(&mut [number; 8]);
        for listener in &mut listeners {
            listener.drain(64, |record| sum += record[7]).unwrap();
        }
        meter.record(number * number * number);
    }
    drop(seal);
    assert_eq!((thread_allocations(), sealed_calls()), before);
    assert!(black_box(sum) > 0);
}

fn an_allocation_on_a_sealed_thread_aborts() {
    let name = "the_counter_sees_an_allocation_and_none_where_there_is_none";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("allocation or release on a sealed thread: aborting"), "{text}");
}
