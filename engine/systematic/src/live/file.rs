//! A state in a file: eight bytes that say what it is, lengths, a BLAKE3 sum of all that follows, a head in JSON, and the numbers.
//!
//! Written beside its place and moved there, so that the file is always a whole state, yesterday's or today's.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tickrace_stats::BusinessDay;

use super::member::Known;
use super::tape::Tape;
use super::{LiveError, State};
use crate::config::SystemConfig;

/// First bytes of every state.
const MAGIC: [u8; 8] = *b"TRSTATE\n";
/// Version of the numbers' order. Another order of operations is another version too: its last bits are.
const VERSION: u32 = 3;
/// Bytes before the head: what it is, version, length of the head, length of the numbers, sum.
const PREFIX: usize = 8 + 4 + 4 + 8 + 32;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// Sum of the configuration, hexadecimal.
    config_blake3: String,
    /// Last day, `YYYY-MM-DD`, for people.
    day: String,
    /// The same as a number.
    number: i32,
    instruments: Vec<Known>,
    /// Pairs of currencies.
    pairs: Vec<String>,
}

/// Sum of a configuration, by which a state knows its own.
fn config_sum(config: &SystemConfig) -> String {
    let words = serde_json::to_vec(config).expect("a configuration is made of names and numbers");
    blake3::hash(&words).to_hex().to_string()
}

impl State {
    /// As bytes.
    ///
    /// - `config`: the one it was built with.
    pub fn to_bytes(&self, config: &SystemConfig) -> Vec<u8> {
        let head = Head {
            config_blake3: config_sum(config),
            day: super::date(self.last),
            number: self.last.0,
            instruments: self.members.iter().map(|member| member.known.clone()).collect(),
            pairs: self.rates.pairs.keys().cloned().collect(),
        };
        let head = serde_json::to_vec(&head).expect("a head is made of names and numbers");
        let mut numbers = Vec::new();
        // The same walk reads and writes, and so wants a state of its own.
        self.clone().keep(&mut Tape::Save(&mut numbers));
        let mut sum = blake3::Hasher::new();
        sum.update(&head);
        sum.update(&numbers);
        let mut bytes = Vec::with_capacity(PREFIX + head.len() + numbers.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&(numbers.len() as u64).to_le_bytes());
        bytes.extend_from_slice(sum.finalize().as_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&numbers);
        bytes
    }

    /// From bytes.
    ///
    /// # Errors
    ///
    /// What is wrong: not a state, another version, torn, damaged, or of another configuration.
    pub fn from_bytes(bytes: &[u8], config: &SystemConfig) -> Result<Self, String> {
        if bytes.get(..8) != Some(&MAGIC[..]) {
            return Err("this is no state of a systematic day".to_owned());
        }
        let torn =
            || "the file is torn: it ends before its end; restore a copy or build the state anew".to_owned();
        let (prefix, rest) = bytes.split_at_checked(PREFIX).ok_or_else(torn)?;
        let word = |from: usize| prefix[from..from + 4].try_into().map_or(0, u32::from_le_bytes);
        if word(8) != VERSION {
            return Err(format!(
                "it is of version {}, this program's is {VERSION}; build the state anew",
                word(8)
            ));
        }
        let head_len = word(12) as usize;
        let numbers_len = prefix[16..24].try_into().map_or(0, u64::from_le_bytes);
        let length = numbers_len.checked_add(head_len as u64);
        if length.is_none_or(|length| (rest.len() as u64) < length) {
            return Err(torn());
        }
        if length != Some(rest.len() as u64) {
            return Err("bytes follow its end; restore a copy or build the state anew".to_owned());
        }
        if blake3::hash(rest).as_bytes()[..] != prefix[24..PREFIX] {
            return Err("its sum does not match: bytes were changed; restore a copy or build the state anew"
                .to_owned());
        }
        let (head, numbers) = rest.split_at(head_len);
        let head: Head =
            serde_json::from_slice(head).map_err(|error| format!("its head cannot be read: {error}"))?;
        if head.config_blake3 != config_sum(config) {
            return Err(format!(
                "it was built with another configuration, up to {}: parameters of a state are fixed; build it anew",
                head.day
            ));
        }
        let pairs: Vec<&str> = head.pairs.iter().map(String::as_str).collect();
        let mut state = Self::fresh(config, head.instruments, &pairs).map_err(|error| error.to_string())?;
        state.last = BusinessDay(head.number);
        let mut tape = Tape::Load(numbers, false);
        state.keep(&mut tape);
        if !tape.is_whole() {
            return Err("its numbers are not those of its configuration; build the state anew".to_owned());
        }
        Ok(state)
    }

    /// Writes it beside the file and moves it there: whoever reads the file reads a whole state.
    ///
    /// # Errors
    ///
    /// [`LiveError::File`].
    pub fn save(&self, path: &Path, config: &SystemConfig) -> Result<(), LiveError> {
        let fail = |error| LiveError::File { path: path.display().to_string(), error };
        let mut name = path.file_name().ok_or_else(|| fail(ErrorKind::InvalidInput.into()))?.to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(&self.to_bytes(config))?;
            file.sync_all()?;
            fs::rename(&beside, path)?;
            // The move itself outlives a power cut only once its folder is written.
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        write().map_err(fail)
    }

    /// Reads it.
    ///
    /// - `config`: must be the one it was built with.
    ///
    /// # Errors
    ///
    /// [`LiveError::File`] where it cannot be read, [`LiveError::Damaged`] where it is no sound state of this configuration.
    pub fn load(path: &Path, config: &SystemConfig) -> Result<Self, LiveError> {
        let named = || path.display().to_string();
        let bytes = fs::read(path).map_err(|error| LiveError::File { path: named(), error })?;
        Self::from_bytes(&bytes, config).map_err(|fault| LiveError::Damaged { path: named(), fault })
    }

    /// Instruments as they were when it was built.
    pub fn instruments(&self) -> impl Iterator<Item = &Known> {
        self.members.iter().map(|member| &member.known)
    }

    fn keep(&mut self, tape: &mut Tape<'_>) {
        self.members.iter_mut().for_each(|member| member.keep(tape));
        self.cross.keep(tape);
        self.rates.keep(tape);
    }
}
