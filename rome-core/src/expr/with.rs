//! Conditions about two entities of a query.

use super::node::{Comparison, Node};
use super::size::Size;
use super::{Column, Condition};
use crate::value::{Field, Ordered};

impl<S> Condition<S> {
    /// True where this and a condition about other entities of the query are true. For more of them go on with `and_with`.
    ///
    /// Several [`filter`](crate::query::Joined::filter)s do the same; this is for the inside of an `or`.
    #[must_use]
    pub fn and_with<T>(self, other: Condition<T>) -> Condition<(S, T)> {
        let [left, right] = beside(self, other);
        left.and(right)
    }

    /// True where this or a condition about other entities of the query is true.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Owner { #[rome(key)] id: u32, city: String }
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, age: u32, owner: u32 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().entity::<Owner>().open("memory:").await?;
    /// db.insert(Owner { id: 1, city: "Lyon".into() }).await?;
    /// db.insert_many([Dog { id: 1, age: 2, owner: 1 }, Dog { id: 2, age: 9, owner: 1 }]).await?;
    /// let pairs = db.query::<Dog>().join(Dog::OWNER.on(Owner::ID));
    /// let old_or_elsewhere = Dog::AGE.gt(5).or_with(Owner::CITY.ne("Lyon"));
    /// assert_eq!(pairs.filter(old_or_elsewhere).count().await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn or_with<T>(self, other: Condition<T>) -> Condition<(S, T)> {
        let [left, right] = beside(self, other);
        left.or(right)
    }
}

/// The second condition speaks of the entities after those of the first.
fn beside<S, T>(left: Condition<S>, right: Condition<T>) -> [Condition<(S, T)>; 2] {
    let width = left.width.saturating_add(right.width);
    let places: Vec<u8> = (0..width).collect();
    let (near, far) = places.split_at(usize::from(left.width));
    let at = |(node, size): (Node, Size), places: &[u8]| Condition::of_parts(size.limit(|| node.placed(places)), width);
    [at(left.into_parts(), near), at(right.into_parts(), far)]
}

macro_rules! comparisons {
    ($($method:ident $op:ident $what:literal $($bound:ident)?;)*) => {
        impl<E, T: Field> Column<E, T> {
            $(
                #[doc = concat!("True where it ", $what, " a column of another entity of the query.")]
                pub fn $method<F>(self, other: Column<F, T>) -> Condition<(E, F)> $(where T: $bound)? {
                    let (left, right) = (Node::Column(self.position()), Node::Of(1, other.position()));
                    Condition::wide(Node::Compare(Comparison::$op, Box::new(left), Box::new(right)), 2)
                }
            )*
        }
    };
}

comparisons! {
    eq_col Eq "equals";
    ne_col Ne "differs from";
    lt_col Lt "is less than" Ordered;
    le_col Le "is at most" Ordered;
    gt_col Gt "is greater than" Ordered;
    ge_col Ge "is at least" Ordered;
}
