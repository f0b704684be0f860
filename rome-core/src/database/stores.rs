//! How a database gets its store: by a URL, or as it is.
//!
//! A URL may hold a password, so no error repeats what follows a scheme; what a store says of its own URLs is that of the store.

use std::pin::Pin;
use std::sync::Arc;

use super::builder::check_runtime;
use crate::error::{Error, Result};
use crate::store::memory::MemoryStore;
use crate::store::url::shown;
use crate::store::{Scheme, Store};

/// The most of a scheme that an error repeats, in bytes.
const LONGEST_SCHEME: usize = 32;

/// The schemes of stores that are not in every build, and of which feature they are.
const OPTIONAL: [(&str, &str); 5] = [
    ("embedded", "embedded"),
    ("redis", "redis"),
    ("redis-cluster", "redis"),
    ("rediss", "redis"),
    ("rediss-cluster", "redis"),
];

/// The schemes of URLs that a database is opened by: those of this build, and those that a program adds.
#[derive(Debug, Clone, Default)]
pub struct Schemes(Vec<Scheme>);

impl Schemes {
    /// Adds a scheme, in the place of one of the same name.
    pub(super) fn add(&mut self, scheme: Scheme) {
        self.0.push(scheme);
    }

    /// Those of a program, the last one first, and then those of the build.
    fn all(&self) -> Vec<Scheme> {
        let mut all: Vec<Scheme> = self.0.iter().rev().cloned().collect();
        all.push(MemoryStore::scheme());
        #[cfg(feature = "embedded")]
        all.push(rome_embedded::EmbeddedStore::scheme());
        #[cfg(feature = "redis")]
        all.extend(rome_redis::RedisStore::schemes());
        all
    }

    async fn open(&self, url: &str) -> Result<Arc<dyn Store>> {
        let schemes = self.all();
        if let Some((name, _)) = url.split_once(':')
            && url.trim() == url
            && let Some(scheme) = schemes.iter().find(|scheme| scheme.name() == name)
        {
            return Ok(scheme.open(url).await?);
        }
        Err(refusal(url, &schemes))
    }
}

/// Why no store is named by a URL.
fn refusal(url: &str, schemes: &[Scheme]) -> Error {
    let stores = || {
        let forms: Vec<_> = schemes.iter().map(|scheme| format!("`{}`", scheme.form())).collect();
        match forms.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => forms.concat(),
        }
    };
    let known = |name: &str| {
        let names = schemes.iter().map(Scheme::name).chain(OPTIONAL.map(|(name, _)| name));
        names.into_iter().find(|known| known.eq_ignore_ascii_case(name))
    };
    if url.trim().is_empty() {
        return Error::invalid(format!("the URL of the store is empty; there are {}", stores()));
    }
    if url.trim() != url {
        return Error::invalid("the URL of the store begins or ends with a blank: remove it");
    }
    let Some((name, rest)) = url.split_once(':') else {
        if url.starts_with(['.', '/', '~']) {
            return Error::invalid(format!("the path of a store needs its scheme: write `embedded:{}`", shown(url)));
        }
        return match known(url) {
            Some(name) => Error::invalid(format!("the URL of the store needs a colon: write `{name}:`")),
            None => Error::invalid(format!("the URL of the store has no scheme; there are {}", stores())),
        };
    };
    if let Some((name, feature)) = OPTIONAL.iter().find(|(optional, _)| *optional == name) {
        return Error::invalid(format!(
            "this build has no store for `{name}:`: enable the feature `{feature}` of `rome-orm`"
        ));
    }
    if let Some(known) = known(name) {
        return Error::invalid(format!("schemes are written in small letters: `{known}:`"));
    }
    let is_drive = name.len() == 1 && rest.starts_with(['\\', '/']);
    if is_drive || name.starts_with(['.', '/', '~']) || matches!(name, "file" | "path") {
        return Error::invalid("the path of a store needs its scheme: write `embedded:` and the path");
    }
    let is_scheme = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        // It may be a password.
        return Error::invalid(format!("this URL names no store; there are {}", stores()));
    }
    let name = shown(&name[..name.floor_char_boundary(LONGEST_SCHEME)]);
    Error::invalid(format!(
        "`{name}:` names no store; there are {}, and a store of another crate is added with `scheme`",
        stores()
    ))
}

/// Opens the store that a URL names, without a database in it: for tools, and to wrap it in another store. It knows the schemes of this
/// build; a store of another crate is opened by its own [`Scheme`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// let store = rome_orm::open_store("memory:").await?;
/// assert_eq!(store.capabilities().partitions, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`DatabaseBuilder::open`](super::DatabaseBuilder::open), of the store.
pub async fn open_store(url: &str) -> Result<Arc<dyn Store>> {
    check_runtime()?;
    Schemes::default().open(url).await
}

type Opened<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>>> + Send + 'a>>;

mod sealed {
    pub trait Sealed {}
}

/// What a database is opened with: the URL of a store, or a store in an [`Arc`]. Sealed.
pub trait IntoStore: sealed::Sealed + Send {
    /// The store.
    #[doc(hidden)]
    fn into_store<'a>(self, schemes: &'a Schemes) -> Opened<'a>
    where
        Self: 'a;
}

impl sealed::Sealed for &str {}

impl IntoStore for &str {
    fn into_store<'a>(self, schemes: &'a Schemes) -> Opened<'a>
    where
        Self: 'a,
    {
        Box::pin(schemes.open(self))
    }
}

impl sealed::Sealed for &String {}

impl IntoStore for &String {
    fn into_store<'a>(self, schemes: &'a Schemes) -> Opened<'a>
    where
        Self: 'a,
    {
        Box::pin(schemes.open(self))
    }
}

impl sealed::Sealed for String {}

impl IntoStore for String {
    fn into_store<'a>(self, schemes: &'a Schemes) -> Opened<'a>
    where
        Self: 'a,
    {
        Box::pin(async move { schemes.open(&self).await })
    }
}

impl<S: Store> sealed::Sealed for Arc<S> {}

impl<S: Store> IntoStore for Arc<S> {
    fn into_store<'a>(self, _: &'a Schemes) -> Opened<'a>
    where
        Self: 'a,
    {
        Box::pin(std::future::ready(Ok(self as Arc<dyn Store>)))
    }
}

impl sealed::Sealed for Arc<dyn Store> {}

impl IntoStore for Arc<dyn Store> {
    fn into_store<'a>(self, _: &'a Schemes) -> Opened<'a>
    where
        Self: 'a,
    {
        Box::pin(std::future::ready(Ok(self)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn refused(url: &str) -> String {
        let error = Schemes::default().open(url).await.map(drop).unwrap_err();
        assert!(error.is_invalid(), "{url}");
        error.to_string()
    }

    #[tokio::test]
    async fn what_names_no_store_is_refused_with_what_there_is() {
        let cases = [
            ("", "is empty"),
            ("  ", "is empty"),
            ("memory://", "write `memory:`"),
            ("memory:data", "write `memory:`"),
            ("memory:?partition=4", "`partitions`"),
            ("memory", "write `memory:`"),
            (" memory:", "blank"),
            ("memory:\n", "blank"),
            ("Memory:", "`memory:`"),
            ("REDIS://h", "`redis:`"),
            ("postgres://h", "`postgres:` names no store; there are `memory:`"),
            ("localhost", "has no scheme"),
            ("./data", "write `embedded:./data`"),
            ("/data", "write `embedded:/data`"),
            ("file:./data", "write `embedded:`"),
            ("./a:b", "write `embedded:`"),
            ("C:\\data", "write `embedded:`"),
            #[cfg(not(feature = "embedded"))]
            ("embedded:./x", "enable the feature `embedded`"),
            #[cfg(feature = "embedded")]
            ("embedded://./x", "write `embedded:./x`"),
            #[cfg(not(feature = "redis"))]
            ("rediss-cluster://h", "enable the feature `redis`"),
            #[cfg(feature = "redis")]
            ("redis:h", "write `redis://HOST`"),
            #[cfg(feature = "redis")]
            ("redis-sentinel://h", "`redis-cluster://HOST`"),
        ];
        for (url, says) in cases {
            let error = refused(url).await;
            assert!(error.contains(says), "{url:?}: {error}");
        }
    }

    #[tokio::test]
    async fn no_error_holds_a_password_or_what_a_terminal_obeys() {
        let urls =
            ["redis:u:hunter2@h", "mysql://u:hunter2@h", "u@hunter2", "Redis://:hunter2@h", "memory://hunter2@h"];
        for url in urls {
            assert!(!refused(url).await.contains("hunter2"), "{url}");
        }
        let long = refused(&format!("{}://h", "x".repeat(100_000))).await;
        assert!(long.len() < 400, "{}", long.len());
        assert!(!refused("a\u{1b}]0;x:y").await.contains('\u{1b}'));
    }

    #[tokio::test]
    async fn a_scheme_that_a_program_adds_comes_before_those_of_the_build() {
        let mut schemes = Schemes::default();
        for partitions in [2, 3] {
            let open = move |_: String| async move { Ok(MemoryStore::with_partitions(partitions)) };
            schemes.add(Scheme::new("memory", "memory:", open));
        }
        assert_eq!(schemes.open("memory:").await.unwrap().capabilities().partitions, 3);
        assert_eq!(open_store("memory:").await.unwrap().capabilities().partitions, 1);
    }
}
