//! The competitors that were asked for, loaded, in the order in which they take turns.

use std::path::Path;

use anyhow::Result;
use rome_redis::testkit::LocalServer;

use crate::{
    args::Args,
    contest::{Contestant, Entry},
    peer::{Blocking, Hop, Peer},
    peers::{
        btree::BTree,
        diesel::Diesel,
        postgres::{diesel::DieselPostgres, sea_orm::SeaOrmPostgres},
        raw::Raw,
        redis::{Logic, RawRedis},
        rome::Rome,
        rusqlite::Rusqlite,
    },
    servers::{self, Postgres},
};

/// Apart, so that two ways to call one database never make the same row.
const NUMBERS_APART: u64 = 100_000_000;

/// Everyone who takes part, and the servers that they talk to.
#[derive(Default)]
pub struct Lineup {
    pub contestants: Vec<Box<dyn Contestant>>,
    redis: Vec<LocalServer>,
    postgres: Option<Postgres>,
}

impl Lineup {
    /// Makes and loads the competitors; those on disk keep their files in this folder.
    pub async fn load(args: &Args, folder: &Path) -> Result<Self> {
        let mut lineup = Self::default();
        lineup.on_disk(args, folder).await?;
        lineup.in_memory(args).await?;
        lineup.on_redis(args, true, ["raw-redis", "lua-redis", "rome-redis"]).await?;
        lineup.on_postgres(args).await?;
        lineup.on_redis(args, false, ["raw-redis-ram", "lua-redis-ram", "rome-redis-ram"]).await?;
        Ok(lineup)
    }

    fn add<P: Peer>(&mut self, entry: Entry<P>) {
        self.contestants.push(Box::new(entry));
    }

    async fn on_disk(&mut self, args: &Args, folder: &Path) -> Result<()> {
        if args.wants_peer("raw") {
            let raw = loaded(Blocking::new(Raw::create(&folder.join("raw.redb"))?, Hop::Never), args).await?;
            self.add(Entry::new("raw", raw.clone(), args.images).with_crowd(raw.with_hop(Hop::Writes)));
        }
        if args.wants_peer("rome") {
            let url = format!("embedded:{}", folder.join("rome").display());
            self.add(Entry::new("rome", loaded(Rome::open(&url).await?, args).await?, args.images));
        }
        if args.wants_peer("rusqlite") {
            let rusqlite = Rusqlite::create(&folder.join("rusqlite.db"))?;
            let rusqlite = loaded(Blocking::new(rusqlite, Hop::Never), args).await?;
            let crowd = rusqlite.with_hop(Hop::Always);
            self.add(Entry::new("rusqlite", rusqlite, args.images).with_crowd(crowd));
        }
        if args.wants_peer("diesel") || args.wants_peer("diesel-hop") {
            let diesel = loaded(Blocking::new(Diesel::create(&folder.join("diesel.db"))?, Hop::Never), args).await?;
            let hopping = diesel.with_hop(Hop::Always);
            if args.wants_peer("diesel") {
                self.add(Entry::new("diesel", diesel, args.images).with_crowd(hopping.clone()));
            }
            if args.wants_peer("diesel-hop") {
                let first = args.images + NUMBERS_APART;
                self.add(Entry::new("diesel-hop", hopping, args.images).starting_at(first).alone());
            }
        }
        Ok(())
    }

    async fn in_memory(&mut self, args: &Args) -> Result<()> {
        if args.wants_peer("btree") {
            let btree = loaded(Blocking::new(BTree::default(), Hop::Never), args).await?;
            self.add(Entry::new("btree", btree, args.images));
        }
        if args.wants_peer("rome-memory") {
            let memory = loaded(Rome::open("memory:").await?, args).await?;
            self.add(Entry::new("rome-memory", memory, args.images));
        }
        Ok(())
    }

    /// All three on one server, so that they share its good and bad moments.
    async fn on_redis(&mut self, args: &Args, durable: bool, names: [&'static str; 3]) -> Result<()> {
        if !names.iter().any(|name| args.wants_peer(name)) {
            return Ok(());
        }
        let server = servers::redis(durable)?;
        let id = RawRedis::connect(&server.url()).await?.server_id().await?;
        let [raw, lua, rome] = names;
        if args.wants_peer(raw) || args.wants_peer(lua) {
            let peer = loaded(RawRedis::connect(&server.url()).await?, args).await?;
            if args.wants_peer(raw) {
                self.add(Entry::new(raw, peer.clone(), args.images).on_server(id));
            }
            if args.wants_peer(lua) {
                let first = args.images + NUMBERS_APART;
                let lua = Entry::new(lua, peer.with_logic(Logic::There), args.images);
                self.add(lua.starting_at(first).on_server(id));
            }
        }
        if args.wants_peer(rome) {
            let peer = loaded(Rome::open_on_server(&server.url()).await?, args).await?;
            self.add(Entry::new(rome, peer, args.images).on_server(id));
        }
        self.redis.push(server);
        Ok(())
    }

    async fn on_postgres(&mut self, args: &Args) -> Result<()> {
        if !args.wants_peer("diesel-pg") && !args.wants_peer("sea-orm-pg") {
            return Ok(());
        }
        let server = Postgres::start(&["diesel", "sea_orm"])?;
        if args.wants_peer("diesel-pg") {
            let peer = loaded(DieselPostgres::create(&server.url("diesel")).await?, args).await?;
            self.add(Entry::new("diesel-pg", peer, args.images));
        }
        if args.wants_peer("sea-orm-pg") {
            let peer = loaded(SeaOrmPostgres::create(&server.url("sea_orm")).await?, args).await?;
            self.add(Entry::new("sea-orm-pg", peer, args.images));
        }
        self.postgres = Some(server);
        Ok(())
    }
}

async fn loaded<P: Peer>(mut peer: P, args: &Args) -> Result<P> {
    peer.load(args.images).await?;
    Ok(peer)
}
