//! Columns that attributes name by their fields.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};

use super::{Field, Fields, Kind};
use crate::syntax::{Mistakes, constant, did_you_mean};

/// `field`, or `field.column` where the field is an embedded struct.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ColumnPath {
    /// The field.
    pub field: Ident,
    /// The column of the embedded struct that is the field.
    pub inner: Option<Ident>,
}

impl Parse for ColumnPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let field = input.call(Ident::parse_any)?;
        Self::after(field, input)
    }
}

impl ColumnPath {
    /// The path that begins with this field.
    pub fn after(field: Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let inner = match input.parse::<Option<Token![.]>>()? {
            Some(_) => Some(input.call(Ident::parse_any)?),
            None => None,
        };
        Ok(Self { field, inner })
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.field.span()
    }

    /// Reports what is wrong with it as a column of the entity itself; `json` says why JSON will not do.
    pub fn check(&self, fields: &Fields, json: &str, mistakes: &mut Mistakes) {
        let name = self.field.unraw().to_string();
        if fields.relations.iter().any(|relation| relation.ident == self.field) {
            let message = format!("`{name}` is a relation and has no column: name the column that it is made of");
            return mistakes.add(self.span(), message);
        }
        let Some(field) = fields.column(&self.field) else {
            let known: Vec<String> = fields.columns.iter().map(|field| field.ident.unraw().to_string()).collect();
            let hint = did_you_mean(&name, known.iter().map(String::as_str));
            return mistakes.add(self.span(), format!("there is no field `{name}`{hint}"));
        };
        match (field.kind, &self.inner) {
            (Kind::Embed, None) => mistakes.add(
                self.span(),
                format!("`{name}` is embedded and has several columns: write which one, as `{name}.column`"),
            ),
            (Kind::Json, _) => mistakes.add(self.span(), format!("`{name}` is stored as JSON, {json}")),
            (Kind::Plain, Some(inner)) => mistakes.add(inner.span(), format!("`{name}` is not an embedded struct")),
            (Kind::Embed, Some(_)) | (Kind::Plain, None) => {}
        }
    }

    /// The name of the column, as far as a macro can know it: an embedded column is taken for unrenamed.
    pub fn stored_name(&self, fields: &Fields) -> String {
        let name = fields.column(&self.field).map_or("", |field| &field.name);
        match &self.inner {
            Some(inner) => format!("{name}_{}", inner.unraw()),
            None => name.to_owned(),
        }
    }

    /// The column as a constant of `entity`, whose fields are these as far as they are known; an error about it points at this path.
    pub fn of(&self, entity: &Ident, fields: &[Field]) -> TokenStream {
        let mut entity = entity.clone();
        entity.set_span(self.span());
        let own = fields.iter().find(|field| field.ident == self.field).map(|field| field.constant.clone());
        let (mut constant, inner) = (own.unwrap_or_else(|| constant(&self.field)), self.inner.iter());
        constant.set_span(self.span());
        quote_spanned!(self.span()=> #entity::#constant #(.#inner)*)
    }
}

/// Several columns of `entity`, whose fields are these as far as they are known, as one expression: the column itself, or a tuple.
pub fn columns(paths: &[ColumnPath], entity: &Ident, fields: &[Field]) -> TokenStream {
    let columns = paths.iter().map(|path| path.of(entity, fields));
    match paths {
        [_] => quote!(#(#columns)*),
        _ => {
            let span = paths.first().map_or_else(Span::call_site, ColumnPath::span);
            quote_spanned!(span=> (#(#columns),*))
        }
    }
}

/// Reports columns that are named twice; `what` is what they are part of.
pub fn distinct<'a>(paths: impl IntoIterator<Item = &'a ColumnPath>, what: &str, mistakes: &mut Mistakes) {
    let mut seen = std::collections::HashSet::new();
    for path in paths {
        if !seen.insert(path) {
            mistakes.add(path.span(), format!("this column is in the {what} already"));
        }
    }
}
