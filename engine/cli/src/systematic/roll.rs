//! `systematic roll`: which contract is held when, and one long series of prices.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;
use tickrace_stats::Frame;
use tickrace_stats::panel::DAY_NS;
use tickrace_store::{read_csv_frame, read_frame, write_frame};
use tickrace_systematic::market::parse_instruments;
use tickrace_systematic::roll::{
    CalendarReport, ContractId, ContractPrices, Cycle, Joint, PriceFill, RollCalendar, RollParameters,
    RollRow, adjusted, multiple_prices,
};

use super::data::date;
use crate::{Failure, Streams};

/// Arguments of `systematic roll`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace systematic roll --prices wheat.csv --hold Z --priced HKNUZ --roll-offset -60 --carry-offset -1 \\\n      \
    --expiry-offset 14 --out out/wheat\n  \
    tickrace systematic roll --prices wheat.csv --instruments DIR/instruments.csv --instrument WHEAT --out out/wheat\n  \
    tickrace systematic roll --multiple DIR/multiple_WHEAT.parquet --joint ratio --fill contract --out out/wheat\n\n\
    Prices have a time, then one column for each contract, named by year, month and 00 (20120600).\n\
    Writes calendar.csv, multiple.parquet and adjusted.parquet (with --instrument WHEAT: multiple_WHEAT, adjusted_WHEAT).")]
pub struct Args {
    /// Prices of contracts, CSV or Parquet
    #[arg(long, required_unless_present = "multiple")]
    prices: Option<PathBuf>,
    /// Multiple prices that are there already, instead of prices of contracts: their calendar is read back
    #[arg(long, conflicts_with_all = ["prices", "calendar"])]
    multiple: Option<PathBuf>,
    /// A calendar to repair and use instead of making one (roll_datetime, current_contract, next_contract, carry_contract)
    #[arg(long)]
    calendar: Option<PathBuf>,
    /// Table of instruments with their roll parameters; needs --instrument
    #[arg(long, requires = "instrument")]
    instruments: Option<PathBuf>,
    /// Name of the instrument, for the files and the table
    #[arg(long)]
    instrument: Option<String>,
    /// Delivery months held, such as HMUZ
    #[arg(long)]
    hold: Option<String>,
    /// Delivery months with prices, such as FGHJKMNQUVXZ
    #[arg(long)]
    priced: Option<String>,
    /// Days from expiry at which to roll, below zero before it
    #[arg(long, allow_hyphen_values = true)]
    roll_offset: Option<i64>,
    /// Priced contracts from the held one to the one carry is measured against, such as -1
    #[arg(long, allow_hyphen_values = true)]
    carry_offset: Option<i32>,
    /// Days from the first of the delivery month to expiry, about
    #[arg(long, allow_hyphen_values = true)]
    expiry_offset: Option<i64>,
    /// How a roll's gap is taken out of earlier prices
    #[arg(long, value_enum, default_value = "difference")]
    joint: JointArg,
    /// What stands in for a missing price: nothing, the last of the column (as the reference), the last of the same contract
    #[arg(long, value_enum, default_value = "none")]
    fill: FillArg,
    /// Folder for the results
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum JointArg {
    /// By differences (Panama)
    Difference,
    /// By ratios
    Ratio,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FillArg {
    /// Gaps stay
    None,
    /// The last price of the column
    Column,
    /// The last price of the same contract
    Contract,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let (calendar, report, multiple) = match (&args.multiple, &args.prices) {
        (Some(path), _) => {
            let multiple = read(path)?;
            let calendar = RollCalendar::implied(&multiple)
                .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
            (calendar, CalendarReport::default(), multiple)
        }
        (None, Some(path)) => from_contracts(args, path)?,
        (None, None) => return Err(Failure::usage("give --prices or --multiple")),
    };
    let joint = match args.joint {
        JointArg::Difference => Joint::Difference,
        JointArg::Ratio => Joint::Ratio,
    };
    let fill = match args.fill {
        FillArg::None => PriceFill::None,
        FillArg::Column => PriceFill::Column,
        FillArg::Contract => PriceFill::Contract,
    };
    let prices = adjusted(&multiple, joint, fill).map_err(|error| {
        let hint = if matches!(args.fill, FillArg::None) { " (--fill contract fills forward)" } else { "" };
        Failure::input(format!("{error}{hint}"))
    })?;
    let gaps = prices.iter().filter(|price| price.is_nan()).count();
    write(args, &calendar, &multiple, prices)?;
    tell(args, streams, &calendar, &report, multiple.len(), gaps);
    Ok(())
}

fn from_contracts(args: &Args, path: &Path) -> Result<(RollCalendar, CalendarReport, Frame), Failure> {
    let input = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
    let prices = ContractPrices::of_frame(&read(path)?).map_err(|error| input(&error))?;
    let (calendar, report) = match &args.calendar {
        Some(file) => {
            let (calendar, report) = read_calendar(file)?.repaired(&prices);
            if calendar.rows.is_empty() {
                let text = format!(
                    "{}: no roll of it can be done with the prices of {}",
                    file.display(),
                    path.display()
                );
                return Err(Failure::input(text));
            }
            (calendar, report)
        }
        None => RollCalendar::generate(&prices, &parameters(args)?).map_err(|error| input(&error))?,
    };
    let multiple = multiple_prices(&prices, &calendar).map_err(|error| input(&error))?;
    if multiple.is_empty() {
        return Err(Failure::input(format!(
            "{}: there is one roll only ({}); prices between two rolls are wanted",
            path.display(),
            calendar.rows.first().map_or(String::new(), |row| date(row.at_ns))
        )));
    }
    Ok((calendar, report, multiple))
}

/// Roll parameters: those given, else those of the table.
fn parameters(args: &Args) -> Result<RollParameters, Failure> {
    let mut table = None;
    if let (Some(path), Some(name)) = (&args.instruments, &args.instrument) {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", path.display())))?;
        let rows = parse_instruments(&text)
            .map_err(|error| Failure::input(format!("{}, {error}", path.display())))?;
        let row = rows.into_iter().find(|row| row.name == *name);
        table =
            Some(row.ok_or_else(|| {
                Failure::usage(format!("{}: there is no instrument {name}", path.display()))
            })?);
    }
    let missing =
        |option: &str| Failure::usage(format!("give {option}, or --instruments FILE with --instrument NAME"));
    let cycle = |given: &Option<String>, of_table: Option<&String>, option: &str| {
        let letters = given.as_ref().or(of_table).ok_or_else(|| missing(option))?;
        Cycle::parse(letters).map_err(|error| Failure::usage(format!("{option}: {error}")))
    };
    let table = table.as_ref();
    let hold = cycle(&args.hold, table.map(|row| &row.hold_cycle), "--hold")?;
    let priced = cycle(&args.priced, table.map(|row| &row.priced_cycle), "--priced")?;
    let roll_offset =
        args.roll_offset.or(table.map(|row| row.roll_offset_days)).ok_or_else(|| missing("--roll-offset"))?;
    let of_table = table.and_then(|row| i32::try_from(row.carry_offset).ok());
    let carry_offset = args.carry_offset.or(of_table).ok_or_else(|| missing("--carry-offset"))?;
    let expiry_offset = args
        .expiry_offset
        .or(table.map(|row| row.expiry_offset_days))
        .ok_or_else(|| missing("--expiry-offset"))?;
    RollParameters::new(hold, priced, roll_offset, carry_offset, expiry_offset).map_err(Failure::usage)
}

/// A frame of either format, by the file's ending.
fn read(path: &Path) -> Result<Frame, Failure> {
    let is_parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    let frame = if is_parquet { read_frame(path) } else { read_csv_frame(path) };
    frame.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::input(format!("{error}{cause}"))
    })
}

fn read_calendar(path: &Path) -> Result<RollCalendar, Failure> {
    let frame = read(path)?;
    let column = |name: &str| {
        let found = frame.column(name);
        found.ok_or_else(|| Failure::input(format!("{}: there is no column {name}", path.display())))
    };
    let columns = [column("current_contract")?, column("next_contract")?, column("carry_contract")?];
    let mut calendar = RollCalendar::default();
    for (row, at_ns) in frame.at_ns.iter().enumerate() {
        let mut ids = [ContractId(0); 3];
        for (id, column) in ids.iter_mut().zip(columns) {
            *id = ContractId::parse(&column[row].to_string())
                .map_err(|error| Failure::input(format!("{}, row {}: {error}", path.display(), row + 1)))?;
        }
        let [current, next, carry] = ids;
        calendar.rows.push(RollRow { at_ns: *at_ns, current, next, carry });
    }
    Ok(calendar)
}

fn write(args: &Args, calendar: &RollCalendar, multiple: &Frame, prices: Vec<f64>) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::write(&args.out, error))?;
    let mut text = String::from("roll_datetime,current_contract,next_contract,carry_contract\n");
    for row in &calendar.rows {
        let _ = writeln!(text, "{},{},{},{}", stamp(row.at_ns), row.current, row.next, row.carry);
    }
    let path = args.out.join("calendar.csv");
    std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
    let ending = args.instrument.as_ref().map_or(String::new(), |name| format!("_{name}"));
    let path = args.out.join(format!("multiple{ending}.parquet"));
    write_frame(&path, "datetime", multiple).map_err(|error| Failure::write(&path, error))?;
    let frame = Frame { at_ns: multiple.at_ns.clone(), columns: vec![("price".to_owned(), prices)] };
    let path = args.out.join(format!("adjusted{ending}.parquet"));
    write_frame(&path, "datetime", &frame).map_err(|error| Failure::write(&path, error))
}

/// A date and a time of day.
fn stamp(at_ns: i64) -> String {
    let seconds = at_ns.rem_euclid(DAY_NS) / 1_000_000_000;
    format!("{} {:02}:{:02}:{:02}", date(at_ns), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn tell(
    args: &Args,
    streams: &mut Streams<'_>,
    calendar: &RollCalendar,
    report: &CalendarReport,
    rows: usize,
    gaps: usize,
) {
    let ids = |contracts: &[ContractId]| contracts.iter().map(|one| one.0).collect::<Vec<_>>();
    if streams.is_json {
        streams.json(&json!({
            "rolls": calendar.rows.len(),
            "moved": report.moved.iter().map(|(contract, days)| json!([contract.0, days])).collect::<Vec<_>>(),
            "skipped": ids(&report.skipped),
            "ended_at": report.ended_at.map(|contract| contract.0),
            "monotonic": report.is_monotonic(),
            "valid": report.is_valid(),
            "rows": rows,
            "rows_without_price": gaps,
            "out": args.out.display().to_string(),
        }));
    }
    streams.say(&format!(
        "{} rolls, {rows} rows of prices, {gaps} of them without one; in {}",
        calendar.rows.len(),
        args.out.display()
    ));
    let moved = report.moved.iter().map(|(_, days)| days.abs()).max().unwrap_or(0);
    if !report.moved.is_empty() {
        streams.say(&format!(
            "{} rolls are not on the wanted day, up to {moved} days off, for want of prices",
            report.moved.len()
        ));
    }
    let list =
        |contracts: &[ContractId]| contracts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if !report.skipped.is_empty() {
        streams.warn(&format!(
            "left out at the beginning, never priced with their next: {}",
            list(&report.skipped)
        ));
    }
    if let Some(contract) = report.ended_at {
        streams.say(&format!("the calendar ends before {contract}: no later day has all its prices"));
    }
    if !report.is_monotonic() {
        streams.warn(&format!("rolls not later than the one before: {}", list(&report.out_of_order)));
    }
    if !report.is_valid() {
        streams.warn(&format!("rolls without both prices: {}", list(&report.unpriced)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the verb on these files and gives its exit code, standard output and standard error.
    fn roll(files: &[(&str, &str)], args: &[&str]) -> (u8, String, String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let in_folder = |arg: &&str| arg.replace("DIR", &folder.path().display().to_string());
        let line = ["tickrace", "systematic", "roll"].iter().chain(args).map(in_folder);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
        let code = crate::run(line.collect::<Vec<_>>(), &mut streams);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), folder)
    }

    const PRICES: &str = "datetime,20200300,20200400,20200500,20200600\n\
        2020-03-02 23:00:00,10,11,13,16\n2020-03-03 23:00:00,11,12,14,17\n2020-03-04 23:00:00,,13,15,18\n\
        2020-04-02 23:00:00,,14,16,19\n2020-04-03 23:00:00,,15,17,20\n";
    const MONTHLY: [&str; 8] =
        ["--hold", "FGHJKMNQUVXZ", "--priced", "FGHJKMNQUVXZ", "--carry-offset", "1", "--expiry-offset", "7"];

    #[test]
    fn contracts_become_a_calendar_and_two_files() {
        let args =
            [&["--prices", "DIR/p.csv", "--roll-offset", "-5", "--out", "DIR/out"], &MONTHLY[..]].concat();
        let (code, out, err, folder) = roll(&[("p.csv", PRICES)], &args);
        assert_eq!(code, 0, "{err}");
        assert!(out.starts_with("2 rolls, 3 rows of prices, 0 of them without one"), "{out}");
        // Wanted on 3 March and 3 April: two days after the first, at offset 7 - 5.
        let calendar = std::fs::read_to_string(folder.path().join("out/calendar.csv")).unwrap();
        let rows: Vec<&str> = calendar.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "2020-03-03 23:00:00,20200300,20200400,20200400",
                "2020-04-03 23:00:00,20200400,20200500,20200500"
            ]
        );
        let adjusted = read_frame(&folder.path().join("out/adjusted.parquet")).unwrap();
        assert_eq!(adjusted.column("price").unwrap(), [13.0, 14.0, 15.0]);
        // What was written is read again: the calendar is repaired, multiple prices are joined anew.
        let again = std::fs::read_to_string(folder.path().join("out/calendar.csv")).unwrap();
        let args = ["--prices", "DIR/p.csv", "--calendar", "DIR/c.csv", "--out", "DIR/out"];
        let (code, _, err, other) = roll(&[("p.csv", PRICES), ("c.csv", &again)], &args);
        assert_eq!(code, 0, "{err}");
        assert_eq!(std::fs::read_to_string(other.path().join("out/calendar.csv")).unwrap(), again);
    }

    #[test]
    fn what_is_missing_is_said_with_its_remedy() {
        let (code, _, err, _folder) =
            roll(&[("p.csv", PRICES)], &["--prices", "DIR/p.csv", "--out", "DIR/out"]);
        assert_eq!(code, 2);
        assert!(err.contains("give --hold, or --instruments FILE with --instrument NAME"), "{err}");
        let args =
            [&["--prices", "DIR/p.csv", "--roll-offset", "-5", "--out", "DIR/out"], &MONTHLY[..]].concat();
        let (code, _, err, _folder) = roll(&[("p.csv", "datetime,MAR20\n2020-03-02,1\n")], &args);
        assert_eq!(code, 3);
        assert!(err.contains("`MAR20` is no contract"), "{err}");
        let (code, _, err, _folder) = roll(&[], &args);
        assert_eq!(code, 3);
        assert!(err.contains("p.csv"), "{err}");
    }

    #[test]
    fn a_gap_at_a_roll_names_its_place_and_can_be_filled() {
        let multiple = "datetime,PRICE,FORWARD,CARRY,PRICE_CONTRACT,FORWARD_CONTRACT,CARRY_CONTRACT\n\
            2020-03-02,10,11,11,20200300,20200400,20200400\n2020-03-03,11,,,20200300,20200400,20200400\n\
            2020-03-04,13,14,14,20200400,20200500,20200500\n";
        let files = [("m.csv", multiple)];
        let (code, _, err, _folder) = roll(&files, &["--multiple", "DIR/m.csv", "--out", "DIR/out"]);
        assert_eq!(code, 3);
        assert!(err.contains("no FORWARD at the last row of contract 20200300 (row 1)"), "{err}");
        let args = ["--multiple", "DIR/m.csv", "--fill", "contract", "--instrument", "X", "--out", "DIR/out"];
        let (code, _, err, folder) = roll(&files, &args);
        assert_eq!(code, 0, "{err}");
        let adjusted = read_frame(&folder.path().join("out/adjusted_X.parquet")).unwrap();
        assert_eq!(adjusted.column("price").unwrap(), [10.0, 11.0, 13.0]);
    }
}
