//! Best bid and ask over time, the market's or ours, for the price plots: every change where memory allows, fewer far
//! from our fills where it does not.

/// Nanoseconds before and after a fill in which every change is kept as long as possible.
const NEAR_NS: i64 = 15_000_000_000;

/// Changes of which a group far from fills keeps four at the most.
const GROUP: usize = 16;

/// Best prices from a time on; 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// Best bid, nano-units.
    pub bid: i64,
    /// Best ask, nano-units.
    pub ask: i64,
}

/// A series of quotes.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    quotes: Vec<Quote>,
    capacity: usize,
}

impl Tape {
    /// Keeps at most `capacity` quotes.
    pub const fn new(capacity: usize) -> Self {
        Self { quotes: Vec::new(), capacity }
    }

    /// New best prices; the same ones as before are no news.
    ///
    /// - `fills_ns`: times of our fills so far, ascending; detail is kept around them.
    pub fn push(&mut self, quote: Quote, fills_ns: &[i64]) {
        if self.quotes.last().is_some_and(|last| (last.bid, last.ask) == (quote.bid, quote.ask)) {
            return;
        }
        if self.quotes.len() >= self.capacity {
            let thin = thinned(&self.quotes, fills_ns, self.capacity / 2);
            self.quotes = thin;
        }
        self.quotes.push(quote);
    }

    /// All of them, ascending.
    pub fn quotes(&self) -> &[Quote] {
        &self.quotes
    }

    /// Gives them away.
    pub fn take(&mut self) -> Vec<Quote> {
        std::mem::take(&mut self.quotes)
    }
}

/// At most about `wanted` of the quotes: those near fills as they are, of the others the first, the lowest bid, the
/// highest ask and the last of each group; where that is not few enough, the same everywhere.
pub fn thinned(quotes: &[Quote], fills_ns: &[i64], wanted: usize) -> Vec<Quote> {
    let mut kept = quotes.to_vec();
    let mut is_guarded = true;
    while kept.len() > wanted.max(GROUP) {
        let before = kept.len();
        kept = pass(&kept, if is_guarded { fills_ns } else { &[] });
        // What is left is near fills, or the groups no longer shrink.
        if kept.len() > before - before / 8 {
            if !is_guarded {
                break;
            }
            is_guarded = false;
        }
    }
    kept
}

fn pass(quotes: &[Quote], fills_ns: &[i64]) -> Vec<Quote> {
    let mut kept = Vec::with_capacity(quotes.len() / 2);
    let mut group: Vec<Quote> = Vec::with_capacity(GROUP);
    for quote in quotes {
        if is_near(quote.ts_ns, fills_ns) {
            spill(&mut group, &mut kept);
            kept.push(*quote);
        } else {
            group.push(*quote);
            if group.len() == GROUP {
                spill(&mut group, &mut kept);
            }
        }
    }
    spill(&mut group, &mut kept);
    kept
}

fn spill(group: &mut Vec<Quote>, kept: &mut Vec<Quote>) {
    let places = 0..group.len();
    let low = places.clone().filter(|place| group[*place].bid > 0).min_by_key(|place| group[*place].bid);
    let high = places.clone().filter(|place| group[*place].ask > 0).max_by_key(|place| group[*place].ask);
    let ends = [Some(0), Some(group.len().saturating_sub(1))];
    let is_kept = |place: usize| ends.contains(&Some(place)) || low == Some(place) || high == Some(place);
    kept.extend(places.filter(|place| is_kept(*place)).map(|place| group[place]));
    group.clear();
}

fn is_near(ts_ns: i64, fills_ns: &[i64]) -> bool {
    let next = fills_ns.partition_point(|fill_ns| *fill_ns < ts_ns.saturating_sub(NEAR_NS));
    fills_ns.get(next).is_some_and(|fill_ns| *fill_ns <= ts_ns.saturating_add(NEAR_NS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn walk(seconds: i64) -> Vec<Quote> {
        let quote = |ts: i64| {
            let swing = (ts * 7919) % 101;
            Quote { ts_ns: ts * SECOND, bid: 1_000 + swing, ask: 1_010 + swing }
        };
        (0..seconds).map(quote).collect()
    }

    #[test]
    fn thinning_keeps_the_extremes_and_all_that_is_near_a_fill() {
        let mut quotes = walk(20_000);
        quotes[7_777].ask = 9_000;
        quotes[3_333].bid = 1;
        let fill_ns = 12_000 * SECOND;
        let thin = thinned(&quotes, &[fill_ns], 2_000);
        assert!(thin.len() <= 2_000, "{}", thin.len());
        assert!(thin.is_sorted_by_key(|quote| quote.ts_ns));
        assert_eq!((thin.first(), thin.last()), (quotes.first(), quotes.last()));
        assert!(thin.iter().any(|quote| quote.ask == 9_000) && thin.iter().any(|quote| quote.bid == 1));
        let near =
            |quotes: &[Quote]| quotes.iter().filter(|quote| (quote.ts_ns - fill_ns).abs() <= NEAR_NS).count();
        assert_eq!((near(&thin), near(&quotes)), (31, 31));
    }

    #[test]
    fn fills_everywhere_do_not_break_the_bound() {
        let quotes = walk(50_000);
        let fills: Vec<i64> = quotes.iter().map(|quote| quote.ts_ns).collect();
        assert!(thinned(&quotes, &fills, 1_000).len() <= 1_000);
        let mut tape = Tape::new(4_096);
        quotes.iter().for_each(|quote| tape.push(*quote, &fills));
        assert!(tape.quotes().len() <= 4_096);
    }

    #[test]
    fn the_same_prices_again_are_no_news() {
        let mut tape = Tape::new(16);
        for ts_ns in 0..5 {
            tape.push(Quote { ts_ns, bid: 1, ask: 2 }, &[]);
        }
        tape.push(Quote { ts_ns: 9, bid: 1, ask: 0 }, &[]);
        let times: Vec<i64> = tape.quotes().iter().map(|quote| quote.ts_ns).collect();
        assert_eq!(times, [0, 9]);
    }
}
