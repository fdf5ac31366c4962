//! Policies: what they see, what they may say, the market maker, and a plain quoter for
//! comparing simulators.
//!
//! A [`Policy`] sees a [`View`] of one instrument and answers into a [`Say`]; order management does the rest.
//! Knows nothing of limits, wires or threads, and never sees a clock other than the record's time.
#![forbid(unsafe_code)]

pub mod features;
pub mod market_making;
pub mod model;
pub mod momentum;
pub mod pairs;
pub mod policy;
pub mod regime;
pub mod sizing;
pub mod target;
pub mod touch_quoter;
pub mod view;
pub mod weight;

pub use features::{FeatureSet, FeaturesConfig};
pub use market_making::{ConfigError, MarketMaker, MarketMakerConfig};
pub use model::{Model, ModelConfig, ModelPolicy};
pub use momentum::{Momentum, MomentumConfig};
pub use pairs::{Pairs, PairsConfig};
pub use policy::{Policies, Policy};
pub use sizing::{Prospect, Sizer, SizingConfig};
pub use target::{TargetConfig, TargetFollower};
pub use touch_quoter::{TouchQuoter, TouchQuoterConfig};
pub use view::{CANCELS_MAX, ORDERS_MAX, Say, Speech, View};
pub use weight::Weight;
