//! What is stored can be read: a row whose columns do not read back to the values that were given is refused before anything
//! is stored, by each verb.

use std::collections::{BTreeMap, HashMap, HashSet};

use rome_orm::check::FindingKind;
use rome_orm::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::queries::random::Random;
use crate::sessions::laws;
use crate::stores::{open, places};

/// Left out where it is zero, and not read without it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Sparse {
    #[serde(skip_serializing_if = "is_zero")]
    n: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The second text reads as the first.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    OtherText(String),
}

/// What is flattened may have a name that is taken.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Flat {
    n: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

fn flat(name: &str) -> Flat {
    Flat { n: 1, rest: BTreeMap::from([(name.to_owned(), 2)]) }
}

/// Arrays inside of each other.
#[derive(Clone, Debug, PartialEq, Default)]
struct Nest(u32);

impl Serialize for Nest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => serializer.serialize_unit(),
            n => [Self(n - 1)].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Nest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let inner: Option<[Self; 1]> = Option::deserialize(deserializer)?;
        Ok(inner.map_or(Self(0), |[inner]| Self(inner.0 + 1)))
    }
}

/// Writes a text and reads a number.
#[derive(Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(transparent)]
struct AtOdds(u32);

impl Serialize for AtOdds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            n @ 0..100 => serializer.serialize_u32(n),
            n => serializer.serialize_str(&n.to_string()),
        }
    }
}

/// Has no `PartialEq`, and halves what it reads.
#[derive(Serialize, Clone, Debug, Default)]
struct Halved(u32);

impl<'de> Deserialize<'de> for Halved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|n| Self(n / 2))
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
struct Forgetful {
    kept: u32,
    #[serde(skip)]
    lost: u32,
}

/// Has no `PartialEq`, and no order of its own.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Unordered {
    set: HashSet<u32>,
    map: HashMap<String, u32>,
}

#[derive(Newtype, Clone, Debug)]
struct Scores(Json<BTreeMap<String, f32>>);

#[derive(Embedded, Clone, Debug)]
struct Inner {
    #[rome(json)]
    nest: Nest,
}

/// A field of a program's own, which reads no capital letters.
#[derive(Clone, Debug, PartialEq)]
struct Lower(String);

impl rome_orm::value::Field for Lower {
    const TYPE: rome_orm::value::ColumnType = rome_orm::value::ColumnType::Text;

    fn write(&self, w: &mut rome_orm::value::RowWriter) {
        w.text(&self.0);
    }

    fn read(r: &mut rome_orm::value::RowReader<'_>) -> Result<Self, rome_orm::value::ValueError> {
        let text = r.text()?;
        if text.chars().any(char::is_uppercase) {
            return Err(rome_orm::value::ValueError::unreadable(text, "text in lower case"));
        }
        Ok(Self(text.into()))
    }

    fn to_value(&self) -> rome_orm::Value {
        rome_orm::Value::Text(self.0.clone())
    }

    fn from_value(value: rome_orm::Value) -> Result<Self, rome_orm::value::ValueError> {
        match value {
            rome_orm::Value::Text(text) => Ok(Self(text)),
            other => Err(rome_orm::value::ValueError::type_mismatch("text", other.kind_name())),
        }
    }
}

#[derive(Entity, Clone, Debug)]
#[rome(table = "notes", index(name))]
struct Note {
    #[rome(key)]
    id: u64,
    name: String,
    floats: Json<Vec<Option<f64>>>,
    #[rome(json)]
    float: Option<f64>,
    #[rome(json)]
    sparse: Sparse,
    untagged: Option<Json<Untagged>>,
    flat: Vec<Json<Flat>>,
    #[rome(json)]
    pairs: HashMap<(u8, u8), u8>,
    any: serde_json::Value,
    #[rome(embed)]
    inner: Inner,
    scores: Scores,
    #[rome(json)]
    halved: Halved,
    at_odds: Json<AtOdds>,
    #[rome(json)]
    forgetful: Forgetful,
    #[rome(json)]
    unordered: Unordered,
    lower: Lower,
}

fn note(id: u64) -> Note {
    Note {
        id,
        name: format!("note {id}"),
        floats: Json(vec![Some(0.1), None, Some(-0.0), Some(f64::MAX), Some(5e-324)]),
        float: Some(1.5),
        sparse: Sparse { n: 1 },
        untagged: Some(Json(Untagged::Text("a".into()))),
        flat: vec![Json(flat("m"))],
        pairs: HashMap::new(),
        any: serde_json::json!({ "a": [1, 2.5, null, "x"] }),
        inner: Inner { nest: Nest(127) },
        scores: Scores(Json(BTreeMap::from([("a".into(), 0.3)]))),
        halved: Halved::default(),
        at_odds: Json(AtOdds(5)),
        forgetful: Forgetful { kept: 1, lost: 0 },
        unordered: Unordered { set: (0..50).collect(), map: (0..50).map(|n| (n.to_string(), n)).collect() },
        lower: Lower("a".into()),
    }
}

/// A null in this many arrays.
fn nested(deep: u32) -> serde_json::Value {
    (0..deep).fold(serde_json::Value::Null, |value, _| serde_json::Value::Array(vec![value]))
}

type Spoil = fn(&mut Note);

/// A column, and what cannot be stored in it.
const SPOILT: [(&str, Spoil); 19] = [
    ("floats", |note| note.floats = Json(vec![Some(f64::NAN)])),
    ("floats", |note| note.floats = Json(vec![None, Some(1.0), Some(f64::INFINITY)])),
    ("float", |note| note.float = Some(f64::NAN)),
    ("float", |note| note.float = Some(f64::NEG_INFINITY)),
    ("sparse", |note| note.sparse = Sparse { n: 0 }),
    ("untagged", |note| note.untagged = Some(Json(Untagged::OtherText("a".into())))),
    ("flat", |note| note.flat = vec![Json(flat("n"))]),
    ("flat", |note| note.flat.push(Json(flat("n")))),
    ("pairs", |note| note.pairs = HashMap::from([((1, 2), 3)])),
    ("any", |note| note.any = nested(128)),
    ("any", |note| note.any = nested(1_000)),
    ("inner_nest", |note| note.inner.nest = Nest(128)),
    ("inner_nest", |note| note.inner.nest = Nest(1_000_000)),
    ("scores", |note| note.scores = Scores(Json(BTreeMap::from([("a".into(), f32::INFINITY)])))),
    ("halved", |note| note.halved.0 = 5),
    ("at_odds", |note| note.at_odds = Json(AtOdds(100))),
    ("forgetful", |note| note.forgetful.lost = 1),
    ("lower", |note| note.lower = Lower("A".into())),
    ("lower", |note| note.lower = Lower("straßE".into())),
];

/// What is stored, as text.
async fn everything(db: &Database) -> String {
    let notes = db.query::<Note>().order_by(Note::ID.asc()).all().await.unwrap();
    assert!(db.admin().check().await.unwrap().is_clean());
    assert_eq!(db.query::<Note>().count().await.unwrap(), notes.len() as u64);
    notes.iter().map(|note| format!("{note:?}").split("unordered").next().unwrap().to_owned() + "\n").collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(column: &str, verb: &str, result: rome_orm::Result<T>) {
    let error = result.expect_err(&format!("{verb} of {column}"));
    assert!(error.is_invalid(), "{verb} of {column}: {error}");
    let text = error.to_string();
    assert!(text.contains("`notes`") && text.contains(column), "{verb} of {column}: {text}");
}

laws! { [Note]
    async fn what_does_not_read_back_is_refused_by_each_verb_that_takes_a_row(db) {
        db.insert(note(1)).await.unwrap();
        let before = everything(&db).await;
        for (column, spoil) in SPOILT {
            let spoilt = |id: u64| {
                let mut note = note(id);
                spoil(&mut note);
                note
            };
            refused(column, "insert", db.insert(spoilt(2)).await);
            refused(column, "insert_many", db.insert_many([note(2), spoilt(3), note(4)]).await);
            refused(column, "update", db.update(&spoilt(1)).await);
            refused(column, "update_all", db.update_many(&[spoilt(1)]).await);
            refused(column, "upsert", db.upsert(spoilt(1)).await);
            refused(column, "upsert_many", db.upsert_many([note(1), spoilt(2)]).await);
            let s = db.session();
            refused(column, "insert in a session", s.insert(spoilt(2)).await);
            refused(column, "insert_many in a session", s.insert_many([note(2), spoilt(3)]).await);
            refused(column, "update in a session", s.update(&spoilt(1)).await);
            refused(column, "upsert in a session", s.upsert(spoilt(2)).await);
            assert_eq!(s.query::<Note>().count().await.unwrap(), 1);
            s.insert(note(2)).await.unwrap();
            s.commit().await.unwrap();
            assert!(db.delete_by_key::<Note>(2).await.unwrap());
            assert_eq!(everything(&db).await, before, "{column}");
        }
        let mut at_the_bound = note(2);
        at_the_bound.any = nested(127);
        assert_eq!(db.insert(at_the_bound.clone()).await.unwrap().any, at_the_bound.any);
    }

    async fn what_does_not_read_back_is_refused_as_a_value_that_is_set(db) {
        db.insert_many([note(1), note(2)]).await.unwrap();
        let before = everything(&db).await;
        let deep = nested(128);
        type Set = fn(serde_json::Value) -> rome_orm::expr::Assignment<Note>;
        let sets: [(&str, Set); 8] = [
            ("floats", |_| Note::FLOATS.set(Json(vec![Some(f64::NAN)]))),
            ("float", |_| Note::FLOAT.set(Json(Some(f64::INFINITY)))),
            ("sparse", |_| Note::SPARSE.set(Json(Sparse { n: 0 }))),
            ("flat", |_| Note::FLAT.set(vec![Json(flat("n"))])),
            ("any", |deep| Note::ANY.set(deep)),
            ("sparse", |_| Note::column("sparse").unwrap().set(rome_orm::Value::Json("{}".into())).unwrap()),
            ("inner_nest", |_| Note::column("inner_nest").unwrap().set(rome_orm::Value::Json("{\"a\":1}".into())).unwrap()),
            ("lower", |_| Note::column("lower").unwrap().set("Upper").unwrap()),
        ];
        for (column, set) in sets {
            refused(column, "update_all by query", db.query::<Note>().update(set(deep.clone())).await);
            refused(column, "update_if", db.update_if::<Note>(1, Note::ID.eq(1), set(deep.clone())).await);
            let s = db.session();
            refused(column, "update_all in a session", s.query::<Note>().update(set(deep.clone())).await);
            refused(column, "update_if in a session", s.update_if::<Note>(1, Note::ID.eq(1), set(deep.clone())).await);
            s.query::<Note>().update(Note::NAME.set("renamed")).await.unwrap();
            s.query::<Note>().filter(Note::ID.eq(1)).update(Note::NAME.set("note 1")).await.unwrap();
            s.query::<Note>().filter(Note::ID.eq(2)).update(Note::NAME.set("note 2")).await.unwrap();
            s.commit().await.unwrap();
            assert_eq!(everything(&db).await, before, "{column}");
        }
    }

    async fn each_finite_float_and_each_order_of_a_set_reads_back_from_json(db) {
        let mut random = Random::new(7);
        for id in 0..20 {
            let floats = random.times(200, |random| {
                let float = f64::from_bits(random.next());
                float.is_finite().then_some(float)
            });
            let scores: BTreeMap<String, f32> = (0..50)
                .map(|n| (n.to_string(), f32::from_bits(random.next() as u32)))
                .filter(|(_, score)| score.is_finite())
                .collect();
            let given = Note { floats: Json(floats), scores: Scores(Json(scores)), ..note(id) };
            let stored = db.insert(given.clone()).await.unwrap();
            assert_eq!(stored.floats, given.floats);
            assert_eq!(stored.scores.0, given.scores.0);
            assert_eq!(stored.unordered.set, given.unordered.set);
        }
    }
}

/// The same table in a build whose column takes any JSON.
mod lax {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug)]
    #[rome(table = "facts")]
    pub struct Fact {
        #[rome(key)]
        pub id: u64,
        #[rome(json)]
        pub size: serde_json::Value,
        #[rome(index)]
        pub name: String,
    }
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "facts")]
struct Fact {
    #[rome(key)]
    id: u64,
    #[rome(json)]
    size: u32,
    #[rome(index)]
    name: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_does_not_read_is_found_by_a_check_and_in_nobody_elses_way() {
    for place in places() {
        println!("on {}", place.name);
        {
            let lax = open!(place, [lax::Fact]);
            for id in 0..20 {
                let size = if id == 7 { serde_json::json!("seven") } else { serde_json::json!(id) };
                lax.insert(lax::Fact { id, size, name: format!("fact {id}") }).await.unwrap();
            }
            assert!(lax.admin().check().await.unwrap().is_clean());
        }
        let db = open!(place, [Fact]);
        let report = db.admin().check().await.unwrap();
        let [finding] = &report.findings[..] else { panic!("{report}") };
        assert_eq!((finding.kind, finding.table, &*finding.key), (FindingKind::Unreadable, Some("facts"), "7"));
        for id in (0..20).filter(|id| *id != 7) {
            assert_eq!(db.get::<Fact>(id).await.unwrap().unwrap().name, format!("fact {id}"));
        }
        let others = db.query::<Fact>().filter(Fact::ID.ne(7)).all().await.unwrap();
        assert_eq!(others.len(), 19);
        assert_eq!(db.query::<Fact>().count().await.unwrap(), 20);
        assert_eq!(db.query::<Fact>().select(Fact::NAME).all().await.unwrap().len(), 20);
        let first = db.query::<Fact>().order_by(Fact::ID.asc()).page(5).fetch().await.unwrap();
        assert_eq!(first.items.len(), 5);
        let s = db.session();
        let errors = [
            db.get::<Fact>(7).await.unwrap_err(),
            db.get_many::<Fact>([3, 7]).await.unwrap_err(),
            db.query::<Fact>().all().await.unwrap_err(),
            db.query::<Fact>().filter(Fact::NAME.eq("fact 7")).first().await.unwrap_err(),
            db.query::<Fact>().order_by(Fact::ID.asc()).page(10).fetch().await.unwrap_err(),
            s.get::<Fact>(7).await.unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(error.is_corrupt(), "{text}");
            assert!(["7", "`facts`", "size"].iter().all(|part| text.contains(part)), "{text}");
        }
        // It can be repaired by what does not read it.
        let mended = db.query::<Fact>().filter(Fact::ID.eq(7)).update(Fact::SIZE.set(Json(7))).await.unwrap();
        assert_eq!(mended, 1);
        assert!(db.admin().check().await.unwrap().is_clean());
        assert_eq!(db.query::<Fact>().all().await.unwrap().len(), 20);
    }
}
