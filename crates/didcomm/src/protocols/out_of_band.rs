//! out-of-band/2.0: a first message for somebody whose DID isn't known yet, as a link or a QR code
//! (OOB-01 to OOB-06).
//!
//! An invitation travels in the open: everybody who sees the link can read it, copy it and answer
//! it. Nothing private goes into it, and who wants the contact made by it to be unlinkable gives it
//! a DID of its own (OOB-05). Nothing here fetches: a short link is told from a long one, and is
//! for the host to follow, or not.

use comity_did::Did;
use comity_jose::{base64url, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Body, BodyError};
use crate::{Attachment, MessageId, Plaintext, PlaintextError};

/// Invites whoever reads it to answer.
///
/// # Security
/// Everything in it is the words of a stranger: `goal` is shown as such or not at all, and `from`
/// proves nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Invitation {
    /// Answers have it as their `pthid`.
    pub id: MessageId,
    /// Whom to answer.
    pub from: Did,
    /// What it is for.
    pub goal: Goal,
    /// Messages to act on, one of them: the first that its reader understands.
    pub attachments: Vec<Attachment>,
    /// When it ends, in UTC seconds.
    pub expires_time: Option<u64>,
}

/// The body of an invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// What it is for, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal_code: Option<String>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// Profiles that answers may use, such as `didcomm/v2`, best first; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
}

impl Body for Goal {
    const TYPE: &'static str = "https://didcomm.org/out-of-band/2.0/invitation";
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Link {
    /// A short form: fetching the link itself, within limits and through a guard, gives the
    /// invitation or a redirect to the long form (OOB-04).
    FetchRequired,
    /// The invitation in it.
    Invitation(Box<Invitation>),
    /// Something else.
    Other,
}

/// Why a link or a text that should hold an invitation does not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// The link has several invitations: which is meant can't be told.
    #[error("the link has more than one invitation")]
    Ambiguous,
    /// `_oob` is not base64url.
    #[error("the invitation in the link is not base64url")]
    Encoding,
    /// What is in it is no invitation.
    #[error("the message is not an invitation")]
    Invitation(#[from] BodyError),
    /// What is in it is no message.
    #[error("the invitation is not a message")]
    Message(#[from] PlaintextError),
    /// More octets than are read.
    #[error("the invitation has more than {} octets", Invitation::MAX_BYTES)]
    TooLong,
    /// The link to put the invitation into isn't one.
    #[error("the link does not start with https:// or has an invitation already")]
    Url,
}

impl Invitation {
    /// Octets of an invitation: 16 KiB, far more than a QR code holds.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// An invitation to answer `from`.
    pub fn new(id: MessageId, from: Did) -> Self {
        Self {
            id,
            from,
            goal: Goal::default(),
            attachments: Vec::new(),
            expires_time: None,
        }
    }

    /// Reads an invitation; `from` must be there (OOB-01).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        let goal = Goal::read_body(message)?;
        let from = message.from.clone().ok_or(BodyError::Header("from"))?;
        Ok(Self {
            id: message.id.clone(),
            from,
            goal,
            attachments: message.attachments.clone(),
            expires_time: message.expires_time,
        })
    }

    /// Reads an invitation as a server gives it for a short link.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn parse(octets: &[u8]) -> Result<Self, InvitationError> {
        if octets.len() > Self::MAX_BYTES {
            return Err(InvitationError::TooLong);
        }
        Ok(Self::read(&Plaintext::parse(octets, &JSON_LIMITS)?)?)
    }

    /// The invitation as a message.
    pub fn to_plaintext(&self) -> Plaintext {
        let mut message = self.goal.message(self.id.clone());
        message.from = Some(self.from.clone());
        message.attachments.clone_from(&self.attachments);
        message.expires_time = self.expires_time;
        message
    }

    /// Puts the invitation into a link, which may have a path and a query of its own (OOB-03).
    ///
    /// # Errors
    /// [`InvitationError::Url`] unless `base` is an https link without an invitation,
    /// [`InvitationError::TooLong`].
    pub fn to_url(&self, base: &str) -> Result<String, InvitationError> {
        let octets = self.to_plaintext().to_octets();
        if octets.len() > Self::MAX_BYTES {
            return Err(InvitationError::TooLong);
        }
        let has_host = base.strip_prefix("https://").is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty()
        });
        if !has_host || values(base, LONG).next().is_some() || values(base, SHORT).next().is_some()
        {
            return Err(InvitationError::Url);
        }
        let (link, fragment) = base.split_at(base.find('#').unwrap_or(base.len()));
        let joint = match link.find('?') {
            None => "?",
            Some(_) if link.ends_with(['?', '&']) => "",
            Some(_) => "&",
        };
        let encoded = base64url::encode(&octets);
        Ok(format!("{link}{joint}{LONG}={encoded}{fragment}"))
    }

    /// Reads a link (OOB-03, OOB-04).
    ///
    /// # Errors
    /// [`InvitationError`] if there is an invitation in it that can't be read.
    pub fn from_url(url: &str) -> Result<Link, InvitationError> {
        let (mut long, mut short) = (values(url, LONG), values(url, SHORT));
        let encoded = match (long.next(), long.next(), short.next(), short.next()) {
            (None, None, None, None) => return Ok(Link::Other),
            (None, None, Some(id), None) if !id.is_empty() => return Ok(Link::FetchRequired),
            (Some(encoded), None, None, None) => encoded,
            (None, None, Some(_), None) => return Err(InvitationError::Encoding),
            _ => return Err(InvitationError::Ambiguous),
        };
        if encoded.len() > base64url::encoded_len(Self::MAX_BYTES) + PADDING {
            return Err(InvitationError::TooLong);
        }
        let text = encoded.replace("%3D", "=").replace("%3d", "=");
        let octets = base64url::decode_lenient(text.trim_end_matches('='))
            .map_err(|_| InvitationError::Encoding)?;
        Ok(Link::Invitation(Box::new(Self::parse(&octets)?)))
    }

    /// The first attached message that its reader understands (OOB-01).
    pub fn choose(&self, understands: impl Fn(&Attachment) -> bool) -> Option<&Attachment> {
        self.attachments
            .iter()
            .find(|attachment| understands(attachment))
    }

    /// Makes `message` an answer: for who invites, and with the invitation as `pthid`. Its thread is
    /// its own: an invitation may be answered by many (OOB-02).
    #[must_use]
    pub fn answer(&self, mut message: Plaintext) -> Plaintext {
        message.pthid = Some(self.id.clone());
        message.to = vec![self.from.clone()];
        if message.thid.as_ref() == Some(&self.id) {
            message.thid = None;
        }
        message
    }

    /// Whether a message answers this invitation.
    pub fn is_answered_by(&self, message: &Plaintext) -> bool {
        message.pthid.as_ref() == Some(&self.id)
    }
}

/// Where a person's browser may go when a protocol that began with an invitation is over: the
/// header `web_redirect`.
///
/// # Security
/// Never followed here. The address is a stranger's; it is for a person who agrees, or a policy
/// (OOB-06).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WebRedirect {
    /// How it went: `OK`, `FAIL` or `PENDING`.
    pub status: String,
    /// The address.
    #[serde(rename = "redirectUrl")]
    pub redirect_url: String,
}

impl WebRedirect {
    /// Longest address, in octets.
    pub const MAX_BYTES: usize = 2048;

    /// Reads the header; `None` if it is absent, malformed, or leads anywhere but to https.
    pub fn read(message: &Plaintext) -> Option<Self> {
        let value: &Value = message.extra.get("web_redirect")?;
        let redirect: Self = serde_json::from_value(value.clone()).ok()?;
        let url = &redirect.redirect_url;
        let is_plain = url.bytes().all(|octet| octet.is_ascii_graphic());
        let is_bounded = url.len() <= Self::MAX_BYTES && redirect.status.len() <= STATUS_BYTES;
        (url.starts_with("https://") && is_plain && is_bounded).then_some(redirect)
    }
}

/// The values of a parameter of a link.
fn values<'a>(url: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    let before_fragment = url.split('#').next().unwrap_or_default();
    let query = before_fragment.split_once('?').map(|(_, query)| query);
    let parameters = query.unwrap_or_default().split('&');
    parameters.filter_map(move |parameter| {
        let (its_name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (its_name == name).then_some(value)
    })
}

/// The parameter that holds an invitation.
const LONG: &str = "_oob";

/// The parameter of a link that leads to one.
const SHORT: &str = "_oobid";

/// What an invitation may be as JSON.
const JSON_LIMITS: json::Limits = json::Limits {
    bytes: Invitation::MAX_BYTES,
    depth: 16,
    members: 1024,
};

/// Octets that padding takes, percent-encoded.
const PADDING: usize = 6;

/// `PENDING` has 7.
const STATUS_BYTES: usize = 16;

#[cfg(test)]
mod tests;
