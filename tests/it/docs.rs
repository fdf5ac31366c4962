//! What the guides say is true: every command in a `sh` block of theirs runs, exits as told, and prints what the `text` block after it
//! shows. What cannot run in a test (other programs, the network) stands in `console` blocks.
//!
//! The commands of a page run in order, in one folder of the page's own. Files that a reader would bring are put there under the
//! names that the page uses ([`stand_in`]); a configuration without a tick file gets the day that its `[data.synth]` asks for.

use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir};
use tickrace_desk::DeskConfig;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_stats::Rng;
use tickrace_tests::data::{shared, workspace};
use tickrace_tests::{Done, tickrace};

/// A command of a guide, and the lines shown after it.
#[derive(Debug, Default)]
struct Shown {
    words: Vec<String>,
    code: u8,
    lines: Vec<String>,
}

/// Words of a line as a shell takes them apart: blanks outside quotes part them, a `#` after a blank ends the line.
fn words_of(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Commands in `sh` blocks, the last of each with the `text` block that follows under the same heading.
fn commands(guide: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let (mut block, mut begun) = (None::<String>, String::new());
    // Whether a heading has come since the last command.
    let mut is_apart = true;
    for line in guide.lines() {
        match (line.strip_prefix("```"), block.as_deref()) {
            (Some(kind), None) => block = Some(kind.to_owned()),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => {
                begun += line.trim_end_matches('\\');
                if line.ends_with('\\') {
                    continue;
                }
                let told = begun.split_once("# exits with ").map_or("0", |(_, code)| code.trim());
                let code = told.parse().unwrap();
                shown.push(Shown { words: words_of(&begun), code, lines: Vec::new() });
                begun.clear();
                is_apart = false;
            }
            (None, Some("text")) => {
                if let Some(last) = shown.last_mut().filter(|_| !is_apart) {
                    last.lines.push(line.to_owned());
                }
            }
            (None, None) => is_apart |= line.starts_with('#'),
            _ => {}
        }
    }
    shown
}

/// Whether a word names a file or a folder.
fn is_file(text: &str) -> bool {
    const FILES: [&str; 13] = [
        ".itch50", ".gz", ".csv", ".toml", ".parquet", ".ticks", ".key", ".yaml", ".json", ".html", ".npz",
        ".zip", ".hgrm",
    ];
    !text.contains(['=', ' ', '{', ','])
        && (["out/", "configs/", "DIR", "PRICES"].iter().any(|start| text.starts_with(start))
            || FILES.iter().any(|end| text.ends_with(end)))
}

/// Files and folders of the page itself that a command names, in quotes within a value or not.
fn names_of(command: &Shown) -> impl Iterator<Item = &str> {
    let words = command.words.iter().flat_map(|word| word.split('"'));
    words.filter(|name| is_file(name) && !name.starts_with("configs/"))
}

/// A page's folder, and what its commands are about.
struct Page {
    folder: TempDir,
}

impl Page {
    fn new() -> Self {
        Self { folder: tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where a name of the page stands in the test; nothing where what it needs is not at hand.
    fn place(&self, word: &str) -> Option<String> {
        if word.starts_with("configs/") {
            return Some(workspace().join(word).display().to_string());
        }
        if let Some(rest) = word.strip_prefix("DIR") {
            let folder = shared("reference/pysystemtrade/inputs")?;
            return Some(format!("{}{rest}", folder.display()));
        }
        let path = self.at(word);
        if !path.exists() {
            self.bring(word, &path)?;
        }
        Some(path.display().to_string())
    }

    /// Puts what a reader would bring under a name; what a command of the page makes is left to it.
    fn bring(&self, name: &str, path: &Path) -> Option<()> {
        let made =
            |seed: u64, symbols: u32| Synth::new(SynthConfig { seed, symbols, messages: 60_000 }).to_vec();
        match name {
            "01302020.NASDAQ_ITCH50.gz" => {
                let real = shared("data/ticks/itch/01302020.AAPL_first10k.real_ITCH50")?;
                std::fs::copy(real, path).unwrap();
            }
            "btcusdt_20240808.gz" => {
                let real = shared("data/ticks/binance/usdm/btcusdt_20240808.gz")?;
                std::fs::copy(real, path).unwrap();
            }
            "20120621.itch50.gz" => {
                let real = shared("data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz")?;
                std::fs::copy(real, path).unwrap();
            }
            _ if name.ends_with(".itch50") && !name.starts_with("day") => {
                // The day of the month is the seed: other days are other days.
                let day = name.trim_end_matches(".itch50").rsplit('-').next().unwrap();
                std::fs::write(path, made(day.parse().unwrap_or(1), 3)).unwrap();
            }
            "prices.csv" => std::fs::write(path, prices()).unwrap(),
            "fund.csv" | "index.csv" => std::fs::write(path, returns(name.len() as u64)).unwrap(),
            "mine.yaml" => {
                std::fs::copy(workspace().join("configs/systematic/yaml/chapter15.yaml"), path).unwrap();
            }
            _ => {}
        }
        Some(())
    }

    /// A word with the names in it put in their places.
    fn moved(&self, word: &str) -> Option<String> {
        if is_file(word) {
            return self.place(word);
        }
        // Names in quotes within a value: every other piece.
        let pieces = word.split('"').enumerate().map(|(place, piece)| {
            if place % 2 == 1 && is_file(piece) { self.place(piece) } else { Some(piece.to_owned()) }
        });
        Some(pieces.collect::<Option<Vec<_>>>()?.join("\""))
    }

    /// The day that a configuration asks for, where it names no tick file and neither does the command.
    fn day_of(&self, words: &[String]) -> Option<String> {
        let names_data =
            words.iter().any(|word| word.starts_with("data.files") || word.starts_with("data.inputs"));
        let config =
            words.iter().find(|word| word.ends_with(".toml") && word.contains("configs/backtest/"))?;
        let path = Path::new(config);
        let table = tickrace_cli::settings::load(path, &[]).unwrap();
        let desk: DeskConfig = tickrace_cli::settings::parse(path, &table).unwrap();
        let (data, asked) = (&desk.data, &desk.data.synth);
        if names_data || !data.files.is_empty() || !data.inputs.is_empty() {
            return None;
        }
        let name =
            format!("synth-{}-{}-{}.{}.itch50", asked.symbols, asked.messages, asked.pairs, asked.date);
        let file = self.at(&name);
        if !file.exists() {
            let config = SynthConfig { seed: asked.seed, symbols: asked.symbols, messages: asked.messages };
            std::fs::write(&file, Synth::new(config).with_pairs(asked.pairs).to_vec()).unwrap();
        }
        Some(format!("data.files=[\"{}\"]", file.display()))
    }

    /// Runs a command; nothing where it needs what is not at hand.
    fn run(&self, command: &Shown) -> Option<Done> {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        let args = match words[..] {
            ["tickrace", ref args @ ..] | ["cargo", "run", "--release", "--", ref args @ ..] => args,
            // The tests themselves, and the examples, which `examples.rs` runs.
            ["cargo", "test", ..] | ["cargo", "run", "--release", "-p", "tickrace-tests", "--example", _] => {
                return None;
            }
            _ => panic!("{words:?} cannot run in a test: it belongs in a console block"),
        };
        let mut moved = args.iter().map(|word| self.moved(word)).collect::<Option<Vec<String>>>()?;
        if let Some(day) = self.day_of(&moved).filter(|_| moved[0] != "operator") {
            moved.extend(["--set".to_owned(), day]);
        }
        let verb = moved[0].clone();
        let is_of_systems = verb == "systematic";
        let ending = match verb.as_str() {
            "backtest" => Some(""),
            "sweep" => Some("-sweep"),
            "compare" => Some("-compare"),
            "walk-forward" => Some("-walk-forward"),
            _ => None,
        };
        if let Some(ending) = ending.filter(|_| !is_of_systems && !moved.iter().any(|word| word == "--out")) {
            let config = Path::new(moved.iter().find(|word| word.ends_with(".toml")).unwrap());
            let stem = config.file_stem().unwrap().to_string_lossy();
            moved.extend(["--out".to_owned(), self.at(&format!("out/{stem}{ending}")).display().to_string()]);
        }
        if ending.is_some() && !is_of_systems && moved.iter().any(|word| word.ends_with(".toml")) {
            moved.extend(["--set".to_owned(), format!("data.kept_in=\"{}\"", self.at("data").display())]);
        }
        Some(tickrace(&moved.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

/// Daily prices of four series, of which two belong together.
fn prices() -> String {
    let mut rng = Rng::new(3);
    let (mut levels, mut gap) = ([100.0_f64, 80.0, 120.0], 0.0);
    let mut text = "date,A,B,C,FOLLOWS_A\n".to_owned();
    for day in 0..600 {
        levels.iter_mut().for_each(|level| *level *= (rng.normal() * 0.01).exp());
        gap = 0.8 * gap + rng.normal() * 0.004;
        let [a, b, c] = levels;
        text += &format!("{},{a},{b},{c},{}\n", date(day), 1.5 * a * f64::exp(gap));
    }
    text
}

/// Daily returns of about two years.
fn returns(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let rows = (0..500).map(|day| format!("{},{}\n", date(day), 0.0004 + 0.01 * rng.normal()));
    "date,return\n".to_owned() + &rows.collect::<String>()
}

/// A date so many days after the beginning of 2020, every month taken as thirty days but February.
fn date(day: u32) -> String {
    let (year, day) = (2020 + day / 358, day % 358);
    let (month, day) = if day < 30 {
        (1, day)
    } else if day < 58 {
        (2, day - 30)
    } else {
        (3 + (day - 58) / 30, (day - 58) % 30)
    };
    format!("{year}-{month:02}-{:02}", day + 1)
}

/// Runs a page; how many of its commands ran.
fn run_page(name: &str) -> usize {
    let page = Page::new();
    let guide = std::fs::read_to_string(workspace().join(name)).unwrap();
    let (mut ran, mut lost) = (0, Vec::<String>::new());
    for one in commands(&guide) {
        // What needs data that are not at hand is left out, and with it what works on what it would have made.
        let is_lost = names_of(&one)
            .any(|name| !page.at(name).exists() && lost.iter().any(|lost| name.starts_with(lost.as_str())));
        let done = if is_lost { None } else { page.run(&one) };
        let Some(done) = done else {
            lost.extend(names_of(&one).map(str::to_owned));
            continue;
        };
        assert_eq!(done.code, one.code, "{name}: {:?}\n{}\n{}", one.words, done.out, done.err);
        // Paths are the page's own again.
        let told = format!("{}\n{}", done.out, done.err)
            .replace(&format!("{}/", page.folder.path().display()), "")
            .replace(&format!("{}/", workspace().display()), "");
        // What a page leaves out, and the day that was made beforehand.
        let is_shown = |line: &&String| {
            !line.trim().is_empty() && line.trim() != "…" && !line.starts_with("no tick file")
        };
        for line in one.lines.iter().filter(is_shown) {
            assert!(
                told.lines().any(|printed| printed == line),
                "{name}: {:?}: no line {line:?} in\n{told}",
                one.words
            );
        }
        ran += 1;
    }
    ran
}

#[test]
fn every_command_of_the_readme_runs_and_prints_what_it_shows() {
    assert!(run_page("README.md") >= 2);
}

#[test]
fn every_command_of_the_quick_start_runs_and_prints_what_it_shows() {
    let ran = run_page("docs/quick_start.md");
    // Six of them are of real data.
    let is_whole = shared("data/ticks").is_some() && shared("reference").is_some();
    assert!(ran >= if is_whole { 14 } else { 8 }, "{ran}");
}

#[test]
fn every_command_of_the_guide_to_risk_runs_and_prints_what_it_shows() {
    assert!(run_page("docs/risk.md") >= 6);
}

#[test]
fn every_command_of_the_guide_to_a_policy_of_ones_own_runs() {
    assert!(run_page("docs/own_policy.md") >= 3);
}

/// All other pages: what they show as commands runs, and each page with a `sh` block is one of these.
#[test]
fn every_command_of_the_other_guides_runs() {
    let named = ["quick_start.md", "risk.md", "own_policy.md"];
    let mut ran = Vec::new();
    let mut pages: Vec<String> = std::fs::read_dir(workspace().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && !named.contains(&name.as_str()))
        .collect();
    pages.sort();
    for name in pages {
        let count = run_page(&format!("docs/{name}"));
        if count > 0 {
            ran.push((name, count));
        }
    }
    println!("{ran:?}");
    assert!(ran.len() >= 3, "{ran:?}");
}

/// A command stands where it is run, or says by its fence that it is not.
#[test]
fn no_command_of_a_page_stands_in_a_block_that_nobody_runs() {
    let mut pages = vec![workspace().join("README.md"), workspace().join("examples/README.md")];
    pages.extend(std::fs::read_dir(workspace().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(page).unwrap();
        let mut fence = None::<&str>;
        for line in text.lines() {
            match (line.trim_start().strip_prefix("```"), fence) {
                (Some(kind), None) => fence = Some(kind),
                (Some(_), Some(_)) => fence = None,
                (None, Some(kind)) if !["sh", "console"].contains(&kind) => {
                    let is_command =
                        ["tickrace ", "cargo ", "$ "].iter().any(|start| line.starts_with(start));
                    assert!(!is_command, "{}: in a block of {kind:?}: {line}", page.display());
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_guide_to_risk_names_every_reason_key_and_command() {
    let guide = std::fs::read_to_string(workspace().join("docs/risk.md")).unwrap();
    // Plain nonsense belongs to no control.
    for reason in tickrace_risk::Reason::ALL.iter().filter(|reason| reason.control() != 0) {
        assert!(guide.contains(&format!("`{}`", reason.name())), "reason {reason}");
    }
    let limits = std::fs::read_to_string(workspace().join("configs/limits/us_equity_guarded.toml")).unwrap();
    let controls = &limits[limits.find("\n[controls]\n").unwrap()..];
    let mut keys = 0;
    for (key, _) in
        controls.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "))
    {
        assert!(guide.contains(key), "key {key}");
        keys += 1;
    }
    assert!(keys > 20);
}
