//! Why the gate refused an order.

use std::fmt;

use tickrace_types::Verdict;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $control:literal;)*) => {
        /// Why an order was refused. Codes start at 1, since 0 is [`Verdict::PASSED`]; they stand in journals and
        /// never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $variant = $code,)* }

        impl Reason {
            /// All of them, ascending by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Lower-case name with underscores, as summaries and reports show it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Number of the risk control it belongs to, 0 for plain nonsense that belongs to none.
            pub const fn control(self) -> u8 {
                match self { $(Self::$variant => $control,)* }
            }

            /// From its code; `None` for 0 and for a code this version does not know.
            #[inline]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// The kill switch is latched.
    Killed = 1, "killed", 18;
    /// Trading is halted for the strategy, instrument, venue or everything.
    Halted = 2, "halted", 13;
    /// Only cancels are allowed.
    CancelOnly = 3, "cancel_only", 13;
    /// Only orders that surely reduce the position are allowed, or the order says so of itself and does not.
    ReduceOnly = 4, "reduce_only", 13;
    /// The instrument is not in the table.
    UnknownInstrument = 5, "unknown_instrument", 0;
    /// The limits name no such account, or strategy, session or venue number is out of range.
    UnknownRoute = 6, "unknown_route", 0;
    /// The client id is zero, or not above every id used before.
    ClientIdReused = 7, "client_id_reused", 5;
    /// The order to be replaced or cancelled is not open.
    UnknownOrder = 8, "unknown_order", 0;
    /// The replacement changes instrument, side, account, type or time in force of the order.
    ReplaceMismatch = 9, "replace_mismatch", 0;
    /// A replacement of the order is in flight already; a cancel may still be sent.
    ReplaceInFlight = 10, "replace_in_flight", 0;
    /// The quantity is not positive, under or over what the venue takes, or nothing would remain open.
    VenueQuantity = 11, "venue_quantity", 4;
    /// The price is off the venue's grid.
    OffTick = 12, "off_tick", 4;
    /// The order has no limit price, and no trigger still to be reached, so no distance from a reference can be shown.
    NoLimitPrice = 13, "no_limit_price", 1;
    /// There is neither a mid nor a last trade nor a fair price of our own.
    NoReference = 14, "no_reference", 1;
    /// The price is too far from the reference.
    PriceCollar = 15, "price_collar", 1;
    /// More lots than our own limit.
    OrderQuantity = 16, "order_quantity", 2;
    /// More value than our own limit.
    OrderNotional = 17, "order_notional", 3;
    /// The same order too often in a short time.
    Duplicate = 18, "duplicate", 5;
    /// New orders of the session beyond their rate.
    NewRate = 19, "new_rate", 6;
    /// Replaces of the session beyond their rate.
    ReplaceRate = 20, "replace_rate", 6;
    /// Cancels of the session beyond their rate and their reserve.
    CancelRate = 21, "cancel_rate", 6;
    /// The position could leave its limit if everything open traded.
    Position = 22, "position", 8;
    /// Gross exposure of the account.
    AccountGross = 23, "account_gross", 9;
    /// Net exposure of the account.
    AccountNet = 24, "account_net", 9;
    /// Gross exposure of all accounts.
    TotalGross = 25, "total_gross", 9;
    /// Net exposure of all accounts.
    TotalNet = 26, "total_net", 9;
    /// Too many open orders on this side of the instrument.
    OpenOrders = 27, "open_orders", 10;
    /// Too many open lots on this side of the instrument.
    OpenQuantity = 28, "open_quantity", 10;
    /// No room for another open order in the gate itself.
    Capacity = 29, "capacity", 10;
    /// An order of our own rests, or is on its way, at a price this one would trade with.
    SelfTrade = 30, "self_trade", 11;
    /// The last book event is too old.
    BookAge = 31, "book_age", 14;
    /// The book missed something.
    BookStale = 32, "book_stale", 14;
    /// Best bid at or above best ask.
    BookCrossed = 33, "book_crossed", 14;
    /// Our clock and the venue's differ too much, or the order is older than the book.
    ClockDifference = 34, "clock_difference", 14;
    /// The phase of trading is not one we trade in.
    Phase = 35, "phase", 15;
    /// A code this version does not know, or type, time in force and terms that do not go together.
    OrderTerms = 36, "order_terms", 4;
    /// Too many executions of the strategy in a short time, and no person has confirmed them.
    Executions = 37, "executions", 7;
    /// The position could leave its share of the equity if everything open traded.
    EquityShare = 38, "equity_share", 8;
    /// The day's loss reached its limit.
    DailyLoss = 39, "daily_loss", 16;
    /// The week's loss reached its limit.
    WeeklyLoss = 40, "weekly_loss", 16;
    /// The fall from the highest equity reached its limit.
    Drawdown = 41, "drawdown", 16;
    /// Too many messages for what traded.
    OrderRatio = 42, "order_ratio", 17;
    /// An order was sent and never heard of again: what it did is not known.
    UnknownOrders = 43, "unknown_orders", 21;
    /// Our clock and the venue's are too far apart.
    ClockOffset = 44, "clock_offset", 25;
    /// Not every condition of starting holds yet.
    StartGuard = 45, "start_guard", 26;
    /// Disk, memory, a queue or the journal is at its end.
    Resources = 46, "resources", 27;
    /// The strategy's own position could leave its limit if everything it has open traded.
    StrategyPosition = 47, "strategy_position", 8;
    /// Gross value of the strategy's positions at worst.
    StrategyGross = 48, "strategy_gross", 9;
    /// More lots could be short than were located, if everything open traded.
    ShortSale = 49, "short_sale", 12;
    /// The instrument is on the restricted list.
    RestrictedList = 50, "restricted_list", 12;
}

impl Reason {
    /// Length of an array with a place for every code, 0 included.
    pub const CODE_COUNT: usize = Self::ALL.len() + 1;

    /// As the order's verdict.
    #[inline]
    pub const fn verdict(self) -> Verdict {
        Verdict(self as u8)
    }
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        reason.verdict()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_run_from_one_without_a_hole_and_come_back() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(*reason as u8), place + 1);
            assert_eq!(Reason::from_code(*reason as u8), Some(*reason));
            assert!(!reason.verdict().is_passed());
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(u8::MAX), None);
    }

    #[test]
    fn no_two_reasons_share_a_name() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
