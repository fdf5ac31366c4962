//! The two files of a LOBSTER day: which is which by their names, and where the one stands that belongs to the other.

use std::path::{Path, PathBuf};

use crate::Stream;
use crate::stream::{Member, Packing, members, packing_of};
use crate::tick_file::FileError;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Messages,
    Orderbook,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Messages => "_message",
            Self::Orderbook => "_orderbook",
        }
    }

    fn is_named(self, name: &str) -> bool {
        base_name(name).contains(self.word()) && name.ends_with(".csv")
    }
}

/// Whether an archive is one of LOBSTER's: exactly one message file in it.
pub fn is_archive(members: &[Member]) -> bool {
    let is_message = |member: &&Member| Part::Messages.is_named(&member.name);
    members.iter().filter(is_message).count() == 1
}

/// Opens one of the two: the file itself, or its member of an archive. Gives also the name that tells ticker and date.
pub(super) fn part_stream(path: &Path, part: Part) -> Result<(Stream, String), FileError> {
    let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if packing_of(path)? != Packing::Zip {
        return Ok((Stream::open(path)?, own_name));
    }
    let members = members(path)?;
    let named: Vec<_> = members.iter().filter(|member| part.is_named(&member.name)).collect();
    let only = match (named.as_slice(), members.as_slice()) {
        ([member], _) => *member,
        ([], [member]) => member,
        _ => {
            let fault = format!("{} of {} files are named *{}*.csv", named.len(), members.len(), part.word());
            return Err(FileError::Format { path: path.to_owned(), place: "archive".to_owned(), fault });
        }
    };
    Ok((Stream::open_member(path, &only.name)?, base_name(&only.name).to_owned()))
}

/// The orderbook file beside a message file, where there is one: in the same archive, or in the same folder, packed in
/// whatever way. Gives also what to call it.
pub(super) fn beside(path: &Path, name: &str) -> Result<Option<(Stream, String)>, FileError> {
    if packing_of(path)? == Packing::Zip
        && let Some(sibling) = sibling_of(name)
        && let Some(found) = members(path)?.iter().find(|member| base_name(&member.name) == sibling)
    {
        return Ok(Some((Stream::open_member(path, &found.name)?, found.name.clone())));
    }
    orderbook_beside(path).map(|path| Ok((Stream::open(&path)?, path.display().to_string()))).transpose()
}

/// The orderbook file in the folder of a message file, by LOBSTER's naming (`orderbook` for `message`), packed or not;
/// `None` where there is none, or the name is not of that kind.
pub fn orderbook_beside(path: &Path) -> Option<PathBuf> {
    let sibling = sibling_of(&path.file_name()?.to_string_lossy())?;
    let stem = sibling.split_once(".csv").map_or(sibling.as_str(), |(stem, _)| stem);
    let named = |ending: &str| path.with_file_name(format!("{stem}{ending}"));
    let endings = [".csv", ".csv.gz", ".csv.zst", ".csv.xz", ".csv.zip"].map(named);
    endings.into_iter().find(|path| path.is_file())
}

fn sibling_of(name: &str) -> Option<String> {
    let sibling = name.replacen(Part::Messages.word(), Part::Orderbook.word(), 1);
    (sibling != name).then_some(sibling)
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
