//! What a native log says of itself: `head.json` in its folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tickrace_feeds_files::lobster::Repairs;
use tickrace_types::Instrument;

use crate::Failure;

/// Stream of market records in a native log.
pub const TICKS: &str = "ticks";

/// Head of a native log. Written last: a log without one was never finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicksHead {
    /// `ticks`.
    pub kind: String,
    /// Layout of the records.
    pub version: u8,
    /// Instruments, index = id in the records.
    pub instruments: Vec<Instrument>,
    /// What it was made from, in the order in which ties of time were decided.
    pub inputs: Vec<InputHead>,
    /// Records, those that stand twice counted twice.
    pub records: u64,
    /// Records that stand at one place for us and at another for the venue.
    pub twice: u64,
    /// Records of the log that are for the desk alone or for the venue alone; 0: both meet all of it in the same order. Logs made
    /// before this was counted do not tell.
    #[serde(default)]
    pub for_one: Option<u64>,
    /// Shortest time from happening to hearing, nanoseconds. Below zero the recorder's clock was behind the venue's: then
    /// receive times are read as so much later, so that nothing is heard before it happened.
    pub latency_min_ns: i64,
    /// Records that happened before others by more than the window of re-ordering: left where they were heard.
    pub beyond_window: u64,
    /// Whether any record tells a trading phase. Where none does, everything trades from the first record on.
    pub has_status: bool,
    /// Whether receive times are the recorder's own; else they are the venue's.
    pub has_receive_times: bool,
    /// Earliest venue time, nanoseconds since the Unix epoch.
    pub first_ts_ns: Option<i64>,
    /// Latest venue time.
    pub last_ts_ns: Option<i64>,
    /// Session date, `YYYY-MM-DD`, where one was given or told by a file's name.
    pub date: Option<String>,
    /// Midnight of the session in New York, nanoseconds since the Unix epoch; 0 where no date is known.
    pub midnight_ns: i64,
}

/// One file that went into a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputHead {
    /// Where it was.
    pub path: String,
    /// Its format.
    pub format: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// Last change, nanoseconds since the Unix epoch: with the size it tells whether a log is still of this file.
    pub modified_ns: u64,
    /// Messages or rows.
    pub messages: u64,
    /// Counts by the format's own names.
    pub by_type: BTreeMap<String, u64>,
    /// Skipped, by reason, with the place of the first.
    pub skipped: BTreeMap<String, (u64, String)>,
    /// Numbers missing: first and how many.
    pub gaps: Vec<(u64, u64)>,
    /// What published books changed beyond the messages; absent where there were none to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs: Option<Repairs>,
    /// Messages whose times were hours from their neighbours' and were worked out from these, with the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended_times: Option<(u64, String)>,
    /// Symbols of which an earlier input told the same, orders or levels or trades, in the same stretch of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_twice: Vec<String>,
    /// Why the file ended before its time, where it did.
    pub fault: Option<String>,
}

impl TicksHead {
    /// What is added to receive times when the log is read.
    pub fn clock_offset_ns(&self) -> i64 {
        self.latency_min_ns.min(0).saturating_neg()
    }

    /// Symbols, index = instrument id.
    pub fn symbols(&self) -> Vec<String> {
        self.instruments.iter().map(|instrument| instrument.symbol.clone()).collect()
    }

    /// Why the data are not all of them, where they are not.
    pub fn fault(&self) -> Option<String> {
        self.inputs.iter().find_map(|input| Some(format!("{}: {}", input.path, input.fault.as_ref()?)))
    }

    /// What published books changed, over all inputs that had them.
    pub fn repairs(&self) -> Option<Repairs> {
        self.inputs.iter().filter_map(|input| input.repairs).reduce(Repairs::and)
    }

    /// Rows and messages that were skipped as faulty or had their time mended, over all inputs.
    pub fn faults(&self) -> u64 {
        let reasons = self.inputs.iter().flat_map(|input| &input.skipped);
        let skipped: u64 =
            reasons.filter(|(reason, _)| *reason != "filtered").map(|(_, (count, _))| count).sum();
        let mended = self.inputs.iter().filter_map(|input| input.mended_times.as_ref());
        skipped + mended.map(|(count, _)| count).sum::<u64>()
    }
}

/// Reads a native log's head.
///
/// # Errors
///
/// [`Failure`] where the folder is not a native log.
pub fn read_head(folder: &Path) -> Result<TicksHead, Failure> {
    if !folder.join(tickrace_journal::HEAD_FILE).exists() {
        return Err(Failure::input(format!(
            "{}: a folder, and no native log: it has no head.json",
            folder.display()
        )));
    }
    let bytes = tickrace_journal::read_head(folder).map_err(Failure::input)?;
    let fault = |fault: String| Failure::input(format!("{}: head.json: {fault}", folder.display()));
    let head: TicksHead = serde_json::from_slice(&bytes)
        .map_err(|error| fault(format!("not the head of a native log of this version: {error}")))?;
    if head.kind != TICKS || head.version != tickrace_types::event::VERSION {
        return Err(fault(format!("kind {}, version {}: convert the data again", head.kind, head.version)));
    }
    Ok(head)
}
