//! A tick file as bytes in memory, whatever it was compressed with.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tickrace_runtime::map::MappedFile;

/// How a file was compressed, told by its first bytes, not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// Why a file cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The compressed stream ends or is damaged.
    #[error("{}: the compressed data break off at byte {stored_offset} of the file, after {plain_bytes} decompressed bytes: {error}", path.display())]
    Compressed {
        /// Which file.
        path: PathBuf,
        /// Compressed bytes consumed when the fault showed; the damage is at or before it.
        stored_offset: u64,
        /// Decompressed bytes before the fault.
        plain_bytes: u64,
        /// What the decompressor said.
        error: io::Error,
    },
    /// Readable, but not of the format it is read as, or without something that the format leaves to others to say.
    #[error("{}: {place}: {fault}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// `offset 123`, `line 17`, `file name`.
        place: String,
        /// What is wrong there.
        fault: String,
    },
}

/// The bytes of a tick file: mapped where it is plain, decompressed into an unlinked temporary file and that one
/// mapped where it is not, so that memory stays small.
#[derive(Debug)]
pub struct TickFile {
    map: MappedFile,
    path: PathBuf,
    stored_bytes: u64,
    compression: Compression,
    fault: Option<FileError>,
}

/// Bytes decompressed between two calls of the progress callback.
const CHUNK_BYTES: usize = 1 << 20;

impl TickFile {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`]. A damaged compressed stream is no error here: what could be decompressed is there and
    /// [`TickFile::fault`] tells of the rest.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::open_with(path, |_, _| {})
    }

    /// Opens a file; `progress` hears compressed bytes read and their total while it is decompressed.
    ///
    /// # Errors
    ///
    /// As [`TickFile::open`].
    pub fn open_with(path: impl AsRef<Path>, progress: impl FnMut(u64, u64)) -> Result<Self, FileError> {
        let path = path.as_ref();
        let fail = |action| move |error| FileError::Io { action, path: path.to_owned(), error };
        let mut file = File::open(path).map_err(fail("open"))?;
        let stored_bytes = file.metadata().map_err(fail("examine"))?.len();
        let compression = sniff(&mut file).map_err(fail("read"))?;
        let (map, fault) = match compression {
            Compression::Plain => (MappedFile::from_file(&file).map_err(fail("map"))?, None),
            Compression::Gzip | Compression::Zstd => unpack(file, compression, stored_bytes, path, progress)?,
        };
        Ok(Self { map, path: path.to_owned(), stored_bytes, compression, fault })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk.
    pub const fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// What it was compressed with.
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Why the bytes are not all of them, where they are not.
    pub const fn fault(&self) -> Option<&FileError> {
        self.fault.as_ref()
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.map.as_slice()
    }
}

impl AsRef<[u8]> for TickFile {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.map.as_slice()
    }
}

/// Tells the compression by the first bytes and rewinds.
fn sniff(file: &mut File) -> io::Result<Compression> {
    let mut magic = Vec::with_capacity(4);
    Read::by_ref(file).take(4).read_to_end(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        // A skippable frame may stand first in a Zstandard file.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::Plain,
    })
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Decompresses into an unlinked file and maps it.
fn unpack(
    file: File,
    compression: Compression,
    stored_bytes: u64,
    path: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<(MappedFile, Option<FileError>), FileError> {
    let fail = |action| move |error| FileError::Io { action, path: path.to_owned(), error };
    let mut target = tempfile::tempfile().map_err(fail("make a temporary file for"))?;
    let counted = BufReader::with_capacity(1 << 17, Counted { inner: file, bytes: 0 });
    let outcome = match compression {
        Compression::Gzip => {
            let mut decoder = flate2::bufread::MultiGzDecoder::new(counted);
            let outcome = copy(
                &mut decoder,
                |decoder| consumed(decoder.get_ref()),
                &mut target,
                stored_bytes,
                progress,
            );
            outcome.map(|fault| fault.map(|fault| (fault, consumed(decoder.get_ref()))))
        }
        Compression::Zstd | Compression::Plain => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(counted).map_err(fail("start to decompress"))?;
            let outcome = copy(
                &mut decoder,
                |decoder| consumed(decoder.get_ref()),
                &mut target,
                stored_bytes,
                progress,
            );
            outcome.map(|fault| fault.map(|fault| (fault, consumed(decoder.get_ref()))))
        }
    };
    let fault = outcome.map_err(fail("write the decompressed form of"))?;
    let map = MappedFile::from_file(&target).map_err(fail("map the decompressed form of"))?;
    let fault = fault.map(|(error, stored_offset)| FileError::Compressed {
        path: path.to_owned(),
        stored_offset,
        plain_bytes: map.as_slice().len() as u64,
        error,
    });
    Ok((map, fault))
}

/// Compressed bytes the decompressor has taken.
fn consumed(reader: &BufReader<Counted<File>>) -> u64 {
    reader.get_ref().bytes - reader.buffer().len() as u64
}

/// Copies until the end or a fault of the decompressor, which is given back; a fault of the writer is an error.
fn copy<D: Read>(
    decoder: &mut D,
    consumed: impl Fn(&D) -> u64,
    target: &mut File,
    stored_bytes: u64,
    mut progress: impl FnMut(u64, u64),
) -> io::Result<Option<io::Error>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => {
                progress(consumed(decoder), stored_bytes);
                return Ok(None);
            }
            Ok(count) => target.write_all(&chunk[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(error)),
        }
        progress(consumed(decoder), stored_bytes);
    }
}

#[cfg(test)]
mod tests;
