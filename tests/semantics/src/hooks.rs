//! Hooks: they run with the statement that they are of, in its transaction, and what they refuse leaves nothing.

use std::sync::atomic::{AtomicU32, Ordering};

use rome_orm::prelude::*;
use rome_orm::{Error, Hooks};

use crate::sessions::laws;

mod siblings;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners", hooks)]
struct Owner {
    #[rome(key)]
    id: u32,
    name: String,
    #[rome(many_to_many(through = Walk, owner_id, dog_id))]
    walked: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", hooks)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: u32,
    #[rome(references = Owner, on_delete = cascade)]
    owner_id: Option<u32>,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(references = Owner, on_delete = set_null)]
    walker_id: Option<u32>,
    #[rome(unique)]
    chip: Option<u32>,
    #[rome(version)]
    version: u64,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "walks", hooks)]
struct Walk {
    #[rome(key)]
    owner_id: u32,
    #[rome(key)]
    dog_id: Id<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "notes", hooks)]
struct Note {
    #[rome(key)]
    id: u32,
    #[rome(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
}

/// What hooks have done, in order.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "log")]
struct Line {
    #[rome(key, auto)]
    id: Id<Line>,
    text: String,
}

async fn log(session: &Session, text: String) -> rome_orm::Result<()> {
    session.insert(Line { text, ..Default::default() }).await.map(drop)
}

/// The name of the row says at which of its hooks it is refused.
fn veto(name: &str, at: &str) -> rome_orm::Result<()> {
    if name == format!("no {at}") { Err(Error::invalid(format!("{name} is refused"))) } else { Ok(()) }
}

macro_rules! logged {
    ($($entity:ident $name:literal $self:ident => $what:expr;)+) => { $(
        impl Hooks for $entity {
            async fn before_insert(&mut self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("before insert of {} {}", $name, $what)).await
            }
            async fn after_insert(&self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("after insert of {} {}", $name, $what)).await
            }
            async fn before_update(&mut self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("before update of {} {}", $name, $what)).await
            }
            async fn after_update(&self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("after update of {} {}", $name, $what)).await
            }
            async fn before_delete(&self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("before delete of {} {}", $name, $what)).await
            }
            async fn after_delete(&self, session: &Session) -> rome_orm::Result<()> {
                let $self = self;
                log(session, format!("after delete of {} {}", $name, $what)).await
            }
        }
    )+ };
}

logged! {
    Owner "owner" of => of.id;
    Walk "walk" of => of.owner_id;
    Note "note" of => format!("{} {}", of.id, if of.deleted_at.is_some() { "deleted" } else { "there" });
}

impl Hooks for Dog {
    async fn before_insert(&mut self, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("before insert of {}", self.name)).await?;
        veto(&self.name, "before insert")?;
        self.name = self.name.trim().to_owned();
        Ok(())
    }

    async fn after_insert(&self, session: &Session) -> rome_orm::Result<()> {
        // The row is there already, as it will be stored.
        assert_eq!(session.get::<Self>(self.id).await?.map(|stored| stored.name), Some(self.name.clone()));
        log(session, format!("after insert of {} v{}", self.name, self.version)).await?;
        veto(&self.name, "after insert")
    }

    async fn before_update(&mut self, session: &Session) -> rome_orm::Result<()> {
        let stored = session.get::<Self>(self.id).await?.map_or(0, |stored| stored.age);
        log(session, format!("before update of {} from {stored} to {}", self.name, self.age)).await?;
        veto(&self.name, "before update")?;
        if self.name == "other key" {
            self.id = Id::new(77_777);
        }
        self.age = self.age.min(99);
        Ok(())
    }

    async fn after_update(&self, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("after update of {} to {} v{}", self.name, self.age, self.version)).await?;
        veto(&self.name, "after update")
    }

    async fn before_delete(&self, session: &Session) -> rome_orm::Result<()> {
        log(session, format!("before delete of {}", self.name)).await?;
        tokio::task::yield_now().await;
        veto(&self.name, "before delete")?;
        if self.name == "endless" {
            // Each one that goes brings another one that goes.
            let next = session.insert(Self { name: "endless".into(), ..Default::default() }).await?;
            session.delete(&next).await?;
        }
        Ok(())
    }

    async fn after_delete(&self, session: &Session) -> rome_orm::Result<()> {
        assert_eq!(session.get::<Self>(self.id).await?, None);
        log(session, format!("after delete of {}", self.name)).await?;
        tokio::task::yield_now().await;
        veto(&self.name, "after delete")
    }
}

fn dog(name: &str, age: u32) -> Dog {
    Dog { name: name.into(), age, ..Default::default() }
}

fn owner(id: u32) -> Owner {
    Owner { id, name: format!("owner {id}"), ..Default::default() }
}

/// What was logged since the last call, which forgets it.
async fn logged(db: &Database) -> Vec<String> {
    let lines = db.query::<Line>().order_by(Line::ID.asc()).select(Line::TEXT).all().await.unwrap();
    db.query::<Line>().delete().await.unwrap();
    lines
}

laws! { [Owner, Dog, Walk, Note, Line]
    async fn each_verb_runs_its_hooks_before_and_after_and_keeps_what_they_changed(db) {
        let rex = db.insert(dog(" Rex ", 3)).await.unwrap();
        assert_eq!((rex.name.as_str(), rex.version), ("Rex", 1));
        assert_eq!(logged(&db).await, ["before insert of  Rex ", "after insert of Rex v1"]);
        let rex = db.update(&Dog { age: 200, ..rex }).await.unwrap();
        assert_eq!((rex.age, db.get::<Dog>(rex.id).await.unwrap()), (99, Some(rex.clone())));
        assert_eq!(logged(&db).await, ["before update of Rex from 3 to 200", "after update of Rex to 99 v2"]);
        let rex = db.upsert(Dog { age: 4, ..rex }).await.unwrap();
        assert_eq!(logged(&db).await, ["before update of Rex from 99 to 4", "after update of Rex to 4 v3"]);
        let rex = db.update_if::<Dog>(rex.id, Dog::AGE.eq(4), Dog::AGE.set(500)).await.unwrap();
        assert_eq!(rex.age, 99);
        assert_eq!(logged(&db).await, ["before update of Rex from 4 to 500", "after update of Rex to 99 v4"]);
        assert!(db.update_if::<Dog>(rex.id, Dog::AGE.eq(4), Dog::AGE.set(5)).await.unwrap_err().is_condition_failed());
        assert_eq!(logged(&db).await, Vec::<String>::new());
        db.delete(&rex).await.unwrap();
        assert_eq!(logged(&db).await, ["before delete of Rex", "after delete of Rex"]);
        assert!(!db.delete_by_key::<Dog>(rex.id).await.unwrap());
        assert_eq!(logged(&db).await, Vec::<String>::new());
        db.upsert(dog("Ida", 1)).await.unwrap();
        assert_eq!(logged(&db).await, ["before insert of Ida", "after insert of Ida v1"]);
    }

    async fn many_rows_run_their_hooks_each_and_so_do_changes_by_query(db) {
        db.insert_many([dog("Rex", 1), dog("Ida", 2)]).await.unwrap();
        let lines = ["before insert of Rex", "before insert of Ida", "after insert of Rex v1", "after insert of Ida v1"];
        assert_eq!(logged(&db).await, lines);
        let all = db.query::<Dog>().filter(Dog::AGE.le(2));
        assert_eq!(all.update(Dog::AGE.set(Dog::AGE + 200)).await.unwrap(), 2);
        assert_eq!(logged(&db).await.len(), 4);
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(99)).count().await.unwrap(), 2);
        assert_eq!(db.query::<Dog>().delete().await.unwrap(), 2);
        let mut lines = logged(&db).await;
        lines.sort();
        assert_eq!(lines, ["after delete of Ida", "after delete of Rex", "before delete of Ida", "before delete of Rex"]);
    }

    async fn what_a_hook_refuses_leaves_nothing_of_the_row_and_of_other_hooks(db) {
        for at in ["before insert", "after insert"] {
            let error = db.insert_many([dog("Rex", 1), dog(&format!("no {at}"), 2)]).await.unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("is refused"), "{error}");
            assert_eq!(db.query::<Dog>().count().await.unwrap(), 0);
            assert_eq!(logged(&db).await, Vec::<String>::new());
        }
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        logged(&db).await;
        for at in ["before update", "after update"] {
            let changed = Dog { name: format!("no {at}"), ..rex.clone() };
            db.update(&changed).await.unwrap_err();
            assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex.clone()));
        }
        for at in ["before delete", "after delete"] {
            let kept = db.insert(dog(&format!("no {at}"), 1)).await.unwrap();
            logged(&db).await;
            db.delete(&kept).await.unwrap_err();
            assert!(db.get::<Dog>(kept.id).await.unwrap().is_some());
        }
        assert_eq!(logged(&db).await, Vec::<String>::new());
    }

    async fn a_session_goes_on_without_a_statement_that_a_hook_refused(db) {
        let s = db.session();
        s.insert(dog("Rex", 1)).await.unwrap();
        s.insert_many([dog("Ida", 1), dog("no after insert", 1)]).await.unwrap_err();
        assert_eq!(s.query::<Dog>().select(Dog::NAME).all().await.unwrap(), ["Rex"]);
        s.commit().await.unwrap();
        assert_eq!(db.query::<Dog>().select(Dog::NAME).all().await.unwrap(), ["Rex"]);
        assert_eq!(logged(&db).await, ["before insert of Rex", "after insert of Rex v1"]);
    }

    async fn a_statement_that_fails_after_its_hooks_leaves_nothing_of_them(db) {
        db.insert(Dog { chip: Some(7), ..dog("Rex", 1) }).await.unwrap();
        logged(&db).await;
        let twin = || Dog { chip: Some(7), ..dog("Ida", 1) };
        assert!(db.insert(twin()).await.unwrap_err().is_unique_violation());
        let s = db.session();
        assert!(s.insert(twin()).await.unwrap_err().is_unique_violation());
        assert_eq!(s.query::<Line>().count().await.unwrap(), 0);
        s.commit().await.unwrap();
        assert_eq!(logged(&db).await, Vec::<String>::new());
    }

    async fn hooks_of_a_transaction_that_is_repeated_count_once(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        logged(&db).await;
        let (meddler, runs) = (&db, AtomicU32::new(0));
        let runs = &runs;
        db.transaction(async move |s| {
            let stored = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                meddler.update_if::<Dog>(rex.id, Dog::AGE.eq(1), Dog::AGE.set(2)).await?;
            }
            s.update(&Dog { age: stored.age + 10, ..stored }).await.map(drop)
        }).await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let lines = logged(&db).await;
        assert_eq!(lines[2..], ["before update of Rex from 2 to 12", "after update of Rex to 12 v3"], "{lines:?}");
    }

    async fn hooks_see_what_is_pending_in_the_session(db) {
        let s = db.session();
        let rex = s.insert(dog("Rex", 1)).await.unwrap();
        s.update(&Dog { age: 5, ..rex }).await.unwrap();
        let lines = s.query::<Line>().order_by(Line::ID.asc()).select(Line::TEXT).all().await.unwrap();
        assert_eq!(lines[2..], ["before update of Rex from 1 to 5", "after update of Rex to 5 v2"]);
        assert_eq!(db.query::<Line>().count().await.unwrap(), 0);
    }

    async fn cascades_run_the_hooks_of_the_rows_that_they_reach(db) {
        db.insert_many([owner(1), owner(2)]).await.unwrap();
        db.insert(Dog { owner_id: Some(1), ..dog("Rex", 1) }).await.unwrap();
        let ida = db.insert(Dog { owner_id: Some(2), walker_id: Some(1), ..dog("Ida", 2) }).await.unwrap();
        logged(&db).await;
        db.delete(&owner(1)).await.unwrap();
        let mut lines = logged(&db).await;
        assert_eq!((lines.first().unwrap().as_str(), lines.last().unwrap().as_str()), ("before delete of owner 1", "after delete of owner 1"));
        lines.sort();
        let all = [
            "after delete of Rex", "after delete of owner 1", "after update of Ida to 2 v2", "before delete of Rex",
            "before delete of owner 1", "before update of Ida from 2 to 2",
        ];
        assert_eq!(lines, all);
        assert_eq!(db.get::<Dog>(ida.id).await.unwrap().unwrap().walker_id, None);
        // One that refuses to go keeps the owner too.
        db.insert(Dog { owner_id: Some(2), ..dog("no after delete", 1) }).await.unwrap();
        logged(&db).await;
        db.delete(&owner(2)).await.unwrap_err();
        assert_eq!(db.query::<Owner>().count().await.unwrap(), 1);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 2);
        assert_eq!(logged(&db).await, Vec::<String>::new());
    }

    async fn links_run_the_hooks_of_the_rows_that_they_write(db) {
        let ann = db.insert(owner(1)).await.unwrap();
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        logged(&db).await;
        assert!(db.attach(&ann, Owner::WALKED, &rex).await.unwrap());
        assert_eq!(logged(&db).await, ["before insert of walk 1", "after insert of walk 1"]);
        assert!(db.detach(&ann, Owner::WALKED, &rex).await.unwrap());
        assert_eq!(logged(&db).await, ["before delete of walk 1", "after delete of walk 1"]);
        assert!(db.attach(&rex, Dog::OWNER, &ann).await.unwrap());
        assert_eq!(logged(&db).await.len(), 2);
    }

    async fn a_soft_delete_is_a_delete_and_what_brings_the_row_back_is_an_update(db) {
        let note = db.insert(Note { id: 1, deleted_at: None }).await.unwrap();
        logged(&db).await;
        db.delete(&note).await.unwrap();
        assert_eq!(logged(&db).await, ["before delete of note 1 there", "after delete of note 1 deleted"]);
        assert!(!db.delete_by_key::<Note>(1).await.unwrap());
        assert_eq!(logged(&db).await, Vec::<String>::new());
        db.upsert(note).await.unwrap();
        assert_eq!(logged(&db).await, ["before update of note 1 there", "after update of note 1 there"]);
        assert!(db.purge_by_key::<Note>(1).await.unwrap());
        assert_eq!(logged(&db).await, ["before delete of note 1 there", "after delete of note 1 there"]);
    }

    async fn hooks_that_run_themselves_without_end_are_refused(db) {
        let endless = db.insert(dog("endless", 1)).await.unwrap();
        logged(&db).await;
        let error = db.delete(&endless).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("`dogs`"), "{error}");
        assert_eq!((db.query::<Dog>().count().await.unwrap(), logged(&db).await.len()), (1, 0));
    }

    async fn a_hook_does_not_change_the_key_of_a_row_that_is_updated(db) {
        let rex = db.insert(dog("Rex", 1)).await.unwrap();
        logged(&db).await;
        let error = db.update(&Dog { name: "other key".into(), ..rex.clone() }).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("changed the key"), "{error}");
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex));
        assert_eq!(logged(&db).await, Vec::<String>::new());
    }

    async fn a_hook_does_not_change_the_key_of_a_row_whose_reference_becomes_null(db) {
        db.insert(owner(1)).await.unwrap();
        let ida = db.insert(Dog { walker_id: Some(1), ..dog("other key", 1) }).await.unwrap();
        logged(&db).await;
        let error = db.delete(&owner(1)).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("changed the key"), "{error}");
        assert_eq!(db.query::<Dog>().all().await.unwrap(), [ida]);
        assert_eq!((db.query::<Owner>().count().await.unwrap(), logged(&db).await.len()), (1, 0));
    }
}

#[tokio::test]
async fn a_statement_that_is_dropped_while_a_hook_runs_leaves_nothing() {
    use rome_core::store::memory::MemoryStore;
    use rome_core::testkit::Faults;

    let store = std::sync::Arc::new(Faults::new(std::sync::Arc::new(MemoryStore::new())));
    let builder = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Walk>();
    let db = builder.entity::<Note>().entity::<Line>().open(store.clone()).await.unwrap();
    let rex = db.insert(dog("Rex", 1)).await.unwrap();
    store.yield_around_calls();
    // At whatever point it is dropped: in the reads of the statement, or between two of its hooks.
    for polls in 0..12 {
        let session = db.session();
        let mut delete = Box::pin(session.delete_many(std::slice::from_ref(&rex)));
        let mut done = false;
        for _ in 0..polls {
            done = done || futures::poll!(delete.as_mut()).is_ready();
        }
        drop(delete);
        let (dogs, lines) =
            (session.query::<Dog>().count().await.unwrap(), session.query::<Line>().count().await.unwrap());
        assert_eq!((dogs, lines), if done { (0, 4) } else { (1, 2) }, "after {polls} polls");
        if done {
            return;
        }
    }
    panic!("the statement never came to its end");
}
