//! Connections to the server, many at once and each used again. Not the client of the other commands: that one blocks, and
//! who waits for an answer cannot send the next job on time.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, SemaphorePermit},
};
use tokio_util::task::AbortOnDropHandle;

use super::work::Job;
use crate::cli::client::Server;

#[derive(Debug)]
pub struct Wire {
    host: String,
    port: u16,
    /// What stands before the paths of the API, behind a proxy.
    prefix: String,
    key: Option<HeaderValue>,
    permits: Semaphore,
    /// The one used last is used next, so that no more are open than are needed.
    idle: Mutex<Vec<Connection>>,
}

/// The right to have one of the connections.
#[derive(Debug)]
pub struct Turn<'a> {
    wire: &'a Wire,
    _permit: SemaphorePermit<'a>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Whoever gives up on an answer drops both and so hangs up, which tells the server to end the job.
    _driver: AbortOnDropHandle<()>,
}

#[derive(Debug, Error)]
pub enum SendError {
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("the connection broke off")]
    Broken(#[source] hyper::Error),
    #[error("the answer broke off or is over {MOST_ANSWER_BYTES} bytes")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// More than any answer within the default limits. Too small and answers are failures, too large and many at once fill
/// our memory.
const MOST_ANSWER_BYTES: usize = 64 << 20;

impl Wire {
    pub fn new(server: &Server, connections: usize) -> anyhow::Result<Self> {
        let url: Uri = server.url().parse().with_context(|| format!("{} is no URL", server.url()))?;
        ensure!(url.scheme_str() == Some("http"), "{} does not begin with http://", server.url());
        let host = url.host().context("the URL names no host")?;
        let key = server.key().map(|key| HeaderValue::try_from(format!("Bearer {key}"))).transpose();
        let mut key = key.context("the key is no text that a header may hold")?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        Ok(Self {
            // An IPv6 address in a URL has brackets, which the resolver does not want.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port_u16().unwrap_or(80),
            prefix: url.path().trim_end_matches('/').to_owned(),
            key,
            permits: Semaphore::new(connections),
            idle: Mutex::new(Vec::new()),
        })
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Waits until fewer than all connections are in use; first come, first served.
    pub async fn turn(&self) -> Turn<'_> {
        let permit = self.permits.acquire().await.expect("nobody closes the semaphore");
        Turn { wire: self, _permit: permit }
    }

    async fn connection(&self) -> Result<Connection, SendError> {
        while let Some(connection) = self.take_idle() {
            if connection.sender.is_ready() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(SendError::Connect)?;
        stream.set_nodelay(true).map_err(SendError::Connect)?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(SendError::Broken)?;
        // How it ended is told by the request that was on it.
        let driver = tokio::spawn(async move { driver.await.unwrap_or_default() });
        Ok(Connection { sender, _driver: AbortOnDropHandle::new(driver) })
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn request(&self, job: &Job) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(job.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("{}{}", self.prefix, job.path).parse().expect("a part of a URL that was parsed");
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let host = HeaderValue::try_from(format!("{host}:{}", self.port)).expect("a host that was parsed");
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.clone());
        }
        request
    }
}

impl Turn<'_> {
    /// The whole answer, whatever its status.
    pub async fn send(self, job: &Job) -> Result<(StatusCode, Bytes), SendError> {
        let mut connection = self.wire.connection().await?;
        let response = connection.sender.send_request(self.wire.request(job)).await.map_err(SendError::Broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_ANSWER_BYTES).collect().await.map_err(SendError::Answer)?;
        // Free again a moment after the last byte; one that the server closes never is.
        if connection.sender.ready().await.is_ok() {
            self.wire.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        Ok((status, body.to_bytes()))
    }
}
