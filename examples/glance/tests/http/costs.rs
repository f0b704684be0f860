//! How many calls of the store the main requests cost. Relations are loaded side by side, so the calls for them are one round
//! trip together: a show is two, a delete three.

use std::sync::Arc;

use glance::db::{
    Context, GetOptions, ImageStatus, ImageValues, Listing, LocationValues, UpdateOptions, builder, image_create,
    image_destroy, image_get, image_get_all, image_update, usage,
};
use rome_core::testkit::Recorder;
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use serde_json::json;

struct Setup {
    db: Database,
    recorder: Arc<Recorder>,
}

impl Setup {
    async fn new(partitions: u32) -> Self {
        let recorder = Arc::new(Recorder::new(Arc::new(MemoryStore::with_partitions(partitions))));
        let db = builder().open(recorder.clone()).await.unwrap();
        // Whatever is fetched once is there from now on.
        image_create(&db, &ann(), &image("first")).await.unwrap();
        let setup = Self { db, recorder };
        setup.calls();
        setup
    }

    /// Reads and applies since the last call of this.
    fn calls(&self) -> (usize, usize) {
        let tally = self.recorder.tally();
        self.recorder.clear();
        (tally.reads, tally.applies)
    }
}

fn ann() -> Context {
    Context::member_of("p1")
}

fn image(name: &str) -> ImageValues {
    ImageValues {
        // So that it lies in the same partition each time.
        id: Some(name.into()),
        name: Some(Some(name.into())),
        status: Some(ImageStatus::Queued),
        owner: Some(Some("p1".into())),
        tags: Some(vec!["b".into(), "a".into()]),
        properties: Some(vec![("q".into(), None), ("p".into(), Some("1".into()))]),
        locations: Some(vec![LocationValues::new("http://a", json!({}))]),
        ..ImageValues::default()
    }
}

#[tokio::test]
async fn requests_cost_the_same_few_calls_on_one_partition_and_on_several() {
    for partitions in [1, 4] {
        println!("on {partitions} partitions");
        let setup = Setup::new(partitions).await;
        let made = image_create(&setup.db, &ann(), &image("one")).await.unwrap();
        assert_eq!(setup.calls(), (5, 1), "create: the image, then each kind of child in turn, commit");
        let id = made.image.id.as_str();
        let shown = image_get(&setup.db, &ann(), id, GetOptions::with_tags()).await.unwrap();
        assert_eq!(shown, made);
        assert_eq!(setup.calls(), (5, 0), "show: the image, then four relations side by side");
        let patch = ImageValues {
            name: Some(Some("new".into())),
            properties: Some(vec![("r".into(), Some("2".into())), ("p".into(), Some("3".into()))]),
            tags: Some(vec!["c".into()]),
            ..ImageValues::default()
        };
        let options = UpdateOptions { purge_props: true, ..UpdateOptions::default() };
        let patched = image_update(&setup.db, &ann(), id, &patch, &options).await.unwrap();
        assert_eq!(setup.calls(), (8, 1), "patch: show, then what is new, commit");
        assert_eq!(image_get(&setup.db, &ann(), id, GetOptions::with_tags()).await.unwrap(), patched);
        setup.calls();
        image_destroy(&setup.db, &ann(), id).await.unwrap();
        assert_eq!(setup.calls(), (6, 1), "delete: show with all members, commit");

        for n in 0..60 {
            image_create(&setup.db, &ann(), &image(&format!("image {n}"))).await.unwrap();
        }
        setup.calls();
        let used = usage(&setup.db, "p1").await.unwrap();
        // Those just made, the first one, and the deleted one: what serves requests sets the status of an image that it deletes.
        assert_eq!(used.image_count_total, 62);
        let visited = setup.recorder.tally().visited;
        assert!(visited <= 3 * u64::from(partitions), "the counters of one status, in each partition: {visited}");
        let calls = if partitions == 1 { 1 } else { 2 };
        assert_eq!(setup.calls(), (calls, 0), "usage: counters, and once more that they are of one moment");
        let listing = Listing { limit: Some(25), return_tag: true, ..Listing::default() };
        let calls = if partitions == 1 { 6 } else { 7 };
        // The first time it is found out which way to the images is the shortest.
        for calls in [calls + 2, calls] {
            let list = image_get_all(&setup.db, &ann(), &listing).await.unwrap();
            assert_eq!((list.len(), list[24].tags().len()), (25, 2));
            let (reads, applies) = setup.calls();
            assert!(reads <= calls, "a list of 25: what is shared, the plan, images, three relations: {reads}");
            assert_eq!(applies, 0);
        }
    }
}
