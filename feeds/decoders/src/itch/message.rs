//! Zero-copy typed views of every ITCH 5.0 message, from one table.
//!
//! The table makes the structs, [`Message`], [`parse`], [`length_of`] and [`Visitor`], so they cannot disagree.
//! A view is the message's own bytes: fields are read (and swapped) when asked for.

use super::frame::FRAME;
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Six bytes, big-endian: the timestamp.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct U48(pub [u8; 6]);

impl U48 {
    /// Largest value plus one.
    pub const BOUND: u64 = 1 << 48;

    /// From a number; bits above 48 are cut off.
    #[inline]
    pub const fn new(value: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = value.to_be_bytes();
        Self([a, b, c, d, e, f])
    }

    /// As a number.
    #[inline]
    pub const fn get(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// First eleven bytes of every message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Head {
    /// Letter.
    pub message_type: u8,
    /// Day-scoped index of the instrument; 0 where the message is not about one.
    pub stock_locate: U16,
    /// The exchange's own; means nothing to us.
    pub tracking_number: U16,
    /// Nanoseconds since midnight, US Eastern.
    pub timestamp: U48,
}
const _: () = assert!(size_of::<Head>() == 11);

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No byte at all.
    #[error("empty message")]
    Empty,
    /// A type byte the document does not have.
    #[error("unknown message type {0:#04x}")]
    UnknownType(u8),
    /// The length is not that of the type.
    #[error("message type {message_type:#04x} takes {wanted} bytes, there are {got}")]
    Length {
        /// Type byte.
        message_type: u8,
        /// Length the document gives.
        wanted: u8,
        /// Length met.
        got: usize,
    },
}

macro_rules! messages {
    ($( $(#[$doc:meta])* $name:ident, $method:ident, $letter:literal, $len:literal {
        $( $(#[$field_doc:meta])* $field:ident: $type:ty, )*
    } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            #[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
            #[repr(C)]
            pub struct $name {
                /// Type, locate, tracking number and timestamp.
                pub head: Head,
                $( $(#[$field_doc])* pub $field: $type, )*
            }
            const _: () = assert!(size_of::<$name>() == $len);

            impl $name {
                /// Type byte.
                pub const LETTER: u8 = $letter;
                /// Bytes of the message.
                pub const LENGTH: usize = $len;
            }
        )*

        /// A message as a view of its bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'a> {
            $( $(#[$doc])* $name(&'a $name), )*
        }

        /// Type bytes of the document, in its order.
        pub const LETTERS: &[u8] = &[$( $letter, )*];

        /// Length by type byte; 0 where the document has no such type.
        pub(crate) const LENGTHS: [u8; 256] = {
            let mut table = [0; 256];
            $( table[$letter as usize] = $len; )*
            table
        };

        /// Receives messages as typed views; every method does nothing unless written.
        pub trait Visitor {
            $( $(#[$doc])* #[inline] fn $method(&mut self, message: &$name) { let _ = message; } )*
        }

        /// Views the bytes of one message (without its length prefix).
        ///
        /// # Errors
        ///
        /// [`Malformed`] where the type is unknown or the length is not the type's. Field values are not judged.
        #[inline]
        pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
            let Some(letter) = bytes.first() else { return Err(Malformed::Empty) };
            match *letter {
                $( $letter => match $name::ref_from_bytes(bytes) {
                    Ok(view) => Ok(Message::$name(view)),
                    Err(_) => Err(Malformed::Length { message_type: *letter, wanted: $len, got: bytes.len() }),
                }, )*
                other => Err(Malformed::UnknownType(other)),
            }
        }

        impl Message<'_> {
            /// First eleven bytes.
            #[inline]
            pub const fn head(&self) -> &Head {
                match self { $( Self::$name(view) => &view.head, )* }
            }

            /// The bytes viewed.
            pub fn as_bytes(&self) -> &[u8] {
                match self { $( Self::$name(view) => view.as_bytes(), )* }
            }

            /// Hands the view to its method.
            #[inline]
            pub fn accept(&self, visitor: &mut impl Visitor) {
                match self { $( Self::$name(view) => visitor.$method(view), )* }
            }
        }

        /// Hands the message after the length prefix of `frame`, whose length was tested, to its method; an
        /// unknown type is dropped.
        #[inline(always)]
        pub(crate) fn dispatch(frame: &[u8; FRAME], visitor: &mut impl Visitor) {
            match frame[2] {
                $( $letter => {
                    // The frame is longer than every message, so this is a cast: both sizes are constants.
                    if let Ok((view, _)) = $name::ref_from_prefix(&frame[2..]) {
                        visitor.$method(view);
                    }
                } )*
                _ => {}
            }
        }
    };
}

/// Length of a message type in bytes; `None` for a type the document does not have.
#[inline]
pub const fn length_of(letter: u8) -> Option<usize> {
    match LENGTHS[letter as usize] {
        0 => None,
        length => Some(length as usize),
    }
}

messages! {
    /// Start/end of the day and of its phases.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "System Event": 12 bytes.
    SystemEvent, system_event, b'S', 12 {
        /// `O` start of messages, `S` of system hours, `Q` of market hours; `M` end of market hours, `E` of system
        /// hours, `C` of messages.
        event_code: u8,
    }
    /// One per instrument before the open: maps stock_locate to symbol.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Stock Directory": 39 bytes.
    StockDirectory, stock_directory, b'R', 39 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Market category.
        market_category: u8,
        /// Financial status indicator.
        financial_status_indicator: u8,
        /// Round lot size.
        round_lot_size: U32,
        /// Round lots only: `Y` yes, `N` no.
        round_lots_only: u8,
        /// Issue classification.
        issue_classification: u8,
        /// Issue sub type.
        issue_sub_type: [u8; 2],
        /// Authenticity: `P` live production, `T` test.
        authenticity: u8,
        /// Short sale threshold indicator: `Y` restricted, `N` not restricted, ` ` not available.
        short_sale_threshold_indicator: u8,
        /// `Y` set up for IPO release, `N` not, `Z` newly listed without IPO, ` ` not available.
        ipo_flag: u8,
        /// Luld reference price tier: `1` tier 1, `2` tier 2, ` ` not available.
        luld_reference_price_tier: u8,
        /// Etp flag: `Y` etp, `N` not etp, ` ` not available.
        etp_flag: u8,
        /// Etp leverage factor.
        etp_leverage_factor: U32,
        /// Inverse indicator: `Y` inverse etp, `N` not inverse etp.
        inverse_indicator: u8,
    }
    /// Trading state of one instrument.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Stock Trading Action": 25 bytes.
    TradingAction, trading_action, b'H', 25 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Trading state: `H` halted, `P` paused, `Q` quotation only period, `T` trading.
        trading_state: u8,
        /// Reserved: ignore.
        reserved: u8,
        /// Reason code.
        reason_code: [u8; 4],
    }
    /// Short-sale price test (Reg SHO) state.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Reg Sho Short Sale Price Test Restricted Indicator": 20 bytes.
    ShortSaleRestriction, short_sale_restriction, b'Y', 20 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// `0` no price test, `1` short-sale price test restriction, `2` restriction remains.
        reg_sho_action: u8,
    }
    /// Market maker status of one MPID in one symbol.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Market Participant Position": 26 bytes.
    ParticipantPosition, participant_position, b'L', 26 {
        /// Mpid: market participant.
        mpid: [u8; 4],
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Primary market maker: `Y` primary, `N` non primary.
        primary_market_maker: u8,
        /// Market maker mode: `N` normal, `P` passive, `S` syndicate, `R` pre syndicate, `L` penalty.
        market_maker_mode: u8,
        /// Market participant state: `A` active, `E` excused, `W` withdrawn, `S` suspended, `D` deleted.
        market_participant_state: u8,
    }
    /// Market-wide circuit-breaker levels for the day.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Mwcb Decline Level": 35 bytes.
    BreakerLevels, breaker_levels, b'V', 35 {
        /// Level 1, eight implied decimals.
        level_1: U64,
        /// Level 2, eight implied decimals.
        level_2: U64,
        /// Level 3, eight implied decimals.
        level_3: U64,
    }
    /// A market-wide level was breached.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Mwcb Status Level": 12 bytes.
    BreakerStatus, breaker_status, b'W', 12 {
        /// Breached level: `1` level 1, `2` level 2, `3` level 3.
        breached_level: u8,
    }
    /// IPO quotation release.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Ipo Quoting Period Update": 28 bytes.
    IpoQuoting, ipo_quoting, b'K', 28 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Ipo quotation release time: seconds since midnight.
        ipo_quotation_release_time: U32,
        /// `A` anticipated quotation release time, `C` release cancelled or postponed.
        ipo_quotation_release_qualifier: u8,
        /// Ipo price, four implied decimals.
        ipo_price: U32,
    }
    /// Limit-up/limit-down auction collar.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Luld Auction Collar": 35 bytes.
    AuctionCollar, auction_collar, b'J', 35 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Auction collar reference price, four implied decimals.
        auction_collar_reference_price: U32,
        /// Upper auction collar price, four implied decimals.
        upper_auction_collar_price: U32,
        /// Lower auction collar price, four implied decimals.
        lower_auction_collar_price: U32,
        /// Auction collar extension: count of extensions.
        auction_collar_extension: U32,
    }
    /// Operational halt at one venue.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Operational Halt": 21 bytes.
    OperationalHalt, operational_halt, b'h', 21 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Market code: `Q` nasdaq, `B` nasdaq texas, `X` psx.
        market_code: u8,
        /// Operational halt action: `H` halted, `T` trading resumed.
        operational_halt_action: u8,
    }
    /// New displayed order without owner.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Add Order No Mpid Attribution": 36 bytes.
    AddOrder, add_order, b'A', 36 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// `B` buy, `S` sell.
        buy_sell_indicator: u8,
        /// Shares.
        shares: U32,
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Price, four implied decimals.
        price: U32,
    }
    /// New displayed order with MPID.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Add Order With Mpid Attribution": 40 bytes.
    AddOrderAttributed, add_order_attributed, b'F', 40 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// `B` buy, `S` sell.
        buy_sell_indicator: u8,
        /// Shares.
        shares: U32,
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Price, four implied decimals.
        price: U32,
        /// Attribution: MPID of the owner.
        attribution: [u8; 4],
    }
    /// Resting order traded at its own price.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Order Executed": 31 bytes.
    OrderExecuted, order_executed, b'E', 31 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// Executed shares: subtract from the resting order.
        executed_shares: U32,
        /// Day-unique number of the match.
        match_number: U64,
    }
    /// Resting order traded at another price.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Order Executed With Price": 36 bytes.
    OrderExecutedWithPrice, order_executed_with_price, b'C', 36 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// Executed shares: subtract from the resting order.
        executed_shares: U32,
        /// Day-unique number of the match.
        match_number: U64,
        /// Printable: `N` = do not count in volume (already in a bulk/cross print).
        printable: u8,
        /// Execution price, four implied decimals: overrides the resting price for this fill.
        execution_price: U32,
    }
    /// Part of a resting order was cancelled.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Order Cancel": 23 bytes.
    OrderCancel, order_cancel, b'X', 23 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// Canceled shares: subtract; order stays while > 0.
        canceled_shares: U32,
    }
    /// Resting order removed completely.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Order Delete": 19 bytes.
    OrderDelete, order_delete, b'D', 19 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
    }
    /// Cancel and re-enter under a new reference.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Order Replace": 35 bytes.
    OrderReplace, order_replace, b'U', 35 {
        /// Original order reference number: order to remove.
        original_order_reference_number: U64,
        /// New order reference number: order to add, same side, symbol, MPID; loses priority.
        new_order_reference_number: U64,
        /// Shares.
        shares: U32,
        /// Price, four implied decimals.
        price: U32,
    }
    /// Trade against a hidden order; no effect on the displayed book.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Non Cross Trade": 44 bytes.
    HiddenTrade, hidden_trade, b'P', 44 {
        /// Day-unique number of the displayed order.
        order_reference_number: U64,
        /// `B` buy, `S` sell.
        buy_sell_indicator: u8,
        /// Shares.
        shares: U32,
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Price, four implied decimals.
        price: U32,
        /// Day-unique number of the match.
        match_number: U64,
    }
    /// Result of an auction (cross).
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Cross Trade": 40 bytes.
    CrossTrade, cross_trade, b'Q', 40 {
        /// Cross shares.
        cross_shares: U64,
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Cross price, four implied decimals.
        cross_price: U32,
        /// Day-unique number of the match.
        match_number: U64,
        /// Cross type: `O` opening, `C` closing, `H` halted or paused, `A` extended close.
        cross_type: u8,
    }
    /// A trade was broken; book unaffected.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Broken Trade": 19 bytes.
    BrokenTrade, broken_trade, b'B', 19 {
        /// Day-unique number of the match.
        match_number: U64,
    }
    /// Net order imbalance before a cross.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Net Order Imbalance Indicator": 50 bytes.
    Imbalance, imbalance, b'I', 50 {
        /// Paired shares.
        paired_shares: U64,
        /// Imbalance shares.
        imbalance_shares: U64,
        /// Imbalance direction: `B` buy, `S` sell, `N` none, `O` insufficient orders, `P` paused.
        imbalance_direction: u8,
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Far price, four implied decimals.
        far_price: U32,
        /// Near price, four implied decimals.
        near_price: U32,
        /// Current reference price, four implied decimals.
        current_reference_price: U32,
        /// Cross type: `O` opening, `C` closing, `H` halted or paused, `A` extended close.
        cross_type: u8,
        /// Price variation indicator.
        price_variation_indicator: u8,
    }
    /// Retail price improvement interest.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Retail Price Improvement Indicator": 20 bytes.
    RetailInterest, retail_interest, b'N', 20 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Interest flag: `B` buy side, `S` sell side, `A` both sides, `N` no rpi orders available.
        interest_flag: u8,
    }
    /// Direct listing with capital raise: price discovery.
    ///
    /// Source: Nasdaq TotalView-ITCH 5.0, "Direct Listing With Capital Raise Price Discovery": 48 bytes.
    DirectListing, direct_listing, b'O', 48 {
        /// Symbol, padded right with spaces.
        stock: [u8; 8],
        /// Open eligibility status: `N` not eligible, `Y` eligible.
        open_eligibility_status: u8,
        /// Minimum allowable price, four implied decimals.
        minimum_allowable_price: U32,
        /// Maximum allowable price, four implied decimals.
        maximum_allowable_price: U32,
        /// Near execution price, four implied decimals.
        near_execution_price: U32,
        /// Near execution time: ns since midnight.
        near_execution_time: U64,
        /// Lower price range collar, four implied decimals.
        lower_price_range_collar: U32,
        /// Upper price range collar, four implied decimals.
        upper_price_range_collar: U32,
    }
}
