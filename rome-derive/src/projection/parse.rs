//! From tokens to the model.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{DeriveInput, Expr};

use super::{Field, Projection};
use crate::syntax::{Item, Mistakes, Root, Words, constant, items, named_fields, owned_type};

const ON_STRUCT: Words = Words {
    here: &["entity", "crate"],
    elsewhere: &[
        ("table", "a projection has no table: name the entity with `entity = ...`"),
        ("from", "`from` belongs on a field"),
    ],
    repeated: &[],
};

const ON_FIELD: Words = Words {
    here: &["from"],
    elsewhere: &[
        ("column", "write `from = AGE`, the constant of the column"),
        ("entity", "`entity` belongs on the struct"),
        ("crate", "`crate` belongs on the struct"),
    ],
    repeated: &[],
};

pub fn projection(input: &DeriveInput) -> syn::Result<Projection> {
    let mut mistakes = Mistakes::default();
    let mut root = Root::of_manifest();
    let mut entity = None;
    let on_struct = items(&input.attrs, &ON_STRUCT, &mut mistakes);
    for item in &on_struct {
        if item.is("crate") {
            root.set(item, &mut mistakes);
        } else {
            entity = item.path("Dog", &mut mistakes).cloned();
        }
    }
    if !on_struct.iter().any(|item| item.is("entity")) {
        mistakes.add(input.ident.span(), "a projection needs its entity: `#[rome(entity = Dog)]`");
    }
    root.check(&mut mistakes);
    let fields: Vec<Field> = named_fields(input, "a projection", &mut mistakes)
        .into_iter()
        .filter_map(|field| parse_field(field, &mut mistakes))
        .collect();
    mistakes.check()?;
    let entity = entity.expect("a projection without an entity is a mistake");
    Ok(Projection { ident: input.ident.clone(), root, entity, fields })
}

fn parse_field(field: &syn::Field, mistakes: &mut Mistakes) -> Option<Field> {
    let ident = field.ident.clone()?;
    owned_type(&field.ty, mistakes);
    let items = items(&field.attrs, &ON_FIELD, mistakes);
    let column = items.first().and_then(|item| parse_column(item, mistakes));
    Some(Field { column: column.unwrap_or_else(|| constant(&ident).to_token_stream()), ty: field.ty.clone(), ident })
}

/// The constant of a column, such as `AGE`, or of an embedded one, such as `ADDRESS.city`.
fn parse_column(item: &Item, mistakes: &mut Mistakes) -> Option<TokenStream> {
    let value = item.value("AGE", mistakes)?;
    let constant = match value {
        Expr::Field(field) => &*field.base,
        other => other,
    };
    if matches!(constant, Expr::Path(path) if path.path.get_ident().is_some()) {
        return Some(value.to_token_stream());
    }
    mistakes.add(item.span(), "write `from = AGE`, the constant of the column, or `from = ADDRESS.city`");
    None
}
