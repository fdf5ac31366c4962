//! Lines that lose, delay and repeat, judged by what was sent.

use proptest::prelude::*;

use super::*;

/// A packet of session `S` with these messages.
pub(crate) fn packet(seq: u64, messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"S         ".to_vec();
    bytes.extend(seq.to_be_bytes());
    bytes.extend(u16::try_from(messages.len()).expect("few").to_be_bytes());
    for message in messages {
        bytes.extend(u16::try_from(message.len()).expect("short").to_be_bytes());
        bytes.extend(*message);
    }
    bytes
}

fn end(seq: u64) -> Vec<u8> {
    let mut bytes = packet(seq, &[]);
    bytes[18..20].copy_from_slice(&[0xff, 0xff]);
    bytes
}

/// `seq` for a message, `-first, -count` for a gap.
fn run(packets: &[(i64, Vec<u8>)]) -> Vec<(i64, i64)> {
    let (mut arbiter, mut out) = (Arbiter::default(), Vec::new());
    let mut keep = |delivery: Delivery<'_>| match delivery {
        Delivery::Message { seq, bytes, .. } => {
            out.push((i64::try_from(seq).expect("small"), i64::from(bytes.first().copied().unwrap_or(0))));
        }
        Delivery::Gap { first, count, .. } => {
            out.push((-i64::try_from(first).expect("small"), -i64::try_from(count).expect("small")));
        }
    };
    for (ts_ns, bytes) in packets {
        arbiter.on_packet(*ts_ns, bytes, &mut keep).expect("a good packet");
    }
    arbiter.finish(&mut keep);
    out
}

#[test]
fn a_message_that_one_line_lost_comes_from_the_other_within_the_window() {
    let packets =
        [(0, packet(1, &[b"a"])), (5, packet(3, &[b"c"])), (WINDOW_NS - 1, packet(2, &[b"b", b"c"]))];
    assert_eq!(run(&packets), [(1, 97), (2, 98), (3, 99)]);
}

#[test]
fn after_the_window_it_is_missing_and_dropped_where_it_comes_at_last() {
    let packets = [
        (0, packet(1, &[b"a"])),
        (5, packet(4, &[b"d"])),
        (5 + WINDOW_NS, packet(5, &[b"e"])),
        (6 + WINDOW_NS, packet(2, &[b"b", b"c"])),
    ];
    assert_eq!(run(&packets), [(1, 97), (-2, -2), (4, 100), (5, 101)]);
}

#[test]
fn a_loss_at_the_tail_is_told_by_the_end_of_the_session() {
    assert_eq!(run(&[(0, packet(1, &[b"a"])), (9, end(4))]), [(1, 97), (-2, -2)]);
    assert_eq!(run(&[(0, packet(1, &[b"a"])), (9, end(2))]), [(1, 97)]);
}

#[test]
fn another_session_counts_from_one_once_the_first_has_ended() {
    let mut other = packet(1, &[b"z"]);
    other[0] = b'T';
    let mut arbiter = Arbiter::default();
    arbiter.on_packet(0, &packet(1, &[b"a"]), &mut |_| {}).expect("good");
    assert_eq!(arbiter.on_packet(1, &other, &mut |_| {}), Err(PacketFault::OtherSession));
    arbiter.on_packet(2, &end(2), &mut |_| {}).expect("good");
    let mut seen = Vec::new();
    arbiter
        .on_packet(3, &other, &mut |delivery| {
            seen.push(matches!(delivery, Delivery::Message { seq: 1, bytes: b"z", .. }));
        })
        .expect("good");
    assert_eq!(seen, [true]);
}

proptest! {
    #[test]
    fn everything_sent_is_delivered_once_in_order_or_told_as_missing(
        fates in prop::collection::vec((0u8..4, 0u8..4, 0i64..3), 1..80),
        close: bool,
    ) {
        // Per message and line: 0 lost, 1 and 2 on time, 3 late by a packet or two; each packet one message.
        let mut packets = Vec::new();
        for (place, (a, b, late)) in (1..).zip(&fates) {
            for (line, fate) in [(0, a), (1, b)] {
                let due = place * 10 + line + if *fate == 3 { late * 10 } else { 0 };
                if *fate > 0 {
                    let byte = [u8::try_from(place % 250).expect("small")];
                    packets.push((due, packet(u64::try_from(place).expect("positive"), &[&byte])));
                }
            }
        }
        packets.sort_by_key(|(due, _)| *due);
        let sent = i64::try_from(fates.len()).expect("few");
        if close {
            packets.push((sent * 10 + 100, end(fates.len() as u64 + 1)));
        }
        let mut expected = 1;
        for (first, second) in run(&packets) {
            if first > 0 {
                prop_assert_eq!((first, second), (expected, expected % 250));
                let (a, b, _) = fates[usize::try_from(first - 1).expect("positive")];
                prop_assert!(a + b > 0);
                expected += 1;
            } else {
                prop_assert_eq!(-first, expected);
                for _ in 0..-second {
                    let (a, b, _) = fates[usize::try_from(expected - 1).expect("positive")];
                    prop_assert_eq!(a + b, 0, "message {} was received", expected);
                    expected += 1;
                }
            }
        }
        if close {
            prop_assert_eq!(expected, sent + 1);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut arbiter = Arbiter::default();
        for bytes in packets {
            let framed = [&b"S         \0\0\0\0\0\0\0"[..], &bytes].concat();
            let _ = arbiter.on_packet(0, &bytes, &mut |_| {});
            let _ = arbiter.on_packet(1, &framed, &mut |_| {});
        }
        arbiter.finish(&mut |_| {});
    }
}
