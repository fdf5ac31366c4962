//! What a worked-out system earned: accounts of its instruments, of their subsystems and rules, and of the portfolio.
//!
//! All in per cent of the notional capital. A subsystem holds an instrument with all capital, and pays for its rolls in
//! full; a rule's account is that of its forecast alone, unrounded, with costs as a steady drain.

use std::collections::BTreeMap;

use serde::Serialize;
use tickrace_stats::{BusinessDay, Series};

use crate::account::{
    Account, AverageSize, CashBook, FillPrice, Frequency, FxRate, SharpeCosts, Statistics, delayed,
    full_compounding, half_compounding_twice_scaled, sharpe_costs, turnover,
};
use crate::config::SystemConfig;
use crate::market::{Market, MarketError};
use crate::raw::{filled_on, running_sum};
use crate::system::rule_costs::RuleCosts;
use crate::system::{Member, Stages, System, parallel};

mod rule_book;

pub(crate) use rule_book::RuleBook;

/// All accounts of a system.
#[derive(Clone, Debug, Default)]
pub struct Earnings {
    /// By instrument.
    pub instruments: BTreeMap<String, Earned>,
    /// All together.
    pub portfolio: Account,
    /// The same with the whole contracts chosen for small capital, where there are such.
    pub dynamic: Option<Account>,
}

/// Accounts and costs of one instrument.
#[derive(Clone, Debug)]
pub struct Earned {
    /// As held in the portfolio.
    pub account: Account,
    /// As held with all capital.
    pub subsystem: Account,
    /// By rule variation.
    pub rules: BTreeMap<String, Account>,
    /// What trading it costs.
    pub sharpe: SharpeCosts,
    /// Turnovers a year.
    pub turnovers: Turnovers,
}

/// How often a year positions and forecasts are turned over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turnovers {
    /// Of the position with all capital.
    pub subsystem: f64,
    /// Of the position held, against that with all capital.
    pub at_portfolio: f64,
    /// Of the position held, against its own share.
    pub instrument: f64,
    /// Of each rule's forecast, and what it costs.
    pub rules: RuleCosts,
}

/// A stage, empty where there is none.
pub(crate) fn stage<'a>(member: &'a Member, name: &str) -> &'a Series {
    static NONE: Series = Series { first: BusinessDay(0), values: Vec::new() };
    member.stages.get(name).unwrap_or(&NONE)
}

/// A series times another on its days.
fn times(series: &Series, other: &Series) -> Series {
    let other = filled_on(other, series).values;
    let values = series.values.iter().zip(other).map(|(value, other)| value * other).collect();
    Series { first: series.first, values }
}

impl Earnings {
    /// Works out all accounts.
    ///
    /// # Errors
    ///
    /// [`MarketError`] where a currency has no rate.
    pub fn new(system: &System, market: &Market, config: &SystemConfig) -> Result<Self, MarketError> {
        let capital = config.notional_trading_capital;
        let forecasts: Vec<BTreeMap<String, &Series>> =
            system.members.values().map(|member| forecasts_of(member, config)).collect();
        let named: Vec<Vec<(&str, &Series)>> = forecasts
            .iter()
            .map(|rules| rules.iter().map(|(rule, forecast)| (rule.as_str(), *forecast)).collect())
            .collect();
        let sharpe: Vec<SharpeCosts> = system.members.values().map(sharpe_of).collect();
        let costs = RuleCosts::of_all(&named, &sharpe, config);
        let mut all = Self::default();
        let members: Vec<(&String, &Member)> = system.members.iter().collect();
        let earned = parallel::each(members.len(), |place| {
            let (name, member) = members[place];
            let fx = market.fx(&member.instrument.currency, &config.base_currency, config.missing_rates)?;
            let subsystem = system.subsystems.get(name).cloned().unwrap_or_default().percent_of(capital);
            Ok::<_, MarketError>(earned(
                member,
                &forecasts[place],
                costs[place].clone(),
                &fx,
                config,
                subsystem,
            ))
        });
        for ((name, _), earned) in members.iter().zip(earned) {
            all.instruments.insert((*name).clone(), earned?);
        }
        if let Some(contracts) = &system.dynamic {
            let mut accounts = Vec::new();
            for (name, held) in &contracts.0 {
                let Some(member) = system.members.get(name) else { continue };
                let fx =
                    market.fx(&member.instrument.currency, &config.base_currency, config.missing_rates)?;
                let average = stage(member, "avg_position");
                let turned = || turnover(held, AverageSize::Smoothed(average));
                let terms = (config.multiply_roll_costs_by, average, turned);
                accounts.push(account_of(member, held, terms, &fx, config).percent_of(capital));
            }
            all.dynamic = Some(Account::sum(&accounts));
        }
        all.portfolio = Account::sum(all.instruments.values().map(|one| &one.account).collect::<Vec<_>>());
        Ok(all)
    }

    /// Adds what instruments earned each day to their stages.
    pub fn add_to(&self, system: &mut System) {
        for (name, earned) in &self.instruments {
            let Some(member) = system.members.get_mut(name) else { continue };
            for (part, flow) in curves(&earned.account) {
                member.stages.0.push((format!("pnl_pct_{part}"), flow));
            }
        }
    }

    /// What the portfolio earned each day, by part; the running sum of it, and how far that is below its best.
    pub fn portfolio_days(&self) -> Stages {
        days_of(&self.portfolio)
    }

    /// The same with whole contracts for small capital, where there are such.
    pub fn dynamic_days(&self) -> Option<Stages> {
        self.dynamic.as_ref().map(days_of)
    }

    /// Capital that follows the account, as a multiple of what it began with: with all of its profits, and with its losses
    /// and their recovery alone.
    pub fn capital_multipliers(&self) -> Stages {
        let net = self.portfolio.net().daily();
        Stages(vec![
            ("full".to_owned(), full_compounding(&net)),
            ("half".to_owned(), half_compounding_twice_scaled(&net)),
        ])
    }

    /// Statistics of everything, as the reference lays them out.
    pub fn statistics(&self, system: &System) -> AllStatistics {
        let all: Vec<(&String, &Earned)> = self.instruments.iter().collect();
        let figures = parallel::each(all.len(), |place| {
            let (name, earned) = all[place];
            Some((name.clone(), InstrumentStatistics::of(system.members.get(name)?, earned)))
        });
        let instruments = figures.into_iter().flatten();
        let mut portfolio = BTreeMap::new();
        for (part, flow) in [
            ("net", self.portfolio.net()),
            ("gross", self.portfolio.gross.clone()),
            ("costs", self.portfolio.costs.clone()),
        ] {
            for frequency in Frequency::ALL {
                if let Some(figures) = Figures::of(Statistics::of_flow(&flow, frequency)) {
                    portfolio.insert(format!("{part}_{}", frequency.name()), figures);
                }
            }
        }
        AllStatistics { instruments: instruments.collect(), portfolio }
    }
}

/// Profit of each day by part, its running sum, and how far that is below its best.
fn days_of(account: &Account) -> Stages {
    let mut days = curves(account).map(|(part, flow)| (part.to_owned(), flow)).to_vec();
    let net = &days[2].1;
    let curve = running_sum(&net.values);
    let mut most = f64::NEG_INFINITY;
    let drawdown = curve.iter().map(|value| {
        most = most.max(*value);
        value - most
    });
    let (first, drawdown) = (net.first, drawdown.collect());
    days.push(("curve_net".to_owned(), Series { first, values: curve }));
    days.push(("drawdown_net".to_owned(), Series { first, values: drawdown }));
    Stages(days)
}

/// Profit of each day before costs, costs, and both together.
fn curves(account: &Account) -> [(&'static str, Series); 3] {
    [("gross", account.gross.daily()), ("costs", account.costs.daily()), ("net", account.net().daily())]
}

/// Capped forecasts of the rules that carry weight, with what is known only.
fn forecasts_of<'a>(member: &'a Member, config: &SystemConfig) -> BTreeMap<String, &'a Series> {
    let weighted = config.weights_of(&member.instrument.name);
    let forecast = |rule: &String| Some((rule.clone(), member.stages.get(&format!("capped_fc.{rule}"))?));
    weighted.keys().filter_map(forecast).collect()
}

/// Contracts of an average forecast within an instrument's share of the capital.
fn usual_share(member: &Member) -> Series {
    times(&times(stage(member, "avg_position"), stage(member, "instr_weight")), stage(member, "idm"))
}

/// - `share`: see [`usual_share`].
fn turnovers_of(member: &Member, share: &Series, rules: RuleCosts) -> Turnovers {
    let average = stage(member, "avg_position");
    let held = stage(member, "buffered_position");
    Turnovers {
        subsystem: turnover(stage(member, "subsystem_position"), AverageSize::Smoothed(average)),
        at_portfolio: turnover(held, AverageSize::Smoothed(average)),
        instrument: turnover(held, AverageSize::Smoothed(share)),
        rules,
    }
}

/// Account of a position path in money: costs of each fill, or the drain of its Sharpe costs.
///
/// - `held`: contracts wanted. `roll_share`, `usual`, `turned`: share of a roll that is paid, the usual position, and how often
///   a year it is turned over, asked for only where the drain is.
fn account_of(
    member: &Member,
    held: &Series,
    (roll_share, usual, turned): (f64, &Series, impl Fn() -> f64),
    fx: &FxRate,
    config: &SystemConfig,
) -> Account {
    let (price, volatility) = (&member.raw.daily_price, &member.raw.returns_vol);
    let (costs, rolls) = (member.instrument.costs(), member.instrument.rolls_per_year());
    let held = delayed(held);
    if config.use_sr_costs {
        let drain = sharpe_costs(
            sharpe_of(member).per_year(turned()),
            &held,
            usual,
            volatility,
            costs.point_size,
            fx,
        );
        return Account::of_position(&held, price, costs.point_size, fx).with_costs(drain);
    }
    let book = CashBook {
        price,
        costs: &costs,
        fx,
        rolls_per_year: rolls,
        roll_share,
        is_deflated: config.vol_normalise_currency_costs,
        level: config.vol_normalise_currency_costs.then(|| member.deflator()),
        fill_price: FillPrice::OfDay,
    };
    book.account(&held)
}

/// What trading an instrument takes off a Sharpe ratio.
pub(crate) fn sharpe_of(member: &Member) -> SharpeCosts {
    let (costs, rolls) = (member.instrument.costs(), member.instrument.rolls_per_year());
    SharpeCosts::of_last_year(&member.raw.daily_price, &member.raw.returns_vol, &costs, rolls)
}

/// What an instrument earns with all capital, in money. Rolls are paid in full: the setting for them is the portfolio's.
pub fn subsystem_account(member: &Member, fx: &FxRate, config: &SystemConfig) -> Account {
    let average = stage(member, "avg_position");
    let turned = || turnover(stage(member, "subsystem_position"), AverageSize::Smoothed(average));
    account_of(member, stage(member, "sub_buffered"), (1.0, average, turned), fx, config)
}

fn earned(
    member: &Member,
    forecasts: &BTreeMap<String, &Series>,
    costs: RuleCosts,
    fx: &FxRate,
    config: &SystemConfig,
    subsystem: Account,
) -> Earned {
    let capital = config.notional_trading_capital;
    let sharpe = sharpe_of(member);
    let share = usual_share(member);
    let turnovers = turnovers_of(member, &share, costs);
    let turned = || turnovers.instrument;
    let terms = (config.multiply_roll_costs_by, &share, turned);
    let own = account_of(member, stage(member, "buffered_position"), terms, fx, config).percent_of(capital);
    let book = RuleBook::new(member, fx, config);
    let rules = forecasts.iter().map(|(rule, forecast)| {
        let cost = turnovers.rules.sharpe.get(rule).copied().unwrap_or(0.0);
        (rule.clone(), book.account(forecast, cost).percent_of(capital))
    });
    Earned { account: own, subsystem, rules: rules.collect(), sharpe, turnovers }
}

/// `stats.json`.
#[derive(Clone, Debug, Serialize)]
pub struct AllStatistics {
    /// By instrument.
    pub instruments: BTreeMap<String, InstrumentStatistics>,
    /// By part and frequency, `net_daily`.
    pub portfolio: BTreeMap<String, Figures>,
}

/// Figures of one instrument.
#[derive(Clone, Debug, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the reference's; their meaning stands in the types they come from"
)]
pub struct InstrumentStatistics {
    pub price_slippage: f64,
    pub per_block: f64,
    pub percentage: f64,
    pub per_trade: f64,
    pub pointsize: f64,
    pub rolls_per_year: usize,
    pub recent_avg_price: f64,
    pub recent_avg_daily_vol: f64,
    #[serde(rename = "SR_cost_per_trade")]
    pub sr_cost_per_trade: f64,
    #[serde(rename = "SR_holding_cost")]
    pub sr_holding_cost: f64,
    pub subsystem_turnover: f64,
    pub instrument_turnover_at_portfolio: f64,
    pub instrument_turnover: f64,
    pub forecast_turnover_own: BTreeMap<String, f64>,
    pub forecast_turnover_pooled: BTreeMap<String, f64>,
    #[serde(rename = "forecast_SR_cost")]
    pub forecast_sr_cost: BTreeMap<String, f64>,
    pub rule_pandl_stats: BTreeMap<String, BTreeMap<&'static str, Figures>>,
    pub pandl: BTreeMap<&'static str, Figures>,
    pub subsystem_pandl: BTreeMap<&'static str, Figures>,
}

impl InstrumentStatistics {
    fn of(member: &Member, earned: &Earned) -> Self {
        let instrument = &member.instrument;
        let rules = &earned.turnovers.rules;
        Self {
            price_slippage: instrument.spread_cost,
            per_block: instrument.per_block,
            percentage: instrument.percentage,
            per_trade: instrument.per_trade,
            pointsize: instrument.point_size,
            rolls_per_year: instrument.rolls_per_year(),
            recent_avg_price: earned.sharpe.price,
            recent_avg_daily_vol: earned.sharpe.daily_vol,
            sr_cost_per_trade: earned.sharpe.per_trade,
            sr_holding_cost: earned.sharpe.holding,
            subsystem_turnover: earned.turnovers.subsystem,
            instrument_turnover_at_portfolio: earned.turnovers.at_portfolio,
            instrument_turnover: earned.turnovers.instrument,
            forecast_turnover_own: rules.own.clone(),
            forecast_turnover_pooled: rules.pooled.clone(),
            forecast_sr_cost: rules.sharpe.clone(),
            rule_pandl_stats: earned
                .rules
                .iter()
                .map(|(rule, account)| (rule.clone(), parts(account)))
                .collect(),
            pandl: parts(&earned.account),
            subsystem_pandl: parts(&earned.subsystem),
        }
    }
}

/// Daily statistics of the parts of an account.
fn parts(account: &Account) -> BTreeMap<&'static str, Figures> {
    let net = account.net();
    let figures = |flow| Figures::of(Statistics::of_flow(flow, Frequency::BusinessDay));
    let flows = [("net", &net), ("gross", &account.gross), ("costs", &account.costs)];
    flows.into_iter().filter_map(|(part, flow)| Some((part, figures(flow)?))).collect()
}

/// Statistics with their days as dates; what is not a number is null.
#[derive(Clone, Debug, Serialize)]
pub struct Figures(BTreeMap<&'static str, Figure>);

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Figure {
    Number(Option<f64>),
    Count(usize),
    Date(String),
}

impl Figures {
    fn of(statistics: Option<Statistics>) -> Option<Self> {
        let statistics = statistics?;
        let number = |value: f64| Figure::Number(value.is_finite().then_some(value));
        let mut figures: BTreeMap<&'static str, Figure> =
            statistics.numbers().into_iter().map(|(name, value)| (name, number(value))).collect();
        let date = |day: i64| {
            let (year, month, day) = tickrace_stats::panel::civil(day);
            Figure::Date(format!("{year:04}-{month:02}-{day:02} 00:00:00"))
        };
        figures.insert("n", Figure::Count(statistics.n));
        figures.insert("first", date(statistics.first));
        figures.insert("last", date(statistics.last));
        Some(Self(figures))
    }
}
