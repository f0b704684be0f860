//! The derives: what they make of an entity that uses every attribute and every column type.

#![allow(clippy::unwrap_used, missing_docs)]

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rome_orm::model::{Key, Projection as _, Row as _};
use rome_orm::prelude::*;
use rome_orm::schema::{IndexPart, KeySource, Role, Table};
use rome_orm::value::{ColumnType, Field, RowReader, RowWriter, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
#[rome(rename_all = "kebab-case")]
enum Coat {
    Short,
    VeryLong,
    #[rome(rename = "none at all")]
    Naked,
}

#[derive(Newtype, Clone, Debug, PartialEq)]
struct Email(String);

#[derive(Newtype, Clone, Copy, Debug, PartialEq)]
struct Chip {
    number: u64,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Address {
    street: String,
    #[rome(column = "town")]
    city: Option<String>,
    #[rome(default = "FR")]
    country: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Vaccine {
    name: String,
    doses: u8,
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "dogs", index(name, desc(age)), index(address.city, home.city, name = "by_places"), unique(owner, name))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(index(desc))]
    age: Option<u32>,
    owner: Uuid,
    #[rome(embed)]
    address: Address,
    #[rome(unique)]
    email: Email,
    #[rome(embed, column = "second")]
    home: Address,
    #[rome(column = "kind", index)]
    r#type: Coat,
    #[rome(json, default = Vec::new())]
    vaccines: Vec<Vaccine>,
    notes: Json<Vaccine>,
    #[rome(index)]
    tags: Vec<String>,
    coats: Vec<Coat>,
    photo: Vec<u8>,
    chip: Option<Chip>,
    #[rome(default = true)]
    good: bool,
    #[rome(default = -1)]
    tiny: i8,
    large: u128,
    weight: f64,
    born: NaiveDate,
    walk: NaiveTime,
    #[rome(default = Some("Rex".into()))]
    nick_name: Option<String>,
    #[rome(created_at)]
    created_at: DateTime<Utc>,
    #[rome(updated_at)]
    updated_at: DateTime<Utc>,
    #[rome(version)]
    version: u64,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

#[derive(Entity, Clone, Debug, PartialEq)]
struct HTTPVisit {
    #[rome(key)]
    dog: Id<Dog>,
    #[rome(key)]
    day: NaiveDate,
    #[rome(key)]
    coat: Coat,
    reason: String,
}

#[derive(Projection, Debug, PartialEq)]
#[rome(entity = Dog)]
struct Summary {
    nick_name: Option<String>,
    #[rome(from = NAME)]
    called: String,
}

fn rex() -> Dog {
    let address = Address { street: "1 Quai".into(), city: Some("Lyon".into()), country: "FR".into() };
    let vaccine = Vaccine { name: "rabies".into(), doses: 2 };
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    Dog {
        id: Id::new(7),
        name: "Rex".into(),
        age: None,
        owner: Uuid::from_u128(5),
        email: Email("rex@example.org".into()),
        home: Address { city: None, ..address.clone() },
        address,
        r#type: Coat::VeryLong,
        vaccines: vec![vaccine.clone()],
        notes: Json(vaccine),
        tags: vec!["good".into(), "big".into()],
        coats: vec![Coat::Short, Coat::Naked],
        photo: vec![0, 255],
        chip: Some(Chip { number: u64::MAX }),
        good: false,
        tiny: -3,
        large: u128::MAX,
        weight: 31.5,
        born: NaiveDate::from_ymd_opt(2020, 2, 29).unwrap(),
        walk: NaiveTime::from_hms_opt(7, 30, 0).unwrap(),
        nick_name: None,
        created_at: at(1),
        updated_at: at(2),
        version: 3,
        gone: Some(at(4)),
    }
}

fn stored<E: Entity>(entity: &E) -> Vec<u8> {
    let mut row = RowWriter::new();
    entity.write(&mut row);
    row.try_finish().unwrap()
}

fn at(position: u16) -> &'static rome_orm::schema::ColumnDef {
    Dog::table().column(position)
}

#[test]
fn a_row_reads_back_as_it_was_written() {
    let bytes = stored(&rex());
    let mut row = RowReader::new(&bytes);
    assert_eq!(Dog::read(&mut row).unwrap(), rex());
    assert_eq!(row.remaining(), 0);
}

#[test]
fn columns_follow_the_fields_and_embedded_ones_take_the_name_of_their_field() {
    let names: Vec<&str> = Dog::table().columns.iter().map(|column| &*column.name).collect();
    let expected = [
        "id",
        "name",
        "age",
        "owner",
        "address_street",
        "address_town",
        "address_country",
        "email",
        "second_street",
        "second_town",
        "second_country",
        "kind",
        "vaccines",
        "notes",
        "tags",
        "coats",
        "photo",
        "chip",
        "good",
        "tiny",
        "large",
        "weight",
        "born",
        "walk",
        "nick_name",
        "created_at",
        "updated_at",
        "version",
        "gone",
    ];
    assert_eq!(names, expected);
}

#[test]
fn constants_stand_at_their_columns() {
    assert_eq!(at(Dog::ID.position()).name, "id");
    assert_eq!(at(Dog::ADDRESS.city.position()).name, "address_town");
    assert_eq!(at(Dog::EMAIL.position()).name, "email");
    assert_eq!(at(Dog::HOME.country.position()).name, "second_country");
    assert_eq!(at(Dog::TYPE.position()).name, "kind");
    assert_eq!(at(Dog::GONE.position()).name, "gone");
}

#[test]
fn columns_have_the_types_of_their_fields() {
    let ty = |position| (at(position).ty, at(position).nullable);
    assert_eq!(ty(Dog::AGE.position()), (ColumnType::Int { bits: 32, signed: false }, true));
    assert_eq!(ty(Dog::ADDRESS.city.position()), (ColumnType::Text, true));
    assert_eq!(ty(Dog::TYPE.position()), (ColumnType::Enum(&["short", "very-long", "none at all"]), false));
    assert_eq!(ty(Dog::VACCINES.position()), (ColumnType::Json, false));
    assert_eq!(ty(Dog::EMAIL.position()), (ColumnType::Text, false));
    assert_eq!(ty(Dog::CHIP.position()), (ColumnType::Int { bits: 64, signed: false }, true));
    assert_eq!(at(Dog::COATS.position()).ty.name(), r#"list of enum["short","very-long","none at all"]"#);
}

#[test]
fn a_table_knows_its_key_and_the_columns_with_roles() {
    let table: &Table = Dog::table();
    assert_eq!((table.name, table.entity), ("dogs", "Dog"));
    assert_eq!((&*table.key, table.key_source), (&[0][..], KeySource::Counter));
    assert_eq!(table.deleted_at, Some(Dog::GONE.position()));
    assert_eq!(table.version, Some(Dog::VERSION.position()));
    let roles: Vec<(&str, Role)> =
        table.columns.iter().filter(|c| c.role != Role::Plain).map(|c| (&*c.name, c.role)).collect();
    let expected = [
        ("created_at", Role::CreatedAt),
        ("updated_at", Role::UpdatedAt),
        ("version", Role::Version),
        ("gone", Role::DeletedAt),
    ];
    assert_eq!(roles, expected);
}

#[test]
fn a_table_knows_its_indexes() {
    let index = |name: &str| Dog::table().indexes.iter().find(|index| index.name == name).unwrap();
    let (asc, desc) = (IndexPart::asc, IndexPart::desc);
    assert_eq!(index("by_name_age_desc").parts, [asc(Dog::NAME.position()), desc(Dog::AGE.position())]);
    assert_eq!(index("by_places").parts, [asc(Dog::ADDRESS.city.position()), asc(Dog::HOME.city.position())]);
    assert_eq!(index("by_age_desc").parts, [desc(Dog::AGE.position())]);
    assert_eq!(index("unique_owner_name").parts, [asc(Dog::OWNER.position()), asc(Dog::NAME.position())]);
    assert!(index("unique_owner_name").unique && index("unique_email").unique && !index("by_kind").unique);
    assert!(index("by_tags").multi && !index("by_kind").multi);
    assert_eq!(Dog::table().indexes.len(), 7);
}

#[test]
fn defaults_are_values_of_their_columns() {
    let default = |position: u16| at(position).default.map(|value| value());
    assert_eq!(default(Dog::GOOD.position()), Some(Value::Bool(true)));
    assert_eq!(default(Dog::TINY.position()), Some(Value::Int(-1)));
    assert_eq!(default(Dog::NICK_NAME.position()), Some(Value::Text("Rex".into())));
    assert_eq!(default(Dog::VACCINES.position()), Some(Value::Json("[]".into())));
    assert_eq!(default(Dog::HOME.country.position()), Some(Value::Text("FR".into())));
    assert_eq!(default(Dog::NAME.position()), None);
}

#[test]
fn a_key_of_several_fields_is_a_tuple_in_their_order() {
    let day = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
    let visit = HTTPVisit { dog: Id::new(7), day, coat: Coat::Naked, reason: "cough".into() };
    let key: (Id<Dog>, NaiveDate, Coat) = visit.key();
    assert_eq!(key, (Id::new(7), day, Coat::Naked));
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    assert_eq!(<(Id<Dog>, NaiveDate, Coat)>::decode(&bytes).unwrap(), key);
    assert_eq!((HTTPVisit::table().name, &*HTTPVisit::table().key), ("http_visit", &[0, 1, 2][..]));
}

#[derive(Entity)]
struct Drawn {
    #[rome(key, auto)]
    id: Id<Drawn, Uuid>,
}

#[derive(Entity)]
struct DrawnAtRandom {
    #[rome(key, auto = uuid_v4)]
    id: Uuid,
}

#[derive(Entity)]
struct Counted {
    #[rome(key, auto = counter)]
    id: Chip,
}

#[test]
fn generated_keys_come_from_what_suits_their_type() {
    assert_eq!(Drawn::table().key_source, KeySource::UuidV7);
    assert_eq!(DrawnAtRandom::table().key_source, KeySource::UuidV4);
    assert_eq!(Counted::table().key_source, KeySource::Counter);
    assert_eq!(HTTPVisit::table().key_source, KeySource::Given);
}

#[test]
fn an_enum_is_its_label() {
    assert_eq!(Coat::VeryLong.label(), "very-long");
    assert_eq!("none at all".parse::<Coat>().unwrap(), Coat::Naked);
    assert_eq!(Coat::from_value(Value::Text("short".into())).unwrap(), Coat::Short);
    assert!(Coat::from_value(Value::Int(1)).is_err());
}

#[test]
fn an_unknown_stored_label_is_an_error_that_names_it_and_the_enum() {
    let mut row = RowWriter::new();
    row.text("Short");
    let bytes = row.finish();
    let error = <Coat as Field>::read(&mut RowReader::new(&bytes)).unwrap_err();
    assert_eq!(error.to_string(), r#""Short" is not a label of Coat"#);
}

#[test]
fn enums_order_by_their_labels() {
    let key = |coat: Coat| {
        let mut bytes = Vec::new();
        coat.put_key(false, &mut bytes);
        bytes
    };
    assert!(key(Coat::Naked) < key(Coat::Short) && key(Coat::Short) < key(Coat::VeryLong));
    let mut text = Vec::new();
    String::from("short").put_key(false, &mut text);
    assert_eq!(key(Coat::Short), text);
}

#[test]
fn a_projection_asks_for_its_columns() {
    assert_eq!(Summary::columns(), [Dog::NICK_NAME.position(), Dog::NAME.position()]);
}

mod kennel {
    //! A module whose entity is used from outside, and whose own names hide those that derived code uses.

    use rome_orm::prelude::{ColumnEnum, Embedded, Entity};

    #[allow(dead_code)]
    struct Vec;
    #[allow(dead_code)]
    struct Option;
    #[allow(dead_code)]
    struct String;

    #[derive(ColumnEnum, Clone)]
    pub enum Result {
        Ok,
        Err,
    }

    #[derive(Embedded, Clone)]
    pub struct Place {
        pub row: u32,
    }

    #[derive(Entity, Clone)]
    pub struct Box {
        #[rome(key)]
        pub r#fn: u8,
        #[rome(embed)]
        pub place: Place,
        pub result: Result,
        pub(super) some: bool,
    }
}

#[test]
fn derived_code_stands_beside_any_names_and_is_as_visible_as_its_fields() {
    assert_eq!(kennel::Box::table().position("some"), Some(kennel::Box::SOME.position()));
    assert_eq!(kennel::Box::table().position("place_row"), Some(kennel::Box::PLACE.row.position()));
    assert_eq!(kennel::Box::FN.position(), 0);
    let kennel = kennel::Box { r#fn: 1, place: kennel::Place { row: 2 }, result: kennel::Result::Err, some: true };
    let bytes = stored(&kennel);
    assert!(kennel::Box::read(&mut RowReader::new(&bytes)).unwrap().some);
}

#[test]
fn an_entity_may_be_declared_in_a_function() {
    #[derive(Embedded)]
    struct Size {
        height: f32,
    }
    #[derive(Entity)]
    #[rome(index(size.height))]
    struct Local {
        #[rome(key)]
        id: Uuid,
        #[rome(embed)]
        size: Size,
    }
    assert_eq!(Local::table().indexes[0].name, "by_size_height");
    let local = Local { id: Uuid::nil(), size: Size { height: 1.5 } };
    assert_eq!(Local::read(&mut RowReader::new(&stored(&local))).unwrap().size.height, 1.5);
}
