//! Aggregate indexes: `count`, `count_by(...)` and `sum(...)` on the struct.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, parenthesized, token};

use super::index::Index;
use crate::field::{ColumnPath, Fields, distinct};
use crate::syntax::{Item, Mistakes};

/// Counts of rows, or sums of a column, by the values of columns.
pub struct Aggregate {
    span: Span,
    /// The name that the user gave it.
    name: Option<LitStr>,
    sum: Option<ColumnPath>,
    by: Vec<ColumnPath>,
}

/// What stands in the parentheses of `count_by(...)`.
struct Count {
    by: Vec<ColumnPath>,
    name: Option<LitStr>,
}

/// What stands in the parentheses of `sum(...)`.
struct Sum {
    column: Option<ColumnPath>,
    by: Vec<ColumnPath>,
    name: Option<LitStr>,
}

impl Parse for Count {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut count = Self { by: Vec::new(), name: None };
        while !input.is_empty() {
            if input.parse::<Option<Token![as]>>()?.is_some() {
                input.parse::<Token![=]>()?;
                count.name = Some(input.parse()?);
            } else {
                count.by.push(input.parse()?);
            }
            if input.peek(Token![=]) || input.peek(token::Paren) {
                return Err(input.error("`count_by` takes columns and `as = \"name\"`, nothing else"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(count)
    }
}

impl Parse for Sum {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        const SHAPE: &str = "write `sum(column)`, `sum(column, by = column)` or `sum(column, by(column, column))`";
        let mut sum = Self { column: None, by: Vec::new(), name: None };
        if !input.is_empty() {
            sum.column = Some(input.parse()?);
        }
        while !input.is_empty() {
            input.parse::<Token![,]>().map_err(|error| syn::Error::new(error.span(), SHAPE))?;
            if input.is_empty() {
                break;
            }
            if input.parse::<Option<Token![as]>>()?.is_some() {
                input.parse::<Token![=]>()?;
                sum.name = Some(input.parse()?);
                continue;
            }
            let word = input.call(Ident::parse_any)?;
            if word != "by" || !sum.by.is_empty() || input.is_empty() {
                return Err(syn::Error::new(word.span(), SHAPE));
            }
            if input.peek(token::Paren) {
                let content;
                parenthesized!(content in input);
                sum.by.extend(content.parse_terminated(ColumnPath::parse, Token![,])?);
            } else {
                input.parse::<Token![=]>().map_err(|error| syn::Error::new(error.span(), SHAPE))?;
                sum.by.push(input.parse()?);
            }
        }
        Ok(sum)
    }
}

impl Aggregate {
    /// Whether an attribute of this name declares one.
    pub fn is_declared_by(item: &Item) -> bool {
        ["count", "count_by", "sum"].iter().any(|word| item.is(word))
    }

    /// The aggregate index that an attribute declares.
    pub fn declared(item: &Item, mistakes: &mut Mistakes) -> Option<Self> {
        let span = item.span();
        if item.is("sum") {
            let Sum { column, by, name } = item.list(Sum::parse, "column, by = column", mistakes)?;
            if column.is_none() {
                mistakes.add(span, "`sum` needs the column that it sums");
            }
            return Some(Self { span, name, sum: Some(column?), by });
        }
        if item.is("count") {
            if !item.is_alone() {
                mistakes.add(
                    span,
                    "`count` counts all rows and takes no value: write `count_by(column)` to count by columns",
                );
                return None;
            }
            return Some(Self { span, name: None, sum: None, by: Vec::new() });
        }
        let Count { by, name } = item.list(Count::parse, "column, column", mistakes)?;
        if by.is_empty() {
            mistakes.add(span, "`count_by` needs at least one column; `count` alone counts all rows");
            return None;
        }
        Some(Self { span, name, sum: None, by })
    }

    /// Its name in the table, as far as a macro can know it: an embedded column is taken for unrenamed.
    fn stored_name(&self, fields: &Fields) -> String {
        if let Some(name) = &self.name {
            return name.value();
        }
        let mut stored = match &self.sum {
            Some(column) => format!("sum_{}", column.stored_name(fields)),
            None => "count".to_owned(),
        };
        for (at, column) in self.by.iter().enumerate() {
            stored.push_str(if at == 0 { "_by_" } else { "_" });
            stored.push_str(&column.stored_name(fields));
        }
        stored
    }

    /// The constants that check its columns when the entity is compiled.
    pub fn constants(&self, at: usize, entity: &Ident) -> TokenStream {
        let (columns, summed) = names(at);
        let count = self.by.len();
        let by = self.by.iter().map(|column| {
            let of = column.of(entity);
            quote_spanned!(column.span()=> __rome::grouped(#of))
        });
        let sum = self.sum.as_ref().map(|column| {
            let of = column.of(entity);
            quote_spanned!(column.span()=> const #summed: u16 = __rome::summed(#of);)
        });
        quote_spanned! {self.span=>
            const #columns: [u16; #count] = [#(#by),*];
            #sum
        }
    }

    /// The call of the table's builder.
    pub fn declaration(&self, at: usize) -> TokenStream {
        let (columns, summed) = names(at);
        let name = self.name.as_ref().map_or_else(|| quote!(__rome::None), |name| quote!(__rome::Some(#name)));
        match self.sum {
            Some(_) => quote!(.sum_by(#name, #summed, &#columns)),
            None => quote!(.count_by(#name, &#columns)),
        }
    }
}

/// The constants of the aggregate index at a place: the columns that make groups, and the one that is summed.
fn names(at: usize) -> (Ident, Ident) {
    (format_ident!("AGGREGATE_{}", at + 1), format_ident!("SUMMED_{}", at + 1))
}

/// Reports what is wrong with the aggregate indexes of an entity.
pub fn check(aggregates: &[Aggregate], indexes: &[Index], fields: &Fields, mistakes: &mut Mistakes) {
    let mut names: HashSet<String> = indexes.iter().map(|index| index.stored_name(fields)).collect();
    for aggregate in aggregates {
        for column in aggregate.sum.iter() {
            column.check(fields, "which is no number: give what you sum a column of its own", mistakes);
        }
        for column in &aggregate.by {
            column.check(fields, "which has no order: give what you group by a column of its own", mistakes);
        }
        distinct(&aggregate.by, "group", mistakes);
        let name = aggregate.stored_name(fields);
        if name.is_empty() {
            mistakes.add(aggregate.span, "the name of an aggregate index cannot be empty");
        }
        if !names.insert(name.clone()) {
            mistakes.add(
                aggregate.span,
                format!("there is an index called `{name}` already: remove one, or name it with `as = \"...\"`"),
            );
        }
    }
}
