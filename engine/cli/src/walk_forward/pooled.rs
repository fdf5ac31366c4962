//! One figure over several sessions, as if they were one run.

use tickrace_analytics::performance::{ratios, returns};

use crate::sweep::metric::Metric;
use crate::sweep::row::Figures;

/// The figure over sessions in order of time, turned so that more is better; absent where they do not determine it.
///
/// Sums of money and counts are sums; `net_bps` is of the sums; the deepest fall is the deeper of the deepest within a session and the
/// deepest of the profit summed up at the sessions' ends; `sharpe` is mean over deviation of the sessions' profits, from three on.
pub fn figure(metric: Metric, sessions: &[&Figures]) -> Option<f64> {
    if sessions.is_empty() {
        return None;
    }
    let nets: Vec<f64> = sessions.iter().map(|one| one.net_pnl).collect();
    let sum = |of: fn(&Figures) -> f64| sessions.iter().map(|one| of(one)).sum::<f64>();
    #[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
    let value = match metric {
        Metric::NetPnl => sum(|one| one.net_pnl),
        Metric::GrossPnl => sum(|one| one.gross_pnl),
        Metric::NetBps => {
            let notional = sum(|one| one.notional);
            (notional > 0.0).then(|| sum(|one| one.net_pnl) / notional * 1e4)?
        }
        Metric::Sharpe => {
            if nets.len() < 3 {
                return None;
            }
            returns::moments(&nets)?;
            ratios::a_period(&nets)?
        }
        Metric::MaxDrawdown => deepest(sessions),
        Metric::ReturnToDrawdown => {
            let fall = deepest(sessions);
            (fall > 0.0).then(|| sum(|one| one.net_pnl) / fall)?
        }
        Metric::Fees => sum(|one| one.fees),
        Metric::Fills => sum(|one| one.fills as f64),
        Metric::Orders => sum(|one| one.orders as f64),
        Metric::VolumeLots => sum(|one| one.volume_lots as f64),
    };
    Some(if metric.is_less_better() { -value } else { value })
}

/// Deepest fall over sessions, at least 0.
pub fn deepest(sessions: &[&Figures]) -> f64 {
    let within = sessions.iter().map(|one| one.max_drawdown).fold(0.0, f64::max);
    let (mut sum, mut best, mut across) = (0.0f64, 0.0f64, 0.0f64);
    for one in sessions {
        sum += one.net_pnl;
        best = best.max(sum);
        across = across.max(best - sum);
    }
    within.max(across)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(net_pnl: f64, max_drawdown: f64, notional: f64) -> Figures {
        Figures { net_pnl, max_drawdown, notional, fees: 1.0, fills: 2, ..Figures::default() }
    }

    #[test]
    fn sessions_are_pooled_as_one_run() {
        // 10, -6, -5, 4: 3 in all; from 10 down to -1 is a fall of 11, deeper than any within a session.
        let sessions = [
            session(10.0, 3.0, 1000.0),
            session(-6.0, 7.0, 1000.0),
            session(-5.0, 5.0, 0.0),
            session(4.0, 1.0, 1000.0),
        ];
        let all: Vec<&Figures> = sessions.iter().collect();
        assert_eq!(figure(Metric::NetPnl, &all), Some(3.0));
        assert_eq!(figure(Metric::MaxDrawdown, &all), Some(-11.0));
        assert_eq!(figure(Metric::ReturnToDrawdown, &all), Some(3.0 / 11.0));
        assert_eq!(figure(Metric::NetBps, &all), Some(10.0));
        assert_eq!((figure(Metric::Fees, &all), figure(Metric::Fills, &all)), (Some(-4.0), Some(8.0)));
        assert_eq!(deepest(&all[1..2]), 7.0);
        // Mean 3/4; squares from it 85.5625 + 45.5625 + 33.0625 + 10.5625 = 174.75, over 3.
        let sharpe = figure(Metric::Sharpe, &all).unwrap();
        assert!((sharpe - 0.75 / (174.75f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(figure(Metric::Sharpe, &all[..2]), None);
        assert_eq!(figure(Metric::NetPnl, &[]), None);
    }
}
