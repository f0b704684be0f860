//! Joins.
//!
//! The table with the fewest rows by its own conditions is read first. Each further table is read once: by all values
//! at once that the rows so far ask for, or, where they ask for more values than the table has rows, as a whole. Either
//! way its rows go into a hash table by the columns that are equal. So the number of reads is that of the tables, whatever
//! the number of rows.
//!
//! With a limit the same is done batch by batch, see [`compete`] and [`stream`].

mod attach;
mod chunks;
mod compete;
mod order;
mod rows;
mod stream;
mod walk;

pub(crate) use chunks::Chunks;
pub(crate) use rows::{Joined, JoinedRow, RowOf};

use futures::FutureExt as _;

use super::aggregate::{Grouping, Groups};
use super::subquery;
use crate::ask::{GroupSpec, JoinSpec, MOST_ROWS, TotalOrder};
use crate::error::{Error, Kind, Result};
use crate::expr::eval;
use crate::expr::node::Node;
use crate::plan::{self, Explain};
use crate::session::{Reader, Session, in_session};
use crate::value::{Value, ValueError};
use attach::Join;
use compete::Wanted;
use rows::Fetched;
use stream::Stream;

/// The rows of a join, in order, cut to its offset and limit. `columns` are those that are read besides the ones of the
/// join itself.
///
/// With a limit it reads batch by batch and stops when it has enough rows, see [`compete`]. Without one it costs a round trip
/// for each table, one more where plans have to be compared.
pub(crate) async fn join(target: Reader<'_>, spec: &JoinSpec, columns: &[Node]) -> Result<Joined> {
    match target {
        Reader::Session(_) => join_here(target, spec, columns).await,
        Reader::Database(shared) => {
            Box::pin(in_session(shared, async |session: &Session| {
                join_here(Reader::Session(session), spec, columns).await
            }))
            .await
        }
    }
}

async fn join_here(target: Reader<'_>, spec: &JoinSpec, columns: &[Node]) -> Result<Joined> {
    let spec = subquery::answered_join(target, spec).await?;
    let (order, distinct, window) = (TotalOrder::of(&spec), spec.distinct, spec.window);
    let mut spec = spec.pushed();
    let last = last_columns(&spec, columns);
    let mut rows = match window.reach() {
        Some(_) if window.limit == Some(0) => none(&spec),
        Some(wanted) if !plan::ends_with_first(&spec) => {
            let wanted = Wanted { rows: wanted, order: &order, columns, distinct };
            // Without its type, as all of a join that reads: the future of a transaction around it is nested deeply enough.
            compete::first_rows(target, &spec, &last, &wanted).boxed().await?
        }
        _ => {
            plan::limit_first(&mut spec);
            let mut join = Join::new(target, &spec, &last, None);
            join.run().boxed().await?;
            let mut rows = join.rows;
            order.arrange(&spec, &mut rows)?;
            rows
        }
    };
    if distinct {
        rows.keep_distinct(&spec, columns)?;
    }
    rows.cut(window);
    Ok(rows)
}

/// How many rows a join has. Costs as [`join`], and keeps no more of them than those of a batch.
pub(crate) async fn count_join(target: Reader<'_>, spec: &JoinSpec, columns: &[Node]) -> Result<u64> {
    match target {
        Reader::Session(_) => count_here(target, spec, columns).await,
        Reader::Database(shared) => {
            Box::pin(in_session(shared, async |session: &Session| {
                count_here(Reader::Session(session), spec, columns).await
            }))
            .await
        }
    }
}

async fn count_here(target: Reader<'_>, spec: &JoinSpec, columns: &[Node]) -> Result<u64> {
    let mut count = 0;
    let mut add = |rows: &Joined| {
        count += rows.len() as u64;
        Ok(())
    };
    Box::pin(each(target, spec, columns, &mut add)).await?;
    Ok(count)
}

/// Calls `take` with all rows of a join, in batches and in any order.
async fn each(
    target: Reader<'_>,
    spec: &JoinSpec,
    columns: &[Node],
    mut take: impl FnMut(&Joined) -> Result<()>,
) -> Result<()> {
    if !spec.window.is_all() || spec.distinct {
        return take(&join_here(target, spec, columns).await?);
    }
    let spec = subquery::answered_join(target, spec).await?.pushed();
    let last = last_columns(&spec, columns);
    let way = plan::whole_of_join(target, &spec, plan::first_of_join(target, &spec).await?).await?;
    plan::check_policy(target, &way.spec, &way.plan)?;
    let order = TotalOrder::default();
    let mut stream = Stream::open(target, &spec, &last, &order, &way, None).boxed().await?;
    while !stream.is_ended() {
        take(&stream.next(compete::MOST_BATCH, None).boxed().await?)?;
    }
    Ok(())
}

/// How a join would be read. Costs at most one round trip for each table, and reads no rows, except those of subqueries.
pub(crate) async fn explain_join(target: Reader<'_>, spec: &JoinSpec) -> Result<Explain> {
    match target {
        Reader::Session(_) => explain_here(target, spec).await,
        Reader::Database(shared) => {
            Box::pin(in_session(shared, async |session: &Session| explain_here(Reader::Session(session), spec).await))
                .await
        }
    }
}

async fn explain_here(target: Reader<'_>, spec: &JoinSpec) -> Result<Explain> {
    Box::pin(plan::explain_join(target, subquery::answered_join(target, spec).await?)).await
}

fn none(spec: &JoinSpec) -> Joined {
    Joined::new(spec.parts.iter().map(|part| Fetched::none(part.spec.table)))
}

/// The groups of a join's rows. Costs as [`join`]. Has to run in a session.
pub(crate) async fn aggregate_join(target: Reader<'_>, spec: &JoinSpec, group: &GroupSpec) -> Result<Vec<Vec<Value>>> {
    let name = |place: u8, column: u16| {
        let part = spec.parts.get(usize::from(place));
        part.map_or_else(String::new, |part| format!("{}.{}", part.name, part.spec.table.column(column).name))
    };
    let grouping = Grouping::new(group, &name)?;
    let columns: Vec<Node> = grouping
        .aggregates()
        .iter()
        .filter_map(|aggregate| aggregate.of.clone())
        .chain(grouping.by().to_vec())
        .collect();
    let most = spec.parts.first().map_or(MOST_ROWS, |first| first.spec.hints.most_rows());
    let mut groups = Groups::new(&grouping, most);
    Box::pin(each(target, spec, &columns, |rows| {
        for row in rows.iter() {
            groups.add(&row).map_err(|source| calculation(spec, source))?;
            groups.check_size()?;
        }
        Ok(())
    }))
    .await?;
    groups.finish(group, spec.parts.first().map_or("", |part| part.spec.table.name))
}

/// What went wrong with a row of a join. Its columns have been read before, so it is a calculation.
#[cold]
fn calculation(spec: &JoinSpec, source: ValueError) -> Error {
    let table = spec.parts.first().map_or("", |part| part.spec.table.name);
    Kind::Overflow { table, column: None, source }.into()
}

/// The last column of each table that the join or its caller reads.
fn last_columns(spec: &JoinSpec, columns: &[Node]) -> Vec<u16> {
    let mut last: Vec<u16> =
        spec.parts.iter().map(|part| part.spec.table.key.iter().copied().max().unwrap_or(0)).collect();
    let mut see = |place: u8, column: u16| {
        if let Some(last) = last.get_mut(usize::from(place)) {
            *last = column.max(*last);
        }
    };
    for node in columns.iter().chain(&spec.filter) {
        node.for_each_place(&mut see);
    }
    for order in &spec.order {
        see(order.place, order.part.column);
    }
    for (place, part) in (0_u8..).zip(&spec.parts) {
        for (on, column, own) in &part.on {
            see(*on, *column);
            see(place, *own);
        }
        for via in &part.via {
            via.near.iter().for_each(|(on, column, _)| see(*on, *column));
            via.far.iter().for_each(|(_, own)| see(place, *own));
        }
    }
    last
}

impl Joined {
    /// Keeps the first of the rows in which these columns are the same.
    fn keep_distinct(&mut self, spec: &JoinSpec, columns: &[Node]) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        self.retain(|row| {
            let mut encoded = Vec::new();
            for column in columns {
                let value = eval::scalar(column, row).map_err(|source| calculation(spec, source))?;
                crate::value::key::encode(value, false, &mut encoded);
            }
            Ok(seen.insert(encoded))
        })
    }
}
