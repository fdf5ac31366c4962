use std::fs::File;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use tickrace_analytics::{OrderDigest, Run, RunConfig, RunTimings};
use tickrace_types::{Header, Instrument, Kind, ResponseKind, ResponseRecord, TopOfBook};

use super::*;
use crate::{equity, fills};

fn instruments() -> InstrumentTable {
    InstrumentTable::new(vec![Instrument::us_equity("AAPL"), Instrument::us_equity("MSFT")]).unwrap()
}

fn order(seq: u64) -> OrderRecord {
    let header = Header {
        kind: Kind::Order as u8,
        seq,
        instrument: u32::from(seq.is_multiple_of(2)),
        ts_recv_ns: 1_548_858_600_000_000_000 + i64::try_from(seq).unwrap(),
        ..Header::default()
    };
    OrderRecord {
        header,
        client_id: u64::MAX - seq,
        cause_seq: seq * 7,
        price: -(i64::try_from(seq).unwrap()) * 10_000_000,
        qty: 100,
        action: u8::try_from(seq % 3).unwrap(),
        side: 1,
        order_type: 1,
        tif: 1,
        verdict: 200,
        strategy: 60_000,
        level: 255,
        parent_id: 41,
        reduce_only: 1,
        stp: 2,
        trigger_price: -250_000_000,
        trigger: 1,
        peg: 2,
        display_qty: OrderRecord::SHOW_NONE,
        expire_ns: 1_548_860_000_000_000_000,
        ..OrderRecord::default()
    }
}

/// Recomputes the digest from the file alone, from the columns by name.
fn digest_of_file(path: &Path) -> (String, usize) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut digest = OrderDigest::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        digest.push(&OrderRecord {
            header: Header {
                seq: row.get_ulong(0).unwrap(),
                instrument: row.get_uint(2).unwrap(),
                ..Header::default()
            },
            cause_seq: row.get_ulong(1).unwrap(),
            client_id: row.get_ulong(3).unwrap(),
            action: row.get_ubyte(4).unwrap(),
            side: row.get_ubyte(5).unwrap(),
            price: row.get_long(6).unwrap(),
            qty: row.get_long(7).unwrap(),
            order_type: row.get_ubyte(8).unwrap(),
            tif: row.get_ubyte(9).unwrap(),
            verdict: row.get_ubyte(10).unwrap(),
            ..OrderRecord::default()
        });
    }
    (digest.finish(), reader.num_row_groups())
}

#[test]
fn the_digest_can_be_recomputed_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.parquet");
    let count = u64::try_from(crate::ROWS_GROUP_MAX).unwrap() + 5;
    let orders: Vec<OrderRecord> = (1..=count).map(order).collect();
    assert_eq!(write(&path, &instruments(), &orders).unwrap(), count);
    let mut digest = OrderDigest::new();
    orders.iter().for_each(|order| digest.push(order));
    let digest = digest.finish();
    assert_eq!(digest_of_file(&path), (digest.clone(), 2));
    // For a check by another reader: scripts/check_digest.py on this folder.
    if let Some(out) = std::env::var_os("TICKRACE_STORE_OUT") {
        std::fs::copy(&path, Path::new(&out).join("orders.parquet")).unwrap();
        let summary = format!("{{\"order_digest\": \"{digest}\"}}");
        std::fs::write(Path::new(&out).join("summary.json"), summary).unwrap();
    }
}

#[test]
fn columns_keep_their_names_order_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.parquet");
    write(&path, &instruments(), &[order(2)]).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
    let expected = "seq cause_seq instrument client_id action side px_nanos qty_lots type tif verdict symbol \
        orig_client_id ts_ns strategy level parent_id reduce_only stp trigger_px_nanos trigger peg display_lots expire_ns";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(row.get_ulong(3).unwrap(), u64::MAX - 2);
    assert_eq!(row.get_string(11).unwrap(), "MSFT");
    assert_eq!(row.get_ushort(14).unwrap(), 60_000);
    assert_eq!(row.get_ulong(16).unwrap(), 41);
    assert_eq!([17, 18, 20, 21].map(|column| row.get_ubyte(column).unwrap()), [1, 2, 1, 2]);
    assert_eq!(
        (row.get_long(19).unwrap(), row.get_long(23).unwrap()),
        (-250_000_000, 1_548_860_000_000_000_000)
    );
    assert_eq!(row.get_uint(22).unwrap(), OrderRecord::SHOW_NONE);
}

#[test]
fn no_orders_give_a_file_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.parquet");
    assert_eq!(write(&path, &instruments(), &[]).unwrap(), 0);
    assert_eq!(digest_of_file(&path), (OrderDigest::new().finish(), 0));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = write(Path::new("/nowhere/orders.parquet"), &instruments(), &[]).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/orders.parquet: cannot be created");
}

#[test]
fn fills_and_equity_tell_what_the_run_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut run =
        Run::new(RunConfig { opening_equity: Some(1000.0), ..RunConfig::new(instruments()) }).unwrap();
    let second = 1_000_000_000;
    let top = |ts: i64, bid: i64, ask: i64| TopOfBook {
        ts_venue_ns: ts,
        bid_px: bid * second,
        ask_px: ask * second,
        bid_qty: 1,
        ask_qty: 1,
        ..TopOfBook::default()
    };
    let fill = ResponseRecord {
        header: Header {
            seq: 9,
            ts_venue_ns: 3 * second / 2,
            ts_recv_ns: 3 * second / 2,
            ..Header::default()
        },
        client_id: 5,
        exec_id: 1,
        price: 9 * second,
        qty: 10,
        fee_nanos: -20_000_000,
        response: ResponseKind::Fill as u8,
        ..ResponseRecord::default()
    };
    let ack = ResponseRecord { response: ResponseKind::Accepted as u8, ..fill };
    // Mid 10; buy 10 at 9 with a rebate of 0.02; mid 12 at the end: net 30.02.
    run.on_top(&top(second, 9, 11));
    run.on_response(&ack);
    run.on_response(&fill);
    run.on_top(&top(3 * second, 11, 13));
    let report = run.finish(&RunTimings::default());

    let path = folder.path().join("fills.parquet");
    assert_eq!(fills::write(&path, &instruments(), &[ack, fill]).unwrap(), 1);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!((row.get_ulong(0).unwrap(), row.get_long(12).unwrap()), (9, -20_000_000));
    let notional = i128::from_be_bytes(row.get_decimal(13).unwrap().data().try_into().unwrap());
    assert_eq!(notional, 90 * 10i128.pow(18));

    let path = folder.path().join("equity.parquet");
    let rows = equity::write(&path, &report).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let all: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len() as u64, rows);
    let decimal = |row: &parquet::record::Row, place| {
        i128::from_be_bytes(row.get_decimal(place).unwrap().data().try_into().unwrap())
    };
    // The last two rows are the account and the instrument at the end.
    let [account, instrument] = &all[all.len() - 2..] else { panic!("two rows at least") };
    assert_eq!(decimal(account, 3), 30_020_000_000);
    assert_eq!(decimal(account, 4), 1_030_020_000_000);
    assert!(account.get_string(2).is_err());
    assert_eq!(instrument.get_string(2).unwrap(), "AAPL");
    assert_eq!(instrument.get_long(6).unwrap(), 10);
    assert_eq!(instrument.get_long(7).unwrap(), 12 * second);
}
