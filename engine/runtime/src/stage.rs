//! Stages and what they write to. A stage knows neither its thread nor the ring behind it.

/// Takes what a stage gives out.
///
/// An output is lent, not copied: whoever comes next may complete it in place (a side, a verdict, a number), so that
/// a record walks the whole street of one thread in the cache lines it was made in. A ring copies it into its slot.
///
/// Every `FnMut(&mut T)` is one, so a test or the end of a chain needs no type of its own.
pub trait Emit<T> {
    /// Takes one output, in order; afterwards it may say more than before.
    fn emit(&mut self, output: &mut T);
}

impl<T, F: FnMut(&mut T)> Emit<T> for F {
    #[inline(always)]
    fn emit(&mut self, output: &mut T) {
        self(output);
    }
}

/// One step of the tick's walk.
pub trait Stage {
    /// What it handles.
    type In;
    /// What it gives out.
    type Out;

    /// Handles one input, which it may complete in place and pass on; writes zero or more outputs, in order. Never
    /// blocks, never allocates.
    fn on(&mut self, input: &mut Self::In, out: &mut impl Emit<Self::Out>);
}
