//! The joins that the test asks for, as data.

use super::model::{By, Cond, Generate, Rel, Table};

#[derive(Clone, Debug)]
pub enum Kind {
    Relation(Rel),
    Columns(Vec<(&'static str, &'static str)>),
    Cross,
}

#[derive(Clone, Debug)]
pub struct Join {
    pub from: usize,
    pub to: Table,
    pub kind: Kind,
    pub left: bool,
    /// Whether the link has the conditions of the ask.
    pub extra: bool,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub tables: Vec<Table>,
    pub joins: Vec<Join>,
}

fn relation(from: usize, rel: Rel, left: bool) -> Join {
    Join { from, to: rel.to(), kind: Kind::Relation(rel), left, extra: false }
}

fn columns(from: usize, to: Table, on: &[(&'static str, &'static str)], left: bool) -> Join {
    Join { from, to, kind: Kind::Columns(on.to_vec()), left, extra: false }
}

fn shape(first: Table, joins: Vec<Join>) -> Shape {
    let tables = std::iter::once(first).chain(joins.iter().map(|join| join.to)).collect();
    Shape { tables, joins }
}

/// How many shapes there are.
pub const SHAPES: u64 = 16;

pub fn shape_of(n: u64) -> Shape {
    use Rel::{DogBoss, DogOwner, DogTags, OwnerDogs, TagDogs};
    use Table::{Dog, Owner, Tag};
    let with = |mut join: Join| {
        join.extra = true;
        join
    };
    match n {
        0 => shape(Dog, vec![relation(0, DogOwner, false)]),
        1 => shape(Dog, vec![relation(0, DogOwner, true)]),
        2 => shape(Owner, vec![relation(0, OwnerDogs, false)]),
        3 => shape(Owner, vec![with(relation(0, OwnerDogs, true))]),
        4 => shape(Dog, vec![relation(0, DogBoss, false)]),
        5 => shape(Dog, vec![relation(0, DogBoss, true), relation(1, DogOwner, true)]),
        6 => shape(Dog, vec![relation(0, DogOwner, false), relation(0, DogBoss, true)]),
        7 => shape(Dog, vec![relation(0, DogTags, false)]),
        8 => shape(Dog, vec![with(relation(0, DogTags, true))]),
        9 => shape(Dog, vec![columns(0, Owner, &[("code", "code")], false)]),
        10 => shape(Dog, vec![columns(0, Owner, &[("code", "code"), ("age", "age")], true)]),
        11 => shape(Owner, vec![Join { from: 0, to: Tag, kind: Kind::Cross, left: false, extra: false }]),
        12 => shape(Owner, vec![relation(0, OwnerDogs, false), relation(1, DogTags, false)]),
        13 => shape(Tag, vec![relation(0, TagDogs, false), relation(1, DogOwner, true)]),
        14 => shape(Dog, vec![relation(0, DogBoss, true), relation(1, DogOwner, false)]),
        _ => shape(Dog, vec![with(columns(0, Owner, &[("name", "city"), ("kind", "city")], false))]),
    }
}

/// What is asked of a join.
#[derive(Clone, Debug)]
pub struct JoinAsk {
    pub shape: u64,
    /// Conditions on the first two entities.
    pub filters: Vec<(usize, Cond)>,
    /// One on the first or another on the second.
    pub either: Option<(Cond, Cond)>,
    /// Conditions of the link.
    pub on: Vec<Cond>,
    /// By one of the first two entities, then by the other.
    pub order: Vec<By>,
    pub second_first: bool,
    pub limit: Option<u64>,
    pub offset: u64,
    /// What the first way to the rows may visit before the other has its turn.
    pub first_visits: Option<u64>,
}

impl JoinAsk {
    /// Whether the question does not say which of the rows it gives.
    pub fn is_any(&self) -> bool {
        self.order.is_empty() && (self.limit.is_some() || self.offset > 0)
    }
}

impl Generate {
    pub fn orders(&mut self, slot: usize, table: Table, most: u64) -> Vec<By> {
        (0..self.random.below(most + 1))
            .map(|_| {
                let col = self.random.below(table.columns().len() as u64) as usize;
                let natural = By::natural(slot, col, self.random.one_in(2));
                let nulls_first = if self.random.one_in(4) { !natural.nulls_first } else { natural.nulls_first };
                By { nulls_first, ..natural }
            })
            .collect()
    }

    pub fn join_ask(&mut self) -> JoinAsk {
        let n = self.random.below(SHAPES);
        let shape = shape_of(n);
        let mut filters = Vec::new();
        for slot in 0..2 {
            filters.extend(self.filter(shape.tables[slot], 2).into_iter().map(|cond| (slot, cond)));
        }
        let either = self.random.one_in(5).then(|| (self.cond(shape.tables[0], 1), self.cond(shape.tables[1], 1)));
        let second_first = self.random.one_in(2);
        let (first, second) = if second_first { (1, 0) } else { (0, 1) };
        let mut order = self.orders(first, shape.tables[first], 2);
        order.extend(self.orders(second, shape.tables[second], 1));
        JoinAsk {
            shape: n,
            filters,
            either,
            on: if self.random.one_in(2) { vec![self.cond(shape.tables[1], 1)] } else { Vec::new() },
            order,
            second_first,
            limit: self.random.one_in(2).then(|| self.random.below(6)),
            offset: if self.random.one_in(4) { self.random.below(4) } else { 0 },
            first_visits: self.random.one_in(2).then(|| 1 + self.random.below(20)),
        }
    }
}
