//! `inspect` and `book` against answers computed by others, for every ITCH file of the real data.

use std::collections::BTreeMap;

use serde_json::Value;
use tickrace_tests::data::shared;
use tickrace_tests::tickrace;

const FILES: [(&str, &str); 3] = [
    ("01302020.AAPL_first10k.real_ITCH50", "01302020.AAPL_first10k.answers.json"),
    ("20120621.GOOG_AAPL.derived_ITCH50.gz", "20120621.GOOG_AAPL.answers.json"),
    ("stockdir_first1000.real_ITCH50", "stockdir_first1000.answers.json"),
];

fn file_and_answers(names: (&str, &str)) -> Option<(String, Value)> {
    let file = shared(&format!("data/ticks/itch/{}", names.0))?;
    let answers = shared(&format!("data/ticks/itch/{}", names.1))?;
    let answers = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
    Some((file.display().to_string(), answers))
}

#[test]
fn inspect_counts_what_others_counted() {
    for names in FILES {
        let Some((file, answers)) = file_and_answers(names) else { return };
        let done = tickrace(&["inspect", &file, "--json"]);
        assert_eq!(done.code, 0, "{}", done.err);
        let counted = done.json();
        assert_eq!(counted["messages"], answers["messages"], "{file}");
        assert_eq!(counted["by_type"], answers["by_type"], "{file}");
        assert_eq!(counted["bytes"], answers["bytes"], "{file}");
        let symbols = counted["symbols"].as_array().unwrap().len() as u64;
        assert_eq!(Some(symbols), answers["stock_directory"].as_u64(), "{file}");
        for (symbol, trades) in answers["trades"].as_object().unwrap() {
            let ours = &counted["executions"][symbol];
            for (key, theirs) in [
                ("displayed_count", "displayed_exec_count"),
                ("displayed_qty", "displayed_exec_shares"),
                ("hidden_count", "nondisplayed_trade_count"),
                ("hidden_qty", "nondisplayed_trade_shares"),
            ] {
                assert_eq!(ours[key], trades[theirs], "{file} {symbol} {key}");
            }
        }
    }
}

/// Levels by (time, symbol, side), best first, as (price x 10000, shares, orders).
type States = BTreeMap<(u64, String, &'static str), Vec<(u64, u64, u64)>>;

fn expected(answers: &Value) -> (States, BTreeMap<(u64, String), u64>) {
    let (mut states, mut seqs) = (States::new(), BTreeMap::new());
    for snapshot in answers["snapshots"].as_array().unwrap() {
        // The last snapshot's mark is the word "end".
        let mark = snapshot["mark"].as_u64().unwrap_or(86_399_999_999_999);
        let symbol = snapshot["symbol"].as_str().unwrap().to_owned();
        seqs.insert((mark, symbol.clone()), snapshot["seq"].as_u64().unwrap());
        for (side, key) in [("bid", "bids"), ("ask", "asks")] {
            let levels = snapshot[key].as_array().unwrap().iter();
            let levels = levels.map(|level| {
                let field = |place: usize| level[place].as_u64().unwrap();
                (field(0), field(1), field(2))
            });
            states.insert((mark, symbol.clone(), side), levels.collect());
        }
    }
    (states, seqs)
}

/// `585.33` as 5853300.
fn e4(price: &str) -> u64 {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    let fraction = format!("{fraction:0<4}");
    assert_eq!(fraction.len(), 4, "{price}");
    whole.parse::<u64>().unwrap() * 10_000 + fraction.parse::<u64>().unwrap()
}

#[test]
fn books_are_what_others_built() {
    let mut compared = 0;
    for names in FILES {
        let Some((file, answers)) = file_and_answers(names) else { return };
        let (states, seqs) = expected(&answers);
        let mut symbols: Vec<&String> = seqs.keys().map(|(_, symbol)| symbol).collect();
        symbols.dedup();
        symbols.sort_unstable();
        symbols.dedup();
        for symbol in symbols {
            let marks: Vec<String> =
                seqs.keys().filter(|(_, other)| other == symbol).map(|(mark, _)| mark.to_string()).collect();
            let mut args = vec!["book", &file, "--symbol", symbol, "--depth", "5"];
            marks.iter().for_each(|mark| args.extend(["--at", mark]));
            let done = tickrace(&args);
            assert_eq!(done.code, 0, "{}", done.err);
            let mut built = States::new();
            for line in done.out.lines().skip(1) {
                let fields: Vec<&str> = line.split(',').collect();
                let mark = fields[0].parse().unwrap();
                assert_eq!(fields[1].parse::<u64>().unwrap(), seqs[&(mark, symbol.clone())], "{line}");
                let side = if fields[3] == "bid" { "bid" } else { "ask" };
                let level = (e4(fields[5]), fields[6].parse().unwrap(), fields[7].parse().unwrap());
                built.entry((mark, symbol.clone(), side)).or_default().push(level);
            }
            for (key, levels) in states.iter().filter(|(key, _)| &key.1 == symbol) {
                let ours = built.get(key).cloned().unwrap_or_default();
                assert_eq!(&ours, levels, "{file} {key:?}");
                compared += levels.len();
            }
        }
    }
    assert!(compared > 300, "compared {compared} levels");
}
