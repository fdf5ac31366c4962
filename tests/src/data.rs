//! Days to run on: made ones, and the real data where it is at hand.

use std::path::{Path, PathBuf};

use tickrace_feeds::synth::{Synth, SynthConfig};

/// The workspace's own folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A configuration of the workspace.
pub fn config(name: &str) -> String {
    workspace().join("configs").join(name).display().to_string()
}

/// A file of the real data, from the folder named by `TICKRACE_SHARED` (`../shared` beside the workspace without it).
/// `None`, said plainly, where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("TICKRACE_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not there", file.display());
    None
}

/// Writes a small synthetic day into `folder` and gives its path.
///
/// # Panics
///
/// Where the folder cannot be written.
pub fn small_day(folder: &Path, symbols: u32, messages: u64) -> String {
    let path = folder.join("day.2026-03-02.itch50");
    let bytes = Synth::new(SynthConfig { seed: 3, symbols, messages }).to_vec();
    std::fs::write(&path, bytes).expect("the test's own folder can be written");
    path.display().to_string()
}
