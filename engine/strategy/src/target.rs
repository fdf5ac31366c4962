//! Brings positions to targets that somebody else worked out, through orders of a stated style.
//!
//! Targets are heard as records ([`TargetRecord`]), so that a replay hears them again. For each instrument there is at most
//! one order at a time: what is wanted next is worked out from the position once that order is answered for, so that a late
//! or a partial fill changes the next order and never makes one too many. Where nothing may be sent, the reason is kept
//! ([`Standing`]): a position is at its target, on its way there, or it is said why not.
//!
//! Invariants: an order never goes beyond the gap between position and aim; no order leaves on a stale, halted or doubtful
//! market, on an old target, or after too many refusals in a row.

mod config;
mod market;
mod standing;
#[cfg(test)]
mod tests;

pub use config::{Aim, Style, TargetConfig};
pub use standing::{Outcome, Standing};

use tickrace_oms::{Order, OrderRequest, State};
use tickrace_types::event::venue_reason;
use tickrace_types::{
    ClientId, InstrumentId, InstrumentTable, OrderType, Phase, Price, ResponseKind, ResponseRecord, Side,
    TargetRecord, TimeInForce,
};

use crate::{ConfigError, Policy, Say, View};

/// Whether an order may wait for somebody to come, or is to trade now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Rests at the touch of its own side.
    Passive,
    /// Meets the other side, as far through it as is allowed.
    Cross,
}

/// What is known of one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    target: Option<TargetRecord>,
    /// When the target was heard, nanoseconds since the Unix epoch, and the position then.
    began_ns: i64,
    began_lots: i64,
    /// Refusals since the last fill, and the last one's reason.
    refusals: u32,
    refusal: Option<(bool, u8)>,
    /// Nothing is sent before.
    next_ns: i64,
    /// Whether trading was open since the target was heard.
    was_open: bool,
    standing: Standing,
}

/// The policy.
#[derive(Clone, Debug)]
pub struct TargetFollower {
    config: TargetConfig,
    works: Vec<Work>,
}

impl TargetFollower {
    /// Takes all its memory here; one state for each instrument of the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range.
    pub fn new(config: &TargetConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config: *config, works: vec![Work::default(); instruments.len()] })
    }

    /// Where each instrument with a target stands, for the report after a run.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> + '_ {
        (0u32..).map(InstrumentId).zip(&self.works).filter_map(|(id, work)| {
            let target = work.target?;
            let (standing, refusal) = (work.standing, work.refusal);
            Some(Outcome { id, target, standing, refusal })
        })
    }

    /// Where the position is to go from here: the target or the near edge of its buffer, as far as the limit lets it.
    fn aim(&self, target: &TargetRecord, position: i64) -> (i64, bool) {
        let wanted = match self.config.aim {
            Aim::Target => i64::from(target.target_lots),
            Aim::Edge => position.clamp(i64::from(target.low_lots), i64::from(target.high_lots)),
        };
        let limit = self.config.position_max_lots;
        let aim = wanted.clamp(-limit, limit);
        (aim, aim != wanted)
    }

    fn act(&mut self, view: &View<'_>, say: &mut Say) {
        let Some(work) = self.works.get(view.id.index()) else { return };
        let Some(target) = work.target else { return };
        let is_paused = view.now_ns < work.next_ns;
        let (aim, is_limited) = self.aim(&target, view.oms.position(view.id));
        let gap = aim - view.oms.position(view.id);
        let (standing, is_free) = self.judge(view, work, &target, gap, is_limited);
        let side = if gap >= 0 { Side::Bid } else { Side::Ask };
        let (lots, urgency) = self.due(work, view.now_ns, aim, gap);
        // A resting order needs no narrow spread, an order that crosses does.
        let is_too_wide =
            urgency == Urgency::Cross && market::spread_bps(view.top) > self.config.spread_max_bps;
        let standing = if is_free && is_too_wide { Standing::WideSpread } else { standing };
        let wanted =
            (is_free && !is_too_wide && lots > 0).then(|| self.want(view, side, lots, urgency)).flatten();
        let is_small = is_free && !is_too_wide && lots > 0 && wanted.is_none();
        let standing = if is_small { Standing::BelowMinimum } else { standing };
        if let Some(work) = self.works.get_mut(view.id.index()) {
            let phase = view.top.phase();
            work.was_open |= phase == Phase::Continuous;
            // After the close what counts is what kept it from its target while there was trading.
            if !(standing == Standing::NotTrading && phase == Phase::Closed && work.was_open) {
                work.standing = standing;
            }
        }
        if !is_paused {
            let patience_ns = self.config.retry_ms.saturating_mul(config::NANOS_PER_MS);
            converge(view, wanted.as_ref(), gap, patience_ns, say);
        }
    }

    /// Whether an order may leave, and how the position stands.
    fn judge(
        &self,
        view: &View<'_>,
        work: &Work,
        target: &TargetRecord,
        gap: i64,
        is_limited: bool,
    ) -> (Standing, bool) {
        if gap == 0 {
            return (if is_limited { Standing::PositionLimit } else { Standing::Reached }, false);
        }
        if work.refusals > self.config.refusals_max_count {
            return (Standing::Refused, false);
        }
        match market::doubt(view, target, &self.config) {
            Some(doubt) => (doubt, false),
            None => (Standing::Working, true),
        }
    }

    /// Lots to be on their way now, and how urgently.
    fn due(&self, work: &Work, now_ns: i64, aim: i64, gap: i64) -> (i64, Urgency) {
        let passed_ns = now_ns.saturating_sub(work.began_ns);
        match self.config.style {
            Style::Marketable => (gap.abs(), Urgency::Cross),
            Style::Passive { cross_after_ms } => {
                let is_over = passed_ns >= cross_after_ms.saturating_mul(config::NANOS_PER_MS);
                (gap.abs(), if is_over { Urgency::Cross } else { Urgency::Passive })
            }
            Style::Slices { window_ms, count } => {
                let window_ns = i128::from(window_ms) * i128::from(config::NANOS_PER_MS);
                let count = i128::from(count);
                // The first slice is due at once, the last one a slice before the window's end.
                let slices = (i128::from(passed_ns) * count / window_ns + 1).clamp(1, count);
                let whole = i128::from((aim - work.began_lots).abs());
                // Rounded up: a slice of less than a lot is one.
                let later = whole - (whole * slices + count - 1) / count;
                let due = i128::from(gap.abs()) - later;
                (i64::try_from(due.max(0)).unwrap_or(0), Urgency::Cross)
            }
        }
    }

    /// The next order, or none where what is wanted is less than the venue takes. Algorithms of execution join here: each is
    /// another answer to the same question.
    fn want(&self, view: &View<'_>, side: Side, lots: i64, urgency: Urgency) -> Option<OrderRequest> {
        let lots = lots.min(self.config.order_qty_max_lots).min(view.instrument.order_qty_max);
        if lots < view.instrument.order_qty_min {
            return None;
        }
        let (own, other) = match side {
            Side::Ask => (view.top.ask_px, view.top.bid_px),
            _ => (view.top.bid_px, view.top.ask_px),
        };
        Some(match urgency {
            Urgency::Passive => OrderRequest::post_only(view.id, side, Price(own), lots),
            Urgency::Cross => {
                let price = market::through(view.instrument, side, other, self.config.cross_max_ticks);
                OrderRequest::limit(view.id, side, price, lots).with_tif(TimeInForce::Ioc)
            }
        })
    }

    /// Nothing is sent for a while; longer the more refusals there were in a row.
    fn pause(&mut self, id: InstrumentId, now_ns: i64) {
        let Some(work) = self.works.get_mut(id.index()) else { return };
        let doublings = work.refusals.saturating_sub(1).min(10);
        let pause_ns = self.config.retry_ms.saturating_mul(config::NANOS_PER_MS) << doublings;
        work.next_ns = now_ns.saturating_add(pause_ns);
    }
}

/// Cancels what is not wanted, and asks for what is once nothing else is open.
///
/// - `patience_ns`: an immediate-or-cancel order ends by itself; only where its end is not heard of for so long is it cancelled.
fn converge(view: &View<'_>, wanted: Option<&OrderRequest>, gap: i64, patience_ns: i64, say: &mut Say) {
    let mut is_open = false;
    for side in Side::BOTH {
        for order in view.oms.open_orders(view.id, side) {
            is_open = true;
            let is_resting = matches!(order.state, State::Live | State::PartlyFilled);
            let is_ending =
                order.tif == TimeInForce::Ioc && view.now_ns.saturating_sub(order.sent_ns) < patience_ns;
            let is_cancellable = order.state == State::Unknown || is_resting && !is_ending;
            if is_cancellable && !wanted.is_some_and(|wanted| serves(order, wanted, gap)) {
                say.cancel(ClientId(order.id));
            }
        }
    }
    if let Some(wanted) = wanted
        && !is_open
    {
        say.order(*wanted);
    }
}

/// Whether an order that rests is as good as the one wanted.
fn serves(order: &Order, wanted: &OrderRequest, gap: i64) -> bool {
    order.state != State::Unknown
        && wanted.order_type == OrderType::PostOnly
        && order.order_type == OrderType::PostOnly
        && order.side == wanted.side
        && order.price == wanted.price.0
        && order.leaves <= gap.abs()
}

impl Policy for TargetFollower {
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        self.act(view, say);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        let Some(work) = self.works.get_mut(view.id.index()) else { return };
        let is_order = view.oms.order(ClientId(response.client_id)).is_some();
        match response.response() {
            Some(ResponseKind::Fill) => work.refusals = 0,
            Some(kind @ (ResponseKind::Rejected | ResponseKind::GateRefused)) if is_order => {
                work.refusals = work.refusals.saturating_add(1);
                work.refusal = Some((kind == ResponseKind::GateRefused, response.reason));
                self.pause(view.id, view.now_ns);
            }
            // What is left of an order that traded in part, a cancel that was refused: not again at once.
            Some(ResponseKind::Cancelled) if response.reason != venue_reason::USER => {
                self.pause(view.id, view.now_ns);
            }
            Some(ResponseKind::CancelRejected | ResponseKind::GateRefused) => {
                self.pause(view.id, view.now_ns)
            }
            _ => {}
        }
        self.act(view, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        self.act(view, say);
    }

    fn on_target(&mut self, view: &View<'_>, target: &TargetRecord, say: &mut Say) {
        let position = view.oms.position(view.id);
        let Some(work) = self.works.get_mut(view.id.index()) else { return };
        // An older one than is known, or one that contradicts itself, changes nothing.
        let is_older = work.target.is_some_and(|known| known.header.ts_venue_ns > target.header.ts_venue_ns);
        if is_older || !target.is_sound() {
            return;
        }
        *work = Work {
            target: Some(*target),
            began_ns: view.now_ns,
            began_lots: position,
            standing: Standing::Working,
            ..Work::default()
        };
        self.act(view, say);
    }
}
