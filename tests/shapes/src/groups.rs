//! Distinct values, groups, counts, existence and set operations.

use std::collections::BTreeMap;

use rome_orm::expr::count_distinct;
use rome_orm::prelude::*;
use rome_orm::query::Query;

use crate::answer::{Answer, column, number, pairs};
use crate::shape::Shape;
use crate::tables::{Image, Tag};
use crate::world::World;

type Row = (u64, u64);

fn select(query: Query<'_, Image>) -> Query<'_, Image, Row> {
    query.select((Image::CREATED, Image::ID))
}

fn of_team(db: &Database) -> Query<'_, Image, Row> {
    select(db.query::<Image>().filter(Image::TEAM.eq(3)))
}

fn of_visibility(db: &Database) -> Query<'_, Image, Row> {
    select(db.query::<Image>().filter(Image::VISIBILITY.eq(0)))
}

/// Created and id of those images, newest first.
fn newest_pairs(world: &World, holds: impl Fn(&Image) -> bool) -> Answer {
    let mut rows: Vec<Row> = world.images_where(holds).into_iter().map(|image| (image.created, image.id)).collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    pairs(rows.into_iter().take(25))
}

/// The least and the greatest value of each group.
fn ends(world: &World, group: impl Fn(&Image) -> u64, value: impl Fn(&Image) -> u64) -> BTreeMap<u64, (u64, u64)> {
    let mut ends = BTreeMap::new();
    for image in &world.images {
        let value = value(image);
        let (least, greatest) = ends.entry(group(image)).or_insert((value, value));
        *least = value.min(*least);
        *greatest = value.max(*greatest);
    }
    ends
}

fn count_of(world: &World, holds: impl Fn(&Image) -> bool) -> Answer {
    number(world.images_where(holds).len() as u64)
}

pub(crate) fn shapes() -> Vec<Shape> {
    [distinct(), counts(), sets()].concat()
}

fn distinct() -> Vec<Shape> {
    vec![
        Shape {
            name: "distinct values of an index's first column",
            // A seek for each, one after the other: where the next value is, only the last seek says.
            best: 101,
            calls: 101,
            ask: |l| {
                Box::pin(async {
                    let owners = l.db.query::<Image>().select(Image::OWNER).distinct().order_by(Image::OWNER.asc());
                    Ok(column(owners.all().await?))
                })
            },
            sql: |_| "SELECT DISTINCT owner FROM images ORDER BY owner".into(),
            naive: |w| column(ends(w, |image| image.owner, |_| 0).into_keys()),
        },
        Shape {
            name: "the first ten of them",
            best: 11,
            calls: 11,
            ask: |l| {
                Box::pin(async {
                    let owners = l.db.query::<Image>().select(Image::OWNER).distinct().order_by(Image::OWNER.asc());
                    Ok(column(owners.limit(10).all().await?))
                })
            },
            sql: |_| "SELECT DISTINCT owner FROM images ORDER BY owner LIMIT 10".into(),
            naive: |w| column(ends(w, |image| image.owner, |_| 0).into_keys().take(10)),
        },
        Shape {
            name: "how many distinct values",
            best: 101,
            calls: 101,
            ask: |l| {
                Box::pin(async { Ok(number(l.db.query::<Image>().aggregate(count_distinct(Image::OWNER)).await?)) })
            },
            sql: |_| "SELECT COUNT(DISTINCT owner) FROM images".into(),
            naive: |w| number(ends(w, |image| image.owner, |_| 0).len() as u64),
        },
        Shape {
            name: "max of each group",
            best: 101,
            calls: 101,
            ask: |l| {
                Box::pin(async {
                    let groups = l.db.query::<Image>().group_by(Image::OWNER);
                    let rows: Vec<(u64, Option<u64>)> =
                        groups.select((Image::OWNER, max(Image::CREATED))).order_by(Image::OWNER.asc()).all().await?;
                    Ok(rows.into_iter().map(|(owner, created)| vec![Some(owner), created]).collect())
                })
            },
            sql: |_| "SELECT owner, MAX(created) FROM images GROUP BY owner ORDER BY owner".into(),
            naive: |w| {
                let ends = ends(w, |image| image.owner, |image| image.created);
                pairs(ends.into_iter().map(|(owner, (_, greatest))| (owner, greatest)))
            },
        },
        Shape {
            name: "min of the first five groups",
            best: 6,
            calls: 6,
            ask: |l| {
                Box::pin(async {
                    let groups = l.db.query::<Image>().group_by(Image::OWNER).limit(5);
                    let rows: Vec<(u64, Option<u64>)> =
                        groups.select((Image::OWNER, min(Image::CREATED))).all().await?;
                    Ok(rows.into_iter().map(|(owner, created)| vec![Some(owner), created]).collect())
                })
            },
            sql: |_| "SELECT owner, MIN(created) FROM images GROUP BY owner ORDER BY owner LIMIT 5".into(),
            naive: |w| {
                let ends = ends(w, |image| image.owner, |image| image.created);
                pairs(ends.into_iter().take(5).map(|(owner, (least, _))| (owner, least)))
            },
        },
        Shape {
            name: "min and max of each group",
            // Two seeks for each of five.
            best: 12,
            calls: 12,
            ask: |l| {
                Box::pin(async {
                    let groups = l.db.query::<Image>().group_by(Image::GRADE);
                    let ends = groups.select((Image::GRADE, min(Image::PRICE), max(Image::PRICE)));
                    let rows: Vec<(u64, Option<u64>, Option<u64>)> = ends.order_by(Image::GRADE.asc()).all().await?;
                    Ok(rows.into_iter().map(|(grade, least, most)| vec![Some(grade), least, most]).collect())
                })
            },
            sql: |_| "SELECT grade, MIN(price), MAX(price) FROM images GROUP BY grade ORDER BY grade".into(),
            naive: |w| {
                let ends = ends(w, |image| image.grade, |image| image.price).into_iter();
                ends.map(|(grade, (least, most))| vec![Some(grade), Some(least), Some(most)]).collect()
            },
        },
        Shape {
            name: "groups in an index's order, first ten",
            // Ten of fifty, in batches that double.
            best: 501,
            calls: 5,
            ask: |l| {
                Box::pin(async {
                    let teams = l.db.query::<Image>().group_by(Image::TEAM).select((Image::TEAM, count())).limit(10);
                    Ok(pairs(teams.all().await?))
                })
            },
            sql: |_| "SELECT team, COUNT(*) FROM images GROUP BY team ORDER BY team LIMIT 10".into(),
            naive: |_| pairs((0..10).map(|team| (team, 50))),
        },
        Shape {
            name: "max of one group",
            best: 2,
            calls: 1,
            ask: |l| {
                Box::pin(async {
                    let of_owner = l.db.query::<Image>().filter(Image::OWNER.eq(3));
                    Ok(vec![vec![of_owner.aggregate(max(Image::CREATED)).await?]])
                })
            },
            sql: |_| "SELECT MAX(created) FROM images WHERE owner = 3".into(),
            naive: |w| {
                let of_owner = w.images_where(|image| image.owner == 3);
                vec![vec![of_owner.into_iter().map(|image| image.created).max()]]
            },
        },
    ]
}

fn counts() -> Vec<Shape> {
    vec![
        Shape {
            name: "count by an index",
            best: 40,
            calls: 1,
            ask: |l| Box::pin(async { Ok(number(l.db.query::<Image>().filter(Image::KIND.eq(9)).count().await?)) }),
            sql: |_| "SELECT COUNT(*) FROM images WHERE kind = 9".into(),
            naive: |w| count_of(w, |image| image.kind == 9),
        },
        Shape {
            name: "count of a team with a test of rows",
            // Fifty entries and rows.
            best: 100,
            calls: 1,
            ask: |l| {
                Box::pin(async {
                    let of_team = l.db.query::<Image>().filter(Image::TEAM.eq(3)).filter(Image::SIZE.lt(500));
                    Ok(number(of_team.count().await?))
                })
            },
            sql: |_| "SELECT COUNT(*) FROM images WHERE team = 3 AND size < 500".into(),
            naive: |w| count_of(w, |image| image.team == 3 && image.size < 500),
        },
        Shape {
            name: "count of a team with a common tag",
            // Fifty entries and images, a look for the tag of each.
            best: 150,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let common = Tag::NAME.eq(0).and(Tag::VALUE.eq(1));
                    let of_team = l.db.query::<Image>().filter(Image::TEAM.eq(3)).filter(Image::TAGS.any(common));
                    Ok(number(of_team.count().await?))
                })
            },
            sql: |_| {
                "SELECT COUNT(*) FROM images WHERE team = 3 AND EXISTS \
                 (SELECT 1 FROM tags WHERE image_id = images.id AND name = 0 AND value = 1)"
                    .into()
            },
            naive: |w| {
                let tagged = |image: &Image| w.has_tag(image, |tag| tag.name == 0 && tag.value == 1);
                count_of(w, |image| image.team == 3 && tagged(image))
            },
        },
        Shape {
            name: "whether one exists, with a test of rows",
            // One in three or four passes.
            best: 20,
            calls: 2,
            ask: |l| {
                Box::pin(async {
                    let small = l.db.query::<Image>().filter(Image::OWNER.eq(3)).filter(Image::SIZE.lt(300));
                    Ok(number(small.exists().await?.into()))
                })
            },
            sql: |_| "SELECT EXISTS (SELECT 1 FROM images WHERE owner = 3 AND size < 300)".into(),
            naive: |_| number(1),
        },
        Shape {
            name: "whether one exists, with a common tag",
            best: 10,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let common = Tag::NAME.eq(0).and(Tag::VALUE.eq(1));
                    let tagged = l.db.query::<Image>().filter(Image::VISIBILITY.eq(0)).filter(Image::TAGS.any(common));
                    Ok(number(tagged.exists().await?.into()))
                })
            },
            sql: |_| {
                "SELECT EXISTS (SELECT 1 FROM images WHERE visibility = 0 AND EXISTS \
                 (SELECT 1 FROM tags WHERE image_id = images.id AND name = 0 AND value = 1))"
                    .into()
            },
            naive: |_| number(1),
        },
    ]
}

fn sets() -> Vec<Shape> {
    vec![
        Shape {
            name: "union of two queries, newest 25",
            // 25 entries of each; the index has all that is asked.
            best: 50,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let of_owner = select(l.db.query::<Image>().filter(Image::OWNER.eq(3)));
                    let both = of_owner.union(of_visibility(&l.db)).order_by((Image::CREATED.desc(), Image::ID.desc()));
                    Ok(pairs(both.limit(25).all().await?))
                })
            },
            sql: |_| {
                "SELECT created, id FROM images WHERE owner = 3 UNION SELECT created, id FROM images \
                 WHERE visibility = 0 ORDER BY created DESC, id DESC LIMIT 25"
                    .into()
            },
            naive: |w| newest_pairs(w, |image| image.owner == 3 || image.visibility == 0),
        },
        Shape {
            name: "intersection of two queries, newest 25",
            // Fifty entries and rows of the team, and a look for each among the visible; or a test of their column.
            best: 200,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let both = of_team(&l.db).intersect(of_visibility(&l.db));
                    let both = both.order_by((Image::CREATED.desc(), Image::ID.desc()));
                    Ok(pairs(both.limit(25).all().await?))
                })
            },
            sql: |_| {
                "SELECT created, id FROM images WHERE team = 3 INTERSECT SELECT created, id FROM images \
                 WHERE visibility = 0 ORDER BY created DESC, id DESC LIMIT 25"
                    .into()
            },
            naive: |w| newest_pairs(w, |image| image.team == 3 && image.visibility == 0),
        },
        Shape {
            name: "difference of two queries, newest 25",
            best: 200,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let rest = of_team(&l.db).except(of_visibility(&l.db));
                    let rest = rest.order_by((Image::CREATED.desc(), Image::ID.desc()));
                    Ok(pairs(rest.limit(25).all().await?))
                })
            },
            sql: |_| {
                "SELECT created, id FROM images WHERE team = 3 EXCEPT SELECT created, id FROM images \
                 WHERE visibility = 0 ORDER BY created DESC, id DESC LIMIT 25"
                    .into()
            },
            naive: |w| newest_pairs(w, |image| image.team == 3 && image.visibility != 0),
        },
    ]
}
