//! Outside of Tokio opening says what is missing, rather than a later conflict.

use futures::executor::block_on;
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;

use super::Dog;

#[test]
fn opening_outside_of_tokio_says_what_to_do() {
    let builder = || Database::builder().entity::<Dog>();
    let store = || std::sync::Arc::new(MemoryStore::new());
    let folder = std::env::temp_dir().join(format!("rome-api-{}", std::process::id()));
    let on_disk = format!("embedded:{}", folder.display());
    let errors = [
        block_on(builder().open("memory:")).unwrap_err(),
        block_on(builder().open("memory:?partitions=4")).unwrap_err(),
        block_on(builder().open(&on_disk)).unwrap_err(),
        block_on(builder().open(store())).unwrap_err(),
        block_on(builder().plan("memory:")).unwrap_err(),
        block_on(builder().plan(store())).unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_invalid() && error.to_string().contains("`#[tokio::main]`"), "{error}");
    }
    assert!(!folder.exists(), "nothing was made");
}

#[tokio::test]
async fn a_url_says_all_that_is_opened() {
    let folder = std::env::temp_dir().join(format!("rome api #{}", std::process::id()));
    let url = format!("embedded:{}", folder.display());
    let error = Database::builder().entity::<Dog>().open(&url).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("%23"), "{error}");
    let db = Database::builder().entity::<Dog>().open(&url.replace('#', "%23")).await.unwrap();
    assert!(folder.is_dir());
    drop(db);
    std::fs::remove_dir_all(folder).unwrap();
}
