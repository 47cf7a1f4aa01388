//! Opening the WebSocket.

use crate::credentials::Credentials;
use crate::{Error, Result};
use http::StatusCode;
use http::header::AUTHORIZATION;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects to the agent's door and shows the token.
pub(super) async fn connect(credentials: &Credentials) -> Result<Socket> {
    let url = || Error::Url {
        url: credentials.url.clone(),
    };
    let unreachable =
        |source: Option<Box<dyn std::error::Error + Send + Sync>>| Error::Unreachable {
            url: credentials.url.clone(),
            source,
        };
    let mut request = credentials
        .socket()?
        .into_client_request()
        .map_err(|_| url())?;
    let bearer = format!("Bearer {}", credentials.token);
    let bearer = bearer.parse().map_err(|_| Error::Unauthorized {
        url: credentials.url.clone(),
    })?;
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let connecting = connect_async_with_config(request, None, DISABLE_NAGLE);
    match tokio::time::timeout(PATIENCE, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(WsError::Http(response))) if is_refusal(response.status()) => {
            Err(Error::Unauthorized {
                url: credentials.url.clone(),
            })
        }
        Ok(Err(why)) => Err(unreachable(Some(why.into()))),
        Err(_) => Err(unreachable(None)),
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Frames are small and wanted at once.
const DISABLE_NAGLE: bool = true;
/// For connection and handshake. The node is next door.
const PATIENCE: Duration = Duration::from_secs(5);
