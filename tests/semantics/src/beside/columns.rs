//! Columns that a build does not know are kept, by handles that were opened before and after they came.

use rome_orm::Hooks;

use super::*;
use crate::stores::places;

build!(first {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs", hooks)]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub age: Option<u32> }

    impl Hooks for Dog {
        async fn before_update(&mut self, _: &Session) -> rome_orm::Result<()> {
            self.age = self.age.or(Some(0));
            Ok(())
        }
    }
} opens Dog);
build!(second {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog {
        // In another order, too.
        pub name: String, #[rome(default = "red")] pub collar: String, pub note: Option<String>, #[rome(key)] pub id: u64,
        pub age: Option<u32>,
    }
} opens Dog);
build!(indexed {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs", count(by = collar))]
    pub struct Dog {
        #[rome(key)] pub id: u64, pub name: String, pub age: Option<u32>, pub note: Option<String>,
        #[rome(default = "blue", index)] pub collar: String, #[rome(unique)] pub chip: Option<u64>,
    }
} opens Dog);
build!(needy {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub age: Option<u32>, pub weight: u32 }
} opens Dog);
build!(wide {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub age: Option<u64> }
} opens Dog);
build!(renamed {
    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "dogs")]
    pub struct Dog { #[rome(key)] pub id: u64, pub name: String, pub years: Option<u32> }
} opens Dog);

fn dog(id: u64, name: &str) -> first::Dog {
    first::Dog { id, name: name.into(), age: Some(3) }
}

fn full(id: u64, name: &str) -> second::Dog {
    second::Dog { id, name: name.into(), age: Some(3), collar: "green".into(), note: Some("kept".into()) }
}

/// What any older handle may do, and what the newer one finds afterwards.
async fn lives_beside(old: &Database, new: &Database) {
    use first::Dog;
    // What the newer build wrote is read, by key, by a query, by a count, in a session.
    assert_eq!(old.get::<Dog>(10).await.unwrap(), Some(dog(10, "Ida")));
    assert_eq!(old.get_many::<Dog>([10, 11]).await.unwrap().iter().flatten().count(), 2);
    let green = || old.query::<Dog>().filter(Dog::NAME.starts_with("Id")).order_by(Dog::ID.asc());
    assert_eq!(green().all().await.unwrap(), [dog(10, "Ida")]);
    assert_eq!(green().count().await.unwrap(), 1);
    assert_eq!(green().limit(1).all().await.unwrap().len(), 1);
    assert_eq!(old.transaction(async |s| s.query::<Dog>().count().await).await.unwrap(), 4);
    // And is kept by each kind of update.
    old.update(&dog(10, "Ida the second")).await.unwrap();
    old.upsert(Dog { age: None, ..dog(11, "Max") }).await.unwrap();
    old.query::<Dog>().filter(Dog::ID.eq(12)).update(Dog::AGE.set(Some(9))).await.unwrap();
    old.insert(dog(20, "New")).await.unwrap();
    old.upsert(dog(21, "Newer")).await.unwrap();
    let mut all = new.query::<second::Dog>().order_by(second::Dog::ID.asc()).all().await.unwrap();
    let of_old = |id, name: &str| second::Dog { id, name: name.into(), age: Some(3), collar: "red".into(), note: None };
    let expected = [
        of_old(1, "Rex"),
        full(10, "Ida the second"),
        second::Dog { age: Some(0), ..full(11, "Max") },
        second::Dog { age: Some(9), ..full(12, "Pia") },
        of_old(20, "New"),
        of_old(21, "Newer"),
    ];
    all.retain(|row| row.id < 30);
    assert_eq!(all, expected);
}

async fn fill(store: &Arc<dyn Store>) -> (Database, Database) {
    let old = first::open(store).await.unwrap();
    old.insert(dog(1, "Rex")).await.unwrap();
    let new = second::open(store).await.unwrap();
    new.insert_many([full(10, "Ida"), full(11, "Max"), full(12, "Pia")]).await.unwrap();
    (old, new)
}

#[tokio::test]
async fn a_handle_that_was_opened_before_the_columns_lives_beside_them() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let (old, new) = fill(&store).await;
        lives_beside(&old, &new).await;
        assert_clean(&store).await;
    }
}

#[tokio::test]
async fn an_older_build_that_is_started_again_lives_beside_the_columns() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let (_, new) = fill(&store).await;
        let before = catalog(&store).await;
        let plan = first::plan(&store).await;
        assert!(plan.is_empty() && plan.kept.len() == 2, "{plan}");
        for how in [SchemaPolicy::Deny, SchemaPolicy::ApplyAndDrop] {
            first::open_as(&store, how).await.unwrap();
        }
        let old = first::open(&store).await.unwrap();
        lives_beside(&old, &new).await;
        assert_eq!(catalog(&store).await, before);
        assert_clean(&store).await;
    }
}

#[tokio::test]
async fn indexes_and_constraints_on_columns_that_a_build_does_not_know_hold() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let (running, _) = fill(&store).await;
        let new = indexed::open(&store).await.unwrap();
        use indexed::Dog;
        new.insert(Dog { id: 30, name: "Chip".into(), chip: Some(7), collar: "green".into(), ..Dog::default() })
            .await
            .unwrap();
        // It reads what was written since, and cannot maintain the new indexes.
        assert_eq!(running.get::<first::Dog>(30).await.unwrap().unwrap().name, "Chip");
        assert!(running.insert(dog(2, "No")).await.unwrap_err().is_schema_mismatch());
        let old = first::open(&store).await.unwrap();
        old.insert(dog(2, "Tor")).await.unwrap();
        old.update(&dog(30, "Chip the second")).await.unwrap();
        old.delete_by_key::<first::Dog>(10).await.unwrap();
        let by_collar = |collar: &str| new.query::<Dog>().filter(Dog::COLLAR.eq(collar)).use_index("by_collar");
        assert_eq!(by_collar("green").count().await.unwrap(), 3);
        // What was noted when the column came, not what is declared by the last.
        assert_eq!(by_collar("red").count().await.unwrap(), 2);
        let twin = new.insert(Dog { id: 31, chip: Some(7), ..Dog::default() }).await.unwrap_err();
        assert!(twin.is_unique_violation(), "{twin}");
        old.delete_by_key::<first::Dog>(30).await.unwrap();
        new.insert(Dog { id: 31, chip: Some(7), ..Dog::default() }).await.unwrap();
        assert_clean(&store).await;
    }
}

#[tokio::test]
async fn what_cannot_live_beside_is_refused_when_it_is_opened() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let new = needy::open(&store).await.unwrap();
        new.insert(needy::Dog { id: 1, name: "Rex".into(), age: None, weight: 3 }).await.unwrap();
        let before = catalog(&store).await;
        let refused = first::open(&store).await.unwrap_err();
        assert!(refused.is_schema_mismatch(), "{refused}");
        assert_says(&refused, &["`weight`", "no longer declared", "no value"]);
        assert_eq!(catalog(&store).await, before);
    }
    for place in places() {
        let store = place.open().await;
        let old = first::open(&store).await.unwrap();
        old.insert(dog(1, "Rex")).await.unwrap();
        let before = catalog(&store).await;
        // A name that is new beside one that is gone is perhaps the same column.
        let refused = renamed::open(&store).await.unwrap_err();
        assert_says(&refused, &["`years`", "`age`", "column = \"age\""]);
        assert_eq!(catalog(&store).await, before);
    }
}

#[tokio::test]
async fn a_row_that_does_not_fit_an_older_build_is_no_damage() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let old = first::open(&store).await.unwrap();
        old.insert(dog(1, "Rex")).await.unwrap();
        let new = wide::open(&store).await.unwrap();
        new.insert(wide::Dog { id: 2, name: "Ida".into(), age: Some(5) }).await.unwrap();
        new.insert(wide::Dog { id: 3, name: "Old".into(), age: Some(1 << 40) }).await.unwrap();
        assert_eq!(old.get::<first::Dog>(2).await.unwrap().unwrap().age, Some(5));
        for error in [
            old.get::<first::Dog>(3).await.unwrap_err(),
            old.query::<first::Dog>().all().await.unwrap_err(),
            old.query::<first::Dog>().filter(first::Dog::AGE.gt(4)).count().await.unwrap_err(),
            old.update(&dog(3, "x")).await.unwrap_err(),
        ] {
            assert!(error.is_schema_mismatch() && !error.is_corrupt(), "{error}");
            assert_says(&error, &["row 3", "`dogs`", "newer build", "`age`", "u64"]);
        }
        assert!(first::open(&store).await.unwrap_err().is_schema_mismatch());
    }
}
