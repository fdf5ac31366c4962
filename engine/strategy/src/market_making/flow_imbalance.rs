//! Order flow imbalance: what arrived, left and traded at the touch, as pressure on the price.
//!
//! Source: Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014),
//! section 2: with `e` as in [`contribution`], a mid moves by `OFI / (2 D)` ticks where `D` lots stand at each price.

use serde::Deserialize;

use super::config::{ConfigError, real};

/// How order flow imbalance leans the reservation price.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowImbalanceConfig {
    /// Shift of the reservation price for each tick that the model says the flow is worth, `OFI / (2 depth)`.
    pub shift_per_tick: f64,
    /// After this long a contribution counts 1/e, seconds.
    pub decay_s: f64,
    /// Greatest shift either way, ticks.
    pub shift_ticks_max: f64,
}

impl FlowImbalanceConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let (shift, least) = (self.shift_per_tick, -1e3);
        real("flow_imbalance.shift_per_tick", shift, least, 1e3, "-1,000 to 1,000")?;
        real("flow_imbalance.decay_s", self.decay_s, 1e-6, 1e6, "0.000001 to 1,000,000")?;
        real("flow_imbalance.shift_ticks_max", self.shift_ticks_max, 0.0, 1e6, "0 to 1,000,000")
    }
}

/// Price and lots of both sides of a firm touch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Touch {
    /// Best bid, nano-units.
    pub bid_px: i64,
    /// Best ask, nano-units.
    pub ask_px: i64,
    /// Lots at the bid.
    pub bid_qty: u32,
    /// Lots at the ask.
    pub ask_qty: u32,
}

/// What one change of the touch adds, lots: demand above zero, supply below.
///
/// `e = 1{Pb' >= Pb} qb' - 1{Pb' <= Pb} qb - 1{Pa' <= Pa} qa' + 1{Pa' >= Pa} qa`.
#[inline]
pub fn contribution(before: &Touch, after: &Touch) -> f64 {
    let counted = |is_so: bool, lots: u32| if is_so { f64::from(lots) } else { 0.0 };
    counted(after.bid_px >= before.bid_px, after.bid_qty)
        - counted(after.bid_px <= before.bid_px, before.bid_qty)
        - counted(after.ask_px <= before.ask_px, after.ask_qty)
        + counted(after.ask_px >= before.ask_px, before.ask_qty)
}

/// Weight of one more change in the mean depth.
const DEPTH_WEIGHT: f64 = 1.0 / 256.0;

/// The decayed sum of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct FlowImbalance {
    config: FlowImbalanceConfig,
    before: Option<Touch>,
    sum: f64,
    at_ns: i64,
    /// Mean lots at one price of the touch; 0 before the first.
    depth: f64,
}

impl FlowImbalance {
    pub(crate) fn new(config: &FlowImbalanceConfig) -> Self {
        Self { config: *config, before: None, sum: 0.0, at_ns: 0, depth: 0.0 }
    }

    /// The touch has changed.
    pub(crate) fn observe(&mut self, touch: Touch, now_ns: i64) {
        self.fade(now_ns);
        if let Some(before) = self.before.replace(touch) {
            self.sum += contribution(&before, &touch);
        }
        let depth = 0.5 * (f64::from(touch.bid_qty) + f64::from(touch.ask_qty));
        self.depth += (depth - self.depth) * if self.depth > 0.0 { DEPTH_WEIGHT } else { 1.0 };
    }

    /// The market is not firm: what comes next does not follow from what came before.
    pub(crate) fn interrupt(&mut self) {
        self.before = None;
    }

    /// Lets time pass.
    pub(crate) fn fade(&mut self, now_ns: i64) {
        if now_ns <= self.at_ns {
            return;
        }
        let elapsed_s = now_ns.saturating_sub(self.at_ns) as f64 * 1e-9;
        self.sum *= libm::exp(-elapsed_s / self.config.decay_s);
        self.at_ns = now_ns;
    }

    /// Shift of the reservation price, ticks.
    pub(crate) fn shift_ticks(&self) -> f64 {
        let most = self.config.shift_ticks_max;
        if self.depth > 0.0 {
            (self.config.shift_per_tick * self.sum / (2.0 * self.depth)).clamp(-most, most)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn touch(bid_px: i64, bid_qty: u32, ask_px: i64, ask_qty: u32) -> Touch {
        Touch { bid_px, ask_px, bid_qty, ask_qty }
    }

    #[test]
    fn contributions_are_those_of_the_paper() {
        let before = touch(100, 10, 101, 20);
        for (after, expected, what) in [
            (touch(100, 17, 101, 20), 7.0, "seven lots more at the bid"),
            (touch(100, 4, 101, 20), -6.0, "six lots of the bid sold or cancelled"),
            (touch(101, 5, 102, 9), 5.0 + 20.0, "a new bid of five, and the ask gone"),
            (touch(99, 8, 101, 20), -10.0, "the bid gone"),
            (touch(100, 10, 101, 25), -5.0, "five lots more at the ask"),
            (touch(100, 10, 101, 20), 0.0, "nothing"),
        ] {
            assert_eq!(contribution(&before, &after), expected, "{what}");
        }
    }

    #[test]
    fn a_tick_of_impact_is_twice_the_depth_and_fades() {
        let config = FlowImbalanceConfig { shift_per_tick: 0.5, decay_s: 2.0, shift_ticks_max: 0.6 };
        let mut flow = FlowImbalance::new(&config);
        flow.observe(touch(100, 100, 101, 100), 0);
        assert_eq!(flow.shift_ticks(), 0.0);
        flow.observe(touch(100, 200, 101, 100), 0);
        // 100 lots of demand; depth 100 + (150 - 100) / 256; half of the model's tick.
        let depth = 100.0 + 50.0 / 256.0;
        assert!((flow.shift_ticks() - 0.5 * 100.0 / (2.0 * depth)).abs() < 1e-12);
        flow.fade(2_000_000_000);
        let faded = 0.5 * 100.0 / (2.0 * depth) * (-1.0f64).exp();
        assert!((flow.shift_ticks() - faded).abs() < 1e-12);
        flow.observe(touch(100, 2_000, 101, 100), 2_000_000_000);
        assert_eq!(flow.shift_ticks(), 0.6, "bounded");
        flow.interrupt();
        let before = flow.sum;
        flow.observe(touch(50, 9, 51, 9), 2_000_000_000);
        assert_eq!(flow.sum, before, "nothing is counted across a gap");
    }

    proptest! {
        #[test]
        fn swapping_sides_turns_the_sign(
            bid in 1i64..50, spread in 1i64..5, lots in prop::array::uniform4(1u32..100),
            bid_after in 1i64..50, spread_after in 1i64..5,
        ) {
            let before = touch(bid, lots[0], bid + spread, lots[1]);
            let after = touch(bid_after, lots[2], bid_after + spread_after, lots[3]);
            let mirror = |t: &Touch| touch(-t.ask_px, t.ask_qty, -t.bid_px, t.bid_qty);
            prop_assert_eq!(contribution(&before, &after), -contribution(&mirror(&before), &mirror(&after)));
        }
    }
}
