//! Compares aggregates of one entity.

use rome_orm::expr::{count_distinct, count_of};
use rome_orm::prelude::*;

use super::super::groups::{self, GroupAsk, by_of, set_of};
use super::super::model::{Cond, Data, Table};
use super::super::naive::cut;
use super::super::sqlite::Sqlite;
use super::Dog;
use super::world::{Where, expr, vals};
use crate::tally::{compared, planned};

/// Aggregates of dogs.
pub async fn check_groups(at: Where<'_>, data: &Data, sqlite: Option<&Sqlite>, filter: &[Cond], ask: &GroupAsk) {
    let (by, set) = (by_of(ask.by), set_of(ask.set));
    let table = |_: usize| Table::Dog;
    let expected = groups::answer(&groups::single(data, Table::Dog, filter), &by, table, &set, ask);
    if let Some(sqlite) = sqlite {
        let text = groups::text(&by, table, &set, ask, |text| {
            text.push(" from dog t0 where 1");
            for cond in filter {
                text.push(" and ");
                text.cond(Table::Dog, "t0", cond);
            }
        });
        assert_eq!(sqlite.rows(text), expected, "SQLite and the naive evaluator differ");
    }
    compared(sqlite.is_some());
    let query = filter.iter().fold(at.query::<Dog>(), |query, cond| query.filter(expr::<Dog>(at, cond)));
    let (plain, no_index) = (query.clone(), query.ignore_indexes());
    macro_rules! sets {
        ($use:ident) => {
            match ask.set {
                0 => $use!((
                    count(),
                    count_of(Dog::AGE),
                    count_distinct(Dog::AGE),
                    sum(Dog::AGE),
                    min(Dog::AGE),
                    max(Dog::AGE),
                    avg(Dog::AGE)
                )),
                1 => $use!((
                    sum(Dog::WEIGHT),
                    min(Dog::WEIGHT),
                    max(Dog::NAME),
                    avg(Dog::BIG),
                    sum(Dog::BIG),
                    sum(Dog::WIDE),
                    count_distinct(Dog::NAME)
                )),
                2 => $use!((count(),)),
                3 => $use!((min(Dog::AGE), max(Dog::ID), count())),
                4 => $use!((max(Dog::OWNER_ID),)),
                5 => $use!((min(Dog::AGE), max(Dog::AGE))),
                _ => $use!((count_distinct(Dog::AGE),)),
            }
        };
    }
    macro_rules! whole {
        ($output:expr) => {{
            for query in [&plain, &no_index] {
                let found = vals(vec![query.aggregate($output).await.unwrap()]);
                assert_eq!(found, expected);
                planned();
            }
        }};
    }
    macro_rules! grouped {
        ($by:expr, $output:expr) => {{
            for query in [plain, no_index] {
                let mut groups = query.group_by($by);
                if let Some(n) = ask.having_count {
                    groups = groups.having(count().ge(n));
                }
                if let Some(n) = ask.having_sum {
                    groups = groups.having(sum(Dog::AGE).ge(n));
                }
                groups = match (ask.by_count, ask.by_age) {
                    (true, true) => groups.order_by((count().desc(), min(Dog::AGE).asc())),
                    (true, false) => groups.order_by(count().desc()),
                    (false, true) => groups.order_by(min(Dog::AGE).asc()),
                    (false, false) => groups,
                };
                if let Some(limit) = ask.limit {
                    groups = groups.limit(limit);
                }
                let groups = groups.offset(ask.offset).select(($by, $output));
                let plan = groups.explain().await.unwrap();
                assert_eq!(vals(groups.all().await.unwrap()), expected, "{plan}");
                planned();
                assert_eq!(groups.count().await.unwrap(), expected.len() as u64, "count: {plan}");
                assert_eq!(
                    vals(groups.first().await.unwrap().into_iter().collect()),
                    cut(&expected, 0, Some(1)),
                    "{plan}"
                );
            }
        }};
    }
    macro_rules! by_kind {
        ($output:expr) => {
            grouped!(Dog::KIND, $output)
        };
    }
    macro_rules! by_owner {
        ($output:expr) => {
            grouped!(Dog::OWNER_ID, $output)
        };
    }
    macro_rules! by_kind_and_age {
        ($output:expr) => {
            grouped!((Dog::KIND, Dog::AGE), $output)
        };
    }
    macro_rules! by_weight {
        ($output:expr) => {
            grouped!(Dog::WEIGHT, $output)
        };
    }
    match ask.by {
        0 => sets!(whole),
        1 => sets!(by_kind),
        2 => sets!(by_owner),
        3 => sets!(by_kind_and_age),
        _ => sets!(by_weight),
    }
}
