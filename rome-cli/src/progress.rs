//! Progress on the terminal; nothing where there is none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of rows, hidden if it is not wanted.
pub fn bar(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} rows, {per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Shows how far something is.
pub fn show(bar: &ProgressBar, what: &str, rows: u64, of: u64) {
    if bar.message() != what {
        bar.set_message(what.to_owned());
    }
    bar.set_length(of);
    bar.set_position(rows);
}
