//! Codes of [`tickrace_types::Kind::Notice`] records that decoders of crypto data give. The venue's instrument, times and
//! row number stand in the header; fields that are not named are zero.

/// Funding of a perpetual: `price` the rate as a fraction in nano-units (0.0001 is 100_000), `order_ref` when it is paid,
/// nanoseconds since the Unix epoch, 0 where the file does not say.
pub const FUNDING: u8 = b'f';
/// Predicted rate of the funding after that: `price` as for [`FUNDING`].
pub const FUNDING_PREDICTED: u8 = b'p';
/// Mark price: `price` in nano-units.
pub const MARK: u8 = b'm';
/// Index price: `price` in nano-units.
pub const INDEX: u8 = b'i';
/// Open interest: `order_ref` in nano-units of what the venue counts in (coins or contracts).
pub const OPEN_INTEREST: u8 = b'o';
/// A forced liquidation: `side` (0 bought, 1 sold), `price`, `qty` and `order_ref` as in a print.
pub const LIQUIDATION: u8 = b'l';
/// Several trades in one, where the single trades are in the file as prints: as a print.
pub const AGGREGATE: u8 = b'a';
/// A depth message that changed nothing: empty, or older than the book.
pub const DEPTH_UNCHANGED: u8 = b'd';
/// A snapshot of a book that was complete already.
pub const SNAPSHOT_UNUSED: u8 = b's';
/// Any other message of the venue.
pub const OTHER: u8 = b'?';
