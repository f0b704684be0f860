//! A row as plain Rust values, and its columns, for the naive evaluator. Nothing here uses ROME's evaluation.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;
use uuid::Uuid;

/// Stored by labels whose order is not that of the variants.
#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Zebra,
    Ant,
    Mule,
}

/// What every entity of the test holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: u64,
    pub flag: bool,
    pub small: i32,
    pub big: Option<i64>,
    pub wide: u64,
    pub ratio: f64,
    pub note: Option<String>,
    pub name: String,
    pub blob: Vec<u8>,
    pub token: Uuid,
    pub at: DateTime<Utc>,
    pub kind: Kind,
    pub tags: Vec<String>,
    pub marks: Vec<i32>,
    pub extra: serde_json::Value,
    /// Unique where it is not NULL.
    pub code: Option<i32>,
    pub gone: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Col {
    Id,
    Flag,
    Small,
    Big,
    Wide,
    Ratio,
    Note,
    Name,
    Blob,
    Token,
    At,
    Kind,
    Tags,
    Marks,
    Extra,
    Code,
    Gone,
}

/// Columns that have an order.
pub const ORDERED: &[Col] = &[
    Col::Id,
    Col::Flag,
    Col::Small,
    Col::Big,
    Col::Wide,
    Col::Ratio,
    Col::Note,
    Col::Name,
    Col::Blob,
    Col::Token,
    Col::At,
    Col::Kind,
    Col::Code,
];

impl Col {
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Flag => "flag",
            Self::Small => "small",
            Self::Big => "big",
            Self::Wide => "wide",
            Self::Ratio => "ratio",
            Self::Note => "note",
            Self::Name => "name",
            Self::Blob => "blob",
            Self::Token => "token",
            Self::At => "at",
            Self::Kind => "kind",
            Self::Tags => "tags",
            Self::Marks => "marks",
            Self::Extra => "extra",
            Self::Code => "code",
            Self::Gone => "gone",
        }
    }

    pub fn is_nullable(self) -> bool {
        matches!(self, Self::Big | Self::Note | Self::Code | Self::Gone)
    }
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    At(DateTime<Utc>),
    Kind(Kind),
    Texts(Vec<String>),
    Ints(Vec<i32>),
    Json(serde_json::Value),
}

impl Val {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

fn option<T>(value: Option<T>, of: impl FnOnce(T) -> Val) -> Val {
    value.map_or(Val::Null, of)
}

impl Row {
    pub fn get(&self, col: Col) -> Val {
        match col {
            Col::Id => Val::Int(self.id.into()),
            Col::Flag => Val::Bool(self.flag),
            Col::Small => Val::Int(self.small.into()),
            Col::Big => option(self.big, |n| Val::Int(n.into())),
            Col::Wide => Val::Int(self.wide.into()),
            Col::Ratio => Val::Float(self.ratio),
            Col::Note => option(self.note.clone(), Val::Text),
            Col::Name => Val::Text(self.name.clone()),
            Col::Blob => Val::Bytes(self.blob.clone()),
            Col::Token => Val::Uuid(self.token),
            Col::At => Val::At(self.at),
            Col::Kind => Val::Kind(self.kind),
            Col::Tags => Val::Texts(self.tags.clone()),
            Col::Marks => Val::Ints(self.marks.clone()),
            Col::Extra => Val::Json(self.extra.clone()),
            Col::Code => option(self.code, |n| Val::Int(n.into())),
            Col::Gone => option(self.gone, Val::At),
        }
    }

    /// Sets a column; false if the value is out of its range.
    pub fn set(&mut self, col: Col, value: Val) -> bool {
        match (col, value) {
            (Col::Flag, Val::Bool(v)) => self.flag = v,
            (Col::Small, Val::Int(v)) => match i32::try_from(v) {
                Ok(v) => self.small = v,
                Err(_) => return false,
            },
            (Col::Big, Val::Null) => self.big = None,
            (Col::Big, Val::Int(v)) => match i64::try_from(v) {
                Ok(v) => self.big = Some(v),
                Err(_) => return false,
            },
            (Col::Wide, Val::Int(v)) => match u64::try_from(v) {
                Ok(v) => self.wide = v,
                Err(_) => return false,
            },
            (Col::Ratio, Val::Float(v)) => self.ratio = v,
            (Col::Note, Val::Null) => self.note = None,
            (Col::Note, Val::Text(v)) => self.note = Some(v),
            (Col::Name, Val::Text(v)) => self.name = v,
            (Col::Kind, Val::Kind(v)) => self.kind = v,
            (Col::Tags, Val::Texts(v)) => self.tags = v,
            (col, value) => panic!("the test sets {col:?} to {value:?}"),
        }
        true
    }
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Zebra => "zebra",
        Kind::Ant => "ant",
        Kind::Mule => "mule",
    }
}

pub fn kind_label(kind: Kind) -> &'static str {
    label(kind)
}

/// SQL's comparison: unknown with NULL. NaN equals itself and is above all other numbers.
pub fn compare(a: &Val, b: &Val) -> Option<Ordering> {
    Some(match (a, b) {
        (Val::Null, _) | (_, Val::Null) => return None,
        (Val::Bool(a), Val::Bool(b)) => a.cmp(b),
        (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Float(a), Val::Float(b)) => match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => a.partial_cmp(b).unwrap(),
        },
        (Val::Text(a), Val::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Val::Bytes(a), Val::Bytes(b)) => a.cmp(b),
        (Val::Uuid(a), Val::Uuid(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Val::At(a), Val::At(b)) => a.cmp(b),
        (Val::Kind(a), Val::Kind(b)) => label(*a).cmp(label(*b)),
        (Val::Texts(a), Val::Texts(b)) => a.cmp(b),
        (Val::Ints(a), Val::Ints(b)) => a.cmp(b),
        (Val::Json(a), Val::Json(b)) if a == b => Ordering::Equal,
        (Val::Json(_), Val::Json(_)) => Ordering::Less,
        (a, b) => panic!("the test compares {a:?} with {b:?}"),
    })
}
