//! What is in a file: counts by type, time span, symbols, executions. For tools; not for the desk.

use std::collections::BTreeMap;

use crate::itch::message::{self, LETTERS};
use crate::itch::{Head, Visitor, symbol_text, visit};
use crate::source::{End, Skips};

/// Executions of one symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executions {
    /// Executions of displayed orders (`E` and `C`).
    pub displayed_count: u64,
    /// Their shares.
    pub displayed_qty: u64,
    /// Trades against hidden orders (`P`).
    pub hidden_count: u64,
    /// Their shares.
    pub hidden_qty: u64,
    /// Shares times price of the hidden trades, four implied decimals.
    pub hidden_notional_e4: u128,
    /// Auction prints with shares (`Q`).
    pub cross_count: u64,
    /// Their shares.
    pub cross_qty: u64,
}

/// Counts over one file.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Messages met, skipped ones included.
    pub messages: u64,
    /// Counted messages by type byte; those skipped for their type or length are not among them.
    pub by_letter: [u64; 256],
    /// Earliest timestamp met, nanoseconds since midnight; `None` without a message.
    pub first_ts_ns: Option<u64>,
    /// Latest timestamp met, nanoseconds since midnight.
    pub last_ts_ns: Option<u64>,
    /// Messages whose timestamp is before the one before them.
    pub steps_back: u64,
    /// Symbols in the order of their directory messages.
    pub symbols: Vec<String>,
    /// Executions by symbol; instruments that were never announced appear as `locate#N`.
    pub executions: BTreeMap<String, Executions>,
    /// What was skipped.
    pub skips: Skips,
    /// How the bytes ended.
    pub end: End,
}

impl Tally {
    /// Counts length-prefixed bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut counter = Counter::default();
        let visited = visit(bytes, &mut counter);
        counter.finish(visited.messages, visited.skips, visited.end)
    }

    /// Counts by letter, in the order of the document, those above zero.
    pub fn by_type(&self) -> Vec<(char, u64)> {
        LETTERS
            .iter()
            .map(|letter| (char::from(*letter), self.by_letter[usize::from(*letter)]))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// The visitor behind a [`Tally`].
struct Counter {
    by_letter: [u64; 256],
    first_ts_ns: u64,
    last_ts_ns: u64,
    previous_ts_ns: u64,
    steps_back: u64,
    symbols: Vec<String>,
    by_locate: Vec<Executions>,
    names: BTreeMap<u16, String>,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            by_letter: [0; 256],
            first_ts_ns: u64::MAX,
            last_ts_ns: 0,
            previous_ts_ns: 0,
            steps_back: 0,
            symbols: Vec::new(),
            by_locate: Vec::new(),
            names: BTreeMap::new(),
        }
    }
}

impl Counter {
    fn head(&mut self, head: &Head) {
        self.by_letter[usize::from(head.message_type)] += 1;
        let ts_ns = head.timestamp.get();
        self.first_ts_ns = self.first_ts_ns.min(ts_ns);
        self.last_ts_ns = self.last_ts_ns.max(ts_ns);
        self.steps_back += u64::from(ts_ns < self.previous_ts_ns);
        self.previous_ts_ns = ts_ns;
    }

    fn executions(&mut self, head: &Head) -> &mut Executions {
        let place = usize::from(head.stock_locate.get());
        if self.by_locate.len() <= place {
            self.by_locate.resize(place + 1, Executions::default());
        }
        &mut self.by_locate[place]
    }

    fn displayed(&mut self, head: &Head, shares: u32) {
        self.head(head);
        let executions = self.executions(head);
        executions.displayed_count += 1;
        executions.displayed_qty += u64::from(shares);
    }

    fn finish(self, messages: u64, skips: Skips, end: End) -> Tally {
        let seen = self.by_letter.iter().any(|count| *count > 0);
        let mut executions = BTreeMap::new();
        for (locate, counts) in (0..=u16::MAX).zip(&self.by_locate) {
            if *counts != Executions::default() {
                let name = self.names.get(&locate).cloned().unwrap_or_else(|| format!("locate#{locate}"));
                executions.insert(name, *counts);
            }
        }
        Tally {
            messages,
            by_letter: self.by_letter,
            first_ts_ns: seen.then_some(self.first_ts_ns),
            last_ts_ns: seen.then_some(self.last_ts_ns),
            steps_back: self.steps_back,
            symbols: self.symbols,
            executions,
            skips,
            end,
        }
    }
}

macro_rules! count_only {
    ($( $method:ident: $view:ident ),*) => {
        $( #[inline] fn $method(&mut self, message: &message::$view) { self.head(&message.head); } )*
    };
}

impl Visitor for Counter {
    count_only!(
        system_event: SystemEvent, trading_action: TradingAction, short_sale_restriction: ShortSaleRestriction,
        participant_position: ParticipantPosition, breaker_levels: BreakerLevels, breaker_status: BreakerStatus,
        ipo_quoting: IpoQuoting, auction_collar: AuctionCollar, operational_halt: OperationalHalt,
        add_order: AddOrder, add_order_attributed: AddOrderAttributed, order_cancel: OrderCancel,
        order_delete: OrderDelete, order_replace: OrderReplace, broken_trade: BrokenTrade, imbalance: Imbalance,
        retail_interest: RetailInterest, direct_listing: DirectListing
    );

    fn stock_directory(&mut self, message: &message::StockDirectory) {
        self.head(&message.head);
        let name = symbol_text(&message.stock);
        self.names.insert(message.head.stock_locate.get(), name.clone());
        self.symbols.push(name);
    }

    fn order_executed(&mut self, message: &message::OrderExecuted) {
        self.displayed(&message.head, message.executed_shares.get());
    }

    fn order_executed_with_price(&mut self, message: &message::OrderExecutedWithPrice) {
        self.displayed(&message.head, message.executed_shares.get());
    }

    fn hidden_trade(&mut self, message: &message::HiddenTrade) {
        self.head(&message.head);
        let (shares, price) = (message.shares.get(), message.price.get());
        let executions = self.executions(&message.head);
        executions.hidden_count += 1;
        executions.hidden_qty += u64::from(shares);
        executions.hidden_notional_e4 += u128::from(shares) * u128::from(price);
    }

    fn cross_trade(&mut self, message: &message::CrossTrade) {
        self.head(&message.head);
        let shares = message.cross_shares.get();
        let executions = self.executions(&message.head);
        executions.cross_count += u64::from(shares > 0);
        executions.cross_qty = executions.cross_qty.saturating_add(shares);
    }
}
