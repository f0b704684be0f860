//! The hashes of image data.

use std::io::{self, Read};

use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

use crate::config::Hash;

/// The hashes of some data, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Its MD5.
    pub checksum: String,
    /// The name of the secure hash.
    pub hash_algo: &'static str,
    /// Its secure hash.
    pub hash_value: String,
}

/// Hashes data as it comes.
pub struct Hasher {
    md5: Md5,
    secure: Secure,
}

enum Secure {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Starts with nothing.
    #[must_use]
    pub fn new(hash: Hash) -> Self {
        let secure = match hash {
            Hash::Sha256 => Secure::Sha256(Sha256::new()),
            Hash::Sha384 => Secure::Sha384(Sha384::new()),
            Hash::Sha512 => Secure::Sha512(Sha512::new()),
        };
        Self { md5: Md5::new(), secure }
    }

    /// Takes the next part of the data.
    pub fn update(&mut self, part: &[u8]) {
        self.md5.update(part);
        match &mut self.secure {
            Secure::Sha256(hash) => hash.update(part),
            Secure::Sha384(hash) => hash.update(part),
            Secure::Sha512(hash) => hash.update(part),
        }
    }

    /// Takes all that a source has, and tells how many bytes that was.
    ///
    /// # Errors
    /// What the source fails with.
    pub fn read(&mut self, source: &mut impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let n = source.read(&mut buffer)?;
            if n == 0 {
                return Ok(size);
            }
            self.update(buffer.get(..n).unwrap_or_default());
            size += n as u64;
        }
    }

    /// The hashes of all that came.
    #[must_use]
    pub fn finish(self) -> Digests {
        let (hash_algo, hash_value) = match self.secure {
            Secure::Sha256(hash) => (Hash::Sha256.name(), hex(&hash.finalize())),
            Secure::Sha384(hash) => (Hash::Sha384.name(), hex(&hash.finalize())),
            Secure::Sha512(hash) => (Hash::Sha512.name(), hex(&hash.finalize())),
        };
        Digests { checksum: hex(&self.md5.finalize()), hash_algo, hash_value }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::Hasher;
    use crate::config::Hash;

    #[test]
    fn the_hashes_are_those_of_the_whole() {
        let mut hasher = Hasher::new(Hash::Sha256);
        hasher.update(b"a");
        hasher.update(b"bc");
        let digests = hasher.finish();
        assert_eq!(digests.checksum, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.hash_value, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
