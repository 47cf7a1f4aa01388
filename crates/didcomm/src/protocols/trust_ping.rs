//! trust-ping/2.0: is anybody there (PNG-01)?

use serde::{Deserialize, Serialize};

use super::Body;
use crate::{MessageId, Plaintext};

/// Asks for a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Whether it is to be answered.
    #[serde(default = "yes")]
    pub response_requested: bool,
}

/// The sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingResponse {}

impl Body for Ping {
    const TYPE: &'static str = "https://didcomm.org/trust-ping/2.0/ping";
}

impl Body for PingResponse {
    const TYPE: &'static str = "https://didcomm.org/trust-ping/2.0/ping-response";
}

/// The answer to a ping; `None` if the message is no ping or wants none.
pub fn response(message: &Plaintext, id: MessageId) -> Option<Plaintext> {
    let ping = Ping::read_body(message).ok()?;
    ping.response_requested
        .then(|| PingResponse {}.answer(id, message))
}

impl Default for Ping {
    fn default() -> Self {
        Self {
            response_requested: true,
        }
    }
}

fn yes() -> bool {
    true
}
