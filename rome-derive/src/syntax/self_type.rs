//! `Self` in the types of fields and in attributes.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Data, DeriveInput, Fields, Meta};

/// The same input with its name in the place of `Self`, which means nothing in the statics of derived code.
pub fn spelled_out(mut input: DeriveInput) -> DeriveInput {
    let name = input.ident.clone();
    let mut attrs: Vec<&mut Attribute> = input.attrs.iter_mut().collect();
    if let Data::Struct(data) = &mut input.data
        && let Fields::Named(fields) = &mut data.fields
    {
        for field in &mut fields.named {
            // What does not parse any more did not parse before.
            field.ty = syn::parse2(replaced(field.ty.to_token_stream(), &name)).unwrap_or_else(|_| field.ty.clone());
            attrs.extend(&mut field.attrs);
        }
    }
    for attr in attrs {
        if let Meta::List(list) = &mut attr.meta {
            list.tokens = replaced(list.tokens.clone(), &name);
        }
    }
    input
}

fn replaced(tokens: TokenStream, name: &Ident) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut name = name.clone();
            name.set_span(ident.span());
            TokenTree::Ident(name)
        }
        TokenTree::Group(group) => {
            let mut copy = Group::new(group.delimiter(), replaced(group.stream(), name));
            copy.set_span(group.span());
            TokenTree::Group(copy)
        }
        other => other,
    };
    tokens.into_iter().map(replace).collect()
}
