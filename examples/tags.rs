//! Many to many: through an entity between, which may have columns of its own.
//!
//! `cargo run --example tags`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Post {
    #[rome(key, auto)]
    id: Id<Post>,
    title: String,
    #[rome(many_to_many(through = PostTag, post_id, tag))]
    tags: Many<Tag>,
    /// The rows between, for their own columns.
    #[rome(has_many(post_id))]
    tagged: Many<PostTag>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Tag {
    #[rome(key)]
    label: String,
    #[rome(many_to_many(through = PostTag, tag, post_id))]
    posts: Many<Post>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct PostTag {
    #[rome(key, references = Post, on_delete = cascade)]
    post_id: Id<Post>,
    #[rome(key, references = Tag, on_delete = cascade)]
    tag: String,
    /// Who set it.
    by: Option<String>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Post>().entity::<Tag>().entity::<PostTag>().open("memory:").await?;
    let post = |title: &str| Post { title: title.into(), ..Default::default() };
    let posts = db.insert_many([post("Joins"), post("Indexes"), post("Cats")]).await?;
    let tags =
        db.insert_many(["rust", "database"].map(|label| Tag { label: label.into(), ..Default::default() })).await?;

    // Each of these adds a row between; with a column to fill in, it is inserted like any row.
    assert!(db.attach(&posts[0], Post::TAGS, &tags[0]).await?);
    let by_ann = |post: &Post, tag: &Tag| PostTag { post_id: post.id, tag: tag.label.clone(), by: Some("Ann".into()) };
    db.insert_many([by_ann(&posts[0], &tags[1]), by_ann(&posts[1], &tags[1])]).await?;

    // Three reads for any number of posts: posts, rows between, tags.
    let loaded = db.query::<Post>().order_by(Post::ID.asc()).with(Post::TAGS.order_by(Tag::LABEL.asc())).all().await?;
    for post in &loaded {
        let labels: Vec<&str> = post.tags.get()?.iter().map(|tag| &*tag.label).collect();
        println!("{}: {labels:?}", post.title);
    }
    assert_eq!(loaded[0].tags.get()?.len(), 2);
    assert!(loaded[2].tags.get()?.is_empty());

    // From the other side, and by conditions.
    let database = db.query::<Tag>().filter(Tag::LABEL.eq("database")).with(Tag::POSTS).one().await?;
    assert_eq!(database.posts.get()?.len(), 2);
    let untagged = db.query::<Post>().filter(!Post::TAGS.exists()).one().await?;
    assert_eq!(untagged.title, "Cats");
    let set_by_ann = db.query::<Post>().filter(Post::TAGGED.any(PostTag::BY.eq("Ann"))).count().await?;
    assert_eq!(set_by_ann, 2);

    // How often each tag is used.
    let used = db.query::<Tag>().join(Tag::POSTS).group_by(Tag::LABEL).select((Tag::LABEL, count())).all().await?;
    println!("{used:?}");
    assert_eq!(used, [("database".into(), 2), ("rust".into(), 1)]);

    assert!(db.detach(&posts[0], Post::TAGS, &tags[0]).await?);
    db.delete(&tags[1]).await?;
    assert_eq!(db.query::<PostTag>().count().await?, 0);
    Ok(())
}
