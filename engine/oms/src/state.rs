//! The life of one order as one exhaustive transition table.
//!
//! Every client id lives once. A replacement is an order of its own (venues give it a new number): it starts
//! pending while the order it replaces is [`State::PendingReplace`], and at any moment at most one of the two
//! rests at the venue. The table says nothing of quantities; [`crate::oms::Oms`] keeps those and turns a
//! response into an [`Event`] (a fill is [`Event::FilledAll`] when nothing remains).
//!
//! Invariants: a closed order never reopens; one request in flight per order, save that a cancel may overtake a
//! new order or a replace; a fill is never lost, whatever the state.

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Done {
    /// Every lot traded.
    Filled = 0,
    /// Taken off by us or by the venue, or disowned by the venue.
    Cancelled = 1,
    /// Never accepted by the venue.
    Rejected = 2,
    /// Another order stands in its place.
    Replaced = 3,
    /// Stopped by our own gate; never left the house.
    Refused = 4,
    /// Its time in force ran out (immediate-or-cancel rest, end of session).
    Expired = 5,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Sent as a new order or as a replacement; no answer yet.
    PendingNew,
    /// Rests at the venue, untouched.
    Live,
    /// Rests at the venue, partly traded.
    PartlyFilled,
    /// Rests at the venue; a replacement is under way.
    PendingReplace,
    /// A cancel is under way.
    PendingCancel,
    /// A request went unanswered for too long.
    Unknown,
    /// Closed for good.
    Done(Done),
}

/// What can happen to an order: three acts of ours, then what the venue or our gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// We sent a replacement of it.
    ReplaceSent,
    /// We sent its cancel.
    CancelSent,
    /// The answer to a request is overdue.
    TimedOut,
    /// The venue accepted it, as new or as a replacement.
    Accepted,
    /// Some lots traded, some remain.
    FilledPart,
    /// The last lots traded.
    FilledAll,
    /// Its replacement took its place.
    Superseded,
    /// The venue took it off.
    Cancelled,
    /// The venue ended it: rest of an immediate-or-cancel order, end of session.
    Expired,
    /// The venue refused it, as new or as a replacement.
    Rejected,
    /// Our gate refused it, as new or as a replacement.
    Refused,
    /// Its replacement was refused; it stands as it was.
    ReplaceFailed,
    /// Its cancel was refused; it stands as it was.
    CancelFailed,
    /// The venue refused a cancel or replace because it knows no such order.
    Disowned,
}

/// What an event does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Next {
    /// It moves there.
    To(State),
    /// It rests: [`State::PartlyFilled`] where lots have traded, else [`State::Live`].
    Resting,
    /// Expected here; nothing changes.
    Stay,
    /// A fill of a closed order: the position changes, the order stays closed.
    Late,
    /// The response does not fit; it is counted and changes nothing.
    Stray,
    /// We may not do this here.
    Forbidden,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::PendingNew,
        Self::Live,
        Self::PartlyFilled,
        Self::PendingReplace,
        Self::PendingCancel,
        Self::Unknown,
        Self::Done(Done::Filled),
        Self::Done(Done::Cancelled),
        Self::Done(Done::Rejected),
        Self::Done(Done::Replaced),
        Self::Done(Done::Refused),
        Self::Done(Done::Expired),
    ];

    /// Whether the order can still trade as far as we know.
    #[inline]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Done(_))
    }

    /// Whether an answer of the venue is awaited.
    #[inline]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::PendingNew | Self::PendingReplace | Self::PendingCancel)
    }

    /// A small number for fingerprints and journals.
    #[inline]
    pub const fn code(self) -> u8 {
        match self {
            Self::PendingNew => 0,
            Self::Live => 1,
            Self::PartlyFilled => 2,
            Self::PendingReplace => 3,
            Self::PendingCancel => 4,
            Self::Unknown => 5,
            Self::Done(done) => 8 + done as u8,
        }
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 14] = [
        Self::ReplaceSent,
        Self::CancelSent,
        Self::TimedOut,
        Self::Accepted,
        Self::FilledPart,
        Self::FilledAll,
        Self::Superseded,
        Self::Cancelled,
        Self::Expired,
        Self::Rejected,
        Self::Refused,
        Self::ReplaceFailed,
        Self::CancelFailed,
        Self::Disowned,
    ];
}

/// The table laid out for looking up, by [`State::code`] and event: a lookup mispredicts nothing.
const TABLE: [[Next; Event::ALL.len()]; 16] = {
    let mut table = [[Next::Forbidden; Event::ALL.len()]; 16];
    let mut state = 0;
    while state < State::ALL.len() {
        let mut event = 0;
        while event < Event::ALL.len() {
            let row = State::ALL[state].code() as usize;
            table[row][Event::ALL[event] as usize] = transition(State::ALL[state], Event::ALL[event]);
            event += 1;
        }
        state += 1;
    }
    table
};

/// [`transition`], looked up.
#[inline]
pub(crate) const fn next(state: State, event: Event) -> Next {
    TABLE[state.code() as usize & 15][event as usize]
}

/// The table. One line per pair; the compiler refuses a missing one.
pub const fn transition(state: State, event: Event) -> Next {
    use Event as E;
    use Next::{Forbidden, Late, Resting, Stay, Stray, To};
    use State as S;
    match (state, event) {
        (S::PendingNew, E::ReplaceSent) => Forbidden,
        (S::PendingNew, E::CancelSent) => To(S::PendingCancel),
        (S::PendingNew, E::TimedOut) => To(S::Unknown),
        (S::PendingNew, E::Accepted) => Resting,
        (S::PendingNew, E::FilledPart) => To(S::PartlyFilled),
        (S::PendingNew, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::PendingNew, E::Superseded) => Stray,
        (S::PendingNew, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::PendingNew, E::Expired) => To(S::Done(Done::Expired)),
        (S::PendingNew, E::Rejected) => To(S::Done(Done::Rejected)),
        (S::PendingNew, E::Refused) => To(S::Done(Done::Refused)),
        (S::PendingNew, E::ReplaceFailed) => Stray,
        (S::PendingNew, E::CancelFailed) => Stray,
        (S::PendingNew, E::Disowned) => Stray,

        (S::Live, E::ReplaceSent) => To(S::PendingReplace),
        (S::Live, E::CancelSent) => To(S::PendingCancel),
        (S::Live, E::TimedOut) => Forbidden,
        (S::Live, E::Accepted) => Stray,
        (S::Live, E::FilledPart) => To(S::PartlyFilled),
        (S::Live, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::Live, E::Superseded) => To(S::Done(Done::Replaced)),
        (S::Live, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::Live, E::Expired) => To(S::Done(Done::Expired)),
        (S::Live, E::Rejected) => Stray,
        (S::Live, E::Refused) => Stray,
        (S::Live, E::ReplaceFailed) => Stray,
        (S::Live, E::CancelFailed) => Stray,
        (S::Live, E::Disowned) => Stray,

        (S::PartlyFilled, E::ReplaceSent) => To(S::PendingReplace),
        (S::PartlyFilled, E::CancelSent) => To(S::PendingCancel),
        (S::PartlyFilled, E::TimedOut) => Forbidden,
        (S::PartlyFilled, E::Accepted) => Stray,
        (S::PartlyFilled, E::FilledPart) => Stay,
        (S::PartlyFilled, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::PartlyFilled, E::Superseded) => To(S::Done(Done::Replaced)),
        (S::PartlyFilled, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::PartlyFilled, E::Expired) => To(S::Done(Done::Expired)),
        (S::PartlyFilled, E::Rejected) => Stray,
        (S::PartlyFilled, E::Refused) => Stray,
        (S::PartlyFilled, E::ReplaceFailed) => Stray,
        (S::PartlyFilled, E::CancelFailed) => Stray,
        (S::PartlyFilled, E::Disowned) => Stray,

        (S::PendingReplace, E::ReplaceSent) => Forbidden,
        (S::PendingReplace, E::CancelSent) => To(S::PendingCancel),
        (S::PendingReplace, E::TimedOut) => To(S::Unknown),
        (S::PendingReplace, E::Accepted) => Stray,
        (S::PendingReplace, E::FilledPart) => Stay,
        (S::PendingReplace, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::PendingReplace, E::Superseded) => To(S::Done(Done::Replaced)),
        (S::PendingReplace, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::PendingReplace, E::Expired) => To(S::Done(Done::Expired)),
        (S::PendingReplace, E::Rejected) => Stray,
        (S::PendingReplace, E::Refused) => Stray,
        (S::PendingReplace, E::ReplaceFailed) => Resting,
        (S::PendingReplace, E::CancelFailed) => Stray,
        (S::PendingReplace, E::Disowned) => To(S::Done(Done::Cancelled)),

        (S::PendingCancel, E::ReplaceSent) => Forbidden,
        (S::PendingCancel, E::CancelSent) => Forbidden,
        (S::PendingCancel, E::TimedOut) => To(S::Unknown),
        (S::PendingCancel, E::Accepted) => Stay,
        (S::PendingCancel, E::FilledPart) => Stay,
        (S::PendingCancel, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::PendingCancel, E::Superseded) => To(S::Done(Done::Replaced)),
        (S::PendingCancel, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::PendingCancel, E::Expired) => To(S::Done(Done::Expired)),
        (S::PendingCancel, E::Rejected) => To(S::Done(Done::Rejected)),
        (S::PendingCancel, E::Refused) => To(S::Done(Done::Refused)),
        (S::PendingCancel, E::ReplaceFailed) => Stay,
        (S::PendingCancel, E::CancelFailed) => Resting,
        (S::PendingCancel, E::Disowned) => To(S::Done(Done::Cancelled)),

        (S::Unknown, E::ReplaceSent) => Forbidden,
        (S::Unknown, E::CancelSent) => To(S::PendingCancel),
        (S::Unknown, E::TimedOut) => Forbidden,
        (S::Unknown, E::Accepted) => Resting,
        (S::Unknown, E::FilledPart) => To(S::PartlyFilled),
        (S::Unknown, E::FilledAll) => To(S::Done(Done::Filled)),
        (S::Unknown, E::Superseded) => To(S::Done(Done::Replaced)),
        (S::Unknown, E::Cancelled) => To(S::Done(Done::Cancelled)),
        (S::Unknown, E::Expired) => To(S::Done(Done::Expired)),
        (S::Unknown, E::Rejected) => To(S::Done(Done::Rejected)),
        (S::Unknown, E::Refused) => To(S::Done(Done::Refused)),
        (S::Unknown, E::ReplaceFailed) => Resting,
        (S::Unknown, E::CancelFailed) => Resting,
        (S::Unknown, E::Disowned) => To(S::Done(Done::Cancelled)),

        (S::Done(_), E::ReplaceSent) => Forbidden,
        (S::Done(_), E::CancelSent) => Forbidden,
        (S::Done(_), E::TimedOut) => Forbidden,
        (S::Done(_), E::Accepted) => Stray,
        (S::Done(_), E::FilledPart) => Late,
        (S::Done(_), E::FilledAll) => Late,
        (S::Done(_), E::Superseded) => Stray,
        (S::Done(_), E::Cancelled) => Stray,
        (S::Done(_), E::Expired) => Stray,
        (S::Done(_), E::Rejected) => Stray,
        (S::Done(_), E::Refused) => Stray,
        // A request that crossed the order's end on the wire: the usual race, not a fault.
        (S::Done(_), E::ReplaceFailed) => Stay,
        (S::Done(_), E::CancelFailed) => Stay,
        (S::Done(_), E::Disowned) => Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLS: [Event; 2] = [Event::FilledPart, Event::FilledAll];
    const ACTS: [Event; 3] = [Event::ReplaceSent, Event::CancelSent, Event::TimedOut];

    #[test]
    fn what_is_looked_up_is_what_the_table_says() {
        for state in State::ALL {
            for event in Event::ALL {
                assert_eq!(next(state, event), transition(state, event), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn closed_orders_never_reopen() {
        for state in State::ALL.into_iter().filter(|state| !state.is_open()) {
            for event in Event::ALL {
                let next = transition(state, event);
                assert!(!matches!(next, Next::To(_) | Next::Resting), "{state:?} {event:?} gives {next:?}");
            }
        }
    }

    #[test]
    fn a_fill_is_never_dropped() {
        for state in State::ALL {
            for event in FILLS {
                let next = transition(state, event);
                let lost = matches!(next, Next::Stray | Next::Forbidden);
                assert!(!lost, "{state:?} {event:?} gives {next:?}");
                assert_eq!(state.is_open(), next != Next::Late, "{state:?} {event:?}");
            }
            if state.is_open() {
                assert_eq!(transition(state, Event::FilledAll), Next::To(State::Done(Done::Filled)));
            }
        }
    }

    #[test]
    fn our_own_acts_are_allowed_exactly_where_listed() {
        // Worked out from the rule "one request in flight, save that a cancel may overtake".
        let allowed = [
            (State::Live, Event::ReplaceSent),
            (State::PartlyFilled, Event::ReplaceSent),
            (State::PendingNew, Event::CancelSent),
            (State::Live, Event::CancelSent),
            (State::PartlyFilled, Event::CancelSent),
            (State::PendingReplace, Event::CancelSent),
            (State::Unknown, Event::CancelSent),
            (State::PendingNew, Event::TimedOut),
            (State::PendingReplace, Event::TimedOut),
            (State::PendingCancel, Event::TimedOut),
        ];
        for state in State::ALL {
            for event in Event::ALL {
                let forbidden = transition(state, event) == Next::Forbidden;
                let ours = ACTS.contains(&event);
                assert_eq!(forbidden, ours && !allowed.contains(&(state, event)), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn the_venue_can_always_end_an_open_order() {
        let ends = [(Event::Cancelled, Done::Cancelled), (Event::Expired, Done::Expired)];
        for state in State::ALL.into_iter().filter(|state| state.is_open()) {
            for (event, done) in ends {
                assert_eq!(transition(state, event), Next::To(State::Done(done)), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_refused_cancel_or_replace_gives_the_order_back() {
        assert_eq!(transition(State::PendingReplace, Event::ReplaceFailed), Next::Resting);
        assert_eq!(transition(State::PendingCancel, Event::CancelFailed), Next::Resting);
        // The replace fails while the cancel sent after it is still under way: still leaving.
        assert_eq!(transition(State::PendingCancel, Event::ReplaceFailed), Next::Stay);
    }

    #[test]
    fn no_request_in_flight_means_no_refusal_of_one() {
        let refusals =
            [Event::Rejected, Event::Refused, Event::ReplaceFailed, Event::CancelFailed, Event::Disowned];
        for state in [State::Live, State::PartlyFilled] {
            for event in refusals {
                assert_eq!(transition(state, event), Next::Stray, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<u8> = State::ALL.into_iter().map(State::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), State::ALL.len());
    }
}
