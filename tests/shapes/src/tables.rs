//! The tables that the shapes ask, and the same in SQL.
#![allow(clippy::duplicated_attributes, reason = "indexes share columns")]

use rome_orm::prelude::*;

/// The rows that most shapes want: the newest of them, those of an owner, those with a tag.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "images", index(owner, created), index(visibility, created), index(grade, price))]
pub struct Image {
    /// From 0, without gaps.
    #[rome(key)]
    pub id: u64,
    /// One of a hundred.
    pub owner: u64,
    /// Fifty images have the same.
    #[rome(index)]
    pub team: u64,
    /// 0 for one image in ten, 1 for the others.
    pub visibility: u64,
    /// Four images have the same.
    #[rome(index)]
    pub created: u64,
    /// NULL for one image in three.
    #[rome(index)]
    pub seen: Option<u64>,
    /// One of five.
    pub grade: u64,
    /// Two images have the same.
    pub price: u64,
    /// 9 for forty images, however many there are; 0 to 2 for the others.
    #[rome(index)]
    pub kind: u64,
    /// One of a thousand; in no index.
    pub size: u64,
    /// Some text.
    pub title: String,
    /// Its tags.
    #[rome(has_many(image_id))]
    pub tags: Many<Tag>,
    /// Those it is shared with.
    #[rome(has_many(image_id))]
    pub members: Many<Member>,
}

/// What an image is tagged with: each has the names 0 and 1, forty have the name 9 too.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "tags", index(name, value))]
pub struct Tag {
    /// The image.
    #[rome(key)]
    pub image_id: u64,
    /// What is said of it.
    #[rome(key)]
    pub name: u64,
    /// Of the name 0 one of three, of the name 1 one that is its own.
    pub value: u64,
    /// The image.
    #[rome(belongs_to(image_id))]
    pub image: One<Image>,
}

/// A user whom an image is shared with; each has thirty.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "members")]
pub struct Member {
    /// The image.
    #[rome(key)]
    pub image_id: u64,
    /// The user.
    #[rome(key, index)]
    pub user: u64,
}

/// Rows of which one in ten is softly deleted.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "notes", index(author, at))]
pub struct Note {
    /// From 0, without gaps.
    #[rome(key)]
    pub id: u64,
    /// One of fifty.
    pub author: u64,
    /// Its own.
    #[rome(index)]
    pub at: u64,
    /// When it was deleted.
    #[rome(soft_delete)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Rows with several conditions at once.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "events", index(kind, at), index(desc(at)))]
pub struct Event {
    /// From 0, without gaps.
    #[rome(key)]
    pub id: u64,
    /// One of ten.
    pub kind: u64,
    /// Two events have the same.
    pub at: u64,
    /// Four hundred in a row have the same.
    #[rome(index)]
    pub run: u64,
    /// Four hundred in a row have the same, of which twenty lie in another run.
    #[rome(index)]
    pub shift: u64,
    /// One of seven.
    #[rome(index)]
    pub color: u64,
    /// One of five.
    #[rome(index)]
    pub form: u64,
}

/// The same tables and indexes in SQLite.
pub const SCHEMA: &str = "
CREATE TABLE images (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, team INTEGER NOT NULL, visibility INTEGER NOT NULL,
    created INTEGER NOT NULL, seen INTEGER, grade INTEGER NOT NULL, price INTEGER NOT NULL, kind INTEGER NOT NULL,
    size INTEGER NOT NULL, title TEXT NOT NULL);
CREATE INDEX images_by_owner_created ON images (owner, created);
CREATE INDEX images_by_visibility_created ON images (visibility, created);
CREATE INDEX images_by_grade_price ON images (grade, price);
CREATE INDEX images_by_team ON images (team);
CREATE INDEX images_by_created ON images (created);
CREATE INDEX images_by_seen ON images (seen);
CREATE INDEX images_by_kind ON images (kind);
CREATE TABLE tags (image_id INTEGER NOT NULL, name INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (image_id, name)) WITHOUT ROWID;
CREATE INDEX tags_by_name_value ON tags (name, value);
CREATE TABLE members (image_id INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (image_id, user)) WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);
CREATE TABLE notes (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, at INTEGER NOT NULL, deleted_at INTEGER);
CREATE INDEX notes_by_author_at ON notes (author, at);
CREATE INDEX notes_by_at ON notes (at);
CREATE TABLE events (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, run INTEGER NOT NULL,
    shift INTEGER NOT NULL, color INTEGER NOT NULL, form INTEGER NOT NULL);
CREATE INDEX events_by_kind_at ON events (kind, at);
CREATE INDEX events_by_at ON events (at DESC);
CREATE INDEX events_by_run ON events (run);
CREATE INDEX events_by_shift ON events (shift);
CREATE INDEX events_by_color ON events (color);
CREATE INDEX events_by_form ON events (form);
";
