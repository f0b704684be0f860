//! Changes one row if conditions hold for it.

use std::sync::Arc;

use bytes::Bytes;

use super::change::{changed, check_assignments};
use super::{Write, Written};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::cut::{BRIEF, cut};
use crate::error::{Kind, Result};
use crate::exec::{self, Hit, answered, passes};
use crate::expr::node::{Comparison, Node};
use crate::expr::{Assignments, Conditions, Expr, size};
use crate::model::codec::{decode, encode_key};
use crate::model::{Entity, IntoKey};
use crate::row;
use crate::session::{Reader, Session, session_rows};
use crate::value::{self, ValueRef};

/// What is compared and what is set.
#[derive(Debug, Clone)]
pub(crate) struct CompareAndSet {
    pub conditions: Vec<Node>,
    pub assignments: Vec<(u16, Node)>,
}

impl CompareAndSet {
    pub fn new<E>(conditions: impl Conditions<E>, changes: impl Assignments<E>) -> Self {
        Self {
            conditions: conditions.into_conditions().into_iter().map(Expr::into_node).collect(),
            assignments: changes.into_assignments().into_iter().map(|set| (set.column, set.node)).collect(),
        }
    }
}

impl Session {
    /// Buffers the changes of the row with this key if all conditions are true for it, as [`Database::update_if`](crate::Database::update_if) does, and
    /// returns the row as it will be stored. Costs a round trip if the session has not read the row.
    ///
    /// The commit tests that the row is as it was read, so that the conditions hold there too.
    ///
    /// # Errors
    /// As [`Database::update_if`](crate::Database::update_if); the session goes on without the change.
    pub async fn update_if<E: Entity>(
        &self,
        key: impl IntoKey<E::Key>,
        conditions: impl Conditions<E>,
        changes: impl Assignments<E>,
    ) -> Result<E> {
        let (key, change) = (encode_key::<E>(&key.into_key()), CompareAndSet::new(conditions, changes));
        let table = self.shared.table(E::table())?;
        decode(&[], &change_if(self, table, key, &change).await?)
    }
}

/// Sets columns of the row with this key if all conditions are true for it; gives the row as it will be stored. Costs one
/// round trip if the session does not know the row, and those of subqueries.
pub(crate) async fn change_if(
    session: &Session,
    table: &Arc<StoredTable>,
    key: Bytes,
    change: &CompareAndSet,
) -> Result<Bytes> {
    check_assignments(table, &change.assignments)?;
    size::check(&change.conditions, || format!("the conditions on a row of table `{}`", table.def.name))?;
    loop {
        let found = session_rows(session, table, std::slice::from_ref(&key)).await?.pop().flatten();
        let Some(hit) = found.map(|body| Hit { key: key.clone(), body }).filter(|hit| !is_deleted(table, hit)) else {
            return Err(Kind::NotFound { table: table.def.name, key: row::show_key(&key) }.into());
        };
        for (at, condition) in change.conditions.iter().enumerate() {
            let holds = if condition.has_subquery() {
                // In a box, because subqueries are rare and their futures lie deep.
                let answered = Box::pin(answer(Reader::Session(session), table, &hit, condition)).await?;
                holds(table, &hit, &answered)?
            } else {
                holds(table, &hit, condition)?
            };
            if !holds {
                return Err(failed(table, &hit, at, &change.conditions));
            }
        }
        let write = Write::Swap { body: changed(table, &hit, &change.assignments)?, old: hit.body };
        // Absent: another statement of this session has changed the row since it was looked at.
        if let Some(Written::Row(after)) = session.write(table, vec![write]).await?.pop() {
            return Ok(after);
        }
    }
}

fn is_deleted(table: &StoredTable, hit: &Hit) -> bool {
    // A row that cannot be read is told by what reads it next.
    row::is_deleted(table.def, &hit.body).unwrap_or(false)
}

fn holds(table: &Arc<StoredTable>, hit: &Hit, condition: &Node) -> Result<bool> {
    passes(table, condition, condition.last_column().unwrap_or(0), &hit.body)
        .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))
}

/// The condition with its subqueries answered, as far as they concern this row.
async fn answer(target: Reader<'_>, table: &Arc<StoredTable>, hit: &Hit, condition: &Node) -> Result<Node> {
    let unreadable = |source| row::unreadable(table.def, &hit.key, source);
    let values = exec::split(&hit.key).map_err(unreadable)?;
    let by_key = table.def.key.iter().zip(values).map(|(column, value)| {
        Node::Compare(Comparison::Eq, Box::new(Node::Column(*column)), Box::new(Node::Value(value)))
    });
    let filter = by_key.chain([condition.clone()]).collect();
    Ok(Node::all(answered(target, &Spec { filter, ..Spec::new(table.def) }).await?.filter))
}

/// Says which condition did not hold, and what the row has in its columns.
#[cold]
fn failed(table: &StoredTable, hit: &Hit, at: usize, conditions: &[Node]) -> crate::error::Error {
    let mut columns = Vec::new();
    let mut condition = String::new();
    if let Some(node) = conditions.get(at) {
        condition = cut(&node.display(table.def), BRIEF).to_string();
        node.for_each_column(&mut |column| {
            if !columns.contains(&column) {
                columns.push(column);
            }
        });
    }
    let shown = |column: u16| {
        let value = row::with_view(table.def, &hit.body, column, |view| view.value(column).map(ValueRef::to_value));
        format!("{} is {}", table.def.column(column).name, cut(&value.unwrap_or(value::Value::Null), BRIEF))
    };
    Kind::Condition {
        table: table.def.name,
        key: row::show_key(&hit.key),
        at,
        of: conditions.len(),
        condition,
        stored: columns.into_iter().map(shown).collect::<Vec<_>>().join(", "),
    }
    .into()
}
