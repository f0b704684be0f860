//! Plans are trees of operators, each with what it reads and tests, and analyses say which way was done first.

use rome_orm::prelude::*;
use rome_orm::query::Hints;

use crate::stores::{open, places, places_of_one_partition};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    city: String,
    #[rome(index)]
    age: u32,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(breed, age))]
struct Dog {
    #[rome(key)]
    id: u32,
    #[rome(references = Owner, on_delete = cascade)]
    owner_id: u32,
    #[rome(index)]
    age: u32,
    #[rome(unique)]
    chip: u32,
    breed: u32,
    note: u32,
}

/// 600 owners, half of them in Lyon, with two dogs each.
async fn fill(db: &Database) {
    let city = |id: u32| if id.is_multiple_of(2) { "Lyon" } else { "Nice" };
    let owner = |id| Owner { id, age: id % 50, city: city(id).into(), ..Default::default() };
    let dog = |id| Dog { id, owner_id: id / 2, age: id % 700, chip: id, breed: id % 20, note: id % 3 };
    db.insert_many((0..600).map(owner)).await.unwrap();
    db.insert_many((0..1200).map(dog)).await.unwrap();
}

macro_rules! is {
    ($query:expr, $tree:expr) => {
        let plan = $query.explain().await.unwrap();
        assert_eq!(plan.to_string(), $tree.trim_start_matches('\n'), "of {}", stringify!($query));
    };
}

#[tokio::test]
async fn one_operator_stands_on_a_line_below_the_one_that_takes_its_rows() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        fill(&db).await;
        let (owners, dogs) = (db.query::<Owner>(), db.query::<Dog>());
        is!(
            dogs.clone().filter(Dog::AGE.lt(20)).filter(Dog::NOTE.ne(1)).order_by(Dog::CHIP.asc()).limit(3).offset(2),
            "
Limit 3 offset 2
  Sort by chip asc, id asc
    Filter note <> 1
      Scan dogs by index by_age (age), 1 range
  competes with
    Sort by chip asc, id asc
      Filter note <> 1
        Scan dogs by index by_breed_age (breed, age), a range of age for each breed
          Skip entries of index by_breed_age (breed, age), whole, to one for each (breed)"
        );
        is!(
            owners.clone().filter(Owner::AGE.eq(4)).order_by(Owner::CITY.asc()).use_index("by_age").limit(3),
            "
Limit 3
  TopN 3 by city asc, id asc
    Scan owners by index by_age (age), 1 range"
        );
        is!(
            owners.clone().filter(Owner::CITY.is_in(["Lyon", "Nice"])).order_by(Owner::ID.asc()).limit(25),
            "
Limit 25
  Merge by id asc
    Scan owners by index by_city (city), 2 ranges (256+ rows)
  not taken: Scan owners, whole table"
        );
        is!(
            dogs.clone().filter(Dog::CHIP.eq(3).or(Dog::AGE.eq(7))),
            "
Union of 2 ways
  Lookup dogs by unique index unique_chip (chip), 1 value
  Scan dogs by index by_age (age), 1 range"
        );
        is!(
            dogs.clone().filter(Dog::AGE.gt(3)).order_by((Dog::AGE.asc(), Dog::NOTE.asc())).limit(7),
            "
Limit 7
  Sort by note asc, id asc among rows of equal age asc
    Scan dogs by index by_age (age), 1 range, in order"
        );
        is!(
            dogs.clone().filter(Dog::BREED.eq(3)).filter(Dog::AGE.eq(3)),
            "
Scan dogs by index by_breed_age (breed, age), 1 range (~2 rows)
not taken: Scan dogs by index by_age (age), 1 range (~2 rows)"
        );
        is!(
            dogs.clone().filter(Dog::ID.eq(3)).filter(Dog::NOTE.ne(4)),
            "Filter note <> 4\n  Lookup dogs by key, 1 key"
        );
        is!(dogs.clone().filter(Dog::ID.is_in(Vec::<u32>::new())), "Nothing of dogs, the filter is never true");
        is!(
            dogs.clone().select(Dog::BREED).distinct().limit(2),
            "Limit 2\n  Skip entries of index by_breed_age (breed, age), whole, to one for each (breed)"
        );
        is!(dogs.clone().select(Dog::NOTE).distinct(), "Distinct (note)\n  Scan dogs, whole table");
        is!(
            dogs.clone().group_by(Dog::BREED).select((Dog::BREED, max(Dog::AGE))),
            "
Group, each entry is one, whose end has the wanted value
  Skip entries of index by_breed_age (breed, age), whole, backwards, to one for each (breed)"
        );
        is!(
            dogs.clone().group_by(Dog::BREED).select((Dog::BREED, count())).limit(2),
            "
Limit 2
  Group entries as they come, reading no rows
    Scan dogs by index by_breed_age (breed, age), whole"
        );
        is!(
            dogs.clone().filter(Dog::NOTE.eq(1)).group_by(Dog::OWNER_ID).select(count()).order_by(count().desc()),
            "
Sort groups
  Group rows in a hash table
    Filter note = 1
      Scan dogs, whole table"
        );
    }
}

#[tokio::test]
async fn rows_with_partners_are_tested_or_the_subquery_is_answered_before() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        fill(&db).await;
        let owners = db.query::<Owner>();
        let old = Owner::DOGS.any(Dog::AGE.ge(690));
        is!(
            owners.clone().filter(old.clone()).order_by(Owner::AGE.desc()).limit(3),
            "
Limit 3
  Semi exists (dogs by id, age >= ?)
    Scan owners by index by_age (age), whole, backwards, in order
    Lookup dogs by index by_owner_id (owner_id)
  competes with
    Sort by age desc, id desc
      Lookup owners by key, 5 keys
    answered before: exists (dogs by id, age >= ?)
      Scan dogs by index by_age (age), 1 range"
        );
        is!(
            owners.clone().filter(!old.clone()).order_by(Owner::ID.asc()).limit(3),
            "
Limit 3
  Anti exists (dogs by id, age >= ?)
    Scan owners, whole table, in order
    Lookup dogs by index by_owner_id (owner_id)
  competes with
    Filter not (id in (5 values))
      Scan owners, whole table, in order
    answered before: exists (dogs by id, age >= ?)
      Scan dogs by index by_age (age), 1 range"
        );
        is!(
            owners.clone().filter(old),
            "
Lookup owners by key, 5 keys
answered before: exists (dogs by id, age >= ?)
  Scan dogs by index by_age (age), 1 range"
        );
    }
}

#[tokio::test]
async fn a_join_says_hash_or_lookup_and_whether_it_stops_with_its_limit() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        fill(&db).await;
        is!(
            db.query::<Owner>().left_join(Owner::DOGS).order_by(Owner::AGE.desc()).limit(5),
            "
Limit 5
  Sort by owners.age desc, owners.id desc, dogs.id desc
    Left Join (lookup) dogs on owner_id = owners.id
      Limit 5
        Scan owners by index by_age (age), whole, backwards, in order
      Lookup dogs by index by_owner_id (owner_id)"
        );
        is!(
            db.query::<Owner>().join(Owner::AGE.on(Dog::NOTE)).filter(Owner::CITY.eq("Lyon")).order_by(Dog::NOTE.asc()),
            "
Sort by dogs.note asc, owners.id asc, dogs.id asc
  Join (hash) dogs on note = owners.age
    Scan owners by index by_city (city), 1 range
    Scan dogs, whole table"
        );
        is!(
            db.query::<Owner>().cross_join::<Dog>().filter(Owner::AGE.lt_col(Dog::AGE)),
            "
Filter owners.age < dogs.age
  Cross Join dogs
    Scan owners, whole table
    Scan dogs, whole table"
        );
    }
}

#[tokio::test]
async fn a_tree_says_in_which_partitions_it_reads() {
    for place in places() {
        let db = open!(place, [Owner, Dog]);
        fill(&db).await;
        let newest = db.query::<Dog>().order_by(Dog::AGE.desc()).limit(2).explain().await.unwrap().to_string();
        let scan = "Scan dogs by index by_age (age), whole, backwards";
        match place.name.split_once(" in ") {
            None => assert_eq!(newest, format!("Limit 2\n  {scan}, in order"), "on {}", place.name),
            Some((_, n)) => {
                assert_eq!(newest, format!("Limit 2\n  Merge by age desc, id desc\n    {scan}, in all {n}"));
            }
        }
    }
}

/// Whether the way that was done first is marked, wherever it stands.
#[tokio::test]
async fn the_way_that_was_done_first_is_marked() {
    for place in places_of_one_partition() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Dog]);
        fill(&db).await;
        let (owners, dogs) = (db.query::<Owner>(), db.query::<Dog>());
        let forced = |way| Hints { compete: true, way: Some(way), budget: Some(100), ..Hints::default() };
        for way in 0..2 {
            let found = [
                // A walk and all that an index narrows, put in order.
                owners.clone().filter(Owner::CITY.eq("Lyon")).order_by(Owner::AGE.desc()).limit(25).hinted(forced(way)),
                // The walk of what has partners, and what the subquery leads to.
                owners.clone().filter(Owner::DOGS.exists()).order_by(Owner::AGE.desc()).limit(3).hinted(forced(way)),
                // The leaps between two indexes.
                owners.clone().filter(Owner::CITY.eq("Lyon")).filter(Owner::AGE.eq(4)).hinted(forced(way)),
            ];
            for query in found {
                let ran = query.explain().analyze().await.unwrap();
                let (text, winner) = (ran.to_string(), ran.winner.unwrap());
                assert_eq!(text.matches("[done first]").count(), 1, "{ran}");
                assert!(text.ends_with(&format!("\ndone first: {winner}")), "{ran}");
                let (before, _) = text.split_once("[done first]").unwrap();
                assert_eq!(before.matches("competes with").count(), way, "{ran}");
            }
            // The seeks of a column that no condition fixes.
            let young = dogs.clone().filter(Dog::AGE.lt(20)).filter(Dog::NOTE.eq(1));
            let ran = young.order_by(Dog::CHIP.asc()).limit(3).hinted(forced(way)).explain().analyze().await.unwrap();
            let (before, _) = ran.to_string().split_once("[done first]").map(|(a, b)| (a.to_owned(), b.len())).unwrap();
            assert_eq!(before.matches("competes with").count(), way, "{ran}");
        }
        let pairs = owners.clone().join(Owner::DOGS).order_by(Owner::AGE.desc()).filter(Dog::NOTE.eq(1)).limit(5);
        let ran = pairs.explain().analyze().await.unwrap();
        assert_eq!(ran.to_string().matches("[done first]").count(), 1, "{ran}");
        // A rare row is found from the other side.
        let rare = owners.join(Owner::DOGS).order_by(Owner::AGE.desc()).filter(Dog::CHIP.eq(1198)).limit(5);
        let ran = rare.explain().analyze().await.unwrap();
        let text = ran.to_string();
        let (before, _) = text.split_once("[done first]").unwrap();
        assert!(before.contains("competes with"), "{ran}");
    }
}

#[tokio::test]
async fn what_several_operators_read_stands_below_the_tree() {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open("memory:").await.unwrap();
    fill(&db).await;
    let anti = db.query::<Owner>().filter(!Owner::DOGS.any(Dog::AGE.ge(690))).order_by(Owner::ID.asc()).limit(3);
    let text = anti.explain().analyze().await.unwrap().to_string();
    assert!(text.contains("\nowners: visited 3, gave 3 in 1 batch\n"), "{text}");
    assert!(text.contains("Scan dogs by index by_age (age), 1 range [visited 10, gave 10 in 1 batch]\n"), "{text}");
}
