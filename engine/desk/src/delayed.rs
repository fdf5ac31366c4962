//! Market data heard later than they happened, by a model of the way.
//!
//! A feed is one session: what happened later is never heard before. The records of one event share one latency, as the
//! messages of one packet do.

use tickrace_exchange::Latency;
use tickrace_feeds::source::{End, Skips, Source};
use tickrace_types::{Flags, Record};

/// A source whose receive times come from a model, where there is one.
///
/// The source then has to give its records in venue order: that is the order in which they are heard.
pub struct Delayed<S> {
    source: S,
    latency: Option<Latency>,
    /// When the event that goes on happened and when it is heard; none at the start of one.
    event: Option<(i64, i64)>,
}

impl<S> Delayed<S> {
    /// `latency`: from the venue to us; absent: receive times stay as the source has them.
    pub const fn new(source: S, latency: Option<Latency>) -> Self {
        Self { source, latency, event: None }
    }

    /// The source behind it.
    pub const fn inner(&self) -> &S {
        &self.source
    }
}

impl<S: Source> Source for Delayed<S> {
    #[inline]
    fn next_into(&mut self, out: &mut Record) -> bool {
        let is_one = self.source.next_into(out);
        if is_one && let Some(latency) = &mut self.latency {
            let header = &mut out.header;
            let heard_ns = match self.event {
                Some((ts_venue_ns, heard_ns)) if ts_venue_ns == header.ts_venue_ns => heard_ns,
                _ => latency.arrival_ns(header.ts_venue_ns),
            };
            header.ts_recv_ns = heard_ns;
            let goes_on = header.flags & Flags::END_OF_EVENT == 0;
            self.event = goes_on.then_some((header.ts_venue_ns, heard_ns));
        }
        is_one
    }

    fn serves_both(&self) -> bool {
        self.source.serves_both()
    }

    fn can_skim(&self) -> bool {
        self.latency.is_none() && self.source.can_skim()
    }

    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        if self.latency.is_some() { 0 } else { self.source.skim(each) }
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        self.source.glimpse(ahead)
    }

    fn skips(&self) -> &Skips {
        self.source.skips()
    }

    fn end(&self) -> &End {
        self.source.end()
    }

    fn position(&self) -> u64 {
        self.source.position()
    }

    fn messages(&self) -> u64 {
        self.source.messages()
    }
}

#[cfg(test)]
mod tests {
    use tickrace_exchange::{LatencyConfig, Way};
    use tickrace_types::Header;

    use super::*;

    /// Gives one record for each (venue time, whether it ends its event).
    struct Listed {
        records: Vec<(i64, bool)>,
        given: usize,
        skips: Skips,
        end: End,
    }

    impl Source for Listed {
        fn next_into(&mut self, out: &mut Record) -> bool {
            let Some((ts_venue_ns, is_last)) = self.records.get(self.given).copied() else { return false };
            self.given += 1;
            let flags = if is_last { Flags::END_OF_EVENT } else { 0 };
            out.header = Header { flags, ts_venue_ns, ts_recv_ns: -1, ..Header::default() };
            true
        }

        fn skips(&self) -> &Skips {
            &self.skips
        }

        fn end(&self) -> &End {
            &self.end
        }

        fn position(&self) -> u64 {
            0
        }

        fn messages(&self) -> u64 {
            0
        }
    }

    fn heard(records: &[(i64, bool)], latency: Option<Latency>) -> Vec<i64> {
        let listed =
            Listed { records: records.to_vec(), given: 0, skips: Skips::default(), end: End::Running };
        let mut source = Delayed::new(listed, latency);
        let (mut all, mut record) = (Vec::new(), Record::default());
        while source.next_into(&mut record) {
            all.push(record.header.ts_recv_ns);
        }
        all
    }

    #[test]
    fn without_a_model_the_times_stay() {
        assert_eq!(heard(&[(5, true), (9, true)], None), [-1, -1]);
    }

    #[test]
    fn events_are_heard_whole_in_order_and_never_early() {
        let uniform = LatencyConfig::Uniform { latency_ns_min: 100, latency_ns_max: 900 };
        let way = || Latency::new(&uniform, Way::Feed, 3).expect("sound");
        // Events of one, two and one record, ten nanoseconds apart, over and over.
        let records: Vec<(i64, bool)> =
            (0..400).map(|place| ((place - i64::from(place % 4 == 2)) * 10, place % 4 != 1)).collect();
        let all = heard(&records, Some(way()));
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        for (place, (ts_venue_ns, _)) in records.iter().enumerate() {
            assert!(all[place] >= ts_venue_ns + 100);
            if place % 4 == 2 {
                assert_eq!(all[place], all[place - 1], "one event, one time");
            }
        }
        assert_eq!(all, heard(&records, Some(way())));
    }
}
