//! Latencies as they were measured, row by row, and what lies between the rows.
//!
//! A row is one request: when it left us, how long it took to the venue, how long its answer took back. Between two rows
//! both latencies follow straight lines: the order's by the time of the request, the response's by the time at the
//! venue. Before the first row counts the first, from the last on the last. Source: hftbacktest's model
//! `IntpOrderLatency`, whose sums these are, in whole numbers.
//!
//! As text: `ts_ns,order_latency_ns,response_latency_ns`, one row a line, ascending by `ts_ns` (nanoseconds since the Unix
//! epoch).

use std::fmt::Write;
use std::sync::Arc;

use super::Way;
use crate::config::LATENCY_NS_MAX;

/// First line of the text form.
pub const HEAD: &str = "ts_ns,order_latency_ns,response_latency_ns";

/// One request and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyRow {
    /// When the request left us, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// From us to the venue, nanoseconds.
    pub order_latency_ns: i64,
    /// From the venue to us, nanoseconds.
    pub response_latency_ns: i64,
}

/// Measured latencies; copies share the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyRows {
    rows: Arc<[LatencyRow]>,
    /// When each was at the venue: never before the one before it.
    at_venue_ns: Arc<[i64]>,
}

/// A row that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// The first line is another.
    #[error("line 1: the columns must be {HEAD}")]
    Head,
    /// Not three fields.
    #[error("line {line}: {got} fields where {HEAD} are three")]
    Fields {
        /// Which line, from 1.
        line: usize,
        /// How many it has.
        got: usize,
    },
    /// Not a whole number.
    #[error("line {line}: {field} is no whole number")]
    Number {
        /// Which line, from 1.
        line: usize,
        /// Which column.
        field: &'static str,
    },
    /// Negative, or beyond a minute.
    #[error("line {line}: {field} must be from 0 to {LATENCY_NS_MAX}, it is {got}")]
    Range {
        /// Which line, from 1.
        line: usize,
        /// Which column.
        field: &'static str,
        /// What it is.
        got: i64,
    },
    /// Earlier than the row before it.
    #[error("line {line}: ts_ns is before that of the row above")]
    Order {
        /// Which line, from 1.
        line: usize,
    },
    /// Nothing to go by.
    #[error("no row")]
    Empty,
}

impl LatencyRows {
    /// Checked rows; a line number of an error counts the head as line 1.
    ///
    /// # Errors
    ///
    /// [`RowsError`] naming the first row at fault.
    pub fn new(rows: Vec<LatencyRow>) -> Result<Self, RowsError> {
        if rows.is_empty() {
            return Err(RowsError::Empty);
        }
        let mut before = i64::MIN;
        let mut at_venue_ns = Vec::with_capacity(rows.len());
        let mut venue_ns = i64::MIN;
        for (line, row) in (2..).zip(&rows) {
            for (field, got) in
                [("order_latency_ns", row.order_latency_ns), ("response_latency_ns", row.response_latency_ns)]
            {
                if !(0..=LATENCY_NS_MAX).contains(&got) {
                    return Err(RowsError::Range { line, field, got });
                }
            }
            if row.ts_ns < before {
                return Err(RowsError::Order { line });
            }
            before = row.ts_ns;
            venue_ns = venue_ns.max(row.ts_ns.saturating_add(row.order_latency_ns));
            at_venue_ns.push(venue_ns);
        }
        Ok(Self { rows: rows.into(), at_venue_ns: at_venue_ns.into() })
    }

    /// Rows from their text form; empty lines are passed over.
    ///
    /// # Errors
    ///
    /// [`RowsError`] naming line and column.
    pub fn from_csv(text: &str) -> Result<Self, RowsError> {
        let mut lines = text.lines();
        if lines.next().map(|head| head.trim_start_matches('\u{feff}').trim()) != Some(HEAD) {
            return Err(RowsError::Head);
        }
        let mut rows = Vec::new();
        // Line numbers of rows, for the checks that see rows only.
        let mut places = Vec::new();
        for (line, text) in (2..).zip(lines).filter(|(_, text)| !text.trim().is_empty()) {
            let mut fields = text.split(',').map(|field| field.trim().parse::<i64>());
            let got = text.split(',').count();
            if got != 3 {
                return Err(RowsError::Fields { line, got });
            }
            let mut next = |field| match fields.next() {
                Some(Ok(value)) => Ok(value),
                _ => Err(RowsError::Number { line, field }),
            };
            rows.push(LatencyRow {
                ts_ns: next("ts_ns")?,
                order_latency_ns: next("order_latency_ns")?,
                response_latency_ns: next("response_latency_ns")?,
            });
            places.push(line);
        }
        let at = |row: usize| places.get(row - 2).copied().unwrap_or(row);
        Self::new(rows).map_err(|error| match error {
            RowsError::Range { line, field, got } => RowsError::Range { line: at(line), field, got },
            RowsError::Order { line } => RowsError::Order { line: at(line) },
            other => other,
        })
    }

    /// The rows as text.
    pub fn to_csv(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for row in self.rows.iter() {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{},{},{}", row.ts_ns, row.order_latency_ns, row.response_latency_ns);
        }
        text
    }

    /// The rows, in order of time.
    pub fn as_slice(&self) -> &[LatencyRow] {
        &self.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Smallest latency of a way, nanoseconds; 0 without rows. A straight line never goes below its ends.
    pub fn min_ns(&self, way: Way) -> i64 {
        self.rows.iter().map(|row| latency_of(row, way)).min().unwrap_or(0)
    }

    /// Reads the latencies of one way; there must be rows.
    pub(super) fn reading(&self, way: Way) -> Reading {
        assert!(!self.is_empty(), "the caller has asked");
        Reading { rows: self.clone(), way, place: 0 }
    }
}

const fn latency_of(row: &LatencyRow, way: Way) -> i64 {
    match way {
        Way::Order => row.order_latency_ns,
        Way::Response | Way::Feed => row.response_latency_ns,
    }
}

/// A place in the rows that moves with time.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    rows: LatencyRows,
    way: Way,
    /// The last row not after the last time asked, or the first.
    place: usize,
}

impl Reading {
    fn time_of(&self, place: usize) -> i64 {
        match self.way {
            Way::Order => self.rows.rows[place].ts_ns,
            Way::Response | Way::Feed => self.rows.at_venue_ns[place],
        }
    }

    /// Latency of a message sent at `ts_ns`.
    #[inline]
    pub fn at(&mut self, ts_ns: i64) -> i64 {
        let count = self.rows.rows.len();
        if ts_ns < self.time_of(self.place) {
            // Time went back, which a run's does not; the search starts over.
            self.place = 0;
        }
        while self.place + 1 < count && self.time_of(self.place + 1) <= ts_ns {
            self.place += 1;
        }
        let here = latency_of(&self.rows.rows[self.place], self.way);
        let from_ns = self.time_of(self.place);
        if ts_ns <= from_ns || self.place + 1 == count {
            return here;
        }
        let there = latency_of(&self.rows.rows[self.place + 1], self.way);
        let (part, whole) = (
            i128::from(ts_ns) - i128::from(from_ns),
            i128::from(self.time_of(self.place + 1)) - i128::from(from_ns),
        );
        // Towards the nearer row's whole number, as a cast of the float sum would; the result lies between its ends.
        let step = i128::from(there - here) * part / whole;
        here + i64::try_from(step).unwrap_or(0)
    }
}
