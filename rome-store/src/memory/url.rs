//! What the URLs of in-memory stores say.

use crate::{StoreError, StoreErrorKind, StoreResult};

const ADVICE: &str = "write `memory:`, or `memory:?partitions=16` to try how a program runs on a cluster";

/// How many partitions it asks for, by what is behind its scheme.
pub(super) fn partitions(rest: &str) -> StoreResult<u32> {
    let refuse = |why: &str| Err(StoreError::new(StoreErrorKind::Invalid, format!("{why}: {ADVICE}")));
    if rest.is_empty() {
        return Ok(1);
    }
    let Some(parameters) = rest.strip_prefix('?') else {
        return refuse("the in-memory store takes no host and no path");
    };
    let (name, value) = parameters.split_once('=').unwrap_or((parameters, ""));
    if name != "partitions" {
        return refuse("the in-memory store has one parameter, `partitions`");
    }
    match value.parse() {
        Ok(partitions @ 1..=1024) => Ok(partitions),
        _ => refuse("`partitions` is one number from 1 to 1024"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_of_partitions_is_taken() {
        for (rest, meant) in [("", 1), ("?partitions=1", 1), ("?partitions=16", 16), ("?partitions=1024", 1024)] {
            assert_eq!(partitions(rest).ok(), Some(meant), "{rest}");
        }
        for rest in ["//", "data", "?", "?partition=4", "?partitions=4&x=1", "?partitions=0", "?partitions=1025"] {
            let error = partitions(rest).expect_err(rest);
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
            assert!(error.to_string().contains("write `memory:`"), "{rest}: {error}");
        }
    }
}
