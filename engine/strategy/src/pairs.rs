//! Pairs: two prices that belong together are traded against each other where they have come apart.
//!
//! At each bar both mids are looked at together: a line ([`relation`]) says how far they are apart, in deviations, how soon that
//! is expected to halve and whether they are cointegrated at all. Beyond a threshold the spread is taken, and held until it has come
//! back, has gone too far or has taken too long ([`stance`]). The two legs are one trade ([`legs`]): the second follows what the
//! first has traded, so much value at most stands alone, for so long at most; a refusal or a leg that comes too late unwinds both.
//!
//! Nothing is sent into a market that is not firm, open and lately heard of. What is held in the legs' instruments is this
//! policy's: a position that no trade of its own explains is closed.

mod config;
mod legs;
mod relation;
mod stance;
#[cfg(test)]
mod tests;

pub use config::{HedgeRatio, Lead, Neutral, PairConfig, PairsConfig, Prices};

use tickrace_oms::Oms;
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, InstrumentId, InstrumentTable, Price, ResponseRecord};

use crate::features::moment::Tape;
use crate::sizing::{Prospect, Sizer};
use crate::{ConfigError, Policy, Say, View};
use legs::{Leg, Legs, Terms};
use relation::{Reading, Relation};
use stance::Stance;

const NANOS_PER_MS: i64 = 1_000_000;
const NANOS_PER_S: i64 = 1_000_000_000;

/// Where the trade stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// None.
    #[default]
    Flat,
    /// The leader gets in, since then.
    Entering { since_ns: i64 },
    /// In.
    Held,
    /// Both get out.
    Leaving,
}

/// One pair.
#[derive(Clone, Debug)]
struct Pair {
    legs: Legs,
    tapes: [Tape; 2],
    relation: Relation,
    stance: Stance,
    phase: Phase,
    /// End of the bar that has begun; none before anything was heard.
    bar_end_ns: Option<i64>,
}

/// The policy.
#[derive(Clone, Debug)]
pub struct Pairs {
    config: PairsConfig,
    sizer: Sizer,
    pairs: Vec<Pair>,
    /// The pair of each instrument.
    of: Vec<Option<usize>>,
}

impl Pairs {
    /// Takes all its memory here.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range, a symbol that is not among the instruments, or one whose value does
    /// not follow its price.
    pub fn new(config: &PairsConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut of = vec![None; instruments.len()];
        let mut pairs = Vec::with_capacity(config.pairs.len());
        for pair in &config.pairs {
            let mut leg = |symbol: &str| {
                let (key, wanted) = ("pairs (each symbol's count)", "found once among the run's instruments");
                let id = instruments.find(symbol).ok_or(ConfigError { key, wanted, got: 0.0 })?;
                let instrument = instruments.get(id);
                if instrument.settlement == Settlement::Inverse {
                    let (key, wanted) = ("pairs (inverse contracts)", "none: value must follow price");
                    return Err(ConfigError { key, wanted, got: 1.0 });
                }
                of[id.index()] = Some(pairs.len());
                Ok(Leg::new(id, instrument))
            };
            let (y, x) = (leg(&pair.y)?, leg(&pair.x)?);
            let legs = match config.lead {
                Lead::Y => Legs::new(y, x),
                Lead::X => Legs::new(x, y),
            };
            pairs.push(Pair {
                legs,
                tapes: [Tape::default(); 2],
                relation: Relation::new(config.hedge_ratio, config.window_bars),
                stance: Stance::default(),
                phase: Phase::Flat,
                bar_end_ns: None,
            });
        }
        Ok(Self { sizer: Sizer::new(&config.sizing)?, config: config.clone(), pairs, of })
    }

    fn pair(&mut self, id: InstrumentId) -> Option<(&mut Pair, &PairsConfig, &Sizer)> {
        let place = (*self.of.get(id.index())?)?;
        Some((self.pairs.get_mut(place)?, &self.config, &self.sizer))
    }

    /// The end of a bar, where it has come; `is_live` where a trade may begin.
    fn pass_time(&mut self, view: &View<'_>, is_live: bool) {
        let Some((pair, config, sizer)) = self.pair(view.id) else { return };
        let bar_ns = config.bar_s * NANOS_PER_S;
        let end_ns = view.now_ns.div_euclid(bar_ns).saturating_add(1).saturating_mul(bar_ns);
        if *pair.bar_end_ns.get_or_insert(end_ns) > view.now_ns {
            return;
        }
        pair.bar_end_ns = Some(end_ns);
        pair.on_bar(view.now_ns, view.oms, (config, sizer), is_live);
    }

    /// What an event of a leg says of its market.
    fn learn(&mut self, view: &View<'_>, is_end: bool) {
        let Some((pair, ..)) = self.pair(view.id) else { return };
        let is_lead = view.id == pair.legs.lead.id;
        let leg = pair.legs.of(view.id);
        let tape = &mut pair.tapes[usize::from(!is_lead)];
        if let Some(trade) = tape.read(view.record, leg.quote.as_ref(), view.now_ns) {
            leg.on_print(trade.lots);
        }
        if is_end {
            leg.on_top(view);
        }
    }

    fn drive(&mut self, view: &View<'_>, say: &mut Say) {
        if let Some((pair, config, _)) = self.pair(view.id) {
            pair.drive(view.now_ns, view.oms, config, say);
        }
    }
}

impl Pair {
    /// Both mids, in the order `x`, `y`, where both markets are open and were heard of within a bar.
    fn mids(&self, now_ns: i64, config: &PairsConfig) -> Option<(f64, f64)> {
        let oldest_ns = now_ns - config.bar_s.saturating_mul(NANOS_PER_S);
        let mid = |leg: &Leg| leg.mid().filter(|_| leg.quote.is_some_and(|quote| quote.now_ns >= oldest_ns));
        let (lead, follow) = (mid(&self.legs.lead)?, mid(&self.legs.follow)?);
        Some(match config.lead {
            Lead::Y => (follow, lead),
            Lead::X => (lead, follow),
        })
    }

    fn on_bar(&mut self, now_ns: i64, oms: &Oms, (config, sizer): (&PairsConfig, &Sizer), is_live: bool) {
        self.legs.retry();
        let Some((x, y)) = self.mids(now_ns, config) else { return };
        let (from_x, from_y) = match config.prices {
            Prices::Log => (libm::log(x), libm::log(y)),
            Prices::Plain => (x, y),
        };
        let Some(reading) = self.relation.on_close(from_x, from_y) else { return };
        if self.stance.on_close(&reading, config).is_some() {
            self.leave();
        }
        let side = self.stance.wanted(&reading, config);
        let is_free = self.phase == Phase::Flat && self.legs.is_flat(oms);
        if side != 0 && is_live && is_free && self.size(side, &reading, (x, y), oms, (config, sizer)) {
            self.stance.take(side, &reading, config);
            self.phase = Phase::Entering { since_ns: now_ns };
        }
    }

    /// Sets ratio and target of the legs; `false` where nothing is worth holding.
    fn size(
        &mut self,
        side: i8,
        reading: &Reading,
        (x, y): (f64, f64),
        oms: &Oms,
        (config, sizer): (&PairsConfig, &Sizer),
    ) -> bool {
        let legs = &mut self.legs;
        let (leg_y, leg_x) = match config.lead {
            Lead::Y => (&legs.lead, &legs.follow),
            Lead::X => (&legs.follow, &legs.lead),
        };
        let (Some(quote_y), Some(quote_x)) = (leg_y.quote, leg_x.quote) else { return false };
        let (value_y, value_x) = (y * leg_y.multiplier, x * leg_x.multiplier);
        // Lots of x against one of y. Of a ratio that is not positive both legs would be on one side: no hedge.
        let by_ratio = match config.prices {
            Prices::Log => reading.ratio * value_y / value_x,
            Prices::Plain => reading.ratio * leg_y.multiplier / leg_x.multiplier,
        };
        let ratio = match config.neutral {
            Neutral::Hedge => by_ratio,
            Neutral::Value => value_y / value_x,
        };
        if by_ratio.is_nan() || by_ratio <= 0.0 {
            return false;
        }
        // What a unit of spread is worth for one lot of y.
        let unit = match config.prices {
            Prices::Log => value_y,
            Prices::Plain => leg_y.multiplier,
        };
        let gross = value_y + ratio * value_x;
        let open = |quote: &crate::features::Quote| (quote.ask_px - quote.bid_px) as f64 / 1e9;
        // Half a spread of each leg in and half out, and four fees.
        let cost = open(&quote_y) * leg_y.multiplier
            + ratio * open(&quote_x) * leg_x.multiplier
            + 2.0 * config.fee_bps * 1e-4 * gross;
        let gain = (reading.z().abs() - config.exit_z) * reading.deviation * unit;
        if gain < config.edge_cost_min * cost {
            return false;
        }
        // What of the excursion is expected to be gone after a bar, and the deviation of a bar's change.
        let kept = if reading.half_life > 0.0 { libm::exp2(-1.0 / reading.half_life) } else { 0.0 };
        let pnl = |leg: &Leg, mid: f64| {
            #[allow(clippy::cast_possible_truncation, reason = "a price that a book held")]
            let mid = Price((mid * 1e9) as i64);
            oms.pnl(leg.id).net(mid).to_f64()
        };
        let prospect = Prospect {
            equity: config.equity_ccy + pnl(leg_y, y) + pnl(leg_x, x),
            lot_value: gross,
            mean: f64::from(side) * (1.0 - kept) * reading.spread.abs() * unit / gross,
            volatility: (2.0 * (1.0 - kept)).sqrt() * reading.deviation * unit / gross,
            confidence: 1.0,
            ..Prospect::default()
        };
        let most = config.sizing.position_max_lots as f64;
        let wanted = sizer.lots(&prospect).0 as f64;
        let wanted_y = wanted.abs().min(most / ratio).floor();
        // The leader's lots, and the follower's against each of them.
        let (lead, ratio) = match config.lead {
            Lead::Y => (wanted_y, ratio),
            Lead::X => (-(wanted_y * ratio).floor(), 1.0 / ratio),
        };
        #[allow(clippy::cast_possible_truncation, reason = "within position_max_lots")]
        let target = (f64::from(side) * lead) as i64;
        let (before, held) = (legs.ratio, legs.target);
        (legs.ratio, legs.target) = (ratio, target);
        if legs.has_room(config.legged_max_ccy) && legs.is_whole(config.rounding_share_max) {
            return true;
        }
        (legs.ratio, legs.target) = (before, held);
        false
    }

    /// Both legs are to be closed.
    fn leave(&mut self) {
        self.legs.target = 0;
        self.phase = Phase::Leaving;
    }

    /// The trade failed.
    fn abandon(&mut self, config: &PairsConfig) {
        self.stance.abandon(config.pause_bars);
        self.leave();
    }

    fn drive(&mut self, now_ns: i64, oms: &Oms, config: &PairsConfig, say: &mut Say) {
        let behind_ns = self.legs.behind_ns(now_ns, oms);
        let is_late = behind_ns > config.legged_ms_max * NANOS_PER_MS;
        let in_lots = oms.position(self.legs.lead.id);
        match self.phase {
            Phase::Entering { .. } | Phase::Held if is_late => self.abandon(config),
            Phase::Entering { since_ns } => {
                if in_lots == self.legs.target {
                    if behind_ns == 0 {
                        self.phase = Phase::Held;
                    }
                } else if now_ns - since_ns > config.entry_ms_max * NANOS_PER_MS {
                    // What is in is kept, where whole lots hedge it.
                    self.legs.target = in_lots;
                    if in_lots == 0 || !self.legs.is_whole(config.rounding_share_max) {
                        self.abandon(config);
                    }
                }
            }
            Phase::Leaving if self.legs.is_flat(oms) => self.phase = Phase::Flat,
            Phase::Flat | Phase::Held | Phase::Leaving => {}
        }
        let is_entry = matches!(self.phase, Phase::Entering { .. } | Phase::Held);
        let terms = Terms {
            lead: config.exit_execution.as_ref().filter(|_| !is_entry).unwrap_or(&config.execution),
            follow: &config.follow_execution,
            legged_max_ccy: config.legged_max_ccy,
            order_max_ccy: config.order_max_ccy,
            top_age_ns_max: config.top_age_ms_max * NANOS_PER_MS,
        };
        self.legs.drive(now_ns, oms, &terms, say);
    }
}

impl Policy for Pairs {
    fn on_record(&mut self, view: &View<'_>) {
        self.learn(view, false);
    }

    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        // The bar ends with what was known before this event.
        self.pass_time(view, true);
        self.learn(view, true);
        self.drive(view, say);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        let Some((pair, config, _)) = self.pair(view.id) else { return };
        let is_refused = pair.legs.on_response(view.now_ns, view.id, response);
        if is_refused && matches!(pair.phase, Phase::Entering { .. } | Phase::Held) {
            pair.abandon(config);
        }
        pair.drive(view.now_ns, view.oms, config, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        self.pass_time(view, true);
        self.drive(view, say);
    }

    fn warm_up(&mut self, view: &View<'_>) {
        self.pass_time(view, false);
        self.learn(view, view.record.header.flags & Flags::END_OF_EVENT != 0);
    }

    /// What moved meanwhile was not heard: what is held is closed, and nothing is taken for a while.
    fn on_resume(&mut self) {
        let config = &self.config;
        for pair in &mut self.pairs {
            pair.legs.lead.forget();
            pair.legs.follow.forget();
            pair.abandon(config);
        }
    }
}
