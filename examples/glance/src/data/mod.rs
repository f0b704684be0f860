//! Image data in files.
//!
//! Data comes in as a stream of unknown length and reaches its place whole or not at all: it is written to a file of its
//! own in `incoming`, hashed on the way, synced, and then renamed. What a killed service left in `incoming` is removed when
//! the next one starts. While a batch of a stream is written the next one comes, and no more, so a slow disk holds the sender
//! back instead of filling memory, and a slow sender holds no thread. All of it is for the user of the service alone.
//!
//! ```text
//! DATA/store1/<image id>     data of images
//! DATA/staging/<image id>    data that was staged and waits for its import
//! DATA/incoming/<random>     data on its way
//! DATA/busy/<image id>.*     says that a living service is working on the image's data
//! DATA/mending               locked by the service that looks for what killed ones left
//! ```
//!
//! Several services may share the folder, on one machine or on a file system that locks files for several.
//!
//! It does not know what an image is, or who may do what.

mod digest;
mod download;
mod error;
mod files;
mod held;
mod receive;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use digest::{Digests, Hasher};
pub use download::stream;
pub use error::DataError;
pub use files::{is_open_to_others, make_folder};
pub use receive::{Expected, Received};

use crate::config::Hash;
use held::Held;

/// The name of the one file store.
pub const STORE: &str = "store1";

/// Where data is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// The store, for the data of images.
    Store,
    /// The staging area.
    Staging,
}

/// Says that this service is working on the data of an image, as long as it is there and the process lives.
#[derive(Debug)]
pub struct Busy(#[expect(dead_code, reason = "held, not read")] Option<Held>);

/// The right to mend what killed services left, which one service has at a time; until it is dropped.
#[derive(Debug)]
pub struct Mending(#[expect(dead_code, reason = "held, not read")] File);

/// The folder that holds image data.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
    hash: Hash,
}

impl DataFolder {
    /// Opens a data folder, making what is missing of it, and removes what a killed service left half received.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or its file system locks no files.
    pub fn open(root: &Path, hash: Hash) -> io::Result<Self> {
        make_folder(root)?;
        let root = root.canonicalize()?;
        for area in [STORE, "staging", "incoming", "busy"] {
            files::make_own_folder(&root.join(area))?;
        }
        held::sweep(&root.join("incoming"))?;
        Ok(Self { root, hash })
    }

    /// Says that this service works on the data of an image. It has to be said before the database knows of it, and held
    /// until the database knows that it is over.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn begin(&self, image_id: &str) -> io::Result<Busy> {
        let held = is_file_name(image_id).then(|| Held::create(&self.root.join("busy"), image_id));
        held.transpose().map(Busy)
    }

    /// The images that a living service works on.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn busy(&self) -> io::Result<HashSet<String>> {
        Ok(held::sweep(&self.root.join("busy"))?.into_iter().collect())
    }

    /// Waits until no other service mends, and blocks the thread meanwhile.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn mend(&self) -> io::Result<Mending> {
        let file = files::open_lock(&self.root.join("mending"))?;
        file.lock()?;
        Ok(Mending(file))
    }

    /// The algorithm of the secure hash.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The URL of an image's data in the store.
    #[must_use]
    pub fn url(&self, image_id: &str) -> String {
        format!("file://{}", self.root.join(STORE).join(image_id).display())
    }

    /// Opens the data that a URL names, and tells its length. Only data in the store is found: a URL that names any
    /// other file is as unknown as one that names none.
    ///
    /// # Errors
    /// `NotFound`, or what reading fails with.
    pub fn open_url(&self, url: &str) -> io::Result<(File, u64)> {
        let file = files::open(&self.path_of(url).ok_or(io::ErrorKind::NotFound)?)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// Removes the data that a URL names; nothing happens if it is not there, or not in the store.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove_url(&self, url: &str) -> io::Result<()> {
        self.path_of(url).map_or(Ok(()), |path| remove_if_there(&path))
    }

    /// Whether there is data for an image in an area.
    #[must_use]
    pub fn has(&self, area: Area, image_id: &str) -> bool {
        self.path(area, image_id).is_some_and(|path| files::open(&path).is_ok())
    }

    /// Removes an image's data from an area; nothing happens if it is not there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self, area: Area, image_id: &str) -> io::Result<()> {
        self.path(area, image_id).map_or(Ok(()), |path| remove_if_there(&path))
    }

    /// Moves staged data into the store, hashing it on the way; data that was moved before is only hashed. Blocks the
    /// thread for as long as reading it takes.
    ///
    /// # Errors
    /// When there is none, or the file system refuses. The staged data is then still there.
    pub fn import(&self, image_id: &str) -> Result<Received, DataError> {
        let missing = || DataError::Write(io::ErrorKind::NotFound.into());
        let from = self.path(Area::Staging, image_id).ok_or_else(missing)?;
        let to = self.path(Area::Store, image_id).ok_or_else(missing)?;
        let mut hasher = Hasher::new(self.hash);
        let (mut file, staged) = match files::open(&from) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => (files::open(&to).map_err(DataError::Write)?, false),
            file => (file.map_err(DataError::Write)?, true),
        };
        let size = hasher.read(&mut file).map_err(DataError::Write)?;
        if staged {
            fs::rename(&from, &to).map_err(DataError::Write)?;
        }
        for area in [STORE, "staging"] {
            sync_folder(&self.root.join(area)).map_err(DataError::Write)?;
        }
        Ok(Received { size, digests: hasher.finish() })
    }

    fn path(&self, area: Area, image_id: &str) -> Option<PathBuf> {
        let folder = match area {
            Area::Store => STORE,
            Area::Staging => "staging",
        };
        is_file_name(image_id).then(|| self.root.join(folder).join(image_id))
    }

    fn path_of(&self, url: &str) -> Option<PathBuf> {
        let path = Path::new(url.strip_prefix("file://")?);
        let name = path.strip_prefix(self.root.join(STORE)).ok()?.to_str()?;
        is_file_name(name).then(|| path.to_owned())
    }
}

/// Ids become file names, so an id with anything else in it has no data.
fn is_file_name(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Area, DataFolder};
    use crate::config::Hash;

    #[test]
    fn a_url_names_files_of_the_store_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::fs::write(folder.path().join("store1/a"), "data").unwrap();
        assert_eq!(data.open_url(&data.url("a")).unwrap().1, 4);
        for url in [data.url("../secret"), data.url("b"), "file:///etc/passwd".into(), "http://host/a".into()] {
            assert!(data.open_url(&url).is_err(), "{url}");
            data.remove_url(&url).unwrap();
        }
        assert!(!data.has(Area::Store, "../secret") && folder.path().join("secret").exists());
    }

    #[test]
    fn links_in_the_folder_lead_nowhere() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = elsewhere.path().join("secret");
        std::fs::write(&secret, "x").unwrap();
        DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        for link in ["mending", "store1/a", "staging/b", "incoming/c", "busy/d"] {
            std::os::unix::fs::symlink(&secret, folder.path().join(link)).unwrap();
        }
        let data = DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        assert!(data.mend().is_err() && data.open_url(&data.url("a")).is_err());
        assert!(!data.has(Area::Store, "a") && !data.has(Area::Staging, "b") && data.import("b").is_err());
        assert_eq!(data.busy().unwrap(), std::collections::HashSet::new());
        assert_eq!(std::fs::read(&secret).unwrap(), b"x");
        // What would be swept is elsewhere.
        std::fs::remove_dir(folder.path().join("incoming")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("incoming")).unwrap();
        assert!(DataFolder::open(folder.path(), Hash::Sha512).is_err());
        assert!(secret.exists());
    }

    #[test]
    fn opening_removes_what_was_half_received() {
        let folder = tempfile::tempdir().unwrap();
        DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        let half = folder.path().join("incoming/half");
        std::fs::write(&half, "da").unwrap();
        DataFolder::open(folder.path(), Hash::Sha512).unwrap();
        assert!(!half.exists());
    }
}
