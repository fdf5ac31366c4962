//! The kill switch from outside the program (control 18): a file that appears, or a signal, stops a run.
//!
//! A thread beside the run looks for both and latches the flag, which the sequencer turns into a control record: what it did is in
//! the journal, and a replay does it at the same place. While the file is there, nothing stays re-armed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::SIGUSR1;
use tickrace_runtime::kill::KillFlag;

use crate::Failure;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// What latched the flag: argument of the control record, 0 for an operator's word.
pub mod reason {
    /// The kill file is there, or nobody can tell.
    pub const FILE: u32 = 1;
    /// SIGUSR1 came.
    pub const SIGNAL: u32 = 2;
}

/// The thread; it ends with this.
pub struct KillWatch {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    signal: Option<SigId>,
}

impl KillWatch {
    /// Begins to look. The first look is over when this returns, so that a file left behind stops a run before its first order.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the folder of the file does not exist: nobody could put it there in time.
    pub fn start(file: Option<&Path>, kill: &Arc<KillFlag>) -> Result<Self, Failure> {
        if let Some(file) = file {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                return Err(Failure::usage(format!(
                    "operators.kill_file: {} lies in a folder that does not exist: make the folder, or name another file",
                    file.display()
                )));
            }
        }
        let is_signalled = Arc::new(AtomicBool::new(false));
        let signal = signal_hook::flag::register(SIGUSR1, Arc::clone(&is_signalled)).ok();
        let mut look = Look { file: file.map(Path::to_owned), is_signalled, kill: Arc::clone(kill) };
        look.once();
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                std::thread::park_timeout(INTERVAL);
                look.once();
            }
        });
        Ok(Self { is_over, thread: Some(thread), signal })
    }
}

impl Drop for KillWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        if let Some(signal) = self.signal {
            signal_hook::low_level::unregister(signal);
        }
    }
}

struct Look {
    file: Option<PathBuf>,
    is_signalled: Arc<AtomicBool>,
    kill: Arc<KillFlag>,
}

impl Look {
    fn once(&mut self) {
        if self.is_signalled.swap(false, Ordering::Relaxed) {
            self.kill.kill(reason::SIGNAL);
        }
        // What cannot be told counts as there: the careful reading.
        if self.file.as_ref().is_some_and(|file| file.try_exists().unwrap_or(true)) {
            self.kill.kill(reason::FILE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(file: PathBuf) -> Look {
        Look {
            file: Some(file),
            is_signalled: Arc::new(AtomicBool::new(false)),
            kill: Arc::new(KillFlag::new()),
        }
    }

    #[test]
    fn a_file_kills_as_long_as_it_is_there_and_a_signal_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kill");
        let mut look = look(file.clone());
        look.once();
        assert_eq!(look.kill.reason(), None);
        look.is_signalled.store(true, Ordering::Relaxed);
        look.once();
        assert_eq!(look.kill.reason(), Some(reason::SIGNAL));
        look.kill.request_rearm().unwrap();
        look.once();
        look.kill.confirm_rearm().unwrap();
        std::fs::write(&file, "").unwrap();
        look.once();
        assert_eq!(look.kill.reason(), Some(reason::FILE));
        look.kill.request_rearm().unwrap();
        look.once();
        assert!(look.kill.confirm_rearm().is_err(), "it is there still");
        std::fs::remove_file(&file).unwrap();
        look.kill.request_rearm().unwrap();
        look.once();
        look.kill.confirm_rearm().unwrap();
    }

    #[test]
    fn what_cannot_be_looked_at_counts_as_there() {
        // A plain file where a folder should be: the look itself fails.
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let mut look = look(plain.join("kill"));
        look.once();
        assert_eq!(look.kill.reason(), Some(reason::FILE));
    }

    #[test]
    fn a_folder_that_is_not_there_is_refused_by_name() {
        let refused = KillWatch::start(Some(Path::new("/nowhere/at/all")), &Arc::new(KillFlag::new()));
        let error = refused.err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(error.contains("operators.kill_file: /nowhere/at/all"), "{error}");
    }
}
