//! Several partitions: what lies together is written and read in one round trip, and what does not costs a fixed number
//! more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rome_core::testkit::{Call, ReadKind, Recorder};
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Store,
    StoreFuture,
};

const PARTITIONS: u32 = 5;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "images", global_index(checksum))]
struct Image {
    #[rome(key, auto)]
    id: Id<Image>,
    #[rome(index)]
    owner: String,
    checksum: String,
    #[rome(unique)]
    name: Option<String>,
    #[rome(has_many(image_id))]
    properties: Many<Property>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "properties", partition_by(image_id), unique(image_id, position))]
struct Property {
    #[rome(key)]
    image_id: Id<Image>,
    #[rome(key)]
    name: String,
    #[rome(index)]
    value: String,
    position: u32,
}

/// A store whose calls are under way for a while, before and after it does them.
struct Slow(MemoryStore);

impl Store for Slow {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let replies = self.0.read(batch, options).await;
            tokio::task::yield_now().await;
            replies
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let applied = self.0.apply(batch, options).await;
            tokio::task::yield_now().await;
            applied
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.0.reserve(sequence, n)
    }
}

struct Setup {
    db: Database,
    recorder: Arc<Recorder>,
}

impl Setup {
    async fn new() -> Self {
        let recorder = Arc::new(Recorder::new(Arc::new(Slow(MemoryStore::with_partitions(PARTITIONS)))));
        let builder = Database::builder().entity::<Image>().entity::<Property>();
        let db = builder.open(recorder.clone()).await.unwrap();
        // Lanes and numbers for keys are at hand from now on.
        db.insert(image(0)).await.unwrap();
        let setup = Self { db, recorder };
        setup.calls().await;
        setup
    }

    /// Scans of an index and of a table since the last call of this or the other.
    fn scans(&self) -> (usize, usize) {
        let calls = self.recorder.calls();
        self.recorder.clear();
        let kinds = calls.iter().flat_map(|call| match call {
            Call::Read { kinds, .. } => kinds.as_slice(),
            _ => &[],
        });
        let (mut of_index, mut of_table) = (0, 0);
        for kind in kinds {
            match kind {
                ReadKind::ScanRows => of_index += 1,
                ReadKind::Scan | ReadKind::Count => of_table += 1,
                _ => {}
            }
        }
        (of_index, of_table)
    }

    /// Reads and applies since the last call of this, with those that go on in the background.
    async fn calls(&self) -> (usize, usize) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        // However late that woke up: the others have their turns.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let tally = self.recorder.tally();
        self.recorder.clear();
        (tally.reads, tally.applies)
    }
}

fn image(n: u32) -> Image {
    Image { owner: format!("owner {}", n % 3), checksum: format!("sum {n}"), ..Default::default() }
}

fn property(image_id: Id<Image>, n: u32) -> Property {
    Property { image_id, name: format!("name {n}"), value: format!("value {n}"), position: n }
}

#[tokio::test]
async fn a_row_without_anything_elsewhere_costs_what_it_costs_in_one_partition() {
    let setup = Setup::new().await;
    let mut known = Vec::new();
    for n in 1..20 {
        known.push(setup.db.insert(property(Id::new(n), 1)).await.unwrap());
        assert_eq!(setup.calls().await, (0, 1), "an insert");
    }
    for mut property in known {
        setup.db.get::<Property>((property.image_id, property.name.clone())).await.unwrap().unwrap();
        assert_eq!(setup.calls().await, (1, 0), "a get");
        property.value = "new".into();
        setup.db.update(&property).await.unwrap();
        assert_eq!(setup.calls().await, (1, 1), "an update of an indexed column");
    }
}

#[tokio::test]
async fn a_parent_and_its_group_commit_in_one_step_and_are_read_in_one() {
    let setup = Setup::new().await;
    for n in 100..120 {
        let s = setup.db.session();
        s.insert(Image { id: Id::new(n), ..image(1) }).await.unwrap();
        s.insert_many((0..5).map(|at| property(Id::new(n), at))).await.unwrap();
        setup.calls().await;
        let checksum_elsewhere = s.commit().await.map(|()| setup.calls()).unwrap().await;
        assert!([(0, 1), (0, 3)].contains(&checksum_elsewhere), "{checksum_elsewhere:?}");
        let query = setup.db.query::<Property>().filter(Property::IMAGE_ID.eq(Id::new(n)));
        assert_eq!(query.all().await.unwrap().len(), 5);
        assert_eq!(query.count().await.unwrap(), 5);
        assert_eq!(setup.calls().await, (2, 0), "one read for each");
        let claimed = setup.db.query::<Property>().filter(Property::IMAGE_ID.eq(Id::new(n)));
        assert_eq!(claimed.filter(Property::POSITION.eq(3)).all().await.unwrap().len(), 1);
        assert!(setup.calls().await.0 <= 2, "a claim beside its row");
    }
}

#[tokio::test]
async fn a_unique_value_or_a_global_entry_elsewhere_costs_two_steps_and_one_in_the_background() {
    let setup = Setup::new().await;
    let mut seen = Vec::new();
    for n in 1..40 {
        setup.db.insert(Image { name: Some(format!("image {n}")), ..image(n) }).await.unwrap();
        seen.push(setup.calls().await);
    }
    assert!(seen.iter().all(|calls| [(0, 1), (0, 3)].contains(calls)), "{seen:?}");
    assert!(seen.contains(&(0, 3)), "some value lies elsewhere");
    let again = Image { name: Some("image 7".into()), ..image(50) };
    assert!(setup.db.insert(again).await.unwrap_err().is_unique_violation());
}

#[tokio::test]
async fn reads_of_all_partitions_cost_one_look_more() {
    let setup = Setup::new().await;
    setup.db.insert_many((1..60).map(|n| Image { name: Some(format!("image {n}")), ..image(n) })).await.unwrap();
    setup.calls().await;
    let query = setup.db.query::<Image>().filter(Image::OWNER.eq("owner 1"));
    assert_eq!(query.all().await.unwrap().len(), 20);
    assert_eq!(setup.calls().await, (2, 0), "rows by a local index");
    assert_eq!(query.count().await.unwrap(), 20);
    assert_eq!(setup.calls().await, (2, 0), "their number");
    let newest = setup.db.query::<Image>().order_by(Image::ID.desc()).limit(7).all().await.unwrap();
    assert!(newest.is_sorted_by_key(|image| std::cmp::Reverse(image.id)) && newest.len() == 7);
    assert_eq!(setup.calls().await, (2, 0), "the newest of all");
    let named = setup.db.query::<Image>().filter(Image::NAME.eq("image 9"));
    assert_eq!(named.all().await.unwrap().len(), 1);
    assert!(setup.calls().await.0 <= 3, "a claim, its row and a look");
    assert_eq!(setup.db.query::<Image>().filter(Image::CHECKSUM.eq("sum 9")).all().await.unwrap().len(), 1);
    assert!(setup.calls().await.0 <= 3, "a global entry, its row and a look");
    let explained = setup.db.query::<Image>().filter(Image::CHECKSUM.eq("sum 9")).explain().await.unwrap();
    assert!(explained.to_string().contains("where the first column of the entries lies"), "{explained}");
    assert!(query.explain().await.unwrap().to_string().contains("in all 5 partitions"));
    let group = setup.db.query::<Property>().filter(Property::IMAGE_ID.eq(Id::new(1))).explain().await.unwrap();
    assert!(group.to_string().contains("of 5"), "{group}");
}

#[tokio::test]
async fn each_group_is_looked_for_where_it_lies() {
    let setup = Setup::new().await;
    let images: Vec<Image> = (100..120).map(|n| Image { id: Id::new(n), ..image(1) }).collect();
    let properties = images.iter().flat_map(|image| (0..3).map(|n| property(image.id, n)));
    setup.db.insert_many(properties.collect::<Vec<_>>()).await.unwrap();
    let ids: Vec<Id<Image>> = images.iter().map(|image| image.id).collect();
    setup.db.insert_many(images).await.unwrap();
    setup.calls().await;

    let loaded =
        setup.db.query::<Image>().filter(Image::OWNER.eq("owner 1")).with(Image::PROPERTIES).all().await.unwrap();
    assert_eq!(loaded.len(), 20);
    assert!(loaded.iter().all(|image| image.properties.get().unwrap().len() == 3));
    let kinds = setup.scans();
    assert_eq!(kinds, (PARTITIONS as usize, 20), "the index in each partition, and each group in its own");

    let query = setup.db.query::<Property>().filter(Property::IMAGE_ID.is_in(ids));
    assert_eq!(query.all().await.unwrap().len(), 60);
    assert_eq!(setup.scans(), (0, 20));
    let explained = query.explain().await.unwrap().to_string();
    assert!(explained.contains("each range in one of 5 partitions"), "{explained}");
    let beginnings = query.filter(Property::NAME.starts_with("name ")).count().await.unwrap();
    assert_eq!(beginnings, 60);
    assert_eq!(setup.scans(), (0, 20), "a longer beginning of the key");
}

#[tokio::test]
async fn a_commit_that_is_dropped_in_the_middle_is_whole_or_nothing_and_leaves_nothing_locked() {
    let mut seen = BTreeSet::new();
    for polls in 0..9 {
        let setup = Setup::new().await;
        let rows: Vec<Image> = (1..30).map(|n| Image { name: Some(format!("image {n}")), ..image(n) }).collect();
        {
            let insert = setup.db.insert_many(rows.clone());
            let mut insert = std::pin::pin!(insert);
            for _ in 0..polls {
                if futures::poll!(insert.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // The first insert of the set-up is one more.
        let before = setup.recorder.calls().len();
        let stored = setup.db.query::<Image>().count().await.unwrap();
        assert!(stored == 1 || stored == 30, "{stored} rows after {polls} polls");
        seen.insert((stored, before));
        if stored == 1 {
            setup.db.insert_many(rows).await.unwrap();
        }
        assert_eq!(setup.db.query::<Image>().count().await.unwrap(), 30);
        assert!(setup.recorder.calls().len() < 40, "it did not have to wait long");
    }
    assert!(seen.len() > 3, "it was dropped in different places: {seen:?}");
}
