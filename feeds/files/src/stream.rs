//! A file as a stream of its decompressed bytes, whatever it is packed in: plain, gzip, Zstandard, xz, or a zip archive.
//!
//! Compressed bytes are unpacked by a thread of their own, a few blocks ahead of who reads, so that a decoder costs
//! time only where it is slower than the decompressor. Memory is those few blocks, however long the file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::tick_file::FileError;

/// Bytes of one block between the decompressor and the reader.
const BLOCK_BYTES: usize = 1 << 18;
/// Blocks that may wait: with one being filled and one being read, the bound on memory.
const BLOCKS_WAITING: usize = 4;

/// What the bytes are packed in, by their first few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not packed.
    Plain,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
    /// The xz file format.
    Xz,
    /// A zip archive; a stream reads one member of it.
    Zip,
}

/// Decompressed bytes of a file, read once from its start.
pub struct Stream {
    reader: Box<dyn BufRead + Send>,
    packing: Packing,
    consumed: Arc<AtomicU64>,
    stored_bytes: u64,
}

/// How far a stream is, also after it was handed on.
#[derive(Clone, Debug)]
pub struct Meter {
    consumed: Arc<AtomicU64>,
    stored_bytes: u64,
}

impl Meter {
    /// Bytes on disk taken so far, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.consumed.load(Ordering::Relaxed).min(self.stored_bytes), self.stored_bytes)
    }
}

/// Names and unpacked sizes of a zip archive's files, in the order of its directory; folders are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Path inside the archive.
    pub name: String,
    /// Bytes unpacked.
    pub bytes: u64,
}

impl Stream {
    /// Opens a file; of a zip archive its only member.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`]: not there, not readable, or an archive of several members (see [`Stream::open_member`]).
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let packing = packing_of(path)?;
        if packing != Packing::Zip {
            return Self::start(path, packing, None);
        }
        let members = members(path)?;
        match members.as_slice() {
            [only] => Self::start(path, packing, Some(only.name.clone())),
            _ => {
                let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
                let text = format!("an archive of {} files ({}); unpack it", names.len(), names.join(", "));
                Err(fail(path, "open")(io::Error::new(io::ErrorKind::InvalidInput, text)))
            }
        }
    }

    /// Opens one member of a zip archive.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`]: no archive, no such member, or packed in a way that is not read here.
    pub fn open_member(path: &Path, name: &str) -> Result<Self, FileError> {
        Self::start(path, Packing::Zip, Some(name.to_owned()))
    }

    fn start(path: &Path, packing: Packing, member: Option<String>) -> Result<Self, FileError> {
        let file = File::open(path).map_err(fail(path, "open"))?;
        let stored_bytes = file.metadata().map_err(fail(path, "examine"))?.len();
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: file, consumed: Arc::clone(&consumed) };
        let reader: Box<dyn BufRead + Send> = if packing == Packing::Plain {
            Box::new(BufReader::with_capacity(BLOCK_BYTES, counted))
        } else {
            let (sender, receiver) = sync_channel(BLOCKS_WAITING);
            let (spent_in, spent) = sync_channel(BLOCKS_WAITING + 2);
            std::thread::Builder::new()
                .name("tickrace-unpack".to_owned())
                .spawn(move || unpack(counted, packing, member.as_deref(), &sender, &spent))
                .map_err(fail(path, "start to decompress"))?;
            Box::new(Unpacked { receiver, spent: spent_in, block: Vec::new(), at: 0, is_over: false })
        };
        Ok(Self { reader, packing, consumed, stored_bytes })
    }

    /// What the file is packed in.
    pub const fn packing(&self) -> Packing {
        self.packing
    }

    /// Tells the progress of this stream to whoever keeps it.
    pub fn meter(&self) -> Meter {
        Meter { consumed: Arc::clone(&self.consumed), stored_bytes: self.stored_bytes }
    }

    /// Bytes on disk.
    pub const fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Of these, how many were taken so far; runs a little ahead of what was read.
    pub fn consumed_bytes(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed).min(self.stored_bytes)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }
}

fn fail<'a>(path: &'a Path, action: &'static str) -> impl Fn(io::Error) -> FileError + 'a {
    move |error| FileError::Io { action, path: path.to_owned(), error }
}

/// Tells the packing by the first bytes.
///
/// # Errors
///
/// [`FileError::Io`] where the file cannot be read.
pub fn packing_of(path: &Path) -> Result<Packing, FileError> {
    let mut magic = Vec::with_capacity(6);
    let file = File::open(path).map_err(fail(path, "open"))?;
    file.take(6).read_to_end(&mut magic).map_err(fail(path, "read"))?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        // A skippable frame may stand first in a Zstandard file.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0x00] => Packing::Xz,
        [b'P', b'K', 3, 4, ..] => Packing::Zip,
        _ => Packing::Plain,
    })
}

/// What is in a zip archive.
///
/// # Errors
///
/// [`FileError::Io`] where the file is no archive or its directory is damaged.
pub fn members(path: &Path) -> Result<Vec<Member>, FileError> {
    let file = File::open(path).map_err(fail(path, "open"))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(io::Error::other);
    let archive = archive.as_mut().map_err(|error| {
        fail(path, "read the directory of")(io::Error::new(error.kind(), error.to_string()))
    })?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let member = archive
            .by_index_raw(index)
            .map_err(io::Error::other)
            .map_err(fail(path, "read the directory of"))?;
        if member.is_file() {
            members.push(Member { name: member.name().to_owned(), bytes: member.size() });
        }
    }
    Ok(members)
}

/// Counts the bytes taken from the disk.
struct Counted {
    inner: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

type Block = io::Result<Vec<u8>>;

/// The decompressor's thread: sends blocks until the end, a fault, or nobody listens any more.
fn unpack(
    file: Counted,
    packing: Packing,
    member: Option<&str>,
    sender: &SyncSender<Block>,
    spent: &Receiver<Vec<u8>>,
) {
    let input = BufReader::with_capacity(1 << 17, file);
    let outcome = match packing {
        Packing::Plain => pump(input, sender, spent),
        Packing::Gzip => pump(flate2::bufread::MultiGzDecoder::new(input), sender, spent),
        Packing::Zstd => {
            zstd::stream::read::Decoder::with_buffer(input).and_then(|decoder| pump(decoder, sender, spent))
        }
        Packing::Xz => pump(liblzma::bufread::XzDecoder::new_multi_decoder(input), sender, spent),
        Packing::Zip => zip::ZipArchive::new(input).map_err(io::Error::other).and_then(|mut archive| {
            let name = member.unwrap_or_default();
            let inside =
                archive.by_name(name).map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            pump(inside, sender, spent)
        }),
    };
    if let Err(error) = outcome {
        // Nobody listens: then nobody misses it.
        let _ = sender.send(Err(error));
    }
}

fn pump(mut decoder: impl Read, sender: &SyncSender<Block>, spent: &Receiver<Vec<u8>>) -> io::Result<()> {
    loop {
        let mut block = spent.try_recv().unwrap_or_default();
        block.clear();
        let limit = BLOCK_BYTES as u64;
        let outcome = Read::by_ref(&mut decoder).take(limit).read_to_end(&mut block);
        // What came before a fault is good and goes first.
        let is_empty = block.is_empty();
        if !is_empty && sender.send(Ok(block)).is_err() {
            return Ok(());
        }
        outcome?;
        if is_empty {
            return Ok(());
        }
    }
}

/// The reader's end.
struct Unpacked {
    receiver: Receiver<Block>,
    spent: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl BufRead for Unpacked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.block.len() && !self.is_over {
            // Room for all blocks there are: it never waits.
            let _ = self.spent.try_send(std::mem::take(&mut self.block));
            self.at = 0;
            match self.receiver.recv() {
                Ok(Ok(block)) => self.block = block,
                Ok(Err(error)) => {
                    self.is_over = true;
                    return Err(error);
                }
                Err(_) => self.is_over = true,
            }
        }
        Ok(&self.block[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.block.len());
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text() -> Vec<u8> {
        (0..200_000u32).flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }

    fn read_all(path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Stream::open(path).map_err(io::Error::other)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn every_packing_gives_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = text();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("plain"), &text).expect("written");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).expect("packed");
        std::fs::write(path("gzip"), gzip.finish().expect("packed")).expect("written");
        std::fs::write(path("zstd"), zstd::encode_all(&text[..], 1).expect("packed")).expect("written");
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&text).expect("packed");
        std::fs::write(path("xz"), xz.finish().expect("packed")).expect("written");
        let mut zip = zip::ZipWriter::new(File::create(path("zip")).expect("made"));
        zip.start_file("day.csv", zip::write::SimpleFileOptions::default()).expect("begun");
        zip.write_all(&text).expect("packed");
        zip.finish().expect("closed");
        for (name, packing) in [
            ("plain", Packing::Plain),
            ("gzip", Packing::Gzip),
            ("zstd", Packing::Zstd),
            ("xz", Packing::Xz),
            ("zip", Packing::Zip),
        ] {
            assert_eq!(packing_of(&path(name)).expect("readable"), packing);
            assert!(read_all(&path(name)).expect("whole") == text, "{name}");
        }
    }

    #[test]
    fn a_cut_file_gives_what_is_whole_and_then_the_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text()).expect("packed");
        let packed = gzip.finish().expect("packed");
        let path = folder.path().join("cut.gz");
        std::fs::write(&path, &packed[..packed.len() / 2]).expect("written");
        let mut stream = Stream::open(&path).expect("opens");
        let mut bytes = Vec::new();
        assert!(stream.read_to_end(&mut bytes).is_err());
        assert!(bytes.len() > 100_000 && text().starts_with(&bytes));
    }

    #[test]
    fn an_archive_of_several_files_says_which() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("two.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).expect("made"));
        for name in ["a.csv", "b.csv"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
            zip.write_all(name.as_bytes()).expect("packed");
        }
        zip.finish().expect("closed");
        let error = Stream::open(&path).err().expect("refused").to_string();
        assert!(error.contains("a.csv, b.csv"), "{error}");
        let mut text = String::new();
        Stream::open_member(&path, "b.csv").expect("opens").read_to_string(&mut text).expect("whole");
        assert_eq!(text, "b.csv");
    }
}
