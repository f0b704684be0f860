//! What filters mean.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rome_orm::expr::DynColumn;
use rome_orm::prelude::*;

use super::items;
use super::time;
use crate::db::entities::{Image, ImageProperty, ImageStatus, ImageTag, Visibility};
use crate::db::error::{DbError, DbResult};

/// Conditions on images, all of which have to match.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters {
    /// The visibility.
    pub visibility: Option<VisibilityFilter>,
    /// Hidden or not.
    pub os_hidden: Option<bool>,
    /// The checksum, or that there is none.
    pub checksum: Option<Option<String>>,
    /// The secure hash, or that there is none.
    pub os_hash_value: Option<Option<String>>,
    /// Live properties with these names and values.
    pub properties: Vec<(String, String)>,
    /// Live tags.
    pub tags: Vec<String>,
    /// `updated_at` is after it.
    pub changes_since: Option<DateTime<Utc>>,
    /// Deleted or not; not deleted also means not killed.
    pub deleted: Option<bool>,
    /// Anything else by name: `X_min` and `X_max` for a number column X; `created_at` and `updated_at` as `op:time`;
    /// `name`, `id`, `status`, `container_format` and `disk_format` as text, `eq:text` or `in:a,b`; another column as
    /// the text of its value; and what is no column, a live property.
    pub others: Vec<(String, String)>,
    /// The filters by `created_at` and `updated_at` compare whole seconds, as which the API shows those times; else they compare
    /// microseconds.
    pub whole_seconds: bool,
}

/// Which visibility is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityFilter {
    /// This one.
    Is(Visibility),
    /// Any, so community images of others too.
    All,
}

/// What a filter by name is about.
enum Subject<'a> {
    AtLeast(&'a str),
    AtMost(&'a str),
    Time,
    Text,
    Column,
    Property,
}

fn subject(name: &str) -> Subject<'_> {
    const NUMBERS: [&str; 4] = ["size", "virtual_size", "min_disk", "min_ram"];
    let number = |name: Option<&'static str>| name;
    let known = |stem: &str| number(NUMBERS.into_iter().find(|number| *number == stem));
    if let Some(column) = name.strip_suffix("_min").and_then(known) {
        return Subject::AtLeast(column);
    }
    if let Some(column) = name.strip_suffix("_max").and_then(known) {
        return Subject::AtMost(column);
    }
    match name {
        "created_at" | "updated_at" => Subject::Time,
        "name" | "id" | "status" | "container_format" | "disk_format" => Subject::Text,
        "size" | "virtual_size" | "min_disk" | "min_ram" | "owner" | "protected" | "os_hash_algo" | "checksum"
        | "os_hash_value" | "os_hidden" => Subject::Column,
        _ => Subject::Property,
    }
}

impl Filters {
    /// The conditions on images, their properties and their tags.
    pub(super) fn condition(&self) -> DbResult<Condition<Image>> {
        let mut all = Vec::new();
        if let Some(hidden) = self.os_hidden {
            all.push(Image::OS_HIDDEN.eq(hidden));
        }
        if let Some(checksum) = &self.checksum {
            all.push(match checksum {
                Some(checksum) => Image::CHECKSUM.eq(checksum.as_str()),
                None => Image::CHECKSUM.is_null(),
            });
        }
        if let Some(hash) = &self.os_hash_value {
            all.push(match hash {
                Some(hash) => Image::OS_HASH_VALUE.eq(hash.as_str()),
                None => Image::OS_HASH_VALUE.is_null(),
            });
        }
        if let Some(since) = self.changes_since {
            all.push(Image::UPDATED_AT.gt(since));
        }
        if let Some(deleted) = self.deleted {
            all.push(Image::DELETED.eq(deleted));
            if !deleted {
                all.push(Image::STATUS.ne(ImageStatus::Killed));
            }
        }
        for (name, value) in &self.others {
            all.extend(named(name, value, self.whole_seconds)?);
        }
        all.extend(self.related());
        Ok(Condition::all(all))
    }

    /// The conditions on the properties and tags of an image.
    fn related(&self) -> impl Iterator<Item = Condition<Image>> {
        let by_name = self.others.iter().filter(|(name, _)| matches!(subject(name), Subject::Property));
        let properties = self.properties.iter().chain(by_name).map(|(name, value)| {
            Image::PROPERTIES.any(Condition::all([
                ImageProperty::NAME.eq(name.as_str()),
                ImageProperty::VALUE_HEAD.eq(ImageProperty::head(value)),
                ImageProperty::VALUE.eq(value.as_str()),
                ImageProperty::DELETED.eq(false),
            ]))
        });
        let tags = self.tags.iter();
        properties
            .chain(tags.map(|tag| Image::TAGS.any(ImageTag::VALUE.eq(tag.as_str()).and(ImageTag::DELETED.eq(false)))))
    }
}

/// The condition of a filter by name; none if it is about a property.
fn named(name: &str, value: &str, whole_seconds: bool) -> DbResult<Option<Condition<Image>>> {
    Ok(Some(match subject(name) {
        Subject::Property => return Ok(None),
        Subject::AtLeast(column) => Image::column(column)?.ge(number(value)?)?,
        Subject::AtMost(column) => Image::column(column)?.le(number(value)?)?,
        Subject::Time => {
            let (op, time) = instant(value)?;
            let column = Image::column(name)?;
            if whole_seconds { in_seconds(&column, op, time)? } else { exactly(&column, op, time.into())? }
        }
        Subject::Text => {
            let wanted = items::wanted(value)?;
            if name == "status" {
                // A status that does not exist is one that no image has.
                Image::STATUS.is_in(wanted.iter().filter_map(|status| status.parse::<ImageStatus>().ok()))
            } else {
                Image::column(name)?.is_in(wanted.into_iter().map(Value::from).collect::<Vec<_>>())?
            }
        }
        Subject::Column => {
            let column = Image::column(name)?;
            let value = column
                .parse(value)
                .map_err(|e| DbError::InvalidParameterValue(format!("Invalid value for filter {name}: {e}")))?;
            column.eq(value)?
        }
    }))
}

fn exactly(column: &DynColumn<Image>, op: &str, time: Value) -> DbResult<Condition<Image>> {
    Ok(match op {
        "gt" => column.gt(time)?,
        "gte" => column.ge(time)?,
        "lt" => column.lt(time)?,
        "lte" => column.le(time)?,
        "neq" => column.ne(time)?,
        _ => column.eq(time)?,
    })
}

/// The condition on a column for which its time, without the fraction of its second, compares so with another time.
fn in_seconds(column: &DynColumn<Image>, op: &str, time: DateTime<Utc>) -> DbResult<Condition<Image>> {
    let start = time.trunc_subsecs(0);
    let whole = start == time;
    let end: Value = (start + TimeDelta::seconds(1)).into();
    let start: Value = start.into();
    Ok(match op {
        // A second is at least a time with a fraction if it is above the second of that time, and so on.
        "gt" => column.ge(end)?,
        "gte" => column.ge(if whole { start } else { end })?,
        "lt" => column.lt(if whole { start } else { end })?,
        "lte" => column.lt(end)?,
        "neq" if whole => column.lt(start)?.or(column.ge(end)?),
        // No second is one, and each that is there differs.
        "neq" => !column.is_null(),
        _ if whole => column.ge(start)?.and(column.lt(end)?),
        _ => Condition::any([]),
    })
}

fn number(value: &str) -> DbResult<Value> {
    value.trim().parse::<i64>().map(Value::from).map_err(|_| {
        DbError::InvalidFilterRangeValue("Unable to filter on a range with a non-numeric value.".to_owned())
    })
}

/// Splits `op:time`, or a bare time, which is for equality.
fn instant(value: &str) -> DbResult<(&str, DateTime<Utc>)> {
    if let Some(time) = time::parse(value) {
        return Ok(("eq", time));
    }
    let (op, rest) = value.split_once(':').unwrap_or(("eq", value));
    if !matches!(op, "gt" | "gte" | "lt" | "lte" | "eq" | "neq") {
        return Err(DbError::InvalidFilterOperatorValue(format!("Filter operator {op} is not supported.")));
    }
    let time = time::parse(rest)
        .ok_or_else(|| DbError::InvalidParameterValue(format!("Invalid time {rest}: it is not ISO 8601")))?;
    Ok((op, time))
}
