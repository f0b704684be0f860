//! A configured service: opens its stores, mends what a killed one left, listens, and stops gracefully.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rome_orm::prelude::Database;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{Config, Trust, shown, without_secrets};
use crate::data::{self, DataFolder};
use crate::db;
use crate::http::{App, router};
use crate::identity::{Proxies, Trusted};
use crate::{mend, server};

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error("the store {store} cannot be opened: {reason}")]
    Store {
        /// Which one, without what is secret in its URL.
        store: String,
        /// Why, without what is secret in the URL.
        reason: String,
    },
    /// The secret that proxies share with the service cannot be read.
    #[error("the secret in {file} cannot be read: {source}")]
    Secret {
        /// Which file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used: {source}")]
    Data {
        /// Which one.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// What a killed service left cannot be mended.
    #[error("interrupted uploads cannot be mended: {0}")]
    Mend(#[from] mend::MendError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A service that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// Starts a service. It serves when this returns.
///
/// # Errors
/// When a store cannot be opened or the address not be listened on.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    let folder = config.data.display().to_string();
    let data = DataFolder::open(&config.data, config.hash).map_err(|source| StartError::Data { folder, source })?;
    let db = open(&config.store).await?;
    let listen = |source| StartError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let loopback = address.ip().to_canonical().is_loopback();
    let trusted = trusted(&config, loopback)?;
    say(&config, &trusted, address);
    let wanted = config.bounds;
    config.bounds = wanted.within_files(getrlimit(Resource::Nofile).current);
    let bounds = config.bounds;
    if bounds.max_connections < wanted.max_connections {
        tracing::info!(
            connections = bounds.max_connections,
            uploads = bounds.max_uploads,
            downloads = bounds.max_downloads,
            "fewer at once than configured, since the process may not have more files open"
        );
    }
    let app = Arc::new(App::new(db, data, config, trusted, loopback));
    Box::pin(mend::after_killed_services(&app)).await?;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let stopped = async {
            stopped.await.ok();
        };
        server::serve(listener, router(Arc::clone(&app)), &bounds, stopped).await;
        app.background.finished().await;
    });
    tracing::info!(%address, "serving");
    Ok(Running { address, stop: Some(stop), serving })
}

async fn open(url: &str) -> Result<Database, StartError> {
    let cannot = |reason: String| StartError::Store { store: shown(url), reason: without_secrets(url, &reason) };
    // The store makes its folder as the process makes any; here it is for the service alone.
    if let Some(path) = url.strip_prefix("embedded:") {
        let path = Path::new(path.split('?').next().unwrap_or_default());
        if !path.as_os_str().is_empty() {
            data::make_folder(path).map_err(|e| cannot(e.to_string()))?;
        }
    }
    db::open(url).await.map_err(|e| cannot(e.to_string()))
}

/// Whose word is taken for who asks.
fn trusted(config: &Config, loopback: bool) -> Result<Trusted, StartError> {
    let Trust { trust_proxy, trust_proxy_secret_file, .. } = &config.trust;
    let secret = config.trust.secret().map_err(|source| {
        let file = trust_proxy_secret_file.as_deref().unwrap_or(Path::new("")).display().to_string();
        StartError::Secret { file, source }
    })?;
    let headers = match (trust_proxy.is_empty() && secret.is_none(), loopback) {
        (true, true) => Proxies::Everybody,
        (true, false) => Proxies::Nobody,
        (false, _) => Proxies::Those { networks: trust_proxy.clone(), secret },
    };
    Ok(Trusted { headers, tokens: config.trust_tokens || loopback })
}

/// Says in the log whose word is taken, and where the service lets others read what it has.
fn say(config: &Config, trusted: &Trusted, address: SocketAddr) {
    match &trusted.headers {
        Proxies::Everybody => tracing::info!(%address, "identity headers are believed, since the address is loopback"),
        Proxies::Nobody if trusted.tokens => tracing::info!(%address, "identity headers are refused"),
        Proxies::Nobody => tracing::warn!(
            %address,
            "nobody can say who asks, so nearly all requests are refused: --trust-proxy or --trust-proxy-secret-file names the \
             authenticating proxies"
        ),
        Proxies::Those { networks, secret } => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            tracing::info!(
                networks = networks.join(","),
                secret = secret.is_some(),
                "identity headers are believed from"
            );
        }
    }
    if config.trust_tokens && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(%address, "anyone who reaches the address is who its token says, an admin, too (--trust-tokens)");
    }
    if data::is_open_to_others(&config.data).unwrap_or_default() {
        tracing::warn!(folder = %config.data.display(), "other users of the machine may look into the data folder");
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and returns when all requests are answered and all imports are done.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Err(e) = (&mut self.serving).await {
            tracing::error!(error = %e, "the service ended badly");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }
}
