//! Additional properties of images.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

use super::{Image, serial};

/// A name with a value on an image. One record at most for an image and a name, deleted ones counted.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "image_properties", partition_by(image_id), unique(image_id, name), index(name, value_head))]
pub struct ImageProperty {
    /// The image.
    #[rome(key, references = Image, on_delete = cascade)]
    pub image_id: String,
    /// A number that rises.
    #[rome(key)]
    pub id: Id<ImageProperty>,
    /// The name.
    pub name: String,
    /// The value, of any length.
    pub value: Option<String>,
    /// The beginning of the value. An index entry has a limited length and a value has not, so the index that finds
    /// images by a property is over this.
    pub value_head: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was last deleted; stays when the property comes back.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The image itself, where it was loaded.
    #[rome(belongs_to(image_id))]
    pub image: One<Image>,
}

/// How many characters of a value are indexed.
const HEAD: usize = 64;

impl ImageProperty {
    /// A new property.
    #[must_use]
    pub fn new(image_id: &str, name: &str, value: Option<&str>, now: DateTime<Utc>) -> Self {
        Self {
            image_id: image_id.to_owned(),
            id: serial(),
            name: name.to_owned(),
            value: value.map(str::to_owned),
            value_head: value.map(|value| Self::head(value).to_owned()),
            created_at: now,
            updated_at: Some(now),
            deleted_at: None,
            deleted: false,
            image: One::default(),
        }
    }

    /// Gives it a value.
    pub fn set_value(&mut self, value: Option<&str>) {
        self.value = value.map(str::to_owned);
        self.value_head = value.map(|value| Self::head(value).to_owned());
    }

    /// The part of a value that is indexed.
    #[must_use]
    pub fn head(value: &str) -> &str {
        value.char_indices().nth(HEAD).map_or(value, |(end, _)| value.get(..end).unwrap_or(value))
    }
}

#[cfg(test)]
mod tests {
    use super::ImageProperty;

    #[test]
    fn a_head_ends_between_characters() {
        let long = "é".repeat(200);
        assert_eq!(ImageProperty::head(&long), "é".repeat(64));
        assert_eq!(ImageProperty::head("short"), "short");
    }
}
