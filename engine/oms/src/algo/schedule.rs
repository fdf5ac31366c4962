//! Schedules: how many lots should have traded by now.

use super::Parent;

const DAY_S: i64 = 86_400;
const NANOS_PER_S: i64 = 1_000_000_000;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Due {
    /// Lots that should have traded by the end of the present slice.
    pub lots: i64,
    /// How far into the slice, 0 to 1.
    pub phase: f64,
}

/// Lots of a share of the parent, rounded up: the last slice is never left with a fraction.
#[allow(clippy::cast_possible_truncation, reason = "at most the parent's lots")]
fn lots_of(parent: &Parent, share: f64) -> i64 {
    ((parent.qty_lots as f64 * share).ceil() as i64).min(parent.qty_lots)
}

/// Equal slices of the parent's time.
pub(super) fn even(parent: &Parent, now_ns: i64, slices: u32) -> Due {
    let slices = f64::from(slices.max(1));
    let place = parent.elapsed(now_ns) * slices;
    let slice = place.floor().min(slices - 1.0);
    Due { lots: lots_of(parent, (slice + 1.0) / slices), phase: place - slice }
}

/// Along a profile of the day's volume, of which the parent covers a span: what is due is its share of the volume of
/// that span up to the end of the present part.
///
/// - `profile`: volume of equal parts from `start_s` to `end_s`, seconds after midnight UTC.
pub(super) fn along(parent: &Parent, now_ns: i64, profile: &[f64], (start_s, end_s): (i64, i64)) -> Due {
    let part_s = (end_s - start_s) as f64 / profile.len().max(1) as f64;
    // Parts passed since the profile's start on the parent's day, a real number.
    let day_ns = parent.start_ns.div_euclid(DAY_S * NANOS_PER_S) * DAY_S * NANOS_PER_S;
    let place = |at_ns: i64| ((at_ns - day_ns) as f64 / 1e9 - start_s as f64) / part_s;
    let volume = |place: f64| -> f64 {
        let inside = place.clamp(0.0, profile.len() as f64);
        let parts = profile.iter().zip(0u32..);
        parts.map(|(volume, part)| volume * (inside - f64::from(part)).clamp(0.0, 1.0)).sum()
    };
    let (first, last) = (volume(place(parent.start_ns)), volume(place(parent.end_ns)));
    let now = place(now_ns);
    if last <= first {
        // Outside the profile's hours: by time.
        return even(parent, now_ns, 1);
    }
    let share = (volume(now.floor() + 1.0).min(last) - first) / (last - first);
    Due { lots: lots_of(parent, share.clamp(0.0, 1.0)), phase: now - now.floor() }
}
