//! Who asks: the headers that an authenticating proxy sets, or a token that says it in clear.

use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::db::Context;

/// Reads the identity from the headers of a request; `None` if there is none that is accepted.
///
/// With `X-Identity-Status: Confirmed` it is that of the other identity headers. Else, and only if `tokens` are
/// trusted, that of `X-Auth-Token: user:project:role[,role...]`, percent-decoded, where the project `none` is none.
#[must_use]
pub fn from_headers(headers: &HeaderMap, tokens: bool) -> Option<Context> {
    if text(headers, "x-identity-status").is_some_and(|status| status.eq_ignore_ascii_case("confirmed")) {
        let project = text(headers, "x-project-id").or_else(|| text(headers, "x-tenant-id"));
        return Some(context(text(headers, "x-user-id"), project, text(headers, "x-roles").unwrap_or_default()));
    }
    if !tokens {
        return None;
    }
    let token = percent_decode_str(text(headers, "x-auth-token")?).decode_utf8().ok()?;
    let mut parts = token.splitn(3, ':');
    let (user, project, roles) = (parts.next()?, parts.next()?, parts.next()?);
    if user.is_empty() || project.is_empty() || roles.is_empty() {
        return None;
    }
    Some(context(Some(user), (project != "none").then_some(project), roles))
}

fn context(user: Option<&str>, project: Option<&str>, roles: &str) -> Context {
    let roles: Vec<String> =
        roles.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_lowercase).collect();
    Context {
        is_admin: roles.iter().any(|role| role == "admin"),
        project_id: project.filter(|project| !project.is_empty()).map(str::to_owned),
        show_deleted: false,
        user_id: user.map(str::to_owned),
        roles,
        request_id: None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::from_headers;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn confirmed_headers_come_before_a_token() {
        let caller = from_headers(
            &headers(&[
                ("x-identity-status", "Confirmed"),
                ("x-user-id", "u1"),
                ("x-tenant-id", "p1"),
                ("x-roles", "Member, Reader"),
                ("x-auth-token", "root:p9:admin"),
            ]),
            true,
        )
        .unwrap();
        assert_eq!((caller.project_id.as_deref(), caller.is_admin), (Some("p1"), false));
        assert_eq!(caller.roles, ["member", "reader"]);
    }

    #[test]
    fn a_token_is_decoded_and_none_is_no_project() {
        let caller = from_headers(&headers(&[("x-auth-token", "root%3Anone%3AAdmin")]), true).unwrap();
        assert_eq!((caller.project_id, caller.is_admin), (None, true));
    }

    #[test]
    fn a_token_counts_only_where_tokens_are_trusted_and_whole() {
        assert!(from_headers(&headers(&[("x-auth-token", "u:p:member")]), false).is_none());
        assert!(from_headers(&headers(&[("x-auth-token", "u:p")]), true).is_none());
        assert!(from_headers(&headers(&[("x-identity-status", "Invalid")]), true).is_none());
    }
}
