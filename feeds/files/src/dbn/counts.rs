//! Rows counted by schema and action.

use dbn::{Schema, rtype};

/// Types whose rows are counted by action; orders first.
const BY_ACTION: [u8; 6] =
    [rtype::MBO, rtype::MBP_0, rtype::MBP_1, rtype::MBP_10, rtype::CMBP_1, rtype::TCBBO];
/// Bars whose interval only the schema tells, as the legacy format has them.
pub(super) const OHLCV_OF_SCHEMA: u8 = 0x11;

/// Rows by type, and by type and action of those that have one.
pub(super) struct Counts {
    schema: Option<Schema>,
    rows: [u64; 256],
    actions: Box<[[u64; 256]; BY_ACTION.len()]>,
}

impl Counts {
    /// `schema` is that of the file: some types stand for several.
    pub(super) fn new(schema: Option<Schema>) -> Self {
        Self { schema, rows: [0; 256], actions: Box::new([[0; 256]; BY_ACTION.len()]) }
    }

    #[inline]
    pub(super) fn count(&mut self, kind: u8) {
        self.rows[usize::from(kind)] += 1;
    }

    #[inline]
    pub(super) fn count_order(&mut self, action: u8) {
        self.actions[0][usize::from(action)] += 1;
    }

    #[inline]
    pub(super) fn count_action(&mut self, kind: u8, action: u8) {
        if let Some(place) = BY_ACTION.iter().position(|with| *with == kind) {
            self.actions[place][usize::from(action)] += 1;
        }
    }

    /// Rows by schema, those with an action by action.
    pub(super) fn by_type(&self) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        for (kind, count) in (0..=u8::MAX).zip(self.rows).filter(|(_, count)| *count > 0) {
            let name = self.name_of(kind);
            let Some(place) = BY_ACTION.iter().position(|with| *with == kind) else {
                all.push((name, count));
                continue;
            };
            let rows = (0..=u8::MAX).zip(self.actions[place]).filter(|(_, count)| *count > 0);
            all.extend(rows.map(|(action, count)| {
                let action = if action.is_ascii_graphic() {
                    char::from(action).to_string()
                } else {
                    format!("{action:#04x}")
                };
                (format!("{name}:{action}"), count)
            }));
        }
        all
    }

    pub(super) fn name_of(&self, kind: u8) -> String {
        if kind == OHLCV_OF_SCHEMA {
            return self.schema.as_ref().map_or("ohlcv", Schema::as_str).to_owned();
        }
        let schema = match kind {
            rtype::MBP_1 if self.schema == Some(Schema::Tbbo) => "tbbo",
            rtype::MBP_0 => "trades",
            rtype::MBP_1 => "mbp-1",
            rtype::MBP_10 => "mbp-10",
            rtype::MBO => "mbo",
            rtype::CMBP_1 => "cmbp-1",
            rtype::TCBBO => "tcbbo",
            rtype::CBBO_1S => "cbbo-1s",
            rtype::CBBO_1M => "cbbo-1m",
            rtype::BBO_1S => "bbo-1s",
            rtype::BBO_1M => "bbo-1m",
            rtype::OHLCV_1S => "ohlcv-1s",
            rtype::OHLCV_1M => "ohlcv-1m",
            rtype::OHLCV_1H => "ohlcv-1h",
            rtype::OHLCV_1D => "ohlcv-1d",
            rtype::OHLCV_EOD => "ohlcv-eod",
            rtype::STATUS => "status",
            rtype::INSTRUMENT_DEF => "definition",
            rtype::IMBALANCE => "imbalance",
            rtype::STATISTICS => "statistics",
            rtype::ERROR => "error",
            rtype::SYMBOL_MAPPING => "symbol-mapping",
            rtype::SYSTEM => "system",
            other => return format!("rtype {other:#04x}"),
        };
        schema.to_owned()
    }
}
