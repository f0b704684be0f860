//! From tokens to the model.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields};

use super::{ColumnEnum, Variant};
use crate::syntax::{Case, Item, Mistakes, Root, Words, did_you_mean, items};

const ON_ENUM: Words = Words {
    here: &["rename_all", "crate"],
    elsewhere: &[
        ("label", "`label` belongs on a variant"),
        ("table", "`table` belongs to `#[derive(Entity)]`, and an entity is a struct"),
    ],
    repeated: &[],
};

const ON_VARIANT: Words = Words {
    here: &["label"],
    elsewhere: &[
        ("rename", "write `label = \"...\"`"),
        ("rename_all", "`rename_all` belongs on the enum"),
        ("crate", "`crate` belongs on the enum"),
    ],
    repeated: &[],
};

pub fn column_enum(input: &DeriveInput) -> syn::Result<ColumnEnum> {
    let mut mistakes = Mistakes::default();
    let mut root = Root::facade();
    let mut case = Case::Snake;
    for item in items(&input.attrs, &ON_ENUM, &mut mistakes) {
        if item.is("crate") {
            root.set(&item, &mut mistakes);
        } else {
            case = parse_case(&item, &mut mistakes).unwrap_or(case);
        }
    }
    let variants = variants(input, case, &mut mistakes);
    check_labels(&variants, &mut mistakes);
    mistakes.check()?;
    Ok(ColumnEnum { ident: input.ident.clone(), root, variants })
}

fn parse_case(item: &Item, mistakes: &mut Mistakes) -> Option<Case> {
    let text = item.text(mistakes)?;
    let name = text.value();
    let found = Case::ALL.iter().find(|(known, _)| *known == name).map(|(_, case)| *case);
    if found.is_none() {
        let names = Case::ALL.map(|(known, _)| known);
        let mut hint = did_you_mean(&name, names);
        if hint.is_empty() {
            hint = format!(": write {}", names.map(|name| format!("`{name}`")).join(", "));
        }
        mistakes.add(text.span(), format!("there is no case `{name}`{hint}"));
    }
    found
}

fn variants(input: &DeriveInput, case: Case, mistakes: &mut Mistakes) -> Vec<Variant> {
    if let Some(parameter) = input.generics.params.first() {
        mistakes.add(parameter.span(), "an enum in a column cannot have type parameters or lifetimes");
    }
    let Data::Enum(data) = &input.data else {
        mistakes.add(
            input.ident.span(),
            "`ColumnEnum` is for enums; a struct around one column type derives `Newtype`, one of several `Embedded`",
        );
        return Vec::new();
    };
    if data.variants.is_empty() {
        mistakes.add(input.ident.span(), "an enum in a column needs at least one variant");
    }
    data.variants.iter().map(|variant| parse_variant(variant, case, mistakes)).collect()
}

fn parse_variant(variant: &syn::Variant, case: Case, mistakes: &mut Mistakes) -> Variant {
    if !matches!(variant.fields, Fields::Unit) {
        mistakes.add(
            variant.fields.span(),
            "a variant in a column holds nothing; to store an enum with data, put `#[rome(json)]` on the entity's field",
        );
    }
    let items = items(&variant.attrs, &ON_VARIANT, mistakes);
    let given = items.iter().find_map(|item| item.text(mistakes)).map(|label| label.value());
    let label = given.unwrap_or_else(|| case.apply(&variant.ident.unraw().to_string()));
    Variant { ident: variant.ident.clone(), label }
}

fn check_labels(variants: &[Variant], mistakes: &mut Mistakes) {
    let mut labels = HashMap::new();
    for variant in variants {
        if let Some(other) = labels.insert(&variant.label, &variant.ident) {
            mistakes.add(variant.ident.span(), format!("`{other}` has the label `{}` too", variant.label));
        }
    }
}
