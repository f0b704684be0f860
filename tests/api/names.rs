//! What the prelude brings into scope takes no common names of methods away.

use rome_orm::prelude::*;

use super::Dog;

/// What a program may well have for its own structs.
trait Codec {
    fn write(&self) -> String;
    fn read(text: &str) -> Self;
    fn hooks() -> &'static str;
}

impl Codec for Dog {
    fn write(&self) -> String {
        self.name.clone()
    }

    fn read(text: &str) -> Self {
        Self { name: text.into(), ..Default::default() }
    }

    fn hooks() -> &'static str {
        "none"
    }
}

#[derive(Embedded, Clone, Debug, Default, PartialEq)]
struct Home {
    city: String,
}

impl Codec for Home {
    fn write(&self) -> String {
        self.city.clone()
    }

    fn read(text: &str) -> Self {
        Self { city: text.into() }
    }

    fn hooks() -> &'static str {
        "none"
    }
}

#[test]
fn a_programs_own_methods_are_called() {
    assert_eq!(Dog::read("Rex").write(), "Rex");
    assert_eq!(Home::read("Lyon").write(), "Lyon");
    assert_eq!((Dog::hooks(), Home::hooks()), ("none", "none"));
}

/// A constant of the program's own has the name that a column's would have.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(index(name, desc(max_age)), count(by = max_age), partition_by = shelter, foreign_key(chief, references = Head))]
struct Breed {
    #[rome(key)]
    shelter: u32,
    #[rome(key, constant = NAME_COLUMN)]
    name: String,
    #[rome(index, constant = MAX_AGE_COLUMN)]
    max_age: u32,
    #[rome(constant = CHIEF_COLUMN)]
    chief: Option<u64>,
    #[rome(belongs_to(chief), constant = TO_CHIEF)]
    head: One<Head>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Head {
    #[rome(key)]
    id: u64,
    #[rome(has_many(chief_column), constant = ALL_BREEDS)]
    breeds: Many<Breed>,
}

#[derive(Projection, Debug, PartialEq)]
#[rome(entity = Breed)]
struct Age {
    #[rome(from = MAX_AGE_COLUMN)]
    age: u32,
}

impl Breed {
    const MAX_AGE: u32 = 30;
    const NAME: &str = "Boxer";
    const CHIEF: u64 = 7;
    const HEAD: &str = "head";
}

impl Head {
    const BREEDS: usize = 1;
}

#[tokio::test]
async fn a_column_gives_way_to_a_constant_of_the_program() {
    let db = Database::builder().entity::<Breed>().entity::<Head>().open("memory:").await.unwrap();
    let head = db.insert(Head { id: Breed::CHIEF, ..Default::default() }).await.unwrap();
    let name = Breed::NAME.to_owned();
    let boxer = Breed { name, max_age: Breed::MAX_AGE, chief: Some(head.id), ..Default::default() };
    db.insert(boxer).await.unwrap();

    let filter = Breed::MAX_AGE_COLUMN.le(Breed::MAX_AGE).and(Breed::NAME_COLUMN.eq(Breed::NAME));
    let found = db.query::<Breed>().filter(filter).with(Breed::TO_CHIEF).one().await.unwrap();
    assert_eq!(found.head.get().unwrap().unwrap().id, Breed::CHIEF, "{}", Breed::HEAD);
    let head = db.query::<Head>().with(Head::ALL_BREEDS).one().await.unwrap();
    assert_eq!(head.breeds.get().unwrap().len(), Head::BREEDS);
    assert_eq!(db.query::<Breed>().project::<Age>().all().await.unwrap(), [Age { age: Breed::MAX_AGE }]);
}
