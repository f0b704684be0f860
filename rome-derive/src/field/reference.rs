//! `references` and `on_delete`, on a field and in `foreign_key(...)`.

use proc_macro2::Span;
use syn::{Expr, ExprPath, Path, spanned::Spanned};

use crate::syntax::{Item, Mistakes, did_you_mean};

/// The entity that a foreign key leads to, and what its deletion does.
#[derive(Clone)]
pub struct Reference {
    pub span: Span,
    pub target: Path,
    pub on_delete: OnDelete,
}

/// What becomes of a row when the one that it references is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDelete {
    #[default]
    Restrict,
    Cascade,
    SetNull,
}

impl OnDelete {
    const ALL: [(&'static str, Self); 3] =
        [("cascade", Self::Cascade), ("restrict", Self::Restrict), ("set_null", Self::SetNull)];

    /// The one that an expression names.
    pub fn parse(value: &Expr) -> syn::Result<Self> {
        let word = match value {
            Expr::Path(ExprPath { qself: None, path, .. }) => path.get_ident().map(ToString::to_string),
            _ => None,
        };
        let word = word.unwrap_or_default();
        match Self::ALL.iter().find(|(known, _)| *known == word) {
            Some((_, on_delete)) => Ok(*on_delete),
            None => {
                let hint = did_you_mean(&word, Self::ALL.map(|(word, _)| word));
                let message = if hint.is_empty() {
                    "it is `on_delete = cascade`, `on_delete = restrict` or `on_delete = set_null`".to_owned()
                } else {
                    format!("unknown action{hint}")
                };
                Err(syn::Error::new(value.span(), message))
            }
        }
    }

    /// The name of the variant of `OnDelete`.
    pub const fn variant(self) -> &'static str {
        match self {
            Self::Restrict => "Restrict",
            Self::Cascade => "Cascade",
            Self::SetNull => "SetNull",
        }
    }
}

/// The reference that the attributes of a field declare.
pub fn of_field(items: &[Item], mistakes: &mut Mistakes) -> Option<Reference> {
    let find = |word: &str| items.iter().find(|item| item.is(word));
    let on_delete = find("on_delete");
    let Some(references) = find("references") else {
        if let Some(item) = on_delete {
            mistakes.add(
                item.span(),
                "`on_delete` is about the row that this one references: write `references = Owner` beside it",
            );
        }
        return None;
    };
    let action = on_delete.and_then(|item| item.value("cascade", mistakes)).map(OnDelete::parse);
    let on_delete = match action.transpose() {
        Ok(action) => action.unwrap_or_default(),
        Err(error) => {
            mistakes.push(error);
            OnDelete::default()
        }
    };
    let target = references.path("Owner", mistakes)?.clone();
    Some(Reference { span: references.span(), target, on_delete })
}
