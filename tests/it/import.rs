//! Configurations of pysystemtrade, imported, against those written by hand: the same system, and the same results.

use tickrace_systematic::config::{RuleVariations, SystemConfig};
use tickrace_tests::data::{config, shared};
use tickrace_tests::tickrace;

const REFERENCE: &str = "reference/pysystemtrade";

fn parsed(text: &str) -> SystemConfig {
    toml::from_str(text).expect("a configuration")
}

/// Imports a file and gives what was written, with the exit code.
fn imported(file: &str, more: &[&str]) -> (u8, Option<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("config.toml").display().to_string();
    let args = [&["systematic", "import", file, "--out", &out], more].concat();
    let done = tickrace(&args);
    (done.code, std::fs::read_to_string(&out).ok(), format!("{}{}", done.out, done.err))
}

#[test]
fn chapter_fifteen_in_yaml_is_the_system_written_by_hand() {
    let (code, written, said) = imported(&config("systematic/yaml/chapter15.yaml"), &[]);
    assert_eq!(code, 0, "{said}");
    let by_hand = std::fs::read_to_string(config("systematic/chapter15.toml")).unwrap();
    assert_eq!(parsed(&written.unwrap()), parsed(&by_hand));
    // Words without a place are told with their line.
    assert!(said.contains("line 13, capital_multiplier (no consequence)"), "{said}");
}

#[test]
fn the_estimated_system_in_yaml_is_the_one_written_by_hand() {
    let (code, written, said) = imported(&config("systematic/yaml/chapter15_estimated.yaml"), &[]);
    assert_eq!(code, 0, "{said}");
    let by_hand = std::fs::read_to_string(config("systematic/chapter15_estimated.toml")).unwrap();
    let (imported, mut by_hand) = (parsed(&written.unwrap()), parsed(&by_hand));
    // Where weights are estimated the figures stated only name.
    if let Some(RuleVariations::Same(rules)) = &mut by_hand.rule_variations {
        rules.sort();
    }
    // The file states what counts anyway.
    by_hand.forecast_weight_estimate.cost_multiplier = Some(2.0);
    by_hand.instrument_weights.as_mut().unwrap().values_mut().for_each(|weight| *weight = 1.0 / 6.0);
    assert_eq!(imported, by_hand);
}

/// The reference's own configurations were kept as JSON, which is YAML too.
#[test]
fn the_configurations_the_reference_ran_with_are_the_systems_written_by_hand() {
    for (folder, name) in [("systemC_all_rules", "all_rules"), ("systemD_overlay_dynamic", "overlay_dynamic")]
    {
        let Some(file) = shared(&format!("{REFERENCE}/{folder}/config.json")) else { return };
        let (code, written, said) = imported(&file.display().to_string(), &[]);
        assert_eq!(code, 0, "{said}");
        let by_hand = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
        let (mut imported, by_hand) = (parsed(&written.unwrap()), parsed(&by_hand));
        // Attenuation of a rule that is not there says nothing; scalars of such a rule neither.
        imported.use_attenuation.retain(|rule| imported.trading_rules.contains_key(rule));
        let rules = by_hand.trading_rules.clone();
        imported.forecast_scalars.retain(|rule, _| rules.contains_key(rule));
        assert_eq!(imported, by_hand, "{name}");
    }
}

#[test]
fn an_imported_system_runs_to_the_same_figures() {
    let Some(data) = shared(&format!("{REFERENCE}/inputs")) else { return };
    let data = data.display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let yaml = config("systematic/yaml/chapter15.yaml");
    assert_eq!(tickrace(&["systematic", "import", &yaml, "--out", &path("own.toml")]).code, 0);
    let statistics = |toml: &str, out: &str| {
        let done = tickrace(&[
            "systematic",
            "backtest",
            toml,
            "--data",
            &data,
            "--stages",
            "fdm",
            "--out",
            &path(out),
        ]);
        assert_eq!(done.code, 0, "{}", done.err);
        std::fs::read_to_string(folder.path().join(out).join("stats.json")).unwrap()
    };
    let by_hand = statistics(&config("systematic/chapter15.toml"), "hand");
    assert!(by_hand.len() > 10_000);
    assert_eq!(statistics(&path("own.toml"), "own"), by_hand);
}

#[test]
fn what_changes_results_is_not_written_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.yaml").display().to_string();
    let text = "trading_rules:\n  slow: [a.breakout, data.daily_prices, {lookback: 40}]\n  mine: own.module.rule\n\
        forecast_weights: {slow: 0.5, mine: 0.5}\nfancy_word: 3\nmongo_db: x\n";
    std::fs::write(&file, text).unwrap();
    let (code, written, said) = imported(&file, &[]);
    assert!(code == 5 && written.is_none(), "{said}");
    for line in [
        "line 3, trading_rules.mine (changes results)",
        "line 4, forecast_weights.mine (changes results)",
        "line 5, fancy_word (changes results): there is no such word here",
        "line 6, mongo_db (no consequence)",
        "3 words change results",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let (code, written, said) = imported(&file, &["--lenient"]);
    assert_eq!(code, 0, "{said}");
    let system = parsed(&written.unwrap());
    assert_eq!(system.trading_rules.keys().collect::<Vec<_>>(), ["slow"]);
}

#[test]
fn what_is_no_configuration_is_refused_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.yaml").display().to_string();
    for (text, word) in [
        ("a: [1\nb: 2\n", "own.yaml, line "),
        ("forecast_cap: x\n", "own.yaml, line 1: forecast_cap must be a number"),
        ("base_currency: USD\n", "trading_rules: state at least one rule"),
        ("trading_rules: {a: breakout}\nbuffer_size: 3\n", "buffer_size: must be from 0 to below 1"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, written, said) = imported(&file, &[]);
        assert!(code == 3 && written.is_none() && said.contains(word), "{code} {said}");
    }
    assert_eq!(imported("nowhere.yaml", &[]).0, 3);
}
