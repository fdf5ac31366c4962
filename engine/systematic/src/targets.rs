//! Targets: the position that a system wants held in each instrument after a day, or after a bar, and what it rests on.
//!
//! The stages have it all; here one row of them is taken, of each instrument the last that is known.

use serde::Serialize;
use tickrace_stats::panel::DAY_NS;
use tickrace_stats::{BusinessDay, Series};
use tickrace_types::event::{VERSION, source};
use tickrace_types::{Flags, Header, Kind, Price, TargetReason, TargetRecord};

use crate::system::{Member, System};

/// A target, in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Whose.
    pub instrument: String,
    /// When it is to be held from, nanoseconds since the Unix epoch: the end of a day or the close of a bar.
    #[serde(skip)]
    pub held_ns: i64,
    /// End of the last day with a price, or close of the last bar with one, up to then: what it rests on.
    #[serde(skip)]
    pub priced_ns: i64,
    /// Combined forecast; 10 is an average one.
    pub forecast: f64,
    /// Contracts before buffering and rounding.
    pub unrounded: f64,
    /// The same rounded, half to even.
    pub rounded: f64,
    /// Edges of the buffer, contracts, rounded.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Whole contracts to hold: buffered, or found for all instruments together.
    pub target: f64,
    /// Price of the held contract.
    pub reference_price: f64,
    /// Why it is what it is.
    #[serde(serialize_with = "name_of")]
    pub reason: TargetReason,
}

/// Why a target makes no record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// A system without a day.
    #[error("the system has no day with prices")]
    Empty,
    /// A day before the first.
    #[error("the system's days begin later than the date asked for")]
    TooEarly,
    /// A figure beyond what a record holds.
    #[error("{instrument}: {what} of {value} is beyond what a record holds")]
    Range {
        /// Whose.
        instrument: String,
        /// Which figure.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

fn name_of<S: serde::Serializer>(reason: &TargetReason, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(reason.name())
}

/// The last day on which any instrument has a position.
pub fn last_day(system: &System) -> Option<BusinessDay> {
    let ends = system.members.values().filter_map(|member| {
        let held = member.stages.get("buffered_position")?;
        (!held.is_empty()).then(|| held.end().0 - 1)
    });
    ends.max().map(BusinessDay)
}

/// End of a day, nanoseconds since the Unix epoch: the midnight (UTC) after it.
pub const fn end_ns(day: BusinessDay) -> i64 {
    day.start_ns() + DAY_NS
}

/// Targets after a day, by instrument in the order of their names. Of an instrument whose data end earlier the last day counts;
/// how old its prices are is told by the time they are of.
///
/// - `ends`: when a day is over ([`end_ns`]); of a system on bars the close of the bar that it stands for.
///
/// # Errors
///
/// [`TargetError::TooEarly`] where no instrument has a day as early.
pub fn targets(
    system: &System,
    day: BusinessDay,
    ends: impl Fn(BusinessDay) -> i64,
) -> Result<Vec<Target>, TargetError> {
    let mut found = Vec::with_capacity(system.members.len());
    for (name, member) in &system.members {
        found.extend(target(system, name, member, (day, &ends)));
    }
    if found.is_empty() { Err(TargetError::TooEarly) } else { Ok(found) }
}

/// Of one instrument; none before its first day.
fn target(
    system: &System,
    name: &str,
    member: &Member,
    (day, ends): (BusinessDay, &impl Fn(BusinessDay) -> i64),
) -> Option<Target> {
    let stage = |name: &str| member.stages.get(name);
    let held = stage("buffered_position")?;
    let price = &member.raw.denom_price;
    let row = BusinessDay(day.0.min(held.end().0 - 1));
    let last = day.0.min(price.end().0 - 1);
    let priced = (price.first.0..=last).rev().map(BusinessDay).find(|day| !price.at(*day).is_nan())?;
    let at = |series: Option<&Series>| series.map_or(f64::NAN, |series| last_known(series, row));
    let (unrounded, high, low) = (at(stage("notional_position")), at(stage("buf_top")), at(stage("buf_bot")));
    let whole = |value: f64| if value.is_nan() { 0.0 } else { value.round_ties_even() + 0.0 };
    let buffered = whole(at(Some(held)));
    let dynamic = system.dynamic.as_ref().and_then(|contracts| contracts.get(name));
    let (target, reason) = if unrounded.is_nan() {
        (0.0, TargetReason::Unknown)
    } else if let Some(contracts) = dynamic {
        (whole(at(Some(contracts))), TargetReason::Dynamic)
    } else if buffered == whole(last_known(held, BusinessDay(row.0 - 1))) {
        (buffered, TargetReason::Held)
    } else {
        (buffered, TargetReason::Moved)
    };
    // Found for all together, or without a buffer, the target is all there is room for.
    let has_buffer = matches!(reason, TargetReason::Held | TargetReason::Moved) && low <= high;
    let (low, high) = if has_buffer { (whole(low), whole(high)) } else { (target, target) };
    Some(Target {
        instrument: name.to_owned(),
        held_ns: ends(day),
        priced_ns: ends(priced),
        forecast: at(stage("combined_fc")) + 0.0,
        unrounded,
        rounded: whole(unrounded),
        low: low.min(target),
        high: high.max(target),
        target,
        reference_price: at(Some(price)),
        reason,
    })
}

/// The value of a day, or the last known before it.
fn last_known(series: &Series, day: BusinessDay) -> f64 {
    let last = day.0.min(series.end().0 - 1);
    let days = (series.first.0..=last).rev().map(BusinessDay);
    days.map(|day| series.at(day)).find(|value| !value.is_nan()).unwrap_or(f64::NAN)
}

impl Target {
    /// As a record of a target log.
    ///
    /// - `instrument`: index into the log's head. `seq`: number of the record, from 1.
    ///
    /// # Errors
    ///
    /// [`TargetError::Range`] naming the figure that a record cannot hold.
    pub fn record(&self, instrument: u32, seq: u64) -> Result<TargetRecord, TargetError> {
        let fail = |what, value| TargetError::Range { instrument: self.instrument.clone(), what, value };
        #[allow(clippy::cast_possible_truncation, reason = "whole, and within what an i32 holds")]
        let contracts = |what, value: f64| {
            let is_held = value.abs() <= f64::from(i32::MAX) && value.fract() == 0.0;
            if is_held { Ok(value as i32) } else { Err(fail(what, value)) }
        };
        let nanos = |what, value: f64| {
            if value.is_nan() {
                return Ok(0);
            }
            Price::from_f64(value).map(|nanos| nanos.0).ok_or_else(|| fail(what, value))
        };
        let hundredths = (self.forecast * 100.0).round();
        #[allow(clippy::cast_possible_truncation, reason = "within what an i16 holds; NaN is nothing")]
        let forecast_centi = match hundredths.abs() <= f64::from(i16::MAX) {
            true => hundredths as i16,
            false if hundredths.is_nan() => 0,
            false => return Err(fail("a forecast", self.forecast)),
        };
        Ok(TargetRecord {
            header: Header {
                kind: Kind::Target as u8,
                version: VERSION,
                flags: Flags::END_OF_EVENT,
                source: source::CONTROL,
                instrument,
                seq,
                ts_venue_ns: self.priced_ns,
                ts_recv_ns: self.held_ns,
            },
            optimal_nanos: nanos("a position", self.unrounded)?,
            reference_px: nanos("a price", self.reference_price)?,
            target_lots: contracts("a target", self.target)?,
            low_lots: contracts("a buffer", self.low)?,
            high_lots: contracts("a buffer", self.high)?,
            forecast_centi,
            reason: self.reason as u8,
            reserved: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::system::Stages;

    use super::*;

    /// From business day 100 on.
    fn series(values: &[f64]) -> Series {
        Series { first: BusinessDay(100), values: values.to_vec() }
    }

    /// A system of one instrument, by stage.
    fn system(price: &[f64], stages: &[(&str, &[f64])]) -> System {
        let mut member = Member::default();
        member.raw.denom_price = series(price);
        member.stages =
            Stages(stages.iter().map(|(name, values)| ((*name).to_owned(), series(values))).collect());
        let mut system = System::default();
        system.members.insert("CORN".to_owned(), member);
        system
    }

    const NAN: f64 = f64::NAN;

    fn corn() -> System {
        system(
            &[500.0, 501.0, 502.0, NAN],
            &[
                ("notional_position", &[NAN, -2.6, -4.4, -4.4]),
                ("buf_bot", &[NAN, -3.6, -5.4, -5.4]),
                ("buf_top", &[NAN, -1.6, -3.4, -3.4]),
                ("buffered_position", &[0.0, -2.0, -3.0, -3.0]),
                ("combined_fc", &[0.0, -7.5, -20.0, -20.0]),
            ],
        )
    }

    fn on(system: &System, day: i32) -> Target {
        targets(system, BusinessDay(day), end_ns).unwrap().remove(0)
    }

    #[test]
    fn a_target_is_the_row_of_its_day_with_the_reason_of_its_change() {
        let system = corn();
        assert_eq!(last_day(&system), Some(BusinessDay(103)));
        let unknown = on(&system, 100);
        assert_eq!((unknown.target, unknown.low, unknown.high), (0.0, 0.0, 0.0));
        assert_eq!(unknown.reason, TargetReason::Unknown);
        let moved = on(&system, 102);
        let edges = (moved.low, moved.target, moved.high, moved.rounded);
        assert_eq!((edges, moved.reason), ((-5.0, -3.0, -3.0, -4.0), TargetReason::Moved));
        // The last day has no price, and days after it have no row: what is told is old, and says so.
        for day in [103, 110] {
            let told = on(&system, day);
            assert_eq!((told.held_ns, told.priced_ns), (end_ns(BusinessDay(day)), end_ns(BusinessDay(102))));
            assert_eq!((told.reference_price, told.target), (502.0, -3.0));
            assert!(
                told.record(0, 1).unwrap().header.ts_venue_ns < told.record(0, 1).unwrap().header.ts_recv_ns
            );
        }
        assert_eq!(targets(&system, BusinessDay(99), end_ns).unwrap_err(), TargetError::TooEarly);
    }

    #[test]
    fn whole_contracts_found_for_all_together_go_before_buffered_ones() {
        let mut system = corn();
        system.dynamic = Some(Stages(vec![("CORN".to_owned(), series(&[0.0, -1.0, -2.0, -2.0]))]));
        let target = on(&system, 102);
        assert_eq!((target.low, target.target, target.high), (-2.0, -2.0, -2.0));
        assert_eq!(target.reason, TargetReason::Dynamic);
    }

    #[test]
    fn a_record_holds_the_target_or_names_what_it_cannot_hold() {
        let target = on(&corn(), 102);
        let record = target.record(7, 3).unwrap();
        let lots = (record.low_lots, record.target_lots, record.high_lots);
        assert_eq!((lots, record.forecast_centi), ((-5, -3, -3), -2000));
        assert_eq!((record.optimal_nanos, record.reference_px), (-4_400_000_000, 502_000_000_000));
        assert_eq!((record.header.ts_venue_ns, record.header.ts_recv_ns), (target.priced_ns, target.held_ns));
        assert!(record.is_sound() && record.header.instrument == 7 && record.header.seq == 3);
        let many = Target { target: 3e9, high: 3e9, ..target.clone() };
        assert!(many.record(0, 1).unwrap_err().to_string().starts_with("CORN: a target of 3000000000"));
        let dear = Target { reference_price: 1e11, ..target.clone() };
        assert!(matches!(dear.record(0, 1), Err(TargetError::Range { what: "a price", .. })));
        let blank = Target { forecast: NAN, reference_price: NAN, ..target };
        let record = blank.record(0, 1).unwrap();
        assert_eq!((record.forecast_centi, record.reference_px), (0, 0));
    }
}
