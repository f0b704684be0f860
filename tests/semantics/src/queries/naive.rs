//! What a query gives, by plain loops over plain rows.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use rome_orm::expr::Nulls;

use super::condition::calculate;
use super::generate::{Ask, Seen};
use super::lower::{By, To};
use super::row::{Col, Row, compare};
use super::subjects::Subject;

/// When rows that the test deletes softly are deleted, in the naive table; ROME takes the present moment.
pub const DELETED: DateTime<Utc> = DateTime::from_timestamp(4_000_000_000, 0).unwrap();

/// A row for comparison and messages: NaN equals itself, -0.0 is 0.0, and recent deletions are at one moment.
pub fn show(row: &Row) -> String {
    let mut row = row.clone();
    row.ratio += 0.0;
    if row.gone.is_some_and(|gone| gone.timestamp() > 1_000_000) {
        row.gone = Some(DELETED);
    }
    format!("{row:?}")
}

pub fn show_all<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    rows.into_iter().map(show).collect()
}

fn is_seen<E: Subject>(ask: &Ask, row: &Row) -> bool {
    match ask.seen {
        _ if !E::SOFT => true,
        Seen::Live => row.gone.is_none(),
        Seen::All => true,
        Seen::Deleted => row.gone.is_some(),
    }
}

fn by(by: By, a: &Row, b: &Row) -> Ordering {
    let (a, b) = (a.get(by.col), b.get(by.col));
    let nulls_first = by.nulls.map_or(!by.descending, |nulls| nulls == Nulls::First);
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if nulls_first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if nulls_first {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let ordering = compare(&a, &b).unwrap();
            if by.descending { ordering.reverse() } else { ordering }
        }
    }
}

/// Whether ties go from the greatest key down: if the last part of the order that says something new is descending.
pub fn ties_descend(order: &[By]) -> bool {
    let mut seen: Vec<Col> = Vec::new();
    let mut descend = false;
    for by in order {
        if !seen.contains(&by.col) {
            seen.push(by.col);
            descend = by.descending;
        }
    }
    descend
}

/// All rows that pass, in order.
pub fn passing<E: Subject>(rows: &[Row], ask: &Ask) -> Vec<Row> {
    let passes = |row: &&Row| is_seen::<E>(ask, row) && ask.filters.iter().all(|cond| cond.test(row) == Some(true));
    let mut rows: Vec<Row> = rows.iter().filter(passes).cloned().collect();
    let descending = ties_descend(&ask.order);
    let key = E::KEY.iter().map(|col| By { col: *col, descending, nulls: None, dynamic: false });
    let order: Vec<By> = ask.order.iter().copied().chain(key).collect();
    rows.sort_by(|a, b| order.iter().map(|part| by(*part, a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
    rows
}

/// The query's rows, cut to its offset and limit.
pub fn answer<E: Subject>(rows: &[Row], ask: &Ask) -> Vec<Row> {
    let limit = ask.limit.map_or(usize::MAX, |limit| limit as usize);
    passing::<E>(rows, ask).into_iter().skip(ask.offset as usize).take(limit).collect()
}

/// The row with the assignments, each calculated from the row as it was; none if a value is out of range.
pub fn assigned(row: &Row, sets: &[(Col, To)]) -> Option<Row> {
    let mut changed = row.clone();
    for (col, to) in sets {
        let value = match to {
            To::Val(val) => val.clone(),
            To::Col(col) => row.get(*col),
            To::Calc(calc) => calculate(row, calc),
        };
        if !changed.set(*col, value) {
            return None;
        }
    }
    Some(changed)
}
