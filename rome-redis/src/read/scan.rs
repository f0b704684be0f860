//! A scan: chunks of ordered keys, and the records behind them.
//!
//! A limit is known to the server. A filter is not, so a scan that wants some rows that pass one takes growing chunks
//! until it has them. The keys of the next chunk are asked for together with the records of this one.

use std::borrow::Cow;

use redis::{Cmd, Pipeline, Value};
use rome_core::store::{FilterRef, Read, RecordRef, Scanned, Scanner, Space, Span, StoreResult, TableId, TxId};

use super::task::split_version;
use crate::digest::Digester;
use crate::error;
use crate::layout::{self, Layout};
use crate::request::invalid;

/// The most members that a round visits. A reply of so many rows is a few megabytes, and holds the server up for
/// some milliseconds.
const MOST: u32 = 16_384;

/// The first chunk of a scan that has to find a few rows by a filter.
const FIRST: u32 = 256;

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
    last: Vec<u8>,
    /// The size of the chunk that is asked for.
    pub(super) chunk: u32,
    /// Members whose records are asked for.
    pending: Vec<Vec<u8>>,
    /// Whether there may be members after the pending ones.
    more: bool,
    done: bool,
}

impl Scan {
    pub(super) fn new(layout: &Layout, read: &Read) -> StoreResult<Self> {
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
            last: Vec::new(),
            chunk: 0,
            pending: Vec::new(),
            more: true,
            done: limit == 0 || want == 0 || !Span::is_possible(span),
        };
        scan.chunk = if scan.filter.is_some() && want < FIRST { FIRST } else { MOST };
        scan.chunk = scan.chunk.min(scan.most());
        Ok(scan)
    }

    /// How many more members can matter: those up to the limits, and one that shows that the span goes on.
    fn most(&self) -> u32 {
        let wanted = if self.filter.is_some() { u32::MAX } else { self.want - self.returned };
        wanted.min(self.limit - self.visited).saturating_add(1)
    }

    /// Whether a limit is reached: another member would only show that the span goes on.
    const fn is_full(&self) -> bool {
        self.visited == self.limit || self.returned == self.want
    }

    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Adds the commands of this round and returns how many they are.
    pub(super) fn ask(&self, round: &mut Pipeline) -> usize {
        if self.done {
            return 0;
        }
        let mut asked = 0;
        if !self.pending.is_empty() {
            let mut get = Cmd::with_capacity(self.pending.len() + 2, 16 * self.pending.len());
            get.arg("HMGET").arg(&self.hash);
            // The one that only shows that the span goes on needs no record.
            for member in self.pending.iter().take(self.most() as usize - 1) {
                get.arg(&*self.field(member));
            }
            round.add_command(get);
            asked += 1;
        }
        if self.more {
            round.cmd("ZRANGE").arg(&self.ordered);
            if self.reverse {
                round.arg(&self.hi).arg(&self.lo).arg("BYLEX").arg("REV");
            } else {
                round.arg(&self.lo).arg(&self.hi).arg("BYLEX");
            }
            round.arg("LIMIT").arg(0).arg(self.chunk);
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
        if !self.pending.is_empty() {
            let records = array(replies.next())?;
            let members = std::mem::take(&mut self.pending);
            self.visit_all(members, records)?;
        }
        if self.more {
            let members = strings(array(replies.next())?)?;
            self.next_chunk(members)?;
        }
        self.done = self.done || (self.pending.is_empty() && !self.more);
        Ok(())
    }

    /// Takes the members of the chunk that was asked for.
    fn next_chunk(&mut self, members: Vec<Vec<u8>>) -> StoreResult<()> {
        if self.done {
            return Ok(());
        }
        let most = self.most();
        self.more = members.len() >= self.chunk as usize && self.chunk < most;
        if let Some(last) = members.last() {
            let bound = layout::beyond(last);
            if self.reverse { self.hi = bound } else { self.lo = bound }
        }
        self.chunk = self.chunk.saturating_mul(4).min(MOST).min(most.saturating_sub(self.chunk));
        // Where a chunk ends at the limit, the next one has no record to ask for.
        if self.behind == Behind::Nothing || self.is_full() {
            return self.visit_all(members, Vec::new());
        }
        self.pending = members;
        Ok(())
    }

    /// Visits members with their records, until a limit stops it.
    pub(super) fn visit_all(&mut self, members: Vec<Vec<u8>>, records: Vec<Value>) -> StoreResult<()> {
        let records = records.into_iter().chain(std::iter::repeat(Value::Nil));
        for (member, record) in members.into_iter().zip(records) {
            if self.is_full() {
                self.scanner.stop_at(layout::original(&self.last));
                self.done = true;
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
            _ => split_version(stored).map(|(version, value)| (Some(version), value))?,
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
            self.scanner.push(RecordRef { key, version: version.unwrap_or_else(TxId::default), value });
            self.returned += 1;
        }
        Ok(())
    }

    fn dangling(&self, member: &[u8]) -> rome_core::store::StoreError {
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

    /// Takes members and their records in one go; says whether they were enough.
    pub(super) fn take_all(&mut self, members: Vec<Vec<u8>>, records: Vec<Value>) -> StoreResult<bool> {
        let more = members.len() >= self.chunk as usize && self.chunk < self.most();
        if !self.done {
            self.visit_all(members, records)?;
        }
        Ok(self.done || !more)
    }

    pub(super) fn finish(self) -> Scanned {
        self.scanner.finish(self.digester.map(Digester::finish).unwrap_or_default())
    }
}

pub(super) fn array(reply: Option<Value>) -> StoreResult<Vec<Value>> {
    match reply {
        Some(Value::Array(values)) => Ok(values),
        other => Err(error::unexpected(&other.unwrap_or_default())),
    }
}

pub(super) fn strings(values: Vec<Value>) -> StoreResult<Vec<Vec<u8>>> {
    let string = |value| match value {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(error::unexpected(&other)),
    };
    values.into_iter().map(string).collect()
}
