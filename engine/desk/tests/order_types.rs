//! Every type of order from our hand to the venue and back: order management, gate and venue tell the same story
//! whatever happens on the way.

use std::collections::VecDeque;

use proptest::prelude::*;
use tickrace_book::Books;
use tickrace_exchange::{Exchange, ExchangeConfig, FeeConfig};
use tickrace_oms::{Oms, OmsConfig, OrderRequest};
use tickrace_risk::limits::{
    AccountLimits, DuplicateLimits, ExposureLimits, InstrumentLimits, MarketLimits, SessionLimits,
};
use tickrace_risk::{Gate, Limits};
use tickrace_types::event::VERSION;
use tickrace_types::{
    AccountId, Action, ClientId, Flags, Header, Instrument, InstrumentId, InstrumentTable, Kind,
    MarketRecord, OrderRecord, OrderType, Peg, Phase, Price, ResponseKind, ResponseRecord, SelfTrade,
    SessionId, Side, StrategyId, Terms, TimeInForce, Trigger, VenueId,
};

const CENT: i64 = 10_000_000;
const I: InstrumentId = InstrumentId(0);
const LATENCY_NS: i64 = 3;

fn limits() -> Limits {
    Limits {
        currency: "USD".to_owned(),
        session: SessionLimits {
            new_rate_per_s: 100_000_000,
            new_burst_count: 1_000_000,
            replace_rate_per_s: 100_000_000,
            replace_burst_count: 1_000_000,
            cancel_rate_per_s: 100_000_000,
            cancel_burst_count: 1_000_000,
            cancel_reserve_count: 1_000_000,
        },
        duplicate: DuplicateLimits { duplicate_count_max: 14, duplicate_window_ms: 1 },
        market: MarketLimits {
            book_age_max_ms: 1_000,
            clock_difference_max_ms: 50,
            phases_allowed: vec!["continuous".to_owned(), "pre-open".to_owned()],
        },
        total: ExposureLimits { gross_exposure_max_ccy: 1_000_000_000, net_exposure_max_ccy: 1_000_000_000 },
        accounts: vec![AccountLimits {
            account: 0,
            gross_exposure_max_ccy: 1_000_000_000,
            net_exposure_max_ccy: 1_000_000_000,
        }],
        instrument: InstrumentLimits {
            price_collar_bps: 500,
            order_qty_max_lots: 100_000,
            order_notional_max_ccy: 1_000_000_000,
            position_max_lots: 500,
            open_orders_side_max_count: 12,
            open_qty_side_max_lots: 400,
        },
        overrides: Default::default(),
        controls: Default::default(),
        strategies: Default::default(),
        short_sale: None,
    }
}

/// The street without its threads: whatever one says reaches the next after the latency, in order.
struct Street {
    oms: Oms,
    gate: Gate,
    books: Books,
    exchange: Exchange,
    /// With when we hear it.
    answers: VecDeque<ResponseRecord>,
    said: Vec<ResponseRecord>,
    now_ns: i64,
    seq: u64,
    refs: u64,
    position: i64,
    refused: u64,
}

impl Street {
    fn new() -> Self {
        let shares = InstrumentTable::new(vec![Instrument::us_equity("ONE")]).expect("one share");
        let oms = OmsConfig {
            open_orders_max: 16,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: 1_000_000,
        };
        let venue = ExchangeConfig {
            order_latency_ns: LATENCY_NS,
            response_latency_ns: LATENCY_NS,
            fees: FeeConfig::FREE,
            open_orders_max: 16,
            hidden_through_fills: true,
            queue: tickrace_exchange::QueueModel::Exact,
            fills: tickrace_exchange::FillRule::Partial,
            order_latency: None,
            response_latency: None,
            funding: None,
            bars: Default::default(),
            faults: Default::default(),
            impact: Default::default(),
        };
        let mut street = Self {
            oms: Oms::new(&oms, &shares),
            gate: Gate::new(&limits(), &shares, 64).expect("limits"),
            books: Books::new(1, 1_024),
            exchange: Exchange::new(&venue, &shares, 1_024).expect("a configuration"),
            answers: VecDeque::new(),
            said: Vec::new(),
            now_ns: 1_772_000_000_000_000_000,
            seq: 0,
            refs: 0,
            position: 0,
            refused: 0,
        };
        street
            .market(Kind::Status, MarketRecord { code: Phase::Continuous as u8, ..MarketRecord::default() });
        for (side, px) in [(Side::Bid, 9_998), (Side::Ask, 10_002)] {
            street.add(side, px, 40);
        }
        street
    }

    fn header(&mut self, kind: Kind) -> Header {
        self.seq += 1;
        Header {
            kind: kind as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: 0,
            instrument: 0,
            seq: self.seq,
            ts_venue_ns: self.now_ns,
            ts_recv_ns: self.now_ns,
        }
    }

    /// Time passes: what is due at the venue arrives, what is due here is heard, one event after the other.
    fn pass(&mut self, ns: i64) {
        let until_ns = self.now_ns + ns;
        while self.now_ns < until_ns {
            self.now_ns += 1;
            let answers = &mut self.answers;
            self.exchange.arrive(self.now_ns, &mut |answer: &ResponseRecord| answers.push_back(*answer));
            self.hear();
        }
    }

    /// Until nothing is under way; an order that expires meanwhile is heard of as well.
    fn settle(&mut self) {
        self.pass(1);
        while !self.answers.is_empty() || self.exchange.in_flight() > 0 {
            self.pass(1);
        }
    }

    fn hear(&mut self) {
        while self.answers.front().is_some_and(|answer| answer.header.ts_recv_ns <= self.now_ns) {
            let Some(answer) = self.answers.pop_front() else { break };
            self.gate.on_response(&answer);
            self.oms.on_response(&answer);
            if answer.response == ResponseKind::Fill as u8 {
                self.position += answer.side().sign() * answer.qty;
            }
            self.said.push(answer);
        }
    }

    fn market(&mut self, kind: Kind, fields: MarketRecord) {
        let header = self.header(kind);
        let record = MarketRecord { header, ..fields };
        self.books.apply(record.as_record());
        let answers = &mut self.answers;
        self.exchange
            .on_market(record.as_record(), &mut |answer: &ResponseRecord| answers.push_back(*answer));
        self.gate.on_top(self.books.top(I));
    }

    fn add(&mut self, side: Side, px: i64, qty: u32) {
        self.refs += 1;
        let order_ref = self.refs;
        let fields =
            MarketRecord { order_ref, side: side as u8, price: px * CENT, qty, ..MarketRecord::default() };
        self.market(Kind::Add, fields);
    }

    /// What order management says goes through the gate to the venue, or comes back from the gate.
    fn ask(&mut self, ask: impl FnOnce(&mut Oms, &Header, &mut dyn FnMut(&mut OrderRecord))) {
        let cause = self.header(Kind::Timer);
        let Self { oms, gate, exchange, answers, refused, .. } = self;
        ask(oms, &cause, &mut |order: &mut OrderRecord| {
            let verdict = gate.check(order);
            if verdict.is_passed() {
                return exchange.submit(order);
            }
            *refused += 1;
            let header = Header { ts_recv_ns: cause.ts_recv_ns, ..order.header };
            answers.push_front(ResponseRecord {
                header,
                client_id: order.client_id,
                orig_client_id: order.orig_client_id,
                qty: order.qty,
                response: ResponseKind::GateRefused as u8,
                side: order.side,
                reason: verdict.0,
                ..ResponseRecord::default()
            });
        });
        self.hear();
    }

    fn open(&self, pick: usize) -> Option<ClientId> {
        let open: Vec<u64> =
            Side::BOTH.into_iter().flat_map(|side| self.oms.open_orders(I, side)).map(|own| own.id).collect();
        (!open.is_empty()).then(|| ClientId(open[pick % open.len()]))
    }

    fn step(&mut self, step: &Step) {
        let none = MarketRecord::default();
        match *step {
            Step::Pass(ns) => self.pass(ns),
            Step::Add { side, px, qty } => self.add(side, px, qty),
            Step::Execute { pick, qty } => {
                let order_ref = 1 + pick as u64 % self.refs;
                self.market(Kind::Execute, MarketRecord { order_ref, qty, ..none });
            }
            Step::Delete { pick } => {
                let order_ref = 1 + pick as u64 % self.refs;
                self.market(Kind::Delete, MarketRecord { order_ref, ..none });
            }
            Step::Print { px, qty } => {
                self.market(Kind::Trade, MarketRecord { price: px * CENT, qty, ..none });
            }
            Step::Cross { px, lots, code } => {
                let fields = MarketRecord { price: px * CENT, order_ref: lots, code, ..none };
                self.market(Kind::Cross, fields);
            }
            Step::Phase(phase) => self.market(Kind::Status, MarketRecord { code: phase as u8, ..none }),
            Step::Order(request) => self.ask(|oms, cause, mut out| {
                let lives_ns = request.terms.expire_ns;
                let request = match request.tif {
                    TimeInForce::Gtd => request.until(cause.ts_recv_ns + lives_ns),
                    _ => request,
                };
                oms.submit(&request, cause, &mut out);
            }),
            Step::Amend { pick, px, lots, trigger, display_qty } => {
                let Some(id) = self.open(pick) else { return };
                self.ask(|oms, cause, mut out| {
                    let (Some(terms), Some(order)) = (oms.terms(id), oms.order(id)) else { return };
                    let trigger_price = match order.order_type {
                        OrderType::Stop | OrderType::StopLimit => trigger * CENT,
                        _ => terms.trigger_price,
                    };
                    let shows = order.order_type.has_limit() && !order.tif.is_auction();
                    let display_qty = if shows { display_qty } else { terms.display_qty };
                    let terms = Terms { trigger_price, display_qty, ..terms };
                    oms.amend(id, Price(px * CENT), lots, &terms, cause, &mut out);
                });
            }
            Step::Cancel { pick } => {
                let Some(id) = self.open(pick) else { return };
                self.ask(|oms, cause, mut out| {
                    oms.cancel(id, cause, &mut out);
                });
            }
            Step::MassCancel => self.ask(|oms, cause, mut out| {
                oms.mass_cancel(Some(I), cause, &mut out);
            }),
        }
    }

    /// With nothing under way all three hold the same.
    fn agree(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.answers.is_empty() && self.exchange.in_flight() == 0);
        prop_assert_eq!(self.oms.open_count(), self.exchange.working());
        prop_assert_eq!(self.gate.open_orders(), self.exchange.working());
        prop_assert_eq!(self.oms.position(I), self.position);
        prop_assert_eq!(self.gate.position(I), self.position);
        for side in Side::BOTH {
            let mut lots = 0;
            for own in self.oms.open_orders(I, side) {
                lots += own.leaves;
                let at_venue = self.exchange.queue_position(own.id);
                let price = at_venue.map(|place| place.price);
                prop_assert_eq!(self.oms.resting_price(ClientId(own.id)), price, "{:?}", own);
                prop_assert!(at_venue.is_none_or(|place| place.leaves == own.leaves), "{:?}", own);
            }
            prop_assert_eq!(self.gate.open_qty(I, side), lots);
        }
        let counts = self.oms.counts();
        let odd = [counts.strays, counts.unknown_ids, counts.leaves_mismatches, counts.fills_late];
        prop_assert_eq!(odd, [0; 4], "{:?}", counts);
        let counts = self.gate.counts();
        let odd =
            [counts.responses_malformed, counts.fills_late, counts.fills_unmatched, counts.orders_adopted];
        prop_assert_eq!(odd, [0; 4]);
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Add { side: Side, px: i64, qty: u32 },
    Execute { pick: usize, qty: u32 },
    Delete { pick: usize },
    Print { px: i64, qty: u32 },
    Cross { px: i64, lots: u64, code: u8 },
    Phase(Phase),
    Order(OrderRequest),
    Amend { pick: usize, px: i64, lots: i64, trigger: i64, display_qty: u32 },
    Cancel { pick: usize },
    MassCancel,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Bid), Just(Side::Ask)]
}

fn display() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(OrderRecord::SHOW_ALL), 1 => Just(OrderRecord::SHOW_NONE), 2 => 2u32..10]
}

fn request() -> impl Strategy<Value = OrderRequest> {
    let px = || 9_990i64..=10_010;
    let terms = (0u8..4, any::<bool>(), 0u8..3, display(), 1i64..40);
    (0usize..9, side(), px(), px(), 1i64..60, 0usize..3, terms).prop_map(
        |(kind, side, px, other_px, qty, tif, (stp, by_touch, peg, display, lives_ns))| {
            let (price, trigger) = (Price(px * CENT), Price(other_px * CENT));
            let away = side.sign() * (1 + (other_px - 9_990) / 4);
            let stop_px = Price((10_000 + away) * CENT);
            let tif = [TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtd][tif];
            let request = match kind {
                0 => OrderRequest::limit(I, side, price, qty).with_tif(tif).iceberg(display),
                1 => OrderRequest::post_only(I, side, price, qty).with_tif(tif),
                2 => OrderRequest::limit(I, side, price, qty).with_tif(TimeInForce::Fok),
                3 => OrderRequest::limit(I, side, price, qty).with_tif(TimeInForce::Ioc),
                4 => OrderRequest::stop(I, side, stop_px, qty).with_tif(tif),
                5 => OrderRequest::stop_limit(I, side, trigger, price, qty).with_tif(tif).iceberg(display),
                6 => OrderRequest::trailing_stop(I, side, (1 + px % 7) * CENT, qty).with_tif(tif),
                7 => {
                    let offset = (other_px % 5 - 2) * CENT;
                    let limit = Price((10_000 + 3 * side.sign()) * CENT);
                    OrderRequest::pegged(I, side, Peg::from_code(peg), offset, limit, qty).with_tif(tif)
                }
                _ => OrderRequest::limit(I, side, price, qty).with_tif(TimeInForce::AtClose),
            };
            let request = request.with_stp(SelfTrade::from_code(stp));
            let watches = by_touch && request.order_type.is_stop();
            let request = if watches { request.watching(Trigger::Touch) } else { request };
            // A life, made a date when the order is sent.
            match request.tif {
                TimeInForce::Gtd => request.until(lives_ns),
                _ => request,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let px = || 9_990i64..=10_010;
    let real = side().prop_flat_map(|side| {
        (Just(side), (0i64..8).prop_map(move |away| 10_000 - side.sign() * away), 1u32..60)
    });
    let phase =
        prop_oneof![6 => Just(Phase::Continuous), 1 => Just(Phase::Halted), 1 => Just(Phase::PreOpen)];
    prop_oneof![
        8 => (1i64..8).prop_map(Step::Pass),
        10 => real.prop_map(|(side, px, qty)| Step::Add { side, px, qty }),
        6 => (any::<usize>(), 1u32..60).prop_map(|(pick, qty)| Step::Execute { pick, qty }),
        3 => any::<usize>().prop_map(|pick| Step::Delete { pick }),
        2 => (px(), 1u32..60).prop_map(|(px, qty)| Step::Print { px, qty }),
        1 => (px(), 0u64..60, prop::sample::select(&b"OC"[..])).prop_map(|(px, lots, code)| Step::Cross { px, lots, code }),
        1 => phase.prop_map(Step::Phase),
        12 => request().prop_map(Step::Order),
        5 => (any::<usize>(), px(), 1i64..60, px(), display())
            .prop_map(|(pick, px, lots, trigger, display_qty)| Step::Amend { pick, px, lots, trigger, display_qty }),
        3 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
        1 => Just(Step::MassCancel),
    ]
}

fn played(steps: &[Step]) -> Result<Street, TestCaseError> {
    let mut street = Street::new();
    for (at, step) in steps.iter().enumerate() {
        street.step(step);
        if at % 16 == 15 {
            street.settle();
            street.agree()?;
        }
    }
    street.settle();
    street.agree()?;
    Ok(street)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_three_who_keep_our_orders_agree_whenever_nothing_is_under_way(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut street = played(&steps)?;
        // The same once more says the same, word for word.
        prop_assert_eq!(&played(&steps)?.said, &street.said);
        // And one message ends it all.
        street.ask(|oms, cause, mut out| {
            oms.mass_cancel(None, cause, &mut out);
        });
        street.settle();
        street.agree()?;
        prop_assert_eq!((street.oms.open_count(), street.exchange.working()), (0, 0));
    }
}

/// The random streets are worth something only while they reach everything.
#[test]
fn random_streets_reach_every_word() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let (mut words, mut refused, mut sent) = ([0u64; 10], 0, [0u64; Action::COUNT]);
    for _ in 0..40 {
        let tree = prop::collection::vec(step(), 200).new_tree(&mut runner).expect("no filter refuses");
        let street = played(&tree.current()).expect("they agree");
        street.said.iter().for_each(|word| words[usize::from(word.response)] += 1);
        refused += street.refused;
        street.oms.counts().sent.iter().zip(&mut sent).for_each(|(count, sum)| *sum += count);
    }
    assert!(words[1..].iter().all(|count| *count >= 5), "{words:?}");
    assert!(sent.iter().all(|count| *count >= 10) && refused >= 10, "{sent:?} {refused}");
}
