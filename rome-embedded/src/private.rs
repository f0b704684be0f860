//! Folders and files that only their owner can read, whatever the process would give others otherwise.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes one folder: 0700 on Unix.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file for writing, 0600 on Unix, and fails if something has that name, a dangling link too.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a file for writing in the place of what has that name. A link is removed, not followed.
pub(crate) fn create_anew(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => create_new(path),
    }
}

/// Opens a file for writing, made if it is missing. Its content stays. A link is refused.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    // Looked at before, since opening alone changes things for some kinds of files: a pipe would wait for a reader.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other(format!("{} is a link or no file; remove it", path.display())));
    }
    OpenOptions::new().write(true).open(path)
}
