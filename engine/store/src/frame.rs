//! Frames of dated numbers in Parquet: what research reads and what it leaves.
//!
//! A file's time is its first column that is one (`date` or `datetime`: a timestamp of any unit, or a date; an index comes
//! last in what pandas writes); the others are numbers: integers, and floats of 32 and 64 bits. Null and NaN both mean
//! missing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, PrimitiveTypeBuilder, Type};
use tickrace_stats::Frame;
use tickrace_stats::panel::DAY_NS;

use crate::table::StoreError;

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The file could not be opened.
    #[error("{path}: cannot be opened")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not whole or not Parquet.
    #[error("{path}: not a readable Parquet file")]
    Parquet {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// A column that cannot be had as numbers, or no time in any.
    #[error("{path}: column {column} is {got}; wanted is {wanted}")]
    Column {
        /// Which.
        path: PathBuf,
        /// Its name.
        column: String,
        /// What it is.
        got: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A field of a text file that cannot be read.
    #[error("{path}, line {line}: {field:?} is not {wanted}")]
    Field {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What stands there.
        field: String,
        /// What was expected.
        wanted: &'static str,
    },
    /// Times that fall or are missing.
    #[error("{path}: row {row} (from 1) has {what}; rows must stand in order of time")]
    Order {
        /// Which.
        path: PathBuf,
        /// The row.
        row: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Reads a Parquet file whole.
///
/// # Errors
///
/// [`FrameError`] naming the path, and the column or row at fault.
pub fn read_frame(path: &Path) -> Result<Frame, FrameError> {
    let file = File::open(path).map_err(|source| FrameError::Open { path: path.to_owned(), source })?;
    let torn = |source| FrameError::Parquet { path: path.to_owned(), source };
    let reader = SerializedFileReader::new(file).map_err(torn)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = schema.columns();
    let wrong = |place: usize, wanted| FrameError::Column {
        path: path.to_owned(),
        column: columns.get(place).map_or("", |column| column.name()).to_owned(),
        got: columns.get(place).map_or_else(String::new, |column| {
            format!("{} {:?}", column.physical_type(), column.logical_type_ref())
        }),
        wanted,
    };
    let unit_of = |column: &ColumnDescPtr| time_unit_ns(column.physical_type(), column.logical_type_ref());
    let time = columns.iter().enumerate().find_map(|(place, column)| Some((place, unit_of(column)?)));
    let (time, unit_ns) = time.ok_or_else(|| wrong(0, "a timestamp or a date"))?;
    let numbered: Vec<usize> = (0..columns.len()).filter(|place| *place != time).collect();
    if let Some(place) = numbered.iter().find(|place| !is_number(columns[**place].physical_type())) {
        return Err(wrong(*place, "a number"));
    }
    let mut frame = Frame::default();
    frame.columns.extend(numbered.iter().map(|place| (columns[*place].name().to_owned(), Vec::new())));
    for place in 0..reader.num_row_groups() {
        let group = reader.get_row_group(place).map_err(torn)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let start = frame.at_ns.len();
        times(&*group, time, rows, unit_ns, &mut frame.at_ns).map_err(torn)?;
        // A date beyond what nanoseconds count was cut to the last of them.
        for (wrong, what) in [(i64::MIN, "no time"), (i64::MAX, "a time beyond the year 2262")] {
            if let Some(row) = frame.at_ns[start..].iter().position(|&at| at == wrong) {
                return Err(FrameError::Order { path: path.to_owned(), row: start + row + 1, what });
            }
        }
        for (place, (_, values)) in numbered.iter().zip(&mut frame.columns) {
            numbers(&*group, *place, rows, values).map_err(torn)?;
        }
    }
    if let Some(fall) = frame.at_ns.windows(2).position(|pair| pair[1] < pair[0]) {
        let what = "a time before that of the row above";
        return Err(FrameError::Order { path: path.to_owned(), row: fall + 2, what });
    }
    Ok(frame)
}

/// Writes a frame, each column as floats of 64 bits with null where a value is missing.
///
/// `time_name`: name of the first column, `date` or `datetime` by custom; its stamps are kept to the nanosecond.
///
/// # Errors
///
/// [`StoreError`] naming the path.
///
/// # Panics
///
/// Where the columns differ in length from the times: the caller's mistake.
pub fn write_frame(path: &Path, time_name: &str, frame: &Frame) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: path.to_owned(), source };
    let stamp = LogicalType::timestamp(false, TimeUnit::NANOS);
    let mut fields = vec![optional(time_name, Physical::INT64).with_logical_type(Some(stamp)).build()];
    fields.extend(frame.columns.iter().map(|(name, _)| optional(name, Physical::DOUBLE).build()));
    let fields =
        fields.into_iter().map(|field| field.map(Arc::new)).collect::<Result<_, _>>().map_err(failed)?;
    let schema = Type::group_type_builder("frame").with_fields(fields).build().map_err(failed)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_created_by(format!("tickrace {}", env!("CARGO_PKG_VERSION")));
    let file = File::create(path).map_err(|source| StoreError::Create { path: path.to_owned(), source })?;
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build())).map_err(failed)?;
    write_columns(&mut writer, frame).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(())
}

fn optional(name: &str, physical: Physical) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL)
}

fn write_columns(writer: &mut SerializedFileWriter<File>, frame: &Frame) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut times = group.next_column()?.expect("the first column is the time");
    let mut levels = vec![1; frame.len()];
    times.typed::<Int64Type>().write_batch(&frame.at_ns, Some(&levels), None)?;
    times.close()?;
    let mut present = Vec::with_capacity(frame.len());
    for (name, values) in &frame.columns {
        assert_eq!(values.len(), frame.len(), "column {name} has a value for every time");
        present.clear();
        present.extend(values.iter().filter(|value| !value.is_nan()));
        for (level, value) in levels.iter_mut().zip(values) {
            *level = i16::from(!value.is_nan());
        }
        let mut column = group.next_column()?.expect("the schema was made from the columns");
        column.typed::<DoubleType>().write_batch(&present, Some(&levels), None)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// Nanoseconds of a column's unit where it is a time.
fn time_unit_ns(physical: Physical, logical: Option<&LogicalType>) -> Option<i64> {
    match (physical, logical) {
        (Physical::INT32, Some(LogicalType::Date)) => Some(DAY_NS),
        (Physical::INT64, Some(LogicalType::Timestamp(stamp))) => Some(match stamp.unit {
            TimeUnit::MILLIS => 1_000_000,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1,
        }),
        _ => None,
    }
}

const fn is_number(physical: Physical) -> bool {
    matches!(physical, Physical::INT32 | Physical::INT64 | Physical::FLOAT | Physical::DOUBLE)
}

fn times(
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
    unit_ns: i64,
    at_ns: &mut Vec<i64>,
) -> Result<(), ParquetError> {
    // A time no file holds stands for a missing one.
    const MISSING: i64 = i64::MIN;
    match group.get_column_reader(column)? {
        ColumnReader::Int32ColumnReader(reader) => {
            spread::<Int32Type, _>(reader, rows, at_ns, MISSING, |day| i64::from(day).saturating_mul(unit_ns))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            spread::<Int64Type, _>(reader, rows, at_ns, MISSING, |at| at.saturating_mul(unit_ns))
        }
        _ => unreachable!("the kind was looked at before"),
    }
}

fn numbers(
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
    values: &mut Vec<f64>,
) -> Result<(), ParquetError> {
    match group.get_column_reader(column)? {
        ColumnReader::Int32ColumnReader(reader) => {
            spread::<Int32Type, _>(reader, rows, values, f64::NAN, f64::from)
        }
        #[expect(clippy::cast_precision_loss, reason = "contract ids and counts are far below 2^53")]
        ColumnReader::Int64ColumnReader(reader) => {
            spread::<Int64Type, _>(reader, rows, values, f64::NAN, |value| value as f64)
        }
        ColumnReader::FloatColumnReader(reader) => {
            spread::<FloatType, _>(reader, rows, values, f64::NAN, f64::from)
        }
        ColumnReader::DoubleColumnReader(reader) => {
            spread::<DoubleType, _>(reader, rows, values, f64::NAN, |value| value)
        }
        _ => unreachable!("the kind was looked at before"),
    }
}

/// Reads a column of one row group, a missing value for each null.
fn spread<T: DataType, V: Copy>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    into: &mut Vec<V>,
    missing: V,
    value_of: impl Fn(T::T) -> V,
) -> Result<(), ParquetError>
where
    T::T: Copy,
{
    let (mut present, mut levels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut read = 0;
    while read < rows {
        let (records, _, _) = reader.read_records(rows - read, Some(&mut levels), None, &mut present)?;
        if records == 0 {
            return Err(ParquetError::EOF(format!("{read} of {rows} rows of a column")));
        }
        read += records;
    }
    if levels.is_empty() {
        into.extend(present.into_iter().map(value_of));
        return Ok(());
    }
    let mut present = present.into_iter();
    into.extend(levels.iter().map(|&level| match level {
        0 => missing,
        _ => present.next().map_or(missing, &value_of),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::{Cells, Sheet};

    #[test]
    fn a_file_without_times_is_refused_by_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.parquet");
        let mut sheet = Sheet { name: "numbers", units: "none".to_owned(), columns: Vec::new() };
        sheet.push("x", Cells::Floats(vec![Some(1.0)]));
        sheet.write(&path).unwrap();
        assert!(matches!(read_frame(&path), Err(FrameError::Column { column, .. }) if column == "x"));
    }

    #[test]
    fn a_frame_comes_back_with_its_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.parquet");
        let columns = vec![
            ("raw_fc.ewmac2_8".to_owned(), vec![1.5, f64::NAN, -0.0]),
            ("PRICE".to_owned(), vec![f64::NAN; 3]),
        ];
        let frame = Frame { at_ns: vec![-5, 0, 7], columns };
        write_frame(&path, "date", &frame).unwrap();
        let back = read_frame(&path).unwrap();
        assert_eq!(back.at_ns, frame.at_ns);
        for ((name, values), (own, wanted)) in back.columns.iter().zip(&frame.columns) {
            assert_eq!(name, own);
            assert!(
                values.iter().zip(wanted).all(|(got, want)| got.to_bits() == want.to_bits() || got.is_nan())
            );
        }
    }

    /// What pandas writes by default: snappy, and an index last.
    #[test]
    fn times_may_stand_last_and_any_common_compression_is_read() {
        use parquet::basic::GzipLevel;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pandas.parquet");
        let column = |name: &str, physical, logical| {
            let of = Type::primitive_type_builder(name, physical).with_logical_type(logical);
            Arc::new(of.with_repetition(Repetition::REQUIRED).build().unwrap())
        };
        let stamp = LogicalType::timestamp(false, TimeUnit::MICROS);
        let fields = vec![
            column("price", Physical::FLOAT, None),
            column("contract", Physical::INT64, None),
            column("datetime", Physical::INT64, Some(stamp)),
        ];
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build().unwrap());
        let gzip = Compression::GZIP(GzipLevel::default());
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, gzip, Compression::LZ4_RAW] {
            let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
            let file = File::create(&path).unwrap();
            let mut writer = SerializedFileWriter::new(file, Arc::clone(&schema), properties).unwrap();
            let mut group = writer.next_row_group().unwrap();
            let mut prices = group.next_column().unwrap().unwrap();
            prices.typed::<FloatType>().write_batch(&[1.5, 2.5], None, None).unwrap();
            prices.close().unwrap();
            for values in [[20_131_200, 20_140_300], [7, 9]] {
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
            writer.close().unwrap();
            let frame = read_frame(&path).unwrap();
            assert_eq!(frame.at_ns, [7_000, 9_000], "{compression}");
            let columns: Vec<(&str, &[f64])> =
                frame.columns.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
            let wanted: [(&str, &[f64]); 2] =
                [("price", &[1.5, 2.5]), ("contract", &[20_131_200.0, 20_140_300.0])];
            assert_eq!(columns, wanted, "{compression}");
        }
    }

    #[test]
    fn a_torn_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("torn.parquet");
        std::fs::write(&path, b"PAR1 and then nothing").unwrap();
        assert!(matches!(read_frame(&path), Err(FrameError::Parquet { .. })));
    }
}
