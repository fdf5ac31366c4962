//! Roll calendars, multiple and adjusted prices against the reference's.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::field_reassign_with_default,
    reason = "a test stops where its data is not sound"
)]

mod goldens;

use goldens::{Table, folder, frame, instruments, json};
use tickrace_stats::Frame;
use tickrace_store::read_csv_frame;
use tickrace_systematic::roll::{
    ContractId, ContractPrices, Cycle, Joint, PriceFill, RollCalendar, RollParameters, RollRow, adjusted,
    multiple_prices,
};

/// A CSV file whose first column is a time.
fn csv(name: &str) -> Frame {
    read_csv_frame(&folder().unwrap().join(name)).unwrap()
}

fn calendar(name: &str) -> RollCalendar {
    let frame = csv(name);
    let id = |column: &str, row: usize| {
        ContractId::parse(&frame.column(column).unwrap()[row].to_string()).unwrap()
    };
    let rows = (0..frame.len()).map(|row| RollRow {
        at_ns: frame.at_ns[row],
        current: id("current_contract", row),
        next: id("next_contract", row),
        carry: id("carry_contract", row),
    });
    RollCalendar { rows: rows.collect() }
}

#[test]
fn four_ways_of_rolling_give_the_references_calendars_and_prices() {
    if folder().is_none() {
        return;
    }
    let report = json("units/rolls/report.json");
    let mut table = Table::default();
    for (name, golden) in report.as_object().unwrap() {
        let parameter = |key: &str| golden["params"][key].as_i64().unwrap();
        let cycle = |key: &str| Cycle::parse(golden["params"][key].as_str().unwrap()).unwrap();
        let parameters = RollParameters::new(
            cycle("hold"),
            cycle("priced"),
            parameter("roll_offset_day"),
            i32::try_from(parameter("carry_offset")).unwrap(),
            parameter("approx_expiry_offset"),
        )
        .unwrap();
        let prices =
            ContractPrices::of_frame(&csv(&format!("units/rolls/{name}_contract_prices.csv"))).unwrap();
        let (made, report) = RollCalendar::generate(&prices, &parameters).unwrap();
        let golden_calendar = calendar(&format!("units/rolls/{name}_calendar.csv"));
        for (ours, theirs) in made.rows.iter().zip(&golden_calendar.rows) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(made, golden_calendar, "{name}");
        assert_eq!(report.is_monotonic(), golden["monotonic"].as_bool().unwrap());
        assert_eq!(report.is_valid(), golden["valid"].as_bool().unwrap());
        println!(
            "{name}: {} rolls equal, {} of them moved from the wanted day",
            made.rows.len(),
            report.moved.len()
        );

        let theirs = csv(&format!("units/rolls/{name}_multiple_and_adjusted.csv"));
        let multiple = multiple_prices(&prices, &made).unwrap();
        assert_eq!(multiple.at_ns, theirs.at_ns, "{name}");
        for (column, ours) in &multiple.columns {
            table.values(&format!("{name}/{column}"), ours, theirs.column(column).unwrap());
        }
        let joined = adjusted(&multiple, Joint::Difference, PriceFill::Column).unwrap();
        table.values(&format!("{name}/ADJUSTED_FFILL"), &joined, theirs.column("ADJUSTED_FFILL").unwrap());
        let implied = RollCalendar::implied(&multiple).unwrap();
        let contracts = |row: &RollRow| (row.current, row.next, row.carry);
        assert!(implied.rows.iter().map(contracts).eq(made.rows[1..].iter().map(contracts)), "{name}");
    }
    table.close();
}

#[test]
fn stitched_prices_and_implied_calendars_are_the_references() {
    if folder().is_none() {
        return;
    }
    let report = json("panama/report.json");
    let mut table = Table::default();
    for name in instruments().keys() {
        let multiple = frame(&format!("inputs/multiple_{name}.parquet"));
        let theirs = frame(&format!("panama/stitched_{name}.parquet"));
        assert_eq!(multiple.at_ns, theirs.at_ns, "{name}");
        let ours = adjusted(&multiple, Joint::Difference, PriceFill::None).unwrap();
        table.values(&format!("{name}/stitched"), &ours, &theirs.columns[0].1);
        for (fill, key) in [(PriceFill::None, "False"), (PriceFill::Column, "True")] {
            let ours = adjusted(&multiple, Joint::Difference, fill).unwrap();
            let sum: f64 = ours.iter().filter(|price| !price.is_nan()).sum();
            let one = &report["instruments"][name];
            table.number(
                &format!("{name}/sum"),
                sum,
                one[format!("stitch_ffill_{key}_sum")].as_f64().unwrap(),
            );
            let gaps = ours.iter().filter(|price| price.is_nan()).count();
            assert_eq!(gaps as u64, one[format!("stitch_ffill_{key}_nan")].as_u64().unwrap(), "{name}");
        }
        let mut implied = RollCalendar::implied(&multiple).unwrap();
        // The file has whole seconds.
        implied.rows.iter_mut().for_each(|row| row.at_ns -= row.at_ns.rem_euclid(1_000_000_000));
        let golden = calendar(&format!("panama/implied_roll_calendar_{name}.csv"));
        for (ours, theirs) in implied.rows.iter().zip(&golden.rows) {
            assert_eq!(ours, theirs, "{name}");
        }
        assert_eq!(implied, golden, "{name}");
        println!("{name}: {} implied rolls equal", implied.rows.len());
    }
    table.close();
}
