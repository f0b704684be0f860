//! What errors say, to people.

use std::fmt;

use super::{Error, Kind};
use crate::cut::{LONG, cut};
use crate::schema::RelationName;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&mut Printable(f))
    }
}

/// Writes control characters as escapes: names come from a stored catalog, and what is printed may go to a terminal.
struct Printable<'f, 'a>(&'f mut fmt::Formatter<'a>);

impl fmt::Write for Printable<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_control = |c: char| c.is_control() && c != '\n';
        let mut rest = text;
        while let Some(at) = rest.find(is_control) {
            let (before, behind) = rest.split_at(at);
            self.0.write_str(before)?;
            let mut characters = behind.chars();
            if let Some(control) = characters.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

impl Error {
    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        write!(f, "{}", cut(&Text(&self.0), LONG))
    }
}

/// What happened, of any length.
struct Text<'a>(&'a Kind);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Conflict { attempts: 0, what } => {
                write!(f, "another transaction changed {what}; roll back and try the whole session again")
            }
            Kind::Conflict { attempts, what } => {
                write!(f, "gave up after {attempts} attempts: another transaction changed {what} each time")
            }
            Kind::DuplicateKey { table, key } => write!(f, "table `{table}` already has a row with the key {key}"),
            Kind::Unique { table, index, columns, value } => {
                write!(f, "unique index `{index}` of table `{table}`: another row already has {columns} = {value}")
            }
            Kind::Reference { table, columns, key, target } => write!(
                f,
                "table `{table}`: {columns} = {key} references a row of table `{target}` that is not there; insert that one first"
            ),
            Kind::Referenced { table, key, by, by_key, columns } => write!(
                f,
                "the row {key} of table `{table}` cannot be deleted: the row {by_key} of table `{by}` references it by \
                 {columns}; delete that one first, or declare `on_delete = cascade` or `set_null`"
            ),
            Kind::NotFound { table, key } => write!(f, "table `{table}` has no row with the key {key}"),
            Kind::NotOne { table, several: false } => write!(f, "no row of table `{table}` matches, one was asked for"),
            Kind::NotOne { table, several: true } => {
                write!(f, "several rows of table `{table}` match, one was asked for")
            }
            Kind::Stale { table, key, given, stored } => write!(
                f,
                "the row {key} of table `{table}` was changed since it was read: version {given} was given, {stored} is \
                 stored; read it again"
            ),
            Kind::Condition { table, key, at, of, condition, stored } => {
                write!(f, "the row {key} of table `{table}` was not updated: ")?;
                match of {
                    1 => write!(f, "its condition does not hold: {condition}")?,
                    _ => write!(f, "condition {} of {of} does not hold: {condition}", at + 1)?,
                }
                if stored.is_empty() { Ok(()) } else { write!(f, "; {stored}") }
            }
            Kind::Invalid(message) | Kind::Limit(message) | Kind::Schema(message) | Kind::Said(_, message) => {
                f.write_str(message)
            }
            Kind::Custom(error) => write!(f, "{error}"),
            Kind::TimedOut(time) => {
                write!(
                    f,
                    "the transaction took longer than its time-out of {time:?} and was given up; nothing was stored"
                )
            }
            Kind::UnknownColumn { table, column, nearest } => {
                write!(f, "table `{table}` has no column `{column}`")?;
                match nearest {
                    Some(nearest) => write!(f, ", did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            Kind::Value { table, column, source } => write!(f, "column `{column}` of table `{table}`: {source}"),
            Kind::StoredRow { table, key, column: None, source } => {
                write!(f, "the stored row {key} of table `{table}` cannot be read: {source}")
            }
            Kind::StoredRow { table, key, column: Some(column), source } => {
                write!(f, "column `{column}` of the stored row {key} of table `{table}` cannot be read: {source}")
            }
            Kind::Overflow { table, column: None, source } => {
                write!(f, "a calculation on rows of table `{table}` cannot be carried out: {source}")
            }
            Kind::Overflow { table, column: Some(column), source } => {
                write!(f, "column `{column}` of table `{table}` cannot hold the new value: {source}")
            }
            Kind::ScanDenied { table, advice } => write!(
                f,
                "no index serves this query on table `{table}` and its scan policy denies reading the whole table; \
                 {advice}, or allow it by `scan_policy`"
            ),
            Kind::Cursor(why) => write!(f, "this cursor cannot be used: {why}"),
            Kind::NotLoaded { name: Some(name), .. } => {
                let RelationName { entity, field, constant } = name;
                write!(
                    f,
                    "the relation `{field}` of `{entity}` is not loaded; load it with `.with({entity}::{constant})`"
                )
            }
            Kind::NotLoaded { name: None, target } => write!(
                f,
                "a relation to `{target}` is not loaded: the row that has it was not read from the database; read it \
                 with `.with(...)`, or set the field"
            ),
            Kind::Internal(what) => write!(
                f,
                "internal error: {what}; this is a fault of ROME or of its store and not of the request, please report it"
            ),
            Kind::Finished => f.write_str("the session has ended; begin a new one"),
            Kind::Store(error) => write!(f, "{error}"),
        }
    }
}
