//! Fields that are relations: `belongs_to`, `has_one`, `has_many` and `many_to_many`.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Path, Token, Type, Visibility, parenthesized, token};

use super::parse::constant_name;
use super::path::{self, ColumnPath};
use crate::syntax::{Item, Mistakes, constant};

/// A relation.
pub struct Relation {
    pub ident: Ident,
    pub vis: Visibility,
    pub ty: Type,
    /// The constant that is the relation, such as `OWNER`.
    pub constant: Ident,
    pub kind: RelationKind,
    /// Where the attribute stands.
    pub span: Span,
    /// Its columns; nothing if they are declared wrong.
    pub link: Option<Link>,
}

/// How the two entities belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    BelongsTo,
    HasOne,
    HasMany,
    ManyToMany,
}

/// The columns of a relation.
pub struct Link {
    /// The entity in between.
    pub through: Option<Path>,
    /// The columns: of the entity itself for `belongs_to`, of the one in between for `many_to_many`, else of the other one.
    pub columns: Vec<ColumnPath>,
    /// The columns of the entity in between that lead to the other one.
    pub far: Vec<ColumnPath>,
}

impl RelationKind {
    const ALL: [Self; 4] = [Self::BelongsTo, Self::HasOne, Self::HasMany, Self::ManyToMany];

    /// The attribute.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BelongsTo => "belongs_to",
            Self::HasOne => "has_one",
            Self::HasMany => "has_many",
            Self::ManyToMany => "many_to_many",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::BelongsTo | Self::HasOne | Self::HasMany => "owner_id",
            Self::ManyToMany => "through = DogTag, dog_id, tag_id",
        }
    }
}

/// The kind that an attribute declares, if it is one that declares a relation.
pub fn kind(item: &Item) -> Option<RelationKind> {
    RelationKind::ALL.into_iter().find(|kind| item.is(kind.word()))
}

/// The relation in a field with these attributes, one of which is `declared`.
pub fn parse(field: &syn::Field, ident: Ident, items: &[Item], declared: &Item, mistakes: &mut Mistakes) -> Relation {
    let kind = kind(declared).unwrap_or(RelationKind::BelongsTo);
    let mut constant = constant(&ident);
    for other in items.iter().filter(|item| item.name != declared.name) {
        if other.is("constant") {
            constant = constant_name(other, mistakes).unwrap_or(constant);
            continue;
        }
        let (word, name) = (kind.word(), &other.name);
        let message = if self::kind(other).is_some() {
            format!("`{word}` and `{name}` exclude each other: a field is one relation")
        } else {
            format!("a relation is not stored, so `{name}` says nothing here: put it on the column of the relation")
        };
        mistakes.add(other.span(), message);
    }
    let link = match kind {
        RelationKind::ManyToMany => declared.list(through, kind.example(), mistakes),
        _ => declared.list(direct, kind.example(), mistakes),
    };
    let link = link.filter(|link| check(link, kind, declared.span(), mistakes));
    Relation { constant, ident, vis: field.vis.clone(), ty: field.ty.clone(), kind, span: declared.span(), link }
}

fn direct(input: ParseStream<'_>) -> syn::Result<Link> {
    let columns = input.parse_terminated(ColumnPath::parse, Token![,])?;
    Ok(Link { through: None, columns: columns.into_iter().collect(), far: Vec::new() })
}

fn through(input: ParseStream<'_>) -> syn::Result<Link> {
    let mut link = Link { through: None, columns: Vec::new(), far: Vec::new() };
    let mut sides = Vec::new();
    while !input.is_empty() {
        if input.peek(token::Paren) {
            let content;
            parenthesized!(content in input);
            sides.push(content.parse_terminated(ColumnPath::parse, Token![,])?.into_iter().collect());
        } else {
            let word = input.call(Ident::parse_any)?;
            if input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                if word != "through" {
                    return Err(syn::Error::new(word.span(), "`many_to_many` takes `through = ...` and two columns"));
                }
                link.through = Some(input.parse()?);
            } else {
                sides.push(vec![ColumnPath::after(word, input)?]);
            }
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    // Any other number of them is reported with the whole.
    if let [near, far] = &mut *sides {
        (link.columns, link.far) = (std::mem::take(near), std::mem::take(far));
    }
    Ok(link)
}

fn check(link: &Link, kind: RelationKind, span: Span, mistakes: &mut Mistakes) -> bool {
    let word = kind.word();
    if kind == RelationKind::ManyToMany && (link.columns.is_empty() || link.far.is_empty()) {
        mistakes.add(
            span,
            "`many_to_many` needs two columns of the entity in between: the one that leads here and the one that leads to \
             the other entity, as in `many_to_many(through = DogTag, dog_id, tag_id)`; several columns for a composite key \
             stand in parentheses",
        );
        return false;
    }
    if link.columns.is_empty() {
        mistakes.add(span, format!("`{word}` needs a column: write `{word}({})`", kind.example()));
        return false;
    }
    if kind == RelationKind::ManyToMany && link.through.is_none() {
        let message = "`many_to_many` needs the entity in between: write `through = DogTag` in front of its columns";
        mistakes.add(span, message);
        return false;
    }
    path::distinct(&link.columns, "relation", mistakes);
    path::distinct(&link.far, "relation", mistakes);
    if link.columns == link.far {
        mistakes.add(span, "the columns that lead here and those that lead to the other entity are the same");
    }
    true
}
