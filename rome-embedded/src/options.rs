//! How a store is opened.

/// Which files are read and verified as a whole when they are opened.
///
/// Every record carries a checksum that each read verifies, whatever is chosen here. What those checksums cannot see is
/// damage to the tree around the records, such as a branch that no longer leads to a leaf; only the whole pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// Every file.
    Always,
    /// Files of at most this many bytes.
    UpTo(u64),
    /// None, except after a crash, which needs the pass anyway.
    Never,
}

/// What a restart after a crash costs, against what a commit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recovery {
    /// A commit syncs the disk once; the first open after a crash reads the whole file.
    #[default]
    Scan,
    /// A commit syncs the disk twice and writes more; the first open after a crash is as fast as any other.
    Quick,
}

/// Options of [`EmbeddedStore::open`](crate::EmbeddedStore::open).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// The most memory, in bytes, for pages of the file. 256 MiB by default.
    pub cache_bytes: usize,
    /// Which files are verified as a whole when they are opened. Those up to 256 MiB by default.
    pub verify: Verify,
    /// What a restart after a crash costs. [`Recovery::Scan`] by default.
    pub recovery: Recovery,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, verify: Verify::UpTo(256 << 20), recovery: Recovery::Scan }
    }
}

impl EmbeddedOptions {
    /// The same options with another size of the page cache, in bytes.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The same options with another choice of files to verify.
    #[must_use]
    pub const fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// The same options with another choice between cheap commits and cheap restarts after a crash.
    #[must_use]
    pub const fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }

    pub(crate) const fn verifies(&self, file_len: u64) -> bool {
        match self.verify {
            Verify::Always => true,
            Verify::UpTo(most) => file_len <= most,
            Verify::Never => false,
        }
    }
}
