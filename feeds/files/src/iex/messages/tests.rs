//! Messages made here byte by byte.

use proptest::prelude::*;

use super::*;
use tickrace_types::Flags;

const TS_NS: i64 = 1_493_132_621_826_542_542;

fn level_message(letter: u8, flags: u8, ts_ns: i64, symbol: &[u8; 8], shares: u32, price: i64) -> Vec<u8> {
    [&[letter, flags][..], &ts_ns.to_le_bytes(), symbol, &shares.to_le_bytes(), &price.to_le_bytes()].concat()
}

fn short(letter: u8, code: u8, tail: usize) -> Vec<u8> {
    [&[letter, code][..], &TS_NS.to_le_bytes(), b"ZIEXT   ", &vec![b' '; tail]].concat()
}

fn read(messages: &[Vec<u8>]) -> (IexMessages, Vec<Record>) {
    let (mut state, mut batch) = (IexMessages::new(&Options::default()), Vec::new());
    for (seq, message) in (1..).zip(messages) {
        state.on(seq, TS_NS + 7, message, &mut batch);
    }
    state.close(&mut batch);
    (state, batch)
}

#[test]
fn a_trade_and_its_levels_are_one_event_that_the_flag_ends() {
    let trade = [
        &b"T\0"[..],
        &TS_NS.to_le_bytes(),
        b"ZIEXT   ",
        &[100, 0, 0, 0],
        &2_001_500i64.to_le_bytes(),
        &[9; 8],
    ];
    let messages = [
        trade.concat(),
        level_message(b'8', 0, TS_NS, b"ZIEXT   ", 0, 2_001_500),
        level_message(b'8', 1, TS_NS, b"ZIEXT   ", 300, 2_001_400),
        level_message(b'5', 1, TS_NS, b"ZIEXT   ", 50, 2_001_600),
        trade.concat(),
        level_message(b'5', 1, TS_NS + 1, b"ZEXIT   ", 50, 9_000),
    ];
    let (state, batch) = read(&messages);
    let ends: Vec<_> = batch.iter().map(|record| record.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [0, 0, 1, 1, 1, 1]);
    let (print, gone) = (batch[0].as_market(), batch[1].as_market());
    assert_eq!((print.qty, print.price, print.header.kind), (100, 200_150_000_000, Kind::Print as u8));
    assert_eq!((gone.side, gone.order_ref, gone.price), (0, 0, 200_150_000_000));
    assert_eq!(
        (batch[3].as_market().side, batch[5].header.instrument, state.account.skips.faults()),
        (1, 1, 0)
    );
}

#[test]
fn an_instrument_trades_only_where_neither_status_forbids_it() {
    let messages = [
        short(b'H', b'T', 4),
        short(b'O', b'O', 0),
        short(b'H', b'T', 4),
        short(b'O', b'N', 0),
        short(b'H', b'P', 4),
        short(b'H', b'?', 4),
    ];
    let (state, batch) = read(&messages);
    let phases: Vec<_> = batch.iter().map(|record| Phase::from_code(record.as_market().code)).collect();
    use Phase::{Continuous, Halted};
    assert_eq!(phases, [Continuous, Halted, Halted, Continuous, Halted]);
    assert_eq!(state.account.skips.of("trading status"), 1);
}

#[test]
fn a_price_beyond_the_range_and_a_wrong_length_are_skipped_by_reason() {
    let mut cut = level_message(b'8', 1, TS_NS, b"ZIEXT   ", 1, 1);
    cut.pop();
    let (state, batch) =
        read(&[level_message(b'8', 1, TS_NS, b"ZIEXT   ", 1, i64::MAX / 2), cut, vec![b'z', 0], vec![]]);
    let reasons: Vec<_> =
        state.account.skips.reasons().map(|(reason, skipped)| (reason, skipped.count)).collect();
    assert_eq!(
        reasons,
        [("message cut short", 1), ("price", 1), ("unknown message type", 1), ("wrong length", 1)]
    );
    assert!(batch.is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..20)) {
        read(&messages);
        messages.iter().for_each(|bytes| _ = Segment::parse(bytes));
    }

    #[test]
    fn a_message_of_a_known_type_and_length_never_panics(
        letter in prop::sample::select(b"SDHOPE85TXBAQ".to_vec()),
        mut bytes in prop::collection::vec(any::<u8>(), 80),
    ) {
        bytes.truncate(usize::from(LENGTHS[usize::from(letter)]));
        bytes[0] = letter;
        let (state, batch) = read(&[bytes]);
        prop_assert!(batch.len() as u64 + state.account.skips.faults() >= 1);
    }
}
