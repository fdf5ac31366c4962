//! The decoder against the document, against answers of other tools, and against noise.

use proptest::prelude::*;
use tickrace_types::{Flags, InstrumentId, Kind, MarketRecord, Phase, Record, Side};
use zerocopy::big_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes};

use super::encode::{head, push, push_raw, stock};
use super::message::*;
use super::*;
use crate::source::{End, Source};

/// Midnight of 2020-01-30 in New York.
const MIDNIGHT_NS: i64 = 1_580_360_400_000_000_000;

fn options(universe: LocateMap) -> FileOptions {
    FileOptions { session_midnight_ns: MIDNIGHT_NS, feed_latency_ns: 1_000, universe }
}

fn records(bytes: &[u8], universe: LocateMap) -> (Vec<Record>, FileSource<&[u8]>) {
    let mut source = FileSource::new(bytes, options(universe));
    let (mut all, mut record) = (Vec::new(), Record::default());
    while source.next_into(&mut record) {
        all.push(record);
    }
    (all, source)
}

fn market(record: &Record) -> MarketRecord {
    *record.as_market()
}

fn add(locate: u16, ts: u64, reference: u64) -> AddOrder {
    AddOrder {
        head: head(b'A', locate, ts),
        order_reference_number: U64::new(reference),
        buy_sell_indicator: b'B',
        shares: U32::new(100),
        stock: stock("AAPL"),
        price: U32::new(1_000_000),
    }
}

fn directory(locate: u16, symbol: &str) -> StockDirectory {
    StockDirectory {
        head: head(b'R', locate, 1),
        stock: stock(symbol),
        round_lot_size: U32::new(100),
        authenticity: b'P',
        short_sale_threshold_indicator: b'N',
        ..StockDirectory::default()
    }
}

#[test]
fn the_captured_example_of_the_document_reads_as_it_says() {
    // 41 1598 0000 1f1aced85306 000000000166b53e 42 00000640 49564f4f20202020 000d55ac: locate 5528,
    // 09:29:59.999894278, reference 23508286, buy 1600 IVOO at 87.3900.
    let bytes = [
        0x41, 0x15, 0x98, 0, 0, 0x1f, 0x1a, 0xce, 0xd8, 0x53, 0x06, 0, 0, 0, 0, 0x01, 0x66, 0xb5, 0x3e, 0x42,
        0, 0, 0x06, 0x40, 0x49, 0x56, 0x4f, 0x4f, 0x20, 0x20, 0x20, 0x20, 0x00, 0x0d, 0x55, 0xac,
    ];
    let Ok(Message::AddOrder(view)) = parse(&bytes) else { panic!("an add") };
    assert_eq!(view.head.stock_locate.get(), 5_528);
    let ts_ns = ((9 * 60 + 29) * 60 + 59) * 1_000_000_000 + 999_894_278;
    assert_eq!(view.head.timestamp.get(), ts_ns);
    assert_eq!(view.order_reference_number.get(), 23_508_286);
    assert_eq!((view.buy_sell_indicator, view.shares.get(), view.price.get()), (b'B', 1_600, 873_900));
    assert_eq!(symbol_text(&view.stock), "IVOO");

    let mut record = Record::default();
    let stamp =
        Stamp { seq: 9, instrument: InstrumentId(3), session_midnight_ns: MIDNIGHT_NS, ..Stamp::default() };
    decode(&bytes, &stamp, &mut record).expect("a good message");
    let read = market(&record);
    assert_eq!(read.header.kind, Kind::Add as u8);
    assert_eq!(read.header.ts_venue_ns, MIDNIGHT_NS + ts_ns.cast_signed());
    assert_eq!((read.header.seq, read.header.instrument), (9, 3));
    assert_eq!((read.order_ref, read.qty, read.price), (23_508_286, 1_600, 87_390_000_000));
    assert_eq!((read.side(), read.venue_type), (Side::Bid, b'A'));
}

#[test]
fn lengths_are_those_of_the_document() {
    // The table "Check of the lengths".
    let table = [
        ('S', 12),
        ('R', 39),
        ('H', 25),
        ('Y', 20),
        ('L', 26),
        ('V', 35),
        ('W', 12),
        ('K', 28),
        ('J', 35),
        ('h', 21),
        ('A', 36),
        ('F', 40),
        ('E', 31),
        ('C', 36),
        ('X', 23),
        ('D', 19),
        ('U', 35),
        ('P', 44),
        ('Q', 40),
        ('B', 19),
        ('I', 50),
        ('N', 20),
        ('O', 48),
    ];
    assert_eq!(LETTERS.len(), table.len());
    for (letter, length) in table {
        assert_eq!(length_of(letter as u8), Some(length), "{letter}");
    }
    assert_eq!(length_of(b'Z'), None);
}

/// A message and what its record must hold: kind, order_ref, other_ref, price, qty, side, code.
type Expected = (Vec<u8>, Kind, u64, u64, i64, u32, u8, u8);

fn raw(message: &(impl IntoBytes + Immutable)) -> Vec<u8> {
    message.as_bytes().to_vec()
}

/// One message of each type but the directory's, with distinct field values.
fn every_type() -> Vec<Expected> {
    let at = |letter| head(letter, 7, 34_200_000_000_001);
    let (s, refer, other) = (stock("AAPL"), U64::new(0x0102_0304_0506_0708), U64::new(0x1112_1314_1516_1718));
    let (r, o) = (refer.get(), other.get());
    let (qty, px) = (U32::new(0x0a0b_0c0d), U32::new(1_234_567));
    let (q, nanos) = (qty.get(), 123_456_700_000i64);
    vec![
        (
            raw(&AddOrder {
                head: at(b'A'),
                order_reference_number: refer,
                buy_sell_indicator: b'B',
                shares: qty,
                stock: s,
                price: px,
            }),
            Kind::Add,
            r,
            0,
            nanos,
            q,
            0,
            0,
        ),
        (
            raw(&AddOrderAttributed {
                head: at(b'F'),
                order_reference_number: refer,
                buy_sell_indicator: b'S',
                shares: qty,
                stock: s,
                price: px,
                attribution: *b"MPID",
            }),
            Kind::Add,
            r,
            0,
            nanos,
            q,
            1,
            0,
        ),
        (
            raw(&OrderExecuted {
                head: at(b'E'),
                order_reference_number: refer,
                executed_shares: qty,
                match_number: other,
            }),
            Kind::Execute,
            r,
            o,
            0,
            q,
            2,
            0,
        ),
        (
            raw(&OrderExecutedWithPrice {
                head: at(b'C'),
                order_reference_number: refer,
                executed_shares: qty,
                match_number: other,
                printable: b'N',
                execution_price: px,
            }),
            Kind::Execute,
            r,
            o,
            nanos,
            q,
            2,
            1,
        ),
        (
            raw(&OrderCancel { head: at(b'X'), order_reference_number: refer, canceled_shares: qty }),
            Kind::Cancel,
            r,
            0,
            0,
            q,
            2,
            0,
        ),
        (raw(&OrderDelete { head: at(b'D'), order_reference_number: refer }), Kind::Delete, r, 0, 0, 0, 2, 0),
        (
            raw(&OrderReplace {
                head: at(b'U'),
                original_order_reference_number: refer,
                new_order_reference_number: other,
                shares: qty,
                price: px,
            }),
            Kind::Replace,
            r,
            o,
            nanos,
            q,
            2,
            0,
        ),
        (
            raw(&HiddenTrade {
                head: at(b'P'),
                order_reference_number: U64::ZERO,
                buy_sell_indicator: b'S',
                shares: qty,
                stock: s,
                price: px,
                match_number: other,
            }),
            Kind::Trade,
            0,
            o,
            nanos,
            q,
            1,
            0,
        ),
        (
            raw(&CrossTrade {
                head: at(b'Q'),
                cross_shares: refer,
                stock: s,
                cross_price: px,
                match_number: other,
                cross_type: b'O',
            }),
            Kind::Cross,
            r,
            o,
            nanos,
            0,
            2,
            b'O',
        ),
        (raw(&BrokenTrade { head: at(b'B'), match_number: other }), Kind::Broken, 0, o, 0, 0, 2, 0),
        (
            raw(&Imbalance {
                head: at(b'I'),
                paired_shares: refer,
                imbalance_shares: other,
                imbalance_direction: b'S',
                stock: s,
                far_price: U32::new(1),
                near_price: U32::new(2),
                current_reference_price: px,
                cross_type: b'C',
                price_variation_indicator: b'L',
            }),
            Kind::Imbalance,
            r,
            o,
            nanos,
            0,
            1,
            b'C',
        ),
        (
            raw(&SystemEvent { head: at(b'S'), event_code: b'Q' }),
            Kind::Status,
            0,
            0,
            0,
            0,
            2,
            Phase::Continuous as u8,
        ),
        (
            raw(&TradingAction {
                head: at(b'H'),
                stock: s,
                trading_state: b'P',
                reserved: b' ',
                reason_code: *b"LUDP",
            }),
            Kind::Status,
            0,
            0,
            0,
            0,
            2,
            Phase::Halted as u8,
        ),
        (
            raw(&OperationalHalt {
                head: at(b'h'),
                stock: s,
                market_code: b'Q',
                operational_halt_action: b'T',
            }),
            Kind::Status,
            0,
            0,
            0,
            0,
            2,
            Phase::Continuous as u8,
        ),
        (
            raw(&ShortSaleRestriction { head: at(b'Y'), stock: s, reg_sho_action: b'1' }),
            Kind::Notice,
            u64::from(b'1'),
            0,
            0,
            0,
            2,
            b'Y',
        ),
        (
            raw(&ParticipantPosition {
                head: at(b'L'),
                mpid: *b"ABCD",
                stock: s,
                primary_market_maker: b'Y',
                market_maker_mode: b'N',
                market_participant_state: b'A',
            }),
            Kind::Notice,
            0x4142_4344,
            0,
            0,
            0,
            2,
            b'L',
        ),
        (
            raw(&BreakerLevels {
                head: at(b'V'),
                level_1: U64::new(300),
                level_2: U64::new(200),
                level_3: U64::new(u64::MAX),
            }),
            Kind::Notice,
            3_000,
            2_000,
            i64::MAX,
            0,
            2,
            b'V',
        ),
        (
            raw(&BreakerStatus { head: at(b'W'), breached_level: b'2' }),
            Kind::Notice,
            u64::from(b'2'),
            0,
            0,
            0,
            2,
            b'W',
        ),
        (
            raw(&IpoQuoting {
                head: at(b'K'),
                stock: s,
                ipo_quotation_release_time: U32::new(36_000),
                ipo_quotation_release_qualifier: b'A',
                ipo_price: px,
            }),
            Kind::Notice,
            u64::from(b'A'),
            36_000,
            nanos,
            0,
            2,
            b'K',
        ),
        (
            raw(&AuctionCollar {
                head: at(b'J'),
                stock: s,
                auction_collar_reference_price: px,
                upper_auction_collar_price: U32::new(2),
                lower_auction_collar_price: U32::new(1),
                auction_collar_extension: U32::new(3),
            }),
            Kind::Notice,
            100_000,
            200_000,
            nanos,
            3,
            2,
            b'J',
        ),
        (
            raw(&RetailInterest { head: at(b'N'), stock: s, interest_flag: b'A' }),
            Kind::Notice,
            u64::from(b'A'),
            0,
            0,
            0,
            2,
            b'N',
        ),
        (
            raw(&DirectListing {
                head: at(b'O'),
                stock: s,
                open_eligibility_status: b'Y',
                minimum_allowable_price: U32::new(1),
                maximum_allowable_price: U32::new(2),
                near_execution_price: px,
                ..DirectListing::default()
            }),
            Kind::Notice,
            100_000,
            200_000,
            nanos,
            0,
            2,
            b'O',
        ),
    ]
}

#[test]
fn every_type_encodes_and_decodes_to_its_record() {
    let all = every_type();
    let mut letters: Vec<u8> = all.iter().map(|row| row.0[0]).chain([b'R']).collect();
    letters.sort_unstable();
    let mut wanted = LETTERS.to_vec();
    wanted.sort_unstable();
    assert_eq!(letters, wanted, "each type has a row");
    for (bytes, kind, order_ref, other_ref, price, qty, side, code) in all {
        let letter = char::from(bytes[0]);
        assert_eq!(parse(&bytes).expect("a view").as_bytes(), bytes, "{letter}");
        let mut record = Record::default();
        let stamp = Stamp { seq: 1, instrument: InstrumentId(4), flags: 1, ..Stamp::default() };
        decode(&bytes, &stamp, &mut record).expect("a record");
        let read = market(&record);
        let fields = (read.order_ref, read.other_ref, read.price, read.qty, read.side, read.code);
        assert_eq!(read.header.kind, kind as u8, "{letter}");
        assert_eq!(fields, (order_ref, other_ref, price, qty, side, code), "{letter}");
        assert_eq!(read.venue_type, bytes[0]);
        assert_eq!(read.header.ts_venue_ns, 34_200_000_000_001, "{letter}");
        assert_eq!(read.header.instrument, if letter == 'S' { u32::MAX } else { 4 }, "{letter}");
        let not_printed = read.header.flags & Flags::NOT_PRINTABLE != 0;
        assert_eq!(not_printed, letter == 'C');
    }
}

#[test]
fn a_directory_message_names_its_instrument() {
    let mut bytes = Vec::new();
    push(&mut bytes, &StockDirectory { authenticity: b'T', ..directory(12, "ZVZZT") });
    let (all, source) = records(&bytes, LocateMap::all());
    let symbol = all[0].as_symbol();
    assert_eq!((symbol.name(), symbol.locate, symbol.round_lot, symbol.test), ("ZVZZT", 12, 100, 1));
    assert_eq!(symbol.header.kind, Kind::Symbol as u8);
    assert_eq!(source.universe().symbols(), ["ZVZZT"]);
    assert_eq!(source.universe().id_of(12), Some(InstrumentId(0)));
}

#[test]
fn only_named_instruments_pass_but_every_message_is_numbered() {
    let mut bytes = Vec::new();
    push(&mut bytes, &SystemEvent { head: head(b'S', 0, 1), event_code: b'O' });
    push(&mut bytes, &directory(1, "MSFT"));
    push(&mut bytes, &directory(2, "AAPL"));
    push(&mut bytes, &add(1, 2, 10));
    push(&mut bytes, &add(2, 3, 11));
    push(&mut bytes, &add(9, 4, 12));
    let (all, source) = records(&bytes, LocateMap::only([("AAPL", InstrumentId(5))]));
    let seen: Vec<(u64, u32)> =
        all.iter().map(|record| (record.header.seq, record.header.instrument)).collect();
    assert_eq!(seen, [(1, u32::MAX), (3, 5), (5, 5)]);
    assert_eq!((source.skips().filtered, source.skips().faults(), source.messages()), (3, 0, 6));
    assert_eq!(source.universe().symbol(InstrumentId(5)), "AAPL");
}

#[test]
fn an_instrument_that_was_never_announced_is_not_lost() {
    let mut bytes = Vec::new();
    push(&mut bytes, &directory(1, "MSFT"));
    push(&mut bytes, &add(9, 4, 12));
    push(&mut bytes, &add(9, 5, 13));
    let (all, source) = records(&bytes, LocateMap::all());
    assert_eq!(all.len(), 3);
    assert_eq!(all[2].header.instrument, 1);
    assert_eq!(source.universe().symbols(), ["MSFT", "locate#9"]);
    assert_eq!(source.skips().unannounced, 1);
    // The next day the same symbol has another locate and the same id.
    let mut next = source.universe().next_day();
    next.announce(3, stock("MSFT"));
    assert_eq!((next.id_of(3), next.id_of(1)), (Some(InstrumentId(0)), None));
}

#[test]
fn a_message_stamped_hours_after_its_neighbours_is_read_at_the_time_before() {
    const HOUR: u64 = 3_600_000_000_000;
    let times = |stamps: &[u64]| {
        let mut bytes = Vec::new();
        push(&mut bytes, &directory(1, "AAPL"));
        for (number, stamp) in (1..).zip(stamps) {
            push(&mut bytes, &add(1, *stamp, number));
        }
        let (all, source) = records(&bytes, LocateMap::all());
        // The directory is stamped 1.
        let midnight_ns = all[0].header.ts_venue_ns - 1;
        let stamp = |record: &Record| (record.header.ts_venue_ns - midnight_ns).cast_unsigned();
        let seen: Vec<u64> = all[1..].iter().map(stamp).collect();
        let latency = |record: &Record| record.header.ts_recv_ns - record.header.ts_venue_ns;
        assert!(all.iter().all(|record| latency(record) == latency(&all[0])));
        (seen, source.skips().mended_times)
    };
    let (seven, eight) = (7 * HOUR, 8 * HOUR);
    assert_eq!(times(&[seven, seven + 60 * HOUR, seven + 2]), (vec![seven, seven, seven + 2], 1));
    assert_eq!(
        times(&[seven, seven + 4 * HOUR, eight, eight + 1]),
        (vec![seven, seven, eight, eight + 1], 1)
    );
    // A night, a fall where the neighbours are far apart themselves, an earlier stamp, and the last of the file, of which
    // nothing tells.
    for sound in [
        vec![seven, 12 * HOUR, 12 * HOUR + 1],
        vec![seven, 20 * HOUR, 12 * HOUR],
        vec![seven, seven, HOUR, seven],
        vec![seven, 20 * HOUR],
    ] {
        assert_eq!(times(&sound), (sound, 0));
    }
}

#[test]
fn an_event_ends_where_the_instrument_or_the_nanosecond_changes() {
    let mut bytes = Vec::new();
    for locate in [1, 2] {
        push(&mut bytes, &directory(locate, ["", "A", "B"][usize::from(locate)]));
    }
    // The tracking number does not matter.
    let mut tracked = add(1, 10, 2);
    tracked.head.tracking_number = 5.into();
    push(&mut bytes, &add(1, 10, 1));
    push(&mut bytes, &tracked);
    push(&mut bytes, &add(2, 10, 3));
    push(&mut bytes, &add(1, 10, 4));
    push(&mut bytes, &add(1, 11, 5));
    // What is skipped closes nothing: a bad side at the same nanosecond.
    push(&mut bytes, &AddOrder { buy_sell_indicator: b'?', ..add(1, 11, 6) });
    push(&mut bytes, &add(1, 12, 7));
    let (all, source) = records(&bytes, LocateMap::all());
    let ends: Vec<u8> = all[2..].iter().map(|record| record.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [0, 1, 1, 1, 1, 1]);
    assert_eq!(source.skips().malformed[usize::from(b'A')], 1);
}

#[test]
fn what_makes_no_sense_is_counted_and_stepped_over() {
    let mut bytes = Vec::new();
    push(&mut bytes, &directory(1, "AAPL"));
    push_raw(&mut bytes, b"Zwhatever");
    push_raw(&mut bytes, b"A");
    push_raw(&mut bytes, b"");
    push(&mut bytes, &AddOrder { shares: U32::ZERO, ..add(1, 2, 1) });
    push(&mut bytes, &add(0, 2, 1));
    push(&mut bytes, &SystemEvent { head: head(b'S', 0, 3), event_code: b'?' });
    push(&mut bytes, &add(1, 2, 1));
    let (all, source) = records(&bytes, LocateMap::all());
    assert_eq!(all.iter().map(|record| record.header.seq).collect::<Vec<_>>(), [1, 7]);
    let reasons: Vec<String> =
        source.skips().reasons().iter().map(|(why, count)| format!("{why} {count}")).collect();
    assert_eq!(
        reasons,
        ["unknown_type:Z 1", "wrong_length:A 1", "malformed:A 2", "malformed:S 1", "zero_length 1"]
    );
    assert_eq!(*source.end(), End::Complete);
    assert_eq!(source.position(), bytes.len() as u64);
}

#[test]
fn a_file_cut_anywhere_gives_every_whole_message_and_the_offset() {
    let mut bytes = Vec::new();
    push(&mut bytes, &directory(1, "AAPL"));
    let mut ends = vec![0, bytes.len()];
    for number in 1..5 {
        push(&mut bytes, &add(1, number, number));
        ends.push(bytes.len());
    }
    for cut in 0..=bytes.len() {
        let whole = ends.iter().rposition(|end| *end <= cut).expect("zero is there");
        let (all, source) = records(&bytes[..cut], LocateMap::all());
        assert_eq!(all.len(), whole, "{cut}");
        let end =
            if ends[whole] == cut { End::Complete } else { End::Truncated { offset: ends[whole] as u64 } };
        assert_eq!(*source.end(), end, "{cut}");
        if whole > 0 {
            assert_eq!(
                all[whole - 1].header.flags & Flags::END_OF_EVENT,
                1,
                "the last record closes its event"
            );
        }
    }
}

#[test]
fn a_damaged_length_loses_the_framing_at_its_offset() {
    let mut bytes = Vec::new();
    push(&mut bytes, &directory(1, "AAPL"));
    let mut offset = 0;
    for number in 1..20_000 {
        if number == 100 {
            offset = bytes.len();
        }
        push(&mut bytes, &add(1, number, number * 0x0101));
    }
    for damage in [0x01, 0x80] {
        for byte in [offset, offset + 1] {
            let mut damaged = bytes.clone();
            damaged[byte] ^= damage;
            let (all, source) = records(&damaged, LocateMap::all());
            assert_eq!(
                *source.end(),
                End::LostFraming { offset: offset as u64 },
                "{damage} {}",
                byte - offset
            );
            assert_eq!(all.len(), 100);
        }
    }
}

proptest! {
    #[test]
    fn noise_never_panics_and_both_walks_agree(mut noise in prop::collection::vec(any::<u8>(), 0..600), letters in prop::collection::vec((0usize..23, any::<[u8; 50]>()), 0..12)) {
        for (letter, mut body) in letters {
            let letter = LETTERS[letter];
            body[0] = letter;
            let length = length_of(letter).expect("a letter of ours");
            let mut framed = Vec::new();
            push_raw(&mut framed, &body[..length]);
            framed.extend_from_slice(&noise);
            noise = framed;
        }
        struct Nothing;
        impl Visitor for Nothing {}
        let visited = visit(&noise, &mut Nothing);
        let (all, source) = records(&noise, LocateMap::all());
        prop_assert_eq!(visited.messages, source.messages());
        prop_assert_eq!(visited.end, *source.end());
        prop_assert!(!source.end().is_running());
        let skipped = source.skips().faults() - source.skips().zero_length - source.skips().mended_times;
        prop_assert_eq!(all.len() as u64 + skipped, source.messages());
        prop_assert!(source.position() <= noise.len() as u64);
        // One record closes every event: the last one always.
        if let Some(last) = all.last() {
            prop_assert_eq!(last.header.flags & Flags::END_OF_EVENT, 1);
        }
    }

    #[test]
    fn a_single_message_decodes_as_it_does_in_a_file(letter in 0usize..23, mut body in any::<[u8; 50]>()) {
        body[0] = LETTERS[letter];
        let bytes = &body[..length_of(body[0]).expect("a letter of ours")];
        let mut framed = Vec::new();
        push_raw(&mut framed, bytes);
        let (all, source) = records(&framed, LocateMap::all());
        let mut alone = Record::default();
        let locate = u16::from_be_bytes([body[1], body[2]]);
        let instrument = source.universe().id_of(locate).unwrap_or(InstrumentId::NONE);
        let stamp = Stamp { seq: 1, instrument, session_midnight_ns: MIDNIGHT_NS, feed_latency_ns: 1_000, flags: Flags::END_OF_EVENT };
        // Among others it takes the straight path, alone the way of the last bytes.
        let stamped = body[5..11].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
        (0..4).for_each(|_| push(&mut framed, &add(locate ^ 1, stamped, 1)));
        let (among, _) = records(&framed, LocateMap::all());
        let first: Vec<Record> = among.into_iter().filter(|record| record.header.seq == 1).collect();
        prop_assert_eq!(&first, &all);
        match decode(bytes, &stamp, &mut alone) {
            Ok(()) if locate != 0 => prop_assert_eq!(all, vec![alone]),
            Ok(()) => prop_assert!(all.is_empty() || all == vec![alone]),
            Err(_) => prop_assert!(all.is_empty()),
        }
    }
}
