//! The policy trait and the policies a desk can run.

use tickrace_types::{ResponseRecord, TargetRecord};

use crate::{MarketMaker, ModelPolicy, Momentum, Pairs, Say, TargetFollower, TouchQuoter, View};

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

    /// The desk speaks again after a kill was re-armed: records in between were not told.
    fn on_resume(&mut self) {}
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
    /// Positions that a model predicts.
    Model(ModelPolicy),
    /// Follows what has moved.
    Momentum(Momentum),
    /// Two prices that belong together, against each other.
    Pairs(Pairs),
    /// Positions brought to targets worked out elsewhere.
    Target(TargetFollower),
    /// A user's own policy, at one dynamic call per event.
    Custom(Box<dyn Policy + Send>),
    /// Says nothing.
    Idle,
}

/// The same call of whichever policy it is; what an idle one answers instead.
macro_rules! each {
    ($policies:expr, $policy:ident => $call:expr, $idle:expr) => {
        match $policies {
            Policies::MarketMaker($policy) => $call,
            Policies::TouchQuoter($policy) => $call,
            Policies::Model($policy) => $call,
            Policies::Momentum($policy) => $call,
            Policies::Pairs($policy) => $call,
            Policies::Target($policy) => $call,
            Policies::Custom($policy) => $call,
            Policies::Idle => $idle,
        }
    };
}

impl Policies {
    /// See [`Policy::on_record`].
    #[inline]
    pub fn on_record(&mut self, view: &View<'_>) {
        each!(self, policy => policy.on_record(view), {})
    }

    /// See [`Policy::on_event`].
    #[inline]
    pub fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        each!(self, policy => policy.on_event(view, say), {})
    }

    /// See [`Policy::on_response`].
    #[inline]
    pub fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        each!(self, policy => policy.on_response(view, response, say), {})
    }

    /// See [`Policy::on_timer`].
    #[inline]
    pub fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        each!(self, policy => policy.on_timer(view, say), {})
    }

    /// See [`Policy::on_target`].
    pub fn on_target(&mut self, view: &View<'_>, target: &TargetRecord, say: &mut Say) {
        each!(self, policy => policy.on_target(view, target, say), {})
    }

    /// See [`Policy::is_timer_idle_safe`].
    pub fn is_timer_idle_safe(&self) -> bool {
        each!(self, policy => policy.is_timer_idle_safe(), true)
    }

    /// See [`Policy::upkeep`].
    #[inline]
    pub fn upkeep(&mut self, view: &View<'_>) {
        each!(self, policy => policy.upkeep(view), {})
    }

    /// See [`Policy::warm_up`].
    #[inline]
    pub fn warm_up(&mut self, view: &View<'_>) {
        each!(self, policy => policy.warm_up(view), {})
    }

    /// See [`Policy::on_resume`].
    #[cold]
    pub fn on_resume(&mut self) {
        each!(self, policy => policy.on_resume(), {})
    }
}
