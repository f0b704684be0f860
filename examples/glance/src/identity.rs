//! Who asks: the headers that an authenticating proxy sets, or a token that says it in clear.
//!
//! A header is taken for true only from one whose word is [trusted](Trusted), and only if it can be read and is there once: of
//! two that differ, one may be the caller's own.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::config::{Network, SECRET_HEADER, Secret};
use crate::db::Context;

/// The most characters of the id of a user or a project.
const LONGEST: usize = 255;

/// Whose word is taken for who asks.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Which callers may say it with identity headers.
    pub headers: Proxies,
    /// Whether a caller may say it with a token.
    pub tokens: bool,
}

/// Which callers may say with identity headers who asks.
#[derive(Debug, Clone, Default)]
pub enum Proxies {
    /// None.
    #[default]
    Nobody,
    /// All: the service listens on a loopback address.
    Everybody,
    /// Those in one of the networks, if there are any, who know the secret, if there is one.
    Those {
        /// Where they are.
        networks: Vec<Network>,
        /// What they know.
        secret: Option<Secret>,
    },
}

/// Why a request has no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It says nothing of who asks that is accepted.
    #[error("The request has no identity: neither identity headers nor a token.")]
    Nobody,
    /// It has identity headers, and comes from one who may not set them.
    #[error("Identity headers are not accepted from {0}: --trust-proxy says from whom they are.")]
    Untrusted(String),
    /// A header says nothing that could be understood.
    #[error("The header {name} {why}.")]
    Malformed {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Proxies {
    fn trusts(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Result<bool, Refused> {
        let (networks, secret) = match self {
            Self::Nobody => return Ok(false),
            Self::Everybody => return Ok(true),
            Self::Those { networks, secret } => (networks, secret),
        };
        let there = networks.is_empty() || from.is_some_and(|from| networks.iter().any(|network| network.has(from)));
        let known = match secret {
            Some(secret) => one(headers, SECRET_HEADER)?.is_some_and(|given| secret.is(given)),
            None => true,
        };
        Ok(there && known && (secret.is_some() || !networks.is_empty()))
    }
}

/// Reads the identity from the headers of a request.
///
/// With `X-Identity-Status: Confirmed` it is that of the other identity headers. Else, and only if tokens are trusted, that of
/// `X-Auth-Token: user:project:role[,role...]`, percent-decoded, where the project `none` is none.
///
/// # Errors
/// When there is none that is accepted.
pub fn from_headers(headers: &HeaderMap, trusted: &Trusted, from: Option<SocketAddr>) -> Result<Context, Refused> {
    if let Some(status) = text(headers, "x-identity-status")? {
        let from = from.map(|from| from.ip());
        if !trusted.headers.trusts(headers, from)? {
            return Err(Refused::Untrusted(from.map_or_else(|| "there".to_owned(), |from| from.to_string())));
        }
        if status.eq_ignore_ascii_case("confirmed") {
            let project = match (text(headers, "x-project-id")?, text(headers, "x-tenant-id")?) {
                (Some(project), Some(tenant)) if project != tenant => {
                    return Err(Refused::Malformed { name: "x-tenant-id", why: "differs from x-project-id" });
                }
                (project, tenant) => project.or(tenant),
            };
            let user = text(headers, "x-user-id")?;
            return context(user, project, text(headers, "x-roles")?.unwrap_or_default());
        }
    }
    if !trusted.tokens {
        return Err(Refused::Nobody);
    }
    let token = text(headers, "x-auth-token")?.ok_or(Refused::Nobody)?;
    let token = percent_decode_str(token).decode_utf8().map_err(|_| Refused::Nobody)?;
    let mut parts = token.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(user), Some(project), Some(roles)) if !user.is_empty() && !project.is_empty() && !roles.is_empty() => {
            context(Some(user), (project != "none").then_some(project), roles)
        }
        _ => Err(Refused::Nobody),
    }
}

fn context(user: Option<&str>, project: Option<&str>, roles: &str) -> Result<Context, Refused> {
    for (name, text) in [("of the user", user), ("of the project", project)] {
        if text.is_some_and(|text| text.chars().count() > LONGEST || text.chars().any(char::is_control)) {
            return Err(Refused::Malformed { name, why: "is longer than 255 characters or has control characters" });
        }
    }
    let roles: Vec<String> =
        roles.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_lowercase).collect();
    Ok(Context {
        is_admin: roles.iter().any(|role| role == "admin"),
        project_id: project.filter(|project| !project.is_empty()).map(str::to_owned),
        show_deleted: false,
        user_id: user.map(str::to_owned),
        roles,
        request_id: None,
    })
}

/// The bytes of a header that may be there once.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a [u8]>, Refused> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(Refused::Malformed { name, why: "is there more than once" }),
        (first, None) => Ok(first.map(|value| value.as_bytes())),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refused> {
    let Some(value) = one(headers, name)? else { return Ok(None) };
    match std::str::from_utf8(value) {
        Ok(text) if text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => Ok(Some(text)),
        _ => Err(Refused::Malformed { name, why: "has bytes that are no printable ASCII" }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Proxies, Refused, Trusted, from_headers};

    const LOCAL: Trusted = Trusted { headers: Proxies::Everybody, tokens: true };

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(k, v): &(&'static str, &str)| (HeaderName::from_static(k), HeaderValue::from_str(v).unwrap());
        pairs.iter().map(pair).collect()
    }

    const ADMIN: [(&str, &str); 2] = [("x-identity-status", "Confirmed"), ("x-roles", "admin")];

    #[test]
    fn confirmed_headers_come_before_a_token() {
        let all = [
            ("x-identity-status", "Confirmed"),
            ("x-user-id", "u1"),
            ("x-tenant-id", "p1"),
            ("x-roles", "Member, Reader"),
            ("x-auth-token", "root:p9:admin"),
        ];
        let caller = from_headers(&headers(&all), &LOCAL, None).unwrap();
        assert_eq!((caller.project_id.as_deref(), caller.is_admin), (Some("p1"), false));
        assert_eq!(caller.roles, ["member", "reader"]);
    }

    #[test]
    fn a_token_is_decoded_and_none_is_no_project() {
        let caller = from_headers(&headers(&[("x-auth-token", "root%3Anone%3AAdmin")]), &LOCAL, None).unwrap();
        assert_eq!((caller.project_id, caller.is_admin), (None, true));
    }

    #[test]
    fn a_token_counts_only_where_tokens_are_trusted_and_whole() {
        let nobody = Trusted::default();
        for (pair, trusted) in [
            (("x-auth-token", "u:p:member"), &nobody),
            (("x-auth-token", "u:p"), &LOCAL),
            (("x-roles", "admin"), &LOCAL),
        ] {
            assert_eq!(from_headers(&headers(&[pair]), trusted, None), Err(Refused::Nobody), "{pair:?}");
        }
        assert_eq!(from_headers(&headers(&[("x-identity-status", "Invalid")]), &LOCAL, None), Err(Refused::Nobody));
    }

    #[test]
    fn headers_count_only_from_those_who_are_trusted() {
        let those = |networks: &[&str], secret: bool| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), "a secret of the proxy\n").unwrap();
            let trust = crate::config::Trust {
                trust_proxy_secret_file: secret.then(|| file.path().to_owned()),
                ..Default::default()
            };
            let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
            Proxies::Those { networks, secret: trust.secret().unwrap() }
        };
        let right = ("x-proxy-secret", "a secret of the proxy");
        for (proxies, secret, accepted) in [
            (Proxies::Nobody, Some(right), false),
            (Proxies::Everybody, None, true),
            (those(&["10.0.0.0/8"], false), None, true),
            (those(&["10.0.0.0/24"], false), None, false),
            (those(&[], true), None, false),
            (those(&[], true), Some(right), true),
            (those(&[], true), Some(("x-proxy-secret", "a secret of the prox")), false),
            (those(&["10.0.0.0/8"], true), Some(right), true),
            (those(&["10.0.0.0/24"], true), Some(right), false),
            (those(&["10.0.0.0/8"], true), None, false),
            (those(&[], false), Some(right), false),
        ] {
            let all: Vec<_> = ADMIN.into_iter().chain(secret).collect();
            let trusted = Trusted { headers: proxies, tokens: false };
            let caller = from_headers(&headers(&all), &trusted, Some("10.7.0.1:5".parse().unwrap()));
            assert_eq!(caller.is_ok(), accepted, "{trusted:?} {caller:?}");
        }
    }

    #[test]
    fn headers_that_are_there_twice_or_cannot_be_read_are_refused() {
        for name in ["x-identity-status", "x-user-id", "x-project-id", "x-tenant-id", "x-roles"] {
            for value in ["admin", "proj\u{e9}"] {
                let mut all = headers(&[
                    ("x-identity-status", "Confirmed"),
                    ("x-user-id", "u"),
                    ("x-project-id", "p"),
                    ("x-tenant-id", "p"),
                    ("x-roles", "reader"),
                ]);
                let header = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                if value == "admin" {
                    all.append(name, header)
                } else {
                    all.insert(name, header).is_some()
                };
                let refused = from_headers(&all, &LOCAL, None).unwrap_err();
                assert!(matches!(refused, Refused::Malformed { name: own, .. } if own == name), "{refused}");
            }
        }
        let differ = [("x-identity-status", "Confirmed"), ("x-project-id", "p"), ("x-tenant-id", "q")];
        assert!(matches!(from_headers(&headers(&differ), &LOCAL, None), Err(Refused::Malformed { .. })));
        let two = [("x-auth-token", "u:p:member"), ("x-auth-token", "u:p:admin")];
        assert!(matches!(from_headers(&headers(&two), &LOCAL, None), Err(Refused::Malformed { .. })));
        let long = format!("u:{}:member", "p".repeat(256));
        assert!(matches!(
            from_headers(&headers(&[("x-auth-token", &long)]), &LOCAL, None),
            Err(Refused::Malformed { .. })
        ));
    }
}
