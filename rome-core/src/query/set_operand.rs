//! Queries as sides of set operations: without the types of their entities, and without where they run.

use std::any::Any;
use std::borrow::Cow;

use futures::future::BoxFuture;

use super::group::Groups;
use super::join::JoinOutput;
use super::loading::{Loads, Node as Branches, load};
use super::parts::{FoundRow, FoundValues};
use super::rows::values_of;
use super::select::Output;
use super::set_tree::Placed;
use super::{GroupBy, Joined, Parts, Query};
use crate::ask::{JoinSpec, OrderPart, Spec, Window, distinct_parts};
use crate::error::{Error, Result};
use crate::exec::{self, Answer, JoinedRows, Want};
use crate::expr::node::{Node, ValueList};
use crate::model::Entity;
use crate::plan;
use crate::row;
use crate::schema::Table;
use crate::session::Reader;
use crate::value::{Value, ValueRef};

/// The rows of a query, of a type that what combines them need not know.
pub(super) struct Leaf(Box<dyn Any + Send>);

/// The values of each row of a query, and the rows themselves.
pub(super) type Read = (Vec<Vec<Value>>, Leaf);

/// Which rows of a query are wanted.
pub(super) struct Part {
    /// Their order.
    pub order: Placed,
    /// How many of the first.
    pub first: Option<u64>,
    /// Only those with the values of one of these.
    pub among: Option<Vec<Vec<Value>>>,
}

/// One side of a set operation.
pub(super) trait Operand: Send + Sync {
    /// Its rows.
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Read>>;

    /// Some of its rows; those of `among` may have others with them. `None` if it has to be read whole.
    fn part<'s>(&'s self, target: Reader<'s>, part: Part) -> Option<BoxFuture<'s, Result<Read>>> {
        let _ = (target, part);
        None
    }

    /// Which of the values of a row a column is.
    fn place_of(&self, place: u8, column: u16) -> Option<usize>;

    /// The first table that it reads.
    fn table(&self) -> &'static str;
}

impl Leaf {
    fn new<R: Send + 'static>(rows: Vec<R>) -> Self {
        Self(Box::new(rows))
    }

    fn get<R: 'static>(&mut self) -> Result<&mut Vec<R>> {
        match self.0.downcast_mut() {
            Some(rows) => Ok(rows),
            None => Err(Error::internal("the rows of a set operation are of another type than their query's")),
        }
    }
}

/// The rows at these places, in their order. No place is there twice.
pub(super) fn pick<R: 'static>(leaves: &mut [Leaf], places: &[(usize, usize)]) -> Result<Vec<R>> {
    let mut all: Vec<Vec<Option<R>>> = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let rows = std::mem::take(leaf.get::<R>()?);
        let mut open = Vec::with_capacity(rows.len());
        for row in rows {
            open.push(Some(row));
        }
        all.push(open);
    }
    let mut picked = Vec::with_capacity(places.len());
    for (leaf, at) in places {
        match all.get_mut(*leaf).and_then(|rows| rows.get_mut(*at)).and_then(Option::take) {
            Some(row) => picked.push(row),
            None => return Err(Error::internal("a set operation has no row at a place that it gives")),
        }
    }
    Ok(picked)
}

/// A query on one table.
struct OfQuery<R> {
    spec: Spec,
    output: Output<R>,
    distinct: bool,
    loads: Loads<R>,
}

pub(super) fn of_query<E: Entity, R: Send + 'static>(query: &Query<'_, E, R>) -> Box<dyn Operand> {
    let distinct = query.distinct && matches!(query.output, Output::Columns(..));
    let (spec, output, loads) = (query.spec.clone(), query.output.clone(), query.loads.clone());
    Box::new(OfQuery { spec, output, distinct, loads })
}

/// What reads the rows of a query.
trait Decode: Sync {
    fn decode(&self, table: &'static Table, answer: &Answer) -> Result<Leaf>;

    /// The rows, with the relations that are to be loaded for them; none if there are none.
    fn branches<'r>(&'r self, rows: &'r mut Leaf) -> Result<Option<Box<dyn Branches + 'r>>>;
}

impl<R: Send + 'static> Decode for OfQuery<R> {
    fn decode(&self, table: &'static Table, answer: &Answer) -> Result<Leaf> {
        Ok(Leaf::new(self.output.read_all(table, answer)?))
    }

    fn branches<'r>(&'r self, rows: &'r mut Leaf) -> Result<Option<Box<dyn Branches + 'r>>> {
        match self.loads.first() {
            Some(first) => Ok(Some(first.tree(rows.get::<R>()?, &self.loads))),
            None => Ok(None),
        }
    }
}

impl<R> OfQuery<R> {
    fn columns(&self) -> Vec<u16> {
        columns_of(self.spec.table, self.output.columns())
    }
}

fn columns_of(table: &'static Table, given: Option<&[u16]>) -> Vec<u16> {
    given.map_or_else(|| (0..).take(table.columns.len()).collect(), <[u16]>::to_vec)
}

/// The query for some of its rows; `None` if their order or their values are none that a query can ask for.
fn part_of_query(spec: &Spec, columns: &[u16], part: Part) -> Option<Spec> {
    if !spec.window.is_all() {
        return None;
    }
    let is_ordered = |column: u16| spec.table.column(column).ty.is_ordered();
    let mut wanted = spec.clone();
    let descending = part.order.descends();
    let mut order = Vec::new();
    for (place, descending, nulls) in &part.order.0 {
        order.push(OrderPart { nulls: *nulls, ..OrderPart::new(*columns.get(*place)?, *descending) });
    }
    if !order.is_empty() {
        for column in columns {
            // Behind the whole key nothing is left to be told apart.
            if spec.table.key.iter().all(|key| order.iter().any(|part| part.column == *key)) {
                break;
            }
            order.push(OrderPart::new(*column, descending));
        }
        if !order.iter().all(|part| is_ordered(part.column)) {
            return None;
        }
        wanted.order = distinct_parts(order);
    }
    wanted.window.limit = part.first;
    let Some(among) = part.among else { return Some(wanted) };
    if among.is_empty() {
        wanted.window = Window::first(0);
        return Some(wanted);
    }
    let before = wanted.filter.len();
    for (place, column) in columns.iter().enumerate().filter(|(_, column)| is_ordered(**column)) {
        let values = among.iter().filter_map(|values| values.get(place)).cloned();
        let list = ValueList::new(values);
        if !list.has_null {
            wanted.filter.push(Node::In(Box::new(Node::Column(*column)), list));
        }
    }
    (wanted.filter.len() > before).then_some(wanted)
}

async fn rows_of_query(
    target: Reader<'_>,
    given: Cow<'_, Spec>,
    (distinct, columns): (bool, Vec<u16>),
    decode: &dyn Decode,
) -> Result<Read> {
    if distinct && !given.window.is_all() {
        return Err(Error::invalid(
            "distinct rows with a limit cannot be one side of a set operation: set operations give distinct rows anyway",
        ));
    }
    let spec = exec::answered(target, &given).await?;
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, &spec).await?;
    let hits = exec::fetch(target, table, &spec, &plan, Want::Rows).await?;
    let last = columns.iter().copied().max().unwrap_or(0);
    let mut all = Vec::with_capacity(hits.len());
    for hit in &hits {
        let values = row::with_view(spec.table, &hit.body, last, |row| {
            columns.iter().map(|column| row.value(*column).map(ValueRef::to_value)).collect()
        });
        all.push(values.map_err(|source| row::damaged(spec.table, &hit.key, &hit.body, source))?);
    }
    let mut rows = decode.decode(spec.table, &Answer::Hits(hits))?;
    if let Some(mut branches) = decode.branches(&mut rows)? {
        load(target, &mut *branches, given.policy).await?;
    }
    Ok((all, rows))
}

impl<R: Send + 'static> Operand for OfQuery<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Read>> {
        boxed_rows_of_query(target, Cow::Borrowed(&self.spec), (self.distinct, self.columns()), self)
    }

    fn part<'s>(&'s self, target: Reader<'s>, part: Part) -> Option<BoxFuture<'s, Result<Read>>> {
        let columns = self.columns();
        let spec = part_of_query(&self.spec, &columns, part)?;
        Some(boxed_rows_of_query(target, Cow::Owned(spec), (false, columns), self))
    }

    fn place_of(&self, _place: u8, column: u16) -> Option<usize> {
        self.columns().iter().position(|given| *given == column)
    }

    fn table(&self) -> &'static str {
        self.spec.table.name
    }
}

fn boxed_rows_of_query<'s>(
    target: Reader<'s>,
    spec: Cow<'s, Spec>,
    columns: (bool, Vec<u16>),
    decode: &'s dyn Decode,
) -> BoxFuture<'s, Result<Read>> {
    Box::pin(rows_of_query(target, spec, columns, decode))
}

/// A query on several entities.
struct OfJoin<R> {
    spec: JoinSpec,
    /// The columns by which rows are compared: those that are given, or all.
    columns: Vec<Node>,
    output: JoinOutput<R>,
}

pub(super) fn of_join<Q: Parts, R: Send + 'static>(query: &Joined<'_, Q, R>) -> Box<dyn Operand> {
    let mut spec = query.spec.clone();
    let columns = match &query.output {
        JoinOutput::Columns(columns, _) => columns.clone(),
        JoinOutput::Entities(_) => {
            spec.distinct = false;
            columns_of_join(&spec)
        }
    };
    Box::new(OfJoin { spec, columns, output: query.output.clone() })
}

fn columns_of_join(spec: &JoinSpec) -> Vec<Node> {
    let of = |(place, columns): (u8, usize)| (0..).take(columns).map(move |column| Node::of(place, column));
    (0..).zip(spec.parts.iter().map(|part| part.spec.table.columns.len())).flat_map(of).collect()
}

/// What reads the rows of a join.
trait DecodeJoined: Sync {
    fn decode(&self, rows: &JoinedRows, values: &[Vec<Value>]) -> Result<Leaf>;
}

impl<R: Send + 'static> DecodeJoined for OfJoin<R> {
    fn decode(&self, found: &JoinedRows, values: &[Vec<Value>]) -> Result<Leaf> {
        let mut rows = Vec::with_capacity(values.len());
        for (row, values) in found.iter().zip(values) {
            rows.push(match &self.output {
                JoinOutput::Entities(read) => read(&FoundRow(row))?,
                JoinOutput::Columns(_, read) => match read(&mut FoundValues::new(values.clone())) {
                    Ok(row) => row,
                    Err(source) => return Err(Error::invalid(source.to_string())),
                },
            });
        }
        Ok(Leaf::new(rows))
    }
}

fn rows_of_join<'s>(
    target: Reader<'s>,
    spec: &'s JoinSpec,
    columns: &'s [Node],
    decode: &'s dyn DecodeJoined,
) -> BoxFuture<'s, Result<Read>> {
    Box::pin(async move {
        let rows = exec::join(target, spec, columns).await?;
        let values = rows.iter().map(|row| values_of(spec, &row, columns)).collect::<Result<Vec<_>>>()?;
        let leaf = decode.decode(&rows, &values)?;
        Ok((values, leaf))
    })
}

fn place_in(columns: &[Node], place: u8, column: u16) -> Option<usize> {
    columns.iter().position(|node| match node {
        Node::Column(given) => place == 0 && *given == column,
        Node::Of(at, given) => place == *at && *given == column,
        _ => false,
    })
}

impl<R: Send + 'static> Operand for OfJoin<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Read>> {
        rows_of_join(target, &self.spec, &self.columns, self)
    }

    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        place_in(&self.columns, place, column)
    }

    fn table(&self) -> &'static str {
        self.spec.parts.first().map_or("", |part| part.spec.table.name)
    }
}

impl<R: Send + 'static> Operand for Groups<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Read>> {
        Box::pin(async move {
            let values = self.asked.all(target).await?;
            let rows = self.read_all(values.clone())?;
            Ok((values, Leaf::new(rows)))
        })
    }

    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        place_in(&self.asked.spec.output, place, column)
    }

    fn table(&self) -> &'static str {
        self.asked.rows.table()
    }
}

pub(super) fn of_groups<Q, R: Send + 'static>(query: &GroupBy<'_, Q, R>) -> Box<dyn Operand> {
    Box::new(query.groups.clone())
}
