//! Folders and files of the service alone: what it makes nobody else on the machine may read, and it follows no link that
//! somebody else may have put there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Makes a folder, and those above it that are missing, unless it is there.
///
/// # Errors
/// When the file system refuses.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a folder in one of the service, or takes one that is there. A link to one is refused: it would lead what the service
/// writes and removes elsewhere.
pub(super) fn make_own_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let there = fs::symlink_metadata(path)?;
    if !there.is_dir() {
        return Err(io::Error::other(format!("{} is no folder, or a link to one", path.display())));
    }
    Ok(())
}

/// Whether others than the owner may look into a folder.
///
/// # Errors
/// When the file system refuses.
pub fn is_open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Makes a file that is not there.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file for locking, made if it is not there; what is in it stays.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    // Not truncated, not followed, not waited for.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
        .open(path)
}

/// Opens a file for reading; anything that is no file is as if it were not there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let found = OpenOptions::new().read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK)).open(path);
    let file = found.map_err(|e| if e.raw_os_error() == Some(LOOP) { io::ErrorKind::NotFound.into() } else { e })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// What opening a link says.
const LOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();

const fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{create_new, make_folder, make_own_folder, open, open_lock};

    #[test]
    fn what_is_made_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let inner = folder.path().join("a/b");
        make_folder(&inner).unwrap();
        make_folder(&inner).unwrap();
        assert_eq!((mode(folder.path().join("a")), mode(inner.clone())), (0o700, 0o700));
        make_own_folder(&inner.join("c")).unwrap();
        create_new(&inner.join("file")).unwrap();
        open_lock(&inner.join("lock")).unwrap();
        assert_eq!((mode(inner.join("c")), mode(inner.join("file")), mode(inner.join("lock"))), (0o700, 0o600, 0o600));
    }

    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "secret").unwrap();
        symlink(&target, &link).unwrap();
        assert!(create_new(&link).is_err() && open_lock(&link).is_err());
        assert_eq!(open(&link).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(open(folder.path()).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fs::read(&target).unwrap(), b"secret");
        let elsewhere = folder.path().join("elsewhere");
        symlink(folder.path(), &elsewhere).unwrap();
        assert!(make_own_folder(&elsewhere).is_err());
        open_lock(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"secret");
    }
}
