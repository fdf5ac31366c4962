//! Words of the reference that say nothing here, or say it elsewhere.
//!
//! | word | what becomes of it |
//! | --- | --- |
//! | `func` of an estimate | dropped: there is one way each |
//! | `frequency`, `interval_frequency`, `forward_fill_price_index` | dropped where they say what is done: `"W"` (`"7D"`), `"12M"` (`"365D"`), true |
//! | `pool_instruments` of `forecast_correlation_estimate` | `pool_forecast_correlations` |
//! | `shrinkage_parameter` | `shrinkage` |
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
    for (key, value) in table.iter_mut().filter(|(key, _)| *key != "trading_rules") {
        let Value::Table(terms) = value else { continue };
        terms.remove("func");
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
            "[volatility_calculation]\nfunc = \"mixed_vol_calc\"\ndays = 35\n\
             [forecast_correlation_estimate]\npool_instruments = false\nfrequency = \"W\"\nshrinkage_parameter = 0.5\n",
        )
        .unwrap();
        let wanted: Table = "pool_forecast_correlations = false\n[volatility_calculation]\ndays = 35\n\
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
