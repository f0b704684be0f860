//! What the compiler says about mistakes: one file for each topic, which also shows that the mistakes of one derive are
//! reported together. After a change of messages: `TRYBUILD=overwrite cargo test -p rome-orm --test ui`.

#![allow(missing_docs)]

#[test]
fn mistakes_are_told_in_the_words_of_the_user() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
