//! Attributes that contradict each other, on one field and between the names of several.

use std::collections::HashMap;

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::{Field, Fields, Kind, Role};
use crate::syntax::{Item, Mistakes};

/// Pairs that cannot stand on one field, with the reason.
const PAIRS: [(&str, &str, &str); 18] = [
    ("json", "embed", "a field is stored either as JSON or as the columns of an embedded struct"),
    ("json", "key", "a key has to be ordered, and JSON is not"),
    ("json", "index", "an index has to be ordered, and JSON is not: give what you look for a column of its own"),
    ("json", "global_index", "an index has to be ordered, and JSON is not: give what you look for a column of its own"),
    ("json", "unique", "a unique column has to be ordered, and JSON is not: give it a column of its own"),
    ("embed", "key", "a key is a column, and an embedded struct is several: move the key into the entity"),
    ("embed", "index", "name the column to index, on the struct: `index(field.column)`"),
    ("embed", "global_index", "name the column to index, on the struct: `global_index(field.column)`"),
    ("embed", "unique", "name the unique column, on the struct: `unique(field.column)`"),
    ("json", "references", "a reference holds a key, and JSON is none: give it a column of its own"),
    ("embed", "references", "name the columns, on the struct: `foreign_key(field.column, references = Owner)`"),
    ("embed", "default", "put the defaults on the fields of the embedded struct"),
    ("index", "global_index", "the entries of an index lie together, or beside their rows"),
    ("key", "default", "each row has a key from the beginning: a key takes no default"),
    ("key", "created_at", "a key cannot be a time that ROME sets"),
    ("key", "updated_at", "a key never changes"),
    ("key", "version", "a key never changes"),
    ("key", "soft_delete", "a key is never empty"),
];

/// Reports contradictions on one field.
pub fn within(field: &Field, items: &[Item], mistakes: &mut Mistakes) {
    let find = |word: &str| items.iter().find(|item| item.is(word));
    for (one, other, reason) in PAIRS {
        if let (Some(_), Some(item)) = (find(one), find(other)) {
            let message = format!("`{one}` and `{other}` exclude each other: {reason}");
            if other == "embed" || one == "embed" {
                // Whether it is embedded decides which columns there are.
                mistakes.add_hopeless(item.span(), message);
            } else {
                mistakes.add(item.span(), message);
            }
        }
    }
    let roles: Vec<&Item> = Role::ALL.iter().filter_map(|role| find(role.word())).collect();
    if let ([first, ..], Kind::Json | Kind::Embed) = (&*roles, field.kind) {
        mistakes.add(first.span(), format!("`{}` needs a column of its own type", first.name));
    }
    if let [first, others @ ..] = &*roles {
        for other in others {
            let (first, name) = (&first.name, &other.name);
            mistakes.add(other.span(), format!("`{first}` and `{name}` exclude each other: a column has one of them"));
        }
    }
    if let (Some(auto), None) = (find("auto"), find("key")) {
        mistakes.add(auto.span(), "`auto` generates keys, and this field is none: write `key, auto`");
    }
}

/// Reports fields that would have the same column or the same constant.
pub fn between_names(fields: &Fields, mistakes: &mut Mistakes) {
    let mut names: HashMap<&str, &Field> = HashMap::new();
    let mut constants: HashMap<String, &Ident> = HashMap::new();
    for field in &fields.columns {
        if let Some(other) = names.insert(&field.name, field) {
            let (name, other) = (&field.name, other.ident.unraw());
            mistakes.add_hopeless(field.ident.span(), format!("`{other}` is stored in the column `{name}` too"));
        } else {
            new_constant(&field.ident, &field.constant, &mut constants, mistakes);
        }
    }
    for relation in &fields.relations {
        new_constant(&relation.ident, &relation.constant, &mut constants, mistakes);
    }
}

fn new_constant<'a>(
    ident: &'a Ident,
    constant: &Ident,
    constants: &mut HashMap<String, &'a Ident>,
    mistakes: &mut Mistakes,
) {
    if let Some(other) = constants.insert(constant.to_string(), ident) {
        let other = other.unraw();
        mistakes.add_hopeless(
            ident.span(),
            format!(
                "the constant of `{other}` is called `{constant}` too: give one of them another name, `constant = ...`"
            ),
        );
    }
}
