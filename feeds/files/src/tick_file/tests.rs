//! Compression is found by content, and a broken stream gives what it held.

use std::io::Write;

use super::*;

/// Four megabytes that compress, but not to nothing.
fn content() -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    (0..4_000_000).map(|_| next()).collect()
}

fn stored(bytes: &[u8]) -> tempfile::NamedTempFile {
    // The name says nothing of what is inside.
    let mut file = tempfile::NamedTempFile::with_suffix(".itch").unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_gzip_and_zstd_give_the_same_bytes_whatever_the_name() {
    let content = content();
    let two_members = [gzip(&content[..1_000]), gzip(&content[1_000..])].concat();
    for (bytes, compression) in [
        (content.clone(), Compression::Plain),
        (gzip(&content), Compression::Gzip),
        (two_members, Compression::Gzip),
        (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd),
    ] {
        let file = stored(&bytes);
        let mut last = (0, 0);
        let tick_file = TickFile::open_with(file.path(), |done, total| last = (done, total)).unwrap();
        assert_eq!(tick_file.compression(), compression);
        assert!(tick_file.as_slice() == content);
        assert_eq!(tick_file.stored_bytes(), bytes.len() as u64);
        assert!(tick_file.fault().is_none());
        if compression != Compression::Plain {
            assert_eq!(last, (bytes.len() as u64, bytes.len() as u64), "progress reaches the end");
        }
    }
}

#[test]
fn a_stream_cut_short_gives_what_it_held_and_says_where() {
    let content = content();
    for bytes in [gzip(&content), zstd::encode_all(&content[..], 1).unwrap()] {
        let cut = bytes.len() / 2;
        let file = stored(&bytes[..cut]);
        let tick_file = TickFile::open(file.path()).unwrap();
        let held = tick_file.as_slice();
        assert!(held.len() > content.len() / 4 && held.len() < content.len(), "{}", held.len());
        assert!(content.starts_with(held));
        let Some(FileError::Compressed { stored_offset, plain_bytes, .. }) = tick_file.fault() else {
            panic!("a fault")
        };
        assert_eq!(*plain_bytes, held.len() as u64);
        assert_eq!(*stored_offset, cut as u64);
    }
}

#[test]
fn a_damaged_stream_is_told_and_not_believed_to_be_whole() {
    let mut bytes = gzip(&content());
    let last = bytes.len() - 6;
    // The checksum at the end no longer matches.
    bytes[last] ^= 0xff;
    let tick_file = TickFile::open(stored(&bytes).path()).unwrap();
    assert!(matches!(tick_file.fault(), Some(FileError::Compressed { .. })));
}

#[test]
fn an_empty_file_is_no_bytes_and_a_missing_one_names_itself() {
    assert!(TickFile::open(stored(b"").path()).unwrap().as_slice().is_empty());
    let error = TickFile::open("no/such/file.itch").unwrap_err();
    assert!(error.to_string().contains("no/such/file.itch"), "{error}");
}
