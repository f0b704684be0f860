//! Joins.
//!
//! The table with the fewest rows by its own conditions is read first. Each further table is read once: by all values
//! at once that the rows so far ask for, or, where they ask for more values than the table has rows, as a whole. Either
//! way its rows go into a hash table by the columns that are equal. So the number of reads is that of the tables, whatever
//! the number of rows.

mod rows;

pub(crate) use rows::{Joined, JoinedRow};

use std::collections::HashMap;

use bytes::Bytes;

use super::aggregate::{Grouping, Groups};
use super::fetch::fetch;
use super::group_by_key::ByValue;
use super::hit::Want;
use super::related::end_in_key;
use super::sort::sort_key_of_values;
use super::subquery;
use crate::ask::{Attach, Equal, GroupSpec, JoinKind, JoinSpec, ScanPolicy, Spec, Via};
use crate::error::{Error, Kind, Result};
use crate::expr::eval::{self, Values as _};
use crate::expr::node::Node;
use crate::expr::tuples::{Tuples, encode};
use crate::plan::{self, Explain};
use crate::row;
use crate::session::{Reader, Session, in_session};
use crate::value::{Value, ValueError};
use rows::{Fetched, NONE};

/// A join that is being read.
struct Join<'a> {
    target: Reader<'a>,
    spec: JoinSpec,
    /// The last column of each table that is read.
    last: Vec<u16>,
    rows: Joined,
    bound: Vec<u8>,
    /// Conditions that have not been tested yet.
    open: Vec<Node>,
}

/// The rows of a join, in order, cut to its offset and limit. `columns` are those that are read besides the ones of the
/// join itself. Costs a round trip for each table, one more where plans have to be compared.
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
    let (order, distinct, window) = (spec.full_order(), spec.distinct, spec.window);
    let ordered = !spec.order.is_empty();
    let mut spec = spec.pushed();
    plan::limit_first(&mut spec);
    let mut join = Join {
        last: last_columns(&spec, columns),
        rows: Joined::new(spec.parts.iter().map(|part| Fetched::none(part.spec.table)).collect()),
        open: spec.filter.clone(),
        bound: Vec::new(),
        target,
        spec,
    };
    if window.limit != Some(0) {
        join.run().await?;
    }
    let Join { mut rows, spec, .. } = join;
    if distinct {
        rows.keep_distinct(&spec, columns)?;
    }
    let key = |row: &JoinedRow<'_>| {
        let values = order.iter().map(|order| {
            row.value_at(order.place, order.part.column).map(|value| (value, order.part.descending, order.part.nulls))
        });
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|source| calculation(&spec, source))?;
        Ok(sort_key_of_values(values))
    };
    rows.arrange(ordered.then_some(key), window)?;
    Ok(rows)
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
    let rows = join_here(target, spec, &columns).await?;
    let mut groups = Groups::new(&grouping);
    for row in rows.iter() {
        groups.add(&row).map_err(|source| calculation(spec, source))?;
        groups.check_size()?;
    }
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

impl Join<'_> {
    async fn run(&mut self) -> Result<()> {
        let first = plan::first_of_join(self.target, &self.spec).await?;
        let part = self.spec.part(first);
        let spec = part.spec.clone();
        self.read(first, &spec).await?;
        self.rows.begin(first)?;
        self.bind(first)?;
        for attach in self.spec.attached(first) {
            self.attach(&attach).await?;
            self.bind(attach.place)?;
        }
        Ok(())
    }

    /// Reads the rows of a table.
    async fn read(&mut self, place: u8, spec: &Spec) -> Result<()> {
        let place = usize::from(place);
        let last = self.last.get(place).copied().unwrap_or(0);
        let fetched = rows_of(self.target, spec, last).await?;
        *self.rows.tables.get_mut(place).expect("a join has a slot for each of its tables") = fetched;
        Ok(())
    }

    /// Tests the conditions whose tables are all there.
    fn bind(&mut self, place: u8) -> Result<()> {
        self.bound.push(place);
        let mut open = Vec::new();
        for condition in std::mem::take(&mut self.open) {
            let mut ready = true;
            condition.for_each_place(&mut |place, _| ready &= self.bound.contains(&place));
            if !ready {
                open.push(condition);
                continue;
            }
            let spec = &self.spec;
            self.rows.retain(|row| {
                eval::test(&condition, row).map(|known| known == Some(true)).map_err(|source| calculation(spec, source))
            })?;
        }
        self.open = open;
        Ok(())
    }

    async fn attach(&mut self, attach: &Attach) -> Result<()> {
        let part = self.spec.part(attach.place);
        let spec = part.spec.clone();
        if attach.kind == JoinKind::Cross {
            self.read(attach.place, &spec).await?;
            return self.combine(attach, |_| Ok(None));
        }
        let mut between = Vec::with_capacity(attach.via.len());
        for via in &attach.via {
            between.push(self.between(via, spec.policy).await?);
        }
        let (on, mut rest) = distinct_columns(&attach.on);
        // A table in between leads to few rows, so it goes first; columns that are equal besides are compared.
        let (own, wanted) = match between.first() {
            Some(between) => {
                rest.clone_from(&attach.on);
                (between.own.clone(), between.keys.clone())
            }
            None => (on.iter().map(|(.., own)| *own).collect(), self.wanted(&on)?),
        };
        let spec = plan::lookup_of_join(self.target, &spec, &own, wanted).await?;
        self.read(attach.place, &spec).await?;
        let table = self.rows.tables.get(usize::from(attach.place)).expect("a join has a slot for each of its tables");
        let by_value = hashed(table, &own)?;
        let also = between.get(1..).unwrap_or_default();
        let also = also.iter().map(|between| Ok((between, keys_of(table, &between.own)?)));
        let also: Vec<(&Between, Keys)> = also.collect::<Result<_>>()?;
        let rest_of: Vec<u16> = rest.iter().map(|(.., own)| *own).collect();
        let rest_keys = if rest.is_empty() { Keys::new() } else { keys_of(table, &rest_of)? };
        self.combine(attach, |row| {
            let mut partners = match between.first() {
                Some(first) => {
                    let far = first.led(row)?.unwrap_or_default();
                    far.iter().filter_map(|far| by_value.get(far.as_slice())).flatten().copied().collect()
                }
                None => asked(row, &on)?.and_then(|key| by_value.get(key.as_slice())).cloned().unwrap_or_default(),
            };
            for (between, keys) in &also {
                let led = between.led(row)?.unwrap_or_default();
                let times = |at: &u32| {
                    let key = keys.get(*at as usize).and_then(Option::as_ref);
                    led.iter().filter(|far| Some(*far) == key).count()
                };
                partners = partners.iter().flat_map(|at| std::iter::repeat_n(*at, times(at))).collect();
            }
            if !rest.is_empty() {
                let key = asked(row, &rest)?;
                partners.retain(|at| key.is_some() && rest_keys.get(*at as usize) == Some(&key));
            }
            Ok(Some(partners))
        })
    }

    /// Reads the table in between of a many-to-many join.
    async fn between(&self, via: &Via, policy: Option<ScanPolicy>) -> Result<Between> {
        let columns: Vec<u16> = via.near.iter().map(|(.., near)| *near).collect();
        let far: Vec<u16> = via.far.iter().map(|(far, _)| *far).collect();
        let spec = Spec { policy, ..Spec::new(via.table) };
        let spec = plan::lookup_of_join(self.target, &spec, &columns, self.wanted(&via.near)?).await?;
        let last = columns.iter().chain(&far).copied().max().unwrap_or(0);
        let links = rows_of(self.target, &spec, last).await?;
        let own = via.far.iter().map(|(_, own)| *own).collect();
        let mut between = Between { near: via.near.clone(), own, keys: Tuples::new(), far_of: HashMap::new() };
        for at in 0..links.hits.len() {
            if let (Some(near), Some(far)) = (key_of(&links, at, &columns)?, key_of(&links, at, &far)?) {
                between.keys.insert(far.clone());
                between.far_of.entry(near).or_default().push(far);
            }
        }
        Ok(between)
    }

    /// The distinct values that the rows so far ask for.
    fn wanted(&self, on: &[Equal]) -> Result<Tuples> {
        let mut wanted = Tuples::new();
        for row in self.rows.iter() {
            wanted.extend(asked(&row, on).map_err(|source| calculation(&self.spec, source))?);
        }
        Ok(wanted)
    }

    /// Puts the partners of each row beside it; `partners` gives none for all rows of the table.
    fn combine(
        &mut self,
        attach: &Attach,
        partners: impl Fn(&JoinedRow<'_>) -> Result<Option<Vec<u32>>, ValueError>,
    ) -> Result<()> {
        let width = self.rows.tables.len().max(1);
        let all = self.rows.tables.get(usize::from(attach.place)).map_or(0, |table| table.hits.len());
        let places = self.rows.take();
        for row in places.chunks_exact(width) {
            match partners(&self.rows.row(row)).map_err(|source| calculation(&self.spec, source))? {
                None => {
                    for at in 0..all {
                        self.rows.push(row, attach.place, at)?;
                    }
                }
                Some(partners) if partners.is_empty() => {
                    if attach.kind == JoinKind::Left {
                        self.rows.push(row, attach.place, NONE as usize)?;
                    }
                }
                Some(partners) => {
                    for at in partners {
                        self.rows.push(row, attach.place, at as usize)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The rows of a table in between: to which rows of the joined table each value of theirs leads.
struct Between {
    near: Vec<Equal>,
    /// The columns of the joined table that are equal to its far ones.
    own: Vec<u16>,
    /// The values of its far columns.
    keys: Tuples,
    /// Those of each value of its near columns.
    far_of: HashMap<Vec<u8>, Vec<Vec<u8>>>,
}

/// The encoded columns of each row of a table; none where one is NULL.
type Keys = Vec<Option<Vec<u8>>>;

impl Between {
    /// Where it leads to from a row.
    fn led(&self, row: &JoinedRow<'_>) -> Result<Option<&[Vec<u8>]>, ValueError> {
        Ok(asked(row, &self.near)?.and_then(|near| self.far_of.get(&near)).map(Vec::as_slice))
    }
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

/// The equalities with each own column once, and the others.
fn distinct_columns(on: &[Equal]) -> (Vec<Equal>, Vec<Equal>) {
    let mut first: Vec<Equal> = Vec::with_capacity(on.len());
    let mut more = Vec::new();
    for equal in on {
        if first.iter().any(|(.., own)| *own == equal.2) { more.push(*equal) } else { first.push(*equal) }
    }
    (first, more)
}

/// What a row asks for; none if a column of it is NULL.
fn asked(row: &JoinedRow<'_>, on: &[Equal]) -> Result<Option<Vec<u8>>, ValueError> {
    encode(on.iter().map(|(place, column, _)| row.value_at(*place, *column)))
}

fn key_of(table: &Fetched, at: usize, columns: &[u16]) -> Result<Option<Vec<u8>>> {
    let (Some(view), Some(hit)) = (table.view(at), table.hits.get(at)) else { return Ok(None) };
    encode(columns.iter().map(|column| view.value(*column)))
        .map_err(|source| row::damaged(table.table, &hit.key, &hit.body, source))
}

fn keys_of(table: &Fetched, columns: &[u16]) -> Result<Keys> {
    (0..table.hits.len()).map(|at| key_of(table, at, columns)).collect()
}

/// The rows of a table by the values of these columns.
fn hashed(table: &Fetched, columns: &[u16]) -> Result<HashMap<Bytes, Vec<u32>>> {
    let mut by_value = ByValue::with_capacity(table.hits.len());
    for (at, hit) in table.hits.iter().enumerate() {
        let end = end_in_key(table.table, hit, columns)
            .map_err(|source| row::damaged(table.table, &hit.key, &hit.body, source))?;
        let place = u32::try_from(at).unwrap_or(NONE);
        if let Some(end) = end
            && let Some(run) = by_value.run_of(hit.key.get(..end).unwrap_or_default())
        {
            run.push(place);
            continue;
        }
        let key = match end {
            Some(end) => Some(hit.key.slice(..end)),
            None => key_of(table, at, columns)?.map(Bytes::from),
        };
        if let Some(key) = key {
            by_value.push(key, place);
        }
    }
    Ok(by_value.finish())
}

/// Reads the rows of a table.
async fn rows_of(target: Reader<'_>, spec: &Spec, last: u16) -> Result<Fetched> {
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, spec).await?;
    let hits = fetch(target, table, spec, &plan, Want::Rows).await?;
    Fetched::new(spec.table, hits, last)
}
