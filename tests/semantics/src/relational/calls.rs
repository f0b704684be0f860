//! How often the store is asked: by the number of entities of a statement, never by its number of rows.

use std::sync::Arc;

use rome_core::testkit::{Call, ReadKind, Recorder, Tally};
use rome_orm::expr::count_distinct;
use rome_orm::prelude::*;

use crate::stores::places_of_one_partition;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Owner {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(index(owner_id, age))]
struct Dog {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    age: u32,
    owner_id: u32,
    name: String,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(many_to_many(through = DogTag, dog_id, tag_id))]
    tags: Many<Tag>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Tag {
    #[rome(key)]
    id: u32,
    #[rome(many_to_many(through = DogTag, tag_id, dog_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(index(tag_id))]
struct DogTag {
    #[rome(key)]
    dog_id: u32,
    #[rome(key)]
    tag_id: u32,
}

struct Calls(Arc<Recorder>);

impl Calls {
    /// What was asked since the last call of this.
    fn taken(&self) -> Tally {
        let tally = self.0.tally();
        self.0.clear();
        tally
    }

    fn reads(&self) -> usize {
        let tally = self.taken();
        assert_eq!(tally.applies, 0);
        tally.reads
    }

    fn kinds(&self) -> Vec<ReadKind> {
        let calls = self.0.calls();
        self.0.clear();
        let kinds = |call: Call| match call {
            Call::Read { kinds, .. } => kinds,
            other => panic!("{other:?}"),
        };
        calls.into_iter().flat_map(kinds).collect()
    }
}

/// A database of 100 owners with 5 dogs each, and every dog with two of ten tags, on each store.
macro_rules! counted {
    ($(async fn $name:ident($db:ident, $calls:ident) $body:block)+) => { $(
        #[tokio::test]
        async fn $name() {
            for place in places_of_one_partition() {
                let recorder = Arc::new(Recorder::new(place.open().await));
                let builder = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Tag>().entity::<DogTag>();
                let $db = builder.open(recorder.clone()).await.unwrap();
                let owner = |id: u32| Owner { id, city: format!("city {}", id % 20), ..Default::default() };
                let dog = |id: u32| Dog { id, age: id % 50, owner_id: id % 100, name: format!("dog {id}"), ..Default::default() };
                $db.insert_many((0..100).map(owner)).await.unwrap();
                $db.insert_many((0..500).map(dog)).await.unwrap();
                $db.insert_many((0..10).map(|id| Tag { id, ..Default::default() })).await.unwrap();
                let link = |n: u32| DogTag { dog_id: n / 2, tag_id: n % 10 };
                $db.insert_many((0..1000).map(link)).await.unwrap();
                println!("on {}", place.name);
                let $calls = Calls(recorder);
                $calls.0.clear();
                $body
            }
        }
    )+ };
}

counted! {
    async fn a_join_reads_each_entity_once(db, calls) {
        // The first ROME loaded both tables, and ran an inner join as an outer merge.
        assert_eq!(db.query::<Owner>().join(Owner::DOGS).all().await.unwrap().len(), 500);
        assert_eq!(calls.reads(), 2);
        assert_eq!(db.query::<Dog>().left_join(Dog::OWNER).all().await.unwrap().len(), 500);
        assert!(calls.reads() <= 3, "500 dogs ask for 100 owners, which may be counted first");
        let three = db.query::<Owner>().join(Owner::DOGS).left_join(Dog::OWNER.aliased::<Second>());
        assert_eq!(three.filter(Owner::CITY.eq("city 3")).all().await.unwrap().len(), 25);
        assert_eq!(calls.reads(), 3);
        let tagged = db.query::<Owner>().filter(Owner::CITY.eq("city 3")).join(Owner::DOGS).join(Dog::TAGS);
        assert_eq!(tagged.all().await.unwrap().len(), 50);
        assert_eq!(calls.reads(), 4, "owners, dogs, links and tags");
    }

    async fn a_condition_on_what_is_loaded_is_answered_once(db, calls) {
        let tagged = db.query::<Owner>().filter(Owner::CITY.eq("city 3")).with(Owner::DOGS.filter(Dog::TAGS.exists()));
        tagged.all().await.unwrap();
        calls.taken();
        let owners = tagged.all().await.unwrap();
        assert_eq!(owners.iter().map(|owner| owner.dogs.get().unwrap().len()).sum::<usize>(), 25);
        let (reads, alone) = (calls.reads(), db.query::<Dog>().filter(Dog::TAGS.exists()));
        // The first time it counts what it chooses by.
        alone.all().await.unwrap();
        calls.taken();
        alone.all().await.unwrap();
        assert_eq!(reads, 1 + calls.reads(), "the owners, and what the dogs by themselves cost");
    }

    async fn a_join_begins_with_the_entity_that_has_the_fewest_rows(db, calls) {
        let in_city = db.query::<Dog>().join(Dog::OWNER).filter(Owner::CITY.eq("city 3"));
        assert_eq!(in_city.all().await.unwrap().len(), 25);
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.records), (2, 30), "5 owners and their 25 dogs");
        let both = in_city.filter(Dog::AGE.eq(3));
        both.all().await.unwrap();
        calls.taken();
        assert_eq!(both.all().await.unwrap().len(), 5);
        let tally = calls.taken();
        assert_eq!(tally.reads, 2, "what was counted is known from now on");
        assert!(tally.records <= 15, "{tally:?}");
    }

    async fn a_limit_of_a_left_join_reads_only_the_rows_that_it_gives(db, calls) {
        let first = db.query::<Dog>().left_join(Dog::OWNER).order_by(Dog::AGE.desc()).limit(7);
        assert_eq!(first.all().await.unwrap().len(), 7);
        let tally = calls.taken();
        assert_eq!(tally.reads, 2);
        assert!(tally.records <= 14, "{tally:?}");
    }

    async fn aggregates_read_no_rows_where_an_index_has_what_they_need(db, calls) {
        let of_owner = db.query::<Dog>().filter(Dog::OWNER_ID.eq(7));
        assert_eq!(of_owner.aggregate(count()).await.unwrap(), 5);
        assert_eq!(calls.kinds(), [ReadKind::Count]);
        assert_eq!(db.query::<Dog>().aggregate(max(Dog::AGE)).await.unwrap(), Some(49));
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.visited, tally.records), (1, 1, 1), "the end of an index");
        assert_eq!(of_owner.aggregate((sum(Dog::AGE), min(Dog::AGE), count())).await.unwrap().2, 5);
        assert_eq!(calls.kinds(), [ReadKind::Scan], "the entries of the index have all that is asked");
        let per_age = db.query::<Dog>().group_by(Dog::AGE).select((Dog::AGE, count(), count_distinct(Dog::ID)));
        assert_eq!(per_age.all().await.unwrap().len(), 50);
        assert_eq!(calls.kinds(), [ReadKind::Scan]);
        assert_eq!(db.query::<Dog>().group_by(Dog::NAME).count().await.unwrap(), 500);
        assert_eq!(calls.reads(), 1);
    }

    async fn aggregates_of_a_join_read_each_entity_once(db, calls) {
        let per_city = db.query::<Dog>().join(Dog::OWNER).group_by(Owner::CITY).select((Owner::CITY, count()));
        assert_eq!(per_city.all().await.unwrap().len(), 20);
        calls.taken();
        assert_eq!(per_city.having(count().gt(1)).all().await.unwrap().len(), 20);
        assert_eq!(calls.reads(), 2);
    }

    async fn a_subquery_is_one_read_more(db, calls) {
        assert_eq!(db.query::<Owner>().filter(Owner::DOGS.any(Dog::AGE.ge(49))).count().await.unwrap(), 2);
        assert_eq!(calls.reads(), 2);
        let old = db.query::<Dog>().filter(Dog::AGE.eq(3)).select(Dog::OWNER_ID);
        assert_eq!(db.query::<Owner>().filter(Owner::ID.in_query(&old)).all().await.unwrap().len(), 2);
        assert_eq!(calls.reads(), 2);
        assert_eq!(db.query::<Tag>().filter(Tag::DOGS.any(Dog::AGE.eq(3))).all().await.unwrap().len(), 2);
        assert_eq!(calls.reads(), 3, "dogs, links and tags");
    }

    async fn a_subquery_of_few_rows_asks_only_what_they_need(db, calls) {
        let one = db.query::<Owner>().filter(Owner::ID.eq(3)).filter(Owner::DOGS.any(Dog::NAME.ne("Rex")));
        assert_eq!(one.all().await.unwrap().len(), 1);
        let tally = calls.taken();
        assert_eq!(tally.reads, 3);
        assert!(tally.records <= 7, "the owner twice and his five dogs: {tally:?}");
        let tagged = db.query::<Dog>().filter(Dog::ID.eq(3)).filter(Dog::TAGS.any(Tag::ID.lt(100)));
        assert_eq!(tagged.all().await.unwrap().len(), 1);
        assert_eq!(calls.reads(), 5, "the tags are counted first");
        assert_eq!(tagged.all().await.unwrap().len(), 1);
        let tally = calls.taken();
        assert_eq!(tally.reads, 4);
        assert!(tally.records <= 6, "the dog twice, its two links and their tags: {tally:?}");
    }

    async fn a_set_operation_reads_each_side_once(db, calls) {
        let ages = |age| db.query::<Dog>().filter(Dog::AGE.eq(age)).select(Dog::OWNER_ID);
        assert_eq!(ages(1).union(ages(2)).all().await.unwrap().len(), 4);
        assert_eq!(calls.reads(), 2);
    }

    async fn a_join_of_many_rows_asks_no_more_often_than_one_of_few(db, calls) {
        db.insert_many((1000..6000).map(|id| Owner { id, city: "large".into(), ..Default::default() })).await.unwrap();
        db.insert_many((1000..6000).map(|id| Dog { id, owner_id: id, age: 90, ..Default::default() })).await.unwrap();
        let pairs = db.query::<Dog>().filter(Dog::AGE.eq(90)).join(Dog::OWNER);
        pairs.all().await.unwrap();
        calls.taken();
        assert_eq!(pairs.all().await.unwrap().len(), 5000);
        assert_eq!(calls.reads(), 2);
        let few = db.query::<Dog>().filter(Dog::AGE.eq(4)).join(Dog::OWNER);
        assert_eq!(few.all().await.unwrap().len(), 10);
        assert_eq!(calls.reads(), 2);
    }
}

rome_orm::alias!(Second = Owner);
