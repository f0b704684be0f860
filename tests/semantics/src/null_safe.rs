//! Comparisons with an option that may be `None`: SQL's `IS NOT DISTINCT FROM`.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs")]
struct Dog {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    age: Option<u32>,
    name: Option<String>,
    wish: Option<u32>,
}

async fn pack(db: &Database) -> Vec<Dog> {
    let some = |n: u32| (!n.is_multiple_of(4)).then_some(n % 4);
    let dog = |id| Dog { id, age: some(id), name: some(id).map(|n| format!("dog {n}")), wish: some(id / 4) };
    db.insert_many((0..16).map(dog)).await.unwrap()
}

async fn ids(db: &Database, filter: rome_orm::expr::Condition<Dog>) -> Vec<u32> {
    db.query::<Dog>().filter(filter).order_by(Dog::ID.asc()).select(Dog::ID).all().await.unwrap()
}

laws! { [Dog]
    async fn a_value_that_may_be_null_is_compared_as_rust_compares_options(db) {
        let dogs = pack(&db).await;
        let of = |is: &dyn Fn(&Dog) -> bool| dogs.iter().filter(|dog| is(dog)).map(|dog| dog.id).collect::<Vec<_>>();
        for age in [None, Some(1), Some(3), Some(9)] {
            let (same, other) = (of(&|dog| dog.age == age), of(&|dog| dog.age != age));
            assert_eq!(ids(&db, Dog::AGE.is_not_distinct_from(age)).await, same, "{age:?}");
            assert_eq!(ids(&db, Dog::AGE.is_distinct_from(age)).await, other, "{age:?}");
            assert_eq!(ids(&db, !Dog::AGE.is_not_distinct_from(age)).await, other, "{age:?}");
            assert_eq!(ids(&db, !Dog::AGE.is_distinct_from(age)).await, same, "{age:?}");
            let column = Dog::column("age").unwrap();
            assert_eq!(ids(&db, column.is_not_distinct_from(age).unwrap()).await, same, "{age:?}");
            assert_eq!(ids(&db, column.is_distinct_from(age).unwrap()).await, other, "{age:?}");
        }
        for name in [None, Some("dog 2"), Some("Rex")] {
            let same = of(&|dog| dog.name.as_deref() == name);
            assert_eq!(ids(&db, Dog::NAME.is_not_distinct_from(name)).await, same, "{name:?}");
        }
        assert_eq!(ids(&db, Dog::AGE.is_not_distinct_from(Some(Dog::WISH))).await, of(&|dog| dog.age == dog.wish));
        assert_eq!(ids(&db, Dog::AGE.is_distinct_from(Some(Dog::WISH))).await, of(&|dog| dog.age != dog.wish));
        assert!(ids(&db, Dog::AGE.eq(None)).await.is_empty());
    }

    async fn it_is_planned_as_eq_and_is_null_are(db) {
        pack(&db).await;
        for (filter, plain) in [
            (Dog::AGE.is_not_distinct_from(Some(2)), Dog::AGE.eq(2)),
            (Dog::AGE.is_not_distinct_from(None::<u32>), Dog::AGE.is_null()),
        ] {
            let plan = db.query::<Dog>().filter(filter).explain().await.unwrap();
            assert!(!plan.is_full_scan(), "{plan}");
            assert_eq!(plan.to_string(), db.query::<Dog>().filter(plain).explain().await.unwrap().to_string());
        }
    }
}
