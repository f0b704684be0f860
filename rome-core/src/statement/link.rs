//! Linking rows by their relations.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Write, change_rows, delete_rows};
use crate::ask::{SoftDeleted, Spec, Window};
use crate::catalog::StoredTable;
use crate::error::{Error, Kind, Result};
use crate::exec;
use crate::expr::node::{Comparison, Node};
use crate::model::codec::encode_key;
use crate::model::{Entity, Related, Relation};
use crate::plan;
use crate::row;
use crate::schema::{KeySource, RelationDef, RelationKind, Role, Table, Through};
use crate::session::{Reader, Session};
use crate::value::{RowWriter, Timestamp, Value, write_column};

/// Two rows, and whether a relation shall lead from the one to the other.
pub(crate) struct Linked {
    def: &'static RelationDef,
    from: &'static Table,
    from_key: Bytes,
    to: &'static Table,
    to_key: Bytes,
    leads: bool,
}

impl Linked {
    pub fn new<E: Entity, F: Related>(from: &E, relation: Relation<E, F>, to: &F::Target, leads: bool) -> Self {
        Self {
            def: relation.def(),
            from: E::table(),
            from_key: encode_key::<E>(&from.key()),
            to: F::Target::table(),
            to_key: encode_key::<F::Target>(&to.key()),
            leads,
        }
    }
}

/// What a link is written to: the column assignments or the row between.
struct Ends {
    /// The values that the key of the row is known by.
    near: Vec<Value>,
    far: Vec<Value>,
}

impl Session {
    /// Makes a relation lead from one row to another; says whether it did not before. Of a `belongs_to`, it sets the columns
    /// of `from`, of a `has_one` or `has_many` those of `to`, and of a `many_to_many` it adds the row between, or brings
    /// back the one that was softly deleted. What is loaded in the two values does not change.
    ///
    /// Costs one round trip in a session, and one more if the row between has a `soft_delete` column.
    ///
    /// # Errors
    /// [`is_not_found`](Error::is_not_found) if the row that is to be changed is not there; [`is_invalid`](Error::is_invalid)
    /// if the row between needs more than the two keys: insert it yourself; those of an update or insert.
    pub async fn attach<E: Entity, F: Related>(
        &self,
        from: &E,
        relation: Relation<E, F>,
        to: &F::Target,
    ) -> Result<bool> {
        self.boxed_link(Linked::new(from, relation, to, true)).await
    }

    /// Makes a relation not lead from one row to another; says whether it did. Sets the columns to NULL, or deletes the row
    /// between. Costs one round trip in a session.
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the columns cannot be NULL: delete the row then; those of an update or delete.
    pub async fn detach<E: Entity, F: Related>(
        &self,
        from: &E,
        relation: Relation<E, F>,
        to: &F::Target,
    ) -> Result<bool> {
        self.boxed_link(Linked::new(from, relation, to, false)).await
    }

    // Boxed, so that it is compiled here and not for each relation.
    fn boxed_link(&self, link: Linked) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { self.set_link(&link).await })
    }

    /// Makes a relation lead from one row to another, or no longer; says whether that changed anything.
    pub(super) async fn set_link(&self, link: &Linked) -> Result<bool> {
        let Linked { def, from, to, leads, .. } = *link;
        let ends = Ends::of(link)?;
        let (table, key, columns, values) = match (def.kind, &def.through) {
            (RelationKind::ManyToMany, Some(through)) if leads => return self.link_through(through, &ends).await,
            (RelationKind::ManyToMany, Some(through)) => {
                let table = self.shared.table((through.table)())?;
                return Ok(delete_rows(self, table, &through.spec(&ends), false).await? > 0);
            }
            (RelationKind::BelongsTo, _) => (from, &ends.near, &def.local_columns, &ends.far),
            _ => (to, &ends.far, &def.remote_columns, &ends.near),
        };
        if leads {
            self.point(table, key, columns, values).await
        } else {
            self.unpoint(table, key, columns, values).await
        }
    }

    /// Sets the columns of the row with this key.
    async fn point(&self, def: &'static Table, key: &[Value], columns: &[u16], values: &[Value]) -> Result<bool> {
        let table = self.shared.table(def)?;
        let spec = spec(def, &def.key, key);
        let target = Reader::Session(self);
        let hits =
            exec::fetch(target, table, &spec, &plan::plan(target, table, &spec).await?, exec::Want::Rows).await?;
        let Some(hit) = hits.first() else {
            let key = key.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
            return Err(Kind::NotFound { table: def.name, key }.into());
        };
        let changes: Vec<(u16, Value)> = columns.iter().copied().zip(values.iter().cloned()).collect();
        let after = row::replace(def, &hit.key, &hit.body, &changes)?;
        if after == hit.body {
            return Ok(false);
        }
        if columns.iter().any(|column| def.key.contains(column)) {
            let name = &def.column(columns.first().copied().unwrap_or_default()).name;
            return Err(Error::invalid(format!(
                "`{name}` is part of the key of table `{}` and cannot be changed: insert a new row and delete the old one",
                def.name
            )));
        }
        self.remember(table.id, hit.key.clone(), Some(hit.body.clone()));
        self.write(table, vec![Write::Change { body: after, old: hit.body.clone() }]).await?;
        Ok(true)
    }

    /// Sets the columns of the row with this key to NULL, if they have these values.
    async fn unpoint(&self, def: &'static Table, key: &[Value], columns: &[u16], values: &[Value]) -> Result<bool> {
        let nullable: Vec<(u16, Node)> = columns
            .iter()
            .filter(|column| def.column(**column).nullable)
            .map(|column| (*column, Node::Value(Value::Null)))
            .collect();
        if nullable.is_empty() {
            let name = &def.column(columns.first().copied().unwrap_or_default()).name;
            return Err(Error::invalid(format!(
                "`{name}` of table `{}` is not optional, so the row cannot be without the other: delete it, or link it to \
                 another",
                def.name
            )));
        }
        let table = self.shared.table(def)?;
        let mut spec = spec(def, &def.key, key);
        spec.filter.extend(equal(columns, values));
        Ok(change_rows(self, table, &spec, &nullable).await? > 0)
    }

    async fn link_through(&self, through: &Through, ends: &Ends) -> Result<bool> {
        let def = (through.table)();
        let table = self.shared.table(def)?;
        let spec = through.spec(ends);
        let target = Reader::Session(self);
        if exec::count(target, table, &spec, &plan::plan(target, table, &spec).await?).await? > 0 {
            return Ok(false);
        }
        let write = match def.deleted_at {
            Some(deleted_at) => self.restored(table, spec, deleted_at).await?,
            None => None,
        };
        let write = match write {
            Some(restore) => restore,
            None => {
                let row = row_between(table, through, ends)?;
                self.shared.readers.check(def, &row)?;
                Write::Insert(row)
            }
        };
        self.write(table, vec![write]).await?;
        Ok(true)
    }

    /// Brings a softly deleted row of these back, if there is one: its key and unique values are still taken.
    async fn restored(&self, table: &Arc<StoredTable>, spec: Spec, deleted_at: u16) -> Result<Option<Write>> {
        let spec = Spec { deleted: SoftDeleted::Only, window: Window::first(1), ..spec };
        let target = Reader::Session(self);
        let plan = plan::plan(target, table, &spec).await?;
        let Some(hit) = exec::fetch(target, table, &spec, &plan, exec::Want::Rows).await?.pop() else {
            return Ok(None);
        };
        let body = row::replace(table.def, &hit.key, &hit.body, &[(deleted_at, Value::Null)])?;
        self.remember(table.id, hit.key, Some(hit.body.clone()));
        Ok(Some(Write::Change { body, old: hit.body }))
    }
}

impl Ends {
    fn of(link: &Linked) -> Result<Self> {
        let values = |encoded: &Bytes, table: &'static Table| {
            exec::split(encoded).map_err(|source| row::unreadable(table, encoded, source))
        };
        Ok(Self { near: values(&link.from_key, link.from)?, far: values(&link.to_key, link.to)? })
    }
}

impl Through {
    /// The rows between two.
    fn spec(&self, ends: &Ends) -> Spec {
        let mut spec = spec((self.table)(), &self.near, &ends.near);
        spec.filter.extend(equal(&self.far, &ends.far));
        spec
    }
}

fn spec(def: &'static Table, columns: &[u16], values: &[Value]) -> Spec {
    Spec { filter: equal(columns, values).collect(), ..Spec::new(def) }
}

fn equal<'a>(columns: &'a [u16], values: &'a [Value]) -> impl Iterator<Item = Node> + 'a {
    columns.iter().zip(values).map(|(column, value)| {
        Node::Compare(Comparison::Eq, Box::new(Node::Column(*column)), Box::new(Node::Value(value.clone())))
    })
}

/// The row between two: their keys, and in other columns what is stored where nothing is given.
fn row_between(table: &StoredTable, through: &Through, ends: &Ends) -> Result<Vec<u8>> {
    let def = table.def;
    let mut out = RowWriter::new();
    for (at, column) in (0_u16..).zip(&def.columns) {
        let of = |columns: &[u16], values: &[Value]| {
            columns.iter().position(|own| *own == at).and_then(|place| values.get(place)).cloned()
        };
        let generated = def.key.contains(&at) && def.key_source != KeySource::Given;
        let value = match (of(&through.near, &ends.near).or_else(|| of(&through.far, &ends.far)), column.default) {
            (Some(value), _) => value,
            (None, Some(default)) => default(),
            (None, None) if column.nullable => Value::Null,
            (None, None) if generated && def.key_source == KeySource::Counter => Value::Int(0),
            (None, None) if generated => Value::Uuid(uuid::Uuid::nil()),
            (None, None) => match column.role {
                Role::CreatedAt | Role::UpdatedAt => Value::Timestamp(Timestamp::EPOCH),
                Role::Version => Value::Int(1),
                Role::Plain | Role::DeletedAt => {
                    return Err(Error::invalid(format!(
                        "a row of table `{}` needs a value for `{}`, which `link` does not know: insert the row itself",
                        def.name, column.name
                    )));
                }
            },
        };
        write_column(&mut out, column.ty, column.nullable, value.as_ref())
            .map_err(|source| Error::from(Kind::Value { table: def.name, column: column.name.to_string(), source }))?;
    }
    Ok(out.finish())
}
