//! Objects, properties and tags of a namespace: three kinds of things with a name, for which the same functions do.

use std::future::Future;

use rome_orm::prelude::*;

use super::{check_name, find, find_unprotected, reading};
use crate::db::context::Context;
use crate::db::entities::{MetadefNamespace, MetadefObject, MetadefProperty, MetadefTag, serial};
use crate::db::error::{DbError, DbResult};

/// Something with a name in a namespace.
pub trait Item: Entity<Key: Clone> + Clone + Default {
    /// What it is, for people.
    const KIND: &'static str;

    /// Its name.
    fn name(&self) -> &str;

    /// All of a namespace.
    fn of(namespace: Id<MetadefNamespace>) -> Condition<Self>;

    /// Those with a name.
    fn named(name: &str) -> Condition<Self>;

    /// Puts a new one into a namespace.
    fn place(&mut self, namespace: Id<MetadefNamespace>);

    /// Puts it in the place of another.
    fn replace(&mut self, old: &Self);
}

macro_rules! item {
    ($type:ty, $kind:literal) => {
        impl Item for $type {
            const KIND: &'static str = $kind;

            fn name(&self) -> &str {
                &self.name
            }

            fn of(namespace: Id<MetadefNamespace>) -> Condition<Self> {
                Self::NAMESPACE_ID.eq(namespace)
            }

            fn named(name: &str) -> Condition<Self> {
                Self::NAME.eq(name)
            }

            fn place(&mut self, namespace: Id<MetadefNamespace>) {
                self.namespace_id = namespace;
                self.id = serial();
            }

            fn replace(&mut self, old: &Self) {
                (self.namespace_id, self.id, self.created_at) = (old.namespace_id, old.id, old.created_at);
            }
        }
    };
}

item!(MetadefObject, "object");
item!(MetadefProperty, "property");
item!(MetadefTag, "tag");

/// All of a namespace, in the order in which they were made.
///
/// # Errors
/// `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_get_all<T: Item>(db: &Database, context: &Context, namespace: &str) -> DbResult<Vec<T>> {
    db.try_transaction_with(reading(), async |s| {
        let namespace = find(s, context, namespace, |query| query).await?;
        Ok(s.query::<T>().filter(T::of(namespace.id)).all().await?)
    })
    .await
}

/// One by its name.
///
/// # Errors
/// `NotFound`; `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_get<T: Item>(db: &Database, context: &Context, namespace: &str, name: &str) -> DbResult<T> {
    db.try_transaction_with(reading(), async |s| {
        let of = find(s, context, namespace, |query| query).await?;
        get_in(s, &of, name).await
    })
    .await
}

fn get_in<'s, T: Item>(
    s: &'s Session,
    namespace: &MetadefNamespace,
    name: &str,
) -> impl Future<Output = DbResult<T>> + Send + use<'s, T> {
    let query = s.query::<T>().filter(T::of(namespace.id)).filter(T::named(name));
    let missing =
        format!("The metadata definition {} {name} was not found in namespace {}.", T::KIND, namespace.namespace);
    async move { query.first().await?.ok_or(DbError::NotFound(missing)) }
}

/// Makes one.
///
/// # Errors
/// `Invalid`, `Duplicate`; `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_create<T: Item>(db: &Database, context: &Context, namespace: &str, new: &T) -> DbResult<T> {
    let mut made = metadef_add_all(db, context, namespace, std::slice::from_ref(new), true).await?;
    made.pop().ok_or_else(|| DbError::Invalid("nothing to make".to_owned()))
}

/// Makes several. Those that were there stay only with `append`.
///
/// # Errors
/// `Invalid`, `Duplicate`; `Protected` if some would be deleted of a protected namespace; `NotFound` or `Forbidden` for the
/// namespace.
pub async fn metadef_add_all<T: Item>(
    db: &Database,
    context: &Context,
    namespace: &str,
    new: &[T],
    append: bool,
) -> DbResult<Vec<T>> {
    check_all(new)?;
    db.try_transaction(async |s| {
        let namespace = if append {
            find(s, context, namespace, |query| query).await?
        } else {
            let namespace = find_unprotected(s, context, namespace).await?;
            s.query::<T>().filter(T::of(namespace.id)).delete().await?;
            namespace
        };
        insert_many(s, &namespace, new).await
    })
    .await
}

/// Checks the names of new ones.
pub(super) fn check_all<T: Item>(new: &[T]) -> DbResult<()> {
    new.iter().try_for_each(|item| check_name(T::KIND, item.name()))
}

pub(super) async fn insert_many<T: Item>(s: &Session, namespace: &MetadefNamespace, new: &[T]) -> DbResult<Vec<T>> {
    let mut new = new.to_vec();
    new.iter_mut().for_each(|item| item.place(namespace.id));
    s.insert_many(new).await.map_err(|e| duplicate::<T>(e, namespace))
}

/// Puts another in the place of one, which may change its name.
///
/// # Errors
/// Those of [`metadef_get`] and [`metadef_create`].
pub async fn metadef_update<T: Item>(
    db: &Database,
    context: &Context,
    namespace: &str,
    name: &str,
    new: &T,
) -> DbResult<T> {
    check_name(T::KIND, new.name())?;
    db.try_transaction(async |s| {
        let namespace = find(s, context, namespace, |query| query).await?;
        let mut new = new.clone();
        new.replace(&get_in(s, &namespace, name).await?);
        s.update(&new).await.map_err(|e| duplicate::<T>(e, &namespace))
    })
    .await
}

/// Deletes one and gives it back.
///
/// # Errors
/// Those of [`metadef_get`], and `Protected`.
pub async fn metadef_delete<T: Item>(db: &Database, context: &Context, namespace: &str, name: &str) -> DbResult<T> {
    db.try_transaction(async |s| {
        let namespace = find_unprotected(s, context, namespace).await?;
        let gone: T = get_in(s, &namespace, name).await?;
        s.delete(&gone).await?;
        Ok(gone)
    })
    .await
}

/// Deletes all of a namespace and says how many that were.
///
/// # Errors
/// `Protected`; `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_delete_all<T: Item>(db: &Database, context: &Context, namespace: &str) -> DbResult<u64> {
    db.try_transaction(async |s| {
        let namespace = find_unprotected(s, context, namespace).await?;
        Ok(s.query::<T>().filter(T::of(namespace.id)).delete().await?)
    })
    .await
}

fn duplicate<T: Item>(e: rome_orm::Error, namespace: &MetadefNamespace) -> DbError {
    if e.is_unique_violation() {
        let namespace = &namespace.namespace;
        return DbError::Duplicate(format!(
            "A metadata definition {} with this name already exists in namespace {namespace}.",
            T::KIND
        ));
    }
    e.into()
}
