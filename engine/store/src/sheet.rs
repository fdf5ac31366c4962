//! A table of results whose columns are known only at run time: a sweep's parameters and figures.

use std::fmt::Write;
use std::path::Path;

use parquet::data_type::ByteArray;

use crate::table::{Shape, StoreError, Table};

/// Columns of equal length under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// What the table is.
    pub name: &'static str,
    /// What the columns mean and in which units, in words.
    pub units: String,
    /// The columns.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name; letters with a meaning in Parquet's schema text become underscores.
    pub name: String,
    /// Its cells, `None` for null.
    pub cells: Cells,
}

/// Cells of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// 64-bit integers.
    Integers(Vec<Option<i64>>),
    /// 64-bit floats.
    Floats(Vec<Option<f64>>),
    /// UTF-8.
    Texts(Vec<Option<String>>),
}

impl Cells {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(cells) => cells.len(),
            Self::Floats(cells) => cells.len(),
            Self::Texts(cells) => cells.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Integers(_) => ("int64", " (INTEGER(64,true))"),
            Self::Floats(_) => ("double", ""),
            Self::Texts(_) => ("binary", " (STRING)"),
        }
    }
}

impl Sheet {
    /// Adds a column.
    pub fn push(&mut self, name: &str, cells: Cells) {
        self.columns.push(Column { name: name.to_owned(), cells });
    }

    /// Writes the file; gives its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError`] naming the path.
    ///
    /// # Panics
    ///
    /// Where the columns differ in length: the caller's mistake.
    pub fn write(&self, path: &Path) -> Result<u64, StoreError> {
        let mut message = format!("message {} {{", self.name);
        for column in &self.columns {
            let (physical, logical) = column.cells.kind();
            let name =
                column.name.replace(|letter: char| letter.is_whitespace() || ";,{}()=".contains(letter), "_");
            // Writing into a String cannot fail.
            let _ = write!(message, " optional {physical} {name}{logical};");
        }
        message.push_str(" }");
        let metadata = vec![("tickrace.table", self.name.to_owned()), ("tickrace.units", self.units.clone())];
        let mut table = Table::create(path, &Shape { message, rising: &[], metadata })?;
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        for column in &self.columns {
            assert_eq!(column.cells.len(), rows, "column {} has as many cells as the others", column.name);
        }
        for place in 0..rows {
            let mut row = table.row();
            for column in &self.columns {
                row = match &column.cells {
                    Cells::Integers(cells) => row.i64(cells[place]),
                    Cells::Floats(cells) => row.f64(cells[place]),
                    Cells::Texts(cells) => row.text(cells[place].as_deref().map(ByteArray::from).as_ref()),
                };
            }
            row.end()?;
        }
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    #[test]
    fn columns_of_every_kind_come_back_with_their_nulls() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.parquet");
        let mut sheet = Sheet { name: "sweep", units: "none".to_owned(), columns: Vec::new() };
        sheet.push("strategy.qty lots", Cells::Integers(vec![Some(-3), None]));
        sheet.push("net_pnl", Cells::Floats(vec![None, Some(0.5)]));
        sheet.push("status", Cells::Texts(vec![Some("done".to_owned()), None]));
        assert_eq!(sheet.write(&path).unwrap(), 2);
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows[0], "{strategy.qty_lots: -3, net_pnl: null, status: \"done\"}");
        assert_eq!(rows[1], "{strategy.qty_lots: null, net_pnl: 0.5, status: null}");
    }
}
