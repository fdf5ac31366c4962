//! Why a command did not end well, and the exit code that tells.

use std::fmt;

/// Kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Usage or configuration.
    Usage,
    /// Input data.
    Input,
    /// The machine or the run itself.
    Runtime,
    /// A check found a difference.
    Difference,
}

impl Fault {
    /// Exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Input => 3,
            Self::Runtime => 4,
            Self::Difference => 5,
        }
    }
}

/// A failure with words for people: what, where, and what would mend it.
#[derive(Debug)]
pub struct Failure {
    /// Kind.
    pub fault: Fault,
    /// Words.
    pub text: String,
}

impl Failure {
    /// Usage or configuration.
    pub fn usage(text: impl fmt::Display) -> Self {
        Self { fault: Fault::Usage, text: text.to_string() }
    }

    /// Input data.
    pub fn input(text: impl fmt::Display) -> Self {
        Self { fault: Fault::Input, text: text.to_string() }
    }

    /// Run-time.
    pub fn runtime(text: impl fmt::Display) -> Self {
        Self { fault: Fault::Runtime, text: text.to_string() }
    }

    /// A difference found.
    pub fn difference(text: impl fmt::Display) -> Self {
        Self { fault: Fault::Difference, text: text.to_string() }
    }

    /// A file that could not be written.
    pub fn write(path: &std::path::Path, error: impl fmt::Display) -> Self {
        Self::runtime(format!("{}: cannot be written: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
