//! Lengths of records judged before the `dbn` crate sees them.
//!
//! The crate views records in place. One whose length is no multiple of eight bytes shifts all that follow off the
//! boundary they must stand on, and one of an older version that is shorter than its type stops the program while it is
//! upgraded; both can only come from damage, and here they end the file with their offset.

use dbn::{rtype, v1, v2};

/// Shortest record: its header alone.
const HEADER_BYTES: usize = 16;
/// What records must be aligned to.
const ALIGNMENT_BYTES: usize = 8;

/// Where in the stream of bytes the next record begins, and what is wrong with one that was met.
#[derive(Debug)]
pub(super) struct Guard {
    /// Version of the file; none for records without metadata.
    version: Option<u8>,
    /// Bytes behind each record: the time of sending.
    behind_bytes: usize,
    /// Bytes until the next record begins.
    until: usize,
    /// The length of a record whose second byte has not come.
    split: Option<usize>,
    /// Length of definitions, by the first one of a file without metadata.
    definition_bytes: Option<usize>,
    offset: u64,
    fault: Option<(u64, String)>,
}

impl Guard {
    /// `until` bytes stand before the first record.
    pub(super) const fn new(version: Option<u8>, has_ts_out: bool, until: usize) -> Self {
        let behind_bytes = if has_ts_out { 8 } else { 0 };
        Self { version, behind_bytes, until, split: None, definition_bytes: None, offset: 0, fault: None }
    }

    /// What is wrong, and at which offset.
    pub(super) const fn fault(&self) -> Option<&(u64, String)> {
        self.fault.as_ref()
    }

    /// How many of the bytes that come next are good: all, or those before the record that is not.
    pub(super) fn check(&mut self, bytes: &[u8]) -> usize {
        if self.fault.is_some() {
            return 0;
        }
        if let (Some(length), Some(kind)) = (self.split, bytes.first()) {
            self.split = None;
            if let Err(fault) = self.judge(length, Some(*kind)) {
                self.fault = Some((self.offset.saturating_sub(1), fault));
                return 0;
            }
        }
        let mut at = self.until;
        // Records come in runs of one type and length. The step is a number of its own, so that the processor goes on to
        // the next record before the length of this one has come from memory.
        let (mut judged, mut step) = (None, 0);
        while let Some(start) = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>) {
            if judged != Some(*start) {
                let length = usize::from(start[0]) * 4;
                if let Err(fault) = self.judge(length, Some(start[1])) {
                    return self.refuse(at, fault);
                }
                (judged, step) = (Some(*start), length);
            }
            at += step;
        }
        if let Some(words) = bytes.get(at) {
            let length = usize::from(*words) * 4;
            if let Err(fault) = self.judge(length, None) {
                return self.refuse(at, fault);
            }
            self.split = Some(length);
            at += length;
        }
        self.until = at - bytes.len();
        self.offset += bytes.len() as u64;
        bytes.len()
    }

    #[cold]
    fn refuse(&mut self, at: usize, fault: String) -> usize {
        self.fault = Some((self.offset + at as u64, fault));
        at
    }

    #[inline]
    fn judge(&mut self, length: usize, kind: Option<u8>) -> Result<(), String> {
        if length < HEADER_BYTES || !length.is_multiple_of(ALIGNMENT_BYTES) {
            return Err(format!("a record of {length} bytes"));
        }
        match kind {
            Some(kind @ (rtype::ERROR..=rtype::STATISTICS | rtype::INSTRUMENT_DEF)) => {
                self.judge_old(length, kind)
            }
            _ => Ok(()),
        }
    }

    /// The types whose layout has changed.
    #[cold]
    fn judge_old(&mut self, length: usize, kind: u8) -> Result<(), String> {
        let version = self.version.unwrap_or(1);
        let wanted = match (version, kind) {
            (1, rtype::INSTRUMENT_DEF) => size_of::<v1::InstrumentDefMsg>(),
            (2, rtype::INSTRUMENT_DEF) => size_of::<v2::InstrumentDefMsg>(),
            (1 | 2, rtype::STATISTICS) => size_of::<v1::StatMsg>(),
            (1, rtype::SYMBOL_MAPPING) => size_of::<v1::SymbolMappingMsg>(),
            (1, rtype::ERROR) => size_of::<v1::ErrorMsg>(),
            (1, rtype::SYSTEM) => size_of::<v1::SystemMsg>(),
            _ => HEADER_BYTES,
        };
        // Without metadata the version is that of the first definition, and stays it.
        let is_definition = self.version.is_none() && kind == rtype::INSTRUMENT_DEF;
        let like = if is_definition { *self.definition_bytes.get_or_insert(length) } else { wanted };
        let wanted = wanted.max(like) + self.behind_bytes;
        if length < wanted {
            return Err(format!("a record of {length} bytes, its type {kind:#04x} takes {wanted}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_no_bytes_stops_it_and_not_the_program() {
        assert_eq!(Guard::new(Some(3), false, 0).check(&[0; 64]), 0);
        let mut guard = Guard::new(Some(3), false, 63);
        assert_eq!((guard.check(&[0; 64]), guard.fault().map(|(offset, _)| *offset)), (63, Some(63)));
    }

    /// Records of 56 bytes and one of `length`, of a type.
    fn stream(length: usize, kind: u8) -> Vec<u8> {
        let record = |length: usize, kind| {
            let mut bytes = vec![0; length];
            (bytes[0], bytes[1]) = (u8::try_from(length / 4).expect("short"), kind);
            bytes
        };
        [vec![9; 5], record(56, rtype::MBO), record(length, kind), record(56, rtype::MBO)].concat()
    }

    /// Bytes let through, fed in parts of `part`, and the fault's offset.
    fn check(bytes: &[u8], part: usize, version: u8) -> (usize, Option<u64>) {
        let mut guard = Guard::new(Some(version), false, 5);
        let good = bytes.chunks(part).map(|part| guard.check(part)).sum();
        (good, guard.fault().map(|(offset, _)| *offset))
    }

    #[test]
    fn good_records_pass_in_parts_of_any_size() {
        let bytes = stream(400, rtype::INSTRUMENT_DEF);
        for part in 1..=bytes.len() {
            assert_eq!(check(&bytes, part, 2), (bytes.len(), None), "parts of {part}");
        }
    }

    #[test]
    fn a_record_off_the_boundary_or_too_short_for_its_type_stops_it_there() {
        for part in [1, 7, 61, 62, 1_000] {
            assert_eq!(check(&stream(52, rtype::MBO), part, 3).1, Some(61), "parts of {part}");
            assert_eq!(check(&stream(8, rtype::MBO), part, 3).1, Some(61), "parts of {part}");
            let (good, offset) = check(&stream(360, rtype::INSTRUMENT_DEF), part, 2);
            assert!((61..=62).contains(&good) && offset == Some(61), "parts of {part}: {good} {offset:?}");
            assert_eq!(check(&stream(360, rtype::INSTRUMENT_DEF), part, 1).1, None);
        }
    }
}
