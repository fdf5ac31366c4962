//! Which instrument a venue's instrument id is, on which day: from the file's metadata, its definitions and its
//! symbol mappings.
//!
//! An id that no source names is `#<id>`. Symbols of records are at most 16 characters long; an option's padding is
//! left out, then the zeros before its strike, and one that is still longer is `#<id>`.

use rustc_hash::FxHashMap;
use tickrace_types::Instrument;
use tickrace_types::instrument::{Settlement, TickBand};

use crate::format::Options;
use crate::number::Step;

/// Nano-units in one.
const ONE: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * ONE;
/// Nobody asked for the instrument.
pub(super) const ABSENT: u32 = u32::MAX - 1;
/// Longest symbol of an instrument.
const SYMBOL_BYTES_MAX: usize = 16;

/// From when to when an id has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub from_ns: i64,
    pub until_ns: i64,
    pub name: String,
}

impl Interval {
    /// Days since the Unix epoch, UTC; the last is not of it.
    pub(super) fn of_days(start: i64, end: i64, name: String) -> Self {
        Self { from_ns: start.saturating_mul(DAY_NS), until_ns: end.saturating_mul(DAY_NS), name }
    }

    const fn holds(&self, ts_ns: i64) -> bool {
        self.from_ns <= ts_ns && ts_ns < self.until_ns
    }
}

/// Names of ids by time.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping {
    by_id: FxHashMap<u32, Vec<Interval>>,
}

impl Mapping {
    pub(super) fn insert(&mut self, id: u32, interval: Interval) {
        self.by_id.entry(id).or_default().push(interval);
    }

    /// The interval of a time, else the first there is.
    fn of(&self, id: u32, ts_ns: i64) -> Option<&Interval> {
        let intervals = self.by_id.get(&id)?;
        intervals.iter().rfind(|interval| interval.holds(ts_ns)).or_else(|| intervals.first())
    }
}

/// What a definition or the head of the file tells about an instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    /// Raw symbol; empty where nothing told it.
    pub symbol: String,
    /// Smallest price step, nano-units; 0 where nothing told it.
    pub tick_nanos: i64,
    /// Value of a point, nano-units; 0 where nothing told it.
    pub multiplier_nanos: i64,
    pub expiry_ns: Option<i64>,
    pub currency: String,
    pub settle_currency: String,
    pub base: String,
    pub settlement: Option<Settlement>,
}

/// The step of a column of prices: a power of ten, or two and a half or five tenths of the next where enough prices
/// show it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grid {
    step: Step,
    common: i64,
    shown: u32,
}

impl Grid {
    /// Prices before a step between the powers of ten is believed.
    const SHOWN_MIN: u32 = 256;

    #[inline]
    pub(super) fn show(&mut self, price: i64) {
        self.shown = self.shown.saturating_add(1);
        // What the common divisor divides, the step divides as well: nearly every price after the first few.
        if price.checked_rem(self.common) != Some(0) {
            self.step.show(price);
            self.common = gcd(self.common, price);
        }
    }

    /// Prices shown so far.
    pub(super) const fn shown(&self) -> u32 {
        self.shown
    }

    pub(super) fn tick_nanos(&self) -> i64 {
        let step = self.step.nanos();
        let divides = |step: &i64| self.common % step == 0;
        if self.shown < Self::SHOWN_MIN {
            return step;
        }
        [step * 25, step * 5].into_iter().find(divides).unwrap_or(step)
    }
}

fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    index: u32,
    from_ns: i64,
    until_ns: i64,
}

/// Instruments by id.
pub(super) struct Names {
    mapping: Mapping,
    traits: FxHashMap<u32, Traits>,
    slots: FxHashMap<u32, Slot>,
    /// Who has a symbol, and since when till when: a symbol may pass from one id to the next, as where a series rolls.
    claims: FxHashMap<String, Vec<(u32, Slot)>>,
    latest: (u32, Slot),
    options: Options,
    settlement: Settlement,
}

impl Names {
    /// `settlement` is that of the dataset, where no definition tells.
    pub(super) fn new(mapping: Mapping, options: Options, settlement: Settlement) -> Self {
        let nowhere = Slot { index: ABSENT, from_ns: 0, until_ns: 0 };
        Self {
            mapping,
            traits: FxHashMap::default(),
            slots: FxHashMap::default(),
            claims: FxHashMap::default(),
            latest: (u32::MAX, nowhere),
            options,
            settlement,
        }
    }

    /// Ids that the metadata name.
    pub(super) fn ids(&self) -> usize {
        self.mapping.by_id.len()
    }

    /// The symbols asked for, in their order: they come first.
    pub(super) fn asked(&self) -> Vec<Instrument> {
        let plain = Traits::default();
        self.options.symbols.iter().map(|symbol| self.make(symbol, &plain)).collect()
    }

    /// Index of the instrument, [`ABSENT`] where nobody asked for it; new ones are appended to `instruments`.
    #[inline]
    pub(super) fn index(&mut self, id: u32, ts_ns: i64, instruments: &mut Vec<Instrument>) -> u32 {
        let (latest, slot) = self.latest;
        if latest == id && slot.from_ns <= ts_ns && ts_ns < slot.until_ns {
            return slot.index;
        }
        self.look_up(id, ts_ns, instruments)
    }

    fn look_up(&mut self, id: u32, ts_ns: i64, instruments: &mut Vec<Instrument>) -> u32 {
        let slot = match self.slots.get(&id) {
            Some(slot) if slot.from_ns <= ts_ns && ts_ns < slot.until_ns => *slot,
            _ => self.resolve(id, ts_ns, instruments),
        };
        self.latest = (id, slot);
        slot.index
    }

    #[cold]
    fn resolve(&mut self, id: u32, ts_ns: i64, instruments: &mut Vec<Instrument>) -> Slot {
        let traits = self.traits.get(&id).cloned().unwrap_or_default();
        let interval = self.mapping.of(id, ts_ns).filter(|interval| interval.holds(ts_ns));
        let (mut from_ns, mut until_ns) = (i64::MIN, i64::MAX);
        if let Some(interval) = interval {
            (from_ns, until_ns) = (interval.from_ns, interval.until_ns);
        }
        let told = interval.or_else(|| self.mapping.of(id, ts_ns)).map(|interval| interval.name.as_str());
        let told = told.filter(|name| !name.is_empty()).unwrap_or(traits.symbol.as_str());
        let mut symbol = short(told, id);
        let claimed = |symbol: &str| {
            let claims = self.claims.get(symbol).into_iter().flatten();
            claims
                .clone()
                .any(|(holder, slot)| *holder != id && slot.from_ns < until_ns && from_ns < slot.until_ns)
        };
        if claimed(&symbol) {
            symbol = short(&format!("{symbol}#{id}"), id);
        }
        let index = match instruments.iter().position(|instrument| instrument.symbol == symbol) {
            Some(place) => u32::try_from(place).unwrap_or(ABSENT),
            None if self.options.is_asked(&symbol) => {
                let instrument = self.make(&symbol, &traits);
                instruments.push(instrument);
                u32::try_from(instruments.len() - 1).unwrap_or(ABSENT)
            }
            None => ABSENT,
        };
        let slot = Slot { index, from_ns, until_ns };
        if let Some(instrument) = instruments.get_mut(index as usize) {
            *instrument = self.make(&symbol, &traits);
        }
        self.claims.entry(symbol).or_default().push((id, slot));
        self.slots.insert(id, slot);
        slot
    }

    /// What the head of the file showed, before the first record is asked for.
    pub(super) fn suppose(&mut self, id: u32, tick_nanos: i64) {
        let traits = self.traits.entry(id).or_default();
        if traits.tick_nanos == 0 {
            traits.tick_nanos = tick_nanos;
        }
    }

    /// A definition: it names the id where the metadata do not, and its tick and multiplier count from here on.
    pub(super) fn define(&mut self, id: u32, traits: Traits, instruments: &mut [Instrument]) {
        let slot = self.slots.get(&id).copied();
        if let Some(instrument) = slot.and_then(|slot| instruments.get_mut(slot.index as usize)) {
            *instrument = self.make(&instrument.symbol.clone(), &traits);
        }
        self.traits.insert(id, traits);
    }

    /// A mapping met on the way; it counts from its start, as where a session was recorded live.
    pub(super) fn map(&mut self, id: u32, interval: Interval) {
        if self.latest.0 == id {
            self.latest.0 = u32::MAX;
        }
        self.slots.remove(&id);
        self.mapping.insert(id, interval);
    }

    fn make(&self, symbol: &str, traits: &Traits) -> Instrument {
        if let Some(stated) = self.options.stated(symbol) {
            return stated.clone();
        }
        let or = |value: i64, other: i64| if value > 0 { value } else { other };
        let currency = if traits.currency.is_empty() { "USD" } else { &traits.currency };
        let settle = if traits.settle_currency.is_empty() { currency } else { &traits.settle_currency };
        let base = if traits.base.is_empty() { symbol } else { &traits.base };
        Instrument {
            symbol: symbol.to_owned(),
            // A cent where nothing tells: most of what trades has it.
            ticks: vec![TickBand { from_px_nanos: 0, tick_nanos: or(traits.tick_nanos, ONE / 100) }],
            lot_nanos: ONE,
            multiplier_nanos: or(traits.multiplier_nanos, ONE),
            order_qty_min: 1,
            order_qty_max: 999_999,
            base_currency: base.to_owned(),
            quote_currency: currency.to_owned(),
            settle_currency: settle.to_owned(),
            settlement: traits.settlement.unwrap_or(self.settlement),
            expiry_ns: traits.expiry_ns,
        }
    }
}

/// A symbol of at most 16 characters.
fn short(name: &str, id: u32) -> String {
    let packed: String = name.chars().filter(|letter| !letter.is_whitespace()).collect();
    let fits = |text: &str| !text.is_empty() && text.len() <= SYMBOL_BYTES_MAX && text.is_ascii();
    if fits(&packed) {
        return packed;
    }
    // Root, six digits of the date, call or put, eight digits of the strike.
    let strike = packed.len().checked_sub(8).filter(|at| packed.is_char_boundary(*at));
    if let Some((root, strike)) = strike.map(|at| packed.split_at(at))
        && strike.bytes().all(|byte| byte.is_ascii_digit())
        && root.ends_with(['C', 'P'])
    {
        let shorter = format!("{root}{}", strike.trim_start_matches('0'));
        if fits(&shorter) {
            return shorter;
        }
    }
    format!("#{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_symbols_of_options_are_packed_and_longer_ones_are_numbers() {
        assert_eq!(short("ESH4", 7), "ESH4");
        assert_eq!(short("SPY   231013P00458000", 7), "SPY231013P458000");
        assert_eq!(short("SPXW  231013P04580000", 7), "#7");
        assert_eq!(short("", 7), "#7");
    }

    #[test]
    fn a_quarter_is_seen_in_many_prices_and_not_in_a_few() {
        let mut grid = Grid::default();
        grid.show(4_800_250_000_000);
        assert_eq!(grid.tick_nanos(), 10_000_000);
        for quarter in 0..300 {
            grid.show(4_800_000_000_000 + quarter * 250_000_000);
        }
        assert_eq!(grid.tick_nanos(), 250_000_000);
    }

    #[test]
    fn a_symbol_that_passes_to_another_id_stays_one_instrument() {
        let mut mapping = Mapping::default();
        mapping.insert(1, Interval::of_days(0, 1, "ES.c.0".to_owned()));
        mapping.insert(2, Interval::of_days(1, 2, "ES.c.0".to_owned()));
        mapping.insert(3, Interval::of_days(1, 2, "ES.c.0".to_owned()));
        let mut names = Names::new(mapping, Options::default(), Settlement::Linear);
        let mut instruments = Vec::new();
        assert_eq!(names.index(1, DAY_NS - 1, &mut instruments), 0);
        assert_eq!(names.index(2, DAY_NS, &mut instruments), 0);
        assert_eq!(names.index(3, DAY_NS, &mut instruments), 1);
        assert_eq!(names.index(9, DAY_NS, &mut instruments), 2);
        let symbols: Vec<_> = instruments.iter().map(|instrument| instrument.symbol.as_str()).collect();
        assert_eq!(symbols, ["ES.c.0", "ES.c.0#3", "#9"]);
    }
}
