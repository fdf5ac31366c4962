use super::*;

const EXAMPLE: &str = include_str!("../../../../configs/limits/us_equity.toml");

fn parse(text: &str) -> Result<Limits, String> {
    let limits: Limits = toml::from_str(text).map_err(|error| error.to_string())?;
    limits.validate().map_err(|error| error.to_string())?;
    Ok(limits)
}

/// Names of all keys of the example that state a value.
fn keys() -> Vec<&'static str> {
    let lines = EXAMPLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = ").map(|(key, _)| key)).collect()
}

#[test]
fn the_example_is_valid() {
    parse(EXAMPLE).unwrap();
    assert_eq!(keys().len(), 24);
}

#[test]
fn every_missing_limit_is_refused_by_name() {
    for key in keys() {
        // Exposure keys stand in two sections: the last one goes.
        let start = EXAMPLE.rfind(&format!("\n{key} = ")).unwrap() + 1;
        let end = start + EXAMPLE[start..].find('\n').unwrap();
        let without = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        let error = parse(&without).unwrap_err();
        assert!(error.contains(&format!("missing field `{key}`")), "{key}: {error}");
    }
}

#[test]
fn a_missing_section_is_refused_by_name() {
    for (section, next) in
        [("[session]", "[duplicate]"), ("[market]", "[total]"), ("[total]", "[[accounts]]")]
    {
        let (start, end) = (EXAMPLE.find(section).unwrap(), EXAMPLE.find(next).unwrap());
        let error = parse(&format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..])).unwrap_err();
        let name = section.trim_matches(['[', ']']);
        assert!(error.contains(&format!("missing field `{name}`")), "{error}");
    }
}

#[test]
fn zero_and_less_are_refused_by_name() {
    for key in keys() {
        if matches!(key, "currency" | "account" | "phases_allowed") {
            continue;
        }
        for value in ["0", "-1"] {
            let line = EXAMPLE.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
            let error = parse(&EXAMPLE.replacen(line, &format!("{key} = {value}"), 1)).unwrap_err();
            assert!(error.contains(key) && error.contains(value), "{key}: {error}");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = parse(&EXAMPLE.replace("[market]", "[market]\nbook_age_max_s = 5")).unwrap_err();
    assert!(error.contains("book_age_max_s"), "{error}");
    let error = parse(&format!("{EXAMPLE}\n[overrides.TSLA]\nposition_max = 5")).unwrap_err();
    assert!(error.contains("position_max"), "{error}");
}

#[test]
fn an_override_is_checked_as_what_it_overrides() {
    let error = parse(&format!("{EXAMPLE}\n[overrides.TSLA]\nposition_max_lots = 0")).unwrap_err();
    assert_eq!(error, "overrides.TSLA.position_max_lots must be from 1 to 2147483647, it is 0");
}

#[test]
fn phases_and_accounts_must_make_sense() {
    let error = parse(&EXAMPLE.replace("\"continuous\"", "\"lunch\"")).unwrap_err();
    assert!(error.contains("phases_allowed") && error.contains("lunch"), "{error}");
    assert!(parse(&EXAMPLE.replace("\"continuous\"", "")).unwrap_err().contains("phases_allowed"));
    let again =
        "\n[[accounts]]\naccount = 0\ngross_exposure_max_ccy = 1\nnet_exposure_max_ccy = 1\n[instrument]";
    assert!(parse(&EXAMPLE.replace("\n[instrument]", again)).unwrap_err().contains("account 0 twice"));
}

#[test]
fn an_instrument_the_limits_cannot_value_is_refused() {
    let limits = parse(EXAMPLE).unwrap();
    let mut share = Instrument::us_equity("AAPL");
    assert_eq!(limits.of(&share), Ok(limits.instrument));
    let inverse = Instrument { settlement: tickrace_types::instrument::Settlement::Inverse, ..share.clone() };
    assert_eq!(limits.of(&inverse), Ok(limits.instrument));
    share.multiplier_nanos = i64::MAX / 2;
    assert!(matches!(limits.of(&share), Err(LimitsError::Overflow { .. })));
    share.quote_currency = "EUR".to_owned();
    let error = limits.of(&share).unwrap_err().to_string();
    assert!(error.contains("AAPL is quoted in EUR"), "{error}");
}

#[test]
fn locates_are_in_range_and_both_lists_are_stated() {
    let with = |keys: &str| parse(&format!("{EXAMPLE}\n[short_sale]\n{keys}"));
    let limits = with("located_lots = { ONE = 5, NONE = 0 }\nrestricted_symbols = [\"TWO\"]").unwrap();
    assert_eq!(["ONE", "NONE", "OTHER"].map(|symbol| limits.short_max_lots(symbol)), [5, 0, 0]);
    assert!(limits.is_restricted("TWO") && !limits.is_restricted("ONE"));
    assert_eq!(parse(EXAMPLE).unwrap().short_max_lots("ONE"), i64::MAX, "the control is off");
    let error = with("located_lots = { ONE = -1 }\nrestricted_symbols = []").unwrap_err();
    assert_eq!(error, "short_sale.located_lots.ONE must be from 0 to 2147483647, it is -1");
    assert!(with("located_lots = {}").unwrap_err().contains("missing field `restricted_symbols`"));
}
