//! The gate beside a plain model, and beside a venue that answers in any order.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tickrace_types::{
    AccountId, InstrumentId, OrderRecord, OrderType, Peg, ResponseKind, ResponseRecord, Side, TimeInForce,
};

use super::fixture::{CENT, World, response, top, wide};
use crate::limits::ShortSaleLimits;
use crate::{Limits, Reason};

/// An order as the model keeps it: every version that may be open, and who owns it.
#[derive(Clone, Debug)]
struct Plain {
    record: OrderRecord,
    leaves: i64,
    filled: i64,
    pending: Option<(OrderRecord, i64)>,
    /// A stop-limit whose trigger was reached.
    is_triggered: bool,
    /// Prices at entry: a trailing stop counts with the trigger it had then.
    px: i64,
    pending_px: i64,
}

/// What an order is worth a lot, and whether it is a market order in disguise. The collar of these tests is 100 per
/// cent, so a stop to buy may trade at twice its trigger.
fn worth(order: &OrderRecord, mid: i64) -> Option<i64> {
    let buys = order.side() == Side::Bid;
    let trigger = match OrderType::from_code(order.order_type) {
        OrderType::Stop if buys && order.trigger_price <= mid => return None,
        OrderType::Stop if !buys && order.trigger_price >= mid => return None,
        OrderType::Stop => order.trigger_price,
        OrderType::TrailingStop if buys => mid + order.trigger_price,
        OrderType::TrailingStop => mid - order.trigger_price,
        _ => return Some(order.price),
    };
    Some(if buys { 2 * trigger } else { trigger })
}

impl Plain {
    /// Whether it stands at its price.
    fn rests(&self) -> bool {
        let tif = TimeInForce::from_code(self.record.tif);
        let waits = OrderType::from_code(self.record.order_type).is_stop() && !self.is_triggered;
        !waits && !matches!(tif, TimeInForce::AtOpen | TimeInForce::AtClose)
    }

    fn lots(&self) -> i64 {
        self.leaves.max(self.pending.map_or(0, |(_, leaves)| leaves))
    }

    fn cash(&self) -> i128 {
        let value = |px: i64, lots: i64| i128::from(px) * i128::from(lots) * 1_000_000_000;
        let pending = self.pending.map_or(0, |(_, leaves)| value(self.pending_px, leaves));
        value(self.px, self.leaves).max(pending)
    }

    fn is_of(&self, instrument: u32, side: Side) -> bool {
        self.record.header.instrument == instrument && self.record.side() == side
    }
}

/// A list of open orders, positions, and every rule as a sum over them.
#[derive(Default)]
struct Model {
    orders: Vec<Plain>,
    positions: BTreeMap<(u32, u16), i64>,
    /// Mid in cents.
    mids: [i64; 2],
}

impl Model {
    fn open_lots(&self, instrument: u32, side: Side) -> i64 {
        self.orders.iter().filter(|order| order.is_of(instrument, side)).map(Plain::lots).sum()
    }

    fn position(&self, instrument: u32) -> i64 {
        self.positions.iter().filter(|((of, _), _)| *of == instrument).map(|(_, lots)| lots).sum()
    }

    fn value(&self, instrument: u32, account: u16) -> i128 {
        let lots = self.positions.get(&(instrument, account)).copied().unwrap_or(0);
        i128::from(lots) * i128::from(self.mids[instrument as usize] * CENT) * 1_000_000_000
    }

    fn open_cash(&self, instrument: u32, account: u16, side: Side) -> i128 {
        let own = self.orders.iter().filter(|order| order.record.account == account);
        own.filter(|order| order.is_of(instrument, side)).map(Plain::cash).sum()
    }

    /// Gross, value, open buys, open sells of some accounts.
    fn exposure(&self, accounts: &[u16]) -> [i128; 4] {
        let mut sums = [0; 4];
        for instrument in 0..2 {
            for account in accounts {
                let value = self.value(instrument, *account);
                let buys = self.open_cash(instrument, *account, Side::Bid);
                let sells = self.open_cash(instrument, *account, Side::Ask);
                sums[0] += (value + buys).abs().max((value - sells).abs());
                sums[1] += value;
                sums[2] += buys;
                sums[3] += sells;
            }
        }
        sums
    }

    /// Whether the list with `changed` in it keeps every limit, `None`, or the control that does not.
    fn judge(&self, limits: &Limits, order: &OrderRecord, was: Option<&Plain>) -> Option<Reason> {
        let (instrument, side) = (order.header.instrument, order.side());
        let leaves = order.qty - was.map_or(0, |was| was.filled);
        if leaves <= 0 {
            return Some(Reason::VenueQuantity);
        }
        let px = match worth(order, self.mids[instrument as usize] * CENT) {
            Some(px) => px,
            None => return Some(Reason::NoLimitPrice),
        };
        let entered = Plain {
            record: *order,
            leaves,
            filled: 0,
            pending: None,
            is_triggered: was.is_some_and(|was| was.is_triggered),
            px,
            pending_px: 0,
        };
        let mut after = Self { positions: self.positions.clone(), mids: self.mids, ..Self::default() };
        after.orders = self.orders.clone();
        match was {
            None => after.orders.push(entered.clone()),
            Some(was) => {
                let place = after.orders.iter().position(|o| o.record.client_id == was.record.client_id);
                let order_after = &mut after.orders[place.unwrap()];
                (order_after.pending, order_after.pending_px) = (Some((*order, leaves)), px);
            }
        }
        let others = self.orders.iter().filter(|other| other.is_of(instrument, side.opposite()));
        let mut own = others.filter(|other| other.rests()).flat_map(|other| {
            [Some(other.record.price), other.pending.map(|(record, _)| record.price)].into_iter().flatten()
        });
        let meets = |px: i64| if side == Side::Bid { order.price >= px } else { order.price <= px };
        if entered.rests() && own.any(meets) {
            return Some(Reason::SelfTrade);
        }
        let (lots, lots_before) = (after.open_lots(instrument, side), self.open_lots(instrument, side));
        if lots > lots_before {
            if self.position(instrument) * side.sign() + lots > limits.instrument.position_max_lots {
                return Some(Reason::Position);
            }
            let located = &limits.short_sale.as_ref().unwrap().located_lots;
            let sold_at_worst = lots - self.position(instrument);
            if side == Side::Ask && sold_at_worst > located[["AAA", "BBB"][instrument as usize]] {
                return Some(Reason::ShortSale);
            }
            if lots > limits.instrument.open_qty_side_max_lots {
                return Some(Reason::OpenQuantity);
            }
        }
        let count = after.orders.iter().filter(|order| order.is_of(instrument, side)).count();
        if count as i64 > limits.instrument.open_orders_side_max_count {
            return Some(Reason::OpenOrders);
        }
        let own_account = limits.accounts.iter().find(|limits| limits.account == order.account).unwrap();
        let mut scopes = vec![(vec![order.account], own_account.exposure())];
        scopes.push((vec![0, 7], limits.total));
        for (place, (accounts, limits)) in scopes.iter().enumerate() {
            let (before, now) = (self.exposure(accounts), after.exposure(accounts));
            if now == before {
                continue;
            }
            let ccy = |units: i64| i128::from(units) * 1_000_000_000_000_000_000;
            if now[0] > before[0] && now[0] > ccy(limits.gross_exposure_max_ccy) {
                return Some([Reason::AccountGross, Reason::TotalGross][place]);
            }
            let net = if side == Side::Bid { now[1] + now[2] } else { now[3] - now[1] };
            if net > ccy(limits.net_exposure_max_ccy) {
                return Some([Reason::AccountNet, Reason::TotalNet][place]);
            }
        }
        None
    }
}

fn narrow() -> Limits {
    let mut limits = wide();
    limits.instrument.position_max_lots = 60;
    limits.instrument.open_qty_side_max_lots = 50;
    limits.instrument.open_orders_side_max_count = 4;
    limits.accounts[0].gross_exposure_max_ccy = 8_000;
    limits.accounts[1].net_exposure_max_ccy = 4_000;
    limits.total.gross_exposure_max_ccy = 12_000;
    limits.total.net_exposure_max_ccy = 7_000;
    limits.short_sale = Some(ShortSaleLimits {
        located_lots: [("AAA".to_owned(), 40), ("BBB".to_owned(), 25)].into(),
        restricted_symbols: Default::default(),
    });
    limits
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Limit,
    Hidden,
    Iceberg,
    Stop,
    StopLimit,
    Trailing,
    Pegged,
    AtClose,
}

impl Kind {
    fn dress(self, order: OrderRecord) -> OrderRecord {
        let typed = |order_type: OrderType| OrderRecord { order_type: order_type as u8, ..order };
        match self {
            Self::Limit => order,
            Self::Hidden => OrderRecord { display_qty: OrderRecord::SHOW_NONE, ..order },
            Self::Iceberg => OrderRecord { display_qty: 1, ..order },
            Self::Stop => OrderRecord { price: 0, trigger_price: order.price, ..typed(OrderType::Stop) },
            Self::StopLimit => OrderRecord { trigger_price: 10_000 * CENT, ..typed(OrderType::StopLimit) },
            Self::Trailing => {
                OrderRecord { price: 0, trigger_price: 7 * CENT, ..typed(OrderType::TrailingStop) }
            }
            Self::Pegged => OrderRecord { peg: Peg::Mid as u8, ..typed(OrderType::Pegged) },
            Self::AtClose => OrderRecord { tif: TimeInForce::AtClose as u8, ..order },
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    New { instrument: u32, seven: bool, ask: bool, cents: i64, qty: i64, kind: Kind },
    Trigger { which: usize },
    Replace { which: usize, cents: i64, qty: i64 },
    Fill { which: usize, qty: i64 },
    Reduce { which: usize, qty: i64 },
    End { which: usize, rejected: bool },
    Replaced { which: usize },
    ReplaceRefused { which: usize },
    Market { instrument: u32, mid: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (which, cents, qty) = (0usize..64, 9_990i64..10_010, 1i64..40);
    let kind = prop_oneof![
        4 => Just(Kind::Limit),
        1 => Just(Kind::Hidden),
        1 => Just(Kind::Iceberg),
        1 => Just(Kind::Stop),
        2 => Just(Kind::StopLimit),
        1 => Just(Kind::Trailing),
        1 => Just(Kind::Pegged),
        1 => Just(Kind::AtClose),
    ];
    prop_oneof![
        4 => (0u32..2, any::<bool>(), any::<bool>(), cents.clone(), qty.clone(), kind)
            .prop_map(|(instrument, seven, ask, cents, qty, kind)| {
                Step::New { instrument, seven, ask, cents, qty, kind }
            }),
        1 => which.clone().prop_map(|which| Step::Trigger { which }),
        3 => (which.clone(), cents, qty.clone()).prop_map(|(which, cents, qty)| Step::Replace { which, cents, qty }),
        3 => (which.clone(), qty.clone()).prop_map(|(which, qty)| Step::Fill { which, qty }),
        1 => (which.clone(), qty).prop_map(|(which, qty)| Step::Reduce { which, qty }),
        1 => (which.clone(), any::<bool>()).prop_map(|(which, rejected)| Step::End { which, rejected }),
        2 => which.clone().prop_map(|which| Step::Replaced { which }),
        1 => which.prop_map(|which| Step::ReplaceRefused { which }),
        1 => (0u32..2, 9_900i64..10_100).prop_map(|(instrument, mid)| Step::Market { instrument, mid }),
    ]
}

/// Applies one step to both; gives what both said of an order.
fn apply(
    world: &mut World,
    model: &mut Model,
    limits: &Limits,
    step: Step,
) -> Option<(Option<Reason>, Option<Reason>)> {
    // Orders equal in everything would trip the duplicate control, which the model leaves out.
    world.now_ns += 1_000_000;
    for instrument in 0..2 {
        let mid = model.mids[instrument as usize];
        world.gate.on_top(&top(instrument, mid - 1, mid + 1, world.now_ns));
    }
    let place = |which: usize, model: &Model| (!model.orders.is_empty()).then(|| which % model.orders.len());
    match step {
        Step::Market { instrument, mid } => {
            model.mids[instrument as usize] = mid;
            world.gate.on_top(&top(instrument, mid - 1, mid + 1, world.now_ns));
        }
        Step::New { instrument, seven, ask, cents, qty, kind } => {
            let mut order = kind.dress(world.order(if ask { Side::Ask } else { Side::Bid }, cents, qty));
            order.header.instrument = instrument;
            order.account = if seven { 7 } else { 0 };
            let expected = model.judge(limits, &order, None);
            if expected.is_none() {
                let px = worth(&order, model.mids[instrument as usize] * CENT)?;
                model.orders.push(Plain {
                    record: order,
                    leaves: qty,
                    filled: 0,
                    pending: None,
                    is_triggered: false,
                    px,
                    pending_px: 0,
                });
            }
            return Some((world.check(&order).err(), expected));
        }
        Step::Replace { which, cents, qty } => {
            let was = model.orders[place(which, model)?].clone();
            let mut order = world.replace(&was.record, cents, qty);
            if !OrderType::from_code(order.order_type).has_limit() {
                order.price = 0;
            }
            if order.order_type == OrderType::Stop as u8 {
                order.trigger_price = cents * CENT;
            }
            let expected = match was.pending {
                Some(_) => Some(Reason::ReplaceInFlight),
                None => model.judge(limits, &order, Some(&was)),
            };
            if expected.is_none() {
                let place = place(which, model)?;
                let mid = model.mids[order.header.instrument as usize] * CENT;
                model.orders[place].pending_px = worth(&order, mid)?;
                model.orders[place].pending = Some((order, qty - was.filled));
            }
            return Some((world.check(&order).err(), expected));
        }
        Step::Fill { which, qty } => {
            let place = place(which, model)?;
            let order = &mut model.orders[place];
            let qty = qty.min(order.leaves);
            world.answer(ResponseKind::Fill, &order.record, qty, order.leaves - qty);
            order.leaves -= qty;
            order.filled += qty;
            if let Some((_, leaves)) = &mut order.pending {
                *leaves = (*leaves - qty).max(0);
            }
            let key = (order.record.header.instrument, order.record.account);
            *model.positions.entry(key).or_default() += qty * order.record.side().sign();
        }
        Step::Reduce { which, qty } => {
            let place = place(which, model)?;
            let order = &mut model.orders[place];
            let qty = qty.min(order.leaves - 1);
            world.answer(ResponseKind::Cancelled, &order.record, qty, order.leaves - qty);
            order.leaves -= qty;
        }
        Step::End { which, rejected } => {
            let place = place(which, model)?;
            let order = model.orders.remove(place);
            let kind = if rejected { ResponseKind::Rejected } else { ResponseKind::Cancelled };
            world.answer(kind, &order.record, order.leaves, 0);
        }
        Step::Replaced { which } => {
            let place = place(which, model)?;
            let order = &mut model.orders[place];
            let (record, leaves) = order.pending.take()?;
            world.answer(ResponseKind::Replaced, &record, 0, leaves);
            (order.record, order.leaves, order.px) = (record, leaves, order.pending_px);
        }
        Step::Trigger { which } => {
            let place = place(which, model)?;
            let order = &mut model.orders[place];
            let is_stop = OrderType::from_code(order.record.order_type).is_stop();
            if is_stop && !order.is_triggered {
                world.answer(ResponseKind::Triggered, &order.record, 0, order.leaves);
                order.is_triggered = order.record.order_type == OrderType::StopLimit as u8;
            }
        }
        Step::ReplaceRefused { which } => {
            let place = place(which, model)?;
            let (record, _) = model.orders[place].pending.take()?;
            world.answer(ResponseKind::CancelRejected, &record, 0, 0);
        }
    }
    model.orders.retain(|order| order.leaves > 0);
    None
}

proptest! {
    #[test]
    fn verdicts_and_exposures_are_those_recomputed_from_the_list_of_open_orders(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let limits = narrow();
        let mut world = World::new(&limits);
        let mut model = Model { mids: [10_001; 2], ..Model::default() };
        for step in steps {
            if let Some((said, expected)) = apply(&mut world, &mut model, &limits, step.clone()) {
                prop_assert_eq!(said, expected, "{:?}", step);
            }
            prop_assert_eq!(world.gate.open_orders(), model.orders.len());
            for instrument in 0..2 {
                let id = InstrumentId(instrument);
                prop_assert_eq!(world.gate.position(id), model.position(instrument));
                for side in Side::BOTH {
                    prop_assert_eq!(world.gate.open_qty(id, side), model.open_lots(instrument, side));
                    let count = model.orders.iter().filter(|order| order.is_of(instrument, side)).count();
                    prop_assert_eq!(world.gate.open_count(id, side) as usize, count);
                }
            }
            for (accounts, told) in [
                (vec![0], world.gate.exposure(AccountId(0)).unwrap()),
                (vec![7], world.gate.exposure(AccountId(7)).unwrap()),
                (vec![0, 7], world.gate.exposure_total()),
            ] {
                let told = [told.gross.0, told.net.0, told.open_buys.0, told.open_sells.0];
                prop_assert_eq!(told, model.exposure(&accounts), "accounts {:?} after {:?}", accounts, step);
            }
        }
    }
}

/// A venue by itself: requests arrive in order, what it does is true at once, what it says comes as the test likes.
#[derive(Default)]
struct Venue {
    /// Record it goes by, total, filled.
    live: Vec<(OrderRecord, i64, i64)>,
    requests: VecDeque<OrderRecord>,
    said: Vec<ResponseRecord>,
    position: i64,
}

impl Venue {
    fn say(&mut self, kind: ResponseKind, order: &OrderRecord, qty: i64, leaves: i64) {
        self.said.push(response(kind, order, qty, leaves));
    }

    fn handle_request(&mut self) {
        let Some(order) = self.requests.pop_front() else { return };
        let found = self.live.iter().position(|(live, ..)| live.client_id == order.orig_client_id);
        match (order.action(), found) {
            (tickrace_types::Action::New, _) => {
                self.live.push((order, order.qty, 0));
                self.say(ResponseKind::Accepted, &order, 0, order.qty);
            }
            (_, None) => self.say(ResponseKind::CancelRejected, &order, 0, 0),
            (tickrace_types::Action::Replace, Some(place)) if order.qty > self.live[place].2 => {
                let filled = self.live[place].2;
                self.live[place] = (order, order.qty, filled);
                self.say(ResponseKind::Replaced, &order, 0, order.qty - filled);
            }
            (_, Some(place)) => {
                let (live, total, filled) = self.live.remove(place);
                self.say(ResponseKind::Cancelled, &live, total - filled, 0);
            }
        }
    }

    fn trade(&mut self, which: usize, qty: i64) {
        if self.live.is_empty() {
            return;
        }
        let place = which % self.live.len();
        let (live, total, filled) = &mut self.live[place];
        let qty = qty.min(*total - *filled);
        *filled += qty;
        self.position += qty * live.side().sign();
        let (live, leaves) = (*live, *total - *filled);
        if leaves == 0 {
            self.live.remove(place);
        }
        self.say(ResponseKind::Fill, &live, qty, leaves);
    }

    /// How far the position can go from here on one side.
    fn worst(&self, side: Side) -> i64 {
        let open = self.live.iter().filter(|(live, ..)| live.side() == side);
        self.position * side.sign() + open.map(|(_, total, filled)| total - filled).sum::<i64>()
    }
}

#[derive(Clone, Debug)]
enum Act {
    New { ask: bool, qty: i64 },
    Replace { which: usize, qty: i64 },
    Cancel { which: usize },
    Request,
    Trade { which: usize, qty: i64 },
    Hear { which: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (any::<bool>(), 1i64..30).prop_map(|(ask, qty)| Act::New { ask, qty }),
        2 => (0usize..64, 1i64..60).prop_map(|(which, qty)| Act::Replace { which, qty }),
        1 => (0usize..64).prop_map(|which| Act::Cancel { which }),
        4 => Just(Act::Request),
        3 => (0usize..64, 1i64..20).prop_map(|(which, qty)| Act::Trade { which, qty }),
        5 => (0usize..64).prop_map(|which| Act::Hear { which }),
    ]
}

/// Plays a day; `is_orderly` answers come in the order they were given. Gives the world and the venue at the end.
fn play(acts: Vec<Act>, is_orderly: bool) -> Result<(World, Venue), TestCaseError> {
    let mut limits = wide();
    limits.instrument.position_max_lots = 60;
    let mut world = World::new(&limits);
    let mut venue = Venue::default();
    let mut sent: Vec<OrderRecord> = Vec::new();
    for act in acts {
        world.now_ns += 1_000_000;
        world.gate.on_top(&top(0, 10_000, 10_002, world.now_ns));
        let order = match act {
            Act::New { ask: true, qty } => world.order(Side::Ask, 10_002, qty),
            Act::New { ask: false, qty } => world.order(Side::Bid, 10_000, qty),
            Act::Replace { which, qty } if !sent.is_empty() => {
                let old = sent[which % sent.len()];
                world.replace(&old, old.price / CENT, qty)
            }
            Act::Cancel { which } if !sent.is_empty() => {
                let old = sent[which % sent.len()];
                world.cancel(&old)
            }
            Act::Trade { which, qty } => {
                venue.trade(which, qty);
                continue;
            }
            Act::Hear { which } if !venue.said.is_empty() => {
                let place = if is_orderly { 0 } else { which % venue.said.len() };
                let said = venue.said.remove(place);
                world.gate.on_response(&said);
                continue;
            }
            _ => {
                venue.handle_request();
                for side in Side::BOTH {
                    prop_assert!(venue.worst(side) <= 60, "{:?} can reach {}", side, venue.worst(side));
                }
                continue;
            }
        };
        if world.check(&order).is_ok() {
            venue.requests.push_back(order);
            if order.action() != tickrace_types::Action::Cancel {
                sent.push(order);
            }
        }
    }
    Ok((world, venue))
}

proptest! {
    #[test]
    fn the_position_never_leaves_its_limit_whatever_order_the_answers_come_in(
        acts in prop::collection::vec(act(), 1..400),
    ) {
        play(acts, false)?;
    }

    #[test]
    fn after_orderly_answers_the_gate_and_the_venue_agree_on_everything(
        acts in prop::collection::vec(act(), 1..400),
    ) {
        let (mut world, mut venue) = play(acts, true)?;
        while !venue.requests.is_empty() {
            venue.handle_request();
        }
        for said in std::mem::take(&mut venue.said) {
            world.gate.on_response(&said);
        }
        prop_assert_eq!(world.gate.position(InstrumentId(0)), venue.position);
        prop_assert_eq!(world.gate.open_orders(), venue.live.len());
        for side in Side::BOTH {
            let worst = venue.worst(side) - venue.position * side.sign();
            prop_assert_eq!(world.gate.open_qty(InstrumentId(0), side), worst);
        }
        prop_assert_eq!(world.gate.counts().fills_late, 0);
        prop_assert_eq!(world.gate.counts().orders_adopted, 0);
    }

    #[test]
    fn no_answer_makes_the_gate_panic(
        noise in prop::collection::vec(
            (any::<u8>(), 0u64..12, 0u64..12, 0u32..4, any::<u8>(), any::<i64>(), any::<i64>(), any::<i64>(), 0i64..200),
            1..200,
        ),
    ) {
        let mut world = World::new(&wide());
        for (kind, client_id, orig_client_id, instrument, side, qty, leaves, price, small) in noise {
            let order = world.order(Side::from_code(side & 1), 9_000 + small, 1 + small);
            let _ = world.check(&order);
            let replace = OrderRecord { orig_client_id, ..world.replace(&order, 9_000 + small, 1 + small) };
            let _ = world.check(&replace);
            let mut answer = response(ResponseKind::Fill, &order, qty, leaves);
            answer.response = kind % 11;
            (answer.client_id, answer.orig_client_id, answer.price) = (client_id, orig_client_id, price);
            (answer.header.instrument, answer.side) = (instrument, side);
            world.gate.on_response(&answer);
            answer.qty = small;
            answer.leaves = small / 2;
            answer.client_id = order.client_id;
            world.gate.on_response(&answer);
        }
        let lots: i64 = Side::BOTH.iter().map(|side| world.gate.open_qty(InstrumentId(0), *side)).sum();
        prop_assert!(lots >= 0 && world.gate.open_orders() <= 64);
    }
}
