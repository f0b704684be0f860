//! Taking in data.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::held::Held;
use super::{Area, DataError, DataFolder, Digests, Hasher, sync_folder};

/// How many bytes are gathered before they are written. A write hops to a blocking thread and back, so it should be worth it.
const BATCH: usize = 256 * 1024;

/// How many bytes have to come in the time that an upload has for its next step.
const STEP: u64 = 64 * 1024;

/// Data that came whole and is in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub size: u64,
    /// Its hashes.
    pub digests: Digests,
}

/// What is known of data before it comes.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// How many bytes were announced.
    pub announced: Option<u64>,
    /// How long the next 64 KiB may take.
    pub time: Duration,
}

impl DataFolder {
    /// Takes in an image's data from a stream, and has it durably in its place when this returns. No thread waits for the
    /// stream: what came is written in batches, while the next one comes. `fits` says of each part that comes whether there
    /// is room for it, before it is written, and if not why.
    ///
    /// # Errors
    /// `Cut` if the stream fails, `Slow` if it takes too long, `Length` if another length was announced than came, `NoRoom` by
    /// `fits`, `Write` if the disk does not take it. Nothing of the data is left then, nor if the future is dropped. The stream
    /// is left where it was.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        area: Area,
        image_id: &str,
        body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
        expected: Expected,
        mut fits: impl FnMut(u64) -> Result<(), String>,
    ) -> Result<Received, DataError> {
        let place = self.path(area, image_id).ok_or_else(|| DataError::Write(io::ErrorKind::InvalidFilename.into()))?;
        let (folder, hasher) = (self.root.join("incoming"), Hasher::new(self.hash));
        let mut writer = Writing::new(move || {
            Ok(Incoming { held: Held::create(&folder, "data").map_err(DataError::Write)?, hasher, size: 0 })
        });
        if let Err(e) = gather(&mut writer, body, expected, &mut fits).await {
            // A write may be under way; with it the file is gone.
            writer.done().await.ok();
            return Err(e);
        }
        let incoming = writer.done().await?;
        spawn_blocking(move || incoming.put(place)).await.unwrap_or_else(ended)
    }
}

/// Writes what comes of a stream, all of it.
async fn gather<E: std::fmt::Display>(
    writer: &mut Writing,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    Expected { announced, time }: Expected,
    fits: &mut impl FnMut(u64) -> Result<(), String>,
) -> Result<(), DataError> {
    let (mut received, mut step) = (0_u64, 0_u64);
    let mut deadline = Instant::now() + time;
    let mut batch = Vec::new();
    let mut gathered = 0;
    loop {
        let slow = |_| DataError::Slow { received, seconds: time.as_secs() };
        let chunk = match timeout_at(deadline, body.next()).await.map_err(slow)? {
            Some(Ok(chunk)) => chunk,
            Some(Err(e)) => return Err(DataError::Cut { received, reason: e.to_string() }),
            None => break,
        };
        let more = chunk.len() as u64;
        received = received.saturating_add(more);
        if let Some(announced) = announced.filter(|announced| received > *announced) {
            return Err(DataError::Length { announced, received });
        }
        fits(more).map_err(DataError::NoRoom)?;
        step += more;
        if step >= STEP {
            (step, deadline) = (0, Instant::now() + time);
        }
        gathered += chunk.len();
        batch.push(chunk);
        if gathered >= BATCH {
            writer.write(std::mem::take(&mut batch)).await?;
            gathered = 0;
            // What the disk took of the time is not the sender's.
            deadline = Instant::now() + time;
        }
    }
    if let Some(announced) = announced.filter(|announced| *announced != received) {
        return Err(DataError::Length { announced, received });
    }
    writer.write(batch).await
}

/// A file of `incoming`, which is removed when dropped.
struct Incoming {
    held: Held,
    hasher: Hasher,
    size: u64,
}

impl Incoming {
    fn write(mut self, batch: Vec<Bytes>) -> Result<Self, DataError> {
        for chunk in batch {
            self.held.file().write_all(&chunk).map_err(DataError::Write)?;
            self.hasher.update(&chunk);
            self.size += chunk.len() as u64;
        }
        Ok(self)
    }

    /// Moves it in its place, durably.
    fn put(mut self, place: PathBuf) -> Result<Received, DataError> {
        self.held.file().sync_all().map_err(DataError::Write)?;
        fs::rename(self.held.path(), &place).map_err(DataError::Write)?;
        if let Some(folder) = place.parent() {
            sync_folder(folder).map_err(DataError::Write)?;
        }
        Ok(Received { size: self.size, digests: self.hasher.finish() })
    }
}

/// One write at a time, on a blocking thread.
struct Writing(Option<JoinHandle<Result<Incoming, DataError>>>);

impl Writing {
    fn new(first: impl FnOnce() -> Result<Incoming, DataError> + Send + 'static) -> Self {
        Self(Some(spawn_blocking(first)))
    }

    /// Waits for the write before, and starts the next one.
    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), DataError> {
        let incoming = self.done().await?;
        self.0 = Some(spawn_blocking(move || incoming.write(batch)));
        Ok(())
    }

    /// The file once all is written; an error if there was one before.
    async fn done(&mut self) -> Result<Incoming, DataError> {
        let failed = || DataError::Write(io::Error::other("a write before it failed"));
        self.0.take().ok_or_else(failed)?.await.unwrap_or_else(ended)
    }
}

/// A blocking thread ends badly only if the runtime does.
fn ended<T>(e: tokio::task::JoinError) -> Result<T, DataError> {
    Err(DataError::Write(io::Error::other(e)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use bytes::Bytes;
    use futures::{Stream, StreamExt, stream};

    use super::{Expected, Received};
    use crate::config::Hash;
    use crate::data::{Area, DataError, DataFolder};

    async fn receive(
        data: &DataFolder,
        area: Area,
        mut body: impl Stream<Item = Result<Bytes, &'static str>> + Unpin,
        announced: Option<u64>,
    ) -> Result<Received, DataError> {
        let expected = Expected { announced, time: Duration::from_secs(10) };
        data.receive(area, "x", &mut body, expected, |_| Ok(())).await
    }

    fn chunks(parts: &[Result<&'static str, &'static str>]) -> Vec<Result<Bytes, &'static str>> {
        parts.iter().map(|part| part.map(|text| Bytes::from_static(text.as_bytes()))).collect()
    }

    fn files(folder: &std::path::Path) -> usize {
        ["store1", "staging", "incoming", "busy"].iter().map(|area| folder.join(area).read_dir().unwrap().count()).sum()
    }

    #[tokio::test]
    async fn data_is_in_its_place_with_its_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha256).unwrap();
        let body = stream::iter(chunks(&[Ok("a"), Ok("bc")]));
        let received = receive(&data, Area::Store, body, Some(3)).await.unwrap();
        assert_eq!((received.size, received.digests.checksum.as_str()), (3, "900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(std::fs::read(folder.path().join("store1/x")).unwrap(), b"abc");
        assert_eq!(files(folder.path()), 1);
    }

    #[tokio::test]
    async fn a_cut_or_short_stream_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let cut = receive(&data, Area::Store, stream::iter(chunks(&[Ok("abc"), Err("gone")])), None).await;
        assert!(matches!(cut, Err(DataError::Cut { received: 3, .. })), "{cut:?}");
        let short = receive(&data, Area::Staging, stream::iter(chunks(&[Ok("abc")])), Some(4)).await;
        assert!(matches!(short, Err(DataError::Length { announced: 4, received: 3 })), "{short:?}");
        settled(folder.path()).await;
    }

    #[tokio::test]
    async fn a_stream_is_cut_at_the_first_byte_that_was_not_announced_or_has_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        // A stream without an end.
        let endless = || stream::repeat_with(|| Ok::<_, &'static str>(Bytes::from_static(&[7; 1000])));
        let long = receive(&data, Area::Store, endless(), Some(2500)).await;
        assert!(matches!(long, Err(DataError::Length { announced: 2500, received: 3000 })), "{long:?}");
        let expected = Expected { announced: None, time: Duration::from_secs(10) };
        let mut left = 1_500_000;
        let mut body = endless();
        let full = data.receive(Area::Store, "x", &mut body, expected, |more| {
            left = u64::checked_sub(left, more).ok_or("full")?;
            Ok(())
        });
        let full = full.await;
        assert!(matches!(&full, Err(DataError::NoRoom(why)) if why == "full"), "{full:?}");
        settled(folder.path()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_too_slow_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let drops = stream::iter(0..1_000_000).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Bytes::from_static(b"x"))
        });
        let slow = receive(&data, Area::Store, Box::pin(drops), None).await;
        assert!(matches!(slow, Err(DataError::Slow { received: 9 | 10, seconds: 10 })), "{slow:?}");
        let stuck = receive(&data, Area::Store, stream::pending(), None).await;
        assert!(matches!(stuck, Err(DataError::Slow { received: 0, .. })), "{stuck:?}");
    }

    /// Waits until a write that was under way has ended, and what it wrote is gone.
    async fn settled(folder: &std::path::Path) {
        for _ in 0..10_000 {
            if files(folder) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("something is left");
    }

    #[tokio::test]
    async fn imported_data_moves_and_is_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let staged = receive(&data, Area::Staging, stream::iter(chunks(&[Ok("abc")])), None).await.unwrap();
        assert_eq!(data.import("x").unwrap(), staged);
        assert!(data.has(Area::Store, "x") && !data.has(Area::Staging, "x"));
        // A service that was killed before it wrote the hashes down imports again.
        assert_eq!(data.import("x").unwrap(), staged);
        assert!(data.import("y").is_err());
    }
}
