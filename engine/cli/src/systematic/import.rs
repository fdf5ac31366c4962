//! `systematic import`: a configuration of pysystemtrade (YAML) as one of ours.
//!
//! Nothing is passed over in silence: each word without a place here is told with its line and with what its absence means.
//! Where results would differ nothing is written, unless that is asked for.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use tickrace_systematic::config::SystemConfig;

use super::words as own_words;
use crate::{Failure, Streams, settings};

pub mod rule;
pub mod translate;
pub mod words;
pub mod yaml;

/// Arguments of `systematic import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic import private_config.yaml --out mine.toml\n\n\
    Lists every word that has no place here, with its line. Exits with 5, and writes nothing, where results would differ\n\
    from the reference's; with --lenient the rest is written all the same.")]
pub struct Args {
    /// Configuration of pysystemtrade (YAML)
    file: PathBuf,
    /// File to write (TOML); it must not exist yet
    #[arg(long)]
    out: PathBuf,
    /// Write what can be taken over even where results will differ
    #[arg(long)]
    lenient: bool,
}

/// A word without a place here, or one that was taken otherwise than it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Line, from 1.
    pub line: usize,
    /// Full path of the word.
    pub key: String,
    /// Whether results differ because of it.
    pub does_change: bool,
    /// Why, and what was done about it.
    pub text: String,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a file that cannot be read or is no configuration (3), a difference in results (5), a file that cannot be written.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if args.out.exists() {
        return Err(Failure::usage(format!("{}: exists already; name a new file", args.out.display())));
    }
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", args.file.display())))?;
    let in_file = |error: yaml::YamlError| Failure::input(format!("{}, {error}", args.file.display()));
    let document = yaml::parse(&text).map_err(in_file)?;
    let translated = translate::translate(&document).map_err(in_file)?;
    let changes = translated.notes.iter().filter(|note| note.does_change).count();
    let is_written = changes == 0 || args.lenient;
    let page = page(&args.file, &translated)?;
    let checked = check(&args.file, &page);
    if is_written && checked.is_ok() {
        std::fs::write(&args.out, &page).map_err(|error| Failure::write(&args.out, error))?;
    }
    let rules =
        translated.table.get("trading_rules").and_then(toml::Value::as_table).map_or(0, toml::Table::len);
    if streams.is_json && checked.is_ok() {
        streams.json(&json!({
            "out": is_written.then(|| args.out.display().to_string()),
            "rules": rules,
            "changes": changes,
            "notes": translated.notes,
        }));
    }
    for note in &translated.notes {
        let what = if note.does_change { "changes results" } else { "no consequence" };
        streams.say(&format!("line {}, {} ({what}): {}", note.line, note.key, note.text));
    }
    // What was told above may be why it is no system.
    checked?;
    if is_written {
        let lines = translated.notes.len();
        streams.say(&format!(
            "{}: {rules} rules; {lines} words not taken over, {changes} of consequence",
            args.out.display()
        ));
        return Ok(());
    }
    Err(Failure::difference(format!(
        "{}: {changes} words change results and have no place here; nothing was written (--lenient writes the rest)",
        args.file.display()
    )))
}

/// The file to write: what was left out, then the configuration.
fn page(file: &Path, translated: &translate::Translated) -> Result<String, Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut page = format!("# From {name} (pysystemtrade) by `tickrace systematic import`.\n");
    for note in translated.notes.iter().filter(|note| note.does_change) {
        // A text of the file may hold a line break; a comment may not.
        let text: String = note.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(page, "# Left out, and results differ: line {}, {:?}: {text}", note.line, note.key);
    }
    page.push('\n');
    page.push_str(&toml::to_string(&translated.table).map_err(Failure::runtime)?);
    Ok(page)
}

/// What is written must be a system here.
fn check(file: &Path, page: &str) -> Result<(), Failure> {
    let mut table: toml::Table = page.parse().map_err(Failure::runtime)?;
    own_words::translate(&mut table)?;
    let as_input = |failure: Failure| Failure::input(failure.text);
    let config: SystemConfig = settings::parse(file, &table).map_err(as_input)?;
    config.validate().map_err(|error| Failure::input(format!("{}: {error}", file.display())))
}
