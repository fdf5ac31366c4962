//! Captures made here byte by byte, in every form, and damaged.

use proptest::prelude::*;

use super::*;

/// An Ethernet frame with one datagram to port 26400, with `tags` VLAN tags and padding behind.
pub(crate) fn ethernet(payload: &[u8], tags: usize) -> Vec<u8> {
    let mut frame = vec![1, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 1];
    for _ in 0..tags {
        frame.extend([0x81, 0x00, 0x00, 0x07]);
    }
    frame.extend([0x08, 0x00]);
    let udp = u16::try_from(8 + payload.len()).expect("short");
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 1, 17, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111]);
    frame.extend(ip);
    frame.extend([0x75, 0x30, 0x67, 0x20]);
    frame.extend(udp.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame.extend([0xee; 6]);
    frame
}

/// A classic capture; `is_big` and `is_nano` choose among the four forms.
pub(crate) fn classic(frames: &[(u32, u32, Vec<u8>)], is_big: bool, is_nano: bool) -> Vec<u8> {
    let word = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = Vec::new();
    file.extend(word(if is_nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
    file.extend(half(2));
    file.extend(half(4));
    [0, 0, 65_535, 1].into_iter().for_each(|value| file.extend(word(value)));
    for (seconds, fraction, frame) in frames {
        let length = u32::try_from(frame.len()).expect("short");
        [*seconds, *fraction, length, length].into_iter().for_each(|value| file.extend(word(value)));
        file.extend(frame);
    }
    file
}

/// A capture in blocks: a section, an interface of nanoseconds and one of microseconds with an offset of a day, one
/// enhanced packet of each, then a simple packet.
fn sectioned(frame: &[u8], is_big: bool) -> Vec<u8> {
    let word = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let total = word(u32::try_from(padded + 12).expect("short"));
        file.extend(word(kind));
        file.extend(total);
        file.extend(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend(total);
    };
    let section = [&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat();
    block(0x0a0d_0d0a, &section);
    let nano = [&half(1)[..], &half(0), &word(0), &half(9), &half(1), &[9, 0, 0, 0], &[0; 4]].concat();
    block(1, &nano);
    let day = if is_big { 86_400i64.to_be_bytes() } else { 86_400i64.to_le_bytes() };
    block(1, &[&half(1)[..], &half(0), &word(0), &half(14), &half(8), &day, &[0; 4]].concat());
    let length = word(u32::try_from(frame.len()).expect("short"));
    for (interface, units) in [(0u32, 5_000_000_007u64), (1, 3_000_004)] {
        let (high, low) = (word((units >> 32) as u32), word((units & 0xffff_ffff) as u32));
        block(6, &[&word(interface)[..], &high, &low, &length, &length, frame].concat());
    }
    // Statistics of an interface: no frame.
    block(5, &[&word(0)[..], &word(0), &word(0)].concat());
    block(3, &[&length[..], frame].concat());
    file
}

type Seen = (Vec<(i64, Vec<u8>)>, Vec<NoDatagram>, End);

fn read(file: Vec<u8>) -> Seen {
    let mut capture = Capture::new(io::Cursor::new(file)).expect("a capture");
    let (mut datagrams, mut others) = (Vec::new(), Vec::new());
    loop {
        let mut keep = |datagram: &Datagram<'_>| datagrams.push((datagram.ts_ns, datagram.payload.to_vec()));
        match capture.step(&mut keep) {
            Step::Frame(Err(why)) => others.push(why),
            Step::Frame(Ok(())) | Step::Other => {}
            Step::End(end) => return (datagrams, others, end),
        }
    }
}

#[test]
fn all_four_classic_forms_give_the_same_datagrams() {
    for (is_big, is_nano) in [(false, false), (false, true), (true, false), (true, true)] {
        let frames = [(7, 5, ethernet(b"one", 0)), (8, 6, ethernet(b"second", 2))];
        let unit = if is_nano { 1 } else { 1_000 };
        let (datagrams, others, end) = read(classic(&frames, is_big, is_nano));
        let wanted =
            [(7_000_000_000 + 5 * unit, b"one".to_vec()), (8_000_000_000 + 6 * unit, b"second".to_vec())];
        assert_eq!((datagrams.as_slice(), others.len(), end), (&wanted[..], 0, End::Complete));
    }
}

#[test]
fn blocks_of_both_orders_give_times_by_the_interface() {
    for is_big in [false, true] {
        let (datagrams, _, end) = read(sectioned(&ethernet(b"payload", 1), is_big));
        let times: Vec<_> = datagrams.iter().map(|(ts_ns, _)| *ts_ns).collect();
        // 5 s and 7 ns; 3 s, 4 us and a day; and once more, since a simple packet has no time.
        assert_eq!(times, [5_000_000_007, 86_403_000_004_000, 86_403_000_004_000]);
        assert!(datagrams.iter().all(|(_, payload)| payload == b"payload"));
        assert_eq!(end, End::Complete);
    }
}

#[test]
fn a_cut_capture_tells_where_and_keeps_what_came_before() {
    let whole = classic(&[(1, 0, ethernet(b"one", 0)), (2, 0, ethernet(b"two", 0))], false, true);
    let second = 24 + 16 + ethernet(b"one", 0).len();
    for cut in second + 1..whole.len() {
        let (datagrams, _, end) = read(whole[..cut].to_vec());
        assert_eq!(datagrams.len(), 1);
        let End::Broken { place, .. } = end else { panic!("cut at {cut}") };
        assert_eq!(place, format!("offset {second}"));
    }
}

#[test]
fn what_is_no_datagram_is_told_by_its_reason() {
    let mut fragment = ethernet(b"part", 0);
    fragment[20] |= 0x20;
    let mut tcp = ethernet(b"stream", 0);
    tcp[23] = 6;
    let mut long = ethernet(b"lying", 0);
    long[38..40].copy_from_slice(&900u16.to_be_bytes());
    let frames = [(1, 0, fragment), (1, 0, tcp), (1, 0, long), (1, 0, vec![0; 20])];
    let (datagrams, others, end) = read(classic(&frames, false, false));
    let wanted = [NoDatagram::Fragment, NoDatagram::Other, NoDatagram::Cut, NoDatagram::Other];
    assert_eq!((datagrams.len(), others.as_slice(), end), (0, &wanted[..], End::Complete));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0usize..6) {
        let heads: [&[u8]; 6] = [
            &[0xd4, 0xc3, 0xb2, 0xa1], &[0xa1, 0xb2, 0xc3, 0xd4], &[0x4d, 0x3c, 0xb2, 0xa1],
            &[0x0a, 0x0d, 0x0d, 0x0a], &[0xa1, 0xb2, 0x3c, 0x4d], &[],
        ];
        let file = [heads[form], &bytes].concat();
        if let Ok(mut capture) = Capture::new(io::Cursor::new(file)) {
            while !matches!(capture.step(&mut |_| {}), Step::End(_)) {}
        }
    }

    #[test]
    fn a_damaged_capture_never_panics(
        is_big: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let classic = classic(&[(1, 0, ethernet(b"one", 1)), (2, 0, ethernet(b"two", 0))], is_big, true);
        for mut file in [classic, sectioned(&ethernet(b"payload", 0), is_big)] {
            for (place, byte) in &damage {
                let place = place.index(file.len());
                file[place] = *byte;
            }
            if let Ok(mut capture) = Capture::new(io::Cursor::new(file)) {
                while !matches!(capture.step(&mut |_| {}), Step::End(_)) {}
            }
        }
    }
}
