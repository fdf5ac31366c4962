//! What runs are ranked by.

use std::cmp::Ordering;

use clap::ValueEnum;

use super::row::Figures;

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Metric {
    /// Net profit
    NetPnl,
    /// Gross profit
    GrossPnl,
    /// Net profit for each unit of value traded, basis points
    NetBps,
    /// Sharpe ratio of daily returns (from 20 days on)
    Sharpe,
    /// Largest fall of equity, the least first
    MaxDrawdown,
    /// Net profit over the largest fall of equity
    ReturnToDrawdown,
    /// Fees, the least first
    Fees,
    /// Fills
    Fills,
    /// Requests, the fewest first
    Orders,
    /// Lots traded
    VolumeLots,
}

impl Metric {
    /// Name, as in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetPnl => "net_pnl",
            Self::GrossPnl => "gross_pnl",
            Self::NetBps => "net_bps",
            Self::Sharpe => "sharpe",
            Self::MaxDrawdown => "max_drawdown",
            Self::ReturnToDrawdown => "return_to_drawdown",
            Self::Fees => "fees",
            Self::Fills => "fills",
            Self::Orders => "orders",
            Self::VolumeLots => "volume_lots",
        }
    }

    /// Whether less is better.
    pub const fn is_less_better(self) -> bool {
        matches!(self, Self::MaxDrawdown | Self::Fees | Self::Orders)
    }

    /// The figure; absent where the run has none.
    #[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
    pub fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::NetPnl => Some(figures.net_pnl),
            Self::GrossPnl => Some(figures.gross_pnl),
            Self::NetBps => figures.net_bps,
            Self::Sharpe => figures.sharpe,
            Self::MaxDrawdown => Some(figures.max_drawdown),
            Self::ReturnToDrawdown => {
                (figures.max_drawdown > 0.0).then(|| figures.net_pnl / figures.max_drawdown)
            }
            Self::Fees => Some(figures.fees),
            Self::Fills => Some(figures.fills as f64),
            Self::Orders => Some(figures.orders as f64),
            Self::VolumeLots => Some(figures.volume_lots as f64),
        }
    }

    /// The better first; what has no figure last.
    pub fn rank(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.is_less_better() => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_comes_first_and_the_unknown_last() {
        let mut values = [None, Some(1.0), Some(3.0), Some(2.0)];
        values.sort_by(|a, b| Metric::NetPnl.rank(*a, *b));
        assert_eq!(values, [Some(3.0), Some(2.0), Some(1.0), None]);
        values.sort_by(|a, b| Metric::Fees.rank(*a, *b));
        assert_eq!(values, [Some(1.0), Some(2.0), Some(3.0), None]);
    }
}
