//! One element of the array.

use zerocopy::little_endian::{F64, I64, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bits and kinds of [`Row::ev`]. Source: hftbacktest 0.9.4, `types.rs`.
pub mod ev {
    /// To be handled at the exchange, at its time.
    pub const EXCH: u64 = 1 << 31;
    /// To be handled by us, at our time.
    pub const LOCAL: u64 = 1 << 30;
    /// Bid side; of a trade: the buyer took.
    pub const BUY: u64 = 1 << 29;
    /// Ask side; of a trade: the seller took.
    pub const SELL: u64 = 1 << 28;
    /// The kind is in these bits.
    pub const KIND: u64 = 0xff;
    /// A level as it now is.
    pub const DEPTH: u64 = 1;
    /// A trade.
    pub const TRADE: u64 = 2;
    /// Levels, or orders, are gone.
    pub const DEPTH_CLEAR: u64 = 3;
    /// A level of a snapshot.
    pub const DEPTH_SNAPSHOT: u64 = 4;
    /// The best level of a side.
    pub const DEPTH_BBO: u64 = 5;
    /// An order was added.
    pub const ADD_ORDER: u64 = 10;
    /// An order was removed.
    pub const CANCEL_ORDER: u64 = 11;
    /// An order has another price or quantity.
    pub const MODIFY_ORDER: u64 = 12;
    /// An order was executed; that it leaves, or has less, comes as a row of its own.
    pub const FILL: u64 = 13;
}

/// Names and types of the fields, in order. Source: hftbacktest 0.9.4, `types.rs`, `Event`.
pub const FIELDS: [(&str, &str); 8] = [
    ("ev", "<u8"),
    ("exch_ts", "<i8"),
    ("local_ts", "<i8"),
    ("px", "<f8"),
    ("qty", "<f8"),
    ("order_id", "<u8"),
    ("ival", "<i8"),
    ("fval", "<f8"),
];

/// An event.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Row {
    /// Kind and flags, see [`ev`].
    pub ev: U64,
    /// Time at the exchange, nanoseconds since the Unix epoch.
    pub exch_ts: I64,
    /// Time of receiving, nanoseconds since the Unix epoch.
    pub local_ts: I64,
    /// Price.
    pub px: F64,
    /// Quantity.
    pub qty: F64,
    /// Order number where the feed is order by order.
    pub order_id: U64,
    /// Not used by the format.
    pub ival: I64,
    /// Not used by the format.
    pub fval: F64,
}
const _: () = assert!(size_of::<Row>() == ROW_BYTES);

/// Bytes of a row.
pub const ROW_BYTES: usize = 64;
