//! Statements drawn from bytes: each verb, with input that is often bad.

use rome_orm::prelude::*;

use super::view::{Place, at};
use super::world::{Child, Model, Parent, Ticket};

/// Bytes that decisions are taken from; zeros when they are used up.
pub struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub fn below(&mut self, n: u8) -> u8 {
        self.0.next().copied().unwrap_or_default() % n
    }

    fn small(&mut self, n: u8) -> u32 {
        u32::from(self.below(n))
    }

    fn some(&mut self, n: u8) -> Option<u32> {
        let value = self.small(n + 2);
        (value > 1).then(|| value - 2)
    }
}

#[derive(Clone, Debug)]
pub enum Statement {
    InsertParents(Vec<Parent>),
    UpdateParents(Vec<Parent>),
    UpsertParent(Parent),
    DeleteParents(Vec<Parent>),
    InsertChildren(Vec<Child>),
    UpdateChildren(Vec<Child>),
    UpsertChildren(Vec<Child>),
    DeleteChild(u32),
    /// Deletes those with this label.
    DeleteLabelled(String),
    /// Takes this from `left` of all children of a parent.
    Lower(Option<u32>, u32),
    /// Gives all children of a parent this seat.
    Seat(Option<u32>, Option<u32>),
    /// Gives all children this weight, or a quotient that is none.
    Weigh(f64),
    /// Sets the friend of a child if its seat is this.
    Befriend(u32, Option<u32>, Option<u32>),
    InsertTickets(Vec<Ticket>),
    UpsertTicket(Ticket),
    PurgeTicket(u32),
}

const LABELS: [&str; 8] =
    ["a", "b", "before insert", "after insert", "before update", "after update", "before delete", "after delete"];

fn label(choices: &mut Choices<'_>) -> String {
    match choices.below(40) {
        0 => "x".repeat(2_000),
        n => LABELS[usize::from(n / 3) % 13 % LABELS.len()].to_owned(),
    }
}

fn parent(choices: &mut Choices<'_>) -> Parent {
    Parent { id: choices.small(6), name: choices.some(4).map(|n| format!("name {n}")) }
}

fn child(choices: &mut Choices<'_>) -> Child {
    Child {
        id: choices.small(9),
        parent: choices.some(7),
        friend: choices.some(9).filter(|n| *n < 8),
        left: choices.small(3),
        right: choices.some(4),
        seat: choices.some(6),
        label: label(choices),
        weight: if choices.below(12) == 11 { f64::NAN } else { 1.5 },
        version: choices.small(4),
    }
}

fn ticket(choices: &mut Choices<'_>) -> Ticket {
    Ticket { id: choices.small(5), child: choices.some(8), seat: choices.some(4) }
}

impl Statement {
    /// `model` is what is stored: an update mostly is of a row that is there, and has its version.
    pub fn draw(choices: &mut Choices<'_>, model: &Model) -> Self {
        let rows = 1 + usize::from(choices.below(3));
        let known = |choices: &mut Choices<'_>| {
            let mut child = child(choices);
            if let Some(stored) = model.children.get(&child.id)
                && choices.below(5) > 0
            {
                child.version = stored.version;
            }
            child
        };
        match choices.below(16) {
            0 => Self::InsertParents((0..rows).map(|_| parent(choices)).collect()),
            1 => Self::UpdateParents((0..rows).map(|_| parent(choices)).collect()),
            2 => Self::UpsertParent(parent(choices)),
            3 => Self::DeleteParents((0..rows).map(|_| parent(choices)).collect()),
            4 | 5 => Self::InsertChildren((0..rows).map(|_| child(choices)).collect()),
            6 => Self::UpdateChildren((0..rows).map(|_| known(choices)).collect()),
            7 => Self::UpsertChildren((0..rows).map(|_| child(choices)).collect()),
            8 => Self::DeleteChild(choices.small(9)),
            9 => Self::DeleteLabelled(label(choices)),
            10 => Self::Lower(choices.some(6), choices.small(3)),
            11 => Self::Seat(choices.some(6), choices.some(6)),
            12 => Self::Weigh([0.5, f64::INFINITY, 2.0][usize::from(choices.below(3))]),
            13 => Self::Befriend(choices.small(9), choices.some(6), choices.some(9)),
            14 => match choices.below(2) {
                0 => Self::InsertTickets((0..rows).map(|_| ticket(choices)).collect()),
                _ => Self::UpsertTicket(ticket(choices)),
            },
            _ => Self::PurgeTicket(choices.small(5)),
        }
    }

    /// Runs it.
    pub async fn run(&self, place: Place<'_>) -> rome_orm::Result<()> {
        at!(place, on => match self.clone() {
            Self::InsertParents(rows) if rows.len() == 1 => on.insert(rows[0].clone()).await.map(drop),
            Self::InsertParents(rows) => on.insert_many(rows).await.map(drop),
            Self::UpdateParents(rows) if rows.len() == 1 => on.update(&rows[0]).await.map(drop),
            Self::UpdateParents(rows) => on.update_many(&rows).await.map(drop),
            Self::UpsertParent(row) => on.upsert(row).await.map(drop),
            Self::DeleteParents(rows) if rows.len() == 1 => on.delete(&rows[0]).await,
            Self::DeleteParents(rows) => on.delete_many(&rows).await.map(drop),
            Self::InsertChildren(rows) if rows.len() == 1 => on.insert(rows[0].clone()).await.map(drop),
            Self::InsertChildren(rows) => on.insert_many(rows).await.map(drop),
            Self::UpdateChildren(rows) if rows.len() == 1 => on.update(&rows[0]).await.map(drop),
            Self::UpdateChildren(rows) => on.update_many(&rows).await.map(drop),
            Self::UpsertChildren(rows) => on.upsert_many(rows).await.map(drop),
            Self::DeleteChild(id) => on.delete_by_key::<Child>(id).await.map(drop),
            Self::DeleteLabelled(label) => {
                on.query::<Child>().filter(Child::LABEL.eq(label)).delete().await.map(drop)
            }
            Self::Lower(parent, by) => of(on.query::<Child>(), parent)
                .update((Child::LEFT.set(Child::LEFT - by), Child::SEAT.set(None))).await.map(drop),
            Self::Seat(parent, seat) => of(on.query::<Child>(), parent).update(Child::SEAT.set(seat)).await.map(drop),
            Self::Weigh(weight) => on.query::<Child>().update(Child::WEIGHT.set(Json(weight))).await.map(drop),
            Self::Befriend(id, seat, friend) => {
                let is_seated = match seat {
                    Some(seat) => Child::SEAT.eq(seat),
                    None => Child::SEAT.is_null(),
                };
                on.update_if::<Child>(id, is_seated, Child::FRIEND.set(friend)).await.map(drop)
            }
            Self::InsertTickets(rows) => on.insert_many(rows).await.map(drop),
            Self::UpsertTicket(row) => on.upsert(row).await.map(drop),
            Self::PurgeTicket(id) => on.purge_by_key::<Ticket>(id).await.map(drop),
        })
    }

    /// What it does where it succeeds; the lines of hooks are not foretold.
    pub fn apply(self, model: &mut Model) {
        let of = |parent: Option<u32>| move |child: &&mut Child| parent.is_none() || child.parent == parent;
        match self {
            Self::InsertParents(rows) => {
                for row in rows {
                    assert!(model.parents.insert(row.id, row).is_none(), "the key was taken");
                }
            }
            Self::UpdateParents(rows) => {
                for row in rows {
                    assert!(model.parents.insert(row.id, row).is_some(), "there was no row");
                }
            }
            Self::UpsertParent(row) => drop(model.parents.insert(row.id, row)),
            Self::DeleteParents(rows) => rows.iter().for_each(|row| model.remove_parent(row.id)),
            Self::InsertChildren(rows) => {
                for row in rows {
                    assert!(!model.children.contains_key(&row.id), "the key was taken");
                    model.put_child(row);
                }
            }
            Self::UpdateChildren(rows) => {
                for row in rows {
                    assert_eq!(
                        model.children.get(&row.id).map(|stored| stored.version),
                        Some(row.version),
                        "the version"
                    );
                    model.put_child(row);
                }
            }
            Self::UpsertChildren(rows) => rows.into_iter().for_each(|row| model.put_child(row)),
            Self::DeleteChild(id) => {
                if model.children.contains_key(&id) {
                    model.remove_children(&[id]);
                }
            }
            Self::DeleteLabelled(label) => {
                let gone: Vec<u32> = model.children.values().filter(|c| c.label == label).map(|c| c.id).collect();
                model.remove_children(&gone);
            }
            Self::Lower(parent, by) => {
                for child in model.children.values_mut().filter(of(parent)) {
                    child.left = child.left.checked_sub(by).expect("an overflow is refused");
                    child.seat = None;
                    child.version += 1;
                }
            }
            Self::Seat(parent, seat) => {
                for child in model.children.values_mut().filter(of(parent)) {
                    child.seat = seat;
                    child.version += 1;
                }
            }
            Self::Weigh(weight) => {
                assert!(model.children.is_empty() || weight.is_finite(), "what JSON does not hold is refused");
                for child in model.children.values_mut() {
                    child.weight = weight;
                    child.version += 1;
                }
            }
            Self::Befriend(id, seat, friend) => {
                let child = model.children.get_mut(&id).expect("the row is there");
                assert_eq!(child.seat, seat, "the condition holds");
                child.friend = friend;
                child.version += 1;
            }
            Self::InsertTickets(rows) => {
                for row in rows {
                    assert!(model.tickets.insert(row.id, row).is_none(), "the key was taken");
                }
            }
            Self::UpsertTicket(row) => drop(model.tickets.insert(row.id, row)),
            Self::PurgeTicket(id) => drop(model.tickets.remove(&id)),
        }
    }
}

/// The children of a parent; of none: all.
fn of(query: rome_orm::query::Query<'_, Child>, parent: Option<u32>) -> rome_orm::query::Query<'_, Child> {
    match parent {
        Some(parent) => query.filter(Child::PARENT.eq(parent)),
        None => query,
    }
}
