//! What the machine has left: space on a disk, memory, and writes that wait for the disk.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes an unprivileged process may still write to the file system that holds `path`; `None` where the system does not say.
pub fn disk_free_bytes(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut stats = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in a zero and lives until the call is over; `stats` has room for what is written there.
    let code = unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) };
    if code != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it has filled all of it.
    let stats = unsafe { stats.assume_init() };
    Some(stats.f_bavail.saturating_mul(stats.f_frsize))
}

/// Memory of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What can be given without swapping, bytes.
    pub available_bytes: u64,
    /// Written to files and not yet on a disk, bytes, of all processes: an upper bound of what a loss of power costs ours.
    pub unwritten_bytes: u64,
}

impl Memory {
    /// As the kernel tells; `None` where it does not.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/meminfo").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            kib.checked_mul(1024)
        };
        Some(Self {
            available_bytes: bytes("MemAvailable")?,
            unwritten_bytes: bytes("Dirty")?.saturating_add(bytes("Writeback")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read_in_its_units() {
        let text =
            "MemTotal: 100 kB\nMemAvailable:   50 kB\nDirty: 3 kB\nWriteback:  4 kB\nWritebackTmp: 9 kB\n";
        let memory = Memory { available_bytes: 51_200, unwritten_bytes: 7_168 };
        assert_eq!(Memory::parse(text), Some(memory));
        assert_eq!(Memory::parse("MemAvailable: many"), None);
    }

    #[test]
    fn a_disk_that_is_there_tells_and_one_that_is_not_does_not() {
        let folder = std::env::temp_dir();
        assert!(disk_free_bytes(&folder).is_some());
        assert_eq!(disk_free_bytes(Path::new("/nowhere/at/all")), None);
    }
}
