//! What a derive accepts.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Type};

use super::Mistakes;

/// The fields of a struct with named fields and no parameters; otherwise nothing, and the mistake says what to do.
/// `what` is the thing with its article, such as "an entity".
pub fn named_fields<'a>(input: &'a DeriveInput, what: &str, mistakes: &mut Mistakes) -> Vec<&'a Field> {
    if let Some(parameter) = input.generics.params.first() {
        mistakes.add_hopeless(
            parameter.span(),
            format!(
                "{what} cannot have type parameters or lifetimes: write a struct for each type that it is used with"
            ),
        );
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => return fields.named.iter().collect(),
            Fields::Unnamed(_) => mistakes.add_hopeless(
                input.ident.span(),
                format!("{what} needs named fields: write `struct {} {{ .. }}`", input.ident),
            ),
            Fields::Named(_) | Fields::Unit => {
                mistakes.add_hopeless(input.ident.span(), format!("{what} needs at least one field"));
            }
        },
        Data::Enum(_) => mistakes.add_hopeless(
            input.ident.span(),
            format!(
                "{what} is a struct with named fields; to store this enum in a column, use `#[derive(ColumnEnum)]`"
            ),
        ),
        Data::Union(_) => {
            mistakes.add_hopeless(input.ident.span(), format!("{what} is a struct with named fields, not a union"))
        }
    }
    Vec::new()
}

/// Refuses a type that borrows.
pub fn owned_type(ty: &Type, mistakes: &mut Mistakes) {
    if borrows(ty.to_token_stream()) {
        mistakes
            .add_hopeless(ty.span(), "a row owns its values: use an owned type here, such as `String` or `Vec<u8>`");
    }
}

fn borrows(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })
}
