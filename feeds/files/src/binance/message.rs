//! One JSON message of Binance's market streams or of its REST depth, taken apart in place.
//!
//! The scanner knows JSON's structure, not the order of keys: it walks over the members of the object (and of the one
//! inside the `{"stream":…,"data":…}` wrapper) and keeps the place of each value it has a name for. Numbers stay text,
//! so nothing is rounded. It takes what the venue sends, compact JSON without escapes; anything else that serde_json
//! accepts is first brought into that form ([`compact`]).
//!
//! Source: Binance spot, USD-M and COIN-M futures API documentation, "Websocket Market Streams" and "Order Book".

use memchr::{memchr, memmem};

/// Deepest nesting walked through.
const DEPTH_MAX: usize = 32;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Changes of levels.
    Depth,
    /// The best levels as they are, of a partial depth stream.
    PartialDepth,
    /// All levels as they are, up to the limit of the request.
    Snapshot,
    /// Best bid and ask.
    BookTicker,
    /// A trade.
    Trade,
    /// Trades of one taker order at one price.
    AggTrade,
    /// A bar.
    Kline,
    /// Mark price and funding of a perpetual.
    MarkPrice,
    /// A forced liquidation.
    ForceOrder,
    /// Well formed, and none of these.
    Other,
}

/// The values of a message by their key, as text without quotation marks; empty where the key is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named by the keys of the venue's documentation")]
pub(crate) struct Message<'a> {
    pub stream: &'a [u8],
    pub event: &'a [u8],
    pub event_time: &'a [u8],
    pub trade_time: &'a [u8],
    pub symbol: &'a [u8],
    pub pair: &'a [u8],
    pub first_id: &'a [u8],
    pub last_id: &'a [u8],
    pub previous_id: &'a [u8],
    pub snapshot_id: &'a [u8],
    pub bids: &'a [u8],
    pub asks: &'a [u8],
    pub bid_qty: &'a [u8],
    pub ask_qty: &'a [u8],
    pub price: &'a [u8],
    pub qty: &'a [u8],
    pub trade_id: &'a [u8],
    pub is_buyer_maker: &'a [u8],
    pub is_best_match: &'a [u8],
    pub execution_type: &'a [u8],
    pub rate: &'a [u8],
    pub index_price: &'a [u8],
    pub kline: &'a [u8],
    pub order: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes one JSON object apart; `None` where it is not of the venue's form.
    pub fn scan(json: &'a [u8]) -> Option<Self> {
        let mut message = Self::default();
        let mut scanner = Scanner { bytes: json, at: 0 };
        scanner.members(&mut message, true)?;
        (scanner.at == json.len()).then_some(message)
    }

    /// What it is, by its event's name, else by its members.
    pub fn form(&self) -> Form {
        match self.event {
            b"depthUpdate" if is_partial(self.stream) => Form::PartialDepth,
            b"depthUpdate" => Form::Depth,
            b"bookTicker" => Form::BookTicker,
            b"trade" => Form::Trade,
            b"aggTrade" => Form::AggTrade,
            b"kline" => Form::Kline,
            b"markPriceUpdate" => Form::MarkPrice,
            b"forceOrder" => Form::ForceOrder,
            b"" if !self.snapshot_id.is_empty() && self.bids.starts_with(b"[") => {
                if is_partial(self.stream) {
                    Form::PartialDepth
                } else {
                    Form::Snapshot
                }
            }
            b"" if [self.last_id, self.bids, self.bid_qty, self.asks, self.ask_qty]
                .iter()
                .all(|v| !v.is_empty()) =>
            {
                Form::BookTicker
            }
            _ => Form::Other,
        }
    }

    fn set(&mut self, key: &[u8], value: &'a [u8]) {
        let member = match key {
            b"e" => &mut self.event,
            b"E" => &mut self.event_time,
            b"T" => &mut self.trade_time,
            b"s" | b"symbol" => &mut self.symbol,
            b"ps" | b"pair" => &mut self.pair,
            b"U" => &mut self.first_id,
            b"u" => &mut self.last_id,
            b"pu" => &mut self.previous_id,
            b"lastUpdateId" => &mut self.snapshot_id,
            b"b" | b"bids" => &mut self.bids,
            b"a" | b"asks" => &mut self.asks,
            b"B" => &mut self.bid_qty,
            b"A" => &mut self.ask_qty,
            b"p" => &mut self.price,
            b"q" => &mut self.qty,
            b"t" => &mut self.trade_id,
            b"m" => &mut self.is_buyer_maker,
            b"M" => &mut self.is_best_match,
            b"X" => &mut self.execution_type,
            b"r" => &mut self.rate,
            b"i" => &mut self.index_price,
            b"k" => &mut self.kline,
            b"o" => &mut self.order,
            _ => return,
        };
        *member = value;
    }
}

/// Whether a stream states the best 5, 10 or 20 levels (`btcusdt@depth20@100ms`) and not changes (`btcusdt@depth@100ms`).
fn is_partial(stream: &[u8]) -> bool {
    const NAME: &[u8] = b"@depth";
    memmem::find(stream, NAME).is_some_and(|at| stream.get(at + NAME.len()).is_some_and(u8::is_ascii_digit))
}

/// One member of an object that is not nested further: a bar's or an order's.
pub(crate) fn member<'a>(object: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut scanner = Scanner { bytes: object, at: 0 };
    scanner.pass(b'{')?;
    loop {
        let name = scanner.text()?;
        scanner.pass(b':')?;
        let value = scanner.value()?;
        if name == key {
            return Some(value);
        }
        scanner.pass(b',')?;
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn pass(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// An object's members; of the outer one the wrapped object's too.
    fn members(&mut self, message: &mut Message<'a>, is_outer: bool) -> Option<()> {
        self.pass(b'{')?;
        if self.peek()? == b'}' {
            return self.pass(b'}');
        }
        loop {
            let key = self.key()?;
            match key {
                b"data" if is_outer && self.peek()? == b'{' => self.members(message, false)?,
                b"stream" => message.stream = self.value()?,
                _ => {
                    let value = self.value()?;
                    message.set(key, value);
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.pass(b'}'),
            }
        }
    }

    /// A key with the colon after it. Most are one letter long.
    #[inline]
    fn key(&mut self) -> Option<&'a [u8]> {
        if let Some([b'"', letter @ .., b'"', b':']) = self.bytes.get(self.at..)?.first_chunk::<4>()
            && !matches!(letter, b"\"" | b"\\")
        {
            let key = &self.bytes[self.at + 1..self.at + 2];
            self.at += 4;
            return Some(key);
        }
        let key = self.text()?;
        self.pass(b':')?;
        Some(key)
    }

    /// A string without escapes.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?.strip_prefix(b"\"")?;
        let length = run(rest, *b"\"\\")?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 2;
        Some(&rest[..length])
    }

    /// Any value: a string without its marks, everything else as it stands.
    #[inline]
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        match self.peek()? {
            b'"' => return self.text(),
            b'[' if self.bytes[start..].starts_with(b"[[") => {
                self.at += memmem::find(&self.bytes[start..], b"]]")? + 2;
            }
            b'[' | b'{' => self.nested(0)?,
            b'0'..=b'9' | b'-' | b't' | b'f' | b'n' => {
                self.at += run(&self.bytes[start..], *b",}")?;
            }
            _ => return None,
        }
        Some(&self.bytes[start..self.at])
    }

    /// Passes an array or object with what is in it.
    fn nested(&mut self, depth: usize) -> Option<()> {
        let close = if self.peek()? == b'[' { b']' } else { b'}' };
        self.at += 1;
        if depth == DEPTH_MAX {
            return None;
        }
        loop {
            match self.peek()? {
                b'[' | b'{' => self.nested(depth + 1)?,
                b'"' => {
                    self.text()?;
                }
                b']' | b'}' => return self.pass(close),
                b'\\' | 0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }
}

/// Bytes before the first of two that end a value.
///
/// Values are about ten bytes long: too short for a call of a general search to pay, long enough to look at eight at a time.
#[inline]
fn run(bytes: &[u8], ends: [u8; 2]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut length = 0;
    while let Some(chunk) = bytes.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        // The lowest high bit left marks the first byte that equals an end; above it borrows may mark others.
        let marks = ends.iter().fold(0, |marks, end| {
            let zeroed = word ^ (ONES * u64::from(*end));
            marks | (zeroed.wrapping_sub(ONES) & !zeroed & HIGHS)
        });
        if marks != 0 {
            return Some(length + (marks.trailing_zeros() / 8) as usize);
        }
        length += 8;
    }
    bytes[length..].iter().position(|byte| ends.contains(byte)).map(|rest| length + rest)
}

/// Well-formed JSON as the scanner takes it: no space between tokens. False where it is no JSON.
pub(crate) fn compact(json: &[u8], into: &mut Vec<u8>) -> bool {
    into.clear();
    if serde_json::from_slice::<serde::de::IgnoredAny>(json).is_err() {
        return false;
    }
    let mut rest = json;
    while let Some(mark) = memchr(b'"', rest) {
        into.extend(rest[..mark].iter().filter(|byte| !byte.is_ascii_whitespace()));
        let text = &rest[mark..];
        let mut end = 1;
        while text.get(end).is_some_and(|byte| *byte != b'"') {
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        let end = (end + 1).min(text.len());
        into.extend_from_slice(&text[..end]);
        rest = &text[end..];
    }
    into.extend(rest.iter().filter(|byte| !byte.is_ascii_whitespace()));
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEPTH: &str = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[["1.5","2"]],"a":[]}}"#;

    #[test]
    fn members_are_found_in_any_order_and_with_spaces() {
        let message = Message::scan(DEPTH.as_bytes()).expect("well formed");
        assert_eq!(message.form(), Form::Depth);
        assert_eq!(
            (message.first_id, message.last_id, message.previous_id),
            (&b"5"[..], &b"7"[..], &b"4"[..])
        );
        assert_eq!((message.bids, message.asks), (&br#"[["1.5","2"]]"#[..], &b"[]"[..]));
        let turned = r#" { "data": {"a": [], "b": [ ["1.5", "2"] ], "pu":4, "u":7, "U":5, "s":"BTCUSDT", "T":1, "E":2, "e":"depthUpdate"}, "stream":"btcusdt@depth@0ms" }"#;
        assert_eq!(Message::scan(turned.as_bytes()), None);
        let mut scratch = Vec::new();
        assert!(compact(turned.as_bytes(), &mut scratch));
        assert_eq!(Message::scan(&scratch), Some(message));
    }

    #[test]
    fn forms_are_told_by_name_stream_or_members() {
        let form = |json: &str| Message::scan(json.as_bytes()).map(|message| message.form());
        assert_eq!(form(r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#), Some(Form::Snapshot));
        let partial = r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}"#;
        assert_eq!(form(partial), Some(Form::PartialDepth));
        let quote = r#"{"u":1,"s":"X","b":"1","B":"1","a":"2","A":"1"}"#;
        assert_eq!(form(quote), Some(Form::BookTicker));
        assert_eq!(form(r#"{"result":null,"id":1}"#), Some(Form::Other));
        assert_eq!(form(r#"{"e":"24hrTicker","x":{"y":[1,{"z":"]"}]}}"#), Some(Form::Other));
        for bad in ["", "{", "{}x", r#"{"e":}"#, r#"{"e":1"#, r#"{"e" :1}"#, r#"{"e":"\n"}"#, r#"{"e":[1}"#] {
            assert_eq!(form(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_member_of_a_bar_is_found() {
        assert_eq!(member(br#"{"t":1,"o":"2.5","x":true}"#, b"o"), Some(&b"2.5"[..]));
        assert_eq!(member(br#"{"t":1,"x":true}"#, b"x"), Some(&b"true"[..]));
        assert_eq!(member(br#"{"t":1}"#, b"x"), None);
    }

    proptest! {
        #[test]
        fn a_run_ends_where_the_plain_search_says(bytes in prop::collection::vec(prop::sample::select(b"\"\\\t!#\x80\xa2\xff".to_vec()), 0..40)) {
            let ends = *b"\"\\";
            prop_assert_eq!(run(&bytes, ends), bytes.iter().position(|byte| ends.contains(byte)));
        }

        #[test]
        fn a_message_with_one_byte_changed_never_panics(at in 0..DEPTH.len(), byte in any::<u8>(), cut in 0..DEPTH.len()) {
            let mut bytes = DEPTH.as_bytes().to_vec();
            bytes[at] = byte;
            let mut scratch = Vec::new();
            let _ = (Message::scan(&bytes), Message::scan(&bytes[..cut]), compact(&bytes, &mut scratch));
        }
    }
}
