//! The fingerprint of a run: SHA-256 over its outbound orders.
//!
//! Each order adds one row of 49 bytes, little-endian, in this order: `seq u64, cause_seq u64, instrument u32,
//! client_id u64, action u8, side u8, px_nanos i64, qty_lots i64, type u8, tif u8, verdict u8`, the first eleven
//! columns of `orders.parquet`. No clock value is in it, so it is the same under every placement and on every machine.

use sha2::{Digest, Sha256};
use tickrace_types::OrderRecord;

/// Bytes of one row.
pub const ROW_SIZE: usize = 49;

/// SHA-256 over outbound orders, one at a time.
#[derive(Clone, Debug, Default)]
pub struct OrderDigest {
    sha: Sha256,
    count: u64,
}

impl OrderDigest {
    /// Of no orders yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an order as it left, its verdict included.
    pub fn push(&mut self, order: &OrderRecord) {
        self.sha.update(row(order));
        self.count += 1;
    }

    /// Orders added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Lower-case hexadecimal, 64 characters.
    pub fn finish(self) -> String {
        self.sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The bytes an order adds.
pub fn row(order: &OrderRecord) -> [u8; ROW_SIZE] {
    let mut row = [0; ROW_SIZE];
    row[0..8].copy_from_slice(&order.header.seq.to_le_bytes());
    row[8..16].copy_from_slice(&order.cause_seq.to_le_bytes());
    row[16..20].copy_from_slice(&order.header.instrument.to_le_bytes());
    row[20..28].copy_from_slice(&order.client_id.to_le_bytes());
    row[28] = order.action;
    row[29] = order.side;
    row[30..38].copy_from_slice(&order.price.to_le_bytes());
    row[38..46].copy_from_slice(&order.qty.to_le_bytes());
    row[46] = order.order_type;
    row[47] = order.tif;
    row[48] = order.verdict;
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_types::Header;

    fn order() -> OrderRecord {
        OrderRecord {
            header: Header { seq: 1, instrument: 2, ts_recv_ns: 99, ..Header::default() },
            cause_seq: 3,
            client_id: 4,
            action: 1,
            side: 1,
            price: -1,
            qty: 256,
            order_type: 1,
            tif: 0,
            verdict: 7,
            ..OrderRecord::default()
        }
    }

    #[test]
    fn no_orders_give_the_hash_of_nothing() {
        // FIPS 180-4: SHA-256 of the empty message.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(OrderDigest::new().finish(), empty);
    }

    #[test]
    fn a_row_is_the_columns_in_order_little_endian() {
        // seq 1, cause 3, instrument 2, client 4, action 1, side 1, price -1, qty 256, type 1, tif 0, verdict 7.
        let bytes: Vec<u8> = [
            &[1, 0, 0, 0, 0, 0, 0, 0][..],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0],
            &[4, 0, 0, 0, 0, 0, 0, 0],
            &[1, 1],
            &[255; 8],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[1, 0, 7],
        ]
        .concat();
        assert_eq!(row(&order()).to_vec(), bytes);
    }

    #[test]
    fn a_clock_value_changes_nothing_and_a_verdict_does() {
        let hash = |order: &OrderRecord| {
            let mut digest = OrderDigest::new();
            digest.push(order);
            digest.finish()
        };
        let mut other = order();
        other.header.ts_recv_ns = 100;
        assert_eq!(hash(&order()), hash(&other));
        other.verdict = 8;
        assert_ne!(hash(&order()), hash(&other));
    }
}
