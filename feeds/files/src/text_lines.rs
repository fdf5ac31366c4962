//! Lines of a text file, or of several that follow each other, given in place: a line is copied only where it lies
//! across two blocks of the stream. Knows nothing of what stands in them.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::Stream;
use crate::format::End;
use crate::lines::without_mark;
use crate::tick_file::FileError;

/// Longest line taken; a file with a longer one is no text.
const LINE_BYTES_MAX: usize = 64 << 20;

/// One line without its end.
pub(crate) struct Line<'a> {
    /// Its bytes, without `\n` and `\r\n`.
    pub bytes: &'a [u8],
    /// Its number within its file, from 1.
    pub number: u64,
    /// Whether a line end follows; the last line of a cut file has none.
    pub is_closed: bool,
}

/// What to do after a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The next.
    Go,
    /// Stop here, to go on later with the next.
    Pause,
    /// The file is no longer what it should be: end with this fault.
    Break(String),
}

/// The lines of one file after another.
pub(crate) struct Lines {
    stream: Stream,
    carry: Vec<u8>,
    number: u64,
    path: PathBuf,
    following: VecDeque<PathBuf>,
    /// Files before this one: with them, a place names the file too.
    before: usize,
    done_bytes: u64,
    total_bytes: u64,
    end: End,
}

impl Lines {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_chain(&[path.to_owned()])
    }

    /// Opens files to be read one after another as if they were one; the later ones are opened when it is their turn.
    pub fn open_chain(paths: &[PathBuf]) -> Result<Self, FileError> {
        let mut following: VecDeque<PathBuf> = paths.iter().cloned().collect();
        let path = following.pop_front().unwrap_or_default();
        let stream = Stream::open(&path)?;
        let later = following.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|data| data.len());
        let total_bytes = stream.stored_bytes() + later.sum::<u64>();
        Ok(Self {
            stream,
            carry: Vec::new(),
            number: 0,
            path,
            following,
            before: 0,
            done_bytes: 0,
            total_bytes,
            end: End::Running,
        })
    }

    /// Gives lines to `on` until it pauses or no more come; false once there are none.
    pub fn drive(&mut self, mut on: impl FnMut(Line<'_>) -> Flow) -> bool {
        while self.end == End::Running {
            let block = match self.stream.fill_buf() {
                Ok(block) => block,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.fail(self.number + 1, error.to_string());
                    return false;
                }
            };
            if block.is_empty() {
                self.finish_file(&mut on);
                continue;
            }
            let mut at = 0;
            let mut flow = Flow::Go;
            while flow == Flow::Go {
                let Some(length) = memchr(b'\n', &block[at..]) else {
                    self.carry.extend_from_slice(&block[at..]);
                    at = block.len();
                    break;
                };
                self.number += 1;
                let rest = &block[at..at + length];
                at += length + 1;
                let (number, is_closed) = (self.number, true);
                if self.carry.is_empty() {
                    flow = on(Line { bytes: trimmed(rest, number), number, is_closed });
                } else {
                    self.carry.extend_from_slice(rest);
                    flow = on(Line { bytes: trimmed(&self.carry, number), number, is_closed });
                    self.carry.clear();
                }
            }
            self.stream.consume(at);
            if self.carry.len() > LINE_BYTES_MAX {
                self.fail(self.number + 1, format!("a line of more than {LINE_BYTES_MAX} bytes"));
            }
            match flow {
                Flow::Go => {}
                Flow::Pause => return true,
                Flow::Break(fault) => self.fail(self.number, fault),
            }
        }
        false
    }

    /// How it ended, or that it has not.
    pub const fn end(&self) -> &End {
        &self.end
    }

    /// `line 17`, with the file's name where there are several.
    pub fn place(&self, number: u64) -> String {
        if self.before == 0 && self.following.is_empty() {
            return format!("line {number}");
        }
        format!("{} line {number}", self.path.display())
    }

    /// Bytes as stored that were taken, and all.
    pub fn progress(&self) -> (u64, u64) {
        (self.done_bytes + self.stream.consumed_bytes(), self.total_bytes)
    }

    fn fail(&mut self, number: u64, fault: String) {
        self.end = End::Broken { place: self.place(number), fault };
    }

    /// The last line, where its end is missing, and then the next file.
    fn finish_file(&mut self, on: &mut impl FnMut(Line<'_>) -> Flow) {
        if !self.carry.is_empty() {
            self.number += 1;
            let line = std::mem::take(&mut self.carry);
            let flow = on(Line { bytes: trimmed(&line, self.number), number: self.number, is_closed: false });
            if let Flow::Break(fault) = flow {
                return self.fail(self.number, fault);
            }
        }
        let Some(next) = self.following.pop_front() else {
            self.end = End::Complete;
            return;
        };
        self.done_bytes += self.stream.stored_bytes();
        self.path = next;
        self.before += 1;
        self.number = 0;
        match Stream::open(&self.path) {
            Ok(stream) => self.stream = stream,
            Err(error) => self.fail(0, error.to_string()),
        }
    }
}

/// Without the carriage return of a line from elsewhere, and the mark that some programs write first.
fn trimmed(line: &[u8], number: u64) -> &[u8] {
    let line = if number == 1 { without_mark(line) } else { line };
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    #[test]
    fn lines_come_whole_across_blocks_and_files_and_pauses() {
        let folder = tempfile::tempdir().expect("a folder");
        // Blocks are 256 KiB: the second line lies across two of them, the third ends a file without a line end.
        let long = "x".repeat(300_000);
        let first = written(folder.path(), "first", &format!("one\r\n{long}\nthree"));
        let second = written(folder.path(), "second", "four\n\n");
        let mut lines = Lines::open_chain(&[first, second]).expect("opens");
        let mut seen = Vec::new();
        while lines.drive(|line| {
            seen.push((line.bytes.len(), line.number, line.is_closed));
            Flow::Pause
        }) {}
        assert_eq!(seen, [(3, 1, true), (300_000, 2, true), (5, 3, false), (4, 1, true), (0, 2, true)]);
        assert_eq!(*lines.end(), End::Complete);
        let (taken, total) = lines.progress();
        assert_eq!(taken, total);
    }

    #[test]
    fn a_break_names_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut lines = Lines::open(&written(folder.path(), "file", "a\nb\nc\n")).expect("opens");
        let mut count = 0;
        let more = lines.drive(|_| {
            count += 1;
            if count == 2 { Flow::Break("torn".to_owned()) } else { Flow::Go }
        });
        assert!(!more);
        assert_eq!(*lines.end(), End::Broken { place: "line 2".to_owned(), fault: "torn".to_owned() });
    }
}
