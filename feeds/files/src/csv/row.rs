//! One row: what its fields say, by the plan of the file.

use tickrace_types::{BarRecord, BarShapeRecord, Flags, Kind, MarketRecord, QuoteRecord, Record};

use super::fields::Fields;
use super::mapping::RowKind;
use super::plan::{Kinds, Plan};
use super::symbols::Slot;
use super::time::Clock;
use crate::number::{fixed, integer, lots};
use crate::shape::NO_SIDE;

/// One row and how it is read.
pub(super) struct Row<'a> {
    pub(super) line: &'a [u8],
    pub(super) fields: &'a Fields,
    pub(super) plan: &'a Plan,
}

impl<'a> Row<'a> {
    #[inline]
    pub(super) fn text(&self, place: usize, key: &'static str) -> Result<&'a [u8], RowFault> {
        self.fields.get(self.line, place).ok_or(RowFault { key, place, wanted: "a text" })
    }

    #[inline]
    pub(super) fn kind(&self) -> Result<RowKind, RowFault> {
        match &self.plan.kind {
            Kinds::Constant(kind) => Ok(*kind),
            Kinds::ByText(place, values) => {
                let text = self.text(*place, "kind")?;
                let found = values.iter().find(|(value, _)| value == text).map(|(_, kind)| *kind);
                found.ok_or(RowFault { key: "kind", place: *place, wanted: "one of the mapping's values" })
            }
        }
    }

    #[inline]
    fn side(&self) -> Result<u8, RowFault> {
        let Some((place, values)) = &self.plan.side else { return Ok(NO_SIDE) };
        let text = self.text(*place, "side")?;
        let found = values.iter().find(|(value, _)| value == text).map(|(_, side)| *side);
        found.ok_or(RowFault { key: "side", place: *place, wanted: "one of the mapping's values" })
    }

    /// Bid or ask, not none.
    #[inline]
    fn own_side(&self) -> Result<u8, RowFault> {
        let place = self.plan.side.as_ref().map_or(0, |(place, _)| *place);
        let fault = RowFault { key: "side", place, wanted: "bid or ask" };
        self.side().and_then(|side| if side == NO_SIDE { Err(fault) } else { Ok(side) })
    }

    /// Nano-units of a price; of a column that is not mapped `None`.
    #[inline]
    fn price(&self, column: Option<usize>, key: &'static str) -> Result<i64, RowFault> {
        let place = column.unwrap_or(0);
        let nanos = fixed(self.text(place, key)?, self.plan.price_decimals);
        nanos.ok_or(RowFault { key, place, wanted: "a price of at most nine decimals" })
    }

    #[inline]
    fn lots(&self, column: Option<usize>, key: &'static str, slot: &Slot) -> Result<u64, RowFault> {
        let place = column.unwrap_or(0);
        let nanos = fixed(self.text(place, key)?, self.plan.qty_decimals);
        let whole = nanos.and_then(|nanos| lots(nanos, slot.lot_nanos));
        whole.ok_or(RowFault { key, place, wanted: "a whole number of lots" })
    }

    /// Lots above zero that 32 bits hold.
    #[inline]
    fn order_lots(&self, slot: &Slot) -> Result<u32, RowFault> {
        let lots = self.lots(self.plan.qty, "qty", slot)?;
        let place = self.plan.qty.unwrap_or(0);
        let fault = RowFault { key: "qty", place, wanted: "lots above zero, of 32 bits" };
        u32::try_from(lots).ok().filter(|lots| *lots > 0).ok_or(fault)
    }

    #[inline]
    fn number(&self, column: Option<usize>, key: &'static str) -> Result<u64, RowFault> {
        let Some(place) = column else { return Ok(0) };
        integer(self.text(place, key)?).ok_or(RowFault { key, place, wanted: "a whole number" })
    }

    /// The records of the row, in order.
    #[inline]
    pub(super) fn say(
        &self,
        kind: RowKind,
        record: MarketRecord,
        slot: &mut Slot,
    ) -> Result<[Option<Record>; 2], RowFault> {
        let snapshot_ts_ns = (kind == RowKind::SnapshotLevel).then_some(record.header.ts_venue_ns);
        let before = std::mem::replace(&mut slot.snapshot_ts_ns, snapshot_ts_ns);
        match kind {
            RowKind::Quote => Ok([Some(self.quote(record, slot)?), None]),
            RowKind::Bar => self.bar(record, slot),
            RowKind::Level => Ok([Some(self.level(record, slot)?), None]),
            RowKind::SnapshotLevel => {
                let mut level = self.level(record, slot)?;
                level.header.flags = Flags::SNAPSHOT;
                let mut clear = record;
                (clear.header.kind, clear.header.flags) = (Kind::Clear as u8, Flags::SNAPSHOT);
                Ok([(before != snapshot_ts_ns).then(|| *clear.as_record()), Some(level)])
            }
            RowKind::Trade | RowKind::Print => Ok([Some(self.trade(kind, record, slot)?), None]),
            _ => Ok([Some(self.order(kind, record, slot)?), None]),
        }
    }

    #[inline]
    fn level(&self, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        record.header.kind = Kind::Level as u8;
        record.side = self.own_side()?;
        record.price = self.price(self.plan.price, "price")?;
        record.order_ref = self.lots(self.plan.qty, "qty", slot)?;
        Ok(*record.as_record())
    }

    #[inline]
    fn trade(&self, kind: RowKind, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        record.side = self.side()?;
        record.price = self.price(self.plan.price, "price")?;
        record.other_ref = self.number(self.plan.other_ref, "other_ref")?;
        if kind == RowKind::Trade {
            record.header.kind = Kind::Trade as u8;
            record.qty = self.order_lots(slot)?;
            return Ok(*record.as_record());
        }
        record.header.kind = Kind::Print as u8;
        let lots = self.lots(self.plan.qty, "qty", slot)?;
        if lots == 0 {
            let place = self.plan.qty.unwrap_or(0);
            return Err(RowFault { key: "qty", place, wanted: "lots above zero" });
        }
        record.qty = u32::try_from(lots).unwrap_or(u32::MAX);
        record.order_ref = if lots > u64::from(u32::MAX) { lots } else { 0 };
        Ok(*record.as_record())
    }

    /// Rows about an order, and clears.
    fn order(&self, kind: RowKind, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        if kind == RowKind::Clear {
            record.header.kind = Kind::Clear as u8;
            return Ok(*record.as_record());
        }
        record.order_ref = self.number(self.plan.order_ref, "order_ref")?;
        record.other_ref = match kind {
            RowKind::Add | RowKind::Cancel | RowKind::Delete => 0,
            _ => self.number(self.plan.other_ref, "other_ref")?,
        };
        if kind != RowKind::Delete {
            record.qty = self.order_lots(slot)?;
        }
        let is_priced = self.plan.price.is_some();
        let kind = match kind {
            RowKind::Add => {
                record.side = self.own_side()?;
                record.price = self.price(self.plan.price, "price")?;
                Kind::Add
            }
            RowKind::Replace => {
                record.price = self.price(self.plan.price, "price")?;
                if self.plan.other_ref.is_none() {
                    record.other_ref = record.order_ref;
                }
                Kind::Replace
            }
            RowKind::Execute => {
                record.side = self.side()?;
                if is_priced {
                    record.price = self.price(self.plan.price, "price")?;
                    record.code = MarketRecord::WITH_PRICE;
                }
                Kind::Execute
            }
            RowKind::Cancel => Kind::Cancel,
            _ => Kind::Delete,
        };
        record.header.kind = kind as u8;
        Ok(*record.as_record())
    }

    fn quote(&self, record: MarketRecord, slot: &mut Slot) -> Result<Record, RowFault> {
        const KEYS: [&str; 4] = ["bid_px", "bid_qty", "ask_px", "ask_qty"];
        let mut sides = [(0, 0); 2];
        for (place, side) in sides.iter_mut().enumerate() {
            let (px, qty) = (self.plan.quote[2 * place], self.plan.quote[2 * place + 1]);
            let is_empty = self.text(qty.unwrap_or(0), KEYS[2 * place + 1])?.is_empty();
            let lots = if is_empty { 0 } else { self.lots(qty, KEYS[2 * place + 1], slot)? };
            *side = match lots {
                0 if self.plan.is_empty_side_unchanged => slot.quote[place],
                0 => (0, 0),
                // What is more than the record holds stands for that many or more.
                lots => (self.price(px, KEYS[2 * place])?, u32::try_from(lots).unwrap_or(u32::MAX)),
            };
        }
        slot.quote = sides;
        let [(bid_px, bid_qty), (ask_px, ask_qty)] = sides;
        let mut quote =
            QuoteRecord { header: record.header, bid_px, ask_px, bid_qty, ask_qty, ..QuoteRecord::default() };
        quote.header.kind = Kind::Quote as u8;
        Ok(*quote.as_record())
    }

    fn bar(&self, record: MarketRecord, slot: &Slot) -> Result<[Option<Record>; 2], RowFault> {
        const KEYS: [&str; 4] = ["open", "high", "low", "close"];
        let mut prices = [0; 4];
        for (place, price) in prices.iter_mut().enumerate() {
            *price = self.price(self.plan.bar[place], KEYS[place])?;
        }
        let [open, high, low, close] = prices;
        if high < open.max(close).max(low) || low > open.min(close) {
            let place = self.plan.bar[1].unwrap_or(0);
            return Err(RowFault { key: "high", place, wanted: "low <= open, close <= high" });
        }
        let volume = match self.plan.volume {
            Some(_) => self.lots(self.plan.volume, "volume", slot)?,
            None => 0,
        };
        let mut header = record.header;
        let bar_ns = self.plan.bar_ns;
        if self.plan.is_bar_start {
            header.ts_venue_ns = header.ts_venue_ns.saturating_add(bar_ns);
            header.ts_recv_ns = header.ts_recv_ns.max(header.ts_venue_ns);
        }
        let ts_open_ns = header.ts_venue_ns.saturating_sub(bar_ns);
        header.kind = Kind::BarShape as u8;
        let shape = BarShapeRecord { header, open, high, low, ts_open_ns };
        header.kind = Kind::Bar as u8;
        let bar = BarRecord { header, close, volume, trades: 0, vwap: 0 };
        Ok([Some(*shape.as_record()), Some(*bar.as_record())])
    }
}

/// Why a row is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowFault {
    /// Key of the mapping, which is also the reason it is counted by.
    pub(super) key: &'static str,
    /// Place of its column.
    pub(super) place: usize,
    pub(super) wanted: &'static str,
}

/// Reads a time.
#[inline]
pub(super) fn time(
    (place, clock): &mut (usize, Clock),
    fields: &Fields,
    line: &[u8],
    key: &'static str,
) -> Result<i64, RowFault> {
    let fault = RowFault { key, place: *place, wanted: "a time" };
    fields.get(line, *place).and_then(|text| clock.read(text)).ok_or(fault)
}
