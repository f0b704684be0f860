//! The connection to one server that all calls share, made anew when it is lost.
//!
//! A connection is handed out only after it has been greeted: the server is fit to keep the promises of a store and knows the
//! scripts. What depends on partitions is not done here.
//!
//! It never sends a call twice by itself; who may, and when, is decided where the call is made.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, TlsCertificates, Value};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{Mutex, Semaphore};

use crate::error;
use crate::replicas::Replicas;
use crate::script;
use crate::server::Server;
use crate::setup::Setup;
use crate::together::{self, Together};

/// A server, and the way to it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) setup: Arc<Setup>,
    client: Client,
    config: AsyncConnectionConfig,
    /// Host and port, without user and password.
    pub(crate) address: String,
    live: RwLock<Option<Live>>,
    was_connected: AtomicBool,
    /// Held while a connection is made, so that those who need one wait for the same.
    making: Mutex<()>,
    /// For each partition the process here that it was last adopted for.
    adopted: RwLock<HashMap<u32, Arc<str>>>,
    pub(crate) replicas: Replicas,
    /// Where small calls meet.
    pub(crate) together: Together,
}

/// A connection that was alive when it was last looked at. Each call holds it.
#[derive(Debug, Clone)]
pub(crate) struct Live(Arc<Connected>);

#[derive(Debug)]
struct Connected {
    connection: MultiplexedConnection,
    server: Server,
    ways: Semaphore,
}

impl Link {
    /// The link to a server; `node` is its address in a cluster.
    pub(crate) fn new(setup: &Arc<Setup>, node: &str) -> StoreResult<Self> {
        let invalid = |error: redis::RedisError| {
            let message = "not a Redis URL; write `redis://[user:password@]host[:port][/database][?prefix=NAME]`";
            StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
        };
        let (target, options) = (&setup.target, &setup.options);
        let info = target.url(node).as_str().into_connection_info().map_err(invalid)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let info = info.set_tcp_settings(tcp);
        let address = info.addr().to_string();
        let client = if target.is_tls() {
            // An application may have chosen another provider; then that one stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let root_cert = setup.authority.clone();
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        } else {
            Client::open(info)
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout))
            .set_pipeline_buffer_size(1024);
        Ok(Self {
            setup: setup.clone(),
            client: client.map_err(invalid)?,
            config,
            address,
            live: RwLock::new(None),
            was_connected: AtomicBool::new(false),
            making: Mutex::new(()),
            adopted: RwLock::default(),
            replicas: Replicas::default(),
            together: Together::default(),
        })
    }

    /// The shared connection. If there is none, makes one, and tries that until `until` or, without patience, once.
    pub(crate) async fn live(&self, until: Instant, patient: bool) -> StoreResult<Live> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let _making = self.making.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let live = self.another(until, patient).await?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        if self.was_connected.swap(true, Ordering::Relaxed) {
            tracing::info!(address = %self.address, "connected again");
        } else {
            tracing::debug!(address = %self.address, "connected");
        }
        Ok(live)
    }

    /// A connection that is not shared.
    pub(crate) async fn another(&self, until: Instant, patient: bool) -> StoreResult<Live> {
        let mut pause = Duration::from_millis(10);
        let mut failure = None;
        loop {
            let error = match tokio::time::timeout_at(until.into(), self.connect()).await {
                Ok(Ok(live)) => return Ok(live),
                Ok(Err(error)) => error,
                // What went wrong before says more than that there was no time for another attempt.
                Err(_) => return Err(failure.unwrap_or_else(|| self.silent())),
            };
            let is_worth_it = patient && error.kind() == StoreErrorKind::Unavailable;
            if !is_worth_it || Instant::now() + pause >= until {
                return Err(error);
            }
            failure = Some(error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The shared connection, if there is one.
    pub(crate) fn current(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a connection up, if it is still the shared one.
    pub(crate) fn lose(&self, lost: &Live) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| live.is_same(lost)) {
            *live = None;
        }
    }

    /// Gives the shared connection up, whichever it is.
    pub(crate) fn lose_all(&self) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.replicas.close();
    }

    /// Whether a partition was adopted for this process, as far as is known.
    pub(crate) fn has_adopted(&self, partition: u32, live: &Live) -> bool {
        let adopted = self.adopted.read().unwrap_or_else(PoisonError::into_inner);
        adopted.get(&partition).is_some_and(|run| **run == *live.run())
    }

    /// Takes note that a partition was adopted for this process, or that it is not any more.
    pub(crate) fn note_adopted(&self, partition: u32, live: Option<&Live>) {
        let mut adopted = self.adopted.write().unwrap_or_else(PoisonError::into_inner);
        match live {
            Some(live) => adopted.insert(partition, live.run().into()),
            None => adopted.remove(&partition),
        };
    }

    /// Sends commands in one go; gives a reply for each, refusals among them. An error says that replies were lost.
    pub(crate) async fn send(&self, live: &Live, pipeline: &Pipeline) -> StoreResult<Vec<Value>> {
        let mut connection = live.0.connection.clone();
        let replies = connection.req_packed_commands(pipeline, 0, pipeline.len()).await.map_err(|error| {
            self.lose(live);
            error::lost(error, &self.address)
        })?;
        // A primary that became a replica keeps its connections, and would go on answering reads.
        if replies.iter().any(|reply| matches!(reply, Value::ServerError(error) if error::is_read_only(error))) {
            self.lose(live);
        }
        Ok(replies)
    }

    /// Sends script calls, perhaps among other commands. Where the server has forgotten a script, which proves that it did not
    /// run, loads the scripts and sends those calls again.
    pub(crate) async fn call(&self, live: &Live, calls: &Pipeline) -> StoreResult<Vec<Value>> {
        let replies = self.send(live, calls).await?;
        if !replies.iter().any(script::is_unknown) {
            return Ok(replies);
        }
        Box::pin(self.call_again(live, calls, replies)).await
    }

    /// Loads the scripts, and sends those calls again that the server did not know.
    async fn call_again(&self, live: &Live, calls: &Pipeline, mut replies: Vec<Value>) -> StoreResult<Vec<Value>> {
        self.send(live, &self.setup.scripts.load()).await?;
        let mut again = redis::pipe();
        let mut places = Vec::new();
        let is_unknown = |at: usize| replies.get(at).is_some_and(script::is_unknown);
        for (at, command) in calls.cmd_iter().enumerate() {
            // WAIT waits for calls before it, and ASKING speaks for the one after it.
            let is_about_others = match name(command) {
                Some(b"WAIT") => true,
                Some(b"ASKING") => is_unknown(at + 1),
                _ => false,
            };
            if is_about_others || is_unknown(at) {
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

    /// Asks by a connection that need not be greeted: also a replica, or a server that is not fit, knows its cluster.
    pub(crate) async fn ask(&self, ask: &Pipeline, within: Duration) -> StoreResult<Vec<Value>> {
        let asking = async {
            let mut connection = match self.current() {
                Some(live) => live.0.connection.clone(),
                None => {
                    let connecting = self.client.get_multiplexed_async_connection_with_config(&self.config);
                    connecting.await.map_err(|error| self.unreachable(error))?
                }
            };
            self.exchange(&mut connection, ask).await
        };
        tokio::time::timeout(within, asking).await.unwrap_or_else(|_| Err(self.silent()))
    }

    /// Sends what has no effect that matters, so that an error leaves nothing open.
    pub(crate) async fn inquire(&self, live: &Live, ask: &Pipeline) -> StoreResult<Vec<Value>> {
        let replies = self.exchange(&mut live.0.connection.clone(), ask).await;
        replies.inspect_err(|_| self.lose(live))
    }

    /// Makes a connection and greets the server.
    async fn connect(&self) -> StoreResult<Live> {
        let connecting = self.client.get_multiplexed_async_connection_with_config(&self.config);
        let mut connection = connecting.await.map_err(|error| self.unreachable(error))?;
        let server = self.greet(&mut connection).await?;
        Ok(Live(Arc::new(Connected { connection, server, ways: together::ways() })))
    }

    async fn greet(&self, connection: &mut MultiplexedConnection) -> StoreResult<Server> {
        let mut ask = redis::pipe();
        ask.cmd("INFO").cmd("CONFIG").arg("GET").arg("appendfsync");
        let replies = self.exchange(connection, &ask).await?;
        let info = replies.first().map(text).transpose()?.unwrap_or_default();
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
        server.admit(self.setup.is_cluster())?;
        // Not before: a server that wants a password closes the connection at a command as long as a script.
        let loaded = self.exchange(connection, &self.setup.scripts.load()).await?;
        if let Some(Value::ServerError(error)) = loaded.iter().find(|reply| matches!(reply, Value::ServerError(_))) {
            return Err(error::refused(error));
        }
        if let Some(risk) = server.risk() {
            tracing::warn!(address = %self.address, "{risk}");
        }
        Ok(server)
    }

    pub(crate) fn silent(&self) -> StoreError {
        let message = format!("the Redis server at {} does not answer", self.address);
        StoreError::new(StoreErrorKind::Unavailable, message)
    }

    fn unreachable(&self, error: redis::RedisError) -> StoreError {
        error::unreachable(error, &self.address, self.setup.target.is_tls())
    }

    async fn exchange(&self, connection: &mut MultiplexedConnection, ask: &Pipeline) -> StoreResult<Vec<Value>> {
        let replies = connection.req_packed_commands(ask, 0, ask.len()).await;
        replies.map_err(|error| self.unreachable(error))
    }
}

impl Live {
    /// Whether it is the same connection.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Names the process.
    pub(crate) fn run(&self) -> &str {
        self.0.server.run()
    }

    /// The ways that pipelines of gathered calls take.
    pub(crate) fn ways(&self) -> &Semaphore {
        &self.0.ways
    }

    /// What the server said of itself.
    pub(crate) fn server(&self) -> &Server {
        &self.0.server
    }
}

fn name(command: &Cmd) -> Option<&[u8]> {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => Some(name),
        _ => None,
    }
}

pub(crate) fn text(value: &Value) -> StoreResult<String> {
    match value {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text.clone()),
        Value::Int(n) => Ok(n.to_string()),
        other => Err(error::unexpected(other)),
    }
}
