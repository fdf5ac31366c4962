//! One run's very orders at a venue that fills by another estimate: what the estimate alone changes.
//!
//! Once two runs have filled differently, their policies hold different positions and send different orders; whatever
//! differs from there on tells more of the policy than of the estimate. So the reference's orders, cancels included, go
//! at their own times to a venue of their own, and each order's fills are laid beside those it had in the reference.

use std::collections::BTreeMap;
use std::path::Path;

use tickrace_desk::DeskConfig;
use tickrace_desk::sim::SimGateway;
use tickrace_exchange::{Exchange, ExchangeConfig};
use tickrace_journal::{Entry, Reader};
use tickrace_oms::Gateway;
use tickrace_types::{InstrumentTable, OrderRecord, ResponseKind, ResponseRecord, Verdict};

use crate::Failure;
use crate::backtest::Market;

/// What was filled of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Venue time of the first fill, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// Fills.
    pub fills: u64,
    /// Lots.
    pub lots: i64,
}

/// Filled orders by client id.
pub type Fills = BTreeMap<u64, Filled>;

/// Fills of the same orders, against the reference's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// Orders filled in the reference.
    pub reference_orders: u64,
    /// Of those, filled here too.
    pub also: u64,
    /// Of those filled in both, first filled at the same instant.
    pub same: u64,
    /// Earlier here.
    pub earlier: u64,
    /// Later here.
    pub later: u64,
    /// Median time by which those were earlier, nanoseconds.
    pub earlier_median_ns: Option<i64>,
    /// Median time by which those were later, nanoseconds.
    pub later_median_ns: Option<i64>,
    /// Orders filled here and never in the reference.
    pub extra: u64,
    /// Fills here.
    pub fills: u64,
    /// Lots filled here.
    pub lots: i64,
    /// Lots filled in the reference.
    pub reference_lots: i64,
}

impl Match {
    /// Lays fills beside those of the reference.
    pub fn of(reference: &Fills, here: &Fills) -> Self {
        let mut found = Self { reference_orders: reference.len() as u64, ..Self::default() };
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for (id, then) in reference {
            found.reference_lots += then.lots;
            let Some(now) = here.get(id) else { continue };
            found.also += 1;
            match now.first_ns - then.first_ns {
                0 => found.same += 1,
                ahead if ahead < 0 => early.push(-ahead),
                behind => late.push(behind),
            }
        }
        (found.earlier, found.later) = (early.len() as u64, late.len() as u64);
        (found.earlier_median_ns, found.later_median_ns) = (median(early), median(late));
        found.extra = here.keys().filter(|id| !reference.contains_key(id)).count() as u64;
        found.fills = here.values().map(|one| one.fills).sum();
        found.lots = here.values().map(|one| one.lots).sum();
        found
    }
}

/// The middle one, of two the earlier.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// Orders of a journal that reached the venue, in the order they left.
///
/// # Errors
///
/// [`Failure`] where the journal is damaged.
pub fn orders_of(journal: &Path) -> Result<Vec<OrderRecord>, Failure> {
    let reader = Reader::open(journal, "outbound").map_err(Failure::input)?;
    let sent = |entry| match entry {
        Entry::Order(order) if Verdict(order.verdict).is_passed() => Some(*order),
        _ => None,
    };
    Ok(reader.iter().filter_map(sent).collect())
}

/// Sends `orders` at their own times to a venue, and gives what it filled.
///
/// - `config`: of the run the orders come from; latencies are its.
/// - `venue`: the venue they go to.
/// - `market`: in the venue's order.
///
/// # Errors
///
/// [`Failure`] where the venue's configuration is nonsense.
pub fn fill(
    orders: &[OrderRecord],
    config: &DeskConfig,
    venue: &ExchangeConfig,
    instruments: &InstrumentTable,
    market: Market,
) -> Result<Fills, Failure> {
    let exchange =
        Exchange::new(venue, instruments, config.run.book_orders_capacity).map_err(Failure::usage)?;
    let mut gateway = SimGateway::new(exchange, market, venue.response_latency_ns, 1024);
    let mut fills = Fills::new();
    let lookahead_ns = venue.order_latency_ns.saturating_add(venue.response_latency_ns);
    for order in orders {
        // Everything that happens before this order can arrive.
        let before_ns = order.header.ts_recv_ns.saturating_add(lookahead_ns).saturating_sub(1);
        advance(&mut gateway, before_ns, &mut fills);
        gateway.send(order);
    }
    advance(&mut gateway, i64::MAX, &mut fills);
    Ok(fills)
}

fn advance(gateway: &mut impl Gateway, until_ns: i64, fills: &mut Fills) {
    loop {
        let known_ns = gateway.advance(until_ns);
        gateway.poll(&mut |response: &ResponseRecord| note(fills, response));
        if known_ns >= until_ns {
            return;
        }
    }
}

fn note(fills: &mut Fills, response: &ResponseRecord) {
    if response.response() != Some(ResponseKind::Fill) {
        return;
    }
    let filled = fills
        .entry(response.client_id)
        .or_insert(Filled { first_ns: response.header.ts_venue_ns, ..Filled::default() });
    filled.fills += 1;
    filled.lots += response.qty;
}

/// Fills of a journal by order.
///
/// # Errors
///
/// [`Failure`] where the journal is damaged.
pub fn fills_of(journal: &Path) -> Result<Fills, Failure> {
    let reader = Reader::open(journal, "inbound").map_err(Failure::input)?;
    let mut fills = Fills::new();
    for entry in reader.iter() {
        if let Entry::Response(response) = entry {
            note(&mut fills, response);
        }
    }
    Ok(fills)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_are_laid_beside_one_another_by_order() {
        let filled = |first_ns, lots| Filled { first_ns, fills: 1, lots };
        let reference =
            Fills::from([(1, filled(100, 10)), (2, filled(200, 10)), (3, filled(300, 5)), (4, filled(9, 1))]);
        let here =
            Fills::from([(1, filled(100, 10)), (2, filled(150, 10)), (3, filled(370, 5)), (7, filled(1, 2))]);
        let expected = Match {
            reference_orders: 4,
            also: 3,
            same: 1,
            earlier: 1,
            later: 1,
            earlier_median_ns: Some(50),
            later_median_ns: Some(70),
            extra: 1,
            fills: 4,
            lots: 27,
            reference_lots: 26,
        };
        assert_eq!(Match::of(&reference, &here), expected);
        assert_eq!(median(vec![4, 1, 3, 2]), Some(2));
    }
}
