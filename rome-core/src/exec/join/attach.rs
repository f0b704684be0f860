//! Attaches tables to the rows of a join: finds the partners of all rows so far by their values, or in the whole table.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::rows::{Fetched, Joined, JoinedRow, NONE, too_many};
use super::{calculation, none};
use crate::ask::{Attach, Equal, JoinKind, JoinPart, JoinSpec, ScanPolicy, Spec, Via};
use crate::error::Result;
use crate::exec::fetch::fetch;
use crate::exec::group_by_key::ByValue;
use crate::exec::hit::Want;
use crate::exec::related::end_in_key;
use crate::expr::eval::{self, Values as _};
use crate::expr::node::Node;
use crate::expr::tuples::{Tuples, encode};
use crate::plan::{self, Plan};
use crate::row;
use crate::session::Reader;
use crate::value::ValueError;

/// A join that is being read.
pub(super) struct Join<'a> {
    target: Reader<'a>,
    spec: &'a JoinSpec,
    /// The last column of each table that is read.
    last: &'a [u16],
    pub rows: Joined,
    bound: Vec<u8>,
    /// Conditions that have not been tested yet.
    open: Vec<Node>,
    /// What further batches of rows are attached to as well; `None` if all rows are read at once.
    kept: Option<&'a mut Kept>,
}

impl<'a> Join<'a> {
    pub fn new(target: Reader<'a>, spec: &'a JoinSpec, last: &'a [u16], kept: Option<&'a mut Kept>) -> Self {
        Self { target, spec, last, rows: none(spec), bound: Vec::new(), open: spec.filter.clone(), kept }
    }

    pub async fn run(&mut self) -> Result<()> {
        let first = plan::first_of_join(self.target, self.spec).await?;
        let fetched = self.read(first, &self.spec.part(first).spec).await?;
        self.attach_all(first, fetched).await
    }

    /// Begins with these rows of a table and attaches all others.
    pub async fn attach_all(&mut self, first: u8, fetched: Fetched) -> Result<()> {
        self.set(first, Arc::new(fetched));
        self.rows.begin(first)?;
        self.bind(first)?;
        for attach in self.spec.attached(first) {
            if self.kept.is_some() && self.rows.len() == 0 && self.is_free() {
                return Ok(());
            }
            Box::pin(self.attach(&attach)).await?;
            self.bind(attach.place)?;
        }
        Ok(())
    }

    /// Whether no scan policy asks for each table, even one whose rows turn out not to be needed.
    fn is_free(&self) -> bool {
        let policy = |part: &JoinPart| part.spec.policy.unwrap_or_else(|| self.target.scan_policy());
        self.spec.parts.iter().all(|part| policy(part) == ScanPolicy::Allow)
    }

    /// Reads the rows of a table.
    async fn read(&self, place: u8, spec: &Spec) -> Result<Fetched> {
        rows_of(self.target, spec, self.last.get(usize::from(place)).copied().unwrap_or(0)).await
    }

    fn set(&mut self, place: u8, fetched: Arc<Fetched>) {
        *self.rows.tables.get_mut(usize::from(place)).expect("a join has a slot for each of its tables") = fetched;
    }

    /// Tests the conditions whose tables are all there.
    fn bind(&mut self, place: u8) -> Result<()> {
        self.bound.push(place);
        let mut open = Vec::new();
        for condition in std::mem::take(&mut self.open) {
            let mut ready = true;
            condition.for_each_place(&mut |place, _| ready &= self.bound.contains(&place));
            if !ready {
                open.push(condition);
                continue;
            }
            let spec = self.spec;
            self.rows.retain(|row| {
                eval::test(&condition, row).map(|known| known == Some(true)).map_err(|source| calculation(spec, source))
            })?;
        }
        self.open = open;
        Ok(())
    }

    async fn attach(&mut self, attach: &Attach) -> Result<()> {
        let part = self.spec.part(attach.place);
        if attach.kind == JoinKind::Cross {
            let rows = match self.kept.as_ref().and_then(|kept| kept.tables.get(&attach.place)) {
                Some((rows, _)) => rows.clone(),
                None => Arc::new(self.read(attach.place, &part.spec).await?),
            };
            if let Some(kept) = &mut self.kept {
                kept.tables.insert(attach.place, (rows.clone(), Arc::default()));
            }
            self.set(attach.place, rows);
            return self.combine(attach, |_| Ok(None));
        }
        let mut between = Vec::with_capacity(attach.via.len());
        for (at, via) in attach.via.iter().enumerate() {
            between.push(self.between((attach.place, at), via, part.spec.policy).await?);
        }
        let (on, mut rest) = attach.distinct_columns();
        // A table in between leads to few rows, so it goes first; columns that are equal besides are compared.
        let own: Vec<u16> = match between.first() {
            Some(between) => {
                rest.clone_from(&attach.on);
                between.own.clone()
            }
            None => on.iter().map(|(.., own)| *own).collect(),
        };
        let (table, by_value) = match self.kept.as_ref().and_then(|kept| kept.tables.get(&attach.place)) {
            Some(kept) => kept.clone(),
            None => {
                let wanted = match between.first() {
                    Some(between) => self.led(between)?,
                    None => self.wanted(&on)?,
                };
                let (spec, whole) = self.lookup((attach.place, None), &part.spec, &own, wanted).await?;
                let table = self.read(attach.place, &spec).await?;
                let by_value = Arc::new(hashed(&table, &own)?);
                let found = (Arc::new(table), by_value);
                if let (Some(kept), true) = (&mut self.kept, whole) {
                    kept.tables.insert(attach.place, found.clone());
                }
                found
            }
        };
        self.set(attach.place, table.clone());
        let table = &*table;
        let also = between.get(1..).unwrap_or_default();
        let also = also.iter().map(|between| Ok((between, keys_of(table, &between.own)?)));
        let also: Vec<(&Arc<Between>, Keys)> = also.collect::<Result<_>>()?;
        let rest_of: Vec<u16> = rest.iter().map(|(.., own)| *own).collect();
        let rest_keys = if rest.is_empty() { Keys::new() } else { keys_of(table, &rest_of)? };
        self.combine(attach, |row| {
            let mut partners = match between.first() {
                Some(first) => {
                    let far = first.led(row)?.unwrap_or_default();
                    far.iter().filter_map(|far| by_value.get(far.as_slice())).flatten().copied().collect()
                }
                None => asked(row, &on)?.and_then(|key| by_value.get(key.as_slice())).cloned().unwrap_or_default(),
            };
            for (between, keys) in &also {
                let led = between.led(row)?.unwrap_or_default();
                let times = |at: &u32| {
                    let key = keys.get(*at as usize).and_then(Option::as_ref);
                    led.iter().filter(|far| Some(*far) == key).count()
                };
                partners = partners.iter().flat_map(|at| std::iter::repeat_n(*at, times(at))).collect();
            }
            if !rest.is_empty() {
                let key = asked(row, &rest)?;
                partners.retain(|at| key.is_some() && rest_keys.get(*at as usize) == Some(&key));
            }
            Ok(Some(partners))
        })
    }

    /// Reads the table in between of a many-to-many join.
    async fn between(&mut self, at: (u8, usize), via: &Via, policy: Option<ScanPolicy>) -> Result<Arc<Between>> {
        if let Some(between) = self.kept.as_ref().and_then(|kept| kept.between.get(&at)) {
            return Ok(between.clone());
        }
        let columns: Vec<u16> = via.near.iter().map(|(.., near)| *near).collect();
        let far: Vec<u16> = via.far.iter().map(|(far, _)| *far).collect();
        let spec = Spec { policy, ..Spec::new(via.table) };
        let wanted = self.wanted(&via.near)?;
        let (spec, whole) = self.lookup((at.0, Some(at.1)), &spec, &columns, wanted).await?;
        let last = columns.iter().chain(&far).copied().max().unwrap_or(0);
        let links = rows_of(self.target, &spec, last).await?;
        let own = via.far.iter().map(|(_, own)| *own).collect();
        let mut between = Between { near: via.near.clone(), own, far_of: HashMap::new() };
        for at in 0..links.hits.len() {
            if let (Some(near), Some(far)) = (key_of(&links, at, &columns)?, key_of(&links, at, &far)?) {
                between.far_of.entry(near).or_default().push(far);
            }
        }
        let between = Arc::new(between);
        if let (Some(kept), true) = (&mut self.kept, whole) {
            kept.between.insert(at, between.clone());
        }
        Ok(between)
    }

    /// The query for the rows of a table that have these values, and whether it finds those of all other values too.
    async fn lookup(
        &mut self,
        at: (u8, Option<usize>),
        spec: &Spec,
        columns: &[u16],
        wanted: Tuples,
    ) -> Result<(Spec, bool)> {
        let Some(kept) = &mut self.kept else {
            return plan::lookup_of_join(self.target, spec, columns, wanted, None).await;
        };
        let looked_up = kept.lookups.entry(at).or_default();
        let before = *looked_up;
        *looked_up += wanted.len() as u64;
        plan::lookup_of_join(self.target, spec, columns, wanted, Some(before)).await
    }

    /// The distinct values that the rows so far ask for.
    fn wanted(&self, on: &[Equal]) -> Result<Tuples> {
        let mut wanted = Tuples::new();
        for row in self.rows.iter() {
            wanted.extend(asked(&row, on).map_err(|source| calculation(self.spec, source))?);
        }
        Ok(wanted)
    }

    /// The distinct values that a table in between leads to from the rows so far.
    fn led(&self, between: &Between) -> Result<Tuples> {
        let mut led = Tuples::new();
        for row in self.rows.iter() {
            let far = between.led(&row).map_err(|source| calculation(self.spec, source))?;
            led.extend(far.unwrap_or_default().iter().cloned());
        }
        Ok(led)
    }

    /// Puts the partners of each row beside it; `partners` gives none for all rows of the table.
    fn combine(
        &mut self,
        attach: &Attach,
        partners: impl Fn(&JoinedRow<'_>) -> Result<Option<Vec<u32>>, ValueError>,
    ) -> Result<()> {
        let width = self.rows.tables.len().max(1);
        let all = self.rows.tables.get(usize::from(attach.place)).map_or(0, |table| table.hits.len());
        let places = self.rows.take();
        for row in places.chunks_exact(width) {
            match partners(&self.rows.row(row)).map_err(|source| calculation(self.spec, source))? {
                None => {
                    for at in 0..all {
                        self.rows.push(row, attach.place, at)?;
                    }
                }
                Some(partners) if partners.is_empty() => {
                    if attach.kind == JoinKind::Left {
                        self.rows.push(row, attach.place, NONE as usize)?;
                    }
                }
                Some(partners) => {
                    for at in partners {
                        self.rows.push(row, attach.place, at as usize)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The places of a table's rows, by the encoded columns that they are joined by.
type RowsByValue = HashMap<Bytes, Vec<u32>>;

/// What a join keeps from one batch of rows to the next.
#[derive(Default)]
pub(super) struct Kept {
    /// The tables that were read without the values that were looked for, and their rows by value.
    tables: HashMap<u8, (Arc<Fetched>, Arc<RowsByValue>)>,
    /// The same of tables in between, by the place of the table that they lead to.
    between: HashMap<(u8, usize), Arc<Between>>,
    /// How many values were looked up in each table.
    lookups: HashMap<(u8, Option<usize>), u64>,
}

/// The rows of a table in between: to which rows of the joined table each value of theirs leads.
struct Between {
    near: Vec<Equal>,
    /// The columns of the joined table that are equal to its far ones.
    own: Vec<u16>,
    /// The values of its far columns, by those of its near columns.
    far_of: HashMap<Vec<u8>, Vec<Vec<u8>>>,
}

/// The encoded columns of each row of a table; none where one is NULL.
type Keys = Vec<Option<Vec<u8>>>;

impl Between {
    /// Where it leads to from a row.
    fn led(&self, row: &JoinedRow<'_>) -> Result<Option<&[Vec<u8>]>, ValueError> {
        Ok(asked(row, &self.near)?.and_then(|near| self.far_of.get(&near)).map(Vec::as_slice))
    }
}

/// What a row asks for; none if a column of it is NULL.
fn asked(row: &JoinedRow<'_>, on: &[Equal]) -> Result<Option<Vec<u8>>, ValueError> {
    encode(on.iter().map(|(place, column, _)| row.value_at(*place, *column)))
}

fn key_of(table: &Fetched, at: usize, columns: &[u16]) -> Result<Option<Vec<u8>>> {
    let (Some(view), Some(hit)) = (table.view(at), table.hits.get(at)) else { return Ok(None) };
    encode(columns.iter().map(|column| view.value(*column)))
        .map_err(|source| row::damaged(table.table, &hit.key, &hit.body, source))
}

fn keys_of(table: &Fetched, columns: &[u16]) -> Result<Keys> {
    (0..table.hits.len()).map(|at| key_of(table, at, columns)).collect()
}

/// The rows of a table by the values of these columns.
fn hashed(table: &Fetched, columns: &[u16]) -> Result<RowsByValue> {
    let mut by_value = ByValue::with_capacity(table.hits.len());
    for (at, hit) in table.hits.iter().enumerate() {
        let end = end_in_key(table.table, hit, columns)
            .map_err(|source| row::damaged(table.table, &hit.key, &hit.body, source))?;
        let place = u32::try_from(at).unwrap_or(NONE);
        if let Some(end) = end
            && let Some(run) = by_value.run_of(hit.key.get(..end).unwrap_or_default())
        {
            run.push(place);
            continue;
        }
        let key = match end {
            Some(end) => Some(hit.key.slice(..end)),
            None => key_of(table, at, columns)?.map(Bytes::from),
        };
        if let Some(key) = key {
            by_value.push(key, place);
        }
    }
    Ok(by_value.finish())
}

/// Reads the rows of a table.
async fn rows_of(target: Reader<'_>, spec: &Spec, last: u16) -> Result<Fetched> {
    let table = target.shared().table(spec.table)?;
    let plan = plan::plan(target, table, spec).await?;
    let hits = fetch(target, table, &bounded(target, spec, &plan), &plan, Want::Rows).await?;
    if hits.len() > spec.hints.most_rows() {
        return Err(too_many(&[spec.table.name], spec.hints.most_rows()));
    }
    Fetched::new(spec.table, hits, last)
}

/// The same query, stopping where it has found more rows than a join keeps.
pub(super) fn bounded(target: Reader<'_>, spec: &Spec, plan: &Plan) -> Spec {
    if !target.shared().placement.is_one() || !plan.is_one_run() {
        // There a limit is shared out among the runs, and those that have more are asked again.
        return spec.clone();
    }
    let most = spec.hints.most_rows() as u64 + 1;
    Spec { window: spec.window.at_most(most), ..spec.clone() }
}
