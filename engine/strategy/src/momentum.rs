//! Momentum: follows what has moved, over several horizons, in a size that the signal is worth.
//!
//! At each bar's close the signal ([`signal`]) says how far the price has come in its own deviations. Beyond a threshold a
//! position is taken, and kept until the signal has faded, a trailing stop is met or its time is over ([`hold`]). Its size is that
//! of the sizing method for an expected return of `information_coefficient` times the signal in bar volatilities, scaled by
//! confidence and, where asked for, by the kind of market and our own recent results. An execution algorithm
//! (`tickrace_oms::algo`) brings the position there.
//!
//! Nothing is sent into a market that is not firm and open. Invariant: the wanted position never exceeds the limits of
//! `sizing`; one order works at a time in an instrument.

mod config;
mod hold;
mod signal;
#[cfg(test)]
mod tests;

pub use config::{BarsOf, Horizon, MomentumConfig};

use tickrace_book::bars::{BarSpec, Bars};
use tickrace_oms::algo::{Conditions, Parent, Step, Worker};
use tickrace_types::{Contract, Instrument, InstrumentTable, Kind, Price, Record, ResponseRecord, Side};

use crate::features::Quote;
use crate::features::bars::{passing, print};
use crate::features::moment::Tape;
use crate::regime::{AdaptiveSizer, Regime, RegimeClasses};
use crate::sizing::{Prospect, Sizer};
use crate::{ConfigError, Policy, Say, View};
use hold::Hold;
use signal::{Reading, Signal};

/// How sizes are found: by the sizing method alone, or scaled by the kind of market.
#[derive(Clone, Debug)]
enum Size {
    Plain(Sizer),
    Adaptive { classes: Box<RegimeClasses>, sizer: Box<AdaptiveSizer> },
}

/// One instrument.
#[derive(Clone, Debug)]
struct Market {
    bars: Bars,
    tape: Tape,
    quote: Option<Quote>,
    signal: Signal,
    reading: Option<Reading>,
    hold: Hold,
    size: Size,
    worker: Worker,
    parents: u64,
    /// Lots wanted, and whether getting there is an exit.
    aim_lots: i64,
    is_exit: bool,
    /// Lots and close at the last bar, for our own return over the next.
    last: (i64, f64),
    contract: Contract,
}

/// The policy.
#[derive(Clone, Debug)]
pub struct Momentum {
    config: MomentumConfig,
    spec: BarSpec,
    markets: Vec<Market>,
}

impl Momentum {
    /// Takes all its memory here; one state for each instrument of the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range.
    pub fn new(config: &MomentumConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        let spec = config.spec()?;
        let markets = instruments.as_slice().iter().map(|instrument| Market::new(config, spec, instrument));
        Ok(Self { config: config.clone(), spec, markets: markets.collect::<Result<_, _>>()? })
    }

    /// Hears a record: trades, and the touch at the end of an event.
    fn learn(&mut self, view: &View<'_>, is_end: bool) -> Option<f64> {
        let market = self.markets.get_mut(view.id.index())?;
        let mut closed = None;
        if let Some(trade) = market.tape.read(view.record, market.quote.as_ref(), view.now_ns) {
            market.worker.on_print(trade.lots);
            if self.config.bars_of == BarsOf::Trades {
                market.feed(&print(trade.ts_venue_ns, trade.now_ns, trade.price, trade.lots), &mut closed);
            }
        }
        if is_end {
            let quote = Quote::of(view.top, view.now_ns);
            if let Some(quote) = &quote {
                let has_moved = market.quote.is_none_or(|last| !last.is_same_touch(quote));
                if self.config.bars_of == BarsOf::Mids && has_moved {
                    let mid = i64::midpoint(quote.bid_px, quote.ask_px);
                    market.feed(&print(quote.ts_venue_ns, quote.now_ns, mid, 1), &mut closed);
                } else if matches!(self.spec, BarSpec::Time(_)) {
                    market.feed(&passing(quote.ts_venue_ns, quote.now_ns), &mut closed);
                }
            }
            market.quote = quote;
        }
        closed
    }

    /// A bar is over: the signal, the side, the size.
    fn on_close(&mut self, view: &View<'_>, close: f64) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        if market.worker.is_given_up() {
            market.worker.retry();
        }
        market.reading = market.signal.on_close(close);
        let Some(reading) = market.reading else { return };
        let pnl = view.oms.pnl(view.id);
        #[allow(clippy::cast_possible_truncation, reason = "a price that a book held")]
        let equity = self.config.equity_ccy + pnl.net(Price(close as i64)).to_f64();
        let (lots, before) = market.last;
        let value = lots as f64 * market.lot_value(before);
        market.last = (view.oms.position(view.id), close);
        if let Size::Adaptive { classes, sizer } = &mut market.size {
            let regime: Regime = classes.update(reading.last_return);
            sizer.update(
                regime,
                equity,
                if equity > 0.0 { value * reading.last_return / equity } else { 0.0 },
            );
        }
        let left = market.hold.on_signal(reading.z, close, &self.config);
        let side = i64::from(market.hold.side);
        if side == 0 {
            market.aim(0, left.is_some());
            return;
        }
        let prospect = Prospect {
            equity,
            lot_value: market.lot_value(close),
            mean: self.config.information_coefficient * reading.z * reading.volatility,
            volatility: reading.volatility,
            confidence: (reading.z.abs() / self.config.full_z).min(1.0),
            ..Prospect::default()
        };
        let wanted = match &mut market.size {
            Size::Plain(sizer) => sizer.lots(&prospect).0,
            Size::Adaptive { sizer, .. } => sizer.lots(&prospect).0,
        };
        // A held side whose signal is on the other for a while holds what it has, and no more.
        let wanted = if wanted.signum() == side { wanted } else { 0 };
        let now = market.aim_lots;
        let differs = (wanted - now).abs() as f64 >= self.config.resize_share_min * now.abs() as f64;
        if now.signum() != side || wanted != 0 && wanted != now && differs {
            market.aim(wanted, false);
        }
    }

    /// The stop, then the orders.
    fn drive(&mut self, view: &View<'_>, say: &mut Say) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        if let (Some(quote), Some(reading)) = (&market.quote, &market.reading) {
            let distance = self.config.trail_volatilities * reading.volatility;
            if market.hold.on_mid(quote.mid_doubled() / 2.0, distance).is_some() {
                market.aim(0, true);
            }
        }
        let algo = match (&self.config.exit_execution, market.is_exit) {
            (Some(exit), true) => exit,
            _ => &self.config.execution,
        };
        let position = view.oms.position(view.id);
        let gap = market.aim_lots - position;
        let is_over = |parent: &Parent| market.worker.done_lots(position) >= parent.qty_lots;
        if gap == 0 {
            market.worker.end();
        } else if market.worker.parent().is_none_or(is_over) {
            market.parents += 1;
            let side = if gap > 0 { Side::Bid } else { Side::Ask };
            let end_ns = view.now_ns.saturating_add(algo.duration_ns());
            let parent = Parent { side, qty_lots: gap.abs(), start_ns: view.now_ns, end_ns, limit: None };
            market.worker.begin(parent, market.parents, position);
        }
        let at = Conditions {
            now_ns: view.now_ns,
            top: view.top,
            instrument: view.instrument,
            top_age_ns_max: self.config.top_age_ms_max * 1_000_000,
            order_qty_max_lots: self.config.order_qty_max_lots.unwrap_or(i64::MAX),
        };
        match market.worker.step(algo, &at, view.id, view.oms) {
            Step::Wait => {}
            Step::Cancel(id) => {
                say.cancel(id);
            }
            Step::Send(request) => {
                say.order(request);
            }
        }
    }

    fn hear(&mut self, view: &View<'_>, is_end: bool) {
        if let Some(close) = self.learn(view, is_end) {
            self.on_close(view, close);
        }
    }
}

impl Market {
    fn new(config: &MomentumConfig, spec: BarSpec, instrument: &Instrument) -> Result<Self, ConfigError> {
        let mut bars = Bars::new(spec);
        // One trade long ago, closed at once: the one instrument has its place from now on.
        bars.on_record(
            &print(i64::MIN / 2, i64::MIN / 2, 1, 1),
            |_| instrument.multiplier_nanos,
            &mut |_| {},
        );
        bars.finish(&mut |_| {});
        let size = match (&config.adaptive, &config.regime) {
            (Some(adaptive), Some(regime)) => Size::Adaptive {
                classes: Box::new(RegimeClasses::new(regime)?),
                sizer: Box::new(AdaptiveSizer::new(&config.sizing, adaptive)?),
            },
            _ => Size::Plain(Sizer::new(&config.sizing)?),
        };
        Ok(Self {
            bars,
            tape: Tape::default(),
            quote: None,
            signal: Signal::new(&config.horizons, config.volatility_decay)?,
            reading: None,
            hold: Hold::default(),
            size,
            worker: Worker::default(),
            parents: 0,
            aim_lots: 0,
            is_exit: false,
            last: (0, 0.0),
            contract: Contract::of(instrument),
        })
    }

    /// What a lot stands for at a price in nano-units, in the account's currency.
    fn lot_value(&self, px: f64) -> f64 {
        let multiplier = self.contract.multiplier_nanos() as f64 / 1e9;
        match self.contract.is_inverse() {
            false => px / 1e9 * multiplier,
            true if px > 0.0 => multiplier / (px / 1e9),
            true => 0.0,
        }
    }

    /// Gives a record to the bars; the close of the bar that is over by then, nano-units.
    fn feed(&mut self, record: &Record, closed: &mut Option<f64>) {
        let multiplier_nanos = self.contract.multiplier_nanos();
        self.bars.on_record(record, |_| multiplier_nanos, &mut |bar| {
            if bar.header.kind == Kind::Bar as u8 {
                *closed = Some(bar.as_bar().close as f64);
            }
        });
    }

    /// Another position is wanted: the parent at work is over.
    fn aim(&mut self, lots: i64, is_exit: bool) {
        if lots != self.aim_lots {
            (self.aim_lots, self.is_exit) = (lots, is_exit);
            self.worker.end();
        }
    }
}

impl Policy for Momentum {
    fn on_record(&mut self, view: &View<'_>) {
        self.hear(view, false);
    }

    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        self.hear(view, true);
        self.drive(view, say);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        if let Some(market) = self.markets.get_mut(view.id.index()) {
            market.worker.on_response(view.now_ns, response);
        }
        self.drive(view, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        self.drive(view, say);
    }

    fn warm_up(&mut self, view: &View<'_>) {
        self.hear(view, false);
    }

    /// What moved meanwhile was not heard: the signal starts anew, and until it is known again nothing is wanted.
    fn on_resume(&mut self) {
        for market in &mut self.markets {
            market.signal.restart();
            (market.reading, market.hold, market.quote) = (None, Hold::default(), None);
            market.aim(0, true);
        }
    }
}
