//! Aggregate indexes: `count` and `sum` on the struct.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, bracketed, token};

use super::index::{Index, given_name};
use crate::field::{ColumnPath, Field, Fields, distinct};
use crate::syntax::{Item, Mistakes};

/// Counts of rows, or sums of a column, by the values of columns.
pub struct Aggregate {
    span: Span,
    /// The name that the user gave it.
    name: Option<LitStr>,
    sum: Option<ColumnPath>,
    by: Vec<ColumnPath>,
}

/// What stands in the parentheses behind the column that is summed: by which columns, and a name.
#[derive(Default)]
struct Groups {
    by: Vec<ColumnPath>,
    name: Option<LitStr>,
}

const COUNT: &str = "write `count`, `count(by = column)` or `count(by = [column, column])`";
const SUM: &str = "write `sum(column)`, `sum(column, by = column)` or `sum(column, by = [column, column])`";

impl Groups {
    /// Reads what is left; `shape` says how it is written.
    fn parse(input: ParseStream<'_>, shape: &str) -> syn::Result<Self> {
        let mut groups = Self::default();
        while !input.is_empty() {
            if let Some(name) = given_name(input)? {
                groups.name = Some(name);
            } else {
                let word = input.call(Ident::parse_any)?;
                if word != "by" || !groups.by.is_empty() || !input.peek(Token![=]) {
                    return Err(syn::Error::new(word.span(), shape));
                }
                input.parse::<Token![=]>()?;
                groups.by = columns(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>().map_err(|error| syn::Error::new(error.span(), shape))?;
            }
        }
        Ok(groups)
    }
}

/// `column` or `[column, column]`.
fn columns(input: ParseStream<'_>) -> syn::Result<Vec<ColumnPath>> {
    if !input.peek(token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let content;
    bracketed!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(content.span(), "name the columns to group by"));
    }
    Ok(content.parse_terminated(ColumnPath::parse, Token![,])?.into_iter().collect())
}

/// What stands in the parentheses of `sum(...)`.
fn summed(input: ParseStream<'_>) -> syn::Result<(ColumnPath, Groups)> {
    if input.is_empty() {
        return Err(syn::Error::new(input.span(), "`sum` needs the column that it sums"));
    }
    let column = input.parse()?;
    if !input.is_empty() {
        input.parse::<Token![,]>().map_err(|error| syn::Error::new(error.span(), SUM))?;
    }
    Ok((column, Groups::parse(input, SUM)?))
}

impl Aggregate {
    /// Whether an attribute of this name declares one.
    pub fn is_declared_by(item: &Item) -> bool {
        ["count", "sum"].iter().any(|word| item.is(word))
    }

    /// The aggregate index that an attribute declares.
    pub fn declared(item: &Item, mistakes: &mut Mistakes) -> Option<Self> {
        let span = item.span();
        let (sum, Groups { by, name }) = if item.is("sum") {
            let (column, groups) = item.list(summed, "column, by = column", mistakes)?;
            (Some(column), groups)
        } else if item.is_alone() {
            (None, Groups::default())
        } else {
            (None, item.list(|input: ParseStream<'_>| Groups::parse(input, COUNT), "by = column", mistakes)?)
        };
        Some(Self { span, name, sum, by })
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
    pub fn constants(&self, at: usize, entity: &Ident, fields: &[Field]) -> TokenStream {
        let (columns, summed) = names(at);
        let count = self.by.len();
        let by = self.by.iter().map(|column| {
            let of = column.of(entity, fields);
            quote_spanned!(column.span()=> __rome::grouped(#of))
        });
        let sum = self.sum.as_ref().map(|column| {
            let of = column.of(entity, fields);
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
                format!("there is an index called `{name}` already: remove one, or name it with `name = \"...\"`"),
            );
        }
    }
}
