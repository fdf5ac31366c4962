//! The command line, run in this process.

use tickrace_cli::Streams;

/// What a command line left.
#[derive(Debug)]
pub struct Done {
    /// Exit code.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// Standard output as JSON.
    ///
    /// # Panics
    ///
    /// Where it is not exactly one JSON value; both streams are shown.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| {
            panic!("not JSON ({error}), code {}:\n{}\n{}", self.code, self.out, self.err)
        })
    }
}

/// Runs `tickrace` with `args`.
pub fn tickrace(args: &[&str]) -> Done {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
    let code = tickrace_cli::run(std::iter::once("tickrace").chain(args.iter().copied()), &mut streams);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code, out: text(out), err: text(err) }
}
