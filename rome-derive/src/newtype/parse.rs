//! From tokens to the model.

use syn::spanned::Spanned;
use syn::{Data, DeriveInput};

use super::Newtype;
use crate::syntax::{Mistakes, Root, Words, items, owned_type};

const ON_FIELD: Words = Words {
    here: &[],
    elsewhere: &[
        ("column", "`column` belongs on the entity's field"),
        ("key", "`key` belongs on the entity's field"),
        ("json", "`json` belongs on the entity's field"),
        ("index", "`index` belongs on the entity's field"),
        ("unique", "`unique` belongs on the entity's field"),
    ],
    repeated: &[],
};

pub fn newtype(input: &DeriveInput) -> syn::Result<Newtype> {
    let mut mistakes = Mistakes::default();
    let root = Root::of(&input.attrs, &mut mistakes);
    if let Some(parameter) = input.generics.params.first() {
        mistakes.add(parameter.span(), "a newtype in a column cannot have type parameters or lifetimes");
    }
    let field = match &input.data {
        Data::Struct(data) if data.fields.len() == 1 => data.fields.iter().next().zip(data.fields.members().next()),
        _ => {
            mistakes
                .add(input.ident.span(), "`Newtype` is for structs with one field, such as `struct Email(String);`");
            None
        }
    };
    if let Some((field, _)) = &field {
        owned_type(&field.ty, &mut mistakes);
        let _none = items(&field.attrs, &ON_FIELD, &mut mistakes);
    }
    mistakes.check()?;
    let (field, member) = field.expect("a newtype without a field is a mistake");
    Ok(Newtype { ident: input.ident.clone(), root, member, ty: field.ty.clone() })
}
