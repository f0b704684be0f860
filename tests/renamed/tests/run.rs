//! What was derived under another name works.
#![allow(clippy::unwrap_used, missing_docs)]

use rome_renamed::{Chip, Coat, Dog, Home, Owner, Size, Summary};
use storage::Database;

#[tokio::test]
async fn what_was_derived_under_another_name_works() {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await.unwrap();
    let owner = db.insert(Owner { name: "Ann".into(), ..Default::default() }).await.unwrap();
    let dog = Dog {
        chip: Chip("a-1".into()),
        coat: Coat::VeryLong,
        size: Size::Large,
        age: 3,
        home: Home { street: "Rue".into(), city: Some("Lyon".into()) },
        notes: vec!["barks".into()],
        owner_id: owner.id,
        ..Default::default()
    };
    let dog = db.insert(dog).await.unwrap();
    assert_eq!(dog.age, 4, "the hook has run");
    let found = db.query::<Dog>().filter(Dog::HOME.city.eq("Lyon")).with(Dog::OWNER).one().await.unwrap();
    assert_eq!((&found.chip, found.size, found.owner.get().unwrap().unwrap().id), (&dog.chip, Size::Large, owner.id));
    let summary = db.query::<Dog>().project::<Summary>().one().await.unwrap();
    assert_eq!(summary, Summary { chip: dog.chip, years: 4, city: Some("Lyon".into()) });
}
