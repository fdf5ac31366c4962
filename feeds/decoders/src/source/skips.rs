//! What a source skipped, counted by reason.

/// Messages skipped, by reason. Filtered messages are no fault; everything else is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skips {
    /// Messages of a type no document of ours knows, by type byte.
    pub unknown_type: [u64; 256],
    /// Messages of a known type whose length is not that type's, by type byte.
    pub wrong_length: [u64; 256],
    /// Length prefixes of zero; they carry no message and no message number.
    pub zero_length: u64,
    /// Messages with a field that cannot be (a side neither `B` nor `S`, zero shares, no instrument), by type byte.
    pub malformed: [u64; 256],
    /// Messages of instruments that were not asked for.
    pub filtered: u64,
    /// Messages stamped hours after both of their neighbours, read at the time of the one before: kept, for a book without them
    /// would be wrong, and faults all the same.
    pub mended_times: u64,
    /// Instruments that traded without ever being announced; they were given a number all the same.
    pub unannounced: u64,
}

impl Default for Skips {
    fn default() -> Self {
        Self {
            unknown_type: [0; 256],
            wrong_length: [0; 256],
            zero_length: 0,
            malformed: [0; 256],
            filtered: 0,
            mended_times: 0,
            unannounced: 0,
        }
    }
}

impl Skips {
    /// Faults: everything skipped that was not merely filtered, and everything mended.
    pub fn faults(&self) -> u64 {
        let tables = [&self.unknown_type, &self.wrong_length, &self.malformed];
        self.zero_length
            + self.mended_times
            + tables.iter().map(|table| table.iter().sum::<u64>()).sum::<u64>()
    }

    /// Adds the counts of `other`.
    pub fn absorb(&mut self, other: &Self) {
        let pairs = [
            (&mut self.unknown_type, &other.unknown_type),
            (&mut self.wrong_length, &other.wrong_length),
            (&mut self.malformed, &other.malformed),
        ];
        for (mine, theirs) in pairs {
            for (sum, count) in mine.iter_mut().zip(theirs) {
                *sum += count;
            }
        }
        self.zero_length += other.zero_length;
        self.filtered += other.filtered;
        self.mended_times += other.mended_times;
        self.unannounced += other.unannounced;
    }

    /// Reasons with a count above zero, in a fixed order: `unknown_type:Z`, `wrong_length:A`, `malformed:A`,
    /// `zero_length`, `mended_time`, `filtered`. A type byte that is not a letter is shown as `0x00`.
    pub fn reasons(&self) -> Vec<(String, u64)> {
        let mut reasons = Vec::new();
        let tables = [
            ("unknown_type", &self.unknown_type),
            ("wrong_length", &self.wrong_length),
            ("malformed", &self.malformed),
        ];
        for (reason, table) in tables {
            for (byte, count) in (0..=u8::MAX).zip(table) {
                if *count > 0 {
                    reasons.push((format!("{reason}:{}", shown(byte)), *count));
                }
            }
        }
        let counts = [
            ("zero_length", self.zero_length),
            ("mended_time", self.mended_times),
            ("filtered", self.filtered),
        ];
        for (reason, count) in counts {
            if count > 0 {
                reasons.push((reason.to_owned(), count));
            }
        }
        reasons
    }
}

/// A type byte as people read it.
fn shown(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("{byte:#04x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filtered_messages_are_no_fault_and_reasons_name_the_letter() {
        let mut skips = Skips { filtered: 5, zero_length: 1, mended_times: 4, ..Skips::default() };
        skips.unknown_type[usize::from(b'Z')] = 2;
        skips.malformed[0] = 3;
        assert_eq!(skips.faults(), 10);
        let named: Vec<String> =
            skips.reasons().into_iter().map(|(reason, n)| format!("{reason}={n}")).collect();
        assert_eq!(
            named,
            ["unknown_type:Z=2", "malformed:0x00=3", "zero_length=1", "mended_time=4", "filtered=5"]
        );
        let twice = {
            let mut sum = skips.clone();
            sum.absorb(&skips);
            sum
        };
        assert_eq!(twice.faults(), 20);
        assert_eq!(twice.filtered, 10);
    }
}
