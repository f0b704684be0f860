//! Reads by one script: one state, whatever is written meanwhile.
//!
//! A scan that looks for rows by a filter asks for a number of members that is enough as a rule; if it is not, the
//! whole call is made again for more, since two scripts would see two states.

use redis::Value;
use rome_core::store::{Read, ReadReply, Reply, Space, StoreResult};

use super::scan::{Behind, Scan, array, strings};
use super::task::{counted, got, record};
use super::{next, seq};
use crate::apply::encode::Keys;
use crate::error;
use crate::layout;
use crate::link::{Link, Live, alone};

/// A read whose reply needs something of what was asked.
enum Asked<'r> {
    Plain(&'r Read),
    Scan(Box<Scan>),
}

pub(super) async fn read(link: &Link, live: &Live, reads: &[Read]) -> StoreResult<ReadReply> {
    let mut grown = 1;
    loop {
        let mut asked = Vec::with_capacity(reads.len());
        for read in reads {
            asked.push(match read {
                Read::Scan { .. } | Read::ScanRows { .. } => {
                    let mut scan = Scan::new(&link.layout, read)?;
                    scan.grow(grown);
                    Asked::Scan(Box::new(scan))
                }
                plain => Asked::Plain(plain),
            });
        }
        let answer = link.call(live, &alone(call(link, &asked))).await?.into_iter().next();
        let mut answer = array(answer)?.into_iter();
        let seq = next(&mut answer).and_then(|value| seq(&value))?;
        let answers = array(answer.next())?;
        if let Some(replies) = take(asked, answers)? {
            return Ok(ReadReply { seq, replies, blockers: Vec::new() });
        }
        grown *= 16;
    }
}

fn call(link: &Link, asked: &[Asked<'_>]) -> redis::Cmd {
    let layout = &link.layout;
    let mut keys = Keys::new(&[&layout.meta]);
    for read in asked {
        match read {
            Asked::Plain(Read::Get { space, .. }) => drop(keys.place(layout, *space)),
            Asked::Plain(Read::GetClaimed { index, table, .. }) => {
                keys.place(layout, Space::Unique(*index));
                keys.place(layout, Space::Rows(*table));
            }
            Asked::Plain(Read::Count(span)) => drop(keys.place(layout, span.space)),
            Asked::Plain(_) => {}
            Asked::Scan(scan) => {
                keys.place(layout, scan.space);
                if let Behind::Rows(table) = scan.behind {
                    keys.place(layout, Space::Rows(table));
                }
            }
        }
    }
    let mut call = link.scripts.read.call(keys.names());
    for read in asked {
        match read {
            Asked::Plain(Read::Get { space, key }) => {
                call.arg(if matches!(space, Space::Index(_)) { "z" } else { "g" });
                call.arg(keys.place(layout, *space).0).arg(&*layout::stored(key));
            }
            Asked::Plain(Read::GetClaimed { index, columns, table }) => {
                call.arg("u").arg(keys.place(layout, Space::Unique(*index)).0).arg(&*layout::stored(columns));
                call.arg(keys.place(layout, Space::Rows(*table)).0);
            }
            Asked::Plain(Read::Count(span)) => {
                call.arg("c").arg(keys.place(layout, span.space).1);
                call.arg(layout::lowest(span)).arg(layout::highest(span));
            }
            Asked::Plain(_) => {}
            Asked::Scan(scan) => {
                let (own, ordered) = keys.place(layout, scan.space);
                let (hash, mode) = match scan.behind {
                    Behind::Nothing => (own, "n"),
                    Behind::Own { .. } => (own, "k"),
                    Behind::Rows(table) => (keys.place(layout, Space::Rows(table)).0, "r"),
                };
                let most = if scan.is_done() { 0 } else { scan.chunk };
                call.arg("s").arg(ordered).arg(hash).arg(mode).arg(&scan.lo).arg(&scan.hi);
                call.arg(u8::from(scan.reverse)).arg(most);
            }
        }
    }
    call
}

/// The replies; none if a scan needs more members than it asked for.
fn take(asked: Vec<Asked<'_>>, answers: Vec<Value>) -> StoreResult<Option<Vec<Reply>>> {
    let mut replies = Vec::with_capacity(asked.len());
    for (read, answer) in asked.into_iter().zip(answers) {
        replies.push(match read {
            Asked::Plain(Read::Get { space, .. }) => got(*space, answer)?,
            Asked::Plain(Read::GetClaimed { index, table, .. }) => {
                let mut pair = array(Some(answer))?.into_iter();
                let claim = record(pair.next().unwrap_or_default(), true)?;
                let row = record(pair.next().unwrap_or_default(), true)?;
                Reply::Claimed(match (claim, row) {
                    (None, _) => None,
                    (Some((claim, key)), Some((version, row))) => Some((claim, key, version, row)),
                    (Some(_), None) => {
                        let (index, table) = (index.0, table.0);
                        let message = format!("a claim of unique index {index} leads to no row of table {table}");
                        return Err(error::corrupt(message));
                    }
                })
            }
            Asked::Plain(Read::Count(span)) => Reply::Count(counted(Some(&answer), span)?),
            Asked::Plain(other) => return Err(crate::request::invalid(format!("unknown kind of read: {other:?}"))),
            Asked::Scan(mut scan) => {
                let mut parts = array(Some(answer))?.into_iter();
                let members = strings(array(parts.next())?)?;
                let records = array(parts.next())?;
                if !scan.take_all(members, records)? {
                    return Ok(None);
                }
                Reply::Scanned(scan.finish())
            }
        });
    }
    Ok(Some(replies))
}
