//! routing/2.0: a message in an envelope for somebody who passes it on (RTE-01 to RTE-09).

mod relay;
mod route;

pub(super) use relay::is_same;
pub use relay::{Refusal, Relay, Room, is_for, overlap, relay};
pub use route::{Hop, Route, RouteError};

use comity_did::DidUrl;
use comity_jose::Entropy;
use comity_jose::jwe::Enc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Body, BodyError};
use crate::{MessageId, PackError, Plaintext, anoncrypt_to, media_type};

/// The body of a forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Whom to pass the attachments on to: a DID, or a key.
    pub next: DidUrl,
}

impl Body for Forward {
    const TYPE: &'static str = "https://didcomm.org/routing/2.0/forward";
}

/// A forward that was read, with what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// Whom to pass it on to.
    pub next: DidUrl,
    /// Envelopes, each to be passed on unaltered.
    pub payloads: Vec<Vec<u8>>,
}

impl Forwarded {
    /// Reads a forward. What it carries comes as `json` or `base64`, and is encrypted: a mediator
    /// relays nothing that it could read (RTE-01, RTE-08).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        let Forward { next } = Forward::read_body(message)?;
        let payload = |attachment: &crate::Attachment| {
            let octets = attachment.octets().ok_or(BodyError::Attachment)?;
            if is_envelope(&octets) {
                Ok(octets.into_owned())
            } else {
                Err(BodyError::Attachment)
            }
        };
        let payloads: Vec<_> = message
            .attachments
            .iter()
            .map(payload)
            .collect::<Result<_, _>>()?;
        if payloads.is_empty() {
            return Err(BodyError::Attachment);
        }
        Ok(Self { next, payloads })
    }
}

/// Wraps an envelope for the hops of a route, the first of which is the outermost: the result goes
/// to the route's address (RTE-02).
///
/// `next` is the recipient. Without hops the envelope comes back as it is. `expires_time` is in UTC
/// seconds.
///
/// # Errors
/// [`PackError`].
pub fn forward(
    entropy: &dyn Entropy,
    next: &DidUrl,
    hops: &[Hop],
    envelope: String,
    enc: Enc,
    expires_time: Option<u64>,
) -> Result<String, PackError> {
    let mut next = next;
    let mut envelope = envelope;
    for hop in hops.iter().rev() {
        let octets = forward_octets(entropy, next, &hop.name, &envelope, expires_time)?;
        envelope = anoncrypt_to(entropy, &hop.keys, enc, octets, media_type::ENCRYPTED)?;
        next = &hop.name;
    }
    Ok(envelope)
}

/// Writes a forward around an envelope without taking that apart.
fn forward_octets(
    entropy: &dyn Entropy,
    next: &DidUrl,
    hop: &DidUrl,
    envelope: &str,
    expires_time: Option<u64>,
) -> Result<Vec<u8>, PackError> {
    let json: &RawValue = serde_json::from_str(envelope).map_err(|_| PackError::Envelope)?;
    let message = Wire {
        id: MessageId::generate(entropy),
        typ: media_type::PLAINTEXT,
        type_: Forward::TYPE,
        to: [hop.did().as_str()],
        expires_time,
        body: WireBody { next },
        attachments: [WireAttachment {
            data: WireData { json },
        }],
    };
    Ok(serde_json::to_vec(&message).expect("a forward has nothing that json cannot express"))
}

#[derive(Serialize)]
struct Wire<'a> {
    id: MessageId,
    typ: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    to: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_time: Option<u64>,
    body: WireBody<'a>,
    attachments: [WireAttachment<'a>; 1],
}

#[derive(Serialize)]
struct WireBody<'a> {
    next: &'a DidUrl,
}

#[derive(Serialize)]
struct WireAttachment<'a> {
    data: WireData<'a>,
}

#[derive(Serialize)]
struct WireData<'a> {
    json: &'a RawValue,
}

/// Told by structure, as everywhere (ENV-06).
pub(super) fn is_envelope(octets: &[u8]) -> bool {
    let members = |value: &Value| {
        ["protected", "ciphertext", "iv", "tag"]
            .iter()
            .all(|name| value.get(name).is_some())
    };
    let limits = comity_jose::json::Limits::MESSAGE;
    comity_jose::json::parse(octets, &limits).is_ok_and(|value| members(&value))
}
