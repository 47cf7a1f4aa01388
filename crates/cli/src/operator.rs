//! The operator's door: HTTP and JSON on `operator.sock` (routes: `comity_api::operator`).

use crate::exit::Trouble;
use bytes::Bytes;
use comity_api::Problem;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// The local node, seen by its operator.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    socket: PathBuf,
}

impl Operator {
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            socket: home.join("operator.sock"),
        }
    }

    /// True if a node answers there.
    pub(crate) async fn is_up(&self) -> bool {
        UnixStream::connect(&self.socket).await.is_ok()
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        read(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Trouble> {
        read(&self.post_for_octets(path, body).await?)
    }

    /// The answer's octets, as they came.
    pub(crate) async fn post_for_octets(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Bytes, Trouble> {
        let body = serde_json::to_vec(body).map_err(|why| Trouble::failed(why.to_string()))?;
        self.call(Method::POST, path, body.into()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Trouble> {
        self.call(Method::DELETE, path, Bytes::new())
            .await
            .map(drop)
    }

    /// Deletes; the answer says what it was.
    pub(crate) async fn end<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        read(&self.call(Method::DELETE, path, Bytes::new()).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Trouble> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|why| self.away(&why))?;
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http1::handshake(io).await;
        let (mut sender, connection) = handshake.map_err(|why| broken(&why))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "operator")
            .header("content-type", "application/json")
            .body(Full::new(body));
        let request = request.map_err(|why| Trouble::usage(why.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|why| broken(&why))?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|why| broken(&why))?
            .to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(refusal(status, &body))
    }

    fn away(&self, why: &std::io::Error) -> Trouble {
        let home = self.socket.parent().unwrap_or(&self.socket).display();
        match why.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Trouble::failed(format!("you are not the operator of the node in {home}")).means(
                    format!("only whoever started it may open {}", self.socket.display()),
                )
            }
            _ => Trouble::failed(format!("no node is running in {home}"))
                .next("comity up   or   --home DIR for another one"),
        }
    }
}

/// A path's part, percent-encoded where it must be.
pub(crate) fn part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(octet));
            }
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(octets).map_err(|why| {
        Trouble::failed("the node's answer can't be read")
            .means(format!("{why}; is this command as new as the node?"))
            .next("comity --version   and   comity status --json")
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> Trouble {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => problem.into(),
        Err(_) => Trouble::failed(format!("the node answered {status}")),
    }
}

fn broken(why: &hyper::Error) -> Trouble {
    Trouble::failed("the node went away")
        .means(why.to_string())
        .next("comity status")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(part("did:web:x:aria"), "did:web:x:aria");
        assert_eq!(part("a/b?c#d%"), "a%2Fb%3Fc%23d%25");
    }

    #[tokio::test]
    async fn without_a_node_the_next_step_is_to_start_one() {
        let home = tempfile::tempdir().unwrap();
        let answer = Operator::new(home.path())
            .get::<serde_json::Value>("/v1/status")
            .await;
        let home = home.path().display();
        assert_eq!(
            answer.unwrap_err(),
            Trouble::failed(format!("no node is running in {home}"))
                .next("comity up   or   --home DIR for another one")
        );
    }
}
