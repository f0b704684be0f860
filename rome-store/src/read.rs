//! Reads and their replies.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Blocker, Digest, IndexId, Space, Span, StoreError, StoreResult, TableId, TxId};

/// Decides for a row, by its stored value, whether a scan returns it.
///
/// It lets a local store skip rows without copying them. A filter never fails: a row that it cannot decode it keeps, and
/// the caller, which evaluates again, reports the damage.
pub trait RowFilter: Send + Sync {
    /// Whether to return the row with this key and value.
    fn keep(&self, key: &[u8], value: &[u8]) -> bool;
}

/// A shared [`RowFilter`].
#[derive(Clone)]
pub struct FilterRef(pub Arc<dyn RowFilter>);

impl fmt::Debug for FilterRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterRef")
    }
}

/// One thing to read in a partition.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Read {
    /// The record under a key: [`Reply::Record`].
    Get {
        /// Where.
        space: Space,
        /// Which record.
        key: Bytes,
    },
    /// The row that a unique value is claimed by: [`Reply::Claimed`].
    GetClaimed {
        /// The unique index.
        index: IndexId,
        /// The encoded unique columns.
        columns: Bytes,
        /// The table of the row.
        table: TableId,
    },
    /// The members of a span: [`Reply::Scanned`]. For index spans the keys are whole entries and the values empty.
    Scan {
        /// What to visit; its limit counts members that are visited.
        span: Span,
        /// Applied to keys and values of a [`Space::Rows`] span.
        filter: Option<FilterRef>,
        /// The most members to return.
        want: Option<u32>,
        /// Whether to compute the digest of the visited members.
        track: bool,
    },
    /// The rows that the entries of an index span point at, in the order of the entries: [`Reply::Scanned`], whose
    /// members have the row's key and value. An entry whose row is absent is an error of the store's data.
    ScanRows {
        /// What to visit, a span of a [`Space::Index`]; its limit counts entries that are visited.
        index: Span,
        /// The table of the rows.
        table: TableId,
        /// Which rows to return.
        filter: Option<FilterRef>,
        /// The most rows to return; the scan stops after the last one.
        want: Option<u32>,
        /// Whether to compute the digest of the visited entries and the versions of their rows.
        track: bool,
    },
    /// How many members a span has, up to its limit: [`Reply::Count`].
    Count {
        /// What to count.
        span: Span,
        /// Whether to compute the digest of the counted members. Then it costs what a scan costs, also where the store
        /// [counts cheaply](crate::Capabilities::cheap_counts).
        track: bool,
    },
    /// Stands for one of a later contract, so that tests can ask for what no store knows.
    #[doc(hidden)]
    Later(Space),
}

impl Read {
    /// With which contract it came.
    #[must_use]
    pub const fn contract(&self) -> u32 {
        match self {
            Self::Later(_) => u32::MAX,
            _ => 1,
        }
    }

    /// Refuses a read that came with a later contract than the one that the store was written for (S15).
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`](crate::StoreErrorKind::Invalid), with what is not known.
    pub fn check_known(&self, contract: u32) -> StoreResult<()> {
        if self.contract() > contract { Err(StoreError::unknown(self)) } else { Ok(()) }
    }

    /// A count without a digest.
    #[must_use]
    pub const fn count(span: Span) -> Self {
        Self::Count { span, track: false }
    }

    /// The space that it looks into first; through an index it goes on to the rows.
    #[must_use]
    pub const fn space(&self) -> Space {
        match self {
            Self::Get { space, .. } => *space,
            Self::GetClaimed { index, .. } => Space::Unique(*index),
            Self::Scan { span, .. } | Self::ScanRows { index: span, .. } | Self::Count { span, .. } => span.space,
            Self::Later(space) => *space,
        }
    }

    /// All spaces that it looks into: the first one, and that of the rows behind it.
    pub fn spaces(&self) -> impl Iterator<Item = Space> + use<> {
        let behind = match self {
            Self::GetClaimed { table, .. } | Self::ScanRows { table, .. } => Some(Space::Rows(*table)),
            _ => None,
        };
        [Some(self.space()), behind].into_iter().flatten()
    }
}

/// A record as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordRef<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its last writer; zero in a space without versions.
    pub version: TxId,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// A record with its last writer.
    #[must_use]
    pub const fn new(key: &'a [u8], version: TxId, value: &'a [u8]) -> Self {
        Self { key, version, value }
    }
}

/// What a scan visited and returned. All members lie in one buffer, so a scan of many rows allocates a few times only.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Scanned {
    data: Bytes,
    members: Vec<Member>,
    /// How many members were visited, returned or not.
    pub visited: u32,
    /// How many more the store had read when a limit stopped the scan, which does not visit them: a remote store reads in batches. It
    /// says what a scan cost, not what it found.
    pub surplus: u32,
    /// The span's key (for an index, the whole entry) of the last visited member, if a limit stopped the scan there and the
    /// span has members after it: the next batch scans [`Span::after`] it. `None` if the span has been visited to its end, also
    /// where the last member reached a limit. A scan with a limit of 0 visits nothing, and does not say where to go on.
    pub stopped_at: Option<Bytes>,
    /// The digest of all visited members; empty unless asked for.
    pub digest: Digest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
    version: TxId,
}

impl Scanned {
    /// How many members were returned.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// How many members the store has read: those that were visited and the surplus.
    #[must_use]
    pub fn transferred(&self) -> u64 {
        u64::from(self.visited) + u64::from(self.surplus)
    }

    /// Whether none was returned.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member at a place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<RecordRef<'_>> {
        self.members.get(at).and_then(|member| self.resolve(member))
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> + Clone {
        self.members.iter().map(|member| self.resolve(member).unwrap_or(RecordRef::new(&[], TxId::default(), &[])))
    }

    /// The value of the member at a place, sharing the scan's buffer.
    #[must_use]
    pub fn shared_value(&self, at: usize) -> Option<Bytes> {
        let member = self.members.get(at)?;
        Some(self.data.slice(member.key_end..member.end))
    }

    /// The key of the member at a place, sharing the scan's buffer.
    #[must_use]
    pub fn shared_key(&self, at: usize) -> Option<Bytes> {
        let member = self.members.get(at)?;
        Some(self.data.slice(member.start..member.key_end))
    }

    fn resolve(&self, member: &Member) -> Option<RecordRef<'_>> {
        Some(RecordRef::new(
            self.data.get(member.start..member.key_end)?,
            member.version,
            self.data.get(member.key_end..member.end)?,
        ))
    }
}

/// What was found is compared, not what it cost.
impl PartialEq for Scanned {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &Self, b: &Self| a.visited == b.visited && a.stopped_at == b.stopped_at && a.digest == b.digest;
        same(self, other) && self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Scanned {}

impl fmt::Debug for Scanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanned")
            .field("members", &self.iter().collect::<Vec<_>>())
            .field("visited", &self.visited)
            .field("stopped_at", &self.stopped_at)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Scanned`]; used by stores.
#[derive(Debug)]
pub struct Scanner {
    room: usize,
    data: Vec<u8>,
    members: Vec<Member>,
    visited: u32,
    surplus: u32,
    stopped_at: Option<Bytes>,
}

impl Scanner {
    /// Room for how many members is made with the first one, where nothing better is known.
    const FIRST: usize = 32;
    /// The most bytes of such room.
    const FIRST_BYTES: usize = 16 << 10;

    /// An empty scan.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_room(Self::FIRST)
    }

    /// An empty scan that will return about this many members, as others beside it did. They may be more or fewer.
    #[must_use]
    pub const fn with_room(members: usize) -> Self {
        Self { room: members, data: Vec::new(), members: Vec::new(), visited: 0, surplus: 0, stopped_at: None }
    }

    /// Counts a visited member and returns how many there are now.
    pub const fn visit(&mut self) -> u32 {
        self.visited += 1;
        self.visited
    }

    /// Adds a member to return and says how many there are now.
    pub fn push(&mut self, record: RecordRef<'_>) -> usize {
        if self.members.is_empty() {
            // A scan that returns one member usually returns more, of about the same length.
            let length = record.key.len() + record.value.len();
            self.members.reserve(self.room);
            self.data.reserve((length * self.room).min(Self::FIRST_BYTES).max(length));
        }
        let start = self.data.len();
        self.data.extend_from_slice(record.key);
        let key_end = self.data.len();
        self.data.extend_from_slice(record.value);
        self.members.push(Member { start, key_end, end: self.data.len(), version: record.version });
        self.members.len()
    }

    /// Records that a limit stopped the scan after this key of the span.
    pub fn stop_at(&mut self, key: &[u8]) {
        self.stopped_at = Some(Bytes::copy_from_slice(key));
    }

    /// Notes how many records the store has read in all; those that were not visited are [`Scanned::surplus`].
    pub const fn transferred(&mut self, records: u32) {
        self.surplus = records.saturating_sub(self.visited);
    }

    /// How many members were visited.
    #[must_use]
    pub const fn visited(&self) -> u32 {
        self.visited
    }

    /// How many bytes of keys and values the members to return have.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The finished scan.
    #[must_use]
    pub fn finish(self, digest: Digest) -> Scanned {
        Scanned {
            data: self.data.into(),
            members: self.members,
            visited: self.visited,
            surplus: self.surplus,
            stopped_at: self.stopped_at,
            digest,
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// A claim of a unique index and the row that it points at, both from one state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The last writer of the claim.
    pub claim_version: TxId,
    /// The key of the row, which is the value of the claim.
    pub key: Bytes,
    /// The last writer of the row.
    pub row_version: TxId,
    /// The row's value.
    pub row: Bytes,
}

impl Claimed {
    /// The claim of one writer, and the row that another has written.
    #[must_use]
    pub const fn new(claim_version: TxId, key: Bytes, row_version: TxId, row: Bytes) -> Self {
        Self { claim_version, key, row_version, row }
    }
}

/// How many members of a span were counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counted {
    /// How many.
    pub n: u64,
    /// Their digest, for a [`Check::Same`](crate::Check::Same); empty unless the count was tracked.
    pub digest: Digest,
    /// Of a tracked count, the last member that was counted, if a limit stopped it there and the span has members after it, as
    /// [`Scanned::stopped_at`].
    pub stopped_at: Option<Bytes>,
}

/// A count that was not tracked.
impl From<u64> for Counted {
    fn from(n: u64) -> Self {
        Self { n, ..Self::default() }
    }
}

/// A tracked count is a scan that returns nothing.
impl From<Scanned> for Counted {
    fn from(scanned: Scanned) -> Self {
        Self { n: scanned.visited.into(), digest: scanned.digest, stopped_at: scanned.stopped_at }
    }
}

/// The answer to one [`Read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// To [`Read::Get`]: version and value, if the record is there.
    Record(Option<(TxId, Bytes)>),
    /// To [`Read::GetClaimed`]: the claim and its row, if there is such a claim.
    Claimed(Option<Claimed>),
    /// To [`Read::Scan`] and [`Read::ScanRows`].
    Scanned(Scanned),
    /// To [`Read::Count`].
    Count(Counted),
}

impl Reply {
    /// How many records or entries it has in it; none of a count.
    #[must_use]
    pub fn returned(&self) -> u64 {
        match self {
            Self::Record(record) => u64::from(record.is_some()),
            Self::Claimed(claimed) => u64::from(claimed.is_some()),
            Self::Scanned(scanned) => scanned.len() as u64,
            Self::Count(_) => 0,
        }
    }
}

/// The answers of one partition, all from one state of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadReply {
    /// The partition's `seq` at that state; it may be 0 if the reads were not
    /// [tracked](crate::ReadOptions::tracked).
    pub seq: u64,
    /// One reply for each read, in order. They show the state without what is prepared.
    pub replies: Vec<Reply>,
    /// The transactions that are prepared and not decided here, and whose effects [meet](crate::locks::meets_read) the
    /// reads.
    pub blockers: Vec<Blocker>,
}

impl ReadReply {
    /// Replies of one state, which no prepared transaction meets.
    #[must_use]
    pub const fn new(seq: u64, replies: Vec<Reply>) -> Self {
        Self { seq, replies, blockers: Vec::new() }
    }

    /// The same with these transactions in the way.
    #[must_use]
    pub fn blockers(mut self, blockers: Vec<Blocker>) -> Self {
        self.blockers = blockers;
        self
    }
}
