//! What the derive makes of foreign keys, relations and partitions.

#![allow(clippy::unwrap_used, missing_docs)]

use rome_orm::prelude::*;
use rome_orm::schema::{ForeignKey, IndexDef, Lookup, OnDelete, RelationKind, Table};
use rome_orm::value::{RowReader, RowWriter};
use serde::{Deserialize, Serialize};

#[derive(Entity, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Self>,
    #[rome(index)]
    city: String,
    #[rome(has_many(owner_id))]
    dogs: Many<Dog>,
    #[rome(has_one(holder_id))]
    passport: One<Passport>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(belongs_to(owner_id))]
    owner: One<Owner>,
    name: String,
    #[rome(references = Owner, on_delete = cascade)]
    owner_id: Id<Owner>,
    #[rome(on_delete = set_null, references = Owner, index)]
    walker_id: Option<Id<Owner>>,
    #[rome(belongs_to(walker_id))]
    walker: One<Owner>,
    #[rome(references = Self)]
    mother_id: Option<Id<Self>>,
    #[rome(belongs_to(mother_id))]
    mother: One<Self>,
    #[rome(has_many(mother_id))]
    puppies: Many<Self>,
    #[rome(many_to_many(through = DogTag, dog_id, tag_id))]
    tags: Many<Tag>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Passport {
    #[rome(key)]
    number: String,
    #[rome(unique, references = Owner, on_delete = cascade)]
    holder_id: Id<Owner>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Tag {
    #[rome(key)]
    name: String,
    #[rome(many_to_many(through = DogTag, tag_id, dog_id))]
    dogs: Many<Dog>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(partition_by = dog_id)]
struct DogTag {
    #[rome(key, references = Dog, on_delete = cascade)]
    dog_id: Id<Dog>,
    #[rome(key, references = Tag)]
    tag_id: String,
    #[rome(global_index(desc))]
    weight: u32,
}

/// A key of two columns, and everything that leads to it.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(partition_by(tenant), global_index(tenant, name))]
struct Team {
    #[rome(key)]
    tenant: u32,
    #[rome(key)]
    name: String,
    #[rome(has_many(tenant, team))]
    players: Many<Player>,
    #[rome(many_to_many(through = Match, (tenant, home), (tenant, away)))]
    guests: Many<Team>,
}

#[derive(Embedded, Clone, Debug, Default, PartialEq)]
struct Former {
    tenant: Option<u32>,
    team: Option<String>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(foreign_key(tenant, team, references = Team, on_delete = cascade))]
#[rome(foreign_key(former.tenant, former.team, references = Team, on_delete = set_null))]
#[rome(index(team, desc(tenant), id))]
struct Player {
    #[rome(key, auto)]
    id: Id<Player>,
    tenant: u32,
    team: Option<String>,
    #[rome(embed)]
    former: Former,
    #[rome(belongs_to(tenant, team))]
    playing_for: One<Team>,
    #[rome(belongs_to(former.tenant, former.team))]
    once_with: One<Team>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(foreign_key(tenant, home, references = Team), foreign_key(tenant, away, references = Team))]
struct Match {
    #[rome(key)]
    tenant: u32,
    #[rome(key)]
    home: String,
    #[rome(key)]
    away: String,
}

fn foreign_key<'a>(table: &'a Table, columns: &[u16]) -> &'a ForeignKey {
    table.foreign_keys.iter().find(|key| key.columns == columns).unwrap()
}

fn found_by<'a>(table: &'a Table, columns: &[u16]) -> Option<&'a IndexDef> {
    match foreign_key(table, columns).lookup {
        Lookup::ByKey => None,
        Lookup::ByIndex(at) => Some(&table.indexes[at]),
        other => panic!("{other:?} is not tested yet"),
    }
}

#[test]
fn a_foreign_key_leads_to_the_table_of_its_entity() {
    let table = Dog::table();
    let key = |column: u16| foreign_key(table, &[column]);
    assert!(std::ptr::eq(key(Dog::OWNER_ID.position()).target(), Owner::table()));
    assert_eq!(key(Dog::OWNER_ID.position()).on_delete, OnDelete::Cascade);
    assert_eq!(key(Dog::WALKER_ID.position()).on_delete, OnDelete::SetNull);
    assert!(std::ptr::eq(key(Dog::MOTHER_ID.position()).target(), table));
    assert_eq!(key(Dog::MOTHER_ID.position()).on_delete, OnDelete::Restrict);
    assert_eq!(table.foreign_keys.len(), 3);
}

#[test]
fn a_foreign_key_may_have_several_columns_also_embedded_ones() {
    let playing = [Player::TENANT.position(), Player::TEAM.position()];
    let former = [Player::FORMER.tenant.position(), Player::FORMER.team.position()];
    assert_eq!(foreign_key(Player::table(), &playing).on_delete, OnDelete::Cascade);
    assert_eq!(foreign_key(Player::table(), &former).on_delete, OnDelete::SetNull);
    assert!(std::ptr::eq(foreign_key(Player::table(), &former).target(), Team::table()));
}

#[test]
fn a_foreign_key_without_an_index_gets_the_one_that_a_declared_index_would_be() {
    let index = found_by(Dog::table(), &[Dog::OWNER_ID.position()]).unwrap();
    assert_eq!((&*index.name, index.unique, index.global), ("by_owner_id", false, false));
    assert_eq!(index.parts.iter().map(|part| part.column).collect::<Vec<_>>(), [Dog::OWNER_ID.position()]);
}

#[test]
fn a_foreign_key_uses_what_is_there_to_find_rows_by_it() {
    let name = |table, columns: &[u16]| found_by(table, columns).map(|index| &*index.name);
    assert_eq!(name(Dog::table(), &[Dog::WALKER_ID.position()]), Some("by_walker_id"));
    assert_eq!(name(Passport::table(), &[Passport::HOLDER_ID.position()]), Some("unique_holder_id"));
    assert_eq!(name(DogTag::table(), &[DogTag::DOG_ID.position()]), None, "the key begins with it");
    let playing = [Player::TENANT.position(), Player::TEAM.position()];
    assert_eq!(name(Player::table(), &playing), Some("by_team_tenant_desc_id"), "in whatever order and direction");
    assert_eq!(Match::table().indexes.len(), 1, "the key begins with one of the two");
    assert_eq!(Dog::table().indexes.len(), 3);
}

#[test]
fn an_index_that_leaves_rows_out_or_does_not_begin_with_the_columns_does_not_do() {
    #[derive(Entity)]
    #[allow(clippy::duplicated_attributes, reason = "several indexes hold one column")]
    #[rome(unique(owner_id, name), index(owner_id, tags), index(name, owner_id), index(name, name = "by_owner_id"))]
    struct Cat {
        #[rome(key)]
        id: u64,
        #[rome(references = Owner)]
        owner_id: Id<Owner>,
        name: String,
        tags: Vec<String>,
    }
    let index = found_by(Cat::table(), &[Cat::OWNER_ID.position()]).unwrap();
    assert_eq!((&*index.name, index.parts.len()), ("by_owner_id_fk", 1));
}

#[test]
fn a_relation_is_made_of_columns_of_both_tables() {
    let (owner, dog) = (Owner::table(), Dog::table());
    let parts = |def: &rome_orm::schema::RelationDef| {
        let tables = ((def.local)().name, (def.remote)().name);
        (def.kind, tables, def.local_columns.clone(), def.remote_columns.clone())
    };
    let (id, owner_id) = (vec![Dog::ID.position()], vec![Dog::OWNER_ID.position()]);
    let names = (dog.name, owner.name);
    assert_eq!(parts(Dog::OWNER.def()), (RelationKind::BelongsTo, names, owner_id.clone(), id.clone()));
    let names = (owner.name, dog.name);
    assert_eq!(parts(Owner::DOGS.def()), (RelationKind::HasMany, names, id.clone(), owner_id));
    let names = (owner.name, Passport::table().name);
    let holder = vec![Passport::HOLDER_ID.position()];
    assert_eq!(parts(Owner::PASSPORT.def()), (RelationKind::HasOne, names, id.clone(), holder));
    let names = (dog.name, Tag::table().name);
    assert_eq!(parts(Dog::TAGS.def()), (RelationKind::ManyToMany, names, id, vec![Tag::NAME.position()]));
}

#[test]
fn two_relations_may_lead_to_one_entity_and_a_relation_to_its_own() {
    assert_eq!(Dog::WALKER.def().local_columns, [Dog::WALKER_ID.position()]);
    assert_eq!(Dog::MOTHER.def().local_columns, [Dog::MOTHER_ID.position()]);
    assert_eq!(Dog::PUPPIES.def().remote_columns, [Dog::MOTHER_ID.position()]);
    assert!(std::ptr::eq((Dog::PUPPIES.def().remote)(), Dog::table()));
}

#[test]
fn a_table_in_between_has_columns_for_both_sides() {
    let through = Dog::TAGS.def().through.as_ref().unwrap();
    assert!(std::ptr::eq((through.table)(), DogTag::table()));
    assert_eq!((&*through.near, &*through.far), (&[0][..], &[1][..]));
    let back = Tag::DOGS.def().through.as_ref().unwrap();
    assert_eq!((&*back.near, &*back.far), (&[1][..], &[0][..]));
    let guests = Team::GUESTS.def().through.as_ref().unwrap();
    assert_eq!((&*guests.near, &*guests.far), (&[0, 1][..], &[0, 2][..]));
}

#[test]
fn relations_of_composite_keys_pair_their_columns_in_the_order_of_the_key() {
    let def = Team::PLAYERS.def();
    assert_eq!(def.local_columns, [Team::TENANT.position(), Team::NAME.position()]);
    assert_eq!(def.remote_columns, [Player::TENANT.position(), Player::TEAM.position()]);
    let def = Player::ONCE_WITH.def();
    assert_eq!(def.local_columns, [Player::FORMER.tenant.position(), Player::FORMER.team.position()]);
}

#[test]
fn rows_keep_together_by_the_named_columns_of_their_key() {
    assert_eq!(DogTag::table().partition_by, [DogTag::DOG_ID.position()]);
    assert_eq!(Team::table().partition_by, [Team::TENANT.position()]);
    assert_eq!(Match::table().partition_by, Match::table().key, "by the whole key unless declared");
}

#[test]
fn an_index_is_global_if_it_is_declared_so() {
    let index = |table: &'static Table, name: &str| table.indexes.iter().find(|index| index.name == name).unwrap();
    let weight = index(DogTag::table(), "by_weight_desc");
    assert!(weight.global && weight.parts[0].descending);
    assert!(index(Team::table(), "by_tenant_name").global);
    assert!(!index(Owner::table(), "by_city").global);
}

fn stored<E: Entity>(entity: &E) -> Vec<u8> {
    let mut row = RowWriter::new();
    entity.write(&mut row);
    row.finish()
}

fn read<E: Entity>(bytes: &[u8]) -> E {
    E::read(&mut RowReader::new(bytes)).unwrap()
}

#[test]
fn a_relation_is_never_stored() {
    let names: Vec<&str> = Dog::table().columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["id", "name", "owner_id", "walker_id", "mother_id"]);
    let rex = Dog { name: "Rex".into(), owner_id: Id::new(7), ..Dog::default() };
    let loaded = Dog { owner: One::loaded(Owner::default()), tags: Many::loaded(vec![Tag::default()]), ..rex.clone() };
    assert_eq!(stored(&loaded), stored(&rex));
    assert_eq!(read::<Dog>(&stored(&loaded)), rex);
}

#[test]
fn a_relation_that_is_not_loaded_says_how_to_load_it() {
    let rex: Dog = read(&stored(&Dog::default()));
    let error = rex.owner.get().unwrap_err();
    let expected = "the relation `owner` of `Dog` is not loaded; load it with `.with(Dog::OWNER)`";
    assert_eq!(error.to_string(), expected);
    assert!(error.is_not_loaded() && error.is_invalid());
    let error = rex.tags.get().unwrap_err();
    let expected = "the relation `tags` of `Dog` is not loaded; load it with `.with(Dog::TAGS)`";
    assert_eq!(error.to_string(), expected);
    let error = Dog::default().puppies.get().unwrap_err();
    let expected = "a relation to `Dog` is not loaded: the row that has it was not read from the database; read it with \
                    `.with(...)`, or set the field";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_relation_puts_what_was_loaded_into_its_field() {
    let mut rex = Dog::default();
    *Dog::OWNER.field(&mut rex) = One::loaded(Owner { city: "Lyon".into(), ..Owner::default() });
    *Dog::WALKER.field(&mut rex) = One::loaded(None);
    *Dog::TAGS.field(&mut rex) = Many::loaded(vec![Tag { name: "good".into(), ..Tag::default() }]);
    assert_eq!(rex.owner.get().unwrap().unwrap().city, "Lyon");
    assert_eq!(rex.walker.get().unwrap(), None);
    assert_eq!(rex.tags.get().unwrap()[0].name, "good");
    rex.tags.get_mut().unwrap().clear();
    rex.owner.get_mut().unwrap().unwrap().city = "Metz".into();
    assert_eq!(rex.owner.into_inner().unwrap().unwrap().city, "Metz");
    assert_eq!(rex.tags.into_inner().unwrap(), []);
    assert_eq!(format!("{:?} {}", Dog::OWNER, Team::PLAYERS), "Dog::OWNER Team::PLAYERS");
}

#[test]
fn relations_are_equal_if_they_hold_the_same() {
    let rex: Dog = read(&stored(&Dog::default()));
    assert_eq!(rex, Dog::default(), "whether it knows its name makes no difference");
    assert_ne!(One::<Owner>::default(), One::loaded(None));
    assert_ne!(Many::<Dog>::default(), Many::loaded(Vec::new()));
    assert_eq!(One::loaded(Owner::default()), One::loaded(Some(Owner::default())).clone());
    assert_eq!(std::collections::HashSet::from([rex, Dog::default()]).len(), 1);
    assert_eq!(format!("{:?}", Many::<Dog>::default()), "not loaded");
    assert_eq!(format!("{:?}", One::<Dog>::loaded(None)), "None");
}

#[test]
fn relations_in_json_are_what_they_hold() {
    let tag = |name: &str| Tag { name: name.into(), ..Tag::default() };
    let rex = Dog { name: "Rex".into(), tags: Many::loaded(vec![tag("good"), tag("big")]), ..Dog::default() };
    let json = serde_json::to_value(&rex).unwrap();
    assert_eq!(json["tags"][1]["name"], "big");
    assert!(json["owner"].is_null() && json["puppies"].is_null());
    assert_eq!(serde_json::from_value::<Dog>(json).unwrap(), rex);
    let passport: Owner =
        serde_json::from_str(r#"{"id":1,"city":"Lyon","passport":{"number":"A","holder_id":1}}"#).unwrap();
    assert_eq!(passport.passport.get().unwrap().unwrap().number, "A");
    assert!(passport.dogs.is_unloaded(), "what is missing is not loaded");
}
