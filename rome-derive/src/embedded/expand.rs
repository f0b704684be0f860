//! From the model to code.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

use super::Embedded;
use crate::field::Field;

/// The struct of columns, and the implementations of `ColumnsAt` and `Embedded`.
pub fn embedded(embedded: &Embedded) -> TokenStream {
    let (ident, vis, private) = (&embedded.ident, &embedded.vis, embedded.root.private());
    let columns = format_ident!("{}Columns", ident.unraw());
    let doc = format!(" The columns of [`{}`] within an entity `E`.", ident.unraw());
    // The struct is outside of the block, so that it can be named; it is the only code that spells the path in full.
    let declared = embedded.fields.iter().map(|field| {
        let (vis, ident, ty) = (&field.vis, &field.ident, field.column_type_in(&private));
        let doc = format!(" The column `{}`.", field.name);
        quote!(#[doc = #doc] #vis #ident: #private::Column<E, #ty>)
    });
    let placed = embedded.fields.iter().enumerate().map(|(at, field)| {
        let (ident, at) = (&field.ident, Literal::usize_unsuffixed(at));
        quote!(#ident: __rome::Column::at(BASE + #at))
    });
    let names = embedded.fields.iter().map(|field| &field.name);
    let definitions = embedded.fields.iter().map(Field::definition);
    let write = embedded.fields.iter().map(Field::write);
    let read = embedded.fields.iter().map(Field::read);
    let exact = embedded.fields.iter().map(Field::exact);

    quote! {
        #[doc = #doc]
        #[allow(dead_code, reason = "not every column is used in a query")]
        #vis struct #columns<E> {
            #(#declared,)*
        }

        const _: () = {
            use #private as __rome;
            #[allow(unused_imports, reason = "a type without `PartialEq` needs it")]
            use __rome::NoEquality as _;

            #[automatically_derived]
            impl<E, const BASE: u16> __rome::ColumnsAt<BASE> for #columns<E> {
                const COLUMNS: Self = Self { #(#placed,)* };
            }

            #[automatically_derived]
            impl __rome::Embedded for #ident {
                const NAMES: &'static [&'static str] = &[#(#names),*];

                const EXACT: bool = true #(&& #exact)*;

                type Columns<E> = #columns<E>;

                fn columns() -> __rome::Vec<__rome::ColumnDef> {
                    __rome::From::from([#(#definitions),*])
                }

                fn write(&self, row: &mut __rome::RowWriter) {
                    #(#write)*
                }

                fn read(row: &mut __rome::RowReader<'_>) -> __rome::Result<Self, __rome::ValueError> {
                    __rome::Ok(Self { #(#read,)* })
                }
            }
        };
    }
}
