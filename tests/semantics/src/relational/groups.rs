//! Aggregate queries as data, and their naive answer.

use std::cmp::Ordering;

use super::model::{Agg, Data, Func, Generate, Table, Val};
use super::naive::{Tuple, aggregate, cut, grouped, lexicographic};
use super::sqlite::Text;

/// How many sets of aggregates there are.
pub const SETS: u64 = 7;

/// The aggregates that are asked for together, of dogs in the first place.
pub fn set_of(n: u64) -> Vec<Agg> {
    use Func::{Avg, Count, CountDistinct, CountOf, Max, Min, Sum};
    match n {
        0 => vec![
            (Count, 0, "id"),
            (CountOf, 0, "age"),
            (CountDistinct, 0, "age"),
            (Sum, 0, "age"),
            (Min, 0, "age"),
            (Max, 0, "age"),
            (Avg, 0, "age"),
        ],
        1 => vec![
            (Sum, 0, "weight"),
            (Min, 0, "weight"),
            (Max, 0, "name"),
            (Avg, 0, "big"),
            (Sum, 0, "big"),
            (Sum, 0, "wide"),
            (CountDistinct, 0, "name"),
        ],
        2 => vec![(Count, 0, "id")],
        3 => vec![(Min, 0, "age"), (Max, 0, "id"), (Count, 0, "id")],
        4 => vec![(Max, 0, "owner_id")],
        5 => vec![(Min, 0, "age"), (Max, 0, "age")],
        _ => vec![(CountDistinct, 0, "age")],
    }
}

/// How many sets of columns to group by there are.
pub const BYS: u64 = 5;

/// The columns of dogs that are grouped by.
pub fn by_of(n: u64) -> Vec<(usize, usize)> {
    let dog = |name| (0, Table::Dog.at(name));
    match n {
        0 => Vec::new(),
        1 => vec![dog("kind")],
        2 => vec![dog("owner_id")],
        3 => vec![dog("kind"), dog("age")],
        _ => vec![dog("weight")],
    }
}

/// What is asked of groups besides.
#[derive(Clone, Debug)]
pub struct GroupAsk {
    pub by: u64,
    pub set: u64,
    /// At least so many rows.
    pub having_count: Option<u64>,
    /// The ages add up to at least this.
    pub having_sum: Option<i64>,
    /// By the number of rows, descending.
    pub by_count: bool,
    /// By the least age, with NULL first.
    pub by_age: bool,
    pub limit: Option<u64>,
    pub offset: u64,
}

impl Generate {
    pub fn group_ask(&mut self) -> GroupAsk {
        let by = self.random.below(BYS);
        let random = &mut self.random;
        let whole = by == 0;
        GroupAsk {
            by,
            set: random.below(SETS),
            having_count: (!whole && random.one_in(3)).then(|| random.below(4)),
            having_sum: (!whole && random.one_in(4)).then(|| random.range(-2, 6)),
            by_count: !whole && random.one_in(3),
            by_age: !whole && random.one_in(3),
            limit: (!whole && random.one_in(3)).then(|| random.below(4)),
            offset: if !whole && random.one_in(4) { random.below(3) } else { 0 },
        }
    }
}

/// The groups' columns and aggregates, in order.
pub fn answer(
    rows: &[Tuple],
    by: &[(usize, usize)],
    table: impl Fn(usize) -> Table,
    set: &[Agg],
    ask: &GroupAsk,
) -> Vec<Vec<Val>> {
    let of = |rows: &[Tuple], agg: Agg| aggregate(rows, &table, agg);
    let mut groups = grouped(rows, by);
    let at_least = |value: Val, least: i128| matches!(value, Val::Int(n) if n >= least);
    groups.retain(|(_, rows)| {
        ask.having_count.is_none_or(|n| rows.len() as u64 >= n)
            && ask.having_sum.is_none_or(|n| at_least(of(rows, (Func::Sum, 0, "age")), n.into()))
    });
    groups.sort_by(|a, b| {
        let mut ordering = Ordering::Equal;
        if ask.by_count {
            ordering = ordering.then(b.1.len().cmp(&a.1.len()));
        }
        if ask.by_age {
            let least = |rows: &[Tuple]| of(rows, (Func::Min, 0, "age"));
            ordering = ordering.then(least(&a.1).total(&least(&b.1)));
        }
        // Ties go in the direction of the last part.
        let ties = lexicographic(&a.0, &b.0);
        ordering.then(if ask.by_count && !ask.by_age { ties.reverse() } else { ties })
    });
    let rows: Vec<Vec<Val>> = groups
        .into_iter()
        .map(|(key, rows)| key.into_iter().chain(set.iter().map(|agg| of(&rows, *agg))).collect())
        .collect();
    cut(&rows, ask.offset, ask.limit)
}

/// `select ... from` what `from` writes, grouped.
pub fn text(
    by: &[(usize, usize)],
    table: impl Fn(usize) -> Table,
    set: &[Agg],
    ask: &GroupAsk,
    from: impl FnOnce(&mut Text),
) -> Text {
    let mut text = Text::default();
    let columns: Vec<String> =
        by.iter().map(|(slot, col)| format!("t{slot}.{}", table(*slot).columns()[*col].name)).collect();
    text.push("select ");
    text.push(&columns.join(", "));
    for (at, agg) in set.iter().enumerate() {
        text.push(if at > 0 || !columns.is_empty() { ", " } else { "" });
        text.aggregate(*agg);
    }
    from(&mut text);
    if columns.is_empty() {
        return text;
    }
    text.push(&format!(" group by {} having 1", columns.join(", ")));
    if let Some(n) = ask.having_count {
        text.push(&format!(" and count(*) >= {n}"));
    }
    if let Some(n) = ask.having_sum {
        text.push(&format!(" and sum(t0.age) >= {n}"));
    }
    text.push(" order by ");
    text.push(if ask.by_count { "count(*) desc, " } else { "" });
    text.push(if ask.by_age { "min(t0.age) asc nulls first, " } else { "" });
    let descending = ask.by_count && !ask.by_age;
    let ties: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} {}", if descending { "desc nulls last" } else { "asc nulls first" }))
        .collect();
    text.push(&ties.join(", "));
    text.cut(ask.offset, ask.limit);
    text
}

/// Rows of one table as joined rows.
pub fn single(data: &Data, table: Table, filter: &[super::model::Cond]) -> Vec<Tuple> {
    super::naive::passing(data, table, filter).into_iter().map(|rec| vec![Some(rec.clone())]).collect()
}
