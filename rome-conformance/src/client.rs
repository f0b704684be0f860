//! One client of the store under test: it has a lane, and works on one partition at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rome_store::{
    Applied, ApplyOptions, Check, Decision, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions,
    ReadReply, Reply, Scanned, Space, Span, Step, Store, StoreResult, TableId, TxId,
};

use crate::{Subject, Verdict, Violation};

pub(crate) const PARTITION: Partition = Partition(0);
/// Where transactions are prepared whose primary is [`PARTITION`].
pub(crate) const AWAY: Partition = Partition(1);
/// A lease that is over at once.
pub(crate) const NO_TIME: u32 = 0;
/// A lease that outlasts every test, in milliseconds.
pub(crate) const HOUR: u32 = 3_600_000;
pub(crate) const TABLE: TableId = TableId(7);
pub(crate) const ROWS: Space = Space::Rows(TABLE);
pub(crate) const INDEX: Space = Space::Index(IndexId(8));
pub(crate) const CLAIMS: Space = Space::Unique(IndexId(9));
pub(crate) const SUMS: Space = Space::Aggregate(IndexId(10));

pub(crate) struct Client {
    pub(crate) store: Arc<dyn Store>,
    partition: Partition,
    lane: u64,
    seq: Arc<AtomicU64>,
}

impl Client {
    pub(crate) fn new(store: Arc<dyn Store>, lane: u64) -> Self {
        Self { store, partition: PARTITION, lane, seq: Arc::default() }
    }

    /// The same client, with the same lane, at work on another partition.
    pub(crate) fn at(&self, partition: Partition) -> Self {
        Self { store: self.store.clone(), partition, lane: self.lane, seq: self.seq.clone() }
    }

    /// Another client, at work on the same partition.
    pub(crate) fn beside(&self, lane: u64) -> Self {
        Self { partition: self.partition, ..Self::new(self.store.clone(), lane) }
    }

    /// The only client of a new store, at work where transactions are prepared; none if the store has one partition.
    pub(crate) async fn away<S: Subject>(subject: &S) -> Verdict<Option<(S::Place, Self)>> {
        let (place, client) = Self::alone(subject).await?;
        let several = client.store.capabilities().partitions > 1;
        Ok(several.then(|| (place, client.at(AWAY))))
    }

    /// The only client of a new store.
    pub(crate) async fn alone<S: Subject>(subject: &S) -> Verdict<(S::Place, Self)> {
        let place = subject.place();
        let store = subject.open(&place).await?;
        Ok((place, Self::new(store, 1)))
    }

    /// The next transaction of its lane.
    pub(crate) fn tx(&self, effects: Vec<Effect>) -> MiniTx {
        let seq = self.seq.fetch_add(1, Ordering::SeqCst) + 1;
        MiniTx::one(TxId { lane: self.lane, seq }).effects(effects)
    }

    pub(crate) async fn try_apply(&self, tx: MiniTx) -> StoreResult<Applied> {
        let outcomes = self.store.apply(vec![(self.partition, tx)], ApplyOptions::new(Durability::default())).await?;
        assert_eq!(outcomes.len(), 1, "one outcome for one minitransaction");
        Ok(outcomes.into_iter().next().expect("there is one"))
    }

    pub(crate) async fn apply(&self, tx: MiniTx) -> Verdict<Applied> {
        Ok(self.try_apply(tx).await?)
    }

    /// Applies effects that nothing forbids; returns their version and the `seq` after them.
    pub(crate) async fn write(&self, effects: Vec<Effect>) -> Verdict<(TxId, u64)> {
        let tx = self.tx(effects);
        let id = tx.id;
        match self.apply(tx).await? {
            Applied::Done { seq } => Ok((id, seq)),
            other => Err(Violation::new(format!("a write that nothing forbids was answered {other:?}"))),
        }
    }

    /// Prepares a transaction that nothing forbids, for an hour; returns the `seq` after it.
    pub(crate) async fn prepare(&self, tx: &MiniTx) -> Verdict<u64> {
        match self.apply(prepared(tx, HOUR)).await? {
            Applied::Done { seq } => Ok(seq),
            other => Err(Violation::new(format!("a Prepare that nothing forbids was answered {other:?}"))),
        }
    }

    /// Carries out the decision on a transaction that is prepared.
    pub(crate) async fn finish(&self, tx: &MiniTx, decision: Decision) -> Verdict<u64> {
        match self.apply(finished(tx.id, decision)).await? {
            Applied::Done { seq } => Ok(seq),
            other => Err(Violation::new(format!("the first Finish({decision:?}) was answered {other:?}"))),
        }
    }

    pub(crate) async fn read(&self, reads: Vec<Read>) -> Verdict<ReadReply> {
        let asked = reads.len();
        let mut replies = self.store.read(&[(self.partition, reads)], ReadOptions::new()).await?;
        let reply = replies.pop().ok_or_else(|| Violation::new("a read of one partition has no reply"))?;
        if !replies.is_empty() || reply.replies.len() != asked {
            return Err(Violation::new("the number of replies is not the number of reads"));
        }
        Ok(reply)
    }

    async fn read_one(&self, read: Read) -> Verdict<Reply> {
        self.read(vec![read]).await?.replies.pop().ok_or_else(|| Violation::new("no reply"))
    }

    pub(crate) async fn get(&self, space: Space, key: &'static str) -> Verdict<Option<(TxId, Bytes)>> {
        match self.read_one(Read::Get { space, key: key.into() }).await? {
            Reply::Record(record) => Ok(record),
            other => Err(Violation::new(format!("a get was answered {other:?}"))),
        }
    }

    pub(crate) async fn scan(&self, read: Read) -> Verdict<Scanned> {
        match self.read_one(read).await? {
            Reply::Scanned(scanned) => Ok(scanned),
            other => Err(Violation::new(format!("a scan was answered {other:?}"))),
        }
    }

    /// All keys and values of a space.
    pub(crate) async fn contents(&self, space: Space) -> Verdict<Vec<(Bytes, Bytes)>> {
        Ok(records(&self.scan(scan(Span::all(space))).await?))
    }

    pub(crate) async fn seq(&self) -> Verdict<u64> {
        Ok(self.read(vec![]).await?.seq)
    }

    pub(crate) async fn sum(&self, key: &'static str) -> Verdict<i128> {
        let Some((_, value)) = self.get(SUMS, key).await? else { return Ok(0) };
        let bytes = value.as_ref().try_into().map_err(|_| Violation::new(format!("a counter reads as {value:?}")))?;
        Ok(i128::from_be_bytes(bytes))
    }
}

/// The part of a transaction at a partition that is not its primary.
pub(crate) fn prepared(tx: &MiniTx, lease: u32) -> MiniTx {
    tx.clone().step(Step::Prepare { primary: PARTITION, lease })
}

pub(crate) fn finished(id: TxId, decision: Decision) -> MiniTx {
    MiniTx::one(id).step(Step::Finish(decision))
}

pub(crate) fn pushed(id: TxId, abort: bool) -> MiniTx {
    MiniTx::one(id).step(Step::Push { abort })
}

pub(crate) fn records(scanned: &Scanned) -> Vec<(Bytes, Bytes)> {
    let bytes = Bytes::copy_from_slice;
    scanned.iter().map(|record| (bytes(record.key), bytes(record.value))).collect()
}

/// A tracked scan of all members of a span.
pub(crate) const fn scan(span: Span) -> Read {
    Read::Scan { span, filter: None, want: None, track: true }
}

/// A check that always holds.
pub(crate) fn holds() -> Check {
    Check::Count { span: Span::all(Space::Index(IndexId(u32::MAX))), n: 0 }
}

pub(crate) fn put(space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Effect {
    Effect::Put { space, key: key.into(), value: value.into() }
}

pub(crate) fn delete(space: Space, key: impl Into<Bytes>) -> Effect {
    Effect::Delete { space, key: key.into() }
}

pub(crate) fn add(key: &'static str, delta: i128) -> Effect {
    Effect::Add { space: SUMS, key: key.into(), delta }
}

/// The index entry of a row: columns, key, and the key's length in two bytes.
pub(crate) fn entry(columns: &[u8], key: &[u8]) -> Bytes {
    let length = u16::try_from(key.len()).expect("test keys are short").to_be_bytes();
    [columns, key, &length].concat().into()
}
