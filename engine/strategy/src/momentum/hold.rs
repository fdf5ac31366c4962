//! When a position is taken and when it is left: thresholds with hysteresis, a trailing stop, a longest time.

use super::config::MomentumConfig;

/// Why a position was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The signal faded.
    Signal,
    /// The trailing stop.
    Trail,
    /// The longest time.
    Time,
}

/// The position wanted of one instrument: a side, no size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Hold {
    /// 1 long, -1 short, 0 none.
    pub side: i8,
    bars: u32,
    /// Best mid since entry.
    best: f64,
    /// The side a stop or the time ended: not taken again before its signal has faded.
    spent: i8,
}

impl Hold {
    /// The signal at a bar's close; `true` where the side changed.
    pub fn on_signal(&mut self, z: f64, mid: f64, config: &MomentumConfig) -> Option<Leave> {
        let side = if z > 0.0 { 1 } else { -1 };
        if self.spent != 0 && f64::from(self.spent) * z < config.exit_z.max(0.0) {
            self.spent = 0;
        }
        let mut left = None;
        if self.side != 0 {
            self.bars += 1;
            if f64::from(self.side) * z < config.exit_z {
                self.leave();
                left = Some(Leave::Signal);
            } else if config.hold_bars_max > 0 && self.bars >= config.hold_bars_max {
                self.spent = self.side;
                self.leave();
                left = Some(Leave::Time);
            }
        }
        if self.side == 0 && z.abs() >= config.enter_z && self.spent != side {
            *self = Self { side, bars: 0, best: mid, spent: 0 };
        }
        left
    }

    /// The mid moved; `distance` of the stop as a fraction of the price, 0 for none.
    pub fn on_mid(&mut self, mid: f64, distance: f64) -> Option<Leave> {
        if self.side == 0 || distance <= 0.0 {
            return None;
        }
        let (fallen, best) = if self.side > 0 {
            let best = self.best.max(mid);
            (1.0 - mid / best, best)
        } else {
            let best = self.best.min(mid);
            (mid / best - 1.0, best)
        };
        self.best = best;
        if fallen < distance {
            return None;
        }
        self.spent = self.side;
        self.leave();
        Some(Leave::Trail)
    }

    fn leave(&mut self) {
        (self.side, self.bars) = (0, 0);
    }
}
