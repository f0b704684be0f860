//! The syntax of `#[rome(...)]`: words, each alone, with `= value`, with a list in parentheses, or with `= [list]`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Path, Token, bracketed, parenthesized, token};

use super::{Mistakes, did_you_mean};

/// The words that a place knows.
pub struct Words {
    /// Those that may stand here.
    pub here: &'static [&'static str],
    /// Those that belong somewhere else, with what to say about that.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// Those of `here` that may stand several times.
    pub repeated: &'static [&'static str],
}

/// One word with what it is given.
#[derive(Clone)]
pub struct Item {
    /// The word.
    pub name: Ident,
    given: Given,
}

#[derive(Clone)]
enum Given {
    Nothing,
    Value(Box<Expr>),
    List(TokenStream),
    /// A list in brackets after `=`, and the value that it is, if it is one: a column may have the name of a keyword.
    Array(TokenStream, Option<Box<Expr>>),
}

impl Item {
    /// Where it stands.
    pub fn span(&self) -> Span {
        self.name.span()
    }

    /// Whether it is this word.
    pub fn is(&self, word: &str) -> bool {
        self.name == word
    }

    /// Whether it stands alone.
    pub const fn is_alone(&self) -> bool {
        matches!(self.given, Given::Nothing)
    }

    /// Whether it has a list, in parentheses or as `= [...]`.
    pub const fn is_list(&self) -> bool {
        matches!(self.given, Given::List(_) | Given::Array(..))
    }

    /// Refuses a value or a list.
    pub fn alone(&self, mistakes: &mut Mistakes) {
        if !self.is_alone() {
            mistakes.add(self.span(), format!("`{}` takes no value", self.name));
        }
    }

    /// The value after `=`.
    pub fn value(&self, example: &str, mistakes: &mut Mistakes) -> Option<&Expr> {
        if let Given::Value(value) | Given::Array(_, Some(value)) = &self.given {
            return Some(value);
        }
        mistakes.add(self.span(), format!("write `{} = {example}`", self.name));
        None
    }

    /// The text after `=`, which is not empty.
    pub fn text(&self, mistakes: &mut Mistakes) -> Option<LitStr> {
        match self.value("\"...\"", mistakes)? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if !text.value().is_empty() => return Some(text.clone()),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                mistakes.add(text.span(), format!("`{}` cannot be empty", self.name));
            }
            _ => mistakes.add(self.span(), format!("write `{} = \"...\"`, with quotes", self.name)),
        }
        None
    }

    /// The path after `=`.
    pub fn path(&self, example: &str, mistakes: &mut Mistakes) -> Option<&Path> {
        match self.value(example, mistakes)? {
            Expr::Path(ExprPath { qself: None, path, .. }) => Some(path),
            _ => {
                mistakes.add(self.span(), format!("write `{} = {example}`", self.name));
                None
            }
        }
    }

    /// What the list in parentheses holds.
    pub fn list<P: Parser>(&self, parser: P, example: &str, mistakes: &mut Mistakes) -> Option<P::Output> {
        let Given::List(tokens) = &self.given else {
            mistakes.add(self.span(), format!("write `{}({example})`", self.name));
            return None;
        };
        parser.parse2(tokens.clone()).map_err(|error| mistakes.push(error)).ok()
    }

    /// What the list of columns holds, in parentheses or as `= [...]`.
    pub fn columns<P: Parser>(&self, parser: P, example: &str, mistakes: &mut Mistakes) -> Option<P::Output> {
        if let Given::Array(tokens, _) = &self.given {
            return parser.parse2(tokens.clone()).map_err(|error| mistakes.push(error)).ok();
        }
        self.list(parser, example, mistakes)
    }
}

/// The items of all `#[rome(...)]` among the attributes, those that are unknown or repeated reported and left out.
pub fn items(attrs: &[Attribute], words: &Words, mistakes: &mut Mistakes) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("rome")) {
        let Meta::List(list) = &attr.meta else {
            mistakes.add(attr.path().segments[0].ident.span(), "write `#[rome(...)]`");
            continue;
        };
        let parse = |input: ParseStream<'_>| Ok(parse_items(input, mistakes));
        let parsed = parse.parse2(list.tokens.clone()).unwrap_or_default();
        for item in parsed {
            if check_word(&item, words, &items, mistakes) {
                items.push(item);
            }
        }
    }
    items
}

fn check_word(item: &Item, words: &Words, before: &[Item], mistakes: &mut Mistakes) -> bool {
    let name = item.name.unraw().to_string();
    if words.here.contains(&name.as_str()) {
        if !words.repeated.contains(&name.as_str()) && before.iter().any(|other| other.name == item.name) {
            mistakes.add(item.span(), format!("`{name}` is given twice"));
            return false;
        }
        return true;
    }
    match words.elsewhere.iter().find(|(word, _)| *word == name) {
        Some((_, advice)) => mistakes.add(item.span(), advice),
        None => mistakes
            .add(item.span(), format!("unknown attribute `{name}`{}", did_you_mean(&name, words.here.iter().copied()))),
    }
    false
}

/// Reads all items, going on after a mistake at the next comma.
fn parse_items(input: ParseStream<'_>, mistakes: &mut Mistakes) -> Vec<Item> {
    let mut items = Vec::new();
    while !input.is_empty() {
        match parse_item(input) {
            Ok(item) => {
                items.push(item);
                if !input.is_empty() && !input.peek(Token![,]) {
                    mistakes.push(input.error("expected a comma between attributes"));
                }
            }
            Err(error) => mistakes.push(error),
        }
        while !input.is_empty() && !input.peek(Token![,]) {
            let _: TokenTree = input.parse().expect("a token follows, since the input is not empty");
        }
        let _: Option<Token![,]> = input.parse().unwrap_or_default();
    }
    items
}

/// The expression in the invisible parentheses that a macro puts around what it was given.
fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        expr => expr,
    }
}

fn given_value(input: ParseStream<'_>) -> syn::Result<Given> {
    let ahead = input.fork();
    if input.peek(token::Bracket) && ahead.parse::<TokenTree>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        let array = input.fork().parse().ok();
        let content;
        bracketed!(content in input);
        return Ok(Given::Array(content.parse()?, array.map(Box::new)));
    }
    Ok(Given::Value(Box::new(ungrouped(input.parse()?))))
}

fn parse_item(input: ParseStream<'_>) -> syn::Result<Item> {
    let name = input.call(Ident::parse_any)?;
    let given = if input.parse::<Option<Token![=]>>()?.is_some() {
        given_value(input)?
    } else if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        Given::List(content.parse()?)
    } else {
        Given::Nothing
    };
    Ok(Item { name, given })
}
