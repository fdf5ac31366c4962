//! Profit of inverse contracts beside the peer's: the same fills through its `InverseAsset` and through our account.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use hftbacktest::backtest::assettype::InverseAsset;
use hftbacktest::backtest::models::{CommonFees, TradingValueFeeModel};
use hftbacktest::backtest::state::State;
use hftbacktest::types::{OrdType, Order, Side as PeerSide, TimeInForce};
use proptest::prelude::*;
use tickrace_exchange::FeeConfig;
use tickrace_oms::pnl::Pnl;
use tickrace_types::instrument::Settlement;
use tickrace_types::{Contract, Instrument, Price, Side};

const ONE: i64 = 1_000_000_000;
/// Maker and taker, thousandths of a basis point: one basis point back, five paid.
const RATES: [i64; 2] = [-1_000, 5_000];

proptest! {
    #[test]
    fn the_same_fills_earn_and_pay_the_same_coins(
        fills in prop::collection::vec((any::<bool>(), any::<bool>(), 200_000i64..900_000, 1i64..1_000), 1..80),
        mark in 200_000i64..900_000,
    ) {
        // Contracts of 100 dollars, ticks of a tenth: BTCUSD_PERP.
        let instrument = Instrument {
            settlement: Settlement::Inverse,
            multiplier_nanos: 100 * ONE,
            ..Instrument::us_equity("BTCUSD_PERP")
        };
        let fees = FeeConfig { maker_bps_milli: RATES[0], taker_bps_milli: RATES[1], ..FeeConfig::FREE };
        let mut ours = Pnl::new(&instrument);
        let [maker, taker] = RATES.map(|rate| rate as f64 / 1e7);
        let model = TradingValueFeeModel::new(CommonFees::new(maker, taker));
        let mut theirs = State::new(InverseAsset::new(100.0), model);
        for (number, (is_buy, is_taker, ticks, lots)) in (0..).zip(&fills) {
            let (side, peer_side) = if *is_buy { (Side::Bid, PeerSide::Buy) } else { (Side::Ask, PeerSide::Sell) };
            let mut order =
                Order::new(number, *ticks, 0.1, *lots as f64, peer_side, OrdType::Limit, TimeInForce::GTC);
            order.exec_price_tick = *ticks;
            order.exec_qty = *lots as f64;
            order.maker = !is_taker;
            theirs.apply_fill(&order);
            let price = Price(ticks * (ONE / 10));
            let fee = fees.fee_nanos(*is_taker, price, *lots, Contract::of(&instrument));
            ours.on_fill(side, price, *lots, fee);
        }
        // Each fee is rounded up to a billionth of a coin.
        let fee_bound = 1e-9 * fills.len() as f64 + 1e-12;
        let off = ours.fees.to_f64() - theirs.values().fee;
        prop_assert!((-1e-12..=fee_bound).contains(&off), "fees: {} against {}", ours.fees, theirs.values().fee);
        let (mine, peer) = (ours.gross(Price(mark * (ONE / 10))).to_f64(), theirs.equity(mark as f64 / 10.0));
        // Its equity is after fees.
        let peer = peer + theirs.values().fee;
        prop_assert!((mine - peer).abs() < 1e-10, "{mine} against {peer}");
        prop_assert_eq!(ours.position_lots as f64, theirs.values().position);
    }
}
