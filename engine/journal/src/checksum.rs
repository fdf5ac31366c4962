//! CRC32C of one 64-byte line, the fastest way this processor has; every way gives the same sum.
//!
//! The sum is the plain remainder, started from a seed, without the usual inversions before and after. Every single
//! flipped bit and every burst of up to 32 bits changes it.

/// Bytes of a line.
const LINE: usize = 64;

/// How sums are computed on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// By table; any host.
    Table,
    /// Eight `crc32` instructions a line, one after the other; lines overlap in the pipeline.
    Sse42,
    /// Carry-less multiplication of the whole line at once, then two `crc32` instructions.
    Avx512,
}

impl Level {
    /// The fastest this host has.
    #[cfg(target_arch = "x86_64")]
    pub fn detect() -> Self {
        let has_sse42 = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq");
        let has_wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("vpclmulqdq");
        match (has_sse42, has_wide) {
            (true, true) => Self::Avx512,
            (true, false) => Self::Sse42,
            _ => Self::Table,
        }
    }

    /// The fastest for lines that were just written: words are forwarded from the store buffer, while a load of a
    /// whole line waits until all of its stores are done (5.6 against 12.8 ns an append, bench `append/sum_fresh`).
    pub(crate) fn detect_for_copy() -> Self {
        match Self::detect() {
            Self::Avx512 => Self::Sse42,
            level => level,
        }
    }

    /// The fastest this host has.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn detect() -> Self {
        Self::Table
    }
}

/// Sum of a line; callers on a hot path pick the way once and call [`x86`] themselves.
pub(crate) fn line_sum(level: Level, seed: u32, line: &[u8; LINE]) -> u32 {
    match level {
        Level::Table => table_sum(seed, line),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::detect` is the only source of this value outside of tests, and found SSE 4.2.
        Level::Sse42 => unsafe { x86::sum_sse42(seed, line) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above; it found AVX-512 F and VL, VPCLMULQDQ and SSE 4.2.
        Level::Avx512 => unsafe { x86::sum_avx512(seed, line) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => table_sum(seed, line),
    }
}

/// By the crate, which undoes our missing inversions.
#[inline]
pub(crate) fn table_sum(seed: u32, line: &[u8; LINE]) -> u32 {
    !crc32c::crc32c_append(!seed, line)
}

/// Sum of a short header; never on a hot path.
pub(crate) fn sum_of(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The instructions of x86-64.
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use std::arch::x86_64::{
        __m512i, _mm_crc32_u64, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_xor_si128,
        _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_xor_si256, _mm512_castsi512_si256,
        _mm512_clmulepi64_epi128, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_mask_blend_epi64,
        _mm512_set_epi64, _mm512_setzero_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
        _mm512_zextsi128_si512,
    };

    use super::LINE;

    /// `x^power` modulo the CRC32C polynomial, bit-reflected, in the upper half of 64 bits.
    const fn power_of_x(power: u32) -> i64 {
        let mut value: u32 = 0x8000_0000;
        let mut count = 0;
        while count < power {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82F6_3B78 } else { value >> 1 };
            count += 1;
        }
        ((value as u64) << 32).cast_signed()
    }

    // Word `j` of the line, of eight, stands for a polynomial times x^(64 (7 - j)). A reflected carry-less product
    // carries one factor of x by itself, hence the minus one. The last two words are taken as they are.
    const FOLD: [i64; 6] = [
        power_of_x(64 * 7 - 1),
        power_of_x(64 * 6 - 1),
        power_of_x(64 * 5 - 1),
        power_of_x(64 * 4 - 1),
        power_of_x(64 * 3 - 1),
        power_of_x(64 * 2 - 1),
    ];

    /// Sum of a line by eight `crc32` instructions.
    ///
    /// # Safety
    ///
    /// The processor has SSE 4.2.
    #[inline]
    #[target_feature(enable = "sse4.2")]
    #[allow(clippy::cast_possible_truncation, reason = "the instruction leaves the upper half zero")]
    pub(crate) unsafe fn sum_sse42(seed: u32, line: &[u8; LINE]) -> u32 {
        let mut sum = u64::from(seed);
        for word in line.as_chunks::<8>().0 {
            sum = _mm_crc32_u64(sum, u64::from_le_bytes(*word));
        }
        sum as u32
    }

    /// Sum of a line by folding it to 128 bits at once.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512 F and VL, VPCLMULQDQ, PCLMULQDQ and SSE 4.2.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,vpclmulqdq,pclmulqdq,sse4.2")]
    pub(crate) unsafe fn sum_avx512(seed: u32, line: &[u8; LINE]) -> u32 {
        // SAFETY: 64 readable bytes; the load asks for no alignment.
        let data = unsafe { _mm512_loadu_si512(line.as_ptr().cast()) };
        // SAFETY: the caller's features are this function's.
        unsafe { sum_of_register(seed, data) }
    }

    /// Sum of a line that is in a register already.
    ///
    /// # Safety
    ///
    /// As [`sum_avx512`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,vpclmulqdq,pclmulqdq,sse4.2")]
    #[allow(clippy::cast_possible_truncation, reason = "the instruction leaves the upper half zero")]
    pub(crate) unsafe fn sum_of_register(seed: u32, data: __m512i) -> u32 {
        // Starting from a seed is the same as starting from zero with the seed added to the first four bytes.
        let seed = _mm512_zextsi128_si512(_mm_cvtsi64_si128(i64::from(seed)));
        let data = _mm512_xor_si512(data, seed);
        let factors = _mm512_set_epi64(0, 0, FOLD[5], FOLD[4], FOLD[3], FOLD[2], FOLD[1], FOLD[0]);
        let low = _mm512_clmulepi64_epi128::<0x00>(data, factors);
        let high = _mm512_clmulepi64_epi128::<0x11>(data, factors);
        let last = _mm512_mask_blend_epi64(0b1100_0000, _mm512_setzero_si512(), data);
        // 0x96 is the three-way exclusive or.
        let all = _mm512_ternarylogic_epi64::<0x96>(low, high, last);
        let half = _mm256_xor_si256(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
        let folded = _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
        let sum = _mm_crc32_u64(0, _mm_cvtsi128_si64(folded).cast_unsigned());
        _mm_crc32_u64(sum, _mm_extract_epi64::<1>(folded).cast_unsigned()) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bit by bit, from the polynomial alone.
    fn plain_sum(seed: u32, line: &[u8; LINE]) -> u32 {
        line.iter().fold(seed, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82F6_3B78 * (sum & 1)))
        })
    }

    fn levels() -> Vec<Level> {
        match Level::detect() {
            Level::Avx512 => vec![Level::Table, Level::Sse42, Level::Avx512],
            Level::Sse42 => vec![Level::Table, Level::Sse42],
            Level::Table => vec![Level::Table],
        }
    }

    #[test]
    fn the_polynomial_is_that_of_rfc_3720() {
        // RFC 3720, B.4: 32 bytes of zeros give 0x8A9136AA. Our sum of a line has no inversions, so that starting
        // from all ones and inverting the result gives the published one; 64 zeros are 32 zeros twice.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(!plain_sum(u32::MAX, &[0; LINE]), crc32c::crc32c(&[0; LINE]));
    }

    proptest! {
        #[test]
        fn every_way_gives_the_same_sum(seed: u32, line in any::<[[u8; 32]; 2]>()) {
            let line: [u8; LINE] = line.concat().try_into().unwrap();
            for level in levels() {
                prop_assert_eq!(line_sum(level, seed, &line), plain_sum(seed, &line), "{:?}", level);
            }
        }

        #[test]
        fn every_flipped_bit_changes_the_sum(seed: u32, line in any::<[[u8; 32]; 2]>(), bit in 0..512_usize) {
            let line: [u8; LINE] = line.concat().try_into().unwrap();
            let mut flipped = line;
            flipped[bit / 8] ^= 1 << (bit % 8);
            for level in levels() {
                prop_assert_ne!(line_sum(level, seed, &line), line_sum(level, seed, &flipped));
            }
        }
    }
}
