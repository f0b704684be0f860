//! `#[derive(Projection)]`.

mod expand;
mod parse;

use proc_macro2::{Ident, TokenStream};
use syn::{DeriveInput, Path, Type};

use crate::syntax::Root;

/// A struct that holds columns of an entity.
struct Projection {
    ident: Ident,
    root: Root,
    entity: Path,
    fields: Vec<Field>,
}

/// A field, and the column that it holds: a constant of the entity, or a field of one.
struct Field {
    ident: Ident,
    ty: Type,
    column: TokenStream,
}

/// The derive.
pub fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    parse::projection(input).map(|projection| expand::projection(&projection))
}
