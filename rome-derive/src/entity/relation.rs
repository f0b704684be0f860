//! From relations to code.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::Entity;
use crate::field::{Fields, Relation, RelationKind, columns};
use crate::syntax::Mistakes;

/// Reports what is wrong with the relations of an entity, as far as it is about its own columns.
pub fn check(fields: &Fields, mistakes: &mut Mistakes) {
    let own = fields.relations.iter().filter(|relation| relation.kind == RelationKind::BelongsTo);
    for column in own.filter_map(|relation| relation.link.as_ref()).flat_map(|link| &link.columns) {
        column.check(fields, "which holds no key: give the reference a column of its own", mistakes);
    }
}

/// The constant that is the relation.
pub fn constant(entity: &Entity, relation: &Relation) -> TokenStream {
    let ident = &entity.ident;
    let Relation { ident: field, vis, ty, constant, .. } = relation;
    let doc = format!(" The relation `{}`.", field.unraw());
    let name = name(entity, relation);
    let def = definition(entity, relation);
    quote! {
        #[doc = #doc]
        #vis const #constant: __rome::Relation<#ident, #ty> = {
            fn def() -> &'static __rome::RelationDef {
                #def
            }
            __rome::Relation::new(#name, def, |row| &mut row.#field)
        };
    }
}

fn definition(entity: &Entity, relation: &Relation) -> TokenStream {
    let (ident, ty) = (&entity.ident, &relation.ty);
    let Some(link) = &relation.link else {
        return quote!(::core::panic!("this relation does not compile"));
    };
    let kind = format_ident!("{}", relation.kind.word(), span = relation.span);
    // Under names of their own, so that an error about a column points at the column.
    let (other, between) = (format_ident!("__Other"), format_ident!("__Between"));
    let call = match (relation.kind, &link.through) {
        (RelationKind::ManyToMany, Some(through)) => {
            let (near, far) = (columns(&link.columns, &between, &[]), columns(&link.far, &between, &[]));
            let made = quote_spanned!(relation.span=> __rome::#kind::<#ident, #ty, #between, _, _>(#near, #far));
            quote!({
                type #between = #through;
                #made
            })
        }
        (RelationKind::BelongsTo, _) => {
            let columns = columns(&link.columns, ident, &entity.fields);
            quote_spanned!(relation.span=> __rome::#kind::<#ident, #ty, _>(#columns))
        }
        _ => {
            let columns = columns(&link.columns, &other, &[]);
            let target = quote_spanned!(ty.span()=> <#ty as __rome::Related>::Target);
            let made = quote_spanned!(relation.span=> __rome::#kind::<#ident, #ty, _>(#columns));
            quote!({
                type #other = #target;
                #made
            })
        }
    };
    quote! {
        static DEF: __rome::LazyLock<__rome::RelationDef> = __rome::LazyLock::new(|| #call);
        &DEF
    }
}

/// The field of the struct expression that a row is read into.
pub fn unloaded(entity: &Entity, relation: &Relation) -> TokenStream {
    let Relation { ident, ty, .. } = relation;
    let name = name(entity, relation);
    quote_spanned!(ty.span()=> #ident: <#ty as __rome::Unloaded>::unloaded(#name))
}

fn name(entity: &Entity, relation: &Relation) -> TokenStream {
    let entity = entity.ident.unraw().to_string();
    let (field, constant) = (relation.ident.unraw().to_string(), relation.constant.to_token_stream().to_string());
    quote!(&__rome::RelationName { entity: #entity, field: #field, constant: #constant })
}
