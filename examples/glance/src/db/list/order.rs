//! Orders, and where in them a page starts.

use std::collections::HashSet;
use std::str::FromStr;

use rome_orm::prelude::*;

use crate::db::entities::Image;
use crate::db::error::{DbError, DbResult};

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Least first, null before all.
    Asc,
    /// Greatest first, null after all.
    Desc,
}

impl FromStr for Direction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(()),
        }
    }
}

/// A total order of images: sort keys, and `created_at` and `id` to break ties.
#[derive(Debug, Clone)]
pub(super) struct Sort(Vec<(String, Direction)>);

impl Sort {
    pub(super) fn new(keys: &[String], directions: &[Direction]) -> DbResult<Self> {
        let mut sort: Vec<(String, Direction)> = match (keys, directions) {
            (keys, []) => keys.iter().map(|key| (key.clone(), Direction::Desc)).collect(),
            (keys, [one]) => keys.iter().map(|key| (key.clone(), *one)).collect(),
            (keys, several) if keys.len() == several.len() => {
                keys.iter().cloned().zip(several.iter().copied()).collect()
            }
            _ => return Err(DbError::Invalid("there are not as many sort directions as sort keys".to_owned())),
        };
        // There are no more keys than columns, then, and the condition for a page, which grows with their square, is bounded.
        let mut seen = HashSet::new();
        if let Some((key, _)) = sort.iter().find(|(key, _)| !seen.insert(key.as_str())) {
            return Err(DbError::Invalid(format!("the sort key {key} is given more than once")));
        }
        let ties = if let [one] = directions { *one } else { Direction::Desc };
        for key in ["created_at", "id"] {
            if !sort.iter().any(|(name, _)| name == key) {
                sort.push((key.to_owned(), ties));
            }
        }
        // The id is unique: what comes after it never decides.
        let end = sort.iter().position(|(name, _)| name == "id").map_or(sort.len(), |at| at + 1);
        sort.truncate(end);
        for (name, _) in &sort {
            Image::column(name)
                .map_err(|_| DbError::InvalidSortKey(format!("Sort key supplied was not valid: {name}")))?;
        }
        Ok(Self(sort))
    }

    /// The order for a query.
    pub(super) fn orders(&self) -> DbResult<Vec<Order<Image>>> {
        self.0
            .iter()
            .map(|(name, direction)| {
                let column = Image::column(name)?;
                Ok(match direction {
                    Direction::Asc => column.asc()?,
                    Direction::Desc => column.desc()?,
                })
            })
            .collect()
    }

    /// The images that come after one in this order: those that are beyond it in the first key in which they differ.
    pub(super) fn after(&self, marker: &Image) -> DbResult<Condition<Image>> {
        let mut equal: Vec<Condition<Image>> = Vec::new();
        let mut any = Vec::new();
        let mut bound = None;
        for (name, direction) in &self.0 {
            let column = Image::column(name)?;
            let value = value_of(marker, name)?;
            let beyond = match (direction, value == Value::Null) {
                (Direction::Asc, true) => Some(!column.is_null()),
                (Direction::Asc, false) => Some(column.gt(value.clone())?),
                // Null is the last one down.
                (Direction::Desc, true) => None,
                (Direction::Desc, false) if nullable(name) => Some(column.lt(value.clone())?.or(column.is_null())),
                (Direction::Desc, false) => Some(column.lt(value.clone())?),
            };
            any.extend(beyond.map(|beyond| Condition::all(equal.iter().cloned().chain([beyond]))));
            // Says nothing new, but as a plain range on the first key: an index starts there.
            if equal.is_empty() && value != Value::Null && !(nullable(name) && *direction == Direction::Desc) {
                bound = Some(match direction {
                    Direction::Asc => column.ge(value.clone())?,
                    Direction::Desc => column.le(value.clone())?,
                });
            }
            equal.push(if value == Value::Null { column.is_null() } else { column.eq(value)? });
        }
        let after = Condition::any(any);
        Ok(match bound {
            Some(bound) => bound.and(after),
            None => after,
        })
    }
}

fn nullable(name: &str) -> bool {
    !matches!(
        name,
        "id" | "status" | "visibility" | "min_disk" | "min_ram" | "protected" | "os_hidden" | "created_at" | "deleted"
    )
}

fn value_of(image: &Image, name: &str) -> DbResult<Value> {
    fn of<T: Into<Value>>(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
    Ok(match name {
        "id" => image.id.clone().into(),
        "name" => of(image.name.clone()),
        "disk_format" => of(image.disk_format.clone()),
        "container_format" => of(image.container_format.clone()),
        "size" => of(image.size),
        "virtual_size" => of(image.virtual_size),
        "status" => image.status.label().into(),
        "visibility" => image.visibility.label().into(),
        "checksum" => of(image.checksum.clone()),
        "os_hash_algo" => of(image.os_hash_algo.clone()),
        "os_hash_value" => of(image.os_hash_value.clone()),
        "min_disk" => image.min_disk.into(),
        "min_ram" => image.min_ram.into(),
        "owner" => of(image.owner.clone()),
        "protected" => image.protected.into(),
        "os_hidden" => image.os_hidden.into(),
        "created_at" => image.created_at.into(),
        "updated_at" => of(image.updated_at),
        "deleted_at" => of(image.deleted_at),
        "deleted" => image.deleted.into(),
        other => return Err(DbError::InvalidSortKey(format!("Sort key supplied was not valid: {other}"))),
    })
}
