//! Threads of the engine: named, pinned, and never dead in silence.
//!
//! A panic at the stage boundary is caught and told: the flag the others look at is raised before the thread ends,
//! so that nobody waits for a ring whose other end is gone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use crate::pin::{PinError, pin_current};

/// How a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It could not be started.
    #[error("thread \"{name}\" could not be started")]
    Spawn {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It could not be pinned, and did not run.
    #[error("thread \"{name}\" could not be pinned")]
    Pin {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: PinError,
    },
    /// It panicked.
    #[error("thread \"{name}\" died: {message}")]
    Panicked {
        /// Its name.
        name: String,
        /// What it said.
        message: String,
    },
}

/// A running worker.
pub struct Worker<R> {
    name: String,
    handle: JoinHandle<Result<R, WorkerError>>,
}

/// Starts a thread called `name`, pinned to `core` where one is given, that runs `body`. When `body` panics or the
/// thread cannot be pinned, `broken` is raised.
///
/// # Errors
///
/// [`WorkerError::Spawn`].
pub fn spawn<R: Send + 'static>(
    name: &str,
    core: Option<usize>,
    broken: Arc<AtomicBool>,
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<Worker<R>, WorkerError> {
    let name = name.to_owned();
    let thread_name = name.clone();
    let run = move || {
        let result = run_caught(&thread_name, core, body);
        if result.is_err() {
            broken.store(true, Ordering::Release);
        }
        result
    };
    match Builder::new().name(name.clone()).spawn(run) {
        Ok(handle) => Ok(Worker { name, handle }),
        Err(cause) => Err(WorkerError::Spawn { name, cause }),
    }
}

fn run_caught<R>(name: &str, core: Option<usize>, body: impl FnOnce() -> R) -> Result<R, WorkerError> {
    if let Some(core) = core {
        pin_current(core).map_err(|cause| WorkerError::Pin { name: name.to_owned(), cause })?;
    }
    // Whatever `body` owned is dropped by the unwinding, rings included; nothing of it is looked at afterwards.
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|panic| WorkerError::Panicked { name: name.to_owned(), message: message_of(&*panic) })
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

impl<R> Worker<R> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// How it ended, where not well.
    pub fn join(self) -> Result<R, WorkerError> {
        match self.handle.join() {
            Ok(result) => result,
            Err(panic) => Err(WorkerError::Panicked { name: self.name, message: message_of(&*panic) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_raises_the_flag() {
        let broken = Arc::new(AtomicBool::new(false));
        let worker =
            spawn("gate", None, Arc::clone(&broken), || -> u32 { panic!("limit {} gone", 3) }).unwrap();
        assert_eq!(worker.name(), "gate");
        let error = worker.join().unwrap_err();
        assert_eq!(error.to_string(), "thread \"gate\" died: limit 3 gone");
        assert!(broken.load(Ordering::Acquire));
    }

    #[test]
    fn a_worker_that_cannot_be_pinned_does_not_run() {
        let broken = Arc::new(AtomicBool::new(false));
        let worker = spawn("book", Some(9_999), Arc::clone(&broken), || 1).unwrap();
        assert!(matches!(worker.join(), Err(WorkerError::Pin { .. })));
        assert!(broken.load(Ordering::Acquire));
    }

    #[test]
    fn a_good_end_gives_the_result_and_leaves_the_flag() {
        let broken = Arc::new(AtomicBool::new(false));
        let core = crate::pin::allowed_cores().first().copied();
        let worker = spawn("send", core, Arc::clone(&broken), || 42).unwrap();
        assert_eq!(worker.join().unwrap(), 42);
        assert!(!broken.load(Ordering::Acquire));
    }
}
