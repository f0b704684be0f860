//! Rows between two others, which come back when these are linked again.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(many_to_many(through = Walk, dog_id, park_id))]
    parks: Many<Park>,
    #[rome(many_to_many(through = Visit, dog_id, park_id))]
    visited: Many<Park>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "parks")]
struct Park {
    #[rome(key)]
    id: u64,
}

/// Its key is what it links.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "walks")]
struct Walk {
    #[rome(key, references = Dog, on_delete = cascade)]
    dog_id: u64,
    #[rome(key, references = Park, on_delete = cascade)]
    park_id: u64,
    note: Option<String>,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

/// It has a key of its own, and links two rows once.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "visits", unique(dog_id, park_id))]
struct Visit {
    #[rome(key, auto)]
    id: Id<Visit>,
    dog_id: u64,
    park_id: u64,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

laws! { [Dog, Park, Walk, Visit]
    async fn what_was_unlinked_softly_can_be_linked_again(db) {
        let dogs = [1, 2].map(|id| Dog { id, ..Default::default() });
        db.insert_many(dogs.clone()).await.unwrap();
        let (dog, park) = (&dogs[0], db.insert(Park { id: 7 }).await.unwrap());
        for _ in 0..2 {
            assert!(db.attach(dog, Dog::PARKS, &park).await.unwrap());
            assert!(!db.attach(dog, Dog::PARKS, &park).await.unwrap(), "it is there");
            assert!(db.attach(dog, Dog::VISITED, &park).await.unwrap());
            assert!(!db.attach(dog, Dog::VISITED, &park).await.unwrap(), "it is there");
            let loaded = db.query::<Dog>().filter(Dog::ID.eq(1)).with(Dog::PARKS).with(Dog::VISITED).one().await.unwrap();
            assert_eq!((loaded.parks.get().unwrap().len(), loaded.visited.get().unwrap().len()), (1, 1));
            assert!(db.detach(dog, Dog::PARKS, &park).await.unwrap());
            assert!(!db.detach(dog, Dog::PARKS, &park).await.unwrap(), "it is gone");
            assert!(db.detach(dog, Dog::VISITED, &park).await.unwrap());
        }
        // Linking is of these two rows only.
        assert!(db.attach(&dogs[1], Dog::PARKS, &park).await.unwrap());
        assert_eq!((db.query::<Walk>().count().await.unwrap(), db.query::<Walk>().with_deleted().count().await.unwrap()), (1, 2));
        assert_eq!(db.query::<Visit>().with_deleted().count().await.unwrap(), 1);
    }

    async fn the_row_that_comes_back_has_what_it_had(db) {
        let dog = db.insert(Dog { id: 1, ..Default::default() }).await.unwrap();
        let park = db.insert(Park { id: 7 }).await.unwrap();
        let walk = db.insert(Walk { dog_id: 1, park_id: 7, note: Some("long".into()), gone: None }).await.unwrap();
        assert!(db.detach(&dog, Dog::PARKS, &park).await.unwrap());
        assert!(db.attach(&dog, Dog::PARKS, &park).await.unwrap());
        assert_eq!(db.query::<Walk>().all().await.unwrap(), std::slice::from_ref(&walk));
        // Also in one session, and nothing is left of what came to nothing.
        let s = db.session();
        assert!(s.detach(&dog, Dog::PARKS, &park).await.unwrap());
        assert!(s.attach(&dog, Dog::PARKS, &park).await.unwrap());
        assert!(!s.attach(&dog, Dog::PARKS, &park).await.unwrap());
        s.commit().await.unwrap();
        assert_eq!(db.query::<Walk>().all().await.unwrap(), [walk]);
    }
}
