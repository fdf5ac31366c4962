//! Makes a native log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tickrace_book::{BarSpec, Bars};
use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::format::End;
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_types::{Flags, Instrument, InstrumentId, Kind, Record};

use super::head::{InputHead, TICKS, TicksHead};
use super::merge::Merged;
use super::two_orders::TwoOrders;
use crate::Failure;
use crate::input::SessionDay;

/// A file on its way into a log.
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// Its format's name.
    pub format: &'static str,
    /// Reads it.
    pub decoder: Box<dyn Decoder>,
    /// Appended to its symbols.
    pub suffix: String,
}

/// What was made.
pub struct Made {
    /// The log's head.
    pub head: TicksHead,
    /// Instruments asked for that appear nowhere.
    pub missing: Vec<String>,
}

/// Bars in place of the records they are made of: status and notices stay, which say when an instrument trades and
/// what it is funded at.
struct ToBars {
    bars: Bars,
    multipliers_nanos: Vec<i64>,
}

impl ToBars {
    fn make(&mut self, record: &Record, merged: &Merged, out: &mut impl FnMut(&Record)) {
        let known = &mut self.multipliers_nanos;
        let multiplier_of = |id: InstrumentId| {
            if id.index() >= known.len() {
                let table = merged.instruments();
                let nanos = |one: &Option<Instrument>| one.as_ref().map_or(NANOS, |one| one.multiplier_nanos);
                *known = table.iter().map(nanos).collect();
            }
            known.get(id.index()).copied().unwrap_or(NANOS)
        };
        self.bars.on_record(record, multiplier_of, out);
        if matches!(Kind::from_code(record.header.kind), Some(Kind::Status | Kind::Notice)) {
            out(record);
        }
    }
}

/// Value of a point of price where nobody says it.
const NANOS: i64 = 1_000_000_000;

/// Writes the records of `inputs`, or the `bars` they make, as a native log into `folder`, which must not hold one.
///
/// # Errors
///
/// [`Failure`] where the log cannot be written. Faults of the inputs are in the head.
#[allow(clippy::too_many_arguments, reason = "one log's facts, each named once")]
pub fn build(
    inputs: Vec<Input>,
    symbols: &[String],
    by: super::merge::MergeBy,
    bars: Option<BarSpec>,
    day: SessionDay,
    folder: &Path,
    bar: &ProgressBar,
) -> Result<Made, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::write(folder, error))?;
    let config = WriterConfig {
        segment_bytes: 256 << 20,
        checksum: true,
        prefault: Prefault::Helper { window_bytes: 32 << 20 },
        flush_interval_ms: None,
    };
    let mut writer = Writer::create(folder, TICKS, config).map_err(Failure::runtime)?;
    let has_several = inputs.iter().any(|input| input.decoder.is_of_several_streams())
        || inputs.len() > 1 && by == super::merge::MergeBy::Receive;
    let named: Vec<(PathBuf, &'static str)> =
        inputs.iter().map(|input| (input.path.clone(), input.format)).collect();
    let decoders = inputs.into_iter().map(|input| (input.decoder, input.suffix)).collect();
    let mut merged = Merged::new(decoders, symbols, by);
    bar.set_length(merged.progress().1);
    let mut tally = Log { writer: &mut writer, records: 0, for_one: 0, facts: Facts::default() };
    let mut orders = TwoOrders::new();
    let (mut batch, mut settled) = (Vec::new(), Vec::new());
    let mut bars = bars.map(|spec| ToBars { bars: Bars::new(spec), multipliers_nanos: Vec::new() });
    let mut rounds = 0u32;
    while merged.next(&mut batch) {
        for record in &batch {
            if let Some(bars) = &mut bars {
                bars.make(record, &merged, &mut |made| tally.see_and_write(made));
                continue;
            }
            tally.facts.see(record);
            if has_several {
                orders.push(record, &mut settled);
            } else {
                tally.write(record);
            }
        }
        batch.clear();
        settled.drain(..).for_each(|record| tally.write(&record));
        rounds = rounds.wrapping_add(1);
        if rounds & 0x3f == 0 {
            bar.set_position(merged.progress().0);
            tally.writer.check().map_err(Failure::runtime)?;
        }
    }
    if let Some(bars) = &mut bars {
        bars.bars.finish(&mut |made| tally.see_and_write(made));
    }
    orders.finish(&mut settled);
    settled.drain(..).for_each(|record| tally.write(&record));
    let (records, for_one, facts) = (tally.records, tally.for_one, tally.facts);
    writer.finish().map_err(Failure::runtime)?;
    let table = merged.instruments();
    let missing = merged.symbols().iter().zip(&table).filter(|(_, found)| found.is_none());
    let missing = missing.map(|(symbol, _)| symbol.clone()).collect();
    let head = TicksHead {
        kind: TICKS.to_owned(),
        version: tickrace_types::event::VERSION,
        instruments: merged
            .symbols()
            .iter()
            .zip(table)
            .map(|(symbol, found)| found.unwrap_or_else(|| Instrument::us_equity(symbol)))
            .collect(),
        inputs: named
            .iter()
            .zip(merged.decoders().zip(merged.mended()))
            .zip(merged.told_twice())
            .map(|(((path, format), (decoder, mended)), told_twice)| InputHead {
                mended_times: (mended.count > 0).then(|| (mended.count, mended.first.clone())),
                told_twice,
                ..input_head(path, format, decoder)
            })
            .collect(),
        records,
        twice: orders.moved().twice,
        for_one: Some(for_one),
        latency_min_ns: facts.latency_min_ns.unwrap_or(0),
        beyond_window: orders.moved().beyond_window,
        has_status: facts.has_status,
        has_receive_times: facts.has_receive_times,
        first_ts_ns: facts.span.map(|span| span.0),
        last_ts_ns: facts.span.map(|span| span.1),
        date: day.date.map(|date| date.to_string()),
        midnight_ns: day.midnight_ns(),
    };
    let bytes = serde_json::to_vec_pretty(&head).map_err(Failure::runtime)?;
    tickrace_journal::write_head(folder, &bytes).map_err(Failure::runtime)?;
    Ok(Made { head, missing })
}

/// What the records themselves tell.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    has_status: bool,
    has_receive_times: bool,
    latency_min_ns: Option<i64>,
    span: Option<(i64, i64)>,
}

impl Facts {
    #[inline]
    fn see(&mut self, record: &Record) {
        let header = &record.header;
        let latency_ns = header.ts_recv_ns.saturating_sub(header.ts_venue_ns);
        self.latency_min_ns = Some(self.latency_min_ns.map_or(latency_ns, |least| least.min(latency_ns)));
        self.has_receive_times |= header.ts_recv_ns != header.ts_venue_ns;
        self.has_status |= header.kind == Kind::Status as u8;
        let (first, last) = self.span.unwrap_or((header.ts_venue_ns, header.ts_venue_ns));
        self.span = Some((first.min(header.ts_venue_ns), last.max(header.ts_venue_ns)));
    }
}

struct Log<'a> {
    writer: &'a mut Writer,
    records: u64,
    for_one: u64,
    facts: Facts,
}

impl Log<'_> {
    fn see_and_write(&mut self, record: &Record) {
        self.facts.see(record);
        self.write(record);
    }

    #[inline]
    fn write(&mut self, record: &Record) {
        self.writer.append(record);
        self.records += 1;
        self.for_one += u64::from(record.header.flags & (Flags::VENUE_ONLY | Flags::DESK_ONLY) != 0);
    }
}

/// Size and last change of a file; zeros where they cannot be told.
pub fn stamp_of(path: &Path) -> (u64, u64) {
    let Ok(facts) = std::fs::metadata(path) else { return (0, 0) };
    let since = facts.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    (facts.len(), since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

fn input_head(path: &Path, format: &str, decoder: &dyn Decoder) -> InputHead {
    let account = decoder.account();
    let (bytes, modified_ns) = stamp_of(path);
    InputHead {
        path: path.display().to_string(),
        format: format.to_owned(),
        bytes,
        modified_ns,
        messages: account.messages,
        by_type: decoder.by_type().into_iter().collect(),
        skipped: account
            .skips
            .reasons()
            .map(|(reason, skipped)| (reason.to_owned(), (skipped.count, skipped.first.clone())))
            .collect::<BTreeMap<_, _>>(),
        gaps: account.gaps.clone(),
        repairs: account.repairs,
        mended_times: None,
        told_twice: Vec::new(),
        fault: match &account.end {
            End::Running | End::Complete => None,
            End::Broken { place, fault } => Some(format!("{place}: {fault}")),
        },
    }
}
