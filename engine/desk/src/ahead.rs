//! Reads a source a little ahead, so that the lines a record will touch are fetched while those before it are handled.

use tickrace_feeds::source::Source;
use tickrace_types::Record;

/// Records decoded ahead of the one that is handled: with two, the table of order numbers is asked for the first, and
/// the order it names for the second.
pub const AHEAD: usize = 2;

/// Places: the one handled, those ahead of it, and one more so that their number is a power of two.
const PLACES: usize = 4;
const _: () = assert!(PLACES > AHEAD && PLACES.is_power_of_two());

/// How far on a record told beforehand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soon {
    /// One or two records: what it names can be fetched, having been asked for before.
    Next,
    /// Further: the table that will tell what it names is asked for.
    Later,
}

/// Lines of a log behind the next record that are told as [`Soon::Later`] and as [`Soon::Next`].
const GLIMPSES: (usize, usize) = (5, 1);

/// What holds a record in place: the record itself, or the envelope it travels in.
pub trait Holds: Copy {
    /// One that holds nothing yet.
    fn empty() -> Self;
    /// Its record.
    fn record(&self) -> &Record;
    /// The same, to be written.
    fn record_mut(&mut self) -> &mut Record;
}

impl Holds for Record {
    fn empty() -> Self {
        Self::default()
    }

    #[inline(always)]
    fn record(&self) -> &Record {
        self
    }

    #[inline(always)]
    fn record_mut(&mut self) -> &mut Record {
        self
    }
}

impl Holds for tickrace_types::Envelope {
    fn empty() -> Self {
        Self::small(&Record::default(), &tickrace_types::TopOfBook::NONE)
    }

    #[inline(always)]
    fn record(&self) -> &Record {
        &self.record
    }

    #[inline(always)]
    fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }
}

/// The next records of a source, decoded where they are handled.
#[derive(Clone, Debug)]
pub struct Ahead<H> {
    places: [H; PLACES],
    /// Place of the next one, counted without wrapping.
    at: usize,
    /// How many are decoded from there on: `depth`, fewer only at the end of the source.
    ready: usize,
    /// [`AHEAD`], or 1 where the source can be skimmed.
    depth: usize,
    is_over: bool,
}

impl<H: Holds> Ahead<H> {
    /// Nothing decoded yet.
    pub fn new() -> Self {
        Self { places: [H::empty(); PLACES], at: 0, ready: 0, depth: AHEAD, is_over: false }
    }

    /// Decodes the first few.
    pub fn fill(&mut self, source: &mut impl Source) {
        // What is skimmed follows the record last given: nothing else may be decoded by then.
        self.depth = if source.can_skim() { 1 } else { AHEAD };
        while self.ready < self.depth && !self.is_over {
            self.decode(source);
        }
    }

    #[inline(always)]
    fn decode(&mut self, source: &mut impl Source) {
        let place = (self.at + self.ready) % PLACES;
        self.is_over = !source.next_into(self.places[place].record_mut());
        self.ready += usize::from(!self.is_over);
    }

    /// The next one; `None` at the end of the source.
    #[inline]
    pub fn next(&self) -> Option<&H> {
        (self.ready > 0).then(|| &self.places[self.at % PLACES])
    }

    /// Takes the next one, which there must be, to be handled before more is decoded ([`Ahead::refill`]); in between, the
    /// source may be skimmed.
    #[inline]
    pub fn take_alone(&mut self) -> &mut H {
        assert!(self.ready == 1, "nothing else is decoded, and the caller has looked");
        let taken = self.at % PLACES;
        (self.at, self.ready) = (self.at + 1, 0);
        &mut self.places[taken]
    }

    /// Decodes the next one.
    #[inline]
    pub fn refill(&mut self, source: &mut impl Source) {
        if !self.is_over {
            self.decode(source);
        }
    }

    /// Takes the next one, which there must be, to be handled; decodes one more first, and tells `expect` of those that
    /// follow: of what a log shows of them, or of the decoded ones.
    #[inline]
    pub fn take(&mut self, source: &mut impl Source, expect: impl Fn(&Record, Soon)) -> &mut H {
        assert!(self.ready > 0, "the caller has looked");
        let taken = self.at % PLACES;
        (self.at, self.ready) = (self.at + 1, self.ready - 1);
        if !self.is_over {
            self.decode(source);
        }
        if let Some(later) = source.glimpse(GLIMPSES.0) {
            expect(later, Soon::Later);
            if let Some(next) = source.glimpse(GLIMPSES.1) {
                expect(next, Soon::Next);
            }
        } else {
            if self.ready > 0 {
                expect(self.places[self.at % PLACES].record(), Soon::Next);
            }
            if self.ready == AHEAD {
                expect(self.places[(self.at + AHEAD - 1) % PLACES].record(), Soon::Later);
            }
        }
        &mut self.places[taken]
    }
}

impl<H: Holds> Default for Ahead<H> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tickrace_feeds::source::{End, Skips};

    use super::*;

    /// Gives records numbered from 1.
    struct Numbered {
        given: u64,
        count: u64,
        end: End,
        skips: Skips,
    }

    impl Source for Numbered {
        fn next_into(&mut self, out: &mut Record) -> bool {
            assert_eq!(self.end, End::Running, "not asked again after its end");
            if self.given == self.count {
                self.end = End::Complete;
                return false;
            }
            self.given += 1;
            out.header.seq = self.given;
            true
        }

        fn skips(&self) -> &Skips {
            &self.skips
        }

        fn end(&self) -> &End {
            &self.end
        }

        fn position(&self) -> u64 {
            self.given
        }

        fn messages(&self) -> u64 {
            self.given
        }
    }

    fn numbered(count: u64) -> Numbered {
        Numbered { given: 0, count, end: End::Running, skips: Skips::default() }
    }

    #[test]
    fn every_record_comes_once_in_order_however_short_the_source() {
        for count in 0..8 {
            let mut source = numbered(count);
            let mut ahead = Ahead::<Record>::new();
            ahead.fill(&mut source);
            let mut seen = Vec::new();
            while ahead.next().is_some() {
                let foretold = ahead.next().map(|record| record.header.seq);
                let taken = ahead.take(&mut source, |_, _| {}).header.seq;
                assert_eq!(foretold, Some(taken));
                seen.push(taken);
            }
            assert_eq!(seen, (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_comes_is_told_two_ahead_and_then_one_ahead() {
        use Soon::{Later, Next};
        let mut source = numbered(4);
        let mut ahead = Ahead::<Record>::new();
        ahead.fill(&mut source);
        let told = RefCell::new(Vec::new());
        while ahead.next().is_some() {
            ahead.take(&mut source, |record, by| told.borrow_mut().push((record.header.seq, by)));
        }
        assert_eq!(told.into_inner(), [(2, Next), (3, Later), (3, Next), (4, Later), (4, Next)]);
    }
}
