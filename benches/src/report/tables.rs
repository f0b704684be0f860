//! Tables, for a terminal and for markdown.

use super::Results;
use crate::{measure::Load, operation::Operation};

/// A title, a header, and rows of cells.
#[derive(Debug)]
pub struct Table {
    pub title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<T: Into<String>>(title: &str, header: impl IntoIterator<Item = T>) -> Self {
        Self { title: title.to_owned(), header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether anything was measured for it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table for a terminal, columns aligned.
    pub fn to_text(&self) -> String {
        self.render(|cells, widths| {
            let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ")
        })
    }

    /// The table for markdown, columns aligned too.
    pub fn to_markdown(&self) -> String {
        let text = self.render(|cells, widths| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
        });
        let rule = format!("|---|{}", "---:|".repeat(self.header.len() - 1));
        let (header, rows) = text.split_once('\n').unwrap_or((&text, ""));
        format!("{header}\n{rule}\n{rows}")
    }

    fn render(&self, line: impl Fn(&[String], &[usize]) -> String) -> String {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        all().map(|row| line(row, &widths) + "\n").collect()
    }
}

/// The ORMs on PostgreSQL.
pub const POSTGRES: [&str; 2] = ["diesel-pg", "sea-orm-pg"];

/// Times of one client and rates of many on servers: Redis and PostgreSQL durable, then Redis without a disk.
pub fn server_tables(results: &Results) -> Vec<Table> {
    let durable = ["raw-redis", "lua-redis", "rome-redis", "diesel-pg", "sea-orm-pg"];
    let durable_ratios = [
        ("rome-redis", "raw-redis"),
        ("rome-redis", "lua-redis"),
        ("rome-redis", "diesel-pg"),
        ("rome-redis", "sea-orm-pg"),
    ];
    let ram = ["raw-redis-ram", "lua-redis-ram", "rome-redis-ram"];
    let ram_ratios = [("rome-redis-ram", "raw-redis-ram"), ("rome-redis-ram", "lua-redis-ram")];
    let mut tables = Vec::new();
    for (kind, peers, ratios) in
        [("Servers, durable", &durable[..], &durable_ratios[..]), ("Redis without a disk", &ram[..], &ram_ratios[..])]
    {
        tables.extend([
            table(results, &format!("{kind}, one client: median µs"), Load::One, peers, ratios),
            table(results, &format!("{kind}, sixteen clients: operations a second"), Load::Sixteen, peers, ratios),
            table(results, &format!("{kind}, sixty-four clients: operations a second"), Load::SixtyFour, peers, ratios),
        ]);
    }
    tables.push(costs(results, &ram, &ram_ratios));
    tables
}

/// Processor time of operations, which a busy machine changes less than their rate.
fn costs(results: &Results, peers: &[&str], ratios: &[(&str, &str)]) -> Table {
    let title = "Redis without a disk, sixteen clients: µs of processor time an operation, client and server";
    let cost = |operation, peer: &str| results.cost(operation, peer, Load::Sixteen);
    compare(results, title, peers, ratios, cost)
}

/// Times of one client and rates of sixteen in this process, on disk and in memory.
pub fn tables(results: &Results) -> Vec<Table> {
    let disk = ["raw", "rome", "rusqlite", "diesel", "diesel-hop"];
    let memory = ["btree", "rome-memory"];
    let disk_ratios = [("rome", "raw"), ("rome", "rusqlite"), ("rome", "diesel"), ("rome", "diesel-hop")];
    let memory_ratios = [("rome-memory", "btree")];
    vec![
        table(results, "On disk, one client: median µs", Load::One, &disk, &disk_ratios),
        table(results, "On disk, sixteen clients: operations a second", Load::Sixteen, &disk[..4], &disk_ratios[..3]),
        table(results, "In memory, one client: median µs", Load::One, &memory, &memory_ratios),
        table(results, "In memory, sixteen clients: operations a second", Load::Sixteen, &memory, &memory_ratios),
    ]
}

fn table(results: &Results, title: &str, load: Load, peers: &[&str], ratios: &[(&str, &str)]) -> Table {
    compare(results, title, peers, ratios, |operation, peer| results.get(operation, peer, load))
}

/// A row an operation, a column a competitor, and the ratios of some.
fn compare(
    results: &Results,
    title: &str,
    peers: &[&str],
    ratios: &[(&str, &str)],
    get: impl Fn(Operation, &str) -> Option<f64>,
) -> Table {
    let peers: Vec<&str> = peers.iter().copied().filter(|peer| results.peers.contains(peer)).collect();
    let ratios = ratios.iter().filter(|(peer, other)| peers.contains(peer) && peers.contains(other));
    let ratios: Vec<_> = ratios.collect();
    let header = std::iter::once("operation".to_owned())
        .chain(peers.iter().map(|peer| (*peer).to_owned()))
        .chain(ratios.iter().map(|(peer, other)| format!("{peer} / {other}")));
    let mut table = Table::new(title, header);
    if peers.is_empty() {
        return table;
    }
    for &operation in &results.operations {
        if peers.iter().all(|peer| get(operation, peer).is_none()) {
            continue;
        }
        let numbers = peers.iter().map(|peer| get(operation, peer).map_or("-".to_owned(), number));
        let ratio = |(peer, other): &&(&str, &str)| {
            let ratio = get(operation, peer).zip(get(operation, other)).map(|(peer, other)| peer / other);
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        table.row(std::iter::once(operation.name().to_owned()).chain(numbers).chain(ratios.iter().map(ratio)));
    }
    table
}

/// Three figures or so.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
