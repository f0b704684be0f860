//! Keys are given part by part, each as it can be given alone, to all verbs that take keys.

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Link {
    #[rome(key)]
    from: String,
    #[rome(key)]
    to: String,
    #[rome(key)]
    owner: Id<super::Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Tag {
    #[rome(key)]
    name: String,
}

/// A repository over any entity: nothing but `Entity` is asked for.
async fn found<E: Entity>(db: &Database, key: E::Key) -> Option<E> {
    let by_reference = db.get::<E>(&key).await.unwrap();
    assert_eq!(by_reference.is_some(), db.get_many::<E>([key.clone()]).await.unwrap()[0].is_some());
    db.get::<E>(key).await.unwrap()
}

#[tokio::test]
async fn keys_are_given_as_their_parts_are() {
    let db = Database::builder().entity::<Link>().entity::<Tag>().entity::<super::Dog>().open("memory:").await.unwrap();
    let link = db.insert(Link { from: "a".into(), to: "b".into(), owner: Id::new(7) }).await.unwrap();
    let tag = db.insert(Tag { name: "red".into() }).await.unwrap();
    let rex = db.insert(super::dog("Rex", 3)).await.unwrap();

    assert_eq!(db.get::<Link>(("a", "b", 7)).await.unwrap().as_ref(), Some(&link));
    assert_eq!(db.get::<Link>((String::from("a"), &"b".to_owned(), Id::new(7))).await.unwrap().as_ref(), Some(&link));
    assert_eq!(db.get::<Link>(&link.key()).await.unwrap().as_ref(), Some(&link));
    assert_eq!(db.get_many::<Link>([("a", "b", 7), ("b", "a", 7)]).await.unwrap(), [Some(link.clone()), None]);
    assert_eq!(db.get_many::<Tag>(["red", "blue"]).await.unwrap(), [Some(tag), None]);
    assert_eq!(db.get_many::<super::Dog>([1, 2]).await.unwrap(), [Some(rex.clone()), None]);
    assert_eq!(db.get_many::<super::Dog>(&[rex.id]).await.unwrap(), [Some(rex.clone())]);
    assert_eq!(found::<Link>(&db, link.key()).await.as_ref(), Some(&link));
    assert_eq!(found::<super::Dog>(&db, rex.id).await, Some(rex));
    assert!(db.delete_by_key::<Link>(("a", "b", 7)).await.unwrap());
}
