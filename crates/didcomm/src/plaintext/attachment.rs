//! Attachments.

mod content;

pub use content::{ContentError, ContentSigner};

use std::borrow::Cow;

use comity_jose::base64url;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::id::is_unreserved;
use crate::media_type;

/// Content that comes with a message.
///
/// # Spec
/// DIDComm v2.1 §"Attachments"; ATT-01 to ATT-07.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attachment {
    /// Short, and unique within the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A hint; never a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The content's media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What the media type does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// When the content was last changed, in UTC seconds; a hint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lastmod_time: Option<u64>,
    /// The content's size in octets; a hint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_count: Option<u64>,
    /// The content, or where it is.
    pub data: Data,
}

/// The content, or where it is: at least one of `json`, `base64` and `links`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Data {
    /// Any JSON value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Octets, as base64url.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_base64url"
    )]
    pub base64: Option<Vec<u8>>,
    /// Addresses to fetch from, only as policy permits (ATT-08).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The multihash of the content, for [`Attachment::check_hash`]; always there with `links`
    /// (ATT-04).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// A detached signature over the content; a claim before [`Attachment::verify_signature`]
    /// (ATT-06).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jws: Option<Value>,
}

/// Why an attachment is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// `base64` is in no base64 alphabet.
    #[error("content is not base64")]
    Base64,
    /// No `data` object, or nothing to get the content by (ATT-01, ATT-02).
    #[error("attachment has no content")]
    Data,
    /// `links` without `hash` (ATT-04).
    #[error("links come without a hash")]
    Hash,
    /// `id` holds characters that are not unreserved (ATT-03).
    #[error("attachment id holds a character that is not unreserved")]
    Id,
    /// A member has another type than it must have.
    #[error("attachment member {0} has the wrong type")]
    Member(&'static str),
    /// Not a JSON object (ATT-01).
    #[error("attachment is not a json object")]
    NotAnObject,
}

impl Attachment {
    /// Content that is JSON.
    pub fn of_json(value: Value) -> Self {
        Self {
            data: Data {
                json: Some(value),
                ..Data::default()
            },
            ..Self::default()
        }
    }

    /// Content that is octets.
    pub fn of_octets(octets: Vec<u8>) -> Self {
        Self {
            data: Data {
                base64: Some(octets),
                ..Data::default()
            },
            ..Self::default()
        }
    }

    /// The content's media type in full: without a slash it is read as if `application/` stood before
    /// it (ENV-05).
    pub fn full_media_type(&self) -> Option<Cow<'_, str>> {
        self.media_type.as_deref().map(media_type::in_full)
    }

    /// The content that came with the message: the octets of `base64`, or `json` written out.
    ///
    /// `None` if it has to be fetched.
    pub fn octets(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.data.base64, &self.data.json) {
            (Some(octets), _) => Some(Cow::Borrowed(octets)),
            (None, Some(value)) => Some(Cow::Owned(value.to_string().into_bytes())),
            (None, None) => None,
        }
    }

    pub(super) fn read(value: Value) -> Result<Self, AttachmentError> {
        let Value::Object(mut members) = value else {
            return Err(AttachmentError::NotAnObject);
        };
        let id = text(&mut members, "id")?;
        if id
            .as_ref()
            .is_some_and(|id| id.is_empty() || !id.bytes().all(is_unreserved))
        {
            return Err(AttachmentError::Id);
        }
        Ok(Self {
            id,
            description: text(&mut members, "description")?,
            filename: text(&mut members, "filename")?,
            media_type: text(&mut members, "media_type")?,
            format: text(&mut members, "format")?,
            lastmod_time: members.get("lastmod_time").and_then(Value::as_u64),
            byte_count: members.get("byte_count").and_then(Value::as_u64),
            data: Data::read(members.swap_remove("data"))?,
        })
    }
}

impl Data {
    fn read(value: Option<Value>) -> Result<Self, AttachmentError> {
        let Some(Value::Object(mut members)) = value else {
            return Err(AttachmentError::Data);
        };
        let base64 = text(&mut members, "base64")?;
        let links = match members.swap_remove("links") {
            None => Vec::new(),
            Some(Value::Array(links)) => links.into_iter().map(link).collect::<Result<_, _>>()?,
            Some(_) => return Err(AttachmentError::Member("links")),
        };
        let data = Self {
            json: members.swap_remove("json"),
            base64: base64
                .map(|text| base64url::decode_lenient(&text).map_err(|_| AttachmentError::Base64))
                .transpose()?,
            links,
            hash: text(&mut members, "hash")?,
            jws: members.swap_remove("jws"),
        };
        if data.json.is_none() && data.base64.is_none() && data.links.is_empty() {
            return Err(AttachmentError::Data);
        }
        if !data.links.is_empty() && data.hash.is_none() {
            return Err(AttachmentError::Hash);
        }
        Ok(data)
    }
}

fn link(value: Value) -> Result<String, AttachmentError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(AttachmentError::Member("links")),
    }
}

fn text(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, AttachmentError> {
    match members.swap_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(AttachmentError::Member(name)),
    }
}

fn as_base64url<S: Serializer>(octets: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match octets {
        Some(octets) => serializer.serialize_str(&base64url::encode(octets)),
        None => serializer.serialize_none(),
    }
}
