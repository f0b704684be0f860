//! Reads by one script: one state, whatever is written meanwhile.
//!
//! A scan asks for a number of members, and for records up to a number of bytes, that is enough as a rule. If it is not, the whole
//! call is made again for four times as much, since two scripts would see two states.

use redis::{Pipeline, Value};
use rome_store::{Claimed, Read, Reply, Space, StoreResult};

use super::answer::Answer;
use super::look::{Look, look};
use super::scan::{Behind, Scan};
use super::task::{counted, got, record};
use crate::error::{self, invalid};
use crate::layout::{self, Layout};
use crate::partition_keys::PartitionKeys;
use crate::prepared;
use crate::reply::{array, next, strings, unexpected};
use crate::script::keys::Keys;
use crate::setup::Setup;

/// Reads on their way.
#[derive(Default)]
pub(super) struct Script {
    /// The scans of the call that was made; the other reads are answered as they are.
    scans: Vec<Scan>,
    /// How many times as many members as at first are asked for.
    grown: u32,
}

impl Script {
    /// Adds the call.
    pub(super) fn ask(
        &mut self,
        setup: &Setup,
        partition: &PartitionKeys,
        reads: &[Read],
        round: &mut Pipeline,
    ) -> StoreResult<()> {
        self.grown = if self.grown == 0 { 1 } else { self.grown.saturating_mul(4) };
        self.scans = Vec::new();
        for read in reads.iter().filter(|read| is_scan(read)) {
            let mut scan = Scan::new(partition, read)?;
            scan.grow(self.grown);
            self.scans.push(scan);
        }
        round.add_command(call(setup, &partition.layout, reads, &self.scans, self.grown));
        Ok(())
    }

    /// Takes the answer, and refuses reads among `admitted` of what is retired; returns `None` if a scan needs more than it
    /// asked for.
    pub(super) fn take(
        &mut self,
        reads: &[Read],
        admitted: &[Read],
        replies: Vec<Value>,
    ) -> StoreResult<Option<Answer>> {
        let mut answer = array(replies.into_iter().next())?.into_iter();
        let look = look(next(&mut answer)?)?;
        look.admit(admitted)?;
        let Look { seq, pending, .. } = look;
        let answers = array(answer.next())?;
        let (others, time) = match (answer.next(), answer.next()) {
            (Some(records), Some(time)) => {
                let time = prepared::time(&time).ok_or_else(|| unexpected(&time))?;
                (prepared::decode_all(prepared::ids(&pending), records)?, time)
            }
            _ => (Vec::new(), 0),
        };
        let replies = take(reads, std::mem::take(&mut self.scans), answers)?;
        Ok(replies.map(|replies| Answer { seq, replies, others, time }))
    }
}

const fn is_scan(read: &Read) -> bool {
    matches!(read, Read::Scan { .. } | Read::ScanRows { .. })
}

/// The call for these reads, which asks for `grown` times as much as at first.
fn call(setup: &Setup, layout: &Layout, reads: &[Read], scans: &[Scan], grown: u32) -> redis::Cmd {
    let mut keys = Keys::new(&[&layout.meta]);
    let mut scanned = scans.iter();
    for read in reads {
        match read {
            Read::Get { space, .. } => drop(keys.position(layout, *space)),
            Read::GetClaimed { index, table, .. } => {
                keys.position(layout, Space::Unique(*index));
                keys.position(layout, Space::Rows(*table));
            }
            Read::Count { span, .. } => drop(keys.position(layout, span.space)),
            _ => {
                let scan = scanned.next().expect("there is a scan for each read that is one");
                keys.position(layout, scan.space);
                if let Behind::Rows(table) = scan.behind {
                    keys.position(layout, Space::Rows(table));
                }
            }
        }
    }
    let mut call = setup.scripts.read.call(keys.names());
    let mut scanned = scans.iter();
    for read in reads {
        match read {
            Read::Get { space, key } => {
                call.arg(if matches!(space, Space::Index(_)) { "z" } else { "g" });
                call.arg(keys.position(layout, *space).0).arg(&*layout::stored(key));
            }
            Read::GetClaimed { index, columns, table } => {
                call.arg("u").arg(keys.position(layout, Space::Unique(*index)).0).arg(&*layout::stored(columns));
                call.arg(keys.position(layout, Space::Rows(*table)).0);
            }
            Read::Count { span, .. } => {
                call.arg("c").arg(keys.position(layout, span.space).1);
                call.arg(layout::lowest(span)).arg(layout::highest(span));
            }
            _ => {
                let scan = scanned.next().expect("there is a scan for each read that is one");
                let (own, ordered) = keys.position(layout, scan.space);
                let (hash, mode) = match scan.behind {
                    Behind::Nothing => (own, "n"),
                    Behind::Own { .. } => (own, "k"),
                    Behind::Rows(table) => (keys.position(layout, Space::Rows(table)).0, "r"),
                };
                let most = if scan.is_done() { 0 } else { scan.chunk };
                call.arg("s").arg(ordered).arg(hash).arg(mode).arg(&scan.lo).arg(&scan.hi);
                call.arg(u8::from(scan.reverse)).arg(most).arg(scan.script_bytes(grown));
            }
        }
    }
    call
}

/// The replies; none if a scan needs more members than it asked for.
fn take(reads: &[Read], scans: Vec<Scan>, answers: Vec<Value>) -> StoreResult<Option<Vec<Reply>>> {
    let mut replies = Vec::with_capacity(reads.len());
    let mut scans = scans.into_iter();
    for (read, answer) in reads.iter().zip(answers) {
        replies.push(match read {
            Read::Get { space, .. } => got(*space, answer)?,
            Read::GetClaimed { index, table, .. } => {
                let mut pair = array(Some(answer))?.into_iter();
                let claim = record(next(&mut pair)?, true)?;
                let row = record(next(&mut pair)?, true)?;
                Reply::Claimed(match (claim, row) {
                    (None, _) => None,
                    (Some((claim_version, key)), Some((row_version, row))) => {
                        Some(Claimed::new(claim_version, key, row_version, row))
                    }
                    (Some(_), None) => {
                        let (index, table) = (index.0, table.0);
                        let message = format!("a claim of unique index {index} leads to no row of table {table}");
                        return Err(error::corrupt(message));
                    }
                })
            }
            Read::Count { span, .. } => Reply::Count(counted(Some(&answer), span)?.into()),
            read => {
                let Some(mut scan) = scans.next().filter(|_| is_scan(read)) else {
                    return Err(invalid(format!("unknown kind of read: {read:?}")));
                };
                let mut parts = array(Some(answer))?.into_iter();
                let members = strings(array(parts.next())?)?;
                let records = array(parts.next())?;
                let cut = parts.next().is_some();
                if !scan.take_all(members, records, cut)? {
                    return Ok(None);
                }
                Reply::Scanned(scan.finish())
            }
        });
    }
    if replies.len() == reads.len() { Ok(Some(replies)) } else { Err(unexpected(&Value::Nil)) }
}
