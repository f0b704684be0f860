//! Which names a request may call the service by.
//!
//! A web page that a browser shows can have a name that leads to the browser's own machine, and then its requests are of the
//! same origin as the page: to a service on loopback, which believes its callers, it is anybody. It cannot have a `Host` of
//! another name than its own, though.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version};

use super::error::{ApiError, ApiResult};

/// The names that a request may call the service by.
#[derive(Debug)]
pub(super) struct Hosts {
    named: Vec<String>,
    loopback: bool,
}

impl Hosts {
    pub fn new(named: &[String], loopback: bool) -> Self {
        Self { named: named.iter().map(|name| name.trim().to_lowercase()).collect(), loopback }
    }

    /// Checks `Host`, and the host of the URL where that names one.
    ///
    /// # Errors
    /// 400 for one that is missing, there twice, malformed, or no name of the service.
    pub fn check(&self, request: &Request) -> ApiResult<()> {
        let mut all = request.headers().get_all(HOST).iter();
        let host = match (all.next(), all.next()) {
            (None, _) if request.version() < Version::HTTP_11 => None,
            (None, _) => return Err(ApiError::bad_request("The request has no header Host.")),
            (Some(_), Some(_)) => return Err(ApiError::bad_request("The request has several headers Host.")),
            (Some(host), None) => Some(
                Authority::try_from(host.as_bytes())
                    .ok()
                    .filter(|host| !host.as_str().contains('@'))
                    .ok_or_else(|| ApiError::bad_request("The header Host names no host."))?,
            ),
        };
        match host.iter().chain(request.uri().authority()).find(|host| !self.has(host.host())) {
            Some(host) => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                format!("The service is not known by the name {}: --allowed-hosts adds names.", host.host()),
            )),
            None => Ok(()),
        }
    }

    fn has(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        if self.named.contains(&host) {
            return true;
        }
        if !self.loopback {
            return self.named.is_empty();
        }
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use axum::body::Body;
    use axum::extract::Request;

    use super::Hosts;

    fn accepts(hosts: &Hosts, uri: &str, names: &[&str]) -> bool {
        let request = names.iter().fold(Request::builder().uri(uri), |request, name| request.header("host", *name));
        hosts.check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn on_loopback_the_name_is_that_of_the_machine_itself() {
        let hosts = Hosts::new(&["images.example".to_owned()], true);
        for good in ["localhost", "LOCALHOST:80", "127.0.0.1:9292", "127.1.2.3", "[::1]:9292", "images.example:443"] {
            assert!(accepts(&hosts, "/", &[good]), "{good}");
        }
        for bad in ["evil.example", "localhost.evil.example", "10.0.0.1", "[fd00::1]", "", "a b", "x@localhost", "::1"]
        {
            assert!(!accepts(&hosts, "/", &[bad]), "{bad}");
        }
        assert!(!accepts(&hosts, "/", &[]) && !accepts(&hosts, "/", &["localhost", "localhost"]));
        assert!(!accepts(&hosts, "http://evil.example/", &["localhost"]));
    }

    #[test]
    fn elsewhere_every_name_is_good_unless_some_are_named() {
        assert!(accepts(&Hosts::new(&[], false), "/", &["images.example"]));
        let named = Hosts::new(&["images.example".to_owned()], false);
        assert!(accepts(&named, "/", &["images.example"]) && !accepts(&named, "/", &["evil.example"]));
    }
}
