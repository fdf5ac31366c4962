//! Order entry encodings.
