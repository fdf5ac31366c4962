//! Features: what a model is told of a market, one row at a time.
//!
//! A [`FeatureSet`] hears every record of one instrument with the top of its book after it, and takes a row at the first
//! event of each sampling interval. The same code runs in a policy and over a file, so that research and trading see the same
//! numbers bit for bit. A feature that has not seen enough is *not ready*, and says so: no value is ever NaN.
//!
//! A market that cannot be traded in (halted, stale, one-sided, crossed) is a *break*: no row is taken in it, and what looks
//! back over time is not ready again until it has seen enough since. Knows nothing of models and orders. Nothing here
//! allocates after it was made; see docs/models.md for a feature of your own.
//!
//! Invariants: time never runs backwards; memory is bounded by the configuration, whatever the market does.

pub mod bars;
pub mod config;
pub mod flow;
pub mod moment;
pub mod returns;
pub mod touch;
pub mod trades;
pub mod volatility;
pub mod window;

pub use config::{FeatureConfig, FeaturesConfig};
pub use moment::{Quote, Trade};

use tickrace_types::{Flags, Instrument, Kind, Record, TopOfBook};

use moment::Tape;

/// Most features of a row: one bit each says which are ready.
pub const FEATURES_MAX: usize = 64;

const NANOS_PER_MS: i64 = 1_000_000;

/// One number that follows a market. Deterministic; never allocates after it was made.
pub trait Feature {
    /// The touch after an event, in a market that can be traded in.
    fn on_quote(&mut self, quote: &Quote);

    /// A trade, told before the touch that its event leaves.
    fn on_trade(&mut self, trade: &Trade);

    /// The market cannot be traded in for now: what came before says nothing of what follows.
    fn on_break(&mut self);

    /// The value at the quote last told; `None` where it has not seen enough. Never NaN or infinite.
    fn value(&mut self, quote: &Quote) -> Option<f64>;
}

/// The built-in features without a dynamic call, and a boxed one of the user's own.
pub(crate) enum Figure {
    Return(returns::Return),
    Volatility(volatility::Volatility),
    Touch(touch::Touch),
    OrderFlow(flow::OrderFlow),
    TradeSign(trades::TradeSign),
    SinceTrade(trades::SinceTrade),
    Volume(trades::Volume),
    Bar(Box<bars::BarFigure>),
    Custom(Box<dyn Feature + Send>),
}

macro_rules! each {
    ($figure:expr, $one:ident => $call:expr) => {
        match $figure {
            Figure::Return($one) => $call,
            Figure::Volatility($one) => $call,
            Figure::Touch($one) => $call,
            Figure::OrderFlow($one) => $call,
            Figure::TradeSign($one) => $call,
            Figure::SinceTrade($one) => $call,
            Figure::Volume($one) => $call,
            Figure::Bar($one) => $call,
            Figure::Custom($one) => $call,
        }
    };
}

/// The features of one instrument at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Time of the record, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Values in the order of the configuration; 0 where not ready.
    pub values: Box<[f64]>,
    /// Which are ready, one bit each.
    pub ready: u64,
    /// Bid and ask of that moment, nano-units; 0 before the first row.
    pub touch: (i64, i64),
}

impl Row {
    /// Whether every feature has seen enough.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.ready.count_ones() as usize == self.values.len()
    }

    /// A value, where it is ready.
    #[inline]
    pub fn value(&self, place: usize) -> Option<f64> {
        (self.ready >> place & 1 == 1).then(|| self.values[place])
    }
}

/// All features of one instrument.
pub struct FeatureSet {
    figures: Vec<Figure>,
    sample_ns: i64,
    /// No row before this.
    due_ns: i64,
    tape: Tape,
    /// The touch after the last event; `None` in a break.
    quote: Option<Quote>,
    row: Row,
}

impl std::fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeatureSet").field("row", &self.row).finish_non_exhaustive()
    }
}

impl FeatureSet {
    /// Takes all its memory here. Of a checked configuration.
    pub fn new(config: &FeaturesConfig, instrument: &Instrument) -> Self {
        let figures: Vec<Figure> = config.feature.iter().map(|feature| feature.build(instrument)).collect();
        let row = Row { ts_ns: 0, values: vec![0.0; figures.len()].into(), ready: 0, touch: (0, 0) };
        Self {
            figures,
            sample_ns: i64::from(config.sample_ms) * NANOS_PER_MS,
            due_ns: i64::MIN,
            tape: Tape::default(),
            quote: None,
            row,
        }
    }

    /// The same with a feature of your own after the others.
    ///
    /// # Panics
    ///
    /// Where there are [`FEATURES_MAX`] already.
    #[must_use]
    pub fn with_feature(mut self, feature: Box<dyn Feature + Send>) -> Self {
        assert!(self.figures.len() < FEATURES_MAX, "a row has at most {FEATURES_MAX} features");
        self.figures.push(Figure::Custom(feature));
        self.row.values = vec![0.0; self.figures.len()].into();
        self
    }

    /// Takes a record in, with the top after it. Gives a row where one is due: at the end of an event, in a market that can
    /// be traded in.
    ///
    /// - `now_ns`: receive time of the record; never runs backwards.
    #[inline]
    pub fn on_record(&mut self, record: &Record, top: &TopOfBook, now_ns: i64) -> Option<&Row> {
        if let Some(trade) = self.tape.read(record, self.quote.as_ref(), now_ns) {
            for figure in &mut self.figures {
                each!(figure, one => one.on_trade(&trade));
            }
        }
        let flags = record.header.flags;
        if flags & Flags::END_OF_EVENT == 0 || flags & Flags::SNAPSHOT != 0 {
            // A word about the phase ends its event at one instrument only.
            let is_about_phase =
                matches!(Kind::from_code(record.header.kind), Some(Kind::Status | Kind::Gap));
            if is_about_phase && Quote::of(top, now_ns).is_none() {
                self.on_break();
            }
            return None;
        }
        let Some(mut quote) = Quote::of(top, now_ns) else {
            self.on_break();
            return None;
        };
        if let Some(before) = &self.quote {
            quote.since_ns = before.since_ns;
        }
        self.quote = Some(quote);
        for figure in &mut self.figures {
            each!(figure, one => one.on_quote(&quote));
        }
        if now_ns < self.due_ns {
            return None;
        }
        if self.sample_ns > 0 {
            let interval = now_ns.div_euclid(self.sample_ns);
            self.due_ns = interval.saturating_add(1).saturating_mul(self.sample_ns);
        }
        self.take_row(&quote);
        Some(&self.row)
    }

    /// The touch after the last event; `None` in a break.
    pub fn quote(&self) -> Option<&Quote> {
        self.quote.as_ref()
    }

    /// The row last taken.
    pub fn row(&self) -> &Row {
        &self.row
    }

    fn take_row(&mut self, quote: &Quote) {
        let Row { ts_ns, values, ready, touch } = &mut self.row;
        (*ts_ns, *touch, *ready) = (quote.now_ns, (quote.bid_px, quote.ask_px), 0);
        for (place, (value, figure)) in values.iter_mut().zip(&mut self.figures).enumerate() {
            let told = each!(figure, one => one.value(quote));
            debug_assert!(told.is_none_or(f64::is_finite), "feature {place} gave {told:?}");
            // A feature of the user's own may break its word; the model is not told nonsense.
            match told.filter(|told| told.is_finite()) {
                Some(told) => {
                    *value = told;
                    *ready |= 1 << place;
                }
                None => *value = 0.0,
            }
        }
    }

    /// Records were missed: what looks back over time starts anew.
    #[cold]
    pub fn on_break(&mut self) {
        if self.quote.take().is_some() {
            for figure in &mut self.figures {
                each!(figure, one => one.on_break());
            }
        }
    }
}

#[cfg(test)]
mod tests;
