//! What operators say in the course of a simulated run, so that their part can be tried and tested too.
//!
//! An entry states a time and a command. Whoever knows the days of the data turns it into the control record that a desk
//! would journal had a person said it then; signatures are looked at there too, and what reaches the street is the outcome.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tickrace_risk::controls::{
    executions_confirmed_record, exits_allowed_record, limits_record, override_record, rearm_record,
};
use tickrace_risk::{Cause, LimitKey, Limits, Scope, TradingState, control_record, trading_state_record};
use tickrace_types::event::ControlCode;
use tickrace_types::{InstrumentTable, MarketRecord, StrategyId, VenueId};

use crate::{ConfigError, DeskConfig};

/// Whose words count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorsConfig {
    /// Whether a word that lets more happen must be signed.
    pub signatures: Signatures,
    /// Public keys (Ed25519, hex) by the operator's name.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// A run is killed while this file exists; found from the configuration's folder.
    #[serde(default)]
    pub kill_file: Option<PathBuf>,
}

/// How words are made sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signatures {
    /// What lets more happen is carried out only where it is signed by a key of the list.
    Required,
    /// Nobody stands behind the words: for a simulation alone.
    Simulated,
}

/// One word of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    /// When: time of day at the venue, `10:15:00.5`, or nanoseconds after its midnight.
    pub at: String,
    /// Session it is said in, from 1; absent: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<usize>,
    /// What is to be done.
    pub command: Command,
    /// Whom it is about; with none of the three: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// See `symbol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// See `symbol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<u16>,
    /// The state to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TradingState>,
    /// The control to re-arm, by its name; absent: the kill switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// A number that the second step of re-arming repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<u64>,
    /// Limits to take over, whole. In a configuration file the name of a limits file may stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<Limits>>,
    /// Version of the limits to confirm: they are counted from 1 in the order in which they stand in the configuration, and
    /// 0 is what the run began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The limit to override, by its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// How long it holds, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<i64>,
    /// Who says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Ed25519 signature (hex) over everything above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Stop everything, cancel everything, until it is re-armed.
    Kill,
    /// First step of re-arming.
    RearmRequest,
    /// Second step.
    RearmConfirm,
    /// Set a trading state.
    State,
    /// The executions of a strategy were looked at.
    ConfirmExecutions,
    /// Take over limits: what is tighter at once.
    ProposeLimits,
    /// What is looser too.
    ConfirmLimits,
    /// One limit of an instrument is another for a while.
    OverrideLimit,
    /// What surely reduces may leave a halt for a while.
    AllowExits,
}

impl Command {
    /// Code of its control record.
    pub const fn code(self) -> ControlCode {
        match self {
            Self::Kill => ControlCode::Kill,
            Self::RearmRequest => ControlCode::RearmRequest,
            Self::RearmConfirm => ControlCode::RearmConfirm,
            Self::State => ControlCode::TradingState,
            Self::ConfirmExecutions => ControlCode::ExecutionsConfirmed,
            Self::ProposeLimits => ControlCode::LimitsProposed,
            Self::ConfirmLimits => ControlCode::LimitsConfirmed,
            Self::OverrideLimit => ControlCode::LimitOverride,
            Self::AllowExits => ControlCode::ExitsAllowed,
        }
    }
}

/// Why a word was not carried out: arguments of [`ControlCode::CommandRefused`].
pub mod refusal {
    /// It lets more happen and is not signed.
    pub const UNSIGNED: u64 = 1;
    /// Nobody of that name has a key.
    pub const UNKNOWN_OPERATOR: u64 = 2;
    /// The signature is not of this word and this key.
    pub const BAD_SIGNATURE: u64 = 3;
}

const KEYS: [&str; 9] =
    ["symbol", "strategy", "venue", "state", "control", "ticket", "limits", "version", "key/value/for_ms"];

impl OperatorEntry {
    /// Whether it lets more happen than before: then it must be signed.
    pub fn is_loosening(&self) -> bool {
        match self.command {
            Command::Kill | Command::ProposeLimits => false,
            // A state that is not the strictest may take the place of a stricter one.
            Command::State => self.state != Some(TradingState::Halted),
            _ => true,
        }
    }

    /// Which of [`KEYS`] the entry states, one bit each.
    fn stated(&self) -> u16 {
        let stated = [
            self.symbol.is_some(),
            self.strategy.is_some(),
            self.venue.is_some(),
            self.state.is_some(),
            self.control.is_some(),
            self.ticket.is_some(),
            self.limits.is_some(),
            self.version.is_some(),
            self.key.is_some() || self.value.is_some(),
        ];
        (0..).zip(stated).map(|(place, is_stated)| u16::from(is_stated) << place).sum()
    }

    /// Keys it must state and keys it may, as bits.
    const fn keys(command: Command) -> (u16, u16) {
        const SYMBOL: u16 = 1;
        const STRATEGY: u16 = 2;
        const SCOPE: u16 = 7;
        match command {
            Command::Kill => (0, 0),
            Command::RearmRequest | Command::RearmConfirm => (32, SCOPE | 16 | 32),
            Command::State => (8, SCOPE | 8),
            Command::ConfirmExecutions => (STRATEGY, STRATEGY),
            Command::ProposeLimits => (64, 64),
            Command::ConfirmLimits => (128, 128),
            Command::OverrideLimit => (SYMBOL | 256, SYMBOL | 256),
            Command::AllowExits => (0, SYMBOL),
        }
    }

    fn check(&self) -> Result<(), String> {
        let (must, may) = Self::keys(self.command);
        let stated = self.stated();
        let name = |bits: u16| KEYS[usize::try_from(bits.trailing_zeros()).unwrap_or(0).min(KEYS.len() - 1)];
        if stated & must != must {
            return Err(format!("needs {}", name(must & !stated)));
        }
        if stated & !may != 0 {
            return Err(format!("takes no {}", name(stated & !may)));
        }
        if (stated & 7).count_ones() > 1 {
            return Err("symbol, strategy and venue: state one of them, or none for everything".to_owned());
        }
        let is_timed = matches!(self.command, Command::OverrideLimit | Command::AllowExits);
        if is_timed && self.for_ms.is_none_or(|ms| !(1..=604_800_000).contains(&ms)) {
            return Err("needs for_ms, from 1 to 604800000".to_owned());
        }
        if !is_timed && self.for_ms.is_some() {
            return Err("takes no for_ms".to_owned());
        }
        if self.session == Some(0) {
            return Err("session counts from 1".to_owned());
        }
        Ok(())
    }

    fn scope(&self, instruments: &InstrumentTable, strategies: &[&str]) -> Result<Scope, String> {
        if let Some(symbol) = &self.symbol {
            let id = instruments.find(symbol);
            return id.map(Scope::Instrument).ok_or_else(|| format!("{symbol} is not among the instruments"));
        }
        if let Some(name) = &self.strategy {
            let number = strategies.iter().position(|known| known == name);
            let number = number.and_then(|number| u16::try_from(number).ok());
            let number = number.ok_or_else(|| format!("no strategy is named {name}"))?;
            return Ok(Scope::Strategy(StrategyId(number)));
        }
        Ok(self.venue.map_or(Scope::All, |venue| Scope::Venue(VenueId(venue))))
    }

    /// As a control record of time `at_ns`.
    ///
    /// - `version`: number of the limits it proposes, where it does.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn record(
        &self,
        at_ns: i64,
        version: u64,
        instruments: &InstrumentTable,
        strategies: &[&str],
    ) -> Result<MarketRecord, String> {
        self.check()?;
        let scope = self.scope(instruments, strategies)?;
        let until_ns = at_ns.saturating_add(self.for_ms.unwrap_or(0).saturating_mul(1_000_000));
        let ticket = self.ticket.unwrap_or(0);
        let record = match self.command {
            Command::Kill => control_record(ControlCode::Kill, 0),
            Command::RearmRequest | Command::RearmConfirm => match self.cause()? {
                None if scope == Scope::All => control_record(self.command.code(), ticket),
                None => return Err("the kill switch is of everything: state a control".to_owned()),
                Some(cause) => rearm_record(self.command == Command::RearmConfirm, scope, cause, ticket),
            },
            Command::State => trading_state_record(scope, self.state.unwrap_or(TradingState::Halted)),
            Command::ConfirmExecutions => executions_confirmed_record(scope),
            Command::ProposeLimits => limits_record(false, version),
            Command::ConfirmLimits => limits_record(true, self.version.unwrap_or(0)),
            Command::AllowExits => exits_allowed_record(scope, until_ns),
            Command::OverrideLimit => {
                let (Scope::Instrument(id), Some(value)) = (scope, self.value) else {
                    return Err("needs symbol, key and value".to_owned());
                };
                let name = self.key.as_deref().unwrap_or_default();
                let key = LimitKey::from_name(name).ok_or_else(|| {
                    let known = LimitKey::ALL.map(LimitKey::name).join(", ");
                    format!("key {name:?} cannot be overridden; these can: {known}")
                })?;
                override_record(id, key, value, until_ns)
            }
        };
        Ok(timed(record, at_ns))
    }

    fn cause(&self) -> Result<Option<Cause>, String> {
        let Some(name) = &self.control else { return Ok(None) };
        let cause = Cause::ALL.into_iter().find(|cause| cause.name() == name && cause.is_rearmed());
        cause.map(Some).ok_or_else(|| {
            let known: Vec<_> =
                Cause::ALL.iter().filter(|cause| cause.is_rearmed()).map(|one| one.name()).collect();
            format!("control {name:?} is not re-armed by words; these are: {}", known.join(", "))
        })
    }
}

/// The record of a word that was not carried out; see [`refusal`].
pub fn refused_record(command: Command, reason: u64, at_ns: i64) -> MarketRecord {
    let record = control_record(ControlCode::CommandRefused, reason);
    timed(MarketRecord { qty: command.code() as u32, ..record }, at_ns)
}

/// A control record of time `at_ns`.
pub fn timed(mut record: MarketRecord, at_ns: i64) -> MarketRecord {
    record.header.flags = tickrace_types::Flags::END_OF_EVENT;
    (record.header.ts_venue_ns, record.header.ts_recv_ns) = (at_ns, at_ns);
    record
}

/// Checks what can be checked of all entries before the data are known.
///
/// # Errors
///
/// [`ConfigError`] naming the entry.
pub(crate) fn validate(config: &DeskConfig) -> Result<(), ConfigError> {
    let mut version = 0;
    for (number, entry) in (1..).zip(&config.operator) {
        let fail = |fault: &str| ConfigError {
            key: "operator",
            fault: format!("entry {number} (at {}): {fault}", entry.at),
        };
        entry.check().map_err(|fault| fail(&fault))?;
        entry.cause().map_err(|fault| fail(&fault))?;
        if entry.is_loosening() && config.operators.is_none() {
            return Err(fail(
                "lets more happen, and operators.signatures does not say how words are made sure of: state \
                 \"required\" and the keys or, for a simulation, \"simulated\"",
            ));
        }
        if let Some(limits) = &entry.limits {
            limits.validate().map_err(|error| fail(&error.to_string()))?;
            version += 1;
            config.limits.check_reload(limits, version).map_err(|error| fail(&error.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tickrace_types::Instrument;

    use super::*;

    fn entry(command: Command) -> OperatorEntry {
        OperatorEntry {
            at: "10:00:00".to_owned(),
            session: None,
            command,
            symbol: None,
            strategy: None,
            venue: None,
            state: None,
            control: None,
            ticket: None,
            limits: None,
            version: None,
            key: None,
            value: None,
            for_ms: None,
            by: None,
            signature: None,
        }
    }

    fn record(entry: &OperatorEntry) -> Result<MarketRecord, String> {
        let shares =
            InstrumentTable::new(vec![Instrument::us_equity("ONE"), Instrument::us_equity("TWO")]).unwrap();
        entry.record(1_000, 3, &shares, &["alpha", "beta"])
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn each_command_becomes_its_record() {
        let plain = record(&entry(Command::Kill)).unwrap();
        assert_eq!((plain.code, plain.header.ts_recv_ns), (ControlCode::Kill as u8, 1_000));
        let halt = OperatorEntry {
            state: Some(TradingState::Halted),
            strategy: text("beta"),
            ..entry(Command::State)
        };
        assert_eq!(Scope::of(&record(&halt).unwrap()), Some(Scope::Strategy(StrategyId(1))));
        let rearm =
            OperatorEntry { control: text("daily_loss"), ticket: Some(9), ..entry(Command::RearmConfirm) };
        let rearm = record(&rearm).unwrap();
        assert_eq!((rearm.order_ref, rearm.qty, rearm.code), (9, Cause::DailyLoss as u32, 3));
        let over = OperatorEntry {
            symbol: text("TWO"),
            key: text("position_max_lots"),
            value: Some(7),
            for_ms: Some(2),
            ..entry(Command::OverrideLimit)
        };
        let over = record(&over).unwrap();
        assert_eq!((over.header.instrument, over.order_ref, over.price), (1, 7, 2_001_000));
        let limits = toml::from_str(include_str!("../../../configs/limits/us_equity.toml")).unwrap();
        let propose = OperatorEntry { limits: Some(Box::new(limits)), ..entry(Command::ProposeLimits) };
        assert_eq!(record(&propose).unwrap().order_ref, 3);
    }

    #[test]
    fn what_is_missing_too_much_or_unknown_is_named() {
        let said = |entry: OperatorEntry| record(&entry).unwrap_err();
        assert_eq!(said(entry(Command::State)), "needs state");
        assert_eq!(said(OperatorEntry { ticket: Some(1), ..entry(Command::Kill) }), "takes no ticket");
        let both = OperatorEntry {
            ticket: Some(1),
            symbol: text("ONE"),
            venue: Some(0),
            ..entry(Command::RearmRequest)
        };
        assert!(said(both).contains("one of them"));
        assert!(
            said(OperatorEntry {
                ticket: Some(1),
                control: text("clock_offset"),
                ..entry(Command::RearmRequest)
            })
            .contains("daily_loss")
        );
        assert!(
            said(OperatorEntry { symbol: text("SIX"), for_ms: Some(1), ..entry(Command::AllowExits) })
                .contains("SIX")
        );
        assert!(said(entry(Command::AllowExits)).contains("for_ms"));
        let over = OperatorEntry {
            symbol: text("ONE"),
            key: text("x"),
            value: Some(1),
            for_ms: Some(1),
            ..entry(Command::OverrideLimit)
        };
        assert!(said(over).contains("position_max_lots"));
    }

    #[test]
    fn only_what_cannot_let_more_happen_needs_no_signature() {
        assert!(!entry(Command::Kill).is_loosening() && !entry(Command::ProposeLimits).is_loosening());
        let state = |state| OperatorEntry { state: Some(state), ..entry(Command::State) };
        assert!(!state(TradingState::Halted).is_loosening());
        assert!(state(TradingState::CancelOnly).is_loosening() && state(TradingState::Active).is_loosening());
        assert!(entry(Command::AllowExits).is_loosening() && entry(Command::ConfirmLimits).is_loosening());
    }
}
