//! Messages for each execution (control 17), by instrument and day.

use super::config::OrderRatioConfig;

/// One instrument's day.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: i64,
    executions: i64,
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct OrderRatio {
    counts: Vec<Count>,
    day: Option<i64>,
    ratio_max: i64,
    messages_min: i64,
}

impl OrderRatio {
    pub fn new(config: &OrderRatioConfig, instruments: usize) -> Self {
        Self {
            counts: vec![Count::default(); instruments],
            day: None,
            ratio_max: config.messages_per_execution_max,
            messages_min: config.messages_min_count,
        }
    }

    /// A message left.
    #[inline]
    pub fn on_message(&mut self, place: usize) {
        if let Some(count) = self.counts.get_mut(place) {
            count.messages += 1;
        }
    }

    /// An execution came in.
    pub fn on_fill(&mut self, place: usize) {
        if let Some(count) = self.counts.get_mut(place) {
            count.executions += 1;
        }
    }

    /// Whether a new day has begun; all count anew then.
    pub fn roll(&mut self, day: i64) -> bool {
        let is_new = self.day.is_some_and(|before| before < day);
        self.day = self.day.max(Some(day));
        if is_new {
            self.counts.fill(Count::default());
        }
        is_new
    }

    /// Messages of an instrument where they are too many.
    pub fn over(&self, place: usize) -> Option<i64> {
        let count = self.counts.get(place)?;
        // Before the first execution one is taken for granted.
        let allowed = self.ratio_max.saturating_mul(count.executions.max(1));
        (count.messages >= self.messages_min && count.messages > allowed).then_some(count.messages)
    }

    /// Counts anew.
    pub fn rearm(&mut self, place: usize) {
        if let Some(count) = self.counts.get_mut(place) {
            *count = Count::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TradingState;

    #[test]
    fn one_message_more_than_the_executions_allow_is_too_many_once_there_are_enough() {
        let config = OrderRatioConfig {
            messages_per_execution_max: 3,
            messages_min_count: 5,
            state: TradingState::CancelOnly,
        };
        let mut ratio = OrderRatio::new(&config, 2);
        let send = |ratio: &mut OrderRatio, count: u32| (0..count).for_each(|_| ratio.on_message(1));
        assert!(!ratio.roll(4));
        send(&mut ratio, 4);
        assert_eq!(ratio.over(1), None, "too few to judge");
        send(&mut ratio, 1);
        assert_eq!((ratio.over(1), ratio.over(0)), (Some(5), None));
        ratio.on_fill(1);
        ratio.on_fill(1);
        send(&mut ratio, 1);
        assert_eq!(ratio.over(1), None, "six for two executions");
        send(&mut ratio, 1);
        assert_eq!(ratio.over(1), Some(7));
        assert!(!ratio.roll(4) && ratio.roll(5));
        assert_eq!(ratio.over(1), None, "a new day");
    }
}
