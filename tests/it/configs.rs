//! Every configuration that is shipped runs, on the data it is meant for, and replays to the same orders.

use tempfile::tempdir;
use tickrace_tests::data::{shared, small_day, workspace};
use tickrace_tests::tickrace;

/// What a configuration runs on.
enum On {
    /// A short day of its own making.
    Made,
    /// Captures, by path in the real data, each with the suffix of its symbols.
    Captures(&'static [(&'static str, &'static str)]),
    /// A short day in bars of ten seconds.
    Bars,
    /// What the named test makes for it.
    Elsewhere(&'static str),
}

fn data_of(name: &str) -> On {
    match name {
        "bars" => On::Bars,
        "target" | "target_within_day" => On::Elsewhere("targets"),
        "hedged_making" => On::Captures(&[
            ("data/ticks/binance/usdm/btcusdt_20240808.gz", ".P"),
            ("data/ticks/binance/spot/btcusdt_20240808.gz", ""),
        ]),
        "coin_margined" => On::Captures(&[("data/ticks/binance/cm/btcusd_perp_20240808.gz", "")]),
        "touch_quoting" => On::Captures(&[("data/ticks/binance/usdm/btcusdt_20240808.gz", "")]),
        _ => On::Made,
    }
}

#[test]
fn every_configuration_shipped_runs_and_replays() {
    let mut ran = 0;
    for entry in std::fs::read_dir(workspace().join("configs/backtest")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let setting = match data_of(&name) {
            On::Elsewhere(test) => {
                println!("{name}: {test}");
                continue;
            }
            On::Bars => {
                let (day, log) = (small_day(folder.path(), 3, 60_000), at("bars"));
                let made = tickrace(&["convert", &day, "--bars", "time:10s", "--out", &log]);
                assert_eq!(made.code, 0, "{}", made.err);
                format!("data.files=[\"{log}\"]")
            }
            On::Made => "data.synth.messages=100000".to_owned(),
            On::Captures(captures) => {
                let inputs = captures.iter().map(|(path, suffix)| {
                    Some(format!("{{ path = \"{}\", suffix = \"{suffix}\" }}", shared(path)?.display()))
                });
                let Some(inputs) = inputs.collect::<Option<Vec<String>>>() else { continue };
                format!("data.inputs=[{}]", inputs.join(", "))
            }
        };
        let kept_in = format!("data.kept_in=\"{}\"", at("data"));
        let (config, out) = (path.display().to_string(), at("out"));
        let args = ["backtest", &config, "--json", "--out", &out, "--set", &setting, "--set", &kept_in];
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        // A guarded desk trades from the hour that its operator names, and pairs wait for an hour of bars.
        if !["guarded", "pairs", "momentum"].contains(&name.as_str()) {
            assert!(done.json()["orders"].as_u64().unwrap() > 0, "{name}: {}", done.out);
        }
        let again = tickrace(&["replay", &format!("{out}/journal"), "--verify"]);
        assert_eq!(again.code, 0, "{name}: {} {}", again.out, again.err);
        ran += 1;
    }
    assert!(ran >= 8, "{ran}");
}
