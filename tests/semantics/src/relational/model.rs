//! Rows of four tables as plain values, and what is asked of them. Nothing here uses ROME's evaluation.

use std::cmp::Ordering;

use super::super::queries::random::Random;

#[derive(Clone, Debug)]
pub enum Val {
    Null,
    Int(i128),
    Float(f64),
    Text(String),
}

impl Val {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The order of a sort: NULL first.
    pub fn total(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (a, b) => compare(a, b).unwrap(),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.total(other).is_eq()
    }
}

/// SQL's comparison.
pub fn compare(a: &Val, b: &Val) -> Option<Ordering> {
    Some(match (a, b) {
        (Val::Null, _) | (_, Val::Null) => return None,
        (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Float(a), Val::Float(b)) => a.partial_cmp(b).unwrap(),
        (Val::Text(a), Val::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (a, b) => panic!("the test compares {a:?} with {b:?}"),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Owner,
    Dog,
    Tag,
    Link,
}

pub const TABLES: [Table; 4] = [Table::Owner, Table::Dog, Table::Tag, Table::Link];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id of a table, or of one that is not there.
    Id,
    Age,
    Big,
    Wide,
    Weight,
    Text,
}

pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
}

const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
    Column { name, kind, nullable }
}

impl Table {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Dog => "dog",
            Self::Tag => "tag",
            Self::Link => "dog_tag",
        }
    }

    pub const fn columns(self) -> &'static [Column] {
        const OWNER: &[Column] = &[
            column("id", Kind::Id, false),
            column("city", Kind::Text, false),
            column("age", Kind::Age, true),
            column("code", Kind::Id, true),
        ];
        const DOG: &[Column] = &[
            column("id", Kind::Id, false),
            column("name", Kind::Text, false),
            column("kind", Kind::Text, false),
            column("age", Kind::Age, true),
            column("big", Kind::Big, true),
            column("wide", Kind::Wide, false),
            column("weight", Kind::Weight, false),
            column("owner_id", Kind::Id, true),
            column("boss_id", Kind::Id, true),
            column("code", Kind::Id, true),
        ];
        const TAG: &[Column] = &[column("id", Kind::Id, false), column("label", Kind::Text, false)];
        const LINK: &[Column] =
            &[column("dog_id", Kind::Id, false), column("tag_id", Kind::Id, false), column("note", Kind::Age, true)];
        match self {
            Self::Owner => OWNER,
            Self::Dog => DOG,
            Self::Tag => TAG,
            Self::Link => LINK,
        }
    }

    /// How many columns the key has; they come first.
    pub const fn key(self) -> usize {
        if matches!(self, Self::Link) { 2 } else { 1 }
    }

    pub fn at(self, name: &str) -> usize {
        self.columns().iter().position(|column| column.name == name).unwrap()
    }
}

pub type Rec = Vec<Val>;

/// The live rows of all tables.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub rows: [Vec<Rec>; 4],
}

impl Data {
    pub fn of(&self, table: Table) -> &[Rec] {
        &self.rows[table as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A relation of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rel {
    DogOwner,
    DogBoss,
    DogPups,
    DogTags,
    OwnerDogs,
    TagDogs,
}

impl Rel {
    pub fn of(table: Table) -> &'static [Self] {
        match table {
            Table::Dog => &[Self::DogOwner, Self::DogBoss, Self::DogPups, Self::DogTags],
            Table::Owner => &[Self::OwnerDogs],
            Table::Tag => &[Self::TagDogs],
            Table::Link => &[],
        }
    }

    pub fn to(self) -> Table {
        match self {
            Self::DogOwner => Table::Owner,
            Self::DogBoss | Self::DogPups | Self::OwnerDogs | Self::TagDogs => Table::Dog,
            Self::DogTags => Table::Tag,
        }
    }

    /// The columns that are equal, or those of the table in between.
    pub fn on(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::DogOwner => ("owner_id", "id", false),
            Self::DogBoss => ("boss_id", "id", false),
            Self::DogPups => ("id", "boss_id", false),
            Self::OwnerDogs => ("id", "owner_id", false),
            Self::DogTags => ("dog_id", "tag_id", true),
            Self::TagDogs => ("tag_id", "dog_id", true),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    Exists,
    Any,
    None,
    All,
}

#[derive(Clone, Debug)]
pub enum Cond {
    Cmp {
        col: usize,
        op: Op,
        val: Val,
    },
    In {
        col: usize,
        vals: Vec<Val>,
        not: bool,
    },
    Null {
        col: usize,
        not: bool,
    },
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Not(Box<Cond>),
    Related {
        rel: Rel,
        how: Quantifier,
        cond: Box<Cond>,
    },
    /// `owner_id in (select id from owner where ...)`, or of dogs by their codes.
    InOwners {
        not: bool,
        cond: Box<Cond>,
    },
    CodeInDogs {
        not: bool,
        cond: Box<Cond>,
    },
}

const TEXTS: &[&str] = &["", "a", "ab", "B", "é"];

pub struct Generate {
    pub random: Random,
}

impl Generate {
    pub fn val(&mut self, kind: Kind) -> Val {
        let random = &mut self.random;
        match kind {
            Kind::Id => Val::Int(random.range(0, 12).into()),
            Kind::Age => Val::Int(random.range(-2, 6).into()),
            Kind::Big => Val::Int((*random.pick(&[-3_i64, 0, 7, 1 << 40, -(1 << 41), 1])).into()),
            Kind::Wide => Val::Int(random.range(0, 4).into()),
            Kind::Weight => Val::Float(*random.pick(&[-2.5, 0.0, 0.5, 1.0, 3e10])),
            Kind::Text => Val::Text((*random.pick(TEXTS)).to_owned()),
        }
    }

    /// A row with this id, or, of a link, with these ends.
    pub fn rec(&mut self, table: Table, id: i128) -> Rec {
        let columns = table.columns().iter().enumerate();
        let mut rec: Rec = columns
            .map(|(at, column)| match column.name {
                "id" => Val::Int(id),
                "dog_id" => Val::Int(id / 5),
                "tag_id" => Val::Int(id % 5),
                // Unique among owners.
                "code" if table == Table::Owner => Val::Int(id),
                _ if at > 0 && column.nullable && self.random.one_in(4) => Val::Null,
                _ => self.val(column.kind),
            })
            .collect();
        if table == Table::Owner && self.random.one_in(4) {
            rec[table.at("code")] = Val::Null;
        }
        rec
    }

    /// Ids of some rows of a table.
    fn ids(&mut self, table: Table) -> Vec<i128> {
        let (most, among) = match table {
            Table::Owner => (7, 8),
            Table::Dog => (14, 12),
            Table::Tag => (4, 5),
            Table::Link => (16, 60),
        };
        let mut ids: Vec<i128> = (0..self.random.below(most + 1)).map(|_| self.random.below(among).into()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub fn data(&mut self) -> Data {
        let mut data = Data::default();
        for table in TABLES {
            for id in self.ids(table) {
                let rec = self.rec(table, id);
                data.rows[table as usize].push(rec);
            }
        }
        data
    }

    fn leaf(&mut self, table: Table) -> Cond {
        let columns = table.columns();
        let col = self.random.below(columns.len() as u64) as usize;
        let kind = columns[col].kind;
        match self.random.below(6) {
            0 if columns[col].nullable => Cond::Null { col, not: self.random.one_in(2) },
            1 => {
                let n = self.random.below(4);
                let mut vals: Vec<Val> = (0..n).map(|_| self.val(kind)).collect();
                if self.random.one_in(5) {
                    vals.push(Val::Null);
                }
                Cond::In { col, vals, not: self.random.one_in(3) }
            }
            _ => {
                let op = *self.random.pick(&[Op::Eq, Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
                Cond::Cmp { col, op, val: self.val(kind) }
            }
        }
    }

    pub fn cond(&mut self, table: Table, depth: u32) -> Cond {
        if depth == 0 || self.random.one_in(3) {
            return self.leaf(table);
        }
        match self.random.below(7) {
            0 => Cond::Not(Box::new(self.cond(table, depth - 1))),
            1 => Cond::And((0..1 + self.random.below(2)).map(|_| self.cond(table, depth - 1)).collect()),
            2 => Cond::Or((0..1 + self.random.below(2)).map(|_| self.cond(table, depth - 1)).collect()),
            3 if table == Table::Dog => {
                let cond = Box::new(self.cond(Table::Owner, depth - 1));
                Cond::InOwners { not: self.random.one_in(2), cond }
            }
            3 | 4 if table == Table::Owner => {
                let cond = Box::new(self.cond(Table::Dog, depth - 1));
                Cond::CodeInDogs { not: self.random.one_in(2), cond }
            }
            _ => {
                let rel = *self.random.pick(Rel::of(table));
                let how = *self.random.pick(&[Quantifier::Exists, Quantifier::Any, Quantifier::None, Quantifier::All]);
                Cond::Related { rel, how, cond: Box::new(self.cond(rel.to(), depth - 1)) }
            }
        }
    }

    /// Some conditions that have to hold together.
    pub fn filter(&mut self, table: Table, depth: u32) -> Vec<Cond> {
        (0..self.random.below(3)).map(|_| self.cond(table, depth)).collect()
    }
}

/// A part of an order.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub slot: usize,
    pub col: usize,
    pub descending: bool,
    pub nulls_first: bool,
}

impl By {
    pub fn natural(slot: usize, col: usize, descending: bool) -> Self {
        Self { slot, col, descending, nulls_first: !descending }
    }

    pub fn compare(&self, a: &Val, b: &Val) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) => {
                let ordering = a.total(b);
                if self.descending { ordering.reverse() } else { ordering }
            }
        }
    }
}

/// What is asked of an aggregate query, and of the rows of any query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Func {
    Count,
    CountOf,
    CountDistinct,
    Sum,
    Min,
    Max,
    Avg,
}

/// An aggregate of a column of a slot.
pub type Agg = (Func, usize, &'static str);
