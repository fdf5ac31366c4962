//! Which instrument a stock locate is today.

use std::collections::BTreeMap;

use tickrace_types::InstrumentId;

/// Maps the day's stock locates to instrument ids, fed by the directory messages.
///
/// Locates are 16 bits, so the map is one array. The hot question, [`LocateMap::raw`], is one load.
#[derive(Clone, Debug)]
pub struct LocateMap {
    ids: Box<[u32; 1 << 16]>,
    by_symbol: BTreeMap<[u8; 8], u32>,
    symbols: Vec<String>,
    every: bool,
}

/// No instrument is known for the locate.
pub(crate) const ABSENT: u32 = u32::MAX - 1;

impl LocateMap {
    /// Every instrument of the feed, numbered in the order of the directory.
    pub fn all() -> Self {
        Self { ids: fresh(), by_symbol: BTreeMap::new(), symbols: Vec::new(), every: true }
    }

    /// Only the instruments named; messages of others are filtered by their locate, undecoded.
    ///
    /// Symbols longer than eight bytes cannot occur in the feed and match nothing.
    pub fn only<'a>(symbols: impl IntoIterator<Item = (&'a str, InstrumentId)>) -> Self {
        let mut map = Self { ids: fresh(), by_symbol: BTreeMap::new(), symbols: Vec::new(), every: false };
        for (symbol, id) in symbols {
            if let Some(padded) = padded_symbol(symbol) {
                map.by_symbol.insert(padded, id.0);
                map.name(id.0, symbol.to_owned());
            }
        }
        map
    }

    /// The map for the next day: the same symbols keep their ids, all locates are forgotten.
    #[must_use]
    pub fn next_day(&self) -> Self {
        Self {
            ids: fresh(),
            by_symbol: self.by_symbol.clone(),
            symbols: self.symbols.clone(),
            every: self.every,
        }
    }

    /// Whether every instrument passes.
    pub const fn is_all(&self) -> bool {
        self.every
    }

    /// Instrument of a locate; `None` where it is unknown or not asked for, or 0.
    pub fn id_of(&self, locate: u16) -> Option<InstrumentId> {
        let id = self.raw(locate);
        (id < ABSENT).then_some(InstrumentId(id))
    }

    /// Symbols by instrument id; an id that has none is an empty text.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Symbol of an instrument id; empty where it has none.
    pub fn symbol(&self, id: InstrumentId) -> &str {
        self.symbols.get(id.index()).map_or("", String::as_str)
    }

    /// Id, [`ABSENT`], or `u32::MAX` for locate 0.
    #[inline]
    pub(crate) fn raw(&self, locate: u16) -> u32 {
        self.ids[usize::from(locate)]
    }

    /// Takes note of a directory message; `symbol` is padded with spaces as the feed writes it.
    #[cold]
    pub fn announce(&mut self, locate: u16, symbol: [u8; 8]) {
        if locate == 0 {
            return;
        }
        let known = self.by_symbol.get(&symbol).copied();
        let id = match (known, self.every) {
            (Some(id), _) => id,
            (None, false) => ABSENT,
            (None, true) => {
                let current = self.raw(locate);
                let id = if current < ABSENT { current } else { self.fresh_id() };
                self.by_symbol.insert(symbol, id);
                self.name(id, symbol_text(&symbol));
                id
            }
        };
        self.ids[usize::from(locate)] = id;
    }

    /// Gives an instrument that was never announced a number and the name `locate#N`; `None` where only
    /// named instruments pass.
    #[cold]
    pub fn adopt(&mut self, locate: u16) -> Option<u32> {
        if !self.every {
            return None;
        }
        let id = self.fresh_id();
        self.name(id, format!("locate#{locate}"));
        self.ids[usize::from(locate)] = id;
        Some(id)
    }

    /// The next free id.
    fn fresh_id(&self) -> u32 {
        u32::try_from(self.symbols.len()).unwrap_or(ABSENT)
    }

    fn name(&mut self, id: u32, symbol: String) {
        let place = InstrumentId(id).index();
        if self.symbols.len() <= place {
            self.symbols.resize(place + 1, String::new());
        }
        self.symbols[place] = symbol;
    }
}

/// All locates unknown, 0 about no instrument.
fn fresh() -> Box<[u32; 1 << 16]> {
    let mut ids = Box::new([ABSENT; 1 << 16]);
    ids[0] = InstrumentId::NONE.0;
    ids
}

/// A symbol as the feed writes it: eight bytes, spaces on the right.
fn padded_symbol(symbol: &str) -> Option<[u8; 8]> {
    let mut padded = [b' '; 8];
    padded.get_mut(..symbol.len())?.copy_from_slice(symbol.as_bytes());
    Some(padded)
}

/// The symbol without padding; bytes outside printable ASCII become `?`.
pub fn symbol_text(padded: &[u8]) -> String {
    let end = padded.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    padded[..end].iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' }).collect()
}
