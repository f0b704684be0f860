//! From tokens to the model, with the mistakes of the whole entity.

use syn::DeriveInput;
use syn::parse::Parse;

use super::aggregate::{self, Aggregate};
use super::foreign_key::{self, ForeignKey};
use super::index::{self, Index};
use super::{Entity, WIDEST_KEY, partition, relation};
use crate::field::{self, Field, Place, Role};
use crate::syntax::{Item, Mistakes, Root, Words, items, named_fields, snake};

const WORDS: Words = Words {
    here: &[
        "table",
        "index",
        "global_index",
        "unique",
        "count",
        "sum",
        "partition_by",
        "foreign_key",
        "hooks",
        "crate",
    ],
    elsewhere: &[
        ("key", "`key` belongs on the field that is the key"),
        ("auto", "`auto` belongs on the key field, beside `key`"),
        (
            "references",
            "`references` belongs on the column; for a key of several columns write `foreign_key(a, b, references = Owner)`",
        ),
        ("count_by", "write `count(by = column)`, or `count(by = [column, column])`"),
        ("on_delete", "`on_delete` belongs beside `references`"),
        ("belongs_to", "a relation is a field: put `belongs_to(...)` on a field of type `One<...>`"),
        ("has_one", "a relation is a field: put `has_one(...)` on a field of type `One<...>`"),
        ("has_many", "a relation is a field: put `has_many(...)` on a field of type `Many<...>`"),
        ("many_to_many", "a relation is a field: put `many_to_many(...)` on a field of type `Many<...>`"),
        ("entity", "`entity` belongs to `#[derive(Projection)]`"),
        ("rename_all", "`rename_all` belongs to `#[derive(ColumnEnum)]`; name a column with `column = \"...\"`"),
    ],
    repeated: &["index", "global_index", "unique", "count", "sum", "foreign_key"],
};

/// The entity, or nothing if there is no sense in deriving one; the mistakes are not lost on the way.
pub fn entity(input: &DeriveInput, mistakes: &mut Mistakes) -> Option<Entity> {
    let mut table = None;
    let mut root = Root::of_manifest();
    let mut indexes = Vec::new();
    let mut aggregates = Vec::new();
    let mut partition_by = Vec::new();
    let mut foreign_keys = Vec::new();
    let mut hooks = None;
    for item in items(&input.attrs, &WORDS, mistakes) {
        match item.name.to_string().as_str() {
            "table" => table = item.text(mistakes),
            "hooks" => {
                item.alone(mistakes);
                hooks = Some(item.span());
            }
            "crate" => root.set(&item, mistakes),
            "partition_by" => partition_by = partition::parse(&item, mistakes),
            "foreign_key" => foreign_keys.extend(declared_foreign_key(&item, mistakes)),
            _ if Aggregate::is_declared_by(&item) => aggregates.extend(Aggregate::declared(&item, mistakes)),
            _ => indexes.extend(Index::declared(&item, mistakes)),
        }
    }

    root.check(mistakes);
    let fields = named_fields(input, "an entity", mistakes);
    let has_fields = !fields.is_empty();
    let fields = field::fields(&fields, Place::Entity, mistakes);
    indexes.extend(fields.columns.iter().flat_map(Index::of_field));
    index::check(&indexes, &fields, mistakes);
    aggregate::check(&aggregates, &indexes, &fields, mistakes);
    foreign_keys.extend(ForeignKey::of_fields(&fields));
    foreign_key::check(&foreign_keys, &fields, mistakes);
    partition::check(&partition_by, &fields, mistakes);
    relation::check(&fields, mistakes);
    let (fields, relations) = (fields.columns, fields.relations);
    check_roles(&fields, mistakes);
    let key: Vec<usize> = (0..fields.len()).filter(|&at| fields[at].key.is_some()).collect();
    if has_fields {
        check_key(input, &fields, &key, mistakes);
    }
    if mistakes.is_hopeless() {
        return None;
    }
    let entity = Entity {
        ident: input.ident.clone(),
        root,
        table: table.map_or_else(|| snake(&input.ident), |name| name.value()),
        auto: fields.iter().find_map(|field| field.auto).map(|(auto, _)| auto),
        key,
        fields,
        indexes,
        aggregates,
        partition_by,
        foreign_keys,
        hooks,
        relations,
    };
    Some(if mistakes.is_empty() { entity } else { outline(entity) })
}

/// The entity without what its attributes may have got wrong. With it derived, a mistake in an attribute does not make
/// each use of the entity an error too.
fn outline(mut entity: Entity) -> Entity {
    entity.auto = None;
    entity.indexes.clear();
    entity.aggregates.clear();
    entity.partition_by.clear();
    entity.foreign_keys.clear();
    for relation in &mut entity.relations {
        relation.link = None;
    }
    for field in &mut entity.fields {
        field.role = None;
        field.default = None;
    }
    entity
}

fn declared_foreign_key(item: &Item, mistakes: &mut Mistakes) -> Option<ForeignKey> {
    let list = item.list(foreign_key::List::parse, "column, references = Owner", mistakes)?;
    ForeignKey::declared(item.span(), list, mistakes)
}

fn check_key(input: &DeriveInput, fields: &[Field], key: &[usize], mistakes: &mut Mistakes) {
    match *key {
        [] => mistakes.add_hopeless(
            input.ident.span(),
            format!("`{}` has no key: put `#[rome(key)]` on the field that identifies a row", input.ident),
        ),
        [only] => {
            let field = &fields[only];
            let spans = [("index", field.index.as_ref().map(|index| index.span)), ("unique", field.unique)];
            for (word, span) in spans.into_iter().filter_map(|(word, span)| Some((word, span?))) {
                mistakes.add(span, format!("a key is unique and ordered already: remove `{word}`"));
            }
        }
        _ => {
            if let Some(extra) = key.get(WIDEST_KEY).map(|&at| &fields[at]) {
                mistakes.add_hopeless(extra.ident.span(), format!("a key has at most {WIDEST_KEY} fields"));
            }
            for (_, span) in key.iter().filter_map(|&at| fields[at].auto) {
                mistakes.add(span, "`auto` generates keys of one field, and this key has several");
            }
        }
    }
}

fn check_roles(fields: &[Field], mistakes: &mut Mistakes) {
    for role in Role::ALL {
        let mut spans = fields.iter().filter_map(|field| field.role).filter(|(r, _)| *r == role).map(|(_, span)| span);
        let _first = spans.next();
        for span in spans {
            mistakes.add(span, format!("another field is `{}` already", role.word()));
        }
    }
}
