//! Equal orders in a short time (control 5): a small table of the last times of each order seen.
//!
//! For each (instrument, side, price, trigger, quantity) the times are kept at which it last passed, as many as a limit may
//! allow: if the one as far back as the limit is inside the window, one more would be one too many. That is exact for a
//! sliding window. Most orders are seen once: one cache line of a bucket then knows all, and the times of an order
//! have lines of their own from the second on. The table forgets the order unused for longest where a bucket is full,
//! and counts it where that order still mattered.

use tickrace_types::OrderRecord;
use tickrace_types::prefetch::prefetch;

use crate::limits::{DUPLICATE_COUNT_MAX, DuplicateLimits};

const TIMES: usize = 14;
const _: () = assert!(TIMES as i64 == DUPLICATE_COUNT_MAX);
/// Buckets; a market maker has a few hundred distinct orders in a window.
const BUCKETS: usize = 128;
/// Orders of one bucket.
const WAYS: usize = 4;
/// So long ago that no window reaches it.
const NEVER: i64 = i64::MIN;

/// What a bucket knows of its orders: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// 64-bit hashes of the orders, 0 for none. Equal hashes are taken for equal orders, which at worst refuses one
    /// in 2^64.
    tags: [u64; WAYS],
    /// When each last passed, [`NEVER`] for none.
    last_ns: [i64; WAYS],
}
const _: () = assert!(size_of::<Bucket>() == 64);

/// Times of an order that passed more than once: two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(128))]
struct Entry {
    /// Which order's they are; another tag than the bucket's says that its order passed only once.
    tag: u64,
    times: [i64; TIMES],
    /// Where the next time goes, over the oldest.
    next: u32,
}
const _: () = assert!(size_of::<Entry>() == 128);

impl Entry {
    const EMPTY: Self = Self { tag: 0, times: [NEVER; TIMES], next: 0 };

    fn push(&mut self, now_ns: i64) {
        self.times[self.next as usize] = now_ns;
        self.next = if self.next as usize + 1 == TIMES { 0 } else { self.next + 1 };
    }

    /// The time so many back, 1 for the last.
    #[inline]
    fn back(&self, count: usize) -> i64 {
        let next = self.next as usize;
        self.times[if next >= count { next - count } else { next + TIMES - count }]
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Duplicates {
    buckets: Vec<Bucket>,
    entries: Vec<Entry>,
    limit: usize,
    window_ns: i64,
}

/// What an order is known by, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought {
    bucket: usize,
    tag: u64,
}

/// Where an order that may pass will be noted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noted {
    bucket: usize,
    way: usize,
    tag: u64,
}

impl Duplicates {
    pub fn new(limits: &DuplicateLimits) -> Self {
        let limit = usize::try_from(limits.duplicate_count_max).unwrap_or(1).clamp(1, TIMES);
        let window_ns = limits.duplicate_window_ms.saturating_mul(1_000_000);
        let empty = Bucket { tags: [0; WAYS], last_ns: [NEVER; WAYS] };
        Self { buckets: vec![empty; BUCKETS], entries: vec![Entry::EMPTY; BUCKETS * WAYS], limit, window_ns }
    }

    /// Takes over other limits. The times of an order are kept whatever the limit; a longer window counts from here on.
    pub fn set_limits(&mut self, limits: &DuplicateLimits) {
        self.limit = usize::try_from(limits.duplicate_count_max).unwrap_or(1).clamp(1, TIMES);
        self.window_ns = limits.duplicate_window_ms.saturating_mul(1_000_000);
    }

    /// Where an order belongs that will be judged soon; a hint to have its line at hand by then.
    #[inline(always)]
    pub fn seek(&self, order: &OrderRecord) -> Sought {
        let tag = tag_of(order);
        #[allow(clippy::cast_possible_truncation, reason = "masked to the buckets")]
        let bucket = tag as usize & (BUCKETS - 1);
        prefetch(&self.buckets, bucket);
        Sought { bucket, tag }
    }

    /// Whether one more of this order may pass at `now_ns`; `None` where it would be one too many.
    #[inline(always)]
    pub fn judge(&self, sought: Sought, now_ns: i64) -> Option<Noted> {
        let Sought { bucket, tag } = sought;
        let Bucket { tags, last_ns } = &self.buckets[bucket];
        let Some(way) = tags.iter().position(|known| *known == tag) else {
            // The one unused for longest makes way.
            let way = (1..WAYS).fold(0, |way, other| if last_ns[other] < last_ns[way] { other } else { way });
            return Some(Noted { bucket, way, tag });
        };
        let noted = Noted { bucket, way, tag };
        // Where the last one has left the window, so have those before it.
        if !self.is_inside(last_ns[way], now_ns) {
            return Some(noted);
        }
        let entry = &self.entries[bucket * WAYS + way];
        let oldest_ns = match self.limit {
            1 => last_ns[way],
            _ if entry.tag != tag => NEVER,
            limit => entry.back(limit),
        };
        (!self.is_inside(oldest_ns, now_ns)).then_some(noted)
    }

    /// Notes an order that passed at `now_ns`; `true` where another had to be forgotten that still mattered.
    #[inline]
    pub fn note(&mut self, noted: Noted, now_ns: i64) -> bool {
        let Noted { bucket, way, tag } = noted;
        let known = &mut self.buckets[bucket];
        let (before, before_ns) = (known.tags[way], known.last_ns[way]);
        (known.tags[way], known.last_ns[way]) = (tag, now_ns);
        let is_inside = self.is_inside(before_ns, now_ns);
        let entry = &mut self.entries[bucket * WAYS + way];
        if before != tag || !is_inside {
            // Written, not read: nothing waits for the line. An order that comes back starts anew, and so does one
            // whose times have all left the window.
            entry.tag = 0;
            return before != tag && is_inside;
        }
        if self.limit > 1 {
            if entry.tag != tag {
                *entry = Entry { tag, ..Entry::EMPTY };
                entry.push(before_ns);
            }
            entry.push(now_ns);
        }
        false
    }

    #[inline]
    fn is_inside(&self, then_ns: i64, now_ns: i64) -> bool {
        then_ns != NEVER && now_ns.saturating_sub(then_ns) < self.window_ns
    }
}

/// Mixes what makes two orders the same; never 0, the tag of an empty entry.
#[inline]
fn tag_of(order: &OrderRecord) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let instrument_side = u64::from(order.header.instrument) << 1 | order.side() as u64;
    // Stops have no price to tell them apart.
    let px = order.price ^ order.trigger_price.rotate_left(32);
    let mut tag = instrument_side.wrapping_mul(K) ^ px.cast_unsigned();
    tag = (tag ^ tag >> 32).wrapping_mul(K) ^ order.qty.cast_unsigned();
    tag = (tag ^ tag >> 29).wrapping_mul(K);
    tag ^ tag >> 32 | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tickrace_types::Header;

    fn order(price: i64, now_ns: i64) -> OrderRecord {
        let header = Header { ts_recv_ns: now_ns, ..Header::default() };
        OrderRecord { header, price, qty: 100, ..OrderRecord::default() }
    }

    fn passes(table: &mut Duplicates, order: &OrderRecord) -> bool {
        match table.judge(table.seek(order), order.header.ts_recv_ns) {
            Some(noted) => {
                table.note(noted, order.header.ts_recv_ns);
                true
            }
            None => false,
        }
    }

    #[test]
    fn one_too_many_is_refused_until_the_first_leaves_the_window() {
        let limits = DuplicateLimits { duplicate_count_max: 2, duplicate_window_ms: 1 };
        let mut table = Duplicates::new(&limits);
        let at = [
            (0, true),
            (10, true),
            (999_999, false),
            (1_000_000, true),
            (1_000_009, false),
            (1_000_010, true),
        ];
        for (now_ns, expected) in at {
            assert_eq!(passes(&mut table, &order(5, now_ns)), expected, "at {now_ns} ns");
        }
    }

    #[test]
    fn an_order_differing_in_anything_is_another_order() {
        let limits = DuplicateLimits { duplicate_count_max: 1, duplicate_window_ms: 1000 };
        let mut table = Duplicates::new(&limits);
        let first = order(5, 0);
        assert!(passes(&mut table, &first));
        assert!(!passes(&mut table, &first));
        assert!(passes(&mut table, &OrderRecord { price: 6, ..first }));
        assert!(passes(&mut table, &OrderRecord { qty: 101, ..first }));
        assert!(passes(&mut table, &OrderRecord { side: 1, ..first }));
        assert!(passes(&mut table, &OrderRecord { trigger_price: 7, ..first }));
        let mut elsewhere = first;
        elsewhere.header.instrument = 1;
        assert!(passes(&mut table, &elsewhere));
    }

    proptest! {
        /// The plain rule holds for limits that change as well, from one order to the next.
        #[test]
        fn limits_that_change_forget_nothing(
            steps in prop::collection::vec((0i64..4, 0i64..200_000, 0i64..15), 1..300),
        ) {
            let limits = |duplicate_count_max| DuplicateLimits { duplicate_count_max, duplicate_window_ms: 1 };
            let (mut table, mut limit) = (Duplicates::new(&limits(3)), 3);
            let mut passed: Vec<(i64, i64)> = Vec::new();
            let mut now_ns = 1_700_000_000_000_000_000;
            for (price, step_ns, next_limit) in steps {
                now_ns += step_ns;
                if next_limit > 0 && step_ns % 5 == 0 {
                    limit = next_limit;
                    table.set_limits(&limits(limit));
                }
                let equal = passed.iter().filter(|(p, t)| *p == price && now_ns - t < 1_000_000).count();
                let expected = (equal as i64) < limit;
                prop_assert_eq!(passes(&mut table, &order(price, now_ns)), expected);
                if expected {
                    passed.push((price, now_ns));
                }
            }
        }

        /// The plain rule: count the passed equals younger than the window.
        #[test]
        fn the_table_agrees_with_a_list_of_all_orders(
            steps in prop::collection::vec((0i64..6, 0i64..400_000), 1..300),
            limit in 1i64..5,
        ) {
            let limits = DuplicateLimits { duplicate_count_max: limit, duplicate_window_ms: 1 };
            let mut table = Duplicates::new(&limits);
            let mut passed: Vec<(i64, i64)> = Vec::new();
            let mut now_ns = 1_700_000_000_000_000_000;
            for (price, step_ns) in steps {
                now_ns += step_ns;
                let equal = passed.iter().filter(|(p, t)| *p == price && now_ns - t < 1_000_000).count();
                let expected = (equal as i64) < limit;
                prop_assert_eq!(passes(&mut table, &order(price, now_ns)), expected);
                if expected {
                    passed.push((price, now_ns));
                }
            }
        }
    }
}
