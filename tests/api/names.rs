//! What the prelude brings into scope takes no common names of methods away.

use rome_orm::prelude::*;

use super::Dog;

/// What a program may well have for its own structs.
trait Codec {
    fn write(&self) -> String;
    fn read(text: &str) -> Self;
    fn hooks() -> &'static str;
}

impl Codec for Dog {
    fn write(&self) -> String {
        self.name.clone()
    }

    fn read(text: &str) -> Self {
        Self { name: text.into(), ..Default::default() }
    }

    fn hooks() -> &'static str {
        "none"
    }
}

#[derive(Embedded, Clone, Debug, Default, PartialEq)]
struct Home {
    city: String,
}

impl Codec for Home {
    fn write(&self) -> String {
        self.city.clone()
    }

    fn read(text: &str) -> Self {
        Self { city: text.into() }
    }

    fn hooks() -> &'static str {
        "none"
    }
}

#[test]
fn a_programs_own_methods_are_called() {
    assert_eq!(Dog::read("Rex").write(), "Rex");
    assert_eq!(Home::read("Lyon").write(), "Lyon");
    assert_eq!((Dog::hooks(), Home::hooks()), ("none", "none"));
}
