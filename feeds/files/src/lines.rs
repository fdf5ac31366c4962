                        return Some(self.take(self.scanned + length));
                    at = block.len();
                    break;
                    flow = on(Line { bytes: trimmed(&self.carry), number: self.number, is_closed: true });
                    flow = on(Line { bytes: trimmed(rest), number: self.number, is_closed: true });
                    if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
                    return false;
                    self.carry.clear();
                    self.carry.extend_from_slice(&block[at..]);
                    self.carry.extend_from_slice(rest);
                    self.end += count;
                    self.fail(self.number + 1, error.to_string());
                    }
                (self.at, self.scanned, self.end) = (0, self.end - self.at, self.end - self.at);
                Err(error) => return self.broken(error.to_string()),
                Err(error) => {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Flow::Break(fault) => self.fail(self.number, fault),
                Flow::Go => {}
                Flow::Pause => return true,
                Ok(0) => self.is_drained = true,
                Ok(block) => block,
                Ok(count) => {
                at += length + 1;
                continue;
                if self.carry.is_empty() {
                let Some(length) = memchr(b'\n', &block[at..]) else {
                let rest = &block[at..at + length];
                return self.broken(format!("a line of more than {LINE_BYTES_MAX} bytes"));
                return self.fail(self.number, fault);
                self.buffer.copy_within(self.at..self.end, 0);
                self.buffer.resize(self.end + READ_BYTES, 0);
                self.fail(self.number + 1, format!("a line of more than {LINE_BYTES_MAX} bytes"));
                self.finish_file(&mut on);
                self.number += 1;
                }
                } else {
                };
            Err(error) => self.fail(0, error.to_string()),
            None => self.refill()?,
            Ok(stream) => self.stream = stream,
            Some(length) => self.take(self.scanned + length),
            at: 0,
            before: 0,
            buffer: vec![0; 2 * READ_BYTES],
            carry: Vec::new(),
            done_bytes: 0,
            end: 0,
            end: End::Running,
            following,
            if block.is_empty() {
            if let Flow::Break(fault) = flow {
            if self.at > 0 {
            if self.buffer.len() - self.end < READ_BYTES {
            if self.carry.len() > LINE_BYTES_MAX {
            if self.end > LINE_BYTES_MAX {
            is_drained: false,
            is_last_open: false,
            let block = match self.stream.fill_buf() {
            let flow = on(Line { bytes: trimmed(&line), number: self.number, is_closed: false });
            let line = std::mem::take(&mut self.carry);
            let mut at = 0;
            let mut flow = Flow::Go;
            match flow {
            match self.stream.read(&mut self.buffer[self.end..]) {
            number: 0,
            outcome: End::Running,
            path,
            return None;
            return format!("line {number}");
            return;
            scanned: 0,
            self.end = End::Complete;
            self.number += 1;
            self.outcome = End::Complete;
            self.scanned = self.end;
            self.stream.consume(at);
            stream,
            total_bytes,
            while flow == Flow::Go {
            }
            };
        &self.end
        &self.stream
        (from, newline)
        (self.at, self.scanned) = (self.end, self.end);
        (self.done_bytes + self.stream.consumed_bytes(), self.total_bytes)
        None
        Ok(Self {
        Self {
        Self::open_chain(&[path.to_owned()])
        Some(line.strip_suffix(b"\r").unwrap_or(line))
        Some(range)
        false
        format!("{} line {number}", self.path.display())
        if !self.carry.is_empty() {
        if self.at == self.end {
        if self.before == 0 && self.following.is_empty() {
        if self.outcome == End::Running {
        let (from, to) = match memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
        let Some(next) = self.following.pop_front() else {
        let from = self.at;
        let later = following.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|data| data.len());
        let line = &self.buffer[from..to];
        let mut following: VecDeque<PathBuf> = paths.iter().cloned().collect();
        let path = following.pop_front().unwrap_or_default();
        let range = self.take(self.end);
        let stream = Stream::open(&path)?;
        let total_bytes = stream.stored_bytes() + later.sum::<u64>();
        match Stream::open(&self.path) {
        self.at = newline + 1;
        self.before += 1;
        self.done_bytes += self.stream.stored_bytes();
        self.end = End::Broken { place: self.place(number), fault };
        self.is_drained = true;
        self.is_last_open
        self.is_last_open = true;
        self.number
        self.number += 1;
        self.number = 0;
        self.outcome = End::Broken { place: format!("line {}", self.number + 1), fault };
        self.outcome.clone()
        self.path = next;
        self.scanned = self.at;
        while !self.is_drained {
        while self.end == End::Running {
        }
        })
        };
    #[cold]
    #[expect(clippy::should_implement_trait, reason = "the line borrows from the reader")]
    #[inline]
    /// Bytes as stored that were taken, and all.
    /// Files before this one: with them, a place names the file too.
    /// Gives lines to `on` until it pauses or no more come; false once there are none.
    /// How it ended, or that it has not.
    /// How the file ended, once there are no more lines.
    /// Its bytes, without `\n` and `\r\n`.
    /// Its number within its file, from 1.
    /// Lines from where the stream stands.
    /// Number of the line given last, from 1.
    /// Opens a file.
    /// Opens files to be read one after another as if they were one; the later ones are opened when it is their turn.
    /// Reads on until a line is whole.
    /// Stop here, to go on later with the next.
    /// Takes the line that ends before `newline`.
    /// The file is no longer what it should be: end with this fault.
    /// The last line, where its end is missing, and then the next file.
    /// The next line, without its end (`\n` or `\r\n`); `None` at the end of the file or at a fault, see
    /// The next.
    /// What the lines are read from.
    /// Whether a line end follows; the last line of a cut file has none.
    /// Whether the line given last had no end: the last of the file, and cut perhaps.
    /// [`Lines::outcome`]. What a fault cuts in the middle is not given.
    /// `line 17`, with the file's name where there are several.
    Break(String),
    Go,
    Pause,
    at: usize,
    before: usize,
    buffer: Vec<u8>,
    carry: Vec<u8>,
    done_bytes: u64,
    end: End,
    end: usize,
    fn broken(&mut self, fault: String) -> Option<(usize, usize)> {
    fn fail(&mut self, number: u64, fault: String) {
    fn finish_file(&mut self, on: &mut impl FnMut(Line<'_>) -> Flow) {
    fn refill(&mut self) -> Option<(usize, usize)> {
    fn take(&mut self, newline: usize) -> (usize, usize) {
    following: VecDeque<PathBuf>,
    is_drained: bool,
    is_last_open: bool,
    let is_all = head.len() < HEAD_BYTES;
    let lines = head[..whole].split(|byte| *byte == b'\n');
    let whole = if is_all { head.len() } else { memchr::memrchr(b'\n', head).map_or(0, |last| last + 1) };
    line.strip_suffix(b"\r").unwrap_or(line)
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
    number: u64,
    outcome: End,
    path: PathBuf,
    pub bytes: &'a [u8],
    pub const fn end(&self) -> &End {
    pub const fn is_open(&self) -> bool {
    pub const fn number(&self) -> u64 {
    pub const fn stream(&self) -> &Stream {
    pub fn drive(&mut self, mut on: impl FnMut(Line<'_>) -> Flow) -> bool {
    pub fn new(stream: Stream) -> Self {
    pub fn next(&mut self) -> Option<&[u8]> {
    pub fn open(path: &Path) -> Result<Self, FileError> {
    pub fn open_chain(paths: &[PathBuf]) -> Result<Self, FileError> {
    pub fn outcome(&self) -> End {
    pub fn place(&self, number: u64) -> String {
    pub fn progress(&self) -> (u64, u64) {
    pub is_closed: bool,
    pub number: u64,
    scanned: usize,
    stream: Stream,
    total_bytes: u64,
    }
#[derive(Debug, PartialEq, Eq)]
//!
//! Knows nothing of fields. Invariant: `at <= scanned <= end <= buffer.len()`, and no end of line stands between `at`
//! Lines of a text file, one after the other, in bounded memory and without a copy of each.
//! Lines of a text file, or of several that follow each other, given in place: a line is copied only where it lies
//! across two blocks of the stream. Knows nothing of what stands in them.
//! and `scanned`.
/// A stream cut into lines.
/// Bytes asked from the stream at a time.
/// Bytes of a file that are looked at to tell its format.
/// Bytes of a line beyond which a file is no text of rows any more.
/// Longest line taken; a file with a longer one is no text.
/// One line without its end.
/// The lines of `head`, the first up to [`HEAD_BYTES`] bytes of a file, that are whole; empty ones are left out.
/// The lines of one file after another.
/// What to do after a line.
/// Without the carriage return of a line from elsewhere.
const LINE_BYTES_MAX: usize = 64 << 20;
const READ_BYTES: usize = 1 << 17;
fn trimmed(line: &[u8]) -> &[u8] {
impl Lines {
pub const HEAD_BYTES: usize = 1 << 16;
pub const LINE_BYTES_MAX: usize = 1 << 20;
pub fn whole_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
pub struct Lines {
pub(crate) enum Flow {
pub(crate) struct Line<'a> {
pub(crate) struct Lines {
use crate::Stream;
use crate::format::End;
use crate::tick_file::FileError;
use memchr::memchr;
use std::collections::VecDeque;
use std::io::Read;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
}
}

#[cfg(test)]
mod tests {
            Flow::Pause
            all.push(line.to_vec());
            count += 1;
            if count == 2 { Flow::Break("torn".to_owned()) } else { Flow::Go }
            seen.push((line.bytes.len(), line.number, line.is_closed));
        (all, lines)
        // Blocks are 256 KiB: the second line lies across two of them, the third ends a file without a line end.
        assert!(!more);
        assert!(all.is_empty());
        assert!(all.iter().enumerate().all(|(index, line)| *line == format!("row {index}").into_bytes()));
        assert!(matches!(lines.outcome(), End::Broken { place, .. } if place == "line 1"));
        assert_eq!((all.len(), lines.is_open(), lines.outcome()), (1, false, End::Complete));
        assert_eq!((lines.number(), lines.is_open(), lines.outcome()), (5, true, End::Complete));
        assert_eq!(*lines.end(), End::Broken { place: "line 2".to_owned(), fault: "torn".to_owned() });
        assert_eq!(*lines.end(), End::Complete);
        assert_eq!(all, [b"a".to_vec(), b"".to_vec(), b"bc".to_vec(), long, b"last".to_vec()]);
        assert_eq!(lines.number(), 100_000);
        assert_eq!(seen, [(3, 1, true), (300_000, 2, true), (5, 3, false), (4, 1, true), (0, 2, true)]);
        assert_eq!(taken, total);
        file.write_all(bytes).expect("written");
        let (all, lines) = lines_of(&text);
        let (all, lines) = lines_of(&vec![b'x'; LINE_BYTES_MAX + 2 * READ_BYTES]);
        let (all, lines) = lines_of(b"whole\n");
        let (taken, total) = lines.progress();
        let first = written(folder.path(), "first", &format!("one\r\n{long}\nthree"));
        let folder = tempfile::tempdir().expect("a folder");
        let long = "x".repeat(300_000);
        let long = vec![b'x'; 3 * READ_BYTES];
        let more = lines.drive(|_| {
        let mut all = Vec::new();
        let mut count = 0;
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut lines = Lines::new(Stream::open(file.path()).expect("opens"));
        let mut lines = Lines::open(&written(folder.path(), "file", "a\nb\nc\n")).expect("opens");
        let mut lines = Lines::open_chain(&[first, second]).expect("opens");
        let mut seen = Vec::new();
        let path = folder.join(name);
        let second = written(folder.path(), "second", "four\n\n");
        let text = [b"a\r\n\nbc\n".as_slice(), &long, b"\nlast"].concat();
        let text: Vec<u8> = (0..100_000u32).flat_map(|line| format!("row {line}\n").into_bytes()).collect();
        path
        std::fs::write(&path, text).expect("written");
        while let Some(line) = lines.next() {
        while lines.drive(|line| {
        }
        }) {}
        });
    #[test]
    fn a_break_names_its_line() {
    fn a_file_without_lines_is_given_up_with_its_place() {
    fn lines_come_whole_across_blocks_and_files_and_pauses() {
    fn lines_come_whole_whatever_their_length_and_end() {
    fn lines_of(bytes: &[u8]) -> (Vec<Vec<u8>>, Lines) {
    fn many_lines_over_many_reads_keep_their_number_and_text() {
    fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::io::Write;
    use super::*;
    }
    }
}
