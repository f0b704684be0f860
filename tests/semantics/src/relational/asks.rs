//! Compares what ROME answers with the naive evaluator and with SQLite.

use rome_orm::expr::{count_distinct, count_of};
use rome_orm::prelude::*;
use rome_orm::query::{Hints, Joined, Link, Parts};

use super::super::groups::{self, GroupAsk, set_of};
use super::super::model::{By, Cond, Data, Table, Val};
use super::super::naive::{self, Tuple, cut};
use super::super::shapes::{JoinAsk, shape_of};
use super::super::sqlite::{Sqlite, Text};
use super::world::{AsBoss, Ids, Known, Same, Where, expr, ids, orders, sorted, vals};
use super::{Boss, Dog, Owner, Tag};
use crate::tally::{compared, planned};

fn same<T>(of: T) -> T {
    of
}

/// How a join's rows have to be.
struct Expected<'a> {
    rows: &'a [Vec<Val>],
    /// Those without offset and limit.
    all: &'a [Vec<Val>],
    ordered: bool,
    /// Whether any rows will do, as many as there are in `rows`.
    any: bool,
}

impl Expected<'_> {
    fn check(&self, found: Vec<Vec<Val>>, what: &str) {
        if self.any {
            let mut left = self.all.to_vec();
            for row in &found {
                let at = left.iter().position(|other| other == row);
                left.swap_remove(at.unwrap_or_else(|| panic!("{row:?} of {found:?} is not there so often: {what}")));
            }
            assert_eq!(found.len(), self.rows.len(), "{found:?}: {what}");
        } else if self.ordered {
            assert_eq!(found, self.rows, "{what}");
        } else {
            assert_eq!(sorted(found), sorted(self.rows.to_vec()), "{what}");
        }
    }
}

/// All verbs of a join.
async fn check_rows<Q: Parts<Row: Ids + Send>>(query: &Joined<'_, Q>, expected: &Expected<'_>) {
    let plan = query.explain().await.unwrap();
    expected.check(ids(query.all().await.unwrap()), &plan.to_string());
    planned();
    assert_eq!(query.count().await.unwrap(), expected.rows.len() as u64, "count: {plan}");
    assert_eq!(query.exists().await.unwrap(), !expected.rows.is_empty(), "exists: {plan}");
    let streamed: Vec<Q::Row> = futures::TryStreamExt::try_collect(query.clone().stream()).await.unwrap();
    expected.check(ids(streamed), &format!("stream: {plan}"));
    let first = ids(query.first().await.unwrap().into_iter().collect());
    let one = cut(expected.rows, 0, Some(1));
    Expected { rows: &one, any: !expected.ordered, ..*expected }.check(first, &format!("first: {plan}"));
}

/// A join, in every way.
pub async fn check_join(at: Where<'_>, data: &Data, sqlite: Option<&Sqlite>, ask: &JoinAsk, group: &GroupAsk) {
    let shape = shape_of(ask.shape);
    let tuples = naive::joined(data, &shape, ask);
    let of = |tuple: &Tuple| (0..tuple.len()).map(|slot| naive::value(tuple, slot, 0)).collect::<Vec<_>>();
    let all: Vec<Vec<Val>> = tuples.iter().map(of).collect();
    let expected = cut(&all, ask.offset, ask.limit);
    if let Some(sqlite) = sqlite {
        let mut text = Text::default();
        let columns: Vec<String> = (0..shape.tables.len()).map(|slot| format!("t{slot}.id")).collect();
        text.push(&format!("select {}", columns.join(", ")));
        text.join(&shape, ask);
        text.order(&shape, &ask.order);
        text.cut(ask.offset, ask.limit);
        assert_eq!(sqlite.rows(text), expected, "SQLite and the naive evaluator differ");
    }
    compared(sqlite.is_some());
    // Filters, order, limit and both forms of rows of a join of any shape.
    macro_rules! run {
        ($query:expr, [$a:ty, $first:expr, $first_id:expr], [$b:ty, $second:expr, $second_id:expr]) => {{
            let mut query = $query;
            for (slot, cond) in &ask.filters {
                query = match slot {
                    0 => query.filter($first.expr(expr::<$a>(at, cond))),
                    _ => query.filter($second.expr(expr::<$b>(at, cond))),
                };
            }
            if let Some((a, b)) = &ask.either {
                let (a, b) = ($first.expr(expr::<$a>(at, a)), $second.expr(expr::<$b>(at, b)));
                query = query.filter(a.or_with(b));
            }
            if !ask.order.is_empty() {
                let first: Vec<_> = orders::<$a>(&ask.order, 0).into_iter().map(|order| $first.order(order)).collect();
                let second: Vec<_> =
                    orders::<$b>(&ask.order, 1).into_iter().map(|order| $second.order(order)).collect();
                query =
                    if ask.second_first { query.order_by((second, first)) } else { query.order_by((first, second)) };
            }
            if let Some(limit) = ask.limit {
                query = query.limit(limit);
            }
            query = query.offset(ask.offset);
            if let Some(visits) = ask.first_visits {
                query = query.first_visits(visits);
            }
            let rows = Expected { rows: &expected, all: &all, ordered: !ask.order.is_empty(), any: ask.is_any() };
            check_rows(&query, &rows).await;
            let selected = vals(query.clone().select(($first_id, $second_id)).all().await.unwrap());
            let two = |rows: &[Vec<Val>]| rows.iter().map(|row| row[..2].to_vec()).collect::<Vec<_>>();
            Expected { rows: &two(&expected), all: &two(&all), ..rows }.check(selected, "select");
            let mut once: Vec<Vec<Val>> = Vec::new();
            two(&all).into_iter().for_each(|row| {
                if !once.contains(&row) {
                    once.push(row)
                }
            });
            let distinct = query.clone().select(($first_id, $second_id)).distinct().all().await;
            match distinct {
                Ok(distinct) => {
                    let cut = cut(&once, ask.offset, ask.limit);
                    Expected { rows: &cut, all: &once, ..rows }.check(vals(distinct), "distinct");
                }
                // An order by what is not selected says nothing of distinct rows.
                Err(error) => assert!(error.is_invalid() && ask.order.iter().any(|by| by.col > 0), "{error}"),
            }
            query
        }};
    }
    // Groups of the joined rows, after their own limit.
    macro_rules! grouped {
        ($query:expr, $column:expr, $slot:literal, $name:literal, $dogs:literal, $dog:expr) => {{
            if ask.is_any() {
                drop($query);
                continue;
            }
            let by = [($slot, shape.tables[$slot].at($name))];
            let set: Vec<_> = set_of(0).into_iter().map(|(func, _, name)| (func, $dogs, name)).collect();
            let ask_of = GroupAsk { having_sum: None, by_age: false, ..group.clone() };
            let rows = cut(&tuples, ask.offset, ask.limit);
            let expected = groups::answer(&rows, &by, |slot| shape.tables[slot], &set, &ask_of);
            if let (Some(sqlite), None, 0) = (sqlite, ask.limit, ask.offset) {
                let text = groups::text(&by, |slot| shape.tables[slot], &set, &ask_of, |text| text.join(&shape, ask));
                assert_eq!(sqlite.rows(text), expected, "SQLite and the naive evaluator differ");
            }
            let mut groups = $query.group_by($column);
            if let Some(n) = ask_of.having_count {
                groups = groups.having(count().ge(n));
            }
            if ask_of.by_count {
                groups = groups.order_by(count().desc());
            }
            if let Some(limit) = ask_of.limit {
                groups = groups.limit(limit);
            }
            let groups = groups.offset(ask_of.offset).select((
                $column,
                count(),
                (count_of($dog(Dog::AGE)), count_distinct($dog(Dog::AGE)), sum($dog(Dog::AGE))),
            ));
            let found = vals(groups.all().await.unwrap());
            let expected: Vec<Vec<Val>> = expected.iter().map(|row| row[..5].to_vec()).collect();
            assert_eq!(found, expected, "groups: {}", groups.explain().await.unwrap());
        }};
    }
    let extra_dog = |link: Link<Owner, Dog>| ask.on.iter().fold(link, |link, cond| link.filter(expr(at, cond)));
    let extra_tag = |link: Link<Dog, Tag>| ask.on.iter().fold(link, |link, cond| link.filter(expr(at, cond)));
    let extra_owner = |link: Link<Dog, Owner>| ask.on.iter().fold(link, |link, cond| link.filter(expr(at, cond)));
    // All but the cross join are grouped too.
    if ask.shape != 11 && !ask.is_any() {
        compared(sqlite.is_some() && ask.limit.is_none() && ask.offset == 0);
    }
    for no_index in [false, true] {
        let dogs = by(at.query::<Dog>(), no_index);
        let owners = by(at.query::<Owner>(), no_index);
        match ask.shape {
            0 => {
                let query = run!(dogs.join(Dog::OWNER), [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Owner::CITY, 1, "city", 0, same);
            }
            1 => {
                let query = run!(dogs.left_join(Dog::OWNER), [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Owner::CITY, 1, "city", 0, same);
            }
            2 => {
                let query = run!(owners.join(Owner::DOGS), [Owner, Same, Owner::ID], [Dog, Same, Dog::ID]);
                grouped!(query, Owner::AGE, 0, "age", 1, same);
            }
            3 => {
                let link = extra_dog(Owner::DOGS.link());
                let query = run!(owners.left_join(link), [Owner, Same, Owner::ID], [Dog, Same, Dog::ID]);
                grouped!(query, Owner::ID, 0, "id", 1, same);
            }
            4 => {
                let query = run!(
                    dogs.join(Dog::BOSS.aliased::<Boss>()),
                    [Dog, Same, Dog::ID],
                    [Dog, AsBoss, Boss::of(Dog::ID)]
                );
                grouped!(query, Boss::of(Dog::KIND), 1, "kind", 1, Boss::of);
            }
            5 => {
                let query = dogs.left_join(Dog::BOSS.aliased::<Boss>()).left_join(Boss::of(Dog::OWNER));
                let query = run!(query, [Dog, Same, Dog::ID], [Dog, AsBoss, Boss::of(Dog::ID)]);
                grouped!(query, Owner::CITY, 2, "city", 0, same);
            }
            6 => {
                let query = dogs.join(Dog::OWNER).left_join(Dog::BOSS.aliased::<Boss>());
                let query = run!(query, [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Boss::of(Dog::KIND), 2, "kind", 0, same);
            }
            7 => {
                let query = run!(dogs.join(Dog::TAGS), [Dog, Same, Dog::ID], [Tag, Same, Tag::ID]);
                grouped!(query, Tag::LABEL, 1, "label", 0, same);
            }
            8 => {
                let link = extra_tag(Dog::TAGS.link());
                let query = run!(dogs.left_join(link), [Dog, Same, Dog::ID], [Tag, Same, Tag::ID]);
                grouped!(query, Tag::LABEL, 1, "label", 0, same);
            }
            9 => {
                let query = run!(dogs.join(Dog::CODE.on(Owner::CODE)), [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Owner::CITY, 1, "city", 0, same);
            }
            10 => {
                let link = Dog::CODE.on(Owner::CODE).and(Dog::AGE.on(Owner::AGE));
                let query = run!(dogs.left_join(link), [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Dog::KIND, 0, "kind", 0, same);
            }
            11 => drop(run!(owners.cross_join::<Tag>(), [Owner, Same, Owner::ID], [Tag, Same, Tag::ID])),
            12 => {
                let query = owners.join(Owner::DOGS).join(Dog::TAGS);
                let query = run!(query, [Owner, Same, Owner::ID], [Dog, Same, Dog::ID]);
                grouped!(query, Tag::LABEL, 2, "label", 1, same);
            }
            13 => {
                let query = by(at.query::<Tag>(), no_index).join(Tag::DOGS).left_join(Dog::OWNER);
                let query = run!(query, [Tag, Same, Tag::ID], [Dog, Same, Dog::ID]);
                grouped!(query, Owner::AGE, 2, "age", 1, same);
            }
            14 => {
                let query = dogs.left_join(Dog::BOSS.aliased::<Boss>()).join(Boss::of(Dog::OWNER));
                let query = run!(query, [Dog, Same, Dog::ID], [Dog, AsBoss, Boss::of(Dog::ID)]);
                grouped!(query, Owner::CITY, 2, "city", 0, same);
            }
            _ => {
                let link = extra_owner(Dog::NAME.on(Owner::CITY).and(Dog::KIND.on(Owner::CITY)));
                let query = run!(dogs.join(link), [Dog, Same, Dog::ID], [Owner, Same, Owner::ID]);
                grouped!(query, Owner::CITY, 1, "city", 0, same);
            }
        }
    }
}

fn by<E: Entity>(query: Query<'_, E>, no_index: bool) -> Query<'_, E> {
    if no_index { query.ignore_indexes() } else { query }
}

/// The rows of one entity, where conditions ask other tables.
pub async fn check_filter<E: Known>(
    at: Where<'_>,
    data: &Data,
    sqlite: Option<&Sqlite>,
    filter: &[Cond],
    order: &[By],
) {
    let shape = super::super::shapes::Shape { tables: vec![E::TABLE], joins: Vec::new() };
    let ask = JoinAsk {
        shape: 0,
        filters: filter.iter().map(|cond| (0, cond.clone())).collect(),
        either: None,
        on: Vec::new(),
        order: order.to_vec(),
        second_first: false,
        limit: None,
        offset: 0,
        first_visits: None,
    };
    let rows = naive::joined(data, &shape, &ask);
    let expected: Vec<Vec<Val>> = rows.iter().map(|row| vec![naive::value(row, 0, 0)]).collect();
    if let Some(sqlite) = sqlite {
        let mut text = Text::default();
        text.push("select t0.id");
        text.join(&shape, &ask);
        text.order(&shape, order);
        assert_eq!(sqlite.rows(text), expected, "SQLite and the naive evaluator differ");
    }
    compared(sqlite.is_some());
    let query = filter.iter().fold(at.query::<E>(), |query, cond| query.filter(expr::<E>(at, cond)));
    let ordered = query.clone().order_by(orders::<E>(order, 0));
    let plan = ordered.explain().await.unwrap();
    let mut ways = vec![ordered.clone(), ordered.clone().ignore_indexes()];
    ways.extend(E::table().indexes.iter().map(|index| ordered.clone().use_index(index.name.as_str())));
    for way in ways {
        let found = match way.all().await {
            Ok(found) => found,
            Err(error) if error.is_invalid() && error.to_string().contains("cannot serve") => continue,
            Err(error) => panic!("{error}: {plan}"),
        };
        let found: Vec<Vec<Val>> = found.iter().map(|row| vec![Val::Int(row.id())]).collect();
        let plan = way.explain().await.unwrap();
        if order.is_empty() {
            assert_eq!(sorted(found), sorted(expected.clone()), "{plan}");
        } else {
            assert_eq!(found, expected, "{plan}");
        }
        planned();
    }
    // The first rows, by each of the ways that compete.
    for (way, budget, batch) in
        [(None, Some(1), Some(1)), (Some(0), None, Some(2)), (Some(1), None, None), (Some(2), None, None)]
    {
        let hints = Hints { compete: true, way, budget, batch, ..Default::default() };
        for limit in [1, 3, 1_000] {
            let found: Vec<Vec<Val>> = ordered
                .clone()
                .hinted(hints)
                .limit(limit)
                .all()
                .await
                .unwrap()
                .iter()
                .map(|row| vec![Val::Int(row.id())])
                .collect();
            let first = cut(&expected, 0, Some(limit));
            if order.is_empty() {
                assert_eq!(found.len(), first.len(), "{hints:?}: {plan}");
                assert!(found.iter().all(|row| expected.contains(row)), "{hints:?}: {plan}");
            } else {
                assert_eq!(found, first, "{hints:?}: {plan}");
            }
            planned();
        }
    }
    assert_eq!(query.count().await.unwrap(), expected.len() as u64, "count: {plan}");
    assert_eq!(query.exists().await.unwrap(), !expected.is_empty(), "exists: {plan}");
    assert_eq!(query.keys().await.unwrap().len(), expected.len(), "keys: {plan}");
    let page = ordered.clone().page(3).fetch().await.unwrap();
    assert_eq!(page.items.len(), expected.len().min(3), "page: {plan}");
    let streamed: Vec<E> = futures::TryStreamExt::try_collect(query.stream()).await.unwrap();
    assert_eq!(streamed.len(), expected.len(), "stream: {plan}");
}

/// Set operations on selections of dogs, on whole dogs, and on dogs and owners.
pub async fn check_sets(
    at: Where<'_>,
    data: &Data,
    sqlite: Option<&Sqlite>,
    a: &[Cond],
    b: &[Cond],
    limit: Option<u64>,
) {
    let (kind, age) = (Table::Dog.at("kind"), Table::Dog.at("age"));
    let pairs = |filter: &[Cond]| -> Vec<Vec<Val>> {
        naive::passing(data, Table::Dog, filter).iter().map(|dog| vec![dog[kind].clone(), dog[age].clone()]).collect()
    };
    let (left, right) = (pairs(a), pairs(b));
    let query =
        |filter: &[Cond]| filter.iter().fold(at.query::<Dog>(), |query, cond| query.filter(expr::<Dog>(at, cond)));
    let once = |rows: Vec<Vec<Val>>| {
        let mut rows = sorted(rows);
        rows.dedup();
        rows
    };
    for word in ["union", "union all", "intersect", "except"] {
        let all = match word {
            "union" => once([left.clone(), right.clone()].concat()),
            "union all" => sorted([left.clone(), right.clone()].concat()),
            "intersect" => once(left.iter().filter(|row| right.contains(row)).cloned().collect()),
            _ => once(left.iter().filter(|row| !right.contains(row)).cloned().collect()),
        };
        let expected = cut(&all, 0, limit);
        if let Some(sqlite) = sqlite {
            let mut text = Text::default();
            text.push("select t0.kind, t0.age from dog t0 where 1");
            for cond in a {
                text.push(" and ");
                text.cond(Table::Dog, "t0", cond);
            }
            text.push(&format!(" {word} select t0.kind, t0.age from dog t0 where 1"));
            for cond in b {
                text.push(" and ");
                text.cond(Table::Dog, "t0", cond);
            }
            text.push(" order by 1, 2");
            text.cut(0, limit);
            assert_eq!(sqlite.rows(text), expected, "SQLite and the naive evaluator differ");
        }
        compared(sqlite.is_some());
        planned();
        let side = |filter: &[Cond]| query(filter).select((Dog::KIND, Dog::AGE));
        let set = match word {
            "union" => side(a).union(side(b)),
            "union all" => side(a).union_all(side(b)),
            "intersect" => side(a).intersect(side(b)),
            _ => side(a).except(side(b)),
        };
        assert_eq!(set.count().await.unwrap(), all.len() as u64, "{word}");
        let set = set.order_by((Dog::KIND.asc(), Dog::AGE.asc()));
        let set = match limit {
            Some(limit) => set.limit(limit),
            None => set,
        };
        assert_eq!(vals(set.all().await.unwrap()), expected, "{word}");
    }
    let passing =
        |filter: &[Cond]| naive::passing(data, Table::Dog, filter).iter().map(|dog| dog[0].clone()).collect::<Vec<_>>();
    let (left, right) = (passing(a), passing(b));
    let expected: Vec<Val> = left.iter().filter(|id| !right.contains(id)).cloned().collect();
    let found = query(a).except(query(b)).order_by(Dog::ID.asc()).all().await.unwrap();
    let mut found: Vec<Val> = found.iter().map(|dog| Val::Int(dog.id())).collect();
    let mut expected = expected;
    expected.sort_by(Val::total);
    assert_eq!(found, expected, "dogs except dogs");
    compared(false);
    // A join and groups as sides.
    let owned = query(a).join(Dog::OWNER).select(Owner::ID);
    let owners = at.query::<Owner>().select(Owner::ID);
    let without = owners.except(owned).union_all(query(b).group_by(Dog::ID)).all().await.unwrap();
    let owner = Table::Dog.at("owner_id");
    let has = |id: &Val| naive::passing(data, Table::Dog, a).iter().any(|dog| dog[owner] == *id);
    expected = data.of(Table::Owner).iter().map(|owner| owner[0].clone()).filter(|id| !has(id)).chain(right).collect();
    expected.sort_by(Val::total);
    found = without.into_iter().map(|id| Val::Int(id.into())).collect();
    found.sort_by(Val::total);
    assert_eq!(found, expected, "owners without dogs");
    compared(false);
}
