//! Equity and positions on a grid of time, with bounded memory.
//!
//! A sample is taken at a grid time only where something happened since the last, so nights cost nothing.
//! Beyond [`SAMPLES_MAX`] every other sample is dropped and the grid made twice as wide; drawdown and daily
//! figures have by then seen every sample.

use serde::Serialize;

/// Most samples kept: more than three days of seconds.
pub const SAMPLES_MAX: usize = 1 << 18;

/// The sampled curve of the whole account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EquitySeries {
    /// Sample times, nanoseconds since the Unix epoch, ascending.
    pub ts_ns: Vec<i64>,
    /// Opening equity (0 where none was given) plus net profit, account currency.
    pub equity: Vec<f64>,
    /// Distance below the running maximum, at least 0, account currency.
    pub drawdown: Vec<f64>,
    /// Interval of the grid, nanoseconds.
    pub sample_ns: i64,
}

/// The sampled curves of one instrument, from its first order on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InstrumentSeries {
    /// Place in [`EquitySeries::ts_ns`] of the first sample.
    pub first_sample: usize,
    /// Lots held.
    pub position_lots: Vec<i64>,
    /// Net profit so far, account currency.
    pub net_pnl: Vec<f64>,
    /// Mark, units of price.
    pub mark: Vec<f64>,
}

impl EquitySeries {
    /// Keeps samples of even place.
    pub fn thin(&mut self) {
        keep_even(&mut self.ts_ns, 0);
        keep_even(&mut self.equity, 0);
        keep_even(&mut self.drawdown, 0);
        self.sample_ns *= 2;
    }
}

impl InstrumentSeries {
    /// Keeps what stands at the even places of the account's series.
    pub fn thin(&mut self) {
        let first = self.first_sample;
        keep_even(&mut self.position_lots, first);
        keep_even(&mut self.net_pnl, first);
        keep_even(&mut self.mark, first);
        self.first_sample = first.div_ceil(2);
    }
}

pub(crate) fn keep_even<T>(values: &mut Vec<T>, first: usize) {
    let mut place = first;
    values.retain(|_| {
        place += 1;
        place % 2 == 1
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_instruments_beside_the_account() {
        for first in 0..4 {
            let ts_ns: Vec<i64> = (0..9).collect();
            let position_lots: Vec<i64> = ts_ns[first..].to_vec();
            let mut account = EquitySeries { ts_ns, sample_ns: 5, ..EquitySeries::default() };
            let mut series =
                InstrumentSeries { first_sample: first, position_lots, ..InstrumentSeries::default() };
            account.thin();
            series.thin();
            assert_eq!(account.ts_ns, [0, 2, 4, 6, 8]);
            assert_eq!(account.sample_ns, 10);
            // Each position was set to the time of its sample.
            assert_eq!(series.position_lots, account.ts_ns[series.first_sample..]);
        }
    }
}
