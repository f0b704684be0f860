//! Keeps a client and its server on two processors.
//!
//! Where one client waits for each answer, the two take turns. The scheduler then puts them on one processor or on two, leaves them there
//! for minutes, and a round trip takes 20 µs or 50: a ratio of two such times would say where they were put.

use std::{
    fs,
    process::{Command, Stdio},
};

/// While it lives, this process runs on the first processor, and the server on the second.
#[derive(Debug)]
pub struct Apart {
    processes: Vec<u32>,
    all: String,
}

impl Apart {
    /// Moves them, if there are two processors and `taskset` is installed. Afterwards both may run where this process may.
    pub fn from(server: u32) -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let all = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim().to_owned();
        let [first, second] = first_two(&all)?;
        let moved = Self { processes: vec![std::process::id(), server], all };
        (put(std::process::id(), &first.to_string()) && put(server, &second.to_string())).then_some(moved)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for process in &self.processes {
            put(*process, &self.all);
        }
    }
}

/// The first two of a list such as `0-3,8`.
fn first_two(list: &str) -> Option<[u32; 2]> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let mut processors = list.split(',').filter_map(range).flatten();
    Some([processors.next()?, processors.next()?])
}

/// Lets all threads of a process run on these processors; says whether that went well.
fn put(process: u32, processors: &str) -> bool {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", processors, &process.to_string()]);
    taskset.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::first_two;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(first_two("0-3"), Some([0, 1]));
        assert_eq!(first_two("2,5-6"), Some([2, 5]));
        assert_eq!(first_two("7"), None);
    }
}
