//! Queries that are described in JSON, of which it is asked how they would be carried out.

use serde::Deserialize;

use crate::ask::{OrderPart, SoftDeleted, Spec, Window};
use crate::cut::{BRIEF, cut};
use crate::database::Admin;
use crate::error::{Error, Kind, Result};
use crate::expr::node::{Comparison, Node};
use crate::plan::{self, Explain};
use crate::schema::Table;
use crate::session::Reader;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    table: String,
    #[serde(default, rename = "where")]
    conditions: Vec<(String, String, Option<String>)>,
    #[serde(default)]
    order: Vec<String>,
    limit: Option<u64>,
    #[serde(default)]
    offset: u64,
}

impl Admin<'_> {
    /// Says how a query would be carried out that is described in JSON, over the rows that are stored, softly deleted ones
    /// included: `{"table": "dogs", "where": [["age", ">=", "3"]], "order": ["name desc"], "limit": 10}`. Conditions all have to
    /// be true; their operators are `=`, `!=`, `<`, `<=`, `>` and `>=`, values are text as
    /// [`ColumnType::parse`](crate::value::ColumnType::parse) reads it, and `null` stands for NULL. Costs a round trip where
    /// several ways are to be compared.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let explain = db.admin().explain_described(r#"{"table": "dog", "where": [["age", ">", "3"]]}"#).await?;
    /// assert_eq!(explain.index(), Some("by_age"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid`](Error::is_invalid) if the description cannot be read, or names what is not there.
    pub async fn explain_described(self, query: &str) -> Result<Explain> {
        let saved: Saved = serde_json::from_str(query)
            .map_err(|error| Error::invalid(format!("the query cannot be read: {error}")))?;
        let table = self.0.stored_table(&saved.table)?;
        let mut spec = Spec::new(table.def);
        spec.deleted = SoftDeleted::Include;
        spec.window = Window { limit: saved.limit, offset: saved.offset };
        for (column, operator, value) in &saved.conditions {
            spec.filter.push(condition(table.def, column, operator, value.as_deref())?);
        }
        for part in &saved.order {
            let (name, descending) = match part.rsplit_once(' ') {
                Some((name, "desc")) => (name, true),
                Some((name, "asc")) => (name, false),
                _ => (part.as_str(), false),
            };
            spec.order.push(OrderPart::new(position(table.def, name)?, descending));
        }
        let plan = plan::plan(Reader::Database(&self.0.shared), table, &spec).await?;
        Ok(Explain::new(table, &spec, &plan, self.0.shared.placement))
    }
}

fn position(table: &'static Table, name: &str) -> Result<u16> {
    let unknown = || Kind::UnknownColumn { table: table.name, column: cut(name, BRIEF).to_string(), nearest: None };
    table.position(name).ok_or_else(|| unknown().into())
}

fn condition(table: &'static Table, column: &str, operator: &str, value: Option<&str>) -> Result<Node> {
    let at = position(table, column)?;
    let node = || Box::new(Node::Column(at));
    let comparison = match operator {
        "=" => Comparison::Eq,
        "!=" => Comparison::Ne,
        "<" => Comparison::Lt,
        "<=" => Comparison::Le,
        ">" => Comparison::Gt,
        ">=" => Comparison::Ge,
        other => return Err(Error::invalid(format!("`{other}` is no operator; there are =, !=, <, <=, > and >="))),
    };
    let Some(text) = value else {
        return match comparison {
            Comparison::Eq => Ok(Node::IsNull(node())),
            Comparison::Ne => Ok(Node::Not(Box::new(Node::IsNull(node())))),
            _ => Err(Error::invalid(format!("`{column} {operator}` needs a value"))),
        };
    };
    let wrong = |source| Kind::Value { table: table.name, column: column.to_owned(), source };
    let value = table.column(at).ty.parse(text).map_err(wrong)?;
    Ok(Node::Compare(comparison, node(), Box::new(Node::Value(value))))
}
