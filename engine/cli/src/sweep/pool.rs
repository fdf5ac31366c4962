//! The workers: each takes the next set, runs it on its thread, and hands over its row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use tickrace_analytics::RunReport;
use tickrace_desk::DeskConfig;
use tickrace_desk::meters::Stamps;
use tickrace_desk::stages::sequence::Outcome;
use tickrace_runtime::clock::tsc::TscClock;

use super::grid::Axis;
use super::row::{Figures, Row, Status};
use super::{Task, values_of};
use crate::backtest::{Job, checked, perform};
use crate::live_figures::{self, Judged, SharedData};
use crate::provenance::MarketFile;
use crate::{Failure, Fault, Streams};

/// What every worker needs.
pub struct Work<'a> {
    /// Configuration file.
    pub path: &'a Path,
    /// Swept keys.
    pub axes: &'a [Axis],
    /// The data all runs share.
    pub data: &'a SharedData,
    /// The tick files by their content.
    pub files: &'a [MarketFile],
    /// Where each run keeps its journal; absent where none does.
    pub journals: Option<&'a Path>,
    /// Set to stop.
    pub interrupt: &'a Arc<AtomicBool>,
}

/// Runs all tasks on `cores` threads; `take` gets each row as it comes, on the calling thread.
///
/// # Errors
///
/// The first of `take`; the workers then stop.
pub fn run(
    tasks: &[&Task],
    cores: usize,
    work: &Work<'_>,
    mut take: impl FnMut(Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let (sender, rows) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let stamps = Stamps::new(TscClock::new());
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if work.interrupt.load(Ordering::Relaxed) {
                        return;
                    }
                    let Some(row) = work.run(task, &stamps) else { return };
                    if sender.send(row).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut outcome = Ok(());
        for row in rows {
            outcome = outcome.and_then(|()| take(row));
            if outcome.is_err() {
                work.interrupt.store(true, Ordering::Relaxed);
            }
        }
        outcome
    })
}

impl Work<'_> {
    /// `None` where it was interrupted: a run is whole or it is none.
    fn run(&self, task: &Task, stamps: &Arc<Stamps>) -> Option<Row> {
        let started = Instant::now();
        // A defect that one set brings to light must not take the others along.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let config = checked(self.path, &task.table)?;
            match self.journals {
                Some(out) => self.keep(task, &config, out),
                None => {
                    live_figures::run(&config, self.data, stamps, &|| self.interrupt.load(Ordering::Relaxed))
                }
            }
        }));
        let ran = ran.unwrap_or_else(|panic| Err(Failure::runtime(words_of(panic.as_ref()))));
        let (status, error, report) = match ran {
            Ok(Judged { outcome: Outcome::Stopped, .. }) => return None,
            Ok(Judged { outcome: Outcome::Complete, report }) => (Status::Done, None, Some(report)),
            Ok(Judged { outcome, .. }) => (Status::Failed, Some(format!("ended early: {outcome:?}")), None),
            Err(failure) if failure.fault == Fault::Usage => (Status::Refused, Some(failure.text), None),
            Err(failure) => (Status::Failed, Some(failure.text), None),
        };
        Some(Row {
            hash: task.hash.clone(),
            values: values_of(self.axes, &task.values),
            status,
            error,
            figures: report.as_ref().map(Figures::of),
            wall_seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Runs with a journal and all artefacts, as `backtest` does.
    fn keep(&self, task: &Task, config: &DeskConfig, out: &Path) -> Result<Judged, Failure> {
        let mut config = config.clone();
        config.run.placement = tickrace_desk::config::RunConfig::default().placement;
        config.run.is_pinned = false;
        let folder = out.join("runs").join(format!("{:05}", task.number));
        let (mut said, mut warned) = (std::io::sink(), std::io::sink());
        let mut quiet = Streams { out: &mut said, err: &mut warned, is_json: false, is_watched: false };
        let job = Job {
            path: self.path,
            table: task.table.clone(),
            config: &config,
            sessions: &self.data.sessions,
            instruments: &self.data.instruments,
            files: self.files.to_vec(),
            out: &folder,
            interrupt: self.interrupt,
        };
        let done = perform(job, &mut quiet)?;
        let report: RunReport = done.report;
        Ok(Judged { report, outcome: done.outcome })
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
    format!("a defect of this program: {text}")
}
