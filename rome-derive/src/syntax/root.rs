//! Where derived code finds ROME.

use proc_macro_crate::{Error, FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Path};

use super::{Item, Mistakes};

/// The packages that have `__private`: what applications depend on, and what is below it.
const PACKAGES: [&str; 2] = ["rome-orm", "rome-core"];

const NOT_FOUND: &str = "ROME is not among the dependencies of this package: run `cargo add rome-orm`, or say who re-exports it: \
    `#[rome(crate = \"framework::rome_orm\")]`";

/// The path of the crate that has `__private`: the name that the dependency has in the manifest of the package that is being
/// built, unless `#[rome(crate = "path")]` says otherwise.
pub struct Root(Option<Path>);

impl Root {
    /// The usual one.
    pub const fn of_manifest() -> Self {
        Self(None)
    }

    /// Takes the path of a `crate` attribute.
    pub fn set(&mut self, item: &Item, mistakes: &mut Mistakes) {
        if let Some(text) = item.text(mistakes) {
            match text.parse() {
                Ok(path) => self.0 = Some(path),
                Err(_) => mistakes.add(text.span(), "this is not a path"),
            }
        }
    }

    /// Reads the attributes of something that takes `crate` and nothing else.
    pub fn of(attrs: &[Attribute], mistakes: &mut Mistakes) -> Self {
        let mut root = Self::of_manifest();
        for item in super::items(attrs, &super::Words { here: &["crate"], elsewhere: &[], repeated: &[] }, mistakes) {
            root.set(&item, mistakes);
        }
        root.check(mistakes);
        root
    }

    /// Notes as a mistake that neither the manifest names ROME nor an attribute says where it is.
    pub fn check(&self, mistakes: &mut Mistakes) {
        let is_missing = |package| matches!(crate_name(package), Err(Error::CrateNotFound { .. }));
        if self.0.is_none() && PACKAGES.into_iter().all(is_missing) {
            mistakes.add_hopeless(Span::call_site(), NOT_FOUND);
        }
    }

    /// The path of what derived code uses.
    pub fn private(&self) -> TokenStream {
        match &self.0 {
            Some(path) => {
                let path = path.to_token_stream();
                quote!(#path::__private)
            }
            None => {
                let name = format_ident!("{}", found().unwrap_or_else(|| "rome_orm".to_owned()));
                quote!(::#name::__private)
            }
        }
    }
}

/// The name of the dependency. None where no manifest can be read, which is so without Cargo.
fn found() -> Option<String> {
    PACKAGES.iter().find_map(|package| match crate_name(package).ok()? {
        FoundCrate::Itself => Some(package.replace('-', "_")),
        FoundCrate::Name(name) => Some(name),
    })
}
