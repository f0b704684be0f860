//! Reading a field's attributes.

use proc_macro2::Ident;
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::ParseStream;

use super::{Auto, Field, FieldIndex, Fields, Kind, Role, conflicts, reference, relation};
use crate::syntax::{Item, Mistakes, Words, constant, did_you_mean, items, owned_type};

/// Where a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Entity,
    Embedded,
}

const IN_ENTITY: Words = Words {
    here: &[
        "key",
        "auto",
        "column",
        "constant",
        "index",
        "global_index",
        "unique",
        "json",
        "embed",
        "default",
        "created_at",
        "updated_at",
        "version",
        "soft_delete",
        "references",
        "on_delete",
        "belongs_to",
        "has_one",
        "has_many",
        "many_to_many",
    ],
    elsewhere: &[
        ("table", "`table` belongs on the struct"),
        ("crate", "`crate` belongs on the struct"),
        ("hooks", "`hooks` belongs on the struct"),
        ("partition_by", "`partition_by` belongs on the struct, as `partition_by = field`"),
        ("foreign_key", "`foreign_key(...)` belongs on the struct; on one column write `references = Owner`"),
        ("through", "`through` belongs into `many_to_many(through = DogTag, dog_id, tag_id)`"),
        ("count", "`count` belongs on the struct, as `count(by = field)`"),
        ("sum", "`sum` belongs on the struct, as `sum(field)` or `sum(field, by = other)`"),
        ("rename", "write `column = \"...\"`"),
    ],
    repeated: &[],
};

const IN_EMBEDDED: Words = Words {
    here: &["column", "json", "default"],
    elsewhere: &[
        ("key", "an embedded struct has no key: put `key` on a field of the entity"),
        ("auto", "an embedded struct has no key: put `key, auto` on a field of the entity"),
        ("index", "put the index on the entity, as `index(field.column)`, where `field` is the one with `embed`"),
        (
            "unique",
            "put the constraint on the entity, as `unique(field.column)`, where `field` is the one with `embed`",
        ),
        ("embed", "an embedded struct cannot embed another: embed both in the entity, or store this one with `json`"),
        ("constant", "an embedded column has no constant of its own: it is a field of the one of the embedded struct"),
        ("created_at", "`created_at` belongs on a field of the entity"),
        ("updated_at", "`updated_at` belongs on a field of the entity"),
        ("version", "`version` belongs on a field of the entity"),
        ("soft_delete", "`soft_delete` belongs on a field of the entity"),
        (
            "references",
            "put the foreign key on the entity, as `foreign_key(field.column, references = Owner)`, where `field` is the \
             one with `embed`",
        ),
        ("on_delete", "`on_delete` belongs beside `references`, on the entity"),
        ("belongs_to", "a relation is a field of the entity"),
        ("has_one", "a relation is a field of the entity"),
        ("has_many", "a relation is a field of the entity"),
        ("many_to_many", "a relation is a field of the entity"),
    ],
    repeated: &[],
};

/// Reads all fields, and reports what is wrong with each alone and with their names.
pub fn fields(fields: &[&syn::Field], place: Place, mistakes: &mut Mistakes) -> Fields {
    let mut parsed = Fields::default();
    for field in fields {
        parse(field, place, &mut parsed, mistakes);
    }
    conflicts::between_names(&parsed, mistakes);
    parsed
}

fn parse(field: &syn::Field, place: Place, fields: &mut Fields, mistakes: &mut Mistakes) {
    let Some(ident) = field.ident.clone() else { return };
    owned_type(&field.ty, mistakes);
    let words = match place {
        Place::Entity => IN_ENTITY,
        Place::Embedded => IN_EMBEDDED,
    };
    let items = items(&field.attrs, &words, mistakes);
    if let Some(declared) = items.iter().find(|item| relation::kind(item).is_some()) {
        return fields.relations.push(relation::parse(field, ident, &items, declared, mistakes));
    }
    let mut parsed = Field {
        name: ident.unraw().to_string(),
        constant: constant(&ident),
        ident,
        vis: field.vis.clone(),
        ty: field.ty.clone(),
        kind: Kind::Plain,
        key: None,
        auto: None,
        index: None,
        unique: None,
        role: None,
        default: None,
        reference: reference::of_field(&items, mistakes),
    };
    for item in &items {
        apply(item, &mut parsed, mistakes);
    }
    conflicts::within(&parsed, &items, mistakes);
    fields.columns.push(parsed);
}

fn apply(item: &Item, field: &mut Field, mistakes: &mut Mistakes) {
    let word = item.name.to_string();
    match word.as_str() {
        "column" => {
            if let Some(name) = item.text(mistakes) {
                field.name = name.value();
            }
        }
        "constant" => {
            if let Some(name) = constant_name(item, mistakes) {
                field.constant = name;
            }
        }
        "default" => field.default = item.value("value", mistakes).cloned(),
        "auto" => field.auto = auto(item, mistakes).map(|auto| (auto, item.span())),
        "index" | "global_index" => {
            field.index = Some(index(item, mistakes));
        }
        // Read together, in whatever order they stand.
        "references" | "on_delete" => {}
        _ => {
            item.alone(mistakes);
            match word.as_str() {
                "key" => field.key = Some(item.span()),
                "unique" => field.unique = Some(item.span()),
                "json" => field.kind = Kind::Json,
                "embed" => field.kind = Kind::Embed,
                _ => {
                    let role = Role::ALL.into_iter().find(|role| role.word() == word);
                    field.role = role.map(|role| (role, item.span()));
                }
            }
        }
    }
}

/// What `constant = NAME` says.
pub fn constant_name(item: &Item, mistakes: &mut Mistakes) -> Option<Ident> {
    let path = item.path("NAME", mistakes)?;
    if path.get_ident().is_none() {
        mistakes.add(
            syn::spanned::Spanned::span(path),
            "a constant is called by one name, as in `constant = MAX_AGE_COLUMN`",
        );
    }
    path.get_ident().cloned()
}

fn auto(item: &Item, mistakes: &mut Mistakes) -> Option<Auto> {
    const WAYS: [(&str, Auto); 3] = [("counter", Auto::Counter), ("uuid_v4", Auto::UuidV4), ("uuid_v7", Auto::UuidV7)];
    if item.is_alone() {
        return Some(Auto::ByType);
    }
    let path = item.path("counter", mistakes)?;
    if let Some((_, auto)) = WAYS.iter().find(|(word, _)| path.is_ident(word)) {
        return Some(*auto);
    }
    let hint = path.get_ident().map(|word| did_you_mean(&word.to_string(), WAYS.map(|(word, _)| word)));
    let message = match hint {
        Some(hint) if !hint.is_empty() => format!("unknown way to generate keys{hint}"),
        _ => "keys are generated by `auto = counter`, `auto = uuid_v4` or `auto = uuid_v7`".to_owned(),
    };
    mistakes.add(syn::spanned::Spanned::span(path), message);
    None
}

fn index(item: &Item, mistakes: &mut Mistakes) -> FieldIndex {
    let mut index = FieldIndex { span: item.span(), descending: false, global: item.is("global_index") };
    if item.is_alone() {
        return index;
    }
    let parse = |input: ParseStream<'_>| input.parse_terminated(Ident::parse_any, Token![,]);
    for word in item.list(parse, "desc", mistakes).into_iter().flatten() {
        match word.to_string().as_str() {
            "desc" => index.descending = true,
            "global" => mistakes.add(word.span(), "an index whose entries lie together is `global_index`"),
            _ => mistakes.add(
                word.span(),
                "on a field it is `index`, `index(desc)`, `global_index` or `global_index(desc)`; an index over several columns \
                 belongs on the struct",
            ),
        }
    }
    index
}
