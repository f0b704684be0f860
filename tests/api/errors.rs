//! Each thing that happens has a kind, and an error of the program's own keeps its type on the way.

use rome_orm::prelude::*;
use rome_orm::session::Hooks;
use rome_orm::{Error, Result};

use super::{Dog, kennel};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the kennel has {places} places")]
struct Full {
    places: u32,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(hooks)]
struct Guest {
    #[rome(key)]
    id: u64,
}

impl Hooks for Guest {
    async fn before_insert(&mut self, _session: &Session) -> Result<()> {
        if self.id > 2 { Err(Error::custom(Full { places: 2 })) } else { Ok(()) }
    }
}

#[tokio::test]
async fn an_error_of_the_program_keeps_its_type() {
    let db = Database::builder().entity::<Guest>().open("memory:").await.unwrap();
    let error = db.insert(Guest { id: 3 }).await.unwrap_err();
    assert!(error.is_custom() && !error.is_invalid());
    assert_eq!((error.kind(), error.downcast_ref()), (ErrorKind::Custom, Some(&Full { places: 2 })));
    assert_eq!(error.to_string(), "the kennel has 2 places");
    assert!(error.downcast_ref::<std::io::Error>().is_none());

    let runs = std::sync::atomic::AtomicU32::new(0);
    let body = async |_: &Session| -> Result<()> {
        runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Err(Error::custom("plain text will do"))
    };
    let error = db.transaction(body).await.unwrap_err();
    assert_eq!((error.to_string(), runs.into_inner()), ("plain text will do".to_owned(), 1), "it is not tried again");
}

#[tokio::test]
async fn several_rows_where_one_was_asked_for_are_no_mistake_of_the_request() {
    let db = kennel().await;
    let of_age = |age: u32| db.query::<Dog>().filter(Dog::AGE.eq(age));
    for error in [of_age(3).one().await.unwrap_err(), of_age(3).one_or_none().await.unwrap_err()] {
        assert!(error.is_not_unique() && !error.is_invalid() && !error.is_not_found(), "{error}");
    }
    assert!(of_age(4).one().await.unwrap_err().is_not_found());
    assert_eq!(of_age(4).one_or_none().await.unwrap(), None);
    assert_eq!(of_age(5).one_or_none().await.unwrap().unwrap().name, "Ida");
    // Groups and set operations alike.
    let ages = || db.query::<Dog>().group_by(Dog::AGE).select((Dog::AGE, count()));
    assert!(ages().one_or_none().await.unwrap_err().is_not_unique());
    assert_eq!(ages().having(count().gt(1)).one_or_none().await.unwrap(), Some((Some(3), 2)));
    assert_eq!(ages().having(count().gt(9)).one_or_none().await.unwrap(), None);
    assert!(of_age(3).union(of_age(5)).one_or_none().await.unwrap_err().is_not_unique());
    assert_eq!(of_age(4).union(of_age(6)).one_or_none().await.unwrap(), None);
}

mod other {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug)]
    pub struct Dog {
        #[rome(key)]
        pub id: u64,
    }
}

#[tokio::test]
async fn two_entities_of_one_table_are_told_apart() {
    let both = || Database::builder().entity::<Dog>().entity::<other::Dog>();
    for error in [both().open("memory:").await.unwrap_err(), both().plan("memory:").await.unwrap_err()] {
        assert!(error.is_schema_mismatch());
        for part in ["`api::Dog`", "`api::errors::other::Dog`", "the table `dog`", "`#[rome(table = \"...\")]`"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
