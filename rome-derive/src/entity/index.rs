//! Indexes: `index(...)` and `unique(...)` on the struct, `index` and `unique` on its fields.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, parenthesized, token};

use crate::field::{Field, Kind};
use crate::syntax::{Mistakes, did_you_mean};

/// An index over columns.
pub struct Index {
    pub span: Span,
    pub unique: bool,
    /// The name that the user gave it.
    pub name: Option<LitStr>,
    pub parts: Vec<Part>,
}

/// One column of an index.
pub struct Part {
    /// The field.
    pub field: Ident,
    /// The column of the embedded struct that is the field.
    pub inner: Option<Ident>,
    pub descending: bool,
}

/// What stands in the parentheses of `index(...)`.
pub struct List {
    parts: Vec<Part>,
    name: Option<LitStr>,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut list = Self { parts: Vec::new(), name: None };
        while !input.is_empty() {
            if input.parse::<Option<Token![as]>>()?.is_some() {
                input.parse::<Token![=]>()?;
                list.name = Some(input.parse()?);
            } else {
                list.parts.push(input.parse()?);
            }
            if input.peek(Token![=]) {
                return Err(input.error("an index takes columns and `as = \"name\"`, nothing else"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(list)
    }
}

impl Parse for Part {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let field = input.call(Ident::parse_any)?;
        if !input.peek(token::Paren) {
            return Self::after(field, input, false);
        }
        if field != "desc" && field != "asc" {
            return Err(syn::Error::new(
                field.span(),
                "a part of an index is `column`, `desc(column)` or `field.column`",
            ));
        }
        let content;
        parenthesized!(content in input);
        let inner = content.call(Ident::parse_any)?;
        let part = Self::after(inner, &content, field == "desc")?;
        if content.is_empty() { Ok(part) } else { Err(content.error("one column at a time")) }
    }
}

impl Part {
    fn after(field: Ident, input: ParseStream<'_>, descending: bool) -> syn::Result<Self> {
        let inner = match input.parse::<Option<Token![.]>>()? {
            Some(_) => Some(input.call(Ident::parse_any)?),
            None => None,
        };
        Ok(Self { field, inner, descending })
    }
}

impl Index {
    /// The index that a list on the struct declares.
    pub fn declared(span: Span, unique: bool, list: List) -> Self {
        Self { span, unique, name: list.name, parts: list.parts }
    }

    /// The indexes that a field declares.
    pub fn of_field(field: &Field) -> impl Iterator<Item = Self> {
        let over = |span, unique, descending| Self {
            span,
            unique,
            name: None,
            parts: vec![Part { field: field.ident.clone(), inner: None, descending }],
        };
        let index = field.index.as_ref().map(|index| over(index.span, false, index.descending));
        let unique = field.unique.map(|span| over(span, true, false));
        // On another kind of field they are a contradiction, which is reported with the field.
        index.into_iter().chain(unique).filter(|_| field.kind == Kind::Plain)
    }

    /// Its name in the table, as far as a macro can know it: an embedded column is taken for unrenamed.
    fn stored_name(&self, fields: &[Field]) -> String {
        if let Some(name) = &self.name {
            return name.value();
        }
        let mut stored = String::from(if self.unique { "unique" } else { "by" });
        for part in &self.parts {
            let column = fields.iter().find(|field| field.ident == part.field).map_or("", |field| &field.name);
            stored.push('_');
            stored.push_str(column);
            if let Some(inner) = &part.inner {
                stored.push('_');
                stored.push_str(&inner.unraw().to_string());
            }
            if part.descending {
                stored.push_str("_desc");
            }
        }
        stored
    }
}

/// Reports what is wrong with the indexes of an entity.
pub fn check(indexes: &[Index], fields: &[Field], mistakes: &mut Mistakes) {
    let mut names = HashSet::new();
    for index in indexes {
        if index.parts.is_empty() {
            mistakes.add(index.span, "an index needs at least one column");
            continue;
        }
        let mut columns = HashSet::new();
        for part in &index.parts {
            check_part(part, fields, mistakes);
            if !columns.insert((&part.field, &part.inner)) {
                mistakes.add(part.field.span(), "this column is in the index already");
            }
        }
        let name = index.stored_name(fields);
        if name.is_empty() {
            mistakes.add(index.span, "the name of an index cannot be empty");
        }
        if !names.insert(name.clone()) {
            mistakes.add(
                index.span,
                format!("there are two indexes called `{name}`: remove one, or name it with `as = \"...\"`"),
            );
        }
    }
}

fn check_part(part: &Part, fields: &[Field], mistakes: &mut Mistakes) {
    let name = part.field.unraw().to_string();
    let Some(field) = fields.iter().find(|field| field.ident == part.field) else {
        let known: Vec<String> = fields.iter().map(|field| field.ident.unraw().to_string()).collect();
        let hint = did_you_mean(&name, known.iter().map(String::as_str));
        return mistakes.add(part.field.span(), format!("there is no field `{name}`{hint}"));
    };
    match (field.kind, &part.inner) {
        (Kind::Embed, None) => mistakes.add(
            part.field.span(),
            format!("`{name}` is embedded and has several columns: write which one, as `{name}.column`"),
        ),
        (Kind::Json, _) => mistakes.add(
            part.field.span(),
            format!("`{name}` is stored as JSON, which has no order: give what you look for a column of its own"),
        ),
        (Kind::Plain, Some(inner)) => mistakes.add(inner.span(), format!("`{name}` is not an embedded struct")),
        (Kind::Embed, Some(_)) | (Kind::Plain, None) => {}
    }
}
