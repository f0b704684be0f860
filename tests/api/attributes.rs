//! The grammar of `#[rome(...)]`: options never stand among columns, and lists that share a column please Clippy.

use rome_orm::prelude::*;
use rome_orm::schema::{IndexDef, IndexPart, Table};

/// Each column has the name of an option or of a keyword.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "settings", index(global, name, name = "both"), unique = [name, r#type], global_index(by, name = "everywhere"))]
#[rome(count(by = [by, name], name = "counted"), sum(global, by = name), sum(global))]
struct Setting {
    #[rome(key, auto)]
    id: Id<Setting>,
    global: u32,
    name: String,
    r#type: String,
    by: u32,
}

/// No lint has to be allowed for it: `cargo clippy` of this file is the test.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "photos", index = [owner, desc(size)], index = [owner, desc(taken)], unique = [owner, title], global_index = [taken])]
struct Photo {
    #[rome(key, auto)]
    id: Id<Photo>,
    owner: u64,
    title: String,
    #[rome(global_index(desc))]
    size: u64,
    taken: i64,
}

/// Name, whether unique, whether global, columns with whether descending.
type Shown<'t> = (&'t str, bool, bool, Vec<(&'t str, bool)>);

fn indexes(table: &'static Table) -> Vec<Shown<'static>> {
    let shown = |index: &'static IndexDef| {
        let part = |part: &IndexPart| (&*table.columns[usize::from(part.column)].name, part.descending);
        (&*index.name, index.unique, index.global, index.parts.iter().map(part).collect())
    };
    table.indexes.iter().map(shown).collect()
}

#[test]
fn columns_may_have_the_names_of_options_and_keywords() {
    let expected = [
        ("both", false, false, vec![("global", false), ("name", false)]),
        ("unique_name_type", true, false, vec![("name", false), ("type", false)]),
        ("everywhere", false, true, vec![("by", false)]),
    ];
    assert_eq!(indexes(Setting::table()), expected);
    let names: Vec<_> = Setting::table().aggregates.iter().map(|index| &*index.name).collect();
    assert_eq!(names, ["counted", "sum_global_by_name", "sum_global"]);
}

#[test]
fn brackets_declare_what_parentheses_do() {
    let expected = [
        ("by_owner_size_desc", false, false, vec![("owner", false), ("size", true)]),
        ("by_owner_taken_desc", false, false, vec![("owner", false), ("taken", true)]),
        ("unique_owner_title", true, false, vec![("owner", false), ("title", false)]),
        ("by_taken", false, true, vec![("taken", false)]),
        ("by_size_desc", false, true, vec![("size", true)]),
    ];
    assert_eq!(indexes(Photo::table()), expected);
}
