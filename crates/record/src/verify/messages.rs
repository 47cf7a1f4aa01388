//! The messages: digest, thread, parties and signature of each.

use std::{collections::HashMap, sync::Arc};

use comity_did::{Did, DidUrl};
use comity_jose::jws::Jws;
use serde_json::Value;

use super::{Case, Head, Party, Shown, Why, keyring::Keyring};
use crate::{
    bundle::Content,
    digest::{Digest, message_digest_plain, message_digest_signed},
    text::Fingerprint,
};

/// The messages of a bundle, in its order.
pub(super) struct Messages {
    pub(super) all: Vec<Message>,
    by_digest: HashMap<Digest, usize>,
}

/// A message as far as it is shown and holds.
pub(super) struct Message {
    pub(super) digest: Digest,
    pub(super) shown: Shown,
    pub(super) seen: Option<Seen>,
}

/// What the plaintext says, and who it is between.
pub(super) struct Seen {
    pub(super) head: Head,
    pub(super) sender: Party,
    /// The key that signed; `None` for an unsigned message.
    pub(super) key: Option<Fingerprint>,
}

impl Messages {
    pub(super) fn check(case: &mut Case<'_>, keyring: &mut Keyring) -> Self {
        let bundle = case.bundle;
        let mut messages = Self {
            all: Vec::new(),
            by_digest: HashMap::new(),
        };
        if bundle.messages.is_empty() {
            case.find("/messages", Why::Empty);
        }
        for (n, message) in bundle.messages.iter().enumerate() {
            let at = format!("/messages/{n}");
            let (shown, seen) = match &message.content {
                Content::Signed(jws) => (
                    Shown::Signed,
                    signed(case, keyring, &at, &message.digest, jws),
                ),
                Content::Plaintext(octets) => (
                    Shown::Unsigned,
                    plain(case, &message.digest, octets).map(Some),
                ),
                Content::Withheld => (Shown::Withheld, Ok(None)),
            };
            let seen = seen.unwrap_or_else(|(member, why)| {
                case.find(format!("{at}{member}"), why);
                None
            });
            match shown {
                Shown::Unsigned => case.find(&at, Why::Unsigned),
                Shown::Withheld => case.find(&at, Why::Withheld),
                Shown::Signed => {}
            }
            if messages.by_digest.insert(message.digest, n).is_some() {
                case.find(&at, Why::DuplicateMessage);
            }
            messages.all.push(Message {
                digest: message.digest,
                shown,
                seen,
            });
        }
        messages
    }

    pub(super) fn position(&self, digest: &Digest) -> Option<usize> {
        self.by_digest.get(digest).copied()
    }

    pub(super) fn seen(&self, digest: &Digest) -> Option<&Seen> {
        self.all[self.position(digest)?].seen.as_ref()
    }
}

/// The member that failed, relative to the message, and why.
type Failure = (&'static str, Why);

fn signed(
    case: &mut Case<'_>,
    keyring: &mut Keyring,
    at: &str,
    digest: &Digest,
    jws: &Value,
) -> Result<Option<Seen>, Failure> {
    let jws = Jws::from_value(jws.clone()).map_err(|error| ("/jws", Why::Jws(Arc::new(error))))?;
    match jws.header().typ.as_deref() {
        Some("application/didcomm-signed+json" | "didcomm-signed+json" | "JWM") => {}
        None => case.find(format!("{at}/jws"), Why::Untyped),
        Some(_) => return Err(("/jws", Why::MessageTyp)),
    }
    let kid = jws
        .header()
        .kid
        .as_deref()
        .and_then(|kid| kid.parse::<DidUrl>().ok());
    let signer = kid.and_then(|kid| Some((case.party(kid.did())?, kid)));
    let Some((signer, kid)) = signer else {
        let head = Head::parse(jws.payload_unverified()).ok_or(("/jws", Why::Plaintext))?;
        let why = parties(case, &head).err().unwrap_or(Why::SignerNotSender);
        return Err(("/jws", why));
    };
    // The signature first: of what was changed after it, the digest is the smaller part.
    let key = keyring
        .prove(case, signer, &kid, at, |key| jws.verify(key).is_ok())
        .map_err(|why| ("/jws", why))?;
    if message_digest_signed(jws.protected_b64(), jws.payload_b64()) != *digest {
        return Err(("/digest", Why::MessageDigest));
    }
    let head = Head::parse(jws.payload_unverified()).ok_or(("/jws", Why::Plaintext))?;
    let sender = parties(case, &head).map_err(|why| ("/jws", why))?;
    if sender != signer {
        return Err(("/jws", Why::SignerNotSender));
    }
    Ok(Some(Seen {
        head,
        sender,
        key: Some(key),
    }))
}

fn plain(case: &Case<'_>, digest: &Digest, octets: &[u8]) -> Result<Seen, Failure> {
    if message_digest_plain(octets) != *digest {
        return Err(("/digest", Why::MessageDigest));
    }
    let head = Head::parse(octets).ok_or(("/plaintext", Why::Plaintext))?;
    let sender = parties(case, &head).map_err(|why| ("/plaintext", why))?;
    Ok(Seen {
        head,
        sender,
        key: None,
    })
}

/// The sender; the other of the two must be a recipient, and the thread the one shown.
fn parties(case: &Case<'_>, head: &Head) -> Result<Party, Why> {
    if !case.is_thread(head.thid.as_str()) {
        return Err(Why::OtherThread);
    }
    let sender = head
        .from
        .as_ref()
        .and_then(|from| case.party(from))
        .ok_or(Why::OtherParty)?;
    let other = &case.bundle.thread.between[1 - sender];
    let addressed = |to: &Did| to.same_subject(other);
    if head.to.iter().any(addressed) {
        Ok(sender)
    } else {
        Err(Why::OtherParty)
    }
}
