//! Aggregates are methods of columns, so that a program may have other functions called `min` and `max`.

use std::cmp::{max, min};

use super::{Dog, kennel};

#[tokio::test]
async fn aggregates_need_no_import() {
    let db = kennel().await;
    let all =
        (Dog::AGE.min(), Dog::AGE.max(), Dog::AGE.sum(), Dog::AGE.avg(), Dog::AGE.count(), Dog::AGE.count_distinct());
    let found = db.query::<Dog>().aggregate(all).await.unwrap();
    assert_eq!(found, (Some(3), Some(5), Some(11), Some(11.0 / 3.0), 3, 2));
    assert_eq!(db.query::<Dog>().aggregate((Dog::AGE + 1).max()).await.unwrap(), Some(6));
    assert_eq!((min(1, 2), max(1, 2)), (1, 2));
}
