//! The connection to one server that all calls share, made anew when it is lost.
//!
//! A connection is handed out only after it has been greeted: the server is fit to keep the promises of a store and knows the
//! scripts. What depends on partitions is not done here.
//!
//! It never sends a call twice by itself; who may, and when, is decided where the call is made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, TlsCertificates, Value};
use rome_store::{StoreError, StoreErrorKind, StoreResult};
use tokio::runtime::{self, Handle};
use tokio::sync::{Mutex, Semaphore, oneshot};

use crate::error;
use crate::reply::text;
use crate::script;
use crate::server::Server;
use crate::setup::Setup;

/// How many pipelines of gathered calls are under way at most: one on its way, one that is worked on, one whose replies are. What
/// comes meanwhile goes out together.
pub(crate) const UNDER_WAY: usize = 3;

/// A server, and the way to it. `Debug` shows the address alone, for the rest knows the user.
pub(crate) struct Link {
    pub(crate) setup: Arc<Setup>,
    client: Client,
    config: AsyncConnectionConfig,
    /// Host and port, without user and password.
    pub(crate) address: String,
    /// The shared connection of each runtime.
    shared: RwLock<Vec<Shared>>,
    was_connected: AtomicBool,
}

/// What is shared in a runtime. The task that works a connection runs where it was made, and a runtime may stand still, or end,
/// while another one calls.
struct Shared {
    runtime: runtime::Id,
    live: Option<Live>,
    /// Held while a connection is made, so that those who need one wait for the same.
    making: Arc<Mutex<()>>,
}

/// A connection that was alive when it was last looked at. Each call holds it.
#[derive(Debug, Clone)]
pub(crate) struct Live(Arc<Connected>);

#[derive(Debug)]
struct Connected {
    connection: MultiplexedConnection,
    server: Server,
    ways: Semaphore,
    runtime: runtime::Id,
    /// Whether its runtime has ended.
    is_over: Arc<AtomicBool>,
    /// Ends the task that looks for that.
    _watch: oneshot::Sender<()>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
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
            shared: RwLock::default(),
            was_connected: AtomicBool::new(false),
        })
    }

    /// The shared connection. If there is none, makes one, and begins to try that until `until` or, without patience, once.
    pub(crate) async fn live(&self, until: Instant, patient: bool) -> StoreResult<Live> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let here = check_runtime()?;
        let making = self.making(here);
        let came = Instant::now();
        let _making = making.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        if let Some(failure) = self.setup.outage.found_since(came, &self.setup.options) {
            return Err(failure);
        }
        let live = self.another(until, patient).await?;
        {
            let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(shared) = shared.iter_mut().find(|shared| shared.runtime == here) {
                shared.live = Some(live.clone());
            }
        }
        if self.was_connected.swap(true, Ordering::Relaxed) {
            tracing::info!(address = %self.address, "connected again");
        } else {
            tracing::debug!(address = %self.address, "connected");
        }
        Ok(live)
    }

    /// The lock of a runtime, and a place for its connection.
    fn making(&self, here: runtime::Id) -> Arc<Mutex<()>> {
        let mut all = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        // Those of runtimes that have ended.
        all.retain(|shared| match &shared.live {
            Some(live) => !live.is_over(),
            None => shared.runtime == here || Arc::strong_count(&shared.making) > 1,
        });
        if let Some(shared) = all.iter().find(|shared| shared.runtime == here) {
            return shared.making.clone();
        }
        let making = Arc::default();
        all.push(Shared { runtime: here, live: None, making: Arc::clone(&making) });
        making
    }

    /// A connection that is not shared. Begins to try until `until` or, without patience, once. However little patience there is,
    /// each attempt has the time that a connection may take, or none could be made at all, and the error would not say why.
    pub(crate) async fn another(&self, until: Instant, patient: bool) -> StoreResult<Live> {
        let options = &self.setup.options;
        let mut pause = Duration::from_millis(10);
        loop {
            let began = Instant::now();
            let connected = tokio::time::timeout(options.connect_timeout, self.connect()).await;
            let error = match connected.unwrap_or_else(|_| Err(self.silent())) {
                Ok(live) => {
                    self.setup.outage.end();
                    return Ok(live);
                }
                Err(error) => error,
            };
            if error.kind() != StoreErrorKind::Unavailable {
                return Err(error);
            }
            // Of a cluster this is one node, and the others may go on.
            if !self.setup.is_cluster() {
                self.setup.outage.note(began, &error, options);
            }
            if !patient || Instant::now() + pause >= self.setup.until(until) {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The shared connection of this runtime, if there is one.
    pub(crate) fn current(&self) -> Option<Live> {
        let here = Handle::try_current().ok()?.id();
        let all = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        let live = all.iter().find(|shared| shared.runtime == here)?.live.as_ref()?;
        // Another runtime may have had the same id.
        (!live.is_over()).then(|| live.clone())
    }

    /// Gives a connection up, if it is still the shared one.
    pub(crate) fn lose(&self, lost: &Live) {
        let mut all = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        for shared in all.iter_mut() {
            shared.live.take_if(|live| live.is_same(lost));
        }
    }

    /// Gives all connections up.
    pub(crate) fn lose_all(&self) {
        let mut all = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().for_each(|shared| shared.live = None);
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
        let mut positions = Vec::new();
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
                positions.push(at);
            }
        }
        for (at, answer) in positions.into_iter().zip(self.send(live, &again).await?) {
            *replies.get_mut(at).expect("each command has a reply") = answer;
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
        let (watch, until) = oneshot::channel();
        let is_over = Arc::<AtomicBool>::default();
        let end = End(is_over.clone());
        tokio::spawn(async move {
            let _end = end;
            until.await.ok();
        });
        let (ways, runtime) = (Semaphore::new(UNDER_WAY), Handle::current().id());
        Ok(Live(Arc::new(Connected { connection, server, ways, runtime, is_over, _watch: watch })))
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
        let message = format!("no answer from the Redis server at {}", self.address);
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

    /// Whether its runtime has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Relaxed)
    }

    /// Whether it belongs to the runtime of the caller.
    pub(crate) fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.0.runtime) && !self.is_over()
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

/// Set when a runtime ends: it drops its tasks then, and the connections that they work stand still.
struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The runtime of the caller.
///
/// # Errors
/// When there is none.
pub(crate) fn check_runtime() -> StoreResult<runtime::Id> {
    let runtime = Handle::try_current().map(|runtime| runtime.id());
    runtime.map_err(|_| {
        let message =
            "the Redis store is called outside of a tokio runtime, which its connections need; call it inside of one";
        StoreError::new(StoreErrorKind::Invalid, message)
    })
}

fn name(command: &Cmd) -> Option<&[u8]> {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => Some(name),
        _ => None,
    }
}
