//! The test's conditions as ROME's expressions, by typed columns or by run-time names.

use chrono::{DateTime, Utc};
use rome_orm::expr::{Assignment, Expr, IntoOperand, Nulls, Order};
use rome_orm::prelude::*;
use rome_orm::value::{Field, Ordered, Textual};
use uuid::Uuid;

use super::condition::{Calc, Cond, Match, Op, Sum, Term};
use super::row::{Col, Kind, Val};
use super::subjects::Subject;

/// A typed value from the test's.
pub trait Pick: Field {
    fn pick(val: &Val) -> Self;
}

macro_rules! pick {
    ($($ty:ty: $variant:ident($v:ident) => $make:expr;)*) => { $(
        impl Pick for $ty {
            fn pick(val: &Val) -> Self {
                match val {
                    Val::$variant($v) => $make,
                    other => panic!("{other:?} is no {}", stringify!($ty)),
                }
            }
        }
    )* };
}

pick! {
    bool: Bool(v) => *v;
    i32: Int(v) => i32::try_from(*v).unwrap();
    i64: Int(v) => i64::try_from(*v).unwrap();
    u64: Int(v) => u64::try_from(*v).unwrap();
    f64: Float(v) => *v;
    String: Text(v) => v.clone();
    Vec<u8>: Bytes(v) => v.clone();
    Uuid: Uuid(v) => *v;
    DateTime<Utc>: At(v) => *v;
    Kind: Kind(v) => *v;
    Vec<String>: Texts(v) => v.clone();
    Vec<i32>: Ints(v) => v.clone();
}

impl<T: Pick> Pick for Option<T>
where
    Self: Field,
{
    fn pick(val: &Val) -> Self {
        if val.is_null() { None } else { Some(T::pick(val)) }
    }
}

macro_rules! with_ordered {
    ($col:expr, $c:ident => $body:expr) => {{
        let cols = E::cols();
        match $col {
            Col::Id => {
                let $c = cols.id;
                $body
            }
            Col::Flag => {
                let $c = cols.flag;
                $body
            }
            Col::Small => {
                let $c = cols.small;
                $body
            }
            Col::Big => {
                let $c = cols.big;
                $body
            }
            Col::Wide => {
                let $c = cols.wide;
                $body
            }
            Col::Ratio => {
                let $c = cols.ratio;
                $body
            }
            Col::Note => {
                let $c = cols.note;
                $body
            }
            Col::Name => {
                let $c = cols.name;
                $body
            }
            Col::Blob => {
                let $c = cols.blob;
                $body
            }
            Col::Token => {
                let $c = cols.token;
                $body
            }
            Col::At => {
                let $c = cols.at;
                $body
            }
            Col::Kind => {
                let $c = cols.kind;
                $body
            }
            Col::Code => {
                let $c = cols.code;
                $body
            }
            other => panic!("{other:?} has no order"),
        }
    }};
}

fn apply<E, T: Field + Ordered>(op: Op, col: Column<E, T>, by: impl IntoOperand<E, T>) -> Condition<E> {
    match op {
        Op::Eq => col.eq(by),
        Op::Ne => col.ne(by),
        Op::Lt => col.lt(by),
        Op::Le => col.le(by),
        Op::Gt => col.gt(by),
        Op::Ge => col.ge(by),
    }
}

fn apply_calc<E, T: Field + Ordered>(op: Op, of: Expr<E, T>, by: impl IntoOperand<E, T>) -> Condition<E> {
    match op {
        Op::Eq => of.eq(by),
        Op::Ne => of.ne(by),
        Op::Lt => of.lt(by),
        Op::Le => of.le(by),
        Op::Gt => of.gt(by),
        Op::Ge => of.ge(by),
    }
}

fn value<E, T: Pick>(_: Column<E, T>, val: &Val) -> T {
    T::pick(val)
}

fn list<E, T: Pick>(_: Column<E, T>, vals: &[Val]) -> Vec<T> {
    vals.iter().map(T::pick).collect()
}

fn text<E, T: Textual>(how: Match, col: Column<E, T>, text: &str) -> Condition<E> {
    match how {
        Match::Like => col.like(text),
        Match::ILike => col.ilike(text),
        Match::StartsWith => col.starts_with(text),
        Match::Contains => panic!("contains is called on the concrete column"),
    }
}

/// ROME's run-time value.
pub fn dynamic(val: &Val) -> Value {
    match val {
        Val::Null => Value::Null,
        Val::Bool(v) => Value::Bool(*v),
        Val::Int(v) => Value::Int(*v),
        Val::Float(v) => Value::Float(*v),
        Val::Text(v) => Value::Text(v.clone()),
        Val::Bytes(v) => Value::Bytes(v.clone()),
        Val::Uuid(v) => Value::Uuid(*v),
        Val::At(v) => Value::Timestamp((*v).into()),
        Val::Kind(v) => Value::Text(super::row::kind_label(*v).to_owned()),
        Val::Texts(v) => Value::List(v.iter().cloned().map(Value::Text).collect()),
        Val::Ints(v) => Value::List(v.iter().map(|v| Value::Int((*v).into())).collect()),
        Val::Json(v) => Value::Json(v.to_string()),
    }
}

macro_rules! sums {
    ($calc:expr, $col:expr, $by:expr) => {
        match $calc.sum {
            Sum::Add => $col + $by,
            Sum::Sub => $col - $by,
            Sum::Mul => $col * $by,
            Sum::Div => $col / $by,
            Sum::Rem => $col % $by,
        }
    };
}

macro_rules! calculated {
    ($calc:expr, $col:expr, $ty:ty, $other:expr) => {
        match &$calc.by {
            Term::Val(val) => sums!($calc, $col, <$ty>::pick(val)),
            Term::Col(_) => sums!($calc, $col, $other),
        }
    };
}

fn calc<E: Subject>(op: Op, left: &Calc, right: &Term) -> Condition<E> {
    let cols = E::cols();
    macro_rules! side {
        ($col:expr, $ty:ty, $other:expr) => {{
            let left = calculated!(left, $col, $ty, $other);
            match right {
                Term::Val(val) => apply_calc(op, left, <$ty>::pick(val)),
                Term::Col(_) => apply_calc(op, left, $other),
            }
        }};
    }
    match left.col {
        Col::Small => side!(cols.small, i32, cols.small),
        Col::Big => side!(cols.big, i64, cols.big),
        Col::Wide => side!(cols.wide, u64, cols.id),
        Col::Ratio => side!(cols.ratio, f64, cols.ratio),
        other => panic!("the test does not calculate with {other:?}"),
    }
}

/// The other column that a column is compared with, and calculates with.
pub fn partner(col: Col) -> Option<Col> {
    match col {
        Col::Wide => Some(Col::Id),
        Col::Code => Some(Col::Small),
        Col::Note => Some(Col::Name),
        Col::Small | Col::Big | Col::Ratio | Col::Name => Some(col),
        _ => None,
    }
}

pub fn expr<E: Subject>(cond: &Cond) -> Condition<E> {
    let cols = E::cols();
    let named = |col: Col| E::column(col.name()).unwrap();
    match cond {
        Cond::Cmp { op, col, val, dynamic: true } => {
            let (col, val) = (named(*col), dynamic(val));
            match op {
                Op::Eq => col.eq(val),
                Op::Ne => col.ne(val),
                Op::Lt => col.lt(val),
                Op::Le => col.le(val),
                Op::Gt => col.gt(val),
                Op::Ge => col.ge(val),
            }
            .unwrap()
        }
        Cond::Cmp { op, col: Col::Tags, val, .. } => {
            let val = Vec::<String>::pick(val);
            if *op == Op::Eq { cols.tags.eq(val) } else { cols.tags.ne(val) }
        }
        Cond::Cmp { op, col: Col::Extra, val, .. } => {
            let Val::Json(val) = val else { panic!("{val:?} is no JSON") };
            if *op == Op::Eq { cols.extra.eq(val.clone()) } else { cols.extra.ne(val.clone()) }
        }
        Cond::Cmp { op, col, val, .. } => with_ordered!(*col, c => apply(*op, c, value(c, val))),
        Cond::Cols { op, left, .. } => match left {
            Col::Wide => apply(*op, cols.wide, cols.id),
            Col::Code => apply(*op, cols.code, cols.small),
            Col::Note => apply(*op, cols.note, cols.name),
            other => with_ordered!(*other, c => apply(*op, c, c)),
        },
        Cond::Calc { op, left, right } => calc::<E>(*op, left, right),
        Cond::Between { col, low, high } => with_ordered!(*col, c => c.between(value(c, low), value(c, high))),
        Cond::In { col, vals, not, dynamic: true } => {
            let any = named(*col).is_in(vals.iter().map(dynamic)).unwrap();
            if *not { !any } else { any }
        }
        Cond::In { col, vals, not, .. } => with_ordered!(*col, c => {
            if *not { c.not_in(list(c, vals)) } else { c.is_in(list(c, vals)) }
        }),
        Cond::InCols { vals, .. } => {
            let values = vals.iter().map(|val| Expr::from(cols.small) - cols.small + i32::pick(val));
            cols.small.is_in(values.chain([Expr::from(cols.small) * 1 - cols.small + cols.small]))
        }
        Cond::Text { how, col, text, dynamic: true } => match how {
            Match::Like => named(*col).like(text),
            Match::ILike => named(*col).ilike(text),
            Match::StartsWith => named(*col).starts_with(text),
            Match::Contains => named(*col).contains(text.as_str()),
        }
        .unwrap(),
        Cond::Text { how: Match::Contains, col: Col::Name, text, .. } => cols.name.contains(text),
        Cond::Text { how: Match::Contains, text, .. } => cols.note.contains(text),
        Cond::Text { how, col: Col::Name, text: part, .. } => text(*how, cols.name, part),
        Cond::Text { how, text: part, .. } => text(*how, cols.note, part),
        Cond::HasTag { tag, dynamic: true } => named(Col::Tags).contains(tag.as_str()).unwrap(),
        Cond::HasTag { tag, .. } => cols.tags.contains(tag.as_str()),
        Cond::HasMark(mark) => cols.marks.contains(*mark),
        Cond::IsNull { col, not, dynamic: true } => {
            let null = named(*col).is_null();
            if *not { !null } else { null }
        }
        Cond::IsNull { col, not, .. } => {
            macro_rules! null {
                ($c:expr) => {
                    if *not { $c.is_not_null() } else { $c.is_null() }
                };
            }
            match col {
                Col::Big => null!(cols.big),
                Col::Note => null!(cols.note),
                Col::Code => null!(cols.code),
                Col::Gone => null!(cols.gone),
                other => panic!("{other:?} is never null"),
            }
        }
        Cond::After(marker) => marker.expr(),
        Cond::And(all) if all.len() == 2 => expr::<E>(&all[0]) & expr::<E>(&all[1]),
        Cond::Or(all) if all.len() == 2 => expr::<E>(&all[0]) | expr::<E>(&all[1]),
        Cond::And(all) => Condition::all(all.iter().map(expr::<E>)),
        Cond::Or(all) => Condition::any(all.iter().map(expr::<E>)),
        Cond::Not(of) => !expr::<E>(of),
    }
}

/// One part of an order.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub col: Col,
    pub descending: bool,
    pub nulls: Option<Nulls>,
    pub dynamic: bool,
}

pub fn order<E: Subject>(by: By) -> Order<E> {
    let order = if by.dynamic {
        let col = E::column(by.col.name()).unwrap();
        if by.descending { col.desc() } else { col.asc() }.unwrap()
    } else {
        with_ordered!(by.col, c => if by.descending { c.desc().untyped() } else { c.asc().untyped() })
    };
    match by.nulls {
        None => order,
        Some(Nulls::First) => order.nulls_first(),
        Some(Nulls::Last) => order.nulls_last(),
    }
}

/// What an assignment sets a column to.
#[derive(Clone, Debug)]
pub enum To {
    Val(Val),
    Calc(Calc),
    Col(Col),
}

pub fn assignment<E: Subject>(col: Col, to: &To) -> Assignment<E> {
    let cols = E::cols();
    match to {
        To::Val(val) if matches!(col, Col::Small | Col::Kind) => {
            E::column(col.name()).unwrap().set(dynamic(val)).unwrap()
        }
        To::Val(val) => match col {
            Col::Tags => cols.tags.set(Vec::<String>::pick(val)),
            _ => with_ordered!(col, c => c.set(value(c, val))),
        },
        To::Col(_) => cols.note.set(cols.name),
        To::Calc(calc) => match col {
            Col::Small => cols.small.set(calculated!(calc, cols.small, i32, cols.small)),
            Col::Big => cols.big.set(calculated!(calc, cols.big, i64, cols.big)),
            Col::Wide => cols.wide.set(calculated!(calc, cols.wide, u64, cols.id)),
            Col::Ratio => cols.ratio.set(calculated!(calc, cols.ratio, f64, cols.ratio)),
            other => panic!("the test does not calculate {other:?}"),
        },
    }
}
