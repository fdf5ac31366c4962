//! What a system is given: instruments, their prices, exchange rates; checked once, here.

use std::collections::BTreeMap;

use tickrace_analytics::days::date_of;
use tickrace_stats::Frame;
use tickrace_stats::panel::DAY_NS;

use crate::account::{ContractCosts, FxRate};
use crate::config::Quirk;

/// What a contract costs and how it is rolled, one row of `instruments.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instrument {
    /// Its name, as in file names and weights.
    pub name: String,
    /// Money of its currency for one point of price and one contract.
    pub point_size: f64,
    /// Currency of its prices.
    pub currency: String,
    /// Class it is compared within.
    pub asset_class: String,
    /// Commission for each contract, its currency.
    pub per_block: f64,
    /// Commission as a share of the value traded.
    pub percentage: f64,
    /// Commission for each trade, its currency.
    pub per_trade: f64,
    /// Cost of crossing the spread, points of price for one contract.
    pub spread_cost: f64,
    /// Letters of the months held.
    pub hold_cycle: String,
    /// Letters of the months priced.
    pub priced_cycle: String,
    /// Days from expiry at which it is rolled; below zero before it.
    pub roll_offset_days: i64,
    /// Contracts of the priced cycle from the held one to the one carry is measured against.
    pub carry_offset: i64,
    /// Days from the first of the delivery month to expiry, about.
    pub expiry_offset_days: i64,
    /// Region of its exchange.
    pub region: String,
}

impl Instrument {
    /// What trading it costs.
    pub fn costs(&self) -> ContractCosts {
        ContractCosts {
            point_size: self.point_size,
            spread: self.spread_cost,
            per_block: self.per_block,
            per_trade: self.per_trade,
            percentage: self.percentage,
        }
    }

    /// Contracts of a year that are held in turn.
    pub fn rolls_per_year(&self) -> usize {
        self.hold_cycle.len()
    }
}

/// Prices of one instrument.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// Back-adjusted prices: one column.
    pub adjusted: Frame,
    /// Prices of the held contract and its neighbours: PRICE, CARRY, FORWARD and the ids of their contracts.
    pub multiple: Frame,
}

/// Everything a system reads.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// Instruments with their prices, by name.
    pub instruments: BTreeMap<String, (Instrument, Prices)>,
    /// Units of the quote currency for one of the base, by the six letters of both (`EURUSD`).
    pub rates: BTreeMap<String, Frame>,
}

/// Why the data cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MarketError {
    /// A column that must be there is not.
    #[error("{instrument}: the {what} prices have no column {column}; there are: {there}")]
    Column {
        /// Whose.
        instrument: String,
        /// Adjusted or multiple.
        what: &'static str,
        /// Which.
        column: &'static str,
        /// Those that are.
        there: String,
    },
    /// No price at all.
    #[error("{instrument}: the {what} prices hold no number")]
    Empty {
        /// Whose.
        instrument: String,
        /// Adjusted or multiple.
        what: &'static str,
    },
    /// A price that is no number.
    #[error("{instrument}: the {what} prices hold an infinite one, on {date}")]
    Infinite {
        /// Whose.
        instrument: String,
        /// Adjusted or multiple.
        what: &'static str,
        /// Its day.
        date: String,
    },
    /// A figure of an instrument that is impossible.
    #[error("{instrument}: {field} is {got}, it must be {wanted}")]
    Figure {
        /// Whose.
        instrument: String,
        /// Which.
        field: &'static str,
        /// What it is.
        got: f64,
        /// What it must be.
        wanted: &'static str,
    },
    /// A contract that is none.
    #[error("{instrument}: {column} is {got} on {date}; wanted is YYYYMM00, a month's contract")]
    Contract {
        /// Whose.
        instrument: String,
        /// Which column.
        column: &'static str,
        /// What stands there.
        got: f64,
        /// Its day.
        date: String,
    },
    /// Rates without a number, or with one that is no rate.
    #[error("fx_{pair}: {what}")]
    Rates {
        /// Which file.
        pair: String,
        /// What is wrong.
        what: String,
    },
    /// An instrument that nobody knows.
    #[error("there is no instrument {name}; there are: {there}")]
    Unknown {
        /// Its name.
        name: String,
        /// Those known.
        there: String,
    },
    /// No way to turn a currency into another.
    #[error("no exchange rate from {from} to {to}; wanted is {from}{to}, {to}{from}, or both against USD")]
    Rate {
        /// From.
        from: String,
        /// To.
        to: String,
    },
}

/// Columns of multiple prices that a system reads.
pub const MULTIPLE_COLUMNS: [&str; 4] = ["PRICE", "CARRY", "PRICE_CONTRACT", "CARRY_CONTRACT"];

/// Columns of `instruments.csv` without which profit and costs are not known.
const COST_COLUMNS: [&str; 5] = ["Pointsize", "SpreadCost", "PerBlock", "Percentage", "PerTrade"];

/// Why a table of instruments cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentsError {
    /// A column that must be there is not.
    #[error("line 1: there is no column {0}")]
    Column(&'static str),
    /// A field that is missing or no number.
    #[error("line {line}, {column}: {field:?} is no number")]
    Field {
        /// The line, from 1.
        line: usize,
        /// Its column.
        column: &'static str,
        /// What stands there.
        field: String,
    },
    /// A name that was there before.
    #[error("line {line}: {name} stands in an earlier line too")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
}

/// Reads the text of `instruments.csv`: a header, then one row each; columns that are not known are passed over.
///
/// # Errors
///
/// [`InstrumentsError`] naming the line and the column.
pub fn parse_instruments(text: &str) -> Result<Vec<Instrument>, InstrumentsError> {
    // What some programs write first to say that the text is UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().map(|(_, line)| fields_of(line)).unwrap_or_default();
    let place = |column: &'static str| header.iter().position(|own| own.trim() == column);
    let needed = |column: &'static str| place(column).ok_or(InstrumentsError::Column(column));
    let (name, currency, class) = (needed("Instrument")?, needed("Currency")?, needed("AssetClass")?);
    for column in COST_COLUMNS {
        needed(column)?;
    }
    let mut instruments: Vec<Instrument> = Vec::new();
    for (at, line) in lines {
        let fields = fields_of(line);
        let text =
            |place: Option<usize>| place.and_then(|place| fields.get(place)).map_or("", |field| field.trim());
        let number = |column: &'static str| -> Result<f64, InstrumentsError> {
            let field = text(place(column));
            let fault = || InstrumentsError::Field { line: at + 1, column, field: field.to_owned() };
            // What trading costs is never guessed; an instrument that has no roll terms does not roll.
            if field.is_empty() && !COST_COLUMNS.contains(&column) {
                Ok(0.0)
            } else {
                field.parse().map_err(|_| fault())
            }
        };
        #[allow(clippy::cast_possible_truncation, reason = "days and contracts; a cast saturates")]
        let whole = |column| number(column).map(|value| value as i64);
        let own = text(Some(name)).to_owned();
        if instruments.iter().any(|known| known.name == own) {
            return Err(InstrumentsError::Twice { line: at + 1, name: own });
        }
        instruments.push(Instrument {
            name: own,
            point_size: number("Pointsize")?,
            currency: text(Some(currency)).to_owned(),
            asset_class: text(Some(class)).to_owned(),
            per_block: number("PerBlock")?,
            percentage: number("Percentage")?,
            per_trade: number("PerTrade")?,
            spread_cost: number("SpreadCost")?,
            hold_cycle: text(place("HoldRollCycle")).to_owned(),
            priced_cycle: text(place("PricedRollCycle")).to_owned(),
            roll_offset_days: whole("RollOffsetDays")?,
            carry_offset: whole("CarryOffset")?,
            expiry_offset_days: whole("ExpiryOffset")?,
            region: text(place("Region")).to_owned(),
        });
    }
    Ok(instruments)
}

/// Greatest size of the values that are there, eight of them at a time.
fn most_of(values: &[f64]) -> f64 {
    let more = |most: f64, value: f64| if value.abs() > most { value.abs() } else { most };
    let (rows, rest) = values.as_chunks::<8>();
    let mut most = [0.0; 8];
    for row in rows {
        most = std::array::from_fn(|lane| more(most[lane], row[lane]));
    }
    most.into_iter().chain(rest.iter().copied()).fold(0.0, more)
}

/// Fields of a line, those in double quotes whole.
fn fields_of(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

impl Market {
    /// The instrument of a name, checked.
    ///
    /// # Errors
    ///
    /// [`MarketError`] naming the instrument and what is wrong with it.
    pub fn get(&self, name: &str) -> Result<(&Instrument, &Prices), MarketError> {
        let Some((instrument, prices)) = self.instruments.get(name) else {
            let there = self.instruments.keys().cloned().collect::<Vec<_>>().join(" ");
            return Err(MarketError::Unknown { name: name.to_owned(), there });
        };
        let own = || name.to_owned();
        if !(instrument.point_size > 0.0 && instrument.point_size.is_finite()) {
            return Err(MarketError::Figure {
                instrument: own(),
                field: "Pointsize",
                got: instrument.point_size,
                wanted: "above zero",
            });
        }
        for (field, got) in [
            ("SpreadCost", instrument.spread_cost),
            ("PerBlock", instrument.per_block),
            ("Percentage", instrument.percentage),
            ("PerTrade", instrument.per_trade),
        ] {
            if !(got >= 0.0 && got.is_finite()) {
                return Err(MarketError::Figure { instrument: own(), field, got, wanted: "zero or above" });
            }
        }
        for column in MULTIPLE_COLUMNS {
            if prices.multiple.column(column).is_none() {
                let there = prices.multiple.columns.iter().map(|(name, _)| name.as_str());
                let there = there.collect::<Vec<_>>().join(" ");
                return Err(MarketError::Column { instrument: own(), what: "multiple", column, there });
            }
        }
        let held = prices.multiple.column("PRICE").unwrap_or_default();
        let adjusted = prices.adjusted.columns.first().map_or(&[][..], |(_, values)| values);
        for (what, values) in [("adjusted", adjusted), ("multiple", held)] {
            if values.iter().all(|value| value.is_nan()) {
                return Err(MarketError::Empty { instrument: own(), what });
            }
        }
        for (what, frame) in [("adjusted", &prices.adjusted), ("multiple", &prices.multiple)] {
            let infinite = |(_, values): &(String, Vec<f64>)| {
                let is_any = most_of(values) == f64::INFINITY;
                is_any.then(|| values.iter().position(|value| value.is_infinite())).flatten()
            };
            if let Some(row) = frame.columns.iter().find_map(infinite) {
                let date = date_of(frame.at_ns[row].div_euclid(DAY_NS));
                return Err(MarketError::Infinite { instrument: own(), what, date });
            }
        }
        Ok((instrument, prices))
    }

    /// Checks the contracts of all multiple prices, which carry counts time by.
    ///
    /// # Errors
    ///
    /// [`MarketError::Contract`].
    pub fn check_contracts(&self) -> Result<(), MarketError> {
        for (name, (_, prices)) in &self.instruments {
            for column in ["PRICE_CONTRACT", "CARRY_CONTRACT", "FORWARD_CONTRACT"] {
                let wrong = |id: &f64| {
                    let month = (id / 100.0).floor() % 100.0;
                    let is_one =
                        (1e7..1e8).contains(id) && id.fract() == 0.0 && (1.0..=12.0).contains(&month);
                    !(id.is_nan() || is_one)
                };
                let values = prices.multiple.column(column).unwrap_or_default();
                if let Some(row) = values.iter().position(wrong) {
                    let (instrument, date) =
                        (name.clone(), date_of(prices.multiple.at_ns[row].div_euclid(DAY_NS)));
                    return Err(MarketError::Contract { instrument, column, got: values[row], date });
                }
            }
        }
        Ok(())
    }

    /// The same without what is stamped before a time, rates too. A weekend's start leaves Friday out, though the weekend's own
    /// rows count to Friday's day.
    #[must_use]
    pub fn since(&self, from_ns: i64) -> Self {
        let instruments = self.instruments.iter().map(|(name, (instrument, prices))| {
            let (adjusted, multiple) = (prices.adjusted.since(from_ns), prices.multiple.since(from_ns));
            let prices = Prices { adjusted, multiple };
            (name.clone(), (instrument.clone(), prices))
        });
        let rates = self.rates.iter().map(|(pair, frame)| (pair.clone(), frame.since(from_ns)));
        Self { instruments: instruments.collect(), rates: rates.collect() }
    }

    /// Units of `to` for one of `from`, over time.
    ///
    /// - `missing`: whether a row without a rate hides the rate until the next one, as in the reference, or is passed over.
    ///   Over the dollar it is passed over either way.
    ///
    /// # Errors
    ///
    /// [`MarketError::Rate`] where no pair leads from one to the other, [`MarketError::Rates`] where one holds no rates.
    pub fn fx(&self, from: &str, to: &str, missing: Quirk) -> Result<FxRate, MarketError> {
        if from == to {
            return Ok(FxRate::Constant(1.0));
        }
        if let Some(rate) = self.pair(from, to, missing)? {
            return Ok(rate);
        }
        let missing = || MarketError::Rate { from: from.to_owned(), to: to.to_owned() };
        let first = self.pair(from, "USD", Quirk::Sound)?.ok_or_else(missing)?;
        let second = self.pair("USD", to, Quirk::Sound)?.ok_or_else(missing)?;
        let (FxRate::Stamped { at_ns: first_ns, .. }, FxRate::Stamped { at_ns: second_ns, .. }) =
            (&first, &second)
        else {
            return Err(missing());
        };
        let mut at_ns = [first_ns.as_slice(), second_ns].concat();
        at_ns.sort_unstable();
        at_ns.dedup();
        let (first, second) = (as_of(&first, &at_ns), as_of(&second, &at_ns));
        let rates = first.iter().zip(second).map(|(first, second)| first * second).collect();
        Ok(FxRate::Stamped { at_ns, rates })
    }

    /// Rates of a pair, straight or turned round.
    fn pair(&self, from: &str, to: &str, missing: Quirk) -> Result<Option<FxRate>, MarketError> {
        let names = [(format!("{from}{to}"), false), (format!("{to}{from}"), true)];
        let found = names.into_iter().find_map(|(pair, is_turned)| {
            let frame = self.rates.get(&pair)?;
            Some((pair, frame, is_turned))
        });
        let Some((pair, frame, is_turned)) = found else { return Ok(None) };
        let values = frame.columns.first().map_or(&[][..], |(_, values)| values);
        if values.iter().all(|rate| rate.is_nan()) {
            return Err(MarketError::Rates { pair, what: "there is no rate in it".to_owned() });
        }
        if let Some(row) = values.iter().position(|rate| *rate <= 0.0 || rate.is_infinite()) {
            let what = format!(
                "{} on {}: a rate is above zero",
                values[row],
                date_of(frame.at_ns[row].div_euclid(DAY_NS))
            );
            return Err(MarketError::Rates { pair, what });
        }
        let rates = values.iter().map(|rate| if is_turned { 1.0 / rate } else { *rate });
        let rows = frame.at_ns.iter().copied().zip(rates);
        let (at_ns, rates) = rows.filter(|(_, rate)| missing == Quirk::Reference || !rate.is_nan()).unzip();
        Ok(Some(FxRate::Stamped { at_ns, rates }))
    }
}

/// The rate of the last row stamped at or before each time; NaN before the first.
///
/// - `at_ns`: `[rows]`, not falling.
pub fn as_of(fx: &FxRate, at_ns: &[i64]) -> Vec<f64> {
    let (stamps, rates) = match fx {
        FxRate::Constant(rate) => return vec![*rate; at_ns.len()],
        FxRate::Stamped { at_ns, rates } => (at_ns, rates),
    };
    let (mut next, mut last) = (0, f64::NAN);
    let seen = at_ns.iter().map(|&at| {
        while next < stamps.len() && stamps[next] <= at {
            last = rates.get(next).copied().unwrap_or(f64::NAN);
            next += 1;
        }
        last
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(at_ns: &[i64], values: &[f64]) -> Frame {
        Frame { at_ns: at_ns.to_vec(), columns: vec![("FX".to_owned(), values.to_vec())] }
    }

    #[test]
    fn a_rate_is_what_was_known_and_goes_over_the_dollar_where_it_must() {
        let mut market = Market::default();
        market.rates.insert("EURUSD".to_owned(), rates(&[10, 20], &[1.25, 1.5]));
        market.rates.insert("GBPUSD".to_owned(), rates(&[10], &[2.0]));
        let rate =
            |from: &str, to: &str, at: &[i64]| market.fx(from, to, Quirk::Reference).map(|fx| as_of(&fx, at));
        let eur = rate("EUR", "USD", &[5, 10, 19, 20]).unwrap();
        assert!(eur[0].is_nan());
        assert_eq!(eur[1..], [1.25, 1.25, 1.5]);
        assert_eq!(rate("USD", "EUR", &[10]).unwrap(), [0.8]);
        assert_eq!(rate("EUR", "GBP", &[10, 20]).unwrap(), [0.625, 0.75]);
        assert_eq!(rate("USD", "USD", &[1]).unwrap(), [1.0]);
        assert!(matches!(rate("KRW", "USD", &[1]), Err(MarketError::Rate { .. })));
    }

    #[test]
    fn a_row_without_a_rate_hides_it_or_is_passed_over() {
        let mut market = Market::default();
        market.rates.insert("KRWUSD".to_owned(), rates(&[10, 20, 30], &[0.25, f64::NAN, 0.5]));
        market.rates.insert("GBPUSD".to_owned(), rates(&[10], &[2.0]));
        let known = |from, to, missing| {
            let fx = market.fx(from, to, missing).unwrap();
            let seen = as_of(&fx, &[10, 20, 29, 30]);
            let midnights = FxRate::Stamped { at_ns: vec![0, DAY_NS], rates: seen[1..3].to_vec() };
            assert_eq!(midnights.at_day(0).is_nan(), seen[1].is_nan());
            seen.iter().map(|rate| (!rate.is_nan()).then_some(*rate)).collect::<Vec<_>>()
        };
        assert_eq!(known("KRW", "USD", Quirk::Reference), [Some(0.25), None, None, Some(0.5)]);
        assert_eq!(known("KRW", "USD", Quirk::Sound), [Some(0.25), Some(0.25), Some(0.25), Some(0.5)]);
        assert_eq!(
            known("KRW", "GBP", Quirk::Reference),
            [Some(0.125), Some(0.125), Some(0.125), Some(0.25)]
        );
    }

    #[test]
    fn instruments_are_read_by_the_names_of_columns() {
        let text = "SpreadCost,Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade\n\
                    0.5,X,\"a, b\",10,USD,Ags,2.5,0,0\n";
        let all = parse_instruments(text).unwrap();
        assert_eq!((all[0].name.as_str(), all[0].point_size, all[0].spread_cost), ("X", 10.0, 0.5));
        assert_eq!((all[0].per_block, all[0].per_trade), (2.5, 0.0));
        let fault = parse_instruments(&text.replace("10,USD", "ten,USD")).unwrap_err().to_string();
        assert_eq!(fault, "line 2, Pointsize: \"ten\" is no number");
        let fault = parse_instruments(&text.replace("2.5,0,0", "2.5,,0")).unwrap_err().to_string();
        assert_eq!(fault, "line 2, Percentage: \"\" is no number");
        let fault = parse_instruments(&text.replace("PerTrade", "Region")).unwrap_err().to_string();
        assert_eq!(fault, "line 1: there is no column PerTrade");
        assert_eq!(parse_instruments("a,b\n"), Err(InstrumentsError::Column("Instrument")));
        assert_eq!(parse_instruments(&format!("\u{feff}{text}")).unwrap(), all);
        let twice =
            parse_instruments(&format!("{text}0.5,X,c,10,USD,Ags,2.5,0,0\n")).unwrap_err().to_string();
        assert_eq!(twice, "line 3: X stands in an earlier line too");
    }

    #[test]
    fn what_is_no_rate_and_no_contract_is_refused_with_its_day() {
        let mut market = Market::default();
        market.rates.insert("EURUSD".to_owned(), rates(&[0, DAY_NS], &[1.25, 0.0]));
        market.rates.insert("KRWUSD".to_owned(), rates(&[0], &[f64::NAN]));
        let fault = |from| market.fx(from, "USD", Quirk::Reference).unwrap_err().to_string();
        assert_eq!(fault("EUR"), "fx_EURUSD: 0 on 1970-01-02: a rate is above zero");
        assert_eq!(fault("KRW"), "fx_KRWUSD: there is no rate in it");
        let of = |id: f64| {
            let columns = vec![("PRICE_CONTRACT".to_owned(), vec![f64::NAN, id])];
            let multiple = Frame { at_ns: vec![0, DAY_NS], columns };
            let prices = Prices { multiple, ..Prices::default() };
            let mut market = Market::default();
            market.instruments.insert("CORN".to_owned(), (Instrument::default(), prices));
            market.check_contracts().map_err(|error| error.to_string())
        };
        assert_eq!((of(20_131_200.0), of(20_130_115.0), of(f64::NAN)), (Ok(()), Ok(()), Ok(())));
        for id in [20_131_300.0, 20_130_000.0, 201_312.0, 20_131_200.5, 0.0, -20_131_200.0, f64::INFINITY] {
            assert!(of(id).unwrap_err().starts_with("CORN: PRICE_CONTRACT is "), "{id}");
        }
    }

    #[test]
    fn an_unknown_name_lists_those_known() {
        let mut market = Market::default();
        market.instruments.insert("CORN".to_owned(), (Instrument::default(), Prices::default()));
        let fault = market.get("CRON").unwrap_err().to_string();
        assert_eq!(fault, "there is no instrument CRON; there are: CORN");
    }
}
