//! From the model to code.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::foreign_key::ForeignKey;
use super::index::{Index, Part};
use super::{Auto, Entity, relation};
use crate::field::{Field, Kind, OnDelete, columns};

/// The implementation of `Entity`, and the constants.
pub fn entity(entity: &Entity) -> TokenStream {
    let ident = &entity.ident;
    let private = entity.root.private();
    let constants = constants(entity);
    let relations = entity.relations.iter().map(|relation| relation::constant(entity, relation));
    let table = table(entity);
    let names = distinct_names(entity);
    let (key_type, key) = key(entity);
    let write = entity.fields.iter().map(Field::write);
    let read = entity.fields.iter().map(Field::read);
    let exact = entity.fields.iter().map(Field::exact);
    let unloaded = entity.relations.iter().map(|relation| relation::unloaded(entity, relation));

    let hooks = hooks(entity);
    let has_hooks = hooks.is_some().then(|| quote!(impl __rome::HasHooks for #ident {}));

    quote! {
        const _: () = {
            use #private as __rome;
            #[allow(unused_imports, reason = "a type without `PartialEq` needs it")]
            use __rome::NoEquality as _;

            #[allow(dead_code, reason = "not every column is used in a query")]
            impl #ident {
                #(#constants)*
                #(#relations)*
            }

            #names

            #has_hooks

            #[automatically_derived]
            impl __rome::Entity for #ident {
                type Key = #key_type;

                fn table() -> &'static __rome::Table {
                    #table
                }

                fn key(&self) -> Self::Key {
                    #key
                }
            }

            #[automatically_derived]
            impl __rome::Row for #ident {
                const EXACT: bool = true #(&& #exact)*;

                #hooks

                fn write(&self, row: &mut __rome::RowWriter) {
                    #(#write)*
                }

                fn read(row: &mut __rome::RowReader<'_>) -> __rome::Result<Self, __rome::ValueError> {
                    __rome::Ok(Self { #(#read,)* #(#unloaded,)* })
                }
            }
        };
    }
}

fn constants(entity: &Entity) -> Vec<TokenStream> {
    let ident = &entity.ident;
    let mut constants = Vec::new();
    let mut single: u16 = 0;
    let mut widths: Vec<TokenStream> = Vec::new();
    for field in &entity.fields {
        let (vis, name, constant) = (&field.vis, &field.name, &field.constant);
        let (ty, field_type) = (field.column_type(), &field.ty);
        let literal = Literal::u16_unsuffixed(single);
        let position = quote!(#literal #(+ #widths)*);
        if field.kind == Kind::Embed {
            let doc = format!(" The columns of the embedded `{}`.", field.ident.unraw());
            let columns = quote_spanned!(ty.span()=> <#ty as __rome::Embedded>::Columns<#ident>);
            let placed = quote_spanned!(ty.span()=> <#columns as __rome::ColumnsAt<{ #position }>>::COLUMNS);
            constants.push(quote! {
                #[doc = #doc]
                #vis const #constant: #columns = #placed;
            });
            widths.push(quote_spanned!(ty.span()=> <#field_type as __rome::Embedded>::WIDTH));
        } else {
            let doc = format!(" The column `{name}`.");
            constants.push(quote! {
                #[doc = #doc]
                #vis const #constant: __rome::Column<#ident, #ty> = __rome::Column::at(#position);
            });
            single += 1;
        }
    }
    constants
}

/// The check that embedded columns have names of their own; those of the fields have been compared already.
fn distinct_names(entity: &Entity) -> Option<TokenStream> {
    let (embedded, own): (Vec<&Field>, Vec<&Field>) = entity.fields.iter().partition(|field| field.kind == Kind::Embed);
    if embedded.is_empty() {
        return None;
    }
    let own = own.iter().map(|field| &field.name);
    let groups = embedded.iter().map(|field| {
        let Field { name, ty, .. } = field;
        quote_spanned!(ty.span()=> (#name, <#ty as __rome::Embedded>::NAMES))
    });
    Some(quote_spanned! {entity.ident.span()=>
        const _: () = __rome::distinct(&[("", &[#(#own),*]), #(#groups),*]);
    })
}

fn table(entity: &Entity) -> TokenStream {
    let (ident, table, name) = (&entity.ident, &entity.table, entity.ident.unraw().to_string());
    let columns = entity.fields.iter().map(|field| match field.kind {
        Kind::Plain | Kind::Json => {
            let definition = field.definition();
            quote!(.column(#definition))
        }
        Kind::Embed => {
            let (name, ty) = (&field.name, &field.ty);
            quote_spanned!(ty.span()=> .embed(#name, <#ty as __rome::Embedded>::columns()))
        }
    });
    let key = entity.key.iter().map(|&at| {
        let Field { constant, ty, .. } = &entity.fields[at];
        match entity.key.len() {
            1 => quote!(#ident::#constant.position()),
            // The key is a tuple: an error of its own for the field that cannot be part of one.
            _ => quote_spanned!(ty.span()=> __rome::key::<_, #ty>(#ident::#constant)),
        }
    });
    let source = key_source(entity);
    let parts = entity.indexes.iter().enumerate().map(|(at, index)| index_parts(entity, at, index));
    let indexes = entity.indexes.iter().enumerate().map(|(at, index)| {
        let verb = match (index.unique, index.global) {
            (true, _) => format_ident!("unique"),
            (false, true) => format_ident!("global_index"),
            (false, false) => format_ident!("index"),
        };
        let name = index.name.as_ref().map_or_else(|| quote!(__rome::None), |name| quote!(__rome::Some(#name)));
        let parts = index_constant(at);
        quote!(.#verb(#name, &#parts))
    });
    let aggregates = entity.aggregates.iter().enumerate();
    let aggregate_parts = aggregates.clone().map(|(at, aggregate)| aggregate.constants(at, ident, &entity.fields));
    let aggregates = aggregates.map(|(at, aggregate)| aggregate.declaration(at));
    let partition = (!entity.partition_by.is_empty()).then(|| {
        let columns = entity.partition_by.iter().map(|column| column.of(ident, &entity.fields));
        quote!(.partition_by(&[#(#columns.position()),*]))
    });
    let foreign_keys = entity.foreign_keys.iter().map(|foreign_key| foreign_key_of(entity, foreign_key));
    quote! {
        #(#parts)*
        #(#aggregate_parts)*
        static TABLE: __rome::LazyLock<__rome::Table> = __rome::LazyLock::new(|| {
            __rome::Table::build(#table, #name)
                #(#columns)*
                .key(&[#(#key),*], #source)
                #partition
                #(#indexes)*
                #(#aggregates)*
                #(#foreign_keys)*
                .finish()
        });
        &TABLE
    }
}

fn key(entity: &Entity) -> (TokenStream, TokenStream) {
    let fields: Vec<&Field> = entity.key.iter().map(|&at| &entity.fields[at]).collect();
    let types = fields.iter().map(|field| &field.ty);
    let clones = fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let this = quote!(self);
        quote_spanned!(ty.span()=> __rome::Clone::clone(&#this.#ident))
    });
    if fields.len() == 1 {
        (quote!(#(#types)*), quote!(#(#clones)*))
    } else {
        (quote_spanned!(entity.ident.span()=> (#(#types),*)), quote!((#(#clones),*)))
    }
}

/// The error of an entity without an implementation points at the attribute.
fn hooks(entity: &Entity) -> Option<TokenStream> {
    let (ident, span) = (&entity.ident, entity.hooks?);
    let made = quote_spanned!(span=> __rome::hooks::<#ident>());
    Some(quote! {
        fn hooks() -> __rome::Option<&'static __rome::AnyHooks> {
            __rome::Some(#made)
        }
    })
}

fn key_source(entity: &Entity) -> TokenStream {
    let Some((auto, ty)) = entity.auto.zip(entity.key.first().map(|&at| &entity.fields[at].ty)) else {
        return quote!(__rome::KeySource::Given);
    };
    match auto {
        Auto::ByType => quote_spanned!(ty.span()=> <#ty as __rome::AutoKey>::SOURCE),
        Auto::Counter => quote_spanned!(ty.span()=> __rome::counter::<#ty>()),
        Auto::UuidV4 => quote_spanned!(ty.span()=> __rome::uuid_v4::<#ty>()),
        Auto::UuidV7 => quote_spanned!(ty.span()=> __rome::uuid_v7::<#ty>()),
    }
}

fn index_constant(at: usize) -> proc_macro2::Ident {
    format_ident!("INDEX_{}", at + 1)
}

/// A constant, so that what is wrong with an index is found when the entity is compiled.
fn index_parts(entity: &Entity, at: usize, index: &Index) -> TokenStream {
    let constant = index_constant(at);
    let count = index.parts.len();
    let parts = index.parts.iter().map(|part| index_part(entity, part));
    let check = format_ident!("{}", if index.unique { "unique" } else { "index" }, span = index.span);
    quote_spanned! {index.span=>
        const #constant: [__rome::IndexPart; #count] = __rome::#check([#(#parts),*]);
    }
}

fn index_part(entity: &Entity, part: &Part) -> TokenStream {
    let span = part.column.span();
    let direction = format_ident!("{}", if part.descending { "desc" } else { "asc" }, span = span);
    let column = part.column.of(&entity.ident, &entity.fields);
    quote_spanned!(span=> __rome::#direction(#column))
}

fn foreign_key_of(entity: &Entity, foreign_key: &ForeignKey) -> TokenStream {
    let ident = &entity.ident;
    let target = &foreign_key.reference.target;
    let columns = columns(&foreign_key.columns, ident, &entity.fields);
    let span = target.span();
    let made = match foreign_key.reference.on_delete {
        OnDelete::SetNull => quote_spanned!(span=> __rome::foreign_key_set_null::<#ident, #target, _>(#columns)),
        action => {
            let action = format_ident!("{}", action.variant());
            quote_spanned!(span=> __rome::foreign_key::<#ident, #target, _>(#columns, __rome::OnDelete::#action))
        }
    };
    quote!(.foreign_key(#made))
}
