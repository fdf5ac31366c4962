//! Imports go down the ranks, along the table of ARCHITECTURE.md; hot rooms keep a short list of outside crates.
//!
//! The facts come from `cargo metadata`, so that a new room or a new import cannot be forgotten here.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each room may import; a room that is not here imports nothing or everything below it (`ANY`).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("stats", &[]),
    ("runtime", &["types"]),
    ("journal", &["types"]),
    ("book", &["types"]),
    ("feeds", &["types"]),
    // Reading a file through a memory map is a system call, and these live in `runtime`.
    ("feeds-files", &["types", "feeds", "runtime"]),
    ("oms", &["types", "book"]),
    ("analytics", &["types", "stats", "journal"]),
    ("strategy", &["types", "stats", "book", "oms"]),
    ("risk", &["types", "oms"]),
    ("exchange", &["types", "stats", "book", "oms"]),
    ("systematic", &["types", "stats", "analytics"]),
    ("store", &["types", "stats", "journal", "feeds", "analytics"]),
    (
        "desk",
        &["types", "stats", "runtime", "journal", "book", "feeds", "oms", "strategy", "risk", "exchange"],
    ),
    // Files of models and the runtime for networks: what they give is the trait of `strategy`.
    ("models", &["strategy"]),
    ("adapters", &["types", "runtime", "journal", "feeds", "oms"]),
    ("ops", &["types", "journal", "oms", "analytics", "store"]),
    ("cli", ANY),
    ("bench", ANY),
    ("tests", ANY),
];

/// Every room below it in rank.
const ANY: &[&str] = &["*"];

/// Imports between rooms of one rank that the table allows.
const LEVEL: &[(&str, &str)] = &[("feeds-files", "runtime"), ("feeds-files", "feeds"), ("bench", "tests")];

/// Outside crates a hot room may name.
const HOT_CRATES: &[&str] = &[
    "core_affinity",
    "crc32c",
    "disruptor",
    "hdrhistogram",
    "libc",
    "libm",
    "loom",
    "memmap2",
    "quanta",
    "rand_chacha",
    "rtrb",
    "rustc-hash",
    "serde",
    "thiserror",
    "zerocopy",
];

/// One room as its manifest states it.
#[derive(Clone, Debug)]
struct Room {
    rank: u64,
    heat: String,
    features: usize,
    /// Rooms and outside crates it is built with.
    imports: Vec<String>,
    /// Those its tests are built with.
    test_imports: Vec<String>,
}

/// Short name of a room, `None` for an outside crate.
fn room_name(package: &str) -> Option<&str> {
    package.strip_prefix("tickrace-")
}

fn rooms_of(metadata: &Value) -> BTreeMap<String, Room> {
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let mut rooms = BTreeMap::new();
    for package in packages {
        let package_name = package["name"].as_str().expect("a package has a name");
        let name =
            room_name(package_name).unwrap_or_else(|| panic!("{package_name} is not named tickrace-<room>"));
        let own = &package["metadata"]["tickrace"];
        let of_kind = |is_test: bool| {
            let all = package["dependencies"].as_array().expect("a package lists dependencies").iter();
            all.filter(|dependency| (dependency["kind"].as_str() == Some("dev")) == is_test)
                .map(|dependency| dependency["name"].as_str().expect("a dependency has a name").to_owned())
                .collect()
        };
        let room = Room {
            rank: own["rank"].as_u64().unwrap_or_else(|| panic!("{name} states no rank")),
            heat: own["heat"].as_str().unwrap_or_else(|| panic!("{name} states no heat")).to_owned(),
            features: package["features"].as_object().map_or(0, serde_json::Map::len),
            imports: of_kind(false),
            test_imports: of_kind(true),
        };
        rooms.insert(name.to_owned(), room);
    }
    rooms
}

/// Every wall that is broken, by name.
fn faults(rooms: &BTreeMap<String, Room>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, room) in rooms {
        let table = MAY_IMPORT.iter().find(|(listed, _)| listed == name).map(|(_, may)| *may);
        let Some(table) = table else {
            faults.push(format!("{name} is not in the table of rooms"));
            continue;
        };
        let is_level = |import: &str| LEVEL.contains(&(name.as_str(), import));
        let climbs = |import: &str| {
            let rank = rooms.get(import).map(|imported| imported.rank);
            rank.is_none_or(|rank| rank >= room.rank) && !is_level(import)
        };
        for import in &room.imports {
            let Some(import) = room_name(import) else {
                if room.heat == "hot" && !HOT_CRATES.contains(&import.as_str()) {
                    faults.push(format!("{name} is hot and names {import}, which is not on the short list"));
                }
                continue;
            };
            if climbs(import) {
                faults.push(format!("{name} imports {import}, which is not below it"));
            } else if table != ANY && !table.contains(&import) {
                faults.push(format!("{name} imports {import}, which the table does not allow"));
            } else if room.heat == "hot" && rooms.get(import).is_some_and(|imported| imported.heat != "hot") {
                faults.push(format!("{name} is hot and imports {import}, which is not"));
            }
        }
        // Tests may read real data through a room of their own rank, never from above.
        for import in room.test_imports.iter().filter_map(|import| room_name(import)) {
            if rooms.get(import).is_none_or(|imported| imported.rank > room.rank) {
                faults.push(format!("the tests of {name} import {import}, which stands above it"));
            }
        }
        if room.heat == "hot" && room.features > 0 {
            faults.push(format!("{name} is hot and has cargo features"));
        }
    }
    faults
}

fn workspace() -> BTreeMap<String, Room> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs where its tests do");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    rooms_of(&serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON"))
}

#[test]
fn imports_go_down_the_ranks_and_along_the_table() {
    let rooms = workspace();
    assert!(rooms.len() >= 18, "only {} rooms were seen", rooms.len());
    let faults = faults(&rooms);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn each_kind_of_broken_wall_is_named() {
    let broken = [
        ("book", "tickrace-strategy", "book imports strategy, which is not below it"),
        ("strategy", "tickrace-risk", "strategy imports risk, which is not below it"),
        ("oms", "tickrace-journal", "oms imports journal, which the table does not allow"),
        ("oms", "tickrace-nowhere", "oms imports nowhere, which is not below it"),
        ("risk", "tokio", "risk is hot and names tokio, which is not on the short list"),
    ];
    for (name, import, expected) in broken {
        let mut rooms = workspace();
        rooms.get_mut(name).unwrap().imports.push(import.to_owned());
        assert!(faults(&rooms).contains(&expected.to_owned()), "{:?}", faults(&rooms));
    }
    let mut rooms = workspace();
    rooms.get_mut("types").unwrap().features = 1;
    rooms.get_mut("types").unwrap().test_imports.push("tickrace-book".to_owned());
    let named = faults(&rooms);
    assert!(named.contains(&"types is hot and has cargo features".to_owned()), "{named:?}");
    assert!(named.contains(&"the tests of types import book, which stands above it".to_owned()), "{named:?}");
}
