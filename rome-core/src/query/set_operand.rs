//! Queries as sides of set operations: without the types of their entities, and without where they run.

use futures::future::BoxFuture;

use super::group::Groups;
use super::join::JoinOutput;
use super::parts::{FoundRow, FoundValues};
use super::rows::values_of;
use super::select::Output;
use super::with::{Loads, load_all};
use super::{GroupBy, Joined, Parts, Query};
use crate::ask::{JoinSpec, Spec};
use crate::error::{Error, Result};
use crate::exec::{self, Want};
use crate::expr::node::Node;
use crate::model::Entity;
use crate::plan;
use crate::row;
use crate::session::Reader;
use crate::value::{Value, ValueError, ValueRef};

/// A row with its values, by which rows are compared.
pub(super) struct SetRow<R> {
    pub values: Vec<Value>,
    pub row: R,
}

/// One side of a set operation.
pub(super) trait Operand<R>: Send + Sync {
    /// Its rows.
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<SetRow<R>>>>;

    /// Which of the values of a row a column is.
    fn place_of(&self, place: u8, column: u16) -> Option<usize>;

    /// The first table that it reads.
    fn table(&self) -> &'static str;
}

/// A query on one table.
struct OfQuery<R> {
    spec: Spec,
    output: Output<R>,
    distinct: bool,
    loads: Loads<R>,
}

pub(super) fn of_query<E: Entity, R: Send + 'static>(query: &Query<'_, E, R>) -> Box<dyn Operand<R>> {
    let distinct = query.distinct && matches!(query.output, Output::Columns(..));
    let (spec, output, loads) = (query.spec.clone(), query.output.clone(), query.loads.clone());
    Box::new(OfQuery { spec, output, distinct, loads })
}

impl<R> OfQuery<R> {
    fn columns(&self) -> Vec<u16> {
        match &self.output {
            Output::Entity(_) => (0..).take(self.spec.table.columns.len()).collect(),
            Output::Columns(columns, _) => columns.clone(),
        }
    }

    async fn read(&self, target: Reader<'_>) -> Result<Vec<SetRow<R>>> {
        if self.distinct && !self.spec.window.is_all() {
            return Err(Error::invalid(
                "distinct rows with a limit cannot be one side of a set operation: set operations give distinct rows anyway",
            ));
        }
        let spec = exec::answered(target, &self.spec).await?;
        let table = target.shared().table(spec.table)?;
        let plan = plan::plan(target, table, &spec).await?;
        let columns = self.columns();
        let last = columns.iter().copied().max().unwrap_or(0);
        let mut offsets = Vec::new();
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        for hit in exec::fetch(target, table, &spec, &plan, Want::Rows).await? {
            let values = row::with_view(spec.table, &hit.body, last, |row| {
                columns.iter().map(|column| row.value(*column).map(ValueRef::to_value)).collect()
            });
            let values = values.map_err(|source| row::damaged(spec.table, &hit.key, &hit.body, source))?;
            all.push(values);
            rows.push(self.output.read(spec.table, &hit.key, &hit.body, &mut offsets)?);
        }
        load_all(target, &self.loads, &mut rows, self.spec.policy).await?;
        Ok(all.into_iter().zip(rows).map(|(values, row)| SetRow { values, row }).collect())
    }
}

impl<R: Send + 'static> Operand<R> for OfQuery<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<SetRow<R>>>> {
        Box::pin(self.read(target))
    }

    fn place_of(&self, _place: u8, column: u16) -> Option<usize> {
        self.columns().iter().position(|given| *given == column)
    }

    fn table(&self) -> &'static str {
        self.spec.table.name
    }
}

/// A query on several entities.
struct OfJoin<R> {
    spec: JoinSpec,
    /// The columns by which rows are compared: those that are given, or all.
    columns: Vec<Node>,
    output: JoinOutput<R>,
}

pub(super) fn of_join<Q: Parts, R: Send + 'static>(query: &Joined<'_, Q, R>) -> Box<dyn Operand<R>> {
    let mut spec = query.spec.clone();
    let columns = match &query.output {
        JoinOutput::Columns(columns, _) => columns.clone(),
        JoinOutput::Entities(_) => {
            spec.distinct = false;
            let of = |(place, columns): (u8, usize)| (0..).take(columns).map(move |column| Node::of(place, column));
            (0..).zip(spec.parts.iter().map(|part| part.spec.table.columns.len())).flat_map(of).collect()
        }
    };
    Box::new(OfJoin { spec, columns, output: query.output.clone() })
}

impl<R> OfJoin<R> {
    async fn read(&self, target: Reader<'_>) -> Result<Vec<SetRow<R>>> {
        let rows = exec::join(target, &self.spec, &self.columns).await?;
        let read = |row| {
            let values = values_of(&self.spec, &row, &self.columns)?;
            let row = match &self.output {
                JoinOutput::Entities(read) => read(&FoundRow(row))?,
                JoinOutput::Columns(_, read) => {
                    let unfit = |source: ValueError| Error::invalid(source.to_string());
                    read(&mut FoundValues::new(values.clone())).map_err(unfit)?
                }
            };
            Ok(SetRow { values, row })
        };
        rows.iter().map(read).collect()
    }
}

fn place_in(columns: &[Node], place: u8, column: u16) -> Option<usize> {
    columns.iter().position(|node| match node {
        Node::Column(given) => place == 0 && *given == column,
        Node::Of(at, given) => place == *at && *given == column,
        _ => false,
    })
}

impl<R: Send + 'static> Operand<R> for OfJoin<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<SetRow<R>>>> {
        Box::pin(self.read(target))
    }

    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        place_in(&self.columns, place, column)
    }

    fn table(&self) -> &'static str {
        self.spec.parts.first().map_or("", |part| part.spec.table.name)
    }
}

impl<R: Send + 'static> Operand<R> for Groups<R> {
    fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<Vec<SetRow<R>>>> {
        Box::pin(async move {
            let rows = self.values(target, &self.spec).await?;
            rows.into_iter().map(|values| Ok(SetRow { row: self.read_row(values.clone())?, values })).collect()
        })
    }

    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        place_in(&self.spec.output, place, column)
    }

    fn table(&self) -> &'static str {
        self.rows.table()
    }
}

pub(super) fn of_groups<Q, R: Send + 'static>(query: &GroupBy<'_, Q, R>) -> Box<dyn Operand<R>> {
    Box::new(query.groups.clone())
}
