//! Indexes: what they serve, how to see which one is used, and how to refuse queries that none serves.
//!
//! `cargo run --example indexes`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "images", index(owner, size, name = "by_owner"))]
struct Image {
    #[rome(key, auto)]
    id: Id<Image>,
    owner: String,
    size: u64,
    #[rome(index)]
    status: String,
    #[rome(index)]
    tags: Vec<String>,
    note: String,
}

fn image(n: u64) -> Image {
    Image {
        owner: format!("owner-{}", n % 10),
        size: n * 100,
        status: if n.is_multiple_of(50) { "queued" } else { "active" }.into(),
        tags: vec![format!("tag-{}", n % 7), "all".into()],
        note: format!("note {n}"),
        ..Default::default()
    }
}

async fn show(query: Query<'_, Image>) -> rome_orm::Result<()> {
    let count = query.all().await?.len();
    println!("{}\n  = {count} images\n", query.explain().await?);
    Ok(())
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Image>().open("memory:").await?;
    db.insert_many((1..=500).map(image)).await?;

    // An equality and the order, both from one index: no sort.
    show(db.query().filter(Image::OWNER.eq("owner-3")).order_by(Image::SIZE.desc()).limit(5)).await?;
    // An equality and a range.
    show(db.query().filter(Image::OWNER.eq("owner-3")).filter(Image::SIZE.between(10_000, 20_000))).await?;
    // A list of values, and a beginning of text, are ranges too.
    show(db.query().filter(Image::STATUS.is_in(["queued", "killed"]))).await?;
    show(db.query().filter(Image::OWNER.starts_with("owner-"))).await?;
    // An element of a list.
    show(db.query().filter(Image::TAGS.contains("tag-3"))).await?;
    // `or` over different columns is a union of ranges.
    show(db.query().filter(Image::STATUS.eq("queued").or(Image::OWNER.eq("owner-1")))).await?;
    // Two indexes could serve this one: the narrower is taken, the rest is tested on each row.
    show(db.query().filter(Image::STATUS.eq("queued")).filter(Image::OWNER.eq("owner-0"))).await?;
    // No index on `note`: the whole table is read.
    let by_note = db.query::<Image>().filter(Image::NOTE.eq("note 17"));
    show(by_note.clone()).await?;
    assert!(by_note.explain().await?.is_full_scan());

    // The policy is set for a database, a session or a query; the nearest one counts.
    match by_note.scan_policy(ScanPolicy::Deny).all().await {
        Err(error) if error.is_scan_denied() => println!("{error}"),
        other => panic!("the scan was not denied: {other:?}"),
    }
    let owner = db.query::<Image>().filter(Image::OWNER.eq("owner-3")).explain().await?;
    assert_eq!(owner.index(), Some("by_owner"));
    Ok(())
}
