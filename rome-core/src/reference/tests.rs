//! Foreign keys in all forms, from encoded rows to where the referring rows are.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rome_derive::{Embedded, Entity};

use super::*;
use crate::catalog::{Catalog, StoredIndex};
use crate::model::{Entity, Id, Key};
use crate::row::key_of;
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
    let indexes = def.indexes.iter().zip(10 * id..).map(|(def, id)| StoredIndex { def, id: IndexId(id) }).collect();
    Arc::new(StoredTable { def, id: TableId(id), indexes, layout: 1, earlier: Vec::new() })
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

/// The entry of a player in the index over its team, as the index has it.
fn entries(player: &Player, table: &StoredTable, index: usize) -> Vec<Bytes> {
    let body = body(player);
    let key = key_of(Player::table(), &body).unwrap();
    let space = table.indexes[index].space();
    let all = crate::index::entries_of(table, &key, &body).unwrap();
    let entries = all.entries.into_iter().filter(|(of, _)| *of == space).map(|(_, entry)| entry);
    let claims = all.claims.into_iter().filter(|(at, _)| *at == index).map(|(_, claim)| claim);
    entries.chain(claims).collect()
}

#[test]
fn the_entries_of_all_rows_that_reference_a_row_and_of_no_others_are_in_its_span() {
    let table = stored(Player::table(), 1);
    let teams = [(1, "Lions"), (1, "Lion"), (-1, "Lions"), (256, "Lions"), (1, "")];
    for (tenant, name) in teams {
        let key = encoded(&(tenant, name.to_owned()));
        for column in [Player::TENANT.position(), Player::FORMER.tenant.position()] {
            let found = referrers(&table, foreign_key(Player::table(), column), &key).unwrap();
            let Referrers::Entries { index, span } = found else { panic!("{found:?}") };
            assert_eq!(span.space, table.indexes[index].space());
            for (other_tenant, other) in teams {
                let former = Former { team: Some(other.into()), tenant: Some(other_tenant) };
                let player =
                    Player { tenant: other_tenant, team: other.into(), former, number: 9, ..Player::default() };
                let [entry] = &*entries(&player, &table, index) else { panic!("one entry") };
                assert_eq!(span.contains(entry), (tenant, name) == (other_tenant, other), "{entry:?} in {span:?}");
            }
        }
    }
}

#[test]
fn a_unique_index_names_the_one_row_by_its_claim() {
    let table = stored(Player::table(), 1);
    let twin = Player { twin: Some(Id::new(77)), ..Player::default() };
    let found = referrers(&table, foreign_key(Player::table(), Player::TWIN.position()), &encoded(&77_u64)).unwrap();
    let Referrers::Claim { index, space, key } = found else { panic!("{found:?}") };
    assert_eq!((entries(&twin, &table, index), space), (vec![key], table.indexes[index].space()));
}

#[test]
fn rows_whose_keys_begin_with_the_columns_are_one_span_of_rows() {
    let table = stored(Badge::table(), 2);
    assert!(table.indexes.is_empty(), "the key serves");
    let key = encoded(&(3, "Lions".to_owned()));
    let found = referrers(&table, &Badge::table().foreign_keys[0], &key).unwrap();
    let Referrers::Rows(span) = found else { panic!("{found:?}") };
    assert_eq!(span.space, table.rows());
    let badge = |name: &str, tenant| encoded(&Badge { name: name.into(), tenant, number: 200 }.key());
    assert!(span.contains(&badge("Lions", 3)));
    assert!(!span.contains(&badge("Lions", 4)) && !span.contains(&badge("Lion", 3)));
}

#[test]
fn a_key_of_another_table_is_refused() {
    let table = stored(Player::table(), 1);
    let foreign_key = foreign_key(Player::table(), Player::TENANT.position());
    assert!(referrers(&table, foreign_key, &encoded(&3_u64)).is_err());
    let longer = [encoded(&(3, "Lions".to_owned())), encoded(&1_u8)].concat();
    assert!(referrers(&table, foreign_key, &longer).is_err());
}

#[test]
fn a_table_knows_all_foreign_keys_that_lead_to_it() {
    let tables: Vec<_> = [Team::table(), Player::table(), Badge::table()].into_iter().zip(1..).collect();
    let catalog = Catalog::new(tables.into_iter().map(|(table, id)| stored(table, id)).collect());
    let leading_to = |table| {
        let incoming = catalog.incoming(table).iter();
        incoming.map(|incoming| (incoming.table.def.entity, incoming.foreign_key.columns.len())).collect::<Vec<_>>()
    };
    assert_eq!(leading_to(Team::table()), [("Player", 2), ("Player", 2), ("Badge", 2)]);
    assert_eq!(leading_to(Player::table()), [("Player", 1)]);
    assert_eq!(leading_to(Badge::table()), []);
}
