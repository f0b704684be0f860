//! Batches of nothing, of one row more than once, and of unique values that move between rows.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(unique(tenant, email), count(by = tenant), sum(points, by = tenant))]
struct Account {
    #[rome(key)]
    id: u32,
    tenant: String,
    email: String,
    points: i64,
    #[rome(unique)]
    slot: Option<u32>,
    #[rome(version)]
    version: u64,
}

fn account(id: u32) -> Account {
    Account { id, tenant: "t".into(), email: format!("e{id}"), points: 1, ..Default::default() }
}

async fn count_and_sum(db: &Database) -> (u64, Option<i64>) {
    let of_tenant = db.query::<Account>().filter(Account::TENANT.eq("t"));
    of_tenant.aggregate((count(), Account::POINTS.sum())).await.unwrap()
}

laws! { [Account]
    async fn a_batch_of_nothing_is_done_and_one_row_more_than_once_is_itself(db) {
        assert_eq!(db.insert_many(Vec::<Account>::new()).await.unwrap(), []);
        assert_eq!(db.upsert_many(Vec::<Account>::new()).await.unwrap(), []);
        assert_eq!(db.update_many::<Account>(&[]).await.unwrap(), []);
        assert_eq!(db.delete_many::<Account>(&[]).await.unwrap(), 0);
        assert_eq!(db.get_many::<Account>(Vec::<u32>::new()).await.unwrap(), []);

        assert!(db.insert_many([account(1), account(1)]).await.unwrap_err().is_duplicate_key());
        let same_email = Account { id: 2, ..account(1) };
        assert!(db.insert_many([account(1), same_email]).await.unwrap_err().is_unique_violation());
        assert_eq!(count_and_sum(&db).await, (0, None));

        let thrice = [1, 2, 3].map(|points| Account { points, ..account(1) });
        let written = db.upsert_many(thrice).await.unwrap();
        assert_eq!(written.iter().map(|row| (row.points, row.version)).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(count_and_sum(&db).await, (1, Some(3)));
        assert_eq!(db.get_many::<Account>([1, 9, 1]).await.unwrap().iter().flatten().count(), 2);
        assert_eq!(db.delete_many(&[account(1), account(1)]).await.unwrap(), 1);
        assert_eq!(count_and_sum(&db).await, (0, None));
    }

    async fn unique_values_move_from_row_to_row_in_one_statement(db) {
        db.insert_many((0..50).map(|n| Account { slot: Some(n), ..account(n) })).await.unwrap();
        let all = || db.query::<Account>();
        assert_eq!(all().update(Account::SLOT.set(Account::SLOT + 1)).await.unwrap(), 50);
        assert_eq!(all().filter(Account::SLOT.eq(50)).select(Account::ID).all().await.unwrap(), [49]);
        assert_eq!(all().update(Account::SLOT.set(Account::SLOT - 1)).await.unwrap(), 50);

        let mut rows = all().order_by(Account::ID.asc()).all().await.unwrap();
        let emails: Vec<String> = rows.iter().map(|row| row.email.clone()).collect();
        for (row, email) in rows.iter_mut().zip(emails.iter().cycle().skip(1)) {
            row.email.clone_from(email);
        }
        let turned = db.update_many(&rows).await.unwrap();
        assert_eq!(turned.last().unwrap().email, emails[0]);
        let error = db.upsert(Account { id: 99, ..turned[3].clone() }).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert!(db.admin().check().await.unwrap().is_clean());
    }

    async fn unique_values_move_through_several_rows_in_one_transaction(db) {
        db.insert_many((0..5).map(|n| Account { slot: Some(n), ..account(n) })).await.unwrap();
        db.transaction(async |s| {
            let first = s.get::<Account>(0).await?.ok_or_not_found()?;
            s.purge(&first).await?;
            s.insert(Account { version: 0, ..first }).await?;
            s.query::<Account>().filter(Account::SLOT.eq(1)).update(Account::SLOT.set(None)).await?;
            let passing = s.insert(Account { slot: Some(1), ..account(70) }).await?;
            s.purge(&passing).await?;
            s.query::<Account>().filter(Account::SLOT.eq(2)).update(Account::SLOT.set(Some(1))).await
        })
        .await
        .unwrap();
        let slots = db.query::<Account>().order_by(Account::ID.asc()).select(Account::SLOT).all().await.unwrap();
        assert_eq!(slots, [Some(0), None, Some(1), Some(3), Some(4)]);
        assert_eq!(count_and_sum(&db).await, (5, Some(5)));
        assert!(db.admin().check().await.unwrap().is_clean());
    }
}
