//! What an entity does before and after its rows are written, in the same transaction.
//!
//! `cargo run --example hooks`

use rome_orm::Hooks;
use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(hooks)]
struct Account {
    #[rome(key)]
    name: String,
    balance: i64,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Entry {
    #[rome(key, auto)]
    id: Id<Entry>,
    text: String,
}

async fn note(session: &Session, text: String) -> rome_orm::Result<()> {
    session.insert(Entry { text, ..Default::default() }).await.map(drop)
}

impl Hooks for Account {
    // A hook before a write may change the row, or refuse it.
    async fn before_insert(&mut self, _: &Session) -> rome_orm::Result<()> {
        self.name = self.name.trim().to_lowercase();
        Ok(())
    }

    async fn before_update(&mut self, _: &Session) -> rome_orm::Result<()> {
        if self.balance < 0 {
            return Err(rome_orm::Error::invalid(format!("the account {} has not so much", self.name)));
        }
        Ok(())
    }

    // What a hook writes is committed with the row, or not at all.
    async fn after_update(&self, session: &Session) -> rome_orm::Result<()> {
        note(session, format!("{} has {}", self.name, self.balance)).await
    }

    async fn before_delete(&self, _: &Session) -> rome_orm::Result<()> {
        if self.balance == 0 { Ok(()) } else { Err(rome_orm::Error::invalid("an account with money is not closed")) }
    }
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Account>().entity::<Entry>().open("memory:").await?;
    let ann = db.insert(Account { name: " Ann ".into(), balance: 10 }).await?;
    db.insert(Account { name: "bob".into(), balance: 0 }).await?;
    assert_eq!(ann.name, "ann");

    let pay = async |amount: i64| {
        db.transaction(async move |s| {
            let of = |name: &str| s.query::<Account>().filter(Account::NAME.eq(name));
            of("bob").update(Account::BALANCE.set(Account::BALANCE + amount)).await?;
            of("ann").update(Account::BALANCE.set(Account::BALANCE - amount)).await
        })
        .await
    };
    pay(7).await?;
    // Ann has 3 left: her hook refuses, and nothing stays, not even the entry of Bob's hook.
    let error = pay(7).await.expect_err("it is too much");
    println!("{error}");
    let entries = db.query::<Entry>().order_by(Entry::ID.asc()).select(Entry::TEXT).all().await?;
    println!("{entries:?}");
    assert_eq!(entries, ["bob has 7", "ann has 3"]);

    assert!(db.delete_by_key::<Account>("ann").await.is_err());
    db.update_if::<Account>("ann", Account::BALANCE.eq(3), Account::BALANCE.set(0)).await?;
    assert!(db.delete_by_key::<Account>("ann").await?);
    Ok(())
}
