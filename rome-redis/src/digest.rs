//! Digests of scanned members, computed here from what was read and by the apply script from what is there.
//!
//! SHA-1, the one hash that Redis offers to scripts, over lengths, keys and versions, chained: each link covers the link
//! before it and [`CHUNK`] members, so that a script never holds a large span at once. It guards against accidents of
//! concurrency, not against an attacker: who can choose colliding keys may write here anyway.

use bytes::Bytes;
use rome_store::{Digest, TxId};
use sha1_smol::Sha1;

/// How many members go into one link; the scripts have the same number.
const CHUNK: u32 = 128;

/// Computes a digest member by member.
#[derive(Default)]
pub(crate) struct Digester {
    link: Sha1,
    in_link: u32,
    chain: Option<String>,
}

impl Digester {
    /// Adds a member in its stored form, and its version where versions count.
    pub(crate) fn add(&mut self, member: &[u8], version: Option<TxId>) {
        if self.in_link == CHUNK {
            self.close();
        }
        let length = u32::try_from(member.len()).unwrap_or(u32::MAX);
        self.link.update(&length.to_be_bytes());
        self.link.update(member);
        if let Some(version) = version {
            self.link.update(&version.to_bytes());
        }
        self.in_link += 1;
    }

    fn close(&mut self) {
        let chain = self.link.digest().to_string();
        self.link.reset();
        self.link.update(chain.as_bytes());
        self.chain = Some(chain);
        self.in_link = 0;
    }

    /// The digest of what was added; empty if nothing was.
    pub(crate) fn finish(mut self) -> Digest {
        if self.in_link > 0 {
            self.close();
        }
        Digest(self.chain.map_or_else(Bytes::new, Bytes::from))
    }
}
