//! `partition_by`: which columns of the key keep rows together.

use syn::Token;
use syn::parse::{Parse, ParseStream};

use crate::field::{ColumnPath, Fields, distinct};
use crate::syntax::{Item, Mistakes};

/// The columns that an attribute names.
pub fn parse(item: &Item, mistakes: &mut Mistakes) -> Vec<ColumnPath> {
    if item.is_list() {
        let list = |input: ParseStream<'_>| input.parse_terminated(ColumnPath::parse, Token![,]);
        let columns: Vec<ColumnPath> = item.columns(list, "column", mistakes).into_iter().flatten().collect();
        if columns.is_empty() && mistakes.is_empty() {
            mistakes.add(item.span(), "`partition_by` needs at least one column");
        }
        return columns;
    }
    let Some(path) = item.path("column", mistakes) else { return Vec::new() };
    match path.get_ident() {
        Some(field) => vec![ColumnPath { field: field.clone(), inner: None }],
        None => {
            mistakes.add(item.span(), "write `partition_by = column`, with the name of a field");
            Vec::new()
        }
    }
}

/// Reports columns that are not in the key.
pub fn check(columns: &[ColumnPath], fields: &Fields, mistakes: &mut Mistakes) {
    for column in columns {
        let field = fields.column(&column.field);
        let in_key = column.inner.is_none() && field.is_some_and(|field| field.key.is_some());
        if !in_key {
            let message = "`partition_by` must name columns of the key, so that a row is found by its key";
            mistakes.add(column.span(), message);
        }
    }
    distinct(columns, "partition", mistakes);
}
