//! Rows by what belongs to them: `exists`, `none`, `in_query`, joins.

use rome_orm::prelude::*;
use rome_orm::query::Query;

use crate::answer::{Answer, column, pairs};
use crate::ordered::{NEWEST, VISIBLE, ids, is_visible, newest, visible};
use crate::shape::Shape;
use crate::tables::{Image, Tag};
use crate::world::World;

/// A tag that a third of the images has.
fn common() -> Condition<Tag> {
    Tag::NAME.eq(0).and(Tag::VALUE.eq(1))
}

/// A tag that forty images have.
fn rare() -> Condition<Tag> {
    Tag::NAME.eq(9)
}

const COMMON: &str = "EXISTS (SELECT 1 FROM tags WHERE image_id = images.id AND name = 0 AND value = 1)";
const RARE: &str = "EXISTS (SELECT 1 FROM tags WHERE image_id = images.id AND name = 9)";

fn has_common(world: &World, image: &Image) -> bool {
    world.has_tag(image, |tag| tag.name == 0 && tag.value == 1)
}

fn has_rare(world: &World, image: &Image) -> bool {
    world.has_tag(image, |tag| tag.name == 9)
}

fn images_with(db: &Database, tag: Condition<Tag>) -> Query<'_, Image> {
    let with = db.query::<Tag>().filter(tag).select(Tag::IMAGE_ID);
    newest(db).filter(Image::ID.in_query(&with)).limit(25)
}

/// Pairs of images in this order with those of their tags, last name first.
fn joined(world: &World, images: impl IntoIterator<Item = u64>, of: impl Fn(&Tag) -> bool) -> Answer {
    let mut found = Vec::new();
    for image in images {
        let tags = world.tags_of(image).iter().rev().filter(|tag| of(tag));
        found.extend(tags.map(|tag| (image, tag.name)));
        if found.len() >= 25 {
            break;
        }
    }
    pairs(found.into_iter().take(25))
}

/// All images, newest first.
fn by_age(world: &World) -> Vec<&Image> {
    let mut images: Vec<&Image> = world.images.iter().collect();
    images.sort_by_key(|image| std::cmp::Reverse((image.created, image.id)));
    images
}

fn of_pairs(rows: Vec<(Image, Tag)>) -> Answer {
    pairs(rows.into_iter().map(|(image, tag)| (image.id, tag.name)))
}

const JOINED: &str =
    "SELECT images.id, tags.name, tags.value, images.* FROM images JOIN tags ON tags.image_id = images.id";
const NEWEST_PAIRS: &str = "ORDER BY created DESC, images.id DESC, tags.name DESC LIMIT 25";

pub(crate) fn shapes() -> Vec<Shape> {
    [subqueries(), joins()].concat()
}

fn subqueries() -> Vec<Shape> {
    vec![
        Shape {
            name: "newest 25 with a common tag",
            // A third has it: 75 entries and images, a look for the tag of each.
            best: 225,
            calls: 4,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::TAGS.any(common())).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE {COMMON} {NEWEST}"),
            naive: |w| column(w.newest(|image| has_common(w, image))),
        },
        Shape {
            name: "newest 25 with a rare tag",
            // All forty tags with their entries, and their images.
            best: 120,
            calls: 3,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::TAGS.any(rare())).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE {RARE} {NEWEST}"),
            naive: |w| column(w.newest(|image| has_rare(w, image))),
        },
        Shape {
            name: "newest 25 of a grade with a rare tag",
            best: 120,
            calls: 3,
            ask: |l| {
                let of_grade = newest(&l.db).filter(Image::GRADE.eq(2));
                Box::pin(ids(of_grade.filter(Image::TAGS.any(rare())).limit(25)))
            },
            sql: |_| format!("SELECT * FROM images WHERE grade = 2 AND {RARE} {NEWEST}"),
            naive: |w| column(w.newest(|image| image.grade == 2 && has_rare(w, image))),
        },
        Shape {
            name: "newest 25 of a visibility with a common tag",
            best: 225,
            // Two batches, a third where fewer than one in three of the first 75 pass.
            calls: 6,
            ask: |l| {
                let of_visibility = newest(&l.db).filter(Image::VISIBILITY.eq(0));
                Box::pin(ids(of_visibility.filter(Image::TAGS.any(common())).limit(25)))
            },
            sql: |_| format!("SELECT * FROM images WHERE visibility = 0 AND {COMMON} {NEWEST}"),
            naive: |w| column(w.newest(|image| image.visibility == 0 && has_common(w, image))),
        },
        Shape {
            name: "newest 25 that a user may see, with a common tag",
            // Thirty memberships; of those that the user may see about 75 with their tags, from two indexes and by key.
            best: 320,
            calls: 8,
            ask: |l| Box::pin(ids(newest(&l.db).filter(visible(&l.db)).filter(Image::TAGS.any(common())).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE {VISIBLE} AND {COMMON} {NEWEST}"),
            naive: |w| column(w.newest(|image| is_visible(w, image) && has_common(w, image))),
        },
        Shape {
            name: "newest 25 without a common tag",
            // Two thirds pass: 38 entries and images, a look for the tag of each.
            best: 114,
            calls: 4,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::TAGS.none(common())).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE NOT {COMMON} {NEWEST}"),
            naive: |w| column(w.newest(|image| !has_common(w, image))),
        },
        Shape {
            name: "newest 25 without a rare tag",
            // 26 entries and images, a look for the tag of each.
            best: 78,
            calls: 3,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::TAGS.none(rare())).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE NOT {RARE} {NEWEST}"),
            naive: |w| column(w.newest(|image| !has_rare(w, image))),
        },
        Shape {
            name: "newest 25 whose tag has a value within bounds",
            best: 120,
            calls: 3,
            ask: |l| {
                let half = l.world.rows / 2;
                let tag = Tag::NAME.eq(1).and(Tag::VALUE.between(half, half + 39));
                Box::pin(ids(newest(&l.db).filter(Image::TAGS.any(tag)).limit(25)))
            },
            sql: |w| {
                let half = w.rows / 2;
                format!(
                    "SELECT * FROM images WHERE EXISTS (SELECT 1 FROM tags WHERE image_id = images.id AND name = 1 \
                     AND value BETWEEN {half} AND {}) {NEWEST}",
                    half + 39
                )
            },
            naive: |w| {
                let within = w.rows / 2..=w.rows / 2 + 39;
                column(w.newest(|image| w.has_tag(image, |tag| tag.name == 1 && within.contains(&tag.value))))
            },
        },
        Shape {
            name: "newest 25 whose id a rare query gives",
            best: 120,
            calls: 3,
            ask: |l| Box::pin(ids(images_with(&l.db, rare()))),
            sql: |_| format!("SELECT * FROM images WHERE id IN (SELECT image_id FROM tags WHERE name = 9) {NEWEST}"),
            naive: |w| column(w.newest(|image| has_rare(w, image))),
        },
        Shape {
            name: "newest 25 whose id a common query gives",
            best: 225,
            calls: 4,
            ask: |l| Box::pin(ids(images_with(&l.db, common()))),
            sql: |_| {
                format!(
                    "SELECT * FROM images WHERE id IN (SELECT image_id FROM tags WHERE name = 0 AND value = 1) {NEWEST}"
                )
            },
            naive: |w| column(w.newest(|image| has_common(w, image))),
        },
    ]
}

fn joins() -> Vec<Shape> {
    vec![
        Shape {
            name: "join, newest 25 pairs",
            // 13 entries and images, and the tags of each.
            best: 75,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let order = (Image::CREATED.desc(), Image::ID.desc(), Tag::NAME.desc());
                    Ok(of_pairs(l.db.query::<Image>().join(Image::TAGS).order_by(order).limit(25).all().await?))
                })
            },
            sql: |_| format!("{JOINED} {NEWEST_PAIRS}"),
            naive: |w| joined(w, by_age(w).into_iter().map(|image| image.id), |_| true),
        },
        Shape {
            name: "join, filtered on both sides, newest 25",
            // One in fifteen passes: 375 entries and images, a look for the tag of each of 75.
            best: 825,
            calls: 6,
            ask: |l| {
                Box::pin(async {
                    let both = l.db.query::<Image>().join(Image::TAGS).filter(Image::GRADE.eq(1)).filter(common());
                    let order = (Image::CREATED.desc(), Image::ID.desc(), Tag::NAME.desc());
                    Ok(of_pairs(both.order_by(order).limit(25).all().await?))
                })
            },
            sql: |_| format!("{JOINED} WHERE grade = 1 AND name = 0 AND value = 1 {NEWEST_PAIRS}"),
            naive: |w| {
                let of_grade = by_age(w).into_iter().filter(|image| image.grade == 1).map(|image| image.id);
                joined(w, of_grade, |tag| tag.name == 0 && tag.value == 1)
            },
        },
        Shape {
            name: "join from the child, in its order",
            // 25 entries, tags and images.
            best: 75,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let tags = l.db.query::<Tag>().join(Tag::IMAGE).filter(Tag::NAME.eq(1));
                    let order = (Tag::VALUE.desc(), Tag::IMAGE_ID.desc());
                    let rows: Vec<(Tag, Image)> = tags.order_by(order).limit(25).all().await?;
                    Ok(pairs(rows.into_iter().map(|(tag, image)| (image.id, tag.name))))
                })
            },
            sql: |_| format!("{JOINED} WHERE name = 1 ORDER BY value DESC, image_id DESC LIMIT 25"),
            naive: by_value,
        },
        Shape {
            name: "join in the order of the child's column",
            best: 75,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let images = l.db.query::<Image>().join(Image::TAGS).filter(Tag::NAME.eq(1));
                    Ok(of_pairs(images.order_by((Tag::VALUE.desc(), Image::ID.desc())).limit(25).all().await?))
                })
            },
            sql: |_| format!("{JOINED} WHERE name = 1 ORDER BY value DESC, images.id DESC LIMIT 25"),
            naive: by_value,
        },
        Shape {
            name: "left join with a rare tag, newest 25",
            best: 78,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let images = l.db.query::<Image>().left_join(Image::TAGS.link().filter(rare()));
                    let order = (Image::CREATED.desc(), Image::ID.desc());
                    let rows: Vec<(Image, Option<Tag>)> = images.order_by(order).limit(25).all().await?;
                    Ok(rows.into_iter().map(|(image, tag)| vec![Some(image.id), tag.map(|tag| tag.name)]).collect())
                })
            },
            sql: |_| {
                "SELECT images.id, tags.name, tags.value, images.* FROM images \
                 LEFT JOIN tags ON tags.image_id = images.id AND tags.name = 9 \
                 ORDER BY created DESC, images.id DESC LIMIT 25"
                    .into()
            },
            naive: |w| {
                let images = by_age(w).into_iter().take(25);
                images.map(|image| vec![Some(image.id), has_rare(w, image).then_some(9)]).collect()
            },
        },
        Shape {
            name: "join of a team",
            // Fifty entries, images and tags.
            best: 150,
            calls: 3,
            ask: |l| {
                Box::pin(async {
                    let of_team = l.db.query::<Image>().join(Image::TAGS).filter(Image::TEAM.eq(3));
                    let of_team = of_team.filter(Tag::NAME.eq(1)).order_by((Image::ID.asc(), Tag::NAME.asc()));
                    Ok(of_pairs(of_team.all().await?))
                })
            },
            sql: |_| format!("{JOINED} WHERE team = 3 AND name = 1 ORDER BY images.id"),
            naive: |w| pairs(w.images_where(|image| image.team == 3).into_iter().map(|image| (image.id, 1))),
        },
        Shape {
            name: "newest 25 with their tags",
            // 25 entries and images, two or three tags of each.
            best: 101,
            calls: 2,
            ask: |l| {
                Box::pin(async {
                    let images = newest(&l.db).limit(25).with(Image::TAGS).all().await?;
                    Ok(images.iter().map(|image| vec![Some(image.id), tags_loaded(image)]).collect())
                })
            },
            sql: |_| {
                format!(
                    "SELECT images.id, (SELECT COUNT(*) FROM tags WHERE image_id = images.id), images.*, \
                     (SELECT GROUP_CONCAT(name || '=' || value) FROM tags WHERE image_id = images.id) FROM images {NEWEST}"
                )
            },
            naive: |w| {
                let newest = w.newest(|_| true).into_iter();
                newest.map(|id| vec![Some(id), Some(w.tags_of(id).len() as u64)]).collect()
            },
        },
    ]
}

fn tags_loaded(image: &Image) -> Option<u64> {
    image.tags.get().ok().map(|tags| tags.len() as u64)
}

/// The pairs of images and their tags of the name 1 with the greatest values.
fn by_value(world: &World) -> Answer {
    let mut tags: Vec<&Tag> = world.tags.iter().filter(|tag| tag.name == 1).collect();
    tags.sort_by_key(|tag| std::cmp::Reverse((tag.value, tag.image_id)));
    pairs(tags.into_iter().take(25).map(|tag| (tag.image_id, 1)))
}
