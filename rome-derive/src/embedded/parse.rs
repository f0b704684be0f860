//! From tokens to the model.

use syn::DeriveInput;

use super::Embedded;
use crate::field::{self, Place};
use crate::syntax::{Mistakes, Root, Words, items, named_fields};

const WORDS: Words = Words {
    here: &["crate"],
    elsewhere: &[
        ("table", "an embedded struct has no table of its own: it is part of the entity that embeds it"),
        ("index", "put the index on the entity, as `index(field.column)`, where `field` is the one with `embed`"),
        (
            "unique",
            "put the constraint on the entity, as `unique(field.column)`, where `field` is the one with `embed`",
        ),
        (
            "foreign_key",
            "put the foreign key on the entity, as `foreign_key(field.column, references = Owner)`, where `field` is the \
             one with `embed`",
        ),
        ("partition_by", "`partition_by` belongs on the entity"),
    ],
    repeated: &[],
};

pub fn embedded(input: &DeriveInput) -> syn::Result<Embedded> {
    let mut mistakes = Mistakes::default();
    let mut root = Root::of_manifest();
    for item in items(&input.attrs, &WORDS, &mut mistakes) {
        root.set(&item, &mut mistakes);
    }
    root.check(&mut mistakes);
    let fields = named_fields(input, "an embedded struct", &mut mistakes);
    let fields = field::fields(&fields, Place::Embedded, &mut mistakes).columns;
    mistakes.check()?;
    Ok(Embedded { ident: input.ident.clone(), vis: input.vis.clone(), root, fields })
}
