//! The resource guard (control 27): a thread beside the run looks at disk, memory and queues, and says when they are at
//! their end. What it says becomes a control record before it changes anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tickrace_risk::controls::{ResourcesConfig, verdict_record};
use tickrace_risk::{Cause, Scope, TradingState};
use tickrace_runtime::free_space::{Memory, disk_free_bytes};
use tickrace_types::MarketRecord;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(100);
const MIB: u64 = 1 << 20;

/// What the machine has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    disk_free_mib: u64,
    memory_available_mib: u64,
    journal_lag_mib: u64,
    waiting_bps: u32,
}

impl Left {
    /// What is not told counts as nothing left: a guard that sees nothing must not say that all is well.
    fn now(folder: &Path, waiting_bps: u32) -> Self {
        let memory = Memory::now();
        Self {
            disk_free_mib: disk_free_bytes(folder).unwrap_or(0) / MIB,
            memory_available_mib: memory.map_or(0, |memory| memory.available_bytes) / MIB,
            journal_lag_mib: memory.map_or(u64::MAX, |memory| memory.unwritten_bytes) / MIB,
            waiting_bps,
        }
    }

    /// Whether the run may go on unrestricted.
    fn suffices(&self, config: &ResourcesConfig) -> bool {
        let at_least = |left: u64, min: i64| left >= min.unsigned_abs();
        at_least(self.disk_free_mib, config.disk_free_min_mib)
            && at_least(self.memory_available_mib, config.memory_available_min_mib)
            && at_least(
                config.journal_lag_max_mib.unsigned_abs(),
                self.journal_lag_mib.try_into().unwrap_or(i64::MAX),
            )
            && i64::from(self.waiting_bps) <= config.queue_depth_max_bps
    }
}

/// The thread and its words.
pub struct ResourceGuard {
    verdicts: Receiver<MarketRecord>,
    /// The fullest the ring behind the sequencer was since the last look, basis points.
    waiting_bps: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ResourceGuard {
    /// Begins to look; `None` where the limits state no such control. The first look is over when this returns.
    pub fn start(config: Option<ResourcesConfig>, folder: &Path) -> Option<Self> {
        let config = config?;
        let (sender, verdicts) = channel();
        let waiting_bps = Arc::new(AtomicU32::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let mut watch = Watch {
            config,
            folder: folder.to_owned(),
            sender,
            waiting_bps: Arc::clone(&waiting_bps),
            is_restricted: false,
        };
        watch.look();
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                std::thread::park_timeout(INTERVAL);
                watch.look();
            }
        });
        Some(Self { verdicts, waiting_bps, is_over, thread: Some(thread) })
    }

    /// The next word, where there is one; `waiting_bps` is how full the ring behind the sequencer is.
    pub fn verdict(&self, waiting_bps: u32) -> Option<MarketRecord> {
        self.waiting_bps.fetch_max(waiting_bps, Ordering::Relaxed);
        self.verdicts.try_recv().ok()
    }
}

impl Drop for ResourceGuard {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A guard that died has said nothing more; the run is over.
            let _ = thread.join();
        }
    }
}

struct Watch {
    config: ResourcesConfig,
    folder: PathBuf,
    sender: Sender<MarketRecord>,
    waiting_bps: Arc<AtomicU32>,
    is_restricted: bool,
}

impl Watch {
    fn look(&mut self) {
        let left = Left::now(&self.folder, self.waiting_bps.swap(0, Ordering::Relaxed));
        let is_restricted = !left.suffices(&self.config);
        if is_restricted != self.is_restricted {
            self.is_restricted = is_restricted;
            let state = if is_restricted { self.config.state } else { TradingState::Active };
            let free = i64::try_from(left.disk_free_mib).unwrap_or(i64::MAX);
            // Nobody listens any more where the run is over.
            let _ = self.sender.send(verdict_record(Scope::All, Cause::Resources, state, free));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: ResourcesConfig = ResourcesConfig {
        disk_free_min_mib: 10,
        memory_available_min_mib: 20,
        queue_depth_max_bps: 5_000,
        journal_lag_max_mib: 30,
        state: TradingState::CancelOnly,
    };

    #[test]
    fn each_of_the_four_is_enough_to_restrict() {
        let enough =
            Left { disk_free_mib: 10, memory_available_mib: 20, journal_lag_mib: 30, waiting_bps: 5_000 };
        assert!(enough.suffices(&CONFIG));
        for short in [
            Left { disk_free_mib: 9, ..enough },
            Left { memory_available_mib: 19, ..enough },
            Left { journal_lag_mib: 31, ..enough },
            Left { journal_lag_mib: u64::MAX, ..enough },
            Left { waiting_bps: 5_001, ..enough },
        ] {
            assert!(!short.suffices(&CONFIG), "{short:?}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_restricts_and_a_full_queue_does_until_it_is_empty_again() {
        let nowhere = ResourceGuard::start(Some(CONFIG), Path::new("/nowhere/at/all")).expect("it is stated");
        let said = nowhere.verdict(0).expect("the first look is over");
        assert_eq!(said.order_ref, TradingState::CancelOnly as u64);
        assert!(ResourceGuard::start(None, Path::new("/tmp")).is_none());

        let roomy = ResourcesConfig {
            disk_free_min_mib: 1,
            memory_available_min_mib: 1,
            journal_lag_max_mib: i64::from(i32::MAX),
            ..CONFIG
        };
        let (sender, verdicts) = channel();
        let waiting_bps = Arc::new(AtomicU32::new(9_000));
        let mut watch = Watch {
            config: roomy,
            folder: std::env::temp_dir(),
            sender,
            waiting_bps: Arc::clone(&waiting_bps),
            is_restricted: false,
        };
        watch.look();
        watch.look();
        let states: Vec<u64> = verdicts.try_iter().map(|record| record.order_ref).collect();
        assert_eq!(states, [TradingState::CancelOnly as u64, TradingState::Active as u64]);
    }
}
