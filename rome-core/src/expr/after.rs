//! Conditions that a row comes after some values in an order: what a page asks that begins behind a marker.
//!
//! They are comparisons of tuples, so they are true or false of every row and never unknown: NULL stands where the order
//! puts it.

use std::cmp::Ordering;

use super::eval::{Values, scalar};
use super::node::Node;
use super::size::Size;
use super::{Condition, IntoOperand, Nulls, Order, OrderPart, Orders};
use crate::error::{Error, Result};
use crate::model::Entity;
use crate::sealed::Sealed;
use crate::value::{Value, ValueError, ValueRef, compare, total_order};

/// Whether a row comes after these values in an order.
#[derive(Debug, Clone)]
pub(crate) struct After {
    /// The order, most significant first.
    pub parts: Vec<AfterPart>,
    /// Whether it is true of rows with these very values too.
    pub inclusive: bool,
}

/// A part of an order, and a value of it.
#[derive(Debug, Clone)]
pub(crate) struct AfterPart {
    /// What the order is by.
    pub of: Node,
    pub value: Node,
    pub descending: bool,
    pub nulls: Nulls,
}

impl AfterPart {
    /// How a value of the row stands to one of the marker in this part of the order.
    pub fn place(&self, value: ValueRef<'_>, marker: ValueRef<'_>) -> Ordering {
        let nulls_first = self.nulls == Nulls::First;
        match (value.is_null(), marker.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let ordering = compare(value, marker).unwrap_or_else(|| total_order(value, marker));
                if self.descending { ordering.reverse() } else { ordering }
            }
        }
    }

    /// Whether NULL stands where an index of the same direction has it.
    pub fn has_natural_nulls(&self) -> bool {
        OrderPart { column: 0, descending: self.descending, nulls: self.nulls }.has_natural_nulls()
    }
}

impl After {
    /// Whether it is true of a row.
    pub fn test<R: Values>(&self, row: &R) -> Result<bool, ValueError> {
        for part in &self.parts {
            let ordering = part.place(scalar(&part.of, row)?, scalar(&part.value, row)?);
            if ordering.is_ne() {
                return Ok(ordering.is_gt());
            }
        }
        Ok(self.inclusive)
    }

    /// What is true of all other rows: the same from the other end.
    pub fn negated(self) -> Self {
        let turned = |part: AfterPart| {
            let nulls = match part.nulls {
                Nulls::First => Nulls::Last,
                Nulls::Last => Nulls::First,
            };
            AfterPart { descending: !part.descending, nulls, ..part }
        };
        Self { parts: self.parts.into_iter().map(turned).collect(), inclusive: !self.inclusive }
    }

    /// Its expressions: what each part is by, and the value.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().flat_map(|part| [&part.of, &part.value])
    }
}

/// An order with a value for each of its columns: `(Dog::AGE.desc(), Dog::ID.desc())` with `(Some(3), id)`. What
/// [`Condition::after`] takes.
#[diagnostic::on_unimplemented(
    message = "`{V}` are not the values of the order `{Self}` of rows of `{S}`",
    note = "write one value of the column's type for each column, such as `Condition::after((Dog::AGE.desc(), Dog::ID.desc()), (3, id))`; \
            where columns are named at run time, use `Condition::after_values`"
)]
pub trait Marked<S, V> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Adds each part with its value.
    #[doc(hidden)]
    fn mark(self, values: V, out: &mut Mark);
}

/// The parts of a condition that is being made.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Mark {
    parts: Vec<AfterPart>,
    size: Size,
}

impl Mark {
    fn push(&mut self, part: OrderPart, value: Node, size: Size) {
        self.size = self.size.beside(Size::LEAF).beside(size);
        let OrderPart { column, descending, nulls } = part;
        self.parts.push(AfterPart { of: Node::Column(column), value, descending, nulls });
    }

    fn into_expr<S>(self, inclusive: bool) -> Condition<S> {
        let after = After { parts: self.parts, inclusive };
        Condition::of_parts(self.size.wrapped().limit(|| Node::After(Box::new(after))), 1)
    }
}

impl<S, T, V: IntoOperand<S, T>> Marked<S, V> for Order<S, T> {
    const SEALED: Sealed = Sealed;

    fn mark(self, value: V, out: &mut Mark) {
        let value = value.into_operand();
        out.push(self.part, value.node, value.size);
    }
}

macro_rules! tuples {
    ($(($($order:ident $value:ident $at:tt)+))*) => { $(
        impl<S, $($value, $order: Marked<S, $value>),+> Marked<S, ($($value,)+)> for ($($order,)+) {
            const SEALED: Sealed = Sealed;

            fn mark(self, values: ($($value,)+), out: &mut Mark) {
                $(self.$at.mark(values.$at, out);)+
            }
        }
    )* };
}

tuples! {
    (A VA 0)
    (A VA 0 B VB 1)
    (A VA 0 B VB 1 C VC 2)
    (A VA 0 B VB 1 C VC 2 D VD 3)
    (A VA 0 B VB 1 C VC 2 D VD 3 E VE 4)
    (A VA 0 B VB 1 C VC 2 D VD 3 E VE 4 F VF 5)
    (A VA 0 B VB 1 C VC 2 D VD 3 E VE 4 F VF 5 G VG 6)
    (A VA 0 B VB 1 C VC 2 D VD 3 E VE 4 F VF 5 G VG 6 H VH 7)
}

impl<S> Condition<S> {
    /// True of the rows that come after these values in this order: the rows behind a marker. Each value has the type of its
    /// column.
    ///
    /// It says what `created < m or (created = m and id < k)` says, and more: NULL, in a row or as a value, stands where the
    /// order puts it, so that the condition is true or false of every row, never unknown. Name all columns of the order, up to
    /// one that is unique; rows that the named ones do not tell apart from the marker are left out, or all in with
    /// [`at_or_after`](Self::at_or_after).
    ///
    /// An index on these columns in these directions, or all reversed, is entered at the marker, so such a page costs the same
    /// wherever it begins. Columns of the index before them may be fixed by other conditions. See
    /// [`PageQuery`](crate::query::PageQuery) for pages whose marker is an opaque cursor.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// #[rome(index(owner, desc(created)))]
    /// struct Image {
    ///     #[rome(key)]
    ///     id: u64,
    ///     owner: String,
    ///     created: u64,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Image>().open("memory:").await?;
    /// db.insert_many((1..=9).map(|id| Image { id, owner: "ada".into(), created: id / 3 })).await?;
    /// let newest = (Image::CREATED.desc(), Image::ID.desc());
    /// let mine = db.query::<Image>().filter(Image::OWNER.eq("ada")).order_by(newest);
    /// let behind = mine.filter(Condition::after(newest, (2, 7))).limit(3);
    /// let ids = behind.select(Image::ID).all().await?;
    /// assert_eq!(ids, [6, 5, 4]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn after<V>(order: impl Marked<S, V>, values: V) -> Self {
        let mut mark = Mark::default();
        order.mark(values, &mut mark);
        mark.into_expr(false)
    }

    /// True of the rows that come after these values in this order, and of those that have these very values. See
    /// [`after`](Self::after).
    #[must_use]
    pub fn at_or_after<V>(order: impl Marked<S, V>, values: V) -> Self {
        let mut mark = Mark::default();
        order.mark(values, &mut mark);
        mark.into_expr(true)
    }
}

impl<E: Entity> Condition<E> {
    /// [`after`](Self::after) where the columns are named at run time: an order of [`DynColumn`](super::DynColumn)s, and a value
    /// for each of its parts.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, #[rome(index)] age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many((1..=4).map(|id| Dog { id, age: Some(id / 2) })).await?;
    /// let (age, id) = (Dog::column("age")?, Dog::column("id")?);
    /// let order = vec![age.desc()?, id.desc()?];
    /// let after = Condition::after_values(order.clone(), [age.parse("1")?, id.parse("3")?])?;
    /// let ids = db.query::<Dog>().filter(after).order_by(order.clone()).select(Dog::ID).all().await?;
    /// assert_eq!(ids, [2, 1]);
    /// let error = Condition::after_values(order, [1]).expect_err("a value is missing");
    /// assert_eq!(error.to_string(), "the order by (age, id) of table `dog` has 2 columns, its marker 1 value: `id` has none");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid`](crate::Error::is_invalid) if the order has no column, or the number of values is not that of its columns, or a
    /// value is NULL where its column may not be; if a value is not of its column's type. They name the column.
    pub fn after_values<V: Into<Value>>(order: impl Orders<E>, values: impl IntoIterator<Item = V>) -> Result<Self> {
        Ok(marked(order, values)?.into_expr(false))
    }

    /// [`at_or_after`](Self::at_or_after) where the columns are named at run time. See [`after_values`](Self::after_values).
    ///
    /// # Errors
    /// As [`after_values`](Self::after_values).
    pub fn at_or_after_values<V: Into<Value>>(
        order: impl Orders<E>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        Ok(marked(order, values)?.into_expr(true))
    }
}

fn marked<E: Entity, V: Into<Value>>(order: impl Orders<E>, values: impl IntoIterator<Item = V>) -> Result<Mark> {
    let table = E::table();
    let order = order.into_orders();
    // One more than is needed tells that there are too many.
    let values: Vec<Value> = values.into_iter().take(order.len() + 1).map(Into::into).collect();
    let name = |at: usize| order.get(at).map_or("", |order| table.column(order.part.column).name.as_ref());
    if order.is_empty() {
        return Err(Error::invalid(format!(
            "a marker of table `{}` needs an order of at least one column",
            table.name
        )));
    }
    if values.len() != order.len() {
        let columns: Vec<&str> = (0..order.len()).map(name).collect();
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let had = if values.len() < order.len() {
            format!("{}: `{}` has none", count(values.len(), "value"), name(values.len()))
        } else {
            "more values".to_owned()
        };
        return Err(Error::invalid(format!(
            "the order by ({}) of table `{}` has {}, its marker {had}",
            columns.join(", "),
            table.name,
            count(order.len(), "column"),
        )));
    }
    let mut mark = Mark::default();
    for (order, value) in order.iter().zip(values) {
        let value = super::dynamic::checked::<E>(order.part.column, value)?;
        if value.is_null() && !table.column(order.part.column).nullable {
            let name = &table.column(order.part.column).name;
            return Err(Error::invalid(format!(
                "a marker of table `{}` has NULL for `{name}`, which is never NULL",
                table.name
            )));
        }
        let size = Size::of_value(&value);
        mark.push(order.part, Node::Value(value), size);
    }
    Ok(mark)
}
