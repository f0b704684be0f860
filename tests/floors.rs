//! The modules of each crate use only what stands below them, in the order that `docs/design/README.md` gives.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each room, counted from the top, and with whom it shares its place.
type Floors = HashMap<String, (usize, usize)>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The floors of each crate, as the design page lists them.
fn listed() -> BTreeMap<String, Floors> {
    let page = fs::read_to_string(root().join("docs/design/README.md")).unwrap();
    let list = page.split("```floors\n").nth(1).expect("the page has a list of floors").split("```").next().unwrap();
    let mut crates = BTreeMap::new();
    for line in list.lines() {
        let (name, floors) = line.split_once(':').expect("a line is `crate: floors`");
        let mut of_crate = Floors::new();
        for (floor, rooms) in floors.split('>').enumerate() {
            for (group, joined) in rooms.split(',').enumerate() {
                for room in joined.split('+').map(str::trim) {
                    let earlier = of_crate.insert(room.to_owned(), (floor, group));
                    assert!(earlier.is_none(), "{name} lists `{room}` twice");
                }
            }
        }
        crates.insert(name.to_owned(), of_crate);
    }
    crates
}

/// What of a crate's code is a file of the product, with the path of its module.
fn modules(source: &Path, below: &Path, found: &mut Vec<(Vec<String>, String)>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                modules(source, &path, found);
            }
            continue;
        }
        let inside = path.strip_prefix(source).unwrap().with_extension("");
        let mut module: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let is_code = path.extension().is_some_and(|extension| extension == "rs");
        if !is_code || ["lib", "main"].contains(&&*module.concat()) || module.last().is_some_and(|last| last == "tests")
        {
            continue;
        }
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        found.push((module, code_of(&fs::read_to_string(&path).unwrap())));
    }
}

/// The text without comments and without modules of tests.
fn code_of(text: &str) -> String {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let tests = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\n#[allow(", "\n#[cfg(all(test"];
    match tests.into_iter().filter_map(|beginning| code.find(beginning)).min() {
        Some(tests) => code[..tests].to_owned(),
        None => code,
    }
}

/// The first names behind `crate::`, and behind so many `super::` that they lead out of the room.
fn used(module: &[String], code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate` of a macro is for another crate to read.
        if !code[..at].ends_with(|before: char| before == '$' || before == '_' || before.is_alphanumeric()) {
            used.extend(first_names(&code[at + "crate::".len()..]));
        }
    }
    let out = "super::".repeat(module.len());
    for (at, _) in code.match_indices(&out) {
        if !code[..at].ends_with("super::") {
            used.extend(first_names(&code[at + out.len()..]));
        }
    }
    used
}

/// The first name of a path, or those of a list of paths in braces.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| -> String { text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(list) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&list[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty() && name != "self");
    names
}

/// From which room each name comes that the root of a crate exports.
fn exported(root_file: &str) -> HashMap<String, String> {
    let mut from = HashMap::new();
    for statement in root_file.split("pub use ").skip(1) {
        let Some((room, names)) = statement.split(';').next().and_then(|path| path.split_once("::")) else { continue };
        let names = names.trim_start_matches(|c: char| c.is_lowercase() || c == '_' || c == ':');
        for name in names.trim_matches(['{', '}']).split(',') {
            let name = name.trim().rsplit("::").next().unwrap_or_default();
            from.insert(name.to_owned(), room.trim().to_owned());
        }
    }
    from
}

/// The arrows of a crate that run up, and rooms that the page does not have.
fn against(name: &str, floors: &Floors) -> Vec<String> {
    let source = root().join(name).join("src");
    let mut all = Vec::new();
    modules(&source, &source, &mut all);
    let exported = exported(&fs::read_to_string(source.join("lib.rs")).unwrap());
    let rooms: BTreeSet<&str> = all.iter().map(|(module, _)| &*module[0]).collect();
    let mut wrong = Vec::new();
    for room in floors.keys().filter(|room| !rooms.contains(&***room)) {
        wrong.push(format!("{name} has no room `{room}`"));
    }
    for (module, code) in &all {
        let room = &module[0];
        let Some((floor, group)) = floors.get(room) else {
            wrong.push(format!("`{room}` of {name} has no floor"));
            continue;
        };
        for other in used(module, code) {
            let other = exported.get(&other).unwrap_or(&other);
            let Some((below, beside)) = floors.get(other) else {
                wrong.push(format!("{name}/{} uses `{other}`, which has no floor", module.join("/")));
                continue;
            };
            let may = other == room || floor < below || (floor, group) == (below, beside);
            if !may {
                wrong.push(format!("{name}/{} uses `{other}`, which is not below it", module.join("/")));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

#[test]
fn no_module_uses_one_that_stands_above_it() {
    let crates = listed();
    assert!(crates.contains_key("rome-core"), "the page lists the core");
    let wrong: Vec<String> = crates.iter().flat_map(|(name, floors)| against(name, floors)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_runs_up_is_found() {
    let mut floors = listed().remove("rome-core").unwrap();
    floors.insert("database".to_owned(), floors["value"]);
    let wrong = against("rome-core", &floors);
    assert!(wrong.contains(&"rome-core/database uses `query`, which is not below it".to_owned()), "{wrong:?}");
    floors.remove("value");
    let wrong = against("rome-core", &floors);
    assert!(wrong.contains(&"`value` of rome-core has no floor".to_owned()), "{wrong:?}");
}

#[test]
fn paths_are_read_with_their_lists() {
    let module = ["plan".to_owned(), "join".to_owned()];
    let code = "use crate::{ask::Spec, session::{self, Reader}};\nuse super::choose;\nlet x = crate::row::wrap();\nuse super::super::exec::Hit;";
    let used = used(&module, code);
    assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), ["ask", "exec", "row", "session"]);
}
