//! The numbers in a program that the encoder writes and the scripts read, under the same names on both sides.
//!
//! A script has the names of [`ALL`] in it; each is replaced by its number when the script is made, so a name costs nothing when it
//! runs.

/// Declares the constants and the list of all of them.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: u8 = $number;)*

        /// All names and their numbers.
        const ALL: &[(&str, u8)] = &[$((stringify!($name), $name)),*];
    };
}

names! {
    /// The bytes of a program before its checks.
    HEADER = 48;
    /// Where in it the number of programs stands, and behind it where the data begin.
    AT_PROGRAMS = 18;

    /// A repeat writes too, so that `WAIT` has what to wait for.
    FLAG_ALWAYS_WRITE = 1;
    /// An effect adds to a counter.
    FLAG_ADDS = 2;
    /// The first datum is `unchanged_since`.
    FLAG_UNCHANGED_SINCE = 4;
    /// The last check and the first effect are one command.
    FLAG_FUSED = 8;
    /// A check is of a span's members.
    FLAG_SPANS = 16;

    /// A whole transaction on one partition.
    STEP_ONE = 0;
    /// Test it and keep it for later.
    STEP_PREPARE = 1;
    /// Ask whether it is decided.
    STEP_PUSH = 2;
    /// Decide that it is aborted, if it is not decided.
    STEP_PUSH_ABORT = 3;
    /// End what was prepared without its effects.
    STEP_ABORT = 4;
    /// End it with the effects that were prepared, which come along.
    STEP_COMMIT = 5;
    /// The same for a caller who saw none prepared.
    STEP_COMMIT_UNSEEN = 6;

    /// Check: no record under a key of a hash.
    OP_ABSENT = b'N';
    /// Check: a record's version.
    OP_VERSION = b'V';
    /// Check: the number of a span's members.
    OP_COUNT = b'C';
    /// Check: a span's members and the versions behind them.
    OP_SAME = b'E';
    /// The sentinel of a hash.
    OP_HASH_SENTINEL = b'h';
    /// The sentinel of a sorted set.
    OP_SET_SENTINEL = b'z';
    /// Effect: put a record.
    OP_PUT = b'P';
    /// Effect: put a record with a version.
    OP_PUT_VERSIONED = b'Q';
    /// Effect: add to a counter.
    OP_ADD = b'A';
    /// Effect: add to a counter with a version.
    OP_ADD_VERSIONED = b'B';
    /// Effect: remove a record.
    OP_DELETE = b'd';
    /// Effect: put an index entry.
    OP_PUT_ENTRY = b'I';
    /// Effect: remove an index entry.
    OP_DELETE_ENTRY = b'x';
    /// Effect: raise the gate.
    OP_RAISE_GATE = b'G';
    /// Effect: retire a space.
    OP_RETIRE = b'R';

    /// A span covers its members alone.
    MODE_MEMBERS = b'n';
    /// A span covers the records under its members.
    MODE_KEYS = b'k';
    /// A span covers the rows that its entries point at.
    MODE_ROWS = b'r';

    /// In what is kept of a prepared transaction: a record that it checked. Effects have the `OP_*` of the program there.
    LOCK_RECORD = b'V';
    /// In what is kept of a prepared transaction: a span that it checked.
    LOCK_SPAN = b'S';
}

/// The source of a script with numbers in the place of names.
pub(super) fn resolve(source: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut resolved = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_word(c)).unwrap_or(from.len()));
        resolved.push_str(before);
        match ALL.iter().find(|(name, _)| *name == word) {
            Some((_, number)) => resolved.push_str(&number.to_string()),
            None => resolved.push_str(word),
        }
        rest = after;
    }
    resolved.push_str(rest);
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: [&str; 5] = [
        include_str!("state.lua"),
        include_str!("apply.lua"),
        include_str!("locks.lua"),
        include_str!("spans.lua"),
        include_str!("read.lua"),
    ];

    /// The words of the scripts that are no comments.
    fn words() -> impl Iterator<Item = &'static str> {
        let code = SOURCES.iter().flat_map(|source| source.lines()).map(|line| line.split("--").next().unwrap_or(""));
        code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
    }

    #[test]
    fn the_scripts_use_no_name_that_the_encoder_does_not_have() {
        // Lua takes it for a global, and fails only when that line runs.
        let is_name =
            |word: &str| ["OP_", "STEP_", "FLAG_", "MODE_", "LOCK_", "AT_"].iter().any(|p| word.starts_with(p));
        for word in words().filter(|word| is_name(word)) {
            assert!(ALL.iter().any(|(name, _)| *name == word), "{word}");
        }
    }

    #[test]
    fn a_name_is_replaced_as_a_whole_word() {
        assert_eq!(resolve("if op == OP_PUT then x(OP_PUT_ENTRY, OP_PUTS)"), "if op == 80 then x(73, OP_PUTS)");
        assert_eq!(resolve("HEADER"), "48");
    }

    #[test]
    fn no_two_operations_of_a_program_have_one_number() {
        let operations: Vec<_> = ALL.iter().filter(|(name, _)| name.starts_with("OP_")).collect();
        for (at, (name, number)) in operations.iter().enumerate() {
            assert!(operations.iter().skip(at + 1).all(|(_, other)| other != number), "{name}");
        }
    }
}
