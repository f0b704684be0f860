//! From the model to code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::Projection;

/// The implementation of `Projection`.
pub fn projection(projection: &Projection) -> TokenStream {
    let (ident, entity, private) = (&projection.ident, &projection.entity, projection.root.private());
    let positions = projection.fields.iter().map(|field| {
        let (entity, column) = (located_at(entity, field.ident.span()), &field.column);
        quote!(#entity::#column.position())
    });
    let read = projection.fields.iter().map(|field| {
        let (ident, ty, column) = (&field.ident, &field.ty, &field.column);
        let entity = located_at(entity, ident.span());
        let row = quote!(row);
        quote_spanned!(ty.span()=> #ident: __rome::project::<#ty, _>(#row, #entity::#column)?)
    });
    quote! {
        const _: () = {
            use #private as __rome;

            #[automatically_derived]
            impl __rome::Projection<#entity> for #ident {
                fn columns() -> __rome::Vec<u16> {
                    __rome::From::from([#(#positions),*])
                }

                fn read(row: &__rome::RowView<'_>) -> __rome::Result<Self, __rome::ValueError> {
                    __rome::Ok(Self { #(#read,)* })
                }
            }
        };
    }
}

/// The path as if it were written at a field, so that an error about the field points there.
fn located_at(path: &syn::Path, span: Span) -> TokenStream {
    let relocate = |mut token: proc_macro2::TokenTree| {
        token.set_span(span);
        token
    };
    path.to_token_stream().into_iter().map(relocate).collect()
}
