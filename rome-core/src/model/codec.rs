//! Entities and their keys as bytes, and back.

use std::cell::RefCell;

use bytes::Bytes;

use super::{Entity, Key};
use crate::error::{Error, Kind, Result};
use crate::row;
use crate::schema::Table;
use crate::value::{RowReader, RowWriter};

/// The columns of an entity, each of which reads back as the value that the entity has.
pub(crate) fn encode<D: Entity>(entity: &D) -> Result<Vec<u8>> {
    let mut row = RowWriter::new();
    entity.write(&mut row);
    finish(row, D::table())
}

fn finish(row: RowWriter, table: &'static Table) -> Result<Vec<u8>> {
    row.finish_or_fail().map_err(|(before, source)| row::not_written(table, &before, source))
}

/// The entity of these columns, which lie under `key`.
pub(crate) fn decode<D: Entity>(key: &[u8], body: &[u8]) -> Result<D> {
    let mut row = RowReader::new(body);
    match D::read(&mut row) {
        Ok(entity) => Ok(entity),
        Err(source) => Err(row::not_read(D::table(), key, body, row.position(), source)),
    }
}

/// The entity of a row that was found, if one was.
pub(crate) fn decode_found<D: Entity>(found: Result<Option<(Bytes, Bytes)>>) -> Result<Option<D>> {
    match found {
        Ok(Some((key, body))) => match decode(&key, &body) {
            Ok(entity) => Ok(Some(entity)),
            Err(error) => Err(error),
        },
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The entity of a row that was written.
pub(crate) fn decode_written<D: Entity>(body: Result<Bytes>) -> Result<D> {
    match body {
        Ok(body) => decode(&[], &body),
        Err(error) => Err(error),
    }
}

thread_local! {
    /// Where keys are encoded before they are copied into a buffer of their exact length.
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The encoding of a key.
pub(crate) fn encode_key<D: Entity>(key: &D::Key) -> Bytes {
    key_of(&|out| key.encode(out))
}

/// What `encode` appends. A function of no type, so that a key type costs its program little code.
fn key_of(encode: &dyn Fn(&mut Vec<u8>)) -> Bytes {
    KEY.with_borrow_mut(|out| {
        out.clear();
        encode(out);
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
    cut(out, ends)
}

fn cut(out: Vec<u8>, ends: Vec<usize>) -> Vec<Bytes> {
    let all = Bytes::from(out);
    let mut start = 0;
    let slice = |end| all.slice(std::mem::replace(&mut start, end)..end);
    ends.into_iter().map(slice).collect()
}

pub(crate) fn not_found<D: Entity>(entity: &D) -> Error {
    Kind::NotFound { table: D::table().name, key: row::show_key(&encode_key::<D>(&entity.key())) }.into()
}
