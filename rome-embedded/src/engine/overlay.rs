//! A storage that is only read: what is written to it stays in memory, and is read back from there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

use super::disk::forward_locks;

/// The unit in which writes are kept, in bytes.
const BLOCK: usize = 4096;

/// Writes over the bytes of another storage, which stays as it is.
#[derive(Debug)]
pub(super) struct Overlay {
    under: Box<dyn StorageBackend>,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    len: u64,
    /// How many bytes of the storage under it are seen: less than it has after it was made shorter and longer again.
    seen: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

/// The parts of a range that lie in one block each: the block, where in it, and where in the range.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK as u64).expect("less than a block");
        let part = done..len.min(done + BLOCK - within);
        done = part.end;
        Some((at / BLOCK as u64, within, part))
    })
}

impl Overlay {
    pub(super) fn over(under: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = under.len()?;
        Ok(Self { under, over: Mutex::new(Over { len, seen: len, blocks: BTreeMap::new() }) })
    }

    fn lock(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the storage under it; zeros behind what is seen of that.
    fn read_under(&self, seen: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(seen.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        let (from_under, behind) = out.split_at_mut(there);
        behind.fill(0);
        if from_under.is_empty() { Ok(()) } else { self.under.read(offset, from_under) }
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.lock();
        if offset.saturating_add(out.len() as u64) > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_under(over.seen, offset, out)?;
        for (block, within, part) in parts(offset, out.len()) {
            if let Some(bytes) = over.blocks.get(&block) {
                let len = part.len();
                out[part].copy_from_slice(&bytes[within..within + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.lock();
        if len < over.len {
            over.seen = over.seen.min(len);
            over.blocks.retain(|block, _| block * (BLOCK as u64) < len);
            let (last, within) = (len / BLOCK as u64, (len % BLOCK as u64) as usize);
            if let Some(bytes) = over.blocks.get_mut(&last) {
                bytes[within..].fill(0);
            }
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.lock();
        let seen = over.seen;
        for (block, within, part) in parts(offset, data.len()) {
            let bytes = match over.blocks.entry(block) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(free) => {
                    let mut bytes = vec![0; BLOCK].into_boxed_slice();
                    self.read_under(seen, block * BLOCK as u64, &mut bytes)?;
                    free.insert(bytes)
                }
            };
            bytes[within..within + part.len()].copy_from_slice(&data[part]);
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }

    forward_locks!(under);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn it_reads_as_a_storage_that_was_written_and_leaves_the_one_under_it() {
        let (under, model) = (InMemoryBackend::new(), InMemoryBackend::new());
        let original: Vec<u8> = (0..10_000u32).map(|n| n as u8 | 1).collect();
        for storage in [&under, &model] {
            storage.set_len(10_000).unwrap();
            storage.write(0, &original).unwrap();
        }
        let overlay = Overlay::over(Box::new(under)).unwrap();
        let mut dice = 0x9E37_79B9u64;
        let mut roll = |most: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % most
        };
        for step in 0..2000 {
            let len = model.len().unwrap();
            assert_eq!(overlay.len().unwrap(), len, "step {step}");
            if roll(10) == 0 {
                let new = 1 + roll(30_000);
                overlay.set_len(new).unwrap();
                model.set_len(new).unwrap();
                continue;
            }
            let offset = roll(len);
            let data = vec![step as u8; (1 + roll(9_000).min(len - offset - 1)) as usize];
            overlay.write(offset, &data).unwrap();
            model.write(offset, &data).unwrap();
            let (mut seen, mut expected) = (vec![0; len as usize], vec![0; len as usize]);
            overlay.read(0, &mut seen).unwrap();
            model.read(0, &mut expected).unwrap();
            assert!(seen == expected, "step {step}");
            assert!(overlay.read(len, &mut [0]).is_err());
        }
        let mut left = vec![0; 10_000];
        overlay.under.read(0, &mut left).unwrap();
        assert!(left == original);
    }
}
