//! Foreign keys in all forms, seen from both sides.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rome_derive::{Embedded, Entity};

use super::*;
use crate::catalog::{Catalog, Document, IndexState, Layouts, StoredIndex, StoredTable};
use crate::model::{Entity, Id, Key};
use crate::row::key_of;
use crate::schema::ForeignKey;
use crate::store::{IndexId, TableId};
use crate::value::{Json, RowWriter};

#[derive(Entity, Default)]
#[rome(crate = "crate")]
struct Team {
    #[rome(key)]
    tenant: i32,
    #[rome(key)]
    name: String,
    note: String,
}

#[derive(Embedded, Default)]
#[rome(crate = "crate")]
struct Former {
    team: Option<String>,
    tenant: Option<i32>,
}

#[derive(Entity, Default)]
#[rome(crate = "crate")]
#[rome(foreign_key(tenant, team, references = Team), index(team, desc(tenant), number))]
#[rome(foreign_key(former.tenant, former.team, references = Team, on_delete = set_null))]
struct Player {
    #[rome(key, auto)]
    id: Id<Player>,
    notes: Json<Vec<u8>>,
    team: String,
    #[rome(embed)]
    former: Former,
    tenant: i32,
    number: u8,
    #[rome(references = Self, unique)]
    twin: Option<Id<Self>>,
}

#[derive(Entity, Default)]
#[rome(crate = "crate", foreign_key(tenant, name, references = Team))]
struct Badge {
    #[rome(key)]
    name: String,
    #[rome(key)]
    tenant: i32,
    #[rome(key)]
    number: u8,
}

fn body(entity: &impl Entity) -> Vec<u8> {
    let mut row = RowWriter::new();
    entity.write(&mut row);
    row.finish()
}

fn encoded(key: &impl Key) -> Vec<u8> {
    let mut out = Vec::new();
    key.encode(&mut out);
    out
}

fn stored(def: &'static Table, id: u32) -> Arc<StoredTable> {
    let indexes = def
        .indexes
        .iter()
        .zip(10 * id..)
        .map(|(def, id)| StoredIndex::new(def, IndexId(id), true, IndexState::Readable))
        .collect();
    let (aggregates, layouts) = (Vec::new(), Layouts::default());
    Arc::new(StoredTable { def, entity: def, id: TableId(id), indexes, aggregates, layouts })
}

fn foreign_key(def: &'static Table, first: u16) -> &'static ForeignKey {
    def.foreign_keys.iter().find(|key| key.columns[0] == first).unwrap()
}

#[test]
fn the_columns_of_a_foreign_key_are_the_key_of_the_other_row() {
    for (tenant, name) in [(7, "Lions"), (0, ""), (i32::MIN, "with \0 in it"), (-300, "Löwen")] {
        let team = Team { tenant, name: name.into(), note: "x".into() };
        let former = Former { team: Some(name.into()), tenant: Some(tenant) };
        let player = Player { tenant, team: name.into(), former, notes: Json(vec![1, 2]), ..Player::default() };
        let key = key_of(Team::table(), &body(&team)).unwrap();
        for foreign_key in Player::table().foreign_keys.iter().filter(|key| key.columns.len() == 2) {
            let referenced = columns_of(Player::table(), &body(&player), &foreign_key.columns).unwrap();
            assert_eq!(referenced.as_ref(), Some(&key), "{tenant} {name:?}");
        }
        assert_eq!(encoded(&team.key()), key);
    }
}

#[test]
fn a_row_with_null_in_one_of_the_columns_references_nothing() {
    let columns = &foreign_key(Player::table(), Player::FORMER.tenant.position()).columns;
    for (tenant, team) in [(None, None), (Some(1), None), (None, Some("Lions".to_owned()))] {
        let player = Player { former: Former { team, tenant }, ..Player::default() };
        assert_eq!(columns_of(Player::table(), &body(&player), columns).unwrap(), None);
    }
}

#[test]
fn a_row_that_is_cut_off_is_an_error() {
    let body = body(&Player::default());
    let columns = &foreign_key(Player::table(), Player::TENANT.position()).columns;
    assert!(columns_of(Player::table(), &body[..3], columns).is_err());
}

#[test]
fn a_table_knows_all_foreign_keys_that_lead_to_it() {
    let tables: Vec<_> = [Team::table(), Player::table(), Badge::table()].into_iter().zip(1..).collect();
    let catalog = Catalog::new(
        tables.into_iter().map(|(table, id)| stored(table, id)).collect(),
        Vec::new(),
        &Document::default(),
    );
    let leading_to = |table| {
        let incoming = catalog.incoming(table).iter();
        incoming.map(|incoming| (incoming.table.def.entity, incoming.foreign_key.columns.len())).collect::<Vec<_>>()
    };
    assert_eq!(leading_to(Team::table()), [("Player", 2), ("Player", 2), ("Badge", 2)]);
    assert_eq!(leading_to(Player::table()), [("Player", 1)]);
    assert_eq!(leading_to(Badge::table()), []);
}
