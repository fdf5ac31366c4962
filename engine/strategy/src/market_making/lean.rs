//! What moves the reservation price beside inventory's skew and executed flow: the fair value, the flow at the touch, and the age
//! of the inventory. One of it an instrument, and none where nothing of it is configured.

use tickrace_types::TopOfBook;

use super::config::MarketMakerConfig;
use super::fair_value::{FairValue, weighted_mid_offset};
use super::flow_imbalance::{FlowImbalance, Touch};
use super::inventory::Inventory;
use super::microprice::Microprice;

/// The sources of a lean in one instrument.
#[derive(Clone, Debug)]
pub(crate) struct Lean {
    fair_value: FairValue,
    microprice: Option<Microprice>,
    flow: Option<FlowImbalance>,
    inventory: Option<Inventory>,
    /// Lots at the touch when last looked at.
    lots: [u32; 2],
    /// Fair value above the mid, ticks.
    fair_ticks: f64,
}

impl Lean {
    /// Takes all its memory here; `None` where no key asks for it.
    pub(crate) fn new(config: &MarketMakerConfig) -> Option<Box<Self>> {
        let lean = Self {
            fair_value: config.fair_value,
            microprice: (config.fair_value == FairValue::Microprice)
                .then(|| Microprice::new(&config.microprice)),
            flow: config.flow_imbalance.as_ref().map(FlowImbalance::new),
            inventory: config.inventory.as_ref().map(Inventory::new),
            lots: [0; 2],
            fair_ticks: 0.0,
        };
        let is_needed = lean.watches_lots() || lean.inventory.is_some();
        is_needed.then(|| Box::new(lean))
    }

    fn watches_lots(&self) -> bool {
        self.fair_value != FairValue::Mid || self.flow.is_some()
    }

    /// Whether the lots at the touch have changed, where that matters.
    #[inline]
    pub(crate) fn has_moved(&self, top: &TopOfBook) -> bool {
        self.lots != [top.bid_qty, top.ask_qty] && self.watches_lots()
    }

    /// A firm touch. `moved_ticks` is what the mid moved since the one before, `None` where there was none.
    pub(crate) fn on_touch(
        &mut self,
        top: &TopOfBook,
        spread_ticks: f64,
        moved_ticks: Option<f64>,
        now_ns: i64,
    ) {
        self.lots = [top.bid_qty, top.ask_qty];
        if moved_ticks.is_none() {
            self.break_off();
        }
        if let Some(flow) = &mut self.flow {
            let TopOfBook { bid_px, ask_px, bid_qty, ask_qty, .. } = *top;
            flow.observe(Touch { bid_px, ask_px, bid_qty, ask_qty }, now_ns);
        }
        let offset = match (self.fair_value, &mut self.microprice) {
            (FairValue::WeightedMid, _) => weighted_mid_offset(top.bid_qty, top.ask_qty, spread_ticks),
            (FairValue::Microprice, Some(micro)) => {
                #[allow(clippy::cast_possible_truncation, reason = "a spread in ticks; casts saturate")]
                let spread = (spread_ticks + 0.5) as i64;
                let state = micro.state(top.bid_qty, top.ask_qty, spread);
                micro.observe(state, moved_ticks.unwrap_or(0.0));
                micro.adjustment_ticks(state)
            }
            (FairValue::Mid | FairValue::Microprice, _) => 0.0,
        };
        // Whatever was learned, the next price is not expected beyond the next spread.
        self.fair_ticks = offset.clamp(-spread_ticks, spread_ticks);
    }

    /// The market is not firm: what comes next does not follow from what came before.
    pub(crate) fn break_off(&mut self) {
        if let Some(micro) = &mut self.microprice {
            micro.interrupt();
        }
        if let Some(flow) = &mut self.flow {
            flow.interrupt();
        }
    }

    /// Lets time pass and takes the position in; gives the lean of the reservation price, ticks.
    #[inline]
    pub(crate) fn ticks(&mut self, position: i64, now_ns: i64) -> f64 {
        let mut ticks = self.fair_ticks;
        if let Some(flow) = &mut self.flow {
            flow.fade(now_ns);
            ticks += flow.shift_ticks();
        }
        if let Some(inventory) = &mut self.inventory {
            inventory.observe(position, now_ns);
            ticks += inventory.lean_ticks(now_ns);
        }
        ticks
    }

    /// Lots of inventory to trade at the touch now, signed; 0 for none.
    #[inline]
    pub(crate) fn flatten_lots(&self, position: i64, now_ns: i64) -> i64 {
        self.inventory.as_ref().map_or(0, |inventory| inventory.flatten_lots(position, now_ns))
    }

    /// Works out anew what takes its time, where that is due.
    pub(crate) fn upkeep(&mut self, now_ns: i64) {
        if let Some(micro) = &mut self.microprice {
            micro.refresh(now_ns);
        }
    }
}

#[cfg(test)]
mod tests;
