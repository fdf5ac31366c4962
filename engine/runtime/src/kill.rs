//! The kill flag: latched by anyone, re-armed only in two steps, and a kill between the steps wins.
//!
//! It carries no policy. Whoever sees it turns it into a control record before it changes a decision.

use std::marker::PhantomData;

use crate::sync::{AtomicU64, Ordering};

const ARMED: u64 = 0;
const KILLED: u64 = 1;
const REARM_REQUESTED: u64 = 2;

/// How the flag's word is published and seen, so that a test can weaken it and see it caught.
pub trait Publication {
    /// Of the swap that kills.
    const KILL: Ordering;
    /// Of the load that looks.
    const LOOK: Ordering;
}

/// The orderings as they must be: who sees the kill sees what was written before it.
#[derive(Debug)]
pub struct Sound;

impl Publication for Sound {
    const KILL: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Acquire;
}

/// Latched once, for every thread. See [`KillFlag::kill`].
#[derive(Debug)]
pub struct KillFlag<P: Publication = Sound> {
    /// State in the low byte, the reason of the last kill above it.
    word: AtomicU64,
    publication: PhantomData<P>,
}

/// Why a re-arming step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RearmError {
    /// Nothing was killed.
    #[error("the kill flag is not latched")]
    NotKilled,
    /// The second step came without the first, or a kill came between them.
    #[error("re-arming was not requested since the last kill")]
    NotRequested,
}

impl KillFlag {
    /// Armed: trading is allowed.
    pub fn new() -> Self {
        Self::with_publication()
    }
}

impl Default for KillFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Publication> KillFlag<P> {
    /// Armed, with the orderings of `P`.
    pub fn with_publication() -> Self {
        Self { word: AtomicU64::new(ARMED), publication: PhantomData }
    }

    /// Latches the flag, whatever its state; one swap, from any thread. `reason` is the caller's code.
    /// True where it was armed before.
    #[inline]
    pub fn kill(&self, reason: u32) -> bool {
        self.word.swap(u64::from(reason) << 8 | KILLED, P::KILL) & 0xff == ARMED
    }

    /// Whether it is latched; it stays so until both re-arming steps are done.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.word.load(P::LOOK) & 0xff != ARMED
    }

    /// Reason of the last kill while latched.
    pub fn reason(&self) -> Option<u32> {
        let word = self.word.load(P::LOOK);
        (word & 0xff != ARMED).then(|| u32::try_from(word >> 8).unwrap_or(u32::MAX))
    }

    /// First step of re-arming.
    ///
    /// # Errors
    ///
    /// [`RearmError::NotKilled`] where nothing is latched.
    pub fn request_rearm(&self) -> Result<(), RearmError> {
        let word = self.word.load(Ordering::Acquire);
        if word & 0xff == ARMED {
            return Err(RearmError::NotKilled);
        }
        let requested = word & !0xff | REARM_REQUESTED;
        // A kill in between is no error: it stays latched and the confirmation will say so.
        match self.word.compare_exchange(word, requested, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(now) if now & 0xff == ARMED => Err(RearmError::NotKilled),
            Err(_) => Ok(()),
        }
    }

    /// Second step: armed again, unless a kill came since the first.
    ///
    /// # Errors
    ///
    /// [`RearmError::NotKilled`] where nothing is latched, [`RearmError::NotRequested`] without the first step.
    pub fn confirm_rearm(&self) -> Result<(), RearmError> {
        let word = self.word.load(Ordering::Acquire);
        match word & 0xff {
            ARMED => Err(RearmError::NotKilled),
            REARM_REQUESTED => self
                .word
                .compare_exchange(word, ARMED, Ordering::AcqRel, Ordering::Acquire)
                .map_err(|_| RearmError::NotRequested)
                .map(|_| ()),
            _ => Err(RearmError::NotRequested),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_stays_latched_until_both_steps_are_done() {
        let flag = KillFlag::new();
        assert!(!flag.is_killed());
        assert_eq!(flag.reason(), None);
        assert!(flag.kill(7));
        assert!(!flag.kill(7), "latched already");
        assert!(flag.is_killed());
        assert_eq!(flag.reason(), Some(7));
        flag.request_rearm().unwrap();
        assert!(flag.is_killed(), "half a re-arming is none");
        flag.confirm_rearm().unwrap();
        assert!(!flag.is_killed());
    }

    #[test]
    fn the_second_step_alone_is_refused() {
        let flag = KillFlag::new();
        assert_eq!(flag.request_rearm(), Err(RearmError::NotKilled));
        assert_eq!(flag.confirm_rearm(), Err(RearmError::NotKilled));
        flag.kill(1);
        assert_eq!(flag.confirm_rearm(), Err(RearmError::NotRequested));
        assert!(flag.is_killed());
    }

    #[test]
    fn a_kill_between_the_steps_wins() {
        let flag = KillFlag::new();
        flag.kill(1);
        flag.request_rearm().unwrap();
        flag.kill(2);
        assert_eq!(flag.confirm_rearm(), Err(RearmError::NotRequested));
        assert_eq!(flag.reason(), Some(2));
    }
}
