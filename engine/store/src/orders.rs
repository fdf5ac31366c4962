//! `orders.parquet`: one row for each outbound request, refused ones included, in the order they left.
//!
//! The first eleven columns, little-endian and in order, are what the run's order digest is taken over.

use std::path::Path;

use tickrace_types::{InstrumentTable, OrderRecord};

use crate::table::{Shape, StoreError, Symbols, Table};

const MESSAGE: &str = "message orders {
    required int64 seq (INTEGER(64,false));
    required int64 cause_seq (INTEGER(64,false));
    required int32 instrument (INTEGER(32,false));
    required int64 client_id (INTEGER(64,false));
    required int32 action (INTEGER(8,false));
    required int32 side (INTEGER(8,false));
    required int64 px_nanos (INTEGER(64,true));
    required int64 qty_lots (INTEGER(64,true));
    required int32 type (INTEGER(8,false));
    required int32 tif (INTEGER(8,false));
    required int32 verdict (INTEGER(8,false));
    required binary symbol (STRING);
    required int64 orig_client_id (INTEGER(64,false));
    required int64 ts_ns (TIMESTAMP(NANOS,true));
    required int32 strategy (INTEGER(16,false));
    required int32 level (INTEGER(8,false));
    required int64 parent_id (INTEGER(64,false));
    required int32 reduce_only (INTEGER(8,false));
    required int32 stp (INTEGER(8,false));
    required int64 trigger_px_nanos (INTEGER(64,true));
    required int32 trigger (INTEGER(8,false));
    required int32 peg (INTEGER(8,false));
    required int32 display_lots (INTEGER(32,false));
    required int64 expire_ns (INTEGER(64,true));
}";

const UNITS: &str = "seq: outbound sequence number; cause_seq: inbound sequence number; px_nanos: 1e-9 of the quote \
    currency, 0 for a cancel; qty_lots: lots; ts_ns: receive time of the cause, UTC; action: 0 new 1 replace 2 cancel \
    3 mass cancel; side: 0 bid 1 ask; type: 0 limit 1 post-only 2 market 3 stop 4 stop-limit 5 trailing stop 6 pegged; tif: \
    0 day 1 immediate-or-cancel 2 fill-or-kill 3 good till cancel 4 good till date 5 at the open 6 at the close; verdict: 0 \
    passed, else the gate's reason; level: 255 none; parent_id: 0 none; stp: self-trade, 0 cancel newest 1 oldest 2 both 3 \
    decrement; trigger_px_nanos: price that triggers a stop, distance of a trailing one, offset of a pegged order, 1e-9 of the \
    quote currency; trigger: 0 last trade 1 touch; peg: 0 primary 1 market 2 mid; display_lots: 0 all, 4294967295 none, else \
    the peak of an iceberg; expire_ns: good till date, UTC, 0 none";

const DIGEST: &str = "SHA-256 over the rows, little-endian seq cause_seq instrument client_id action side px_nanos \
    qty_lots type tif verdict, 49 bytes each";

/// Writes orders as they come.
pub struct OrdersWriter {
    table: Table,
    symbols: Symbols,
}

impl OrdersWriter {
    /// Makes the file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] naming the path.
    pub fn create(path: &Path, instruments: &InstrumentTable) -> Result<Self, StoreError> {
        let metadata = vec![
            ("tickrace.table", "orders".to_owned()),
            ("tickrace.units", UNITS.to_owned()),
            ("tickrace.order_digest", DIGEST.to_owned()),
        ];
        let rising = &["seq", "cause_seq", "client_id", "orig_client_id", "ts_ns"];
        let table = Table::create(path, &Shape { message: MESSAGE.to_owned(), rising, metadata })?;
        Ok(Self { table, symbols: Symbols::new(instruments) })
    }

    /// Adds an order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn push(&mut self, order: &OrderRecord) -> Result<(), StoreError> {
        self.table
            .row()
            .u64(order.header.seq)
            .u64(order.cause_seq)
            .u32(Some(order.header.instrument))
            .u64(order.client_id)
            .u8(order.action)
            .u8(order.side)
            .i64(Some(order.price))
            .i64(Some(order.qty))
            .u8(order.order_type)
            .u8(order.tif)
            .u8(order.verdict)
            .text(Some(self.symbols.of(order.header.instrument)))
            .u64(order.orig_client_id)
            .i64(Some(order.header.ts_recv_ns))
            .u16(order.strategy)
            .u8(order.level)
            .u64(order.parent_id)
            .u8(order.reduce_only)
            .u8(order.stp)
            .i64(Some(order.trigger_price))
            .u8(order.trigger)
            .u8(order.peg)
            .u32(Some(order.display_qty))
            .i64(Some(order.expire_ns))
            .end()
    }

    /// Rows taken so far.
    pub const fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// Completes the file; gives its rows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn finish(self) -> Result<u64, StoreError> {
        self.table.finish()
    }
}

/// Writes a whole file; gives its rows.
///
/// # Errors
///
/// [`StoreError`] naming the path.
pub fn write<'a>(
    path: &Path,
    instruments: &InstrumentTable,
    orders: impl IntoIterator<Item = &'a OrderRecord>,
) -> Result<u64, StoreError> {
    let mut writer = OrdersWriter::create(path, instruments)?;
    for order in orders {
        writer.push(order)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests;
