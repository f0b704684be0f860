//! Giving data out.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};

/// How much is read at once. A read hops to a blocking thread and back, so it should be worth it.
const CHUNK: u64 = 512 * 1024;

/// The bytes of a file from `start` on, `length` of them, read as fast as they are taken.
pub fn stream(file: File, start: u64, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let file = Arc::new(file);
    stream::try_unfold((start, length), move |(at, left)| {
        let file = Arc::clone(&file);
        async move {
            if left == 0 {
                return Ok(None);
            }
            let size = left.min(CHUNK);
            let chunk = tokio::task::spawn_blocking(move || read(&file, at, size)).await??;
            Ok(Some((chunk, (at + size, left - size))))
        }
    })
}

fn read(file: &File, at: u64, size: u64) -> io::Result<Bytes> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut chunk = BytesMut::zeroed(size);
    file.read_exact_at(&mut chunk, at)?;
    Ok(chunk.freeze())
}
