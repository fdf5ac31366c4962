//! No sample of another format passes for a binary format of this room.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the test says so and passes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Read;
use std::path::{Path, PathBuf};

use tickrace_feeds_files::{Stream, dbn, iex, moldudp64, stream};

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn each_sample_is_of_at_most_one_binary_format_and_of_its_own() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks");
    if !folder.is_dir() {
        println!("skipped: no samples in {}", folder.display());
        return;
    }
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    let mut told = Vec::new();
    for path in &paths {
        let mut head = Vec::new();
        let opened = match stream::packing_of(path).unwrap() {
            stream::Packing::Zip => {
                let members = stream::members(path).unwrap();
                Stream::open_member(path, &members[0].name)
            }
            _ => Stream::open(path),
        };
        opened.unwrap().take(1 << 16).read_to_end(&mut head).unwrap();
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let by = [
            ("dbn", dbn::is_it(&head, &name)),
            ("iex", iex::is_it(&head, &name)),
            ("mold", moldudp64::is_it(&head, &name)),
        ];
        for (format, _) in by.iter().filter(|(_, is_it)| *is_it) {
            told.push((*format, name.clone()));
        }
    }
    // One-packet captures of many exchanges stand among the samples: those of these two feeds are theirs.
    let (packets, others): (Vec<_>, Vec<_>) =
        told.iter().partition(|(_, name)| name.starts_with("omi_pcaps"));
    println!("{packets:#?}");
    assert!(packets.iter().all(|(format, name)| match *format {
        "iex" => name.to_lowercase().contains("iex"),
        "mold" => name.to_lowercase().contains("nasdaq"),
        _ => false,
    }));
    for (format, name) in &others {
        let wanted = if name.contains("dbn") {
            "dbn"
        } else if name.contains("moldudp64") {
            "mold"
        } else {
            "iex"
        };
        assert_eq!(
            (*format, name.split('/').next()),
            (wanted, Some(if wanted == "mold" { "itch" } else { wanted })),
            "{name}"
        );
    }
    let counted = |format: &str| others.iter().filter(|(by, _)| *by == format).count();
    assert_eq!((counted("mold"), counted("iex"), counted("dbn")), (1, 2, 7));
}
