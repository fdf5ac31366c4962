//! Against captured packets, and round trips through a decoder written from the field tables.

use super::*;
use proptest::prelude::*;
use tickrace_types::Header;

/// What a message says, by the tables of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Enter {
        id: u32,
        side: u8,
        qty: u32,
        symbol: [u8; 8],
        price4: u64,
        flags: [u8; 5],
        text: Vec<u8>,
        options: Vec<u8>,
    },
    Replace {
        original: u32,
        id: u32,
        qty: u32,
        price4: u64,
        flags: [u8; 3],
        text: Vec<u8>,
        options: Vec<u8>,
    },
    Cancel {
        id: u32,
        qty: u32,
    },
}

/// Takes fields off the front.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_first_chunk::<N>().expect("a field is there");
        self.0 = tail;
        *head
    }

    fn number32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn options(&mut self) -> Vec<u8> {
        let len = u16::from_be_bytes(self.take()) as usize;
        assert_eq!(self.0.len(), len, "the appendage is the rest of the message");
        std::mem::take(&mut self.0).to_vec()
    }
}

fn decode(bytes: &[u8]) -> Message {
    let mut fields = Cursor(&bytes[1..]);
    match bytes[0] {
        b'O' => Message::Enter {
            id: fields.number32(),
            side: fields.take::<1>()[0],
            qty: fields.number32(),
            symbol: fields.take(),
            price4: u64::from_be_bytes(fields.take()),
            flags: fields.take(),
            text: fields.take::<14>().to_vec(),
            options: fields.options(),
        },
        b'U' => Message::Replace {
            original: fields.number32(),
            id: fields.number32(),
            qty: fields.number32(),
            price4: u64::from_be_bytes(fields.take()),
            flags: fields.take(),
            text: fields.take::<14>().to_vec(),
            options: fields.options(),
        },
        b'X' => Message::Cancel { id: fields.number32(), qty: fields.number32() },
        other => panic!("no request starts with {other}"),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn encoded(order: &OrderRecord) -> Result<Vec<u8>, EncodeError> {
    let mut out = [0xee; SIZE_MAX];
    encode(order, b"CVLT    ", &mut out).map(|len| out[..len].to_vec())
}

fn order(action: Action) -> OrderRecord {
    OrderRecord {
        header: Header::default(),
        client_id: 113,
        orig_client_id: if action == Action::New { 0 } else { 112 },
        cause_seq: 0xabc,
        price: 63_020_000_000,
        qty: 225,
        side: Side::Ask as u8,
        action: action as u8,
        ..OrderRecord::default()
    }
}

#[test]
fn the_decoder_reads_a_captured_enter_order() {
    let captured = bytes(
        "4f 00000071 54 000000e1 43564c5420202020 0000000000099db8 30 59 41 4e 4e \
         4838465542384956202020202020 0006 05 02 4c494d45",
    );
    let expected = Message::Enter {
        id: 113,
        side: b'T',
        qty: 225,
        symbol: *b"CVLT    ",
        price4: 630_200,
        flags: *b"0YANN",
        text: b"H8FUB8IV      ".to_vec(),
        options: b"\x05\x02LIME".to_vec(),
    };
    assert_eq!(decode(&captured), expected);
    // Ours differs where it should: plain sell, principal, our text, no options.
    let ours = encoded(&order(Action::New)).unwrap();
    assert_eq!(ours[..5], captured[..5]);
    assert_eq!(ours[6..28], captured[6..28]);
    assert_eq!((ours[5], &ours[28..]), (b'S', b"PNN00000000000ABC\0\0".as_slice()));
}

#[test]
fn a_cancel_is_the_captured_one_byte_for_byte() {
    let cancel = OrderRecord { orig_client_id: 7_679_601, ..order(Action::Cancel) };
    assert_eq!(encoded(&cancel).unwrap(), bytes("58 00752e71 00000000"));
}

#[test]
fn kinds_of_order_have_their_letters() {
    for (order_type, tif, letters) in [
        (OrderType::Limit, TimeInForce::Day, *b"0Y"),
        (OrderType::Limit, TimeInForce::Ioc, *b"3Y"),
        (OrderType::PostOnly, TimeInForce::Day, *b"0P"),
    ] {
        let sent = OrderRecord { order_type: order_type as u8, tif: tif as u8, ..order(Action::New) };
        assert_eq!(encoded(&sent).unwrap()[26..28], letters);
        let sent = OrderRecord { action: Action::Replace as u8, orig_client_id: 1, ..sent };
        assert_eq!(encoded(&sent).unwrap()[21..23], letters);
    }
    let hidden = OrderRecord { display_qty: OrderRecord::SHOW_NONE, ..order(Action::New) };
    let limit = OrderRecord { order_type: OrderType::Limit as u8, tif: TimeInForce::Day as u8, ..hidden };
    assert_eq!(encoded(&limit).unwrap()[26..28], *b"0N");
}

#[test]
fn what_has_no_place_in_the_message_is_refused_and_nothing_is_written() {
    let good = order(Action::Replace);
    let cases = [
        (OrderRecord { client_id: 0, ..good }, EncodeError::ClientId(0)),
        (OrderRecord { client_id: 1 << 32, ..good }, EncodeError::ClientId(1 << 32)),
        (OrderRecord { orig_client_id: 1 << 32, ..good }, EncodeError::ClientId(1 << 32)),
        (OrderRecord { qty: 0, ..good }, EncodeError::Quantity(0)),
        (OrderRecord { qty: 1_000_000, ..good }, EncodeError::Quantity(1_000_000)),
        (OrderRecord { price: -100_000, ..good }, EncodeError::Price(-100_000)),
        (OrderRecord { price: 99_999, ..good }, EncodeError::Price(99_999)),
        (OrderRecord { order_type: OrderType::Market as u8, ..good }, EncodeError::NoLimitPrice),
        (OrderRecord { order_type: OrderType::Stop as u8, ..good }, EncodeError::OrderType(3)),
        (OrderRecord { order_type: OrderType::Pegged as u8, ..good }, EncodeError::OrderType(6)),
        (OrderRecord { tif: TimeInForce::Fok as u8, ..good }, EncodeError::TimeInForce(2)),
        (OrderRecord { tif: TimeInForce::AtClose as u8, ..good }, EncodeError::TimeInForce(6)),
        (OrderRecord { display_qty: 100, ..good }, EncodeError::Display(100)),
        (OrderRecord { stp: 3, ..good }, EncodeError::SelfTrade(3)),
        (OrderRecord { action: Action::MassCancel as u8, ..good }, EncodeError::MassCancel),
    ];
    for (order, expected) in cases {
        let mut out = [0xee; SIZE_MAX];
        assert_eq!(encode(&order, b"CVLT    ", &mut out), Err(expected));
        assert_eq!(out, [0xee; SIZE_MAX]);
    }
}

#[test]
fn symbols_are_padded_or_refused() {
    assert_eq!(symbol_field("A"), Some(*b"A       "));
    assert_eq!(symbol_field("ABCDEFGH"), Some(*b"ABCDEFGH"));
    for odd in ["", "ABCDEFGHI", "A B", "É"] {
        assert_eq!(symbol_field(odd), None, "{odd}");
    }
}

proptest! {
    #[test]
    fn every_order_that_fits_comes_back_as_it_was(
        id in 1u32..,
        original in 1u32..,
        qty in 1u32..1_000_000,
        price4 in 0u64..92_000_000_000_000,
        is_ask in any::<bool>(),
        cause_seq in 0u64..1 << 56,
    ) {
        let sent = OrderRecord {
            client_id: u64::from(id),
            cause_seq,
            qty: i64::from(qty),
            price: price4 as i64 * PRICE4_NANOS,
            side: u8::from(is_ask),
            ..order(Action::New)
        };
        let text = format!("{cause_seq:014X}").into_bytes();
        let side = if is_ask { b'S' } else { b'B' };
        let enter = Message::Enter {
            id, side, qty, symbol: *b"CVLT    ", price4, flags: *b"0YPNN", text: text.clone(), options: vec![],
        };
        prop_assert_eq!(decode(&encoded(&sent).unwrap()), enter);
        let sent = OrderRecord { action: Action::Replace as u8, orig_client_id: u64::from(original), ..sent };
        let replace = Message::Replace { original, id, qty, price4, flags: *b"0YN", text, options: vec![] };
        prop_assert_eq!(decode(&encoded(&sent).unwrap()), replace);
        let sent = OrderRecord { action: Action::Cancel as u8, ..sent };
        prop_assert_eq!(decode(&encoded(&sent).unwrap()), Message::Cancel { id: original, qty: 0 });
    }
}
