//! What stands at the end of the street: the simulated exchange in a backtest, a session when live.

use tickrace_types::{OrderRecord, ResponseRecord};

/// The last hand that holds an order and the first that holds its response.
///
/// A desk is generic over it, so the same compiled path serves backtest, paper and live.
pub trait Gateway {
    /// Takes an order that passed the gate. Never blocks, never allocates.
    fn send(&mut self, order: &OrderRecord);

    /// Lets a simulated world run up to `horizon_ns` (receive time), or only to its first response.
    ///
    /// Gives the time up to which every response is declared: none due at or before it will follow, whatever
    /// is sent later; `i64::MAX` where nothing can come before another order. Live gateways give `i64::MAX`.
    fn advance(&mut self, horizon_ns: i64) -> i64;

    /// Hands over the responses produced so far, in order of their receive time.
    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord))
    where
        Self: Sized;
}
