//! What a store can do.

use crate::{StoreError, StoreErrorKind, StoreResult};

/// The newest contract that this crate describes.
///
/// Its number rises where stores are asked for what those of the contract before do not know; each step is in the changelog. A store
/// says which one it was written for, in its [`Capabilities`], and is not asked for more.
pub const CONTRACT: u32 = 1;

/// How safe an acknowledged write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// In the memory of the serving process; a crash of it may lose the write, never tear it.
    Memory,
    /// On the disk of the serving process (`fsync`ed). The default. A store without a disk treats it as `Memory`.
    #[default]
    Local,
    /// In the memory of the serving process and of this many replicas.
    Replicated(u8),
    /// On the disk of the serving process and of this many replicas.
    ReplicatedLocal(u8),
}

/// What a store can do and how much it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Which contract the store was written for: up to [`CONTRACT`].
    pub contract: u32,
    /// A short name for logs and plans, such as `memory` or `embedded`.
    pub name: &'static str,
    /// How many partitions the key space is cut into, at least one.
    pub partitions: u32,
    /// The longest key, in bytes.
    pub max_key: usize,
    /// The longest value, in bytes.
    pub max_value: usize,
    /// The most effects in one minitransaction.
    pub max_effects: usize,
    /// The strongest durability that it gives.
    pub durability: Durability,
    /// Whether acknowledged data outlives the process.
    pub persistent: bool,
    /// Whether a reverse scan with a limit costs as much as a forward one: it reads about as many members as it visits, not the
    /// whole span.
    pub cheap_reverse_scans: bool,
    /// Whether to [count](crate::Read::Count) the members of any span costs less than to visit them: no more than a few lookups.
    pub cheap_counts: bool,
    /// Whether it gives [snapshots](crate::Store::snapshot).
    pub snapshots: bool,
}

impl Capabilities {
    /// Capabilities of a store that was written for this contract, with one partition and the default limits: keys of 4 KiB, values of 64 MiB,
    /// a million effects. Neither reverse scans nor counts are called cheap, and it has no
    /// snapshots.
    ///
    /// Write the contract as a number, and raise it when the store answers what the next one asks for: [`CONTRACT`] itself would rise with
    /// this crate, and claim what the store does not know.
    ///
    /// ```
    /// use rome_store::{Capabilities, Durability};
    ///
    /// let mut capabilities = Capabilities::new(1, "sorted-file", Durability::Local, true);
    /// capabilities.cheap_counts = true;
    /// assert_eq!((capabilities.contract, capabilities.partitions), (1, 1));
    /// ```
    #[must_use]
    pub const fn new(contract: u32, name: &'static str, durability: Durability, persistent: bool) -> Self {
        Self {
            contract,
            name,
            partitions: 1,
            max_key: 4096,
            max_value: 64 << 20,
            max_effects: 1 << 20,
            durability,
            persistent,
            cheap_reverse_scans: false,
            cheap_counts: false,
            snapshots: false,
        }
    }

    /// Refuses a store of a contract that this crate does not describe: what it needs may not be known here.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`], with both numbers.
    pub fn check_contract(&self) -> StoreResult<()> {
        if (1..=CONTRACT).contains(&self.contract) {
            return Ok(());
        }
        let (name, contract) = (self.name, self.contract);
        let message = format!(
            "the store `{name}` was written for contract {contract} of `rome-store`, and this build has contracts 1 to {CONTRACT}: \
             use versions of ROME and of the store that fit"
        );
        Err(StoreError::new(StoreErrorKind::Invalid, message))
    }
}
