//! A small HTTP client: one connection for each request, for the demonstration and the tests.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What goes wrong on the way to a service.
pub type ClientError = Box<dyn std::error::Error + Send + Sync>;

/// A client of one service that says who it is with a token.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// Its body as JSON, null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text, empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Client {
    /// A client with a token `user:project:role`.
    pub fn new(address: SocketAddr, token: impl Into<String>) -> Self {
        Self { address, token: token.into() }
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn send(&self, request: Request<Body>) -> Result<Answer, ClientError> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Starts a request: host and token are set.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if self.token.is_empty() { request } else { request.header("x-auth-token", &self.token) }
    }

    /// `GET`
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(self.request(Method::GET, path).body(Body::empty())?).await
    }

    /// `DELETE`
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(self.request(Method::DELETE, path).body(Body::empty())?).await
    }

    /// A request with a JSON body.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.body(method, path, "application/json", body.to_string()).await
    }

    /// `PATCH` with operations of the newer form.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn patch(&self, path: &str, operations: &Value) -> Result<Answer, ClientError> {
        let media = "application/openstack-images-v2.1-json-patch";
        self.body(Method::PATCH, path, media, operations.to_string()).await
    }

    /// `PUT` of image data.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn put_data(&self, path: &str, data: impl Into<Body>) -> Result<Answer, ClientError> {
        self.body(Method::PUT, path, "application/octet-stream", data).await
    }

    /// A request with a body of some media type.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn body(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: impl Into<Body>,
    ) -> Result<Answer, ClientError> {
        self.send(self.request(method, path).header(CONTENT_TYPE, media).body(body.into())?).await
    }
}
