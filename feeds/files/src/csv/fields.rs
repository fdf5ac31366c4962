//! A line cut into its fields.

/// Where the first fields of a line begin and end.
#[derive(Debug, Default)]
pub(super) struct Fields {
    ranges: Vec<(usize, usize)>,
}

impl Fields {
    /// Cuts the first `count` fields off a line; what comes behind them is not looked at. Quotes around a field are
    /// taken off; a field cannot reach over the end of its line.
    #[inline]
    pub(super) fn cut(&mut self, line: &[u8], delimiter: u8, count: usize) {
        self.ranges.clear();
        if memchr::memchr(b'"', line).is_some() {
            return self.cut_quoted(line, delimiter, count);
        }
        let mut from = 0;
        for to in memchr::memchr_iter(delimiter, line) {
            self.ranges.push((from, to));
            from = to + 1;
            if self.ranges.len() == count {
                return;
            }
        }
        self.ranges.push((from, line.len()));
    }

    #[cold]
    fn cut_quoted(&mut self, line: &[u8], delimiter: u8, count: usize) {
        let (mut from, mut is_quoted) = (0, false);
        for (place, byte) in line.iter().enumerate() {
            if *byte == b'"' {
                is_quoted = !is_quoted;
            } else if *byte == delimiter && !is_quoted {
                self.push_unquoted(line, from, place);
                from = place + 1;
                if self.ranges.len() == count {
                    return;
                }
            }
        }
        self.push_unquoted(line, from, line.len());
    }

    fn push_unquoted(&mut self, line: &[u8], from: usize, to: usize) {
        let is_quoted = to - from >= 2 && line[from] == b'"' && line[to - 1] == b'"';
        self.ranges.push(if is_quoted { (from + 1, to - 1) } else { (from, to) });
    }

    /// A field without blanks around it; `None` where the line has fewer.
    #[inline]
    pub(super) fn get<'a>(&self, line: &'a [u8], place: usize) -> Option<&'a [u8]> {
        let (from, to) = *self.ranges.get(place)?;
        Some(line[from..to].trim_ascii())
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.ranges.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str, count: usize) -> Vec<String> {
        let mut fields = Fields::default();
        fields.cut(line.as_bytes(), b',', count);
        let field =
            |place| String::from_utf8_lossy(fields.get(line.as_bytes(), place).expect("there")).into_owned();
        (0..fields.len()).map(field).collect()
    }

    #[test]
    fn fields_are_cut_with_and_without_quotes() {
        assert_eq!(cut("a,,b c , d", 9), ["a", "", "b c", "d"]);
        assert_eq!(cut("a,b,c", 2), ["a", "b"]);
        assert_eq!(cut("", 2), [""]);
        assert_eq!(cut("\"a,1\",\"\",c\"", 9), ["a,1", "", "c\""]);
        assert_eq!(cut("\"a,b", 9), ["\"a,b"]);
    }
}
