//! Where a run came from: the journal's head and its seal.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tickrace_desk::DeskConfig;
use tickrace_journal::HEAD_FILE;
use tickrace_types::InstrumentTable;

use crate::input::Session;
use crate::{Failure, Streams, progress, settings};

/// Version of the head's layout.
pub const HEAD_VERSION: u32 = 1;

/// A tick file a journal refers to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MarketFile {
    /// Where it was.
    pub path: PathBuf,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// BLAKE3 of the decompressed bytes, of a native log over its records; hex.
    pub blake3: String,
    /// Session date, `YYYY-MM-DD`, where known.
    pub date: Option<String>,
}

/// How a journal opens: all that is needed to run it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Layout of this head.
    pub version: u32,
    /// Program version and commit, as far as known.
    pub build: String,
    /// File the configuration came from.
    pub config_path: PathBuf,
    /// The configuration, overrides laid over it; limits included.
    pub config: toml::Table,
    /// Instruments, index = id.
    pub instruments: InstrumentTable,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether market records stand in the journal (`copy`) or in the files below (`reference`).
    pub market: String,
    /// The tick files of the run, in date order.
    pub files: Vec<MarketFile>,
    /// State before the first record.
    pub opening: Opening,
}

/// State before the first record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Opening {
    /// Lots by symbol.
    pub positions: std::collections::BTreeMap<String, i64>,
    /// Orders working.
    pub working_orders: Vec<u64>,
    /// First client id given.
    pub next_client_id: u64,
}

/// Written once a journal is finished: what it must still be when it is replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Records of the inbound stream.
    pub inbound_records: u64,
    /// BLAKE3 over the inbound records in order, hex.
    pub inbound_blake3: String,
    /// Orders that left the desk.
    pub orders: u64,
    /// Digest over the orders.
    pub order_digest: String,
}

/// Name of the seal in a journal folder.
pub const SEAL_FILE: &str = "seal.json";

/// The journal of `run`, which is a backtest's folder or the journal folder itself.
///
/// # Errors
///
/// [`Failure`] of kind input where it is neither.
pub fn journal_of(run: &Path) -> Result<PathBuf, Failure> {
    let inner = run.join("journal");
    let journal = [inner.as_path(), run].into_iter().find(|place| place.join(HEAD_FILE).exists());
    journal.map(Path::to_owned).ok_or_else(|| {
        let what = if run.exists() {
            "is no run's folder and no journal: it has no"
        } else {
            "is not there; a run has a"
        };
        Failure::input(format!("{}: {what} {HEAD_FILE}", run.display()))
    })
}

impl Head {
    /// The configuration, parsed again.
    ///
    /// # Errors
    ///
    /// [`Failure`] where this program no longer takes it.
    pub fn desk_config(&self) -> Result<DeskConfig, Failure> {
        let config: DeskConfig = settings::parse(&self.config_path, &self.config)?;
        config.validate().map_err(Failure::usage)?;
        Ok(config)
    }

    /// Opens the tick files again, in date order, and checks that they are the same.
    ///
    /// - `moved`: where they are now, where they moved since; empty for where they were.
    ///
    /// # Errors
    ///
    /// [`Failure`] of [`MarketFile::reopen`], or of kind usage where `moved` names another number of files.
    pub fn reopen_sessions(&self, moved: &[PathBuf], streams: &Streams<'_>) -> Result<Vec<Session>, Failure> {
        if !moved.is_empty() && moved.len() != self.files.len() {
            return Err(Failure::usage(format!(
                "--file: the journal refers to {} tick files, {} were named",
                self.files.len(),
                moved.len()
            )));
        }
        let open = |(place, file): (usize, &MarketFile)| {
            file.reopen(moved.get(place).map(PathBuf::as_path), streams)
        };
        self.files.iter().enumerate().map(open).collect()
    }

    /// Reads a journal folder's head.
    ///
    /// # Errors
    ///
    /// [`Failure`] where there is none or it is not one of ours.
    pub fn read(journal: &Path) -> Result<Self, Failure> {
        let bytes = tickrace_journal::read_head(journal).map_err(Failure::input)?;
        let head: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::input(format!("{}: head.json: {error}", journal.display())))?;
        if head.version != HEAD_VERSION {
            return Err(Failure::input(format!(
                "{}: head.json: version {}, this program reads {HEAD_VERSION}",
                journal.display(),
                head.version
            )));
        }
        Ok(head)
    }

    /// Writes it into a journal folder.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be written.
    pub fn write(&self, journal: &Path) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(self).map_err(Failure::runtime)?;
        tickrace_journal::write_head(journal, &bytes).map_err(Failure::runtime)
    }
}

impl Seal {
    /// Reads a journal's seal; `None` where the run never came to its end.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the seal is not one.
    pub fn read(journal: &Path) -> Result<Option<Self>, Failure> {
        let path = journal.join(SEAL_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| Failure::input(format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be written.
    pub fn write(&self, journal: &Path) -> Result<(), Failure> {
        let path = journal.join(SEAL_FILE);
        let bytes = serde_json::to_vec_pretty(self).map_err(Failure::runtime)?;
        std::fs::write(&path, bytes).map_err(|error| Failure::write(&path, error))
    }
}

/// What this program is.
pub fn build() -> String {
    let commit = option_env!("TICKRACE_COMMIT").unwrap_or("unknown commit");
    let kind = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("tickrace {} ({commit}, {kind})", env!("CARGO_PKG_VERSION"))
}

/// Content hash of a session's decompressed bytes.
pub fn hash(session: &Session, streams: &Streams<'_>) -> String {
    let bar = progress::byte_bar(streams.is_watched, session.len(), "hashing");
    let mut hasher = blake3::Hasher::new();
    session.for_each_piece(|piece| {
        hasher.update(piece);
        bar.inc(piece.len() as u64);
    });
    bar.finish_and_clear();
    hasher.finalize().to_hex().to_string()
}

impl MarketFile {
    /// Describes a session's file.
    pub fn of(session: &Session, streams: &Streams<'_>) -> Self {
        let path = std::fs::canonicalize(&session.path).unwrap_or_else(|_| session.path.clone());
        Self {
            path,
            bytes: session.len(),
            blake3: hash(session, streams),
            date: session.date.map(|date| date.to_string()),
        }
    }

    /// Opens the file again and checks that it is the same.
    ///
    /// # Errors
    ///
    /// [`Failure`] of kind input where it is gone, of kind difference where its content is another.
    pub fn reopen(&self, moved: Option<&Path>, streams: &Streams<'_>) -> Result<Session, Failure> {
        let path = moved.unwrap_or(&self.path);
        let session = if path.is_dir() {
            Session::open_log(path)?
        } else {
            Session::open_itch(path, self.date.as_deref(), streams)?
        };
        let found = hash(&session, streams);
        if found != self.blake3 {
            return Err(Failure::difference(format!(
                "{}: content hash {found}, the journal refers to {}: this is not the data of that run",
                path.display(),
                self.blake3
            )));
        }
        Ok(session)
    }
}
