//! The derives within `macro_rules!`: what a macro is given, in every form that it can be given in, is derived as what is
//! written out.

#![allow(clippy::unwrap_used, missing_docs)]

use rome_orm::prelude::*;

/// All fields but the key are tokens of the caller.
macro_rules! rest {
    ($($field:tt)*) => {
        #[derive(Entity, Clone, Debug, Default, PartialEq)]
        #[rome(table = "rests")]
        pub struct Rest {
            #[rome(key)]
            id: u64,
            $($field)*
        }
    };
}

rest! {
    #[rome(index)]
    name: String,
    pub age: Option<u32>,
    #[rome(json)]
    notes: Vec<String>,
    #[rome(embed)]
    home: Home,
    #[rome(default = 7)]
    lucky: u8,
    #[rome(updated_at)]
    updated: DateTime<Utc>
}

macro_rules! embedded {
    ($name:ident { $($vis:vis $field:ident: $ty:ty),* $(,)? }) => {
        #[derive(Embedded, Clone, Debug, Default, PartialEq)]
        pub struct $name { $($vis $field: $ty),* }
    };
}

embedded!(Home { pub street: String, city: Option<String> });

macro_rules! newtypes {
    ($($name:ident($inner:ty)),* $(,)?) => { $(
        #[derive(Newtype, Clone, Debug, Default, PartialEq)]
        struct $name($inner);
    )* };
}

newtypes!(Email(String), Chip(u64));

macro_rules! enums {
    ($($(#[$meta:meta])* $name:ident { $first:ident $(, $variant:ident)* })*) => { $(
        #[derive(ColumnEnum, Clone, Copy, Debug, Default, PartialEq)]
        $(#[$meta])*
        enum $name { #[default] $first, $($variant),* }
    )* };
}

enums! {
    Coat { Short, Long }
    #[rome(order)] Priority { Low, Medium, High }
}

/// Everything in pieces: names, types, literals, expressions, paths, visibilities, attributes.
macro_rules! pieces {
    (
        $table:literal $(#[$on_struct:meta])* $svis:vis $name:ident, key $key:ident: $key_ty:ty, of $owner:path,
        $($(#[$on_field:meta])* $vis:vis $field:ident: $ty:ty = $default:expr),* $(,)?
    ) => {
        #[derive(Entity, Clone, Debug, Default, PartialEq)]
        #[rome(table = $table)]
        $(#[$on_struct])*
        $svis struct $name {
            #[rome(key)]
            pub $key: $key_ty,
            #[rome(references = $owner, on_delete = cascade)]
            pub owner_id: Id<$owner>,
            #[rome(belongs_to(owner_id))]
            pub owner: One<$owner>,
            $(#[rome(default = $default)] $(#[$on_field])* $vis $field: $ty,)*
        }
    };
}

mod owners {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, Default, PartialEq)]
    pub struct Owner {
        #[rome(key, auto)]
        pub id: Id<Owner>,
        pub name: String,
        #[rome(has_many(owner_id))]
        pub dogs: Many<super::Dog>,
    }
}

pieces! {
    "all dogs"
    #[rome(index(name, desc(age)))]
    pub Dog, key id: u64, of owners::Owner,
    #[rome(unique)] pub name: String = "Rex",
    age: Option<u32> = Some(1 + 2),
    #[rome(column = "mail")] email: Email = Email("none".to_owned()),
    chip: Chip = Chip(5),
    coat: Coat = Coat::Long,
    priority: Priority = Priority::High,
    scores: Vec<i32> = vec![1]
}

/// A key of several fields, all of them given.
macro_rules! pair {
    ($name:ident, $($key:ident: $ty:ty),*) => {
        #[derive(Entity, Clone, Debug, Default, PartialEq)]
        #[rome(partition_by = left, count(by = left))]
        struct $name { $(#[rome(key)] $key: $ty,)* }
    };
}

pair!(Pair, left: u32, right: String);

macro_rules! projections {
    ($name:ident of $entity:ty { $($field:ident: $ty:ty),* }) => {
        #[derive(Projection, Debug, PartialEq)]
        #[rome(entity = $entity)]
        struct $name { $($field: $ty),* }
    };
    ($name:ident: $($field:tt)*) => {
        #[derive(Projection, Debug, PartialEq)]
        #[rome(entity = Dog)]
        struct $name { $($field)* }
    };
}

projections!(Aged of Dog { name: String, age: Option<u32> });
projections!(Named: #[rome(from = NAME)] called: String);

/// A macro that writes the macro.
macro_rules! outer {
    ($name:ident, $($field:tt)*) => {
        macro_rules! inner {
            ($key:ident) => {
                #[derive(Entity, Clone, Debug, Default, PartialEq)]
                struct $name { #[rome(key)] $key: u64, $($field)* }
            };
        }
        inner!(id);
    };
}

outer!(Nested, row: String, this: u8, value: Option<i64>);

#[tokio::test]
async fn what_macros_derive_is_stored_and_read() {
    let db = Database::builder()
        .entity::<Rest>()
        .entity::<owners::Owner>()
        .entity::<Dog>()
        .entity::<Pair>()
        .entity::<Nested>()
        .open("memory:")
        .await
        .unwrap();
    let home = Home { street: "Rue".into(), city: Some("Lyon".into()) };
    let rest =
        Rest { id: 1, name: "a".into(), age: Some(3), notes: vec!["x".into()], home, lucky: 9, ..Default::default() };
    let rest = db.insert(rest).await.unwrap();
    assert_eq!(db.query::<Rest>().filter(Rest::HOME.city.eq("Lyon")).one().await.unwrap(), rest);

    let ann = db.insert(owners::Owner { name: "Ann".into(), ..Default::default() }).await.unwrap();
    let dog = Dog {
        id: 4,
        owner_id: ann.id,
        name: "Ida".into(),
        age: Some(2),
        email: Email("i@d.a".into()),
        chip: Chip(6),
        coat: Coat::Long,
        priority: Priority::Medium,
        scores: vec![3, 4],
        ..Default::default()
    };
    db.insert(dog.clone()).await.unwrap();
    let found = db.query::<Dog>().filter(Dog::PRIORITY.gt(Priority::Low)).with(Dog::OWNER).one().await.unwrap();
    assert_eq!((found.owner.get().unwrap().unwrap().name.as_str(), found.email), ("Ann", dog.email.clone()));
    assert_eq!(Dog::table().name, "all dogs");
    let defaults: Vec<_> = Dog::table().columns.iter().filter_map(|column| column.default).map(|of| of()).collect();
    assert_eq!(defaults.len(), 7);
    assert_eq!(defaults[1], rome_orm::Value::Int(3));

    let aged = db.query::<Dog>().project::<Aged>().one().await.unwrap();
    assert_eq!(aged, Aged { name: "Ida".into(), age: Some(2) });
    let named = db.query::<Dog>().project::<Named>().one().await.unwrap();
    assert_eq!(named, Named { called: "Ida".into() });

    db.insert(Pair { left: 1, right: "r".into() }).await.unwrap();
    assert!(db.get::<Pair>((1, "r".to_owned())).await.unwrap().is_some());
    let nested = Nested { id: 1, row: "row".into(), this: 2, value: Some(3) };
    db.insert(nested.clone()).await.unwrap();
    assert_eq!(db.get::<Nested>(1).await.unwrap(), Some(nested));
}
