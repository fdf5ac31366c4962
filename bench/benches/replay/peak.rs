//! Peak resident memory of this process, as Linux counts it.
//!
//! Source: proc(5), `/proc/pid/clear_refs` (5 resets the peak) and `VmHWM` of `/proc/pid/status`.

/// Starts the peak anew; elsewhere, or where it is not allowed, it stays that of the whole process.
pub fn reset() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// The peak since the last [`reset`], bytes; `None` where the system does not tell.
pub fn bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
