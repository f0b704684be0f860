//! Indexes: `index`, `global_index` and `unique`, with columns on the struct, without on its fields.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, parenthesized, token};

use crate::field::{ColumnPath, Field, Fields, Kind, distinct};
use crate::syntax::{Item, Mistakes};

/// An index over columns.
pub struct Index {
    pub span: Span,
    pub unique: bool,
    /// Whether its entries lie together.
    pub global: bool,
    /// The name that the user gave it.
    pub name: Option<LitStr>,
    pub parts: Vec<Part>,
}

/// One column of an index.
pub struct Part {
    pub column: ColumnPath,
    pub descending: bool,
}

/// What stands in the parentheses of `index(...)`, or in the brackets of `index = [...]`.
pub struct List {
    parts: Vec<Part>,
    name: Option<LitStr>,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut list = Self { parts: Vec::new(), name: None };
        while !input.is_empty() {
            match given_name(input)? {
                Some(name) => list.name = Some(name),
                None => list.parts.push(input.parse()?),
            }
            if input.peek(Token![=]) {
                return Err(input.error("an index takes columns and `name = \"...\"`, nothing else"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(list)
    }
}

/// `name = "..."`, if that comes next. A column `name` has no `=` behind it.
pub fn given_name(input: ParseStream<'_>) -> syn::Result<Option<LitStr>> {
    let ahead = input.fork();
    let word = ahead.call(Ident::parse_any);
    if !matches!(&word, Ok(word) if word == "name" || word == "as") || !ahead.peek(Token![=]) {
        return Ok(None);
    }
    let word = input.call(Ident::parse_any)?;
    if word == "as" {
        return Err(syn::Error::new(word.span(), "a name is given by `name = \"...\"`"));
    }
    input.parse::<Token![=]>()?;
    input
        .parse()
        .map(Some)
        .map_err(|error: syn::Error| syn::Error::new(error.span(), "write `name = \"...\"`, with quotes"))
}

impl Parse for Part {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        const SHAPE: &str = "a part of an index is `column`, `desc(column)` or `field.column`";
        let field = input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), SHAPE))?;
        if !input.peek(token::Paren) {
            return Ok(Self { column: ColumnPath::after(field, input)?, descending: false });
        }
        if field != "desc" && field != "asc" {
            return Err(syn::Error::new(field.span(), SHAPE));
        }
        let content;
        parenthesized!(content in input);
        let part = Self { column: content.parse()?, descending: field == "desc" };
        if content.is_empty() { Ok(part) } else { Err(content.error("one column at a time")) }
    }
}

impl Index {
    /// The index that an attribute on the struct declares.
    pub fn declared(item: &Item, mistakes: &mut Mistakes) -> Option<Self> {
        let List { parts, name } = item.columns(List::parse, "column, desc(column)", mistakes)?;
        Some(Self { span: item.span(), unique: item.is("unique"), global: item.is("global_index"), name, parts })
    }

    /// The indexes that a field declares.
    pub fn of_field(field: &Field) -> impl Iterator<Item = Self> {
        let part =
            |descending| vec![Part { column: ColumnPath { field: field.ident.clone(), inner: None }, descending }];
        let index = field.index.as_ref().map(|index| Self {
            span: index.span,
            unique: false,
            global: index.global,
            name: None,
            parts: part(index.descending),
        });
        let unique =
            field.unique.map(|span| Self { span, unique: true, global: false, name: None, parts: part(false) });
        // On another kind of field they are a contradiction, which is reported with the field.
        index.into_iter().chain(unique).filter(|_| field.kind == Kind::Plain)
    }

    /// Its name in the table, as far as a macro can know it: an embedded column is taken for unrenamed.
    pub fn stored_name(&self, fields: &Fields) -> String {
        if let Some(name) = &self.name {
            return name.value();
        }
        let mut stored = String::from(if self.unique { "unique" } else { "by" });
        for part in &self.parts {
            stored.push('_');
            stored.push_str(&part.column.stored_name(fields));
            if part.descending {
                stored.push_str("_desc");
            }
        }
        stored
    }
}

/// Reports what is wrong with the indexes of an entity.
pub fn check(indexes: &[Index], fields: &Fields, mistakes: &mut Mistakes) {
    let mut names = HashSet::new();
    for index in indexes {
        if index.parts.is_empty() {
            mistakes.add(index.span, "an index needs at least one column");
            continue;
        }
        for part in &index.parts {
            if part.column.field == "global" && fields.column(&part.column.field).is_none() {
                let message = "there is no field `global`: an index whose entries lie together is `global_index(...)`, and a value \
                               is unique among all rows in any case";
                mistakes.add(part.column.span(), message);
                continue;
            }
            let json = "which has no order: give what you look for a column of its own";
            part.column.check(fields, json, mistakes);
        }
        distinct(index.parts.iter().map(|part| &part.column), "index", mistakes);
        if index.parts.iter().any(|part| fields.column(&part.column.field).is_none()) {
            continue;
        }
        let name = index.stored_name(fields);
        if name.is_empty() {
            mistakes.add(index.span, "the name of an index cannot be empty");
        }
        if !names.insert(name.clone()) {
            mistakes.add(
                index.span,
                format!("there are two indexes called `{name}`: remove one, or name it with `name = \"...\"`"),
            );
        }
    }
}
