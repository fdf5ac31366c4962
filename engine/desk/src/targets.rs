//! Where targets come from: a log of them, the time of day they are heard, and which instrument of ours stands for each.

use std::path::PathBuf;

use serde::Deserialize;
use tickrace_types::event::{VERSION, source};
use tickrace_types::{Flags, Header, InstrumentId, Kind, TargetRecord};

use crate::{ConfigError, DeskConfig, config::StrategyConfig};

/// A source of targets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsConfig {
    /// Folder of a target log, as `tickrace systematic targets` writes it.
    pub file: PathBuf,
    /// Time of day, at the venue, at which the targets of a day's prices are heard on the day after: `10:15:00`. Or `close`: when
    /// the day (at midnight UTC) or the bar that they rest on is over.
    pub at: String,
    /// What is done with a target of an instrument that is not named below.
    #[serde(default)]
    pub unmapped: Unmapped,
    /// Instruments of the log, and what is traded for each.
    pub instruments: Vec<TargetInstrument>,
}

/// What is done with a target of an instrument that is not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmapped {
    /// The run does not start.
    #[default]
    Refuse,
    /// It is passed over.
    Ignore,
}

/// What is traded for an instrument of a target log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetInstrument {
    /// Its name in the log.
    pub instrument: String,
    /// Symbol traded.
    pub symbol: String,
    /// Lots of the symbol that make one contract of the target.
    pub lots_per_contract: i32,
    /// What the log's prices are multiplied by to compare with the symbol's; 100 where the log has dollars and the symbol cents.
    #[serde(default = "one")]
    pub price_scale: f64,
}

const fn one() -> f64 {
    1.0
}

impl TargetInstrument {
    /// A record of the log as the desk hears it: its own instrument, its lots, its prices, at `at_ns`.
    ///
    /// # Errors
    ///
    /// What does not fit, in words.
    pub fn record(&self, told: &TargetRecord, id: InstrumentId, at_ns: i64) -> Result<TargetRecord, String> {
        let lots = |contracts: i32| {
            let lots = contracts.checked_mul(self.lots_per_contract);
            lots.ok_or_else(|| format!("{}: {contracts} contracts are too many lots", self.instrument))
        };
        let price = tickrace_types::Price(told.reference_px).to_f64() * self.price_scale;
        let reference_px = tickrace_types::Price::from_f64(price).map_or(0, |price| price.0);
        Ok(TargetRecord {
            header: Header {
                kind: Kind::Target as u8,
                version: VERSION,
                flags: Flags::END_OF_EVENT,
                source: source::CONTROL,
                instrument: id.0,
                seq: 0,
                ts_venue_ns: told.header.ts_venue_ns,
                ts_recv_ns: at_ns,
            },
            target_lots: lots(told.target_lots)?,
            low_lots: lots(told.low_lots)?,
            high_lots: lots(told.high_lots)?,
            reference_px,
            ..*told
        })
    }
}

/// Checks what can be checked before the data are known.
///
/// # Errors
///
/// [`ConfigError`] naming the key.
pub(crate) fn validate(config: &DeskConfig) -> Result<(), ConfigError> {
    let fail = |fault: String| Err(ConfigError { key: "targets", fault });
    for targets in &config.targets {
        for (place, one) in targets.instruments.iter().enumerate() {
            if one.lots_per_contract <= 0 {
                return fail(format!("{}: lots_per_contract must be positive", one.instrument));
            }
            if !(one.price_scale.is_finite() && one.price_scale > 0.0) {
                return fail(format!("{}: price_scale must be above zero", one.instrument));
            }
            let is_twice =
                |other: &TargetInstrument| other.instrument == one.instrument || other.symbol == one.symbol;
            if targets.instruments[..place].iter().any(is_twice) {
                return fail(format!("{} or {} stands twice", one.instrument, one.symbol));
            }
        }
        if targets.instruments.is_empty() {
            return fail("name at least one under instruments".to_owned());
        }
    }
    let follows = |one: &crate::config::StrategyRef<'_>| matches!(one.policy, StrategyConfig::Target(_));
    let is_followed = config.all_strategies().iter().any(follows);
    if is_followed && config.targets.is_empty() {
        return fail("a strategy of kind target needs [[targets]] that it hears".to_owned());
    }
    if is_followed && config.run.timer_ms == 0 {
        let fault = "must be positive: a strategy of kind target looks at the time on the timer".to_owned();
        return Err(ConfigError { key: "run.timer_ms", fault });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_become_lots_and_prices_are_scaled() {
        let corn = TargetInstrument {
            instrument: "CORN".to_owned(),
            symbol: "ZC".to_owned(),
            lots_per_contract: 5,
            price_scale: 0.01,
        };
        let header = Header { instrument: 9, ts_venue_ns: 77, ..Header::default() };
        let told = TargetRecord {
            header,
            reference_px: 450_000_000_000,
            target_lots: -3,
            low_lots: -4,
            high_lots: 1,
            forecast_centi: -500,
            ..TargetRecord::default()
        };
        let heard = corn.record(&told, InstrumentId(2), 99).unwrap();
        assert_eq!((heard.low_lots, heard.target_lots, heard.high_lots), (-20, -15, 5));
        assert_eq!((heard.reference_px, heard.forecast_centi), (4_500_000_000, -500));
        let times = (heard.header.instrument, heard.header.ts_venue_ns, heard.header.ts_recv_ns);
        assert_eq!(times, (2, 77, 99));
        let many = TargetRecord { high_lots: i32::MAX, ..told };
        assert!(corn.record(&many, InstrumentId(2), 99).unwrap_err().contains("too many lots"));
    }
}
