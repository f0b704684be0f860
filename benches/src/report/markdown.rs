//! The sections that a run writes into `docs/benchmarks.md`, each between two marks; the rest of the page is written by hand.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{Results, Table, goals, server_goals, server_tables, tables};

/// Puts what was measured in place of what this page said about the same number of images before.
pub fn write_sections(results: &Results, page: &Path, bars: &[String]) -> Result<()> {
    let images = super::tables::number(results.images as f64);
    let embedded = tables(results).into_iter().chain([goals(results)]);
    let servers = server_tables(results).into_iter().chain([server_goals(results)]);
    let mark = format!("{} images", results.images);
    write_tables(results, page, &mark, &format!("{images} images"), embedded.collect(), bars)?;
    let mark = format!("{} images on servers", results.images);
    write_tables(results, page, &mark, &format!("{images} images on servers"), servers.collect(), &[])
}

fn write_tables(
    results: &Results,
    page: &Path,
    mark: &str,
    title: &str,
    tables: Vec<Table>,
    bars: &[String],
) -> Result<()> {
    if tables.iter().all(Table::is_empty) {
        return Ok(());
    }
    write_section(page, mark, &section(results, title, tables, bars))
}

/// Puts a section in place of the one with the same mark.
pub fn write_section(page: &Path, mark: &str, section: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- {mark} -->"), format!("<!-- end of {mark} -->"));
    let section = format!("{begin}\n\n{}\n\n{end}\n", section.trim());
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

fn section(results: &Results, title: &str, tables: Vec<Table>, bars: &[String]) -> String {
    let mut text = format!("## {title}\n\nMedians of {} rounds, all competitors in each round.\n", results.rounds);
    for bars in bars {
        text += &format!("\n![{bars}](benchmarks/{bars}.svg)\n");
    }
    for table in tables.iter().filter(|table| !table.is_empty()) {
        text += &format!("\n### {}\n\n{}", table.title, table.to_markdown());
    }
    text
}
