//! The head of a numpy array file: what the array is made of and how long it is.
//!
//! Source: NEP 1, "A Simple File Format for NumPy Arrays", format versions 1.0 to 3.0.

use std::io::{self, BufRead, Read};

/// First bytes of every array file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes of the longest head that is read.
const HEAD_BYTES_MAX: usize = 1 << 16;

/// What stands before the elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Name and type of each field, in order; of an array without fields one without a name.
    pub fields: Vec<(String, String)>,
    /// Whether the first index varies fastest.
    pub is_fortran: bool,
    /// Length along each index.
    pub shape: Vec<u64>,
    /// Bytes before the first element.
    pub bytes: u64,
}

impl Head {
    /// Reads the head; the stream then stands at the first element. The inner `Err` tells what is wrong with the bytes.
    ///
    /// # Errors
    ///
    /// Whatever the stream says.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Result<Self, &'static str>> {
        let mut take = |count: usize| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::with_capacity(count);
            Read::by_ref(stream).take(count as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let start = take(8)?;
        let Some([version, _]) = start.strip_prefix(MAGIC) else { return Ok(Err("no numpy array")) };
        let length_bytes = if *version == 1 { 2 } else { 4 };
        let length = take(length_bytes)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        if !(1..=3).contains(version) || length > HEAD_BYTES_MAX {
            return Ok(Err("a numpy array of an unknown version, or with too long a head"));
        }
        let text = take(length)?;
        if text.len() != length {
            return Ok(Err("cut within its head"));
        }
        let head = parse(&text).map(|head| Self { bytes: (8 + length_bytes + length) as u64, ..head });
        Ok(head.ok_or("the head is no description of an array"))
    }
}

/// A word of the description.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Word(String),
    Sign(u8),
}

/// `{'descr': [('ev', '<u8'), …], 'fortran_order': False, 'shape': (5,), }`, keys in any order.
fn parse(text: &[u8]) -> Option<Head> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut head = Head::default();
    let mut seen = 0;
    (tokens.next()? == Token::Sign(b'{')).then_some(())?;
    loop {
        let key = match tokens.next()? {
            Token::Sign(b'}') => break,
            Token::Sign(b',') => continue,
            Token::Text(key) => key,
            _ => return None,
        };
        (tokens.next()? == Token::Sign(b':')).then_some(())?;
        seen += 1;
        match key.as_str() {
            "descr" => head.fields = fields(&mut tokens)?,
            "fortran_order" => match tokens.next()? {
                Token::Word(word) => head.is_fortran = word == "True",
                _ => return None,
            },
            "shape" => head.shape = shape(&mut tokens)?,
            _ => return None,
        }
    }
    (seen == 3).then_some(head)
}

fn fields(tokens: &mut impl Iterator<Item = Token>) -> Option<Vec<(String, String)>> {
    match tokens.next()? {
        Token::Text(plain) => return Some(vec![(String::new(), plain)]),
        Token::Sign(b'[') => {}
        _ => return None,
    }
    let mut fields = Vec::new();
    loop {
        match tokens.next()? {
            Token::Sign(b']') => return Some(fields),
            Token::Sign(b',') => {}
            Token::Sign(b'(') => {
                let Token::Text(name) = tokens.next()? else { return None };
                (tokens.next()? == Token::Sign(b',')).then_some(())?;
                let Token::Text(kind) = tokens.next()? else { return None };
                (tokens.next()? == Token::Sign(b')')).then_some(())?;
                fields.push((name, kind));
            }
            _ => return None,
        }
    }
}

fn shape(tokens: &mut impl Iterator<Item = Token>) -> Option<Vec<u64>> {
    (tokens.next()? == Token::Sign(b'(')).then_some(())?;
    let mut shape = Vec::new();
    loop {
        match tokens.next()? {
            Token::Sign(b')') => return Some(shape),
            Token::Sign(b',') => {}
            Token::Word(number) => shape.push(number.parse().ok()?),
            _ => return None,
        }
    }
}

fn tokens(text: &[u8]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => rest = after,
            b'\'' | b'"' => {
                let end = after.iter().position(|other| *other == byte)?;
                tokens.push(Token::Text(String::from_utf8(after[..end].to_vec()).ok()?));
                rest = &after[end + 1..];
            }
            _ if byte.is_ascii_alphanumeric() => {
                let end = rest.iter().position(|other| !other.is_ascii_alphanumeric()).unwrap_or(rest.len());
                tokens.push(Token::Word(String::from_utf8(rest[..end].to_vec()).ok()?));
                rest = &rest[end..];
            }
            _ => {
                tokens.push(Token::Sign(byte));
                rest = after;
            }
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(version: u8, text: &str) -> Result<Head, &'static str> {
        let mut bytes = [MAGIC, &[version, 0]].concat();
        let length = u32::try_from(text.len()).expect("short").to_le_bytes();
        bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(text.as_bytes());
        Head::read(&mut bytes.as_slice()).expect("in memory")
    }

    #[test]
    fn fields_and_shape_are_read_in_every_version() {
        let text = "{'descr': [('ev', '<u8'), ('px', '<f8')], 'fortran_order': False, 'shape': (5,), }   \n";
        for version in 1..=3 {
            let head = head(version, text).expect("a head");
            let pair = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
            assert_eq!(head.fields, [pair("ev", "<u8"), pair("px", "<f8")]);
            assert_eq!((head.is_fortran, head.shape), (false, vec![5]));
            assert_eq!(head.bytes, if version == 1 { 10 } else { 12 } + text.len() as u64);
        }
        let plain = head(1, "{'shape': (2, 3), 'descr': '<f8', 'fortran_order': True}").expect("a head");
        assert_eq!((plain.is_fortran, plain.shape, plain.fields[0].1.as_str()), (true, vec![2, 3], "<f8"));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in
            ["", "{", "{'descr': '<f8'}", "{'descr': [('a',)], 'fortran_order': False, 'shape': (1,)}", "[]"]
        {
            assert!(head(1, text).is_err(), "{text}");
        }
        assert!(head(4, "{}").is_err());
        assert!(Head::read(&mut b"\x93NUMPX".as_slice()).expect("in memory").is_err());
        assert!(Head::read(&mut b"\x93NUMPY\x01\x00\xff\x00{".as_slice()).expect("in memory").is_err());
    }
}
