//! The same work for each of many instruments, over all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `work` gives for each place from 0 to below `count`, in order. One thread a core; the answer does not depend on how
/// many there are.
pub fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    if threads <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let gather = || {
        let mut own = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                return own;
            }
            own.push((place, work(place)));
        }
    };
    let mut all: Vec<(usize, T)> = Vec::with_capacity(count);
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(gather)).collect();
        all.extend(gather());
        for other in others {
            match other.join() {
                Ok(own) => all.extend(own),
                // Its panic is ours.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all.sort_unstable_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn answers_stand_in_order_however_many_threads_there_are() {
        assert_eq!(each(100, |place| place * 3), (0..100).map(|place| place * 3).collect::<Vec<_>>());
        assert!(each(0, |place| place).is_empty());
    }
}
