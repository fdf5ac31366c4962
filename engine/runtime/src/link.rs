//! What follows a stage: *here* (a call, inlined) or *there* (a ring to another thread), chosen at start.
//!
//! The chain is one type for every placement: `Joined<Book, Link<Joined<Decide, …>, Envelope>>`. The only cost of
//! the choice is one predictable branch per hop.

use crate::ring::{Producer, Slotted};
use crate::stage::{Emit, Stage};

/// What follows: the next stages on this thread, or a ring.
#[allow(
    clippy::large_enum_variant,
    reason = "built once at start; a box would cost an indirection per event"
)]
pub enum Link<N, T: Slotted> {
    /// The next stages run on this thread.
    Here(N),
    /// The next stages run on the thread at the other end.
    There(Producer<T>),
}

impl<T: Slotted, N: Emit<T>> Emit<T> for Link<N, T> {
    #[inline(always)]
    fn emit(&mut self, output: &mut T) {
        match self {
            Self::Here(next) => next.emit(output),
            Self::There(ring) => ring.emit(output),
        }
    }
}

impl<N, T: Slotted> Link<N, T> {
    /// The stages on this thread, where they are here.
    pub fn here(&self) -> Option<&N> {
        match self {
            Self::Here(next) => Some(next),
            Self::There(_) => None,
        }
    }

    /// The stages on this thread, to be changed, where they are here.
    pub fn here_mut(&mut self) -> Option<&mut N> {
        match self {
            Self::Here(next) => Some(next),
            Self::There(_) => None,
        }
    }

    /// The ring, where the next stages run elsewhere.
    pub fn there(&self) -> Option<&Producer<T>> {
        match self {
            Self::Here(_) => None,
            Self::There(ring) => Some(ring),
        }
    }
}

/// A stage and what follows it.
pub struct Joined<S, L> {
    /// The stage.
    pub stage: S,
    /// What it writes to.
    pub next: L,
}

impl<S, L> Joined<S, L> {
    /// Joins the two.
    pub const fn new(stage: S, next: L) -> Self {
        Self { stage, next }
    }
}

impl<S: Stage, L: Emit<S::Out>> Emit<S::In> for Joined<S, L> {
    #[inline(always)]
    fn emit(&mut self, input: &mut S::In) {
        self.stage.on(input, &mut self.next);
    }
}

/// Nothing follows: what is emitted is gone.
#[derive(Clone, Copy, Debug, Default)]
pub struct End;

impl<T> Emit<T> for End {
    #[inline(always)]
    fn emit(&mut self, _output: &mut T) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::IdleStrategy;
    use crate::ring::{self, Full};

    /// Gives out each number twice when it is even, not at all otherwise.
    struct EvenTwice;

    impl Stage for EvenTwice {
        type In = u64;
        type Out = u64;

        fn on(&mut self, input: &mut u64, out: &mut impl Emit<u64>) {
            if input.is_multiple_of(2) {
                // The first may have been completed by who took it: the second is a copy of its own.
                let mut second = *input;
                out.emit(input);
                out.emit(&mut second);
            }
        }
    }

    /// Adds what it saw so far.
    struct RunningSum(u64);

    impl Stage for RunningSum {
        type In = u64;
        type Out = u64;

        fn on(&mut self, input: &mut u64, out: &mut impl Emit<u64>) {
            self.0 += *input;
            *input = self.0;
            out.emit(input);
        }
    }

    // 2 2 4 4 6 6 summed as they come.
    const EXPECTED: [u64; 6] = [2, 4, 8, 12, 18, 24];

    #[test]
    fn a_fused_chain_and_one_cut_by_a_ring_give_the_same_outputs() {
        let mut fused = Vec::new();
        {
            let tail = Joined::new(RunningSum(0), |sum: &mut u64| fused.push(*sum));
            let mut chain = Joined::new(EvenTwice, Link::<_, u64>::Here(tail));
            (1..=6).for_each(|mut number| chain.emit(&mut number));
        }
        assert_eq!(fused, EXPECTED);

        let (producer, mut consumer) = ring::ring(64, Full::Spin, IdleStrategy::Spin).unwrap();
        let mut head = Joined::new(EvenTwice, Link::<End, u64>::There(producer));
        (1..=6).for_each(|mut number| head.emit(&mut number));
        let mut split = Vec::new();
        let mut tail = Joined::new(RunningSum(0), |sum: &mut u64| split.push(*sum));
        consumer.drain(usize::MAX, |number| tail.emit(&mut number.clone()));
        assert_eq!(split, EXPECTED);
    }
}
