//! Loads the relations of rows, without the types of the rows: what reads and waits is compiled once, and only what takes keys from
//! rows and puts rows into rows is compiled for each relation that a program loads.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, try_join_all};

use super::IntoLoad;
use super::select::Output;
use crate::ask::{MOST_ROWS, ScanPolicy, Spec};
use crate::error::{Error, Kind, Result};
use crate::exec::{self, Answer, LedRows, Places};
use crate::metrics;
use crate::model::Entity;
use crate::schema::{RelationDef, RelationName, Table};
use crate::session::{Reader, Session, Shared, in_session};

/// How many levels of relations a query loads at most.
pub(super) const MOST_LEVELS: u16 = 32;

/// The relations that a query loads with its rows.
pub(crate) type Loads<R> = Vec<Arc<dyn Loader<R>>>;

/// A relation of rows of type `R` that is to be loaded.
pub(crate) trait Loader<R>: Send + Sync {
    /// What does not depend on the type of the rows.
    fn branch(&self) -> &dyn Branch;

    /// For each row the encoded columns that lead to others; none if one of them is NULL.
    fn keys(&self, rows: &[R]) -> Result<Vec<Option<Bytes>>>;

    /// Puts what was loaded into the rows.
    fn put(&self, rows: &mut [R], loaded: Loaded) -> Result<()>;

    /// Rows, with the relations that are to be loaded for them.
    fn tree<'r>(&self, rows: &'r mut [R], loads: &'r Loads<R>) -> Box<dyn Node + 'r>;

    /// What reads the rows of a query that loads relations.
    fn decoding<'q>(&self, output: &'q Output<R>, loads: &'q Loads<R>) -> Box<dyn Decoding + 'q>;

    /// The rows that such a query has read.
    fn take(&self, rows: Rows) -> Result<Vec<R>>;
}

/// The rows that a relation leads to.
pub(crate) trait Branch: Send + Sync {
    /// How many levels of relations it loads.
    fn levels(&self) -> u16;

    fn leads(&self) -> Leads<'_>;

    /// Reads the rows at these places among those that were found.
    fn read(&self, found: &LedRows, places: &[usize]) -> Result<Rows>;

    /// The rows, with the relations that are to be loaded for them.
    fn node<'r>(&'r self, rows: &'r mut Rows) -> Result<Box<dyn Node + 'r>>;
}

/// Where a relation leads.
pub(crate) struct Leads<'l> {
    pub def: &'static RelationDef,
    pub name: &'static RelationName,
    pub spec: &'l Spec,
    /// How many rows are loaded for each row at most.
    pub limit: Option<u64>,
}

/// Rows of a type that who loads them need not know, and how many.
pub(crate) struct Rows {
    rows: Box<dyn Any + Send + Sync>,
    pub len: usize,
}

/// The rows that a relation leads to, one after the other, and how many each row has.
pub(crate) struct Loaded {
    pub rows: Rows,
    pub counts: Vec<usize>,
}

impl Rows {
    pub fn new<R: Send + Sync + 'static>(rows: Vec<R>) -> Self {
        Self { len: rows.len(), rows: Box::new(rows) }
    }

    pub fn take<R: 'static>(self) -> Result<Vec<R>> {
        match self.rows.downcast() {
            Ok(rows) => Ok(*rows),
            Err(_) => Err(of_another_type()),
        }
    }

    pub fn get<R: 'static>(&mut self) -> Result<&mut Vec<R>> {
        match self.rows.downcast_mut() {
            Some(rows) => Ok(rows),
            None => Err(of_another_type()),
        }
    }
}

#[cold]
fn of_another_type() -> Error {
    Error::internal("rows with relations are of another type than their query's")
}

/// Rows whose relations are to be loaded.
pub(crate) trait Node: Send + Sync {
    fn is_empty(&self) -> bool;

    fn relations(&self) -> usize;

    fn branch(&self, relation: usize) -> Option<&dyn Branch>;

    fn keys(&self, relation: usize) -> Result<Vec<Option<Bytes>>>;

    fn put(&mut self, relation: usize, loaded: Loaded) -> Result<()>;
}

/// The rows of a query that loads relations.
pub(crate) trait Decoding: Send + Sync {
    fn read(&self, table: &'static Table, answer: &Answer) -> Result<Rows>;

    fn node<'r>(&'r self, rows: &'r mut Rows) -> Result<Box<dyn Node + 'r>>;

    /// Takes the last of the rows.
    fn pop(&self, rows: &mut Rows) -> Result<Option<Rows>>;
}

/// Rows of an entity, and the relations that are to be loaded for them.
pub(crate) struct Tree<'r, E> {
    pub rows: &'r mut [E],
    pub loads: &'r [Arc<dyn Loader<E>>],
}

impl<E: Entity> Node for Tree<'_, E> {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn relations(&self) -> usize {
        self.loads.len()
    }

    fn branch(&self, relation: usize) -> Option<&dyn Branch> {
        match self.loads.get(relation) {
            Some(load) => Some(load.branch()),
            None => None,
        }
    }

    fn keys(&self, relation: usize) -> Result<Vec<Option<Bytes>>> {
        match self.loads.get(relation) {
            Some(load) => load.keys(self.rows),
            None => Ok(Vec::new()),
        }
    }

    fn put(&mut self, relation: usize, loaded: Loaded) -> Result<()> {
        match self.loads.get(relation) {
            Some(load) => load.put(self.rows, loaded),
            None => Ok(()),
        }
    }
}

/// How a query reads its entities.
pub(super) struct Decoder<'q, E> {
    pub output: &'q Output<E>,
    pub loads: &'q Loads<E>,
}

impl<E: Entity> Decoding for Decoder<'_, E> {
    fn read(&self, table: &'static Table, answer: &Answer) -> Result<Rows> {
        Ok(Rows::new(self.output.read_all(table, answer)?))
    }

    fn node<'r>(&'r self, rows: &'r mut Rows) -> Result<Box<dyn Node + 'r>> {
        Ok(Box::new(Tree { rows: rows.get::<E>()?, loads: self.loads }))
    }

    fn pop(&self, rows: &mut Rows) -> Result<Option<Rows>> {
        Ok(rows.get::<E>()?.pop().map(|row| Rows::new(vec![row])))
    }
}

/// Loads relations of rows, side by side.
pub(crate) fn load<'a>(
    target: Reader<'a>,
    node: &'a mut (dyn Node + 'a),
    policy: Option<ScanPolicy>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let loaded = load_branches(target, &*node, policy).await?;
        for (relation, loaded) in loaded.into_iter().enumerate() {
            node.put(relation, loaded)?;
        }
        Ok(())
    })
}

/// What the relations of rows lead to, which is not put into them yet.
pub(crate) fn load_branches<'a>(
    target: Reader<'a>,
    node: &'a (dyn Node + 'a),
    policy: Option<ScanPolicy>,
) -> BoxFuture<'a, Result<Vec<Loaded>>> {
    Box::pin(async move {
        let mut branches = Vec::with_capacity(node.relations());
        for relation in 0..node.relations() {
            branches.extend(node.branch(relation).map(|branch| (relation, branch)));
        }
        if branches.iter().any(|(_, branch)| branch.levels() > MOST_LEVELS) {
            return Err(Kind::Limit(format!(
                "a query loads more than {MOST_LEVELS} levels of relations, which is the limit; load the lower ones by a \
                 query of their own"
            ))
            .into());
        }
        if node.is_empty() {
            return Ok(Vec::new());
        }
        let load = |(relation, branch)| load_branch(target, node, relation, branch, policy);
        try_join_all(branches.into_iter().map(load)).await
    })
}

fn load_branch<'a>(
    target: Reader<'a>,
    node: &'a (dyn Node + 'a),
    relation: usize,
    branch: &'a dyn Branch,
    policy: Option<ScanPolicy>,
) -> BoxFuture<'a, Result<Loaded>> {
    Box::pin(async move {
        let leads = branch.leads();
        let keys = node.keys(relation)?;
        let mut wanted: Vec<Bytes> = keys.iter().flatten().cloned().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let spec = Spec { policy, ..leads.spec.clone() };
        let (found, places) = exec::lead(target, leads.def, &spec, wanted).await?;
        let (places, counts) = places_of(&leads, &keys, &places)?;
        let mut rows = branch.read(&found, &places)?;
        drop((keys, found, places));
        load(target, &mut *branch.node(&mut rows)?, policy).await?;
        metrics::returned(rows.len);
        Ok(Loaded { rows, counts })
    })
}

/// The places of the rows of each row, one after the other, and how many each has. A row that several lead to is read for each of
/// them.
fn places_of(leads: &Leads<'_>, keys: &[Option<Bytes>], found: &Places) -> Result<(Vec<usize>, Vec<usize>)> {
    let mut places = Vec::new();
    let mut counts = Vec::with_capacity(keys.len());
    for key in keys {
        let ranges = key.as_ref().and_then(|key| found.get(key)).map(Vec::as_slice).unwrap_or_default();
        let before = places.len();
        places.extend(
            ranges
                .iter()
                .flat_map(Range::clone)
                .take(leads.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))),
        );
        counts.push(places.len() - before);
        if places.len() > MOST_ROWS {
            return Err(Kind::Limit(format!(
                "relation `{}` of `{}` would load more than {MOST_ROWS} rows: a row is loaded once for each that leads to it; \
                 limit it for each row, `.limit(n)`, or read it by a query of its own",
                leads.name.field, leads.name.entity
            ))
            .into());
        }
    }
    Ok((places, counts))
}

/// Loads a relation of rows of the database, all of it from one consistent snapshot.
pub(crate) async fn load_relation<E: Entity>(
    shared: &Arc<Shared>,
    rows: &mut [E],
    relation: impl IntoLoad<E>,
) -> Result<()> {
    let loads: Loads<E> = vec![Arc::new(relation.into_load())];
    load_outside(shared, &mut Tree { rows, loads: &loads }).await
}

fn load_outside<'a>(shared: &'a Arc<Shared>, node: &'a mut (dyn Node + 'a)) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let shown = &*node;
        let body = async |session: &Session| load_branches(Reader::Session(session), shown, None).await;
        for (relation, loaded) in in_session(shared, body).await?.into_iter().enumerate() {
            node.put(relation, loaded)?;
        }
        Ok(())
    })
}
