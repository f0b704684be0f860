//! Columns of the types that the random rows do not have: found by their indexes as by their rows, and in order.

use chrono::{NaiveDate, NaiveTime};
use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: Option<u32>,
}

#[derive(Newtype, Clone, Debug, PartialEq, PartialOrd)]
struct Email(String);

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(index(address.city, desc(address.zip)), index(desc(address.zip)), index(address.zip, name = "by_zip"))]
struct Person {
    #[rome(key)]
    id: i8,
    #[rome(embed)]
    address: Address,
    #[rome(index)]
    email: Email,
    #[rome(index)]
    born: NaiveDate,
    #[rome(index(desc))]
    wakes: Option<NaiveTime>,
    #[rome(index)]
    tiny: i8,
    #[rome(index(desc))]
    large: u128,
    #[rome(index)]
    low: i128,
    #[rome(index)]
    weight: f32,
    notes: Option<Json<Vec<u8>>>,
}

fn people() -> Vec<Person> {
    let person = |n: i8| {
        let wide = i128::from(n);
        Person {
            id: n,
            address: Address {
                city: format!("city {}", n % 3),
                zip: (n % 4 != 0).then_some(70 - n.unsigned_abs() as u32),
            },
            email: Email(format!("{}@example.org", ["a", "B", "é"][n.unsigned_abs() as usize % 3])),
            born: NaiveDate::from_ymd_opt(1970 + i32::from(n), 2, 1).unwrap(),
            wakes: (n % 5 != 0).then(|| NaiveTime::from_hms_opt(u32::from(n.unsigned_abs()), 30, 0).unwrap()),
            tiny: n.wrapping_mul(13),
            large: if n % 2 == 0 { u128::MAX - wide.unsigned_abs() } else { wide.unsigned_abs() },
            low: if n % 2 == 0 { i128::MIN + wide.abs() } else { -wide },
            weight: f32::from(n) / 3.0,
            notes: (n > 0).then(|| Json(vec![n.unsigned_abs()])),
        }
    };
    (-10..=10).map(person).collect()
}

#[tokio::test]
async fn every_type_is_found_by_its_index_as_by_its_row() {
    let columns = ["id", "address_city", "address_zip", "email", "born", "wakes", "tiny", "large", "low", "weight"];
    for place in places() {
        let db = open!(place, [Person]);
        let all = people();
        db.insert_many(all.clone()).await.unwrap();
        for name in columns {
            let column = Person::column(name).unwrap();
            for value in values(name, &all) {
                let mut counts = Vec::new();
                for filter in [
                    column.eq(value.clone()),
                    column.ne(value.clone()),
                    column.lt(value.clone()),
                    column.le(value.clone()),
                    column.gt(value.clone()),
                    column.ge(value.clone()),
                    column.is_in([value.clone(), values(name, &all)[0].clone()]),
                ] {
                    for order in [column.asc().unwrap(), column.desc().unwrap()] {
                        let query = db.query::<Person>().filter(filter.as_ref().unwrap().clone()).order_by(order);
                        let by_row = query.clone().ignore_indexes().all().await.unwrap();
                        assert_eq!(query.all().await.unwrap(), by_row, "{}", query.explain().await.unwrap());
                        let expected = query.count().await.unwrap();
                        assert_eq!(by_row.len() as u64, expected);
                        counts.push(expected);
                    }
                }
                let known = db.query::<Person>().filter(!column.is_null()).count().await.unwrap();
                if let ([eq, _, ne, _, lt, _, le, _, gt, _, ge, ..], false) = (counts.as_slice(), value.is_null()) {
                    assert!(*eq >= 1 && eq + ne == known && lt + eq + gt == known, "{name} {value}: {counts:?}");
                    assert!(lt + eq == *le && gt + eq == *ge, "{name} {value}: {counts:?}");
                }
            }
        }
    }
}

fn values(name: &str, all: &[Person]) -> Vec<Value> {
    let value = |person: &Person| match name {
        "id" => person.id.into(),
        "address_city" => person.address.city.clone().into(),
        "address_zip" => person.address.zip.into(),
        "email" => person.email.0.clone().into(),
        "born" => person.born.into(),
        "wakes" => person.wakes.into(),
        "tiny" => person.tiny.into(),
        "large" => Value::from(person.large),
        "low" => person.low.into(),
        _ => person.weight.into(),
    };
    all.iter().step_by(4).map(value).collect()
}

#[tokio::test]
async fn every_type_orders_as_its_values_do() {
    for place in places() {
        let db = open!(place, [Person]);
        let all = people();
        db.insert_many(all.clone()).await.unwrap();
        macro_rules! orders {
            ($($column:expr, $key:expr;)+) => { $(
                let mut expected = all.clone();
                expected.sort_by(|a, b| $key(a).partial_cmp(&$key(b)).unwrap().then(a.id.cmp(&b.id)));
                let query = db.query::<Person>().order_by($column.asc());
                assert_eq!(query.all().await.unwrap(), expected);
                assert_eq!(query.limit(7).all().await.unwrap(), expected[..7]);
                expected.reverse();
                let query = db.query::<Person>().order_by($column.desc());
                assert_eq!(query.all().await.unwrap(), expected);
                assert_eq!(query.limit(7).all().await.unwrap(), expected[..7]);
            )+ };
        }
        orders! {
            Person::ID, |p: &Person| p.id;
            Person::ADDRESS.city, |p: &Person| p.address.city.clone();
            Person::ADDRESS.zip, |p: &Person| p.address.zip;
            Person::EMAIL, |p: &Person| p.email.clone();
            Person::BORN, |p: &Person| p.born;
            Person::WAKES, |p: &Person| p.wakes;
            Person::TINY, |p: &Person| p.tiny;
            Person::LARGE, |p: &Person| p.large;
            Person::LOW, |p: &Person| p.low;
            Person::WEIGHT, |p: &Person| p.weight;
        }
    }
}
