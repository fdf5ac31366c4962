//! The vocabulary of the street: prices, quantities, cash, instruments and the records everything is made of.
//!
//! Knows nothing of books, strategies, threads or files. Money is integer here (nano-unit prices, whole lots,
//! 1e-18 cash); every record is fixed-size, padding-free and little-endian in memory on the hosts we support,
//! so that a ring slot, a journal entry and a tick file share one layout.
#![deny(unsafe_code)]

pub mod cash;
pub mod contract;
pub mod event;
pub mod ids;
pub mod instrument;
pub mod prefetch;
pub mod price;
pub mod qty;
pub mod side;
pub mod target;
pub mod terms;
pub mod top;

pub use cash::Cash;
pub use contract::Contract;
pub use event::{
    Action, BarRecord, BarShapeRecord, Envelope, Flags, Header, Kind, MarketRecord, OrderRecord, OrderType,
    QuoteRecord, Record, ResponseKind, ResponseRecord, SymbolRecord, TimeInForce, Verdict,
};
pub use ids::{AccountId, ClientId, InstrumentId, SessionId, StrategyId, VenueId};
pub use instrument::{Instrument, InstrumentError, InstrumentTable};
pub use price::Price;
pub use qty::Qty;
pub use side::Side;
pub use target::{TargetReason, TargetRecord};
pub use terms::{Peg, SelfTrade, Terms, Trigger};
pub use top::{Phase, TopOfBook};
