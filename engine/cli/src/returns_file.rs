//! A series of daily returns out of a file of somebody's: CSV or Parquet, of returns, per cents, levels or money.
//!
//! Whatever it holds is brought to one simple return a calendar day. How it was read is told in words, so that a wrong guess is seen.

use std::path::Path;

use clap::ValueEnum;
use tickrace_analytics::days::date_of;
use tickrace_stats::Frame;
use tickrace_stats::panel::DAY_NS;
use tickrace_store::csv_frame::read_csv_frame;
use tickrace_store::read_frame;

use crate::Failure;

/// What the numbers of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Reading {
    /// Simple returns as fractions: 0.01 is one per cent
    Returns,
    /// Simple returns in per cent
    Percent,
    /// Equity, net asset value or price; the return is from one day's last to the next's
    Levels,
    /// Profit a day in money, over --capital
    Money,
}

/// Returns by day.
#[derive(Clone, Debug, PartialEq)]
pub struct DailyReturns {
    /// Name of the column.
    pub column: String,
    /// How it was read, in words.
    pub how: String,
    /// Day before the first return, numbered from 1 January 1970.
    pub base_day: i64,
    /// Days, ascending.
    pub days: Vec<i64>,
    /// Simple returns as fractions.
    pub returns: Vec<f64>,
    /// Rows left out because they hold no number.
    pub missing: usize,
}

/// Columns taken without being asked for, the first there is.
const NAMES: [&str; 15] = [
    "net",
    "return",
    "returns",
    "ret",
    "daily_return",
    "daily_returns",
    "pct_change",
    "equity",
    "nav",
    "wealth",
    "value",
    "adj_close",
    "close",
    "price",
    "pnl",
];

impl DailyReturns {
    /// Reads a file.
    ///
    /// - `column`: which; absent: the only one, or one of a usual name.
    /// - `reading`: what it holds; absent: told by its name.
    /// - `capital`: what profits in money are over.
    ///
    /// # Errors
    ///
    /// [`Failure`] naming the file, and the column, row or option at fault.
    pub fn read(
        path: &Path,
        column: Option<&str>,
        reading: Option<Reading>,
        capital: Option<f64>,
    ) -> Result<Self, Failure> {
        let is_parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        let frame = if is_parquet { read_frame(path) } else { read_csv_frame(path) };
        let frame = frame.map_err(|error| {
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                text = format!("{text}: {source}");
            }
            Failure::input(text)
        })?;
        Self::of_frame(&frame, path, column, reading, capital)
    }

    fn of_frame(
        frame: &Frame,
        path: &Path,
        column: Option<&str>,
        reading: Option<Reading>,
        capital: Option<f64>,
    ) -> Result<Self, Failure> {
        let fail = |text: String| Failure::input(format!("{}: {text}", path.display()));
        let name = column_of(frame, path, column)?;
        let values = frame.column(&name).unwrap_or_default();
        let rows: Vec<(i64, f64)> = frame
            .at_ns
            .iter()
            .zip(values)
            .filter(|row| row.1.is_finite())
            .map(|row| (*row.0, *row.1))
            .collect();
        let missing = values.len() - rows.len();
        let guessed = reading.unwrap_or_else(|| told_by_name(&name, path));
        let day = |at_ns: i64| at_ns.div_euclid(DAY_NS);
        let mut days: Vec<i64> = Vec::new();
        let mut by_day: Vec<f64> = Vec::new();
        let mut base_day = rows.first().map_or(0, |row| day(row.0) - 1);
        match guessed {
            Reading::Levels => {
                let mut levels: Vec<(i64, f64)> = Vec::new();
                for (at_ns, level) in rows {
                    if level <= 0.0 {
                        let date = date_of(day(at_ns));
                        return Err(fail(format!(
                            "{name} is {level} on {date}: a level is above zero; say what the column holds with --returns-as"
                        )));
                    }
                    match levels.last_mut().filter(|last| last.0 == day(at_ns)) {
                        Some(last) => last.1 = level,
                        None => levels.push((day(at_ns), level)),
                    }
                }
                base_day = levels.first().map_or(0, |first| first.0);
                for pair in levels.windows(2) {
                    days.push(pair[1].0);
                    by_day.push(pair[1].1 / pair[0].1 - 1.0);
                }
            }
            kind => {
                let unit = match kind {
                    Reading::Percent => 0.01,
                    Reading::Money => {
                        let capital = capital.filter(|capital| *capital > 0.0).ok_or_else(|| {
                            Failure::usage(format!(
                                "{}: {name} is read as profit in money; say over how much with --capital",
                                path.display()
                            ))
                        })?;
                        1.0 / capital
                    }
                    _ => 1.0,
                };
                for (at_ns, value) in rows {
                    let value = value * unit;
                    match days.last().filter(|last| **last == day(at_ns)).and(by_day.last_mut()) {
                        // Several rows a day compound to one return; money adds up.
                        Some(last) if kind == Reading::Money => *last += value,
                        Some(last) => *last = (1.0 + *last) * (1.0 + value) - 1.0,
                        None => {
                            days.push(day(at_ns));
                            by_day.push(value);
                        }
                    }
                }
            }
        }
        if by_day.is_empty() {
            return Err(fail(format!("{name} holds no return: levels need two days, returns one")));
        }
        let mut sizes: Vec<f64> = by_day.iter().map(|value| value.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes[sizes.len() / 2];
        if reading.is_none() && median > 0.5 {
            return Err(Failure::usage(format!(
                "{}: {name}, read as {}, would move by {:.0} % on a usual day; say what it holds with --returns-as",
                path.display(),
                words(guessed),
                median * 100.0
            )));
        }
        let how = format!("{}, column {name}, read as {}", path.display(), words(guessed));
        Ok(Self { column: name, how, base_day, days, returns: by_day, missing })
    }

    /// Dates as `YYYY-MM-DD`.
    pub fn dates(&self) -> Vec<String> {
        self.days.iter().map(|day| date_of(*day)).collect()
    }

    /// Return of this series from each date before to each date: its own days in between compounded. Absent before it begins and
    /// after it ends.
    ///
    /// - `base_day`: day before the first of `days`.
    pub fn on(&self, base_day: i64, days: &[i64]) -> Vec<Option<f64>> {
        let mut wealth = vec![(self.base_day, 1.0)];
        for (day, value) in self.days.iter().zip(&self.returns) {
            wealth.push((*day, wealth[wealth.len() - 1].1 * (1.0 + value)));
        }
        let last = self.days.last().copied().unwrap_or(i64::MIN);
        let as_of = |day: i64| {
            let count = wealth.partition_point(|known| known.0 <= day);
            (count > 0 && day <= last).then(|| wealth[count - 1].1)
        };
        let befores = std::iter::once(base_day).chain(days.iter().copied());
        let change = |(before, day): (i64, &i64)| {
            let (from, to) = (as_of(before)?, as_of(*day)?);
            (from != 0.0).then(|| to / from - 1.0)
        };
        befores.zip(days).map(change).collect()
    }
}

fn words(reading: Reading) -> &'static str {
    match reading {
        Reading::Returns => "returns in fractions",
        Reading::Percent => "returns in per cent",
        Reading::Levels => "levels",
        Reading::Money => "profit in money",
    }
}

fn column_of(frame: &Frame, path: &Path, asked: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = frame.columns.iter().map(|column| column.0.as_str()).collect();
    let there = || names.join(", ");
    if let Some(asked) = asked {
        return names.iter().find(|name| **name == asked).map(|name| (*name).to_owned()).ok_or_else(|| {
            Failure::usage(format!("{}: no column {asked}; there are: {}", path.display(), there()))
        });
    }
    let plain = |name: &str| name.to_lowercase().replace([' ', '-'], "_");
    let usual = || NAMES.iter().find_map(|usual| names.iter().find(|name| plain(name) == *usual));
    match names.as_slice() {
        [] => Err(Failure::input(format!("{}: no column beside the dates", path.display()))),
        [only] => Ok((*only).to_owned()),
        _ => usual().map(|name| (*name).to_owned()).ok_or_else(|| {
            Failure::usage(format!("{}: name one of its columns with --column: {}", path.display(), there()))
        }),
    }
}

fn told_by_name(column: &str, path: &Path) -> Reading {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = column.to_lowercase();
    let has = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&name, &["equity", "nav", "wealth", "value", "close", "price", "level", "index", "multiplier"]) {
        Reading::Levels
    } else if has(&name, &["pnl", "profit"]) {
        Reading::Money
    } else if has(&name, &["pct", "percent", "%"]) || has(&stem, &["pct", "percent"]) {
        Reading::Percent
    } else {
        Reading::Returns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, column: Option<&str>, reading: Option<Reading>) -> Result<DailyReturns, Failure> {
        let path = Path::new("x.csv");
        let frame = tickrace_store::csv_frame::parse_csv_frame(text, path).unwrap();
        DailyReturns::of_frame(&frame, path, column, reading, None)
    }

    #[test]
    fn levels_returns_and_per_cents_of_the_same_days_are_the_same_returns() {
        // 100, 110, 99: plus 10 %, minus 10 %; the level of noon does not count.
        let levels = read(
            "date,equity\n2020-01-01,100\n2020-01-02 12:00:00,7\n2020-01-02 16:00:00,110\n2020-01-03,99\n",
            None,
            None,
        )
        .unwrap();
        assert_eq!(levels.dates(), ["2020-01-02", "2020-01-03"]);
        let expected = [0.1, -0.1];
        let near = |found: &[f64]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(&levels.returns), "{levels:?}");
        let returns = read("date,r\n2020-01-02,0.1\n2020-01-03,-0.1\n", None, None).unwrap();
        let percent =
            read("date,a,net_pct\n2020-01-02,1,10\n2020-01-03,,-10\n", Some("net_pct"), None).unwrap();
        assert!(near(&returns.returns) && near(&percent.returns));
        assert_eq!(returns.base_day + 1, returns.days[0]);
    }

    #[test]
    fn what_cannot_be_told_is_asked_for() {
        let text = |failure: Result<DailyReturns, Failure>| failure.unwrap_err().text;
        let two = "date,a,b\n2020-01-01,1,2\n";
        assert!(text(read(two, None, None)).contains("name one of its columns with --column: a, b"));
        assert!(text(read(two, Some("c"), None)).contains("no column c"));
        let wild = "date,x\n2020-01-01,101\n2020-01-02,102\n";
        assert!(text(read(wild, None, None)).contains("--returns-as"));
        assert_eq!(read(wild, None, Some(Reading::Levels)).unwrap().returns.len(), 1);
        assert!(text(read("date,pnl\n2020-01-01,5\n", None, None)).contains("--capital"));
        assert!(text(read("date,price\n2020-01-01,5\n2020-01-02,0\n", None, None)).contains("2020-01-02"));
        assert!(text(read("date,price\n2020-01-01,5\n", None, None)).contains("no return"));
    }

    #[test]
    fn a_benchmark_of_other_days_is_compounded_between_ours() {
        // The benchmark made 1 % on each of the days 10 to 14; ours are 11 and 14, after 9.
        let other = DailyReturns {
            column: String::new(),
            how: String::new(),
            base_day: 9,
            days: vec![10, 11, 12, 13, 14],
            returns: vec![0.01; 5],
            missing: 0,
        };
        let found = other.on(9, &[11, 14, 15]);
        assert!((found[0].unwrap() - 0.0201).abs() < 1e-12);
        assert!((found[1].unwrap() - 0.030_301).abs() < 1e-12);
        assert_eq!(found[2], None, "it has ended");
        assert_eq!(other.on(3, &[8, 9])[0], None, "it has not begun");
    }
}
