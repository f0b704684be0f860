//! A foreign key that a build does not declare is enforced for it.

use super::*;
use crate::stores::places;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
pub struct Owner {
    #[rome(key)]
    pub id: u64,
}

macro_rules! dogs {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $ty:ty,)* } opens $($entity:ident),+) => {
        build!($name {
            #[derive(Entity, Clone, Debug, PartialEq, Default)]
            #[rome(table = "dogs")]
            pub struct Dog { #[rome(key)] pub id: u64, pub name: String, $($(#[$meta])* pub $field: $ty,)* }
        } opens $($entity),+);
    };
}

dogs!(without { owner_id: Option<u64>, } opens Owner, Dog);
dogs!(alone { owner_id: Option<u64>, } opens Dog);
dogs!(unknowing {} opens Owner, Dog);
dogs!(restricting { #[rome(references = Owner)] owner_id: Option<u64>, } opens Owner, Dog);
dogs!(cascading { #[rome(references = Owner, on_delete = cascade)] owner_id: Option<u64>, } opens Owner, Dog);
dogs!(nulling { #[rome(references = Owner, on_delete = set_null)] owner_id: Option<u64>, } opens Owner, Dog);
build!(owners_alone {
    pub use super::Owner;
} opens Owner);

macro_rules! on_delete {
    ($test:ident: $build:ident, |$outcome:ident, $dogs:ident| $law:expr) => {
        #[tokio::test]
        async fn $test() {
            for place in places() {
                println!("on {}", place.name);
                let store = place.open().await;
                let new = $build::open(&store).await.unwrap();
                new.insert_many([Owner { id: 1 }, Owner { id: 2 }]).await.unwrap();
                new.insert($build::Dog { id: 1, name: "Rex".into(), owner_id: Some(1) }).await.unwrap();
                let before = catalog(&store).await;
                let plan = without::plan(&store).await;
                assert!(plan.is_empty() && plan.to_string().contains("stays in force"), "{plan}");
                let old = without::open(&store).await.unwrap();
                assert_eq!(catalog(&store).await, before, "opening changed the catalog");

                let orphan = |id| without::Dog { id, name: "Ida".into(), owner_id: Some(9) };
                assert!(old.insert(orphan(2)).await.unwrap_err().is_foreign_key_violation());
                assert!(
                    old.transaction(async |s| s.insert(orphan(2)).await).await.unwrap_err().is_foreign_key_violation()
                );
                old.insert(without::Dog { id: 2, name: "Max".into(), owner_id: Some(2) }).await.unwrap();
                assert!(old.update(&orphan(2)).await.unwrap_err().is_foreign_key_violation());
                let $outcome = old.delete_by_key::<Owner>(1).await;
                let $dogs = old.query::<without::Dog>().order_by(without::Dog::ID.asc()).all().await.unwrap();
                assert!($law, "{:?} left {:?}", $outcome, $dogs);

                // Without the entity of the owner, too.
                let alone = alone::open(&store).await.unwrap();
                let orphan = alone::Dog { id: 3, name: "Pia".into(), owner_id: Some(9) };
                assert!(alone.insert(orphan.clone()).await.unwrap_err().is_foreign_key_violation());
                alone.insert(alone::Dog { owner_id: Some(2), ..orphan }).await.unwrap();
                // Who has not the entity of the dogs cannot say what becomes of them.
                let owners = owners_alone::open(&store).await.unwrap();
                assert!(owners.delete_by_key::<Owner>(2).await.unwrap_err().is_schema_mismatch());
                // One that does not even know the column.
                let unknowing = unknowing::open(&store).await.unwrap();
                unknowing.insert(unknowing::Dog { id: 4, name: "Tor".into() }).await.unwrap();
                unknowing.update(&unknowing::Dog { id: 3, name: "Pia the second".into() }).await.unwrap();
                assert_eq!(new.get::<$build::Dog>(3).await.unwrap().unwrap().owner_id, Some(2));

                assert_eq!(catalog(&store).await, before, "what is stored is another schema");
                new.insert($build::Dog { id: 5, name: "Bo".into(), owner_id: Some(2) }).await.unwrap();
                $build::open_as(&store, SchemaPolicy::Deny).await.unwrap();
                assert_clean(&store).await;
            }
        }
    };
}

on_delete!(restrict_holds_for_builds_that_do_not_declare_it: restricting,
    |outcome, dogs| outcome.as_ref().is_err_and(rome_orm::Error::is_foreign_key_violation) && dogs.len() == 2);
on_delete!(cascade_holds_for_builds_that_do_not_declare_it: cascading,
    |outcome, dogs| outcome.is_ok() && dogs.len() == 1 && dogs[0].id == 2);
on_delete!(set_null_holds_for_builds_that_do_not_declare_it: nulling,
    |outcome, dogs| outcome.is_ok() && dogs.len() == 2 && dogs[0].owner_id.is_none());

#[tokio::test]
async fn another_on_delete_is_refused_unless_it_is_changed_for_all() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let first = restricting::open(&store).await.unwrap();
        first.insert(Owner { id: 1 }).await.unwrap();
        first.insert(restricting::Dog { id: 1, name: "Rex".into(), owner_id: Some(1) }).await.unwrap();
        let before = catalog(&store).await;
        for how in [SchemaPolicy::Apply, SchemaPolicy::Defer, SchemaPolicy::Deny] {
            let refused = cascading::open_as(&store, how).await.unwrap_err();
            assert!(refused.is_schema_mismatch(), "{refused}");
            assert_says(&refused, &["`on_delete = cascade`", "`restrict`", "ApplyAndDrop"]);
        }
        assert_eq!(catalog(&store).await, before);
        assert!(first.delete_by_key::<Owner>(1).await.unwrap_err().is_foreign_key_violation());

        let second = cascading::open_as(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        // Those who would act by the other rule are told.
        assert!(first.insert(Owner { id: 7 }).await.unwrap_err().is_schema_mismatch());
        assert!(restricting::open(&store).await.unwrap_err().is_schema_mismatch());
        assert!(second.delete_by_key::<Owner>(1).await.unwrap());
        assert_eq!(second.query::<cascading::Dog>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_foreign_key_is_dropped_by_name_alone() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        let with = cascading::open(&store).await.unwrap();
        with.insert(Owner { id: 1 }).await.unwrap();
        let without = without::open_as(&store, SchemaPolicy::ApplyAndDrop).await.unwrap();
        without.insert(without::Dog { id: 1, name: "Rex".into(), owner_id: Some(9) }).await.unwrap();
        assert!(with.delete_by_key::<Owner>(1).await.unwrap_err().is_schema_mismatch());
        let refused = cascading::open(&store).await.unwrap_err();
        assert_says(&refused, &["is new, and the table has rows"]);
        let plan = cascading::plan(&store).await;
        assert!(plan.refused.iter().any(|line| line.contains("the table has rows")), "{plan}");
    }
}
