//! From the model to code.

use proc_macro2::TokenStream;
use quote::quote;

use super::Newtype;

/// The implementation of `Newtype`, from which everything else follows.
pub fn newtype(newtype: &Newtype) -> TokenStream {
    let (ident, member, ty, private) = (&newtype.ident, &newtype.member, &newtype.ty, newtype.root.private());
    quote! {
        #[automatically_derived]
        impl #private::Newtype for #ident {
            type Inner = #ty;

            const WHOLE: bool = true;

            fn from_inner(inner: #ty) -> Self {
                Self { #member: inner }
            }

            fn inner(&self) -> &#ty {
                &self.#member
            }
        }
    }
}
