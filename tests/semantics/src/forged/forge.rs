//! Records whose bytes are wrong though the store keeps them faithfully, as damage above its checksums or another program would
//! leave them: what reads them says so, and nothing panics, hangs or changes other rows.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use rome_orm::prelude::*;
use rome_orm::store::{
    Applied, ApplyOptions, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Reply, SequenceId, Space,
    Span, Store, TableId, TxId,
};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "keepers")]
pub struct Keeper {
    #[rome(key)]
    pub id: u32,
    pub name: String,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "beasts", index(kind, size), unique(tag), count(by = kind), sum(size, by = kind))]
pub struct Beast {
    #[rome(key, auto)]
    pub id: Id<Beast>,
    pub kind: String,
    pub size: u64,
    pub tag: Option<Vec<u8>>,
    #[rome(references = Keeper, on_delete = cascade)]
    pub keeper: Option<u32>,
    #[rome(index)]
    pub marks: Vec<String>,
    #[rome(json)]
    pub notes: Vec<Option<f64>>,
    pub born: Option<DateTime<Utc>>,
    #[rome(soft_delete)]
    pub gone: Option<DateTime<Utc>>,
    #[rome(belongs_to(keeper))]
    pub kept_by: One<Keeper>,
}

fn builder() -> rome_orm::DatabaseBuilder {
    Database::builder().entity::<Keeper>().entity::<Beast>()
}

/// A database with records in each kind of space.
pub async fn fill(store: Arc<dyn Store>) {
    let db = builder().open(store).await.unwrap();
    db.insert_many((0..4).map(|id| Keeper { id, name: format!("keeper {id}") })).await.unwrap();
    let beast = |n: u64| Beast {
        kind: ["cat", "dog", "eel"][n as usize % 3].into(),
        size: n * 300,
        tag: (!n.is_multiple_of(4)).then(|| vec![n as u8, 0, 255]),
        keeper: (!n.is_multiple_of(5)).then_some(n as u32 % 4),
        marks: (0..n % 3).map(|mark| format!("mark {mark}")).collect(),
        notes: vec![None, Some(n as f64 / 3.0)],
        born: DateTime::from_timestamp(n as i64 * 1_000, 0),
        ..Default::default()
    };
    db.insert_many((0..24).map(beast)).await.unwrap();
}

/// The spaces of the two tables, and that of the catalog.
fn spaces() -> Vec<Space> {
    let tables = (0..4).map(TableId).map(Space::Rows);
    let indexes = (0..10).map(IndexId).flat_map(|id| [Space::Index(id), Space::Unique(id), Space::Aggregate(id)]);
    tables.chain(indexes).chain([Space::Meta]).collect()
}

type Stored = (Partition, Space, bytes::Bytes, bytes::Bytes);

async fn everything(store: &Arc<dyn Store>) -> Vec<Stored> {
    let mut all = Vec::new();
    for space in spaces() {
        for partition in (0..store.capabilities().partitions).map(Partition) {
            let scan = Read::Scan { span: Span::all(space), filter: None, want: None, track: false };
            let reply = store.read(&[(partition, vec![scan])], ReadOptions::new()).await.unwrap().remove(0);
            let Reply::Scanned(scanned) = &reply.replies[0] else { panic!("no scan") };
            all.extend(scanned.iter().map(|record| {
                (
                    partition,
                    space,
                    bytes::Bytes::copy_from_slice(record.key),
                    bytes::Bytes::copy_from_slice(record.value),
                )
            }));
        }
    }
    all
}

/// Does something past ROME, as soon as transactions before it have let their locks go.
async fn force(store: &Arc<dyn Store>, at: Partition, effects: Vec<Effect>) {
    let lane = store.reserve(SequenceId::Lanes, 1).await.unwrap();
    for seq in 1.. {
        let tx = MiniTx::one(TxId { lane, seq }).effects(effects.clone()).schema(u32::MAX);
        match store.apply(vec![(at, tx)], ApplyOptions::new(Durability::Memory)).await.unwrap().remove(0) {
            Applied::Done { .. } => return,
            Applied::Blocked { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
            other => panic!("{other:?}"),
        }
    }
}

/// Changes bytes as the choices say.
fn garbled(bytes: &[u8], choices: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut next = || choices.next().unwrap_or_default();
    let at = |byte: u8, bytes: &[u8]| usize::from(byte) * bytes.len() / 256;
    match next() % 6 {
        0 if !bytes.is_empty() => {
            let place = at(next(), &bytes);
            bytes[place] ^= next() | 1;
        }
        1 => bytes.truncate(at(next(), &bytes)),
        2 => {
            let n = usize::from(next() % 32);
            bytes.extend((0..n).map(|_| next()));
        }
        3 if !bytes.is_empty() => drop(bytes.remove(at(next(), &bytes))),
        4 => {
            let place = at(next(), &bytes);
            let n = usize::from(next() % 8);
            bytes.splice(place..place, std::iter::repeat_n(0xFF, n));
        }
        _ => bytes = (0..next() % 40).map(|_| next()).collect(),
    }
    bytes
}

/// Everything that a program may ask for, whatever the answer; gives the errors.
async fn ask(db: &Database) -> Vec<rome_orm::Error> {
    let mut errors = Vec::new();
    macro_rules! ask {
        ($($asked:expr),+ $(,)?) => { $( if let Err(error) = $asked.await { errors.push(error); } )+ };
    }
    let beasts = || db.query::<Beast>().with_deleted();
    ask! {
        db.get::<Beast>(3), db.get_many::<Beast>((0..30).map(Id::new)), db.get::<Keeper>(1),
        beasts().all(), beasts().count(), beasts().order_by(Beast::SIZE.desc()).limit(5).all(),
        beasts().filter(Beast::KIND.eq("cat")).all(), beasts().filter(Beast::KIND.eq("dog")).order_by(Beast::SIZE.asc()).all(),
        beasts().filter(Beast::TAG.eq(vec![1_u8, 0, 255])).all(), beasts().filter(Beast::MARKS.contains("mark 1")).all(),
        beasts().filter(Beast::KEEPER.eq(2)).with(Beast::KEPT_BY).all(),
        beasts().order_by(Beast::KIND.asc()).page(7).fetch(), beasts().select((Beast::KIND, Beast::NOTES)).all(),
        beasts().stream().try_collect::<Vec<_>>(),
        db.query::<Beast>().group_by(Beast::KIND).select((Beast::KIND, count(), sum(Beast::SIZE))).all(),
        db.query::<Beast>().aggregate((count(), sum(Beast::SIZE), avg(Beast::SIZE))),
        db.query::<Beast>().join(Beast::KEPT_BY).all(), db.query::<Keeper>().all(),
        db.update_if::<Beast>(Id::new(4), Beast::SIZE.ge(0), Beast::SIZE.set(Beast::SIZE + 1)),
        db.query::<Beast>().filter(Beast::KIND.eq("eel")).update(Beast::SIZE.set(7_u64)),
        db.insert(Beast { kind: "new".into(), ..Default::default() }), db.delete_by_key::<Beast>(5), db.purge_by_key::<Beast>(6),
        db.delete_by_key::<Keeper>(3), db.query::<Beast>().filter(Beast::SIZE.lt(600)).delete(),
    }
    let mut dumped = Vec::new();
    ask!(db.admin().dump(&mut dumped, |_| {}));
    match db.admin().check().await {
        Ok(report) => drop(report.to_string()),
        Err(error) => errors.push(error),
    }
    ask!(db.admin().repair());
    errors
}

/// Forges one record as the bytes say, asks for everything, and puts all back.
pub async fn forge(store: &Arc<dyn Store>, data: &[u8]) {
    let before = everything(store).await;
    let mut choices = data.iter().copied();
    let mut next = || choices.next().unwrap_or_default();
    let chosen = usize::from(next()) | usize::from(next()) << 8;
    let (partition, space, key, value) = before[chosen % before.len()].clone();
    // Entries have no values.
    let forges_key = next() % 3 == 0 || matches!(space, Space::Index(_));
    let (new_key, new_value) = if forges_key {
        let key = garbled(&key, &mut choices);
        (if key.is_empty() { vec![1] } else { key }, value.to_vec())
    } else {
        (key.to_vec(), garbled(&value, &mut choices))
    };
    let delete = Effect::Delete { space, key: key.clone() };
    force(store, partition, vec![delete, Effect::Put { space, key: new_key.into(), value: new_value.into() }]).await;
    let asked = async {
        match builder().open(store.clone()).await {
            Ok(db) => ask(&db).await,
            Err(error) => vec![error],
        }
    };
    let errors = tokio::time::timeout(Duration::from_secs(60), asked).await;
    for error in errors.unwrap_or_else(|_| panic!("it hangs: {space:?} {key:?} {data:?}")) {
        assert!(error.to_string().len() < 4_000, "{error}");
        // Damage is not the caller's fault, nor the network's.
        assert!(!(error.is_unavailable() || error.is_outcome_unknown()), "{space:?} {key:?}: {error}");
    }
    put_back(store, before).await;
}

async fn put_back(store: &Arc<dyn Store>, before: Vec<Stored>) {
    for partition in (0..store.capabilities().partitions).map(Partition) {
        let now = everything(store).await;
        let of = |all: &[Stored]| all.iter().filter(|(at, ..)| *at == partition).cloned().collect::<Vec<_>>();
        let deleted = of(&now).into_iter().map(|(_, space, key, _)| Effect::Delete { space, key });
        let put = of(&before).into_iter().map(|(_, space, key, value)| Effect::Put { space, key, value });
        let effects: Vec<Effect> = deleted.chain(put).collect();
        if !effects.is_empty() {
            force(store, partition, effects).await;
        }
    }
}
