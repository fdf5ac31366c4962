//! Systems on bars: the same stages, with a bar where a day stands.
//!
//! The bars of a market are laid on consecutive business days of a made-up calendar ([`BarCalendar::lay`]), one for each time at which
//! any instrument has a price. Every rule, average and estimate then counts bars as it counts days: a span of 64 is 64 bars, a week is
//! five of them. What is stated for a year is turned to that calendar and back ([`BarCalendar::terms`], [`BarCalendar::earnings`]): with `n`
//! bars in a day a year has `256 n` of them, so that a deviation of a year is `16 √n` times that of a bar. What comes out is dated by
//! the close of its bar, and profits are summed by the days on which they were made.
//!
//! A position is filled at the close of the bar after the one it was decided on. What moves between two sessions is in the first bar of the
//! second: positions are held over night. Knows nothing of ticks: whoever reads them makes bars.

use serde::{Deserialize, Serialize};
use tickrace_stats::panel::{DAY_NS, civil, parse_time};
use tickrace_stats::{BusinessDay, Frame, Series};

use crate::account::{Account, Flow, SharpeCosts};
use crate::config::{ConfigError, SystemConfig};
use crate::earnings::{Earned, Earnings, Turnovers};
use crate::market::{Market, Prices};
use crate::system::rule_costs::RuleCosts;
use crate::system::{Member, Stages, System};

/// Says that prices are bars within the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BarsConfig {
    /// Bars of a day, for what is stated for a year; the mean over the days of the data where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bars_a_day: Option<f64>,
}

/// Times of bars, each a day of the made-up calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct BarCalendar {
    /// Closes, rising, nanoseconds since the Unix epoch.
    closes_ns: Vec<i64>,
    first: BusinessDay,
    bars_a_day: f64,
}

/// A system on bars as one on days: what is worked out of it is dated by the calendar's closes.
#[derive(Clone, Debug)]
pub struct Laid {
    /// Whose days the bars are.
    pub calendar: BarCalendar,
    /// See [`BarCalendar::lay`].
    pub market: Market,
    /// See [`BarCalendar::terms`].
    pub terms: SystemConfig,
}

impl Laid {
    /// None of a configuration that says nothing of bars, or of a market without a price.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] as [`BarCalendar::of`] and [`BarCalendar::terms`] give it.
    pub fn of(market: &Market, config: &SystemConfig) -> Result<Option<Self>, ConfigError> {
        let Some(bars) = &config.bars else { return Ok(None) };
        // Bars of instruments that the system leaves out are none of its days.
        let weights = config.instrument_weights.as_ref();
        let is_used = |name: &String| weights.is_none_or(|weights| weights.contains_key(name));
        let used = market.instruments.iter().filter(|(name, _)| is_used(name));
        let instruments = used.map(|(name, one)| (name.clone(), one.clone())).collect();
        let market = Market { instruments, rates: market.rates.clone() };
        let Some(calendar) = BarCalendar::of(&market, bars)? else { return Ok(None) };
        let terms = calendar.terms(config)?;
        Ok(Some(Self { market: calendar.lay(&market), terms, calendar }))
    }
}

impl BarCalendar {
    /// Of all times at which an instrument has a price; none without such a time.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a number of bars that cannot be.
    pub fn of(market: &Market, terms: &BarsConfig) -> Result<Option<Self>, ConfigError> {
        let prices = market.instruments.values().flat_map(|(_, prices)| &prices.adjusted.at_ns);
        let mut closes_ns: Vec<i64> = prices.copied().collect();
        closes_ns.sort_unstable();
        closes_ns.dedup();
        let Some(first_ns) = closes_ns.first() else { return Ok(None) };
        let mut days: Vec<i64> = closes_ns.iter().map(|at| at.div_euclid(DAY_NS)).collect();
        days.dedup();
        let bars_a_day = terms.bars_a_day.unwrap_or(closes_ns.len() as f64 / days.len() as f64);
        if !(0.01..=1e6).contains(&bars_a_day) {
            let fault = format!("must be from 0.01 to 1,000,000, it is {bars_a_day}");
            return Err(ConfigError { key: "bars.bars_a_day".to_owned(), fault });
        }
        let first = BusinessDay::of_ns(*first_ns);
        Ok(Some(Self { closes_ns, first, bars_a_day }))
    }

    /// Bars of a day.
    pub const fn bars_a_day(&self) -> f64 {
        self.bars_a_day
    }

    /// Deviations of a bar in one of a day.
    fn root(&self) -> f64 {
        self.bars_a_day.sqrt()
    }

    /// The day that stands for the first bar at or after a time.
    pub fn day_at(&self, at_ns: i64) -> BusinessDay {
        let place = self.closes_ns.partition_point(|close| *close < at_ns);
        BusinessDay(self.first.0 + i32::try_from(place).unwrap_or(i32::MAX / 2))
    }

    /// Close of the bar that a day stands for.
    pub fn close_ns(&self, day: BusinessDay) -> Option<i64> {
        self.closes_ns.get(usize::try_from(day.0 - self.first.0).ok()?).copied()
    }

    /// The market on the made-up calendar. Rates of currencies are those last known at each close.
    pub fn lay(&self, market: &Market) -> Market {
        let moved = |frame: &Frame| Frame {
            at_ns: frame.at_ns.iter().map(|at| self.day_at(*at).start_ns()).collect(),
            columns: frame.columns.clone(),
        };
        let instruments = market.instruments.iter().map(|(name, (instrument, prices))| {
            let prices = Prices { adjusted: moved(&prices.adjusted), multiple: moved(&prices.multiple) };
            (name.clone(), (instrument.clone(), prices))
        });
        let rates = market.rates.iter().map(|(pair, frame)| {
            // A rate of the time before the first bar is known at it.
            let mut at_ns = Vec::with_capacity(frame.at_ns.len());
            let mut kept = Vec::with_capacity(frame.at_ns.len());
            for (row, at) in frame.at_ns.iter().enumerate() {
                let day_ns = self.day_at(*at).start_ns();
                if at_ns.last() == Some(&day_ns) {
                    kept.pop();
                } else {
                    at_ns.push(day_ns);
                }
                kept.push(row);
            }
            let columns = frame
                .columns
                .iter()
                .map(|(name, values)| (name.clone(), kept.iter().map(|row| values[*row]).collect()));
            (pair.clone(), Frame { at_ns, columns: columns.collect() })
        });
        Market { instruments: instruments.collect(), rates: rates.collect() }
    }

    /// The configuration on the made-up calendar: what is stated for a year is turned to one of 256 bars.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a small system, whose shadow cost weighs money against risk of a year, and for a date that is none.
    pub fn terms(&self, config: &SystemConfig) -> Result<SystemConfig, ConfigError> {
        if config.small_system.is_some() {
            let fault = "is not done on bars: leave it out, or leave out bars".to_owned();
            return Err(ConfigError { key: "small_system".to_owned(), fault });
        }
        let root = self.root();
        let mut own = config.clone();
        own.bars = None;
        own.percentage_vol_target /= root;
        if let Some(ceiling) = &mut own.forecast_post_ceiling_cost_sr {
            *ceiling /= root;
        }
        own.forecast_weight_estimate.ceiling_cost_sr /= root;
        own.instrument_weight_estimate.ceiling_cost_sr /= root;
        if let Some(text) = &config.start_date {
            let fault = || ConfigError {
                key: "start_date".to_owned(),
                fault: format!("{text:?} is no date YYYY-MM-DD"),
            };
            let (year, month, day) = civil(self.day_at(parse_time(text).ok_or_else(fault)?).day());
            own.start_date = Some(format!("{year:04}-{month:02}-{day:02}"));
        }
        Ok(own)
    }

    /// Rows of the made-up calendar dated by the closes of their bars.
    pub fn frame(&self, frame: &Frame) -> Frame {
        let closes = frame.at_ns.iter().map(|at| self.close_ns(BusinessDay::of_ns(*at)));
        let (rows, at_ns): (Vec<usize>, Vec<i64>) =
            closes.enumerate().filter_map(|(row, close)| Some((row, close?))).unzip();
        let columns = frame
            .columns
            .iter()
            .map(|(name, values)| (name.clone(), rows.iter().map(|row| values[*row]).collect()));
        Frame { at_ns, columns: columns.collect() }
    }

    /// The last value of each real day.
    pub fn days(&self, series: &Series) -> Series {
        let dated = (series.first.0..).zip(&series.values);
        let (at_ns, values): (Vec<i64>, Vec<f64>) =
            dated.filter_map(|(day, value)| Some((self.close_ns(BusinessDay(day))?, *value))).unzip();
        Series::last_of_day(&at_ns, &values)
    }

    /// Amounts by the days on which they came.
    fn flow(&self, flow: &Flow) -> Flow {
        let series = flow.daily();
        let dated: Vec<(i64, f64)> = (series.first.0..)
            .zip(&series.values)
            .filter_map(|(day, amount)| Some((self.close_ns(BusinessDay(day))?.div_euclid(DAY_NS), *amount)))
            .collect();
        Flow::of_dated(&dated)
    }

    fn account(&self, account: &Account) -> Account {
        Account { gross: self.flow(&account.gross), costs: self.flow(&account.costs) }
    }

    /// What was earned, by real days, and what costs and turnovers are in a real year.
    pub fn earnings(&self, earnings: &Earnings) -> Earnings {
        let (bars, root) = (self.bars_a_day, self.root());
        let each = |figures: &std::collections::BTreeMap<String, f64>, times: f64| {
            figures.iter().map(|(name, figure)| (name.clone(), figure * times)).collect()
        };
        let earned = |earned: &Earned| Earned {
            account: self.account(&earned.account),
            subsystem: self.account(&earned.subsystem),
            rules: earned.rules.iter().map(|(rule, account)| (rule.clone(), self.account(account))).collect(),
            sharpe: SharpeCosts {
                price: earned.sharpe.price,
                daily_vol: earned.sharpe.daily_vol * root,
                per_trade: earned.sharpe.per_trade / root,
                holding: earned.sharpe.holding / root,
            },
            turnovers: Turnovers {
                subsystem: earned.turnovers.subsystem * bars,
                at_portfolio: earned.turnovers.at_portfolio * bars,
                instrument: earned.turnovers.instrument * bars,
                rules: RuleCosts {
                    own: each(&earned.turnovers.rules.own, bars),
                    pooled: each(&earned.turnovers.rules.pooled, bars),
                    sharpe: each(&earned.turnovers.rules.sharpe, root),
                },
            },
        };
        Earnings {
            instruments: earnings.instruments.iter().map(|(name, one)| (name.clone(), earned(one))).collect(),
            portfolio: self.account(&earnings.portfolio),
            dynamic: earnings.dynamic.as_ref().map(|account| self.account(account)),
        }
    }

    /// The system's stages at the end of each real day, for whoever draws them.
    pub fn system(&self, system: &System) -> System {
        let by_day = |stages: &Stages| {
            Stages(stages.0.iter().map(|(name, series)| (name.clone(), self.days(series))).collect())
        };
        let member = |member: &Member| Member {
            instrument: member.instrument.clone(),
            raw: member.raw.clone(),
            stages: by_day(&member.stages),
            ..Member::default()
        };
        let members = system.members.iter().map(|(name, one)| (name.clone(), member(one))).collect();
        System { members, ..system.clone() }
    }
}

#[cfg(test)]
mod tests;
