//! The venue in a box, judged from outside: each rule by a case one can follow by hand, all rules together by a
//! plain re-simulation, and a real day by a scan of its tape.

mod oracle;
mod plain;
mod real_day;
mod rules_auction;
mod rules_costs;
mod rules_entry;
mod rules_estimated;
mod rules_resting;
mod rules_self_trade;
mod rules_session;
mod rules_shown;
mod rules_waiting;
mod world;
