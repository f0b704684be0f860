//! Pages and lists of one table: in an order, after a marker, by several conditions.

use std::cmp::Reverse;

use rome_orm::prelude::*;
use rome_orm::query::Query;

use crate::answer::{Answer, column};
use crate::shape::Shape;
use crate::tables::{Event, Image, Member, Note};
use crate::world::World;

/// The newest images first.
pub(crate) fn newest(db: &Database) -> Query<'_, Image> {
    db.query::<Image>().order_by((Image::CREATED.desc(), Image::ID.desc()))
}

/// The newest images of five owners.
pub(crate) fn newest_of_owners(db: &Database) -> Query<'_, Image> {
    newest(db).filter(Image::OWNER.is_in(OWNERS))
}

const OWNERS: [u64; 5] = [3, 14, 15, 92, 65];

pub(crate) const NEWEST: &str = "ORDER BY created DESC, id DESC LIMIT 25";

/// The ids of images in the order of the query.
pub(crate) async fn ids(query: Query<'_, Image>) -> rome_orm::Result<Answer> {
    Ok(column(query.all().await?.into_iter().map(|image| image.id)))
}

async fn ids_of_notes(query: Query<'_, Note>) -> rome_orm::Result<Answer> {
    Ok(column(query.all().await?.into_iter().map(|note| note.id)))
}

async fn ids_of_events(query: Query<'_, Event>) -> rome_orm::Result<Answer> {
    Ok(column(query.all().await?.into_iter().map(|event| event.id)))
}

/// `created < m or (created = m and id < k)`.
fn older(world: &World) -> Condition<Image> {
    let (created, id) = world.middle;
    Image::CREATED.lt(created).or(Image::CREATED.eq(created).and(Image::ID.lt(id)))
}

fn older_sql(world: &World) -> String {
    let (created, id) = world.middle;
    format!("(created < {created} OR (created = {created} AND id < {id}))")
}

fn is_older(world: &World, image: &Image) -> bool {
    (image.created, image.id) < world.middle
}

fn sorted<'a, T: 'a, K: Ord>(
    rows: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
    id: impl Fn(&T) -> u64,
) -> Answer {
    let mut rows: Vec<&T> = rows.collect();
    rows.sort_by_key(|row| key(row));
    column(rows.into_iter().take(25).map(id))
}

fn all_of(images: Vec<&Image>) -> Answer {
    column(images.into_iter().map(|image| image.id))
}

/// Images that a user may see.
pub(crate) fn visible(db: &Database) -> Condition<Image> {
    let shared = db.query::<Member>().filter(Member::USER.eq(1)).select(Member::IMAGE_ID);
    Condition::any([Image::VISIBILITY.eq(0), Image::OWNER.eq(3), Image::ID.in_query(&shared)])
}

pub(crate) const VISIBLE: &str = "(visibility = 0 OR owner = 3 OR id IN (SELECT image_id FROM members WHERE user = 1))";

pub(crate) fn is_visible(world: &World, image: &Image) -> bool {
    image.visibility == 0 || image.owner == 3 || world.is_member(image, 1)
}

pub(crate) fn shapes() -> Vec<Shape> {
    [plain(), markers(), several()].concat()
}

/// Pages in an order, and lists by an index.
fn plain() -> Vec<Shape> {
    vec![
        Shape {
            name: "newest 25",
            best: 50,
            calls: 1,
            ask: |l| Box::pin(ids(newest(&l.db).limit(25))),
            sql: |_| format!("SELECT * FROM images {NEWEST}"),
            naive: |w| column(w.newest(|_| true)),
        },
        Shape {
            name: "newest 25 of a visibility",
            best: 50,
            calls: 1,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::VISIBILITY.eq(0)).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE visibility = 0 {NEWEST}"),
            naive: |w| column(w.newest(|image| image.visibility == 0)),
        },
        Shape {
            name: "newest 25 that pass a test of rows",
            // One image in four passes: 100 entries and rows.
            best: 200,
            calls: 3,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::SIZE.lt(250)).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE size < 250 {NEWEST}"),
            naive: |w| column(w.newest(|image| image.size < 250)),
        },
        Shape {
            name: "newest 25 of a rare kind",
            // All forty, which are in no order of time.
            best: 80,
            calls: 1,
            ask: |l| Box::pin(ids(newest(&l.db).filter(Image::KIND.eq(9)).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE kind = 9 {NEWEST}"),
            naive: |w| column(w.newest(|image| image.kind == 9)),
        },
        Shape {
            name: "page 25 by cursor, deep",
            // A row more tells whether there is a next page.
            best: 52,
            calls: 1,
            ask: |l| {
                Box::pin(async {
                    let page = newest(&l.db).page(25).after(l.deep.clone()).fetch().await?;
                    Ok(column(page.items.into_iter().map(|image| image.id)))
                })
            },
            sql: |w| format!("SELECT * FROM images {NEWEST} OFFSET {}", w.rows / 2),
            naive: |w| {
                let mut images: Vec<&Image> = w.images.iter().collect();
                images.sort_by_key(|image| Reverse((image.created, image.id)));
                all_of(images.into_iter().skip(w.images.len() / 2).take(25).collect())
            },
        },
        Shape {
            name: "page 25 of a soft deleting table",
            // One in ten is passed over.
            best: 58,
            calls: 2,
            ask: |l| Box::pin(ids_of_notes(l.db.query::<Note>().order_by(Note::AT.desc()).limit(25))),
            sql: |_| "SELECT * FROM notes WHERE deleted_at IS NULL ORDER BY at DESC, id DESC LIMIT 25".into(),
            naive: |w| sorted(w.notes.iter().filter(|n| n.deleted_at.is_none()), |n| Reverse(n.at), |n| n.id),
        },
        Shape {
            name: "page 25 of an author in a soft deleting table",
            best: 58,
            calls: 2,
            ask: |l| {
                let notes = l.db.query::<Note>().filter(Note::AUTHOR.eq(7)).order_by(Note::AT.asc());
                Box::pin(ids_of_notes(notes.limit(25)))
            },
            sql: |_| "SELECT * FROM notes WHERE deleted_at IS NULL AND author = 7 ORDER BY at, id LIMIT 25".into(),
            naive: |w| {
                let of_author = w.notes.iter().filter(|n| n.deleted_at.is_none() && n.author == 7);
                sorted(of_author, |n| n.at, |n| n.id)
            },
        },
        Shape {
            name: "a team by a column in no index",
            // All fifty, of which the first 25 are kept.
            best: 100,
            calls: 1,
            ask: |l| {
                let of_team = l.db.query::<Image>().filter(Image::TEAM.eq(3));
                Box::pin(ids(of_team.order_by((Image::SIZE.desc(), Image::ID.asc())).limit(25)))
            },
            sql: |_| "SELECT * FROM images WHERE team = 3 ORDER BY size DESC, id LIMIT 25".into(),
            naive: |w| {
                let of_team = w.images.iter().filter(|image| image.team == 3);
                sorted(of_team, |image| (Reverse(image.size), image.id), |image| image.id)
            },
        },
    ]
}

/// Pages that begin after a row that the program names.
fn markers() -> Vec<Shape> {
    vec![
        Shape {
            name: "marker, descending",
            best: 50,
            calls: 1,
            ask: |l| Box::pin(ids(newest(&l.db).filter(older(&l.world)).limit(25))),
            sql: |w| format!("SELECT * FROM images WHERE {} {NEWEST}", older_sql(w)),
            naive: |w| column(w.newest(|image| is_older(w, image))),
        },
        Shape {
            name: "marker, ascending",
            best: 50,
            calls: 1,
            ask: |l| {
                let (created, id) = l.world.middle;
                let newer = Image::CREATED.gt(created).or(Image::CREATED.eq(created).and(Image::ID.gt(id)));
                let oldest = l.db.query::<Image>().order_by((Image::CREATED.asc(), Image::ID.asc()));
                Box::pin(ids(oldest.filter(newer).limit(25)))
            },
            sql: |w| {
                let (created, id) = w.middle;
                format!(
                    "SELECT * FROM images WHERE created > {created} OR (created = {created} AND id > {id}) \
                     ORDER BY created, id LIMIT 25"
                )
            },
            naive: |w| {
                let newer = w.images.iter().filter(|image| (image.created, image.id) > w.middle);
                sorted(newer, |image| (image.created, image.id), |image| image.id)
            },
        },
        Shape {
            name: "marker as `t <= m and (t < m or id < k)`",
            best: 52,
            calls: 1,
            ask: |l| {
                let (created, id) = l.world.middle;
                let older = Image::CREATED.le(created).and(Image::CREATED.lt(created).or(Image::ID.lt(id)));
                Box::pin(ids(newest(&l.db).filter(older).limit(25)))
            },
            sql: |w| {
                let (created, id) = w.middle;
                format!(
                    "SELECT * FROM images WHERE created <= {created} AND (created < {created} OR id < {id}) {NEWEST}"
                )
            },
            naive: |w| column(w.newest(|image| is_older(w, image))),
        },
        Shape {
            name: "marker that is itself in the page",
            best: 50,
            calls: 1,
            ask: |l| {
                let (created, id) = l.world.middle;
                let older = Image::CREATED.lt(created).or(Image::CREATED.eq(created).and(Image::ID.le(id)));
                Box::pin(ids(newest(&l.db).filter(older).limit(25)))
            },
            sql: |w| {
                let (created, id) = w.middle;
                format!(
                    "SELECT * FROM images WHERE created < {created} OR (created = {created} AND id <= {id}) {NEWEST}"
                )
            },
            naive: |w| column(w.newest(|image| (image.created, image.id) <= w.middle)),
        },
        Shape {
            name: "marker, descending and ascending",
            best: 50,
            calls: 1,
            ask: |l| {
                let (at, id) = (l.world.rows / 4, l.world.rows / 2);
                let after = Event::AT.lt(at).or(Event::AT.eq(at).and(Event::ID.gt(id)));
                let newest = l.db.query::<Event>().order_by((Event::AT.desc(), Event::ID.asc()));
                Box::pin(ids_of_events(newest.filter(after).limit(25)))
            },
            sql: |w| {
                let (at, id) = (w.rows / 4, w.rows / 2);
                format!(
                    "SELECT * FROM events WHERE at < {at} OR (at = {at} AND id > {id}) ORDER BY at DESC, id LIMIT 25"
                )
            },
            naive: |w| {
                let (at, id) = (w.rows / 4, w.rows / 2);
                let after = w.events.iter().filter(|e| e.at < at || (e.at == at && e.id > id));
                sorted(after, |e| (Reverse(e.at), e.id), |e| e.id)
            },
        },
        Shape {
            name: "newest 25, those of one moment by size",
            best: 50,
            calls: 1,
            ask: |l| {
                let newest = l.db.query::<Image>().order_by((Image::CREATED.desc(), Image::SIZE.asc()));
                Box::pin(ids(newest.limit(25)))
            },
            sql: |_| "SELECT * FROM images ORDER BY created DESC, size, id LIMIT 25".into(),
            naive: |w| {
                sorted(w.images.iter(), |image| (Reverse(image.created), image.size, image.id), |image| image.id)
            },
        },
        Shape {
            name: "marker before NULLs, descending",
            best: 50,
            calls: 2,
            ask: |l| {
                let (seen, id) = l.world.seen_long_ago;
                let after = Condition::any([
                    Image::SEEN.lt(seen),
                    Image::SEEN.eq(seen).and(Image::ID.lt(id)),
                    Image::SEEN.is_null(),
                ]);
                let by_seen = l.db.query::<Image>().order_by((Image::SEEN.desc(), Image::ID.desc()));
                Box::pin(ids(by_seen.filter(after).limit(25)))
            },
            sql: |w| {
                let (seen, id) = w.seen_long_ago;
                format!(
                    "SELECT * FROM images WHERE seen < {seen} OR (seen = {seen} AND id < {id}) OR seen IS NULL \
                     ORDER BY seen DESC, id DESC LIMIT 25"
                )
            },
            naive: |w| {
                let (seen, id) = w.seen_long_ago;
                let after = w.images.iter().filter(|image| (image.seen, image.id) < (Some(seen), id));
                sorted(after, |image| Reverse((image.seen, image.id)), |image| image.id)
            },
        },
        Shape {
            name: "marker among NULLs, ascending",
            best: 50,
            calls: 2,
            ask: |l| {
                let after = Image::SEEN.is_null().and(Image::ID.gt(l.world.rows / 2)).or(Image::SEEN.is_not_null());
                let by_seen = l.db.query::<Image>().order_by((Image::SEEN.asc(), Image::ID.asc()));
                Box::pin(ids(by_seen.filter(after).limit(25)))
            },
            sql: |w| {
                format!(
                    "SELECT * FROM images WHERE (seen IS NULL AND id > {}) OR seen IS NOT NULL \
                     ORDER BY seen, id LIMIT 25",
                    w.rows / 2
                )
            },
            naive: |w| {
                let after = w.images.iter().filter(|image| (image.seen, image.id) > (None, w.rows / 2));
                sorted(after, |image| (image.seen, image.id), |image| image.id)
            },
        },
        Shape {
            name: "marker of three columns",
            best: 50,
            calls: 1,
            ask: |l| {
                let (price, id) = (l.world.rows / 4, l.world.rows / 2);
                let after = Condition::any([
                    Image::GRADE.gt(2),
                    Image::GRADE.eq(2).and(Image::PRICE.gt(price)),
                    Condition::all([Image::GRADE.eq(2), Image::PRICE.eq(price), Image::ID.gt(id)]),
                ]);
                let order = (Image::GRADE.asc(), Image::PRICE.asc(), Image::ID.asc());
                Box::pin(ids(l.db.query::<Image>().filter(after).order_by(order).limit(25)))
            },
            sql: |w| {
                let (price, id) = (w.rows / 4, w.rows / 2);
                format!(
                    "SELECT * FROM images WHERE grade > 2 OR (grade = 2 AND price > {price}) \
                     OR (grade = 2 AND price = {price} AND id > {id}) ORDER BY grade, price, id LIMIT 25"
                )
            },
            naive: |w| {
                let marker = (2, w.rows / 4, w.rows / 2);
                let after = w.images.iter().filter(|image| (image.grade, image.price, image.id) > marker);
                sorted(after, |image| (image.grade, image.price, image.id), |image| image.id)
            },
        },
        Shape {
            name: "marker in a visibility",
            best: 50,
            calls: 1,
            ask: |l| {
                let visible = newest(&l.db).filter(Image::VISIBILITY.eq(0));
                Box::pin(ids(visible.filter(older(&l.world)).limit(25)))
            },
            sql: |w| format!("SELECT * FROM images WHERE visibility = 0 AND {} {NEWEST}", older_sql(w)),
            naive: |w| column(w.newest(|image| image.visibility == 0 && is_older(w, image))),
        },
    ]
}

/// Alternatives, and several conditions that indexes serve.
fn several() -> Vec<Shape> {
    [alternatives(), conditions()].concat()
}

fn alternatives() -> Vec<Shape> {
    vec![
        Shape {
            name: "newest 25 of five owners",
            // 25 entries of each owner, and 25 rows of the newest among them.
            best: 150,
            calls: 2,
            ask: |l| Box::pin(ids(newest_of_owners(&l.db).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE owner IN (3, 14, 15, 92, 65) {NEWEST}"),
            naive: |w| column(w.newest(|image| OWNERS.contains(&image.owner))),
        },
        Shape {
            name: "page 25 of five owners by cursor, deep",
            best: 155,
            calls: 2,
            ask: |l| {
                Box::pin(async {
                    let page = newest_of_owners(&l.db).page(25).after(l.deep_in_list.clone()).fetch().await?;
                    Ok(column(page.items.into_iter().map(|image| image.id)))
                })
            },
            sql: |w| {
                format!("SELECT * FROM images WHERE owner IN (3, 14, 15, 92, 65) {NEWEST} OFFSET {}", w.rows / 2 / 20)
            },
            naive: |w| {
                let mut images = w.images_where(|image| OWNERS.contains(&image.owner));
                images.sort_by_key(|image| Reverse((image.created, image.id)));
                all_of(images.into_iter().skip(w.images.len() / 2 / 20).take(25).collect())
            },
        },
        Shape {
            name: "newest 25 of an owner or a visibility",
            // 25 entries of each, and 25 rows.
            best: 75,
            calls: 2,
            ask: |l| {
                let either = Image::OWNER.eq(3).or(Image::VISIBILITY.eq(0));
                Box::pin(ids(newest(&l.db).filter(either).limit(25)))
            },
            sql: |_| format!("SELECT * FROM images WHERE (owner = 3 OR visibility = 0) {NEWEST}"),
            naive: |w| column(w.newest(|image| image.owner == 3 || image.visibility == 0)),
        },
        Shape {
            name: "the same of a grade, after a marker",
            // One in five passes: 125 rows, and the entries of both that lead to them, 25 read ahead.
            best: 300,
            calls: 4,
            ask: |l| {
                let either = newest(&l.db).filter(Image::OWNER.eq(3).or(Image::VISIBILITY.eq(0)));
                Box::pin(ids(either.filter(Image::GRADE.eq(2)).filter(older(&l.world)).limit(25)))
            },
            sql: |w| {
                format!(
                    "SELECT * FROM images WHERE (owner = 3 OR visibility = 0) AND grade = 2 AND {} {NEWEST}",
                    older_sql(w)
                )
            },
            naive: |w| {
                let either = |image: &Image| image.owner == 3 || image.visibility == 0;
                column(w.newest(|image| either(image) && image.grade == 2 && is_older(w, image)))
            },
        },
        Shape {
            name: "newest 25 of an owner, a team or a kind",
            // All entries and rows of the team and the kind, 25 of the owner.
            best: 230,
            calls: 2,
            ask: |l| {
                let any = Condition::any([Image::OWNER.eq(3), Image::TEAM.eq(3), Image::KIND.eq(9)]);
                Box::pin(ids(newest(&l.db).filter(any).limit(25)))
            },
            sql: |_| format!("SELECT * FROM images WHERE (owner = 3 OR team = 3 OR kind = 9) {NEWEST}"),
            naive: |w| column(w.newest(|image| image.owner == 3 || image.team == 3 || image.kind == 9)),
        },
        Shape {
            name: "newest 25 that a user may see",
            // 25 entries of the visibility and of the owner, thirty memberships with their images, 25 rows.
            best: 135,
            calls: 3,
            ask: |l| Box::pin(ids(newest(&l.db).filter(visible(&l.db)).limit(25))),
            sql: |_| format!("SELECT * FROM images WHERE {VISIBLE} {NEWEST}"),
            naive: |w| column(w.newest(|image| is_visible(w, image))),
        },
        Shape {
            name: "the same after a marker",
            // As without.
            best: 135,
            calls: 3,
            ask: |l| Box::pin(ids(newest(&l.db).filter(visible(&l.db)).filter(older(&l.world)).limit(25))),
            sql: |w| format!("SELECT * FROM images WHERE {VISIBLE} AND {} {NEWEST}", older_sql(w)),
            naive: |w| column(w.newest(|image| is_visible(w, image) && is_older(w, image))),
        },
    ]
}

fn conditions() -> Vec<Shape> {
    vec![
        Shape {
            name: "two fair indexes, first 25 by key",
            // One of seven colors has one of five forms: 125 entries and rows of the form's or of the color's.
            best: 250,
            calls: 4,
            ask: |l| {
                let both = l.db.query::<Event>().filter(Event::COLOR.eq(3)).filter(Event::FORM.eq(2));
                Box::pin(ids_of_events(both.order_by(Event::ID.asc()).limit(25)))
            },
            sql: |_| "SELECT * FROM events WHERE color = 3 AND form = 2 ORDER BY id LIMIT 25".into(),
            naive: |w| sorted(w.events.iter().filter(|e| e.color == 3 && e.form == 2), |e| e.id, |e| e.id),
        },
        Shape {
            name: "two indexes that have few rows in common",
            // Leaps from one index to the other: twenty entries of each, and twenty rows.
            best: 60,
            calls: 5,
            ask: |l| {
                let both = l.db.query::<Event>().filter(Event::RUN.eq(1)).filter(Event::SHIFT.eq(2));
                Box::pin(ids_of_events(both.order_by(Event::ID.asc())))
            },
            sql: |_| "SELECT * FROM events WHERE run = 1 AND shift = 2 ORDER BY id".into(),
            naive: |w| sorted(w.events.iter().filter(|e| e.run == 1 && e.shift == 2), |e| e.id, |e| e.id),
        },
        Shape {
            name: "bounds on two columns of an index",
            // A seek for each grade, one after the other, and forty entries and rows.
            best: 80,
            calls: 3,
            ask: |l| {
                let bounds = Image::GRADE.between(1, 2).and(Image::PRICE.between(100, 149));
                Box::pin(ids(l.db.query::<Image>().filter(bounds).order_by(Image::ID.asc())))
            },
            sql: |_| {
                "SELECT * FROM images WHERE grade BETWEEN 1 AND 2 AND price BETWEEN 100 AND 149 ORDER BY id".into()
            },
            naive: |w| {
                let within = |image: &Image| (1..=2).contains(&image.grade) && (100..=149).contains(&image.price);
                all_of(w.images_where(within))
            },
        },
        Shape {
            name: "bounds on an index's second column alone",
            // A seek for each of five grades, one after the other, and fifty entries and rows.
            best: 106,
            calls: 7,
            ask: |l| {
                let within = l.db.query::<Image>().filter(Image::PRICE.between(100, 124));
                Box::pin(ids(within.order_by(Image::ID.asc())))
            },
            sql: |_| "SELECT * FROM images WHERE price BETWEEN 100 AND 124 ORDER BY id".into(),
            naive: |w| all_of(w.images_where(|image| (100..=124).contains(&image.price))),
        },
        Shape {
            name: "a value of an index's second column, in its order",
            // By `at` alone: forty entries and rows; by kind: a seek for each, and twenty.
            best: 110,
            calls: 2,
            ask: |l| {
                let within = l.db.query::<Event>().filter(Event::KIND.le(4)).filter(Event::AT.between(200, 219));
                Box::pin(ids_of_events(within.order_by((Event::AT.asc(), Event::ID.asc())).limit(25)))
            },
            sql: |_| "SELECT * FROM events WHERE kind <= 4 AND at BETWEEN 200 AND 219 ORDER BY at, id LIMIT 25".into(),
            naive: |w| {
                let within = w.events.iter().filter(|e| e.kind <= 4 && (200..=219).contains(&e.at));
                sorted(within, |e| (e.at, e.id), |e| e.id)
            },
        },
    ]
}
