//! The verb over a folder of two made-up instruments.

use std::path::Path;

use serde_json::Value;
use tickrace_stats::BusinessDay;

use super::super::data;
use super::super::tests::{DAYS, FIRST, folder};
use crate::Streams;

const FIXED: [&str; 2] = ["--set", "use_instrument_weight_estimates=false"];

fn run(folder: &Path, verb: &str, more: &[&str]) -> (u8, Value, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
    let config = folder.join("c.toml").to_string_lossy().into_owned();
    let mut args = vec!["tickrace", "systematic", verb, &config, "--json"];
    args.extend(more);
    let code = crate::run(args, &mut streams);
    (code, serde_json::from_slice(&out).unwrap_or(Value::Null), String::from_utf8(err).unwrap())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn date(day: i32) -> String {
    data::date(BusinessDay(FIRST + day).start_ns())
}

#[test]
fn a_day_tells_what_the_whole_history_tells() {
    let folder = folder();
    let (path, state) = (text(folder.path()), text(&folder.path().join("s.state")));
    let day = |more: &[&str]| run(folder.path(), "day", &[&["--state", &state], more].concat());
    let data = ["--data", path.as_str()];

    let (code, _, told) = day(&[&data[..], &FIXED].concat());
    assert!(code == 3 && told.contains("there is no state; --build with --data makes one"), "{code} {told}");
    let (code, _, told) = day(&[&data[..], &["--build"]].concat());
    assert!(
        code == 2 && told.contains("use_instrument_weight_estimates: what is estimated"),
        "{code} {told}"
    );

    let until = date(DAYS - 6);
    let (code, found, told) = day(&[&data[..], &FIXED, &["--build", "--until", &until]].concat());
    assert_eq!((code, found["day"].as_str()), (0, Some(until.as_str())), "{told}");
    let (ours, theirs) = (text(&folder.path().join("ours")), text(&folder.path().join("theirs")));
    let (code, found, told) = day(&[&data[..], &FIXED, &["--targets", &ours]].concat());
    assert_eq!((code, found["days"].as_u64()), (0, Some(5)), "{told}");
    assert!(found["us_per_instrument_day"].as_f64().is_some());
    let from = date(DAYS - 5);
    let more = [&data[..], &FIXED, &["--from", &from, "--out", &theirs]].concat();
    let (code, whole, told) = run(folder.path(), "targets", &more);
    assert_eq!(code, 0, "{told}");
    for (own, wanted) in
        found["positions"].as_array().unwrap().iter().zip(whole["targets"].as_array().unwrap())
    {
        for key in
            ["instrument", "forecast", "unrounded", "low", "high", "target", "reference_price", "reason"]
        {
            assert_eq!(own[key], wanted[key], "{key}");
        }
    }
    // Every byte of both tables: five days of two instruments.
    let table = |out: &str| std::fs::read_to_string(Path::new(out).join("targets.csv")).unwrap();
    assert_eq!(table(&ours), table(&theirs));
    assert_eq!(table(&ours).lines().count(), 11);

    let (code, again, _) = day(&FIXED);
    assert_eq!((code, &again["positions"]), (0, &found["positions"]));
    let (code, none, _) = day(&[&data[..], &FIXED].concat());
    assert_eq!(
        (code, none["days"].as_u64(), none["how"].as_str()),
        (0, Some(0), Some("no new day in the folder"))
    );

    // Other parameters are another state; a changed byte is no state.
    let (code, _, told) = day(&[&FIXED[..], &["--set", "buffer_size=0.2"]].concat());
    assert!(code == 3 && told.contains("another configuration"), "{code} {told}");
    let mut bytes = std::fs::read(&state).unwrap();
    let place = bytes.len() - 100;
    bytes[place] ^= 1;
    std::fs::write(&state, bytes).unwrap();
    let (code, _, told) = day(&FIXED);
    assert!(code == 3 && told.contains("s.state") && told.contains("bytes were changed"), "{code} {told}");
}

#[test]
fn a_roll_builds_anew_or_shifts_and_a_revised_past_is_refused() {
    let folder = folder();
    let (path, state) = (text(folder.path()), text(&folder.path().join("s.state")));
    let day = |more: &[&str]| {
        let fixed = ["--state", &state, "--data", &path, FIXED[0], FIXED[1]];
        run(folder.path(), "day", &[&fixed[..], more].concat())
    };
    let until = date(DAYS - 6);
    assert_eq!(day(&["--build", "--until", &until]).0, 0);
    let adjusted = folder.path().join("adjusted_A.csv");
    let multiple = folder.path().join("multiple_A.csv");
    let (prices, contracts) =
        (std::fs::read_to_string(&adjusted).unwrap(), std::fs::read_to_string(&multiple).unwrap());

    let mut lines: Vec<String> = prices.lines().map(str::to_owned).collect();
    lines[700] = format!("{},77.7", &lines[700][..10]);
    std::fs::write(&adjusted, lines.join("\n")).unwrap();
    let (code, _, told) = day(&[]);
    assert!(code == 3 && told.contains("A: adjusted prices of before were revised"), "{code} {told}");

    // The past moves by a half, and the last five days hold another contract.
    let moved = |line: &str| {
        let price: f64 = line[11..].parse().unwrap();
        format!("{},{}", &line[..10], price + 0.5)
    };
    let lines: Vec<String> = prices
        .lines()
        .enumerate()
        .map(|(row, line)| if row == 0 { line.to_owned() } else { moved(line) })
        .collect();
    std::fs::write(&adjusted, lines.join("\n")).unwrap();
    let (code, _, told) = day(&[]);
    assert!(code == 3 && told.contains("no contract rolled"), "{code} {told}");
    let rolled = contracts.lines().map(|line| {
        if line[..10] > *until.as_str() && !line.starts_with("time") {
            line.replace("20300300,20300600", "20300600,20300900")
        } else {
            line.to_owned()
        }
    });
    std::fs::write(&multiple, rolled.collect::<Vec<_>>().join("\n")).unwrap();
    let before = std::fs::read(&state).unwrap();
    let (code, shifted, told) = day(&["--rolls", "shift"]);
    assert_eq!((code, shifted["days"].as_u64()), (0, Some(5)), "{told}");
    assert!(shifted["how"].as_str().unwrap().contains("moved by rolls: A by 0.5"), "{shifted}");
    std::fs::write(&state, before).unwrap();
    let (code, rebuilt, told) = day(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(rebuilt["how"].as_str().unwrap().starts_with("rolled (A by 0.5"), "{rebuilt}");
    for (one, other) in
        shifted["positions"].as_array().unwrap().iter().zip(rebuilt["positions"].as_array().unwrap())
    {
        let forecast = |row: &Value| row["forecast"].as_f64().unwrap();
        assert!((forecast(one) - forecast(other)).abs() < 1e-9);
    }
}
