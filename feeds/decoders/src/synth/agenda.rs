//! What is planned for the day: system events, directory, auctions, halts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use tickrace_types::Side;
use zerocopy::big_endian::{U32, U64};

use super::pace::{
    HOUR_NS, MARKET_CLOSE_NS, MARKET_OPEN_NS, MINUTE_NS, SECOND_NS, SYSTEM_CLOSE_NS, SYSTEM_OPEN_NS,
};
use super::{State, Synth, SynthConfig, TICK_E4, locate};
use crate::itch::encode::head;
use crate::itch::message;

/// One planned thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// A system event.
    System(u8),
    /// Directory, trading state, short-sale state and market makers of all symbols; circuit-breaker levels.
    Directory,
    /// An imbalance message for each symbol; the cross type.
    Imbalances(u8),
    /// The cross of each symbol; the cross type.
    Crosses(u8),
    /// A halt for news, or (`true`) a volatility pause.
    Halt(u16, bool),
    /// The quotation period before a halt ends.
    Quotation(u16, bool),
    /// Trading again, after a cross.
    Resume(u16, bool),
    /// The last trade of a symbol is broken.
    Break(u16),
}

/// Planned tasks by time, and how many messages they will take.
#[derive(Debug)]
pub(super) struct Agenda {
    tasks: BinaryHeap<Reverse<(u64, Task)>>,
    reserved: u64,
    symbols: u64,
    sparse: bool,
}

/// Messages the frame of a day takes for each symbol, at most.
const FRAME_PER_SYMBOL: u64 = 20;

impl Agenda {
    /// The plan of a day. A day too small for its symbols does without imbalances, market makers and halts.
    pub fn of_day(config: &SynthConfig, popularity: &[u16], rng: &mut ChaCha8Rng) -> Self {
        let symbols = u64::from(config.symbols);
        let sparse = config.messages < 3 * FRAME_PER_SYMBOL * symbols;
        let mut agenda = Self { tasks: BinaryHeap::new(), reserved: 0, symbols, sparse };
        for (ts_ns, event) in [
            (3 * HOUR_NS, b'O'),
            (SYSTEM_OPEN_NS, b'S'),
            (MARKET_OPEN_NS, b'Q'),
            (MARKET_CLOSE_NS, b'M'),
            (SYSTEM_CLOSE_NS, b'E'),
            (SYSTEM_CLOSE_NS + 5 * MINUTE_NS, b'C'),
        ] {
            agenda.plan(ts_ns, Task::System(event));
        }
        agenda.plan(3 * HOUR_NS + 2 * MINUTE_NS, Task::Directory);
        for (cross_ns, cross) in [(MARKET_OPEN_NS, b'O'), (MARKET_CLOSE_NS, b'C')] {
            // Half a millisecond after the system event.
            agenda.plan(cross_ns + SECOND_NS / 2_000, Task::Crosses(cross));
            for before_s in [120, 60, 30, 5] {
                agenda.plan(cross_ns - before_s * SECOND_NS, Task::Imbalances(cross));
            }
        }
        if !sparse {
            agenda.plan_halts(popularity, rng);
            for index in 0..=config.symbols / 1_000 {
                let symbol = popularity[(index as usize * 7_919) % popularity.len()];
                agenda.plan(MARKET_CLOSE_NS + 30 * MINUTE_NS, Task::Break(symbol));
            }
        }
        agenda
    }

    /// One symbol in 400 is halted, two at least (where there are two), half of them for volatility.
    fn plan_halts(&mut self, popularity: &[u16], rng: &mut ChaCha8Rng) {
        let mut halted = Vec::new();
        for halt in 0..2 + self.symbols / 400 {
            let draw = rng.next_u64();
            let drawn = popularity[(draw & 0xffff) as usize];
            let last = popularity.iter().max().copied().unwrap_or(0);
            let symbol = if !halted.contains(&drawn) {
                drawn
            } else if drawn < last {
                drawn + 1
            } else {
                0
            };
            if halted.contains(&symbol) {
                continue;
            }
            halted.push(symbol);
            let begin_ns = 10 * HOUR_NS + (draw >> 16) % (5 * HOUR_NS);
            let volatility = halt % 2 == 0;
            let quotation_ns = begin_ns + if volatility { MINUTE_NS } else { 15 * MINUTE_NS };
            self.plan(begin_ns, Task::Halt(symbol, volatility));
            self.plan(quotation_ns, Task::Quotation(symbol, volatility));
            self.plan(quotation_ns + 4 * MINUTE_NS, Task::Resume(symbol, volatility));
        }
    }

    /// Messages planned tasks may still make.
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// The next task due at or before `ts_ns`.
    #[inline]
    pub fn due(&mut self, ts_ns: u64) -> Option<(u64, Task)> {
        let Reverse((due_ns, _)) = self.tasks.peek()?;
        if *due_ns > ts_ns {
            return None;
        }
        let Reverse((due_ns, task)) = self.tasks.pop()?;
        self.reserved -= self.cost(task);
        Some((due_ns, task))
    }

    fn plan(&mut self, ts_ns: u64, task: Task) {
        self.reserved += self.cost(task);
        self.tasks.push(Reverse((ts_ns, task)));
    }

    /// Messages a task makes, about.
    const fn cost(&self, task: Task) -> u64 {
        match task {
            Task::System(_) | Task::Break(_) => 1,
            Task::Directory if self.sparse => 2 * self.symbols + 1,
            Task::Directory => 5 * self.symbols + 1,
            Task::Imbalances(_) if self.sparse => 0,
            Task::Imbalances(_) => self.symbols,
            Task::Crosses(_) => 2 * self.symbols,
            Task::Halt(..) => 2,
            Task::Quotation(..) | Task::Resume(..) => 3,
        }
    }
}

/// Nanoseconds between the messages of one sweep over all symbols.
const SWEEP_STEP_NS: u64 = 700;

/// Names of market makers.
pub(super) const MPIDS: [[u8; 4]; 8] =
    [*b"ABCD", *b"BLUE", *b"CORN", *b"DELT", *b"EAST", *b"FROG", *b"GULL", *b"HAWK"];

impl Synth {
    /// Makes the messages of a task.
    #[cold]
    pub(super) fn carry_out(&mut self, task: Task) {
        match task {
            Task::System(event_code) => {
                match event_code {
                    b'Q' => self.market_open = true,
                    b'M' => self.market_open = false,
                    _ => {}
                }
                self.push(&message::SystemEvent { head: head(b'S', 0, self.now_ns), event_code });
            }
            Task::Directory => self.directory(),
            Task::Imbalances(_) if self.agenda.sparse => {}
            Task::Imbalances(cross) => self.sweep(|day, index| day.imbalance(index, cross)),
            Task::Crosses(cross) => self.sweep(|day, index| day.cross(index, cross)),
            Task::Halt(index, volatility) => {
                self.set_state(index, State::Halted);
                let (state, reason) = if volatility { (b'P', *b"LUDP") } else { (b'H', *b"T1  ") };
                self.trading_action(index, state, reason);
                if volatility {
                    self.collar(index);
                }
            }
            Task::Quotation(index, volatility) => {
                self.set_state(index, State::Quoting);
                self.trading_action(index, b'Q', if volatility { *b"T7  " } else { *b"T3  " });
                self.imbalance(index, b'H');
            }
            Task::Resume(index, volatility) => {
                self.cross(index, b'H');
                self.set_state(index, State::Trading);
                self.trading_action(index, b'T', if volatility { *b"T7  " } else { *b"T3  " });
            }
            Task::Break(index) => {
                let match_number = self.symbols[usize::from(index)].match_last;
                if match_number > 0 {
                    self.push(&message::BrokenTrade {
                        head: head(b'B', locate(index), self.now_ns),
                        match_number: U64::new(match_number),
                    });
                }
            }
        }
    }

    fn set_state(&mut self, index: u16, state: State) {
        self.symbols[usize::from(index)].state = state;
    }

    /// Does one thing for every symbol that trades, in order.
    fn sweep(&mut self, mut each: impl FnMut(&mut Self, u16)) {
        let count = u16::try_from(self.symbols.len()).unwrap_or(u16::MAX);
        for index in 0..count {
            if self.symbols[usize::from(index)].state == State::Trading {
                self.now_ns += SWEEP_STEP_NS;
                each(self, index);
            }
        }
    }

    fn directory(&mut self) {
        let count = u16::try_from(self.symbols.len()).unwrap_or(u16::MAX);
        for index in 0..count {
            self.now_ns += SWEEP_STEP_NS;
            let stock = self.symbols[usize::from(index)].stock;
            self.push(&message::StockDirectory {
                head: head(b'R', locate(index), self.now_ns),
                stock,
                market_category: b'Q',
                financial_status_indicator: b'N',
                round_lot_size: U32::new(100),
                round_lots_only: b'N',
                issue_classification: b'C',
                issue_sub_type: *b"Z ",
                authenticity: b'P',
                short_sale_threshold_indicator: b'N',
                ipo_flag: b'N',
                luld_reference_price_tier: b'1',
                etp_flag: b'N',
                etp_leverage_factor: U32::ZERO,
                inverse_indicator: b'N',
            });
            self.trading_action(index, b'T', *b"    ");
            if self.agenda.sparse {
                continue;
            }
            self.push(&message::ShortSaleRestriction {
                head: head(b'Y', locate(index), self.now_ns),
                stock,
                reg_sho_action: b'0',
            });
            for maker in 0..2 {
                let number = (usize::from(index) + maker * 3) % MPIDS.len();
                self.push(&message::ParticipantPosition {
                    head: head(b'L', locate(index), self.now_ns),
                    mpid: MPIDS[number],
                    stock,
                    primary_market_maker: if maker == 0 { b'Y' } else { b'N' },
                    market_maker_mode: b'N',
                    market_participant_state: b'A',
                });
            }
        }
        self.now_ns += SWEEP_STEP_NS;
        let level = |percent: u64| U64::new(4_000 * percent * 1_000_000);
        self.push(&message::BreakerLevels {
            head: head(b'V', 0, self.now_ns),
            level_1: level(93),
            level_2: level(87),
            level_3: level(80),
        });
    }

    fn trading_action(&mut self, index: u16, trading_state: u8, reason_code: [u8; 4]) {
        let stock = self.symbols[usize::from(index)].stock;
        self.push(&message::TradingAction {
            head: head(b'H', locate(index), self.now_ns),
            stock,
            trading_state,
            reserved: b' ',
            reason_code,
        });
    }

    /// Ten per cent around the fair value.
    fn collar(&mut self, index: u16) {
        let reference = self.fair_ticks(index) * TICK_E4;
        let stock = self.symbols[usize::from(index)].stock;
        self.push(&message::AuctionCollar {
            head: head(b'J', locate(index), self.now_ns),
            stock,
            auction_collar_reference_price: U32::new(reference),
            upper_auction_collar_price: U32::new(reference + reference / 10),
            lower_auction_collar_price: U32::new(reference - reference / 10),
            auction_collar_extension: U32::ZERO,
        });
    }

    fn imbalance(&mut self, index: u16, cross_type: u8) {
        let bits = self.rng.next_u64();
        let price = U32::new(self.fair_ticks(index) * TICK_E4);
        let stock = self.symbols[usize::from(index)].stock;
        self.push(&message::Imbalance {
            head: head(b'I', locate(index), self.now_ns),
            paired_shares: U64::new(100 * (1 + (bits & 255))),
            imbalance_shares: U64::new(100 * (1 + (bits >> 8 & 63))),
            imbalance_direction: if bits >> 16 & 1 == 0 { b'B' } else { b'S' },
            stock,
            far_price: price,
            near_price: price,
            current_reference_price: price,
            cross_type,
            price_variation_indicator: b'L',
        });
    }

    /// An auction: displayed orders at the touch of one side take part at their own price, unprinted, and the
    /// cross prints them together with orders that were never displayed.
    fn cross(&mut self, index: u16, cross_type: u8) {
        let bits = self.rng.next_u64();
        let side = if bits & 1 == 0 { Side::Bid } else { Side::Ask };
        let ladder = self.symbols[usize::from(index)].book.side(side);
        let tick = ladder.best().unwrap_or_else(|| self.fair_ticks(index));
        let match_number = self.next_match(index);
        let mut shares = 100 * (1 + (bits >> 8 & 127));
        for _ in 0..bits >> 1 & 1 {
            // The last level of a side stays, so that the symbol always has a price.
            let ladder = self.symbols[usize::from(index)].book.side(side);
            if ladder.depth() > 1 {
                let id = ladder.oldest(tick);
                shares +=
                    u64::from(self.execute_at(index, id, u32::MAX, match_number, tick * TICK_E4, false));
            }
        }
        let stock = self.symbols[usize::from(index)].stock;
        self.push(&message::CrossTrade {
            head: head(b'Q', locate(index), self.now_ns),
            cross_shares: U64::new(shares),
            stock,
            cross_price: U32::new(tick * TICK_E4),
            match_number: U64::new(match_number),
            cross_type,
        });
    }
}
