//! Sets that read the same data run together: one mapped copy, one tape of tops; then the next group's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tickrace_desk::DeskConfig;
use tickrace_desk::log_source::View;
use tickrace_runtime::pin;
use toml::{Table, Value};

use super::grid::{Axis, Set};
use super::row::{Row, RunsFile, Status};
use super::{Task, pool, values_of};
use crate::backtest::{checked, market_of, open_data};
use crate::live_figures::SharedData;
use crate::provenance::{self, MarketFile};
use crate::tops::Tape;
use crate::{Failure, Streams, progress};

/// How sets are run.
pub struct Plan<'a> {
    /// Configuration file.
    pub path: &'a Path,
    /// Swept keys.
    pub axes: &'a [Axis],
    /// Runs at one time; absent: the cores this process may use.
    pub cores: Option<usize>,
    /// Folder of the results.
    pub out: &'a Path,
    /// Whether each run keeps its journal and artefacts.
    pub has_journals: bool,
    /// Whether what was done before counts for nothing.
    pub is_fresh: bool,
    /// Set to stop.
    pub interrupt: &'a Arc<AtomicBool>,
}

/// Sets that ran, as far as it went.
pub struct Executed {
    /// The sets, in the order they were given.
    pub tasks: Vec<Task>,
    /// Finished runs by hash.
    pub known: BTreeMap<String, Row>,
    /// Tick files of all groups.
    pub files: Vec<MarketFile>,
    /// When each set's data begin, nanoseconds since the Unix epoch; absent where its group was not opened.
    pub begins_ns: Vec<Option<i64>>,
    /// Currency of the money.
    pub currency: String,
    /// Runs taken from an earlier call.
    pub resumed: usize,
    /// Runs at one time.
    pub cores: usize,
    /// Seconds for the runs that were not.
    pub wall_seconds: f64,
}

/// Whether a key changes what is read, and not only what is made of it.
pub fn is_of_data(key: &str) -> bool {
    let section = key.split('.').next().unwrap_or(key);
    section == "instruments" || (section == "data" && key != "data.feed_latency_ns")
}

/// What a configuration reads: the same text, the same data.
fn mark(table: &Table) -> String {
    let mut read = Table::new();
    for section in ["data", "instruments"] {
        read.extend(table.get(section).cloned().map(|part| (section.to_owned(), part)));
    }
    if let Some(Value::Table(data)) = read.get_mut("data") {
        data.remove("feed_latency_ns");
    }
    toml::to_string(&read).unwrap_or_default()
}

/// Runs the sets; `tables` are their configurations, in the same order.
///
/// # Errors
///
/// [`Failure`] where no set is sound, data cannot be read, or a file cannot be written.
pub fn execute(
    plan: &Plan<'_>,
    sets: Vec<Set>,
    tables: Vec<Table>,
    streams: &mut Streams<'_>,
) -> Result<Executed, Failure> {
    let groups = groups_of(&tables);
    let mut sound = Vec::with_capacity(groups.len());
    let mut first_fault = None;
    for members in &groups {
        let first = first_sound(plan.path, members.iter().map(|place| &tables[*place]));
        sound.push(match first {
            Ok(config) => Some(config),
            Err(failure) => {
                first_fault = first_fault.or(Some(failure));
                None
            }
        });
    }
    if sound.iter().all(Option::is_none) {
        let why = first_fault.map_or_else(|| "there is none".to_owned(), |failure| failure.text);
        return Err(Failure::usage(format!("no set is sound; the first: {why}")));
    }
    sound.iter().flatten().try_for_each(check_there)?;
    std::fs::create_dir_all(plan.out).map_err(|error| Failure::write(plan.out, error))?;
    let path = plan.out.join("runs.jsonl");
    let (kept, known, faults) = RunsFile::open(&path, plan.is_fresh)?;
    if faults > 0 {
        streams.warn(&format!("{}: {faults} lines make no sense; those sets run again", path.display()));
    }
    let count = sets.len();
    let mut tasks: Vec<Option<Task>> = (1..)
        .zip(sets.into_iter().zip(tables))
        .map(|(number, (values, table))| Some(Task { number, values, table, hash: String::new() }))
        .collect();
    let bar = progress::bar(streams.is_watched, count as u64, "sweep");
    bar.enable_steady_tick(std::time::Duration::from_secs(1));
    let mut going = Going {
        plan,
        kept,
        done: Executed {
            tasks: Vec::with_capacity(count),
            known,
            files: Vec::new(),
            begins_ns: vec![None; count],
            currency: String::new(),
            resumed: 0,
            cores: 0,
            wall_seconds: 0.0,
        },
        bar,
    };
    let mut finished: Vec<Task> = Vec::with_capacity(count);
    let mut outcome = Ok(());
    for (members, config) in groups.iter().zip(sound) {
        let mut group: Vec<Task> = members.iter().filter_map(|place| tasks[*place].take()).collect();
        if outcome.is_ok() && !plan.interrupt.load(Ordering::Relaxed) {
            outcome = match config {
                Some(config) => going.run(&config, &mut group, streams),
                None => going.refuse(&mut group),
            };
        }
        finished.append(&mut group);
    }
    going.bar.finish_and_clear();
    outcome?;
    finished.sort_by_key(|task| task.number);
    let mut done = going.done;
    done.tasks = finished;
    if done.resumed > 0 {
        streams.say(&format!("{} of {count} sets were run before; --fresh runs them again", done.resumed));
    }
    Ok(done)
}

struct Going<'a> {
    plan: &'a Plan<'a>,
    kept: RunsFile,
    done: Executed,
    bar: indicatif::ProgressBar,
}

impl Going<'_> {
    /// Opens a group's data and runs what was not run before.
    fn run(
        &mut self,
        config: &DeskConfig,
        group: &mut [Task],
        streams: &mut Streams<'_>,
    ) -> Result<(), Failure> {
        let (sessions, instruments) = open_data(config, streams)?;
        let files: Vec<MarketFile> =
            sessions.iter().map(|session| MarketFile::of(session, streams)).collect();
        name(group, &files)?;
        let begins_ns = sessions.first().map(crate::input::Session::begins_ns);
        for task in group.iter() {
            self.done.begins_ns[task.number - 1] = begins_ns;
        }
        if self.done.currency.is_empty() {
            let first = instruments.as_slice().first();
            self.done.currency = first.map_or_else(String::new, |one| one.profit_currency().to_owned());
        }
        let waiting: Vec<&Task> =
            group.iter().filter(|task| !self.done.known.contains_key(&task.hash)).collect();
        self.done.resumed += group.len() - waiting.len();
        self.bar.inc((group.len() - waiting.len()) as u64);
        let allowed = pin::allowed_cores().len().max(1);
        let cores = self.plan.cores.unwrap_or(allowed).clamp(1, waiting.len().max(1));
        self.done.cores = self.done.cores.max(cores);
        let started = Instant::now();
        if !waiting.is_empty() {
            let tape = Tape::record(market_of(config, &sessions, &instruments, View::Venue)?, &instruments);
            let data = SharedData { sessions, instruments, tape };
            let work = pool::Work {
                path: self.plan.path,
                axes: self.plan.axes,
                data: &data,
                files: &files,
                journals: self.plan.has_journals.then_some(self.plan.out),
                interrupt: self.plan.interrupt,
            };
            let (kept, known, bar) = (&mut self.kept, &mut self.done.known, &self.bar);
            pool::run(&waiting, cores, &work, |row| {
                kept.push(&row)?;
                known.insert(row.hash.clone(), row);
                bar.inc(1);
                Ok(())
            })?;
        }
        self.done.wall_seconds += started.elapsed().as_secs_f64();
        for file in files {
            if !self.done.files.iter().any(|known| known.blake3 == file.blake3 && known.path == file.path) {
                self.done.files.push(file);
            }
        }
        Ok(())
    }

    /// A group without a sound set: each is told why.
    fn refuse(&mut self, group: &mut [Task]) -> Result<(), Failure> {
        name(group, &[])?;
        for task in group.iter() {
            let error = checked(self.plan.path, &task.table).err().map(|failure| failure.text);
            let row = Row {
                hash: task.hash.clone(),
                values: values_of(self.plan.axes, &task.values),
                status: Status::Refused,
                error,
                figures: None,
                wall_seconds: 0.0,
            };
            self.kept.push(&row)?;
            self.done.known.insert(row.hash.clone(), row);
            self.bar.inc(1);
        }
        Ok(())
    }
}

/// A file that is not there is told before hours are spent on those that are.
fn check_there(config: &DeskConfig) -> Result<(), Failure> {
    let inputs = config.data.inputs.iter().map(|input| &input.path);
    for path in config.data.files.iter().chain(inputs) {
        std::fs::File::open(path)
            .map_err(|error| Failure::input(format!("{}: cannot be opened: {error}", path.display())))?;
    }
    Ok(())
}

/// Gives each set the hash of its configuration, data and program.
fn name(group: &mut [Task], files: &[MarketFile]) -> Result<(), Failure> {
    let data: Vec<&str> = files.iter().map(|file| file.blake3.as_str()).collect();
    let build = provenance::build();
    for task in group {
        let text = toml::to_string(&task.table).map_err(Failure::usage)?;
        let mut hasher = blake3::Hasher::new();
        for part in [text.as_str(), &data.join(" "), &build] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        task.hash = hasher.finalize().to_hex().to_string();
    }
    Ok(())
}

/// Places of the sets that read the same data, in the order in which each group first appears.
fn groups_of(tables: &[Table]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut by_mark: BTreeMap<String, usize> = BTreeMap::new();
    for (place, table) in tables.iter().enumerate() {
        let mark = mark(table);
        let group = *by_mark.entry(mark.clone()).or_insert_with(|| {
            groups.push((mark, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(place);
    }
    groups.into_iter().map(|group| group.1).collect()
}

/// The first configuration that is sound, to open the data with: they are the same for all of a group.
fn first_sound<'a>(path: &Path, tables: impl Iterator<Item = &'a Table>) -> Result<DeskConfig, Failure> {
    let mut first = None;
    for table in tables {
        match checked(path, table) {
            Ok(config) => return Ok(config),
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    Err(first.unwrap_or_else(|| Failure::usage("there is none")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_grouped_by_what_they_read() {
        let table = |text: &str| -> Table { text.parse().unwrap() };
        let tables = [
            table("a = 1\n[data]\nfiles = [\"x\"]\nfeed_latency_ns = 1\n"),
            table("a = 1\n[data]\nfiles = [\"y\"]\n"),
            table("a = 2\n[data]\nfiles = [\"x\"]\nfeed_latency_ns = 9\n"),
            table("a = 2\n[data]\nfiles = [\"x\"]\n[instruments]\nsymbols = [\"A\"]\n"),
        ];
        assert_eq!(groups_of(&tables), [vec![0, 2], vec![1], vec![3]]);
        assert!(is_of_data("data.files") && is_of_data("instruments.symbols"));
        assert!(!is_of_data("data.feed_latency_ns") && !is_of_data("strategy.levels_count"));
    }
}
