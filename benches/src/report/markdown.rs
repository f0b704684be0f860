//! The section of one table size in `docs/benchmarks.md`, between two marks; the rest of the page is written by hand.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{Results, goals, tables};

/// Puts what was measured in place of what this page said about the same number of images before.
pub fn write_section(results: &Results, page: &Path, bars: &[String]) -> Result<()> {
    let begin = format!("<!-- {} images -->", results.images);
    let end = format!("<!-- end of {} images -->", results.images);
    let section = format!("{begin}\n{}{end}\n", section(results, bars));
    let old = match fs::read_to_string(page) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "# Benchmarks\n".to_owned(),
        Err(error) => return Err(error).with_context(|| page.display().to_string()),
    };
    let new = match (old.find(&begin), old.find(&end)) {
        (Some(from), Some(to)) => {
            let rest = old[to + end.len()..].trim_start_matches('\n');
            let gap = if rest.is_empty() { "" } else { "\n" };
            format!("{}{section}{gap}{rest}", &old[..from])
        }
        _ => format!("{}\n\n{section}", old.trim_end()),
    };
    fs::write(page, new).with_context(|| page.display().to_string())
}

fn section(results: &Results, bars: &[String]) -> String {
    let mut text = format!(
        "\n## {} images\n\nMedians of {} rounds, all competitors in each round.\n",
        super::tables::number(results.images as f64),
        results.rounds
    );
    for bars in bars {
        text += &format!("\n![{bars}](benchmarks/{bars}.svg)\n");
    }
    for table in tables(results).into_iter().chain([goals(results)]).filter(|table| !table.is_empty()) {
        text += &format!("\n### {}\n\n{}", table.title, table.to_markdown());
    }
    text + "\n"
}
