//! How often the store is asked: by the shape of a statement, never by its number of rows.

use std::sync::Arc;

use futures::TryStreamExt;
use rome_core::testkit::{Call, ReadKind, Recorder, Tally};
use rome_orm::prelude::*;

use crate::stores::places_of_one_partition;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(city, age))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    age: Option<u32>,
    city: String,
    #[rome(unique)]
    chip: Option<u64>,
    good: bool,
}

fn dog(n: u32) -> Dog {
    Dog {
        age: Some(n),
        city: format!("city {}", n % 10),
        chip: Some(n.into()),
        good: n.is_multiple_of(2),
        ..Default::default()
    }
}

/// A database of 1,000 dogs on each store, and what is asked of it.
macro_rules! counted {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident, $dogs:ident, $calls:ident) $body:block)+) => { $(
        $(#[$meta])*
        #[tokio::test]
        async fn $name() {
            for place in places_of_one_partition() {
                let recorder = Arc::new(Recorder::new(place.open().await));
                let $db = Database::builder().entity::<Dog>().open(recorder.clone()).await.unwrap();
                let $dogs = $db.insert_many((0..1000).map(dog)).await.unwrap();
                println!("on {}", place.name);
                let $calls = Calls(recorder);
                $calls.0.clear();
                $body
            }
        }
    )+ };
}

struct Calls(Arc<Recorder>);

impl Calls {
    /// What was asked since the last call of this.
    fn taken(&self) -> Tally {
        let tally = self.0.tally();
        self.0.clear();
        tally
    }

    /// The same, as reads and applies.
    fn trips(&self) -> (usize, usize) {
        let tally = self.taken();
        (tally.reads, tally.applies)
    }
}

counted! {
    async fn a_get_is_one_read(db, dogs, calls) {
        db.get::<Dog>(dogs[3].id).await.unwrap();
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.applies, tally.reserves, tally.records), (1, 0, 0, 1));
        db.get::<Dog>(Id::new(99_999)).await.unwrap();
        assert_eq!(calls.trips(), (1, 0));
    }

    async fn many_gets_are_one_read(db, dogs, calls) {
        let ids: Vec<_> = dogs.iter().map(|dog| dog.id).collect();
        assert_eq!(db.get_many::<Dog>(ids).await.unwrap().len(), 1000);
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.applies, tally.records), (1, 0, 1000));
    }

    async fn a_query_by_key_by_index_by_unique_value_or_of_all_is_one_read(db, dogs, calls) {
        assert_eq!(db.query::<Dog>().filter(Dog::ID.eq(dogs[5].id)).all().await.unwrap().len(), 1);
        assert_eq!(calls.trips(), (1, 0));
        assert_eq!(db.query::<Dog>().filter(Dog::CHIP.eq(5)).all().await.unwrap().len(), 1);
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.records), (1, 1));
        let by_age = db.query::<Dog>().filter(Dog::AGE.between(10, 29));
        by_age.all().await.unwrap();
        calls.taken();
        // The plan is known from now on, so that nothing is counted first.
        assert_eq!(by_age.all().await.unwrap().len(), 20);
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.visited, tally.records), (1, 20, 20));
        assert_eq!(db.query::<Dog>().all().await.unwrap().len(), 1000);
        assert_eq!(calls.trips(), (1, 0));
    }

    async fn plans_that_are_compared_cost_one_read_more_at_first(db, _dogs, calls) {
        let query = db.query::<Dog>().filter(Dog::AGE.between(10, 29)).filter(Dog::CITY.eq("city 3"));
        assert_eq!(query.all().await.unwrap().len(), 2);
        assert_eq!(calls.trips().0, 2);
        assert_eq!(query.all().await.unwrap().len(), 2);
        assert_eq!(calls.trips().0, 1);
    }

    async fn an_insert_is_one_apply(db, _dogs, calls) {
        // Keys are reserved in blocks; a row of this block is free of that.
        db.insert(Dog { chip: None, ..dog(1) }).await.unwrap();
        calls.taken();
        db.insert(Dog { chip: Some(5_000), ..dog(1) }).await.unwrap();
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.applies, tally.reserves), (0, 1, 0));
    }

    async fn a_thousand_inserts_are_one_apply(db, _dogs, calls) {
        db.insert_many((1000..2000).map(dog)).await.unwrap();
        let tally = calls.taken();
        assert_eq!((tally.reads, tally.applies), (0, 1));
        assert!(tally.reserves <= 1);
    }

    async fn an_update_or_a_delete_is_one_read_and_one_apply(db, dogs, calls) {
        db.update(&Dog { age: Some(7), chip: Some(7_000), ..dogs[3].clone() }).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
        db.update_many(&dogs[..100]).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
        db.delete(&dogs[3]).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
        db.delete_many(&dogs[10..100]).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
        db.upsert(dogs[3].clone()).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
    }

    async fn a_compare_and_set_is_one_read_and_one_apply_and_no_apply_if_it_fails(db, dogs, calls) {
        let conditions = (Dog::AGE.eq(3), Dog::CHIP.is_not_null());
        db.update_if::<Dog>(dogs[3].id, conditions.clone(), Dog::AGE.set(4)).await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
        assert!(db.update_if::<Dog>(dogs[3].id, conditions, Dog::AGE.set(4)).await.unwrap_err().is_condition_failed());
        assert_eq!(calls.trips(), (1, 0));
        let s = db.session();
        s.update_if::<Dog>(dogs[3].id, Dog::AGE.eq(4), Dog::AGE.set(5)).await.unwrap();
        s.update_if::<Dog>(dogs[3].id, Dog::AGE.eq(5), Dog::AGE.set(6)).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(calls.trips(), (1, 1));
    }

    async fn an_update_or_a_delete_by_a_query_is_one_read_and_one_apply(db, _dogs, calls) {
        let all = db.query::<Dog>().filter(Dog::CITY.eq("city 3"));
        all.count().await.unwrap();
        calls.taken();
        assert_eq!(all.update(Dog::GOOD.set(true)).await.unwrap(), 100);
        assert_eq!(calls.trips(), (1, 1));
        assert_eq!(all.delete().await.unwrap(), 100);
        assert_eq!(calls.trips(), (1, 1));
    }

    async fn a_count_by_an_index_reads_no_rows(db, _dogs, calls) {
        assert_eq!(db.query::<Dog>().filter(Dog::CITY.eq("city 3")).count().await.unwrap(), 100);
        assert!(calls.0.calls().iter().all(|call| matches!(call, Call::Read { kinds, .. } if kinds == &[ReadKind::Count])));
        let tally = calls.taken();
        assert_eq!((tally.records, tally.visited), (0, 0));
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 1000);
        assert_eq!(calls.taken().records, 0);
    }

    async fn keys_and_existence_by_an_index_read_no_rows(db, _dogs, calls) {
        let in_city = db.query::<Dog>().filter(Dog::CITY.eq("city 3"));
        assert_eq!(in_city.keys().await.unwrap().len(), 100);
        assert!(in_city.exists().await.unwrap());
        let of_rows = |call: &Call| matches!(call, Call::Read { kinds, .. } if kinds.contains(&ReadKind::ScanRows));
        assert!(!calls.0.calls().iter().any(of_rows), "{:?}", calls.0.calls());
        calls.taken();
        assert!(in_city.exists().await.unwrap());
        assert_eq!(calls.taken().visited, 1);
    }

    async fn a_limit_in_an_index_s_order_visits_what_it_returns(db, _dogs, calls) {
        // The first ROME loaded the whole table for each query, and ignored limits and orders.
        let youngest = db.query::<Dog>().order_by(Dog::AGE.asc()).limit(25);
        assert_eq!(youngest.all().await.unwrap().len(), 25);
        let tally = calls.taken();
        assert!(tally.visited <= 26 && tally.records <= 25, "{tally:?}");
        assert_eq!(db.query::<Dog>().order_by(Dog::AGE.desc()).first().await.unwrap().unwrap().age, Some(999));
        assert!(calls.taken().visited <= 2);
    }

    async fn each_page_of_25_visits_about_25(db, _dogs, calls) {
        let query = db.query::<Dog>().filter(Dog::AGE.ge(100)).order_by(Dog::AGE.desc());
        query.clone().page(25).fetch().await.unwrap();
        calls.taken();
        let mut cursor: Option<Cursor> = None;
        for _ in 0..20 {
            let page = query.clone().page(25).after(cursor).fetch().await.unwrap();
            assert_eq!(page.items.len(), 25);
            cursor = page.next;
            let tally = calls.taken();
            assert!(tally.visited <= 27 && tally.reads <= 2, "{tally:?}");
        }
    }

    async fn a_stream_reads_as_it_is_taken(db, _dogs, calls) {
        let mut stream = std::pin::pin!(db.query::<Dog>().stream());
        for _ in 0..10 {
            stream.try_next().await.unwrap().unwrap();
        }
        let tally = calls.taken();
        assert!(tally.visited <= 300 && tally.reads == 1, "{tally:?}");
    }

    async fn a_session_s_commit_is_one_apply(db, dogs, calls) {
        let s = db.session();
        let mut rex = s.get::<Dog>(dogs[0].id).await.unwrap().unwrap();
        rex.age = Some(3);
        s.update(&rex).await.unwrap();
        s.delete(&dogs[1]).await.unwrap();
        assert_eq!(calls.trips(), (2, 0));
        s.commit().await.unwrap();
        assert_eq!(calls.trips(), (0, 1));
        // A session that read one state and wrote nothing has nothing to ask.
        let s = db.session();
        s.query::<Dog>().filter(Dog::CHIP.eq(5)).all().await.unwrap();
        calls.taken();
        s.commit().await.unwrap();
        assert_eq!(calls.trips(), (0, 0));
    }
}
