//! What taking in data can fail with.

use std::io;

/// What taking in data can fail with. Nothing of the data is left then.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The sender went away or sent garbage.
    #[error("the upload was cut off after {received} bytes: {reason}")]
    Cut {
        /// How many bytes had come.
        received: u64,
        /// What the connection said.
        reason: String,
    },
    /// There were not as many bytes as announced.
    #[error("{announced} bytes were announced and {received} came")]
    Length {
        /// What was announced.
        announced: u64,
        /// What came.
        received: u64,
    },
    /// There were not as many bytes in a time as there have to be.
    #[error(
        "the upload was cut off after {received} bytes: it was slower than 64 KiB in {seconds} s (--upload-timeout)"
    )]
    Slow {
        /// How many bytes had come.
        received: u64,
        /// How long the service waited.
        seconds: u64,
    },
    /// There is more than there may be.
    #[error("{0}")]
    NoRoom(String),
    /// The file system refused.
    #[error("image data cannot be stored: {0}")]
    Write(#[source] io::Error),
}

impl DataError {
    /// Whether there is no room left for the data.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Write(e) if matches!(e.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}
