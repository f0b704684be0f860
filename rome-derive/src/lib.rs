//! The derive macros of ROME: `Entity`, `Embedded`, `ColumnEnum`, `Newtype` and `Projection`.
//!
//! Each derive goes three steps: *parse* turns the tokens into a *model* and collects every mistake on the way, so that
//! all of them are reported together; *expand* turns a model without mistakes into code. Derived code names only
//! `::rome_orm::__private`, under the name that the manifest gives to `rome-orm`, and what a macro cannot see (the types of the fields) it leaves to trait bounds whose errors are
//! worded for the user. Applications use the derives through the facade `rome-orm`, where they are documented.

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
/// `index(a, desc(b), embedded.c)`, `global_index(a, b)` and `unique(a, b)`, each with an optional `name = "..."`. A global index keeps
/// the entries of all partitions together in its order; those of the others lie beside their rows. Without a name each may be written
/// with brackets, `index = [a, desc(b)]`: Clippy takes two lists in parentheses that name the same column for `duplicated_attributes`.
/// `partition_by = a` or `partition_by = [a, b]` names columns of the key: rows that are equal in them lie in one partition.
/// `hooks` runs the `rome_orm::Hooks` that the entity implements before and after its rows are written.
///
/// `count`, `count(by = [a, b])` and `sum(a, by = b)` or `sum(a, by = [b, c])`, each as often as needed, are aggregate indexes, see
/// below.
///
/// On a field it takes `key` (on several fields: a composite key in field order), `auto` or `auto = counter`,
/// `auto = uuid_v4`, `auto = uuid_v7` beside `key`, `column = "stored_name"`, `index`, `index(desc)`, `global_index`,
/// `global_index(desc)`, `unique`, `json`, `embed`, `default = value`, `created_at`, `updated_at`, `version` and `soft_delete`, the foreign keys
/// and relations below.
///
/// `json` stores any serde type as JSON, in a column of type `Json<T>` that has no order; an `Option` in it is JSON's
/// null, so for a column that can be NULL write `Option<Json<T>>` without `json`. `embed` gives a struct that derives
/// `Embedded` a column for each of its fields, `field_sub`. `default` is the value in rows that were written before the
/// column existed; a string literal is converted to the field's type, anything else has to have it.
///
/// Each column and each relation becomes an associated constant with the name of its field in capitals, `Dog::AGE`, or with the one that
/// `constant = AGE_COLUMN` says, for instance where the program has a constant `AGE` of its own. What another entity says of such a
/// column says the constant, in small letters: `has_many(age_column)`.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use rome_orm::prelude::*;
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
/// # Aggregate indexes
///
/// `count(by = status)` keeps beside the rows how many there are of each status, `sum(size, by = owner)` and
/// `sum(size, by = [owner, status])` the sum of a column too; `count` and `sum(size)` are of all rows. They change in the same
/// atomic step as the rows, and answer `count`, `sum`, `avg` and `count_of` by equalities on their first columns and by
/// `group_by` on the others, without reading rows; `explain()` of a `group_by` names them. The summed column is an integer of at
/// most 64 bits, optional or not. Each takes an optional `name = "..."`; without it they are called `count`,
/// `count_by_status`, `sum_size_by_owner`.
///
/// A write adds to one to three counters for each aggregate index whose value it changes, and costs no round trip
/// more. Writers of one group do not conflict, but who reads a group in a session conflicts with whoever changes it.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug)]
/// #[rome(sum(size, by = owner))]
/// struct File {
///     #[rome(key)]
///     id: u64,
///     owner: String,
///     size: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// let db = Database::builder().entity::<File>().open("memory:").await?;
/// db.insert_many((1..=3).map(|id| File { id, owner: "ann".into(), size: 100 })).await?;
/// let of_ann = db.query::<File>().filter(File::OWNER.eq("ann"));
/// assert_eq!(of_ann.aggregate((count(), sum(File::SIZE))).await?, (3, Some(300)));
/// # Ok(())
/// # }
/// ```
///
/// # Foreign keys
///
/// `references = Owner` makes a column a foreign key: it holds the key of an `Owner`, or NULL if it is an `Option`.
/// `on_delete` says what becomes of the row when that owner is deleted: `restrict`, the default, keeps the owner from being
/// deleted, `cascade` deletes the row too, `set_null` makes the column NULL. A key of several columns is referenced by
/// `foreign_key(a, b, references = Owner, on_delete = ...)` on the struct, with the columns in the order of the key; if one
/// of them is NULL the row references nothing. `Self` is the entity itself.
///
/// A foreign key that neither the key nor an index begins with gets an index, as if it were declared.
///
/// # Relations
///
/// A field of type `One<...>` or `Many<...>` is a relation. It is never stored, and `Dog::OWNER` is the relation as a value:
///
/// | | on a field of type | the columns are of |
/// |---|---|---|
/// | `belongs_to(owner_id)` | `One<Owner>` | the entity itself |
/// | `has_one(owner_id)` | `One<Passport>` | the other entity |
/// | `has_many(owner_id)` | `Many<Dog>` | the other entity |
/// | `many_to_many(through = DogTag, dog_id, tag_id)` | `Many<Tag>` | the entity in between: first those that lead here |
///
/// The columns hold keys, so they have the type of the key, optional or not; for a key of several columns name several, and
/// in `many_to_many` put them in parentheses: `many_to_many(through = Link, (a, b), c)`. The columns of another entity have
/// to be visible to this one.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     name: String,
///     #[rome(has_many(owner_id))]
///     dogs: Many<Dog>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     #[rome(references = Owner, on_delete = cascade)]
///     owner_id: Id<Owner>,
///     #[rome(belongs_to(owner_id))]
///     owner: One<Owner>,
///     #[rome(references = Dog, on_delete = set_null)]
///     mother_id: Option<Id<Dog>>,
///     #[rome(belongs_to(mother_id))]
///     mother: One<Dog>,
///     #[rome(many_to_many(through = DogTag, dog_id, tag_id))]
///     tags: Many<Tag>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Tag {
///     #[rome(key)]
///     name: String,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// #[rome(partition_by = dog_id)]
/// struct DogTag {
///     #[rome(key, references = Dog, on_delete = cascade)]
///     dog_id: Id<Dog>,
///     #[rome(key, references = Tag)]
///     tag_id: String,
/// }
///
/// let error = Dog::default().owner.get().expect_err("it has not been loaded");
/// assert!(error.is_not_loaded());
/// ```
///
/// A mistake in an attribute is a compile error, and all mistakes in one entity are reported together.
///
/// # Where derived code finds ROME
/// By the name that the manifest of the package gives to `rome-orm`, also where that is renamed. A package that has it from another
/// one, which re-exports it, says where: `#[rome(crate = "framework::rome_orm")]`. That holds for all five derives.
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
/// use rome_orm::prelude::*;
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
/// `#[rome(rename = "...")]` on the variant says. Labels are what is stored: renaming a variant without keeping its label
/// makes stored rows unreadable. Values order by the bytes of their labels, not by declaration.
///
/// With `#[rome(order)]` on the enum, its variants are stored and compared by their declaration, also in indexes and keys.
/// Variants may then be added at the end only: a database refuses (`is_schema_mismatch`) a program in which one was moved,
/// renamed, removed, or put in front of others.
///
/// The enum has to be `Clone`. Besides being a column type it gets `label()` and `FromStr`.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(ColumnEnum, Clone, Copy, Debug, PartialEq)]
/// #[rome(rename_all = "kebab-case")]
/// enum Coat {
///     Short,
///     VeryLong,
///     #[rome(rename = "none")]
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
/// use rome_orm::prelude::*;
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
/// A field reads the column of its own name, or the constant in `#[rome(from = AGE)]` or
/// `#[rome(from = ADDRESS.city)]`, and has the column's type.
///
/// ```
/// use rome_orm::prelude::*;
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
///     #[rome(from = AGE)]
///     years: Option<u32>,
/// }
/// ```
#[proc_macro_derive(Projection, attributes(rome))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    projection::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}
