//! Taking in data.

use std::fs;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::held::Held;
use super::{Area, DataError, DataFolder, Digests, Hasher, sync_folder};

/// How many chunks wait for the disk before the sender has to.
const CHUNKS: usize = 8;

/// Data that came whole and is in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub size: u64,
    /// Its hashes.
    pub digests: Digests,
}

/// What the writing thread gets.
enum Part {
    Data(Bytes),
    /// The data is whole. Without this the file is dropped, however the channel came to be closed.
    End,
}

impl DataFolder {
    /// Takes in an image's data from a stream, and has it durably in its place when this returns.
    ///
    /// # Errors
    /// `Cut` if the stream fails, `Length` if another length was announced than came, `Write` if the disk does not take
    /// it. Nothing of the data is left then, nor if the future is dropped.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        area: Area,
        image_id: &str,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        announced: Option<u64>,
    ) -> Result<Received, DataError> {
        let (parts, inbox) = mpsc::channel(CHUNKS);
        let place =
            self.path(area, image_id).ok_or_else(|| DataError::Write(std::io::ErrorKind::InvalidFilename.into()))?;
        let folder = self.root.join("incoming");
        let hasher = Hasher::new(self.hash);
        let writer = tokio::task::spawn_blocking(move || write(&folder, hasher, inbox, &place, announced));
        let mut received = 0;
        let mut cut = None;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => {
                    received += chunk.len() as u64;
                    // The writer ends early only with an error, which it returns below.
                    if parts.send(Part::Data(chunk)).await.is_err() {
                        break;
                    }
                }
                Err(e) => {
                    cut = Some(e.to_string());
                    break;
                }
            }
        }
        if cut.is_none() {
            parts.send(Part::End).await.ok();
        }
        drop(parts);
        let written = writer.await.map_err(|e| DataError::Write(std::io::Error::other(e)))?;
        cut.map_or(written, |reason| Err(DataError::Cut { received, reason }))
    }
}

/// Writes what comes into a file of `incoming`, which is removed unless all of it came, and moves it in place.
fn write(
    folder: &Path,
    mut hasher: Hasher,
    mut inbox: mpsc::Receiver<Part>,
    place: &Path,
    announced: Option<u64>,
) -> Result<Received, DataError> {
    let mut incoming = Held::create(folder, "data").map_err(DataError::Write)?;
    let mut size = 0;
    loop {
        match inbox.blocking_recv() {
            Some(Part::Data(chunk)) => {
                incoming.file().write_all(&chunk).map_err(DataError::Write)?;
                hasher.update(&chunk);
                size += chunk.len() as u64;
            }
            Some(Part::End) => break,
            None => return Err(DataError::Cut { received: size, reason: "the sender went away".to_owned() }),
        }
    }
    if let Some(announced) = announced.filter(|announced| *announced != size) {
        return Err(DataError::Length { announced, received: size });
    }
    incoming.file().sync_all().map_err(DataError::Write)?;
    fs::rename(incoming.path(), place).map_err(DataError::Write)?;
    if let Some(folder) = place.parent() {
        sync_folder(folder).map_err(DataError::Write)?;
    }
    Ok(Received { size, digests: hasher.finish() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use bytes::Bytes;
    use futures::stream;

    use crate::config::Hash;
    use crate::data::{Area, DataError, DataFolder};

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
        let received = data.receive(Area::Store, "x", body, Some(3)).await.unwrap();
        assert_eq!((received.size, received.digests.checksum.as_str()), (3, "900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(std::fs::read(folder.path().join("store1/x")).unwrap(), b"abc");
        assert_eq!(files(folder.path()), 1);
    }

    #[tokio::test]
    async fn a_cut_or_short_stream_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let cut = data.receive(Area::Store, "x", stream::iter(chunks(&[Ok("abc"), Err("gone")])), None).await;
        assert!(matches!(cut, Err(DataError::Cut { received: 3, .. })), "{cut:?}");
        let short = data.receive(Area::Staging, "x", stream::iter(chunks(&[Ok("abc")])), Some(4)).await;
        assert!(matches!(short, Err(DataError::Length { announced: 4, received: 3 })), "{short:?}");
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn imported_data_moves_and_is_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let staged = data.receive(Area::Staging, "x", stream::iter(chunks(&[Ok("abc")])), None).await.unwrap();
        assert_eq!(data.import("x").unwrap(), staged);
        assert!(data.has(Area::Store, "x") && !data.has(Area::Staging, "x"));
        // A service that was killed before it wrote the hashes down imports again.
        assert_eq!(data.import("x").unwrap(), staged);
        assert!(data.import("y").is_err());
    }
}
