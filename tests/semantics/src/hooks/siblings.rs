//! Hooks that write other rows of the statement that they are of.

use rome_orm::prelude::*;
use rome_orm::{Error, Hooks};

use super::{Line, log, logged};
use crate::sessions::laws;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "parents")]
struct Parent {
    #[rome(key)]
    id: u32,
}

/// A row whose hook at `on` does something to the row `to`.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "children", hooks)]
struct Child {
    #[rome(key)]
    id: u32,
    #[rome(references = Parent, on_delete = set_null)]
    watcher_id: Option<u32>,
    #[rome(references = Parent, on_delete = cascade)]
    parent_id: Option<u32>,
    count: u32,
    on: String,
    does: String,
    to: u32,
}

impl Child {
    async fn run(&self, at: &str, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("{at} of {}", self.id)).await?;
        if self.on != at {
            return Ok(());
        }
        // Once, also where it does it to itself.
        let to = session.get::<Self>(self.to).await?.ok_or_not_found()?;
        match self.does.as_str() {
            "delete" => session.delete(&to).await.map(drop),
            "move" => session.update(&Self { parent_id: Some(9), on: String::new(), ..to }).await.map(drop),
            "count" => {
                let counted = Self { count: to.count + 10, watcher_id: None, on: String::new(), ..to };
                session.update(&counted).await.map(drop)
            }
            other => Err(Error::invalid(format!("no such act: {other}"))),
        }
    }
}

impl Hooks for Child {
    async fn before_insert(&mut self, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("before insert of {}", self.id)).await?;
        if self.does == "take key" {
            self.id = self.to;
        }
        Ok(())
    }
    async fn after_insert(&self, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("after insert of {}", self.id)).await
    }
    async fn before_update(&mut self, session: &Session) -> rome_orm::Result<()> {
        self.run("before update", session).await
    }
    async fn after_update(&self, session: &Session) -> rome_orm::Result<()> {
        self.run("after update", session).await
    }
    async fn before_delete(&self, session: &Session) -> rome_orm::Result<()> {
        self.run("before delete", session).await
    }
    async fn after_delete(&self, session: &Session) -> rome_orm::Result<()> {
        self.run("after delete", session).await
    }
}

fn child(id: u32) -> Child {
    Child { id, ..Default::default() }
}

/// A row whose hook at this moment does this to another row.
fn meddler(id: u32, on: &str, does: &str, to: u32) -> Child {
    Child { id, on: on.into(), does: does.into(), to, ..Default::default() }
}

/// Stores the parents 1 and 9 and these children, and forgets what was logged of it.
async fn store(db: &Database, children: [Child; 2]) {
    db.insert_many([Parent { id: 1 }, Parent { id: 9 }]).await.unwrap();
    db.insert_many(children).await.unwrap();
    logged(db).await;
}

fn owned(child: Child) -> Child {
    Child { parent_id: Some(1), ..child }
}

fn watched(child: Child) -> Child {
    Child { watcher_id: Some(1), ..child }
}

fn times(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| *line == text).count()
}

laws! { [Parent, Child, Line]
    async fn a_cascade_leaves_a_row_that_a_hook_moved_to_another_parent(db) {
        store(&db, [owned(meddler(1, "before delete", "move", 2)), owned(child(2))]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        assert_eq!(db.query::<Child>().select((Child::ID, Child::PARENT_ID)).all().await.unwrap(), [(2, Some(9))]);
        assert_eq!(times(&logged(&db).await, "before delete of 2"), 0);
    }

    async fn a_cascade_leaves_a_row_that_moved_itself_to_another_parent(db) {
        store(&db, [owned(meddler(1, "before delete", "move", 1)), owned(child(2))]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        assert_eq!(db.query::<Child>().select((Child::ID, Child::PARENT_ID)).all().await.unwrap(), [(1, Some(9))]);
    }

    async fn a_cascade_that_sets_null_keeps_what_a_hook_changed(db) {
        store(&db, [watched(meddler(1, "before update", "count", 2)), watched(child(2))]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        let two = db.get::<Child>(2).await.unwrap().unwrap();
        assert_eq!((two.count, two.watcher_id), (10, None));
    }

    async fn a_cascade_goes_on_without_a_row_that_a_hook_deleted(db) {
        store(&db, [watched(meddler(1, "before update", "delete", 2)), watched(child(2))]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        assert_eq!(db.query::<Child>().select((Child::ID, Child::WATCHER_ID)).all().await.unwrap(), [(1, None)]);
        assert_eq!(times(&logged(&db).await, "before update of 2"), 0);
    }

    async fn a_row_of_a_cascade_that_a_hook_deleted_is_not_deleted_once_more(db) {
        store(&db, [owned(meddler(1, "before delete", "delete", 2)), owned(child(2))]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        assert_eq!(db.query::<Child>().count().await.unwrap(), 0);
        let lines = logged(&db).await;
        assert_eq!((times(&lines, "before delete of 2"), times(&lines, "after delete of 2")), (1, 1), "{lines:?}");
    }

    async fn a_row_that_a_hook_of_the_statement_deleted_has_no_hooks_more(db) {
        store(&db, [meddler(1, "before delete", "delete", 2), child(2)]).await;
        assert_eq!(db.query::<Child>().order_by(Child::ID.asc()).delete().await.unwrap(), 1);
        let lines = logged(&db).await;
        assert_eq!((times(&lines, "before delete of 2"), times(&lines, "after delete of 2")), (1, 1), "{lines:?}");
    }

    async fn a_row_that_is_named_twice_is_deleted_once(db) {
        store(&db, [child(1), child(2)]).await;
        assert_eq!(db.delete_many(&[child(1), child(1)]).await.unwrap(), 1);
        assert_eq!(logged(&db).await, ["before delete of 1", "after delete of 1"]);
    }

    async fn a_new_row_that_is_upserted_twice_is_inserted_and_then_updated(db) {
        db.upsert_many([child(1), Child { count: 5, ..child(1) }]).await.unwrap();
        assert_eq!(db.get::<Child>(1).await.unwrap().unwrap().count, 5);
        let lines = ["before insert of 1", "before update of 1", "after insert of 1", "after update of 1"];
        assert_eq!(logged(&db).await, lines);
    }

    async fn a_hook_does_not_turn_an_upsert_to_another_row(db) {
        store(&db, [child(1), child(2)]).await;
        let error = db.upsert(Child { count: 7, ..meddler(3, "", "take key", 2) }).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("changed the key of the row 3"), "{error}");
        assert_eq!(db.query::<Child>().filter(Child::COUNT.eq(0)).count().await.unwrap(), 2);
        assert_eq!(logged(&db).await, Vec::<String>::new());
    }

    async fn a_row_that_a_cascade_changed_and_then_deleted_was_not_updated(db) {
        store(&db, [owned(watched(child(1))), child(2)]).await;
        db.delete(&Parent { id: 1 }).await.unwrap();
        let lines = logged(&db).await;
        assert_eq!((times(&lines, "after update of 1"), times(&lines, "after delete of 1")), (0, 1), "{lines:?}");
    }

    async fn a_hook_after_a_write_has_the_row_as_hooks_before_it_left_it(db) {
        store(&db, [meddler(1, "after update", "delete", 2), child(2)]).await;
        let by_id = db.query::<Child>().order_by(Child::ID.asc());
        by_id.update(Child::COUNT.set(1)).await.unwrap();
        assert_eq!(times(&logged(&db).await, "after update of 2"), 0);
    }

    async fn a_change_by_query_does_not_overwrite_what_a_hook_of_it_wrote(db) {
        // Into a row that is still to come, one that was prepared already, and its own.
        for (at, to) in [(1, 2), (2, 1), (1, 1)] {
            db.query::<Child>().delete().await.unwrap();
            db.insert_many([child(3 - at), meddler(at, "before update", "count", to)]).await.unwrap();
            logged(&db).await;
            let by_id = db.query::<Child>().order_by(Child::ID.asc());
            let error = by_id.update(Child::COUNT.set(Child::COUNT + 1)).await.unwrap_err();
            let text = error.to_string();
            assert!(error.is_invalid() && text.contains("hook") && text.contains(&format!("row {to} of table `children`")), "{text}");
            assert_eq!(db.query::<Child>().select(Child::COUNT).all().await.unwrap(), [0, 0]);
            assert_eq!(logged(&db).await, Vec::<String>::new());
        }
    }

    async fn an_update_if_does_not_overwrite_what_its_hook_wrote(db) {
        store(&db, [meddler(1, "before update", "count", 1), child(2)]).await;
        let error = db.update_if::<Child>(1, Child::COUNT.eq(0), Child::COUNT.set(1)).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("hook"), "{error}");
        assert_eq!(db.get::<Child>(1).await.unwrap().unwrap().count, 0);
    }
}
