//! When a spread is taken and when it is left.

use super::config::PairsConfig;
use super::relation::Reading;

/// Why a spread was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It came back.
    Reverted,
    /// It went too far.
    Stop,
    /// It took too long.
    Time,
}

/// The spread wanted: a side, no size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stance {
    /// 1 long the spread (long `y`, short what hedges it), -1 short, 0 none.
    pub side: i8,
    bars: u32,
    bars_max: u32,
    /// The side a stop or the time ended: not taken again before the spread has come back.
    spent: i8,
    /// Bars until a trade may begin.
    pause: u32,
}

impl Stance {
    /// One bar; a side held may be left.
    pub fn on_close(&mut self, reading: &Reading, config: &PairsConfig) -> Option<Leave> {
        self.pause = self.pause.saturating_sub(1);
        // How far it still is on the side it was, or would be, taken at.
        let far = |side: i8| -f64::from(side) * reading.z();
        if self.spent != 0 && far(self.spent) <= config.exit_z {
            self.spent = 0;
        }
        if self.side == 0 {
            return None;
        }
        self.bars += 1;
        let leave = if far(self.side) <= config.exit_z {
            Leave::Reverted
        } else if far(self.side) >= config.stop_z {
            Leave::Stop
        } else if self.bars_max > 0 && self.bars >= self.bars_max {
            Leave::Time
        } else {
            return None;
        };
        if leave != Leave::Reverted {
            self.abandon(if leave == Leave::Stop { config.pause_bars } else { 0 });
        }
        self.side = 0;
        Some(leave)
    }

    /// The side to take now, 0 for none: far, not too far, cointegrated, quick enough and not spent.
    pub fn wanted(&self, reading: &Reading, config: &PairsConfig) -> i8 {
        let z = reading.z();
        let side = if z > 0.0 { -1 } else { 1 };
        let is_far = z.abs() >= config.enter_z && z.abs() < config.stop_z;
        let reverts = reading.p_value <= config.p_value_max && reading.half_life <= config.half_life_bars_max;
        let is_free = self.side == 0 && self.pause == 0 && self.spent != side;
        if is_far && reverts && is_free { side } else { 0 }
    }

    /// Takes a side.
    pub fn take(&mut self, side: i8, reading: &Reading, config: &PairsConfig) {
        let by_half_life = reading.half_life * config.hold_half_lives_max;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive; a cast of a float saturates"
        )]
        let by_half_life = if by_half_life > 0.0 { by_half_life.ceil() as u32 } else { 0 };
        self.bars_max = match (config.hold_bars_max, by_half_life) {
            (0, bars) | (bars, 0) => bars,
            (one, other) => one.min(other),
        };
        (self.side, self.bars) = (side, 0);
    }

    /// The trade failed or was stopped: its side is spent, and none begins for a while.
    pub fn abandon(&mut self, pause_bars: u32) {
        if self.side != 0 {
            self.spent = self.side;
        }
        self.side = 0;
        self.pause = self.pause.max(pause_bars);
    }
}
