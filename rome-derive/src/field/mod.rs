//! A field of an entity or of an embedded struct: what its attributes say about its column, or that it is a relation.

mod advice;
mod conflicts;
mod parse;
mod path;
mod reference;
mod relation;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Type, Visibility};

pub use parse::{Place, fields};
pub use path::{ColumnPath, columns, distinct};
pub use reference::{OnDelete, Reference};
pub use relation::{Relation, RelationKind};

/// The fields of a struct in order, those that are stored and those that are not.
#[derive(Default)]
pub struct Fields {
    /// Each a column, or an embedded struct.
    pub columns: Vec<Field>,
    pub relations: Vec<Relation>,
}

impl Fields {
    /// The stored field with this name.
    pub fn column(&self, ident: &Ident) -> Option<&Field> {
        self.columns.iter().find(|field| field.ident == *ident)
    }
}

/// A field and its column.
pub struct Field {
    pub ident: Ident,
    pub vis: Visibility,
    pub ty: Type,
    /// The name of the column, or the prefix of an embedded struct's columns.
    pub name: String,
    /// The constant that is the column, such as `AGE`.
    pub constant: Ident,
    pub kind: Kind,
    pub key: Option<Span>,
    pub auto: Option<(Auto, Span)>,
    pub index: Option<FieldIndex>,
    pub unique: Option<Span>,
    pub role: Option<(Role, Span)>,
    pub default: Option<Expr>,
    pub reference: Option<Reference>,
}

/// How a field is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As one column of its own type.
    Plain,
    /// As one column of JSON.
    Json,
    /// As the columns of an embedded struct.
    Embed,
}

/// How keys are generated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auto {
    /// As suits the type.
    ByType,
    Counter,
    UuidV4,
    UuidV7,
}

/// `index` or `global_index` on a field, each alone or with `(desc)`.
pub struct FieldIndex {
    pub span: Span,
    pub descending: bool,
    pub global: bool,
}

/// What ROME itself does with the column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    CreatedAt,
    UpdatedAt,
    Version,
    SoftDelete,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::UpdatedAt, Self::Version, Self::SoftDelete];

    /// The attribute.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Version => "version",
            Self::SoftDelete => "soft_delete",
        }
    }
}

impl Field {
    /// The type of its column, which is the type parameter of its constant.
    pub fn column_type(&self) -> TokenStream {
        self.column_type_in(&quote_spanned!(self.ty.span()=> __rome))
    }

    /// The type of its column, where `private` is the path of what derived code uses.
    pub fn column_type_in(&self, private: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        match self.kind {
            Kind::Json => quote_spanned!(ty.span()=> #private::Json<#ty>),
            Kind::Plain | Kind::Embed => quote!(#ty),
        }
    }

    /// The `ColumnDef` of its column.
    pub fn definition(&self) -> TokenStream {
        let (name, ty) = (&self.name, &self.ty);
        let definition = match (self.kind, self.role) {
            (Kind::Json, _) => quote_spanned!(ty.span()=> <#ty as __rome::JsonField>::column(#name)),
            (_, Some((role, _))) => {
                let role = Ident::new(role.word(), ty.span());
                quote_spanned!(ty.span()=> __rome::role::#role::<#ty>(#name))
            }
            // Not by a function with a bound: a type that is no column then gives one error, not one for each use.
            (_, None) => {
                let field = self.field_trait();
                quote_spanned!(ty.span()=> __rome::column(#name, <#ty as #field>::TYPE, <#ty as #field>::NULLABLE))
            }
        };
        match self.default_value() {
            Some(value) => quote!(#definition.default(|| #value)),
            None => definition,
        }
    }

    fn default_value(&self) -> Option<TokenStream> {
        let value = self.default.as_ref()?;
        let ty = &self.ty;
        let value = match value {
            Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => quote_spanned!(value.span()=> __rome::From::from(#value)),
            _ => quote!(#value),
        };
        Some(match self.kind {
            Kind::Json => quote!(__rome::Field::to_value(&__rome::Json::<#ty>(#value))),
            Kind::Plain | Kind::Embed => quote!({
                let value: #ty = #value;
                __rome::Field::to_value(&value)
            }),
        })
    }

    /// The trait by which a plain column is written and read.
    fn field_trait(&self) -> TokenStream {
        let span = self.ty.span();
        match advice::advice(&self.ty).map(|name| Ident::new(&format!("{name}Column"), span)) {
            Some(name) => quote_spanned!(span=> __rome::advice::#name),
            None => quote_spanned!(span=> __rome::Field),
        }
    }

    /// Whether each value of it reads back as it was written, as a constant expression.
    pub fn exact(&self) -> TokenStream {
        let (ty, field) = (&self.ty, self.field_trait());
        match self.kind {
            Kind::Plain => quote_spanned!(ty.span()=> <#ty as #field>::EXACT),
            Kind::Json => quote!(false),
            Kind::Embed => quote_spanned!(ty.span()=> <#ty as __rome::Embedded>::EXACT),
        }
    }

    /// The statement that writes it.
    pub fn write(&self) -> TokenStream {
        let (ident, ty) = (&self.ident, &self.ty);
        // The names of the function around it, which are not those of a macro in which the type is written.
        let (this, row) = (quote!(self), quote!(row));
        let field = self.field_trait();
        match self.kind {
            Kind::Plain => quote_spanned! {ty.span()=>
                <#ty as #field>::write_exactly(&#this.#ident, #row, __rome::Equality::<#ty>::BY);
            },
            Kind::Json => quote_spanned! {ty.span()=>
                <#ty as __rome::JsonField>::write_exactly(&#this.#ident, #row, __rome::Equality::<#ty>::BY);
            },
            Kind::Embed => quote_spanned!(ty.span()=> <#ty as __rome::Embedded>::write(&#this.#ident, #row);),
        }
    }

    /// The field of the struct expression that reads it.
    pub fn read(&self) -> TokenStream {
        let (ident, ty) = (&self.ident, &self.ty);
        let row = quote!(row);
        let field = self.field_trait();
        match self.kind {
            Kind::Plain => quote_spanned!(ty.span()=> #ident: <#ty as #field>::read(#row)?),
            Kind::Json => quote_spanned!(ty.span()=> #ident: <#ty as __rome::JsonField>::read(#row)?),
            Kind::Embed => quote_spanned!(ty.span()=> #ident: <#ty as __rome::Embedded>::read(#row)?),
        }
    }
}
