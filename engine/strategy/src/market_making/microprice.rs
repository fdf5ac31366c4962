//! The microprice: where the mid is expected to end up, given imbalance and spread of the touch.
//!
//! States are classes of imbalance by classes of spread. From the tape come the chances of going from state to state with
//! and without a move of the mid, and how far it moves; the sum of expected moves over all moves to come is the adjustment of
//! each state. Every transition is counted together with its mirror image (sides swapped, move negated), so that the sum
//! converges and no drift of the day gets in. Learning costs a few additions a change of the touch; the system of equations is
//! solved now and then, after the orders have left.
//!
//! Source: Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018), section 3:
//! `G1 = (1 - Q)^-1 R k`, `B = (1 - Q)^-1 T`, adjustment `sum over i of B^i G1`.

use serde::Deserialize;

use super::config::{ConfigError, real, whole};

/// How the microprice is learned.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MicropriceConfig {
    /// Classes of imbalance, 2 to 10.
    pub imbalance_classes: usize,
    /// Classes of spread, 1 to 4: one tick, two ticks and so on, the last one for all that are wider.
    pub spread_classes: usize,
    /// After this long what was seen counts 1/e, seconds.
    pub memory_s: f64,
    /// How often the adjustments are worked out anew, seconds.
    pub refresh_s: f64,
    /// Moves of the mid to be seen before any adjustment is made.
    pub moves_min: u32,
}

impl Default for MicropriceConfig {
    fn default() -> Self {
        Self { imbalance_classes: 5, spread_classes: 2, memory_s: 3600.0, refresh_s: 10.0, moves_min: 200 }
    }
}

impl MicropriceConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let count = |classes: usize| i64::try_from(classes).unwrap_or(i64::MAX);
        whole("microprice.imbalance_classes", count(self.imbalance_classes), 2..=10, "2 to 10")?;
        whole("microprice.spread_classes", count(self.spread_classes), 1..=4, "1 to 4")?;
        real("microprice.memory_s", self.memory_s, 1.0, 1e7, "1 to 10,000,000")?;
        real("microprice.refresh_s", self.refresh_s, 0.01, 1e6, "0.01 to 1,000,000")
    }
}

/// Sums stop once no state expects a further move of this many ticks,
const NEGLIGIBLE_TICKS: f64 = 1e-6;
/// and count for nothing but their first term where one still expects so much at the end.
const UNSETTLED_TICKS: f64 = 1e-2;
/// Most moves of the mid looked ahead.
const MOVES_AHEAD_MAX: usize = 500;
/// A state that so surely never leads to a move says nothing.
const PIVOT_MIN: f64 = 1e-12;

/// What was seen of one instrument, and the adjustments made of it.
#[derive(Clone, Debug)]
pub struct Microprice {
    config: MicropriceConfig,
    states: usize,
    /// Transitions without a move of the mid, and with one: `[from][to]`.
    stays: Vec<f64>,
    moves: Vec<f64>,
    /// Sum of the mid's moves by state before, ticks.
    moved_ticks: Vec<f64>,
    /// Transitions by state before.
    counts: Vec<f64>,
    moves_seen: f64,
    before: Option<usize>,
    adjustments: Vec<f64>,
    /// Room for the equations.
    matrix: Vec<f64>,
    term: Vec<f64>,
    sum: Vec<f64>,
    solved_ns: i64,
}

impl Microprice {
    /// Takes all its memory here.
    pub fn new(config: &MicropriceConfig) -> Self {
        let states = config.imbalance_classes * config.spread_classes;
        let zeros = |len| vec![0.0; len];
        Self {
            config: *config,
            states,
            stays: zeros(states * states),
            moves: zeros(states * states),
            moved_ticks: zeros(states),
            counts: zeros(states),
            moves_seen: 0.0,
            before: None,
            adjustments: zeros(states),
            matrix: zeros(states * states),
            term: zeros(states),
            sum: zeros(states),
            solved_ns: i64::MIN,
        }
    }

    /// State of a firm touch. `spread_ticks` is rounded to whole ticks.
    #[inline]
    pub fn state(&self, bid_qty: u32, ask_qty: u32, spread_ticks: i64) -> usize {
        let classes = self.config.imbalance_classes;
        // Counted from the lighter side, so that swapped lots fall into the mirror image even at the edge of a class.
        let lots = (u64::from(bid_qty) + u64::from(ask_qty)).max(1);
        let lighter = u64::from(bid_qty.min(ask_qty)) * classes as u64 / lots;
        let lighter = usize::try_from(lighter).unwrap_or(0).min(classes - 1);
        let imbalance = if bid_qty > ask_qty { classes - 1 - lighter } else { lighter };
        let spread = usize::try_from((spread_ticks - 1).max(0)).unwrap_or(0);
        spread.min(self.config.spread_classes - 1) * classes + imbalance
    }

    /// The state with its sides swapped.
    fn mirrored(&self, state: usize) -> usize {
        let classes = self.config.imbalance_classes;
        state - state % classes + (classes - 1 - state % classes)
    }

    /// The touch is in a state now, and the mid moved by so many ticks since the one before.
    #[inline]
    pub fn observe(&mut self, state: usize, moved_ticks: f64) {
        if let Some(before) = self.before.replace(state) {
            self.count(before, state, moved_ticks);
            self.count(self.mirrored(before), self.mirrored(state), -moved_ticks);
            self.moves_seen += f64::from(u8::from(moved_ticks != 0.0));
        }
    }

    #[inline]
    fn count(&mut self, from: usize, to: usize, moved_ticks: f64) {
        let transitions = if moved_ticks == 0.0 { &mut self.stays } else { &mut self.moves };
        transitions[from * self.states + to] += 1.0;
        self.counts[from] += 1.0;
        self.moved_ticks[from] += moved_ticks;
    }

    /// The chain is broken: what comes next does not follow from what came before.
    #[inline]
    pub fn interrupt(&mut self) {
        self.before = None;
    }

    /// Distance of the microprice from the mid in a state, ticks; 0 before enough was seen.
    #[inline]
    pub fn adjustment_ticks(&self, state: usize) -> f64 {
        self.adjustments[state]
    }

    /// Works the adjustments out anew where that is due.
    #[inline]
    pub fn refresh(&mut self, now_ns: i64) {
        #[allow(clippy::cast_possible_truncation, reason = "at most a million seconds")]
        let refresh_ns = (self.config.refresh_s * 1e9) as i64;
        if now_ns >= self.solved_ns.saturating_add(refresh_ns) {
            self.solve(now_ns);
        }
    }

    #[cold]
    fn solve(&mut self, now_ns: i64) {
        if self.solved_ns != i64::MIN {
            let kept = libm::exp(-((now_ns - self.solved_ns) as f64 * 1e-9) / self.config.memory_s);
            let sums = [&mut self.stays, &mut self.moves, &mut self.moved_ticks, &mut self.counts];
            sums.into_iter().flatten().for_each(|sum| *sum *= kept);
            self.moves_seen *= kept;
        }
        self.solved_ns = now_ns;
        if self.moves_seen >= f64::from(self.config.moves_min) {
            self.sum_moves();
        }
    }

    /// `sum over i of B^i G1`.
    fn sum_moves(&mut self) {
        let states = self.states;
        for from in 0..states {
            let count = self.counts[from].max(f64::MIN_POSITIVE);
            for to in 0..states {
                let unit = f64::from(u8::from(from == to));
                self.matrix[from * states + to] = unit - self.stays[from * states + to] / count;
            }
            self.term[from] = self.moved_ticks[from] / count;
        }
        decompose(&mut self.matrix, states);
        substitute(&self.matrix, &mut self.term);
        self.sum.copy_from_slice(&self.term);
        for _ in 0..MOVES_AHEAD_MAX {
            // The adjustments are not needed any more: room for the product.
            for from in 0..states {
                let row = &self.moves[from * states..][..states];
                let expected: f64 = row.iter().zip(&self.term).map(|(count, term)| count * term).sum();
                self.adjustments[from] = expected / self.counts[from].max(f64::MIN_POSITIVE);
            }
            std::mem::swap(&mut self.term, &mut self.adjustments);
            substitute(&self.matrix, &mut self.term);
            self.sum.iter_mut().zip(&self.term).for_each(|(sum, term)| *sum += term);
            if self.expects_less_than(NEGLIGIBLE_TICKS) {
                break;
            }
        }
        if !self.expects_less_than(UNSETTLED_TICKS) {
            // States that never met their mirror images drift by chance: the next move alone is believed.
            for from in 0..states {
                self.sum[from] = self.moved_ticks[from] / self.counts[from].max(f64::MIN_POSITIVE);
            }
            substitute(&self.matrix, &mut self.sum);
        }
        self.adjustments.copy_from_slice(&self.sum);
    }

    fn expects_less_than(&self, ticks: f64) -> bool {
        self.term.iter().all(|term| term.abs() < ticks)
    }
}

/// Lower and upper factors in place, without pivoting: one less chances is diagonally dominant.
fn decompose(matrix: &mut [f64], size: usize) {
    for pivot in 0..size {
        let diagonal = matrix[pivot * size + pivot];
        for row in pivot + 1..size {
            let factor = if diagonal > PIVOT_MIN { matrix[row * size + pivot] / diagonal } else { 0.0 };
            matrix[row * size + pivot] = factor;
            for column in pivot + 1..size {
                matrix[row * size + column] -= factor * matrix[pivot * size + column];
            }
        }
    }
}

/// Solves by the factors, in place. Where a pivot is gone the unknown is 0.
fn substitute(factors: &[f64], values: &mut [f64]) {
    let size = values.len();
    for row in 1..size {
        let known: f64 = (0..row).map(|column| factors[row * size + column] * values[column]).sum();
        values[row] -= known;
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|column| factors[row * size + column] * values[column]).sum();
        let pivot = factors[row * size + row];
        values[row] = if pivot > PIVOT_MIN { (values[row] - known) / pivot } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    const SECOND: i64 = 1_000_000_000;

    fn config(imbalance_classes: usize) -> MicropriceConfig {
        MicropriceConfig {
            imbalance_classes,
            spread_classes: 1,
            memory_s: 1e7,
            refresh_s: 1.0,
            moves_min: 10,
        }
    }

    #[test]
    fn a_touch_falls_into_its_class() {
        let micro = Microprice::new(&MicropriceConfig { spread_classes: 2, ..config(4) });
        // Shares 1/8, 3/8, 5/8, 1 of four classes; spreads of 1 and of 2 and more.
        let states = [(1, 7, 1), (3, 5, 1), (5, 3, 1), (9, 0, 1), (1, 7, 2), (9, 0, 77)];
        assert_eq!(states.map(|(bid, ask, spread)| micro.state(bid, ask, spread)), [0, 1, 2, 3, 4, 7]);
        assert_eq!([0, 1, 4, 7].map(|state| micro.mirrored(state)), [3, 2, 7, 4]);
    }

    #[test]
    fn states_that_never_meet_their_mirror_images_do_not_drift_away() {
        // Of five classes only the heaviest bid and the middle: up and down moves do not cancel in the sample.
        let mut micro = Microprice::new(&config(5));
        for step in 0..2_000 {
            micro.observe(if step % 2 == 0 { 4 } else { 2 }, [1.0, -1.0, 1.0][step % 3]);
        }
        micro.refresh(SECOND);
        assert!(micro.adjustment_ticks(4).abs() <= 1.0, "{}", micro.adjustment_ticks(4));
    }

    proptest::proptest! {
        #[test]
        fn swapped_lots_fall_into_the_mirror_image(
            bid in 0u32..1_000, ask in 0u32..1_000, classes in 2usize..11, spread in 1i64..6,
        ) {
            let micro = Microprice::new(&MicropriceConfig { spread_classes: 3, ..config(classes) });
            let (state, swapped) = (micro.state(bid, ask, spread), micro.state(ask, bid, spread));
            // A balanced touch of an even number of classes lies on an edge, and counts below it.
            proptest::prop_assert!(micro.mirrored(state) == swapped || bid == ask && classes % 2 == 0);
        }
    }

    /// A chain of two states. Heavy bid: the mid goes up with chance `u`, after which both states are equally likely; with
    /// chance `f` the weight changes sides without a move; else nothing changes. Heavy ask is the mirror image.
    fn two_states(u: f64, f: f64, steps: usize) -> Microprice {
        let mut micro = Microprice::new(&config(2));
        let (mut rng, mut state) = (Rng::new(5), 1);
        micro.observe(state, 0.0);
        for _ in 0..steps {
            let chance = rng.uniform();
            let moved = if chance >= u {
                0.0
            } else if state == 1 {
                1.0
            } else {
                -1.0
            };
            if moved != 0.0 {
                state = usize::from(rng.uniform() < 0.5);
            } else if chance < u + f {
                state = 1 - state;
            }
            micro.observe(state, moved);
        }
        micro.refresh(SECOND);
        micro
    }

    #[test]
    fn two_states_have_the_adjustment_of_their_closed_form() {
        // g = u + f (-g) + (1 - u - f) g, and what comes after a move adds nothing: g = u / (u + 2 f).
        for (u, f) in [(0.2, 0.1), (0.1, 0.3), (0.5, 0.0)] {
            let micro = two_states(u, f, 200_000);
            let expected = u / (u + 2.0 * f);
            let found = micro.adjustment_ticks(1);
            assert!((found - expected).abs() < 0.01, "{found} for {expected}");
            assert!((found + micro.adjustment_ticks(0)).abs() < 1e-9, "the mirror image");
        }
    }

    #[test]
    fn adjustments_are_the_mean_of_where_the_mid_ended_in_a_simulation() {
        // Six classes; the heavier the bid the likelier a move up, after which the imbalance stays or is drawn anew, half and
        // half. The truth is the mean over many futures, each followed for twelve moves: by then the start is forgotten.
        let up = |class: usize| [0.05, 0.25, 0.45, 0.55, 0.75, 0.95][class];
        let step = |class: &mut usize, rng: &mut Rng| -> f64 {
            if rng.uniform() < 0.3 {
                let is_up = rng.uniform() < up(*class);
                let fresh = usize::try_from(rng.below(6)).unwrap();
                // Half of the time the lean goes on.
                *class = if rng.uniform() < 0.5 { *class } else { fresh };
                if is_up { 1.0 } else { -1.0 }
            } else {
                let is_right = rng.uniform() < 0.5;
                *class = if is_right { (*class + 1).min(5) } else { class.saturating_sub(1) };
                0.0
            }
        };
        let mut micro = Microprice::new(&config(6));
        let (mut rng, mut class) = (Rng::new(7), 3);
        for _ in 0..400_000 {
            let moved = step(&mut class, &mut rng);
            micro.observe(class, moved);
        }
        micro.refresh(SECOND);
        for start in [0, 1, 3, 5] {
            let mut total = 0.0;
            let futures = 20_000;
            for _ in 0..futures {
                let (mut class, mut moves) = (start, 0);
                while moves < 12 {
                    let moved = step(&mut class, &mut rng);
                    total += moved;
                    moves += i32::from(moved != 0.0);
                }
            }
            let truth = total / f64::from(futures);
            // The standard error of such a mean is about sqrt(12 / 20,000) = 0.025.
            let found = micro.adjustment_ticks(start);
            assert!((found - truth).abs() < 0.1, "class {start}: {found} against {truth}");
        }
    }

    #[test]
    fn without_enough_moves_or_with_a_state_that_never_moves_nothing_is_adjusted() {
        let mut micro = Microprice::new(&config(2));
        for step in 0..1_000 {
            micro.observe(step % 2, 0.0);
        }
        micro.refresh(SECOND);
        assert_eq!([0, 1].map(|state| micro.adjustment_ticks(state)), [0.0; 2]);
        micro.moves_seen = 100.0;
        micro.refresh(3 * SECOND);
        assert_eq!([0, 1].map(|state| micro.adjustment_ticks(state)), [0.0; 2], "no move was ever seen");
    }

    #[test]
    fn a_chain_that_was_interrupted_counts_nothing_across_the_gap() {
        let mut micro = Microprice::new(&config(2));
        micro.observe(1, 0.0);
        micro.interrupt();
        micro.observe(1, 5.0);
        assert_eq!(micro.moves_seen, 0.0);
        micro.observe(1, 5.0);
        assert_eq!(micro.moves_seen, 1.0);
    }
}
