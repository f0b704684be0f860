//! How a store is opened.

use std::path::PathBuf;
use std::time::Duration;

use rome_core::store::StoreResult;

use crate::request::invalid;

/// The most partitions of a database; a statement that has to look everywhere asks each of them.
const MOST_PARTITIONS: u32 = 1024;

/// Options of [`RedisStore::open_with`](crate::RedisStore::open_with).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// What the names of all keys of the database start with, so that several share a server. `rome` by default.
    pub prefix: String,
    /// How long to wait for a reply. 30 seconds by default: a scan of a large table may take a while.
    pub response_timeout: Duration,
    /// How long to wait for a connection to be made. 5 seconds by default.
    pub connect_timeout: Duration,
    /// How long a call goes on trying after a connection was lost, before it fails. 10 seconds by default.
    pub patience: Duration,
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

    /// The same options with another time to go on trying after a connection was lost.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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
        let (server, parameters) = url.split_once('?').unwrap_or((url, ""));
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "prefix" => value.clone_into(&mut self.prefix),
                "ca" => self.ca = Some(value.into()),
                "partitions" => {
                    let number = value.parse();
                    self.partitions = Some(number.map_err(|_| invalid(format!("`partitions={value}` is no number")))?);
                }
                _ => {
                    let message = "is no parameter of a Redis URL; there are `prefix`, `partitions` and `ca`";
                    return Err(invalid(format!("`{name}` {message}")));
                }
            }
        }
        self.check_prefix()?;
        if self.partitions.is_some_and(|n| !(1..=MOST_PARTITIONS).contains(&n)) {
            return Err(invalid(format!("there may be 1 to {MOST_PARTITIONS} partitions")));
        }
        Ok((server.to_owned(), self))
    }

    /// Braces choose slots, and the rest is left out so that a prefix is the same in URLs, patterns and shells.
    fn check_prefix(&self) -> StoreResult<()> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        if !self.prefix.is_empty() && self.prefix.len() <= 64 && self.prefix.bytes().all(fits) {
            return Ok(());
        }
        Err(invalid(format!("the prefix `{}` must be 1 to 64 letters, digits, or any of `_-.:`", self.prefix)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rome_core::store::StoreErrorKind;

    use super::*;

    #[test]
    fn parameters_are_taken_out_of_the_url() {
        let (url, options) =
            RedisOptions::default().take_from("redis://h:1/2?prefix=glance&ca=/x.pem&partitions=4").unwrap();
        assert_eq!((url.as_str(), options.prefix.as_str()), ("redis://h:1/2", "glance"));
        assert_eq!((options.ca, options.partitions), (Some("/x.pem".into()), Some(4)));
    }

    #[test]
    fn unknown_parameters_and_odd_prefixes_are_refused() {
        for part in
            ["prefix=", "prefix=a{b}", "prefx=a", "prefix=a*", "partitions=x", "partitions=0", "partitions=9999"]
        {
            let url = format!("redis://h?{part}");
            assert_eq!(RedisOptions::default().take_from(&url).unwrap_err().kind(), StoreErrorKind::Invalid, "{url}");
        }
    }
}
