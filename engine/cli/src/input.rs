//! Market data as the verbs open them: ITCH files in place, everything else as a native log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tickrace_desk::log_source::{FeedLatency, LogOptions, LogSource, NOT_ASKED, View};
use tickrace_feeds::itch::{FileOptions, FileSource, LocateMap};
use tickrace_feeds::source::{End, Skips, Source};
use tickrace_feeds_files::{Date, TickFile, date_from_name};
use tickrace_journal::Reader;
use tickrace_types::{Instrument, InstrumentId, InstrumentTable, Kind, Record};

use crate::ticks::{TICKS, TicksHead, read_head};
use crate::{Failure, Streams, progress};

/// Bytes of a tick file that several readers share. An enum, not a trait object: it is asked once a message.
#[derive(Clone)]
pub enum Bytes {
    /// A file, mapped.
    File(Arc<TickFile>),
    /// Made in memory.
    Memory(Arc<Vec<u8>>),
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::File(file) => file.as_slice(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// What a session's records come from.
#[derive(Clone)]
pub enum Ticks {
    /// ITCH messages, decoded where they are read.
    Itch(Bytes),
    /// A native log.
    Log(Log),
}

/// A native log: one mapped copy for all who read it.
#[derive(Clone)]
pub struct Log {
    reader: Arc<Reader>,
    head: Arc<TicksHead>,
}

/// A session's records as the desk reads them. An enum, not a trait object: it is asked once a record.
#[allow(clippy::large_enum_variant, reason = "there are two of it in a run")]
pub enum Feed {
    /// ITCH messages.
    Itch(FileSource<Bytes>),
    /// Records of a log.
    Log(LogSource),
}

impl Source for Feed {
    #[inline]
    fn next_into(&mut self, out: &mut Record) -> bool {
        match self {
            Self::Itch(source) => source.next_into(out),
            Self::Log(source) => source.next_into(out),
        }
    }

    fn can_skim(&self) -> bool {
        match self {
            Self::Itch(source) => source.can_skim(),
            Self::Log(source) => source.can_skim(),
        }
    }

    fn serves_both(&self) -> bool {
        match self {
            Self::Itch(source) => source.serves_both(),
            Self::Log(source) => source.serves_both(),
        }
    }

    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        match self {
            Self::Itch(source) => source.skim(each),
            Self::Log(source) => source.skim(each),
        }
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        match self {
            Self::Itch(source) => source.glimpse(ahead),
            Self::Log(source) => source.glimpse(ahead),
        }
    }

    fn skips(&self) -> &Skips {
        match self {
            Self::Itch(source) => source.skips(),
            Self::Log(source) => source.skips(),
        }
    }

    fn end(&self) -> &End {
        match self {
            Self::Itch(source) => source.end(),
            Self::Log(source) => source.end(),
        }
    }

    fn position(&self) -> u64 {
        match self {
            Self::Itch(source) => source.position(),
            Self::Log(source) => source.position(),
        }
    }

    fn messages(&self) -> u64 {
        match self {
            Self::Itch(source) => source.messages(),
            Self::Log(source) => source.messages(),
        }
    }
}

/// A session's date, where it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionDay {
    /// The date.
    pub date: Option<Date>,
}

impl SessionDay {
    /// The day a text tells, else the one a file's name tells.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the text is no date.
    pub fn told(text: Option<&str>, path: &Path) -> Result<Self, Failure> {
        let date = match text {
            Some(text) => Some(parse_date(text)?),
            None => path.file_name().and_then(|name| date_from_name(&name.to_string_lossy())),
        };
        Ok(Self { date })
    }

    /// Midnight in New York, nanoseconds since the Unix epoch; 0 where no date is known.
    pub fn midnight_ns(self) -> i64 {
        self.date.map_or(0, Date::new_york_midnight_ns)
    }
}

/// One session's market data.
#[derive(Clone)]
pub struct Session {
    /// Where they are.
    pub path: PathBuf,
    /// The data.
    pub ticks: Ticks,
    /// Midnight in New York of the session's date, nanoseconds since the Unix epoch; 0 where no date is known.
    pub midnight_ns: i64,
    /// The date, where it is known.
    pub date: Option<Date>,
    /// Why the data are not all of them, where they are not; they end there.
    pub fault: Option<String>,
    /// Rows skipped as faulty when a log was made.
    pub faults: u64,
    /// Bytes as stored.
    pub stored_bytes: u64,
}

impl Session {
    /// Opens an ITCH file. The date comes from `date`, else from the file's name; an ITCH file does not hold one.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the file cannot be opened or the date is nonsense.
    pub fn open_itch(path: &Path, date: Option<&str>, streams: &Streams<'_>) -> Result<Self, Failure> {
        let bar = progress::byte_bar(streams.is_watched, 0, "unpacking");
        let file = TickFile::open_with(path, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .map_err(Failure::input)?;
        bar.finish_and_clear();
        let day = SessionDay::told(date, path)?;
        Ok(Self {
            path: path.to_owned(),
            midnight_ns: day.midnight_ns(),
            date: day.date,
            fault: file.fault().map(ToString::to_string),
            faults: 0,
            stored_bytes: file.stored_bytes(),
            ticks: Ticks::Itch(Bytes::File(Arc::new(file))),
        })
    }

    /// Opens the folder of a native log.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it is none or is damaged.
    pub fn open_log(folder: &Path) -> Result<Self, Failure> {
        let head = read_head(folder)?;
        let reader = Reader::open(folder, TICKS).map_err(Failure::input)?;
        if reader.records() != head.records {
            return Err(Failure::input(format!(
                "{}: {} records, its head says {}: convert the data again",
                folder.display(),
                reader.records(),
                head.records
            )));
        }
        let date = head.date.as_deref().map(parse_date).transpose()?;
        Ok(Self {
            path: folder.to_owned(),
            midnight_ns: head.midnight_ns,
            date,
            fault: head.fault(),
            faults: head.faults(),
            stored_bytes: reader.bytes(),
            ticks: Ticks::Log(Log { reader: Arc::new(reader), head: Arc::new(head) }),
        })
    }

    /// A day made in memory.
    pub fn of_memory(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: PathBuf::from(name),
            ticks: Ticks::Itch(Bytes::Memory(Arc::new(bytes))),
            midnight_ns: 0,
            date: None,
            fault: None,
            faults: 0,
            stored_bytes: 0,
        }
    }

    /// The session's records of these instruments.
    ///
    /// - `view`: whose order, where the data were recorded with receive times.
    /// - `latency_ns`: from venue to us; absent: as recorded.
    pub fn feed(&self, instruments: &InstrumentTable, view: View, latency_ns: Option<i64>) -> Feed {
        match &self.ticks {
            Ticks::Itch(bytes) => {
                let universe = universe_of(instruments);
                Feed::Itch(self.itch(bytes, universe, latency_ns.unwrap_or(0)))
            }
            Ticks::Log(log) => {
                let find = |instrument: &Instrument| {
                    instruments.find(&instrument.symbol).map_or(NOT_ASKED, |id| id.0)
                };
                let ids: Vec<u32> = log.head.instruments.iter().map(find).collect();
                let is_same = (0..).zip(&ids).all(|(place, id)| place == *id);
                let options = LogOptions {
                    view,
                    latency: latency_ns.map_or(
                        FeedLatency::Recorded { offset_ns: log.head.clock_offset_ns() },
                        FeedLatency::Constant,
                    ),
                    is_one_order: log.head.for_one == Some(0),
                    always_trading_count: if log.head.has_status {
                        0
                    } else {
                        u32::try_from(instruments.len()).unwrap_or(u32::MAX)
                    },
                };
                Feed::Log(LogSource::new(&log.reader, (!is_same).then(|| ids.into()), options))
            }
        }
    }

    fn itch(&self, bytes: &Bytes, universe: LocateMap, feed_latency_ns: i64) -> FileSource<Bytes> {
        let options = FileOptions { session_midnight_ns: self.midnight_ns, feed_latency_ns, universe };
        FileSource::new(bytes.clone(), options)
    }

    /// Instruments the data name: of an ITCH file those announced before the first order, in the order of the directory.
    pub fn announced(&self) -> Vec<Instrument> {
        match &self.ticks {
            Ticks::Log(log) => log.head.instruments.clone(),
            Ticks::Itch(bytes) => {
                let mut source = self.itch(bytes, LocateMap::all(), 0);
                let mut record = Record::default();
                while source.next_into(&mut record) {
                    if record.header.kind == Kind::Add as u8 {
                        break;
                    }
                }
                source.universe().symbols().iter().map(|symbol| Instrument::us_equity(symbol)).collect()
            }
        }
    }

    /// When it begins, for the order of sessions: its midnight, else its first record.
    pub fn begins_ns(&self) -> i64 {
        match &self.ticks {
            Ticks::Log(log) if self.midnight_ns == 0 => log.head.first_ts_ns.unwrap_or(0),
            _ => self.midnight_ns,
        }
    }

    /// Records, about: for a progress bar.
    pub fn records(&self) -> u64 {
        match &self.ticks {
            // Most messages are orders and deletes, with the length before each.
            Ticks::Itch(bytes) => bytes.as_ref().len() as u64 / 33,
            Ticks::Log(log) => log.head.records,
        }
    }

    /// Size in bytes, decompressed.
    pub fn len(&self) -> u64 {
        match &self.ticks {
            Ticks::Itch(bytes) => bytes.as_ref().len() as u64,
            Ticks::Log(log) => log.reader.bytes(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.records() == 0
    }

    /// Hands out the content, piece by piece, for a hash of it.
    pub fn for_each_piece(&self, mut each: impl FnMut(&[u8])) {
        match &self.ticks {
            Ticks::Itch(bytes) => bytes.as_ref().chunks(16 << 20).for_each(each),
            Ticks::Log(log) => log.reader.for_each(|entry| each(entry.bytes())),
        }
    }
}

/// The instruments of `table` and no others.
pub fn universe_of(table: &InstrumentTable) -> LocateMap {
    let ids = (0u32..).map(InstrumentId);
    LocateMap::only(table.as_slice().iter().map(|instrument| instrument.symbol.as_str()).zip(ids))
}

/// Reads `YYYY-MM-DD`.
///
/// # Errors
///
/// [`Failure`] where it is not a day of the calendar.
pub fn parse_date(text: &str) -> Result<Date, Failure> {
    let mut parts = text.split('-');
    let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (year, month, day) = (next(), next(), next());
    year.zip(month)
        .zip(day)
        .and_then(|((year, month), day)| Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
        .ok_or_else(|| Failure::usage(format!("date {text}: write it as YYYY-MM-DD")))
}

/// What a source's ending means for the exit code: nothing, or the offset where the data was lost.
///
/// # Errors
///
/// [`Failure`] of kind input for a truncated tail or lost framing, and, where `is_strict`, for anything skipped.
pub fn judge_end(source: &impl Source, session: &Session, is_strict: bool) -> Result<(), Failure> {
    let path = session.path.display();
    if let Some(fault) = &session.fault {
        return Err(Failure::input(fault));
    }
    match source.end() {
        End::Truncated { offset } => Err(Failure::input(format!(
            "{path}: offset {offset}: the file ends within a message; everything before it was used"
        ))),
        End::LostFraming { offset } => Err(Failure::input(format!(
            "{path}: offset {offset}: the length prefixes make no sense from here; everything before it was used"
        ))),
        End::Running | End::Complete if is_strict && source.skips().faults() > 0 => {
            let reasons: Vec<String> = source
                .skips()
                .reasons()
                .into_iter()
                .filter(|(reason, _)| reason != "filtered")
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            Err(Failure::input(format!("{path}: skipped messages under --strict: {}", reasons.join(", "))))
        }
        End::Running | End::Complete if is_strict && session.faults > 0 => Err(Failure::input(format!(
            "{path}: {} rows were skipped when it was converted, under --strict",
            session.faults
        ))),
        End::Running | End::Complete => Ok(()),
    }
}
