//! An entity that leads to itself: parents and children, loaded level by level, and joined by a second name.
//!
//! `cargo run --example trees`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Folder {
    #[rome(key, auto)]
    id: Id<Folder>,
    name: String,
    #[rome(references = Folder, on_delete = cascade)]
    parent_id: Option<Id<Folder>>,
    #[rome(belongs_to(parent_id))]
    parent: One<Folder>,
    #[rome(has_many(parent_id))]
    children: Many<Folder>,
}

// A query that has folders twice needs a second name for them.
rome_orm::alias!(Parent = Folder);

async fn add(db: &Database, name: &str, parent: Option<&Folder>) -> rome_orm::Result<Folder> {
    let parent_id = parent.map(|parent| parent.id);
    db.insert(Folder { name: name.into(), parent_id, ..Default::default() }).await
}

fn print(folder: &Folder, depth: usize) -> rome_orm::Result<()> {
    println!("{:depth$}{}", "", folder.name);
    // The lowest level that was asked for has not loaded its own children.
    folder.children.get().unwrap_or_default().iter().try_for_each(|child| print(child, depth + 2))
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Folder>().open("memory:").await?;
    let root = add(&db, "root", None).await?;
    let docs = add(&db, "docs", Some(&root)).await?;
    add(&db, "guide", Some(&docs)).await?;
    add(&db, "design", Some(&docs)).await?;
    add(&db, "src", Some(&root)).await?;

    // One read for each level, whatever the number of folders.
    let by_name = || Folder::CHILDREN.order_by(Folder::NAME.asc());
    let tree = db.query::<Folder>().filter(Folder::PARENT_ID.is_null()).with(by_name().with(by_name())).one().await?;
    print(&tree, 0)?;
    let docs_of_tree = &tree.children.get()?[0];
    assert_eq!(docs_of_tree.children.get()?.len(), 2);

    // Pairs of folders and their parents, with conditions on both.
    let pairs = db.query::<Folder>().join(Folder::PARENT.aliased::<Parent>());
    let in_docs = pairs.filter(Parent::of(Folder::NAME).eq("docs")).order_by(Folder::NAME.asc());
    let names = in_docs.select((Folder::NAME, Parent::of(Folder::NAME))).all().await?;
    assert_eq!(names, [("design".into(), "docs".into()), ("guide".into(), "docs".into())]);

    // Folders without children, by a subquery.
    let leaves = db.query::<Folder>().filter(!Folder::CHILDREN.exists()).order_by(Folder::NAME.asc());
    assert_eq!(leaves.select(Folder::NAME).all().await?, ["design", "guide", "src"]);

    // A cascade goes down all levels.
    db.delete(&docs).await?;
    assert_eq!(db.query::<Folder>().count().await?, 2);
    println!("docs and what was in it are gone");
    Ok(())
}
