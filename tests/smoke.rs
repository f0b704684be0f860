//! A first walk through everything.
#![allow(clippy::unwrap_used)]

use rome::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(name, age), unique(owner, name))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(index)]
    age: Option<u32>,
    owner: u64,
    #[rome(index)]
    tags: Vec<String>,
}

fn dog(name: &str, age: Option<u32>) -> Dog {
    Dog { name: name.into(), age, tags: vec!["a".into(), name.to_lowercase()], ..Default::default() }
}

#[tokio::test]
async fn walk() {
    let dir = std::env::temp_dir().join(format!("rome-smoke-{}", std::process::id()));
    for url in ["memory:".to_owned(), format!("embedded:{}", dir.display())] {
        let db = Database::builder().entity::<Dog>().open(&url).await.unwrap();
        let rex = db.insert(dog("Rex", Some(3))).await.unwrap();
        let fido = db.insert(dog("Fido", None)).await.unwrap();
        let max = db.insert(dog("Max", Some(7))).await.unwrap();
        assert_eq!(db.get::<Dog>(rex.id).await.unwrap(), Some(rex.clone()));
        let e = db.insert(dog("Rex", None)).await.unwrap_err();
        assert!(e.is_unique_violation(), "{e}");
        println!("{e}");
        let old = db.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.desc()).limit(10);
        println!("{}", old.explain().await.unwrap());
        assert_eq!(old.all().await.unwrap(), [max.clone(), rex.clone()]);
        let q = db.query::<Dog>().filter(Dog::OWNER.eq(0).and(Dog::NAME.eq("Rex")));
        println!("{}", q.explain().await.unwrap());
        assert_eq!(q.one().await.unwrap(), rex);
        let q = db.query::<Dog>().filter(Dog::TAGS.contains("fido"));
        println!("{}", q.explain().await.unwrap());
        assert_eq!(q.all().await.unwrap(), std::slice::from_ref(&fido));
        assert_eq!(db.query::<Dog>().filter(Dog::AGE.is_null()).count().await.unwrap(), 1);
        let n = db
            .transaction(async |s| {
                let mut d = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
                d.age = d.age.map(|a| a + 1);
                s.update(&d).await?;
                s.insert(dog("New", Some(4))).await?;
                s.query::<Dog>().filter(Dog::AGE.eq(4)).count().await
            })
            .await
            .unwrap();
        assert_eq!(n, 2);
        let n = db.query::<Dog>().filter(Dog::AGE.ge(4)).update_all((Dog::AGE.set(Dog::AGE + 1),)).await.unwrap();
        assert_eq!(n, 3);
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = db.query::<Dog>().order_by(Dog::AGE.asc()).page(1).after(cursor).fetch().await.unwrap();
            seen.extend(page.items.into_iter().map(|d| d.name));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["Fido", "Rex", "New", "Max"]);
        let names = db.query::<Dog>().order_by(Dog::NAME.asc()).select((Dog::NAME, Dog::AGE)).all().await.unwrap();
        assert_eq!(names[0], ("Fido".to_owned(), None));
        assert_eq!(db.query::<Dog>().filter(Dog::NAME.starts_with("M")).delete_all().await.unwrap(), 1);
        assert_eq!(db.query::<Dog>().count().await.unwrap(), 3);
    }
    std::fs::remove_dir_all(dir).unwrap();
}
