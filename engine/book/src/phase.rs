//! Phase of trading of each instrument, from what the venue says of itself and of the instrument.
//!
//! The venue's word (system events) and the instrument's (trading actions) come apart; a reader wants one
//! answer. Knows nothing of orders.

use tickrace_types::{InstrumentId, Phase};

/// The venue's phase and each instrument's own, and what follows from both.
///
/// In this order: an instrument's halt wins over all; a closed venue over the rest; the instrument's own auction,
/// pre-open and close come next; its `Continuous` counts only while the venue is continuous too, or has said
/// nothing yet (pieces of a day hold no system events). Of an instrument without a word of its own only what keeps one
/// from trading is known: the venue's phase counts, except that a continuous venue leaves it `Unknown`
/// (Nasdaq TotalView-ITCH 5.0, "Stock Trading Action": an absent security is to be treated as halted).
#[derive(Clone, Debug)]
pub struct PhaseTracker {
    venue: Option<Phase>,
    own: Vec<Phase>,
}

impl PhaseTracker {
    /// Nothing said yet about `instruments` instruments.
    pub fn new(instruments: usize) -> Self {
        Self { venue: None, own: vec![Phase::Unknown; instruments] }
    }

    /// The venue stated its own phase: every instrument's answer may change.
    #[inline]
    pub fn on_venue(&mut self, phase: Phase) {
        self.venue = Some(phase);
    }

    /// The venue stated the phase of one instrument; one that is out of range is passed over.
    #[inline]
    pub fn on_instrument(&mut self, instrument: InstrumentId, phase: Phase) {
        if let Some(own) = self.own.get_mut(instrument.index()) {
            *own = phase;
        }
    }

    /// The phase that counts for `instrument`; `Unknown` where it is out of range.
    #[inline]
    pub fn phase(&self, instrument: InstrumentId) -> Phase {
        self.own.get(instrument.index()).map_or(Phase::Unknown, |own| combined(self.venue, *own))
    }
}

fn combined(venue: Option<Phase>, own: Phase) -> Phase {
    match (own, venue) {
        (Phase::Halted, _) => Phase::Halted,
        (_, Some(Phase::Closed)) => Phase::Closed,
        (Phase::Auction | Phase::PreOpen | Phase::Closed, _) | (Phase::Continuous | Phase::Unknown, None) => {
            own
        }
        (Phase::Continuous, Some(venue)) => venue,
        (Phase::Unknown, Some(Phase::Continuous)) => Phase::Unknown,
        (Phase::Unknown, Some(venue)) => venue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstrumentId = InstrumentId(0);

    fn after(venue: &[Phase], own: &[Phase]) -> Phase {
        let mut tracker = PhaseTracker::new(1);
        venue.iter().for_each(|phase| tracker.on_venue(*phase));
        own.iter().for_each(|phase| tracker.on_instrument(ONE, *phase));
        tracker.phase(ONE)
    }

    #[test]
    fn a_piece_of_a_day_trades_on_the_instruments_word_alone() {
        assert_eq!(after(&[], &[]), Phase::Unknown);
        assert_eq!(after(&[], &[Phase::Continuous]), Phase::Continuous);
    }

    #[test]
    fn continuous_counts_only_while_the_venue_is_continuous() {
        assert_eq!(after(&[Phase::PreOpen], &[Phase::Continuous]), Phase::PreOpen);
        assert_eq!(after(&[Phase::PreOpen, Phase::Continuous], &[Phase::Continuous]), Phase::Continuous);
        assert_eq!(after(&[Phase::Continuous, Phase::Closed], &[Phase::Continuous]), Phase::Closed);
        assert_eq!(after(&[Phase::Halted], &[Phase::Continuous]), Phase::Halted);
    }

    #[test]
    fn halt_and_auction_of_the_instrument_win_over_an_open_venue() {
        assert_eq!(after(&[Phase::Continuous], &[Phase::Continuous, Phase::Halted]), Phase::Halted);
        assert_eq!(after(&[Phase::Continuous], &[Phase::Halted, Phase::Auction]), Phase::Auction);
    }

    #[test]
    fn a_closed_venue_wins_over_all_but_a_halt() {
        assert_eq!(after(&[Phase::Closed], &[Phase::Auction]), Phase::Closed);
        assert_eq!(after(&[Phase::Closed], &[Phase::Halted]), Phase::Halted);
    }

    #[test]
    fn an_instrument_never_mentioned_does_not_trade() {
        assert_eq!(after(&[Phase::Continuous], &[]), Phase::Unknown);
        assert_eq!(after(&[Phase::PreOpen], &[]), Phase::PreOpen);
    }
}
