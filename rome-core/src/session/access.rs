//! Reads of whole spaces, chunk by chunk, and of many records at once: for what goes through everything that is stored.

use std::ops::Bound;

use bytes::Bytes;

use super::Shared;
use crate::commit::{ReplyExt, only_reply};
use crate::error::Result;
use crate::placement::Routed;
use crate::store::{Partition, Read, Reply, Space, Span, TxId};

/// A stored record, with the transaction that wrote it.
pub(crate) struct Record {
    pub key: Bytes,
    pub version: TxId,
    pub value: Bytes,
}

impl Shared {
    /// The first records of a space in a partition after the key `after`, at most `limit` of them. Costs a round trip.
    pub async fn scan_chunk(
        &self,
        partition: Partition,
        space: Space,
        after: Option<Bytes>,
        limit: u32,
    ) -> Result<Vec<Record>> {
        let lo = after.map_or(Bound::Unbounded, Bound::Excluded);
        let span = Span::between(space, lo, Bound::Unbounded).limited(Some(limit));
        let scan = Read::Scan { span, filter: None, want: None, track: false };
        let scanned = only_reply(self.read(&[(partition, vec![scan])]).await?)?.into_scanned()?;
        let copy = Bytes::copy_from_slice;
        let records = scanned.iter().map(|record| Record {
            key: copy(record.key),
            version: record.version,
            value: copy(record.value),
        });
        Ok(records.collect())
    }

    /// The records of a batch of gets, in their order. Costs a round trip.
    pub async fn get_many(&self, reads: Routed) -> Result<Vec<Option<(TxId, Bytes)>>> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        let (batch, order) = reads.into_batch();
        order.merge(self.read(&batch).await?).into_iter().map(Reply::into_record).collect()
    }
}
