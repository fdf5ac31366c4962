//! Depth rows of Binance's futures files: those of one update, collected until the next begins.

use tickrace_types::{Flags, Record};

use crate::binance::sequence::{Change, Ids, Meeting, Sequence, Step};
use crate::emit::{ASK, BID, Stamp};
use crate::notice;
use crate::roster::Fault;
use crate::table::{Out, Place, Row};

/// What makes rows one update: the instrument, its numbers, and whether it is a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Group {
    instrument: u32,
    first: u64,
    last: u64,
    previous: Option<u64>,
    is_snapshot: bool,
}

/// Depth rows: those of one update, until the next begins.
#[derive(Default)]
pub(super) struct Depth {
    sequences: Vec<Sequence>,
    group: Group,
    rows: Vec<Record>,
}

impl Depth {
    /// Takes a row.
    pub fn on_row<'a>(
        &mut self,
        row: &Row<'a>,
        has_previous: bool,
        place: Place,
        is_continued: bool,
        out: &mut Out<'_>,
    ) -> Result<(), Fault<'a>> {
        let is_snapshot = match row.get(5) {
            b"snap" => true,
            b"set" => false,
            other => return Err(Fault::new("update type not read", "update_type", other)),
        };
        let side = match row.get(4) {
            b"b" => BID,
            b"a" => ASK,
            other => return Err(Fault::new("bad side", "side", other)),
        };
        let ts_ns = row.time(1, "timestamp")?;
        let previous = match row.get(8) {
            b"" | b"-1" => None,
            _ if !has_previous => None,
            _ => Some(row.integer(8, "pu")?),
        };
        let group = Group {
            instrument: place.instrument,
            first: row.integer(2, "first_update_id")?,
            last: row.integer(3, "last_update_id")?,
            previous,
            is_snapshot,
        };
        let (price, lots) = (row.price(6, "price")?, row.lots(7, "qty", place.lot_nanos)?);
        if group != self.group {
            self.close(is_continued, out);
            self.group = group;
        }
        let flags = if is_snapshot { Flags::SNAPSHOT } else { 0 };
        self.rows.push(place.stamp(ts_ns, ts_ns).level(side, price, lots, flags));
        Ok(())
    }

    /// Gives the update whose rows were collected.
    pub fn close(&mut self, is_continued: bool, out: &mut Out<'_>) {
        let Some(first) = self.rows.first() else { return };
        let at = self.group.instrument as usize;
        if self.sequences.len() <= at {
            self.sequences.resize_with(at + 1, Sequence::default);
        }
        let Some(sequence) = self.sequences.get_mut(at) else { return };
        let header = first.header;
        let stamp = Stamp {
            instrument: header.instrument,
            seq: header.seq,
            ts_venue_ns: header.ts_venue_ns,
            ts_recv_ns: header.ts_recv_ns,
        };
        let mut again = Vec::new();
        if self.group.is_snapshot {
            match sequence.on_snapshot(self.group.last) {
                Meeting::Use { again: changes, .. } => {
                    out.push(stamp.clear());
                    again = changes;
                }
                // A later snapshot of a book that is complete, or one too old to join: the book goes on without it.
                Meeting::Unneeded | Meeting::TooOld => {
                    self.rows.clear();
                    out.push(stamp.notice(notice::SNAPSHOT_UNUSED, 0, self.group.last));
                }
            }
        } else {
            // Without `pu` nothing tells whether the update joins the one before.
            let before = self.group.previous.unwrap_or(0);
            let changes = self.rows.iter().map(|record| {
                let level = record.as_market();
                Change { side: level.side, price: level.price, lots: level.order_ref }
            });
            match sequence.on_update(Ids { before, last: self.group.last }, header.ts_venue_ns, changes) {
                Step::First if !is_continued => out.push(stamp.gap(0, 0)),
                Step::First | Step::Next => {}
                Step::Lost { first, count } => {
                    out.gaps.push((first, count));
                    out.push(stamp.gap(first, count));
                }
                Step::Old => {
                    self.rows.clear();
                    out.push(stamp.notice(notice::DEPTH_UNCHANGED, 0, self.group.last));
                }
            }
        }
        self.rows.drain(..).for_each(|record| out.push(record));
        let again = again.iter();
        again.for_each(|c| out.push(stamp.level(c.side, c.price, c.lots, Flags::SNAPSHOT)));
        out.close();
    }
}
