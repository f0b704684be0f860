//! What a query costs, told to its caller: exactly, and the same on every store of one partition.

use rome_orm::metrics::{Cost, Measure};
use rome_orm::prelude::*;

use crate::stores::{open, places, places_of_one_partition};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u32,
    #[rome(references = Owner, on_delete = cascade)]
    owner_id: u32,
    #[rome(index)]
    age: u32,
    #[rome(unique)]
    chip: u32,
}

/// 10 owners in two cities with 5 dogs each, of the ages 0 to 49.
async fn filled(db: &Database) {
    let city = |id: u32| if id.is_multiple_of(2) { "Lyon" } else { "Nice" };
    db.insert_many((0..10).map(|id| Owner { id, city: city(id).into(), ..Default::default() })).await.unwrap();
    db.insert_many((0..50).map(|id| Dog { id, owner_id: id / 5, age: id, chip: 100 + id })).await.unwrap();
}

/// Calls that read, rows read, entries read, rows returned.
type Counted = (u64, u64, u64, u64);

fn cost(statistics: Cost) -> Counted {
    assert_eq!((statistics.applies, statistics.reserves), (0, 0), "{statistics}");
    (statistics.reads, statistics.rows_read, statistics.entries_read, statistics.rows_returned)
}

/// What running a query costs, the second time: its plan is known then, and nothing is counted first.
macro_rules! costs {
    ($run:expr) => {{
        $run.await.unwrap();
        let (output, statistics) = $run.measured().await;
        output.unwrap();
        cost(statistics)
    }};
}

#[tokio::test]
async fn queries_on_the_database_and_in_a_session_tell_what_they_read_and_returned() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        let young = db.query::<Dog>().filter(Dog::AGE.lt(10));
        assert_eq!(costs!(young.all()), (1, 10, 10, 10));
        assert_eq!(costs!(young.count()), (1, 0, 0, 0));
        assert_eq!(costs!(young.keys()), (1, 0, 10, 10));
        assert_eq!(costs!(db.get::<Dog>(7)), (1, 1, 0, 1));
        assert_eq!(costs!(db.get::<Dog>(77)), (1, 0, 0, 0));
        assert_eq!(costs!(db.get_many::<Dog>([1, 2, 77])), (1, 2, 0, 2));
        let by_chip = db.query::<Dog>().filter(Dog::CHIP.eq(107));
        assert_eq!(costs!(by_chip.one()), (1, 1, 1, 1));
        // Each of the rows is tested, and 5 pass.
        let tested = db.query::<Dog>().filter(Dog::OWNER_ID.eq(3)).filter(Dog::CHIP.gt(0));
        assert_eq!(costs!(tested.all()), (1, 5, 5, 5));
        let none = db.query::<Dog>().filter(Dog::AGE.lt(10)).filter(Dog::CHIP.gt(200));
        assert_eq!(costs!(none.all()), (1, 10, 10, 0));
        let s = db.session();
        let young = s.query::<Dog>().filter(Dog::AGE.lt(10));
        assert_eq!(cost(young.all().measured().await.1), (1, 10, 10, 10));
        assert_eq!(cost(s.get::<Dog>(3).measured().await.1), (0, 0, 0, 1), "the session knows it");
    }
}

#[tokio::test]
async fn eager_loads_take_as_many_reads_as_levels_and_joins_as_entities() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        let with_dogs = db.query::<Owner>().filter(Owner::CITY.eq("Lyon")).with(Owner::DOGS);
        // 5 owners by their index, and 25 dogs by theirs.
        assert_eq!(costs!(with_dogs.all()), (2, 30, 30, 30));
        let joined = db.query::<Owner>().filter(Owner::CITY.eq("Lyon")).join(Owner::DOGS);
        let (reads, _, _, returned) = costs!(joined.all());
        assert_eq!((reads, returned), (2, 25));
        let ages = db.query::<Dog>().filter(Dog::AGE.lt(10));
        assert_eq!(costs!(ages.aggregate((count(), max(Dog::AGE)))).3, 1);
        let groups = db.query::<Dog>().group_by(Dog::OWNER_ID).select((Dog::OWNER_ID, count()));
        let (reads, _, _, returned) = costs!(groups.all());
        assert_eq!((reads, returned), (1, 10));
        let both = db.query::<Dog>().filter(Dog::AGE.lt(3)).union(db.query::<Dog>().filter(Dog::AGE.ge(48)));
        assert_eq!(costs!(both.all()).3, 5);
        // A stream whose rows are read at once gives them once.
        let by_age = db.query::<Owner>().join(Owner::DOGS).order_by((Owner::CITY.asc(), Dog::CHIP.asc()));
        let streamed = futures::TryStreamExt::try_collect::<Vec<_>>(by_age.stream()).measured().await;
        assert_eq!((streamed.0.unwrap().len(), streamed.1.rows_returned), (50, 50));
        let page = db.query::<Dog>().page(20);
        assert_eq!(costs!(page.fetch()).3, 20);
    }
}

#[tokio::test]
async fn a_transaction_is_measured_as_a_whole_and_inside_of_another_measure() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        let work = db.transaction(async |s| {
            let (dog, inner) = s.get::<Dog>(3).measured().await;
            assert_eq!(cost(inner), (1, 1, 0, 1));
            s.update(&Dog { age: 9, ..dog?.ok_or_not_found()? }).await.map(drop)
        });
        let (done, total) = work.measured().await;
        done.unwrap();
        assert_eq!((total.reads, total.applies, total.rows_read, total.rows_returned), (1, 1, 1, 1));
        assert_eq!(total.calls(), 2 + total.reserves);
    }
}

#[tokio::test]
async fn several_partitions_are_measured_too_and_two_tasks_apart() {
    for place in places() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        let young = db.query::<Dog>().filter(Dog::AGE.lt(10));
        let ((all, of_all), (one, of_one)) =
            futures::future::join(young.all().measured(), db.get::<Dog>(7).measured()).await;
        assert_eq!((all.unwrap().len(), one.unwrap().is_some()), (10, true));
        assert_eq!((of_all.rows_read, of_all.rows_returned), (10, 10));
        assert_eq!((of_one.reads, of_one.rows_read, of_one.rows_returned), (1, 1, 1));
    }
}

#[tokio::test]
async fn an_analysis_tells_what_running_takes_and_which_way_was_done_first() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        let young = db.query::<Dog>().filter(Dog::AGE.lt(10));
        young.all().await.unwrap();
        let ran = young.explain().analyze().await.unwrap();
        assert_eq!((cost(ran.statistics), ran.winner), ((1, 10, 10, 10), None));
        let (plan, text) = (young.explain().await.unwrap(), ran.to_string());
        assert_eq!(ran.plan, plan);
        assert!(text.starts_with("took ") && text.contains("10 rows returned\n"), "{text}");
        // The tree is the plan's, with what was read behind the operator that did.
        assert!(text.ends_with(&format!("{plan} [visited 10, gave 10 in 1 batch]")), "{text}");

        let with_dogs = db.query::<Owner>().filter(Owner::DOGS.any(Dog::AGE.ge(0))).order_by(Owner::ID.asc()).limit(3);
        let ran = with_dogs.explain().analyze().await.unwrap();
        assert_eq!(ran.statistics.rows_returned, 3);
        let winner = ran.winner.unwrap();
        let text = ran.to_string();
        assert!(text.ends_with(&format!("done first: {winner}")), "{ran}");
        assert_eq!(text.matches(" [done first]").count(), 1, "{ran}");
        let plain: Vec<&str> = text.lines().filter_map(|line| line.split(" [").next()).collect();
        assert!(plain.join("\n").contains(&ran.plan.to_string()), "{ran}");

        let pairs = db.query::<Owner>().join(Owner::DOGS);
        assert_eq!(pairs.explain().analyze().await.unwrap().statistics.rows_returned, 50);
        let cities = db.query::<Owner>().group_by(Owner::CITY).select((Owner::CITY, count()));
        assert_eq!(cities.explain().analyze().await.unwrap().statistics.rows_returned, 2);
        // A session tells of its own rows.
        let s = db.session();
        s.delete_by_key::<Dog>(3).await.unwrap();
        let young = s.query::<Dog>().filter(Dog::AGE.lt(10));
        assert_eq!(young.explain().analyze().await.unwrap().statistics.rows_returned, 9);
    }
}

#[tokio::test]
async fn what_is_filtered_out_and_only_counted_is_told_on_every_store() {
    for place in places() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        filled(&db).await;
        macro_rules! cost {
            ($run:expr) => {{
                $run.await.unwrap();
                let (output, cost) = $run.measured().await;
                output.unwrap();
                println!("{}: {cost}", stringify!($run));
                assert!(cost.visited() + cost.read_ahead >= cost.rows_read + cost.entries_read, "{cost}");
                assert!(cost.visited() >= cost.rows_returned.max(cost.filtered_out), "{cost}");
                cost
            }};
        }
        // Of 5 dogs of an owner, 2 pass.
        let tested = db.query::<Dog>().filter(Dog::OWNER_ID.eq(3)).filter(Dog::CHIP.gt(117));
        let cost = cost!(tested.all());
        assert_eq!((cost.rows_returned, cost.filtered_out, cost.counted), (2, 3, 0), "{cost}");
        assert_eq!(cost.rows_read, 5 + cost.read_ahead / 2, "{cost}");
        let young = db.query::<Dog>().filter(Dog::AGE.lt(10));
        let cost = cost!(young.all());
        assert_eq!((cost.rows_returned, cost.rows_read, cost.filtered_out), (10, 10, 0), "{cost}");
        // What is only counted is visited where it lies.
        let cost = cost!(young.count());
        assert_eq!((cost.counted, cost.rows_read + cost.entries_read, cost.visited()), (10, 0, 10), "{cost}");
        let cost = cost!(young.clone().filter(Dog::CHIP.gt(105)).count());
        assert_eq!((cost.counted, cost.rows_read, cost.filtered_out), (0, 10, 10), "{cost}");
        // A limit may be reached within a batch of a remote store.
        let scanned = db.query::<Dog>().filter(Dog::CHIP.ge(120)).order_by(Dog::ID.asc()).limit(3);
        let cost = cost!(scanned.all());
        assert_eq!(cost.rows_returned, 3);
        assert!(cost.filtered_out >= 20 && cost.rows_read >= 23 + cost.read_ahead, "{cost}");
        assert!(place.name.contains("redis") || cost.read_ahead == 0, "{cost}");
        cost!(young.keys());
        cost!(young.exists());
        cost!(db.get::<Dog>(7));
        cost!(db.get_many::<Dog>([1, 2, 77]));
        cost!(db.query::<Dog>().filter(Dog::CHIP.eq(107)).one());
        cost!(db.query::<Dog>().page(20).fetch());
        cost!(db.query::<Owner>().filter(Owner::CITY.eq("Lyon")).with(Owner::DOGS).all());
        cost!(db.query::<Owner>().filter(Owner::DOGS.any(Dog::AGE.ge(30))).all());
        cost!(db.query::<Dog>().group_by(Dog::OWNER_ID).select((Dog::OWNER_ID, count())).all());
        cost!(db.query::<Dog>().filter(Dog::AGE.lt(3)).union(db.query::<Dog>().filter(Dog::AGE.ge(48))).all());
    }
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "events")]
struct Event {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    run: u32,
    #[rome(index)]
    shift: u32,
}

#[tokio::test]
async fn two_indexes_are_leapt_through_behind_a_bound_on_the_key_too() {
    for place in places_of_one_partition() {
        let db = open!(place, [Event]);
        // One run is the first half and the last ten rows, one shift the second half.
        let event = |id| Event { id, run: u32::from(!(1_000..1_990).contains(&id)), shift: u32::from(id >= 1_000) };
        db.insert_many((0..2_000).map(event)).await.unwrap();
        let both = db.query::<Event>().filter(Event::RUN.eq(1)).filter(Event::SHIFT.eq(1)).order_by(Event::ID.asc());
        for bounded in [both.clone(), both.clone().filter(Event::ID.gt(3))] {
            for _ in 0..3 {
                assert_eq!(bounded.all().await.unwrap().len(), 10);
            }
            let (found, cost) = bounded.all().measured().await;
            let found: Vec<u32> = found.unwrap().into_iter().map(|event| event.id).collect();
            assert_eq!(found, (1_990..2_000).collect::<Vec<_>>());
            assert!(cost.entries_read + cost.rows_read < 200, "{cost} on {}", place.name);
        }
    }
}
