//! A client of one connection, which is kept: what the tests and the storm ask the service by.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use uuid::Uuid;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The service takes no connection.
    #[error("no connection")]
    Connect(#[from] std::io::Error),
    /// The connection broke, or what came is no answer.
    #[error("no answer")]
    Http(#[from] hyper::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    Body(#[from] axum::Error),
    /// The request is none.
    #[error("no request")]
    Request(#[from] axum::http::Error),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The reason of a problem, else nothing.
    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client; it connects when it has to.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Body>>,
}

impl Client {
    /// A client of the service at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, "", Body::empty()).await
    }

    /// Uploads a body of a type.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn upload(&mut self, id: Uuid, kind: &str, body: impl Into<Body>) -> Result<Answer, ClientError> {
        self.send(Method::PUT, &format!("/uploads/{id}"), kind, body.into()).await
    }

    /// Searches by a document.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn search(&mut self, document: &Value) -> Result<Answer, ClientError> {
        self.send(Method::POST, "/airports/search", "application/json", Body::from(document.to_string())).await
    }

    /// Sends a request, over the connection that is there or a new one.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&mut self, method: Method, path: &str, kind: &str, body: Body) -> Result<Answer, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string());
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(body)?;
        let mut sender = match self.ready().await {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Body::new(answer.into_body()).collect().await?.to_bytes();
        self.sender = Some(sender);
        Ok(Answer { status, body })
    }

    /// The connection that is there, if it can be used again.
    async fn ready(&mut self) -> Option<SendRequest<Body>> {
        let mut sender = self.sender.take()?;
        sender.ready().await.ok().map(|()| sender)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ClientError> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
