//! Several days of one venue, one after the other.

use tickrace_types::event::{VERSION, source};
use tickrace_types::{Flags, Header, InstrumentId, Kind, Record};

use super::{End, Skips, Source};

/// A chain of sources, one for each session, in the order of their dates.
///
/// Between two days stands one [`Kind::Clear`] of the whole venue at the new day's midnight: order numbers are
/// unique in a day only, and what the venue did not take off at its close is gone.
///
/// The first day that ends in a fault ends the chain: what follows a hole is not the same run. Instrument ids
/// stay the same over the days when each source's map was made from the one before
/// ([`crate::LocateMap::next_day`]) or names its symbols.
#[derive(Debug)]
pub struct Days<S> {
    sources: Vec<S>,
    midnights_ns: Vec<i64>,
    current: usize,
    /// A day has begun whose books must be emptied first.
    is_fresh: bool,
    skips: Skips,
    end: End,
    position_before: u64,
    messages_before: u64,
}

/// Why a chain of days is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DaysError {
    /// No day at all.
    #[error("no day was given")]
    Empty,
    /// Two days of one date, or out of order.
    #[error("day {index} starts at {midnight_ns} ns, not after the day before it ({before_ns} ns)")]
    Order {
        /// Place in the list, from 0.
        index: usize,
        /// Its session midnight, nanoseconds since the Unix epoch.
        midnight_ns: i64,
        /// Session midnight of the day before it in the list.
        before_ns: i64,
    },
}

impl<S: Source> Days<S> {
    /// Chains `(session midnight in ns since the Unix epoch, source)` pairs.
    ///
    /// # Errors
    ///
    /// [`DaysError::Order`] unless midnights ascend strictly; [`DaysError::Empty`] without a day.
    pub fn new(days: Vec<(i64, S)>) -> Result<Self, DaysError> {
        if days.is_empty() {
            return Err(DaysError::Empty);
        }
        for (index, pair) in days.windows(2).enumerate() {
            if pair[1].0 <= pair[0].0 {
                return Err(DaysError::Order {
                    index: index + 1,
                    midnight_ns: pair[1].0,
                    before_ns: pair[0].0,
                });
            }
        }
        Ok(Self {
            midnights_ns: days.iter().map(|(midnight_ns, _)| *midnight_ns).collect(),
            is_fresh: false,
            sources: days.into_iter().map(|(_, source)| source).collect(),
            current: 0,
            skips: Skips::default(),
            end: End::Running,
            position_before: 0,
            messages_before: 0,
        })
    }

    /// The day being read, from 0; the last one after the end.
    pub const fn day(&self) -> usize {
        self.current
    }

    /// The sources, in order.
    pub fn sources(&self) -> &[S] {
        &self.sources
    }
}

/// Empties every book, at `ts_ns`.
fn clear(ts_ns: i64) -> Record {
    let header = Header {
        kind: Kind::Clear as u8,
        version: VERSION,
        flags: Flags::END_OF_EVENT,
        source: source::MARKET,
        instrument: InstrumentId::NONE.0,
        seq: 0,
        ts_venue_ns: ts_ns,
        ts_recv_ns: ts_ns,
    };
    Record { header, ..Record::default() }
}

impl<S: Source> Source for Days<S> {
    fn next_into(&mut self, out: &mut Record) -> bool {
        let last = self.sources.len() - 1;
        while self.end.is_running() {
            if std::mem::take(&mut self.is_fresh) {
                *out = clear(self.midnights_ns[self.current]);
                return true;
            }
            let source = &mut self.sources[self.current];
            if source.next_into(out) {
                return true;
            }
            self.skips.absorb(source.skips());
            self.position_before += source.position();
            self.messages_before += source.messages();
            if source.end().is_fault() || self.current == last {
                self.end = *source.end();
            } else {
                self.current += 1;
                self.is_fresh = true;
            }
        }
        false
    }

    fn serves_both(&self) -> bool {
        self.sources.iter().all(Source::serves_both)
    }

    fn can_skim(&self) -> bool {
        self.sources.iter().all(Source::can_skim)
    }

    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        if self.is_fresh || !self.end.is_running() {
            return 0;
        }
        self.sources[self.current].skim(each)
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        self.sources[self.current].glimpse(ahead)
    }

    /// Of the days that have ended.
    fn skips(&self) -> &Skips {
        &self.skips
    }

    /// A fault's offset counts from the start of the faulty day ([`Days::day`] tells which).
    fn end(&self) -> &End {
        &self.end
    }

    /// Over all days so far.
    fn position(&self) -> u64 {
        let running = if self.end.is_running() { self.sources[self.current].position() } else { 0 };
        self.position_before + running
    }

    /// Over all days so far.
    fn messages(&self) -> u64 {
        let running = if self.end.is_running() { self.sources[self.current].messages() } else { 0 };
        self.messages_before + running
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    #[test]
    fn days_follow_each_other_and_their_skips_add_up() {
        let mut days =
            Days::new(vec![(0, Scripted::new(&[1, 2], 1)), (10, Scripted::new(&[11], 1))]).expect("order");
        let (mut seen, mut record) = (Vec::new(), Record::default());
        while days.next_into(&mut record) {
            seen.push((days.day(), record.header.ts_venue_ns));
        }
        // Between the days the books are emptied, at the new midnight.
        assert_eq!(seen, [(0, 1), (0, 2), (1, 10), (1, 11)]);
        assert_eq!((*days.end(), days.messages(), days.skips().filtered), (End::Complete, 3, 2));
    }

    #[test]
    fn days_out_of_order_or_twice_are_refused() {
        for second in [3, 5] {
            let chain = vec![(5, Scripted::new(&[], 1)), (second, Scripted::new(&[], 1))];
            let wanted = DaysError::Order { index: 1, midnight_ns: second, before_ns: 5 };
            assert_eq!(Days::new(chain).err(), Some(wanted));
        }
        assert_eq!(Days::<Scripted>::new(vec![]).err(), Some(DaysError::Empty));
    }

    #[test]
    fn a_faulty_day_ends_the_chain() {
        let cut = Scripted::new(&[1], 1).ending(End::LostFraming { offset: 5 });
        let mut days = Days::new(vec![(0, cut), (10, Scripted::new(&[11], 1))]).expect("order");
        let mut record = Record::default();
        assert!(days.next_into(&mut record));
        assert!(!days.next_into(&mut record) && !days.next_into(&mut record));
        assert_eq!((*days.end(), days.day()), (End::LostFraming { offset: 5 }, 0));
    }
}
