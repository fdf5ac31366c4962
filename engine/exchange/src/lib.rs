//! A venue in a box: our orders inside the real book, with exact queue position.
//!
//! [`Exchange`] owns a book of its own, driven at venue time by the records of a real day, and puts our orders
//! between the real ones. Order-by-order data name every order that trades or leaves, so that what stands before
//! ours is counted, never estimated. It knows nothing of strategies, positions, threads or files; the receive
//! time of market data is not its business.
//!
//! # What fills a resting order of ours, and why
//!
//! | the day says | what happens | why |
//! | --- | --- | --- |
//! | a real order of our side trades (E, C) | ours at a better price, then ours of its price that stand before it, share the lots it traded | whoever hit it would have met us first; a real order ahead of us shows nothing but that our queue got shorter |
//! | a real order arrives at or through our price (A, F, U) | ours fill at our price, up to its lots less the real ones with priority over ours; those lots of it are *taken* | it could not have come to rest: we stood in its way |
//! | a hidden print strictly through our price (P) | ours fill at our price, up to its lots less the real ones with priority over ours | a displayed order at a better price goes first; can be switched off (`hidden_through_fills`) |
//! | a hidden print at our price | displayed: nothing; hidden: ours fill, up to its lots less the displayed real ones there | it did not touch the displayed queue; hidden orders are what traded |
//! | an auction (Q) strictly through our price | ours fill at the auction's price, each side up to its lots | all interest better than the price of a cross is executed in it |
//! | an execution that is not printable (C with N) | nothing; the queue gets shorter | its lots are in the print of the cross, and count there |
//! | a trade is broken (B) | nothing | the venue of the day broke a trade of others |
//!
//! All but the auction need the instrument in continuous trading and the book not stale.
//!
//! # Where the queue is estimated
//!
//! Feeds of levels or quotes do not name orders; there, and on feeds of orders under another model than `exact` (which
//! shows how wrong an estimate is), a resting order of ours fills so:
//!
//! | the day says | what happens | why |
//! | --- | --- | --- |
//! | a trade strictly through our price | ours fill at our price | whoever traded there would have met us first |
//! | a trade at our price | the quantity ahead falls by it; what goes beyond is ours | see [`queue_position`] |
//! | our level is stated anew | the quantity ahead is estimated again; nothing fills | it shrank by trades we hear of apart, or by cancels |
//! | the other side's touch comes to or through our price | ours fill at our price, up to what it shows | it could not have come to rest there |
//! | a level taken out of the book by a clear before a snapshot | nothing; the snapshot states it again | it says nothing of the queue |
//!
//! Fills never exceed what traded or was shown, unless `fills = "whole"` asks for the simpler exchange of other
//! backtesters. A quote feed says nothing of levels beyond its touch: an order there has all the world before it until
//! the touch comes to its price.
//!
//! # What an arriving order of ours takes
//!
//! It walks the real levels of the other side, best first and oldest first within one, each order for what it
//! shows less what we took of it before; one Fill for each level (the venue would send one a counterparty, which
//! the book would then hold just the same). The price is the level's. What was taken stays taken until that
//! order leaves the book, by execution, delete or replace, or shows less than was taken: the same lots never fill us
//! twice. It stops before an order of our own, where its self-trade mode says who gives way. What is left rests, or is
//! cancelled (immediate-or-cancel, market). Levels of which nothing is left for us still stand on the tape: a
//! post-only order at or through one is rejected, because the real venue's book, which we cannot change, would lock.
//!
//! # Types, times in force and terms
//!
//! | order | what it does | what ends or moves it |
//! | --- | --- | --- |
//! | limit, post-only, market | as above | – |
//! | fill-or-kill | trades whole against real lots before the first order of our own, or is cancelled (`FOK`) | – |
//! | hidden | rests behind everything displayed at its price, whenever that came; no post-only order is rejected for it | – |
//! | iceberg | shows a peak; the next one goes to the end of the queue, and several can trade with one arrival; takes and stands in auctions with all its lots | a peak of less than a hundredth of it is rejected |
//! | stop, stop-limit | waits; `Triggered` once the last trade (or, by choice, the touch it would take) is at its trigger or beyond, at its arrival too; then a market or limit order that arrives at that moment | – |
//! | trailing stop | its trigger keeps its distance from the best price watched since its arrival, and never goes back | a replace keeps what was seen |
//! | pegged | rests at its reference (own best, other best, middle) plus offset, not beyond its limit; `Restated` whenever the day's touch moves it, at the end of the queue there, and it may take | without a reference it stays |
//! | at the open, at the close | waits for the cross of its kind (code O or C) and nothing else; market orders go first, limits by price, behind what rests displayed at the same | what the cross leaves is cancelled (`AUCTION`), also by a cross of nothing; too late a one is rejected |
//! | day | – | [`Exchange::end_of_session`] |
//! | good till cancel | stays over sessions | [`Exchange::start_of_session`] puts it behind the book of the morning |
//! | good till date | stays over sessions | its time, to the nanosecond (`EXPIRED`) |
//!
//! A record first has its effect on what rests, then on trailing triggers, then on stops in the order of their
//! acceptance, then on pegged orders; the last three only while the instrument trades. A replace keeps type and time in
//! force; the trigger, offset, display and date are those it states. A cancel is good at any time. A mass cancel takes
//! off all orders of the strategy that asks, in one instrument or in all, one answer each.
//!
//! Where two orders of ours would trade, the newer one's mode counts: it is cancelled, or the older one, or both, or both
//! lose the lots of the smaller one (a `Cancelled` that leaves lots).
//!
//! # Priority
//!
//! An order takes the book's next arrival number as its *mark*; the real orders of its price that arrived below the
//! mark are ahead of it, all later ones behind; among ours, earlier acceptance goes first, and displayed before hidden. A replace at the same
//! price to no more lots keeps place and mark; any other goes to the end. A snapshot in the stream (after a clear)
//! is taken to have been there before us, which is against us.
//!
//! # Where there is no depth
//!
//! Quotes and bars show a touch and no more: an [`impact`] model prices what we take there, and [`bar_fills`] says what a
//! bar does to what rests. [`faults`] refuses and cuts short by chance.
//!
//! # How long messages are on their way
//!
//! Orders and responses each have a [`latency`] model: constant, drawn, or recorded. On one session nothing overtakes, so
//! a message waits for the one before it.
//!
//! # What it costs
//!
//! Each fill carries one fee; [`costs`] says of which items it is made: the venue's fee or rebate by tier and by the bounds
//! of an order, and any number of named charges.
//!
//! # Limits of the model
//!
//! The day does not react to us: lots that fill us go on to trade with the orders behind us on the tape. What an
//! aggressor wanted beyond what it got is on no tape, so it cannot fill us; our trades are on none either, so they trigger
//! no stop. Among the hidden orders of a price ours is taken to be first, since the others are on no tape. At the end of a halt an order of ours that
//! real orders now cross stays until one of the rules above meets it.
#![forbid(unsafe_code)]

mod all_or_none;
mod auction;
pub mod bar_fills;
pub mod config;
pub mod costs;
mod entry;
mod estimated;
pub mod exchange;
pub mod faults;
pub mod funding;
pub mod impact;
mod in_flight;
pub mod latency;
mod number_map;
mod own;
mod passive;
mod pegs;
pub mod queue_position;
mod reply;
mod self_trade;
mod session;
mod special;
mod taken;
mod taken_levels;
mod triggers;
pub mod working;

pub use bar_fills::BarFillConfig;
pub use config::{ExchangeConfig, ExchangeError, FeeConfig, FillRule};
pub use costs::{CostBook, FeeItem, FeeTier, TierPeriod};
pub use exchange::{Counters, Exchange, QueuePosition};
pub use faults::FaultConfig;
pub use funding::{FundingConfig, FundingRates};
pub use impact::{ImpactConfig, SpreadPower};
pub use in_flight::{IN_FLIGHT_MIN, IN_FLIGHT_PER_OPEN_ORDER};
pub use latency::{Latency, LatencyConfig, LatencyError, Way};
pub use queue_position::{Estimate, QueueModel};
pub use special::PEAKS_MAX;
pub use taken::TAKEN_ORDERS_MAX;
pub use taken_levels::TAKEN_LEVELS_MAX;
pub use working::WorkingOrder;
