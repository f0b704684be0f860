//! The names of an entity's columns, checked while it is compiled.

/// Names that share a prefix: those of an embedded struct, or with no prefix those of the entity itself.
pub type Group = (&'static str, &'static [&'static str]);

/// Checks that no two columns have the same name, which embedded structs can bring about unseen.
///
/// # Panics
/// If two have.
pub const fn distinct(groups: &[Group]) {
    let mut group = 0;
    while group < groups.len() {
        let mut at = 0;
        while at < groups[group].1.len() {
            let name = (groups[group].0, groups[group].1[at]);
            // Names within a group differ, or the derive would have said so: only later groups can have this one.
            let mut later = group + 1;
            while later < groups.len() {
                let mut other = 0;
                while other < groups[later].1.len() {
                    assert!(
                        !same(name, (groups[later].0, groups[later].1[other])),
                        "two columns have the same name, one of them from an embedded struct: rename it with `column = \"...\"`"
                    );
                    other += 1;
                }
                later += 1;
            }
            at += 1;
        }
        group += 1;
    }
}

const fn same(a: (&str, &str), b: (&str, &str)) -> bool {
    let length = length(a);
    if length != self::length(b) {
        return false;
    }
    let mut at = 0;
    while at < length {
        if byte(a, at) != byte(b, at) {
            return false;
        }
        at += 1;
    }
    true
}

const fn length((prefix, name): (&str, &str)) -> usize {
    if prefix.is_empty() { name.len() } else { prefix.len() + 1 + name.len() }
}

const fn byte((prefix, name): (&str, &str), at: usize) -> u8 {
    if prefix.is_empty() {
        name.as_bytes()[at]
    } else if at < prefix.len() {
        prefix.as_bytes()[at]
    } else if at == prefix.len() {
        b'_'
    } else {
        name.as_bytes()[at - prefix.len() - 1]
    }
}
