//! Dates, times and moments are ROME's own, and those of `chrono` are the same columns.

use rome_orm::chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::value::{Date, Time, Timestamp};

mod own {
    use super::*;

    #[derive(Entity, Clone, Debug, Default, PartialEq)]
    pub struct Visit {
        #[rome(key)]
        pub day: Date,
        #[rome(key)]
        pub at: Time,
        #[rome(index)]
        pub paid: Option<Timestamp>,
        #[rome(created_at)]
        pub created: Timestamp,
        #[rome(updated_at)]
        pub updated: Timestamp,
        #[rome(soft_delete)]
        pub deleted: Option<Timestamp>,
    }
}

mod of_chrono {
    use super::*;

    #[derive(Entity, Clone, Debug, Default, PartialEq)]
    pub struct Visit {
        #[rome(key)]
        pub day: NaiveDate,
        #[rome(key)]
        pub at: NaiveTime,
        #[rome(index)]
        pub paid: Option<DateTime<Utc>>,
        #[rome(created_at)]
        pub created: DateTime<Utc>,
        #[rome(updated_at)]
        pub updated: DateTime<Utc>,
        #[rome(soft_delete)]
        pub deleted: Option<DateTime<Utc>>,
    }
}

#[tokio::test]
async fn columns_of_either_kind_are_the_same_columns() {
    let store = std::sync::Arc::new(MemoryStore::new());
    let db = Database::builder().entity::<own::Visit>().open(store.clone()).await.unwrap();
    let (day, at): (Date, Time) = ("2024-02-29".parse().unwrap(), "12:30".parse().unwrap());
    let paid: Timestamp = "2024-03-01T00:00:00.000001Z".parse().unwrap();
    let visit = db.insert(own::Visit { day, at, paid: Some(paid), ..Default::default() }).await.unwrap();
    assert!(visit.created > paid && visit.created <= Timestamp::now() && visit.updated == visit.created);

    // The other program finds nothing to change in the schema.
    let builder = || Database::builder().entity::<of_chrono::Visit>();
    assert!(builder().plan(store.clone()).await.unwrap().is_empty());
    let other = builder().open(store).await.unwrap();
    let found =
        other.query::<of_chrono::Visit>().filter(of_chrono::Visit::DAY.eq(NaiveDate::from(day))).one().await.unwrap();
    assert_eq!((Date::from(found.day), Time::from(found.at)), (day, at));
    assert_eq!((found.paid.map(Timestamp::from), Timestamp::from(found.created)), (Some(paid), visit.created));
    other.delete(&found).await.unwrap();

    let left = db.get_with_deleted::<own::Visit>((day, at)).await.unwrap().unwrap();
    assert!(left.deleted.is_some_and(|deleted| deleted >= visit.created));
    assert_eq!(db.query::<own::Visit>().filter(own::Visit::PAID.le(paid)).count().await.unwrap(), 0);
}

#[tokio::test]
async fn values_of_either_kind_are_the_same_values() {
    let (own, theirs): (Date, NaiveDate) = ("2024-02-29".parse().unwrap(), "2024-02-29".parse().unwrap());
    assert_eq!(Value::from(own), Value::from(theirs));
    assert!(matches!(Value::from(theirs), Value::Date(date) if date == own));
}
