//! What a join asks for, without its types, and in which order its tables are read.
//!
//! The tables of inner joins can be read in any order. The first one is that with the fewest rows by its own conditions;
//! each further one is looked up by what the ones before it say, all at once. Tables of left joins come after, in the
//! order in which they were asked for.

use super::{OrderPart, Spec, Window};
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::size;
use crate::schema::Table;

/// How a table is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    /// Rows without a partner are left out. The first table is of this kind too.
    Inner,
    /// A row without a partner is kept, with NULL in the place of one.
    Left,
    /// Each row with each.
    Cross,
}

/// A column of an earlier table, by its place, and the column of this one that is equal.
pub(crate) type Equal = (u8, u16, u16);

/// The table in between of a many-to-many join.
#[derive(Debug, Clone)]
pub(crate) struct Via {
    pub entity: fn() -> &'static Table,
    pub table: &'static Table,
    /// Its columns that are equal to those of an earlier table.
    pub near: Vec<Equal>,
    /// Its columns, and those of the joined table that are equal.
    pub far: Vec<(u16, u16)>,
}

/// A table of a join.
#[derive(Debug, Clone)]
pub(crate) struct JoinPart {
    /// What it is called in plans.
    pub name: &'static str,
    pub kind: JoinKind,
    /// Which columns are equal: one of an earlier table, by its place, and one of this one.
    pub on: Vec<Equal>,
    /// The tables in between, each of which has to lead to it too.
    pub via: Vec<Via>,
    /// The rows of the table by itself; without order and limit.
    pub spec: Spec,
}

/// One part of the order of a join's rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinOrder {
    pub place: u8,
    pub part: OrderPart,
}

/// An order without the parts by a column that an earlier part orders by already.
pub(crate) fn distinct_join_parts(parts: impl IntoIterator<Item = JoinOrder>) -> Vec<JoinOrder> {
    let mut order: Vec<JoinOrder> = Vec::new();
    for part in parts {
        if !order.iter().any(|earlier| earlier.place == part.place && earlier.part.column == part.part.column) {
            order.push(part);
        }
    }
    order
}

/// What a join asks for.
#[derive(Debug, Clone)]
pub(crate) struct JoinSpec {
    /// The tables, the first one first.
    pub parts: Vec<JoinPart>,
    /// Conditions on the joined rows that all have to be true.
    pub filter: Vec<Node>,
    pub order: Vec<JoinOrder>,
    pub window: Window,
    /// Whether a row is given once only.
    pub distinct: bool,
    /// What the first way to the rows may visit before the other has its turn; `None`: by how many rows are wanted.
    pub first_visits: Option<u64>,
}

/// How one more table comes to those before it.
#[derive(Debug, Clone)]
pub(crate) struct Attach {
    pub place: u8,
    pub kind: JoinKind,
    /// The column of a table that is there already, and the column of this one that is equal.
    pub on: Vec<Equal>,
    pub via: Vec<Via>,
}

impl Attach {
    /// The equalities with each own column once, and the others.
    pub fn distinct_columns(&self) -> (Vec<Equal>, Vec<Equal>) {
        let mut first: Vec<Equal> = Vec::with_capacity(self.on.len());
        let mut more = Vec::new();
        for equal in &self.on {
            if first.iter().any(|(.., own)| *own == equal.2) { more.push(*equal) } else { first.push(*equal) }
        }
        (first, more)
    }
}

impl JoinPart {
    /// The places of the tables that have to be there before this one.
    fn needs(&self) -> impl Iterator<Item = u8> {
        let near = self.via.iter().flat_map(|via| &via.near);
        self.on.iter().chain(near).map(|(place, ..)| *place)
    }
}

impl JoinSpec {
    /// The table at a place that was taken from this join.
    ///
    /// # Panics
    /// If there is no such table: places come from this join alone.
    pub fn part(&self, place: u8) -> &JoinPart {
        self.parts.get(usize::from(place)).expect("the place of a table is one of its join's")
    }

    /// The join that a query on one table begins.
    pub fn new(mut spec: Spec) -> Self {
        let order = spec.order.drain(..).map(|part| JoinOrder { place: 0, part }).collect();
        let window = std::mem::take(&mut spec.window);
        let first = JoinPart { name: spec.table.name, kind: JoinKind::Inner, on: Vec::new(), via: Vec::new(), spec };
        Self { parts: vec![first], filter: Vec::new(), order, window, distinct: false, first_visits: None }
    }

    /// The order that was asked for, made total by the keys of all tables, in the direction of the last part.
    pub fn full_order(&self) -> Vec<JoinOrder> {
        let mut order: Vec<JoinOrder> = Vec::with_capacity(self.order.len() + self.parts.len());
        let is_there = |order: &[JoinOrder], place: u8, column: u16| {
            order.iter().any(|earlier| earlier.place == place && earlier.part.column == column)
        };
        order.extend(distinct_join_parts(self.order.iter().copied()));
        let descending = order.last().is_some_and(|last| last.part.descending);
        for (place, table) in (0_u8..).zip(&self.parts) {
            for column in &table.spec.table.key {
                if !is_there(&order, place, *column) {
                    order.push(JoinOrder { place, part: OrderPart::new(*column, descending) });
                }
            }
        }
        order
    }

    /// Refuses conditions on its rows that are too large.
    pub fn check_size(&self) -> Result<()> {
        let first = self.parts.first().map_or("", |part| part.name);
        size::check(&self.filter, || format!("the condition of a join on `{first}`"))
    }

    /// Gives each condition to the table that it is about, where that does not change what it means; says which are left.
    /// The tables between those of a many-to-many join become parts of their own, after all others.
    pub fn pushed(mut self) -> Self {
        self.expand();
        let core = self.core();
        let mut left = Vec::new();
        for condition in std::mem::take(&mut self.filter) {
            match only_place(&condition) {
                Some(place) if core.contains(&place) => {
                    if let Some(part) = self.parts.get_mut(usize::from(place)) {
                        part.spec.filter.push(condition.map_leaves(&mut |leaf| match leaf {
                            Node::Of(_, column) => Node::Column(column),
                            leaf => leaf,
                        }));
                    }
                }
                _ => left.push(condition),
            }
        }
        self.filter = left;
        self
    }

    /// Makes the tables in between of inner joins parts of their own.
    fn expand(&mut self) {
        for at in 0..self.parts.len() {
            let mut next = u8::try_from(self.parts.len()).unwrap_or(u8::MAX);
            let Some(part) = self.parts.get_mut(at).filter(|part| part.kind == JoinKind::Inner) else { continue };
            let mut more = Vec::with_capacity(part.via.len());
            for via in part.via.drain(..) {
                part.on.extend(via.far.iter().map(|(far, own)| (next, *far, *own)));
                next = next.saturating_add(1);
                let spec = Spec { policy: part.spec.policy, ..Spec::new(via.table) };
                let name = via.table.name;
                more.push(JoinPart { name, kind: JoinKind::Inner, on: via.near, via: Vec::new(), spec });
            }
            self.parts.extend(more);
        }
    }

    /// The places of the tables that can be read in any order: those of inner and cross joins that do not depend on a left
    /// join.
    pub fn core(&self) -> Vec<u8> {
        let mut core: Vec<u8> = Vec::new();
        loop {
            let before = core.len();
            for (place, part) in (0_u8..).zip(&self.parts) {
                let depends = part.needs().all(|needed| core.contains(&needed));
                if part.kind != JoinKind::Left && !core.contains(&place) && depends {
                    core.push(place);
                }
            }
            if core.len() == before {
                return core;
            }
        }
    }

    /// The tables in the order in which they are read, after `first`.
    pub fn attached(&self, first: u8) -> Vec<Attach> {
        let core = self.core();
        let mut bound = vec![first];
        let mut attached = Vec::with_capacity(self.parts.len());
        let is_core = |place: &u8| core.contains(place);
        let all = || (0_u8..).zip(&self.parts).map(|(place, _)| place);
        loop {
            let free: Vec<u8> = all().filter(|place| !bound.contains(place)).collect();
            let connected = free.iter().copied().filter(is_core).find(|place| !self.edges(*place, &bound).is_empty());
            // What nothing leads to is combined with all rows: only an explicit cross join has that.
            let next = connected.or_else(|| free.iter().copied().find(is_core)).or_else(|| {
                let ready = |place: &u8| {
                    let part = self.parts.get(usize::from(*place));
                    part.is_some_and(|part| part.needs().all(|needed| bound.contains(&needed)))
                };
                free.iter().copied().find(ready)
            });
            let Some(place) = next else { return attached };
            let part = self.part(place);
            let on = if is_core(&place) { self.edges(place, &bound) } else { part.on.clone() };
            let kind = if part.kind == JoinKind::Left {
                JoinKind::Left
            } else if on.is_empty() && part.via.is_empty() {
                JoinKind::Cross
            } else {
                JoinKind::Inner
            };
            attached.push(Attach { place, kind, on, via: part.via.clone() });
            bound.push(place);
        }
    }

    /// The equalities between the table at a place and those that are bound.
    fn edges(&self, place: u8, bound: &[u8]) -> Vec<Equal> {
        let mut edges = Vec::new();
        edges.extend(self.part(place).on.iter().filter(|(on, ..)| bound.contains(on)).copied());
        for other in bound {
            let part = self.part(*other);
            if part.kind != JoinKind::Inner {
                continue;
            }
            let back = part.on.iter().filter(|(on, ..)| *on == place);
            edges.extend(back.map(|(_, column, own)| (*other, *own, *column)));
        }
        edges
    }
}

/// The place of the only table that a condition is about. A condition about none may be tested on the first.
fn only_place(condition: &Node) -> Option<u8> {
    let mut places = Vec::new();
    condition.for_each_place(&mut |place, _| {
        if !places.contains(&place) {
            places.push(place);
        }
    });
    match places.as_slice() {
        [] => Some(0),
        [only] => Some(*only),
        _ => None,
    }
}
