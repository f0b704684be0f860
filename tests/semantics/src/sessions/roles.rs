//! Columns that ROME sets: created, updated, version, deleted.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::laws;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Note {
    #[rome(key, auto)]
    id: Id<Note>,
    #[rome(index)]
    text: String,
    #[rome(created_at)]
    created: DateTime<Utc>,
    #[rome(updated_at)]
    updated: DateTime<Utc>,
    #[rome(version)]
    version: u32,
    #[rome(soft_delete)]
    deleted: Option<DateTime<Utc>>,
}

/// What is deleted is gone.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Plain {
    #[rome(key)]
    id: u64,
}

fn note(text: &str) -> Note {
    Note { text: text.into(), ..Default::default() }
}

laws! { [Note, Plain]
    async fn an_insert_sets_created_updated_and_version(db) {
        let before = Utc::now() - chrono::TimeDelta::seconds(1);
        let one = db.insert(note("a")).await.unwrap();
        assert!(one.created > before && one.created == one.updated && one.version == 1, "{one:?}");
        assert_eq!(db.get::<Note>(one.id).await.unwrap(), Some(one));
        let long_ago = DateTime::from_timestamp(5, 0).unwrap();
        let two = db.insert(Note { created: long_ago, updated: long_ago, version: 9, ..note("b") }).await.unwrap();
        assert!(two.created == long_ago && two.updated > before && two.version == 1, "{two:?}");
    }

    async fn an_update_keeps_created_sets_updated_and_raises_the_version(db) {
        let one = db.insert(note("a")).await.unwrap();
        let forged = Note { created: DateTime::from_timestamp(5, 0).unwrap(), updated: DateTime::UNIX_EPOCH, ..one.clone() };
        let two = db.update(&forged).await.unwrap();
        assert!(two.created == one.created && two.updated >= one.updated && two.version == 2, "{two:?}");
        let three = db.upsert(Note { created: DateTime::UNIX_EPOCH, version: 77, ..two.clone() }).await.unwrap();
        assert!(three.created == one.created && three.version == 3, "{three:?}");
        db.query::<Note>().update(Note::TEXT.set("b")).await.unwrap();
        let four = db.get::<Note>(one.id).await.unwrap().unwrap();
        assert!(four.created == one.created && four.updated >= three.updated && four.version == 4, "{four:?}");
    }

    async fn an_update_of_an_entity_that_is_behind_is_stale(db) {
        let one = db.insert(note("a")).await.unwrap();
        let two = db.update(&Note { text: "b".into(), ..one.clone() }).await.unwrap();
        let error = db.update(&one).await.unwrap_err();
        assert!(error.is_stale() && !error.is_conflict(), "{error}");
        let text = error.to_string();
        assert!(text.contains("`note`") && text.contains("version 1") && text.contains('2'), "{text}");
        assert_eq!(db.get::<Note>(one.id).await.unwrap(), Some(two.clone()));
        // In a session too, and it goes on.
        let s = db.session();
        assert!(s.update(&one).await.unwrap_err().is_stale());
        let three = s.update(&two).await.unwrap();
        s.update(&three).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.get::<Note>(one.id).await.unwrap().unwrap().version, 4);
    }

    async fn a_soft_delete_hides_the_row_and_a_purge_removes_it(db) {
        let one = db.insert(note("a")).await.unwrap();
        let two = db.insert(note("b")).await.unwrap();
        db.delete(&one).await.unwrap();
        assert_eq!(db.get::<Note>(one.id).await.unwrap(), None);
        assert_eq!(db.get_many::<Note>([one.id, two.id]).await.unwrap(), [None, Some(two.clone())]);
        assert_eq!(db.query::<Note>().all().await.unwrap(), std::slice::from_ref(&two));
        assert_eq!(db.query::<Note>().filter(Note::TEXT.eq("a")).count().await.unwrap(), 0);
        assert!(db.delete(&one).await.unwrap_err().is_not_found());
        assert!(!db.delete_by_key::<Note>(one.id).await.unwrap());
        let deleted = db.get_with_deleted::<Note>(one.id).await.unwrap().unwrap();
        assert!(deleted.deleted.is_some() && deleted.version == 2 && deleted.updated >= one.updated, "{deleted:?}");
        assert_eq!(db.query::<Note>().only_deleted().keys().await.unwrap(), [one.id]);
        assert_eq!(db.query::<Note>().with_deleted().count().await.unwrap(), 2);
        assert!(db.purge_by_key::<Note>(one.id).await.unwrap());
        assert_eq!(db.get_with_deleted::<Note>(one.id).await.unwrap(), None);
        assert!(!db.purge_by_key::<Note>(one.id).await.unwrap());
        assert_eq!(db.query::<Note>().delete().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().count().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().purge().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().count().await.unwrap(), 0);
    }

    /// The table in `docs/semantics.md`, by handles and in sessions.
    async fn each_verb_meets_a_softly_deleted_row_as_the_table_says(db) {
        macro_rules! met {
            ($at:ident, $deleted:ident, $live:ident) => {
                let given = [Note { deleted: None, text: "by update".into(), ..$deleted.clone() }, $deleted.clone()];
                assert!($at.insert($deleted.clone()).await.unwrap_err().is_duplicate_key());
                for row in given {
                    assert!($at.update(&row).await.unwrap_err().is_not_found());
                    assert!($at.update_many([&$live, &row]).await.unwrap_err().is_not_found());
                }
                let text = Note::TEXT.set("by update_if");
                assert!($at.update_if::<Note>($deleted.id, Note::VERSION.ge(0), text).await.unwrap_err().is_not_found());
                assert!($at.delete(&$deleted).await.unwrap_err().is_not_found());
                assert!(!$at.delete_by_key::<Note>($deleted.id).await.unwrap());
                assert_eq!($at.delete_many([&$deleted]).await.unwrap(), 0);
                let all = || $at.query::<Note>().filter(Note::ID.eq($deleted.id));
                assert_eq!(all().update(Note::TEXT.set("by update")).await.unwrap(), 0);
                assert_eq!(all().with_deleted().delete().await.unwrap(), 0);
                assert_eq!($at.get_with_deleted::<Note>($deleted.id).await.unwrap().as_ref(), Some(&$deleted), "nobody changed it");

                // It comes back with what it had.
                assert!($at.restore::<Note>($deleted.id).await.unwrap());
                assert!(!$at.restore::<Note>($deleted.id).await.unwrap(), "it is back already");
                let back = $at.get::<Note>($deleted.id).await.unwrap().unwrap();
                assert_eq!((&back.text, back.version, back.created), (&$deleted.text, $deleted.version + 1, $deleted.created));
                $at.delete(&back).await.unwrap();
                assert_eq!(all().restore().await.unwrap(), 1);
                assert_eq!($at.query::<Note>().restore().await.unwrap(), 0);
                assert!(!$at.restore::<Note>(u64::MAX >> 1).await.unwrap(), "there is no such row");
                let back = $at.get::<Note>($deleted.id).await.unwrap().unwrap();
                $at.delete(&back).await.unwrap();
                let upserted = $at.upsert(Note { deleted: None, text: "by upsert".into(), ..back }).await.unwrap();
                assert_eq!($at.get::<Note>($deleted.id).await.unwrap(), Some(upserted.clone()));
                $at.delete(&upserted).await.unwrap();
                $at.purge(&upserted).await.unwrap();
                assert!($at.purge(&upserted).await.unwrap_err().is_not_found());
                assert_eq!($at.get_with_deleted::<Note>($deleted.id).await.unwrap(), None);
            };
        }
        let live = db.insert(note("live")).await.unwrap();
        for in_session in [false, true] {
            let one = db.insert(note("a")).await.unwrap();
            db.delete(&one).await.unwrap();
            let deleted = db.get_with_deleted::<Note>(one.id).await.unwrap().unwrap();
            if in_session {
                let s = db.session();
                met!(s, deleted, live);
                s.commit().await.unwrap();
                assert_eq!(db.get_with_deleted::<Note>(one.id).await.unwrap(), None);
            } else {
                met!(db, deleted, live);
            }
        }
    }

    async fn what_has_no_soft_deletion_cannot_be_restored(db) {
        let error = db.restore::<Plain>(1).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("`soft_delete`"), "{error}");
        assert!(db.query::<Plain>().restore().await.unwrap_err().is_invalid());
        assert!(db.session().restore::<Plain>(1).await.unwrap_err().is_invalid());
    }

    async fn a_softly_deleted_row_in_a_session_is_hidden_there(db) {
        let one = db.insert(note("a")).await.unwrap();
        let s = db.session();
        s.delete(&one).await.unwrap();
        assert_eq!(s.get::<Note>(one.id).await.unwrap(), None);
        assert_eq!(s.query::<Note>().count().await.unwrap(), 0);
        assert_eq!(s.query::<Note>().only_deleted().count().await.unwrap(), 1);
        s.rollback();
        assert_eq!(db.query::<Note>().count().await.unwrap(), 1);
    }
}
