//! What operators say: keys, signatures, and the control records that come of it.
//!
//! A word that lets more happen must be signed where the configuration asks for it. Signatures are looked at here, on the
//! cold side; the street hears the outcome, the word itself or that it was refused, and both are journaled.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::Serialize;
use tickrace_desk::DeskConfig;
use tickrace_desk::operator::{OperatorEntry, OperatorsConfig, Signatures, refusal, refused_record, timed};
use tickrace_feeds_files::parse_at;
use tickrace_risk::{Cause, TradingState, control_record};
use tickrace_types::event::ControlCode;
use tickrace_types::{InstrumentTable, Kind, MarketRecord, Record};

use crate::input::Session;
use crate::{Failure, Streams, kill_watch, settings, start, targets};

/// Arguments of `operator`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace operator key --out alice.key\n  \
    tickrace operator sign configs/backtest/guarded.toml --by alice --key alice.key\n\n\
    The first prints the public key, for operators.keys in the configuration. The second prints a signature for each\n\
    [[operator]] entry of that name, to be put into it as its signature.")]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Make a key: the secret goes into a file only its owner can read, the public part is printed
    Key {
        /// File for the secret; it must not exist yet
        #[arg(long)]
        out: PathBuf,
    },
    /// Sign what an operator says in a configuration
    Sign {
        /// Configuration file (TOML)
        config: PathBuf,
        /// Name of the operator, as in the entries' `by`
        #[arg(long)]
        by: String,
        /// File with the operator's secret
        #[arg(long)]
        key: PathBuf,
    },
}

#[derive(Debug, Serialize)]
struct Key {
    public: String,
    secret_file: PathBuf,
}

#[derive(Debug, Serialize)]
struct Signed {
    entry: usize,
    at: String,
    signature: String,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match &args.act {
        Act::Key { out } => make_key(out, streams),
        Act::Sign { config, by, key } => sign(config, by, key, streams),
    }
}

fn make_key(out: &Path, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(Failure::runtime)?;
    let key = SigningKey::from_bytes(&seed);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .and_then(|mut file| std::io::Write::write_all(&mut file, to_hex(&seed).as_bytes()))
        .map_err(|error| Failure::write(out, error))?;
    let made = Key { public: to_hex(key.verifying_key().as_bytes()), secret_file: out.to_owned() };
    if streams.is_json {
        streams.json(&made);
    } else {
        streams.say(&made.public);
    }
    Ok(())
}

fn sign(path: &Path, by: &str, key: &Path, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let table = settings::load(path, &[])?;
    let config: DeskConfig = settings::parse(path, &table)?;
    let text = std::fs::read_to_string(key)
        .map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", key.display())))?;
    let seed = from_hex::<32>(text.trim())
        .ok_or_else(|| Failure::usage(format!("{}: a secret is 64 hexadecimal digits", key.display())))?;
    let key = SigningKey::from_bytes(&seed);
    let own = (1..).zip(&config.operator).filter(|(_, entry)| entry.by.as_deref() == Some(by));
    let signed: Vec<Signed> = own
        .map(|(number, entry)| Signed {
            entry: number,
            at: entry.at.clone(),
            signature: to_hex(&key.sign(&message(entry)).to_bytes()),
        })
        .collect();
    if signed.is_empty() {
        return Err(Failure::usage(format!("{}: no [[operator]] entry has by = {by:?}", path.display())));
    }
    if streams.is_json {
        streams.json(&signed);
        return Ok(());
    }
    for one in &signed {
        streams.say(&format!("entry {} (at {}): signature = \"{}\"", one.entry, one.at, one.signature));
    }
    Ok(())
}

/// What is signed: the whole entry but for the signature, limits included.
fn message(entry: &OperatorEntry) -> Vec<u8> {
    let unsigned = OperatorEntry { signature: None, ..entry.clone() };
    let text = serde_json::to_string(&unsigned).expect("plain data with text keys serialises");
    format!("tickrace operator 1\n{text}").into_bytes()
}

/// Why a word is not carried out; `None` where it is.
fn refused(entry: &OperatorEntry, operators: Option<&OperatorsConfig>) -> Option<u64> {
    let operators = operators.filter(|operators| operators.signatures == Signatures::Required)?;
    let Some(signature) = &entry.signature else {
        return entry.is_loosening().then_some(refusal::UNSIGNED);
    };
    let key = entry.by.as_ref().and_then(|name| operators.keys.get(name));
    let key = key.and_then(|key| from_hex(key)).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let Some(key) = key else { return Some(refusal::UNKNOWN_OPERATOR) };
    let is_sound = from_hex(signature)
        .is_some_and(|bytes| key.verify_strict(&message(entry), &Signature::from_bytes(&bytes)).is_ok());
    (!is_sound).then_some(refusal::BAD_SIGNATURE)
}

/// What is said in the course of a run, as control records in order of time: what is known of the start, then the operators.
///
/// - `say`: is told of words that are not carried out, and of positions that do not agree.
///
/// # Errors
///
/// [`Failure`] naming the entry that makes no sense.
pub fn words(
    config: &DeskConfig,
    sessions: &[Session],
    instruments: &InstrumentTable,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<MarketRecord>, Failure> {
    let mut words = Vec::new();
    if let Some(guard) = &config.limits.controls.start {
        let bits = start::ready_bits(config, guard, say);
        let begins_ns = sessions.first().map_or(0, Session::begins_ns);
        words.push(timed(control_record(ControlCode::StartReady, bits), begins_ns));
    }
    if let Some(operators) = &config.operators {
        for (name, key) in &operators.keys {
            let is_key = from_hex(key).is_some_and(|key| VerifyingKey::from_bytes(&key).is_ok());
            if !is_key {
                let fault = "an Ed25519 public key is 64 hexadecimal digits, see `tickrace operator key`";
                return Err(Failure::usage(format!("operators.keys.{name}: {fault}")));
            }
        }
    }
    let strategies: Vec<&str> = config.all_strategies().iter().map(|strategy| strategy.name).collect();
    let mut version = 0;
    for (number, entry) in (1..).zip(&config.operator) {
        let fail =
            |fault: String| Failure::usage(format!("operator: entry {number} (at {}): {fault}", entry.at));
        version += u64::from(entry.limits.is_some());
        let at_ns = time_of(entry, sessions).map_err(&fail)?;
        let record = entry.record(at_ns, version, instruments, &strategies).map_err(&fail)?;
        words.push(match refused(entry, config.operators.as_ref()) {
            None => record,
            Some(reason) => {
                let why =
                    ["", "it is not signed", "nobody of that name has a key", "its signature is not sound"];
                let why = why.get(usize::try_from(reason).unwrap_or(0)).copied().unwrap_or_default();
                say(&format!("operator: entry {number} (at {}) is not carried out: {why}", entry.at));
                refused_record(entry.command, reason, at_ns)
            }
        });
    }
    words.extend(targets::words(config, sessions, instruments)?);
    // Equal times keep the order of the configuration.
    words.sort_by_key(|word| word.header.ts_recv_ns);
    Ok(words)
}

/// When an entry is said, nanoseconds since the epoch.
fn time_of(entry: &OperatorEntry, sessions: &[Session]) -> Result<i64, String> {
    let number = entry.session.unwrap_or(1);
    let session = sessions.get(number - 1);
    let session = session.ok_or_else(|| format!("session {number} of {} there are", sessions.len()))?;
    let after_ns = parse_at(&entry.at).map_err(|error| error.to_string())?;
    let after_ns = i64::try_from(after_ns).map_err(|error| error.to_string())?;
    // A log that knows no date counts from the midnight (UTC) of its first record.
    const DAY_NS: i64 = 86_400_000_000_000;
    let midnight_ns = match session.midnight_ns {
        0 => session.begins_ns().div_euclid(DAY_NS) * DAY_NS,
        midnight_ns => midnight_ns,
    };
    Ok(midnight_ns.saturating_add(after_ns))
}

/// Name of what a control record tells, for counts: restrictions a control imposed, words of operators; `None` for the rest.
pub fn name_of(record: &Record) -> Option<String> {
    if record.header.kind != Kind::Control as u8 {
        return None;
    }
    let record = record.as_market();
    let is_imposed = TradingState::from_code(record.order_ref) != TradingState::Active;
    Some(match ControlCode::from_code(record.code)? {
        ControlCode::Verdict if is_imposed => Cause::from_code(record.qty)?.name().to_owned(),
        ControlCode::Verdict if Cause::from_code(record.qty) == Some(Cause::Clock) => {
            "clock_warning".to_owned()
        }
        ControlCode::Verdict | ControlCode::EndOfSession | ControlCode::StartReady => return None,
        ControlCode::Kill => match u32::try_from(record.order_ref) {
            Ok(kill_watch::reason::FILE) => "kill_file".to_owned(),
            Ok(kill_watch::reason::SIGNAL) => "kill_signal".to_owned(),
            _ => "operator_kill".to_owned(),
        },
        ControlCode::RearmRequest => "operator_rearm_request".to_owned(),
        ControlCode::RearmConfirm => "operator_rearm_confirm".to_owned(),
        ControlCode::TradingState => "operator_state".to_owned(),
        ControlCode::ExecutionsConfirmed => "operator_confirm_executions".to_owned(),
        ControlCode::LimitsProposed => "operator_propose_limits".to_owned(),
        ControlCode::LimitsConfirmed => "operator_confirm_limits".to_owned(),
        ControlCode::LimitOverride => "operator_override_limit".to_owned(),
        ControlCode::ExitsAllowed => "operator_allow_exits".to_owned(),
        ControlCode::CommandRefused => "operator_refused".to_owned(),
    })
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back_and_nonsense_is_none() {
        assert_eq!(from_hex::<3>(&to_hex(&[0, 171, 255])), Some([0, 171, 255]));
        for text in ["0", "00112", "0011zz", "+10011"] {
            assert_eq!(from_hex::<3>(text), None, "{text}");
        }
    }

    #[test]
    fn the_published_vector_verifies() {
        // RFC 8032, section 7.1, test 2: one byte 0x72.
        let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let key = VerifyingKey::from_bytes(&from_hex(key).unwrap()).unwrap();
        let signature = Signature::from_bytes(&from_hex(signature).unwrap());
        assert!(key.verify_strict(&[0x72], &signature).is_ok());
        assert!(key.verify_strict(&[0x73], &signature).is_err());
    }
}
