//! Where derived code finds ROME.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Path};

use super::{Item, Mistakes};

/// The path of the crate that has `__private`: `::rome`, unless `#[rome(crate = "path")]` says otherwise.
pub struct Root(Option<Path>);

impl Root {
    /// The usual one.
    pub const fn facade() -> Self {
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
        let mut root = Self::facade();
        for item in super::items(attrs, &super::Words { here: &["crate"], elsewhere: &[], repeated: &[] }, mistakes) {
            root.set(&item, mistakes);
        }
        root
    }

    /// The path of what derived code uses.
    pub fn private(&self) -> TokenStream {
        match &self.0 {
            Some(path) => {
                let path = path.to_token_stream();
                quote!(#path::__private)
            }
            None => quote!(::rome::__private),
        }
    }
}
