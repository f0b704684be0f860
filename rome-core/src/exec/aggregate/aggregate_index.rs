//! Aggregates from the counters of an aggregate index: no row is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::entries::Entry;
use super::groups::Groups;
use crate::catalog::{StoredAggregate, StoredTable};
use crate::error::{Error, Result};
use crate::exec::fetch::own;
use crate::index::aggregate::{Counter, Totals, decode_counter, decode_group};
use crate::index::entries_as_stored;
use crate::placement::Routed;
use crate::plan::ByAggregate;
use crate::row;
use crate::session::Reader;
use crate::store::{Partition, Read, Reply, Span};
use crate::value::ValueError;

/// The counters of groups, by their encoded columns.
type Totalled = BTreeMap<Bytes, Totals>;

/// Adds what the aggregate index says to the groups. Costs one round trip.
pub(super) async fn add(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    found: &ByAggregate,
    groups: &mut Groups<'_>,
) -> Result<()> {
    let aggregate = table.aggregate(found.at);
    for (group, totals) in read(target, table, aggregate, found).await? {
        // A group that lost its last row keeps its counters, at zero.
        if totals.rows <= 0 {
            continue;
        }
        let mut add = || {
            let columns = decode_group(aggregate, &group)?;
            groups.add_many((&Entry::of(columns), &aggregate.def.by), totals, aggregate.def.sum)
        };
        add().map_err(|source| row::unreadable(table.def, &group, source))?;
        groups.check_size()?;
    }
    Ok(())
}

/// How many rows there are in the groups that were found. Costs one round trip.
pub(crate) async fn count(target: Reader<'_>, table: &Arc<StoredTable>, found: &ByAggregate) -> Result<u64> {
    let aggregate = table.aggregate(found.at);
    let totalled = read(target, table, aggregate, found).await?;
    let rows: i128 = totalled.values().map(|totals| totals.rows.max(0)).sum();
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}

async fn read(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    aggregate: &StoredAggregate,
    found: &ByAggregate,
) -> Result<Totalled> {
    let own = target.session().map_or_else(Vec::new, |session| {
        session.within_overlay(|overlay| own(overlay.of_groups(table, aggregate.space(), &found.prefixes)))
    });
    let (reads, asked) = reads_of(target, aggregate, found);
    let mut totalled = Totalled::new();
    let unreadable = |key: &[u8], source: ValueError| row::unreadable(table.def, key, source);
    for (reply, asked) in target.read(reads).await?.into_iter().zip(asked) {
        match (reply, asked) {
            (Reply::Record(Some((_, value))), Some((group, counter))) => {
                let n = decode_counter(&value).map_err(|source| unreadable(&group, source))?;
                totalled.entry(group).or_default().add(counter, n);
            }
            (Reply::Scanned(scanned), None) => {
                for record in scanned.iter() {
                    let Some((group, counter)) = Counter::of_key(record.key) else { continue };
                    let n = decode_counter(record.value).map_err(|source| unreadable(record.key, source))?;
                    totalled.entry(Bytes::copy_from_slice(group)).or_default().add(counter, n);
                }
            }
            (Reply::Record(None), _) => {}
            _ => return Err(Error::internal("the store answered a read of counters with something else")),
        }
    }
    // What the session has written counts as it will be.
    for (key, before, after) in own {
        for (body, times) in [(before, -1), (after, 1)] {
            let Some(body) = body else { continue };
            for share in entries_as_stored(table, &key, &body)?.shares {
                if share.at == found.at && found.has(&share.group) {
                    totalled.entry(share.group).or_default().plus(share.totals, times);
                }
            }
        }
    }
    Ok(totalled)
}

/// What is read, and of which group and counter each is; none for a scan.
fn reads_of(
    target: Reader<'_>,
    aggregate: &StoredAggregate,
    found: &ByAggregate,
) -> (Routed, Vec<Option<(Bytes, Counter)>>) {
    let partitions: Vec<Partition> = match found.partition {
        Some(partition) => vec![partition],
        None => target.shared().placement.all().collect(),
    };
    // A program that is newer than this one may have made the summed column optional.
    let counters: &[Counter] = if found.sums { &Counter::ALL } else { &[Counter::Rows] };
    let space = aggregate.space();
    let mut reads = Routed::default();
    let mut asked = Vec::new();
    for prefix in &found.prefixes {
        let prefix = Bytes::copy_from_slice(prefix);
        if !found.is_of_groups(aggregate) {
            let span = Span::prefix(space, prefix);
            reads.push_all(&partitions, &Read::Scan { span, filter: None, want: None, track: false });
            asked.extend(partitions.iter().map(|_| None));
            continue;
        }
        for counter in counters {
            reads.push_all(&partitions, &Read::Get { space, key: counter.key(&prefix) });
            asked.extend(partitions.iter().map(|_| Some((prefix.clone(), *counter))));
        }
    }
    (reads, asked)
}

impl ByAggregate {
    /// Whether a group is among those that are asked for.
    fn has(&self, group: &[u8]) -> bool {
        // No prefix begins another one, so the only one that can be that of the group is the last that is not above it.
        let at = self.prefixes.partition_point(|prefix| prefix.as_slice() <= group);
        at.checked_sub(1).and_then(|at| self.prefixes.get(at)).is_some_and(|prefix| group.starts_with(prefix))
    }
}
