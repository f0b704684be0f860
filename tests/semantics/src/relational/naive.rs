//! What queries give, by plain loops.

use std::cmp::Ordering;

use super::model::{Agg, By, Cond, Data, Func, Op, Quantifier, Rec, Rel, Table, Val, compare};
use super::shapes::{Join, JoinAsk, Kind, Shape};

fn and(all: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for one in all {
        result = match (result, one) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    result
}

fn or(all: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    and(all.into_iter().map(|one| one.map(|one| !one))).map(|result| !result)
}

pub fn holds(op: Op, a: &Val, b: &Val) -> Option<bool> {
    compare(a, b).map(|ordering| match op {
        Op::Eq => ordering.is_eq(),
        Op::Ne => ordering.is_ne(),
        Op::Lt => ordering.is_lt(),
        Op::Le => ordering.is_le(),
        Op::Gt => ordering.is_gt(),
        Op::Ge => ordering.is_ge(),
    })
}

/// The rows that a relation leads to.
pub fn related<'a>(data: &'a Data, table: Table, rec: &Rec, rel: Rel) -> Vec<&'a Rec> {
    let (near, far, linked) = rel.on();
    let to = rel.to();
    if !linked {
        let value = &rec[table.at(near)];
        return data.of(to).iter().filter(|other| holds(Op::Eq, value, &other[to.at(far)]) == Some(true)).collect();
    }
    let links = data.of(Table::Link).iter().filter(|link| link[Table::Link.at(near)] == rec[0]);
    links.flat_map(|link| data.of(to).iter().filter(|other| other[0] == link[Table::Link.at(far)])).collect()
}

fn is_in(value: &Val, vals: impl IntoIterator<Item = Val>) -> Option<bool> {
    or(vals.into_iter().map(|val| holds(Op::Eq, value, &val)))
}

/// Whether a condition is true; none: unknown. A row that a left join left out has NULL everywhere.
pub fn test(data: &Data, table: Table, rec: &Rec, cond: &Cond) -> Option<bool> {
    let negated = |known: Option<bool>, not: bool| known.map(|known| known != not);
    match cond {
        Cond::Cmp { col, op, val } => holds(*op, &rec[*col], val),
        Cond::In { col, vals, not } => negated(is_in(&rec[*col], vals.iter().cloned()), *not),
        Cond::Null { col, not } => Some(rec[*col].is_null() != *not),
        Cond::And(all) => and(all.iter().map(|cond| test(data, table, rec, cond))),
        Cond::Or(all) => or(all.iter().map(|cond| test(data, table, rec, cond))),
        Cond::Not(of) => negated(test(data, table, rec, of), true),
        Cond::Related { rel, how, cond } => {
            let mut rows = related(data, table, rec, *rel).into_iter();
            let is_true = |row: &Rec| test(data, rel.to(), row, cond) == Some(true);
            Some(match how {
                Quantifier::Exists => rows.len() > 0,
                Quantifier::Any => rows.any(is_true),
                Quantifier::None => !rows.any(is_true),
                Quantifier::All => rows.all(is_true),
            })
        }
        Cond::InOwners { not, cond } => {
            let given = passing(data, Table::Owner, std::slice::from_ref(cond)).into_iter().map(|row| row[0].clone());
            negated(is_in(&rec[Table::Dog.at("owner_id")], given), *not)
        }
        Cond::CodeInDogs { not, cond } => {
            let code = Table::Dog.at("code");
            let given = passing(data, Table::Dog, std::slice::from_ref(cond)).into_iter().map(|row| row[code].clone());
            negated(is_in(&rec[Table::Owner.at("code")], given), *not)
        }
    }
}

pub fn passing<'a>(data: &'a Data, table: Table, filter: &[impl AsRef<Cond>]) -> Vec<&'a Rec> {
    let passes = |rec: &&Rec| filter.iter().all(|cond| test(data, table, rec, cond.as_ref()) == Some(true));
    data.of(table).iter().filter(passes).collect()
}

impl AsRef<Self> for Cond {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A joined row: a row of each table, or none.
pub type Tuple = Vec<Option<Rec>>;

pub fn value(tuple: &Tuple, slot: usize, col: usize) -> Val {
    tuple[slot].as_ref().map_or(Val::Null, |rec| rec[col].clone())
}

fn nulls(table: Table) -> Rec {
    vec![Val::Null; table.columns().len()]
}

fn partners<'a>(data: &'a Data, shape: &Shape, tuple: &Tuple, join: &Join) -> Vec<&'a Rec> {
    let from = shape.tables[join.from];
    let Some(rec) = &tuple[join.from] else { return Vec::new() };
    match &join.kind {
        Kind::Relation(rel) => related(data, from, rec, *rel),
        Kind::Columns(on) => {
            let equal = |other: &&Rec, (a, b): &(&str, &str)| {
                holds(Op::Eq, &rec[from.at(a)], &other[join.to.at(b)]) == Some(true)
            };
            data.of(join.to).iter().filter(|other| on.iter().all(|pair| equal(other, pair))).collect()
        }
        Kind::Cross => data.of(join.to).iter().collect(),
    }
}

/// All joined rows that pass, in order.
pub fn joined(data: &Data, shape: &Shape, ask: &JoinAsk) -> Vec<Tuple> {
    let mut tuples: Vec<Tuple> = data.of(shape.tables[0]).iter().map(|rec| vec![Some(rec.clone())]).collect();
    for join in &shape.joins {
        let mut more = Vec::new();
        for tuple in tuples {
            let found: Vec<Rec> = partners(data, shape, &tuple, join)
                .into_iter()
                .filter(|rec| ask.on.iter().all(|cond| !join.extra || test(data, join.to, rec, cond) == Some(true)))
                .cloned()
                .collect();
            if found.is_empty() && join.left {
                more.push([tuple.clone(), vec![None]].concat());
            }
            more.extend(found.into_iter().map(|rec| [tuple.clone(), vec![Some(rec)]].concat()));
        }
        tuples = more;
    }
    let of = |tuple: &Tuple, slot: usize, cond: &Cond| {
        let table = shape.tables[slot];
        test(data, table, tuple[slot].as_ref().unwrap_or(&nulls(table)), cond)
    };
    tuples.retain(|tuple| {
        let filtered = ask.filters.iter().all(|(slot, cond)| of(tuple, *slot, cond) == Some(true));
        let either = ask.either.iter().all(|(a, b)| or([of(tuple, 0, a), of(tuple, 1, b)]) == Some(true));
        filtered && either
    });
    let order = full_order(shape, &ask.order);
    tuples.sort_by(|a, b| {
        let by = order.iter().map(|by| by.compare(&value(a, by.slot, by.col), &value(b, by.slot, by.col)));
        by.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
    tuples
}

/// The order, with the ids of all tables behind it.
pub fn full_order(shape: &Shape, order: &[By]) -> Vec<By> {
    let mut seen: Vec<(usize, usize)> = Vec::new();
    let mut all: Vec<By> = Vec::new();
    for by in order {
        if !seen.contains(&(by.slot, by.col)) {
            seen.push((by.slot, by.col));
            all.push(*by);
        }
    }
    let descending = all.last().is_some_and(|by| by.descending);
    all.extend((0..shape.tables.len()).map(|slot| By::natural(slot, 0, descending)));
    all
}

pub fn cut<T: Clone>(rows: &[T], offset: u64, limit: Option<u64>) -> Vec<T> {
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    rows.iter().skip(offset as usize).take(limit).cloned().collect()
}

pub fn aggregate(rows: &[Tuple], table: impl Fn(usize) -> Table, (func, slot, name): Agg) -> Val {
    if func == Func::Count {
        return Val::Int(rows.len() as i128);
    }
    let col = table(slot).at(name);
    let mut values: Vec<Val> = rows.iter().map(|row| value(row, slot, col)).filter(|value| !value.is_null()).collect();
    values.sort_by(Val::total);
    let number = |value: &Val| match value {
        Val::Int(n) => *n as f64,
        Val::Float(n) => *n,
        other => panic!("{other:?} is no number"),
    };
    match func {
        Func::Count | Func::CountOf => Val::Int(values.len() as i128),
        Func::CountDistinct => {
            values.dedup();
            Val::Int(values.len() as i128)
        }
        _ if values.is_empty() => Val::Null,
        Func::Min => values[0].clone(),
        Func::Max => values[values.len() - 1].clone(),
        // What the test adds up is exact in a float.
        Func::Avg => Val::Float(values.iter().map(number).sum::<f64>() / values.len() as f64),
        Func::Sum => match values[0] {
            Val::Float(_) => Val::Float(values.iter().map(number).sum()),
            _ => Val::Int(values.iter().map(|value| if let Val::Int(n) = value { *n } else { 0 }).sum()),
        },
    }
}

/// Groups of rows by these columns, in the order of the columns.
pub fn grouped(rows: &[Tuple], by: &[(usize, usize)]) -> Vec<(Vec<Val>, Vec<Tuple>)> {
    let mut groups: Vec<(Vec<Val>, Vec<Tuple>)> = Vec::new();
    for row in rows {
        let key: Vec<Val> = by.iter().map(|(slot, col)| value(row, *slot, *col)).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row.clone()),
            None => groups.push((key, vec![row.clone()])),
        }
    }
    if by.is_empty() && groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    groups.sort_by(|a, b| lexicographic(&a.0, &b.0));
    groups
}

pub fn lexicographic(a: &[Val], b: &[Val]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total(b)).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}
