//! Links of several conditions: each of them has to hold, in a join, in a left join and in a subquery.

use rome_orm::expr::count_of;
use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "pets")]
struct Pet {
    #[rome(key)]
    id: u32,
    name: String,
    nick: Option<String>,
    #[rome(many_to_many(through = PetLabel, pet_id, label_id))]
    labels: Many<Label>,
    #[rome(many_to_many(through = Liked, pet_id, label_id))]
    likes: Many<Label>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "labels")]
struct Label {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    text: String,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "pet_labels")]
struct PetLabel {
    #[rome(key)]
    pet_id: u32,
    #[rome(key)]
    label_id: u32,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "liked")]
struct Liked {
    #[rome(key)]
    pet_id: u32,
    #[rome(key)]
    label_id: u32,
}

fn pet(id: u32, name: &str, nick: Option<&str>) -> Pet {
    Pet { id, name: name.into(), nick: nick.map(Into::into), ..Default::default() }
}

/// Pets 1 and 2 have a label of their name; pet 2 has it as its nick too, and likes it; pet 3 has labels of other texts only, and
/// pet 4 has none.
async fn fill(db: &Database) {
    let pets = [
        pet(1, "red", Some("blue")),
        pet(2, "blue", Some("blue")),
        pet(3, "green", Some("green")),
        pet(4, "black", None),
    ];
    db.insert_many(pets).await.unwrap();
    let labels = [(1, "red"), (2, "blue"), (3, "white"), (4, "green")];
    db.insert_many(labels.map(|(id, text)| Label { id, text: text.into(), ..Default::default() })).await.unwrap();
    let has = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 1), (3, 2)];
    db.insert_many(has.map(|(pet_id, label_id)| PetLabel { pet_id, label_id })).await.unwrap();
    db.insert_many([(1, 3), (2, 2), (3, 4)].map(|(pet_id, label_id)| Liked { pet_id, label_id })).await.unwrap();
}

/// What a link leads to, by a join, a left join and a subquery, has to be `pairs`.
async fn leads(db: &Database, link: rome_orm::query::Link<Pet, Label>, pairs: &[(u32, u32)]) {
    let ids = |pairs: Vec<(Pet, Label)>| {
        let mut ids: Vec<(u32, u32)> = pairs.iter().map(|(pet, label)| (pet.id, label.id)).collect();
        ids.sort_unstable();
        ids
    };
    let all = db.query::<Pet>();
    assert_eq!(ids(all.clone().join(link.clone()).all().await.unwrap()), pairs, "{link:?}");
    let left = all.clone().left_join(link.clone()).all().await.unwrap();
    for id in 1..=4 {
        let of: Vec<Option<u32>> = left
            .iter()
            .filter(|(pet, _)| pet.id == id)
            .map(|(_, label)| label.as_ref().map(|label| label.id))
            .collect();
        assert!(!of.is_empty(), "pet {id} is kept by {link:?}");
        assert!(!of.contains(&None) || of.len() == 1, "pet {id} has a partner or none by {link:?}");
    }
    let kept = left.into_iter().filter_map(|(pet, label)| Some((pet, label?))).collect();
    assert_eq!(ids(kept), pairs, "{link:?}");
    // The limit counts the rows that are kept.
    assert_eq!(all.clone().left_join(link.clone()).order_by(Pet::ID.asc()).limit(2).all().await.unwrap().len(), 2);
    let mut expected: Vec<u32> = pairs.iter().map(|(pet, _)| *pet).collect();
    expected.dedup();
    for narrowed in [all.clone(), all.clone().filter(Pet::ID.is_in([1, 2, 3]))] {
        let found = narrowed.filter(link.clone().exists()).order_by(Pet::ID.asc()).select(Pet::ID).all().await.unwrap();
        assert_eq!(found, expected, "{link:?}");
    }
    let filtered = link.clone().filter(Label::TEXT.eq("blue")).exists();
    let blue: Vec<u32> = pairs.iter().filter(|(_, label)| *label == 2).map(|(pet, _)| *pet).collect();
    assert_eq!(all.filter(filtered).order_by(Pet::ID.asc()).select(Pet::ID).all().await.unwrap(), blue, "{link:?}");
}

#[tokio::test]
async fn each_condition_of_a_link_has_to_hold() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        fill(&db).await;
        let (labels, likes) = (Pet::LABELS.link(), Pet::LIKES.link());
        let (name, nick) = (Pet::NAME.on(Label::TEXT), Pet::NICK.on(Label::TEXT));
        leads(&db, labels.clone(), &[(1, 1), (1, 2), (2, 2), (2, 3), (3, 1), (3, 2)]).await;
        leads(&db, name.clone().and(nick.clone()), &[(2, 2), (3, 4)]).await;
        leads(&db, labels.clone().and(name.clone()), &[(1, 1), (2, 2)]).await;
        leads(&db, name.clone().and(labels.clone()), &[(1, 1), (2, 2)]).await;
        leads(&db, labels.clone().and(nick.clone()), &[(1, 2), (2, 2)]).await;
        leads(&db, labels.clone().and(likes.clone()), &[(2, 2)]).await;
        leads(&db, likes.clone().and(name).and(nick), &[(2, 2), (3, 4)]).await;
        leads(&db, labels.and(likes).and(Pet::NICK.on(Label::TEXT)), &[(2, 2)]).await;
    }
}

#[tokio::test]
async fn a_link_leads_to_deleted_rows_if_one_of_its_parts_does() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        fill(&db).await;
        db.delete_by_key::<Label>(2).await.unwrap();
        let name = Pet::NAME.on(Label::TEXT);
        leads(&db, Pet::LABELS.link().and(name.clone()), &[(1, 1)]).await;
        leads(&db, Pet::LABELS.link().and(name.clone().with_deleted()), &[(1, 1), (2, 2)]).await;
        leads(&db, Pet::LABELS.link().with_deleted().and(name), &[(1, 1), (2, 2)]).await;
    }
}

#[tokio::test]
async fn groups_are_chosen_by_subqueries() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        fill(&db).await;
        let per_label = db.query::<PetLabel>().group_by(PetLabel::LABEL_ID).select((PetLabel::LABEL_ID, count()));
        let colours = db.query::<Label>().filter(Label::TEXT.is_in(["red", "white"])).select(Label::ID);
        let chosen = per_label.clone().having(PetLabel::LABEL_ID.in_query(&colours));
        assert_eq!(chosen.order_by(PetLabel::LABEL_ID.asc()).all().await.unwrap(), [(1, 2), (3, 1)]);
        let liked = PetLabel::LABEL_ID.on(Liked::LABEL_ID).exists();
        let chosen = per_label.clone().having(liked.clone()).having(count().gt(1));
        assert_eq!(chosen.all().await.unwrap(), [(2, 3)]);
        let of_rows = db.query::<PetLabel>().group_by(PetLabel::LABEL_ID).having(liked);
        assert_eq!(of_rows.count().await.unwrap(), 2);
        let error = per_label.having(PetLabel::PET_ID.in_query(&colours)).all().await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("`pet_id`"), "{error}");

        let joined = db.query::<Pet>().join(Pet::LABELS).group_by(Label::TEXT);
        let joined = joined
            .select((Label::TEXT, count_of(Pet::NICK)))
            .having(Label::TEXT.in_query(&db.query::<Pet>().select(Pet::NAME)));
        assert_eq!(joined.all().await.unwrap(), [("blue".to_owned(), 3), ("red".to_owned(), 2)]);
        let error = db.query::<Pet>().scan_policy(ScanPolicy::Deny).filter(Pet::ID.eq(1)).group_by(Pet::NAME);
        let error = error.having(Pet::NAME.in_query(&db.query::<Pet>().select(Pet::NAME))).all().await.unwrap_err();
        assert!(error.is_scan_denied(), "{error}");
    }
}

#[tokio::test]
async fn the_policy_of_a_query_holds_for_all_that_it_reads() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        fill(&db).await;
        let some = || db.query::<Pet>().filter(Pet::ID.is_in([1, 2]));
        let denied = || some().scan_policy(ScanPolicy::Deny);
        let all_labels = || db.query::<Label>().select(Label::TEXT);
        let scans = Pet::NAME.in_query(&all_labels());
        assert_eq!(some().filter(scans.clone()).count().await.unwrap(), 2);
        assert!(denied().filter(scans.clone()).count().await.unwrap_err().is_scan_denied());
        assert!(denied().filter(!scans).all().await.unwrap_err().is_scan_denied());
        let allowed = Pet::NAME.in_query(&all_labels().scan_policy(ScanPolicy::Allow));
        assert_eq!(denied().filter(allowed).count().await.unwrap(), 2, "its own policy goes first");
        let white = || Pet::LABELS.filter(Label::TEXT.ne("white"));
        assert_eq!(denied().with(white()).all().await.unwrap().len(), 2, "by keys");

        // Labels lead back to pets by no index.
        let by_text = Pet::NAME.on(Label::TEXT);
        let back = db.query::<Label>().scan_policy(ScanPolicy::Deny).filter(Label::TEXT.eq("red"));
        assert!(back.clone().filter(Label::TEXT.on(Pet::NAME).exists()).all().await.unwrap_err().is_scan_denied());
        assert_eq!(denied().filter(by_text.exists()).count().await.unwrap(), 2);
        let strict = db.query::<Label>().join(Label::ID.on(Liked::LABEL_ID));
        assert!(strict.clone().scan_policy(ScanPolicy::Deny).all().await.unwrap_err().is_scan_denied());
        assert_eq!(strict.all().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_join_is_looked_up_by_however_many_values() {
    const N: u32 = 10_500;
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        let mut left = N;
        while left > 0 {
            let ids = left.saturating_sub(2000)..left;
            left = ids.start;
            db.insert_many(ids.clone().map(|id| PetLabel { pet_id: id, label_id: 0 })).await.unwrap();
            db.insert_many(ids.map(|id| Label { id, text: format!("{id}"), ..Default::default() })).await.unwrap();
        }
        // Each label's key is looked up, so this is no scan, whatever the number.
        let links = db.query::<PetLabel>().filter(PetLabel::PET_ID.ge(0));
        let joined = links.join(PetLabel::PET_ID.on(Label::ID)).scan_policy(ScanPolicy::Deny);
        assert_eq!(joined.count().await.unwrap(), u64::from(N), "on {}", place.name);
        let among = db.query::<Label>().scan_policy(ScanPolicy::Deny).filter(Label::ID.is_in(0..N));
        assert_eq!(among.all().await.unwrap().len(), N as usize, "on {}", place.name);
    }
}

#[tokio::test]
async fn an_offset_of_distinct_rows_is_over_what_differs() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        db.insert_many([pet(1, "red", None), pet(2, "red", None)]).await.unwrap();
        let names = db.query::<Pet>().select(Pet::NAME).distinct();
        assert!(names.exists().await.unwrap());
        assert!(!names.clone().offset(1).exists().await.unwrap());
        db.insert(pet(3, "blue", None)).await.unwrap();
        assert!(names.clone().offset(1).exists().await.unwrap());
        assert!(!names.offset(1).limit(0).exists().await.unwrap());
    }
}

#[tokio::test]
async fn a_row_that_several_lookups_find_is_given_once() {
    for place in places() {
        let db = open!(place, [Pet, Label, PetLabel, Liked]);
        fill(&db).await;
        let hints = [(None, Some(1), Some(1)), (Some(0), None, Some(2)), (Some(1), None, None), (Some(2), None, None)];
        let hints = hints.map(|(way, budget, batch)| rome_orm::query::Hints {
            compete: true,
            way,
            budget,
            batch,
            ..Default::default()
        });
        let blue = || Pet::LABELS.link().filter(Label::TEXT.eq("blue")).exists();
        let any = || Pet::LABELS.exists();
        let keys =
            |ids: [u32; 3]| Pet::ID.in_query(&db.query::<Label>().filter(Label::ID.is_in(ids)).select(Label::ID));
        let both = [blue() | any(), any() | blue(), keys([1, 2, 3]) | keys([2, 3, 9]), keys([1, 2, 3]) | blue()];
        for (at, condition) in both.into_iter().enumerate() {
            let query = db.query::<Pet>().filter(condition);
            let ordered = query.clone().order_by(Pet::NAME.asc());
            for (hints, limit) in hints.iter().flat_map(|hints| [2, 3, 100].map(|limit| (*hints, limit))) {
                let expected = usize::try_from(limit.min(3)).unwrap();
                for query in [&query, &ordered] {
                    let found = query.clone().hinted(hints).limit(limit).all().await.unwrap();
                    assert_eq!(found.len(), expected, "{at}: {hints:?}, at most {limit}, on {}", place.name);
                }
                let found = ordered.clone().hinted(hints).limit(limit).keys().await.unwrap();
                assert_eq!(found.len(), expected, "keys of {at}: {hints:?}, at most {limit}, on {}", place.name);
            }
        }
    }
}
