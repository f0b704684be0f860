//! Fetches the rows of a plan.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::compete::{self, Trials, Way};
use super::filter::{RowCondition, passes};
use super::hit::{Hit, Want};
use super::routing::{self, Pushed};
use super::sort::{sort_key, sort_key_of};
use super::top::{self, Top};
use super::walk::Walk;
use crate::ask::{Spec, Window};
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::{Error, Kind, Result};
use crate::placement::{Placement, Routed};
use crate::plan::{Access, Plan, buffered};
use crate::row;
use crate::schema::Table;
use crate::session::{Pending, Reader, Session, in_session};
use crate::store::{Claimed, FilterRef, Read, Reply, Scanned, row_key};

/// The rows of a query, in order, cut to its offset and limit. Costs one round trip if they are in one partition, else
/// two; where two ways compete, one more each time that a budget of visits is used up.
pub(crate) async fn fetch(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    want: Want,
) -> Result<Vec<Hit>> {
    match target {
        Reader::Database(shared)
            if routing::is_wide(shared.placement, table, plan)
                || plan.has_rivals()
                || plan.leading > 0
                || top::is_in_batches(target, spec, plan) =>
        {
            let within = async |session: &Session| fetch_here(Reader::Session(session), table, spec, plan, want).await;
            Box::pin(in_session(shared, within)).await
        }
        _ => fetch_here(target, table, spec, plan, want).await,
    }
}

async fn fetch_here(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    want: Want,
) -> Result<Vec<Hit>> {
    // Ways that compete read batch by batch, which is of one state in a session alone.
    if !plan.has_rivals() || spec.window.limit == Some(0) || target.session().is_none() {
        return fetch_one_way(target, table, spec, plan, want).await;
    }
    let trials = Trials::of(target, 3);
    let mut ways = Vec::with_capacity(3);
    for plan in [Some(plan), plan.rival.as_deref()].into_iter().flatten() {
        ways.extend(Way::of(trials.target(ways.len(), target), table, spec, plan, None)?);
    }
    if let Some(detour) = &plan.detour {
        ways.extend(Way::detour(trials.target(ways.len(), target), table, spec, detour)?);
    }
    if ways.len() < 2 {
        return fetch_one_way(target, table, spec, plan, want).await;
    }
    let wanted = spec.window.reach().unwrap_or(u64::MAX);
    let mut hits = Box::pin(compete::first(target, spec, &trials, ways, wanted)).await?;
    spec.window.cut(&mut hits);
    Ok(hits)
}

/// The rows of a plan, without its rival.
pub(super) async fn fetch_one_way(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    want: Want,
) -> Result<Vec<Hit>> {
    if spec.window.limit == Some(0) {
        return Ok(Vec::new());
    }
    let wanted = spec.window.reach();
    let in_order = plan.ordered && plan.resumed | spec.after.is_none();
    let wide = routing::is_wide(target.shared().placement, table, plan);
    let in_part = plan.leading > 0 && target.session().is_some();
    if let Some(wanted) = wanted.filter(|_| in_part || in_order && (wide || !plan.is_one_run()))
        && let Some(walk) = Walk::open(target, table, spec, plan, None)?
    {
        let mut walk = if want == Want::Keys { walk.keys_only() } else { walk };
        Box::pin(walk.advance(wanted, None)).await?;
        let mut hits = walk.take(wanted);
        spec.window.cut(&mut hits);
        return Ok(hits);
    }
    let own = own_writes(target, table, &plan.access);
    if top::is_in_batches(target, spec, plan)
        && let Some(mut hits) = top::top(target, table, spec, plan, own.clone()).await?
    {
        spec.window.cut(&mut hits);
        return Ok(hits);
    }
    // Rows that the session has changed may drop out, so as many more are asked for.
    let stored_limit = wanted.map(|wanted| wanted.saturating_add(own.len() as u64));
    let one_run = !wide && plan.is_one_run();
    // A sort of all rows stops where it has more than it may sort.
    let too_many = (spec.hints.most_rows() as u64).saturating_add(1).saturating_add(own.len() as u64);
    let sorted = !spec.order.is_empty() && !in_order && wanted.is_none() && one_run;
    let pushed = stored_limit.filter(|_| in_order).or(sorted.then_some(too_many)).filter(|_| !plan.may_repeat());
    // Rows of several runs are sorted again, by their columns.
    let sorts = !one_run && (!spec.order.is_empty() || spec.after.is_some());
    let keys_only = want == Want::Keys && own.is_empty() && plan.ordered && plan.residual.is_none() && !sorts;
    let mut hits = match plan.access {
        Access::Nothing => Vec::new(),
        _ => read_hits(target, table, plan, pushed, keys_only).await?,
    };
    if plan.may_repeat() {
        let mut seen = HashSet::with_capacity(hits.len());
        hits.retain(|hit| seen.insert(hit.key.clone()));
    }
    let mut merged = merge(table, spec, &mut hits, own)?;
    // Each run has given its rows in order, one run after the other.
    merged |= !one_run;
    arrange(table, spec, plan, &mut hits, merged)?;
    spec.window.cut(&mut hits);
    Ok(hits)
}

/// Puts all rows of a query that are stored in its order, with those of the session, and keeps so many of the first.
pub(super) fn arrange_first(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    hits: &mut Vec<Hit>,
    wanted: Option<u64>,
) -> Result<()> {
    let own = own_rows(target, table, spec)?;
    hits.retain(|hit| !own.keys.contains(&hit.key));
    hits.extend(own.rows);
    if !spec.order.is_empty() || spec.after.is_some() {
        check_sorted(table, spec, hits)?;
        sort_rows(table.def, spec, hits)?;
    }
    if let Some(wanted) = wanted {
        hits.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    }
    Ok(())
}

/// The stored rows of a query as the store gave them, if they need no more work: where no session could have written, and nothing
/// is to be sorted, left out or found twice. Costs one round trip.
pub(crate) async fn scan(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
) -> Result<Option<Scanned>> {
    let one_span = match &plan.access {
        Access::Rows { ranges, .. } | Access::Index { ranges, .. } => ranges.len() == 1,
        _ => false,
    };
    if !one_span {
        return Ok(None);
    }
    Ok(scans(target, table, spec, plan).await?.and_then(|mut scanned| scanned.pop()))
}

/// The same of several spans that do not meet, such as ranges of keys: what the store gave for each.
pub(super) async fn scans(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
) -> Result<Option<Vec<Scanned>>> {
    let in_order = plan.ordered && !plan.has_rivals() && plan.resumed | spec.after.is_none();
    let whole = in_order && spec.window.offset == 0 && spec.window.limit != Some(0);
    let wide = routing::is_wide(target.shared().placement, table, plan);
    let reads_only = target.session().is_none_or(|session| session.options.read_only);
    if !(whole && reads_only && !wide) {
        return Ok(None);
    }
    let condition = plan.residual.as_ref().map(|residual| Arc::new(RowCondition::new(table, residual, false)));
    let filter = condition.as_ref().map(|condition| FilterRef(condition.clone()));
    let want = spec.window.limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
    let pushed = Pushed { filter: filter.as_ref(), want, keys_only: false };
    let reads = reads_of(target.shared().placement, table, plan, &pushed);
    let replies = target.read(reads).await?;
    let mut all = Vec::with_capacity(replies.len());
    for reply in replies {
        all.push(reply.into_scanned()?);
    }
    if let Some(condition) = condition.filter(|condition| condition.failed()) {
        // Some row could not be tested: say which.
        for record in all.iter().flat_map(Scanned::iter) {
            condition.test(record.value).map_err(|source| condition.damaged(record.key, record.value, source))?;
        }
    }
    Ok(Some(all))
}

pub(super) type Own = Vec<(Bytes, Option<Bytes>, Option<Bytes>)>;

/// What the session has written to the table and an access may meet: keys, stored and new columns.
pub(super) fn own_writes(target: Reader<'_>, table: &StoredTable, access: &Access) -> Own {
    target
        .session()
        .map_or_else(Vec::new, |session| session.within_overlay(|overlay| own(buffered(overlay, table, access))))
}

pub(super) fn own(pending: Vec<(&Bytes, &Pending)>) -> Own {
    let one = |(key, pending): (&Bytes, &Pending)| (key.clone(), pending.before.clone(), pending.after.clone());
    pending.into_iter().map(one).collect()
}

/// What a session has written to a table.
#[derive(Debug, Default)]
pub(crate) struct OwnRows {
    /// The keys of all rows that it has written.
    pub keys: HashSet<Bytes>,
    /// Those that a query has, as they will be.
    pub rows: Vec<Hit>,
}

/// What the session has written to the table of a query.
pub(crate) fn own_rows(target: Reader<'_>, table: &StoredTable, spec: &Spec) -> Result<OwnRows> {
    let mut own = OwnRows::default();
    let condition = spec.condition();
    let written = target.session().map_or_else(Vec::new, |session| {
        session.with_overlay(|overlay| self::own(overlay.of_table(table.id).collect()))
    });
    for (key, _, after) in written {
        if let Some(body) = after
            && matches(table, condition.as_ref(), &key, &body)?
        {
            own.rows.push(Hit { key: key.clone(), body });
        }
        own.keys.insert(key);
    }
    Ok(own)
}

/// Reads what the access finds, tested by the plan's residual.
async fn read_hits(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    plan: &Plan,
    limit: Option<u64>,
    keys_only: bool,
) -> Result<Vec<Hit>> {
    let condition = plan.residual.as_ref().map(|residual| Arc::new(RowCondition::new(table, residual, false)));
    let want = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
    let filter = condition.as_ref().map(|condition| FilterRef(condition.clone()));
    let pushed = Pushed { filter: filter.as_ref(), want, keys_only };
    let placement = target.shared().placement;
    // Where rows are tested, more entries than rows may be needed.
    let entries = want.filter(|_| plan.residual.is_none());
    let reads = match by_pointers(target, table, &plan.access, entries).await? {
        Some(access) => reads_of(placement, table, &Plan { access, ..plan.clone() }, &pushed),
        None => reads_of(placement, table, plan, &pushed),
    };
    let rows = table.rows();
    let keys: Vec<Option<Bytes>> = reads
        .reads()
        .iter()
        .map(|read| match read {
            Read::Get { space, key } if *space == rows => Some(key.clone()),
            _ => None,
        })
        .collect();
    let entries: Vec<bool> =
        reads.reads().iter().map(|read| matches!(read, Read::Scan { span, .. } if span.space != rows)).collect();
    let replies = target.read(reads).await?;
    let found = |reply: &Reply| if let Reply::Scanned(scanned) = reply { scanned.len() } else { 1 };
    let mut hits = Vec::with_capacity(replies.iter().map(found).sum());
    for ((reply, key), of_entries) in replies.into_iter().zip(keys).zip(entries) {
        match reply {
            Reply::Record(Some((_, stored))) => {
                add_hit(table, condition.as_deref(), key.unwrap_or_default(), stored, &mut hits)?;
            }
            Reply::Claimed(Some(Claimed { key, row, .. })) => {
                add_hit(table, condition.as_deref(), key, row, &mut hits)?;
            }
            Reply::Scanned(scanned) => {
                let retest = condition.as_deref().filter(|condition| condition.failed());
                add_scanned(table, &scanned, retest, keys_only, of_entries, &mut hits)?;
            }
            _ => {}
        }
    }
    Ok(hits)
}

/// For each range or lookup of a plan one of its rows, where each has the rows of one value of these columns; elsewhere all rows. In no
/// order. Costs as [`fetch`].
pub(super) async fn some_of_each(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    columns: &[u16],
) -> Result<Vec<Hit>> {
    let begins_with = |parts: &mut dyn Iterator<Item = u16>| {
        let first: Vec<u16> = parts.take(columns.len()).collect();
        first.len() == columns.len() && first.iter().all(|column| columns.contains(column))
    };
    let one_value_each = !plan.full_scan
        && match &plan.access {
            Access::Rows { .. } => begins_with(&mut table.def.key.iter().copied()),
            Access::Index { index, .. } => table
                .indexes
                .get(*index)
                .is_some_and(|index| begins_with(&mut index.def.parts.iter().map(|part| part.column))),
            _ => false,
        };
    if !one_value_each {
        return fetch_here(target, table, spec, plan, Want::Rows).await;
    }
    let own = own_writes(target, table, &plan.access);
    // Rows that the session has changed may drop out, so as many more are asked for.
    let mut hits = read_hits(target, table, plan, Some(1 + own.len() as u64), false).await?;
    merge(table, spec, &mut hits, own)?;
    Ok(hits)
}

/// For lookups by unique values and by global indexes, whose rows may lie in other partitions: the same access by the keys
/// of the rows. Costs one round trip; none if there are no such lookups. They run in a session, which makes sure that a
/// claim or an entry and its row are of one moment.
async fn by_pointers(
    target: Reader<'_>,
    table: &StoredTable,
    access: &Access,
    want: Option<u32>,
) -> Result<Option<Access>> {
    let placement = target.shared().placement;
    let mut reads = Routed::default();
    routing::add_pointers(placement, table, access, want, &mut reads);
    if reads.is_empty() {
        return Ok(None);
    }
    let keys = |reply| match reply {
        Reply::Record(record) => record.map(|(_, key)| key).into_iter().collect(),
        Reply::Scanned(entries) => (0..entries.len()).filter_map(|at| key_of_entry(entries.shared_key(at)?)).collect(),
        _ => Vec::new(),
    };
    let mut found = target.read(reads).await?.into_iter().map(keys);
    Ok(Some(routing::by_keys(placement, table, access, &mut found)))
}

pub(super) fn key_of_entry(entry: Bytes) -> Option<Bytes> {
    Some(match row_key(&entry)? {
        Cow::Borrowed(found) => entry.slice_ref(found),
        Cow::Owned(found) => found.into(),
    })
}

pub(super) fn reads_of(placement: Placement, table: &StoredTable, plan: &Plan, pushed: &Pushed<'_>) -> Routed {
    let mut reads = Routed::with_capacity(1);
    routing::add_reads(placement, table, plan, &plan.access, pushed, &mut reads);
    reads
}

/// Adds a row that was found by its key or claim, if it passes; stores do not test those.
pub(super) fn add_hit(
    table: &StoredTable,
    condition: Option<&RowCondition>,
    key: Bytes,
    stored: Bytes,
    hits: &mut Vec<Hit>,
) -> Result<()> {
    let passed = match condition {
        Some(condition) => condition.test(&stored).map_err(|source| condition.damaged(&key, &stored, source))?,
        None => true,
    };
    if passed {
        let body = row::unwrap_shared(table, stored).map_err(|source| row::unreadable(table.def, &key, source))?;
        hits.push(Hit { key, body });
    }
    Ok(())
}

fn add_scanned(
    table: &StoredTable,
    scanned: &Scanned,
    retest: Option<&RowCondition>,
    keys_only: bool,
    of_entries: bool,
    hits: &mut Vec<Hit>,
) -> Result<()> {
    for at in 0..scanned.len() {
        let (Some(key), Some(stored)) = (scanned.shared_key(at), scanned.shared_value(at)) else { continue };
        if of_entries {
            hits.push(Hit { key: key_of_entry(key).unwrap_or_default(), body: Bytes::new() });
        } else if keys_only {
            hits.push(Hit { key, body: Bytes::new() });
        } else {
            add_hit(table, retest, key, stored, hits)?;
        }
    }
    Ok(())
}

/// Replaces what the session has written: its rows as they will be. Says whether anything was changed.
fn merge(table: &StoredTable, spec: &Spec, hits: &mut Vec<Hit>, own: Own) -> Result<bool> {
    if own.is_empty() {
        return Ok(false);
    }
    let changed: HashSet<&Bytes> = own.iter().map(|(key, ..)| key).collect();
    hits.retain(|hit| !changed.contains(&hit.key));
    let condition = spec.condition();
    for (key, _, after) in own {
        let Some(body) = after else { continue };
        if matches(table, condition.as_ref(), &key, &body)? {
            hits.push(Hit { key, body });
        }
    }
    Ok(true)
}

pub(super) fn matches(
    table: &StoredTable,
    condition: Option<&crate::expr::node::Node>,
    key: &[u8],
    body: &[u8],
) -> Result<bool> {
    match condition {
        None => Ok(true),
        Some(condition) => passes(table, condition, condition.last_column().unwrap_or(0), body)
            .map_err(|source| row::damaged(table.def, key, body, source)),
    }
}

/// Sorts the rows and drops those before the cursor, as far as the access has not done it.
fn arrange(table: &StoredTable, spec: &Spec, plan: &Plan, hits: &mut Vec<Hit>, merged: bool) -> Result<()> {
    let has_order = !spec.order.is_empty() || spec.after.is_some();
    let sort = has_order && (!plan.ordered || merged);
    let skip = spec.after.is_some() && (!plan.resumed || merged);
    if !sort && !skip {
        return Ok(());
    }
    if spec.window.limit.is_some() {
        let mut top = Top::new(table.def, spec);
        hits.drain(..).try_for_each(|hit| top.push(hit))?;
        *hits = top.finish();
        return Ok(());
    }
    check_sorted(table, spec, hits)?;
    sort_rows(table.def, spec, hits)
}

/// Refuses to sort too many rows.
fn check_sorted(table: &StoredTable, spec: &Spec, hits: &[Hit]) -> Result<()> {
    let most = spec.hints.most_rows();
    if hits.len() > most {
        return Err(Kind::Limit(format!(
            "the query on table `{}` would sort more than {most} rows in memory; add a limit, or an index for its order or filter",
            table.def.name,
        ))
        .into());
    }
    Ok(())
}

/// Sorts rows in the order of a query, and drops those before its cursor.
pub(super) fn sort_rows(table: &'static Table, spec: &Spec, hits: &mut Vec<Hit>) -> Result<()> {
    let order = spec.full_order();
    let after = spec.after.as_ref().map(|values| sort_key(&order, values.iter().map(|value| value.as_ref())));
    let mut keyed = Vec::with_capacity(hits.len());
    for hit in hits.drain(..) {
        let key = sort_key_of(table, &order, &hit.key, &hit.body)?;
        if after.as_ref().is_none_or(|after| key > *after) {
            keyed.push((key, hit));
        }
    }
    // Stable, since that finds what is in order and merges it: each partition gives its rows in order.
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    hits.extend(keyed.into_iter().map(|(_, hit)| hit));
    Ok(())
}

/// How many rows a query has, without its order, offset and limit. Costs one round trip; reads no rows where an index
/// serves the whole filter.
pub(crate) async fn count(target: Reader<'_>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Result<u64> {
    if let Reader::Database(shared) = target
        && routing::is_wide(shared.placement, table, plan)
    {
        return in_session(shared, async |session: &Session| {
            count_here(Reader::Session(session), table, spec, plan).await
        })
        .await;
    }
    count_here(target, table, spec, plan).await
}

async fn count_here(target: Reader<'_>, table: &Arc<StoredTable>, spec: &Spec, plan: &Plan) -> Result<u64> {
    let own = own_writes(target, table, &plan.access);
    let counted = match &plan.access {
        Access::Nothing => Some(0),
        Access::Rows { .. } | Access::Index { .. }
            if plan.residual.is_none() || !routing::is_apart(target.shared().placement, table, &plan.access) =>
        {
            count_spans(target, table, plan).await?
        }
        _ => None,
    };
    let Some(stored) = counted else {
        let spec = Spec { order: Vec::new(), window: Window::ALL, ..spec.clone() };
        let rows = fetch_here(target, table, &spec, plan, Want::Rows).await?;
        return Ok(rows.len() as u64);
    };
    // What the session has written counts as it will be, not as it is stored.
    let condition = spec.condition();
    let mut count = stored;
    for (key, before, after) in own {
        if let Some(before) = before {
            count -= u64::from(matches(table, condition.as_ref(), &key, &before)?).min(count);
        }
        if let Some(after) = after {
            count += u64::from(matches(table, condition.as_ref(), &key, &after)?);
        }
    }
    Ok(count)
}

/// Counts the rows of the plan's spans inside the store; none if that could not be done.
async fn count_spans(target: Reader<'_>, table: &Arc<StoredTable>, plan: &Plan) -> Result<Option<u64>> {
    let pushed = Pushed { filter: None, want: None, keys_only: plan.residual.is_none() };
    let mut reads = reads_of(target.shared().placement, table, plan, &pushed);
    let mut conditions = Vec::with_capacity(reads.reads().len());
    match &plan.residual {
        Some(residual) => reads.filter_each(|| {
            let condition = Arc::new(RowCondition::new(table, residual, true));
            conditions.push(condition.clone());
            FilterRef(condition)
        }),
        None => reads.count_only(),
    }
    let replies = target.read(reads).await?;
    let mut conditions = conditions.into_iter();
    let mut count = 0;
    for reply in replies {
        match reply {
            Reply::Count(counted) => count += counted.n,
            Reply::Scanned(scanned) => {
                let Some(condition) = conditions.next() else { return Ok(None) };
                // The filter keeps only what it cannot read.
                if let Some(record) = scanned.get(0)
                    && let Err(source) = condition.test(record.value)
                {
                    return Err(condition.damaged(record.key, record.value, source));
                }
                let Some(counted) = condition.counted(scanned.visited) else { return Ok(None) };
                count += counted;
            }
            _ => return Err(Error::internal("the store answered a count with something else")),
        }
    }
    Ok(Some(count))
}
