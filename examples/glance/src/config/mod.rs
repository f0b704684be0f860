//! How the service is set up: by command line option or environment variable.

mod bounds;
mod store;
mod trust;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use bounds::{Bounds, KIB};
pub use store::{shown, without_secrets};
pub use trust::{Network, SECRET_HEADER, Secret, Trust};

use crate::db::Limits;

/// An image service with the OpenStack Images API v2, its database written on ROME.
#[derive(Debug, Parser)]
#[command(name = "glance", version)]
pub struct Cli {
    /// How the service is set up.
    #[command(flatten)]
    pub config: Config,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program can do besides serving.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Start on a temporary folder, show an image's life over HTTP step by step, and stop.
    Demo,
    /// Really remove images that were deleted so many days ago, with all that belongs to them, and stop.
    Purge {
        /// How many days ago, at least.
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
}

/// How the service is set up. Its `Debug` shows of the store what [`shown`] does.
#[derive(Clone, Args)]
pub struct Config {
    /// Where the database lies: `embedded:PATH`, `redis://HOST/?prefix=NAME` or `memory:`. Several services can share one on
    /// Redis, and then share the data folder, too.
    #[arg(long, env = "GLANCE_STORE", default_value = "embedded:./glance.rome", hide_env_values = true)]
    pub store: String,
    /// The folder for image data. Created if absent.
    #[arg(long, env = "GLANCE_DATA", default_value = "./glance-data")]
    pub data: PathBuf,
    /// The address to listen on. Port 0 takes any free one.
    #[arg(long, env = "GLANCE_LISTEN", default_value = "127.0.0.1:9292")]
    pub listen: SocketAddr,
    /// Accept `X-Auth-Token: user:project:role,..`, with which a caller says by itself who it is, though the address is not
    /// loopback: anyone who reaches the address can then be an admin. Not for production.
    #[arg(long, env = "GLANCE_TRUST_TOKENS")]
    pub trust_tokens: bool,
    /// Show the locations of images, and let their owners change them.
    #[arg(long, env = "GLANCE_SHOW_LOCATIONS")]
    pub show_locations: bool,
    /// Show the URL of an image's data as `direct_url`.
    #[arg(long, env = "GLANCE_SHOW_DIRECT_URL")]
    pub show_direct_url: bool,
    /// The algorithm of `os_hash_value`.
    #[arg(long, env = "GLANCE_HASH", value_enum, default_value_t = Hash::Sha512)]
    pub hash: Hash,
    /// Quotas for one image.
    #[command(flatten)]
    pub quotas: Quotas,
    /// Quotas for one project.
    #[command(flatten)]
    pub limits: ProjectQuotas,
    /// The form of the logs on standard error.
    #[arg(long, env = "GLANCE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: a level, or directives such as `glance=debug,rome=warn`.
    #[arg(long, env = "GLANCE_LOG", default_value = "info")]
    pub log: String,
    /// Whose word is taken for who asks.
    #[command(flatten)]
    pub trust: Trust,
    /// What requests may take of the service.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// The most that one image may have of each.
#[derive(Debug, Clone, Copy, Args)]
pub struct Quotas {
    /// Members of one image.
    #[arg(long = "image-member-quota", env = "GLANCE_IMAGE_MEMBER_QUOTA", default_value_t = 128)]
    pub members: usize,
    /// Additional properties of one image.
    #[arg(long = "image-property-quota", env = "GLANCE_IMAGE_PROPERTY_QUOTA", default_value_t = 128)]
    pub properties: usize,
    /// Tags of one image.
    #[arg(long = "image-tag-quota", env = "GLANCE_IMAGE_TAG_QUOTA", default_value_t = 128)]
    pub tags: usize,
    /// Locations of one image.
    #[arg(long = "image-location-quota", env = "GLANCE_IMAGE_LOCATION_QUOTA", default_value_t = 10)]
    pub locations: usize,
    /// Bytes of the value of one property, and of the metadata of one location.
    #[arg(long = "image-property-size", env = "GLANCE_IMAGE_PROPERTY_SIZE", default_value_t = 65_536)]
    pub property_size: usize,
    /// Bytes of all additional properties and metadata of locations of one image, names counted.
    #[arg(long = "image-properties-size", env = "GLANCE_IMAGE_PROPERTIES_SIZE", default_value_t = 262_144)]
    pub properties_size: usize,
    /// Bytes of the data of one image; 1 TiB unless given.
    #[arg(long = "image-size-cap", env = "GLANCE_IMAGE_SIZE_CAP", default_value_t = SIZE_CAP,
        value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    pub size_cap: u64,
}

/// Bytes that the data of one image has at most unless another number is given.
const SIZE_CAP: u64 = 1 << 40;

impl Default for Quotas {
    fn default() -> Self {
        Self {
            members: 128,
            properties: 128,
            tags: 128,
            locations: 10,
            property_size: 65_536,
            properties_size: 262_144,
            size_cap: SIZE_CAP,
        }
    }
}

/// The most that the images of one project may take; without a limit unless given. The names are those of OpenStack's
/// unified limits.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ProjectQuotas {
    /// MiB of the images of one project whose data is in the store.
    #[arg(long = "image-size-total", env = "GLANCE_IMAGE_SIZE_TOTAL")]
    pub size_total: Option<u64>,
    /// MiB that are staged for imports of one project.
    #[arg(long = "image-stage-total", env = "GLANCE_IMAGE_STAGE_TOTAL")]
    pub stage_total: Option<u64>,
    /// Images of one project.
    #[arg(long = "image-count-total", env = "GLANCE_IMAGE_COUNT_TOTAL")]
    pub count_total: Option<u64>,
    /// Images of one project that are uploaded or imported at the same time.
    #[arg(long = "image-count-uploading", env = "GLANCE_IMAGE_COUNT_UPLOADING")]
    pub count_uploading: Option<u64>,
}

/// Bytes of a MiB.
pub const MIB: u64 = 1024 * 1024;

impl ProjectQuotas {
    /// As the database layer takes them, in bytes.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let bytes = |mib: u64| mib.saturating_mul(MIB);
        Limits {
            image_size_total: self.size_total.map(bytes),
            image_stage_total: self.stage_total.map(bytes),
            image_count_total: self.count_total,
            image_count_uploading: self.count_uploading,
        }
    }
}

/// The algorithm of `os_hash_value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hash {
    /// SHA-2 of 256 bits.
    Sha256,
    /// SHA-2 of 384 bits.
    Sha384,
    /// SHA-2 of 512 bits.
    Sha512,
}

impl Hash {
    /// Its name in `os_hash_algo`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// The form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl Config {
    /// The defaults, with this store and data folder, on any free port of the loopback address.
    #[must_use]
    pub fn local(store: impl Into<String>, data: impl Into<PathBuf>) -> Self {
        Self {
            store: store.into(),
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            trust_tokens: false,
            show_locations: false,
            show_direct_url: false,
            hash: Hash::Sha512,
            quotas: Quotas::default(),
            limits: ProjectQuotas::default(),
            log_format: LogFormat::Text,
            log: "info".to_owned(),
            trust: Trust::default(),
            bounds: Bounds::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            store,
            data,
            listen,
            trust_tokens,
            show_locations,
            show_direct_url,
            hash,
            quotas,
            limits,
            log_format,
            log,
            trust,
            bounds,
        } = self;
        f.debug_struct("Config")
            .field("store", &shown(store))
            .field("data", data)
            .field("listen", listen)
            .field("trust_tokens", trust_tokens)
            .field("show_locations", show_locations)
            .field("show_direct_url", show_direct_url)
            .field("hash", hash)
            .field("quotas", quotas)
            .field("limits", limits)
            .field("log_format", log_format)
            .field("log", log)
            .field("trust", trust)
            .field("bounds", bounds)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use clap::{CommandFactory, Parser};

    use super::{Cli, Config};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_password_is_in_the_debug_form_and_no_variable_in_the_help() {
        let cli = Cli::try_parse_from(["glance", "--store", "redis://:s3cret@h/?prefix=a"]).unwrap();
        let said = format!("{cli:?}");
        assert!(!said.contains("s3cret") && said.contains("redis://h"), "{said}");
    }

    #[test]
    fn local_has_the_defaults_of_the_command_line() {
        let parsed = Cli::try_parse_from(["glance", "--listen", "127.0.0.1:0"]).unwrap().config;
        let local = Config::local(parsed.store.clone(), parsed.data.clone());
        assert_eq!(format!("{parsed:?}"), format!("{local:?}"));
    }
}
