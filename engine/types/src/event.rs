//! Everything that happens, as a record: one 32-byte header, then a body that fills 64 or 128 bytes.
//!
//! Layouts never change in place: a new layout is a new kind or version and a converter. All records are
//! plain integers without padding, so bytes from a file can be viewed in place ([`zerocopy`]).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Side;

/// What a record is. Kinds below [`Kind::LARGE_FROM`] are 64 bytes long, the others 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Never written; all-zero memory is not a record.
    None = 0,
    /// Displayed order added: `order_ref side qty price`. [`MarketRecord`].
    Add = 1,
    /// Resting order executed: `order_ref qty`, `other_ref` the match; `price` only where
    /// `code` has [`MarketRecord::WITH_PRICE`], else the order's own price counts.
    Execute = 2,
    /// Resting order reduced by `qty`: `order_ref qty`.
    Cancel = 3,
    /// Resting order removed: `order_ref`.
    Delete = 4,
    /// Order `order_ref` replaced by `other_ref` with new `qty` and `price`; loses priority.
    Replace = 5,
    /// Trade against hidden liquidity: `qty price`, `other_ref` the match. No book change.
    Trade = 6,
    /// Auction print: `order_ref` holds the shares (64 bits), `price`, `other_ref` the match, `code` the cross type.
    Cross = 7,
    /// Trade broken: `other_ref` the match.
    Broken = 8,
    /// Net order imbalance: `order_ref` paired shares, `other_ref` imbalance shares, `price` the current
    /// reference price, `side` as the imbalance (2 = none), `code` the cross type.
    Imbalance = 9,
    /// Phase of an instrument, or of the venue where the instrument is none: `code` is a [`crate::Phase`].
    Status = 10,
    /// Instrument announced: [`SymbolRecord`].
    Symbol = 11,
    /// The feed lost messages here: `order_ref` first missing sequence, `other_ref` count. Books go stale.
    Gap = 12,
    /// Anything of the venue that changes neither book nor phase (short-sale restriction, market-maker position,
    /// circuit-breaker levels, collars, retail interest); `code` is the venue's message type.
    Notice = 13,
    /// All orders of the instrument (or, without one, of every instrument) are gone; a snapshot follows. With `side` 0 or
    /// 1 and `code` [`MarketRecord::WITH_PRICE`], only the levels of that side from the touch up to `price`.
    Clear = 14,
    /// A price level as it now is: `side price`, `order_ref` its lots (64 bits, 0: gone), `other_ref` its orders where
    /// the venue counts them. Instruments with levels have no orders of their own in the book.
    Level = 15,
    /// Best bid and ask as a quote feed states them: [`QuoteRecord`].
    Quote = 16,
    /// Trade on a feed of levels or quotes: `qty price`, `side` of the aggressor (0 bought, 1 sold, 2 not told),
    /// `other_ref` the venue's trade number, `order_ref` the whole lots where they exceed 32 bits, else 0. What it took
    /// from the book comes as levels.
    Print = 17,
    /// First half of a bar: [`BarShapeRecord`]; its [`Kind::Bar`] follows at once.
    BarShape = 18,
    /// Second half of a bar, at its end: [`BarRecord`].
    Bar = 19,
    /// A timer fired: `order_ref` its number. [`MarketRecord`] layout.
    Timer = 20,
    /// Operator or supervisor: `code` is a [`ControlCode`], `order_ref` its argument. [`MarketRecord`] layout.
    Control = 21,
    /// Not journaled: nothing will be released before `ts_recv_ns`; downstream may advance its world to there.
    Horizon = 22,
    /// A position somebody wants held: [`crate::TargetRecord`].
    Target = 23,
    /// Ack, fill, cancel, reject: [`ResponseRecord`].
    Response = 64,
    /// Order, replace or cancel on its way out: [`OrderRecord`].
    Order = 65,
}

impl Kind {
    /// First kind of 128 bytes.
    pub const LARGE_FROM: u8 = 64;

    /// From its code; `None` for a code this version does not know.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Add,
            2 => Self::Execute,
            3 => Self::Cancel,
            4 => Self::Delete,
            5 => Self::Replace,
            6 => Self::Trade,
            7 => Self::Cross,
            8 => Self::Broken,
            9 => Self::Imbalance,
            10 => Self::Status,
            11 => Self::Symbol,
            12 => Self::Gap,
            13 => Self::Notice,
            14 => Self::Clear,
            15 => Self::Level,
            16 => Self::Quote,
            17 => Self::Print,
            18 => Self::BarShape,
            19 => Self::Bar,
            20 => Self::Timer,
            21 => Self::Control,
            22 => Self::Horizon,
            23 => Self::Target,
            64 => Self::Response,
            65 => Self::Order,
            _ => return None,
        })
    }

    /// Bytes a record of kind `code` takes: 64 or 128.
    #[inline]
    pub const fn size_of_code(code: u8) -> usize {
        if code < Self::LARGE_FROM { 64 } else { 128 }
    }

    /// Whether a record of this code came from a market-data feed.
    #[inline]
    pub const fn is_market_code(code: u8) -> bool {
        code >= 1 && code < 20
    }
}

/// What a [`Kind::Control`] record orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ControlCode {
    /// Latch the kill switch: refuse new orders, cancel everything.
    Kill = 1,
    /// First step of re-arming: after a kill where `qty` is 0, else after the risk control of that number tripped for the
    /// scope in `other_ref`.
    RearmRequest = 2,
    /// Second step, repeating the first; without it nothing happens.
    RearmConfirm = 3,
    /// Trading state of one instrument (or all, where it is none): argument 0 active, 1 reduce-only, 2 cancel-only, 3 halted.
    TradingState = 4,
    /// The market data of the run is over: policies fall silent, everything working is cancelled.
    EndOfSession = 5,
    /// A risk control's verdict: argument the trading state it imposes, 0 where it is over; `other_ref` the scope, `qty` the
    /// control, `price` what it measured.
    Verdict = 6,
    /// A person has seen the executions of a strategy: `other_ref` the scope.
    ExecutionsConfirmed = 7,
    /// Limits of another version: argument its number. What is tighter counts at once.
    LimitsProposed = 8,
    /// What is looser in them counts from now on; without the proposal before it nothing happens.
    LimitsConfirmed = 9,
    /// One limit of an instrument is another for a while: argument the value, `qty` the key, `price` until when (ns since the
    /// epoch).
    LimitOverride = 10,
    /// What surely reduces a known position may leave although trading is halted: `other_ref` the scope, `price` until when.
    ExitsAllowed = 11,
    /// A command was not carried out: argument why, `qty` the code it had.
    CommandRefused = 12,
    /// Conditions of starting that now hold: argument one bit each.
    StartReady = 13,
}

impl ControlCode {
    /// From its code.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Kill,
            2 => Self::RearmRequest,
            3 => Self::RearmConfirm,
            4 => Self::TradingState,
            5 => Self::EndOfSession,
            6 => Self::Verdict,
            7 => Self::ExecutionsConfirmed,
            8 => Self::LimitsProposed,
            9 => Self::LimitsConfirmed,
            10 => Self::LimitOverride,
            11 => Self::ExitsAllowed,
            12 => Self::CommandRefused,
            13 => Self::StartReady,
            _ => return None,
        })
    }
}

/// Bits of [`Header::flags`].
pub struct Flags;

impl Flags {
    /// The last record of what one packet or exchange event changed; policies run only here.
    pub const END_OF_EVENT: u8 = 1;
    /// The print is not to be counted in volume (`printable = N`).
    pub const NOT_PRINTABLE: u8 = 2;
    /// Part of a snapshot or of warm-up; not a live event.
    pub const SNAPSHOT: u8 = 4;
    /// Only for the venue's own book: the desk heard it at another place of the log, which is in the order of our
    /// receiving it. Together with [`Flags::DESK_ONLY`] a record stands twice where the two orders differ.
    pub const VENUE_ONLY: u8 = 8;
    /// Only for the desk: the venue did it at another place of the log.
    pub const DESK_ONLY: u8 = 16;
}

/// Source rank and number of a record: ties at one due time are released in this order.
pub mod source {
    /// Market data.
    pub const MARKET: u8 = 0;
    /// Responses of the venue.
    pub const RESPONSE: u8 = 1;
    /// Refusals of our own gate.
    pub const GATE: u8 = 2;
    /// Timers.
    pub const TIMER: u8 = 3;
    /// Control.
    pub const CONTROL: u8 = 4;
}

/// First 32 bytes of every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`Kind`] code.
    pub kind: u8,
    /// Layout version, 1.
    pub version: u8,
    /// [`Flags`] bits.
    pub flags: u8,
    /// [`source`] rank.
    pub source: u8,
    /// [`crate::InstrumentId`], `u32::MAX` for none.
    pub instrument: u32,
    /// In a tick file: message number from 1. In a journal: the sequencer's number from 1, gapless.
    pub seq: u64,
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// Receive time (our clock; simulated in a backtest), nanoseconds since the Unix epoch. The time deciding code sees.
    pub ts_recv_ns: i64,
}
const _: () = assert!(size_of::<Header>() == 32);

/// Layout version written today.
pub const VERSION: u8 = 1;

/// Any 64-byte record, body not yet interpreted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct Record {
    /// Header.
    pub header: Header,
    /// Body; see the kind's own struct.
    pub body: [u64; 4],
}
const _: () = assert!(size_of::<Record>() == 64);

impl Record {
    /// As a market, timer or control record.
    #[inline]
    pub fn as_market(&self) -> &MarketRecord {
        zerocopy::transmute_ref!(self)
    }

    /// As a market, timer or control record to be completed.
    #[inline]
    pub fn as_market_mut(&mut self) -> &mut MarketRecord {
        zerocopy::transmute_mut!(self)
    }

    /// As an instrument announcement.
    #[inline]
    pub fn as_symbol(&self) -> &SymbolRecord {
        zerocopy::transmute_ref!(self)
    }

    /// As a best bid and ask; meaningful where the kind is [`Kind::Quote`].
    #[inline]
    pub fn as_quote(&self) -> &QuoteRecord {
        zerocopy::transmute_ref!(self)
    }

    /// As the first half of a bar; meaningful where the kind is [`Kind::BarShape`].
    #[inline]
    pub fn as_bar_shape(&self) -> &BarShapeRecord {
        zerocopy::transmute_ref!(self)
    }

    /// As the second half of a bar; meaningful where the kind is [`Kind::Bar`].
    #[inline]
    pub fn as_bar(&self) -> &BarRecord {
        zerocopy::transmute_ref!(self)
    }
}

/// Market event, timer or control: see [`Kind`] for which fields count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct MarketRecord {
    /// Header.
    pub header: Header,
    /// Venue's order number.
    pub order_ref: u64,
    /// New order number of a replace; match number of a trade.
    pub other_ref: u64,
    /// Nano-units.
    pub price: i64,
    /// Lots.
    pub qty: u32,
    /// [`Side`] code: 0 bid, 1 ask, 2 none.
    pub side: u8,
    /// By kind.
    pub code: u8,
    /// The venue's own message type letter, for counting; 0 where it has none.
    pub venue_type: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: u8,
}
const _: () = assert!(size_of::<MarketRecord>() == 64);

impl MarketRecord {
    /// Bit of `code` in [`Kind::Execute`]: the record's own price counts.
    pub const WITH_PRICE: u8 = 1;

    /// Side of the order.
    #[inline]
    pub const fn side(&self) -> Side {
        Side::from_code(self.side)
    }

    /// Lots of an [`Kind::Execute`] or a [`Kind::Print`].
    #[inline]
    pub const fn lots_traded(&self) -> u64 {
        if self.header.kind == Kind::Print as u8 { self.lots() } else { self.qty as u64 }
    }

    /// Lots of a [`Kind::Print`], also where 32 bits do not hold them.
    #[inline]
    pub const fn lots(&self) -> u64 {
        if self.order_ref > 0 { self.order_ref } else { self.qty as u64 }
    }

    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }
}

/// Best bid and ask of a quote feed. A side without lots has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct QuoteRecord {
    /// Header.
    pub header: Header,
    /// Best bid, nano-units.
    pub bid_px: i64,
    /// Best ask, nano-units.
    pub ask_px: i64,
    /// Lots at the best bid; 4,294,967,295 stands for that many or more.
    pub bid_qty: u32,
    /// Lots at the best ask, likewise.
    pub ask_qty: u32,
    /// Orders at the best bid, 0 where the venue does not tell.
    pub bid_orders: u16,
    /// Orders at the best ask, likewise.
    pub ask_orders: u16,
    /// By venue.
    pub code: u8,
    /// The venue's own message type letter, for counting; 0 where it has none.
    pub venue_type: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: [u8; 2],
}
const _: () = assert!(size_of::<QuoteRecord>() == 64);

impl QuoteRecord {
    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }
}

/// First half of a bar: where it began and how far it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct BarShapeRecord {
    /// Header; its times are the bar's end, when all of it was known.
    pub header: Header,
    /// First price, nano-units.
    pub open: i64,
    /// Highest price, nano-units.
    pub high: i64,
    /// Lowest price, nano-units.
    pub low: i64,
    /// When the bar began, nanoseconds since the Unix epoch.
    pub ts_open_ns: i64,
}
const _: () = assert!(size_of::<BarShapeRecord>() == 64);

impl BarShapeRecord {
    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }
}

/// Second half of a bar: where it ended and what changed hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct BarRecord {
    /// Header.
    pub header: Header,
    /// Last price, nano-units.
    pub close: i64,
    /// Lots traded.
    pub volume: u64,
    /// Trades, 0 where they were not counted.
    pub trades: u64,
    /// Volume-weighted average price, nano-units, rounded to the nearest; 0 where unknown.
    pub vwap: i64,
}
const _: () = assert!(size_of::<BarRecord>() == 64);

impl BarRecord {
    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }
}

/// Instrument announced by the venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct SymbolRecord {
    /// Header.
    pub header: Header,
    /// Symbol, ASCII, padded with zeros.
    pub symbol: [u8; 16],
    /// The venue's own day-scoped index (ITCH stock locate).
    pub locate: u32,
    /// Lots of a round lot.
    pub round_lot: u32,
    /// 1 where the venue says that it is a test instrument.
    pub test: u8,
    /// Short-sale restriction at announcement, the venue's code.
    pub short_sale: u8,
    /// The venue's own message type letter.
    pub venue_type: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: [u8; 5],
}
const _: () = assert!(size_of::<SymbolRecord>() == 64);

impl SymbolRecord {
    /// The symbol without padding; empty where it is not ASCII.
    pub fn name(&self) -> &str {
        let end = self.symbol.iter().position(|byte| *byte == 0).unwrap_or(self.symbol.len());
        std::str::from_utf8(&self.symbol[..end]).unwrap_or("")
    }

    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }
}

/// What an [`OrderRecord`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// Enter a new order.
    New = 0,
    /// Replace `orig_client_id` by this one.
    Replace = 1,
    /// Cancel `orig_client_id`.
    Cancel = 2,
    /// Cancel every order of the strategy in the header's instrument, or in all where it is none. Answered by a
    /// [`ResponseKind::Cancelled`] for each order; names no order itself.
    MassCancel = 3,
}

impl Action {
    /// How many there are: a place for every code.
    pub const COUNT: usize = 4;

    /// From its code; anything unknown is a cancel, the harmless one.
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::New,
            1 => Self::Replace,
            3 => Self::MassCancel,
            _ => Self::Cancel,
        }
    }

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Replace => "replace",
            Self::Cancel => "cancel",
            Self::MassCancel => "mass_cancel",
        }
    }

    /// Whether it takes orders off and enters none.
    #[inline]
    pub const fn is_cancel(self) -> bool {
        matches!(self, Self::Cancel | Self::MassCancel)
    }
}

/// Order type. Hidden and iceberg orders are not types of their own: see [`OrderRecord::display_qty`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderType {
    /// At the price or better.
    Limit = 0,
    /// At the price, only if it does not take; else cancelled by the venue.
    PostOnly = 1,
    /// At any price.
    Market = 2,
    /// Waits for [`OrderRecord::trigger_price`], then trades as a market order.
    Stop = 3,
    /// Waits for [`OrderRecord::trigger_price`], then is a limit order at its price.
    StopLimit = 4,
    /// A stop whose trigger follows the market at the distance [`OrderRecord::trigger_price`].
    TrailingStop = 5,
    /// Follows a reference of the touch at the offset [`OrderRecord::trigger_price`], never beyond its price.
    Pegged = 6,
}

impl OrderType {
    /// From its code; unknown codes are post-only, the type that cannot take.
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Limit,
            2 => Self::Market,
            3 => Self::Stop,
            4 => Self::StopLimit,
            5 => Self::TrailingStop,
            6 => Self::Pegged,
            _ => Self::PostOnly,
        }
    }

    /// Whether this version knows the code.
    #[inline]
    pub const fn is_known(code: u8) -> bool {
        code <= Self::Pegged as u8
    }

    /// Lower-case name with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::PostOnly => "post_only",
            Self::Market => "market",
            Self::Stop => "stop",
            Self::StopLimit => "stop_limit",
            Self::TrailingStop => "trailing_stop",
            Self::Pegged => "pegged",
        }
    }

    /// Whether it waits for a trigger before it takes part in trading.
    #[inline]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop)
    }

    /// Whether its price is a limit it never trades beyond; the others state a price of 0.
    #[inline]
    pub const fn has_limit(self) -> bool {
        matches!(self, Self::Limit | Self::PostOnly | Self::StopLimit | Self::Pegged)
    }
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until the end of the session.
    Day = 0,
    /// What does not trade at once is cancelled.
    Ioc = 1,
    /// All of it trades at once, or none.
    Fok = 2,
    /// Until cancelled, over the end of the session.
    Gtc = 3,
    /// Until [`OrderRecord::expire_ns`], over the end of sessions before it.
    Gtd = 4,
    /// Takes part in the opening auction alone.
    AtOpen = 5,
    /// Takes part in the closing auction alone.
    AtClose = 6,
}

impl TimeInForce {
    /// From its code; unknown codes are immediate-or-cancel, which leaves nothing behind.
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Day,
            2 => Self::Fok,
            3 => Self::Gtc,
            4 => Self::Gtd,
            5 => Self::AtOpen,
            6 => Self::AtClose,
            _ => Self::Ioc,
        }
    }

    /// Whether this version knows the code.
    #[inline]
    pub const fn is_known(code: u8) -> bool {
        code <= Self::AtClose as u8
    }

    /// Lower-case name with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
            Self::Gtc => "gtc",
            Self::Gtd => "gtd",
            Self::AtOpen => "at_open",
            Self::AtClose => "at_close",
        }
    }

    /// Whether what does not trade at once can stay at the venue in continuous trading.
    #[inline]
    pub const fn rests(self) -> bool {
        matches!(self, Self::Day | Self::Gtc | Self::Gtd)
    }

    /// Whether it waits for an auction and trades nowhere else.
    #[inline]
    pub const fn is_auction(self) -> bool {
        matches!(self, Self::AtOpen | Self::AtClose)
    }
}

/// What the gate said of an order: 0 passed, else the reason's code (see `tickrace-risk`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Verdict(pub u8);

impl Verdict {
    /// Passed; goes to the venue.
    pub const PASSED: Self = Self(0);

    /// Whether the order may leave.
    #[inline]
    pub const fn is_passed(self) -> bool {
        self.0 == 0
    }
}

/// An order, replace or cancel on its way out. `header.seq` numbers outbound records from 1; `header.ts_recv_ns`
/// is the time of the record that caused it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct OrderRecord {
    /// Header.
    pub header: Header,
    /// Our number of this request: new, replacement or cancel; 0 never.
    pub client_id: u64,
    /// The order a replace or cancel is about; 0 for a new one.
    pub orig_client_id: u64,
    /// `seq` of the inbound record that caused this.
    pub cause_seq: u64,
    /// Parent order, 0 for none.
    pub parent_id: u64,
    /// Limit price, nano-units; 0 for a cancel and for types without one ([`OrderType::has_limit`]).
    pub price: i64,
    /// Lots; for a replace the new total including what is filled; 0 for a cancel.
    pub qty: i64,
    /// Lots already filled of the order replaced or cancelled, as far as we know.
    pub filled: i64,
    /// Venue number.
    pub venue: u16,
    /// Session number.
    pub session: u16,
    /// Account number.
    pub account: u16,
    /// Strategy number.
    pub strategy: u16,
    /// [`Action`] code.
    pub action: u8,
    /// [`Side`] code.
    pub side: u8,
    /// [`OrderType`] code.
    pub order_type: u8,
    /// [`TimeInForce`] code.
    pub tif: u8,
    /// [`Verdict`]; 0 until the gate has judged.
    pub verdict: u8,
    /// Quote level of the strategy's ladder, 0 the innermost; 255 for none.
    pub level: u8,
    /// 1 where the order only reduces the position.
    pub reduce_only: u8,
    /// [`crate::SelfTrade`] code: what happens where it would trade with an order of our own.
    pub stp: u8,
    /// Nano-units. Stop and stop-limit: the price that triggers. Trailing stop: its distance from the best price seen,
    /// positive. Pegged: what is added to the reference, negative to stand below it. Else 0.
    pub trigger_price: i64,
    /// Good till date: when it expires, nanoseconds since the Unix epoch, venue time. Else 0.
    pub expire_ns: i64,
    /// Lots shown at once: [`OrderRecord::SHOW_ALL`], [`OrderRecord::SHOW_NONE`], or the peak of an iceberg.
    pub display_qty: u32,
    /// [`crate::Peg`] code of a pegged order.
    pub peg: u8,
    /// [`crate::Trigger`] code of a stop.
    pub trigger: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: [u8; 2],
}
const _: () = assert!(size_of::<OrderRecord>() == 128);
// What records of earlier days hold stands where it stood, and their zeros say what they said.
const _: () = assert!(std::mem::offset_of!(OrderRecord, client_id) == 32);
const _: () = assert!(std::mem::offset_of!(OrderRecord, price) == 64);
const _: () = assert!(std::mem::offset_of!(OrderRecord, qty) == 72);
const _: () = assert!(std::mem::offset_of!(OrderRecord, venue) == 88);
const _: () = assert!(std::mem::offset_of!(OrderRecord, action) == 96);
const _: () = assert!(std::mem::offset_of!(OrderRecord, reduce_only) == 102);
const _: () = assert!(std::mem::offset_of!(OrderRecord, stp) == 103);

impl OrderRecord {
    /// `display_qty` of an order shown whole, as records before icebergs have it.
    pub const SHOW_ALL: u32 = 0;
    /// `display_qty` of a hidden order.
    pub const SHOW_NONE: u32 = u32::MAX;

    /// What it says beyond price, lots, type and time in force.
    #[inline]
    pub const fn terms(&self) -> crate::Terms {
        crate::Terms {
            trigger_price: self.trigger_price,
            expire_ns: self.expire_ns,
            display_qty: self.display_qty,
            stp: crate::SelfTrade::from_code(self.stp),
            peg: crate::Peg::from_code(self.peg),
            trigger: crate::Trigger::from_code(self.trigger),
        }
    }

    /// Writes the terms.
    #[inline]
    pub const fn set_terms(&mut self, terms: &crate::Terms) {
        self.trigger_price = terms.trigger_price;
        self.expire_ns = terms.expire_ns;
        self.display_qty = terms.display_qty;
        self.stp = terms.stp as u8;
        self.peg = terms.peg as u8;
        self.trigger = terms.trigger as u8;
    }

    /// What it asks.
    #[inline]
    pub const fn action(&self) -> Action {
        Action::from_code(self.action)
    }

    /// Side.
    #[inline]
    pub const fn side(&self) -> Side {
        Side::from_code(self.side)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ResponseKind {
    /// New order `client_id` rests or was at least accepted.
    Accepted = 1,
    /// `client_id` replaced `orig_client_id`; `leaves` lots remain at `price`.
    Replaced = 2,
    /// Of order `client_id` `qty` lots were taken off by our cancel, by its time in force, or by the venue (`reason`);
    /// it is gone where `leaves` is 0.
    Cancelled = 3,
    /// Fill of order `client_id`: `qty` at `price`, `leaves` remain.
    Fill = 4,
    /// New order refused by the venue.
    Rejected = 5,
    /// Cancel or replace `client_id` refused by the venue; `orig_client_id` is unchanged or already done.
    CancelRejected = 6,
    /// Refused by our own gate: never left the house. `reason` is the verdict.
    GateRefused = 7,
    /// The trigger of stop `client_id` was reached: from now on it is the market or limit order it stood for.
    Triggered = 8,
    /// The venue moved pegged order `client_id`: `leaves` lots now rest at `price`.
    Restated = 9,
}

impl ResponseKind {
    /// From its code.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Accepted,
            2 => Self::Replaced,
            3 => Self::Cancelled,
            4 => Self::Fill,
            5 => Self::Rejected,
            6 => Self::CancelRejected,
            7 => Self::GateRefused,
            8 => Self::Triggered,
            9 => Self::Restated,
            _ => return None,
        })
    }
}

/// Why a venue cancelled or rejected (`ResponseRecord::reason`).
pub mod venue_reason {
    /// None.
    pub const NONE: u8 = 0;
    /// We asked.
    pub const USER: u8 = 1;
    /// Rest of an immediate-or-cancel order.
    pub const IOC: u8 = 2;
    /// A post-only order would have taken.
    pub const POST_ONLY: u8 = 3;
    /// No such order, or already done.
    pub const UNKNOWN_ORDER: u8 = 4;
    /// The instrument is not trading.
    pub const NOT_TRADING: u8 = 5;
    /// Price or quantity off the venue's grid or bounds.
    pub const INVALID: u8 = 6;
    /// Client id used before.
    pub const DUPLICATE_ID: u8 = 7;
    /// End of the session.
    pub const END_OF_SESSION: u8 = 8;
    /// Too many open orders at the venue's simulator.
    pub const CAPACITY: u8 = 9;
    /// Would have traded with an order of our own; which of the two gives way is the newer one's [`crate::SelfTrade`].
    pub const SELF_TRADE: u8 = 10;
    /// A fill-or-kill order that could not trade whole.
    pub const FOK: u8 = 11;
    /// The time of a good-till-date order is over, or was at its arrival.
    pub const EXPIRED: u8 = 12;
    /// What the auction left of an order for it, or the order came too late for it.
    pub const AUCTION: u8 = 13;
    /// We asked for all of them at once.
    pub const MASS_CANCEL: u8 = 14;
    /// Nothing to peg to or to trail: no touch, or no trade yet.
    pub const NO_REFERENCE: u8 = 15;
    /// By chance: a fault of the venue, which a simulation may be asked to have.
    pub const FAULT: u8 = 16;

    /// Length of an array with a place for every code.
    pub const COUNT: usize = 17;

    /// Whether an order ended because its time in force ran out.
    #[inline]
    pub const fn is_expiry(reason: u8) -> bool {
        matches!(reason, IOC | END_OF_SESSION | FOK | EXPIRED | AUCTION)
    }
}

/// Ack, fill, cancel or reject coming back. `header.ts_venue_ns` when the venue did it, `ts_recv_ns` when we hear it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct ResponseRecord {
    /// Header.
    pub header: Header,
    /// The order or request this answers.
    pub client_id: u64,
    /// The order replaced, or the order whose cancel was refused; else 0.
    pub orig_client_id: u64,
    /// Venue's order number.
    pub venue_order_id: u64,
    /// Venue's execution number, unique per day; 0 unless a fill.
    pub exec_id: u64,
    /// Fill price, or price now resting; nano-units.
    pub price: i64,
    /// Lots filled or cancelled.
    pub qty: i64,
    /// Lots still open after this.
    pub leaves: i64,
    /// Fee of a fill in 1e-9 of the quote currency; negative is a rebate.
    pub fee_nanos: i64,
    /// Market message (tick-file number) that caused a passive fill; 0 else.
    pub cause_seq: u64,
    /// [`ResponseKind`] code.
    pub response: u8,
    /// [`Side`] code.
    pub side: u8,
    /// [`venue_reason`] or, where the gate refused, its verdict.
    pub reason: u8,
    /// 1 where the fill took liquidity.
    pub taker: u8,
    /// Strategy number.
    pub strategy: u16,
    /// 1 where the order waits for a trigger or an auction and rests at no price.
    pub parked: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: [u8; 17],
}
const _: () = assert!(size_of::<ResponseRecord>() == 128);

impl ResponseRecord {
    /// What happened; `None` for a code this version does not know.
    #[inline]
    pub const fn response(&self) -> Option<ResponseKind> {
        ResponseKind::from_code(self.response)
    }

    /// Side of the order.
    #[inline]
    pub const fn side(&self) -> Side {
        Side::from_code(self.side)
    }
}

/// A ring slot between stages: 128 bytes, two cache lines. Either one large record, or a small record with the
/// top of its book after it was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct Envelope {
    /// First line: the record, or the first half of a large one.
    pub record: Record,
    /// Second line: [`crate::TopOfBook`] of the record's instrument, or the second half.
    pub second: crate::TopOfBook,
}
const _: () = assert!(size_of::<Envelope>() == 128);

impl Envelope {
    /// Kind code of what is inside.
    #[inline]
    pub const fn kind(&self) -> u8 {
        self.record.header.kind
    }

    /// Wraps a small record.
    #[inline]
    pub fn small(record: &Record, top: &crate::TopOfBook) -> Self {
        debug_assert!(Kind::size_of_code(record.header.kind) == 64);
        Self { record: *record, second: *top }
    }

    /// Wraps a response.
    #[inline]
    pub fn response(response: &ResponseRecord) -> Self {
        debug_assert!(response.header.kind == Kind::Response as u8);
        zerocopy::transmute!(*response)
    }

    /// An order seen as an envelope, in place.
    #[inline]
    pub fn order_mut(order: &mut OrderRecord) -> &mut Self {
        debug_assert!(order.header.kind == Kind::Order as u8);
        zerocopy::transmute_mut!(order)
    }

    /// As an order to be completed; meaningful where the kind is [`Kind::Order`].
    #[inline]
    pub fn as_order_mut(&mut self) -> &mut OrderRecord {
        zerocopy::transmute_mut!(self)
    }

    /// As a response; meaningful where the kind is [`Kind::Response`].
    #[inline]
    pub fn as_response(&self) -> &ResponseRecord {
        zerocopy::transmute_ref!(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_its_code() {
        for code in 0..=u8::MAX {
            if let Some(kind) = Kind::from_code(code) {
                assert_eq!(kind as u8, code);
            }
        }
    }

    #[test]
    fn every_order_code_survives_and_an_unknown_one_is_harmless() {
        for code in 0..=u8::MAX {
            let known = (OrderType::is_known(code), TimeInForce::is_known(code));
            assert_eq!(known.0, OrderType::from_code(code) as u8 == code);
            assert_eq!(known.1, TimeInForce::from_code(code) as u8 == code);
            if let Some(kind) = ResponseKind::from_code(code) {
                assert_eq!(kind as u8, code);
            }
            let action = Action::from_code(code);
            assert!(action as u8 == code || usize::from(code) >= Action::COUNT && action == Action::Cancel);
        }
        assert!(!TimeInForce::from_code(200).rests() && OrderType::from_code(200) == OrderType::PostOnly);
    }

    #[test]
    fn terms_come_back_from_the_record_and_a_record_of_zeros_has_plain_ones() {
        assert_eq!(OrderRecord::default().terms(), crate::Terms::PLAIN);
        let terms = crate::Terms {
            trigger_price: -5,
            expire_ns: 9,
            display_qty: OrderRecord::SHOW_NONE,
            stp: crate::SelfTrade::Decrement,
            peg: crate::Peg::Mid,
            trigger: crate::Trigger::Touch,
        };
        let mut order = OrderRecord::default();
        order.set_terms(&terms);
        assert_eq!(order.terms(), terms);
    }

    #[test]
    fn a_record_views_as_its_body_without_a_copy() {
        let mut market = MarketRecord { order_ref: 7, price: 5, ..MarketRecord::default() };
        market.header.kind = Kind::Add as u8;
        assert_eq!(market.as_record().as_market(), &market);
        let mut order = OrderRecord {
            header: Header { kind: Kind::Order as u8, ..Header::default() },
            client_id: 9,
            reserved: [3; 2],
            ..OrderRecord::default()
        };
        let copy = order;
        assert_eq!(Envelope::order_mut(&mut order).as_order_mut(), &copy);
    }
}
