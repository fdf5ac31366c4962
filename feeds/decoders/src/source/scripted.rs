//! A source that gives what a test tells it to.

use tickrace_types::Record;

use super::{End, Skips, Source};

/// Records at given times, numbered from a first number, one filtered message at the end.
#[derive(Debug)]
pub(crate) struct Scripted {
    times: Vec<i64>,
    first: u64,
    given: usize,
    last: End,
    end: End,
    skips: Skips,
}

impl Scripted {
    pub fn new(times: &[i64], first: u64) -> Self {
        let skips = Skips { filtered: 1, ..Skips::default() };
        Self { times: times.to_vec(), first, given: 0, last: End::Complete, end: End::Running, skips }
    }

    pub fn ending(self, last: End) -> Self {
        Self { last, ..self }
    }
}

impl Source for Scripted {
    fn next_into(&mut self, out: &mut Record) -> bool {
        let Some(time) = self.times.get(self.given) else {
            self.end = self.last;
            return false;
        };
        out.header.ts_venue_ns = *time;
        out.header.ts_recv_ns = *time;
        out.header.seq = self.first + self.given as u64;
        self.given += 1;
        true
    }
    fn skips(&self) -> &Skips {
        &self.skips
    }
    fn end(&self) -> &End {
        &self.end
    }
    fn position(&self) -> u64 {
        self.given as u64
    }
    fn messages(&self) -> u64 {
        self.given as u64
    }
}
