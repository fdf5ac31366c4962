//! A small market whose every order is known, told as LOBSTER tells it: the messages within so many levels, and the book
//! published after each. What is rebuilt from the two files must be the published book after every message, whatever came
//! and went outside; what the messages say must come through as said, and known orders must keep their places.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;
use tickrace_book::Books;
use tickrace_feeds_files::format::End;
use tickrace_feeds_files::lobster::{self, ledger::MADE};
use tickrace_feeds_files::{Decoder, Options};
use tickrace_types::{Flags, InstrumentId, Kind, Price, Record, Side};

const ONE: InstrumentId = InstrumentId(0);
const NAME: &str = "ABC_2012-06-21_34200000_57600000_message_9.csv";

#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    order_ref: u64,
    bid: bool,
    price: i64,
    shares: u32,
}

/// All of the market: orders in the sequence of their arrival.
#[derive(Clone, Debug, Default)]
struct Market {
    orders: Vec<Order>,
    last_ref: u64,
}

impl Market {
    /// Prices and shares of a side, best first.
    fn levels(&self, bid: bool) -> Vec<(i64, u64)> {
        let mut levels: BTreeMap<i64, u64> = BTreeMap::new();
        for order in self.orders.iter().filter(|order| order.bid == bid) {
            *levels.entry(order.price).or_default() += u64::from(order.shares);
        }
        let levels = levels.into_iter();
        if bid { levels.rev().collect() } else { levels.collect() }
    }

    fn place(&self, bid: bool, price: i64) -> usize {
        self.levels(bid).iter().position(|level| level.0 == price).unwrap_or(usize::MAX)
    }

    /// A row of the orderbook file, to the letter.
    fn row(&self, depth: usize) -> String {
        let (asks, bids) = (self.levels(false), self.levels(true));
        let mut columns = Vec::new();
        for place in 0..depth {
            let (ask, asked) = asks.get(place).copied().unwrap_or((9_999_999_999, 0));
            let (bid, lots) = bids.get(place).copied().unwrap_or((-9_999_999_999, 0));
            columns.push(format!("{ask},{asked},{bid},{lots}"));
        }
        columns.join(",")
    }
}

/// What happens next; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Act {
    Add { bid: bool, away: i64, shares: u32 },
    Reduce { which: usize, shares: u32 },
    Delete { which: usize },
    Execute { bid: bool, shares: u32 },
    Hidden,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (any::<bool>(), 0i64..12, 1u32..6)
            .prop_map(|(bid, away, size)| Act::Add { bid, away, shares: size * 10 }),
        1 => (any::<usize>(), 1u32..9).prop_map(|(which, shares)| Act::Reduce { which, shares }),
        4 => any::<usize>().prop_map(|which| Act::Delete { which }),
        3 => (any::<bool>(), 1u32..60).prop_map(|(bid, shares)| Act::Execute { bid, shares }),
        1 => Just(Act::Hidden),
    ]
}

/// A message without its time: type, number, size, price, direction.
type Message = (u8, u64, u32, i64, bool);

impl Market {
    /// Lets an act happen; its message, and whether its price stood within `depth` levels before or after.
    fn happen(&mut self, act: &Act, depth: usize) -> Option<(Message, bool)> {
        let (message, seen) = match *act {
            Act::Add { bid, away, shares } => {
                let best = |bid: bool| self.levels(bid).first().map(|level| level.0);
                // One tick better than the best of its side at most, and never across.
                let price = match (bid, best(true), best(false)) {
                    (true, Some(best_bid), best_ask) => {
                        (best_bid + 100 - away * 100).min(best_ask.unwrap_or(i64::MAX) - 100)
                    }
                    (true, None, best_ask) => best_ask.unwrap_or(1_000_100) - 100 - away * 100,
                    (false, best_bid, Some(best_ask)) => {
                        (best_ask - 100 + away * 100).max(best_bid.unwrap_or(0) + 100)
                    }
                    (false, best_bid, None) => best_bid.unwrap_or(1_000_000) + 100 + away * 100,
                };
                self.last_ref += 1;
                self.orders.push(Order { order_ref: self.last_ref, bid, price, shares });
                ((1, self.last_ref, shares, price, bid), self.place(bid, price) < depth)
            }
            Act::Reduce { which, shares } => {
                let index = which % self.orders.len().max(1);
                let order = self.orders.get(index).filter(|order| order.shares > shares)?.clone();
                self.orders[index].shares -= shares;
                let seen = self.place(order.bid, order.price) < depth;
                ((2, order.order_ref, shares, order.price, order.bid), seen)
            }
            Act::Delete { which } => {
                let index = which % self.orders.len().max(1);
                let order = self.orders.get(index)?.clone();
                let seen = self.place(order.bid, order.price) < depth;
                self.orders.remove(index);
                ((3, order.order_ref, order.shares, order.price, order.bid), seen)
            }
            Act::Execute { bid, shares } => {
                let price = self.levels(bid).first()?.0;
                let index = self.orders.iter().position(|order| order.bid == bid && order.price == price)?;
                let order = self.orders[index].clone();
                let shares = shares.min(order.shares);
                self.orders[index].shares -= shares;
                self.orders.retain(|order| order.shares > 0);
                ((4, order.order_ref, shares, price, bid), true)
            }
            Act::Hidden => {
                let price = self.levels(true).first()?.0;
                ((5, 0, 7, price, true), true)
            }
        };
        Some((message, seen))
    }
}

/// The two files, and the market after each message of them.
fn told(before: &[Act], acts: &[Act], depth: usize) -> (String, String, Vec<(Message, Market)>) {
    let mut market = Market::default();
    for act in before {
        market.happen(act, depth);
    }
    let (mut messages, mut rows, mut after) = (String::new(), String::new(), Vec::new());
    for (second, act) in acts.iter().enumerate() {
        let Some((message, true)) = market.happen(act, depth) else { continue };
        let (event, order_ref, size, price, bid) = message;
        let direction = if bid { 1 } else { -1 };
        writeln!(messages, "{}.5,{event},{order_ref},{size},{price},{direction}", 34_200 + second).unwrap();
        writeln!(rows, "{}", market.row(depth)).unwrap();
        after.push((message, market.clone()));
    }
    (messages, rows, after)
}

fn records(folder: &Path, messages: &str, rows: &str) -> Vec<Record> {
    let path = folder.join(NAME);
    std::fs::write(&path, messages).unwrap();
    std::fs::write(folder.join(NAME.replace("message", "orderbook")), rows).unwrap();
    let mut decoder = lobster::open(&path, &Options::default()).unwrap();
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    assert_eq!((&decoder.account().end, decoder.account().skips.faults()), (&End::Complete, 0));
    let repairs = decoder.account().repairs.unwrap();
    // Everything made or taken away beyond the messages is counted, but for the book at the start.
    let begin = records.iter().take_while(|record| record.header.kind != Kind::Status as u8).count();
    let made = |record: &&Record| {
        record.header.kind == Kind::Add as u8
            && record.header.flags & Flags::SNAPSHOT != 0
            && record.as_market().order_ref >= MADE
    };
    assert_eq!(records[begin..].iter().filter(made).count() as u64, repairs.orders_added);
    let taken = |record: &&Record| {
        matches!(Kind::from_code(record.header.kind), Some(Kind::Delete | Kind::Cancel))
            && record.header.flags & Flags::SNAPSHOT != 0
    };
    assert_eq!(records[begin..].iter().filter(taken).count() as u64, repairs.orders_removed);
    records
}

fn shown(books: &Books, bid: bool, depth: usize) -> Vec<(i64, u64)> {
    let side = if bid { Side::Bid } else { Side::Ask };
    let levels = books.levels(ONE, side).take(depth);
    levels.map(|level| (level.price.0 / 100_000, level.qty)).collect()
}

fn check(before: &[Act], acts: &[Act], depth: usize) {
    let (messages, rows, after) = told(before, acts, depth);
    if after.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut records = records(folder.path(), &messages, &rows).into_iter().peekable();
    let mut books = Books::new(1, 1 << 10);
    for (place, (message, market)) in after.iter().enumerate() {
        let mut said = Vec::new();
        while let Some(record) = records.next_if(|record| record.header.seq == place as u64 + 1) {
            books.apply(&record);
            if record.header.flags & Flags::SNAPSHOT == 0 && record.header.kind != Kind::Status as u8 {
                said.push(record);
            } else if place > 0 {
                // What was wrong outside never shows as a touch, not even between two records.
                for bid in [true, false] {
                    let touch = |market: &Market| market.levels(bid).first().map(|level| level.0);
                    let now = shown(&books, bid, 1).first().map(|level| level.0);
                    assert!(
                        now == touch(&after[place - 1].1) || now == touch(market),
                        "row {place}: {record:?}"
                    );
                }
            }
        }
        // The message says what it said.
        let [one] = said[..] else { panic!("row {place}: {said:?}") };
        let (event, order_ref, size, price, bid) = *message;
        let kinds = match event {
            1 => [Kind::Add, Kind::Add],
            2 => [Kind::Cancel, Kind::Delete],
            3 => [Kind::Delete, Kind::Cancel],
            4 => [Kind::Execute, Kind::Execute],
            _ => [Kind::Trade, Kind::Trade],
        };
        let market_record = one.as_market();
        assert!(kinds.contains(&Kind::from_code(one.header.kind).unwrap()), "row {place}: {one:?}");
        assert_eq!(
            (market_record.price / 100_000, market_record.side),
            (price, u8::from(!bid)),
            "row {place}"
        );
        assert_eq!(market_record.venue_type, b'0' + event);
        if matches!(event, 1 | 4 | 5) {
            assert_eq!(market_record.qty, size, "row {place}");
        }
        if event == 1 {
            assert_eq!(market_record.order_ref, order_ref);
        }
        if event < 5 {
            assert!(market_record.order_ref == order_ref || market_record.order_ref >= MADE, "row {place}");
        }
        // Within the levels the book is the true one.
        for bid in [true, false] {
            let mut wanted = market.levels(bid);
            let is_all = wanted.len() < depth;
            wanted.truncate(depth);
            let levels = if is_all { usize::MAX } else { depth };
            assert_eq!(shown(&books, bid, levels), wanted, "row {place}, bid {bid}\n{messages}\n{rows}");
        }
        check_queues(&books, market, depth, place);
        assert_eq!(books.counters().over_executions, 0);
        assert_eq!(books.counters().duplicate_refs, 0);
    }
    assert!(records.next().is_none());
}

/// Orders that rest in truth and by what was rebuilt stand in the same sequence.
fn check_queues(books: &Books, market: &Market, depth: usize, place: usize) {
    for bid in [true, false] {
        let side = if bid { Side::Bid } else { Side::Ask };
        for (price, _) in market.levels(bid).into_iter().take(depth) {
            let truth: Vec<u64> = market
                .orders
                .iter()
                .filter(|order| order.bid == bid && order.price == price)
                .map(|order| order.order_ref)
                .collect();
            let ours: Vec<u64> =
                books.queue(ONE, side, Price(price * 100_000)).map(|queued| queued.order_ref).collect();
            let known: BTreeSet<u64> = ours.iter().copied().collect();
            let truth: Vec<u64> = truth.into_iter().filter(|order_ref| known.contains(order_ref)).collect();
            let both: BTreeSet<u64> = truth.iter().copied().collect();
            let ours: Vec<u64> = ours.into_iter().filter(|order_ref| both.contains(order_ref)).collect();
            assert_eq!(ours, truth, "row {place}, price {price}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn within_its_levels_the_rebuilt_book_is_the_true_one_at_every_row(
        before in prop::collection::vec(act(), 0..60),
        acts in prop::collection::vec(act(), 1..160),
        depth in 1usize..5,
    ) {
        check(&before, &acts, depth);
    }
}
