//! Replies of a store, by what was asked.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::store::{Reply, Scanned, TxId};

/// What a reply has to be, by what was asked.
pub(crate) trait ReplyExt {
    /// The reply to a scan.
    ///
    /// # Errors
    /// [`is_internal`](Error::is_internal) if it is another one.
    fn into_scanned(self) -> Result<Scanned>;

    /// The reply to a count.
    ///
    /// # Errors
    /// [`is_internal`](Error::is_internal) if it is another one.
    fn into_count(self) -> Result<u64>;

    /// The reply to a read of one record; `None` if there is no record.
    ///
    /// # Errors
    /// [`is_internal`](Error::is_internal) if it is another one.
    fn into_record(self) -> Result<Option<(TxId, Bytes)>>;
}

impl ReplyExt for Reply {
    fn into_scanned(self) -> Result<Scanned> {
        match self {
            Self::Scanned(scanned) => Ok(scanned),
            other => Err(unfit("a scan", &other)),
        }
    }

    fn into_count(self) -> Result<u64> {
        match self {
            Self::Count(counted) => Ok(counted.n),
            other => Err(unfit("a count", &other)),
        }
    }

    fn into_record(self) -> Result<Option<(TxId, Bytes)>> {
        match self {
            Self::Record(record) => Ok(record),
            other => Err(unfit("a read of one record", &other)),
        }
    }
}

/// The reply to the only read of a batch.
///
/// # Errors
/// [`is_internal`](Error::is_internal) if there is none.
pub(crate) fn only_reply(replies: Vec<crate::store::ReadReply>) -> Result<Reply> {
    let reply = replies.into_iter().next().and_then(|reply| reply.replies.into_iter().next());
    reply.ok_or_else(|| Error::internal("the store did not answer a read"))
}

#[cold]
fn unfit(asked: &str, reply: &Reply) -> Error {
    let given = match reply {
        Reply::Record(_) => "a record",
        Reply::Claimed(_) => "a claimed row",
        Reply::Scanned(_) => "members of a span",
        Reply::Count(_) => "a number",
        _ => "something else",
    };
    Error::internal(format!("the store answered {asked} with {given}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_reply_that_does_not_fit_is_the_fault_of_the_store() {
        let error = Reply::Count(3.into()).into_scanned().unwrap_err();
        assert!(error.is_internal() && !error.is_invalid());
        assert_eq!(
            error.to_string(),
            "internal error: the store answered a scan with a number; this is a fault of ROME or of its store and not of the \
             request, please report it"
        );
        assert!(Reply::Record(None).into_count().unwrap_err().is_internal());
        assert!(Reply::Count(0.into()).into_record().unwrap_err().is_internal());
        assert!(only_reply(Vec::new()).unwrap_err().is_internal());
        assert_eq!(Reply::Count(3.into()).into_count().unwrap(), 3);
        assert_eq!(Reply::Record(None).into_record().unwrap(), None);
    }
}
