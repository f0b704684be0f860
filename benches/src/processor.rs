//! Processor time: what an operation costs whatever else the machine does meanwhile.

use std::{fs, path::Path};

/// Nanoseconds that the threads of this process, and of a server's if one is named, have run.
pub fn time(server: Option<u32>) -> u64 {
    of("/proc/self/task") + server.map_or(0, |id| of(format!("/proc/{id}/task")))
}

/// The sum over the threads in this folder; zero where the system does not tell.
fn of(threads: impl AsRef<Path>) -> u64 {
    let threads = fs::read_dir(threads).into_iter().flatten().flatten();
    let run = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.filter_map(run).sum()
}
