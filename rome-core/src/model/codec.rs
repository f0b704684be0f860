//! Entities and their keys as bytes, and back.

use std::cell::RefCell;

use bytes::Bytes;

use super::{Entity, Key};
use crate::error::{Error, Kind, Result};
use crate::row;
use crate::value::{RowReader, RowWriter};

/// The columns of an entity, each of which reads back as the value that the entity has.
pub(crate) fn encode<D: Entity>(entity: &D) -> Result<Vec<u8>> {
    let mut row = RowWriter::new();
    entity.write(&mut row);
    row.finish_or_fail().map_err(|(before, source)| row::not_written(D::table(), &before, source))
}

/// The entity of these columns, which lie under `key`.
pub(crate) fn decode<D: Entity>(key: &[u8], body: &[u8]) -> Result<D> {
    let mut row = RowReader::new(body);
    D::read(&mut row).map_err(|source| row::not_read(D::table(), key, body, row.position(), source))
}

thread_local! {
    /// Where keys are encoded before they are copied into a buffer of their exact length.
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The encoding of a key.
pub(crate) fn encode_key<D: Entity>(key: &D::Key) -> Bytes {
    KEY.with_borrow_mut(|out| {
        out.clear();
        key.encode(out);
        Bytes::copy_from_slice(out)
    })
}

/// The encodings of keys, all in one buffer.
pub(crate) fn encode_keys<D: Entity>(keys: impl IntoIterator<Item = D::Key>) -> Vec<Bytes> {
    let keys = keys.into_iter();
    let n = keys.size_hint().0.min(4096);
    let (mut out, mut ends) = (Vec::with_capacity(20 * n), Vec::with_capacity(n));
    for key in keys {
        key.encode(&mut out);
        ends.push(out.len());
    }
    let all = Bytes::from(out);
    let mut start = 0;
    let slice = |end| all.slice(std::mem::replace(&mut start, end)..end);
    ends.into_iter().map(slice).collect()
}

pub(crate) fn not_found<D: Entity>(entity: &D) -> Error {
    Kind::NotFound { table: D::table().name, key: row::show_key(&encode_key::<D>(&entity.key())) }.into()
}
