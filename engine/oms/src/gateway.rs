//! What stands at the end of the street: the simulated exchange in a backtest, a session when live.

use tickrace_types::{Envelope, Header, OrderRecord, Record, ResponseRecord, TopOfBook};

/// A market record that a simulated world has done and hands to the desk.
#[derive(Clone, Copy, Debug)]
pub struct Led {
    /// The record as it came, and the top of its instrument's book after it.
    pub envelope: Envelope,
    /// Side with what only the book knows ([`tickrace_book::Change::told`]).
    pub side: u8,
    /// Price with the same.
    pub price: i64,
}

impl Default for Led {
    fn default() -> Self {
        let envelope = Envelope::small(&Record::default(), &TopOfBook::NONE);
        Self { envelope, side: 0, price: 0 }
    }
}

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

    /// Whether this world reads the market data for the desk too: one reading and one book then serve both. The sequencer asks
    /// for each record when it is about to be received; on one thread only.
    fn leads(&self) -> bool {
        false
    }

    /// Header of the record that [`Gateway::lead`] gives next; `None` at the end of the data.
    fn led_next(&self) -> Option<&Header> {
        None
    }

    /// Does the next record, unless that was done already, and gives it; what arrives at the venue before it comes first. Every
    /// order that can arrive by then must have been sent.
    fn lead(&mut self, out: &mut Led) {
        let _ = out;
    }

    /// Tops of all books after the record given last, where that was a word about the whole venue.
    fn led_tops(&mut self) -> Vec<TopOfBook> {
        Vec::new()
    }

    /// Hands over the responses produced so far, in order of their receive time.
    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord))
    where
        Self: Sized;
}
