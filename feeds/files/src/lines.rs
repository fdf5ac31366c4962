//! Lines of a text file, one after the other, in bounded memory and without a copy of each.
//!
//! Knows nothing of fields. Invariant: `at <= scanned <= end <= buffer.len()`, and no end of line stands between `at`
//! and `scanned`.

use std::io::Read;

use crate::Stream;
use crate::format::End;

/// Bytes of a line beyond which a file is no text of rows any more.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Bytes asked from the stream at a time.
const READ_BYTES: usize = 1 << 17;

/// A stream cut into lines.
pub struct Lines {
    stream: Stream,
    buffer: Vec<u8>,
    at: usize,
    scanned: usize,
    end: usize,
    number: u64,
    is_last_open: bool,
    is_drained: bool,
    outcome: End,
}

impl Lines {
    /// Lines from where the stream stands.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: vec![0; 2 * READ_BYTES],
            at: 0,
            scanned: 0,
            end: 0,
            number: 0,
            is_last_open: false,
            is_drained: false,
            outcome: End::Running,
        }
    }

    /// The next line, without its end (`\n` or `\r\n`); `None` at the end of the file or at a fault, see
    /// [`Lines::outcome`]. What a fault cuts in the middle is not given.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "the line borrows from the reader")]
    pub fn next(&mut self) -> Option<&[u8]> {
        let (from, to) = match memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
            Some(length) => self.take(self.scanned + length),
            None => self.refill()?,
        };
        let line = &self.buffer[from..to];
        let line = if self.number == 1 { without_mark(line) } else { line };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Takes the line that ends before `newline`.
    #[inline]
    fn take(&mut self, newline: usize) -> (usize, usize) {
        let from = self.at;
        self.at = newline + 1;
        self.scanned = self.at;
        self.number += 1;
        (from, newline)
    }

    /// Reads on until a line is whole.
    #[cold]
    fn refill(&mut self) -> Option<(usize, usize)> {
        while !self.is_drained {
            self.scanned = self.end;
            if self.at > 0 {
                self.buffer.copy_within(self.at..self.end, 0);
                (self.at, self.scanned, self.end) = (0, self.end - self.at, self.end - self.at);
            }
            if self.end > LINE_BYTES_MAX {
                return self.broken(format!("a line of more than {LINE_BYTES_MAX} bytes"));
            }
            if self.buffer.len() - self.end < READ_BYTES {
                self.buffer.resize(self.end + READ_BYTES, 0);
            }
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.is_drained = true,
                Ok(count) => {
                    self.end += count;
                    if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.scanned..self.end]) {
                        return Some(self.take(self.scanned + length));
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return self.broken(error.to_string()),
            }
        }
        if self.outcome == End::Running {
            self.outcome = End::Complete;
        }
        if self.at == self.end {
            return None;
        }
        self.is_last_open = true;
        let range = self.take(self.end);
        (self.at, self.scanned) = (self.end, self.end);
        Some(range)
    }

    fn broken(&mut self, fault: String) -> Option<(usize, usize)> {
        self.is_drained = true;
        (self.at, self.scanned) = (self.end, self.end);
        self.outcome = End::Broken { place: format!("line {}", self.number + 1), fault };
        None
    }

    /// Number of the line given last, from 1.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether the line given last had no end: the last of the file, and cut perhaps.
    pub const fn is_open(&self) -> bool {
        self.is_last_open
    }

    /// How the file ended, once there are no more lines.
    pub fn outcome(&self) -> End {
        self.outcome.clone()
    }

    /// What the lines are read from.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }
}

/// Without the three bytes some programs write first to say that the text is UTF-8.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Bytes of a file that are looked at to tell its format.
pub const HEAD_BYTES: usize = 1 << 16;

/// The lines of `head`, the first up to [`HEAD_BYTES`] bytes of a file, that are whole; empty ones are left out.
pub fn whole_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_all = head.len() < HEAD_BYTES;
    let whole = if is_all { head.len() } else { memchr::memrchr(b'\n', head).map_or(0, |last| last + 1) };
    let lines = head[..whole].split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines_of(bytes: &[u8]) -> (Vec<Vec<u8>>, Lines) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("written");
        let mut lines = Lines::new(Stream::open(file.path()).expect("opens"));
        let mut all = Vec::new();
        while let Some(line) = lines.next() {
            all.push(line.to_vec());
        }
        (all, lines)
    }

    #[test]
    fn lines_come_whole_whatever_their_length_and_end() {
        let long = vec![b'x'; 3 * READ_BYTES];
        let text = [b"a\r\n\nbc\n".as_slice(), &long, b"\nlast"].concat();
        let (all, lines) = lines_of(&text);
        assert_eq!(all, [b"a".to_vec(), b"".to_vec(), b"bc".to_vec(), long, b"last".to_vec()]);
        assert_eq!((lines.number(), lines.is_open(), lines.outcome()), (5, true, End::Complete));
        let (all, _) = lines_of(b"\xef\xbb\xbfmarked\n\xef\xbb\xbf\n");
        assert_eq!(all, [b"marked".to_vec(), b"\xef\xbb\xbf".to_vec()]);
        let (all, lines) = lines_of(b"whole\n");
        assert_eq!((all.len(), lines.is_open(), lines.outcome()), (1, false, End::Complete));
    }

    #[test]
    fn many_lines_over_many_reads_keep_their_number_and_text() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|line| format!("row {line}\n").into_bytes()).collect();
        let (all, lines) = lines_of(&text);
        assert_eq!(lines.number(), 100_000);
        assert!(all.iter().enumerate().all(|(index, line)| *line == format!("row {index}").into_bytes()));
    }

    #[test]
    fn a_file_without_lines_is_given_up_with_its_place() {
        let (all, lines) = lines_of(&vec![b'x'; LINE_BYTES_MAX + 2 * READ_BYTES]);
        assert!(all.is_empty());
        assert!(matches!(lines.outcome(), End::Broken { place, .. } if place == "line 1"));
    }
}
