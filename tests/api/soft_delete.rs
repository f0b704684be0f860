//! What brings a row back is an update: its hooks run, by key and by query, and may refuse it.

use rome_orm::prelude::*;
use rome_orm::session::Hooks;
use rome_orm::{Error, Result};

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "notes", hooks)]
struct Note {
    #[rome(key)]
    id: u64,
    edits: u32,
    #[rome(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
}

impl Hooks for Note {
    async fn before_update(&mut self, _session: &Session) -> Result<()> {
        self.edits += 1;
        if self.edits > 2 { Err(Error::custom("two edits are enough")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_row_that_comes_back_runs_the_hooks_of_an_update() {
    let db = Database::builder().entity::<Note>().open("memory:").await.unwrap();
    let note = db.insert(Note { id: 1, ..Default::default() }).await.unwrap();
    db.delete(&note).await.unwrap();
    assert!(db.restore::<Note>(1).await.unwrap());
    assert_eq!(db.get::<Note>(1).await.unwrap().unwrap().edits, 1);

    db.delete_by_key::<Note>(1).await.unwrap();
    assert_eq!(db.query::<Note>().restore().await.unwrap(), 1);
    assert_eq!(db.get::<Note>(1).await.unwrap().unwrap().edits, 2);

    db.delete_by_key::<Note>(1).await.unwrap();
    for error in [db.restore::<Note>(1).await.unwrap_err(), db.query::<Note>().restore().await.unwrap_err()] {
        assert!(error.is_custom(), "{error}");
    }
    let kept = db.get_with_deleted::<Note>(1).await.unwrap().unwrap();
    assert!(kept.edits == 2 && kept.deleted_at.is_some(), "a refused one leaves the row as it was");
}
