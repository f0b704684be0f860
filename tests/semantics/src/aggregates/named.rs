//! Laws of aggregate indexes that have a name.

use rome_orm::change::IndexState;
use rome_orm::prelude::*;
use rome_orm::store::{Effect, IndexId, Space};

use super::{Image, Owner, Part, State, image};
use crate::check::{force_one, records};
use crate::stores::{open, places};

#[tokio::test]
async fn a_sum_of_nothing_but_null_is_null() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        db.insert(Owner { id: 1 }).await.unwrap();
        let mut null = db.insert(Image { size: None, ..image(1, 1, 0) }).await.unwrap();
        let of_owner = || db.query::<Image>().filter(Image::OWNER.eq(1));
        let asked = (count(), count_of(Image::SIZE), sum(Image::SIZE), avg(Image::SIZE));
        assert_eq!(of_owner().aggregate(asked.clone()).await.unwrap(), (1, 0, None, None), "on {}", place.name);
        null.size = Some(0);
        db.update(&null).await.unwrap();
        assert_eq!(of_owner().aggregate(asked).await.unwrap(), (1, 1, Some(0), Some(0.0)), "on {}", place.name);
    }
}

#[tokio::test]
async fn a_count_of_a_column_that_is_never_null_counts_the_rows() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        db.insert(Owner { id: 1 }).await.unwrap();
        db.insert_many([image(1, 1, 5), image(2, 1, 7), Image { size: None, ..image(3, 1, 0) }]).await.unwrap();
        let all = (count(), count_of(Image::STATE), count_of(Image::ID));
        assert_eq!(db.query::<Image>().aggregate(all).await.unwrap(), (3, 3, 3), "on {}", place.name);
        let of_owner = db.query::<Image>().filter(Image::OWNER.eq(1));
        let asked = (sum(Image::SIZE), count_of(Image::ID), count_of(Image::OWNER), count_of(Image::SIZE));
        assert_eq!(of_owner.aggregate(asked).await.unwrap(), (Some(12), 3, 3, 2), "on {}", place.name);
        let without = db.query::<Image>().filter(Image::FORMAT.is_null());
        assert_eq!(without.aggregate((count_of(Image::FORMAT), count_of(Image::ID))).await.unwrap(), (0, 3));
    }
}

#[tokio::test]
async fn a_group_that_lost_its_last_row_is_absent() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        db.insert_many([Owner { id: 1 }, Owner { id: 2 }]).await.unwrap();
        db.insert_many([image(1, 1, 5), image(2, 2, 7)]).await.unwrap();
        db.delete_by_key::<Image>(1).await.unwrap();
        let owners = || db.query::<Image>().group_by(Image::OWNER).select((Image::OWNER, sum(Image::SIZE)));
        assert_eq!(owners().all().await.unwrap(), [(Some(2), Some(7))], "on {}", place.name);
        db.purge_by_key::<Image>(2).await.unwrap();
        assert_eq!(owners().all().await.unwrap(), [], "on {}", place.name);
    }
}

#[tokio::test]
async fn rows_that_are_softly_deleted_count_where_they_are_asked_for() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        db.insert(Owner { id: 1 }).await.unwrap();
        db.insert_many([image(1, 1, 5), image(2, 1, 7)]).await.unwrap();
        db.delete_by_key::<Image>(1).await.unwrap();
        let all = || db.query::<Image>();
        assert_eq!(all().count().await.unwrap(), 1, "on {}", place.name);
        assert_eq!(all().with_deleted().count().await.unwrap(), 2, "on {}", place.name);
        assert_eq!(all().only_deleted().count().await.unwrap(), 1, "on {}", place.name);
        assert_eq!(all().with_deleted().aggregate((sum(Image::SIZE),)).await.unwrap(), (Some(12),));
    }
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_counters() {
    for place in places() {
        let db = open!(place, [Owner, Image]);
        db.insert(Owner { id: 1 }).await.unwrap();
        db.insert(image(1, 1, 5)).await.unwrap();
        // One that finds the key taken, one whose reads are outdated.
        assert!(db.insert_many([image(2, 1, 7), image(1, 1, 9)]).await.unwrap_err().is_duplicate_key());
        let s = db.session();
        let mut seen = s.get::<Image>(1).await.unwrap().unwrap();
        db.update(&Image { rank: 3, ..seen.clone() }).await.unwrap();
        seen.size = Some(1000);
        s.update(&seen).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        let of_owner = db.query::<Image>().filter(Image::OWNER.eq(1));
        assert_eq!(of_owner.aggregate((count(), sum(Image::SIZE))).await.unwrap(), (1, Some(5)), "on {}", place.name);
    }
}

#[tokio::test]
async fn a_sum_that_its_type_cannot_hold_is_an_overflow_and_its_rows_stay() {
    for place in places() {
        let db = open!(place, [Part]);
        let part = |n, size| Part { owner: 1, n, size };
        db.insert_many([part(1, u64::MAX), part(2, u64::MAX)]).await.unwrap();
        let of_owner = || db.query::<Part>().filter(Part::OWNER.eq(1));
        let error = of_owner().aggregate((sum(Part::SIZE),)).await.unwrap_err();
        assert!(error.is_overflow(), "on {}: {error}", place.name);
        assert_eq!(of_owner().aggregate((count(), avg(Part::SIZE))).await.unwrap().0, 2);
        // The counter itself has room, so it is right again.
        db.delete_by_key::<Part>((1, 2)).await.unwrap();
        assert_eq!(of_owner().aggregate((sum(Part::SIZE),)).await.unwrap(), (Some(u64::MAX),), "on {}", place.name);
    }
}

#[tokio::test]
async fn explain_names_the_aggregate_index() {
    for place in places() {
        let db = open!(place, [Owner, Image, Part]);
        let images = || db.query::<Image>();
        let explain = async |groups: rome_orm::query::GroupBy<'_, Image, (State, u64)>| groups.explain().await.unwrap();
        let by_state = images().filter(Image::OWNER.eq(1)).group_by(Image::STATE).select((Image::STATE, count()));
        let plan = explain(by_state).await;
        assert_eq!(plan.index(), Some("sum_size_by_owner_state"), "on {}", place.name);
        assert!(plan.to_string().starts_with("Group by adding up counters, reading no rows\n"), "{plan}");
        assert!(
            plan.to_string().ends_with("(owner, state), the groups of 1 owner") || place.name.contains("partitions"),
            "{plan}"
        );
        // Neither a range nor a limit of rows nor another column is what the counters know.
        let others = [
            images().filter(Image::OWNER.gt(1)).group_by(Image::STATE),
            images().filter(Image::OWNER.eq(1)).filter(Image::RANK.eq(1)).group_by(Image::STATE),
            images().with_deleted().filter(Image::OWNER.eq(1)).group_by(Image::STATE),
            images().limit(3).filter(Image::OWNER.eq(1)).group_by(Image::STATE),
            images().ignore_indexes().filter(Image::OWNER.eq(1)).group_by(Image::STATE),
        ];
        for other in others {
            let plan = explain(other.select((Image::STATE, count()))).await;
            assert!(!plan.to_string().contains("aggregate index"), "on {}: {plan}", place.name);
        }
        let owner = db.query::<Part>().filter(Part::OWNER.eq(1)).group_by(Part::OWNER).select((Part::OWNER, count()));
        let plan = owner.explain().await.unwrap().to_string();
        assert!(plan.contains("Scan parts by aggregate index sum_size_by_owner (owner), 1 group"), "{plan}");
        assert_eq!(plan.contains("in partition "), place.name.contains("partitions"), "{plan}");
    }
}

#[tokio::test]
async fn wrong_counters_are_found_and_mended() {
    for place in places() {
        let store = place.open().await;
        let db = Database::builder().entity::<Owner>().entity::<Image>().open(store.clone()).await.unwrap();
        db.insert_many([Owner { id: 1 }, Owner { id: 2 }]).await.unwrap();
        db.insert_many((0..20).map(|n| image(n, n % 2 + 1, n))).await.unwrap();
        let sums: Vec<Space> = (1..8).map(|id| Space::Aggregate(IndexId(id))).collect();
        let mut counters = Vec::new();
        for space in sums {
            counters.extend(records(&store, space).await.into_iter().map(|record| (space, record)));
        }
        // One that is off by one, one that is gone, one that is damaged, and one that no row is of.
        let spaces: Vec<Space> = counters.iter().map(|(space, _)| *space).collect();
        let (at, key) = (counters[0].1.0, counters[0].1.1.clone());
        force_one(&store, at, Effect::Add { space: spaces[0], key, delta: 1 }).await;
        let last = counters.len() - 1;
        let (at, key) = (counters[last].1.0, counters[last].1.1.clone());
        force_one(&store, at, Effect::Delete { space: spaces[last], key }).await;
        let report = db.admin().check().await.unwrap();
        assert_eq!(report.findings.len(), 2, "on {}: {report}", place.name);
        assert!(report.to_string().contains("is not what the rows of group"), "{report}");
        let middle = (1..last).find(|at| counters[*at].0 != spaces[0] && counters[*at].0 != spaces[last]).unwrap();
        let (at, key) = (counters[middle].1.0, counters[middle].1.1.clone());
        force_one(&store, at, Effect::Put { space: spaces[middle], key, value: "damaged".into() }).await;
        let nobody: bytes::Bytes = [&[0x42][..], &counters[middle].1.1].concat().into();
        force_one(&store, at, Effect::Add { space: spaces[0], key: nobody, delta: 3 }).await;
        assert_eq!(db.admin().check().await.unwrap().findings.len(), 4, "on {}", place.name);

        let report = db.admin().repair().await.unwrap();
        assert!(report.findings.len() == 4 && report.is_clean(), "on {}: {report}", place.name);
        let report = db.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "on {}: {report}", place.name);
        assert_eq!(db.query::<Image>().count().await.unwrap(), 20);
        let of_one = db.query::<Image>().filter(Image::OWNER.eq(1));
        assert_eq!(of_one.aggregate((sum(Image::SIZE),)).await.unwrap(), (Some(90),), "on {}", place.name);
    }
}

#[tokio::test]
async fn a_loaded_dump_has_its_counters() {
    for (from, to) in places().iter().zip(places().iter().rev()) {
        let db = open!(from, [Owner, Image]);
        db.insert(Owner { id: 1 }).await.unwrap();
        db.insert_many((0..20).map(|n| image(n, 1, n))).await.unwrap();
        // The tool that loads it does not know what soft deletion is.
        db.delete_by_key::<Image>(19).await.unwrap();
        let mut lines = Vec::new();
        db.admin().dump(&mut lines, |_| {}).await.unwrap();
        rome_orm::dump::load(to.open().await, || Ok(lines.as_slice()), |_| {}).await.unwrap();
        let copy = open!(to, [Owner, Image]);
        let of_owner = copy.query::<Image>().filter(Image::OWNER.eq(1));
        assert_eq!(of_owner.aggregate((count(), sum(Image::SIZE))).await.unwrap(), (19, Some(171)), "on {}", to.name);
        let report = copy.admin().check().await.unwrap();
        assert!(report.findings.is_empty(), "on {}: {report}", to.name);
        drop(copy);
        let stored = Database::builder().stored_tables().open(to.open().await).await.unwrap();
        assert!(stored.admin().check().await.unwrap().findings.is_empty());
        let status = stored.admin().status().await.unwrap();
        let images = status.tables.iter().find(|table| table.name == "images").unwrap();
        let of_owner = images.aggregates.iter().find(|aggregate| aggregate.name == "sum_size_by_owner").unwrap();
        assert_eq!((of_owner.declaration.as_str(), of_owner.state), ("sum(size, by = owner)", IndexState::Readable));
        assert!(status.to_string().contains("aggregate index count_by_format: count(by = format)"), "{status}");
    }
}
