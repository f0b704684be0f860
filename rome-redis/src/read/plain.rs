//! Reads that one command answers, which are of one state by themselves: gets of one space, or a count.
//!
//! Who does not ask which state that is needs no look at a partition where nobody can be prepared: at the one of a server. What
//! remains to be seen is that the database is still there, and the sentinel of the key says so, which is never removed: who sees it
//! after a count knows that it was there before. Where it is missing, perhaps because the table never had a row or the index is
//! retired, rounds with looks find out.

use redis::{Cmd, Pipeline, Value};
use rome_store::{Read, Reply, Space, StoreResult};

use super::answer::Answer;
use super::task::{AT_ONCE, FEW, counted, got};
use crate::layout::{self, Layout};
use crate::reply::{next, unexpected};

/// The name of a key's sentinel.
const SENTINEL: &[u8] = b"";

/// What the one command asks for, and of which key.
pub(super) enum Plain {
    /// All records, which are of this space.
    Gets(Space, Vec<u8>),
    Count(Vec<u8>),
}

impl Plain {
    /// How one command answers these reads, if one does.
    pub(super) fn of(layout: &Layout, reads: &[Read]) -> Option<Self> {
        match reads {
            [Read::Count { span, track: false }] => Some(Self::Count(layout.ordered(span.space))),
            [Read::Get { space, .. }, others @ ..] if others.len() < AT_ONCE => {
                let alike = |read: &Read| matches!(read, Read::Get { space: other, .. } if other == space);
                let key = layout.hash(*space)?;
                others.iter().all(alike).then_some(Self::Gets(*space, key))
            }
            _ => None,
        }
    }

    /// Whether it is soon answered.
    pub(super) const fn is_small(&self, reads: &[Read]) -> bool {
        reads.len() <= FEW
    }

    pub(super) fn ask(&self, reads: &[Read], round: &mut Pipeline) {
        match self {
            Self::Count(key) => {
                if let [Read::Count { span, .. }] = reads {
                    round.cmd("ZLEXCOUNT").arg(key).arg(layout::lowest(span)).arg(layout::highest(span));
                    round.cmd("ZSCORE").arg(key).arg(SENTINEL);
                }
            }
            Self::Gets(_, key) => {
                let records = reads.iter().filter_map(|read| match read {
                    Read::Get { key, .. } => Some(key),
                    _ => None,
                });
                let bytes = records.clone().map(|record| record.len()).sum::<usize>();
                let mut get = Cmd::with_capacity(reads.len() + 3, key.len() + bytes + 8);
                get.arg("HMGET").arg(key).arg(SENTINEL);
                for record in records {
                    get.arg(&*layout::stored(record));
                }
                round.add_command(get);
            }
        }
    }

    /// The answer that the replies give; none if they do not say that the database is there.
    pub(super) fn take(&self, reads: &[Read], replies: Vec<Value>) -> StoreResult<Option<Answer>> {
        let mut replies = replies.into_iter();
        let replies = match (self, reads, next(&mut replies)?) {
            (Self::Count(_), [Read::Count { span, .. }], n) => {
                let n = counted(Some(&n), span)?;
                match next(&mut replies)? {
                    Value::Nil => return Ok(None),
                    Value::BulkString(_) | Value::Double(_) => vec![Reply::Count(n.into())],
                    other => return Err(unexpected(&other)),
                }
            }
            (Self::Gets(space, _), _, Value::Array(found)) if found.len() == reads.len() + 1 => {
                let mut found = found.into_iter();
                if found.next() == Some(Value::Nil) {
                    return Ok(None);
                }
                let mut replies = Vec::with_capacity(reads.len());
                for found in found {
                    replies.push(got(*space, found)?);
                }
                replies
            }
            (_, _, reply) => return Err(unexpected(&reply)),
        };
        Ok(Some(Answer { seq: 0, replies, others: Vec::new(), time: 0 }))
    }
}
