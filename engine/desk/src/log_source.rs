//! A native record log as a market source: what `convert` made of a tick file, read in place.

use std::sync::Arc;

use tickrace_feeds::source::{End, Skips, Source};
use tickrace_journal::{Reader, SmallRecords};
use tickrace_types::event::{VERSION, source};
use tickrace_types::{Flags, Header, InstrumentId, Kind, MarketRecord, Phase, Record};

/// Which of the two orders of a log is read: records that stand twice are given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// In the order in which we received it.
    Desk,
    /// In the order in which the venue did it.
    Venue,
}

impl View {
    /// Flag of the records that the view leaves out.
    const fn hidden_flag(self) -> u8 {
        match self {
            Self::Desk => Flags::VENUE_ONLY,
            Self::Venue => Flags::DESK_ONLY,
        }
    }
}

/// When a record of a log is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedLatency {
    /// When the log says, and so many nanoseconds later where the recorder's clock was behind the venue's.
    Recorded {
        /// Added to each receive time.
        offset_ns: i64,
    },
    /// So many nanoseconds after the venue did it.
    Constant(i64),
}

/// How a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Which order.
    pub view: View,
    /// Receive times.
    pub latency: FeedLatency,
    /// No record stands twice: the order of receiving is the venue's.
    pub is_one_order: bool,
    /// The log tells nothing of trading phases: this many instruments of the run, from the first, trade continuously from
    /// its first record on. 0 where the log tells.
    pub always_trading_count: u32,
}

/// A reading of a log. Several share one mapped copy.
pub struct LogSource {
    records: SmallRecords,
    /// Instrument ids of the run by those of the log; `None` where they are the same.
    ids: Option<Arc<[u32]>>,
    options: LogOptions,
    hidden_flag: u8,
    /// Times of the record given last, as they stand in the log.
    given_ns: (i64, i64),
    /// Instruments that are still to be told open.
    to_open: u32,
    messages: u64,
    skips: Skips,
    end: End,
}

const ADD: u8 = Kind::Add as u8;
const LEVEL: u8 = Kind::Level as u8;
const QUOTE: u8 = Kind::Quote as u8;

/// Records from the start that are looked at for what the log is about.
const LOOKED_AT: usize = 1 << 16;

/// Id of an instrument that the run does not have.
pub const NOT_ASKED: u32 = u32::MAX - 1;

impl LogSource {
    /// Reads `log`; `ids` maps the log's instruments to the run's, [`NOT_ASKED`] for those left out.
    pub fn new(log: &Arc<Reader>, ids: Option<Arc<[u32]>>, options: LogOptions) -> Self {
        // With a constant latency the order of receiving is the venue's.
        let view = match options.latency {
            FeedLatency::Recorded { .. } => options.view,
            FeedLatency::Constant(_) => View::Venue,
        };
        Self {
            records: log.small_records(),
            ids,
            options,
            hidden_flag: view.hidden_flag(),
            given_ns: (0, 0),
            to_open: options.always_trading_count,
            messages: 0,
            skips: Skips::default(),
            end: End::Running,
        }
    }

    /// The word that an instrument is trading, just before the first record.
    #[cold]
    fn open(&mut self, out: &mut Record) -> bool {
        let instrument = self.options.always_trading_count - self.to_open;
        self.to_open -= 1;
        let mut ahead = self.records.clone();
        let first = loop {
            match ahead.advance() {
                Some(record) if record.header.flags & self.hidden_flag != 0 => {}
                Some(record) => break record.header,
                None => {
                    self.end = End::Complete;
                    return false;
                }
            }
        };
        let header = Header {
            kind: Kind::Status as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::MARKET,
            instrument,
            seq: 0,
            ..first
        };
        let status = MarketRecord { header, code: Phase::Continuous as u8, ..MarketRecord::default() };
        *out = *status.as_record();
        self.date(out);
        true
    }

    /// Whether the first record of a book is about a single order.
    fn begins_with_an_order(&self) -> bool {
        let mut ahead = self.records.clone();
        let looked_at =
            std::iter::from_fn(|| ahead.advance().map(|record| record.header.kind)).take(LOOKED_AT);
        let mut of_books = looked_at.filter(|kind| [ADD, LEVEL, QUOTE].contains(kind));
        of_books.next() == Some(ADD)
    }

    #[inline]
    fn date(&self, out: &mut Record) {
        out.header.ts_recv_ns = received_ns(self.options.latency, &out.header);
    }
}

/// When a record of a log is received.
#[inline]
fn received_ns(latency: FeedLatency, header: &Header) -> i64 {
    match latency {
        FeedLatency::Recorded { offset_ns } => header.ts_recv_ns.saturating_add(offset_ns),
        FeedLatency::Constant(latency_ns) => header.ts_venue_ns.saturating_add(latency_ns),
    }
}

impl Source for LogSource {
    #[inline]
    fn next_into(&mut self, out: &mut Record) -> bool {
        if self.to_open > 0 {
            return self.open(out);
        }
        while let Some(record) = self.records.advance() {
            self.messages += 1;
            if record.header.flags & self.hidden_flag != 0 {
                continue;
            }
            let mut instrument = record.header.instrument;
            if let Some(ids) = &self.ids
                && instrument != InstrumentId::NONE.0
            {
                instrument = ids.get(instrument as usize).copied().unwrap_or(NOT_ASKED);
                if instrument == NOT_ASKED {
                    self.skips.filtered += 1;
                    continue;
                }
            }
            *out = *record;
            self.given_ns = (record.header.ts_venue_ns, record.header.ts_recv_ns);
            out.header.instrument = instrument;
            self.date(out);
            return true;
        }
        self.end = End::Complete;
        false
    }

    fn can_skim(&self) -> bool {
        self.ids.is_none()
    }

    fn serves_both(&self) -> bool {
        let is_one_order =
            self.options.is_one_order || matches!(self.options.latency, FeedLatency::Constant(_));
        is_one_order && self.begins_with_an_order()
    }

    #[inline]
    fn skim(&mut self, mut each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        if self.ids.is_some() || self.to_open > 0 {
            return 0;
        }
        let given_ns = self.given_ns;
        let (ts_venue_ns, ts_recv_ns) = given_ns;
        let received_ns =
            received_ns(self.options.latency, &Header { ts_venue_ns, ts_recv_ns, ..Header::default() });
        let stops = Flags::END_OF_EVENT | Flags::SNAPSHOT | self.hidden_flag;
        let is_inside = |record: &Record| {
            let header = &record.header;
            header.kind == LEVEL
                && header.flags & stops == 0
                && (header.ts_venue_ns, header.ts_recv_ns) == given_ns
        };
        let count = self.records.advance_runs(is_inside, |run| each(run, received_ns));
        self.messages += count;
        count
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        self.records.glimpse(ahead)
    }

    fn skips(&self) -> &Skips {
        &self.skips
    }

    fn end(&self) -> &End {
        &self.end
    }

    fn position(&self) -> u64 {
        self.records.position()
    }

    fn messages(&self) -> u64 {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use tickrace_journal::{Prefault, Writer, WriterConfig};

    use super::*;

    fn level(flags: u8, instrument: u32, ts_venue_ns: i64, ts_recv_ns: i64) -> Record {
        let header = Header {
            kind: Kind::Level as u8,
            flags,
            instrument,
            ts_venue_ns,
            ts_recv_ns,
            ..Header::default()
        };
        *MarketRecord { header, ..MarketRecord::default() }.as_record()
    }

    fn read(log: &Arc<Reader>, ids: Option<Arc<[u32]>>, options: LogOptions) -> Vec<(u8, u32, i64, i64)> {
        let mut source = LogSource::new(log, ids, options);
        let (mut all, mut record) = (Vec::new(), Record::default());
        while source.next_into(&mut record) {
            let header = record.header;
            all.push((header.kind, header.instrument, header.ts_venue_ns, header.ts_recv_ns));
        }
        assert_eq!(*source.end(), End::Complete);
        all
    }

    #[test]
    fn one_reading_serves_both_where_orders_come_in_one_order() {
        let of = |kind: Kind| {
            let mut record = level(0, 0, 10, 20);
            record.header.kind = kind as u8;
            record
        };
        let serves = |kinds: &[Kind], is_one_order, latency| {
            let folder = tempfile::tempdir().expect("a folder");
            let config =
                WriterConfig { segment_bytes: 1 << 16, prefault: Prefault::None, ..Default::default() };
            let mut writer = Writer::create(folder.path(), "ticks", config).expect("created");
            kinds.iter().for_each(|kind| writer.append(&of(*kind)));
            writer.finish().expect("written");
            let log = Arc::new(Reader::open(folder.path(), "ticks").expect("whole"));
            let options = LogOptions { view: View::Desk, latency, is_one_order, always_trading_count: 0 };
            LogSource::new(&log, None, options).serves_both()
        };
        let (recorded, orders) =
            (FeedLatency::Recorded { offset_ns: 0 }, [Kind::Clear, Kind::Status, Kind::Add]);
        assert!(serves(&orders, true, recorded));
        assert!(!serves(&orders, false, recorded), "heard in another order than done");
        assert!(serves(&orders, false, FeedLatency::Constant(5)), "heard as done");
        assert!(!serves(&[Kind::Clear, Kind::Level, Kind::Add], true, recorded), "levels go run by run");
        assert!(!serves(&[Kind::Quote], true, recorded));
        assert!(!serves(&[], true, recorded));
    }

    #[test]
    fn each_view_sees_every_record_once_and_in_its_own_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = WriterConfig {
            segment_bytes: 1 << 16,
            checksum: true,
            prefault: Prefault::None,
            flush_interval_ms: None,
        };
        let mut writer = Writer::create(folder.path(), "ticks", config).expect("created");
        // The second was done first and heard last.
        for record in
            [level(Flags::VENUE_ONLY, 1, 8, 30), level(0, 0, 10, 20), level(Flags::DESK_ONLY, 1, 8, 30)]
        {
            writer.append(&record);
        }
        writer.finish().expect("written");
        let log = Arc::new(Reader::open(folder.path(), "ticks").expect("whole"));
        let options =
            |view, latency| LogOptions { view, latency, is_one_order: false, always_trading_count: 0 };
        let (level, status) = (Kind::Level as u8, Kind::Status as u8);
        let desk = read(&log, None, options(View::Desk, FeedLatency::Recorded { offset_ns: 0 }));
        assert_eq!(desk, [(level, 0, 10, 20), (level, 1, 8, 30)]);
        let venue = read(&log, None, options(View::Venue, FeedLatency::Recorded { offset_ns: 0 }));
        assert_eq!(venue, [(level, 1, 8, 30), (level, 0, 10, 20)]);
        let constant = read(&log, None, options(View::Desk, FeedLatency::Constant(5)));
        assert_eq!(constant, [(level, 1, 8, 13), (level, 0, 10, 15)]);
        // Only the second instrument, as the first of the run, and trading from the start.
        let only = LogOptions {
            always_trading_count: 1,
            ..options(View::Desk, FeedLatency::Recorded { offset_ns: 0 })
        };
        let ids: Arc<[u32]> = [NOT_ASKED, 0].into();
        let one = read(&log, Some(ids), only);
        assert_eq!(one, [(status, 0, 10, 20), (level, 0, 8, 30)]);
    }
}
