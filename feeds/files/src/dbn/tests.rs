//! Files written here with the crate's encoder, whole, cut and damaged.

use dbn::encode::EncodeRecord;
use dbn::encode::dbn::Encoder;
use dbn::enums::{SType, Schema};
use dbn::{FlagSet, MetadataBuilder, RecordHeader};
use proptest::prelude::*;
use tickrace_types::{Flags, Kind};

use super::*;

const TS_NS: u64 = 1_703_462_400_000_000_000;

fn order(action: u8, order_id: u64, price: i64, size: u32, flags: u8) -> dbn::MboMsg {
    dbn::MboMsg {
        hd: RecordHeader::new::<dbn::MboMsg>(dbn::rtype::MBO, 1, 7, TS_NS + order_id),
        order_id,
        price,
        size,
        flags: FlagSet::new(flags),
        channel_id: 0,
        action: action as std::ffi::c_char,
        side: b'B' as std::ffi::c_char,
        ts_recv: TS_NS + order_id + 5,
        ts_in_delta: 0,
        sequence: 0,
    }
}

/// A file of every kind of record, by order first.
fn file() -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .dataset("GLBX.MDP3")
        .schema(Some(Schema::Mbo))
        .start(TS_NS)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, &metadata).expect("metadata");
    for message in [
        order(b'R', 0, dbn::UNDEF_PRICE, 0, 0),
        order(b'A', 1, 100, 5, 128),
        order(b'T', 9, 100, 3, 0),
        order(b'F', 1, 100, 3, 0),
        order(b'C', 1, 100, 3, 128),
        order(b'M', 1, 101, 4, 128),
        order(b'A', 2, 101, 0, 128),
        order(b'?', 2, 101, 1, 128),
    ] {
        encoder.encode_record(&message).expect("a record");
    }
    encoder.encode_record(&dbn::Mbp1Msg { ts_recv: TS_NS, ..dbn::Mbp1Msg::default() }).expect("a record");
    encoder.encode_record(&dbn::Mbp10Msg { ts_recv: TS_NS, ..dbn::Mbp10Msg::default() }).expect("a record");
    encoder.encode_record(&dbn::TradeMsg::default()).expect("a record");
    encoder.encode_record(&dbn::StatusMsg::default()).expect("a record");
    encoder.encode_record(&dbn::InstrumentDefMsg::default()).expect("a record");
    encoder.encode_record(&dbn::ImbalanceMsg::default()).expect("a record");
    encoder.encode_record(&dbn::StatMsg::default()).expect("a record");
    encoder.encode_record(&dbn::SymbolMappingMsg::default()).expect("a record");
    encoder.encode_record(&dbn::SystemMsg::default()).expect("a record");
    bytes
}

struct Whole {
    records: Vec<Record>,
    account: Account,
    by_type: Vec<(String, u64)>,
}

fn read(bytes: &[u8], options: &Options) -> Result<Whole, FileError> {
    let place = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(place.path(), bytes).expect("written");
    let mut decoder = open(place.path(), options)?;
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    Ok(Whole { records, account: decoder.account().clone(), by_type: decoder.by_type() })
}

#[test]
fn rows_become_records_and_what_cannot_is_counted_with_its_place() {
    let whole = read(&file(), &Options::default()).expect("opens");
    let kinds: Vec<_> =
        whole.records.iter().take(4).map(|record| Kind::from_code(record.header.kind)).collect();
    let wanted = [Kind::Clear, Kind::Add, Kind::Execute, Kind::Replace];
    assert_eq!(kinds, wanted.map(Some));
    let ends: Vec<_> = whole.records.iter().take(4).map(|r| r.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [0, 1, 1, 1]);
    assert_eq!(whole.records[2].header.seq, 5, "an execution stands where its lots leave the book");
    let skips = &whole.account.skips;
    assert_eq!((skips.of("quantity"), skips.of("action")), (1, 1));
    let first =
        skips.reasons().find(|(reason, _)| *reason == "quantity").map(|(_, skipped)| skipped.first.clone());
    assert_eq!(first.as_deref(), Some("record 7 (mbo, instrument 7): quantity"));
    assert!(
        whole.by_type.contains(&("mbo:A".to_owned(), 2)) && whole.by_type.contains(&("mbo:?".to_owned(), 1))
    );
    assert_eq!((whole.account.messages, &whole.account.end), (17, &End::Complete));
}

#[test]
fn a_cut_file_keeps_what_is_whole_and_tells_where() {
    let bytes = file();
    let whole = read(&bytes, &Options::default()).expect("opens");
    let last = bytes.len() - size_of::<dbn::SystemMsg>();
    for cut in [last + 1, last + 100, bytes.len() - 1] {
        let part = read(&bytes[..cut], &Options::default()).expect("opens");
        assert_eq!(part.account.messages, whole.account.messages - 1);
        let End::Broken { place, fault } = part.account.end else { panic!("cut at {cut}") };
        assert_eq!(
            (place, fault),
            (format!("offset {last}"), format!("the last record is cut after {} bytes", cut - last))
        );
    }
    assert!(read(&bytes[..20], &Options::default()).is_err(), "cut within the metadata");
}

#[test]
fn metadata_that_make_no_sense_are_refused_with_their_place() {
    let mut bytes = file();
    bytes[4..8].copy_from_slice(&[0xff; 4]);
    let error = read(&bytes, &Options::default()).err().expect("refused").to_string();
    assert!(error.contains("offset 4: metadata of 4294967295 bytes"), "{error}");
    bytes[3] = 9;
    let error = read(&bytes, &Options::default()).err().expect("refused").to_string();
    assert!(error.contains("offset 3: DBN version 9"), "{error}");
    let error = read(b"no such format at all", &Options::default()).err().expect("refused").to_string();
    assert!(error.contains("neither DBN metadata nor DBN records"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_damaged_file_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        version in 1u8..4,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file();
        bytes[3] = version;
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read(&bytes, &Options::default());
        let _ = read(&bytes[..cut.index(bytes.len())], &Options::default());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), version in 0u8..5) {
        let length = u32::try_from(bytes.len()).expect("short");
        let _ = is_it(&bytes, "x.dbn");
        let _ = read(&bytes, &Options::default());
        let _ = read(&[&b"DBN"[..], &[version], &(length / 2).to_le_bytes(), &bytes].concat(), &Options::default());
        let dbz = [&[0x51, 0x2a, 0x4d, 0x18][..], &length.to_le_bytes(), b"DBZ\x01", &bytes].concat();
        let _ = read(&dbz, &Options::default());
    }
}
