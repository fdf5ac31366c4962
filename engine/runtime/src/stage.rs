//! Stages and what they write to. A stage knows neither its thread nor the ring behind it.

/// Takes what a stage gives out.
///
/// Every `FnMut(&T)` is one, so a test or the end of a chain needs no type of its own.
pub trait Emit<T> {
    /// Takes one output, in order.
    fn emit(&mut self, output: &T);
}

impl<T, F: FnMut(&T)> Emit<T> for F {
    #[inline(always)]
    fn emit(&mut self, output: &T) {
        self(output);
    }
}

/// One step of the tick's walk.
pub trait Stage {
    /// What it handles.
    type In;
    /// What it gives out.
    type Out;

    /// Handles one input; writes zero or more outputs, in order. Never blocks, never allocates.
    fn on(&mut self, input: &Self::In, out: &mut impl Emit<Self::Out>);
}
