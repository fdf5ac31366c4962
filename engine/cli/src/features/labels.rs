//! Rows of features that wait for what followed them: the returns that a model is fitted to.

use std::collections::VecDeque;

use tickrace_strategy::features::{Quote, Row};
use tickrace_types::InstrumentId;

/// A row with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Which instrument.
    pub id: InstrumentId,
    /// Time, values and touch.
    pub row: Row,
    /// Logarithmic return of the mid over each horizon; `None` where the market broke off or the data end before.
    pub labels: Vec<Option<f64>>,
}

/// Rows in their order, held back until the longest horizon has passed.
#[derive(Clone, Debug)]
pub struct Labels {
    horizons_ns: Vec<i64>,
    waiting: VecDeque<(InstrumentId, Row)>,
    /// By instrument: mids times two from a time on, `None` from where the market broke off.
    mids: Vec<VecDeque<(i64, Option<i64>)>>,
}

impl Labels {
    /// Nothing waits.
    pub fn new(horizons_ms: &[u32], instruments: usize) -> Self {
        let horizons_ns = horizons_ms.iter().map(|ms| i64::from(*ms) * 1_000_000).collect();
        Self { horizons_ns, waiting: VecDeque::new(), mids: vec![VecDeque::new(); instruments] }
    }

    /// The touch of an instrument after an event; `None` where it cannot be traded in.
    pub fn on_quote(&mut self, id: InstrumentId, now_ns: i64, quote: Option<&Quote>) {
        if self.horizons_ns.is_empty() {
            return;
        }
        let mid = quote.map(|quote| quote.bid_px + quote.ask_px);
        let mids = &mut self.mids[id.index()];
        if mids.back().is_none_or(|(_, last)| *last != mid) {
            mids.push_back((now_ns, mid));
        }
    }

    /// A row of an instrument, after its quote was told.
    pub fn push(&mut self, id: InstrumentId, row: &Row) {
        self.waiting.push_back((id, row.clone()));
    }

    /// The next row whose labels are known at `now_ns`, after which no event at or before it follows.
    pub fn pop(&mut self, now_ns: i64) -> Option<Labelled> {
        let longest_ns = self.horizons_ns.iter().copied().max().unwrap_or(0);
        let (_, row) = self.waiting.front()?;
        (row.ts_ns.saturating_add(longest_ns) < now_ns).then(|| self.take(now_ns)).flatten()
    }

    /// The next row when the data ended at `end_ns`.
    pub fn pop_last(&mut self, end_ns: i64) -> Option<Labelled> {
        self.take(end_ns.saturating_add(1))
    }

    /// Labels whose time is before `known_ns` are told.
    fn take(&mut self, known_ns: i64) -> Option<Labelled> {
        let (id, row) = self.waiting.pop_front()?;
        let mids = &mut self.mids[id.index()];
        // The last word at or before the row is needed, nothing older.
        while mids.get(1).is_some_and(|(ts_ns, _)| *ts_ns <= row.ts_ns) {
            mids.pop_front();
        }
        let now = row.touch.0 + row.touch.1;
        let label = |horizon_ns: &i64| {
            let due_ns = row.ts_ns.saturating_add(*horizon_ns);
            let to = mids.partition_point(|(ts_ns, _)| *ts_ns <= due_ns);
            let mut since = mids.range(..to).filter(|(ts_ns, _)| *ts_ns > row.ts_ns);
            let is_broken = since.any(|(_, mid)| mid.is_none());
            let then = to.checked_sub(1).and_then(|place| mids.get(place)?.1);
            let then = then.filter(|_| due_ns < known_ns && !is_broken)?;
            Some((then as f64 / now as f64).ln())
        };
        let labels = self.horizons_ns.iter().map(label).collect();
        Some(Labelled { id, row, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const I: InstrumentId = InstrumentId(0);

    fn quote(mid: i64) -> Quote {
        Quote { bid_px: mid - 1, ask_px: mid + 1, ..Quote::default() }
    }

    #[test]
    fn a_label_is_the_mid_that_stands_when_its_time_comes() {
        let mut labels = Labels::new(&[10, 20], 1);
        let row = |at_ms: i64, mid: i64| Row {
            ts_ns: at_ms * MS,
            values: [].into(),
            ready: 0,
            touch: (mid - 1, mid + 1),
        };
        let show = |labels: &mut Labels, at_ms: i64, mid: Option<i64>| {
            labels.on_quote(I, at_ms * MS, mid.map(quote).as_ref());
            if let Some(mid) = mid {
                labels.push(I, &row(at_ms, mid));
            }
        };
        show(&mut labels, 0, Some(1000));
        show(&mut labels, 10, Some(1010));
        assert_eq!(labels.pop(20 * MS), None, "an event at that very time may follow");
        show(&mut labels, 20, Some(1030));
        show(&mut labels, 25, None);
        show(&mut labels, 28, Some(1100));
        let logs = |mids: [(f64, f64); 2]| mids.map(|(then, now)| Some((then / now).ln())).to_vec();
        assert_eq!(labels.pop(21 * MS).unwrap().labels, logs([(1010.0, 1000.0), (1030.0, 1000.0)]));
        // Of the second the shorter one is known before the break, and the longer one is not.
        assert_eq!(labels.pop(31 * MS).unwrap().labels, [Some((1030.0f64 / 1010.0).ln()), None]);
        assert_eq!(labels.pop(31 * MS), None);
        // The data end at 39: of the last row the shorter horizon has passed by then, just.
        assert_eq!(labels.pop_last(39 * MS).unwrap().labels, [None, None]);
        assert_eq!(labels.pop_last(39 * MS).unwrap().labels, [Some(0.0), None]);
        assert_eq!(labels.pop_last(39 * MS), None);
    }
}
