//! Figures of the last whole bar, by time, trades, lots or money.

use serde::Deserialize;
use tickrace_book::bars::{BarSpec, Bars};
use tickrace_types::{BarRecord, BarShapeRecord, Flags, Header, Kind, MarketRecord, Record};

use super::Feature;
use super::moment::{Quote, Trade};

/// What of a bar is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarOf {
    /// Logarithm of close over open.
    Return,
    /// Logarithm of high over low.
    Range,
    /// Logarithm of close over the volume-weighted average.
    Vwap,
    /// Lots.
    Volume,
    /// Trades.
    Trades,
}

/// The last whole bar of one instrument.
#[derive(Clone, Debug)]
pub struct BarFigure {
    of: BarOf,
    bars: Bars,
    multiplier_nanos: i64,
    shape: BarShapeRecord,
    bar: Option<BarRecord>,
}

impl BarFigure {
    /// Takes all its memory here.
    ///
    /// - `multiplier_nanos`: value of a point of price for one lot, for bars by money.
    pub fn new(spec: BarSpec, of: BarOf, multiplier_nanos: i64) -> Self {
        let mut bars = Bars::new(spec);
        // One trade long ago, closed at once: the bars of the one instrument have their place from now on.
        let long_ago = print(i64::MIN / 2, i64::MIN / 2, 1, 1);
        bars.on_record(&long_ago, |_| multiplier_nanos, &mut |_| {});
        bars.finish(&mut |_| {});
        Self { of, bars, multiplier_nanos, shape: BarShapeRecord::default(), bar: None }
    }

    #[inline]
    fn feed(&mut self, record: &Record) {
        let Self { bars, multiplier_nanos, shape, bar, .. } = self;
        bars.on_record(record, |_| *multiplier_nanos, &mut |closed| {
            if closed.header.kind == Kind::BarShape as u8 {
                *shape = *closed.as_bar_shape();
            } else {
                *bar = Some(*closed.as_bar());
            }
        });
    }
}

/// A trade whose price is its own: bars follow no orders for it.
pub(crate) fn print(ts_venue_ns: i64, ts_recv_ns: i64, price: i64, lots: i64) -> Record {
    let header = Header {
        kind: Kind::Print as u8,
        flags: Flags::END_OF_EVENT,
        ts_venue_ns,
        ts_recv_ns,
        ..Header::default()
    };
    let order_ref = lots.unsigned_abs();
    *MarketRecord { header, order_ref, price, ..MarketRecord::default() }.as_record()
}

/// A record of nothing but the time, which alone closes a bar by time.
pub(crate) fn passing(ts_venue_ns: i64, ts_recv_ns: i64) -> Record {
    let header = Header { kind: Kind::Notice as u8, ts_venue_ns, ts_recv_ns, ..Header::default() };
    Record { header, ..Record::default() }
}

impl Feature for BarFigure {
    #[inline]
    fn on_quote(&mut self, quote: &Quote) {
        self.feed(&passing(quote.ts_venue_ns, quote.now_ns));
    }

    #[inline]
    fn on_trade(&mut self, trade: &Trade) {
        self.feed(&print(trade.ts_venue_ns, trade.now_ns, trade.price, trade.lots));
    }

    /// A bar over a halt is a bar.
    fn on_break(&mut self) {}

    #[inline]
    fn value(&mut self, _quote: &Quote) -> Option<f64> {
        let bar = self.bar.as_ref()?;
        let ratio = |over: i64, under: i64| libm::log(over as f64 / under as f64);
        Some(match self.of {
            BarOf::Return => ratio(bar.close, self.shape.open),
            BarOf::Range => ratio(self.shape.high, self.shape.low),
            BarOf::Vwap => ratio(bar.close, bar.vwap),
            BarOf::Volume => bar.volume as f64,
            BarOf::Trades => bar.trades as f64,
        })
    }
}
