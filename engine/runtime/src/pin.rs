//! Pinning threads to cores, and saying so when it fails.

use std::sync::OnceLock;

/// A thread that could not be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Not one of the cores this process may use.
    #[error("core {core} is not among the allowed cores {allowed:?}")]
    NotAllowed {
        /// As asked.
        core: usize,
        /// What there is.
        allowed: Vec<usize>,
    },
    /// The system said no.
    #[error("the system refused to pin this thread to core {core}")]
    Refused {
        /// As asked.
        core: usize,
    },
}

/// Cores this process may use, ascending; as they were at the first call.
///
/// Call it once at start, before any thread is pinned: the list is the calling thread's mask, and a pinned thread
/// sees one core only. Control groups make the numbers non-contiguous.
pub fn allowed_cores() -> &'static [usize] {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    ALLOWED.get_or_init(|| {
        let mut cores: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect();
        cores.sort_unstable();
        cores
    })
}

/// Pins the current thread to `core`, the system's own number. Threads it creates later inherit the pin.
///
/// # Errors
///
/// [`PinError::NotAllowed`] for a core outside [`allowed_cores`], [`PinError::Refused`] where the system refuses.
pub fn pin_current(core: usize) -> Result<(), PinError> {
    let allowed = allowed_cores();
    if !allowed.contains(&core) {
        return Err(PinError::NotAllowed { core, allowed: allowed.to_vec() });
    }
    let is_set = core_affinity::set_for_current(core_affinity::CoreId { id: core });
    let is_there = core_affinity::get_core_ids().is_some_and(|now| now.len() == 1 && now[0].id == core);
    if is_set && is_there { Ok(()) } else { Err(PinError::Refused { core }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_not_there_is_refused_by_name() {
        let error = pin_current(9_999).unwrap_err();
        assert_eq!(error, PinError::NotAllowed { core: 9_999, allowed: allowed_cores().to_vec() });
        assert!(error.to_string().starts_with("core 9999 is not among the allowed cores ["), "{error}");
    }

    #[test]
    fn a_pinned_thread_is_on_its_core_and_the_list_stays_whole() {
        let allowed = allowed_cores();
        let core = *allowed.last().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pin_current(core).unwrap();
                assert_eq!(core_affinity::get_core_ids().unwrap().len(), 1);
                assert_eq!(allowed_cores(), allowed, "the list is the process's, not the pinned thread's");
            });
        });
    }
}
