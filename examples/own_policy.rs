//! A policy of one's own in the whole street: feed, books, decisions, gate, simulated exchange.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example own_policy
//! ```
//!
//! It buys a little where the touch leans heavily to the bid, rests at the offer to get out, and never holds more than a few
//! lots. It is here to show the moving parts: docs/own_policy.md walks through them.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

use std::path::Path;
use std::sync::Arc;

use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View as Reading;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::FlatOut;
use tickrace_desk::sim::SimGateway;
use tickrace_desk::stages::send::NoTap;
use tickrace_desk::street;
use tickrace_exchange::Exchange;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_oms::OrderRequest;
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_strategy::{Policies, Policy, Say, View};
use tickrace_types::{ClientId, InstrumentTable, Phase, Price, Side, TimeInForce};

/// Buys where the bid outweighs the offer, sells what it has at the offer.
struct Leaner {
    /// Bid lots over all lots of the touch from which it buys, 0 to 1.
    lean: f64,
    order_qty_lots: i64,
    position_max_lots: i64,
}

impl Policy for Leaner {
    /// Once an exchange event is over: the top is whole, and something may be said.
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        let top = view.top;
        if !top.is_firm() || top.phase() != Phase::Continuous {
            return;
        }
        let position = view.oms.position(view.id);
        let is_working = |side| view.oms.open_orders(view.id, side).next().is_some();
        let (bid, ask) = (f64::from(top.bid_qty), f64::from(top.ask_qty));
        let leans = bid / (bid + ask) >= self.lean;
        if leans && position + self.order_qty_lots <= self.position_max_lots && !is_working(Side::Bid) {
            // What does not trade at once is gone: nothing of ours is left behind in a market that moves away.
            let order = OrderRequest::limit(view.id, Side::Bid, Price(top.ask_px), self.order_qty_lots);
            say.order(order.with_tif(TimeInForce::Ioc));
        }
        match view.oms.open_orders(view.id, Side::Ask).next() {
            // Follow the offer down, so that the position does not outlive its reason.
            Some(order) if order.price > top.ask_px => {
                say.cancel(ClientId(order.id));
            }
            Some(_) => {}
            None if position > 0 => {
                let order = OrderRequest::post_only(view.id, Side::Ask, Price(top.ask_px), position);
                say.order(order.reducing());
            }
            None => {}
        }
    }
}

/// What a day came to.
#[derive(Debug, PartialEq)]
pub struct Day {
    /// Lots held at its end.
    pub positions: Vec<i64>,
    /// Fills, and profit after fees at the last mids, account currency.
    pub fills: u64,
    /// See above.
    pub net: f64,
}

/// One synthetic day through the street, with this policy in the seat of the configuration's.
///
/// # Panics
///
/// Where the configuration is not sound: an example has nobody else to tell.
#[must_use]
pub fn run(config: &Path, messages: u64) -> Day {
    let table = tickrace_cli::settings::load(config, &[]).expect("the configuration is read");
    let desk: DeskConfig = tickrace_cli::settings::parse(config, &table).expect("it is a desk's");
    desk.validate().expect("it is sound");
    let bytes = Synth::new(SynthConfig { seed: 7, symbols: 3, messages }).to_vec();
    let session = Session::of_memory("synthetic day", bytes);
    let instruments = InstrumentTable::new(session.announced()).expect("symbols differ");
    // The exchange has its own reading of the day: it stands at venue time, the desk at receive time.
    let feed = |view| session.feed(&instruments, view, Some(0));
    let layout = backtest::layout(&desk).expect("the placement is sound");
    let exchange = Exchange::new(&desk.venue, &instruments, 1 << 14).expect("the venue is sound");
    let latency_ns = desk.venue.response_latency_ns_min();
    let gateway = SimGateway::new(exchange, feed(Reading::Venue), latency_ns, layout.return_slots);
    let kill = Arc::new(KillFlag::new());
    let entry = FlatOut::new(&|_| false);
    let mut parts =
        backtest::parts(&desk, &instruments, feed(Reading::Desk), entry, gateway, NoTap, Journals::default())
            .expect("the rooms fit together");
    let policy = Leaner { lean: 0.8, order_qty_lots: 10, position_max_lots: 50 };
    parts.seats[0].policy = Policies::Custom(Box::new(policy));
    let ran = street::run(parts, &layout, &Stamps::new(TscClock::new()), &kill).expect("it runs to its end");
    let oms = &ran.decide.seats()[0].oms;
    let ids = || (0u32..).map(tickrace_types::InstrumentId).take(instruments.len());
    let net = ids().map(|id| {
        let top = ran.book.books().top(id);
        oms.pnl(id).net(Price(i64::midpoint(top.bid_px, top.ask_px))).to_f64()
    });
    Day { positions: ids().map(|id| oms.position(id)).collect(), fills: oms.counts().fills, net: net.sum() }
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/backtest/market_making.toml");
    let day = run(&config, 500_000);
    println!("{} fills, net {:.2}, positions {:?}", day.fills, day.net, day.positions);
}
