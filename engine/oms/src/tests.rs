//! The room from outside: convergence message by message, and a plain model of a venue with delays, refusals,
//! late and repeated fills.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use tickrace_types::event::venue_reason;
use tickrace_types::*;

use crate::*;

const TICK: i64 = 10_000_000;
const I: InstrumentId = InstrumentId(0);

fn oms(open_orders_max: usize) -> Oms {
    let table =
        InstrumentTable::new(vec![Instrument::us_equity("AAPL"), Instrument::us_equity("MSFT")]).unwrap();
    let config = OmsConfig {
        open_orders_max,
        strategy: StrategyId(3),
        account: AccountId(4),
        venue: VenueId(5),
        session: SessionId(6),
        first_client_id: 100,
        unacked_timeout_ns: 1_000,
    };
    Oms::new(&config, &table)
}

fn at(ns: i64) -> Header {
    Header { seq: 77, ts_recv_ns: ns, ..Header::default() }
}

/// `bids` best first, then `asks` best first, as (ticks, lots).
fn wanted(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> WantedQuotes {
    let mut wanted = WantedQuotes::NONE;
    bids.iter().for_each(|(ticks, qty)| assert!(wanted.push_bid(ticks * TICK, *qty)));
    asks.iter().for_each(|(ticks, qty)| assert!(wanted.push_ask(ticks * TICK, *qty)));
    wanted
}

fn converge(oms: &mut Oms, wanted: &WantedQuotes) -> Vec<OrderRecord> {
    let mut sent = Vec::new();
    oms.converge(I, wanted, &at(0), &mut |order| sent.push(*order));
    sent
}

fn answer(kind: ResponseKind, id: u64, orig: u64) -> ResponseRecord {
    let header = Header { kind: Kind::Response as u8, instrument: 0, ..Header::default() };
    ResponseRecord {
        header,
        client_id: id,
        orig_client_id: orig,
        response: kind as u8,
        ..ResponseRecord::default()
    }
}

fn fill(id: u64, exec_id: u64, qty: i64, leaves: i64) -> ResponseRecord {
    ResponseRecord { exec_id, qty, leaves, price: 100 * TICK, ..answer(ResponseKind::Fill, id, 0) }
}

/// Accepts everything that was sent.
fn accept(oms: &mut Oms, sent: &[OrderRecord]) {
    for order in sent {
        let response = match order.action() {
            Action::New => answer(ResponseKind::Accepted, order.client_id, 0),
            Action::Replace => ResponseRecord {
                leaves: order.qty - order.filled,
                price: order.price,
                ..answer(ResponseKind::Replaced, order.client_id, order.orig_client_id)
            },
            Action::Cancel => answer(ResponseKind::Cancelled, order.orig_client_id, 0),
            Action::MassCancel => continue,
        };
        oms.on_response(&response);
    }
}

fn actions(sent: &[OrderRecord]) -> Vec<(Action, Side, i64, i64)> {
    sent.iter().map(|order| (order.action(), order.side(), order.price / TICK, order.qty)).collect()
}

/// Two levels a side, live: bids 100 99, asks 102 103, 10 lots each.
fn quoting() -> (Oms, WantedQuotes) {
    let mut oms = oms(64);
    let quotes = wanted(&[(100, 10), (99, 10)], &[(102, 10), (103, 10)]);
    let sent = converge(&mut oms, &quotes);
    accept(&mut oms, &sent);
    (oms, quotes)
}

#[test]
fn wanted_quotes_are_entered_with_every_field_filled() {
    let mut oms = oms(8);
    let sent = converge(&mut oms, &wanted(&[(100, 10)], &[(102, 7)]));
    assert_eq!(actions(&sent), [(Action::New, Side::Bid, 100, 10), (Action::New, Side::Ask, 102, 7)]);
    let order = sent[1];
    assert_eq!((order.client_id, order.orig_client_id, order.cause_seq, order.header.seq), (101, 0, 77, 2));
    assert_eq!((order.strategy, order.account, order.venue, order.session), (3, 4, 5, 6));
    assert_eq!(order.order_type, OrderType::PostOnly as u8);
    assert_eq!((order.tif, order.level, order.verdict), (TimeInForce::Day as u8, 0, 0));
    assert_eq!(order.header.kind, Kind::Order as u8);
}

#[test]
fn nothing_is_sent_when_all_is_well() {
    let (mut oms, quotes) = quoting();
    assert!(converge(&mut oms, &quotes).is_empty());
}

#[test]
fn nothing_is_sent_twice_while_the_first_is_under_way() {
    let mut oms = oms(8);
    let quotes = wanted(&[(100, 10)], &[(102, 7)]);
    converge(&mut oms, &quotes);
    assert!(converge(&mut oms, &quotes).is_empty());
}

#[test]
fn one_moved_level_is_one_replace() {
    let (mut oms, _) = quoting();
    let sent = converge(&mut oms, &wanted(&[(100, 10), (98, 10)], &[(102, 10), (103, 10)]));
    assert_eq!(actions(&sent), [(Action::Replace, Side::Bid, 98, 10)]);
}

#[test]
fn a_ladder_shifted_by_its_step_moves_one_order() {
    // 100 99 to 101 100: the order at 100 stays, the one at 99 becomes the best.
    let (mut oms, _) = quoting();
    let sent = converge(&mut oms, &wanted(&[(101, 10), (100, 10)], &[(102, 10), (103, 10)]));
    assert_eq!(actions(&sent), [(Action::Replace, Side::Bid, 101, 10)]);
}

#[test]
fn a_quote_within_the_tolerance_is_left_alone() {
    let (mut oms, _) = quoting();
    let mut quotes = wanted(&[(101, 10), (100, 10)], &[(103, 10), (104, 10)]);
    quotes.keep_within_nanos = TICK;
    assert!(converge(&mut oms, &quotes).is_empty(), "each order is one tick off, and all pair up");
    quotes.keep_within_nanos = TICK - 1;
    assert_eq!(converge(&mut oms, &quotes).len(), 2);
}

#[test]
fn a_reduction_is_made_and_a_small_shortfall_is_not_filled_up() {
    let (mut oms, mut quotes) = quoting();
    quotes.bids[0].qty = 6;
    quotes.asks[0].qty = 12;
    quotes.keep_short_lots = 2;
    let sent = converge(&mut oms, &quotes);
    assert_eq!(actions(&sent), [(Action::Replace, Side::Bid, 100, 6)]);
}

#[test]
fn a_side_no_longer_wanted_is_cancelled_and_cancels_leave_first() {
    let (mut oms, _) = quoting();
    let sent = converge(&mut oms, &wanted(&[(97, 10)], &[]));
    let kinds: Vec<Action> = sent.iter().map(OrderRecord::action).collect();
    assert_eq!(kinds, [Action::Cancel, Action::Cancel, Action::Cancel, Action::Replace]);
    assert!(converge(&mut oms, &wanted(&[(97, 10)], &[])).is_empty(), "what leaves is not cancelled again");
}

#[test]
fn in_a_rising_market_the_asks_make_way_first() {
    let (mut oms, _) = quoting();
    let sent = converge(&mut oms, &wanted(&[(103, 10), (102, 10)], &[(105, 10), (106, 10)]));
    let sides: Vec<Side> = sent.iter().map(OrderRecord::side).collect();
    assert_eq!(sides, [Side::Ask, Side::Ask, Side::Bid, Side::Bid]);
    let (mut oms, _) = quoting();
    let sent = converge(&mut oms, &wanted(&[(97, 10), (96, 10)], &[(99, 10), (100, 10)]));
    assert_eq!(sent[0].side(), Side::Bid);
}

#[test]
fn a_quote_under_way_waits_and_is_moved_once_it_is_answered() {
    let mut oms = oms(8);
    let sent = converge(&mut oms, &wanted(&[(100, 10)], &[]));
    let moved = wanted(&[(101, 10)], &[]);
    assert!(converge(&mut oms, &moved).is_empty());
    accept(&mut oms, &sent);
    assert_eq!(actions(&converge(&mut oms, &moved)), [(Action::Replace, Side::Bid, 101, 10)]);
}

#[test]
fn an_idle_order_is_moved_before_one_under_way_is_awaited() {
    let mut oms = oms(8);
    let sent = converge(&mut oms, &wanted(&[(100, 10)], &[]));
    accept(&mut oms, &sent);
    // 100 rests; 103 is under way and best. One quote at 105 is wanted: 100 moves, 103 is not wanted.
    converge(&mut oms, &wanted(&[(103, 10), (100, 10)], &[]));
    let sent = converge(&mut oms, &wanted(&[(105, 10)], &[]));
    assert_eq!(sent[0].action(), Action::Cancel);
    assert_eq!((sent[1].action(), sent[1].orig_client_id), (Action::Replace, 100));
}

#[test]
fn a_replace_under_way_is_pulled_by_cancelling_the_replacement() {
    let (mut oms, _) = quoting();
    let replace = converge(&mut oms, &wanted(&[(101, 10), (99, 10)], &[(102, 10), (103, 10)]))[0];
    let mut sent = Vec::new();
    oms.cancel_all(Some(I), &at(0), &mut |order| sent.push(*order));
    let cancelled: BTreeSet<u64> = sent.iter().map(|order| order.orig_client_id).collect();
    assert_eq!(sent.len(), 4);
    assert!(cancelled.contains(&replace.client_id) && !cancelled.contains(&replace.orig_client_id));
}

#[test]
fn a_replace_refused_after_its_cancel_was_sent_leaves_an_order_that_is_cancelled_next() {
    let (mut oms, _) = quoting();
    let replace = converge(&mut oms, &wanted(&[(101, 10), (99, 10)], &[(102, 10), (103, 10)]))[0];
    let mut sent = Vec::new();
    oms.cancel(ClientId(replace.orig_client_id), &at(0), &mut |order| sent.push(*order));
    assert_eq!(sent[0].orig_client_id, replace.client_id);
    let refused = answer(ResponseKind::CancelRejected, replace.client_id, replace.orig_client_id);
    oms.on_response(&refused);
    let unknown = ResponseRecord {
        reason: venue_reason::UNKNOWN_ORDER,
        ..answer(ResponseKind::CancelRejected, sent[0].client_id, replace.client_id)
    };
    oms.on_response(&unknown);
    assert_eq!(oms.order(ClientId(replace.client_id)).unwrap().state, State::Done(Done::Rejected));
    assert_eq!(oms.order(ClientId(replace.orig_client_id)).unwrap().state, State::Live);
    assert!(oms.cancel(ClientId(replace.orig_client_id), &at(0), &mut |_| {}));
    assert_eq!(oms.counts().strays, 0);
}

#[test]
fn a_cancel_of_an_unacknowledged_replacement_refused_by_the_gate_leaves_it_pending() {
    // Met in a backtest: the last fill of the old order, our cancel of its replacement, the gate's refusal of that
    // cancel, and only then the venue's refusal of the replacement.
    let (mut oms, _) = quoting();
    let replace = converge(&mut oms, &wanted(&[(101, 10), (99, 10)], &[(102, 10), (103, 10)]))[0];
    let (id, old) = (replace.client_id, replace.orig_client_id);
    oms.on_response(&fill(old, 1, 10, 0));
    let mut sent = Vec::new();
    oms.cancel(ClientId(id), &at(0), &mut |order| sent.push(*order));
    oms.on_response(&answer(ResponseKind::GateRefused, sent[0].client_id, id));
    assert_eq!(oms.order(ClientId(id)).unwrap().state, State::PendingNew);
    assert!(!oms.cancel(ClientId(id), &at(CANCEL_RETRY_NS - 1), &mut |_| {}), "a refused cancel waits");
    assert!(oms.cancel(ClientId(id), &at(CANCEL_RETRY_NS), &mut |_| {}));
    let unknown = ResponseRecord {
        reason: venue_reason::UNKNOWN_ORDER,
        ..answer(ResponseKind::CancelRejected, id, old)
    };
    oms.on_response(&unknown);
    assert!(!oms.order(ClientId(id)).unwrap().state.is_open());
    assert_eq!(oms.counts().strays, 0);
}

#[test]
fn a_fill_racing_a_replace_lessens_what_the_replacement_leaves() {
    let (mut oms, _) = quoting();
    let replace = converge(&mut oms, &wanted(&[(101, 10), (99, 10)], &[(102, 10), (103, 10)]))[0];
    oms.on_response(&fill(replace.orig_client_id, 1, 4, 6));
    // Total 10 asked, 4 traded before: 6 are left, as the venue says.
    let replaced = ResponseRecord {
        leaves: 6,
        price: 101 * TICK,
        ..answer(ResponseKind::Replaced, replace.client_id, replace.orig_client_id)
    };
    oms.on_response(&replaced);
    let order = oms.order(ClientId(replace.client_id)).unwrap();
    assert_eq!((order.leaves, order.filled_total(), order.state), (6, 4, State::Live));
    assert_eq!(oms.position(I), 4);
    assert_eq!(oms.counts().leaves_mismatches, 0);
    // The next replace asks for a total with those four in it.
    let next = converge(&mut oms, &wanted(&[(102, 10), (99, 10)], &[(103, 10)]));
    let next = next.iter().find(|order| order.orig_client_id == replace.client_id).unwrap();
    assert_eq!((next.qty, next.filled), (14, 4));
}

#[test]
fn a_late_fill_after_the_cancel_counts_and_reopens_nothing() {
    let (mut oms, _) = quoting();
    let id = 100;
    assert!(oms.cancel(ClientId(id), &at(0), &mut |_| {}));
    let closed = oms.on_response(&ResponseRecord { qty: 10, ..answer(ResponseKind::Cancelled, id, 0) });
    assert!(closed.closed);
    let late = oms.on_response(&fill(id, 9, 3, 0));
    assert_eq!(late.fill.unwrap().position_lots, 3);
    assert!(!late.closed);
    let order = oms.order(ClientId(id)).unwrap();
    assert_eq!((order.state, order.filled, order.cancelled), (State::Done(Done::Cancelled), 3, 7));
    assert_eq!((oms.counts().fills_late, oms.counts().fills_over), (1, 0));
}

#[test]
fn the_same_execution_counts_once() {
    let (mut oms, _) = quoting();
    assert!(oms.on_response(&fill(100, 9, 3, 7)).fill.is_some());
    assert!(oms.on_response(&fill(100, 9, 3, 7)).fill.is_none());
    assert_eq!((oms.position(I), oms.counts().fills_duplicate), (3, 1));
}

#[test]
fn answers_about_strangers_are_counted_and_change_nothing() {
    let (mut oms, _) = quoting();
    let before = oms.digest();
    for code in 0..=u8::MAX {
        let mut response = fill(5_000_000, 0, 5, 0);
        response.response = code;
        oms.on_response(&response);
        oms.on_response(&ResponseRecord { client_id: 0, qty: i64::MIN, ..response });
    }
    assert_eq!(oms.digest(), before);
    assert!(oms.counts().unknown_ids >= 7);
}

#[test]
fn a_fill_of_an_order_long_forgotten_still_moves_the_position() {
    let mut oms = oms(4);
    for round in 0..100 {
        let sent = converge(&mut oms, &wanted(&[(100 + round % 2, 10)], &[]));
        oms.on_response(&answer(ResponseKind::Rejected, sent[0].client_id, 0));
    }
    assert!(oms.order(ClientId(100)).is_none());
    oms.on_response(&ResponseRecord { side: Side::Ask as u8, ..fill(100, 1, 5, 0) });
    assert_eq!((oms.position(I), oms.counts().fills_late), (-5, 1));
}

#[test]
fn an_unanswered_request_becomes_unknown_and_is_cancelled() {
    let mut oms = oms(8);
    let quotes = wanted(&[(100, 10)], &[]);
    let sent = converge(&mut oms, &quotes);
    oms.on_time(999);
    assert_eq!(oms.order(ClientId(sent[0].client_id)).unwrap().state, State::PendingNew);
    let version = oms.version(I);
    oms.on_time(1_000);
    assert_eq!(oms.order(ClientId(sent[0].client_id)).unwrap().state, State::Unknown);
    assert_ne!(oms.version(I), version);
    let kinds: Vec<Action> = converge(&mut oms, &quotes).iter().map(OrderRecord::action).collect();
    assert_eq!(kinds, [Action::Cancel, Action::New]);
}

#[test]
fn no_more_orders_open_than_allowed() {
    let mut oms = oms(3);
    let sent = converge(&mut oms, &wanted(&[(100, 10), (99, 10)], &[(102, 10), (103, 10)]));
    assert_eq!((sent.len(), oms.open_count(), oms.counts().capacity_drops), (3, 3, 1));
    accept(&mut oms, &sent);
    // A replace needs a second place while it is under way.
    assert!(converge(&mut oms, &wanted(&[(98, 10), (97, 10)], &[(102, 10)])).is_empty());
}

#[test]
fn direct_orders_are_left_alone_by_quotes_and_pulled_by_cancel_all() {
    let mut oms = oms(8);
    let request = OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5).of_parent(12);
    let mut sent = Vec::new();
    let id = oms.submit(&request, &at(0), &mut |order| sent.push(*order)).unwrap();
    assert_eq!((sent[0].client_id, sent[0].parent_id, sent[0].level), (id.0, 12, 255));
    accept(&mut oms, &sent);
    assert!(converge(&mut oms, &WantedQuotes::NONE).is_empty());
    let mut cancels = 0;
    oms.cancel_all(None, &at(0), &mut |_| cancels += 1);
    assert_eq!(cancels, 1);
    assert!(oms.submit(&OrderRequest { qty: 0, ..request }, &at(0), &mut |_| {}).is_none());
    assert!(
        oms.submit(&OrderRequest { instrument: InstrumentId(9), ..request }, &at(0), &mut |_| {}).is_none()
    );
}

#[test]
fn one_message_takes_off_everything_under_way_or_resting() {
    let (mut oms, _) = quoting();
    let open: Vec<u64> = Side::BOTH
        .iter()
        .flat_map(|side| oms.open_orders(I, *side).map(|order| order.id).collect::<Vec<_>>())
        .collect();
    let mut sent = Vec::new();
    let limit = OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5);
    let young = oms.submit(&limit, &at(0), &mut |_| {}).unwrap();
    let id = oms.mass_cancel(None, &at(3), &mut |order| sent.push(*order)).unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].action(), sent[0].client_id, sent[0].orig_client_id), (Action::MassCancel, id.0, 0));
    assert_eq!((sent[0].header.instrument, sent[0].strategy, sent[0].qty), (u32::MAX, 3, 0));
    assert_eq!(oms.order(young).unwrap().state, State::PendingCancel);
    // Nothing is left to ask for.
    assert!(oms.mass_cancel(None, &at(3), &mut |_| {}).is_none());
    assert_eq!(oms.counts().sent, [5, 0, 0, 1]);
    for id in open {
        let gone =
            ResponseRecord { reason: venue_reason::MASS_CANCEL, ..answer(ResponseKind::Cancelled, id, 0) };
        assert!(oms.on_response(&gone).closed);
    }
    oms.on_response(&answer(ResponseKind::Accepted, young.0, 0));
    assert!(oms.on_response(&answer(ResponseKind::Cancelled, young.0, 0)).closed);
    assert_eq!((oms.open_count(), oms.counts().strays, oms.counts().unknown_ids), (0, 0, 0));
}

#[test]
fn a_refused_mass_cancel_gives_the_orders_back() {
    let (mut oms, quotes) = quoting();
    let id = oms.mass_cancel(Some(I), &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::GateRefused, id.0, 0));
    assert!(Side::BOTH.iter().all(|side| oms.open_orders(I, *side).all(|order| order.state == State::Live)));
    assert_eq!(oms.counts().unknown_ids, 0);
    // They are what is wanted, so nothing is sent; a second mass cancel waits for the pause.
    assert!(converge(&mut oms, &quotes).is_empty());
    assert!(oms.mass_cancel(Some(I), &at(CANCEL_RETRY_NS - 1), &mut |_| {}).is_none());
    assert!(oms.mass_cancel(Some(I), &at(CANCEL_RETRY_NS), &mut |_| {}).is_some());
    // The first refusal once more: the orders are the second one's business.
    oms.on_response(&answer(ResponseKind::GateRefused, id.0, 0));
    assert!(
        Side::BOTH
            .iter()
            .all(|side| oms.open_orders(I, *side).all(|order| order.state == State::PendingCancel))
    );
}

#[test]
fn what_an_order_says_beyond_the_plain_terms_goes_out_and_is_not_left_in_the_next_message() {
    let mut oms = oms(8);
    let mut sent = Vec::new();
    let stop = OrderRequest::stop_limit(I, Side::Ask, Price(99 * TICK), Price(98 * TICK), 7)
        .watching(Trigger::Touch)
        .with_stp(SelfTrade::CancelBoth)
        .until(5_000);
    let stop_id = oms.submit(&stop, &at(0), &mut |order| sent.push(*order)).unwrap();
    oms.submit(&OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5), &at(0), &mut |order| {
        sent.push(*order);
    });
    assert_eq!((sent[0].terms(), sent[0].price), (stop.terms, 98 * TICK));
    assert_eq!((sent[0].order_type, sent[0].tif), (OrderType::StopLimit as u8, TimeInForce::Gtd as u8));
    assert_eq!(sent[1].terms(), Terms::PLAIN);
    accept(&mut oms, &sent);
    // It waits, then is a limit order like another.
    assert_eq!(oms.resting_price(stop_id), None);
    let replaced = Terms { trigger_price: 97 * TICK, ..stop.terms };
    let next = oms.amend(stop_id, Price(96 * TICK), 9, &replaced, &at(0), &mut |order| sent.push(*order));
    assert_eq!((sent[2].terms(), sent[2].price, sent[2].qty), (replaced, 96 * TICK, 9));
    accept(&mut oms, &sent[2..]);
    let next = next.unwrap();
    assert_eq!((oms.terms(next), oms.resting_price(next)), (Some(replaced), None));
    oms.on_response(&answer(ResponseKind::Triggered, next.0, 0));
    assert_eq!(oms.order(next).unwrap().state, State::Live);
    assert_eq!(oms.resting_price(next), Some(Price(96 * TICK)));
    // A replacement under way when the trigger is reached takes over an order that rests.
    let waiting = oms.submit(&stop, &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::Accepted, waiting.0, 0));
    let later = oms.amend(waiting, Price(95 * TICK), 7, &replaced, &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::Triggered, waiting.0, 0));
    let took_over =
        ResponseRecord { leaves: 7, price: 95 * TICK, ..answer(ResponseKind::Replaced, later.0, waiting.0) };
    oms.on_response(&took_over);
    assert_eq!(oms.resting_price(later), Some(Price(95 * TICK)));
    let refused = oms.amend(stop_id, Price(96 * TICK), 9, &replaced, &at(0), &mut |_| {});
    assert_eq!((refused, oms.counts().strays), (None, 0));
}

#[test]
fn a_pegged_order_rests_where_the_venue_says_and_keeps_its_limit() {
    let mut oms = oms(8);
    let mut sent = Vec::new();
    let peg = OrderRequest::pegged(I, Side::Bid, Peg::Primary, -TICK, Price(105 * TICK), 5);
    let id = oms.submit(&peg, &at(0), &mut |order| sent.push(*order)).unwrap();
    let at_px = |kind, id, price| ResponseRecord { price, leaves: 5, ..answer(kind, id, 0) };
    oms.on_response(&at_px(ResponseKind::Accepted, id.0, 99 * TICK));
    assert_eq!(oms.resting_price(id), Some(Price(99 * TICK)));
    oms.on_response(&at_px(ResponseKind::Restated, id.0, 100 * TICK));
    assert_eq!(oms.resting_price(id), Some(Price(100 * TICK)));
    let next =
        oms.amend(id, Price(104 * TICK), 5, &peg.terms, &at(0), &mut |order| sent.push(*order)).unwrap();
    assert_eq!((sent[1].price, sent[1].trigger_price), (104 * TICK, -TICK));
    let replaced = at_px(ResponseKind::Replaced, next.0, 101 * TICK);
    oms.on_response(&ResponseRecord { orig_client_id: id.0, ..replaced });
    assert_eq!(oms.resting_price(next), Some(Price(101 * TICK)));
    assert_eq!(oms.order(next).unwrap().price, 104 * TICK);
}

#[test]
fn lots_taken_off_a_living_order_leave_the_rest_of_it() {
    let mut oms = oms(8);
    let id =
        oms.submit(&OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5), &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::Accepted, id.0, 0));
    let reason = venue_reason::SELF_TRADE;
    let less = ResponseRecord { qty: 2, leaves: 3, reason, ..answer(ResponseKind::Cancelled, id.0, 0) };
    assert!(!oms.on_response(&less).closed);
    let order = oms.order(id).unwrap();
    assert_eq!((order.leaves, order.cancelled, order.state), (3, 2, State::Live));
    assert!(oms.on_response(&fill(id.0, 1, 3, 0)).closed);
    assert!(oms.order(id).unwrap().is_conserved());
    assert_eq!((oms.position(I), oms.counts().leaves_mismatches), (3, 0));
}

#[test]
fn a_venue_that_ends_an_order_by_itself_still_answers_its_replacement() {
    // Known from a street of all order types: the replacement was taken for carried out, its refusal for a stray.
    let mut oms = oms(8);
    let id =
        oms.submit(&OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5), &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::Accepted, id.0, 0));
    let next = oms.amend(id, Price(91 * TICK), 2, &Terms::PLAIN, &at(0), &mut |_| {}).unwrap();
    oms.on_response(&fill(id.0, 1, 2, 3));
    let over =
        ResponseRecord { qty: 3, reason: venue_reason::AUCTION, ..answer(ResponseKind::Cancelled, id.0, 0) };
    assert!(oms.on_response(&over).closed);
    assert_eq!(oms.order(next).unwrap().state, State::PendingNew);
    let unknown = venue_reason::UNKNOWN_ORDER;
    let refused = ResponseRecord { reason: unknown, ..answer(ResponseKind::CancelRejected, next.0, id.0) };
    assert!(oms.on_response(&refused).closed);
    assert_eq!((oms.open_count(), oms.counts().strays), (0, 0));
}

#[test]
fn lots_taken_off_before_a_replacement_is_acknowledged_are_not_forgotten() {
    let mut oms = oms(8);
    let id =
        oms.submit(&OrderRequest::limit(I, Side::Bid, Price(90 * TICK), 5), &at(0), &mut |_| {}).unwrap();
    oms.on_response(&answer(ResponseKind::Accepted, id.0, 0));
    let next = oms.amend(id, Price(91 * TICK), 8, &Terms::PLAIN, &at(0), &mut |_| {}).unwrap();
    oms.on_response(&ResponseRecord { qty: 2, leaves: 6, ..answer(ResponseKind::Cancelled, next.0, 0) });
    let px = 91 * TICK;
    oms.on_response(&ResponseRecord { leaves: 6, price: px, ..answer(ResponseKind::Replaced, next.0, id.0) });
    let order = oms.order(next).unwrap();
    assert_eq!((order.qty, order.leaves, order.cancelled), (8, 6, 2));
    assert!(order.is_conserved() && oms.open_count() == 1);
}

/// A venue in a few lines: what rests, and answers in order.
#[derive(Default)]
struct Venue {
    resting: BTreeMap<u64, Resting>,
    answers: VecDeque<ResponseRecord>,
    fills_count: u64,
}

#[derive(Clone, Copy)]
struct Resting {
    side: Side,
    price: i64,
    total: i64,
    filled: i64,
}

impl Venue {
    fn on_request(&mut self, order: &OrderRecord, refuses: bool) {
        let (id, orig) = (order.client_id, order.orig_client_id);
        if order.action() == Action::MassCancel {
            return self.on_mass_cancel(id, refuses);
        }
        let old = self.resting.get(&orig).copied();
        let new = Resting { side: order.side(), price: order.price, total: order.qty, filled: 0 };
        let refuse = |reason| ResponseRecord { reason, ..answer(ResponseKind::CancelRejected, id, orig) };
        self.answers.push_back(match (order.action(), old) {
            (Action::New, _) if refuses => answer(ResponseKind::Rejected, id, 0),
            (Action::New, _) => {
                self.resting.insert(id, new);
                answer(ResponseKind::Accepted, id, 0)
            }
            (_, None) => refuse(venue_reason::UNKNOWN_ORDER),
            (_, Some(_)) if refuses => refuse(venue_reason::INVALID),
            (Action::Replace, Some(old)) => {
                self.resting.remove(&orig);
                if order.qty <= old.filled {
                    ResponseRecord { qty: old.total - old.filled, ..answer(ResponseKind::Cancelled, orig, 0) }
                } else {
                    self.resting.insert(id, Resting { filled: old.filled, ..new });
                    let leaves = order.qty - old.filled;
                    ResponseRecord { leaves, price: order.price, ..answer(ResponseKind::Replaced, id, orig) }
                }
            }
            (_, Some(old)) => {
                self.resting.remove(&orig);
                ResponseRecord { qty: old.total - old.filled, ..answer(ResponseKind::Cancelled, orig, 0) }
            }
        });
    }

    fn on_mass_cancel(&mut self, id: u64, refuses: bool) {
        if refuses {
            return self.answers.push_back(answer(ResponseKind::CancelRejected, id, 0));
        }
        for (id, old) in std::mem::take(&mut self.resting) {
            let (qty, reason) = (old.total - old.filled, venue_reason::MASS_CANCEL);
            self.answers.push_back(ResponseRecord { qty, reason, ..answer(ResponseKind::Cancelled, id, 0) });
        }
    }

    fn trade(&mut self, pick: usize, lots: i64, told_twice: bool) {
        let Some(id) = self.resting.keys().nth(pick % self.resting.len().max(1)).copied() else { return };
        let order = self.resting.get_mut(&id).unwrap();
        let lots = lots.min(order.total - order.filled);
        order.filled += lots;
        self.fills_count += 1;
        let told = ResponseRecord {
            side: order.side as u8,
            ..fill(id, self.fills_count, lots, order.total - order.filled)
        };
        if order.filled == order.total {
            self.resting.remove(&id);
        }
        self.answers.push_back(told);
        if told_twice {
            self.answers.push_back(told);
        }
    }

    /// Ends an order, and tells of a last fill only after that.
    fn cancel_with_a_late_fill(&mut self, pick: usize) {
        let Some(id) = self.resting.keys().nth(pick % self.resting.len().max(1)).copied() else { return };
        let order = self.resting.remove(&id).unwrap();
        let leaves = order.total - order.filled;
        self.fills_count += 1;
        self.answers.push_back(ResponseRecord { qty: leaves, ..answer(ResponseKind::Cancelled, id, 0) });
        let late = ResponseRecord { side: order.side as u8, ..fill(id, self.fills_count, leaves, 0) };
        self.answers.push_back(late);
    }
}

/// Everything between us and the venue, and what an outsider knows.
struct World {
    oms: Oms,
    venue: Venue,
    requests: VecDeque<OrderRecord>,
    now_ns: i64,
    position: i64,
    seen: BTreeSet<u64>,
    closed: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        Self {
            oms: oms(200),
            venue: Venue::default(),
            requests: VecDeque::new(),
            now_ns: 0,
            position: 0,
            seen: BTreeSet::new(),
            closed: BTreeSet::new(),
        }
    }

    fn want(&mut self, wanted: &WantedQuotes) -> usize {
        let before = self.requests.len();
        let requests = &mut self.requests;
        self.oms.converge(I, wanted, &at(self.now_ns), &mut |order| requests.push_back(*order));
        self.requests.len() - before
    }

    fn pull(&mut self) {
        let requests = &mut self.requests;
        self.oms.cancel_all(None, &at(0), &mut |order| requests.push_back(*order));
    }

    fn deliver_request(&mut self, refuses: bool) -> bool {
        let Some(order) = self.requests.pop_front() else { return false };
        self.venue.on_request(&order, refuses);
        true
    }

    fn deliver_answer(&mut self) -> bool {
        let Some(response) = self.venue.answers.pop_front() else { return false };
        if response.response == ResponseKind::Fill as u8 && self.seen.insert(response.exec_id) {
            self.position += response.side().sign() * response.qty;
        }
        let effect = self.oms.on_response(&response);
        if effect.closed {
            let id =
                if response.orig_client_id != 0 && response.response == ResponseKind::CancelRejected as u8 {
                    // Of the two it names, the one that is closed now.
                    let by_id = self.oms.order(ClientId(response.client_id));
                    by_id.map_or(response.orig_client_id, |order| order.id)
                } else {
                    response.client_id
                };
            assert!(self.closed.insert(id), "{id} closed twice");
        }
        self.check();
        true
    }

    fn pull_at_once(&mut self) {
        let requests = &mut self.requests;
        self.oms.mass_cancel(Some(I), &at(self.now_ns), &mut |order| requests.push_back(*order));
    }

    fn check(&self) {
        assert_eq!(self.oms.position(I), self.position, "position is the sum of fills");
        let mut replaced = BTreeMap::new();
        for side in Side::BOTH {
            for order in self.oms.open_orders(I, side) {
                assert!(order.is_conserved(), "{order:?}");
                assert!(order.state.is_open() && !self.closed.contains(&order.id), "{order:?} reopened");
                if order.replaces != crate::orders::NONE {
                    *replaced.entry(order.replaces).or_insert(0) += 1;
                }
            }
        }
        assert!(replaced.values().all(|count| *count == 1), "one replace in flight per order");
        for id in &self.closed {
            if let Some(order) = self.oms.order(ClientId(*id)) {
                assert!(!order.state.is_open() && order.is_conserved(), "{order:?}");
            }
        }
    }

    fn drain(&mut self) {
        while self.deliver_request(false) || self.deliver_answer() {}
    }
}

fn ladder() -> impl Strategy<Value = WantedQuotes> {
    let side = || prop::collection::btree_map(0i64..12, 1i64..30, 0..5);
    (side(), side(), 0i64..3, 0i64..3).prop_map(|(bids, asks, keep_ticks, keep_short_lots)| {
        let bids: Vec<(i64, i64)> = bids.into_iter().rev().map(|(ticks, qty)| (88 + ticks, qty)).collect();
        let asks: Vec<(i64, i64)> = asks.into_iter().map(|(ticks, qty)| (101 + ticks, qty)).collect();
        WantedQuotes { keep_within_nanos: keep_ticks * TICK, keep_short_lots, ..wanted(&bids, &asks) }
    })
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a test's list of a hundred")]
enum Act {
    Want(WantedQuotes),
    Pull,
    PullAtOnce,
    Request { refuses: bool },
    Answer,
    Trade { pick: usize, lots: i64, told_twice: bool },
    LateFill { pick: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => ladder().prop_map(Act::Want),
        1 => Just(Act::Pull),
        1 => Just(Act::PullAtOnce),
        6 => prop::bool::weighted(0.15).prop_map(|refuses| Act::Request { refuses }),
        6 => Just(Act::Answer),
        3 => (0usize..8, 1i64..20, prop::bool::weighted(0.2))
            .prop_map(|(pick, lots, told_twice)| Act::Trade { pick, lots, told_twice }),
        1 => (0usize..8).prop_map(|pick| Act::LateFill { pick }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_venue_does_quantities_close_and_the_quotes_converge(
        acts in prop::collection::vec(act(), 1..120), last in ladder(),
    ) {
        let mut world = World::new();
        for act in acts {
            match act {
                Act::Want(quotes) => { world.want(&quotes); }
                Act::Pull => world.pull(),
                Act::PullAtOnce => world.pull_at_once(),
                Act::Request { refuses } => { world.deliver_request(refuses); }
                Act::Answer => { world.deliver_answer(); }
                Act::Trade { pick, lots, told_twice } => world.venue.trade(pick, lots, told_twice),
                Act::LateFill { pick } => world.venue.cancel_with_a_late_fill(pick),
            }
            world.check();
        }
        // Quiet, and the pause after a refused cancel is over: two rounds of asking and answering reach what is wanted, and a third has nothing to say.
        world.drain();
        world.now_ns = CANCEL_RETRY_NS;
        let exact = WantedQuotes { keep_within_nanos: 0, keep_short_lots: 0, ..last };
        for _ in 0..2 {
            world.want(&exact);
            world.drain();
        }
        prop_assert_eq!(world.want(&exact), 0);
        let mut rests: Vec<(u8, i64, i64)> =
            world.venue.resting.values().map(|order| (order.side as u8, order.price, order.total - order.filled)).collect();
        let mut wants: Vec<(u8, i64, i64)> = exact.bids().iter().map(|quote| (0, quote.price, quote.qty))
            .chain(exact.asks().iter().map(|quote| (1, quote.price, quote.qty))).collect();
        rests.sort_unstable();
        wants.sort_unstable();
        prop_assert_eq!(rests, wants);
        prop_assert_eq!(world.oms.open_count(), world.venue.resting.len());
        prop_assert_eq!((world.oms.counts().fills_over, world.oms.counts().leaves_mismatches), (0, 0));
    }

    /// A policy that looks only when the version moved misses nothing.
    #[test]
    fn while_the_version_stands_still_the_same_quotes_ask_for_nothing(
        acts in prop::collection::vec(act(), 1..120), first in ladder(),
    ) {
        let mut world = World::new();
        let mut current = first;
        world.want(&current);
        let mut version = world.oms.version(I);
        for act in acts {
            match act {
                Act::Want(quotes) => {
                    current = quotes;
                    world.want(&current);
                }
                Act::Pull | Act::PullAtOnce | Act::Answer => { world.deliver_answer(); }
                Act::Request { refuses } => { world.deliver_request(refuses); }
                Act::Trade { pick, lots, told_twice } => world.venue.trade(pick, lots, told_twice),
                Act::LateFill { pick } => world.venue.cancel_with_a_late_fill(pick),
            }
            let sent = world.want(&current);
            let moved = std::mem::replace(&mut version, world.oms.version(I)) != world.oms.version(I);
            prop_assert!(moved || sent == 0, "{} messages and no word of it", sent);
        }
    }

    #[test]
    fn no_set_of_quotes_takes_more_messages_than_the_larger_of_both_sets(before in ladder(), after in ladder()) {
        // Each message touches one order: an order not wanted as it is needs one, and so does a quote not there.
        let mut world = World::new();
        let exact = |quotes: WantedQuotes| WantedQuotes { keep_within_nanos: 0, keep_short_lots: 0, ..quotes };
        let (before, after) = (exact(before), exact(after));
        world.want(&before);
        world.drain();
        let sent = world.want(&after);
        let messages = |had: &[Quote], wants: &[Quote]| {
            let kept = wants.iter().filter(|quote| had.contains(quote)).count();
            (had.len() - kept).max(wants.len() - kept)
        };
        prop_assert_eq!(sent, messages(before.bids(), after.bids()) + messages(before.asks(), after.asks()));
    }

    #[test]
    fn no_response_whatever_breaks_anything(bytes in prop::collection::vec((any::<u8>(), 95u64..130, 95u64..130, any::<i64>(), any::<i64>(), any::<u8>()), 1..200)) {
        let (mut oms, quotes) = quoting();
        let mut position = 0i64;
        for (kind, client_id, orig_client_id, qty, leaves, reason) in bytes {
            let qty = qty % 1_000;
            let response = ResponseRecord { qty, leaves, reason, price: 5, ..answer(ResponseKind::Accepted, client_id, orig_client_id) };
            let effect = oms.on_response(&ResponseRecord { response: kind % 12, ..response });
            position += effect.fill.map_or(0, |fill| fill.side.sign() * fill.qty);
            prop_assert_eq!(oms.position(I), position);
            converge(&mut oms, &quotes);
            for side in Side::BOTH {
                prop_assert!(oms.open_orders(I, side).all(Order::is_conserved));
            }
        }
    }
}
