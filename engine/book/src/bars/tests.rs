use proptest::prelude::*;

use super::*;

const ONE: i64 = 1_000_000_000;

fn record(kind: Kind, ts_ns: i64, fields: MarketRecord) -> Record {
    let header = Header { kind: kind as u8, ts_venue_ns: ts_ns, ts_recv_ns: ts_ns + 5, ..fields.header };
    *MarketRecord { header, ..fields }.as_record()
}

fn print(ts_ns: i64, price: i64, qty: u32) -> Record {
    record(Kind::Print, ts_ns, MarketRecord { price, qty, ..MarketRecord::default() })
}

/// Instrument, (open, high, low, close), volume, trades, vwap, (begin, end, heard).
type Said = (u32, (i64, i64, i64, i64), u64, u64, i64, (i64, i64, i64));

fn bars(spec: &str, records: &[Record]) -> Vec<Said> {
    let mut bars = Bars::new(spec.parse().expect("a bar"));
    let (mut all, mut shape) = (Vec::new(), None);
    let mut out = |record: &Record| {
        if record.header.kind == Kind::BarShape as u8 {
            assert!(record.header.flags == 0 && shape.is_none());
            shape = Some(*record.as_bar_shape());
            return;
        }
        let (first, bar) = (shape.take().expect("a shape first"), record.as_bar());
        assert_eq!(Header { kind: Kind::Bar as u8, flags: Flags::END_OF_EVENT, ..first.header }, bar.header);
        let prices = (first.open, first.high, first.low, bar.close);
        let times = (first.ts_open_ns, bar.header.ts_venue_ns, bar.header.ts_recv_ns);
        all.push((bar.header.instrument, prices, bar.volume, bar.trades, bar.vwap, times));
    };
    records.iter().for_each(|record| bars.on_record(record, |_| ONE, &mut out));
    bars.finish(&mut out);
    all
}

#[test]
fn a_bar_by_time_holds_its_first_nanosecond_and_not_its_last() {
    let records =
        [print(100, 50, 2), print(150, 80, 1), print(199, 40, 1), print(200, 60, 3), print(450, 70, 1)];
    // 50 x 2 + 80 + 40 = 220 over 4 lots: 55. No bar from 300 to 400: nothing traded.
    let wanted = [
        (0, (50, 80, 40, 40), 4, 3, 55, (100, 200, 204)),
        (0, (60, 60, 60, 60), 3, 1, 60, (200, 300, 300)),
        (0, (70, 70, 70, 70), 1, 1, 70, (400, 500, 500)),
    ];
    assert_eq!(bars("time:100ns", &records), wanted);
}

#[test]
fn bars_by_trades_lots_and_money_close_with_the_trade_that_fills_them() {
    let records = [print(1, 10 * ONE, 3), print(2, 12 * ONE, 4), print(3, 11 * ONE, 5), print(4, 9 * ONE, 1)];
    let sizes = |spec| bars(spec, &records).iter().map(|bar| (bar.2, bar.3, bar.5)).collect::<Vec<_>>();
    assert_eq!(sizes("tick:2"), [(7, 2, (1, 2, 7)), (6, 2, (3, 4, 9))]);
    // 3 and 4 make 7; 5 more are a bar at once; the last is what was left.
    assert_eq!(sizes("volume:5"), [(7, 2, (1, 2, 7)), (5, 1, (3, 3, 8)), (1, 1, (4, 4, 9))]);
    // 30, 78, 133, then 9.
    assert_eq!(sizes("dollar:1.2e2"), [(12, 3, (1, 3, 8)), (1, 1, (4, 4, 9))]);
}

#[test]
fn executions_trade_at_their_orders_price_unless_they_say_another() {
    let order = |order_ref, price, qty| MarketRecord { order_ref, price, qty, ..MarketRecord::default() };
    let records = [
        record(Kind::Add, 1, order(7, 50, 10)),
        record(Kind::Execute, 2, order(7, 0, 2)),
        record(Kind::Execute, 3, MarketRecord { code: MarketRecord::WITH_PRICE, ..order(7, 48, 1) }),
        record(Kind::Replace, 4, MarketRecord { other_ref: 8, ..order(7, 52, 4) }),
        record(Kind::Execute, 5, order(8, 0, 4)),
        // Gone: an execution of it says no price.
        record(Kind::Execute, 6, order(8, 0, 4)),
        record(Kind::Trade, 7, order(0, 55, 1)),
        record(Kind::Cross, 8, order(100, 53, 0)),
    ];
    // 50 x 2 + 48 + 52 x 4 + 55 + 53 x 100 = 5,711 over 108 lots: 52.88.
    assert_eq!(bars("time:1s", &records), [(0, (50, 55, 48, 53), 108, 5, 53, (0, ONE, ONE))]);
}

#[test]
fn what_is_no_print_or_part_of_a_snapshot_is_left_out() {
    let hidden = |flags| {
        let header = Header { flags, ..Header::default() };
        record(Kind::Print, 1, MarketRecord { header, price: 5, qty: 1, ..MarketRecord::default() })
    };
    assert_eq!(bars("tick:1", &[hidden(Flags::NOT_PRINTABLE), hidden(Flags::SNAPSHOT)]), []);
}

#[test]
fn a_text_that_states_no_bar_is_refused() {
    for text in [
        "time:60",
        "time:0s",
        "time:s",
        "tick:-1",
        "tick:0",
        "dollar:nan",
        "dollar:0",
        "price:5",
        "",
        "time:9999999999d",
    ] {
        assert_eq!(text.parse::<BarSpec>(), Err(BarSpecError), "{text}");
    }
    assert_eq!("time:2m".parse(), Ok(BarSpec::Time(120 * ONE)));
    assert_eq!("dollar:1e6".parse(), Ok(BarSpec::Dollar(Cash::notional(Price(1_000_000 * ONE), 1, ONE))));
}

proptest! {
    #[test]
    fn bars_by_time_are_those_of_the_plain_grouping(
        steps in prop::collection::vec((0i64..400, 1i64..1_000, 1u32..100, 0u32..3), 1..200),
    ) {
        let mut now_ns = 0;
        let mut groups = std::collections::BTreeMap::<(i64, u32), Vec<(i64, u64)>>::new();
        let mut records = Vec::new();
        for (step, price, qty, instrument) in steps {
            now_ns += step;
            let mut record = print(now_ns, price, qty);
            record.header.instrument = instrument;
            records.push(record);
            groups.entry((now_ns / 100, instrument)).or_default().push((price, u64::from(qty)));
        }
        // The map's order, by end and then by instrument, is that of the bars.
        let wanted: Vec<_> = groups
            .iter()
            .map(|((bucket, instrument), trades)| {
                let prices = || trades.iter().map(|trade| trade.0);
                let (high, low) = (prices().max().unwrap(), prices().min().unwrap());
                let volume: u64 = trades.iter().map(|trade| trade.1).sum();
                let ohlc = (trades[0].0, high, low, trades[trades.len() - 1].0);
                (*instrument, ohlc, volume, trades.len() as u64, bucket * 100)
            })
            .collect();
        let got: Vec<_> =
            bars("time:100ns", &records).into_iter().map(|bar| (bar.0, bar.1, bar.2, bar.3, bar.5.0)).collect();
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn arbitrary_records_never_panic_and_bars_hold_every_lot(
        raw in prop::collection::vec((0u8..70, any::<[u64; 3]>(), any::<u32>(), any::<u8>(), any::<i64>()), 0..60),
        spec in prop::sample::select(vec!["time:1s", "tick:3", "volume:100", "dollar:5"]),
    ) {
        let mut bars = Bars::new(spec.parse().unwrap());
        let mut count = 0u32;
        let mut out = |_: &Record| count += 1;
        for (kind, body, qty, flags, ts_venue_ns) in raw {
            let header = Header { kind, flags, ts_venue_ns, ts_recv_ns: ts_venue_ns, instrument: qty % 5, ..Header::default() };
            let [order_ref, other_ref, price] = body;
            let market = MarketRecord { header, order_ref: order_ref % 4, other_ref: other_ref % 4,
                price: price.cast_signed(), qty, code: flags, ..MarketRecord::default() };
            bars.on_record(market.as_record(), |_| i64::MAX, &mut out);
        }
        bars.finish(&mut out);
        prop_assert_eq!(count % 2, 0);
    }
}
