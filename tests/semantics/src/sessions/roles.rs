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

fn note(text: &str) -> Note {
    Note { text: text.into(), ..Default::default() }
}

laws! { [Note]
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
        db.query::<Note>().update_all(Note::TEXT.set("b")).await.unwrap();
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
        assert!(db.purge::<Note>(one.id).await.unwrap());
        assert_eq!(db.get_with_deleted::<Note>(one.id).await.unwrap(), None);
        assert!(!db.purge::<Note>(one.id).await.unwrap());
        assert_eq!(db.query::<Note>().delete_all().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().count().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().purge_all().await.unwrap(), 1);
        assert_eq!(db.query::<Note>().with_deleted().count().await.unwrap(), 0);
    }

    async fn a_row_that_was_deleted_softly_comes_back_by_an_update(db) {
        let one = db.insert(note("a")).await.unwrap();
        db.delete(&one).await.unwrap();
        let deleted = db.get_with_deleted::<Note>(one.id).await.unwrap().unwrap();
        db.update(&Note { deleted: None, ..deleted }).await.unwrap();
        assert_eq!(db.get::<Note>(one.id).await.unwrap().unwrap().text, "a");
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
