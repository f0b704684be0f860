//! From the model to code.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;

use super::ColumnEnum;

/// The labels, and the implementations that make the enum a column type.
pub fn column_enum(column_enum: &ColumnEnum) -> TokenStream {
    let (ident, private) = (&column_enum.ident, column_enum.root.private());
    let name = ident.unraw().to_string();
    let variants: Vec<_> = column_enum.variants.iter().map(|variant| &variant.ident).collect();
    let labels: Vec<_> = column_enum.variants.iter().map(|variant| &variant.label).collect();
    let field = if column_enum.ordered { by_place(&variants, &labels) } else { by_label(&labels) };

    quote! {
        const _: () = {
            use #private as __rome;

            impl #ident {
                /// The label that this variant is stored as.
                #[must_use]
                pub const fn label(&self) -> &'static str {
                    match self {
                        #(Self::#variants => #labels,)*
                    }
                }
            }

            #[automatically_derived]
            impl __rome::FromStr for #ident {
                type Err = __rome::ValueError;

                /// The variant with this label.
                fn from_str(label: &str) -> __rome::Result<Self, __rome::ValueError> {
                    match label {
                        #(#labels => __rome::Ok(Self::#variants),)*
                        _ => __rome::Err(__rome::ValueError::unknown_label(label, #name)),
                    }
                }
            }

            #[automatically_derived]
            impl __rome::Field for #ident {
                const EXACT: bool = true;

                #field
            }

            #[automatically_derived]
            impl __rome::Ordered for #ident {}

            #[automatically_derived]
            impl __rome::Element for #ident {}

            #[automatically_derived]
            impl __rome::KeyField for #ident {}
        };
    }
}

/// The members of `Field` of an enum that is stored and compared by label.
fn by_label(labels: &[&String]) -> TokenStream {
    quote! {
        const TYPE: __rome::ColumnType = __rome::ColumnType::Enum(&[#(#labels),*]);

        fn write(&self, row: &mut __rome::RowWriter) {
            row.text(self.label());
        }

        fn read(row: &mut __rome::RowReader<'_>) -> __rome::Result<Self, __rome::ValueError> {
            __rome::FromStr::from_str(row.text()?)
        }

        fn to_value(&self) -> __rome::Value {
            __rome::Value::Text(__rome::From::from(self.label()))
        }

        fn from_value(value: __rome::Value) -> __rome::Result<Self, __rome::ValueError> {
            __rome::enum_from_value(&value)
        }

        fn put_key(&self, descending: bool, out: &mut __rome::Vec<u8>) {
            __rome::put_label(self.label(), descending, out);
        }
    }
}

/// The members of `Field` of an enum that is stored and compared by the place of its variants.
fn by_place(variants: &[&Ident], labels: &[&String]) -> TokenStream {
    let places: Vec<u16> = (0..=u16::MAX).take(variants.len()).collect();
    let place = quote! {
        match self {
            #(Self::#variants => #places,)*
        }
    };
    let at = quote! {
        match place {
            #(#places => __rome::Ok(Self::#variants),)*
            _ => __rome::Err(__rome::unknown_place::<Self>(place)),
        }
    };
    quote! {
        const TYPE: __rome::ColumnType = __rome::ColumnType::OrderedEnum(&[#(#labels),*]);

        fn write(&self, row: &mut __rome::RowWriter) {
            let place: u16 = #place;
            row.uint64(place as u64);
        }

        fn read(row: &mut __rome::RowReader<'_>) -> __rome::Result<Self, __rome::ValueError> {
            let place = __rome::read_place(row)?;
            #at
        }

        fn to_value(&self) -> __rome::Value {
            __rome::Value::Label(__rome::Label::at(#place, &[#(#labels),*]))
        }

        fn from_value(value: __rome::Value) -> __rome::Result<Self, __rome::ValueError> {
            let place = __rome::place_in::<Self>(&value)?;
            #at
        }

        fn put_key(&self, descending: bool, out: &mut __rome::Vec<u8>) {
            __rome::put_place(#place, descending, out);
        }
    }
}
