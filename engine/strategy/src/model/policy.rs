//! Trades a model: predicted return to target position to orders.
//!
//! At each row of features the model is asked; its prediction and confidence become a target position through the sizing room.
//! Towards the target the policy rests at its own touch, or takes where the prediction pays half the spread and the stated cost
//! of taking. One order at a time: what it takes with leaves only once nothing of its own is open, so no fill of both can pass
//! the target. Knows nothing of how the model was made.
//!
//! In a market that is halted, stale, one-sided or silent for too long, before every feature is ready, and once a prediction is
//! older than its horizon, everything is pulled and nothing is said; the position stays.
//!
//! Invariant: position and open orders together never pass `sizing.position_max_lots`.

use tickrace_oms::{OrderRequest, State};
use tickrace_types::event::venue_reason;
use tickrace_types::{
    Instrument, InstrumentId, InstrumentTable, Price, ResponseKind, ResponseRecord, Side, TimeInForce,
};

use super::{Model, ModelConfig, Prediction};
use crate::features::{FeatureSet, Quote, Row};
use crate::{ConfigError, Policy, Prospect, Say, Sizer, Speech, View};

const NANOS_PER_MS: i64 = 1_000_000;

/// Follows a model in every instrument it sees.
#[derive(Debug)]
pub struct ModelPolicy {
    config: ModelConfig,
    model: Box<dyn Model>,
    /// Place in a row of each feature that the model takes.
    places: Box<[usize]>,
    /// What the model is handed.
    input: Box<[f64]>,
    volatility: Option<(usize, f64)>,
    sizer: Sizer,
    markets: Vec<Market>,
}

/// One instrument.
#[derive(Debug)]
struct Market {
    features: FeatureSet,
    prediction: Option<Prediction>,
    predicted_ns: i64,
    target_lots: i64,
    /// Touch and version of our orders when last looked at.
    seen: (i64, i64, u64),
    paused_until_ns: i64,
    /// Something waits for its time: look again although nothing moved.
    is_waiting: bool,
}

impl ModelPolicy {
    /// Takes all its memory here; one state for each instrument of the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range, or that no model was read.
    pub fn new(config: &ModelConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        let key = "model.path";
        let fail = |wanted| ConfigError { key, wanted, got: f64::NAN };
        let model = config.model.loaded.as_ref().ok_or_else(|| fail("read before the run"))?.boxed();
        let places = config.places(model.as_ref());
        let places = places.map_err(|_| fail("a model whose features are all among strategy.features"))?;
        let market = |instrument: &Instrument| Market {
            features: FeatureSet::new(&config.features, instrument),
            prediction: None,
            predicted_ns: i64::MIN,
            target_lots: 0,
            seen: (0, 0, u64::MAX),
            paused_until_ns: i64::MIN,
            is_waiting: false,
        };
        Ok(Self {
            input: vec![0.0; places.len()].into(),
            volatility: config.volatility_feature(),
            sizer: Sizer::new(&config.sizing)?,
            markets: instruments.as_slice().iter().map(market).collect(),
            config: config.clone(),
            model,
            places,
        })
    }

    /// The features of an instrument as they were last sampled.
    pub fn row(&self, id: InstrumentId) -> Option<&Row> {
        self.markets.get(id.index()).map(|market| market.features.row())
    }

    /// What the model said of the last row; `None` where it was not asked or could not say.
    pub fn prediction(&self, id: InstrumentId) -> Option<Prediction> {
        self.markets.get(id.index()).and_then(|market| market.prediction)
    }

    /// Takes a record in; tells whether a row was due.
    #[inline]
    fn learn(&mut self, view: &View<'_>) -> bool {
        let market = self.markets.get_mut(view.id.index());
        market.is_some_and(|market| market.features.on_record(view.record, view.top, view.now_ns).is_some())
    }

    /// Asks the model about the row just taken, and sets the target.
    fn predict(&mut self, view: &View<'_>) {
        let Self { config, model, places, input, volatility, sizer, markets } = self;
        let market = &mut markets[view.id.index()];
        let row = market.features.row();
        market.predicted_ns = view.now_ns;
        market.prediction = None;
        if !row.is_ready() {
            return;
        }
        for (value, place) in input.iter_mut().zip(places.iter()) {
            *value = row.values[*place];
        }
        let Some(prediction) = model.predict(input) else { return };
        let Prediction { value, confidence } = prediction;
        market.prediction = Some(prediction);
        let held = view.oms.position(view.id).signum() as f64;
        let sign = if value > 0.0 { 1.0 } else { -1.0 };
        let bps = value.abs() * 1e4;
        let opens = bps >= config.enter_bps && confidence >= config.confidence_min && value != 0.0;
        let keeps = held == sign && bps >= config.exit_bps;
        if keeps && !opens {
            // Between the two nothing is added and nothing given up.
            market.target_lots = view.oms.position(view.id);
            return;
        }
        let mid = Price((row.touch.0 + row.touch.1) / 2);
        let lot_value = view.oms.pnl(view.id).value(mid, 1).to_f64().abs();
        let prospect = Prospect {
            equity: config.equity,
            lot_value,
            mean: value,
            volatility: volatility.map_or(0.0, |(place, scale)| row.values[place] * scale),
            confidence,
            bet: None,
            periods_left: 0.0,
        };
        market.target_lots = if opens { sizer.lots(&prospect).0 } else { 0 };
    }

    /// Says what leads to the target, where something moved since it last spoke.
    fn work(&mut self, view: &View<'_>, say: &mut Say, is_new: bool) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        let (top, version) = (view.top, view.oms.version(view.id));
        let seen = (top.bid_px, top.ask_px, version);
        let quote = Quote::of(top, view.now_ns);
        let is_moved = seen != market.seen || quote.is_none();
        if !is_moved && !is_new && !market.is_waiting {
            return;
        }
        market.seen = seen;
        market.is_waiting = false;
        let (config, age_ns) = (&self.config, view.now_ns.saturating_sub(top.ts_recv_ns));
        let is_silent = age_ns > config.top_age_ms_max * NANOS_PER_MS;
        let life_ns = view.now_ns.saturating_sub(market.predicted_ns);
        let is_old = life_ns > i64::from(config.horizon_ms) * NANOS_PER_MS;
        let told = market.prediction.filter(|_| !is_silent && !is_old);
        let (Some(quote), Some(prediction)) = (quote, told) else {
            pull(view, say);
            return;
        };
        let position = view.oms.position(view.id);
        let wanted = market.target_lots.saturating_sub(position);
        let is_near = wanted.abs() <= config.rebalance_min_lots && market.target_lots != 0;
        let instrument = view.instrument;
        let most = config.order_qty_max_lots.min(instrument.order_qty_max);
        let qty = wanted.abs().min(most);
        if wanted == 0 || is_near || qty < instrument.order_qty_min {
            pull(view, say);
            return;
        }
        // Whatever was refused would be refused again at once; and what takes is answered before anything follows it.
        let mut takers = Side::BOTH
            .into_iter()
            .flat_map(|side| view.oms.open_orders(view.id, side))
            .filter(|order| order.tif == TimeInForce::Ioc);
        if let Some(taker) = takers.next() {
            market.is_waiting = true;
            if taker.state == State::Unknown {
                say.speech = Speech::Pull;
            }
            return;
        }
        if view.now_ns < market.paused_until_ns {
            market.is_waiting = true;
            return;
        }
        let side = if wanted > 0 { Side::Bid } else { Side::Ask };
        let edge_bps = prediction.value * 1e4 * if wanted > 0 { 1.0 } else { -1.0 };
        let half_spread_bps = 1e4 * (quote.ask_px - quote.bid_px) as f64 / quote.mid_doubled();
        if edge_bps > half_spread_bps + config.cross_cost_bps {
            if has_orders(view) {
                say.speech = Speech::Pull;
                return;
            }
            let price = Price(if wanted > 0 { quote.ask_px } else { quote.bid_px });
            say.order(OrderRequest::limit(view.id, side, price, qty).with_tif(TimeInForce::Ioc));
            return;
        }
        say.wanted.clear();
        // As near as it may stay to its target a resting order may stay to its size.
        (say.wanted.keep_within_nanos, say.wanted.keep_short_lots) = (0, config.rebalance_min_lots);
        match side {
            Side::Bid => say.wanted.push_bid(quote.bid_px, qty),
            Side::Ask => say.wanted.push_ask(quote.ask_px, qty),
        };
        say.speech = Speech::Quote;
    }
}

fn has_orders(view: &View<'_>) -> bool {
    Side::BOTH.iter().any(|side| view.oms.open_orders(view.id, *side).next().is_some())
}

fn pull(view: &View<'_>, say: &mut Say) {
    if has_orders(view) {
        say.speech = Speech::Pull;
    }
}

impl Policy for ModelPolicy {
    #[inline]
    fn on_record(&mut self, view: &View<'_>) {
        self.learn(view);
    }

    #[inline]
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        let is_new = self.learn(view);
        if is_new {
            self.predict(view);
        }
        self.work(view, say, is_new);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        let is_refused = match response.response() {
            Some(ResponseKind::Rejected | ResponseKind::GateRefused) => true,
            Some(ResponseKind::CancelRejected) => response.reason != venue_reason::UNKNOWN_ORDER,
            Some(ResponseKind::Cancelled) => response.reason == venue_reason::POST_ONLY,
            _ => false,
        };
        if is_refused && let Some(market) = self.markets.get_mut(view.id.index()) {
            market.paused_until_ns = view.now_ns.saturating_add(self.config.refusal_pause_ms * NANOS_PER_MS);
        }
        self.work(view, say, false);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        // The one event that can come while the top and the prediction only grow older.
        if let Some(market) = self.markets.get_mut(view.id.index()) {
            market.is_waiting = true;
        }
        self.work(view, say, false);
    }

    /// What happened meanwhile is in no window: the features start anew, and until they are ready nothing is said.
    fn on_resume(&mut self) {
        for market in &mut self.markets {
            market.features.on_break();
            market.prediction = None;
        }
    }

    fn warm_up(&mut self, view: &View<'_>) {
        self.learn(view);
    }
}
