//! Where market records come from: decoded here, or in a thread of their own behind a ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_feeds::source::{End, Skips, Source};
use tickrace_runtime::idle::Idler;
use tickrace_runtime::ring::{self, Consumer, Full};
use tickrace_runtime::worker::{self, Worker};
use tickrace_types::Record;

use crate::street::{Layout, StreetError, ring_error};

/// A source on this thread or on another.
#[allow(
    clippy::large_enum_variant,
    reason = "built once at start; a box would cost an indirection per record"
)]
pub enum Intake<S> {
    /// Decoded where it is asked for.
    Here(S),
    /// Decoded ahead by a thread.
    There(Decoder<S>),
}

/// A decoding thread seen from its ring.
pub struct Decoder<S> {
    records: Consumer<Record>,
    thread: Worker<S>,
    idler: Idler,
    broken: Arc<AtomicBool>,
    is_over: bool,
    skips: Skips,
    end: End,
}

impl<S: Source + Send + 'static> Intake<S> {
    /// Moves `source` into a thread where it stands apart.
    pub(crate) fn new(
        mut source: S,
        is_apart: bool,
        core: Option<usize>,
        layout: &Layout,
        broken: Arc<AtomicBool>,
    ) -> Result<Self, StreetError> {
        if !is_apart {
            return Ok(Self::Here(source));
        }
        let (mut producer, records) =
            ring::ring::<Record>(layout.ring_slots, Full::Spin, layout.idle).map_err(ring_error)?;
        let body = move || {
            let mut record = Record::default();
            // A sequencer that stopped early leaves the ring; the rest is not read then.
            while source.next_into(&mut record) && producer.push(record).is_ok() {}
            source
        };
        let thread = worker::spawn("tickrace-decode", core, Arc::clone(&broken), body)?;
        Ok(Self::There(Decoder {
            records,
            thread,
            idler: Idler::new(layout.idle),
            broken,
            is_over: false,
            skips: Skips::default(),
            end: End::Running,
        }))
    }

    /// The source, brought home from its thread.
    pub(crate) fn into_source(self) -> Result<S, StreetError> {
        match self {
            Self::Here(source) => Ok(source),
            Self::There(decoder) => {
                drop(decoder.records);
                Ok(decoder.thread.join()?)
            }
        }
    }
}

impl<S: Source> Source for Intake<S> {
    #[inline]
    fn next_into(&mut self, out: &mut Record) -> bool {
        match self {
            Self::Here(source) => source.next_into(out),
            Self::There(decoder) => decoder.next_into(out),
        }
    }

    fn can_skim(&self) -> bool {
        matches!(self, Self::Here(source) if source.can_skim())
    }

    #[inline]
    fn skim(&mut self, each: impl FnMut(&[Record], i64) -> usize) -> u64 {
        match self {
            Self::Here(source) => source.skim(each),
            Self::There(_) => 0,
        }
    }

    #[inline]
    fn glimpse(&self, ahead: usize) -> Option<&Record> {
        match self {
            Self::Here(source) => source.glimpse(ahead),
            Self::There(_) => None,
        }
    }

    fn skips(&self) -> &Skips {
        match self {
            Self::Here(source) => source.skips(),
            Self::There(decoder) => &decoder.skips,
        }
    }

    fn end(&self) -> &End {
        match self {
            Self::Here(source) => source.end(),
            Self::There(decoder) => &decoder.end,
        }
    }

    fn position(&self) -> u64 {
        match self {
            Self::Here(source) => source.position(),
            Self::There(_) => 0,
        }
    }

    fn messages(&self) -> u64 {
        match self {
            Self::Here(source) => source.messages(),
            Self::There(_) => 0,
        }
    }
}

impl<S> Decoder<S> {
    fn next_into(&mut self, out: &mut Record) -> bool {
        while !self.is_over {
            if let Some(record) = self.records.pop() {
                *out = record;
                self.idler.reset();
                return true;
            }
            if self.records.is_finished() || self.broken.load(Ordering::Acquire) {
                self.is_over = true;
            } else {
                self.idler.idle();
            }
        }
        false
    }
}
