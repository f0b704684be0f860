//! The folder of a database: who may use it, and that its file is there whole or not at all.
//!
//! A lock file is held for as long as the store is open, and the system drops it with the process. The data file is
//! made under another name and renamed when it is complete, so an empty or half file is always damage, never the
//! beginning of a new database. What is made is its owner's alone (0700 and 0600).

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rome_store::{StoreError, StoreErrorKind, StoreResult};

use crate::engine::{Disk, Ending, Engine, Records, Tables, caught, io_error};
use crate::layout;
use crate::options::EmbeddedOptions;
use crate::place::Place;
use crate::private;
use crate::vanished::{self, Identity};

const DATA: &str = "rome.redb";
const DATA_NEW: &str = "rome.redb.new";
const LOCK: &str = "rome.lock";

/// How long to wait for a lock that another holds.
const PATIENCE: Duration = Duration::from_millis(200);

/// Makes a folder and those above it that are missing, so that they are there after a loss of power too.
fn create(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    create(above)?;
    match private::create_dir(path) {
        // Somebody else made it at the same time, or it is no folder, which is found out soon.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync(above)
}

/// Makes the names in a folder durable; on other systems than Unix a folder cannot be synced.
fn sync(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// A folder that no one else may open until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
    /// Which file is open.
    opened: OnceLock<Identity>,
}

impl Folder {
    /// Takes a folder, made if it is missing.
    pub(crate) fn take(path: &Path) -> StoreResult<Self> {
        create(path).map_err(|error| at(path, io_error(&error)))?;
        let lock = private::open_or_create(&path.join(LOCK)).map_err(|error| at(path, io_error(&error)))?;
        while_in_use(|| match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(in_use(path)),
            Err(TryLockError::Error(error)) => Err(at(path, io_error(&error))),
        })?;
        Ok(Self { path: path.to_owned(), lock, opened: OnceLock::new() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens its data file, made if it is missing.
    pub(crate) fn engine(&self, options: &EmbeddedOptions) -> StoreResult<(Disk, Engine)> {
        let file = self.path.join(DATA);
        if !file.try_exists().map_err(|error| at(&file, io_error(&error)))? {
            if vanished::was_made(&self.lock).map_err(|error| at(&file, io_error(&error)))? {
                return Err(vanished::gone(&file, &self.path.join(LOCK)));
            }
            self.make(&file, options).map_err(|error| at(&file, error))?;
        }
        let disk = Disk::file(&file);
        let engine = while_in_use(|| Engine::open(&disk, options).map_err(|error| at(&file, error)))?;
        check_format(&engine).map_err(|error| at(&file, error))?;
        // Without a mark, on a full disk perhaps, it is only noticed less.
        if let Err(error) = vanished::note_made(&self.lock) {
            tracing::debug!(%error, "the lock file could not be marked");
        }
        if let Ok(opened) = Identity::of(&file) {
            self.opened.get_or_init(|| opened);
        }
        Ok((disk, engine))
    }

    /// Whether the file that was opened is still there.
    ///
    /// # Errors
    /// [`StoreErrorKind::Gone`] if it was removed, or another one has its name.
    pub(crate) fn check_there(&self) -> StoreResult<()> {
        let file = self.path.join(DATA);
        match (Identity::of(&file), self.opened.get()) {
            (Ok(now), Some(opened)) if now != *opened => {}
            (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => {}
            _ => return Ok(()),
        }
        Err(vanished::gone(&file, &self.path.join(LOCK)))
    }

    fn make(&self, file: &Path, options: &EmbeddedOptions) -> StoreResult<()> {
        let new = self.path.join(DATA_NEW);
        private::create_anew(&new).map_err(|error| io_error(&error))?;
        let engine = Engine::create(&new, options)?;
        write_format(&engine)?;
        engine.close()?;
        fs::rename(&new, file).map_err(|error| io_error(&error))?;
        sync(&self.path).map_err(|error| io_error(&error))
    }
}

/// Marks a new file as one of this store.
pub(crate) fn write_format(engine: &Engine) -> StoreResult<()> {
    let mut marker = layout::FORMAT_NAME.to_vec();
    marker.extend_from_slice(&layout::FORMAT_VERSION.to_be_bytes());
    let mut stored = Vec::new();
    layout::seal(&mut stored, Place::OWN, layout::FORMAT_KEY, None, &marker);
    engine.write(|tables| {
        tables.writable(Place::OWN)?.put(layout::FORMAT_KEY, &stored)?;
        Ok(Ending::Commit { on_disk: true, result: () })
    })
}

/// Refuses files that are not of this store or of a format that it does not know.
pub(crate) fn check_format(engine: &Engine) -> StoreResult<()> {
    let foreign = || StoreError::new(StoreErrorKind::Invalid, "the file is not a database of ROME's embedded store");
    let snapshot = engine.snapshot()?.ok_or_else(foreign)?;
    let key = layout::FORMAT_KEY;
    let marker = caught(|_| {
        let own = snapshot.table(Place::OWN)?.ok_or_else(foreign)?;
        Records::get(own, key, |stored| layout::unseal(Place::OWN, key, stored).map(<[u8]>::to_vec))
    });
    let marker = marker?.ok_or_else(foreign)??;
    match marker.strip_prefix(layout::FORMAT_NAME).map(<[u8; 4]>::try_from) {
        Some(Ok(version)) if u32::from_be_bytes(version) == layout::FORMAT_VERSION => Ok(()),
        Some(Ok(version)) => Err(StoreError::new(
            StoreErrorKind::Invalid,
            format!(
                "the file has the format version {}, and this program reads version {}; open it with the build that it is of",
                u32::from_be_bytes(version),
                layout::FORMAT_VERSION
            ),
        )),
        _ => Err(foreign()),
    }
}

/// Waits for a lock for a moment: a process that this program starts holds all of its locks, also one that was just given up, until it
/// runs a program of its own.
fn while_in_use<T>(mut open: impl FnMut() -> StoreResult<T>) -> StoreResult<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match open() {
            Err(error) if error.kind() == StoreErrorKind::InUse && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn in_use(path: &Path) -> StoreError {
    StoreError::new(
        StoreErrorKind::InUse,
        format!(
            "the database in {} is open already, in this process or another, and one store at a time may have it open: in one process share \
             the `Database`, whose clones are cheap; for several processes use a server, such as `redis://HOST`",
            path.display()
        ),
    )
}

fn at(place: &Path, error: StoreError) -> StoreError {
    let message = match error.kind() {
        StoreErrorKind::InUse => return in_use(place),
        StoreErrorKind::Corrupt => "cannot open a damaged or foreign file",
        StoreErrorKind::Full => "no room to open",
        _ => "cannot open",
    };
    StoreError::new(error.kind(), format!("{message}: {}", place.display())).with_source(error)
}
