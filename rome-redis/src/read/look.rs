//! A look at a partition: what each read begins and ends with.

use redis::Value;
use rome_store::{Read, StoreError, StoreResult, TxId};

use crate::error;
use crate::layout;
use crate::reply::{decimal, unexpected};

/// What a look at a partition shows: its `seq`, who is prepared, and what is retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) seq: u64,
    pub(super) pending: Vec<u8>,
    pub(super) gone: Vec<u8>,
}

impl Look {
    /// Refuses reads of what is retired.
    pub(super) fn admit(&self, reads: &[Read]) -> StoreResult<()> {
        match reads.iter().map(Read::space).find(|space| layout::is_retired(&self.gone, *space)) {
            Some(space) if !self.gone.is_empty() => Err(StoreError::retired(space)),
            _ => Ok(()),
        }
    }
}

/// The look that a reply shows.
pub(super) fn look(reply: Value) -> StoreResult<Look> {
    let Value::Array(mut parts) = reply else { return Err(unexpected(&reply)) };
    match (parts.pop(), parts.pop(), parts.pop()) {
        (_, _, Some(Value::Nil)) => Err(error::gone()),
        (gone, pending, Some(seq)) => {
            let digits = match &seq {
                Value::BulkString(digits) => decimal(digits),
                _ => None,
            };
            let seq = digits.ok_or_else(|| unexpected(&seq))?;
            let bytes = |part| match part {
                Some(Value::BulkString(bytes)) => bytes,
                _ => Vec::new(),
            };
            let pending = bytes(pending);
            if pending.len() % TxId::LEN != 0 {
                let message = format!("the list of prepared transactions is damaged: it has {} bytes", pending.len());
                return Err(error::corrupt(message));
            }
            Ok(Look { seq, pending, gone: bytes(gone) })
        }
        _ => Err(unexpected(&Value::Nil)),
    }
}
