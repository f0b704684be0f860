//! The names of transactions.

use std::fmt;

/// Names a transaction, and is the version of every row that it wrote. Never reused: a deleted and re-created row never
/// gets an old version back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TxId {
    /// Which lane ran it; a lane runs one transaction at a time.
    pub lane: u64,
    /// Its place in the lane, rising.
    pub seq: u64,
}

impl TxId {
    /// The length of its binary form.
    pub const LEN: usize = 16;

    /// Its binary form, big-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        ((u128::from(self.lane) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// From its binary form.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let joined = u128::from_be_bytes(bytes);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves are taken apart")]
        Self { lane: (joined >> 64) as u64, seq: joined as u64 }
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.lane, self.seq)
    }
}
