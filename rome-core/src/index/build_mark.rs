//! How far the build of an index is in a partition, as it is stored there.

use bytes::Bytes;

use crate::store::IndexId;

/// The first byte of a mark: what follows is the last row's key, or nothing does and all rows are done.
const AFTER: u8 = 0;
const DONE: u8 = 1;

/// How far a build is in a partition. It goes through the rows in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BuildMark {
    /// It has not begun.
    Nothing,
    /// It has done the rows up to the one with this key.
    UpTo(Bytes),
    /// It has done all rows.
    All,
}

impl BuildMark {
    /// What a stored mark says; a mark that is absent says that nothing is done.
    pub fn of_mark(mark: Option<Bytes>) -> Self {
        match mark.as_deref().and_then(<[u8]>::split_first) {
            Some((&DONE, _)) => Self::All,
            Some((_, key)) => Self::UpTo(Bytes::copy_from_slice(key)),
            None => Self::Nothing,
        }
    }

    /// Its stored form.
    pub fn mark(&self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::UpTo(key) => [&[AFTER], key.as_ref()].concat().into(),
            Self::All => Bytes::from_static(&[DONE]),
        }
    }

    /// Whether the row under `key` is done.
    pub fn has(&self, key: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::UpTo(last) => key <= last.as_ref(),
            Self::All => true,
        }
    }
}

/// Where the catalog's space has how far a build is in a partition.
pub(crate) fn mark_of(index: IndexId) -> Bytes {
    let mut key = b"build/".to_vec();
    key.extend_from_slice(&index.0.to_be_bytes());
    key.into()
}
