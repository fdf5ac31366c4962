//! A file as a slice of memory, read only.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap};

/// A read-only map of a whole file.
///
/// Contract: while it is mapped, nobody may truncate the file or write into it. Tick files are inputs that are
/// written once; a process that cuts one under us would end this one with `SIGBUS`, as it would with any
/// reader that maps. An empty file is an empty slice.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<Mmap>,
}

impl MappedFile {
    /// Opens and maps a file.
    ///
    /// # Errors
    ///
    /// Whatever the system says to opening or mapping it.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::from_file(&File::open(path)?)
    }

    /// Maps an open file; the file may be closed or unlinked afterwards.
    ///
    /// # Errors
    ///
    /// Whatever the system says to mapping it.
    pub fn from_file(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: the map is private to this value and only ever lent out as `&[u8]`; that the file is not
        // changed by others meanwhile is this type's documented contract.
        let map = unsafe { Mmap::map(file)? };
        // A hint: the system may refuse it, and then reading is merely slower.
        let _ = map.advise(Advice::Sequential);
        Ok(Self { map: Some(map) })
    }

    /// Bytes of the file.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

impl AsRef<[u8]> for MappedFile {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_shows_the_bytes_of_the_file_and_an_empty_file_is_an_empty_slice() {
        let path = std::env::temp_dir().join(format!("tickrace-map-{}", std::process::id()));
        std::fs::write(&path, b"tick").expect("write");
        let map = MappedFile::open(&path).expect("map");
        assert_eq!(map.as_slice(), b"tick");
        drop(map);
        std::fs::write(&path, b"").expect("write");
        assert_eq!(MappedFile::open(&path).expect("map").as_slice(), b"");
        std::fs::remove_file(&path).expect("remove");
        assert!(MappedFile::open(&path).is_err());
    }
}
