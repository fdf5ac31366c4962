use proptest::prelude::*;

use super::*;

const ONE: i64 = 1_000_000_000;

fn trade(lots: i64, price: i64) -> Trade {
    Trade {
        order_id: 1,
        side: Side::Bid,
        is_taker: true,
        price: Price(price),
        lots,
        contract: Contract::linear(ONE),
        ts_venue_ns: 0,
        is_last: true,
    }
}

fn items(book: &CostBook) -> Vec<(String, String)> {
    book.names().map(str::to_owned).zip(book.items().iter().map(ToString::to_string)).collect()
}

fn item(name: &str) -> FeeItem {
    FeeItem { name: name.to_owned(), ..FeeItem::default() }
}

#[test]
fn a_sale_of_shares_is_charged_by_every_item_that_fits() {
    // 100 shares sold at 50.00, taken: fee 100 x 0.0030 = 0.30; clearing 100 x 0.0002 = 0.02;
    // the SEC's 27.80 a million of 5,000 = 0.139; TAF 100 x 0.000166 = 0.0166, at most 8.30.
    let fees = FeeConfig {
        maker_per_lot_nanos: -2_000_000,
        taker_per_lot_nanos: 3_000_000,
        items: vec![
            FeeItem { per_lot_nanos: 200_000, ..item("clearing") },
            FeeItem { bps_milli: 278, side: Some(ItemSide::Sell), ..item("sec") },
            FeeItem {
                per_lot_nanos: 166_000,
                fill_nanos_max: Some(8_300_000_000),
                side: Some(ItemSide::Sell),
                ..item("taf")
            },
        ],
        ..FeeConfig::FREE
    };
    let mut book = CostBook::new(&fees, 4);
    let sale = Trade { side: Side::Ask, ..trade(100, 50 * ONE) };
    assert_eq!(book.charge(&sale), 475_600_000);
    let told = items(&book);
    let told: Vec<_> = told.iter().map(|(name, amount)| (name.as_str(), amount.as_str())).collect();
    assert_eq!(
        told,
        [
            ("exchange fee", "0.30"),
            ("rebate", "0.00"),
            ("clearing", "0.02"),
            ("sec", "0.139"),
            ("taf", "0.0166")
        ]
    );
    // A purchase that rested: rebate 0.20, clearing 0.02.
    assert_eq!(book.charge(&Trade { is_taker: false, ..trade(100, 50 * ONE) }), -180_000_000);
    assert_eq!(items(&book)[1].1, "-0.20");
    // 100,000 shares: TAF would be 16.60 and is 8.30; 300 + 20 + 139 + 8.30.
    assert_eq!(book.charge(&Trade { side: Side::Ask, ..trade(100_000, 50 * ONE) }), 467_300_000_000);
}

#[test]
fn an_order_pays_its_minimum_once_and_its_maximum_at_most() {
    // 0.01 a share, at least 1.00 and at most 5.00 an order.
    let fees = FeeConfig {
        taker_per_lot_nanos: 10_000_000,
        maker_per_lot_nanos: 10_000_000,
        order_nanos_min: Some(ONE),
        order_nanos_max: Some(5 * ONE),
        ..FeeConfig::FREE
    };
    let mut book = CostBook::new(&fees, 4);
    let part = |lots| Trade { is_last: false, ..trade(lots, ONE) };
    // 40 shares are 0.40: the minimum. 40 more make 0.80: paid already. 70 more make 1.50: 0.50 on top.
    // 400 more make 5.50: up to the maximum, 3.50. The last 100 are free.
    let paid = [part(40), part(40), part(70), part(400), trade(100, ONE)].map(|part| book.charge(&part));
    assert_eq!(paid, [ONE, 0, ONE / 2, 7 * ONE / 2, 0]);
    // It is done: the next one of that number starts anew, and so does one that was forgotten.
    assert_eq!(book.charge(&part(10)), ONE);
    book.forget(1);
    assert_eq!(book.charge(&part(10)), ONE);
}

#[test]
fn a_rebate_is_not_raised_to_the_minimum() {
    let fees = FeeConfig { maker_per_lot_nanos: -10_000_000, order_nanos_min: Some(ONE), ..FeeConfig::FREE };
    let mut book = CostBook::new(&fees, 4);
    assert_eq!(book.charge(&Trade { is_taker: false, ..trade(10, ONE) }), -100_000_000);
}

#[test]
fn a_tier_holds_from_its_volume_on_and_a_month_starts_over() {
    let rate = |from_lots, taker_per_lot_nanos| FeeTier {
        from_lots: Some(from_lots),
        taker_per_lot_nanos,
        ..FeeTier::default()
    };
    let fees = FeeConfig {
        taker_per_lot_nanos: 30,
        tiers: vec![rate(100, 20), rate(250, 10)],
        tier_period: TierPeriod::Month,
        volume_before_lots: 50,
        ..FeeConfig::FREE
    };
    let mut book = CostBook::new(&fees, 1);
    let day_ns = 86_400_000_000_000;
    let on = |day: i64, lots| Trade { ts_venue_ns: day * day_ns, ..trade(lots, ONE) };
    // 50 traded before. 60 at 30; 110: 150 at 20; 260: at 10. Day 31 is the first of February 1970: at 30 again.
    let paid = [on(0, 60), on(10, 150), on(30, 1), on(31, 100), on(32, 1)].map(|trade| book.charge(&trade));
    assert_eq!(paid, [1_800, 3_000, 10, 3_000, 20]);
    // By notional: 1,000 units on; a lot at 600 is below it twice.
    let tier = FeeTier { from_notional: Some(1_000), taker_per_lot_nanos: 5, ..FeeTier::default() };
    let fees = FeeConfig { taker_per_lot_nanos: 9, tiers: vec![tier], ..FeeConfig::FREE };
    let mut book = CostBook::new(&fees, 1);
    assert_eq!([(); 3].map(|()| book.charge(&trade(1, 600 * ONE))), [9, 9, 5]);
}

#[test]
fn months_end_where_the_calendar_says() {
    let day = 86_400_000_000_000;
    // Days since the epoch, by `date -d 2024-02-29 +%s` over 86,400: 19,782; first of March 19,783.
    for (within, next) in
        [(0, 31), (31, 59), (58, 59), (19_782, 19_783), (19_783, 19_814), (19_722, 19_723), (11_016, 11_017)]
    {
        assert_eq!(month_after_ns(within * day + 5), next * day, "day {within}");
    }
}

#[test]
fn lists_out_of_range_are_named() {
    let fault = |fees: FeeConfig| fees.validate_lists().expect_err("refused").to_string();
    let tier = |from_lots| FeeTier { from_lots, ..FeeTier::default() };
    let told = fault(FeeConfig { tiers: vec![tier(Some(5)), tier(Some(5))], ..FeeConfig::FREE });
    assert_eq!(told, "exchange.fees.tiers[1]: must begin above zero and above the tier before it");
    assert!(fault(FeeConfig { tiers: vec![tier(None)], ..FeeConfig::FREE }).contains("from_lots"));
    assert!(fault(FeeConfig { items: vec![item("a"), item("a")], ..FeeConfig::FREE }).contains("items[1]"));
    assert!(fault(FeeConfig { items: vec![item("rebate")], ..FeeConfig::FREE }).contains("items[0]"));
    let bounds = FeeConfig { order_nanos_min: Some(5), order_nanos_max: Some(4), ..FeeConfig::FREE };
    assert!(fault(bounds).contains("order_nanos_min"));
}

proptest! {
    #[test]
    fn items_add_up_to_the_fee_and_plain_fees_are_those_of_the_configuration(
        rates in prop::array::uniform4(-5_000_000i64..5_000_000),
        fills in prop::collection::vec(
            (any::<bool>(), any::<bool>(), -1_000_000_000_000i64..1_000_000_000_000, 1i64..1_000_000), 1..20),
        clearing in -1_000i64..1_000,
        multiplier_nanos in 1i64..50_000_000_000,
    ) {
        let [maker_per_lot_nanos, taker_per_lot_nanos, maker_bps_milli, taker_bps_milli] = rates;
        let plain = FeeConfig {
            maker_per_lot_nanos, taker_per_lot_nanos, maker_bps_milli, taker_bps_milli, ..FeeConfig::FREE
        };
        let more = FeeConfig {
            items: vec![FeeItem { bps_milli: clearing, ..item("clearing") }],
            order_nanos_max: Some(1_000_000),
            ..plain.clone()
        };
        let (mut plain_book, mut book) = (CostBook::new(&plain, 8), CostBook::new(&more, 8));
        for (place, (is_taker, buys, price, lots)) in (1u64..).zip(fills) {
            let one = Trade {
                order_id: place % 3,
                side: if buys { Side::Bid } else { Side::Ask },
                is_taker,
                contract: Contract::linear(multiplier_nanos),
                is_last: place % 2 == 0,
                ..trade(lots, price)
            };
            let fee = plain_book.charge(&one);
            let stated = plain.fee_nanos(is_taker, one.price, lots, Contract::linear(multiplier_nanos));
            prop_assert_eq!(fee, stated);
            let fee = book.charge(&one);
            let sum: i128 = book.items().iter().map(|item| item.0).sum();
            prop_assert_eq!(sum, i128::from(fee) * NANO);
        }
    }
}
