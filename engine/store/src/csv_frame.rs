//! Frames of dated numbers in CSV: a header, then rows whose first field is a date or a time.
//!
//! Times are `YYYY-MM-DD`, with ` HH:MM:SS` or `THH:MM:SS` and a fraction behind it where there is one; an empty field,
//! `NA`, `NaN` and `null` are missing values.

use std::path::{Path, PathBuf};

use tickrace_stats::Frame;
use tickrace_stats::panel::parse_time;

use crate::frame::FrameError;

/// Reads a CSV file whole.
///
/// # Errors
///
/// [`FrameError`] naming the path, line and field at fault.
pub fn read_csv_frame(path: &Path) -> Result<Frame, FrameError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| FrameError::Open { path: path.to_owned(), source })?;
    parse_csv_frame(&text, path)
}

/// Reads CSV text; `path` is named in errors.
///
/// # Errors
///
/// As [`read_csv_frame`].
pub fn parse_csv_frame(text: &str, path: &Path) -> Result<Frame, FrameError> {
    let fault = |line: usize, field: &str, wanted: &'static str| FrameError::Field {
        path: PathBuf::from(path),
        line,
        field: field.to_owned(),
        wanted,
    };
    let mut lines = text.lines().enumerate();
    let Some((_, header)) = lines.next() else { return Err(fault(1, "", "a header")) };
    let mut frame = Frame::default();
    frame.columns.extend(header.split(',').skip(1).map(|name| (bare(name).to_owned(), Vec::new())));
    for (at, line) in lines {
        if line.trim().is_empty() {
            continue;
        }
        let mut fields = line.split(',');
        let stamp = fields.next().unwrap_or_default();
        let at_ns = parse_time(bare(stamp))
            .ok_or_else(|| fault(at + 1, stamp, "a date YYYY-MM-DD, or with a time"))?;
        if frame.at_ns.last().is_some_and(|last| *last > at_ns) {
            let what = "a time before that of the row above";
            return Err(FrameError::Order { path: PathBuf::from(path), row: at + 1, what });
        }
        frame.at_ns.push(at_ns);
        for (_, values) in &mut frame.columns {
            let Some(field) = fields.next() else {
                return Err(fault(at + 1, line, "a whole row: the header has more fields"));
            };
            let field = bare(field);
            values.push(match field {
                "" | "NA" | "NaN" | "nan" | "null" => f64::NAN,
                _ => field.parse().map_err(|_| fault(at + 1, field, "a number"))?,
            });
        }
        if let Some(extra) = fields.next() {
            return Err(fault(at + 1, extra, "one of the header's fields: it has fewer"));
        }
    }
    Ok(frame)
}

/// A field without the blanks and quotes around it.
fn bare(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_faults_named_by_line() {
        let path = Path::new("x.csv");
        let frame =
            parse_csv_frame("\"date\",\"PRICE\",CARRY\n\"2020-01-01\",\"1.5\",\n\n2020-01-02,NA,-2\n", path)
                .unwrap();
        assert_eq!(frame.len(), 2);
        assert_eq!(frame.column("CARRY").unwrap()[1], -2.0);
        assert!(frame.column("PRICE").unwrap()[1].is_nan());
        for (text, wanted) in [
            ("", "x.csv, line 1: \"\" is not a header"),
            ("date,P\nnow,1\n", "x.csv, line 2: \"now\" is not a date YYYY-MM-DD, or with a time"),
            ("date,P\n2020-01-01,one\n", "x.csv, line 2: \"one\" is not a number"),
            (
                "date,P\n2001-02-31,1\n",
                "x.csv, line 2: \"2001-02-31\" is not a date YYYY-MM-DD, or with a time",
            ),
            (
                "date,P\n9999-01-01,1\n",
                "x.csv, line 2: \"9999-01-01\" is not a date YYYY-MM-DD, or with a time",
            ),
            (
                "date,P\n2020-01-01\n",
                "x.csv, line 2: \"2020-01-01\" is not a whole row: the header has more fields",
            ),
            (
                "date,P\n2020-01-02,1\n2020-01-01,1\n",
                "x.csv: row 3 (from 1) has a time before that of the row above; rows must stand in order of time",
            ),
        ] {
            assert_eq!(parse_csv_frame(text, path).unwrap_err().to_string(), wanted);
        }
    }
}
