//! The guide's links lead somewhere, and its table of contents is complete.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::PAGES;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The text of a page; of one that includes another file, that file's.
fn read(page: &str) -> String {
    let read =
        |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = read(source().join(page));
    match text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
        Some(included) => read(source().join(included)),
        None => text,
    }
}

/// The pages in the folder.
fn files() -> BTreeSet<String> {
    let entries = std::fs::read_dir(source()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect()
}

/// The targets of the links of a page, outside of its code.
fn links(text: &str) -> Vec<String> {
    let mut code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// What a heading is called in a link, as mdBook and GitHub do it.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
        }
        if let (false, Some(heading)) = (code, line.strip_prefix('#')) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            found.insert(heading.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

#[test]
fn every_page_is_in_the_contents_once() {
    let listed = links(&read("SUMMARY.md"));
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), once.len(), "a page is listed twice");
    assert_eq!(once, files());
}

#[test]
fn every_page_with_code_is_compiled() {
    let with_code: BTreeSet<String> = files().into_iter().filter(|page| read(page).contains("```rust")).collect();
    let tested: BTreeSet<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    assert!(with_code.is_subset(&tested), "not compiled: {:?}", with_code.difference(&tested));
}

#[test]
fn every_link_leads_to_a_page_and_its_heading() {
    let mut count = 0;
    for page in files() {
        let text = read(&page);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.as_str() } else { file };
            assert!(files().contains(target), "{page} links to {link}");
            assert!(anchor.is_empty() || anchors(&read(target)).contains(anchor), "{page} links to {link}");
        }
    }
    assert!(count > 15, "only {count} links were found");
}

#[test]
fn no_snippet_is_left_out_of_the_tests() {
    for page in PAGES {
        for line in read(page).lines().filter(|line| line.starts_with("```rust")) {
            assert!(["```rust", "```rust,no_run"].contains(&line.trim_end()), "{page}: {line}");
        }
    }
}
