//! From tokens to the model.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Expr, ExprLit, ExprUnary, Fields, Lit, UnOp};

use super::{ColumnEnum, Variant};
use crate::syntax::{Case, Item, Mistakes, Root, Words, did_you_mean, items};

const ON_ENUM: Words = Words {
    here: &["rename_all", "order", "crate"],
    elsewhere: &[
        ("rename", "`rename` belongs on a variant; on the enum it is `rename_all`"),
        ("table", "`table` belongs to `#[derive(Entity)]`, and an entity is a struct"),
    ],
    repeated: &[],
};

const ON_VARIANT: Words = Words {
    here: &["rename"],
    elsewhere: &[
        ("label", "write `rename = \"...\"`"),
        ("rename_all", "`rename_all` belongs on the enum"),
        ("order", "`order` belongs on the enum"),
        ("crate", "`crate` belongs on the enum"),
    ],
    repeated: &[],
};

pub fn column_enum(input: &DeriveInput) -> syn::Result<ColumnEnum> {
    let mut mistakes = Mistakes::default();
    let mut root = Root::of_manifest();
    let mut case = Case::Snake;
    let mut order = None;
    for item in items(&input.attrs, &ON_ENUM, &mut mistakes) {
        if item.is("crate") {
            root.set(&item, &mut mistakes);
        } else if item.is("order") {
            item.alone(&mut mistakes);
            order = Some(item.span());
        } else {
            case = parse_case(&item, &mut mistakes).unwrap_or(case);
        }
    }
    root.check(&mut mistakes);
    let variants = variants(input, case, &mut mistakes);
    check_labels(&variants, &mut mistakes);
    if let (Some(_), Data::Enum(data)) = (order, &input.data) {
        check_discriminants(data, &mut mistakes);
    }
    mistakes.check()?;
    Ok(ColumnEnum { ident: input.ident.clone(), root, ordered: order.is_some(), variants })
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

/// Rust compares variants by their numbers: where those are given and do not rise, it and ROME would disagree.
fn check_discriminants(data: &DataEnum, mistakes: &mut Mistakes) {
    let mut last: Option<i128> = None;
    for variant in &data.variants {
        let given = variant.discriminant.as_ref().map(|(_, value)| value);
        let number = match given {
            None => Some(last.map_or(0, |last| last.saturating_add(1))),
            Some(value) => number(value),
        };
        if let (Some(number), Some(last), Some(value)) = (number, last, given)
            && number <= last
        {
            mistakes.add(
                value.span(),
                "`order` is that of the declaration, and these numbers say another one: declare the variants from the \
                 least to the greatest",
            );
        }
        last = number.or(last);
    }
}

/// The number of a literal; `None` if it is computed.
fn number(value: &Expr) -> Option<i128> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr).map(|number| -number),
        _ => None,
    }
}

fn check_labels(variants: &[Variant], mistakes: &mut Mistakes) {
    let mut labels = HashMap::new();
    for variant in variants {
        if let Some(other) = labels.insert(&variant.label, &variant.ident) {
            mistakes.add(variant.ident.span(), format!("`{other}` has the label `{}` too", variant.label));
        }
    }
}
