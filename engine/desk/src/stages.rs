//! The stages of the street, in the order a tick meets them. Each is a plain struct that takes an envelope and
//! hands envelopes on; none knows its thread or the ring behind it.

pub mod book;
pub mod decide;
pub mod gate;
pub mod send;
pub mod sequence;

pub use book::BookStage;
pub use decide::DecideStage;
pub use gate::GateStage;
pub use send::SendStage;
pub use sequence::Sequencer;
