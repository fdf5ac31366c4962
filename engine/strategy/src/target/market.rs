//! What must be true of the market and of a target before an order leaves.

use tickrace_types::{Instrument, Phase, Price, Side, TargetRecord, TopOfBook};

use super::config::{NANOS_PER_HOUR, NANOS_PER_MS, TargetConfig};
use super::standing::Standing;
use crate::View;

/// Why no order may leave now; `None` where one may.
pub(super) fn doubt(view: &View<'_>, target: &TargetRecord, config: &TargetConfig) -> Option<Standing> {
    let age_ns = view.now_ns.saturating_sub(target.header.ts_venue_ns);
    if age_ns > config.target_age_max_h.saturating_mul(NANOS_PER_HOUR) {
        return Some(Standing::TargetTooOld);
    }
    if target.reference_px == 0 {
        return Some(Standing::NoReference);
    }
    let top = view.top;
    if top.phase() != Phase::Continuous {
        return Some(Standing::NotTrading);
    }
    let Some(mid_doubled) = top.mid_doubled() else { return Some(Standing::NoMarket) };
    if view.now_ns.saturating_sub(top.ts_recv_ns) > config.top_age_max_ms.saturating_mul(NANOS_PER_MS) {
        return Some(Standing::OldMarket);
    }
    let reference = i128::from(target.reference_px);
    let away = (i128::from(mid_doubled) - 2 * reference).abs();
    let is_away = away * 10_000 > 2 * reference.abs() * i128::from(config.reference_away_max_bps);
    is_away.then_some(Standing::AwayFromReference)
}

/// Spread, basis points of the mid, rounded up; without bound where there is no such thing.
pub(super) fn spread_bps(top: &TopOfBook) -> i64 {
    let Some(mid_doubled) = top.mid_doubled() else { return i64::MAX };
    let size = i128::from(mid_doubled).abs();
    if size == 0 {
        return i64::MAX;
    }
    let spread = (i128::from(top.ask_px) - i128::from(top.bid_px)) * 20_000;
    i64::try_from((spread + size - 1) / size).unwrap_or(i64::MAX)
}

/// The limit of an order that crosses: so many ticks through the other side's touch, on the grid, never further.
pub(super) fn through(instrument: &Instrument, side: Side, touch: i64, ticks: i64) -> Price {
    let distance = instrument.tick_at(touch).saturating_mul(ticks);
    match side {
        Side::Ask => {
            let limit = touch.saturating_sub(distance);
            Price(limit).ceil_to_tick(instrument.tick_at(limit))
        }
        _ => {
            let limit = touch.saturating_add(distance);
            Price(limit).floor_to_tick(instrument.tick_at(limit))
        }
    }
}
