//! Random days through the venue and its plain twin: the same words, the same queue places; and the laws that must
//! hold whatever the words are.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickrace_exchange::{ExchangeConfig, FeeConfig};
use tickrace_types::{
    Action, Flags, Header, Kind, MarketRecord, OrderRecord, OrderType, Phase, Price, Side, TimeInForce,
};

use crate::plain::{PlainVenue, Request, Tape, Who};
use crate::world::{CENT, Said, World, config};

/// One step of a random day; `pick` chooses among what is live when the step is reached.
#[derive(Clone, Debug)]
enum Step {
    Add { side: Side, px: i64, lots: u32, snapshot: bool },
    Execute { pick: usize, lots: u32, printable: bool },
    Cancel { pick: usize, lots: u32 },
    Delete { pick: usize },
    Replace { pick: usize, px: i64, lots: u32 },
    Hidden { px: i64, lots: u32 },
    Cross { px: i64, lots: u32 },
    Trading(bool),
    Clear,
    New { side: Side, px: i64, qty: i64, order_type: OrderType, tif: TimeInForce },
    Amend { pick: usize, px: i64, qty: i64 },
    Withdraw { pick: usize },
}

const LATENCY_NS: i64 = 4;

/// Bids mostly below 100 and asks mostly above, so that the book is crossed at times but not always.
fn px_of(side: Side) -> impl Strategy<Value = i64> {
    (0i64..8).prop_map(move |away| 10_000 - side.sign() * (away - 2))
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Bid), Just(Side::Ask)]
}

fn sided_px() -> impl Strategy<Value = (Side, i64)> {
    side().prop_flat_map(|side| px_of(side).prop_map(move |px| (side, px)))
}

fn step() -> impl Strategy<Value = Step> {
    let any_px = 9_994i64..=10_006;
    let order_type = prop_oneof![4 => Just(OrderType::Limit), 4 => Just(OrderType::PostOnly), 1 => Just(OrderType::Market)];
    let tif = prop_oneof![3 => Just(TimeInForce::Day), 1 => Just(TimeInForce::Ioc)];
    prop_oneof![
        14 => (sided_px(), 1u32..60, prop::bool::weighted(0.03))
            .prop_map(|((side, px), lots, snapshot)| Step::Add { side, px, lots, snapshot }),
        10 => (any::<usize>(), 1u32..60, prop::bool::weighted(0.9))
            .prop_map(|(pick, lots, printable)| Step::Execute { pick, lots, printable }),
        4 => (any::<usize>(), 1u32..60).prop_map(|(pick, lots)| Step::Cancel { pick, lots }),
        4 => any::<usize>().prop_map(|pick| Step::Delete { pick }),
        4 => (any::<usize>(), any_px.clone(), 1u32..60).prop_map(|(pick, px, lots)| Step::Replace { pick, px, lots }),
        2 => (any_px.clone(), 1u32..60).prop_map(|(px, lots)| Step::Hidden { px, lots }),
        1 => (any_px.clone(), 0u32..60).prop_map(|(px, lots)| Step::Cross { px, lots }),
        1 => prop::bool::weighted(0.8).prop_map(Step::Trading),
        1 => Just(Step::Clear),
        14 => (sided_px(), 1i64..80, order_type, tif)
            .prop_map(|((side, px), qty, order_type, tif)| {
                // The one pair the venue does not know; it has its own test.
                let tif = if order_type == OrderType::PostOnly { TimeInForce::Day } else { tif };
                Step::New { side, px, qty, order_type, tif }
            }),
        6 => (any::<usize>(), any_px, 1i64..80).prop_map(|(pick, px, qty)| Step::Amend { pick, px, qty }),
        3 => any::<usize>().prop_map(|pick| Step::Withdraw { pick }),
    ]
}

/// The venue, its twin, and the books an outsider would keep.
struct Trial {
    world: World,
    plain: PlainVenue,
    on_the_way: Vec<(i64, Request)>,
    refs: u64,
    ids: u64,
    accounts: BTreeMap<u64, Account>,
}

/// One order from its entry through all its numbers.
#[derive(Clone, Copy, Debug)]
struct Account {
    side: Side,
    limit: Option<i64>,
    qty: i64,
    filled: i64,
    cancelled: i64,
}

impl Trial {
    fn new() -> Self {
        let config = ExchangeConfig {
            order_latency_ns: LATENCY_NS,
            open_orders_max: 4096,
            fees: FeeConfig::FREE,
            ..config()
        };
        Self {
            world: World::with(&config),
            plain: PlainVenue::new(2),
            on_the_way: vec![],
            refs: 0,
            ids: 0,
            accounts: BTreeMap::new(),
        }
    }

    fn live_real(&self, instrument: u32, pick: usize) -> Option<(u64, i64)> {
        let live: Vec<(u64, i64)> = self
            .plain
            .resting
            .iter()
            .filter(|rest| rest.instrument == instrument)
            .filter_map(|rest| match rest.who {
                Who::Real { order_ref, .. } => Some((order_ref, rest.lots)),
                Who::Ours { .. } => None,
            })
            .collect();
        (!live.is_empty()).then(|| live[pick % live.len()])
    }

    fn step(&mut self, instrument: u32, gap_ns: i64, step: &Step) -> Result<(), TestCaseError> {
        self.world.instrument = instrument;
        self.world.now_ns += gap_ns;
        // The driver's order: what arrives before now, then the market at now; our orders of now come after.
        self.arrive(self.world.now_ns - 1)?;
        if let Some((tape, kind, fields)) = self.tape(instrument, step) {
            self.plain.on_tape(instrument, tape);
            let said = self.world.market(kind, fields);
            prop_assert_eq!(&said, &self.plain.take_said(), "after {:?}", tape);
            self.hold_the_budget(tape, &said)?;
            self.book_all(&said)?;
        } else if let Some(request) = self.request(instrument, step) {
            self.on_the_way.push((self.world.now_ns + LATENCY_NS, request));
            let order = self.world.order(request.id, request.side, request.px, request.qty);
            self.world.exchange.submit(&OrderRecord {
                action: request.action as u8,
                orig_client_id: request.orig,
                order_type: request.order_type as u8,
                tif: request.tif as u8,
                ..order
            });
        }
        self.compare_places()
    }

    fn arrive(&mut self, until_ns: i64) -> Result<(), TestCaseError> {
        while let Some(due_ns) =
            self.on_the_way.first().map(|(due_ns, _)| *due_ns).filter(|due| *due <= until_ns)
        {
            prop_assert_eq!(self.world.exchange.next_arrival_ns(), Some(due_ns));
            let (due, later) = self.on_the_way.drain(..).partition(|(at_ns, _)| *at_ns == due_ns);
            self.on_the_way = later;
            let due: Vec<(i64, Request)> = due;
            for (_, request) in &due {
                self.open(*request);
                self.plain.on_request(*request);
            }
            let said = self.world.speak(|exchange, mut out| exchange.arrive(due_ns, &mut out));
            prop_assert_eq!(&said, &self.plain.take_said(), "after {:?}", due);
            self.book_all(&said)?;
            self.compare_places()?;
        }
        Ok(())
    }

    fn tape(&mut self, instrument: u32, step: &Step) -> Option<(Tape, Kind, MarketRecord)> {
        let none = MarketRecord::default();
        let flagged = |flags| Header { flags, ..Header::default() };
        Some(match *step {
            Step::Add { side, px, lots, snapshot } => {
                self.refs += 1;
                let order_ref = self.refs;
                let header = flagged(if snapshot { Flags::SNAPSHOT } else { 0 });
                let fields =
                    MarketRecord { header, order_ref, side: side as u8, price: px, qty: lots, ..none };
                (Tape::Add { order_ref, side, px, lots: i64::from(lots), snapshot }, Kind::Add, fields)
            }
            Step::Execute { pick, lots, printable } => {
                let (order_ref, live) = self.live_real(instrument, pick)?;
                let header = flagged(if printable { 0 } else { Flags::NOT_PRINTABLE });
                // More than rested can trade on a torn tape; the venue must not pay it out.
                let fields = MarketRecord { header, order_ref, qty: lots, ..none };
                (
                    Tape::Execute { order_ref, lots: live.min(i64::from(lots)), printable },
                    Kind::Execute,
                    fields,
                )
            }
            Step::Cancel { pick, lots } => {
                let (order_ref, live) = self.live_real(instrument, pick)?;
                let fields = MarketRecord { order_ref, qty: lots, ..none };
                (Tape::Cancel { order_ref, lots: live.min(i64::from(lots)) }, Kind::Cancel, fields)
            }
            Step::Delete { pick } => {
                let (order_ref, _) = self.live_real(instrument, pick)?;
                (Tape::Delete { order_ref }, Kind::Delete, MarketRecord { order_ref, ..none })
            }
            Step::Replace { pick, px, lots } => {
                let (order_ref, _) = self.live_real(instrument, pick)?;
                self.refs += 1;
                let other_ref = self.refs;
                let fields = MarketRecord { order_ref, other_ref, price: px, qty: lots, ..none };
                (Tape::Replace { order_ref, other_ref, px, lots: i64::from(lots) }, Kind::Replace, fields)
            }
            Step::Hidden { px, lots } => (
                Tape::Hidden { px, lots: i64::from(lots) },
                Kind::Trade,
                MarketRecord { price: px, qty: lots, ..none },
            ),
            Step::Cross { px, lots } => {
                let fields = MarketRecord { price: px, order_ref: u64::from(lots), ..none };
                (Tape::Cross { px, lots: i64::from(lots) }, Kind::Cross, fields)
            }
            Step::Trading(trading) => {
                let phase = if trading { Phase::Continuous } else { Phase::Halted };
                (Tape::Trading(trading), Kind::Status, MarketRecord { code: phase as u8, ..none })
            }
            Step::Clear => (Tape::Clear, Kind::Clear, none),
            _ => return None,
        })
    }

    fn request(&mut self, instrument: u32, step: &Step) -> Option<Request> {
        self.ids += 1;
        let blank = Request {
            instrument,
            action: Action::New,
            id: self.ids,
            orig: 0,
            side: Side::Bid,
            px: 0,
            qty: 0,
            order_type: OrderType::Limit,
            tif: TimeInForce::Day,
        };
        Some(match *step {
            Step::New { side, px, qty, order_type, tif } => {
                let px = if order_type == OrderType::Market { 0 } else { px };
                Request { side, px, qty, order_type, tif, ..blank }
            }
            // Any number ever used may be named: live, done, never accepted.
            Step::Amend { pick, px, qty } => {
                Request { action: Action::Replace, orig: self.named(pick), px, qty, ..blank }
            }
            Step::Withdraw { pick } => Request { action: Action::Cancel, orig: self.named(pick), ..blank },
            _ => return None,
        })
    }

    /// Mostly a live order of ours.
    fn named(&self, pick: usize) -> u64 {
        let live: Vec<u64> =
            self.plain.resting.iter().filter(|r| matches!(r.who, Who::Ours { .. })).map(|r| r.id()).collect();
        if live.is_empty() || pick.is_multiple_of(7) {
            1 + pick as u64 % self.ids
        } else {
            live[pick % live.len()]
        }
    }

    fn open(&mut self, request: Request) {
        let limit = (request.order_type != OrderType::Market).then_some(request.px);
        let account = Account { side: request.side, limit, qty: request.qty, filled: 0, cancelled: 0 };
        match request.action {
            Action::New => drop(self.accounts.insert(request.id, account)),
            Action::Replace => {
                if let Some(old) = self.accounts.get(&request.orig).copied() {
                    self.accounts.insert(request.id, Account { limit, qty: request.qty, ..old });
                }
            }
            Action::Cancel | Action::MassCancel => {}
        }
    }

    /// Every order: fills at its limit or better, nothing open below zero, and quantity = filled + open + cancelled.
    fn book_all(&mut self, said: &[Said]) -> Result<(), TestCaseError> {
        for word in said {
            let (id, px, lots, leaves) = match *word {
                Said::Maker { id, px, lots, leaves } | Said::Taker { id, px, lots, leaves } => {
                    (id, Some(px), lots, leaves)
                }
                Said::Cancelled { id, lots, .. } => (id, None, lots, 0),
                Said::Replaced { id, orig, .. } => {
                    let filled = self.accounts[&orig].filled;
                    self.accounts.get_mut(&id).expect("a replace we sent").filled = filled;
                    continue;
                }
                _ => continue,
            };
            let account = self.accounts.get_mut(&id).expect("an order we sent");
            prop_assert!(lots > 0 && leaves >= 0, "{:?}", word);
            match px {
                Some(px) => {
                    account.filled += lots;
                    let limit = account.limit.unwrap_or(px);
                    prop_assert!(
                        limit == px || account.side.is_better(limit, px),
                        "{:?} {:?}",
                        word,
                        account
                    );
                }
                None => account.cancelled += lots,
            }
            prop_assert_eq!(
                account.qty,
                account.filled + leaves + account.cancelled,
                "{:?} {:?}",
                word,
                account
            );
        }
        Ok(())
    }

    /// What one market event gives us is no more than it had.
    fn hold_the_budget(&self, tape: Tape, said: &[Said]) -> Result<(), TestCaseError> {
        let mut by_side = [0i64; 2];
        for word in said {
            let Said::Maker { id, lots, .. } = *word else { continue };
            by_side[self.accounts[&id].side.index()] += lots;
        }
        let had = match tape {
            Tape::Add { lots, .. } | Tape::Execute { lots, .. } | Tape::Replace { lots, .. } => lots,
            Tape::Hidden { lots, .. } | Tape::Cross { lots, .. } => lots,
            _ => 0,
        };
        prop_assert!(by_side[0] <= had && by_side[1] <= had, "{:?} of {:?}", by_side, tape);
        let one_sided = !matches!(tape, Tape::Cross { .. });
        prop_assert!(!one_sided || by_side[0] + by_side[1] <= had, "{:?} of {:?}", by_side, tape);
        Ok(())
    }

    /// Queue places, taken lots and the number of working orders are the twin's.
    fn compare_places(&self) -> Result<(), TestCaseError> {
        let mut working = 0;
        for rest in &self.plain.resting {
            match rest.who {
                Who::Ours { id, .. } => {
                    working += 1;
                    let position = self.world.exchange.queue_position(id).expect("it rests at the twin");
                    prop_assert_eq!(position.ahead, self.plain.ahead(rest), "{:?}", rest);
                    prop_assert_eq!(position.leaves, rest.lots);
                    prop_assert_eq!((position.price, position.side), (Price(rest.px * CENT), rest.side));
                }
                Who::Real { order_ref, taken } => {
                    prop_assert!(taken <= rest.lots);
                    prop_assert_eq!(i64::from(self.world.exchange.taken_of(order_ref)), taken, "{:?}", rest);
                }
            }
        }
        prop_assert_eq!(self.world.exchange.working(), working);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_venue_says_what_its_plain_twin_says(
        steps in prop::collection::vec((prop::bool::weighted(0.1), 0i64..4, step()), 1..160)
    ) {
        let mut trial = Trial::new();
        for (other, gap_ns, step) in &steps {
            trial.step(u32::from(*other), *gap_ns, step)?;
        }
        trial.arrive(i64::MAX)?;
    }
}
