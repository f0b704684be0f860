//! Compares everything that a query can be asked with the naive answer.

use std::collections::HashSet;

use futures::TryStreamExt;
use rome_orm::prelude::*;
use rome_orm::query::Hints;

use super::generate::{Ask, Generate, Seen};
use super::lower::{expr, order};
use super::naive::{answer, passing, show_all};
use super::row::{Col, Row};
use super::sqlite::Sqlite;
use super::subjects::{Subject, same_key};
use crate::tally::{compared, planned};

/// The query, on a database or in a session.
pub fn build<'a, E: Subject>(query: Query<'a, E>, ask: &Ask) -> Query<'a, E> {
    let mut query = ask.filters.iter().fold(query, |query, cond| query.filter(expr::<E>(cond)));
    if !ask.order.is_empty() {
        query = query.order_by(ask.order.iter().map(|by| order::<E>(*by)).collect::<Vec<_>>());
    }
    if let Some(limit) = ask.limit {
        query = query.limit(limit);
    }
    if ask.offset > 0 {
        query = query.offset(ask.offset);
    }
    match ask.seen {
        Seen::Live => query,
        Seen::All => query.with_deleted(),
        Seen::Deleted => query.only_deleted(),
    }
}

/// Asserts that these are the rows: in order if there is one; any of those that pass if there is none.
fn assert_rows<E: Subject>(got: &[Row], rows: &[Row], ask: &Ask, what: &str) {
    let expected = answer::<E>(rows, ask);
    if !ask.order.is_empty() {
        return assert_eq!(show_all(got), show_all(&expected), "{what}");
    }
    let passing: HashSet<String> = show_all(&passing::<E>(rows, ask)).into_iter().collect();
    let distinct: HashSet<String> = show_all(got).into_iter().collect();
    assert_eq!(got.len(), expected.len(), "{what}: {got:#?}");
    assert_eq!(distinct.len(), got.len(), "{what}: a row comes twice: {got:#?}");
    assert!(distinct.is_subset(&passing), "{what}: {:#?} do not pass", distinct.difference(&passing));
}

fn rows_of<E: Subject>(entities: Vec<E>) -> Vec<Row> {
    entities.iter().map(Subject::row).collect()
}

/// Asks in every way. `fresh` gives a query without anything.
pub async fn check<'a, E: Subject>(
    fresh: impl Fn() -> Query<'a, E>,
    rows: &[Row],
    ask: &Ask,
    sqlite: Option<&Sqlite>,
    gen_: &mut Generate,
) {
    let expected = answer::<E>(rows, ask);
    if let Some(sqlite) = sqlite {
        let ids: Vec<u64> = expected.iter().map(|row| row.id).collect();
        assert_eq!(sqlite.ids(ask, E::SOFT), ids, "SQLite and the naive evaluator differ");
    }
    compared(sqlite.is_some());
    let query = || build(fresh(), ask);
    forced(&query, rows, ask, &expected, gen_).await;

    let plan = query().explain().await.unwrap();
    let what = format!("{plan}");
    assert_eq!(query().exists().await.unwrap(), !expected.is_empty(), "exists: {what}");
    let keys = query().keys().await.unwrap();
    assert_eq!(keys.len(), expected.len(), "keys: {what}");
    if !ask.order.is_empty() {
        let expected: Vec<E::Key> = expected.iter().map(|row| E::of(row).key()).collect();
        assert_eq!(keys, expected, "keys: {what}");
    }
    let first: Vec<Row> = query().first().await.unwrap().iter().map(Subject::row).collect();
    let only = Ask { limit: Some(ask.limit.unwrap_or(1).min(1)), ..ask.clone() };
    assert_rows::<E>(&first, rows, &only, &format!("first: {what}"));
    match query().one().await {
        Ok(row) => assert_rows::<E>(&[row.row()], rows, ask, &format!("one: {what}")),
        Err(error) if error.is_not_found() => assert_eq!(expected.len(), 0, "one: {what}"),
        Err(error) => assert!(error.is_not_unique() && expected.len() > 1, "one: {error}: {what}"),
    }
    // Streams and pages go by the key where there is no order, as the naive answer does.
    let streamed: Vec<E> = query().stream().try_collect().await.unwrap();
    assert_eq!(show_all(&rows_of(streamed)), show_all(&expected), "stream: {what}");
    pages(&fresh, rows, ask, gen_).await;
    selections(&query, rows, ask, &expected, &what).await;
}

/// All rows and their number, with the planner's choice, without indexes, and by each index that can serve.
async fn forced<'a, E: Subject>(
    query: &impl Fn() -> Query<'a, E>,
    rows: &[Row],
    ask: &Ask,
    expected: &[Row],
    gen_: &mut Generate,
) {
    let mut ways = vec![("planned".to_owned(), query()), ("no index".to_owned(), query().ignore_indexes())];
    let indexes = E::table().indexes.iter();
    ways.extend(indexes.map(|index| (index.name.clone(), query().use_index(index.name.as_str()))));
    for way in [None, Some(0), Some(1)] {
        let budget = gen_.random.one_in(2).then(|| 1 + gen_.random.below(12));
        let batch = gen_.random.one_in(2).then(|| 1 + gen_.random.below(4));
        let hints = Hints { compete: true, way, budget, batch, ..Default::default() };
        ways.push((format!("{hints:?}"), query().hinted(hints)));
    }
    for (name, query) in ways {
        let found = match query.all().await {
            Ok(found) => found,
            Err(error) if error.is_invalid() && error.to_string().contains("cannot serve") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let plan = query.explain().await.unwrap();
        assert_rows::<E>(&rows_of(found), rows, ask, &format!("by {name}: {plan}"));
        planned();
        // A count has no order and no limit, so its way may not be there.
        match query.count().await {
            Ok(count) => assert_eq!(count, expected.len() as u64, "count by {name}: {plan}"),
            Err(error) => assert!(error.to_string().contains("cannot serve"), "count by {name}: {error}"),
        }
    }
}

async fn pages<'a, E: Subject>(fresh: &impl Fn() -> Query<'a, E>, rows: &[Row], ask: &Ask, gen_: &mut Generate) {
    // A page query has a size and no limit.
    let ask = Ask { limit: None, ..ask.clone() };
    let expected = answer::<E>(rows, &ask);
    let mut query = build(fresh(), &ask);
    let index = gen_.random.below(E::table().indexes.len() as u64 * 2 + 1) as usize;
    if let Some(index) = E::table().indexes.get(index) {
        let by = query.clone().use_index(index.name.as_str());
        if by.clone().page(1).fetch().await.is_ok() {
            query = by;
        }
    }
    let what = query.explain().await.unwrap();
    for size in [1, 2 + gen_.random.below(4) as u32, expected.len().max(1) as u32, 1000] {
        let mut found = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = query.clone().page(size).after(cursor).fetch().await.unwrap();
            assert!(page.items.len() <= size as usize, "{what}");
            found.extend(rows_of(page.items));
            assert!(
                found.len() <= expected.len(),
                "pages of {size} go on: {what}\nwith {:#?}\nnot {:#?}",
                show_all(&found),
                show_all(&expected)
            );
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(show_all(&found), show_all(&expected), "pages of {size}: {what}");
    }
}

async fn selections<'a, E: Subject>(
    query: &impl Fn() -> Query<'a, E>,
    rows: &[Row],
    ask: &Ask,
    expected: &[Row],
    what: &str,
) {
    let cols = E::cols();
    if !ask.order.is_empty() || (ask.limit.is_none() && ask.offset == 0) {
        let mut names = query().select((cols.name, cols.big, cols.tags, cols.id)).all().await.unwrap();
        let mut briefs = E::briefs(query()).await.unwrap();
        let row = |row: &Row| (row.name.clone(), row.big, row.tags.clone(), row.id);
        let mut expected_names: Vec<_> = expected.iter().map(row).collect();
        let mut expected_briefs: Vec<_> = expected.iter().map(|row| (row.name.clone(), row.big, row.small)).collect();
        if ask.order.is_empty() {
            names.sort();
            briefs.sort();
            expected_names.sort();
            expected_briefs.sort();
        }
        assert_eq!(names, expected_names, "select: {what}");
        assert_eq!(briefs, expected_briefs, "project: {what}");
    }
    // Distinct, in an order of the selected columns alone.
    macro_rules! distinct {
        ($($field:ident $col:ident),+) => {{
            let selected = [$(Col::$col),+];
            let mut ask = ask.clone();
            ask.order.retain(|by| selected.contains(&by.col));
            let query = query().order_by(ask.order.iter().map(|by| order::<E>(*by)).collect::<Vec<_>>());
            let query = query.select(($(cols.$field,)+)).distinct();
            let (found, count) = (query.all().await.unwrap(), query.count().await.unwrap());
            let what = format!("distinct {selected:?}: {}", query.explain().await.unwrap());
            let mut seen = HashSet::new();
            let mut all: Vec<_> =
                passing::<E>(rows, &ask).into_iter().map(|row| ($(row.$field,)+)).collect();
            all.retain(|row| seen.insert(row.clone()));
            let limit = ask.limit.map_or(usize::MAX, |limit| limit as usize);
            let cut: Vec<_> = all.iter().skip(ask.offset as usize).take(limit).cloned().collect();
            assert_eq!(count, cut.len() as u64, "{what}");
            // Rows that the order does not tell apart may come in any order.
            assert_eq!(found.len(), cut.len(), "{what}");
            if ask.order.iter().map(|by| by.col).collect::<HashSet<_>>().len() == selected.len() {
                assert_eq!(found, cut, "{what}");
            }
            let once: HashSet<_> = found.iter().cloned().collect();
            assert_eq!(once.len(), found.len(), "{what}");
            assert!(found.iter().all(|row| seen.contains(row)), "{what}");
        }};
    }
    distinct!(kind Kind, flag Flag, big Big);
    distinct!(small Small, kind Kind);
    distinct!(name Name, flag Flag);
    distinct!(small Small);
    distinct!(kind Kind);
    distinct!(big Big);
    distinct!(note Note);
    distinct!(wide Wide);
    distinct!(at At);
}

/// Asserts that a table holds exactly these rows.
pub async fn check_table<'a, E: Subject>(query: Query<'a, E>, rows: &[Row], what: &str) {
    let found: Vec<E> = query.with_deleted().stream().try_collect().await.unwrap();
    let everything = Ask { filters: Vec::new(), order: Vec::new(), limit: None, offset: 0, seen: Seen::All };
    assert_eq!(show_all(&rows_of(found)), show_all(&answer::<E>(rows, &everything)), "{what}");
}

/// Finds a row by its key.
pub fn position<E: Subject>(rows: &[Row], row: &Row) -> Option<usize> {
    rows.iter().position(|other| same_key::<E>(other, row))
}
