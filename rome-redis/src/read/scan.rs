//! A scan: batches of ordered keys, and the records behind them.
//!
//! A limit is known to the server. A filter is not, so a scan that wants some rows that pass one reads as many as are wanted, sees
//! how many of them pass, and goes on by that. Neither is the length of rows, and a reply is held in memory at both ends; so a
//! batch has as many rows as make some megabytes, by the rows that were seen before. The keys of the next batch are asked for
//! together with the records of this one, where it is known that there will be one.

use std::borrow::Cow;
use std::collections::VecDeque;

use redis::{Cmd, Pipeline, Value};
use rome_store::{FilterRef, Read, RecordRef, Scanned, Scanner, Space, Span, StoreResult, TableId, TxId};

use crate::digest::Digester;
use crate::error::{self, invalid};
use crate::layout;
use crate::partition_keys::PartitionKeys;
use crate::reply::{array, strings};

/// The most members that a round asks for.
const MOST: u32 = 4096;

/// About how many bytes of records a round asks for.
const BYTES: u32 = 4 << 20;

/// How many records a round asks for where nothing is known of their length.
const UNKNOWN: u32 = 16;

/// So many records that a caller wants may be asked for whatever their length.
const WANTED: u32 = 512;

/// By how many times a batch may grow.
const GROWTH: u32 = 8;

/// How many times as many members as were visited a round visits at most, where few of them passed the filter.
const FURTHER: u32 = 2;

/// The fewest members that a script visits at first to find rows by a filter.
const FIRST: u32 = 64;

/// How many bytes of records a script reads at first for a scan by a filter, and for one that returns all it visits.
const SCRIPT_FILTERED: u64 = 4 << 20;
const SCRIPT_ALL: u64 = 16 << 20;

/// The fewest bytes that a script reads at first, however few may be returned: rows that a filter rejects count too.
const SCRIPT_LEAST: u64 = 64 << 10;

/// Which records belong to the members of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// None: members are all there is.
    Nothing,
    /// Those under the members themselves, with versions or without.
    Own { versioned: bool },
    /// The rows that entries point at.
    Rows(TableId),
}

/// A scan on its way.
pub(super) struct Scan {
    pub(super) ordered: Vec<u8>,
    pub(super) hash: Vec<u8>,
    pub(super) behind: Behind,
    pub(super) lo: Vec<u8>,
    pub(super) hi: Vec<u8>,
    pub(super) reverse: bool,
    pub(super) space: Space,
    filter: Option<FilterRef>,
    limit: u32,
    want: u32,
    scanner: Scanner,
    digester: Option<Digester>,
    visited: u32,
    returned: u32,
    /// How many bytes may be returned.
    bytes: u64,
    last: Vec<u8>,
    /// How many members a script is asked for.
    pub(super) chunk: u32,
    /// Members that are known and were not visited yet.
    queue: VecDeque<Vec<u8>>,
    /// For how many of them the next round asks for the records.
    records: u32,
    /// How many members after the known ones the next round asks for.
    members: u32,
    /// Whether there may be members after the known ones.
    more: bool,
    done: bool,
    /// How many records have come, and their bytes.
    came: u32,
    came_bytes: u64,
    /// How many bytes a record is expected to have.
    size: Option<u32>,
    /// How many records the last round asked for.
    batch: u32,
}

impl Scan {
    pub(super) fn new(partition: &PartitionKeys, read: &Read) -> StoreResult<Self> {
        let layout = &partition.layout;
        let (span, filter, want, track, behind) = match read {
            Read::Scan { span, filter, want, track } => {
                let filter = filter.as_ref().filter(|_| matches!(span.space, Space::Rows(_)));
                let behind = match span.space {
                    Space::Index(_) => Behind::Nothing,
                    space => Behind::Own { versioned: space.is_versioned() },
                };
                (span, filter, want, *track, behind)
            }
            Read::ScanRows { index, table, filter, want, track } => {
                if !matches!(index.space, Space::Index(_)) {
                    return Err(invalid(format!("rows are found through an index, not through {:?}", index.space)));
                }
                (index, filter.as_ref(), want, *track, Behind::Rows(*table))
            }
            other => return Err(invalid(format!("{other:?} is no scan"))),
        };
        let hash = match behind {
            Behind::Nothing => None,
            Behind::Own { .. } => layout.hash(span.space),
            Behind::Rows(table) => layout.hash(Space::Rows(table)),
        };
        let (limit, want) = (span.limit.unwrap_or(u32::MAX), want.unwrap_or(u32::MAX));
        let mut scan = Self {
            ordered: layout.ordered(span.space),
            hash: hash.unwrap_or_default(),
            behind,
            lo: layout::lowest(span),
            hi: layout::highest(span),
            reverse: span.reverse,
            space: span.space,
            filter: filter.cloned(),
            limit,
            want,
            scanner: Scanner::new(),
            digester: track.then(Digester::default),
            visited: 0,
            returned: 0,
            bytes: span.bytes.unwrap_or(u64::MAX),
            last: Vec::new(),
            chunk: 0,
            queue: VecDeque::new(),
            records: 0,
            members: 0,
            more: true,
            done: limit == 0 || want == 0 || !Span::is_possible(span),
            came: 0,
            came_bytes: 0,
            size: None,
            batch: 0,
        };
        // Twice as many as are wanted, since a filter is there to reject some.
        scan.chunk = if scan.filter.is_some() { want.saturating_mul(2).clamp(FIRST, MOST) } else { MOST };
        scan.chunk = scan.chunk.min(scan.most());
        scan.size = scan.rows().and_then(|rows| partition.sizes.of(rows));
        scan.plan();
        Ok(scan)
    }

    /// Where the records behind the members are.
    pub(super) const fn rows(&self) -> Option<Space> {
        match self.behind {
            Behind::Nothing => None,
            Behind::Own { .. } => Some(self.space),
            Behind::Rows(table) => Some(Space::Rows(table)),
        }
    }

    /// The average length of the records that have come; none if they were few.
    pub(super) fn average(&self) -> Option<u32> {
        (self.came >= UNKNOWN / 2).then(|| u32::try_from(self.came_bytes / u64::from(self.came)).unwrap_or(u32::MAX))
    }

    /// How many more members can matter: those up to the limits, and one that shows that the span goes on.
    fn most(&self) -> u32 {
        let wanted = if self.filter.is_some() { u32::MAX } else { self.want - self.returned };
        wanted.min(self.limit - self.visited).saturating_add(1)
    }

    /// How many members have to be visited to find so many rows, by what was seen.
    fn visits_for(&self, rows: u32) -> u32 {
        if self.filter.is_none() || self.visited == 0 || rows == 0 {
            return rows;
        }
        let expected = u64::from(rows) * u64::from(self.visited + 1) / u64::from(self.returned + 1) + 1;
        u32::try_from(expected).unwrap_or(u32::MAX).min(self.visited.saturating_mul(FURTHER))
    }

    /// Says what the next round asks for.
    fn plan(&mut self) {
        let queued = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        // The one that only shows that the span goes on needs no record.
        self.records = match self.behind {
            Behind::Nothing => 0,
            _ => queued.min(self.most() - 1).min(self.next_batch()),
        };
        let wanted = if self.want == u32::MAX {
            // The keys of this round's records, and of the next one's, which may be so many more.
            if self.bytes == u64::MAX {
                u32::MAX
            } else {
                self.records.saturating_add(self.next_batch().saturating_mul(GROWTH))
            }
        } else if self.filter.is_none() {
            self.want - self.returned
        } else if self.visited == 0 && self.records > 0 {
            // How many pass is not known yet, so it may be all.
            self.records
        } else {
            let passing = u64::from(self.records) * u64::from(self.returned) / u64::from(self.visited.max(1));
            let missing = u64::from(self.want - self.returned).saturating_sub(passing);
            self.records.saturating_add(self.visits_for(u32::try_from(missing).unwrap_or(u32::MAX)))
        };
        let known = if self.behind == Behind::Nothing { 0 } else { queued };
        let target = wanted.min(self.limit - self.visited).saturating_add(1);
        // What lies behind many large rows is asked for later.
        let ahead = self.records.saturating_add(MOST);
        self.members = if self.more { target.min(ahead).saturating_sub(known).min(MOST) } else { 0 };
        if self.more && self.members == 0 && self.records == 0 {
            self.members = 1;
        }
    }

    /// How many records the next round asks for at most.
    fn next_batch(&self) -> u32 {
        let wanted = if self.want == u32::MAX { u32::MAX } else { self.visits_for(self.want - self.returned) };
        let size =
            if self.came == 0 { self.size } else { self.average().max(self.size.filter(|_| self.came < UNKNOWN)) };
        let by_size = match size {
            Some(size) => (BYTES / size.max(1)).clamp(1, MOST),
            None if self.filter.is_none() && self.bytes == u64::MAX && self.want <= WANTED => WANTED,
            None => UNKNOWN,
        };
        let by_growth = if self.batch == 0 { MOST } else { self.batch.saturating_mul(GROWTH) };
        let left = self.bytes.saturating_sub(self.scanner.bytes() as u64);
        let by_bytes = match size {
            Some(size) if self.bytes < u64::MAX => {
                let rows = left.div_ceil(u64::from(size.max(1)));
                self.visits_for(u32::try_from(rows).unwrap_or(u32::MAX))
            }
            _ => u32::MAX,
        };
        wanted.min(by_size).min(by_growth).min(by_bytes).max(1)
    }

    /// Whether a limit is reached: another member would only show that the span goes on.
    const fn is_full(&self) -> bool {
        let enough_bytes = self.returned > 0 && self.scanner.bytes() as u64 >= self.bytes;
        self.visited == self.limit || self.returned == self.want || enough_bytes
    }

    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether its round is soon answered.
    pub(super) const fn is_small(&self, few: u32) -> bool {
        self.records <= few && self.members <= few
    }

    /// Adds the commands of this round and returns how many they are.
    pub(super) fn ask(&self, round: &mut Pipeline) -> usize {
        if self.done {
            return 0;
        }
        let mut asked = 0;
        if self.records > 0 {
            let records = self.records as usize;
            let mut get = Cmd::with_capacity(records + 2, 16 * records);
            get.arg("HMGET").arg(&self.hash);
            for member in self.queue.iter().take(records) {
                get.arg(&*self.field(member));
            }
            round.add_command(get);
            asked += 1;
        }
        if self.members > 0 {
            round.cmd("ZRANGE").arg(&self.ordered);
            if self.reverse {
                round.arg(&self.hi).arg(&self.lo).arg("BYLEX").arg("REV");
            } else {
                round.arg(&self.lo).arg(&self.hi).arg("BYLEX");
            }
            round.arg("LIMIT").arg(0).arg(self.members);
            asked += 1;
        }
        asked
    }

    /// The field of the record behind a member. No record has the empty one: an entry that is damaged finds nothing.
    fn field<'m>(&self, member: &'m [u8]) -> Cow<'m, [u8]> {
        match self.behind {
            Behind::Rows(_) => match layout::row_key(member) {
                Some(Cow::Borrowed(key)) => layout::stored(key),
                Some(Cow::Owned(key)) => Cow::Owned(layout::stored(&key).into_owned()),
                None => Cow::Borrowed(&[]),
            },
            _ => Cow::Borrowed(member),
        }
    }

    pub(super) fn take(&mut self, replies: Vec<Value>) -> StoreResult<()> {
        let mut replies = replies.into_iter();
        if self.records > 0 {
            let records = array(replies.next())?;
            self.batch = self.records;
            let members: Vec<Vec<u8>> = self.queue.drain(..self.records as usize).collect();
            self.visit_all(members, records)?;
        }
        if self.members > 0 && !self.done {
            let members = strings(array(replies.next())?)?;
            self.more = members.len() >= self.members as usize;
            if let Some(last) = members.last() {
                let bound = layout::beyond(last);
                if self.reverse { self.hi = bound } else { self.lo = bound }
            }
            if self.behind == Behind::Nothing {
                self.visit_all(members, Vec::new())?;
            } else {
                self.queue.extend(members);
            }
        }
        if !self.done && self.is_full() && !self.queue.is_empty() {
            self.stop();
        }
        self.done = self.done || (self.queue.is_empty() && !self.more);
        self.plan();
        Ok(())
    }

    /// Ends at the last member that was visited: there are others behind it.
    fn stop(&mut self) {
        self.scanner.stop_at(layout::original(&self.last));
        self.done = true;
    }

    /// Visits members with their records, until a limit stops it.
    pub(super) fn visit_all(&mut self, members: Vec<Vec<u8>>, records: Vec<Value>) -> StoreResult<()> {
        for record in &records {
            if let Value::BulkString(bytes) = record {
                self.came += 1;
                self.came_bytes += bytes.len() as u64;
            }
        }
        let records = records.into_iter().chain(std::iter::repeat(Value::Nil));
        for (member, record) in members.into_iter().zip(records) {
            if self.is_full() {
                self.stop();
                return Ok(());
            }
            self.visit(&member, &record)?;
            self.last = member;
        }
        Ok(())
    }

    fn visit(&mut self, member: &[u8], record: &Value) -> StoreResult<()> {
        let row_key = layout::row_key(member);
        let stored = match (self.behind, record) {
            (Behind::Nothing, _) => &[][..],
            (Behind::Rows(_), _) if row_key.is_none() => return Err(self.dangling(member)),
            (_, Value::BulkString(bytes)) => bytes,
            _ => return Err(self.dangling(member)),
        };
        let (version, value) = match self.behind {
            Behind::Nothing | Behind::Own { versioned: false } => (None, stored),
            _ => layout::split_version(stored).map(|(version, value)| (Some(version), value))?,
        };
        self.visited = self.scanner.visit();
        if let Some(digester) = &mut self.digester {
            digester.add(member, version);
        }
        let key = match self.behind {
            Behind::Rows(_) => row_key.as_deref().unwrap_or_default(),
            _ => layout::original(member),
        };
        if self.filter.as_ref().is_none_or(|filter| filter.0.keep(key, value)) {
            self.scanner.push(RecordRef::new(key, version.unwrap_or_else(TxId::default), value));
            self.returned += 1;
        }
        Ok(())
    }

    fn dangling(&self, member: &[u8]) -> rome_store::StoreError {
        let member = layout::original(member).escape_ascii();
        error::corrupt(match self.behind {
            Behind::Rows(table) => {
                format!("the entry {member} of {:?} leads to no row of table {}", self.space, table.0)
            }
            _ => format!("the key {member} of {:?} has no record", self.space),
        })
    }

    /// Asks for so many times as many members.
    pub(super) fn grow(&mut self, times: u32) {
        self.chunk = self.chunk.saturating_mul(times).min(self.most());
    }

    /// After how many bytes of members and records a script stops that is asked for so many times as much as at first.
    pub(super) fn script_bytes(&self, times: u32) -> u64 {
        let first = if self.filter.is_some() { SCRIPT_FILTERED } else { SCRIPT_ALL };
        // What is returned counts differently from what is read: without versions, and with the keys of rows for entries.
        self.bytes.saturating_mul(2).clamp(SCRIPT_LEAST, first).saturating_mul(times.into())
    }

    /// Takes members and their records in one go; says whether they were enough. Where the script was `cut` off by the number of
    /// bytes, the last member only shows that the span goes on.
    pub(super) fn take_all(&mut self, mut members: Vec<Vec<u8>>, records: Vec<Value>, cut: bool) -> StoreResult<bool> {
        let more = cut || (members.len() >= self.chunk as usize && self.chunk < self.most());
        if cut {
            members.pop();
        }
        if !self.done {
            self.visit_all(members, records)?;
        }
        if cut && !self.done && self.is_full() {
            self.stop();
        }
        Ok(self.done || !more)
    }

    pub(super) fn finish(mut self) -> Scanned {
        self.scanner.transferred(self.came);
        self.scanner.finish(self.digester.map(Digester::finish).unwrap_or_default())
    }
}
