//! Tick files of any format as one native log: merged, in the order of receiving and in the venue's, with a head that
//! says what it was made from.

pub mod build;
pub mod head;
pub mod merge;
pub mod two_orders;

pub use build::{Made, build};
pub use head::{InputHead, TICKS, TicksHead, read_head};
