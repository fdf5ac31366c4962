use super::super::yaml::parse;
use super::*;

fn translated(text: &str) -> Translated {
    translate(&parse(text).unwrap()).unwrap()
}

/// The notes as line, key and whether results differ.
fn notes(translated: &Translated) -> Vec<(usize, &str, bool)> {
    translated.notes.iter().map(|note| (note.line, note.key.as_str(), note.does_change)).collect()
}

fn table(text: &str) -> Table {
    text.parse().unwrap()
}

#[test]
fn a_word_that_asks_for_what_is_done_anyway_goes_and_any_other_is_of_consequence() {
    for (text, key, does_change) in [
        ("volatility_calculation: {func: a.my_own_vol}", "volatility_calculation.func", true),
        ("mongo_host: 127.0.0.1", "mongo_host", false),
        ("countries: {US: [CORN]}", "countries", false),
        ("end_date: 2020-01-01", "end_date", true),
        ("instruments_with_threshold: [CORN]", "instruments_with_threshold", true),
        ("forecast_weight_estimate: {method: bootstrap}", "forecast_weight_estimate.method", true),
        ("instrument_weight_estimate: {frequency: D}", "instrument_weight_estimate.frequency", true),
        ("forecast_correlation_estimate: {frequency: D}", "forecast_correlation_estimate.frequency", true),
        ("forecast_scalar_estimate: {window: }", "forecast_scalar_estimate.window", false),
        (
            "risk_overlay: {max_risk_fraction_normal_risk: 1, max_risk_fraction_stdev_risk: 2, \
             max_risk_limit_sum_abs_risk: 3, max_risk_leverage: 4, max_risk_fraction_correlation_risk: 4.0}",
            "risk_overlay.max_risk_fraction_correlation_risk",
            true,
        ),
    ] {
        let key = key.replace("forecast_weight_estimate.method", "forecast_weight_estimate.optimiser.method");
        assert_eq!(notes(&translated(text)), [(1, key.as_str(), does_change)], "{text}");
    }
}

#[test]
fn costs_ceilings_groups_and_thresholds_are_taken_over() {
    let text = "trading_rules: {a: breakout, b: breakout, c: carry_of_my_own}\n\
        forecast_cost_estimates: {use_pooled_costs: yes}\nforecast_post_ceiling_cost_SR: 0.13\n\
        volatility_calculation: {func: a.robust_vol_calc, floor_days: 250}\n\
        forecast_weight_estimate: {ceiling_cost_SR: 0.13, cost_multiplier: 3, vol_estimate: {func: x.stdevEstimator, ew_lookback: 500}}\n\
        forecast_mapping: {CORN: {a_param: 1.25, threshold: 8}}\n\
        forecast_weights:\n  auto_weight_from_grouping:\n    parameters: {use_approx_DM: True}\n    \
        groups: {x: {weight: 0.5, a: 1}, y: {weight: 0.5, b: 0.5, c: 0.5}}\n";
    let own = translated(text);
    let wanted = table(
        "forecast_post_ceiling_cost_SR = 0.13\n[forecast_cost_estimates]\nuse_pooled_costs = true\n\
         [volatility_calculation]\nfunc = \"robust_vol_calc\"\nfloor_days = 250\n\
         [forecast_weight_estimate]\nceiling_cost_SR = 0.13\ncost_multiplier = 3.0\n\
         [forecast_weight_estimate.vol_estimate]\new_lookback = 500.0\n\
         [forecast_mapping.CORN]\na_param = 1.25\nthreshold = 8.0\n\
         [forecast_weights.auto_weight_from_grouping]\nparameters = { use_approx_DM = true }\n\
         groups = { x = { weight = 0.5, a = 1.0 }, y = { weight = 0.5, b = 0.5 } }\n",
    );
    for (key, value) in &wanted {
        assert_eq!(own.table.get(key), Some(value), "{key}");
    }
    let lost: Vec<&str> =
        own.notes.iter().filter(|note| note.does_change).map(|note| note.key.as_str()).collect();
    assert!(lost.iter().any(|key| key.ends_with("groups.y.c")), "{lost:?}");
    let config: SystemConfig = own.table.try_into().unwrap();
    config.validate().unwrap();
}

#[test]
fn words_that_stand_elsewhere_here_are_moved_and_numbers_get_their_kind() {
    let text = "notional_trading_capital: 250000\nforecast_floor: -10\naverage_absolute_forecast: 12\n\
        volatility_calculation: {days: 20, min_periods: 5.0}\n\
        forecast_correlation_estimate: {pool_instruments: False, interval_frequency: M, clip: 0.9, shrinkage_parameter: 0.5}\n\
        forecast_weight_estimate: {method: shrinkage, shrinkage_SR: 0.8, date_method: in_sample,\n  \
        correlation_estimate: {floor_at_zero: False, ew_lookback: 500000}}\n\
        small_system: {shadow_cost: 10}\nuse_attenuation: [a, b]\nstart_date: 2016-01-04\n\
        forecast_div_multiplier: {CORN: 1, US10: 1.5}\nuse_instrument_weight_estimates: on\n";
    let wanted = table(
        "notional_trading_capital = 250000.0\nforecast_floor = -10.0\naverage_absolute_forecast = 12.0\n\
         pool_forecast_correlations = false\n\
         use_attenuation = [\"a\", \"b\"]\nstart_date = \"2016-01-04\"\nuse_instrument_weight_estimates = true\n\
         [volatility_calculation]\ndays = 20.0\nmin_periods = 5\n\
         [forecast_correlation_estimate]\nstep_days = 30\nclip = 0.9\nshrinkage = 0.5\n\
         [forecast_weight_estimate]\ndate_method = \"in_sample\"\n\
         [forecast_weight_estimate.correlation_estimate]\nfloor_at_zero = false\new_lookback = 500000.0\n\
         [forecast_weight_estimate.optimiser]\nmethod = \"shrinkage\"\nshrinkage_SR = 0.8\n\
         [instrument_weight_estimate.optimiser]\nequalise_SR = true\n\
         [small_system]\nshadow_cost = 10.0\ncost_multiplier = 1.0\ntracking_error_buffer = 0.0125\n\
         shrink_instrument_returns_correlation = 0.5\n\
         [forecast_div_multiplier]\nCORN = 1.0\nUS10 = 1.5\n",
    );
    let translated = translated(text);
    assert_eq!(translated.table, wanted, "\n{}", toml::to_string(&translated.table).unwrap());
    assert_eq!(notes(&translated), []);
}

#[test]
fn weights_are_flat_by_instrument_or_a_list() {
    let rules = "trading_rules: {a: breakout, b: breakout, c: own.rule}\n";
    let flat = translated(&format!("{rules}forecast_weights: {{a: 0.6, b: 0.4}}\n"));
    assert_eq!(flat.table["forecast_weights"], Toml::Table(table("a = 0.6\nb = 0.4")));
    // The rule that is left out has no weight: nothing differs.
    assert_eq!(notes(&flat), [(1, "trading_rules.c", false)]);
    let each = translated(&format!(
        "{rules}forecast_weights:\n  CORN: {{a: 1, c: 0}}\n  US10: {{b: 1.0, c: 0.5}}\n"
    ));
    assert_eq!(each.table["forecast_weights"], Toml::Table(table("CORN = { a = 1.0 }\nUS10 = { b = 1.0 }")));
    assert_eq!(
        notes(&each),
        [
            (1, "trading_rules.c", true),
            (3, "forecast_weights.CORN.c", false),
            (4, "forecast_weights.US10.c", true)
        ]
    );
    let list = translated(&format!("{rules}rule_variations: [a, b]\ninstruments: [CORN, US10]\n"));
    // With fixed weights the reference reads no such list.
    assert!(!list.table.contains_key("forecast_weights") && !list.table.contains_key("rule_variations"));
    assert_eq!(list.table["instrument_weights"], Toml::Table(table("CORN = 0.5\nUS10 = 0.5")));
    // Without weights every rule counts, that which is left out too.
    assert_eq!(notes(&translated(rules)), [(1, "trading_rules.c", true)]);
    let strange = translated(&format!("{rules}forecast_weights: {{a: 0.5, z: 0.5}}\n"));
    assert_eq!(notes(&strange)[1], (2, "forecast_weights.z", true));
}

#[test]
fn an_overlay_with_a_limit_missing_is_left_out_whole() {
    let partial =
        translated("a_word: 1\nrisk_overlay: {max_risk_fraction_normal_risk: 1, max_risk_leverage: 4}\n");
    assert_eq!(notes(&partial), [(1, "a_word", true), (2, "risk_overlay", true)]);
    let why = &partial.notes[1].text;
    assert!(why.contains("max_risk_fraction_stdev_risk and max_risk_limit_sum_abs_risk"), "{why}");
    assert!(!partial.table.contains_key("risk_overlay"));
}

#[test]
fn both_lists_of_rules_are_told_apart_by_whether_weights_are_estimated() {
    let text =
        "trading_rules: {a: breakout, b: breakout}\nforecast_weights: {a: 1}\nrule_variations: [a, b]\n";
    let fixed = translated(text);
    assert_eq!(fixed.table["forecast_weights"], Toml::Table(table("a = 1.0")));
    assert_eq!(notes(&fixed), [(3, "rule_variations", false)]);
    let estimated = translated(&format!("{text}use_forecast_weight_estimates: True\n"));
    assert_eq!(estimated.table["rule_variations"], table("x = [\"a\", \"b\"]")["x"]);
    assert!(!estimated.table.contains_key("forecast_weights"));
    assert_eq!(notes(&estimated), [(2, "forecast_weights", false)]);
}

#[test]
fn instruments_to_pass_over_count_where_they_are_ours() {
    let lists = "exclude_instrument_lists: {ignore_instruments: [VIX], bad_markets: [X]}\n";
    let own = |weights: &str| translated(&format!("{lists}{weights}")).notes[0].does_change;
    assert!(!own("instrument_weights: {CORN: 1.0}\n"));
    assert!(own("instrument_weights: {CORN: 0.5, VIX: 0.5}\n"));
    assert!(own("instruments: [CORN, X]\n"));
    assert!(own(""));
}

#[test]
fn a_known_word_of_another_kind_is_an_error_with_its_line() {
    for (text, line, word) in [
        ("a: 1\nforecast_cap: twenty\n", 2, "forecast_cap must be a number, this is a text"),
        ("use_SR_costs: 1\n", 1, "use_SR_costs must be true or false"),
        ("volatility_calculation:\n  min_periods: 2.5\n", 2, "a whole number"),
        ("base_currency: [USD]\n", 1, "a text"),
        ("use_attenuation: [1]\n", 1, "a list of names"),
        ("trading_rules: none\n", 1, "a mapping or a list"),
        ("trading_rules: {a: breakout}\nforecast_weights: {a: x}\n", 2, "weights by rule"),
        ("instrument_weights: [a]\n", 1, "a mapping"),
        ("instruments: 3\n", 1, "a list of names"),
        ("percentage_vol_target: .nan\n", 1, "a number"),
        ("- a\n", 1, "a configuration is a mapping"),
        ("", 1, "a configuration is a mapping"),
    ] {
        let error = translate(&parse(text).unwrap()).expect_err(text);
        assert!(error.line == line && error.fault.contains(word), "{text}: {error}");
    }
}
