//! The entities and rows that most snippets of the guide work on.

pub use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "owners")]
pub struct Owner {
    #[rome(key, auto)]
    pub id: Id<Owner>,
    pub name: String,
    #[rome(index)]
    pub city: String,
    #[rome(has_many(owner_id))]
    pub dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "dogs", unique(owner_id, name))]
pub struct Dog {
    #[rome(key, auto)]
    pub id: Id<Dog>,
    pub name: String,
    #[rome(index)]
    pub age: Option<u32>,
    #[rome(references = Owner, on_delete = cascade)]
    pub owner_id: Id<Owner>,
    #[rome(belongs_to(owner_id))]
    pub owner: One<Owner>,
    #[rome(many_to_many(through = DogTag, dog_id, tag))]
    pub tags: Many<Tag>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "tags")]
pub struct Tag {
    #[rome(key)]
    pub label: String,
    #[rome(many_to_many(through = DogTag, tag, dog_id))]
    pub dogs: Many<Dog>,
}

/// Which dog has which tag.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "dog_tags")]
pub struct DogTag {
    #[rome(key, references = Dog, on_delete = cascade)]
    pub dog_id: Id<Dog>,
    #[rome(key, references = Tag, on_delete = cascade)]
    pub tag: String,
}

/// All entities of the kennel.
pub fn builder() -> rome_orm::DatabaseBuilder {
    Database::builder().entity::<Owner>().entity::<Dog>().entity::<Tag>().entity::<DogTag>()
}

/// An in-memory database with these rows:
///
/// | owner | city | dogs |
/// |---|---|---|
/// | Ann | Lyon | Ida (7, tags good and old), Rex (3, tag good) |
/// | Bob | Nice | Max (1), Fido (age unknown) |
/// | Cleo | Lyon | none |
///
/// # Errors
/// Those of the database.
pub async fn kennel() -> rome_orm::Result<Database> {
    let db = builder().open("memory:").await?;
    let owner = |name: &str, city: &str| Owner { name: name.into(), city: city.into(), ..Default::default() };
    let owners = db.insert_many([owner("Ann", "Lyon"), owner("Bob", "Nice"), owner("Cleo", "Lyon")]).await?;
    let (ann, bob) = (owners[0].id, owners[1].id);
    let dog = |name: &str, age, owner_id| Dog { name: name.into(), age, owner_id, ..Default::default() };
    let dogs = [dog("Ida", Some(7), ann), dog("Rex", Some(3), ann), dog("Max", Some(1), bob), dog("Fido", None, bob)];
    let dogs = db.insert_many(dogs).await?;
    db.insert_many(["good", "old"].map(|label| Tag { label: label.into(), ..Default::default() })).await?;
    let tag = |at: usize, tag: &str| DogTag { dog_id: dogs[at].id, tag: tag.into() };
    db.insert_many([tag(0, "good"), tag(0, "old"), tag(1, "good")]).await?;
    Ok(db)
}
