//! Distributions as tables of integers: the same on every machine, one load to draw from.

/// Entries of a quantile table; an index is ten random bits.
pub(super) const QUANTILES: usize = 1024;

/// Ticks behind the touch that an order may be placed at.
const DISTANCE_TICKS_MAX: u32 = 100;

/// Distances from the touch, in ticks: the chance of at least `d` falls as `(d + 1)^-1.5`.
///
/// Source: Zovko and Farmer, "The power of patience: a behavioural regularity in limit-order placement" (2002),
/// which finds an exponent near 1.5 for the cumulated distribution.
pub(super) fn distances() -> [u8; QUANTILES] {
    let mut table = [0; QUANTILES];
    let mut distance: u32 = 0;
    for (index, place) in (0u64..).zip(&mut table) {
        // The quantile u = (index + 1/2) / 1024 lies beyond d + 1 while (1 - u) < (d + 2)^-1.5, that is
        // (1 - u)^2 * (d + 2)^3 < 1; in units of 1 / 2048 all of it is whole.
        let rest = 2 * QUANTILES as u64 - 2 * index - 1;
        while rest * rest * u64::from(distance + 2).pow(3) < 2048 * 2048 && distance < DISTANCE_TICKS_MAX {
            distance += 1;
        }
        *place = u8::try_from(distance).unwrap_or(u8::MAX);
    }
    table
}

/// Gaps between events as multiples of the mean gap, in units of 1 / 65,536: one in eight is nothing, the rest
/// have the heavy tail `(1 - u)^-1/2 - 1`.
pub(super) fn gaps() -> [u32; QUANTILES] {
    let mut table = [0; QUANTILES];
    for (index, place) in (0u64..).zip(&mut table).skip(QUANTILES / 8) {
        let rest = 2 * QUANTILES as u64 - 2 * index - 1;
        let root = (((2 * QUANTILES as u64) << 32) / rest).isqrt();
        *place = u32::try_from(root - 65_536).unwrap_or(u32::MAX);
    }
    table
}

/// Order sizes in shares: round lots most of all, odd lots often, blocks rarely.
pub(super) fn sizes() -> [u32; QUANTILES] {
    let mut table = [100; QUANTILES];
    for (index, place) in (0u32..).zip(&mut table) {
        *place = match index {
            0..=259 => 1 + index * 98 / 259,
            260..=739 => 100,
            740..=859 => 200,
            860..=919 => 300,
            920..=959 => 100 * (4 + (index - 920) / 8),
            960..=1009 => 500 + 100 * ((index - 960) / 10),
            _ => 1_000 + 500 * (index - 1_010),
        };
    }
    table
}

/// Which symbol an event is about, by sixteen random bits: each symbol once, the rest by Zipf's law
/// (weight `1 / (rank + 6)`).
pub(super) fn popularity(symbols: u16) -> Vec<u16> {
    const SLOTS: u64 = 1 << 16;
    let spare = SLOTS - u64::from(symbols);
    let weight = |rank: u16| (1u64 << 32) / (u64::from(rank) + 6);
    let total: u64 = (0..symbols).map(weight).sum();
    let mut table = Vec::with_capacity(1 << 16);
    for rank in 0..symbols {
        let share = 1 + spare * weight(rank) / total.max(1);
        for _ in 0..share {
            table.push(rank);
        }
    }
    // Rounding down leaves a few places; they go to the most popular.
    table.resize(1 << 16, 0);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placements_fall_off_as_the_power_law_says() {
        let table = distances();
        let at_least = |d: u8| table.iter().filter(|distance| **distance >= d).count();
        // 1024 * (d + 1)^-1.5: 362 at 1, 128 at 3, 38 at 8.
        assert!((360..=364).contains(&at_least(1)), "{}", at_least(1));
        assert!((127..=129).contains(&at_least(3)), "{}", at_least(3));
        assert!((37..=39).contains(&at_least(8)), "{}", at_least(8));
        assert!(u32::from(table[QUANTILES - 1]) <= DISTANCE_TICKS_MAX);
    }

    #[test]
    fn the_mean_gap_is_near_the_unit_and_the_largest_is_dozens_of_it() {
        let table = gaps();
        let mean = table.iter().map(|gap| u64::from(*gap)).sum::<u64>() / QUANTILES as u64;
        assert!((55_000..72_000).contains(&mean), "{mean}");
        assert!(table[QUANTILES - 1] > 30 * 65_536);
    }

    #[test]
    fn every_symbol_is_drawn_and_the_first_most() {
        for symbols in [1, 2, 500, 8_000, 65_535] {
            let table = popularity(symbols);
            assert_eq!(table.len(), 1 << 16);
            let mut counts = vec![0; usize::from(symbols)];
            for symbol in table {
                counts[usize::from(symbol)] += 1;
            }
            assert!(counts.iter().all(|count| *count > 0));
            assert_eq!(counts.iter().max(), counts.first());
        }
    }
}
