//! One HTTP/1.1 exchange on a connection of its own, or on one that is kept.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// Begins HTTP on a connection.
pub(crate) async fn begin<S>(stream: S) -> Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One request and its whole answer.
pub(crate) async fn exchange(
    sender: &mut Sender,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Bytes,
) -> Result<(StatusCode, Bytes)> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    sender.ready().await?;
    let answer = sender.send_request(request.body(Full::new(body))?).await?;
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .context("the answer broke off")?
        .to_bytes();
    Ok((status, body))
}
