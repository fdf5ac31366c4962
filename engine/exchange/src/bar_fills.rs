//! What a bar does to our resting orders: all that is known is where the price was between two times.
//!
//! | the bar | what happens | why |
//! | --- | --- | --- |
//! | traded through our price | ours fill at their price, together at most a stated share of its lots | someone traded beyond us |
//! | touched our price and no more | nothing, unless `touch_fills` | nothing tells whether our turn came |
//! | reached orders of both sides | first the side it moved against: bids of a falling bar, asks of a rising one | the path within is not known, so the worse one counts: from the open to the extreme that hurts, then back |
//! | began before we were there | nothing, but for orders at most `late_ms` late | it may have been at our price before us |
//!
//! A touch quoted around the close of a bar is no market of its own: it prices what we take and fills nothing that rests.

use serde::{Deserialize, Serialize};
use tickrace_types::{BarRecord, BarShapeRecord, InstrumentId, MarketRecord, Record, ResponseRecord, Side};

use crate::Exchange;
use crate::config::ExchangeError;

/// How bars fill resting orders. Absent: they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarFillConfig {
    /// Most of a bar's lots that is ours, basis points: 1,000 is a tenth.
    pub volume_share_bps: i64,
    /// Whether a bar that touched our price fills us.
    #[serde(default)]
    pub touch_fills: bool,
    /// How long after the bar's begin an order may have arrived and still take part, milliseconds.
    pub late_ms: i64,
}

impl BarFillConfig {
    pub(crate) fn validate(&self) -> Result<(), ExchangeError> {
        for (key, got, most) in [
            ("bars.volume_share_bps", self.volume_share_bps, 10_000),
            ("bars.late_ms", self.late_ms, 86_400_000),
        ] {
            if !(0..=most).contains(&got) {
                return Err(ExchangeError::Range { key, least: 0, most, got });
            }
        }
        Ok(())
    }
}

/// First halves of bars, and which instruments have bars.
#[derive(Clone, Debug)]
pub(crate) struct BarState {
    config: Option<BarFillConfig>,
    shapes: Vec<Option<BarShapeRecord>>,
    has_bars: Vec<bool>,
}

impl BarState {
    pub fn new(config: Option<BarFillConfig>, instruments: usize) -> Self {
        Self { config, shapes: vec![None; instruments], has_bars: vec![false; instruments] }
    }

    /// Whether an instrument's touch is quoted around bars.
    #[inline]
    pub fn has_bars(&self, instrument: InstrumentId) -> bool {
        self.has_bars.get(instrument.index()).is_some_and(|has| *has)
    }
}

impl Exchange {
    /// First half of a bar.
    pub(crate) fn on_bar_shape(&mut self, record: &Record) {
        let shape = record.as_bar_shape();
        let place = shape.header.instrument as usize;
        if let (Some(slot), Some(has)) = (self.bars.shapes.get_mut(place), self.bars.has_bars.get_mut(place))
        {
            *slot = Some(*shape);
            *has = true;
        }
    }

    /// Second half: the bar is over.
    pub(crate) fn on_bar(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        let bar = record.as_bar();
        let instrument = InstrumentId(bar.header.instrument);
        let shape = self.bars.shapes.get_mut(instrument.index()).and_then(Option::take);
        let (Some(shape), Some(config)) = (shape, self.bars.config) else { return };
        if self.orders.is_quiet(instrument) || !self.is_trading(instrument) {
            return;
        }
        let share = i128::from(bar.volume) * i128::from(config.volume_share_bps) / 10_000;
        let mut budget = i64::try_from(share).unwrap_or(i64::MAX);
        // The side the bar moved against comes first.
        let sides = if bar.close > shape.open { [Side::Ask, Side::Bid] } else { Side::BOTH };
        for side in sides {
            budget = self.fill_from_bar(instrument, side, (&shape, bar), config, budget, out);
        }
    }

    /// Fills a side of ours that the bar reached, in matching order; gives what is left of the bar's share.
    fn fill_from_bar(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        (shape, bar): (&BarShapeRecord, &BarRecord),
        config: BarFillConfig,
        mut budget: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> i64 {
        let extreme = if side == Side::Bid { shape.low } else { shape.high };
        let late_ns = config.late_ms.saturating_mul(1_000_000);
        let cause = MarketRecord { header: bar.header, ..MarketRecord::default() };
        let mut at = self.orders.head(instrument, side);
        while at != crate::own::NIL && budget > 0 {
            let own = *self.orders.get(at);
            let is_reached = side.is_better(own.price, extreme) || config.touch_fills && own.price == extreme;
            if !is_reached {
                break;
            }
            if own.since_ns <= shape.ts_open_ns.saturating_add(late_ns) {
                let lots = own.leaves().min(budget);
                budget -= lots;
                self.fill_resting(at, own.price(), lots, &cause, out);
            }
            at = own.next;
        }
        budget
    }
}
