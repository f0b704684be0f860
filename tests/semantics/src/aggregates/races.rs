//! Quotas: what is tested against a counter before a write holds whoever writes at the same time.

use rome_orm::prelude::*;

use super::{Image, Owner, Part, image};
use crate::stores::{open, places};

const QUOTA: u64 = 10;
const WRITERS: u32 = 8;
const EACH: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_quota_is_never_exceeded() {
    for place in places() {
        println!("on {}", place.name);
        let db = open!(place, [Owner, Image, Part]);
        db.insert(Owner { id: 1 }).await.unwrap();
        let tasks: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut done = 0;
                    for n in 0..EACH {
                        let one = image(writer * EACH + n, 1, 1);
                        let inserted = db
                            .transaction(async move |s| {
                                let of_owner = s.query::<Image>().filter(Image::OWNER.eq(1));
                                let (used,) = of_owner.aggregate((sum(Image::SIZE),)).await?;
                                if used.unwrap_or_default() >= QUOTA {
                                    return Ok(false);
                                }
                                s.insert(one.clone()).await?;
                                Ok(true)
                            })
                            .await;
                        match inserted {
                            Ok(inserted) => done += u64::from(inserted),
                            Err(error) => assert!(error.is_conflict(), "{error}"),
                        }
                    }
                    done
                })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        let stored = db.query::<Image>().ignore_indexes().count().await.unwrap();
        assert_eq!(done, stored, "on {}", place.name);
        assert!(stored <= QUOTA, "on {}: {stored}", place.name);
        // As many as there were tries would not fit, so the last ones found it full, unless all of them gave up.
        assert_eq!(stored, QUOTA, "on {}", place.name);
        assert!(db.admin().check().await.unwrap().findings.is_empty(), "on {}", place.name);
    }
}

#[tokio::test]
async fn writers_of_one_group_are_in_nobodys_way() {
    for place in places() {
        let db = open!(place, [Owner, Image, Part]);
        let first = db.session();
        let second = db.session();
        first.insert(Part { owner: 1, n: 1, size: 5 }).await.unwrap();
        second.insert(Part { owner: 1, n: 2, size: 7 }).await.unwrap();
        first.commit().await.unwrap();
        second.commit().await.unwrap();
        let of_owner = db.query::<Part>().filter(Part::OWNER.eq(1));
        assert_eq!(of_owner.aggregate((sum(Part::SIZE),)).await.unwrap(), (Some(12),), "on {}", place.name);
    }
}

#[tokio::test]
async fn who_read_a_counter_conflicts_with_who_changed_it() {
    for place in places() {
        let db = open!(place, [Owner, Image, Part]);
        db.insert(Part { owner: 1, n: 1, size: 5 }).await.unwrap();
        // A group, one that is not there yet, and the groups by a scan.
        for n in 0..3_u32 {
            let s = db.session();
            match n {
                0 | 1 => drop(s.query::<Part>().filter(Part::OWNER.eq(n + 1)).count().await.unwrap()),
                _ => {
                    let groups = s.query::<Part>().group_by(Part::OWNER).select((Part::OWNER, sum(Part::SIZE)));
                    drop(groups.all().await.unwrap());
                }
            }
            s.insert(Part { owner: 9, n, size: 1 }).await.unwrap();
            db.insert(Part { owner: if n == 1 { 2 } else { 1 }, n: 10 + n, size: 1 }).await.unwrap();
            assert!(s.commit().await.unwrap_err().is_conflict(), "on {}, {n}", place.name);
        }
    }
}
