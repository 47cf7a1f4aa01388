//! The operator's door of a node.

use crate::http::{begin, exchange};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use comity_api::operator::{Agent, CreateAgent, CreatedAgent, Entry, Knock, MessageRow, Status};
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Speaks to `operator.sock`, one connection for each request: the node may be another one by then.
#[derive(Clone, Debug)]
pub struct Operator {
    socket: PathBuf,
}

impl Operator {
    /// The operator of the node that lives in `home`.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self {
            socket: home.join("operator.sock"),
        }
    }

    /// `GET`.
    ///
    /// # Errors
    /// No node there, or it refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        read(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        read(&self.post_for_octets(path, body).await?)
    }

    /// `POST`, and the answer as it came.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post_for_octets(&self, path: &str, body: &impl Serialize) -> Result<Bytes> {
        self.call(Method::POST, path, serde_json::to_vec(body)?.into())
            .await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.call(Method::DELETE, path, Bytes::new())
            .await
            .map(drop)
    }

    /// One screen.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn status(&self) -> Result<Status> {
        self.get("/v1/status").await
    }

    /// One agent.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn agent(&self, name: &str) -> Result<Agent> {
        self.get(&format!("/v1/agents/{name}")).await
    }

    /// Creates an agent.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn create_agent(&self, name: &str) -> Result<CreatedAgent> {
        self.post(
            "/v1/agents",
            &CreateAgent {
                name: name.to_owned(),
            },
        )
        .await
    }

    /// Knocks that wait.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn knocks(&self) -> Result<Vec<Knock>> {
        self.get("/v1/knocks").await
    }

    /// Every entry of the record, in the order of recording.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn entries(&self) -> Result<Vec<Entry>> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map_or(0, |entry| entry.seq);
            let path = format!("/v1/entries?after={after}&limit=1000");
            let page: Vec<Entry> = self.get(&path).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Every message, of both directions.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn messages(&self) -> Result<Vec<MessageRow>> {
        self.get("/v1/messages?limit=1000&all=true").await
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .context("no node there")?;
        let mut sender = begin(stream).await?;
        let (status, answer) = exchange(&mut sender, method, path, None, body).await?;
        if !status.is_success() {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }
}

fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(octets)?)
}
