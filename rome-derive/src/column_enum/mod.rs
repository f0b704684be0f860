//! `#[derive(ColumnEnum)]`.

mod expand;
mod parse;

use proc_macro2::{Ident, TokenStream};
use syn::DeriveInput;

use crate::syntax::Root;

/// An enum of unit variants, each with its label.
struct ColumnEnum {
    ident: Ident,
    root: Root,
    /// Whether its variants compare by their declaration, and not by their labels.
    ordered: bool,
    variants: Vec<Variant>,
}

/// A variant and what it is stored as.
struct Variant {
    ident: Ident,
    label: String,
}

/// The derive.
pub fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    parse::column_enum(input).map(|column_enum| expand::column_enum(&column_enum))
}
