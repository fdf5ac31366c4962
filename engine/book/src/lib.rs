//! Books for thousands of instruments, order by order or by price level, and their plain oracle.
//!
//! [`Books`] takes market records in the venue's order and keeps every displayed order, its place in the queue
//! of its price, the levels and the touch; of an instrument whose feed states levels or quotes only, these. It knows nothing of our own orders, of files or of threads; what it
//! has to say to strategy and risk is a [`tickrace_types::TopOfBook`]. [`naive::NaiveBooks`] is the same thing
//! written to be obviously right; a property test holds the two together.
#![forbid(unsafe_code)]

pub mod bars;
pub mod books;
pub mod change;
mod far_levels;
mod index;
mod ladder;
mod levels;
pub mod naive;
pub mod phase;
mod pool;

pub use bars::{BarSpec, Bars};
pub use books::Books;
pub use change::{Change, Counters, Level, Outcome, Queued, Resting};
pub use levels::{Beside, LevelChange};
pub use phase::PhaseTracker;
