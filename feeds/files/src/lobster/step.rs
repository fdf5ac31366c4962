//! The step test: each message, applied to the reference book of the row before, gives the reference book of its row.
//!
//! It needs no memory of orders, so it is fair to a level-limited file: what lies outside its levels does not enter.

use std::path::{Path, PathBuf};

use super::files::{Part, part_stream};
use super::orderbook::{BookRow, BookRows};
use super::row::Row;
use crate::format::End;
use crate::lines::Lines;
use crate::tick_file::FileError;

/// Differing rows that are kept in a report.
const FIRST_MAX: usize = 20;

/// What a step test found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepReport {
    /// Rows compared: one less than the rows of the files.
    pub steps: u64,
    /// Of these, the equal ones.
    pub exact: u64,
    /// Levels compared over all steps.
    pub levels: u64,
    /// Numbers of the first rows that differ, from 1.
    pub first_differing: Vec<u64>,
}

/// Runs the step test over two files of one name, or over a zip archive that holds both (given twice).
///
/// # Errors
///
/// [`FileError`]: not readable; a row that is none, in either file; one file longer than the other.
pub fn step_test(messages: &Path, orderbook: &Path) -> Result<StepReport, FileError> {
    let mut rows = Lines::new(part_stream(messages, Part::Messages)?.0);
    let mut books = BookRows::new(Lines::new(part_stream(orderbook, Part::Orderbook)?.0));
    let mut report = StepReport::default();
    let mut book = BookRow::default();
    let mut number = 0;
    while let Some(line) = rows.next() {
        number += 1;
        let row = Row::parse(line).map_err(|fault| {
            format_error(messages, number, format!("{}: wanted {}", fault.column, fault.wanted))
        })?;
        match books.advance() {
            Some(true) => {}
            Some(false) => {
                return Err(format_error(orderbook, number, "no row of levels, best first".to_owned()));
            }
            None => {
                let outcome = books.lines().outcome();
                return Err(ended_early(orderbook, number, outcome));
            }
        }
        let reference = books.row();
        if number > 1 {
            let compared = [0, 1].map(|side| compare(&book, reference, &row, side));
            report.steps += 1;
            report.levels += compared.iter().map(|side| side.unwrap_or(0)).sum::<u64>();
            if compared.iter().all(Option::is_some) {
                report.exact += 1;
            } else if report.first_differing.len() < FIRST_MAX {
                report.first_differing.push(number);
            }
        }
        book.clone_from(reference);
    }
    match rows.outcome() {
        End::Complete if books.advance().is_some() => Err(ended_early(messages, number + 1, End::Complete)),
        End::Complete => Ok(report),
        outcome => Err(ended_early(messages, number + 1, outcome)),
    }
}

/// Levels of a side that are equal to the reference after `row`, or `None` where one is not.
fn compare(before: &BookRow, reference: &BookRow, row: &Row, side: usize) -> Option<u64> {
    let touched = usize::from(row.side) == side && matches!(row.event, b'1'..=b'4');
    let mut after = BookRow { sides: Default::default(), depth: before.depth };
    after.sides[side].clone_from(&before.sides[side]);
    if touched {
        apply(&mut after, row)?;
    }
    // Behind the last level of a full side there may be more that only the next row shows.
    let is_full = before.sides[side].len() == before.depth;
    let (ours, theirs) = (&after.sides[side], &reference.sides[side]);
    let known = if is_full { ours.len().min(before.depth) } else { ours.len().max(theirs.len()) };
    let known = known.min(before.depth);
    let is_equal = ours.len() >= known && theirs.len() >= known && ours[..known] == theirs[..known];
    is_equal.then_some(known as u64)
}

/// Applies an order row to the shares of its level; `None` where more is taken than is there.
fn apply(book: &mut BookRow, row: &Row) -> Option<()> {
    let side = usize::from(row.side);
    let shares = book.shares_at(side, row.price_e4);
    let size = u64::from(row.size);
    let after = if row.event == b'1' { shares.checked_add(size)? } else { shares.checked_sub(size)? };
    book.set_shares(side, row.price_e4, after);
    Some(())
}

fn format_error(path: &Path, line: u64, fault: String) -> FileError {
    FileError::Format { path: PathBuf::from(path), place: format!("line {line}"), fault }
}

fn ended_early(path: &Path, line: u64, outcome: End) -> FileError {
    match outcome {
        End::Broken { place, fault } => FileError::Format { path: PathBuf::from(path), place, fault },
        End::Running | End::Complete => {
            format_error(path, line, "the file ends before the one beside it".to_owned())
        }
    }
}
