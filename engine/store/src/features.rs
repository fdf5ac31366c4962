//! `features.parquet`: rows of features with the touch they were taken at, and returns that followed.

use std::fmt::Write;
use std::fs::File;
use std::path::Path;

use parquet::data_type::ByteArray;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::frame::FrameError;
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

/// One row as it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedRow {
    /// Nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Symbol.
    pub symbol: String,
    /// Best bid and ask, nano-units.
    pub touch: (i64, i64),
    /// Values of the columns in their order; `None` is null.
    pub values: Vec<Option<f64>>,
}

/// Reads a file whole: names of its columns of numbers, and its rows.
///
/// # Errors
///
/// [`FrameError`] naming the path, and the column that is not of such a file.
pub fn read(path: &Path) -> Result<(Vec<String>, Vec<OwnedRow>), FrameError> {
    let file = File::open(path).map_err(|source| FrameError::Open { path: path.to_owned(), source })?;
    let torn = |source| FrameError::Parquet { path: path.to_owned(), source };
    let reader = SerializedFileReader::new(file).map_err(torn)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let names = schema.columns().iter().map(|column| column.name().to_owned());
    let names: Vec<String> = names.skip(4).collect();
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(torn)? {
        let row = row.map_err(torn)?;
        let mut read = OwnedRow { ts_ns: 0, symbol: String::new(), touch: (0, 0), values: Vec::new() };
        for (place, (name, field)) in row.get_column_iter().enumerate() {
            match (place, field) {
                (0, Field::Long(ts_ns)) => read.ts_ns = *ts_ns,
                (1, Field::Str(symbol)) => read.symbol.clone_from(symbol),
                (2, Field::Long(bid)) => read.touch.0 = *bid,
                (3, Field::Long(ask)) => read.touch.1 = *ask,
                (4.., Field::Double(value)) => read.values.push(Some(*value)),
                (4.., Field::Null) => read.values.push(None),
                _ => {
                    return Err(FrameError::Column {
                        path: path.to_owned(),
                        column: name.clone(),
                        got: field.to_string(),
                        wanted: "a column of a features file",
                    });
                }
            }
        }
        rows.push(read);
    }
    Ok((names, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_bit_for_bit_with_their_nulls() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.parquet");
        let names = vec!["a".to_owned(), "b_1ms".to_owned()];
        let mut writer = FeaturesWriter::create(&path, &names).unwrap();
        let all = [
            (5, "ONE", (-1, 2), vec![Some(0.1 + 0.2), None]),
            (6, "TWO", (i64::MAX, 3), vec![Some(-0.0), Some(f64::MIN_POSITIVE)]),
        ];
        for (ts_ns, symbol, touch, values) in &all {
            writer.push(&FeaturesRow { ts_ns: *ts_ns, symbol, touch: *touch, values }).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 2);
        let (read_names, rows) = read(&path).unwrap();
        assert_eq!(read_names, names);
        for ((ts_ns, symbol, touch, values), row) in all.iter().zip(&rows) {
            assert_eq!((row.ts_ns, row.symbol.as_str(), row.touch), (*ts_ns, *symbol, *touch));
            let bits =
                |values: &[Option<f64>]| values.iter().map(|one| one.map(f64::to_bits)).collect::<Vec<_>>();
            assert_eq!(bits(&row.values), bits(values));
        }
        let other = folder.path().join("other.parquet");
        let mut sheet = crate::Sheet { name: "other", units: String::new(), columns: Vec::new() };
        sheet.push("text", crate::sheet::Cells::Texts(vec![Some("x".to_owned())]));
        sheet.write(&other).unwrap();
        assert!(read(&other).unwrap_err().to_string().contains("text"));
    }
}
