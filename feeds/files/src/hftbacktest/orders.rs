//! Orders of an order-by-order file: what a row means depends on what rests.
//!
//! A file tells of an execution twice: the fill, and then that the order is gone (cancel) or has less (modify). The
//! records tell it once, by the fill. A modification to less at the same price keeps its place in the queue and becomes
//! a `Cancel` of the difference; any other loses it and becomes a `Replace`.
//!
//! Source: hftbacktest 0.9.4, `backtest/models/queue.rs`: a modification to more, or to another price, goes to the end;
//! a fill may be followed by a row that deletes the order.

use rustc_hash::FxHashMap;
use tickrace_types::{Kind, MarketRecord};

use super::row::ev;

/// An order row on its grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderRow {
    pub(super) kind: u64,
    pub(super) order_ref: u64,
    /// Nano-units.
    pub(super) price: i64,
    pub(super) lots: u32,
    /// 0 bid, 1 ask, 2 not told.
    pub(super) side: u8,
}

/// What rests, as one of the two worlds of the file sees it. An order that was filled stays with no lots until the file
/// takes it away.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    resting: FxHashMap<u64, Resting>,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    price: i64,
    lots: u32,
    side: u8,
}

/// What a row does: fields of the record; `None` where it says nothing new.
pub(super) type Deed = Option<(Kind, Body)>;

/// Fields of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) order_ref: u64,
    pub(super) other_ref: u64,
    pub(super) price: i64,
    pub(super) qty: u32,
    pub(super) side: u8,
    pub(super) code: u8,
}

impl Orders {
    /// Applies a row.
    pub(super) fn on_row(&mut self, row: &OrderRow) -> Deed {
        let known = self.resting.get(&row.order_ref).copied();
        let side = known.map_or(row.side, |order| order.side);
        let body =
            Body { order_ref: row.order_ref, price: row.price, qty: row.lots, side, ..Body::default() };
        match row.kind {
            ev::ADD_ORDER => {
                self.rest(row, row.side);
                Some((Kind::Add, Body { side: row.side, ..body }))
            }
            ev::CANCEL_ORDER => {
                self.resting.remove(&row.order_ref);
                let is_filled = known.is_some_and(|order| order.lots == 0);
                (!is_filled).then_some((Kind::Delete, Body { qty: 0, ..body }))
            }
            ev::MODIFY_ORDER => {
                let Some(order) = known else {
                    return Some((Kind::Replace, Body { other_ref: row.order_ref, ..body }));
                };
                self.rest(row, side);
                if order.lots == 0 {
                    return Some((Kind::Add, body));
                }
                if order.price == row.price && order.lots >= row.lots {
                    let less = order.lots - row.lots;
                    return (less > 0).then_some((Kind::Cancel, Body { qty: less, ..body }));
                }
                Some((Kind::Replace, Body { other_ref: row.order_ref, ..body }))
            }
            _ => {
                if let Some(order) = self.resting.get_mut(&row.order_ref) {
                    order.lots = order.lots.saturating_sub(row.lots);
                }
                Some((Kind::Execute, Body { code: MarketRecord::WITH_PRICE, ..body }))
            }
        }
    }

    fn rest(&mut self, row: &OrderRow, side: u8) {
        self.resting.insert(row.order_ref, Resting { price: row.price, lots: row.lots, side });
    }

    /// Orders of one side (0, 1) or of both (2) are gone.
    pub(super) fn clear(&mut self, side: u8) {
        self.resting.retain(|_, order| side < 2 && order.side != side);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deeds(rows: &[(u64, i64, u32)]) -> Vec<Option<(Kind, u32)>> {
        let mut orders = Orders::default();
        let row = |(kind, price, lots)| OrderRow { kind, order_ref: 5, price, lots, side: 1 };
        rows.iter().map(|of| orders.on_row(&row(*of)).map(|(kind, body)| (kind, body.qty))).collect()
    }

    #[test]
    fn an_execution_told_by_fill_and_cancel_or_modify_is_told_once() {
        let rows = [
            (ev::ADD_ORDER, 100, 50),
            (ev::FILL, 100, 20),
            (ev::MODIFY_ORDER, 100, 30),
            (ev::FILL, 100, 30),
            (ev::CANCEL_ORDER, 100, 30),
            (ev::CANCEL_ORDER, 100, 30),
        ];
        let wanted = [
            Some((Kind::Add, 50)),
            Some((Kind::Execute, 20)),
            None,
            Some((Kind::Execute, 30)),
            None,
            // Nobody knows it any more.
            Some((Kind::Delete, 0)),
        ];
        assert_eq!(deeds(&rows), wanted);
    }

    #[test]
    fn a_modification_keeps_its_place_only_to_less_at_the_same_price() {
        let add = (ev::ADD_ORDER, 100, 50);
        assert_eq!(deeds(&[add, (ev::MODIFY_ORDER, 100, 40)])[1], Some((Kind::Cancel, 10)));
        assert_eq!(deeds(&[add, (ev::MODIFY_ORDER, 100, 60)])[1], Some((Kind::Replace, 60)));
        assert_eq!(deeds(&[add, (ev::MODIFY_ORDER, 101, 40)])[1], Some((Kind::Replace, 40)));
        assert_eq!(deeds(&[(ev::MODIFY_ORDER, 101, 40)]), [Some((Kind::Replace, 40))]);
        let refilled = [add, (ev::FILL, 100, 50), (ev::MODIFY_ORDER, 100, 10), (ev::CANCEL_ORDER, 0, 0)];
        assert_eq!(deeds(&refilled)[2..], [Some((Kind::Add, 10)), Some((Kind::Delete, 0))]);
    }

    #[test]
    fn a_cleared_side_is_forgotten() {
        let mut orders = Orders::default();
        let row = |kind, order_ref, side| OrderRow { kind, order_ref, price: 1, lots: 2, side };
        for (order_ref, side) in [(1, 0), (2, 1)] {
            orders.on_row(&row(ev::ADD_ORDER, order_ref, side));
            orders.on_row(&row(ev::FILL, order_ref, side));
        }
        orders.clear(0);
        assert!(orders.on_row(&row(ev::CANCEL_ORDER, 1, 0)).is_some());
        assert!(orders.on_row(&row(ev::CANCEL_ORDER, 2, 1)).is_none());
    }
}
