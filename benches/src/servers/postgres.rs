//! A PostgreSQL cluster of the benchmark's own.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

const MISSING: &str = "PostgreSQL is not installed: apt-get install postgresql, or run benches/servers";

/// What differs from the defaults, none of which touches durability: `fsync`, `synchronous_commit` and
/// `full_page_writes` are on. The cache holds the tables, and 64 connections for each ORM fit.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=256MB";

/// A running cluster. It is stopped when this is dropped, and its folder removed.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes a cluster with these databases and starts it.
    pub fn start(databases: &[&str]) -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("rome-benches-postgres-").tempdir()?;
        // The server runs as another user where this program runs as root, which PostgreSQL refuses.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let server = Self { programs, folder, port };
        server.run("initdb", &["--auth=trust", "--username=rome", "--encoding=UTF8", "--locale=C"])?;
        let sockets = server.folder.path().display();
        let options = format!("{SETTINGS} -c port={port} -c unix_socket_directories={sockets}");
        let log = server.folder.path().join("log");
        server
            .run("pg_ctl", &["--wait", "--silent", "--log", &log.to_string_lossy(), "--options", &options, "start"])?;
        for database in databases {
            let create = format!("CREATE DATABASE {database}");
            let url = server.url("postgres");
            let mut psql = Command::new(server.programs.join("psql"));
            let output = psql.args(["--quiet", "--command", &create, &url]).output().context(MISSING)?;
            ensure!(output.status.success(), "{create}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(server)
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://rome@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a program of PostgreSQL on the cluster's folder, as a user that it does not refuse.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let path = self.programs.join(program);
        let mut command = if is_root()? {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments).current_dir(self.folder.path());
        // The server inherits them, so pipes would never end.
        let output = self.folder.path().join("output");
        let file = fs::File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let status = command.status().context(MISSING)?;
        ensure!(status.success(), "{program} failed: {}", fs::read_to_string(output)?);
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.run("pg_ctl", &["--wait", "--silent", "--mode=immediate", "stop"]) {
            eprintln!("PostgreSQL in {} was not stopped: {error}", self.folder.path().display());
        }
    }
}

/// The folder of PostgreSQL's programs: Debian keeps them out of `PATH`. The newest version counts.
fn programs() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for version in fs::read_dir("/usr/lib/postgresql").into_iter().flatten() {
        let path = version?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        versions.extend(number.map(|number| (number, path.join("bin"))));
    }
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.into_iter().rev().map(|(_, folder)| folder).chain(std::env::split_paths(&path));
    match folders.into_iter().find(|folder| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).exists()))
    {
        Some(folder) => Ok(folder),
        None => bail!(MISSING),
    }
}

fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(Path::new("/proc/self"))?.uid() == 0)
}
