//! The agent's door by plain HTTP, for a load that wants to see every answer and every broken
//! connection itself. (The SDK heals both, which is what most of the load uses.)

use crate::http::{Sender, begin, exchange};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// One connection to an agent's door, opened when it is needed.
#[derive(Debug)]
pub struct Door {
    at: SocketAddr,
    token: String,
    sender: Option<Sender>,
}

impl Door {
    /// The door at `at`, for the agent that `token` names.
    #[must_use]
    pub const fn new(at: SocketAddr, token: String) -> Self {
        Self {
            at,
            token,
            sender: None,
        }
    }

    /// A further connection for the same agent.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(self.at, self.token.clone())
    }

    /// `POST`. The status and the answer, if an answer came.
    ///
    /// # Errors
    /// No answer: whether the node did what was asked is not known.
    pub async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(u16, T)> {
        let body = serde_json::to_vec(body)?;
        self.call(Method::POST, path, body.into()).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<(u16, T)> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// What the SDK needs to connect as the same agent: url and token.
    #[must_use]
    pub fn credentials(&self) -> (String, String) {
        (format!("http://{}", self.at), self.token.clone())
    }

    async fn call<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, T)> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => begin(TcpStream::connect(self.at).await?).await?,
        };
        let answer = exchange(&mut sender, method, path, Some(&self.token), body);
        let (status, octets) = tokio::time::timeout(PATIENCE, answer).await??;
        self.sender = Some(sender);
        let value = serde_json::from_slice(&octets)
            .with_context(|| format!("{status}: {}", String::from_utf8_lossy(&octets)))?;
        Ok((status.as_u16(), value))
    }
}

/// Longer than the door ever waits.
const PATIENCE: Duration = Duration::from_secs(70);
