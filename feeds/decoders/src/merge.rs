//! Several sources as one, by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tickrace_types::Record;

use crate::source::{End, Skips, Source};

/// Which time orders a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeBy {
    /// `ts_recv_ns`: as we would have heard it.
    Receive,
    /// `ts_venue_ns`: as it happened.
    Venue,
}

impl MergeBy {
    #[inline]
    const fn key(self, record: &Record) -> i64 {
        match self {
            Self::Receive => record.header.ts_recv_ns,
            Self::Venue => record.header.ts_venue_ns,
        }
    }
}

/// Stable merge: by time, then by the sources' order in the list, then by each source's own order.
///
/// A source whose own times step back is passed on as it is: records of one source never overtake each other.
/// A source that ends in a fault ends the merge with that fault once its last record is out.
#[derive(Debug)]
pub struct Merge<S> {
    sources: Vec<S>,
    heads: Vec<Record>,
    queue: BinaryHeap<Reverse<(i64, usize)>>,
    by: MergeBy,
    skips: Skips,
    end: End,
    primed: bool,
}

impl<S: Source> Merge<S> {
    /// Merges `sources`.
    pub fn new(sources: Vec<S>, by: MergeBy) -> Self {
        Self {
            heads: vec![Record::default(); sources.len()],
            queue: BinaryHeap::with_capacity(sources.len()),
            sources,
            by,
            skips: Skips::default(),
            end: End::Running,
            primed: false,
        }
    }

    /// The sources, in order.
    pub fn sources(&self) -> &[S] {
        &self.sources
    }

    /// Reads the next head of a source; closes its account at its end. False at a fault.
    fn refill(&mut self, index: usize) -> bool {
        let source = &mut self.sources[index];
        if source.next_into(&mut self.heads[index]) {
            self.queue.push(Reverse((self.by.key(&self.heads[index]), index)));
            return true;
        }
        self.skips.absorb(source.skips());
        if source.end().is_fault() {
            self.end = *source.end();
            return false;
        }
        true
    }
}

impl<S: Source> Source for Merge<S> {
    fn next_into(&mut self, out: &mut Record) -> bool {
        if !self.end.is_running() {
            return false;
        }
        if !self.primed {
            self.primed = true;
            for index in 0..self.sources.len() {
                if !self.refill(index) {
                    return false;
                }
            }
        }
        let Some(Reverse((_, index))) = self.queue.pop() else {
            self.end = End::Complete;
            return false;
        };
        *out = self.heads[index];
        // A fault shows at the next call: this record was read before it.
        self.refill(index);
        true
    }

    /// Of the sources that have ended.
    fn skips(&self) -> &Skips {
        &self.skips
    }

    fn end(&self) -> &End {
        &self.end
    }

    fn position(&self) -> u64 {
        self.sources.iter().map(Source::position).sum()
    }

    fn messages(&self) -> u64 {
        self.sources.iter().map(Source::messages).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted::Scripted;

    fn drained(source: &mut impl Source) -> Vec<(i64, u64)> {
        let (mut all, mut record) = (Vec::new(), Record::default());
        while source.next_into(&mut record) {
            all.push((record.header.ts_venue_ns, record.header.seq));
        }
        all
    }

    #[test]
    fn ties_follow_the_order_of_the_list_and_no_source_overtakes_itself() {
        // The number tells the source: tens. Source 2 steps back in time.
        let sources =
            vec![Scripted::new(&[5, 5, 9], 10), Scripted::new(&[5, 7], 20), Scripted::new(&[8, 1, 9], 30)];
        let mut merge = Merge::new(sources, MergeBy::Venue);
        let wanted = [(5, 10), (5, 11), (5, 20), (7, 21), (8, 30), (1, 31), (9, 12), (9, 32)];
        assert_eq!(drained(&mut merge), wanted);
        assert_eq!((*merge.end(), merge.messages(), merge.skips().filtered), (End::Complete, 8, 3));
    }

    #[test]
    fn a_fault_ends_the_merge_after_the_last_record_before_it() {
        let broken = Scripted::new(&[1, 6], 10).ending(End::Truncated { offset: 77 });
        let mut merge = Merge::new(vec![broken, Scripted::new(&[2, 9], 20)], MergeBy::Receive);
        assert_eq!(drained(&mut merge), [(1, 10), (2, 20), (6, 11)]);
        assert_eq!(*merge.end(), End::Truncated { offset: 77 });
        assert_eq!(drained(&mut merge), []);
    }
}
