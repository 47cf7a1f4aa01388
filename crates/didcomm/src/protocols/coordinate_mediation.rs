//! coordinate-mediation/2.0 and 3.0: asking somebody to take messages in for one (MED-01 to MED-07).
//!
//! Both versions say the same in other words, so that there is one [`Request`] and one [`Reply`],
//! read from and written in either. [`decide()`] is what a mediator answers; it keeps nothing: its
//! host does, as the [`Change`]s say.

mod decide;

pub use decide::{Answer, Change, Decision, Situation, account, decide};
pub(super) use decide::{NO_GRANT, UNPROVED};

use comity_did::{Did, DidUrl};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::BodyError;
use crate::{MessageId, MessageType, Plaintext, ReturnRoute};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Version {
    /// 2.0, which calls recipients keys.
    V2,
    /// 3.0.
    V3,
}

/// What a recipient asks of a mediator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// To take messages in: `mediate-request`.
    Mediate,
    /// Which recipients are registered: `recipient-query`, `keylist-query`.
    Query(Option<Paginate>),
    /// To register recipients or to remove them: `recipient-update`, `keylist-update`. At most
    /// [`Request::UPDATES_MAX`].
    Update(Vec<Update>),
}

/// What a mediator answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// It does not: `mediate-deny`.
    Deny,
    /// It does: `mediate-grant`. Messages go to the DIDs in `routing_did`, of which there is at
    /// least one; 2.0 tells of the first only.
    Grant {
        /// DIDs to route by.
        routing_did: Vec<Did>,
    },
    /// These are registered: `recipient`, `keylist`.
    Recipients {
        /// What was registered: DIDs, and keys.
        recipients: Vec<DidUrl>,
        /// Which part of all it is, if it was asked for a part.
        pagination: Option<Pagination>,
    },
    /// What became of each update, in their order: `recipient-update-response`,
    /// `keylist-update-response`.
    Updated(Vec<Updated>),
}

/// One change of what is registered. What it names is checked one by one, not with the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// A DID, or a key; or neither.
    pub recipient_did: String,
    /// `add` or `remove`; or neither.
    pub action: String,
}

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// The update.
    #[serde(flatten)]
    pub update: Update,
    /// What became of it.
    pub result: UpdateResult,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UpdateResult {
    /// It can't be done as it is asked for.
    ClientError,
    /// It was so before.
    NoChange,
    /// The mediator can't do it now.
    ServerError,
    /// It is done.
    Success,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paginate {
    /// How many at most.
    pub limit: usize,
    /// How many to leave out.
    pub offset: usize,
}

/// Which part of a list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pagination {
    /// How many there are in this part.
    pub count: usize,
    /// How many were left out, as was asked for. Where to go on follows from `count` (interop trap
    /// 40).
    pub offset: usize,
    /// How many come after it.
    pub remaining: usize,
}

impl Request {
    /// Updates of one request: 256.
    pub const UPDATES_MAX: usize = 256;

    /// Reads a request of either version.
    ///
    /// # Errors
    /// [`BodyError`]. Half of `paginate` is none (MED-04).
    pub fn read(message: &Plaintext) -> Result<(Version, Self), BodyError> {
        #[derive(Deserialize)]
        struct Updates {
            updates: Vec<Update>,
        }
        #[derive(Deserialize)]
        struct Query {
            #[serde(default)]
            paginate: Option<Paginate>,
        }
        let (version, kind) = kind_of(message)?;
        let request = match kind {
            Kind::MediateRequest => Self::Mediate,
            Kind::Query => Self::Query(body::<Query>(message)?.paginate),
            Kind::Update => {
                let Updates { updates } = body(message)?;
                if updates.len() > Self::UPDATES_MAX {
                    return Err(BodyError::Body);
                }
                Self::Update(updates)
            }
            _ => return Err(BodyError::Type),
        };
        Ok((version, request))
    }

    /// The request as a message. It asks for the reply on the same connection (MED-06).
    pub fn message(&self, version: Version, id: MessageId) -> Plaintext {
        let (kind, body) = match self {
            Self::Mediate => (Kind::MediateRequest, json!({})),
            Self::Query(None) => (Kind::Query, json!({})),
            Self::Query(Some(paginate)) => (Kind::Query, json!({"paginate": paginate})),
            Self::Update(updates) => (Kind::Update, json!({"updates": updates})),
        };
        let mut message = with_body(version, kind, id, body);
        message.return_route = ReturnRoute::All;
        message
    }
}

impl Update {
    /// Asks to take messages for a recipient in.
    pub fn add(recipient: &DidUrl) -> Self {
        Self {
            recipient_did: recipient.to_string(),
            action: ADD.to_owned(),
        }
    }

    /// Asks to take none for it in any more.
    pub fn remove(recipient: &DidUrl) -> Self {
        Self {
            recipient_did: recipient.to_string(),
            action: REMOVE.to_owned(),
        }
    }
}

impl Reply {
    /// Reads a reply of either version. `routing_did` may be text or an array in both (MED-02).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<(Version, Self), BodyError> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum RoutingDid {
            One(Did),
            Several(Vec<Did>),
        }
        #[derive(Deserialize)]
        struct Grant {
            routing_did: RoutingDid,
        }
        #[derive(Deserialize)]
        struct Recipient {
            recipient_did: DidUrl,
        }
        #[derive(Deserialize)]
        struct Recipients {
            #[serde(alias = "keys")]
            dids: Vec<Recipient>,
            #[serde(default)]
            pagination: Option<Pagination>,
        }
        #[derive(Deserialize)]
        struct Response {
            updated: Vec<Updated>,
        }
        let (version, kind) = kind_of(message)?;
        let reply = match kind {
            Kind::MediateDeny => Self::Deny,
            Kind::MediateGrant => Self::Grant {
                routing_did: match body::<Grant>(message)?.routing_did {
                    RoutingDid::One(did) => vec![did],
                    RoutingDid::Several(dids) if dids.is_empty() => return Err(BodyError::Body),
                    RoutingDid::Several(dids) => dids,
                },
            },
            Kind::Recipients => {
                let Recipients { dids, pagination } = body(message)?;
                let recipients = dids.into_iter().map(|one| one.recipient_did);
                Self::Recipients {
                    recipients: recipients.collect(),
                    pagination,
                }
            }
            Kind::Updated => Self::Updated(body::<Response>(message)?.updated),
            _ => return Err(BodyError::Type),
        };
        Ok((version, reply))
    }

    /// The reply as a message, in the words of a version and in the thread of the request (MED-06).
    pub fn answer(&self, version: Version, id: MessageId, to: &Plaintext) -> Plaintext {
        let (kind, body) = match self {
            Self::Deny => (Kind::MediateDeny, json!({})),
            Self::Grant { routing_did } => {
                let routing_did = match version {
                    Version::V2 => json!(routing_did.first()),
                    Version::V3 => json!(routing_did),
                };
                (Kind::MediateGrant, json!({"routing_did": routing_did}))
            }
            Self::Recipients {
                recipients,
                pagination,
            } => {
                let one = |recipient: &DidUrl| json!({"recipient_did": recipient});
                let list: Vec<Value> = recipients.iter().map(one).collect();
                let name = match version {
                    Version::V2 => "keys",
                    Version::V3 => "dids",
                };
                let mut body = json!({name: list});
                if let Some(pagination) = pagination {
                    body["pagination"] = json!(pagination);
                }
                (Kind::Recipients, body)
            }
            Self::Updated(updated) => (Kind::Updated, json!({"updated": updated})),
        };
        let mut message = with_body(version, kind, id, body);
        message.thid = Some(to.thread().clone());
        message
    }
}

/// A message of the protocol, whatever its version calls it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    MediateRequest,
    MediateDeny,
    MediateGrant,
    Query,
    Recipients,
    Update,
    Updated,
}

fn kind_of(message: &Plaintext) -> Result<(Version, Kind), BodyError> {
    let types = TYPES.iter();
    let mut known = types.filter(|(_, _, type_)| message.type_.is(type_));
    let found = known.next().map(|(version, kind, _)| (*version, *kind));
    found.ok_or(BodyError::Type)
}

fn body<T: DeserializeOwned>(message: &Plaintext) -> Result<T, BodyError> {
    serde_json::from_value(Value::Object(message.body.clone())).map_err(|_| BodyError::Body)
}

fn with_body(version: Version, kind: Kind, id: MessageId, body: Value) -> Plaintext {
    let mut types = TYPES.iter();
    let found =
        types.find(|(its_version, its_kind, _)| *its_version == version && *its_kind == kind);
    let (_, _, type_) = found.expect("every kind has a type in every version");
    let type_ = MessageType::parse(type_).expect("registered types are well formed");
    let mut message = Plaintext::new(id, type_);
    message.body = match body {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    message
}

/// What the versions call their messages.
#[rustfmt::skip]
const TYPES: [(Version, Kind, &str); 14] = [
    (Version::V2, Kind::MediateRequest, "https://didcomm.org/coordinate-mediation/2.0/mediate-request"),
    (Version::V2, Kind::MediateDeny, "https://didcomm.org/coordinate-mediation/2.0/mediate-deny"),
    (Version::V2, Kind::MediateGrant, "https://didcomm.org/coordinate-mediation/2.0/mediate-grant"),
    (Version::V2, Kind::Query, "https://didcomm.org/coordinate-mediation/2.0/keylist-query"),
    (Version::V2, Kind::Recipients, "https://didcomm.org/coordinate-mediation/2.0/keylist"),
    (Version::V2, Kind::Update, "https://didcomm.org/coordinate-mediation/2.0/keylist-update"),
    (Version::V2, Kind::Updated, "https://didcomm.org/coordinate-mediation/2.0/keylist-update-response"),
    (Version::V3, Kind::MediateRequest, "https://didcomm.org/coordinate-mediation/3.0/mediate-request"),
    (Version::V3, Kind::MediateDeny, "https://didcomm.org/coordinate-mediation/3.0/mediate-deny"),
    (Version::V3, Kind::MediateGrant, "https://didcomm.org/coordinate-mediation/3.0/mediate-grant"),
    (Version::V3, Kind::Query, "https://didcomm.org/coordinate-mediation/3.0/recipient-query"),
    (Version::V3, Kind::Recipients, "https://didcomm.org/coordinate-mediation/3.0/recipient"),
    (Version::V3, Kind::Update, "https://didcomm.org/coordinate-mediation/3.0/recipient-update"),
    (Version::V3, Kind::Updated, "https://didcomm.org/coordinate-mediation/3.0/recipient-update-response"),
];

const ADD: &str = "add";
const REMOVE: &str = "remove";

#[cfg(test)]
mod tests;
