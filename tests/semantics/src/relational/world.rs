//! Asks ROME what is asked as data. One module for each set of indexes: the entities have other types there.

use chrono::{DateTime, Utc};
use rome_orm::expr::Order;
use rome_orm::prelude::*;
use rome_orm::query::Link;

use super::super::model::{By, Cond, Data, Generate, Op, Quantifier, Rec, Rel, Table, Val};
use super::super::naive;
use super::{Boss, Dog, DogTag, Owner, Tag};

/// The database or a session.
#[derive(Clone, Copy)]
pub enum Where<'a> {
    Database(&'a Database),
    Session(&'a Session),
}

impl<'a> Where<'a> {
    pub fn query<E: Entity>(self) -> Query<'a, E> {
        match self {
            Self::Database(db) => db.query(),
            Self::Session(session) => session.query(),
        }
    }
}

fn int<T: TryFrom<i128, Error: std::fmt::Debug>>(val: &Val) -> T {
    let Val::Int(n) = val else { panic!("{val:?} is no integer") };
    T::try_from(*n).unwrap()
}

fn option<T: TryFrom<i128, Error: std::fmt::Debug>>(val: &Val) -> Option<T> {
    (!val.is_null()).then(|| int(val))
}

fn text(val: &Val) -> String {
    let Val::Text(text) = val else { panic!("{val:?} is no text") };
    text.clone()
}

fn float(val: &Val) -> f64 {
    let Val::Float(n) = val else { panic!("{val:?} is no float") };
    *n
}

fn dynamic(val: &Val) -> Value {
    match val {
        Val::Null => Value::Null,
        Val::Int(n) => Value::Int(*n),
        Val::Float(n) => Value::Float(*n),
        Val::Text(text) => Value::Text(text.clone()),
    }
}

/// An entity of the test.
pub trait Known: Entity + Clone {
    const TABLE: Table;

    fn of(rec: &Rec) -> Self;

    fn id(&self) -> i128;

    fn related(rel: Rel, how: Quantifier, cond: &Cond) -> Condition<Self>;

    fn in_query(at: Where<'_>, cond: &Cond) -> Condition<Self>;
}

fn quantified<A, B: Known>(link: Link<A, B>, at: Where<'_>, how: Quantifier, cond: &Cond) -> Condition<A> {
    match how {
        Quantifier::Exists => link.exists(),
        Quantifier::Any => link.any(expr::<B>(at, cond)),
        Quantifier::None => link.none(expr::<B>(at, cond)),
        Quantifier::All => link.all(expr::<B>(at, cond)),
    }
}

thread_local! {
    /// A database that subqueries name; they run where the query around them runs.
    static NAMED: std::cell::RefCell<Option<Database>> = const { std::cell::RefCell::new(None) };
}

fn with_named<T>(run: impl FnOnce(Where<'_>) -> T) -> T {
    let db = NAMED.with_borrow(Clone::clone).unwrap();
    run(Where::Database(&db))
}

impl Known for Dog {
    const TABLE: Table = Table::Dog;

    fn of(rec: &Rec) -> Self {
        Self {
            id: int(&rec[0]),
            name: text(&rec[1]),
            kind: text(&rec[2]),
            age: option(&rec[3]),
            big: option(&rec[4]),
            wide: int(&rec[5]),
            weight: float(&rec[6]),
            owner_id: option(&rec[7]),
            boss_id: option(&rec[8]),
            code: option(&rec[9]),
            ..Default::default()
        }
    }

    fn id(&self) -> i128 {
        self.id.into()
    }

    fn related(rel: Rel, how: Quantifier, cond: &Cond) -> Condition<Self> {
        with_named(|at| match rel {
            Rel::DogOwner => quantified(Self::OWNER.link(), at, how, cond),
            Rel::DogBoss => quantified(Self::BOSS.link(), at, how, cond),
            Rel::DogPups => quantified(Self::PUPS.link(), at, how, cond),
            Rel::DogTags => quantified(Self::TAGS.link(), at, how, cond),
            other => panic!("{other:?} is not of a dog"),
        })
    }

    fn in_query(at: Where<'_>, cond: &Cond) -> Condition<Self> {
        Self::OWNER_ID.in_query(&at.query::<Owner>().filter(expr::<Owner>(at, cond)).select(Owner::ID))
    }
}

impl Known for Owner {
    const TABLE: Table = Table::Owner;

    fn of(rec: &Rec) -> Self {
        Self {
            id: int(&rec[0]),
            city: text(&rec[1]),
            age: option(&rec[2]),
            code: option(&rec[3]),
            ..Default::default()
        }
    }

    fn id(&self) -> i128 {
        self.id.into()
    }

    fn related(_: Rel, how: Quantifier, cond: &Cond) -> Condition<Self> {
        with_named(|at| quantified(Self::DOGS.link(), at, how, cond))
    }

    fn in_query(at: Where<'_>, cond: &Cond) -> Condition<Self> {
        Self::CODE.in_query(&at.query::<Dog>().filter(expr::<Dog>(at, cond)).select(Dog::CODE))
    }
}

impl Known for Tag {
    const TABLE: Table = Table::Tag;

    fn of(rec: &Rec) -> Self {
        Self { id: int(&rec[0]), label: text(&rec[1]), ..Default::default() }
    }

    fn id(&self) -> i128 {
        self.id.into()
    }

    fn related(_: Rel, how: Quantifier, cond: &Cond) -> Condition<Self> {
        with_named(|at| quantified(Self::DOGS.link(), at, how, cond))
    }

    fn in_query(_: Where<'_>, cond: &Cond) -> Condition<Self> {
        panic!("the test asks no {cond:?} of tags")
    }
}

fn link(rec: &Rec) -> DogTag {
    DogTag { dog_id: int(&rec[0]), tag_id: int(&rec[1]), note: option(&rec[2]) }
}

/// A condition of the test as ROME's.
pub fn expr<E: Known>(at: Where<'_>, cond: &Cond) -> Condition<E> {
    let named = |col: usize| E::column(E::TABLE.columns()[col].name).unwrap();
    let negated = |expr: Condition<E>, not: bool| if not { !expr } else { expr };
    match cond {
        Cond::Cmp { col, op, val } => {
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
        Cond::In { col, vals, not } => negated(named(*col).is_in(vals.iter().map(dynamic)).unwrap(), *not),
        Cond::Null { col, not } => negated(named(*col).is_null(), *not),
        Cond::And(all) => Condition::all(all.iter().map(|cond| expr::<E>(at, cond))),
        Cond::Or(all) => Condition::any(all.iter().map(|cond| expr::<E>(at, cond))),
        Cond::Not(of) => !expr::<E>(at, of),
        Cond::Related { rel, how, cond } => E::related(*rel, *how, cond),
        Cond::InOwners { not, cond } | Cond::CodeInDogs { not, cond } => negated(E::in_query(at, cond), *not),
    }
}

pub fn orders<E: Known>(order: &[By], slot: usize) -> Vec<Order<E>> {
    let order = order.iter().filter(|by| by.slot == slot).map(|by| {
        let col = E::column(E::TABLE.columns()[by.col].name).unwrap();
        let order = if by.descending { col.desc() } else { col.asc() }.unwrap();
        if by.nulls_first { order.nulls_first() } else { order.nulls_last() }
    });
    order.collect()
}

/// What the first name of an entity says in a query: what the entity says.
#[derive(Clone, Copy)]
pub struct Same;

impl Same {
    pub fn expr<E>(self, expr: Condition<E>) -> Condition<E> {
        expr
    }

    pub fn order<E>(self, order: Order<E>) -> Order<E> {
        order
    }
}

/// The same of the second name of a dog.
#[derive(Clone, Copy)]
pub struct AsBoss;

impl AsBoss {
    pub fn expr(self, expr: Condition<Dog>) -> Condition<Boss> {
        Boss::of(expr)
    }

    pub fn order(self, order: Order<Dog>) -> Order<Boss> {
        Boss::of(order)
    }
}

/// What an entity, or another name of one, is in a row.
pub trait Ids {
    fn ids(self, out: &mut Vec<Val>);
}

impl<E: Known> Ids for E {
    fn ids(self, out: &mut Vec<Val>) {
        out.push(Val::Int(self.id()));
    }
}

impl<E: Known> Ids for Option<E> {
    fn ids(self, out: &mut Vec<Val>) {
        out.push(self.map_or(Val::Null, |entity| Val::Int(entity.id())));
    }
}

/// The values of a selection.
pub trait Vals {
    fn vals(self, out: &mut Vec<Val>);
}

macro_rules! vals {
    ($($ty:ty: $v:ident => $val:expr;)*) => { $(
        impl Vals for $ty {
            fn vals(self, out: &mut Vec<Val>) {
                let $v = self;
                out.push($val);
            }
        }

        impl Vals for Option<$ty> {
            fn vals(self, out: &mut Vec<Val>) {
                out.push(self.map_or(Val::Null, |$v| $val));
            }
        }
    )* };
}

vals! {
    u32: v => Val::Int(v.into());
    i32: v => Val::Int(v.into());
    u64: v => Val::Int(v.into());
    i64: v => Val::Int(v.into());
    f64: v => Val::Float(v);
    String: v => Val::Text(v);
}

macro_rules! tuples {
    ($trait:ident $method:ident: $(($($name:ident)+))*) => { $(
        impl<$($name: $trait),+> $trait for ($($name,)+) {
            #[allow(non_snake_case)]
            fn $method(self, out: &mut Vec<Val>) {
                let ($($name,)+) = self;
                $($name.$method(out);)+
            }
        }
    )* };
}

tuples! { Ids ids: (A B) (A B C) }
tuples! { Vals vals: (A) (A B) (A B C) (A B C D E F G) }

pub fn vals<R: Vals>(rows: Vec<R>) -> Vec<Vec<Val>> {
    let row = |row: R| {
        let mut out = Vec::new();
        row.vals(&mut out);
        out
    };
    rows.into_iter().map(row).collect()
}

pub fn ids<R: Ids>(rows: Vec<R>) -> Vec<Vec<Val>> {
    let row = |row: R| {
        let mut out = Vec::new();
        row.ids(&mut out);
        out
    };
    rows.into_iter().map(row).collect()
}

pub fn sorted(mut rows: Vec<Vec<Val>>) -> Vec<Vec<Val>> {
    rows.sort_by(|a, b| naive::lexicographic(a, b));
    rows
}

/// Inserts all rows, and in a world with soft deletion some that are deleted again.
pub async fn fill(db: &Database, data: &Data) {
    db.query::<DogTag>().purge().await.unwrap();
    db.query::<Dog>().with_deleted().purge().await.unwrap();
    db.query::<Owner>().with_deleted().purge().await.unwrap();
    db.query::<Tag>().purge().await.unwrap();
    db.insert_many(data.of(Table::Owner).iter().map(Owner::of)).await.unwrap();
    db.insert_many(data.of(Table::Dog).iter().map(Dog::of)).await.unwrap();
    db.insert_many(data.of(Table::Tag).iter().map(Tag::of)).await.unwrap();
    db.insert_many(data.of(Table::Link).iter().map(link)).await.unwrap();
    let gone: Option<DateTime<Utc>> = DateTime::from_timestamp(1, 0);
    if Dog::table().deleted_at.is_some() {
        let dog = |id: u32| Dog { owner_id: Some(id % 8), boss_id: Some(id % 3), gone, ..deleted_dog(20 + id) };
        db.insert_many((0..6).map(dog)).await.unwrap();
    }
    NAMED.set(Some(db.clone()));
}

fn deleted_dog(id: u32) -> Dog {
    Dog { id, name: "gone".into(), kind: "a".into(), age: Some(-9), weight: 7.0, ..Default::default() }
}

/// Writes in a session, and to the plain rows.
pub async fn change(session: &Session, data: &mut Data, gen_: &mut Generate) {
    for _ in 0..gen_.random.below(12) {
        let id: i128 = gen_.random.below(12).into();
        macro_rules! write {
            ($table:expr, $entity:ty, $of:expr, $id:expr) => {{
                let id: i128 = $id;
                let rec = gen_.rec($table, id);
                let rows = &mut data.rows[$table as usize];
                let there = rows.iter().position(|other| other[..$table.key()] == rec[..$table.key()]);
                let entity: $entity = $of(&rec);
                match there {
                    Some(at) if gen_.random.one_in(2) => {
                        session.purge_by_key::<$entity>(entity.key()).await.unwrap();
                        rows.remove(at);
                    }
                    Some(at) => {
                        session.update(&entity).await.unwrap();
                        rows[at] = rec;
                    }
                    None => {
                        session.insert(entity).await.unwrap();
                        rows.push(rec);
                    }
                }
            }};
        }
        match gen_.random.below(4) {
            0 => write!(Table::Owner, Owner, Owner::of, id % 8),
            1 => write!(Table::Tag, Tag, Tag::of, id % 5),
            2 => write!(Table::Link, DogTag, link, gen_.random.below(60).into()),
            _ => write!(Table::Dog, Dog, Dog::of, id),
        }
    }
}
