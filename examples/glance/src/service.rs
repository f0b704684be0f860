//! A configured service: opens its stores, mends what a killed one left, listens, and stops gracefully.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::data::DataFolder;
use crate::db::{self, DbError};
use crate::http::{App, router};
use crate::mend;

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error("the store {store} cannot be opened: {source}")]
    Store {
        /// Which one.
        store: String,
        /// Why.
        source: DbError,
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
pub async fn start(config: Config) -> Result<Running, StartError> {
    let folder = config.data.display().to_string();
    let data = DataFolder::open(&config.data, config.hash).map_err(|source| StartError::Data { folder, source })?;
    let db =
        db::open(&config.store).await.map_err(|source| StartError::Store { store: config.store.clone(), source })?;
    let listen = |source| StartError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let trust_tokens = config.trust_tokens || address.ip().is_loopback();
    let app = Arc::new(App::new(db, data, config, trust_tokens));
    Box::pin(mend::after_killed_services(&app)).await?;
    let (stop, stopped) = oneshot::channel();
    // Answers are small and whole: waiting to fill a packet would only make them late.
    let listener = listener.tap_io(|connection| {
        if let Err(e) = connection.set_nodelay(true) {
            tracing::debug!(error = %e, "a connection keeps its delay");
        }
    });
    let serving = tokio::spawn(async move {
        let stopped = async {
            stopped.await.ok();
        };
        let served = axum::serve(listener, router(Arc::clone(&app))).with_graceful_shutdown(stopped).await;
        if let Err(e) = served {
            tracing::error!(error = %e, "serving ended");
        }
        app.background.finished().await;
    });
    tracing::info!(%address, "serving");
    Ok(Running { address, stop: Some(stop), serving })
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
