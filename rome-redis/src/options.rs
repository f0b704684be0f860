//! How a store is opened.

use std::path::PathBuf;
use std::time::Duration;

use rome_store::{StoreResult, url};

use crate::error::invalid;

/// The longest time that is waited for anything; nobody waits for so long, and the clock cannot be moved on at will.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The parameters of URLs.
const PARAMETERS: [&str; 8] = [
    "prefix",
    "partitions",
    "ca",
    "patience",
    "refused_patience",
    "connect_timeout",
    "response_timeout",
    "replica_timeout",
];

/// The most partitions of a database; a statement that has to look everywhere asks each of them.
const MOST_PARTITIONS: u32 = 1024;

/// Options of [`RedisStore::open_with`](crate::RedisStore::open_with). In a URL each of them is a parameter of the same name:
/// `redis://localhost?patience=2s&connect_timeout=500ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// What the names of all keys of the database start with, so that several share a server. `rome` by default.
    pub prefix: String,
    /// How long to wait for a reply. 30 seconds by default: a scan of a large table may take a while.
    pub response_timeout: Duration,
    /// How long one attempt to make a connection may take. 5 seconds by default.
    pub connect_timeout: Duration,
    /// How long a call goes on trying after a connection was lost, or while the server says that it cannot serve now, before it
    /// fails. 10 seconds by default. After this time nothing is begun anew; what is under way then, such as an attempt to connect,
    /// ends within its own time. While an outage lasts it is waited for once: calls that come later try once.
    pub patience: Duration,
    /// The same while nobody listens at the address of the server, or at those of all nodes of a cluster. 1 second by default, and
    /// never longer than `patience`. Setting the [`patience`](Self::patience()) sets this too.
    pub refused_patience: Duration,
    /// How long to wait for replicas to confirm a write that asks for them, at least a millisecond. 5 seconds by default.
    pub replica_timeout: Duration,
    /// Into how many partitions a new database on a cluster is cut, 16 unless said; the number of one that is there is
    /// only compared. A single server has one.
    pub partitions: Option<u32>,
    /// A PEM file with the authority that signed the server's certificate, if the system does not know it.
    pub ca: Option<PathBuf>,
    /// For tests: reads as if the partition always changed meanwhile.
    #[doc(hidden)]
    pub always_by_script: bool,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "rome".to_owned(),
            response_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(10),
            refused_patience: Duration::from_secs(1),
            replica_timeout: Duration::from_secs(5),
            partitions: None,
            ca: None,
            always_by_script: false,
        }
    }
}

impl RedisOptions {
    /// The same options with another prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The same options with another time to wait for a reply.
    #[must_use]
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The same options with another time to wait for a connection.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same options with another time to go on trying after a connection was lost, and also while the server refuses
    /// connections.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self.refused_patience = patience;
        self
    }

    /// The same options with another time to go on trying while nobody listens at the address of the server.
    #[must_use]
    pub const fn refused_patience(mut self, patience: Duration) -> Self {
        self.refused_patience = patience;
        self
    }

    /// The same options with another time to wait for replicas.
    #[must_use]
    pub const fn replica_timeout(mut self, timeout: Duration) -> Self {
        self.replica_timeout = timeout;
        self
    }

    /// The same options with another number of partitions for a new database on a cluster.
    #[must_use]
    pub const fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// The URL without the parameters that are ROME's, and these options with them.
    ///
    /// # Errors
    /// When a parameter is unknown or its value makes no sense.
    pub(crate) fn take_from(mut self, url: &str) -> StoreResult<(String, Self)> {
        let (server, parameters) = url::parameters(url)?;
        // Setting the patience sets that for refusals too, wherever in the URL that one is.
        if let Some(patience) = parameters.iter().find(|parameter| parameter.name() == "patience") {
            self = self.patience(patience.duration()?);
        }
        for parameter in &parameters {
            match parameter.name() {
                "prefix" => parameter.text().clone_into(&mut self.prefix),
                "ca" => self.ca = Some(parameter.text().into()),
                "partitions" => self.partitions = Some(parameter.number(1..=MOST_PARTITIONS)?),
                "patience" => {}
                "refused_patience" => self.refused_patience = parameter.duration()?,
                "connect_timeout" => self.connect_timeout = parameter.positive_duration()?,
                "response_timeout" => self.response_timeout = parameter.positive_duration()?,
                "replica_timeout" => self.replica_timeout = parameter.positive_duration()?,
                _ => return Err(parameter.unknown(&PARAMETERS)),
            }
        }
        self.check_prefix()?;
        if self.partitions.is_some_and(|n| !(1..=MOST_PARTITIONS).contains(&n)) {
            return Err(invalid(format!("there may be 1 to {MOST_PARTITIONS} partitions")));
        }
        for time in
            [&mut self.patience, &mut self.refused_patience, &mut self.connect_timeout, &mut self.response_timeout]
        {
            *time = LONGEST.min(*time);
        }
        self.refused_patience = self.refused_patience.min(self.patience);
        Ok((server.to_owned(), self))
    }

    /// Braces choose slots, and the rest is left out so that a prefix is the same in URLs, patterns and shells.
    fn check_prefix(&self) -> StoreResult<()> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        if !self.prefix.is_empty() && self.prefix.len() <= 64 && self.prefix.bytes().all(fits) {
            return Ok(());
        }
        let told: String = self.prefix.chars().take(64).flat_map(char::escape_debug).collect();
        Err(invalid(format!("the prefix `{told}` must be 1 to 64 letters, digits, or any of `_-.:`")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rome_store::StoreErrorKind;

    use super::*;

    #[test]
    fn parameters_are_taken_out_of_the_url() {
        let (url, options) =
            RedisOptions::default().take_from("redis://h:1/2?prefix=glance&ca=/x.pem&partitions=4").unwrap();
        assert_eq!((url.as_str(), options.prefix.as_str()), ("redis://h:1/2", "glance"));
        assert_eq!((options.ca, options.partitions), (Some("/x.pem".into()), Some(4)));
    }

    #[test]
    fn times_are_taken_out_of_the_url() {
        let of = |parameters: &str| {
            let url = format!("redis-cluster://a:1,b:2?{parameters}");
            RedisOptions::default().take_from(&url).unwrap().1
        };
        let seconds = Duration::from_secs;
        let options = of("connect_timeout=7s&response_timeout=1m&replica_timeout=8s&patience=3s");
        assert_eq!((options.connect_timeout, options.response_timeout), (seconds(7), seconds(60)));
        assert_eq!(
            (options.replica_timeout, options.patience, options.refused_patience),
            (seconds(8), seconds(3), seconds(3))
        );
        let refused = |parameters| of(parameters).refused_patience;
        assert_eq!(refused(""), seconds(1));
        assert_eq!(
            (refused("refused_patience=2s&patience=9s"), refused("patience=9s&refused_patience=2s")),
            (seconds(2), seconds(2))
        );
        assert_eq!(refused("patience=1s&refused_patience=2s"), seconds(1));
        assert_eq!(of("patience=0s").patience, Duration::ZERO);
    }

    #[test]
    fn unknown_parameters_and_odd_values_are_refused() {
        for part in [
            "prefix=",
            "prefix=a{b}",
            "prefx=a",
            "prefix=a*",
            "partitions=x",
            "partitions=0",
            "partitions=9999",
            "patience=1",
            "patience=soon",
            "patience=-1s",
            "connect_timeout=0s",
            "response_timeout=0ms",
            "replica_timeout=",
            "Patience=1s",
            "patience=1s&patience=1s",
        ] {
            for scheme in ["redis", "rediss", "redis-cluster", "rediss-cluster"] {
                let url = format!("{scheme}://h?{part}");
                let error = RedisOptions::default().take_from(&url).unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Invalid, "{url}");
                assert!(error.to_string().contains(part.split(['=', '&']).next().unwrap()), "{url}: {error}");
            }
        }
        let error = RedisOptions::default().take_from("redis://h?prefx=a").unwrap_err().to_string();
        assert!(PARAMETERS.iter().all(|name| error.contains(&format!("`{name}`"))), "{error}");
    }
}
