//! Controls and operators through the command line: what they stop, what the journal says of it, and that a replay agrees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::tempdir;
use tickrace_journal::alter::rewrite_record;
use tickrace_journal::{Entry, Reader};
use tickrace_risk::{Cause, Reason, TradingState};
use tickrace_tests::data::{config, small_day};
use tickrace_tests::{Done, tickrace};
use tickrace_types::event::ControlCode;
use tickrace_types::{Action, Kind, MarketRecord, OrderRecord, ResponseKind, Verdict};
use zerocopy::{FromBytes, IntoBytes};

const NY_MIDNIGHT_NS: i64 = 1_772_427_600_000_000_000;

/// A backtest of the market maker under `[controls]` and `[[operator]]` entries of one's own.
struct Case {
    folder: tempfile::TempDir,
    day: String,
    text: String,
    limits: String,
}

impl Case {
    /// `controls` is laid behind the plain limits, `operators` behind the configuration.
    fn new(controls: &str, operators: &str) -> Self {
        Self::of(150_000, controls, operators)
    }

    /// The same over a day of so many messages.
    fn of(messages: u64, controls: &str, operators: &str) -> Self {
        let folder = tempdir().unwrap();
        let day = small_day(folder.path(), 2, messages);
        let read = |name: &str| std::fs::read_to_string(config(name)).unwrap();
        let text = read("backtest/market_making.toml").replace("../limits/us_equity.toml", "limits.toml");
        let limits = format!("{}\n{controls}", read("limits/us_equity.toml"));
        Self { folder, day, text: format!("{text}\n{operators}"), limits }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self) {
        std::fs::write(self.path("limits.toml"), &self.limits).unwrap();
        std::fs::write(self.path("own.toml"), &self.text).unwrap();
    }

    fn run(&self, out: &str, settings: &[&str]) -> Done {
        self.write();
        let (own, out) = (self.path("own.toml").display().to_string(), self.path(out).display().to_string());
        let files = format!("data.files=[\"{}\"]", self.day);
        let mut args = vec!["backtest", &own, "--json", "--out", &out, "--set", &files];
        args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
        tickrace(&args)
    }

    fn ran(&self, out: &str, settings: &[&str]) -> serde_json::Value {
        let done = self.run(out, settings);
        assert_eq!(done.code, 0, "{}", done.err);
        done.json()
    }

    fn verify(&self, out: &str) -> Done {
        tickrace(&["replay", &self.path(out).join("journal").display().to_string(), "--verify"])
    }

    fn controls(&self, out: &str) -> Vec<(u64, MarketRecord)> {
        let reader = Reader::open(&self.path(out).join("journal"), "inbound").unwrap();
        let small = (0..).zip(reader.iter()).filter_map(|(place, entry)| match entry {
            Entry::Small(record) if record.header.kind == Kind::Control as u8 => {
                Some((place, *record.as_market()))
            }
            _ => None,
        });
        small.collect()
    }

    fn orders(&self, out: &str) -> Vec<OrderRecord> {
        let reader = Reader::open(&self.path(out).join("journal"), "outbound").unwrap();
        let orders = reader.iter().filter_map(|entry| match entry {
            Entry::Order(order) => Some(*order),
            _ => None,
        });
        orders.collect()
    }
}

fn count(summary: &serde_json::Value, section: &str, name: &str) -> u64 {
    summary[section][name].as_u64().unwrap_or(0)
}

/// Losses so small that a market maker's first fees and ticks reach them.
const LOSSES: &str = r#"
[controls]
day_start_ms = 18000000
[controls.loss]
daily_loss_max_ccy = 1
weekly_loss_max_ccy = 1000000
drawdown_max_ccy = 3
drawdown_cooldown_ms = 60000
state = "cancel-only"
"#;

const SIMULATED: &str = "[operators]\nsignatures = \"simulated\"\n";

fn rearm(at: &str, step: &str, control: &str) -> String {
    format!(
        "[[operator]]\nat = \"{at}\"\ncommand = \"rearm-{step}\"\ncontrol = \"{control}\"\nstrategy = \"strategy\"\nticket = 5\n"
    )
}

/// A loss limit trips, an operator re-arms it by two steps, limits are reloaded.
fn lossy() -> Case {
    lossy_of(150_000)
}

fn lossy_of(messages: u64) -> Case {
    let mut words = SIMULATED.to_owned();
    for quarter in 39..63 {
        let (hour, minute) = (quarter / 4, quarter % 4 * 15);
        for control in ["daily_loss", "drawdown"] {
            words += &rearm(&format!("{hour:02}:{minute:02}:00"), "request", control);
            words += &rearm(&format!("{hour:02}:{minute:02}:01"), "confirm", control);
        }
    }
    words += "[[operator]]\nat = \"12:30:00\"\ncommand = \"propose-limits\"\nlimits = \"later.toml\"\n";
    words += "[[operator]]\nat = \"13:30:00\"\ncommand = \"confirm-limits\"\nversion = 1\n";
    let case = Case::of(messages, LOSSES, &words);
    let plain = case.limits.replace(LOSSES, "");
    let later = plain.replace("position_max_lots = 2000", "position_max_lots = 150");
    let later = later.replace("order_qty_max_lots = 1000", "order_qty_max_lots = 1500");
    assert_ne!(later, plain);
    std::fs::write(case.path("later.toml"), later).unwrap();
    case
}

#[test]
fn a_day_of_trips_words_and_reloads_replays_order_by_order() {
    let case = lossy();
    let summary = case.ran("out", &[]);
    assert!(count(&summary, "controls", "daily_loss") >= 2, "{summary}");
    assert_eq!(count(&summary, "controls", "operator_confirm_limits"), 1);
    assert!(count(&summary, "rejects", "daily_loss") > 0, "{}", summary["rejects"]);
    assert!(count(&summary, "rejects", "position") > 0, "{}", summary["rejects"]);
    let done = case.verify("out");
    assert_eq!(done.code, 0, "{}", done.err);
    // From the verdict to the second word nothing new leaves, seen in the journal alone.
    let (mut tripped, mut spans) = (None, Vec::new());
    for (_, record) in case.controls("out") {
        let (code, cause) = (ControlCode::from_code(record.code), Cause::from_code(record.qty));
        let is_daily = cause == Some(Cause::DailyLoss);
        match code {
            Some(ControlCode::Verdict) if is_daily && record.order_ref > 0 => {
                tripped = Some(record.header.seq)
            }
            Some(ControlCode::RearmConfirm) if is_daily => {
                spans.extend(tripped.take().map(|from| from..record.header.seq));
            }
            _ => {}
        }
    }
    assert!(spans.len() >= 2, "{spans:?}");
    let (mut refused, mut after) = (0, 0);
    for order in case.orders("out").iter().filter(|order| order.action() == Action::New) {
        let is_inside = spans.iter().any(|span| span.contains(&order.cause_seq));
        assert!(!is_inside || !Verdict(order.verdict).is_passed(), "{order:?}");
        refused += u64::from(is_inside);
        after += u64::from(order.cause_seq > spans[0].end && Verdict(order.verdict).is_passed());
    }
    assert!(refused > 0 && after > 0, "{refused} refused, {after} after the first re-arming");
}

#[test]
fn the_same_words_give_the_same_orders_in_every_placement() {
    // A short day: at no latency each record waits for threads that share cores.
    let case = lossy_of(50_000);
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    // Verdicts go back through a ring of their own: with no latency at all they tie with everything.
    for (placement, latency) in [
        (r#"run.placement=[["decode","sequence","book","decide"],["gate","send"]]"#, "0"),
        (r#"run.placement=[["decode"],["sequence","book"],["decide"],["gate"],["send"]]"#, "10000"),
    ] {
        let ways =
            [format!("venue.order_latency_ns={latency}"), format!("venue.response_latency_ns={latency}")];
        let fused = case.ran("fused", &[&ways[0], &ways[1]]);
        let split = case.ran("split", &[placement, idle, &ways[0], &ways[1]]);
        assert_eq!(split["order_digest"], fused["order_digest"], "{placement} at {latency}");
        assert_eq!(split["controls"], fused["controls"]);
        assert!(count(&fused, "controls", "daily_loss") > 0, "{fused}");
    }
}

/// Changes one record of the inbound journal and makes its sum right again.
fn alter(journal: &Path, place: u64, change: impl FnOnce(&mut MarketRecord)) {
    rewrite_record(journal, "inbound", place, |bytes| {
        let mut record = MarketRecord::read_from_bytes(bytes).unwrap();
        change(&mut record);
        bytes.copy_from_slice(record.as_bytes());
    })
    .unwrap();
}

#[test]
fn an_altered_control_record_is_found_by_its_orders_alone() {
    let case = lossy();
    case.ran("out", &[]);
    let journal = case.path("out/journal");
    // Without the seal nothing but the orders can tell.
    std::fs::remove_file(journal.join("seal.json")).unwrap();
    assert_eq!(case.verify("out").code, 0, "as it was");
    let controls = case.controls("out");
    let is_trip = |record: &MarketRecord| {
        record.code == ControlCode::Verdict as u8
            && record.qty == Cause::DailyLoss as u32
            && record.order_ref > 0
    };
    let of = |code: ControlCode, qty: u32| {
        controls.iter().find(|(_, record)| record.code == code as u8 && record.qty == qty).unwrap()
    };
    let trip = controls.iter().find(|(_, record)| is_trip(record)).unwrap();
    let confirm = of(ControlCode::RearmConfirm, Cause::DailyLoss as u32);
    let limits = of(ControlCode::LimitsProposed, 0);
    type Change = fn(&mut MarketRecord);
    let changes: [(&(u64, MarketRecord), Change); 4] = [
        (trip, |record| record.order_ref = TradingState::Active as u64),
        (trip, |record| record.other_ref = 2 << 32 | 9),
        (confirm, |record| record.order_ref += 1),
        (limits, |record| record.order_ref = 0),
    ];
    for (number, ((place, record), change)) in changes.into_iter().enumerate() {
        alter(&journal, *place, change);
        let done = case.verify("out");
        assert_eq!(done.code, 5, "change {number}: {}", done.err);
        assert!(done.err.contains("orders differ"), "change {number}: {}", done.err);
        alter(&journal, *place, |now| *now = *record);
        assert_eq!(case.verify("out").code, 0, "put back");
    }
}

#[test]
fn a_verdict_the_gate_would_not_come_to_is_found_though_no_order_moves() {
    let case = lossy();
    case.ran("out", &[]);
    let journal = case.path("out/journal");
    std::fs::remove_file(journal.join("seal.json")).unwrap();
    let controls = case.controls("out");
    let is_verdict = |record: &MarketRecord| record.code == ControlCode::Verdict as u8;
    let (place, record) = controls.iter().find(|(_, record)| is_verdict(record)).unwrap();
    // What it measured is for people, and no order depends on it.
    alter(&journal, *place, |record| record.price += 1);
    let done = case.verify("out");
    assert_eq!(done.code, 5, "{}", done.err);
    assert!(done.err.contains("1 verdicts of risk controls differ"), "{}", done.err);
    alter(&journal, *place, |now| *now = *record);
    assert_eq!(case.verify("out").code, 0);
    // Another limit would have come to other verdicts.
    let journal = journal.display().to_string();
    let setting = "limits.controls.loss.daily_loss_max_ccy=2";
    let done = tickrace(&["replay", &journal, "--verify", "--set", setting]);
    assert_eq!(done.code, 5, "{}", done.err);
}

#[test]
fn a_seal_of_other_orders_is_found() {
    let case = lossy();
    case.ran("out", &[]);
    let path = case.path("out/journal/seal.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut seal: serde_json::Value = serde_json::from_str(&text).unwrap();
    let digest = seal["order_digest"].as_str().unwrap().to_owned();
    seal["order_digest"] = format!("{:x}{}", u8::from(!digest.starts_with('1')), &digest[1..]).into();
    std::fs::write(&path, seal.to_string()).unwrap();
    // The run's folder serves as well as its journal.
    let out = case.path("out").display().to_string();
    let done = tickrace(&["replay", &out, "--verify"]);
    assert_eq!(done.code, 5, "{}", done.err);
    assert!(done.err.contains("the orders are not those that were sealed"), "{}", done.err);
    std::fs::write(&path, text).unwrap();
    assert_eq!(tickrace(&["replay", &out, "--verify"]).code, 0);
}

#[test]
fn an_altered_word_that_moves_no_order_is_found_by_the_seal() {
    let case = lossy();
    case.ran("out", &[]);
    let controls = case.controls("out");
    let is_word = |record: &MarketRecord| record.code == ControlCode::RearmRequest as u8;
    let (place, _) = controls.iter().find(|(_, record)| is_word(record)).unwrap();
    alter(&case.path("out/journal"), *place, |record| record.venue_type += 1);
    let done = case.verify("out");
    assert_eq!(done.code, 5, "{}", done.err);
    assert!(done.err.contains("inbound record was altered"), "{}", done.err);
}

#[test]
fn a_kill_and_its_re_arming_replay_and_only_both_words_let_trading_go_on() {
    let kill = "[[operator]]\nat = \"10:00:00\"\ncommand = \"kill\"\n";
    let word = |at: &str, step: &str, ticket: u64| {
        format!("[[operator]]\nat = \"{at}\"\ncommand = \"rearm-{step}\"\nticket = {ticket}\n")
    };
    let case = Case::new("", &format!("{SIMULATED}{kill}{}", word("11:00:00", "confirm", 3)));
    case.ran("half", &[]);
    let both = [kill.to_owned(), word("11:00:00", "request", 3), word("11:00:01", "confirm", 3)].concat();
    let case_both = Case::new("", &format!("{SIMULATED}{both}"));
    case_both.ran("both", &[]);
    let eleven_ns = NY_MIDNIGHT_NS + 11 * 3_600_000_000_000;
    let after = |orders: Vec<OrderRecord>| {
        let after =
            orders.into_iter().filter(|order| order.header.ts_recv_ns > eleven_ns - 1_800_000_000_000);
        after
            .filter(|order| order.action() == Action::New && Verdict(order.verdict).is_passed())
            .collect::<Vec<_>>()
    };
    assert!(after(case.orders("half")).is_empty());
    let sent = after(case_both.orders("both"));
    assert!(
        !sent.is_empty() && sent.iter().all(|order| order.header.ts_recv_ns >= eleven_ns + 1_000_000_000)
    );
    assert_eq!(case.verify("half").code, 0);
    assert_eq!(case_both.verify("both").code, 0);
}

#[test]
fn what_lets_more_happen_must_be_signed_by_a_key_of_the_list() {
    let halt = "[[operator]]\nat = \"10:00:00\"\ncommand = \"state\"\nstate = \"halted\"\n";
    let free = "[[operator]]\nat = \"11:00:00\"\ncommand = \"state\"\nstate = \"active\"\nby = \"alice\"\n";
    let mut case = Case::new("", &format!("{halt}{free}"));
    let done = case.run("out", &[]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("operators.signatures"), "{}", done.err);

    let key = |name: &str| {
        let file = case.path(name).display().to_string();
        let made = tickrace(&["operator", "key", "--out", &file, "--json"]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert_eq!(tickrace(&["operator", "key", "--out", &file]).code, 4, "a key is never written over");
        (file, made.json()["public"].as_str().unwrap().to_owned())
    };
    let (alice, mallory) = (key("alice.key"), key("mallory.key"));
    let keys = format!("[operators]\nsignatures = \"required\"\nkeys = {{ alice = \"{}\" }}\n", alice.1);
    let plain = case.text.clone();
    let sign = |case: &Case, file: &str| {
        case.write();
        let own = case.path("own.toml").display().to_string();
        let signed = tickrace(&["operator", "sign", &own, "--by", "alice", "--key", file, "--json"]);
        assert_eq!(signed.code, 0, "{}", signed.err);
        signed.json()[0]["signature"].as_str().unwrap().to_owned()
    };
    case.text = format!("{plain}\n{keys}");
    let (sound, forged) = (sign(&case, &alice.0), sign(&case, &mallory.0));
    let with = |signature: &str, at: &str| {
        let signed = free.replace("11:00:00", at) + &format!("signature = \"{signature}\"\n");
        plain.replace(free, &signed) + &format!("\n{keys}")
    };
    // By text, by why it is refused, and whether trading goes on.
    let cases = [
        (format!("{plain}\n{keys}"), Some("not signed"), 1),
        (with(&forged, "11:00:00"), Some("not sound"), 3),
        (with(&sound, "11:00:01"), Some("not sound"), 3),
        (with(&sound, "11:00:00").replace("by = \"alice\"", "by = \"bob\""), Some("nobody of that name"), 2),
        (with(&sound, "11:00:00"), None, 0),
    ];
    for (text, why, reason) in cases {
        case.text = text;
        let done = case.run("out", &[]);
        assert_eq!(done.code, 0, "{}", done.err);
        let refused = case.controls("out").into_iter().map(|(_, record)| record);
        let refused: Vec<_> = refused.filter(|one| one.code == ControlCode::CommandRefused as u8).collect();
        let eleven_ns = NY_MIDNIGHT_NS + 11 * 3_600_000_000_000;
        let goes_on = case.orders("out").iter().any(|order| {
            order.header.ts_recv_ns > eleven_ns && order.action() == Action::New && order.verdict == 0
        });
        assert_eq!(goes_on, why.is_none(), "{why:?}");
        match why {
            Some(why) => {
                assert!(done.err.contains(why), "{}", done.err);
                assert_eq!((refused.len(), refused[0].order_ref), (1, reason));
                assert_eq!(count(&done.json(), "controls", "operator_refused"), 1);
            }
            None => assert!(refused.is_empty()),
        }
        assert_eq!(case.verify("out").code, 0);
    }
    case.text = format!("{plain}\n{}", keys.replace(&alice.1, "12"));
    let done = case.run("out", &[]);
    assert!(done.code == 2 && done.err.contains("operators.keys.alice"), "{}", done.err);
}

#[test]
fn an_entry_that_makes_no_sense_is_named_with_what_would() {
    let cases = [
        ("at = \"10:00:00\"\ncommand = \"dance\"", "dance"),
        ("at = \"25:00:00\"\ncommand = \"kill\"", "entry 1"),
        ("at = \"10:00:00\"\ncommand = \"state\"", "needs state"),
        ("at = \"10:00:00\"\ncommand = \"state\"\nstate = \"halted\"\nsymbol = \"NONE\"", "NONE"),
        ("at = \"10:00:00\"\ncommand = \"kill\"\nsession = 2", "session 2"),
        ("at = \"10:00:00\"\ncommand = \"kill\"\nwhy = 2", "why"),
        ("at = \"10:00:00\"\ncommand = \"propose-limits\"\nlimits = \"nowhere.toml\"", "nowhere.toml"),
        ("at = \"10:00:00\"\ncommand = \"propose-limits\"\nlimits = \"half.toml\"", "half.toml"),
    ];
    for (entry, named) in cases {
        let case = Case::new("", &format!("{SIMULATED}[[operator]]\n{entry}\n"));
        std::fs::write(case.path("half.toml"), "[session]\n").unwrap();
        let done = case.run("out", &[]);
        assert_eq!(done.code, 2, "{entry}: {}", done.err);
        assert!(done.err.contains(named), "{entry}: {}", done.err);
    }
    let case = Case::new(LOSSES, "");
    let done = case.run("out", &["run.timer_ms=0"]);
    assert!(done.code == 2 && done.err.contains("run.timer_ms"), "{}", done.err);
    let case = Case::new("", "[[operator]]\nat = \"23:00:00\"\ncommand = \"kill\"\n");
    let done = case.run("out", &[]);
    assert!(done.code == 0 && done.err.contains("1 entries lie after the end"), "{}", done.err);
}

/// A section of the start guard with what this program and a configuration are.
fn start(version: &str, hash: &str, statement: &str) -> String {
    format!(
        "[controls.start]\nfeed_instruments_min_count = 2\napproved_version = \"{version}\"\n\
         approved_config_blake3 = \"{hash}\"\nstatement_lots = {{ {statement} }}\n"
    )
}

#[test]
fn nothing_is_traded_before_program_configuration_positions_and_feed_are_as_approved() {
    let mut case =
        Case::new("", "[[opening]]\nsymbol = \"SAAA\"\nlots = 200\nprice_nanos = 100_000_000_000\n");
    let plain = case.limits.clone();
    case.limits = format!("{plain}{}", start("tickrace 9", "", ""));
    let done = case.run("out", &[]);
    assert!(done.code == 2 && done.err.contains("approved_version"), "{}", done.err);
    let version = done.err.split("this program is \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let hash_of = |case: &mut Case, statement: &str| {
        case.limits = format!("{plain}{}", start(&version, "", statement));
        let done = case.run("out", &[]);
        assert!(done.code == 2 && done.err.contains("approved_config_blake3"), "{}", done.err);
        done.err.split(" has ").nth(1).unwrap().split(':').next().unwrap().to_owned()
    };
    // A statement that differs from the books: the run goes on and trades nothing.
    let hash = hash_of(&mut case, "SAAA = 100");
    case.limits = format!("{plain}{}", start(&version, &hash, "SAAA = 100"));
    let done = case.run("out", &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("SAAA is 100 in the statement and 200 in our books"), "{}", done.err);
    assert!(count(&done.json(), "rejects", "start_guard") > 0);
    assert!(case.orders("out").iter().all(|order| !Verdict(order.verdict).is_passed()));
    // One that agrees: trading begins with the feed.
    let hash = hash_of(&mut case, "SAAA = 200");
    case.limits = format!("{plain}{}", start(&version, &hash, "SAAA = 200"));
    let summary = case.ran("out", &[]);
    assert!(summary["fills"].as_u64().unwrap() > 0);
    let orders = case.orders("out");
    let first = orders.iter().find(|order| Verdict(order.verdict).is_passed()).unwrap();
    let mut told = case.controls("out").into_iter().map(|(_, record)| record);
    let feed = told.rfind(|record| record.code == ControlCode::StartReady as u8).unwrap();
    assert_eq!(feed.order_ref, tickrace_risk::controls::start::FEED);
    assert!(first.cause_seq > feed.header.seq);
    assert_eq!(case.verify("out").code, 0);
    // Any override is another configuration.
    let done = case.run("out", &["strategy.order_qty_lots=200"]);
    assert!(done.code == 2 && done.err.contains("approved_config_blake3"), "{}", done.err);
}

#[test]
fn a_disk_at_its_end_stops_new_orders_and_the_journal_says_why() {
    let resources = "[controls.resources]\ndisk_free_min_mib = 2147483647\nmemory_available_min_mib = 1\n\
        queue_depth_max_bps = 10000\njournal_lag_max_mib = 2147483647\nstate = \"cancel-only\"\n";
    let case = Case::new(resources, "");
    let summary = case.ran("out", &[]);
    assert_eq!(count(&summary, "controls", "resources"), 1);
    assert!(count(&summary, "rejects", "resources") > 0);
    assert_eq!(summary["fills"], 0);
    assert_eq!(case.verify("out").code, 0, "the verdict stands in the journal: the disk is not asked again");
}

#[test]
fn an_answer_that_does_not_come_in_time_freezes_its_instrument() {
    let unknown = "[controls.unknown_orders]\nunanswered_max_ms = 1500\n";
    let case = Case::new(unknown, "");
    // Four seconds each way: every order is in doubt for a while, and known in the end.
    let slow = ["venue.order_latency_ns=2_000_000_000", "venue.response_latency_ns=2_000_000_000"];
    let summary = case.ran("out", &slow);
    assert!(count(&summary, "controls", "unknown_orders") > 1, "{}", summary["controls"]);
    assert!(count(&summary, "rejects", "unknown_orders") > 0);
    let ended = case.controls("out").into_iter().filter(|(_, record)| {
        record.qty == Cause::UnknownOrders as u32 && record.order_ref == TradingState::Active as u64
    });
    assert!(ended.count() > 1);
    assert_eq!(case.verify("out").code, 0);
}

#[test]
fn every_reason_has_a_name_of_its_own_and_every_control_a_reason() {
    let mut by_control = BTreeMap::<u8, Vec<&str>>::new();
    for reason in Reason::ALL {
        by_control.entry(reason.control()).or_default().push(reason.name());
    }
    for control in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 21, 25, 26, 27] {
        assert!(by_control.contains_key(&control), "control {control} cannot refuse");
    }
}

#[test]
fn a_kill_file_left_behind_stops_a_run_before_its_first_order() {
    let case = Case::new("", "");
    let file = case.path("kill");
    let operators = "[operators]\nsignatures = \"simulated\"\nkill_file = \"kill\"\n";
    let case = Case { text: format!("{}{operators}", case.text), ..case };
    std::fs::write(&file, "").unwrap();
    let done = case.run("dead", &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    assert_eq!(
        (summary["fills"].as_u64(), count(&summary, "controls", "kill_file")),
        (Some(0), 1),
        "{summary}"
    );
    let first = case.controls("dead")[0].1;
    assert_eq!((first.code, first.header.seq), (ControlCode::Kill as u8, 1), "before the first record");
    let passed = case.orders("dead").into_iter().filter(|order| Verdict(order.verdict).is_passed());
    assert_eq!(passed.count(), 0);
    let told = "killed by the kill file, and not re-armed: by the venue's word nothing of ours is open";
    assert!(done.err.contains(told), "{}", done.err);
    assert_eq!(case.verify("dead").code, 0);

    // Without the file the same configuration trades; words that re-arm what was never killed change nothing.
    let word =
        |step: &str| format!("[[operator]]\nat = \"11:00:00\"\ncommand = \"rearm-{step}\"\nticket = 3\n");
    let case = Case { text: [case.text.as_str(), &word("request"), &word("confirm")].concat(), ..case };
    std::fs::remove_file(&file).unwrap();
    let free = case.ran("free", &[]);
    assert!(free["fills"].as_u64() > Some(0) && count(&free, "controls", "kill_file") == 0, "{free}");
    assert_eq!(case.verify("free").code, 0);
    let done = case.run("free", &["operators.kill_file=no/such/kill"]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("operators.kill_file") && done.err.contains("no/such/kill"), "{}", done.err);
}

#[test]
fn a_kill_file_that_appears_stops_a_run_and_the_journal_knows_where() {
    let operators = "[operators]\nsignatures = \"simulated\"\nkill_file = \"kill\"\n";
    let case = Case::of(600_000, "", operators);
    let (journal, file) = (case.path("out/journal"), case.path("kill"));
    let killer = std::thread::spawn(move || {
        while !journal.exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::write(file, "").unwrap();
    });
    let summary = case.ran("out", &[]);
    killer.join().unwrap();
    assert_eq!(count(&summary, "controls", "kill_file"), 1, "{summary}");
    let controls = case.controls("out");
    let (_, kill) = controls.iter().find(|(_, record)| record.code == ControlCode::Kill as u8).unwrap();
    let killed_ns = kill.header.ts_recv_ns;
    let sent_after = case.orders("out").into_iter().filter(|order| {
        order.header.ts_recv_ns > killed_ns
            && order.action() != Action::Cancel
            && Verdict(order.verdict).is_passed()
    });
    assert_eq!(sent_after.count(), 0);
    assert_eq!(case.verify("out").code, 0);
}

/// Position after each fill of a symbol's number, in the order they came.
fn lowest_position(case: &Case, out: &str, instrument: u32) -> i64 {
    let reader = Reader::open(&case.path(out).join("journal"), "inbound").unwrap();
    let fills = reader.iter().filter_map(|entry| match entry {
        Entry::Response(response)
            if response.header.instrument == instrument && response.response == ResponseKind::Fill as u8 =>
        {
            Some(response.side().sign() * response.qty)
        }
        _ => None,
    });
    let mut position = 0;
    fills.fold(0, |lowest, lots| {
        position += lots;
        lowest.min(position)
    })
}

#[test]
fn what_was_not_located_is_never_short_and_what_is_restricted_never_traded() {
    let free = Case::of(400_000, "", "");
    free.ran("free", &[]);
    assert!(lowest_position(&free, "free", 0) < -300, "the market maker goes short where it may");

    let later = "[[operator]]\nat = \"15:45:00\"\ncommand = \"propose-limits\"\nlimits = \"later.toml\"\n";
    let short_sale = |located: i64, restricted: &str| {
        format!("[short_sale]\nlocated_lots = {{ SAAA = {located} }}\nrestricted_symbols = [{restricted}]\n")
    };
    let case = Case::of(400_000, &short_sale(300, ""), later);
    let plain = std::fs::read_to_string(config("limits/us_equity.toml")).unwrap();
    std::fs::write(case.path("later.toml"), format!("{plain}\n{}", short_sale(300, "\"SAAA\""))).unwrap();
    let summary = case.ran("out", &[]);
    assert!(count(&summary, "rejects", "short_sale") > 0, "{summary}");
    assert!(count(&summary, "rejects", "restricted_list") > 0, "{summary}");
    assert_eq!(count(&summary, "controls", "restricted_list"), 1, "{summary}");
    assert_eq!(lowest_position(&case, "out", 1), 0, "nobody located any of it");
    let lowest = lowest_position(&case, "out", 0);
    assert!((-300..0).contains(&lowest), "short, but by no more than was located: {lowest}");
    let listed_ns = NY_MIDNIGHT_NS + (15 * 60 + 45) * 60_000_000_000;
    let (mut pulled, mut sent) = (0, 0);
    for order in case.orders("out") {
        let is_after = order.header.instrument == 0 && order.header.ts_recv_ns > listed_ns;
        if is_after && Verdict(order.verdict).is_passed() {
            *(if order.action() == Action::Cancel { &mut pulled } else { &mut sent }) += 1;
        }
    }
    assert!(pulled > 0 && sent == 0, "{pulled} {sent}");
    assert_eq!(case.verify("out").code, 0);
}
