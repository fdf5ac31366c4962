//! `equity.parquet`: equity of the account, and position and profit of each instrument, over time.
//!
//! Long form: for each sample one row of the account (instrument and symbol null), then one for each instrument
//! with an order so far. Samples are research, not accounts: the exact totals stand in `summary.json`.

use std::path::Path;

use parquet::data_type::ByteArray;
use tickrace_analytics::RunReport;

use crate::table::{Shape, StoreError, Table};

const MESSAGE: &str = "message equity {
    required int64 ts_ns (TIMESTAMP(NANOS,true));
    optional int32 instrument (INTEGER(32,false));
    optional binary symbol (STRING);
    required fixed_len_byte_array(16) net_pnl (DECIMAL(38,9));
    required fixed_len_byte_array(16) equity (DECIMAL(38,9));
    required fixed_len_byte_array(16) drawdown (DECIMAL(38,9));
    optional int64 position_lots (INTEGER(64,true));
    optional int64 mark_px_nanos (INTEGER(64,true));
}";

const UNITS: &str = "ts_ns: UTC; instrument and symbol: null for the whole account; net_pnl: since the start, fees \
    taken off; equity: opening equity plus net_pnl for the account, net_pnl for an instrument; drawdown: distance below \
    the running maximum, of the account alone (0 for an instrument); money in the account's currency; position_lots: \
    lots; mark_px_nanos: 1e-9 of the quote currency";

/// One sampled state, of the account or of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EquityRow<'a> {
    /// Nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Id and symbol; absent for the account.
    pub instrument: Option<(u32, &'a str)>,
    /// Net profit since the start.
    pub net_pnl: f64,
    /// Opening equity plus net profit.
    pub equity: f64,
    /// Distance below the running maximum.
    pub drawdown: f64,
    /// Lots held; absent for the account.
    pub position_lots: Option<i64>,
    /// Mark, units of price; absent for the account.
    pub mark: Option<f64>,
}

/// Writes samples as they come.
pub struct EquityWriter {
    table: Table,
}

impl EquityWriter {
    /// Makes the file; money is in `account_currency`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] naming the path.
    pub fn create(path: &Path, account_currency: &str) -> Result<Self, StoreError> {
        let metadata = vec![
            ("tickrace.table", "equity".to_owned()),
            ("tickrace.units", UNITS.to_owned()),
            ("tickrace.account_currency", account_currency.to_owned()),
        ];
        let shape = Shape { message: MESSAGE.to_owned(), rising: &["ts_ns"], metadata };
        Ok(Self { table: Table::create(path, &shape)? })
    }

    /// Adds a sample.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn push(&mut self, row: &EquityRow<'_>) -> Result<(), StoreError> {
        let symbol = row.instrument.map(|(_, symbol)| ByteArray::from(symbol));
        #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates, and no price is so high")]
        let mark = row.mark.map(|mark| (mark * 1e9).round() as i64);
        self.table
            .row()
            .i64(Some(row.ts_ns))
            .u32(row.instrument.map(|(id, _)| id))
            .text(symbol.as_ref())
            .decimal(nanos(row.net_pnl))
            .decimal(nanos(row.equity))
            .decimal(nanos(row.drawdown))
            .i64(row.position_lots)
            .i64(mark)
            .end()
    }

    /// Completes the file; gives its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn finish(self) -> Result<u64, StoreError> {
        self.table.finish()
    }
}

/// Writes all samples of a report; gives the rows of the file.
///
/// # Errors
///
/// [`StoreError`] naming the path.
pub fn write(path: &Path, report: &RunReport) -> Result<u64, StoreError> {
    let mut writer = EquityWriter::create(path, &report.account_currency)?;
    let samples = &report.equity;
    for (place, ts_ns) in samples.ts_ns.iter().enumerate() {
        let (ts_ns, equity, drawdown) = (*ts_ns, samples.equity[place], samples.drawdown[place]);
        let net_pnl = equity - report.opening_equity.unwrap_or(0.0);
        writer.push(&EquityRow { ts_ns, net_pnl, equity, drawdown, ..EquityRow::default() })?;
        for one in &report.by_instrument {
            let series = &one.series;
            let Some(at) = place.checked_sub(series.first_sample) else { continue };
            let Some(position) = series.position_lots.get(at) else { continue };
            writer.push(&EquityRow {
                ts_ns,
                instrument: Some((one.instrument, &one.symbol)),
                net_pnl: series.net_pnl[at],
                equity: series.net_pnl[at],
                drawdown: 0.0,
                position_lots: Some(*position),
                mark: Some(series.mark[at]),
            })?;
        }
    }
    writer.finish()
}

/// Nano-units of a sampled amount; what is not finite is nothing.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, and gives 0 for what is no number"
)]
fn nanos(value: f64) -> i128 {
    // Thirty-eight digits are less than i128 holds; the bound keeps the decimal valid.
    ((value * 1e9).round() as i128).clamp(-10i128.pow(37), 10i128.pow(37))
}
