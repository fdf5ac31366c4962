//! Execution numbers seen lately, so that a fill told twice counts once.
//!
//! Remembers the last [`EXECUTIONS_REMEMBERED`]; a venue that repeats an older one has lost its session, which is
//! for the session layer to notice.

use crate::id_map::IdMap;

/// How many execution numbers are remembered.
pub const EXECUTIONS_REMEMBERED: usize = 4096;

/// The last execution numbers.
#[derive(Debug)]
pub(crate) struct Executions {
    ring: Vec<u64>,
    at: usize,
    seen: IdMap,
}

impl Executions {
    pub(crate) fn new() -> Self {
        Self { ring: vec![0; EXECUTIONS_REMEMBERED], at: 0, seen: IdMap::new(EXECUTIONS_REMEMBERED) }
    }

    /// Notes a number; `false` where it was seen before. 0 is no number and always new.
    pub(crate) fn is_new(&mut self, exec_id: u64) -> bool {
        if exec_id == 0 {
            return true;
        }
        if self.seen.get(exec_id).is_some() {
            return false;
        }
        let forgotten = std::mem::replace(&mut self.ring[self.at], exec_id);
        self.at = (self.at + 1) % EXECUTIONS_REMEMBERED;
        self.seen.remove(forgotten);
        self.seen.insert(exec_id, 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_once_while_remembered() {
        let mut executions = Executions::new();
        let last = u64::try_from(EXECUTIONS_REMEMBERED).unwrap();
        for id in 1..=last {
            assert!(executions.is_new(id));
            assert!(!executions.is_new(id));
        }
        assert!(!executions.is_new(1));
        assert!(executions.is_new(last + 1));
        assert!(executions.is_new(1), "the oldest was forgotten");
    }
}
