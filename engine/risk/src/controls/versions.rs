//! Limits reloaded while running (control 24): what is tighter counts at once, what is looser once it is confirmed.
//!
//! Every version is validated at the start and laid out by instrument, so that taking one over allocates nothing. Version 0
//! is the one the gate began with: proposing it brings it back, step by step like any other.

use tickrace_types::InstrumentTable;

use super::{ControlsConfig, Override};
use crate::limits::{
    AccountLimits, DuplicateLimits, ExposureLimits, InstrumentLimits, MarketLimits, SessionLimits,
};
use crate::{Limits, LimitsError, TradingState};

/// Limits as the gate uses them. All of them are maxima but the phases, of which fewer is tighter, the length of the duplicate
/// window, where longer is, and the restricted list, which is tighter with more on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub session: SessionLimits,
    pub duplicate: DuplicateLimits,
    pub market: MarketTimes,
    pub total: ExposureLimits,
    pub accounts: Vec<ExposureLimits>,
    pub instruments: Vec<InstrumentLimits>,
    pub short_sales: Vec<ShortSale>,
}

/// What the locates and the restricted list say of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortSale {
    pub short_max_lots: i64,
    pub is_restricted: bool,
}

impl ShortSale {
    /// The control is off.
    pub const FREE: Self = Self { short_max_lots: i64::MAX, is_restricted: false };
}

/// The market's part without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarketTimes {
    pub book_age_max_ms: i64,
    pub clock_difference_max_ms: i64,
    pub phase_mask: u8,
}

impl MarketTimes {
    pub fn new(limits: &MarketLimits) -> Result<Self, LimitsError> {
        Ok(Self {
            book_age_max_ms: limits.book_age_max_ms,
            clock_difference_max_ms: limits.clock_difference_max_ms,
            phase_mask: limits.phase_mask()?,
        })
    }
}

impl Version {
    pub fn new(limits: &Limits, instruments: &InstrumentTable) -> Result<Self, LimitsError> {
        Ok(Self {
            session: limits.session,
            duplicate: limits.duplicate,
            market: MarketTimes::new(&limits.market)?,
            total: limits.total,
            accounts: limits.accounts.iter().map(AccountLimits::exposure).collect(),
            instruments: instruments
                .as_slice()
                .iter()
                .map(|instrument| limits.of(instrument))
                .collect::<Result<_, _>>()?,
            short_sales: instruments
                .as_slice()
                .iter()
                .map(|instrument| ShortSale {
                    short_max_lots: limits.short_max_lots(&instrument.symbol),
                    is_restricted: limits.is_restricted(&instrument.symbol),
                })
                .collect(),
        })
    }

    /// Takes over whatever is tighter in `other`.
    fn tighten(&mut self, other: &Self) {
        let lower = |own: &mut i64, other: i64| *own = (*own).min(other);
        let (own, new) = (&mut self.session, &other.session);
        lower(&mut own.new_rate_per_s, new.new_rate_per_s);
        lower(&mut own.new_burst_count, new.new_burst_count);
        lower(&mut own.replace_rate_per_s, new.replace_rate_per_s);
        lower(&mut own.replace_burst_count, new.replace_burst_count);
        // Not those of cancels: to be able to cancel less is nothing safer, so it waits for the confirmation.
        lower(&mut self.duplicate.duplicate_count_max, other.duplicate.duplicate_count_max);
        let window = &mut self.duplicate.duplicate_window_ms;
        *window = (*window).max(other.duplicate.duplicate_window_ms);
        lower(&mut self.market.book_age_max_ms, other.market.book_age_max_ms);
        lower(&mut self.market.clock_difference_max_ms, other.market.clock_difference_max_ms);
        self.market.phase_mask &= other.market.phase_mask;
        let exposure = |own: &mut ExposureLimits, new: &ExposureLimits| {
            lower(&mut own.gross_exposure_max_ccy, new.gross_exposure_max_ccy);
            lower(&mut own.net_exposure_max_ccy, new.net_exposure_max_ccy);
        };
        exposure(&mut self.total, &other.total);
        for (own, new) in self.accounts.iter_mut().zip(&other.accounts) {
            exposure(own, new);
        }
        for (own, new) in self.instruments.iter_mut().zip(&other.instruments) {
            *own = own.tightened(new);
        }
        for (own, new) in self.short_sales.iter_mut().zip(&other.short_sales) {
            lower(&mut own.short_max_lots, new.short_max_lots);
            own.is_restricted |= new.is_restricted;
        }
    }

    fn clone_in_place(&mut self, other: &Self) {
        let Self { session, duplicate, market, total, accounts, instruments, short_sales } = self;
        (*session, *duplicate, *market, *total) = (other.session, other.duplicate, other.market, other.total);
        accounts.copy_from_slice(&other.accounts);
        instruments.copy_from_slice(&other.instruments);
        short_sales.copy_from_slice(&other.short_sales);
    }
}

/// The limits that count, and those that may be proposed.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    current: Version,
    known: Vec<Version>,
    proposed: Option<usize>,
}

impl Versions {
    pub fn new(first: Version) -> Self {
        Self { current: first.clone(), known: vec![first], proposed: None }
    }

    /// Adds a version that may be proposed.
    pub fn add(&mut self, version: Version) {
        self.known.push(version);
    }

    /// The limits that count.
    pub fn current(&self) -> &Version {
        &self.current
    }

    /// The largest limit on open orders of one side of an instrument, in any version: it is the gate's room.
    pub fn open_orders_max(&self, place: usize) -> i64 {
        let all = self.known.iter().map(|version| version.instruments[place].open_orders_side_max_count);
        all.max().unwrap_or(0)
    }

    /// What the restricted list that counts imposes on an instrument; nothing on one that is not in the table.
    pub fn listed(&self, place: usize) -> TradingState {
        let is_listed = self.current.short_sales.get(place).is_some_and(|one| one.is_restricted);
        if is_listed { TradingState::Halted } else { TradingState::Active }
    }

    /// Whether any version knows of short sales or of a restricted list.
    pub fn have_short_sales(&self) -> bool {
        let mut all = self.known.iter().flat_map(|version| &version.short_sales);
        all.any(|one| *one != ShortSale::FREE)
    }

    /// Whether a version takes back what an override allows: its limit is tighter than that, and than the one in force.
    pub fn takes_back(&self, number: u64, one: &Override) -> bool {
        let limit = |version: &Version| {
            let mut limits = *version.instruments.get(one.place)?;
            Some(*one.key.of(&mut limits))
        };
        let later = usize::try_from(number).ok().and_then(|number| self.known.get(number));
        let limits = later.and_then(limit).zip(limit(&self.current));
        limits.is_some_and(|(later, now)| later < now && later < one.value)
    }

    /// Takes over what is tighter in a version; false where there is no such.
    pub fn propose(&mut self, number: u64) -> bool {
        let number = usize::try_from(number).ok().filter(|number| *number < self.known.len());
        let Some(number) = number else { return false };
        self.current.tighten(&self.known[number]);
        self.proposed = Some(number);
        true
    }

    /// Takes over the version proposed last, whole; false where it is another.
    pub fn confirm(&mut self, number: u64) -> bool {
        let proposed = self.proposed.filter(|proposed| u64::try_from(*proposed) == Ok(number));
        let Some(proposed) = proposed else { return false };
        self.proposed = None;
        self.current.clone_in_place(&self.known[proposed]);
        true
    }
}

impl Limits {
    /// Refuses limits that cannot take the place of `self` while running: another currency, other accounts, or other controls.
    /// Limits that state no controls leave them as they are.
    ///
    /// # Errors
    ///
    /// [`LimitsError::Reload`] naming what differs.
    pub fn check_reload(&self, later: &Self, version: usize) -> Result<(), LimitsError> {
        let names = |limits: &Self| limits.accounts.iter().map(|one| one.account).collect::<Vec<_>>();
        let what = if self.currency != later.currency {
            "currency"
        } else if names(self) != names(later) {
            "the list of accounts"
        } else if self.controls != later.controls && later.controls != ControlsConfig::default() {
            "controls"
        } else if self.strategies != later.strategies && !later.strategies.is_empty() {
            "the limits of strategies"
        } else {
            return Ok(());
        };
        Err(LimitsError::Reload { version, what })
    }
}

#[cfg(test)]
mod tests {
    use tickrace_types::Instrument;

    use super::*;

    fn limits() -> Limits {
        toml::from_str(include_str!("../../../../configs/limits/us_equity.toml")).unwrap()
    }

    fn versions(change: impl FnOnce(&mut Limits)) -> (Versions, Version, Version) {
        let shares = InstrumentTable::new(vec![Instrument::us_equity("ONE")]).unwrap();
        let first = limits();
        let mut later = first.clone();
        change(&mut later);
        first.check_reload(&later, 1).unwrap();
        let (first, later) = (Version::new(&first, &shares).unwrap(), Version::new(&later, &shares).unwrap());
        let mut versions = Versions::new(first.clone());
        versions.add(later.clone());
        (versions, first, later)
    }

    #[test]
    fn the_tighter_half_counts_at_once_and_the_looser_once_confirmed() {
        let (mut versions, first, later) = versions(|limits| {
            limits.instrument.position_max_lots = 500;
            limits.instrument.order_qty_max_lots = 5_000;
            limits.duplicate.duplicate_window_ms = 50;
            limits.session.new_rate_per_s = 3;
        });
        assert!(!versions.confirm(1), "nothing was proposed");
        assert!(versions.propose(1));
        let now = versions.current();
        assert_eq!(now.instruments[0].position_max_lots, 500);
        assert_eq!(now.session.new_rate_per_s, 3);
        assert_eq!(now.instruments[0].order_qty_max_lots, first.instruments[0].order_qty_max_lots);
        assert_eq!(now.duplicate, first.duplicate);
        assert!(!versions.confirm(0), "another version");
        assert!(versions.confirm(1));
        assert_eq!(versions.current(), &later);
        assert!(!versions.confirm(1), "once");
        assert!(versions.propose(0) && versions.confirm(0));
        assert_eq!(versions.current(), &first);
        assert!(!versions.propose(2));
    }

    #[test]
    fn what_cannot_change_while_running_is_named() {
        let first = limits();
        let mut later = first.clone();
        later.accounts[0].account = 3;
        let error = first.check_reload(&later, 2).unwrap_err();
        assert_eq!(error.to_string(), "limits version 2: the list of accounts cannot change while running");
    }
}
