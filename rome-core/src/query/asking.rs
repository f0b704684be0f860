//! What runs a query, without the types of its rows: compiled once, and not for each entity of a program.
//!
//! The verbs of [`Query`](super::Query) hand what was asked to an [`Asking`], whose futures are boxed, and only read what it finds.

use std::collections::HashSet;

use futures::future::BoxFuture;

use super::cursor::Cursor;
use super::explaining::Explaining;
use super::loading::{Decoding, Rows, load};
use super::watch::Watch;
use crate::ask::{SoftDeleted, Spec, Window};
use crate::error::{Error, Result};
use crate::exec::{self, Answer, Hit, Want};
use crate::expr::node::Node;
use crate::metrics;
use crate::plan::Explain;
use crate::row;
use crate::session::{self, Purpose, Reader, Session, TransactionOptions, in_session};
use crate::statement::{change_rows, delete_rows, deleted_at};
use crate::value::Value;

/// What a query asks.
#[derive(Clone, Copy)]
pub(super) struct Asking<'q> {
    pub target: Reader<'q>,
    pub spec: &'q Spec,
    /// The columns that the rows are read by; none if they are read as entities.
    pub columns: Option<&'q [u16]>,
    pub distinct: bool,
}

/// Which rows of a query.
#[derive(Clone, Copy)]
pub(super) enum Part<'q> {
    All,
    AtMost(u64),
    /// A page of this size, after a cursor.
    Page(u32, Option<&'q str>),
}

/// What was found.
pub(super) struct Found {
    pub rows: FoundRows,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

pub(super) enum FoundRows {
    /// As they are stored.
    Stored(Answer),
    /// As the values of the selected columns, which an index has.
    Values(Vec<Vec<(u16, Value)>>),
    /// With their relations.
    Loaded(Rows),
}

impl<'q> Asking<'q> {
    /// The rows of a part. Those that load relations are read by `decoding`, with all that is loaded from one consistent
    /// snapshot.
    pub fn find(self, part: Part<'q>, decoding: Option<Box<dyn Decoding + 'q>>) -> BoxFuture<'q, Result<Found>> {
        Box::pin(async move {
            let watch = Watch::begin(self.target);
            let (rows, next, n) = match decoding {
                None => {
                    let (rows, next) = self.answer(part).await?;
                    let n = match &rows {
                        FoundRows::Stored(answer) => answer.len(),
                        FoundRows::Values(rows) => rows.len(),
                        FoundRows::Loaded(rows) => rows.len,
                    };
                    (rows, next, n)
                }
                Some(decoding) => {
                    let (loaded, next) = Box::pin(self.load_part(part, &*decoding)).await?;
                    let n = loaded.len;
                    (FoundRows::Loaded(loaded), next, n)
                }
            };
            watch.end(|values| match part {
                Part::Page(size, _) => format!("page of {size} of {}", self.spec.text(values)),
                Part::All | Part::AtMost(_) => self.spec.text(values),
            });
            metrics::returned(n);
            Ok(Found { rows, next })
        })
    }

    async fn load_part(self, part: Part<'_>, decoding: &dyn Decoding) -> Result<(Rows, Option<Cursor>)> {
        match self.target {
            Reader::Database(shared) => {
                in_session(shared, async |session: &Session| self.at(session).load_here(part, decoding).await).await
            }
            Reader::Session(_) => self.load_here(part, decoding).await,
        }
    }

    async fn load_here(self, part: Part<'_>, decoding: &dyn Decoding) -> Result<(Rows, Option<Cursor>)> {
        let (FoundRows::Stored(answer), next) = self.answer(part).await? else {
            return Err(Error::internal("relations are loaded for entities alone"));
        };
        let mut rows = decoding.read(self.spec.table, &answer)?;
        load(self.target, &mut *decoding.node(&mut rows)?, self.spec.policy).await?;
        Ok((rows, next))
    }

    /// The same in a session.
    pub fn at<'s>(self, session: &'s Session) -> Asking<'s>
    where
        'q: 's,
    {
        Asking { target: Reader::Session(session), ..self }
    }

    async fn answer(self, part: Part<'_>) -> Result<(FoundRows, Option<Cursor>)> {
        match part {
            Part::All => Ok((self.rows(self.spec).await?, None)),
            Part::AtMost(rows) => {
                let spec = Spec { window: self.spec.window.at_most(rows), ..self.spec.clone() };
                Ok((self.rows(&spec).await?, None))
            }
            Part::Page(size, after) => {
                let (hits, next) = self.page(size, after).await?;
                Ok((FoundRows::Stored(Answer::Hits(hits)), next))
            }
        }
    }

    async fn rows(self, spec: &Spec) -> Result<FoundRows> {
        if let Some(columns) = self.distinct_columns() {
            if let Some(rows) = exec::distinct(self.target, spec, columns).await? {
                return Ok(FoundRows::Values(rows));
            }
            // The window is over distinct rows.
            let all = Spec { window: Window::ALL, ..spec.clone() };
            let mut hits = self.hits(&all, Want::Rows).await?;
            self.keep_distinct(&mut hits)?;
            spec.window.cut(&mut hits);
            return Ok(FoundRows::Stored(Answer::Hits(hits)));
        }
        let answer = exec::answer(self.target, spec).await?;
        if let Answer::Hits(hits) = &answer {
            self.remember(hits)?;
        }
        Ok(FoundRows::Stored(answer))
    }

    /// What is found by `spec`, as it is stored.
    pub async fn hits(self, spec: &Spec, want: Want) -> Result<Vec<Hit>> {
        let hits = exec::find(self.target, spec, want).await?;
        if want == Want::Rows {
            self.remember(&hits)?;
        }
        Ok(hits)
    }

    /// Keeps rows that are read as entities for a later update of them in the session.
    fn remember(self, hits: &[Hit]) -> Result<()> {
        if let (Reader::Session(session), None) = (self.target, self.columns) {
            session.remember_hits(session.shared.table(self.spec.table)?.id, hits);
        }
        Ok(())
    }

    /// The columns whose distinct values are wanted.
    fn distinct_columns(self) -> Option<&'q [u16]> {
        self.columns.filter(|_| self.distinct)
    }

    pub fn refuse_distinct(self, how: &str) -> Result<()> {
        if self.distinct_columns().is_some() {
            return Err(Error::invalid(format!("distinct rows of a selection cannot be read in {how}: use `all`")));
        }
        Ok(())
    }

    /// Keeps the first of the rows whose selected columns are the same.
    fn keep_distinct(self, hits: &mut Vec<Hit>) -> Result<()> {
        let (Some(columns), table) = (self.columns, self.spec.table) else { return Ok(()) };
        if self.spec.order.iter().any(|part| !columns.contains(&part.column)) {
            return Err(Error::invalid("a distinct query can only be ordered by columns that it selects"));
        }
        let last = columns.iter().copied().max().unwrap_or(0);
        let mut seen = HashSet::new();
        let mut failed = None;
        hits.retain(|hit| {
            let bytes = row::with_view(table, &hit.body, last, |view| {
                let mut bytes = Vec::new();
                for column in columns {
                    crate::value::key::encode(view.value(*column)?, false, &mut bytes);
                }
                Ok(bytes)
            });
            match bytes {
                Ok(bytes) => seen.insert(bytes),
                Err(source) => {
                    failed.get_or_insert_with(|| row::damaged(table, &hit.key, &hit.body, source));
                    true
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// How many rows there are, after offset and limit.
    pub fn count(self) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let watch = Watch::begin(self.target);
            let count = match self.distinct_columns() {
                Some(columns) => self.count_distinct(columns).await?,
                None => {
                    let spec = Spec { window: Window::ALL, order: Vec::new(), ..self.spec.clone() };
                    exec::count_rows(self.target, &spec).await?
                }
            };
            watch.end(|values| format!("count of {}", self.spec.text(values)));
            Ok(self.spec.window.count(count))
        })
    }

    /// How many distinct rows there are, before the offset; those beyond the limit need not be counted.
    async fn count_distinct(self, columns: &[u16]) -> Result<u64> {
        if let Some(count) = exec::count_distinct(self.target, self.spec, columns).await? {
            return Ok(count);
        }
        let spec = Spec { window: Window::ALL, order: Vec::new(), ..self.spec.clone() };
        let mut hits = self.hits(&spec, Want::Rows).await?;
        self.keep_distinct(&mut hits)?;
        Ok(hits.len() as u64)
    }

    /// Whether there is any row.
    pub fn exists(self) -> BoxFuture<'q, Result<bool>> {
        if self.distinct && self.spec.window.offset > 0 {
            // The offset is over what differs.
            return Box::pin(async move { Ok(self.count().await? > 0) });
        }
        Box::pin(async move {
            let window = self.spec.window.at_most(1);
            let spec = Spec { window, order: Vec::new(), ..self.spec.clone() };
            let watch = Watch::begin(self.target);
            let exists = !self.hits(&spec, Want::Keys).await?.is_empty();
            watch.end(|values| spec.text(values));
            Ok(exists)
        })
    }

    /// The rows, by their keys alone.
    pub fn keys(self) -> BoxFuture<'q, Result<Vec<Hit>>> {
        Box::pin(async move {
            let watch = Watch::begin(self.target);
            let hits = self.hits(self.spec, Want::Keys).await?;
            watch.end(|values| format!("keys of {}", self.spec.text(values)));
            metrics::returned(hits.len());
            Ok(hits)
        })
    }

    /// How the query would be carried out.
    pub fn explain(self) -> BoxFuture<'q, Result<Explain>> {
        Box::pin(async move {
            let Some(columns) = self.distinct_columns() else { return exec::explain(self.target, self.spec).await };
            if let Some(explain) = exec::explain_distinct(self.target, self.spec, columns)? {
                return Ok(explain.limited(&self.spec.window));
            }
            // The window is over distinct rows.
            let all = Spec { window: Window::ALL, ..self.spec.clone() };
            let names: Vec<&str> = columns.iter().map(|at| self.spec.table.column(*at).name.as_ref()).collect();
            let explain = exec::explain(self.target, &all).await?.under(format!("Distinct ({})", names.join(", ")));
            Ok(explain.limited(&self.spec.window))
        })
    }

    /// The same, and what running it takes.
    pub fn explaining(self) -> Explaining<'q> {
        let run = async move { self.find(Part::All, None).await.map(|_| ()) };
        Explaining::new(self.target, self.spec.text(false), self.explain(), Box::pin(run))
    }

    /// Sets columns of all rows in one transaction, and says how many there were.
    pub fn update(self, assignments: Vec<(u16, Node)>) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let (spec, assignments) = (self.spec, &assignments);
            let table = self.target.shared().table(spec.table)?;
            let watch = Watch::begin(self.target);
            let body = async move |session: &Session| change_rows(session, table, spec, assignments).await;
            let count = match self.target {
                Reader::Session(session) => body(session).await?,
                Reader::Database(shared) => {
                    session::run(shared, TransactionOptions::default(), Purpose::OneStatement, body).await?
                }
            };
            watch.end(|values| format!("update of {}", spec.text(values)));
            Ok(count)
        })
    }

    /// Brings the softly deleted ones back in one transaction, and says how many there were.
    pub fn restore(self) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let spec = Spec { deleted: SoftDeleted::Only, ..self.spec.clone() };
            let back = vec![(deleted_at(spec.table)?, Node::Value(Value::Null))];
            Asking { spec: &spec, ..self }.update(back).await
        })
    }

    /// Deletes all rows in one transaction, and says how many there were.
    pub fn delete(self, purge: bool) -> BoxFuture<'q, Result<u64>> {
        Box::pin(async move {
            let spec = self.spec;
            let table = self.target.shared().table(spec.table)?;
            let watch = Watch::begin(self.target);
            let body = async move |session: &Session| delete_rows(session, table, spec, purge).await;
            let count = match self.target {
                Reader::Session(session) => body(session).await?,
                Reader::Database(shared) => {
                    session::run(shared, TransactionOptions::default(), Purpose::OneStatement, body).await?
                }
            };
            watch.end(|values| format!("delete of {}", spec.text(values)));
            Ok(count)
        })
    }
}
