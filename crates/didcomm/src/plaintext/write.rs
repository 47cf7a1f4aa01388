//! Writing a plaintext message.

use comity_jose::json::ObjectWriter;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Plaintext, PleaseAck, ReturnRoute};
use crate::media_type;

impl Plaintext {
    /// The octets of the message. A `body` is always there, for peers of v2.0 (MSG-14).
    pub fn to_octets(&self) -> Vec<u8> {
        let mut out = ObjectWriter::new(1024);
        out.text("id", self.id.as_str());
        out.text("typ", media_type::PLAINTEXT);
        out.value("type", &self.type_);
        optional(&mut out, "from", self.from.as_ref());
        list(&mut out, "to", &self.to);
        optional(&mut out, "thid", self.thid.as_ref());
        optional(&mut out, "pthid", self.pthid.as_ref());
        optional(&mut out, "created_time", self.created_time);
        optional(&mut out, "expires_time", self.expires_time);
        list(&mut out, "please_ack", &self.please_ack);
        list(&mut out, "ack", &self.ack);
        optional(&mut out, "lang", self.lang.as_ref());
        list(&mut out, "accept-lang", &self.accept_lang);
        optional(&mut out, "from_prior", self.from_prior.as_ref());
        let return_route = match self.return_route {
            ReturnRoute::None => None,
            ReturnRoute::All => Some("all"),
            ReturnRoute::Thread => Some("thread"),
        };
        optional(&mut out, "return_route", return_route);
        optional(
            &mut out,
            "return_route_thread",
            self.return_route_thread.as_ref(),
        );
        for (name, value) in &self.extra {
            if !KNOWN.contains(&name.as_str()) {
                out.value(name, value);
            }
        }
        out.object("body", &self.body);
        list(&mut out, "attachments", &self.attachments);
        out.finish()
    }
}

/// As the value that [`Plaintext::to_octets`] writes: for what is looked at, not for the wire.
impl Serialize for Plaintext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_slice(&self.to_octets()).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl Serialize for PleaseAck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::This => serializer.serialize_str(""),
            Self::Message(id) => id.serialize(serializer),
        }
    }
}

fn optional(out: &mut ObjectWriter, name: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        out.value(name, &value);
    }
}

fn list(out: &mut ObjectWriter, name: &str, values: &[impl Serialize]) {
    if !values.is_empty() {
        out.value(name, values);
    }
}

/// Headers that have a field; in `extra` they would stand twice.
const KNOWN: [&str; 18] = [
    "id",
    "typ",
    "type",
    "from",
    "to",
    "thid",
    "pthid",
    "created_time",
    "expires_time",
    "body",
    "attachments",
    "please_ack",
    "ack",
    "lang",
    "accept-lang",
    "from_prior",
    "return_route",
    "return_route_thread",
];
