//! The fast books against the plain ones, and the rules for disorderly feeds one by one.

use proptest::prelude::*;
use tickrace_types::{Header, Instrument};

use super::*;
use crate::naive::NaiveBooks;

const INSTRUMENTS: u32 = 5;

fn record(kind: Kind, instrument: u32, body: MarketRecord) -> Record {
    let seq = body.order_ref.wrapping_add(u64::from(body.qty));
    let header = Header {
        kind: kind as u8,
        instrument,
        seq,
        ts_venue_ns: i64::from(body.qty) + 1,
        ts_recv_ns: i64::from(body.qty) + 2,
        flags: body.header.flags,
        ..Header::default()
    };
    *MarketRecord { header, ..body }.as_record()
}

fn add(instrument: u32, order_ref: u64, side: Side, price: i64, qty: u32) -> Record {
    let body = MarketRecord { order_ref, side: side as u8, price, qty, ..MarketRecord::default() };
    record(Kind::Add, instrument, body)
}

fn on_order(kind: Kind, instrument: u32, order_ref: u64, qty: u32) -> Record {
    record(kind, instrument, MarketRecord { order_ref, qty, ..MarketRecord::default() })
}

fn replace(instrument: u32, order_ref: u64, other_ref: u64, price: i64, qty: u32) -> Record {
    record(
        Kind::Replace,
        instrument,
        MarketRecord { order_ref, other_ref, price, qty, ..MarketRecord::default() },
    )
}

fn about(kind: Kind, instrument: u32, code: u8) -> Record {
    record(kind, instrument, MarketRecord { code, ..MarketRecord::default() })
}

const NOBODY: u32 = u32::MAX;

fn refs() -> impl Strategy<Value = u64> {
    prop_oneof![
        // Dense, so that most records meet a resting order; then copies, strides and the end of the range.
        12 => 0u64..60,
        2 => (0u64..4, 0u64..6).prop_map(|(copy, low)| low + (copy << 34)),
        1 => (0u64..8).prop_map(|n| n << 40),
        1 => (0u64..8, 3u32..6).prop_map(|(n, stride)| n << stride),
        1 => (0u64..8).prop_map(|n| n * ((1 << 35) + 8)),
        1 => (0u64..4).prop_map(|n| u64::MAX - n),
    ]
}

fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => 95i64..106,
        3 => 0i64..200,
        1 => prop::sample::select(vec![0, -1, 1, i64::MAX, i64::MIN, i64::MAX - 1, 1 << 40, -(1 << 40)]),
    ]
}

fn lots() -> impl Strategy<Value = u32> {
    prop_oneof![10 => 1u32..40, 1 => Just(0u32), 1 => u32::MAX - 2..=u32::MAX]
}

fn instruments() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0..INSTRUMENTS, 1 => Just(INSTRUMENTS), 1 => Just(NOBODY)]
}

fn records() -> impl Strategy<Value = Record> {
    let kinds = prop_oneof![
        10 => Just(Kind::Add),
        4 => Just(Kind::Execute),
        3 => Just(Kind::Cancel),
        3 => Just(Kind::Delete),
        4 => Just(Kind::Replace),
        1 => prop::sample::select(vec![Kind::Trade, Kind::Cross, Kind::Status, Kind::Gap, Kind::Notice]),
    ];
    let fields = (instruments(), refs(), refs(), prices(), lots(), 0u8..20, 0u8..7, 0u8..4);
    let rare_clear = prop::bool::weighted(0.01);
    (kinds, fields, rare_clear).prop_map(
        |(kind, (instrument, order_ref, other_ref, price, qty, side, code, flags), clear)| {
            let side = if side == 19 { 2 } else { side & 1 };
            let kind = if clear { Kind::Clear } else { kind };
            let header = Header { flags, ..Header::default() };
            let body = MarketRecord {
                header,
                order_ref,
                other_ref,
                price,
                qty,
                side,
                code,
                venue_type: 0,
                reserved: 0,
            };
            record(kind, instrument, body)
        },
    )
}

fn assert_same(books: &Books, naive: &NaiveBooks) {
    assert_eq!(books.live_orders(), naive.live_orders());
    assert_eq!(books.counters(), naive.counters());
    for instrument in (0..=INSTRUMENTS).map(InstrumentId) {
        assert_eq!(books.top(instrument), naive.top(instrument), "top of {instrument}");
        for side in Side::BOTH {
            let levels: Vec<Level> = books.levels(instrument, side).collect();
            assert_eq!(
                levels,
                naive.levels(instrument, side).collect::<Vec<_>>(),
                "{side:?} levels of {instrument}"
            );
            assert_eq!(books.best(instrument, side), naive.best(instrument, side));
            for level in levels {
                assert_eq!(books.level(instrument, side, level.price), Some(level));
                let queue: Vec<Queued> = books.queue(instrument, side, level.price).collect();
                assert_eq!(queue, naive.queue(instrument, side, level.price).collect::<Vec<_>>());
                for queued in queue {
                    assert_eq!(books.order(queued.order_ref), naive.order(queued.order_ref));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_books_agree_with_the_plain_oracle(records in prop::collection::vec(records(), 1..400)) {
        // Room for 8 orders, so that pools and table grow on the way.
        let mut books = Books::new(INSTRUMENTS as usize, 8);
        let mut naive = NaiveBooks::new(INSTRUMENTS as usize, 8);
        for (number, record) in records.iter().enumerate() {
            prop_assert_eq!(books.apply(record), naive.apply(record), "record {}", number);
            if number % 7 == 0 {
                assert_same(&books, &naive);
            }
        }
        assert_same(&books, &naive);
        let (mut at_once, mut again) = (Books::new(INSTRUMENTS as usize, 8), NaiveBooks::new(INSTRUMENTS as usize, 8));
        at_once.apply_all(&records, |_, record, change| assert_eq!(*change, again.apply(record)));
        assert_same(&at_once, &naive);
        // Of more instruments than stay in a cache, more is fetched ahead; nothing else differs.
        let mut wide = Books::new(NARROW + 1, 8);
        let (mut number, mut one_by_one) = (0, Books::new(NARROW + 1, 8));
        wide.apply_all(&records, |_, record, change| {
            one_by_one.hint(&records[(number * 5 + 3) % records.len()]);
            one_by_one.hint_order(&records[(number * 7 + 2) % records.len()]);
            assert_eq!(*change, one_by_one.apply(record));
            number += 1;
        });
        prop_assert_eq!((number, wide.live_orders()), (records.len(), one_by_one.live_orders()));
        prop_assert_eq!(wide.counters(), one_by_one.counters());
    }

    #[test]
    fn deep_books_agree_with_the_plain_oracle(
        steps in prop::collection::vec((0u64..700, -400i64..400, 1u32..9, any::<bool>()), 500..1500),
    ) {
        let mut books = Books::new(1, 1000);
        let mut naive = NaiveBooks::new(1, 1000);
        for (order_ref, price, qty, ask) in steps {
            let side = if ask { Side::Ask } else { Side::Bid };
            let record = match naive.order(order_ref) {
                None => add(0, order_ref, side, price, qty),
                Some(_) if qty < 3 => on_order(Kind::Delete, 0, order_ref, 0),
                Some(_) if qty < 5 => replace(0, order_ref, order_ref + 10_000, price, qty),
                Some(_) => on_order(Kind::Execute, 0, order_ref, qty),
            };
            prop_assert_eq!(books.apply(&record), naive.apply(&record));
        }
        for side in Side::BOTH {
            let (ours, plain) = (books.levels(InstrumentId(0), side), naive.levels(InstrumentId(0), side));
            prop_assert!(ours.eq(plain));
        }
    }
}

const ONE: InstrumentId = InstrumentId(0);

fn with(records: &[Record]) -> Books {
    let mut books = Books::new(2, 64);
    for record in records {
        books.apply(record);
    }
    books
}

#[test]
fn orders_of_one_price_queue_in_order_of_arrival_and_a_replace_goes_to_the_end() {
    let mut books =
        with(&[add(0, 7, Side::Bid, 100, 5), add(0, 3, Side::Bid, 100, 6), add(0, 9, Side::Bid, 99, 1)]);
    let change = books.apply(&replace(0, 7, 8, 100, 4));
    assert_eq!(
        (change.outcome, change.removed, change.before.arrival, change.arrival),
        (Outcome::Replaced, 5, 1, 4)
    );
    let queue: Vec<(u64, u32, u64)> = books
        .queue(ONE, Side::Bid, Price(100))
        .map(|queued| (queued.order_ref, queued.qty, queued.arrival))
        .collect();
    assert_eq!(queue, [(3, 6, 2), (8, 4, 4)]);
    assert_eq!(books.best(ONE, Side::Bid), Some(Level { price: Price(100), qty: 10, orders: 2 }));
}

#[test]
fn an_execution_tells_what_rested_and_keeps_the_place_in_the_queue() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5), add(0, 2, Side::Ask, 101, 5)]);
    let change = books.apply(&on_order(Kind::Execute, 0, 1, 2));
    let before = Resting { instrument: ONE, side: Side::Ask, price: Price(101), qty: 5, arrival: 1 };
    assert_eq!(
        change,
        Change { outcome: Outcome::Executed, top_changed: true, before, removed: 2, arrival: 0 }
    );
    let first = books.queue(ONE, Side::Ask, Price(101)).next();
    assert_eq!(first, Some(Queued { order_ref: 1, qty: 3, arrival: 1 }));
    let top = books.top(ONE);
    assert_eq!((top.last_px, top.last_qty, top.ask_qty, top.ask_orders), (101, 2, 8, 2));
}

#[test]
fn an_execution_of_more_than_rests_removes_the_order_and_is_counted() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5)]);
    let change = books.apply(&on_order(Kind::Execute, 0, 1, 9));
    assert_eq!((change.removed, books.live_orders(), books.counters().over_executions), (5, 0, 1));
    assert_eq!(books.top(ONE).ask_qty, 0);
}

#[test]
fn an_add_to_a_live_number_leaves_the_order_that_rests() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5)]);
    assert_eq!(books.apply(&add(1, 1, Side::Bid, 50, 9)), Change::only(Outcome::Duplicate));
    assert_eq!(books.order(1).map(|order| (order.price, order.qty)), Some((Price(101), 5)));
    assert_eq!(books.counters().duplicate_refs, 1);
}

#[test]
fn a_record_of_the_wrong_instrument_acts_on_the_orders_own_and_is_counted() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5)]);
    assert_eq!(books.apply(&on_order(Kind::Delete, 1, 1, 0)).before.instrument, ONE);
    assert_eq!((books.live_orders(), books.counters().instrument_mismatches), (0, 1));
}

#[test]
fn an_unprintable_execution_is_no_last_trade() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5)]);
    let header = Header { flags: Flags::NOT_PRINTABLE, ..Header::default() };
    let body = MarketRecord { header, order_ref: 1, qty: 5, price: 7, code: 1, ..MarketRecord::default() };
    assert_eq!(books.apply(&record(Kind::Execute, 0, body)).removed, 5);
    assert_eq!(books.top(ONE).last_qty, 0);
}

#[test]
fn a_gap_makes_stale_until_a_clear_and_what_comes_is_still_applied() {
    let mut books = with(&[add(0, 1, Side::Ask, 101, 5), add(1, 2, Side::Ask, 51, 5)]);
    assert!(books.apply(&about(Kind::Gap, NOBODY, 0)).top_changed);
    books.apply(&add(0, 3, Side::Bid, 99, 5));
    assert_eq!((books.top(ONE).stale, books.top(ONE).bid_px, books.top(InstrumentId(1)).stale), (1, 99, 1));
    assert_eq!(books.apply(&about(Kind::Clear, 0, 0)).outcome, Outcome::Cleared);
    assert_eq!((books.top(ONE).stale, books.top(InstrumentId(1)).stale, books.live_orders()), (0, 1, 1));
    assert_eq!(books.levels(ONE, Side::Ask).count(), 0);
}

#[test]
fn the_phase_follows_venue_and_instrument() {
    let mut books = with(&[about(Kind::Status, 0, Phase::Continuous as u8)]);
    assert_eq!(books.top(ONE).phase(), Phase::Continuous);
    assert!(books.apply(&about(Kind::Status, NOBODY, Phase::PreOpen as u8)).top_changed);
    assert_eq!(books.top(ONE).phase(), Phase::PreOpen);
}

#[test]
fn nothing_grows_within_the_capacity_and_memory_follows_the_live_orders() {
    let mut books = Books::new(2, 64);
    for round in 0..1000u64 {
        for n in 0..64 {
            books.apply(&add(0, round * 64 + n, Side::Bid, i64::try_from(n).unwrap(), 1));
        }
        for n in 0..64 {
            assert_eq!(books.apply(&on_order(Kind::Delete, 0, round * 64 + n, 0)).outcome, Outcome::Deleted);
        }
    }
    assert_eq!((books.growths(), books.live_orders()), (0, 0));
    (0..65).for_each(|n| assert_eq!(books.apply(&add(0, n, Side::Bid, 1, 1)).outcome, Outcome::Added));
    assert!(books.growths() > 0);
}

/// A record of a level, quote or print for the instrument.
fn stated(kind: Kind, instrument: u32, side: u8, price: i64, lots: u64) -> Record {
    let mut record = MarketRecord { order_ref: lots, price, side, ..MarketRecord::default() };
    (record.header.kind, record.header.instrument) = (kind as u8, instrument);
    *record.as_record()
}

#[test]
fn a_book_of_levels_shows_its_touch_and_never_a_crossed_one() {
    let table = InstrumentTable::new(vec![Instrument::us_equity("A"), Instrument::us_equity("B")]);
    let mut books = Books::new(2, 16).with_grids(&table.expect("good"));
    let cent = 10_000_000;
    for (side, price, lots) in [(0, 99, 5), (0, 98, 7), (1, 101, 3), (1, 102, 9)] {
        assert_eq!(books.apply(&stated(Kind::Level, 0, side, price * cent, lots)).outcome, Outcome::Stated);
    }
    let touch = |books: &Books| {
        let top = books.top(InstrumentId(0));
        (top.bid_px / cent, top.bid_qty, top.ask_px / cent, top.ask_qty)
    };
    assert_eq!(touch(&books), (99, 5, 101, 3));
    // A bid at the ask: what was asked there is gone, though the feed has not said so.
    assert!(books.apply(&stated(Kind::Level, 0, 0, 101 * cent, 4)).top_changed);
    assert_eq!(touch(&books), (101, 4, 102, 9));
    // The level itself stays until it is stated anew.
    assert_eq!(books.level(InstrumentId(0), Side::Ask, Price(101 * cent)).map(|level| level.qty), Some(3));
    assert_eq!(
        books.levels(InstrumentId(0), Side::Bid).map(|level| level.qty).collect::<Vec<_>>(),
        [4, 5, 7]
    );
    assert!(books.apply(&stated(Kind::Level, 0, 0, 101 * cent, 0)).top_changed);
    assert_eq!(touch(&books), (99, 5, 102, 9));
    // Off the grid, and an instrument that has orders: counted, and nothing changes.
    assert_eq!(books.apply(&stated(Kind::Level, 0, 0, 1, 4)).outcome, Outcome::Invalid);
    let add = MarketRecord { qty: 1, ..*stated(Kind::Add, 1, 0, cent, 77).as_market() };
    assert_eq!(books.apply(add.as_record()).outcome, Outcome::Added);
    assert_eq!(books.apply(&stated(Kind::Level, 1, 0, cent, 4)).outcome, Outcome::Invalid);
    assert_eq!(books.counters().misfits, 2);
    books.apply(&stated(Kind::Clear, 0, 2, 0, 0));
    assert_eq!(touch(&books), (0, 0, 0, 0));
}

#[test]
fn quotes_make_a_book_of_one_level_a_side_where_there_is_nothing_deeper() {
    let mut books = Books::new(1, 16);
    let quote = QuoteRecord { bid_px: 10, bid_qty: 3, ask_px: 12, ask_qty: 4, ..QuoteRecord::default() };
    let quote = QuoteRecord { header: Header { kind: Kind::Quote as u8, ..quote.header }, ..quote };
    assert!(books.apply(quote.as_record()).top_changed);
    let best =
        |books: &Books, side| books.best(InstrumentId(0), side).map(|level| (level.price.0, level.qty));
    assert_eq!((best(&books, Side::Bid), best(&books, Side::Ask)), (Some((10, 3)), Some((12, 4))));
    assert_eq!(books.levels(InstrumentId(0), Side::Ask).count(), 1);
    books.apply(&stated(Kind::Print, 0, 0, 12, 1 << 40));
    assert_eq!((books.top(InstrumentId(0)).last_px, books.top(InstrumentId(0)).last_qty), (12, u32::MAX));
    books.apply(&stated(Kind::Level, 0, 1, 11, 6));
    assert_eq!((best(&books, Side::Bid), best(&books, Side::Ask)), (None, Some((11, 6))));
    assert_eq!(books.apply(quote.as_record()).outcome, Outcome::Ignored);
    // A level: the book is a deeper one from now on, and quotes are counted and passed over.
    let deep = InstrumentTable::new(vec![Instrument::us_equity("A")]);
    let mut books = Books::new(1, 16).with_grids(&deep.expect("good"));
    books.apply(&stated(Kind::Level, 0, 0, 20_000_000, 5));
    assert_eq!(books.apply(quote.as_record()).outcome, Outcome::Ignored);
    assert_eq!(best(&books, Side::Bid), Some((20_000_000, 5)));
    let told: Vec<(u64, &str)> = books.counters().faults().collect();
    assert_eq!(told, [(1, "best quotes of instruments whose depth is known")]);
}
