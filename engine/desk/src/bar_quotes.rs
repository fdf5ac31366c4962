//! A touch around the close of each bar, so that policies and the gate see a firm price where the data are bars.
//!
//! Behind each bar, as part of its event, stands a quote: bid half a stated spread below the close and ask above it, each
//! on the grid and away from the close, showing a stated share of the bar's lots. It is heard with the bar and holds until
//! the next one. The venue prices what we take by it; what rests is filled by bars alone (see
//! `tickrace_exchange::bar_fills`).

use serde::Deserialize;
use tickrace_feeds::source::{End, Skips, Source};
use tickrace_types::{Flags, Header, InstrumentTable, Kind, Price, QuoteRecord, Record};

/// The quoted touch.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarQuoteConfig {
    /// Half the spread, basis points of the close.
    pub half_spread_bps: f64,
    /// Lots shown on each side, basis points of the bar's lots; one lot at least.
    pub touch_share_bps: u32,
}

impl BarQuoteConfig {
    /// Whether both figures are possible.
    pub fn is_sound(&self) -> bool {
        (0.0..=10_000.0).contains(&self.half_spread_bps) && self.touch_share_bps <= 10_000
    }
}

/// A source with a quote behind each bar; the same source where none is stated.
pub struct BarQuotes<S> {
    source: S,
    config: Option<BarQuoteConfig>,
    /// Grid of each instrument, nano-units.
    ticks: Vec<i64>,
    pending: Option<Record>,
}

impl<S> BarQuotes<S> {
    /// `instruments`: those of the run, whose grids the quotes lie on.
    pub fn new(source: S, config: Option<BarQuoteConfig>, instruments: &InstrumentTable) -> Self {
        // The coarsest step of a tick table lies on its finer ones wherever prices are quoted in practice.
        let coarsest = |ticks: &[tickrace_types::instrument::TickBand]| {
            ticks.iter().map(|band| band.tick_nanos).max().unwrap_or(1).max(1)
        };
        let ticks = instruments.as_slice().iter().map(|one| coarsest(&one.ticks)).collect();
        Self { source, config, ticks, pending: None }
    }

    /// The source behind it.
    pub const fn inner(&self) -> &S {
        &self.source
    }

    #[cold]
    fn quote(&mut self, out: &mut Record, config: BarQuoteConfig) {
        let bar = out.as_bar();
        let Some(tick) = self.ticks.get(bar.header.instrument as usize).copied() else { return };
        let half = bar.close.unsigned_abs() as f64 * config.half_spread_bps / 1e4;
        #[allow(clippy::cast_possible_truncation, reason = "saturates; a price times at most one")]
        let half = half.ceil() as i64;
        let bid_px = Price(bar.close.saturating_sub(half)).floor_to_tick(tick).0;
        let above = bar.close.saturating_add(half);
        let ask_px = above.saturating_add((-above).rem_euclid(tick)).max(bid_px.saturating_add(tick));
        let share = u128::from(bar.volume) * u128::from(config.touch_share_bps) / 10_000;
        let lots = u32::try_from(share).unwrap_or(u32::MAX).max(1);
        let header = Header { kind: Kind::Quote as u8, flags: bar.header.flags, ..bar.header };
        let quote =
            QuoteRecord { header, bid_px, ask_px, bid_qty: lots, ask_qty: lots, ..Default::default() };
        self.pending = Some(*quote.as_record());
        out.header.flags &= !Flags::END_OF_EVENT;
    }
}

impl<S: Source> Source for BarQuotes<S> {
    #[inline]
    fn next_into(&mut self, out: &mut Record) -> bool {
        let Some(config) = self.config else { return self.source.next_into(out) };
        if let Some(quote) = self.pending.take() {
            *out = quote;
            return true;
        }
        let is_one = self.source.next_into(out);
        if is_one && out.header.kind == Kind::Bar as u8 {
            self.quote(out, config);
        }
        is_one
    }

    fn serves_both(&self) -> bool {
        self.source.serves_both()
    }

    fn can_skim(&self) -> bool {
        self.source.can_skim()
    }

    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        // A quote that waits comes first.
        if self.pending.is_some() { 0 } else { self.source.skim(each) }
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        self.source.glimpse(ahead)
    }

    fn skips(&self) -> &Skips {
        self.source.skips()
    }

    fn end(&self) -> &End {
        self.source.end()
    }

    fn position(&self) -> u64 {
        self.source.position()
    }

    fn messages(&self) -> u64 {
        self.source.messages()
    }
}

#[cfg(test)]
mod tests {
    use tickrace_types::{BarRecord, Instrument};

    use super::*;

    /// Gives one bar.
    struct One(Option<BarRecord>, Skips, End);

    impl Source for One {
        fn next_into(&mut self, out: &mut Record) -> bool {
            self.0.take().map(|bar| *out = *bar.as_record()).is_some()
        }

        fn skips(&self) -> &Skips {
            &self.1
        }

        fn end(&self) -> &End {
            &self.2
        }

        fn position(&self) -> u64 {
            0
        }

        fn messages(&self) -> u64 {
            0
        }
    }

    fn quoted(close: i64, volume: u64, config: Option<BarQuoteConfig>) -> Vec<Record> {
        let header =
            Header { kind: Kind::Bar as u8, flags: Flags::END_OF_EVENT, ts_venue_ns: 7, ..Header::default() };
        let bar = BarRecord { header, close, volume, ..BarRecord::default() };
        let table = InstrumentTable::new(vec![Instrument::us_equity("A")]).expect("one share");
        let mut source = BarQuotes::new(One(Some(bar), Skips::default(), End::Running), config, &table);
        let (mut all, mut record) = (Vec::new(), Record::default());
        while source.next_into(&mut record) {
            all.push(record);
        }
        all
    }

    #[test]
    fn a_bar_is_followed_by_a_touch_on_the_grid_that_ends_its_event() {
        const CENT: i64 = 10_000_000;
        let config = BarQuoteConfig { half_spread_bps: 1.0, touch_share_bps: 1_000 };
        // A basis point of 50.005 is 0.0050005: 49.9999995 and 50.0100005, outward to cents; a tenth of 250 lots.
        let all = quoted(5_000 * CENT + CENT / 2, 250, Some(config));
        let [bar, quote] = all.as_slice() else { panic!("two records, not {}", all.len()) };
        assert_eq!((bar.header.flags, quote.header.flags), (0, Flags::END_OF_EVENT));
        let touch = quote.as_quote();
        assert_eq!((touch.bid_px, touch.ask_px), (4_999 * CENT, 5_002 * CENT));
        assert_eq!((touch.bid_qty, touch.ask_qty, touch.header.ts_venue_ns), (25, 25, 7));
        // Without a spread the touch is still two prices, and shows a lot at least.
        let none = BarQuoteConfig { half_spread_bps: 0.0, touch_share_bps: 0 };
        let touch = *quoted(5_000 * CENT, 3, Some(none))[1].as_quote();
        assert_eq!((touch.bid_px, touch.ask_px, touch.bid_qty), (5_000 * CENT, 5_001 * CENT, 1));
        assert_eq!(quoted(5_000 * CENT, 3, None).len(), 1);
    }
}
