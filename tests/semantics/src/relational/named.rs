//! Named laws of relational queries.

use rome_orm::expr::{count_distinct, count_of};
use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Kind {
    Zebra,
    #[default]
    Ant,
}

#[derive(Newtype, Clone, Debug, PartialEq, Default)]
struct Grams(u64);

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Item {
    #[rome(key)]
    id: u32,
    small: i8,
    signed: i64,
    unsigned: u64,
    wide: i128,
    ratio: f64,
    single: f32,
    kind: Kind,
    #[rome(index)]
    at: DateTime<Utc>,
    weight: Grams,
    tags: Vec<String>,
    flag: bool,
    token: Uuid,
    note: Option<String>,
}

fn item(id: u32) -> Item {
    Item { id, ..Default::default() }
}

#[tokio::test]
async fn a_sum_is_exact_and_never_wraps() {
    for place in places() {
        let db = open!(place, [Item]);
        let all = db.query::<Item>();
        db.insert_many([
            Item { signed: i64::MAX, unsigned: u64::MAX, small: 127, ..item(1) },
            Item { signed: 1, unsigned: 1, small: 127, ..item(2) },
            Item { signed: -1, wide: i128::MAX, ..item(3) },
        ])
        .await
        .unwrap();
        assert_eq!(all.aggregate(sum(Item::SIGNED)).await.unwrap(), Some(i64::MAX));
        assert_eq!(all.aggregate(sum(Item::SMALL)).await.unwrap(), Some(254), "wider than its column");
        assert!(all.aggregate(sum(Item::UNSIGNED)).await.unwrap_err().is_overflow());
        let two = db.query::<Item>().filter(Item::ID.le(2));
        assert!(two.aggregate(sum(Item::SIGNED)).await.unwrap_err().is_overflow());
        assert!(two.clone().group_by(Item::FLAG).select(sum(Item::SIGNED)).all().await.unwrap_err().is_overflow());
        assert_eq!(
            two.aggregate(avg(Item::SIGNED)).await.unwrap(),
            Some(i64::MAX as f64 / 2.0),
            "a mean does not overflow"
        );
        assert_eq!(all.aggregate(sum(Item::WIDE)).await.unwrap(), Some(i128::MAX));
        db.insert(Item { wide: 1, ..item(4) }).await.unwrap();
        assert!(all.aggregate(sum(Item::WIDE)).await.unwrap_err().is_overflow());
        assert_eq!(all.aggregate(sum(Item::SMALL * 2)).await.unwrap(), Some(508), "of an expression");
    }
}

#[tokio::test]
async fn aggregates_of_nothing_are_null_and_counts_are_zero() {
    // In the first ROME an aggregate of nothing crashed, and NULL was 0.
    for place in places() {
        let db = open!(place, [Item]);
        let none = db.query::<Item>();
        let found =
            none.aggregate((count(), count_of(Item::NOTE), sum(Item::SMALL), min(Item::AT), avg(Item::RATIO))).await;
        assert_eq!(found.unwrap(), (0, 0, None, None, None));
        assert!(none.clone().group_by(Item::KIND).all().await.unwrap().is_empty());
        assert!(none.clone().group_by(Item::KIND).one().await.unwrap_err().is_not_found());
        db.insert_many([item(1), item(2)]).await.unwrap();
        let notes = none.aggregate((count(), count_of(Item::NOTE), max(Item::NOTE), count_distinct(Item::NOTE))).await;
        assert_eq!(notes.unwrap(), (2, 0, None, 0), "of NULL alone");
        assert_eq!(none.group_by(Item::NOTE).select((Item::NOTE, count())).all().await.unwrap(), [(None, 2)]);
    }
}

#[tokio::test]
async fn every_type_is_aggregated_and_grouped_by_as_it_is_ordered() {
    for place in places() {
        let db = open!(place, [Item]);
        let at = |n| DateTime::from_timestamp(n, 0).unwrap();
        let uuid = Uuid::from_u128;
        db.insert_many([
            Item { kind: Kind::Zebra, at: at(5), weight: Grams(7), token: uuid(9), single: 0.5, ..item(1) },
            Item { kind: Kind::Ant, at: at(3), weight: Grams(8), token: uuid(4), tags: vec!["x".into()], ..item(2) },
            Item { kind: Kind::Ant, at: at(4), ratio: f64::NAN, flag: true, tags: vec!["x".into()], ..item(3) },
        ])
        .await
        .unwrap();
        let all = db.query::<Item>();
        let ends = all.aggregate((min(Item::KIND), max(Item::KIND), min(Item::AT), max(Item::TOKEN), max(Item::FLAG)));
        let expected = (Some(Kind::Ant), Some(Kind::Zebra), Some(at(3)), Some(uuid(9)), Some(true));
        assert_eq!(ends.await.unwrap(), expected);
        assert_eq!(all.aggregate((max(Item::WEIGHT), count_distinct(Item::TAGS))).await.unwrap(), (Some(Grams(8)), 2));
        let (greatest, least, mean) =
            all.aggregate((max(Item::RATIO), min(Item::RATIO), avg(Item::RATIO))).await.unwrap();
        assert!(greatest.unwrap().is_nan() && mean.unwrap().is_nan(), "NaN is above all numbers");
        assert_eq!(least, Some(0.0));
        assert_eq!(all.aggregate((sum(Item::SINGLE), max(Item::SINGLE))).await.unwrap(), (Some(0.5), Some(0.5)));
        let kinds = all.clone().group_by(Item::KIND).select((Item::KIND, count())).order_by(Item::KIND.desc());
        assert_eq!(kinds.all().await.unwrap(), [(Kind::Zebra, 1), (Kind::Ant, 2)]);
        let per_tags = all.group_by((Item::TAGS, Item::FLAG)).select((Item::FLAG, count())).all().await.unwrap();
        assert_eq!(per_tags.len(), 3);
    }
}

#[tokio::test]
async fn a_sum_of_floats_is_rounded_once_whatever_the_order() {
    for place in places() {
        let db = open!(place, [Item]);
        let values = [1e100, 1.0, -1e100, 0.1, 0.2, -0.3];
        db.insert_many((0..).zip(values).map(|(id, ratio)| Item { ratio, ..item(id) })).await.unwrap();
        let total = db.query::<Item>().aggregate(sum(Item::RATIO)).await.unwrap();
        assert_eq!(total, Some(1.0 + 2.7755575615628914e-17));
    }
}

#[tokio::test]
async fn a_column_that_is_not_grouped_by_is_refused() {
    let db = Database::builder().entity::<Item>().open("memory:").await.unwrap();
    let query = db.query::<Item>().group_by(Item::KIND).select((Item::KIND, Item::NOTE));
    let error = query.all().await.unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().contains("column `note` is neither grouped by nor inside an aggregate"), "{error}");
    let ordered = db.query::<Item>().group_by(Item::KIND).order_by(Item::NOTE.asc()).all().await;
    assert!(ordered.unwrap_err().is_invalid());
    let distinct = db.query::<Item>().select(Item::KIND).distinct().group_by(Item::KIND).all().await;
    assert!(distinct.unwrap_err().is_invalid());
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Team {
    #[rome(key)]
    tenant: u32,
    #[rome(key)]
    id: u32,
    #[rome(index)]
    budget: i64,
    #[rome(has_many(tenant, team))]
    players: Many<Player>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(index(team, desc(tenant)))]
struct Player {
    #[rome(key)]
    id: u32,
    tenant: u32,
    team: u32,
    budget: i64,
    #[rome(belongs_to(tenant, team))]
    playing_for: One<Team>,
}

async fn teams(db: &Database) {
    let team = |n: u32| Team { tenant: n / 10, id: n % 10, budget: 10, ..Default::default() };
    let player = |n: u32| Player { id: n, tenant: n % 5, team: n % 7, budget: 1, ..Default::default() };
    db.insert_many((0..50).map(team)).await.unwrap();
    db.insert_many((0..70).map(player)).await.unwrap();
}

#[tokio::test]
async fn a_composite_key_is_looked_up_as_a_whole() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let joined = db.query::<Player>().join(Player::PLAYING_FOR);
        let pairs = joined.all().await.unwrap();
        assert_eq!(pairs.len(), 70);
        assert!(pairs.iter().all(|(player, team)| (player.tenant, player.team) == (team.tenant, team.id)));
        let plan = joined.explain().await.unwrap().to_string();
        assert!(plan.contains("Join (lookup) team on tenant = player.tenant and id = player.team\n"), "{plan}");
        let plan = db.query::<Team>().left_join(Team::PLAYERS).explain().await.unwrap().to_string();
        assert!(
            plan.contains("Left Join (lookup) player")
                && plan.contains("by index by_team_tenant_desc (team, tenant desc)"),
            "{plan}"
        );
        assert_eq!(db.query::<Team>().left_join(Team::PLAYERS).count().await.unwrap(), 70 + 15);
        assert_eq!(db.query::<Team>().filter(!Team::PLAYERS.exists()).count().await.unwrap(), 15);
    }
}

#[tokio::test]
async fn a_join_explains_itself() {
    let db = Database::builder().entity::<Team>().entity::<Player>().open("memory:").await.unwrap();
    teams(&db).await;
    let query = db
        .query::<Player>()
        .join(Player::PLAYING_FOR)
        .filter(Team::BUDGET.eq(10))
        .filter(Player::ID.gt_col(Team::ID))
        .order_by((Team::BUDGET.desc(), Player::ID.asc()))
        .limit(3);
    assert_eq!(
        query.explain().await.unwrap().to_string(),
        "Limit 3\n  \
           Filter player.id > team.id\n    \
             Join (lookup, streaming) player on tenant = team.tenant and team = team.id\n      \
               Scan team by index by_budget (budget), 1 range, backwards, in order\n      \
               Lookup player by index by_team_tenant_desc (team, tenant desc)\n  \
           competes with\n    \
             TopN 3 by team.budget desc, player.id asc, team.tenant asc, team.id asc\n      \
               Filter player.id > team.id\n        \
                 Join (lookup, streaming) player on tenant = team.tenant and team = team.id\n          \
                   Scan team by index by_budget (budget), 1 range\n          \
                   Lookup player by index by_team_tenant_desc (team, tenant desc)"
    );
}

#[tokio::test]
async fn a_product_of_tables_is_bounded_and_only_made_when_asked_for() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        let player = |id: u32| Player { id, ..Default::default() };
        db.insert_many((0..2100).map(player)).await.unwrap();
        db.insert_many((0..2000).map(|id| Team { id, ..Default::default() })).await.unwrap();
        let all = db.query::<Player>().cross_join::<Team>();
        let error = all.clone().all().await.unwrap_err();
        assert!(error.is_limit_exceeded(), "{error} on {}", place.name);
        for part in ["player, team", "more than 4000000 rows", "narrow it by a filter or a limit"] {
            assert!(error.to_string().contains(part), "{error} does not say {part}");
        }
        assert_eq!(all.filter(Player::ID.lt(3)).count().await.unwrap(), 6000);
    }
}

#[tokio::test]
async fn a_policy_that_denies_scans_is_asked_of_each_entity() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let rich = db.query::<Team>().filter(Team::BUDGET.eq(10)).scan_policy(ScanPolicy::Deny);
        assert_eq!(rich.clone().join(Team::PLAYERS).count().await.unwrap(), 70);
        let error = rich.join(Team::BUDGET.on(Player::BUDGET)).all().await.unwrap_err();
        assert!(error.is_scan_denied(), "{error}");
        assert!(error.to_string().contains("`player`") && error.to_string().contains("add an index for: "), "{error}");
    }
}

#[tokio::test]
async fn a_join_whose_sides_are_both_unbounded_is_denied_by_each_verb() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let s = db.session();
        s.insert(Team { tenant: 99, id: 1, ..Default::default() }).await.unwrap();
        let players = s.query::<Player>().scan_policy(ScanPolicy::Deny);
        let (looked_up, hashed) =
            (players.clone().join(Player::PLAYING_FOR), players.join(Player::BUDGET.on(Team::BUDGET)));
        for join in [looked_up, hashed] {
            let streamed = futures::TryStreamExt::try_collect::<Vec<_>>(join.clone().stream()).await;
            let denied = [
                join.all().await.map(drop),
                join.count().await.map(drop),
                join.clone().order_by(Player::BUDGET.desc()).all().await.map(drop),
                join.clone()
                    .order_by(Team::TENANT.asc())
                    .filter(Player::BUDGET.gt_col(Team::BUDGET))
                    .all()
                    .await
                    .map(drop),
                streamed.map(drop),
            ];
            for (at, denied) in denied.into_iter().enumerate() {
                let error = denied.expect_err(&format!("verb {at} on {}", place.name));
                assert!(error.is_scan_denied(), "{error}");
                for part in ["whole table", "filter it by columns that an index serves, or allow it by `scan_policy`"] {
                    assert!(error.to_string().contains(part), "{error} of verb {at} does not say {part}");
                }
            }
        }
        // The session goes on.
        s.commit().await.unwrap();
        assert_eq!(db.query::<Team>().count().await.unwrap(), 51);
    }
}

#[tokio::test]
async fn more_values_than_an_index_takes_ranges_are_joined_by_hash() {
    let db = Database::builder().entity::<Team>().entity::<Player>().open("memory:").await.unwrap();
    db.insert_many((0..12_000).map(|id| Team { id, budget: id.into(), ..Default::default() })).await.unwrap();
    db.insert_many((0..12_000).map(|id| Player { id, team: id, budget: id.into(), ..Default::default() }))
        .await
        .unwrap();
    assert_eq!(db.query::<Player>().join(Player::PLAYING_FOR).count().await.unwrap(), 12_000);
    assert_eq!(db.query::<Player>().join(Player::BUDGET.on(Team::BUDGET)).count().await.unwrap(), 12_000);
    let with = db.query::<Team>().filter(Team::PLAYERS.any(Player::BUDGET.ge(5)));
    assert_eq!(with.count().await.unwrap(), 11_995);
}

#[tokio::test]
async fn all_reads_of_a_statement_are_of_one_moment() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        let team = Team { budget: 100, ..Default::default() };
        let player = Player { id: 1, budget: 0, ..Default::default() };
        db.insert(team.clone()).await.unwrap();
        db.insert(player.clone()).await.unwrap();
        let moved = {
            let db = db.clone();
            tokio::spawn(async move {
                for n in 1..=60 {
                    let (team, player) =
                        (Team { budget: 100 - n, ..team.clone() }, Player { budget: n, ..player.clone() });
                    db.transaction(async |s| {
                        s.update(&team).await?;
                        s.update(&player).await.map(drop)
                    })
                    .await
                    .unwrap();
                }
            })
        };
        while !moved.is_finished() {
            let pairs = db.query::<Player>().join(Player::PLAYING_FOR).all().await.unwrap();
            let [(player, team)] = pairs.as_slice() else { panic!("{pairs:?}") };
            assert_eq!(player.budget + team.budget, 100);
            let budgets = db.query::<Team>().select(Team::BUDGET);
            let all = budgets.union_all(db.query::<Player>().select(Player::BUDGET)).all().await.unwrap();
            assert_eq!(all.iter().sum::<i64>(), 100);
            tokio::task::yield_now().await;
        }
        moved.await.unwrap();
    }
}

#[tokio::test]
async fn a_partner_that_appears_after_a_join_is_a_conflict() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let s = db.session();
        let of_team = || s.query::<Team>().filter(Team::ID.eq(9)).left_join(Team::PLAYERS);
        assert_eq!(of_team().all().await.unwrap().len(), 5);
        db.insert(Player { id: 900, tenant: 2, team: 9, ..Default::default() }).await.unwrap();
        s.insert(Player { id: 901, ..Default::default() }).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
    }
}

#[tokio::test]
async fn rows_are_changed_and_loaded_by_subqueries() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let rich = Player::PLAYING_FOR.any(Team::TENANT.eq(4));
        let raised = db.query::<Player>().filter(rich.clone()).update(Player::BUDGET.set(5)).await.unwrap();
        assert_eq!(raised, 14);
        assert_eq!(db.query::<Player>().filter(Player::BUDGET.eq(5)).count().await.unwrap(), 14);
        let loaded = db.query::<Team>().filter(Team::TENANT.ge(3)).with(Team::PLAYERS.filter(rich.clone())).all().await;
        let loaded = loaded.unwrap();
        assert_eq!(loaded.iter().map(|team| team.players.get().unwrap().len()).sum::<usize>(), 14);
        let s = db.session();
        assert_eq!(s.query::<Player>().filter(rich.clone()).delete().await.unwrap(), 14);
        assert_eq!(s.query::<Player>().filter(rich.clone()).count().await.unwrap(), 0);
        assert_eq!(s.query::<Player>().join(Player::PLAYING_FOR).count().await.unwrap(), 56);
        assert_eq!(s.query::<Player>().aggregate(sum(Player::BUDGET)).await.unwrap(), Some(56));
        s.rollback();
        assert_eq!(db.query::<Player>().filter(rich).count().await.unwrap(), 14);
    }
}

#[tokio::test]
async fn a_set_operation_keeps_the_limits_of_its_sides() {
    for place in places() {
        let db = open!(place, [Team, Player]);
        teams(&db).await;
        let first = |n| db.query::<Player>().order_by(Player::ID.asc()).limit(n).select(Player::ID);
        let last = db.query::<Player>().order_by(Player::ID.desc()).limit(2).select(Player::ID);
        let ends = first(2).union(&last).order_by(Player::ID.asc());
        assert_eq!(ends.all().await.unwrap(), [0, 1, 68, 69]);
        let cut = ends.limit(3).except(first(1)).order_by(Player::ID.desc());
        assert_eq!(cut.all().await.unwrap(), [68, 1]);
        assert_eq!(cut.first().await.unwrap(), Some(68));
        let error = first(1).union(first(2)).order_by(Player::BUDGET.asc()).all().await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
    }
}
