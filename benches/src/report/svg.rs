//! Bars, one group an operation, on a logarithmic scale: the competitors lie up to a thousand times apart.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

use super::{Results, tables::number};
use crate::measure::Load;

const LABELS: f64 = 300.0;
const BARS: f64 = 460.0;
const NUMBERS: f64 = 80.0;
const BAR: f64 = 11.0;
const GAP: f64 = 10.0;
const TOP: f64 = 62.0;
const COLOURS: [(&str, &str); 6] = [
    ("raw", "#8d99ae"),
    ("rome", "#d1495b"),
    ("rusqlite", "#66a182"),
    ("diesel", "#2e4057"),
    ("btree", "#8d99ae"),
    ("rome-memory", "#d1495b"),
];

/// Writes the pictures of a run into a folder and gives their names.
pub fn write_bars(results: &Results, folder: &Path) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let disk = ["raw", "rome", "rusqlite", "diesel"];
    let memory = ["btree", "rome-memory"];
    let pictures = [
        ("time", "On disk, one client: median time in µs (shorter is better; logarithmic)", Load::One, &disk[..]),
        (
            "rate",
            "On disk, sixteen clients: operations a second (longer is better; logarithmic)",
            Load::Sixteen,
            &disk[..],
        ),
        ("memory", "In memory, one client: median time in µs (shorter is better; logarithmic)", Load::One, &memory[..]),
    ];
    let mut names = Vec::new();
    for (name, title, load, peers) in pictures {
        if !peers.iter().any(|peer| results.peers.contains(peer)) {
            continue;
        }
        let name = format!("{name}-{}", results.images);
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, picture(results, title, load, peers)).with_context(|| path.display().to_string())?;
        names.push(name);
    }
    Ok(names)
}

fn picture(results: &Results, title: &str, load: Load, peers: &[&str]) -> String {
    let numbers = |operation| {
        peers.iter().filter_map(move |peer| Some((*peer, results.get(operation, peer, load)?))).collect::<Vec<_>>()
    };
    let all: Vec<f64> = results.operations.iter().flat_map(|op| numbers(*op)).map(|(_, value)| value).collect();
    let low = all.iter().copied().fold(f64::INFINITY, f64::min).log10().floor();
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max).log10().ceil();
    let length = |value: f64| ((value.log10() - low) / (high - low).max(1.0) * BARS).max(1.0);

    let mut body = String::new();
    let mut y = TOP;
    for &operation in &results.operations {
        let group = numbers(operation);
        let middle = y + group.len() as f64 * BAR / 2.0 + 4.0;
        let _ =
            writeln!(body, r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#, LABELS - 8.0, operation.name());
        for (peer, value) in group {
            let colour = COLOURS.iter().find(|(name, _)| *name == peer).map_or("#000", |(_, colour)| colour);
            let end = length(value);
            let _ = writeln!(
                body,
                r#"<rect x="{LABELS}" y="{y}" width="{end:.1}" height="{}" fill="{colour}"/><text class="n" x="{:.1}" y="{:.1}">{}</text>"#,
                BAR - 1.5,
                LABELS + end + 4.0,
                y + BAR - 3.0,
                number(value)
            );
            y += BAR;
        }
        y += GAP;
    }
    let mut legend = String::new();
    let mut x = LABELS;
    for (peer, colour) in COLOURS.iter().filter(|(name, _)| peers.contains(name)) {
        let _ = writeln!(
            legend,
            r#"<rect x="{x}" y="36" width="10" height="10" fill="{colour}"/><text x="{}" y="45">{peer}</text>"#,
            x + 14.0
        );
        x += 100.0;
    }
    let width = LABELS + BARS + NUMBERS;
    let height = y + 4.0;
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" "#,
            r#"font-family="sans-serif" font-size="12" role="img" aria-label="{title}">"#,
            "\n<style>.n{{font-size:9px;fill:#555}}</style>\n",
            r##"<rect width="100%" height="100%" fill="#fff"/>"##,
            "\n",
            r#"<text x="{labels}" y="20" font-size="14" font-weight="bold">{title}</text>"#,
            "\n{legend}{body}</svg>\n"
        ),
        width = width,
        height = height,
        title = title,
        labels = LABELS,
        legend = legend,
        body = body,
    )
}
