//! What all connections of a store share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use rome_store::{Certainty, StoreError, StoreErrorKind, StoreResult};

use crate::error;
use crate::options::RedisOptions;
use crate::outage::Outage;
use crate::script::Scripts;
use crate::target::Target;

/// What all connections of a store share.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) target: Target,
    pub(crate) options: RedisOptions,
    pub(crate) scripts: Scripts,
    /// The certificates of the authority that is named in the options.
    pub(crate) authority: Option<Vec<u8>>,
    /// Since when nothing can be reached.
    pub(crate) outage: Outage,
    /// The id of the database, once it is open.
    database: OnceLock<String>,
}

const SCHEMES: [&str; 4] = ["redis", "redis-cluster", "rediss", "rediss-cluster"];

impl Setup {
    pub(crate) fn new(url: &str, options: RedisOptions) -> StoreResult<Arc<Self>> {
        if let Some((scheme, rest)) = url.split_once(':')
            && SCHEMES.contains(&scheme)
            && !rest.starts_with("//")
        {
            let message = format!("`{scheme}:` is followed by `//` and the host: write `{scheme}://HOST`");
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        let (url, options) = options.take_from(url)?;
        let target = Target::of(&url)?;
        if options.partitions.is_some_and(|n| n != 1) && matches!(target, Target::Server(_)) {
            let message = "a single server has one partition; `partitions` is for `redis-cluster://`";
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        if options.ca.is_some() && !target.is_tls() {
            let message =
                "`ca` is for TLS, and this URL is without; write `rediss://` or `rediss-cluster://`, or leave it out";
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        let authority = options.ca.as_ref().map(std::fs::read).transpose();
        let authority = authority.map_err(|error| {
            let message = format!("the certificates in {:?} cannot be read", options.ca);
            StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
        })?;
        let (outage, database) = Default::default();
        Ok(Arc::new(Self { target, options, scripts: Scripts::new(), authority, outage, database }))
    }

    /// Whether the database is on a cluster.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster { .. })
    }

    /// The id of the database.
    pub(crate) fn database(&self) -> &str {
        self.database.get().map_or("", String::as_str)
    }

    /// The owner that writes name for a server process: the database and the process.
    pub(crate) fn owner(&self, run: &str) -> String {
        [self.database(), run].join(":")
    }

    /// Takes note of the id that was found; another one than before is another database.
    pub(crate) fn is_database(&self, id: &str) -> StoreResult<()> {
        if self.database.get_or_init(|| id.to_owned()) == id { Ok(()) } else { Err(error::another()) }
    }

    /// Until when a call goes on that would do so until then: no longer than an outage is waited for.
    pub(crate) fn until(&self, until: Instant) -> Instant {
        self.outage.until(until, &self.options)
    }

    /// The patience of a call that begins now.
    pub(crate) fn patience(&self) -> Patience {
        let whole = self.options.patience;
        Patience { until: Instant::now() + whole, whole, began: false, pause: Pause::default() }
    }
}

/// How long a call goes on trying. It begins with the call, or with the first reply that is lost: for that one may be waited longer.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) until: Instant,
    whole: Duration,
    began: bool,
    pause: Pause,
}

impl Patience {
    /// Whether to try again after this failure. Waits a moment, longer from time to time.
    pub(crate) async fn is_left(&mut self, setup: &Setup, failure: &StoreError) -> bool {
        if !self.began && failure.certainty() == Certainty::Unknown {
            self.until = Instant::now() + self.whole;
        }
        self.began = true;
        self.pause.is_over_before(setup.until(self.until)).await
    }
}

/// Pauses between attempts: none before the first repeat, then longer and longer ones.
#[derive(Debug, Default)]
pub(crate) struct Pause(Duration);

impl Pause {
    const FIRST: Duration = Duration::from_millis(5);
    const LONGEST: Duration = Duration::from_millis(250);

    /// Waits, unless it would be later than `until` after that.
    pub(crate) async fn is_over_before(&mut self, until: Instant) -> bool {
        if Instant::now() + self.0 >= until {
            return false;
        }
        if !self.0.is_zero() {
            tokio::time::sleep(self.0).await;
        }
        self.0 = (self.0 * 2).clamp(Self::FIRST, Self::LONGEST);
        true
    }
}
