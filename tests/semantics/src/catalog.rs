//! A database that is opened again, by the same entities and by changed ones.

use rome_orm::prelude::*;

use crate::stores::{Place, open, places};

/// Entities of different times on one table, each in a module of its own.
macro_rules! version {
    ($name:ident $(#[$table:meta])* { $($(#[$meta:meta])* $field:ident: $ty:ty,)+ }) => {
        mod $name {
            use super::*;

            #[derive(Entity, Clone, Debug, PartialEq)]
            #[rome(table = "dogs")]
            $(#[$table])*
            pub struct Dog {
                $($(#[$meta])* pub $field: $ty,)+
            }
        }
    };
}

version!(first { #[rome(key, auto)] id: u64, #[rome(index)] name: String, age: u16, note: Option<String>, });

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u64,
}

async fn begin(place: &Place) -> Vec<first::Dog> {
    let db = open!(place, [first::Dog]);
    let dog =
        |name: &str, age, note: Option<&str>| first::Dog { id: 0, name: name.into(), age, note: note.map(Into::into) };
    db.insert_many([dog("Rex", 1, None), dog("Max", 65_535, Some("old"))]).await.unwrap()
}

/// Opens the place with a changed entity, which has to be refused; the message has these parts. Then everything is as
/// it was.
macro_rules! refused {
    ($([$($entity:ty),+])?, $($part:expr),+) => {
        for place in places() {
            let dogs = begin(&place).await;
            let opened = Database::builder()$($(.entity::<$entity>())+)?.open(place.open().await).await;
            let error = opened.expect_err("the change is refused");
            assert!(error.is_schema_mismatch(), "{error}");
            $(assert!(error.to_string().contains($part), "{error} does not say {}", $part);)+
            let db = open!(place, [first::Dog]);
            assert_eq!(db.query::<first::Dog>().order_by(first::Dog::ID.asc()).all().await.unwrap(), dogs);
        }
    };
}

#[tokio::test]
async fn the_same_entities_find_everything_again() {
    for place in places() {
        let dogs = begin(&place).await;
        for _ in 0..3 {
            let db = open!(place, [first::Dog]);
            assert_eq!(db.query::<first::Dog>().filter(first::Dog::NAME.eq("Rex")).all().await.unwrap(), dogs[..1]);
        }
    }
}

#[tokio::test]
async fn a_new_table_is_added_and_one_that_is_not_named_stays() {
    for place in places() {
        let dogs = begin(&place).await;
        let db = open!(place, [first::Dog, Owner]);
        db.insert(Owner { id: 1 }).await.unwrap();
        drop(db);
        let db = open!(place, [Owner]);
        assert_eq!(db.query::<Owner>().count().await.unwrap(), 1);
        drop(db);
        let db = open!(place, [Owner, first::Dog]);
        assert_eq!(db.query::<first::Dog>().order_by(first::Dog::ID.asc()).all().await.unwrap(), dogs);
    }
}

version!(grown {
    // In another order too.
    #[rome(index)]
    name: String,
    #[rome(default = "none")]
    collar: String,
    #[rome(key, auto)]
    id: u64,
    age: u64,
    note: Option<String>,
    weight: Option<f64>,
    #[rome(default = true)]
    good: bool,
    #[rome(default = Some(7))]
    rank: Option<i32>,
    #[rome(default = Vec::new())]
    tags: Vec<String>,
});

#[tokio::test]
async fn new_columns_are_null_or_their_default_in_old_rows_and_integers_may_widen() {
    for place in places() {
        let dogs = begin(&place).await;
        let db = open!(place, [grown::Dog]);
        let expected = |dog: &first::Dog| grown::Dog {
            name: dog.name.clone(),
            collar: "none".into(),
            id: dog.id,
            age: dog.age.into(),
            note: dog.note.clone(),
            weight: None,
            good: true,
            rank: Some(7),
            tags: Vec::new(),
        };
        let old: Vec<grown::Dog> = dogs.iter().map(expected).collect();
        use grown::Dog;
        assert_eq!(db.query::<Dog>().order_by(Dog::ID.asc()).all().await.unwrap(), old);
        assert_eq!(db.get::<Dog>(old[1].id).await.unwrap().as_ref(), Some(&old[1]));
        let new = db.insert(Dog { id: 0, age: 1 << 40, rank: None, ..old[0].clone() }).await.unwrap();
        // Filters, orders, indexes and updates work over rows of both forms.
        let find = |filter: Condition<Dog>| db.query::<Dog>().filter(filter).order_by(Dog::AGE.asc());
        assert_eq!(find(Dog::COLLAR.eq("none")).count().await.unwrap(), 3);
        assert_eq!(find(Dog::RANK.eq(7)).all().await.unwrap(), old);
        assert_eq!(find(Dog::AGE.gt(1)).all().await.unwrap(), [old[1].clone(), new.clone()]);
        assert_eq!(find(Dog::NAME.eq("Rex")).all().await.unwrap(), [old[0].clone(), new.clone()]);
        assert_eq!(find(Dog::GOOD.eq(true)).update(Dog::AGE.set(Dog::AGE + 1)).await.unwrap(), 3);
        let changed = db.update(&Dog { name: "Maximilian".into(), age: 9, ..old[1].clone() }).await.unwrap();
        drop(db);
        let db = open!(place, [grown::Dog]);
        let all = db.query::<Dog>().order_by(Dog::AGE.asc()).all().await.unwrap();
        let expected = [Dog { age: 2, ..old[0].clone() }, changed, Dog { age: new.age + 1, ..new }];
        assert_eq!(all, expected);
        assert_eq!(db.query::<Dog>().filter(Dog::NAME.eq("Max")).count().await.unwrap(), 0);
    }
}

version!(optional { #[rome(key, auto)] id: u64, #[rome(index)] name: Option<String>, age: Option<u16>, note: Option<String>, });

#[tokio::test]
async fn a_column_may_become_optional() {
    for place in places() {
        let dogs = begin(&place).await;
        let db = open!(place, [optional::Dog]);
        use optional::Dog;
        let rex = db.query::<Dog>().filter(Dog::NAME.eq("Rex")).one().await.unwrap();
        assert_eq!((rex.id, rex.age), (dogs[0].id, Some(1)));
        db.update(&Dog { name: None, ..rex }).await.unwrap();
        assert_eq!(db.query::<Dog>().filter(Dog::NAME.is_null()).count().await.unwrap(), 1);
    }
}

version!(without_age { #[rome(key, auto)] id: u64, #[rome(index)] name: String, note: Option<String>, });

#[tokio::test]
async fn a_removed_column_is_refused() {
    refused!([without_age::Dog], "`age`", "`dogs`", "no longer declared");
}

version!(other_type { #[rome(key, auto)] id: u64, #[rome(index)] name: String, age: String, note: Option<String>, });
version!(narrower { #[rome(key, auto)] id: u64, #[rome(index)] name: String, age: u8, note: Option<String>, });
version!(signed { #[rome(key, auto)] id: u64, #[rome(index)] name: String, age: i32, note: Option<String>, });

#[tokio::test]
async fn a_changed_type_is_refused() {
    refused!([other_type::Dog], "`age`", "`dogs`", "text", "u16");
    refused!([narrower::Dog], "`age`", "`dogs`", "u8", "u16");
    refused!([signed::Dog], "`age`", "`dogs`", "i32", "u16");
}

version!(not_null {
    #[rome(key, auto)]
    id: u64,
    #[rome(index)]
    name: String,
    age: u16,
    note: String,
});

#[tokio::test]
async fn a_column_that_becomes_not_null_is_refused() {
    refused!([not_null::Dog], "`note`", "`dogs`", "NULL");
}

version!(needy { #[rome(key, auto)] id: u64, #[rome(index)] name: String, age: u16, note: Option<String>, more: u8, });

#[tokio::test]
async fn a_new_column_without_a_value_for_old_rows_is_refused() {
    refused!([needy::Dog], "`more`", "`dogs`", "default");
}

version!(other_key { id: u64, #[rome(key)] name: String, age: u16, note: Option<String>, });
version!(longer_key { #[rome(key)] id: u64, #[rome(key)] name: String, age: u16, note: Option<String>, });

#[tokio::test]
async fn a_changed_key_is_refused() {
    refused!([other_key::Dog], "key", "`dogs`", "(name)", "(id)");
    refused!([longer_key::Dog], "key", "`dogs`", "(id, name)");
}

version!(other_index #[rome(index(name, age, name = "by_name"))] { #[rome(key, auto)] id: u64, name: String, age: u16, note: Option<String>, });
version!(unique_index #[rome(unique(name, name = "by_name"))] { #[rome(key, auto)] id: u64, name: String, age: u16, note: Option<String>, });
version!(no_index { #[rome(key, auto)] id: u64, name: String, age: u16, note: Option<String>, });

#[tokio::test]
async fn a_changed_index_is_refused() {
    refused!([other_index::Dog], "`by_name`", "`dogs`");
    refused!([unique_index::Dog], "`by_name`", "`dogs`", "give it another name");
}

#[tokio::test]
async fn an_index_that_is_no_longer_declared_is_maintained() {
    for place in places() {
        begin(&place).await;
        let db = open!(place, [no_index::Dog]);
        db.insert(no_index::Dog { id: 77, name: "Rex".into(), age: 1, note: None }).await.unwrap();
        drop(db);
        let db = open!(place, [first::Dog]);
        assert_eq!(
            db.query::<first::Dog>().filter(first::Dog::NAME.eq("Rex")).use_index("by_name").count().await.unwrap(),
            2
        );
        assert!(db.admin().check().await.unwrap().findings.is_empty());
    }
}

version!(more_indexes { #[rome(key, auto)] id: u64, #[rome(index)] name: String, #[rome(index)] age: u16, #[rome(unique)] note: Option<String>, });

#[tokio::test]
async fn a_new_index_on_a_table_with_rows_is_built() {
    for place in places() {
        let dogs = begin(&place).await;
        let db = open!(place, [more_indexes::Dog]);
        use more_indexes::Dog;
        let max = db.query::<Dog>().filter(Dog::AGE.eq(65_535)).use_index("by_age").one().await.unwrap();
        assert_eq!(max.id, dogs[1].id);
        assert!(db.insert(Dog { id: 0, ..max }).await.unwrap_err().is_unique_violation());
    }
}

#[tokio::test]
async fn a_new_index_on_an_empty_table_is_added() {
    for place in places() {
        drop(open!(place, [first::Dog]));
        let db = open!(place, [more_indexes::Dog]);
        use more_indexes::Dog;
        let dog = Dog { id: 0, name: "Rex".into(), age: 3, note: Some("x".into()) };
        let rex = db.insert(dog.clone()).await.unwrap();
        assert!(db.insert(dog).await.unwrap_err().is_unique_violation());
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.eq(3)).use_index("by_age").one().await.unwrap(), rex);
    }
}

#[tokio::test]
async fn two_entities_on_one_table_are_refused() {
    refused!([first::Dog, grown::Dog], "`dogs`", "both");
}

#[tokio::test]
async fn all_that_is_refused_is_said_at_once() {
    refused!([not_null::Dog, Owner], "`note`");
    refused!([without_age::Dog], "`age`");
    version!(wrong {
        #[rome(key)]
        name: String,
        age: String,
        note: String,
    });
    refused!([wrong::Dog], "key", "`age`", "`note`", "`id`");
}

version!(indexed { #[rome(key, auto)] id: u64, #[rome(unique)] name: String, age: u16, note: Option<String>, });
version!(plain { #[rome(key, auto)] id: u64, name: String, age: u16, note: Option<String>, });

#[tokio::test]
async fn a_handle_that_does_not_know_a_new_index_may_not_write_any_more() {
    let store: std::sync::Arc<dyn rome_orm::store::Store> =
        std::sync::Arc::new(rome_orm::store::memory::MemoryStore::new());
    let old = Database::builder().entity::<plain::Dog>().open(store.clone()).await.unwrap();
    let new = Database::builder().entity::<indexed::Dog>().open(store).await.unwrap();
    let name = || "Rex".to_owned();
    let refused = old.insert(plain::Dog { id: 0, name: name(), age: 1, note: None }).await.unwrap_err();
    assert!(refused.is_schema_mismatch(), "{refused}");
    new.insert(indexed::Dog { id: 0, name: name(), age: 1, note: None }).await.unwrap();
    assert_eq!(old.query::<plain::Dog>().count().await.unwrap(), 1);
}

#[derive(ColumnEnum, Clone, Debug, PartialEq)]
pub enum Few {
    Short,
}

#[derive(ColumnEnum, Clone, Debug, PartialEq)]
pub enum More {
    Short,
    Long,
}

version!(few { #[rome(key)] id: u64, coat: Few, coats: Vec<Few>, });
version!(more { #[rome(key)] id: u64, coat: More, coats: Vec<More>, });

#[tokio::test]
async fn an_enum_may_get_more_labels_also_in_a_list() {
    for place in places() {
        let db = open!(place, [few::Dog]);
        db.insert(few::Dog { id: 1, coat: Few::Short, coats: vec![Few::Short] }).await.unwrap();
        drop(db);
        let db = open!(place, [more::Dog]);
        let first = db.get::<more::Dog>(1).await.unwrap().unwrap();
        assert_eq!(first, more::Dog { id: 1, coat: More::Short, coats: vec![More::Short] });
        db.insert(more::Dog { id: 2, coat: More::Long, coats: vec![More::Long] }).await.unwrap();
    }
}
