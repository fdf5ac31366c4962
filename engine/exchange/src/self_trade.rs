//! Two orders of ours meet: which gives way, by the word of the newer one.

use tickrace_types::event::venue_reason::SELF_TRADE;
use tickrace_types::{ResponseKind, ResponseRecord, SelfTrade};

use crate::Exchange;
use crate::own::{NIL, Own};

impl Exchange {
    /// The next order `own` would trade with is ours, the first of the other side. Whether `own` goes on; if not, it is
    /// answered.
    pub(crate) fn give_way(
        &mut self,
        own: &mut Own,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> bool {
        self.counters.self_trades_prevented += 1;
        let slot = self.orders.head(own.instrument, own.side.opposite());
        debug_assert_ne!(slot, NIL, "someone stood in the way");
        match own.stp {
            SelfTrade::CancelOldest => {
                let older = self.orders.remove(slot);
                self.cancelled(&older, SELF_TRADE, now_ns, out);
                return true;
            }
            SelfTrade::CancelBoth => {
                let older = self.orders.remove(slot);
                self.cancelled(&older, SELF_TRADE, now_ns, out);
            }
            SelfTrade::Decrement => {
                let lots = own.leaves().min(self.orders.get(slot).available());
                self.decrement_resting(slot, lots, now_ns, out);
                own.qty -= lots;
                self.reduced(own, lots, now_ns, out);
                return own.leaves() > 0;
            }
            SelfTrade::CancelNewest => {}
        }
        self.cancelled(own, SELF_TRADE, now_ns, out);
        false
    }

    fn decrement_resting(
        &mut self,
        slot: u32,
        lots: i64,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let older = self.orders.get_mut(slot);
        older.qty -= lots;
        older.shown -= lots;
        let older = *older;
        if older.leaves() == 0 {
            self.orders.remove(slot);
        } else if older.is_iceberg() && older.shown <= 0 {
            self.refresh(slot);
        }
        self.reduced(&older, lots, now_ns, out);
    }

    /// Answers that an order lost lots without trading; with nothing left it is gone.
    fn reduced(&mut self, own: &Own, lots: i64, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        self.counters.cancelled += u64::from(own.leaves() == 0);
        out(&ResponseRecord {
            qty: lots,
            reason: SELF_TRADE,
            ..self.replies.about(ResponseKind::Cancelled, own, now_ns)
        });
    }
}
