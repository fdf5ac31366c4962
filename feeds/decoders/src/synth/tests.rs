//! The synthetic day is judged from outside: by a plain book fed from its bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::*;
use crate::itch::message::{self, Head};
use crate::itch::{Visitor, visit};
use crate::source::End;
use crate::tally::Tally;

/// A plain book of orders that checks every message against what rests.
#[derive(Default)]
struct Judge {
    orders: HashMap<u64, (u16, u8, u32, u32)>,
    queues: HashMap<u16, [BTreeMap<u32, VecDeque<u64>>; 2]>,
    reference_last: u64,
    match_last: u64,
    ts_last: u64,
    market_open: bool,
    halted: BTreeSet<u16>,
    events_same_ns: u64,
    gaps: Vec<u64>,
    distances: HashMap<u32, u64>,
}

impl Judge {
    fn head(&mut self, head: &Head) {
        let ts = head.timestamp.get();
        assert!(ts >= self.ts_last, "time goes on: {ts} after {}", self.ts_last);
        if self.market_open {
            self.gaps.push(ts - self.ts_last);
        }
        self.events_same_ns += u64::from(ts == self.ts_last);
        self.ts_last = ts;
    }

    fn best(&self, locate: u16, side: usize) -> Option<u32> {
        let sides = self.queues.get(&locate)?;
        if side == 0 { sides[0].keys().next_back().copied() } else { sides[1].keys().next().copied() }
    }

    fn insert(&mut self, locate: u16, reference: u64, side: u8, shares: u32, price: u32) {
        assert!(reference > self.reference_last, "references rise");
        assert!(reference - self.reference_last <= 2, "and nearly densely");
        assert!(shares > 0 && price > 0);
        assert!(!self.halted.contains(&locate), "nothing is added while halted");
        self.reference_last = reference;
        if let Some(best) = self.best(locate, usize::from(side)) {
            *self.distances.entry(best.abs_diff(price) / 100).or_default() += 1;
        }
        self.orders.insert(reference, (locate, side, shares, price));
        let sides = self.queues.entry(locate).or_default();
        sides[usize::from(side)].entry(price).or_default().push_back(reference);
        if let (Some(bid), Some(ask)) = (self.best(locate, 0), self.best(locate, 1)) {
            assert!(bid < ask, "never crossed: {bid} {ask}");
        }
    }

    fn remove(&mut self, reference: u64) -> (u16, u8, u32, u32) {
        let order = self.orders.remove(&reference).expect("a live order");
        let queues = &mut self.queues.get_mut(&order.0).expect("a book")[usize::from(order.1)];
        let queue = queues.get_mut(&order.3).expect("a level");
        queue.retain(|other| *other != reference);
        if queue.is_empty() {
            queues.remove(&order.3);
        }
        order
    }

    fn reduce(&mut self, reference: u64, shares: u32) {
        let order = self.orders.get_mut(&reference).expect("a live order");
        assert!(shares > 0 && shares <= order.2, "{shares} of {}", order.2);
        order.2 -= shares;
        if order.2 == 0 {
            self.remove(reference);
        }
    }

    fn execute(&mut self, head: &Head, reference: u64, shares: u32, match_number: u64) {
        self.head(head);
        let (locate, side, _, price) = self.orders[&reference];
        assert_eq!(locate, head.stock_locate.get());
        assert_eq!(self.best(locate, usize::from(side)), Some(price), "only the touch trades");
        let queue = &self.queues[&locate][usize::from(side)][&price];
        assert_eq!(queue.front(), Some(&reference), "the oldest trades first");
        assert!(match_number >= self.match_last);
        self.match_last = match_number;
        self.reduce(reference, shares);
    }
}

impl Visitor for Judge {
    fn system_event(&mut self, m: &message::SystemEvent) {
        self.head(&m.head);
        match m.event_code {
            b'Q' => self.market_open = true,
            b'M' => self.market_open = false,
            _ => {}
        }
    }
    fn trading_action(&mut self, m: &message::TradingAction) {
        self.head(&m.head);
        if matches!(m.trading_state, b'H' | b'P') {
            self.halted.insert(m.head.stock_locate.get());
        } else {
            self.halted.remove(&m.head.stock_locate.get());
        }
    }
    fn add_order(&mut self, m: &message::AddOrder) {
        self.head(&m.head);
        let side = u8::from(m.buy_sell_indicator == b'S');
        self.insert(
            m.head.stock_locate.get(),
            m.order_reference_number.get(),
            side,
            m.shares.get(),
            m.price.get(),
        );
    }
    fn add_order_attributed(&mut self, m: &message::AddOrderAttributed) {
        self.head(&m.head);
        let side = u8::from(m.buy_sell_indicator == b'S');
        self.insert(
            m.head.stock_locate.get(),
            m.order_reference_number.get(),
            side,
            m.shares.get(),
            m.price.get(),
        );
    }
    fn order_executed(&mut self, m: &message::OrderExecuted) {
        self.execute(&m.head, m.order_reference_number.get(), m.executed_shares.get(), m.match_number.get());
    }
    fn order_executed_with_price(&mut self, m: &message::OrderExecutedWithPrice) {
        self.execute(&m.head, m.order_reference_number.get(), m.executed_shares.get(), m.match_number.get());
    }
    fn order_cancel(&mut self, m: &message::OrderCancel) {
        self.head(&m.head);
        let before = self.orders[&m.order_reference_number.get()].2;
        assert!(m.canceled_shares.get() < before, "a partial cancel leaves something");
        self.reduce(m.order_reference_number.get(), m.canceled_shares.get());
    }
    fn order_delete(&mut self, m: &message::OrderDelete) {
        self.head(&m.head);
        let order = self.remove(m.order_reference_number.get());
        assert_eq!(order.0, m.head.stock_locate.get());
    }
    fn order_replace(&mut self, m: &message::OrderReplace) {
        self.head(&m.head);
        let old = self.remove(m.original_order_reference_number.get());
        self.insert(old.0, m.new_order_reference_number.get(), old.1, m.shares.get(), m.price.get());
    }
    fn hidden_trade(&mut self, m: &message::HiddenTrade) {
        self.head(&m.head);
        assert!(self.market_open && !self.halted.contains(&m.head.stock_locate.get()));
        let locate = m.head.stock_locate.get();
        let (bid, ask) = (self.best(locate, 0).expect("a bid"), self.best(locate, 1).expect("an ask"));
        assert!((bid..=ask).contains(&m.price.get()), "within the spread");
    }
}

fn judged(config: SynthConfig) -> (Judge, Tally) {
    let day = Synth::new(config).to_vec();
    let mut judge = Judge::default();
    let visited = visit(&day, &mut judge);
    assert_eq!(visited.end, End::Complete);
    assert_eq!(visited.skips.faults(), 0);
    (judge, Tally::of(&day))
}

#[test]
fn every_message_of_a_day_is_true_of_the_book_it_speaks_of() {
    for (seed, symbols, messages) in [(1, 8, 300_000), (2, 1, 50_000), (3, 700, 200_000), (4, 3, 40)] {
        let (judge, tally) = judged(SynthConfig { seed, symbols, messages });
        assert_eq!(tally.symbols.len(), symbols as usize);
        assert!(
            judge.orders.len() < 700 * symbols as usize,
            "live orders are bounded: {}",
            judge.orders.len()
        );
        if messages > 1_000 {
            assert!(tally.messages.abs_diff(messages) <= 16, "{} for {messages}", tally.messages);
        }
    }
}

#[test]
fn a_day_has_every_kind_of_message_that_a_common_day_has() {
    let (judge, tally) = judged(SynthConfig { seed: 5, symbols: 20, messages: 400_000 });
    let share = |letter: u8| tally.by_letter[usize::from(letter)] as f64 / tally.messages as f64;
    for letter in *b"SRHYLVJAFECXDUPQBIN" {
        assert!(tally.by_letter[usize::from(letter)] > 0, "{}", char::from(letter));
    }
    // Shares of a real day are about 43 % A, 41 % D, 7 % U, 5 % E.
    assert!((0.35..0.55).contains(&share(b'A')), "{}", share(b'A'));
    assert!((0.30..0.50).contains(&share(b'D')), "{}", share(b'D'));
    assert!((0.02..0.12).contains(&share(b'U')), "{}", share(b'U'));
    assert!((0.02..0.12).contains(&share(b'E')), "{}", share(b'E'));
    // Six system events in their order frame the day.
    assert_eq!(tally.by_letter[usize::from(b'S')], 6);
    // Clustered: the standard deviation of the gaps in market hours is well above their mean, where a Poisson
    // stream has them equal.
    let mean = judge.gaps.iter().sum::<u64>() as f64 / judge.gaps.len() as f64;
    let square =
        judge.gaps.iter().map(|gap| (*gap as f64 - mean).powi(2)).sum::<f64>() / judge.gaps.len() as f64;
    assert!(square.sqrt() > 1.5 * mean, "{} {mean}", square.sqrt());
    // Placement thins out behind the touch.
    let at = |ticks: u32| judge.distances.get(&ticks).copied().unwrap_or(0);
    assert!(at(0) > at(1) && at(1) > 2 * at(4) && at(4) > 2 * at(16), "{:?}", [at(0), at(1), at(4), at(16)]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_chunks() {
    let config = SynthConfig { seed: 11, symbols: 5, messages: 60_000 };
    let day = Synth::new(config).to_vec();
    let mut small = Synth::new(config);
    small.chunk_bytes = 1;
    assert!(day == small.to_vec());
    let mut written = Vec::new();
    let (messages, bytes) = Synth::new(config).write_to(&mut written, |_| {}).expect("a vector takes all");
    assert!(written == day);
    assert_eq!(bytes, day.len() as u64);
    assert_eq!(messages, Tally::of(&day).messages);
    assert!(day != Synth::new(SynthConfig { seed: 12, ..config }).to_vec());
}

#[test]
fn the_market_moves_and_the_spread_stays_small() {
    let day = Synth::new(SynthConfig { seed: 21, symbols: 2, messages: 300_000 }).to_vec();
    #[derive(Default)]
    struct Spread {
        judge: Judge,
        spreads: Vec<u32>,
        mids: Vec<u32>,
    }
    impl Visitor for Spread {
        fn add_order(&mut self, m: &message::AddOrder) {
            self.judge.add_order(m);
            let locate = m.head.stock_locate.get();
            if let (Some(bid), Some(ask), true, 1) =
                (self.judge.best(locate, 0), self.judge.best(locate, 1), self.judge.market_open, locate)
            {
                self.spreads.push((ask - bid) / 100);
                self.mids.push((ask + bid) / 2);
            }
        }
        fn system_event(&mut self, m: &message::SystemEvent) {
            self.judge.system_event(m);
        }
        fn add_order_attributed(&mut self, m: &message::AddOrderAttributed) {
            self.judge.add_order_attributed(m);
        }
        fn order_executed(&mut self, m: &message::OrderExecuted) {
            self.judge.order_executed(m);
        }
        fn order_executed_with_price(&mut self, m: &message::OrderExecutedWithPrice) {
            self.judge.order_executed_with_price(m);
        }
        fn order_cancel(&mut self, m: &message::OrderCancel) {
            self.judge.order_cancel(m);
        }
        fn order_delete(&mut self, m: &message::OrderDelete) {
            self.judge.order_delete(m);
        }
        fn order_replace(&mut self, m: &message::OrderReplace) {
            self.judge.order_replace(m);
        }
    }
    let mut spread = Spread::default();
    visit(&day, &mut spread);
    spread.spreads.sort_unstable();
    let median = spread.spreads[spread.spreads.len() / 2];
    let high = spread.spreads[spread.spreads.len() * 95 / 100];
    assert!((1..=4).contains(&median), "median spread {median} ticks");
    assert!(high <= 12, "95th percentile {high} ticks");
    let (low, top) = (spread.mids.iter().min().expect("some"), spread.mids.iter().max().expect("some"));
    let range = f64::from(top - low) / f64::from(*low);
    assert!((0.003..0.2).contains(&range), "the day's range is {range}");
}

#[test]
fn names_are_distinct_and_fit_the_feed() {
    let names: BTreeSet<String> = (0..SYMBOLS_MAX).map(symbol).collect();
    assert_eq!(names.len(), SYMBOLS_MAX as usize);
    assert!(names.iter().all(|name| name.len() <= 8));
    assert_eq!(symbol(0), "SAAA");
    assert_eq!(symbol(27), "SABB");
}

/// The second symbol follows the first at its own level; a day without pairs is byte for byte what it was.
#[test]
fn the_second_of_a_pair_follows_the_first_and_others_do_not() {
    let config = SynthConfig { seed: 5, symbols: 4, messages: 200_000 };
    let correlation = |pairs: u32, one: usize, other: usize| {
        let mut synth = Synth::new(config).with_pairs(pairs);
        let mut fairs: Vec<(i64, i64)> = Vec::new();
        while synth.next_frames().is_some() {
            fairs.push((synth.symbols[one].fair, synth.symbols[other].fair));
        }
        // Relative distances from the beginning, which is what the pair shares.
        let anchors = (synth.symbols[one].anchor as f64, synth.symbols[other].anchor as f64);
        let moved = fairs.iter().map(|(a, b)| (*a as f64 / anchors.0 - 1.0, *b as f64 / anchors.1 - 1.0));
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (x, y) in moved {
            (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
        }
        xy / f64::sqrt(xx * yy)
    };
    let together = correlation(1, 0, 1);
    assert!(together > 0.6, "{together}");
    for apart in [correlation(1, 2, 3), correlation(0, 0, 1)] {
        assert!(apart < together - 0.2, "{apart} {together}");
    }
    assert!(Synth::new(config).to_vec() == Synth::new(config).with_pairs(0).to_vec());
    assert!(Synth::new(config).to_vec() != Synth::new(config).with_pairs(1).to_vec());
}
