//! Which stages share a thread: a nested list from the configuration, checked once into something that cannot be
//! wrong.
//!
//! Each inner list is one thread. Hot stages stand in the tick's order, every one of them exactly once, so that a
//! thread holds a run of neighbours and a cut is one ring. Cold stages have threads of their own or are left out.

use serde::Deserialize;

use crate::idle::IdleStrategy;

/// A stage that can be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum StageName {
    Decode,
    Sequence,
    Book,
    Decide,
    Gate,
    Send,
    Meter,
    Archive,
}

impl StageName {
    /// The hot stages, in the order a tick meets them.
    pub const HOT: [Self; 6] =
        [Self::Decode, Self::Sequence, Self::Book, Self::Decide, Self::Gate, Self::Send];
    /// The cold ones.
    pub const COLD: [Self; 2] = [Self::Meter, Self::Archive];

    /// As in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Sequence => "sequence",
            Self::Book => "book",
            Self::Decide => "decide",
            Self::Gate => "gate",
            Self::Send => "send",
            Self::Meter => "meter",
            Self::Archive => "archive",
        }
    }

    /// Whether it is on the tick's way.
    pub const fn is_hot(self) -> bool {
        (self as usize) < Self::HOT.len()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::HOT.into_iter().chain(Self::COLD).find(|stage| stage.name() == name)
    }
}

/// A placement that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Not a stage.
    #[error(
        "thread {thread} names the unknown stage \"{name}\"; stages are decode, sequence, book, decide, gate, send, \
         meter, archive"
    )]
    Unknown {
        /// Index of the inner list.
        thread: usize,
        /// As written.
        name: String,
    },
    /// Named twice.
    #[error("stage \"{name}\" stands in thread {first} and again in thread {again}")]
    Twice {
        /// The stage.
        name: &'static str,
        /// Where first.
        first: usize,
        /// Where again.
        again: usize,
    },
    /// A hot stage without a thread.
    #[error("stage \"{name}\" has no thread")]
    Missing {
        /// The stage.
        name: &'static str,
    },
    /// A hot stage out of the tick's order.
    #[error(
        "stage \"{name}\" in thread {thread} comes after \"{after}\": a tick meets them the other way round"
    )]
    Order {
        /// The stage.
        name: &'static str,
        /// Index of the inner list.
        thread: usize,
        /// What stands before it.
        after: &'static str,
    },
    /// Hot and cold on one thread.
    #[error("thread {thread} mixes the hot stage \"{hot}\" with the cold stage \"{cold}\"")]
    Mixed {
        /// Index of the inner list.
        thread: usize,
        /// A hot stage in it.
        hot: &'static str,
        /// A cold stage in it.
        cold: &'static str,
    },
    /// A thread without stages.
    #[error("thread {thread} has no stages")]
    Empty {
        /// Index of the inner list.
        thread: usize,
    },
    /// More spinning threads than the machine can bear.
    #[error(
        "{spinning} spinning threads on {cores} allowed cores: at most {} may spin, or every housekeeping task \
         stops one of them for milliseconds; fuse stages, choose another idle strategy or insist",
        .cores.saturating_sub(1)
    )]
    TooManySpinning {
        /// Threads that would spin.
        spinning: usize,
        /// Cores allowed.
        cores: usize,
    },
}

/// Something to tell the user loudly, though the engine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{busy} busy threads on {cores} allowed cores leave none for the rest of the system: expect pauses of \
     milliseconds"
)]
pub struct OverSubscribed {
    /// Threads that never sleep.
    pub busy: usize,
    /// Cores allowed.
    pub cores: usize,
}

/// Which stage runs on which thread.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Vec<String>>")]
pub struct Placement {
    threads: Vec<Vec<StageName>>,
}

impl Placement {
    /// Everything on the tick's way on one thread, the cold stages on another.
    pub fn fused() -> Self {
        Self { threads: vec![StageName::HOT.to_vec(), StageName::COLD.to_vec()] }
    }

    /// Checks a nested list of stage names.
    ///
    /// # Errors
    ///
    /// A [`PlacementError`] that names the fault.
    pub fn parse<S: AsRef<str>>(lists: &[Vec<S>]) -> Result<Self, PlacementError> {
        let mut threads = Vec::with_capacity(lists.len());
        for (thread, list) in lists.iter().enumerate() {
            let stages = list
                .iter()
                .map(|name| {
                    let name = name.as_ref();
                    StageName::from_name(name)
                        .ok_or_else(|| PlacementError::Unknown { thread, name: name.to_owned() })
                })
                .collect::<Result<Vec<_>, _>>()?;
            if stages.is_empty() {
                return Err(PlacementError::Empty { thread });
            }
            threads.push(stages);
        }
        let placement = Self { threads };
        placement.check_each_once()?;
        placement.check_not_mixed()?;
        placement.check_order()?;
        Ok(placement)
    }

    fn check_each_once(&self) -> Result<(), PlacementError> {
        for stage in StageName::HOT.into_iter().chain(StageName::COLD) {
            let mut places = self.stages().filter(|(_, other)| *other == stage).map(|(thread, _)| thread);
            match (places.next(), places.next()) {
                (None, _) if stage.is_hot() => return Err(PlacementError::Missing { name: stage.name() }),
                (Some(first), Some(again)) => {
                    return Err(PlacementError::Twice { name: stage.name(), first, again });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_not_mixed(&self) -> Result<(), PlacementError> {
        for (thread, stages) in self.threads.iter().enumerate() {
            let hot = stages.iter().find(|stage| stage.is_hot());
            let cold = stages.iter().find(|stage| !stage.is_hot());
            if let (Some(hot), Some(cold)) = (hot, cold) {
                return Err(PlacementError::Mixed { thread, hot: hot.name(), cold: cold.name() });
            }
        }
        Ok(())
    }

    fn check_order(&self) -> Result<(), PlacementError> {
        let mut before: Option<StageName> = None;
        for (thread, stage) in self.stages().filter(|(_, stage)| stage.is_hot()) {
            if let Some(before) = before.filter(|before| *before > stage) {
                return Err(PlacementError::Order { name: stage.name(), thread, after: before.name() });
            }
            before = Some(stage);
        }
        Ok(())
    }

    fn stages(&self) -> impl Iterator<Item = (usize, StageName)> {
        self.threads
            .iter()
            .enumerate()
            .flat_map(|(thread, stages)| stages.iter().map(move |stage| (thread, *stage)))
    }

    /// The threads, each with its stages.
    pub fn threads(&self) -> &[Vec<StageName>] {
        &self.threads
    }

    /// Index of the thread `stage` runs on; `None` for a cold stage left out.
    pub fn thread_of(&self, stage: StageName) -> Option<usize> {
        self.stages().find(|(_, other)| *other == stage).map(|(thread, _)| thread)
    }

    /// Indices of the threads on the tick's way, in its order.
    pub fn hot_threads(&self) -> impl Iterator<Item = usize> {
        self.threads.iter().enumerate().filter(|(_, stages)| stages[0].is_hot()).map(|(thread, _)| thread)
    }

    /// Whether a ring follows `stage`: it is hot, not the last, and its neighbour runs elsewhere.
    pub fn is_cut_after(&self, stage: StageName) -> bool {
        let next = StageName::HOT.iter().skip_while(|hot| **hot != stage).nth(1);
        next.is_some_and(|next| self.thread_of(*next) != self.thread_of(stage))
    }

    /// Checks that at most `cores - 1` hot threads spin, `cores` being the number of allowed cores: cold threads
    /// block, and the rest of the system needs a core to run on.
    ///
    /// Threads that spin and then yield, and spinning threads the user insists on, are let by with a warning.
    ///
    /// # Errors
    ///
    /// [`PlacementError::TooManySpinning`].
    pub fn check_cores(
        &self,
        cores: usize,
        idle: IdleStrategy,
        is_insisted: bool,
    ) -> Result<Option<OverSubscribed>, PlacementError> {
        let hot = self.hot_threads().count();
        if !idle.is_busy() || hot <= cores.saturating_sub(1) {
            return Ok(None);
        }
        if idle.is_spinning() && !is_insisted {
            return Err(PlacementError::TooManySpinning { spinning: hot, cores });
        }
        Ok(Some(OverSubscribed { busy: hot, cores }))
    }

    /// Cores for the threads, by index: hot threads get the last of `allowed`, one each, because interrupts and
    /// housekeeping favour the first; cold threads share what is left. `None` where there is no core to give.
    pub fn cores<'a>(&self, allowed: &'a [usize]) -> Vec<Option<usize>> {
        let hot: Vec<usize> = self.hot_threads().collect();
        let mut cores = vec![None; self.threads.len()];
        let first_hot = allowed.len().saturating_sub(hot.len());
        for (place, thread) in hot.iter().enumerate() {
            cores[*thread] = allowed.get(first_hot + place).copied();
        }
        let left: &'a [usize] = &allowed[..first_hot];
        for (place, thread) in (0..self.threads.len()).filter(|thread| !hot.contains(thread)).enumerate() {
            cores[thread] = if left.is_empty() { None } else { Some(left[place % left.len()]) };
        }
        cores
    }
}

impl TryFrom<Vec<Vec<String>>> for Placement {
    type Error = PlacementError;

    fn try_from(lists: Vec<Vec<String>>) -> Result<Self, PlacementError> {
        Self::parse(&lists)
    }
}

#[cfg(test)]
mod tests;
