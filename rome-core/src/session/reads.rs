//! What a session has read, so that its commit can check that all of it still holds.

use std::collections::HashMap;

use bytes::Bytes;

use crate::store::{Check, Claimed, Counted, Partition, Read, ReadReply, Reply, Space, Span, TxId};

/// The reads of a session, by partition.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    parts: Vec<PartReads>,
}

/// What was read in one partition.
#[derive(Debug, Default)]
pub(crate) struct PartReads {
    pub partition: Partition,
    records: HashMap<(Space, Bytes), Option<TxId>>,
    spans: Vec<Check>,
    seq: Seq,
    /// Whether a transaction was met that was not decided, so that the partition may have a part of it to come.
    pub met: bool,
}

/// Whether all reads saw one state of the partition.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Seq {
    #[default]
    None,
    Same(u64),
    Several,
}

impl Reads {
    /// Records the reply to these reads. Says what changed if a record was read before and has another version now.
    pub fn record(&mut self, partition: Partition, asked: Vec<Read>, reply: &ReadReply) -> Result<(), Space> {
        self.part(partition).map_or(Ok(()), |part| part.record(asked, reply))
    }

    /// Records the state that a reply is from, and not what was read.
    pub fn look(&mut self, partition: Partition, reply: &ReadReply) {
        if let Some(part) = self.part(partition) {
            part.look(reply);
        }
    }

    /// Adds what was read elsewhere. Says what changed if a record was read there in another version.
    pub fn absorb(&mut self, other: Self) -> Result<(), Space> {
        for part in other.parts {
            if let Some(own) = self.part(part.partition) {
                own.absorb(part)?;
            }
        }
        Ok(())
    }

    fn part(&mut self, partition: Partition) -> Option<&mut PartReads> {
        let at = self.parts.iter().position(|part| part.partition == partition).unwrap_or_else(|| {
            self.parts.push(PartReads { partition, ..PartReads::default() });
            self.parts.len() - 1
        });
        self.parts.get_mut(at)
    }

    /// The state of each partition; none if one of them was read in several, or beside an undecided transaction.
    pub fn states(&self) -> Option<Vec<(Partition, u64)>> {
        let state = |part: &PartReads| Some((part.partition, part.unchanged_since().filter(|_| !part.met)?));
        self.parts.iter().map(state).collect()
    }

    /// Whether all reads saw one state, so that they are consistent without being checked.
    pub fn saw_one_state(&self) -> bool {
        match self.parts.as_slice() {
            [] => true,
            [only] => only.seq != Seq::Several,
            _ => false,
        }
    }

    pub fn parts(&self) -> &[PartReads] {
        &self.parts
    }
}

impl PartReads {
    fn look(&mut self, reply: &ReadReply) {
        self.saw(Seq::Same(reply.seq));
        self.met |= !reply.blockers.is_empty();
    }

    fn saw(&mut self, seq: Seq) {
        self.seq = match (self.seq, seq) {
            (Seq::None, seq) | (seq, Seq::None) => seq,
            (Seq::Same(before), Seq::Same(now)) if before == now => self.seq,
            _ => Seq::Several,
        };
    }

    fn absorb(&mut self, other: Self) -> Result<(), Space> {
        self.saw(other.seq);
        self.met |= other.met;
        self.spans.extend(other.spans);
        for ((space, key), version) in other.records {
            self.version(space, key, version)?;
        }
        Ok(())
    }

    fn record(&mut self, asked: Vec<Read>, reply: &ReadReply) -> Result<(), Space> {
        self.look(reply);
        for (read, reply) in asked.into_iter().zip(&reply.replies) {
            self.record_one(read, reply)?;
        }
        Ok(())
    }

    fn record_one(&mut self, read: Read, reply: &Reply) -> Result<(), Space> {
        match (read, reply) {
            (Read::Get { space, key }, Reply::Record(record)) => {
                self.version(space, key, record.as_ref().map(|(version, _)| *version))
            }
            (Read::GetClaimed { index, columns, table }, Reply::Claimed(claimed)) => {
                let claim = claimed.as_ref().map(|claimed| claimed.claim_version);
                self.version(Space::Unique(index), columns, claim)?;
                match claimed {
                    Some(Claimed { key, row_version, .. }) => {
                        self.version(Space::Rows(table), key.clone(), Some(*row_version))
                    }
                    None => Ok(()),
                }
            }
            (Read::Scan { span, .. }, Reply::Scanned(scanned)) => {
                self.spans.push(same(span, None, scanned));
                Ok(())
            }
            (Read::ScanRows { index, table, .. }, Reply::Scanned(scanned)) => {
                self.spans.push(same(index, Some(table), scanned));
                Ok(())
            }
            // The number alone was seen, so a member that goes for one that comes is no conflict.
            (Read::Count { span, track: false }, Reply::Count(counted)) => {
                self.spans.push(Check::Count { span, n: counted.n });
                Ok(())
            }
            (Read::Count { span, track: true }, Reply::Count(Counted { n, digest, stopped_at, .. })) => {
                let n = u32::try_from(*n).unwrap_or(u32::MAX);
                self.spans.push(Check::Same {
                    span: seen(span, stopped_at.as_deref()),
                    rows: None,
                    n,
                    digest: digest.clone(),
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn version(&mut self, space: Space, key: Bytes, version: Option<TxId>) -> Result<(), Space> {
        match self.records.insert((space, key), version) {
            Some(before) if before != version => Err(space),
            _ => Ok(()),
        }
    }

    /// The state that all reads saw, if it was one.
    pub const fn unchanged_since(&self) -> Option<u64> {
        match self.seq {
            Seq::Same(seq) => Some(seq),
            Seq::None | Seq::Several => None,
        }
    }

    /// The checks that hold if nothing that was read has changed, in the order of the keys: the same reads make the same
    /// checks each time.
    pub fn checks(&self) -> Vec<Check> {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort_unstable();
        let records = records.into_iter().map(|((space, key), expect)| Check::Version {
            space: *space,
            key: key.clone(),
            expect: *expect,
        });
        records.chain(self.spans.iter().cloned()).collect()
    }
}

fn same(span: Span, rows: Option<crate::store::TableId>, scanned: &crate::store::Scanned) -> Check {
    let span = seen(span, scanned.stopped_at.as_deref());
    Check::Same { span, rows, n: scanned.visited, digest: scanned.digest.clone() }
}

/// What was seen of a span: a limit cuts it where it stopped the scan.
fn seen(span: Span, stopped_at: Option<&[u8]>) -> Span {
    match stopped_at {
        Some(last) => span.cut_at(last),
        None => span.limited(None).within_bytes(None),
    }
}
