//! Words of the reference that say nothing here, or say it elsewhere.
//!
//! | word | what becomes of it |
//! | --- | --- |
//! | `func` of `volatility_calculation` | the last part of its name: `mixed_vol_calc`, `robust_vol_calc`, `simple_ewvol_calc`, `simple_vol_calc` |
//! | `func` of an estimate | dropped where it is what is done; refused where it is something else |
//! | `capital_multiplier` | dropped: the multipliers of full and of half compounding are always written |
//! | `monte_runs`, `bootstrap_length`, `shrinkage_mean` of weights, `using_exponent` of a moment | dropped: the reference reads them nowhere, or nothing else is done |
//! | `frequency`, `interval_frequency`, `forward_fill_price_index` | dropped where they say what is done: `"W"` (`"7D"`), `"12M"` (`"365D"`), true |
//! | `pool_instruments` of `forecast_correlation_estimate` | `pool_forecast_correlations` |
//! | `shrinkage_parameter` | `shrinkage` |
//! | `method`, `equalise_vols`, `equalise_SR`, `ann_target_SR`, `shrinkage_SR`, `shrinkage_corr` of weights | the same in their `optimiser`; instruments have `equalise_SR` where nothing is stated |
//! | `floor_at_zero` of a multiplier | dropped: correlations have their own |

use toml::{Table, Value};

use crate::Failure;

/// Takes such words out of a configuration.
///
/// # Errors
///
/// [`Failure`] where one of them asks for something else than is done.
pub fn translate(table: &mut Table) -> Result<(), Failure> {
    let pooled = table.get_mut("forecast_correlation_estimate").and_then(Value::as_table_mut);
    if let Some(pooled) = pooled.and_then(|estimate| estimate.remove("pool_instruments")) {
        table.entry("pool_forecast_correlations").or_insert(pooled);
    }
    table.remove("capital_multiplier");
    for (key, value) in table.iter_mut().filter(|(key, _)| *key != "trading_rules") {
        let Value::Table(terms) = value else { continue };
        take_function(key, terms)?;
        if key.ends_with("weight_estimate") {
            for word in ["monte_runs", "bootstrap_length", "shrinkage_mean"] {
                terms.remove(word);
            }
            move_to_optimiser(key == "instrument_weight_estimate", terms);
            for (word, moment) in terms.iter_mut() {
                let Value::Table(moment) = moment else { continue };
                take_function(&format!("{key}.{word}"), moment)?;
                let is_correlation = word == "correlation_estimate";
                if !is_correlation && moment.remove("using_exponent") == Some(Value::Boolean(false)) {
                    let fault = format!("{key}.{word}.using_exponent: moments are always exponential");
                    return Err(Failure::usage(fault));
                }
            }
        }
        if key.ends_with("div_mult_estimate") {
            terms.remove("floor_at_zero");
        }
        if let Some(shrinkage) = terms.remove("shrinkage_parameter") {
            terms.insert("shrinkage".to_owned(), shrinkage);
        }
        for (word, done) in [("frequency", ["W", "7D"]), ("interval_frequency", ["12M", "365D"])] {
            match terms.remove(word) {
                Some(Value::String(asked)) if !done.contains(&asked.as_str()) => {
                    let done = done.join(" or ");
                    return Err(Failure::usage(format!("{key}.{word}: {asked:?} is not done, only {done}")));
                }
                _ => {}
            }
        }
        if terms.remove("forward_fill_price_index") == Some(Value::Boolean(false)) {
            return Err(Failure::usage(format!("{key}.forward_fill_price_index: prices are always filled")));
        }
    }
    Ok(())
}

/// Words that say how weights follow from estimates.
const OPTIMISER_WORDS: [&str; 6] =
    ["method", "equalise_vols", "equalise_SR", "ann_target_SR", "shrinkage_SR", "shrinkage_corr"];

fn move_to_optimiser(is_of_instruments: bool, terms: &mut Table) {
    let moved: Vec<(&str, Value)> =
        OPTIMISER_WORDS.into_iter().filter_map(|word| Some((word, terms.remove(word)?))).collect();
    let optimiser = terms.entry("optimiser").or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(optimiser) = optimiser {
        for (word, value) in moved {
            optimiser.entry(word).or_insert(value);
        }
        if is_of_instruments {
            optimiser.entry("equalise_SR").or_insert(Value::Boolean(true));
        }
    }
}

/// What functions of estimates are called whose work is done here.
const FUNCTIONS: [&str; 10] = [
    "forecast_scalar",
    "pooled_correlation_estimator",
    "correlation_over_time_for_returns",
    "correlation_over_time",
    "CorrelationEstimator",
    "correlationEstimator",
    "diversification_multiplier_from_list",
    "genericOptimiser",
    "meanEstimator",
    "stdevEstimator",
];

/// Takes the name of a function out where it is what is done anyway.
fn take_function(key: &str, terms: &mut Table) -> Result<(), Failure> {
    let Some(Value::String(function)) = terms.get("func") else { return Ok(()) };
    let name = function.rsplit('.').next().unwrap_or(function).to_owned();
    if key == "volatility_calculation" {
        terms.insert("func".to_owned(), Value::String(name));
    } else if FUNCTIONS.contains(&name.as_str()) {
        terms.remove("func");
    } else {
        let known = FUNCTIONS.join(" ");
        return Err(Failure::usage(format!("{key}.func: {function} is not done here; known are: {known}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(text: &str) -> Result<Table, Failure> {
        let mut table: Table = text.parse().unwrap();
        translate(&mut table).map(|()| table)
    }

    #[test]
    fn words_without_a_meaning_here_go_and_others_move() {
        let table = translated(
            "[volatility_calculation]\nfunc = \"sysquant.estimators.vol.mixed_vol_calc\"\ndays = 35\n\
             [forecast_correlation_estimate]\npool_instruments = false\nfrequency = \"W\"\nshrinkage_parameter = 0.5\n",
        )
        .unwrap();
        let wanted: Table = "pool_forecast_correlations = false\n[volatility_calculation]\n\
                             func = \"mixed_vol_calc\"\ndays = 35\n\
                             [forecast_correlation_estimate]\nshrinkage = 0.5\n"
            .parse()
            .unwrap();
        assert_eq!(table, wanted);
    }

    #[test]
    fn what_is_not_done_is_refused() {
        let fault = translated("[instrument_correlation_estimate]\nfrequency = \"D\"\n").unwrap_err();
        assert_eq!(fault.text, "instrument_correlation_estimate.frequency: \"D\" is not done, only W or 7D");
    }
}
