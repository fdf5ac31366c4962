//! The reference's inputs and outputs, and the comparison with them.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tickrace_stats::{BusinessDay, Frame, Series};
use tickrace_store::read_frame;
use tickrace_systematic::account::{ContractCosts, FxRate};

/// Folder of the reference data, where it is there.
pub fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("TICKRACE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("reference/pysystemtrade");
    if folder.join("inputs/instruments.csv").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data in {} (set TICKRACE_SHARED)", folder.display());
    None
}

pub fn frame(name: &str) -> Frame {
    read_frame(&folder().unwrap().join(name)).unwrap()
}

pub fn json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().unwrap().join(name)).unwrap()).unwrap()
}

/// A JSON text in which Python wrote `NaN` and infinities; both become null.
pub fn python_json(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().unwrap().join(name)).unwrap();
    let text = text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    serde_json::from_str(&text).unwrap()
}

/// A column as a dense series, last value of each day, from its first value on.
pub fn series(frame: &Frame, column: &str) -> Series {
    let values = frame.column(column).unwrap_or_else(|| panic!("no column {column}"));
    let start = values.iter().position(|value| !value.is_nan()).unwrap_or(0);
    Series::last_of_day(&frame.at_ns[start..], &values[start..])
}

pub fn daily_price(instrument: &str) -> Series {
    let frame = frame(&format!("inputs/adjusted_{instrument}.parquet"));
    let name = frame.columns[0].0.clone();
    series(&frame, &name)
}

pub struct Instrument {
    pub costs: ContractCosts,
    pub currency: String,
    pub hold_cycle: String,
    pub priced_cycle: String,
}

pub fn instruments() -> BTreeMap<String, Instrument> {
    let text = std::fs::read_to_string(folder().unwrap().join("inputs/instruments.csv")).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let read = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| cells[head.iter().position(|own| *own == name).unwrap()].to_owned();
        let number = |name: &str| cell(name).parse::<f64>().unwrap();
        let costs = ContractCosts {
            point_size: number("Pointsize"),
            spread: number("SpreadCost"),
            per_block: number("PerBlock"),
            per_trade: number("PerTrade"),
            percentage: number("Percentage"),
        };
        let one = Instrument {
            costs,
            currency: cell("Currency"),
            hold_cycle: cell("HoldRollCycle"),
            priced_cycle: cell("PricedRollCycle"),
        };
        (cell("Instrument"), one)
    };
    lines.map(read).collect()
}

pub fn fx(currency: &str) -> FxRate {
    if currency == "USD" {
        return FxRate::Constant(1.0);
    }
    let frame = frame(&format!("inputs/fx_{currency}USD.parquet"));
    FxRate::Stamped { rates: frame.columns[0].1.clone(), at_ns: frame.at_ns }
}

/// Columns compared, and the worst difference of each.
pub struct Table {
    tolerance: f64,
    rows: Vec<(String, usize, f64)>,
    failures: Vec<String>,
}

impl Default for Table {
    fn default() -> Self {
        Self::within(1e-6)
    }
}

impl Table {
    pub fn within(tolerance: f64) -> Self {
        Self { tolerance, rows: Vec::new(), failures: Vec::new() }
    }

    /// Compares a column by the README's tolerance: 1e-6 of the greater of the value and the column's median size.
    pub fn column(&mut self, name: &str, ours: impl Fn(BusinessDay) -> f64, theirs: &Frame, column: &str) {
        let values = theirs.column(column).unwrap_or_else(|| panic!("no column {column}"));
        let ours: Vec<f64> = theirs.at_ns.iter().map(|at| ours(BusinessDay::of_ns(*at))).collect();
        self.values(name, &ours, values);
    }

    pub fn values(&mut self, name: &str, ours: &[f64], theirs: &[f64]) {
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let mut sizes: Vec<f64> =
            theirs.iter().map(|value| value.abs()).filter(|size| size.is_finite()).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
        let mut worst: f64 = 0.0;
        for (row, (a, b)) in ours.iter().zip(theirs).enumerate() {
            if a.is_nan() != b.is_nan() {
                self.failures.push(format!("{name}: row {row} is {a}, theirs {b}"));
                worst = f64::INFINITY;
                break;
            }
            if !a.is_nan() && a != b {
                let scale = b.abs().max(median).max(1e-300);
                worst = worst.max((a - b).abs() / scale);
            }
        }
        if worst > self.tolerance {
            self.failures.push(format!("{name}: off by {worst:.2e}"));
        }
        self.rows.push((name.to_owned(), ours.len(), worst));
    }

    pub fn number(&mut self, name: &str, ours: f64, theirs: f64) {
        self.values(name, &[ours], &[theirs]);
    }

    /// Prints the table and fails where something was beyond the tolerance.
    pub fn close(self) {
        let mut groups: BTreeMap<&str, (usize, usize, f64)> = BTreeMap::new();
        for (name, rows, worst) in &self.rows {
            let group = groups.entry(name.rsplit('/').next().unwrap_or(name)).or_default();
            group.0 += 1;
            group.1 += rows;
            group.2 = group.2.max(*worst);
        }
        println!("{:<42} {:>8} {:>9} {:>10}", "compared", "columns", "values", "worst");
        for (name, (columns, values, worst)) in groups {
            println!("{name:<42} {columns:>8} {values:>9} {worst:>10.1e}");
        }
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }
}
