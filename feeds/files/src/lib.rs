//! Tick files on disk: framing, decompression, mapping.
