//! What bounds the service sets to the requests of its callers: how many at once, how long, how large.

use std::time::Duration;

use clap::Args;

/// Bytes of a KiB.
pub const KIB: u64 = 1024;

/// The most that requests may take of the service: numbers, times and sizes. Each refusal names the bound.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Bounds")]
pub struct Bounds {
    /// Connections at the same time. Above it the one that has been idle longest is closed, and where none is idle a new
    /// one is answered 503. It is lowered where the process may not have that many files open.
    #[arg(long, env = "GLANCE_MAX_CONNECTIONS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// Uploads, stagings counted, at the same time.
    #[arg(long, env = "GLANCE_MAX_UPLOADS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_uploads: u32,
    /// Downloads at the same time.
    #[arg(long, env = "GLANCE_MAX_DOWNLOADS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_downloads: u32,
    /// JSON bodies at the same time whose sender lets the service wait.
    #[arg(long, env = "GLANCE_MAX_WAITING_BODIES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_waiting_bodies: u32,
    /// MiB of answers above 64 KiB that wait to be taken by their callers.
    #[arg(long, env = "GLANCE_MAX_WAITING_ANSWERS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_waiting_answers: u32,
    /// Percent of the uploads, downloads, waiting bodies and waiting answers that one project may have.
    #[arg(long, env = "GLANCE_PROJECT_SHARE", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub project_share: u32,
    /// Lists that are read from the database at the same time; others wait for their turn.
    #[arg(long, env = "GLANCE_MAX_LISTS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_lists: u32,
    /// Imports that are worked on at the same time; others wait for their turn.
    #[arg(long, env = "GLANCE_MAX_IMPORTS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_imports: u32,

    /// Seconds for the head of a request, counted from the connection or from the end of the request before.
    #[arg(long, env = "GLANCE_HEADER_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub header_timeout: u32,
    /// Seconds for a JSON body.
    #[arg(long, env = "GLANCE_BODY_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub body_timeout: u32,
    /// Seconds for each 64 KiB of an upload.
    #[arg(long, env = "GLANCE_UPLOAD_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub upload_timeout: u32,
    /// Seconds in which the caller has to take each 64 KiB of an answer or a download.
    #[arg(long, env = "GLANCE_ANSWER_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub answer_timeout: u32,

    /// KiB of the head of a request: its URL and its headers.
    #[arg(long, env = "GLANCE_MAX_HEADER_SIZE", default_value_t = 128, value_parser = clap::value_parser!(u32).range(8..=65536))]
    pub max_header_size: u32,
    /// KiB of a JSON body.
    #[arg(long, env = "GLANCE_MAX_BODY_SIZE", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub max_body_size: u32,
    /// KiB of a list of images. A page that would be larger ends earlier, and its link `next` goes on from there.
    #[arg(long, env = "GLANCE_MAX_LIST_SIZE", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_list_size: u32,
    /// Filters of a list, tags counted.
    #[arg(long, env = "GLANCE_MAX_FILTERS", default_value_t = 64)]
    pub max_filters: usize,
    /// Values of a filter `in:`.
    #[arg(long, env = "GLANCE_MAX_FILTER_VALUES", default_value_t = 1000)]
    pub max_filter_values: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_uploads: 64,
            max_downloads: 128,
            max_waiting_bodies: 128,
            max_waiting_answers: 64,
            project_share: 25,
            max_lists: 16,
            max_imports: 4,
            header_timeout: 30,
            body_timeout: 30,
            upload_timeout: 60,
            answer_timeout: 60,
            max_header_size: 128,
            max_body_size: 1024,
            max_list_size: 4096,
            max_filters: 64,
            max_filter_values: 1000,
        }
    }
}

/// Files that the process needs in addition to those of its connections: the store, the log, connections to Redis.
const OTHER_FILES: u64 = 64;

impl Bounds {
    /// The bounds for a process that may have so many files open. A connection is a file, an upload two more, a download
    /// one more.
    #[must_use]
    pub fn within_files(self, files: Option<u64>) -> Self {
        let Some(files) = files else { return self };
        let files = files.saturating_sub(OTHER_FILES).max(16);
        let wanted = u64::from(self.max_connections) + 2 * u64::from(self.max_uploads) + u64::from(self.max_downloads);
        if wanted <= files {
            return self;
        }
        let most = |wanted: u32, room: u64| wanted.min(u32::try_from(room).unwrap_or(u32::MAX));
        Self {
            max_connections: most(self.max_connections, files / 2),
            max_uploads: most(self.max_uploads, files / 8),
            max_downloads: most(self.max_downloads, files / 4),
            ..self
        }
    }

    /// What one project may have of something of which there are so many.
    #[must_use]
    pub fn share_of(&self, all: u64) -> u64 {
        (all.saturating_mul(self.project_share.into()) / 100).max(1)
    }

    /// For the head of a request.
    #[must_use]
    pub const fn header_time(&self) -> Duration {
        seconds(self.header_timeout)
    }

    /// For a JSON body.
    #[must_use]
    pub const fn body_time(&self) -> Duration {
        seconds(self.body_timeout)
    }

    /// For a step of an upload.
    #[must_use]
    pub const fn upload_time(&self) -> Duration {
        seconds(self.upload_timeout)
    }

    /// For a step of an answer.
    #[must_use]
    pub const fn answer_time(&self) -> Duration {
        seconds(self.answer_timeout)
    }
}

const fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn connections_uploads_and_downloads_fit_the_files_that_the_process_may_open() {
        for files in [0, 64, 100, 200, 1024, 4096, 1 << 20] {
            let bounds = Bounds::default().within_files(Some(files));
            let needed = bounds.max_connections + 2 * bounds.max_uploads + bounds.max_downloads;
            assert!(u64::from(needed) <= files.saturating_sub(64).max(16), "{files}: {bounds:?}");
            assert!(bounds.max_connections > bounds.max_uploads && bounds.max_uploads > 0 && bounds.max_downloads > 0);
        }
        assert_eq!(Bounds::default().within_files(None).max_connections, 1024);
    }
}
