//! The platform audit: what of this host helps or hurts the hot path, reported and never assumed.
//!
//! Reads `/proc` and `/sys` and asks the kernel for limits. Never fails: what is absent is reported as unknown.

use std::fs;

use crate::pin::allowed_cores;

/// Whether a finding is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be, or nothing to advise.
    Ok,
    /// Costs latency, accuracy or safety; the advice says what to do.
    Warn,
}

impl Verdict {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
        }
    }
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in snake case.
    pub name: &'static str,
    /// What was found; "unknown" where the system does not say.
    pub value: String,
    /// Judgement.
    pub verdict: Verdict,
    /// What to do about it; empty where nothing.
    pub advice: &'static str,
}

/// All findings, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Looks at the host as the current thread sees it.
    pub fn of_this_host() -> Self {
        let findings = vec![
            cores(),
            kernel(),
            clock_source(read("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
            tsc_flags(read("/proc/cpuinfo")),
            governor(read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
            transparent_huge_pages(read("/sys/kernel/mm/transparent_hugepage/enabled")),
            huge_pages(read("/proc/sys/vm/nr_hugepages")),
            limit_memlock(limit(libc::RLIMIT_MEMLOCK)),
            limit_rtprio(limit(libc::RLIMIT_RTPRIO)),
            isolated_cores(read("/sys/devices/system/cpu/isolated")),
            nohz_full(read("/sys/devices/system/cpu/nohz_full")),
            load_average(read("/proc/loadavg"), allowed_cores().len()),
            steal(read("/proc/stat")),
            involuntary_switches(),
        ];
        Self { findings }
    }

    /// Findings to warn of.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Warn)
    }

    /// The finding called `name`.
    pub fn find(&self, name: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.name == name)
    }
}

/// Counters whose movement during a run makes its figures doubtful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disturbance {
    /// Time other guests had, in the kernel's clock ticks, all cores.
    pub steal_ticks: u64,
    /// Times this thread was made to give up its core.
    pub involuntary_switches: u64,
}

impl Disturbance {
    /// The counters now; a counter that is absent is 0.
    pub fn now() -> Self {
        let steal_ticks = read("/proc/stat").as_deref().and_then(steal_ticks_of).unwrap_or(0);
        let involuntary_switches =
            read("/proc/thread-self/status").as_deref().and_then(involuntary_of).unwrap_or(0);
        Self { steal_ticks, involuntary_switches }
    }

    /// What happened from `before` to `self`.
    pub const fn since(&self, before: &Self) -> Self {
        Self {
            steal_ticks: self.steal_ticks.saturating_sub(before.steal_ticks),
            involuntary_switches: self.involuntary_switches.saturating_sub(before.involuntary_switches),
        }
    }

    /// Whether nothing happened.
    pub const fn is_clean(&self) -> bool {
        self.steal_ticks == 0 && self.involuntary_switches == 0
    }
}

const UNKNOWN: &str = "unknown";

fn finding(name: &'static str, value: Option<String>, is_ok: bool, advice: &'static str) -> Finding {
    let is_known = value.is_some();
    let verdict = if is_ok || !is_known { Verdict::Ok } else { Verdict::Warn };
    let advice = if verdict == Verdict::Warn { advice } else { "" };
    Finding { name, value: value.unwrap_or_else(|| UNKNOWN.to_owned()), verdict, advice }
}

/// A file's text without the space around it; `None` where it cannot be read.
fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn cores() -> Finding {
    let online = read("/sys/devices/system/cpu/online").unwrap_or_else(|| UNKNOWN.to_owned());
    let allowed = allowed_cores();
    let value = Some(format!("allowed {allowed:?} of online {online}"));
    let advice = "with one core nothing may spin: use the fused placement and a parking idle strategy";
    finding("cores", value, allowed.len() >= 2, advice)
}

fn kernel() -> Finding {
    finding("kernel", read("/proc/sys/kernel/osrelease"), true, "")
}

fn clock_source(source: Option<String>) -> Finding {
    let is_ok = source.as_deref() == Some("tsc");
    finding("clock_source", source, is_ok, "stamps cost a system call: boot with clocksource=tsc")
}

fn tsc_flags(cpuinfo: Option<String>) -> Finding {
    let flags = cpuinfo.as_deref().and_then(|text| text.lines().find(|line| line.starts_with("flags")));
    let missing: Vec<&str> = ["constant_tsc", "nonstop_tsc", "rdtscp"]
        .into_iter()
        .filter(|flag| !flags.is_some_and(|line| line.split_whitespace().any(|word| word == *flag)))
        .collect();
    let value = flags.map(|_| {
        if missing.is_empty() { "constant nonstop rdtscp".to_owned() } else { format!("without {missing:?}") }
    });
    finding(
        "tsc",
        value,
        missing.is_empty(),
        "latencies are not to be trusted: the counter's rate may change",
    )
}

fn governor(governor: Option<String>) -> Finding {
    let is_ok = governor.as_deref() == Some("performance");
    finding("governor", governor, is_ok, "the core clocks down between events: set the performance governor")
}

fn transparent_huge_pages(modes: Option<String>) -> Finding {
    // The mode in force stands in brackets: "always [madvise] never".
    let mode = modes.and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned()));
    let is_ok = mode.as_deref() != Some("always");
    finding("transparent_huge_pages", mode, is_ok, "compaction may stop a hot thread: set madvise or never")
}

fn huge_pages(count: Option<String>) -> Finding {
    finding("huge_pages", count, true, "")
}

fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable `rlimit`, which is all `getrlimit` asks for.
    let code = unsafe { libc::getrlimit(resource, &raw mut limit) };
    (code == 0).then_some(limit.rlim_cur)
}

fn limit_text(limit: u64) -> String {
    if limit == libc::RLIM_INFINITY { "unlimited".to_owned() } else { limit.to_string() }
}

fn limit_memlock(limit: Option<u64>) -> Finding {
    const BYTES_WANTED: u64 = 64 << 20;
    let is_ok = limit.is_some_and(|bytes| bytes >= BYTES_WANTED);
    let advice = "rings and books cannot be locked in memory: raise memlock (ulimit -l) to 64 MiB or more";
    finding("limit_memlock_bytes", limit.map(limit_text), is_ok, advice)
}

fn limit_rtprio(limit: Option<u64>) -> Finding {
    // Real-time priority is not wanted by default: on few cores a spinning real-time thread starves the kernel.
    finding("limit_rtprio", limit.map(limit_text), true, "")
}

fn isolated_cores(list: Option<String>) -> Finding {
    let value = list.map(|text| if text.is_empty() { "none".to_owned() } else { text });
    let is_ok = value.as_deref() != Some("none");
    finding("isolated_cores", value, is_ok, "the scheduler may put others on a hot core: boot with isolcpus")
}

fn nohz_full(list: Option<String>) -> Finding {
    let is_none = |text: &str| text.is_empty() || text == "(null)";
    let value = list.map(|text| if is_none(&text) { "none".to_owned() } else { text });
    let is_ok = value.as_deref() != Some("none");
    finding("nohz_full", value, is_ok, "the timer tick interrupts a hot core: boot with nohz_full")
}

fn load_average(text: Option<String>, cores: usize) -> Finding {
    let one_minute = text.as_deref().and_then(|text| text.split_whitespace().next()).map(str::to_owned);
    let load = one_minute.as_deref().and_then(|text| text.parse::<f64>().ok());
    #[allow(clippy::cast_precision_loss, reason = "a core count")]
    let is_ok = load.is_none_or(|load| load <= cores as f64 / 2.0);
    finding("load_average", one_minute, is_ok, "others use the cores: measure on a quiet machine")
}

fn steal(stat: Option<String>) -> Finding {
    let ticks = stat.as_deref().and_then(steal_ticks_of);
    let total = stat.as_deref().and_then(|text| Some(cpu_fields(text)?.iter().take(8).sum::<u64>()));
    let value = ticks.zip(total).map(|(ticks, total)| format!("{ticks} of {total} ticks"));
    let is_ok = ticks.zip(total).is_none_or(|(ticks, total)| ticks <= total / 1_000);
    finding("steal", value, is_ok, "the host gives the cores to other guests: use dedicated ones")
}

fn involuntary_switches() -> Finding {
    let count = read("/proc/thread-self/status").as_deref().and_then(involuntary_of);
    finding("involuntary_switches", count.map(|count| count.to_string()), true, "")
}

/// Fields of the first line of `/proc/stat`: user nice system idle iowait irq softirq steal …
fn cpu_fields(stat: &str) -> Option<Vec<u64>> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    Some(line.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect())
}

fn steal_ticks_of(stat: &str) -> Option<u64> {
    cpu_fields(stat)?.get(7).copied()
}

fn involuntary_of(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_always_has_every_finding() {
        let audit = Audit::of_this_host();
        assert_eq!(audit.findings.len(), 14);
        assert!(audit.findings.iter().all(|finding| !finding.value.is_empty()));
        assert!(audit.warnings().all(|finding| !finding.advice.is_empty()));
        assert!(audit.find("cores").is_some());
        assert!(audit.find("colour").is_none());
    }

    #[test]
    fn what_is_absent_is_unknown_and_no_warning() {
        for finding in [clock_source(None), governor(None), limit_memlock(None), steal(None), nohz_full(None)]
        {
            assert_eq!((finding.value.as_str(), finding.verdict), (UNKNOWN, Verdict::Ok), "{}", finding.name);
        }
        assert_eq!(read("/proc/no/such/file"), None);
    }

    #[test]
    fn known_texts_are_judged() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(clock_source(some("tsc")).verdict, Verdict::Ok);
        assert_eq!(clock_source(some("hpet")).verdict, Verdict::Warn);
        assert_eq!(transparent_huge_pages(some("always [madvise] never")).value, "madvise");
        assert_eq!(transparent_huge_pages(some("[always] madvise never")).verdict, Verdict::Warn);
        assert_eq!(governor(some("powersave")).verdict, Verdict::Warn);
        assert_eq!(isolated_cores(some("")).value, "none");
        assert_eq!(isolated_cores(some("2-3")).verdict, Verdict::Ok);
        assert_eq!(nohz_full(some("(null)")).verdict, Verdict::Warn);
        assert_eq!(limit_memlock(Some(8 << 20)).verdict, Verdict::Warn);
        assert_eq!(limit_memlock(Some(u64::MAX)).value, "unlimited");
        assert_eq!(load_average(some("0.30 0.2 0.1 1/99 7"), 2).verdict, Verdict::Ok);
        assert_eq!(load_average(some("1.70 0.2 0.1 1/99 7"), 2).verdict, Verdict::Warn);
    }

    #[test]
    fn a_counter_without_all_three_flags_is_warned_of() {
        let all = "processor : 0\nflags\t\t: fpu constant_tsc nonstop_tsc rdtscp\n";
        assert_eq!(tsc_flags(Some(all.to_owned())).verdict, Verdict::Ok);
        let finding = tsc_flags(Some(all.replace("nonstop_tsc ", "")));
        assert_eq!((finding.value.as_str(), finding.verdict), ("without [\"nonstop_tsc\"]", Verdict::Warn));
    }

    #[test]
    fn steal_and_switches_are_read_from_the_kernels_texts() {
        let stat = "cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(steal_ticks_of(stat), Some(35));
        let finding = steal(Some(stat.to_owned()));
        assert_eq!((finding.value.as_str(), finding.verdict), ("35 of 1000 ticks", Verdict::Warn));
        assert_eq!(
            involuntary_of("voluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t42\n"),
            Some(42)
        );
        let before = Disturbance { steal_ticks: 30, involuntary_switches: 40 };
        let after = Disturbance { steal_ticks: 35, involuntary_switches: 40 };
        assert_eq!(after.since(&before), Disturbance { steal_ticks: 5, involuntary_switches: 0 });
        assert!(!after.since(&before).is_clean());
    }
}
