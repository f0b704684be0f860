//! Rows of several entities.
//!
//! `cargo run --example joins`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    #[rome(index)]
    city: String,
}

#[derive(Entity, Clone, Debug, Default)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(index)]
    owner_id: Option<Id<Owner>>,
    boss_id: Option<Id<Dog>>,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    #[rome(belongs_to(boss_id))]
    boss: One<Dog>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Shelter {
    #[rome(key)]
    city: String,
    beds: u32,
}

// A query that has dogs twice needs a second name for them.
rome_orm::alias!(Boss = Dog);

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Shelter>().open("memory:").await?;
    let owner = |name: &str, city: &str| Owner { name: name.into(), city: city.into(), ..Default::default() };
    let ann = db.insert(owner("Ann", "Lyon")).await?;
    let bob = db.insert(owner("Bob", "Nice")).await?;
    let rex = db.insert(Dog { name: "Rex".into(), owner_id: Some(ann.id), ..Default::default() }).await?;
    let of = |name: &str, owner_id| Dog { name: name.into(), owner_id, boss_id: Some(rex.id), ..Default::default() };
    db.insert_many([of("Ida", Some(bob.id)), of("Max", None)]).await?;
    db.insert(Shelter { city: "Lyon".into(), beds: 12 }).await?;

    // Pairs over a relation; filters and orders speak of both.
    let in_lyon = db.query::<Dog>().join(Dog::OWNER).filter(Owner::CITY.eq("Lyon"));
    println!("{}", in_lyon.explain().await?);
    let pairs: Vec<(Dog, Owner)> = in_lyon.all().await?;
    assert_eq!((&*pairs[0].0.name, &*pairs[0].1.name), ("Rex", "Ann"));

    // A left join keeps dogs without an owner; the columns of an owner are options then.
    let maybe = db.query::<Dog>().left_join(Dog::OWNER).order_by(Dog::NAME.asc());
    let names: Vec<(String, Option<String>)> = maybe.select((Dog::NAME, Owner::NAME)).all().await?;
    println!("{names:?}");
    assert_eq!(names[1], ("Max".into(), None));

    // An entity with itself.
    let led = db.query::<Dog>().join(Dog::BOSS.aliased::<Boss>()).filter(Boss::of(Dog::NAME).eq("Rex"));
    assert_eq!(led.select(Dog::NAME).count().await?, 2);

    // Over any columns that are equal, and on to a third entity.
    let sheltered = db.query::<Dog>().join(Dog::OWNER).join(Owner::CITY.on(Shelter::CITY));
    let beds: Vec<(String, u32)> = sheltered.select((Dog::NAME, Shelter::BEDS)).all().await?;
    assert_eq!(beds, [("Rex".into(), 12)]);

    // Conditions on both sides of an `or`, and between columns.
    let either = Dog::NAME.eq("Ida").or_with(Owner::CITY.eq("Lyon"));
    assert_eq!(db.query::<Dog>().join(Dog::OWNER).filter(either).count().await?, 2);
    assert_eq!(db.query::<Dog>().join(Dog::OWNER).filter(Dog::NAME.gt_col(Owner::NAME)).count().await?, 2);

    // Groups of joined rows.
    let per_city = db.query::<Dog>().left_join(Dog::OWNER).group_by(Owner::CITY).select((Owner::CITY, count()));
    assert_eq!(per_city.all().await?, [(None, 1), (Some("Lyon".into()), 1), (Some("Nice".into()), 1)]);

    // Each with each, only when it is asked for.
    assert_eq!(db.query::<Dog>().cross_join::<Shelter>().count().await?, 3);
    Ok(())
}
