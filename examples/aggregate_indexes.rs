//! Aggregate indexes: counts and sums that are kept beside the rows, so that a question such as "how much does this owner
//! store" reads a counter and no rows.

use rome_orm::prelude::*;

#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
enum State {
    Queued,
    Active,
}

// How many images of each state an owner has, and how many bytes they are; and how many there are of each format.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(sum(size, by = [owner, state]), count(by = format))]
struct Image {
    #[rome(key)]
    id: u64,
    owner: String,
    state: State,
    format: Option<String>,
    size: Option<u64>,
}

fn image(id: u64, owner: &str, size: impl Into<Option<u64>>) -> Image {
    let size = size.into();
    let state = if size.is_some() { State::Active } else { State::Queued };
    Image { id, owner: owner.into(), state, format: Some("qcow2".into()), size }
}

/// An owner may store so many bytes.
const QUOTA: u64 = 1000;

/// Inserts an image if there is room for it. Of any number that try at the same time only as many succeed as fit: the
/// counters that were read are a part of what the commit checks.
async fn insert_within_quota(db: &Database, image: Image) -> rome_orm::Result<bool> {
    db.transaction(async move |s| {
        let of_owner = s.query::<Image>().filter(Image::OWNER.eq(&image.owner));
        let (used,) = of_owner.aggregate((sum(Image::SIZE),)).await?;
        if used.unwrap_or_default() + image.size.unwrap_or_default() > QUOTA {
            return Ok(false);
        }
        s.insert(image.clone()).await?;
        Ok(true)
    })
    .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Image>().open("memory:").await?;
    db.insert_many([image(1, "ann", 400), image(2, "ann", 500), image(3, "ann", None), image(4, "bob", 70)]).await?;

    // One owner, by state. Sums and counts of what is NULL are as everywhere: NULL is skipped.
    let of_ann = db.query::<Image>().filter(Image::OWNER.eq("ann")).group_by(Image::STATE);
    let by_state = of_ann.select((Image::STATE, count(), sum(Image::SIZE), avg(Image::SIZE)));
    assert_eq!(by_state.all().await?, [(State::Active, 2, Some(900), Some(450.0)), (State::Queued, 1, None, None)]);
    println!("{}", by_state.explain().await?);

    // Counts whose filter gives the whole group read one counter, however many rows there are.
    assert_eq!(db.query::<Image>().filter(Image::FORMAT.eq("qcow2")).count().await?, 4);
    assert_eq!(db.query::<Image>().filter(Image::FORMAT.is_null()).count().await?, 0);

    // Counters change with the rows, in the same atomic step, also within a session.
    assert!(!insert_within_quota(&db, image(5, "ann", 101)).await?);
    assert!(insert_within_quota(&db, image(6, "ann", 100)).await?);
    let session = db.session();
    session.query::<Image>().filter(Image::OWNER.eq("ann")).delete().await?;
    let per_owner = || session.query::<Image>().group_by(Image::OWNER);
    assert_eq!(per_owner().select((Image::OWNER, sum(Image::SIZE))).all().await?, [("bob".to_owned(), Some(70))]);
    session.rollback();

    let report = db.admin().check().await?;
    assert!(report.is_clean(), "{report}");
    Ok(())
}
