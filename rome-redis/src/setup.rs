//! What all connections of a store share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rome_core::store::{StoreError, StoreErrorKind, StoreResult};

use crate::error;
use crate::options::RedisOptions;
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
    /// The id of the database, once it is open.
    database: OnceLock<String>,
}

impl Setup {
    pub(crate) fn new(url: &str, options: RedisOptions) -> StoreResult<Arc<Self>> {
        let (url, options) = options.take_from(url)?;
        let target = Target::of(&url)?;
        if options.partitions.is_some_and(|n| n != 1) && matches!(target, Target::Server(_)) {
            let message = "a single server has one partition; `partitions` is for `redis-cluster://`";
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        let authority = options.ca.as_ref().filter(|_| target.is_tls()).map(std::fs::read).transpose();
        let authority = authority.map_err(|error| {
            let message = format!("the certificates in {:?} cannot be read", options.ca);
            StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
        })?;
        Ok(Arc::new(Self { target, options, scripts: Scripts::new(), authority, database: OnceLock::new() }))
    }

    /// Whether the database is on a cluster.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster { .. })
    }

    /// The id of the database.
    pub(crate) fn database(&self) -> &str {
        self.database.get().map_or("", String::as_str)
    }

    /// Takes note of the id that was found; another one than before is another database.
    pub(crate) fn is_database(&self, id: &str) -> StoreResult<()> {
        if self.database.get_or_init(|| id.to_owned()) == id { Ok(()) } else { Err(error::gone()) }
    }

    /// The patience of a call that begins now.
    pub(crate) fn patience(&self) -> Patience {
        let whole = self.options.patience;
        Patience { until: Instant::now() + whole, whole, began: false, pause: Pause::default() }
    }
}

/// How long a call goes on trying. It begins with the first loss: until then the reply may be waited for longer.
#[derive(Debug)]
pub(crate) struct Patience {
    pub(crate) until: Instant,
    whole: Duration,
    began: bool,
    pause: Pause,
}

impl Patience {
    /// Whether to try again after a loss. Waits a moment, longer from time to time.
    pub(crate) async fn is_left(&mut self) -> bool {
        if !self.began {
            self.until = Instant::now() + self.whole;
            self.began = true;
        }
        self.pause.is_over_before(self.until).await
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
