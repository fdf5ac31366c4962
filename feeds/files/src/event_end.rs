//! Where an event ends: the last record of what changed at once carries the flag, and which one is the last shows only
//! at the record after it.

use tickrace_types::{Flags, Record};

/// Holds back one record until what follows it is known.
#[derive(Debug, Default)]
pub struct EventEnd {
    held: Option<Record>,
}

impl EventEnd {
    /// Takes a record of the event at hand; the one before it goes to `batch`.
    #[inline]
    pub fn push(&mut self, record: Record, batch: &mut Vec<Record>) {
        batch.extend(self.held.replace(record));
    }

    /// The event is over: its last record goes to `batch`, flagged.
    #[inline]
    pub fn close(&mut self, batch: &mut Vec<Record>) {
        if let Some(mut last) = self.held.take() {
            last.header.flags |= Flags::END_OF_EVENT;
            batch.push(last);
        }
    }
}
