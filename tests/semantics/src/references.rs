//! Databases whose entities reference each other, opened for the first time and again.

use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u64,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(references = Owner)]
    owner_id: u64,
    #[rome(references = Self, on_delete = set_null)]
    mother_id: Option<u64>,
}

/// Walks of a dog, as they were declared at different times: with another attribute on the struct and on the first field.
macro_rules! walk {
    ($name:ident, [$($table:meta)?], [$($field:meta)?]) => {
        mod $name {
            use super::*;

            #[derive(Entity, Clone, Debug, PartialEq)]
            #[rome(table = "walks")]
            $(#[$table])?
            pub struct Walk {
                #[rome(key)]
                $(#[$field])?
                pub dog_id: u64,
                #[rome(key)]
                pub number: u8,
            }
        }
    };
}

walk!(plain, [], []);
walk!(restricted, [], [rome(references = Dog)]);
walk!(cascading, [], [rome(references = Dog, on_delete = cascade)]);
walk!(grouped, [rome(partition_by = dog_id)], []);
walk!(indexed, [rome(index(number))], []);
walk!(indexed_globally, [rome(global_index(number))], []);

#[tokio::test]
async fn an_entity_that_is_referenced_has_to_be_given_to_the_database() {
    for place in places() {
        let builder = Database::builder().entity::<Dog>().entity::<restricted::Walk>();
        let error = builder.open(place.open().await).await.unwrap_err();
        assert!(error.is_schema_mismatch(), "{error}");
        let expected = "entities are missing that others reference:\n  - `Dog` references `Owner`: add \
                        `.entity::<Owner>()` to the builder of the database";
        assert_eq!(error.to_string(), expected, "{}", place.name);
        open!(place, [restricted::Walk, Dog, Owner]);
    }
}

#[tokio::test]
async fn rows_come_from_the_store_without_their_relations() {
    for place in places() {
        let db = open!(place, [Dog, Owner]);
        let ann = db.insert(Owner { id: 1, dogs: Many::loaded(vec![Dog::default()]) }).await.unwrap();
        let rex = Dog { id: 1, owner_id: 1, owner: One::loaded(ann), mother_id: None };
        let rex = db.insert(rex).await.unwrap();
        assert!(rex.owner.is_unloaded(), "{}", place.name);
        let error = db.get::<Dog>(1).await.unwrap().unwrap().owner.get().unwrap_err();
        assert!(error.to_string().contains("`.with(Dog::OWNER)`"), "{error}");
        assert!(db.query::<Owner>().one().await.unwrap().dogs.get().unwrap_err().is_not_loaded());
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 1, "what a relation holds is not inserted");
    }
}

#[tokio::test]
async fn the_columns_of_a_foreign_key_are_indexed_without_being_told() {
    for place in places() {
        let builder = Database::builder().entity::<Dog>().entity::<Owner>().scan_policy(ScanPolicy::Deny);
        let db = builder.open(place.open().await).await.unwrap();
        db.insert(Owner { id: 7, ..Owner::default() }).await.unwrap();
        let rex = db.insert(Dog { id: 1, owner_id: 7, ..Dog::default() }).await.unwrap();
        let found = db.query::<Dog>().filter(Dog::OWNER_ID.eq(7_u64)).all().await.unwrap();
        assert_eq!(found, [rex], "{}", place.name);
        assert!(db.query::<Dog>().filter(Dog::MOTHER_ID.eq(1_u64)).all().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_new_foreign_key_needs_an_empty_table() {
    for place in places() {
        let store = place.open().await;
        let before = Database::builder().entity::<Owner>().entity::<Dog>().entity::<plain::Walk>();
        let db = before.open(store.clone()).await.unwrap();
        db.insert(plain::Walk { dog_id: 404, number: 1 }).await.unwrap();
        let changed = || Database::builder().entity::<Owner>().entity::<Dog>().entity::<restricted::Walk>();
        let error = changed().open(store.clone()).await.unwrap_err();
        assert!(error.is_schema_mismatch(), "{error}");
        let what = "the foreign key (dog_id) of `walks` to `dogs` is new, and the table has rows";
        assert!(error.to_string().contains(what), "{}: {error}", place.name);
        let walk = plain::Walk { dog_id: 404, number: 1 };
        db.delete(&walk).await.unwrap();
        changed().open(store).await.unwrap();
        let error = db.insert(walk).await.unwrap_err();
        assert!(error.is_schema_mismatch(), "a handle that does not look for the dog may not write: {error}");
    }
}

/// Opens a database with these entities, and makes what others rely on as they declare it.
macro_rules! open_and_drop {
    ($place:expr, [$($entity:ty),+]) => {
        Database::builder()$(.entity::<$entity>())+
            .schema_policy(rome_orm::SchemaPolicy::ApplyAndDrop)
            .open($place.open().await)
            .await
            .unwrap()
    };
}

#[tokio::test]
async fn a_foreign_key_may_go_or_act_in_another_way_by_name() {
    for place in places() {
        let db = open!(place, [Owner, Dog, restricted::Walk]);
        db.insert(Owner { id: 1, ..Owner::default() }).await.unwrap();
        db.insert(Dog { id: 1, owner_id: 1, ..Dog::default() }).await.unwrap();
        db.insert(restricted::Walk { dog_id: 1, number: 1 }).await.unwrap();
        drop(db);
        let db = open_and_drop!(place, [Owner, Dog, cascading::Walk]);
        assert_eq!(db.query::<cascading::Walk>().count().await.unwrap(), 1, "{}", place.name);
        drop(db);
        let db = open_and_drop!(place, [Owner, Dog, plain::Walk]);
        db.insert(plain::Walk { dog_id: 1, number: 2 }).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_a_foreign_key_needed_stays_until_it_is_dropped() {
    #[derive(Entity)]
    #[rome(table = "dogs")]
    struct Stray {
        #[rome(key)]
        id: u64,
        owner_id: u64,
        #[rome(index)]
        mother_id: Option<u64>,
    }
    for place in places() {
        open!(place, [Owner, Dog]);
        let store = place.open().await;
        let builder = || Database::builder().entity::<Stray>();
        let kept = builder().plan(store.clone()).await.unwrap().kept;
        let what = "index `by_owner_id` of `dogs` is stored and no longer declared";
        // With the two foreign keys, which stay in force.
        assert!(kept.len() == 3 && kept[0].contains(what), "{}: {kept:?}", place.name);
        builder().open(store.clone()).await.unwrap();
        assert_eq!(builder().plan(store.clone()).await.unwrap().kept, kept);
        builder().schema_policy(rome_orm::SchemaPolicy::ApplyAndDrop).open(store.clone()).await.unwrap();
        assert!(builder().plan(store).await.unwrap().kept.is_empty());
    }
}

#[tokio::test]
async fn a_handle_that_does_not_know_who_references_its_rows_may_not_write_any_more() {
    for place in places() {
        let store = place.open().await;
        let old = Database::builder().entity::<Owner>().open(store.clone()).await.unwrap();
        old.insert(Owner { id: 1, ..Owner::default() }).await.unwrap();
        let both = Database::builder().entity::<Owner>().entity::<Dog>();
        let new = both.open(store).await.unwrap();
        new.insert(Dog { id: 1, owner_id: 1, ..Dog::default() }).await.unwrap();
        let error = old.delete_by_key::<Owner>(1_u64).await.unwrap_err();
        assert!(error.is_schema_mismatch(), "{}: {error}", place.name);
    }
}

/// Deletes of owners with and without dogs, by each verb that there is.
async fn deletes_of_owners(db: &Database) -> Vec<rome_orm::Error> {
    let ann = Owner { id: 1, ..Owner::default() };
    let s = db.session();
    let tried = [
        db.delete(&ann).await.map(drop),
        db.delete_by_key::<Owner>(1_u64).await.map(drop),
        db.delete_by_key::<Owner>(404_u64).await.map(drop),
        db.delete_many(std::slice::from_ref(&ann)).await.map(drop),
        db.purge_by_key::<Owner>(1_u64).await.map(drop),
        db.query::<Owner>().delete().await.map(drop),
        db.query::<Owner>().purge().await.map(drop),
        s.delete(&ann).await,
        s.query::<Owner>().delete().await.map(drop),
    ];
    s.commit().await.unwrap();
    tried.into_iter().map(|tried| tried.expect_err("dogs may reference it")).collect()
}

#[tokio::test]
async fn rows_that_a_table_may_reference_which_the_program_does_not_have_are_not_deleted() {
    for place in places() {
        let db = open!(place, [Owner, Dog]);
        db.insert_many([Owner { id: 1, ..Owner::default() }, Owner { id: 2, ..Owner::default() }]).await.unwrap();
        db.insert(Dog { id: 1, owner_id: 1, ..Dog::default() }).await.unwrap();
        drop(db);
        let part = open!(place, [Owner]);
        for error in deletes_of_owners(&part).await {
            assert!(error.is_schema_mismatch(), "{}: {error}", place.name);
            let text = error.to_string();
            let named = ["`owners`", "`dogs`", "`.entity::<...>()`"].iter().all(|name| text.contains(name));
            assert!(named, "{}: {text}", place.name);
        }
        assert_eq!(part.query::<Owner>().count().await.unwrap(), 2, "{}", place.name);
        // All that follows no reference goes on.
        let new = part.insert(Owner { id: 3, ..Owner::default() }).await.unwrap();
        part.update(&new).await.unwrap();
        part.upsert(new).await.unwrap();
        drop(part);
        let whole = open!(place, [Owner, Dog]);
        assert!(whole.admin().check().await.unwrap().findings.is_empty());
        assert!(whole.delete_by_key::<Owner>(1_u64).await.unwrap_err().is_foreign_key_violation());
        assert!(whole.delete_by_key::<Owner>(2_u64).await.unwrap());
    }
}

#[tokio::test]
async fn a_table_whose_foreign_key_was_dropped_is_in_no_ones_way() {
    for place in places() {
        let db = open!(place, [Owner, Dog, restricted::Walk]);
        db.insert(Owner { id: 1, ..Owner::default() }).await.unwrap();
        db.insert(Dog { id: 1, owner_id: 1, ..Dog::default() }).await.unwrap();
        drop(db);
        drop(open_and_drop!(place, [Owner, Dog, plain::Walk]));
        let db = open!(place, [Owner, Dog]);
        assert!(db.delete_by_key::<Dog>(1_u64).await.unwrap(), "{}", place.name);
    }
}

#[tokio::test]
async fn a_cascade_stops_before_rows_that_an_unknown_table_may_reference() {
    #[derive(Entity, Clone, Debug)]
    #[rome(table = "packs")]
    struct Pack {
        #[rome(key)]
        id: u64,
    }
    /// Goes with its pack; walks reference it.
    #[derive(Entity, Clone, Debug)]
    #[rome(table = "wolves")]
    struct Wolf {
        #[rome(key)]
        id: u64,
        #[rome(references = Pack, on_delete = cascade)]
        pack: u64,
        #[rome(soft_delete)]
        gone: Option<DateTime<Utc>>,
    }
    #[derive(Entity, Clone, Debug)]
    #[rome(table = "hunts")]
    struct Hunt {
        #[rome(key)]
        id: u64,
        #[rome(references = Wolf, on_delete = cascade)]
        wolf: u64,
    }
    for place in places() {
        let db = open!(place, [Pack, Wolf, Hunt]);
        db.insert_many([Pack { id: 1 }, Pack { id: 2 }]).await.unwrap();
        let wolf = db.insert(Wolf { id: 1, pack: 1, gone: None }).await.unwrap();
        db.insert(Hunt { id: 1, wolf: 1 }).await.unwrap();
        drop(db);
        let part = open!(place, [Pack, Wolf]);
        let error = part.delete_by_key::<Pack>(1_u64).await.unwrap_err();
        assert!(error.is_schema_mismatch() && error.to_string().contains("`hunts`"), "{}: {error}", place.name);
        assert!(part.delete_by_key::<Pack>(2_u64).await.unwrap(), "it has no wolf");
        // A soft delete does nothing to children; a purge would.
        part.delete(&wolf).await.unwrap();
        assert!(part.purge_by_key::<Wolf>(1_u64).await.unwrap_err().is_schema_mismatch());
        drop(part);
        let whole = open!(place, [Pack, Wolf, Hunt]);
        assert!(whole.admin().check().await.unwrap().findings.is_empty(), "{}", place.name);
        assert!(whole.delete_by_key::<Pack>(1_u64).await.unwrap());
        assert_eq!(whole.query::<Hunt>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_table_that_references_only_new_tables_lets_old_handles_write() {
    for place in places() {
        let store = place.open().await;
        let old = Database::builder().entity::<grouped::Walk>().open(store.clone()).await.unwrap();
        Database::builder().entity::<Owner>().entity::<Dog>().open(store).await.unwrap();
        old.insert(grouped::Walk { dog_id: 1, number: 1 }).await.unwrap();
    }
}

#[tokio::test]
async fn where_rows_and_entries_lie_does_not_change() {
    for place in places() {
        open!(place, [plain::Walk]);
        let error =
            Database::builder().entity::<grouped::Walk>().open(place.open().await).await.expect_err("it changed");
        assert!(error.is_schema_mismatch(), "{error}");
        let what = "the rows of `walks` lie where (dog_id, number) says, and `partition_by` is now (dog_id)";
        assert!(error.to_string().contains(what), "{}: {error}", place.name);
        open!(place, [indexed::Walk]);
        let changed = Database::builder().entity::<indexed_globally::Walk>();
        let error = changed.open(place.open().await).await.unwrap_err();
        assert!(
            error.to_string().contains(
                "index `by_number` of `walks` is `global_index(number)`, and the stored one is `index(number)`"
            ),
            "{error}"
        );
    }
}
