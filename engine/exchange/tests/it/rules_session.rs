//! Times in force, the end of a session, and the one word that cancels everything.

use tickrace_exchange::ExchangeConfig;
use tickrace_types::event::venue_reason::{END_OF_SESSION, EXPIRED, INVALID, MASS_CANCEL};
use tickrace_types::{InstrumentId, Kind, MarketRecord, OrderRecord, OrderType, Phase, Terms, TimeInForce};

use crate::world::{ASK, BID, CENT, Said, World, config};

fn gone(id: u64, lots: i64, reason: u8) -> Said {
    Said::Cancelled { id, lots, reason }
}

impl World {
    fn until(&mut self, id: u64, px: i64, expire_ns: i64) -> Vec<Said> {
        let order = self.order(id, BID, px, 10);
        self.send(OrderRecord { tif: TimeInForce::Gtd as u8, expire_ns, ..order })
    }

    fn gtc(&mut self, id: u64, px: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, BID, px, qty);
        self.send(OrderRecord { tif: TimeInForce::Gtc as u8, ..order })
    }

    fn run_to(&mut self, now_ns: i64) -> Vec<Said> {
        self.now_ns = now_ns;
        self.speak(|exchange, mut out| exchange.arrive(now_ns, &mut out))
    }
}

#[test]
fn a_dated_order_goes_at_its_time_and_not_before() {
    let mut world = World::new();
    assert_eq!(world.until(10, 10_000, 1_000), vec![Said::Rejected { id: 10, reason: EXPIRED }]);
    world.until(11, 10_000, 5_000);
    world.until(12, 10_001, 3_000);
    assert_eq!(world.exchange.next_arrival_ns(), Some(3_000));
    assert_eq!(world.run_to(2_999), vec![]);
    assert_eq!(world.run_to(4_000), vec![gone(12, 10, EXPIRED)]);
    assert_eq!(world.raw.last().map(|raw| raw.header.ts_venue_ns), Some(3_000));
    assert_eq!(world.exchange.next_arrival_ns(), Some(5_000));
    // At one nanosecond the market comes first, then expiry.
    world.now_ns = 5_000;
    world.add(1, ASK, 10_000, 4);
    assert_eq!(world.run_to(5_000), vec![gone(11, 6, EXPIRED)]);
    assert_eq!((world.exchange.next_arrival_ns(), world.exchange.working()), (None, 0));
}

#[test]
fn expiry_and_arrivals_keep_the_order_of_their_times() {
    let mut world = World::with(&ExchangeConfig { order_latency_ns: 100, ..config() });
    world.now_ns = 1_000;
    world.until(10, 10_000, 1_150);
    world.now_ns = 1_020;
    world.until(11, 10_000, 1_140);
    world.now_ns = 1_050;
    world.withdraw(12, 10);
    world.now_ns = 1_060;
    world.withdraw(13, 11);
    let said = world.run_to(2_000);
    let unknown = |id, orig| Said::CancelRejected { id, orig, reason: 4 };
    assert_eq!(
        said,
        vec![
            Said::Accepted { id: 10, leaves: 10 },
            Said::Accepted { id: 11, leaves: 10 },
            gone(11, 10, EXPIRED),
            gone(10, 10, EXPIRED),
            unknown(12, 10),
            unknown(13, 11),
        ]
    );
    let times: Vec<i64> = world.raw.iter().map(|raw| raw.header.ts_venue_ns).collect();
    assert_eq!(times, vec![1_100, 1_120, 1_140, 1_150, 1_150, 1_160]);
}

#[test]
fn a_replace_may_change_the_date() {
    let mut world = World::new();
    world.until(10, 10_000, 5_000);
    let order = world.order(11, BID, 10_000, 10);
    let amended = OrderRecord { action: 1, orig_client_id: 10, expire_ns: 9_000, ..order };
    assert_eq!(world.send(amended), vec![Said::Replaced { id: 11, orig: 10, px: 10_000, leaves: 10 }]);
    assert_eq!(world.run_to(8_999), vec![]);
    assert_eq!(world.run_to(9_000), vec![gone(11, 10, EXPIRED)]);
}

#[test]
fn the_end_of_a_session_ends_the_orders_of_the_day_alone() {
    let mut world = World::new();
    world.trade(1, BID, 10_000, 5);
    world.limit(10, BID, 10_000, 10);
    world.gtc(11, 10_000, 20);
    world.until(12, 9_990, 50_000);
    let order = world.order(13, ASK, 0, 10);
    world.special(order, OrderType::Stop, Terms { trigger_price: 9_900, ..Terms::PLAIN });
    let order = world.order(14, ASK, 10_050, 10);
    world.send(OrderRecord { tif: TimeInForce::AtClose as u8, ..order });
    let said = world.speak(|exchange, mut out| exchange.end_of_session(2_000, &mut out));
    assert_eq!(
        said,
        vec![gone(10, 10, END_OF_SESSION), gone(13, 10, END_OF_SESSION), gone(14, 10, END_OF_SESSION)]
    );
    assert_eq!(world.exchange.working(), 2);
    // Another day: another book, of which ours see all before them; the dated order's time is over.
    world.market(Kind::Clear, MarketRecord::default());
    world.add(5, BID, 10_000, 70);
    world.gtc(15, 10_000, 5);
    let said = world.speak(|exchange, mut out| exchange.start_of_session(60_000, &mut out));
    assert_eq!(said, vec![gone(12, 10, EXPIRED)]);
    assert_eq!((world.ahead(11), world.ahead(15)), (70, 70));
    world.add(6, BID, 10_000, 30);
    assert_eq!(world.execute(5, 70), vec![]);
    let maker = |id, lots, leaves| Said::Maker { id, px: 10_000, lots, leaves };
    assert_eq!(world.execute(6, 22), vec![maker(11, 20, 0), maker(15, 2, 3)]);
}

#[test]
fn between_the_days_of_a_chain_the_session_ends_and_another_begins() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 7);
    world.limit(10, BID, 10_000, 10);
    world.gtc(11, 10_000, 20);
    world.instrument = InstrumentId::NONE.0;
    assert_eq!(world.market(Kind::Clear, MarketRecord::default()), vec![gone(10, 10, END_OF_SESSION)]);
    world.instrument = 0;
    // The morning's first event states a level of two orders: both stand before what stayed over night.
    let inside = MarketRecord { order_ref: 5, price: 10_000 * CENT, qty: 30, ..MarketRecord::default() };
    let mut header = world.header(Kind::Add);
    header.flags = 0;
    world.speak(|exchange, mut out| {
        exchange.on_market(MarketRecord { header, ..inside }.as_record(), &mut out)
    });
    world.add(6, BID, 10_000, 40);
    assert_eq!(world.ahead(11), 70);
    // The next one is of the day, and behind.
    world.add(7, BID, 10_000, 50);
    assert_eq!(world.ahead(11), 70);
}

#[test]
fn an_order_of_the_new_day_is_not_ended_by_the_night_before_it() {
    let config = ExchangeConfig { order_latency_ns: 500, ..config() };
    let mut world = World::with(&config);
    world.add(1, BID, 10_000, 7);
    // Both are on their way when the venue gets to the night: one left before it, one after.
    let night_ns = world.now_ns + 1_000;
    let mut last = world.order(10, BID, 10_000, 10);
    last.header.ts_recv_ns = night_ns - 1;
    let mut first = world.order(11, BID, 10_000, 10);
    first.header.ts_recv_ns = night_ns;
    world.exchange.submit(&last);
    world.exchange.submit(&first);
    world.instrument = InstrumentId::NONE.0;
    world.now_ns = night_ns;
    let refused = Said::Rejected { id: 10, reason: END_OF_SESSION };
    assert_eq!(world.market(Kind::Clear, MarketRecord::default()), vec![refused]);
    world.instrument = 0;
    world.phase(Phase::Continuous);
    world.add(2, BID, 9_990, 7);
    let said = world.speak(|exchange, mut out| exchange.arrive(night_ns + 500, &mut out));
    assert_eq!(said, vec![Said::Accepted { id: 11, leaves: 10 }]);
}

#[test]
fn one_word_cancels_everything_of_the_strategy() {
    let mut world = World::new();
    world.trade(1, BID, 10_000, 5);
    world.limit(10, ASK, 10_100, 10);
    world.limit(11, BID, 10_000, 20);
    let order = world.order(12, ASK, 0, 10);
    world.special(order, OrderType::Stop, Terms { trigger_price: 9_900, ..Terms::PLAIN });
    let order = world.order(13, BID, 9_000, 10);
    world.send(OrderRecord { strategy: 4, ..order });
    world.instrument = 1;
    world.limit(14, BID, 10_000, 30);
    world.instrument = 0;
    assert_eq!(world.mass_cancel(15, 1), vec![gone(14, 30, MASS_CANCEL)]);
    assert_eq!(
        world.mass_cancel(16, u32::MAX),
        vec![gone(11, 20, MASS_CANCEL), gone(10, 10, MASS_CANCEL), gone(12, 10, MASS_CANCEL)]
    );
    assert_eq!(world.mass_cancel(17, u32::MAX), vec![]);
    let nowhere = vec![Said::CancelRejected { id: 18, orig: 0, reason: INVALID }];
    assert_eq!(world.mass_cancel(18, 9), nowhere);
    assert_eq!(world.exchange.working(), 1);
}
