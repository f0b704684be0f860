//! The expression language of filters.
//!
//! `cargo run --example queries`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    age: Option<u32>,
    limit: u32,
    tags: Vec<String>,
}

fn dog(name: &str, age: Option<u32>, limit: u32, tags: &[&str]) -> Dog {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Dog { name: name.into(), age, limit, tags, ..Default::default() }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Dog>().open("memory:").await?;
    db.insert_many([
        dog("Ada", Some(1), 10, &["small"]),
        dog("Bello", Some(5), 5, &["big", "good"]),
        dog("Émile", Some(12), 10, &[]),
        dog("Fido", None, 3, &["good"]),
    ])
    .await?;

    for (what, filter, expected) in [
        ("age = 5", Dog::AGE.eq(5), "Bello"),
        // Fido has no age: the comparison is unknown, and a filter keeps what is true.
        ("age != 5", Dog::AGE.ne(5), "Ada Émile"),
        ("not (age = 5)", !Dog::AGE.eq(5), "Ada Émile"),
        ("age is null", Dog::AGE.is_null(), "Fido"),
        ("age between 1 and 5", Dog::AGE.between(1, 5), "Ada Bello"),
        ("age in (1, 12)", Dog::AGE.is_in([1, 12]), "Ada Émile"),
        ("age not in (1, 12)", Dog::AGE.not_in([1, 12]), "Bello"),
        ("name like 'B%'", Dog::NAME.like("B%"), "Bello"),
        ("name like '_d_'", Dog::NAME.like("_d_"), "Ada"),
        ("name ilike 'é%'", Dog::NAME.ilike("é%"), "Émile"),
        ("name starts with 'F'", Dog::NAME.starts_with("F"), "Fido"),
        ("name contains 'il'", Dog::NAME.contains("il"), "Émile"),
        ("tags contain 'good'", Dog::TAGS.contains("good"), "Bello Fido"),
        ("age > limit", Dog::AGE.gt(Dog::LIMIT), "Émile"),
        ("age + 4 >= limit", (Dog::AGE + 4).ge(Dog::LIMIT), "Bello Émile"),
        ("age is null or age > 9", Dog::AGE.is_null() | Dog::AGE.gt(9), "Émile Fido"),
        ("age > 1 and name < 'C'", Dog::AGE.gt(1) & Dog::NAME.lt("C"), "Bello"),
        ("all of nothing", Condition::all([]), "Ada Bello Émile Fido"),
        ("any of nothing", Condition::any([]), ""),
    ] {
        let names = db.query::<Dog>().filter(filter).order_by(Dog::ID.asc()).select(Dog::NAME).all().await?.join(" ");
        println!("{what:24} {names}");
        assert_eq!(names, expected, "{what}");
    }

    // Several filters have to hold together, so conditions can be added one by one.
    let mut query = db.query::<Dog>().filter(Dog::TAGS.contains("good"));
    let grown_up = true;
    if grown_up {
        query = query.filter(Dog::AGE.ge(2));
    }
    assert_eq!(query.one().await?.name, "Bello");
    assert_eq!(query.count().await?, 1);
    assert!(query.exists().await?);
    Ok(())
}
