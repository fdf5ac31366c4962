//! Target logs: their head, their way into a run as records of the sequencer, and how positions stood against them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tickrace_desk::DeskConfig;
use tickrace_desk::stages::decide::DecideStage;
use tickrace_desk::targets::{TargetsConfig, Unmapped};
use tickrace_feeds_files::{Date, parse_at};
use tickrace_journal::{Entry, Reader};
use tickrace_risk::Reason;
use tickrace_strategy::Policies;
use tickrace_types::{InstrumentTable, Kind, MarketRecord, Price, TargetRecord};

use crate::input::Session;
use crate::{Failure, Streams};

/// Stream of the records in a target log.
pub const TARGETS: &str = "targets";

const DAY_NS: i64 = 86_400_000_000_000;
/// In place of a time of day: a target is heard when the day or the bar it rests on is over.
const AT_CLOSE: &str = "close";

/// Head of a target log: `head.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetsHead {
    /// `targets`.
    pub kind: String,
    /// Layout of the records.
    pub version: u8,
    /// Program that wrote it.
    pub build: String,
    /// Configuration of the system.
    pub config: String,
    /// BLAKE3 of that configuration with every default filled in (as JSON), hex.
    pub config_blake3: String,
    /// Currency of the account.
    pub base_currency: String,
    /// Capital the positions are for, in that currency.
    pub capital: f64,
    /// Annual deviation aimed at, per cent of it.
    pub percentage_vol_target: f64,
    /// First and last day asked for, `YYYY-MM-DD`, or closes of the first and the last bar.
    pub from: String,
    /// See `from`.
    pub to: String,
    /// Instruments, index = id in the records.
    pub instruments: Vec<String>,
    /// Records.
    pub records: u64,
}

/// Reads a target log.
///
/// # Errors
///
/// [`Failure`] where the folder holds none, or a damaged or an unfinished one.
pub fn read(folder: &Path) -> Result<(TargetsHead, Vec<TargetRecord>), Failure> {
    let fail = |fault: String| Failure::input(format!("{}: {fault}", folder.display()));
    let bytes = tickrace_journal::read_head(folder).map_err(Failure::input)?;
    let head: TargetsHead = serde_json::from_slice(&bytes)
        .map_err(|error| fail(format!("head.json is not of a target log: {error}")))?;
    if head.kind != TARGETS || head.version != tickrace_types::event::VERSION {
        return Err(fail(format!(
            "kind {:?} version {} is no target log of this program",
            head.kind, head.version
        )));
    }
    let reader = Reader::open(folder, TARGETS).map_err(Failure::input)?;
    let mut records = Vec::new();
    for entry in reader.iter() {
        match entry {
            Entry::Small(record) if record.header.kind == Kind::Target as u8 => {
                let target = *TargetRecord::of(record);
                if !target.is_sound() || target.header.instrument as usize >= head.instruments.len() {
                    return Err(fail(format!("record {} contradicts itself or the head", target.header.seq)));
                }
                records.push(target);
            }
            entry => return Err(fail(format!("record {} is no target", entry.header().seq))),
        }
    }
    if records.len() as u64 != head.records {
        return Err(fail(format!(
            "{} records, its head says {}: write it again",
            records.len(),
            head.records
        )));
    }
    Ok((head, records))
}

/// The targets a run hears, as records with their times.
///
/// # Errors
///
/// [`Failure`] naming the source that does not fit the run.
pub fn words(
    config: &DeskConfig,
    sessions: &[Session],
    instruments: &InstrumentTable,
) -> Result<Vec<MarketRecord>, Failure> {
    let mut words = Vec::new();
    for targets in &config.targets {
        let fail = |fault: String| Failure::usage(format!("targets: {}: {fault}", targets.file.display()));
        let (head, records) = read(&targets.file)?;
        let after_ns = match targets.at.as_str() {
            AT_CLOSE => None,
            at => {
                let after_ns =
                    parse_at(at).map_err(|error| fail(format!("at: {error}; or \"{AT_CLOSE}\"")))?;
                Some(i64::try_from(after_ns).map_err(|error| fail(format!("at: {error}")))?)
            }
        };
        let is_of_bar = |record: &TargetRecord| record.header.ts_recv_ns.rem_euclid(DAY_NS) != 0;
        if after_ns.is_some() && records.iter().any(is_of_bar) {
            return Err(fail(format!(
                "its targets are of bars, each to be heard when its bar closes: say at = \"{AT_CLOSE}\""
            )));
        }
        let heard = heard(targets, &head, &records, instruments, |end_ns| match after_ns {
            Some(after_ns) => midnight_ns(sessions, end_ns).saturating_add(after_ns),
            None => end_ns,
        });
        let begins_ns = first_midnight_ns(sessions).saturating_add(after_ns.unwrap_or(0));
        words.extend(since(heard.map_err(fail)?, begins_ns).iter().map(|target| *target.as_market()));
    }
    Ok(words)
}

/// Targets of the log for the desk's own instruments.
///
/// - `at`: when it is heard, from the end of the day after which it is to be held.
fn heard(
    targets: &TargetsConfig,
    head: &TargetsHead,
    records: &[TargetRecord],
    instruments: &InstrumentTable,
    at: impl Fn(i64) -> i64,
) -> Result<Vec<TargetRecord>, String> {
    let mut own = Vec::with_capacity(head.instruments.len());
    for name in &head.instruments {
        let named = targets.instruments.iter().find(|one| &one.instrument == name);
        own.push(match named {
            None if targets.unmapped == Unmapped::Refuse => {
                return Err(format!(
                    "nothing is traded for {name}: name it under instruments, or unmapped = \"ignore\""
                ));
            }
            None => None,
            Some(one) => {
                let id = instruments.find(&one.symbol);
                Some((one, id.ok_or_else(|| format!("{} is not among the run's instruments", one.symbol))?))
            }
        });
    }
    if let Some(stray) = targets.instruments.iter().find(|one| !head.instruments.contains(&one.instrument)) {
        return Err(format!("it has no {}; it has: {}", stray.instrument, head.instruments.join(" ")));
    }
    let mut heard = Vec::with_capacity(records.len());
    for told in records {
        if let Some((one, id)) = own[told.header.instrument as usize] {
            heard.push(one.record(told, id, at(told.header.ts_recv_ns))?);
        }
    }
    Ok(heard)
}

/// What a desk hears that listens from `begins_ns` on: of what was said before, the last of each instrument, at once.
fn since(mut heard: Vec<TargetRecord>, begins_ns: i64) -> Vec<TargetRecord> {
    heard.sort_by_key(|target| target.header.ts_recv_ns);
    let mut before: BTreeMap<u32, TargetRecord> = BTreeMap::new();
    let mut after = Vec::new();
    for mut target in heard {
        if target.header.ts_recv_ns > begins_ns {
            after.push(target);
        } else {
            target.header.ts_recv_ns = begins_ns;
            before.insert(target.header.instrument, target);
        }
    }
    before.into_values().chain(after).collect()
}

/// Midnight, at the venue, of the day that begins at an instant of UTC.
fn midnight_ns(sessions: &[Session], day_ns: i64) -> i64 {
    let has_date = sessions.iter().any(|session| session.midnight_ns != 0);
    let date = Date::from_days_since_epoch(day_ns.div_euclid(DAY_NS)).filter(|_| has_date);
    date.map_or(day_ns, Date::new_york_midnight_ns)
}

fn first_midnight_ns(sessions: &[Session]) -> i64 {
    sessions.first().map_or(0, |session| match session.midnight_ns {
        0 => session.begins_ns().div_euclid(DAY_NS) * DAY_NS,
        midnight_ns => midnight_ns,
    })
}

/// How a position stands against its target at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Whose position.
    pub strategy: String,
    /// Of what.
    pub symbol: String,
    /// Lots wanted, from the last target heard.
    pub target_lots: i32,
    /// Edges of its buffer, lots.
    pub low_lots: i32,
    /// See `low_lots`.
    pub high_lots: i32,
    /// Lots held.
    pub position_lots: i64,
    /// Whether they are the same.
    pub is_at_target: bool,
    /// Where it stands, and why it is not at the target.
    pub standing: &'static str,
    /// The day whose prices the target rests on, `YYYY-MM-DD`, or the close of the bar.
    pub as_of: String,
    /// The price it rests on.
    pub reference_price: String,
    /// What the last refusal said, where there was one: a reason of the gate or a code of the venue.
    pub refusal: Option<String>,
}

/// Name of the file.
pub const OUTCOME_FILE: &str = "targets.json";

/// Tells how positions stand against their targets, and writes it beside the other artefacts.
///
/// # Errors
///
/// [`Failure`] where the file cannot be written.
pub fn tell(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    decide: &DecideStage,
    out: &Path,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let rows = rows(config, instruments, decide);
    if rows.is_empty() {
        return Ok(());
    }
    let path = out.join(OUTCOME_FILE);
    let text = serde_json::to_string_pretty(&rows).map_err(Failure::runtime)?;
    std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
    for row in rows {
        let refusal = row.refusal.map(|refusal| format!(" (last refusal: {refusal})")).unwrap_or_default();
        streams.say(&format!(
            "target    {:<16} {:>8} lots of {}: {}{refusal}",
            row.symbol, row.position_lots, row.target_lots, row.standing
        ));
    }
    Ok(())
}

/// Every instrument of every strategy that heard a target.
pub fn rows(config: &DeskConfig, instruments: &InstrumentTable, decide: &DecideStage) -> Vec<Row> {
    let mut rows = Vec::new();
    for (strategy, seat) in config.all_strategies().iter().zip(decide.seats()) {
        let Policies::Target(policy) = &seat.policy else { continue };
        rows.extend(policy.outcomes().map(|outcome| {
            let (id, target) = (outcome.id, outcome.target);
            let position_lots = seat.oms.position(id);
            Row {
                strategy: strategy.name.to_owned(),
                symbol: instruments.get(id).symbol.clone(),
                target_lots: target.target_lots,
                low_lots: target.low_lots,
                high_lots: target.high_lots,
                position_lots,
                is_at_target: position_lots == i64::from(target.target_lots),
                standing: outcome.standing.name(),
                as_of: crate::systematic::data::moment(target.header.ts_venue_ns),
                reference_price: Price(target.reference_px).to_string(),
                refusal: outcome.refusal.map(|(is_gate, code)| {
                    match Reason::from_code(code).filter(|_| is_gate) {
                        Some(reason) => format!("gate: {}", reason.name()),
                        None => format!("venue: {code}"),
                    }
                }),
            }
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instrument: u32, lots: i32, ts_recv_ns: i64) -> TargetRecord {
        let mut target = TargetRecord { target_lots: lots, ..TargetRecord::default() };
        (target.header.instrument, target.header.ts_recv_ns) = (instrument, ts_recv_ns);
        target
    }

    #[test]
    fn of_what_was_said_before_the_first_day_the_last_of_each_instrument_is_heard() {
        let said = vec![at(0, 1, 10), at(1, 5, 20), at(0, 2, 20), at(0, 3, 30), at(1, 6, 40)];
        let heard: Vec<(u32, i32, i64)> = since(said, 25)
            .iter()
            .map(|one| (one.header.instrument, one.target_lots, one.header.ts_recv_ns))
            .collect();
        assert_eq!(heard, [(0, 2, 25), (1, 5, 25), (0, 3, 30), (1, 6, 40)]);
    }
}
