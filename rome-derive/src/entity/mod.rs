//! `#[derive(Entity)]`.

mod aggregate;
mod expand;
mod foreign_key;
mod index;
mod parse;
mod partition;
mod relation;

use proc_macro2::{Ident, Span, TokenStream};
use syn::DeriveInput;

use crate::field::{Auto, ColumnPath, Field, Relation};
use crate::syntax::{Mistakes, Root, spelled_out};
use aggregate::Aggregate;
use foreign_key::ForeignKey;
use index::Index;

/// The most fields that a key can have.
const WIDEST_KEY: usize = 5;

/// An entity without mistakes that a macro can see.
struct Entity {
    ident: Ident,
    root: Root,
    /// The table's name.
    table: String,
    /// The stored fields in order, each a column or an embedded struct.
    fields: Vec<Field>,
    /// The positions of the key fields among the fields.
    key: Vec<usize>,
    auto: Option<Auto>,
    indexes: Vec<Index>,
    aggregates: Vec<Aggregate>,
    /// The columns of the key that keep rows together; none if the entity does not say.
    partition_by: Vec<ColumnPath>,
    foreign_keys: Vec<ForeignKey>,
    /// Where `hooks` is written, if it is.
    hooks: Option<Span>,
    /// The fields that are not stored.
    relations: Vec<Relation>,
}

/// The derive.
pub fn derive(input: DeriveInput) -> TokenStream {
    let input = spelled_out(input);
    let mut mistakes = Mistakes::default();
    let mut code = parse::entity(&input, &mut mistakes).as_ref().map(expand::entity).unwrap_or_default();
    code.extend(mistakes.into_compile_errors());
    code
}
