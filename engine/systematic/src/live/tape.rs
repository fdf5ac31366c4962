//! What a state is written to and read from: numbers in a fixed order, eight bytes each, little-endian.
//!
//! Every part of a state has one `keep` that serves both ways, so that what is read is what was written.

/// A run of numbers, written or read.
pub(super) enum Tape<'a> {
    /// Numbers are added.
    Save(&'a mut Vec<u8>),
    /// Numbers are taken from the front; whether there were too few.
    Load(&'a [u8], bool),
}

impl Tape<'_> {
    fn word(&mut self, word: u64) -> u64 {
        match self {
            Self::Save(bytes) => {
                bytes.extend_from_slice(&word.to_le_bytes());
                word
            }
            Self::Load(bytes, is_short) => {
                if let Some((head, rest)) = bytes.split_first_chunk::<8>() {
                    *bytes = rest;
                    u64::from_le_bytes(*head)
                } else {
                    *is_short = true;
                    0
                }
            }
        }
    }

    /// A float, every bit of it.
    pub fn number(&mut self, value: &mut f64) {
        *value = f64::from_bits(self.word(value.to_bits()));
    }

    /// A count.
    pub fn count(&mut self, value: &mut u64) {
        *value = self.word(*value);
    }

    /// A place in memory, or a number of things.
    pub fn size(&mut self, value: &mut usize) {
        *value = usize::try_from(self.word(*value as u64)).unwrap_or(usize::MAX);
    }

    /// A day or another signed number.
    pub fn signed(&mut self, value: &mut i64) {
        *value = self.word(value.cast_unsigned()).cast_signed();
    }

    /// A switch.
    pub fn flag(&mut self, value: &mut bool) {
        *value = self.word(u64::from(*value)) != 0;
    }

    /// A list of floats whose length may have changed.
    pub fn list(&mut self, values: &mut Vec<f64>) {
        let count = self.length(values.len());
        values.resize(count, 0.0);
        values.iter_mut().for_each(|value| self.number(value));
    }

    /// Length of a list; of what is read no more than there are numbers left.
    pub fn length(&mut self, own: usize) -> usize {
        let count = usize::try_from(self.word(own as u64)).unwrap_or(usize::MAX);
        match self {
            Self::Save(_) => own,
            Self::Load(bytes, is_short) => {
                let most = bytes.len() / 8;
                *is_short |= count > most;
                count.min(most)
            }
        }
    }

    /// Whether all was read, and nothing is left over.
    pub const fn is_whole(&self) -> bool {
        match self {
            Self::Save(_) => true,
            Self::Load(bytes, is_short) => bytes.is_empty() && !*is_short,
        }
    }
}
