//! `#[derive(Embedded)]`.

mod expand;
mod parse;

use proc_macro2::{Ident, TokenStream};
use syn::{DeriveInput, Visibility};

use crate::field::Field;
use crate::syntax::Root;

/// An embedded struct without mistakes that a macro can see.
struct Embedded {
    ident: Ident,
    vis: Visibility,
    root: Root,
    /// The fields in order, each of them one column.
    fields: Vec<Field>,
}

/// The derive.
pub fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    parse::embedded(input).map(|embedded| expand::embedded(&embedded))
}
