//! The texts that a filter asks for: `a`, `eq:a` or `in:a,"b,c"`.

use super::time;
use crate::db::error::{DbError, DbResult};

/// The texts of which a column has to have one.
pub(super) fn wanted(value: &str) -> DbResult<Vec<String>> {
    match value.split_once(':') {
        Some(_) if time::parse(value).is_some() => Ok(vec![value.to_owned()]),
        Some(("eq", rest)) => Ok(vec![rest.to_owned()]),
        Some(("in", rest)) => split(rest),
        Some((op, _)) => Err(DbError::InvalidFilterOperatorValue(format!("Filter operator {op} is not supported."))),
        None => Ok(vec![value.to_owned()]),
    }
}

/// Splits a list at its commas. An item in double quotes may hold commas; in it `\"` stands for both of its characters.
/// A comma at the very end adds no item.
fn split(list: &str) -> DbResult<Vec<String>> {
    let wrong = |why: &str| DbError::InvalidParameterValue(format!("Invalid filter value {list}. {why}"));
    let mut items = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (item, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quote(quoted).ok_or_else(|| wrong("The quote is not closed."))?;
            let (item, after) = (quoted.get(..end), quoted.get(end + 1..).unwrap_or_default());
            if !after.is_empty() && !after.starts_with(',') {
                return Err(wrong("There is no comma after a closing quotation mark."));
            }
            (item.unwrap_or_default(), after)
        } else {
            let (item, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            if quote(item).is_some() {
                return Err(wrong("There is no comma before an opening quotation mark."));
            }
            (item, after)
        };
        items.push(item.to_owned());
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Ok(items)
}

/// Where the first quotation mark without a backslash before it is.
fn quote(text: &str) -> Option<usize> {
    text.match_indices('"').map(|(at, _)| at).find(|at| !text.get(..*at).is_some_and(|before| before.ends_with('\\')))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::wanted;
    use crate::db::DbError;

    #[test]
    fn a_text_is_itself_or_a_list() {
        assert_eq!(wanted("a").unwrap(), ["a"]);
        assert_eq!(wanted("eq:a:b").unwrap(), ["a:b"]);
        assert_eq!(wanted("in:a,b,").unwrap(), ["a", "b"]);
        assert_eq!(wanted("in:").unwrap(), Vec::<String>::new());
        assert_eq!(wanted("in:a,,b").unwrap(), ["a", "", "b"]);
        assert_eq!(wanted("2026-11-22T09:37:09").unwrap(), ["2026-11-22T09:37:09"]);
    }

    #[test]
    fn quotes_hold_commas_and_keep_their_backslashes() {
        assert_eq!(wanted(r#"in:"a,b",c"#).unwrap(), ["a,b", "c"]);
        assert_eq!(wanted(r#"in:"fake\"name""#).unwrap(), [r#"fake\"name"#]);
    }

    #[test]
    fn quotes_in_the_wrong_place_are_refused() {
        for value in [r#"in:"a"#, r#"in:a"b""#, r#"in:"a"b"#, r#"in:a,b""#] {
            assert!(matches!(wanted(value), Err(DbError::InvalidParameterValue(_))), "{value}");
        }
        assert!(matches!(wanted("like:a"), Err(DbError::InvalidFilterOperatorValue(_))));
    }
}
