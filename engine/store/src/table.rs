//! A Parquet file written row by row: typed columns gathered in memory, one row group at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// Rows of a row group: about ten megabytes of orders in memory before they are written.
pub const ROWS_GROUP_MAX: usize = 65_536;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be made.
    #[error("{path}: cannot be created")]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Writing failed.
    #[error("{path}: cannot be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
}

/// Values of one column of the row group being gathered.
#[derive(Debug)]
pub(crate) enum Values {
    /// Up to 32 bits; unsigned ones by their bits.
    Int32(Vec<i32>),
    /// 64 bits; unsigned ones by their bits.
    Int64(Vec<i64>),
    /// Floats of 64 bits.
    Double(Vec<f64>),
    /// UTF-8.
    Text(Vec<ByteArray>),
    /// Decimals of 128 bits, big-endian.
    Decimal(Vec<FixedLenByteArray>),
}

#[derive(Debug)]
struct Column {
    values: Values,
    /// 1 where a value stands, 0 for null; absent where the column is required.
    levels: Option<Vec<i16>>,
}

/// What a table is: its schema in Parquet's message text, and which columns rise steadily.
pub(crate) struct Shape {
    pub message: String,
    /// Columns stored as differences.
    pub rising: &'static [&'static str],
    /// Key and value pairs of the file's metadata.
    pub metadata: Vec<(&'static str, String)>,
}

/// A file being written.
pub(crate) struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    rows_gathered: usize,
    rows: u64,
}

impl Table {
    /// Makes the file and writes its head.
    pub(crate) fn create(path: &Path, shape: &Shape) -> Result<Self, StoreError> {
        let at = |source| StoreError::Write { path: path.to_owned(), source };
        let schema = Arc::new(parse_message_type(&shape.message).map_err(at)?);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("tickrace {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(
                shape
                    .metadata
                    .iter()
                    .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()))
                    .collect(),
            ));
        for name in shape.rising {
            let column = ColumnPath::from(*name);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let columns = schema.get_fields().iter().map(|field| Column::of(field)).collect();
        let file =
            File::create(path).map_err(|source| StoreError::Create { path: path.to_owned(), source })?;
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).map_err(at)?;
        Ok(Self { path: path.to_owned(), writer, columns, rows_gathered: 0, rows: 0 })
    }

    /// Starts a row; [`Row::end`] closes it.
    pub(crate) fn row(&mut self) -> Row<'_> {
        Row { table: self, place: 0 }
    }

    /// Rows taken so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is gathered and the foot of the file.
    pub(crate) fn finish(mut self) -> Result<u64, StoreError> {
        self.flush()?;
        self.writer.finish().map_err(|source| StoreError::Write { path: self.path.clone(), source })?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.rows_gathered == 0 {
            return Ok(());
        }
        self.rows_gathered = 0;
        self.write_group().map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let writer = group.next_column()?.expect("the columns were made from the schema");
            column.write(writer)?;
            column.clear();
        }
        group.close()?;
        Ok(())
    }
}

impl Column {
    fn of(field: &parquet::schema::types::Type) -> Self {
        use parquet::basic::Type;
        let values = match field.get_physical_type() {
            Type::INT32 => Values::Int32(Vec::new()),
            Type::INT64 => Values::Int64(Vec::new()),
            Type::DOUBLE => Values::Double(Vec::new()),
            Type::BYTE_ARRAY => Values::Text(Vec::new()),
            Type::FIXED_LEN_BYTE_ARRAY => Values::Decimal(Vec::new()),
            other => unreachable!("no schema of ours holds {other}"),
        };
        Self { values, levels: field.is_optional().then(Vec::new) }
    }

    fn write(&self, mut writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.levels.as_deref();
        match &self.values {
            Values::Int32(values) => writer.typed::<Int32Type>().write_batch(values, levels, None)?,
            Values::Int64(values) => writer.typed::<Int64Type>().write_batch(values, levels, None)?,
            Values::Double(values) => writer.typed::<DoubleType>().write_batch(values, levels, None)?,
            Values::Text(values) => writer.typed::<ByteArrayType>().write_batch(values, levels, None)?,
            Values::Decimal(values) => {
                writer.typed::<FixedLenByteArrayType>().write_batch(values, levels, None)?
            }
        };
        writer.close()
    }

    fn clear(&mut self) {
        match &mut self.values {
            Values::Int32(values) => values.clear(),
            Values::Int64(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Text(values) => values.clear(),
            Values::Decimal(values) => values.clear(),
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
    }
}

/// A row being filled, column by column in the order of the schema.
pub(crate) struct Row<'a> {
    table: &'a mut Table,
    place: usize,
}

impl Row<'_> {
    fn next(&mut self, is_some: bool) -> &mut Values {
        let column = &mut self.table.columns[self.place];
        self.place += 1;
        match &mut column.levels {
            Some(levels) => levels.push(i16::from(is_some)),
            None => assert!(is_some, "column {} takes no null", self.place - 1),
        }
        &mut column.values
    }

    fn int32(mut self, value: Option<i32>) -> Self {
        let Values::Int32(values) = self.next(value.is_some()) else {
            unreachable!("column of another type")
        };
        values.extend(value);
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.int32(Some(i32::from(value)))
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.int32(Some(i32::from(value)))
    }

    pub(crate) fn u32(self, value: Option<u32>) -> Self {
        // The format keeps unsigned integers by their bits.
        self.int32(value.map(u32::cast_signed))
    }

    pub(crate) fn i64(mut self, value: Option<i64>) -> Self {
        let Values::Int64(values) = self.next(value.is_some()) else {
            unreachable!("column of another type")
        };
        values.extend(value);
        self
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.i64(Some(value.cast_signed()))
    }

    pub(crate) fn f64(mut self, value: Option<f64>) -> Self {
        let Values::Double(values) = self.next(value.is_some()) else {
            unreachable!("column of another type")
        };
        values.extend(value);
        self
    }

    pub(crate) fn text(mut self, value: Option<&ByteArray>) -> Self {
        let Values::Text(values) = self.next(value.is_some()) else { unreachable!("column of another type") };
        values.extend(value.cloned());
        self
    }

    pub(crate) fn decimal(mut self, value: i128) -> Self {
        let Values::Decimal(values) = self.next(true) else { unreachable!("column of another type") };
        values.push(FixedLenByteArray::from(value.to_be_bytes().to_vec()));
        self
    }

    /// Closes the row; writes the row group when it is full.
    pub(crate) fn end(self) -> Result<(), StoreError> {
        assert_eq!(self.place, self.table.columns.len(), "a row fills every column");
        self.table.rows_gathered += 1;
        self.table.rows += 1;
        if self.table.rows_gathered == ROWS_GROUP_MAX { self.table.flush() } else { Ok(()) }
    }
}

/// Symbols by id, ready to be written; empty for an id outside the table.
#[derive(Debug)]
pub(crate) struct Symbols(Vec<ByteArray>, ByteArray);

impl Symbols {
    pub(crate) fn new(instruments: &tickrace_types::InstrumentTable) -> Self {
        let symbol = |one: &tickrace_types::Instrument| ByteArray::from(one.symbol.as_str());
        Self(instruments.as_slice().iter().map(symbol).collect(), ByteArray::from(""))
    }

    pub(crate) fn of(&self, instrument: u32) -> &ByteArray {
        usize::try_from(instrument).ok().and_then(|place| self.0.get(place)).unwrap_or(&self.1)
    }
}
