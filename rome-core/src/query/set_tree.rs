//! Combines the rows of queries, without the types of the rows: by their values alone.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::set_operand::{Leaf, Operand, Read};
use super::watch::Watch;
use crate::ask::Window;
use crate::error::{Error, Kind, Result};
use crate::exec::sort_key_of_values;
use crate::expr::Nulls;
use crate::session::{Reader, Session, in_session};
use crate::value::{Value, ValueRef, key};

/// How two queries are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    UnionAll,
    Intersect,
    Except,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub place: u8,
    pub column: u16,
    pub descending: bool,
    pub nulls: Nulls,
}

/// How deep set operations lie in each other at most. What is added to the right of others is one level with them.
pub(super) const MOST_LEVELS: u16 = 32;

pub(super) enum Tree {
    Leaf(Box<dyn Operand>),
    /// The first, and what is done with it, one after the other. It has so many levels.
    Chain(Arc<Self>, Vec<(Operation, Arc<Self>)>, u16),
    /// A combination of so many levels with an order and a limit of its own.
    Cut(Arc<Self>, Vec<Order>, Window, u16),
    /// What a combination of too many levels became.
    Refused,
}

/// A row by its values, by which rows are compared, and where it is: the query that has it, and its place there.
struct SetRow {
    values: Vec<Value>,
    at: (usize, usize),
}

/// The order of rows by their values: the place of each value, its direction and its place for NULL. All values break ties, in the
/// direction of the last part; without any part there is no order.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed(pub Vec<(usize, bool, Nulls)>);

impl Placed {
    /// Whether the values that break ties descend.
    pub fn descends(&self) -> bool {
        self.0.last().is_some_and(|(_, descending, _)| *descending)
    }

    fn place(&self, row: &SetRow) -> Vec<u8> {
        let of = |(place, descending, nulls): &(usize, bool, Nulls)| {
            (row.values.get(*place).map_or(ValueRef::Null, Value::as_ref), *descending, *nulls)
        };
        let descending = self.descends();
        let nulls = Nulls::natural(descending);
        let rest = row.values.iter().map(|value| (value.as_ref(), descending, nulls));
        sort_key_of_values(self.0.iter().map(of).chain(rest))
    }
}

/// Rows of a set operation, and what the queries below have read.
#[derive(Default)]
pub(super) struct SetRows {
    rows: Vec<SetRow>,
    leaves: Vec<Leaf>,
}

/// What a set operation gives: for each row its query and its place there.
pub(super) struct Combined {
    pub places: Vec<(usize, usize)>,
    pub leaves: Vec<Leaf>,
}

impl Tree {
    pub const fn levels(&self) -> u16 {
        match self {
            Self::Leaf(_) => 1,
            Self::Chain(_, _, levels) | Self::Cut(.., levels) => *levels,
            Self::Refused => MOST_LEVELS + 1,
        }
    }

    /// With one more to the right.
    pub fn then(self: Arc<Self>, operation: Operation, other: Arc<Self>) -> Self {
        let (first, mut steps, levels) = match Arc::try_unwrap(self) {
            Ok(Self::Chain(first, steps, levels)) => (first, steps, levels),
            Ok(first) => (Arc::new(first), Vec::new(), 0),
            Err(shared) => match &*shared {
                Self::Chain(first, steps, levels) => (first.clone(), steps.clone(), *levels),
                _ => (shared, Vec::new(), 0),
            },
        };
        let levels = levels.max(first.levels() + 1).max(other.levels() + 1);
        if levels > MOST_LEVELS {
            return Self::Refused;
        }
        steps.push((operation, other));
        Self::Chain(first, steps, levels)
    }

    /// Its rows in an order, cut to a window. Costs as its queries together.
    pub fn find<'s>(
        &'s self,
        target: Reader<'s>,
        order: &'s [Order],
        window: Window,
    ) -> BoxFuture<'s, Result<Combined>> {
        Box::pin(async move {
            let watch = Watch::begin(target);
            let order = &self.placed(order)?;
            let mut found = match target {
                Reader::Session(_) => self.as_far_as(target, order, window).await?,
                Reader::Database(shared) => {
                    let within =
                        async |session: &Session| self.as_far_as(Reader::Session(session), order, window).await;
                    in_session(shared, within).await?
                }
            };
            watch.end(|_| format!("set operation on {}", self.table()));
            found.arrange(order, window);
            Ok(Combined { places: found.rows.iter().map(|row| row.at).collect(), leaves: found.leaves })
        })
    }

    pub fn rows<'s>(&'s self, target: Reader<'s>) -> BoxFuture<'s, Result<SetRows>> {
        Box::pin(async move {
            match self {
                Self::Leaf(operand) => {
                    operand.rows(target).await.map(SetRows::of_leaf)
                }
                Self::Chain(first, steps, _) => {
                    let mut all = first.rows(target).await?;
                    for (operation, other) in steps {
                        all.combine(*operation, other.rows(target).await?);
                    }
                    Ok(all)
                }
                Self::Cut(tree, order, window, _) => {
                    let mut all = tree.rows(target).await?;
                    all.arrange(&self.placed(order)?, *window);
                    Ok(all)
                }
                Self::Refused => Err(Kind::Limit(format!(
                    "set operations are nested more than {MOST_LEVELS} levels deep, which is the limit; add queries one after the \
                     other, `a.union(b).union(c)`, or combine the rows of several queries"
                ))
                .into()),
            }
        })
    }

    /// Which of the values of a row a column of the first query is.
    fn place_of(&self, place: u8, column: u16) -> Option<usize> {
        match self {
            Self::Leaf(operand) => operand.place_of(place, column),
            Self::Chain(tree, ..) | Self::Cut(tree, ..) => tree.place_of(place, column),
            Self::Refused => None,
        }
    }

    pub fn table(&self) -> &'static str {
        match self {
            Self::Leaf(operand) => operand.table(),
            Self::Chain(tree, ..) | Self::Cut(tree, ..) => tree.table(),
            Self::Refused => "",
        }
    }

    /// The order by the values of its rows.
    fn placed(&self, order: &[Order]) -> Result<Placed> {
        let mut places = Vec::with_capacity(order.len());
        for part in order {
            let place = self.place_of(part.place, part.column).ok_or_else(|| {
                Error::invalid("a set operation can only be ordered by columns that its first query gives")
            })?;
            places.push((place, part.descending, part.nulls));
        }
        Ok(Placed(places))
    }
}

impl SetRows {
    pub fn of_leaf((values, leaf): Read) -> Self {
        let rows = values.into_iter().enumerate().map(|(at, values)| SetRow { values, at: (0, at) });
        Self { rows: rows.collect(), leaves: vec![leaf] }
    }

    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The values of each row.
    pub fn values(&self) -> Vec<Vec<Value>> {
        self.rows.iter().map(|row| row.values.clone()).collect()
    }

    /// The place of the last row in an order in which the rows are; nothing if they are in no order.
    pub fn last_place(&self, order: &Placed) -> Vec<u8> {
        self.rows.last().filter(|_| !order.0.is_empty()).map_or_else(Vec::new, |row| order.place(row))
    }

    /// Drops the rows behind a place in an order; none without an order.
    pub fn cut_behind(&mut self, order: &Placed, place: &[u8]) {
        if !order.0.is_empty() {
            self.rows.retain(|row| order.place(row).as_slice() <= place);
        }
    }

    /// Puts the rows in order and cuts them.
    fn arrange(&mut self, order: &Placed, window: Window) {
        if !order.0.is_empty() {
            self.rows.sort_by_cached_key(|row| order.place(row));
        }
        window.cut(&mut self.rows);
    }

    pub fn combine(&mut self, operation: Operation, mut other: Self) {
        let (before, left) = (self.leaves.len(), &mut self.rows);
        for row in &mut other.rows {
            row.at.0 += before;
        }
        let mut seen = HashSet::new();
        match operation {
            Operation::UnionAll => left.extend(other.rows),
            Operation::Union => {
                left.extend(other.rows);
                left.retain(|row| seen.insert(row.identity()));
            }
            Operation::Intersect | Operation::Except => {
                let right: HashSet<Vec<u8>> = other.rows.iter().map(SetRow::identity).collect();
                left.retain(|row| {
                    let identity = row.identity();
                    right.contains(&identity) == (operation == Operation::Intersect) && seen.insert(identity)
                });
                // None of its rows is given.
                return;
            }
        }
        self.leaves.extend(other.leaves);
    }
}

impl SetRow {
    fn identity(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        self.values.iter().for_each(|value| key::encode(value.as_ref(), false, &mut encoded));
        encoded
    }
}
