//! How stores are opened by URL.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Store, StoreFuture, StoreResult};

type Opened = Pin<Box<dyn Future<Output = StoreResult<Arc<dyn Store>>> + Send>>;

/// A scheme of URLs, and how the store that such a URL names is opened. A crate with a store gives its scheme to programs, which give it to
/// `DatabaseBuilder::scheme`.
///
/// ```
/// use rome_store::memory::MemoryStore;
/// use rome_store::{Scheme, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rome_store::StoreError> {
/// let scheme = Scheme::new("scratch", "scratch:", async |_url: String| Ok(MemoryStore::new()));
/// assert_eq!(scheme.open("scratch:").await?.capabilities().name, "memory");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Scheme {
    name: &'static str,
    form: &'static str,
    open: Arc<dyn Fn(String) -> Opened + Send + Sync>,
}

impl Scheme {
    /// The scheme of this name, in small letters and without its colon. `form` is how its URLs look, for errors, such as `sorted:PATH`;
    /// `open` is given the whole URL, and refuses what it does not know in it: [`url`](crate::url) helps with that.
    pub fn new<S, Opening>(
        name: &'static str,
        form: &'static str,
        open: impl Fn(String) -> Opening + Send + Sync + 'static,
    ) -> Self
    where
        S: Store,
        Opening: Future<Output = StoreResult<S>> + Send + 'static,
    {
        let open = move |url| -> Opened {
            let opening = open(url);
            Box::pin(async move { Ok(Arc::new(opening.await?) as Arc<dyn Store>) })
        };
        Self { name, form, open: Arc::new(open) }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How its URLs look.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        self.form
    }

    /// Opens the store that a URL of this scheme names.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`](crate::StoreErrorKind::Invalid) if the URL makes no sense; those of the store.
    #[must_use]
    pub fn open(&self, url: &str) -> StoreFuture<'static, Arc<dyn Store>> {
        (self.open)(url.to_owned())
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scheme").field(&self.form).finish()
    }
}
