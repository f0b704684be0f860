//! The derives where nothing helps them: the manifest gives ROME another name, no attribute says so, and no prelude brings `Some`,
//! `Vec` or a trait into scope. That this compiles is the test; that it runs is seen in `tests/run.rs`.

#![no_implicit_prelude]
#![allow(missing_docs, reason = "columns say what they are")]

use ::std::clone::Clone;
use ::std::cmp::PartialEq;
use ::std::default::Default;
use ::std::fmt::Debug;
use ::std::option::Option;
use ::std::string::String;
use ::std::vec::Vec;
use ::storage::session::Session;
use ::storage::{ColumnEnum, Embedded, Entity, Id, Newtype, Projection};
use ::storage::{Hooks, model};

#[derive(ColumnEnum, Clone, Copy, Debug, Default, PartialEq)]
#[rome(rename_all = "kebab-case")]
pub enum Coat {
    #[default]
    Short,
    VeryLong,
}

#[derive(ColumnEnum, Clone, Copy, Debug, Default, PartialEq)]
#[rome(order)]
pub enum Size {
    #[default]
    Small,
    Large,
}

#[derive(Embedded, Clone, Debug, Default, PartialEq)]
pub struct Home {
    pub street: String,
    pub city: Option<String>,
}

#[derive(Newtype, Clone, Debug, Default, PartialEq)]
pub struct Chip(pub String);

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "owners")]
pub struct Owner {
    #[rome(key, auto)]
    pub id: Id<Owner>,
    pub name: String,
    #[rome(has_many(owner_id))]
    pub dogs: model::Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "dogs", index(coat, desc(age)), count, sum(age, by = coat), hooks)]
pub struct Dog {
    #[rome(key, auto)]
    pub id: Id<Dog>,
    #[rome(unique)]
    pub chip: Chip,
    pub coat: Coat,
    pub size: Size,
    #[rome(index(desc))]
    pub age: u32,
    #[rome(embed)]
    pub home: Home,
    #[rome(json)]
    pub notes: Vec<String>,
    #[rome(references = Owner, on_delete = cascade)]
    pub owner_id: Id<Owner>,
    #[rome(default = "none")]
    pub food: String,
    #[rome(belongs_to(owner_id))]
    pub owner: model::One<Owner>,
}

impl Hooks for Dog {
    async fn before_insert(&mut self, _session: &Session) -> ::storage::Result<()> {
        self.age += 1;
        ::std::result::Result::Ok(())
    }
}

#[derive(Projection, Clone, Debug, PartialEq)]
#[rome(entity = Dog)]
pub struct Summary {
    pub chip: Chip,
    #[rome(from = AGE)]
    pub years: u32,
    #[rome(from = HOME.city)]
    pub city: Option<String>,
}
