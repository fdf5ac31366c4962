//! The same for a log of targets: whose they are, over which time, and what was wanted last.

use std::path::Path;

use serde_json::json;
use tickrace_types::{Price, TargetRecord};

use crate::columns::aligned;
use crate::systematic::data::moment;
use crate::targets::read;
use crate::{Failure, Streams};

pub(super) fn run(folder: &Path, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let (head, records) = read(folder)?;
    let of = |place: usize| {
        records.iter().filter(move |record| record.header.instrument as usize == place).copied()
    };
    let named: Vec<(&String, Vec<TargetRecord>)> =
        head.instruments.iter().enumerate().map(|(place, name)| (name, of(place).collect())).collect();
    if streams.is_json {
        let instruments = named.iter().map(|(name, records)| {
            let last = records.last();
            json!({
                "instrument": name,
                "records": records.len(),
                "changes": changes(records),
                "last": last.map(|last| moment(last.header.ts_recv_ns)),
                "target": last.map(|last| last.target_lots),
                "low": last.map(|last| last.low_lots),
                "high": last.map(|last| last.high_lots),
            })
        });
        let instruments: Vec<_> = instruments.collect();
        let file = folder.display().to_string();
        streams.json(&json!({ "file": file, "format": "targets", "head": head, "instruments": instruments }));
        return Ok(());
    }
    streams.say(&format!(
        "{}: {} targets of {} from {} to {}, for {} {}",
        folder.display(),
        head.records,
        head.config,
        head.from,
        head.to,
        head.capital,
        head.base_currency
    ));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = named
        .iter()
        .filter_map(|(name, records)| {
            let last = records.last()?;
            Some(vec![
                (*name).clone(),
                records.len().to_string(),
                changes(records).to_string(),
                moment(last.header.ts_recv_ns),
                last.target_lots.to_string(),
                last.low_lots.to_string(),
                last.high_lots.to_string(),
                Price(last.reference_px).to_string(),
            ])
        })
        .collect();
    let head = words(&["instrument", "targets", "changes", "last", "wanted", "low", "high", "at a price of"]);
    streams.say(&aligned(&head, &rows));
    Ok(())
}

/// How often another position is wanted than before.
fn changes(records: &[TargetRecord]) -> usize {
    records.windows(2).filter(|pair| pair[0].target_lots != pair[1].target_lots).count()
}
