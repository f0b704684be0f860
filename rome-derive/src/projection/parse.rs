//! From tokens to the model.

use syn::DeriveInput;

use super::{Field, Projection};
use crate::syntax::{Mistakes, Root, Words, constant, items, named_fields, owned_type};

const ON_STRUCT: Words = Words {
    here: &["entity", "crate"],
    elsewhere: &[
        ("table", "a projection has no table: name the entity with `entity = ...`"),
        ("column", "`column` belongs on a field"),
    ],
    repeated: &[],
};

const ON_FIELD: Words = Words {
    here: &["column"],
    elsewhere: &[("entity", "`entity` belongs on the struct"), ("crate", "`crate` belongs on the struct")],
    repeated: &[],
};

pub fn projection(input: &DeriveInput) -> syn::Result<Projection> {
    let mut mistakes = Mistakes::default();
    let mut root = Root::facade();
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
    let column = items.iter().find_map(|item| item.path("AGE", mistakes)).cloned();
    Some(Field { column: column.unwrap_or_else(|| constant(&ident).into()), ty: field.ty.clone(), ident })
}
