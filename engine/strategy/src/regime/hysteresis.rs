//! A switch that does not flutter.

/// On above one threshold, off below a lower one, and never changed again before a number of periods has passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hysteresis {
    enter: f64,
    leave: f64,
    dwell_periods: u32,
    is_on: bool,
    held_periods: u32,
}

impl Hysteresis {
    /// Off at first. `enter` is not below `leave`; `dwell_periods`: fewest between two changes.
    pub fn new(enter: f64, leave: f64, dwell_periods: u32) -> Self {
        assert!(enter >= leave, "it is entered at {enter} and left at {leave}");
        Self { enter, leave, dwell_periods, is_on: false, held_periods: dwell_periods }
    }

    /// Takes one period's value in; one that is not a number leaves the switch where it is.
    #[inline]
    pub fn update(&mut self, value: f64) -> bool {
        self.held_periods = self.held_periods.saturating_add(1);
        let wanted = if self.is_on { value.is_nan() || value >= self.leave } else { value > self.enter };
        if wanted != self.is_on && self.held_periods > self.dwell_periods {
            (self.is_on, self.held_periods) = (wanted, 0);
        }
        self.is_on
    }

    /// Where it stands.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_entered_above_left_below_and_kept_between() {
        let mut switch = Hysteresis::new(2.0, 1.0, 0);
        let seen = [1.5, 2.0, 2.1, 1.5, 1.0, f64::NAN, 0.9, 1.5].map(|value| switch.update(value));
        assert_eq!(seen, [false, false, true, true, true, true, false, false]);
    }

    #[test]
    fn it_dwells() {
        let mut switch = Hysteresis::new(1.0, 1.0, 2);
        // The first change needs no waiting; then two periods pass before the next.
        assert_eq!(
            [2.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0].map(|value| switch.update(value)),
            [true, true, true, false, false, false, true]
        );
    }
}
