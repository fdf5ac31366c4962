//! One finished run of a sweep, and the file in which they outlive an interruption.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tickrace_analytics::RunReport;
use tickrace_analytics::days::{Day, SHARPE_DAYS_MIN};
use tickrace_analytics::money::nearest;
use tickrace_analytics::tear_sheet::{BLOCK_NS, account_blocks};

use crate::Failure;

/// How a set came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It ran.
    Done,
    /// No room accepts the configuration.
    Refused,
    /// The run broke; it is tried again on the next call.
    Failed,
}

impl Status {
    /// Name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Hash of the configuration, the data and the program.
    pub hash: String,
    /// Values of the swept keys, as TOML.
    pub values: BTreeMap<String, String>,
    /// How it came out.
    pub status: Status,
    /// Why it did not run.
    pub error: Option<String>,
    /// Its figures.
    pub figures: Option<Figures>,
    /// Seconds it took; not a figure, since the next time it differs.
    pub wall_seconds: f64,
}

/// The figures of a run that do not depend on the machine. Money in the account's currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Gross minus fees.
    pub net_pnl: f64,
    /// Before fees.
    pub gross_pnl: f64,
    /// Fees less rebates.
    pub fees: f64,
    /// Net profit for each unit of value traded, basis points.
    pub net_bps: Option<f64>,
    /// Largest fall of the sampled equity.
    pub max_drawdown: f64,
    /// Of daily returns, annualised; absent under 20 days.
    pub sharpe: Option<f64>,
    /// Requests.
    pub orders: u64,
    /// Requests our gate refused.
    pub refused: u64,
    /// Fills.
    pub fills: u64,
    /// Lots bought plus lots sold.
    pub volume_lots: i64,
    /// Value traded.
    pub notional: f64,
    /// Lots held at the end, by symbol.
    pub positions: BTreeMap<String, i64>,
    /// SHA-256 over the orders.
    pub order_digest: String,
    /// Why the run was cut short, where it was.
    pub cut_short: Option<String>,
    /// Result of each local day; absent in rows of an older program.
    #[serde(default)]
    pub days: Vec<DayRow>,
    /// Net profit by quarter of an hour, numbered from 1 January 1970 in the venue's time; kept of runs under 20 days.
    #[serde(default)]
    pub blocks: Vec<(i64, f64)>,
}

/// Result of one local day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DayRow {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Net profit.
    pub net_pnl: f64,
    /// Over the equity at the day's start.
    pub daily_return: Option<f64>,
}

impl Figures {
    /// Of a report.
    pub fn of(report: &RunReport) -> Self {
        let total = &report.total;
        let day = |day: &Day| DayRow {
            date: day.date.clone(),
            net_pnl: day.net_pnl,
            daily_return: day.daily_return,
        };
        let is_short = report.days.len() < SHARPE_DAYS_MIN;
        Self {
            days: report.days.iter().map(day).collect(),
            blocks: if is_short { account_blocks(report, BLOCK_NS) } else { Vec::new() },
            net_pnl: nearest(total.net_pnl),
            gross_pnl: nearest(total.gross_pnl),
            fees: nearest(total.fees),
            net_bps: total.net_bps(),
            max_drawdown: report.drawdown.amount,
            sharpe: report.sharpe,
            orders: total.orders.total(),
            refused: total.orders.refused,
            fills: total.fills,
            volume_lots: total.volume_lots,
            notional: nearest(total.notional),
            positions: report.by_instrument.iter().map(|one| (one.symbol.clone(), one.position)).collect(),
            order_digest: report.order_digest.clone(),
            cut_short: report.timings.cut_short.clone(),
        }
    }
}

/// `runs.jsonl`: one line for each finished run.
pub struct RunsFile {
    path: PathBuf,
    file: File,
}

impl RunsFile {
    /// Opens the file and gives the runs in it, by hash. A last line that is not whole is cut off; a line in the middle that
    /// makes no sense is left out and counted.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be read or written.
    pub fn open(path: &Path, is_fresh: bool) -> Result<(Self, BTreeMap<String, Row>, u64), Failure> {
        let fail = |error| Failure::write(path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(is_fresh)
            .open(path)
            .map_err(fail)?;
        let text = std::fs::read(path).map_err(fail)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        file.set_len(whole as u64).map_err(fail)?;
        file.seek(SeekFrom::End(0)).map_err(fail)?;
        let (mut rows, mut faults) = (BTreeMap::new(), 0);
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Row>(line) {
                Ok(row) => drop(rows.insert(row.hash.clone(), row)),
                Err(_) => faults += 1,
            }
        }
        rows.retain(|_, row: &mut Row| row.status != Status::Failed);
        Ok((Self { path: path.to_owned(), file }, rows, faults))
    }

    /// Adds a run: one write, so that a killed process leaves whole lines or one torn one.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be written.
    pub fn push(&mut self, row: &Row) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(row).map_err(Failure::runtime)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| Failure::write(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hash: &str, status: Status) -> Row {
        let figures = Figures { net_pnl: 0.1 + 0.2, notional: 1.0 / 3.0, ..Figures::default() };
        Row {
            hash: hash.to_owned(),
            values: BTreeMap::from([("a.x".to_owned(), "1".to_owned())]),
            status,
            error: None,
            figures: Some(figures),
            wall_seconds: 0.5,
        }
    }

    #[test]
    fn runs_survive_a_torn_line_and_a_broken_one_and_keep_every_digit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        let (mut file, rows, _) = RunsFile::open(&path, false).unwrap();
        assert!(rows.is_empty());
        for (hash, status) in [("a", Status::Done), ("b", Status::Refused), ("c", Status::Failed)] {
            file.push(&row(hash, status)).unwrap();
        }
        drop(file);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"hash\":1}\n{\"hash\":\"d\",\"val");
        std::fs::write(&path, &text).unwrap();
        let (mut file, rows, faults) = RunsFile::open(&path, false).unwrap();
        assert_eq!((rows.len(), faults), (2, 1), "what failed is tried again");
        assert_eq!(rows["a"], row("a", Status::Done));
        file.push(&row("d", Status::Done)).unwrap();
        let (_, rows, _) = RunsFile::open(&path, false).unwrap();
        assert!(rows.contains_key("d"), "the line after the torn one is whole");
        assert!(RunsFile::open(&path, true).unwrap().1.is_empty());
    }
}
