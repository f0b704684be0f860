//! The connection to one server that all calls share, made anew when it is lost.
//!
//! A connection is handed out only after it has been greeted: the server is fit to keep the promises of a store, knows the
//! scripts, and the database is adopted for its process (see `script/open.lua`). So whoever holds a connection need not
//! think of restarts and failovers.
//!
//! It never sends a call twice by itself; who may, and when, is decided where the call is made.

use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, TlsCertificates, Value};
use rome_core::store::{Durability, StoreError, StoreErrorKind, StoreResult};
use tokio::sync::Mutex;

use crate::error;
use crate::layout::Layout;
use crate::options::RedisOptions;
use crate::read::Quiet;
use crate::script::{self, Scripts};
use crate::server::Server;
use crate::together::Together;

/// The version of the layout and of the scripts' conventions.
const FORMAT: &str = "1";

/// A server, and the way to it.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    /// Host and port, without user and password.
    pub(crate) address: String,
    tls: bool,
    pub(crate) options: RedisOptions,
    pub(crate) layout: Layout,
    pub(crate) scripts: Scripts,
    live: RwLock<Option<Live>>,
    /// Held while a connection is made, so that those who need one wait for the same.
    making: Mutex<()>,
    /// The id of the database, once it is open.
    database: OnceLock<String>,
    /// Asks for the partition's `seq`.
    pub(crate) ask_seq: Cmd,
    pub(crate) quiet: Quiet,
    /// Where small reads meet, and where small commits do.
    pub(crate) reads: Together,
    pub(crate) commits: Together,
}

/// A connection that was alive when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    connection: MultiplexedConnection,
    made: Instant,
}

/// How long a call goes on trying. It begins with the first loss: until then the reply may be waited for longer.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) until: Instant,
    whole: Duration,
    began: bool,
}

impl Patience {
    /// Whether to try again after a loss.
    pub(crate) fn is_left(&mut self) -> bool {
        if !self.began {
            self.until = Instant::now() + self.whole;
            self.began = true;
        }
        Instant::now() < self.until
    }
}

/// What greeting a server told.
#[derive(Debug, Clone)]
pub(crate) struct Greeting {
    pub(crate) durability: Durability,
}

impl Link {
    pub(crate) fn new(url: &str, options: RedisOptions) -> StoreResult<Self> {
        let (url, options) = options.take_from(url)?;
        let invalid = |error: redis::RedisError| {
            let message = "not a Redis URL; write `redis://[user:password@]host[:port][/database][?prefix=NAME]`";
            StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
        };
        let info = url.as_str().into_connection_info().map_err(invalid)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let info = info.set_tcp_settings(tcp);
        let address = info.addr().to_string();
        let tls = url.starts_with("rediss:");
        let client = if tls {
            // An application may have chosen another provider; then that one stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let root_cert = options.ca.as_ref().map(std::fs::read).transpose().map_err(|error| {
                let message = format!("the certificates in {:?} cannot be read", options.ca);
                StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
            })?;
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        } else {
            Client::open(info)
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout))
            .set_pipeline_buffer_size(1024);
        let layout = Layout::new(&options.prefix, 0);
        let mut ask_seq = redis::cmd("HGET");
        ask_seq.arg(&layout.meta).arg("seq");
        Ok(Self {
            client: client.map_err(invalid)?,
            config,
            address,
            tls,
            layout,
            options,
            scripts: Scripts::new(),
            live: RwLock::new(None),
            making: Mutex::new(()),
            database: OnceLock::new(),
            ask_seq,
            quiet: Quiet::default(),
            reads: Together::default(),
            commits: Together::default(),
        })
    }

    /// Connects for the first time, and makes the database if it is not there.
    pub(crate) async fn open(&self) -> StoreResult<Greeting> {
        let until = Instant::now() + self.options.patience;
        let (connection, greeting) = loop {
            match self.connect(true).await {
                // A server that has just started is worth waiting for.
                Err(error) if Instant::now() < until && error.to_string().contains("still reading its data") => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => break other?,
            }
        };
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(Live { connection, made: Instant::now() });
        Ok(greeting)
    }

    /// The patience of a call that begins now.
    pub(crate) fn patience(&self) -> Patience {
        let whole = self.options.patience;
        Patience { until: Instant::now() + whole, whole, began: false }
    }

    /// The id of the database.
    pub(crate) fn database(&self) -> &str {
        self.database.get().map_or("", String::as_str)
    }

    /// The shared connection. If it was lost, tries to make another until `until`.
    pub(crate) async fn live(&self, until: Instant) -> StoreResult<Live> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let _making = self.making.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let live = self.another(until).await?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        tracing::info!(address = %self.address, "connected again");
        Ok(live)
    }

    /// A connection that is not shared. Tries to make it until `until`.
    pub(crate) async fn another(&self, until: Instant) -> StoreResult<Live> {
        let mut pause = Duration::from_millis(10);
        loop {
            let connecting = tokio::time::timeout_at(until.into(), self.connect(false)).await;
            match connecting.unwrap_or_else(|_| Err(self.silent())) {
                Ok((connection, _)) => return Ok(Live { connection, made: Instant::now() }),
                Err(error) if error.kind() != StoreErrorKind::Unavailable || Instant::now() + pause >= until => {
                    return Err(error);
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    fn current(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a connection up, if it is still the shared one.
    fn lose(&self, lost: &Live) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| live.made == lost.made) {
            *live = None;
        }
    }

    /// Sends commands in one go; gives a reply for each, refusals among them. An error says that replies were lost.
    pub(crate) async fn send(&self, live: &Live, pipeline: &Pipeline) -> StoreResult<Vec<Value>> {
        let mut connection = live.connection.clone();
        let replies = connection.req_packed_commands(pipeline, 0, pipeline.len()).await.map_err(|error| {
            self.lose(live);
            error::lost(error, &self.address)
        })?;
        // A primary that became a replica keeps its connections, and would go on answering reads.
        if replies.iter().any(|reply| matches!(reply, Value::ServerError(error) if error.code() == "READONLY")) {
            self.lose(live);
        }
        Ok(replies)
    }

    /// Sends script calls, perhaps among other commands. Where the server has forgotten a script, which proves that it did not
    /// run, loads the scripts and sends those calls again.
    pub(crate) async fn call(&self, live: &Live, calls: &Pipeline) -> StoreResult<Vec<Value>> {
        let mut replies = self.send(live, calls).await?;
        if !replies.iter().any(script::is_unknown) {
            return Ok(replies);
        }
        self.send(live, &self.scripts.load()).await?;
        // What does not depend on a script, such as WAIT, waits for those before it: send all after the first again.
        let first = replies.iter().position(script::is_unknown).unwrap_or_default();
        let mut again = redis::pipe();
        let mut places = Vec::new();
        for (at, command) in calls.cmd_iter().enumerate().skip(first) {
            let is_script = command.args_iter().next().is_some_and(|name| name == redis::Arg::Simple(b"EVALSHA"));
            if !is_script || replies.get(at).is_some_and(script::is_unknown) {
                again.add_command(command.clone());
                places.push(at);
            }
        }
        for (at, answer) in places.into_iter().zip(self.send(live, &again).await?) {
            if let Some(reply) = replies.get_mut(at) {
                *reply = answer;
            }
        }
        Ok(replies)
    }

    /// Makes a connection and greets the server.
    async fn connect(&self, make: bool) -> StoreResult<(MultiplexedConnection, Greeting)> {
        let config = self.config.clone();
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| self.unreachable(error))?;
        let greeting = self.greet(&mut connection, make).await?;
        Ok((connection, greeting))
    }

    async fn greet(&self, connection: &mut MultiplexedConnection, make: bool) -> StoreResult<Greeting> {
        let mut ask = self.scripts.load();
        ask.cmd("INFO").cmd("CONFIG").arg("GET").arg("appendfsync");
        let replies = self.exchange(connection, &ask).await?;
        let info = replies.iter().rev().nth(1).map(text).transpose()?.unwrap_or_default();
        // Managed services often forbid CONFIG.
        let appendfsync = match replies.last() {
            Some(Value::Array(pair)) => pair.get(1).map(text).transpose()?,
            _ => None,
        };
        let server = Server::new(&info, appendfsync);
        if server.is_loading() {
            let message = format!("the Redis server at {} is still reading its data", self.address);
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        server.admit()?;
        for reply in &replies {
            if let Value::ServerError(error) = reply
                && !error.details().unwrap_or_default().contains("config")
                && error.code() != "NOPERM"
            {
                return Err(error::refused(error));
            }
        }
        if let Some(risk) = server.risk() {
            tracing::warn!(address = %self.address, "{risk}");
        }
        let id = self.adopt(connection, &server, make).await?;
        if *self.database.get_or_init(|| id.clone()) != id {
            return Err(error::gone());
        }
        Ok(Greeting { durability: server.durability() })
    }

    async fn adopt(&self, connection: &mut MultiplexedConnection, server: &Server, make: bool) -> StoreResult<String> {
        let layout = &self.layout;
        let call = |make: bool| {
            let mut call = self.scripts.open.call([&*layout.meta, &*layout.sequences].into_iter());
            call.arg(FORMAT).arg(new_id()).arg(server.run_id());
            call.arg(u8::from(make)).arg(u8::from(server.may_have_lost()));
            alone(call)
        };
        let mut answer = strings(self.exchange(connection, &call(false)).await?)?;
        if answer.first().is_some_and(|word| word == "absent") && make {
            self.check_empty(connection).await?;
            answer = strings(self.exchange(connection, &call(true)).await?)?;
        }
        match answer.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["", id] => Ok(id.to_owned()),
            ["format", format] => {
                let message = format!("the database is of format {format}; this version of ROME reads {FORMAT}");
                Err(StoreError::new(StoreErrorKind::Invalid, message))
            }
            ["foreign"] => Err(self.foreign(&String::from_utf8_lossy(&layout.meta))),
            _ => Err(error::gone()),
        }
    }

    /// Refuses to make a database among keys that someone else made. Looks at all keys of the server once.
    async fn check_empty(&self, connection: &mut MultiplexedConnection) -> StoreResult<()> {
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = redis::pipe();
            scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(self.layout.pattern()).arg("COUNT").arg(1000);
            let Some(Value::Array(mut answer)) = self.exchange(connection, &scan).await?.pop() else {
                return Err(StoreError::new(StoreErrorKind::Other, "the Redis server cannot list its keys"));
            };
            if let Some(Value::Array(keys)) = answer.pop()
                && let Some(key) = keys.first()
            {
                return Err(self.foreign(&text(key)?));
            }
            cursor = answer.pop().as_ref().map(text).transpose()?.unwrap_or_default();
            if cursor == "0" || cursor.is_empty() {
                return Ok(());
            }
        }
    }

    fn foreign(&self, key: &str) -> StoreError {
        let message = format!(
            "the key `{key}` on the Redis server at {} is not ROME's; choose another prefix with `?prefix=NAME`",
            self.address
        );
        StoreError::new(StoreErrorKind::Invalid, message)
    }

    fn silent(&self) -> StoreError {
        let message = format!("the Redis server at {} does not answer", self.address);
        StoreError::new(StoreErrorKind::Unavailable, message)
    }

    fn unreachable(&self, error: redis::RedisError) -> StoreError {
        error::unreachable(error, &self.address, self.tls)
    }

    async fn exchange(&self, connection: &mut MultiplexedConnection, ask: &Pipeline) -> StoreResult<Vec<Value>> {
        let replies = connection.req_packed_commands(ask, 0, ask.len()).await;
        replies.map_err(|error| self.unreachable(error))
    }
}

/// A command as a pipeline of one.
pub(crate) fn alone(command: Cmd) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.add_command(command);
    pipeline
}

/// An id that no other database has.
fn new_id() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn text(value: &Value) -> StoreResult<String> {
    match value {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text.clone()),
        Value::Int(n) => Ok(n.to_string()),
        other => Err(error::unexpected(other)),
    }
}

fn strings(replies: Vec<Value>) -> StoreResult<Vec<String>> {
    match replies.into_iter().next() {
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        Some(other) => Err(error::unexpected(&other)),
        None => Ok(Vec::new()),
    }
}
