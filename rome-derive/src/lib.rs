//! The derive macros of ROME: `Entity`, `Embedded`, `ColumnEnum`, `Newtype` and `Projection`.
//!
//! Each derive goes three steps: *parse* turns the tokens into a *model* and collects every mistake on the way, so that
//! all of them are reported together; *expand* turns a model without mistakes into code. Derived code names only
//! `::rome::__private`, and what a macro cannot see (the types of the fields) it leaves to trait bounds whose errors are
//! worded for the user. Applications use the derives through the `rome` facade, where they are documented.

mod column_enum;
mod embedded;
mod entity;
mod field;
mod newtype;
mod projection;
mod syntax;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Makes a struct with named fields an entity: a row of a table.
///
/// On the struct, `#[rome(...)]` takes `table = "name"` (the type's name in `snake_case` without it), and any number of
/// `index(a, desc(b), embedded.c)` and `unique(a, b)`, each with an optional `as = "name"`. Where two of them name the same
/// column, Clippy takes that for `duplicated_attributes`, which the entity may `allow`.
///
/// On a field it takes `key` (on several fields: a composite key in field order), `auto` or `auto = counter`,
/// `auto = uuid_v4`, `auto = uuid_v7` beside `key`, `column = "stored_name"`, `index`, `index(desc)`, `unique`, `json`,
/// `embed`, `default = value`, `created_at`, `updated_at`, `version` and `soft_delete`.
///
/// `json` stores any serde type as JSON, in a column of type `Json<T>` that has no order; an `Option` in it is JSON's
/// null, so for a column that can be NULL write `Option<Json<T>>` without `json`. `embed` gives a struct that derives
/// `Embedded` a column for each of its fields, `field_sub`. `default` is the value in rows that were written before the
/// column existed; a string literal is converted to the field's type, anything else has to have it.
///
/// Each column becomes an associated constant with the name of its field in capitals: `Dog::AGE`.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use rome::prelude::*;
///
/// #[derive(Entity, Clone, Debug)]
/// #[rome(table = "dogs", index(name, desc(age)))]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     name: String,
///     age: Option<u32>,
///     #[rome(unique)]
///     chip: String,
///     #[rome(updated_at)]
///     updated_at: DateTime<Utc>,
/// }
///
/// assert_eq!(Dog::table().name, "dogs");
/// let _old = Dog::AGE.ge(2).and(Dog::NAME.ne("Rex"));
/// ```
///
/// A mistake in an attribute is a compile error, and all mistakes in one entity are reported together.
#[proc_macro_derive(Entity, attributes(rome))]
pub fn derive_entity(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    entity::derive(input).into()
}

/// Makes a struct with named fields embeddable: its fields are columns of the entity that holds it in an `embed` field.
///
/// A field takes `#[rome(column = "stored_name")]`, `json` and `default = value`. For a struct `Address` this also
/// generates `AddressColumns<E>`, with one field for each column, which is the type of the entity's constant.
///
/// ```
/// use rome::prelude::*;
///
/// #[derive(Embedded, Clone)]
/// struct Address {
///     street: String,
///     city: Option<String>,
/// }
///
/// #[derive(Entity)]
/// #[rome(index(address.city))]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     #[rome(embed)]
///     address: Address,
/// }
///
/// assert!(Owner::table().position("address_city").is_some());
/// let _in_lyon = Owner::ADDRESS.city.eq("Lyon");
/// ```
#[proc_macro_derive(Embedded, attributes(rome))]
pub fn derive_embedded(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    embedded::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Makes an enum of unit variants a column type, stored by the label of its variant.
///
/// A label is the variant's name in `snake_case`, or as `#[rome(rename_all = "...")]` on the enum says, or what
/// `#[rome(label = "...")]` on the variant says. Labels are what is stored: renaming a variant without keeping its label
/// makes stored rows unreadable. Values order by the bytes of their labels, not by declaration.
///
/// The enum has to be `Clone`. Besides being a column type it gets `label()` and `FromStr`.
///
/// ```
/// use rome::prelude::*;
///
/// #[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
/// #[rome(rename_all = "kebab-case")]
/// enum Coat {
///     Short,
///     VeryLong,
///     #[rome(label = "none")]
///     Naked,
/// }
///
/// assert_eq!(Coat::VeryLong.label(), "very-long");
/// assert_eq!("none".parse(), Ok(Coat::Naked));
/// ```
#[proc_macro_derive(ColumnEnum, attributes(rome))]
pub fn derive_column_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    column_enum::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Makes a struct around one column type a column type of its own, stored as what it holds: `struct Email(String);`.
///
/// It orders, is a key and is generated exactly if what it holds does.
///
/// ```
/// use rome::prelude::*;
///
/// #[derive(Newtype, Clone)]
/// struct Email(String);
///
/// #[derive(Entity)]
/// struct Account {
///     #[rome(key)]
///     email: Email,
/// }
///
/// let _one = Account::EMAIL.eq(Email("ann@example.org".into()));
/// ```
#[proc_macro_derive(Newtype, attributes(rome))]
pub fn derive_newtype(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    newtype::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Makes a struct with named fields a selection of columns of the entity in `#[rome(entity = Dog)]`.
///
/// A field reads the column of its own name, or the constant in `#[rome(column = AGE)]` or
/// `#[rome(column = ADDRESS.city)]`, and has the column's type.
///
/// ```
/// use rome::prelude::*;
///
/// #[derive(Entity)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     name: String,
///     age: Option<u32>,
/// }
///
/// #[derive(Projection)]
/// #[rome(entity = Dog)]
/// struct Summary {
///     name: String,
///     #[rome(column = AGE)]
///     years: Option<u32>,
/// }
/// ```
#[proc_macro_derive(Projection, attributes(rome))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    projection::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}
