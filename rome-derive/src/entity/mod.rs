//! `#[derive(Entity)]`.

mod expand;
mod index;
mod parse;

use proc_macro2::{Ident, TokenStream};
use syn::DeriveInput;

use crate::field::{Auto, Field};
use crate::syntax::{Mistakes, Root};
use index::Index;

/// An entity without mistakes that a macro can see.
struct Entity {
    ident: Ident,
    root: Root,
    /// The table's name.
    table: String,
    /// The fields in order, each a column or an embedded struct.
    fields: Vec<Field>,
    /// The positions of the key fields among the fields.
    key: Vec<usize>,
    auto: Option<Auto>,
    indexes: Vec<Index>,
}

/// The derive.
pub fn derive(input: &DeriveInput) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut code = parse::entity(input, &mut mistakes).as_ref().map(expand::entity).unwrap_or_default();
    code.extend(mistakes.into_compile_errors());
    code
}
