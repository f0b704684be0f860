//! From the model to code.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::Projection;

/// The implementation of `Projection`.
pub fn projection(projection: &Projection) -> TokenStream {
    let (ident, entity, private) = (&projection.ident, &projection.entity, projection.root.private());
    let positions = projection.fields.iter().map(|field| {
        let column = &field.column;
        quote!(#entity::#column.position())
    });
    let read = projection.fields.iter().map(|field| {
        let (ident, ty, column) = (&field.ident, &field.ty, &field.column);
        quote_spanned!(ty.span()=> #ident: __rome::project::<#entity, _, #ty>(row, #entity::#column)?)
    });
    quote! {
        const _: () = {
            use #private as __rome;

            #[automatically_derived]
            impl __rome::Projection<#entity> for #ident {
                fn columns() -> __rome::Vec<u16> {
                    __rome::Vec::from([#(#positions),*])
                }

                fn read(row: &__rome::RowView<'_>) -> __rome::Result<Self, __rome::ValueError> {
                    __rome::Ok(Self { #(#read,)* })
                }
            }
        };
    }
}
