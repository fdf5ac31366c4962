//! Times that cannot be: one message of a file stamped hours before or after its neighbours, as a damaged digit or bit
//! makes it. A desk's time never runs backwards, so a single stamp years ahead would fire timers for years and leave
//! everything after it late; a single venue time ahead of the receive time would be taken for a slow recorder's clock and
//! move every receive time of the day. Such a stamp is worked out from the message's other one and the latency of the message
//! before, or is that message's where one clock gave both, and counted; the message is kept, for a book without it would be
//! wrong.
//!
//! What goes on from there is no such case: a night, a weekend, a recorder whose clock was set. Nor is one whose neighbours are
//! far apart themselves, as bars of days are, in order or not.

use tickrace_feeds::source::APART_NS;
use tickrace_types::Record;

/// Which stamps were mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Messages.
    pub count: u64,
    /// The first of them, in words.
    pub first: String,
}

/// Judges the times of one file's records as they are read.
#[derive(Debug, Default)]
pub struct Times {
    /// Receive and venue time of the record before; `None` before the first.
    before: Option<(i64, i64)>,
    mended: Mended,
}

/// Whether two times are too far apart to be neighbours.
const fn is_apart(one_ns: i64, other_ns: i64) -> bool {
    one_ns.saturating_sub(other_ns).saturating_abs() > APART_NS
}

/// Whether a record's venue time lies after its receive time by far more than before (receive time less venue time).
const fn is_ahead(recv_ns: i64, venue_ns: i64, before_ns: i64) -> bool {
    let least_ns = if before_ns < 0 { before_ns } else { 0 };
    recv_ns.saturating_sub(venue_ns) < least_ns.saturating_sub(APART_NS)
}

impl Times {
    /// Mends records, all that are read and not yet judged, and gives how many of them may be handed on: up to a message that
    /// only the next can tell about.
    ///
    /// - `is_over`: nothing follows.
    pub fn judge(&mut self, records: &mut [Record], is_over: bool) -> usize {
        let mut at = 0;
        while let Some(record) = records.get(at) {
            let (recv_ns, venue_ns) = (record.header.ts_recv_ns, record.header.ts_venue_ns);
            match self.before {
                Some((last_ns, last_venue_ns))
                    if !is_apart(recv_ns, last_ns)
                        && !is_ahead(recv_ns, venue_ns, last_ns.saturating_sub(last_venue_ns)) =>
                {
                    self.before = Some((recv_ns, venue_ns));
                    at += 1;
                }
                _ => match self.judge_message(&mut records[at..], is_over) {
                    Some(count) => at += count,
                    None => return at,
                },
            }
        }
        at
    }

    /// Judges the message at the front; its records, or `None` where the next must be seen first.
    #[cold]
    fn judge_message(&mut self, records: &mut [Record], is_over: bool) -> Option<usize> {
        let front = records[0].header;
        let message_at = |from: usize| {
            let header = records.get(from)?.header;
            let count = records[from..].iter().take_while(|record| record.header.seq == header.seq).count();
            Some((count, (header.ts_recv_ns, header.ts_venue_ns)))
        };
        let count = message_at(0)?.0;
        let next = message_at(count);
        // The first of the file has no message before it: two after it tell.
        let after = next.and_then(|(next_count, _)| message_at(count + next_count)).map(|(_, times)| times);
        let next = next.map(|(_, times)| times);
        let is_told = if self.before.is_some() { next.is_some() } else { after.is_some() };
        if !is_told && !is_over {
            return None;
        }
        let (recv_ns, venue_ns) = (front.ts_recv_ns, front.ts_venue_ns);
        let is_spike = match (self.before, next) {
            // Up and down again, or down and up.
            (Some((last_ns, _)), Some((next_ns, _))) => {
                let is_high = recv_ns > last_ns && recv_ns > next_ns;
                let is_low = recv_ns < last_ns && recv_ns < next_ns;
                let is_lone = is_apart(recv_ns, last_ns) && is_apart(recv_ns, next_ns);
                (is_high || is_low) && is_lone && !is_apart(last_ns, next_ns)
            }
            // The last of the file is told by the other clock.
            (Some((last_ns, last_venue_ns)), None) => {
                is_apart(recv_ns, last_ns) && !is_apart(venue_ns, last_venue_ns)
            }
            // The first by the next two: time that falls, or the other clock.
            (None, Some((next_ns, next_venue_ns))) => after.is_some_and(|(after_ns, _)| {
                let is_lone = is_apart(recv_ns, next_ns) && !is_apart(next_ns, after_ns);
                let falls = recv_ns > next_ns && recv_ns > after_ns;
                is_lone && (falls || !is_apart(venue_ns, next_venue_ns))
            }),
            (None, None) => false,
        };
        let (near_ns, near_venue_ns) = self.before.or(next).unwrap_or((recv_ns, venue_ns));
        let before_ns = near_ns.saturating_sub(near_venue_ns);
        let from_venue_ns = venue_ns.saturating_add(before_ns);
        let settled = if !is_spike {
            recv_ns
        } else if venue_ns == recv_ns || is_apart(from_venue_ns, near_ns) {
            near_ns
        } else {
            let least_ns = self.before.map_or(i64::MIN, |(last_ns, _)| last_ns);
            let most_ns = next.map_or(i64::MAX, |(next_ns, _)| next_ns);
            from_venue_ns.min(most_ns).max(least_ns)
        };
        // Where one clock gave both times, both were wrong.
        let venue_settled = if venue_ns == recv_ns && settled != recv_ns {
            settled
        } else if is_ahead(settled, venue_ns, before_ns) {
            settled.saturating_sub(before_ns.max(0))
        } else {
            venue_ns
        };
        if (settled, venue_settled) != (recv_ns, venue_ns) {
            if self.mended.count == 0 {
                self.mended.first = format!(
                    "message {}: received at {recv_ns}, of the venue's time {venue_ns}, nanoseconds since the epoch",
                    front.seq
                );
            }
            self.mended.count += 1;
            for record in &mut records[..count] {
                (record.header.ts_recv_ns, record.header.ts_venue_ns) = (settled, venue_settled);
            }
        }
        self.before = Some((settled, venue_settled));
        Some(count)
    }

    /// What was mended.
    pub const fn mended(&self) -> &Mended {
        &self.mended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// Records of messages with these receive and venue times, in seconds; two records a message.
    fn records(times: &[(i64, i64)]) -> Vec<Record> {
        let both = |(seq, (recv, venue)): (usize, &(i64, i64))| {
            let mut record = Record::default();
            record.header.seq = seq as u64 + 1;
            (record.header.ts_recv_ns, record.header.ts_venue_ns) = (recv * SECOND, venue * SECOND);
            [record, record]
        };
        times.iter().enumerate().flat_map(both).collect()
    }

    /// Judges in pieces of `piece` records, as a reader would.
    fn judged(times: &[(i64, i64)], piece: usize) -> (Vec<(i64, i64)>, u64) {
        let all = records(times);
        let (mut read, mut settled, mut judge) = (Vec::new(), 0, Times::default());
        for piece in all.chunks(piece) {
            read.extend_from_slice(piece);
            settled += judge.judge(&mut read[settled..], false);
        }
        settled += judge.judge(&mut read[settled..], true);
        assert_eq!(settled, all.len());
        let pairs = read.chunks(2).map(|pair| {
            assert_eq!(pair[0].header, pair[1].header);
            (pair[0].header.ts_recv_ns / SECOND, pair[0].header.ts_venue_ns / SECOND)
        });
        (pairs.collect(), judge.mended().count)
    }

    fn check(times: &[(i64, i64)], wanted: &[(i64, i64)], count: u64) {
        for piece in [2, 4, 6, 100] {
            assert_eq!(judged(times, piece), (wanted.to_vec(), count), "pieces of {piece}");
        }
    }

    const DAY: i64 = 86_400;

    #[test]
    fn one_stamp_far_from_its_neighbours_is_worked_out_from_the_other() {
        let steady = [(100, 99), (101, 100), (102, 101), (103, 102)];
        check(&steady, &steady, 0);
        for wrong in [102 + 11_000 * DAY, 102 + DAY, 102 - DAY, 102 - 9_000, 0 - DAY] {
            let mut times = steady;
            times[2].0 = wrong;
            check(&times, &steady, 1);
            let mut times = steady;
            times[3].0 = wrong;
            check(&times, &steady, 1);
            let mut times = steady;
            times[0].0 = wrong;
            check(&times, &steady, 1);
        }
        // Not before the message before, nor after the next.
        check(&[(105, 99), (102 + DAY, 88), (107, 102)], &[(105, 99), (105, 88), (107, 102)], 1);
        check(&[(105, 99), (102 + DAY, 108), (107, 102)], &[(105, 99), (107, 108), (107, 102)], 1);
        // Of one clock: both times.
        check(&[(100, 100), (101 + DAY, 101 + DAY), (102, 102)], &[(100, 100), (100, 100), (102, 102)], 1);
        check(&[(100 + DAY, 100 + DAY), (101, 101), (102, 102)], &[(101, 101), (101, 101), (102, 102)], 1);
    }

    #[test]
    fn a_venue_time_far_ahead_of_the_receive_time_is_read_from_the_one_before() {
        for wrong in [101 + DAY, 101 + 9_000] {
            check(&[(100, 99), (102, wrong), (103, 102)], &[(100, 99), (102, 101), (103, 102)], 1);
            check(&[(100, 99), (101, 100), (102, wrong)], &[(100, 99), (101, 100), (102, 101)], 1);
            check(&[(101, wrong), (102, 101), (103, 102)], &[(101, 100), (102, 101), (103, 102)], 1);
        }
    }

    #[test]
    fn nights_clocks_that_were_set_and_old_orders_of_a_snapshot_stay_as_they_are() {
        let nights = [(100, 99), (101, 100), (101 + 3 * DAY, 100 + 3 * DAY), (102 + 3 * DAY, 101 + 3 * DAY)];
        check(&nights, &nights, 0);
        // One message after a weekend, and the file is over.
        check(&nights[..3], &nights[..3], 0);
        // A zone's hours behind all day, or set so in the middle.
        let zoned = [(100 - 18_000, 99), (101 - 18_000, 100), (102 - 18_000, 101)];
        check(&zoned, &zoned, 0);
        let set = [(100, 99), (101, 100), (102 + 9_300, 101), (103 + 9_300, 102), (104 + 9_300, 103)];
        check(&set, &set, 0);
        // Daily bars of one symbol after another, and two of them the wrong way round.
        let bars = [1, 2, 4, 3, 5, 1, 2, 3].map(|day| (day * DAY, day * DAY));
        check(&bars, &bars, 0);
        let snapshot =
            [(100_000, 5), (100_000, 90_000), (100_000, 7), (100_001, 100_000), (100_002, 100_001)];
        check(&snapshot, &snapshot, 0);
    }
}
