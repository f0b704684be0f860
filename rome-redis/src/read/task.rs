//! One read, or several alike, from its first command to its reply.

use bytes::{Buf, Bytes};
use redis::{Cmd, Pipeline, Value};
use rome_store::{Read, Reply, Space, Span, StoreError, StoreResult, TxId};

use super::scan::Scan;
use crate::error;
use crate::layout;
use crate::partition_keys::PartitionKeys;
use crate::reply::unexpected;
use crate::sizes::Sizes;

/// How many records a read may ask for that others wait for.
pub(super) const FEW: usize = 128;

/// How many records one command asks for at most.
pub(super) const AT_ONCE: usize = 1024;

/// Something to read.
pub(super) enum Task {
    Gets(Gets),
    Claimed(Claimed),
    Count { position: usize, ordered: Vec<u8>, span: Span, n: Option<u64> },
    Scan { position: usize, scan: Scan },
}

/// Records of one space by their keys.
pub(super) struct Gets {
    space: Space,
    /// The hash, or for an index the sorted set.
    key: Vec<u8>,
    /// Where in the call each is asked for, and its key.
    records: Vec<(usize, Bytes)>,
    found: Vec<Value>,
}

/// A row by a unique value.
pub(super) struct Claimed {
    position: usize,
    claims: Vec<u8>,
    rows: Vec<u8>,
    columns: Vec<u8>,
    what: String,
    claim: Option<(TxId, Bytes)>,
    reply: Option<Reply>,
}

/// The tasks that answer these reads.
pub(super) fn plan(partition: &PartitionKeys, reads: &[Read]) -> StoreResult<Vec<Task>> {
    let layout = &partition.layout;
    let mut tasks: Vec<Task> = Vec::with_capacity(reads.len().min(8));
    for (position, read) in reads.iter().enumerate() {
        match read {
            Read::Get { space, key } => {
                let record = (position, key.clone());
                if let Some(Task::Gets(gets)) = tasks.last_mut()
                    && gets.space == *space
                {
                    gets.records.push(record);
                    continue;
                }
                let key = layout.hash(*space).unwrap_or_else(|| layout.ordered(*space));
                let mut records = Vec::with_capacity(reads.len() - position);
                records.push(record);
                tasks.push(Task::Gets(Gets { space: *space, key, records, found: Vec::new() }));
            }
            Read::GetClaimed { index, columns, table } => {
                let hash = |space| layout.hash(space).unwrap_or_default();
                tasks.push(Task::Claimed(Claimed {
                    position,
                    claims: hash(Space::Unique(*index)),
                    rows: hash(Space::Rows(*table)),
                    columns: layout::stored(columns).into_owned(),
                    what: format!("a claim of unique index {} leads to no row of table {}", index.0, table.0),
                    claim: None,
                    reply: None,
                }));
            }
            Read::Count { span, .. } => {
                let ordered = layout.ordered(span.space);
                tasks.push(Task::Count { position, ordered, span: span.clone(), n: None });
            }
            Read::Scan { .. } | Read::ScanRows { .. } => {
                tasks.push(Task::Scan { position, scan: Scan::new(partition, read)? });
            }
            other => return Err(StoreError::unknown(&other)),
        }
    }
    Ok(tasks)
}

impl Task {
    /// Whether its round is soon answered.
    pub(super) const fn is_small(&self) -> bool {
        match self {
            Self::Gets(gets) => gets.records.len() <= FEW,
            Self::Claimed(_) | Self::Count { .. } => true,
            Self::Scan { scan, .. } => scan.is_small(FEW as u32),
        }
    }

    /// Adds the commands of this round and returns how many they are; none when it is done.
    pub(super) fn ask(&self, round: &mut Pipeline) -> usize {
        match self {
            Self::Gets(gets) if gets.found.is_empty() => gets.ask(round),
            Self::Gets(_) => 0,
            Self::Claimed(claimed) => claimed.ask(round),
            Self::Count { ordered, span, n: None, .. } => {
                round.cmd("ZLEXCOUNT").arg(ordered).arg(layout::lowest(span)).arg(layout::highest(span));
                1
            }
            Self::Count { .. } => 0,
            Self::Scan { scan, .. } => scan.ask(round),
        }
    }

    /// Whether nothing is left to ask.
    pub(super) const fn is_done(&self) -> bool {
        match self {
            Self::Gets(gets) => !gets.found.is_empty(),
            Self::Claimed(claimed) => claimed.reply.is_some(),
            Self::Count { n, .. } => n.is_some(),
            Self::Scan { scan, .. } => scan.is_done(),
        }
    }

    /// Takes note of how long the rows are.
    pub(super) fn note(&self, sizes: &Sizes) {
        if let Self::Scan { scan, .. } = self
            && let (Some(rows), Some(average)) = (scan.rows(), scan.average())
        {
            sizes.read(rows, average);
        }
    }

    /// Takes the replies to what it asked for.
    pub(super) fn take(&mut self, replies: Vec<Value>) -> StoreResult<()> {
        if replies.is_empty() {
            return Ok(());
        }
        match self {
            Self::Gets(gets) => gets.take(replies),
            Self::Claimed(claimed) => claimed.take(replies),
            Self::Count { span, n, .. } => {
                *n = Some(counted(replies.first(), span)?);
                Ok(())
            }
            Self::Scan { scan, .. } => scan.take(replies),
        }
    }
}

impl Gets {
    fn ask(&self, round: &mut Pipeline) -> usize {
        if let [(_, record)] = self.records.as_slice() {
            let name = if matches!(self.space, Space::Index(_)) { "ZSCORE" } else { "HGET" };
            let mut get = Cmd::with_capacity(3, name.len() + self.key.len() + record.len());
            get.arg(name).arg(&self.key).arg(&*layout::stored(record));
            round.add_command(get);
            return 1;
        }
        let name = if matches!(self.space, Space::Index(_)) { "ZMSCORE" } else { "HMGET" };
        let chunks = self.records.chunks(AT_ONCE);
        let n = chunks.len();
        for chunk in chunks {
            let bytes = chunk.iter().map(|(_, record)| record.len()).sum::<usize>();
            let mut get = Cmd::with_capacity(chunk.len() + 2, name.len() + self.key.len() + bytes);
            get.arg(name).arg(&self.key);
            for (_, record) in chunk {
                get.arg(&*layout::stored(record));
            }
            round.add_command(get);
        }
        n
    }

    fn take(&mut self, replies: Vec<Value>) -> StoreResult<()> {
        if self.records.len() == 1 {
            self.found = replies;
            return Ok(());
        }
        for reply in replies {
            let Value::Array(values) = reply else { return Err(unexpected(&reply)) };
            if self.found.is_empty() {
                self.found = values;
            } else {
                self.found.extend(values);
            }
        }
        Ok(())
    }
}

impl Claimed {
    fn ask(&self, round: &mut Pipeline) -> usize {
        match (&self.reply, &self.claim) {
            (Some(_), _) => return 0,
            (None, None) => round.cmd("HGET").arg(&self.claims).arg(&self.columns),
            (None, Some((_, key))) => round.cmd("HGET").arg(&self.rows).arg(&*layout::stored(key)),
        };
        1
    }

    fn take(&mut self, replies: Vec<Value>) -> StoreResult<()> {
        let found = record(replies.into_iter().next().unwrap_or_default(), true)?;
        self.reply = match (self.claim.take(), found) {
            (None, None) => Some(Reply::Claimed(None)),
            (None, claim) => {
                self.claim = claim;
                None
            }
            (Some((claim_version, key)), Some((row_version, row))) => {
                Some(Reply::Claimed(Some(rome_store::Claimed::new(claim_version, key, row_version, row))))
            }
            (Some(_), None) => return Err(error::corrupt(std::mem::take(&mut self.what))),
        };
        Ok(())
    }
}

/// The replies of tasks that are done, in the order of the call.
pub(super) fn replies(mut tasks: Vec<Task>, n: usize) -> StoreResult<Vec<Reply>> {
    // The common case: gets of one space alone, which are in the order of the call.
    if let [Task::Gets(gets)] = tasks.as_mut_slice() {
        let mut replies = Vec::with_capacity(n);
        for found in std::mem::take(&mut gets.found) {
            replies.push(got(gets.space, found)?);
        }
        return if replies.len() == n { Ok(replies) } else { Err(unexpected(&Value::Nil)) };
    }
    let mut replies: Vec<Option<Reply>> = (0..n).map(|_| None).collect();
    let mut put = |position: usize, reply: Reply| {
        *replies.get_mut(position).expect("a task has the positions of its reads in the call") = Some(reply);
    };
    for task in tasks {
        match task {
            Task::Gets(gets) => {
                for ((position, _), found) in gets.records.into_iter().zip(gets.found) {
                    put(position, got(gets.space, found)?);
                }
            }
            Task::Claimed(Claimed { position, reply, .. }) => {
                put(position, reply.expect("replies are made of tasks that are done"))
            }
            Task::Count { position, n, .. } => {
                put(position, Reply::Count(n.expect("replies are made of tasks that are done").into()))
            }
            Task::Scan { position, scan } => put(position, Reply::Scanned(scan.finish())),
        }
    }
    replies.into_iter().map(|reply| reply.ok_or_else(|| unexpected(&Value::Nil))).collect()
}

/// The reply to a get, from what the command gave.
pub(super) fn got(space: Space, found: Value) -> StoreResult<Reply> {
    let is_entry = matches!(space, Space::Index(_));
    Ok(Reply::Record(match found {
        Value::BulkString(_) | Value::Double(_) if is_entry => Some((TxId::default(), Bytes::new())),
        found => record(found, space.is_versioned())?,
    }))
}

/// The number of a span's members, up to its limit.
pub(super) fn counted(reply: Option<&Value>, span: &Span) -> StoreResult<u64> {
    match reply {
        Some(Value::Int(n)) => Ok(u64::try_from(*n).unwrap_or(0).min(span.limit.map_or(u64::MAX, u64::from))),
        other => Err(unexpected(other.unwrap_or(&Value::Nil))),
    }
}

/// A record's version and value; the version is zero in a space without.
pub(super) fn record(found: Value, versioned: bool) -> StoreResult<Option<(TxId, Bytes)>> {
    let mut stored = match found {
        Value::Nil => return Ok(None),
        Value::BulkString(bytes) => Bytes::from(bytes),
        other => return Err(unexpected(&other)),
    };
    if !versioned {
        return Ok(Some((TxId::default(), stored)));
    }
    let (version, _) = layout::split_version(&stored)?;
    // Unlike a slice, this shares nothing and so allocates nothing.
    stored.advance(TxId::LEN);
    Ok(Some((version, stored)))
}
