//! `#[derive(Newtype)]`.

mod expand;
mod parse;

use proc_macro2::{Ident, TokenStream};
use syn::{DeriveInput, Member, Type};

use crate::syntax::Root;

/// A struct around one column type.
struct Newtype {
    ident: Ident,
    root: Root,
    /// The only field: `0`, or its name.
    member: Member,
    ty: Type,
}

/// The derive.
pub fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    parse::newtype(input).map(|newtype| expand::newtype(&newtype))
}
