//! `fills.parquet`: one row for each fill, in the order we heard of them.

use std::path::Path;

use tickrace_types::{Cash, Contract, InstrumentTable, Price, ResponseKind, ResponseRecord};

use crate::table::{Shape, StoreError, Symbols, Table};

const MESSAGE: &str = "message fills {
    required int64 seq (INTEGER(64,false));
    required int64 ts_venue_ns (TIMESTAMP(NANOS,true));
    required int64 ts_recv_ns (TIMESTAMP(NANOS,true));
    required int32 instrument (INTEGER(32,false));
    required binary symbol (STRING);
    required int64 client_id (INTEGER(64,false));
    required int64 venue_order_id (INTEGER(64,false));
    required int64 exec_id (INTEGER(64,false));
    required int32 side (INTEGER(8,false));
    required int64 px_nanos (INTEGER(64,true));
    required int64 qty_lots (INTEGER(64,true));
    required int64 leaves_lots (INTEGER(64,true));
    required int64 fee_nanos (INTEGER(64,true));
    required fixed_len_byte_array(16) notional (DECIMAL(38,18));
    required int32 taker (INTEGER(8,false));
    required int64 cause_seq (INTEGER(64,false));
    required int32 strategy (INTEGER(16,false));
}";

const UNITS: &str = "seq: inbound sequence number; ts_venue_ns, ts_recv_ns: UTC; side: ours, 0 bid 1 ask; px_nanos: \
    1e-9 of the quote currency; qty_lots, leaves_lots: lots; fee_nanos: 1e-9 of the currency it settles in, negative for a \
    rebate; notional: price x lots x multiplier (of an inverse contract lots x multiplier / price) in the currency it settles in, positive; taker: 1 where we took; cause_seq: \
    message number that caused a passive fill, 0 else";

/// Writes fills as they come.
pub struct FillsWriter {
    table: Table,
    symbols: Symbols,
    contracts: Vec<Contract>,
}

impl FillsWriter {
    /// Makes the file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] naming the path.
    pub fn create(path: &Path, instruments: &InstrumentTable) -> Result<Self, StoreError> {
        let metadata = vec![("tickrace.table", "fills".to_owned()), ("tickrace.units", UNITS.to_owned())];
        let rising = &["seq", "ts_venue_ns", "ts_recv_ns", "exec_id", "cause_seq"];
        let table = Table::create(path, &Shape { message: MESSAGE.to_owned(), rising, metadata })?;
        let contracts = instruments.as_slice().iter().map(Contract::of).collect();
        Ok(Self { table, symbols: Symbols::new(instruments), contracts })
    }

    /// Adds a response where it is a fill; other responses are passed over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`].
    pub fn push(&mut self, response: &ResponseRecord) -> Result<(), StoreError> {
        if response.response() != Some(ResponseKind::Fill) {
            return Ok(());
        }
        let header = &response.header;
        let contract = usize::try_from(header.instrument).ok().and_then(|place| self.contracts.get(place));
        let Cash(notional) =
            contract.copied().unwrap_or_default().notional(Price(response.price), response.qty);
        self.table
            .row()
            .u64(header.seq)
            .i64(Some(header.ts_venue_ns))
            .i64(Some(header.ts_recv_ns))
            .u32(Some(header.instrument))
            .text(Some(self.symbols.of(header.instrument)))
            .u64(response.client_id)
            .u64(response.venue_order_id)
            .u64(response.exec_id)
            .u8(response.side)
            .i64(Some(response.price))
            .i64(Some(response.qty))
            .i64(Some(response.leaves))
            .i64(Some(response.fee_nanos))
            .decimal(notional)
            .u8(response.taker)
            .u64(response.cause_seq)
            .u16(response.strategy)
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

/// Writes a whole file from responses, of which only fills count; gives its rows.
///
/// # Errors
///
/// [`StoreError`] naming the path.
pub fn write<'a>(
    path: &Path,
    instruments: &InstrumentTable,
    responses: impl IntoIterator<Item = &'a ResponseRecord>,
) -> Result<u64, StoreError> {
    let mut writer = FillsWriter::create(path, instruments)?;
    for response in responses {
        writer.push(response)?;
    }
    writer.finish()
}
