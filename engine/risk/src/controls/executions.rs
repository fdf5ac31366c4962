//! Repeated executions (control 7): a strategy that trades too often in a short time is off until a person has looked.
//!
//! For each strategy the times of its last executions stand in a ring as long as the limit: where the oldest of them is
//! inside the window, all are.

use super::config::ExecutionsConfig;

/// So long ago that no window reaches it.
const NEVER: i64 = i64::MIN;

/// Times of executions.
#[derive(Clone, Debug)]
pub(crate) struct Executions {
    times: Vec<i64>,
    next: Vec<usize>,
    limit: usize,
    window_ns: i64,
}

impl Executions {
    pub fn new(config: &ExecutionsConfig, strategies: usize) -> Self {
        let limit = usize::try_from(config.executions_max_count).unwrap_or(1).max(1);
        Self {
            times: vec![NEVER; limit * strategies],
            next: vec![0; strategies],
            limit,
            window_ns: config.executions_window_ms.saturating_mul(1_000_000),
        }
    }

    /// One execution of a strategy; whether it is one too many.
    pub fn on_fill(&mut self, strategy: usize, now_ns: i64) -> bool {
        let Some(next) = self.next.get_mut(strategy) else { return false };
        let times = &mut self.times[strategy * self.limit..][..self.limit];
        times[*next] = now_ns;
        *next = if *next + 1 == self.limit { 0 } else { *next + 1 };
        let oldest_ns = times[*next];
        oldest_ns != NEVER && now_ns.saturating_sub(oldest_ns) < self.window_ns
    }

    /// A person has seen them: counting starts anew.
    pub fn confirm(&mut self, strategy: usize) {
        if strategy < self.next.len() {
            self.times[strategy * self.limit..][..self.limit].fill(NEVER);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TradingState;

    const MS: i64 = 1_000_000;

    fn config(executions_max_count: i64) -> ExecutionsConfig {
        ExecutionsConfig { executions_max_count, executions_window_ms: 10, state: TradingState::Halted }
    }

    #[test]
    fn the_last_one_inside_the_window_trips_and_one_at_its_edge_does_not() {
        let mut executions = Executions::new(&config(3), 2);
        assert_eq!([0, 5 * MS].map(|now| executions.on_fill(1, now)), [false; 2]);
        assert!(!executions.on_fill(1, 10 * MS), "the first has left the window");
        assert!(executions.on_fill(1, 15 * MS - 1));
        assert!(!executions.on_fill(0, 15 * MS), "another strategy");
        executions.confirm(1);
        assert_eq!([15, 16].map(|ms| executions.on_fill(1, ms * MS)), [false; 2]);
        assert!(executions.on_fill(1, 17 * MS));
    }

    proptest! {
        #[test]
        fn the_ring_agrees_with_a_list(steps in prop::collection::vec((0i64..4 * MS, 0u8..12), 1..200), limit in 1i64..6) {
            let mut executions = Executions::new(&config(limit), 1);
            let mut list = Vec::new();
            let mut now = 1_700_000_000_000_000_000;
            for (step, dice) in steps {
                now += step;
                if dice == 0 {
                    executions.confirm(0);
                    list.clear();
                    continue;
                }
                list.push(now);
                let inside = list.iter().filter(|then| now - **then < 10 * MS).count();
                prop_assert_eq!(executions.on_fill(0, now), inside as i64 >= limit);
            }
        }
    }
}
