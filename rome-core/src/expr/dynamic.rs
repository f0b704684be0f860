//! Columns that are named at run time.

use std::fmt;
use std::marker::PhantomData;

use super::node::{Comparison, Node, ValueList};
use super::{Assignment, Condition, Order};
use crate::cut::cut;
use crate::error::{Error, Kind, Result};
use crate::model::Entity;
use crate::schema::ColumnDef;
use crate::value::{ColumnType, Value};

/// A column of `E` that was named at run time and found; made by [`Entity::column`]. Its operations check types when
/// they are called, and cost no round trip.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5)]).await?;
/// let age = Dog::column("age")?;
/// let query = db.query::<Dog>().filter(age.ge(age.parse("4")?)?).order_by(age.desc()?);
/// assert_eq!(query.one().await?.name, "Ida");
/// let error = Dog::column("agee").expect_err("there is no such column");
/// assert_eq!(error.to_string(), "table `dog` has no column `agee`, did you mean `age`?");
/// # Ok(())
/// # }
/// ```
pub struct DynColumn<E> {
    position: u16,
    marker: PhantomData<fn() -> E>,
}

impl<E> Clone for DynColumn<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for DynColumn<E> {}

impl<E: Entity> fmt::Debug for DynColumn<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", E::table().name, self.def().name)
    }
}

impl<E: Entity> DynColumn<E> {
    pub(crate) fn named(name: &str) -> Result<Self> {
        let table = E::table();
        match table.position(name) {
            Some(position) => Ok(Self { position, marker: PhantomData }),
            None => {
                let column = cut(name, LONGEST_MEANT).to_string();
                Err(Kind::UnknownColumn { table: table.name, column, nearest: nearest::<E>(name) }.into())
            }
        }
    }

    fn def(self) -> &'static ColumnDef {
        E::table().column(self.position)
    }

    /// The column's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.def().name
    }

    /// The type of its values.
    #[must_use]
    pub fn column_type(self) -> ColumnType {
        self.def().ty
    }

    /// Whether it may be NULL.
    #[must_use]
    pub fn is_nullable(self) -> bool {
        self.def().nullable
    }

    /// Reads a value of the column's type from text, as a request would carry it.
    ///
    /// # Errors
    /// When the text is no such value.
    pub fn parse(self, text: &str) -> Result<Value> {
        self.def().ty.parse(text).map_err(|source| self.wrong(source))
    }

    fn wrong(self, source: crate::value::ValueError) -> Error {
        Kind::Value { table: E::table().name, column: self.name().to_owned(), source }.into()
    }

    /// The value as the column holds it, or NULL.
    fn checked(self, value: impl Into<Value>) -> Result<Value> {
        let value = self.def().ty.adapt(value.into());
        if !value.is_null() {
            self.def().ty.check(&value).map_err(|source| self.wrong(source))?;
        }
        Ok(value)
    }

    fn node(self) -> Box<Node> {
        Box::new(Node::Column(self.position))
    }

    #[track_caller]
    fn compare(self, op: Comparison, value: impl Into<Value>) -> Result<Condition<E>> {
        let value = self.checked(value)?;
        if !matches!(op, Comparison::Eq | Comparison::Ne) {
            self.ordered()?;
        }
        let value = Node::Value(value);
        super::compare::note_null(&value);
        Ok(Condition::new(Node::Compare(op, self.node(), Box::new(value))))
    }

    fn ordered(self) -> Result<()> {
        if self.def().ty.is_ordered() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "column `{}` of table `{}` holds {}, which has no order",
            self.name(),
            E::table().name,
            self.def().ty
        )))
    }

    fn textual(self) -> Result<()> {
        if matches!(self.def().ty, ColumnType::Text | ColumnType::Enum(_)) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "column `{}` of table `{}` holds {}, not text",
            self.name(),
            E::table().name,
            self.def().ty
        )))
    }

    /// True where the column equals the value; unknown for NULL.
    ///
    /// # Errors
    /// When the value is not of the column's type.
    #[track_caller]
    pub fn eq(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Eq, value)
    }

    /// True where the column equals the value or, for NULL, where it is NULL. Never unknown.
    ///
    /// # Errors
    /// When the value is not of the column's type.
    pub fn is_not_distinct_from(self, value: impl Into<Value>) -> Result<Condition<E>> {
        let value = value.into();
        if value.is_null() {
            return Ok(self.is_null());
        }
        Ok(self.compare(Comparison::Eq, value)?.and(self.is_not_null()))
    }

    /// True where the column differs from the value or is NULL and, for NULL, where it is not NULL. Never unknown.
    ///
    /// # Errors
    /// When the value is not of the column's type.
    pub fn is_distinct_from(self, value: impl Into<Value>) -> Result<Condition<E>> {
        Ok(!self.is_not_distinct_from(value)?)
    }

    /// True where the column differs from the value; unknown for NULL.
    ///
    /// # Errors
    /// When the value is not of the column's type.
    #[track_caller]
    pub fn ne(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Ne, value)
    }

    /// True where the column is less than the value.
    ///
    /// # Errors
    /// When the value is not of the column's type, or the type has no order.
    #[track_caller]
    pub fn lt(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Lt, value)
    }

    /// True where the column is less than or equal to the value.
    ///
    /// # Errors
    /// When the value is not of the column's type, or the type has no order.
    #[track_caller]
    pub fn le(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Le, value)
    }

    /// True where the column is greater than the value.
    ///
    /// # Errors
    /// When the value is not of the column's type, or the type has no order.
    #[track_caller]
    pub fn gt(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Gt, value)
    }

    /// True where the column is greater than or equal to the value.
    ///
    /// # Errors
    /// When the value is not of the column's type, or the type has no order.
    #[track_caller]
    pub fn ge(self, value: impl Into<Value>) -> Result<Condition<E>> {
        self.compare(Comparison::Ge, value)
    }

    /// True where the column equals one of the values.
    ///
    /// # Errors
    /// When one of them is not of the column's type.
    pub fn is_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Result<Condition<E>> {
        let values = values.into_iter().map(|value| self.checked(value)).collect::<Result<Vec<_>>>()?;
        Ok(Condition::new(Node::In(self.node(), ValueList::new(values))))
    }

    /// True where the column is NULL; false everywhere if it never is.
    #[must_use]
    pub fn is_null(self) -> Condition<E> {
        if self.is_nullable() {
            Condition::new(Node::IsNull(self.node()))
        } else {
            Condition::new(Node::Known(Some(false)))
        }
    }

    /// True where the column is not NULL; true everywhere if it never is.
    #[must_use]
    pub fn is_not_null(self) -> Condition<E> {
        !self.is_null()
    }

    /// True where the text matches the pattern, see [`Column::like`](super::Column::like).
    ///
    /// # Errors
    /// When the column holds no text.
    pub fn like(self, pattern: impl Into<String>) -> Result<Condition<E>> {
        self.textual()?;
        Ok(Condition::new(Node::Like { of: self.node(), pattern: pattern.into(), ignore_case: false }))
    }

    /// Like [`like`](Self::like), whatever the case.
    ///
    /// # Errors
    /// When the column holds no text.
    pub fn ilike(self, pattern: impl Into<String>) -> Result<Condition<E>> {
        self.textual()?;
        Ok(Condition::new(Node::Like { of: self.node(), pattern: pattern.into(), ignore_case: true }))
    }

    /// True where the text starts with `prefix`.
    ///
    /// # Errors
    /// When the column holds no text.
    pub fn starts_with(self, prefix: impl Into<String>) -> Result<Condition<E>> {
        self.textual()?;
        Ok(Condition::new(Node::StartsWith(self.node(), prefix.into())))
    }

    /// True where a text contains this text, or a list this element.
    ///
    /// # Errors
    /// When the column holds neither text nor a list of such values.
    pub fn contains(self, part: impl Into<Value>) -> Result<Condition<E>> {
        let part = part.into();
        match (self.def().ty, part) {
            (ColumnType::Text | ColumnType::Enum(_), Value::Text(text)) => {
                Ok(Condition::new(Node::ContainsText(self.node(), text)))
            }
            (ColumnType::List(element), part) => {
                let part = element.ty.adapt(part);
                element.ty.check(&part).map_err(|source| self.wrong(source))?;
                Ok(Condition::new(Node::ContainsElement(self.node(), part)))
            }
            (ty, part) => Err(Error::invalid(format!(
                "column `{}` of table `{}` holds {ty}, which cannot contain {}",
                self.name(),
                E::table().name,
                part.kind_name(),
            ))),
        }
    }

    /// Sets the column to a value, for `update` of a query.
    ///
    /// # Errors
    /// When the value is not of the column's type, or NULL where the column may not be.
    pub fn set(self, value: impl Into<Value>) -> Result<Assignment<E>> {
        let value = self.checked(value)?;
        if value.is_null() && !self.is_nullable() {
            return Err(Error::invalid(format!(
                "column `{}` of table `{}` cannot be NULL",
                self.name(),
                E::table().name
            )));
        }
        Ok(Assignment::new(self.position, Node::Value(value)))
    }

    /// Least values first.
    ///
    /// # Errors
    /// When the column's type has no order.
    pub fn asc(self) -> Result<Order<E>> {
        self.ordered()?;
        Ok(Order::new(self.position, false))
    }

    /// Greatest values first.
    ///
    /// # Errors
    /// When the column's type has no order.
    pub fn desc(self) -> Result<Order<E>> {
        self.ordered()?;
        Ok(Order::new(self.position, true))
    }
}

/// A value of the column at this position, as the column holds it, or NULL.
pub(super) fn checked<E: Entity>(position: u16, value: Value) -> Result<Value> {
    DynColumn::<E> { position, marker: PhantomData }.checked(value)
}

/// How long a name of a column is at most that may be a misspelt one.
const LONGEST_MEANT: usize = 64;

/// The column name that differs least from `name`, if it is near enough to be meant.
fn nearest<E: Entity>(name: &str) -> Option<String> {
    if name.len() > LONGEST_MEANT {
        return None;
    }
    E::table()
        .columns
        .iter()
        .map(|column| (edit_distance(name, &column.name), &column.name))
        .min()
        .filter(|(distance, column)| *distance <= column.len() / 3 + 1)
        .map(|(_, column)| column.to_string())
}

/// Levenshtein's distance, over bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
