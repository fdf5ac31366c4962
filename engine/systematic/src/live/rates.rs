//! Exchange rates as they come in, and the last one known at a time that is asked for.

use std::collections::{BTreeMap, VecDeque};

use super::LiveError;
use super::history::mix;
use super::tape::Tape;
use crate::config::Quirk;
use crate::market::{Market, MarketError};

/// One stamped series of rates.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Last row stamped at or before the time last asked for; NaN before the first, and where it has no rate.
    latest: f64,
    /// Last rate of such a row; NaN before the first.
    known: f64,
    /// Rates stamped later.
    later: VecDeque<(i64, f64)>,
    /// Stamps of the oldest and the newest rate, how many there were, and a sum of their bits.
    oldest_ns: i64,
    pub newest_ns: i64,
    count: u64,
    sum: u64,
}

impl Default for Pair {
    fn default() -> Self {
        let (oldest_ns, newest_ns) = (i64::MAX, i64::MIN);
        let (latest, known) = (f64::NAN, f64::NAN);
        Self { latest, known, later: VecDeque::new(), oldest_ns, newest_ns, count: 0, sum: 0 }
    }
}

impl Pair {
    /// Moves to a time.
    fn at(&mut self, at_ns: i64) -> &Self {
        while let Some((stamp, rate)) = self.later.front().copied() {
            if stamp > at_ns {
                break;
            }
            self.later.pop_front();
            self.latest = rate;
            self.known = if rate.is_nan() { self.known } else { rate };
        }
        self
    }

    pub fn push(&mut self, stamp_ns: i64, rate: f64) {
        self.add(stamp_ns, rate);
        self.later.push_back((stamp_ns, rate));
    }

    fn add(&mut self, stamp_ns: i64, rate: f64) {
        self.oldest_ns = self.oldest_ns.min(stamp_ns);
        self.newest_ns = stamp_ns;
        self.count += 1;
        self.sum = mix(self.sum ^ stamp_ns.cast_unsigned(), rate);
    }

    /// Refuses rates of before that are not those the state saw; a file that begins later is not judged.
    pub fn judge(&self, name: &str, at_ns: &[i64], rates: &[f64]) -> Result<(), LiveError> {
        let mut theirs = Self::default();
        at_ns.iter().zip(rates).for_each(|(stamp, rate)| theirs.add(*stamp, *rate));
        let is_another =
            theirs.oldest_ns <= self.oldest_ns && (theirs.count, theirs.sum) != (self.count, self.sum);
        if is_another && self.count > 0 && theirs.count > 0 {
            let fault = format!("rates up to {} are others than the state saw", super::stamp(self.newest_ns));
            return Err(LiveError::History { name: name.to_owned(), fault });
        }
        Ok(())
    }

    fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.number(&mut self.latest);
        tape.number(&mut self.known);
        tape.signed(&mut self.oldest_ns);
        tape.signed(&mut self.newest_ns);
        tape.count(&mut self.count);
        tape.count(&mut self.sum);
        let count = tape.length(self.later.len());
        self.later.resize(count, (0, 0.0));
        for (stamp, rate) in &mut self.later {
            tape.signed(stamp);
            tape.number(rate);
        }
    }
}

/// A pair by its place, and whether it is turned round.
type Leg = (usize, bool);

/// How money of a currency becomes the account's.
#[derive(Clone, Debug, PartialEq)]
enum Route {
    Same,
    Straight(Leg),
    /// Over the dollar.
    Over(Leg, Leg),
}

/// Rates of the pairs that a system needs.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// By six letters.
    pub pairs: BTreeMap<String, Pair>,
    /// By currency.
    routes: Vec<(String, Route)>,
    /// What a row without a rate does; see [`Market::fx`].
    missing: Quirk,
    /// Latest time that was asked for.
    pub asked_ns: i64,
}

impl Rates {
    /// As [`Market::fx`] would go, with the pairs that there are.
    ///
    /// # Errors
    ///
    /// [`MarketError::Rate`].
    pub fn new<'a>(
        there: &[&str],
        currencies: impl IntoIterator<Item = &'a str>,
        (base, missing): (&str, Quirk),
    ) -> Result<Self, MarketError> {
        let leg = |from: &str, to: &str| {
            let (straight, turned) = (format!("{from}{to}"), format!("{to}{from}"));
            if there.contains(&straight.as_str()) {
                Some((straight, false))
            } else {
                there.contains(&turned.as_str()).then_some((turned, true))
            }
        };
        let mut rates = Self { pairs: BTreeMap::new(), routes: Vec::new(), missing, asked_ns: i64::MIN };
        let mut named = Vec::new();
        for currency in currencies {
            if named.iter().any(|(own, _): &(String, _)| own == currency) {
                continue;
            }
            let legs = if currency == base {
                Vec::new()
            } else if let Some(leg) = leg(currency, base) {
                vec![leg]
            } else {
                let missing = || MarketError::Rate { from: currency.to_owned(), to: base.to_owned() };
                vec![leg(currency, "USD").ok_or_else(missing)?, leg("USD", base).ok_or_else(missing)?]
            };
            for (pair, _) in &legs {
                rates.pairs.entry(pair.clone()).or_default();
            }
            named.push((currency.to_owned(), legs));
        }
        let place = |pair: &str| rates.pairs.keys().position(|own| own == pair).unwrap_or(0);
        let route = |legs: Vec<(String, bool)>| match legs.as_slice() {
            [] => Route::Same,
            [(pair, is_turned)] => Route::Straight((place(pair), *is_turned)),
            [one, other, ..] => Route::Over((place(&one.0), one.1), (place(&other.0), other.1)),
        };
        let routes = named.into_iter().map(|(currency, legs)| (currency, route(legs))).collect();
        rates.routes = routes;
        Ok(rates)
    }

    /// Takes in all rates of a market; those before a time are not known, only remembered.
    pub fn fill(&mut self, market: &Market, from_ns: i64) -> Result<(), LiveError> {
        for (name, pair) in &mut self.pairs {
            let Some(frame) = market.rates.get(name) else { continue };
            let values = frame.columns.first().map_or(&[][..], |(_, values)| values);
            for (&stamp, &rate) in frame.at_ns.iter().zip(values) {
                check(name, stamp, rate, pair.newest_ns, true)?;
                if stamp < from_ns {
                    pair.add(stamp, rate);
                } else {
                    pair.push(stamp, rate);
                }
            }
        }
        Ok(())
    }

    /// Place of a currency's route.
    pub fn place(&self, currency: &str) -> usize {
        self.routes.iter().position(|(own, _)| own == currency).unwrap_or(0)
    }

    /// Units of the account's currency for one, at a time; asked for in the order of time.
    pub fn at(&mut self, place: usize, at_ns: i64) -> f64 {
        self.asked_ns = self.asked_ns.max(at_ns);
        let route = self.routes[place].1.clone();
        let mut of = |(place, is_turned): Leg, missing: Quirk| {
            let pair = self.pairs.values_mut().nth(place).map(|pair| pair.at(at_ns));
            let rate = pair.map_or(f64::NAN, |pair| match missing {
                Quirk::Reference => pair.latest,
                Quirk::Sound => pair.known,
            });
            if is_turned { 1.0 / rate } else { rate }
        };
        match route {
            Route::Same => 1.0,
            Route::Straight(leg) => of(leg, self.missing),
            Route::Over(one, other) => {
                let one = of(one, Quirk::Sound);
                one * of(other, Quirk::Sound)
            }
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.signed(&mut self.asked_ns);
        self.pairs.values_mut().for_each(|pair| pair.keep(tape));
    }
}

/// Refuses a rate that is none, or is stamped before one already known.
pub(super) fn check(
    pair: &str,
    stamp_ns: i64,
    rate: f64,
    newest_ns: i64,
    may_repeat: bool,
) -> Result<(), LiveError> {
    let is_later = stamp_ns > newest_ns || may_repeat && stamp_ns == newest_ns;
    if rate.is_nan() || rate.is_finite() && rate > 0.0 {
        if is_later {
            Ok(())
        } else {
            Err(LiveError::RateOrder { pair: pair.to_owned(), stamp_ns, newest_ns })
        }
    } else {
        Err(LiveError::RateValue { pair: pair.to_owned(), rate })
    }
}
