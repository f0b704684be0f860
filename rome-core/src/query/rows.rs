//! Rows of several entities as values, and the only one of some rows.

use crate::ask::JoinSpec;
use crate::error::{Error, Kind, Result};
use crate::exec::JoinedRow;
use crate::expr::eval;
use crate::expr::node::Node;
use crate::value::{Value, ValueError, ValueRef};

/// The values of some columns of a joined row.
pub(super) fn values_of(spec: &JoinSpec, row: &JoinedRow<'_>, columns: &[Node]) -> Result<Vec<Value>> {
    let value = |node| eval::scalar(node, row).map(ValueRef::to_value).map_err(|source| unfit(spec, source));
    columns.iter().map(value).collect()
}

pub(super) fn unfit(spec: &JoinSpec, source: ValueError) -> Error {
    let table = spec.parts.first().map_or("", |part| part.spec.table.name);
    Kind::StoredRow { table, key: "of the join".to_owned(), column: None, source }.into()
}

/// What [`only`] gave, where none will do as well.
pub(super) fn or_none<R>(one: Result<R>) -> Result<Option<R>> {
    match one.map_err(Error::into_kind) {
        Ok(row) => Ok(Some(row)),
        Err(Kind::NotOne { several: false, .. }) => Ok(None),
        Err(kind) => Err(kind.into()),
    }
}

/// The only one of some rows.
pub(super) fn only<R>(mut rows: Vec<R>, table: &'static str) -> Result<R> {
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        (None, _) => Err(Kind::NotOne { table, several: false }.into()),
        (Some(_), false) => Err(Kind::NotOne { table, several: true }.into()),
    }
}
