//! The policy trait and the policies a desk can run.

use tickrace_types::{ResponseRecord, TargetRecord};

use crate::{MarketMaker, Say, TargetFollower, TouchQuoter, View};

/// Decides what should rest in the book. Object-safe; deterministic: same records, same words.
///
/// Nothing here may allocate after construction, lock, or read a clock.
pub trait Policy {
    /// A record inside an exchange event, not its last: signals may learn from it, nothing can be said.
    fn on_record(&mut self, view: &View<'_>) {
        let _ = view;
    }

    /// The last record of an exchange event (`END_OF_EVENT`), market data or status.
    fn on_event(&mut self, view: &View<'_>, say: &mut Say);

    /// A response, after order management has applied it.
    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        let _ = (view, response, say);
    }

    /// The desk's periodic timer, once for each instrument; `view.record` is the timer record.
    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        let _ = (view, say);
    }

    /// A position that somebody wants held in the view's instrument; `view.record` is its record.
    fn on_target(&mut self, view: &View<'_>, target: &TargetRecord, say: &mut Say) {
        let _ = (view, target, say);
    }

    /// Whether a firing of the timer that follows another with nothing heard in between would say nothing new and learn
    /// nothing: then such firings are left out, and an empty night costs nothing.
    fn is_timer_idle_safe(&self) -> bool {
        false
    }

    /// After what was said on an event, a response or a timer has left: what may take its time, such as turning what
    /// was learned into new parameters, is done here and not between a tick and its orders.
    fn upkeep(&mut self, view: &View<'_>) {
        let _ = view;
    }

    /// A record of the warm-up: signals learn, nothing is said.
    fn warm_up(&mut self, view: &View<'_>) {
        let _ = view;
    }
}

/// The policies a desk can run: built-in ones without a dynamic call, and one boxed of the user's own.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one of it, and the built-in policy is reached without a pointer"
)]
pub enum Policies {
    /// Two-sided quotes after Avellaneda and Stoikov.
    MarketMaker(MarketMaker),
    /// One order a side at the touch, on a timer.
    TouchQuoter(TouchQuoter),
    /// Positions brought to targets worked out elsewhere.
    Target(TargetFollower),
    /// A user's own policy, at one dynamic call per event.
    Custom(Box<dyn Policy + Send>),
    /// Says nothing.
    Idle,
}

impl Policies {
    /// See [`Policy::on_record`].
    #[inline]
    pub fn on_record(&mut self, view: &View<'_>) {
        match self {
            Self::MarketMaker(policy) => policy.on_record(view),
            Self::TouchQuoter(policy) => policy.on_record(view),
            Self::Target(policy) => policy.on_record(view),
            Self::Custom(policy) => policy.on_record(view),
            Self::Idle => {}
        }
    }

    /// See [`Policy::on_event`].
    #[inline]
    pub fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        match self {
            Self::MarketMaker(policy) => policy.on_event(view, say),
            Self::TouchQuoter(policy) => policy.on_event(view, say),
            Self::Target(policy) => policy.on_event(view, say),
            Self::Custom(policy) => policy.on_event(view, say),
            Self::Idle => {}
        }
    }

    /// See [`Policy::on_response`].
    #[inline]
    pub fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        match self {
            Self::MarketMaker(policy) => policy.on_response(view, response, say),
            Self::TouchQuoter(policy) => policy.on_response(view, response, say),
            Self::Target(policy) => policy.on_response(view, response, say),
            Self::Custom(policy) => policy.on_response(view, response, say),
            Self::Idle => {}
        }
    }

    /// See [`Policy::on_timer`].
    #[inline]
    pub fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        match self {
            Self::MarketMaker(policy) => policy.on_timer(view, say),
            Self::TouchQuoter(policy) => policy.on_timer(view, say),
            Self::Target(policy) => policy.on_timer(view, say),
            Self::Custom(policy) => policy.on_timer(view, say),
            Self::Idle => {}
        }
    }

    /// See [`Policy::on_target`].
    pub fn on_target(&mut self, view: &View<'_>, target: &TargetRecord, say: &mut Say) {
        match self {
            Self::MarketMaker(policy) => policy.on_target(view, target, say),
            Self::TouchQuoter(policy) => policy.on_target(view, target, say),
            Self::Target(policy) => policy.on_target(view, target, say),
            Self::Custom(policy) => policy.on_target(view, target, say),
            Self::Idle => {}
        }
    }

    /// See [`Policy::is_timer_idle_safe`].
    pub fn is_timer_idle_safe(&self) -> bool {
        match self {
            Self::MarketMaker(policy) => policy.is_timer_idle_safe(),
            Self::TouchQuoter(policy) => policy.is_timer_idle_safe(),
            Self::Target(policy) => policy.is_timer_idle_safe(),
            Self::Custom(policy) => policy.is_timer_idle_safe(),
            Self::Idle => true,
        }
    }

    /// See [`Policy::upkeep`].
    #[inline]
    pub fn upkeep(&mut self, view: &View<'_>) {
        match self {
            Self::MarketMaker(policy) => policy.upkeep(view),
            Self::TouchQuoter(policy) => policy.upkeep(view),
            Self::Target(policy) => policy.upkeep(view),
            Self::Custom(policy) => policy.upkeep(view),
            Self::Idle => {}
        }
    }

    /// See [`Policy::warm_up`].
    #[inline]
    pub fn warm_up(&mut self, view: &View<'_>) {
        match self {
            Self::MarketMaker(policy) => policy.warm_up(view),
            Self::TouchQuoter(policy) => policy.warm_up(view),
            Self::Target(policy) => policy.warm_up(view),
            Self::Custom(policy) => policy.warm_up(view),
            Self::Idle => {}
        }
    }
}
