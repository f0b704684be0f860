//! Foreign keys: `foreign_key(...)` on the struct, `references` on its fields.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Path, Token};

use super::WIDEST_KEY;
use crate::field::{ColumnPath, Fields, Kind, OnDelete, Reference, distinct};
use crate::syntax::{Mistakes, did_you_mean};

/// A foreign key.
pub struct ForeignKey {
    pub columns: Vec<ColumnPath>,
    pub reference: Reference,
}

/// What stands in the parentheses of `foreign_key(...)`.
pub struct List {
    columns: Vec<ColumnPath>,
    target: Option<Path>,
    on_delete: OnDelete,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut list = Self { columns: Vec::new(), target: None, on_delete: OnDelete::default() };
        while !input.is_empty() {
            let word = input.call(Ident::parse_any)?;
            if input.parse::<Option<Token![=]>>()?.is_some() {
                list.set(&word, input)?;
            } else {
                list.columns.push(ColumnPath::after(word, input)?);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(list)
    }
}

impl List {
    fn set(&mut self, word: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match word.to_string().as_str() {
            "references" => self.target = Some(input.parse()?),
            "on_delete" => self.on_delete = OnDelete::parse(&input.parse::<Expr>()?)?,
            other => {
                let hint = did_you_mean(other, ["references", "on_delete"]);
                let message = format!(
                    "a foreign key takes columns, `references = ...` and `on_delete = ...`, no `{other}`{hint}"
                );
                return Err(syn::Error::new(word.span(), message));
            }
        }
        Ok(())
    }
}

impl ForeignKey {
    /// The foreign key that a list on the struct declares.
    pub fn declared(span: Span, list: List, mistakes: &mut Mistakes) -> Option<Self> {
        let List { columns, target, on_delete } = list;
        let Some(target) = target else {
            mistakes.add(span, "a foreign key needs the entity that it leads to: add `references = Owner`");
            return None;
        };
        if columns.is_empty() {
            mistakes.add(span, "a foreign key needs at least one column");
            return None;
        }
        if let Some(extra) = columns.get(WIDEST_KEY) {
            mistakes.add(extra.span(), format!("a key has at most {WIDEST_KEY} fields"));
            return None;
        }
        Some(Self { columns, reference: Reference { span, target, on_delete } })
    }

    /// The foreign keys that fields declare.
    pub fn of_fields(fields: &Fields) -> impl Iterator<Item = Self> {
        // On another kind of field it is a contradiction, which is reported with the field.
        fields.columns.iter().filter(|field| field.kind == Kind::Plain).filter_map(|field| {
            let columns = vec![ColumnPath { field: field.ident.clone(), inner: None }];
            Some(Self { columns, reference: field.reference.clone()? })
        })
    }
}

/// Reports what is wrong with the foreign keys of an entity.
pub fn check(foreign_keys: &[ForeignKey], fields: &Fields, mistakes: &mut Mistakes) {
    for (at, foreign_key) in foreign_keys.iter().enumerate() {
        for column in &foreign_key.columns {
            column.check(fields, "and a reference holds a key: give it a column of its own", mistakes);
        }
        distinct(&foreign_key.columns, "foreign key", mistakes);
        let target = |of: &ForeignKey| of.reference.target.to_token_stream().to_string();
        let same = |other: &ForeignKey| other.columns == foreign_key.columns && target(other) == target(foreign_key);
        if foreign_keys.iter().take(at).any(same) {
            mistakes.add(foreign_key.reference.span, "this foreign key is declared already");
        }
    }
}
