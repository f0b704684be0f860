//! What a database or a session shows, by each way that there is to look at it.

use std::collections::BTreeMap;

use rome_orm::prelude::*;

use super::world::{Child, Line, Model, Parent, Ticket};

/// Where a statement runs.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Database(&'a Database),
    Session(&'a Session),
}

/// Runs the same on either.
macro_rules! at {
    ($place:expr, $on:ident => $body:expr) => {
        match $place {
            $crate::sequences::view::Place::Database($on) => $body,
            $crate::sequences::view::Place::Session($on) => $body,
        }
    };
}
pub(super) use at;

/// All rows, and asserts that all other ways to look at them agree.
pub async fn view(place: Place<'_>) -> Model {
    at!(place, on => {
        let parents = on.query::<Parent>().all().await.unwrap();
        let children = on.query::<Child>().all().await.unwrap();
        let tickets = on.query::<Ticket>().all().await.unwrap();
        let mut lines = BTreeMap::new();
        for line in on.query::<Line>().all().await.unwrap() {
            *lines.entry(line.text).or_default() += 1;
        }
        let kept = on.query::<Child>().group_by(Child::PARENT).select((Child::PARENT, count(), sum(Child::LEFT)));
        let kept = kept.all().await.unwrap();
        let mut counted: BTreeMap<Option<u32>, (u64, u64)> = BTreeMap::new();
        for child in &children {
            let of_parent = counted.entry(child.parent).or_default();
            of_parent.0 += 1;
            of_parent.1 += u64::from(child.left);
        }
        let counted: Vec<_> = counted.into_iter().map(|(parent, (n, left))| (parent, n, Some(left))).collect();
        assert_eq!(kept, counted, "kept counts and sums");
        for child in &children {
            if child.seat.is_some() {
                let found = on.query::<Child>().filter(Child::SEAT.eq(child.seat)).all().await.unwrap();
                assert_eq!(found, std::slice::from_ref(child), "by its unique seat");
            }
            assert_eq!(on.get::<Child>(child.id).await.unwrap().as_ref(), Some(child), "by its key");
        }
        for label in ["a", "before insert", "after update"] {
            let by_index = on.query::<Child>().filter(Child::LABEL.eq(label)).count().await.unwrap();
            assert_eq!(by_index, children.iter().filter(|child| child.label == label).count() as u64, "by an index");
        }
        Model {
            parents: parents.into_iter().map(|row| (row.id, row)).collect(),
            children: children.into_iter().map(|row| (row.id, row)).collect(),
            tickets: tickets.into_iter().map(|row| (row.id, row)).collect(),
            lines,
        }
    })
}
