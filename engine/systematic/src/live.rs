//! A system a day at a time: yesterday's [`State`] and one [`Day`] of prices give today's positions.
//!
//! A state is what the past leaves behind: of exponential averages a few numbers, of windows their rows, of the volatility that
//! attenuates forecasts its days in order of size. It is made once from a history ([`State::build`]), kept in a file
//! ([`State::save`]), and moves on by [`State::advance`], which looks at nothing older than the state. What it gives is to the
//! last bit what [`crate::system::System`] gives for that day over the whole history: the same operations in the same order.
//!
//! Two things are to be known. *Every instrument that has begun has a row on every day*; one that has no quote has a row without
//! a price, as it would have in the whole run once its next price is there. And *adjusted prices stay in the coordinates of the
//! state*: where a roll moved all earlier prices by a constant ([`Quote::roll_shift`]), the state takes that off what comes after,
//! for a history that is rewritten has other last bits, of which only the whole run knows.
//!
//! Refuses what cannot be known a day at a time ([`LiveError::Refused`] names the key): parameters that are estimated, what is
//! filled backwards, costs over the whole history, the risk overlay and whole contracts for small capital.
//!
//! Invariant: a day that is refused leaves the state as it was.

use std::collections::BTreeMap;

use tickrace_analytics::days::date_of;
use tickrace_stats::BusinessDay;

use crate::config::{ConfigError, SystemConfig};
use crate::market::{Market, MarketError};
use crate::system::SystemError;
use crate::targets::Target;

mod cross;
mod expression;
mod file;
mod history;
mod member;
mod operator;
mod plan;
mod rates;
mod rule;
mod tape;
mod volatility;

use cross::Cross;
pub use history::News;
use history::{Bar, bars_of};
use member::Member;
pub use member::{FIGURES, Known};
use plan::Plan;
use rates::Rates;

/// Most business days that may lie between a state and the day it is given: beyond it a date is thought misspelt.
pub const GAP_DAYS_MAX: i32 = 261;

/// What a day brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Day {
    /// Its business day.
    pub day: BusinessDay,
    /// Quotes by instrument; one that is not here has no price today.
    pub quotes: BTreeMap<String, Quote>,
    /// Rates by pair (`EURUSD`), each stamped in nanoseconds since the Unix epoch, in order of time; NaN is passed over. Pairs
    /// that the system does not need are too.
    pub rates: BTreeMap<String, Vec<(i64, f64)>>,
}

/// Prices of one instrument on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quote {
    /// Last back-adjusted price; NaN is a row without a price, absent no row: an instrument begins with its first row.
    pub adjusted: Option<f64>,
    /// What was added to all earlier adjusted prices since the state's last day, points; 0 where nothing rolled.
    pub roll_shift: f64,
    /// Prices of contracts, in order of time.
    pub multiple: Vec<Contracts>,
}

/// Prices of the held contract and of the one that carry is measured against; NaN where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contracts {
    /// Price of the held contract.
    pub price: f64,
    /// Price of the carry contract.
    pub carry: f64,
    /// The held contract, `YYYYMM00`.
    pub price_contract: f64,
    /// The carry contract.
    pub carry_contract: f64,
}

/// Why there is no state, or no day.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A configuration that cannot go on a day at a time.
    #[error("{key}: {why}; {instead}")]
    Refused {
        /// Its key.
        key: String,
        /// Why.
        why: &'static str,
        /// What would be possible.
        instead: &'static str,
    },
    /// The configuration, the data or a rule, as the whole run says it.
    #[error(transparent)]
    System(#[from] SystemError),
    /// A day that is not after the state's last.
    #[error("{} is not after the state's last day, {}: each day is given once, in order", date(*day), date(*last))]
    Order {
        /// The day.
        day: BusinessDay,
        /// The state's.
        last: BusinessDay,
    },
    /// A day far ahead.
    #[error("{} is {gap} business days after the state's last day, {}; at most {GAP_DAYS_MAX} may lie between", date(*day), date(*last))]
    Gap {
        /// The day.
        day: BusinessDay,
        /// The state's.
        last: BusinessDay,
        /// How many lie between.
        gap: i32,
    },
    /// A quote of an instrument that the system has not.
    #[error("there is no instrument {name} in the state; there are: {there}")]
    Instrument {
        /// Its name.
        name: String,
        /// Those there are.
        there: String,
    },
    /// A figure that is no price.
    #[error("{instrument}, {}: {what} is {value}", date(*day))]
    Value {
        /// Whose.
        instrument: String,
        /// When.
        day: BusinessDay,
        /// Which figure.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// Rows that do not follow each other in time.
    #[error("{instrument}: the {what} prices go back in time at row {row}")]
    Rows {
        /// Whose.
        instrument: String,
        /// Adjusted or multiple.
        what: &'static str,
        /// Which, from 1.
        row: usize,
    },
    /// A rate stamped too early.
    #[error("{pair}: a rate stamped {} comes after what is known up to {}; positions since would be others: restore an earlier state, or build anew", stamp(*stamp_ns), stamp(*newest_ns))]
    RateOrder {
        /// Of which pair.
        pair: String,
        /// Its stamp.
        stamp_ns: i64,
        /// Up to when all was known.
        newest_ns: i64,
    },
    /// A rate that is none.
    #[error("{pair}: a rate of {rate}; a rate is above zero")]
    RateValue {
        /// Of which pair.
        pair: String,
        /// Its value.
        rate: f64,
    },
    /// A history that is not the state's.
    #[error("{name}: {fault}; build the state anew")]
    History {
        /// Instrument or pair.
        name: String,
        /// How it differs.
        fault: String,
    },
    /// No day in the market.
    #[error("the market holds no day with prices")]
    Empty,
    /// A file that cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file that is no sound state, or another's.
    #[error("{path}: {fault}")]
    Damaged {
        /// Which.
        path: String,
        /// What is wrong, and what would be right.
        fault: String,
    },
}

impl From<MarketError> for LiveError {
    fn from(error: MarketError) -> Self {
        Self::System(error.into())
    }
}

impl From<ConfigError> for LiveError {
    fn from(error: ConfigError) -> Self {
        Self::System(error.into())
    }
}

fn date(day: BusinessDay) -> String {
    date_of(day.day())
}

fn stamp(at_ns: i64) -> String {
    if at_ns == i64::MIN {
        "the beginning".to_owned()
    } else {
        date_of(at_ns.div_euclid(tickrace_stats::panel::DAY_NS))
    }
}

/// A system as it stands after a day.
#[derive(Clone, Debug)]
pub struct State {
    plan: Plan,
    members: Vec<Member>,
    cross: Cross,
    rates: Rates,
    last: BusinessDay,
}

impl State {
    /// Goes once through a history.
    ///
    /// An instrument of the configuration without a row yet waits for its first quote.
    ///
    /// # Errors
    ///
    /// [`LiveError`] naming the key, the instrument or the rule at fault.
    pub fn build(config: &SystemConfig, market: &Market) -> Result<Self, LiveError> {
        let names: Vec<String> = match &config.instrument_weights {
            Some(weights) => weights.keys().cloned().collect(),
            None => market.instruments.keys().cloned().collect(),
        };
        let mut known = Vec::with_capacity(names.len());
        let mut bars = Vec::with_capacity(names.len());
        for name in &names {
            known.push(Known::of(market, name)?);
            bars.push(bars_of(name, &market.instruments[name].1)?);
        }
        let there: Vec<&str> = market.rates.keys().map(String::as_str).collect();
        let mut state = Self::fresh(config, known, &there)?;
        state.rates.fill(market, state.plan.from.map_or(i64::MIN, BusinessDay::start_ns))?;
        let first = bars.iter().filter_map(|bars| bars.first()).map(|(day, _)| *day).min();
        let last = bars.iter().filter_map(|bars| bars.last()).map(|(day, _)| *day).max();
        let (Some(first), Some(last)) = (first, last) else { return Err(LiveError::Empty) };
        let mut next = vec![0; bars.len()];
        let mut row = vec![Bar::default(); bars.len()];
        for day in first..=last {
            for ((bar, bars), next) in row.iter_mut().zip(&bars).zip(&mut next) {
                *bar = match bars.get(*next) {
                    Some((own, of_day)) if *own == day => {
                        *next += 1;
                        *of_day
                    }
                    _ => Bar::default(),
                };
            }
            state.step(BusinessDay(day), &row);
        }
        Ok(state)
    }

    /// Before any day.
    fn fresh(config: &SystemConfig, known: Vec<Known>, pairs: &[&str]) -> Result<Self, LiveError> {
        let plan = Plan::new(config, &known)?;
        let currencies = known.iter().map(|known| known.currency.as_str());
        let rates = Rates::new(pairs, currencies, (&config.base_currency, config.missing_rates))?;
        let cross = Cross::new(&plan, known.len());
        let mut members = Vec::with_capacity(known.len());
        for known in known {
            let route = rates.place(&known.currency);
            members.push(Member::new(&plan, config, route, known)?);
        }
        Ok(Self { plan, members, cross, rates, last: BusinessDay(i32::MIN) })
    }

    /// The day after which it stands.
    pub const fn day(&self) -> BusinessDay {
        self.last
    }

    /// Takes a day in. Business days between the state's last and this one are days without a price.
    ///
    /// # Errors
    ///
    /// [`LiveError`] naming what is wrong with the day; the state is then as it was.
    pub fn advance(&mut self, day: &Day) -> Result<Positions<'_>, LiveError> {
        let row = self.checked(day)?;
        for (name, rates) in &day.rates {
            if let Some(pair) = self.rates.pairs.get_mut(name) {
                rates.iter().for_each(|(stamp, rate)| pair.push(*stamp, *rate));
            }
        }
        let blank = vec![Bar::default(); self.members.len()];
        for number in self.last.0 + 1..day.day.0 {
            self.step(BusinessDay(number), &blank);
        }
        self.step(day.day, &row);
        Ok(self.positions())
    }

    /// Bars of a day by place, if all is well with it.
    fn checked(&self, day: &Day) -> Result<Vec<Bar>, LiveError> {
        let last = self.last;
        if day.day <= last {
            return Err(LiveError::Order { day: day.day, last });
        }
        let gap = day.day.0.saturating_sub(last.0) - 1;
        if gap > GAP_DAYS_MAX {
            return Err(LiveError::Gap { day: day.day, last, gap });
        }
        let mut row = vec![Bar::default(); self.members.len()];
        for (name, quote) in &day.quotes {
            let Some(place) = self.members.iter().position(|member| member.known.name == *name) else {
                let there: Vec<&str> = self.members.iter().map(|member| member.known.name.as_str()).collect();
                return Err(LiveError::Instrument { name: name.clone(), there: there.join(" ") });
            };
            row[place] = Bar::of_quote(name, day.day, quote)?;
        }
        for (name, rates) in &day.rates {
            let Some(pair) = self.rates.pairs.get(name) else { continue };
            let mut newest = pair.newest_ns.max(self.rates.asked_ns);
            for (stamp, rate) in rates {
                rates::check(name, *stamp, *rate, newest, false)?;
                newest = *stamp;
            }
        }
        Ok(row)
    }

    /// Moves every instrument on by a business day. What is between instruments waits for the prices of all.
    fn step(&mut self, day: BusinessDay, row: &[Bar]) {
        let Self { plan, members, cross, rates, last } = self;
        *last = day;
        for (member, bar) in members.iter_mut().zip(row) {
            member.price(plan, day, bar);
        }
        if plan.from.is_some_and(|from| day < from) {
            return;
        }
        cross.compare(plan, members);
        for member in members.iter_mut() {
            member.forecast(plan, day, rates);
        }
        cross.weigh(members);
        for member in members.iter_mut() {
            member.hold(plan);
        }
    }

    /// As they stand after the last day.
    pub const fn positions(&self) -> Positions<'_> {
        Positions(self)
    }
}

/// What a state says of its last day, of each instrument in the order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Positions<'a>(&'a State);

impl<'a> Positions<'a> {
    /// The day.
    pub const fn day(&self) -> BusinessDay {
        self.0.last
    }

    /// Of each instrument.
    pub fn iter(&self) -> impl Iterator<Item = Position<'a>> + use<'a> {
        let state = self.0;
        state.members.iter().map(move |member| Position { plan: &state.plan, member, day: state.last })
    }

    /// Of one.
    pub fn of(&self, instrument: &str) -> Option<Position<'a>> {
        self.iter().find(|position| position.instrument() == instrument)
    }

    /// As targets for a desk; of instruments that have no price yet none.
    pub fn targets(&self) -> Vec<Target> {
        self.iter().filter_map(|position| position.target()).collect()
    }
}

/// One instrument after a day: every stage of the whole run that a position needs.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    plan: &'a Plan,
    member: &'a Member,
    day: BusinessDay,
}

impl<'a> Position<'a> {
    /// Its name.
    pub fn instrument(&self) -> &'a str {
        &self.member.known.name
    }

    /// A stage of the day by its name, as in [`crate::system::Stages`]; NaN where nothing is known today.
    pub fn stage(&self, name: &str) -> Option<f64> {
        self.stages().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// All stages with their names.
    pub fn stages(&self) -> impl Iterator<Item = (String, f64)> + use<'a> {
        let Self { plan, member, .. } = *self;
        let of_rules = plan.rules.iter().zip(member.outcomes()).flat_map(|(rule, outcome)| {
            let raw = [("raw_fc", outcome.raw)];
            let weighed = outcome.is_weighted.then_some([
                ("scalar", outcome.scalar),
                ("capped_fc", outcome.capped),
                ("fc_weight", outcome.weight),
            ]);
            let all = raw.into_iter().chain(weighed.into_iter().flatten());
            all.map(|(stage, value)| (format!("{stage}.{}", rule.name), value)).collect::<Vec<_>>()
        });
        let is_there = |name: &str| plan.has_attenuation || !matches!(name, "vol_quantile" | "attenuation");
        let whole = FIGURES.iter().zip(member.figures).filter(move |(name, _)| is_there(name));
        whole.map(|(name, value)| ((*name).to_owned(), value)).chain(of_rules)
    }

    /// Contracts held after the day before, as the system had it; 0 where nothing was.
    pub fn held_before(&self) -> f64 {
        self.member.held_before()
    }

    /// The position wanted, with what was last known of everything it rests on; none before there is a price.
    pub fn target(&self) -> Option<Target> {
        self.member.target(self.day)
    }
}
