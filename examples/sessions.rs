//! Explicit sessions: own writes, rollback, and what a conflict is.
//!
//! `cargo run --example sessions`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Doctor {
    #[rome(key, auto)]
    id: Id<Doctor>,
    name: String,
    #[rome(index)]
    on_call: bool,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Doctor>().open("memory:").await?;
    let doctor = |name: &str| Doctor { name: name.into(), on_call: true, ..Default::default() };
    let on_call = Doctor::ON_CALL.eq(true);

    // A session sees its own writes in every kind of query; nobody else does before it commits.
    let s = db.session();
    let ann = s.insert(doctor("Ann")).await?;
    let bob = s.insert(doctor("Bob")).await?;
    assert_eq!(s.query::<Doctor>().filter(on_call.clone()).count().await?, 2);
    assert_eq!(db.query::<Doctor>().count().await?, 0);
    s.commit().await?;
    assert_eq!(db.query::<Doctor>().count().await?, 2);

    // Rolled back, also by dropping it.
    let s = db.session();
    s.delete(&ann).await?;
    assert_eq!(s.get::<Doctor>(ann.id).await?, None);
    s.rollback();
    assert!(db.get::<Doctor>(ann.id).await?.is_some());

    // Write skew: each sees the other on call and leaves. Each alone is right, both together are not.
    let (one, two) = (db.session(), db.session());
    for (session, leaving) in [(&one, &ann), (&two, &bob)] {
        if session.query::<Doctor>().filter(on_call.clone()).count().await? > 1 {
            session.update(&Doctor { on_call: false, ..leaving.clone() }).await?;
        }
    }
    one.commit().await?;
    match two.commit().await {
        Err(error) if error.is_conflict() => println!("{error}"),
        other => panic!("nobody is on call: {other:?}"),
    }
    let left = db.query::<Doctor>().filter(on_call).one().await?;
    println!("{} stays", left.name);
    assert_eq!(left, bob);

    // Verbs take `&self`, so reads can be under way together.
    let s = db.session();
    let (ann, bob) = futures::try_join!(s.get::<Doctor>(ann.id), s.get::<Doctor>(bob.id))?;
    assert_eq!((ann.map(|doctor| doctor.on_call), bob.map(|doctor| doctor.on_call)), (Some(false), Some(true)));
    Ok(())
}
