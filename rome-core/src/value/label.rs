//! The labels of enums that are ordered by declaration.

use std::fmt;

/// A variant of an enum with `#[rome(order)]`: its place among the variants, which is what is stored and compared, and
/// all labels, which say what the place means.
///
/// As a value it compares with other labels, and with integers, by its place alone; the bytes of a key are those of the
/// place.
#[derive(Clone, Copy)]
pub struct Label {
    place: u16,
    labels: &'static [&'static str],
}

impl Label {
    /// The variant at a place, counted from 0 in the order of declaration.
    #[must_use]
    pub const fn at(place: u16, labels: &'static [&'static str]) -> Self {
        Self { place, labels }
    }

    /// The variant with this label; `None` if there is none.
    #[must_use]
    pub fn find(label: &str, labels: &'static [&'static str]) -> Option<Self> {
        let place = labels.iter().position(|known| *known == label)?;
        u16::try_from(place).ok().map(|place| Self { place, labels })
    }

    /// The same place among other labels.
    pub(super) const fn among(self, labels: &'static [&'static str]) -> Self {
        Self { place: self.place, labels }
    }

    /// Its place, counted from 0 in the order of declaration.
    #[must_use]
    pub const fn place(self) -> u16 {
        self.place
    }

    /// Its label; `None` for a place that these labels do not have, as a newer version of the enum may write it.
    #[must_use]
    pub fn label(self) -> Option<&'static str> {
        self.labels.get(usize::from(self.place)).copied()
    }
}

/// The label, or `#7` for the place 7 that has none.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.label() {
            Some(label) => f.write_str(label),
            None => write!(f, "#{}", self.place),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (#{})", self.place)
    }
}
