//! `features.parquet`: rows of features with the touch they were taken at, and returns that followed.

use std::fmt::Write;
use std::path::Path;

use parquet::data_type::ByteArray;

use crate::table::{Shape, StoreError, Table};

const UNITS: &str = "ts_ns: receive time of the event, UTC; bid_px_nanos, ask_px_nanos: 1e-9 of the quote currency; features: \
    by their labels, null where not ready; future_return_*: logarithm of the mid so long after the row over the mid of the row, \
    null where the market broke off before";

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturesRow<'a> {
    /// Nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Symbol.
    pub symbol: &'a str,
    /// Best bid and ask, nano-units.
    pub touch: (i64, i64),
    /// Values of the columns in their order; `None` is null.
    pub values: &'a [Option<f64>],
}

/// Writes rows as they come.
pub struct FeaturesWriter {
    table: Table,
    columns: usize,
}

impl FeaturesWriter {
    /// Makes the file; `columns` are plain names of letters, digits and underscores.
    ///
    /// # Errors
    ///
    /// [`StoreError`] naming the path.
    pub fn create(path: &Path, columns: &[String]) -> Result<Self, StoreError> {
        let mut message = "message features { required int64 ts_ns (TIMESTAMP(NANOS,true)); \
            required binary symbol (STRING); required int64 bid_px_nanos (INTEGER(64,true)); \
            required int64 ask_px_nanos (INTEGER(64,true));"
            .to_owned();
        for column in columns {
            // Writing into a String cannot fail.
            let _ = write!(message, " optional double {column};");
        }
        message.push_str(" }");
        let metadata = vec![("tickrace.table", "features".to_owned()), ("tickrace.units", UNITS.to_owned())];
        let shape = Shape { message, rising: &["ts_ns"], metadata };
        Ok(Self { table: Table::create(path, &shape)?, columns: columns.len() })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn push(&mut self, row: &FeaturesRow<'_>) -> Result<(), StoreError> {
        assert_eq!(row.values.len(), self.columns, "a value for every column");
        let mut table = self
            .table
            .row()
            .i64(Some(row.ts_ns))
            .text(Some(&ByteArray::from(row.symbol)))
            .i64(Some(row.touch.0))
            .i64(Some(row.touch.1));
        for value in row.values {
            table = table.f64(*value);
        }
        table.end()
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
