//! The tables of the sequences, and a model of them: maps, and what each verb does to them where it succeeds.

use std::collections::{BTreeMap, BTreeSet};

use rome_orm::prelude::*;
use rome_orm::{Error, Hooks};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "parents")]
pub struct Parent {
    #[rome(key)]
    pub id: u32,
    #[rome(unique)]
    pub name: Option<String>,
}

/// Goes with its parent; loses its friend. Its hooks write to the log, and refuse by its label.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "children", hooks, unique(left, right), unique(seat), count(by = parent), sum(left, by = parent))]
pub struct Child {
    #[rome(key)]
    pub id: u32,
    #[rome(references = Parent, on_delete = cascade)]
    pub parent: Option<u32>,
    #[rome(references = Child, on_delete = set_null)]
    pub friend: Option<u32>,
    pub left: u32,
    pub right: Option<u32>,
    pub seat: Option<u32>,
    #[rome(index)]
    pub label: String,
    #[rome(json)]
    pub weight: f64,
    #[rome(version)]
    pub version: u32,
}

/// Keeps its child from being deleted.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "tickets")]
pub struct Ticket {
    #[rome(key)]
    pub id: u32,
    #[rome(references = Child)]
    pub child: Option<u32>,
    #[rome(unique)]
    pub seat: Option<u32>,
}

/// What hooks have written.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "lines")]
pub struct Line {
    #[rome(key, auto)]
    pub id: Id<Line>,
    #[rome(index)]
    pub text: String,
}

async fn line(session: &Session, at: &str, child: &Child) -> rome_orm::Result<()> {
    session.insert(Line { text: format!("{at} {}", child.id), ..Default::default() }).await?;
    if child.label == at { Err(Error::invalid(format!("{at} refuses {}", child.id))) } else { Ok(()) }
}

impl Hooks for Child {
    async fn before_insert(&mut self, session: &Session) -> rome_orm::Result<()> {
        line(session, "before insert", self).await
    }

    async fn after_insert(&self, session: &Session) -> rome_orm::Result<()> {
        line(session, "after insert", self).await
    }

    async fn before_update(&mut self, session: &Session) -> rome_orm::Result<()> {
        line(session, "before update", self).await
    }

    async fn after_update(&self, session: &Session) -> rome_orm::Result<()> {
        line(session, "after update", self).await
    }

    async fn before_delete(&self, session: &Session) -> rome_orm::Result<()> {
        line(session, "before delete", self).await
    }

    async fn after_delete(&self, session: &Session) -> rome_orm::Result<()> {
        line(session, "after delete", self).await
    }
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Model {
    pub parents: BTreeMap<u32, Parent>,
    pub children: BTreeMap<u32, Child>,
    pub tickets: BTreeMap<u32, Ticket>,
    /// How many lines there are of each text.
    pub lines: BTreeMap<String, usize>,
}

impl Model {
    /// A row is stored under its key; a child's version rises if it was there.
    pub fn put_child(&mut self, child: Child) {
        let version = self.children.get(&child.id).map_or(1, |stored| stored.version + 1);
        self.children.insert(child.id, Child { version, ..child });
    }

    pub fn remove_parent(&mut self, id: u32) {
        self.parents.remove(&id);
        let gone: Vec<u32> = self.children.values().filter(|child| child.parent == Some(id)).map(|c| c.id).collect();
        self.remove_children(&gone);
    }

    pub fn remove_children(&mut self, gone: &[u32]) {
        for id in gone {
            self.children.remove(id);
        }
        for child in self.children.values_mut() {
            if child.friend.is_some_and(|friend| gone.contains(&friend)) {
                child.friend = None;
                child.version += 1;
            }
        }
    }

    /// Asserts that no constraint is violated.
    pub fn assert_sound(&self) {
        fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> bool {
            let mut seen = BTreeSet::new();
            let mut all = values;
            all.all(|value| seen.insert(value))
        }
        assert!(distinct(self.parents.values().filter_map(|parent| parent.name.as_ref())), "{self:?}");
        assert!(distinct(self.children.values().filter_map(|child| Some((child.left, child.right?)))), "{self:?}");
        assert!(distinct(self.children.values().filter_map(|child| child.seat)), "{self:?}");
        assert!(distinct(self.tickets.values().filter_map(|ticket| ticket.seat)), "{self:?}");
        let has_parent = |child: &Child| child.parent.is_none_or(|parent| self.parents.contains_key(&parent));
        let has_friend = |child: &Child| child.friend.is_none_or(|friend| self.children.contains_key(&friend));
        assert!(self.children.values().all(|child| has_parent(child) && has_friend(child)), "{self:?}");
        let has_child = |ticket: &Ticket| ticket.child.is_none_or(|child| self.children.contains_key(&child));
        assert!(self.tickets.values().all(has_child), "{self:?}");
    }
}
